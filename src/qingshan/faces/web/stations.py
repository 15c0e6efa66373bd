"""The monitoring networks as the pages see them: sites with their newest state, and one site's readings over a window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from qingshan.core.errors import UnknownName
from qingshan.core.observed import observed_properties
from qingshan.observe.evaluate.aqi import BEYOND
from qingshan.observe.evaluate.classes import scheme
from qingshan.observe.evaluate.editions import RuleSet
from qingshan.observe.evaluate.standing import AIR, CLASSES, POINT, Point, Standing, points_of, standing_of
from qingshan.observe.evaluate.verdict import Result
from qingshan.observe.quality.network import flagged_rows, layer, review
from qingshan.observe.series.model import OBSERVATION, Network
from qingshan.observe.series.store import Observations, UnitMoved
from qingshan.publish.words import class_said

from .site import Ask, Site
from .words import Words

RULES = RuleSet(
    "pages", "页面：允许转引的限值，并标明", "pages: restated limits may stand, and are labelled", allow_secondary=True
)
RECENT = timedelta(days=1)
AQI_TONES = {"优": 0, "良": 2, "轻度污染": 3, "中度污染": 4, "重度污染": 5, "严重污染": 6}


def observations(site: Site) -> Observations:
    """The store of the zone the pages show."""
    if "observations" not in site.kept:
        site.kept["observations"] = Observations(site.zone)
    store: Observations = site.kept["observations"]
    return store


@dataclass(frozen=True)
class Station:
    """One site of a network, with the state of its newest moment."""

    network: Network
    body: Mapping[str, Any]
    series: pl.DataFrame
    standing: Standing | None

    @property
    def id(self) -> str:
        return str(self.body["id"])

    def name(self, lang: str) -> str:
        zh, en = str(self.body.get("name_zh") or self.id), str(self.body.get("name_en") or "")
        return (en or zh) if lang == "en" else zh

    @property
    def read(self) -> bool:
        return self.series.height > 0

    @property
    def last(self) -> datetime | None:
        """The newest reading of any of its series."""
        found = self.series["last"].max()
        return found if isinstance(found, datetime) else None

    @property
    def result(self) -> Result | None:
        newest = self.standing.newest if self.standing else None
        return newest.result if newest else None

    @property
    def at(self) -> datetime | None:
        return self.standing.newest.at if self.standing and self.standing.newest else None


@dataclass(frozen=True)
class Held:
    """A network with all its stations."""

    network: Network
    stations: tuple[Station, ...]
    years: tuple[int, ...]
    readings: int

    @property
    def read(self) -> list[Station]:
        return [s for s in self.stations if s.read]

    @property
    def newest(self) -> datetime | None:
        """The newest reading of any station."""
        found = [s.last for s in self.read]
        return max((at for at in found if at is not None), default=None)

    def station(self, id: str) -> Station:
        """One station. Raises `UnknownName` with those whose names are near."""
        found = next((s for s in self.stations if s.id == id), None)
        if found is None:
            near = [s.id for s in self.stations if id and (id in s.id or s.id in id)][:6] or [
                s.id for s in self.stations[:6]
            ]
            listed = ", ".join(near) or "-"
            raise UnknownName(
                f"no site {id!r} in {self.network.id}; near: {listed}.",
                f"{self.network.zh}没有站点 {id!r}；相近：{listed}。",
            )
        return found


def held(site: Site, id: str) -> Held:
    """A network's stations, kept until something is loaded. Raises `UnknownName`."""
    store = observations(site)
    network = store.network(id)
    key = f"network {id}"
    version = (store.version(id), *checked(store, id))
    kept = site.kept.get(key)
    if kept is None or kept[0] != version:
        site.kept[key] = kept = (version, _held(store, network))
    found: Held = kept[1]
    return found


def checked(store: Observations, id: str) -> tuple[int, int]:
    """How many quality-control runs and reviewers' decisions a network has: what a state of today stands on."""
    return len(layer(store, id).runs()), len(review(store, id).all())


def _rows(store: Observations, id: str, years: Sequence[int], series: Sequence[str]) -> pl.LazyFrame:
    """Latest readings; with `use` by flag and decision where there was quality control."""
    if not any(checked(store, id)):
        return store.scan(id, years=years, series=series)
    return flagged_rows(store, id, years=years, series=series)


def _held(store: Observations, network: Network) -> Held:
    series = store.series(network.id).filter(pl.col("rows") > 0)
    years = tuple(store.years(network.id))
    by_site = {str(k[0]): g for k, g in series.group_by("site")}
    points = points_of(_recent(store, network, series, years))
    recent: dict[str, dict[str, list[Point]]] = {}
    for site, id in series.sort("id").select("site", "id").iter_rows():
        if id in points:
            recent.setdefault(site, {})[id] = points[id]
    stations = []
    for body in store.sites(network.id).to_dicts():
        own = recent.get(str(body["id"]))
        state = standing_of(network, body, own, RULES, newest=True) if own else None
        stations.append(Station(network, body, by_site.get(str(body["id"]), series.clear()), state))
    return Held(network, tuple(stations), years, int(series["rows"].sum()))


def _recent(store: Observations, network: Network, series: pl.DataFrame, years: tuple[int, ...]) -> pl.DataFrame:
    """The readings of each site's newest moment that counts, sought in its last day; of a network without a step, among the last of each series."""
    measured = _measured(network)
    lasts = series.with_columns(newest=pl.col("last").max().over("site")).select(
        "id", "site", "property", "last", "newest"
    )
    if lasts.is_empty():
        return pl.DataFrame(schema={c: OBSERVATION[c] for c in POINT if c != "use"})
    span = (
        years
        if not network.step
        else sorted({d.year for d in lasts["newest"]} | {(d - RECENT).year for d in lasts["newest"]})
    )
    since = pl.col("newest") - RECENT if network.step else pl.col("last")
    earliest = lasts.select(since.min()).item()
    frame = _rows(store, network.id, span, lasts["id"].to_list()).filter(pl.col("start") >= earliest)
    if "use" not in frame.collect_schema():
        frame = frame.with_columns(use=pl.lit(value=True))
    frame = frame.select(POINT).join(lasts.lazy(), left_on="series", right_on="id").filter(pl.col("start") >= since)
    counted = pl.when(pl.col("use") & pl.col("property").is_in(measured)).then("start")
    return frame.collect().filter(pl.col("start") == counted.max().over("site"))


def _measured(network: Network) -> list[str]:
    """Properties whose readings make a moment: no published class, and in the air no published index."""
    published = ("class", "index") if network.rules == AIR else ("class",)
    return [p.id for p in observed_properties().values() if p.unit not in published]


# ---- one site over a window ------------------------------------------------------------------------------------------


def months(station: Station) -> list[str]:
    """Months from the first to the last reading, the newest first."""
    if not station.read:
        return []
    first, last = station.series["first"].min(), station.series["last"].max()
    assert isinstance(first, datetime) and isinstance(last, datetime)
    numbers = range(last.year * 12 + last.month - 1, first.year * 12 + first.month - 2, -1)
    return [f"{n // 12}-{n % 12 + 1:02d}" for n in numbers]


def window(period: str) -> tuple[datetime, datetime]:
    """First moment of a month or year, and of the one after it. Raises `UnknownName` for anything else."""
    year, _, month = period.partition("-")
    if len(year) != 4 or not year.isdecimal() or (month and (not month.isdecimal() or not 1 <= int(month) <= 12)):
        raise UnknownName(f"no period {period!r}: write 2021 or 2021-04.", f"没有时段 {period!r}：写 2021 或 2021-04。")
    if month:
        n = int(year) * 12 + int(month)
        return datetime(int(year), int(month), 1), datetime(n // 12, n % 12 + 1, 1)
    return datetime(int(year), 1, 1), datetime(int(year) + 1, 1, 1)


def rows_of(site: Site, station: Station, period: str) -> pl.DataFrame:
    """Latest versions of a station's readings in a period, with `use` where there was quality control."""
    first, after = window(period)
    ids = station.series["id"].to_list()
    frame = _rows(observations(site), station.network.id, [first.year], ids)
    return frame.filter((pl.col("start") >= first) & (pl.col("start") < after)).collect()


# ---- how a state is shown --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class State:
    """`short` stands in a dot, `word` beside a name, `tone` 0 (best) to 6; -1 where nothing can be said."""

    short: str
    word: str
    tone: int
    why: str = ""


def state_of(network: Network, result: Result | None, t: Words, lang: str) -> State:
    """A result as a state: a class, or an AQI with its category."""
    if result is None:
        return State("·", t("network.no_state"), -1)
    why = t("list").join((n.zh if lang == "zh" else n.en) for n in result.notes if n.code != "items")
    if network.rules == AIR:
        if not result.grades:
            return State("·", t("network.aqi_na"), -1, why)
        category, over = result.grades[0], result.value_text == BEYOND
        index = t("network.aqi_beyond") if over else f"AQI {result.value_text}"
        return State(
            "↑" if over else result.value_text, f"{index} {t(f'network.category.{category}')}", AQI_TONES[category], why
        )
    if network.rules in CLASSES and result.grades:
        table = scheme(network.rules)
        tone = table.grade(result.grades[-1])
        whole = not result.verdict
        short = result.grades[-1] if whole else "·"
        said = class_said(result.grade, t.lang)
        word = t("network.class", grade=said) if whole else t("network.class_open", grade=said)
        return State(short, word, tone if whole else -1, why)
    return State("·", t(f"network.verdict.{result.verdict or 'none'}"), -1, why)


def tones(network: Network, t: Words) -> list[State]:
    """Every state of the network's scale, best first: the legend."""
    if network.rules == AIR:
        return [State("", t(f"network.category.{c}"), tone) for c, tone in AQI_TONES.items()]
    if network.rules in CLASSES:
        table = scheme(network.rules)
        return [
            State(w, t("network.class", grade=class_said(w, t.lang)), i)
            for i, w in enumerate((*table.words, table.worse))
        ]
    return []


def span_said(span: str, lang: str) -> str:
    """A step or an averaging as a sentence has it: `4h` as 4 小时 or 4 h; what is no number of hours stays."""
    hours = span.removesuffix("h")
    return f"{hours} {'小时' if lang == 'zh' else 'h'}" if hours != span and hours.isdecimal() else span


def networks_of(ask: Ask) -> tuple[list[Held], list[tuple[Network, UnitMoved]]]:
    """The networks as they stand now, and those of which nothing is read because a property has another unit today."""
    whole, stuck = [], []
    for id, network in observations(ask.site).networks.items():
        try:
            whole.append(held(ask.site, id))
        except UnitMoved as error:
            stuck.append((network, error))
    return whole, stuck
