"""What must hold between records: unique fields, conflicts of interest, land counted once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from qingshan.ledger.book import Book, Refused
from qingshan.ledger.entry import RegisterEntry

from .actors import persons_with, roles
from .declaration import Register, Rule
from .values import numbers

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

__all__ = ["area_of", "check_rules", "drawn", "overlaps"]

TOLERANCE_M2 = 1.0
"""Shared area that is the noise of digitising a common boundary."""


def check_rules(register: Register, book: Book, id: str, state: str, fields: Mapping[str, Any]) -> None:
    """Hold a record that is about to be written to the register's rules. Raises `Refused` citing the rule's clause."""
    for rule in register.rules:
        if not rule.states or state in rule.states:
            _RULES[rule.kind](register, rule, book, id, fields)


def _others(register: Register, rule: Rule, book: Book, id: str) -> Iterator[RegisterEntry]:
    for state in rule.states or register.state_by_id:
        yield from (r for r in book.standing(register.id, state) if r.id != id)


def _unique(register: Register, rule: Rule, book: Book, id: str, fields: Mapping[str, Any]) -> None:
    own = [fields.get(f) for f in rule.fields]
    if any(v is None for v in own):
        return
    for other in sorted(_others(register, rule, book, id), key=lambda r: r.id):
        if [other.content["fields"].get(f) for f in rule.fields] == own:
            _refuse(
                rule,
                "not_unique",
                f"{other.id} has the same {', '.join(rule.fields)}.",
                f"与 {other.id} 的{_names(register, rule)}相同。",
            )


def _no_role(register: Register, rule: Rule, book: Book, id: str, fields: Mapping[str, Any]) -> None:
    held = persons_with(book, frozenset(rule.roles))
    names = {r.id: r for r in roles()}
    for field in rule.fields:
        given = fields.get(field, [])
        for person in given if isinstance(given, list) else [given]:
            if person in held:
                role = names[held[person]]
                _refuse(
                    rule, "conflict_of_interest", f"{person} has the role {role.en}.", f"{person} 具有“{role.zh}”角色。"
                )


def _no_overlap(register: Register, rule: Rule, book: Book, id: str, fields: Mapping[str, Any]) -> None:
    """Fields: geometry, first day, last day. Two records may share land, or time, not both."""
    for other, area in overlaps(register, rule, book, id, fields):
        _refuse(
            rule,
            "overlap",
            f"{area:,.1f} m2 are also in {other} for the same time.",
            f"有 {area:,.1f} m2 在同一时段也属于 {other}。",
        )


def overlaps(register: Register, rule: Rule, book: Book, id: str, fields: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Records that cover the same land at the same time, with the shared area in m2 (ellipsoidal), the largest first."""
    from shapely import STRtree  # noqa: PLC0415 - the extra geo

    where, first, last = rule.fields
    if any(f not in fields for f in rule.fields):
        return []
    own = drawn(fields[where])
    near = [r for r in sorted(_others(register, rule, book, id), key=lambda r: r.id) if all(f in r.content["fields"] for f in rule.fields)
            and r.content["fields"][first] <= fields[last] and fields[first] <= r.content["fields"][last]]  # fmt: skip
    shapes = [drawn(r.content["fields"][where]) for r in near]
    found = [
        (near[i].id, area_of(own.intersection(shapes[i]))) for i in STRtree(shapes).query(own, predicate="intersects")
    ]
    return sorted((f for f in found if f[1] > TOLERANCE_M2), key=lambda f: (-f[1], f[0]))


def drawn(geometry: Mapping[str, Any]) -> BaseGeometry:
    """The shape that a record keeps as decimal texts."""
    from shapely.geometry import shape  # noqa: PLC0415

    return shape({"type": geometry["type"], "coordinates": numbers(geometry["coordinates"])})


def area_of(geometry: BaseGeometry) -> float:
    """Ellipsoidal area in m2 of a shape in degrees."""
    from pyproj import Geod  # noqa: PLC0415

    return abs(Geod(ellps="WGS84").geometry_area_perimeter(geometry)[0])


def _names(register: Register, rule: Rule) -> str:
    return "、".join(register.field_by_id[f].zh for f in rule.fields)


def _refuse(rule: Rule, code: str, en: str, zh: str) -> None:
    cited = f" ({rule.document} {rule.clause})" if rule.document else ""
    raise Refused(code, f"{rule.en}: {en}{cited}", f"{rule.zh}：{zh}{cited}")


_RULES: dict[str, Callable[[Register, Rule, Book, str, Mapping[str, Any]], None]] = {
    "unique": _unique, "no_role": _no_role, "no_overlap": _no_overlap,
}  # fmt: skip
