"""Limit rows: what a standard prints, one row a cell, with its edition, dates, clause, source and status.

A table is a CSV file in `domains/*/standards/` that the domain's `limits.toml` declares: which column names the item,
which holds the value. `RESERVED` columns mean the same everywhere; every other column is scope (grade, water body, pH
bin, averaging ...). An `open` row is a slot: it has no value and nothing may stand on it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from .canonical import digest
from .domain import load_domains
from .errors import DeclarationError, OutOfBounds, UnknownName
from .parameter import STATUSES
from .rounding import Exact, exact

RESERVED = (
    "operator", "unit", "edition", "valid_from", "valid_to", "clause", "source", "status", "note",
)  # fmt: skip
OPERATORS = ("<=", "<", ">=", ">", "=")
"""Operators that compare a value; others (`not_detected`, `value <= upper` ...) are words of one table."""

_DAY = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")
_KEYS = {"file", "zh", "en", "item", "value", "operator", "document"}
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def first_day(text: str) -> str:
    """The first day `YYYY`, `YYYY-MM` or `YYYY-MM-DD` covers, as ISO text."""
    return text if len(text) == 10 else f"{text}-01" if len(text) == 7 else f"{text}-01-01"


def last_day(text: str) -> str:
    """The last day `YYYY`, `YYYY-MM` or `YYYY-MM-DD` covers, as ISO text."""
    if len(text) != 7:
        return text if len(text) == 10 else f"{text}-12-31"
    year, month = int(text[:4]), int(text[5:])
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return f"{text}-{_MONTH_DAYS[month - 1] + leap:02d}"


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One printed cell. `value` is exact (None where the cell holds words or the row is open), `text` the cell as
    typed, `scope` the further columns by name."""

    table: str
    item: str
    scope: Mapping[str, str] = field(hash=False)
    operator: str
    value: Decimal | None
    text: str
    unit: str
    edition: str
    valid_from: str
    valid_to: str
    clause: str
    source: str
    status: str
    note: str
    origin: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)

    @property
    def dated(self) -> bool:
        """Whether the start of its validity was read; a row without one is used only where its edition is named."""
        return bool(self.valid_from)

    def in_force(self, day: str) -> bool:
        """Whether it holds on an ISO day. False for an undated row."""
        return (
            self.dated and first_day(self.valid_from) <= day and (not self.valid_to or day <= last_day(self.valid_to))
        )

    @property
    def where(self) -> str:
        return f"{self.origin}:{self.line}"

    @property
    def sign(self) -> str:
        """`<= 35 ug/m3`, as reports print the limit."""
        return " ".join(p for p in (self.operator, self.text, self.unit if self.unit != "1" else "") if p)

    @property
    def key(self) -> str:
        """Identity of the row's content, whichever file or line holds it."""
        return digest(self.record())

    def record(self) -> dict[str, Any]:
        return {
            "table": self.table, "item": self.item, "scope": dict(self.scope), "operator": self.operator,
            "text": self.text, "unit": self.unit, "edition": self.edition, "valid_from": self.valid_from,
            "valid_to": self.valid_to, "clause": self.clause, "source": self.source, "status": self.status, "note": self.note,
        }  # fmt: skip

    def holds(self, value: Exact) -> bool:
        """Whether `value` stands on the good side. Raises `DeclarationError` where the row compares nothing."""
        if self.value is None or self.operator not in OPERATORS:
            raise DeclarationError(
                f"{self.item} {self.operator!r} {self.text!r} is no numeric limit.",
                f"{self.item} {self.operator!r} {self.text!r} 不是数值限值。", where=self.where,
            )  # fmt: skip
        limit = self.value
        return {
            "<=": value <= limit, "<": value < limit, ">=": value >= limit, ">": value > limit, "=": value == limit,
        }[self.operator]  # fmt: skip


@dataclass(frozen=True)
class LimitTable:
    """One table: its names, the domain that holds it, its columns of scope and its rows in printed order. `document` is
    the declared document of rows whose edition has no number."""

    id: str
    domain: str
    zh: str
    en: str
    scopes: tuple[str, ...]
    rows: tuple[LimitRow, ...]
    document: str = ""

    @property
    def editions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(r.edition for r in self.rows))

    def find(self, item: str | None = None, **scope: str) -> list[LimitRow]:
        """Rows of that item and scope; None does not filter. Raises `UnknownName` for a column the table lacks."""
        unknown = set(scope) - set(self.scopes)
        if unknown:
            raise UnknownName(
                f"the table {self.id} has no column {sorted(unknown)}; it has: {', '.join(self.scopes)}.",
                f"表 {self.id} 没有 {sorted(unknown)} 列；有：{'、'.join(self.scopes)}。",
            )
        return [
            r for r in self.rows
            if (item is None or r.item == item) and all(r.scope[k] == v for k, v in scope.items())
        ]  # fmt: skip

    def with_rows(self, rows: Iterable[LimitRow]) -> LimitTable:
        """The table with further rows (local limits, user rows). A row of another's edition never replaces one: it
        needs an edition of its own. A non-open row closes the open slot of its item."""
        added = tuple(rows)
        taken = {r.edition for r in self.rows if r.status != "open"}
        for row in added:
            if row.edition in taken:
                raise DeclarationError(
                    f"the edition {row.edition!r} of {self.id} is already printed.", f"{self.id} 已有版本 {row.edition!r}。",
                    where=row.where, fix="give the added rows an edition of their own / 为补充的行另立版本",
                )  # fmt: skip
        closed = {r.item for r in added if r.status != "open"}
        kept = tuple(r for r in self.rows if not (r.status == "open" and r.item in closed))
        return replace(self, rows=kept + added)


def _wrong(en: str, zh: str, where: str, fix: str = "") -> DeclarationError:
    return DeclarationError(en, zh, where=where, fix=fix)


def _row(raw: Mapping[str, str | None], table: str, declared: Mapping[str, str], origin: str, line: int) -> LimitRow:
    """Check and build one row. Raises `DeclarationError` naming file and line."""
    where = f"{origin}:{line}"
    get = {k: (v or "").strip() for k, v in raw.items() if k}
    status, text = get.get("status", ""), get.get(declared.get("value", "value"), "")
    if status not in STATUSES:
        raise _wrong(f"status {status!r} is unknown.", f"status 为 {status!r}，不在规定之列。", where)
    for column in ("valid_from", "valid_to"):
        if (day := get.get(column, "")) and not _DAY.fullmatch(day):
            raise _wrong(
                f"{column} is {day!r}.",
                f"{column} 填的是 {day!r}。",
                where,
                "YYYY, YYYY-MM or YYYY-MM-DD / 写年、年-月或年-月-日",
            )
    if get.get("valid_to") and get.get("valid_from") and last_day(get["valid_to"]) < first_day(get["valid_from"]):
        raise _wrong("valid_to lies before valid_from.", "失效日早于生效日。", where)
    if status != "open" and not get.get("source"):
        raise _wrong("the row has no source.", "本行没有写出处。", where, "fill the column source / 填写 source 列")
    value: Decimal | None = None
    if text and status != "open":
        try:
            value = exact(text)
        except OutOfBounds:
            value = None
    item, held = declared["item"], declared.get("value", "value")
    scope = {k: v for k, v in get.items() if k not in (*RESERVED, item, held)}
    return LimitRow(
        table=table, item=get.get(item, ""), scope=scope, operator=get.get("operator", "") or declared.get("operator", ""),
        value=value, text=text, unit=get.get("unit", ""), edition=get.get("edition", ""),
        valid_from=get.get("valid_from", ""), valid_to=get.get("valid_to", ""), clause=get.get("clause", ""),
        source=get.get("source", ""), status=status, note=get.get("note", ""), origin=origin, line=line,
    )  # fmt: skip


def read_limits(path: Path, table: str, declared: Mapping[str, str], origin: str = "") -> tuple[LimitRow, ...]:
    """The rows of one CSV file. `declared` names its columns `item` and `value`, and a default `operator`."""
    origin = origin or path.name
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        wanted = {declared["item"], declared.get("value", "value"), "unit", "source", "status"}
        if missing := wanted - set(reader.fieldnames or ()):
            raise _wrong(f"no column {sorted(missing)}.", f"缺少 {sorted(missing)} 列。", origin)
        rows = []
        for raw in reader:
            if None in raw or None in raw.values():
                raise _wrong(
                    "the row has more or fewer cells than the header.",
                    "本行的格数与表头不符。",
                    f"{origin}:{reader.line_num}",
                )
            rows.append(_row(raw, table, declared, origin, reader.line_num))
        return tuple(rows)


def declaration(id: str) -> Mapping[str, str]:
    """How the columns of a table are declared. Raises `UnknownName`."""
    return _declared()[_known(id)][1]


@lru_cache(maxsize=1)
def _declared() -> dict[str, tuple[str, dict[str, str]]]:
    """Table id -> (domain, declaration)."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for domain, content in load_domains().declared("limits"):
        for raw in content["table"]:
            where = f"{domain}/limits.toml: {raw.get('file')}"
            if set(raw) - _KEYS or raw["file"] in found:
                raise _wrong("an unknown key, or a table declared twice.", "有不认识的键，或同一表声明了两次。", where)
            found[raw["file"]] = (domain, raw)
    return found


@lru_cache(maxsize=1)
def scope_names() -> dict[str, tuple[str, str]]:
    """What the codes in columns of scope are called, as (zh, en); a code that no domain names is a name itself."""
    return {
        code: (zh, en)
        for _, content in load_domains().declared("limits")
        for code, (zh, en) in content.get("words", {}).items()
    }


def _known(id: str) -> str:
    if id not in _declared():
        raise UnknownName(
            f"no limit table {id!r}; there are: {', '.join(sorted(_declared()))}.",
            f"没有限值表 {id!r}；有：{'、'.join(sorted(_declared()))}。",
        )
    return id


@lru_cache(maxsize=128)
def limit_table(id: str) -> LimitTable:
    """One declared table, read once. Raises `UnknownName` or `DeclarationError`."""
    domain, declared = _declared()[_known(id)]
    path = load_domains().by_name[domain].folder / "standards" / f"{declared['file']}.csv"
    rows = read_limits(path, id, declared, f"{domain}/standards/{path.name}")
    scopes = tuple(rows[0].scope) if rows else ()
    return LimitTable(id, domain, declared["zh"], declared["en"], scopes, rows, declared.get("document", ""))


def limit_tables() -> list[LimitTable]:
    """Every declared table, by domain and id."""
    return [limit_table(id) for id in sorted(_declared(), key=lambda i: (_declared()[i][0], i))]
