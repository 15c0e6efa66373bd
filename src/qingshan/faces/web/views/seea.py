"""SEEA-EA tables of an account: does the account close? One table at a time, every cell exact, sums beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qingshan.accounts.balance import Head
from qingshan.accounts.balance import Table as Balance
from qingshan.accounts.beneficiaries import FLOW_TABLE, declared_flows, use_by_place
from qingshan.accounts.run import Run
from qingshan.accounts.seea import CONDITION, condition_tables, seea_tables
from qingshan.accounts.seea.trace import SUM, sealed_keys
from qingshan.core.errors import UnknownName
from qingshan.faces.web.crumbs import crumbs
from qingshan.faces.web.names import bare, capital
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.periods import period_word
from qingshan.faces.web.services import basis_word
from qingshan.faces.web.site import Ask, last_year
from qingshan.publish import numbers

WIDEST = 1e4
"""How much larger than its smallest number the one that chooses the scale of a table may be."""


@dataclass(frozen=True)
class Line:
    """One printed row: its name, unit, cells (text, address of what it is made of), sum and its address."""

    name: str
    unit: str
    cells: tuple[tuple[str, str], ...]
    total: str
    total_href: str


def build(ask: Ask) -> Page:
    """The page. `?place=`, `?period=`, `?profile=` choose the account, `?of=` the table, such as 4.1."""
    if ask.place.code not in ask.zone.places:
        raise UnknownName(f"{ask.place.code} is outside the zone's tree.", f"{ask.place.name_zh}不在本区域之内。")
    run, question = ask.run, ask.t("seea.question")
    if run is None:
        return Page("account_empty.html", ask.t("account.empty"), {"question": question})
    period = period_of(ask, run)
    tables = tables_of(ask, run, period)
    asked = ask.query.get("of", "")
    if asked and asked not in tables:
        known = ", ".join(tables) or "-"
        raise UnknownName(
            f"this account has no table {asked!r}; it has: {known}.", f"本账户没有表 {asked!r}；有：{known}。"
        )
    table = tables.get(asked) or next(iter(tables.values()), None)
    context: dict[str, Any] = {
        "run": run, "question": question, "headline": _headline(ask, table), "crumbs": crumbs(ask, "/account/seea"), "table_shown": table,
        "tabs": [(id, table_name(ask, x)) for id, x in tables.items()],
        "grid": _grid(ask, run, table, period) if table else None,
        "undeclared": table is not None and any(v for (row, _), v in table.cells.items() if row.endswith("_undeclared")),
        "notes": [ask.t.pick(n.zh, n.en) for n in table.notes] if table else [], "period": period, "span": _span(period),
        "periods": [(p, bare(period_word(p, ask.t, ask.zone))) for p in run.manifest["periods"]], "period_label": bare(period_word(period, ask.t, ask.zone)),
    }  # fmt: skip
    labels = sorted({label for x in tables.values() for label in x.labels})
    made = [_export(ask, x) for x in ([table] if table else []) + [x for x in tables.values() if x is not table]]
    return Page(
        "seea.html",
        context["headline"],
        context,
        made,
        [ask.place.code],
        [ask.t.pick(run.profile.zh, run.profile.en), "SEEA EA"],
        labels,
    )


def tables_of(ask: Ask, run: Run, period: str) -> dict[str, Balance]:
    """The account's tables in the order of SEEA, those of condition from their own run, then places of supply and use."""
    tables = seea_tables(run, ask.place.code, period)
    if measured := ask.site.topics.get(CONDITION):
        land = {id: table for id, table in tables.items() if id.startswith("4.")}
        tables = land | condition_tables(measured, ask.place.code, period) | tables
    asked = {line.service.id for line in run.services(ask.zone.root, period) if line.included == "yes"}
    made = [use_by_place(run, service, period) for service in declared_flows(ask.zone) if service in asked]
    first = {id: tables[id] for id in ("4.1", "4.2") if id in tables}
    return first | tables | {table.id: table for table in made if table.cells}


def period_of(ask: Ask, run: Run) -> str:
    known = list(run.manifest["periods"])
    asked = ask.query.get("period", "")
    same = [p for p in known if p == asked or (ask.span and last_year(p) == ask.span[1])]
    return same[0] if same else run.default_period


def _span(period: str) -> tuple[int, int] | None:
    year = last_year(period)
    return (year, year) if year else None


def table_name(ask: Ask, table: Balance) -> str:
    """4.1 Ecosystem extent account; with the price basis where there is one."""
    if table.id.startswith(FLOW_TABLE):
        return f"{ask.t('seea.flow')} {table.id.partition('.')[2]}"
    number, _, basis = table.id.partition(" ")
    said = f"{number} {capital(ask.t.pick(table.zh, table.en))}"
    return f"{said} · {basis_word(ask, basis)}" if basis else said


def _headline(ask: Ask, table: Balance | None) -> str:
    if table is None:
        return ask.t("seea.none")
    name = ask.t.pick(table.zh, table.en)
    closes = table.id in ("4.1", "4.2") or table.id.startswith("10.1")
    return ask.t(
        "seea.headline.closes" if closes else "seea.headline.table",
        place=bare(ask.short(ask.place.code)),
        name=name if ask.lang == "zh" else capital(name),
    )


def _grid(ask: Ask, run: Run, table: Balance, period: str) -> dict[str, Any]:
    """The table as printed: the longer side runs down. Sums stand where the numbers of a row have one unit and add up."""
    keys = sealed_keys(run, ask.site.topics.get(CONDITION), table.id, ask.place.code, period)
    turned = len(table.columns) > len(table.rows) and not table.units
    down, across = (table.columns, table.rows) if turned else (table.rows, table.columns)

    def at(a: Head, b: Head) -> tuple[str, str]:
        return (b.id, a.id) if turned else (a.id, b.id)

    rows = [[None if (v := table.get(*at(head, other))) is None else float(v) for other in across] for head in down]
    sums = not turned and len(across) > 1 and not table.id.startswith("5.")
    written = _written(rows, [table.units.get(head.id, table.unit) for head in down], ask.lang, sums=sums)
    lines = []
    for head, values, (texts, word) in zip(down, rows, written, strict=True):
        cells = tuple(
            (text if v is not None else "", _leads(ask, table, at(head, other), keys))
            for text, v, other in zip(texts, values, across, strict=False)
        )
        lines.append(Line(_head(ask, head), word, cells, texts[-1], _leads(ask, table, (head.id, SUM), keys)))
    return {
        "heads": [_head(ask, h) for h in across],
        "lines": lines,
        "sums": sums,
        "unit": written[0][1] if written and len({word for _, word in written}) == 1 else None,
    }


def _written(
    rows: Sequence[Sequence[float | None]], units: Sequence[str], lang: str, *, sums: bool
) -> list[tuple[list[str], str]]:
    """The cells of each row and their sum, with its unit word; a table of one unit is printed in one scale throughout,
    in which its smallest numbers can still be read."""
    added = [[*row, sum(known) if (known := [v for v in row if v is not None]) and sums else None] for row in rows]
    if len(set(units)) != 1:
        return [numbers.write_many(row, unit, lang) for row, unit in zip(added, units, strict=True)]
    every = [v for row in added for v in row]
    sizes = [abs(v) for v in every if v]
    like = min(max(sizes), WIDEST * min(sizes)) if sizes else 0.0
    texts, word = numbers.write_many(every, units[0], lang, like=like)
    width = len(added[0])
    return [(texts[i : i + width], word) for i in range(0, len(texts), width)]


def _leads(ask: Ask, table: Balance, cell: tuple[str, str], keys: Mapping[tuple[str, str], str]) -> str:
    """The pedigree of a cell that is a sealed figure, else the page of its arithmetic."""
    if key := keys.get(cell):
        return ask.pedigree(key)
    if not ask.has("seea_cell"):
        return ""
    return ask.address("/account/seea/cell", of=table.id, row=cell[0], column=cell[1], place=ask.query.get("place", ""))


def _head(ask: Ask, head: Head) -> str:
    name = ask.t.pick(head.zh, head.en)
    return name if ask.lang == "zh" else capital(name)


def _export(ask: Ask, table: Balance) -> Table:
    """One line per cell, with the stored unit."""
    columns = (
        Column("row", "行代号", "row id"), Column("row_name", "行", "row"), Column("column", "列代号", "column id"), Column("column_name", "列", "column"),
        Column("value", "数值", "value"), Column("unit", "单位", "unit"), Column("labels", "标注", "labels"),
    )  # fmt: skip
    labels = "; ".join(ask.t(f"badge.{x}.word") if ask.t.has(f"badge.{x}.word") else x for x in table.labels)
    rows: list[dict[str, Cell]] = [
        {"row": r.id, "row_name": ask.t.pick(r.zh, r.en), "column": c.id, "column_name": ask.t.pick(c.zh, c.en), "value": float(v),
         "unit": table.units.get(r.id, table.unit), "labels": labels}
        for r in table.rows for c in table.columns if (v := table.get(r.id, c.id)) is not None
    ]  # fmt: skip
    return Table(table.id, f"{table.id} {table.zh}", f"{table.id} {table.en}", columns, rows)


VIEW = View("seea", "/account/seea", build, rail=lambda code: "/account/seea", under="account")
