"""Alerts: which sites are under an alert now, by which rule, on which readings, and how well would the rules have told?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from qingshan.core.errors import UnknownName
from qingshan.core.observed import observed_properties
from qingshan.faces.web.page import Cell, Column, Page, Table, View
from qingshan.faces.web.site import Ask, Site
from qingshan.faces.web.stations import Held, held, observations, span_said
from qingshan.observe.alert.engine import AlertEvent
from qingshan.observe.alert.network import episodes_of, rules_of
from qingshan.observe.alert.outbox import limits_of, recipients_of
from qingshan.observe.alert.replay import Score, score
from qingshan.observe.alert.rule import AlertRule, expression
from qingshan.observe.alert.watch import Alert, Raised, Watch, alerts_of_year, raised_by, signature
from qingshan.observe.quality.network import layer, step_of
from qingshan.publish import numbers

SHOWN = 20
READINGS = 3
HORIZON = timedelta(hours=24)
LEVELS = {"notice": 0, "warning": 1, "alarm": 2}


@dataclass(frozen=True)
class Watched:
    """The rules of a network and what they gave in one year."""

    rules: tuple[AlertRule, ...]
    year: int
    years: tuple[int, ...]
    alerts: tuple[Alert, ...]
    scores: Mapping[str, Score]
    episodes: int

    @property
    def open(self) -> list[Alert]:
        """Those that stand at the end of the data, the gravest first."""
        levels = {r.id: LEVELS[r.level] for r in self.rules}
        return sorted(
            (a for a in self.alerts if a.open), key=lambda a: (a.state == "pending", -levels.get(a.rule, 0), a.begin)
        )


def watched(site: Site, network: str, year: int | None = None) -> Watched | None:
    """Alerts of a year (the newest by default), kept until the readings change; None where the network has no rules, step or readings.
    Raises `UnknownName` for a year without readings."""
    store = observations(site)
    declared = store.network(network)
    file = declared.folder / "alerts.csv" if declared.folder else None
    years = store.years(network)
    if step_of(declared) is None or file is None or not file.is_file() or not years:
        return None
    if year is not None and year not in years:
        known = ", ".join(map(str, years))
        raise UnknownName(f"no readings of {year}; there are: {known}.", f"没有 {year} 年的读数；已有：{known}。")
    rules = rules_of(declared)
    chosen = year or years[-1]
    mark = (signature(store, network, rules), chosen)
    kept = site.kept.setdefault("alerts", {})
    if network not in kept or kept[network][0] != mark:
        alerts = alerts_of_year(store, network, rules, chosen)
        kept[network] = (mark, _watched(site, network, rules, chosen, years, alerts))
    found: Watched = kept[network][1]
    return found


def _watched(
    site: Site, network: str, rules: Sequence[AlertRule], year: int, years: Sequence[int], alerts: Sequence[Alert]
) -> Watched:
    store = observations(site)
    first, after = datetime(year, 1, 1), datetime(year + 1, 1, 1)
    episodes = [e for e in episodes_of(store.network(network)) if first <= e.begin < after]
    scores = {}
    for rule in rules:
        mine = [e for e in episodes if e.rule in ("", rule.id)]
        if mine:
            told = [a for a in alerts if a.rule == rule.id and a.state != "pending"]
            events = [e for a in told for e in _events(a)]
            used = set(expression(rule.expression).properties)
            sites = {s for s, p in store.series(network).select("site", "property").iter_rows() if p in used}
            scores[rule.id] = score(events, mine, first, after, max(len(sites), 1), HORIZON)
    return Watched(tuple(rules), year, tuple(years), tuple(alerts), scores, len(episodes))


def _events(alert: Alert) -> list[AlertEvent]:
    """Begin and end of an alert as the two events the score reads."""
    ended = [replace(alert.raised, time=alert.end, before="active", after="cleared")] if alert.end else []
    return [alert.raised, *ended]


def build(ask: Ask) -> Page:
    """`?period=` a year."""
    h = held(ask.site, ask.params["network"])
    t = ask.t
    asked = ask.query.get("period", "")[:4]
    found = watched(ask.site, h.network.id, int(asked) if asked.isdecimal() and len(asked) == 4 else None)
    context: dict[str, Any] = {
        "network": h.network, "name": h.network.name(ask.lang), "question": t("alerts.question"),
        "network_href": ask.address(f"/network/{h.network.id}", period=""), "labels": h.network.labels,
        "time_action": f"/{ask.lang}/network/{h.network.id}/alerts",
    }  # fmt: skip
    if found is None:
        context |= {"headline": t("alerts.headline.no_rules"), "lead": "", "watched": None,
                    "command": f"networks/{h.network.id}/alerts.csv"}  # fmt: skip
        return Page("alerts.html", t("alerts.name"), context, labels=context["labels"])
    names = {s.id: s.name(ask.lang) for s in h.stations}
    now = found.open
    past = [a for a in found.alerts if not a.open]
    shown = [*now[:SHOWN], *past[:SHOWN]]
    readings = raised_by(observations(ask.site), h.network, found.rules, shown)
    rows = {id(a): _row(ask, h, found, a, names, readings) for a in shown}
    context |= {
        "watched": found, "headline": _headline(ask, found, now), "lead": _lead(ask, h, found),
        "now": [rows[id(a)] for a in now[:SHOWN]], "past": [rows[id(a)] for a in past[:SHOWN]], "n_now": len(now), "n_past": len(past),
        "rules": [_rule(ask, found, h.network.id, r) for r in found.rules], "told": _told(ask, found, h.network.id),
        "picture": _picture(ask, found, names, h.newest),
        "periods": [(str(y), str(y)) for y in reversed(found.years)],
        "period": str(found.year), "span": (found.year, found.year), "stream": f"/network/{h.network.id}/alerts/stream",
        "checked": bool(layer(observations(ask.site), h.network.id).runs()),
    }  # fmt: skip
    tables = [_alerts_table(ask, h, found, names), _rules_table(ask, found)]
    return Page(
        "alerts.html", t("alerts.name"), context, tables, sources=[h.network.source or h.network.operator], labels=context["labels"]
    )  # fmt: skip


def _headline(ask: Ask, found: Watched, now: Sequence[Alert]) -> str:
    t = ask.t
    active = [a for a in now if a.state == "active"]
    n = sum(a.state != "pending" for a in found.alerts)
    if active:
        return t("alerts.headline.active", n=len({a.site for a in active}), year=found.year, all=n)
    return t("alerts.headline.none", year=found.year, all=n)


def _lead(ask: Ask, h: Held, found: Watched) -> str:
    at = h.newest.isoformat(" ", "minutes") if h.newest else "—"
    return ask.t("alerts.lead", at=at)


def _name(ask: Ask, rule: AlertRule) -> str:
    return ask.t.pick(rule.zh, rule.en) or rule.id


def _properties(ask: Ask, rule: AlertRule) -> list[str]:
    known = observed_properties()
    return [
        ask.t.pick(known[p].zh, known[p].symbol or known[p].en) if p in known else p
        for p in expression(rule.expression).properties
    ]


def _row(
    ask: Ask, h: Held, found: Watched, alert: Alert, names: Mapping[str, str],
    readings: Mapping[tuple[str, str, datetime], Sequence[Raised]],
) -> dict[str, Any]:  # fmt: skip
    rule = next(r for r in found.rules if r.id == alert.rule)
    raised = readings.get((alert.rule, alert.site, alert.begin), ())
    item = expression(rule.expression).properties[0]
    return {
        "site": names.get(alert.site, alert.site), "rule": _name(ask, rule), "level": rule.level, "state": alert.state, "begin": alert.begin,
        "end": alert.end, "hours": (alert.end - alert.begin).total_seconds() / 3600 if alert.end else None,
        "value": beside(alert.raised.value, rule.limit), "unit": numbers.unit_word(rule.unit, ask.lang),
        "limit": f"{SIGN[rule.operator]} {rule.limit:g}", "clause": rule.clause or rule.owner,
        "linked": [names.get(s, s) for s in alert.raised.linked], "rule_id": rule.id,
        "station_href": ask.address(f"/network/{h.network.id}/{alert.site}", period=f"{alert.begin:%Y-%m}", item=item),
        "readings": [
            {"text": r.text, "flag": r.flag, "at": r.start,
             "href": ask.address(f"/reading/{h.network.id}", series=r.series, at=r.start.isoformat(timespec="minutes"), period="")}
            for r in raised[:READINGS]
        ],
        "more": max(len(raised) - READINGS, 0), "suspect": any(r.flag == 3 for r in raised),
    }  # fmt: skip


def beside(value: float, limit: float) -> str:
    """A value for reading next to the limit it crossed: as many digits as tell the two apart, three at least."""
    for figures in range(3, 16):
        text = numbers.digits(value, figures)
        if value == limit or text != numbers.digits(limit, figures):
            return text
    return numbers.digits(value, 17)


SIGN = {">": ">", ">=": "≥", "<": "<", "<=": "≤"}


def _rule(ask: Ask, found: Watched, network: str, rule: AlertRule) -> dict[str, Any]:
    t = ask.t
    told = [a for a in found.alerts if a.rule == rule.id and a.state != "pending"]
    s = found.scores.get(rule.id)
    names = {id: t.pick(who.zh, who.en) for id, who in recipients_of(observations(ask.site).network(network)).items()}
    return {
        "id": rule.id, "name": _name(ask, rule), "what": t("list").join(_properties(ask, rule)), "level": rule.level,
        "said": t("alerts.said", averaging=span_said(rule.averaging, ask.lang), sign=SIGN[rule.operator], limit=f"{rule.limit:g}",
                  unit=numbers.unit_word(rule.unit, ask.lang), m=rule.m, n=rule.n, clear=f"{rule.clear:g}"),
        "clause": rule.clause, "owner": rule.owner, "recipients": t("list").join(names.get(who, who) for who in rule.recipients),
        "valid": f"{rule.valid_from} – {rule.valid_to or ''}", "alerts": len(told),
        "score": None if s is None else {
            "hits": s.hits, "misses": s.misses, "false": s.false_alarms, "rate": f"{s.false_alarms_per_year:.1f}",
            "lead": "—" if s.median_lead is None else f"{s.median_lead:g}".replace("-", "−"),
        },
    }  # fmt: skip


def _told(ask: Ask, found: Watched, network: str) -> list[dict[str, Any]]:
    """Each recipient of the rules: their limit, what they were sent since the network is followed, what waits."""
    store = observations(ask.site)
    declared, limit = recipients_of(store.network(network)), limits_of(store.network(network))
    box = Watch(store, network).outbox
    waiting = box.waiting()
    rows = []
    for who in dict.fromkeys(w for r in found.rules for w in r.recipients):
        most, mine = limit(who), box.messages(who)
        name = ask.t.pick(declared[who].zh, declared[who].en) if who in declared else ""
        rows.append({
            "id": who, "name": name or who, "limit": ask.t("alerts.told_limit", most=most.count, hours=int(most.span.total_seconds() // 3600)),
            "declared": who in declared, "sent": len(mine), "last": mine[-1][1]["at"][:16].replace("T", " ") if mine else "",
            "held": len(waiting.get(who, ())), "href": f"/api/networks/{network}/messages?to={quote(who)}",
        })  # fmt: skip
    return rows


# ---- the picture: a year, one lane a site ----------------------------------------------------------------------------

LANES = 24
LEFT, WIDTH, LANE = 0, 1160, 26


def _picture(ask: Ask, found: Watched, names: Mapping[str, str], newest: datetime | None) -> dict[str, Any] | None:
    """One lane a site that had alerts, a bar for each from begin to end, one that is open to the newest reading; None where there was none."""
    told = [a for a in found.alerts if a.state != "pending"]
    if not told:
        return None
    counts: dict[str, int] = {}
    for a in told:
        counts[a.site] = counts.get(a.site, 0) + 1
    sites = sorted(counts, key=lambda s: (-counts[s], s))[:LANES]
    first, after = datetime(found.year, 1, 1), datetime(found.year + 1, 1, 1)
    whole = after - first
    levels = {r.id: r.level for r in found.rules}

    def x(moment: datetime, width: int) -> float:
        return round(width * min(max((moment - first) / whole, 0.0), 1.0), 1)

    drawn = []
    for width in (WIDTH, 358):
        lanes = []
        for i, site in enumerate(sites):
            bars = [
                {"x": x(a.begin, width), "w": max(x(a.end or newest or after, width) - x(a.begin, width), 1.5), "level": levels.get(a.rule, "notice"),
                 "open": a.open, "said": f"{a.begin:%m-%d %H:%M} – {f'{a.end:%m-%d %H:%M}' if a.end else ''} {a.rule}"}
                for a in told if a.site == site
            ]  # fmt: skip
            lanes.append({"y": 20 + LANE * i, "name": names.get(site, site), "n": counts[site], "bars": bars})
        every = 1 if width == WIDTH else 3
        months = [
            {"x": x(datetime(found.year, m, 1), width), "word": f"{m}" if ask.lang == "zh" else MONTHS[m - 1]}
            for m in range(1, 13, every)
        ]
        drawn.append({"width": width, "height": 20 + LANE * len(lanes) + 18, "lanes": lanes, "months": months})
    return {"drawn": drawn, "left_out": len(counts) - len(sites)}


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


# ---- tables ----------------------------------------------------------------------------------------------------------


def _alerts_table(ask: Ask, h: Held, found: Watched, names: Mapping[str, str]) -> Table:
    columns = (
        Column("site", "站点代号", "site id"), Column("name", "站点", "site"), Column("rule", "规则", "rule"), Column("level", "级别", "level"),
        Column("state", "状态", "state"), Column("begin", "开始", "begin"), Column("end", "结束", "end"), Column("value", "触发值", "value that raised it"),
        Column("unit", "单位", "unit"), Column("linked", "上游预警", "alerts upstream"), Column("inputs", "输入哈希", "inputs hash"),
        Column("labels", "标注", "labels"),
    )  # fmt: skip
    by_id = {r.id: r for r in found.rules}
    rows: list[dict[str, Cell]] = [
        {"site": a.site, "name": names.get(a.site, a.site), "rule": a.rule, "level": by_id[a.rule].level, "state": a.state,
         "begin": a.begin.isoformat(" ", "minutes"), "end": a.end.isoformat(" ", "minutes") if a.end else "", "value": a.raised.value,
         "unit": by_id[a.rule].unit, "linked": " ".join(a.raised.linked), "inputs": a.raised.inputs,
         "labels": "; ".join(h.network.labels)}
        for a in found.alerts
    ]  # fmt: skip
    return Table("alerts", "预警", "Alerts", columns, rows)


def _rules_table(ask: Ask, found: Watched) -> Table:
    columns = (
        Column("id", "规则", "rule"), Column("name", "名称", "name"), Column("expression", "表达式", "expression"),
        Column("averaging", "平均时间", "averaging"), Column("operator", "比较", "operator"), Column("raise", "触发", "raise"),
        Column("clear", "解除", "clear"), Column("unit", "单位", "unit"),
        Column("m", "m", "m"), Column("n", "n", "n"), Column("level", "级别", "level"), Column("clause", "依据", "clause"), Column("owner", "责任人", "owner"),
        Column("recipients", "接收者", "recipients"),
        Column("valid_from", "自", "from"), Column("valid_to", "至", "until"),
        Column("alerts", "预警次数", "alerts"),
        Column("hits", "命中", "hits"), Column("misses", "漏报", "misses"), Column("false_alarms", "空报", "false alarms"),
        Column("false_rate", "每站年空报", "false alarms per site and year"), Column("lead", "提前量中位数（小时）", "median lead, h"),
    )  # fmt: skip
    rows: list[dict[str, Cell]] = []
    for r in found.rules:
        s = found.scores.get(r.id)
        rows.append({
            "id": r.id, "name": _name(ask, r), "expression": r.expression, "averaging": r.averaging, "operator": r.operator, "raise": r.limit,
            "clear": r.clear, "unit": r.unit, "m": r.m, "n": r.n, "level": r.level, "clause": r.clause, "owner": r.owner,
            "recipients": ";".join(r.recipients), "valid_from": str(r.valid_from), "valid_to": str(r.valid_to or ""),
            "alerts": sum(a.rule == r.id and a.state != "pending" for a in found.alerts), "hits": s.hits if s else None, "misses": s.misses if s else None,
            "false_alarms": s.false_alarms if s else None, "false_rate": s.false_alarms_per_year if s else None, "lead": s.median_lead if s else None,
        })  # fmt: skip
    return Table("rules", "规则", "Rules", columns, rows)


VIEW = View("alerts", "/network/{network}/alerts", build, under="network")
