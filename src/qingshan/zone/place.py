"""Places and their tree: codes (GB/T 2260 in China), both names, the level and the parent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from .report import Report
from .table import Table

PLACE_COLUMNS = ("code", "name_zh", "name_en", "level", "parent")
COMPARISON = "comparison"
"""Level of a place outside the tree (the country, another province, a basin): shown beside, never rolled up."""


@dataclass(frozen=True, slots=True)
class Place:
    """One place. `parent` is '' for the root; `lon`, `lat` (degrees) only where the zone's own table gives them."""

    code: str
    name_zh: str
    name_en: str
    level: str
    parent: str
    lon: float | None = None
    lat: float | None = None

    def name(self, lang: str = "zh") -> str:
        return self.name_zh if lang == "zh" else self.name_en


@dataclass(frozen=True, slots=True)
class Level:
    """One storey of the tree, from the root down."""

    id: str
    zh: str
    en: str


def near(word: str, known: Mapping[str, Place], count: int = 3) -> list[str]:
    """Codes with names that look like `word`, best first, for error messages.

    A numeric code is compared from the left (the first digits name the province and prefecture), a name by its letters.
    """
    plain = word.strip().casefold()
    if plain.isdigit():
        shared = {p.code: _shared_start(plain, p.code) for p in known.values()}
        codes = sorted((c for c in shared if shared[c] >= len(plain) - 2), key=lambda c: (-shared[c], c))
        return [f"{c} {known[c].name_zh}" for c in codes[:count]]
    by_text = {text: p for p in known.values() for text in (p.code.casefold(), p.name_zh, p.name_en.casefold())}
    found = get_close_matches(plain, by_text, n=count * 2, cutoff=0.5)
    found += [text for text in by_text if plain and plain in text]
    return list(dict.fromkeys(f"{by_text[text].code} {by_text[text].name_zh}" for text in found))[:count]


def _shared_start(a: str, b: str) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def read_places(table: Table, levels: Sequence[Level], root: str, report: Report) -> dict[str, Place]:
    """The tree, parent before child. A row that is faulty, or has no way up to the root, is left out with a finding."""
    depth = {level.id: i for i, level in enumerate(levels)}
    rows: dict[str, tuple[int, Place]] = {}
    for line, row in table.rows:
        place = _place(row, line, depth, table.name, report)
        if place and place.code in rows:
            first = rows[place.code][0]
            report.add("duplicate_place", file=table.name, row=line, field="code", code=place.code, first=first)
        elif place:
            rows[place.code] = (line, place)
    return _tree(rows, depth, root, table.name, report)


def _place(row: dict[str, str], line: int, depth: dict[str, int], file: str, report: Report) -> Place | None:
    for column in ("code", "name_zh", "name_en"):
        if not row[column]:
            report.add("empty_cell", file=file, row=line, field=column, column=column)
            return None
    if row["level"] not in depth:
        report.add("unknown_level", file=file, row=line, field="level", limit=", ".join(depth), word=row["level"])
        return None
    coordinates: dict[str, float | None] = {}
    for column, bound in (("lon", 180), ("lat", 90)):
        text = row.get(column, "")
        coordinates[column] = _degrees(text, bound)
        if text and coordinates[column] is None:
            limit = f"-{bound} to {bound} degrees"
            report.add("bad_coordinate", file=file, row=line, field=column, limit=limit, column=column, text=text)
    return Place(row["code"], row["name_zh"], row["name_en"], row["level"], row["parent"], **coordinates)


def _degrees(text: str, bound: int) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) <= bound else None


def _tree(
    rows: dict[str, tuple[int, Place]], depth: dict[str, int], root: str, file: str, report: Report
) -> dict[str, Place]:
    below: dict[str, list[str]] = {}
    for code, (line, place) in rows.items():
        if code == root and not place.parent:
            continue
        if place.parent not in rows:
            near_codes = ", ".join(near(place.parent, {c: p for c, (_, p) in rows.items()}) or [root])
            where: dict[str, Any] = {"file": file, "row": line, "field": "parent", "limit": near_codes}
            report.add("unknown_parent", **where, code=code, parent=place.parent)
            continue
        above = rows[place.parent][1]
        if depth[above.level] >= depth[place.level]:
            where = {"file": file, "row": line, "field": "level", "limit": " > ".join(depth)}
            report.add("wrong_level", **where, code=code, level=place.level, parent=above.code, above=above.level)
            continue
        below.setdefault(place.parent, []).append(code)
    ordered: dict[str, Place] = {}
    storey = [root] if root in rows else []
    while storey:
        ordered |= {code: rows[code][1] for code in storey}
        storey = [child for code in storey for child in below.get(code, [])]
    for code in (child for children in below.values() for child in children if child not in ordered):
        report.add("no_way_to_root", file=file, row=rows[code][0], field="parent", code=code, root=root)
    return ordered
