"""A projection: cohorts stepped year by year with rule-based events; carbon, volume, area and cost of every year.

A cohort is a record of area, age, curve, parameter group and classifiers. An event picks cohorts by classifiers and age,
sorts them, and takes them until an area or a carbon target is met, splitting the last one. Ties are broken by the cohort's
id, so that the order of the records does not matter. The sums of every year must balance to 1e-9.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.errors import OutOfBounds, QingshanError, UnknownName
from qingshan.core.finding import Finding
from qingshan.core.method import Array

from .kernel import disturb, step
from .model import Disturbance, Model, Rates

__all__ = ["Cohorts", "Curves", "Event", "Projection", "Unbalanced", "project"]

Index = NDArray[np.int64]
EXACT = 1e-9


class Unbalanced(QingshanError):
    """Carbon appeared or vanished in a year: the result cannot be used."""

    code = "unbalanced"


@dataclass(frozen=True)
class Curves:
    """Yield curves: `carbon` (c, ages, growing pools) standing t C/hm2 at each age, `volume` (c, ages) m3/hm2."""

    names: tuple[str, ...]
    carbon: Array
    volume: Array

    def __post_init__(self) -> None:
        if self.carbon.shape[:2] != self.volume.shape or len(self.names) != len(self.volume):
            raise OutOfBounds("curves of carbon and volume differ in shape.", "碳曲线与蓄积曲线的形状不一致。")
        if not np.isfinite(self.carbon).all() or (self.carbon < 0).any() or (self.volume < 0).any():
            raise OutOfBounds(
                "a yield curve is negative or no number.",
                "生长曲线有负值或非数。",
                fix="give t C/hm2 and m3/hm2 from age 0 on / 从 0 年起给出",
            )

    @property
    def inputs(self) -> Array:
        """(c, ages, growing pools): growth in the year in which a stand reaches an age; nothing beyond the table."""
        return np.concatenate([self.carbon[:, :1], np.diff(self.carbon, axis=1)], axis=1)

    def volume_at(self, curve: Index, age: Index) -> Array:
        return self.volume[curve, np.minimum(age, self.volume.shape[1] - 1)]


@dataclass
class Cohorts:
    """Records (s). `classifiers` are texts by name; `pools` (s, p) t C/hm2; `idle` years still without growth; `taken` m3/hm2 by
    which disturbances that keep the age left the stand below its yield curve."""

    id: NDArray[np.str_]
    area: Array
    age: Index
    curve: Index
    group: Index
    pools: Array
    classifiers: dict[str, NDArray[np.str_]] = field(default_factory=dict)
    idle: Index = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    taken: Array = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        self.id = np.asarray(self.id, dtype=object)
        self.classifiers = {k: np.asarray(v, dtype=object) for k, v in self.classifiers.items()}
        if not len(self.idle):
            self.idle = np.zeros(len(self.area), dtype=np.int64)
        if not len(self.taken):
            self.taken = np.zeros(len(self.area))
        if (np.asarray(self.area) <= 0).any():
            raise OutOfBounds("a cohort has no area.", "有林分记录的面积不大于 0。", fix="hm2 above 0 / 面积应大于 0")
        if len(np.unique(self.id.astype(str))) != len(self.id):
            raise OutOfBounds("two cohorts have one id.", "有两条林分记录的编号相同。")

    def copy(self) -> Cohorts:
        return Cohorts(
            self.id.copy(), self.area.copy(), self.age.copy(), self.curve.copy(), self.group.copy(), self.pools.copy(),
            {k: v.copy() for k, v in self.classifiers.items()}, self.idle.copy(), self.taken.copy(),
        )  # fmt: skip

    def split(self, row: int, area: float, year: int) -> None:
        """Leave `area` in the record and append the rest as a record of its own."""
        self.id = np.append(self.id, f"{self.id[row]}/{year}")
        self.area = np.append(self.area, self.area[row] - area)
        self.area[row] = area
        for name in ("age", "curve", "group", "idle", "taken"):
            values = getattr(self, name)
            setattr(self, name, np.append(values, values[row]))
        self.pools = np.vstack([self.pools, self.pools[row]])
        self.classifiers = {k: np.append(v, v[row]) for k, v in self.classifiers.items()}


@dataclass(frozen=True)
class Event:
    """`where` keeps cohorts whose classifier is among the words; `sort` oldest, youngest or carbon (most first).

    At most one of `area` (hm2) and `carbon` (t C moved to `target_pool`) limits it. `to` sets classifiers, `curve` and
    `group` of what was disturbed; `delay` years pass before it grows again; `cost` is yuan per hm2.
    """

    year: int
    disturbance: str
    where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    age: tuple[int, int] = (0, 10_000)
    sort: str = "oldest"
    area: float | None = None
    carbon: float | None = None
    target_pool: str = "Products"
    to: Mapping[str, str] = field(default_factory=dict)
    delay: int = 0
    cost: float = 0.0


@dataclass(frozen=True)
class Projection:
    """By year (y) and label (l): `pools` (y + 1, l, p) t C, `uptake` and `fluxes` (y, l[, kinds]) t C/a, `volume` and `area`
    (y + 1, l) m3 and hm2, `disturbed` (y, l) hm2, `cost` (y, l) yuan. `labels` are values of the classifier shown."""

    labels: tuple[str, ...]
    years: int
    pools: Array
    uptake: Array
    fluxes: Array
    volume: Array
    area: Array
    disturbed: Array
    cost: Array
    cohorts: Cohorts
    findings: tuple[Finding, ...]

    def stock(self, pools: Index) -> Array:
        """(y + 1) t C in some pools, all labels."""
        return self.pools[:, :, pools].sum((1, 2))


def project(
    model: Model,
    rates: Rates,
    curves: Curves,
    cohorts: Cohorts,
    disturbances: Mapping[str, Disturbance],
    years: int,
    events: Sequence[Event] = (),
    *,
    by: str = "",
    disturb_first: bool = True,
) -> Projection:
    """Run `years` years. `disturb_first`: events come before the year's processes, as libcbm does; else after them.

    The cohorts given are not changed. Raises `UnknownName`, `OutOfBounds`, `Unbalanced`.
    """
    run = _Run(model, rates, curves, cohorts.copy(), disturbances, years, by)
    for event in events:
        run.check(event)
    for y in range(years):
        mine = [e for e in events if e.year == y + 1]
        if disturb_first:
            run.events(mine, y)
        run.step(y)
        if not disturb_first:
            run.events(mine, y)
        run.close(y)
    return run.result()


class _Run:
    """State of one projection: cohorts now, and the sums of the years so far."""

    def __init__(
        self, model: Model, rates: Rates, curves: Curves, cohorts: Cohorts, disturbances: Mapping[str, Disturbance],
        years: int, by: str,
    ) -> None:  # fmt: skip
        if by and by not in cohorts.classifiers:
            raise UnknownName(
                f"cohorts have no classifier {by!r}.",
                f"林分记录没有分类项 {by!r}。",
                fix=f"one of {', '.join(cohorts.classifiers)}",
            )
        self.model, self.rates, self.curves, self.now = model, rates, curves, cohorts
        self.disturbances, self.by = disturbances, by
        self.inputs = curves.inputs
        values = set(cohorts.classifiers[by].astype(str)) if by else {""}
        self.labels = sorted(values)
        self.findings: list[Finding] = []
        n, p = len(self.labels), len(model.pools)
        self.pools, self.uptake = np.zeros((years + 1, n, p)), np.zeros((years, n))
        self.fluxes = np.zeros((years, n, len(model.fluxes)))
        self.volume, self.area = np.zeros((years + 1, n)), np.zeros((years + 1, n))
        self.disturbed, self.cost = np.zeros((years, n)), np.zeros((years, n))
        self.stepped = False
        self.label: Index | None = None
        self._snapshot(0)

    def check(self, event: Event) -> None:
        """A wrong event is refused before anything runs."""
        if event.disturbance not in self.disturbances:
            raise UnknownName(
                f"no disturbance {event.disturbance!r}.",
                f"没有扰动类型 {event.disturbance!r}。",
                fix=f"one of {', '.join(self.disturbances)}",
            )
        lost = {*event.where, *event.to} - {"curve", "group"} - set(self.now.classifiers)
        if lost:
            raise UnknownName(
                f"cohorts have no classifier {sorted(lost)[0]!r}.", f"林分记录没有分类项 {sorted(lost)[0]!r}。"
            )
        if event.sort not in ("oldest", "youngest", "carbon") or (event.area is not None and event.carbon is not None):
            raise OutOfBounds(
                f"the event of year {event.year} sorts by {event.sort!r}, or has two targets.",
                f"第 {event.year} 年的事件排序方式或目标不当。",
                fix="oldest, youngest or carbon; area or carbon / 二者择一",
            )
        for field_name, names in (("curve", self.curves.names), ("group", self.rates.names)):
            if field_name in event.to and event.to[field_name] not in names:
                raise UnknownName(
                    f"no {field_name} {event.to[field_name]!r}.",
                    f"没有 {field_name} {event.to[field_name]!r}。",
                    fix=f"one of {', '.join(names)}",
                )
        self.model.pool(event.target_pool)

    def events(self, events: Sequence[Event], y: int) -> None:
        for event in events:
            self._event(event, y)

    def _event(self, event: Event, y: int) -> None:
        now, of = self.now, self.disturbances[event.disturbance]
        fits = (now.age >= event.age[0]) & (now.age <= event.age[1])
        for name, words in event.where.items():
            fits &= np.isin(now.classifiers[name].astype(str), list(words))
        chosen = np.flatnonzero(fits)
        key = {"oldest": -now.age[chosen], "youngest": now.age[chosen], "carbon": -self._moved(chosen, of, event)}[
            event.sort
        ]
        chosen = chosen[np.lexsort((now.id[chosen].astype(str), key))]
        chosen = self._until_target(chosen, of, event, y)
        before = now.pools[chosen][:, self.model.stem].sum(1)
        standing = self.curves.volume_at(now.curve[chosen], now.age[chosen]) - now.taken[chosen]
        disturb(self.now.pools, chosen, of.source, of.sink, of.share)
        after = now.pools[chosen][:, self.model.stem].sum(1)
        standing = standing * np.divide(after, before, out=np.ones_like(after), where=before > 0)
        now, self.label = self.now, None
        label = self._label()[chosen]
        self.disturbed[y] += np.bincount(label, weights=now.area[chosen], minlength=len(self.labels))
        self.cost[y] += np.bincount(label, weights=now.area[chosen] * event.cost, minlength=len(self.labels))
        if of.resets:
            now.age[chosen] = 0
        if event.delay:
            now.idle[chosen] = event.delay
        for name, word in event.to.items():
            if name == "curve":
                now.curve[chosen] = self.curves.names.index(word)
            elif name == "group":
                now.group[chosen] = self.rates.names.index(word)
            else:
                now.classifiers[name][chosen] = word
                if name == self.by and word not in self.labels:
                    self._widen(word)
        now.taken[chosen] = 0.0 if of.resets else self.curves.volume_at(now.curve[chosen], now.age[chosen]) - standing
        self.label, self.stepped = None, False

    def _moved(self, chosen: Index, of: Disturbance, event: Event) -> Array:
        """t C/hm2 that the disturbance would move to the target pool."""
        into = np.flatnonzero(of.sink == self.model.pool(event.target_pool))
        return self.now.pools[chosen][:, of.source[into]] @ of.share[into]

    def _until_target(self, chosen: Index, of: Disturbance, event: Event, y: int) -> Index:
        target = event.area if event.area is not None else event.carbon
        if target is None:
            return chosen
        per = np.ones(len(chosen)) if event.area is not None else self._moved(chosen, of, event)
        amount = self.now.area[chosen] * per
        chosen, amount, per = chosen[amount > 0], amount[amount > 0], per[amount > 0]
        done = np.cumsum(amount)
        full = int(np.searchsorted(done, target * (1 - 1e-12)))
        if full == len(chosen):
            short = target - (float(done[-1]) if len(done) else 0.0)
            if short > 1e-9 * max(target, 1.0):
                unit = "hm2" if event.area is not None else "t C"
                self.findings.append(
                    Finding("warning", "target_not_met", f"year {event.year}, {event.disturbance}: {short:.6g} {unit} short of the target.",
                            f"第 {event.year} 年 {event.disturbance}：距目标还差 {short:.6g} {unit}。", "events")
                )  # fmt: skip
            return chosen
        rest = target - (float(done[full - 1]) if full else 0.0)
        wanted = rest / per[full]
        if wanted < self.now.area[chosen[full]] * (1 - 1e-12):
            self.now.split(int(chosen[full]), wanted, event.year)
        return chosen[: full + 1]

    def step(self, y: int) -> None:
        now, model = self.now, self.model
        step(
            now.pools, now.age, now.idle, now.curve, now.group, 1, model.growing, model.bounds, model.source, model.sink,
            model.flux, model.regrown, self.rates.values, self.inputs, model.growth, model.falls_to, now.area, self._label(),
            self.pools[y + 1], self.uptake[y][:, np.newaxis], self.fluxes[y],
        )  # fmt: skip
        self.stepped = True

    def close(self, y: int) -> None:
        """Sums at the end of the year. Raises `Unbalanced`."""
        self._snapshot(y + 1, pools=not self.stepped)
        before, after = self.pools[y].sum(), self.pools[y + 1].sum()
        off = after - before - self.uptake[y].sum()
        if abs(off) > EXACT * max(abs(after), abs(before), 1e-30):
            raise Unbalanced(
                f"year {y + 1}: {off:.3g} t C of {after:.6g} appeared.",
                f"第 {y + 1} 年多出 {off:.3g} t C（共 {after:.6g}）。",
            )

    def _snapshot(self, at: int, pools: bool = True) -> None:
        """Sums of now. `pools`: also those that the year itself has not just added up."""
        now, label = self.now, self._label()
        for i in range(now.pools.shape[1] if pools else 0):
            self.pools[at, :, i] = np.bincount(label, weights=now.pools[:, i] * now.area, minlength=len(self.labels))
        volume = (self.curves.volume_at(now.curve, now.age) - now.taken) * now.area
        self.volume[at] = np.bincount(label, weights=volume, minlength=len(self.labels))
        self.area[at] = np.bincount(label, weights=now.area, minlength=len(self.labels))

    def _label(self) -> Index:
        """Index of each cohort's label; worked out again after an event."""
        if self.label is None:
            place = {v: i for i, v in enumerate(self.labels)}
            words = self.now.classifiers[self.by].astype(str) if self.by else [""] * len(self.now.area)
            self.label = np.array([place[v] for v in words], dtype=np.int64)
        return self.label

    def _widen(self, word: str) -> None:
        """A label that an event brings: it gets a column of zeros."""
        self.labels.append(word)
        for name in ("pools", "uptake", "fluxes", "volume", "area", "disturbed", "cost"):
            values: Any = getattr(self, name)
            shape = (values.shape[0], 1, *values.shape[2:])
            setattr(self, name, np.concatenate([values, np.zeros(shape)], axis=1))

    def result(self) -> Projection:
        return Projection(
            tuple(self.labels), len(self.uptake), self.pools, self.uptake, self.fluxes, self.volume, self.area, self.disturbed,
            self.cost, self.now, tuple(self.findings),
        )  # fmt: skip
