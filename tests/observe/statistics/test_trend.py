"""The seasonal Kendall test by hand and beside scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mstats

from qingshan.core.errors import OutOfBounds
from qingshan.observe.statistics.trend import seasonal_kendall


def test_two_seasons_by_hand() -> None:
    """Season 1: 1 2 3 4, S = 6; season 2: 4 3 3 1 has signs - - - 0 - - = -5 (one tie). S = 1; variances 4 x 3 x 13 / 18 = 8.667 and, with the tie,
    (156 - 2 x 1 x 9) / 18 = 7.667; 16.333; z = 0. Slopes: six of +1; -1 -0.5 -1 0 -1 -2: the median of the twelve is 0.5."""
    found = seasonal_kendall(np.array([[1, 4], [2, 3], [3, 3], [4, 1.0]]))
    assert found.s == 1 and found.variance == pytest.approx(138 / 18 + 156 / 18) and found.z == 0 and found.p == 1
    assert found.slope == pytest.approx(0.5) and found.word == "none" and found.n == 8


def test_a_rise_in_every_season() -> None:
    years = np.arange(10)[:, None]
    found = seasonal_kendall(years * 2.0 + np.array([[0, 10, 5, 20]]))
    # S = 4 x 45; variance 4 x 10 x 9 x 25 / 18 = 500; z = 179 / sqrt(500) = 8.005
    assert (found.s, found.variance) == (180, pytest.approx(500)) and found.z == pytest.approx(179 / 500**0.5)
    assert found.tau == 1 and found.slope == 2 and found.word == "rising"
    assert seasonal_kendall(-years * np.ones((1, 4))).word == "falling"


@pytest.mark.parametrize("seed", range(8))
def test_it_equals_scipy_without_missing_values(seed: int) -> None:
    lot = np.random.default_rng(seed)
    values = np.round(lot.normal(0, 1, (9, 4)) + np.arange(9)[:, None] * 0.15, 1)  # rounded: with ties
    ours, theirs = seasonal_kendall(values), mstats.kendalltau_seasonal(np.ma.array(values))
    assert ours.p == pytest.approx(float(theirs["global p-value (indep)"]), rel=1e-9)
    assert ours.p_dependent == pytest.approx(float(theirs["global p-value (dep)"]), rel=1e-9)
    slopes, overall = mstats.sen_seasonal_slopes(np.ma.array(values))
    assert ours.slope == pytest.approx(float(np.ma.median(overall)) if np.ndim(overall) else float(overall), rel=1e-9)
    assert len(slopes) == 4


def test_missing_values_are_left_out_and_order_of_seasons_does_not_matter() -> None:
    lot = np.random.default_rng(1)
    values = lot.normal(0, 1, (12, 6))
    values[lot.random((12, 6)) < 0.2] = np.nan
    found = seasonal_kendall(values)
    assert found.n == int((~np.isnan(values)).sum())
    again = seasonal_kendall(values[:, ::-1])
    assert (again.s, again.slope) == (found.s, found.slope) and again.variance_dependent == pytest.approx(
        found.variance_dependent
    )
    full = values[:, 0][~np.isnan(values[:, 0])][:, None]
    assert seasonal_kendall(full).s == seasonal_kendall(values[:, :1]).s
    with pytest.raises(OutOfBounds):
        seasonal_kendall(np.full((3, 2), np.nan))
