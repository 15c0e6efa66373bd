"""The published figures of all inventories of a zone: totals, means per hm2, carbon, change between inventories."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from qingshan.accounts.cells import Fact
from qingshan.accounts.figure import Node, Refusal
from qingshan.core.canonical import digest
from qingshan.core.domain import load_domains
from qingshan.core.finding import Finding
from qingshan.core.method import Array
from qingshan.observe.carbon import Uncertain, forest_estimate, qualified
from qingshan.observe.estimate import Estimate
from qingshan.observe.remeasured import REGRESSED, change_of, same_plots
from qingshan.zone.zone import Zone

from .declared import CROSS
from .evaluated import Evaluated, Part
from .graph import CARBON, CO2, Graph, note_of, served

__all__ = ["Results", "labels_of", "results"]

UNITS = {
    "area": "hm2", "trees": "株", "biomass": "t dm", "volume": "m3", "carbon": "t C", "co2": "t CO2",
    "biomass_per_area": "t dm/hm2", "volume_per_area": "m3/hm2", "carbon_per_area": "t C/hm2",
}  # fmt: skip
CHANGES = ("area", "biomass", "volume", "carbon", "co2")
ESTIMATED = ("area", "biomass", "volume")
"""Of these the total is an estimate of the values of the plots as they are; carbon and co2 are biomass times a factor."""


@dataclass
class Results:
    """What a run publishes and everything behind it."""

    facts: list[Fact] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    estimates: dict[tuple[str, str, str, str], tuple[str, Estimate, Array | None]] = field(default_factory=dict)
    """(quantity, place, cls, inventory) -> key, estimate, values per plot where it is a total over plots."""


def results(zone: Zone, inventories: Iterable[Evaluated]) -> Results:
    """Figures of every inventory, then the change from each to the next of the same place."""
    made = Results()
    known = list(inventories)
    for one in known:
        _Figures(zone, one, made).all()
    by_place: dict[str, list[Evaluated]] = {}
    for one in known:
        by_place.setdefault(one.settings.place or zone.root, []).append(one)
    for series in by_place.values():
        for opening, closing in pairwise(series):
            if opening.settings.period < closing.settings.period:
                _change(made, opening, closing, _labels(zone, closing))
    return made


class _Figures:
    """One inventory's figures, added to the results."""

    def __init__(self, zone: Zone, of: Evaluated, made: Results) -> None:
        self.zone, self.of, self.made = zone, of, made
        self.id, self.period, self.confidence = of.settings.id, of.settings.period, of.settings.confidence
        self.graph = Graph(of, self.period, of.settings.place or zone.root)
        self.labels = _labels(zone, of)
        self.said: dict[tuple[str, bool], tuple[str, ...]] = {}

    def all(self) -> None:
        partial = False
        for part in self.of.parts(self.zone):
            partial = partial or (part.partial and not part.cls)
            self._part(part)
        self.made.nodes |= self.graph.nodes
        self.made.findings += [
            *self.of.inventory.findings,
            *(f for a in (self.of.biomass, self.of.volume) if a for f in a.findings),
        ]
        if self.of.settings.draws or self.of.settings.deduction:
            self._simulation(partial)

    def _part(self, part: Part) -> None:
        inventory, picked = self.of.inventory, self.of.picked & part.trees
        forest = inventory.area_share(inventory.conditions.forest & part.conditions)
        area = self._total("area", part, forest, "", show=part.has_area)
        crossed = CROSS in part.cls.partition(":")[0]
        if not crossed:
            self._total("trees", part, inventory.per_plot(None, picked), "")
        for kind in ("biomass", "volume"):
            if self.of.amounts(kind) is None:
                continue
            if self.of.lost(kind):
                self._refuse(kind, part)
                continue
            values = inventory.per_plot(self.of.per_tree(kind), picked)
            key = self._total(kind, part, values, kind)
            if not crossed:
                self._mean(kind, part, values, forest, key, area)
            if kind == "biomass":
                self._carbon(part, key, values, forest, area)

    def _total(self, word: str, part: Part, values: Array, kind: str, show: bool = True) -> str:
        estimate = self.of.estimator.totals(values, self.confidence, UNITS[word])[0]
        key = self.graph.total(
            f"inventory.{word}",
            UNITS[word],
            part.cls,
            part.place,
            values,
            estimate,
            kind,
            self._of_kind(kind, part.partial),
        )
        if show:
            self._publish(word, part, key, estimate, values, kind)
        return key

    def _mean(self, word: str, part: Part, values: Array, forest: Array, key: str, area: str) -> None:
        estimate = self._ratio(values, forest, UNITS[f"{word}_per_area"])
        if estimate is not None:
            made = self.graph.ratio(
                f"inventory.{word}_per_area",
                estimate.unit,
                part.cls,
                part.place,
                estimate,
                key,
                area,
                self._of_kind(word, part.partial),
            )
            self._publish(f"{word}_per_area", part, made, estimate, None, word)

    def _ratio(self, values: Array, forest: Array, unit: str) -> Estimate | None:
        found = self.of.estimator.ratio(values, forest, self.confidence, unit)
        return found if math.isfinite(found.value) and math.isfinite(found.variance) else None

    def _carbon(self, part: Part, biomass: str, values: Array, forest: Array, area: str) -> None:
        fraction = self.of.fraction
        if fraction is None or fraction.value is None:
            return
        total = self.made.estimates["inventory.biomass", part.place, part.cls, self.id][1]
        carbon = total.scaled(fraction.value, "t C")
        labels = self._of_kind("carbon", part.partial)
        key = self.graph.scaled("inventory.carbon", "t C", part.cls, part.place, carbon, CARBON,
                                (("biomass", biomass), ("carbon_fraction", self.graph.parameter())), labels)  # fmt: skip
        self._publish("carbon", part, key, carbon, values * fraction.value, "carbon")
        if CROSS in part.cls.partition(":")[0]:
            return
        mean = self._ratio(values * fraction.value, forest, "t C/hm2")
        if mean is not None:
            made = self.graph.ratio(
                "inventory.carbon_per_area", "t C/hm2", part.cls, part.place, mean, key, area, labels
            )
            self._publish("carbon_per_area", part, made, mean, None, "carbon")
        per = float(load_domains().registry[CO2](np.float64(1.0)))
        co2 = carbon.scaled(per, "t CO2")
        made = self.graph.scaled("inventory.co2", "t CO2", part.cls, part.place, co2, CO2, (("carbon", key),), labels)
        self._publish("co2", part, made, co2, values * (fraction.value * per), "carbon")

    def _of_kind(self, kind: str, partial: bool) -> tuple[str, ...]:
        if (kind, partial) not in self.said:
            self.said[kind, partial] = tuple(dict.fromkeys((*self.labels, *labels_of(self.of, kind, partial))))
        return self.said[kind, partial]

    def _publish(self, word: str, part: Part, key: str, estimate: Estimate, values: Array | None, kind: str) -> None:
        low, high = estimate.interval
        self.made.facts.append(
            Fact(key, "estimate", f"inventory.{word}", part.place, self.period, part.cls, unit=estimate.unit, value=estimate.value,
                 range=(low, high), labels=self._of_kind(kind, part.partial))
        )  # fmt: skip
        self.made.estimates[f"inventory.{word}", part.place, part.cls, self.id] = key, estimate, values

    def _refuse(self, kind: str, part: Part) -> None:
        found = self.of.amounts(kind)
        assert found is not None
        why = [f for f in found.findings if f.level == "error"]
        n = self.of.lost(kind)
        refusal = Refusal(
            "open_parameter", f"{n} 株活立木没有方程：{why[0].zh if why else ''}", f"{n} live trees have no equation: {why[0].en if why else ''}",
            needs="forest.tree_equation", document=(why[0].fix if why else "") or "声明替代的树种组，或补充方程 map the taxa to a group, or add equations",
        )  # fmt: skip
        for word in (kind, *(("carbon", "co2") if kind == "biomass" else ())):
            node = Node(
                "", "refusal", f"inventory.{word}", part.place, part.cls, self.period, unit=UNITS[word], refusal=refusal
            )
            key = digest(node.record())
            self.made.nodes[key] = replace(node, key=key)
            self.made.facts.append(
                Fact(
                    key,
                    "estimate",
                    f"inventory.{word}",
                    part.place,
                    self.period,
                    part.cls,
                    unit=UNITS[word],
                    refusal=refusal,
                )
            )

    def _simulation(self, partial: bool) -> None:
        """The whole once more by draws, and what the deduction rule takes: the head figure alone."""
        s = self.of.settings
        if self.of.biomass is None or self.of.lost("biomass"):
            return
        done = forest_estimate(
            self.of.inventory, s.rule, quantity=s.quantity, carbon_set=s.carbon_set,
            confidence=s.confidence, deduction=s.deduction, draws=s.draws, seed=s.seed, uncertain=Uncertain(**s.uncertain),
            equations=self.of.own, estimator=s.estimator, auxiliary=s.auxiliary,
        )  # fmt: skip
        place = s.place or self.zone.root
        whole = self.made.estimates["inventory.co2", place, "", self.id][0]
        labels = self._of_kind("carbon", partial)
        if (d := done.deduction) is not None:
            notes = {
                "rule": d.step.rule,
                "share": d.share,
                "status": d.step.status,
                "source": d.step.source_title,
                "inventory": self.id,
            }
            self._add("deduction", "inventory.co2_deducted", place, d.value, None, notes, whole, labels)
        if (drawn := done.simulation) is not None:
            low, high = drawn.interval(s.confidence)
            notes = {"draws": len(drawn.totals), "seed": drawn.seed, "se": drawn.se, "low": low, "high": high, "confidence": s.confidence,
                     "shares": drawn.shares, "uncertain": dict(s.uncertain), "inventory": self.id}  # fmt: skip
            self._add("simulation", "inventory.co2_simulated", place, drawn.mean, (low, high), notes, whole, labels)

    def _add(self, kind: str, quantity: str, place: str, value: float, reach: tuple[float, float] | None, notes: dict[str, object],
             whole: str, labels: tuple[str, ...]) -> None:  # fmt: skip
        args = (("estimate", whole),)
        key = self.graph.put(
            kind,
            quantity,
            place=place,
            period=self.period,
            unit="t CO2",
            value=[value],
            args=args,
            notes=notes,
            labels=labels,
        )
        self.made.nodes[key] = self.graph.nodes[key]
        self.made.facts.append(
            Fact(key, kind, quantity, place, self.period, unit="t CO2", value=value, range=reach, labels=labels)
        )


def labels_of(of: Evaluated, kind: str, partial: bool) -> tuple[str, ...]:
    """Labels of what rests on the equations of a kind, `qualified` by the doubt of their sources. `partial`: see `Part`."""
    found = of.amounts("biomass" if kind == "carbon" else kind) if kind else None
    statuses = {e.status for e, _ in served(found, of.picked)} if found else set()
    if kind == "carbon" and of.fraction is not None:
        statuses.add(of.fraction.status)
    return qualified(statuses, partial=partial, unit_assumed=found is not None and found.unit_assumed)


def _labels(zone: Zone, of: Evaluated) -> tuple[str, ...]:
    synthetic = of.settings.synthetic or zone.synthetic
    return tuple(x for x, on in (("synthetic", synthetic), ("estimated", True)) if on)


def _change(made: Results, opening: Evaluated, closing: Evaluated, labels: tuple[str, ...]) -> None:
    """Closing less opening of every figure both have: from the differences of plots measured twice, else of two samples."""
    at = same_plots(opening.inventory, closing.inventory, opening.estimator, closing.estimator)
    period = f"{opening.settings.period}-{closing.settings.period}"
    for (quantity, place, cls, id), (key, estimate, values) in list(made.estimates.items()):
        before = made.estimates.get((quantity, place, cls, opening.settings.id))
        word = quantity.removeprefix("inventory.")
        if id != closing.settings.id or CROSS in cls.partition(":")[0] or before is None or word not in CHANGES:
            continue
        assert values is not None and before[2] is not None
        found, how = change_of(
            opening.estimator, closing.estimator, before[2], values, at, estimate.confidence, estimate.unit,
            (before[1], estimate) if word in ESTIMATED else None,
        )  # fmt: skip
        kept = tuple(dict.fromkeys((*labels, *made.nodes[key].labels, *made.nodes[before[0]].labels)))
        method = REGRESSED if how == "paired_regression" else ""
        code = load_domains().registry[method].code if method else ""
        node = Node("", "change", quantity, place, cls, period, unit=estimate.unit, value=[found.value],
                    args=(("closing", key), ("opening", before[0])), notes=note_of(found, id, how), labels=kept,
                    method=method, code=code)  # fmt: skip
        name = digest(node.record())
        made.nodes[name] = replace(node, key=name)
        made.facts.append(
            Fact(
                name,
                "change",
                quantity,
                place,
                period,
                cls,
                unit=estimate.unit,
                value=found.value,
                range=found.interval,
                labels=kept,
            )
        )
