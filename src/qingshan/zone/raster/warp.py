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

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qingshan.core.canonical import digest
from qingshan.core.errors import ZoneError

from .align import same_crs, wider
from .grid import Grid, Window
from .sample import SAMPLERS, Points
from .source import Source
from .spread import Spread
from .stored import Stored, plain

__all__ = ["CLASS_RESAMPLING", "RESAMPLING", "SourceWindow", "Warped", "source_window", "warped"]

RESAMPLING = ("nearest", "bilinear", "average", "mode", "sum")
CLASS_RESAMPLING = ("nearest", "mode")
TILE_ROWS, TILE_COLS = 256, 1024
SOURCE_CELLS = 4_000_000
"""Most cells of the file read for one tile; tiles are made smaller where the file is much finer than the grid."""
TOLERANCE = 1e-3
"""Cells of the file by which a coordinate, interpolated between exact ones, may be off; where that fails all are exact."""
STEPS = (64, 32, 16, 8, 4, 2)
KEPT_BYTES = 48 << 20
_SAMPLES = 21


class _Tiles:
    """The last tiles made, for windows that overlap; shared by the threads of the process."""

    def __init__(self) -> None:
        self.lock, self.size = threading.Lock(), 0
        self.known: OrderedDict[tuple[str, int, int], NDArray[Any]] = OrderedDict()

    def get(self, key: tuple[str, int, int]) -> NDArray[Any] | None:
        with self.lock:
            found = self.known.get(key)
            if found is not None:
                self.known.move_to_end(key)
            return found

    def put(self, key: tuple[str, int, int], tile: NDArray[Any]) -> None:
        with self.lock:
            if key not in self.known:
                self.known[key] = tile
                self.size += tile.nbytes
            while self.size > KEPT_BYTES and len(self.known) > 1:
                self.size -= self.known.popitem(last=False)[1].nbytes


_KEPT = _Tiles()


class Tiled(Protocol):
    """A layer made of fixed tiles; `token` names its cells."""

    @property
    def grid(self) -> Grid: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    @property
    def tile(self) -> tuple[int, int]: ...

    @property
    def token(self) -> str: ...

    def make(self, window: Window) -> NDArray[Any]: ...


@dataclass(frozen=True)
class SourceWindow:
    """The cells of a file that a tile of the grid needs, and the transform of their first corner."""

    window: Window
    transform: tuple[float, float, float, float, float, float]


@lru_cache(maxsize=64)
def _transformer(source: str, target: str) -> Any:
    from pyproj import Transformer  # noqa: PLC0415 - the extra geo

    return Transformer.from_crs(source, target, always_xy=True)


def to_file(file: Stored, grid: Grid, x: NDArray[Any], y: NDArray[Any]) -> tuple[Any, Any]:
    """Column and row in the file (its first corner is 0, 0) of points in the grid's CRS; infinite where undefined."""
    if not same_crs(file.crs, grid.crs):
        x, y = _transformer(grid.crs, file.crs).transform(x, y)
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
        return values

    def identity(self) -> Mapping[str, Any]:
        return {**self.about, "resampling": self.resampling}

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("tile", "token")}


def from_tiles(layer: Tiled, window: Window) -> NDArray[Any]:
    """A window put together from the fixed tiles of the layer."""
    rows, cols = layer.tile
    grid, out = layer.grid, np.empty((window.height, window.width), layer.dtype)
    for i in range(window.row // rows, (window.row + window.height - 1) // rows + 1):
        top, bottom = max(window.row, i * rows), min(window.row + window.height, (i + 1) * rows)
        for j in range(window.col // cols, (window.col + window.width - 1) // cols + 1):
            left, right = max(window.col, j * cols), min(window.col + window.width, (j + 1) * cols)
            tile = _KEPT.get((layer.token, i, j))
            if tile is None:
                place = Window(i * rows, j * cols, min(rows, grid.height - i * rows), min(cols, grid.width - j * cols))
                tile = layer.make(place)
                _KEPT.put((layer.token, i, j), tile)
            out[top - window.row : bottom - window.row, left - window.col : right - window.col] = tile[
                top - i * rows : bottom - i * rows, left - j * cols : right - j * cols
            ]
    return out


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
