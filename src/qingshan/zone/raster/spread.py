"""Counts brought to the grid so that none is lost: `sum`.

In one CRS the share of each source cell that overlaps a grid cell is exact (areas of rectangles). Across CRS every source
cell is spread over k x k points, each carrying 1/k2 of it; a point belongs to the one grid cell that holds it, so the total is
kept whatever the shape of the cells. Where the points fall inside the cell follows from its four corners, transformed
exactly; k is chosen so that their spacing is at most half a grid cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qingshan.core.canonical import digest

from .align import same_crs
from .grid import Grid, Window
from .lattice import SourceWindow, source_window, tile_shape, transformer
from .stored import HUGE, Stored
from .tiles import from_tiles

__all__ = ["Spread"]

LEAST_POINTS, MOST_POINTS = 4, 128


@dataclass(frozen=True)
class Spread:
    """A layer of counts on the grid, float64; NaN where no valid cell of the file reaches."""

    file: Stored
    grid: Grid
    given: float | None
    scale: tuple[float, float]
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype("float64")

    @property
    def nodata(self) -> float | None:
        return float("nan")

    @cached_property
    def tile(self) -> tuple[int, int]:
        return tile_shape(self.scale)

    @cached_property
    def token(self) -> str:
        grid = [self.grid.crs, self.grid.transform, self.grid.shape]
        return digest([self.file.path, self.file.stamp, self.file.band, "sum", str(self.given), grid])

    def read(self, window: Window) -> NDArray[np.float64]:
        return from_tiles(self, window)

    def make(self, window: Window) -> NDArray[np.float64]:
        """One tile."""
        place = source_window(self.file, self.grid, window, pad=2)
        if place is None:
            return np.full((window.height, window.width), np.nan)
        raw = self.file.read(place.window)
        values = raw.astype(np.float64)
        if self.given is not None:
            values[raw == raw.dtype.type(self.given)] = np.nan
        valid = np.abs(values) < HUGE
        share = self._by_rectangles if same_crs(self.file.crs, self.grid.crs) else self._by_points
        total, reached = share(np.where(valid, values, 0.0), valid, place, window)
        return np.where(reached > 0, total, np.nan)

    def _by_rectangles(
        self, values: NDArray[np.float64], valid: NDArray[np.bool_], place: SourceWindow, window: Window
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        a, _, west, _, e, north = self.grid.transform
        fa, _, fc, _, fe, ff = self.file.transform
        across = (west + a * np.arange(window.col, window.col + window.width + 1) - fc) / fa - place.window.col
        down = (north + e * np.arange(window.row, window.row + window.height + 1) - ff) / fe - place.window.row
        left, right = _overlap(down, values.shape[0]), _overlap(across, values.shape[1])
        return (right @ (left @ values).T).T, (right @ (left @ valid.astype(np.float64)).T).T

    def _by_points(
        self, values: NDArray[np.float64], valid: NDArray[np.bool_], place: SourceWindow, window: Window
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        col, row = self._corners(place)
        kx, ky = (int(np.clip(np.ceil(2 / s), LEAST_POINTS, MOST_POINTS)) for s in self.scale)
        total, reached = np.zeros((window.height, window.width)), np.zeros((window.height, window.width))
        _by_points(values, valid, col, row, kx, ky, window.row, window.col, total, reached)
        return total, reached

    def _corners(self, place: SourceWindow) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Columns and rows in the grid of the corners of the source cells."""
        fa, _, fc, _, fe, ff = self.file.transform
        a, _, west, _, e, north = self.grid.transform
        w = place.window
        x, y = np.meshgrid(
            fc + fa * np.arange(w.col, w.col + w.width + 1), ff + fe * np.arange(w.row, w.row + w.height + 1)
        )
        px, py = transformer(self.file.crs, self.grid.crs).transform(x, y)
        return (px - west) / a, (py - north) / e

    def identity(self) -> Mapping[str, Any]:
        return {**self.about, "resampling": "sum"}

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("tile", "token")}


@njit(nogil=True, cache=True)
def _by_points(values, valid, col, row, kx, ky, first_row, first_col, total, reached):
    """Add 1/(kx ky) of each source cell to the grid cell that holds each of its points.

    `col` and `row` count from the grid's corner, not the tile's, so that two tiles agree to which of them a point belongs.
    """
    height, width = total.shape
    for r in range(values.shape[0]):
        for c in range(values.shape[1]):
            if not valid[r, c]:
                continue
            part = values[r, c] / (kx * ky)
            for i in range(ky):
                v = (i + 0.5) / ky
                left, left_row = (1 - v) * col[r, c] + v * col[r + 1, c], (1 - v) * row[r, c] + v * row[r + 1, c]
                right = (1 - v) * col[r, c + 1] + v * col[r + 1, c + 1]
                right_row = (1 - v) * row[r, c + 1] + v * row[r + 1, c + 1]
                for j in range(kx):
                    u = (j + 0.5) / kx
                    x, y = (1 - u) * left + u * right, (1 - u) * left_row + u * right_row
                    i_col, i_row = np.floor(x) - first_col, np.floor(y) - first_row
                    if 0 <= i_col < width and 0 <= i_row < height:
                        total[int(i_row), int(i_col)] += part
                        reached[int(i_row), int(i_col)] += 1.0


def _overlap(edges: NDArray[Any], cells: int) -> Any:
    """Sparse (grid cells, source cells): the share of each source cell that lies between two following edges."""
    from scipy.sparse import coo_matrix  # noqa: PLC0415 - the extra geo

    low, high = np.minimum(edges[:-1], edges[1:]), np.maximum(edges[:-1], edges[1:])
    low, high = np.clip(low, 0, cells), np.clip(high, 0, cells)
    first = np.floor(low).astype(np.int64)
    count = np.maximum(np.ceil(high).astype(np.int64) - first, 0)
    grid = np.repeat(np.arange(len(count)), count)
    source = first[grid] + np.arange(len(grid)) - np.repeat(np.cumsum(count) - count, count)
    share = np.minimum(high[grid], source + 1) - np.maximum(low[grid], source)
    return coo_matrix((share, (grid, source)), shape=(len(count), cells)).tocsr()
