"""Ecological index EI (HJ 192-2015) from given sub-indices; from raw inputs only as far as its rows were read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np

from ...core.domain import load_domains
from ...core.errors import OutOfBounds
from ...core.limit import LimitRow
from ...core.rounding import Exact, half_even
from .editions import RuleSet, usable
from .verdict import REFUSALS, UNJUDGED, Note, Result, citation, note_of, shown

TABLE, EDITION = "ei_hj192_2015", "HJ 192-2015"
SUB_INDICES = ("生物丰度指数", "植被覆盖指数", "水网密度指数", "土地胁迫指数", "污染负荷指数")
_GRADES = ((75, "优"), (55, "良"), (35, "一般"), (20, "较差"), (0, "差"))


def _rows(rules: RuleSet, group: str, item: str | None = None) -> list[LimitRow]:
    """Rows of a group of the named edition, each usable. The edition's start was not read, so it is always by name."""
    if rules.editions.get(TABLE) != EDITION:
        rules = replace_edition(rules)
    return [usable(r, rules) for r in rules.table(TABLE).find(item, group=group)]


def replace_edition(rules: RuleSet) -> RuleSet:
    """EI is asked for by its standard's name, which names the edition."""
    return RuleSet(
        rules.id,
        rules.zh,
        rules.en,
        rules.allow_secondary,
        {**rules.editions, TABLE: EDITION},
        rules.choices,
        rules.rows,
    )


def ecological_index(
    rules: RuleSet,
    place: str,
    year: int,
    sub_indices: Mapping[str, Exact],
    *,
    ei_round: str = "none",
    code: int = 1,
    evidence: str = "",
) -> Result:
    """EI from the five sub-indices (`SUB_INDICES`), capped by the code of 环境限制 given with its evidence.

    `ei_round` is `none` or a GB/T 8170 place for the sub-indices (`0.1`, as one program has it); it is printed. Raises
    `OutOfBounds` for a missing sub-index, one outside 0 to 100 (the formula takes 100 less it), or a code without evidence.
    """
    if set(sub_indices) != set(SUB_INDICES) or code not in (1, 2, 3) or (code > 1 and not evidence):
        raise OutOfBounds(
            f"EI needs {', '.join(SUB_INDICES)}, and a code of 1, 2 or 3 with evidence above 1.",
            f"EI 需要{'、'.join(SUB_INDICES)}；环境限制代码为 1、2、3，大于 1 时要附依据。",
        )
    for name, value in sub_indices.items():
        if not 0 <= value <= 100:
            raise OutOfBounds(
                f"{place} {year}: {name} is {shown(value)}; sub-indices lie from 0 to 100.",
                f"{place} {year}：{name}为 {shown(value)}，分指数应在 0 至 100 之间。",
            )
    base = Result("nature.ei", place, "EI", date(year, 1, 1), date(year, 12, 31), unit="index", rule_set=rules.digest)
    try:
        weights, grades = _rows(rules, "weight"), _rows(rules, "grade")
        caps = _rows(rules, "cap") if code > 1 else []
    except REFUSALS as error:
        return replace(base, verdict=UNJUDGED, notes=(note_of(error),))
    values = [sub_indices[i] if ei_round == "none" else half_even(sub_indices[i], ei_round) for i in SUB_INDICES]
    # exact: the weights are decimals, and a cap or grade is met at its value
    exact = load_domains().registry["nature.ei@hj192-2015"](
        *(Decimal(str(v)) for v in values), [w.value for w in weights]
    )
    notes = [Note("ei_round", f"sub-indices rounded to {ei_round}.", f"分指数修约：{ei_round}。")]
    index = exact
    if code > 1:
        cap = _cap(caps, code, exact)
        notes.append(Note("cap", f"code {code} of 环境限制: {evidence}.", f"环境限制代码 {code}：{evidence}。"))
        index = cap if cap is not None and exact > cap else exact
    grade = next(word for limit, word in _GRADES if index >= limit or limit == 0)
    return replace(
        base,
        value=index,
        value_text=f"{index.normalize():f}",
        grades=(grade,),
        notes=tuple(notes),
        **{**citation([*weights, *caps, *grades]), "limit": ""},
    )


def _cap(caps: list[LimitRow], code: int, index: Decimal) -> Decimal | None:
    """The cap of the band the index lies in."""
    band = next(
        (
            b
            for b, low, high in (("EI>=75", 75, None), ("55-75", 55, 75), ("35-55", 35, 55), ("20-35", 20, 35))
            if index >= low and (high is None or index < high)
        ),
        None,
    )
    for row in caps:
        words = row.scope["class_or_range"]
        if band is not None and f"code {code}" in words and words.endswith(band):
            return row.value
    return None


def habitat(rules: RuleSet, areas: Mapping[tuple[str, str], Exact], total: Exact) -> float:
    """Habitat quality index from the areas of (class, sub-class) in km2. Raises what choosing a row raises, and
    `OutOfBounds` for a class the table does not name."""
    classes = {r.item: r for r in _rows(rules, "habitat_class")}
    table = rules.table(TABLE)
    known = {(r.item, r.scope["class_or_range"]): r for r in table.find(group="habitat_subclass")}
    unknown = [k for k in areas if k not in known]
    if unknown:
        raise OutOfBounds(f"no habitat weight of {unknown}.", f"没有 {unknown} 的生境权重。")
    order = sorted(areas)
    rows = [usable(known[k], rules) for k in order]
    coefficient = float(_rows(rules, "coefficient", "A_bio")[0].value or 0)
    return float(
        load_domains().registry["nature.ei_habitat@hj192-2015"](
            np.array([float(areas[k]) for k in order]), np.array([float(classes[k[0]].value or 0) for k in order]),
            np.array([float(r.value or 0) for r in rows]), coefficient, float(total),
        )
    )  # fmt: skip


def from_raw(rules: RuleSet, place: str, year: int) -> Result:
    """EI from raw inputs refuses: A_veg and the biodiversity part are open. Raises `MissingParameter` naming them."""
    for row in rules.table(TABLE).rows:
        if row.status == "open":
            usable(row, rules)
    raise AssertionError(f"{place} {year}: every slot of {TABLE} is filled, but no raw evaluation is declared")
