"""A market on its day, and the two sides of a trade while a command is decided: what their holds still have and must keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from qingshan.ledger.amounts import MICRO
from qingshan.ledger.book import Book
from qingshan.ledger.entry import Entry, Hold, RegisterEntry, Release

from .registry import CASH
from .rulesets import RuleSet

__all__ = ["MarketDay", "Side", "cash_of", "paired", "resale_day", "trading_day"]


@dataclass
class MarketDay:
    """A market on its day: its record, rules and the day itself."""

    asset: str
    record: RegisterEntry
    rules: RuleSet
    day: date

    @property
    def number(self) -> int:
        return (self.day - date(1970, 1, 1)).days

    def trades_on(self, day: date) -> bool:
        """Whether the rule set names a day as a trading day; without rules for it every day is one."""
        return trading_day(self.rules, day)

    @property
    def free_on(self) -> int:
        """Day number from which units bought today may be sold: so many trading days later as the rules say."""
        return (resale_day(self.rules, self.day) - date(1970, 1, 1)).days


def trading_day(rules: RuleSet, day: date) -> bool:
    """Weekdays by number from Monday = 1 (`weekdays`), less the days that are announced as closed (`closed_days`)."""
    known = not rules.has("weekdays") or day.isoweekday() in rules["weekdays"]
    return known and not (rules.has("closed_days") and day.isoformat() in rules["closed_days"])


def resale_day(rules: RuleSet, day: date) -> date:
    """The day from which units bought on `day` may be sold."""
    left = rules["resale_days"]
    while left:
        day += timedelta(days=1)
        left -= trading_day(rules, day)
    return day


class Side:
    """One side of a trade while a command is decided: what its hold still has."""

    def __init__(
        self,
        book: Book,
        market: MarketDay,
        id: str,
        account: str,
        side: str,
        price: int,
        left: int,
        hold: Hold | None = None,
    ) -> None:
        self.market, self.id, self.account, self.side, self.price, self.left = market, id, account, side, price, left
        if hold is not None:
            self.cash, self.units = (hold.quantity, []) if side == "buy" else (0, list(hold.ranges))
        else:
            kept = book.holds[id]
            self.cash = kept.quantity if side == "buy" else 0
            self.units = [(r.lot, r.start, r.end) for r in kept.shelf] if side == "sell" else []

    @classmethod
    def resting(cls, book: Book, market: MarketDay, record: RegisterEntry) -> Side:
        c = record.content
        return cls(book, market, record.id, c["account"], c["side"], c["price"], c["left"])

    def give_units(self, quantity: int) -> tuple[tuple[str, int, int], ...]:
        """The first ranges of the hold."""
        given, left = [], quantity
        while left:
            lot, start, end = self.units[0]
            part = min(left, end - start)
            given.append((lot, start, start + part))
            self.units[0:1] = [(lot, start + part, end)] if start + part < end else []
            left -= part
        self.left -= quantity
        return tuple(given)

    def give_cash(self, money: int, quantity: int) -> list[Entry]:
        """What the hold no longer needs once `money` was paid for `quantity`."""
        self.left -= quantity
        self.cash -= money
        kept = cash_of(self.price, self.left, self.market.rules) if self.left else 0
        surplus, self.cash = self.cash - kept, kept
        return [Release(self.id, self.account, CASH, surplus)] if surplus else []

    def freed(self, keep: int = 0) -> Release:
        """Free what is above `keep` of the quantity."""
        if self.side == "buy":
            return Release(
                self.id, self.account, CASH, self.cash - (cash_of(self.price, keep, self.market.rules) if keep else 0)
            )
        ranges = self.units
        less = self.left - keep
        given = list(reversed(_last(ranges, less)))
        return Release(self.id, self.account, self.market.asset, less, tuple(given))


def _last(ranges: list[tuple[str, int, int]], quantity: int) -> list[tuple[str, int, int]]:
    """The newest ranges that make up a quantity."""
    found, left = [], quantity
    for lot, start, end in reversed(ranges):
        if left == 0:
            break
        part = min(left, end - start)
        found.append((lot, end - part, end))
        left -= part
    return found


def cash_of(price: int, quantity: int, rules: RuleSet) -> int:
    """Cash that covers an order however it is filled: rounded up, with 1e-4 yuan for every lot where lots can round."""
    cushion = 0 if rules["lot"] % MICRO == 0 else quantity // rules["lot"]
    money = -(-price * quantity // MICRO) + cushion
    return money + (money * rules["fee"] // 10_000 + 1 if rules.has("fee") else 0)


def paired(fills: Mapping[str, int], sides: Mapping[str, Side]) -> Iterable[tuple[str, str, int]]:
    """Buyers against sellers in the order of their fills."""
    queues = {side: [(id, q) for id, q in fills.items() if sides[id].side == side] for side in ("buy", "sell")}
    while queues["buy"] and queues["sell"]:
        quantity = min(queues["buy"][0][1], queues["sell"][0][1])
        yield queues["buy"][0][0], queues["sell"][0][0], quantity
        for queue in queues.values():
            id, left = queue[0]
            queue[0:1] = [(id, left - quantity)] if left > quantity else []
