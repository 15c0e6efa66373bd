"""Sums, counts, running means, percentiles and indices on dense blocks, in whole numbers of 1e-9.

A mean is kept as (sum, count): an exact ratio. Rounding to a place of GB/T 8170 and the index of HJ 633 are whole-number arithmetic, so that
they equal the exact decimals digit for digit. Axes: series, then hours or days.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qingshan.core.errors import OutOfBounds

from ..dense import DIGITS, MISSING, SCALE

__all__ = [
    "BEYOND",
    "NA",
    "OTHER",
    "YearSums",
    "day_sums",
    "floats",
    "fraction",
    "iaqi",
    "mda8",
    "percentile",
    "year_sums",
]

Ints = NDArray[np.int64]
Counts = NDArray[np.uint8]
HOURS = 24
LARGEST = 10**6
"""A larger value could overflow the sum of a year of hours."""

NA, BEYOND, OTHER = -1, -2, -3
"""No value; above the last breakpoint; above the last breakpoint where the edition says to report another averaging."""


@njit(nogil=True, cache=True)
def _day_sums(values, use, lead, largest, sums, counts):
    high = 0
    for s in range(sums.shape[0]):
        for d in range(sums.shape[1]):
            total, n = 0, 0
            a = lead + d * 24
            for t in range(a, min(a + 24, values.shape[1])):
                x = values[s, t]
                if x != MISSING and use[s, t]:
                    total += x
                    n += 1
                    high = max(high, abs(x))
            sums[s, d] = total
            counts[s, d] = n
    return high <= largest


def day_sums(values: Ints, use: NDArray[np.bool_], days: int, lead: int = 0) -> tuple[Ints, Counts]:
    """(sums, counts) of the hours of each day; column `lead` is the first hour of the first day.

    Raises `OutOfBounds` for values whose sum over a year would not fit."""
    sums, counts = np.empty((len(values), days), dtype=np.int64), np.empty((len(values), days), dtype=np.uint8)
    if not _day_sums(values, use, lead, LARGEST * SCALE, sums, counts):
        raise OutOfBounds(
            f"a value is larger than {LARGEST:,}.",
            f"有值大于 {LARGEST:,}。",
            fix="check the unit of the series / 核对该序列的单位",
        )
    return sums, counts


@njit(nogil=True, cache=True)
def _mda8(values, use, lead, first, last, least, sums, counts, windows):
    columns = values.shape[1]
    running = np.zeros(columns + 1, dtype=np.int64)
    seen = np.zeros(columns + 1, dtype=np.int64)
    for s in range(sums.shape[0]):
        for t in range(columns):
            there = values[s, t] != MISSING and use[s, t]
            running[t + 1] = running[t] + (values[s, t] if there else 0)
            seen[t + 1] = seen[t] + there
        for d in range(sums.shape[1]):
            best, of, n_windows = 0, 0, 0
            for h in range(first, last + 1):
                a = max(lead + d * 24 + h, 0)
                b = min(lead + d * 24 + h + 8, columns)
                if b <= a:
                    continue
                n = seen[b] - seen[a]
                if n < least:
                    continue
                n_windows += 1
                total = running[b] - running[a]
                if of == 0 or total * of > best * n:
                    best, of = total, n
            sums[s, d], counts[s, d], windows[s, d] = best, of, n_windows


def mda8(
    values: Ints, use: NDArray[np.bool_], days: int, windows: tuple[int, int], least: int, lead: int = 0
) -> tuple[Ints, Counts, Counts]:
    """(sum, count, valid windows) of the largest 8 h mean of each day. `windows`: first and last hour at which one begins
    (`rules.WINDOWS`), `least` hours make a window valid. Count 0: none is valid. Hours outside the block count as missing."""
    shape = (len(values), days)
    sums, counts, found = (
        np.empty(shape, dtype=np.int64),
        np.empty(shape, dtype=np.uint8),
        np.empty(shape, dtype=np.uint8),
    )
    _mda8(values, use, lead, windows[0], windows[1], least, sums, counts, found)
    return sums, counts, found


def floats(sums: Ints, counts: Counts) -> NDArray[np.float64]:
    """The means as floats, NaN where the count is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(counts > 0, sums / counts.astype(np.float64), np.nan) / SCALE


def fraction(total: int, count: int) -> Fraction:
    """The exact mean."""
    return Fraction(int(total), int(count) * SCALE)


class YearSums:
    """Valid days of one year by series: `days` (series), `months` (series, 12), and sums by the count behind each day.

    The mean of a year is the mean of its valid daily means: sum over n of buckets[n] / n, over the days.
    """

    def __init__(self, buckets: Ints, months: NDArray[np.int16]) -> None:
        self.buckets, self.months = buckets, months
        self.days = months.sum(axis=1)

    def fraction(self, i: int) -> Fraction:
        """The exact mean of series i. Raises `ZeroDivisionError` without a valid day."""
        return sum((Fraction(int(b), n) for n, b in enumerate(self.buckets[i]) if n and b), Fraction(0)) / (
            int(self.days[i]) * SCALE
        )

    def floats(self) -> NDArray[np.float64]:
        """The means, each the float nearest to the exact one; NaN without a valid day."""
        return np.array([float(self.fraction(i)) if n else np.nan for i, n in enumerate(self.days)])


@njit(nogil=True, cache=True)
def _year_sums(sums, counts, valid, month, buckets, months):
    for s in range(sums.shape[0]):
        for d in range(sums.shape[1]):
            if valid[s, d]:
                buckets[s, counts[s, d]] += sums[s, d]
                months[s, month[d]] += 1


def year_sums(sums: Ints, counts: Counts, valid: NDArray[np.bool_], month: NDArray[np.int64]) -> YearSums:
    """The valid days of a year; `month` (days) is 0 to 11."""
    buckets, months = np.zeros((len(sums), HOURS + 1), dtype=np.int64), np.zeros((len(sums), 12), dtype=np.int16)
    _year_sums(sums, counts, valid, month, buckets, months)
    return YearSums(buckets, months)


PARTS = 3000  # a position between two values is a whole number of 1/3000, whatever the interpolation
KINDS = ("linear", "weibull", "hazen", "median_unbiased", "inverted_cdf")


@njit(nogil=True, cache=True)
def _percentile(sums, counts, valid, share, kind, low, high, weight, seen):
    days = sums.shape[1]
    keys = np.empty(days, dtype=np.float64)
    place = np.empty(days, dtype=np.int64)
    for s in range(sums.shape[0]):
        n = 0
        for d in range(days):
            if valid[s, d]:
                keys[n] = sums[s, d] / counts[s, d]
                place[n] = d
                n += 1
        seen[s] = n
        if n == 0:
            continue
        order = np.argsort(keys[:n])
        if kind == 0:
            at = (n - 1) * share * 3
        elif kind == 1:
            at = (n + 1) * share * 3 - 3000
        elif kind == 2:
            at = n * share * 3 - 1500
        elif kind == 3:
            at = (3 * n + 1) * share - 2000
        else:
            at = ((n * share + 999) // 1000 - 1) * 3000
        at = min(max(at, 0), (n - 1) * 3000)
        j = at // 3000
        low[s] = place[order[j]]
        high[s] = place[order[min(j + 1, n - 1)]]
        weight[s] = at - j * 3000


class Percentiles:
    """Where the percentile of each series lies: between the days `low` and `high`, `weight`/3000 of the way; `n` values."""

    def __init__(self, sums: Ints, counts: Counts, low: Ints, high: Ints, weight: Ints, n: Ints) -> None:
        rows = np.arange(len(sums))
        self.n, self.weight = n, weight
        self.low = (sums[rows, low], counts[rows, low])
        self.high = (sums[rows, high], counts[rows, high])

    def fraction(self, i: int) -> Fraction:
        """The exact percentile of series i."""
        a, b = (fraction(part[0][i], part[1][i]) for part in (self.low, self.high))
        return a + (b - a) * Fraction(int(self.weight[i]), PARTS)

    def floats(self) -> NDArray[np.float64]:
        return np.array([float(self.fraction(i)) if n else np.nan for i, n in enumerate(self.n)])


def percentile(sums: Ints, counts: Counts, valid: NDArray[np.bool_], share: int, interpolation: str) -> Percentiles:
    """Percentile of the valid days of each series; `share` in thousandths (950: P95), `interpolation` one of `rules.INTERPOLATIONS`."""
    n = len(sums)
    low, high, weight, seen = (np.zeros(n, dtype=np.int64) for _ in range(4))
    _percentile(sums, counts, valid, share, KINDS.index(interpolation), low, high, weight, seen)
    return Percentiles(sums, counts, low, high, weight, seen)


@njit(nogil=True, cache=True)
def _iaqi(sums, counts, valid, unit, points, index, over, out):
    last = points.size - 1
    for s in range(sums.shape[0]):
        for d in range(sums.shape[1]):
            if not valid[s, d]:
                out[s, d] = NA
                continue
            of = counts[s, d] * unit
            c = sums[s, d] // of
            rest = sums[s, d] - c * of
            if 2 * rest > of or (2 * rest == of and c % 2 != 0):
                c += 1
            if c < points[0]:
                out[s, d] = NA
            elif c > points[last]:
                out[s, d] = over
            else:
                j = 1
                while c > points[j]:
                    j += 1
                num = (index[j] - index[j - 1]) * (c - points[j - 1])
                out[s, d] = index[j - 1] - (-num) // (points[j] - points[j - 1])


def iaqi(
    sums: Ints, counts: Counts, valid: NDArray[np.bool_], points: Ints, index: Ints, places: int, over: int = BEYOND
) -> NDArray[np.int16]:
    """IAQI of each mean, rounded to `places` decimals by GB/T 8170 before and up to a whole number after.

    `points` are breakpoints in whole numbers of 10^-places, `index` their IAQI. Above the last: `over` (`BEYOND`, `OTHER`, or the IAQI
    that the edition's note gives). `NA` where not valid, or below the first breakpoint."""
    out = np.empty(sums.shape, dtype=np.int16)
    unit = 10 ** (DIGITS - places)
    _iaqi(sums, counts, valid, unit, points.astype(np.int64), index.astype(np.int64), over, out)
    return out


@njit(nogil=True, cache=True)
def aqi(index, out, first, items):
    """AQI of each site and day from `index` (items, sites, days): the largest, `first` the bits of the items that reach it where it
    is above 50, `items` how many have an IAQI. `BEYOND` if an item is beyond its table, `NA` if none has one."""
    for s in range(index.shape[1]):
        for d in range(index.shape[2]):
            top, n, beyond = NA, 0, False
            for k in range(index.shape[0]):
                v = index[k, s, d]
                beyond = beyond or v == BEYOND
                if v >= 0 or v == BEYOND:
                    n += 1
                top = max(top, v) if v >= 0 else top
            bits = 0
            for k in range(index.shape[0]):
                if (beyond and index[k, s, d] == BEYOND) or (not beyond and top > 50 and index[k, s, d] == top):
                    bits |= 1 << k
            out[s, d] = BEYOND if beyond else top
            first[s, d] = bits
            items[s, d] = n
