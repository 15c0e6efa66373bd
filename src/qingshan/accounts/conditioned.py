"""Condition of ecosystems as sealed figures: mean of each variable by class, its indicator between reference levels, the index.

A run of the raster account `condition` holds them beside its sums, so that each is explained down to its layers and rows and
replayed like any figure. What lacks a reference level or a weight refuses by name. The index of a place is the mean over its
classes by area, where all of them have an index under one reference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from .condition import Variable, condition_variables
from .figure import Node, Refusal
from .resolver import Resolver
from .sources import Where, dependency

__all__ = ["CONDITION", "INDEX", "INDICATOR", "MEAN", "conditioned"]

CONDITION = "condition"
"""The raster account whose sealed run holds the condition of ecosystems."""
MEAN, INDICATOR, INDEX = "condition.mean", "condition.indicator", "condition.index"
AREA = "condition.class_area"


def conditioned(resolver: Resolver, place: str, period: str) -> list[Node]:
    """Means, indicators and indices of one place and period by class, then the index of the place; empty for other accounts."""
    if CONDITION not in resolver.profile.rasters:
        return []
    variables = [v for v in condition_variables() if _measured(resolver, v, period)]
    if not variables:
        return []
    found: list[Node] = []
    indices: list[Node] = []
    for cls in resolver.classes_at(place, period):
        where = {"place": place, "period": period, "cls": cls}
        means = [_mean(resolver, v, where) for v in variables]
        indicators = [_indicator(resolver, v, m, where) for v, m in zip(variables, means, strict=True)]
        indices.append(_index(resolver, variables, indicators, where))
        found += [*means, *indicators, indices[-1]]
    return [*found, _of_place(resolver, indices, {"place": place, "period": period})] if indices else found


def _measured(resolver: Resolver, variable: Variable, period: str) -> bool:
    """True where any class of the zone has a value of the variable."""
    whole = resolver.fact(f"condition.known.{variable.id}", resolver.zone.root, period)
    return whole.refusal is None and any(whole.value)


def _mean(resolver: Resolver, v: Variable, where: Where) -> Node:
    sums = {role: resolver.class_figure(f"condition.{stem}.{v.id}", where["cls"], where["place"], where["period"], "")
            for role, stem in (("total", "sum"), ("area", "known"))}  # fmt: skip
    args = {role: [node] for role, node in sums.items()}
    return resolver.applied(f"{MEAN}.{v.id}", "economy.condition_variable@seea_ea", args, where, v.unit)


def _indicator(resolver: Resolver, v: Variable, mean: Node, where: Where) -> Node:
    low, high = (_row(resolver, f"economy.condition_{side}", v, where["cls"]) for side in ("low", "high"))
    args = {"variable": [mean], "low_reference": [low], "high_reference": [high]}
    made = resolver.applied(f"{INDICATOR}.{v.id}", "economy.condition_indicator@seea_ea", args, where)
    if (
        made.refusal
        or not resolver.applied(f"{INDICATOR}.{v.id}", "economy.condition_clipped@seea_ea", args, where).value[0]
    ):
        return made
    flagged = replace(made, flags=tuple(sorted({*made.flags, "clipped"})))
    resolver.nodes[flagged.key] = flagged
    return flagged


def _index(resolver: Resolver, variables: Sequence[Variable], indicators: Sequence[Node], where: Where) -> Node:
    weights = [_row(resolver, "economy.condition_weight", v, where["cls"]) for v in variables]
    args = {"indicator": list(indicators), "weight": weights}
    return resolver.applied(INDEX, "economy.condition_index@seea_ea", args, where)


def _row(resolver: Resolver, parameter: str, v: Variable, cls: str) -> Node:
    """The row of `VARIABLE|CLASS`, else that of `VARIABLE`."""
    own = f"{v.id}|{cls}"
    return resolver.row(parameter, own if resolver.parameters.rows(parameter, cls=own) else v.id)


def _of_place(resolver: Resolver, indices: Sequence[Node], where: Where) -> Node:
    """Mean of the indices of classes by area. Classes under different references are never averaged."""
    if refused := [n.refusal for n in indices if n.refusal]:
        return resolver.refuse(INDEX, where, dependency(refused))
    names = sorted({s for n in indices for s in _references(resolver, n)})
    if len(names) > 1:
        zh = f"参照水平不同的状况指数不能平均：{'、'.join(names)}。"
        en = f"condition indices with different references cannot be averaged: {', '.join(names)}."
        return resolver.refuse(INDEX, where, Refusal("policy", zh, en, needs=INDEX))
    areas = [resolver.class_figure(AREA, n.cls, where["place"], where["period"], "") for n in indices]
    whole = math.fsum(a.value[0] for a in areas)
    value = math.fsum(a.value[0] * n.value[0] for a, n in zip(areas, indices, strict=True)) / whole
    args = [(n.cls, n) for n in indices] + [(f"area:{a.cls}", a) for a in areas]
    return resolver.joined(INDEX, args, where, indices[0].unit, [value], {"rule": "area_mean"})


def _references(resolver: Resolver, index: Node) -> set[str]:
    """Which reference the levels behind an index describe."""
    found: set[str] = set()
    for _, key in index.args:
        below = (resolver.nodes[k] for _, k in resolver.nodes[key].args)
        found |= {str((n.row or {}).get("set", "")) for n in below if n.kind == "parameter"}
    return found
