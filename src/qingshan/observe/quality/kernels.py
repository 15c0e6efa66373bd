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
PASSED, FOUND, FAILS, MISSED = range(4)  # what one test says of one value
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
    for part in segments:
        _judge(
            block.values, block.censored, block.repeated, block.status, none if buddy is None else buddy, block.regular,
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
def _range(x, limit):
    if x < limit[FAIL_MIN] or x > limit[FAIL_MAX]:
        return FAILS
    return FOUND if x < limit[SUSPECT_MIN] or x > limit[SUSPECT_MAX] else PASSED


@njit(nogil=True, cache=True)
def _spike(row, t, x, limit):
    if t == 0 or t + 1 >= row.size or row[t - 1] == MISSING or row[t + 1] == MISSING:
        return MISSED
    twice = abs(2 * x - row[t - 1] - row[t + 1])
    if limit[SPIKE_4] <= SPIKE_LARGEST and twice > 2 * limit[SPIKE_4]:
        return FAILS
    return FOUND if limit[SPIKE_3] <= SPIKE_LARGEST and twice > 2 * limit[SPIKE_3] else PASSED


@njit(nogil=True, cache=True)
def _rate(row, t, x, limit):
    if t == 0 or row[t - 1] == MISSING:
        return MISSED
    return FOUND if abs(x - row[t - 1]) > limit[RATE] else PASSED


@njit(nogil=True, cache=True)
def _relation(x, bound, tolerance):
    if bound == MISSING:
        return MISSED
    return FOUND if x > bound + tolerance else PASSED


@njit(nogil=True, cache=True)
def _noted(masks, bit, code):
    """Enter what one test says into the masks (found, failed, missed)."""
    if code == FOUND:
        masks[0] |= np.uint32(1 << bit)
    elif code == FAILS:
        masks[1] |= np.uint32(1 << bit)
    elif code == MISSED:
        masks[2] |= np.uint32(1 << bit)


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
        if need[bit] == ALWAYS or (need[bit] == FORGIVEN and not whole):
            strict |= np.uint32(1 << bit)
    return lacking, strict


@njit(nogil=True, cache=True)
def _received(masks, word, levels, worded, repeated, censored, need):
    """What the carrier says of a cell: enters its tests; returns (no value by its status word, word unknown and required)."""
    level = levels[word] if word != 0 and worded else 0
    if level == UNKNOWN_WORD:
        _noted(masks, B_STATUS, MISSED)
    elif level != 0:
        _noted(masks, B_STATUS, FOUND)
    if repeated:
        _noted(masks, B_TWICE, FOUND)
    if censored:
        _noted(masks, B_LIMIT, FOUND)
    return level == NO_VALUE, level == UNKNOWN_WORD and need != 0


@njit(nogil=True, cache=True)
def _outward(found, failed, missed, stop, unknown):
    """The aggregate of section 2: 9, else 4 if any, else 3 if any, else 2 if a required test did not run, else 1."""
    if stop:
        return NO_VALUE
    if failed != 0:
        return FAIL
    if found & ~np.uint32(1 << B_LIMIT) != 0:
        return SUSPECT
    return NOT_EVALUATED if missed != 0 or unknown else GOOD


@njit(nogil=True, cache=True)
def _equals(row, t, x, eps, most, before):
    """How many of the last points up to t are alike; `before` is how many up to t - 1 are, which is enough where eps is 0."""
    if eps != 0:
        return _alike(row, t, x, eps, most)
    return before + 1 if t > 0 and row[t - 1] == x else 1


@njit(nogil=True, cache=True)
def _judge(
    values, censored, repeated, status, buddy, regular, limits, runs, required, other, levels, first, last, flag, tests, not_run
):  # fmt: skip
    masks = np.zeros(3, dtype=np.uint32)
    for s in range(values.shape[0]):
        row, limit = values[s], limits[s]
        lacking, strict = _lacking(runs[s], required[s], regular, other[s], buddy.size > 0)
        can = ~lacking
        in_range, relation, near = can >> B_RANGE & 1, can >> B_RELATION & 1, can >> B_BUDDY & 1
        spike, rate, flat = can >> B_SPIKE & 1, can >> B_RATE & 1, can >> B_FLAT & 1
        most = limit[FLAT_3] if limit[FLAT_4] == NO_BOUND else max(limit[FLAT_3], limit[FLAT_4])
        run = _alike(row, first - 1, row[first - 1], 0, most) if flat and first > 0 and row[first - 1] != MISSING else 0
        for t in range(first, last):
            x = row[t]
            masks[0], masks[1], masks[2] = 0, 0, lacking
            stop, unknown = _received(
                masks, status[s, t], levels[s], runs[s, B_STATUS], repeated[s, t], censored[s, t], required[s, B_STATUS]
            )
            if x == MISSING:
                run = 0
                tests[s, t] = masks[0] | np.uint32(1 << B_MISSING)
                not_run[s, t] = masks[2] | np.uint32(OF_VALUE)
                flag[s, t] = NO_VALUE
                continue
            if in_range:
                _noted(masks, B_RANGE, _range(x, limit))
            if spike:
                _noted(masks, B_SPIKE, _spike(row, t, x, limit))
            if rate:
                _noted(masks, B_RATE, _rate(row, t, x, limit))
            if flat:
                run = _equals(row, t, x, limit[EPS], most, run)
                _noted(masks, B_FLAT, FAILS if run >= limit[FLAT_4] else FOUND if run >= limit[FLAT_3] else PASSED)
            if relation:
                _noted(masks, B_RELATION, _relation(x, values[other[s], t], limit[TOLERANCE]))
            if near:
                _noted(masks, B_BUDDY, (PASSED, FOUND, MISSED)[buddy[s, t]])
            found, failed, missed = masks[0], masks[1], masks[2]
            tests[s, t] = found | failed | failed << np.uint32(FAILED)
            not_run[s, t] = missed
            flag[s, t] = _outward(found, failed, missed & strict, stop, unknown)


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
