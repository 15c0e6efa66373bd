"""Printed periods as months and as words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.assess.span import Span, period_words, span_of

YEAR = 2021 * 12


@pytest.mark.parametrize(
    ("period", "months", "zh", "en"),
    [
        ("2021", (0, 12), "2021 年", "2021"),
        ("2021H1", (0, 6), "2021 上半年", "H1 2021"),
        ("2021H2", (6, 12), "2021 下半年", "H2 2021"),
        ("2021Q3", (6, 9), "2021 年三季度", "Q3 2021"),
        ("2021-10", (9, 10), "2021 年 10 月", "2021-10"),
        ("2021-10-05", (9, 10), "2021 年 10 月", "2021-10"),
        ("2021-01/09", (0, 9), "2021 年 1–9 月", "2021-01 to 2021-09"),
        ("2021-2025", (0, 60), "2021–2025 年", "2021–2025"),
    ],
)
def test_periods(period: str, months: tuple[int, int], zh: str, en: str) -> None:
    assert span_of(period) == Span(YEAR + months[0], YEAR + months[1])
    assert period_words(period) == (zh, en)


@pytest.mark.parametrize("period", ["static", "normal-01", "2021-13", "2021-09/01", "2025-2021", ""])
def test_what_is_no_span(period: str) -> None:
    assert span_of(period) is None


@given(st.integers(1900, 2100), st.integers(0, 30))
def test_the_years_of_a_span_are_those_printed(first: int, more: int) -> None:
    span = span_of(f"{first}-{first + more}")
    assert span and list(span.years) == list(range(first, first + more + 1)) and span.months == 12 * (more + 1)
