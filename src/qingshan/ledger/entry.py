"""What a transaction is made of. Each entry is a frozen record that the journal writes as one JSON object.

Asset      a unit of account: "cash:CNY", or a fungibility key of rights; `cap` micro-units may exist at most
Account    who, and of which kind
Lot        an issue: units [0, quantity) appear in `account`, the issuance account goes negative by as much
Leg        quantity moves from `debit` to `credit`; units name their ranges; `hold` says from which hold they come
Hold       part of an account is set aside: order, pledge, freeze, review
Release    part of a hold is free again
Trade      what was agreed; its legs stand in the same transaction
Settlement many trades of one asset with their legs, in columns
LotStatus  issued, under_review, closed
Entry      a version of a register's record
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, ClassVar

from qingshan.core.errors import QingshanError

__all__ = ["ENTRIES", "KINDS", "REASONS", "TERMINAL", "Account", "Asset", "Entry", "Hold", "Leg", "Lot", "LotStatus", "RegisterEntry",
           "Release", "Settlement", "Trade", "read_entry"]  # fmt: skip

KINDS = (
    "issuance",
    "holding",
    "compliance",
    "retirement",
    "escrow",
    "buffer",
    "cancelled",
    "cash",
    "fee",
    "penalty",
    "rounding",
    "outside",
)
"""`outside` is the other side of the bank: cash paid in comes from it, so that cash sums to 0."""
TERMINAL = ("compliance", "retirement", "cancelled")
"""Kinds of account that nothing ever leaves."""
NEGATIVE = ("issuance", "outside")
REASONS = ("order", "pledge", "freeze", "review")
Ranges = tuple[tuple[str, int, int], ...]


class Entry:
    """Base of the entries: `do` names the kind in the journal."""

    do: ClassVar[str]

    def line(self) -> dict[str, Any]:
        """Plain data; what is empty is left out."""
        line: dict[str, Any] = {"do": self.do}
        for name in _names(type(self)):  # type: ignore[arg-type]
            value: Any = getattr(self, name)
            if name == "ranges":
                value = [list(r) for r in value]
            if value or isinstance(value, int):
                line[name] = value
        return line


@cache
def _names(kind: type[Entry]) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Asset(Entry):
    do = "asset"
    id: str
    unit: str
    cap: int | None = None


@dataclass(frozen=True, slots=True)
class Account(Entry):
    do = "account"
    id: str
    owner: str
    kind: str


@dataclass(frozen=True, slots=True)
class Lot(Entry):
    do = "lot"
    id: str
    asset: str
    quantity: int
    account: str
    issuance: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Leg(Entry):
    do = "leg"
    debit: str
    credit: str
    asset: str
    quantity: int
    why: str
    ranges: Ranges = ()
    hold: str = ""
    trade: str = ""
    obligation: str = ""
    free_on: int = 0


@dataclass(frozen=True, slots=True)
class Hold(Entry):
    do = "hold"
    id: str
    account: str
    asset: str
    quantity: int
    reason: str
    ranges: Ranges = ()
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Release(Entry):
    do = "release"
    id: str
    account: str
    asset: str
    quantity: int
    ranges: Ranges = ()


@dataclass(frozen=True, slots=True)
class Trade(Entry):
    """`price` and `money` are None for a transfer whose price is not told; it enters no average."""

    do = "trade"
    id: str
    asset: str
    quantity: int
    seller: str
    buyer: str
    money_asset: str
    price: int | None = None
    money: int | None = None


@dataclass(frozen=True, slots=True)
class Settlement(Entry):
    """Trades `mark/first`, `mark/first+1`, … delivered against payment; `settlement.py` says what they do to holds.

    One item a trade: `seller` and `buyer` (places in `accounts`), `price`, `quantity`, `money`, `parts` (how many ranges). One item a range,
    in the order of the trades: `lot` (place in `lots`), `start`, `end`. Units bought may be ordered again on the day `free_on`.
    """

    do = "settle"
    asset: str
    money_asset: str
    mark: str
    first: int
    hold: str
    free_on: int
    accounts: Sequence[str]
    lots: Sequence[str]
    seller: Sequence[int]
    buyer: Sequence[int]
    price: Sequence[int]
    quantity: Sequence[int]
    money: Sequence[int]
    parts: Sequence[int]
    lot: Sequence[int]
    start: Sequence[int]
    end: Sequence[int]


@dataclass(frozen=True, slots=True)
class LotStatus(Entry):
    do = "lot_status"
    id: str
    status: str
    because: str


@dataclass(frozen=True, slots=True)
class RegisterEntry(Entry):
    do = "record"
    register: str
    id: str
    version: int
    state: str
    content: Mapping[str, Any]


ENTRIES: dict[str, type[Entry]] = {
    c.do: c for c in (Asset, Account, Lot, Leg, Hold, Release, Trade, Settlement, LotStatus, RegisterEntry)
}


def read_entry(line: Mapping[str, Any]) -> Entry:
    """An entry from its journal line. Raises `QingshanError` for a line of another form."""
    given = dict(line)
    try:
        made = ENTRIES[given.pop("do")]
        if "ranges" in given:
            given["ranges"] = tuple((str(lot), int(start), int(end)) for lot, start, end in given["ranges"])
        if made is RegisterEntry:
            given.setdefault("content", {})
        return made(**given)
    except (KeyError, TypeError, ValueError) as error:
        raise QingshanError(f"a journal entry cannot be read: {error}.", f"日志条目无法读取：{error}。") from None
