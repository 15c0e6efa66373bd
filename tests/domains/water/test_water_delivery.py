"""Nutrient delivery and baseflow: hand arithmetic, exponential integral against scipy, every cell form against its method."""

import math

import numpy as np
import pytest
from scipy.special import exp1

from qingshan.core.cell import CELLS
from qingshan.core.domain import load_domains
from qingshan.core.method import REGISTRY
from qingshan.domains.water import baseflow, nutrient

load_domains()
RANGES = {"1": (0.01, 5.0), "fraction": (0.0, 1.0), "%": (0.0, 120.0), "count": (1.0, 30.0), "class": (0.0, 1.0)}


@pytest.mark.parametrize(
    "name", [n for n in sorted(CELLS) if CELLS[n].function.__module__.endswith("water.delivery_cells")]
)
def test_a_cell_says_what_its_method_says(name):
    cell, rng = CELLS[name], np.random.default_rng(7)
    method = REGISTRY[cell.method]
    assert not cell.left_out(method)
    given = {}
    for k, q in method.arguments.items():
        a, b = RANGES.get(q.unit, (0.1, 300.0))
        low, high = max(a, q.low if q.low is not None else a), max(b, q.low or b)
        given[k] = rng.uniform(low, min(high, q.high if q.high is not None else high), (300, 12) if q.axis else 300)
    expected = method(**given)
    flat = {f"{k}_{m + 1}": v[:, m] for k, v in given.items() if v.ndim == 2 for m in range(12)} | given
    found = [cell.function(*(flat[a][i] for a in cell.arguments)) for i in range(300)]
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_quick_flow_against_the_printed_equation():
    """QF = n [(a - S) e^(-0.2 S/a) + S^2/a e^(0.8 S/a) E1(S/a)] with scipy's E1, mm."""
    rain, events = np.array([5.0, 40, 120, 300, 900]), np.array([2.0, 5, 9, 14, 20])
    for number in (35.0, 60.0, 80.0, 95.0, 99.5):
        a, s = rain / events, 25400 / number - 254
        expected = events * ((a - s) * np.exp(-0.2 * s / a) + s**2 / a * np.exp(0.8 * s / a) * exp1(s / a))
        np.testing.assert_allclose(
            baseflow.quick_flow(rain, events, number), np.maximum(expected, 0), rtol=1e-8, atol=1e-9
        )


def test_quick_flow_at_its_ends():
    assert baseflow.quick_flow(80.0, 4.0, 100.0) == 80  # nothing infiltrates
    assert baseflow.quick_flow(0.0, 4.0, 70.0) == 0
    assert baseflow.quick_flow(10.0, 0.0, 70.0) == 0
    assert 0 <= baseflow.quick_flow(0.5, 10.0, 10.0) < 1e-12
    assert np.isnan(baseflow.quick_flow(np.nan, 4.0, 70.0))


def test_local_recharge_is_the_guides_minimum():
    """One wet, one dry month, ten with neither: P 100, QF 20, PET 30 and P 10, QF 0, PET 60; subsidy 120, alpha 1/12, beta 1.

    AET = min(30, 80 + 10) + min(60, 10 + 10) = 50; L = 110 - 20 - 50 = 40. Passed with gamma 0.5: 20 + 120.
    """
    short = np.zeros(12)
    short[0], short[1] = 30 - (100 - 20), 60 - (10 - 0)
    assert baseflow.local_recharge(short, 1 / 12, 1.0, 120.0) == pytest.approx(40)
    assert baseflow.recharge_passed(short, 1 / 12, 1.0, 0.5, 120.0) == pytest.approx(140)


def test_retention_adds_only_where_the_cover_is_better():
    """eff 0.8, length 60, d 30: s = e^-2.5; below 0.5: 0.5 s + 0.8 (1 - s); a worse cover keeps what is below."""
    s = math.exp(-2.5)
    assert nutrient.retention_on_way(0.8, 60.0, 30.0, 0.5) == pytest.approx(0.5 * s + 0.8 * (1 - s))
    assert nutrient.retention_on_way(0.3, 60.0, 30.0, 0.5) == 0.5
    assert nutrient.retention_on_way(0.8, 0.0, 30.0, 0.0) == pytest.approx(0.8)


def test_delivery_and_export_by_hand():
    """eff' 0.5, IC = IC0: NDR 0.25. Below ground, 150 m of 150 m: 1 - 0.8 (1 - e^-5) = 0.2053903."""
    assert nutrient.nutrient_delivery(0.5, -2.0, -2.0, 2.0) == 0.25
    assert nutrient.subsurface_delivery(150.0, 0.8, 150.0) == pytest.approx(0.2053903, rel=1e-6)
    surface, below = nutrient.surface_export(40.0, 0.25, 0.5), nutrient.subsurface_export(40.0, 0.25, 0.2)
    assert nutrient.nutrient_export(surface, below) == pytest.approx(15 + 2)
    assert nutrient.nutrient_load(40.0, 0.2, 1.0, 1.5) == pytest.approx(48)
    assert nutrient.nutrient_load(40.0, 0.2, 0.0, 1.5) == pytest.approx(60)
