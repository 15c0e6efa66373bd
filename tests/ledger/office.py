"""A tiny office for the ledger's tests: commands whose body lists the entries to post, and short ways to write them."""

from __future__ import annotations

from typing import Any

from qingshan.ledger.book import Book
from qingshan.ledger.entry import Account, Asset, Entry, Leg, Lot, read_entry
from qingshan.ledger.venue import Command, Decision

UNITS, CASH = "ticket:p1:2020-2022", "cash:CNY"
T = 10**6  # one tonne in micro-units
DAY = 86_400_000_000


def post(book: Book, command: Command) -> Decision:
    """Posts what the body says."""
    return Decision([read_entry(e) for e in command.body["entries"]], {"posted": len(command.body["entries"])})


HANDLERS = {"post": post}


def command(*entries: Entry, key: str, at: int = 0, by: str = "clerk") -> Command:
    return Command("post", {"entries": [e.line() for e in entries]}, key, by, at)


def opening() -> list[Entry]:
    """Two holders A and B with cash 10,000 yuan each; 1,000 t issued to A."""
    accounts = {"issue": "issuance", "A": "holding", "B": "holding", "C": "holding", "retired": "retirement", "duty": "compliance",
                "void": "cancelled", "bank": "outside", "round": "rounding"}  # fmt: skip
    return [
        Asset(UNITS, "t", 2000 * T), Asset(CASH, "yuan"),
        *(Account(id, id, kind) for id, kind in accounts.items()),
        Lot("L1", UNITS, 1000 * T, "A", "issue", "ab" * 32),
        Leg("bank", "A", CASH, 100_000_000, "paid_in"), Leg("bank", "B", CASH, 100_000_000, "paid_in"),
    ]  # fmt: skip


def opened() -> Book:
    book = Book()
    book.post(opening())
    return book


def line(entry: Entry) -> dict[str, Any]:
    return entry.line()
