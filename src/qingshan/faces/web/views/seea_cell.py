"""What one cell of a SEEA table is made of: its formula in words, the figures and shares put in, each leading further down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qingshan.accounts.balance import Table as Balance
from qingshan.accounts.beneficiaries import FLOW_TABLE
from qingshan.accounts.seea import CONDITION
from qingshan.accounts.seea.trace import Part, Trace, sealed_keys, trace
from qingshan.core.errors import UnknownName
from qingshan.faces.web.crumbs import crumbs
from qingshan.faces.web.names import bare, capital
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.periods import period_word
from qingshan.faces.web.site import Ask
from qingshan.faces.web.views.seea import period_of, table_name, tables_of
from qingshan.publish import numbers


@dataclass(frozen=True)
class Line:
    """One part as printed: name, number, unit, where it leads, and for a declared number its source and status.

    `value` in `given_unit` and the pedigree key are what is exported.
    """

    name: str
    number: str
    unit: str
    href: str
    source: str
    status: str
    value: float | None = None
    given_unit: str = ""
    key: str = ""


def build(ask: Ask) -> Page:
    """The page. `?of=` names the table, `?row=` and `?column=` the cell; the column `sum` is the sum of the row."""
    run = ask.run
    if run is None or ask.place.code not in ask.zone.places:
        raise UnknownName("there is no account here.", "这里没有账户。", fix="qingshan run gep")
    period, id = period_of(ask, run), ask.query.get("of", "")
    cell = (ask.query.get("row", ""), ask.query.get("column", ""))
    tables = tables_of(ask, run, period)
    keys = sealed_keys(run, ask.site.topics.get(CONDITION), id, ask.place.code, period)
    found = trace(run, tables, keys, id, cell, ask.place.code, period)
    table = tables[id]
    row = ask.t.pick(found.row.zh, found.row.en)
    column = ask.t("seea.sum") if found.column is None else ask.t.pick(found.column.zh, found.column.en)
    place = "" if table.id.startswith(FLOW_TABLE) else bare(ask.short(ask.place.code))
    said = numbers.write(float(found.value), found.unit, ask.lang)
    name = f"{row} · {column}" if ask.lang == "zh" else f"{capital(row)} · {column}"
    context: dict[str, Any] = {
        "question": ask.t("pedigree.question"), "crumbs": crumbs(ask, "/account/seea"), "said": said, "name": name, "place": place,
        "table_name": table_name(ask, table), "table_href": ask.address("/account/seea", of=id, place=ask.query.get("place", "")),
        "period_label": bare(period_word(period, ask.t, ask.zone)), "formula": _formula(ask, found),
        "symbols": _symbols(ask, found.formula),
        "lines": [_line(ask, table, p) for p in found.parts], "labels": list(table.labels), "run": run,
        "replay": ask.t("seea.rule.replay"),
    }  # fmt: skip
    exports, sources = [export_of(ask, context["lines"])], [table_name(ask, table)]
    return Page("seea_cell.html", f"{name} {said.text}", context, exports, [ask.place.code], sources, table.labels)


RULES = {
    "sum": "sum",
    "closing - opening": "difference",
    "share × whole": "share",
    "share × sum": "share_of_sum",
    "0": "none",
}


def _formula(ask: Ask, found: Trace) -> str:
    """The rule in words, or the formula itself."""
    word = RULES.get(found.formula) if found.parts or found.formula != "sum" else "nothing"
    return ask.t(f"seea.rule.{word}") if word else found.formula


def _symbols(ask: Ask, formula: str) -> str:
    return ask.t("seea.rule.symbols") if formula.startswith(("a·", "max")) else ""


def _line(ask: Ask, table: Balance, part: Part) -> Line:
    name = ask.t.pick(part.zh, part.en)
    if part.source:
        number, unit = numbers.digits(float(part.value), 6), ""
    else:
        (number,), unit = numbers.write_many([float(part.value)], part.unit, ask.lang)
    href = ask.pedigree(part.key) if part.key else ""
    if not href and part.cell is not None:
        row, column = part.cell
        href = ask.address(
            "/account/seea/cell", of=part.table, row=row, column=column, place=ask.query.get("place", "")
        )
    name = name if ask.lang == "zh" else capital(name)
    return Line(name, number, unit, href, part.source, part.status, float(part.value), part.unit, part.key)


def export_of(ask: Ask, lines: Sequence[Line]) -> Table:
    """The parts as a table that leaves the house, in the units they are declared in."""
    columns = (
        Column("part", "组成", "part"), Column("value", "数值", "value"), Column("unit", "单位", "unit"),
        Column("source", "出处", "source"), Column("key", "来历键", "pedigree key"),
    )  # fmt: skip
    rows: list[dict[str, Cell]] = [
        {"part": p.name, "value": p.value, "unit": p.given_unit, "source": p.source, "key": p.key} for p in lines
    ]
    return Table("parts", "由什么得来", "Made of", columns, rows)


VIEW = View("seea_cell", "/account/seea/cell", build, rail=lambda code: "/account/seea", under="account")
