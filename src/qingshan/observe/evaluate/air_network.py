"""An air network evaluated: index by hour or day, annual statistics, from the store block by block.

Days and years go through the dense blocks of `air_blocks`; what they do not fit (several series of one item, rows off the hour, values
far out) is worked station by station in fractions (`air_hand`). Both give the same results, digit for digit.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import polars as pl

from ...core.errors import OutOfBounds
from ...core.observed import ObservedProperty, observed_properties
from ..dense import grouped, site_of
from .air import annual_statistics
from .air_blocks import DayBlock, Hourly, day_block, hour_lattice, plain_sites
from .air_frame import DayTable
from .air_hand import days_by_hand, index_result, refused_year, years_by_hand
from .air_source import HourSource, of_rows
from .editions import RuleSet
from .network import Evaluation, groups, long_rows, reading_of
from .verdict import Note, Result, held_back

__all__ = ["evaluate_air"]

PUBLISHED = "air.aqi"
ITEMS = ("CO", "NO2", "O3", "PM10", "PM2.5", "SO2")
"""Items of the index and of the annual evaluation, in the order of their properties."""
T = TypeVar("T")


def evaluate_air(
    network: str,
    rows: pl.LazyFrame | HourSource,
    series: pl.DataFrame,
    sites: pl.DataFrame,
    rules: RuleSet,
    *,
    by: str = "day",
) -> Evaluation:
    """AQI by hour or day, or the annual statistics of GB 3095 by year, of 1 h series.

    What the edition leaves open refuses per station and period, as a result that cannot be judged with its reason. A day or a year with
    a suspect value that waits for a reviewer has no verdict.
    """
    if by not in ("hour", "day", "year"):
        raise OutOfBounds(
            f"air is not evaluated by {by!r}.", f"空气不按 {by!r} 评价。", fix="hour, day or year / 取 hour、day、year"
        )
    known = {p.id: p for p in observed_properties().values() if p.domain == "air" and p.symbol in ITEMS}
    hourly = series.filter(pl.col("averaging") == "1h")
    if by == "hour":
        return _hours(network, rows, hourly, rules, known)
    source = rows if isinstance(rows, HourSource) else of_rows(rows)
    job = _Job(source, hourly.filter(pl.col("property").is_in(list(known))), known, rules)
    if by == "day":
        return job.days(network)
    zones = {s["id"]: s["air_zone"] or "2" for s in sites.select("id", "air_zone").iter_rows(named=True)}
    return job.years(network, zones)


def _hours(
    network: str,
    rows: pl.LazyFrame | HourSource,
    series: pl.DataFrame,
    rules: RuleSet,
    known: Mapping[str, ObservedProperty],
) -> Evaluation:
    """The index of each hour from its own readings, one after another."""
    if isinstance(rows, HourSource):
        rows = rows.rows(series["id"].to_list())
    long = long_rows(rows, series, [*known, PUBLISHED])
    results: list[Result] = []
    times: list[datetime] = []
    published = {}
    for (site, at), group in groups(long, "hour"):
        for row in group:
            if row["property"] == PUBLISHED and row["value_text"]:
                published[(site, at)] = row["value_text"]
        measured = [r for r in group if r["property"] in known]
        if not measured:
            continue
        given = {(known[r["property"]].symbol, "1h"): (reading_of(r), r["unit"]) for r in measured}
        waiting = sum(r["unresolved"] for r in measured)
        results.append(held_back(index_result(rules, site, at.date(), given, "hourly"), waiting))
        times.append(at)
    return Evaluation(network, "air.aqi", "hour", rules, tuple(results), tuple(times), published)


class _Job:
    """The series of one evaluation, worked by groups of whole sites on all cores; memory is that of the groups at work and the results."""

    def __init__(
        self, source: HourSource, series: pl.DataFrame, known: Mapping[str, ObservedProperty], rules: RuleSet
    ) -> None:
        self.source, self.rules = source, rules
        self.kinds = {s: known[p].symbol for s, p in series.select("id", "property").iter_rows()}
        self.units = {(site_of(s), self.kinds[s]): u for s, u in series.select("id", "unit").iter_rows()}
        self.groups = list(grouped(list(self.kinds)))

    def _each(self, work: Callable[[tuple[str, ...], Hourly], T]) -> Iterator[T]:
        """`work` of each year and group, in order, a few ahead."""
        ahead = min(os.cpu_count() or 1, 4)
        with ThreadPoolExecutor(ahead) as pool:
            waiting: list[Future[T]] = []
            for year in self.source.years:
                hourly = Hourly(self.rules, year)
                for group in self.groups:
                    waiting.append(pool.submit(work, group, hourly))
                    if len(waiting) > ahead:
                        yield waiting.pop(0).result()
            for future in waiting:
                yield future.result()

    def _block(
        self, group: tuple[str, ...], hourly: Hourly, fits: Callable[[str, str], bool]
    ) -> tuple[DayBlock, list[str]]:
        """The days of a group's plain sites, and its other sites."""
        block, use = self.source.block(group, hour_lattice(hourly.year))
        sites = sorted({site_of(name) for name in group})
        plain = plain_sites(block, use, self.kinds)
        plain = {s for s in plain if all(fits(k, self.units[s, k]) for k in ITEMS if (s, k) in self.units)}
        chosen = [s for s in sites if s in plain]
        made = day_block(block, use, self.kinds, self.units, hourly, ITEMS, chosen)
        return made, [s for s in sites if s not in plain]

    def _rows(self, sites: Sequence[str]) -> pl.DataFrame:
        """Rows of some sites for the work by hand: site, item, unit, start, value, unresolved."""
        names = [s for s in self.kinds if site_of(s) in set(sites)]
        frame = self.source.rows(names).select("series", "start", "value", "unresolved").collect()
        told = pl.DataFrame({
            "series": names, "site": [site_of(s) for s in names], "item": [self.kinds[s] for s in names],
            "unit": [self.units[site_of(s), self.kinds[s]] for s in names],
        })  # fmt: skip
        return frame.join(told, on="series").sort("site", "item", "start", "series")

    def days(self, network: str) -> Evaluation:
        table = DayTable(self.rules, ITEMS)

        def work(group: tuple[str, ...], hourly: Hourly) -> None:
            made, others = self._block(group, hourly, table.fits(hourly))
            table.add(made)
            if others:
                table.add_results(days_by_hand(self.rules, self._rows(others), hourly.year))

        for _ in self._each(work):
            pass
        results = table.results()
        return DayEvaluation(network, "air.aqi", "day", self.rules, results, results.times, table=table)

    def years(self, network: str, zones: Mapping[str, str]) -> Evaluation:
        found: dict[tuple[str, str, int], list[Result]] = {}

        def work(group: tuple[str, ...], hourly: Hourly) -> None:
            made, others = self._block(group, hourly, lambda item, unit: True)
            year = hourly.year
            for k, item in enumerate(ITEMS):
                for site, days in made.years(k):
                    unit = self.units[site, item]
                    found[site, item, year] = (
                        [refused_year(self.rules, site, item, year, unit, days)] if isinstance(days, Note)
                        else annual_statistics(self.rules, site, item, year, days, unit, zones.get(site, "2"))
                    )  # fmt: skip
            if others:
                for key, results in years_by_hand(self.rules, self._rows(others), year, zones):
                    found[key] = results

        for _ in self._each(work):
            pass
        results = [r for key in sorted(found) for r in found[key]]
        times = [datetime(r.start.year, 1, 1) for r in results if r.start]
        return Evaluation(network, "air.attainment", "year", self.rules, tuple(results), tuple(times))


@dataclass(frozen=True)
class DayEvaluation(Evaluation):
    """Days of a network as columns; a `Result` is made when it is asked for."""

    table: DayTable = field(default=None, compare=False)  # type: ignore[assignment]

    def frame(self) -> pl.DataFrame:
        return self.table.frame()

    def reasons(self) -> Counter[Note]:
        return self.table.reasons()
