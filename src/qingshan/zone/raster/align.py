"""Layers brought to the zone grid: read as they lie where lattices agree, their unit and type settled here.

`Aligned` is a plain read, with nothing between the file and the engine. `Converted` turns stored values into the unit asked
for. Warping is `warp.py`. All are Sources: immutable, picklable, read from any thread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .grid import Grid, Window
from .source import Source
from .stored import HUGE, Stored, Transform

__all__ = ["Aligned", "Converted", "Recoded", "lattice_offset", "same_crs"]

LATTICE = 1e-3
"""Two lattices are one where no cell corner differs by more than this share of a cell."""

Table = tuple[tuple[int, int], ...]


@lru_cache(maxsize=256)
def same_crs(left: str, right: str) -> bool:
    """Whether two CRS are the same but for the order of axes, which rasters do not follow."""
    from pyproj import CRS  # noqa: PLC0415 - the extra geo

    a, b = CRS.from_user_input(left), CRS.from_user_input(right)
    if a.equals(b, ignore_axis_order=True):
        return True
    how_a, how_b = (c.coordinate_operation.method_name if c.coordinate_operation else "" for c in (a, b))
    if a.is_geographic != b.is_geographic or how_a != how_b:
        return False
    code = a.to_epsg()  # a WKT without code whose names differ: identified by its parameters
    return code is not None and code == b.to_epsg()


def lattice_offset(file: Stored, grid: Grid, transform: Transform | None = None) -> tuple[int, int] | None:
    """Row and column of the grid's first cell in the file, where both have one lattice in one CRS; else None."""
    a, b, c, d, e, f = transform or file.transform
    x, _, west, _, y, north = grid.transform
    if b or d or a <= 0 or e >= 0 or not file.crs or not same_crs(file.crs, grid.crs):
        return None
    drift = max(abs(a - x) * file.width / x, abs(e - y) * file.height / abs(y))
    col, row = (west - c) / x, (north - f) / y
    off = max(abs(col - round(col)), abs(row - round(row)))
    return (round(row), round(col)) if drift <= LATTICE and off <= LATTICE else None


def wider(dtype: np.dtype[Any]) -> tuple[np.dtype[Any], float]:
    """A type that holds all values of `dtype` and one value more, which then stands for NoData."""
    if dtype.kind == "f":
        return dtype, float("nan")
    for name in ("int16", "int32", "int64"):
        if np.iinfo(name).max >= np.iinfo(dtype).max and np.dtype(name).itemsize > dtype.itemsize:
            return np.dtype(name), float(np.iinfo(name).min)
    return np.dtype("float64"), float("nan")


@dataclass(frozen=True)
class Aligned:
    """A file on the lattice of the grid, whole or in part: cells outside the file are NoData.

    `row`, `col`: where the grid's first cell lies in the file. `filled` is the type and NoData of the layer.
    """

    file: Stored
    grid: Grid
    row: int
    col: int
    type: str
    nodata: float | None
    about: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, file: Stored, grid: Grid, at: tuple[int, int], nodata: float | None, about: Mapping[str, Any]
    ) -> Aligned:
        row, col = at
        inside = row >= 0 and col >= 0 and row + grid.height <= file.height and col + grid.width <= file.width
        dtype = file.dtype
        if not inside and nodata is None:
            dtype, nodata = wider(dtype)
        return cls(file, grid, row, col, dtype.name, nodata, about)

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.type)

    def read(self, window: Window) -> NDArray[Any]:
        row, col = window.row + self.row, window.col + self.col
        top, left = max(row, 0), max(col, 0)
        bottom, right = min(row + window.height, self.file.height), min(col + window.width, self.file.width)
        if (top, left, bottom, right) == (row, col, row + window.height, col + window.width):
            values = self.file.read(Window(top, left, window.height, window.width))
            return values if values.dtype == self.dtype else values.astype(self.dtype)
        out = np.full((window.height, window.width), self.nodata, self.dtype)
        if bottom > top and right > left:
            part = self.file.read(Window(top, left, bottom - top, right - left))
            out[top - row : bottom - row, left - col : right - col] = part
        return out

    def identity(self) -> Mapping[str, Any]:
        return dict(self.about)


@dataclass(frozen=True)
class Converted:
    """value = stored * factor + addend, floating, NaN for NoData."""

    source: Source
    factor: float
    addend: float
    type: str

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.type)

    @property
    def nodata(self) -> float | None:
        return float("nan")

    def read(self, window: Window) -> NDArray[Any]:
        raw = self.source.read(window)
        out = np.multiply(raw, self.factor, dtype=np.float64) if self.factor != 1 else raw.astype(np.float64)
        if self.addend:
            out += self.addend
        if self.source.nodata is not None:
            out[raw == raw.dtype.type(self.source.nodata)] = np.nan
        if raw.dtype.kind == "f":
            out[np.abs(raw) >= HUGE] = np.nan
        return out.astype(self.dtype, copy=False)

    def identity(self) -> Mapping[str, Any]:
        return {**self.source.identity(), "factor": self.factor, "addend": self.addend}


@dataclass(frozen=True)
class Recoded:
    """Codes of an integer layer turned into others by a table; a code that the table lacks becomes `nodata`."""

    source: Source
    table: Table
    type: str
    nodata: float
    about: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.type)

    @cached_property
    def lookup(self) -> NDArray[Any]:
        """New code by old code; the last place answers for every code beyond the table. Short types have a full table."""
        given, none = self.source.dtype, self.source.nodata
        known = [(old, new) for old, new in self.table if old >= 0 and old != none]
        full = given.kind == "u" and given.itemsize <= 2
        size = np.iinfo(given).max + 1 if full else max((old for old, _ in known), default=-1) + 2
        table = np.full(size, self.nodata, self.dtype)
        for old, new in known:
            if old < size:
                table[old] = new
        return table

    def read(self, window: Window) -> NDArray[Any]:
        raw, table = self.source.read(window), self.lookup
        if raw.dtype.kind == "u" and raw.dtype.itemsize <= 2:
            return table.take(raw)
        beyond = len(table) - 1
        if raw.dtype.kind == "f":
            raw = np.where(np.isfinite(raw) & (raw == np.floor(raw)), raw, -1.0)
        return table.take(np.where((raw >= 0) & (raw < beyond), raw, beyond).astype(np.int64))

    def identity(self) -> Mapping[str, Any]:
        return {**self.source.identity(), "codes": [list(pair) for pair in self.table], **self.about}

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("lookup", "dtype")}
