"""States of a rule over time, and its transitions as events.

normal -> pending -> active -> cleared -> normal. What may not be used (missing, flags 4 and 9) is no evaluation: it changes nothing, so
missing data never clears. A suspect value (3) can raise no more than `pending`, and neither confirms nor clears an active alert. After
clearing, exceedances from before count no more. `cleared` lasts until the next evaluation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qingshan.core.canonical import digest

from ..quality.kernels import FAIL, SUSPECT
from .rule import AlertRule, expression

__all__ = ["STATES", "AlertEvent", "Reading", "Track", "evaluated", "events_of", "states"]

STATES = ("normal", "pending", "active", "cleared")
NORMAL, PENDING, ACTIVE, CLEARED = range(4)
EPOCH = datetime(1970, 1, 1)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """One property of one site on regular `times` (ms): `values` with NaN where missing, `flags` of the quality control."""

    values: Floats
    flags: NDArray[np.uint8]


@dataclass(frozen=True)
class Track:
    """A rule evaluated at one site: `value` (NaN: no evaluation), `suspect`, `state` after each time."""

    rule: AlertRule
    site: str
    times: NDArray[np.int64]
    value: Floats
    suspect: NDArray[np.bool_]
    state: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One transition. `inputs` is a hash of the rule and of the values and flags it was decided on."""

    rule: str
    site: str
    time: datetime
    before: str
    after: str
    value: float
    level: str
    recipients: tuple[str, ...]
    inputs: str
    linked: tuple[str, ...] = field(default=())

    def record(self) -> dict[str, Any]:
        return {
            "rule": self.rule, "site": self.site, "time": self.time.isoformat(), "before": self.before, "after": self.after,
            "value": self.value, "level": self.level, "recipients": list(self.recipients), "inputs": self.inputs, "linked": list(self.linked),
        }  # fmt: skip


@njit(nogil=True, cache=True)
def _means(values, suspect, steps, least, out, doubtful):
    for t in range(values.size):
        total, n, odd = 0.0, 0, False
        for i in range(max(t - steps + 1, 0), t + 1):
            if not np.isnan(values[i]):
                total += values[i]
                n += 1
                odd = odd or suspect[i]
        out[t] = total / n if n >= least else np.nan
        doubtful[t] = odd


@njit(nogil=True, cache=True)
def states(exceeds, clears, there, suspect, live, m, n):
    """State after each time. `there`: an evaluation; `live`: the rule is in force."""
    out = np.empty(exceeds.size, dtype=np.uint8)
    window = np.zeros(n, dtype=np.uint8)  # of the last n evaluations: 0 no, 1 suspect exceedance, 2 exceedance
    at, state = 0, NORMAL
    for t in range(exceeds.size):
        if not live[t]:
            state, at = NORMAL, 0
            window[:] = 0
        elif there[t]:
            window[at % n] = 0 if not exceeds[t] else 1 if suspect[t] else 2
            at += 1
            sure, some = 0, 0
            for i in range(n):
                sure += window[i] == 2
                some += window[i] > 0
            if state == ACTIVE:
                if clears[t] and not suspect[t]:
                    state = CLEARED
                    window[:] = 0
            elif sure >= m:
                state = ACTIVE
            else:
                state = PENDING if some > 0 else NORMAL
        out[t] = state
    return out


def evaluated(
    rule: AlertRule, site: str, times: NDArray[np.int64], readings: Mapping[str, Reading], step: timedelta
) -> Track:
    """A rule over the readings of one site. A property of the expression that is not there gives no evaluation at all."""
    formula = expression(rule.expression)
    n = len(times)
    values: dict[str, Floats] = {}
    suspect = np.zeros(n, dtype=bool)
    for name in formula.properties:
        reading = readings.get(name)
        if reading is None:
            values[name] = np.full(n, np.nan)
            continue
        values[name] = np.where(reading.flags >= FAIL, np.nan, reading.values)
        suspect |= (reading.flags == SUSPECT) & ~np.isnan(values[name])
    raw = np.broadcast_to(formula.value(values), (n,)).astype(np.float64)
    steps = rule.steps(step)
    value, doubtful = raw, suspect
    if steps > 1 or rule.least > 1:
        value, doubtful = np.empty(n), np.empty(n, dtype=bool)
        _means(raw, suspect, steps, rule.least, value, doubtful)
    there = ~np.isnan(value)
    with np.errstate(invalid="ignore"):
        exceeds = {
            ">": value > rule.limit,
            ">=": value >= rule.limit,
            "<": value < rule.limit,
            "<=": value <= rule.limit,
        }[rule.operator]
        clears = value < rule.clear if rule.upward else value > rule.clear
    days = times // 86_400_000
    first = (rule.valid_from - EPOCH.date()).days
    last = (rule.valid_to - EPOCH.date()).days if rule.valid_to else 2**40
    live = (days >= first) & (days <= last)
    return Track(rule, site, times, value, doubtful, states(exceeds, clears, there, doubtful, live, rule.m, rule.n))


def events_of(track: Track) -> Iterator[AlertEvent]:
    """The transitions of a track. The inputs of one are the evaluations since the transition before, at least the last n."""
    before = np.concatenate([[NORMAL], track.state[:-1]])
    rule, since = track.rule, 0
    for t in np.flatnonzero(before != track.state):
        first = min(since, max(int(t) - rule.n + 1, 0))
        seen = slice(first, int(t) + 1)
        inputs = digest([
            rule.hash, track.site, track.times[seen].tolist(),
            [None if np.isnan(v) else float(v) for v in track.value[seen]], track.suspect[seen].tolist(),
        ])  # fmt: skip
        value = float(track.value[t])
        yield AlertEvent(
            rule.id, track.site, EPOCH + timedelta(milliseconds=int(track.times[t])), STATES[before[t]], STATES[track.state[t]],
            value if np.isfinite(value) else 0.0, rule.level, rule.recipients, inputs,
        )  # fmt: skip
        since = int(t) + 1


def linked(
    events: Iterable[AlertEvent], upstream: Mapping[str, Sequence[tuple[str, float]]], window: timedelta
) -> list[AlertEvent]:
    """The events, those that become active with the sites upstream whose alert of the same rule became active before, no longer than the
    travel time (hours, given by the river graph) and `window` ago. A travel time that is not known counts as 0 with the window."""
    ordered = sorted(events, key=lambda e: (e.time, e.site, e.rule))
    active: dict[tuple[str, str], datetime] = {}
    found = []
    for event in ordered:
        if event.after == "active":
            near = tuple(
                site
                for site, hours in _above(event.site, upstream)
                if (begun := active.get((event.rule, site))) and event.time - begun <= timedelta(hours=hours) + window
            )
            active[event.rule, event.site] = event.time
            event = AlertEvent(**{**_fields(event), "linked": near})  # noqa: PLW2901 - events are frozen
        found.append(event)
    return found


def _fields(event: AlertEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in AlertEvent.__slots__}


def _above(site: str, upstream: Mapping[str, Sequence[tuple[str, float]]]) -> list[tuple[str, float]]:
    """Every site upstream with the hours of travel, nearest first; a loop in the graph is walked once."""
    found: dict[str, float] = {}
    edge = [(site, 0.0)]
    while edge:
        here, hours = edge.pop(0)
        for above, more in upstream.get(here, ()):
            if above != site and above not in found:
                found[above] = hours + more
                edge.append((above, hours + more))
    return sorted(found.items(), key=lambda pair: (pair[1], pair[0]))
