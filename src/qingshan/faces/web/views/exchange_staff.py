"""Operator: which markets are open, what runs, under which rules? Regulator: who complied, who is short, what is odd, who read what?"""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Any
from urllib.parse import urlencode

from qingshan.core.errors import QingshanError, in_language
from qingshan.faces.access.obligations import obligations_told
from qingshan.faces.access.private import fees_told, holds_told
from qingshan.faces.web.page import Column, Page, Table, View
from qingshan.faces.web.site import Ask
from qingshan.faces.web.trading import (
    amount_text,
    asset_name,
    desk_of,
    markets_of,
    open_commands,
    rules_of,
    signed,
    unit_of,
    visitor_of,
    waiting_of,
)
from qingshan.ledger.amounts import MICRO, YUAN, AmountError, decimal_text, read_decimal
from qingshan.registers.calendar import day_of
from qingshan.rights.compliance import shortfall
from qingshan.rights.conflicts import conflicts
from qingshan.rights.instruments import schemes
from qingshan.rights.registry import records_of

from .exchange_obligations import obligation_row
from .exchange_watch import watch_table, watch_told
from .exchange_ways import clock

DAYS = 30


def _frame(ask: Ask, path: str) -> dict[str, Any]:
    here = f"/{ask.lang}{path}"
    return {"who": signed(ask, here), "rail": markets_of(ask, "", "/exchange"), "synthetic": desk_of(ask).synthetic, "here": ask.zone.root, "back": here,
            "acts": open_commands(ask), "done": ask.query.get("done", ""), "waits": ask.query.get("waits", "")}  # fmt: skip


def operator(ask: Ask) -> Page:
    """Markets with their state and what may be done with it, auctions, freezes, rule sets with dates, fees."""
    desk, visitor = desk_of(ask), visitor_of(ask)
    entitled = {k: desk.may_read(visitor, k) for k in ("freezes", "fees")}
    held = desk.roles(visitor)
    with desk.reading() as book:
        markets = [_market_row(ask, a, held) for a in sorted(desk.tape.strips)]
        auctions = [{"id": id, "state": ask.t(f"exchange.auction_state.{r.state}"), "name": asset_name(ask, r.content["asset"]),
                     "quantity": amount_text(decimal_text(r.content["quantity"], MICRO)), "reserve": amount_text(decimal_text(r.content["reserve"], YUAN), 2),
                     "unit": unit_of(ask, r.content["asset"]),
                     "bidding": f"{clock(r.content['opens'])} – {clock(r.content['closes'])}", "pricing": ask.t(f"choice.{r.content['pricing']}")}
                    for id, r in ((r.id, r) for r in records_of(book, "auction")[-20:])]  # fmt: skip
    today = day_of(desk.clock())
    sets = [{"id": s.id, "name": ask.t.pick(s.zh, s.en), "since": s.valid_from.isoformat(), "hash": s.hash, "rows": [_rule(ask, s.rules[r]) for r in s.rules],
             "open": sum("value" not in r for r in s.rules.values()), "used": s.valid_from <= today} for s in desk.rules.every()]  # fmt: skip
    context = _frame(ask, "/exchange/operator") | {
        "markets": markets,
        "auctions": auctions,
        "sets": sets,
        "entitled": entitled,
        "freezes": [],
        "fees": None,
    }
    if entitled["freezes"]:
        desk.read(visitor, "freezes", "*")
        context["freezes"] = [_hold(ask, h) for h in holds_told(desk, reasons=("freeze",))]
    if entitled["fees"]:
        desk.read(visitor, "fees", f"{today - timedelta(days=DAYS)} {today}")
        context["fees"] = fees_told(desk, today - timedelta(days=DAYS), today)
    context["headline"] = ask.t(
        "exchange.operator.headline", open=sum(m["state"] == "open" for m in markets), n=len(markets)
    )
    columns = (Column("asset", "标的", "instrument"), Column("state", "状态", "state"), Column("day", "日期", "day"))
    table = Table(
        "markets", "市场", "markets", columns, [{k: m[k] for k in ("asset", "state", "day")} for m in markets]
    )
    return Page(
        "exchange_operator.html",
        ask.t("exchange.operator.title"),
        context,
        [table],
        labels=("synthetic",) if desk.synthetic else (),
    )


def _market_row(ask: Ask, asset: str, held: frozenset[str]) -> dict[str, Any]:
    c, state = desk_of(ask).tape.strips[asset].content, desk_of(ask).tape.strips[asset].state
    acts = {
        "closed": ["market.open_day"],
        "open": ["market.call", "market.suspend", "market.close_day"],
        "suspended": ["market.resume", "market.close_day"],
    }
    from qingshan.rights.commands import commands  # noqa: PLC0415 - beside its only use

    offered = [(ask.t.pick(row.zh, row.en), f"/{ask.lang}/exchange/act/{row.id}?" + urlencode({"asset": asset, "back": f"/{ask.lang}/exchange/operator"}))
               for row in (commands()[k] for k in acts.get(state, ())) if held & set(row.by)]  # fmt: skip
    price = c.get("last") or c.get("close") or c.get("reference")
    rules = rules_of(ask, desk_of(ask).tape.strips[asset])
    return {"asset": asset, "name": asset_name(ask, asset), "state": state, "state_word": ask.t(f"exchange.state.{state}"), "day": c.get("day", ""),
            "price": amount_text(decimal_text(price, YUAN), 2) if price else "—", "volume": amount_text(decimal_text(c.get("volume", 0), MICRO)),
            "unit": unit_of(ask, asset), "rules": ask.t.pick(rules.zh, rules.en), "acts": offered,
            "href": f"/{ask.lang}/exchange?{urlencode({'asset': asset})}"}  # fmt: skip


def _rule(ask: Ask, row: Any) -> dict[str, str]:
    """A rule in words, its value in whole yuan or units."""
    value, unit = row.get("value"), str(row.get("unit", ""))
    for scale in (YUAN, MICRO):
        mark = f"1e-{len(str(scale)) - 1}"
        if unit.startswith(mark) and isinstance(value, int):
            value, unit = amount_text(decimal_text(value, scale)), unit.removeprefix(mark).strip() or "unit"
    parts = [] if value is None else value if isinstance(value, list) else [value]
    said = ask.t("comma").join(_word(ask, "rule_value", str(v)) for v in parts)
    word = ask.t(f"exchange.rule.{row['id']}") if ask.t.has(f"exchange.rule.{row['id']}") else row["id"]
    return {"id": row["id"], "word": word, "value": said.replace("/", "–"),
            "unit": "" if unit == "1" else _word(ask, "rule_unit", unit), "status": row["status"],
            "source": in_language(row["source"], ask.lang), "document": row.get("document", "")}  # fmt: skip


def _word(ask: Ask, section: str, said: str) -> str:
    """The word of a value of a rule set; a figure stays as it is."""
    key = f"exchange.{section}.{said.replace(' ', '_')}"
    scheme, _, subtype = said.partition(":")
    if subtype and scheme in schemes():
        sub = f"exchange.subtype.{subtype}"
        return f"{ask.t.pick(schemes()[scheme].zh, schemes()[scheme].en)} {ask.t(sub) if ask.t.has(sub) else subtype}"
    return ask.t(key) if said and ask.t.has(key) else said


def _hold(ask: Ask, h: dict[str, str]) -> dict[str, str]:
    name = ask.t("exchange.cash") if h["asset"].startswith("cash:") else asset_name(ask, h["asset"])
    unit = ask.t("exchange.yuan") if h["asset"].startswith("cash:") else unit_of(ask, h["asset"])
    return h | {"name": name, "quantity": amount_text(h["quantity"]), "unit": unit, "reason": ask.t(f"exchange.held.{h['reason']}"),
                "ref": ask.t("exchange.hold_until", order=h["ref"].rpartition(" until ")[0], day=h["ref"].rpartition(" until ")[2])
                if h["reason"] == "freeze" and " until " in h["ref"] else h["ref"]}  # fmt: skip


# ---- regulator -------------------------------------------------------------------------------------------------------


def regulator(ask: Ask) -> Page:
    """Compliance, the cost of a shortfall in all candidate windows, anomalies, conflicts, freezes, the log of reads."""
    desk, visitor = desk_of(ask), visitor_of(ask)
    context = _frame(ask, "/exchange/regulator") | {
        "may": desk.may_read(visitor, "compliance") and desk.may_read(visitor, "reads"),
        "short": _short(ask),
    }
    tables: list[Table] = []
    if context["may"]:
        today = day_of(desk.clock())
        for what in ("compliance", "holds", "conflicts", "reads", "proposals"):
            desk.read(visitor, what, "*")
        with desk.reading() as book:
            staff = conflicts(book)
        watched = watch_told(ask, today)
        context |= {
            "obligations": [obligation_row(ask, o) for o in obligations_told(desk, visitor)],
            "conflicts": [ask.t.pick(f.zh, f.en) for f in staff], "holds": [_hold(ask, h) for h in holds_told(desk)], "waiting": waiting_of(ask),
            "reads": [{"by": r.by, "what": ask.t(f"exchange.read.{r.what}"), "subject": "" if r.subject == "*" else r.subject, "day": day_of(r.at).isoformat()}
                      for r in desk.reads_log.newest(30)], "reads_count": desk.reads_log.next,
            "headline": ask.t("exchange.regulator.headline", n=watched["odd_count"], conflicts=len(staff)),
        } | watched  # fmt: skip
        tables.append(watch_table(ask, watched["found"]))
    else:
        context["headline"] = ask.t("exchange.regulator.shut")
    return Page(
        "exchange_regulator.html",
        ask.t("exchange.regulator.title"),
        context,
        tables,
        labels=("synthetic",) if desk.synthetic else (),
    )


def _short(ask: Ask) -> dict[str, Any]:
    """`?missing=&asset=&deadline=`: the fine of article 24 in every candidate window; no single figure while the window is open."""
    desk = desk_of(ask)
    asset, missing, deadline = (ask.query.get(k, "") for k in ("asset", "missing", "deadline"))
    made: dict[str, Any] = {"asset": asset, "missing": missing, "deadline": deadline, "rows": [], "fault": "",
                            "assets": [(a, asset_name(ask, a)) for a in sorted(desk.tape.strips)]}  # fmt: skip
    if not (asset and missing and deadline):
        return made
    try:
        units, day = read_decimal(missing, MICRO, "missing"), date.fromisoformat(deadline)
        windows = _windows(ask, asset, day)
        traded = {k: w for k, w in windows.items() if w[1]}
        if not traded:
            raise QingshanError("there are no trades in any window.", "各窗口均无成交。")
        found = shortfall(units, traded)
    except (AmountError, QingshanError) as error:
        made["fault"] = ask.t.pick(error.zh, error.en)
        return made
    except ValueError:
        made["fault"] = ask.t("exchange.short.bad_day")
        return made
    made["unit"] = unit_of(ask, asset)
    made["rows"] = [{"window": ask.t(f"exchange.window.{s.window}"), "mean": f"{float(s.mean_price):,.4f}", "low": f"{float(s.lowest):,.2f}",
                     "high": f"{float(s.highest):,.2f}", "cut": amount_text(decimal_text(s.cut, MICRO))} for s in found]  # fmt: skip
    return made


def _windows(ask: Ask, asset: str, deadline: date) -> dict[str, tuple[Fraction, Fraction]]:
    """Candidates for "清缴时限前1个月": the deadline's calendar month, the one before, the rolling month; all trades or listed only."""
    this = deadline.replace(day=1)
    before = (this - timedelta(days=1)).replace(day=1)
    spans = {
        "month": (this, deadline),
        "before": (before, this - timedelta(days=1)),
        "rolling": (deadline - timedelta(days=30), deadline - timedelta(days=1)),
    }
    sums = {f"{span}_{kind}": [Fraction(0), Fraction(0)] for span in spans for kind in ("all", "listed")}
    desk = desk_of(ask)
    with desk.reading():
        for span, (first, last) in spans.items():
            money, quantity, listed_money, listed = desk.running.traded(asset, first, last)
            sums[f"{span}_all"] = [Fraction(money, YUAN), Fraction(quantity, MICRO)]
            sums[f"{span}_listed"] = [Fraction(listed_money, YUAN), Fraction(listed, MICRO)]
    return {k: (v[0], v[1]) for k, v in sums.items()}


VIEWS = (
    View("exchange_operator", "/exchange/operator", operator, under="exchange"),
    View("exchange_regulator", "/exchange/regulator", regulator, under="exchange"),
)
