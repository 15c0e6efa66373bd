"""Flow directions on filled terrain: to the steepest lower neighbour (D8), or shared among all lower ones (MFD).

D8 codes: 0-7 the neighbour (0 east, counter-clockwise), 8 an outlet, 255 NoData. MFD: eight shares of four bits in 32,
direction k in the bits from 4 k on; a share is its number over the sum of the eight; 0 an outlet, 2^32-1 NoData. This is how
pygeoprocessing keeps them, so directions of either program can be read by the other.

A level cell without a lower neighbour drains towards the nearest cell of its flat that does, counted in steps, straight
steps before diagonal ones: the same on every run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .fill import SEED

__all__ = ["NO_FLOW", "NO_SHARES", "OUTLET", "d8", "mfd"]

OUTLET, FLAT, NO_FLOW = 8, 9, 255
NO_SHARES = 2**32 - 1


@njit(nogil=True, cache=True)
def _steepest(z: Any, state: Any, sinks: Any, offsets: Any, inverse: Any, out: Any, first: int, last: int) -> None:
    for i in range(first, last):
        height = z[i]
        if np.isnan(height):
            out[i] = NO_FLOW
            continue
        best, code = 0.0, FLAT
        for k in range(8):
            n = z[i + offsets[k]]
            if n < height:
                fall = (np.float64(height) - np.float64(n)) * inverse[k]
                if fall > best:
                    best, code = fall, k
        if code == FLAT and state[i] == SEED:
            code = OUTLET
        if sinks.size and sinks[i]:
            code = OUTLET
        out[i] = code


@njit(nogil=True, cache=True)
def _drain_flats(z: Any, out: Any, offsets: Any) -> int:
    """Breadth first from the cells that drain into the flats around them; returns the level cells left undrained (0)."""
    ring, head, count = np.empty(1 << 16, np.uint32), 0, 0
    order = np.array([0, 2, 4, 6, 1, 3, 5, 7])
    flats = 0
    for i in range(out.size):
        if out[i] == FLAT:
            flats += 1
    if flats == 0:
        return 0
    for i in range(out.size):
        if out[i] > OUTLET:
            continue
        for k in range(8):
            n = i + offsets[k]
            if out[n] == FLAT and z[n] == z[i]:
                ring, head, count = _queued(ring, head, count, i)
                break
    while count > 0:
        c = np.int64(ring[head])
        head = (head + 1) & (ring.size - 1)
        count -= 1
        for q in range(8):
            k = order[q]
            n = c + offsets[k]
            if out[n] == FLAT and z[n] == z[c]:
                out[n] = (k + 4) & 7
                flats -= 1
                ring, head, count = _queued(ring, head, count, n)
    return flats


@njit(nogil=True, cache=True)
def _queued(ring: Any, head: int, count: int, cell: int) -> Any:
    if count == ring.size:
        wider = np.empty(ring.size * 2, np.uint32)
        for i in range(count):
            wider[i] = ring[(head + i) & (ring.size - 1)]
        ring, head = wider, 0
    ring[(head + count) & (ring.size - 1)] = cell
    return ring, head, count + 1


def d8(
    z: NDArray[np.float32], state: NDArray[np.uint8], sinks: NDArray[np.bool_], offsets: NDArray[np.int64],
    lengths: NDArray[np.float64],
) -> NDArray[np.uint8]:  # fmt: skip
    """Directions of a filled surface. `state` marks outlets, `sinks` (perhaps empty) cells where flow ends whatever is below."""
    out = np.full(z.size, NO_FLOW, np.uint8)
    rim = int(offsets.max())
    _steepest(z, state, sinks, offsets, 1.0 / lengths, out, rim, z.size - rim)
    left = _drain_flats(z, out, offsets)
    assert left == 0, "every flat of a filled surface has a way out"
    return out


@njit(nogil=True, cache=True)
def _shared(z: Any, direction: Any, offsets: Any, inverse: Any, out: Any) -> None:
    fall = np.empty(8)
    for i in range(z.size):
        code = direction[i]
        if code == NO_FLOW:
            out[i] = NO_SHARES
            continue
        if code == OUTLET:
            out[i] = 0
            continue
        height, total = np.float64(z[i]), 0.0
        for k in range(8):
            n = np.float64(z[i + offsets[k]])
            fall[k] = (height - n) * inverse[k] if n < height else 0.0
            total += fall[k]
        if total == 0.0:
            out[i] = np.uint32(15) << np.uint32(4 * code)
            continue
        packed = np.uint32(0)
        for k in range(8):
            if fall[k] > 0.0:
                packed |= np.uint32(int(0.5 + fall[k] / total * 15)) << np.uint32(4 * k)
        out[i] = packed


def mfd(z: NDArray[np.float32], direction: NDArray[np.uint8], offsets: NDArray[np.int64], lengths: NDArray[np.float64]) -> NDArray[np.uint32]:  # fmt: skip
    """Shares of a filled surface in proportion to the slopes down, on a fifteenth; level cells follow their D8 direction."""
    out = np.empty(z.size, np.uint32)
    _shared(z, direction, offsets, 1.0 / lengths, out)
    return out
