"""What all pages share: the zone, its runs, the drawings, and one reader's request (`Ask`) with its words and addresses."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from qingshan.accounts.run import Run
from qingshan.core.errors import UnknownName
from qingshan.zone.fact import InputFact
from qingshan.zone.place import Place
from qingshan.zone.zone import Zone

from .figures import Figure, of_input, of_run
from .geometry import Drawing, draw, drawing_of, mesh
from .names import level_word, short_names
from .page import View
from .words import Words

if TYPE_CHECKING:
    from qingshan.faces.access.desk import Desk, Visitor

_SHOWN = Path(__file__).with_name("shown.toml")
_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)")


@lru_cache(maxsize=1)
def _shown() -> dict[str, Any]:
    return tomllib.loads(_SHOWN.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Field:
    """A quantity of one period that most leaves of the tree have: something to colour a map and to rank by."""

    id: str
    quantity: str
    period: str
    figures: Mapping[str, Figure]

    @property
    def sample(self) -> Figure:
        return next(iter(self.figures.values()))


@dataclass
class Site:
    """The zone and its runs as the pages see them; everything costly is worked out once and kept.

    `runs` are the accounts of services, `topics` the thematic ones: raster accounts run by name, and profiles without services.
    """

    zone: Zone
    runs: Mapping[str, Run]
    views: Sequence[View] = ()
    assets: Mapping[str, str] = field(default_factory=dict)
    desk: Desk | None = None

    def __post_init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.topics = {id: run for id, run in self.runs.items() if run.profile.thematic}
        self.runs = {id: run for id, run in self.runs.items() if id not in self.topics}
        self._fields: dict[tuple[str, str], dict[str, Field]] = {}
        self._short = {lang: short_names(self.zone.places, lang) for lang in ("zh", "en")}

    def shown(self, key: str) -> Any:
        return self.zone.config.get("faces", {}).get(key, _shown().get(key))

    def short(self, code: str, lang: str) -> str:
        return self._short[lang].get(code) or self.zone.place(code).name(lang)

    @cached_property
    def default_profile(self) -> str:
        asked = str(self.zone.config.get("zone", {}).get("default_profile", ""))
        return asked if asked in self.runs else next(iter(self.runs), "")

    @cached_property
    def leaf_level(self) -> str:
        """The lowest level that has places."""
        return next(level.id for level in reversed(self.zone.levels) if self.zone.at_level(level.id))

    @cached_property
    def drawing(self) -> Drawing | None:
        """The areas of the leaves: from the boundaries, else drawn around the cells of the zone's raster of places."""
        drawn = draw(self.zone, self.leaf_level)
        if drawn is not None or not {"grid", "places"} <= set(self.zone.config):
            return drawn
        from .outlines import outlines  # noqa: PLC0415 - reads rasters
        from .rasters import shelf  # noqa: PLC0415

        return drawing_of(outlines(self, shelf(self).book)["features"])

    @cached_property
    def _meshes(self) -> dict[str, tuple[str, str]]:
        return {}

    def mesh(self, below: str) -> tuple[str, str]:
        """Lines between the branches below a place, and the outline of the whole drawing."""
        if self.drawing is None:
            return "", ""
        if below not in self._meshes:
            branch = {leaf: child for child in self.zone.children(below) for leaf in self.zone.leaves(child)}
            self._meshes[below] = mesh(self.drawing, lambda code: branch.get(code, ""))
        return self._meshes[below]

    def outline(self, code: str) -> str:
        """The outer line of a place made of leaves."""
        if self.drawing is None:
            return ""
        if code in self.drawing.areas:
            return self.drawing.areas[code].path
        leaves = set(self.zone.leaves(code))
        part = Drawing({}, 0, {c: r for c, r in self.drawing.rings.items() if c in leaves}, 1.0)
        return mesh(part, lambda c: c)[1]

    def level_word(self, level: str, lang: str, count: int) -> str:
        found = next((known for known in self.zone.levels if known.id == level), None)
        return level_word(found, lang, count) if found else ""

    def names(self, quantity: str, fallback: str = "") -> tuple[str, str]:
        """Both names of a quantity; one of a family has the figure's own printed name, in English the family's with the member."""
        declared = self.zone.quantities.get(quantity)
        if declared is not None and declared.id.endswith(".*") and fallback:
            return fallback, f"{declared.en} ({quantity[len(declared.id) - 1 :].replace('_', ' ')})"
        if declared is None or declared.id != quantity:
            return fallback, fallback
        return declared.zh, declared.en

    def any_names(self, quantity: str) -> tuple[str, str]:
        """Names of a quantity, declared gaps included; its id where nobody named it."""
        zh, en = self.names(quantity)
        gap = next((g for g in self.zone.missing if g.quantity == quantity), None)
        return (zh, en) if zh else (gap.name_zh, gap.name_en) if gap else (quantity, quantity)

    def hue(self, quantity: str, unit: str = "") -> str:
        """The ramp of a subject: water, land, money or grey. Temperatures are grey: dark blue would read as cold."""
        return "grey" if unit == "degC" else str(self.shown("hues").get(quantity.split(".", maxsplit=1)[0], "grey"))

    def figure(self, fact: InputFact) -> Figure:
        return of_input(fact, self.names(fact.quantity, fact.name_zh), synthetic=self.zone.synthetic)

    @cached_property
    def _monthly(self) -> frozenset[str]:
        """Periods of monthly figures: they are not years of anything."""
        return frozenset(p for period in self.zone.periods for month in range(1, 13) for p in period.months(month))

    def is_month(self, period: str) -> bool:
        return period in self._monthly

    @cached_property
    def _read_by_series(self) -> dict[tuple[str, str], dict[str, InputFact]]:
        """(quantity, period) -> place -> best print, for places of the tree."""
        series: dict[tuple[str, str], dict[str, InputFact]] = {}
        unsaid = set(self.shown("unsaid"))
        for fact in self.zone.facts.all():
            if fact.place not in self.zone.places or fact.period in self._monthly or fact.quantity in unsaid:
                continue
            slot = series.setdefault((fact.quantity, fact.period), {})
            if fact.place not in slot:
                slot[fact.place] = self.zone.facts.best(fact.quantity, fact.place, fact.period) or fact
        return series

    def fields(self, profile: str, level: str) -> dict[str, Field]:
        """Every quantity that at least half of the level's places have, in the order pages offer them."""
        if (profile, level) not in self._fields:
            self._fields[profile, level] = self._collect(self.runs.get(profile), level)
        return self._fields[profile, level]

    def _collect(self, run: Run | None, level: str) -> dict[str, Field]:
        codes = [p.code for p in self.zone.at_level(level)]
        found: list[Field] = []
        if run is not None:
            wanted = set(codes)
            by_series: dict[tuple[str, str], dict[str, Figure]] = {}
            for fact in run.facts:
                if fact.place in wanted and not fact.cls and not fact.basis and fact.role in ("figure", "physical"):
                    by_series.setdefault((fact.quantity, fact.period), {})[fact.place] = of_run(run, fact)
            several = len({period for _, period in by_series}) > 1
            for (quantity, period), figures in by_series.items():
                found.append(Field(f"{quantity}@{period}" if several else quantity, quantity, period, figures))
        taken = {f.quantity for f in found}
        for (quantity, period), prints in self._read_by_series.items():
            figures = {code: self.figure(prints[code]) for code in codes if code in prints}
            if figures and quantity not in taken:
                found.append(Field(f"{quantity}@{period}", quantity, period, figures))
        enough = [f for f in found if sum(x.known for x in f.figures.values()) * 2 >= len(codes)]
        order = {q: i for i, q in enumerate(self.shown("map"))}
        enough.sort(key=lambda f: f.period, reverse=True)
        enough.sort(key=lambda f: (order.get(f.quantity, len(order)), f.quantity))
        return {f.id: f for f in enough}

    @cached_property
    def years_on_file(self) -> dict[str, dict[int, int]]:
        """Place -> year -> printed figures of that year; '' is the whole zone. A range counts in its last year."""
        counts: dict[str, dict[int, int]] = {"": {}}
        for fact in self.zone.facts.all():
            if fact.period in self._monthly:
                continue
            if year := last_year(fact.period):
                for place in ("", *(p for p in fact.place.split(";") if p)):
                    slot = counts.setdefault(place, {})
                    slot[year] = slot.get(year, 0) + 1
        return counts


def last_year(period: str) -> int | None:
    """2016-2020 -> 2020, 2021H1 -> 2021, 2024-01/09 -> 2024, static -> None."""
    years = [int(y) for y in _YEAR.findall(period)]
    return max(years) if years else None


def newest_in(periods: Iterable[str], span: tuple[int, int] | None) -> str:
    """The newest period that ends inside a span of years; else the newest before it, else the first after. No span: the
    newest. A period without a year is older than any year. Raises `ValueError` for no periods.
    """
    ordered = sorted(periods, key=lambda p: (last_year(p) or 0, p))
    if not ordered:
        raise ValueError("no periods to choose from")
    if span is None:
        return ordered[-1]
    until = [p for p in ordered if (last_year(p) or 0) <= span[1]]
    return until[-1] if until else ordered[0]


def first_year(period: str) -> int | None:
    years = [int(y) for y in _YEAR.findall(period)]
    return min(years) if years else None


@dataclass
class Ask:
    """One request: who asks for what, in which language, about which place and time. Views read it, never the web request."""

    site: Site
    view: View
    lang: str
    params: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    theme: str = ""
    visitor: Visitor | None = None
    told: Mapping[str, Any] = field(default_factory=dict)
    """What a form that was refused held, and why."""

    @cached_property
    def t(self) -> Words:
        return Words(self.lang)

    @property
    def zone(self) -> Zone:
        return self.site.zone

    @cached_property
    def place(self) -> Place:
        """The place of the address (`{code}` or `?place=`), the root where it names none. Raises `UnknownName`."""
        return self.zone.place(self.params.get("code") or self.query.get("place") or self.zone.root)

    @cached_property
    def profile(self) -> str:
        """The run asked for by `?profile=`, else the zone's default. Raises `UnknownName` listing those on file."""
        asked = self.query.get("profile", "")
        if asked and asked not in self.site.runs:
            known = ", ".join(self.site.runs) or "-"
            raise UnknownName(
                f"no run of the profile {asked!r}; on file: {known}.", f"没有口径 {asked!r} 的核算；现有：{known}。"
            )
        return asked or self.site.default_profile

    @property
    def run(self) -> Run | None:
        return self.site.runs.get(self.profile)

    @cached_property
    def span(self) -> tuple[int, int] | None:
        """`?period=2021` or `?period=2021-2025` as first and last year; None where it is absent or not a year."""
        asked = self.query.get("period", "")
        match = re.fullmatch(r"(\d{4})(?:-(\d{4}))?", asked)
        if not match:
            return None
        low, high = int(match[1]), int(match[2] or match[1])
        return (low, high) if low <= high else None

    def name(self, code: str) -> str:
        place = self.zone.places.get(code) or self.zone.comparison.get(code)
        return place.name(self.lang) if place else code

    def short(self, code: str) -> str:
        return self.site.short(code, self.lang) if code in self.zone.places else self.name(code)

    def level(self, level: str, count: int = 2) -> str:
        return self.site.level_word(level, self.lang, count)

    @cached_property
    def asked_years(self) -> str:
        """The asked period as the time control writes it, '' where none was asked for."""
        return "–".join(dict.fromkeys(str(y) for y in self.span)) if self.span else ""

    def address(self, path: str, lang: str = "", **query: str) -> str:
        """An address in a language that keeps profile and period unless told otherwise; an empty value drops a key."""
        kept = {k: self.query[k] for k in ("profile", "period") if self.query.get(k)}
        kept |= query
        tail = urlencode({k: v for k, v in kept.items() if v})
        return f"/{lang or self.lang}{path}" + (f"?{tail}" if tail else "")

    def has(self, view: str) -> bool:
        return any(v.name == view for v in self.site.views)

    def place_address(self, code: str) -> str:
        return self.address(f"/place/{code}") if self.has("place") else ""

    def pedigree(self, key: str) -> str:
        """Address of a figure's pedigree, '' while this site has no such page."""
        return self.address(f"/pedigree/{key}", period="") if key and self.has("pedigree") else ""
