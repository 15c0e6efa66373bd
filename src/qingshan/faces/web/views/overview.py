"""Overview: is the zone keeping its promises? Targets on one line, the map of one figure, its ranking."""

from __future__ import annotations

from qingshan.core.errors import UnknownName
from qingshan.faces.web import numbers
from qingshan.faces.web.atlas import atlas, finding
from qingshan.faces.web.figures import FIGURE_COLUMNS, figures_table, input_titles, row_of
from qingshan.faces.web.names import uncapital
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.promises import Promise, default_span, promises, verdicts_of, windows
from qingshan.faces.web.site import Ask, Field

_TARGET_COLUMNS = (
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
    spans = windows(verdicts_of(ask.site))
    span = _span(ask, spans)
    listed = promises(ask, span) if span else []
    fields = ask.site.fields(ask.profile, ask.site.leaf_level)
    field = _field(ask, fields)
    chosen = ask.place.code if ask.query.get("place") else ""
    drawn = atlas(ask, field, chosen=chosen) if field else None
    read = [p for p in listed if p.reading]
    headline = _headline(ask, listed, span)
    context = {
        "question": t("overview.question"), "headline": headline, "lead": _lead(ask, read, len(listed) - len(read)),
        "span": span, "periods": [(f"{a}-{b}" if a != b else str(b), f"{a}–{b}" if a != b else str(b)) for a, b in spans],
        "period": f"{span[0]}-{span[1]}" if span and span[0] != span[1] else (str(span[1]) if span else ""),
        "title": t("overview.title", n=numbers.counted(len(listed), ask.lang)), "read": read, "unread": [p for p in listed if not p.reading],
        "atlas": drawn, "finding": finding(ask, field) if field else "", "measure": _measure(ask, field) if field else "",
        "choices": [(f.id, _choice(ask, f, fields)) for f in fields.values()], "of": field.id if field else "",
        "chosen": chosen,
    }  # fmt: skip
    tables = [_targets(ask, listed)] + ([_areas(ask, field)] if field else [])
    sources = _sources(ask, listed, field)
    labels = sorted({label for p in listed for label in p.labels} | set(field.sample.labels if field else ()))
    return Page("overview.html", headline, context, tables, ask.zone.leaves(ask.zone.root), sources, labels)


def _span(ask: Ask, spans: list[tuple[int, int]]) -> tuple[int, int] | None:
    """The span of targets that the asked years fall into, else the one with most targets."""
    if ask.span:
        for span in spans:
            if span[0] <= ask.span[1] <= span[1]:
                return span
    return default_span(verdicts_of(ask.site))


def _field(ask: Ask, fields: dict[str, Field]) -> Field | None:
    asked = ask.query.get("of", "")
    if asked and asked not in fields:
        known = ", ".join(fields) or "-"
        raise UnknownName(
            f"no figure {asked!r} to colour the map by; there are: {known}.",
            f"没有可上图的指标 {asked!r}；有：{known}。",
        )
    return fields[asked] if asked else next(iter(fields.values()), None)


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


def _lead(ask: Ask, read: list[Promise], unread: int) -> str:
    t = ask.t
    parts = [
        t("overview.lead.one", name=_before(p.name, p.said, ask.lang), said=p.said, lack=_lacking(ask, p)) for p in read
    ]
    parts = [part if i == 0 or ask.lang == "zh" else uncapital(part) for i, part in enumerate(parts)]
    text = t("overview.lead.join").join(parts)
    if unread and read:
        rest = t(
            "overview.lead.rest", n=numbers.counted(unread, ask.lang), N=numbers.counted(unread, ask.lang, capital=True)
        )
        text = f"{text}{t('stop')}{rest}" if text else rest
    elif text:
        text += t("stop")
    return text[:1].upper() + text[1:]


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


def _choice(ask: Ask, field: Field, fields: dict[str, Field]) -> str:
    """Name of a figure in the list; with its period where the figure is there for several."""
    name = field.sample.name(ask.lang)
    same = [f for f in fields.values() if f.quantity == field.quantity]
    return f"{name} {field.period}" if len(same) > 1 else name


def _targets(ask: Ask, listed: list[Promise]) -> Table:
    rows: list[dict[str, Cell]] = []
    for p in listed:
        base = row_of(p.reading, ask.name(p.target.place), ask.t) if p.reading else _bare(ask, p)
        rows.append(
            base
            | {"labels": "; ".join(ask.t(f"badge.{x}.word") for x in p.labels), "target_operator": p.target.op, "target_value": p.target.value,
               "target_period": p.target.period, "verdict": ask.t(f"verdict.{p.verdict.verdict}"), "lower_bound": p.verdict.lower_bound,
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
    boundary = ask.zone.boundary_source
    lines = [ask.t.pick(str(boundary.get("title_zh", "")), str(boundary.get("title", "")))]
    lines += [part for p in listed for part in p.target.source_title.split("; ")]
    if field:
        lines += (
            input_titles(ask.run, field.sample) if field.sample.worked else [f.source for f in field.figures.values()]
        )
    return list(dict.fromkeys(line for line in lines if line))[:10]


VIEW = View("overview", "", build, home=lambda code: "/", rail=lambda code: "/")
