"""Urban cooling methods: values by hand from the guide's equations; every cell form equals its method."""

import numpy as np
import pytest

from qingshan.core.cell import CELLS
from qingshan.core.domain import load_domains
from qingshan.core.errors import OutOfBounds
from qingshan.core.method import REGISTRY
from qingshan.domains.climate import cooling

load_domains()
OURS = [
    "climate.evapotranspiration_index@invest_guide", "climate.cooling_capacity@invest_guide",
    "climate.cooling_capacity@invest_guide_night", "climate.heat_mitigation@invest_guide", "climate.air_temperature@invest_guide",
    "climate.temperature_reduction@invest_guide",
]  # fmt: skip


def test_evapotranspiration_index():
    """1.0 x 850 mm over 1000 mm; a maximum of 0 has no index."""
    assert cooling.evapotranspiration_index(1.0, 850.0, 1000.0) == pytest.approx(0.85)
    assert np.isnan(cooling.evapotranspiration_index(1.0, 850.0, 0.0))


def test_cooling_capacity_by_day_and_night():
    """0.6 x 0.9 + 0.2 x 0.14 + 0.2 x 0.85 = 0.54 + 0.028 + 0.17; 1 - 0.7."""
    assert cooling.cooling_capacity(0.9, 0.14, 0.85, 0.6, 0.2, 0.2) == pytest.approx(0.738)
    assert cooling.cooling_capacity_night(0.7) == pytest.approx(0.3)


def test_park_decay():
    """1 at the park, 1/e at the cooling distance; a distance of 0 keeps the cell alone."""
    np.testing.assert_allclose(cooling.park_decay(np.array([0.0, 450.0]), 450.0), [1, 0.36787944])
    assert cooling.park_decay(np.array([0.0, 30.0]), 0.0).tolist() == [1, 0]


def test_heat_mitigation_takes_the_park_only_where_it_is_large_and_better():
    capacity, park, area = (
        np.array([0.5, 0.2, 0.2, np.nan]),
        np.array([0.4, 0.4, 0.4, 0.4]),
        np.array([3.0, 3.0, 1.9, 3.0]),
    )
    np.testing.assert_array_equal(cooling.heat_mitigation(capacity, park, area, 2.0), [0.5, 0.4, 0.2, np.nan])


def test_air_temperature_and_reduction():
    """24 + (1 - 0.75) 4 = 25; 24 + 4 - 25 = 3."""
    assert cooling.air_temperature(0.75, 24.0, 4.0) == 25.0
    assert cooling.temperature_reduction(25.0, 24.0, 4.0) == 3.0


def test_units_are_checked_at_the_door():
    """A heat island of 4 K stays 4; a shade of 90 % becomes 0.9; 1.2 is refused."""
    given = {"mitigation": (0.75, "1"), "reference_temperature": (297.15, "K"), "heat_island": (4.0, "K")}
    assert float(cooling.air_temperature.apply(given)) == pytest.approx(25.0)
    weights = {"shade_weight": (0.6, "1"), "albedo_weight": (0.2, "1"), "et_weight": (0.2, "1")}
    shaded = {"shade": (90.0, "%"), "albedo": (0.14, "1"), "evapotranspiration_index": (0.85, "1"), **weights}
    assert float(cooling.cooling_capacity.apply(shaded)) == pytest.approx(0.738)
    with pytest.raises(OutOfBounds, match="shade"):
        cooling.cooling_capacity.apply({**shaded, "shade": (1.2, "1")})


@pytest.mark.parametrize("name", OURS)
def test_each_cell_form_equals_its_method(name):
    cell, method = CELLS[name], REGISTRY[name]
    rng = np.random.default_rng(8)
    for _ in range(200):
        given = rng.choice([0.0, 0.3, 1.0, 2.0], len(cell.arguments)) * rng.choice([1.0, rng.random()])
        np.testing.assert_allclose(cell.function(*map(float, given)), method(*given), rtol=1e-14, err_msg=str(given))


def test_the_weights_on_file_sum_to_one():
    rows = load_domains().parameters().rows("climate.cooling_weight", set="invest_guide")
    assert sorted(r.value for r in rows) == [0.2, 0.2, 0.6]
