"""What the public sees of a market: the book by price, trades, days. Pure functions of the book and the journal.

Nobody is named: no accounts, no order ids, no serials. A feed event bears the number of its journal record, so that a reader who has the
snapshot of record n goes on with the events after n, and a gap shows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timezone
from typing import Any

from qingshan.ledger.book import Book
from qingshan.ledger.journal import Record
from qingshan.ledger.venue import Venue, told
from qingshan.registers.calendar import CHINA, day_of

from .market import open_orders

__all__ = ["Candle", "TradeSeen", "candles", "depth", "events", "seen", "snapshot", "trades"]

WAYS = ("listed", "call", "block", "auction", "water")


@dataclass(frozen=True, slots=True)
class TradeSeen:
    """A trade as published; `price` in 1e-4 yuan, None where it is not published. `way`: listed, call, block, auction, water."""

    seq: int
    at: int
    asset: str
    way: str
    quantity: int
    price: int | None
    money: int | None


def depth(book: Book, asset: str, levels: int = 5) -> dict[str, list[list[int]]]:
    """The best prices of both sides with what is asked for there: [price, quantity, orders]."""
    sides: dict[str, dict[int, list[int]]] = {"buy": defaultdict(lambda: [0, 0]), "sell": defaultdict(lambda: [0, 0])}
    for q in open_orders(book, asset):
        level = sides[q.side][q.price]
        level[0] += q.left
        level[1] += 1
    return {
        side: [[price, *sides[side][price]] for price in sorted(sides[side], reverse=side == "buy")[:levels]]
        for side in ("buy", "sell")
    }


def snapshot(venue: Venue, asset: str, levels: int = 5) -> dict[str, Any]:
    """State of a market after the last record of the journal: `next` is the number of the first event that is not in it."""
    market = venue.book.records.get(("market", asset))
    shown = ("day", "reference", "volume", "value", "last", "close")
    content = market.content if market else {}
    return {"next": venue.next, "asset": asset, "state": market.state if market else "unknown", **{k: content[k] for k in shown if k in content},
            **depth(venue.book, asset, levels)}  # fmt: skip


def events(record: Record) -> list[dict[str, Any]]:
    """The public events of a journal record: trades, and changes of the open quantity at a price (`left` is what the order has now)."""
    line = told(record)
    found: list[dict[str, Any]] = []
    for e in line["entries"]:
        if e["do"] == "trade":
            t = seen(record.seq, line["at"], e)
            found.append(
                {
                    "seq": t.seq,
                    "event": "trade",
                    "asset": t.asset,
                    "way": t.way,
                    "quantity": t.quantity,
                    "price": t.price,
                    "at": t.at,
                }
            )
        elif e["do"] == "record" and e["register"] == "order":
            c = e["content"]
            found.append(
                {
                    "seq": record.seq,
                    "event": "order",
                    "asset": c["asset"],
                    "side": c["side"],
                    "price": c["price"],
                    "left": c["left"],
                }
            )
        elif e["do"] == "record" and e["register"] == "market":
            found.append({"seq": record.seq, "event": "market", "asset": e["id"], "state": e["state"]})
    return found


def trades(venue: Venue, start: int = 0) -> Iterator[TradeSeen]:
    """Every trade from record `start` on."""
    for record in venue.journal.read(start):
        line = told(record)
        for e in line["entries"]:
            if e["do"] == "trade":
                yield seen(record.seq, line["at"], e)


def seen(seq: int, at: int, e: Mapping[str, Any]) -> TradeSeen:
    """The trade of a journal entry."""
    head = e["id"].partition(":")[0]
    way = head if ":" in e["id"] and head in WAYS else "listed"
    return TradeSeen(seq, at, e["asset"], way, e["quantity"], e.get("price"), e.get("money"))


@dataclass(frozen=True, slots=True)
class Candle:
    """A day of a market's listed and call-auction trades: prices in 1e-4 yuan, volume in micro-units."""

    asset: str
    day: date
    open: int
    high: int
    low: int
    last: int
    volume: int


def candles(trades: Iterable[TradeSeen], zone: timezone = CHINA) -> list[Candle]:
    """One candle for each market and day with such trades, by market and day."""
    found: dict[tuple[str, date], list[TradeSeen]] = defaultdict(list)
    for t in trades:
        if t.way in ("listed", "call") and t.price is not None:
            found[t.asset, day_of(t.at, zone)].append(t)
    made = []
    for (asset, day), rows in sorted(found.items()):
        prices = [t.price for t in rows if t.price is not None]
        made.append(Candle(asset, day, prices[0], max(prices), min(prices), prices[-1], sum(t.quantity for t in rows)))
    return made
