"""What the zone's rasters say at one point: the cell, its place, and the value of each layer there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qingshan.core.errors import OutOfBounds

from .grid import Grid, Window
from .source import Source

if TYPE_CHECKING:
    from .catalogue import RasterBook

__all__ = ["Point", "PointValue", "point"]


@dataclass(frozen=True)
class PointValue:
    """A layer at the point; `value` None where it has no data."""

    id: str
    quantity: str
    period: str
    value: float | None
    unit: str


@dataclass(frozen=True)
class Point:
    """A cell: its row and column, centre in the grid's CRS and in degrees, area (m2), place code ('' outside), values."""

    row: int
    col: int
    x: float
    y: float
    lon: float
    lat: float
    area: float
    place: str
    values: tuple[PointValue, ...]


def point(
    book: RasterBook, lon: float | None, lat: float | None, x: float | None, y: float | None, quantity: str, period: str
) -> Point:
    """See `RasterBook.point`."""
    from pyproj import Transformer  # noqa: PLC0415 - the extra geo

    grid = book.grid
    degrees = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    if lon is not None and lat is not None:
        x, y = degrees.transform(lon, lat, direction="INVERSE")
    if x is None or y is None:
        raise TypeError("give lon and lat, or x and y")
    row, col = _cell(grid, x, y)
    a, _, west, _, e, north = grid.transform
    centre = west + a * (col + 0.5), north + e * (row + 0.5)
    window, values = Window(row, col, 1, 1), []
    for entry in book.entries:
        if (quantity and entry["quantity"] != quantity) or (period and not _counts(book, str(entry["period"]), period)):
            continue
        layer = book.layer_of(entry)
        found = at(layer.source, window)
        values.append(PointValue(str(entry["id"]), str(entry["quantity"]), str(entry["period"]), found, layer.unit))
    places = book.places()
    index = int(places.source.read(window)[0, 0])
    code = places.codes[index] if index >= 0 else ""
    area = float(grid.row_area[row])
    return Point(row, col, *centre, *degrees.transform(*centre), area, code, tuple(values))


def _counts(book: RasterBook, own: str, asked: str) -> bool:
    declared = next((p for p in book.zone.periods if p.id == asked), None)
    return own in (asked, "static", *(declared.fact_periods() if declared else ()))


def at(source: Source, window: Window) -> float | None:
    """The value of the first cell of a window, None where there is no data."""
    raw = source.read(window)[0, 0]
    none = source.nodata is not None and raw == np.asarray(source.nodata).astype(raw.dtype)
    return None if none or math.isnan(float(raw)) else float(raw)


def _cell(grid: Grid, x: float, y: float) -> tuple[int, int]:
    a, _, west, _, e, north = grid.transform
    col, row = (x - west) / a, (y - north) / e
    if not (0 <= col < grid.width and 0 <= row < grid.height):
        box = ", ".join(f"{v:.6g}" for v in grid.bounds)
        raise OutOfBounds(
            f"the point {x:.6g}, {y:.6g} is outside the grid ({box}).", f"点 {x:.6g}，{y:.6g} 在格网之外（{box}）。",
            fix="give lon and lat in degrees, or x and y in the CRS of the grid / 给出经纬度（度），或格网坐标系中的 x、y",
        )  # fmt: skip
    return int(row), int(col)
