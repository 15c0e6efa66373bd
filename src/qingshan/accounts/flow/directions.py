"""Flow directions on filled terrain: to the steepest lower neighbour (D8), or shared among all lower ones (MFD).

D8 codes: 0-7 the neighbour (0 east, counter-clockwise), 8 an outlet, 255 NoData. MFD: eight shares of four bits in 32,
direction k in the bits from 4 k on; a share is its number over the sum of the eight; 0 an outlet, 2^32-1 NoData. This is how
pygeoprocessing keeps them, so directions of either program can be read by the other.

A level cell without a lower neighbour drains along its flat towards the nearest cell that has one, by distance in straight and
diagonal steps; a cell beside the rim or NoData lets a flat out only where nothing lower does. Ties go to the cell that was reached
first in reading order, so a run repeats itself to the bit. Steps are added up one by one in float64, as pygeoprocessing adds them:
ways of the same steps in another order may differ in the last bit, and that bit decides as it does there. With shares, a level
cell gives to all neighbours nearer to the way out, in proportion to the inverse of the step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .fill import SEED
from .lattice import Lattice

__all__ = ["NO_FLOW", "NO_SHARES", "OUTLET", "d8", "mfd"]

OUTLET, FLAT, NO_FLOW = 8, 9, 255
NO_SHARES = 2**32 - 1


ROOT_TWO = 2**0.5
UNSEEN = 2**32 - 1


@njit(nogil=True, cache=True)
def _steepest(z: Any, sinks: Any, offsets: Any, inverse: Any, out: Any, first: int, last: int) -> None:
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
        if sinks.size and sinks[i] == 1:
            code = OUTLET
        out[i] = code


@njit(nogil=True, cache=True)
def _far(way: Any) -> float:
    """Length of a way in cells: straight steps in the lower half, diagonal ones in the upper."""
    if way == np.uint32(UNSEEN):
        return np.inf
    return (way & np.uint32(0xFFFF)) + (way >> np.uint32(16)) * ROOT_TWO


@njit(nogil=True, cache=True)
def _drain_flats(z: Any, state: Any, out: Any, way: Any, offsets: Any) -> None:
    """Direct every flat; `way` keeps the steps to its way out (while a flat is worked on: the number of a cell in it)."""
    flat, ring = np.empty(1 << 12, np.uint32), np.empty(1 << 12, np.uint32)
    steps, far = np.empty(1 << 12, np.uint32), np.empty(1 << 12, np.float64)
    for start in range(out.size):
        if out[start] != FLAT or way[start] != np.uint32(UNSEEN):
            continue
        flat, count = _connected(z, way, offsets, flat, start)
        if count > far.size:
            steps, far = np.empty(flat.size, np.uint32), np.empty(flat.size, np.float64)
        far[:count] = np.inf
        head, waiting = 0, 0
        for lowered in (True, False):
            for a in range(count):
                c = np.int64(flat[a])
                if (out[c] != FLAT) if lowered else (state[c] == SEED):
                    if not lowered:
                        out[c] = OUTLET
                    steps[a], far[a] = 0, 0.0
                    ring, head, waiting = _queued(ring, head, waiting, c)
            if waiting > 0:
                break
        assert waiting > 0, "every flat of a filled surface has a way out"
        ring = _spread(z, way, offsets, out, steps, far, ring, head, waiting)
        for a in range(count):
            way[np.int64(flat[a])] = steps[a]


@njit(nogil=True, cache=True)
def _spread(z: Any, way: Any, offsets: Any, out: Any, steps: Any, far: Any, ring: Any, head: int, waiting: int) -> Any:
    """From the ways out that wait in `ring` to all cells of their flat, numbered by `way`; the ring, perhaps wider."""
    while waiting > 0:
        c = np.int64(ring[head])
        head = (head + 1) & (ring.size - 1)
        waiting -= 1
        a = way[c]
        for k in range(8):
            n = c + offsets[k]
            if z[n] == z[c]:
                b, longer = way[n], far[a] + (ROOT_TWO if k & 1 else 1.0)
                if longer < far[b]:
                    steps[b], far[b] = steps[a] + np.uint32(65536 if k & 1 else 1), longer
                    out[n] = (k + 4) & 7
                    ring, head, waiting = _queued(ring, head, waiting, n)
    return ring


@njit(nogil=True, cache=True)
def _connected(z: Any, way: Any, offsets: Any, flat: Any, start: int) -> Any:
    """All cells at the height of `start` joined to it, breadth first, and how many they are; `way` gets their numbers."""
    flat[0], count, at = start, 1, 0
    way[start] = 0
    while at < count:
        c = np.int64(flat[at])
        at += 1
        if count + 8 > flat.size:
            wider = np.empty(flat.size * 2, np.uint32)
            wider[:count] = flat[:count]
            flat = wider
        for k in range(8):
            n = c + offsets[k]
            if z[n] == z[c] and way[n] == np.uint32(UNSEEN):
                way[n] = count
                flat[count] = n
                count += 1
    return flat, count


@njit(nogil=True, cache=True)
def _queued(ring: Any, head: int, count: int, cell: Any) -> Any:
    if count == ring.size:
        wider = np.empty(ring.size * 2, np.uint32)
        for i in range(count):
            wider[i] = ring[(head + i) & (ring.size - 1)]
        ring, head = wider, 0
    ring[(head + count) & (ring.size - 1)] = cell
    return ring, head, count + 1


def d8(
    z: NDArray[np.float32], state: NDArray[np.uint8], sinks: NDArray[np.uint8], lattice: Lattice, workers: int | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:  # fmt: skip
    """Directions of a filled surface, and the way out of every level cell (for `mfd`).

    `state` marks outlets, `sinks` (perhaps empty) is 1 where flow ends whatever is below.
    """
    offsets, inverse = lattice.offsets, 1.0 / lattice.lengths()
    out, way = lattice.full(NO_FLOW, np.uint8), lattice.full(UNSEEN, np.uint32)
    lattice.rows(lambda a, b: _steepest(z, sinks, offsets, inverse, out, a, b), workers)
    _drain_flats(z, state, out, way, offsets)
    return out, way


@njit(nogil=True, cache=True)
def _shared(z: Any, direction: Any, way: Any, offsets: Any, inverse: Any, out: Any, first: int, last: int) -> None:
    fall = np.empty(8)
    for i in range(first, last):
        code = direction[i]
        if code >= OUTLET:
            out[i] = NO_SHARES if code == NO_FLOW else 0
            continue
        height, total = np.float64(z[i]), 0.0
        for k in range(8):
            n = np.float64(z[i + offsets[k]])
            fall[k] = (height - n) * inverse[k] if n < height else 0.0
            total += fall[k]
        if total == 0.0:
            far = _far(way[i])
            for k in range(8):
                n = i + offsets[k]
                fall[k] = inverse[k] if z[n] == z[i] and _far(way[n]) < far else 0.0
                total += fall[k]
        packed = np.uint32(0)
        for k in range(8):
            if fall[k] > 0.0:
                packed |= np.uint32(int(0.5 + fall[k] / total * 15)) << np.uint32(4 * k)
        out[i] = packed


def mfd(
    z: NDArray[np.float32], direction: NDArray[np.uint8], way: NDArray[np.uint32], lattice: Lattice, workers: int | None = None
) -> NDArray[np.uint32]:  # fmt: skip
    """Shares of a filled surface in proportion to the slopes down, on a fifteenth."""
    offsets, inverse = lattice.offsets, 1.0 / lattice.lengths()
    out = lattice.full(NO_SHARES, np.uint32)
    lattice.rows(lambda a, b: _shared(z, direction, way, offsets, inverse, out, a, b), workers)
    return out
