"""Evaluation: why does one site have this state in this period? Items, limits, clauses, counts, and the readings behind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from qingshan.core.errors import UnknownName
from qingshan.core.observed import observed_properties
from qingshan.faces.web.evaluated import gathered, newest_month, periods, rules_asked
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.site import Ask
from qingshan.faces.web.stations import Held, State, Station, held, observations, state_of
from qingshan.observe.evaluate.verdict import Result, shown
from qingshan.observe.quality.network import flagged_rows
from qingshan.publish import numbers
from qingshan.publish.monitoring import MonitoringReport, SiteState
from qingshan.publish.monitoring_report import period_word
from qingshan.publish.words import Words as ReportWords

LISTED = 30
LONG = 7
"""Characters of a value that is written whole."""


def build(ask: Ask) -> Page:
    """`?site=`, `?period=` and `?rules=` as in the report; of air `?day=` one day, else its days. Raises `UnknownName`."""
    h = held(ask.site, ask.params["network"])
    station = h.station(ask.query.get("site", ""))
    t = ask.t
    period = ask.query.get("period", "") or newest_month(periods(h))
    report = gathered(ask.site, h.network.id, period, rules_asked(ask, h.network))
    mine = next((s for s in report.sites if s.id == station.id), None)
    if mine is None:
        raise UnknownName(f"{station.id} has no result in {period}.", f"{station.name('zh')}在 {period} 没有评价结果。")
    day = ask.query.get("day", "")
    chosen = _of_day(mine, day) if day else None if not report.water and len(mine.results) > 1 else mine.results[0]
    w = ReportWords(ask.lang)
    when = day or period_word(report, w)
    first, after = _window(report, day)
    readings = _readings(ask, h, station, first, after, {p.item.split(" ")[0] for p in chosen.parts}) if chosen else []
    context: dict[str, Any] = {
        "network": h.network, "station": station, "name": station.name(ask.lang), "when": when, "question": t("evaluation.question"), "report": report,
        "headline": _headline(ask, h, station, report, mine, chosen, when), "result": _said(ask, h, chosen) if chosen else None,
        "days": [] if chosen else [_day(ask, h, station, r) for r in mine.results], "labels": report.labels, "period": period, "periods": [(period, period)],
        "readings": readings[:LISTED], "n_readings": len(readings),
        "station_href": ask.address(f"/network/{h.network.id}/{station.id}", period=f"{first:%Y-%m}" if (after - first).days <= 31 else f"{first:%Y}",
        rules=""),
        "report_href": ask.address(f"/network/{h.network.id}/report", rules=report.rules.id, period=period), "rules": report.rules,
        "command": f"qingshan observe evaluate {h.network.id} --zone {ask.zone.id} --sites {station.id} --by {report.span.by if report.water else 'day'}"
                   f" --years {report.span.first.year} --rules {report.rules.id} --allow-secondary --provisional --json",
    }  # fmt: skip
    return Page(
        "evaluation.html", f"{context['name']} {when}", context, _tables(chosen, mine, readings), sources=[h.network.source or h.network.operator],
        labels=report.labels,
    )  # fmt: skip


def _of_day(mine: SiteState, day: str) -> Result:
    found = next((r for r in mine.results if r.start and r.start.isoformat() == day), None)
    if found is None:
        raise UnknownName(f"no result of {day!r}.", f"没有 {day!r} 的评价结果。")
    return found


def _window(report: MonitoringReport, day: str) -> tuple[datetime, datetime]:
    if not day:
        return report.span.first, report.span.after
    first = datetime.fromisoformat(day)
    return first, first + timedelta(days=1)


def _headline(
    ask: Ask, h: Held, station: Station, report: MonitoringReport, mine: SiteState, chosen: Result | None, when: str
) -> str:
    name = station.name(ask.lang)
    if chosen is None:
        share = f"{float(mine.share.value):.1f} %" if mine.share and mine.share.value is not None else "—"
        return ask.t("evaluation.headline_days", name=name, when=when, share=share)
    return ask.t("evaluation.headline", name=name, when=when, state=state_of(h.network, chosen, ask.t, ask.lang).word)


def _said(ask: Ask, h: Held, r: Result) -> dict[str, Any]:
    state: State = state_of(h.network, r, ask.t, ask.lang)
    return {
        "state": state, "n_valid": r.n_valid, "n_required": r.n_required, "clause": " ; ".join(dict.fromkeys(r.clause.split(" ; "))), "status": r.status,
        "deciding": r.item.replace(",", ask.t("list")), "notes": [ask.t.pick(n.zh, n.en) for n in r.notes], "inputs": r.inputs, "rule_set": r.rule_set,
        "parts": [_part(ask, p) for p in r.parts],
    }  # fmt: skip


def _part(ask: Ask, p: Result) -> dict[str, Any]:
    return {
        "item": p.item, "value": _brief(p), "whole": p.value_text or shown(p.value),
        "unit": "" if p.unit in ("index", "1") else numbers.unit_word(p.unit, ask.lang) if p.unit else "",
        "grade": p.grade, "verdict": p.verdict, "limit": p.limit.replace("<=", "≤").replace(">=", "≥"), "clause": p.clause, "status": p.status,
        "notes": ask.t("list").join(ask.t.pick(n.zh, n.en) for n in p.notes),
    }  # fmt: skip


def _brief(p: Result) -> str:
    """A mean to four digits, for reading: the class was decided by the whole of it, which the title and the exports hold. Its whole digits
    stay, and where rounding lands on a limit all of it is written."""
    whole = p.value_text or shown(p.value)
    if not isinstance(p.value, Fraction) or len(whole) <= LONG:
        return whole
    value = Decimal(p.value.numerator) / Decimal(p.value.denominator)
    rounded = value.quantize(Decimal(1).scaleb(min(0, value.adjusted() - 3)))
    limits = {Decimal(n) for n in re.findall(r"\d+(?:\.\d+)?", p.limit)}
    if abs(rounded) in limits and rounded != value:
        return p.value_text or f"{Decimal(whole):f}"
    return f"{rounded.normalize():f}"


def _day(ask: Ask, h: Held, station: Station, r: Result) -> dict[str, Any]:
    day = r.start.isoformat() if r.start else ""
    return {
        "day": day, "state": state_of(h.network, r, ask.t, ask.lang), "deciding": r.item.replace(",", ask.t("list")), "n_valid": r.n_valid,
        "n_required": r.n_required, "href": ask.address(f"/network/{h.network.id}/evaluation", site=station.id, day=day, rules=ask.query.get("rules", "")),
    }  # fmt: skip


def _readings(
    ask: Ask, h: Held, station: Station, first: datetime, after: datetime, symbols: set[str]
) -> list[dict[str, Any]]:
    """The readings of the window with their flags, of the items that were judged, by item and time."""
    store, known = observations(ask.site), observed_properties()
    ids = [
        i for i, p in station.series.select("id", "property").iter_rows() if p in known and known[p].symbol in symbols
    ]
    frame = (
        flagged_rows(store, h.network.id, years=[first.year], series=ids)
        .filter(pl.col("start") >= first, pl.col("start") < after)
        .select("series", "start", "value_text", "flag", "use").sort("series", "start").collect()
    )  # fmt: skip
    made = []
    for series, at, text, flag, use in frame.iter_rows():
        item = known.get(str(series).split("|")[1])
        made.append({
            "item": ask.t.pick(item.zh, item.en) if item else series, "unit": numbers.unit_word(item.unit, ask.lang) if item else "", "at": at, "text": text,
            "flag": flag, "use": bool(use),
            "href": ask.address(f"/reading/{h.network.id}", series=series, at=at.isoformat(timespec="minutes"), period="", rules=""),
        })  # fmt: skip
    return made


def _tables(chosen: Result | None, mine: SiteState, readings: Sequence[dict[str, Any]]) -> list[Table]:
    columns = (
        Column("start", "起始", "start"), Column("quantity", "评价量", "quantity"), Column("item", "项目", "item"), Column("value", "数值", "value"),
        Column("unit", "单位", "unit"), Column("grade", "类别", "grade"), Column("verdict", "结论", "verdict"), Column("limit", "限值", "limit"),
        Column("n_valid", "有效数", "valid"), Column("n_required", "应有数", "required"), Column("clause", "依据", "clause"),
        Column("edition", "版本", "edition"),
        Column("status", "来源级别", "status"), Column("reasons", "说明", "why"), Column("rule_set", "规则集", "rule set"),
        Column("inputs", "输入哈希", "inputs hash"),
    )  # fmt: skip
    keys = {c.key for c in columns}
    results = [chosen, *chosen.parts] if chosen else list(mine.results)
    rows: list[dict[str, Cell]] = [
        {k: ("; ".join(v) if isinstance(v, list) else v) for k, v in r.record().items() if k in keys} for r in results
    ]
    points = (
        Column("item", "项目", "item"), Column("unit", "单位", "unit"), Column("at", "时间", "time"), Column("text", "收到的文字", "text as received"),
        Column("flag", "标记", "flag"), Column("use", "采用", "used"),
    )  # fmt: skip
    told: list[dict[str, Cell]] = [
        {**{k: r[k] for k in ("item", "unit", "text", "flag", "use")}, "at": r["at"].isoformat(" ", "minutes")}
        for r in readings
    ]
    return [
        Table("results", "评价结果", "Results", columns, rows),
        *([Table("readings", "读数", "Readings", points, told)] if told else []),
    ]


VIEW = View("evaluation", "/network/{network}/evaluation", build, under="network")
