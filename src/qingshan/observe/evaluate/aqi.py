"""Air quality index of a day or an hour (HJ 633, both editions), from exact concentrations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Any

from ...core.domain import load_domains
from ...core.errors import MissingParameter
from ...core.limit import LimitRow
from ...core.reading import Reading
from ...core.rounding import Exact, half_even, upward
from .editions import RuleSet, on_day
from .verdict import Note, Result, citation, converted, inputs_of

Item = tuple[str, str]
"""(pollutant, averaging), as the tables name them: `("PM2.5", "24h")`."""

BEYOND = "beyond_table"
METHODS = {"HJ 633-2026": "air.iaqi@hj633-2026", "HJ 633-2012": "air.iaqi@hj633-2012"}


@lru_cache(maxsize=1)
def declared() -> Mapping[str, Any]:
    """How the AQI tables are to be read, as the domain declares it."""
    for _, content in load_domains().declared("evaluate"):
        if "aqi" in content:
            return content["aqi"]
    raise MissingParameter("aqi", "no domain declares an AQI.", "没有领域声明空气质量指数。")


_fraction = lru_cache(maxsize=4096)(Fraction)
"""Breakpoints and indices of the tables, exact: every station of an hour asks for the same few."""


@dataclass(frozen=True, slots=True)
class Iaqi:
    """One item: what was received, what it was rounded to, its index. `index` is None where the edition gives none;
    `beyond` where the value lies above the last breakpoint and no rule was read."""

    item: Item
    reading: Reading
    rounded: Exact | None = None
    index: int | None = None
    beyond: bool = False
    notes: tuple[Note, ...] = ()
    rows: tuple[LimitRow, ...] = ()

    @property
    def present(self) -> bool:
        return self.index is not None or self.beyond


@dataclass(frozen=True, slots=True)
class AirIndex:
    """AQI of one site and time. `aqi` is None where it may not be published (`NA`) or lies beyond the table."""

    day: date
    edition: str
    aqi: int | None
    category: str
    level: str
    colour: str
    primary: tuple[str, ...]
    exceeding: tuple[str, ...]
    items: tuple[Iaqi, ...]
    missing: tuple[Item, ...]
    beyond: bool
    notes: tuple[Note, ...]
    rows: tuple[LimitRow, ...]

    @property
    def text(self) -> str:
        return BEYOND if self.beyond else "NA" if self.aqi is None else str(self.aqi)

    def result(self, site: str = "", rules: RuleSet | None = None) -> Result:
        """As a result; the IAQI are its parts."""
        cited = citation([*self.rows, *(r for i in self.items for r in i.rows)])
        parts = tuple(
            Result(
                "air.iaqi", site, f"{i.item[0]} {i.item[1]}", self.day, self.day, i.index, BEYOND if i.beyond else "",
                "index", notes=i.notes, **{**citation(i.rows), "limit": ""},
            )
            for i in self.items
        )  # fmt: skip
        present = sum(i.present for i in self.items)
        return Result(
            "air.aqi", site, ",".join(self.primary), self.day, self.day, self.aqi, self.text, "index",
            grades=(self.category,) if self.category else (), n_valid=present, n_required=present + len(self.missing),
            notes=self.notes, parts=parts, rule_set=rules.digest if rules else "",
            inputs=inputs_of((*i.item, i.reading.text) for i in self.items), **{**cited, "limit": ""},
        )  # fmt: skip


def iaqi(rules: RuleSet, day: date, item: Item, reading: Reading, unit: str) -> Iaqi:
    """The index of one concentration. A missing or censored-at-nothing reading has none.

    A censored reading counts as its detection limit would: the index is an upper bound, and said to be.
    Raises what choosing a row raises, and `UnitError`.
    """
    pollutant, averaging = item
    source = next(
        (b["from"] for b in declared()["borrowed"] if (b["pollutant"], b["averaging"]) == item), averaging
    )  # fmt: skip
    rows = on_day(rules, "aqi_breakpoints", day, pollutant, averaging=source)
    rows = sorted(rows, key=lambda r: int(r.scope["iaqi"]))
    given = reading.value if reading.value is not None else reading.detection_limit
    if given is None:
        return Iaqi(item, reading, notes=(Note("missing", "there is no value.", "没有数值。"),))
    notes: tuple[Note, ...] = ()
    if reading.censored:
        notes = (Note("censored", "not detected: the index is at most this.", "未检出：指数不高于此值。"),)
    edition, breakpoint_unit = rows[0].edition, rows[0].unit
    value = half_even(converted(given, unit, breakpoint_unit), declared()["place"][breakpoint_unit])
    if edition not in declared()["rounding_stated"]:
        notes += (
            Note(
                "input_rounding", f"{edition} states no rounding of concentrations in the clauses read; GB/T 8170 is used.",
                f"{edition} 已读条款未写浓度修约，按 GB/T 8170 修约。",
            ),
        )  # fmt: skip
    steps = [(r, _fraction(r.value or 0), _fraction(r.scope["iaqi"])) for r in rows]
    if value > steps[-1][1]:
        return _over(rules, day, item, reading, value, edition, notes)
    (low, bp_low, i_low), (high, bp_high, i_high) = next(pair for pair in pairwise(steps) if value <= pair[1][1])
    formula = load_domains().registry[METHODS[edition]]
    exact = formula(Fraction(value), bp_low, bp_high, i_low, i_high)
    return Iaqi(item, reading, value, upward(exact), notes=notes, rows=(low, high))


def _over(
    rules: RuleSet, day: date, item: Item, reading: Reading, value: Exact, edition: str, notes: tuple[Note, ...]
) -> Iaqi:
    """Above the last breakpoint: the note of the edition, or `beyond_table`."""
    for rule in declared()["over"]:
        if (rule["edition"], rule["pollutant"], rule["averaging"]) != (edition, *item):
            continue
        row = on_day(rules, "aqi_rules", day, rule["rule"])[0]
        if "iaqi" in rule:
            return Iaqi(
                item, reading, value, rule["iaqi"], notes=(*notes, Note("fixed_index", row.text, row.text)), rows=(row,)
            )
        instead = rule["instead"]
        why = Note(f"use_{instead}", f"{row.text}.", f"按 {row.clause}，不计此项，改报 {instead} 分指数。")
        return Iaqi(item, reading, value, None, notes=(*notes, why), rows=(row,))
    why = Note(
        BEYOND, f"{value} lies above the last breakpoint of {item[0]} {item[1]}; no rule was read.",
        f"{item[0]} {item[1]} 的 {value} 高于最后一个浓度限值；未读到规则。",
    )  # fmt: skip
    return Iaqi(item, reading, value, None, beyond=True, notes=(*notes, why))


def air_index(
    rules: RuleSet,
    day: date,
    readings: Mapping[Item, tuple[Reading, str]],
    *,
    period: str = "daily",
    exempt: Iterable[str] = (),
) -> AirIndex:
    """AQI of a day (`daily`) or an hour (`hourly`) from (pollutant, averaging) -> (reading, unit).

    Items the edition does not use are left aside. `exempt` names pollutants that are not monitored by plan and whose
    history clears them (HJ 633-2026 5.3.2). Raises what choosing a row raises, and `UnitError`.
    """
    categories = on_day(rules, "aqi_categories", day)
    edition = categories[0].edition
    wanted = [(p, a) for p, a in declared()[period][edition]]
    exempted = set(exempt)
    none = (Reading(""), "")
    items = tuple(iaqi(rules, day, i, *readings[i]) for i in wanted if not readings.get(i, none)[0].missing)
    seen = {i.item for i in items if i.present}
    instead = {i.item for i in items if any(n.code.startswith("use_") for n in i.notes)}
    missing = tuple(i for i in wanted if i not in seen | instead and i[0] not in exempted)
    if not seen:
        note = Note("missing", "no item has a value.", "没有一个项目有数值。")
        return AirIndex(day, edition, None, "", "", "", (), (), items, missing, False, (note,), ())
    beyond = tuple(dict.fromkeys(i.item[0] for i in items if i.beyond))
    largest = max((i.index for i in items if i.index is not None), default=0)
    notes = list(dict.fromkeys(n for i in items for n in i.notes if n.code in (BEYOND, "input_rounding")))
    if missing:
        listed = [f"{p} {a}" for p, a in missing]
        notes.append(Note("missing_item", f"without {', '.join(listed)}.", f"缺 {'、'.join(listed)}。"))
    if beyond:
        worst = categories[-1]
        return AirIndex(
            day, edition, None, worst.item, worst.scope["level"], worst.scope["colour"], beyond, _exceeding(edition, items),
            items, missing, True, tuple(notes), (worst,),
        )  # fmt: skip
    needed = declared()["missing_above"].get(edition)
    if missing and needed is not None and largest <= needed:
        row = on_day(rules, "aqi_rules", day, "missing_item")[0]
        notes.append(
            Note(
                "not_published", f"an item is missing and the largest IAQI of the others is not above {needed}: NA.",
                f"缺项且其余分指数均不大于 {needed}：AQI 记为 NA。",
            )
        )  # fmt: skip
        return AirIndex(day, edition, None, "", "", "", (), (), items, missing, False, tuple(notes), (row,))
    category = next(c for c in categories if not c.text or largest <= (c.value or 0))
    primary: tuple[str, ...] = ()
    if largest > declared()["primary_above"]:
        primary = tuple(dict.fromkeys(i.item[0] for i in items if i.index == largest))
    return AirIndex(
        day, edition, largest, category.item, category.scope["level"], category.scope["colour"], primary,
        _exceeding(edition, items), items, missing, False, tuple(notes), (category,),
    )  # fmt: skip


def _exceeding(edition: str, items: Iterable[Iaqi]) -> tuple[str, ...]:
    """超标污染物: of the 2012 edition only."""
    above = declared()["exceeding_above"].get(edition)
    if above is None:
        return ()
    return tuple(dict.fromkeys(i.item[0] for i in items if i.beyond or (i.index is not None and i.index > above)))
