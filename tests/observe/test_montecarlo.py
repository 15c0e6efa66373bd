"""Monte Carlo against what can be said by hand; deductions FOR-2 and FOR-12 of forest.md."""

import math

import numpy as np
import polars as pl
import pytest

from qingshan.core.errors import MissingParameter, OutOfBounds, UnknownName
from qingshan.observe.allometry import Rule, evaluate
from qingshan.observe.deduction import deduct, deduct_estimate, deduction_rules
from qingshan.observe.equation import COLUMNS, load_equations
from qingshan.observe.estimate import Estimate, post_stratified
from qingshan.observe.inventory import Inventory
from qingshan.observe.montecarlo import EquationError, Factor, Simulation, Sources, normal_levels, simulate

ROWS = {
    "p.a": {"taxon": "A a", "form": "power_d", "a": "0.1", "b": "2.5", "d_unit": "cm"},
    "p.b": {"taxon": "B b", "form": "power_d2h", "a": "0.03", "b": "0.95", "d_unit": "cm", "h_unit": "m"},
    "p.c": {"taxon": "C c", "form": "polynomial_d", "a": "1", "b": "2", "c": "0.5", "d_unit": "cm"},
}


@pytest.fixture(scope="module")
def equations(tmp_path_factory):
    path = tmp_path_factory.mktemp("eq") / "t.csv"
    common = {
        "set": "p",
        "rank": "species",
        "quantity": "agb",
        "unit": "kg",
        "source_title": "a test",
        "status": "secondary",
    }
    lines = [",".join(COLUMNS)]
    lines += [",".join((common | {"id": i} | r).get(c, "") for c in COLUMNS) for i, r in ROWS.items()]
    path.write_text("\n".join(lines))
    rows, findings = load_equations(path)
    assert findings == []
    return rows


def sample(taxa, plots=40, trees=20, seed=7):
    rng = np.random.default_rng(seed)
    n = plots * trees
    return Inventory.of({
        "plots": pl.DataFrame({"plot": np.arange(plots), "stratum": np.repeat([1, 2], plots // 2), "area_m2": np.full(plots, 500.0)}),
        "trees": pl.DataFrame({
            "plot": np.repeat(np.arange(plots), trees), "tree": np.tile(np.arange(trees), plots), "taxon": rng.choice(taxa, n),
            "d_cm": rng.uniform(8, 30, n), "h_m": rng.uniform(6, 20, n),
        }),
        "strata": pl.DataFrame({"stratum": [1, 2], "area_hm2": [60.0, 40.0]}),
    }).used()  # fmt: skip


def run(equations, sources, taxa=("A a",), draws=2000, seed=1):
    inventory = sample(list(taxa))
    amounts = evaluate(
        inventory.trees.taxon, inventory.trees.d_cm, inventory.trees.h_m, Rule(("p",)), equations=equations
    )
    (design,) = post_stratified(inventory.per_plot(amounts.value), inventory.plots.stratum, inventory.design)
    return simulate(inventory, amounts, sources, draws=draws, seed=seed), design, inventory, amounts


def test_nothing_uncertain_is_the_estimate_itself(equations):
    got, design, _, _ = run(equations, Sources(sampling=False), tuple(r["taxon"] for r in ROWS.values()), draws=5)
    assert got.totals == pytest.approx(np.full(5, design.value), rel=1e-12) and got.central == pytest.approx(
        design.value
    )
    assert set(got.shares.values()) == {0.0}


def test_sampling_alone_is_the_design_variance(equations):
    got, design, _, _ = run(equations, Sources(), draws=20_000)
    assert got.se == pytest.approx(design.se, rel=0.02) and got.parts["sampling"] == pytest.approx(design.variance)
    assert got.shares["sampling"] == pytest.approx(1, abs=0.04)


def test_a_factor_alone(equations):
    got, design, _, _ = run(
        equations, Sources(sampling=False, factors={"carbon_fraction": Factor(0.47, 0.02)}), draws=20_000
    )
    assert got.central == pytest.approx(design.value * 0.47) and got.se == pytest.approx(design.value * 0.02, rel=0.02)


def test_one_draw_per_species_does_not_average_out_over_trees(equations):
    got, design, _, _ = run(
        equations, Sources(sampling=False, equations={"p.a": EquationError(relative=0.1)}), draws=2500
    )
    assert got.se == pytest.approx(0.1 * design.value, rel=0.06) and got.mean == pytest.approx(design.value, rel=0.01)
    assert got.shares["allometry"] == pytest.approx(1)


def test_errors_of_measurement_do_average_out(equations):
    got, _, inventory, amounts = run(equations, Sources(sampling=False, d=0.05), draws=2000)
    # W = a D^b: each tree varies by b*0.05 = 0.125 in its logarithm; the total by the root of the sum of squares
    weight = np.where(inventory.plots.stratum == 0, 60, 40)[inventory.trees.plot] / 20 * inventory.trees.expansion
    by_hand = math.sqrt(((weight * amounts.value) ** 2).sum()) * 0.125
    assert got.se == pytest.approx(by_hand, rel=0.06)
    assert math.sqrt(got.parts["measurement"]) == pytest.approx(by_hand, rel=1e-6)


def test_a_covariance_of_coefficients_by_the_delta_method(equations):
    covariance = np.array([[1e-5, -4e-5], [-4e-5, 4e-4]])
    error = {"p.a": EquationError(covariance=covariance)}
    got, design, inventory, amounts = run(equations, Sources(sampling=False, equations=error), draws=2500)
    weight = np.where(inventory.plots.stratum == 0, 60, 40)[inventory.trees.plot] / 20 * inventory.trees.expansion
    slope = np.array([design.value / 0.1, (weight * amounts.value * np.log(inventory.trees.d_cm)).sum()])
    assert got.se == pytest.approx(math.sqrt(slope @ covariance @ slope), rel=0.07)


def test_a_posterior_is_drawn_whole(equations):
    posterior = np.array([[0.1, 2.5], [0.12, 2.4]])
    got, design, _, _ = run(
        equations, Sources(sampling=False, equations={"p.a": EquationError(posterior=posterior)}), draws=50
    )
    assert len(np.unique(np.round(got.totals, 3))) == 2
    assert np.isclose(got.totals, design.value, rtol=1e-9).any()


def test_an_equation_that_is_no_power_law_is_drawn_too(equations):
    error = {"p.c": EquationError(relative=0.1)}
    got, design, _, _ = run(equations, Sources(sampling=False, equations=error, d=0.02), ("C c",), draws=1500)
    assert got.se == pytest.approx(0.1 * design.value, rel=0.08)


def test_areas(equations):
    got, design, _, _ = run(equations, Sources(sampling=False, area=0.03), draws=2500)
    assert got.se == pytest.approx(0.03 * design.value, rel=0.06) and got.shares["area"] == pytest.approx(1, abs=0.12)


def test_all_together_and_the_seed(equations):
    everything = Sources(
        equations={f"p.{x}": EquationError(relative=0.1) for x in "abc"}, d=0.02, h=0.05, factors={"carbon_fraction": Factor(0.47, 0.01)}
    )  # fmt: skip
    taxa = tuple(r["taxon"] for r in ROWS.values())
    first, second, other = (run(equations, everything, taxa, draws=1000, seed=s)[0] for s in (5, 5, 6))
    assert first.totals.tobytes() == second.totals.tobytes() != other.totals.tobytes()
    assert sum(first.shares.values()) == pytest.approx(1) and abs(first.shares["interplay"]) < 0.15
    assert first.shares["allometry"] > first.shares["carbon_fraction"] > first.shares["measurement"]
    low, high = first.interval(0.9)
    assert low < first.mean < high


def test_errors_that_do_not_fit_are_refused(equations):
    with pytest.raises(OutOfBounds, match="2 coefficients"):
        run(equations, Sources(equations={"p.a": EquationError(covariance=np.eye(3))}), draws=3)
    with pytest.raises(OutOfBounds, match="too wide"):
        run(equations, Sources(equations={"p.a": EquationError(covariance=np.eye(2))}), draws=50)
    with pytest.raises(OutOfBounds, match="no spread"):
        run(equations, Sources(), draws=1)


def test_the_levels_are_a_unit_normal():
    z = normal_levels()
    assert (
        z.mean() == pytest.approx(0, abs=1e-12)
        and z.std() == pytest.approx(1)
        and (z**4).mean() == pytest.approx(3, abs=0.05)
    )


def test_zero_spread_has_no_shares():
    assert Simulation(np.array([1.0, 1.0]), 1.0, {"a": 0.0}, 0).shares == {"a": 0.0}


def test_for_2_and_the_steps_of_the_tool():
    assert deduct(60, 0.15, "ar_tool14").value == pytest.approx(57.75, abs=1e-9)  # 25 % of 9, the bound belongs below
    assert deduct(60, 0.15, "ar_tool14", baseline=True).value == pytest.approx(62.25, abs=1e-9)
    shares = [deduct(1, u, "ar_tool14").share / u for u in (0.1, 0.1001, 0.2, 0.3, 0.31, 2)]
    assert shares == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1])
    assert deduct(60, 0.0, "ar_tool14").value == 60


def test_for_4_discounted_change():
    after = deduct(2000, 0.58, "ar_tool14")
    assert after.value == pytest.approx(840, abs=1e-9) and after.step.discount == 1


def test_for_12_gs403():
    assert [deduct(250, e, "gs403").value for e in (0.30, 0.20)] == [pytest.approx(225, abs=1e-9), 250]
    with pytest.raises(OutOfBounds, match="baseline"):
        deduct(250, 0.3, "gs403", baseline=True)


def test_open_and_unknown_rules_refuse():
    with pytest.raises(MissingParameter, match="CCER-14-001-V01"):
        deduct(1, 0.05, "ccer_14_001")
    with pytest.raises(UnknownName):
        deduct(1, 0.05, "none")
    with pytest.raises(OutOfBounds, match="relative error"):
        deduct(0, math.nan, "ar_tool14")


def test_a_rule_takes_the_half_width_at_its_own_confidence():
    # df 9: t is 1.833113 at 90 % and 2.262157 at 95 %; se 8 % of the value: 14.66 % (25 % of it) against 18.1 % (50 %)
    for confidence in (0.90, 0.95):
        got = deduct_estimate(Estimate(100.0, 64.0, 9, 10, confidence), "ar_tool14")
        assert got.value == pytest.approx(100 - 0.25 * 1.8331129 * 8, rel=1e-6)
    assert {s.confidence for steps in deduction_rules().values() for s in steps if s.status != "open"} == {0.9}
