"""The figures kept up with the journal are those found again from the whole journal."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from qingshan.registers.engine import history
from qingshan.rights.running import Running
from qingshan.rights.statements import statements

from .hall import YUAN, Hall, T, rules_of

FRIDAY, MONDAY = date(2024, 10, 4), date(2024, 10, 7)


def busy(folder: Path) -> Hall:
    hall = Hall(folder, rules_of("price_time", fee=50))
    hall.money("Y", 10_000)
    hall.order("s1", "X", "sell", 50, 100)
    hall.order("b1", "Y", "buy", 50, 40)
    hall.send("rights.retire", "approverY", account="Y", asset=hall.asset, quantity=5 * T, reason="公益")
    hall.order("s2", "X", "sell", 51, 100)
    hall.next_day()
    hall.order("b2", "Y", "buy", 49, 10)
    return hall


def test_every_statement_of_every_day(tmp_path: Path) -> None:
    hall = busy(tmp_path)
    running = Running.of(hall.venue.journal.read())
    for day in (FRIDAY, MONDAY):
        whole = statements(hall.venue, day)
        assert {"X", "Y", "bank", "issuance", "fee"} <= set(whole)
        for account, statement in whole.items():
            assert running.statement(account, day) == statement


def test_figures_by_hand(tmp_path: Path) -> None:
    """40 t at 50 yuan: 2,000 yuan, 0.5 % of it from each side; Monday saw no trade."""
    hall = busy(tmp_path)
    running = Running.of(hall.venue.journal.read())
    assert running.traded(hall.asset, FRIDAY, MONDAY) == (2_000 * YUAN, 40 * T) * 2
    assert running.traded(hall.asset, MONDAY, MONDAY) == (0, 0, 0, 0)
    assert dict(running.fees[FRIDAY]) == {"fee": 20 * YUAN}
    (gone,) = running.gone
    assert (gone.how, gone.why, gone.quantity, gone.ranges) == ("retired", "公益", 5 * T, (("L1", 0, 5 * T),))
    assert running.orders_after("X", "", 9) == ["s1", "s2"] and running.orders_after("X", "s1", 9) == ["s2"]
    assert running.recent_orders("X", MONDAY.isoformat()) == [] and running.recent_orders("Y", MONDAY.isoformat()) == [
        "b2"
    ]
    assert running.history("rights_holder", "X") == history(hall.venue, "rights_holder", "X")
