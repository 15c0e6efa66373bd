"""A market day on the compiled core: batches journalled before they are acknowledged, trades posted to the ledger afterwards.

Opening sets everything that the accounts have aside on the ledger, so that nothing leaves it meanwhile. A batch is one record of the
session's own journal (same format and guarantees as the ledger's); a killed session is opened again from it. `post` brings what was traded
to the ledger as ordinary trades and legs with their serial ranges, in the order of the tape.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta, timezone
from hashlib import sha256
from operator import mul
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.canonical import canonical
from qingshan.ledger.book import Book, Refused
from qingshan.ledger.entry import Entry, Hold, RegisterEntry, Release, Settlement
from qingshan.ledger.journal import BrokenJournal, Disk, FileDisk, Journal
from qingshan.ledger.venue import Command, Decision, Handler, Venue
from qingshan.registers.calendar import CHINA, day_of

from . import core
from .commands import guarded
from .matching import band
from .registry import CASH, word
from .rulesets import RuleSet, RuleSets, builtin_rule_sets
from .sides import resale_day

__all__ = ["Session", "session_handlers", "session_settings"]

GROUP = 10_000
"""Trades that one posting brings to the ledger."""
REPLAYED = 1 << 20
"""Bytes of messages that a replay decides in one call."""
AHEAD = 4
"""Such calls that may wait."""


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
    _journal: Journal | None = None
    waiting: list[tuple[NDArray[np.void], NDArray[np.void]]] = field(default_factory=list)
    posted: int = 0
    """Trades that the ledger has."""

    @classmethod
    def open(cls, venue: Venue, asset: str, accounts: Sequence[str], settings: Mapping[str, int], path: Path, *, disk: Disk | None = None,
             orders: int = 1 << 20) -> Session:  # fmt: skip
        """Start, or go on after a kill: the journal's head must name the same market, accounts and settings.

        The accounts' holdings must have been set aside by `market.session_open`. Raises `BrokenJournal`.
        """
        asked = {"asset": asset, "accounts": list(accounts), "settings": dict(settings)}
        lots = ["", *(id for id, _ in sorted(venue.book.lots.items(), key=lambda x: x[1].order))]
        state = core.new_state(dict(settings), len(accounts), orders=orders)
        disk = disk or FileDisk(path)
        try:
            with _Replay(cls(venue, asset, tuple(accounts), lots, state), asked, str(path)) as replay:
                journal = Journal(disk, f"{venue.name}/session", replay.record)
        except BaseException:
            disk.close()
            raise
        made = replay.session
        made._journal = journal
        if not journal.next:
            head: dict[str, Any] = asked | {"opening": [_opening(venue.book, asset, a) for a in accounts]}
            journal.append([canonical(head)])
            made._fill(head["opening"])
        own = f"{made.mark}/"
        made.posted = sum(1 for t in venue.book.trades if t.startswith(own))
        made._forget(made.posted)
        return made

    @property
    def journal(self) -> Journal:
        """The session's own journal."""
        assert self._journal is not None
        return self._journal

    @property
    def mark(self) -> str:
        return f"{_session_name(self.asset)}:{self.venue.book.records['market', self.asset].content['day']}"

    def _fill(self, opening: Sequence[tuple[int, Sequence[tuple[str, int, int]]]]) -> None:
        """What each account brought when the day began."""
        rows: list[tuple[int, int, int, int]] = []
        for n, (cash, units) in enumerate(opening):
            self.state.cash[n], self.state.open[n] = cash, True
            rows += [(n, self.venue.book.lots[lot].order, start, end) for lot, start, end in units]
        if rows and not core.fill(self.state, np.array(rows, np.int64)):
            raise BrokenJournal("the session has no room for its ranges.", "时段容纳不下这些区间。")

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
        while self.waiting:
            trades = self._columns()
            count = len(trades["price"])
            body = {"asset": self.asset, "trades": trades}
            self.venue.submit(Command("market.session_post", body, f"{self.mark}/post/{self.posted}", by, at))
            self._forget(count)
            self.posted += count
            done += count
        return done

    def _columns(self) -> dict[str, Any]:
        """The first trades that wait, at most `GROUP`, as the command carries them: the columns of `Settlement`."""
        chosen, size = [], 0
        for rows, tape in self.waiting:
            chosen.append((rows[: GROUP - size], tape))
            size += len(chosen[-1][0])
            if size == GROUP:
                break
        rows = np.concatenate([r for r, _ in chosen])
        moved = np.concatenate(
            [tape[r["first_range"][0] : r["first_range"][-1] + r["ranges"][-1]] for r, tape in chosen]
        )
        accounts, parties = np.unique(np.concatenate([rows["seller"], rows["buyer"]]), return_inverse=True)
        lots, lot = np.unique(moved["lot"], return_inverse=True)
        columns = {"seller": parties[: len(rows)], "buyer": parties[len(rows) :], "parts": rows["ranges"], "lot": lot, "start": moved["start"],
                   "end": moved["end"]} | {k: rows[k] for k in ("price", "quantity", "money")}  # fmt: skip
        named = {
            "first": self.posted,
            "accounts": [self.accounts[n] for n in accounts],
            "lots": [self.lots[n] for n in lots],
        }
        return named | {k: c.tolist() for k, c in columns.items()}

    def close(self) -> None:
        """Close the journal. Raises `Refused` while trades wait for posting."""
        if self.waiting:
            raise Refused("unsettled", "trades wait to be posted.", "尚有成交未过账。", fix="call post first / 先过账")
        self.journal.close()


class _Replay:
    """Decides what a session's journal holds on a second thread, while the first goes on checking the chain: the compiled core waits for
    nobody. How messages are put together for a call does not change what is decided."""

    def __init__(self, session: Session, asked: Mapping[str, Any], path: str) -> None:
        self.session, self.asked, self.path = session, asked, path
        self._parts: list[memoryview] = []
        self._size = 0
        self._begun = False
        self._waiting: deque[Future[Any]] = deque()

    def __enter__(self) -> _Replay:
        self._thread = ThreadPoolExecutor(1, "session replay")
        return self

    def __exit__(self, *failed: object) -> None:
        if failed[0] is None:
            self._hand_over()
        self._thread.shutdown(cancel_futures=failed[0] is not None)
        while self._waiting and failed[0] is None:
            self._waiting.popleft().result()

    def record(self, payload: memoryview) -> None:
        """The next record: the head, then batches."""
        if not self._begun:
            self._begun = True
            head = json.loads(bytes(payload))
            if {k: head[k] for k in self.asked} != self.asked:
                raise BrokenJournal(
                    "the session's journal is of another market or day.", "该日志属于另一市场或日期。", where=self.path
                )
            self.session._fill(head["opening"])
            return
        self._parts.append(payload)
        self._size += len(payload)
        if self._size >= REPLAYED:
            self._hand_over()

    def _hand_over(self) -> None:
        if self._parts:
            batch = np.frombuffer(bytearray().join(self._parts), core.MESSAGE)
            self._waiting.append(self._thread.submit(self.session._decide, batch))
            self._parts, self._size = [], 0
        if len(self._waiting) > AHEAD:
            self._waiting.popleft().result()


def _session_name(asset: str) -> str:
    return f"session:{sha256(asset.encode()).hexdigest()[:12]}"


def _hold_id(asset: str, account: str, what: str) -> str:
    return f"{_session_name(asset)}:{account}:{what}"


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
        t = command.body["trades"]
        name = _session_name(asset)
        free_on = (resale_day(rules.on(record.content["rules"], day), day) - date(1970, 1, 1)).days
        done = Settlement(asset=asset, money_asset=CASH, mark=f"{name}:{day}", hold=name, free_on=free_on, **t)
        traded = {
            "volume": record.content["volume"] + sum(t["quantity"]),
            "value": record.content["value"] + sum(map(mul, t["price"], t["quantity"])),
            "last": t["price"][-1],
        }
        return Decision([done, _next(record, "session", **traded)], {"trades": len(t["price"])})

    return post


def _close(book: Book, command: Command) -> Decision:
    """Free everything that the session set aside."""
    asset = word(command.body, "asset")
    record, _ = _market(book, asset, "session")
    accounts = sorted(a for a in book.accounts if any(_hold_id(asset, a, w) in book.holds for w in ("cash", "units")))
    return Decision([*_released(book, asset, accounts), _next(record, "open")], {"accounts": len(accounts)})
