"""Exchange: what is a right worth, who may buy, what do I hold? Book, trades and days of a market; order ticket; own holdings and orders."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from qingshan.core.errors import UnknownName
from qingshan.faces.access.private import account_told, recent_orders_told
from qingshan.faces.web.page import Column, Page, Table, View
from qingshan.faces.web.site import Ask
from qingshan.faces.web.trading import (
    amount_text,
    asset_name,
    candles_drawn,
    desk_of,
    markets_of,
    open_commands,
    signed,
    ticket_rules,
    unit_of,
    visitor_of,
    waiting_of,
)
from qingshan.ledger.amounts import MICRO, YUAN, decimal_text
from qingshan.registers.calendar import CHINA, day_of
from qingshan.rights.instruments import parse_asset
from qingshan.rights.tape import Strip

from .exchange_national import national_told
from .exchange_ways import ways_told


def build(ask: Ask) -> Page:
    """The page of one market (`?asset=`, else the first), with the account (`?account=`, else the first own one). Raises `UnknownName`."""
    desk = desk_of(ask)
    known = desk.tape.strips
    asset = ask.query.get("asset") or next(
        (a for a in sorted(known) if a.startswith("ticket:")), next(iter(sorted(known)), "")
    )
    if asset and asset not in known:
        raise UnknownName(f"there is no market for {asset[:100]!r}.", f"没有 {asset[:100]!r} 的市场。")
    here = f"/{ask.lang}/exchange?{urlencode({'asset': asset})}"
    context: dict[str, Any] = {"asset": asset, "who": signed(ask, here), "rail": markets_of(ask, asset, "/exchange"), "synthetic": desk.synthetic,
                               "here": ask.zone.root, "back": here, "told": ask.told, "done": ask.query.get("done", ""), "waits": ask.query.get("waits", ""),
                               "acts": open_commands(ask)}  # fmt: skip
    if not asset:
        return Page("exchange_empty.html", ask.t("exchange.title"), context)
    with desk.reading():
        strip = known[asset]
        context |= _market(ask, strip) | {"rules": ticket_rules(ask, strip)}
    tables = [_trades_table(strip), _days_table(strip)]
    context |= _own(ask, strip)
    context |= ways_told(ask, strip, context["accounts"], here) | national_told(ask, strip)
    labels = ("synthetic",) if desk.synthetic else ()
    return Page(
        "exchange.html", ask.t("exchange.title"), context, tables, labels=labels, sources=[context["rules"]["name"]]
    )


def _market(ask: Ask, strip: Strip) -> dict[str, Any]:
    name, unit, c = asset_name(ask, strip.asset), unit_of(ask, strip.asset), strip.content
    last = c.get("last") or c.get("close")
    price = amount_text(decimal_text(last, YUAN), 2) if last else ""
    reference = c.get("reference")
    change = (last - reference) * 1000 // reference / 10 if last and reference else None
    sides = {}
    for side in ("sell", "buy"):
        rows = strip.best(side, 5)
        most = max((q for _, q, _ in rows), default=1)
        sides[side] = [{"n": n, "price": decimal_text(p, YUAN), "shown": amount_text(decimal_text(p, YUAN), 2), "quantity": amount_text(decimal_text(q, MICRO)),
                        "share": round(q / most * 100), "orders": orders} for n, (p, q, orders) in enumerate(rows, 1)]  # fmt: skip
    trades = [{"record": r, "way": ask.t(f"exchange.way.{w}"), "price": amount_text(decimal_text(p, YUAN), 2) if p is not None else "—",
               "quantity": amount_text(decimal_text(q, MICRO)), "at": _clock(at)} for r, at, w, p, q in reversed(list(strip.trades)[-8:])]  # fmt: skip
    headline = (
        ask.t("exchange.headline", name=name[:1].upper() + name[1:], price=price, unit=unit)
        if price
        else ask.t("exchange.headline_none", name=name)
    )
    return {
        "name": name,
        "unit": unit,
        "price": price,
        "change": change,
        "headline": headline,
        "state": strip.state,
        "number": strip.number,
        "sides": sides,
        "trades": trades,
        "candles": candles_drawn([strip.candles[d] for d in sorted(strip.candles)]),
        "day": c.get("day", ""),
        "reference": amount_text(decimal_text(reference, YUAN), 2) if reference else "",
        "volume": amount_text(decimal_text(c.get("volume", 0), MICRO)),
    }


def _clock(at: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(CHINA).strftime("%m-%d %H:%M")


def _own(ask: Ask, strip: Strip) -> dict[str, Any]:
    """The signed-in participant's account, orders and what waits; each read is noted."""
    desk, visitor = desk_of(ask), visitor_of(ask)
    accounts = desk.own_accounts(visitor) if visitor else []
    if not accounts:
        waiting = []
        if visitor:
            desk.note(visitor, "proposals", "")
            waiting = waiting_of(ask)
        return {
            "account": "",
            "accounts": [],
            "holdings": [],
            "others": [],
            "orders": [],
            "waiting": waiting,
            "ticket": None,
        }
    account = ask.query.get("account") if ask.query.get("account") in accounts else accounts[0]
    assert account is not None
    desk.read(visitor, "account", account, account)
    told = account_told(desk, account)
    desk.read(visitor, "orders", account, account)
    orders = recent_orders_told(desk, account, strip.content.get("day", ""))
    orders.sort(key=lambda o: (o["state"] != "open", o["asset"] != strip.asset))
    desk.note(visitor, "proposals", account)
    balances = {b["asset"]: b for b in told["balances"]}
    cash, units = balances.get("cash:CNY", {}), balances.get(strip.asset, {})
    today = day_of(desk.clock()).isoformat()
    held = [_holding(ask, r, today) for r in told["ranges"]]
    holdings, others = ([h for h in held if (h["asset"] == strip.asset) is here] for here in (True, False))
    total = sum(_micro(r["quantity"]) for r in told["ranges"] if r["asset"] == strip.asset)
    given = ask.told.get("given", {})
    ticket = {
        "id": f"w{secrets.token_hex(6)}",
        "key": ask.told.get("key") or secrets.token_hex(12),
        "given": given,
        "faults": ask.told.get("faults", {}),
    }
    return {"account": account, "accounts": accounts, "holdings": holdings, "others": others, "orders": [_order(ask, o) for o in orders[:40]], "ticket": ticket,
            "waiting": waiting_of(ask), "cash": amount_text(cash.get("available", "0"), 2), "cash_plain": cash.get("available", "0"),
            "free": amount_text(units.get("available", "0")), "held_total": amount_text(decimal_text(total, MICRO)),
            "trader": "trader" in desk.roles(visitor), "statement": f"/{ask.lang}/exchange/statement?{urlencode({'account': account})}"}  # fmt: skip


def _micro(text: str) -> int:
    whole, _, part = text.partition(".")
    return int(whole) * MICRO + int(part.ljust(6, "0") or 0)


def _holding(ask: Ask, r: dict[str, str], today: str) -> dict[str, Any]:
    query = urlencode({"lot": r["lot"], "unit": r["start"]})
    word = ask.t(f"exchange.held.{r['held']}") if r["held"] else ""
    return r | {"name": asset_name(ask, r["asset"]), "quantity": amount_text(r["quantity"]), "unit": unit_of(ask, r["asset"]),
                "range": f"[{amount_text(r['start'])}, {amount_text(r['end'])})", "held": word,
                "free_on": r["free_on"] if r["free_on"] > today else "", "lineage": query} | _behind(ask, r)  # fmt: skip


def _behind(ask: Ask, r: dict[str, str]) -> dict[str, str]:
    """What a lot stands on: period, land and report, from the register record it was issued on."""
    book, i = desk_of(ask).venue.book, parse_asset(r["asset"])
    issue = book.records.get(("lot", r["lot"]))
    record = book.records.get((issue.content.get("register", ""), issue.content.get("record", ""))) if issue else None
    fields = record.content.get("fields", {}) if record else {}
    period = (
        (fields["from"], fields["to"])
        if "from" in fields and "to" in fields
        else (i.start.isoformat(), (i.end - timedelta(days=1)).isoformat())
    )
    area = ask.t("exchange.behind.area", n=amount_text(fields["area"])) if "area" in fields else ""
    return {"period": f"{period[0][:4]}–{period[1][:4]}", "period_long": " – ".join(period), "land": " ".join(w for w in (fields.get("title", ""), area) if w),
            "report": issue.content["evidence"] if issue else book.lots[r["lot"]].evidence}  # fmt: skip


def _order(ask: Ask, o: dict[str, Any]) -> dict[str, Any]:
    return o | {"name": asset_name(ask, o["asset"]), "unit": unit_of(ask, o["asset"]), "side_word": ask.t(f"choice.{o['side']}"),
                "price": amount_text(o["price"], 2),
                "key": secrets.token_hex(12), "quantity": amount_text(o["quantity"]), "left": amount_text(o["left"]),
                "state_word": ask.t(f"exchange.order_state.{o['state']}")}  # fmt: skip


def _trades_table(strip: Strip) -> Table:
    columns = (Column("record", "记录号", "record"), Column("at", "时间（微秒）", "time (microseconds)"), Column("way", "方式", "way"),
               Column("price", "价格", "price", "CNY"), Column("quantity", "数量", "quantity"))  # fmt: skip
    rows = [{"record": r, "at": at, "way": w, "price": None if p is None else decimal_text(p, YUAN), "quantity": decimal_text(q, MICRO)}
            for r, at, w, p, q in reversed(strip.trades)]  # fmt: skip
    return Table("trades", "成交", "trades", columns, rows)


def _days_table(strip: Strip) -> Table:
    names = (
        ("day", "日期", "day"),
        ("open", "开盘", "open"),
        ("high", "最高", "high"),
        ("low", "最低", "low"),
        ("last", "收盘前最新", "last"),
    )
    columns = (*(Column(k, zh, en) for k, zh, en in names), Column("volume", "成交量", "volume"))
    prices = ("open", "high", "low", "last")
    rows = [{"day": c.day.isoformat(), **{k: decimal_text(getattr(c, k), YUAN) for k in prices}, "volume": decimal_text(c.volume, MICRO)}
            for _, c in sorted(strip.candles.items())]  # fmt: skip
    return Table("days", "日线", "days", columns, rows)


VIEW = View("exchange", "/exchange", build, home=lambda code: "/exchange")
