"""Cooling cells at GEP-14 and GEP-15, the heat of a millimetre, the months of a year."""

import pytest

from qingshan.accounts.block.sheet import Sheet
from qingshan.core.cell import find_cell
from qingshan.core.domain import load_domains

load_domains()


def f(name):
    return find_cell(name).function


def test_transpiration_saves_electricity():
    """GEP-14: H 1000 kJ/m2/d over 1 km2 and 90 d, COP 3: 8,333,333.33 kWh; the cell gives it per km2."""
    assert f("climate.transpiration_cooling@bo2017")(1000.0, 90.0, 3.0) == pytest.approx(8_333_333.33, abs=0.01)


def test_open_water_saves_electricity():
    """GEP-15: 100,000 m3, q 2450 J/g, 1 t/m3, gamma 120: 80,055,555.56 kWh; as printed no COP, else the heat over 3."""
    given = (100_000.0, 1.0, 2450.0, 120.0, 3.0)
    assert f("climate.water_surface_cooling@youyang_frontend:as_printed")(*given) == pytest.approx(
        80_055_555.56, abs=0.01
    )
    divided = 100_000 * (2450 * 1000 / 3600 / 3 + 120)
    assert f("climate.water_surface_cooling@youyang_frontend:divide_heat")(*given) == pytest.approx(divided, rel=1e-12)


def test_heat_of_evapotranspiration():
    """FAO-56: 1 mm a day takes 2.45 MJ/m2. 300 mm in 100 days: 7350 kJ/m2/d."""
    assert f("climate.transpiration_heat@fao56")(300.0, 100.0, 2450.0) == pytest.approx(7350)


def test_a_depth_of_water_is_its_volume_per_area():
    """Evaporation in mm binds where the cell takes m3/m2; a year's rain is the sum of its months."""
    sheet = Sheet.of({
        "id": "water", "layers": [{"id": "depth", "unit": "mm"}],
        "constants": [{"id": "density", "unit": "t/m3"}, {"id": "heat", "unit": "J/g"}, {"id": "gamma", "unit": "kWh/m3"}, {"id": "cop", "unit": "-"}],
        "steps": [{"id": "e", "cell": "climate.water_surface_cooling@youyang_frontend:as_printed",
                   "bind": {"evaporation": "depth", "density": "density", "latent_heat": "heat", "humidifier_energy": "gamma", "cop": "cop"}}],
        "sums": [{"id": "e", "of": "e", "per": "m2", "unit": "kWh"}],
    })  # fmt: skip
    assert sheet.bound(sheet.steps[0])[0].factor == pytest.approx(1e-3)
    assert f("climate.annual_sum@1")(*(float(m) for m in range(1, 13))) == 78
