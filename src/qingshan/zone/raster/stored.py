"""A raster as it lies in its file: lattice, type, NoData, and reading a window of it from any thread.

Each thread keeps its own few open datasets, found again by path and time stamp: a file that was replaced is opened anew.
What a handle needs is in `Stored`, so that a layer can be sent to another process.
"""

from __future__ import annotations

import math
import os
import threading
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.errors import QingshanError

from .foreign import BY_RANGES, DRIVERS, head_of, open_with, refusal_of, refuse_references
from .grid import Window

__all__ = ["CannotRead", "Stored", "look"]

OPEN_PER_THREAD = 48
CACHE_MB = "64"
"""GDAL's block cache for the whole process, MB: it counts in the memory that a run declares."""
LARGEST_SIDE = 2_000_000
LARGEST_CELLS = 20_000_000_000
"""A file that declares more is refused before anything is allocated: 20e9 cells are China at 20 m."""

HUGE = 1e38
"""No measurement is as large: such values of a floating file stand for NoData whether declared or not."""

os.environ.setdefault("GDAL_CACHEMAX", CACHE_MB)  # read once, when GDAL first makes its cache

Transform = tuple[float, float, float, float, float, float]


class CannotRead(QingshanError):
    """A raster file that cannot be opened, or whose cells cannot be read."""

    code = "raster_unreadable"


class _Handles(threading.local):
    def __init__(self) -> None:
        self.open: OrderedDict[tuple[str, tuple[int, ...]], Any] = OrderedDict()


_HANDLES = _Handles()


@dataclass(frozen=True)
class Stored:
    """One band of a raster file. `nodata` is the file's own, None where unset; `crs` is WKT, '' where unset.

    `masked` tells of a mask band beside the values; `stamp` is the time and size of the file when it was looked at; `options` are
    those it is opened with again.
    """

    path: str
    band: int
    bands: int
    type: str
    nodata: float | None
    crs: str
    transform: Transform
    width: int
    height: int
    block: tuple[int, int]
    masked: bool = False
    unit: str = ""
    scale: float = 1.0
    offset: float = 0.0
    driver: str = "GTiff"
    stamp: tuple[int, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.type)

    @property
    def placed(self) -> bool:
        """Whether the file says where it lies: GDAL gives unit cells at the origin where it does not."""
        a, b, c, d, e, f = self.transform
        return (a, b, c, d, abs(e), f) != (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)

    @property
    def whole(self) -> Window:
        return Window(0, 0, self.height, self.width)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north of the file's corners in its own CRS."""
        a, _, c, _, e, f = self.transform
        x, y = (c, c + a * self.width), (f, f + e * self.height)
        return min(x), min(y), max(x), max(y)

    def read(self, window: Window) -> NDArray[Any]:
        """Cells of a window of the file, in the file's type. Raises `CannotRead`."""
        from rasterio.errors import RasterioError  # noqa: PLC0415 - the extra geo
        from rasterio.windows import Window as Place  # noqa: PLC0415

        try:
            if self.driver == "Zarr":
                from .cubes import read_zarr  # noqa: PLC0415 - needs the extra cube

                return read_zarr(self, window)
            place = Place(window.col, window.row, window.width, window.height)
            with _manners(self.path):
                values: NDArray[Any] = _dataset(self).read(self.band, window=place)
        except (RasterioError, OSError, ValueError) as error:
            raise CannotRead(
                f"its cells cannot be read: {_told(error)}.",
                f"像元读取失败：{_told(error)}。",
                where=plain(self.path),
                fix="the file is damaged or incomplete: fetch or write it again / 文件损坏或不完整，请重新获取或生成",
            ) from None
        return values


def _dataset(stored: Stored) -> Any:
    key, handles = (stored.path, stored.stamp), _HANDLES.open
    found = handles.get(key)
    if found is None:
        found = handles[key] = _opened_for_cells(stored)
        while len(handles) > OPEN_PER_THREAD:
            handles.popitem(last=False)[1].close()
    else:
        handles.move_to_end(key)
    return found


def look(path: str, band: int = 1, variable: str = "", *, foreign: bool = False) -> Stored:
    """What a file says of itself; reads no cell. `variable` names the field of a NetCDF or Zarr store.

    A `foreign` file came from an address and is opened by the drivers of `foreign.DRIVERS` alone. Raises `CannotRead`: no such file,
    not a raster, no such band or variable, more cells declared than `LARGEST_CELLS`; `NotPlain` for a foreign file of another format.
    """
    local = Path(path)
    remote = path.startswith(("/vsi", "http://", "https://"))
    if not remote and not local.exists():
        raise CannotRead("the file is not there.", "文件不存在。", where=plain(path), fix="mend `path` / 改正 path")
    if not remote and (local.is_dir() or path.endswith((".zarr", ".zarr.zip"))):
        from .cubes import look_at_zarr  # noqa: PLC0415 - needs the extra cube

        return _bounded(look_at_zarr(local, variable, band))
    stamp = _stamp(local)
    return _bounded((_looked if stamp else _look_with_gdal)(path, band, variable, stamp, foreign))


@lru_cache(maxsize=512)
def _looked(path: str, band: int, variable: str, stamp: tuple[int, ...], foreign: bool) -> Stored:
    """A file of one time stamp and size says the same each time."""
    return _look_with_gdal(path, band, variable, stamp, foreign)


def _look_with_gdal(path: str, band: int, variable: str, stamp: tuple[int, ...], foreign: bool) -> Stored:
    from rasterio.enums import MaskFlags  # noqa: PLC0415
    from rasterio.errors import RasterioError  # noqa: PLC0415

    file = path
    if variable:
        path = f'netcdf:"{path}":{variable}' if not path.startswith("netcdf:") else path
    try:
        with _manners(path), (_opened_foreign if foreign else _opened)(path) as found:
            inside = [name.rpartition(":")[2] for name in found.subdatasets]
            if inside and not found.count:
                raise CannotRead(
                    f"it holds several fields ({', '.join(inside)}); one must be named.",
                    f"文件含多个变量（{'、'.join(inside)}），须指明一个。",
                    where=plain(path),
                    fix="add `variable` to the [[raster]] entry / 在 [[raster]] 中写明 variable",
                )
            if not 1 <= band <= found.count:
                raise CannotRead(
                    f"it has no band {band}; it has {found.count}.", f"没有第 {band} 波段，共 {found.count} 个。",
                    where=plain(path), fix="mend `band` / 改正 band",
                )  # fmt: skip
            i = band - 1
            flags, (rows, cols) = found.mask_flag_enums[i], found.block_shapes[i]
            nodata = found.nodatavals[i]
            return Stored(
                path, band, found.count, found.dtypes[i], None if nodata is None else float(nodata),
                found.crs.to_wkt() if found.crs else "", tuple(found.transform)[:6], found.width, found.height, (rows, cols),
                MaskFlags.per_dataset in flags or MaskFlags.alpha in flags, found.units[i] or "",
                found.scales[i], found.offsets[i], found.driver, stamp, {"driver": found.driver} if foreign else {},
            )  # fmt: skip
    except RasterioError as error:
        if foreign and (refusal := refusal_of(head_of(file), plain(file))):
            raise refusal from None
        raise CannotRead(
            f"it cannot be opened as a raster: {_told(error)}.",
            f"不能作为栅格打开：{_told(error)}。",
            where=plain(path),
            fix="give a GeoTIFF, COG, NetCDF or Zarr; fetch it again if it is damaged"
            " / 使用 GeoTIFF、COG、NetCDF 或 Zarr；文件损坏时重新获取",
        ) from None


def _manners(path: str) -> AbstractContextManager[None]:
    """Bounded waits and retries where GDAL reads over the network."""
    if not path.startswith("/vsicurl/"):
        return nullcontext()
    from .cache import Cache  # noqa: PLC0415 - not for local files
    from .remote import gdal_manners  # noqa: PLC0415

    return gdal_manners(Cache())


def _opened_for_cells(stored: Stored) -> Any:
    """A dataset to read cells of. Where a TIFF lies is known: its CRS would be read into a PROJ context of each thread, and
    its folder listed for files beside it, which costs more than to decode a million cells."""
    if stored.driver != "GTiff" or stored.path.startswith("/vsi"):
        return _opened(stored.path, **stored.options)
    from rasterio.env import Env  # noqa: PLC0415 - the extra geo
    from rasterio.io import DatasetReader  # noqa: PLC0415

    _quiet()
    with Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):  # `rasterio.open` would make and drop a second one
        return DatasetReader(stored.path, **{"driver": "GTiff", "GEOREF_SOURCES": "NONE", **stored.options})


def _opened_foreign(path: str) -> Any:
    if path.startswith("/vsi"):
        return open_with(BY_RANGES, _opened, path)
    file = Path(path.removeprefix('netcdf:"').rpartition('":')[0] or path)
    if file.is_file():
        refuse_references(file)
    return open_with(DRIVERS, _opened, path)


def _opened(path: str, **options: Any) -> Any:
    import rasterio  # noqa: PLC0415 - the extra geo

    _quiet()
    return rasterio.open(path, **options)


def _quiet() -> None:
    """`Stored.placed` tells of a file without a place. Not in a context, which would race with other threads."""
    from rasterio.errors import NotGeoreferencedWarning  # noqa: PLC0415 - the extra geo

    warnings.simplefilter("ignore", NotGeoreferencedWarning)


def _bounded(found: Stored) -> Stored:
    if max(found.width, found.height) > LARGEST_SIDE or found.width * found.height > LARGEST_CELLS:
        raise CannotRead(
            f"it declares {found.height:,} x {found.width:,} cells, more than the limit of {LARGEST_CELLS:,}"
            f" ({LARGEST_SIDE:,} a side).",
            f"文件声明有 {found.height:,} × {found.width:,} 个像元，超过上限 {LARGEST_CELLS:,}（单边 {LARGEST_SIDE:,}）。",
            where=plain(found.path),
            fix="cut it to the zone first / 先裁剪到区域范围",
        )
    return found


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        about = path.stat()
    except OSError:
        return ()
    return about.st_mtime_ns, about.st_size


def plain(path: str) -> str:
    """A path or address as it may be printed: no query, no driver prefix."""
    bare = path.removeprefix("/vsicurl/")
    return bare.partition("?")[0] if "://" in bare else bare


def _told(error: BaseException) -> str:
    text = str(error.__cause__ or error) or type(error).__name__
    return plain(text).strip().rstrip(".")


def valid_nodata(stored: Stored, declared: Any) -> float | None:
    """The NoData value that counts: the entry's own (`"none"` declares that there is none), else the file's.

    A value that the type cannot hold never occurs: None.
    """
    if isinstance(declared, str):
        word = declared.strip().lower()
        if word == "none":
            return None
        value: float | None = float(word)
    else:
        value = stored.nodata if declared is None else float(declared)
    if value is None or stored.dtype.kind == "f":
        return value
    info = np.iinfo(stored.dtype)
    return value if math.isfinite(value) and value.is_integer() and info.min <= value <= info.max else None
