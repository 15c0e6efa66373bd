"""Filling depressions by a priority flood, with depressions that may stay (karst).

The filled level of a cell is the least height one must climb on any way to an outlet; it is unique, whatever the order of
the flood. Outlets are the cells beside the grid's rim or NoData and the cells of a sink mask. From the lowest open cell
the flood goes down into depressions at its own level and up slopes without a queue; only a cell above unvisited lower
ground waits in the queue (Zhou, Sun & Fu 2016, Computers & Geosciences 90:87-96; Barnes, Lehman & Mulla 2014, 62:117-127).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .lattice import Lattice

__all__ = ["NEW", "NONE", "SEED", "fill", "inner_ends", "seeds"]

NEW, DONE, SEED, NONE = 0, 1, 2, 255


@njit(nogil=True, cache=True)
def seeds(z: Any, state: Any, offsets: Any) -> None:
    """Mark cells without height (NaN) as none, cells beside them as outlets; sinks keep their mark."""
    for i in range(z.size):
        if np.isnan(z[i]):
            state[i] = NONE
    low, high = -offsets.min(), z.size - offsets.max()
    for i in range(low, high):
        if state[i] == NEW:
            for k in range(8):
                if state[i + offsets[k]] == NONE:
                    state[i] = SEED
                    break


@njit(nogil=True, cache=True, inline="always")
def _key(bits: Any, i: Any) -> Any:
    """Height and cell number in one integer that orders like the height."""
    b = np.uint64(bits)
    b = b ^ np.uint64(0xFFFFFFFF) if b >> np.uint64(31) else b | np.uint64(0x80000000)
    return (b << np.uint64(32)) | np.uint64(i)


@njit(nogil=True, cache=True)
def _push(heap: Any, count: int, key: Any) -> Any:
    if count == heap.size:
        wider = np.empty(heap.size * 2, np.uint64)
        wider[:count] = heap
        heap = wider
    at = count
    while at > 0:
        parent = (at - 1) >> 2
        if heap[parent] <= key:
            break
        heap[at] = heap[parent]
        at = parent
    heap[at] = key
    return heap


@njit(nogil=True, cache=True)
def _pop(heap: Any, count: int) -> Any:
    """The least key; `count` is the number left afterwards."""
    top, key, at = heap[0], heap[count], 0
    while True:
        child = 4 * at + 1
        if child >= count:
            break
        least = child
        for other in range(child + 1, min(child + 4, count)):
            if heap[other] < heap[least]:
                least = other
        if heap[least] >= key:
            break
        heap[at] = heap[least]
        at = least
    heap[at] = key
    return top


@njit(nogil=True, cache=True)
def _wider(stack: Any) -> Any:
    wider = np.empty(stack.size * 2, np.uint32)
    wider[: stack.size] = stack
    return wider


@njit(nogil=True, cache=True)
def _flood(z: Any, bits: Any, state: Any, offsets: Any) -> None:  # noqa: PLR0912, PLR0915 - one loop, compiled
    heap, count = np.empty(1 << 16, np.uint64), 0
    pond, ponded = np.empty(1 << 12, np.uint32), 0
    slope, sloped = np.empty(1 << 12, np.uint32), 0
    edge = np.empty(1 << 12, np.uint32)
    for i in range(z.size):
        if state[i] == SEED:
            heap = _push(heap, count, _key(bits[i], i))
            count += 1
    low = np.uint64(0xFFFFFFFF)
    while count > 0:
        count -= 1
        pond[0] = np.uint32(_pop(heap, count) & low)
        ponded, sloped = 1, 0
        level = z[pond[0]]
        while ponded > 0:
            ponded -= 1
            c = np.int64(pond[ponded])
            if ponded + 8 > pond.size:
                pond = _wider(pond)
            if sloped + 8 > slope.size:
                slope = _wider(slope)
            for k in range(8):
                n = c + offsets[k]
                if state[n] == NEW:
                    state[n] = DONE
                    if z[n] <= level:
                        z[n] = level
                        pond[ponded] = n
                        ponded += 1
                    else:
                        slope[sloped] = n
                        sloped += 1
        above = 0
        while sloped > 0:
            sloped -= 1
            c = np.int64(slope[sloped])
            height, spills = z[c], False
            if sloped + 8 > slope.size:
                slope = _wider(slope)
            for k in range(8):
                n = c + offsets[k]
                if state[n] == NEW:
                    if z[n] > height:
                        state[n] = DONE
                        slope[sloped] = n
                        sloped += 1
                    else:
                        spills = True
            if spills:
                if above == edge.size:
                    edge = _wider(edge)
                edge[above] = c
                above += 1
        for a in range(above):  # by now most of them have been surrounded
            c = np.int64(edge[a])
            for k in range(8):
                if state[c + offsets[k]] == NEW:
                    heap = _push(heap, count, _key(bits[c], c))
                    count += 1
                    break


@njit(nogil=True, cache=True)
def _kept(z: Any, ground: Any, state: Any, seen: Any, offsets: Any, deepest: float, largest: int) -> int:
    """Make the lowest cell of every depression deeper than `deepest` or of more than `largest` cells a sink."""
    found = 0
    stack = np.empty(1 << 12, np.uint32)
    for first in range(z.size):
        if seen[first] or not z[first] > ground[first]:
            continue
        stack[0], count, cells, lowest = first, 1, 0, np.int64(first)
        seen[first] = True
        while count > 0:
            count -= 1
            c = np.int64(stack[count])
            cells += 1
            if ground[c] < ground[lowest] or (ground[c] == ground[lowest] and c < lowest):
                lowest = c
            if count + 8 > stack.size:
                stack = _wider(stack)
            for k in range(8):
                n = c + offsets[k]
                if not seen[n] and z[n] > ground[n]:
                    seen[n] = True
                    stack[count] = n
                    count += 1
        if z[lowest] - ground[lowest] > deepest or cells > largest:
            state[lowest] = SEED
            found += 1
    return found


@njit(nogil=True, cache=True)
def _fresh(state: Any) -> None:
    for i in range(state.size):
        if state[i] == DONE:
            state[i] = NEW


@njit(nogil=True, cache=True)
def inner_ends(direction: Any, ends: Any) -> None:
    """From the outlets that `seeds` marks to where else flow ends: 1 there, 255 without height."""
    for i in range(ends.size):
        if direction[i] == 255:
            ends[i] = 255
        else:
            ends[i] = 1 if direction[i] == 8 and ends[i] != SEED else 0


def fill(
    z: NDArray[np.float32], state: NDArray[np.uint8], lattice: Lattice, *, deepest: float = np.inf, largest: float = np.inf
) -> None:  # fmt: skip
    """Fill `z` in place. `state` holds `SEED` on sinks, else `NEW`; on return `SEED` marks every outlet, `NONE` NoData.

    A depression deeper than `deepest` (m) or of more than `largest` cells stays: its lowest cell becomes an outlet, and
    only smaller hollows inside it are filled.
    """
    offsets = lattice.offsets
    seeds(z, state, offsets)
    limited = np.isfinite(deepest) or np.isfinite(largest)
    ground = z
    if limited:
        ground, seen = lattice.full(0, np.float32), lattice.full(False, np.bool_)
        ground[:] = z
    while True:
        _flood(z, z.view(np.uint32), state, offsets)
        _fresh(state)
        if not limited or not _kept(z, ground, state, seen, offsets, deepest, int(min(largest, 2**62))):
            return
        seen.fill(False)
        z[:] = ground
