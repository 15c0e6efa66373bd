"""From a `[[raster]]` entry to a Source on the zone grid: where its bytes are, how it is aligned, in which unit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qingshan.core.errors import ZoneError
from qingshan.core.units import convert, factor

from .align import Aligned, Converted, lattice_offset
from .content import content_digest
from .grid import Grid
from .remote import Remote, is_remote
from .source import Source
from .stored import Stored, look, valid_nodata

if TYPE_CHECKING:
    from qingshan.zone.zone import Zone

__all__ = ["layer_source", "location", "refuse_misfits", "stored_of"]

WANTED: dict[str, tuple[Callable[[Any], bool], str, str]] = {
    **dict.fromkeys(
        ("scale", "offset", "power", "radius"), (lambda v: _number(v) and math.isfinite(v), "a number", "一个数")
    ),
    "band": (
        lambda v: isinstance(v, int) and not isinstance(v, bool) and v > 0,
        "a whole number from 1",
        "不小于 1 的整数",
    ),
    "nodata": (lambda v: _number(v) or _word_of_nodata(v), 'a number, "nan" or "none"', '数、"nan" 或 "none"'),
}
"""What the values of an entry must be: the test, and its words."""


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _word_of_nodata(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        float(value)
    except ValueError:
        return value.strip().lower() == "none"
    return True


def refuse_misfits(entry: Mapping[str, Any]) -> None:
    """Raise `ZoneError` for the first key of an entry whose value is no number where one is needed."""
    for key, (fits, en, zh) in WANTED.items():
        if key in entry and not fits(entry[key]):
            raise ZoneError(
                f"{key} = {entry[key]!r} must be {en}.", f"{key} = {entry[key]!r} 应为{zh}。", where="zone.toml [[raster]]",
                fix=f"mend {key} of {entry.get('id')!r} / 改正 {entry.get('id')!r} 的 {key}",
            )  # fmt: skip


def location(entry: Mapping[str, Any], folder: Path) -> str:
    """What an entry names as a local path or as what GDAL opens; an address is fetched and pinned here.

    Raises `ZoneError` (no path, no such package) and what fetching raises.
    """
    if entry.get("url") or is_remote(str(entry.get("path", ""))):
        return Remote.of({**entry, "path": entry.get("url") or entry["path"]}).local()
    if entry.get("generator"):
        from ..synthetic.builtin import generated  # noqa: PLC0415 - compiles

        return str(generated(entry))
    if entry.get("path"):
        return str(folder / str(entry["path"]))
    if entry.get("package") and entry.get("member"):
        spec = find_spec(str(entry["package"]))  # finds the files, runs nothing
        if spec is not None and spec.submodule_search_locations:
            return str(Path(next(iter(spec.submodule_search_locations))) / str(entry["member"]))
        raise ZoneError(
            f"the package {entry['package']!r} of {entry['id']!r} is not installed.",
            f"没有安装 {entry['id']!r} 所在的软件包 {entry['package']!r}。",
            fix=f"pip install {entry['package']}",
        )
    raise ZoneError(
        f"the entry {entry.get('id')!r} names no file.", f"{entry.get('id')!r} 没有写明文件。", where="zone.toml [[raster]]",
        fix="path, url, package with member, or stations / 写明 path、url、package 加 member，或 stations",
    )  # fmt: skip


def stored_of(entry: Mapping[str, Any], folder: Path) -> Stored:
    """What the entry's file says of itself; the entry's `crs` stands where the file has none."""
    foreign = bool(entry.get("url")) or is_remote(str(entry.get("path", "")))
    found = look(location(entry, folder), int(entry.get("band", 1)), str(entry.get("variable", "")), foreign=foreign)
    override = bool(entry.get("crs_override"))
    if entry.get("crs") and (override or not found.crs):
        from pyproj import CRS  # noqa: PLC0415 - the extra geo

        found = replace(found, crs=CRS.from_user_input(str(entry["crs"])).to_wkt())
    return found


def layer_source(
    entry: Mapping[str, Any], grid: Grid, folder: Path, own: str, wanted: str, *, facts: Zone | None = None
) -> Source:
    """The entry on the grid, its values in `wanted`. Raises as `RasterBook.layer` says."""
    refuse_misfits(entry)
    if entry.get("stations"):
        from .stations import station_source  # noqa: PLC0415

        return station_source(entry, grid, folder, own, wanted, facts)
    file = stored_of(entry, folder)
    nodata = valid_nodata(file, entry.get("nodata"))
    about = {
        "raster": str(entry["id"]), "sha256": _content(entry, file, folder), "band": file.band,
        "nodata": "nan" if nodata is not None and np.isnan(nodata) else nodata, "unit": wanted,
    }  # fmt: skip
    if entry.get("variable"):
        about["variable"] = str(entry["variable"])
    at = lattice_offset(file, grid)
    if at is not None:
        source: Source = Aligned.of(file, grid, at, nodata, about)
    else:
        from .warp import warped  # noqa: PLC0415

        source = warped(entry, file, grid, nodata, about)
    ratio, addend = conversion(entry, file, own, wanted)
    if ratio == 1 and addend == 0:
        return source
    return Converted(source, ratio, addend, _floating(source.dtype))


def conversion(entry: Mapping[str, Any], file: Stored, own: str, wanted: str) -> tuple[float, float]:
    """value in `wanted` = stored * factor + addend, from scale and offset (the entry's, else the file's) and the units."""
    if own == "class":
        return 1.0, 0.0
    scale, offset = float(entry.get("scale", file.scale)), float(entry.get("offset", file.offset))
    if own == wanted:
        return scale, offset
    ratio, zero = factor(own, wanted), float(convert(0.0, own, wanted))
    return scale * ratio, offset * ratio + zero


def _floating(dtype: np.dtype[Any]) -> str:
    """float32 holds 24 bits: wider integers and doubles become float64."""
    return "float32" if dtype.itemsize <= 2 or dtype == np.float32 else "float64"


def _content(entry: Mapping[str, Any], file: Stored, folder: Path) -> str:
    """The hash of the file as it is now. Raises `ZoneError` where the entry names another."""
    declared = str(entry.get("sha256", ""))
    place = location(entry, folder)
    if entry.get("generator"):
        return str(entry.get("cells_sha256", ""))  # the file may differ with the version of GDAL, the cells may not
    if place.startswith("/vsi"):
        return declared or file.path
    actual = content_digest(Path(place))
    if declared and declared != actual:
        raise ZoneError(
            f"the file is no longer the one catalogued: sha-256 {actual}, catalogued {declared}.",
            f"文件已不是登记的那一个：现为 {actual}，登记为 {declared}。",
            where=str(entry.get("path") or entry.get("url")),
            fix="restore the file, or catalogue the new one / 恢复原文件，或重新登记",
        )
    return actual
