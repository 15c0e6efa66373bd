"""Classes taken together (`[[extent.group]]` of a zone: all wetland, say): their change as one class against all other land.

A group's matrix has two classes, the group and the rest; changes inside the group are persistence. Areas have a class in both
periods, so that a cell without data is not land lost. What a domain reads from the area of a group before and after it declares
in `groups.toml`: `[[group]]` id, `[[group.measure]]` quantity, method, opening and closing (arguments of the method); or a grade `of` a
measure before it: argument, and `cuts`, the parameter of its limits, with set and classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from qingshan.core.domain import Domains

from .extent import CLASS_CHANGES, UNALLOCATED, of_matrix
from .figure import Node
from .resolver import Resolver

__all__ = ["GROUP_AREAS", "GROUP_CHANGES", "group_cells", "group_measures"]

GROUP_CHANGES = {q.replace("class", "group"): ref for q, ref in CLASS_CHANGES.items()}
"""What the change matrix says of each group: quantity -> method of the transition areas."""
GROUP_AREAS = ("extent.group_opening", "extent.group_closing")
_UNIT = "hm2"


def group_cells(resolver: Resolver, changes: Sequence[Node]) -> list[Node]:
    """Nodes of every group that occurs in the change matrix of one place (`changes`); `cls` is the id of the group.

    Opening and closing area, gain, loss, net change, swap, persistence (none where the group is absent at the opening), then what
    domains read from both areas.
    """
    pairs = {(a, b): n for n in changes for a, _, b in [n.cls.partition(">")] if b and UNALLOCATED not in (a, b)}
    return [cell for group in resolver.groups.values() for cell in _group(resolver, group, pairs)]


def group_measures(domains: Domains, id: str) -> list[Mapping[str, Any]]:
    """What the installed domains read from the area of the group."""
    declared = [g for _, content in domains.declared("groups") for g in content["group"]]
    return [m for g in declared if g["id"] == id for m in g["measure"]]


def _group(resolver: Resolver, group: Mapping[str, Any], pairs: Mapping[tuple[str, str], Node]) -> Iterator[Node]:
    inside = set(group["classes"])
    parts = {pair: n for pair, n in pairs.items() if inside & set(pair)}
    if not parts:
        return
    id, where = str(group["id"]), _where(str(group["id"]), next(iter(parts.values())))
    opening, closing = (
        _area(resolver, quantity, [n for pair, n in parts.items() if pair[end] in inside], where)
        for end, quantity in enumerate(GROUP_AREAS)
    )
    yield from (opening, closing)
    areas = np.zeros((2, 2))
    for i in (0, 1):
        for j in (0, 1):
            areas[i, j] = math.fsum(n.value[0] for (a, b), n in pairs.items() if (a not in inside, b not in inside) == (i, j))  # fmt: skip
    for quantity, ref in GROUP_CHANGES.items():
        value = float(np.asarray(resolver.domains.registry[ref](areas))[0])
        if math.isfinite(value):
            yield of_matrix(resolver, quantity, ref, id, list(parts.values()), value)
    made: dict[str, Node] = {}
    for m in group_measures(resolver.domains, id):
        if "of" in m:
            cuts = [resolver.row(m["cuts"], c, m["set"]) for c in m["classes"]]
            args = {m["argument"]: [made[m["of"]]], "cuts": cuts}
        else:
            args = {m["opening"]: [opening], m["closing"]: [closing]}
        made[m["quantity"]] = resolver.applied(m["quantity"], m["method"], args, where)
    yield from made.values()


def _where(id: str, part: Node) -> dict[str, str]:
    return {"place": part.place, "period": part.period, "cls": id}


def _area(resolver: Resolver, quantity: str, parts: Sequence[Node], where: dict[str, str]) -> Node:
    """Their sum; 0 where there is none."""
    value = math.fsum(n.value[0] for n in parts)
    return resolver.joined(quantity, [(n.cls, n) for n in parts], where, _UNIT, [value], {"rule": "sum"})
