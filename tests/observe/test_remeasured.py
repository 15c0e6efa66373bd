"""Change on plots measured twice: differences, differences of double samples, and when two samples are all there is."""

import math

import numpy as np
import polars as pl
import pytest

from qingshan.observe import estimate as e
from qingshan.observe.estimator import ESTIMATORS, Estimator, estimator_of
from qingshan.observe.inventory import Inventory
from qingshan.observe.remeasured import change_of, independent, same_plots

HALF = math.sqrt(0.75)
U, V, W = (HALF * np.array(x) for x in ([1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]))
"""Three samples of four with mean 0, sample variance 1 and no correlation."""
OPENING = 100 + 20 * (0.8 * U + 0.6 * V)
"""FOR-7: mean 100, s2 400, auxiliary 28 + 8 U, so beta 2, rho .8; 4 of 16 plots, the auxiliary of all 30: total 104, variance 52."""


def inventory(values, auxiliary, mean_all, plots="abcd", more=12, stratum="s") -> Inventory:
    """FOR-7's tables: one tree a plot that stands for `values` trees per hm2 on 1 hm2; `more` plots of the first phase only, so that
    the auxiliary has the mean `mean_all`."""
    names, n = list(plots), len(plots)
    rest = [f"q{i}" for i in range(more)]
    other = np.full(more, ((n + more) * mean_all - np.sum(auxiliary)) / more)
    return Inventory.of({
        "plots": pl.DataFrame({"plot": names, "stratum": [stratum] * n, "grid_row": range(n), "grid_column": [0] * n}),
        "trees": pl.DataFrame({"plot": names, "tree": ["1"] * n, "taxon": ["马尾松"] * n, "d_cm": [20.0] * n, "expansion": values}),
        "strata": pl.DataFrame({"stratum": [stratum], "area_hm2": [1.0]}),
        "first_phase": pl.DataFrame({"plot": [*rest, *names], "stratum": [stratum] * (n + more), "cover": np.concatenate([other, auxiliary])}),
    }).used()  # fmt: skip


def change(opening: Inventory, closing: Inventory, name="double_sampling"):
    auxiliary = "cover" if name == "double_sampling" else ""
    before, after = (estimator_of(i, name, auxiliary) for i in (opening, closing))
    at = same_plots(opening, closing, before, after)
    return change_of(before, after, opening.per_plot(), closing.per_plot(), at, 0.9, "株")


def test_one_auxiliary_for_both_times_is_equation_19_of_the_differences():
    """Differences of mean 10, s2 16 and rho .6, so beta_d = .6*4/8 = .3: 10 + .3*(30-28), and 16*(1 - .75*.36)/4."""
    cover = 28 + 8 * U
    got, how = change(inventory(OPENING, cover, 30), inventory(OPENING + 10 + 4 * (0.6 * U + 0.8 * V), cover, 30))
    assert how == "paired_regression" and got.value == pytest.approx(10.6, rel=1e-12)
    assert got.variance == pytest.approx(2.92, rel=1e-12) and (got.df, got.plots) == (2, 4)


def test_an_auxiliary_read_again_leaves_what_both_regressions_leave():
    """Opening 104 as FOR-7, residuals 12 V. Closing: auxiliary 5 + 2 W, beta 6, of all 6: 130 + 6*(6-5) = 136, residuals 16 V. So the change is
    32; the differences are 30 + 12 W + 4 V - 16 U with s2 416, their residuals 4 V with s2 16: (.25*416 + .75*16)/4."""
    opening = inventory(OPENING, 28 + 8 * U, 30)
    closing = inventory(130 + 20 * (0.6 * W + 0.8 * V), 5 + 2 * W, 6)
    got, how = change(opening, closing)
    assert how == "paired_regression" and got.value == pytest.approx(32, rel=1e-12)
    assert got.variance == pytest.approx(29, rel=1e-12) and got.df == 1  # 4 plots less a mean and two slopes
    order = [2, 0, 3, 1]
    shuffled = inventory(closing.per_plot()[order], (5 + 2 * W)[order], 6, "cadb")
    again, _ = change(opening, shuffled)
    assert (again.value, again.variance) == (pytest.approx(32), pytest.approx(29))


def test_other_plots_or_another_first_phase_are_two_samples():
    opening = inventory(OPENING, 28 + 8 * U, 30)
    same = inventory(OPENING + 10, 28 + 8 * U, 30)
    assert change(opening, same)[0].variance == pytest.approx(0, abs=1e-9)
    for closing in (
        inventory(OPENING + 10, 28 + 8 * U, 30, plots="abce"),
        inventory(OPENING + 10, 28 + 8 * U, 30, more=28),
        inventory(OPENING + 10, 28 + 8 * U, 30, stratum="other"),
    ):
        got, how = change(opening, closing)
        alpha = 4 / len(closing.first_phase.stratum)
        assert how == "independent" and got.value == pytest.approx(10)
        assert got.variance == pytest.approx(52 + 400 * (1 - (1 - alpha) * 0.64) / 4) and got.df == 2


def counted(values) -> Inventory:
    """A census of the same hm2: one plot of all its trees, `values` in number."""
    return Inventory.of({
        "plots": pl.DataFrame({"plot": ["whole"], "stratum": ["s"], "area_m2": [1e4]}),
        "trees": pl.DataFrame({"plot": ["whole"] * values, "tree": [str(i) for i in range(values)], "taxon": ["马尾松"] * values,
                               "d_cm": [20.0] * values}),
        "strata": pl.DataFrame({"stratum": ["s"], "area_hm2": [1.0], "census": [True]}),
    }).used()  # fmt: skip


def test_a_census_and_a_sample_have_the_error_and_the_freedom_of_the_sample():
    """Sample: 100 trees of s2 400 on 4 plots, so variance 400/4 = 100, se 10, df 3; t.95 of 3 is 2.353363 (its table). Census: 150 trees."""
    sample, census = inventory(OPENING, 28 + 8 * U, 30), counted(150)
    for opening, closing, value in ((sample, census, 50), (census, sample, -50)):
        got, how = change(opening, closing, "stratified")
        assert how == "independent" and not got.census and got.df == 3
        assert got.value == pytest.approx(value) and got.variance == pytest.approx(100)
        assert got.half_width == pytest.approx(23.53363, rel=1e-6) and got.error == pytest.approx(0.4706726, rel=1e-6)
    both = independent(e.Estimate(100, 0, 0, 1, census=True), e.Estimate(150, 0, 0, 1, census=True))
    assert both.census and both.interval == (50, 50) and both.error == 0
    two = independent(e.Estimate(100, 400, 12, 15), e.Estimate(150, 500, 7, 9))
    assert (two.variance, two.df, two.plots, two.census) == (900, 7, 24, False)


def test_totals_that_were_estimated_are_not_estimated_again(monkeypatch):
    """Of both phases and of two samples; the change is the same to the last digit."""
    opening, same = inventory(OPENING, 28 + 8 * U, 30), inventory(OPENING + 10 * V, 28 + 8 * U, 30)
    for closing in (same, inventory(OPENING + 10 * V, 28 + 8 * U, 30, plots="abce")):
        before, after = (estimator_of(i, "double_sampling", "cover") for i in (opening, closing))
        values = opening.per_plot(), closing.per_plot()
        at = same_plots(opening, closing, before, after)
        anew = change_of(before, after, *values, at, 0.9, "株")
        known = before.totals(values[0], 0.9, "株")[0], after.totals(values[1], 0.9, "株")[0]
        with monkeypatch.context() as patch:
            patch.delattr(Estimator, "totals")
            assert change_of(before, after, *values, at, 0.9, "株", known) == anew


def test_three_plots_carry_one_slope_but_not_two():
    first, x, grown = (np.array(v) for v in ([90.0, 100, 113], [20.0, 30, 40], [3.0, 5, 4]))
    opening = inventory(first, x, 30, "abc")
    got, how = change(opening, inventory(first + grown, x, 30, "abc"))
    assert how == "paired_regression" and got.df == 1
    got, how = change(opening, inventory(first + grown, x + np.array([1.0, 0, 2]), 31, "abc"))
    assert how == "independent" and got.df == 1


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_change_is_closing_less_opening(name):
    opening, closing = (
        inventory(OPENING, 28 + 8 * U, 30),
        inventory(OPENING * 1.2 + 4 * V, 25 + 8 * U + 3 * W, 27),
    )
    got, how = change(opening, closing, name)
    assert how == ("paired_regression" if name == "double_sampling" else "paired")
    values = [
        estimator_of(i, name, "cover" if name == "double_sampling" else "").totals(i.per_plot())[0].value
        for i in (opening, closing)
    ]
    assert got.value == pytest.approx(values[1] - values[0], rel=1e-12)
    assert change(opening, opening, name)[0].variance == pytest.approx(0, abs=1e-9)


def test_the_variance_is_what_repeated_sampling_shows():
    """400 double samples, 40 of 160 of a population of 4 000: the mean of the stated variances is that of the changes (found: 0.99), while
    adding both variances says 25 times as much."""
    lot = np.random.default_rng(11)
    x1 = lot.uniform(0, 1, 4000)
    x2 = np.clip(x1 + lot.normal(0.05, 0.1, 4000), 0, 1)
    site = lot.normal(0, 20, 4000)
    y1 = 60 * x1 + site
    y2 = 70 * x2 + site + lot.normal(10, 5, 4000)
    design = e.Design.of_areas([1.0])
    made = []
    for _ in range(400):
        many = lot.choice(4000, 160, replace=False)
        few, zeros = many[:40], np.zeros(40, dtype=np.int64)
        before, after = (
            Estimator("double_sampling", design, zeros, second=x[few], first=x[many], first_stratum=np.zeros(160, dtype=np.int64))
            for x in (x1, x2)
        )  # fmt: skip
        found, _ = change_of(before, after, y1[few], y2[few], np.arange(40), 0.9, "")
        apart, _ = change_of(before, after, y1[few], y2[few], None, 0.9, "")
        made.append((found.value, found.variance, apart.variance))
    value, variance, apart = np.array(made).T
    assert variance.mean() / value.var(ddof=1) == pytest.approx(1, abs=0.15)
    assert apart.mean() > 15 * value.var(ddof=1)
    assert value.mean() == pytest.approx(float((y2 - y1).mean()), abs=0.3)
