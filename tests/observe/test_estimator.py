"""Estimators as an inventory declares them: double sampling through its tables, and what each is on the same plots."""

import itertools
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from qingshan.core.errors import DeclarationError, OutOfBounds, QingshanError, UnknownName
from qingshan.observe import estimate as e
from qingshan.observe.estimator import ESTIMATORS, estimator_of
from qingshan.observe.inventory import FaultyInventory, Inventory, read_inventory
from qingshan.observe.montecarlo import Sources, simulate

HALF = math.sqrt(0.75)
U, V = HALF * np.array([1, 1, -1, -1]), HALF * np.array([1, -1, 1, -1])
"""Two samples of four with mean 0, sample variance 1 and no correlation."""
FIRST = 28 + 8 * U
VALUES = 100 + 20 * (0.8 * U + 0.6 * V)
"""FOR-7: mean 100, s2 400, x mean 28, s_x 8, rho .8, so beta = .8*20/8 = 2; 4 of 16 plots, mean x of all 30."""
REST = np.full(12, (16 * 30 - 4 * 28) / 12)


def tables() -> dict[str, pl.DataFrame]:
    """One tree a plot that stands for VALUES trees per hm2, on 1 hm2."""
    plots = [f"p{i}" for i in range(4)]
    return {
        "plots": pl.DataFrame({"plot": plots, "stratum": ["s"] * 4, "grid_row": [0, 0, 1, 1], "grid_column": [0, 1, 0, 1]}),
        "trees": pl.DataFrame({"plot": plots, "tree": ["1"] * 4, "taxon": ["马尾松"] * 4, "d_cm": [20.0] * 4, "expansion": VALUES}),
        "strata": pl.DataFrame({"stratum": ["s"], "area_hm2": [1.0]}),
        "first_phase": pl.DataFrame({"plot": [*plots, *(f"q{i}" for i in range(12))], "stratum": ["s"] * 16,
                                     "cover": np.concatenate([FIRST, REST])}),
    }  # fmt: skip


def test_for_7_double_sampling_from_the_tables_of_an_inventory():
    inventory = Inventory.of(tables()).used()
    of = estimator_of(inventory, "double_sampling", "cover")
    (got,) = of.totals(inventory.per_plot())
    assert got.value == pytest.approx(104, rel=1e-12)
    assert got.variance == pytest.approx(208 / 4, rel=1e-12) and got.df == 2
    line = of.regression(inventory.per_plot())
    assert (line.slope[0], line.correlation[0]) == (pytest.approx(2), pytest.approx(0.8))
    assert (line.first_mean[0], line.second_mean[0], line.plain[0]) == (pytest.approx(30), pytest.approx(28), pytest.approx(100))  # fmt: skip


def test_what_each_estimator_says_of_the_same_plots():
    """s2 400, n 4, no strata: V 400/4 of all three; along the grid u + 0.6/0.8 v turns at each step."""
    inventory = Inventory.of(tables()).used()
    values = inventory.per_plot()
    got = {
        n: estimator_of(inventory, n, "cover" if n == "double_sampling" else "").totals(values)[0] for n in ESTIMATORS
    }
    for name in ("post_stratified", "stratified", "simple"):
        assert got[name].value == pytest.approx(100) and got[name].variance == pytest.approx(100) and got[name].df == 3
    y = np.array([VALUES[0], VALUES[1], VALUES[3], VALUES[2]])  # rows forth and back
    assert got["systematic"].value == pytest.approx(100)
    assert got["systematic"].variance == pytest.approx(sum((b - a) ** 2 for a, b in itertools.pairwise(y)) / 24)


def many() -> Inventory:
    """Two units of two strata each, ten plots a stratum, three times as many in the first phase."""
    lot = np.random.default_rng(3)
    names = [f"p{i}" for i in range(40)]
    unit, stratum = np.repeat(["u", "v"], 20), np.tile(np.repeat(["a", "b"], 10), 2)
    cover = lot.uniform(0, 1, 120)
    return Inventory.of({
        "plots": pl.DataFrame({"plot": names, "unit": unit, "stratum": stratum, "grid_row": np.arange(40) // 8, "grid_column": np.arange(40) % 8,
                               "origin": lot.choice(["natural", "planted"], 40)}),
        "trees": pl.DataFrame({"plot": names, "tree": ["1"] * 40, "taxon": ["马尾松"] * 40, "d_cm": [20.0] * 40,
                               "expansion": 500 * cover[:40] + lot.uniform(0, 90, 40)}),
        "strata": pl.DataFrame({"unit": ["u", "u", "v", "v"], "stratum": ["a", "b", "a", "b"], "area_hm2": [60.0, 40, 10, 90]}),
        "first_phase": pl.DataFrame({"plot": [*names, *(f"q{i}" for i in range(80))], "unit": np.tile(unit, 3), "stratum": np.tile(stratum, 3),
                                     "cover": cover}),
    }).used()  # fmt: skip


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_is_linear_in_the_plots(name):
    """Domains add up to the whole, each plot stands for its share, and a unit of twice the area adds its total once more."""
    inventory = many()
    of = estimator_of(inventory, name, "cover" if name == "double_sampling" else "")
    values = inventory.per_plot()
    whole = of.totals(values)[0]
    origin = inventory.plots.table["origin"].to_numpy() == "natural"
    parts = of.totals(np.stack([np.where(origin, values, 0), np.where(origin, 0, values)]))
    assert sum(p.value for p in parts) == pytest.approx(whole.value, rel=1e-12)
    assert (of.shares * values).sum() == pytest.approx(whole.value, rel=1e-12)
    assert of.shares.sum() == pytest.approx(200, rel=1e-12)
    if of.by_stratum:
        units = [of.with_areas(1 + np.eye(2)[u]).totals(values)[0].value - whole.value for u in range(2)]
        assert sum(units) == pytest.approx(whole.value, rel=1e-12)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_ratio_is_that_of_the_totals_and_one_to_itself_is_certain(name):
    inventory = many()
    of = estimator_of(inventory, name, "cover" if name == "double_sampling" else "")
    values = inventory.per_plot()
    other = values + np.random.default_rng(5).uniform(0, 50, len(values))
    got, itself = of.ratio(values, other), of.ratio(3 * values, values)
    top, bottom = of.totals(np.stack([values, other]))
    assert got.value == pytest.approx(top.value / bottom.value) and got.se > 0
    assert itself.value == pytest.approx(3) and itself.se == pytest.approx(0, abs=1e-6)


def test_a_ratio_of_a_stratified_sample_is_the_printed_formula():
    """[V_y + R2 V_x - 2 R Cov]/X2 with V of the stratified mean, the covariance likewise."""
    inventory = many()
    of = estimator_of(inventory, "stratified")
    y = inventory.per_plot()
    x = y + np.random.default_rng(5).uniform(0, 50, len(y))
    got = of.ratio(y, x)
    area = of.flat.weight * 200
    cov = np.array([np.cov(y[of.stratum == h], x[of.stratum == h]) for h in range(4)])
    vy, vx, c = (float((area**2 * cov[:, i, j] / 10).sum()) for i, j in ((0, 0), (1, 1), (0, 1)))
    total = float(sum(area[h] * x[of.stratum == h].mean() for h in range(4)))
    assert got.variance == pytest.approx((vy + got.value**2 * vx - 2 * got.value * c) / total**2, rel=1e-9)


def test_an_auxiliary_that_explains_helps():
    inventory = many()
    values = inventory.per_plot()
    alone = estimator_of(inventory, "stratified").totals(values)[0]
    helped = estimator_of(inventory, "double_sampling", "cover").totals(values)[0]
    assert helped.variance < 0.6 * alone.variance and helped.df == 40 - 2 * 4


def test_draws_keep_the_estimator():
    from qingshan.observe.allometry import Rule, evaluate  # noqa: PLC0415

    made = tables()
    made["trees"] = made["trees"].with_columns(h_m=pl.lit(15.0))
    inventory = Inventory.of(made).used()
    t = inventory.trees
    amounts = evaluate(t.taxon, t.d_cm, t.h_m, Rule(("anhui2016",), unit_assumed=True), "agb")
    of = estimator_of(inventory, "double_sampling", "cover")
    done = simulate(inventory, amounts, Sources(d=0.05), draws=400, seed=1, estimator=of)
    kg = float(amounts.value[0])
    assert done.central == pytest.approx(104 * kg, rel=1e-9)
    assert done.parts["sampling"] == pytest.approx(52 * kg**2, rel=1e-9)
    # by hand: 0.9551*2 and so on times the parts of the tree give d ln W/d ln D; plots stand for `shares` of the 1 hm2
    parts = [(0.0337, 0.9551), (0.036, 0.7948), (0.0016, 1.1007)]
    slope = sum(2 * b * a * 6000**b for a, b in parts) / kg
    assert done.parts["measurement"] == pytest.approx(
        float(((of.shares * VALUES * kg * slope * 0.05) ** 2).sum()), rel=1e-6
    )


FAULTS = {
    "stranger": (lambda t: t.filter(pl.col("plot") != "p1"), "plots.csv:3", "not_in_first_phase"),
    "header only": (lambda t: t.clear(), "plots.csv:2", "not_in_first_phase"),
    "twice": (lambda t: pl.concat([t, t.head(1)]), "first_phase.csv:18", "duplicate_plot"),
    "stratum": (lambda t: t.with_columns(stratum=pl.lit("x")), "first_phase.csv:2", "plot_outside_strata"),
}


@pytest.mark.parametrize("case", FAULTS.values(), ids=list(FAULTS))
def test_a_faulty_first_phase_is_named_by_row(case):
    spoil, where, code = case
    inventory = Inventory.of(tables() | {"first_phase": spoil(tables()["first_phase"])})
    assert code in {f.code for f in inventory.findings if f.level == "error"}
    with pytest.raises(FaultyInventory):
        inventory.used()
    assert any(f.where().startswith(where) for f in inventory.findings)


def test_another_stratum_in_the_first_phase_is_an_error():
    made = tables()
    made["strata"] = pl.DataFrame({"stratum": ["s", "t"], "area_hm2": [1.0, 1.0]})
    made["first_phase"] = made["first_phase"].with_columns(stratum=pl.Series(["t"] + ["s"] * 15))
    assert "other_stratum" in {f.code for f in Inventory.of(made).findings}


BAD = {
    "no table": (lambda t: {k: v for k, v in t.items() if k != "first_phase"}, "double_sampling", "cover", DeclarationError, "first_phase"),
    "no column": (lambda t: t, "double_sampling", "height", UnknownName, "cover"),
    "column unsaid": (lambda t: t, "double_sampling", "", UnknownName, "cover"),
    "gap": (lambda t: t | {"first_phase": t["first_phase"].with_columns(cover=pl.lit(None, pl.Float64))}, "double_sampling", "cover", OutOfBounds, "16"),
    "auxiliary of another": (lambda t: t, "stratified", "cover", DeclarationError, "auxiliary"),
    "unknown": (lambda t: t, "best", "", UnknownName, "post_stratified"),
    "no grid": (lambda t: t | {"plots": t["plots"].drop("grid_row")}, "systematic", "", UnknownName, "grid_row"),
    "hole in the grid": (lambda t: t | {"plots": t["plots"].with_columns(grid_row=pl.lit("?"))}, "systematic", "", OutOfBounds, "plots.csv:2"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD.values(), ids=list(BAD))
def test_a_declaration_that_the_tables_do_not_carry_is_refused(case):
    spoil, name, column, error, said = case
    with pytest.raises(error) as refused:
        estimator_of(Inventory.of(spoil(tables())), name, column)
    wrong = refused.value
    assert (
        isinstance(wrong, QingshanError)
        and wrong.zh != str(wrong.en)
        and said in f"{wrong.en} {wrong.where} {wrong.fix}"
    )


def test_two_plots_on_a_line_say_nothing_of_the_line():
    with pytest.raises(e.TooFewPlots, match="fewer than three"):
        e.double_sampling(VALUES[:2], FIRST[:2], FIRST, np.zeros(2, int), np.zeros(4, int), e.Design.of_areas([1]))


def test_a_census_is_no_sample():
    made = {
        "plots": pl.DataFrame({"plot": ["p"], "stratum": ["s"], "area_m2": [10_000.0]}),
        "trees": pl.DataFrame({"plot": ["p"], "tree": ["1"], "taxon": ["马尾松"], "d_cm": [20.0]}),
        "strata": pl.DataFrame({"stratum": ["s"], "area_hm2": [1.0], "census": [True]}),
    }
    with pytest.raises(OutOfBounds, match="census"):
        estimator_of(Inventory.of(made), "simple")


def test_the_first_phase_is_read_from_a_folder(tmp_path: Path):
    for name, table in tables().items():
        table.write_csv(tmp_path / f"{name}.csv")
    inventory = read_inventory(tmp_path).used()
    assert estimator_of(inventory, "double_sampling", "cover").totals(inventory.per_plot())[0].value == pytest.approx(
        104
    )
