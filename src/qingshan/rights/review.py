"""What a lot stands on, as the issue wrote it down, and what happens when that is found wrong.

Every issue leaves a record of the register `lot`: the first account, the register and record it came from with the version, and the
sha-256 of all files behind it. A lot under review: units still with the first account are set aside, out of open orders too; what has
left it is a claim on the buffer (market.md section 6).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from qingshan.ledger.book import Book, Refused
from qingshan.ledger.entry import Entry, Hold, LotStatus, Ranges, RegisterEntry, Release
from qingshan.ledger.serials import Range

__all__ = ["FILES", "LOTS", "Reviewed", "barred", "files_of", "issue_record", "put_under_review"]

FILES, LOTS, ORDERS = "file", "lot", "order"
HEX = set("0123456789abcdef")


def is_hash(value: Any) -> bool:
    """Whether a value is a sha-256 in hex."""
    return isinstance(value, str) and len(value) == 64 and not set(value) - HEX


def files_of(record: RegisterEntry) -> list[str]:
    """The hashes of the files that a record names, in its fields and as evidence."""
    fields, evidence = record.content.get("fields", {}), record.content.get("evidence", {})
    named = [v for value in fields.values() for v in (value if isinstance(value, list) else [value])]
    return sorted({v for v in (*named, *evidence.values()) if is_hash(v)})


def barred(book: Book, record: RegisterEntry) -> tuple[str, list[str]]:
    """The first dossier under a record that says why no unit may be issued, and what it says; empty where none does."""
    open_, seen = files_of(record), set[str]()
    while open_:
        sha = open_.pop()
        declared = book.records.get((FILES, sha))
        if sha in seen or declared is None:
            continue
        seen.add(sha)
        if refusals := declared.content.get("refusals"):
            return declared.content["name"], list(refusals)
        open_ += declared.content["sources"]
    return "", []


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


def put_under_review(
    book: Book, lot: str, because: str, at: int, by: str, *, withdrawn: set[str] | None = None
) -> Reviewed:
    """Raises `Refused` for an unknown lot, one under review, and while a compiled session has its units.

    `withdrawn`: holds that the same command gave back for another lot; the holds given back here are added.
    """
    known = book.lots.get(lot)
    if known is None:
        raise Refused("unknown_lot", f"there is no lot {lot!r}.", f"没有批次 {lot!r}。")
    if known.status == "under_review":
        raise Refused("under_review", f"the lot {lot} is under review.", f"批次 {lot} 已在复核中。")
    record = book.records.get((LOTS, lot))
    first = record.content["account"] if record else ""
    entries: list[Entry] = [LotStatus(lot, "under_review", because)]
    given_back = set() if withdrawn is None else withdrawn
    mine = _part(book.shelves.get((first, known.asset), ()), lot)
    before = 0
    for id, hold in sorted(book.holds.items()):
        part = _part(hold.shelf, lot) if (hold.account, hold.asset) == (first, known.asset) else []
        if part and hold.reason == "order":
            if id not in given_back:
                entries += _withdrawn(book, id, by)
                given_back.add(id)
            mine += part
        else:
            before += _length(part)
    held = _length(mine)
    if held:
        entries.append(Hold(f"review:{lot}:{at}", first, known.asset, held, "review", tuple(sorted(mine)), because))
    return Reviewed(entries, held, before, known.quantity - held - before)


def _part(ranges: Iterable[Range], lot: str) -> list[tuple[str, int, int]]:
    return [(r.lot, r.start, r.end) for r in ranges if r.lot == lot]


def _withdrawn(book: Book, id: str, by: str) -> list[Entry]:
    """What an order, an offer in an auction or a bid set aside, given back as a whole. Raises `Refused` for a compiled session."""
    kind, _, name = id.partition(":")
    if kind == "auction":
        entries = _ended(book, id, ("auction", name), "failed", by)
        for bid in book.standing("auction_bid", f"open:{name}"):
            entries += _ended(book, f"bid:{bid.id}", ("auction_bid", bid.id), "lost", by)
        return entries
    if kind == "bid":
        return _ended(book, id, ("auction_bid", name), "retracted", by)
    if (ORDERS, id) not in book.records:
        raise Refused("session", "a compiled session has the units.", "单位在编译交易时段内。",
                      fix="close the session first / 先结束交易时段")  # fmt: skip
    return _ended(book, id, (ORDERS, id), "cancelled", by, left=0)


def _ended(book: Book, hold: str, key: tuple[str, str], state: str, by: str, **more: int) -> list[Entry]:
    kept, record = book.holds[hold], book.records[key]
    ranges = tuple((r.lot, r.start, r.end) for r in kept.shelf)
    after = RegisterEntry(*key, record.version + 1, state, {**record.content, **more, "by": by})
    return [Release(hold, kept.account, kept.asset, kept.quantity, ranges), after]


def _length(ranges: list[tuple[str, int, int]]) -> int:
    return sum(end - start for _, start, end in ranges)
