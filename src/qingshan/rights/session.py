"""A market day on the compiled core: batches journalled before they are acknowledged, trades posted to the ledger afterwards.

Opening sets everything that the accounts have aside on the ledger, so that nothing leaves it meanwhile. A batch is one record of the
session's own journal (same format and guarantees as the ledger's); a killed session is opened again from it. `post` brings what was traded
to the ledger as ordinary trades and legs with their serial ranges, in the order of the tape.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta, timezone
from hashlib import sha256
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.canonical import canonical
from qingshan.ledger.book import Book, Refused
from qingshan.ledger.entry import Entry, Hold, Leg, RegisterEntry, Release, Trade
from qingshan.ledger.journal import BrokenJournal, Disk, FileDisk, Journal, Record
from qingshan.ledger.venue import Command, Decision, Handler, Venue
from qingshan.registers.calendar import CHINA, day_of

from . import core
from .commands import guarded
from .matching import band
from .registry import CASH, word
from .rulesets import RuleSet, RuleSets, builtin_rule_sets
from .sides import resale_day

__all__ = ["Session", "session_handlers", "session_settings"]

GROUP = 5000
"""Trades that one posting brings to the ledger."""
REPLAYED = 1 << 21
"""Bytes of messages that a replay decides in one call."""


def session_handlers(zone: timezone = CHINA, rules: RuleSets | None = None) -> dict[str, Handler]:
    """`market.session_open` {asset, accounts}, `market.session_post` {asset, trades}, `market.session_close` {asset}."""
    return guarded(
        {
            "market.session_open": _open,
            "market.session_post": _post(zone, rules or builtin_rule_sets()),
            "market.session_close": _close,
        }
    )


def session_settings(rules: RuleSet, reference: int) -> dict[str, int]:
    """The numbers a compiled session needs. Raises `Refused` for rules it does not know."""
    if rules["policy"] != "price_time" or len(rules["sessions"]) != 2 or rules.has("fee"):
        raise Refused(
            "session_rules",
            "a compiled session needs price_time, two sessions a day and no fee.",
            "编译的交易时段仅支持价格时间优先、每日两节、无手续费的规则。",
        )
    low, high = band(reference, rules["listed_band"], rules["tick"])
    spans = [_minutes(t) for s in rules["sessions"] for t in s.split("/")]
    named = dict(zip(("open1", "shut1", "open2", "shut2"), spans, strict=True))
    return {
        "tick": rules["tick"],
        "lot": rules["lot"],
        "below": rules["listed_below"],
        "low": low,
        "high": high,
    } | named


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return (int(hours) * 60 + int(minutes)) * 60_000_000


@dataclass
class Session:
    """One market on one day. Make it with `Session.open`; `submit` decides a batch, `post` settles it on the ledger."""

    venue: Venue
    asset: str
    accounts: Sequence[str]
    lots: Sequence[str]
    state: core.State
    journal: Journal
    waiting: list[tuple[NDArray[np.void], NDArray[np.void]]] = field(default_factory=list)
    posted: int = 0
    """Trades that the ledger has."""

    @classmethod
    def open(cls, venue: Venue, asset: str, accounts: Sequence[str], settings: Mapping[str, int], path: Path, *, disk: Disk | None = None,
             orders: int = 1 << 20) -> Session:  # fmt: skip
        """Start, or go on after a kill: the journal's head must name the same market, accounts and settings.

        The accounts' holdings must have been set aside by `market.session_open`. Raises `BrokenJournal`.
        """
        journal = Journal(disk or FileDisk(path), f"{venue.name}/session")
        asked = {"asset": asset, "accounts": list(accounts), "settings": dict(settings)}
        records = journal.read()
        first = next(records, None)
        if first is None:
            head: dict[str, Any] = asked | {"opening": [_opening(venue.book, asset, a) for a in accounts]}
            journal.append([canonical(head)])
        else:
            head = json.loads(first.payload)
            if {k: head[k] for k in asked} != asked:
                raise BrokenJournal(
                    "the session's journal is of another market or day.", "该日志属于另一市场或日期。", where=str(path)
                )
        lots = ["", *(id for id, _ in sorted(venue.book.lots.items(), key=lambda x: x[1].order))]
        made = cls(
            venue, asset, tuple(accounts), lots, core.new_state(dict(settings), len(accounts), orders=orders), journal
        )
        made._fill(head["opening"])
        for batch in _joined(records):
            made._decide(np.frombuffer(batch, core.MESSAGE))
        own = f"{made.mark}/"
        made.posted = sum(1 for t in venue.book.trades if t.startswith(own))
        made._forget(made.posted)
        return made

    @property
    def mark(self) -> str:
        return f"session:{sha256(self.asset.encode()).hexdigest()[:12]}:{self.venue.book.records['market', self.asset].content['day']}"

    def _fill(self, opening: Sequence[tuple[int, Sequence[tuple[str, int, int]]]]) -> None:
        """What each account brought when the day began."""
        for n, (cash, units) in enumerate(opening):
            self.state.cash[n], self.state.open[n] = cash, True
            for lot, start, end in units:
                order = self.venue.book.lots[lot].order
                core.add_range(self.state.ranges, self.state.registers, self.state.heads, n, 0, order, start, end)
                self.state.units[n] += end - start

    def submit(self, messages: NDArray[np.void]) -> NDArray[np.void]:
        """Journal a batch, decide it, return its acknowledgements (`core.ACK`). Raises `JournalStopped`."""
        self.journal.append([messages.tobytes()])
        return self._decide(messages)

    def _decide(self, messages: NDArray[np.void]) -> NDArray[np.void]:
        acks, trades, tape = core.run(self.state, messages)
        if len(trades):
            self.waiting.append((trades, tape))
        return acks

    def _forget(self, trades: int) -> None:
        """Drop the first trades: they are on the ledger."""
        while trades and self.waiting:
            rows, tape = self.waiting[0]
            if len(rows) > trades:
                self.waiting[0] = (rows[trades:], tape)
                return
            trades -= len(rows)
            self.waiting.pop(0)

    def post(self, by: str, at: int) -> int:
        """Settle what waits on the ledger; returns the number of trades. A killed posting is taken up where it stopped."""
        done = 0
        numbers = count(self.posted)
        lines = (line for rows, tape in list(self.waiting) for line in self._lines(rows, tape, numbers))
        while part := list(islice(lines, GROUP)):
            body = {"asset": self.asset, "accounts": list(self.accounts), "trades": part}
            self.venue.submit(Command("market.session_post", body, f"{self.mark}/post/{self.posted}", by, at))
            self._forget(len(part))
            self.posted += len(part)
            done += len(part)
        return done

    def _lines(self, rows: NDArray[np.void], tape: NDArray[np.void], numbers: Iterator[int]) -> Iterator[list[Any]]:
        """Trades as the command carries them."""
        lots, accounts, mark = self.lots, self.accounts, self.mark
        moved = [
            [lots[lot], start, end]
            for lot, start, end in zip(*(tape[k].tolist() for k in ("lot", "start", "end")), strict=True)
        ]
        names = ("seller", "buyer", "price", "quantity", "money", "first_range", "ranges")
        columns = (rows[k].tolist() for k in names)
        for seller, buyer, price, quantity, money, first, many in zip(*columns, strict=True):
            yield [
                f"{mark}/{next(numbers)}",
                accounts[seller],
                accounts[buyer],
                price,
                quantity,
                money,
                moved[first : first + many],
            ]

    def close(self) -> None:
        """Close the journal. Raises `Refused` while trades wait for posting."""
        if self.waiting:
            raise Refused("unsettled", "trades wait to be posted.", "尚有成交未过账。", fix="call post first / 先过账")
        self.journal.close()


def _joined(records: Iterable[Record]) -> Iterator[bytes]:
    """The payloads of the records, several together: deciding them in one call or in many is the same."""
    parts: list[bytes] = []
    size = 0
    for record in records:
        parts.append(record.payload)
        size += len(record.payload)
        if size >= REPLAYED:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)


def _hold_id(asset: str, account: str, what: str) -> str:
    return f"session:{sha256(asset.encode()).hexdigest()[:12]}:{account}:{what}"


def _opening(book: Book, asset: str, account: str) -> tuple[int, list[tuple[str, int, int]]]:
    """Cash and sellable ranges that the session's holds set aside for an account."""
    cash, units = book.holds.get(_hold_id(asset, account, "cash")), book.holds.get(_hold_id(asset, account, "units"))
    return (cash.quantity if cash else 0), ([(r.lot, r.start, r.end) for r in units.shelf] if units else [])


def _aside(asset: str, account: str, cash: int, units: Sequence[tuple[str, int, int]]) -> list[Entry]:
    entries: list[Entry] = []
    if cash:
        entries.append(Hold(_hold_id(asset, account, "cash"), account, CASH, cash, "order"))
    if units:
        entries.append(
            Hold(
                _hold_id(asset, account, "units"),
                account,
                asset,
                sum(e - s for _, s, e in units),
                "order",
                tuple(units),
            )
        )
    return entries


def _market(book: Book, asset: str, state: str) -> tuple[RegisterEntry, date]:
    record = book.records.get(("market", asset))
    if record is None or record.state != state:
        raise Refused("market_state", f"the market of {asset} is not {state}.", "市场状态不符。")
    return record, date.fromisoformat(record.content["day"])


def _next(record: RegisterEntry, state: str, **changed: int) -> RegisterEntry:
    return RegisterEntry("market", record.id, record.version + 1, state, {**record.content, **changed})


def _open(book: Book, command: Command) -> Decision:
    """Set aside all cash and sellable units of the accounts."""
    asset = word(command.body, "asset")
    record, day = _market(book, asset, "open")
    number = (day - date(1970, 1, 1)).days
    if book.in_state.get(("order", f"open:{asset}")):
        raise Refused(
            "market_state",
            "orders rest in the market.",
            "市场内尚有挂单。",
            fix="open the session before the first order / 在首笔委托前开始",
        )
    entries: list[Entry] = [_next(record, "session")]
    for account in command.body.get("accounts", []):
        if account not in book.accounts:
            raise Refused("unknown_account", f"there is no account {account!r}.", f"没有账户 {account!r}。")
        units = [(r.lot, r.start, r.end) for r in book.shelves.get((account, asset), ()) if r.free_on <= number]
        entries += _aside(asset, account, book.balance(account, CASH).available, units)
    return Decision(entries, {"accounts": len(command.body.get("accounts", []))})


def _released(book: Book, asset: str, accounts: Sequence[str]) -> list[Entry]:
    entries: list[Entry] = []
    for account in accounts:
        for what in ("cash", "units"):
            if hold := book.holds.get(_hold_id(asset, account, what)):
                ranges = tuple((r.lot, r.start, r.end) for r in hold.shelf)
                entries.append(Release(_hold_id(asset, account, what), account, hold.asset, hold.quantity, ranges))
    return entries


def _post(zone: timezone, rules: RuleSets) -> Handler:
    def post(book: Book, command: Command) -> Decision:
        """Post the session's trades in order: units and cash come out of what it set aside, and the money received is set aside again."""
        asset = word(command.body, "asset")
        record, day = _market(book, asset, "session")
        if day_of(command.at, zone) - day > timedelta(days=1):
            raise Refused("market_state", "the trades are of an earlier day.", "成交不属于当日。")
        trades = command.body["trades"]
        paid = _Till(book, asset, trades)
        entries = paid.opened()
        free_on = (resale_day(rules.on(record.content["rules"], day), day) - date(1970, 1, 1)).days
        units = {a: _hold_id(asset, a, "units") for a in {t[1] for t in trades}}
        for id, seller, buyer, price, quantity, money, raw in trades:
            ranges = tuple((str(lot), int(start), int(end)) for lot, start, end in raw)
            entries.append(Trade(id, asset, quantity, seller, buyer, CASH, price, money))
            entries.append(
                Leg(seller, buyer, asset, quantity, "settlement", ranges, units[seller], id, free_on=free_on)
            )
            if money:
                entries.append(Leg(buyer, seller, CASH, money, "settlement", hold=paid.out_of(buyer), trade=id))
        entries += paid.closed()
        volume = record.content["volume"] + sum(t[4] for t in trades)
        value = record.content["value"] + sum(t[3] * t[4] for t in trades)
        entries.append(
            _next(record, "session", volume=volume, value=value, **({"last": trades[-1][3]} if trades else {}))
        )
        return Decision(entries, {"trades": len(trades)})

    return post


class _Till:
    """Cash of a posting. Who only pays does so out of his hold; who also receives has it opened first and made anew at the end."""

    def __init__(self, book: Book, asset: str, trades: Sequence[Sequence[Any]]) -> None:
        self.asset = asset
        self.left: dict[str, int] = {}
        sellers = {t[1] for t in trades}
        for account in sorted(sellers | {t[2] for t in trades}):
            hold = book.holds.get(_hold_id(asset, account, "cash"))
            self.left[account] = hold.quantity if hold else 0
        self.full = dict(self.left)
        self.receives = sorted(sellers)
        self.pays = {a: _hold_id(asset, a, "cash") for a in self.left if a not in sellers}
        for _, seller, buyer, _, _, money, _ in trades:
            self.left[seller] += money
            self.left[buyer] -= money
        for account, left in self.left.items():
            if left < 0:
                raise Refused(
                    "too_little", f"{account} would owe the session {-left}.", f"{account} 在本时段欠款 {-left}。"
                )

    def opened(self) -> list[Entry]:
        return [Release(_hold_id(self.asset, a, "cash"), a, CASH, self.full[a]) for a in self.receives if self.full[a]]

    def out_of(self, buyer: str) -> str:
        """The hold that a buyer's cash comes from, empty where it was opened."""
        return self.pays.get(buyer, "")

    def closed(self) -> list[Entry]:
        return [entry for a in self.receives for entry in _aside(self.asset, a, self.left[a], ())]


def _close(book: Book, command: Command) -> Decision:
    """Free everything that the session set aside."""
    asset = word(command.body, "asset")
    record, _ = _market(book, asset, "session")
    accounts = sorted(a for a in book.accounts if any(_hold_id(asset, a, w) in book.holds for w in ("cash", "units")))
    return Decision([*_released(book, asset, accounts), _next(record, "open")], {"accounts": len(accounts)})
