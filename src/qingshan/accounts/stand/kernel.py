"""The compiled loops: years of stands, and disturbances. Pools are t C/hm2, rows are stands, in one array."""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["disturb", "step"]


@njit(nogil=True, cache=True, error_model="numpy")
def step(  # type: ignore[no-untyped-def]
    pools, age, idle, curve, group, years, growth_step, bounds, source, sink, flux, shares, inputs, growth, falls_to,
    uptake, fluxes,
):  # fmt: skip
    """Step every stand by `years`. Age rises before the year; years of `idle` are without growth and age.

    `inputs` (curves, ages, growing pools) is what grows in the year in which a stand has that age; ages beyond the table
    take none. `uptake` (stands) and `fluxes` (stands, kinds) are added to.
    """
    many = pools.shape[1]
    before = np.empty(many)
    last = inputs.shape[1] - 1
    for s in range(pools.shape[0]):
        row = pools[s]
        share = shares[group[s]]
        for _ in range(years):
            grows = idle[s] == 0
            if grows:
                age[s] += 1
            else:
                idle[s] -= 1
            for k in range(bounds.size - 1):
                if k == growth_step:
                    if grows and age[s] <= last:
                        for g in range(growth.size):
                            amount = inputs[curve[s], age[s], g]
                            if amount >= 0:
                                row[growth[g]] += amount
                                uptake[s] += amount
                            else:
                                gone = min(-amount, row[growth[g]])
                                row[growth[g]] -= gone
                                row[falls_to[g]] += gone
                    continue
                for i in range(many):
                    before[i] = row[i]
                for f in range(bounds[k], bounds[k + 1]):
                    moved = before[source[f]] * share[f]
                    row[source[f]] -= moved
                    row[sink[f]] += moved
                    fluxes[s, flux[f]] += moved


@njit(nogil=True, cache=True, error_model="numpy")
def disturb(pools, chosen, source, sink, share):  # type: ignore[no-untyped-def]
    """Apply one disturbance matrix to the chosen stands, from the state before it."""
    before = np.empty(pools.shape[1])
    for c in range(chosen.size):
        row = pools[chosen[c]]
        for i in range(row.size):
            before[i] = row[i]
        for f in range(source.size):
            moved = before[source[f]] * share[f]
            row[source[f]] -= moved
            row[sink[f]] += moved
