"""Rating curves of loads: exact where the curve is the truth, the smearing factor by hand, what is refused."""

import numpy as np
import pytest

from qingshan.core.errors import OutOfBounds
from qingshan.observe.estimate import TooFewPlots
from qingshan.observe.load import fit_rating

RNG = np.random.default_rng(4)
FLOW, YEAR = RNG.lognormal(1, 0.6, 40), 2020 + RNG.uniform(0, 3, 40)


@pytest.mark.parametrize("model", ["flow", "flow2", "season", "trend"])
def test_a_curve_of_its_own_kind_comes_out_exactly(model):
    load = 3 * FLOW**1.4
    if model in ("season", "trend"):
        load = load * np.exp(0.2 * np.sin(2 * np.pi * YEAR))
    if model == "trend":
        load = load * np.exp(-0.1 * (YEAR - 2020))
    got = fit_rating(FLOW, load, YEAR, model)
    assert got.loads(FLOW, YEAR) == pytest.approx(load, rel=1e-9) and got.smearing == pytest.approx(1)
    assert got.r2 == pytest.approx(1) and got.s == pytest.approx(0, abs=1e-9)


def test_smearing_by_hand():
    # flows 1 1 e e, ln loads -1 1 0 2: slope 1, residuals -1 1 -1 1, mean of exp = cosh 1
    flow = np.array([1, 1, np.e, np.e])
    got = fit_rating(flow, np.exp([-1.0, 1, 0, 2]), np.full(4, 2020.5), "flow")
    assert got.smearing == pytest.approx(np.cosh(1)) and got.s == pytest.approx(np.sqrt(2))
    assert got.loads(np.array([1.0]), np.array([2020.5]))[0] == pytest.approx(np.cosh(1))


def test_flows_beyond_the_samples_are_told():
    got = fit_rating(FLOW, FLOW, YEAR, "flow")
    assert got.outside(np.array([FLOW.min() / 2, FLOW.mean(), FLOW.max() * 2])).tolist() == [True, False, True]


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(OutOfBounds, match="above 0"):
        fit_rating(np.array([0.0, 1, 2, 3, 4]), np.ones(5), np.zeros(5), "flow")
    with pytest.raises(OutOfBounds, match="no rating model"):
        fit_rating(FLOW, FLOW, YEAR, "magic")
    with pytest.raises(TooFewPlots):
        fit_rating(FLOW[:6], FLOW[:6], YEAR[:6], "season")
