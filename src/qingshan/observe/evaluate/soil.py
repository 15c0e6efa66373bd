"""Agricultural soil (GB 15618) and construction land (GB 36600): screening and intervention values, the worst item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from ...core.errors import UnitError, UnknownName
from ...core.limit import LimitRow
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
    judge,
    note_of,
)

CLASSES = ("优先保护类", "安全利用类", "严格管控类")
"""At or below the screening value; above it; above the intervention value (GB 15618)."""
LANDS = ("paddy", "orchard", "other")
CONSTRUCTION = ("class1", "class2")

Samples = Mapping[str, tuple[Reading, str]]


def agricultural_soil(rules: RuleSet, site: str, day: date, land: str, ph: Exact | None, samples: Samples) -> Result:
    """Class of an agricultural plot (land `paddy`, `orchard` or `other`) from its items and pH.

    Without pH the bin is unknown: cannot be judged. The verdict is against the screening values; a value censored above
    one cannot be judged and leaves an interval of classes.
    """
    if land not in LANDS:
        raise UnknownName(
            f"no land {land!r}; there are: {', '.join(LANDS)}.", f"没有用地类型 {land!r}；有：{'、'.join(LANDS)}。"
        )
    base = Result(
        "soil.agricultural",
        site,
        "",
        day,
        day,
        rule_set=rules.digest,
        inputs=inputs_of((i, r.text, u) for i, (r, u) in samples.items()),
    )
    if ph is None:
        why = Note("missing_ph", "the limits depend on the pH of the soil.", "限值随土壤 pH 而定。")
        return replace(base, verdict=UNJUDGED, notes=(why,))
    parts = [
        _item(rules, base, item, reading, unit, lambda kind, item=item: _agricultural(rules, day, kind, item, land, ph))
        for item, (reading, unit) in samples.items()
    ]
    return _worst(base, parts)


def _agricultural(rules: RuleSet, day: date, kind: str, item: str, land: str, ph: Exact) -> LimitRow | None:
    """The row of the pH bin (lower end out, upper end in) and of the most particular land."""
    held = rules.table("soil_agri_limits").find(item, kind=kind)
    for asked in (land, "other", "all", ""):
        if any(r.scope["land"] == asked for r in held):
            rows = on_day(rules, "soil_agri_limits", day, item, kind=kind, land=asked)
            return next((r for r in rows if _in_bin(r, ph)), None)
    return None


def _in_bin(row: LimitRow, ph: Exact) -> bool:
    low, high = row.scope["ph_gt"], row.scope["ph_le"]
    return (not low or ph > exact(low)) and (not high or ph <= exact(high))


def construction_land(rules: RuleSet, site: str, day: date, land_class: str, samples: Samples) -> Result:
    """Construction land of class 1 or 2 (第一类、第二类用地): below screening, above it, above intervention."""
    if land_class not in CONSTRUCTION:
        raise UnknownName(
            f"no land class {land_class!r}; there are: {', '.join(CONSTRUCTION)}.", f"没有用地类别 {land_class!r}。"
        )
    base = Result(
        "soil.construction",
        site,
        "",
        day,
        day,
        rule_set=rules.digest,
        inputs=inputs_of((i, r.text, u) for i, (r, u) in samples.items()),
    )

    def row(kind: str, item: str) -> LimitRow | None:
        if not rules.table("soil_construction_limits").find(item):
            return None
        return on_day(rules, "soil_construction_limits", day, item, kind=kind, land_class=land_class)[0]

    parts = [
        _item(rules, base, item, reading, unit, lambda kind, item=item: row(kind, item))
        for item, (reading, unit) in samples.items()
    ]
    return _worst(base, parts, ("未超筛选值", "超筛选值", "超管制值"))


def _item(rules: RuleSet, base: Result, item: str, reading: Reading, unit: str, find) -> Result:
    """One item: grades as positions in `CLASSES`, the verdict against the screening value."""
    made = replace(base, item=item, value=reading.value, value_text=reading.text, unit=unit, inputs="")
    try:
        screening, intervention = find("screening"), find("intervention")
    except REFUSALS as error:
        return replace(made, verdict=UNJUDGED, notes=(note_of(error),))
    if screening is None:
        why = Note("outside_scope", f"{item} has no screening value here.", f"{item} 在此没有筛选值。")
        return replace(made, verdict=NOT_APPLICABLE, notes=(why,))
    made = replace(made, **citation([r for r in (screening, intervention) if r]))
    verdict, notes = judge(reading, screening, unit)
    grades: tuple[int, ...] = ()
    if verdict == MEETS:
        grades = (0,)
    elif verdict == EXCEEDS:
        above = intervention is not None and not intervention.holds(
            converted(reading.value or 0, unit, intervention.unit)
        )
        grades = (2,) if above else (1,)
    elif reading.censored and not any(n.code == UnitError.code for n in notes):
        grades = _censored(reading, unit, intervention)
    return replace(made, verdict=verdict, notes=notes, grades=tuple(str(g) for g in grades))


def _censored(reading: Reading, unit: str, intervention: LimitRow | None) -> tuple[int, ...]:
    """Classes a value below a detection limit above the screening value may have."""
    last = 1
    if intervention is not None and (
        reading.detection_limit is None
        or converted(reading.detection_limit, unit, intervention.unit) > (intervention.value or 0)
    ):
        last = 2
    return tuple(range(last + 1))


def _worst(base: Result, parts: list[Result], words: tuple[str, ...] = CLASSES) -> Result:
    graded = [(int(p.grades[0]), int(p.grades[-1]), p.item) for p in parts if p.grades]
    told = [replace(p, grades=tuple(words[int(g)] for g in p.grades)) for p in parts]
    cited = citation_of(parts)
    judged = [p for p in parts if p.verdict != NOT_APPLICABLE]
    base = replace(base, parts=tuple(told), n_valid=len(graded), n_required=len(judged), **cited)  # type: ignore[arg-type]
    if not judged:
        return replace(base, verdict=NOT_APPLICABLE)
    lacking = [p for p in judged if not p.grades]
    best, worst = max((b for b, _, _ in graded), default=0), max((w for _, w, _ in graded), default=0)
    if lacking:
        verdict = UNJUDGED if any(p.verdict == UNJUDGED for p in lacking) else INSUFFICIENT
        notes = tuple(dict.fromkeys(n for p in lacking for n in p.notes))
        return replace(base, verdict=verdict, grades=tuple(words[best:]) if graded else (), notes=notes)
    verdict = MEETS if worst == 0 else EXCEEDS if best > 0 else UNJUDGED
    deciding = ",".join(i for _, w, i in graded if w == worst)
    notes = tuple(dict.fromkeys(n for p in parts for n in p.notes))
    return replace(base, verdict=verdict, item=deciding, grades=tuple(words[best : worst + 1]), notes=notes)


def citation_of(parts: list[Result]) -> dict[str, object]:
    """Clause, edition, status and rows of some results together."""
    order = ("", "primary", "project", "secondary", "news", "ocr_doubt", "open")
    return {
        "clause": " ; ".join(dict.fromkeys(p.clause for p in parts if p.clause)),
        "edition": " + ".join(dict.fromkeys(p.edition for p in parts if p.edition)),
        "status": max((p.status for p in parts), key=order.index, default=""),
        "rows": tuple(dict.fromkeys(r for p in parts for r in p.rows)),
    }
