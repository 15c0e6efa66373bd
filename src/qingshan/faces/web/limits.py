"""Limit rows for the pages of the standards: by table, by edition side by side, and who evaluates by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from qingshan.core.domain import load_domains
from qingshan.core.errors import UnknownName
from qingshan.core.limit import LimitRow, LimitTable, first_day, last_day, limit_table, scope_names
from qingshan.core.method import Method
from qingshan.faces.web.page import Cell, Column, Table
from qingshan.faces.web.site import Ask
from qingshan.faces.web.stations import observations
from qingshan.faces.web.usage import usage
from qingshan.observe.series.model import Network
from qingshan.observe.series.network import declared_sites

PHASES = ("phase", "applicability", "no", "table")
"""Columns of scope that number or date a row and do not tell what it limits; they are left out of comparisons."""


def matters(table: str) -> list[Mapping[str, Any]]:
    """The evaluations that stand on a table, as their domains declare them."""
    return [m for _, c in load_domains().declared("evaluate") for m in c.get("matter", ()) if table in m["tables"]]


@dataclass(frozen=True)
class User:
    """One evaluation that stands on a table: its name, the command that runs it, its formulas, the profiles that use one of
    them, and the networks of this zone whose sites it judges, as (id, name)."""

    name: str
    command: str
    methods: tuple[Method, ...]
    profiles: tuple[str, ...]
    networks: tuple[tuple[str, str], ...]


def users(ask: Ask, table: str) -> tuple[User, ...]:
    """Who uses a table: every evaluation that declares it."""
    known, networks = usage(ask.site), observations(ask.site).networks
    made = []
    for matter in matters(table):
        methods = tuple(known.domains.registry[m] for m in matter["methods"])
        profiles = [ask.t.pick(u.profile.zh, u.profile.en) for m in methods for u in known.by_method.get(m.ref, ())]
        kinds = set(matter["kinds"])
        judged = tuple((n.id, n.name(ask.lang)) for n in networks.values() if kinds & _kinds(ask, n))
        made.append(
            User(ask.t.pick(matter["zh"], matter["en"]), f"qingshan {matter['command']}", methods, tuple(dict.fromkeys(profiles)), judged)
        )  # fmt: skip
    return tuple(made)


def _kinds(ask: Ask, network: Network) -> set[str]:
    """Kinds of the sites of a network, as declared."""
    kept: dict[str, set[str]] = ask.site.kept.setdefault("kinds_of_networks", {})
    if network.id not in kept:
        sites, _ = declared_sites(network)
        kept[network.id] = {str(b["kind"]) for b in sites.values()} | ({network.kind} if network.kind else set())
    return kept[network.id]


def limit_sign(row: LimitRow) -> str:
    """`≤ 35` as a page prints it; the exports keep the row as typed."""
    return " ".join(p for p in (_SIGNS.get(row.operator, row.operator), row.text) if p)


_SIGNS = {"<=": "≤", ">=": "≥"}


@dataclass(frozen=True)
class Line:
    """One row ready to print: item, scope in words, limit, validity, the number of its source below the table (0: there
    is one source)."""

    row: LimitRow
    scope: str
    text: str
    validity: str
    source: int = 0


@dataclass(frozen=True)
class Group:
    """Rows of one table and edition: names, editions to compare with, who uses it."""

    table: LimitTable
    lines: tuple[Line, ...]
    users: tuple[User, ...]
    compare: bool
    sources: tuple[str, ...]


_WORDS = {
    "grade": ("级", "grade"), "iaqi": ("IAQI", "IAQI"), "ph_gt": ("pH >", "pH >"), "ph_le": ("pH ≤", "pH ≤"), "lower": ("下限", "lower"),
    "lo": ("下限", "lower"), "no": ("序号", "no."), "b": ("b", "b"), "rij": ("r", "r"), "w_printed": ("权重（印作）", "weight as printed"),
    "p_gt": (">", ">"), "aqi_lo": ("AQI 从", "AQI from"), "tli_lo": ("TLI 从", "TLI from"),
}  # fmt: skip


def scope_words(row: LimitRow, lang: str, without: Sequence[str] = ()) -> str:
    """What a row holds for; a bare number is told with the name of its column."""
    told = []
    for column, code in row.scope.items():
        if not code or column in without or column == "rgb":
            continue
        word = _WORDS.get(column, ("", ""))[lang != "zh"]
        value = scope_names().get(code, (code, code))[lang != "zh"]
        if not value:
            continue
        numeric = value.replace(".", "", 1).replace("-", "", 1).isdigit()
        told.append(
            (f"{value} {word}" if column == "grade" and lang == "zh" else f"{word} {value}")
            if word and numeric
            else value
        )
    return " · ".join(told)


def line(row: LimitRow, lang: str = "zh", sources: Sequence[str] = ()) -> Line:
    """A row in words: scopes joined, operator and value, dates from-to."""
    scope = scope_words(row, lang)
    number = sources.index(row.source) + 1 if len(sources) > 1 and row.source else 0
    text = limit_sign(row) if row.text else ""
    dates = f"{row.valid_from or '?'} – {row.valid_to}".rstrip() if row.valid_from or row.valid_to else ""
    return Line(row, scope, text, dates, number)


def groups(ask: Ask, rows: Sequence[LimitRow]) -> list[Group]:
    """Rows of a document by table, in the order of the file."""
    found: dict[str, list[LimitRow]] = {}
    for row in rows:
        found.setdefault(row.table, []).append(row)
    return [
        Group(
            limit_table(id), tuple(line(r, ask.lang, sources) for r in held), users(ask, id),
            len([e for e in limit_table(id).editions if e]) > 1, sources,
        )
        for id, held in found.items()
        for sources in [tuple(dict.fromkeys(r.source for r in held if r.source))]
    ]  # fmt: skip


# ---- editions side by side -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Edition:
    """One column of a comparison: an edition, or one phase of it."""

    edition: str
    valid_from: str
    valid_to: str

    @property
    def dates(self) -> str:
        return f"{self.valid_from or '?'} – {self.valid_to}".rstrip()

    def covered_by(self, row: LimitRow) -> bool:
        """Whether a row of the edition holds through the whole phase."""
        if row.edition != self.edition or not row.dated:
            return row.edition == self.edition and not self.valid_from
        ends = last_day(row.valid_to) if row.valid_to else "9999"
        return (
            first_day(row.valid_from) <= self.valid_from
            and (last_day(self.valid_to) if self.valid_to else "9999") <= ends
        )


def _phases(rows: Sequence[LimitRow]) -> list[Edition]:
    """The phases of one edition: it is cut where a row of it begins."""
    name, starts = rows[0].edition, sorted({first_day(r.valid_from) for r in rows if r.dated})
    if not starts:
        return [Edition(name, "", "")]
    ends = {last_day(r.valid_to) if r.valid_to else "" for r in rows if r.dated}
    last = "" if "" in ends else max(ends)
    before = [(date.fromisoformat(s) - timedelta(days=1)).isoformat() for s in starts[1:]]
    return [Edition(name, a, b) for a, b in zip(starts, [*before, last], strict=True)]


@dataclass(frozen=True)
class Compared:
    """One item and scope over the editions; `changed` where its values differ, one of them missing included; `moved` the
    columns that differ from the one before."""

    item: str
    scope: str
    unit: str
    cells: tuple[tuple[LimitRow, ...], ...]
    changed: bool
    moved: tuple[bool, ...]


def compare(table: LimitTable, lang: str = "zh") -> tuple[list[Edition], list[Compared]]:
    """Every row of a table by edition and phase, one line per item and scope. Open rows count as no value.

    A row that holds through several phases of an edition stands in each of their columns."""
    read = [r for r in table.rows if r.edition and r.status != "open"]
    editions = [
        e for name in dict.fromkeys(r.edition for r in read) for e in _phases([r for r in read if r.edition == name])
    ]
    editions.sort(key=lambda e: (e.valid_from, e.edition))
    lines: dict[tuple[str, str], dict[int, list[LimitRow]]] = {}
    for row in read:
        scope = scope_words(row, lang, PHASES)
        for at, edition in enumerate(editions):
            if edition.covered_by(row):
                lines.setdefault((row.item, scope), {}).setdefault(at, []).append(row)
    made = []
    for (item, scope), held in lines.items():
        cells = tuple(tuple(held.get(i, ())) for i in range(len(editions)))
        told = [tuple((r.operator, r.value if r.value is not None else r.text) for r in c) for c in cells]
        unit = next(r.unit for c in cells for r in c)
        moved = (False, *(a != b for a, b in pairwise(told)))
        made.append(Compared(item, scope, unit, cells, any(moved), moved))
    return editions, made


def table_of(id: str) -> LimitTable:
    """A table that can be compared. Raises `UnknownName` for one of a single edition."""
    table = limit_table(id)
    if len({r.edition for r in table.rows if r.edition}) < 2:
        raise UnknownName(f"{table.en} has one edition.", f"{table.zh}只有一个版本。")
    return table


# ---- exports ---------------------------------------------------------------------------------------------------------

_COLUMNS = (
    Column("table", "表", "table"),
    Column("item", "项目", "item"),
    Column("scope", "适用", "scope"),
    Column("operator", "关系", "operator"),
    Column("value", "限值", "value"),
    Column("unit", "单位", "unit"),
    Column("edition", "版本", "edition"),
    Column("valid_from", "生效", "valid from"),
    Column("valid_to", "失效", "valid to"),
    Column("clause", "条款", "clause"),
    Column("status", "状态", "status"),
    Column("source", "出处", "source"),
    Column("note", "说明", "note"),
    Column("file", "文件与行", "file and row"),
)


def limits_table(rows: Sequence[LimitRow]) -> Table:
    """Limit rows as they stand."""
    made: list[dict[str, Cell]] = [
        {
            "table": r.table, "item": r.item, "scope": scope_words(r, "en"), "operator": r.operator, "value": r.text, "unit": r.unit,
            "edition": r.edition, "valid_from": r.valid_from, "valid_to": r.valid_to, "clause": r.clause, "status": r.status,
            "source": r.source, "note": r.note, "file": r.where,
        }
        for r in rows
    ]  # fmt: skip
    return Table("limits", "限值", "Limits", _COLUMNS, made)


def compared_table(editions: Sequence[Edition], lines: Sequence[Compared]) -> Table:
    """The comparison: a column per edition and phase."""
    columns = (
        Column("item", "项目", "item"), Column("scope", "适用", "scope"), Column("unit", "单位", "unit"),
        *(Column(f"e{i}", f"{e.edition} {e.dates}", f"{e.edition} {e.dates}") for i, e in enumerate(editions)),
        Column("changed", "有无变化", "changed"),
    )  # fmt: skip
    rows: list[dict[str, Cell]] = []
    for c in lines:
        told: dict[str, Cell] = {"item": c.item, "scope": c.scope, "unit": c.unit, "changed": c.changed}
        for i, cell in enumerate(c.cells):
            told[f"e{i}"] = "; ".join(f"{r.operator} {r.text}".strip() for r in cell)
        rows.append(told)
    return Table("editions", "版本对照", "Editions", columns, rows)
