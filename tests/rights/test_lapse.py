"""What ends by itself. Days by hand: the hall's first day is Friday 4 October 2024."""

from __future__ import annotations

from pathlib import Path

import pytest

from qingshan.ledger.venue import Command, Venue
from qingshan.ledger.verify import verify_journal
from qingshan.rights.exchange import exchange_handlers
from qingshan.rights.lapse import CLOCK, lapses
from qingshan.rights.registry import CASH

from .hall import DAY, YUAN, Hall, T, rules_of
from .test_market import refused

HOUR = DAY // 24


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    made = Hall(tmp_path, rules_of("price_time"))
    made.venue.handlers = exchange_handlers(made.rules)
    return made


def lapse(hall: Hall, by: str = CLOCK) -> list[str]:
    return list(hall.send("rights.lapse", by).answer["ended"])


def both(hall: Hall, kind: str, first: str, second: str, /, **body: object) -> None:
    hall.send("eyes.confirm", second, id=hall.send(kind, first, **body).answer["proposal"])


def test_a_freeze_lifts_itself_after_its_last_day(hall: Hall) -> None:
    """80 of 500 t until the 6th: still set aside on the 6th, free on the 7th; cash until the 5th is free on the 6th."""
    freeze = {"account": "X", "asset": hall.asset, "quantity": 80 * T, "order": "〔1〕号", "until": "2024-10-06"}
    both(hall, "rights.freeze", "regulator4", "registry0", id="f1", **freeze)
    both(
        hall,
        "rights.freeze",
        "regulator4",
        "registry0",
        id="f2",
        **freeze | {"asset": CASH, "quantity": 100 * YUAN, "until": "2024-10-05"},
    )
    book = hall.venue.book
    refused("nothing_due", lapse, hall)
    hall.at += 2 * DAY  # the 6th
    assert lapse(hall) == ["f2"]
    assert (book.balance("X", hall.asset).held, book.balance("X", CASH).held) == (80 * T, 0)
    hall.at += 14 * HOUR - 1  # a microsecond before midnight in China
    assert lapses(book, hall.at) == []
    hall.at += 1
    refused("forbidden", lapse, hall, "traderX")
    assert lapse(hall, "exchange2") == ["f1"]
    assert book.balance("X", hall.asset).available == 500 * T
    refused("unknown_hold", hall.send, "rights.unfreeze", "regulator4", id="f1")
    assert verify_journal((hall.venue.folder / "journal").read_bytes()).sound


def test_a_proposal_can_be_confirmed_for_seven_days(hall: Hall) -> None:
    """Made on the 4th: good on the 11th, gone on the 12th, whether or not the clock has spoken."""
    body = {"account": "X", "asset": hall.asset, "quantity": T, "reason": "公益"}
    first, second = (hall.send("rights.retire", "traderX", **body).answer["proposal"] for _ in "ab")
    hall.at += 7 * DAY
    refused("nothing_due", lapse, hall)
    hall.send("eyes.confirm", "approverX", id=first)
    hall.at += DAY
    refused("proposal_expired", hall.send, "eyes.confirm", "approverX", id=second)
    assert lapse(hall) == [second]
    assert hall.venue.book.records["proposal", second].state == "expired"
    refused("nothing_waits", hall.send, "eyes.confirm", "approverX", id=second)


def test_a_block_offer_is_of_its_day(hall: Hall) -> None:
    both(
        hall,
        "rights.issue",
        "registry0",
        "registry1",
        lot="L2",
        asset=hall.asset,
        quantity=200_000 * T,
        account="X",
        evidence="ab" * 32,
    )
    hall.money("Y", 20_000_000)
    body = {"id": "b", "asset": hall.asset, "seller": "X", "buyer": "Y", "price": 50 * YUAN, "quantity": 100_000 * T}
    both(hall, "market.block", "traderX", "approverX", **body)
    hall.next_day()
    refused("offer_expired", hall.send, "market.block", "traderY", **body)
    assert lapse(hall) == ["b"]
    assert hall.venue.book.records["block", "b"].state == "expired"


def test_an_auction_that_nobody_announced_frees_its_units(hall: Hall) -> None:
    hall.send("auction.apply", "approverX", id="a", asset=hall.asset, account="X", selling=True, quantity=100 * T, reserve=50 * YUAN,
              pricing="uniform", opens=hall.at + HOUR, closes=hall.at + 2 * HOUR)  # fmt: skip
    assert hall.venue.book.balance("X", hall.asset).held == 100 * T
    hall.at += HOUR - 10**6
    refused("nothing_due", lapse, hall)
    hall.at += 10**6
    assert lapse(hall) == ["auction:a", "a"]
    assert hall.venue.book.balance("X", hall.asset).held == 0
    assert hall.venue.book.records["auction", "a"].state == "failed"


def test_a_pledge_never_lapses(hall: Hall) -> None:
    both(hall, "rights.pledge", "traderX", "approverX", id="p", account="X", asset=hall.asset, quantity=T, creditor="Y")
    hall.at += 5_000 * DAY
    refused("nothing_due", lapse, hall)


def test_a_replay_ends_the_same_things(hall: Hall) -> None:
    """The journal's clock decides, not that of the machine which replays: every record is decided again and compared."""
    both(
        hall,
        "rights.freeze",
        "regulator4",
        "registry0",
        id="f1",
        account="X",
        asset=hall.asset,
        quantity=T,
        order="1",
        until="2024-10-04",
    )
    hall.at += DAY
    lapse(hall)
    hash, folder = hall.venue.book.hash(), hall.venue.folder
    hall.venue.close()
    # the hall's first records were decided without four eyes
    again = Venue(folder, "hall", {})
    assert again.book.hash() == hash
    line = Command("rights.lapse", {}, "again", CLOCK, hall.at)
    assert exchange_handlers(hall.rules)["rights.lapse"]  # known
    with pytest.raises(Exception, match="nothing has reached"):
        exchange_handlers(hall.rules)["rights.lapse"](again.book, line)
    again.close()


def test_weekends_and_announced_days_are_no_trading_days(tmp_path: Path) -> None:
    """Bought on Friday the 4th; the 7th (Monday) is announced as closed, so the units are free on Tuesday the 8th = day 20,004."""
    hall = Hall(tmp_path, rules_of("price_time", closed_days=["2024-10-07"]))
    hall.money("Y", 10_000)
    hall.order("s", "X", "sell", 50, 10)
    hall.order("b", "Y", "buy", 50, 10)
    (bought,) = hall.venue.book.shelves["Y", hall.asset]
    assert bought.free_on == 20_004
    hall.send("market.close_day", "exchange2", asset=hall.asset)
    for _ in range(3):  # Saturday, Sunday, the announced Monday
        hall.at += DAY
        refused("no_trading_day", hall.send, "market.open_day", "exchange2", asset=hall.asset)
    hall.at += DAY
    hall.send("market.open_day", "exchange2", asset=hall.asset)
    hall.order("s2", "Y", "sell", 50, 10)
