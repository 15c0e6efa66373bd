"""Forest pests (N12): which survey plots are a disaster, the disaster area and its rate."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction

from ...core.limit import LimitRow
from ...core.rounding import Exact, exact
from .editions import RuleSet, on_day, usable
from .verdict import EXCEEDS, INSUFFICIENT, MEETS, REFUSALS, UNJUDGED, Note, Result, citation, inputs_of, note_of, shown

_CRITERION = re.compile(r"([a-z/ ]+?) >= (\d+(?:\.\d+)?) %")


@dataclass(frozen=True, slots=True)
class Plot:
    """One survey plot: pest object and group of the table, what was measured (criterion word -> %), area in hm2."""

    id: str
    object: str
    group: str
    measured: Mapping[str, Exact]
    area: Exact


@dataclass(frozen=True, slots=True)
class Disaster:
    """Whether a plot is a disaster: for certain, under one reading of an open and/or, or not. `missing` criteria make
    it unknown."""

    plot: Plot
    both: bool
    either: bool
    missing: tuple[str, ...]
    row: LimitRow


def criteria(row: LimitRow) -> tuple[tuple[tuple[str, Exact], ...], str]:
    """Thresholds of a row as (word, %) and how they join: `any` for words without a number, `or`, `open` or `one`."""
    if "any infected tree" in row.text:
        return (("infected trees", exact("0")),), "any"
    found = tuple((m[1].strip(), exact(m[2])) for m in _CRITERION.finditer(row.text))
    joined = "or" if " OR " in row.text else "one" if len(found) == 1 else "open"
    return found, joined


def is_disaster(rules: RuleSet, day: date, plot: Plot) -> Disaster:
    """One plot against the criterion of its pest. Raises what choosing a row raises."""
    row = on_day(rules, "forest_pest", day, plot.object, group=plot.group)[0]
    found, joined = criteria(row)
    if joined == "any":
        word, _ = found[0]
        seen = plot.measured.get(word)
        return Disaster(plot, bool(seen), bool(seen), () if seen is not None else (word,), row)
    passed = [plot.measured[w] >= limit for w, limit in found if w in plot.measured]
    missing = tuple(w for w, _ in found if w not in plot.measured)
    either = any(passed)
    both = either if joined in ("or", "one") else all(passed) and not missing
    return Disaster(plot, both, either, missing if not (joined == "or" and either) else (), row)


def disaster_rate(rules: RuleSet, place: str, year: int, plots: Sequence[Plot], forest: Exact, young: Exact) -> Result:
    """Disaster rate (‰) of a place and year from its plots; areas in hm2.

    Where the and/or between paired criteria is open, the rate is the interval [both, either]; the verdict against the
    target stands only where both ends agree. A plot that lacks a criterion makes it insufficient.
    """
    last = date(year, 12, 31)
    base = Result(
        "forest.pest_disaster_rate",
        place,
        "disaster_rate",
        date(year, 1, 1),
        last,
        unit="‰",
        n_required=len(plots),
        rule_set=rules.digest,
        inputs=inputs_of((p.id, p.object, p.group, sorted(p.measured.items()), p.area) for p in plots),
    )
    try:
        judged = [is_disaster(rules, last, p) for p in plots]
    except REFUSALS as error:
        return replace(base, verdict=UNJUDGED, notes=(note_of(error),))
    lacking = [d for d in judged if d.missing]
    base = replace(base, n_valid=len(judged) - len(lacking), **{**citation([d.row for d in judged]), "limit": ""})
    if lacking:
        told = "; ".join(f"{d.plot.id}: {', '.join(d.missing)}" for d in lacking)
        return replace(
            base, verdict=INSUFFICIENT, notes=(Note("missing_criterion", f"not measured: {told}.", f"未测：{told}。"),)
        )
    areas = [
        sum((Fraction(d.plot.area) for d in judged if hit(d)), Fraction())
        for hit in (lambda d: d.both, lambda d: d.either)
    ]
    return rate_of_areas(rules, base, areas[0], areas[1], forest, young)


def rate_of_areas(rules: RuleSet, base: Result, low: Exact, high: Exact, forest: Exact, young: Exact) -> Result:
    """Rate (‰) of a disaster area, or of the interval [low, high] of it, against the target of the year."""
    assert base.end
    rates = [Fraction(area) / (Fraction(forest) + Fraction(young)) * 1000 for area in (low, high)]
    notes = base.notes
    if rates[0] != rates[1]:
        notes += (
            Note(
                "open_connective",
                f"and/or between criteria is open: {shown(rates[0], 6)} to {shown(rates[1], 6)} ‰.",
                f"条件之间“且/或”未读到：{shown(rates[0], 6)} 至 {shown(rates[1], 6)} ‰。",
            ),
        )
    text = shown(rates[0], 6) if rates[0] == rates[1] else f"{shown(rates[0], 6)}–{shown(rates[1], 6)}"
    made = replace(base, value=rates[1] if rates[0] == rates[1] else None, value_text=text, unit="‰", notes=notes)
    target = _target(rules, base.end)
    if target is None:
        return made
    limit, row = target
    verdicts = {MEETS if r <= limit else EXCEEDS for r in rates}
    verdict = verdicts.pop() if len(verdicts) == 1 else UNJUDGED
    return replace(
        made,
        verdict=verdict,
        limit=f"<= {limit} ‰",
        rows=(*made.rows, row.where),
        clause=made.clause or row.source,
        status=made.status or row.status,
    )


def _target(rules: RuleSet, day: date) -> tuple[Exact, LimitRow] | None:
    """The provincial target and the day it must be met by; its start was not read, so it holds up to that day."""
    rows = [r for r in rules.table("forest_pest").find("target") if day.isoformat() <= (r.valid_to or "9999")]
    if not rows:
        return None
    row = usable(rows[0], rules)
    match = re.search(r"<= (\d+(?:\.\d+)?) ‰", row.text)
    return (exact(match[1]), row) if match else None


def published_rate(rules: RuleSet, place: str, year: int, disaster: Exact, forest: Exact, young: Exact) -> Result:
    """Rate of a published disaster area (one unit of area throughout)."""
    base = Result(
        "forest.pest_disaster_rate", place, "disaster_rate", date(year, 1, 1), date(year, 12, 31), rule_set=rules.digest
    )
    return rate_of_areas(rules, base, disaster, disaster, forest, young)
