"""Everything that is wrong with a zone folder: what opening it finds, and what opening it has no time for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qingshan.core.canonical import file_digest
from qingshan.core.errors import ZoneError
from qingshan.core.finding import Finding

from .settings import ZONE_FILE, entries
from .table import Report
from .zone import Zone, open_zone


def check_zone(path: str | Path) -> list[Finding]:
    """All findings of a zone folder (or built-in zone): file, row, field, limit and fix, in both languages. Never raises
    for what the folder holds: a zone that cannot be opened is one finding of level `error`."""
    try:
        zone = open_zone(path)
    except ZoneError as error:
        return [Finding("error", "cannot_open", error.en, error.zh, file=error.where or str(path), fix=error.fix)]
    report = Report()
    _check_catalogue(zone, report)
    _check_boundaries(zone, report)
    return [*zone.findings, *report.findings()]


def _check_catalogue(zone: Zone, report: Report) -> None:
    """Each raster and series entry: its keys, its file and the file's hash."""
    seen: set[str] = set()
    for table in ("raster", "series"):
        for raw in entries(zone.config, table, report):
            if raw["id"] in seen:
                report.add(
                    "error", "duplicate_entry", f"the id {raw['id']!r} is used twice.", f"id {raw['id']!r} 重复。", file=ZONE_FILE,
                    field=f"{table}.id", fix=("give each entry its own id", "每项取不同的 id"),
                )  # fmt: skip
            seen.add(raw["id"])
            if "path" in raw:
                _check_file(zone.path, table, raw, report)
            elif "package" not in raw:
                report.add(
                    "error", "no_path", f"the entry {raw['id']!r} names neither a path nor a package.",
                    f"{raw['id']!r} 既没有 path 也没有 package。", file=ZONE_FILE, field=f"{table}.path",
                    fix=("name the file, or the package and its member", "写明文件，或数据包及其成员"),
                )  # fmt: skip


def _check_file(folder: Path, table: str, raw: Mapping[str, Any], report: Report) -> None:
    path = folder / str(raw["path"])
    if not path.is_file():
        report.add(
            "error", "missing_file", f"the file of {raw['id']!r} does not exist.", f"{raw['id']!r} 的文件不存在。", file=str(raw["path"]),
            field=f"{table}.path", fix=("add the file or mend the path", "补上文件或改正路径"),
        )  # fmt: skip
    elif "sha256" not in raw:
        report.add(
            "warning", "no_hash", f"the entry {raw['id']!r} has no sha256.", f"{raw['id']!r} 没有 sha256。", file=ZONE_FILE,
            field=f"{table}.sha256", limit=file_digest(path), fix=("add it", "补上"),
        )  # fmt: skip
    elif (actual := file_digest(path)) != raw["sha256"]:
        report.add(
            "error", "changed_file", f"the file of {raw['id']!r} has another hash than zone.toml says.",
            f"{raw['id']!r} 的文件与 zone.toml 登记的哈希不符。", file=str(raw["path"]), field=f"{table}.sha256", limit=f"now {actual}",
            fix=("restore the file, or register the new one with a new id", "恢复原文件；新文件请另取 id 登记"),
        )  # fmt: skip


def _check_boundaries(zone: Zone, report: Report) -> None:
    """Places without a boundary, boundaries that cross themselves, and coordinates that lie outside their own boundary."""
    if not zone.boundaries.shapes:
        return
    import shapely  # noqa: PLC0415 - the core installs without shapely

    file = str(zone.boundary_source.get("file", "boundaries"))
    for place in zone.places.values():
        shape = zone.geometry(place.code)
        if shape is None:
            report.add(
                "warning", "no_boundary", f"{place.code} {place.name_en} has no boundary.", f"{place.code} {place.name_zh} 没有边界。",
                file=file, field=place.code, fix=("add the polygon, or leave it off the map", "补上该面，否则地图上不显示"),
            )  # fmt: skip
        elif not shape.is_valid:
            why = shapely.is_valid_reason(shape)
            report.add(
                "warning", "invalid_boundary", f"the boundary of {place.code} is not valid: {why}.", f"{place.code} 的边界不合法：{why}。",
                file=file, field=place.code, fix=("repair the polygon", "修复该面"),
            )  # fmt: skip
        elif (
            place.lon is not None
            and place.lat is not None
            and not shape.envelope.contains(shapely.Point(place.lon, place.lat))
        ):
            report.add(
                "error", "point_outside", f"lon, lat of {place.code} lie outside its boundary.", f"{place.code} 的经纬度不在其边界内。",
                file="places.csv", field="lon, lat", limit=str(shape.bounds), fix=("mend the coordinates", "改正坐标"),
            )  # fmt: skip
