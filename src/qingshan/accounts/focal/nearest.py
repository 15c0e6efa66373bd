"""Effect of the nearest source at every cell, exact Euclidean distances up to a largest one.

Columns first: rows to the nearest source above or below. Then each row: the lower envelope of the parabolas that these
distances open (Meijster, Roerdink & Hesselink 2000; Felzenszwalb & Huttenlocher 2012). Squares of whole cells are exact,
so the result does not depend on how the grid is cut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["effect_of_nearest", "effect_table"]

LARGEST_TABLE = 4_000_000


def effect_table(
    effect: Callable[[NDArray[np.float64]], Any], reach: float, cell: tuple[float, float]
) -> NDArray[np.float32]:
    """`effect(metres)` by squared distance in cells, 0 .. (reach/cell)^2; empty where cells are not square or too many."""
    if cell[0] != cell[1] or (reach / cell[0]) ** 2 > LARGEST_TABLE:
        return np.empty(0, np.float32)
    squares = np.arange(int((reach / cell[0]) ** 2 * (1 + 1e-12)) + 1)
    return np.asarray(effect(np.sqrt(squares) * cell[0]), np.float32)


def effect_of_nearest(
    source: NDArray[np.bool_], effect: Callable[[NDArray[np.float64]], Any], table: NDArray[np.float32], reach: float,
    cell: tuple[float, float], rows: slice, cols: slice,
) -> NDArray[np.float32]:  # fmt: skip
    """Effect of the nearest source on the cells (`rows`, `cols`) of a block that reaches `reach` metres beyond them.

    `table` is that of `effect_table`. Shape of the result: (rows, cols), float32, 0 beyond the reach.
    """
    width, height = cell
    down = _columns(source, rows.start, rows.stop, int(reach / height * (1 + 1e-12)))
    out = np.zeros((rows.stop - rows.start, cols.stop - cols.start), np.float32)
    if len(table):
        _rows_by_table(down, cols.start, table, out)
        return out
    square = np.full(out.shape, np.inf)
    _rows_by_square(down, cols.start, width * width, height * height, square)
    near = square <= reach * reach * (1 + 1e-12)
    out[near] = effect(np.sqrt(square[near]))
    return out


@njit(nogil=True, cache=True)
def _columns(source, first, last, cap):  # pragma: no cover - compiled
    """Rows to the nearest source of the same column for rows first..last-1; `cap` + 1 where there is none within `cap`."""
    height, width = source.shape
    out = np.empty((last - first, width), np.int32)
    run = np.full(width, cap + 1, np.int32)
    for i in range(last):
        for j in range(width):
            run[j] = 0 if source[i, j] else min(run[j] + 1, cap + 1)
        if i >= first:
            for j in range(width):
                out[i - first, j] = run[j]
    run[:] = cap + 1
    for i in range(height - 1, first - 1, -1):
        for j in range(width):
            run[j] = 0 if source[i, j] else min(run[j] + 1, cap + 1)
        if i < last:
            for j in range(width):
                out[i - first, j] = min(out[i - first, j], run[j])
    for i in range(last - first):
        for j in range(width):
            if out[i, j] > cap:
                out[i, j] = -1
    return out


@njit(nogil=True, cache=True)
def _envelope(down, ax, ay, sites, starts):  # pragma: no cover - compiled
    """Columns whose parabola ax (j - s)^2 + ay down^2 is lowest somewhere, and the column from which each is; their number."""
    n = down.shape[0]
    count = 0
    for j in range(n):
        if down[j] < 0:
            continue
        fj = ay * down[j] * down[j]
        start = 0
        while count > 0:
            s = sites[count - 1]
            fs = ay * down[s] * down[s]
            start = int(np.floor((ax * (j * j - s * s) + fj - fs) / (2.0 * ax * (j - s)))) + 1
            if start > starts[count - 1]:
                break
            count -= 1
            start = 0
        if start < n:
            sites[count] = j
            starts[count] = max(start, 0)
            count += 1
    return count


@njit(nogil=True, cache=True)
def _rows_by_table(down, left, table, out):  # pragma: no cover - compiled
    n = down.shape[1]
    sites, starts = np.empty(n, np.int64), np.empty(n + 1, np.int64)
    largest = table.shape[0]
    width = out.shape[1]
    for i in range(out.shape[0]):
        count = _envelope(down[i], 1.0, 1.0, sites, starts)
        starts[count] = n
        for k in range(count):
            s = sites[k]
            add = np.int64(down[i, s]) * down[i, s]
            for j in range(max(starts[k], left), min(starts[k + 1], left + width)):
                square = (j - s) * (j - s) + add
                if square < largest:
                    out[i, j - left] = table[square]


@njit(nogil=True, cache=True)
def _rows_by_square(down, left, ax, ay, out):  # pragma: no cover - compiled
    n = down.shape[1]
    sites, starts = np.empty(n, np.int64), np.empty(n + 1, np.int64)
    width = out.shape[1]
    for i in range(out.shape[0]):
        count = _envelope(down[i], ax, ay, sites, starts)
        starts[count] = n
        for k in range(count):
            s = sites[k]
            add = ay * down[i, s] * down[i, s]
            for j in range(max(starts[k], left), min(starts[k + 1], left + width)):
                out[i, j - left] = ax * (j - s) * (j - s) + add
