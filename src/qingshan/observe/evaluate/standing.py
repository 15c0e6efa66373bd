"""What the readings of one site say over a window of time: the state at each moment, and each item's span and worst.

    standing(store.network("water_auto"), site, frame, rules)

A network names by `rules` how it is judged: a class table (`surface_water`, `groundwater`) or `ambient_air` (hourly AQI).
Anything else has items without a state. Nothing is averaged here: each moment is judged on its own readings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from ...core.observed import ObservedProperty, observed_properties
from ...core.reading import Reading
from ..series.model import Network
from .aqi import air_index
from .classes import Grader, scheme
from .editions import RuleSet, on_day
from .verdict import REFUSALS, Note, Result, note_of
from .waters import Waters

AIR = "ambient_air"
CLASSES = ("surface_water", "groundwater")


@dataclass(frozen=True, slots=True)
class Point:
    """One reading of a series: its time, what was received, and where it stands in the store. Not `counted`: bad by its flag."""

    series: str
    at: datetime
    reading: Reading
    version: int
    status: str = ""
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Bound:
    """One limit that can be drawn: `word` is the class or the averaging it belongs to."""

    word: str
    operator: str
    value: Decimal
    unit: str
    clause: str
    edition: str
    status: str


@dataclass(frozen=True, slots=True)
class ItemSpan:
    """One item over the window: its points in order of time, and the bounds in force on its last day."""

    observed: ObservedProperty
    series: str
    averaging: str
    points: tuple[Point, ...]
    bounds: tuple[Bound, ...]
    note: Note | None = None

    @property
    def valued(self) -> list[Point]:
        return [p for p in self.points if p.counted and p.reading.value is not None]

    @property
    def low(self) -> Point | None:
        return min(self.valued, key=lambda p: p.reading.value or 0, default=None)

    @property
    def high(self) -> Point | None:
        return max(self.valued, key=lambda p: p.reading.value or 0, default=None)

    @property
    def worst(self) -> Point | None:
        """The reading nearest to, or furthest over, its limit; None where bounds lie on both sides or there are none."""
        ways = {b.operator.lstrip("!")[:1] for b in self.bounds}
        if ways == {"<"}:
            return self.high
        return self.low if ways == {">"} else None


@dataclass(frozen=True, slots=True)
class Moment:
    """The state of the site at one time."""

    at: datetime
    result: Result


@dataclass(frozen=True, slots=True)
class Standing:
    """A site over a window. `moments` in order of time; `note` says why there is no state at all."""

    site: str
    items: tuple[ItemSpan, ...]
    moments: tuple[Moment, ...]
    rule_set: str
    note: Note | None = None

    @property
    def newest(self) -> Moment | None:
        return self.moments[-1] if self.moments else None

    def counts(self) -> dict[str, int]:
        """Moments by grade, '' for those without one."""
        found: dict[str, int] = {}
        for moment in self.moments:
            found[moment.result.grade] = found.get(moment.result.grade, 0) + 1
        return found


Held = Sequence[tuple[str, ObservedProperty, str]]
Points = Mapping[str, Sequence[Point]]
POINT = (
    "series",
    "start",
    "value_text",
    "value",
    "censored",
    "detection_limit",
    "published",
    "version",
    "status",
    "use",
)


def points_of(frame: pl.DataFrame) -> dict[str, list[Point]]:
    """Series -> its points, from rows of observations. A column `use` (as of `flagged_rows`) says which are counted."""
    if "use" not in frame.columns:
        frame = frame.with_columns(use=pl.lit(value=True))
    found: dict[str, list[Point]] = {}
    for series, start, text, value, censored, limit, published, version, status, use in (
        frame.sort("series", "start").select(POINT).iter_rows()
    ):
        read = Reading(text or "", _plain(value), bool(censored), _plain(limit), published=bool(published))
        found.setdefault(series, []).append(Point(series, start, read, version, status or "", bool(use)))
    return found


def _plain(value: Decimal | None) -> Decimal | None:
    """Without the zeros that fill a stored decimal up."""
    if value is None:
        return None
    bare = value.normalize()
    return bare.quantize(Decimal(1)) if bare == bare.to_integral_value() else bare


def standing(
    network: Network, site: Mapping[str, Any], frame: pl.DataFrame, rules: RuleSet, *, newest: bool = False
) -> Standing:
    """The standing of a site from its rows. `newest` judges the last moment alone.

    Raises nothing for want of a rule: a refusal is the note of the standing or of its moments.
    """
    return standing_of(network, site, points_of(frame), rules, newest=newest)


def standing_of(
    network: Network, site: Mapping[str, Any], points: Points, rules: RuleSet, *, newest: bool = False
) -> Standing:
    """`standing` of a site whose points were read already."""
    known = observed_properties()
    series = [(s, *_parts(s)) for s in points]
    held = [(s, known[p], a) for s, p, a in series if p in known]
    last = max((ps[-1].at for ps in points.values()), default=None)
    if last is None:
        return Standing(str(site["id"]), (), (), rules.digest, Note("no_reading", "no reading.", "没有读数。"))
    judged = _classed if network.rules in CLASSES else _indexed if network.rules == AIR else _unjudged
    return judged(network, site, held, points, rules, newest)


def _parts(series: str) -> tuple[str, str]:
    _, property, averaging, *_ = (series.split("@", maxsplit=1)[0] + "||").split("|")
    return property, averaging


def _unjudged(
    network: Network, site: Mapping[str, Any], held: Held, points: Points, rules: RuleSet, newest: bool
) -> Standing:
    items = tuple(ItemSpan(p, s, a, tuple(points[s]), ()) for s, p, a in held)
    why = Note(
        "no_rules",
        f"the network names no rules ({network.rules or '-'}).",
        f"监测网没有写明评价规则（{network.rules or '-'}）。",
    )
    return Standing(str(site["id"]), items, (), rules.digest, why)


def _classed(
    network: Network, site: Mapping[str, Any], held: Held, points: Points, rules: RuleSet, newest: bool
) -> Standing:
    """Waters: the class of each moment on the items measured (those of automatic stations where the network has a step)."""
    body = str(site.get("water_body_type") or "")
    waters = Waters(rules, network.rules, f"{network.domain}.class")
    required = scheme(network.rules).automatic if network.step else ()
    try:
        items = tuple(
            ItemSpan(
                p, s, a, tuple(points[s]), _ladder(waters.grader(points[s][-1].at.date()), p.symbol, body or "river")
            )
            for s, p, a in held
            if p.unit != "class"
        )
    except REFUSALS as error:
        bare = tuple(ItemSpan(p, s, a, tuple(points[s]), ()) for s, p, a in held)
        return Standing(str(site["id"]), bare, (), rules.digest, note_of(error))
    at: dict[datetime, dict[str, list[tuple[Reading, str]]]] = {}
    for item in items:
        for point in (p for p in item.points if p.counted):
            at.setdefault(point.at, {}).setdefault(item.observed.symbol, []).append((point.reading, item.observed.unit))
    times = sorted(at)
    moments = []
    for time in times[-1:] if newest else times:
        result = waters.judged(str(site["id"]), time.date(), at[time], lambda _: required, body=body, empty=True)
        if result is not None:
            moments.append(Moment(time, result))
    return Standing(str(site["id"]), items, tuple(moments), rules.digest)


def _ladder(grader: Grader, item: str, body: str) -> tuple[Bound, ...]:
    rows = grader.rows(item, body)
    if rows is None:
        return ()
    return tuple(
        Bound(
            grader.scheme.words[i],
            r.operator,
            r.value,
            rows.unit,
            f"{r.edition} {r.clause}".strip(),
            r.edition,
            r.status,
        )
        for i, held in enumerate(rows.by_class)
        for r in held
        if isinstance(r.value, Decimal)
    )


def _indexed(
    network: Network, site: Mapping[str, Any], held: Held, points: Points, rules: RuleSet, newest: bool
) -> Standing:
    """Air: the hourly AQI of the last moment, and each item's limit for its own averaging where there is one."""
    zone = str(site.get("air_zone") or "2")
    hours = [(s, p, a) for s, p, a in held if a != "" and p.unit not in ("index", "class")]
    items = tuple(
        ItemSpan(p, s, a, tuple(points[s]), *_air_bounds(rules, points[s][-1].at.date(), p.symbol, a, zone))
        for s, p, a in hours
    )
    last = max((p.at for i in items for p in i.points if p.counted), default=None)
    if last is None:
        return Standing(str(site["id"]), items, (), rules.digest, Note("no_reading", "no reading.", "没有读数。"))
    readings = {
        (i.observed.symbol, i.averaging): (p.reading, i.observed.unit)
        for i in items
        for p in reversed(i.points)
        if p.at == last and p.counted
    }
    try:
        result = air_index(rules, last.date(), readings, period="hourly").result(str(site["id"]), rules)
    except REFUSALS as error:
        return Standing(str(site["id"]), items, (), rules.digest, note_of(error))
    return Standing(str(site["id"]), items, (Moment(last, result),), rules.digest)


def _air_bounds(
    rules: RuleSet, day: date, item: str, averaging: str, grade: str
) -> tuple[tuple[Bound, ...], Note | None]:
    try:
        rows = on_day(rules, "air_limits", day, item, averaging=averaging, grade=grade)
    except REFUSALS as error:
        return (), note_of(error)
    return tuple(
        Bound(averaging, r.operator, r.value, r.unit, f"{r.edition} {r.clause}".strip(), r.edition, r.status)
        for r in rows
        if isinstance(r.value, Decimal)
    ), None


__all__ = ["POINT", "Bound", "ItemSpan", "Moment", "Point", "Standing", "points_of", "standing", "standing_of"]
