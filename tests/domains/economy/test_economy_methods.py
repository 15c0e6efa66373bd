"""Present values, prices and SEEA arithmetic: gep.md examples GEP-8 and GEP-17, refusal GEP-20."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.core.domain import load_domains
from qingshan.core.errors import OutOfBounds
from qingshan.core.method import REGISTRY
from qingshan.domains.economy.methods import (
    Basis,
    DifferentBasis,
    DifferentReference,
    check_extent,
    check_supply_use,
    growth,
    mean_condition,
)

load_domains()


def present_value(edition, flow, rate, years):
    return REGISTRY[f"economy.present_value@{edition}"].apply(
        {"flow": (flow, "元"), "discount_rate": (rate, "%"), "years": (years, "a")}
    )


def test_gep_8_annuity_due():
    rows = load_domains().parameters()
    rate = rows.find("economy.discount_rate", set="bo2017").value
    years = rows.find("economy.horizon", set="bo2017").value
    assert present_value("annuity_due", 19.10e12, rate, years) / 1e12 == pytest.approx(662.52, abs=0.01)


def test_ordinary_annuity_factor():
    """gep.md GEP-5: 2 %, 100 years, factor 43.098352."""
    assert present_value("annuity_ordinary", 1, 2, 100) == pytest.approx(43.098352, abs=5e-7)


@given(st.floats(0, 1e9), st.floats(0, 30), st.integers(1, 150))
def test_present_values_are_the_printed_sums(flow, rate, years):
    i = np.arange(1, years + 1)
    assert present_value("annuity_due", flow, rate, years) == pytest.approx(
        np.sum(flow / (1 + rate / 100) ** (i - 1)), rel=1e-9
    )
    assert present_value("annuity_ordinary", flow, rate, years) == pytest.approx(
        np.sum(flow / (1 + rate / 100) ** i), rel=1e-9
    )
    one_by_one = REGISTRY["economy.present_value@flows"].apply(
        {"flows": (np.full(years, flow), "元"), "discount_rate": (rate, "%")}
    )
    assert one_by_one == pytest.approx(float(present_value("annuity_ordinary", flow, rate, years)), rel=1e-9)


def test_without_discount_the_value_is_the_sum():
    assert present_value("annuity_due", 5, 0, 20) == 100
    with pytest.raises(OutOfBounds, match="discount rate"):
        present_value("annuity_due", 5, -1, 20)


def test_unequal_flows_for_several_places():
    """100/1.1 + 121/1.21 = 190.909091; 0 + 242/1.21 = 200."""
    got = REGISTRY["economy.present_value@flows"].apply(
        {"flows": ([[100, 121], [0, 242]], "元"), "discount_rate": ([10, 10], "%")}
    )
    assert list(got) == pytest.approx([190.909091, 200], abs=1e-6)


def test_gep_17_prices_and_indices():
    quantity, price = np.array([100, 110]), np.array([2, 2.5])
    value = REGISTRY["gep.value_of_volume@1"]
    current = value.apply({"quantity": (quantity, "m3"), "price": (price, "元/m3")})
    constant = value.apply({"quantity": (quantity, "m3"), "price": (price[0], "元/m3")})
    assert list(current) == [200, 275] and list(constant) == [200, 220]
    index = REGISTRY["economy.quantity_index@laspeyres"].apply(
        {"constant_value": (constant[1], "元"), "base_value": (constant[0], "元")}
    )
    prices = REGISTRY["economy.price_index@implicit"].apply(
        {"current_value": (current[1], "元"), "constant_value": (constant[1], "元")}
    )
    assert index == pytest.approx(1.10, abs=1e-12) and prices == pytest.approx(1.25, abs=1e-12)


def test_an_index_on_nothing_is_missing():
    index = REGISTRY["economy.quantity_index@laspeyres"].apply({"constant_value": (5, "元"), "base_value": (0, "元")})
    assert np.isnan(index)


A = Basis("screening", "gong2017_A", "2010")


def test_growth_inside_one_basis():
    assert growth(200, A, 220, A) == pytest.approx(0.1, abs=1e-12)


def test_gep_20_growth_over_two_alpha_sets_is_refused_and_names_them():
    with pytest.raises(DifferentBasis) as refusal:
        growth(200, A, 220, Basis("screening", "zhao2019_B", "2010"))
    for text in (refusal.value.en, refusal.value.zh):
        assert "gong2017_A" in text and "zhao2019_B" in text and "screening" not in text


@pytest.mark.parametrize(
    ("later", "word"),
    [(Basis("garze2017", "gong2017_A", "2010"), "profile"), (Basis("screening", "gong2017_A", "2011"), "price_base")],
)
def test_growth_over_profiles_or_price_bases_is_refused(later, word):
    with pytest.raises(DifferentBasis, match=word):
        growth(1, A, 2, later)


@pytest.mark.parametrize("earlier", [0, -4])
def test_growth_from_nothing_is_refused(earlier):
    with pytest.raises(OutOfBounds):
        growth(earlier, A, 2, A)


areas = st.floats(0, 1e6)


@given(areas, areas, areas, areas, areas)
def test_extent_closing_is_opening_and_changes(opening, plus, plus_unmanaged, minus, minus_unmanaged):
    closing = REGISTRY["economy.extent_closing@seea_ea"].apply({
        "opening": (opening, "hm2"), "managed_additions": (plus, "hm2"), "unmanaged_additions": (plus_unmanaged, "hm2"),
        "managed_reductions": (minus, "hm2"), "unmanaged_reductions": (minus_unmanaged, "hm2"),
    })  # fmt: skip
    assert closing == pytest.approx(opening + (plus + plus_unmanaged) - (minus + minus_unmanaged), abs=1e-6)


TYPES = ["森林", "草地"]


def test_extent_with_a_closing_matrix_has_no_finding():
    """Forest 60 -> 55 forest and 5 grass; grass 40 -> 2 forest and 38 grass: closing 57 and 43."""
    assert check_extent(TYPES, np.array([60.0, 40]), np.array([57.0, 43]), np.array([[55.0, 5], [2, 38]])) == []


def test_extent_that_grows_and_a_matrix_that_does_not_close():
    found = check_extent(TYPES, np.array([60.0, 40]), np.array([57.0, 44]), np.array([[55.0, 5], [2, 38]]))
    assert [(f.code, f.field) for f in found] == [("extent_total", ""), ("extent_matrix", "草地")]
    assert "100 is not 101" in found[0].en and "column sum" in found[1].en and "变化矩阵列和" in found[1].zh


def test_supply_is_use():
    assert check_supply_use(["水源涵养"], np.array([[3.0, 1]]), np.array([[0.0, 4]])) == []
    found = check_supply_use(["水源涵养", "固碳"], np.array([[3.0, 1], [2, 2]]), np.array([[0.0, 4], [2, 1]]))
    assert [(f.code, f.field, f.level) for f in found] == [("supply_use", "固碳", "error")]


def indicator(ref, variable, low, high):
    return REGISTRY[f"economy.{ref}@seea_ea"].apply(
        {"variable": (variable, "index"), "low_reference": (low, "index"), "high_reference": (high, "index")}
    )


def test_condition_indicator_is_rescaled_clipped_and_flagged():
    """(30 - 20)/(60 - 20) = 0.25; 10 and 70 lie outside and are clipped."""
    np.testing.assert_allclose(indicator("condition_indicator", [30, 10, 70], 20, 60), [0.25, 0, 1])
    np.testing.assert_array_equal(indicator("condition_clipped", [30, 10, 70], 20, 60), [0, 1, 1])


def test_condition_indicator_of_pollution_runs_the_other_way():
    """(35 - 75)/(15 - 75) = 2/3: less is better."""
    assert indicator("condition_indicator", 35, 75, 15) == pytest.approx(2 / 3)


def test_equal_reference_levels_give_no_indicator():
    assert np.isnan(indicator("condition_indicator", 5, 3, 3))


def test_condition_index_weights_must_sum_to_one():
    index = REGISTRY["economy.condition_index@seea_ea"]
    assert index.apply({"indicator": ([0.2, 0.8], "index"), "weight": ([0.25, 0.75], "-")}) == pytest.approx(0.65)
    with pytest.raises(OutOfBounds, match="must be 1"):
        index.apply({"indicator": ([0.2, 0.8], "index"), "weight": ([0.5, 0.75], "-")})


def test_conditions_with_different_references_are_not_averaged():
    assert mean_condition([0.5, 0.8], [10, 30], ["天然林", "天然林"]) == pytest.approx(0.725)
    with pytest.raises(DifferentReference, match="天然林"):
        mean_condition([0.5, 0.8], [10, 30], ["天然林", "草原"])


def test_asset_account_closes():
    """905065 + 0 - 60000 + 0 - 20000 - 6366 - 30000 = 788699."""
    entries = {
        "opening": 905_065, "enhancement": 0, "degradation": 60_000, "conversion_additions": 0,
        "conversion_reductions": 20_000, "other_volume_changes": -6_366, "revaluations": -30_000,
    }  # fmt: skip
    closing = REGISTRY["economy.asset_closing@seea_ea"].apply({k: (v, "元") for k, v in entries.items()})
    assert closing == 788_699
    with pytest.raises(OutOfBounds, match="degradation"):
        REGISTRY["economy.asset_closing@seea_ea"].apply({k: (-abs(v), "元") for k, v in entries.items()})
