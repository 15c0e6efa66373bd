"""What must hold of every estimator: scale, order of plots, plots of zeros, no plots, one plot in a stratum."""

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.core.errors import QingshanError
from qingshan.observe import estimate as e
from qingshan.observe.allometry import Rule
from qingshan.observe.carbon import forest_estimate
from qingshan.observe.inventory import Inventory

N = 24
AREAS = e.Design.of_areas([60.0, 30, 10])
STRATA = np.arange(N) % 3
OTHER = np.random.default_rng(1).uniform(5, 25, N)  # an auxiliary, a denominator, an earlier measurement
MANY, MANY_STRATA = np.concatenate([OTHER, OTHER + 3]), np.concatenate([STRATA, STRATA])
ROWS, COLUMNS = np.divmod(np.arange(N), 6)
ESTIMATORS = {
    "simple": lambda y, i: e.simple(y[i], 100.0),
    "stratified": lambda y, i: e.stratified(y[i], STRATA[i], AREAS, 100.0),
    "post-stratified": lambda y, i: e.post_stratified(y[i], STRATA[i], AREAS)[0],
    "ratio": lambda y, i: e.ratio(y[i], OTHER[i], STRATA[i], AREAS),
    "double sampling": lambda y, i: e.double_sampling(y[i], OTHER[i], MANY, STRATA[i], MANY_STRATA, AREAS, 100.0),
    "model-assisted": lambda y, i: e.assisted(y[i], OTHER[i][:, np.newaxis], np.array([14.0]), 100.0),
    "successive differences": lambda y, i: e.systematic(y[i], ROWS[i], COLUMNS[i], 100.0),
    "paired change": lambda y, i: e.paired_change(np.zeros(len(i)), y[i], STRATA[i], AREAS, 100.0),
}
STRATIFIED = ("stratified", "post-stratified", "ratio", "double sampling", "paired change")


@pytest.mark.parametrize("name", ESTIMATORS)
@given(seed=st.integers(0, 2**32 - 1), factor=st.floats(0.01, 100))
def test_scale_and_order_do_not_matter(name, seed, factor):
    """Ten times the wood is ten times the estimate and its error; the order of the plots is none of its business."""
    lot = np.random.default_rng(seed)
    values, kept, mixed = lot.gamma(2, 40, N), np.arange(N), lot.permutation(N)
    plain, scaled, other = (
        ESTIMATORS[name](v, i) for v, i in ((values, kept), (values * factor, kept), (values, mixed))
    )
    assert (scaled.value, scaled.se) == pytest.approx((plain.value * factor, plain.se * factor), rel=1e-8)
    assert (other.value, other.se, other.df) == pytest.approx((plain.value, plain.se, plain.df), rel=1e-8)
    assert plain.se > 0 and plain.interval[0] < plain.value < plain.interval[1]


@pytest.mark.parametrize("name", ESTIMATORS)
def test_plots_of_zeros_give_zero_and_no_relative_error(name):
    got = ESTIMATORS[name](np.zeros(N), np.arange(N))
    record = got.record()
    assert got.value == pytest.approx(0, abs=1e-9) and got.se == pytest.approx(0, abs=1e-9) and got.plots == N
    assert record["df"] == got.df >= 1 and (record["relative_se"] is None or got.value != 0)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("left", [0, 1])
def test_without_plots_there_is_no_variance(name, left):
    with pytest.raises(e.TooFewPlots) as refused:
        ESTIMATORS[name](np.ones(N), np.arange(left))
    assert refused.value.zh != refused.value.en and refused.value.fix


@pytest.mark.parametrize("name", STRATIFIED)
def test_one_plot_in_one_stratum_refuses_and_names_it(name):
    one = np.array([i for i in range(N) if STRATA[i] != 1] + [1])
    with pytest.raises(e.TooFewPlots, match=r"1 strata .*: 2 \(1\)"):
        ESTIMATORS[name](np.ones(N), one)
    everywhere = np.array([0, 1, 2])
    with pytest.raises(e.TooFewPlots, match=r"3 strata .*1 \(1\), 2 \(1\), 3 \(1\)"):
        ESTIMATORS[name](np.ones(N), everywhere)


def test_simple_by_hand():
    # 10, 14, 12, 20: mean 14, squares off the mean 16 0 4 36 = 56, s2 56/3, V = 56/12, on 50 hm2; t of 3 at 90 % 2.353363
    got = e.simple(np.array([10.0, 14, 12, 20]), 50.0)
    assert got.value == 700 and got.variance == pytest.approx(2500 * 56 / 12) and got.df == 3
    assert got.interval[1] - got.value == pytest.approx(2.3533634 * 50 * (56 / 12) ** 0.5, rel=1e-7)


def test_a_pair_knows_more_than_two_samples():
    """Plots that keep their rank: V of the differences is far below the sum of both variances, the change is the same."""
    opening = np.random.default_rng(2).gamma(4, 20, N)
    closing = opening * 1.1 + np.random.default_rng(3).normal(0, 1, N)
    paired = e.paired_change(opening, closing, STRATA, AREAS, 100.0)
    two = [e.stratified(v, STRATA, AREAS, 100.0) for v in (closing, opening)]
    assert paired.value == pytest.approx(two[0].value - two[1].value)
    assert paired.variance < (two[0].variance + two[1].variance) / 20


def test_an_auxiliary_that_explains_halves_the_variance_and_one_that_does_not_adds_none():
    """rho 1: only the second phase's share of s2 is left (n of m: 1/2); rho about 0: all of it stays."""
    plain = e.stratified(3 * OTHER, STRATA, AREAS, 100.0)
    got = ESTIMATORS["double sampling"](3 * OTHER, np.arange(N))
    assert got.variance == pytest.approx(plain.variance / 2, rel=1e-9) and got.df == N - 2 * 3


def tables(rows: int):
    plots = [f"p{i}" for i in range(rows)]
    return {
        "plots": pl.DataFrame(
            {"plot": plots, "stratum": ["12"[i % 2] for i in range(rows)], "area_m2": [600.0] * rows},
            schema={"plot": pl.String, "stratum": pl.String, "area_m2": pl.Float64},
        ),
        "trees": pl.DataFrame(
            {"plot": plots, "tree": ["1"] * rows, "taxon": ["马尾松"] * rows, "d_cm": [20.0] * rows, "h_m": [15.0] * rows},
            schema={"plot": pl.String, "tree": pl.String, "taxon": pl.String, "d_cm": pl.Float64, "h_m": pl.Float64},
        ),
        "strata": pl.DataFrame({"stratum": ["1", "2"], "area_hm2": [60.0, 40.0]}),
    }  # fmt: skip


@pytest.mark.parametrize("rows", [0, 1, 2, 3])
def test_an_inventory_without_two_plots_in_each_stratum_is_refused(rows):
    with pytest.raises(QingshanError) as refused:
        forest_estimate(Inventory.of(tables(rows)), Rule(("anhui2016",), unit_assumed=True))
    assert refused.value.zh != refused.value.en
    assert forest_estimate(Inventory.of(tables(4)), Rule(("anhui2016",), unit_assumed=True)).figure(
        "trees"
    ).value == pytest.approx(100 * 1e4 / 600)


def test_the_order_of_rows_of_all_tables_changes_no_figure():
    made = tables(8)
    made["trees"] = made["trees"].with_columns(d_cm=pl.Series(np.linspace(8, 40, 8)))
    figures = []
    for turned in itertools.product((False, True), repeat=3):
        given_ = {k: t.reverse() if r else t for (k, t), r in zip(made.items(), turned, strict=True)}
        got = forest_estimate(Inventory.of(given_), Rule(("anhui2016",), unit_assumed=True))
        figures.append([(f.value, f.se) for f in (got.figure(w) for w in ("area", "trees", "biomass", "co2"))])
    assert all(np.array(f) == pytest.approx(np.array(figures[0]), rel=1e-12) for f in figures)
