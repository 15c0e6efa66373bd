"""Classes by the worst item (单因子评价): surface water, groundwater, any table whose rows say up to where a class goes.

Each item gets its best class, the water that of its worst item. A censored reading gives an interval of classes; a
table with two kinds of water body and a water of unknown kind gives both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any

from ...core.domain import load_domains
from ...core.errors import UnitError, UnknownName
from ...core.limit import OPERATORS, LimitRow
from ...core.reading import Reading
from ...core.rounding import Exact, exact
from .editions import RuleSet, on_day
from .verdict import (
    EXCEEDS,
    INSUFFICIENT,
    MEETS,
    NOT_APPLICABLE,
    REFUSALS,
    UNJUDGED,
    Note,
    Result,
    citation,
    converted,
    inputs_of,
    note_of,
    shown,
)

Readings = Mapping[str, tuple[Reading, str]]
"""Item code of the table -> (reading, its unit)."""


@dataclass(frozen=True)
class Scheme:
    """A class table as its domain declares it. Grades are positions: 0 is the best, `len(codes)` is `worse`."""

    id: str
    table: str
    column: str
    codes: tuple[str, ...]
    words: tuple[str, ...]
    worse: str
    body: str
    bodies: tuple[str, ...]
    instead: Mapping[str, str]
    outside: tuple[str, ...]
    automatic: tuple[str, ...]
    lowest: str

    def word(self, grade: int) -> str:
        return (*self.words, self.worse)[grade]

    def grade(self, text: str) -> int:
        """The position of a class written in either alphabet (`Ⅲ`, `III`, `III类`, `劣V`). Raises `UnknownName`."""
        plain = text.strip().removesuffix("类").translate(_ROMAN).upper()
        names = [*(w.translate(_ROMAN).upper() for w in self.words), self.worse.translate(_ROMAN).upper()]
        if plain not in names:
            raise UnknownName(f"no class {text!r}.", f"没有类别 {text!r}。")
        return names.index(plain)


_ROMAN = str.maketrans({"Ⅰ": "I", "Ⅱ": "II", "Ⅲ": "III", "Ⅳ": "IV", "Ⅴ": "V", "＞": ">"})


@lru_cache(maxsize=8)
def scheme(id: str) -> Scheme:
    """One declared class table. Raises `UnknownName`."""
    for _, content in load_domains().declared("evaluate"):
        for raw in content.get("classes", ()):
            if raw["id"] == id:
                made: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}
                return Scheme(**made)
    raise UnknownName(f"no class table {id!r}.", f"没有类别表 {id!r}。")


@dataclass(frozen=True)
class ItemRows:
    """Rows of one item and water body: per class the conditions, one of which must hold (`pH` IV is two bands)."""

    by_class: tuple[tuple[LimitRow, ...], ...]
    unit: str
    instead: tuple[str, tuple[LimitRow, ...]] | None = field(default=None)

    @cached_property
    def rows(self) -> tuple[LimitRow, ...]:
        return tuple(r for c in self.by_class for r in c)

    @cached_property
    def in_words(self) -> bool:
        """Whether every class is told in words."""
        return not any(_numeric(r) for r in self.rows)


class Grader:
    """The rows of one scheme on one day, ready to grade many waters."""

    def __init__(self, rules: RuleSet, scheme_id: str, day: date) -> None:
        """Raises what choosing a row raises."""
        self.rules, self.scheme, self.day = rules, scheme(scheme_id), day
        self._rows = on_day(rules, self.scheme.table, day)
        self._kept: dict[tuple[str, str], ItemRows | None] = {}
        self._told: dict[int, dict[str, Any]] = {}
        self._cited: dict[tuple[tuple[str, ...], str], dict[str, Any]] = {}
        self._by_item: dict[str, list[LimitRow]] = {}
        for row in self._rows:
            self._by_item.setdefault(row.item, []).append(row)
        self.items = [i for i in self._by_item if i not in self.scheme.instead.values()]
        """Item codes of the table, in its order."""

    def on(self, day: date) -> Grader:
        """The grader of another day; it shares what this one worked out where the same rows are in force."""
        rows = on_day(self.rules, self.scheme.table, day)
        if len(rows) != len(self._rows) or any(a is not b for a, b in zip(rows, self._rows, strict=True)):
            return Grader(self.rules, self.scheme.id, day)
        same = copy(self)
        same.day = day
        return same

    def cited(self, items: tuple[str, ...], body: str) -> dict[str, Any]:
        """Clause, edition, status and places of the rows of some items together."""
        key = (items, body)
        if key not in self._cited:
            held = [r for i in items for r in _rows_of(self, i, body)]
            self._cited[key] = {**citation(held), "limit": ""}
        return self._cited[key]

    def told(self, rows: ItemRows | None) -> dict[str, Any]:
        """Clause, edition, status and places of the rows of one item, and its ladder of limits."""
        if rows is None:
            return {}
        if id(rows) not in self._told:  # `_kept` holds the rows, so an id stays one item's
            self._told[id(rows)] = {**citation(rows.rows), "limit": _ladder(self.scheme, rows)}
        return self._told[id(rows)]

    def rows(self, item: str, body: str) -> ItemRows | None:
        """Rows of an item for a water body; None where the table has none for it."""
        key = (item, body)
        if key not in self._kept:
            self._kept[key] = self._collect(item, body)
        return self._kept[key]

    def _collect(self, item: str, body: str) -> ItemRows | None:
        s = self.scheme
        held = [r for r in self._by_item.get(item, ()) if not s.body or r.scope[s.body] in (body, "all")]
        by_class = tuple(tuple(r for r in held if r.scope[s.column] == code) for code in s.codes)
        if not any(by_class):
            return None
        other = s.instead.get(item, "")
        alternative = tuple(self._by_item.get(other, ()))
        return ItemRows(by_class, held[0].unit, (other, alternative) if alternative else None)

    def grade_of(self, rows: ItemRows, value: Exact) -> int:
        """The best class whose rows hold; `len(codes)` where none does."""
        for grade, conditions in enumerate(rows.by_class):
            if conditions and _holds(conditions, value):
                return grade
        return len(self.scheme.codes)

    def grade_item(
        self, item: str, body: str, reading: Reading, unit: str, beside: Readings
    ) -> tuple[tuple[int, int] | None, tuple[Note, ...], ItemRows | None]:
        """(best, worst) class of one item, why it has none, and its rows. `beside` holds the alternative item."""
        rows = self.rows(item, body)
        if rows is None:
            why = Note(
                "outside_scope",
                f"{item} has no limit for {body or 'this water'}.",
                f"{item} 对{body or '该水体'}没有限值。",
            )
            return None, (why,), None
        if reading.missing:
            return None, (Note("missing", f"{item} has no value.", f"{item} 没有数值。"),), rows
        if rows.in_words:
            why = Note("words", f"{item} is told in words: compare by eye.", f"{item} 以文字规定，请人工判定。")
            return None, (why,), rows
        try:
            if reading.value is not None:
                best = self.grade_of(rows, converted(reading.value, unit, rows.unit))
                best = self._alternative(rows, best, beside)
                return (best, best), (), rows
            return self._censored(rows, reading, unit)
        except UnitError as error:
            return None, (note_of(error),), rows

    def _alternative(self, rows: ItemRows, grade: int, beside: Readings) -> int:
        """The class where the alternative item (DO saturation) reaches a better one."""
        if rows.instead is None:
            return grade
        other, limits = rows.instead
        given = beside.get(other)
        if given is None or given[0].value is None:
            return grade
        for row in limits:
            reached = self.scheme.codes.index(row.scope[self.scheme.column])
            if reached < grade and row.holds(converted(given[0].value, given[1], row.unit)):
                return reached
        return grade

    def _censored(
        self, rows: ItemRows, reading: Reading, unit: str
    ) -> tuple[tuple[int, int], tuple[Note, ...], ItemRows]:
        """Classes of every value in [0, detection limit): those of its ends, as classes are bands."""
        undetected = next(
            (g for g, c in enumerate(rows.by_class) if any(r.scope.get("rule") == "not detected" for r in c)), None
        )
        if reading.detection_limit is None:
            note = Note(
                "unknown_detection_limit", "not detected, at an unknown detection limit.", "未检出，检出限不明。"
            )
            return (0, len(self.scheme.codes)), (note,), rows
        limit = converted(reading.detection_limit, unit, rows.unit)
        ends = {self.grade_of(rows, exact(self.scheme.lowest)), self.grade_of(rows, limit)}
        ends |= {self.grade_of(rows, b) for b in _bounds(rows) if 0 <= b < limit}
        if undetected is not None:
            ends.add(undetected)
        best, worst = min(ends), max(ends)
        if best == worst:
            return (best, worst), (), rows
        note = Note(
            "censored",
            f"not detected at {reading.text}: the class lies in an interval.",
            f"未检出（{reading.text}）：类别为一个区间。",
        )
        return (best, worst), (note,), rows


def _numeric(row: LimitRow) -> bool:
    return row.scope.get("rule", "") not in ("text",) and (
        row.value is not None or bool(row.scope.get("lower")) or row.scope.get("rule") == "not detected"
    )


def _holds(conditions: Sequence[LimitRow], value: Exact) -> bool:
    """Rows with an operator of comparison must all hold (pH between two); rows with a rule of their own are bands, of
    which one must."""
    if conditions[0].operator in OPERATORS:
        return all(r.holds(value) for r in conditions)
    return any(_band(r, value) for r in conditions)


def _band(row: LimitRow, value: Exact) -> bool:
    rule = row.scope.get("rule", "")
    lower = exact(row.scope["lower"]) if row.scope.get("lower") else None
    upper = row.value
    if rule == "value <= upper" and upper is not None:
        return value <= upper
    if rule == "value > lower" and lower is not None:
        return value > lower
    if lower is None or upper is None:
        return False
    return {
        "lower <= value <= upper": lower <= value <= upper,
        "lower <= value < upper": lower <= value < upper,
        "lower < value <= upper": lower < value <= upper,
    }.get(rule, False)


def _bounds(rows: ItemRows) -> list[Decimal]:
    texts = [t for c in rows.by_class for r in c for t in (r.text, r.scope.get("lower", "")) if t and _numeric(r)]
    return [exact(t) for t in texts if t.replace(".", "", 1).isdigit()]


# ---- one water -------------------------------------------------------------------------------------------------------


def classify(
    grader: Grader,
    quantity: str,
    site: str,
    readings: Readings,
    *,
    body: str = "",
    required: Iterable[str] = (),
    target: str = "",
    published: bool = False,
) -> Result:
    """Class of one water from its readings (item code -> reading, unit).

    `required` are the items the class stands on (by default those given); one of them missing: insufficient data, with
    the class that the others show as the best still possible. An unknown `body` gives both where they differ. With a
    `target` class the verdict says whether it is met.
    """
    s = grader.scheme
    needed = tuple(required) or tuple(i for i in readings if i in grader.items)
    bodies = (body,) if body or not s.body else s.bodies
    if body and s.bodies and body not in s.bodies:
        raise UnknownName(
            f"no water body type {body!r}; there are: {', '.join(s.bodies)}.",
            f"没有水体类型 {body!r}；有：{'、'.join(s.bodies)}。",
        )
    made = [_one_body(grader, quantity, site, readings, b, needed, target) for b in bodies]
    result = made[0]
    if len(made) > 1 and any(m.grades != made[0].grades for m in made):
        grades = sorted({s.grade(g) for m in made for g in m.grades})
        why = Note(
            "unknown_water_body", "the kind of water is not listed, and the classes differ: "
            + ", ".join(f"{b} {m.grade}" for b, m in zip(bodies, made, strict=True)) + ".",
            "水体类型未列明，类别不同：" + "，".join(f"{b} {m.grade}" for b, m in zip(bodies, made, strict=True)) + "。",
        )  # fmt: skip
        result = replace(result, verdict=UNJUDGED, grades=tuple(s.word(g) for g in grades), notes=(*result.notes, why))
    if published:
        how = Note("published_value", "judged on published (rounded) values.", "以公布值（已修约）评价。")
        result = replace(result, notes=(*result.notes, how))
    return result


def _one_body(
    grader: Grader, quantity: str, site: str, readings: Readings, body: str, needed: Sequence[str], target: str
) -> Result:
    s = grader.scheme
    parts, best, worst, valid = [], 0, 0, 0
    for item in dict.fromkeys([*needed, *readings]):
        if item in s.instead.values() or item in s.outside:
            continue
        reading, unit = readings.get(item, (Reading(""), ""))
        span, notes, rows = grader.grade_item(item, body, reading, unit, readings)
        parts.append(_part(grader, site, item, reading, unit, span, notes, rows))
        if span is not None:
            best, worst, valid = max(best, span[0]), max(worst, span[1]), valid + (item in needed)
    lacking = [p.item for p in parts if p.item in needed and not p.grades and p.verdict != NOT_APPLICABLE]
    scoped = [i for i in needed if i not in {p.item for p in parts if p.verdict == NOT_APPLICABLE}]
    deciding = [p.item for p in parts if p.grades and s.grade(p.grades[-1]) == worst]
    base = Result(
        quantity, site, ",".join(deciding), grader.day, grader.day, n_valid=valid, n_required=len(scoped), parts=tuple(parts),
        rule_set=grader.rules.digest, inputs=inputs_of((i, r.text, u) for i, (r, u) in readings.items()), **grader.cited(tuple(p.item for p in parts), body),
    )  # fmt: skip
    listed = Note("items", f"items: {', '.join(needed)}.", f"评价项目：{'、'.join(needed)}。")
    if not valid:
        return replace(base, verdict=INSUFFICIENT, item="", notes=(listed,))
    if lacking:
        why = Note("missing_item", f"without {', '.join(lacking)}.", f"缺 {'、'.join(lacking)}。")
        return replace(base, verdict=INSUFFICIENT, grades=_interval(s, best, len(s.codes)), notes=(listed, why))
    grades = _interval(s, best, worst)
    if not target:
        return replace(base, grades=grades, notes=(listed,))
    aim = s.grade(target)
    verdict = MEETS if worst <= aim else EXCEEDS if best > aim else UNJUDGED
    return replace(base, grades=grades, verdict=verdict, limit=s.word(aim), notes=(listed,))


def _rows_of(grader: Grader, item: str, body: str) -> list[LimitRow]:
    rows = grader.rows(item, body)
    return list(rows.rows) if rows else []


def _interval(s: Scheme, best: int, worst: int) -> tuple[str, ...]:
    return tuple(s.word(g) for g in range(best, worst + 1))


def _part(
    grader: Grader, site: str, item: str, reading: Reading, unit: str, span: tuple[int, int] | None,
    notes: tuple[Note, ...], rows: ItemRows | None,
) -> Result:  # fmt: skip
    s = grader.scheme
    verdict = ""
    if span is None:
        codes = {n.code for n in notes}
        verdict = NOT_APPLICABLE if "outside_scope" in codes else INSUFFICIENT if "missing" in codes else UNJUDGED
    return Result(
        f"{s.id}.item", site, item, grader.day, grader.day, reading.value, reading.text, unit, verdict=verdict,
        grades=_interval(s, *span) if span else (), notes=notes, **grader.told(rows),
    )  # fmt: skip


def _ladder(s: Scheme, rows: ItemRows) -> str:
    """`Ⅰ <= 2, Ⅱ <= 4 ...` for reports."""
    told = []
    for word, conditions in zip(s.words, rows.by_class, strict=True):
        signs = [
            r.sign
            if r.operator in OPERATORS
            else r.scope.get("rule", "").replace("upper", r.text).replace("lower", r.scope.get("lower", ""))
            for r in conditions
        ]
        if signs:
            told.append(f"{word} {' & '.join(signs)}")
    return "; ".join(told)


def against_class(grader: Grader, item: str, reading: Reading, unit: str, target: str, body: str = "") -> Result:
    """One item against the limit of a target class. A censored reading meets a limit at or above its detection limit;
    below it, it cannot be judged, and the interval of classes says what it may be."""
    span, notes, rows = grader.grade_item(item, body, reading, unit, {})
    part = _part(grader, "", item, reading, unit, span, notes, rows)
    if span is None:
        return part
    aim = grader.scheme.grade(target)
    verdict = MEETS if span[1] <= aim else EXCEEDS if span[0] > aim else UNJUDGED
    assert rows
    held = rows.by_class[aim] if aim < len(rows.by_class) else ()
    return replace(part, verdict=verdict, **citation(held))


def exceedance(grader: Grader, item: str, reading: Reading, unit: str, target: str, body: str = "") -> Exact | None:
    """Exceedance multiple (C - Cs) / Cs of an item above its target class; None where it is not above, has no number, or
    the multiple is not computed (water temperature, pH, DO)."""
    rows = grader.rows(item, body)
    aim = grader.scheme.grade(target)
    if rows is None or reading.value is None or item in ("water_temp", "pH", "DO") or aim >= len(rows.by_class):
        return None
    limits = [r for r in rows.by_class[aim] if r.operator == "<=" and r.value is not None]
    if len(limits) != 1:
        return None
    value = Fraction(converted(reading.value, unit, rows.unit))
    limit = Fraction(limits[0].value or 0)
    multiple = load_domains().registry["water.exceedance_multiple@2011"](value, limit)
    return multiple if multiple > 0 else None


__all__ = ["REFUSALS", "Grader", "Scheme", "against_class", "classify", "exceedance", "scheme", "shown"]
