"""Findings that need cells: NoData and limits of a layer, classes without counterpart, places without cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.errors import QingshanError
from qingshan.core.finding import Finding
from qingshan.core.units import convert
from qingshan.core.units import unit as parse_unit

from .catalogue import NO_CLASS, usable_code
from .mapping import ClassMapping
from .notes import Notes
from .source import Source
from .stored import HUGE

if TYPE_CHECKING:
    from .catalogue import RasterBook
    from .grid import Grid

__all__ = ["areas_by_code", "review_cells", "review_classes", "review_places"]

ROWS = 256
MOST_CODES = 20
"""Codes named in one finding."""


def missing(values: NDArray[Any], nodata: float | None) -> NDArray[np.bool_]:
    """Cells without data."""
    none = np.isnan(values) if values.dtype.kind == "f" else np.zeros(values.shape, bool)
    return none if nodata is None else none | (values == nodata)


def review_cells(book: RasterBook, entry: Mapping[str, Any]) -> list[Finding]:
    """One layer read whole: area without data, values outside the limits of the quantity."""
    notes, grid = Notes(str(entry["id"])), book.grid
    quantity = book.zone.quantities.get(str(entry["quantity"]))
    empty, outside, low, high = 0.0, 0.0, np.inf, -np.inf
    try:
        layer = book.layer_of(entry)
        bounds = _limits(quantity, layer.unit)
        for window in grid.blocks(ROWS):
            values = layer.source.read(window)
            area = grid.row_area[window.slices[0]]
            none = missing(values, layer.source.nodata)
            empty += float(none.sum(axis=1) @ area)
            if none.all():
                continue
            low, high = min(low, float(values[~none].min())), max(high, float(values[~none].max()))
            if bounds:
                beyond = ~none & ((values < bounds[0]) | (values > bounds[1]))
                outside += float(beyond.sum(axis=1) @ area)
    except QingshanError as error:
        notes.told(error)
        return notes.found
    whole = float(grid.row_area.sum()) * grid.width
    if low > high:
        notes.add("raster_all_nodata")
    elif empty:
        notes.add("raster_nodata_area", km2=empty / 1e6, share=empty / whole)
    if max(-low, high) >= HUGE and low <= high:
        notes.add("raster_huge", "nodata", limit=f"{HUGE:g}", low=low, high=high, unit=layer.unit)
    elif outside and bounds:
        span = f">= {bounds[0]:g}" if np.isinf(bounds[1]) else f"{bounds[0]:g} .. {bounds[1]:g}"
        limit = f"{span} {layer.unit}"
        notes.add(
            "raster_out_of_range",
            limit=limit,
            low=low,
            high=high,
            unit=layer.unit,
            km2=outside / 1e6,
            quantity=entry["quantity"],
        )
    return notes.found


def _limits(quantity: Any, unit: str) -> tuple[float, float] | None:
    """Limits in the unit of the layer. As for printed figures, what has a dimension and is not signed is not below 0; a temperature may be."""
    if quantity is None:
        return None
    low, high = quantity.low, quantity.high
    if low == -np.inf and not quantity.signed and {name for name, _ in parse_unit(unit).dimensions} - {"K"}:
        low = 0.0
    if not (np.isfinite(low) or np.isfinite(high)):
        return None
    low, high = (float(convert(v, quantity.unit, unit)) if np.isfinite(v) else v for v in (low, high))
    return low, high


def areas_by_code(source: Source, grid: Grid) -> dict[int, float]:
    """Area of each code of an integer layer, m2; NoData left out."""
    found: dict[int, float] = {}
    for window in grid.blocks(ROWS):
        values, area = source.read(window), grid.row_area[window.slices[0]]
        parts = [(values, float(area[0]))] if (area == area[0]).all() else zip(values, area.tolist(), strict=True)
        for part, each in parts:
            for code, count in _counted(part, source.nodata):
                found[code] = found.get(code, 0.0) + count * each
    return found


def _counted(values: NDArray[Any], nodata: float | None) -> list[tuple[int, int]]:
    """Codes that occur, and how often."""
    if values.dtype.kind == "u" and values.dtype.itemsize <= 2:
        counts = np.bincount(values.ravel())
        return [(c, int(counts[c])) for c in np.flatnonzero(counts).tolist() if c != nodata]
    codes, counts = np.unique(values[~missing(values, nodata)], return_counts=True)
    return [(int(c), int(n)) for c, n in zip(codes.tolist(), counts.tolist(), strict=True)]


def review_classes(book: RasterBook) -> list[Finding]:
    """Codes of the class rasters that no row of the mapping, or no class of the account, takes up."""
    if "landcover" not in book.zone.config:
        return []
    notes = Notes("landcover")
    try:
        quantity, _ = book.landcover()
        names = book.class_names()
        _codes(book, notes)
        if notes.failed:
            return notes.found
        for period in sorted({str(e["period"]) for e in book.entries if e["quantity"] == quantity}):
            book.classes(period)  # raises what is wrong with the declaration
            areas = areas_by_code(book.layer(quantity, period).source, book.grid)
            _unmapped(notes, period, areas, book.mapping(period), names)
        if not any(e["quantity"] == quantity for e in book.entries):
            notes.add("no_landcover", quantity=quantity)
    except QingshanError as error:
        notes.told(error)
    return notes.found


def _codes(book: RasterBook, notes: Notes) -> None:
    rows = [
        r for r in (book.zone.config.get("extent") or {}).get("class", []) if isinstance(r, Mapping) and "code" in r
    ]
    for row in rows:
        if not usable_code(row["code"]):
            notes.add("bad_class_code", "code", limit="1 .. 65535", cls=row.get("id"), code=row["code"])
    for code in sorted({r["code"] for r in rows if usable_code(r["code"])}):
        ids = [str(r.get("id")) for r in rows if r["code"] == code]
        if len(ids) > 1:
            notes.add("duplicate_class_code", "code", ids=", ".join(ids), code=code)


def _unmapped(
    notes: Notes, period: str, areas: Mapping[int, float], mapping: ClassMapping | None, names: Mapping[int, str]
) -> None:
    rowless, nothing, unknown = [], [], []
    targets = dict(mapping.table) if mapping else {}
    for code, area in sorted(areas.items()):
        if mapping is None:
            if code not in names and code != NO_CLASS:
                unknown.append((code, area, ""))
        elif (row := mapping.row(code)) is None:
            rowless.append((code, area, ""))
        elif code not in targets:
            nothing.append((code, area, row.name_en))
        elif targets[code] not in names:
            unknown.append((code, area, f"{row.name_en} -> {targets[code]}"))
    _listed(notes, "class_without_row", rowless, period)
    _listed(notes, "class_without_counterpart", nothing, period)
    _listed(notes, "class_not_in_account", unknown, period)


def _listed(notes: Notes, code: str, found: list[tuple[int, float, str]], period: str) -> None:
    if not found:
        return
    parts = [f"{c}{f' {name}' if name else ''} ({area / 1e6:,.3f} km2)" for c, area, name in found[:MOST_CODES]]
    codes = ", ".join(parts) + (f" … +{len(found) - MOST_CODES}" if len(found) > MOST_CODES else "")
    notes.add(code, "mapping", period=period, codes=codes, km2=sum(area for _, area, _ in found) / 1e6)


def review_places(book: RasterBook) -> list[Finding]:
    """Leaf places that get no cell; values of a raster of places that stand for none."""
    notes, table = Notes("places"), book.zone.config.get("places")
    try:
        empty = _coded_places(book, table, notes) if isinstance(table, Mapping) else _drawn_places(book)
    except QingshanError as error:
        notes.told(error)
        return notes.found
    if empty:
        shown = ", ".join(empty[:MOST_CODES])
        notes.add("place_without_cells", count=len(empty), codes=shown)
    return notes.found


def _coded_places(book: RasterBook, table: Mapping[str, Any], notes: Notes) -> list[str]:
    """Leaf places without a cell in the raster of places; notes what area has a value that [places] does not name."""
    codes = book.place_codes(table)
    areas = areas_by_code(book.place_source(table), book.grid)
    if strange := {code: area for code, area in areas.items() if code not in codes}:
        parts = [f"{code} ({area / 1e6:,.3f} km2)" for code, area in sorted(strange.items())]
        shown = ", ".join(parts[:MOST_CODES]) + (f" … +{len(parts) - MOST_CODES}" if len(parts) > MOST_CODES else "")
        notes.add("place_code_unknown", "codes", codes=shown, km2=sum(strange.values()) / 1e6)
    there = {leaf for code, leaf in codes.items() if areas.get(code)}
    return [leaf for leaf in book.zone.leaves(book.zone.root) if leaf not in there]


def _drawn_places(book: RasterBook) -> list[str]:
    """Leaf places without a cell inside their boundary."""
    places = book.places()
    counts = np.zeros(len(places.codes), np.int64)
    for window in book.grid.blocks(ROWS):
        cells = places.source.read(window)
        counts += np.bincount(cells[cells >= 0], minlength=len(counts))
    return [code for code, count in zip(places.codes, counts.tolist(), strict=True) if not count]
