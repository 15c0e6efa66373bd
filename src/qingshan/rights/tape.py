"""The public tape: one numbered message for each journal record that shows in a market, from which a reader keeps book, trades and candles.

Messages of a market are numbered from 1 without gaps, and the numbers follow from the journal alone: they are the same after a restart. A
message tells trades, and for each price whose open quantity changed what stands there now. A reader who has the picture of message n goes on
with n + 1; another number means that something was missed, and it asks for the messages after n or for a new picture.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timezone
from typing import Any

from qingshan.ledger.amounts import MICRO, YUAN, decimal_text
from qingshan.ledger.journal import Record
from qingshan.ledger.venue import Venue, told
from qingshan.registers.calendar import CHINA, day_of

from .feed import WAYS, Candle

__all__ = ["Message", "Strip", "Tape", "tape_of"]

KEPT_MESSAGES, KEPT_TRADES = 20_000, 200
SIDES = ("buy", "sell")
Level = list[int]
"""Quantity and orders at a price."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a record changed in a market. `levels`: (side, price, quantity, orders); `trades`: (way, price or None, quantity)."""

    asset: str
    number: int
    record: int
    at: int
    levels: tuple[tuple[str, int, int, int], ...]
    trades: tuple[tuple[str, int | None, int], ...]
    state: str

    def written(self) -> dict[str, Any]:
        """As the feed sends it: decimal texts."""
        return {
            "type": "delta", "asset": self.asset, "number": self.number, "record": self.record, "at": self.at, "state": self.state,
            "levels": [[s, decimal_text(p, YUAN), decimal_text(q, MICRO), n] for s, p, q, n in self.levels],
            "trades": [[w, None if p is None else decimal_text(p, YUAN), decimal_text(q, MICRO)] for w, p, q in self.trades],
        }  # fmt: skip


@dataclass
class Strip:
    """One market on the tape."""

    asset: str
    number: int = 0
    record: int = -1
    state: str = "closed"
    content: Mapping[str, Any] = field(default_factory=dict)
    levels: dict[str, dict[int, Level]] = field(default_factory=lambda: {side: {} for side in SIDES})
    messages: deque[Message] = field(default_factory=lambda: deque(maxlen=KEPT_MESSAGES))
    trades: deque[tuple[int, int, str, int | None, int]] = field(default_factory=lambda: deque(maxlen=KEPT_TRADES))
    """(record, at, way, price, quantity) of the newest trades, the newest last."""
    candles: dict[date, Candle] = field(default_factory=dict)

    def best(self, side: str, levels: int) -> list[tuple[int, int, int]]:
        """The best prices of a side: (price, quantity, orders)."""
        return [(p, *self.levels[side][p]) for p in sorted(self.levels[side], reverse=side == "buy")[:levels]]  # type: ignore[misc]

    def picture(self, levels: int = 100) -> dict[str, Any]:
        """All that a reader starts from, in decimal texts; the next message is `number` + 1."""
        money = {k: decimal_text(self.content[k], YUAN) for k in ("reference", "last", "close") if k in self.content}
        return {
            "type": "picture", "asset": self.asset, "number": self.number, "record": self.record, "state": self.state,
            "day": self.content.get("day", ""), "volume": decimal_text(self.content.get("volume", 0), MICRO), **money,
            "levels": [[side, decimal_text(p, YUAN), decimal_text(q, MICRO), n] for side in SIDES for p, q, n in self.best(side, levels)],
            "trades": [[r, at, w, None if p is None else decimal_text(p, YUAN), decimal_text(q, MICRO)] for r, at, w, p, q in list(self.trades)[-50:]],
        }  # fmt: skip

    def after(self, number: int) -> list[Message] | None:
        """The messages after a number; None where some of them are no longer kept, or the number is not of this market."""
        if not 0 <= number <= self.number or (number < self.number and self.messages[0].number > number + 1):
            return None
        return [m for m in self.messages if m.number > number]


class Tape:
    """Every market's strip. `apply` takes the journal's records in order."""

    def __init__(self, zone: timezone = CHINA) -> None:
        self.zone = zone
        self.strips: dict[str, Strip] = {}
        self._orders: dict[str, tuple[str, str, int, int]] = {}

    def apply(self, record: Record) -> list[Message]:
        """The messages of a record, one for each market in it."""
        return self.take(record.seq, told(record))

    def take(self, seq: int, line: Mapping[str, Any]) -> list[Message]:
        """`apply` for a record that was read already."""
        levels: dict[str, dict[tuple[str, int], None]] = {}
        trades: dict[str, list[tuple[str, int | None, int]]] = {}
        touched: dict[str, None] = {}
        for e in line["entries"]:
            if e["do"] == "trade":
                trades.setdefault(e["asset"], []).append(self._trade(seq, line["at"], e))
                touched[e["asset"]] = None
            elif e["do"] == "record" and e["register"] == "order":
                levels.setdefault(e["content"]["asset"], {}).update(dict.fromkeys(self._order(e)))
                touched[e["content"]["asset"]] = None
            elif e["do"] == "record" and e["register"] == "market":
                strip = self._strip(e["id"])
                strip.state, strip.content = e["state"], e["content"]
                touched[e["id"]] = None
        return [self._message(seq, line["at"], a, levels.get(a, {}), trades.get(a, [])) for a in touched]

    def _strip(self, asset: str) -> Strip:
        return self.strips.setdefault(asset, Strip(asset))

    def _order(self, e: Mapping[str, Any]) -> list[tuple[str, int]]:
        """Take an order off its price and put it where it is now; the prices that this touched."""
        c, id, touched = e["content"], e["id"], []
        if known := self._orders.pop(id, None):
            asset, side, price, left = known
            level = self._strip(asset).levels[side][price]
            level[0], level[1] = level[0] - left, level[1] - 1
            if not level[1]:
                del self._strip(asset).levels[side][price]
            touched.append((side, price))
        if e["state"].startswith("open:") and c["left"]:
            self._orders[id] = (c["asset"], c["side"], c["price"], c["left"])
            level = self._strip(c["asset"]).levels[c["side"]].setdefault(c["price"], [0, 0])
            level[0], level[1] = level[0] + c["left"], level[1] + 1
            touched.append((c["side"], c["price"]))
        return touched

    def _trade(self, seq: int, at: int, e: Mapping[str, Any]) -> tuple[str, int | None, int]:
        strip, head = self._strip(e["asset"]), e["id"].partition(":")[0]
        way = head if ":" in e["id"] and head in WAYS else "listed"
        price, quantity = e.get("price"), e["quantity"]
        strip.trades.append((seq, at, way, price, quantity))
        if price is not None and way in ("listed", "call"):
            day = day_of(at, self.zone)
            c = strip.candles.get(day) or Candle(e["asset"], day, price, price, price, price, 0)
            strip.candles[day] = Candle(
                e["asset"], day, c.open, max(c.high, price), min(c.low, price), price, c.volume + quantity
            )
        return way, price, quantity

    def _message(
        self,
        seq: int,
        at: int,
        asset: str,
        levels: Mapping[tuple[str, int], None],
        trades: list[tuple[str, int | None, int]],
    ) -> Message:
        strip = self._strip(asset)
        strip.number, strip.record = strip.number + 1, seq
        now = tuple((side, price, *strip.levels[side].get(price, (0, 0))) for side, price in levels)
        message = Message(asset, strip.number, seq, at, now, tuple(trades), strip.state)
        strip.messages.append(message)
        return message


def tape_of(venue: Venue) -> Tape:
    """The tape of everything on the journal."""
    tape = Tape()
    for record in venue.journal.read():
        tape.apply(record)
    return tape
