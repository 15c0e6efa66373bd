"""The tape: a reader who takes its messages one by one has the book that the ledger has."""

from __future__ import annotations

from pathlib import Path

import pytest

from qingshan.rights.feed import candles, depth, trades
from qingshan.rights.tape import KEPT_MESSAGES, Message, Strip, tape_of

from .hall import YUAN, Hall, T, rules_of


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    made = Hall(tmp_path, rules_of("price_time"))
    made.money("Y", 100_000)
    return made


def busy(hall: Hall) -> None:
    hall.order("s1", "X", "sell", 50, 30)
    hall.order("s2", "X", "sell", 51, 20)
    hall.order("s3", "X", "sell", 51, 10)
    hall.order("b1", "Y", "buy", 49, 5)
    hall.order("b2", "Y", "buy", 50, 12)
    hall.send("market.cancel", "traderX", id="s3", asset=hall.asset)
    hall.send("market.replace", "traderX", id="s2", asset=hall.asset, quantity=7 * T)
    hall.order("b3", "Y", "buy", 51, 100, kind="ioc")


def test_levels_are_those_of_the_book_after_every_record(hall: Hall) -> None:
    tape = tape_of(hall.venue)
    seen: list[int] = []
    hall.venue.followers.append(lambda records: seen.extend(m.number for r in records for m in tape.apply(r)))
    busy(hall)
    strip = tape.strips[hall.asset]
    assert {s: [list(x) for x in strip.best(s, 5)] for s in ("buy", "sell")} == depth(hall.venue.book, hall.asset)
    assert strip.levels == {
        "buy": {49 * YUAN: [5 * T, 1]},
        "sell": {},
    }  # 30 at 50 and 7 at 51 were taken, the rest withdrawn
    assert seen == list(range(seen[0], seen[0] + 8))


def test_a_reader_rebuilds_the_book_from_messages(hall: Hall) -> None:
    busy(hall)
    strip = tape_of(hall.venue).strips[hall.asset]
    book: dict[tuple[str, str], str] = {}
    for message in strip.after(0) or []:
        for side, price, quantity, _ in message.written()["levels"]:
            book[side, price] = quantity
    assert {k: v for k, v in book.items() if v != "0"} == {("buy", "49"): "5"}
    assert strip.picture()["levels"] == [["buy", "49", "5", 1]]
    assert [t[3:] for t in strip.picture()["trades"]] == [["50", "12"], ["50", "18"], ["51", "7"]]


def test_numbers_are_the_same_after_a_restart_and_candles_those_of_the_feed(hall: Hall) -> None:
    busy(hall)
    hall.next_day()
    first, again = tape_of(hall.venue), tape_of(hall.venue)
    strip = first.strips[hall.asset]
    assert [m.written() for m in strip.messages] == [m.written() for m in again.strips[hall.asset].messages]
    assert list(strip.candles.values()) == candles(trades(hall.venue))
    assert strip.state == "open"


def test_nobody_is_named(hall: Hall) -> None:
    busy(hall)
    strip = tape_of(hall.venue).strips[hall.asset]
    said = str(strip.picture()) + str([m.written() for m in strip.messages])
    assert not [word for word in ("s1", "b1", "'X'", "'Y'", "trader") if word in said]


def test_messages_that_are_gone_ask_for_a_picture() -> None:
    strip = Strip("a")
    assert strip.after(0) == []
    for n in range(1, KEPT_MESSAGES + 3):
        strip.number = n
        strip.messages.append(Message("a", n, n, n, (), (), "open"))
    assert strip.after(1) is None
    assert len(strip.after(2) or []) == KEPT_MESSAGES
    assert strip.after(strip.number) == []
    assert strip.after(strip.number + 1) is None  # a number of another journal
