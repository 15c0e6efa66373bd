"""What a lot stands on, as the issue wrote it down, and what happens when that is found wrong.

Every issue leaves a record of the register `lot`: the first account, the register and record it came from with the version, and the
sha-256 of all files behind it. A lot under review: units still with the first account are set aside, out of open orders too; what has
left it is a claim on the buffer (market.md section 6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qingshan.ledger.book import Book, Refused
from qingshan.ledger.entry import Entry, Hold, LotStatus, Ranges, RegisterEntry, Release

__all__ = ["LOTS", "Reviewed", "files_of", "issue_record", "put_under_review"]

LOTS, ORDERS = "lot", "order"
HEX = set("0123456789abcdef")


def is_hash(value: Any) -> bool:
    """Whether a value is a sha-256 in hex."""
    return isinstance(value, str) and len(value) == 64 and not set(value) - HEX


def files_of(record: RegisterEntry) -> list[str]:
    """The hashes of the files that a record names, in its fields and as evidence."""
    fields, evidence = record.content.get("fields", {}), record.content.get("evidence", {})
    named = [v for value in fields.values() for v in (value if isinstance(value, list) else [value])]
    return sorted({v for v in (*named, *evidence.values()) if is_hash(v)})


def issue_record(
    lot: str, account: str, evidence: str, by: str, *, source: RegisterEntry | None = None, burnt: Ranges = ()
) -> RegisterEntry:
    """The record that an issue leaves: from a register's record, or from other units that were converted."""
    content: dict[str, Any] = {"account": account, "evidence": evidence, "by": by}
    files = {evidence}
    if source is not None:
        content |= {"register": source.register, "record": source.id, "version": source.version}
        files |= set(files_of(source))
    if burnt:
        content["from"] = [list(r) for r in burnt]
    return RegisterEntry(LOTS, lot, 1, "issued", content | {"files": sorted(files)})


@dataclass(frozen=True)
class Reviewed:
    """What a review does to a lot: entries, units set aside now, units set aside before (pledge, freeze), units that left."""

    entries: list[Entry]
    held: int
    held_before: int
    claim: int


def put_under_review(book: Book, lot: str, because: str, at: int, by: str) -> Reviewed:
    """Raises `Refused` for an unknown lot, one under review, and while a compiled session has its units."""
    known = book.lots.get(lot)
    if known is None:
        raise Refused("unknown_lot", f"there is no lot {lot!r}.", f"没有批次 {lot!r}。")
    if known.status == "under_review":
        raise Refused("under_review", f"the lot {lot} is under review.", f"批次 {lot} 已在复核中。")
    record = book.records.get((LOTS, lot))
    first = record.content["account"] if record else ""
    entries: list[Entry] = [LotStatus(lot, "under_review", because)]
    mine: list[tuple[str, int, int]] = [
        (r.lot, r.start, r.end) for r in book.shelves.get((first, known.asset), ()) if r.lot == lot
    ]
    before = 0
    for id, hold in sorted(book.holds.items()):
        part = (
            [(r.lot, r.start, r.end) for r in hold.shelf if r.lot == lot]
            if (hold.account, hold.asset) == (first, known.asset)
            else []
        )
        if part and hold.reason == "order":
            entries += _order_withdrawn(book, id, by)
            mine += part
        else:
            before += _length(part)
    held = _length(mine)
    if held:
        entries.append(Hold(f"review:{lot}:{at}", first, known.asset, held, "review", tuple(sorted(mine)), because))
    return Reviewed(entries, held, before, known.quantity - held - before)


def _order_withdrawn(book: Book, id: str, by: str) -> list[Entry]:
    """An open sale given back as a whole."""
    order, hold = book.records.get((ORDERS, id)), book.holds[id]
    if order is None:
        raise Refused("session", "a compiled session has the units.", "单位在编译交易时段内。",
                      fix="close the session first / 先结束交易时段")  # fmt: skip
    ranges = tuple((r.lot, r.start, r.end) for r in hold.shelf)
    content: Mapping[str, Any] = {**order.content, "left": 0, "by": by}
    return [
        Release(id, hold.account, hold.asset, hold.quantity, ranges),
        RegisterEntry(ORDERS, id, order.version + 1, "cancelled", content),
    ]


def _length(ranges: list[tuple[str, int, int]]) -> int:
    return sum(end - start for _, start, end in ranges)
