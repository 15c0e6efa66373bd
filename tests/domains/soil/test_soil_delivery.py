"""Sediment delivery: worked examples SP-3 and SP-6, hand arithmetic, and every cell form against its method."""

import math

import numpy as np
import pytest

from qingshan.core.cell import CELLS
from qingshan.core.domain import load_domains
from qingshan.core.method import REGISTRY, Choice
from qingshan.domains.soil import delivery

load_domains()
RANGES = {
    "1": (0.01, 30.0),
    "fraction": (0.0, 1.0),
    "%": (0.0, 120.0),
    "rad": (0.0, 6.28),
    "m2": (1.0, 1e8),
    "count": (1.0, 1e5),
}


def draw(unit, low, high, rng, size):
    a, b = RANGES.get(unit, (0.1, 100.0))
    return rng.uniform(max(a, low if low is not None else a), min(b, high if high is not None else b), size)


@pytest.mark.parametrize(
    "name", [n for n in sorted(CELLS) if CELLS[n].function.__module__.endswith("soil.delivery_cells")]
)
def test_a_cell_says_what_its_method_says(name):
    cell, rng = CELLS[name], np.random.default_rng(7)
    method = REGISTRY[cell.method]
    assert not any(isinstance(a, Choice) for a in method.arguments.values())
    assert set(cell.arguments) == set(method.arguments)
    values = {k: draw(q.unit, q.low, q.high, rng, 300) for k, q in method.arguments.items()}
    expected = method(**values)
    found = [cell.function(*(values[a][i] for a in cell.arguments)) for i in range(300)]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


def test_sp3_ls_as_invest_computes_it():
    """spec/spatial.md SP-3: cell 30 m, L capped at 25 (from natcap/invest tests/test_sdr.py)."""
    slope = np.array([1.5, 4, 8, 10, 15])
    cells = np.array([100, 100, 100, 100, 1e7])
    found = delivery.l_invest(cells, 30.0, slope, 25.0) * delivery.s_renard(slope)
    np.testing.assert_allclose(found, [0.253996, 0.657229, 1.345856, 1.776729, 49.802990], rtol=1e-6)


@pytest.mark.parametrize(("length", "expected"), [(30.0, 6000.0), (30 * math.sqrt(2), 8485.281374)])
def test_sp6_way_down_is_in_metres(length, expected):
    """spec/spatial.md SP-6: W 0.1, S 0.05 beside a stream."""
    assert delivery.downslope_component(0.1, 0.05, length, 0.0) == pytest.approx(expected, rel=1e-9)


def test_l_of_a_cell_with_nothing_above_is_the_plot_formula():
    """A = 0: L = D^(2m+2)/(D^(m+2) 22.13^m) = (D/22.13)^m; slope 4 % gives m = 0.4, aspect 0 gives x = 1."""
    found = delivery.l_grid(0.0, 30.0, 4.0, 0.0, 1000.0)
    assert found == pytest.approx((30 / 22.13) ** 0.4)


def test_l_by_hand_and_its_cap():
    """A = 900, D = 30, m = 0.5, aspect 45 degrees: (1800^1.5 - 900^1.5)/(30^2.5 (sqrt 2)^0.5 22.13^0.5)."""
    expected = (1800**1.5 - 900**1.5) / (30**2.5 * math.sqrt(math.sqrt(2)) * math.sqrt(22.13))
    assert delivery.l_grid(900.0, 30.0, 8.0, math.pi / 4, 1000.0) == pytest.approx(expected)
    assert delivery.l_grid(1e9, 30.0, 8.0, math.pi / 4, 122.0) == pytest.approx(math.sqrt(122 / 22.13))


def test_s_has_its_printed_breaks():
    """sin(atan 0.04) = 0.0399680; sin(atan 0.10) = 0.0995037; 30 %: sin = 0.2873479, 16.70 degrees."""
    np.testing.assert_allclose(
        delivery.s_renard(np.array([4.0, 10.0])), [10.8 * 0.0399680 + 0.03, 16.8 * 0.0995037 - 0.5], rtol=1e-5
    )
    assert delivery.s_liu(30.0) == pytest.approx(21.91 * 0.2873479 - 0.96, rel=1e-6)
    assert delivery.s_liu(15.0) == pytest.approx(float(delivery.s_renard(15.0)))


def test_index_and_ratio_by_hand():
    """D_up 100, D_dn 1000: IC = -1; SDR = 0.8/(1 + exp((0.5 + 1)/2)) = 0.8/3.1170000 = 0.2566570."""
    assert delivery.connectivity_index(100.0, 1000.0) == pytest.approx(-1)
    assert delivery.delivery_ratio(-1.0, 0.5, 2.0, 0.8) == pytest.approx(0.8 / (1 + 2.1170000166), rel=1e-9)
    assert np.isnan(delivery.connectivity_index(1.0, 0.0))


def test_trapping_keeps_what_does_not_pass():
    """SDR 0.2, below 0.6: dT = 0.5; inflow 10, own 3: trapped 5, passed 8."""
    share = delivery.trap_share(0.2, 0.6)
    assert share == pytest.approx(0.5)
    assert delivery.trapped(share, 10.0) == pytest.approx(5)
    assert delivery.sediment_passed(share, 3.0, 10.0) == pytest.approx(8)
    assert delivery.trap_share(0.6, 0.2) == 0
    assert delivery.trap_share(1.0, 0.3) == 1


def test_avoided_by_hand():
    """RKLS 50, USLE 5, SDR 0.2, trapped 3: erosion 45, export 45 * 0.2 + 3 = 12."""
    avoided = delivery.avoided_erosion(50.0, 5.0)
    assert avoided == 45
    assert delivery.avoided_export(avoided, 0.2, 3.0) == pytest.approx(12)
