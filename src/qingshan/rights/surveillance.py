"""What in the journal is worth a second look, by the declared rows of `surveillance.toml`: facts with the events that raised them.

`Watch` follows the journal record by record, so that asking costs the days asked for, not the journal's length. Trades are looked at as they
come; what only shows over a day is found from that day's sums and kept until the day changes again.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

from qingshan.core.canonical import digest
from qingshan.core.errors import DeclarationError
from qingshan.ledger.journal import Record
from qingshan.ledger.venue import told
from qingshan.registers.calendar import CHINA, day_of

from .matching import band
from .registry import HOLDERS
from .rulesets import STATUSES, RuleSets

__all__ = ["Anomaly", "Event", "Rule", "Watch", "anomalies", "read_rules", "surveillance_rules"]

KEPT_DAYS, VWAP_DAYS = 120, 5
PER = ("trade", "day", "register")
NEEDS_VALUE = ("price_outlier", "block_outlier", "layering", "volume_share")


@dataclass(frozen=True, slots=True)
class Rule:
    """A declared row. `value` in `unit`; `share` in %, `least` a number of trades; without a value it needs, it is open and not run."""

    id: str
    zh: str
    en: str
    per: str
    source: str
    status: str
    value: int | None = None
    unit: str = ""
    share: int = 0
    least: int = 0
    document: str = ""

    @property
    def runs(self) -> bool:
        return self.status != "open"


def read_rules(text: str) -> dict[str, Rule]:
    """Rows by id. Raises `DeclarationError` for one without source or status, an open one with a value, a strange one."""
    found: dict[str, Rule] = {}
    for raw in tomllib.loads(text).get("rule", []):
        try:
            rule = Rule(**raw)
        except TypeError as error:
            raise DeclarationError(f"a row cannot be read: {error}.", where="surveillance.toml") from None
        where = f"surveillance.toml {rule.id}"
        if rule.status not in STATUSES or not rule.source or rule.per not in PER:
            raise DeclarationError("it needs a source, a status and per trade, day or register.", where=where)
        if (
            rule.value is None
            if rule.runs and rule.id in NEEDS_VALUE
            else not rule.runs and (rule.value is not None or not rule.document)
        ):
            raise DeclarationError(
                "it needs its value, or status open and the document that would give it.", where=where
            )
        found[rule.id] = rule
    return found


@lru_cache(maxsize=1)
def _builtin() -> dict[str, Rule]:
    return read_rules(Path(__file__).with_name("surveillance.toml").read_text(encoding="utf-8"))


def surveillance_rules(folder: Path | None = None) -> dict[str, Rule]:
    """The rows that come with the package, those of a venue's own `surveillance.toml` in their place."""
    own = folder / "surveillance.toml" if folder else None
    return _builtin() | (read_rules(own.read_text(encoding="utf-8")) if own and own.is_file() else {})


@dataclass(frozen=True, slots=True)
class Event:
    """A trade or an order as the journal has it: record number, time, `what` (trade, order, cancel), who, at what price, how much."""

    seq: int
    at: int
    what: str
    id: str
    accounts: tuple[str, ...]
    price: int
    quantity: int
    side: str = ""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """`kind` names the row; `measure` what was found against its threshold, in the row's unit."""

    kind: str
    day: date
    asset: str
    accounts: tuple[str, ...]
    events: tuple[Event, ...]
    measure: str = ""

    @property
    def id(self) -> str:
        """The same for the same fact after a restart."""
        return digest([self.kind, self.day.isoformat(), self.asset, list(self.accounts), self.events[0].id])[:16]

    @property
    def trades(self) -> tuple[str, ...]:
        return tuple(e.id for e in self.events if e.what == "trade")

    @property
    def price(self) -> int:
        return self.events[-1].price

    @property
    def quantity(self) -> int:
        return sum(e.quantity for e in self.events)


@dataclass
class _Order:
    """An order of a day: what it asked for, whether any of it was traded, the event that withdrew it."""

    entered: Event
    left: int
    traded: bool = False
    cancelled: Event | None = None


@dataclass
class _Day:
    """A market's day: trades between each two accounts, listed volume by account and side, orders by account."""

    version: int = 0
    pairs: dict[tuple[str, str], list[Event]] = field(default_factory=lambda: defaultdict(list))
    """(seller, buyer) -> their trades."""
    sides: dict[tuple[str, str], list[Event]] = field(default_factory=lambda: defaultdict(list))
    """(account, side) -> its listed trades."""
    orders: dict[str, dict[str, _Order]] = field(default_factory=lambda: defaultdict(dict))
    listed: int = 0
    count: int = 0
    found: tuple[int, list[Anomaly]] = (-1, [])


class Watch:
    """The venue's facts up to the newest record, under these rule sets and rows."""

    def __init__(self, sets: RuleSets, rules: Mapping[str, Rule] | None = None, zone: timezone = CHINA) -> None:
        self.sets, self.rules, self.zone = sets, dict(rules or surveillance_rules()), zone
        self.days: dict[tuple[date, str], _Day] = defaultdict(_Day)
        self.seen: dict[date, list[Anomaly]] = defaultdict(list)
        """What single trades raised."""
        self._reference: dict[str, tuple[int, str]] = {}
        self._means: dict[str, deque[tuple[date, int, int]]] = defaultdict(lambda: deque(maxlen=VWAP_DAYS + 1))
        """Of a market's newest days with listed trades: day, value, quantity."""
        self._persons: dict[str, frozenset[str]] = {}
        self._oldest = date.min

    def apply(self, record: Record) -> None:
        """Take in the next record."""
        self.take(record.seq, told(record))

    def take(self, seq: int, line: Mapping[str, Any]) -> None:
        """`apply` for a record that was read already."""
        day = day_of(line["at"], self.zone)
        self._forget(day)
        for e in line["entries"]:
            if e["do"] == "trade" and e.get("price") is not None:
                self._trade(seq, line["at"], day, e)
            elif e["do"] == "record":
                c = e.get("content", {})
                if e["register"] == "market" and "reference" in c:
                    self._reference[e["id"]] = (c["reference"], c["rules"])
                elif e["register"] == "order":
                    self._order(seq, line["at"], day, e, line["command"]["kind"])
                elif e["register"] == HOLDERS:
                    fields = c.get("fields", {})
                    self._persons[e["id"]] = frozenset([*fields.get("operators", ()), *fields.get("beneficiaries", ())])

    def _forget(self, day: date) -> None:
        """Drop what is older than the pages ask for."""
        oldest = day - timedelta(days=KEPT_DAYS)
        if oldest > self._oldest:
            self._oldest = oldest
            for key in [k for k in self.days if k[0] < oldest]:
                del self.days[key]
            for old in [d for d in self.seen if d < oldest]:
                del self.seen[old]

    def _runs(self, kind: str) -> bool:
        return kind in self.rules and self.rules[kind].runs

    # ---- trade by trade --------------------------------------------------------------------------------------------

    def _trade(self, seq: int, at: int, day: date, e: Mapping[str, Any]) -> None:
        asset, pair = e["asset"], (e["seller"], e["buyer"])
        event = Event(seq, at, "trade", e["id"], pair, e["price"], e["quantity"])
        here = self.days[day, asset]
        here.version += 1
        here.pairs[pair].append(event)
        head = e["id"].partition(":")[0] if ":" in e["id"] else ""
        listed = head in ("", "session")
        kinds = dict(self._single(day, asset, event, head, listed=listed))
        self.seen[day] += [Anomaly(kind, day, asset, pair, (event,), said) for kind, said in kinds.items()]
        if listed:
            here.count, here.listed = here.count + 1, here.listed + event.quantity
            here.sides[pair[0], "sell"].append(event)
            here.sides[pair[1], "buy"].append(event)
            self._mean(day, asset, event)

    def _single(self, day: date, asset: str, event: Event, head: str, *, listed: bool) -> Iterator[tuple[str, str]]:
        """The rows that one trade raises, with what was measured."""
        if self._runs("common_person") and (
            both := self._persons.get(event.accounts[0], frozenset())
            & self._persons.get(event.accounts[1], frozenset())
        ):
            yield "common_person", str(len(both))
        if asset in self._reference:
            reference, name = self._reference[asset]
            used = self.sets.on(name, day)
            if listed and self._runs("band_edge") and event.price in band(reference, used["listed_band"], used["tick"]):
                yield "band_edge", ""
            if head == "block" and self._runs("block_outlier"):
                limit = self.rules["block_outlier"].value or 0
                if abs(event.price - reference) * 100 >= limit * reference:
                    yield "block_outlier", _percent(event.price - reference, reference)
        if listed and self._runs("price_outlier"):
            before = [(v, q) for d, v, q in self._means[asset] if d < day][-VWAP_DAYS:]
            value, quantity = sum(v for v, _ in before), sum(q for _, q in before)
            off = event.price * quantity - value
            if quantity and abs(off) * 100 >= (self.rules["price_outlier"].value or 0) * value:
                yield "price_outlier", _percent(off, value)

    def _mean(self, day: date, asset: str, event: Event) -> None:
        days = self._means[asset]
        value, quantity = event.price * event.quantity, event.quantity
        if days and days[-1][0] == day:
            _, v, q = days.pop()
            value, quantity = value + v, quantity + q
        days.append((day, value, quantity))

    def _order(self, seq: int, at: int, day: date, e: Mapping[str, Any], command: str) -> None:
        c = e["content"]
        here = self.days[day, c["asset"]]
        mine = here.orders[c["account"]]
        event = Event(seq, at, "order", e["id"], (c["account"],), c["price"], c["quantity"], c["side"])
        if e["version"] == 1:
            mine[e["id"]] = _Order(event, c["left"], traded=c["left"] < c["quantity"] and e["state"] != "cancelled")
            return
        order = mine.get(e["id"])
        if order is None:  # of an earlier day
            return
        if e["state"] == "cancelled":
            order.cancelled = Event(seq, at, "cancel", e["id"], (c["account"],), c["price"], order.left, c["side"])
            here.version += 1
        elif c["left"] < order.left and command != "market.replace" and e["state"] != "expired":
            order.traded = True
        order.left = c["left"]

    # ---- over a day ------------------------------------------------------------------------------------------------

    def found(self, first: date, last: date) -> list[Anomaly]:
        """Of the days `first` to `last`, the newest first."""
        every: list[Anomaly] = [a for d, rows in self.seen.items() if first <= d <= last for a in rows]
        for (day, asset), here in self.days.items():
            if first <= day <= last:
                if here.found[0] != here.version:
                    here.found = (here.version, list(self._over(day, asset, here)))
                every += here.found[1]
        return sorted(every, key=lambda a: (a.day, a.events[-1].seq, a.kind, a.accounts), reverse=True)

    def one(self, id: str, first: date, last: date) -> Anomaly | None:
        """The fact of an id."""
        return next((a for a in self.found(first, last) if a.id == id), None)

    def _over(self, day: date, asset: str, here: _Day) -> Iterator[Anomaly]:
        if self._runs("both_ways"):
            for (seller, buyer), events in here.pairs.items():
                if seller < buyer and (back := here.pairs.get((buyer, seller))):
                    yield Anomaly("both_ways", day, asset, (seller, buyer), _in_order([*events, *back]))
        if self._runs("round_trip"):
            yield from self._circles(day, asset, here)
        if self._runs("layering"):
            rule = self.rules["layering"]
            for account, orders in here.orders.items():
                gone = [o for o in orders.values() if o.cancelled and not o.traded]
                if len(gone) >= (rule.value or 0) and len(gone) * 100 >= rule.share * len(orders):
                    steps = _in_order([e for o in gone for e in (o.entered, o.cancelled) if e])
                    yield Anomaly("layering", day, asset, (account,), steps, f"{len(gone)}/{len(orders)}")
        if self._runs("volume_share") and here.count >= self.rules["volume_share"].least:
            for (account, _), events in here.sides.items():
                own = sum(e.quantity for e in events)
                if own * 100 >= (self.rules["volume_share"].value or 0) * here.listed:
                    yield Anomaly("volume_share", day, asset, (account,), tuple(events), _percent(own, here.listed))

    def _circles(self, day: date, asset: str, here: _Day) -> Iterator[Anomaly]:
        """A sold to B, B to C and C to A; each circle once, from its first account by name."""
        sold: dict[str, list[str]] = defaultdict(list)
        for seller, buyer in here.pairs:
            sold[seller].append(buyer)
        for a in sorted(sold):
            for b in sold[a]:
                for c in sold.get(b, ()):
                    if a < b and a < c and b != c and a in sold.get(c, ()):
                        events = _in_order([*here.pairs[a, b], *here.pairs[b, c], *here.pairs[c, a]])
                        yield Anomaly("round_trip", day, asset, (a, b, c), events)


def _in_order(events: Iterable[Event]) -> tuple[Event, ...]:
    return tuple(sorted(events, key=lambda e: (e.seq, e.id)))


def _percent(part: int, whole: int) -> str:
    """A share in % to one decimal, cut towards zero."""
    tenths = abs(part) * 1000 // whole
    return f"{'-' if part < 0 else ''}{tenths // 10}.{tenths % 10}"


def anomalies(
    records: Iterable[Record], sets: RuleSets, first: date, last: date, rules: Mapping[str, Rule] | None = None
) -> list[Anomaly]:
    """What a whole journal shows in the days `first` to `last`."""
    watch = Watch(sets, rules)
    for record in records:
        watch.apply(record)
    return watch.found(first, last)
