"""Statements, the bank's file, the public feed, the nightly check. Figures worked out beside the tests."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from qingshan.rights.conflicts import conflicts
from qingshan.rights.feed import candles, depth, events, snapshot, trades
from qingshan.rights.registry import CASH
from qingshan.rights.running import public_statistics
from qingshan.rights.statements import BankLine, ledger_lines, read_bank_file, reconcile, statements

from .hall import YUAN, Hall, T, rules_of

FRIDAY, MONDAY = date(2024, 10, 4), date(2024, 10, 7)


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    """X sells Y 100 t at 50 and 50 t at 51 on Friday, and asks 52 for 20 t; on Monday Y sells Z 10 t at 49."""
    made = Hall(tmp_path, rules_of("price_time"))
    made.money("Y", 20_000)
    made.order("s1", "X", "sell", 50, 100)
    made.order("b1", "Y", "buy", 50, 100)
    made.order("s2", "X", "sell", 51, 50)
    made.order("b2", "Y", "buy", 51, 60)
    made.order("s3", "X", "sell", 52, 20)
    return made


def test_a_statement_of_a_day(hall: Hall) -> None:
    """Y: 20,000 paid in, 5,000 and 2,550 paid out, 150 t in; 10 t at 51 are still asked for."""
    found = statements(hall.venue, FRIDAY)
    y = found["Y"]
    assert y.opening == {}
    assert y.closing == {CASH: 12_450 * YUAN, hall.asset: 150 * T}
    assert y.held == {CASH: 510 * YUAN}
    assert [m.quantity for m in y.movements if m.asset == CASH] == [20_000 * YUAN, -5_000 * YUAN, -2_550 * YUAN]
    assert {m.other for m in y.movements if m.asset == hall.asset} == {"X"}
    x = found["X"]
    assert (x.closing[CASH], x.closing[hall.asset], x.held[hall.asset]) == (17_550 * YUAN, 350 * T, 20 * T)


def test_the_next_day_opens_with_the_last_close(hall: Hall) -> None:
    first = statements(hall.venue, FRIDAY)
    hall.next_day()
    hall.money("Z", 1_000)
    hall.order("s4", "Y", "sell", 49, 10)
    hall.order("b4", "Z", "buy", 49, 10)
    second = statements(hall.venue, MONDAY)
    assert {a: s.opening for a, s in second.items() if s.opening} == {
        a: s.closing for a, s in first.items() if s.closing
    }
    assert second["Y"].held == {}
    assert statements(hall.venue, FRIDAY)["Y"].closing == first["Y"].closing  # a past day stays as it was
    book = hall.venue.book
    for account, s in second.items():
        for asset in (CASH, hall.asset):
            balance = book.balance(account, asset)
            assert (s.closing.get(asset, 0), s.held.get(asset, 0)) == (balance.value, balance.held)


def test_the_banks_file(hall: Hall) -> None:
    hall.send("rights.cash_out", "bank3", account="X", money=100 * YUAN, statement="s9")
    text = "date,account,direction,yuan,reference\n" + "\n".join((
        "2024-10-04,X,in,10000,s1", "2024-10-04,Y,in,20000.00,s1", "2024-10-04,X,out,100.5,s9", "2024-10-04,Z,in,3,s2"))  # fmt: skip
    bank, faults = read_bank_file(text)
    assert faults == []
    found = reconcile(bank, ledger_lines(hall.venue, FRIDAY))
    assert [(x.account, x.money) for x in found.matched] == [("X", 10_000 * YUAN), ("Y", 20_000 * YUAN)]
    assert found.only_bank == [BankLine(FRIDAY, "X", -1_005_000, "s9"), BankLine(FRIDAY, "Z", 30_000, "s2")]
    assert found.only_ledger == [BankLine(FRIDAY, "X", -1_000_000, "s9")]
    assert not found.agrees
    twice = reconcile([*bank[:1], *bank[:1]], ledger_lines(hall.venue, FRIDAY))
    assert (len(twice.matched), len(twice.only_bank)) == (1, 1)  # each line matches once


def test_a_bank_file_with_faults() -> None:
    head = "date,account,direction,yuan,reference\n"
    rows = (
        "2024-13-04,X,in,1,a",
        "2024-10-04,X,up,1,a",
        "2024-10-04,X,in,0.00001,a",
        "2024-10-04,X,in,-1,a",
        "2024-10-04,X,in,1,a",
    )
    lines, faults = read_bank_file(head + "\n".join(rows), "f")
    assert len(lines) == 1
    assert [(f.file, f.row) for f in faults] == [("f", 2), ("f", 3), ("f", 4), ("f", 5)]
    assert read_bank_file("a,b\n1,2\n")[1][0].code == "columns"


def test_the_feed_names_nobody(hall: Hall) -> None:
    shown = snapshot(hall.venue, hall.asset)
    assert (shown["state"], shown["volume"], shown["last"]) == ("open", 150 * T, 51 * YUAN)
    assert shown["buy"] == [[51 * YUAN, 10 * T, 1]]
    assert shown["sell"] == [[52 * YUAN, 20 * T, 1]]
    told = [e for r in hall.venue.journal.read() for e in events(r)]
    assert all(not {"account", "seller", "buyer", "id"} & set(e) for e in told)
    assert [e["quantity"] for e in told if e["event"] == "trade"] == [100 * T, 50 * T]
    assert [e["seq"] for e in told] == sorted(e["seq"] for e in told)


def test_events_after_a_snapshot_lead_to_the_next(hall: Hall) -> None:
    """Replaying what each order had before and has now gives the book of the later snapshot."""
    before = snapshot(hall.venue, hall.asset)
    hall.order("s5", "X", "sell", 52, 30)
    later = [e for r in hall.venue.journal.read(before["next"]) for e in events(r)]
    assert [(e["event"], e["price"], e["left"]) for e in later] == [("order", 52 * YUAN, 30 * T)]
    assert depth(hall.venue.book, hall.asset)["sell"] == [[52 * YUAN, 50 * T, 2]]


def test_candles_and_public_figures(hall: Hall) -> None:
    hall.send("rights.retire", "approverY", account="Y", asset=hall.asset, quantity=5 * T, reason="公益")
    (candle,) = candles(trades(hall.venue))
    assert (candle.day, candle.open, candle.high, candle.low, candle.last) == (
        FRIDAY,
        500_000,
        510_000,
        500_000,
        510_000,
    )
    assert candle.volume == 150 * T
    (row,) = public_statistics(hall.venue, FRIDAY, FRIDAY)
    assert (row["trades"], row["issued"], row["retired"]) == (2, 500 * T, 5 * T)
    assert row["ways"]["listed"]["money"] == 7_550 * YUAN
    assert row["mean_price"] == 503_333  # 7,550 / 150 yuan = 50.3333…
    assert public_statistics(hall.venue, MONDAY, MONDAY) == []


def test_the_nightly_check(hall: Hall) -> None:
    assert conflicts(hall.venue.book) == []
    hall.send(
        "register.create",
        "root",
        register="actor",
        id="late",
        fields={"person": "P-traderX", "name": "x", "roles": ["regulator"]},
    )
    (found,) = conflicts(hall.venue.book)
    assert (found.file, found.field) == ("X", "operators")
    assert "第七条" in found.zh
