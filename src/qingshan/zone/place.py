"""Places and their tree: codes (GB/T 2260 in China), both names, the level and the parent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from .table import Report, Table

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
    """Codes with names that look like `word`, best first, for error messages."""
    by_text = {text: p for p in known.values() for text in (p.code, p.name_zh, p.name_en.casefold())}
    found = get_close_matches(word.strip().casefold(), by_text, n=count * 2, cutoff=0.5)
    found += [text for text in by_text if word.strip() and word.strip() in text]
    return list(dict.fromkeys(f"{by_text[text].code} {by_text[text].name_zh}" for text in found))[:count]


def read_places(table: Table, levels: Sequence[Level], root: str, report: Report) -> dict[str, Place]:
    """The tree, parent before child. A row with an unknown level, a repeated code, or no way to the root is left out."""
    depth = {level.id: i for i, level in enumerate(levels)}
    rows: dict[str, tuple[int, Place]] = {}
    for line, row in table.rows:
        place = _place(row, line, depth, table.name, report)
        if place and place.code in rows:
            report.add(
                "error", "duplicate_place", f"the code {place.code} stands in row {rows[place.code][0]} already.",
                f"代码 {place.code} 已在第 {rows[place.code][0]} 行出现。", file=table.name, row=line, field="code",
                fix=("remove one of the rows", "删去其中一行"),
            )  # fmt: skip
        elif place:
            rows[place.code] = (line, place)
    return _tree(rows, depth, root, table.name, report)


def _place(row: dict[str, str], line: int, depth: dict[str, int], file: str, report: Report) -> Place | None:
    for column in ("code", "name_zh", "name_en"):
        if not row[column]:
            report.add(
                "error", "empty_cell", f"{column} is empty; the row is not used.", f"{column} 为空，本行未采用。",
                file=file, row=line, field=column, fix=("fill it", "填写该格"),
            )  # fmt: skip
            return None
    if row["level"] not in depth:
        report.add(
            "error", "unknown_level", f"the level {row['level']!r} is not declared in zone.toml.",
            f"层级 {row['level']!r} 没有在 zone.toml 中声明。", file=file, row=line, field="level", limit=", ".join(depth),
            fix=("use a declared level or add a [[level]]", "改用已声明的层级，或增加 [[level]]"),
        )  # fmt: skip
        return None
    lon, lat = (_degrees(row.get(c, ""), c, bound, line, file, report) for c, bound in (("lon", 180), ("lat", 90)))
    return Place(row["code"], row["name_zh"], row["name_en"], row["level"], row["parent"], lon, lat)


def _degrees(text: str, column: str, bound: int, line: int, file: str, report: Report) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) <= bound:  # also refuses NaN
        report.add(
            "error", "impossible_value", f"{column} is {text!r}.", f"{column} 为 {text!r}，不可能。", file=file, row=line,
            field=column, limit=f"-{bound} to {bound} degrees",
            fix=("write decimal degrees, longitude and latitude not exchanged", "写十进制度，注意经纬度不要写反"),
        )  # fmt: skip
        return None
    return value


def _tree(
    rows: dict[str, tuple[int, Place]], depth: dict[str, int], root: str, file: str, report: Report
) -> dict[str, Place]:
    below: dict[str, list[str]] = {}
    for code, (line, place) in rows.items():
        if code == root and not place.parent:
            continue
        parent = rows.get(place.parent)
        if parent is None:
            known = {c: p for c, (_, p) in rows.items()}
            hint = near(place.parent, known) or [root]
            report.add(
                "error", "unknown_place", f"the parent {place.parent!r} of {code} is not in the table.",
                f"{code} 的上级 {place.parent!r} 不在表中。", file=file, row=line, field="parent", limit=", ".join(hint),
                fix=("give the code of the place above; only the root has none", "填写上级代码；只有根地点可以为空"),
            )  # fmt: skip
        elif depth[parent[1].level] >= depth[place.level]:
            report.add(
                "error", "wrong_level", f"{code} ({place.level}) lies under {place.parent} ({parent[1].level}).",
                f"{code}（{place.level}）不能归入 {place.parent}（{parent[1].level}）。", file=file, row=line, field="level",
                limit=" > ".join(depth), fix=("mend the level or the parent", "改正层级或上级"),
            )  # fmt: skip
        else:
            below.setdefault(place.parent, []).append(code)
    ordered: dict[str, Place] = {}
    storey = [root] if root in rows else []
    while storey:
        ordered |= {code: rows[code][1] for code in storey}
        storey = [child for code in storey for child in below.get(code, [])]
    for code, (line, place) in rows.items():
        if code not in ordered and place.parent in rows and code in below.get(place.parent, []):
            report.add(
                "error", "no_way_to_root", f"{code} does not lead up to the root {root}; the row is not used.",
                f"{code} 沿上级走不到根地点 {root}，本行未采用。", file=file, row=line, field="parent",
                fix=("mend the parents above it", "改正其上级各行"),
            )  # fmt: skip
    return ordered
