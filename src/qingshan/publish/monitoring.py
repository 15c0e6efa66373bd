"""What a network says of a month, quarter or year: states of its sites, shares, order, and the same period a year before.

    gather_monitoring(store, "water_auto", "2021-04", rules) -> MonitoringReport

Waters are classed by the mean of each item over the period, air by the AQI of its days. Nothing is judged here: the
results are those of `observe.evaluate.network`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

import polars as pl

from qingshan.core.errors import OutOfBounds, UnknownName
from qingshan.core.reading import Reading
from qingshan.observe.evaluate.air import good_days
from qingshan.observe.evaluate.air_frame import DayResults, DaysOfSite
from qingshan.observe.evaluate.air_network import evaluate_air
from qingshan.observe.evaluate.air_source import of_store
from qingshan.observe.evaluate.classes import Grader, scheme
from qingshan.observe.evaluate.editions import RuleSet
from qingshan.observe.evaluate.network import Evaluation, evaluate_water, usable_rows
from qingshan.observe.evaluate.verdict import Result
from qingshan.observe.evaluate.water import MANY, SectionClass, river_of_few, river_state
from qingshan.observe.quality.network import effective_flags
from qingshan.observe.series.model import Network
from qingshan.observe.series.store import Observations

GOOD = 2
"""Ⅲ and better: the share every report of surface water prints."""


@dataclass(frozen=True, slots=True)
class Span:
    """A month (`2021-04`), a quarter (`2021Q2`) or a year (`2021`): its first day, and the first after it."""

    id: str
    by: str
    first: datetime
    after: datetime

    @property
    def last(self) -> date:
        return (self.after - timedelta(days=1)).date()

    def before(self) -> Span:
        """The same span a year before."""
        return span_of(f"{self.first.year - 1}{self.id[4:]}")


def span_of(text: str) -> Span:
    """Raises `OutOfBounds` for anything but a month, a quarter or a year from 1900 to 2999."""
    year, rest = text[:4], text[4:]
    count = {"": (1, 12), "Q": (0, 3), "-": (0, 1)}.get(rest[:1])
    try:
        number = int(year)
        part = int(rest[1:]) if rest else 1
        if (
            count is None
            or not 1900 <= number < 3000
            or len(year) != 4
            or not 1 <= part <= {"": 1, "Q": 4, "-": 12}[rest[:1]]
        ):
            raise ValueError
    except (ValueError, KeyError):
        raise OutOfBounds(
            f"{text!r} is no period of a report.",
            f"{text!r} 不是报告的时段。",
            fix="write 2021-04, 2021Q2 or 2021 / 写 2021-04、2021Q2 或 2021",
        ) from None
    size = {"": 12, "Q": 3, "-": 1}[rest[:1]]
    start = number * 12 + (part - 1) * size
    return Span(
        text, {"": "year", "Q": "quarter", "-": "month"}[rest[:1]], datetime(start // 12, start % 12 + 1, 1),
        datetime((start + size) // 12, (start + size) % 12 + 1, 1),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SiteState:
    """One site in the period. `results` are its days (air), or its one result (water); `order` counts ties alike from 1;
    `days` have a reading."""

    id: str
    name_zh: str
    name_en: str
    river: str
    results: Sequence[Result]
    share: Result | None = None
    before: str = ""
    order: int | None = None
    days: int = 0

    def name(self, lang: str) -> str:
        return (self.name_en or self.name_zh) if lang == "en" else self.name_zh

    @property
    def result(self) -> Result:
        return self.results[0]

    def told(self) -> Iterable[Result]:
        """The results without what only their parts say."""
        return self.results.alike() if isinstance(self.results, DaysOfSite) else self.results


@dataclass(frozen=True)
class MonitoringReport:
    """A period of a network, ready to print. `sources` are (file, sha-256) of what was loaded for it."""

    zone: str
    network: Network
    span: Span
    rules: RuleSet
    sites: tuple[SiteState, ...]
    counts: Mapping[str, int]
    counts_before: Mapping[str, int]
    groups: tuple[Result, ...]
    sources: tuple[tuple[str, str], ...]
    provisional: bool
    silent: int
    evaluation: Evaluation

    @property
    def water(self) -> bool:
        return self.network.domain == "water"

    @property
    def labels(self) -> list[str]:
        statuses = {r.status for r in (*(r for r, _ in self.kinds), *self.groups)}
        held = {
            "draft": self.provisional,
            "partial": self.thin,
            "secondary": "secondary" in statuses,
        }
        return [*self.network.labels, *(label for label, holds in held.items() if holds)]

    @property
    def kinds(self) -> Sequence[tuple[Result, int]]:
        """Results that differ in more than place, time and value, each with the number of those like it."""
        return _kinds(self.evaluation)

    @property
    def days(self) -> int:
        return (self.span.after - self.span.first).days

    @property
    def thin(self) -> bool:
        """Whether some site of a network with a regular step lacks a reading on some day."""
        return bool(self.network.step) and any(s.days < self.days for s in self.sites)

    @property
    def words(self) -> tuple[str, ...]:
        """Grades in order, best first."""
        if self.water:
            table = scheme("surface_water")
            return (*table.words, table.worse)
        return tuple(self.counts)

    def good(self, counts: Mapping[str, int]) -> tuple[int, int]:
        """Sites (waters: Ⅲ and better) or days (air: AQI up to 100) that are good, and those that have a state."""
        if self.water:
            table = scheme("surface_water")
            known = {w: n for w, n in counts.items() if w in self.words}
            return sum(n for w, n in known.items() if table.grade(w) <= GOOD), sum(known.values())
        return counts.get("优", 0) + counts.get("良", 0), sum(n for w, n in counts.items() if w)


def gather_monitoring(
    store: Observations, network: str, period: str, rules: RuleSet, *, flags: pl.LazyFrame | None = None
) -> MonitoringReport:
    """Everything a report of the period prints. Raises `UnknownName` where the network or the period has nothing."""
    declared = store.network(network)
    if declared.domain not in ("water", "air"):
        raise UnknownName(
            f"networks of {declared.domain} have no report of a period.", f"{declared.domain} 监测网没有时段报告。",
            fix="waters and air have / 水和空气有",
        )  # fmt: skip
    span = span_of(period)
    now, then = (_evaluate(store, declared, s, rules, flags) for s in (span, span.before()))
    if not now.results:
        raise UnknownName(
            f"{network} has no readings in {period}.", f"{declared.zh}在 {period} 没有读数。",
            fix=f"years on file: {', '.join(map(str, store.years(network))) or '-'} / 已有年份见左",
        )  # fmt: skip
    held = {r["id"]: r for r in store.sites(network).to_dicts()}
    used = store.scan(network, years=[span.first.year])
    if span.by != "year":
        used = used.filter((pl.col("start") >= span.first) & (pl.col("start") < span.after))
    seen = _days_read(used, now)
    sites = tuple(replace(s, days=seen.get(s.id, 0)) for s in _sites(declared, held, now, then))
    loads = {item["source"]: item["name"] for item in store.loads(network)}
    sources = [(loads.get(sha, "-"), sha) for sha in _loads_of(used)]
    return MonitoringReport(
        store.zone.id, declared, span, rules, sites, _counts(now), _counts(then), _groups(declared, held, sites, rules, span),
        tuple(sources), flags is None, len(held) - len(sites), now,
    )  # fmt: skip


def _loads_of(rows: pl.LazyFrame) -> list[str]:
    """The loads that rows came with. Neighbours are mostly of one load: those alike are dropped before any is compared with the rest."""
    turns = rows.select("load").filter(pl.col("load").ne_missing(pl.col("load").shift()))
    return turns.unique().sort("load").collect()["load"].to_list()


def _days_read(rows: pl.LazyFrame, made: Evaluation) -> dict[str, int]:
    """Site -> days with a reading. An air network evaluated by day has counted them: a day without one has no result."""
    if isinstance(made.results, DayResults):
        return {site: len(held) for site, held in made.results.of_sites().items()}
    days = rows.group_by(site=pl.col("series").str.split("|").list.first()).agg(pl.col("start").dt.date().n_unique())
    return dict(days.collect().iter_rows())


def _evaluate(
    store: Observations, network: Network, span: Span, rules: RuleSet, flags: pl.LazyFrame | None
) -> Evaluation:
    series, sites = store.series(network.id), store.sites(network.id)
    if (
        network.domain == "air"
        and span.by == "year"
        and (flags is None) == (effective_flags(store, network.id) is None)
    ):
        source = of_store(store, network.id, [span.first.year], provisional=True)
        return evaluate_air(network.id, source, series, sites, rules, by="day")
    rows = store.scan(network.id, years=[span.first.year]).filter(
        (pl.col("start") >= span.first) & (pl.col("start") < span.after)
    )
    run: Callable[..., Evaluation] = evaluate_water if network.domain == "water" else evaluate_air
    by = span.by if network.domain == "water" else "day"
    return run(
        network.id,
        usable_rows(rows, flags, provisional=True),
        series,
        sites,
        rules,
        by=by,
    )


def _counts(made: Evaluation) -> dict[str, int]:
    """Results by grade; '' counts those without one grade."""
    found: Counter[str] = Counter()
    for result, n in _kinds(made):
        found[_grade(result)] += n
    return dict(found)


def _kinds(made: Evaluation) -> Sequence[tuple[Result, int]]:
    return made.results.kinds() if isinstance(made.results, DayResults) else [(r, 1) for r in made.results]


def _grade(result: Result) -> str:
    return result.grades[0] if len(result.grades) == 1 and not result.verdict else ""


def _sites(
    network: Network, held: Mapping[str, Mapping[str, Any]], now: Evaluation, then: Evaluation
) -> tuple[SiteState, ...]:
    earlier = {site: (results, share) for site, results, share in _by_site(network, then)}
    made = []
    for site, results, share in _by_site(network, now):
        body = held.get(site, {})
        old, old_share = earlier.get(site, ((), None))
        before = old_share.value_text if old_share is not None else old[0].grade if old else ""
        made.append(
            SiteState(site, str(body.get("name_zh") or site), str(body.get("name_en") or ""), str(body.get("river") or body.get("basin") or ""),
                      results, share, before)
        )  # fmt: skip
    return _ordered(network, made)


def _by_site(network: Network, made: Evaluation) -> Iterator[tuple[str, Sequence[Result], Result | None]]:
    """Each site with its results, and for air the share of its good days."""
    if isinstance(made.results, DayResults):
        values, days = made.results.values(), made.results.times
        for site, held in made.results.of_sites().items():
            own = slice(held.first, held.after)
            yield site, held, good_days({t.date(): v for t, v in zip(days[own], values[own], strict=True)})
        return
    found: dict[str, list[Result]] = {}
    for result in made.results:
        found.setdefault(result.site, []).append(result)
    for site, results in found.items():
        share = None
        if network.domain == "air":
            share = good_days({r.start: None if r.value is None else int(r.value) for r in results if r.start})
        yield site, tuple(results), share


def _ordered(network: Network, sites: list[SiteState]) -> tuple[SiteState, ...]:
    """Best first, those without a state last; equals share a rank. A composite index is open and not used."""
    table = scheme("surface_water") if network.domain == "water" else None

    def key(s: SiteState) -> Fraction | None:
        if table is None:
            return -Fraction(s.share.value) if s.share and s.share.value is not None else None
        return Fraction(table.grade(_grade(s.result))) if _grade(s.result) else None

    known = sorted(((k, s) for s in sites if (k := key(s)) is not None), key=lambda pair: (pair[0], pair[1].id))
    first: dict[Fraction, int] = {}
    for place, (k, _) in enumerate(known, 1):
        first.setdefault(k, place)
    ranked = [replace(s, order=first[k]) for k, s in known]
    return (*ranked, *(s for s in sites if key(s) is None))


def _groups(
    network: Network, held: Mapping[str, Mapping[str, Any]], sites: Sequence[SiteState], rules: RuleSet, span: Span
) -> tuple[Result, ...]:
    """The state of each river or basin: by the shares of classes from five sections on, below by the mean of each item."""
    if network.domain != "water":
        return ()
    table = scheme("surface_water")
    groups: dict[str, list[SiteState]] = {}
    for s in sites:
        if s.river:
            groups.setdefault(s.river, []).append(s)
    grader = Grader(rules, "surface_water", span.last)
    made = []
    for river, found in sorted(groups.items()):
        known = [_grade(s.result) for s in found]
        if len(found) >= MANY or not all(known):
            classes = [SectionClass(s.id, table.grade(g) if g else None) for s, g in zip(found, known, strict=True)]
            made.append(river_state(rules, span.last, river, classes))
            continue
        bodies = {str(held.get(s.id, {}).get("water_body_type") or "") for s in found}
        means = {s.id: {p.item: (Reading(p.value_text, p.value), p.unit) for p in s.result.parts} for s in found}
        required = tuple(dict.fromkeys(p.item for s in found for p in s.result.parts if p.grades))
        one = river_of_few(grader, river, means, body=bodies.pop() if len(bodies) == 1 else "", required=required)
        made.append(replace(one, n_valid=len(found), n_required=len(found), start=span.last, end=span.last))
    return tuple(made)
