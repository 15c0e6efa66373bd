"""Pictures of raster layers: Web Mercator tiles and still maps, made on the server from the layer's own file.

    picture = tile(layer, painter, 12, 3260, 1720, "light")

Files of any CRS are warped on the fly and read through their overviews. Drawing only: values become colours here, and
`survey` says what the legend needs to know of a layer.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qingshan.core.errors import UnknownName
from qingshan.zone.raster.grid import Grid

__all__ = ["ALL_ZOOMS", "Drawn", "Painter", "Survey", "Tile", "still", "survey", "tile"]

SIZE = 256
ALL_ZOOMS = range(23)
OVERZOOM = 3
"""Tiles are made up to this many levels beyond the layer's own resolution; the browser enlarges them further."""
SAMPLE_SIDE = 1024
"""A layer larger than this is surveyed on every n-th cell."""
MOST_PIXELS = 2_400_000
MERCATOR_EDGE = 20037508.342789244
WORLD = 85.0511287798066


class Painter(Protocol):
    def paint(self, values: NDArray[Any], valid: NDArray[np.bool_], look: str) -> NDArray[np.uint8]:
        """RGBA cells (4, height, width)."""


@dataclass(frozen=True)
class Drawn:
    """One layer of one period as it lies in a file. `recode` turns stored codes into the account's; `nodata` None leaves
    the file's own."""

    id: str
    period: str
    path: str
    band: int = 1
    nodata: float | None = None
    scale: float = 1.0
    offset: float = 0.0
    recode: tuple[tuple[int, int], ...] = ()
    classes: bool = False
    sha256: str = ""

    def values(self, stored: Any) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Values in the layer's unit (or class codes) and which of them are data, from a masked band."""
        valid = ~np.ma.getmaskarray(stored)
        raw = np.ma.getdata(stored)
        if self.classes:
            codes = np.where(valid, raw, 0).astype(np.int64)
            return (_recoded(codes, self.recode) if self.recode else codes), valid
        values = raw.astype(np.float64) * self.scale + self.offset
        return values, valid & np.isfinite(values)


def _recoded(codes: NDArray[np.int64], table: tuple[tuple[int, int], ...]) -> NDArray[np.int64]:
    known, to = (np.array(column, np.int64) for column in zip(*sorted(table), strict=True))
    at = np.clip(np.searchsorted(known, codes), 0, len(known) - 1)
    return np.where(known[at] == codes, to[at], 0)


@dataclass(frozen=True)
class Survey:
    """What a layer holds. `sample` are sorted values (numbers) or `counts` cells per code (classes); `every` tells that one
    cell in `every`² was looked at. Areas in m2, of the whole file."""

    sample: NDArray[np.float64]
    counts: Mapping[int, int]
    area: Mapping[int, float]
    nodata_area: float
    whole_area: float
    every: int
    bounds: tuple[float, float, float, float]
    zooms: tuple[int, int]
    resolution: tuple[float, float]
    crs: str
    metres: bool


def _options(layer: Drawn) -> dict[str, Any]:
    return {} if layer.nodata is None else {"nodata": layer.nodata}


@lru_cache(maxsize=1)
def _rio() -> Any:
    """rio-tiler and rasterio, with GDAL told to read few headers and to cache tiles."""
    import rasterio  # noqa: PLC0415 - the extra serve
    import rio_tiler.io  # noqa: PLC0415

    warnings.filterwarnings("ignore", message="Dataset has no geotransform", module="rasterio")  # a PNG has none
    return rasterio, rio_tiler.io.Reader


@lru_cache(maxsize=256)
def _zooms(path: str, stamp: float) -> tuple[int, int, tuple[float, float, float, float]]:
    """First zoom at which the layer fills about a tile, last that shows something new, and its box in degrees."""
    rasterio, reader = _rio()
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"), reader(path) as source:
        west, south, east, north = source.get_geographic_bounds("EPSG:4326")
        return (
            max(0, source.minzoom - 1),
            min(source.maxzoom + OVERZOOM, ALL_ZOOMS[-1]),
            (west, max(south, -WORLD), east, min(north, WORLD)),
        )


def zooms(layer: Drawn) -> tuple[int, int]:
    """Zoom levels at which tiles are made, both included."""
    return _zooms(layer.path, _stamp(layer.path))[:2]


def bounds(layer: Drawn) -> tuple[float, float, float, float]:
    """West, south, east, north of the file in degrees."""
    return _zooms(layer.path, _stamp(layer.path))[2]


def _stamp(path: str) -> float:
    local = Path(path)
    return local.stat().st_mtime if local.exists() else 0.0


# ---- tiles -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tile:
    """A checked address of a tile."""

    z: int
    x: int
    y: int

    @classmethod
    def of(cls, layer: Drawn, z: str, x: str, y: str) -> Tile:
        """Read an address. Raises `UnknownName` where it names no tile of this layer, saying which levels there are."""
        first, last = zooms(layer)
        if not all(part.isdecimal() and len(part) < 9 for part in (z, x, y)) or not first <= int(z) <= last:
            raise UnknownName(
                f"{layer.id} has tiles of the zoom levels {first} to {last}; {z}/{x}/{y} is none of them.",
                f"{layer.id} 的瓦片级别为 {first} 至 {last}，没有 {z}/{x}/{y}。",
            )
        found = cls(int(z), int(x), int(y))
        if max(found.x, found.y) >= 2**found.z or not _meets(found.box(), bounds(layer)):
            raise UnknownName(
                f"the tile {z}/{x}/{y} lies outside {layer.id}.", f"瓦片 {z}/{x}/{y} 在 {layer.id} 的范围之外。"
            )
        return found

    def box(self) -> tuple[float, float, float, float]:
        """West, south, east, north in degrees."""
        n = 2**self.z

        def latitude(y: int) -> float:
            return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / n))))

        return self.x / n * 360 - 180, latitude(self.y + 1), (self.x + 1) / n * 360 - 180, latitude(self.y)


def _meets(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def tile(layer: Drawn, painter: Painter, at: Tile, look: str) -> bytes:
    """PNG of one tile, transparent where there are no data."""
    rasterio, reader = _rio()
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"), reader(layer.path, options=_options(layer)) as source:
        found = source.tile(at.x, at.y, at.z, tilesize=SIZE, indexes=layer.band, resampling_method="nearest")
    return _png(layer, painter, found, look)


def still(layer: Drawn, painter: Painter, box: tuple[float, float, float, float], width: int, height: int, look: str) -> bytes:  # fmt: skip
    """PNG of a box in Web Mercator metres (west, south, east, north), as the still map prints it."""
    rasterio, reader = _rio()
    if not 0 < width * height <= MOST_PIXELS:
        raise UnknownName(f"no picture of {width} × {height} pixels.", f"没有 {width} × {height} 像素的图。")
    mercator = rasterio.crs.CRS.from_epsg(3857)
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"), reader(layer.path, options=_options(layer)) as source:
        found = source.part(box, bounds_crs=mercator, dst_crs=mercator, indexes=layer.band, width=width, height=height,
                            resampling_method="nearest")  # fmt: skip
    return _png(layer, painter, found, look)


def _png(layer: Drawn, painter: Painter, found: Any, look: str) -> bytes:
    from rio_tiler.utils import render  # noqa: PLC0415 - the extra serve

    values, valid = layer.values(found.array[0])
    cells = painter.paint(values, valid, look)
    return bytes(render(cells[:3], mask=cells[3], img_format="PNG", ZLEVEL=4))


# ---- what a layer holds ------------------------------------------------------------------------------------------------


def survey(layer: Drawn) -> Survey:
    """Look through a layer once: every cell of a small one, every n-th row and column of a large one."""
    return _survey(layer, _stamp(layer.path))


@lru_cache(maxsize=128)
def _survey(layer: Drawn, _: float) -> Survey:
    return _look(layer)


def _look(layer: Drawn) -> Survey:
    rasterio, _ = _rio()
    with rasterio.open(layer.path) as source:
        every = max(1, math.ceil(max(source.shape) / SAMPLE_SIDE))
        shape = (-(-source.height // every), -(-source.width // every))
        stored = source.read(layer.band, out_shape=shape, masked=True)
        if layer.nodata is not None:
            stored = np.ma.masked_where(
                np.ma.getmaskarray(stored) | (np.ma.getdata(stored) == layer.nodata), np.ma.getdata(stored)
            )
        a, b, c, d, e, f = tuple(source.transform)[:6]
        coarse = (a * source.width / shape[1], b, c, d, e * source.height / shape[0], f)
        grid = Grid(source.crs.to_wkt(), coarse, shape[1], shape[0])
        resolution, crs, metres = (abs(a), abs(e)), source.crs.to_string(), bool(source.crs.is_projected)
    values, valid = layer.values(stored)
    cell = grid.row_area
    data_area = float((valid.sum(axis=1) * cell).sum())
    whole = float(cell.sum() * shape[1])
    counts: dict[int, int] = {}
    area: dict[int, float] = {}
    if layer.classes:
        for code in np.unique(values[valid]):
            where = (values == code) & valid
            counts[int(code)] = int(where.sum())
            area[int(code)] = float((where.sum(axis=1) * cell).sum())
    sample = np.sort(values[valid].astype(np.float64)) if not layer.classes else np.empty(0)
    return Survey(
        sample, counts, area, whole - data_area, whole, every, bounds(layer), zooms(layer), resolution, crs, metres
    )


def mercator(lon: float, lat: float) -> tuple[float, float]:
    """Web Mercator metres of a point in degrees."""
    lat = max(-WORLD, min(WORLD, lat))
    x = MERCATOR_EDGE * lon / 180
    return x, MERCATOR_EDGE * math.log(math.tan(math.pi / 4 + math.radians(lat) / 2)) / math.pi


def degrees(x: float, y: float) -> tuple[float, float]:
    """Longitude and latitude of a point in Web Mercator metres."""
    lon = 180 * x / MERCATOR_EDGE
    return lon, math.degrees(2 * math.atan(math.exp(math.pi * y / MERCATOR_EDGE)) - math.pi / 2)
