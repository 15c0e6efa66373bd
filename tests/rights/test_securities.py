"""Waterfall, stress, pools. market.md section 14, M7; the other figures are worked out beside the tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.ledger.entry import Asset, Lot
from qingshan.ledger.verify import verify_journal
from qingshan.rights import securities
from qingshan.rights.registry import CASH
from qingshan.rights.securities import (
    BASE,
    Inflow,
    Scenario,
    Tranche,
    cash_flows,
    pool_handlers,
    read_scenario,
    shares,
    waterfall,
)

from .hall import YUAN, Hall, T
from .test_market import refused


def test_m7_a_remainder_goes_to_rounding() -> None:
    assert shares(100 * YUAN, [("X", 1), ("Y", 1), ("Z", 1)]) == ({"X": 333_333, "Y": 333_333, "Z": 333_333}, 1)


def test_interest_then_principal_then_the_rest() -> None:
    """A 1,000 at 5 %, B 500 at 10 %, E 0: 300 pay 50 + 50 interest, 200 of A; then 1,000 pay 40 + 50, 800 of A, 110 of B;
    then 450 pay 39 + 390, the rest of 21 to E."""
    tranches = [Tranche("A", 1000, 500), Tranche("B", 500, 1000), Tranche("E", 0, 0)]
    paid, tranches = waterfall(300, tranches)
    assert [(p.interest, p.principal, p.residual) for p in paid] == [(50, 200, 0), (50, 0, 0), (0, 0, 0)]
    paid, tranches = waterfall(1000, tranches)
    assert [(p.interest, p.principal, p.residual) for p in paid] == [(40, 800, 0), (50, 110, 0), (0, 0, 0)]
    paid, tranches = waterfall(450, tranches)
    assert [(p.interest, p.principal, p.residual) for p in paid] == [(0, 0, 0), (39, 390, 0), (0, 0, 21)]
    assert [(t.principal, t.owed) for t in tranches] == [(0, 0), (0, 0), (0, 0)]


def test_unpaid_interest_is_owed_on() -> None:
    """70 pay 50 of A's interest and 20 of B's 50; of the next 100 A gets 50 and B 50 of its 30 + 50."""
    paid, tranches = waterfall(70, [Tranche("A", 1000, 500), Tranche("B", 500, 1000)])
    assert [t.owed for t in tranches] == [0, 30]
    paid, tranches = waterfall(100, tranches)
    assert [p.interest for p in paid] == [50, 50]
    assert [t.owed for t in tranches] == [0, 30]


@given(
    st.lists(st.integers(0, 10**12), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 3000)), min_size=1, max_size=5),
)
def test_nothing_is_made_or_lost(cash: list[int], rows: list[tuple[int, int]]) -> None:
    tranches = [Tranche(str(n), principal, rate) for n, (principal, rate) in enumerate(rows)]
    for money in cash:
        before = sum(t.principal for t in tranches)
        paid, tranches = waterfall(money, tranches)
        assert sum(p.whole for p in paid) == money
        assert before - sum(p.principal for p in paid) == sum(t.principal for t in tranches)
        assert all(x >= 0 for p in paid for x in (p.interest, p.principal, p.residual))
        short = [n for n, t in enumerate(tranches) if t.owed]
        assert not short or sum(p.principal + p.residual for p in paid) == 0  # no principal while interest is owed


def test_stress_scenarios() -> None:
    """1,000 t at 20 yuan: 20,000 yuan. At 80 % of the price, 90 % of the yield and 10 % default: 16 x 810 = 12,960 yuan."""
    inflows = [Inflow(str(year), "h", 1000 * T, 20 * YUAN) for year in (2025, 2026)]
    tranches = [Tranche("A", 24_000 * YUAN, 500), Tranche("E", 0, 0)]
    bad = Scenario("low", "低", "low", 80, 90, 10, "made up for the test", "project")
    rows = {(r.scenario, r.period, r.tranche): r for s in (BASE, bad) for r in cash_flows(inflows, tranches, s)}
    assert rows["base", "2025", "A"].cash == 20_000 * YUAN
    assert rows["base", "2026", "A"].outstanding == 0
    # base: 1,200 interest, 18,800 repaid; then 260 on 5,200, the rest of 20,000 - 5,460 is E's
    assert rows["base", "2026", "E"].residual == 14_540 * YUAN
    assert rows["low", "2025", "A"].cash == 12_960 * YUAN
    # low: 1,200, 11,760 repaid; then 612 on 12,240 and 12,240: 12,852 of 12,960
    assert rows["low", "2026", "E"].residual == 108 * YUAN


def test_a_scenario_is_a_row_with_its_source() -> None:
    row = {
        "id": "p",
        "zh": "价",
        "en": "price",
        "price": "70",
        "yield": "100",
        "default": "0",
        "source": "合同",
        "status": "project",
    }
    assert read_scenario(row).price == 70
    for wrong in ({"price": "-1"}, {"default": "101"}, {"source": ""}, {"status": "guess"}, {"yield": "x"}):
        refused("scenario", read_scenario, row | wrong)


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    """X has 100 t pledged to Z."""
    made = Hall(tmp_path)
    made.venue.handlers |= pool_handlers()
    made.send("rights.pledge", "approverX", id="p1", account="X", asset=made.asset, quantity=100 * T, creditor="Z")
    return made


def tranches() -> list[dict[str, object]]:
    return [
        {"id": "A", "principal": 3_000 * YUAN, "rate": 400, "holders": [["X", 1], ["Y", 1], ["C", 1]]},
        {"id": "E", "principal": 0, "rate": 0, "holders": [["X", 1]]},
    ]


def test_a_pool_on_the_ledger(hall: Hall) -> None:
    """3,000 yuan at 4 %: 1,000.0001 yuan pay 120 interest and 880.0001 principal in thirds, 1e-4 yuan and the rest of 2 to rounding."""
    refused("pledges", hall.send, "pool.found", "registry0", id="g", trustee="Y", pledges=["p1"], tranches=tranches())
    hall.send("pool.found", "registry0", id="g", trustee="Z", pledges=["p1"], tranches=tranches())
    refused("pledges", hall.send, "pool.found", "registry0", id="g2", trustee="Z", pledges=["p1"], tranches=tranches())
    refused("in_pool", hall.send, "rights.release", "approverZ", id="p1")
    hall.send("rights.cash_in", "bank3", account="pool:g", money=1_000 * YUAN + 1, statement="s")
    told = hall.send("pool.distribute", "bank3", id="g", period="2025").answer
    assert told["paid"][0] == {
        "tranche": "A",
        "interest": str(120 * YUAN),
        "principal": str(880 * YUAN + 1),
        "residual": "0",
    }
    assert told["rounding"] == "2"  # 10,000,001 = 3 x 3,333,333 + 2
    book = hall.venue.book
    assert (book.balance("Y", CASH).value, book.balance("rounding", CASH).value) == (3_333_333, 2)
    refused("period", hall.send, "pool.distribute", "bank3", id="g", period="2025")
    refused("not_repaid", hall.send, "pool.close", "registry0", id="g")
    hall.send("rights.cash_in", "bank3", account="pool:g", money=5_000 * YUAN, statement="s")
    hall.send("pool.distribute", "bank3", id="g", period="2026")
    hall.send("pool.close", "registry0", id="g")
    hall.send("rights.release", "approverZ", id="p1")
    assert book.balance("pool:g", CASH).value == 0
    assert verify_journal((hall.venue.folder / "journal").read_bytes()).sound


def test_bad_pools(hall: Hall) -> None:
    body = {"id": "g", "trustee": "Z", "pledges": ["p1"]}
    refused("tranches", hall.send, "pool.found", "registry0", **body, tranches=[])
    refused("tranches", hall.send, "pool.found", "registry0", **body, tranches=tranches()[:1] * 2)
    for wrong, code in (({"principal": -1}, "principal"), ({"holders": [["nobody", 1]]}, "unknown_account"), ({"holders": [["X", 0]]}, "weight"),
                        ({"holders": []}, "holders")):  # fmt: skip
        refused(code, hall.send, "pool.found", "registry0", **body, tranches=[tranches()[0] | wrong])
    refused("forbidden", hall.send, "pool.found", "traderX", **body, tranches=tranches())
    refused("unknown_pool", hall.send, "pool.distribute", "bank3", id="g", period="1")


def test_no_public_offering(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    """No command offers, lists or trades a tranche; a tranche is no asset; holders above the limit are refused with the clause."""
    assert set(pool_handlers()) == {"pool.found", "pool.distribute", "pool.close"}
    hall.send("pool.found", "registry0", id="g", trustee="Z", pledges=["p1"], tranches=tranches())
    written = list(hall.venue.journal.read())[-1].payload.decode()
    assert f'"do":"{Asset.do}"' not in written and f'"do":"{Lot.do}"' not in written
    assert not [m for r, m in hall.venue.book.records if r == "market" and "pool" in m]
    hall.send("rights.pledge", "approverX", id="p2", account="X", asset=hall.asset, quantity=T, creditor="Z")
    monkeypatch.setattr(securities, "MOST_HOLDERS", 2)
    told = refused(
        "public_offering",
        hall.send,
        "pool.found",
        "registry0",
        id="h",
        trustee="Z",
        pledges=["p2"],
        tranches=tranches(),
    )
    assert "第九条" in told.zh
