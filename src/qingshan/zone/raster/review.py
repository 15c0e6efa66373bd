"""What is wrong with the rasters of a zone, found before anything runs: each entry against its file, the grid and its quantity."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qingshan.core.errors import QingshanError, UnitError
from qingshan.core.finding import Finding
from qingshan.core.units import same_dimension
from qingshan.core.units import unit as parse_unit

from .align import lattice_offset, same_crs
from .catalogue import STATIC
from .content import content_digest
from .cover import coverage, swapped
from .grid import Grid
from .lattice import CLASS_RESAMPLING, RESAMPLING, local_scale, transformer
from .layer import location, refuse_misfits, stored_of
from .notes import Notes
from .remote import Remote, is_remote
from .stored import Stored, valid_nodata

if TYPE_CHECKING:
    from .catalogue import RasterBook

__all__ = ["review", "review_entry"]

MUCH_FINER = 2.0
"""Cells of the file per grid cell from which a value picked at a point no longer stands for the cell."""
DISTORTION = 0.005
"""Share by which the area of a cell may differ from its ground: a UTM zone stays within 0.2 %."""
CORNERS = np.array([0.0, 1.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0, 1.0])
PART = 1e-4
"""Share of the grid that may lie outside a file before it is said."""


def review(book: RasterBook, *, cells: bool = False) -> list[Finding]:
    """All findings: entries, classes, places; with `cells` also NoData and limits of every layer, read whole."""
    from .review_cells import review_cells, review_classes, review_places  # noqa: PLC0415

    found, sound = [*_distortion(book.grid), *_claims(book)], True
    for entry in book.entries:
        mine = review_entry(book, entry)
        if cells and not any(f.level == "error" for f in mine):
            mine += review_cells(book, entry)
        found += mine
        sound = sound and not any(f.level == "error" for f in mine)
    return [*found, *(review_classes(book) if sound else []), *review_places(book)]


def _distortion(grid: Grid) -> list[Finding]:
    """A projection whose cells are not as large as their ground: Web Mercator counts a quarter too much at 26 degrees."""
    if grid.geographic:
        return []
    from pyproj import Geod  # noqa: PLC0415 - the extra geo

    ellipsoid, (a, _, west, _, e, north) = Geod(ellps="WGS84"), grid.transform
    to_degrees, off = transformer(grid.crs, "EPSG:4326"), []
    for row in (0, grid.height // 2, grid.height - 1):
        for col in (0, grid.width // 2, grid.width - 1):
            x, y = west + a * (col + CORNERS[0]), north + e * (row + CORNERS[1])
            lon, lat = to_degrees.transform(x, y)
            ground = abs(ellipsoid.polygon_area_perimeter(lon, lat)[0]) if np.isfinite((lon, lat)).all() else 0.0
            off.append(float(grid.row_area[row]) / ground - 1 if ground else np.inf)
    worst = max(off, key=abs)
    if abs(worst) <= DISTORTION:
        return []
    notes = Notes("grid")
    notes.add("grid_distortion", limit=f"{DISTORTION:.1%}", crs=grid.crs, share=worst)
    return notes.found


def _claims(book: RasterBook) -> list[Finding]:
    """Entries that claim one quantity and period."""
    claimed: dict[tuple[str, str], str] = {}
    found: list[Finding] = []
    for entry in book.entries:
        key, id = (str(entry["quantity"]), str(entry["period"])), str(entry["id"])
        if key in claimed:
            notes = Notes(id)
            notes.add("raster_claimed", "quantity", quantity=key[0], period=key[1], first=claimed[key])
            found += notes.found
        claimed.setdefault(key, id)
    return found


def review_entry(book: RasterBook, entry: Mapping[str, Any]) -> list[Finding]:
    """One entry: unit, file, hash, CRS, overlap, resampling, NoData. Reads no cell."""
    notes = Notes(str(entry["id"]))
    _unit(book, entry, notes)
    _period(book, entry, notes)
    try:
        refuse_misfits(entry)
    except QingshanError as error:
        notes.told(error)
        return notes.found
    if entry.get("stations"):
        from .stations import review_stations  # noqa: PLC0415

        return [*notes.found, *review_stations(book, entry)]
    if entry.get("url") or is_remote(str(entry.get("path", ""))):
        notes.found += Remote.of({**entry, "path": entry.get("url") or entry["path"]}).findings()
    try:
        file = stored_of(entry, book.zone.path)
        _hash(entry, book.zone.path, notes)
    except QingshanError as error:
        notes.told(error)
        return notes.found
    _bands(entry, file, notes)
    _tag(entry, file, notes)
    _reference(entry, file, notes)
    if not notes.failed:
        _overlap(file, book.grid, notes)
        _resampling(entry, file, book.grid, notes)
        _nodata(entry, file, notes)
    return notes.found


def _unit(book: RasterBook, entry: Mapping[str, Any], notes: Notes) -> None:
    own, quantity = str(entry.get("unit", "")), str(entry["quantity"])
    declared = book.zone.quantities.get(quantity)
    if not own:
        notes.add("raster_no_unit", "unit")
        return
    try:
        parse_unit(own)
    except UnitError as error:
        notes.told(error)
        return
    if declared is None:
        notes.add("raster_new_quantity", "quantity", quantity=quantity)
    elif not same_dimension(declared.unit, own):
        notes.add("raster_unit", "unit", limit=declared.unit, own=own, quantity=quantity, unit=declared.unit)


SPELLED = {
    **dict.fromkeys(("metre", "metres", "meter", "meters"), "m"), **dict.fromkeys(("millimetre", "millimetres", "millimeter", "millimeters"), "mm"),
    **dict.fromkeys(("celsius", "deg c", "degree celsius", "degrees celsius"), "degC"), "kelvin": "K", "percent": "%",
    **dict.fromkeys(("degrees", "deg"), "degree"),
}  # fmt: skip
"""Unit words of other programs that are no symbols."""


def _tag(entry: Mapping[str, Any], file: Stored, notes: Notes) -> None:
    """The file's own unit against the entry's. An entry with its own scale or offset says how the stored values become its unit."""
    own, said = str(entry.get("unit", "")), file.unit.strip()
    if not said or own in ("", "class") or "scale" in entry or "offset" in entry:
        return
    read = SPELLED.get(said.lower(), said)
    try:
        tagged, declared = parse_unit(read), parse_unit(own)
    except UnitError:
        if said != own:
            notes.add("raster_unit_word", "unit", own=own, said=said)
        return
    same = (tagged.dimensions, tagged.scale, tagged.offset) == (declared.dimensions, declared.scale, declared.offset)
    if not same:
        notes.add("raster_unit_tag", "unit", limit=said, own=own, said=said)


def _period(book: RasterBook, entry: Mapping[str, Any], notes: Notes) -> None:
    """A period that no period of the zone reads: the raster would be passed over in silence."""
    read = {word for p in book.zone.periods for word in p.fact_periods()} | {STATIC}
    if str(entry["period"]) not in read:
        notes.add("raster_period", "period", limit=", ".join(sorted(read)), period=entry["period"])


def _hash(entry: Mapping[str, Any], folder: Path, notes: Notes) -> None:
    place = location(entry, folder)
    if entry.get("sha256") and not place.startswith("/vsi"):
        actual = content_digest(Path(place))
        if actual != entry["sha256"]:
            notes.add("changed_file", "sha256", limit=f"now {actual}")


def _bands(entry: Mapping[str, Any], file: Stored, notes: Notes) -> None:
    if file.bands > 1 and "band" not in entry:
        notes.add("raster_bands", "band", count=file.bands)
    if file.masked:
        notes.add("raster_mask")
    if file.dtype.kind not in "iuf":
        notes.add("raster_type", type=file.type)


def _reference(entry: Mapping[str, Any], file: Stored, notes: Notes) -> None:
    a, b, _, d, e, _ = file.transform
    if not file.crs:
        notes.add("raster_no_crs", "crs")
    elif entry.get("crs") and not entry.get("crs_override") and not same_crs(file.crs, str(entry["crs"])):
        notes.add("raster_crs", "crs", crs=entry["crs"])
    if not file.placed:
        notes.add("raster_no_place")
    elif b or d or not a or not e:
        notes.add("raster_rotated", limit=str(file.transform))


def _overlap(file: Stored, grid: Grid, notes: Notes) -> None:
    found = coverage(file, grid)
    box = ", ".join(f"{v:.6g}" for v in file.bounds)
    if found.share <= 0:
        notes.add("raster_swapped_axes" if swapped(file, grid) else "raster_no_overlap", box=box)
    elif found.share < 1 - PART:
        about = ("", "") if found.exact else ("about ", "约 ")
        notes.add(
            "raster_partial", km2=found.uncovered / 1e6, share=1 - found.share, about_en=about[0], about_zh=about[1]
        )


def _resampling(entry: Mapping[str, Any], file: Stored, grid: Grid, notes: Notes) -> None:
    how, is_class = str(entry.get("resampling", "")), entry.get("unit") == "class"
    limit = ", ".join(CLASS_RESAMPLING if is_class else RESAMPLING)
    if how and how not in limit.split(", "):
        notes.add("raster_resampling", "resampling", limit=limit, how=how)
    elif lattice_offset(file, grid) is not None:
        return
    elif not how:
        notes.add("raster_no_resampling", "resampling", limit=limit)
    else:
        notes.add("raster_resampled", "resampling", how=how)
        finer = min(local_scale(file, grid))
        if finer >= MUCH_FINER and how in ("nearest", "bilinear"):
            notes.add("raster_finer", "resampling", times=finer, how=how)


def _nodata(entry: Mapping[str, Any], file: Stored, notes: Notes) -> None:
    declared = entry.get("nodata", file.nodata)
    if declared is None and file.dtype.kind != "f":
        notes.add("raster_no_nodata", "nodata")
    elif declared is not None and str(declared).lower() != "none" and valid_nodata(file, declared) is None:
        notes.add("raster_nodata", "nodata", nodata=declared, type=file.type)
