"""Printed survey rounds compared: areas of one place in several years, their changes and rates, each inside one basis.

A thematic profile declares `[rounds]`: the quantity of the printed areas, the methods, and one `[[rounds.basis]]` per basis with the
quantity of its printed decreases. An area that was not printed is worked out from the printed decrease to a round that was. Where
the scope of a survey changed (`breaks`) a change on that basis refuses. What was printed stands beside what is worked out, and
a difference beyond rounding is a finding. Places are those of the zone's facts, those of comparison too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from qingshan.core.finding import Finding
from qingshan.core.units import factor
from qingshan.zone.fact import InputFact

from .figure import Node, Refusal
from .profile import Profile
from .resolver import Resolver

__all__ = ["declared_rounds", "round_findings", "round_nodes"]

Area = Mapping[str, Node]


def declared_rounds(profile: Profile) -> Mapping[str, Any]:
    """The `[rounds]` of a profile; empty where it compares none."""
    found: Mapping[str, Any] = profile.content.get("rounds", {})
    return found


def round_nodes(resolver: Resolver) -> list[Node]:
    """Every area, change and rate, place by place and basis by basis, with the printed changes and rates beside them."""
    rules = declared_rounds(resolver.profile)
    if not rules:
        return []
    zone = resolver.zone
    places = [p for p in (*zone.places, *zone.comparison) if _printed(resolver, str(rules["area"]), p)]
    return [node for place in places for node in _of_place(resolver, rules, place)]


def _of_place(resolver: Resolver, rules: Mapping[str, Any], place: str) -> Iterator[Node]:
    printed = {f.period: resolver.printed(f) for f in _printed(resolver, str(rules["area"]), place)}
    for basis in rules["basis"]:
        decreases = {f.period: resolver.printed(f) for f in _printed(resolver, str(basis["decrease"]), place)}
        own = basis.get("only", "") == "printed"
        areas = dict(printed)
        if own:
            areas = {y: n for y, n in printed.items() if any(p.partition("-")[0] == y for p in decreases)}
        for years, decrease in decreases.items():
            areas |= _filled(resolver, rules, basis, place, areas, years, decrease)
        yield from (_restated(resolver, rules, basis, place, year, areas[year]) for year in sorted(areas))
        gaps = {
            y for y in _years(resolver, rules) if y not in areas and resolver.zone.gap(str(rules["area"]), place, y)
        }
        for year in sorted(gaps if not own else ()):
            where = {"place": place, "period": year}
            yield resolver.refuse(_id(rules, "area", basis), where, resolver.missing(str(rules["area"]), place))
        yield from decreases.values()
        ordered = sorted(areas)
        for start, end in pairwise(ordered):
            yield from _compared(resolver, rules, basis, place, (start, areas[start]), (end, areas[end]))
    for quantity in rules.get("printed", ()):
        yield from (resolver.printed(f) for f in _printed(resolver, str(quantity), place))


def _years(resolver: Resolver, rules: Mapping[str, Any]) -> set[str]:
    """The years of the survey's rounds, as printed for any place."""
    zone = resolver.zone
    return {
        f.period for place in (*zone.places, *zone.comparison) for f in _printed(resolver, str(rules["area"]), place)
    }


def _filled(
    resolver: Resolver,
    rules: Mapping[str, Any],
    basis: Mapping[str, Any],
    place: str,
    areas: Area,
    years: str,
    decrease: Node,
) -> dict[str, Node]:
    """The area at the end of a printed decrease that is not on file, from the area at the other end."""
    start, _, end = years.partition("-")
    known, lacking, method, role = (
        (end, start, rules["before"], "area_end") if start not in areas else (start, end, rules["after"], "area_start")
    )
    if lacking in areas or known not in areas:
        return {}
    where = {"place": place, "period": lacking}
    return {
        lacking: resolver.applied(
            _id(rules, "area", basis), str(method), {role: [areas[known]], "decrease": [decrease]}, where
        )
    }


def _restated(
    resolver: Resolver, rules: Mapping[str, Any], basis: Mapping[str, Any], place: str, year: str, node: Node
) -> Node:
    """A printed area under the account's own id; one that was worked out bears it already."""
    quantity = _id(rules, "area", basis)
    if node.quantity == quantity:
        return node
    unit = str(rules["unit"])
    value = [v * factor(node.unit, unit) for v in node.value]
    return resolver.joined(
        quantity, [(node.quantity, node)], {"place": place, "period": year}, unit, value, {"rule": "restated"}
    )


def _compared(
    resolver: Resolver,
    rules: Mapping[str, Any],
    basis: Mapping[str, Any],
    place: str,
    before: tuple[str, Node],
    after: tuple[str, Node],
) -> Iterator[Node]:
    where = {"place": place, "period": f"{before[0]}-{after[0]}"}
    broken = next((b for b in basis.get("breaks", ()) if before[0] < str(b["period"]) <= after[0]), None)
    for kind in ("change", "rate"):
        quantity = _id(rules, kind, basis)
        if broken:
            yield resolver.refuse(
                quantity, where, Refusal("policy", str(broken["zh"]), str(broken["en"]), needs=quantity)
            )
            continue
        choices = {"basis_start": str(basis["id"]), "basis_end": str(basis["id"])}
        numbers = {"years": (float(int(after[0]) - int(before[0])), "count")} if kind == "rate" else {}
        args = {"area_start": [before[1]], "area_end": [after[1]]}
        yield resolver.applied(quantity, str(rules[kind]), args, where, choices=choices, numbers=numbers)


def _id(rules: Mapping[str, Any], kind: str, basis: Mapping[str, Any]) -> str:
    return f"{rules['id']}_{kind}.{basis['id']}"


def _printed(resolver: Resolver, quantity: str, place: str) -> list[InputFact]:
    """The best print of each period of a place."""
    best: dict[str, InputFact] = {}
    for fact in resolver.zone.facts.for_place(place):
        if fact.quantity == quantity and not fact.kind:
            best.setdefault(fact.period, resolver.zone.facts.find(quantity, place, fact.period)[0])
    return [best[p] for p in sorted(best)]


def round_findings(resolver: Resolver, nodes: list[Node]) -> list[Finding]:
    """Where a printed change or rate is not what the areas give, beyond the rounding of the print."""
    rules, found = declared_rounds(resolver.profile), []
    for check in rules.get("check", ()):
        for node in (n for n in nodes if n.quantity == check["printed"] and n.value):
            for basis in check["basis"]:
                asked = (f"{rules['id']}_{check['against']}.{basis}", node.place, node.period)
                twin = next((n for n in nodes if (n.quantity, n.place, n.period) == asked), None)
                if twin is None or twin.refusal:
                    continue
                ours = twin.value[0] * factor(twin.unit, node.unit) * float(check.get("sign", 1))
                if not math.isclose(ours, node.value[0], abs_tol=float(check["within"])):
                    found.append(_differs(resolver, node, ours))
    for pair in rules.get("conflict", ()):
        found += _conflicts(resolver, rules, pair, nodes)
    return found


def _conflicts(
    resolver: Resolver, rules: Mapping[str, Any], pair: Mapping[str, Any], nodes: list[Node]
) -> Iterator[Finding]:
    """A printed decrease and a printed rate of one change, where the area at its end makes them disagree. Both are kept."""
    by = {(n.quantity, n.place, n.period): n for n in nodes if n.value}
    for (quantity, code, period), decrease in by.items():
        rate = by.get((str(pair["rate"]), code, period))
        end = by.get((f"{rules['id']}_area.{rules['basis'][0]['id']}", code, period.partition("-")[2]))
        if quantity != pair["decrease"] or rate is None or end is None:
            continue
        share = rate.value[0] * factor(rate.unit, "1")
        implied = -share * end.value[0] / (1 + share) * factor(end.unit, decrease.unit)
        if math.isclose(implied, decrease.value[0], rel_tol=float(pair["within"])):
            continue
        place, (zh, en) = resolver.zone.place(code), resolver.names(quantity)
        yield Finding(
            "warning", "printed_conflict",
            f"{place.name_en} {period}: {en} is printed as {decrease.value[0]:g} {decrease.unit} and as {rate.value[0]:g} %, "
            f"which gives {implied:.1f} {decrease.unit}; both are kept.",
            f"{place.name_zh} {period}：{zh}公布为 {decrease.value[0]:g} {decrease.unit}，又公布变化率 {rate.value[0]:g} %，"
            f"折合 {implied:.1f} {decrease.unit}；两数并存，不作取舍。",
            field=quantity,
        )  # fmt: skip


def _differs(resolver: Resolver, node: Node, ours: float) -> Finding:
    zh, en = resolver.names(node.quantity)
    place = resolver.zone.place(node.place)
    return Finding(
        "warning", "printed_conflict",
        f"{place.name_en} {node.period}: {en} is printed as {node.value[0]:g} {node.unit}, the areas give {ours:.4g}.",
        f"{place.name_zh} {node.period}：{zh}公布为 {node.value[0]:g} {node.unit}，按面积应为 {ours:.4g}。", field=node.quantity,
    )  # fmt: skip
