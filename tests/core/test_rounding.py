"""GB/T 8170: worked example E1 of the monitoring specification, and what an exact rounding must never do."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.core.errors import OutOfBounds
from qingshan.core.rounding import exact, half_even, upward


@pytest.mark.parametrize(
    ("value", "place", "expected"),
    [  # E1
        ("60.5", "1", "60"),
        ("61.5", "1", "62"),
        ("60.500001", "1", "61"),
        ("0.25", "0.1", "0.2"),
        ("0.35", "0.1", "0.4"),
        ("2.05", "0.1", "2.0"),
        ("2.15", "0.1", "2.2"),
        ("0.0645", "0.001", "0.064"),
        ("0.0655", "0.001", "0.066"),
        ("-1.5", "1", "-2"),
        ("-0.25", "0.1", "-0.2"),  # by magnitude
        ("1250", "100", "1200"),
    ],
)
def test_half_goes_to_the_even_digit(value: str, place: str, expected: str) -> None:
    assert str(half_even(value, place)) == expected


def test_an_exact_mean_is_rounded_from_its_fraction() -> None:
    """The mean of 60.4, 60.6 and 60.5 is exactly 60.5; a float sum is not sure to be."""
    mean = (Fraction("60.4") + Fraction("60.6") + Fraction("60.5")) / 3
    assert half_even(mean) == 60
    assert half_even(Fraction(2, 3), "0.01") == Decimal("0.67")


def test_rounding_twice_is_another_number() -> None:
    """0.4546 -> 0.455 -> 0.46, but once: 0.45 (GB/T 8170, no successive rounding)."""
    assert half_even("0.4546", "0.01") == Decimal("0.45")
    assert half_even(half_even("0.4546", "0.001"), "0.01") == Decimal("0.46")


@pytest.mark.parametrize(
    "wrong", [60.5, float("nan"), "60,5", "1_0", "", "NaN", "Infinity", "12mg", True, None, Decimal("sNaN")]
)
def test_what_is_no_exact_decimal_is_refused(wrong: object) -> None:
    with pytest.raises(OutOfBounds):
        half_even(wrong)  # type: ignore[arg-type]


def test_an_interval_of_nothing_is_refused() -> None:
    with pytest.raises(OutOfBounds):
        half_even("1", "0")
    with pytest.raises(OutOfBounds):
        exact(Fraction(1, 3))


@pytest.mark.parametrize(
    ("value", "expected"), [("60", 60), ("60.0001", 61), (Fraction(241, 3), 81), ("-0.5", 0), ("0", 0)]
)
def test_upward(value: str | Fraction, expected: int) -> None:
    assert upward(value) == expected


@given(st.decimals("-1e6", "1e6", places=5, allow_nan=False), st.sampled_from(["1", "0.1", "0.01", "10"]))
def test_it_is_the_nearest_multiple_and_stays_put(value: Decimal, place: str) -> None:
    rounded, step = half_even(value, place), Decimal(place)
    assert abs(rounded - value) * 2 <= step
    assert rounded % step == 0
    assert half_even(rounded, place) == rounded
    assert half_even(-value, place) == -rounded
