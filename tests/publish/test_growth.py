"""Change between years and the price indices (gep.md section 4; GEP-17, GEP-20)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qingshan.accounts.run import ACCOUNTED, Run
from qingshan.core.errors import RefusedRelease, UnknownName
from qingshan.publish.gather import gather
from qingshan.publish.growth import growth
from qingshan.publish.release import period_of

COUNTY = "900000"
Account = Callable[[str], Run]
YEARS = {"period_a": "2020", "period_b": "2021"}


def test_gep_17_current_constant_and_both_indices(account_of: Account) -> None:
    """Q 100 -> 110, P 2 -> 2.5: current 200 -> 275, constant 200 -> 220, quantity index 1.10, price index 1.25."""
    account = gather(account_of("mini_reservoir"), COUNTY, period_of(account_of("mini_reservoir")))
    sums = {row.basis: {p: f.value for p, f in row.cells.items()} for row in account.series if row.line is None}
    assert sums == {"current": {"2020": 200.0, "2021": 275.0}, "constant-2020": {"2020": 200.0, "2021": 220.0}}
    indices = {index.kind: index.values for index in account.indices}
    assert indices["quantity"] == pytest.approx({"2020": 1.0, "2021": 1.10}, abs=1e-12)
    assert indices["price"] == pytest.approx({"2020": 1.0, "2021": 1.25}, abs=1e-12)


def test_growth_inside_one_profile_parameter_set_and_price_base(account_of: Account) -> None:
    run = account_of("mini_official")
    volume = growth(run, run, "gep.flood_reservoir", COUNTY, **YEARS)
    assert (volume.change, volume.ratio, volume.unit) == (pytest.approx(10), pytest.approx(1.10), "m3")
    money = growth(run, run, "gep.flood_reservoir_value", COUNTY, basis="constant-2020", **YEARS)
    assert (money.change, money.ratio) == (pytest.approx(20), pytest.approx(1.10))


def test_gep_20_growth_across_parameter_sets_is_refused_and_names_them(account_of: Account) -> None:
    with pytest.raises(RefusedRelease) as refused:
        growth(account_of("mini_official"), account_of("mini_other"), "gep.pest_control_value", COUNTY, **YEARS)
    text = "\n".join(refused.value.reasons)
    assert "forest.pest_control_value" in text and "mini and other" in text
    assert "mini_official" in text and "mini_other" in text  # a set is named by a profile, so the profiles differ too


def test_growth_at_current_prices_is_refused_and_names_the_price_years(account_of: Account) -> None:
    run = account_of("mini_official")
    with pytest.raises(RefusedRelease) as refused:
        growth(run, run, "gep.flood_reservoir_value", COUNTY, basis="current", **YEARS)
    assert "2.0 元/m3 (2020)" in refused.value.en and "2.5 元/m3 (2021)" in refused.value.en


def test_growth_of_the_sum_needs_the_same_services(account_of: Account) -> None:
    run = account_of("mini_official")
    sums = growth(run, run, ACCOUNTED, COUNTY, basis="constant-2020", **YEARS)
    # 2020: 100 x 2 + 6000 x 300 + 2500 x 100; 2021: 110 x 2 + 6100 x 300 + 2300 x 100
    assert sums.earlier.value == pytest.approx(2_050_200, rel=1e-12)
    assert sums.later.value == pytest.approx(2_060_220, rel=1e-12)
    with pytest.raises(RefusedRelease, match="profiles differ"):
        growth(run, account_of("mini_reservoir"), ACCOUNTED, COUNTY, basis="constant-2020", **YEARS)


def test_growth_of_an_unknown_quantity_says_which_there_are(account_of: Account) -> None:
    run = account_of("mini_official")
    with pytest.raises(UnknownName, match=r"gep\.flood_reservoir"):
        growth(run, run, "gep.nonsense", COUNTY, **YEARS)
