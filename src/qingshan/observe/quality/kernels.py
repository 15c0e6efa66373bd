"""The tests of the quality control, one pass over a dense block. Values and limits are whole numbers of 1e-9: comparisons are exact.

Outward flags are those of QARTOD: 1 good, 2 not evaluated, 3 suspect, 4 fail, 9 missing. `tests` has bit i where test i found something and
bit 16 + i where it found a failure; `not_run` has bit i where test i could not run. A test sees values, never flags, so that no
order of tests matters.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..dense import MISSING, Block
from .plan import NO_BOUND, SLOT, TESTS, TOLERANCE, Segment

__all__ = ["FAIL", "GOOD", "NOT_EVALUATED", "NO_VALUE", "SUSPECT", "Flags", "buddy_codes", "judge"]

GOOD, NOT_EVALUATED, SUSPECT, FAIL, NO_VALUE = 1, 2, 3, 4, 9
FAILED = 16

B_MISSING, B_RANGE, B_SPIKE, B_RATE, B_FLAT, B_RELATION, B_BUDDY, B_STATUS, B_LIMIT, B_TWICE = range(len(TESTS))
FAIL_MIN, FAIL_MAX = SLOT["gross_range", "fail_min"], SLOT["gross_range", "fail_max"]
SUSPECT_MIN, SUSPECT_MAX = SLOT["gross_range", "suspect_min"], SLOT["gross_range", "suspect_max"]
SPIKE_3, SPIKE_4 = SLOT["spike", "suspect"], SLOT["spike", "fail"]
RATE = SLOT["rate_of_change", "limit"]
FLAT_3, FLAT_4, EPS = SLOT["flat_line", "n_suspect"], SLOT["flat_line", "n_fail"], SLOT["flat_line", "eps"]
FORGIVEN, ALWAYS = 1, 2
UNKNOWN_WORD = 255
PASSED, FOUND, FAILS, MISSED = (
    0,
    1,
    1 << 16,
    1 << 32,
)  # what one test says of one value: shifted by its bit, all fit one word
LOW = 0xFFFF
OF_VALUE = ((1 << len(TESTS)) - 1) & ~(1 << B_MISSING | 1 << B_STATUS | 1 << B_TWICE)
SPIKE_LARGEST = 2**62 - 1


class Flags:
    """`flag` (series, times) u8, `tests` and `not_run` u32 of one block."""

    __slots__ = ("flag", "not_run", "tests")

    def __init__(self, shape: tuple[int, int]) -> None:
        self.flag = np.zeros(shape, dtype=np.uint8)
        self.tests = np.zeros(shape, dtype=np.uint32)
        self.not_run = np.zeros(shape, dtype=np.uint32)

    def cut(self, first: int, last: int) -> Flags:
        part = Flags((0, 0))
        part.flag, part.tests, part.not_run = (
            self.flag[:, first:last],
            self.tests[:, first:last],
            self.not_run[:, first:last],
        )
        return part


def judge(
    block: Block, segments: list[Segment], buddy: NDArray[np.uint8] | None = None, into: Flags | None = None
) -> Flags:
    """Flags of every cell. `buddy` (series, times): 0 passed, 1 found, 2 could not run; without it the spatial test did not run."""
    flags = into or Flags(block.shape)
    none = np.zeros((0, 0), dtype=np.uint8)
    plain = ~(block.censored.any(axis=1) | block.repeated.any(axis=1) | block.status.any(axis=1))
    for part in segments:
        _judge(
            plain, block.values, block.censored, block.repeated, block.status, none if buddy is None else buddy, block.regular,
            part.limits, part.runs, part.required, part.other, part.levels, part.first, part.last, flags.flag, flags.tests, flags.not_run,
        )  # fmt: skip
    return flags


@njit(nogil=True, cache=True)
def _alike(row, t, x, eps, most):
    """How many of the last points up to t lie within eps of each other; no more than `most` are counted."""
    low, high, n = x, x, 1
    while n < most and t - n >= 0:
        y = row[t - n]
        if y == MISSING:
            break
        low, high = min(low, y), max(high, y)
        if high - low > eps:
            break
        n += 1
    return n


@njit(nogil=True, cache=True)
def _range(x, fail_min, fail_max, suspect_min, suspect_max):
    if x < fail_min or x > fail_max:
        return FAILS
    return FOUND if x < suspect_min or x > suspect_max else PASSED


@njit(nogil=True, cache=True)
def _spike(before, x, after, suspect, fail):
    """The limits are doubled, as the difference is."""
    if min(before, after) == MISSING:  # the least of all whole numbers
        return MISSED
    twice = abs(2 * x - before - after)
    if twice > fail:
        return FAILS
    return FOUND if twice > suspect else PASSED


@njit(nogil=True, cache=True)
def _doubled(limit):
    return 2 * limit if limit <= SPIKE_LARGEST else NO_BOUND


@njit(nogil=True, cache=True)
def _rate(before, x, most):
    if before == MISSING:
        return MISSED
    return FOUND if abs(x - before) > most else PASSED


@njit(nogil=True, cache=True)
def _relation(x, bound, tolerance):
    if bound == MISSING:
        return MISSED
    return FOUND if x > bound + tolerance else PASSED


@njit(nogil=True, cache=True)
def _lacking(runs, need, regular, other, near):
    """(tests that cannot run on the series at all, tests whose absence makes a value `not evaluated`) as masks."""
    lacking, strict = np.uint32(0), np.uint32(0)
    for bit in range(runs.size):
        whole = runs[bit]
        if bit in (B_SPIKE, B_RATE, B_FLAT):
            whole = whole and regular
        elif bit == B_RELATION:
            whole = whole and other >= 0
        elif bit == B_BUDDY:
            whole = whole and near
        if not whole:
            lacking |= np.uint32(1 << bit)
        if need[bit] == ALWAYS or (need[bit] == FORGIVEN and (not whole or bit == B_STATUS)):
            strict |= np.uint32(1 << bit)
    return lacking, strict


@njit(nogil=True, cache=True)
def _can(lacking, bit):
    return lacking & np.uint32(1 << bit) == 0


@njit(nogil=True, cache=True)
def _received(word, levels, worded, repeated, censored):
    """What the carrier says of a cell: its tests, and the level of its status word."""
    level = levels[word] if word != 0 and worded else 0
    said = 0
    if level == UNKNOWN_WORD:
        said |= MISSED << B_STATUS
    elif level != 0:
        said |= FOUND << B_STATUS
    if repeated:
        said |= FOUND << B_TWICE
    if censored:
        said |= FOUND << B_LIMIT
    return said, level


@njit(nogil=True, cache=True)
def _outward(found, failed, missed):
    """The aggregate of section 2 where there is a value: 4 if any, else 3 if any, else 2 if a required test did not run, else 1."""
    if failed != 0:
        return FAIL
    if found & ~(1 << B_LIMIT) != 0:
        return SUSPECT
    return NOT_EVALUATED if missed != 0 else GOOD


@njit(nogil=True, cache=True)
def _equals(row, t, x, eps, most, before, n_before):
    """How many of the last points up to t are alike; `n_before` is how many up to t - 1 are, which is enough where eps is 0."""
    if eps != 0:
        return _alike(row, t, x, eps, most)
    return n_before + 1 if before == x else 1


@njit(nogil=True, cache=True)
def _judge(
    plain, values, censored, repeated, status, buddy, regular, limits, runs, required, other, levels, first, last, flag, tests, not_run
):  # fmt: skip
    for s in range(values.shape[0]):
        row, limit = values[s], limits[s]
        lacking, strict = _lacking(runs[s], required[s], regular, other[s], buddy.size > 0)
        in_range, relation, near = _can(lacking, B_RANGE), _can(lacking, B_RELATION), _can(lacking, B_BUDDY)
        spike, rate, flat = _can(lacking, B_SPIKE), _can(lacking, B_RATE), _can(lacking, B_FLAT)
        fail_min, fail_max, suspect_min, suspect_max = (
            limit[FAIL_MIN],
            limit[FAIL_MAX],
            limit[SUSPECT_MIN],
            limit[SUSPECT_MAX],
        )
        spike_3, spike_4, most_rate, tolerance = (
            _doubled(limit[SPIKE_3]),
            _doubled(limit[SPIKE_4]),
            limit[RATE],
            limit[TOLERANCE],
        )
        flat_3, flat_4, eps = limit[FLAT_3], limit[FLAT_4], limit[EPS]
        most = flat_3 if flat_4 == NO_BOUND else max(flat_3, flat_4)
        before = row[first - 1] if first > 0 else MISSING
        run = _alike(row, first - 1, before, 0, most) if flat and before != MISSING else 0
        level = 0
        for t in range(first, last):
            x = row[t]
            said = 0
            if not plain[s]:
                said, level = _received(status[s, t], levels[s], runs[s, B_STATUS], repeated[s, t], censored[s, t])
            if x == MISSING:
                below = censored[s, t]  # received, below its detection limit: not missing, and no number either
                missed = said >> 32 | lacking | OF_VALUE
                tests[s, t] = said & LOW | (0 if below else 1 << B_MISSING)
                not_run[s, t] = missed
                flag[s, t] = _outward(said & LOW, 0, missed & strict) if below and level != NO_VALUE else NO_VALUE
                before = MISSING
                continue
            if in_range:
                said |= _range(x, fail_min, fail_max, suspect_min, suspect_max) << B_RANGE
            if spike:
                said |= _spike(before, x, row[t + 1] if t + 1 < row.size else MISSING, spike_3, spike_4) << B_SPIKE
            if rate:
                said |= _rate(before, x, most_rate) << B_RATE
            if flat:
                run = _equals(row, t, x, eps, most, before, run)
                said |= (FAILS if run >= flat_4 else FOUND if run >= flat_3 else PASSED) << B_FLAT
            if relation:
                said |= _relation(x, values[other[s], t], tolerance) << B_RELATION
            if near:
                said |= (FOUND if buddy[s, t] == 1 else MISSED if buddy[s, t] == 2 else PASSED) << B_BUDDY
            before = x
            found, failed, missed = said & LOW, said >> 16 & LOW, said >> 32
            tests[s, t] = found | failed | failed << FAILED
            not_run[s, t] = missed | lacking
            flag[s, t] = NO_VALUE if level == NO_VALUE else _outward(found, failed, (missed | lacking) & strict)


def neighbours(
    lon: NDArray[np.float64], lat: NDArray[np.float64], radius_km: float
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Sites within the radius of each site, itself left out, as (offsets (n + 1), indices). Sites without a position have none.

    Great-circle distance on a sphere of 6,371.0088 km (mean radius of the GRS80 ellipsoid)."""
    n = len(lon)
    x, y = np.radians(lon), np.radians(lat)
    offsets = np.zeros(n + 1, dtype=np.int64)
    found: list[NDArray[np.int32]] = []
    for i in range(n):
        h = np.sin((y - y[i]) / 2) ** 2 + np.cos(y) * math.cos(y[i]) * np.sin((x - x[i]) / 2) ** 2
        with np.errstate(invalid="ignore"):
            near = 2 * 6371.0088 * np.arcsin(np.sqrt(np.clip(h, 0, 1))) <= radius_km
        near[i] = False
        found.append(np.flatnonzero(near).astype(np.int32))
        offsets[i + 1] = offsets[i] + len(found[-1])
    return offsets, np.concatenate(found) if found else np.zeros(0, dtype=np.int32)


@njit(nogil=True, cache=True)
def _middle_twice(box, n):
    """Twice the median of box[:n], which gets sorted."""
    for i in range(1, n):
        x = box[i]
        j = i - 1
        while j >= 0 and box[j] > x:
            box[j + 1] = box[j]
            j -= 1
        box[j + 1] = x
    return box[n // 2] + box[(n - 1) // 2]


@njit(nogil=True, cache=True)
def buddy_codes(values, offsets, near, k, at_least, mad_min, first, last, codes):
    """Spatial test of one property: `values` (sites, times) in 1e-9, `codes` (sites, times) 0 passed, 1 found, 2 could not run.

    |x - median of neighbours| > k * max(MAD, mad_min), MAD the median of |neighbour - their median|. `k` and `mad_min` in units of 1.
    """
    longest = 0
    for s in range(values.shape[0]):
        longest = max(longest, offsets[s + 1] - offsets[s])
    box = np.empty(max(longest, 1), dtype=np.int64)
    for s in range(values.shape[0]):
        for t in range(first, last):
            x = values[s, t]
            if x == MISSING:
                codes[s, t] = 2
                continue
            n = 0
            for i in range(offsets[s], offsets[s + 1]):
                y = values[near[i], t]
                if y != MISSING:
                    box[n] = y
                    n += 1
            if n < at_least or n == 0:
                codes[s, t] = 2
                continue
            middle = _middle_twice(box, n)
            for i in range(n):
                box[i] = abs(2 * box[i] - middle)
            mad = _middle_twice(box, n) / 4.0
            codes[s, t] = 1 if abs(2 * x - middle) / 2.0 > k * max(mad, mad_min) else 0
