"""Regulator: which declared rows of the surveillance found something, which were not run and why, and the events behind each finding."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from qingshan.core.errors import UnknownName, in_language
from qingshan.faces.web.filed import record_href
from qingshan.faces.web.page import Column, Page, Table, View
from qingshan.faces.web.proofs import prover
from qingshan.faces.web.site import Ask
from qingshan.faces.web.trading import amount_text, asset_name, desk_of, markets_of, signed, unit_of, visitor_of
from qingshan.ledger.amounts import MICRO, YUAN, decimal_text
from qingshan.registers.calendar import CHINA, day_of
from qingshan.registers.engine import due
from qingshan.rights.surveillance import Anomaly, Event, Rule

DAYS, SHOWN, EVENTS = 30, 40, 500


def watch_told(ask: Ask, today: date) -> dict[str, Any]:
    """Rows with what each found in the last 30 days, the findings, the records past their deadline. Ask for the right to read first."""
    desk = desk_of(ask)
    with desk.reading() as book:
        found = desk.watch.found(today - timedelta(days=DAYS), today)
        late = [d for d in due(desk.registers, book, today, desk.calendar) if d.overdue or d.on is None]
    counts = {r: sum(a.kind == r for a in found) for r in desk.watch.rules}
    counts["late"] = sum(d.overdue for d in late)
    rules = [_rule(ask, r, counts[r.id]) for r in desk.watch.rules.values()]
    rows = [
        {"register": ask.t.pick(desk.registers[d.register].zh, desk.registers[d.register].en), "id": d.id, "what": ask.t.pick(d.deadline.zh, d.deadline.en),
         "on": d.on.isoformat() if d.on else "", "why": ask.t.pick(d.why_zh, d.why), "href": record_href(ask, d.register, d.id)}
        for d in late[:SHOWN]
    ]  # fmt: skip
    return {
        "odd_count": len(found),
        "odd": [_finding(ask, a) for a in found[:SHOWN]],
        "watch_rules": rules,
        "late": rows,
        "found": found,
    }


def watch_table(ask: Ask, found: list[Anomaly]) -> Table:
    """Every finding as a row, its events by record number."""
    names = (("id", "编号", "id"), ("kind", "类别", "kind"), ("day", "日期", "day"), ("asset", "标的", "instrument"), ("accounts", "账户", "accounts"),
             ("measure", "测得", "measured"), ("price", "价格", "price"), ("quantity", "数量", "quantity"), ("records", "账本记录", "records"))  # fmt: skip
    rows = [
        {"id": a.id, "kind": a.kind, "day": a.day.isoformat(), "asset": a.asset, "accounts": " ".join(a.accounts), "measure": a.measure,
         "price": decimal_text(a.price, YUAN), "quantity": decimal_text(a.quantity, MICRO), "records": " ".join(str(e.seq) for e in a.events[:EVENTS])}
        for a in found
    ]  # fmt: skip
    return Table("anomalies", "异常", "anomalies", tuple(Column(k, zh, en) for k, zh, en in names), rows)


def _rule(ask: Ask, r: Rule, count: int) -> dict[str, Any]:
    limit = f"{r.value}" if r.value is not None else ""
    return {"id": r.id, "name": ask.t.pick(r.zh, r.en), "runs": r.runs, "limit": limit, "unit": ask.t(f"exchange.watch.unit.{r.unit}") if r.unit == "orders"
            else r.unit, "share": r.share, "least": r.least, "status": r.status, "source": in_language(r.source, ask.lang), "document": r.document,
            "count": count}  # fmt: skip


def _finding(ask: Ask, a: Anomaly) -> dict[str, Any]:
    rule = desk_of(ask).watch.rules[a.kind]
    return {"id": a.id, "kind": ask.t.pick(rule.zh, rule.en), "day": a.day.isoformat(), "name": asset_name(ask, a.asset), "accounts": " → ".join(a.accounts),
            "price": amount_text(decimal_text(a.price, YUAN), 2), "quantity": amount_text(decimal_text(a.quantity, MICRO)), "events": len(a.events),
            "unit_word": unit_of(ask, a.asset),
            "measure": a.measure, "unit": rule.unit if rule.unit == "%" else "", "href": f"/{ask.lang}/exchange/regulator/finding/{a.id}"}  # fmt: skip


def finding(ask: Ask) -> Page:
    """One finding with the events that raised it. Raises `UnknownName`, `Refused` for who may not read."""
    desk, id = desk_of(ask), ask.params["id"]
    desk.read(visitor_of(ask), "compliance", f"finding {id}")
    today = day_of(desk.clock())
    with desk.reading():
        found = desk.watch.one(id, today - timedelta(days=120), today)
    if found is None:
        raise UnknownName("there is no such finding.", "没有这项发现。")
    rule = desk.watch.rules[found.kind]
    here = f"/{ask.lang}/exchange/regulator/finding/{id}"
    proof = prover(ask)
    rows = [_event(ask, e) | {"proof": proof(e.seq)} for e in found.events]
    context: dict[str, Any] = {"finding": _finding(ask, found), "rule": _rule(ask, rule, 1), "events": rows[:EVENTS], "count": len(rows),
                               "unit": unit_of(ask, found.asset), "who": signed(ask, here), "rail": markets_of(ask, found.asset, "/exchange"),
                               "synthetic": desk.synthetic, "here": ask.zone.root}  # fmt: skip
    names = (("record", "账本记录", "record"), ("time", "时间", "time"), ("what", "事件", "event"), ("id", "编号", "id"), ("accounts", "账户", "accounts"),
             ("price", "价格", "price"), ("quantity", "数量", "quantity"))  # fmt: skip
    table = Table("events", "事件", "events", tuple(Column(k, zh, en) for k, zh, en in names), rows)
    return Page(
        "exchange_finding.html",
        ask.t("exchange.watch.title"),
        context,
        [table],
        labels=("synthetic",) if desk.synthetic else (),
    )


def _event(ask: Ask, e: Event) -> dict[str, Any]:
    moment = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=e.at)).astimezone(CHINA)
    side = ask.t(f"choice.{e.side}") if e.side else ""
    return {"record": e.seq, "time": moment.strftime("%Y-%m-%d %H:%M:%S"), "what": ask.t(f"exchange.watch.event.{e.what}"), "id": e.id, "side": side,
            "accounts": " → ".join(e.accounts), "price": amount_text(decimal_text(e.price, YUAN), 2),
            "quantity": amount_text(decimal_text(e.quantity, MICRO))}  # fmt: skip


VIEW = View("exchange_finding", "/exchange/regulator/finding/{id}", finding, under="exchange")
