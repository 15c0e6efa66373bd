"""Who uses what a place supplies: supply place × use place, by the declared way a service flows.

    [[flow]] in zone.toml
    service = "G02", kind = "directional", from = "520101", to = "520102", share = "0.6", source, status
    service = "G10", kind = "global", source, status
    service = "G13", kind = "local", source, status

`global`: everyone, one column `world`. `local`: the place itself. `directional`: places downstream, by shares of a river or
basin that add up to 1 for each supplying place; `outside` is beyond the zone. A place without a row stands in the column
`undeclared`. Every table balances exactly: the use of all places is the supply of all places.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from qingshan.core.errors import DeclarationError
from qingshan.core.finding import Finding
from qingshan.zone.zone import Zone

from .balance import Head, Table, fraction, shares_of
from .cells import Fact
from .run import Run

__all__ = ["FLOW_TABLE", "KINDS", "declared_flows", "flows_of", "use_by_place"]

FLOW_TABLE = "beneficiaries"
"""First part of the id of a table of supply places by use places; the second is the service."""

KINDS = ("global", "local", "directional")
BEYOND = (
    Head("world", "全球", "the world"),
    Head("outside", "区域外", "outside the zone"),
    Head("undeclared", "去向未声明", "use not declared"),
)


def flows_of(zone: Zone, service: str) -> tuple[str, dict[str, dict[str, Fraction]]]:
    """How a service flows and, where it is directional, the shares by supplying place. ("", {}) where nothing is declared.

    Raises `DeclarationError` naming the row: an unknown kind or place, two kinds, shares that do not add up to 1.
    """
    rows = [r for r in zone.config.get("flow", ()) if r.get("service") == service]
    kinds = sorted({str(r.get("kind", "")) for r in rows})
    if not rows:
        return "", {}
    where = f"zone.toml [[flow]] {service}"
    if len(kinds) != 1 or kinds[0] not in KINDS:
        raise DeclarationError(
            f"kind is {', '.join(kinds)}.",
            f"kind 为 {'、'.join(kinds)}。",
            where=where,
            fix=f"one of {', '.join(KINDS)}",
        )
    if kinds[0] != "directional":
        return kinds[0], {}
    known = {*zone.places, *(h.id for h in BEYOND[:2])}
    by_place: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        if str(row.get("from")) not in zone.places or str(row.get("to")) not in known:
            raise DeclarationError(f"from {row.get('from')!r} to {row.get('to')!r} is no place.", f"{row.get('from')!r}、{row.get('to')!r} 不是本区域地点。",
                                   where=where, fix="codes of places.csv, or to = \"outside\" / 用 places.csv 的代码，或 to = \"outside\"")  # fmt: skip
        by_place.setdefault(str(row["from"]), []).append(row)
    return kinds[0], {place: shares_of(each, f"{service} {place}", where) for place, each in by_place.items()}


def use_by_place(run: Run, service: str, period: str = "", basis: str = "") -> Table:
    """Supply of every leaf place by the place that uses it: physical, or with `basis` in money.

    Raises `DeclarationError` as `flows_of`. A place whose figure is refused is left out and noted.
    """
    zone = run.zone
    kind, shares = flows_of(zone, service)
    period = period or run.default_period
    supply, unit, notes = _supply(run, service, period, basis)
    cells: dict[tuple[str, str], Fraction] = {}
    for place, amount in supply.items():
        if kind == "directional":
            parts = {to: share * amount for to, share in shares.get(place, {"undeclared": Fraction(1)}).items()}
        else:
            parts = {{"global": "world", "local": place}.get(kind, "undeclared"): amount}
        cells |= {(place, to): part for to, part in parts.items() if part}
    used = {to for _, to in cells}
    places = tuple(Head(c, p.name_zh, p.name_en) for c, p in zone.places.items())
    line = next(x for x in run.services(zone.root, period) if x.service.id == service)
    return Table(
        f"{FLOW_TABLE}.{service}", f"{line.service.zh}：供给地与受益地", f"{line.service.en}: place of supply and place of use", unit,
        tuple(h for h in places if h.id in supply), tuple(h for h in (*places, *BEYOND) if h.id in used), cells,
        (*run.profile.labels, *(["synthetic"] if zone.synthetic else [])), tuple(notes),
    )  # fmt: skip


def declared_flows(zone: Zone) -> list[str]:
    """Services whose way from supply to use the zone declares."""
    return list(dict.fromkeys(str(r.get("service", "")) for r in zone.config.get("flow", ())))


def _supply(run: Run, service: str, period: str, basis: str) -> tuple[dict[str, Fraction], str, list[Finding]]:
    role = "value" if basis else "physical"
    facts: dict[str, Fact] = {
        f.place: f for f in run.facts if f.service == service and f.role == role and f.period == period and not f.cls and f.basis == basis
    }  # fmt: skip
    supply: dict[str, Fraction] = {}
    unit, notes = "", []
    for place in run.zone.leaves(run.zone.root):
        fact = facts.get(place)
        if fact is None or fact.value is None:
            name = run.zone.place(place)
            notes.append(
                Finding(
                    "note",
                    "supply_refused",
                    f"{name.name_en}: no figure of {service}.",
                    f"{name.name_zh}：没有 {service} 的数。",
                    file=place,
                )
            )
            continue
        supply[place], unit = fraction(fact.value), fact.unit
    return supply, unit, notes
