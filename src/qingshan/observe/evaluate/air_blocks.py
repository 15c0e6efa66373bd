"""Days of air stations from dense blocks: valid daily means and largest 8 h means of one year, exact, by the counts in force each day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ...core.canonical import digest
from ...core.reading import Reading
from ..dense import MISSING, SCALE, Block, Lattice, site_of
from ..quality.review import Usable
from ..statistics.air import days_of, widened_year
from ..statistics.kernels import Percentiles, YearSums, day_sums, mda8, percentile, year_sums
from .air import YearDays, mda8_choices, minimum
from .aqi import Item
from .editions import RuleSet, pieces
from .verdict import REFUSALS, Note, note_of, shown

__all__ = ["LARGEST", "DayBlock", "Hourly", "hour_lattice"]

LARGEST = 8000
"""Above it two different means could be one float, and their order be lost: such a station is worked in fractions, one by one."""
LEAD = 24


def hour_lattice(year: int) -> Lattice:
    """The hours of a year and of a day either side."""
    return Lattice(*widened_year(year), timedelta(hours=1))


class Hourly:
    """What a rule set says of the days of one year: least counts by day, windows of ozone; a refusal is a note of its days."""

    def __init__(self, rules: RuleSet, year: int) -> None:
        self.rules, self.year, self.n = rules, year, days_of(year)
        self.first = date(year, 1, 1)
        self.month = np.array([(self.first + timedelta(days=d)).month - 1 for d in range(self.n)], dtype=np.int64)
        self.windows: tuple[int, int] | None = None
        self.no_windows: Note | None = None
        try:
            self.windows = mda8_choices(rules)
        except REFUSALS as error:
            self.no_windows = note_of(error)

    def spans(self, pollutant: str, averaging: str, period: str) -> Iterator[tuple[int, int, int, Note | None]]:
        """(first day, one past the last, least count, why there is none) of each stretch under one edition."""
        last = date(self.year, 12, 31)
        for piece in pieces(self.rules, "air_data_validity", self.first, last, None, averaging=averaging):
            a, b = (piece.start - self.first).days, (piece.end - self.first).days + 1
            try:
                yield a, b, int(minimum(self.rules, piece.start, pollutant, averaging, period).value or 0), None
            except REFUSALS as error:
                yield a, b, 0, note_of(error)


@dataclass
class DayBlock:
    """Days of some sites in one year, by (site, item, day). `sums`/`counts` is the statistic of a day in 1e-9 of the unit, `seen` the hours
    or windows it stands on; `there` days have a reading, `waiting` counts undecided suspect ones; `refused` holds notes by item and day, which `why`
    numbers from 1."""

    sites: tuple[str, ...]
    items: tuple[str, ...]
    hourly: Hourly
    units: Mapping[tuple[str, str], str]
    sums: NDArray[np.int64]
    counts: NDArray[np.uint8]
    seen: NDArray[np.uint8]
    valid: NDArray[np.bool_]
    there: NDArray[np.bool_]
    waiting: NDArray[np.int16]
    refused: NDArray[np.uint8]
    why: list[Note]

    def day(self, d: int) -> date:
        return self.hourly.first + timedelta(days=d)

    def value(self, s: int, k: int, d: int) -> Fraction:
        return Fraction(int(self.sums[s, k, d]), int(self.counts[s, k, d]) * SCALE)

    def given(self, s: int, d: int) -> dict[Item, tuple[Reading, str]]:
        """What the index of one site and day is computed from."""
        made: dict[Item, tuple[Reading, str]] = {}
        for k, item in enumerate(self.items):
            if self.valid[s, k, d]:
                value = self.value(s, k, d)
                made[(item, averaging_of(item))] = (Reading(shown(value), value), self.units[self.sites[s], item])
        return made

    def notes(self, s: int, d: int) -> tuple[Note, ...]:
        """Why items of one site and day have no value."""
        found = [self.why[n - 1] for k in range(len(self.items)) if self.there[s, k, d] and (n := self.refused[k, d])]
        return tuple(dict.fromkeys(found))

    def years(self, k: int) -> Iterator[tuple[str, BlockYear | Note]]:
        """Each site that has the item: the days of its year, or why they were refused."""
        there = self.there[:, k]
        sums, counts = np.ascontiguousarray(self.sums[:, k]), np.ascontiguousarray(self.counts[:, k])
        valid = np.ascontiguousarray(self.valid[:, k])
        held = _Year(year_sums(sums, counts, valid, self.hourly.month), sums, counts, valid, self, k)
        for s in np.flatnonzero(there.any(axis=1)):
            notes = np.unique(self.refused[k][there[s]])
            if notes[-1]:
                yield self.sites[s], self.why[notes[notes > 0][0] - 1]
            else:
                yield self.sites[s], BlockYear(held, int(s))


def averaging_of(item: str) -> str:
    return "8h" if item == "O3" else "24h"


class _Year:
    """One item of a block over the year, with its percentiles by (order, interpolation) once asked for."""

    def __init__(
        self,
        totals: YearSums,
        sums: NDArray[np.int64],
        counts: NDArray[np.uint8],
        valid: NDArray[np.bool_],
        block: DayBlock,
        k: int,
    ) -> None:
        self.totals, self.sums, self.counts, self.valid, self.block, self.k = totals, sums, counts, valid, block, k
        self._percentiles: dict[tuple[int, str], Percentiles] = {}

    def percentiles(self, order: int, interpolation: str) -> Percentiles:
        key = (order, interpolation)
        if key not in self._percentiles:
            kind = "inverted_cdf" if interpolation == "nearest_rank" else interpolation
            self._percentiles[key] = percentile(self.sums, self.counts, self.valid, order * 10, kind)
        return self._percentiles[key]


class BlockYear(YearDays):
    """The days of one site and item, of a block. Equal to `YearDays` of the same days, digit for digit."""

    def __init__(self, held: _Year, s: int) -> None:
        self.held, self.s = held, s
        self.n_valid = int(held.totals.days[s])
        self.waiting = int(held.block.waiting[s, held.k].sum())
        self.months = Counter({m + 1: int(n) for m, n in enumerate(held.totals.months[s])})

    @property
    def inputs(self) -> str:
        block, k, s = self.held.block, self.held.k, self.s
        days = np.flatnonzero(block.there[s, k])
        valid = block.valid[s, k, days]
        top = np.where(valid, block.sums[s, k, days], 0)
        bottom = np.where(valid, block.counts[s, k, days].astype(np.int64) * SCALE, 0)
        common = np.gcd(top, bottom)
        common[common == 0] = 1
        ordinals = days + block.hourly.first.toordinal()
        seen = block.seen[s, k, days].astype(np.int64)
        return digest(np.stack([ordinals, top // common, bottom // common, seen], axis=1).tolist())

    def mean(self) -> Fraction:
        return self.held.totals.fraction(self.s)

    def percentile(self, order: int, interpolation: str) -> Fraction:
        return self.held.percentiles(order, interpolation).fraction(self.s)


def plain_sites(block: Block, use: Usable, kinds: Mapping[str, str], largest: int = LARGEST) -> set[str]:
    """Sites of a block that whole numbers and one lattice do justice to: one series an item, on the hour, no value beyond `largest`
    or below 0."""
    seen: dict[tuple[str, str], int] = {}
    for name in block.series:
        key = (site_of(name), kinds[name])
        seen[key] = seen.get(key, 0) + 1
    odd = {site for (site, _), n in seen.items() if n > 1}
    there = use.use & (block.values != MISSING)
    far = ((block.values > largest * SCALE) | (block.values < 0)) & there
    odd |= {site_of(block.series[i]) for i in np.flatnonzero(far.any(axis=1))}
    if block.loose is not None:
        odd |= {site_of(name) for name in block.loose["series"].unique()}
    return {site_of(name) for name in block.series} - odd


def day_block(
    block: Block, use: Usable, kinds: Mapping[str, str], units: Mapping[tuple[str, str], str], hourly: Hourly,
    items: Sequence[str], sites: Sequence[str],
) -> DayBlock:  # fmt: skip
    """The days of some sites of a block that covers `hour_lattice`. `kinds`: the item of each series."""
    n, place, at = hourly.n, {s: i for i, s in enumerate(sites)}, {k: i for i, k in enumerate(items)}
    shape = (len(sites), len(items), n)
    made = DayBlock(
        tuple(sites), tuple(items), hourly, units, np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.uint8),
        np.zeros(shape, dtype=np.uint8), np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool), np.zeros(shape, dtype=np.int16),
        np.zeros((len(items), n), dtype=np.uint8), [],
    )  # fmt: skip
    rows: dict[str, list[int]] = {}
    for i, name in enumerate(block.series):
        if site_of(name) in place:
            rows.setdefault(kinds[name], []).append(i)
    for item, picked in rows.items():
        k, s = at[item], [place[site_of(block.series[i])] for i in picked]
        values, counted, waits = block.values[picked], use.use[picked], use.unresolved[picked]
        days = (counted | waits)[:, LEAD : LEAD + n * 24].reshape(len(picked), n, 24)
        made.there[s, k] = days.any(axis=2)
        made.waiting[s, k] = waits[:, LEAD : LEAD + n * 24].reshape(len(picked), n, 24).sum(axis=2, dtype=np.int16)
        work = _ozone if item == "O3" else _means
        made.sums[s, k], made.counts[s, k], made.seen[s, k], valid = work(made, k, item, values, counted)
        made.valid[s, k] = valid & made.there[s, k] & (made.waiting[s, k] == 0)
    return made


_Four = tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_]]


def _means(made: DayBlock, k: int, item: str, values: NDArray[np.int64], use: NDArray[np.bool_]) -> _Four:
    sums, counts = day_sums(values, use, made.hourly.n, LEAD)
    valid = np.zeros(sums.shape, dtype=bool)
    for a, b, least, note in made.hourly.spans(item, "24h", "day"):
        if note:
            _refuse(made, k, a, b, note)
        else:
            valid[:, a:b] = (counts[:, a:b] >= least) & (counts[:, a:b] > 0)
    return sums, counts, counts, valid


def _ozone(made: DayBlock, k: int, item: str, values: NDArray[np.int64], use: NDArray[np.bool_]) -> _Four:
    shape = (len(values), made.hourly.n)
    sums, counts, seen = (np.zeros(shape, dtype=t) for t in (np.int64, np.uint8, np.uint8))
    valid = np.zeros(shape, dtype=bool)
    if made.hourly.windows is None:
        assert made.hourly.no_windows
        _refuse(made, k, 0, made.hourly.n, made.hourly.no_windows)
        return sums, counts, seen, valid
    first_end, needed = made.hourly.windows
    for a, b, least, note in made.hourly.spans(item, "8h", "8 h window"):
        if note:
            _refuse(made, k, a, b, note)
            continue
        begins = (first_end - 8, 24 - 8)
        sums[:, a:b], counts[:, a:b], seen[:, a:b] = mda8(values, use, b - a, begins, least, LEAD + a * 24)
        valid[:, a:b] = (seen[:, a:b] >= needed) & (counts[:, a:b] > 0)
    return sums, counts, seen, valid


def _refuse(made: DayBlock, k: int, a: int, b: int, note: Note) -> None:
    if note not in made.why:
        made.why.append(note)
    made.refused[k, a:b] = made.why.index(note) + 1
