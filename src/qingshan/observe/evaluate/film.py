"""Mulch film: the survey's sampling design, residue per area against its limit, recovery rate (P4)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from statistics import NormalDist

import numpy as np

from ...core.domain import load_domains
from ...core.errors import OutOfBounds
from ...core.reading import Reading
from ...core.rounding import Exact
from .editions import RuleSet, on_day
from .verdict import INSUFFICIENT, REFUSALS, UNJUDGED, Note, Result, against, inputs_of, note_of, shown

PLOTS, PLOT_AREA = 5, 1
"""Plots of a site and their area in m2, as the field reports have it (row `plots` of `mulch_film`)."""


# ---- design ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stratum:
    """One stratum of fields: its area (hm2), the coefficient of variation expected, and the fields to draw from as
    (id, area) or as a box (west, south, east, north) in one projected unit."""

    id: str
    area: float
    variation: float
    fields: tuple[tuple[str, float], ...] = ()
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One drawn site: its stratum, number, and field or coordinates."""

    stratum: str
    number: int
    field: str = ""
    x: float | None = None
    y: float | None = None


def sites_needed(variation: float, error: float, confidence: float, population: int) -> int:
    """Sites for a relative error of the mean at a confidence (Cochran), rounded up.

    Raises `OutOfBounds` for shares out of (0, 1) or an empty population.
    """
    if not (0 < error < 1 and 0 < confidence < 1 and variation > 0 and population >= 1):
        raise OutOfBounds(
            "error and confidence are shares between 0 and 1, the variation is above 0, the population at least 1.",
            "允许误差和置信度在 0 与 1 之间，变异系数大于 0，总体不少于 1。",
        )
    quantile = NormalDist().inv_cdf((1 + confidence) / 2)
    size = load_domains().registry["farm.sample_size@cochran1977"](quantile, variation, error, population)
    return min(population, math.ceil(float(size) - 1e-9))


def allocate(strata: Sequence[Stratum], total: int, least: int = 2) -> dict[str, int]:
    """Sites by stratum, in proportion to area times variation (Neyman), at least `least` each, `total` in all.

    Largest remainders first, then the id; raises `OutOfBounds` where `total` is not enough for the least of each.
    """
    if total < least * len(strata) or not strata or len({s.id for s in strata}) != len(strata):
        raise OutOfBounds(
            f"{total} sites are not enough for {len(strata)} strata of at least {least}, or a stratum stands twice.",
            f"{total} 个点位不够 {len(strata)} 个层各至少 {least} 个，或层的编号重复。",
        )  # fmt: skip
    free = total - least * len(strata)
    weight = {s.id: s.area * s.variation for s in strata}
    whole = sum(weight.values())
    share = {i: free * w / whole for i, w in weight.items()}
    made = {i: least + int(v) for i, v in share.items()}
    order = sorted(share, key=lambda i: (-(share[i] - int(share[i])), i))
    for i in order[: total - sum(made.values())]:
        made[i] += 1
    return made


def draw(strata: Sequence[Stratum], allocation: Mapping[str, int], seed: int) -> list[Point]:
    """Stratified random sites, the same for one seed whatever the order of the strata.

    From a list of fields: drawn without replacement with equal chance. From a box: uniform points. Raises `OutOfBounds`
    where a stratum has fewer fields than sites, or neither fields nor a box.
    """
    points = []
    for s in sorted(strata, key=lambda s: s.id):
        need = allocation.get(s.id, 0)
        words = np.frombuffer(s.id.encode(), dtype=np.uint8).astype(np.uint32)
        random = np.random.Generator(np.random.PCG64([seed, *words.tolist()]))
        if s.fields:
            if need > len(s.fields):
                raise OutOfBounds(
                    f"stratum {s.id}: {need} sites of {len(s.fields)} fields.",
                    f"层 {s.id}：{len(s.fields)} 块田取不出 {need} 个点位。",
                )
            order = sorted(f for f, _ in s.fields)
            picked = random.choice(len(order), size=need, replace=False)
            points += [Point(s.id, k + 1, order[int(i)]) for k, i in enumerate(picked)]
        elif s.box is not None:
            west, south, east, north = s.box
            at = random.random((need, 2))
            points += [
                Point(s.id, k + 1, "", west + float(u) * (east - west), south + float(v) * (north - south))
                for k, (u, v) in enumerate(at)
            ]
        elif need:
            raise OutOfBounds(
                f"stratum {s.id} has neither fields nor a box.", f"层 {s.id} 既没有田块清单，也没有范围。"
            )
    return points


# ---- residue and recovery --------------------------------------------------------------------------------------------


def residue(
    rules: RuleSet, site: str, day: date, masses: Sequence[Reading], *, plot_area: Exact = PLOT_AREA, plots: int = PLOTS
) -> Result:
    """Film residue of a site (kg/hm2) from the masses (g) of its plots, against the limit of the edition.

    Fewer than `plots` weighed plots: insufficient. A censored mass counts as 0 to its limit: where the two ends fall on
    two sides of the limit, cannot be judged.
    """
    weighed = [m for m in masses if not m.missing and (m.value is not None or m.detection_limit is not None)]
    base = Result(
        "farm.film_residue",
        site,
        "residue_limit",
        day,
        day,
        unit="kg/hm2",
        n_valid=len(weighed),
        n_required=plots,
        rule_set=rules.digest,
        inputs=inputs_of(m.text for m in masses),
    )
    if len(weighed) < plots:
        return replace(base, verdict=INSUFFICIENT)
    formula = load_domains().registry["farm.film_residue@plots"]
    ends = []
    for censored in (lambda m: Fraction(0), lambda m: Fraction(m.detection_limit or 0)):
        mass = sum((Fraction(m.value) if m.value is not None else censored(m) for m in weighed), Fraction())
        ends.append(formula(mass, Fraction(len(weighed)), Fraction(plot_area)))
    low, high = (
        against(rules, "mulch_film", replace(base, value=e, value_text=shown(e)), Reading(shown(e), e), "residue_limit")
        for e in ends
    )
    if low.verdict != high.verdict:
        why = Note(
            "censored",
            f"between {shown(ends[0])} and {shown(ends[1])} kg/hm2.",
            f"在 {shown(ends[0])} 与 {shown(ends[1])} kg/hm2 之间。",
        )
        return replace(high, verdict=UNJUDGED, notes=(*high.notes, why))
    return high


def recovery_rate(
    used: Mapping[str, Exact], recovered: Mapping[str, Exact], target: Exact | None = None
) -> list[Result]:
    """Recovery rate (%) by place and in all from tonnes used and recovered. A place on one side only is insufficient
    and leaves the total insufficient. `target` is the caller's own; without one no verdict is given."""
    formula = load_domains().registry["farm.film_recovery_rate@1"]
    places = sorted({*used, *recovered})
    made = []
    for place in places:
        base = Result(
            "farm.film_recovery_rate", place, unit="%", n_valid=(place in used) + (place in recovered), n_required=2
        )
        if place not in used or place not in recovered or used[place] <= 0:
            made.append(replace(base, verdict=INSUFFICIENT))
            continue
        made.append(
            _against(
                replace(
                    base,
                    value=(v := formula(Fraction(recovered[place]), Fraction(used[place]))),
                    value_text=shown(v, 6),
                ),
                target,
            )
        )
    whole = Result(
        "farm.film_recovery_rate", unit="%", n_valid=sum(r.value is not None for r in made), n_required=len(places)
    )
    if not places or any(r.verdict == INSUFFICIENT for r in made):
        return [*made, replace(whole, verdict=INSUFFICIENT)]
    total = formula(
        sum((Fraction(v) for v in recovered.values()), Fraction()),
        sum((Fraction(v) for v in used.values()), Fraction()),
    )
    return [*made, _against(replace(whole, value=total, value_text=shown(total, 6)), target)]


def _against(result: Result, target: Exact | None) -> Result:
    notes: tuple[Note, ...] = ()
    if result.value is not None and result.value > 100:
        notes = (
            Note(
                "above_whole",
                "more was recovered than used: soil and water in the mass, or film of earlier years.",
                "回收多于使用：质量中含土和水，或含往年地膜。",
            ),
        )
    if target is None or result.value is None:
        return replace(result, notes=notes)
    return replace(
        result, verdict="meets" if result.value >= target else "exceeds", limit=f">= {shown(target)} %", notes=notes
    )


def survey_rules(rules: RuleSet, day: date) -> list[Note]:
    """What the read documents say of the survey, row by row, for the field sheet."""
    told = []
    for item in ("plots", "pickup", "site_criterion"):
        try:
            told += [
                Note(r.item, f"{r.text} ({r.status}: {r.source})", f"{r.text}（{r.status}：{r.source}）")
                for r in on_day(rules, "mulch_film", day, item)
            ]
        except REFUSALS as error:
            told.append(note_of(error))
    return told
