"""New pollutants (P8): occurrence, detection frequency, risk quotient and the ranking of a screening list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from ...core.domain import load_domains
from ...core.errors import MissingParameter, UnitError
from ...core.reading import Reading
from ...core.rounding import Exact
from .editions import RuleSet, on_day
from .verdict import (
    EXCEEDS,
    INSUFFICIENT,
    MEETS,
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


@dataclass(frozen=True)
class Occurrence:
    """Analyses of one substance in one medium: how often it was found and at what, in one unit.

    `highest` is the largest quantified value; `highest_limit` the largest detection limit of a non-detect.
    """

    substance: str
    medium: str
    unit: str
    analyses: int
    detects: int
    frequency: Fraction | None
    lowest: Exact | None
    median: Exact | None
    highest: Exact | None
    highest_limit: Exact | None


def occurrence(substance: str, medium: str, unit: str, readings: Iterable[tuple[Reading, str]]) -> Occurrence:
    """Occurrence of a substance from (reading, unit). Missing readings are no analyses. Raises `UnitError`.

    The median counts a non-detect as below every value; it is None where it falls among non-detects.
    """
    analysed = [(r, u) for r, u in readings if not r.missing]
    values = sorted(converted(r.value, u, unit) for r, u in analysed if r.value is not None)
    limits = [converted(r.detection_limit, u, unit) for r, u in analysed if r.detection_limit is not None]
    n = len(analysed)
    frequency = (
        load_domains().registry["materials.detection_frequency@1"](Fraction(len(values)), Fraction(n)) if n else None
    )
    ordered: list[Exact | None] = [*[None] * (n - len(values)), *values]
    middle = [ordered[(n - 1) // 2], ordered[n // 2]] if n else [None]
    known = [m for m in middle if m is not None]
    median = sum((Fraction(m) for m in known), Fraction()) / len(known) if len(known) == len(middle) else None
    return Occurrence(
        substance, medium, unit, n, len(values), frequency, values[0] if values else None, median,
        values[-1] if values else None, max(limits, default=None),
    )  # fmt: skip


def risk(rules: RuleSet, day: date, seen: Occurrence, required: int = 1) -> Result:
    """Risk quotient MEC/PNEC of the highest value found; above 1 exceeds.

    PNEC rows are the user's (`RuleSet.rows["new_pollutant_pnec"]`) for the substance and medium. Found nowhere: the
    quotient of the largest detection limit bounds it; bounded above 1 it cannot be judged. Several rows: the smallest
    PNEC stands, and all are named.
    """
    base = Result(
        "materials.risk_quotient",
        "",
        seen.substance,
        day,
        day,
        unit="1",
        n_valid=seen.analyses,
        n_required=required,
        rule_set=rules.digest,
        inputs=inputs_of([seen]),
    )
    try:
        rows = _pnec(rules, day, seen)
    except REFUSALS as error:
        return replace(base, verdict=UNJUDGED, notes=(note_of(error),))
    base = replace(base, **citation(rows))
    if seen.analyses < required:
        return replace(base, verdict=INSUFFICIENT)
    try:
        limit = min(Fraction(converted(r.value or 0, r.unit, seen.unit)) for r in rows)
    except UnitError as error:
        return replace(base, verdict=UNJUDGED, notes=(note_of(error),))
    formula = load_domains().registry["materials.risk_quotient@1"]
    if seen.highest is not None:
        quotient = formula(Fraction(seen.highest), limit)
        return replace(base, value=quotient, value_text=shown(quotient, 6), verdict=MEETS if quotient <= 1 else EXCEEDS)
    if seen.highest_limit is None:
        return replace(
            base,
            verdict=UNJUDGED,
            notes=(
                Note("unknown_detection_limit", "never found, at unknown detection limits.", "均未检出，检出限不明。"),
            ),
        )
    bound = formula(Fraction(seen.highest_limit), limit)
    why = Note(
        "never_found",
        f"never found; the quotient is below {shown(bound, 6)}.",
        f"均未检出；风险商低于 {shown(bound, 6)}。",
    )
    return replace(base, value_text=f"<{shown(bound, 6)}", verdict=MEETS if bound <= 1 else UNJUDGED, notes=(why,))


def _pnec(rules: RuleSet, day: date, seen: Occurrence):
    table = rules.table("new_pollutant_pnec")
    if not table.find(seen.substance, medium=seen.medium):
        error = MissingParameter(
            f"new_pollutant_pnec[{seen.substance}]", f"no PNEC of {seen.substance} in {seen.medium}.",
            f"没有 {seen.substance} 在 {seen.medium} 中的 PNEC：请在 pnec、pnec_unit、pnec_source 列给出。",
        )  # fmt: skip
        error.fix = "give it with its source in the columns pnec, pnec_unit and pnec_source"  # none is shipped: the rows are the user's
        raise error
    return on_day(rules, "new_pollutant_pnec", day, seen.substance, medium=seen.medium)


def ranking(results: Sequence[Result], seen: Mapping[tuple[str, str], Occurrence]) -> list[Result]:
    """Results (item and site: substance and medium) by falling quotient, then by detection frequency; substances without a quotient come last and stay
    listed."""

    def order(r: Result) -> tuple[bool, Fraction, Fraction, str]:
        frequency = seen[r.item, r.site].frequency if (r.item, r.site) in seen else None
        return (r.value is None, -Fraction(r.value or 0), -(frequency or Fraction()), r.item)

    return sorted(results, key=order)
