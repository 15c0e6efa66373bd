"""CUSUM beside a published table, the space-time scan beside hand arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qingshan.core.errors import OutOfBounds
from qingshan.observe.alert.clusters import cusum, space_time_scan

# Montgomery & Runger, Applied Statistics and Probability for Engineers, 3rd ed., Example 16-6, Table 16-8: target 99, K = 1, H = 10
X = [
    102.0,
    94.8,
    98.3,
    98.4,
    102.0,
    98.5,
    99.0,
    97.7,
    100.0,
    98.1,
    101.3,
    98.7,
    101.1,
    98.4,
    97.0,
    96.7,
    100.3,
    101.4,
    97.2,
    101.0,
]
HIGH = [2.0, 0, 0, 0, 2.0, 0.5, 0, 0, 0, 0, 1.3, 0, 1.1, 0, 0, 0, 0.3, 1.7, 0, 1.0]
LOW = [0, 3.2, 2.9, 2.5, 0, 0, 0, 0.3, 0, 0, 0, 0, 0, 0, 1.0, 2.3, 0, 0, 0.8, 0]


def test_the_tabular_cusum_of_montgomery_and_runger() -> None:
    found = cusum(X, 99, 1, 10)
    assert found.high == pytest.approx(HIGH, abs=1e-9) and found.low == pytest.approx(LOW, abs=1e-9)
    assert found.alarms_high == found.alarms_low == ()


def test_an_alarm_above_the_interval_and_a_restart_after_it() -> None:
    """0, 0, 3, 3, 3 about 0 with k = 1: 0 0 2 4 6; above 3 at 3 and 4; restarted, the last begins at 0 again: 2."""
    assert cusum([0, 0, 3, 3, 3], 0, 1, 3).alarms_high == (3, 4)
    again = cusum([0, 0, 3, 3, 3], 0, 1, 3, restart=True)
    assert again.alarms_high == (3,) and again.high.tolist() == [0, 0, 2, 4, 2]
    assert cusum([3, math.nan, 3], 0, 1, 3).high.tolist() == [2, 2, 4]
    with pytest.raises(OutOfBounds):
        cusum([1], 0, 1, 0)


def test_the_most_likely_cylinder_by_hand() -> None:
    """Three sites, four weeks; site 0 has 2 0 0 6, the others 2 each week but the last 1: 8 + 7 + 7 = 22 cases.

    Site 0 in the last week: 6 of 8 in that week; expected 8 x 8 / 22 = 2.909; ratio 6 ln(6/2.909) + 16 ln(16/19.091) = 4.3435 - 2.8260 = 1.5175."""
    cases = np.array([[2, 0, 0, 6], [2, 2, 2, 1], [2, 2, 2, 1]])
    lon, lat = np.array([106.0, 106.5, 107.0]), np.array([26.0, 26.0, 26.0])
    found = space_time_scan(cases, lon, lat, radius_km=60, periods=2, draws=99, seed=1)
    assert found is not None and (found.sites, found.first, found.last, found.observed) == ((0,), 3, 3, 6)
    assert found.expected == pytest.approx(64 / 22)
    assert (
        found.llr
        == pytest.approx(6 * math.log(6 * 22 / 64) + 16 * math.log(16 / (22 - 64 / 22)), rel=1e-12)
        == pytest.approx(1.5175, abs=5e-5)
    )
    assert found == space_time_scan(cases, lon, lat, radius_km=60, periods=2, draws=99, seed=1)


def test_a_planted_cluster_is_found_and_even_reports_are_not() -> None:
    lot = np.random.default_rng(3)
    cases = lot.poisson(1, (12, 20))
    lon, lat = 106 + lot.random(12), 26 + lot.random(12)
    quiet = space_time_scan(cases, lon, lat, radius_km=30, periods=3, draws=199, seed=2)
    cases[4, -2:] += 9
    loud = space_time_scan(cases, lon, lat, radius_km=30, periods=3, draws=199, seed=2)
    assert loud is not None and 4 in loud.sites and loud.first == 18 and loud.p == 1 / 200
    assert quiet is None or quiet.p > 0.05


def test_what_the_scan_cannot_work_on() -> None:
    one = np.zeros((2, 3), dtype=int)
    assert space_time_scan(one, np.zeros(2), np.zeros(2), radius_km=1, periods=1) is None
    for cases, lon, periods in ((one - 1, np.zeros(2), 1), (one, np.array([0, np.nan]), 1), (one, np.zeros(2), 4)):
        with pytest.raises(OutOfBounds):
            space_time_scan(cases, lon, np.zeros(2), radius_km=1, periods=periods)
