"""Layers of another CRS, resolution or lattice, brought to the zone grid tile by tile.

The grid is cut into fixed tiles that depend on the grid and the file alone, and each tile is computed from its own source
window. A cell therefore has the same value whatever window is asked for, to the byte.

    nearest    the source cell that holds the centre of the grid cell
    bilinear   between the four source cells around that centre; for fields that vary smoothly
    average    mean over a box as wide as the grid cell, source cells weighted by their overlap
    mode       the value with the largest overlap in that box; of equals the smaller one
    sum        counts, none lost: `spread.py`

NoData of the file takes no part. A cell is NoData where its centre falls on NoData or outside (nearest, bilinear), where
less than half of its box has data (average, mode), where no valid source cell reaches it (sum).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.canonical import digest
from qingshan.core.errors import ZoneError

from .align import wider
from .grid import Grid, Window
from .lattice import CLASS_RESAMPLING, RESAMPLING, coordinate_step, coordinates, local_scale, source_window, tile_shape
from .sample import SAMPLERS, Points
from .source import Source
from .spread import Spread
from .stored import HUGE, Stored, plain
from .tiles import from_tiles

__all__ = ["Warped", "warped"]


@dataclass(frozen=True)
class Warped:
    """A file warped to the grid. `given` is the file's NoData, `nodata` that of the layer."""

    file: Stored
    grid: Grid
    resampling: str
    type: str
    given: float | None
    nodata: float
    scale: tuple[float, float]
    step: int
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.type)

    @cached_property
    def tile(self) -> tuple[int, int]:
        return tile_shape(self.scale)

    @cached_property
    def token(self) -> str:
        grid = [self.grid.crs, self.grid.transform, self.grid.shape]
        return digest(
            [self.file.path, self.file.stamp, self.file.band, self.resampling, self.type, str(self.given), grid]
        )

    def read(self, window: Window) -> NDArray[Any]:
        return from_tiles(self, window)

    def make(self, window: Window) -> NDArray[Any]:
        """One tile, from its own source window."""
        place = source_window(self.file, self.grid, window, pad=2 + int(max(self.scale)))
        if place is None:
            return np.full((window.height, window.width), self.nodata, self.dtype)
        more = Window(window.row, window.col, window.height + 1, window.width + 1)  # neighbours, for the widths
        col, row = coordinates(self.file, self.grid, more, self.step)
        at = Points.of(col - place.window.col, row - place.window.row)
        return SAMPLERS[self.resampling](self._source(place.window), at, self.dtype.type(self.nodata))

    def _source(self, window: Window) -> NDArray[Any]:
        """Source cells in the type of the layer, its NoData in place of the file's."""
        raw = self.file.read(window)
        values = raw.astype(self.dtype)
        if self.given is not None and not (self.given == self.nodata and raw.dtype == self.dtype):
            values[raw == raw.dtype.type(self.given)] = self.nodata
        if raw.dtype.kind == "f":
            values[np.abs(raw) >= HUGE] = self.nodata
        return values

    def identity(self) -> Mapping[str, Any]:
        return {**self.about, "resampling": self.resampling}

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("tile", "token")}


def warped(
    entry: Mapping[str, Any], file: Stored, grid: Grid, nodata: float | None, about: Mapping[str, Any]
) -> Source:
    """The Source of an entry whose file does not lie on the grid. Raises `ZoneError`: no CRS, rotated, no resampling."""
    how = str(entry.get("resampling", ""))
    _refuse(entry, file, how)
    scale = local_scale(file, grid)
    if how == "sum":
        return Spread(file, grid, nodata, scale, about)
    if how in CLASS_RESAMPLING:
        dtype, none = (file.dtype, nodata) if nodata is not None else wider(file.dtype)
        if file.dtype.kind == "f":
            none = float("nan")
    else:
        small = file.dtype.itemsize <= 2 or file.dtype == np.float32
        dtype, none = np.dtype("float32" if small else "float64"), float("nan")
    assert none is not None
    return Warped(file, grid, how, dtype.name, nodata, none, scale, coordinate_step(file, grid), about)


def _refuse(entry: Mapping[str, Any], file: Stored, how: str) -> None:
    where, (a, b, _, d, e, _) = plain(file.path), file.transform
    if not file.crs:
        raise ZoneError(
            f"the raster {entry.get('id')!r} has no CRS.", f"栅格 {entry.get('id')!r} 没有坐标系。", where=where,
            fix="write the CRS into the file, or give `crs` in the [[raster]] entry"
            " / 为文件写入坐标系，或在 [[raster]] 中写明 crs",
        )  # fmt: skip
    if not file.placed:
        raise ZoneError(
            f"the raster {entry.get('id')!r} does not say where it lies.", f"栅格 {entry.get('id')!r} 没有定位信息。", where=where,
            fix="georeference it; a NetCDF needs coordinates with standard names"
            " / 先做地理配准；NetCDF 的坐标变量须带标准名称",
        )  # fmt: skip
    if b or d or not a or not e:
        raise ZoneError(
            f"the raster {entry.get('id')!r} is rotated or sheared: transform {file.transform}.",
            f"栅格 {entry.get('id')!r} 带有旋转或错切：变换参数 {file.transform}。",
            where=where,
            fix="warp it to a north-up lattice first / 先重采样为正北向上的格网",
        )
    if how not in RESAMPLING:
        raise ZoneError(
            f"the raster {entry.get('id')!r} does not lie on the grid and declares no resampling ({how!r}).",
            f"栅格 {entry.get('id')!r} 不在区域格网上，又没有写明 resampling（{how!r}）。",
            where=where,
            fix=f"one of {', '.join(RESAMPLING)}: nearest or mode for classes, sum for counts"
            f" / 写 {'、'.join(RESAMPLING)} 之一：类型用 nearest 或 mode，计数用 sum",
        )
    if entry.get("unit") == "class" and how not in CLASS_RESAMPLING:
        raise ZoneError(
            f"the classes of {entry.get('id')!r} cannot be resampled by {how}.",
            f"{entry.get('id')!r} 是类型，不能用 {how} 重采样。",
            where=where,
            fix="nearest or mode / 用 nearest 或 mode",
        )
