"""Surrender, settle, penalty on the ledger. Figures by hand beside the tests; Order 775 article 24 gives the multiples 5 to 10."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from qingshan.ledger.verify import verify_journal
from qingshan.rights.obligations import obligation_handlers, price_windows, recomputed, standing_of
from qingshan.rights.registry import CASH

from .hall import DAY, YUAN, Hall, T, rules_of
from .test_market import refused


class Bureau(Hall):
    """X owes 100 t of COD for 2024 by 31 October 2024 and holds 500 t of it; offsets from non-point sources count up to 5 %."""

    def __init__(self, folder: Path, **rules: Any) -> None:
        super().__init__(folder, rules_of("price_time", **({"penalty_window": "month_all", "offset_cap": 5} | rules)))
        self.venue.handlers |= obligation_handlers(self.rules)

    def give(self, tonnes: int, asset: str = "", **more: Any) -> Any:
        body = {"account": "X", "asset": asset or self.asset, "quantity": tonnes * T, "obligation": "X:2024"} | more
        return self.send("rights.surrender", "approverX", **body).answer

    def state(self, id: str = "X:2024") -> Any:
        return self.venue.book.records["obligation", id]


@pytest.fixture
def bureau(tmp_path: Path) -> Bureau:
    made = Bureau(tmp_path)
    made.owe()
    return made


def test_met_in_two_parts(bureau: Bureau) -> None:
    bureau.give(60)
    refused(
        "still_short", bureau.send, "rights.settle", "registry0", obligation="X:2024"
    )  # 40 t are missing, the deadline has not passed
    refused("over_delivery", bureau.give, 41)
    bureau.give(40)
    assert bureau.send("rights.settle", "registry0", obligation="X:2024").answer == {"state": "settled", "missing": "0"}
    assert bureau.state().content["surrendered"] == {bureau.asset: 100 * T}
    assert bureau.venue.book.surrendered["X:2024"] == 100 * T
    refused("wrong_state", bureau.give, 1)
    refused(
        "wrong_state",
        bureau.send,
        "rights.penalty",
        "regulator4",
        obligation="X:2024",
        window="month_all",
        turnover=1,
        volume=1,
        multiple=50_000,
        order="o",
    )
    assert verify_journal((bureau.venue.folder / "journal").read_bytes()).sound


def test_short_fined_and_made_good(bureau: Bureau) -> None:
    """30 t short. October: one trade of 10 t at 50 yuan: the mean is 50. 30 t x 50 yuan x 5 = 7,500 yuan; x 10 = 15,000."""
    bureau.money("Y", 10_000)
    for id, account, side in (("s", "X", "sell"), ("b", "Y", "buy")):
        bureau.send(
            "market.order",
            f"trader{account}",
            id=id,
            asset=bureau.asset,
            account=account,
            side=side,
            price=50 * YUAN,
            quantity=10 * T,
        )
    bureau.give(70)
    bureau.at += 28 * DAY  # 1 November
    assert bureau.send("rights.settle", "registry0", obligation="X:2024").answer == {
        "state": "short",
        "missing": str(30 * T),
    }
    window = price_windows(bureau.venue, bureau.asset, date(2024, 10, 31))["month_all"]
    assert window == (500 * YUAN, 10 * T)
    body = {
        "obligation": "X:2024",
        "window": "month_all",
        "turnover": window[0],
        "volume": window[1],
        "multiple": 5 * 10_000,
        "order": "罚〔1〕",
    }
    refused("multiple", bureau.send, "rights.penalty", "regulator4", **body | {"multiple": 49_999})
    refused("multiple", bureau.send, "rights.penalty", "regulator4", **body | {"multiple": 100_001})
    refused("window", bureau.send, "rights.penalty", "regulator4", **body | {"window": "before_all"})
    refused("forbidden", bureau.send, "rights.penalty", "registry0", **body)
    assert bureau.send("rights.penalty", "regulator4", **body).answer == {"fine": str(7_500 * YUAN)}
    assert recomputed(bureau.venue, bureau.state())
    assert bureau.state().content["cut_on_refusal"] == 30 * T
    before = bureau.venue.book.balance("X", CASH).value
    bureau.send("rights.fine", "bank3", obligation="X:2024")
    assert bureau.venue.book.balance("X", CASH).value == before - 7_500 * YUAN
    assert bureau.venue.book.balance("penalty", CASH).value == 7_500 * YUAN
    refused("no_fine", bureau.send, "rights.fine", "bank3", obligation="X:2024")
    bureau.give(30)  # the obligation remains
    assert bureau.send("rights.settle", "registry0", obligation="X:2024").answer["state"] == "settled"
    assert verify_journal((bureau.venue.folder / "journal").read_bytes()).sound


def test_a_false_turnover_is_found(bureau: Bureau) -> None:
    bureau.at += 28 * DAY
    bureau.send("rights.settle", "registry0", obligation="X:2024")
    body = {
        "obligation": "X:2024",
        "window": "month_all",
        "turnover": YUAN,
        "volume": T,
        "multiple": 60_000,
        "order": "罚〔2〕",
    }
    bureau.send("rights.penalty", "regulator4", **body)
    assert not recomputed(bureau.venue, bureau.state())  # there were no trades


def test_a_false_turnover_is_refused_where_the_journal_is_at_hand(bureau: Bureau) -> None:
    """October has no trade: no turnover there is true, and there is no mean price to fine by."""
    handlers = obligation_handlers(bureau.rules, prices=lambda asset, day: price_windows(bureau.venue, asset, day))
    bureau.venue.handlers |= handlers
    bureau.at += 28 * DAY
    bureau.send("rights.settle", "registry0", obligation="X:2024")
    body = {
        "obligation": "X:2024",
        "window": "month_all",
        "turnover": YUAN,
        "volume": T,
        "multiple": 60_000,
        "order": "罚〔3〕",
    }
    told = refused("turnover", bureau.send, "rights.penalty", "regulator4", **body)
    assert "0 yuan" in told.en
    assert bureau.state().state == "short"


def test_what_is_not_in_the_register_takes_nothing(bureau: Bureau) -> None:
    told = refused("unknown_obligation", bureau.give, 1, obligation="X-2024")
    assert "X-2024" in told.zh and bureau.venue.book.surrendered == {}


def test_what_counts(bureau: Bureau) -> None:
    """Offsets: 5 % of 100 t are 5 t. The unit, the area and the holder must be those of the obligation."""
    other = bureau.instrument("pollution", "COD", "chishui")
    bureau.issue("L2", "X", 50 * T, other)
    refused("wrong_instrument", bureau.give, 1, other)
    water = bureau.instrument("water_abstraction", "surface", "wujiang")
    bureau.issue("W1", "X", 50 * T, water)
    refused("wrong_instrument", bureau.give, 1, water)
    bureau.issue("L3", "Y", 50 * T)
    refused(
        "other_holder",
        bureau.send,
        "rights.surrender",
        "approverY",
        account="Y",
        asset=bureau.asset,
        quantity=T,
        obligation="X:2024",
    )
    assert (standing_of(bureau.state()).own, bureau.state().version) == (0, 3)


def test_the_oldest_vintage_comes_first(bureau: Bureau) -> None:
    old = bureau.instrument("pollution", "COD", "wujiang", "2023-01-01", "2026-01-01")
    bureau.issue("L0", "X", 20 * T, old)
    refused("older_first", bureau.give, 10)
    bureau.give(20, old)
    bureau.give(80)
    assert bureau.state().content["own"] == 100 * T


def test_an_open_rule_refuses_by_its_document(tmp_path: Path) -> None:
    """As read, the window of article 24, the cap on offsets and borrowing are open: no figure, the document instead."""
    bureau = Bureau(tmp_path)
    bureau.rules = rules_of("price_time")
    bureau.venue.handlers |= obligation_handlers(bureau.rules)
    bureau.owe()
    later = bureau.instrument("pollution", "COD", "wujiang", "2025-01-01", "2028-01-01")
    bureau.issue("L9", "X", 20 * T, later)
    told = refused("open_rule", bureau.give, 1, later)
    assert "borrowing" in told.en and "预支" in told.fix
    bureau.at += 28 * DAY
    bureau.send("rights.settle", "registry0", obligation="X:2024")
    body = {"obligation": "X:2024", "window": "month_all", "turnover": 1, "volume": 1, "multiple": 50_000, "order": "o"}
    told = refused("open_rule", bureau.send, "rights.penalty", "regulator4", **body)
    assert "第二十四条" in told.fix


def test_steps_of_commands_are_not_taken_by_hand(bureau: Bureau) -> None:
    for step, by in (("settle", "registry0"), ("fall_short", "registry0"), ("penalise", "regulator4")):
        refused("by_command", bureau.send, "register.act", by, register="obligation", id="X:2024", version=3, step=step)
    refused("unknown_obligation", bureau.send, "rights.settle", "registry0", obligation="nobody")
