"""Target: why was this promise judged so? The promise, the rule in words, the readings, what is missing, the document to obtain."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qingshan.assess.links import Link, link_for, read_links
from qingshan.assess.targets import TargetVerdict
from qingshan.core.errors import UnknownName
from qingshan.core.units import factor
from qingshan.faces.web.documents import library, slug
from qingshan.faces.web.figures import FIGURE_COLUMNS, Figure, row_of
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.periods import period_word
from qingshan.faces.web.promises import Promise, promise, spelt, verdicts_by_id, window, windows
from qingshan.faces.web.site import Ask
from qingshan.publish import numbers
from qingshan.zone.fact import InputFact

_RULED = {"met", "not_met", "incomplete", "disputed"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the readings: a figure that was counted, another print of it, or a year without a figure."""

    period: str
    figure: Figure | None
    role: str


def build(ask: Ask) -> Page:
    """The page of one target. Raises `UnknownName` for an id that no target of the zone has."""
    known = verdicts_by_id(ask.site)
    asked = ask.params["id"]
    if asked not in known:
        near = ", ".join(sorted(known)[:6]) or "-"
        raise UnknownName(f"no target {asked[:80]!r}; there are: {near}.", f"没有承诺 {asked[:80]!r}；有：{near}。")
    verdict = known[asked]
    p = promise(ask, asked, verdict)
    link = link_for(verdict.target, read_links(ask.zone), ask.zone)
    lines = _lines(ask, verdict, link)
    counted = [line.figure for line in lines if line.role == "counted" and line.figure]
    related = [ask.site.figure(f) for f in verdict.related]
    spans = windows(list(known.values()))
    span = next((s for s in spans if s[0] <= window(verdict.target)[1] <= s[1]), window(verdict.target))
    context: dict[str, Any] = {
        "p": p, "question": ask.t("target.question"), "headline": _headline(ask, p), "target": ask.site.figure(verdict.target),
        "due": period_word(verdict.target.period, ask.t), "rules": _rules(ask, verdict, link), "lines": lines, "sum": _sum(ask, p, counted, link),
        "each": _each(ask, verdict), "related": related, "documents": _documents(ask, verdict), "here": verdict.target.place,
        "place": ask.name(verdict.target.place), "decided": verdict.verdict in _RULED, "completion": _completion(ask, verdict),
        "span": span, "period": spelt(span), "periods": [(spelt(s), spelt(s).replace("-", "–")) for s in spans],
        "time_action": f"/{ask.lang}/", "note": _readable(ask, verdict.target.note), "readable": _readable,
    }  # fmt: skip
    tables = [_target_table(ask, p, link), _readings_table(ask, p, lines, related)]
    sources = list(dict.fromkeys([verdict.target.source_title, *(f.source for f in (*counted, *related))]))
    return Page(
        "target.html", context["headline"], context, tables, [verdict.target.place], sources, p.labels,
        record=lambda: _record(asked, verdict, link),
    )  # fmt: skip


def _headline(ask: Ask, p: Promise) -> str:
    """Name and verdict in one sentence."""
    said = f"{p.said}{ask.t('comma')}{p.remark}" if p.remark else p.said
    if p.verdict.decided:
        return ask.t("target.headline", name=p.name, said=said)
    return ask.t("target.headline_open", name=p.name, verdict=ask.t(f"verdict.{p.verdict.verdict}"), said=said)


def _rules(ask: Ask, verdict: TargetVerdict, link: Link) -> list[str]:
    """The rules that were applied to this target, each as one sentence."""
    t, target = ask.t, verdict.target
    rules = [t(f"target.rule.{link.reading}", period=period_word(link.span or target.period, t))]
    if target.op in ("<", ">"):
        rules.append(t("target.rule.strict"))
    if verdict.missing_periods:
        rules.append(t("target.rule.lower_bound") if verdict.lower_bound else t("target.rule.incomplete"))
    if link.open_definition:
        rules.append(t("target.rule.open_definition", name=t.pick(*ask.site.any_names(link.open_definition))))
    if not verdict.facts:
        rules.append(t("target.rule.no_reading"))
    if verdict.related:
        rules.append(t("target.rule.related"))
    if verdict.each:
        rules.append(t("target.rule.disputed"))
    return rules


def _lines(ask: Ask, verdict: TargetVerdict, link: Link) -> list[Line]:
    """Readings by period, the print that counted first, and the missing years in their places."""
    seen: set[str] = set()
    found: list[tuple[str, Line]] = []
    for fact in verdict.facts:
        role = "other_print" if fact.period in seen else "counted" if verdict.decided else "shown"
        seen.add(fact.period)
        found.append((fact.period, Line(period_word(fact.period, ask.t), ask.site.figure(fact), role)))
    later = [] if link.reading == "stock" else verdict.missing_periods
    found += [(year, Line(year, None, "missing")) for year in later]
    if link.reading == "stock" and verdict.missing_periods:
        found.append(("9999", Line(ask.t("target.since", year=verdict.missing_periods[0]), None, "missing")))
    return [line for _, line in sorted(found, key=lambda x: x[0][:4])]


def _sum(ask: Ask, p: Promise, counted: Sequence[Figure], link: Link) -> str:
    """640 + 887.83 = 1,527.83 km²: how several readings made one; '' where there is one."""
    if link.reading != "sum" or len(counted) < 2 or p.reading is None:
        return ""
    unit = p.verdict.unit
    texts, _ = numbers.write_many([(f.value or 0.0) * factor(f.unit, unit) for f in counted], unit, ask.lang, "exact")
    return f"{' + '.join(texts)} = {p.reading.written(ask.lang, 'exact').text}"


def _each(ask: Ask, verdict: TargetVerdict) -> list[tuple[str, str, str]]:
    """Value and verdict of each total that conflicting prints allow."""
    return [
        (numbers.write(value, verdict.unit, ask.lang, "exact").text, said, ask.t(f"verdict.{said}"))
        for value, said in verdict.each
    ]


def _completion(ask: Ask, verdict: TargetVerdict) -> str:
    if verdict.completion is None:
        return ""
    share = numbers.write(verdict.completion * 100, "%", ask.lang).text
    return ask.t("target.at_least" if verdict.lower_bound else "target.completed", share=share)


def _documents(ask: Ask, verdict: TargetVerdict) -> list[tuple[str, str]]:
    """What would settle it, with the address of the document's page where the library waits for it."""
    wanted = library(ask).wanted
    titles = [title for title in verdict.document.split("；") if title]
    return [
        (title, ask.address(f"/standards/{slug(title)}", period="") if slug(title) in wanted else "")
        for title in titles
    ]


def _readable(ask: Ask, note: str) -> str:
    """A note of the source row on a Chinese page only where it is in Chinese; the exports carry every note."""
    return note if ask.lang == "en" or any("\u4e00" <= ch <= "\u9fff" for ch in note) else ""


# ---- what leaves the house -------------------------------------------------------------------------------------------

_TARGET_COLUMNS = (
    Column("target", "承诺编号", "target id"),
    Column("name", "指标", "quantity"),
    Column("operator", "承诺方向", "target operator"),
    Column("target_value", "承诺值", "target value", mark="key"),
    Column("unit", "单位", "unit"),
    Column("target_period", "承诺时期", "target period"),
    Column("verdict", "判定", "verdict"),
    Column("said", "判定的话", "verdict in words"),
    Column("remark", "说明", "remark"),
    Column("value", "读数", "value"),
    Column("lower_bound", "是否下限", "lower bound"),
    Column("completion", "完成比例", "completion"),
    Column("lacking", "缺的时期", "periods missing"),
    Column("rule", "取数规则", "reading rule"),
    Column("open_definition", "未明的口径", "open definition"),
    Column("labels", "标注", "labels"),
    Column("status", "来源级别", "status"),
    Column("source", "出处", "source"),
    Column("reason", "拒算原因", "reason refused"),
    Column("document", "补它的文件", "document that fills it"),
    Column("key", "来历键", "pedigree key"),
)


def _target_table(ask: Ask, p: Promise, link: Link) -> Table:
    verdict, target = p.verdict, p.target
    row: dict[str, Cell] = {
        "target": p.id, "name": p.name, "operator": target.op, "target_value": target.value, "unit": target.unit,
        "target_period": target.period, "verdict": ask.t(f"verdict.{verdict.verdict}"), "said": p.said, "remark": p.remark,
        "value": verdict.value, "lower_bound": verdict.lower_bound, "completion": verdict.completion,
        "lacking": "; ".join(verdict.missing_periods), "rule": link.reading, "open_definition": link.open_definition,
        "labels": "; ".join(ask.t(f"badge.{x}.word") for x in p.labels), "status": target.status, "source": target.source_title,
        "reason": "" if verdict.decided else p.said, "document": verdict.document, "key": target.key,
    }  # fmt: skip
    return Table("target", "承诺", "Target", _TARGET_COLUMNS, [row])


def _readings_table(ask: Ask, p: Promise, lines: Sequence[Line], related: Sequence[Figure]) -> Table:
    place = ask.name(p.target.place)
    bare: dict[str, Cell] = {
        "place_code": p.target.place,
        "place": place,
        "quantity": p.target.quantity,
        "name": p.name,
    }
    rows = [
        (
            row_of(line.figure, place, ask.t)
            if line.figure
            else {**bare, "period": line.period, "document": p.verdict.document}
        )
        | {"role": ask.t(f"target.role.{line.role}")}
        for line in lines
    ]
    rows += [row_of(f, place, ask.t) | {"role": ask.t("target.role.related")} for f in related]
    columns = (Column("role", "用途", "use"), *FIGURE_COLUMNS)
    return Table("readings", "读数", "Readings", columns, rows)


def _record(id: str, verdict: TargetVerdict, link: Link) -> dict[str, Any]:
    """Everything the verdict stands on, for programs."""
    plain = {
        f.name: getattr(verdict, f.name)
        for f in dataclasses.fields(verdict)
        if f.name not in ("target", "facts", "related")
    }

    def records(facts: Sequence[InputFact]) -> list[dict[str, object]]:
        return [fact.record() for fact in facts]

    return {"id": id, "target": verdict.target.record(), "verdict": plain, "facts": records(verdict.facts),
            "related": records(verdict.related), "link": dataclasses.asdict(link)}  # fmt: skip


VIEW = View("target", "/target/{id}", build, under="overview")
