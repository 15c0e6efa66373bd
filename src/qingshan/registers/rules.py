"""What must hold between records: unique fields, conflicts of interest, land counted once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qingshan.ledger.book import Book, Refused
from qingshan.ledger.entry import RegisterEntry

from .actors import persons_with, roles
from .declaration import Register, Rule
from .values import numbers

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

__all__ = ["Shared", "area_of", "check_rules", "drawn", "overlaps", "refuse_shared_land"]

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
    refuse_shared_land(register, rule, overlaps(register, rule, book, id, fields))


@dataclass(frozen=True)
class Shared:
    """A record that covers the same land at the same time: `area` in m2 (ellipsoidal), first and last day of the shared time."""

    record: RegisterEntry
    area: float
    first: str
    last: str


def refuse_shared_land(register: Register, rule: Rule, found: list[Shared]) -> None:
    """Raises `Refused` naming the largest of them, and its register where that is another one."""
    for s in found[:1]:
        more, other = len(found) - 1, s.record.register != register.id
        en, zh = (f"{s.record.register} ", f"登记簿 {s.record.register} 的 ") if other else ("", "")
        _refuse(
            rule,
            "overlap",
            f"{s.area:,.1f} m2 are also in {en}{s.record.id} from {s.first} to {s.last}{f', and {more} more' if more else ''}.",
            f"有 {s.area:,.1f} m2 在 {s.first} 至 {s.last} 也属于{zh or ' '}{s.record.id}{f'，另有 {more} 处' if more else ''}。",
        )


def overlaps(
    register: Register,
    rule: Rule,
    book: Book,
    id: str,
    fields: Mapping[str, Any],
    more: Iterable[tuple[RegisterEntry, tuple[str, ...]]] = (),
) -> list[Shared]:
    """Records that cover the same land at the same time, the largest shared area first: of the register, of those beside it, and `more`
    (record, its fields for land, first and last day)."""
    from shapely import STRtree  # noqa: PLC0415 - the extra geo

    where, first, last = rule.fields
    if any(f not in fields for f in rule.fields):
        return []
    own = drawn(fields[where])
    known = {(r.register, r.id): (r, named) for r, named in (*_landed(register, rule, book), *more)}
    known.pop((register.id, id), None)
    near = []
    for _, (r, (land, since, until)) in sorted(known.items()):
        theirs = r.content["fields"]
        if land in theirs and since in theirs and until in theirs:
            begins, ends = max(theirs[since], fields[first]), min(theirs[until], fields[last])
            if begins <= ends:
                near.append((r, theirs[land], begins, ends))
    shapes = [drawn(land) for _, land, _, _ in near]
    found = [
        Shared(near[i][0], area_of(own.intersection(shapes[i])), near[i][2], near[i][3])
        for i in STRtree(shapes).query(own, predicate="intersects")
    ]
    return sorted((s for s in found if s.area > TOLERANCE_M2), key=lambda s: (-s.area, s.record.register, s.record.id))


def _landed(register: Register, rule: Rule, book: Book) -> Iterator[tuple[RegisterEntry, tuple[str, ...]]]:
    for id, fields, states in ((register.id, rule.fields, rule.states or tuple(register.state_by_id)), *rule.beside):
        for state in states:
            yield from ((r, fields) for r in book.standing(id, state))


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
