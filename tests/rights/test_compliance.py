"""market.md section 14: M11-M15; the monthly file through QINGSHAN_SHARED."""

from __future__ import annotations

import csv
import os
from datetime import date
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from qingshan.core.errors import DeclarationError, MissingParameter
from qingshan.ledger.amounts import amount
from qingshan.ledger.book import Refused
from qingshan.rights.compliance import (
    carry_over,
    check_surrender,
    energy_purchase,
    offset_limit,
    shortfall,
    surrender_plan,
)
from qingshan.rights.rulesets import RuleSets, builtin_rule_sets, read_rule_set

T = 10**6
MONTHLY = Path(os.environ.get("QINGSHAN_SHARED", "../shared")) / "data" / "market" / "cea_monthly.csv"


def months() -> dict[str, dict[str, str]]:
    if not MONTHLY.is_file():
        pytest.skip("the monthly file of the national market is not here (QINGSHAN_SHARED)")
    with MONTHLY.open(encoding="utf-8") as stream:
        return {r["month"]: r for r in csv.DictReader(stream)}


def test_m11_shortfall_windows() -> None:
    rows = months()

    def window(month: str, kind: str) -> tuple[Fraction, Fraction]:
        return Fraction(rows[month][f"{kind}_amt_cny"]), Fraction(rows[month][f"{kind}_vol_t"])

    windows = {
        "month of the deadline": window("2025-12", "total"),
        "month before": window("2025-11", "total"),
        "listed only": window("2025-12", "listed"),
    }
    found = shortfall(1_000 * T, windows)
    assert [round(float(s.mean_price), 4) for s in found] == [65.4284, 57.7337, 64.7259]
    assert [(round(float(s.lowest) / 1000, 2), round(float(s.highest) / 1000, 2)) for s in found[:2]] == [
        (327.14, 654.28),
        (288.67, 577.34),
    ]
    assert {s.cut for s in found} == {1_000 * T}
    assert len(shortfall(T, windows, "month before")) == 1
    with pytest.raises(Refused):
        shortfall(T, windows, "rolling")


def test_the_calculator_takes_the_shapes_of_other_schemes() -> None:
    """`other_penalties.csv`: a fixed sum (EU, 100 EUR/t), one multiple of a mean (Shenzhen, 3; here a mean of 40), a multiple of a price (California,
    3 + 1; here 30): 1,000 t short are 100,000, 120,000 and 120,000, each one figure."""
    path = MONTHLY.parents[2] / "spec" / "tables" / "market" / "other_penalties.csv"
    if not path.is_file():
        pytest.skip("the shared tables are not here (QINGSHAN_SHARED)")
    with path.open(encoding="utf-8") as stream:
        value = {r["scheme"]: Fraction(r["value"]) for r in csv.DictReader(stream) if r["value"]}
    for priced, times, fine in (
        ((value["EU ETS"], Fraction(1)), Fraction(1), 100_000),
        ((Fraction(4_000), Fraction(100)), value["Shenzhen pilot"], 120_000),
        ((Fraction(30), Fraction(1)), value["California"], 120_000),
    ):
        (found,) = shortfall(1_000 * T, {"w": priced}, "w", (int(times), int(times)))
        assert found.lowest == found.highest == fine and found.cut == 1_000 * T


def test_m12_offsets() -> None:
    assert offset_limit(1_000_003 * T, 5) == 50_000 * T
    with pytest.raises(Refused, match="delivered"):
        check_surrender(1_000_003 * T, 960_000 * T, 50_000 * T, 5)
    check_surrender(1_000_003 * T, 950_003 * T, 50_000 * T, 5)
    with pytest.raises(Refused, match="at most"):
        check_surrender(1_000_003 * T, 0, 50_001 * T, 5)


def test_m13_carry_over() -> None:
    assert carry_over(100_000, 40_000, 500_000) == 160_000
    assert carry_over(100_000, 40_000, 120_000) == 120_000
    with pytest.raises(Refused):
        carry_over(100_000, -10_000, 500_000)
    assert carry_over(100_000, -10_000, 500_000, floor_negative=True) == 100_000
    assert carry_over(100_000, -10_000, 500_000, floor_negative=False) == 85_000


def test_m14_monthly_data() -> None:
    rows = list(months().values())
    assert len(rows) == 61
    volume, money = (sum(Fraction(r[f"total_{k}"]) for r in rows) for k in ("vol_t", "amt_cny"))
    assert (volume, money) == (935_085_312, Fraction("63272357096.58"))
    assert float(sum(Fraction(r["block_vol_t"]) for r in rows) / volume) == pytest.approx(0.77612, abs=1e-5)
    rest = [Fraction(r["total_vol_t"]) - Fraction(r["listed_vol_t"]) - Fraction(r["block_vol_t"]) for r in rows]
    assert (sum(1 for x in rest if x), sum(rest)) == (6, 338_000)
    for k in ("vol_t", "amt_cny"):
        steps = [
            (Fraction(b[f"cum_{k}"]) - Fraction(a[f"cum_{k}"] or a[f"total_{k}"]), Fraction(b[f"total_{k}"]))
            for a, b in pairwise(rows)
        ]
        assert len(steps) == 60 and all(one == two for one, two in steps)


def test_m14_auctions_of_allowances() -> None:
    """Price x volume is the revenue and bids / volume the cover ratio in 11 of 11, by the exchange's own printed columns."""
    found = sorted(MONTHLY.parent.glob("eua_auctions_*.csv"))
    if not found:
        pytest.skip("the shared data are not here")
    with found[0].open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 11
    for r in rows:
        volume, bids = int(r["volume_t"]), int(r["total_bids_t"])
        assert amount(int(Fraction(r["price_eur"]) * 10_000), volume * T) == int(r["revenue_eur"]) * 10_000
        assert round(Fraction(bids, volume), 2) == Fraction(r["cover_ratio"])
    assert (sum(int(r["volume_t"]) for r in rows), sum(int(r["revenue_eur"]) for r in rows)) == (
        31_037_000,
        2_390_628_225,
    )


def test_m15_energy_rights_of_a_new_project() -> None:
    """10,000 tce x 0.3 x 0.9 / 0.6 = 4,500 tce; B of 0.2 is no factor."""
    nine, six = Fraction(9, 10), Fraction(6, 10)
    assert energy_purchase(10_000 * T, Fraction(3, 10), nine, six) == 4_500 * T
    assert energy_purchase(10_000 * T, Fraction(1), nine, six) == 15_000 * T
    for factor in (Fraction(2, 10), Fraction(11, 10), Fraction(0)):
        with pytest.raises(Refused) as told:
            energy_purchase(10_000 * T, factor, nine, six)
        assert told.value.code == "factor"
    for wrong in ((0, nine, six), (T, Fraction(0), six), (T, nine, Fraction(0))):
        with pytest.raises(Refused):
            energy_purchase(wrong[0], Fraction(1, 2), *wrong[1:])


def test_oldest_vintage_first() -> None:
    assert surrender_plan(100, {"2024": 30, "2022": 50}, 40, 5) == {"2022": 50, "2024": 30}
    assert surrender_plan(100 * T, {"2022": 90 * T}, 40 * T, 5) == {"2022": 90 * T, "offsets": 5 * T}


def test_an_open_rule_refuses_by_document() -> None:
    rules = builtin_rule_sets().on("national_like", date(2024, 1, 1))
    assert not rules.has("fee")
    with pytest.raises(MissingParameter) as told:
        rules["fee"]
    assert told.value.document


def test_the_law_of_the_day() -> None:
    old = builtin_rule_sets().on("national_like", date(2024, 1, 1))
    rows = [r | {"value": 5} if r["id"] == "listed_band" else r for r in old.content["rule"]]
    new = read_rule_set({**old.content, "valid_from": date(2025, 1, 1), "rule": rows})
    both = RuleSets([new, old])
    assert [both.on("national_like", d)["listed_band"] for d in (date(2024, 12, 31), date(2025, 1, 1))] == [10, 5]
    assert old.hash != new.hash
    with pytest.raises(Refused):
        both.on("national_like", date(2021, 6, 21))


@pytest.mark.parametrize("change", [{"status": "rumour"}, {"source": ""}, {"status": "open"}])
def test_a_rule_without_source_or_status_is_no_rule(change: dict[str, str]) -> None:
    raw = builtin_rule_sets().on("national_like", date(2024, 1, 1)).content
    with pytest.raises(DeclarationError, match="tick"):
        read_rule_set({**raw, "rule": [r | change if r["id"] == "tick" else r for r in raw["rule"]]})
