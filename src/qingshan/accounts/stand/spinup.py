"""Spin-up: the pools a stand has at the start, from its history. Stands of one history share one computation.

Rotations of growth and the historical disturbance repeat until the slow pools of two rotations differ by less than the
model's tolerance, |(a - b)/(a + b)/2|, or the most rotations are reached; then the last disturbance, growth to the
inventory age, and years of delay without growth. Disturbances come after the year's processes here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qingshan.core.errors import OutOfBounds
from qingshan.core.method import Array

from .kernel import disturb, step
from .model import Disturbance, Model, Rates

__all__ = ["History", "SpunUp", "spin_up"]

Index = NDArray[np.int64]


@dataclass(frozen=True)
class History:
    """Per stand (s): return `interval` in years, indexes of the `historical` and the `last` disturbance, `delay`."""

    interval: Index
    historical: Index
    last: Index
    delay: Index


@dataclass(frozen=True)
class SpunUp:
    """Pools (s, p) at the inventory age; `keys` distinct histories were computed, with `rotations` each."""

    pools: Array
    keys: int
    rotations: Index


def spin_up(
    model: Model, rates: Rates, inputs: Array, curve: Index, group: Index, age: Index, history: History,
    disturbances: list[Disturbance],
) -> SpunUp:  # fmt: skip
    """Pools of every stand. Shapes: (s) each; `inputs` (curves, ages, growing pools) in t C/hm2 a.

    Raises `OutOfBounds` for an interval below 1 or a negative age.
    """
    if (history.interval < 1).any() or (age < 0).any() or (history.delay < 0).any():
        raise OutOfBounds(
            "an interval is below 1, or an age or delay below 0.",
            "有轮伐间隔小于 1，或林龄、延迟为负。",
            fix="whole years / 填整年数",
        )
    columns = np.stack([curve, group, history.interval, history.historical, history.last], axis=1)
    keys, key = np.unique(columns, axis=0, return_inverse=True)
    key = key.reshape(-1)
    pools, rotations = _rotations(model, rates, inputs, keys, disturbances)
    for d in np.unique(keys[:, 4]):
        of = disturbances[int(d)]
        disturb(pools, np.flatnonzero(keys[:, 4] == d), of.source, of.sink, of.share)
    made = _grown(model, rates, inputs, keys, key, pools, age)
    for wait in np.unique(history.delay[history.delay > 0]):
        late = np.flatnonzero(history.delay == wait)
        part = made[late]
        _step(
            model,
            rates,
            inputs,
            part,
            np.zeros(len(late), dtype=np.int64),
            curve[late],
            group[late],
            int(wait),
            idle=int(wait),
        )
        made[late] = part
    return SpunUp(made, len(keys), rotations)


def _rotations(
    model: Model, rates: Rates, inputs: Array, keys: Index, disturbances: list[Disturbance]
) -> tuple[Array, Index]:
    """Pools of each key at the end of its last rotation, before the last disturbance; how many rotations it took."""
    pools = np.zeros((len(keys), len(model.pools)))
    rotations = np.zeros(len(keys), dtype=np.int64)
    for interval in np.unique(keys[:, 2]):
        active = np.flatnonzero(keys[:, 2] == interval)
        slow = np.full(len(active), np.nan)
        while active.size:
            part = pools[active]
            _step(
                model,
                rates,
                inputs,
                part,
                np.zeros(len(active), dtype=np.int64),
                keys[active, 0],
                keys[active, 1],
                int(interval),
            )
            pools[active] = part
            rotations[active] += 1
            now = part[:, model.slow].sum(1)
            whole = np.where(now + slow > 0, now + slow, 1.0)
            done = (np.abs((now - slow) / whole / 2) < model.tolerance) | (rotations[active] >= model.max_rotations)
            active, slow = active[~done], now[~done]
            for d in np.unique(keys[active, 3]):
                of = disturbances[int(d)]
                disturb(pools, active[keys[active, 3] == d], of.source, of.sink, of.share)
    return pools, rotations


def _grown(model: Model, rates: Rates, inputs: Array, keys: Index, key: Index, pools: Array, age: Index) -> Array:
    """Each stand at its inventory age: keys are stepped year by year, and stands of that age take the state."""
    made = np.empty((len(key), pools.shape[1]))
    order = np.argsort(age, kind="stable")
    ages, first = np.unique(age[order], return_index=True)
    ends = np.append(first[1:], len(order))
    years = np.zeros(len(keys), dtype=np.int64)
    reached = 0
    for a, begin, end in zip(ages, first, ends, strict=True):
        _step(model, rates, inputs, pools, years, keys[:, 0], keys[:, 1], int(a) - reached)
        reached = int(a)
        mine = order[begin:end]
        made[mine] = pools[key[mine]]
    return made


def _step(
    model: Model,
    rates: Rates,
    inputs: Array,
    pools: Array,
    age: Index,
    curve: Index,
    group: Index,
    years: int,
    idle: int = 0,
) -> None:
    """Step `pools` and `age` in place."""
    n = len(pools)
    step(
        pools, age, np.full(n, idle, dtype=np.int64), np.ascontiguousarray(curve), np.ascontiguousarray(group), years,
        model.growing, model.bounds, model.source, model.sink, model.flux, model.regrown, rates.values, inputs, model.growth,
        model.falls_to, np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros((0, len(model.pools))), np.zeros((0, 1)),
        np.zeros((0, len(model.fluxes))),
    )  # fmt: skip
