"""Passes over the flow: each visits every cell once, after all cells it depends on.

`accumulate` adds weights downstream. `descend` and `climb` are templates (`weave.py`): the first carries a quantity down,
the second carries a value up, by formulas that a domain declares. All take the cells of a `Lattice` as flat arrays, D8
directions (uint8) or MFD shares (uint32) as `directions.py` writes them. Work is in place and in one fixed order, so results
do not depend on anything but the input.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from .directions import NO_FLOW, NO_SHARES, OUTLET

__all__ = [
    "accumulate_d8", "accumulate_mfd", "below_d8", "below_mfd", "climb_d8", "climb_mfd", "descend_d8", "descend_mfd", "inflows_d8",
    "inflows_mfd",
]  # fmt: skip

_OUTLET, _NO_SHARES, _NO_FLOW = OUTLET, NO_SHARES, NO_FLOW


@njit(nogil=True, cache=True)
def inflows_d8(direction: Any, offsets: Any) -> Any:
    """Number of neighbours that drain into a cell; 255 where there is no flow."""
    count = np.zeros(direction.size, np.uint8)
    for i in range(direction.size):
        code = direction[i]
        if code == _NO_FLOW:
            count[i] = 255
        elif code < _OUTLET:
            count[i + offsets[code]] += 1
    return count


@njit(nogil=True, cache=True)
def inflows_mfd(shares: Any, offsets: Any) -> Any:
    """Number of neighbours that drain into a cell; 255 where there is no flow."""
    count = np.zeros(shares.size, np.uint8)
    for i in range(shares.size):
        packed = shares[i]
        if packed == _NO_SHARES:
            count[i] = 255
            continue
        for k in range(8):
            if (packed >> np.uint32(4 * k)) & np.uint32(15):
                count[i + offsets[k]] += 1
    return count


@njit(nogil=True, cache=True)
def accumulate_d8(direction: Any, offsets: Any, x: Any) -> None:
    """Add to every cell the values of all cells above it, in place: x_i + sum of x_j over all j that drain into i."""
    waiting = inflows_d8(direction, offsets)
    for first in range(direction.size):
        i = first
        while waiting[i] == 0:
            waiting[i] = 254
            code = direction[i]
            if code >= 8:
                break
            n = i + offsets[code]
            x[n] += x[i]
            waiting[n] -= 1
            i = n


@njit(nogil=True, cache=True)
def accumulate_mfd(shares: Any, offsets: Any, x: Any) -> None:
    """As `accumulate_d8`, each cell giving its value away by shares."""
    waiting = inflows_mfd(shares, offsets)
    stack = np.empty(1024, np.uint32)
    for first in range(shares.size):
        if waiting[first] != 0:
            continue
        stack[0], count = first, 1
        while count > 0:
            count -= 1
            i = np.int64(stack[count])
            waiting[i] = 254
            packed, total = shares[i], np.int64(0)
            if packed == 0:
                continue
            for k in range(8):
                total += np.int64((packed >> np.uint32(4 * k)) & np.uint32(15))
            unit = x[i] / total
            if count + 8 > stack.size:
                wider = np.empty(stack.size * 2, np.uint32)
                wider[: stack.size] = stack
                stack = wider
            for k in range(8):
                share = np.int64((packed >> np.uint32(4 * k)) & np.uint32(15))
                if share:
                    n = i + offsets[k]
                    x[n] += share * unit
                    waiting[n] -= 1
                    if waiting[n] == 0:
                        stack[count] = n
                        count += 1


@njit(nogil=True, cache=True)
def below_d8(direction: Any, offsets: Any, value: Any, missing: float, out: Any, first: int, last: int) -> None:
    """The value of the cell that a cell drains into, `missing` where it drains nowhere; cells `first` to `last` - 1."""
    for i in range(first, last):
        code = direction[i]
        if code != _NO_FLOW:
            out[i] = value[i + offsets[code]] if code < _OUTLET else missing


@njit(nogil=True, cache=True)
def below_mfd(shares: Any, offsets: Any, value: Any, missing: float, out: Any, first: int, last: int) -> None:
    """The mean value of the cells below by shares; an unknown value counts as `missing`."""
    for i in range(first, last):
        packed = shares[i]
        if packed == _NO_SHARES:
            continue
        total, mean = np.int64(0), 0.0
        for k in range(8):
            share = np.int64((packed >> np.uint32(4 * k)) & np.uint32(15))
            if share:
                v = value[i + offsets[k]]
                total += share
                mean += share * (missing if np.isnan(v) else v)
        out[i] = mean / total if total else missing


def climb_d8(step, at, direction, offsets, lengths, value, outlet):
    """Carry a value up the flow: `value_i = step(*at(i), length, value below)`.

    `value` holds the given values of the cells where the way ends (streams) and NaN elsewhere; `outlet` is the value below an
    outlet (NaN: nothing above it has a value). While the pass runs, infinity stands for a cell found to have none.
    """
    path = np.empty(1024, np.uint32)
    for first in range(direction.size):
        if direction[first] == 255:
            continue
        i, count = first, 0
        while np.isnan(value[i]):
            if count == path.size:
                wider = np.empty(path.size * 2, np.uint32)
                wider[:count] = path
                path = wider
            path[count] = i
            count += 1
            code = direction[i]
            if code >= 8:
                break
            i = i + offsets[code]
        while count > 0:
            count -= 1
            i = np.int64(path[count])  # type: ignore[assignment]
            code = direction[i]
            if code < 8:
                below, length = value[i + offsets[code]], lengths[code]
            else:
                below, length = outlet, lengths[0]
            known = not np.isnan(below) and below != np.inf
            value[i] = step(*at(i), length, below) if known else np.inf
            if np.isnan(value[i]):
                value[i] = np.inf
    for i in range(value.size):
        if value[i] == np.inf:
            value[i] = np.nan


def climb_mfd(step, at, shares, offsets, lengths, value, outlet):  # noqa: PLR0912 - one loop, compiled
    """As `climb_d8`: the mean of the steps to the cells below, by shares; ways that never end in a value are left out."""
    waiting = np.zeros(shares.size, np.uint8)
    stack = np.empty(1024, np.uint32)
    for i in range(shares.size):
        packed = shares[i]
        if packed == 4294967295:
            waiting[i] = 255
            continue
        for k in range(8):
            if (packed >> np.uint32(4 * k)) & np.uint32(15):
                waiting[i] += 1
    for first in range(shares.size):
        if waiting[first] != 0:
            continue
        stack[0], count = first, 1
        while count > 0:
            count -= 1
            i = np.int64(stack[count])  # type: ignore[assignment]
            waiting[i] = 254
            packed = shares[i]
            if np.isnan(value[i]):
                total, mean = np.int64(0), 0.0
                for k in range(8):
                    share = np.int64((packed >> np.uint32(4 * k)) & np.uint32(15))
                    if share:
                        below = value[i + offsets[k]]
                        if not np.isnan(below):
                            total += share
                            mean += share * step(*at(i), lengths[k], below)
                if total:
                    value[i] = mean / total
                elif packed == 0 and not np.isnan(outlet):
                    value[i] = step(*at(i), lengths[0], outlet)
            if count + 8 > stack.size:
                wider = np.empty(stack.size * 2, np.uint32)
                wider[: stack.size] = stack
                stack = wider
            for k in range(8):
                n = i + offsets[k]
                if 0 < waiting[n] < 254 and (shares[n] >> np.uint32(4 * ((k + 4) & 7))) & np.uint32(15):
                    waiting[n] -= 1
                    if waiting[n] == 0:
                        stack[count] = n
                        count += 1


def descend_d8(keep, send, at_keep, at_send, direction, offsets, waiting, x):
    """Carry a quantity down: what comes in is `x_i`; `send(*at_send(i), x_i)` goes on, `keep(*at_keep(i), x_i)` takes the place of x_i.

    `waiting` is the number of inflows of each cell (`inflows_d8`), used up by the pass; `x` starts as what comes in from
    outside (0). A formula without a value (NaN) sends nothing on and keeps nothing known.
    """
    for first in range(direction.size):
        i = first
        while waiting[i] == 0:
            waiting[i] = 254
            code = direction[i]
            inflow = x[i]
            x[i] = keep(*at_keep(i), inflow)
            if code >= 8:
                break
            n = i + offsets[code]
            out = send(*at_send(i), inflow)
            if not np.isnan(out):
                x[n] += out
            waiting[n] -= 1
            i = n


def descend_mfd(keep, send, at_keep, at_send, shares, offsets, waiting, x):
    """As `descend_d8`, by shares."""
    stack = np.empty(1024, np.uint32)
    for first in range(shares.size):
        if waiting[first] != 0:
            continue
        stack[0], count = first, 1
        while count > 0:
            count -= 1
            i = np.int64(stack[count])
            waiting[i] = 254
            packed, total = shares[i], np.int64(0)
            inflow = x[i]
            x[i] = keep(*at_keep(i), inflow)
            if packed == 0:
                continue
            for k in range(8):
                total += np.int64((packed >> np.uint32(4 * k)) & np.uint32(15))
            out = send(*at_send(i), inflow) / total
            if np.isnan(out):
                out = 0.0
            if count + 8 > stack.size:
                wider = np.empty(stack.size * 2, np.uint32)
                wider[: stack.size] = stack
                stack = wider
            for k in range(8):
                share = np.int64((packed >> np.uint32(4 * k)) & np.uint32(15))
                if share:
                    n = i + offsets[k]
                    x[n] += share * out
                    waiting[n] -= 1
                    if waiting[n] == 0:
                        stack[count] = n
                        count += 1
