"""Values of a source window at given points: the kernels behind `warp.py`.

`none` is NoData of source and result (NaN in floating layers). Numba compiles the kernels once per type and lets other threads
run meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["SAMPLERS", "Points"]

Coordinates = NDArray[np.float64]
HALF = 0.5
"""Share of a box that must have data for a mean or mode to be given."""


@dataclass(frozen=True)
class Points:
    """Centres of grid cells in source cells (the first corner is 0, 0), and how many source cells a grid cell spans."""

    col: Coordinates
    row: Coordinates
    across: Coordinates
    down: Coordinates

    @classmethod
    def of(cls, col: Coordinates, row: Coordinates) -> Points:
        """From the centres of the cells and of one row and column more."""
        return cls(*(np.ascontiguousarray(part) for part in (col[:-1, :-1], row[:-1, :-1], _span(col), _span(row))))


def _span(at: Coordinates) -> Coordinates:
    here = at[:-1, :-1]
    return np.maximum(np.abs(at[:-1, 1:] - here), np.abs(at[1:, :-1] - here))


def nearest(source: NDArray[Any], at: Points, none: Any) -> NDArray[Any]:
    """The cell that holds the point; a point on a line belongs to the cell right of it or below."""
    height, width = source.shape
    col, row = at.col, at.row
    with np.errstate(invalid="ignore"):
        inside = (col >= 0) & (col < width) & (row >= 0) & (row < height)
    i, j = np.where(inside, row, 0).astype(np.int64), np.where(inside, col, 0).astype(np.int64)
    found: NDArray[Any] = np.where(inside, source[i, j], none)
    return found


def bilinear(source: NDArray[Any], at: Points, none: Any) -> NDArray[Any]:
    """Between the centres of the four cells around; neighbours without data leave their weight to the others."""
    out = np.empty(at.col.shape, source.dtype)
    _bilinear(source, at.col, at.row, out)
    return out


@njit(nogil=True, cache=True)
def _bilinear(source, col, row, out):
    height, width = source.shape
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            u, v = col[i, j], row[i, j]
            out[i, j] = np.nan
            if not (0 <= u < width and 0 <= v < height) or np.isnan(source[int(v), int(u)]):
                continue
            left, top = int(np.floor(u - 0.5)), int(np.floor(v - 0.5))
            right, down = u - 0.5 - left, v - 0.5 - top
            total, weight = 0.0, 0.0
            for r in range(2):
                for c in range(2):
                    y, x = top + r, left + c
                    if 0 <= y < height and 0 <= x < width and not np.isnan(source[y, x]):
                        w = (down if r else 1 - down) * (right if c else 1 - right)
                        total += w * source[y, x]
                        weight += w
            if weight > 0:
                out[i, j] = total / weight


def average(source: NDArray[Any], at: Points, none: Any) -> NDArray[Any]:
    """Mean over a box as wide as the grid cell."""
    out = np.empty(at.col.shape, source.dtype)
    _average(source, at.col, at.row, at.across, at.down, out)
    return out


@njit(nogil=True, cache=True)
def _average(source, col, row, across, down, out):
    height, width = source.shape
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            left, right = col[i, j] - across[i, j] / 2, col[i, j] + across[i, j] / 2
            top, bottom = row[i, j] - down[i, j] / 2, row[i, j] + down[i, j] / 2
            total, weight = 0.0, 0.0
            out[i, j] = np.nan
            if not (right > 0 and left < width and bottom > 0 and top < height):
                continue
            for y in range(max(int(np.floor(top)), 0), min(int(np.ceil(bottom)), height)):
                tall = min(bottom, y + 1.0) - max(top, y + 0.0)
                for x in range(max(int(np.floor(left)), 0), min(int(np.ceil(right)), width)):
                    if not np.isnan(source[y, x]):
                        w = tall * (min(right, x + 1.0) - max(left, x + 0.0))
                        total += w * source[y, x]
                        weight += w
            if weight >= HALF * (right - left) * (bottom - top) * (1 - 1e-9):
                out[i, j] = total / weight


def mode(source: NDArray[Any], at: Points, none: Any) -> NDArray[Any]:
    """The value with the largest overlap in a box as wide as the grid cell, of equals the smaller."""
    wide = source.astype(np.float64 if source.dtype.kind == "f" else np.int64)
    out = np.empty(at.col.shape, wide.dtype)
    missing = wide.dtype.type(none)
    _mode(wide, at.col, at.row, at.across, at.down, missing, out)
    return out.astype(source.dtype)


@njit(nogil=True, cache=True)
def _mode(source, col, row, across, down, none, out):
    height, width = source.shape
    room = (int(np.ceil(across.max())) + 2) * (int(np.ceil(down.max())) + 2)
    seen, weights = np.empty(room, source.dtype), np.empty(room)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            left, right = col[i, j] - across[i, j] / 2, col[i, j] + across[i, j] / 2
            top, bottom = row[i, j] - down[i, j] / 2, row[i, j] + down[i, j] / 2
            out[i, j] = none
            if not (right > 0 and left < width and bottom > 0 and top < height):
                continue
            count, covered = 0, 0.0
            for y in range(max(int(np.floor(top)), 0), min(int(np.ceil(bottom)), height)):
                tall = min(bottom, y + 1.0) - max(top, y + 0.0)
                for x in range(max(int(np.floor(left)), 0), min(int(np.ceil(right)), width)):
                    value = source[y, x]
                    if value == none or value != value:  # noqa: PLR0124 - NaN is not itself
                        continue
                    w = tall * (min(right, x + 1.0) - max(left, x + 0.0))
                    covered += w
                    k = 0
                    while k < count and seen[k] != value:
                        k += 1
                    if k == count:
                        seen[k], weights[k] = value, 0.0
                        count += 1
                    weights[k] += w
            if count == 0 or covered < HALF * (right - left) * (bottom - top) * (1 - 1e-9):
                continue
            best = 0
            for k in range(1, count):
                more = weights[k] - weights[best]
                if more > 1e-9 or (more > -1e-9 and seen[k] < seen[best]):
                    best = k
            out[i, j] = seen[best]


SAMPLERS: dict[str, Callable[[NDArray[Any], Points, Any], NDArray[Any]]] = {
    "nearest": nearest,
    "bilinear": bilinear,
    "average": average,
    "mode": mode,
}
