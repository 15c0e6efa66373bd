"""Overview: is the zone keeping its promises? Targets on one line, the map of one figure, its ranking."""

from __future__ import annotations

from markupsafe import Markup, escape

from qingshan.core.errors import UnknownName
from qingshan.faces.web.atlas import atlas, finding
from qingshan.faces.web.figures import FIGURE_COLUMNS, Figure, figures_table, input_titles, of_run, row_of
from qingshan.faces.web.known import fields_now
from qingshan.faces.web.names import capital, uncapital
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.promises import Promise, promises, span_asked, spelt, verdicts_of, windows
from qingshan.faces.web.site import Ask, Field, last_year
from qingshan.publish import numbers

_TARGET_COLUMNS = (
    Column("target", "承诺编号", "target id"),
    Column("target_operator", "承诺方向", "target operator"),
    Column("target_value", "承诺值", "target value"),
    Column("target_period", "承诺时期", "target period"),
    Column("verdict", "判定", "verdict"),
    Column("lower_bound", "是否下限", "lower bound"),
    Column("completion", "完成比例", "completion"),
    Column("lacking", "缺的时期", "periods missing"),
    Column("target_source", "承诺出处", "source of the target"),
    Column("target_status", "承诺来源级别", "status of the target"),
)


def build(ask: Ask) -> Page:
    """The page. `?of=` picks the figure of the map, `?place=` the place kept in it, `?period=` the targets' years."""
    t = ask.t
    span = span_asked(ask)
    listed = promises(ask, span) if span else []
    now = fields_now(ask, ask.site.leaf_level)
    field = _field(ask, now)
    chosen = ask.place.code if ask.query.get("place") else ""
    drawn = atlas(ask, field, chosen=chosen) if field else None
    read = [p for p in listed if p.reading]
    headline = _headline(ask, listed, span)
    context = {
        "question": t("overview.question"), "headline": headline, "lead": _lead(ask, read, len(listed) - len(read)),
        "span": ask.span or span, "periods": _periods(ask, field), "period": ask.query.get("period", "") if ask.span else spelt(span),
        "title": t("overview.title", n=numbers.counted(len(listed), ask.lang)) if listed else t("overview.given"),
        "read": read, "unread": [p for p in listed if not p.reading],
        "atlas": drawn, "finding": finding(ask, field) if field else "", "measure": _measure(ask, field) if field else "",
        "choices": [(quantity, f.sample.name(ask.lang)) for quantity, f in now.items()], "of": field.quantity if field else "",
        "given": [] if listed else _given(ask), "account": ask.address("/account", of="", place="") if ask.has("account") else "",
        "chosen": chosen, "areas": ask.address(".geojson", of=field.id, place=chosen) if field else "",
    }  # fmt: skip
    tables = [_targets(ask, listed)] + ([_areas(ask, field)] if field else [])
    sources = _sources(ask, listed, field)
    labels = sorted({label for p in listed for label in p.labels} | set(field.sample.labels if field else ()))
    return Page("overview.html", headline, context, tables, ask.zone.leaves(ask.zone.root), sources, labels)


def _given(ask: Ask) -> list[tuple[str, Figure]]:
    """Where no target is on file: what the default account worked out for the whole zone, service by service."""
    run = ask.run
    if run is None:
        return []
    facts = [line.physical for line in run.services(ask.zone.root) if line.included == "yes" and line.physical]
    return [(ask.t.pick(*run.names(f.quantity)), of_run(run, f)) for f in facts if not f.refused]


def _periods(ask: Ask, field: Field | None) -> list[tuple[str, str]]:
    """Choices of the time control: the spans of targets, then the other years that the figure on the map was printed for."""
    spans = [spelt(span) for span in windows(verdicts_of(ask.site))]
    fields = ask.site.fields(ask.profile, ask.site.leaf_level).values()
    same = [f.period for f in fields if field and f.quantity == field.quantity]
    years = sorted({str(y) for period in same if (y := last_year(period))} - set(spans), reverse=True)
    return [(value, value.replace("-", "–")) for value in [*spans, *(years if len(same) > 1 or not spans else [])]]


def _field(ask: Ask, now: dict[str, Field]) -> Field | None:
    """`?of=quantity` in the asked time; `?of=quantity@period` in that period, unless another one was asked for and is on file."""
    asked = ask.query.get("of", "")
    exact = ask.site.fields(ask.profile, ask.site.leaf_level).get(asked)
    quantity = exact.quantity if exact else asked
    if asked and quantity not in now:
        known = ", ".join(now) or "-"
        raise UnknownName(
            f"no figure {asked!r} to colour the map by; there are: {known}.",
            f"没有可上图的指标 {asked!r}；有：{known}。",
        )
    if not asked:
        return next(iter(now.values()), None)
    found = now[quantity]
    if exact and not (ask.span and ask.span[0] <= (last_year(found.period) or 0) <= ask.span[1]):
        return exact
    return found


def _headline(ask: Ask, listed: list[Promise], span: tuple[int, int] | None) -> str:
    """The answer, from the verdicts: how many have readings and how many cannot be judged."""
    t, lang = ask.t, ask.lang
    if not listed or span is None:
        return t("overview.headline.none", zone=ask.zone.places[ask.zone.root].name(lang))
    read = sum(p.reading is not None for p in listed)
    words = {"year": span[1], "n": numbers.counted(len(listed), lang), "N": numbers.counted(len(listed), lang, capital=True),
             "read": numbers.counted(read, lang), "unread": numbers.counted(len(listed) - read, lang)}  # fmt: skip
    if read == 0:
        return t("overview.headline.unread", **words)
    if read == len(listed):
        met = sum(p.verdict.verdict == "met" for p in listed)
        return t(
            "overview.headline.read",
            **words | {"met": numbers.counted(met, lang), "unmet": numbers.counted(read - met, lang)},
        )
    return t("overview.headline.some", **words)


def _lead(ask: Ask, read: list[Promise], unread: int) -> Markup:
    """One clause for each target with a reading, each leading to why it was judged so; then how many are left."""
    t = ask.t
    clauses = []
    for i, p in enumerate(read):
        text = t("overview.lead.one", name=_before(p.name, p.said, ask.lang), said=p.said, lack=_lacking(ask, p))
        clauses.append((capital(text) if i == 0 else text if ask.lang == "zh" else uncapital(text), p.href))
    linked = escape(t("overview.lead.join")).join(
        Markup('<a href="{}" data-drawer>{}</a>').format(href, text) if href else escape(text) for text, href in clauses
    )
    if not read:
        return Markup()
    if not unread:
        return linked + t("stop").strip()
    n = {"n": numbers.counted(unread, ask.lang), "N": numbers.counted(unread, ask.lang, capital=True)}
    return linked + t("stop") + t("overview.lead.rest", **n)


def _before(name: str, said: str, lang: str) -> str:
    """A Chinese name keeps off a figure that follows it."""
    return f"{name} " if lang == "zh" and said[:1].isascii() else name


def _lacking(ask: Ask, promise: Promise) -> str:
    """Only a sum of years can lack some of them; elsewhere the remark says what is missing."""
    years = len(promise.verdict.missing_periods) if promise.verdict.lower_bound else 0
    return ask.t("comma") + ask.t("overview.lead.lack", n=numbers.counted(years, ask.lang)) if years else ""


def _measure(ask: Ask, field: Field) -> str:
    level = ask.level(ask.site.leaf_level, len(field.figures))
    period = (
        ask.t("map.run_period", period=ask.zone.period(field.period).label(ask.lang))
        if _declared(ask, field.period)
        else field.period
    )
    return ask.t("map.measure", name=field.sample.name(ask.lang), period=period, n=len(field.figures), level=level)


def _declared(ask: Ask, period: str) -> bool:
    return any(p.id == period for p in ask.zone.periods)


def _targets(ask: Ask, listed: list[Promise]) -> Table:
    rows: list[dict[str, Cell]] = []
    for p in listed:
        base = row_of(p.reading, ask.name(p.target.place), ask.t) if p.reading else _bare(ask, p)
        rows.append(
            base
            | {"labels": "; ".join(ask.t(f"badge.{x}.word") for x in p.labels), "target_operator": p.target.op, "target_value": p.target.value,
               "target": p.id, "target_period": p.target.period, "verdict": ask.t(f"verdict.{p.verdict.verdict}"), "lower_bound": p.verdict.lower_bound,
               "completion": p.verdict.completion, "lacking": "; ".join(p.verdict.missing_periods), "reason": "" if p.reading else p.said,
               "note": p.remark, "document": p.verdict.document, "target_source": p.target.source_title,
               "target_status": p.target.status}
        )  # fmt: skip
    return Table("targets", "承诺", "Targets", (*FIGURE_COLUMNS[:5], *_TARGET_COLUMNS, *FIGURE_COLUMNS[5:]), rows, "")


def _bare(ask: Ask, promise: Promise) -> dict[str, Cell]:
    return {"place_code": promise.target.place, "place": ask.name(promise.target.place), "quantity": promise.target.quantity,
            "name": promise.name, "unit": promise.target.unit}  # fmt: skip


def _areas(ask: Ask, field: Field) -> Table:
    figures = [field.figures[p.code] for p in ask.zone.at_level(ask.site.leaf_level) if p.code in field.figures]
    names = {p.code: p.name(ask.lang) for p in ask.zone.places.values()}
    sample = field.sample
    return figures_table("areas", sample.zh, sample.en, figures, names, ask.t)


def _sources(ask: Ask, listed: list[Promise], field: Field | None) -> list[str]:
    """Boundaries, the documents of the targets, what the mapped figure was made of; carriers of the boundaries are named once."""
    boundary = ask.zone.boundary_source
    named = (str(boundary.get("title_zh", "")), str(boundary.get("title", "")))
    lines = [ask.t.pick(*named), *(part for p in listed for part in p.target.source_title.split("; "))]
    if field:
        made_of = (
            input_titles(ask.run, field.sample) if field.sample.worked else [f.source for f in field.figures.values()]
        )
        lines += [line for line in made_of if not (named[1] and line.startswith(named[1]))]
    return list(dict.fromkeys(line for line in lines if line))[:8]


VIEW = View("overview", "", build, home=lambda code: "/", rail=lambda code: "/")
