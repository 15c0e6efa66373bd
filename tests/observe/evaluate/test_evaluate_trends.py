"""Trends as results; the test itself is checked in `tests/observe/statistics/test_trend.py`."""

from __future__ import annotations

from decimal import Decimal

import pytest

from qingshan.observe.evaluate.trends import trend


def test_a_trend_and_its_slope() -> None:
    """0.01 mg/L more each year in every month: the median slope is 0.01 mg/L a year and every pair rises."""
    monthly = {
        (2015 + y, m): Decimal("0.10") + Decimal("0.01") * y + Decimal("0.002") * m
        for y in range(8)
        for m in range(1, 13)
    }
    found = trend("断面", "TP", monthly, "mg/L", least_years=5)
    assert found.grade == "rising" and float(found.value) == pytest.approx(0.01) and found.unit == "mg/L/a"
    assert "S 336" in found.notes[0].en  # 12 months x 28 pairs
    falling = trend("断面", "TP", {(2030 - y, m): v for (y, m), v in monthly.items()}, "mg/L", least_years=5)
    assert falling.grade == "falling"
    flat = trend("断面", "TP", {k: Decimal("0.1") for k in monthly}, "mg/L", least_years=5)
    assert flat.grade == "none"


def test_too_few_years_are_insufficient() -> None:
    monthly = {(2020 + y, m): Decimal(y) for y in range(3) for m in range(1, 13)}
    found = trend("断面", "TP", monthly, "mg/L", least_years=5)
    assert (found.verdict, found.n_valid, found.n_required, found.value) == ("insufficient_data", 3, 5, None)
    assert trend("断面", "TP", {}, "mg/L", least_years=2).verdict == "insufficient_data"
    scattered = {(2010, 1): Decimal(1), (2011, 2): Decimal(2)}  # no month has two values
    assert trend("断面", "TP", scattered, "mg/L", least_years=2).verdict == "insufficient_data"
