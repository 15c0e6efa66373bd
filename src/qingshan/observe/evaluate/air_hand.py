"""Air stations worked one by one in fractions: any series, any times. The rule that the dense blocks are held to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import polars as pl

from ...core.reading import Reading
from .air import Day, YearDays, annual_statistics, daily_max_8h, daily_means
from .aqi import Item, air_index
from .editions import RuleSet, pieces
from .verdict import REFUSALS, UNJUDGED, Note, Result, held_back, note_of, shown

__all__ = ["days_by_hand", "index_of_day", "index_result", "refused_year", "years_by_hand"]


def index_result(
    rules: RuleSet, site: str, day: date, given: Mapping[Item, tuple[Reading, str]], period: str
) -> Result:
    """The index of one site and time as a result; a refusal is one that cannot be judged."""
    try:
        return air_index(rules, day, given, period=period).result(site, rules)
    except REFUSALS as error:
        return Result("air.aqi", site, "", day, day, verdict=UNJUDGED, notes=(note_of(error),), rule_set=rules.digest)


def index_of_day(
    rules: RuleSet, site: str, day: date, given: Mapping[Item, tuple[Reading, str]], refused: tuple[Note, ...], waiting: int
) -> Result:  # fmt: skip
    """The index of a day with the notes of items that were refused; none where suspect readings wait for a reviewer."""
    made = index_result(rules, site, day, given, "daily")
    if refused:
        made = replace(made, notes=tuple(dict.fromkeys((*made.notes, *refused))))
    return held_back(made, waiting)


class _Item:
    """One item of a site in one year: its days (undecided ones invalid), what was refused on which, and what waits."""

    def __init__(self, rules: RuleSet, item: str, frame: pl.DataFrame, year: int) -> None:
        self.unit: str = frame["unit"][0]
        rows = list(frame.select("start", "value", "unresolved").iter_rows())
        hours = [(t, None if waits else v) for t, v, waits in rows]
        self.there = sorted({t.date() for t, _ in hours if t.year == year})
        self.waiting: dict[date, int] = {}
        for t, _, waits in rows:
            if waits:
                self.waiting[t.date()] = self.waiting.get(t.date(), 0) + 1
        self.days: dict[date, Day] = {}
        self.refused: dict[date, Note] = {}
        averaging = "8h" if item == "O3" else "24h"
        span = (date(year, 1, 1), date(year, 12, 31))
        for piece in pieces(rules, "air_data_validity", *span, None, averaging=averaging):
            inside = [d for d in self.there if piece.start <= d <= piece.end]
            if not inside:
                continue
            try:
                if item == "O3":
                    since = piece.start - timedelta(days=1)
                    near = [(t, v) for t, v in hours if since <= t.date() <= piece.end]
                    made = daily_max_8h(rules, item, near, (piece.start, piece.end))
                else:
                    made = daily_means(rules, item, [(t, v) for t, v in hours if piece.start <= t.date() <= piece.end])
            except REFUSALS as error:
                self.refused |= dict.fromkeys(inside, note_of(error))
                continue
            self.days |= {d.day: self._decided(d) for d in made}

    def _decided(self, day: Day) -> Day:
        return Day(day.day, None, day.n_valid, day.n_required) if day.day in self.waiting else day

    def value(self, day: date) -> Fraction | None:
        return self.days[day].value if day in self.days else None


def days_by_hand(rules: RuleSet, rows: pl.DataFrame, year: int) -> list[Result]:
    """The index of each site and day of a year; `rows`: site, item, unit, start, value, unresolved."""
    made = []
    for (site,), part in rows.group_by("site", maintain_order=True):
        items = {
            str(k): _Item(rules, str(k), frame, year) for (k,), frame in part.group_by("item", maintain_order=True)
        }
        for day in sorted({d for i in items.values() for d in i.there}):
            given: dict[Item, tuple[Reading, str]] = {}
            for name, item in items.items():
                value = item.value(day)
                if value is not None:
                    given[(name, "8h" if name == "O3" else "24h")] = (Reading(shown(value), value), item.unit)
            refused = tuple(dict.fromkeys(i.refused[day] for i in items.values() if day in i.refused))
            waiting = sum(i.waiting.get(day, 0) for i in items.values())
            made.append(index_of_day(rules, str(site), day, given, refused, waiting))
    return made


def refused_year(rules: RuleSet, site: str, item: str, year: int, unit: str, why: Note) -> Result:
    """One item of a year whose days could not be had."""
    span = (date(year, 1, 1), date(year, 12, 31))
    return Result("air.attainment", site, item, *span, unit=unit, verdict=UNJUDGED, notes=(why,), rule_set=rules.digest)


def years_by_hand(
    rules: RuleSet, rows: pl.DataFrame, year: int, zones: Mapping[str, str]
) -> Iterator[tuple[tuple[str, str, int], list[Result]]]:
    """(site, item, year) and its annual statistics."""
    for (site, name), frame in rows.group_by("site", "item", maintain_order=True):
        item, key = _Item(rules, str(name), frame, year), (str(site), str(name), year)
        if not item.there:
            continue
        if item.refused:
            why = item.refused[min(item.refused)]
            yield key, [refused_year(rules, key[0], key[1], year, item.unit, why)]
            continue
        waiting = sum(n for day, n in item.waiting.items() if day.year == year)
        days = YearDays([item.days[d] for d in sorted(item.days)], year, waiting)
        yield key, annual_statistics(rules, key[0], key[1], year, days, item.unit, zones.get(key[0], "2"))
