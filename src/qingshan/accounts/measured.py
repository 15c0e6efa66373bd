"""Measures of raster accounts as published figures: read from areas by code, each with the areas and the method behind it."""

from __future__ import annotations

import math
from typing import Any

from qingshan.core.canonical import digest
from qingshan.core.units import factor

from .figure import Node, Refusal
from .graded import GRADED, read_measure, round_years
from .raster.declaration import ROUNDS, Measure, RasterAccount, find_raster_account
from .resolver import Resolver
from .sources import DERIVED_LABELS, dependency, merged

__all__ = ["measured"]

Args = list[tuple[str, Node]]


def measured(resolver: Resolver, place: str, period: str) -> list[Node]:
    """The measures that the profile's raster accounts declare, for one place and period."""
    accounts = [find_raster_account(resolver.domains, id) for id in resolver.profile.rasters]
    return [_measure(resolver, account, m, place, period) for account in accounts for m in account.measures]


def _measure(resolver: Resolver, account: RasterAccount, m: Measure, place: str, period: str) -> Node:
    where = {"place": place, "period": period}
    after, before = _areas(resolver, account, m.of, where), _areas(resolver, account, m.before, where)
    if refused := [n.refusal for n in (*after, *before) if n.refusal]:
        return resolver.refuse(m.id, where, dependency(refused))
    years = round_years({p.id: p.year for p in resolver.zone.periods}, period)
    value = read_measure(m, _km2(after), _km2(before), years)
    if not math.isfinite(value):
        zh, en = "没有判定过的面积。", "no area was judged."
        return resolver.refuse(m.id, where, Refusal("undefined", zh, en, needs=m.of))
    return _node(resolver, m, _args(resolver, m, after, before, where), where, value, years)


def _areas(resolver: Resolver, account: RasterAccount, sum: str, where: dict[str, str]) -> list[Node]:
    """The areas by code of a sum; none where no sum is named."""
    found = next((s for s in account.sums if s.id == sum), None)
    return [resolver.fact(f"{found.quantity}.{c}", where["place"], where["period"]) for c in range(found.codes)] if found else []  # fmt: skip


def _km2(areas: list[Node]) -> list[float]:
    return [n.value[0] * factor(n.unit, "km2") for n in areas]


def _args(resolver: Resolver, m: Measure, after: list[Node], before: list[Node], where: dict[str, str]) -> Args:
    """What the method takes, as nodes: the areas added up that it reads."""
    if m.reading == "conservation_rate":
        return [("eroded_area", _added(resolver, after[1:], where)), ("land_area", _added(resolver, after, where))]
    if m.reading in ROUNDS:
        parts = (("area_start", before), ("area_end", after))
        return [(role, _added(resolver, each[m.first : GRADED], where)) for role, each in parts]
    return [("area", n) for n in after[: GRADED + 1]]


def _added(resolver: Resolver, parts: list[Node], where: dict[str, str]) -> Node:
    stem = parts[0].quantity.rpartition(".")[0]
    return resolver.total(stem, parts, where["place"], where["period"])


def _node(
    resolver: Resolver, m: Measure, args: Args, where: dict[str, str], value: float, years: tuple[int, int]
) -> Node:
    method = resolver.domains.registry[m.method]
    choices = (("basis_start", m.basis), ("basis_end", m.basis)) if m.reading in ROUNDS else ()
    notes: dict[str, Any] = {"reading": m.reading, "zh": m.zh, "en": m.en}
    notes |= {"years": list(years)} if m.reading in ROUNDS else {}
    identity = {
        "kind": "method", "quantity": m.id, **where, "method": method.ref, "code": method.code, "args": [[r, n.key] for r, n in args],
        "choices": choices, "notes": notes,
    }  # fmt: skip
    node = Node(
        digest(identity), "method", m.id, place=where["place"], period=where["period"], unit=method.result.unit, value=[value],
        method=method.ref, code=method.code,
        args=tuple((r, n.key) for r, n in args), choices=choices, notes=notes,
        labels=merged((n for _, n in args), {method.status} & DERIVED_LABELS),
        flags=tuple(sorted({f for _, n in args for f in n.flags})),
    )  # fmt: skip
    resolver.nodes[node.key] = node
    return node
