"""Lakes and urban waters: trophic level index, black-odorous water."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import numpy as np

from ...core.domain import load_domains
from ...core.errors import OutOfBounds
from ...core.limit import LimitRow
from ...core.reading import Reading
from ...core.rounding import Exact, exact
from .editions import RuleSet, on_day
from .verdict import INSUFFICIENT, REFUSALS, UNJUDGED, Note, Result, citation, converted, inputs_of, note_of

_NEAR = Decimal("0.005")

# ---- trophic level ---------------------------------------------------------------------------------------------------


def trophic_level(rules: RuleSet, day: date, lake: str, readings: Mapping[str, tuple[Reading, str]]) -> Result:
    """TLI of a lake from chla, TP, TN, CODMn and SD; all five or none.

    A TLI within 0.005 of 30, 50, 60 or 70 is reported with both grades: which one holds the end is open.
    """
    base = Result(
        "water.tli",
        lake,
        "",
        day,
        day,
        unit="index",
        rule_set=rules.digest,
        inputs=inputs_of((i, r.text, u) for i, (r, u) in readings.items()),
    )
    try:
        rows = on_day(rules, "tli_parameters", day)
        grades = on_day(rules, "tli_grades", day)
    except REFUSALS as error:
        return replace(base, verdict=UNJUDGED, notes=(note_of(error),))
    lacking = [r.item for r in rows if r.item not in readings or readings[r.item][0].value is None]
    base = replace(base, n_valid=len(rows) - len(lacking), n_required=len(rows))
    if lacking:
        why = Note("missing_item", f"without {', '.join(lacking)}.", f"缺 {'、'.join(lacking)}。")
        return replace(base, verdict=INSUFFICIENT, notes=(why,))
    values = [converted(readings[r.item][0].value or 0, readings[r.item][1], r.unit) for r in rows]
    if any(v <= 0 for v in values):
        raise OutOfBounds(
            f"{lake}: a logarithm needs values above 0.", f"{lake}：取对数的值必须大于 0。",
            fix="give the reading as censored, e.g. <0.01 / 未检出请写作 <0.01",
        )  # fmt: skip
    registry = load_domains().registry
    column = {k: np.array([float(r.text if k == "a" else r.scope[k]) for r in rows]) for k in ("a", "b", "rij")}
    items = registry["water.tli_item@2001"](np.array([float(v) for v in values]), column["a"], column["b"])
    index = Decimal(repr(float(registry["water.tli@2001"](items, column["rij"]))))
    parts = tuple(
        Result("water.tli.item", lake, r.item, day, day, Decimal(repr(float(v))), f"{v:.3f}", "index")
        for r, v in zip(rows, items, strict=True)
    )
    found = [g.item for g in grades if _within(g, index)]
    notes: tuple[Note, ...] = ()
    if len(found) > 1:
        notes = (
            Note(
                "grade_end",
                "at the end of a grade; which grade holds it is open.",
                "正好落在分级端点；端点归属未读到。",
            ),
        )
    return replace(
        base,
        value=index,
        value_text=f"{index:.3f}",
        grades=tuple(found),
        parts=parts,
        notes=notes,
        **{**citation([*rows, *grades]), "limit": ""},
    )


def _within(row: LimitRow, index: Decimal) -> bool:
    low, high = row.scope["tli_lo"], row.text
    return (not low or index >= exact(low) - _NEAR) and (not high or index <= exact(high) + _NEAR)


# ---- black-odorous water ---------------------------------------------------------------------------------------------

HEAVY, LIGHT = "heavy", "light"
WORDS = {HEAVY: "重度黑臭", LIGHT: "轻度黑臭", "": "非黑臭"}
_ROUNDS, _POINTS, _REACH = 3, 3, 3


@dataclass(frozen=True, slots=True)
class Round:
    """One round at a point: item -> value in the unit of the thresholds (cm, mg/L, mV), with the depth in cm."""

    values: Mapping[str, Exact]
    depth: Exact | None = None


def odour_level(rows: Sequence[LimitRow], item: str, value: Exact, depth: Exact | None = None) -> str:
    """`heavy`, `light` or '' of one value. Transparency in water shallower than 25 cm: 40 % of the depth is the light
    threshold."""
    by_level = {r.scope["level"]: r for r in rows if r.item == item}
    if not by_level:
        raise OutOfBounds(f"no black-odorous threshold for {item!r}.", f"{item!r} 没有黑臭分级阈值。")
    heavy, light = by_level[HEAVY], by_level[LIGHT]
    rising = not heavy.text  # NH3-N: heavy above its lower end
    if rising:
        if value > exact(heavy.scope["lo"]):
            return HEAVY
        return LIGHT if value > exact(light.scope["lo"]) else ""
    threshold: Exact = exact(light.text)
    if item == "transparency" and depth is not None and depth < 25:
        threshold = Fraction(depth) * Fraction(2, 5)
    if value < exact(heavy.text) and value < threshold:
        return HEAVY
    return LIGHT if value < threshold else ""


def odorous_point(rules: RuleSet, day: date, point: str, rounds: Sequence[Round]) -> Result:
    """A point over its rounds. Heavy: one item heavy in 60 % of its data, or two items each in 30 %. Light: any item
    past the light threshold at all. Fewer than 3 rounds: insufficient."""
    base = Result(
        "water.black_odorous", point, "", day, day, n_valid=len(rounds), n_required=_ROUNDS, rule_set=rules.digest
    )
    try:
        rows = on_day(rules, "black_odorous_thresholds", day)
        told = on_day(rules, "black_odorous_rules", day, "point_heavy")
    except REFUSALS as error:
        return replace(base, verdict=UNJUDGED, notes=(note_of(error),))
    base = replace(base, **{**citation([*rows, *told]), "limit": told[0].text})
    if len(rounds) < _ROUNDS:
        return replace(base, verdict=INSUFFICIENT)
    levels: dict[str, list[str]] = {}
    for r in rounds:
        for item, value in r.values.items():
            levels.setdefault(item, []).append(odour_level(rows, item, value, r.depth))
    share = {i: Fraction(found.count(HEAVY), len(found)) for i, found in levels.items()}
    heavy = any(s >= Fraction(3, 5) for s in share.values()) or sum(s >= Fraction(3, 10) for s in share.values()) >= 2
    level = HEAVY if heavy else LIGHT if any(level for found in levels.values() for level in found) else ""
    listed = ", ".join(f"{i} {float(s * 100):.4g} %" for i, s in sorted(share.items()))
    note = Note("heavy_shares", f"heavy data: {listed}.", f"重度数据占比：{listed}。")
    return replace(base, grades=(WORDS[level],), notes=(note,))


def odorous_body(rules: RuleSet, day: date, body: str, points: Sequence[str]) -> Result:
    """A water body from the levels of its points in order (`heavy`, `light`, ''): heavy where 60 % of points are.

    Reaches of 3 heavy points in a row are its parts. Fewer than 3 points: insufficient.
    """
    base = Result(
        "water.black_odorous", body, "", day, day, n_valid=len(points), n_required=_POINTS, rule_set=rules.digest
    )
    try:
        told = [r for i in ("reach_heavy", "body_heavy") for r in on_day(rules, "black_odorous_rules", day, i)]
    except REFUSALS as error:
        return replace(base, verdict=UNJUDGED, notes=(note_of(error),))
    base = replace(base, **citation(told))
    if len(points) < _POINTS:
        return replace(base, verdict=INSUFFICIENT)
    reaches, first = [], 0
    for i in range(len(points) + 1):
        if i == len(points) or points[i] != HEAVY:
            if i - first >= _REACH:
                reaches.append(
                    Result("water.black_odorous.reach", body, f"{first + 1}-{i}", day, day, grades=(WORDS[HEAVY],))
                )
            first = i + 1
    share = Fraction(sum(p == HEAVY for p in points), len(points)) * 100
    level = HEAVY if share >= 60 else LIGHT if any(points) else ""
    return replace(
        base, value=share, value_text=f"{float(share):.4g}", unit="%", grades=(WORDS[level],), parts=tuple(reaches)
    )
