"""Writing a cloud-optimised GeoTIFF from a field: tiles, overviews, NoData, unit; under its name only when whole."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.transform import Affine

from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.source import Source

__all__ = ["cog_faults", "write_cog"]

BAND_ROWS = 512


def write_cog(
    source: Source, grid: Grid, path: Path, *, nodata: float | None, unit: str = "", title: str = "", nearest: bool = False,
    threads: int = 2, tags: dict[str, str] | None = None,
) -> Path:  # fmt: skip
    """Write a layer as a COG (512 px tiles, ZSTD with predictor, overviews by average or nearest). Memory: one band of rows.

    Raises `OSError` or `rasterio.errors.RasterioError` where the disk gives out; the target is untouched then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    dtype = source.dtype
    predictor = 3 if dtype.kind == "f" else 2
    plain, fresh = (path.with_name(f".{path.name}.{os.getpid()}.{word}.tif") for word in ("plain", "cog"))
    profile: dict[str, Any] = {
        "driver": "GTiff", "width": grid.width, "height": grid.height, "count": 1, "dtype": dtype.name, "crs": grid.crs,
        "transform": Affine(*grid.transform), "nodata": nodata, "tiled": True, "blockxsize": 512, "blockysize": 512, "BIGTIFF": "IF_SAFER",
    }  # fmt: skip
    try:
        with rasterio.Env(GDAL_CACHEMAX=64, GDAL_NUM_THREADS=threads):
            with rasterio.open(plain, "w", **profile) as out:
                for window in grid.blocks(BAND_ROWS):
                    at = rasterio.windows.Window(window.col, window.row, window.width, window.height)
                    out.write(source.read(window).astype(dtype, copy=False), 1, window=at)
                if unit:
                    out.units = (unit,)
                if title:
                    out.set_band_description(1, title)
                if tags:
                    out.update_tags(**tags)
            rasterio.shutil.copy(
                plain, fresh, driver="COG", compress="ZSTD", level=1, predictor="FLOATING_POINT" if predictor == 3 else "STANDARD",
                overview_resampling="NEAREST" if nearest else "AVERAGE", num_threads=threads, bigtiff="IF_SAFER", blocksize=512,
            )  # fmt: skip
        fresh.replace(path)
    finally:
        plain.unlink(missing_ok=True)
        fresh.unlink(missing_ok=True)
        plain.with_name(plain.name + ".aux.xml").unlink(missing_ok=True)
    return path


def cog_faults(path: Path) -> list[str]:
    """What keeps a file from being a cloud-optimised GeoTIFF: order of directories and data, tiles, overviews."""
    faults = []
    with rasterio.open(path) as f:
        if not f.profile.get("tiled"):
            faults.append("not tiled")
        if max(f.shape) > 512 and not f.overviews(1):
            faults.append("no overviews")
    offsets, data = _directories(path)
    if offsets != sorted(offsets):
        faults.append("directories are not in file order")
    if offsets and data and max(offsets) > min(d for d in data if d):
        faults.append("cell data come before the last directory")
    if len(data) > 1 and data[0] < max(data[1:]):
        faults.append("full-size cells come before those of the overviews")
    return faults


def _directories(path: Path) -> tuple[list[int], list[int]]:
    """Offsets of the TIFF directories and, for each, of its first tile."""
    with path.open("rb") as stream:
        head = stream.read(16)
        order = "<" if head[:2] == b"II" else ">"
        big = struct.unpack_from(order + "H", head, 2)[0] == 43
        at = struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)[0]
        count, entry, pointer = ("Q", 20, "Q") if big else ("H", 12, "I")
        offsets, data = [], []
        while at:
            stream.seek(at)
            (n,) = struct.unpack(order + count, stream.read(struct.calcsize(count)))
            raw = stream.read(n * entry)
            (after,) = struct.unpack(order + pointer, stream.read(struct.calcsize(pointer)))
            offsets.append(at)
            for i in range(n):
                tag, kind = struct.unpack_from(order + "HH", raw, i * entry)
                if tag == 324:
                    size = {4: "I", 16: "Q", 13: "I"}[kind]
                    (number,) = struct.unpack_from(order + pointer, raw, i * entry + 4)
                    inline = number * struct.calcsize(size) <= struct.calcsize(pointer)
                    (place,) = struct.unpack_from(
                        order + (size if inline else pointer), raw, i * entry + 4 + struct.calcsize(pointer)
                    )
                    if not inline:
                        stream.seek(place)
                        (place,) = struct.unpack(order + size, stream.read(struct.calcsize(size)))
                    data.append(place)
            at = after
    return offsets, data


def same_cells(left: Path, right: Path) -> bool:
    """Whether two rasters hold the same cells."""
    with rasterio.open(left) as a, rasterio.open(right) as b:
        return a.shape == b.shape and all(
            np.array_equal(a.read(1, window=w), b.read(1, window=w), equal_nan=True) for _, w in a.block_windows(1)
        )
