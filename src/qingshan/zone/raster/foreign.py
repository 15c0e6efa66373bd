"""What is opened of a file that came from an address: formats that hold their own cells, and no others.

A file that refers to others (a VRT, a tile index, a WMS or Zarr reference) may refer to files of this machine or to further
addresses. GDAL takes a file for what its first bytes say, whatever its name, so the drivers it may try are named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from qingshan.core.errors import QingshanError

__all__ = ["DRIVERS", "NotPlain", "format_of", "head_of", "open_with", "refusal_of"]

DRIVERS = ("GTiff", "netCDF")
"""GeoTIFF (a COG is one) and NetCDF. A Zarr store is fetched by `zarr_fetch` and read by `cubes`."""
BY_RANGES = ("GTiff",)
"""What is read where it lies. A NetCDF is fetched whole, so that it can be looked through first."""

HEAD = 512
"""Bytes that tell a format."""

_OWN = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"CDF\1", b"CDF\2", b"CDF\5", b"\x89HDF\r\n\x1a\n")
_OTHERS = (
    (b"<VRTDataset", "VRT"), (b"<GDALTileIndexDataset", "GTI"), (b"<GDAL_WMS", "WMS"), (b"<WMT_MS_Capabilities", "WMS"),
    (b"<!doctype html", "HTML"), (b"<html", "HTML"), (b"<?xml", "XML"), (b"{", "JSON"), (b"[", "JSON"), (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"), (b"GIF8", "GIF"), (b"%PDF", "PDF"), (b"PK\x03\x04", "ZIP"), (b"\x1f\x8b", "gzip"), (b"GRIB", "GRIB"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"), (b"SQLite format 3", "SQLite"),
)  # fmt: skip


class NotPlain(QingshanError):
    """A file from an address in a format that is not opened from one."""

    code = "raster_format_refused"


def open_with(drivers: Iterable[str], opener: Callable[..., Any], path: Any, *args: Any, **kwargs: Any) -> Any:
    """As the first of the drivers that can; `opener` is that of rasterio. Raises what the driver at home with the file raises."""
    from rasterio.errors import RasterioIOError  # noqa: PLC0415 - the extra geo

    failures: list[RasterioIOError] = []
    for driver in drivers:
        try:
            return opener(path, *args, **kwargs, driver=driver)
        except RasterioIOError as error:
            failures.append(error)
    raise next((e for e in failures if "not recognized" not in str(e)), failures[0])


def format_of(head: bytes) -> str:
    """The name of the format that the first bytes tell; '' for those of `DRIVERS`, `?` for what is not known here."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(_OWN):
        return ""
    return next((name for mark, name in _OTHERS if start[: len(mark)].lower() == mark.lower()), "?")


def refusal_of(head: bytes, where: str) -> NotPlain | None:
    """What to raise for a file that begins so and was not opened by `DRIVERS`; None where its format is one of them."""
    found = format_of(head)
    if not found:
        return None
    en, zh = (found, found) if found != "?" else ("a format that is not known here", "未识别的格式")
    return NotPlain(
        f"the file is {en}; of an address only GeoTIFF (COG), NetCDF and Zarr are opened.",
        f"文件格式为 {zh}；来自网址的只打开 GeoTIFF（含 COG）、NetCDF 和 Zarr。", where=where,
        fix="give the address of the raster itself, or fetch the file and catalogue it from this machine"
        " / 给出栅格文件本身的网址，或自行下载后按本地文件登记",
    )  # fmt: skip


def refuse_references(path: Path) -> None:
    """Raises `NotPlain` for an HDF5 file (NetCDF-4 is one) that keeps cells in other files or links to them.

    Every object that has a name is looked at; what cannot be understood is refused.
    """
    with path.open("rb") as stream:
        if not stream.read(8).startswith(b"\x89HDF"):
            return
    try:
        import pyfive  # noqa: PLC0415 - the extra cube
    except ImportError:
        raise _refers(
            path,
            "it cannot be looked through without pyfive",
            "没有 pyfive，无法检查其内容",
            "pip install 'qingshan[cube]'",
        ) from None
    try:
        with pyfive.File(str(path)) as file:
            name = _elsewhere(file)
    except Exception as error:
        raise _refers(
            path, f"it cannot be looked through ({type(error).__name__})", f"无法检查其内容（{type(error).__name__}）"
        ) from None
    if name:
        raise _refers(path, f"{name!r} lies in another file", f"其中 {name!r} 存放在别的文件里")


EXTERNAL, LAYOUT = 0x0007, 0x0008
"""Types of header messages (HDF5 File Format Specification 3.0, IV.A.2.h and i): data in external files; how the data are laid out."""
OF_GROUPS = frozenset({0x0002, 0x0006, 0x0011})
"""Link info, link, symbol table."""
IN_THE_FILE = (0, 1, 2)
"""Layout classes compact, contiguous and chunked; 3 is virtual, of other datasets."""


def _elsewhere(file: Any) -> str:
    """The first dataset of an HDF5 file whose cells lie elsewhere, '' where there is none."""
    from pyfive.dataobjects import DataObjects  # noqa: PLC0415

    seen, left = set(), [(file._dataobjects, "")]
    while left:
        found, at = left.pop()
        for message in found.msgs:
            start = message["offset_to_message"]
            version, *about = found.msg_data[start : start + 3]
            if message["type"] == EXTERNAL or (
                message["type"] == LAYOUT and about[0 if version >= 3 else 1] not in IN_THE_FILE
            ):
                return at or "/"
        for name, where in found.get_links().items() if OF_GROUPS & {m["type"] for m in found.msgs} else ():
            if (
                not isinstance(where, str) and where not in seen
            ):  # a string is a link within the file, to what has a name of its own
                seen.add(where)
                left.append((DataObjects(file._fh, where), f"{at}/{name}"))
    return ""


def _refers(path: Path, en: str, zh: str, fix: str = "") -> NotPlain:
    return NotPlain(
        f"an HDF5 file of an address is not opened: {en}.", f"来自网址的 HDF5 文件不打开：{zh}。", where=path.name,
        fix=fix or "fetch the file and catalogue it from this machine / 自行下载后按本地文件登记",
    )  # fmt: skip


def head_of(path: str) -> bytes:
    """The first bytes of a file of this machine, or of an address that GDAL reads by ranges."""
    if not path.startswith("/vsicurl/"):
        with Path(path).open("rb") as stream:
            return stream.read(HEAD)
    from .cache import Cache  # noqa: PLC0415 - not for local files

    return Cache().head(path.removeprefix("/vsicurl/"), HEAD)
