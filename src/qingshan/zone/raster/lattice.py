"""Where the cells of the grid lie in a file of another lattice or CRS."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .align import same_crs
from .grid import Grid, Window
from .stored import Stored

__all__ = [
    "CLASS_RESAMPLING",
    "RESAMPLING",
    "SourceWindow",
    "coordinate_step",
    "coordinates",
    "local_scale",
    "source_window",
    "tile_shape",
    "to_file",
    "transformer",
]

RESAMPLING = ("nearest", "bilinear", "average", "mode", "sum")
CLASS_RESAMPLING = ("nearest", "mode")
TILE_ROWS, TILE_COLS = 256, 1024
SOURCE_CELLS = 4_000_000
"""Most cells of the file read for one tile; tiles are made smaller where the file is much finer than the grid."""
TOLERANCE = 1e-3
"""Cells of the file by which a coordinate, interpolated between exact ones, may be off; where that fails all are exact."""
STEPS = (64, 32, 16, 8, 4, 2)
_SAMPLES = 21


@dataclass(frozen=True)
class SourceWindow:
    """The cells of a file that a tile of the grid needs, and the transform of their first corner."""

    window: Window
    transform: tuple[float, float, float, float, float, float]


@lru_cache(maxsize=64)
def transformer(source: str, target: str) -> Any:
    from pyproj import Transformer  # noqa: PLC0415 - the extra geo

    return Transformer.from_crs(source, target, always_xy=True)


def to_file(file: Stored, grid: Grid, x: NDArray[Any], y: NDArray[Any]) -> tuple[Any, Any]:
    """Column and row in the file (its first corner is 0, 0) of points in the grid's CRS; infinite where undefined."""
    if not same_crs(file.crs, grid.crs):
        x, y = transformer(grid.crs, file.crs).transform(x, y)
    a, _, c, _, e, f = file.transform
    return (np.asarray(x) - c) / a, (np.asarray(y) - f) / e


def source_window(file: Stored, grid: Grid, window: Window, pad: int) -> SourceWindow | None:
    """What a warp of `window` reads: the box of its sampled points and `pad` cells around; None where the file is not."""
    a, _, west, _, e, north = grid.transform
    across = west + a * (window.col + np.linspace(0, window.width, _SAMPLES))
    down = north + e * (window.row + np.linspace(0, window.height, _SAMPLES))
    x, y = np.meshgrid(across, down)
    col, row = to_file(file, grid, x.ravel(), y.ravel())
    good = np.isfinite(col) & np.isfinite(row)
    if not good.any():
        return None
    left, right = int(np.floor(col[good].min())) - pad, int(np.ceil(col[good].max())) + pad
    top, bottom = int(np.floor(row[good].min())) - pad, int(np.ceil(row[good].max())) + pad
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, file.width), min(bottom, file.height)
    if right <= left or bottom <= top:
        return None
    fa, _, fc, _, fe, ff = file.transform
    return SourceWindow(
        Window(top, left, bottom - top, right - left), (fa, 0.0, fc + fa * left, 0.0, fe, ff + fe * top)
    )


def coordinates(file: Stored, grid: Grid, window: Window, step: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Column and row in the file of every cell centre of the window: exact at each `step`-th cell, linear between them."""
    a, _, west, _, e, north = grid.transform
    straight = same_crs(file.crs, grid.crs)
    if straight or step == 1:
        x = west + a * (window.col + np.arange(window.width) + 0.5)
        y = north + e * (window.row + np.arange(window.height) + 0.5)
        if straight:
            col, row = to_file(file, grid, x, y)
            return np.broadcast_arrays(col[None, :], row[:, None])  # type: ignore[return-value]
        return to_file(file, grid, *np.meshgrid(x, y))
    across, down = (np.arange(0, n + step, step) for n in (window.width, window.height))
    x, y = np.meshgrid(west + a * (window.col + across + 0.5), north + e * (window.row + down + 0.5))
    col, row = to_file(file, grid, x, y)
    if not (np.isfinite(col).all() and np.isfinite(row).all()):
        return coordinates(file, grid, window, 1)
    return _between(col, step, window), _between(row, step, window)


def _between(values: NDArray[np.float64], step: int, window: Window) -> NDArray[np.float64]:
    i, j = np.arange(window.height), np.arange(window.width)
    top, left = i // step, j // step
    down, right = ((i % step) / step)[:, None], (j % step) / step
    upper, lower = values[top], values[top + 1]
    tall = upper + (lower - upper) * down
    found: NDArray[np.float64] = tall[:, left] + (tall[:, left + 1] - tall[:, left]) * right
    return found


def coordinate_step(file: Stored, grid: Grid) -> int:
    """The widest step whose linear coordinates are within `TOLERANCE`, tried at nine places of the grid; else 1."""
    if same_crs(file.crs, grid.crs):
        return 1
    for step in STEPS:
        worst = 0.0
        for row in (0, grid.height // 2, max(grid.height - step, 0)):
            for col in (0, grid.width // 2, max(grid.width - step, 0)):
                window = Window(row, col, step, step)
                near, exact = coordinates(file, grid, window, step), coordinates(file, grid, window, 1)
                for p, q in zip(near, exact, strict=True):
                    worst = max(worst, float(np.abs(p - q).max()))
        if worst <= TOLERANCE:
            return step
    return 1


def local_scale(file: Stored, grid: Grid) -> tuple[float, float]:
    """Cells of the file that one cell of the grid spans, across and down, at the middle of the grid."""
    a, _, west, _, e, north = grid.transform
    x, y = west + a * grid.width / 2, north + e * grid.height / 2
    col, row = to_file(file, grid, np.array([x, x + a, x]), np.array([y, y, y + e]))
    if not (np.isfinite(col).all() and np.isfinite(row).all()):
        return 1.0, 1.0
    return (
        max(abs(col[1] - col[0]), abs(col[2] - col[0]), 1e-6),
        max(abs(row[1] - row[0]), abs(row[2] - row[0]), 1e-6),
    )


def tile_shape(scale: tuple[float, float]) -> tuple[int, int]:
    """Rows and columns of a tile: the usual ones, halved until its source window is small enough."""
    rows, cols = TILE_ROWS, TILE_COLS
    while rows * cols * scale[0] * scale[1] > SOURCE_CELLS and rows * cols > 1:
        rows, cols = (rows, cols // 2) if cols > rows else (rows // 2, cols)
    return max(rows, 1), max(cols, 1)
