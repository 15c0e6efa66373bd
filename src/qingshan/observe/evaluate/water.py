"""Waters beyond the class of one section: river and basin, standard index, drinking sources, sewage plants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np

from ...core.domain import load_domains
from ...core.errors import OutOfBounds, UnitError
from ...core.limit import LimitRow
from ...core.reading import Reading
from ...core.rounding import Exact
from .classes import Grader, Readings, classify
from .editions import RuleSet, on_day, usable
from .verdict import (
    EXCEEDS,
    INSUFFICIENT,
    MEETS,
    NOT_APPLICABLE,
    REFUSALS,
    UNJUDGED,
    Note,
    Result,
    against,
    citation,
    converted,
    inputs_of,
    judge,
    note_of,
    shown,
    worst_status,
)

# ---- river and basin -------------------------------------------------------------------------------------------------

MANY = 5
"""Sections from which a river is judged by the shares of its classes."""
_STATES = ("river_ge5_1", "river_ge5_2", "river_ge5_3", "river_ge5_4", "river_ge5_5")


@dataclass(frozen=True, slots=True)
class SectionClass:
    """Class of one section as a position (0 is Ⅰ ... 5 is 劣Ⅴ); None where it has none."""

    site: str
    grade: int | None


def river_state(rules: RuleSet, day: date, river: str, sections: Sequence[SectionClass]) -> Result:
    """State of a river or basin of five sections and more, from the shares of I-III and of 劣Ⅴ (环办〔2011〕22号).

    Exactly five sections are open in the read copy: the rule set must say `water.five_sections = ge5` or `mean`.
    Sections without a class count as missing; one missing makes it insufficient. Shares are exact.
    """
    known = [s.grade for s in sections if s.grade is not None]
    base = Result(
        "water.river", river, "", day, day, n_valid=len(known), n_required=len(sections), rule_set=rules.digest,
        inputs=inputs_of((s.site, s.grade) for s in sections),
    )  # fmt: skip
    if len(known) < len(sections) or not known:
        return replace(base, verdict=INSUFFICIENT)
    if len(known) < MANY:
        why = Note(
            "few_sections",
            "fewer than 5 sections: take the mean of each item (`river_of_few`).",
            "断面少于 5 个：按各项目均值评价。",
        )
        return replace(base, verdict=NOT_APPLICABLE, notes=(why,))
    asked = len(known) == MANY and rules.choice("water.five_sections") != "ge5"
    five = rules.table("surface_water_evaluation").find("n_equals_5") if asked else []
    if waiting := [row for row in five if row.status == "open"]:
        return replace(base, verdict=UNJUDGED, notes=(_five(waiting[0]),))
    try:
        for row in five:
            usable(row, rules)
        rows = {i: on_day(rules, "surface_water_evaluation", day, i)[0] for i in _STATES}
    except REFUSALS as error:
        return replace(base, verdict=UNJUDGED, notes=(note_of(error),))
    good = Fraction(sum(g <= 2 for g in known), len(known)) * 100
    worst = Fraction(sum(g == 5 for g in known), len(known)) * 100
    if good >= 90:
        row = rows["river_ge5_1"]
    elif good >= 75:
        row = rows["river_ge5_2"]
    else:
        row = rows["river_ge5_3" if worst < 20 else "river_ge5_4" if worst < 40 else "river_ge5_5"]
    told = Note(
        "shares",
        f"I-III {shown(good, 4)} %, inferior to V {shown(worst, 4)} %.",
        f"Ⅰ—Ⅲ 类 {shown(good, 4)} %，劣Ⅴ类 {shown(worst, 4)} %。",
    )
    return replace(
        base,
        value=good,
        value_text=shown(good, 6),
        unit="%",
        grades=(row.text,),
        notes=(told,),
        **{**citation([row]), "limit": row.scope["condition"]},
    )


def _five(row: LimitRow) -> Note:
    return Note(
        "five_sections",
        f"exactly 5 sections: the text read prints > 5, the usual reading is >= 5; which holds is open ({row.edition} was not read)."
        " Fix: a rule set with water.five_sections = ge5",
        f"恰为 5 个断面：读到的条文写“> 5”，通常理解为“≥ 5”，适用哪一规则待补（{row.edition} 原文未取得）；可在规则集中写明 water.five_sections = ge5。",
    )  # fmt: skip


def river_of_few(
    grader: Grader, river: str, sections: Mapping[str, Readings], *, body: str = "river", required: Iterable[str] = ()
) -> Result:
    """Class of a river of fewer than five sections: the mean of each item over the sections, then the worst item.

    A section that lacks an item, or holds a censored value, leaves that item without a mean. Means are in the unit of the first section; a
    unit of an item of the table that cannot become it leaves the river unjudged. The rule is a restated row (`river_lt5`), which the rule set
    must allow and name; without it the river cannot be judged.
    """
    if len(sections) >= MANY:
        raise OutOfBounds(
            f"{river} has {len(sections)} sections.",
            f"{river} 有 {len(sections)} 个断面。",
            fix="use `river_state` / 用 river_state",
        )
    judged = {*grader.items, *grader.scheme.instead.values()}
    try:
        means = {
            item: _section_mean(item, sections, must=item in judged)
            for item in dict.fromkeys(i for r in sections.values() for i in r)
        }
        rule = on_day(grader.rules, "surface_water_evaluation", grader.day, "river_lt5")
    except (*REFUSALS, UnitError) as error:
        return Result(
            "water.river", river, "", grader.day, grader.day, verdict=UNJUDGED, n_valid=0, n_required=len(sections),
            rule_set=grader.rules.digest, notes=(note_of(error),),
        )  # fmt: skip
    made = classify(grader, "water.river", river, means, body=body, required=required)
    stands = citation(rule)
    return replace(
        made, clause=" ; ".join(c for c in (made.clause, stands["clause"]) if c), edition=" + ".join(e for e in (made.edition, stands["edition"]) if e),
        status=worst_status((made.status, stands["status"])), rows=(*made.rows, *stands["rows"]),
    )  # fmt: skip


def _section_mean(item: str, sections: Mapping[str, Readings], *, must: bool) -> tuple[Reading, str]:
    """Mean of an item over all sections in the unit of the first that has it; empty where one has no value. Raises `UnitError` naming the
    section where a unit cannot become the first and the item `must` have a mean."""
    unit = next(r[item][1] for r in sections.values() if item in r)
    total = Fraction()
    for name, held in sections.items():
        reading, own = held.get(item, (Reading(""), ""))
        if reading.value is None:
            return Reading(""), unit
        try:
            total += Fraction(converted(reading.value, own, unit))
        except UnitError as error:
            if not must:
                return Reading(""), unit
            raise UnitError(error.en, error.zh, where=f"{name} {item}", fix=error.fix) from None
    mean = total / len(sections)
    return Reading(shown(mean), mean), unit


# ---- standard index --------------------------------------------------------------------------------------------------


def standard_index(
    rules: RuleSet, grader: Grader, site: str, item: str, reading: Reading, unit: str, target: str, *,
    body: str = "", temperature: Exact | None = None,
) -> Result:  # fmt: skip
    """Standard index S of an item against its target class (HJ 2.3); above 1 exceeds.

    DO needs the water temperature in degC and is refused where saturation is not above the limit. A censored value
    counts by its detection limit: at or below the limit it meets, above it cannot be judged.
    """
    base = Result(
        "water.standard_index", site, item, grader.day, grader.day, None, reading.text, "index", rule_set=rules.digest
    )
    quantity = {"pH": "S_pH", "DO": "S_DO"}.get(item, "S_i")
    try:
        formulas = on_day(rules, "water_standard_index", grader.day, quantity)
    except REFUSALS as error:
        return replace(base, verdict=UNJUDGED, notes=(note_of(error),))
    rows, aim = grader.rows(item, body), grader.scheme.grade(target)
    if rows is None or aim >= len(rows.by_class) or not rows.by_class[aim]:
        why = Note("outside_scope", f"{item} has no limit of class {target}.", f"{item} 没有 {target} 类限值。")
        return replace(base, verdict=NOT_APPLICABLE, notes=(why,))
    limits = rows.by_class[aim]
    base = replace(base, **citation([*limits, *formulas]))
    if reading.value is None:
        verdict, notes = judge(reading, limits[0], unit)
        return replace(base, verdict=verdict, notes=notes)
    value = float(converted(reading.value, unit, rows.unit))
    registry = load_domains().registry
    if item == "pH":
        index = float(
            registry["water.standard_index_ph@hj2.3-2018"](
                value, float(limits[0].value or 0), float(limits[1].value or 0)
            )
        )
    elif item == "DO":
        if temperature is None:
            why = Note("missing_temperature", "the index of DO needs the water temperature.", "溶解氧指数需要水温。")
            return replace(base, verdict=UNJUDGED, notes=(why,))
        saturated = registry["water.saturated_oxygen@hj2.3-2018"](float(temperature))
        index = float(registry["water.standard_index_do@hj2.3-2018"](value, saturated, float(limits[0].value or 0)))
        if np.isnan(index):
            why = Note(
                "saturation_below_limit", f"oxygen at saturation ({saturated:.4f} mg/L) is not above the limit {limits[0].sign}: the formula has no value.",
                f"饱和溶解氧（{saturated:.4f} mg/L）不高于限值 {limits[0].sign}：公式无值。",
            )  # fmt: skip
            return replace(base, verdict=UNJUDGED, notes=(why,))
    else:
        index = float(registry["water.standard_index@hj2.3-2018"](value, float(limits[0].value or 0)))
    return replace(
        base, value=Decimal(repr(index)), value_text=f"{index:.4f}", verdict=MEETS if index <= 1 else EXCEEDS
    )


# ---- drinking-water sources ------------------------------------------------------------------------------------------


def drinking_source(
    rules: RuleSet,
    grader: Grader,
    site: str,
    readings: Readings,
    *,
    target: str = "III",
    body: str,
    required: Sequence[str],
) -> Result:
    """One source: the basic items against the target class, the further ones each against tables 2 and 3 of GB 3838.

    `required` is the item set of the round (its reports differ, so it is the caller's dated choice). One item missing:
    insufficient.
    """
    further = grader.rules.table("drinking_source_items")
    specific = [i for i in required if further.find(i)]
    basic = [i for i in required if i not in specific]
    made = classify(
        grader,
        "water.source",
        site,
        {i: readings[i] for i in basic if i in readings},
        body=body,
        required=basic,
        target=target,
    )
    parts, verdicts = [*made.parts], [made.verdict]
    for item in specific:
        reading, unit = readings.get(item, (Reading(""), ""))
        asked = Result("water.source", site, item, grader.day, grader.day, reading.value, reading.text, unit)
        parts.append(against(rules, "drinking_source_items", asked, reading, item))
        verdicts.append(parts[-1].verdict)
    worst = max(verdicts, key=(MEETS, NOT_APPLICABLE, UNJUDGED, INSUFFICIENT, EXCEEDS).index)
    above = [p.item for p in parts if p.verdict == EXCEEDS]
    if EXCEEDS in verdicts and not above:
        above = [made.item]
    valid = sum(1 for i in required if i in readings and not readings[i][0].missing)
    return replace(
        made, verdict=worst, item=",".join(above), parts=tuple(parts), n_valid=valid, n_required=len(required)
    )


def source_rates(rules: RuleSet, results: Sequence[Result], intake: Mapping[str, Exact]) -> list[Result]:
    """Share of sources, and of intake volume, that meet. The national rule is open: the rule set must name the dated
    item set (`water.source_items`). A source without a verdict makes both insufficient."""
    base = Result(
        "water.source_rate",
        unit="%",
        n_valid=sum(r.verdict in (MEETS, EXCEEDS) for r in results),
        n_required=len(results),
        rule_set=rules.digest,
    )
    named = rules.choice("water.source_items")
    if not named:
        why = Note(
            "missing_parameter", "the national rule of source compliance was not read: name the item set of the report in the rule set (water.source_items).",
            "饮用水源达标率的国家规定未读到：请在规则集中写明报告所用项目集（water.source_items）。",
        )  # fmt: skip
        return [replace(base, item=i, verdict=UNJUDGED, notes=(why,)) for i in ("source_rate", "volume_rate")]
    how = Note("item_set", f"item set: {named}.", f"项目集：{named}。")
    if base.n_valid != base.n_required or not results:
        return [replace(base, item=i, verdict=INSUFFICIENT, notes=(how,)) for i in ("source_rate", "volume_rate")]
    good = [r for r in results if r.verdict == MEETS]
    rate = Fraction(len(good), len(results)) * 100
    made = [replace(base, item="source_rate", value=rate, value_text=shown(rate, 6), notes=(how,))]
    if {r.site for r in results} <= set(intake) and sum(Fraction(intake[r.site]) for r in results) > 0:
        total = sum((Fraction(intake[r.site]) for r in results), Fraction())
        volume = sum((Fraction(intake[r.site]) for r in good), Fraction()) / total * 100
        made.append(replace(base, item="volume_rate", value=volume, value_text=shown(volume, 6), notes=(how,)))
    else:
        made.append(
            replace(
                base,
                item="volume_rate",
                verdict=INSUFFICIENT,
                notes=(how, Note("missing", "an intake volume is missing.", "缺取水量。")),
            )
        )
    return made


# ---- sewage plants ---------------------------------------------------------------------------------------------------

_COLD = 12
_REMOVAL = {"COD": (350, "COD_removal"), "BOD5": (160, "BOD5_removal")}


def sewage_plant(
    rules: RuleSet, site: str, day: date, item: str, daily_mean: Reading, unit: str, grade: str, *,
    temperature: Exact | None = None, built: date | None = None, influent: Exact | None = None,
) -> Result:  # fmt: skip
    """Daily mean of an outlet against GB 18918-2002 in its grade (1A, 1B, 2, 3).

    NH3-N is switched by the water temperature (12 degC and below), TP by the year the plant was built, COD and BOD5 of
    grade 3 by the removal rate where the influent is strong. What the switch needs and lacks: cannot be judged.
    """
    base = Result("water.sewage", site, item, day, day, daily_mean.value, daily_mean.text, unit, rule_set=rules.digest)
    rows = rules.table("sewage_plant_limits").find(item)
    if not rows:
        return replace(
            base,
            verdict=NOT_APPLICABLE,
            notes=(Note("no_limit", f"{item} is not in the table.", f"表中没有 {item}。"),),
        )
    scope = {"grade": "all" if rows[0].scope["grade"] == "all" else grade}
    switch, lacking = _switch(
        {r.scope["condition"] for r in rows if r.scope["grade"] == scope["grade"]}, temperature, built
    )
    if lacking:
        return replace(base, verdict=UNJUDGED, notes=(lacking,))
    scope |= switch
    if item in _REMOVAL and grade == "3":
        strong, removal = _REMOVAL[item]
        if influent is not None and influent > strong and daily_mean.value is not None:
            rate = (1 - Fraction(converted(daily_mean.value, unit, "mg/L")) / Fraction(influent)) * 100
            asked = replace(base, item=removal, value=rate, value_text=shown(rate, 6), unit="%")
            return against(rules, "sewage_plant_limits", asked, Reading(shown(rate), rate), removal, grade="3")
    if not rules.table("sewage_plant_limits").find(item, **scope):
        why = Note("no_limit", f"{item} has no limit in grade {grade}.", f"{item} 在 {grade} 级没有限值。")
        return replace(base, verdict=NOT_APPLICABLE, notes=(why,))
    if rows[0].operator == "not_detected":
        return _not_detected(rules, base, daily_mean, rows)
    return against(rules, "sewage_plant_limits", base, daily_mean, item, **scope)


def _switch(conditions: set[str], temperature: Exact | None, built: date | None) -> tuple[dict[str, str], Note | None]:
    """The condition a plant is under, or what it takes to know it."""
    if any("temperature" in c for c in conditions):
        if temperature is None:
            return {}, Note("missing_temperature", "the limit depends on the water temperature.", "限值随水温而定。")
        return {"condition": f"water temperature {'<=' if temperature <= _COLD else '>'} 12 degC"}, None
    if any("built" in c for c in conditions):
        if built is None:
            return {}, Note(
                "missing_built", "the limit depends on the year the plant was built.", "限值随建成年份而定。"
            )
        early = built <= date(2005, 12, 31)
        return {"condition": "plant built by 2005-12-31" if early else "plant built from 2006-01-01"}, None
    return {}, None


def _not_detected(rules: RuleSet, base: Result, reading: Reading, rows: Sequence[LimitRow]) -> Result:
    """不得检出: a number above 0 exceeds, a censored value meets at the detection limit of its method."""
    made = replace(base, **citation([usable(r, rules) for r in rows]))
    if reading.missing:
        return replace(made, verdict=INSUFFICIENT)
    if reading.censored:
        return replace(made, verdict=MEETS)
    return replace(made, verdict=MEETS if reading.value == 0 else EXCEEDS)


__all__ = [
    "MANY", "SectionClass", "drinking_source", "river_of_few", "river_state", "sewage_plant", "source_rates", "standard_index",
]  # fmt: skip
