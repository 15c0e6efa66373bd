"""The days of an air network as columns: 365,000 results are not objects until one is looked at.

What a result says besides its value (category, primary pollutant, notes, clauses, rows) hangs on few things: the edition, the segment
of the breakpoints each item lies in, which items reach the index, what is missing and why. One result of each such kind is worked
out in full by `air_index`, the others are the same kind with their own value.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache, partial
from threading import Lock
from typing import Any, overload

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..statistics.air import Index
from ..statistics.kernels import BEYOND, NA, OTHER, floats, iaqi
from .air_blocks import DayBlock, Hourly, averaging_of
from .air_hand import index_of_day
from .aqi import declared
from .editions import RuleSet, on_day, pieces
from .verdict import REFUSALS, Note, Result, unsaid

__all__ = ["DayResults", "DayTable", "DaysOfSite"]

TABLES = ("aqi_breakpoints", "aqi_categories", "aqi_rules")
OVER, NO_POINTS = 14, 15
COLUMNS = (
    "item",
    "value",
    "unit",
    "verdict",
    "grade",
    "limit",
    "clause",
    "edition",
    "status",
    "n_valid",
    "n_required",
    "rule_set",
    "inputs",
)


@dataclass(frozen=True)
class _Edition:
    """What the index needs of one stretch of days: breakpoints by item (None: refused), bounds of the categories."""

    start: date
    points: tuple[Index | None, ...]
    bounds: tuple[int, ...]
    needed: int


@dataclass
class _Part:
    """Rows of one block: which site and day, of which kind, with which value; `inputs` works out the hashes of inputs once asked for."""

    block: DayBlock | None
    site: NDArray[np.int64]
    day: NDArray[np.int64]
    kind: NDArray[np.int64]
    value: NDArray[np.int64]
    inputs: Callable[[], list[str]]
    made: Sequence[Result] = ()


@dataclass
class _Kind:
    """A result in full, and whether its value is the row's own."""

    result: Result
    own: bool
    columns: dict[str, Any] = field(default_factory=dict)


class DayTable:
    """Add blocks in any order and from any thread; then `results` and `frame`, by site and day."""

    def __init__(self, rules: RuleSet, items: tuple[str, ...]) -> None:
        self.rules, self.items = rules, items
        self.parts: list[_Part] = []
        self.kinds: list[_Kind] = []
        self._known: dict[tuple[int, int], int] = {}
        self._refusals: dict[tuple[Note, ...], int] = {}
        self._editions: dict[int, list[_Edition]] = {}
        self._lock = Lock()

    # --- editions

    def editions(self, hourly: Hourly) -> list[_Edition]:
        with self._lock:
            if hourly.year not in self._editions:
                self._editions[hourly.year] = list(self._cut(hourly))
            return self._editions[hourly.year]

    def _cut(self, hourly: Hourly) -> Iterator[_Edition]:
        last = date(hourly.year, 12, 31)
        starts = {p.start for t in TABLES for p in pieces(self.rules, t, hourly.first, last)}
        for start in sorted(starts):
            try:
                categories = on_day(self.rules, "aqi_categories", start)
            except REFUSALS:
                yield _Edition(start, (None,) * len(self.items), (), 0)
                continue
            bounds = tuple(int(c.value) for c in categories if c.text and c.value is not None)
            needed = declared()["missing_above"].get(categories[0].edition, 0)
            yield _Edition(start, tuple(self._points(start, item) for item in self.items), bounds, needed)

    def _points(self, day: date, item: str) -> Index | None:
        try:
            rows = on_day(self.rules, "aqi_breakpoints", day, item, averaging=averaging_of(item))
        except REFUSALS:
            return None
        rows = sorted(rows, key=lambda r: int(r.scope["iaqi"]))
        place = Decimal(declared()["place"][rows[0].unit])
        over = BEYOND
        for rule in declared()["over"]:
            if (rule["edition"], rule["pollutant"], rule["averaging"]) == (rows[0].edition, item, averaging_of(item)):
                over = rule.get("iaqi", OTHER)
        points = np.array([int((r.value or 0) / place) for r in rows], dtype=np.int64)
        index = np.array([int(r.scope["iaqi"]) for r in rows], dtype=np.int64)
        return Index(points, index, -int(place.as_tuple().exponent), over)

    def fits(self, hourly: Hourly) -> Callable[[str, str], bool]:
        """Whether the values of an item in a unit can be compared with the breakpoints as they are."""
        units: dict[str, set[str]] = {}
        for e in self.editions(hourly):
            for item, points in zip(self.items, e.points, strict=True):
                if points is not None:
                    rows = on_day(self.rules, "aqi_breakpoints", e.start, item, averaging=averaging_of(item))
                    units.setdefault(item, set()).add(rows[0].unit)
        return lambda item, unit: units.get(item, {unit}) == {unit}

    # --- adding

    def add_results(self, results: Sequence[Result]) -> None:
        """Results worked out by hand."""
        empty = np.zeros(0, dtype=np.int64)
        with self._lock:
            self.parts.append(_Part(None, empty, empty, empty, empty, list, tuple(results)))

    def add(self, block: DayBlock) -> None:
        there = block.there.any(axis=1)
        if not there.any():
            return
        editions = self.editions(block.hourly)
        edition = np.array([bisect_right([e.start for e in editions], block.day(d)) - 1 for d in range(block.hourly.n)])
        index, state = self._index(block, editions, edition)
        key, top = _keys(block, editions, edition, index, state)
        key = key << 8 | self._patterns(block)
        site, day = np.nonzero(there)
        keys = key[site, day]
        unique, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        kinds = np.array([
            self._kind(block, int(k), int(site[i]), int(day[i])) for k, i in zip(unique, first, strict=True)
        ], dtype=np.int64)  # fmt: skip
        inputs = partial(self._inputs, block, site, day, kinds[inverse])
        part = _Part(block, site, day, kinds[inverse], top[site, day].astype(np.int64), cache(inputs))
        with self._lock:
            self.parts.append(part)

    def _index(
        self, block: DayBlock, editions: Sequence[_Edition], edition: NDArray[np.int64]
    ) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
        """IAQI (site, item, day), and the segment of the breakpoints each lies in: 0 none, `OVER`, `NO_POINTS`."""
        index = np.full(block.valid.shape, NA, dtype=np.int16)
        state = np.zeros(block.valid.shape, dtype=np.uint8)
        for e, of in enumerate(editions):
            days = np.flatnonzero(edition == e)
            a, b = days[0], days[-1] + 1
            for k, points in enumerate(of.points):
                sums, counts = (
                    np.ascontiguousarray(block.sums[:, k, a:b]),
                    np.ascontiguousarray(block.counts[:, k, a:b]),
                )
                valid = np.ascontiguousarray(block.valid[:, k, a:b])
                if points is None:
                    state[:, k, a:b] = np.where(valid, NO_POINTS, 0)
                    continue
                index[:, k, a:b] = iaqi(sums, counts, valid, points.points, points.index, points.places, points.over)
                rounded = _rounded(sums, counts, points.places)
                segment = np.maximum(np.searchsorted(points.points, rounded, side="left"), 1)
                segment = np.where(segment == len(points.points), OVER, segment)
                state[:, k, a:b] = np.where(valid, segment, 0)
        return index, state

    def _patterns(self, block: DayBlock) -> NDArray[np.int64]:
        """(site, day): number of the set of refusals there, 0 for none."""
        made = np.zeros((len(block.sites), block.hourly.n), dtype=np.int64)
        told = np.where(block.there, block.refused, 0).transpose(0, 2, 1)
        some = told.any(axis=2)
        if some.any():
            sets, inverse = np.unique(told[some], axis=0, return_inverse=True)
            notes = [tuple(dict.fromkeys(block.why[n - 1] for n in row if n)) for row in sets.tolist()]
            with self._lock:
                numbers = [self._refusals.setdefault(n, len(self._refusals) + 1) for n in notes]
            made[some] = np.array(numbers)[inverse.reshape(-1)]
        return made

    def _kind(self, block: DayBlock, key: int, s: int, d: int) -> int:
        """Number of the kind of a row; the first of a kind is worked out in full."""
        known = (block.hourly.year, key)
        with self._lock:
            if known in self._known:
                return self._known[known]
        made = self._result(block, s, d)
        kind = _Kind(made, made.value is not None, _columns(made))
        with self._lock:
            if known not in self._known:
                self._known[known] = len(self.kinds)
                self.kinds.append(kind)
            return self._known[known]

    def _result(self, block: DayBlock, s: int, d: int) -> Result:
        waiting = int(block.waiting[s, :, d].sum())
        return index_of_day(self.rules, block.sites[s], block.day(d), block.given(s, d), block.notes(s, d), waiting)

    def _inputs(
        self, block: DayBlock, site: NDArray[np.int64], day: NDArray[np.int64], kinds: NDArray[np.int64]
    ) -> list[str]:
        """The hash of what each row was computed from, as `AirIndex.result` makes it."""
        texts: list[list[str]] = []
        for k, item in enumerate(self.items):
            valid = block.valid[site, k, day]
            means = floats(block.sums[site, k, day], np.where(valid, block.counts[site, k, day], 0))
            head = f"('{item}', '{averaging_of(item)}', '"
            texts.append(
                [f'"{head}{m:.12g}\')"' if v else "" for m, v in zip(means.tolist(), valid.tolist(), strict=True)]
            )
        empty = {i for i in np.unique(kinds).tolist() if not self.kinds[i].result.inputs}
        return [
            "" if kind in empty else hashlib.sha256(f"[{','.join(filter(None, row))}]".encode()).hexdigest()
            for kind, row in zip(kinds.tolist(), zip(*texts, strict=True), strict=True)
        ]

    # --- what was added

    def results(self) -> DayResults:
        return DayResults(self)

    def order(self) -> tuple[pl.DataFrame, list[_Part]]:
        """(site, start, part, row) sorted by site and day."""
        frames = []
        for p, part in enumerate(self.parts):
            if part.block is None:
                sites, days = [r.site for r in part.made], [r.start for r in part.made]
                frame = pl.DataFrame({"site": sites, "start": days}, schema={"site": pl.String, "start": pl.Date})
            else:
                names = pl.Series("site", part.block.sites, dtype=pl.String)
                first = (part.block.hourly.first - date(1970, 1, 1)).days
                frame = pl.DataFrame(
                    {"site": names.gather(part.site), "start": pl.Series(part.day + first).cast(pl.Int32).cast(pl.Date)}
                )
            frames.append(frame.with_columns(part=pl.lit(p, pl.Int32), row=pl.int_range(pl.len())))
        schema = {"site": pl.String, "start": pl.Date, "part": pl.Int32, "row": pl.Int64}
        whole = pl.concat(frames) if frames else pl.DataFrame(schema=schema)
        return whole.sort("site", "start"), self.parts

    def at(self, p: int, row: int) -> Result:
        """One result, worked out."""
        part = self.parts[p]
        if part.block is None:
            return part.made[row]
        return self._result(part.block, int(part.site[row]), int(part.day[row]))

    def frame(self) -> pl.DataFrame:
        """The columns of `Evaluation.frame`."""
        kinds = pl.DataFrame([k.columns for k in self.kinds], infer_schema_length=None)
        frames = []
        for p, part in enumerate(self.parts):
            if part.block is None:
                held = pl.DataFrame([_columns(r) for r in part.made], infer_schema_length=None)
            else:
                own = np.array([k.own for k in self.kinds])[part.kind]
                held = kinds[part.kind].with_columns(
                    value=pl.when(pl.Series(own))
                    .then(pl.Series(part.value).cast(pl.String))
                    .otherwise(pl.col("value")),
                    inputs=pl.Series(part.inputs(), dtype=pl.String),
                )
            frames.append(held.with_columns(part=pl.lit(p, pl.Int32), row=pl.int_range(pl.len())))
        if not frames:
            return pl.DataFrame()
        order, _ = self.order()
        joined = order.join(
            pl.concat(frames, how="vertical_relaxed"), on=["part", "row"], how="left", maintain_order="left"
        )
        return joined.select(
            pl.lit("air.aqi").alias("quantity"), "site", *COLUMNS, pl.col("start").cast(pl.Datetime("us")), "notes", "rows",
            pl.lit(None, pl.String).alias("published"),
        )  # fmt: skip

    def reasons(self) -> Counter[Note]:
        """Why results have no verdict; kinds stand for their rows, with the words of the first of them."""
        count: Counter[Note] = Counter()
        for part in self.parts:
            for result in part.made:
                count.update(_why(result))
            for kind, n in zip(*np.unique(part.kind, return_counts=True), strict=True):
                for note in _why(self.kinds[int(kind)].result):
                    count[note] += int(n)
        return count


def _why(result: Result) -> tuple[Note, ...]:
    return result.notes if unsaid(result) else ()


def _columns(result: Result) -> dict[str, Any]:
    record = result.record()
    return {k: record[k] for k in COLUMNS} | {
        "notes": "; ".join(n.code for n in result.notes), "rows": "; ".join(result.rows),
    }  # fmt: skip


def _rounded(sums: NDArray[np.int64], counts: NDArray[np.uint8], places: int) -> NDArray[np.int64]:
    """Means in whole numbers of 10^-places, half to even."""
    of = np.maximum(counts.astype(np.int64), 1) * 10 ** (9 - places)
    whole, rest = np.divmod(sums, of)
    up = (2 * rest > of) | ((2 * rest == of) & (whole % 2 != 0))
    return whole + up


def _keys(
    block: DayBlock,
    editions: Sequence[_Edition],
    edition: NDArray[np.int64],
    index: NDArray[np.int16],
    state: NDArray[np.uint8],
) -> tuple[NDArray[np.int64], NDArray[np.int16]]:
    """(site, day): a number that rows of one kind share, and the largest index."""
    top = index.max(axis=1)
    key = np.broadcast_to(edition, top.shape).astype(np.int64)
    category = np.zeros(top.shape, dtype=np.int64)
    for e, of in enumerate(editions):
        days = edition == e
        category[:, days] = 2 * np.searchsorted(of.bounds, top[:, days]) + (top[:, days] <= of.needed)
    key = key << 4 | category
    for k in range(len(block.items)):
        reaches = ((index[:, k] == top) & (index[:, k] >= 0)) | (index[:, k] == BEYOND)
        key = (key << 4 | state[:, k]) << 1 | reaches
    return key << 8 | block.waiting.sum(axis=1), top


class DayResults(Sequence[Result]):
    """The results of a table, each worked out when it is looked at. What many share is had without that: `kinds`, `values`, `like`."""

    def __init__(self, table: DayTable) -> None:
        self._table = table
        order, _ = table.order()
        self._order = order
        self._at = list(zip(order["part"].to_list(), order["row"].to_list(), strict=True))
        self.times: list[datetime] = order["start"].cast(pl.Datetime("us")).to_list()

    def __len__(self) -> int:
        return len(self._at)

    @overload
    def __getitem__(self, at: int) -> Result: ...
    @overload
    def __getitem__(self, at: slice) -> list[Result]: ...
    def __getitem__(self, at: int | slice) -> Result | list[Result]:
        if isinstance(at, slice):
            return [self._table.at(*place) for place in self._at[at]]
        return self._table.at(*self._at[at])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def kinds(self) -> list[tuple[Result, int]]:
        """A result of each kind with the number of days of that kind: all that state, clauses and reasons hang on."""
        found: list[tuple[Result, int]] = [(r, 1) for part in self._table.parts for r in part.made]
        counts = np.zeros(len(self._table.kinds), dtype=np.int64)
        for part in self._table.parts:
            counts += np.bincount(part.kind, minlength=len(counts))
        return found + [(k.result, int(n)) for k, n in zip(self._table.kinds, counts.tolist(), strict=True) if n]

    def values(self) -> list[int | None]:
        """The index of each day, in order; None where there is none."""
        own = np.array([k.own for k in self._table.kinds], dtype=bool)
        held: list[list[int | None]] = []
        for part in self._table.parts:
            if part.block is None:
                held.append([None if r.value is None else int(r.value) for r in part.made])
            else:
                known = own[part.kind] if len(part.kind) else np.zeros(0, dtype=bool)
                held.append([v if k else None for v, k in zip(part.value.tolist(), known.tolist(), strict=True)])
        return [held[p][row] for p, row in self._at]

    def like(self, at: int) -> Result:
        """The result of a day with its own place, time and value; its parts are those of another day of the same kind."""
        p, row = self._at[at]
        part = self._table.parts[p]
        if part.block is None:
            return part.made[row]
        kind, day = self._table.kinds[part.kind[row]], part.block.day(int(part.day[row]))
        value = int(part.value[row]) if kind.own else None
        return replace(
            kind.result, site=part.block.sites[int(part.site[row])], start=day, end=day, value=value, inputs=part.inputs()[row],
            value_text=str(value) if kind.own else kind.result.value_text,
        )  # fmt: skip

    def of_sites(self) -> dict[str, DaysOfSite]:
        """The days of each site, by its id."""
        ends = self._order["site"].rle().struct.unnest()
        found, at = {}, 0
        for length, site in zip(ends["len"].to_list(), ends["value"].to_list(), strict=True):
            found[site] = DaysOfSite(self, at, at + length)
            at += length
        return found


class DaysOfSite(Sequence[Result]):
    """The days of one site among the results of a network."""

    def __init__(self, whole: DayResults, first: int, after: int) -> None:
        self._whole, self.first, self.after = whole, first, after

    def __len__(self) -> int:
        return self.after - self.first

    @overload
    def __getitem__(self, at: int) -> Result: ...
    @overload
    def __getitem__(self, at: slice) -> list[Result]: ...
    def __getitem__(self, at: int | slice) -> Result | list[Result]:
        if isinstance(at, slice):
            return [self._whole[i] for i in range(self.first, self.after)[at]]
        return self._whole[range(self.first, self.after)[at]]

    def alike(self) -> Iterator[Result]:
        """Each day as `DayResults.like` gives it."""
        return (self._whole.like(i) for i in range(self.first, self.after))
