"""Values and conversions: gep.md examples GEP-11 and GEP-13, prices that must not meet, recreation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.core.domain import load_domains
from qingshan.core.errors import MissingParameter, OutOfBounds, UnitError
from qingshan.core.method import REGISTRY

load_domains()


def apply(ref, **given):
    return REGISTRY[ref].apply(given)


def row(parameter, **key):
    found = load_domains().parameters().find(parameter, **key)
    return found.value, found.unit


def silt(soil, density=None):
    return apply(
        "gep.silt_avoided@garze2017",
        soil_retained=(soil, "t"), silt_fraction=row("gep.silt_fraction", set="garze2017"),
        bulk_density=density or row("gep.soil_bulk_density", set="youyang_frontend"),
    )  # fmt: skip


def test_gep_11_soil():
    volume = silt(1_000_000)
    assert volume == pytest.approx(213_333.33, abs=0.01)
    price = row("gep.dredging_cost", set="youyang_frontend")
    value = apply("gep.value_of_volume@1", quantity=(volume, "m3"), price=price)
    assert value == pytest.approx(4_215_466.67, abs=0.01)
    for nutrient, mass, worth in (("N", 3700, 3_237_500), ("P", 1080, 3_024_000)):
        content = row("gep.soil_nutrient_content", cls=nutrient, set="garze2017")
        kept = apply("gep.nutrient_avoided@garze2017", soil_retained=(1_000_000, "t"), content=content)
        assert kept == pytest.approx(mass, abs=0.01)
        cost = row("gep.nutrient_treatment_cost", cls=nutrient, set="garze2017")
        assert apply("gep.value_of_mass@1", quantity=(kept, "t"), price=cost) == pytest.approx(worth, abs=0.01)


def test_the_step_without_bulk_density_is_refused():
    """Tonnes cannot meet a price per m3, and the price of the paper that skipped the division stays open."""
    with pytest.raises(UnitError, match="mass"):
        apply("gep.value_of_volume@1", quantity=(240_000, "t"), price=(19.76, "元/m3"))
    with pytest.raises(MissingParameter, match="gaotianyan2017"):
        row("gep.dredging_cost", set="gaotianyan2017")


def test_the_potassium_of_the_soil_is_open():
    with pytest.raises(MissingParameter) as refusal:
        row("gep.soil_nutrient_content", cls="K", set="bo2017")
    assert "博文静" in refusal.value.document


def test_edge_4_negative_retention_keeps_its_sign():
    assert silt(-1_000_000) == pytest.approx(-213_333.33, abs=0.01)


@pytest.mark.parametrize("density", [0, -1.2])
def test_edge_6_a_density_that_is_not_positive_is_refused(density):
    with pytest.raises(OutOfBounds, match="bulk density"):
        silt(1, (density, "t/m3"))
    with pytest.raises(OutOfBounds, match="bulk density"):
        apply(
            "gep.sand_cover_avoided@garze2017",
            sand_fixed=(1, "t"),
            bulk_density=(density, "t/m3"),
            thickness=(0.1, "m"),
        )


PRICED = [("volume", "m3"), ("mass", "t"), ("energy", "kWh"), ("area", "m2"), ("co2", "t CO2"), ("oxygen", "t O2")]


@pytest.mark.parametrize(("kind", "unit"), PRICED)
def test_edge_6_a_negative_price_is_refused_and_a_negative_quantity_is_not(kind, unit):
    with pytest.raises(OutOfBounds, match="price"):
        apply(f"gep.value_of_{kind}@1", quantity=(1, unit), price=(-1, f"元/{unit}"))
    assert apply(f"gep.value_of_{kind}@1", quantity=(-2, unit), price=(3, f"元/{unit}")) == -6


@pytest.mark.parametrize("kind", [kind for kind, _ in PRICED])
def test_a_price_meets_only_its_own_quantity(kind):
    own = dict(PRICED)[kind]
    for other in {unit for _, unit in PRICED} - {own} | {"t C"}:
        with pytest.raises(UnitError, match="cannot become"):
            apply(f"gep.value_of_{kind}@1", quantity=(1, own), price=(1, f"元/{other}"))
        with pytest.raises(UnitError, match="cannot become"):
            apply(f"gep.value_of_{kind}@1", quantity=(1, other), price=(1, f"元/{own}"))


def test_the_error_names_both_sides():
    with pytest.raises(UnitError) as error:
        apply("gep.value_of_co2@1", quantity=(1, "t CO2"), price=(1393, "元/t C"))
    assert "元/t C" in error.value.en and "元/t CO2" in error.value.en


@given(st.floats(0, 1e8), st.floats(0, 1e4))
def test_units_of_the_price_do_not_change_the_value(quantity, price):
    per_kg = apply("gep.value_of_mass@1", quantity=(quantity, "t"), price=(price, "元/kg"))
    per_t = apply("gep.value_of_mass@1", quantity=(quantity / 1e4, "万t"), price=(price * 1000, "元/t"))
    assert per_kg == pytest.approx(float(per_t), rel=1e-12)


def test_g16_pest_control_priced_per_hm2():
    """1 km2 of forest at 375 元/hm2 and 15 亩 (1 hm2) of grass at 112.5 元/hm2."""
    forest = row("forest.pest_control_value", cls="森林", set="garze2017")
    grass = row("forest.pest_control_value", cls="草地", set="garze2017")
    assert apply("gep.value_of_area@1", quantity=(1, "km2"), price=forest) == pytest.approx(37_500, rel=1e-12)
    assert apply("gep.value_of_area@1", quantity=(15, "亩"), price=grass) == pytest.approx(112.5, rel=1e-12)


def test_g01_products():
    """100 万m3 household water at 2.6 and 1 GWh at 0.53: 2,600,000 and 530,000 元."""
    water = row("water.supply_price", cls="生活", set="garze2017")
    power = row("water.hydropower_price", set="garze2017")
    assert apply("gep.value_of_volume@1", quantity=(100, "万m3"), price=water) == pytest.approx(2_600_000)
    assert apply("gep.value_of_energy@1", quantity=(1, "GWh"), price=power) == pytest.approx(530_000)


def test_products_from_outside_are_deducted():
    assert apply("gep.value_less_outside@gbt46869_2025", value=(10, "亿元"), outside=(2, "亿元")) == pytest.approx(8e8)


def test_gep_13_sand():
    area = apply(
        "gep.sand_cover_avoided@garze2017",
        sand_fixed=(128_000, "t"), bulk_density=row("gep.sand_bulk_density", set="garze2017"),
        thickness=row("gep.sand_cover_thickness", set="garze2017"),
    )  # fmt: skip
    assert area == pytest.approx(1_000_000, rel=1e-9)
    price = row("gep.sand_treatment_cost", set="garze2017")
    assert apply("gep.value_of_area@1", quantity=(area, "m2"), price=price) == pytest.approx(3_750_000, rel=1e-9)


def test_g19_recreation_by_zone_of_origin():
    """1000 * (50 + 30) + 200 * (400 + 100) = 180,000 元; a second place without visits gives 0."""
    got = apply(
        "gep.recreation_value@travel_cost",
        visits=([[1000, 200], [0, 0]], "人次"), travel_cost=([50, 400], "元/人次"),
        consumer_surplus=([30, 100], "元/人次"),
    )  # fmt: skip
    np.testing.assert_allclose(got, [180_000, 0])
