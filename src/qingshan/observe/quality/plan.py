"""A quality-control plan: one row per limit of a test, for a property or a series, dated and with its source.

    scope,test,parameter,value,unit,valid_from,valid_to,source,status
    air.pm25,gross_range,fail_max,1000,ug/m3,2026-01-01,,network notice 12,project
    air.pm25,spike,required,except_gaps,,2026-01-01,,network notice 12,project

There are no built-in limits. A test runs only where all its parameters are given for the day; a bound that is not to be used
is given as `none`. Elsewhere the test sets its `not_run` bit. `required` (yes, except_gaps, no) says whether a value may be good
though the test did not run; `except_gaps` forgives the ends of a series and the neighbours of gaps.
A row of a series goes before a row of its property. `missing`, `detection_limit` and `duplicate_key` have no limits and always run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qingshan.core.canonical import digest
from qingshan.core.errors import DeclarationError, MissingParameter, UnitError
from qingshan.core.finding import Finding
from qingshan.core.units import convert

from ..declared import declared_rows
from ..dense import SCALE, Lattice

__all__ = ["COLUMNS", "TESTS", "Plan", "PlanRow", "Segment", "read_plan"]

TESTS = (
    "missing", "gross_range", "spike", "rate_of_change", "flat_line", "physical_relation", "buddy", "status_word",
    "detection_limit", "duplicate_key",
)  # fmt: skip
"""In the order of their bits."""

TESTS_ZH = dict(
    zip(
        TESTS,
        ("缺测", "超量程", "尖峰", "变化过快", "平直", "物理关系", "与邻站不符", "站点状态", "低于检出限", "重复键"),
        strict=True,
    )
)

LIMITS: dict[str, tuple[str, ...]] = {
    "gross_range": ("fail_min", "fail_max", "suspect_min", "suspect_max"),
    "spike": ("suspect", "fail"),
    "rate_of_change": ("limit",),
    "flat_line": ("n_suspect", "n_fail", "eps"),
    "physical_relation": ("not_above", "tolerance"),
    "buddy": ("radius", "neighbours_min", "k", "mad_min"),
}
COUNTS = ("n_suspect", "n_fail", "neighbours_min")
OF_VALUE = (
    "fail_min",
    "fail_max",
    "suspect_min",
    "suspect_max",
    "suspect",
    "fail",
    "limit",
    "eps",
    "tolerance",
    "mad_min",
)
REQUIRED = ("no", "except_gaps", "yes")
STATUSES = ("primary", "secondary", "project", "ocr_doubt", "open")
COLUMNS = ("scope", "test", "parameter", "value", "unit", "valid_from", "valid_to", "source", "status")
UNUSED = {"fail_min": -(2**63) + 1, "suspect_min": -(2**63) + 1}
NO_BOUND = 2**63 - 1


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One limit. `value` is a number, `none`, a property (`not_above`), a flag (`status_word`) or a word of `REQUIRED`."""

    scope: str
    test: str
    parameter: str
    value: str
    unit: str
    valid_from: date
    valid_to: date | None
    source: str
    status: str
    line: int = 0

    def holds(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True)
class Segment:
    """The limits of one block between two columns in which no limit changes.

    `limits` (series, 12) in 1e-9 or counts, `runs` (series, tests) where a test has all its parameters, `required` (series, tests)
    0 no, 1 except gaps, 2 yes, `other` (series) the row it may not exceed or -1, `levels` (series, words) 0, 3, 9 or 255 (unknown)."""

    first: int
    last: int
    limits: NDArray[np.int64]
    runs: NDArray[np.bool_]
    required: NDArray[np.uint8]
    other: NDArray[np.int32]
    levels: NDArray[np.uint8]


SLOTS = tuple((test, name) for test in ("gross_range", "spike", "rate_of_change", "flat_line") for name in LIMITS[test])
SLOT = {key: i for i, key in enumerate(SLOTS)}
TOLERANCE = len(SLOTS)


class Plan:
    """The rows of a plan, checked. Raises `DeclarationError` for a row that cannot be used, `MissingParameter` for an open one."""

    def __init__(
        self, rows: Iterable[PlanRow], units: Mapping[str, str] | None = None, name: str = "quality.csv"
    ) -> None:
        """`units`: the unit of each property's values; a limit in another unit of the same kind is converted."""
        self.rows = tuple(rows)
        self.name = name
        self.units = dict(units or {})
        self._by_scope: dict[str, list[PlanRow]] = {}
        for row in self.rows:
            self._check(row)
            self._by_scope.setdefault(row.scope, []).append(row)
        self._check_overlaps()

    @property
    def hash(self) -> str:
        return digest([[str(getattr(r, c)) for c in COLUMNS] for r in self.rows])

    def _fail(self, row: PlanRow, en: str, zh: str, fix: str = "") -> DeclarationError:
        return DeclarationError(en, zh, where=f"{self.name}:{row.line}", fix=fix)

    def _check(self, row: PlanRow) -> None:
        if row.test not in TESTS:
            raise self._fail(
                row,
                f"there is no test {row.test!r}; one of {', '.join(TESTS)}.",
                f"没有质控检验 {row.test!r}，应为 {'、'.join(TESTS)} 之一。",
            )
        if row.status not in STATUSES:
            raise self._fail(
                row,
                f"status {row.status!r} is none of {', '.join(STATUSES)}.",
                f"状态 {row.status!r} 不在 {'、'.join(STATUSES)} 之中。",
            )
        if row.status == "open":
            raise MissingParameter(
                f"{row.scope}.{row.test}.{row.parameter}", f"the limit {row.test}.{row.parameter} of {row.scope} is open.",
                f"{row.scope} 的 {row.test}.{row.parameter} 尚未取得。", where=f"{self.name}:{row.line}",
            )  # fmt: skip
        if not row.source:
            raise self._fail(
                row, "a limit needs its source.", "限值须注明出处。", "fill the column source / 填写 source 列"
            )
        if row.valid_to and row.valid_to < row.valid_from:
            raise self._fail(row, "the row ends before it begins.", "该行的失效日期早于生效日期。")
        if row.parameter == "required":
            if row.value not in REQUIRED:
                raise self._fail(
                    row,
                    f"required is {row.value!r}, one of {', '.join(REQUIRED)}.",
                    f"required 为 {row.value!r}，应为 {'、'.join(REQUIRED)} 之一。",
                )
        elif row.test == "status_word":
            if row.value not in ("3", "9", "none"):
                raise self._fail(
                    row,
                    f"a status word gives 3, 9 or none, not {row.value!r}.",
                    f"状态词应给出 3、9 或 none，不是 {row.value!r}。",
                )
        elif row.parameter not in LIMITS.get(row.test, ()):
            known = ", ".join(("required", *LIMITS.get(row.test, ())))
            raise self._fail(
                row,
                f"{row.test} has no parameter {row.parameter!r}; it has {known}.",
                f"{row.test} 没有参数 {row.parameter!r}，有 {known}。",
            )
        elif row.parameter != "not_above":
            self.number(row)

    def _check_overlaps(self) -> None:
        seen: dict[tuple[str, str, str], list[PlanRow]] = {}
        for row in self.rows:
            for other in seen.setdefault((row.scope, row.test, row.parameter), []):
                if row.valid_from <= (other.valid_to or date.max) and other.valid_from <= (row.valid_to or date.max):
                    raise self._fail(
                        row, f"{row.test}.{row.parameter} of {row.scope} is given twice for one day, first in row {other.line}.",
                        f"{row.scope} 的 {row.test}.{row.parameter} 在同一天有两个值，首见第 {other.line} 行。", "end the older row / 给旧行填失效日期",
                    )  # fmt: skip
            seen[row.scope, row.test, row.parameter].append(row)

    def number(self, row: PlanRow) -> int | None:
        """The limit in 1e-9 of the unit of the values, or as a count; None for `none`."""
        if row.value == "none":
            return None
        try:
            value = Decimal(row.value)
        except InvalidOperation:
            raise self._fail(row, f"{row.value!r} is no number.", f"{row.value!r} 不是数字。") from None
        if row.parameter in COUNTS or row.parameter == "k":
            whole = row.parameter in COUNTS
            if not value.is_finite() or (whole and (value != int(value) or value < 1)) or value <= 0:
                raise self._fail(row, f"{row.parameter} is {row.value}, must be {'a whole number, at least 1' if whole else 'positive'}.",
                                 f"{row.parameter} 为 {row.value}，应为{'不小于 1 的整数' if whole else '正数'}。")  # fmt: skip
            return int(value) if whole else int(value * SCALE)
        if row.parameter in OF_VALUE:
            value = self._in_unit(row, value)
        elif row.parameter == "radius":
            value = self._converted(row, value, row.unit, "km")
        scaled = value * SCALE
        if not scaled.is_finite() or scaled != int(scaled) or abs(scaled) >= 2**61:
            raise self._fail(
                row,
                f"{row.value} has more than 9 decimals or is too large.",
                f"{row.value} 的小数超过 9 位，或数值过大。",
            )
        if row.parameter not in ("fail_min", "fail_max", "suspect_min", "suspect_max") and scaled < 0:
            raise self._fail(
                row,
                f"{row.parameter} is {row.value}, must not be negative.",
                f"{row.parameter} 为 {row.value}，不得为负。",
            )
        return int(scaled)

    def _in_unit(self, row: PlanRow, value: Decimal) -> Decimal:
        own = self.units.get(_property(row.scope), "")
        given = row.unit.removesuffix("/h") if row.test == "rate_of_change" else row.unit
        if row.test == "rate_of_change" and own and not row.unit.endswith("/h"):
            raise self._fail(
                row,
                f"a rate is per hour: {own}/h, not {row.unit!r}.",
                f"变化率按小时计：应为 {own}/h，不是 {row.unit!r}。",
            )
        return self._converted(row, value, given, own) if own else value

    def _converted(self, row: PlanRow, value: Decimal, given: str, own: str) -> Decimal:
        if given == own:
            return value
        try:
            ratio = convert(1.0, given, own)
        except UnitError as error:
            raise self._fail(row, error.en, error.zh) from None
        return (value * Decimal(repr(float(ratio)))).normalize()

    def changes(self, first: date, last: date) -> list[date]:
        """Days in (first, last] on which some limit changes."""
        days = {r.valid_from for r in self.rows} | {
            date.fromordinal(r.valid_to.toordinal() + 1) for r in self.rows if r.valid_to and r.valid_to < date.max
        }
        return sorted(day for day in days if first < day <= last)

    def of(self, series: str, day: date) -> dict[str, dict[str, PlanRow]]:
        """test -> parameter -> the row in force for a series on a day."""
        found: dict[str, dict[str, PlanRow]] = {}
        for scope in (_property(series), series):
            for row in self._by_scope.get(scope, ()):
                if row.holds(day):
                    found.setdefault(row.test, {})[row.parameter] = row
        return found

    def margin(self) -> int:
        """Steps before a period that its tests look at."""
        longest = [
            int(r.value) for r in self.rows if r.test == "flat_line" and r.parameter in COUNTS and r.value != "none"
        ]
        return max([1, *longest])

    def segments(
        self, series: Sequence[str], lattice: Lattice | None, times: NDArray[np.int64], words: Sequence[str]
    ) -> list[Segment]:
        """The limits of a block, cut at the days on which they change."""
        first, last = _day(times[0]), _day(times[-1])
        cuts = [first, *self.changes(first, last)]
        edges = [int(np.searchsorted(times, _ms(day))) for day in cuts[1:]]
        bounds = [0, *edges, len(times)]
        step_ms = lattice.step_ms if lattice else 0
        return [
            self._segment(series, day, a, b, step_ms, words)
            for day, a, b in zip(cuts, bounds[:-1], bounds[1:], strict=True)
            if b > a
        ]

    def _segment(
        self, series: Sequence[str], day: date, first: int, last: int, step_ms: int, words: Sequence[str]
    ) -> Segment:
        n = len(series)
        limits = np.zeros((n, TOLERANCE + 1), dtype=np.int64)
        runs = np.zeros((n, len(TESTS)), dtype=bool)
        required = np.zeros((n, len(TESTS)), dtype=np.uint8)
        other = np.full(n, -1, dtype=np.int32)
        levels = np.zeros((n, len(words)), dtype=np.uint8)
        place = {name: i for i, name in enumerate(series)}
        done: dict[str, int] = {}
        for i, name in enumerate(series):
            scope = name if name in self._by_scope else _property(name)
            rows = self.of(name, day)
            if scope in done:
                for array in (limits, runs, required, levels):
                    array[i] = array[done[scope]]
            else:
                done[scope] = i
                self._tests(rows, limits[i], runs[i], required[i], levels[i], step_ms, words)
            if runs[i, TESTS.index("physical_relation")]:
                site, _, rest = name.partition("|")
                wanted = "|".join((site, rows["physical_relation"]["not_above"].value, *rest.split("|")[1:]))
                other[i] = place.get(wanted, -1)
        return Segment(first, last, limits, runs, required, other, levels)

    def _tests(
        self, rows: Mapping[str, Mapping[str, PlanRow]], limits: NDArray[np.int64], runs: NDArray[np.bool_],
        required: NDArray[np.uint8], levels: NDArray[np.uint8], step_ms: int, words: Sequence[str],
    ) -> None:  # fmt: skip
        """Fill what one series has: limits (12), runs and required (tests), levels (words)."""
        for bit, test in enumerate(TESTS):
            given = rows.get(test, {})
            if "required" in given:
                required[bit] = REQUIRED.index(given["required"].value)
            if test in LIMITS:
                runs[bit] = all(p in given for p in LIMITS[test])
                if runs[bit]:
                    self._fill(limits, test, given, step_ms)
            elif test == "status_word":
                said = {p: r.value for p, r in given.items() if p != "required"}
                runs[bit] = bool(said)
                for w, word in enumerate(words[1:], 1):
                    levels[w] = {"none": 0, "3": 3, "9": 9}[said[word]] if word in said else 255
            else:
                runs[bit] = True

    def _fill(self, limits: NDArray[np.int64], test: str, given: Mapping[str, PlanRow], step_ms: int) -> None:
        for name in LIMITS[test]:
            if name == "not_above":
                continue
            value = self.number(given[name])
            if test == "physical_relation":
                limits[TOLERANCE] = value or 0
            elif test in ("gross_range", "spike", "rate_of_change", "flat_line"):
                bound = UNUSED.get(name, NO_BOUND) if value is None else value
                if test == "rate_of_change" and value is not None:
                    bound = min(value * step_ms // 3_600_000, NO_BOUND)  # |dx| is whole: > R dt means > its whole part
                if name == "eps" and value is None:
                    bound = 0
                limits[SLOT[test, name]] = bound

    def buddies(self, day: date) -> dict[str, dict[str, PlanRow]]:
        """Scopes with all limits of the spatial test on a day."""
        scopes = {r.scope for r in self.rows if r.test == "buddy"}
        found = {
            s: {
                r.parameter: r
                for r in self.rows
                if r.scope == s and r.test == "buddy" and r.holds(day) and r.parameter != "required"
            }
            for s in scopes
        }
        return {s: rows for s, rows in found.items() if all(p in rows for p in LIMITS["buddy"])}


def _property(series: str) -> str:
    return series.split("|")[1] if "|" in series else series


def _day(ms: int | np.integer) -> date:
    return date.fromordinal(date(1970, 1, 1).toordinal() + int(ms) // 86_400_000)


def _ms(day: date) -> int:
    return (day.toordinal() - date(1970, 1, 1).toordinal()) * 86_400_000


def read_plan(path: Path, units: Mapping[str, str] | None = None) -> Plan:
    """The plan of a CSV file. Raises `DeclarationError` naming file, row and column."""
    rows = [_row(cells, line, path.name) for line, cells in declared_rows(path, COLUMNS)]
    return Plan(rows, units, path.name)


def _row(cells: Mapping[str, str], line: int, name: str) -> PlanRow:
    def day(column: str) -> date | None:
        text = cells[column]
        if not text:
            return None
        try:
            return datetime.strptime(text, "%Y-%m-%d").date()
        except ValueError:
            raise DeclarationError(
                f"{text!r} is no day.",
                f"{text!r} 不是日期。",
                where=f"{name}:{line} [{column}]",
                fix="write 2026-03-01 / 写作 2026-03-01",
            ) from None

    begins = day("valid_from")
    if begins is None:
        raise DeclarationError(
            "a limit needs the day from which it holds.",
            "限值须有生效日期。",
            where=f"{name}:{line} [valid_from]",
            fix="write 2026-03-01 / 写作 2026-03-01",
        )
    scope, test, parameter, value, unit = (cells[c] for c in COLUMNS[:5])
    return PlanRow(scope, test, parameter, value, unit, begins, day("valid_to"), cells["source"], cells["status"], line)


def unused_scopes(plan: Plan, properties: Iterable[str], series: Iterable[str]) -> list[Finding]:
    """Scopes of the plan that name no property or series of the network, each once."""
    known = {*properties, *series}
    first = {row.scope: row.line for row in reversed(plan.rows) if row.scope not in known}
    return [
        Finding(
            "note",
            "plan_scope",
            f"no series has the scope {scope!r}.",
            f"没有序列属于 {scope!r}。",
            plan.name,
            line,
            "scope",
        )
        for scope, line in sorted(first.items())
    ]
