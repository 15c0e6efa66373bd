"""Passes over the flow: each visits every cell once, after all cells it depends on.

`accumulate` adds weights downstream. `descend` and `climb` are templates (`weave.py`): the first carries a quantity down,
the second carries a value up, by formulas that a domain declares. All take the cells of a `Lattice` as flat arrays, D8
directions (uint8) or MFD shares (uint32) as `directions.py` writes them. Work is in place and in one fixed order, so results
do not depend on anything but the input. Shared flow is ordered once (`order_mfd`); every pass then goes along the order.

Eight shares of four bits are read without a loop over the empty ones: `bits` has one bit for each neighbour that gets
something, `(lowest bit * PLACE >> 29) & 7` is the number of that neighbour, and the sum of the shares comes from one product.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from .directions import NO_FLOW, NO_SHARES, OUTLET

__all__ = [
    "accumulate_d8", "accumulate_mfd", "below_d8", "below_mfd", "blank", "climb_d8", "climb_mfd", "descend_d8", "descend_mfd",
    "enter", "inflows_d8", "leave", "order_mfd",
]  # fmt: skip

_OUTLET, _NO_SHARES, _NO_FLOW = OUTLET, NO_SHARES, NO_FLOW
_PLACE = sum(k << (29 - 4 * k) for k in range(8))
_EACH, _LOW, _SUM = 0x11111111, 0x0F0F0F0F, 0x01010101


@njit(nogil=True, cache=True)
def blank(to: Any, missing: Any, x: Any, value: Any) -> None:
    """Put `value` where there is no flow."""
    for i in range(to.size):
        if to[i] == missing:
            x[i] = value


@njit(nogil=True, cache=True)
def inflows_d8(direction: Any, offsets: Any, count: Any) -> None:
    """Number of neighbours that drain into a cell; 255 where there is no flow. `count` starts as 0."""
    for i in range(direction.size):
        code = direction[i]
        if code == _NO_FLOW:
            count[i] = 255
        elif code < _OUTLET:
            count[i + offsets[code]] += 1


@njit(nogil=True, cache=True)
def order_mfd(shares: Any, offsets: Any, waiting: Any, order: Any) -> int:
    """Put the cells in an order in which each stands after all cells above it; how many they are. `waiting` starts as 0."""
    for i in range(shares.size):
        packed = np.int64(shares[i])
        if packed == _NO_SHARES:
            waiting[i] = 255
            continue
        bits = ((packed | packed >> 1) | (packed >> 2 | packed >> 3)) & _EACH
        while bits:
            waiting[i + offsets[((bits & -bits) * _PLACE >> 29) & 7]] += 1
            bits &= bits - 1
    stack, done = np.empty(1024, np.uint32), 0
    for first in range(shares.size):
        if waiting[first] != 0:
            continue
        stack[0], count = first, 1
        while count > 0:
            count -= 1
            i = np.int64(stack[count])  # type: ignore[assignment]
            waiting[i] = 254
            order[done] = i
            done += 1
            packed = np.int64(shares[i])
            if count + 8 > stack.size:
                wider = np.empty(stack.size * 2, np.uint32)
                wider[: stack.size] = stack
                stack = wider
            bits = ((packed | packed >> 1) | (packed >> 2 | packed >> 3)) & _EACH
            while bits:
                n = i + offsets[((bits & -bits) * _PLACE >> 29) & 7]
                bits &= bits - 1
                waiting[n] -= 1
                if waiting[n] == 0:
                    stack[count] = n
                    count += 1
    return done


@njit(nogil=True, cache=True)
def accumulate_d8(direction: Any, offsets: Any, waiting: Any, x: Any) -> None:
    """Add to every cell the values of all cells above it, in place: x_i + sum of x_j over all j that drain into i.

    `waiting`: the number of inflows of each cell (`inflows_d8`), used up by the pass.
    """
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


@njit(nogil=True, cache=True, error_model="numpy")
def accumulate_mfd(shares: Any, offsets: Any, order: Any, x: Any) -> None:
    """As `accumulate_d8`, each cell giving its value away by shares."""
    for a in range(order.size):
        i = np.int64(order[a])
        packed = np.int64(shares[i])
        if packed == 0:
            continue
        pairs = (packed & _LOW) + (packed >> 4 & _LOW)
        unit = x[i] / ((pairs * _SUM >> 24) & 255)
        bits = ((packed | packed >> 1) | (packed >> 2 | packed >> 3)) & _EACH
        while bits:
            k = ((bits & -bits) * _PLACE >> 29) & 7
            bits &= bits - 1
            x[i + offsets[k]] += (packed >> 4 * k & 15) * unit


@njit(nogil=True, cache=True)
def below_d8(direction: Any, offsets: Any, value: Any, missing: float, out: Any, first: int, last: int) -> None:
    """The value of the cell that a cell drains into, `missing` where it drains nowhere; cells `first` to `last` - 1."""
    for i in range(first, last):
        code = direction[i]
        if code != _NO_FLOW:
            out[i] = value[i + offsets[code]] if code < _OUTLET else missing


@njit(nogil=True, cache=True, error_model="numpy")
def below_mfd(shares: Any, offsets: Any, value: Any, missing: float, out: Any, first: int, last: int) -> None:
    """The mean value of the cells below by shares; an unknown value counts as `missing`."""
    for i in range(first, last):
        packed = np.int64(shares[i])
        if packed == _NO_SHARES:
            continue
        pairs, mean = (packed & _LOW) + (packed >> 4 & _LOW), 0.0
        bits = ((packed | packed >> 1) | (packed >> 2 | packed >> 3)) & _EACH
        while bits:
            k = ((bits & -bits) * _PLACE >> 29) & 7
            bits &= bits - 1
            v = value[i + offsets[k]]
            mean += (packed >> 4 * k & 15) * (missing if np.isnan(v) else v)
        out[i] = mean / ((pairs * _SUM >> 24) & 255) if packed else missing


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


def climb_mfd(step, at, shares, offsets, lengths, order, value, outlet):
    """As `climb_d8`: the mean of the steps to the cells below, by shares; ways that never end in a value are left out."""
    for a in range(order.size - 1, -1, -1):
        i = np.int64(order[a])
        if not np.isnan(value[i]):
            continue
        packed = np.int64(shares[i])
        total, mean = np.int64(0), 0.0
        bits = ((packed | packed >> 1) | (packed >> 2 | packed >> 3)) & 0x11111111
        while bits:
            k = ((bits & -bits) * 0x02468ACE >> 29) & 7
            bits &= bits - 1
            below = value[i + offsets[k]]
            if not np.isnan(below):
                share = packed >> 4 * k & 15
                total += share
                mean += share * step(*at(i), lengths[k], below)
        if total:
            value[i] = mean / total
        elif packed == 0 and not np.isnan(outlet):
            value[i] = step(*at(i), lengths[0], outlet)


def enter(step, at, value):
    """Begin a way at its end with the end's own step: one length on from nothing; 0 where it has none."""
    for i in range(value.size):
        if value[i] == 0.0:
            own = step(*at(i), 1.0, 0.0)
            value[i] = 0.0 if np.isnan(own) else own


def leave(step, at, ends, value):
    """Take the own step of every cell off again; 0 at the ends."""
    for i in range(value.size):
        if ends[i]:
            value[i] = 0.0
        elif not np.isnan(value[i]):
            value[i] -= step(*at(i), 1.0, 0.0)


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


def descend_mfd(keep, send, at_keep, at_send, shares, offsets, order, x):
    """As `descend_d8`, by shares."""
    for a in range(order.size):
        i = np.int64(order[a])
        packed, inflow = np.int64(shares[i]), x[i]
        x[i] = keep(*at_keep(i), inflow)
        if packed == 0:
            continue
        pairs = (packed & 0x0F0F0F0F) + (packed >> 4 & 0x0F0F0F0F)
        out = send(*at_send(i), inflow) / ((pairs * 0x01010101 >> 24) & 255)
        if np.isnan(out):
            continue
        bits = ((packed | packed >> 1) | (packed >> 2 | packed >> 3)) & 0x11111111
        while bits:
            k = ((bits & -bits) * 0x02468ACE >> 29) & 7
            bits &= bits - 1
            x[i + offsets[k]] += (packed >> 4 * k & 15) * out
