"""The rules of the ledger one by one; market.md section 14: M6, M7, M8, M9 in postings."""

from __future__ import annotations

import pytest

from qingshan.ledger.book import Book, Refused
from qingshan.ledger.entry import (
    Account,
    Asset,
    Entry,
    Hold,
    Leg,
    Lot,
    LotStatus,
    RegisterEntry,
    Release,
    Trade,
    read_entry,
)

from .office import CASH, UNITS, T, opened, opening


def refused(book: Book, code: str, *entries: Entry) -> None:
    before = book.state()
    with pytest.raises(Refused) as told:
        book.post(entries)
    assert told.value.code == code
    assert told.value.zh != told.value.en
    assert book.state() == before


def move(debit: str, credit: str, start: int, end: int, **more: object) -> Leg:
    return Leg(debit, credit, UNITS, end - start, "transfer", (("L1", start, end),), **more)  # type: ignore[arg-type]


def test_m6_postings_of_a_sale() -> None:
    book = opened()
    quantity, money = 333_333, 166_766
    book.post([
        Trade("t1", UNITS, quantity, "A", "B", CASH, 500_300, money),
        Leg("A", "B", UNITS, quantity, "settlement", (("L1", 0, quantity),), trade="t1"),
        Leg("B", "A", CASH, money, "settlement", trade="t1"),
    ])  # fmt: skip
    assert book.balance("A", UNITS).value == 1000 * T - 333_333
    assert book.balance("B", UNITS).value == 333_333
    assert book.balance("B", CASH).value == 100_000_000 - 166_766
    assert book.balance("A", CASH).value == 100_000_000 + 166_766
    assert sum(b.value for (_, asset), b in book.balances.items() if asset == UNITS) == 0
    assert sum(b.value for (_, asset), b in book.balances.items() if asset == CASH) == 0


def test_m8_serials() -> None:
    book = opened()
    assert book.pick("A", UNITS, 300 * T) == (("L1", 0, 3 * 10**8),)
    book.post([move("A", "B", 0, 3 * 10**8)])
    assert [r.line() for r in book.shelves["A", UNITS]] == [["L1", 3 * 10**8, 10**9]]
    book.post([move("B", "retired", 0, 10**8)])
    refused(book, "terminal", move("retired", "B", 0, 10**8))
    refused(book, "not_held", move("B", "C", 0, 10**8))
    refused(book, "too_little", move("C", "B", 0, 10**8))


def test_m9_three_legs_are_one_transaction() -> None:
    book = opened()
    years = [f"water:x:{y}" for y in (2023, 2024, 2025)]
    book.post([Asset(y, "m3") for y in years] + [Lot(y, y, 9 * 10**10, "A", "issue", "cd" * 32) for y in years])
    legs: list[Entry] = []
    for n, y in enumerate(years):
        legs += [
            Trade(f"w{n}", y, 9 * 10**10, "A", "B", CASH, None, None),
            Leg("A", "B", y, 9 * 10**10, "water", ((y, 0, 9 * 10**10),), trade=f"w{n}"),
        ]
    broken = [*legs[:-1], Leg("A", "B", years[2], 9 * 10**10, "water", ((years[0], 0, 9 * 10**10),), trade="w2")]
    refused(book, "not_held", *broken)
    book.post(legs)
    assert [book.balance("B", y).value for y in years] == [9 * 10**10] * 3


def test_priced_legs_take_the_money_of_the_trade() -> None:
    book = opened()
    legs = [
        Leg("A", "B", UNITS, T, "settlement", (("L1", 0, T),), trade="t1"),
        Leg("B", "A", CASH, 500_000, "settlement", trade="t1"),
    ]
    refused(book, "money", Trade("t1", UNITS, T, "A", "B", CASH, 500_000, 499_999), *legs)
    refused(book, "unsettled", Trade("t1", UNITS, T, "A", "B", CASH, 500_000, 500_000), legs[0])
    refused(book, "no_trade", legs[0])
    book.post([Trade("t1", UNITS, T, "A", "B", CASH, 500_000, 500_000), *legs])
    refused(book, "settled_twice", Trade("t1", UNITS, T, "A", "B", CASH, 500_000, 500_000), *legs)


def test_what_is_held_cannot_be_used_twice() -> None:
    book = opened()
    book.post([Hold("h1", "A", UNITS, 300 * T, "order", (("L1", 0, 300 * T),))])
    assert book.balance("A", UNITS).available == 700 * T
    assert book.pick("A", UNITS, 700 * T) == (("L1", 300 * T, 1000 * T),)
    refused(book, "not_held", move("A", "B", 0, T))
    refused(book, "duplicate_hold", Hold("h1", "A", CASH, 1, "order"))
    refused(book, "not_held", Hold("h2", "A", UNITS, 100 * T, "pledge", (("L1", 250 * T, 350 * T),)))
    refused(book, "too_little", Hold("h2", "A", CASH, 100_000_001, "order"))
    book.post([Leg("A", "B", UNITS, 100 * T, "settlement", (("L1", 0, 100 * T),), hold="h1")])
    refused(book, "hold_mismatch", Release("h1", "A", UNITS, 201 * T, (("L1", 100 * T, 301 * T),)))
    book.post([Release("h1", "A", UNITS, 200 * T, (("L1", 100 * T, 300 * T),))])
    assert not book.holds
    assert book.balance("A", UNITS).held == 0
    assert [r.line() for r in book.shelves["A", UNITS]] == [["L1", 100 * T, 1000 * T]]


def test_a_surrender_names_its_obligation() -> None:
    book = opened()
    refused(book, "obligation", move("A", "duty", 0, T))
    refused(book, "obligation", move("A", "B", 0, T, obligation="o1"))
    book.post([move("A", "duty", 0, T, obligation="o1")])
    assert book.surrendered == {"o1": T}
    refused(book, "terminal", move("duty", "A", 0, T))


def test_the_cap_counts_what_was_cancelled() -> None:
    book = opened()  # cap 2,000 t, 1,000 t issued
    refused(book, "cap", Lot("L2", UNITS, 1001 * T, "A", "issue", "ef" * 32))
    book.post([move("A", "void", 0, 10 * T)])
    book.post([Lot("L2", UNITS, 1010 * T, "B", "issue", "ef" * 32)])
    refused(book, "cap", Lot("L3", UNITS, 1, "B", "issue", "ef" * 32))
    refused(book, "cap", Asset(UNITS, "t", 1999 * T))


@pytest.mark.parametrize(
    ("code", "entry"),
    [
        ("quantity", Leg("B", "A", CASH, 0, "gift")),
        ("quantity", Leg("B", "A", CASH, -5, "gift")),
        ("quantity", Leg("B", "A", CASH, 2**63, "gift")),
        ("too_little", Leg("B", "A", CASH, 100_000_001, "gift")),
        ("unknown_account", Leg("B", "nobody", CASH, 1, "gift")),
        ("unknown_asset", Leg("B", "A", "cash:XXX", 1, "gift")),
        ("same_account", Leg("B", "B", CASH, 1, "gift")),
        ("ranges", Leg("A", "B", UNITS, T, "gift")),
        ("ranges", Leg("A", "B", CASH, 1, "gift", (("L1", 0, 1),))),
        ("ranges_length", Leg("A", "B", UNITS, T, "gift", (("L1", 0, 1),))),
        ("unknown_range", Leg("A", "B", UNITS, T, "gift", (("L9", 0, T),))),
        ("unknown_range", Leg("A", "B", UNITS, T, "gift", (("L1", 1000 * T, 1001 * T),))),
        ("issuance", Leg("issue", "B", UNITS, T, "gift", (("L1", 0, T),))),
        ("duplicate_account", Account("A", "A", "holding")),
        ("account_kind", Account("Z", "Z", "purse")),
        ("duplicate_lot", Lot("L1", UNITS, T, "A", "issue", "ab")),
        ("no_evidence", Lot("L2", UNITS, T, "A", "issue", "")),
        ("not_issuance", Lot("L2", UNITS, T, "A", "A", "ab")),
        ("cash_lot", Lot("L2", CASH, T, "A", "issue", "ab")),
        ("hold_reason", Hold("h", "A", CASH, 1, "whim")),
        ("hold_account", Hold("h", "bank", CASH, 1, "freeze")),
        ("unknown_hold", Release("h", "A", CASH, 1)),
        ("lot_status", LotStatus("L1", "gone", "x")),
        ("asset_unit", Asset(UNITS, "kg")),
        ("stale", RegisterEntry("site", "s1", 2, "open", {})),
    ],
)
def test_each_wrong_entry_has_its_refusal(code: str, entry: Entry) -> None:
    book = opened()
    refused(book, code, entry)
    refused(book, code, Leg("B", "A", CASH, 7, "gift"), entry)  # what came before it in the transaction is undone


def test_turnover_beyond_int64_is_refused() -> None:
    book = Book()
    book.post(
        [
            Asset(CASH, "yuan"),
            Account("bank", "bank", "outside"),
            Account("A", "A", "cash"),
            Leg("bank", "A", CASH, 2**63 - 1, "paid_in"),
        ]
    )
    refused(book, "overflow", Leg("bank", "A", CASH, 1, "paid_in"))


def test_day_of_resale_is_kept_through_holds_and_splits() -> None:
    book = opened()
    book.post([move("A", "B", 0, 10 * T, free_on=20_001)])
    with pytest.raises(Refused):
        book.pick("B", UNITS, T, day=20_000)
    assert book.pick("B", UNITS, T, day=20_001) == (("L1", 0, T),)
    book.post([Hold("h", "B", UNITS, 5 * T, "pledge", (("L1", 0, 5 * T),))])
    book.post([Release("h", "B", UNITS, 5 * T, (("L1", 0, 5 * T),))])
    with pytest.raises(Refused):
        book.pick("B", UNITS, T, day=20_000)
    assert len(list(book.shelves["B", UNITS])) == 1


def test_state_is_enough_to_go_on() -> None:
    book = opened()
    book.post(
        [
            Hold("h", "A", UNITS, 5 * T, "pledge", (("L1", 0, 5 * T),), "loan 7"),
            RegisterEntry("site", "s1", 1, "open", {"name": "磷石膏库"}),
        ]
    )
    again = Book.of(book.state())
    assert again.state() == book.state()
    for b in (book, again):
        b.post([Release("h", "A", UNITS, 2 * T, (("L1", T, 3 * T),)), move("A", "B", T, 2 * T)])
    assert again.hash() == book.hash()


def test_entries_are_read_back_as_written() -> None:
    for entry in [
        *opening(),
        Hold("h", "A", UNITS, 5, "order", (("L1", 0, 5),)),
        Trade("t", UNITS, 1, "A", "B", CASH),
        LotStatus("L1", "closed", "x"),
    ]:
        assert read_entry(entry.line()) == entry
