"""Draws of parameters: their shape, what they do to figures, what drives the variance. Expected values are of the distributions."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from qingshan.accounts.montecarlo import Distribution, distributions_of, draw, first_order
from qingshan.accounts.run import Run, run_account
from qingshan.core.errors import DeclarationError, QingshanError
from qingshan.core.parameter import parse_row
from qingshan.faces.cli import main
from qingshan.zone.zone import open_zone

from .conftest import make_cells

PRICES = """
[[distribution]]
parameter = "tiny.reservoir_cost"
kind = "uniform"
values = [5, 7]
source = "synthetic"
status = "project"
[[distribution]]
parameter = "tiny.dredging_cost"
kind = "uniform"
values = [0, 210]
source = "synthetic"
status = "project"
"""
COVER = """
[[distribution]]
parameter = "tiny.cover_factor"
class = "31"
kind = "uniform"
values = [0.1, 0.3]
source = "synthetic"
status = "project"
"""
ROW = parse_row({"parameter": "p", "value": "1", "unit": "1", "source_title": "x", "status": "primary"}, "t", 1)


def of(kind: str, values: list[float], weights: list[float] | None = None) -> Distribution:
    return Distribution(ROW, kind, tuple(values), tuple(weights or [1.0] * len(values)), "x", "")


@pytest.fixture(scope="module")
def priced(cells_home, tmp_path_factory) -> Path:
    return make_cells(tmp_path_factory.mktemp("prices") / "zone", more=PRICES)


@pytest.fixture(scope="module")
def prices(priced) -> Run:
    return run_account(open_zone(priced), period="2020", draws=2000, seed=7)


def record(run: Run, quantity: str, place: str = "1", cls: str = "") -> dict:
    return next(
        r for r in run.uncertainty[1:] if (r["quantity"], r["place"], r.get("cls", "")) == (quantity, place, cls)
    )


@pytest.mark.parametrize(
    ("kind", "values", "mean", "sd"),
    [
        ("uniform", [2, 8], 5, 6 / math.sqrt(12)),
        ("triangular", [1, 2, 6], 3, math.sqrt((1 + 4 + 36 - 2 - 6 - 12) / 18)),
        ("normal", [10, 2], 10, 2),
        ("lognormal", [10, math.e**0.5], 10 * math.exp(0.125), 10 * math.exp(0.125) * math.sqrt(math.exp(0.25) - 1)),
        ("discrete", [1, 5], 3, 2),
    ],
)
def test_draws_have_the_moments_of_their_distribution(kind, values, mean, sd):
    """Within five standard errors of the mean of 20,000 draws, and 5 % of the deviation."""
    x = draw(of(kind, values), 20_000, 3)
    assert x.mean() == pytest.approx(mean, abs=5 * sd / math.sqrt(20_000)) and x.std() == pytest.approx(sd, rel=0.05)


def test_weights_of_a_discrete_set():
    x = draw(of("discrete", [1, 2], [1, 3]), 20_000, 1)
    assert np.mean(x == 2) == pytest.approx(0.75, abs=0.02)


def test_first_order_indices_of_a_linear_sum():
    """Y = 3 X1 + 4 X2 of equal variances: 9/25 and 16/25; a third input has none."""
    rng = np.random.default_rng(1)
    a, b, c = rng.random((3, 5000))
    y = 3 * a + 4 * b
    assert [first_order(x, y) for x in (a, b, c)] == pytest.approx([0.36, 0.64, 0], abs=0.03)


def test_a_price_moves_its_value_in_proportion(prices):
    """89,200 m3 at 5 to 7 元: mean 535,200, sd 89,200 x 2/sqrt(12), quantiles 5.1, 6, 6.9."""
    found = record(prices, "gep.water_retention_value")
    assert found["mean"] == pytest.approx(535_200, rel=0.01) and found["sd"] == pytest.approx(
        89_200 * 2 / math.sqrt(12), rel=0.03
    )
    assert [found[p] / 89_200 for p in ("p5", "p50", "p95")] == pytest.approx([5.1, 6, 6.9], abs=0.05)
    assert found["shares"] == {"tiny.reservoir_cost[2020]": {"oat": 1.0, "first": pytest.approx(1, abs=0.01)}}
    assert not any(r["quantity"] == "gep.water_retention" for r in prices.uncertainty[1:])


def test_one_draw_is_shared_by_all_places(prices):
    """Perfectly correlated: standard deviations of the parts add up to that of the whole."""
    whole, west, east = (record(prices, "gep.water_retention_value", p)["sd"] for p in ("1", "11", "12"))
    assert west + east == pytest.approx(whole, rel=1e-9)


def test_shares_of_variance(prices):
    """Variances (89,200 x 2)^2/12 and (798 x 210)^2/12 of the accounted sum."""
    water, silt = (89_200 * 2) ** 2, (798 * 210) ** 2
    shares = record(prices, "gep.accounted_services")["shares"]
    for kind in ("oat", "first"):
        assert shares["tiny.reservoir_cost[2020]"][kind] == pytest.approx(water / (water + silt), abs=0.05)
        assert shares["tiny.dredging_cost[2020]"][kind] == pytest.approx(silt / (water + silt), abs=0.05)


def test_the_same_seed_gives_the_same_bytes(prices, priced, tmp_path, monkeypatch):
    other = run_account(open_zone(priced), period="2020", draws=2000, seed=8)
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))
    again = run_account(open_zone(priced), period="2020", draws=2000, seed=7)
    mine, theirs = ((r.path / "uncertainty.jsonl").read_bytes() for r in (prices, other))
    assert (again.path / "uncertainty.jsonl").read_bytes() == mine != theirs


def test_a_parameter_inside_cells_runs_the_sheet_again(cells_home, tmp_path):
    """East arable land keeps 9 x 150 x (1 - C) t: every draw of C, exactly."""
    zone = open_zone(make_cells(tmp_path / "zone", more=COVER))
    run = run_account(zone, period="2020", draws=20, seed=1)
    (distribution,) = distributions_of(run.zone, run.parameters)
    silt = 0.2 * 1350 * (1 - draw(distribution, 20, 1))
    found = record(run, "gep.silt_reduction", "12", "arable")
    assert [found["mean"], found["p50"]] == pytest.approx([silt.mean(), np.median(silt)], rel=1e-12)
    assert record(run, "gep.silt_reduction")["mean"] == pytest.approx(
        silt.mean() + 0.2 * (1188 + 855 + 297 + 570), rel=1e-12
    )


def test_nothing_declared_is_not_assessed(cells_folder, capsys):
    assert main(["run", "gep", "--zone", str(cells_folder), "--year", "2020", "--draws", "50"]) == 0
    assert "uncertainty: not assessed" in capsys.readouterr().out


def test_the_verb_prints_the_interval_and_its_drivers(priced, capsys):
    assert main(["run", "gep", "--zone", str(priced), "--year", "2020", "--draws", "100", "--seed", "3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["runs"][0]["uncertainty"]
    assert told["status"] == "assessed" and set(told["accounted"]["shares"]) == {
        "tiny.dredging_cost[2020]",
        "tiny.reservoir_cost[2020]",
    }


@pytest.mark.parametrize(
    "wrong",
    ['kind = "uniform"\nvalues = [7, 5]', 'kind = "normal"\nvalues = [7]', 'kind = "gamma"\nvalues = [1, 2]', 'kind = "discrete"\nvalues = [1]',
     'class = "oak"\nkind = "uniform"\nvalues = [1, 2]'],
)  # fmt: skip
def test_a_distribution_that_cannot_be_is_refused(cells_home, tmp_path, wrong):
    more = f'[[distribution]]\nparameter = "tiny.reservoir_cost"\nsource = "synthetic"\n{wrong}\n'
    zone = open_zone(make_cells(tmp_path / "zone", more=more))
    with pytest.raises(DeclarationError):
        run_account(zone, period="2020", draws=50)


def test_draws_beyond_the_limits_of_a_method_are_named(cells_home, tmp_path):
    zone = open_zone(make_cells(tmp_path / "zone", more=PRICES.replace("[5, 7]", "[-5, 7]")))
    with pytest.raises(QingshanError, match="must be >= 0"):
        run_account(zone, period="2020", draws=50)


def test_too_many_cells_are_refused(cells_home, tmp_path, monkeypatch):
    monkeypatch.setattr("qingshan.accounts.montecarlo.MOST_CELLS", 1000)
    zone = open_zone(make_cells(tmp_path / "zone", more=COVER))
    with pytest.raises(QingshanError, match="enter inside cells"):
        run_account(zone, period="2020", draws=30)
