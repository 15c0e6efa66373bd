"""The year of a place as a drawing: twelve bars of what falls, a line worked out from a method, and which months lack."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from qingshan.accounts.run import Fact
from qingshan.core.method import REGISTRY, Q
from qingshan.faces.web.charts import Chart, Series
from qingshan.faces.web.names import capital, uncapital
from qingshan.faces.web.page import Cell, Column, Table
from qingshan.faces.web.site import Ask
from qingshan.publish import numbers
from qingshan.zone.fact import InputFact
from qingshan.zone.place import Place

__all__ = ["months_of"]


def months_of(ask: Ask, place: Place) -> dict[str, Any] | None:
    """The year's course: printed months as bars and a declared method over printed months as the line."""
    declared = ask.site.shown("months")
    if not declared or not ask.zone.periods:
        return None
    bars = _twelve(ask, declared["bars"], place.code)
    if bars is None:
        return None
    t = ask.t
    method = REGISTRY[declared["line_method"]] if declared.get("line_method") in REGISTRY else None
    line = _method_line(ask, declared, place.code) if method else None
    name = capital(t.pick(*ask.site.names(bars[0].quantity, bars[0].name_zh)))
    columns = [
        Column("month", "月份", "month"),
        Column("bars", *ask.site.names(bars[0].quantity, bars[0].name_zh), unit=bars[0].unit, mark="bars_key"),
    ]
    rows: list[dict[str, Cell]] = [{"month": t(f"months.m{i}"), "bars": f.value} for i, f in enumerate(bars, 1)]
    drawn = [Series(capital(_said(name, ask)), tuple(f.value for f in bars), "bar", "water")]
    title, sub_line = name, ""
    if method and line:
        drawn.append(
            Series(capital(_said(capital(t.pick(method.result.zh, method.result.en)), ask)), tuple(line), "line", "ink")
        )
        columns.append(Column("line", method.result.zh, method.result.en, unit=method.result.unit, mark="line_key"))
        for row, value in zip(rows, line, strict=True):
            row["line"] = round(value, 1)
        title = _months_title(ask, [f.value for f in bars], line, name, drawn[1].name)
        sub_line = _cited(method.clause.document)
    columns += [
        Column("status", "来源级别", "status"),
        Column("source", "出处", "source"),
        Column("bars_key", "来历键", "pedigree key"),
    ]
    rows = [
        row | {"status": f.status, "source": f.source_title, "bars_key": f.key}
        for row, f in zip(rows, bars, strict=True)
    ]
    whole = _year_of_line(ask, declared, place.code) if line else None
    if (
        whole
    ):  # a month of the line has no cell of its own: its pedigree is the year's, made of the same twelve readings
        columns.append(Column("line_key", "全年的来历键", "pedigree key of the year"))
        rows = [row | {"line_key": whole.key} for row in rows]
    word = numbers.unit_word(bars[0].unit, ask.lang)
    chart = Chart("months", "columns", tuple(str(i) if i > 1 else t("months.m1") for i in range(1, 13)), tuple(drawn), bars[0].unit, ask.lang,
                  Table("months", "各月", "Months", tuple(columns), rows), names=tuple(t(f"months.m{i}") for i in range(1, 13)))  # fmt: skip
    sub = (
        t(
            "place.rain_sub",
            bars=name,
            line=uncapital(t.pick(method.result.zh, method.result.en)) if method else "",
            method=sub_line,
            unit=word,
            period=t("period.normal"),
        )
        if line
        else f"{name}{t('comma')}{word}"
    )
    return {"chart": chart, "title": title, "sub": sub, "labels": ask.site.figure(bars[0]).labels[:1]}


def _cited(document: str) -> str:
    """Author and year of a cited paper; other documents by their title."""
    match = re.match(r"([^\W\d]+)[^0-9]*?(\d{4})", document)
    return f"{match[1]} {match[2]}" if match else document


def _twelve(ask: Ask, quantity: str, code: str) -> list[InputFact] | None:
    period = ask.zone.periods[-1]
    found = []
    for month in range(1, 13):
        best = next((f for p in period.months(month) if (f := ask.zone.facts.best(quantity, code, p))), None)
        if best is None:
            return None
        found.append(best)
    return found


def _method_line(ask: Ask, declared: dict[str, Any], code: str) -> list[float] | None:
    """Twelve values of a declared method; None where an argument is not on file."""
    method = REGISTRY[declared["line_method"]]
    given: dict[str, Any] = {}
    for argument, quantity in declared["line_arguments"].items():
        wanted = method.arguments[argument]
        if isinstance(wanted, Q) and wanted.axis == "month":
            printed = _twelve(ask, quantity, code)
            if printed is None:
                return None
            given[argument] = ([f.value for f in printed], printed[0].unit)
        else:
            known = ask.zone.facts.series(quantity, code)
            if not known:
                return None
            given[argument] = (known[0].value, known[0].unit)
    return [float(v) for v in method.apply(given).reshape(-1)]


def _year_of_line(ask: Ask, declared: dict[str, Any], code: str) -> Fact | None:
    """The run's figure for the whole year of the line."""
    quantity = declared.get("line_year", "")
    cells = (
        ask.run.select(quantity, code, cls="", period=ask.run.default_period, basis="") if ask.run and quantity else []
    )
    return next((cell for cell in cells if cell.refusal is None), None)


def _months_title(ask: Ask, bars: Sequence[float], line: Sequence[float], bar_name: str, line_name: str) -> str:
    short = [i for i, (a, b) in enumerate(zip(bars, line, strict=True), 1) if b > a]
    words = {"bars": _said(bar_name, ask), "line": _said(line_name, ask)}
    if not short:
        return ask.t("place.rain_more", **words)
    if len(short) <= 6:
        return ask.t(
            "place.rain_less",
            months=numbers.joined([ask.t(f"months.m{i}") for i in short], ask.lang),
            **words | {"line": capital(words["line"])},
        )
    return ask.t("place.rain", **words | {"bars": capital(words["bars"])})


def _said(name: str, ask: Ask) -> str:
    """月降水量 is said 降水量 inside a sentence about months; monthly rainfall is said rainfall."""
    return name.removeprefix("月") if ask.lang == "zh" else uncapital(name).removeprefix("monthly ")
