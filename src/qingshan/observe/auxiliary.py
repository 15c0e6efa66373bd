"""Rasters as auxiliaries of a model-assisted estimate: their values at the plots and their means over the whole area."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qingshan.core.errors import OutOfBounds
from qingshan.core.method import Array
from qingshan.zone.raster.grid import Grid, Window
from qingshan.zone.raster.source import Source

__all__ = ["auxiliaries", "cells_of"]

SIDE = 1024


def auxiliaries(layers: Sequence[Source], grid: Grid, x: Array, y: Array) -> tuple[Array, Array, float]:
    """Values at the plots (n, j), means over the area (j), and that area in hm2: the cells where every layer has data.

    `x` and `y` (n) are in the CRS of the grid. Means are weighted by the area of the cells. Raises `OutOfBounds` for a plot
    off the grid or on a cell without data, or layers that share no cell.
    """
    a, _, west, _, e, north = grid.transform
    col = np.floor((np.asarray(x, dtype=np.float64) - west) / a).astype(np.int64)
    row = np.floor((np.asarray(y, dtype=np.float64) - north) / e).astype(np.int64)
    off = np.flatnonzero((row < 0) | (row >= grid.height) | (col < 0) | (col >= grid.width))
    if off.size:
        raise OutOfBounds(
            f"plot {int(off[0]) + 1} lies off the grid.",
            f"第 {int(off[0]) + 1} 个样地不在格网内。",
            fix="check its coordinates and their CRS / 核对坐标和坐标系",
        )
    at = np.full((len(row), len(layers)), np.nan)
    sums, whole = np.zeros(len(layers)), 0.0
    for window in grid.blocks(SIDE, SIDE):
        cells = np.stack([cells_of(layer, window) for layer in layers])
        valid = np.isfinite(cells).all(0)
        weight = np.where(valid, grid.row_area[window.row : window.row + window.height, np.newaxis], 0.0)
        sums += (np.where(valid, cells, 0.0) * weight).sum((1, 2))
        whole += float(weight.sum())
        inside = _inside(row, col, window)
        at[inside] = np.where(valid, cells, np.nan)[:, row[inside] - window.row, col[inside] - window.col].T
    bare = np.flatnonzero(~np.isfinite(at).all(1))
    if bare.size or not whole:
        which = int(bare[0]) + 1 if bare.size else 0
        raise OutOfBounds(
            f"plot {which} lies where a layer has no data." if which else "the layers share no cell.",
            f"第 {which} 个样地处有图层无数据。" if which else "各图层没有共同的有效像元。",
            fix="fill the layer, or leave the plot out and say so / 补全图层，或剔除样地并说明",
        )
    return at, sums / whole, whole / 1e4


def cells_of(layer: Source, window: Window) -> Array:
    """Cells as float64, NaN where there is no data."""
    raw = layer.read(window)
    values = raw.astype(np.float64)
    if layer.nodata is not None:
        values[raw == layer.nodata] = np.nan
    return values


def _inside(row: NDArray[np.int64], col: NDArray[np.int64], window: Window) -> NDArray[np.int64]:
    rows = (row >= window.row) & (row < window.row + window.height)
    return np.flatnonzero(rows & (col >= window.col) & (col < window.col + window.width))
