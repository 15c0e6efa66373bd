"""Ambient air against GB 3095: valid days, annual means and percentiles, attainment by edition."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction

from ...core.canonical import digest
from ...core.errors import MissingParameter, OutOfBounds
from ...core.limit import LimitRow
from ...core.observed import property_named
from ...core.reading import Reading
from ...core.rounding import Exact
from .editions import RuleSet, on_day, pieces
from .verdict import (
    INSUFFICIENT,
    NOT_APPLICABLE,
    REFUSALS,
    UNJUDGED,
    Note,
    Result,
    against,
    note_of,
    shown,
    waiting_note,
)

_TABLE2 = "table2_local_decision"
_WINDOW = 8


@dataclass(frozen=True, slots=True)
class Day:
    """Statistic of one day: exact value (None where invalid), hours seen and hours required."""

    day: date
    value: Fraction | None
    n_valid: int
    n_required: int


class YearDays:
    """The days of one year and item, as the annual statistics ask for them. Exact; made of `Day`s, or of blocks by a subclass.

    `waiting` counts suspect readings of the year that no reviewer has decided on.
    """

    def __init__(self, days: Sequence[Day], year: int, waiting: int = 0) -> None:
        self._days = [d for d in days if d.day.year == year]
        self._valid = sorted(d.value for d in self._days if d.value is not None)
        self.n_valid, self.waiting = len(self._valid), waiting
        self.months = Counter(d.day.month for d in self._days if d.value is not None)

    @property
    def inputs(self) -> str:
        """The hash of what was read: of each day its number, its exact value as a ratio, and how many it stands on."""
        return digest([
            [d.day.toordinal(), *((0, 0) if d.value is None else d.value.as_integer_ratio()), d.n_valid] for d in self._days
        ])  # fmt: skip

    def mean(self) -> Fraction:
        """Mean of the valid days. Raises `ZeroDivisionError` where there is none."""
        return sum(self._valid, Fraction()) / len(self._valid)

    def percentile(self, order: int, interpolation: str) -> Fraction:
        """The `order`-th percentile of the valid days; see `percentile`."""
        return percentile(self._valid, order, interpolation)


def minimum(rules: RuleSet, day: date, pollutant: str, averaging: str, period: str) -> LimitRow:
    """The row of the least count. Raises what choosing a row raises."""
    rows = on_day(rules, "air_data_validity", day, None, averaging=averaging)
    fits = [r for r in rows if r.item in (pollutant, "all") and r.scope["period"] == period]
    if not fits:
        raise MissingParameter(
            "air_data_validity", f"no minimum number of data for {pollutant} {averaging} per {period}.",
            f"没有 {pollutant} {averaging} 每 {period} 的最少数据量。", document="GB 3095 表4",
        )  # fmt: skip
    return fits[0]


def _minima(rules: RuleSet, pollutant: str, averaging: str, period: str, days: Sequence[date]) -> Callable[[date], int]:
    """The least count by day, looked up once for each stretch under one edition. Raises what choosing a row raises."""
    if not days:
        return lambda day: 0
    cut = pieces(rules, "air_data_validity", days[0], days[-1], None, averaging=averaging)
    first = [p.start for p in cut]
    seen = sorted({bisect_right(first, d) - 1 for d in days})
    least = {i: int(minimum(rules, cut[i].start, pollutant, averaging, period).value or 0) for i in seen}
    return lambda day: least[bisect_right(first, day) - 1]


def daily_means(rules: RuleSet, pollutant: str, hours: Iterable[tuple[datetime, Exact | None]]) -> list[Day]:
    """Means of calendar days from hourly values (time of their start, UTC+8), exact; invalid below the minimum count.

    Raises what choosing the validity row raises: counts are a rule of the edition, never a default.
    """
    by_day: dict[date, list[Exact]] = {}
    for at, value in hours:
        held = by_day.setdefault(at.date(), [])
        if value is not None:
            held.append(value)
    least = _minima(rules, pollutant, "24h", "day", sorted(by_day))
    made = []
    for day, values in sorted(by_day.items()):
        needed = least(day)
        mean = sum((Fraction(v) for v in values), Fraction()) / len(values) if len(values) >= needed else None
        made.append(Day(day, mean, len(values), needed))
    return made


def daily_max_8h(
    rules: RuleSet,
    pollutant: str,
    hours: Iterable[tuple[datetime, Exact | None]],
    within: tuple[date, date] | None = None,
) -> list[Day]:
    """Largest running 8 h mean of each day. Which windows belong to a day and how many are needed is open in the read
    documents: the rule set must choose (`air.mda8_first_end`: hour at which the first window of the day ends;
    `air.mda8_windows`: least number of valid windows). Raises `MissingParameter` where it does not. `within`: first and last
    day that is wanted; its windows may reach back before it.
    """
    first_end, windows_needed = mda8_choices(rules)
    values = {at.replace(minute=0, second=0, microsecond=0): v for at, v in hours if v is not None}
    days = sorted({at.date() for at, _ in hours} if isinstance(hours, Sequence) else {at.date() for at in values})
    if within:
        days = [d for d in days if within[0] <= d <= within[1]]
    least = _minima(rules, pollutant, "8h", "8 h window", days)
    made = []
    for day in days:
        needed = least(day)
        midnight = datetime(day.year, day.month, day.day)
        means = []
        for end in range(first_end, 25):
            held = [values[t] for k in range(_WINDOW) if (t := midnight + timedelta(hours=end - _WINDOW + k)) in values]
            if len(held) >= needed:
                means.append(sum((Fraction(v) for v in held), Fraction()) / len(held))
        value = max(means) if len(means) >= windows_needed else None
        made.append(Day(day, value, len(means), windows_needed))
    return made


def mda8_choices(rules: RuleSet) -> tuple[int, int]:
    """(hour at which the first 8 h window of a day ends, least number of valid windows) of the rule set."""
    chosen = [rules.choice(k) for k in ("air.mda8_first_end", "air.mda8_windows")]
    if not all(chosen):
        raise MissingParameter(
            "air.mda8_first_end", "the window convention of the daily maximum 8 h mean is open (HJ 663 was not read).",
            "臭氧日最大 8 小时平均的窗口归属未读到（HJ 663 未取得）。", document="HJ 663 环境空气质量评价技术规范",
        )  # fmt: skip
    return int(chosen[0]), int(chosen[1])


def percentile(values: Sequence[Fraction], order: int, interpolation: str) -> Fraction:
    """The `order`-th percentile, exact, by a named interpolation: `linear` (between ranks 1 + (n-1) p) or
    `nearest_rank` (rank ceil(n p)). Raises `OutOfBounds` for another name or no value."""
    if interpolation not in ("linear", "nearest_rank") or not values:
        raise OutOfBounds(
            f"no percentile by {interpolation!r} of {len(values)} values.", f"不能按 {interpolation!r} 取 {len(values)} 个值的百分位数。",
            fix="linear or nearest_rank, of at least one value / 取 linear 或 nearest_rank，且至少有一个值",
        )  # fmt: skip
    ordered, n = sorted(values), len(values)
    if interpolation == "nearest_rank":
        return ordered[max(-(-n * order // 100), 1) - 1]
    rank = Fraction((n - 1) * order, 100)
    below = int(rank)
    above = min(below + 1, n - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (rank - below)


def attain(
    rules: RuleSet, site: str, pollutant: str, averaging: str, grade: str, start: date, end: date, value: Exact, unit: str,
    *, published: bool = False,
) -> Result:  # fmt: skip
    """One statistic of a period against the limit of its grade, in the edition of the period.

    The value is compared unrounded where it is unrounded; `published` records that it was rounded before.
    """
    asked = Result(
        "air.attainment", site, f"{pollutant} {averaging}", start, end, value, shown(value), unit, rule_set=rules.digest
    )
    if published:
        asked = replace(asked, notes=(_PUBLISHED,))
    rows = rules.table("air_limits").find(pollutant, averaging=averaging, grade=grade)
    if not rows:
        why = Note(
            "no_limit",
            f"{pollutant} has no {averaging} limit in grade {grade}.",
            f"{pollutant} 没有 {grade} 级 {averaging} 限值。",
        )
        return replace(asked, verdict=NOT_APPLICABLE, notes=(*asked.notes, why))
    made = against(
        rules, "air_limits", asked, Reading(shown(value), value), pollutant, averaging=averaging, grade=grade
    )
    local = any(r.scope["applicability"] == _TABLE2 and r.where in made.rows for r in rows)
    if local and rules.choice("air.table2") != "applies":
        why = Note(
            "table2_local_decision", "table 2 of GB 3095-2026 applies where the state authority or the province decides so (4.5).",
            "GB 3095-2026 表2 项目由国务院生态环境主管部门或省级人民政府决定实施（4.5）。",
        )  # fmt: skip
        return replace(made, verdict=UNJUDGED, notes=(*made.notes, why))
    return made


_PUBLISHED = Note(
    "published_value",
    "compared as published (rounded); the unrounded value was not to be had.",
    "以公布值（已修约）比较；未取得未修约值。",
)


def annual(
    rules: RuleSet, site: str, pollutant: str, year: int, days: Sequence[Day] | YearDays, unit: str, grade: str = "2"
) -> Result:
    """Annual mean of valid daily means against GB 3095, only where the counts of the edition are met.

    `n_valid`/`n_required` are days of the year; a short month is named in the notes and makes the value invalid.
    """
    start, end = date(year, 1, 1), date(year, 12, 31)
    held = days if isinstance(days, YearDays) else YearDays(days, year)
    asked = Result(
        "air.attainment", site, f"{pollutant} annual", start, end, None, "", unit, n_valid=held.n_valid,
        rule_set=rules.digest, inputs=held.inputs,
    )  # fmt: skip
    try:
        needed, short = _counts(rules, pollutant, year, held.months)
    except REFUSALS as error:
        return replace(asked, verdict=UNJUDGED, notes=(note_of(error),))
    asked = replace(asked, n_required=needed)
    notes = short
    if held.n_valid < needed:
        words = (f"{held.n_valid} valid days, {needed} needed.", f"有效天数 {held.n_valid}，要求 {needed}。")
        notes = (Note("short_year", *words), *short)
    if held.waiting:
        notes = (*notes, waiting_note(held.waiting))
    if notes:
        return replace(asked, verdict=INSUFFICIENT, notes=notes)
    made = attain(rules, site, pollutant, "annual", grade, start, end, held.mean(), unit)
    return replace(made, n_valid=held.n_valid, n_required=needed, inputs=asked.inputs)


def _counts(rules: RuleSet, pollutant: str, year: int, count: Mapping[int, int]) -> tuple[int, tuple[Note, ...]]:
    """Days needed in the year, and a note for each short month, by the edition in force at the end of the year.

    `count` is of valid days by month. A year across editions is held to the counts of the later one; its limits are split by
    `attain` all the same.
    """
    last = date(year, 12, 31)
    rows = on_day(rules, "air_data_validity", last, None, averaging="annual")
    rows = [r for r in rows if r.item == pollutant]
    by_period = {(r.scope["period"], r.scope["condition"]): r for r in rows}
    if not any(p == "year" for p, _ in by_period):
        raise MissingParameter(
            "air_data_validity",
            f"no annual count for {pollutant}.",
            f"没有 {pollutant} 的年有效天数要求。",
            document="GB 3095 表4",
        )
    per_year = next(int(r.value or 0) for (p, _), r in by_period.items() if p == "year")
    notes = []
    for month in range(1, 13):
        conditions = ("February",) if month == 2 else ("other months",)
        row = next((by_period[k] for c in (*conditions, "evenly spread") if (k := ("month", c)) in by_period), None)
        n = count.get(month, 0)
        if row is not None and n < (row.value or 0):
            notes.append(
                Note(
                    f"short_month_{month:02d}", f"month {month}: {n} valid days, {row.text} needed.",
                    f"{month} 月有效天数 {n}，要求 {row.text}。",
                )
            )  # fmt: skip
    return per_year, tuple(notes)


def annual_statistics(
    rules: RuleSet, site: str, pollutant: str, year: int, days: Sequence[Day] | YearDays, unit: str, grade: str = "2"
) -> list[Result]:
    """Every statistic HJ 663 names for the pollutant in a year. A percentile needs the rule set to name its
    interpolation (`air.percentile`) and its least number of days (`air.percentile_days`)."""
    last = date(year, 12, 31)
    base = Result("air.attainment", site, pollutant, date(year, 1, 1), last, unit=unit, rule_set=rules.digest)
    days = days if isinstance(days, YearDays) else YearDays(days, year)
    try:
        rows = on_day(rules, "air_annual_evaluation", last, pollutant)
    except REFUSALS as error:
        return [
            annual(rules, site, pollutant, year, days, unit, grade),
            replace(base, item=f"{pollutant} percentile", verdict=UNJUDGED, notes=(note_of(error),)),
        ]
    return [
        annual(rules, site, pollutant, year, days, unit, grade)
        if r.scope["statistic"] == "annual_mean"
        else _percentile(rules, base, r, days, grade)
        for r in rows
    ]


def _percentile(rules: RuleSet, base: Result, row: LimitRow, held: YearDays, grade: str) -> Result:
    base = replace(base, item=f"{base.item} P{row.text}")
    assert base.start and base.end
    interpolation, least = rules.choice("air.percentile"), rules.choice("air.percentile_days")
    if not interpolation or not least:
        why = Note(
            "missing_parameter", "the percentile formula and its least number of days are open (HJ 663): name them in the rule set.",
            "百分位数算法和有效天数要求待补（HJ 663）：请在规则集中写明。",
        )  # fmt: skip
        return replace(base, verdict=UNJUDGED, notes=(why,))
    counted = replace(base, verdict=INSUFFICIENT, n_valid=held.n_valid, n_required=int(least))
    if held.waiting:
        return replace(counted, notes=(waiting_note(held.waiting),))
    if held.n_valid < int(least):
        return counted
    averaging = "mda8" if row.scope["statistic"].startswith("mda8") else "24h"
    value = held.percentile(int(row.text), interpolation)
    made = attain(rules, base.site, row.item, averaging, grade, base.start, base.end, value, base.unit)
    how = Note(
        "percentile",
        f"P{row.text} by {interpolation}, chosen by the rule set {rules.id}.",
        f"P{row.text}，算法 {interpolation}，由规则集 {rules.id} 选定。",
    )
    return replace(made, item=base.item, n_valid=held.n_valid, n_required=int(least), notes=(*made.notes, how))


def check_state(pollutant: str, state: str) -> Note | None:
    """Why a series at `state` may not meet the limit of a pollutant; None where it may, or where no state is known."""
    declared = property_named(pollutant, "air")
    if not state or declared is None or state == declared.state:
        return None
    return Note(
        "reference_state", f"the series is at {state} state, the limit of {pollutant} at {declared.state} state (GB 3095-2026 4.3).",
        f"序列为 {state} 状态，{pollutant} 限值为 {declared.state} 状态（GB 3095-2026 4.3）。",
    )  # fmt: skip


def good_days(days: Mapping[date, int | None], *, good: int = 100) -> Result:
    """Share of days with AQI up to `good` among days with an AQI (优良天数比例)."""
    known = [v for v in days.values() if v is not None]
    share = Fraction(sum(v <= good for v in known), len(known)) * 100 if known else None
    return Result(
        "air.good_days_share", value=share, value_text=shown(share), unit="%", n_valid=len(known), n_required=len(days)
    )
