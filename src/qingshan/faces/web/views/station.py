"""Station: what does one site say? Its series against their limits, the state of each moment, and the readings behind."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from qingshan.faces.web.evaluated import REPORTED
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.site import Ask
from qingshan.faces.web.stations import (
    RULES,
    Held,
    State,
    Station,
    checked,
    held,
    months,
    observations,
    rows_of,
    span_said,
    state_of,
)
from qingshan.faces.web.timeline import Lane, Line, Timeline
from qingshan.observe.evaluate.classes import scheme
from qingshan.observe.evaluate.standing import CLASSES, Bound, ItemSpan, Point, Standing, standing
from qingshan.observe.evaluate.verdict import shown
from qingshan.observe.quality.network import flagged_rows, layer
from qingshan.observe.quality.plan import TESTS
from qingshan.observe.series.model import STEPS
from qingshan.publish import numbers
from qingshan.publish.words import class_said

SMALL = 6
"""Items that get a small chart of their own."""


def build(ask: Ask) -> Page:
    """The page of a site. `?period=` a month or a year (the newest month by default), `?item=` the item drawn large."""
    h = held(ask.site, ask.params["network"])
    station = h.station(ask.params["site"])
    t, name = ask.t, station.name(ask.lang)
    offered = months(station)
    if not offered:
        context = {"question": t("station.question", name=name), "name": name, "network": h.network, "station": station,
                   "command": f"qingshan observe load --zone {ask.zone.id} {h.network.id} FILE"}  # fmt: skip
        return Page("station_empty.html", name, context)
    years = sorted({m[:4] for m in offered}, reverse=True)
    period = ask.query.get("period", "") or offered[0]
    told = standing(h.network, station.body, rows_of(ask.site, station, period), RULES)
    labels = _labels(h, told)
    items = [i for i in told.items if i.valued]
    large = _large(ask, items, told)
    context = {
        "question": t("station.question", name=name), "name": name, "network": h.network, "station": station, "headline": _headline(ask, told, period),
        "lead": _lead(ask, station, told), "where": _where(ask, station), "labels": labels, "told": told, "period": period,
        "periods": [(m, m) for m in offered] + [(y, y) for y in years], "span": (int(period[:4]), int(period[:4])),
        "large": _chart(ask, station, large, told, wide=True) if large else None,
        "small": [_chart(ask, station, i, told, wide=False) for i in items if i is not large][:SMALL],
        "state": _state_block(ask, station, told), "items": [_item(ask, station, i, told) for i in told.items],
        "others": [(s.id, s.name(ask.lang)) for s in h.stations if s.read],
        "unjudged": t.pick(told.note.zh, told.note.en) if told.note else "",
        "time_action": f"/{ask.lang}/network/{h.network.id}/{station.id}",
        "review_href": ask.address(f"/network/{h.network.id}/review", site=station.id, period=""),
        "network_href": ask.address(f"/network/{h.network.id}", period=""),
        "evaluations": [(p, ask.address(f"/network/{h.network.id}/evaluation", site=station.id, period=p)) for p in dict.fromkeys((period, period[:4]))]
        if h.network.domain in REPORTED else [],
        "station_stem": f"/{ask.lang}/network/{h.network.id}/",
    }  # fmt: skip
    tables = [_items_table(ask, station, told), _moments_table(ask, station, told), _readings_table(ask, station, told)]
    return Page("station.html", name, context, tables, sources=[h.network.source or h.network.operator], labels=labels)


def _labels(h: Held, told: Standing) -> list[str]:
    found = [*h.network.labels]
    if any(b.status == "secondary" for i in told.items for b in i.bounds):
        found.append("secondary")
    return found


def _where(ask: Ask, station: Station) -> str:
    body = station.body
    parts = [station.network.name(ask.lang), str(body.get("river") or body.get("basin") or "")]
    return " · ".join(p for p in parts if p)


# ---- what is said ----------------------------------------------------------------------------------------------------


def _headline(ask: Ask, told: Standing, period: str) -> str:
    t = ask.t
    if not told.items:
        return t("station.headline.nothing", period=period)
    whole = [m for m in told.moments if m.result.grades and not m.result.verdict]
    if len(whole) > 1:
        table = {m.result.grades[-1]: 0 for m in whole}
        for m in whole:
            table[m.result.grades[-1]] += 1
        s = scheme(told_scheme(told))
        ordered = sorted(table, key=s.grade)
        worst = ordered[-1]
        if len(ordered) == 1:
            return t("station.headline.same", n=len(whole), grade=class_said(worst, t.lang))
        return t(
            "station.headline.mixed", n=len(whole), k=table[worst], grade=class_said(worst, t.lang), best=ordered[0]
        )
    if told.newest and told.newest.result.grades:
        state = state_of(held(ask.site, ask.params["network"]).network, told.newest.result, t, ask.lang)
        return t("station.headline.now", at=told.newest.at.isoformat(" ", "minutes"), state=state.word)
    n = sum(len(i.points) for i in told.items)
    return t("station.headline.read", n=n, items=len(told.items))


def _lead(ask: Ask, station: Station, told: Standing) -> str:
    """What the states stand on: unchecked readings, or those left by quality control and review."""
    if not any(checked(observations(ask.site), station.network.id)):
        return ask.t("station.provisional")
    n = sum(not p.counted and p.reading.value is not None for i in told.items for p in i.points)
    return ask.t("station.provisional_checked", n=n)


_HOLDS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def _judged(ask: Ask, station: Station, item: ItemSpan) -> tuple[str, int]:
    """Verdict of the item's worst reading with 1 within, -1 beyond, 0 none: the best class all readings hold, or the limit of their averaging."""
    t, low, high = ask.t, item.low, item.high
    if not item.bounds or low is None or high is None or any(b.operator not in _HOLDS for b in item.bounds):
        return "", 0
    most, least = high.reading.value, low.reading.value
    if most is None or least is None:
        return "", 0
    ends = {"<": most, ">": least}
    held: dict[str, bool] = {}
    for b in item.bounds:
        held[b.word] = held.get(b.word, True) and _HOLDS[b.operator](ends[b.operator[0]], b.value)
    best = next((word for word, holds in held.items() if holds), None)
    if station.network.rules not in CLASSES:
        return (t("network.verdict.meets"), 1) if best else (t("network.verdict.exceeds"), -1)
    return (
        (t("network.class", grade=class_said(best, t.lang)), 1)
        if best
        else (t("network.class", grade=class_said(scheme(station.network.rules).worse, t.lang)), -1)
    )


def told_scheme(told: Standing) -> str:
    """The class table of a standing, by its results."""
    return next((m.result.parts[0].quantity.removesuffix(".item") for m in told.moments if m.result.parts), "")


def _state_block(ask: Ask, station: Station, told: Standing) -> dict[str, Any] | None:
    if not told.newest:
        return None
    result = told.newest.result
    state: State = state_of(station.network, result, ask.t, ask.lang)
    deciding = result.item.replace(",", ask.t("list"))
    return {
        "state": state, "at": told.newest.at, "deciding": deciding, "status": result.status,
        "clause": ask.t("semicolon").join(dict.fromkeys(result.clause.split(" ; "))),
        "n_valid": result.n_valid, "n_required": result.n_required, "notes": [ask.t.pick(n.zh, n.en) for n in result.notes],
        "edition": result.edition,
    }  # fmt: skip


# ---- charts ----------------------------------------------------------------------------------------------------------


def _large(ask: Ask, items: Sequence[ItemSpan], told: Standing) -> ItemSpan | None:
    """The asked item, else one that decides the worst moment, else the one nearest to its limit, else the first."""
    asked = ask.query.get("item", "")
    if found := next((i for i in items if asked in (i.observed.id, i.series)), None):
        return found
    deciding = _deciding(told)
    if found := next((i for i in items if i.observed.symbol in deciding), None):
        return found
    ranked = [(_pressure(i, told), k) for k, i in enumerate(items) if _line(i, told) is not None]
    return items[max(ranked, key=lambda r: (r[0], -r[1]))[1]] if ranked else items[0] if items else None


def _deciding(told: Standing) -> list[str]:
    """Items that decide the worst moment with a state."""
    table = told_scheme(told)
    whole = [m.result for m in told.moments if m.result.grades and m.result.item]
    if not whole:
        return []
    worst = max(whole, key=lambda r: scheme(table).grade(r.grades[-1])) if table and len(whole) > 1 else whole[-1]
    return worst.item.split(",")


def _line(item: ItemSpan, told: Standing) -> Bound | None:
    """The limit that holds the item's worst reading: of its class, or the limit of its averaging."""
    if item.worst is None or item.worst.reading.value is None:
        return None
    value = item.worst.reading.value
    over = [b for b in item.bounds if (value <= b.value if b.operator.startswith("<") else value >= b.value)]
    return over[0] if over else item.bounds[-1] if item.bounds else None


def _word(ask: Ask, item: ItemSpan) -> str:
    """What people call the item: its symbol where the English name is long."""
    return ask.t.pick(item.observed.zh, item.observed.en if len(item.observed.en) < 20 else item.observed.symbol)


def _pressure(item: ItemSpan, told: Standing) -> float:
    """How near the worst reading comes to the limit of the third class, or the only limit: 1 is at it."""
    bound = item.bounds[min(2, len(item.bounds) - 1)]
    worst = item.worst
    assert worst is not None and worst.reading.value is not None
    value, limit = float(worst.reading.value), float(bound.value)
    return value / limit if bound.operator.startswith("<") else limit / max(value, 1e-9)


def _bound_word(ask: Ask, bound: Bound, *, clause: bool) -> str:
    sign = "≤" if bound.operator.startswith("<") else "≥"
    classed = bound.word and not bound.word[0].isdigit()
    of = ask.t("station.of_class", grade=bound.word) if classed else span_said(bound.word, ask.lang)
    tail = f"   {bound.clause}" if clause else ""
    return f"{of} {sign} {shown(bound.value)}{tail}"


@dataclass(frozen=True)
class Picture:
    """A timeline with what stands around it."""

    item: ItemSpan
    title: str
    sub: str
    timeline: Timeline
    href: str
    table: Table
    unrun: str = ""


def _chart(ask: Ask, station: Station, item: ItemSpan, told: Standing, *, wide: bool) -> Picture:
    t = ask.t
    times = tuple(p.at for p in item.points)
    values = tuple(float(p.reading.value) if p.reading.value is not None else None for p in item.points)
    bound = _line(item, told)
    lines: list[Line] = []
    if bound is not None:
        lines.append(Line(float(bound.value), _bound_word(ask, bound, clause=wide)))
        better = [b for b in item.bounds if b.word != bound.word]
        before = [b for b in better if item.bounds.index(b) < item.bounds.index(bound)]
        if wide and before:
            lines.append(Line(float(before[-1].value), _bound_word(ask, before[-1], clause=False), hard=False))
    worst, low, high = item.worst, item.low, item.high
    peak = None
    if worst is not None and wide and worst.reading.value is not None:
        peak = (worst.at, worst.reading.text)
    minutes = STEPS.get(station.network.step)
    lanes, unrun = _lanes(ask, station, item) if wide else ((), "")
    timeline = Timeline(
        times, values, ask.lang, numbers.unit_word(item.observed.unit, ask.lang), timedelta(minutes=minutes) if minutes else None,
        tuple(lines), lanes, peak, zero=item.observed.unit not in ("1", "degC") or (wide and bound is not None), plain=not wide,
    )  # fmt: skip
    name = _word(ask, item)
    unit = numbers.unit_word(item.observed.unit, ask.lang)
    assert low is not None and high is not None
    sub = t("station.small", low=low.reading.text, high=high.reading.text)
    title = name if not wide else _finding(ask, item, bound)
    if wide:
        sub = t(
            "station.large_sub",
            name=name,
            unit=unit or "—",
            n=len(item.valued),
            step=span_said(station.network.step, ask.lang) or t("station.by_sample"),
        )
    elif unit:
        title = f"{name}{t('comma')}{unit}"
    return Picture(item, title, sub, timeline, ask.address(f"/network/{station.network.id}/{station.id}", item=item.observed.id),
                   _item_table(ask, station, item), unrun)  # fmt: skip


KINDS = {1: "good", 2: "unrun", 3: "suspect", 4: "fail", 9: "missing"}


def _lanes(ask: Ask, station: Station, item: ItemSpan) -> tuple[tuple[Lane, ...], str]:
    """A lane for each test that found something, and the names of the tests that could not run; none without a QC run."""
    store, t = observations(ask.site), ask.t
    if not layer(store, station.network.id).runs():
        return (), t("station.no_qc")
    years = sorted({p.at.year for p in item.points})
    frame = (
        flagged_rows(store, station.network.id, years=years, series=[item.series])
        .select("start", "flag", "tests", "not_run")
        .collect()
    )
    flags = {at: (flag, tests or 0, unrun or 0) for at, flag, tests, unrun in frame.iter_rows()}
    seen = [flags.get(p.at, (2, 0, 0)) for p in item.points]
    found = sorted({bit for _, tests, _ in seen for bit in range(len(TESTS)) if tests >> bit & 1})
    lanes = tuple(
        Lane(
            t("station.lane", test=t(f"review.test.{TESTS[bit]}"), n=sum(tests >> bit & 1 for _, tests, _ in seen)),
            tuple(KINDS[flag] if tests >> bit & 1 else "good" for flag, tests, _ in seen),
        )
        for bit in found
    )
    idle = [t(f"review.test.{name}") for bit, name in enumerate(TESTS) if all(unrun >> bit & 1 for _, _, unrun in seen)]
    return lanes, t("station.unrun", tests=t("list").join(idle)) if idle else ""


def _finding(ask: Ask, item: ItemSpan, bound: Bound | None) -> str:
    t, name = ask.t, _word(ask, item)
    name = name if ask.lang == "zh" or name[:1].isupper() else name[:1].upper() + name[1:]
    worst = item.worst
    if bound is None or worst is None or worst.reading.value is None:
        assert item.low and item.high
        return t("station.finding.range", name=name, low=item.low.reading.text, high=item.high.reading.text)
    value, limit = worst.reading.value, bound.value
    share = round(100 * float(value) / float(limit)) if limit else 0
    day = f"{worst.at:%m-%d %H:%M}"
    holds = value <= limit if bound.operator.startswith("<") else value >= limit
    word = t("station.of_class", grade=bound.word) if not bound.word[:1].isdigit() else t("station.of_hour")
    key = ("within" if holds else "beyond") + ("" if bound.operator.startswith("<") else "_low")
    return t(f"station.finding.{key}", name=name, value=worst.reading.text, at=day, share=share, limit=word)


# ---- tables ----------------------------------------------------------------------------------------------------------


def reading_key(ask: Ask, station: Station, point: Point | None) -> str:
    """Address of the page that says where one reading came from."""
    if point is None:
        return ""
    return ask.address(
        f"/reading/{station.network.id}", series=point.series, at=point.at.isoformat(timespec="minutes"), period=""
    )


def _item(ask: Ask, station: Station, item: ItemSpan, told: Standing) -> dict[str, Any]:
    worst = item.worst
    bound = _line(item, told)
    newest = told.newest.result if told.newest else None
    part = (
        next(
            (p for p in newest.parts if p.item in (item.observed.symbol, f"{item.observed.symbol} {item.averaging}")),
            None,
        )
        if newest
        else None
    )
    return {
        "name": _word(ask, item), "unit": numbers.unit_word(item.observed.unit, ask.lang), "worst": worst,
        "low": item.low, "high": item.high, "low_href": reading_key(ask, station, item.low), "high_href": reading_key(ask, station, item.high),
        "worst_href": reading_key(ask, station, worst), "valid": len(item.valued), "n": len(item.points),
        "censored": sum(p.reading.censored for p in item.points), "limit": _bound_word(ask, bound, clause=False) if bound else "",
        "clause": bound.clause if bound else "", "status": bound.status if bound else "", "part": part,
        "grade": part.grade if part and part.grade else "", "verdict": _judged(ask, station, item),
        "why": ask.t.pick(item.note.zh, item.note.en) if item.note else "",
    }  # fmt: skip


_POINT_COLUMNS = (
    Column("at", "时间", "time"), Column("text", "收到的文字", "text as received"), Column("value", "数值", "value"),
    Column("censored", "未检出", "not detected"),
    Column("status", "站点状态", "station status"), Column("version", "版本", "version"),
)  # fmt: skip


def _point_row(p: Point) -> dict[str, Cell]:
    return {"at": p.at.isoformat(" ", "minutes"), "text": p.reading.text, "value": shown(p.reading.value) or None,
    "censored": "<" if p.reading.censored else "",
            "status": p.status, "version": p.version}  # fmt: skip


def _item_table(ask: Ask, station: Station, item: ItemSpan) -> Table:
    return Table(
        item.observed.id, item.observed.zh, item.observed.en, _POINT_COLUMNS, [_point_row(p) for p in item.points]
    )


def _items_table(ask: Ask, station: Station, told: Standing) -> Table:
    columns = (
        Column("item", "项目", "item"), Column("unit", "单位", "unit"), Column("low", "最低", "lowest"), Column("high", "最高", "highest"),
        Column("valid", "有效", "valid"), Column("n", "读数", "readings"), Column("limit", "限值", "limit"), Column("verdict", "判定", "verdict"),
        Column("clause", "依据", "clause"), Column("status", "来源级别", "status"), Column("labels", "标注", "labels"),
    )  # fmt: skip
    rows: list[dict[str, Cell]] = []
    for i in told.items:
        bound = _line(i, told)
        labels = [*station.network.labels, *(["secondary"] if bound and bound.status == "secondary" else [])]
        rows.append({
            "item": ask.t.pick(i.observed.zh, i.observed.en), "unit": i.observed.unit, "low": i.low.reading.text if i.low else "",
            "high": i.high.reading.text if i.high else "", "valid": len(i.valued), "n": len(i.points),
            "limit": _bound_word(ask, bound, clause=False) if bound else "", "verdict": _judged(ask, station, i)[0],
            "clause": bound.clause if bound else "", "status": bound.status if bound else "", "labels": "; ".join(labels),
        })  # fmt: skip
    return Table("items", "项目", "Items", columns, rows)


def _moments_table(ask: Ask, station: Station, told: Standing) -> Table:
    columns = (
        Column("at", "时间", "time"), Column("state", "状态", "state"), Column("deciding", "定类项目", "deciding items"),
        Column("n_valid", "有效项目", "items with a value"),
        Column("n_required", "应有项目", "items required"), Column("clause", "依据", "clause"), Column("status", "来源级别", "status"),
        Column("why", "说明", "why"),
    )  # fmt: skip
    rows: list[dict[str, Cell]] = []
    for m in told.moments:
        state = state_of(station.network, m.result, ask.t, ask.lang)
        rows.append({"at": m.at.isoformat(" ", "minutes"), "state": state.word, "deciding": m.result.item, "n_valid": m.result.n_valid,
                     "n_required": m.result.n_required, "clause": m.result.edition, "status": m.result.status, "why": state.why})  # fmt: skip
    return Table("moments", "逐次状态", "State by moment", columns, rows)


def _readings_table(ask: Ask, station: Station, told: Standing) -> Table:
    columns = (
        Column("item", "项目", "item"),
        Column("unit", "单位", "unit"),
        *_POINT_COLUMNS,
        Column("series", "序列", "series"),
    )
    rows = [
        {"item": ask.t.pick(i.observed.zh, i.observed.en), "unit": i.observed.unit, **_point_row(p), "series": p.series}
        for i in told.items
        for p in i.points
    ]
    return Table("readings", "读数", "Readings", columns, rows)


VIEW = View("station", "/network/{network}/{site:path}", build, under="network")
