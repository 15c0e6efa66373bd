"""Carbon, oxygen, CASA and stumpage: gep.md example GEP-16, and substances that must not meet."""

import pytest

from qingshan.core.domain import load_domains
from qingshan.core.errors import MissingParameter, OutOfBounds, UnitError
from qingshan.core.method import REGISTRY

load_domains()


def apply(ref, **given):
    return REGISTRY[ref].apply(given)


def row(parameter, **key):
    found = load_domains().parameters().find(parameter, **key)
    return found.value, found.unit


def test_gep_16_casa():
    light = apply(
        "forest.apar@casa",
        solar_radiation=(5000, "MJ/m2"), fpar=(0.6, "fraction"), par_share=row("forest.par_share", set="lhasa_casa"),
    )  # fmt: skip
    stress = apply("forest.water_stress@casa", evapotranspiration=(600, "mm"), potential=(1000, "mm"))
    assert stress == pytest.approx(0.8, rel=1e-12)
    efficiency = apply(
        "forest.light_use_efficiency@casa",
        temperature_stress_1=(0.9, "-"), temperature_stress_2=(0.95, "-"), water_stress=(stress, "-"),
        eps_max=row("forest.eps_max", cls="草本", set="lhasa_casa"),
    )  # fmt: skip
    npp = apply("forest.npp@casa", apar=(light, "MJ/m2"), light_use_efficiency=(efficiency, "gC/MJ"))
    assert npp == pytest.approx(556.092, rel=1e-6)
    per_m2 = apply(
        "forest.dry_matter@1", carbon=(npp, "g C"), carbon_fraction=row("forest.carbon_fraction", set="lhasa_casa")
    )
    assert per_m2 * 1e6 == pytest.approx(1112.184, rel=1e-6)  # t to g


def test_water_stress_against_the_potential_of_the_cover():
    """E 600 of ETc 1,200 mm: 0.5 + 0.25; what evaporates never exceeds ETc, so the scalar stays within 1."""
    stress = apply("forest.water_stress@crop", evapotranspiration=(600, "mm"), potential=(1200, "mm"))
    assert stress == pytest.approx(0.75, rel=1e-12)


def test_water_stress_above_one_is_refused_downstream():
    stress = apply("forest.water_stress@casa", evapotranspiration=(1200, "mm"), potential=(1000, "mm"))
    with pytest.raises(OutOfBounds, match="water stress"):
        apply(
            "forest.light_use_efficiency@casa",
            temperature_stress_1=(1, "-"), temperature_stress_2=(1, "-"), water_stress=(stress, "-"),
            eps_max=(0.5, "gC/MJ"),
        )  # fmt: skip


def test_carbon_route_1_from_dry_matter():
    """1.63 * 1000 t dm = 1630 t CO2; oxygen 1.19 * 1000 = 1190 t."""
    fixed = apply(
        "forest.co2_fixed@npp",
        npp=(1000, "t dm"), co2_per_dry_matter=row("forest.co2_per_dry_matter", set="gaotianyan2017"),
    )  # fmt: skip
    released = apply(
        "forest.oxygen_released@npp",
        npp=(1000, "t dm"), o2_per_dry_matter=row("forest.o2_per_dry_matter", set="gaotianyan2017"),
    )  # fmt: skip
    assert fixed == pytest.approx(1630) and released == pytest.approx(1190)


def test_carbon_route_2_from_net_ecosystem_production():
    """NPP 100 - Rs 88 = 12 t C = 44 t CO2; a source (Rs 112) is -44 t CO2."""
    net = apply("forest.nep@balance", npp=(100, "t C"), soil_respiration=([88, 112], "t C"))
    assert list(apply("forest.co2_fixed@nep", nep=(net, "t C"))) == pytest.approx([44, -44])
    assert apply("forest.nep@ratio", npp=(100, "t C"), nep_npp_ratio=(0.12, "-")) == pytest.approx(12)


def test_the_ratio_of_nep_to_npp_is_open():
    with pytest.raises(MissingParameter) as refusal:
        load_domains().parameters().find("gep.nep_npp_alpha")
    assert "NEP/NPP" in refusal.value.document


@pytest.mark.parametrize(
    ("ref", "given"),
    [
        ("forest.co2_fixed@npp", {"npp": (1, "t C"), "co2_per_dry_matter": (1.63, "t CO2/t dm")}),
        ("forest.co2_fixed@npp", {"npp": (1, "t"), "co2_per_dry_matter": (1.63, "t CO2/t dm")}),
        ("forest.co2_fixed@nep", {"nep": (1, "t CO2")}),
        ("forest.oxygen_released@npp", {"npp": (1, "t CO2"), "o2_per_dry_matter": (1.19, "t O2/t dm")}),
        ("forest.oxygen_released@npp", {"npp": (1, "t dm"), "o2_per_dry_matter": (1.63, "t CO2/t dm")}),
    ],
)
def test_substances_do_not_meet(ref, given):
    with pytest.raises(UnitError, match="cannot become"):
        apply(ref, **given)


def test_a_price_of_unknown_carbon_stays_open():
    with pytest.raises(MissingParameter, match="open"):
        load_domains().parameters().find("forest.co2_price", set="youyang_frontend")


def stumpage(years):
    return apply(
        "forest.stumpage@bo2017",
        area=(100, "hm2"), volume_at_rotation=(150, "m3/hm2"), stumpage_price=(400, "元/m3"),
        discount_rate=row("economy.discount_rate", set="bo2017"), years_to_rotation=(years, "a"),
    )  # fmt: skip


def test_stumpage_by_hand():
    """100 * 150 * 400 = 6,000,000 元 at rotation; ten years before, / 1.0277^10 = 1.314206 = 4,565,493 元."""
    assert stumpage(0) == 6_000_000
    assert stumpage(10) == pytest.approx(6_000_000 / 1.0277**10, rel=1e-12)
    assert stumpage(10) == pytest.approx(4_565_493, rel=1e-6)


def test_over_mature_stands_do_not_grow_by_discounting():
    with pytest.raises(OutOfBounds, match="years to rotation"):
        stumpage(-5)
