"""The compiled loops: years of stands, and disturbances. Pools are t C/hm2, rows are stands, in one array.

Stands go through the years in blocks that stay in the processor's cache; inside a block one flow of all its stands is one
vector operation. A block that is not full carries empty stands along.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["disturb", "step"]

BLOCK = 64
LANES = 8
"""Vector operations run over whole multiples of this many stands."""


@njit(nogil=True, cache=True, error_model="numpy")
def _age(m, begin, age, idle, still):
    """A year older, but for stands that still wait."""
    for j in range(m):
        s = begin + j
        still[j] = idle[s] > 0
        if still[j]:
            idle[s] -= 1
        else:
            age[s] += 1


@njit(nogil=True, cache=True, error_model="numpy")
def _grow(block, m, begin, age, still, curve, inputs, part, growth, falls_to, taken):
    """Let the stands of a block grow by a part of the year's growth; what a curve loses goes to the pool it falls to."""
    last = inputs.shape[1] - 1
    for j in range(m):
        s = begin + j
        if still[j] or age[s] > last:
            continue
        for g in range(growth.size):
            amount = inputs[curve[s], age[s], g] * part
            if amount >= 0:
                block[growth[g], j] += amount
                taken[j] += amount
            else:
                gone = min(-amount, block[growth[g], j])
                block[growth[g], j] -= gone
                block[falls_to[g], j] += gone


@njit(nogil=True, cache=True, error_model="numpy")
def _amounts(block, m, wide, begin, first, end, source, shares, group, moved):
    """What the flows of one process carry, from the state before it."""
    one = True
    for j in range(1, m):
        if group[begin + j] != group[begin]:
            one = False
    for f in range(first, end):
        of, to = block[source[f]], moved[f]
        if one:
            share = shares[group[begin], f]
            for j in range(wide):
                to[j] = of[j] * share
        else:
            for j in range(m):
                to[j] = of[j] * shares[group[begin + j], f]


@njit(nogil=True, cache=True, error_model="numpy")
def _move(block, m, wide, first, end, source, sink, regrown, still, moved, taken):
    """Move the amounts. What is regrown is made up for by uptake, unless the stand waits."""
    for f in range(first, end):
        of, to, gone = block[source[f]], block[sink[f]], moved[f]
        if regrown[f]:
            for j in range(m):
                if still[j]:
                    of[j] -= gone[j]
                else:
                    taken[j] += gone[j]
        else:
            for j in range(wide):
                of[j] -= gone[j]
        for j in range(wide):
            to[j] += gone[j]


@njit(nogil=True, cache=True, error_model="numpy")
def _count(values, m, begin, area, label, sums):
    """Add area-weighted values of a block (kinds, stands) to the sums of their labels (labels, kinds)."""
    for k in range(values.shape[0]):
        row = values[k]
        for j in range(m):
            sums[label[begin + j], k] += row[j] * area[begin + j]


@njit(nogil=True, cache=True, error_model="numpy")
def _kinds(moved, flux, wide, kinds):
    """Flows of a year (flows, stands) added up by kind (kinds, stands)."""
    kinds[:] = 0.0
    for f in range(flux.size):
        total, part = kinds[flux[f]], moved[f]
        for j in range(wide):
            total[j] += part[j]


@njit(nogil=True, cache=True, error_model="numpy")
def _carry(pools, begin, m, block, out):
    """Between the rows of `pools` and the block: in, or `out` again."""
    for j in range(m):
        for i in range(block.shape[0]):
            if out:
                pools[begin + j, i] = block[i, j]
            else:
                block[i, j] = pools[begin + j, i]


@njit(nogil=True, cache=True, error_model="numpy")
def step(
    pools, age, idle, curve, group, years, growing, bounds, source, sink, flux, regrown, shares, inputs, growth,
    falls_to, area, label, sums, uptake, fluxes,
):  # fmt: skip
    """Step every stand by `years`. Age rises before the year; years of `idle` are without growth and age.

    `growing` (processes) is the part of the year's growth that a process brings, 0 for the others. `inputs` (curves, ages,
    growing pools) is what grows in the year in which a stand has that age; ages beyond the table take none. Area-weighted
    pools at the end (labels, pools), uptake (labels, 1) and flows (labels, kinds) of all years are added to `sums`,
    `uptake` and `fluxes`; where `label` is empty nothing is counted.
    """
    block, moved, taken = np.zeros((pools.shape[1], BLOCK)), np.zeros((source.size, BLOCK)), np.zeros((1, BLOCK))
    kinds, still = np.zeros((fluxes.shape[1], BLOCK)), np.zeros(BLOCK, dtype=np.bool_)
    counted = label.size > 0
    for begin in range(0, pools.shape[0], BLOCK):
        m = min(BLOCK, pools.shape[0] - begin)
        wide = min(BLOCK, (m + LANES - 1) // LANES * LANES)
        if m < BLOCK:
            block[:], moved[:] = 0.0, 0.0
        _carry(pools, begin, m, block, False)
        for _ in range(years):
            taken[:] = 0.0
            _age(m, begin, age, idle, still)
            for k in range(bounds.size - 1):
                if growing[k] > 0:
                    _grow(block, m, begin, age, still, curve, inputs, growing[k], growth, falls_to, taken[0])
                else:
                    _amounts(block, m, wide, begin, bounds[k], bounds[k + 1], source, shares, group, moved)
                    _move(block, m, wide, bounds[k], bounds[k + 1], source, sink, regrown, still, moved, taken[0])
            if counted:
                _count(taken, m, begin, area, label, uptake)
                _kinds(moved, flux, wide, kinds)
                _count(kinds, m, begin, area, label, fluxes)
        _carry(pools, begin, m, block, True)
        if counted:
            _count(block, m, begin, area, label, sums)


@njit(nogil=True, cache=True, error_model="numpy")
def disturb(pools, chosen, source, sink, share):
    """Apply one disturbance matrix to the chosen stands, from the state before it."""
    moved = np.empty(source.size)
    for c in range(chosen.size):
        row = pools[chosen[c]]
        for f in range(source.size):
            moved[f] = row[source[f]] * share[f]
        for f in range(source.size):
            row[source[f]] -= moved[f]
            row[sink[f]] += moved[f]
