"""Estimators: the worked examples of forest.md, hand arithmetic, and what must not change an estimate."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.core.domain import load_domains
from qingshan.core.errors import OutOfBounds
from qingshan.observe import estimate as e

REGISTRY = load_domains().registry
FOR_3 = np.array([100.0, 120, 110, 50, 70, 60, 60])
STRATA_3 = np.array([0, 0, 0, 1, 1, 1, 1])
DESIGN_3 = e.Design.of_areas([60, 40])


def method(name, **given):
    return float(REGISTRY[f"forest.{name}"].apply(given))


def test_for_1_half_width_of_the_tool():
    u = e.Estimate(45.328, 12.776**2 / 34, 33, 34).error
    assert u * 100 == pytest.approx(8.1805, abs=0.0005)


def test_for_3_stratified():
    got = e.stratified(FOR_3, STRATA_3, DESIGN_3)
    assert got.value == pytest.approx(90, rel=1e-12) and got.df == 5
    assert got.se == pytest.approx(3.829708, rel=1e-5) and got.error * 100 == pytest.approx(8.57450, rel=1e-5)
    stock = method(
        "stock@ar_tool14", biomass=(got.value, "t dm/hm2"), area=(100, "hm2"), carbon_fraction=(0.47, "t C/t dm")
    )
    assert stock == pytest.approx(15_510, rel=1e-5)


def test_for_4_independent_change():
    co2 = "t CO2e"
    u = method("change_error@independent", opening=(10_000, co2), closing=(12_000, co2), opening_error=(0.08, "fraction"),
               closing_error=(0.07, "fraction"))  # fmt: skip
    assert u == pytest.approx(0.58, abs=1e-9)
    same = {
        "opening": (10_000, co2),
        "closing": (10_000, co2),
        "opening_error": (0.1, "-"),
        "closing_error": (0.1, "-"),
    }
    assert math.isnan(method("change_error@independent", **same))


def test_for_5_paired_plots():
    before = np.array([50.0, 60, 70, 80, 90])
    after = before + np.array([12, 8, 10, 14, 6])
    got = e.paired_change(before, after, np.zeros(5, dtype=int), e.Design.of_areas([1]))
    assert got.value == pytest.approx(10) and got.variance * 5 == pytest.approx(10)
    assert got.error == pytest.approx(0.3014887, abs=1e-6)


def test_for_6_number_of_plots():
    n = method(
        "number_of_plots@sourcebook", size=([600, 400], "count"), deviation=([20, 10], "-"), error=(9, "-"), t=(2, "-")
    )
    assert n == pytest.approx(12.4696, abs=1e-4) and math.ceil(n) == 13


def test_for_7_double_sampling():
    mean = method(
        "regression_mean@ar_tool14", mean=(100, "-"), slope=(2, "-"), auxiliary_all=(30, "-"), auxiliary_sub=(28, "-")
    )
    variance = method("regression_variance@ar_tool14", variance=(400, "-"), alpha=(0.25, "-"), correlation=(0.8, "-"))
    assert (mean, variance) == (pytest.approx(104, abs=1e-9), pytest.approx(208, abs=1e-9))


def test_double_sampling_by_hand():
    # y = 2x exactly: rho 1, so the variance left is alpha s^2 = (4/8) * s_y^2; mean x of the first phase is 4.5, of the sub 2.5
    x_all = np.arange(1.0, 9)
    x, y = x_all[:4], 2 * x_all[:4]
    got = e.double_sampling(y, x, x_all, np.zeros(4, dtype=int), np.zeros(8, dtype=int), e.Design.of_areas([1]))
    assert got.value == pytest.approx(9) and got.df == 2
    assert got.variance == pytest.approx(0.5 * np.var(y, ddof=1) / 4)


def test_for_8_crown_cover_and_for_9_shrubs():
    common = {"forest_biomass": (100, "t dm/hm2"), "carbon_fraction": (0.47, "t C/t dm")}
    crown = method(
        "crown_cover_stock@ar_tool14", **common, root_shoot=(0.25, "-"), cover=(0.15, "-"), area=(200, "hm2")
    )
    assert crown == pytest.approx(6462.5, abs=1e-6)
    shrubs = {"share": (0.10, "-"), "limit": (0.05, "-"), "root_shoot": (0.40, "-"), "area": (50, "hm2")}
    assert method("shrub_stock@ar_tool14", **common, **shrubs, cover=(0.4, "-")) == pytest.approx(482.5333, abs=1e-4)
    assert method("shrub_stock@ar_tool14", **common, **shrubs, cover=(0.049, "-")) == 0


def test_for_10_root_function():
    r = [method("root_shoot@ar_tool14", above_ground=(b, "t dm/hm2")) for b in (100, 50, 0)]
    assert r[:2] == [pytest.approx(0.239878038, abs=1e-8), pytest.approx(0.252573114, abs=1e-8)] and math.isnan(r[2])


def test_for_11_slope_and_nests():
    area = method("plot_area@ellipse", radius=(20, "m"), slope=(25, "degree"))
    assert area / 1e4 == pytest.approx(0.11389, abs=1e-5)
    flat = [method("plot_area@ellipse", radius=(r, "m"), slope=(0, "degree")) for r in (4, 14, 20)]
    assert [method("expansion@area", area=(a, "m2")) for a in flat] == [
        pytest.approx(198.9, abs=0.05), pytest.approx(16.2, abs=0.05), pytest.approx(8.0, abs=0.05)
    ]  # fmt: skip


def test_update_and_annual_change():
    # sqrt((0.1*100)^2 + (0.2*50)^2)/150 = sqrt(200)/150
    u = method(
        "update_error@ar_tool14",
        opening=(100, "t CO2e"),
        change=(50, "t CO2e"),
        opening_error=(0.1, "-"),
        change_error=(0.2, "-"),
    )
    assert u == pytest.approx(math.sqrt(200) / 150)
    assert method("annual_change@ar_tool14", change=(10, "t CO2e"), years=(2.5, "a")) == pytest.approx(4)


def test_post_stratified_by_hand():
    # one unit of 100 hm2, W .6/.4, n 3/4, s2 100 and 66.6667, v = 33.3333 and 16.6667; n 7
    # V = 100^2/7 [.6*3*33.3333 + .4*4*16.6667 + .4*(3/7)*33.3333 + .6*(4/7)*16.6667]
    inside, between = 60 + 26.666667, 5.714286 + 5.714286
    (got,) = e.post_stratified(FOR_3, STRATA_3, DESIGN_3)
    assert got.value == pytest.approx(9000) and got.df == 5
    assert got.variance == pytest.approx(1e4 / 7 * (inside + between), rel=1e-6)


def test_units_of_different_numbers_of_strata_add_up():
    design = e.Design(np.array([0.6, 0.4, 1.0]), np.array([0, 0, 1]), np.array([100.0, 50.0]), ("a", "b", "c"))
    second = np.array([10.0, 14, 12])
    (both,) = e.post_stratified(np.concatenate([FOR_3, second]), np.concatenate([STRATA_3, [2, 2, 2]]), design)
    (first,) = e.post_stratified(FOR_3, STRATA_3, DESIGN_3)
    assert both.value == pytest.approx(first.value + 50 * 12)
    assert both.variance == pytest.approx(first.variance + 2500 * 4 / 3)
    assert both.df == 10 - 3


def test_a_ratio_of_a_variable_to_itself_has_no_variance():
    got = e.ratio(FOR_3 * 3, FOR_3, STRATA_3, DESIGN_3)
    assert got.value == pytest.approx(3) and got.se == pytest.approx(0, abs=1e-7)


def test_ratio_by_hand():
    # simple sample of 3: y 2 4 6, x 1 2 6; R = 4/3; residuals y - Rx: 2/3, 4/3, -2; var = sum d^2/(n(n-1))/xbar^2
    got = e.ratio(np.array([2.0, 4, 6]), np.array([1.0, 2, 6]), np.zeros(3, dtype=int), e.Design.of_areas([1]))
    assert got.value == pytest.approx(4 / 3)
    assert got.variance == pytest.approx((4 / 9 + 16 / 9 + 4) / 6 / 9)


def test_assisted_by_hand():
    # y = 1, 3, 5, 9 on x = 0, 1, 2, 3: slope 2.6, intercept 0.6; residuals .4 -.2 -.8 .6, sum of squares 1.2; df 2
    got = e.assisted(np.array([1.0, 3, 5, 9]), np.array([[0.0], [1], [2], [3]]), np.array([2.0]), area=10)
    assert got.value == pytest.approx(10 * (0.6 + 2.6 * 2)) and got.df == 2
    assert got.variance == pytest.approx(100 * 1.2 / (4 * 2))
    with pytest.raises(e.TooFewPlots):
        e.assisted(np.array([1.0, 3]), np.array([[0.0], [1]]), np.array([2.0]))
    with pytest.raises(OutOfBounds, match="depend"):
        e.assisted(np.array([1.0, 3, 5, 9]), np.ones((4, 1)), np.array([1.0]))


def test_successive_differences_by_hand():
    # rows forth and back: 1 2 | 5 4 read as 1 2 4 5: differences 1 2 1, V = 6/(2*4*3)
    got = e.systematic(np.array([1.0, 2, 5, 4]), np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    assert got.variance == pytest.approx(6 / 24) and got.value == 3
    trend = np.arange(100.0)
    rows = np.zeros(100)
    assert e.systematic(trend, rows, trend).se < e.simple(trend).se / 10


def test_one_plot_in_a_stratum_refuses_the_variance_and_names_it():
    with pytest.raises(e.TooFewPlots, match=r"2 \(1\)"):
        e.stratified(FOR_3[:4], STRATA_3[:4], DESIGN_3)
    with pytest.raises(e.TooFewPlots, match="degrees"):
        _ = e.Estimate(1, 1, 0, 2).interval
    merged, new = DESIGN_3.merged({"2": "1"})
    got = e.stratified(FOR_3[:4], new[STRATA_3[:4]], merged)
    assert merged.names == ("1",) and got.value == pytest.approx(95)


def test_weights_and_areas_are_checked():
    with pytest.raises(OutOfBounds, match="sum to"):
        e.Design(np.array([0.5, 0.4]), np.zeros(2, dtype=int), np.array([1.0]), ("a", "b"))
    with pytest.raises(OutOfBounds, match="area"):
        e.Design(np.array([1.0]), np.zeros(1, dtype=int), np.array([-1.0]), ("a",))


def test_no_trees_at_all_is_zero_with_no_relative_error():
    got = e.stratified(np.zeros(7), STRATA_3, DESIGN_3)
    assert got.value == 0 and got.se == 0 and math.isnan(got.error) and got.record()["relative_se"] is None


@given(seed=st.integers(0, 2**32 - 1), factor=st.floats(0.01, 100))
def test_scale_and_order_do_not_matter(seed, factor):
    rng = np.random.default_rng(seed)
    stratum = np.concatenate([np.repeat(np.arange(4), 2), rng.integers(0, 4, 30)])
    values = rng.gamma(2, 40, len(stratum))
    design = e.Design(np.array([0.2, 0.8, 0.5, 0.5]), np.array([0, 0, 1, 1]), np.array([30.0, 70.0]), tuple("abcd"))
    (plain,) = e.post_stratified(values, stratum, design)
    mixed = rng.permutation(len(values))
    (other,) = e.post_stratified(values[mixed] * factor, stratum[mixed], design)
    assert other.value == pytest.approx(plain.value * factor, rel=1e-10)
    assert other.se == pytest.approx(plain.se * factor, rel=1e-9)
