"""The tabs beside the live book: blocks and single auctions of a market, with what is one's own and what anyone may see.

A block is seen by its two sides; of a settled one the public sees price and quantity. An auction is announced with its terms and without the
offerer; bids are sealed: a bidder sees his own, all see how many were sold at which prices once it is closed.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from qingshan.faces.web.site import Ask
from qingshan.faces.web.trading import amount_text, desk_of, form_for, visitor_of
from qingshan.ledger.amounts import MICRO, YUAN, decimal_text
from qingshan.ledger.entry import RegisterEntry
from qingshan.registers.calendar import CHINA
from qingshan.rights.commands import commands
from qingshan.rights.market import open_orders
from qingshan.rights.matching import call_auction
from qingshan.rights.registry import records_of
from qingshan.rights.tape import Strip

WAYS = ("listed", "block", "auction")
SHOWN = 12


def ways_told(ask: Ask, strip: Strip, own: list[str], here: str) -> dict[str, Any]:
    """`?way=`: which tab is open, and what it shows."""
    way = ask.query.get("way", "listed")
    way = way if way in WAYS else "listed"
    tabs = [(w, f"{here}&way={w}" if w != "listed" else here, w == way) for w in WAYS]
    made: dict[str, Any] = {
        "way": way,
        "tabs": tabs,
        "tab_url": f"{here}&way={way}",
        "prints_of": _prints(ask, strip, way),
    }
    if way == "block":
        return made | _blocks(ask, strip, own, f"{here}&way=block")
    if way == "auction":
        return made | _auctions(ask, strip, own, f"{here}&way=auction")
    return made | {"call": _call(ask, strip)}


def _call(ask: Ask, strip: Strip) -> dict[str, str] | None:
    """What a call auction would do now, as it is disclosed: one price and the quantity; None where nothing crosses."""
    if not (strip.levels["buy"] and strip.levels["sell"]) or max(strip.levels["buy"]) < min(strip.levels["sell"]):
        return None
    desk = desk_of(ask)
    with desk.reading() as book:
        rules = desk.rules.on(strip.content["rules"], datetime.fromisoformat(strip.content["day"]).date())
        found = call_auction(
            open_orders(book, strip.asset), strip.content["reference"], ration="time", lot=rules["lot"]
        )
    if found is None:
        return None
    return {
        "price": amount_text(decimal_text(found.price, YUAN), 2),
        "volume": amount_text(decimal_text(found.volume, MICRO)),
    }


def _prints(ask: Ask, strip: Strip, way: str) -> list[dict[str, str]]:
    rows = [t for t in reversed(strip.trades) if t[2] == way][:SHOWN]
    return [{"at": clock(at), "price": amount_text(decimal_text(p, YUAN), 2) if p is not None else "—", "quantity": amount_text(decimal_text(q, MICRO))}
            for _, at, _, p, q in rows]  # fmt: skip


def _blocks(ask: Ask, strip: Strip, own: list[str], here: str) -> dict[str, Any]:
    desk, mine = desk_of(ask), set(own)
    with desk.reading() as book:
        rows = [
            r
            for r in records_of(book, "block")
            if r.content["asset"] == strip.asset and mine & {r.content["seller"], r.content["buyer"]}
        ]
    rows.sort(key=lambda r: (r.state != "proposed", r.id))
    form = form_for(ask, commands()["market.block"], _given(ask, "market.block") | {"asset": strip.asset}, here)
    return {
        "offers": [_offer(ask, r, mine) for r in rows[:SHOWN]],
        "form": form if own else None,
        "offer_id": f"b{secrets.token_hex(4)}",
    }


def _offer(ask: Ask, r: RegisterEntry, mine: set[str]) -> dict[str, Any]:
    c = r.content
    other = c["buyer"] if c["side"] == c["seller"] else c["seller"]
    terms = {"id": r.id, "asset": c["asset"], "seller": c["seller"], "buyer": c["buyer"], "price": decimal_text(c["price"], YUAN),
             "quantity": decimal_text(c["quantity"], MICRO)}  # fmt: skip
    return {"id": r.id, "seller": c["seller"], "buyer": c["buyer"], "price": amount_text(terms["price"], 2), "quantity": amount_text(terms["quantity"]),
            "state": ask.t(f"exchange.block_state.{r.state}"), "by": c["side"], "day": c.get("day", ""), "terms": terms, "key": secrets.token_hex(12),
            "mine": r.state == "proposed" and other in mine}  # fmt: skip


def _auctions(ask: Ask, strip: Strip, own: list[str], here: str) -> dict[str, Any]:
    desk, mine, now = desk_of(ask), set(own), desk_of(ask).clock()
    with desk.reading() as book:
        rows = [
            r
            for r in records_of(book, "auction")
            if r.content["asset"] == strip.asset and (r.state != "applied" or r.content["account"] in mine)
        ]
        rows.sort(key=lambda r: (r.state not in ("announced", "applied"), -r.content["opens"]))
        shown = [_auction(ask, r, mine, now) for r in rows[:SHOWN]]
        ids = {r.id for r in rows[:SHOWN]}
        bids = (
            [b for b in records_of(book, "auction_bid") if b.content["auction"] in ids and b.content["account"] in mine]
            if mine
            else []
        )
    running = [a for a in shown if a["phase"] == "running" and not a["own"]]
    form = form_for(
        ask,
        commands()["auction.bid"],
        {"auction": running[0]["id"] if running else "", "asset": strip.asset} | _given(ask, "auction.bid"),
        here,
    )
    apply = f"/{ask.lang}/exchange/act/auction.apply?" + urlencode({"asset": strip.asset, "back": here})
    return {"auctions": shown, "bids": [_bid(ask, b) for b in reversed(bids)], "form": form if running and own else None,
            "bid_id": f"a{secrets.token_hex(4)}", "apply": apply if own and "approver" in desk.roles(visitor_of(ask)) else ""}  # fmt: skip


def _auction(ask: Ask, r: RegisterEntry, mine: set[str], now: int) -> dict[str, Any]:
    c = r.content
    phase = r.state
    if r.state == "announced":
        phase = "coming" if now < c["opens"] else "running" if now < c["closes"] else "over"
    end = c["opens"] if phase in ("coming", "applied") else c["closes"]
    price = ""
    if "low" in c:
        low, high = (amount_text(decimal_text(c[k], YUAN), 2) for k in ("low", "high"))
        price = low if low == high else f"{low}–{high}"
    return {"id": r.id, "phase": phase, "word": ask.t(f"exchange.phase.{phase}"), "selling": ask.t("exchange.offered" if c["selling"] else "exchange.wanted"),
            "quantity": amount_text(decimal_text(c["quantity"], MICRO)), "reserve": amount_text(decimal_text(c["reserve"], YUAN), 2),
            "pricing": ask.t(f"choice.{c['pricing']}"), "opens": clock(c["opens"]), "closes": clock(c["closes"]), "own": c["account"] in mine,
            "minimum": amount_text(decimal_text(c["minimum"], MICRO)), "cap": amount_text(decimal_text(c["cap"], MICRO)),
            "until": _moment(end).isoformat() if phase in ("applied", "coming", "running") else "", "left": _left(end - now) if end > now else "",
            "sold": amount_text(decimal_text(c["sold"], MICRO)) if "sold" in c else "", "price": price}  # fmt: skip


def _bid(ask: Ask, b: RegisterEntry) -> dict[str, Any]:
    c, state = b.content, b.state.partition(":")[0]
    return {"id": b.id, "auction": c["auction"], "price": amount_text(decimal_text(c["price"], YUAN), 2),
            "quantity": amount_text(decimal_text(c["quantity"], MICRO)), "state": state, "word": ask.t(f"exchange.bid_state.{state}"),
            "won": amount_text(decimal_text(c.get("won", 0), MICRO)) if "won" in c else "",
            "key": secrets.token_hex(12), "account": c["account"]}  # fmt: skip


def _given(ask: Ask, command: str) -> dict[str, str]:
    names = {f.name for f in commands()[command].fields}
    return {k: v for k, v in ask.query.items() if k in names}


def _moment(at: int) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(CHINA)


def clock(at: int) -> str:
    return _moment(at).strftime("%m-%d %H:%M")


def _left(microseconds: int) -> str:
    """Days, hours and minutes, the largest two of them; the page counts the seconds itself."""
    seconds = microseconds // 10**6
    return (
        f"{seconds // 86_400} d {seconds % 86_400 // 3600} h"
        if seconds >= 86_400
        else f"{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}"
    )
