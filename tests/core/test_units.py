"""Units: the traps of gep.md section 1, dimension errors that name both sides, and algebraic invariants."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.core.errors import UnitError
from qingshan.core.units import convert, factor, same_dimension, unit


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("mm*km2", "m3", 1000.0),  # gep.md: 1 mm x 1 km2 = 1000 m3
        ("km2", "hm2", 100.0),
        ("hm2", "亩", 15.0),
        ("万亩", "万hm2", 1 / 15),
        ("亿m3", "m3", 1e8),  # 亿 times m3, not (亿m) cubed
        ("万t", "t", 1e4),
        ("万m3", "m3", 1e4),
        ("亿元", "万元", 1e4),
        ("t/hm2", "t/km2", 100.0),  # land.md section 4
        ("t/(hm2*a)", "t/(km2 a)", 100.0),
        ("tce", "GJ", 29.3076),  # GB/T 2589-2020: 1 kgce = 29.3076 MJ
        ("kWh", "MJ", 3.6),
        ("元/kg", "元/t", 1000.0),
        ("Mt CO2", "t CO2", 1e6),
        ("元/t CO2", "元/kg CO2", 1e-3),
        ("gC/MJ", "g C/MJ", 1.0),
        ("per mille", "%", 0.1),
        ("ug/m3", "mg/m3", 1e-3),
        ("degC", "K", 1.0),
        ("万m3/km2", "mm", 10.0),
        ("mS/m", "uS/cm", 10.0),  # conductivity: 1 mS/m = 10 uS/cm
        ("mV", "V", 1e-3),
        ("Bq/L", "Bq/m3", 1000.0),
    ],
)
def test_factor(source: str, target: str, expected: float) -> None:
    assert factor(source, target) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("mm", "m2", ("length", "length^2")),
        ("t C", "t CO2", ("[C]", "[CO2]")),
        ("t CO2", "t", ("[CO2]", "mass")),
        ("元/m3", "元/t", ("length^3", "mass")),
        ("万人", "万亩", ("people", "length^2")),
        ("%", "degree", ("a pure number", "angle")),  # a slope of 45 % is not a slope of 45 degrees
    ],
)
def test_a_dimension_error_names_both_sides(source: str, target: str, words: tuple[str, str]) -> None:
    with pytest.raises(UnitError) as caught:
        factor(source, target)
    for part in (source, target, *words):
        assert part in str(caught.value)
        assert part in caught.value.zh


@pytest.mark.parametrize("text", ["quux", "t/(hm2*a", "m3)", "米粒", "/", "*m", "亿"])
def test_what_is_not_a_unit_is_refused(text: str) -> None:
    if text == "亿":
        assert unit(text).scale == 10**8  # a bare number word is a number
        return
    with pytest.raises(UnitError):
        unit(text)


def test_absolute_temperature_converts_with_its_offset() -> None:
    assert convert(15.7, "degC", "K") == pytest.approx(288.85)
    assert convert(273.15, "K", "degC") == pytest.approx(0.0)


def test_a_price_times_a_quantity_of_another_substance_is_not_money() -> None:
    assert (unit("元/t CO2") * unit("t CO2")).dimensions == unit("元").dimensions
    assert (unit("元/t CO2") * unit("t C")).dimensions != unit("元").dimensions


UNITS = st.sampled_from(["亩", "万亩", "hm2", "km2", "m2", "万hm2", "ha"])


@given(UNITS, UNITS, UNITS, st.floats(1e-6, 1e12))
def test_conversion_is_transitive_and_reversible(a: str, b: str, c: str, value: float) -> None:
    assert convert(convert(value, a, b), b, c) == pytest.approx(convert(value, a, c), rel=1e-12)
    assert convert(convert(value, a, b), b, a) == pytest.approx(value, rel=1e-12)


@given(st.sampled_from(["m", "t", "元", "kWh", "人"]), st.sampled_from(["m", "t", "元", "kWh", "人"]))
def test_only_like_dimensions_convert(a: str, b: str) -> None:
    assert same_dimension(a, b) == (a == b)
