"""Carbon and production cells: SP-1, GEP-16, the units of figures per area."""

import numpy as np
import pytest

from qingshan.accounts.block.sheet import Sheet
from qingshan.core.cell import find_cell
from qingshan.core.domain import load_domains
from qingshan.core.errors import UnitError
from qingshan.core.method import REGISTRY

load_domains()


def f(name):
    return find_cell(name).function


def test_present_value_of_a_change():
    """SP-1: 1 t C in two years, price 50, discount 50 %, change 5 %: q = 1/(1.5 * 1.05), 50/2 (1 + q) = 40.87302."""
    assert f("forest.sequestration_value@invest3")(1.0, 50.0, 2.0, 50.0, 5.0) == pytest.approx(40.87302, abs=1e-5)
    assert f("forest.sequestration_value@invest3")(-3.0, 50.0, 4.0, 0.0, 0.0) == -150


def test_a_price_per_tonne_of_dioxide_is_refused():
    given = {
        "change": (1.0, "t C"),
        "price": (50.0, "元/t CO2"),
        "years": (2.0, "a"),
        "discount_rate": (5.0, "%"),
        "price_change": (0.0, "%"),
    }
    with pytest.raises(UnitError):
        REGISTRY["forest.sequestration_value@invest3"].apply(given)


def test_production_of_a_year():
    """GEP-16: SOL 5000, FPAR 0.6, T1 0.9, T2 0.95, W 0.8, grass 0.542: 556.092 gC/m2, 1112.184 g d.m./m2."""
    light = f("forest.apar@casa")(5000.0, 0.6, 0.5)
    carbon = f("forest.npp@casa")(light, f("forest.light_use_efficiency@casa")(0.9, 0.95, 0.8, 0.542))
    assert carbon == pytest.approx(556.092, rel=1e-6)
    assert f("forest.dry_matter@1")(carbon, 0.5) == pytest.approx(1112.184, rel=1e-6)
    assert f("forest.co2_fixed@nep")(12.0) == 44 and f("forest.oxygen_released@npp")(100.0, 1.19) == pytest.approx(119)


def test_temperature_scalars():
    """T1 is 1 at 20 degC (0.8 + 0.4 - 0.2) and 0.95 at 30 (0.8 + 0.6 - 0.45).

    T2 at its optimum, 20 degC: 1.1814/((1 + e^-2)(1 + e^-3)) = 1.1814/(1.1353353 * 1.0497871) = 0.991224.
    """
    t1, t2 = f("forest.temperature_stress_1@potter1993"), f("forest.temperature_stress_2@potter1993")
    assert t1(20.0) == pytest.approx(1) and t1(30.0) == pytest.approx(0.95)
    assert t2(20.0, 20.0) == pytest.approx(0.991224, abs=1e-6)
    assert t2(20.0, 0.0) < 0.2 < t2(20.0, 10.0)


def test_fpar_lies_between_its_limits():
    """NDVI halfway between 0.1 and 0.9 absorbs halfway between 0.001 and 0.95: 0.4755."""
    assert f("forest.fpar@ndvi")(0.5, 0.1, 0.9, 0.001, 0.95) == pytest.approx(0.4755)
    assert (
        f("forest.fpar@ndvi")(0.0, 0.1, 0.9, 0.001, 0.95) == 0.001
        and f("forest.fpar@ndvi")(1.0, 0.1, 0.9, 0.001, 0.95) == 0.95
    )


def test_a_stock_needs_every_pool():
    assert f("forest.carbon_stock@pools")(90.0, 22.0, 110.0, 8.0) == 230
    assert np.isnan(f("forest.carbon_stock@pools")(90.0, 22.0, 110.0, np.nan))


def test_carbon_does_not_pass_for_dioxide():
    """A step of t C/m2 cannot be bound to dry matter, nor its sum be told in t CO2."""
    raw = {
        "id": "units", "layers": [{"id": "npp", "unit": "gC/m2"}], "constants": [{"id": "share", "unit": "t O2/t dm"}],
        "steps": [{"id": "o2", "cell": "forest.oxygen_released@npp", "bind": {"npp": "npp", "o2_per_dry_matter": "share"}}],
        "sums": [{"id": "o2", "of": "o2", "per": "m2", "unit": "t O2"}],
    }  # fmt: skip
    with pytest.raises(UnitError):
        Sheet.of(raw)
    assert find_cell("forest.nep@ratio").declared(REGISTRY["forest.nep@ratio"])["npp"].unit == "t C/m2"
