"""market.md section 14: M6, M7, M9; limits of int64."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.ledger.amounts import LARGEST, AmountError, amount, decimal_text, pro_rata, read_decimal


def test_m6_money_of_a_trade() -> None:
    assert amount(500_300, 333_333) == 166_766  # 50.03 yuan/t x 0.333333 t = 16.67664999 yuan


def test_m7_remainder_of_a_split() -> None:
    assert pro_rata(1_000_000, [1, 1, 1]) == ([333_333] * 3, 1)


def test_m9_leg_of_the_water_deal() -> None:
    assert amount(25_000, 90_000 * 10**6) == 2_250_000_000  # 90,000 m3 at 2.5 yuan/m3 = 225,000 yuan


@given(st.integers(0, 10**9), st.integers(1, 10**12))
def test_money_rounds_half_to_even(price: int, quantity: int) -> None:
    assert amount(price, quantity) == int((Decimal(price) * quantity / 10**6).quantize(Decimal(1), ROUND_HALF_EVEN))


def test_half_goes_to_the_even_number() -> None:
    assert [amount(1, 500_000), amount(3, 500_000), amount(1, 1_500_000)] == [0, 2, 2]


def test_money_beyond_int64_is_refused() -> None:
    assert amount(10**6, 9_223_372_036_854) == 9_223_372_036_854
    with pytest.raises(AmountError):
        amount(10**6, LARGEST + 1)


@pytest.mark.parametrize(
    ("text", "value"), [("12.5", 12_500_000), ("0.000001", 1), ("-3", -3_000_000), ("1.0000000", 1_000_000)]
)
def test_decimal_text_is_read_exactly(text: str, value: int) -> None:
    assert read_decimal(text, 10**6) == value


@pytest.mark.parametrize("text", ["", "1e3", "1,000", "0.0000001", "nan", "٣", " 1", "9223372036854.775808"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(AmountError):
        read_decimal(text, 10**6)


@given(st.integers(-LARGEST, LARGEST), st.sampled_from([10**4, 10**6]))
def test_text_and_number_are_one(value: int, scale: int) -> None:
    assert read_decimal(decimal_text(value, scale), scale) == value
