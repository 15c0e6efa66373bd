"""One year of a network of hourly air stations: daily means, MDA8, IAQI and AQI, annual means and percentiles, from dense blocks.

What a statistic needs is given: counts by edition (`Validity`), conventions by a rule set (`Rules`), breakpoints by rows (`Index`). A
statistic whose convention no rule set names is refused and listed in `refused`, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from qingshan.core.errors import DeclarationError, MissingParameter
from qingshan.core.limit import LimitRow

from ..dense import Block, Lattice, site_of
from ..quality.review import Usable
from .kernels import BEYOND, NA, Percentiles, aqi, day_sums, floats, iaqi, mda8, percentile, year_sums
from .rules import WINDOWS, Rules, Validity

__all__ = ["MARGIN", "AirYear", "Index", "Item", "air_year", "days_of", "index_of", "widened_year"]

MARGIN = timedelta(days=1)
"""Hours either side of a year that windows of its first and last day may reach into."""

Input = tuple[Block, Usable]


@dataclass(frozen=True)
class Index:
    """Breakpoints of one item as whole numbers of 10^-places, their IAQI, and what holds above the last."""

    points: NDArray[np.int64]
    index: NDArray[np.int64]
    places: int
    over: int = BEYOND


@dataclass(frozen=True)
class Item:
    """One item of the evaluation. `statistic` is `day` (mean) or `mda8`; `share` the percentile in thousandths, None for none."""

    id: str
    validity: Validity
    statistic: str = "day"
    index: Index | None = None
    share: int | None = None


def index_of(
    rows: Iterable[LimitRow], item: str, averaging: str, edition: str, places: int, over: int = BEYOND
) -> Index:
    """The breakpoints of one item from rows of `aqi_breakpoints`. Raises `MissingParameter` where there are none, `DeclarationError`
    where one does not fit the places or they do not rise."""
    found = [
        r
        for r in rows
        if r.item == item and r.scope["averaging"] == averaging and r.edition == edition and r.status != "open"
    ]
    pairs = sorted((int(r.scope["iaqi"]), r.value) for r in found if r.value is not None)
    if len(pairs) < 2:
        raise MissingParameter(
            f"aqi_breakpoints.{item}.{averaging}",
            f"{edition} has no breakpoints of {item} {averaging}.",
            f"{edition} 没有 {item} {averaging} 的分指数限值。",
        )
    scaled = [v * Decimal(10) ** places for _, v in pairs]
    if any(v != int(v) for v in scaled) or any(b <= a for a, b in pairwise(scaled)):
        raise DeclarationError(
            f"the breakpoints of {item} {averaging} do not rise in steps of 10^-{places}.",
            f"{item} {averaging} 的限值不按 10^-{places} 递增。",
        )
    return Index(np.array([int(v) for v in scaled]), np.array([i for i, _ in pairs]), places, over)


@dataclass
class AirYear:
    """`days`: series, day, mean, sum, count, windows, unresolved, valid, iaqi. `years`: series, mean, percentile, n_days, n_required,
    short_months, unresolved, valid, percentile_n. `aqi`: site, day, aqi, primary, items, complete. Means are in the unit of the series; sum and count
    are exact (1e-9 of the unit). `label` is `official` or `provisional`; `refused` says what could not be computed and why."""

    year: int
    label: str
    days: pl.DataFrame
    years: pl.DataFrame
    aqi: pl.DataFrame
    refused: dict[str, MissingParameter] = field(default_factory=dict)


def days_of(year: int) -> int:
    return (date(year + 1, 1, 1) - date(year, 1, 1)).days


def widened_year(year: int) -> tuple[datetime, datetime]:
    """The period blocks must cover for `air_year`."""
    return datetime(year, 1, 1) - MARGIN, datetime(year + 1, 1, 1) + MARGIN


def air_year(
    inputs: Iterable[Input], items: Sequence[Item], rules: Rules, year: int, *, official: bool = False
) -> AirYear:
    """Statistics of a year. The blocks are hourly and cover `widened_year(year)`; they are worked one at a time.

    `official`: a day or year with an unresolved suspect value is not valid. Otherwise the result is labelled provisional.
    Raises `MissingParameter` where the least count of a day or year is not known.
    """
    work = _Year(items, rules, year, official)
    for block, use in inputs:
        work.add(block, use)
    return work.result()


class _Year:
    def __init__(self, items: Sequence[Item], rules: Rules, year: int, official: bool) -> None:
        self.items = {item.id: item for item in items}
        self.order = [item.id for item in items]
        self.year, self.official = year, official
        self.first, self.n = date(year, 1, 1), days_of(year)
        self.month = np.array([(self.first + timedelta(days=d)).month - 1 for d in range(self.n)], dtype=np.int64)
        self.days: list[pl.DataFrame] = []
        self.years: list[pl.DataFrame] = []
        self.sites: list[pl.DataFrame] = []
        self.refused: dict[str, MissingParameter] = {}
        self.windows, self.windows_min = self._named(rules, "mda8.windows"), self._named(rules, "mda8.windows_min")
        self.interpolation = self._named(rules, "percentile.interpolation")
        self.values_min = self._named(rules, "percentile.values_min")

    def _named(self, rules: Rules, rule: str) -> str:
        """The convention of the whole year; empty, and listed as refused, where it is not named or changes within it."""
        try:
            begins, ends = (rules.word(rule, day) for day in (self.first, date(self.year, 12, 31)))
            if begins != ends:
                raise MissingParameter(
                    rule, f"{rule} changes within {self.year}.", f"{rule} 在 {self.year} 年内有变化。"
                )
        except MissingParameter as reason:
            self.refused[rule] = reason
            return ""
        return begins

    def add(self, block: Block, use: Usable) -> None:
        lattice = Lattice(*widened_year(self.year), timedelta(hours=1))
        if block.step_ms != 3_600_000 or len(block.times) != lattice.count or block.times[0] != lattice.origin_ms:
            raise DeclarationError(
                f"the block does not cover the hours of {self.year} and a day either side.",
                f"数据块没有覆盖 {self.year} 年及前后各一天的逐时值。",
            )
        lead = 24
        rows: dict[str, list[int]] = {}
        for i, name in enumerate(block.series):
            kind = name.split("|")[1]
            if kind in self.items:
                rows.setdefault(kind, []).append(i)
        open_days = (
            use.unresolved[:, lead : lead + self.n * 24]
            .reshape(len(block.series), self.n, 24)
            .sum(axis=2, dtype=np.int16)
        )
        by_site: dict[str, dict[str, NDArray[np.int16]]] = {}
        for kind, picked in rows.items():
            item = self.items[kind]
            index = self._item(
                item,
                tuple(block.series[i] for i in picked),
                block.values[picked],
                use.use[picked],
                open_days[picked],
                lead,
            )
            for name, row in zip((block.series[i] for i in picked), index, strict=True):
                by_site.setdefault(site_of(name), {})[kind] = row
        self._sites(by_site)

    def _item(
        self,
        item: Item,
        series: tuple[str, ...],
        values: NDArray[np.int64],
        use: NDArray[np.bool_],
        unresolved: NDArray[np.int16],
        lead: int,
    ) -> NDArray[np.int16]:
        """Add the days and the year of one item's series; returns their IAQI."""
        shape = (len(series), self.n)
        windows = np.zeros(shape, dtype=np.uint8)
        if item.statistic == "mda8":
            if not (self.windows and self.windows_min):
                return np.full(shape, NA, dtype=np.int16)
            sums, counts, windows = mda8(values, use, self.n, WINDOWS[self.windows], item.validity.need("window"), lead)
            valid = windows >= int(self.windows_min)
        else:
            sums, counts = day_sums(values, use, self.n, lead)
            valid = counts >= item.validity.need("hours")
        if self.official:
            valid = valid & (unresolved == 0)
        index = np.full(shape, NA, dtype=np.int16)
        if item.index:
            index = iaqi(sums, counts, valid, item.index.points, item.index.index, item.index.places, item.index.over)
        means = floats(sums, counts)
        n = len(series)
        names = pl.Series("series", list(series), dtype=pl.String)
        self.days.append(pl.DataFrame({
            "series": names.gather(np.repeat(np.arange(n, dtype=np.uint32), self.n)),
            "day": pl.Series(np.tile(np.arange(self.n, dtype=np.int32), n) + (self.first - date(1970, 1, 1)).days).cast(pl.Date),
            "mean": means.reshape(-1), "sum": sums.reshape(-1), "count": counts.reshape(-1), "windows": windows.reshape(-1),
            "unresolved": unresolved.reshape(-1), "valid": valid.reshape(-1), "iaqi": index.reshape(-1),
        }).with_columns(pl.col("mean").fill_nan(None)))  # fmt: skip
        self.years.append(self._of_year(item, names, sums, counts, valid, unresolved))
        return index

    def _of_year(
        self, item: Item, names: pl.Series, sums: NDArray[np.int64], counts: NDArray[np.uint8], valid: NDArray[np.bool_],
        unresolved: NDArray[np.int16],
    ) -> pl.DataFrame:  # fmt: skip
        year = year_sums(sums, counts, valid, self.month)
        need, has_counts = item.validity, item.validity.year is not None
        least = np.full(12, need.month or 0)
        least[1] = need.february or 0
        short = (year.months < least).sum(axis=1) if has_counts else np.zeros(len(names), dtype=np.int64)
        open_hours = unresolved.sum(axis=1)
        whole = (year.days >= (need.year or 0)) & (short == 0) & (not self.official or open_hours == 0)
        at: NDArray[np.float64] = np.full(len(names), np.nan)
        seen = np.zeros(len(names), dtype=np.int64)
        if item.share is not None and self.interpolation and self.values_min:
            found: Percentiles = percentile(sums, counts, valid, item.share, self.interpolation)
            seen = found.n
            at = np.where(
                (seen >= int(self.values_min)) & (not self.official or open_hours == 0), found.floats(), np.nan
            )
        return pl.DataFrame({
            "series": names, "mean": year.floats(), "percentile": at, "n_days": year.days.astype(np.int32),
            "n_required": pl.Series([need.year] * len(names), dtype=pl.Int32), "short_months": short.astype(np.int32),
            "unresolved": open_hours.astype(np.int64),
            "valid": pl.Series(whole) if has_counts else pl.Series([None] * len(names), dtype=pl.Boolean),
            "percentile_n": seen,
        }).with_columns(pl.col("mean", "percentile").fill_nan(None))  # fmt: skip

    def _sites(self, by_site: Mapping[str, Mapping[str, NDArray[np.int16]]]) -> None:
        if not by_site:
            return
        sites = sorted(by_site)
        cube = np.full((len(self.order), len(sites), self.n), NA, dtype=np.int16)
        for s, site in enumerate(sites):
            for kind, row in by_site[site].items():
                cube[self.order.index(kind), s] = row
        top, first, items = (np.empty(cube.shape[1:], dtype=t) for t in (np.int16, np.uint8, np.uint8))
        aqi(cube, top, first, items)
        names = pl.Series("site", sites, dtype=pl.String)
        self.sites.append(pl.DataFrame({
            "site": names.gather(np.repeat(np.arange(len(sites), dtype=np.uint32), self.n)),
            "day": pl.Series(np.tile(np.arange(self.n, dtype=np.int32), len(sites)) + (self.first - date(1970, 1, 1)).days).cast(pl.Date),
            "aqi": top.reshape(-1), "primary": first.reshape(-1), "items": items.reshape(-1),
            "complete": (items == len(self.order)).reshape(-1),
        }))  # fmt: skip

    def result(self) -> AirYear:
        def joined(frames: list[pl.DataFrame]) -> pl.DataFrame:
            return pl.concat(frames) if frames else pl.DataFrame()

        label = "official" if self.official else "provisional"
        return AirYear(self.year, label, joined(self.days), joined(self.years), joined(self.sites), self.refused)
