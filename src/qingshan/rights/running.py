"""Figures kept up with the journal: what the pages show is read here, not found again by going through the journal.

`apply` takes the records in order, each once; after that a page costs what it shows (days of a period, orders of an account), however long
the journal is. It holds nothing that the journal does not: it is made again when a venue is opened.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timezone
from itertools import islice
from typing import Any

from qingshan.ledger.entry import RegisterEntry
from qingshan.ledger.journal import Record
from qingshan.ledger.venue import Venue, told
from qingshan.registers.calendar import CHINA, day_of
from qingshan.registers.engine import Version

from .feed import seen
from .matching import close_price
from .statements import Movement, Statement, movements_of

__all__ = ["Retired", "Running", "public_statistics"]

GONE = {"compliance": "surrendered", "retirement": "retired", "cancelled": "cancelled"}
RECENT = 200
FEES = ("fee", "rounding", "penalty")
UNVERSIONED = (
    "order",
    "market",
    "auction",
    "auction_bid",
    "proposal",
    "block",
    "water_deal",
    "lot",
    "file",
    "pool",
    "transfer_target",
)
"""Records of the venue itself, whose older versions no page shows."""


@dataclass(frozen=True, slots=True)
class Retired:
    """Units that left for good: `how` is surrendered, retired or cancelled, `why` the reason of a retirement; ranges in micro-units."""

    seq: int
    day: date
    asset: str
    quantity: int
    how: str
    why: str
    ranges: tuple[tuple[str, int, int], ...]


@dataclass
class _AccountDay:
    """What moved in an account on a day, by asset, and how what is set aside changed."""

    moved: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    held: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    movements: list[Movement] = field(default_factory=list)


class Running:
    """The figures of one venue up to the record `next` (exclusive)."""

    def __init__(self, zone: timezone = CHINA) -> None:
        self.zone, self.next, self.scanned = zone, 0, 0
        self.kinds: dict[str, str] = {}
        self.rows: dict[date, dict[str, dict[str, Any]]] = defaultdict(dict)
        self.fees: dict[date, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.gone: list[Retired] = []
        self.gone_of: dict[str, int] = defaultdict(int)
        """Lot -> how many of its units left for good."""
        self.orders: dict[str, list[str]] = defaultdict(list)
        self.open: dict[str, dict[str, None]] = defaultdict(dict)
        self.of_day: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.versions: dict[tuple[str, str], list[Version]] = defaultdict(list)
        self._accounts: dict[str, dict[date, _AccountDay]] = defaultdict(dict)
        self._holds: dict[str, tuple[str, str]] = {}

    @classmethod
    def of(cls, records: Iterable[Record], zone: timezone = CHINA) -> Running:
        """The figures after all these records."""
        made = cls(zone)
        for record in records:
            made.apply(record)
        return made

    def apply(self, record: Record) -> None:
        """Take in the next record."""
        self.take(record.seq, told(record))

    def take(self, seq: int, line: Mapping[str, Any]) -> None:
        """`apply` for a record that was read already."""
        self.next, self.scanned = seq + 1, self.scanned + 1
        at, command = line["at"], line["command"]
        day = day_of(at, self.zone)
        for e in line["entries"]:
            kind = e["do"]
            if kind == "account":
                self.kinds[e["id"]] = e["kind"]
            elif kind == "record":
                self._record(seq, at, e, command)
            elif kind in ("trade", "lot", "leg"):
                self._count(seq, at, day, e)
            self._set_aside(day, e)
            for account, movement in movements_of(seq, at, e):
                there = self._on(account, day)
                there.moved[movement.asset] += movement.quantity
                there.movements.append(movement)

    def _on(self, account: str, day: date) -> _AccountDay:
        return self._accounts[account].setdefault(day, _AccountDay())

    def _record(self, seq: int, at: int, e: Mapping[str, Any], command: Mapping[str, Any]) -> None:
        c, id = e.get("content", {}), e["id"]
        if e["register"] == "order":
            if e["version"] == 1:
                insort(self.orders[c["account"]], id)
                self.of_day[c["account"], c["day"]].append(id)
            if e["state"].startswith("open:"):
                self.open[c["account"]][id] = None
            else:
                self.open[c["account"]].pop(id, None)
        elif e["register"] not in UNVERSIONED:
            entry = RegisterEntry(e["register"], id, e["version"], e["state"], c)
            self.versions[e["register"], id].append(Version(seq, at, command["by"], command["kind"], entry))

    def _set_aside(self, day: date, e: Mapping[str, Any]) -> None:
        if e["do"] == "hold":
            self._holds[e["id"]] = (e["account"], e["asset"])
            self._on(e["account"], day).held[e["asset"]] += e["quantity"]
        elif e["do"] == "release" or (e["do"] == "leg" and e.get("hold")):
            account, asset = self._holds[e["id"] if e["do"] == "release" else e["hold"]]
            self._on(account, day).held[asset] -= e["quantity"]

    def _count(self, seq: int, at: int, day: date, e: Mapping[str, Any]) -> None:
        asset = e["asset"]
        if asset.startswith("cash:"):
            for name, sign in ((e["credit"], 1), (e["debit"], -1)):
                if self.kinds.get(name) in FEES:
                    self.fees[day][name] += sign * e["quantity"]
            return
        row = self.rows[day].setdefault(asset, _empty(asset))
        if e["do"] == "lot":
            row["issued"] += e["quantity"]
        elif e["do"] == "leg":
            if how := GONE.get(self.kinds.get(e["credit"], "")):
                row[how] += e["quantity"]
                ranges = tuple((lot, start, end) for lot, start, end in e.get("ranges", ()))
                for lot, start, end in ranges:
                    self.gone_of[lot] += end - start
                self.gone.append(
                    Retired(seq, day, asset, e["quantity"], how, e["why"] if how != "surrendered" else "", ranges)
                )
        else:
            t = seen(seq, at, e)
            way = row["ways"].setdefault(t.way, _empty_way())
            row["trades"] += 1
            way["trades"] += 1
            if t.price is None:
                way["unpriced"] += t.quantity
                return
            way["quantity"] += t.quantity
            way["money"] += t.money or 0
            way["value"] += t.price * t.quantity

    # ---- what is read ----------------------------------------------------------------------------------------------

    def statistics(self, first: date, last: date) -> list[dict[str, Any]]:
        """By asset: trades, quantity and money by way, the mean price of listed trades, and what was issued, surrendered, retired and
        cancelled, over the days `first` to `last`. Quantities in micro-units, money in 1e-4 yuan, all as whole numbers."""
        found: dict[str, dict[str, Any]] = {}
        for day in self._days(first, last):
            for asset, row in self.rows[day].items():
                whole = found.setdefault(asset, _empty(asset))
                for k in ("trades", "issued", *GONE.values()):
                    whole[k] += row[k]
                for name, way in row["ways"].items():
                    into = whole["ways"].setdefault(name, _empty_way())
                    for k, v in way.items():
                        into[k] += v
        for row in found.values():
            listed = row["ways"].get("listed", {"quantity": 0, "value": 0})
            row["mean_price"] = close_price(listed["value"], listed["quantity"], 0, 1) if listed["quantity"] else None
        return [found[asset] for asset in sorted(found)]

    def _days(self, first: date, last: date) -> Iterator[date]:
        return (day for day in sorted(self.rows) if first <= day <= last)

    def traded(self, asset: str, first: date, last: date) -> tuple[int, int, int, int]:
        """Money and quantity of an asset's priced trades in a span, all of them and the listed ones."""
        sums = [0, 0, 0, 0]
        for day in self._days(first, last):
            for name, way in self.rows[day].get(asset, {"ways": {}})["ways"].items():
                sums[0], sums[1] = sums[0] + way["money"], sums[1] + way["quantity"]
                if name == "listed":
                    sums[2], sums[3] = sums[2] + way["money"], sums[3] + way["quantity"]
        return sums[0], sums[1], sums[2], sums[3]

    def orders_after(self, account: str, after: str, limit: int) -> Sequence[str]:
        """Ids of an account's orders, the first `limit` after an id."""
        mine = self.orders.get(account, [])
        start = bisect_right(mine, after)
        return mine[start : start + limit]

    def recent_orders(self, account: str, day: str) -> list[str]:
        """Ids of an account's open orders and of those entered on a day: the newest of each, at most `RECENT`."""
        open_ = islice(reversed(self.open.get(account, {})), RECENT)
        return list(dict.fromkeys([*open_, *self.of_day.get((account, day), [])[-RECENT:]]))

    def statement(self, account: str, day: date) -> Statement:
        """An account on a day, as `statements` gives it."""
        sums: tuple[dict[str, int], ...] = (defaultdict(int), defaultdict(int), defaultdict(int))
        moved: list[Movement] = []
        for on, there in self._accounts.get(account, {}).items():
            if on > day:
                continue
            for asset, quantity in there.moved.items():
                sums[1][asset] += quantity
                if on < day:
                    sums[0][asset] += quantity
            for asset, quantity in there.held.items():
                sums[2][asset] += quantity
            if on == day:
                moved = list(there.movements)
        opening, closing, held = ({k: v for k, v in sorted(s.items()) if v} for s in sums)
        return Statement(account, day, opening, moved, closing, held)

    def net_sales(self, account: str, assets: Collection[str], first: date, last: date) -> int:
        """Units of these instruments that an account sold in trades less those it bought, on the days `first` to `last`."""
        return -sum(
            m.quantity
            for day, there in self._accounts.get(account, {}).items()
            if first <= day <= last
            for m in there.movements
            if m.trade and m.asset in assets
        )

    def history(self, register: str, id: str) -> list[Version]:
        """Every version of a declared register's record, the first first."""
        return self.versions.get((register, id), [])


def _empty(asset: str) -> dict[str, Any]:
    return {"asset": asset, "trades": 0, "issued": 0, "surrendered": 0, "retired": 0, "cancelled": 0, "ways": {}}


def _empty_way() -> dict[str, int]:
    return {"trades": 0, "quantity": 0, "money": 0, "value": 0, "unpriced": 0}


def public_statistics(venue: Venue, first: date, last: date, zone: timezone = CHINA) -> list[dict[str, Any]]:
    """`Running.statistics` of a venue whose figures nobody keeps."""
    return Running.of(venue.journal.read(), zone).statistics(first, last)
