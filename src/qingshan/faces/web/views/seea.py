"""SEEA-EA tables of an account: does the account close? One table at a time, every cell exact, sums beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qingshan.accounts.balance import Head
from qingshan.accounts.balance import Table as Balance
from qingshan.accounts.run import Fact, Run
from qingshan.accounts.seea import CONDITION, condition_tables, seea_tables
from qingshan.core.errors import UnknownName
from qingshan.faces.web.crumbs import crumbs
from qingshan.faces.web.names import bare, capital
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.periods import period_word
from qingshan.faces.web.services import basis_word
from qingshan.faces.web.site import Ask, last_year
from qingshan.publish import numbers

SUPPLY = {"7.1a": "physical", "9.1a": "value"}


@dataclass(frozen=True)
class Line:
    """One printed row: its name, unit, cells (text, pedigree key) and sum."""

    name: str
    unit: str
    cells: tuple[tuple[str, str], ...]
    total: str


def build(ask: Ask) -> Page:
    """The page. `?place=`, `?period=`, `?profile=` choose the account, `?of=` the table, such as 4.1."""
    if ask.place.code not in ask.zone.places:
        raise UnknownName(f"{ask.place.code} is outside the zone's tree.", f"{ask.place.name_zh}不在本区域之内。")
    run, question = ask.run, ask.t("seea.question")
    if run is None:
        return Page("account_empty.html", ask.t("account.empty"), {"question": question})
    period = _period(ask, run)
    tables = seea_tables(run, ask.place.code, period)
    if measured := ask.site.topics.get(CONDITION):
        land = {id: table for id, table in tables.items() if id.startswith("4.")}
        tables = land | condition_tables(measured, ask.place.code, period) | tables
    asked = ask.query.get("of", "")
    if asked and asked not in tables:
        known = ", ".join(tables) or "-"
        raise UnknownName(
            f"this account has no table {asked!r}; it has: {known}.", f"本账户没有表 {asked!r}；有：{known}。"
        )
    table = tables.get(asked) or next(iter(tables.values()), None)
    context: dict[str, Any] = {
        "run": run, "question": question, "headline": _headline(ask, table), "crumbs": crumbs(ask, "/account/seea"), "table_shown": table,
        "tabs": [(id, _name(ask, x)) for id, x in tables.items()], "here": table.id if table else "", "grid": _grid(ask, run, table, period) if table else None,
        "notes": [n.sentence(ask.lang) for n in table.notes] if table else [], "period": period, "span": _span(period),
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


def _period(ask: Ask, run: Run) -> str:
    known = list(run.manifest["periods"])
    asked = ask.query.get("period", "")
    same = [p for p in known if p == asked or (ask.span and last_year(p) == ask.span[1])]
    return same[0] if same else run.default_period


def _span(period: str) -> tuple[int, int] | None:
    year = last_year(period)
    return (year, year) if year else None


def _name(ask: Ask, table: Balance) -> str:
    """4.1 Ecosystem extent account; with the price basis where there is one."""
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
    keys = _keys(ask, run, table, period)
    turned = len(table.columns) > len(table.rows) and not table.units
    down, across = (table.columns, table.rows) if turned else (table.rows, table.columns)

    def at(a: Head, b: Head) -> tuple[str, str]:
        return (b.id, a.id) if turned else (a.id, b.id)

    lines = []
    for head in down:
        unit = table.units.get(head.id, table.unit)
        values = [None if (v := table.get(*at(head, other))) is None else float(v) for other in across]
        known = [v for v in values if v is not None]
        texts, word = numbers.write_many([*values, sum(known) if known else None], unit, ask.lang)
        cells = tuple(
            (text if v is not None else "", keys.get(at(head, other), ""))
            for text, v, other in zip(texts, values, across, strict=False)
        )
        lines.append(Line(_head(ask, head), word, cells, texts[-1]))
    return {
        "heads": [_head(ask, h) for h in across],
        "lines": lines,
        "sums": not turned and len(across) > 1 and not table.id.startswith("5."),
    }


def _head(ask: Ask, head: Head) -> str:
    name = ask.t.pick(head.zh, head.en)
    return name if ask.lang == "zh" else capital(name)


def _keys(ask: Ask, run: Run, table: Balance, period: str) -> Mapping[tuple[str, str], str]:
    """Pedigree keys of the cells that are figures of the account themselves."""
    place, (number, _, basis) = ask.place.code, table.id.partition(" ")
    mine: Sequence[Fact] = [f for f in run.facts if f.place == place and f.period == period]
    if number in SUPPLY:
        own = [f for f in mine if f.role == SUPPLY[number] and f.basis == basis and f.value is not None]
        return {(f.service, f.cls or "whole"): f.key for f in own}
    if number == "4.2":
        pairs = [(f.cls.partition(">"), f.key) for f in mine if f.quantity == "extent.change"]
        return {(a, b): key for (a, _, b), key in pairs}
    if number == "5.2" and (measured := ask.site.topics.get(CONDITION)):
        return _condition_keys(measured, place, period)
    if number == "4.1":
        return {
            (f.quantity.removeprefix("extent."), f.cls): f.key
            for f in mine
            if f.quantity in ("extent.opening", "extent.closing", "extent.net")
        }
    return {}


def _condition_keys(run: Run, place: str, period: str) -> dict[tuple[str, str], str]:
    """A mean leads to its sum over the class, at the opening or closing."""
    order = [str(p) for p in run.manifest["periods"]]
    moments = {order[order.index(period) - 1]: "opening", period: "closing"}
    stem = "condition.sum."
    return {
        (f"{f.quantity.removeprefix(stem)}.{moments[f.period]}", f.cls): f.key
        for f in run.facts
        if f.quantity.startswith(stem) and f.place == place and f.period in moments and f.cls and f.value is not None
    }


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
