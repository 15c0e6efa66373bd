"""A network evaluated: its readings and sites to results, section by section or station by station.

Takes the frames of the store (`Observations.scan`, `.series`, `.sites`) or any with those columns. Rows come in any
order; what is bad by its flag is left out before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from ...core.errors import OutOfBounds, UnknownName
from ...core.observed import observed_properties
from ...core.reading import Reading
from .air import annual_statistics, daily_max_8h, daily_means
from .aqi import AirIndex, Item, air_index
from .classes import Grader, classify
from .editions import RuleSet
from .verdict import REFUSALS, UNJUDGED, Note, Result, note_of, shown

BY = ("reading", "hour", "day", "month", "quarter", "year")
_BAD = {False: (4, 9), True: (3, 4, 9)}


def usable_rows(rows: pl.LazyFrame, flags: pl.LazyFrame | None, *, provisional: bool = False) -> pl.LazyFrame:
    """Rows without those flagged 4 or 9 (provisional statistics leave 3 out too); all, where there are no flags."""
    if flags is None:
        return rows
    bad = flags.filter(pl.col("flag").is_in(_BAD[provisional])).select("series", "start")
    return rows.join(bad, on=["series", "start"], how="anti")


@dataclass(frozen=True)
class Evaluation:
    """Results of a network with the rule set they stand on. `published` holds classes as carriers published them, by
    (site, start)."""

    network: str
    matter: str
    by: str
    rules: RuleSet
    results: tuple[Result, ...]
    times: tuple[datetime, ...]
    published: Mapping[tuple[str, datetime], str] = field(default_factory=dict)

    def frame(self) -> pl.DataFrame:
        """One row per result: site, start, value, grade, verdict, item, n_valid, n_required, limit, clause, edition,
        status, notes, published."""
        made = [
            {
                **{k: v for k, v in r.record().items() if k not in ("parts", "rows", "notes", "reasons", "start", "end")},
                "start": at, "notes": "; ".join(n.code for n in r.notes), "rows": "; ".join(r.rows),
                "published": self.published.get((r.site, at)),
            }
            for r, at in zip(self.results, self.times, strict=True)
        ]  # fmt: skip
        return pl.DataFrame(made, infer_schema_length=None)


def _long(rows: pl.LazyFrame, series: pl.DataFrame, properties: Iterable[str]) -> pl.DataFrame:
    """Readings of some properties with site, property, averaging and unit; the latest version, sorted."""
    kept = series.filter(pl.col("property").is_in(list(properties))).select(
        pl.col("id").alias("series"), "site", "property", "averaging", "unit", "state"
    )
    return (
        rows.filter(pl.col("series").is_in(kept["series"].to_list()))
        .select("series", "start", "value_text", "value", "detection_limit", "censored")
        .join(kept.lazy(), on="series")
        .sort("site", "start", "property", "series")
        .collect()
    )


def _reading(row: Mapping[str, Any]) -> Reading:
    censored = bool(row["censored"])
    return Reading(row["value_text"] or "", row["value"], censored, row["detection_limit"] if censored else None)


# ---- water -----------------------------------------------------------------------------------------------------------


def evaluate_water(
    network: str,
    rows: pl.LazyFrame,
    series: pl.DataFrame,
    sites: pl.DataFrame,
    rules: RuleSet,
    *,
    by: str = "reading",
    targets: Mapping[str, str] | None = None,
) -> Evaluation:
    """Classes of sections by reading, or by the mean of each item over a day, month, quarter or year.

    The water body type is that of the site's row; a site without one is judged as both. The item set is
    `water.items` of the rule set (`automatic`, or symbols by commas; default: what is measured). Published classes
    (property `water.class`) go along for comparison.
    """
    if by not in BY or by == "hour":
        raise OutOfBounds(
            f"waters are not evaluated by {by!r}.",
            f"水质不按 {by!r} 评价。",
            fix="reading, day, month, quarter or year / 取 reading、day、month、quarter、year",
        )
    known = {p.id: p for p in observed_properties().values() if p.domain == "water"}
    long = _long(rows, series, known)
    bodies = {s["id"]: s["water_body_type"] or "" for s in sites.select("id", "water_body_type").iter_rows(named=True)}
    graders: dict[date, Grader] = {}
    published: dict[tuple[str, datetime], str] = {}
    results, times = [], []
    for (site, at), group in _groups(long, by):
        held: dict[str, list[tuple[Reading, str]]] = {}
        for row in group:
            if row["property"] == "water.class":
                if row["value_text"] and by == "reading":
                    published[(site, at)] = row["value_text"]
                continue
            held.setdefault(known[row["property"]].symbol, []).append((_reading(row), row["unit"]))
        day = at.date()
        if day not in graders:
            graders[day] = next(iter(graders.values())).on(day) if graders else Grader(rules, "surface_water", day)
        grader = graders[day]
        readings = {
            i: _mean(found) for i, found in held.items() if i in grader.items or i in grader.scheme.instead.values()
        }
        if not any(not r.missing for r, _ in readings.values()):
            continue
        made = classify(
            grader, "water.class", site, readings, body=bodies.get(site, ""), required=_required(rules, grader),
            target=(targets or {}).get(site, ""), published=by == "reading" and rules.choice("water.values") == "published",
        )  # fmt: skip
        results.append(_spanned(made, at, by, max((len(f) for f in held.values()), default=0)))
        times.append(at)
    return Evaluation(network, "water.class", by, rules, tuple(results), tuple(times), published)


def _required(rules: RuleSet, grader: Grader) -> tuple[str, ...]:
    chosen = rules.choice("water.items")
    if chosen == "automatic":
        return grader.scheme.automatic
    if chosen == "all":
        return tuple(i for i in grader.items if i not in grader.scheme.outside)
    items = tuple(i.strip() for i in chosen.split(",") if i.strip())
    if unknown := [i for i in items if i not in grader.items]:
        raise UnknownName(
            f"no items {unknown} in {grader.scheme.table}.", f"{grader.scheme.table} 没有项目 {unknown}。"
        )
    return items


def _mean(found: list[tuple[Reading, str]]) -> tuple[Reading, str]:
    """The reading itself, or the exact mean of several; a censored one among them leaves no mean."""
    if len(found) == 1:
        return found[0]
    given = [(r, u) for r, u in found if not r.missing]
    if not given or any(r.value is None for r, _ in given):
        return Reading(""), found[0][1]
    mean = sum((Fraction(r.value) for r, _ in given if r.value is not None), Fraction()) / len(given)
    return Reading(shown(mean), mean), given[0][1]


def _spanned(result: Result, at: datetime, by: str, readings: int) -> Result:
    if by == "reading":
        return result
    why = Note(
        "period_mean", f"arithmetic means of up to {readings} readings an item; the rule for means of a period was not read.",
        f"各项目至多 {readings} 个读数的算术平均；时段均值的规则未读到。",
    )  # fmt: skip
    return replace(result, start=at.date(), end=_last(at, by), notes=(*result.notes, why))


def _last(at: datetime, by: str) -> date:
    months = {"month": 1, "quarter": 3, "year": 12}
    if by not in months:
        return at.date()
    month = at.month - 1 + months[by]
    return date.fromordinal(date(at.year + month // 12, month % 12 + 1, 1).toordinal() - 1)


_TRUNCATE: Mapping[str, Callable[[datetime], datetime]] = {
    "reading": lambda t: t,
    "hour": lambda t: t.replace(minute=0, second=0, microsecond=0),
    "day": lambda t: datetime(t.year, t.month, t.day),
    "month": lambda t: datetime(t.year, t.month, 1),
    "quarter": lambda t: datetime(t.year, (t.month - 1) // 3 * 3 + 1, 1),
    "year": lambda t: datetime(t.year, 1, 1),
}


def _groups(long: pl.DataFrame, by: str) -> Iterator[tuple[tuple[str, datetime], list[dict[str, Any]]]]:
    """Rows by (site, time), in that order."""
    key, held = None, []
    for row in long.iter_rows(named=True):
        here = (row["site"], _TRUNCATE[by](row["start"]))
        if key is not None and here != key:
            yield key, held
            held = []
        key = here
        held.append(row)
    if key is not None:
        yield key, held


# ---- comparison with published classes -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A class that is not the published one, and why that may be."""

    site: str
    at: datetime
    ours: str
    published: str
    why: Note


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many classes equal the published one among those that have both."""

    compared: int
    agree: int
    disagreements: tuple[Disagreement, ...]


def agreement(evaluation: Evaluation) -> Agreement:
    """Classes (or AQI) against the published ones, over rows that have both; waters with all required items only."""
    if evaluation.matter == "air.aqi":
        return _index_agreement(evaluation)
    compared, agree, found = 0, 0, []
    graders: dict[date, Grader] = {}
    for result, at in zip(evaluation.results, evaluation.times, strict=True):
        said = evaluation.published.get((result.site, at), "")
        if not said.strip().strip("-*—") or result.verdict == "insufficient_data":
            continue
        day = at.date()
        if day not in graders:
            graders[day] = Grader(evaluation.rules, "surface_water", day)
        grader = graders[day]
        compared += 1
        theirs = grader.scheme.word(grader.scheme.grade(said))
        if result.grades == (theirs,):
            agree += 1
            continue
        found.append(Disagreement(result.site, at, result.grade, theirs, _why(grader, result, theirs)))
    return Agreement(compared, agree, tuple(found))


def _index_agreement(evaluation: Evaluation) -> Agreement:
    """The AQI of the items present against the published one. Items whose own index lies above it are named: value and
    index of one record may be of different hours."""
    compared, agree, found = 0, 0, []
    for result, at in zip(evaluation.results, evaluation.times, strict=True):
        said = evaluation.published.get((result.site, at), "").strip()
        if not said.isdigit() or not result.parts:
            continue
        compared += 1
        ours = result.value_text
        if result.value == int(said):
            agree += 1
            continue
        above = [
            f"{p.item} {p.value_text or shown(p.value)}" for p in result.parts if p.value is None or p.value > int(said)
        ]
        if above:
            listed = ", ".join(above)
            why = Note(
                "item_above_published",
                f"{listed} above the published AQI: not of that hour.",
                f"{listed} 高于公布的 AQI：不是同一小时的值。",
            )
        else:
            why = Note(
                "missing_item", "the published AQI is of an item not given here.", "公布的 AQI 由此处没有的项目决定。"
            )
        found.append(Disagreement(result.site, at, ours, said, why))
    return Agreement(compared, agree, tuple(found))


def _why(grader: Grader, result: Result, theirs: str) -> Note:
    """A value on a limit, an unknown or other kind of water, or nothing that is seen."""
    s = grader.scheme
    if any(n.code == "unknown_water_body" for n in result.notes):
        return Note("unknown_water_body", "the kind of water is not listed.", "水体类型未列明。")
    aim, ours = s.grade(theirs), s.grade(result.grades[-1])
    on_limit = []
    for part in result.parts:
        if not part.grades or part.value is None or not aim > ours >= s.grade(part.grades[-1]):
            continue
        for body in s.bodies:
            rows = grader.rows(part.item, body)
            limits = [r for c in (rows.by_class if rows else ()) for r in c]
            hit = next(
                (
                    r
                    for r in limits
                    if r.value is not None and Fraction(r.value) == Fraction(part.value) and r.where in part.rows
                ),
                None,
            )
            if hit is not None:
                on_limit.append(
                    f"{part.item} {part.value_text} {hit.sign} ({s.words[s.codes.index(hit.scope[s.column])]})"
                )
    if on_limit:
        listed = "; ".join(dict.fromkeys(on_limit))
        return Note(
            "value_on_limit", f"the published value was rounded onto a limit ({listed}); the unrounded one may lie beyond it.",
            f"公布值修约后正好等于限值（{listed}），未修约值可能已超过。",
        )  # fmt: skip
    for body in s.bodies:
        again = classify(
            grader,
            "water.class",
            result.site,
            {p.item: (Reading(p.value_text, p.value), p.unit) for p in result.parts if p.value is not None},
            body=body,
        )
        if again.grades == (theirs,):
            return Note(
                "other_water_body", f"the published class is that of {body}.", f"公布类别与按 {body} 评价一致。"
            )
    return Note(
        "unexplained",
        "no value on a limit, and no other kind of water gives it.",
        "没有值在限值上，换水体类型也不一致。",
    )


# ---- air -------------------------------------------------------------------------------------------------------------

_PUBLISHED_INDEX = "air.aqi"
_HOURLY = {"SO2": "SO2", "NO2": "NO2", "CO": "CO", "O3": "O3", "PM10": "PM10", "PM2.5": "PM2.5"}


def evaluate_air(
    network: str, rows: pl.LazyFrame, series: pl.DataFrame, sites: pl.DataFrame, rules: RuleSet, *, by: str = "day"
) -> Evaluation:
    """AQI by hour or day, or the annual statistics of GB 3095 by year, of 1 h series.

    What the edition leaves open refuses per station and period, as a result that cannot be judged with its reason.
    """
    if by not in ("hour", "day", "year"):
        raise OutOfBounds(
            f"air is not evaluated by {by!r}.", f"空气不按 {by!r} 评价。", fix="hour, day or year / 取 hour、day、year"
        )
    known = {p.id: p for p in observed_properties().values() if p.domain == "air" and p.symbol in _HOURLY}
    wanted = [*known, _PUBLISHED_INDEX] if by == "hour" else known
    long = _long(rows, series.filter(pl.col("averaging") == "1h"), wanted)
    zones = {s["id"]: s["air_zone"] or "2" for s in sites.select("id", "air_zone").iter_rows(named=True)}
    results: list[Result] = []
    times: list[datetime] = []
    if by == "hour":
        published = {}
        for (site, at), group in _groups(long, "hour"):
            for row in group:
                if row["property"] == _PUBLISHED_INDEX and row["value_text"]:
                    published[(site, at)] = row["value_text"]
            measured = [r for r in group if r["property"] in known]
            if not measured:
                continue
            given = {(known[r["property"]].symbol, "1h"): (_reading(r), r["unit"]) for r in measured}
            results.append(_index(rules, site, at, given, "hourly"))
            times.append(at)
        return Evaluation(network, "air.aqi", by, rules, tuple(results), tuple(times), published)
    for (site,), part in long.group_by("site", maintain_order=True):
        hours = {
            known[p].symbol: ([(t, v) for t, v in zip(frame["start"], frame["value"], strict=True)], frame["unit"][0])
            for (p,), frame in part.group_by("property", maintain_order=True)
        }
        made = (
            _days(rules, str(site), hours)
            if by == "day"
            else _years(rules, str(site), hours, zones.get(str(site), "2"))
        )
        for result in made:
            assert result.start
            results.append(result)
            times.append(datetime(result.start.year, result.start.month, result.start.day))
    return Evaluation(network, "air.aqi" if by == "day" else "air.attainment", by, rules, tuple(results), tuple(times))


_Hours = Mapping[str, tuple[list[tuple[datetime, Decimal | None]], str]]


def _index(rules: RuleSet, site: str, at: datetime, given: Mapping[Item, tuple[Reading, str]], period: str) -> Result:
    try:
        found: AirIndex = air_index(rules, at.date(), given, period=period)
    except REFUSALS as error:
        return Result(
            "air.aqi", site, "", at.date(), at.date(), verdict=UNJUDGED, notes=(note_of(error),), rule_set=rules.digest
        )
    return found.result(site, rules)


def _days(rules: RuleSet, site: str, hours: _Hours) -> list[Result]:
    by_day: dict[date, dict[Item, tuple[Reading, str]]] = {}
    refused: dict[date, list[Note]] = {}
    for pollutant, (values, unit) in hours.items():
        for at in sorted({t.date() for t, _ in values}):
            by_day.setdefault(at, {})
        try:
            days = (
                daily_max_8h(rules, pollutant, values) if pollutant == "O3" else daily_means(rules, pollutant, values)
            )
        except REFUSALS as error:
            for at in {t.date() for t, _ in values}:
                refused.setdefault(at, []).append(note_of(error))
            continue
        for d in days:
            if d.value is not None:
                by_day[d.day][(pollutant, "8h" if pollutant == "O3" else "24h")] = (
                    Reading(shown(d.value), d.value),
                    unit,
                )
    made = []
    for day, given in sorted(by_day.items()):
        result = _index(rules, site, datetime(day.year, day.month, day.day), given, "daily")
        made.append(replace(result, notes=tuple(dict.fromkeys((*result.notes, *refused.get(day, ()))))))
    return made


def _years(rules: RuleSet, site: str, hours: _Hours, grade: str) -> list[Result]:
    made = []
    for pollutant, (values, unit) in sorted(hours.items()):
        years = sorted({t.year for t, _ in values})
        try:
            days = (
                daily_max_8h(rules, pollutant, values) if pollutant == "O3" else daily_means(rules, pollutant, values)
            )
        except REFUSALS as error:
            made += [
                Result(
                    "air.attainment",
                    site,
                    pollutant,
                    date(y, 1, 1),
                    date(y, 12, 31),
                    unit=unit,
                    verdict=UNJUDGED,
                    notes=(note_of(error),),
                    rule_set=rules.digest,
                )
                for y in years
            ]
            continue
        for year in years:
            made += annual_statistics(
                rules, site, pollutant, year, [d for d in days if d.day.year == year], unit, grade
            )
    return made
