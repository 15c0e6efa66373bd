"""A small grid, and tiles of it behind the catalogue server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.warp import transform_bounds

from qingshan.zone.raster.cache import Cache
from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.stac_preset import Preset, read_preset

from .catalogue_server import Server
from .conftest import UTM, ramp

W, N = 500000.0, 3300000.0
GRID = Grid(UTM, (30.0, 0.0, W, 0.0, -30.0, N), 50, 40)


def offline(cache: Cache) -> Cache:
    return Cache(cache.folder, offline=True)


def preset(server: Server, **more: Any) -> Preset:
    raw = {
        "id": "cover", "title": "test cover", "catalogue": server.url, "collection": "cover", "assets": ["map"],
        "quantity": "q.cover", "unit": "1", "type": "float32", "resampling": "nearest", "licence": "CC0", "source": "test",
    }  # fmt: skip
    return read_preset(raw | more)


def tile(server: Server, name: str, values: np.ndarray, west: float, **item: Any) -> None:
    """A COG on the lattice of the grid, and its item."""
    height, width = values.shape
    path = server.folder / f"{name}.tif"
    transform = rasterio.Affine(30, 0, west, 0, -30, N)
    with rasterio.open(path, "w", driver="COG", width=width, height=height, count=1, dtype=values.dtype, crs=UTM,
                       transform=transform, nodata=item.pop("nodata", None), compress="deflate") as out:  # fmt: skip
        out.write(values, 1)
    box = transform_bounds(UTM, "EPSG:4326", west, N - 30 * height, west + 30 * width, N)
    if item.pop("sum", ""):
        item["checksum"] = server.multihash(name)
    server.item(name, list(box), **item)


def halves(server: Server, **more: Any) -> np.ndarray:
    """The grid in two tiles of 25 columns; returns the whole."""
    values = ramp(40, 50)
    tile(server, "west", values[:, :25], W, **more)
    tile(server, "east", values[:, 25:], W + 750, **more)
    return values


def kept(cache: Cache) -> list[Path]:
    return sorted(p for p in cache.folder.rglob("*") if p.is_file())
