"""The state of the ledger and what holds true of it. `post` applies a transaction whole or not at all.

Balances are credits less debits; only issuance and `outside` accounts may be negative. The rules, by number of the
specification (market.md section 6): 1 every asset sums to 0; 2 available = balance - held >= 0; 3 the ranges of a lot
partition [0, issued) and their lengths are the balances; 4 what is retired, cancelled or surrendered never moves; 5 issued -
cancelled <= cap; 6 a trade is settled exactly once, in its own transaction; 7 what is surrendered names its one
obligation. 8 is the journal's. They are checked where a transaction touches them; `verify.py` checks them all again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from qingshan.core.canonical import digest

from .amounts import LARGEST, amount, units, yuan
from .entry import (
    KINDS,
    NEGATIVE,
    REASONS,
    TERMINAL,
    Account,
    Asset,
    Entry,
    Hold,
    Leg,
    Lot,
    LotStatus,
    Ranges,
    RegisterEntry,
    Release,
    Settlement,
    Trade,
)
from .refused import Refused
from .serials import Range, Shelf
from .settlement import Netted, net

__all__ = ["Balance", "Book", "LotState", "Refused"]

CASH = "cash:"
LOT_STATES = ("issued", "under_review", "closed")


@dataclass(slots=True)
class Balance:
    """Credits, debits and what is set aside, in the asset's smallest unit."""

    cr: int = 0
    dr: int = 0
    held: int = 0

    @property
    def value(self) -> int:
        return self.cr - self.dr

    @property
    def available(self) -> int:
        return self.value - self.held


@dataclass(slots=True)
class LotState:
    """An issue: its number, asset, quantity, evidence hash, status."""

    order: int
    asset: str
    quantity: int
    evidence: str
    status: str = "issued"


@dataclass(slots=True)
class HoldState:
    account: str
    asset: str
    reason: str
    ref: str
    quantity: int
    shelf: Shelf = field(default_factory=Shelf)


class Book:
    """Accounts, assets, lots, holds and register records. Read freely; change only through `post`."""

    def __init__(self) -> None:
        self.assets: dict[str, Asset] = {}
        self.accounts: dict[str, Account] = {}
        self.balances: dict[tuple[str, str], Balance] = defaultdict(Balance)
        self.shelves: dict[tuple[str, str], Shelf] = defaultdict(Shelf)
        self.lots: dict[str, LotState] = {}
        self.holds: dict[str, HoldState] = {}
        self.trades: dict[str, int] = {}
        self.issued: dict[str, int] = defaultdict(int)
        self.cancelled: dict[str, int] = defaultdict(int)
        self.surrendered: dict[str, int] = defaultdict(int)
        self.records: dict[tuple[str, str], RegisterEntry] = {}
        self.in_state: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        """(register, state) -> id -> arrival number there; follows `records`."""
        self.arrivals = 0
        self._undo: list[tuple[Any, ...]] = []
        """What to call, with what, to take back each step."""

    # ---- reading ---------------------------------------------------------------------------------------------------

    def balance(self, account: str, asset: str) -> Balance:
        """The balance of an account in an asset; zero where there was no movement."""
        return self.balances.get((account, asset)) or Balance()

    def pick(self, account: str, asset: str, quantity: int, *, day: int | None = None, hold: str = "") -> Ranges:
        """The oldest free ranges of an account (or of a hold) that make up `quantity`. Raises `Refused`."""
        shelf = self.holds[hold].shelf if hold else self.shelves.get((account, asset), Shelf())
        found = shelf.pick(quantity, day)
        if found is None:
            raise Refused(
                "too_few_units", f"{account} has too few free units of {asset} for {units(quantity)}.", f"{account} 可用的 {asset} 不足 {units(quantity)}。",
                where=account, fix="ask for at most what is available / 数量不得超过可用数量",
            )  # fmt: skip
        return tuple((r.lot, r.start, r.end) for r in found)

    def state(self) -> dict[str, Any]:
        """Everything as plain data, sorted: what a snapshot keeps and replays must reproduce."""
        return {
            "assets": [a.line() for _, a in sorted(self.assets.items())],
            "accounts": [a.line() for _, a in sorted(self.accounts.items())],
            "balances": [[*k, b.cr, b.dr, b.held] for k, b in sorted(self.balances.items()) if b != Balance()],
            "shelves": [[*k, [[*r.line(), r.free_on] for r in s]] for k, s in sorted(self.shelves.items()) if s],
            "lots": [[k, s.order, s.asset, s.quantity, s.evidence, s.status] for k, s in sorted(self.lots.items())],
            "holds": [[k, h.account, h.asset, h.reason, h.ref, h.quantity, [[*r.line(), r.free_on] for r in h.shelf]]
                      for k, h in sorted(self.holds.items())],
            "trades": sorted(self.trades.items()),
            "issued": sorted((k, v) for k, v in self.issued.items() if v), "cancelled": sorted((k, v) for k, v in self.cancelled.items() if v),
            "surrendered": sorted((k, v) for k, v in self.surrendered.items() if v),
            "records": [r.line() for _, r in sorted(self.records.items())],
            "in_state": [[*k, sorted(ids.items())] for k, ids in sorted(self.in_state.items()) if ids], "arrivals": self.arrivals,
        }  # fmt: skip

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Book:
        """The book that `state` describes."""
        book = cls()
        book.assets = {a["id"]: Asset(**_without_do(a)) for a in state["assets"]}
        book.accounts = {a["id"]: Account(**_without_do(a)) for a in state["accounts"]}
        book.lots = {k: LotState(*rest) for k, *rest in state["lots"]}
        for account, asset, cr, dr, held in state["balances"]:
            book.balances[account, asset] = Balance(cr, dr, held)
        for account, asset, lines in state["shelves"]:
            book.shelves[account, asset] = Shelf(book.range(*line) for line in lines)
        for id, account, asset, reason, ref, quantity, lines in state["holds"]:
            shelf = Shelf(book.range(*line) for line in lines)
            book.holds[id] = HoldState(account, asset, reason, ref, quantity, shelf)
        book.trades = dict(state["trades"])
        for name in ("issued", "cancelled", "surrendered"):
            getattr(book, name).update(dict(state[name]))
        records = [RegisterEntry(**{"content": {}} | _without_do(r)) for r in state["records"]]
        book.records = {(r.register, r.id): r for r in records}
        for register, word, ids in state["in_state"]:
            book.in_state[register, word] = dict(ids)
        book.arrivals = state["arrivals"]
        return book

    def hash(self) -> str:
        """sha-256 of the state."""
        return digest(self.state())

    def standing(self, register: str, state: str) -> Iterator[RegisterEntry]:
        """The records of a register in a state, the longest there first."""
        there = self.in_state.get((register, state), {})
        return (self.records[register, id] for id in sorted(there, key=there.__getitem__))

    def range(self, lot: str, start: int, end: int, free_on: int = 0) -> Range:
        """A range of a known lot. Raises `Refused`."""
        known = self.lots.get(lot)
        if known is None or not 0 <= start < end <= known.quantity:
            raise Refused(
                "unknown_range",
                f"there are no units {start} to {end} of the lot {lot!r}.",
                f"批次 {lot!r} 没有 {start}–{end} 的单位。",
            )
        return Range(known.order, start, end, lot, free_on)

    # ---- changing --------------------------------------------------------------------------------------------------

    def post(self, entries: Sequence[Entry]) -> None:
        """Apply a transaction. Raises `Refused`; then nothing is changed."""
        self._undo = []
        try:
            for entry in entries:
                _APPLY[type(entry)](self, entry)
            self._check_trades(entries)
        except BaseException:
            for step, *given in reversed(self._undo):
                step(*given)
            raise
        finally:
            self._undo = []

    def _asset(self, e: Asset) -> None:
        known = self.assets.get(e.id)
        if known and known.unit != e.unit:
            raise Refused("asset_unit", f"{e.id} is counted in {known.unit}.", f"{e.id} 的单位是 {known.unit}。")
        if e.cap is not None and self.issued[e.id] - self.cancelled[e.id] > e.cap:
            raise Refused(
                "cap", f"more of {e.id} exists than the cap {units(e.cap)}.", f"{e.id} 的存量已超过总量上限 {e.cap}。"
            )
        self._set(self.assets, e.id, e)

    def _account(self, e: Account) -> None:
        if e.kind not in KINDS:
            raise Refused(
                "account_kind", f"{e.kind!r} is no kind of account ({', '.join(KINDS)}).", f"没有 {e.kind!r} 类账户。"
            )
        if e.id in self.accounts:
            raise Refused("duplicate_account", f"the account {e.id} exists.", f"账户 {e.id} 已存在。")
        self._set(self.accounts, e.id, e)

    def _lot(self, e: Lot) -> None:
        if e.id in self.lots:
            raise Refused("duplicate_lot", f"the lot {e.id} was issued before.", f"批次 {e.id} 已签发。")
        self._quantity(e.quantity)
        asset = self._known(self.assets, e.asset, "asset", "品种")
        if e.asset.startswith(CASH):
            raise Refused("cash_lot", "cash has no lots.", "现金没有批次。")
        if self._known(self.accounts, e.issuance, "account", "账户").kind != "issuance":
            raise Refused("not_issuance", f"{e.issuance} is no issuance account.", f"{e.issuance} 不是签发账户。")
        if not e.evidence:
            raise Refused("no_evidence", "an issue needs the hash of its evidence.", "签发须附证据的哈希值。")
        after = self.issued[e.asset] + e.quantity
        if asset.cap is not None and after - self.cancelled[e.asset] > asset.cap:
            raise Refused(
                "cap",
                f"the issue would take {e.asset} over its cap of {units(asset.cap)}.",
                f"签发后 {e.asset} 将超过总量上限 {units(asset.cap)}。",
            )
        self._set(self.lots, e.id, LotState(len(self.lots) + 1, e.asset, e.quantity, e.evidence))
        self._set(self.issued, e.asset, after)
        self._move(e.issuance, e.account, e.asset, e.quantity)
        self._put(self.shelves[e.account, e.asset], self.range(e.id, 0, e.quantity))

    def _leg(self, e: Leg) -> None:
        self._quantity(e.quantity)
        debit = self._known(self.accounts, e.debit, "account", "账户")
        credit = self._known(self.accounts, e.credit, "account", "账户")
        self._known(self.assets, e.asset, "asset", "品种")
        if e.debit == e.credit:
            raise Refused("same_account", f"{e.debit} cannot pay itself.", f"{e.debit} 不能向自己划转。")
        if debit.kind in TERMINAL:
            raise Refused(
                "terminal", f"what lies in {e.debit} ({debit.kind}) never moves.", f"{e.debit} 内的单位不得再移动。"
            )
        if (credit.kind == "compliance") != bool(e.obligation):
            raise Refused(
                "obligation",
                "a surrender names its obligation, nothing else does.",
                "清缴须指明对应义务，其他划转不得填写。",
            )
        cash = e.asset.startswith(CASH)
        if cash == bool(e.ranges):
            raise Refused(
                "ranges", "units name their serial ranges, cash has none.", "单位须写明序列号区间，现金没有区间。"
            )
        if not cash and "issuance" in (debit.kind, credit.kind):
            raise Refused("issuance", "units leave an issuance account only by an issue.", "单位只能通过签发产生。")
        parts = [self.range(*r) for r in e.ranges]
        if not cash and sum(p.quantity for p in parts) != e.quantity:
            raise Refused(
                "ranges_length", f"the ranges do not add up to {e.quantity}.", f"区间长度合计不等于 {e.quantity}。"
            )
        if e.hold:
            self._from_hold(e.hold, e.debit, e.asset, e.quantity, parts, free=False)
        self._move(e.debit, e.credit, e.asset, e.quantity)
        for part in parts:
            if not e.hold:
                self._cut(self.shelves[e.debit, e.asset], part, e.debit)
            self._put(self.shelves[e.credit, e.asset], Range(part.order, part.start, part.end, part.lot, e.free_on))
        if credit.kind == "cancelled" and not cash:
            self._set(self.cancelled, e.asset, self.cancelled[e.asset] + e.quantity)
        if e.obligation:
            self._set(self.surrendered, e.obligation, self.surrendered[e.obligation] + e.quantity)

    def _hold(self, e: Hold) -> None:
        self._quantity(e.quantity)
        account = self._known(self.accounts, e.account, "account", "账户")
        if e.id in self.holds:
            raise Refused("duplicate_hold", f"the hold {e.id} exists.", f"冻结 {e.id} 已存在。")
        if e.reason not in REASONS:
            raise Refused(
                "hold_reason", f"{e.reason!r} is no reason ({', '.join(REASONS)}).", f"没有 {e.reason!r} 这种冻结原因。"
            )
        if account.kind in NEGATIVE:
            raise Refused(
                "hold_account", f"nothing is set aside in {e.account} ({account.kind}).", f"{e.account} 不能冻结。"
            )
        cash = e.asset.startswith(CASH)
        parts = [self.range(*r) for r in e.ranges]
        if (0 if cash else e.quantity) != sum(p.quantity for p in parts):
            raise Refused(
                "ranges_length", f"the ranges do not add up to {e.quantity}.", f"区间长度合计不等于 {e.quantity}。"
            )
        balance = self.balances[e.account, e.asset]
        if balance.available < e.quantity:
            raise _short(e.account, e.asset, e.quantity, balance.available)
        held = HoldState(e.account, e.asset, e.reason, e.ref, e.quantity)
        for part in parts:
            self._put(held.shelf, self._cut(self.shelves[e.account, e.asset], part, e.account))
        self._set(self.holds, e.id, held)
        self._set_attribute(balance, "held", balance.held + e.quantity)

    def _release(self, e: Release) -> None:
        self._quantity(e.quantity)
        self._from_hold(e.id, e.account, e.asset, e.quantity, [self.range(*r) for r in e.ranges], free=True)

    def _from_hold(self, id: str, account: str, asset: str, quantity: int, parts: list[Range], *, free: bool) -> None:
        """Take a quantity out of a hold, back onto the account's shelf where it is set free."""
        hold = self._held_by(id, account, asset, quantity)
        if not asset.startswith(CASH) and sum(p.quantity for p in parts) != quantity:
            raise Refused(
                "ranges_length", f"the ranges do not add up to {quantity}.", f"区间长度合计不等于 {quantity}。"
            )
        for part in parts:
            whole = self._cut(hold.shelf, part, id)
            if free:
                self._put(self.shelves[account, asset], whole)
        balance = self.balances[account, asset]
        self._set_attribute(balance, "held", balance.held - quantity)
        self._lessen(id, hold, quantity)

    def _trade(self, e: Trade) -> None:
        if e.id in self.trades:
            raise Refused("settled_twice", f"the trade {e.id} was settled before.", f"成交 {e.id} 已结算过。")
        self._quantity(e.quantity)
        if (e.price is None) != (e.money is None) or (e.price is not None and e.money != amount(e.price, e.quantity)):
            raise Refused(
                "money", f"the money of {e.id} is not price times quantity.", f"成交 {e.id} 的金额不等于价格乘数量。"
            )
        self._set(self.trades, e.id, e.quantity)

    def _settle(self, e: Settlement) -> None:
        for id in e.accounts:
            kind = self._known(self.accounts, id, "account", "账户").kind
            if kind in TERMINAL or kind in NEGATIVE:
                raise Refused("account_kind", f"{id} ({kind}) cannot trade.", f"{id}（{kind}）不能交易。")
        for id in (e.asset, e.money_asset):
            self._known(self.assets, id, "asset", "品种")
        if e.asset.startswith(CASH) or not e.money_asset.startswith(CASH):
            raise Refused("ranges", "units are paid with cash.", "单位须以现金支付。")
        done = net(e, self.lots)
        if known := next((id for id in done.ids if id in self.trades), None):
            raise Refused("settled_twice", f"the trade {known} was settled before.", f"成交 {known} 已结算过。")
        self._undo.append((_forget, self.trades, done.ids))
        self.trades.update(zip(done.ids, e.quantity, strict=True))
        for place in range(len(e.accounts)):
            self._settle_units(e, done, place)
            self._settle_cash(e, done, place)

    def _settle_units(self, e: Settlement, done: Netted, place: int) -> None:
        """Units of one account: what it sold comes out of its hold, what it bought lies free."""
        account, sold, bought = e.accounts[place], done.sold[place], done.bought[place]
        if sold:
            id = f"{e.hold}:{account}:units"
            hold = self._held_by(id, account, e.asset, sold)
            left = hold.shelf.without(done.taken[place])
            if left is None:
                raise Refused(
                    "not_held", f"units sold are not in the hold {id}.", f"所售单位不在冻结 {id} 之内。", where=account
                )
            self._become(hold.shelf, left)
            self._lessen(id, hold, sold)
        if bought:
            shelf = self.shelves[account, e.asset]
            self._become(shelf, shelf.with_all(done.given[place]))
        self._turn_over(account, e.asset, sold, bought, -sold)

    def _settle_cash(self, e: Settlement, done: Netted, place: int) -> None:
        """Money of one account stays under its hold, which grows or shrinks by the difference."""
        account, paid, received = e.accounts[place], done.paid[place], done.received[place]
        id, change = f"{e.hold}:{account}:cash", received - paid
        if change < 0:
            self._lessen(id, self._held_by(id, account, e.money_asset, -change), -change)
        elif change and id in self.holds:
            hold = self._held_by(id, account, e.money_asset, 0)
            self._set_attribute(hold, "quantity", hold.quantity + change)
        elif change:
            self._set(self.holds, id, HoldState(account, e.money_asset, "order", "", change))
        self._turn_over(account, e.money_asset, paid, received, change)

    def _turn_over(self, account: str, asset: str, out: int, came: int, held: int) -> None:
        balance = self.balances[account, asset]
        if balance.cr + came > LARGEST or balance.dr + out > LARGEST:
            raise _overflow(asset)
        for name, value in (("dr", balance.dr + out), ("cr", balance.cr + came), ("held", balance.held + held)):
            self._set_attribute(balance, name, value)

    def _held_by(self, id: str, account: str, asset: str, quantity: int) -> HoldState:
        hold: HoldState = self._known(self.holds, id, "hold", "冻结")
        if (hold.account, hold.asset) != (account, asset) or quantity > hold.quantity:
            raise Refused(
                "hold_mismatch",
                f"the hold {id} does not cover {_said(asset, quantity)} of {asset} in {account}.",
                f"冻结 {id} 不含 {account} 的 {asset} {_said(asset, quantity)}。",
            )
        return hold

    def _lessen(self, id: str, hold: HoldState, quantity: int) -> None:
        if quantity == hold.quantity:
            self._drop(self.holds, id)
        else:
            self._set_attribute(hold, "quantity", hold.quantity - quantity)

    def _become(self, shelf: Shelf, ranges: list[Range]) -> None:
        self._undo.append((shelf.become, shelf.become(ranges)))

    def _lot_status(self, e: LotStatus) -> None:
        lot = self._known(self.lots, e.id, "lot", "批次")
        if e.status not in LOT_STATES:
            raise Refused("lot_status", f"{e.status!r} is no status of a lot.", f"批次没有 {e.status!r} 状态。")
        self._set(self.lots, e.id, replace(lot, status=e.status))

    def _record(self, e: RegisterEntry) -> None:
        known = self.records.get((e.register, e.id))
        version = known.version if known else 0
        if e.version != version + 1:
            raise Refused(
                "stale", f"{e.register}/{e.id} is at version {version}.", f"{e.register}/{e.id} 的当前版本是 {version}。",
                fix="read it again, then change it / 重新读取后再修改",
            )  # fmt: skip
        if known is None or known.state != e.state:
            if known:
                self._drop(self.in_state[e.register, known.state], e.id)
            self._set_attribute(self, "arrivals", self.arrivals + 1)
            self._set(self.in_state[e.register, e.state], e.id, self.arrivals)
        self._set(self.records, (e.register, e.id), e)

    def _check_trades(self, entries: Iterable[Entry]) -> None:
        """Rule 6: each trade has one leg of units and, where it has a price, one of money, and no leg names another."""
        trades = {e.id: e for e in entries if isinstance(e, Trade)}
        legs: dict[str, list[Leg]] = defaultdict(list)
        for e in entries:
            if isinstance(e, Leg) and e.trade:
                legs[e.trade].append(e)
        if strange := sorted(set(legs) - set(trades)):
            raise Refused(
                "no_trade",
                f"legs name the trade {strange[0]}, which is not in the transaction.",
                f"分录所指的成交 {strange[0]} 不在本笔交易中。",
            )
        for id, t in trades.items():
            agreed = [(t.seller, t.buyer, t.asset, t.quantity)]
            if t.money:
                agreed.append((t.buyer, t.seller, t.money_asset, t.money))
            if sorted(agreed) != sorted((x.debit, x.credit, x.asset, x.quantity) for x in legs[id]):
                raise Refused(
                    "unsettled",
                    f"the legs of the trade {id} are not what was agreed.",
                    f"成交 {id} 的分录与成交内容不符。",
                )

    # ---- small steps, each with its undoing ------------------------------------------------------------------------

    def _move(self, debit: str, credit: str, asset: str, quantity: int) -> None:
        for id in (debit, credit):
            self._known(self.accounts, id, "account", "账户")
        source, target = self.balances[debit, asset], self.balances[credit, asset]
        if self.accounts[debit].kind not in NEGATIVE and source.available < quantity:
            raise _short(debit, asset, quantity, source.available)
        if target.cr + quantity > LARGEST or source.dr + quantity > LARGEST:
            raise _overflow(asset)
        self._set_attribute(source, "dr", source.dr + quantity)
        self._set_attribute(target, "cr", target.cr + quantity)

    def _cut(self, shelf: Shelf, part: Range, where: str) -> Range:
        taken = shelf.take(part)
        if taken is None:
            raise Refused("not_held", f"the units {part.start} to {part.end} of {part.lot} are not free in {where}.",
                          f"{where} 没有可动用的 {part.lot} 单位 {part.start}–{part.end}。", where=where)  # fmt: skip
        self._undo.append((shelf.put, taken))
        return taken

    def _put(self, shelf: Shelf, part: Range) -> None:
        shelf.put(part)
        self._undo.append((shelf.take, part))

    def _set(self, where: dict[Any, Any], key: Any, value: Any) -> None:
        if key in where:
            old = where[key]
            self._undo.append((where.__setitem__, key, old))
        else:
            self._undo.append((where.pop, key, None))
        where[key] = value

    def _drop(self, where: dict[Any, Any], key: Any) -> None:
        old = where.pop(key)
        self._undo.append((where.__setitem__, key, old))

    def _set_attribute(self, of: Any, name: str, value: int) -> None:
        old = getattr(of, name)
        self._undo.append((setattr, of, name, old))
        setattr(of, name, value)

    def _quantity(self, value: int) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= LARGEST:
            raise Refused(
                "quantity",
                f"a quantity is a whole number from 1 to {LARGEST}, not {value!r}.",
                f"数量须为 1 至 {LARGEST} 的整数，给的是 {value!r}。",
            )

    def _known(self, where: Mapping[str, Any], id: str, en: str, zh: str) -> Any:
        if id not in where:
            raise Refused(f"unknown_{en}", f"there is no {en} {id!r}.", f"没有{zh} {id!r}。")
        return where[id]


def _without_do(line: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in line.items() if k != "do"}


def _said(asset: str, quantity: int) -> str:
    return yuan(quantity) if asset.startswith(CASH) else units(quantity)


def _short(account: str, asset: str, quantity: int, available: int) -> Refused:
    if asset.startswith(CASH):
        has, needs = f"{yuan(available)} yuan", f"{yuan(quantity)} yuan"
        zh = f"{account} 可用资金为 {yuan(available)} 元，需要 {yuan(quantity)} 元。"
    else:
        has, needs = f"{units(available)} of {asset}", units(quantity)
        zh = f"{account} 可用的 {asset} 为 {units(available)}，需要 {units(quantity)}。"
    return Refused(
        "too_little", f"{account} has {has} available, {needs} are needed.", zh,
        where=account, fix="ask for at most what is available / 数量不得超过可用数量",
    )  # fmt: skip


def _overflow(asset: str) -> Refused:
    return Refused(
        "overflow", f"the turnover of {asset} leaves the range of int64.", f"{asset} 的累计发生额超出 int64。"
    )


def _forget(where: dict[str, int], keys: Iterable[str]) -> None:
    for key in keys:
        where.pop(key, None)


_APPLY: dict[type[Entry], Callable[[Book, Any], None]] = {
    Asset: Book._asset, Account: Book._account, Lot: Book._lot, Leg: Book._leg, Hold: Book._hold, Release: Book._release,
    Trade: Book._trade, Settlement: Book._settle, LotStatus: Book._lot_status, RegisterEntry: Book._record,
}  # fmt: skip
