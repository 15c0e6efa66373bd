"""Surrender, settle, penalty on the ledger. Figures by hand beside the tests; Order 775 article 24 gives the multiples 5 to 10."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from qingshan.core.errors import MissingParameter
from qingshan.ledger.verify import verify_journal
from qingshan.rights.obligations import (
    carried_over,
    obligation_handlers,
    price_windows,
    recomputed,
    standing_of,
    traded_in,
)
from qingshan.rights.registry import CASH
from qingshan.rights.rulesets import RuleSets, read_rule_set
from qingshan.rights.running import Running

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
    window = price_windows(traded_in(bureau.venue), bureau.asset, date(2024, 10, 31))["month_all"]
    assert window == (500 * YUAN, 10 * T)
    held = Running.of(bureau.venue.journal.read())
    assert price_windows(held.traded, bureau.asset, date(2024, 10, 31))["month_all"] == window
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
    assert recomputed(traded_in(bureau.venue), bureau.state())
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
    assert not recomputed(traded_in(bureau.venue), bureau.state())  # there were no trades


def test_a_false_turnover_is_refused_where_the_journal_is_at_hand(bureau: Bureau) -> None:
    """October has no trade: no turnover there is true, and there is no mean price to fine by."""
    handlers = obligation_handlers(
        bureau.rules, prices=lambda asset, day: price_windows(traded_in(bureau.venue), asset, day)
    )
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
    """The unit, the area and the holder must be those of the obligation."""
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


def test_offsets_up_to_the_cap(tmp_path: Path) -> None:
    """5 % of 100.9 t are 5.045 t, in whole units 5 t of non-point COD; own units for the rest, no more than is owed."""
    bureau = Bureau(tmp_path)
    raw = bureau.rule_set().content
    row = {"id": "offsets", "value": ["pollution:nonpoint"], "source": "made up for the tests", "status": "project"}
    bureau.rules = RuleSets([read_rule_set({**raw, "rule": [*raw["rule"], row]})])
    bureau.venue.handlers |= obligation_handlers(bureau.rules)
    bureau.owe(quantity="100.9")
    body = {
        "scheme": "pollution",
        "subtype": "COD",
        "area": "wujiang",
        "source": "nonpoint",
        "from": "2024-01-01",
        "to": "2027-01-01",
    }
    offset = bureau.send("rights.instrument", "registry0", **body, rules="national_like").answer["asset"]
    bureau.issue("N1", "X", 50 * T, offset)
    refused("offset_cap", bureau.give, 6, offset)
    bureau.give(5, offset)
    refused("offset_cap", bureau.give, 1, offset)
    refused("over_delivery", bureau.give, 96)
    bureau.give(95)
    now = standing_of(bureau.state())
    assert (now.own, now.offsets, now.missing) == (95 * T, 5 * T, 900_000)


def test_the_oldest_vintage_comes_first(bureau: Bureau) -> None:
    old = bureau.instrument("pollution", "COD", "wujiang", "2023-01-01", "2026-01-01")
    bureau.issue("L0", "X", 20 * T, old)
    refused("older_first", bureau.give, 10)
    bureau.give(20, old)
    bureau.give(80)
    assert bureau.state().content["own"] == 100 * T


CARRY: dict[str, Any] = {
    "carry_over_base": 100 * T,
    "carry_over_multiple": 150,
    "carry_over_window": "2024-10-01/2024-10-31",
}


def sales_of_x(bureau: Bureau) -> Running:
    """X sells 50 t listed and buys back 10 t: 40 t net."""
    bureau.money("Y", 10_000)
    for id, account, side, tonnes in (("s", "X", "sell", 50), ("b", "Y", "buy", 50)):
        bureau.order(id, account, side, 50, tonnes)
    bureau.next_day()  # what Y bought may be sold again
    for id, account, side, tonnes in (("s2", "Y", "sell", 10), ("b2", "X", "buy", 10)):
        bureau.order(id, account, side, 50, tonnes)
    return Running.of(bureau.venue.journal.read())


def test_m13_carry_over_of_a_holder(tmp_path: Path) -> None:
    """M13 in thousandths, on the ledger: base 100 t, net sales 40 t, 460 t left and 100 t owed: min(100 + 1.5 x 40, 360) = 160 t."""
    bureau = Bureau(tmp_path, **CARRY)
    bureau.owe()
    sold = sales_of_x(bureau).net_sales
    rules, book = bureau.rule_set(), bureau.venue.book
    assert sold("X", [bureau.asset], date(2024, 10, 1), date(2024, 10, 31)) == 40 * T
    assert sold("X", [bureau.asset], date(2024, 10, 5), date(2024, 10, 31)) == -10 * T
    assert carried_over(book, bureau.state(), rules, sold) == 160 * T
    bureau.give(100)
    assert carried_over(book, bureau.state(), rules, sold) == 160 * T
    bureau.send("rights.retire", "approverX", account="X", asset=bureau.asset, quantity=240 * T, reason="公益")
    assert carried_over(book, bureau.state(), rules, sold) == 120 * T  # holdings of 120 t


def test_m13_negative_net_sales_are_for_the_rule_set(tmp_path: Path) -> None:
    """From 5 October X has bought 10 t net: 100 t where the rule counts that as none, 85 t where as it is, else the document."""
    late = CARRY | {"carry_over_window": "2024-10-05/2024-10-31"}
    bureau = Bureau(tmp_path, **late)
    bureau.owe()
    sold, book, owed = sales_of_x(bureau).net_sales, bureau.venue.book, bureau.state()
    with pytest.raises(MissingParameter) as told:
        carried_over(book, owed, bureau.rule_set(), sold)
    assert told.value.document == "结转规定正式稿"
    for value, wanted in (("none", 100 * T), ("as_is", 85 * T)):
        rules = rules_of("price_time", net_sales_floor=value, **late).on("national_like", date(2024, 10, 4))
        assert carried_over(book, owed, rules, sold) == wanted


@pytest.mark.parametrize("absent", sorted(CARRY))
def test_carry_over_is_refused_by_the_document_of_what_is_open(tmp_path: Path, absent: str) -> None:
    """As read, base, multiple and window are open, each by itself bars the figure; no figure is made without net sales."""
    given = {k: v for k, v in CARRY.items() if k != absent}
    bureau = Bureau(tmp_path, **given)
    bureau.owe()

    def sold(*_: Any) -> int:
        return 0

    with pytest.raises(MissingParameter) as told:
        carried_over(bureau.venue.book, bureau.state(), bureau.rule_set(), sold)
    assert told.value.document == "国环规气候〔2024〕1号" and absent in str(told.value)


def test_borrowing_up_to_the_share_of_the_rule(tmp_path: Path) -> None:
    """10 % of 100 t: 10 t of the next period count, 11 t do not; what was borrowed stands in the record."""
    bureau = Bureau(tmp_path, borrowing=10)
    bureau.owe()
    later = bureau.instrument("pollution", "COD", "wujiang", "2025-01-01", "2028-01-01")
    bureau.issue("L9", "X", 20 * T, later)
    refused("older_first", bureau.give, 1, later)
    bureau.give(85)
    bureau.send("rights.retire", "approverX", account="X", asset=bureau.asset, quantity=415 * T, reason="公益")
    refused("borrowing_cap", bureau.give, 11, later)
    bureau.give(10, later)
    assert bureau.state().content["borrowed"] == 10 * T
    refused("borrowing_cap", bureau.give, 1, later)


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
