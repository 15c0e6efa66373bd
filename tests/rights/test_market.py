"""Orders, trades, holds, days. market.md section 14: M1-M6, M16; the edge cases of section 11.3."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qingshan.ledger.book import Refused
from qingshan.ledger.entry import RegisterEntry
from qingshan.ledger.venue import Decision
from qingshan.ledger.verify import verify_journal
from qingshan.registers.declaration import registers
from qingshan.rights.auction import auction_handlers
from qingshan.rights.market import open_orders
from qingshan.rights.registry import CASH

from .hall import DAY, SHA, YUAN, Hall, T, rules_of


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    """Continuous matching by price and time."""
    return Hall(tmp_path, rules_of("price_time"))


def refused(code: str, act: Any, *arguments: Any, **more: Any) -> Refused:
    """One error with this code in both languages; where a hall is asked, its ledger and journal are as before."""
    hall = next((x for x in (getattr(act, "__self__", None), *arguments) if isinstance(x, Hall)), None)
    before = (hall.venue.next, hall.venue.book.hash()) if hall else None
    with pytest.raises(Refused) as told:
        act(*arguments, **more)
    assert told.value.code == code, told.value
    assert told.value.zh
    assert before is None or (hall.venue.next, hall.venue.book.hash()) == before
    return told.value


def sound(hall: Hall) -> None:
    verdict = verify_journal((hall.venue.folder / "journal").read_bytes())
    assert verdict.sound, verdict.faults


def test_m1_bands_and_sizes(hall: Hall) -> None:
    hall.issue("L2", "X", 300_000 * T)
    hall.money("Y", 20_000_000)
    refused("band", hall.order, "a", "X", "sell", 55.01, 10)
    refused("band", hall.order, "a", "X", "sell", 44.99, 10)
    hall.order("a", "X", "sell", 55.00, 10)
    refused("too_large", hall.order, "b", "X", "sell", 50, 100_000)
    block = {"id": "b1", "asset": hall.asset, "seller": "X", "buyer": "Y", "price": 40 * YUAN}
    refused("too_small", hall.send, "market.block", "approverX", **block, quantity=99_999 * T)
    refused("band", hall.send, "market.block", "approverX", **block | {"price": 34_99 * 100}, quantity=100_000 * T)
    hall.send("market.block", "approverX", **block, quantity=100_000 * T)
    refused("not_operator", hall.send, "market.block", "approverZ", **block, quantity=100_000 * T)
    assert hall.venue.book.records["block", "b1"].state == "proposed"
    hall.send("market.block", "approverY", **block, quantity=100_000 * T)
    assert hall.venue.book.balance("Y", hall.asset).value == 100_000 * T
    refused("settled_twice", hall.send, "market.block", "approverY", **block, quantity=100_000 * T)
    assert hall.venue.book.records["market", hall.asset].content["volume"] == 0  # a block never enters the mean
    sound(hall)


def test_a_refusal_is_told_in_yuan_and_units(hall: Hall) -> None:
    """Nobody types 1e-4 yuan or micro-units: nor is he answered in them."""
    hall.issue("L2", "X", 200 * T)
    hall.money("Y", 1_000)
    told = refused("band", hall.order, "a", "X", "sell", 60, 10)
    assert (told.en, told.zh) == ("60 yuan is outside 45 to 55 yuan.", "价格 60 元超出 45–55 元。")
    assert "须小于 100000。" in refused("too_large", hall.order, "b", "X", "sell", 50, 100_000).zh
    assert "价格 50.005 元不是最小变动价位 0.01 元的" in refused("tick", hall.order, "c", "X", "sell", 50.005, 1).zh
    told = refused("too_little", hall.order, "d", "Y", "buy", 50, 21)
    assert (told.en, told.zh) == (
        "Y has 1000 yuan available, 1050 yuan are needed.",
        "Y 可用资金为 1000 元，需要 1050 元。",
    )


def test_m2_close_is_the_mean_of_listed_trades(hall: Hall) -> None:
    hall.money("Y", 100_000)
    hall.order("s1", "X", "sell", 50, 100)
    hall.order("b1", "Y", "buy", 50, 100)
    hall.order("s2", "X", "sell", 51, 200)
    hall.order("b2", "Y", "buy", 51, 200)
    assert hall.next_day().answer["close"] == str(506_700)  # 152/3 yuan, to the tick 50.67
    assert hall.next_day().answer["close"] == str(506_700)


def test_m2_block_is_not_in_the_close(hall: Hall) -> None:
    """The block of 100,000 t at 40.00 leaves 152/3 yuan as it is."""
    hall.issue("L2", "X", 100_000 * T)
    hall.money("Y", 5_000_000)
    for yuan, tonnes in ((50, 100), (51, 200)):
        hall.order(f"s{yuan}", "X", "sell", yuan, tonnes)
        hall.order(f"b{yuan}", "Y", "buy", yuan, tonnes)
    block = {"id": "b", "asset": hall.asset, "seller": "X", "buyer": "Y", "price": 40 * YUAN, "quantity": 100_000 * T}
    for by in ("approverX", "approverY"):
        hall.send("market.block", by, **block)
    assert hall.venue.book.balance("Y", hall.asset).value == 100_300 * T
    assert hall.next_day().answer["close"] == str(506_700)


def test_a_block_is_countered_and_checked_again(hall: Hall) -> None:
    """Y answers 40 yuan with 42: X's own offer is gone, what Y offered waits for X; units and cash are asked for when it is accepted."""
    block = {"id": "b", "asset": hall.asset, "seller": "X", "buyer": "Y", "price": 40 * YUAN, "quantity": 100_000 * T}
    assert hall.send("market.block", "approverX", **block).answer == {"state": "proposed"}
    countered = block | {"price": 42 * YUAN}
    assert hall.send("market.block", "approverY", **countered).answer == {"state": "proposed"}
    record = hall.venue.book.records["block", "b"]
    assert (record.version, record.content["side"], record.content["price"]) == (2, "Y", 42 * YUAN)
    refused("too_few_units", hall.send, "market.block", "approverX", **countered)
    hall.issue("L2", "X", 100_000 * T)
    refused("too_little", hall.send, "market.block", "approverX", **countered)
    hall.money("Y", 4_200_000)
    assert hall.send("market.block", "approverX", **countered).answer == {
        "state": "settled",
        "money": str(4_200_000 * YUAN),
    }
    sound(hall)


def test_a_closed_account_does_not_trade(hall: Hall) -> None:
    """An account that the registry has frozen or closed: orders and transfers of its operators are refused."""
    record = hall.venue.book.records["rights_holder", "X"]
    steps = [t for t in registers()["rights_holder"].steps_from("open") if t.target != "open"]
    assert steps
    for step in steps:
        content = {k: v for k, v in record.content.items() if k != "waiting"}
        hall.venue.handlers["plant"] = lambda book, command, c=content, s=step: Decision(
            [RegisterEntry("rights_holder", "X", book.records["rights_holder", "X"].version + 1, s.target, c)]
        )
        hall.send("plant", "root")
        refused("account_closed", hall.order, f"o{step.id}", "X", "sell", 50, 1)
        refused(
            "account_closed",
            hall.send,
            "rights.retire",
            "approverX",
            account="X",
            asset=hall.asset,
            quantity=T,
            reason="公益",
        )


def quotes(hall: Hall) -> None:
    for n, (holder, yuan, tonnes) in enumerate((("X", 50, 30), ("Y", 50, 50), ("Z", 50.01, 100))):
        hall.issue(f"M{n}", holder, 200 * T)
        hall.order("ABC"[n], holder, "sell", yuan, tonnes)
    hall.money("C", 100_000)


def test_m3_listed_pick(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    quotes(hall)
    taken = hall.order("t1", "C", "buy", 50.01, 40, picks=["B"], kind="ioc").answer
    assert taken["trades"] == [["B", str(40 * T), str(50 * YUAN)]]
    assert [(q.id, q.left // T) for q in open_orders(hall.venue.book, hall.asset)] == [("A", 30), ("B", 10), ("C", 100)]
    refused("better_level", hall.order, "t2", "C", "buy", 50.01, 10, picks=["C"], kind="ioc")
    refused("not_quoted", hall.order, "t2", "C", "buy", 50.01, 10, picks=["nobody"])
    refused("picks", hall.order, "t2", "C", "buy", 50.01, 10, picks=["A", "A"])
    swept = hall.order("t2", "C", "buy", 50.01, 60, picks=["B", "A", "C"]).answer["trades"]
    assert [(id, int(q) // T) for id, q, _ in swept] == [("B", 10), ("A", 30), ("C", 20)]
    sound(hall)


def test_m3_price_time(hall: Hall) -> None:
    quotes(hall)
    trades = hall.order("t1", "C", "buy", 50.01, 40).answer["trades"]
    assert [(id, int(q) // T) for id, q, _ in trades] == [("A", 30), ("B", 10)]


def test_m5_t_plus_1_and_holds(hall: Hall) -> None:
    book = hall.venue.book
    hall.order("s", "X", "sell", 52, 300)
    assert book.balance("X", hall.asset).available == 200 * T
    refused("too_few_units", hall.order, "s2", "X", "sell", 52, 201)
    hall.order("b", "X", "buy", 50, 100)
    assert book.balance("X", CASH).held == 5_000 * YUAN
    hall.issue("L2", "Y", 100 * T)
    hall.order("y", "Y", "sell", 50, 100)
    assert book.balance("X", hall.asset).value == 600 * T
    assert book.balance("X", CASH).value == 5_000 * YUAN
    refused("too_few_units", hall.order, "s3", "X", "sell", 52, 201)
    hall.next_day()  # the resting sale expired, the bought tonnes are free
    hall.order("s4", "X", "sell", 52, 600)
    sound(hall)


def test_m6_postings_of_a_fraction(tmp_path: Path) -> None:
    hall = Hall(tmp_path, rules_of("price_time", lot=1))
    hall.money("Y", 100)
    hall.order("s", "X", "sell", 50.03, 0.333333)
    hall.order("b", "Y", "buy", 50.03, 0.333333)
    book = hall.venue.book
    assert book.balance("Y", hall.asset).value == 333_333
    assert book.balance("Y", CASH).value == 100 * YUAN - 166_766
    assert book.balance("Y", CASH).held == 0
    assert book.balance("X", CASH).value == 10_000 * YUAN + 166_766
    sound(hall)


def test_small_lots_never_outrun_their_hold(tmp_path: Path) -> None:
    """Each third of 0.000003 t at 50.05 yuan rounds up (1.5015 -> 2): three such cost 6 where the whole costs 5 (4.5045)."""
    hall = Hall(tmp_path, rules_of("price_time", lot=1))
    hall.money("Y", 100)
    hall.order("b", "Y", "buy", 50.05, 0.000009)
    for n in range(3):
        hall.order(f"s{n}", "X", "sell", 50.05, 0.000003)
    book = hall.venue.book
    assert book.balance("Y", CASH).value == 100 * YUAN - 6
    assert book.balance("Y", CASH).held == 0
    sound(hall)


def test_a_better_price_gives_the_rest_back(hall: Hall) -> None:
    hall.money("Y", 10_000)
    hall.order("s", "X", "sell", 48, 100)
    hall.order("b", "Y", "buy", 52, 150)
    book = hall.venue.book
    assert book.balance("Y", CASH).value == (10_000 - 4_800) * YUAN
    assert book.balance("Y", CASH).held == 50 * 52 * YUAN


def test_kinds_of_order(hall: Hall) -> None:
    hall.money("Y", 50_000)
    hall.order("s", "X", "sell", 50, 10)
    refused("not_filled", hall.order, "f", "Y", "buy", 50, 11, kind="fok")
    part = hall.order("i", "Y", "buy", 50, 15, kind="ioc").answer
    assert (part["filled"], part["left"]) == (str(10 * T), "0")
    assert open_orders(hall.venue.book, hall.asset) == []  # what is left of an IOC never rests
    assert hall.venue.book.balance("Y", CASH).held == 0
    refused("order", hall.order, "x", "Y", "buy", 50, 1, kind="market")
    refused("order", hall.order, "x", "Y", "lend", 50, 1)


def test_an_empty_book_and_an_order_that_is_gone(hall: Hall) -> None:
    hall.money("Y", 50_000)
    nothing = hall.order("i", "Y", "buy", 50, 5, kind="ioc").answer
    assert (nothing["filled"], nothing["left"], nothing["trades"]) == ("0", "0", [])
    refused("not_filled", hall.order, "f", "Y", "buy", 50, 5, kind="fok")
    hall.order("s", "X", "sell", 50, 5)
    hall.order("b", "Y", "buy", 50, 5)
    before = hall.venue.book.hash()
    for id in ("s", "b", "i", "never"):
        refused(
            "unknown_order", hall.send, "market.cancel", f"trader{'Y' if id in 'bi' else 'X'}", id=id, asset=hall.asset
        )
    refused("unknown_order", hall.send, "market.replace", "traderX", id="s", asset=hall.asset, quantity=T)
    assert hall.venue.book.hash() == before
    sound(hall)


def test_edges_of_a_session(hall: Hall) -> None:
    """market.md 4.1: 09:30-11:30 and 13:00-15:00, each from its first microsecond to before its last; 08:00 in China is 00:00 UTC."""
    hour = 3_600_000_000
    for n, (after, open_then) in enumerate(
        (
            (3.5 * hour - 1, True),
            (3.5 * hour, False),
            (5 * hour - 1, False),
            (5 * hour, True),
            (7 * hour - 1, True),
            (7 * hour, False),
        )
    ):
        hall.at = 20_000 * DAY + int(after)
        if open_then:
            assert hall.order(f"s{n}", "X", "sell", 50, 1).answer["left"] == str(T)
        else:
            refused("session", hall.order, f"s{n}", "X", "sell", 50, 1)


def test_rights_that_have_expired_are_not_traded(hall: Hall) -> None:
    asset = hall.instrument("pollution", "SO2", "wujiang", end="2024-10-05")
    hall.issue("E", "X", 10 * T, asset)
    hall.open_market(asset=asset)
    hall.send("market.close_day", "exchange2", asset=asset)
    hall.at += 3 * DAY
    before = hall.venue.book.hash()
    refused("expired", hall.open_market, asset=asset)
    refused(
        "market_state",
        hall.send,
        "market.order",
        "traderX",
        id="e",
        asset=asset,
        account="X",
        side="sell",
        price=50 * YUAN,
        quantity=T,
    )
    refused(
        "expired",
        hall.send,
        "rights.surrender",
        "approverX",
        account="X",
        asset=asset,
        quantity=T,
        obligation="X:2024",
        lots=[],
    )
    assert hall.venue.book.hash() == before


def test_expired_rights_serve_for_nothing(hall: Hall) -> None:
    """Good until the end of the 4th: from the 5th on they are not pledged, transferred, retired, converted or offered; only the registry ends them."""
    hall.venue.handlers |= auction_handlers(hall.rules)
    asset = hall.instrument("pollution", "SO2", "wujiang", end="2024-10-05")
    hall.issue("E", "X", 10 * T, asset)
    hall.send("rights.allow", "approverX", account="X", target="Y")
    hall.at += 10 * DAY
    units = {"account": "X", "asset": asset, "quantity": T}
    refused("expired", hall.send, "rights.pledge", "approverX", **units, id="p", creditor="Z")
    refused("expired", hall.send, "rights.retire", "approverX", **units, reason="公益")
    refused("expired", hall.send, "rights.transfer", "approverX", **{"from": "X", "to": "Y"}, asset=asset, quantity=T)
    refused("expired", hall.send, "rights.convert", "registry0", account="X", burn=asset, mint=hall.asset, lot="C", rules="r", evidence=SHA,
            burn_quantity=T, ratio=1)  # fmt: skip
    terms = {
        "selling": True,
        "reserve": 50 * YUAN,
        "pricing": "uniform",
        "opens": hall.at + DAY,
        "closes": hall.at + 2 * DAY,
    }
    refused("expired", hall.send, "auction.apply", "approverX", **units, id="a", **terms)
    hall.send("rights.expire", "registry0", asset=asset, account="X")
    assert hall.venue.book.balance("cancelled", asset).value == 10 * T
    sound(hall)


def test_another_participants_serials(hall: Hall) -> None:
    """L2 is Y's: X can neither retire, transfer, pledge nor surrender units of it, though he has as many of his own."""
    hall.issue("L2", "Y", 100 * T)
    hall.owe()
    hall.send("rights.allow", "approverX", account="X", target="Z")
    hall.at += 10 * DAY
    theirs = {"quantity": T, "asset": hall.asset, "ranges": [["L2", 0, T]]}
    refused("not_held", hall.send, "rights.retire", "approverX", account="X", reason="公益", **theirs)
    refused("not_held", hall.send, "rights.transfer", "approverX", **{"from": "X", "to": "Z"}, **theirs)
    refused("not_held", hall.send, "rights.pledge", "approverX", account="X", id="p", creditor="Z", **theirs)
    refused("not_held", hall.send, "rights.surrender", "approverX", account="X", obligation="X:2024", **theirs)
    refused("not_operator", hall.send, "rights.retire", "approverX", account="Y", reason="公益", **theirs)


def test_money_beyond_int64(hall: Hall) -> None:
    """2^63 - 1 micro-units (9.2e12 t) at 200 yuan are 1.8e15 yuan = 1.8e19 of 1e-4 yuan, int64 ends at 9.2e18: refused, nothing written."""
    dear = hall.instrument("energy", "equal_value", "wujiang")
    hall.open_market(200 * YUAN, dear)
    body = {
        "id": "b",
        "asset": dear,
        "seller": "X",
        "buyer": "Y",
        "price": 200 * YUAN,
        "quantity": (2**63 - 1) // T * T,
    }
    refused("overflow", hall.send, "market.block", "approverX", **body)


def test_place_in_time(hall: Hall) -> None:
    hall.issue("L2", "Y", 100 * T)
    hall.money("Z", 50_000)
    hall.order("x", "X", "sell", 50, 20)
    hall.order("y", "Y", "sell", 50, 20)
    hall.send("market.replace", "traderX", id="x", asset=hall.asset, quantity=10 * T)  # less keeps its place
    refused("loses_place", hall.send, "market.replace", "traderX", id="x", asset=hall.asset, quantity=30 * T)
    refused(
        "loses_place", hall.send, "market.replace", "traderX", id="x", asset=hall.asset, quantity=5 * T, price=49 * YUAN
    )
    trades = hall.order("z", "Z", "buy", 50, 15).answer["trades"]
    assert [(id, int(q) // T) for id, q, _ in trades] == [("x", 10), ("y", 5)]
    assert hall.venue.book.balance("X", hall.asset).held == 0


def test_cancel(hall: Hall) -> None:
    hall.order("s", "X", "sell", 50, 20)
    refused("not_operator", hall.send, "market.cancel", "traderY", id="s", asset=hall.asset)
    hall.send("market.suspend", "exchange2", asset=hall.asset, because="核查")
    refused("market_state", hall.order, "t", "X", "sell", 50, 1)
    hall.send("market.cancel", "traderX", id="s", asset=hall.asset)  # a suspended market takes cancels only
    refused("unknown_order", hall.send, "market.cancel", "traderX", id="s", asset=hall.asset)
    assert hall.venue.book.balance("X", hall.asset).held == 0
    hall.send("market.resume", "exchange2", asset=hall.asset)
    hall.order("t", "X", "sell", 50, 1)


def test_edges(hall: Hall) -> None:
    hall.money("Y", 1_000)
    refused(
        "tick",
        hall.send,
        "market.order",
        "traderX",
        id="a",
        asset=hall.asset,
        account="X",
        side="sell",
        price=500_050,
        quantity=T,
    )
    refused("lot", hall.order, "a", "X", "sell", 50, 0.5)
    for quantity in (0, -1, 2**63, "1", True):
        refused(
            "quantity",
            hall.send,
            "market.order",
            "traderX",
            id="a",
            asset=hall.asset,
            account="X",
            side="sell",
            price=50 * YUAN,
            quantity=quantity,
        )
    refused("too_little", hall.order, "a", "Y", "buy", 50, 21)
    refused(
        "not_operator",
        hall.send,
        "market.order",
        "traderY",
        id="a",
        asset=hall.asset,
        account="X",
        side="sell",
        price=50 * YUAN,
        quantity=T,
    )
    refused(
        "forbidden",
        hall.send,
        "market.order",
        "registry0",
        id="a",
        asset=hall.asset,
        account="X",
        side="sell",
        price=50 * YUAN,
        quantity=T,
    )
    refused(
        "unknown_market",
        hall.send,
        "market.order",
        "traderX",
        id="a",
        asset="x",
        account="X",
        side="sell",
        price=1,
        quantity=T,
    )
    hall.order("a", "X", "sell", 50, 1)
    refused("duplicate_order", hall.order, "a", "X", "sell", 50, 1)
    refused("self_trade", hall.order, "b", "X", "buy", 50, 1)
    hall.at += 2 * 3_600_000_000  # 12:00
    refused("session", hall.order, "c", "X", "sell", 50, 1)
    hall.at += DAY
    refused("market_state", hall.order, "c", "X", "sell", 50, 1)  # open for another day
    sound(hall)


def test_m16_scope_guard(hall: Hall) -> None:
    told = refused("forbidden_scheme", hall.instrument, "provincial_ghg", "allowance", "guizhou")
    assert "775" in told.en and "第二十九条" in told.zh
    refused("external_scheme", hall.instrument, "CEA", "allowance", "china")
    refused("external_scheme", hall.instrument, "CCER", "reduction", "china")


def test_vintages_are_markets_of_their_own(hall: Hall) -> None:
    other = hall.instrument("pollution", "COD", "wujiang", "2027-01-01", "2028-01-01")
    assert other != hall.asset
    hall.open_market(60 * YUAN, other)
    assert hall.venue.book.records["market", other].content["reference"] == 60 * YUAN
    refused(
        "too_few_units",
        hall.send,
        "market.order",
        "traderX",
        id="a",
        asset=other,
        account="X",
        side="sell",
        price=60 * YUAN,
        quantity=T,
    )


def test_fees_go_to_their_account(tmp_path: Path) -> None:
    hall = Hall(tmp_path, rules_of("price_time", fee=50))  # 50 in 10,000 of the money, made up for the test
    hall.money("Y", 5_050)
    hall.order("s", "X", "sell", 50, 100)
    hall.order("b", "Y", "buy", 50, 100)
    book = hall.venue.book
    assert book.balance("fee", CASH).value == 2 * 25 * YUAN
    assert book.balance("Y", CASH).value == 25 * YUAN
    assert book.balance("X", CASH).value == (10_000 + 5_000 - 25) * YUAN
    sound(hall)


def test_every_decision_keeps_its_rules(hall: Hall) -> None:
    hall.order("s", "X", "sell", 50, 1)
    last = list(hall.venue.journal.read())[-1].payload.decode()
    assert hall.rule_set().hash in last
    assert "national_like@2021-06-22" in last


def test_a_call_auction_on_the_ledger(hall: Hall) -> None:
    """M4 with lots of 1 t: 53 yuan, 600 t, 31,800 yuan."""
    for holder in ("Y", "Z"):
        hall.issue(f"L{holder}", holder, 1_000 * T)
        hall.money(holder, 100_000)
    hall.money("C", 100_000)
    for n, (yuan, tonnes) in enumerate(((55, 300), (54, 200), (53, 400), (52, 100))):
        hall.order(f"b{n}", "C", "buy", yuan, tonnes, kind="auction")
    for n, (yuan, tonnes) in enumerate(((51, 250), (52, 150), (53, 200), (54, 300))):
        hall.order(f"s{n}", "YZ"[n % 2], "sell", yuan, tonnes, kind="auction")
    answer = hall.send("market.call", "exchange2", asset=hall.asset).answer
    assert answer == {"price": str(53 * YUAN), "volume": str(600 * T)}
    book = hall.venue.book
    assert book.balance("C", hall.asset).value == 600 * T
    assert book.balance("C", CASH).value == (100_000 - 31_800) * YUAN
    assert {q.id: q.left // T for q in open_orders(book, hall.asset)} == {"b2": 300, "b3": 100, "s3": 300}
    sound(hall)


def test_a_restart_decides_the_same(hall: Hall) -> None:
    quotes(hall)
    hall.order("t1", "C", "buy", 50.01, 40)
    state, folder = hall.venue.book.hash(), hall.venue.folder
    hall.venue.close()
    again = type(hall.venue)(folder, "hall", hall.venue.handlers, check=True)
    assert again.book.hash() == state
    again.close()


def test_pledged_and_frozen_units_cannot_be_sold(hall: Hall) -> None:
    hall.send("rights.pledge", "approverX", id="p", account="X", asset=hall.asset, quantity=400 * T, creditor="Y")
    hall.send(
        "rights.freeze",
        "regulator4",
        id="f",
        account="X",
        asset=hall.asset,
        quantity=50 * T,
        order="文1",
        until="2025-01-01",
    )
    refused("too_few_units", hall.order, "s", "X", "sell", 50, 51)
    hall.order("s", "X", "sell", 50, 50)
    hall.send("rights.enforce", "registry0", id="p", order="判决1")
    assert hall.venue.book.balance("Y", hall.asset).value == 400 * T
    sound(hall)


def test_surrender_retire_expire(hall: Hall) -> None:
    hall.owe()
    hall.send("rights.surrender", "approverX", account="X", asset=hall.asset, quantity=100 * T, obligation="X:2024")
    hall.send("rights.retire", "approverX", account="X", asset=hall.asset, quantity=10 * T, reason="公益")
    refused(
        "forbidden",
        hall.send,
        "rights.surrender",
        "traderX",
        account="X",
        asset=hall.asset,
        quantity=T,
        obligation="X:2024",
    )
    refused("not_expired", hall.send, "rights.expire", "registry0", asset=hall.asset, account="X")
    hall.at += 900 * DAY
    refused(
        "expired",
        hall.send,
        "rights.surrender",
        "approverX",
        account="X",
        asset=hall.asset,
        quantity=T,
        obligation="X:2025",
    )
    hall.send("rights.expire", "registry0", asset=hall.asset, account="X")
    book = hall.venue.book
    assert book.balance("X", hall.asset).value == 0
    assert (book.balance("compliance", hall.asset).value, book.surrendered) == (100 * T, {"X:2024": 100 * T})
    sound(hall)


def test_a_transfer_needs_the_whitelist(hall: Hall) -> None:
    refused(
        "not_listed",
        hall.send,
        "rights.transfer",
        "approverX",
        **{"from": "X", "to": "Y"},
        asset=hall.asset,
        quantity=T,
    )
    refused(
        "forbidden", hall.send, "rights.transfer", "traderX", **{"from": "X", "to": "Y"}, asset=hall.asset, quantity=T
    )


def test_a_transfer_target_cools_off(hall: Hall) -> None:
    units = {"from": "X", "to": "Y", "asset": hall.asset, "quantity": 5 * T}
    refused("unknown_account", hall.send, "rights.allow", "approverX", account="X", target="nobody")
    refused("not_operator", hall.send, "rights.allow", "approverY", account="X", target="Y")
    answer = hall.send("rights.allow", "approverX", account="X", target="Y").answer
    assert answer == {"from_day": "2024-10-11"}  # Friday 4 October and seven days
    hall.at += 6 * DAY
    refused("cooling_off", hall.send, "rights.transfer", "approverX", **units)
    hall.at += DAY
    hall.send("rights.transfer", "approverX", **units)
    assert hall.venue.book.balance("Y", hall.asset).value == 5 * T
    hall.send("rights.disallow", "approverX", account="X", target="Y")
    refused("not_listed", hall.send, "rights.transfer", "approverX", **units)
    hall.send("rights.allow", "approverX", account="X", target="Y")
    refused("cooling_off", hall.send, "rights.transfer", "approverX", **units)  # a target put back waits again
    sound(hall)


def test_conversion_burns_and_mints(hall: Hall) -> None:
    other = hall.instrument("pollution", "COD", "qingshui")
    body = {"account": "X", "burn": hall.asset, "mint": other, "lot": "C1", "rules": "r1", "evidence": SHA}
    refused("ratio", hall.send, "rights.convert", "registry0", **body, burn_quantity=3 * T, ratio=7)
    hall.send("rights.convert", "registry0", **body, burn_quantity=30 * T, ratio=2)
    book = hall.venue.book
    assert (book.balance("X", other).value, book.balance("cancelled", hall.asset).value) == (15 * T, 30 * T)
    sound(hall)


def test_the_cap_of_an_instrument(hall: Hall) -> None:
    capped = hall.instrument("energy", "equal_value", "guizhou", cap=10 * T)
    hall.issue("E1", "X", 10 * T, capped)
    refused("cap", hall.issue, "E2", "X", 1, capped)
