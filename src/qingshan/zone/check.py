"""Everything that is wrong with a zone folder: what opening it finds, and what opening it has no time for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qingshan.core.canonical import file_digest
from qingshan.core.errors import ZoneError
from qingshan.core.finding import Finding
from qingshan.core.outline import reason_zh

from .place import Place
from .report import Report
from .settings import entries
from .table import ZONE_FILE
from .zone import Zone, open_zone


def check_zone(path: str | Path) -> list[Finding]:
    """All findings of a zone folder (or built-in zone): file, row, field, limit, and the fix in both languages.

    Never raises for what the folder holds: a zone that cannot be opened is one finding of level `error`.
    """
    try:
        zone = open_zone(path)
    except ZoneError as error:
        return [Finding("error", "cannot_open", error.en, error.zh, file=error.where or str(path), fix=error.fix)]
    report = Report()
    _check_catalogue(zone, report)
    _check_boundaries(zone, report)
    return [*zone.findings, *report.findings(), *_raster_findings(zone)]


def _raster_findings(zone: Zone) -> list[Finding]:
    """The rasters on the zone grid, every cell read; a changed file is found with the catalogue."""
    if "grid" not in zone.config:
        return []
    from .raster.catalogue import RasterBook  # noqa: PLC0415 - the core installs without GDAL

    try:
        found = RasterBook.of(zone).findings(cells=True)
    except ZoneError as error:
        return [Finding("error", "bad_grid", error.en, error.zh, file=error.where or ZONE_FILE, fix=error.fix)]
    return [f for f in found if f.code != "changed_file"]


def _check_catalogue(zone: Zone, report: Report) -> None:
    """Each raster and series entry: its keys, its id, its file and the file's hash."""
    seen: set[str] = set()
    for table in ("raster", "series"):
        for raw in entries(zone.config, table, report):
            if raw["id"] in seen:
                report.add("duplicate_entry", file=ZONE_FILE, field=f"{table}.id", id=raw["id"])
            seen.add(raw["id"])
            if "path" in raw and "://" not in str(raw["path"]):
                _check_file(zone.path / str(raw["path"]), table, raw, report)
            elif not {"package", "url", "stations", "generator"} & set(raw):
                report.add("no_path", file=ZONE_FILE, field=f"{table}.path", id=raw["id"])


def _check_file(path: Path, table: str, raw: Mapping[str, Any], report: Report) -> None:
    if not path.is_file() and not (table == "raster" and path.is_dir()):
        report.add("missing_file", file=str(raw["path"]), field=f"{table}.path")
        return
    actual, where = _digest(path), f"{table}.sha256"
    if "sha256" not in raw:
        report.add("no_hash", file=ZONE_FILE, field=where, limit=actual, id=raw["id"])
    elif actual != raw["sha256"]:
        report.add("changed_file", file=str(raw["path"]), field=where, limit=f"now {actual}", id=raw["id"])


def _digest(path: Path) -> str:
    """sha-256 of a file; of a Zarr folder, the one it is catalogued with."""
    if path.is_file():
        return file_digest(path)
    from .raster.content import content_digest  # noqa: PLC0415 - folders are rare

    return content_digest(path)


def _check_boundaries(zone: Zone, report: Report) -> None:
    """Places without a boundary, boundaries that cross themselves, coordinates outside their own boundary."""
    if not zone.boundaries.shapes:
        return
    import shapely  # noqa: PLC0415 - the core installs without shapely

    file = str(zone.boundary_source.get("file", "boundaries"))
    for place in zone.places.values():
        shape, code = zone.geometry(place.code), place.code
        if shape is None:
            report.add("no_boundary", file=file, field=code, code=code, name_en=place.name_en, name_zh=place.name_zh)
        elif not shape.is_valid:
            why = shapely.is_valid_reason(shape)
            report.add("invalid_boundary", file=file, field=code, code=code, why=why, why_zh=reason_zh(why))
        elif not _near_coordinates(place, shape.bounds):
            report.add("point_outside", file="places.csv", field="lon, lat", limit=str(shape.bounds), code=code)


def _near_coordinates(place: Place, bounds: tuple[float, float, float, float]) -> bool:
    """Whether the coordinates of places.csv, if any, lie in the boundary's box (a label point may lie outside a crescent)."""
    if place.lon is None or place.lat is None:
        return True
    west, south, east, north = bounds
    return west <= place.lon <= east and south <= place.lat <= north
