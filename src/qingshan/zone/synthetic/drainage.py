"""Which way water runs on a coarse surface, and what it carves: the drainage that the synthetic terrain is built on.

Heights are set by the steady state of stream-power incision (Whipple & Tucker 1999, J. Geophys. Res. 104(B8):17661):
slope = steepness/sqrt(area), kept below a talus slope. Flow is routed by priority flood (Barnes, Lehman & Mulla 2014,
Comput. Geosci. 62:117) with the steepest descent among the cells already drained. Own code, one thread, fixed order.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["above_river", "accumulate", "carve", "drain", "smooth"]

LIFT = np.float32(1e-3)  # m by which a flooded cell stands above the one it drains to
TALUS = 0.75  # steepest slope that holds
HILLSLOPE = 5.0e4  # m2 of catchment below which slopes do not steepen further


@njit(nogil=True, cache=True, error_model="numpy")
def drain(height: NDArray[np.float32], order: NDArray[np.int32], receiver: NDArray[np.int32]) -> None:
    """Fill the pits of `height` in place; write the cells from the rim inwards and the cell each one drains to (-1: rim)."""
    rows, cols = height.shape
    count = rows * cols
    h = height.ravel()
    keys, cells = np.empty(count, np.float32), np.empty(count, np.int32)
    state = np.zeros(count, np.uint8)  # 1 waiting, 2 drained
    size = 0
    for cell in range(count):
        row, col = cell // cols, cell % cols
        if row == 0 or col == 0 or row == rows - 1 or col == cols - 1:
            size = _push(keys, cells, size, h[cell], cell)
            state[cell] = 1
    done = 0
    while size:
        cell = cells[0]
        size = _pop(keys, cells, size)
        state[cell] = 2
        order[done] = cell
        done += 1
        row, col = cell // cols, cell % cols
        best, steepest = -1, np.float32(0.0)
        rim = row == 0 or col == 0 or row == rows - 1 or col == cols - 1
        for dr in range(-1, 2):
            for dc in range(-1, 2):
                r, c = row + dr, col + dc
                if (dr == 0 and dc == 0) or r < 0 or c < 0 or r >= rows or c >= cols:
                    continue
                near = r * cols + c
                if state[near] == 0:
                    h[near] = max(h[near], h[cell] + LIFT)
                    size = _push(keys, cells, size, h[near], near)
                    state[near] = 1
                elif state[near] == 2 and not rim:
                    slope = (h[cell] - h[near]) * (np.float32(1.0) if dr == 0 or dc == 0 else np.float32(0.70710678))
                    if slope > steepest:
                        best, steepest = near, slope
        receiver[cell] = best


@njit(nogil=True, cache=True, error_model="numpy", inline="always")
def _before(keys: NDArray[np.float32], cells: NDArray[np.int32], a: int, b: int) -> bool:
    return keys[a] < keys[b] or (keys[a] == keys[b] and cells[a] < cells[b])


@njit(nogil=True, cache=True, error_model="numpy")
def _push(keys: NDArray[np.float32], cells: NDArray[np.int32], size: int, key: float, cell: int) -> int:
    keys[size], cells[size] = key, cell
    at = size
    while at:
        above = (at - 1) >> 1
        if not _before(keys, cells, at, above):
            break
        keys[at], keys[above] = keys[above], keys[at]
        cells[at], cells[above] = cells[above], cells[at]
        at = above
    return size + 1


@njit(nogil=True, cache=True, error_model="numpy")
def _pop(keys: NDArray[np.float32], cells: NDArray[np.int32], size: int) -> int:
    size -= 1
    keys[0], cells[0] = keys[size], cells[size]
    at = 0
    while True:
        below = 2 * at + 1
        if below >= size:
            return size
        if below + 1 < size and _before(keys, cells, below + 1, below):
            below += 1
        if not _before(keys, cells, below, at):
            return size
        keys[at], keys[below] = keys[below], keys[at]
        cells[at], cells[below] = cells[below], cells[at]
        at = below


@njit(nogil=True, cache=True, error_model="numpy")
def accumulate(order: NDArray[np.int32], receiver: NDArray[np.int32], cell_area: float) -> NDArray[np.float64]:
    """Catchment of each cell, itself included, in the unit of `cell_area`."""
    area = np.full(order.size, cell_area)
    for at in range(order.size - 1, -1, -1):
        cell = order[at]
        if receiver[cell] >= 0:
            area[receiver[cell]] += area[cell]
    return area


@njit(nogil=True, cache=True, error_model="numpy")
def carve(
    height: NDArray[np.float32],
    order: NDArray[np.int32],
    receiver: NDArray[np.int32],
    area: NDArray[np.float64],
    steepness: NDArray[np.float32],
    side: float,
    share: float,
) -> None:
    """Move heights towards the steady state by `share` (1: reach it); the rim stays. `side` is the cell in m, areas in m2."""
    cols = height.shape[1]
    h, k = height.ravel(), steepness.ravel()
    for at in range(order.size):
        cell = order[at]
        to = receiver[cell]
        if to < 0:
            continue
        straight = cell // cols == to // cols or cell % cols == to % cols
        run = side if straight else side * 1.4142135623730951
        slope = min(TALUS, k[cell] / np.sqrt(area[cell] + HILLSLOPE))
        h[cell] += share * (h[to] + slope * run - h[cell])


@njit(nogil=True, cache=True, error_model="numpy")
def smooth(height: NDArray[np.float32], area: NDArray[np.float64], limit: float, share: float) -> NDArray[np.float32]:
    """One step of hillslope creep: cells with a catchment below `limit` move towards the mean of their four neighbours."""
    rows, cols = height.shape
    out = height.copy()
    for r in range(1, rows - 1):
        for c in range(1, cols - 1):
            if area[r * cols + c] < limit:
                mean = (height[r - 1, c] + height[r + 1, c] + height[r, c - 1] + height[r, c + 1]) * np.float32(0.25)
                out[r, c] = height[r, c] + np.float32(share) * (mean - height[r, c])
    return out


@njit(nogil=True, cache=True, error_model="numpy")
def above_river(
    height: NDArray[np.float32],
    order: NDArray[np.int32],
    receiver: NDArray[np.int32],
    area: NDArray[np.float64],
    river: float,
    upland: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Height of each cell above the river it drains to, m, and the catchment of that river there, m2.

    A river is a cell with a catchment of at least `river` m2. Cells that leave over the rim without meeting one stand
    `upland` m above none.
    """
    h = height.ravel()
    base = np.empty(order.size, np.float32)
    above, size = np.empty(order.size, np.float32), np.zeros(order.size, np.float32)
    for at in range(order.size):
        cell = order[at]
        to = receiver[cell]
        if area[cell] >= river:
            base[cell], size[cell], above[cell] = h[cell], area[cell], 0.0
        elif to < 0:
            base[cell], size[cell], above[cell] = h[cell] - np.float32(upland), 0.0, upland
        else:
            base[cell], size[cell] = base[to], size[to]
            above[cell] = max(np.float32(0.0), h[cell] - base[cell])
    return above.reshape(height.shape), size.reshape(height.shape)
