"""Sums, running means, percentiles and indices: whole-number arithmetic against exact fractions and numpy."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingshan.core.errors import OutOfBounds
from qingshan.core.limit import limit_table
from qingshan.core.rounding import half_even, upward
from qingshan.observe.dense import MISSING, SCALE
from qingshan.observe.statistics.air import index_of
from qingshan.observe.statistics.kernels import (
    BEYOND,
    KINDS,
    NA,
    aqi,
    day_sums,
    floats,
    fraction,
    iaqi,
    mda8,
    percentile,
    year_sums,
)
from qingshan.observe.statistics.rules import WINDOWS

EDITION = "HJ 633-2026"
POINTS = {
    (item, averaging): index_of(limit_table("aqi_breakpoints").rows, item, averaging, EDITION, 1 if item == "CO" else 0)
    for item, averaging in (
        ("PM2.5", "24h"),
        ("PM10", "24h"),
        ("SO2", "24h"),
        ("NO2", "24h"),
        ("CO", "24h"),
        ("O3", "8h"),
    )
}


def hours(values: list[float | None]) -> np.ndarray:
    return np.array([[MISSING if v is None else round(v * SCALE) for v in values]], dtype=np.int64)


def of_one(text: str, item: str, averaging: str) -> int:
    index = POINTS[item, averaging]
    sums = np.array([[int(Fraction(text) * SCALE)]])
    one = np.ones((1, 1), dtype=np.uint8)
    return int(iaqi(sums, one, one.astype(bool), index.points, index.index, index.places)[0, 0])


@pytest.mark.parametrize(
    ("item", "averaging", "value", "expected"),
    [("PM2.5", "24h", "60", 100), ("PM2.5", "24h", "60.5", 100), ("PM2.5", "24h", "61.5", 102), ("PM2.5", "24h", "75", 114),
     ("PM2.5", "24h", "87", 125), ("PM10", "24h", "120", 100), ("PM10", "24h", "150", 112), ("SO2", "24h", "150", 100),
     ("SO2", "24h", "300", 124), ("NO2", "24h", "81", 101), ("NO2", "24h", "0", 0), ("CO", "24h", "2.05", 50), ("CO", "24h", "2.15", 55),
     ("O3", "8h", "190", 128), ("PM2.5", "24h", "501", BEYOND), ("PM2.5", "24h", "62.5", 102), ("PM10", "24h", "118.5", 99),
     ("SO2", "24h", "12", 12), ("NO2", "24h", "41", 52), ("O3", "8h", "158", 99), ("CO", "24h", "0.95", 25)],
)  # fmt: skip
def test_the_worked_examples_e2_and_e3(item: str, averaging: str, value: str, expected: int) -> None:
    assert of_one(value, item, averaging) == expected


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(POINTS)), st.integers(0, 24 * 700 * 10**4), st.integers(1, 24))
def test_the_index_of_a_mean_is_that_of_exact_decimals(key: tuple[str, str], total: int, count: int) -> None:
    """Rounded by GB/T 8170, interpolated and rounded up in fractions, by the functions of the scalar evaluation."""
    index = POINTS[key]
    sums, counts = np.array([[total * 10**5]]), np.array([[count]], dtype=np.uint8)
    ours = int(iaqi(sums, counts, counts > 0, index.points, index.index, index.places)[0, 0])
    c = Fraction(half_even(fraction(total * 10**5, count), "0.1" if index.places else 1)) * 10**index.places
    if c > int(index.points[-1]):
        assert ours == BEYOND
        return
    j = next(i for i in range(1, len(index.points)) if c <= int(index.points[i]))
    low, high = (int(index.points[i]) for i in (j - 1, j))
    i_low, i_high = (int(index.index[i]) for i in (j - 1, j))
    assert ours == upward(Fraction(i_high - i_low, high - low) * (c - low) + i_low)


def test_the_index_rises_with_the_concentration_and_has_no_jump() -> None:
    for index in POINTS.values():
        c = np.arange(index.points[-1] + 1)[None, :]
        one = np.ones_like(c, dtype=np.uint8)
        steps = np.diff(iaqi(c * 10 ** (9 - index.places), one, one > 0, index.points, index.index, index.places)[0])
        slope = max(np.diff(index.index) / np.diff(index.points))
        assert steps.min() >= 0 and steps.max() <= slope + 1


def test_a_day_needs_its_hours_and_leaves_out_what_may_not_be_used() -> None:
    values = hours([1.0] * 23 + [None] + [2.0] * 24)
    use = np.ones(values.shape, dtype=bool)
    use[0, 24:27] = False
    sums, counts = day_sums(values, use, 2)
    assert counts.tolist() == [[23, 21]] and floats(sums, counts).tolist() == [[1.0, 2.0]]
    with pytest.raises(OutOfBounds, match="larger than 1,000,000"):
        day_sums(hours([2e6]), np.ones((1, 1), dtype=bool), 1)


def test_mda8_by_hand_and_by_convention() -> None:
    """Day 0: hours 0 to 7 are 80, then 10. Day -1 ends with 7 hours of 200: the window that ends at hour 0 has (7 x 200 + 80) / 8 = 185."""
    before, day, after = [10.0] * 17 + [200.0] * 7, [80.0] * 8 + [10.0] * 16, [300.0] * 24
    values = hours(before + day + after)
    use = np.ones(values.shape, dtype=bool)
    found = {name: floats(*mda8(values, use, 1, window, 6, lead=24)[:2])[0, 0] for name, window in WINDOWS.items()}
    # starts_in_day: the window from hour 23 has 10 and 7 x 300: 2110 / 8; starts_07_to_23 the same
    assert found == {"ends_in_day": 185.0, "within_day": 80.0, "starts_in_day": 263.75, "starts_07_to_23": 263.75}


def test_an_8_hour_mean_needs_six_hours() -> None:
    values = hours([None] * 3 + [8.0] * 5 + [None] * 16)  # never six
    use = np.ones(values.shape, dtype=bool)
    sums, counts, windows = mda8(values, use, 1, WINDOWS["within_day"], 6)
    assert counts.tolist() == [[0]] and windows.tolist() == [[0]] and np.isnan(floats(sums, counts)).all()
    values = hours(
        [None] * 2 + [8.0] * 5 + [9.0] + [None] * 16
    )  # hours 2 to 7, seen by the windows from 0, 1 and 2: 49 / 6
    sums, counts, windows = mda8(values, use, 1, WINDOWS["within_day"], 6)
    assert (sums[0, 0], counts[0, 0], windows[0, 0]) == (49 * SCALE, 6, 3)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=60),
    st.sampled_from([0, 500, 900, 950, 980, 1000]),
    st.sampled_from(KINDS),
)
def test_percentiles_are_those_of_hyndman_and_fan(values: list[int], share: int, kind: str) -> None:
    sums = np.array([values], dtype=np.int64) * 10**6
    ones = np.ones(sums.shape, dtype=np.uint8)
    ours = percentile(sums, ones, ones > 0, share, kind)
    if kind == "inverted_cdf":  # the smallest value that at least the share of all values do not exceed
        rank = max(-(-len(values) * share // 1000), 1)
        expected = sorted(values)[rank - 1] / 1000
    else:
        expected = float(np.quantile(np.array(values) / 1000, share / 1000, method=kind))
    assert ours.floats()[0] == pytest.approx(expected, rel=1e-12, abs=1e-9)
    assert float(ours.fraction(0)) == ours.floats()[0]


def test_the_mean_of_a_year_is_that_of_its_valid_days_and_exact() -> None:
    sums = np.array([[20, 21, 100, 7]], dtype=np.int64) * SCALE
    counts = np.array([[20, 21, 24, 3]], dtype=np.uint8)
    year = year_sums(sums, counts, counts >= 20, np.array([0, 0, 1, 1]))
    assert year.fraction(0) == (1 + 1 + Fraction(100, 24)) / 3 and year.days.tolist() == [3]
    assert year.months[0, :3].tolist() == [2, 1, 0]


def test_the_index_of_a_day_and_its_primary_items() -> None:
    cube = np.array([[[102, 51, 50, NA, BEYOND]], [[102, 40, 50, NA, 300]], [[30, NA, 20, NA, NA]]], dtype=np.int16)
    top, first, items = (np.empty((1, 5), dtype=t) for t in (np.int16, np.uint8, np.uint8))
    aqi(cube, top, first, items)
    assert top.tolist() == [[102, 51, 50, NA, BEYOND]]
    assert first.tolist() == [[0b11, 0b1, 0, 0, 0b1]] and items.tolist() == [[3, 2, 3, 0, 2]]
