"""Settlements in columns: the same as the trades one by one, in the book, in the tables and to the verifier; bad ones change nothing."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from fractions import Fraction
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from qingshan.core.errors import QingshanError
from qingshan.ledger.book import Book, Refused
from qingshan.ledger.entry import Account, Asset, Entry, Hold, Leg, Lot, Release, Settlement, Trade, read_entry
from qingshan.ledger.journal import Journal
from qingshan.ledger.projection import TRADE, TRANSFER, Projection, open_engine
from qingshan.ledger.settlement import spelled
from qingshan.ledger.venue import UPCASTERS, Venue, told
from qingshan.ledger.verify import verify_journal

from .disks import SimulatedDisk
from .office import CASH, HANDLERS, UNITS, command
from .test_projection import same

WHO = ("A", "B", "C")
T = 10**6
Plan = list[tuple[int, int, int, int]]
"""Seller, buyer, quantity, price."""


def opening(cash: int = 10**9) -> list[Entry]:
    """Three holders, each with two scattered lots of 40 micro-units, cash, and all of both set aside. B's units may be split by `free_on`."""
    entries: list[Entry] = [Asset(UNITS, "t"), Asset(CASH, "yuan"), Account("issue", "v", "issuance"), Account("bank", "v", "outside"),
                            Account("gone", "v", "retirement"), *(Account(a, a, "holding") for a in WHO)]  # fmt: skip
    entries += [Lot(f"L{n}", UNITS, 40, WHO[n % 3], "issue", "ab" * 32) for n in range(6)]
    entries.append(Leg("B", "C", UNITS, 10, "gift", (("L1", 5, 15),), free_on=7))
    entries.append(
        Leg("C", "B", UNITS, 10, "gift", (("L1", 5, 15),), free_on=9)
    )  # back, with another day: three neighbours
    entries += [Leg("bank", a, CASH, cash, "paid_in") for a in WHO]
    entries += [Hold(f"s:{a}:cash", a, CASH, cash, "order") for a in WHO]
    shelves = {"A": [("L0", 0, 40), ("L3", 0, 40)], "B": [("L1", 0, 5), ("L1", 5, 15), ("L1", 15, 40), ("L4", 0, 40)],
               "C": [("L2", 0, 40), ("L5", 0, 40)]}  # fmt: skip
    return [*entries, *(Hold(f"s:{a}:units", a, UNITS, 80, "order", tuple(shelves[a])) for a in WHO)]


def planned(plan: Plan) -> Settlement:
    """Each seller gives his oldest units; a trade's ranges run on across what the ledger keeps as neighbours."""
    left = {a: [(f"L{k}", n) for k in (i, i + 3) for n in range(40)] for i, a in enumerate(WHO)}
    columns: dict[str, list[int]] = {
        k: [] for k in ("seller", "buyer", "price", "quantity", "money", "parts", "lot", "start", "end")
    }
    for seller, buyer, quantity, price in plan:
        units, left[WHO[seller]] = left[WHO[seller]][:quantity], left[WHO[seller]][quantity:]
        runs = [list(g) for _, g in groupby(enumerate(units), lambda x: (x[1][0], x[1][1] - x[0]))]
        row = {
            "seller": seller,
            "buyer": buyer,
            "price": price,
            "quantity": quantity,
            "money": round(Fraction(price * quantity, T)),
            "parts": len(runs),
        }
        for k, v in row.items():
            columns[k].append(v)
        for run in runs:
            (_, (lot, start)), (_, (_, end)) = run[0], run[-1]
            for k, v in (("lot", int(lot[1:])), ("start", start), ("end", end + 1)):
                columns[k].append(v)
    return Settlement(asset=UNITS, money_asset=CASH, mark="s:day", first=0, hold="s", free_on=20_000, accounts=WHO,
                      lots=[f"L{n}" for n in range(6)], **columns)  # fmt: skip


def one_by_one(e: Settlement, cash: int = 10**9) -> list[Entry]:
    """The same as plain entries: all money is opened, traded with, and set aside again; ranges are cut where free_on changes."""
    entries: list[Entry] = [Release(f"s:{a}:cash", a, CASH, cash) for a in WHO]
    left, at = dict.fromkeys(WHO, cash), 0
    for n, (s, b, price, quantity, money, parts) in enumerate(
        zip(e.seller, e.buyer, e.price, e.quantity, e.money, e.parts, strict=True)
    ):
        seller, buyer, id = WHO[s], WHO[b], f"s:day/{n}"
        ranges = [r for i in range(at, at + parts) for r in _cut(e.lots[e.lot[i]], e.start[i], e.end[i])]
        at += parts
        entries += [Trade(id, UNITS, quantity, seller, buyer, CASH, price, money),
                    Leg(seller, buyer, UNITS, quantity, "settlement", tuple(ranges), f"s:{seller}:units", id, free_on=20_000)]  # fmt: skip
        if money:
            entries.append(Leg(buyer, seller, CASH, money, "settlement", trade=id))
        left[seller] += money
        left[buyer] -= money
    return [*entries, *(Hold(f"s:{a}:cash", a, CASH, left[a], "order") for a in WHO if left[a])]


def _cut(lot: str, start: int, end: int) -> list[tuple[str, int, int]]:
    edges = [start, *(x for x in ((5, 15) if lot == "L1" else ()) if start < x < end), end]
    return [(lot, a, b) for a, b in pairwise(edges)]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Trades that the units and the cash suffice for."""
    units, plan = [80, 80, 80], []
    for _ in range(draw(st.integers(1, 12))):
        seller, buyer = draw(st.permutations(range(3)))[:2]
        if units[seller]:
            quantity = draw(st.integers(1, min(units[seller], 60)))
            units[seller] -= quantity
            plan.append((seller, buyer, quantity, draw(st.integers(1, 10**12))))
    return plan


def opened(cash: int = 10**9) -> Book:
    book = Book()
    book.post(opening(cash))
    return book


@settings(max_examples=60, deadline=None)
@given(plans())
def test_columns_mean_what_trades_mean(plan: Plan) -> None:
    e = planned(plan)
    one, two = opened(), opened()
    one.post([e])
    two.post(one_by_one(e))
    assert one.state() == two.state()
    read = read_entry(json.loads(json.dumps(e.line())))
    assert isinstance(read, Settlement) and read.line() == json.loads(json.dumps(e.line()))
    wanted = [x.line() for x in one_by_one(e) if isinstance(x, Trade)]
    assert [x for x in spelled([e.line()]) if x["do"] == "trade"] == wanted


@settings(max_examples=6, deadline=None)
@given(plans(), st.booleans())
def test_tables_and_verifier_agree_with_the_book(plan: Plan, at_once: bool) -> None:
    e = planned(plan)
    with tempfile.TemporaryDirectory() as folder:
        disk = SimulatedDisk()
        venue = Venue(Path(folder), "test", HANDLERS, disk=disk)
        tables, again = (Projection(open_engine(f"sqlite:///{folder}/{n}.sqlite"), "test") for n in "ab")
        venue.submit(command(*opening(), key="open"))
        if not at_once:
            tables.follow(venue)
        venue.submit(command(e, key="settle", at=5))
        tables.follow(venue)
        same(tables.engine, venue, {f"L{n}": WHO[n % 3] for n in range(6)})
        again.rebuild(venue)
        rows = []
        for of in (tables, again):
            with of.engine.connect() as c:
                rows.append([sorted(map(tuple, c.execute(sa.select(t))), key=repr) for t in (TRADE, TRANSFER)])
            of.engine.dispose()
        assert rows[0] == rows[1]
        legs = [x for x in told(list(venue.journal.read())[-1])["entries"] if x["do"] == "leg"]
        seq = venue.next - 1
        assert {(x["debit"], x["credit"], x["asset"], x["quantity"], x["trade"]) for x in legs} == {
            (r[2], r[3], r[4], r[5], r[7]) for r in rows[0][1] if r[0] == seq
        }
        verdict = verify_journal(disk.durable)
        assert verdict.sound, verdict.faults
        assert verdict.balances == {k: b.value for k, b in sorted(venue.book.balances.items()) if b.value}
        state = venue.book.hash()
        assert Venue(Path(folder), "test", HANDLERS, disk=SimulatedDisk(disk.durable), check=True).book.hash() == state


SOUND: Plan = [(0, 1, 10, 500_000_000), (1, 2, 10, 500_000_000), (0, 2, 5, 400_000_000)]


def changed(**columns: Any) -> Callable[[], Settlement]:
    def make() -> Settlement:
        line = {k: v for k, v in planned(SOUND).line().items() if k != "do"}
        for name, value in columns.items():
            column = line[name]
            line[name] = value(list(column)) if callable(value) else value
        return Settlement(**line)

    return make


def put(at: int, value: Any) -> Callable[[list[Any]], list[Any]]:
    return lambda column: [*column[:at], value, *column[at + 1 :]]


BAD = {
    "money": changed(money=put(0, 4999)),
    "quantity 0": changed(quantity=put(0, 0)),
    "quantity below 0": changed(quantity=put(0, -10)),
    "overflow": changed(quantity=put(0, 2**62), price=put(0, 2**62)),
    "no whole number": changed(quantity=put(0, 10.0)),
    "truth value": changed(seller=put(1, True)),
    "short column": changed(price=lambda c: c[1:]),
    "no trade": changed(
        **{k: [] for k in ("seller", "buyer", "price", "quantity", "money", "parts", "lot", "start", "end")}
    ),
    "unlisted account": changed(buyer=put(0, 3)),
    "negative account": changed(buyer=put(0, -1)),
    "unlisted lot": changed(lot=put(0, 6)),
    "unknown lot": changed(lots=put(0, "L9")),
    "unknown account": changed(accounts=put(0, "Z")),
    "account twice": changed(accounts=put(0, "B")),
    "into retirement": changed(accounts=put(1, "gone")),
    "with itself": changed(buyer=put(0, 0)),
    "another's serials": changed(lot=put(0, 1)),
    "units twice": changed(start=put(2, 0), end=put(2, 5)),
    "beyond the lot": changed(start=put(0, 35), end=put(0, 45)),
    "too few in the range": changed(end=put(0, 9)),
    "cash as asset": changed(asset=CASH),
    "paid in units": changed(money_asset=UNITS),
    "unknown asset": changed(asset="ticket:x"),
    "another hold": changed(hold="t"),
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_bad_settlements_change_nothing(case: str) -> None:
    book = opened()
    before = book.hash()
    with pytest.raises(QingshanError):
        book.post([Asset("x", "t"), BAD[case](), Account("x", "x", "holding")])
    assert book.hash() == before
    book.post([planned(SOUND)])
    with pytest.raises(Refused, match="settled before"):
        book.post([planned(SOUND)])


def test_money_that_is_not_there() -> None:
    """B has 2,000 set aside and owes 5,000 less the 5,000 it is paid in the same settlement: that suffices; without the sale it does not."""
    book = opened(2000)
    book.post([planned([(1, 2, 4, 500_000_000), (0, 1, 5, 500_000_000)])])
    assert book.holds["s:B:cash"].quantity == 2000 + 2000 - 2500
    poor, state = opened(2000), opened(2000).hash()
    with pytest.raises(Refused) as told_so:
        poor.post([planned([(0, 1, 5, 500_000_000)])])
    assert told_so.value.code == "hold_mismatch" and poor.hash() == state


def test_a_turnover_beyond_int64() -> None:
    book = opened()
    book.balances["B", CASH].cr = book.balances["B", CASH].dr = 2**63 - 1000
    book.balances["B", CASH].cr += 999
    before = book.hash()
    with pytest.raises(Refused) as told_so:
        book.post([planned([(1, 0, 10, 500_000_000)])])
    assert told_so.value.code == "overflow" and book.hash() == before


PLANTED: dict[str, tuple[int, Callable[[dict[str, Any]], Any]]] = {
    "money": (6, lambda e: e["money"].__setitem__(0, 4999)),
    "lost trade": (6, lambda e: e["price"].pop()),
    "numbers used again": (6, lambda e: e.update(first=1)),
    "another's units": (3, lambda e: e["lot"].__setitem__(0, 1)),
    "units twice": (3, lambda e: (e["start"].__setitem__(2, 0), e["end"].__setitem__(2, 5))),
    "overlap inside the lot": (3, lambda e: e["end"].__setitem__(0, 11)),
    "more than the hold": (
        6,
        lambda e: (e["quantity"].__setitem__(0, 90), e["money"].__setitem__(0, 45_000), e["end"].__setitem__(0, 90)),
    ),
    "a seller's name": (3, lambda e: e["seller"].__setitem__(0, 2)),
    "with itself": (4, lambda e: e["buyer"].__setitem__(0, 0)),
    "into retirement": (4, lambda e: e["accounts"].__setitem__(1, "gone")),
    "negative": (6, lambda e: e["quantity"].__setitem__(0, -10)),
}


@pytest.mark.parametrize("fault", sorted(PLANTED))
def test_the_verifier_finds_planted_faults(fault: str, tmp_path: Path) -> None:
    disk = SimulatedDisk()
    venue = Venue(tmp_path, "test", HANDLERS, disk=disk)
    venue.submit(command(*opening(), key="open"))
    venue.submit(command(planned(SOUND), key="a", at=1))
    records = [json.loads(r.payload) for r in venue.journal.read()]
    if fault == "numbers used again":
        more = json.loads(json.dumps(records[-1]))
        more["command"]["key"] = "b"
        records.append(more)
    rule, plant = PLANTED[fault]
    plant(records[-1]["entries"][0])
    planted = SimulatedDisk()
    journal = Journal(planted, "test")
    for r in records:
        journal.append([json.dumps(r).encode()], 2)
    faults = verify_journal(planted.durable).faults
    assert rule in {f["rule"] for f in faults if f["record"] == len(records) - 1}, faults


def test_the_verifier_names_a_format_it_does_not_know() -> None:
    disk = SimulatedDisk()
    journal = Journal(disk, "test")
    journal.append([json.dumps({"command": {"key": f"k{n}"}, "at": 0, "entries": []}).encode() for n in range(2)], 2)
    assert verify_journal(disk.durable).sound
    journal.append([json.dumps({"command": {"key": "z"}, "at": 0, "entries": []}).encode()], 3)
    assert [(f["rule"], f["record"]) for f in verify_journal(disk.durable).faults] == [(8, 2)]


def test_records_of_format_1_are_read_as_they_were(tmp_path: Path) -> None:
    """Format 1 had no settlements: what it holds means the same in format 2. The journal is not rewritten."""
    disk = SimulatedDisk()
    venue = Venue(tmp_path, "test", HANDLERS, disk=disk)
    venue.submit(command(*opening(), key="open"))
    old = SimulatedDisk()
    journal = Journal(old, "test")
    for r in venue.journal.read():
        journal.append([r.payload], 1)
    bytes_before = old.durable
    again = Venue(tmp_path, "test", HANDLERS, disk=old, check=True)
    assert (again.book.hash(), again.root()) == (venue.book.hash(), venue.root())
    assert old.durable == bytes_before
    again.submit(command(planned(SOUND), key="settle", at=1))
    assert [r.version for r in again.journal.read()] == [1, 2]
    assert verify_journal(old.durable).sound
    assert UPCASTERS[1]({"x": 1}) == {"x": 1}
