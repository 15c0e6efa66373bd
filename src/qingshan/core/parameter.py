"""Parameter rows: every coefficient, price and limit with unit, place, year, source and status.

A table is a CSV file in `domains/*/standards/`, in a zone's `parameters/`, or filled by a user. The columns are
`COLUMNS`. An `open` row is a slot: it names the document to obtain, and using it raises `MissingParameter`.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .canonical import digest
from .errors import AmbiguousParameter, DeclarationError, MissingParameter, UnitError
from .units import unit as parse_unit

STATUSES = ("primary", "secondary", "news", "project", "ocr_doubt", "open")
RELEASE_STATUSES = ("primary", "secondary", "news")
"""Statuses that may stand behind an official release (gep.md section 3); the rest is for drafts and screening."""

COLUMNS = (
    "parameter", "class", "value", "low", "high", "unit", "set", "place", "year", "edition", "valid_from", "valid_to",
    "source_title", "source_where", "status", "document", "note",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ParameterRow:
    """One coefficient.

    `cls` is the class or item it holds for ('' = all), `set` the parameter set (two published tables that differ are
    two sets), `year` the price or data year, `low`/`high` a declared range, `document` what fills an open slot.
    """

    parameter: str
    cls: str
    value: float | None
    low: float | None
    high: float | None
    unit: str
    set: str
    place: str
    year: str
    edition: str
    valid_from: str
    valid_to: str
    source_title: str
    source_where: str
    status: str
    document: str
    note: str
    origin: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)
    filled_by: str = ""

    @property
    def key(self) -> str:
        """Identity of the row's content, whichever file or line holds it."""
        content = asdict(self)
        del content["origin"], content["line"]
        return digest(content)

    def name(self) -> str:
        inside = ", ".join(p for p in (self.cls, self.set, self.year) if p)
        return f"{self.parameter}[{inside}]" if inside else self.parameter

    def record(self) -> dict[str, object]:
        return asdict(self) | {"key": self.key}


def _number(text: str, column: str, where: str) -> float | None:
    if not text.strip():
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DeclarationError(
            f"{column} is {text!r}, not a number.", f"{column} 填的是 {text!r}，不是数值。", where=where,
            fix="write a plain number / 只写数字",
        )  # fmt: skip
    return number


def parse_row(raw: dict[str, str], origin: str, line: int, filled_by: str = "") -> ParameterRow:
    """Check and build one row. Raises `DeclarationError` or `UnitError` naming file and line."""
    where = f"{origin}:{line}"
    get = {c: (raw.get(c) or "").strip() for c in COLUMNS}
    if not get["parameter"]:
        raise DeclarationError(
            "the row has no parameter id.", "本行没有参数编号。", where=where,
            fix="fill the column 'parameter' / 填写 parameter 列",
        )  # fmt: skip
    if get["status"] not in STATUSES:
        raise DeclarationError(
            f"status {get['status']!r} of {get['parameter']} is unknown.",
            f"{get['parameter']} 的 status 为 {get['status']!r}，不在规定之列。",
            where=where,
            fix=f"one of {', '.join(STATUSES)} / 取 {'、'.join(STATUSES)} 之一",
        )
    value = _number(get["value"], "value", where)
    if get["status"] == "open":
        value = None  # a number on an open row is for cross-check only
    elif value is None:
        raise DeclarationError(
            f"{get['parameter']} has no value but is not open.", f"{get['parameter']} 没有取值，status 又不是 open。",
            where=where, fix="give the value, or write status = open / 补上取值，或把 status 改为 open",
        )  # fmt: skip
    if get["status"] != "open" and not get["source_title"]:
        raise DeclarationError(
            f"{get['parameter']} has no source.", f"{get['parameter']} 没有写出处。", where=where,
            fix="fill source_title / 填写 source_title",
        )  # fmt: skip
    try:
        parse_unit(get["unit"])
    except UnitError as error:
        if get["status"] != "open":
            raise UnitError(error.en, error.zh, where=where, fix=error.fix) from None
    low, high = _number(get["low"], "low", where), _number(get["high"], "high", where)
    if low is not None and high is not None and value is not None and not low <= value <= high:
        raise DeclarationError(
            f"{get['parameter']}: {value} is outside {low}-{high}.",
            f"{get['parameter']} 取值 {value}，不在其区间 {low}-{high} 之内。", where=where,
            fix="low <= value <= high / 应满足 low ≤ value ≤ high",
        )  # fmt: skip
    named = {c: get[c] for c in COLUMNS if c not in ("class", "value", "low", "high")}
    return ParameterRow(
        cls=get["class"], value=value, low=low, high=high, origin=origin, line=line, filled_by=filled_by, **named
    )


def is_parameter_table(path: Path) -> bool:
    """True where the CSV header has a column `parameter`; other tables (class lists, grades) are read by their users."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return "parameter" in next(csv.reader(stream), [])


def read_rows(path: Path, origin: str = "") -> list[ParameterRow]:
    """Read one table. The file is UTF-8 CSV with a header of `COLUMNS` (missing columns read as empty)."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        if not reader.fieldnames or "parameter" not in reader.fieldnames:
            raise DeclarationError(
                "no header with a column 'parameter'.", "表头没有 parameter 列。", where=str(origin or path),
                fix="start from `qingshan fill PROFILE --template` / 从 `qingshan fill 口径 --template` 的表头填起",
            )  # fmt: skip
        extra = set(reader.fieldnames) - set(COLUMNS) - {"filled_by"}
        if extra:
            raise DeclarationError(
                f"unknown columns {sorted(extra)}.", f"有不认识的列 {sorted(extra)}。", where=str(origin or path),
                fix="take them out / 删去这些列",
            )  # fmt: skip
        return [parse_row(raw, origin or path.name, reader.line_num, raw.get("filled_by") or "") for raw in reader]


class Parameters:
    """All rows one run may use, in layers: package < zone < filled. A later layer's row replaces an earlier one of
    the same (parameter, class, set, place, year)."""

    def __init__(self, rows: Iterable[ParameterRow] = ()) -> None:
        self._rows: dict[str, dict[tuple[str, str, str, str, str], ParameterRow]] = {}
        self.add(rows)

    def add(self, rows: Iterable[ParameterRow]) -> None:
        for row in rows:
            slot = (row.cls, row.set, row.place, row.year, row.edition)
            kept = self._rows.setdefault(row.parameter, {})
            if row.status != "open":  # a filled row closes the open slot of the same class and set
                for key in [k for k, r in kept.items() if r.status == "open" and (r.cls, r.set) == (row.cls, row.set)]:
                    del kept[key]
            kept[slot] = row

    def __iter__(self) -> Iterator[ParameterRow]:
        for kept in self._rows.values():
            yield from kept.values()

    def rows(
        self, parameter: str, *, cls: str | None = None, set: str | None = None, year: str | None = None
    ) -> list[ParameterRow]:
        """Every row that fits; `None` does not filter."""
        kept = self._rows.get(parameter, {}).values()
        return [
            r for r in kept
            if (cls is None or r.cls == cls) and (set is None or r.set == set) and (year is None or r.year == year)
        ]  # fmt: skip

    def find(
        self,
        parameter: str,
        *,
        cls: str | None = None,
        set: str | None = None,
        year: str | None = None,
        on: str | None = None,
    ) -> ParameterRow:
        """The one usable row. `on` (ISO date) picks the edition in force.

        Raises `MissingParameter` (none, or open: the document is named) or `AmbiguousParameter` (several).
        """
        fits = self.rows(parameter, cls=cls, set=set, year=year)
        if on:
            fits = [
                r for r in fits if (not r.valid_from or r.valid_from <= on) and (not r.valid_to or on <= r.valid_to)
            ]
        asked = ", ".join(p for p in (cls, f"set {set}" if set else "", year) if p)
        name = f"{parameter}[{asked}]" if asked else parameter
        closed = [r for r in fits if r.status != "open"]
        if not fits:
            raise MissingParameter(parameter, f"no row for {name}.", f"参数 {name} 没有取值。")
        if not closed:
            document = fits[0].document or fits[0].note or fits[0].source_title
            raise MissingParameter(
                parameter, f"{name} is open.", f"参数 {name} 待补。", document=document, where=fits[0].origin
            )
        if len(closed) > 1:
            shown = "; ".join(f"{r.name()} {r.value} {r.unit} ({r.place or 'any place'})" for r in closed[:5])
            raise AmbiguousParameter(
                f"{len(closed)} rows fit {name}: {shown}.", f"{name} 有 {len(closed)} 行取值：{shown}。",
                fix="name the set, class or year in the profile / 在口径中写明参数组、类别或年份",
            )  # fmt: skip
        return closed[0]
