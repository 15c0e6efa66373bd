"""Single auctions and linked water deals. market.md section 14, M9; auction figures worked out beside the tests."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from qingshan.ledger.verify import verify_journal
from qingshan.rights.auction import auction_handlers
from qingshan.rights.registry import CASH
from qingshan.rights.rulesets import RuleSets, read_rule_set

from .hall import DAY, YUAN, Hall, T, rules_of
from .test_market import refused

HOUR = 3_600_000_000


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    made = Hall(tmp_path, rules_of("price_time"))
    made.venue.handlers |= auction_handlers(made.rules)
    for holder in "YZC":
        made.money(holder, 20_000)
    return made


def apply(hall: Hall, **more: Any) -> None:
    body = {"id": "a", "asset": hall.asset, "account": "X", "selling": True, "quantity": 100 * T, "reserve": 50 * YUAN, "pricing": "uniform",
            "opens": hall.at + DAY, "closes": hall.at + DAY + HOUR}  # fmt: skip
    hall.send("auction.apply", "approverX", **body | more)


def bid(hall: Hall, id: str, account: str, yuan: float, tonnes: int) -> None:
    hall.send(
        "auction.bid",
        f"trader{account}",
        auction="a",
        id=id,
        account=account,
        price=round(yuan * YUAN),
        quantity=tonnes * T,
    )


def opened(hall: Hall, **more: Any) -> None:
    apply(hall, **more)
    hall.send("auction.admit", "exchange2", id="a")
    hall.at += DAY
    bid(hall, "b1", "Y", 60, 50)
    bid(hall, "b2", "Z", 55, 40)
    bid(hall, "b3", "C", 55, 30)


def close(hall: Hall) -> dict[str, Any]:
    hall.at += HOUR
    told = hall.send("auction.close", "exchange2", id="a").answer
    verdict = verify_journal((hall.venue.folder / "journal").read_bytes())
    assert verdict.sound, verdict.faults
    book = hall.venue.book
    assert not any(book.balance(h, a).held for h in "XYZC" for a in (CASH, hall.asset))
    return dict(told)


def test_one_price_for_all(hall: Hall) -> None:
    """Y 50 of 50, Z 40 of 40, C 10 of 30, all at 55: X gets 5,500 yuan; bids of equal price by time."""
    opened(hall)
    assert hall.venue.book.balance("X", hall.asset).held == 100 * T
    assert hall.venue.book.balance("Y", CASH).held == 3_000 * YUAN
    told = close(hall)
    assert told["fills"] == [
        ["b1", str(50 * T), str(55 * YUAN)],
        ["b2", str(40 * T), str(55 * YUAN)],
        ["b3", str(10 * T), str(55 * YUAN)],
    ]
    book = hall.venue.book
    assert book.balance("X", CASH).value == (10_000 + 5_500) * YUAN
    assert book.balance("Y", CASH).value == (20_000 - 2_750) * YUAN
    assert book.balance("C", hall.asset).value == 10 * T
    assert book.records["market", hall.asset].content["volume"] == 0  # never in the day's mean
    refused("auction_state", hall.send, "auction.close", "exchange2", id="a")
    saturday = hall.at // DAY
    refused("too_few_units", book.pick, "C", hall.asset, T, day=saturday + 1)  # free on the next trading day, Monday
    assert book.pick("C", hall.asset, T, day=saturday + 2)


def test_each_pays_his_bid(hall: Hall) -> None:
    """50 x 60 + 40 x 55 + 10 x 55 = 5,750 yuan."""
    opened(hall, pricing="pay_as_bid")
    close(hall)
    assert hall.venue.book.balance("X", CASH).value == (10_000 + 5_750) * YUAN


def test_a_buyer_asks_for_offers(hall: Hall) -> None:
    """Y buys up to 60 t at 50 or less; Z offers 40 at 48, C 40 at 49: 40 and 20 at 49, 2,940 yuan."""
    hall.issue("L2", "Z", 50 * T)
    hall.issue("L3", "C", 50 * T)
    hall.send("auction.apply", "approverY", id="a", asset=hall.asset, account="Y", selling=False, quantity=60 * T, reserve=50 * YUAN, pricing="uniform",
              opens=hall.at + HOUR, closes=hall.at + 2 * HOUR)  # fmt: skip
    hall.send("auction.admit", "exchange2", id="a")
    hall.at += HOUR
    refused("reserve", bid, hall, "b", "Z", 51, 10)
    bid(hall, "b1", "C", 49, 40)
    bid(hall, "b2", "Z", 48, 40)
    told = close(hall)
    assert [(i, int(q) // T, int(p) // YUAN) for i, q, p in told["fills"]] == [("b2", 40, 49), ("b1", 20, 49)]
    assert hall.venue.book.balance("Y", CASH).value == (20_000 - 2_940) * YUAN


def test_without_bids_everything_is_free_again(hall: Hall) -> None:
    apply(hall)
    hall.send("auction.admit", "exchange2", id="a")
    hall.at += DAY
    bid(hall, "b1", "Y", 60, 50)
    hall.send("auction.retract", "traderY", auction="a", id="b1")
    assert close(hall)["sold"] == "0"
    assert hall.venue.book.records["auction", "a"].state == "failed"


def test_bad_offers_and_bids(hall: Hall) -> None:
    refused("window", apply, hall, opens=hall.at)
    refused("window", apply, hall, closes=hall.at + 1)
    refused("pricing", apply, hall, pricing="dutch")
    refused("tick", apply, hall, reserve=1)
    refused("lot", apply, hall, quantity=T + 1)
    refused("too_few_units", apply, hall, quantity=501 * T)
    refused("not_operator", apply, hall, account="Y")
    refused("id", apply, hall, id="block:a")
    refused(
        "id",
        hall.send,
        "market.order",
        "traderX",
        id="auction:a",
        asset=hall.asset,
        account="X",
        side="sell",
        price=50 * YUAN,
        quantity=T,
    )
    apply(hall, minimum=5 * T, cap=60 * T)
    refused("duplicate", apply, hall)
    refused("auction_state", bid, hall, "b", "Y", 60, 10)
    hall.send("auction.admit", "exchange2", id="a")
    refused("window", bid, hall, "b", "Y", 60, 10)
    hall.at += DAY
    refused("self_trade", bid, hall, "b", "X", 60, 10)
    refused("reserve", bid, hall, "b", "Y", 49, 10)
    refused("bid_size", bid, hall, "b", "Y", 60, 4)
    bid(hall, "b", "Y", 60, 50)
    refused("duplicate", bid, hall, "b", "Y", 60, 5)
    refused("bid_size", bid, hall, "c", "Y", 60, 11)
    refused("too_little", bid, hall, "d", "Z", 400, 60)
    refused("window", hall.send, "auction.close", "exchange2", id="a")
    hall.at += HOUR
    refused("window", bid, hall, "e", "Z", 60, 10)
    refused("window", hall.send, "auction.retract", "traderY", auction="a", id="b")


def test_the_notice_of_the_rule_set(tmp_path: Path) -> None:
    base = rules_of("price_time")
    raw = base.on("national_like", date(2024, 10, 4)).content
    row = {"id": "auction_notice_days", "value": 5, "unit": "d", "source": "made up for the tests", "status": "project"}
    hall = Hall(tmp_path, RuleSets([read_rule_set({**raw, "rule": [*raw["rule"], row]})]))
    hall.venue.handlers |= auction_handlers(hall.rules)
    refused("window", apply, hall, opens=hall.at + 4 * DAY, closes=hall.at + 6 * DAY)
    apply(hall, opens=hall.at + 5 * DAY, closes=hall.at + 6 * DAY)


def water(hall: Hall, years: tuple[int, ...] = (2025, 2026, 2027)) -> list[str]:
    return [hall.instrument("water_abstraction", "surface", "pingba", f"{y}-01-01", f"{y + 1}-01-01") for y in years]


def test_m9_three_years_in_one_transaction(hall: Hall) -> None:
    """90,000 m3 a year for three years at 2.5 yuan: 225,000 yuan each, 675,000 together."""
    assets = water(hall)
    for n, asset in enumerate(assets):
        hall.issue(f"W{n}", "X", 90_000 * T, asset)
    hall.money("Y", 675_000 - 20_000)
    body = {
        "id": "d",
        "seller": "X",
        "buyer": "Y",
        "legs": [{"asset": a, "quantity": 90_000 * T, "price": 25_000} for a in assets],
    }
    assert hall.send("water.deal", "approverX", **body).answer["state"] == "proposed"
    assert (
        hall.send("water.deal", "approverX", **body).answer["state"] == "proposed"
    )  # his own word again changes nothing
    refused("not_operator", hall.send, "water.deal", "approverZ", **body)
    before = hall.venue.next
    assert hall.send("water.deal", "approverY", **body).answer == {"state": "settled", "money": str(6_750_000_000)}
    book = hall.venue.book
    assert hall.venue.next == before + 1
    assert [book.balance("Y", a).value for a in assets] == [90_000_000_000] * 3
    assert book.balance("X", CASH).value == 10_000 * YUAN + 3 * 2_250_000_000
    refused("settled_twice", hall.send, "water.deal", "approverY", **body)
    assert verify_journal((hall.venue.folder / "journal").read_bytes()).sound


def test_m9_one_leg_fails_all(hall: Hall) -> None:
    assets = water(hall)
    for n, asset in enumerate(assets[:2]):
        hall.issue(f"W{n}", "X", 90_000 * T, asset)
    hall.money("Y", 700_000)
    body = {
        "id": "d",
        "seller": "X",
        "buyer": "Y",
        "legs": [{"asset": a, "quantity": 90_000 * T, "price": 25_000} for a in assets],
    }
    hall.send("water.deal", "approverX", **body)
    state = hall.venue.book.hash()
    refused("too_few_units", hall.send, "water.deal", "approverY", **body)
    assert hall.venue.book.hash() == state


def test_m9_a_price_that_is_not_published(hall: Hall) -> None:
    (asset,) = water(hall, (2025,))
    hall.issue("W", "X", 610_000 * T, asset)
    body = {"id": "d", "seller": "X", "buyer": "Y", "legs": [{"asset": asset, "quantity": 610_000 * T, "price": None}]}
    hall.send("water.deal", "approverX", **body)
    assert hall.send("water.deal", "approverY", **body).answer == {"state": "settled", "money": None}
    book = hall.venue.book
    assert book.balance("Y", asset).value == 610_000 * T
    assert "volume" not in book.records["market", asset].content
    assert verify_journal((hall.venue.folder / "journal").read_bytes()).sound
    for wrong in ([], [{"asset": hall.asset, "quantity": T, "price": 1}], body["legs"] * 2):
        refused(
            "asset" if wrong and len(wrong) == 1 else "legs",
            hall.send,
            "water.deal",
            "approverX",
            **body | {"id": "e", "legs": wrong},
        )
