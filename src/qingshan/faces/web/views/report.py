"""Report: what does the network say of a month, quarter or year? Shares of states, ranking, change against a year before."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from qingshan.core.errors import UnknownName
from qingshan.faces.web.evaluated import REPORTED, around, gathered, newest_month, periods, rule_sets_of, rules_asked
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.site import Ask
from qingshan.faces.web.stations import AQI_TONES, held
from qingshan.observe.evaluate.classes import scheme
from qingshan.observe.evaluate.verdict import Result
from qingshan.publish.monitoring import MonitoringReport, SiteState
from qingshan.publish.monitoring_report import (
    clauses,
    grade_word,
    grades,
    headline,
    percent,
    period_word,
    reasons,
    river_word,
    signed,
)
from qingshan.publish.monitoring_report import context as lines_of
from qingshan.publish.words import Words as ReportWords

HELD_BACK = ("items", "period_mean", "input_rounding")


def build(ask: Ask) -> Page:
    """`?period=` 2021-04, 2021Q2 or 2021 (the newest month by default); `?rules=` a rule set of the network's domain."""
    h = held(ask.site, ask.params["network"])
    t, network = ask.t, h.network
    if network.domain not in REPORTED:
        raise UnknownName(f"{network.id} has no report of a period.", f"{network.zh}没有时段报告。")
    offered = periods(h)
    context: dict[str, Any] = {
        "network": network, "name": network.name(ask.lang), "question": t("report.question"), "network_href": ask.address(f"/network/{network.id}", period=""),
        "labels": network.labels, "time_action": f"/{ask.lang}/network/{network.id}/report",
    }  # fmt: skip
    if not offered:
        context |= {"headline": t("network.headline.empty", name=context["name"], n=len(h.stations)), "report": None,
                    "command": f"qingshan observe load --zone {ask.zone.id} {network.id} FILE"}  # fmt: skip
        return Page("report.html", t("report.name"), context, labels=context["labels"])
    period = ask.query.get("period", "") or newest_month(offered)
    rules = rules_asked(ask, network)
    report = gathered(ask.site, network.id, period, rules)
    w = ReportWords(ask.lang)
    name = period_word(report, w)
    context |= {
        "report": report, "w": w, "when": name, "headline": headline(report, w), "lines": lines_of(report, w), "labels": report.labels,
        "periods": [(p, p) for p in offered], "period": period, "span": (report.span.first.year, report.span.first.year),
        "scales": _scales(ask, report, w), "states": _states(report, w), "sites": [_row(ask, report, s, w) for s in report.sites],
        "groups": [_group(report, r, w) for r in report.groups], "open": _open(ask, report), "clauses": clauses(report),
        "widths": [(p, ask.address(f"/network/{network.id}/report", period=p, rules=ask.query.get("rules", ""))) for p in around(period, offered)],
        "rules": rules, "rule_sets": [(i, t.pick(r.zh, r.en)) for i, r in rule_sets_of(network).items()],
        "files": [(kind, lang, f"/files/monitoring/{network.id}/{period}/{lang}.{kind}?rules={rules.id}") for lang in ("zh", "en") for kind in ("pdf", "xlsx")],
        "command": f"qingshan publish monitoring --zone {ask.zone.id} --network {network.id} --period {period} --rules {rules.id} --allow-secondary",
        "loads": report.sources,
    }  # fmt: skip
    tables = [_states_table(ask, report, w), _sites_table(ask, report)]
    return Page(
        "report.html", f"{t('report.name')} {name}", context, tables, sources=[network.source or network.operator], labels=report.labels
    )  # fmt: skip


def _tone(report: MonitoringReport, grade: str) -> int:
    if not grade:
        return -1
    return scheme("surface_water").grade(grade) if report.water else AQI_TONES[grade]


def _scales(ask: Ask, report: MonitoringReport, w: ReportWords) -> list[dict[str, Any]]:
    """Two strips, this period and the same a year before, with the share of each state."""
    made = []
    for period, counts in ((report.span.id, report.counts), (report.span.before().id, report.counts_before)):
        whole = sum(counts.values())
        at, parts = 0.0, []
        for grade in grades(report):
            n = counts.get(grade, 0)
            if n and grade:
                parts.append({"word": grade_word(report, grade, w), "tone": _tone(report, grade), "n": n, "x": round(at, 2),
                              "share": round(100 * n / whole, 2)})  # fmt: skip
                at += 100 * n / whole
        unsaid = counts.get("", 0)
        made.append({
            "period": period, "whole": whole, "scale": parts, "unsaid": unsaid, "unsaid_x": round(at, 2),
            "unsaid_share": round(100 * unsaid / whole, 2) if whole else 0,
        })  # fmt: skip
    return made


def _states(report: MonitoringReport, w: ReportWords) -> list[dict[str, Any]]:
    now, before = sum(report.counts.values()), sum(report.counts_before.values())
    rows = []
    for grade in grades(report):
        n, m = report.counts.get(grade, 0), report.counts_before.get(grade, 0)
        rows.append({"word": grade_word(report, grade, w), "tone": _tone(report, grade), "n": n, "share": percent(n, now),
                     "before": percent(m, before) if before else "—", "change": _points(n, now, m, before), "grade": grade})  # fmt: skip
    good, known = report.good(report.counts)
    was, knew = report.good(report.counts_before)
    rows.append({
        "word": w("monitoring.good_water" if report.water else "monitoring.good_air"), "tone": None, "n": good, "share": percent(good, known),
        "before": percent(was, knew) if knew else "—", "change": _points(good, known, was, knew), "grade": None,
    })  # fmt: skip
    return rows


def _points(n: int, whole: int, m: int, before: int) -> str:
    """Change of a share in points, '—' where one of the two is not there."""
    if not whole or not before:
        return "—"
    return signed(float(Fraction(100 * n, whole) - Fraction(100 * m, before)))


def evaluation_href(ask: Ask, report: MonitoringReport, site: str, day: str = "") -> str:
    return ask.address(
        f"/network/{report.network.id}/evaluation", site=site, period=report.span.id, rules=report.rules.id, day=day
    )


def _row(ask: Ask, report: MonitoringReport, s: SiteState, w: ReportWords) -> dict[str, Any]:
    r = s.share if s.share is not None else s.result
    known = len(r.grades) == 1 and not r.verdict
    if report.water:
        state = grade_word(report, r.grade, w) if known else w(f"verdict.{r.verdict or 'cannot_be_judged'}")
        before = grade_word(report, s.before, w) if s.before else "—"
        change = ""
    else:
        state = f"{float(r.value):.1f} %" if r.value is not None else w("monitoring.without")
        before = f"{float(s.before):.1f} %" if s.before else "—"
        change = signed(float(r.value) - float(s.before)) if r.value is not None and s.before else ""
    return {
        "order": s.order, "id": s.id, "name": s.name(ask.lang), "river": s.river, "state": state, "known": known or (not report.water and r.value is not None),
        "tone": _tone(report, r.grade if known and report.water else "") if report.water else None, "deciding": r.item.replace(",", ask.t("list")),
        "n_valid": r.n_valid, "n_required": r.n_required, "before": before, "change": change, "days": s.days, "status": r.status,
        "why": "" if known or not report.water else ask.t("list").join(ask.t.pick(n.zh, n.en) for n in r.notes if n.code not in HELD_BACK),
        "href": evaluation_href(ask, report, s.id), "station_href": ask.address(f"/network/{report.network.id}/{s.id}", period=_month(report), rules=""),
    }  # fmt: skip


def _month(report: MonitoringReport) -> str:
    return report.span.id if "Q" not in report.span.id else str(report.span.first.year)


def _group(report: MonitoringReport, r: Result, w: ReportWords) -> dict[str, Any]:
    word = river_word(report, r, w)
    return {
        "river": r.site, "valid": r.n_valid, "required": r.n_required, "share": f"{float(r.value):.1f} %" if r.value is not None else "—",
        "state": word or w(f"verdict.{r.verdict or 'cannot_be_judged'}"), "known": bool(word), "status": r.status, "clause": r.clause,
        "why": w.pick(r.notes[0].zh, r.notes[0].en) if r.notes and not word else "",
    }  # fmt: skip


def _open(ask: Ask, report: MonitoringReport) -> list[tuple[int, str]]:
    made = []
    for result, n in reasons(report)[:12]:
        note = next(x for x in result.notes if x.code not in HELD_BACK)
        made.append((n, ask.t.pick(note.zh, note.en)))
    return made


def _states_table(ask: Ask, report: MonitoringReport, w: ReportWords) -> Table:
    columns = (
        Column("state", "状态", "state"), Column("n", "个数", "count"), Column("share", "占比", "share"),
        Column("before", "上年同期占比", "share a year before"), Column("change", "同比（百分点）", "change, points"), Column("labels", "标注", "labels"),
    )  # fmt: skip
    labels = "; ".join(report.labels)
    rows: list[dict[str, Cell]] = [
        {"state": r["word"], "n": r["n"], "share": r["share"], "before": r["before"], "change": r["change"], "labels": labels}
        for r in _states(report, w)
    ]  # fmt: skip
    return Table("states", "状态构成", "States", columns, rows)


def _sites_table(ask: Ask, report: MonitoringReport) -> Table:
    columns = (
        Column("order", "名次", "rank"), Column("id", "站点代号", "site id"), Column("name", "站点", "site"), Column("river", "河流或流域", "river or basin"),
        Column("state", "状态", "state"), Column("deciding", "定类项目", "deciding items"), Column("n_valid", "有效数", "valid"),
        Column("n_required", "应有数", "required"), Column("days", "有读数的天数", "days with readings"), Column("before", "上年同期", "a year before"),
        Column("status", "来源级别", "status"), Column("why", "说明", "why"), Column("labels", "标注", "labels"),
    )  # fmt: skip
    labels = "; ".join(report.labels)
    w = ReportWords(ask.lang)
    rows = [{k: v for k, v in {**_row(ask, report, s, w), "labels": labels}.items() if k in {c.key for c in columns}} for s in report.sites]  # fmt: skip
    return Table("sites", "各站点", "Sites", columns, rows)


VIEW = View("report", "/network/{network}/report", build, under="network")

__all__ = ["VIEW", "build", "evaluation_href"]
