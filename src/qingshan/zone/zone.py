"""A zone: a folder of sourced figures about places, opened, checked and hashed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qingshan.core.canonical import file_digest
from qingshan.core.errors import QingshanError, UnknownName, UnknownZone, ZoneError
from qingshan.core.finding import Finding
from qingshan.core.parameter import COLUMNS as PARAMETER_COLUMNS
from qingshan.core.parameter import ParameterRow, parse_row

from . import settings
from .boundaries import DERIVED_FILE, Boundaries, coordinate_facts, feature_collection, read_boundaries
from .fact import FactBook, InputFact, Missing
from .period import Period
from .place import PLACE_COLUMNS, Level, Place, near, read_places
from .quantity import Catalogue
from .report import Report
from .rows import (
    FACT_COLUMNS,
    MISSING_COLUMNS,
    MORE_FACT_COLUMNS,
    MORE_MISSING_COLUMNS,
    Reading,
    read_facts,
    read_missing,
)
from .table import Table, read_table

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

ENVIRONMENT = "QINGSHAN_ZONE"
DEFAULT_ZONE = "guizhou"


@dataclass(frozen=True)
class Zone:
    """An opened zone. Immutable; every list is in file order, `places` with the parent before its children.

    `comparison` are the declared places outside the tree. `targets` are the rows with a kind (target, plan, done); what is
    done is an observation too and stands in `facts`. `files` maps each file read (relative path) to its sha-256.
    """

    id: str
    path: Path
    name_zh: str
    name_en: str
    root: str
    config: Mapping[str, Any]
    levels: tuple[Level, ...]
    places: Mapping[str, Place]
    comparison: Mapping[str, Place]
    periods: list[Period]
    facts: FactBook
    missing: list[Missing]
    targets: list[InputFact]
    parameters: list[ParameterRow]
    quantities: Catalogue
    boundaries: Boundaries
    findings: list[Finding]
    files: Mapping[str, str]
    synthetic: bool = False
    _below: Mapping[str, list[str]] = field(default_factory=dict, repr=False)

    # --- places

    def place(self, word: str) -> Place:
        """A place by code, or by its Chinese or English name. Raises `UnknownName` naming those that look alike."""
        if found := self.places.get(word) or self.comparison.get(word):
            return found
        plain = word.strip().casefold()
        named = [p for p in self.places.values() if plain in (p.name_zh.casefold(), p.name_en.casefold())]
        if len(named) == 1:
            return named[0]
        alike = [f"{p.code} {p.name_zh}" for p in named] or near(word, self.places)
        hint = ", ".join(alike) or f"{self.root} {self.places[self.root].name_zh}"
        codes = [told.partition(" ")[0] for told in alike] or [self.root]
        known = ", ".join(f"{c} {self.places[c].name_en or self.places[c].name_zh}" for c in codes)
        en = f"no place {word!r} in the zone {self.id} (near: {known})."
        raise UnknownName(
            en,
            f"{self.name_zh}没有地点 {word!r}（相近：{hint}）。",
            fix="use a code of places.csv / 使用 places.csv 中的代码",
        )

    def level(self, code: str) -> str:
        return self.place(code).level

    def children(self, code: str) -> list[str]:
        """Codes directly below, in table order."""
        return list(self._below.get(self.place(code).code, []))

    def ancestors(self, code: str) -> list[str]:
        """Codes above, the nearest first, the root last."""
        above: list[str] = []
        place = self.place(code)
        while place.parent:
            above.append(place.parent)
            place = self.places[place.parent]
        return above

    def leaves(self, code: str) -> list[str]:
        """Codes without children at or below `code`, in table order."""
        children = self.children(code)
        return [leaf for child in children for leaf in self.leaves(child)] if children else [self.place(code).code]

    def at_level(self, level: str) -> list[Place]:
        return [p for p in self.places.values() if p.level == level]

    # --- figures

    def period(self, period: str) -> Period:
        """An accounting period by id. Raises `UnknownName` listing those the zone declares."""
        for declared in self.periods:
            if declared.id == period:
                return declared
        known = ", ".join(p.id for p in self.periods) or "none"
        raise UnknownName(
            f"the zone {self.id} has no period {period!r} (declared: {known}).",
            f"{self.name_zh}没有时期 {period!r}（已声明：{known}）。",
        )

    def gap(self, quantity: str, place: str, period: str = "") -> Missing | None:
        """The declared gap that covers a figure: what is missing, who needs it and which document would fill it."""
        level = self.place(place).level
        for gap in self.missing:
            if (
                gap.quantity == quantity
                and gap.covers(period)
                and {place, f"level:{level}"} & set(gap.place.split(";"))
            ):
                return gap
        return None

    def derived_rows(self) -> list[InputFact]:
        """The facts that follow from the boundaries, `place.latitude` and `place.longitude`; they stand in `facts` too."""
        return [f for f in self.facts.all() if f.file == DERIVED_FILE]

    # --- boundaries

    @property
    def boundary_source(self) -> dict[str, Any]:
        """Where the lines come from: title, note, licence, whether installed, sha-256 of each package file read."""
        return dict(self.boundaries.source)

    def geometry(self, code: str) -> BaseGeometry | None:
        """The place's Polygon or MultiPolygon in degrees (EPSG:4326), or None where no boundary is installed."""
        return self.boundaries.geometry(self.place(code).code)

    def geojson(self, level: str, simplify: float = 0.0) -> dict[str, Any]:
        """A FeatureCollection of one level: code, name_zh, name_en, level, parent. `simplify` is in degrees."""
        declared = [known.id for known in self.levels]
        if level not in declared:
            shown = ", ".join(declared)
            en = f"the zone {self.id} has no level {level!r} (declared: {shown})."
            raise UnknownName(en, f"{self.name_zh}没有层级 {level!r}（已声明：{shown}）。")
        return feature_collection(self.at_level(level), self.boundaries, simplify)

    @cached_property
    def digest(self) -> str:
        """sha-256 over the names and hashes of every file read: changes with any byte of the zone."""
        lines = "\n".join(f"{name} {sha}" for name, sha in sorted(self.files.items()))
        return hashlib.sha256(lines.encode()).hexdigest()


# --- finding a zone -------------------------------------------------------------------------------------------------


def builtin_zones() -> dict[str, Path]:
    """The zones that come with the package, by name."""
    folder = Path(str(package_files("qingshan"))) / "zones"
    return {p.name: p for p in sorted(folder.iterdir()) if (p / "zone.toml").is_file()} if folder.is_dir() else {}


def zone_path(name_or_path: str | Path | None = None) -> Path:
    """The folder of a built-in zone, or the given folder. None means the environment's zone, else guizhou.

    Raises `UnknownZone` where neither exists.
    """
    asked = name_or_path or os.environ.get(ENVIRONMENT) or DEFAULT_ZONE
    built_in = builtin_zones()
    if str(asked) in built_in:
        return built_in[str(asked)]
    folder = Path(asked).expanduser()
    if not folder.is_dir():
        known = ", ".join(built_in) or "none"
        raise UnknownZone(
            f"no zone folder {str(asked)!r} and no built-in zone of that name (built in: {known}).",
            f"没有区域目录 {str(asked)!r}，也没有同名的内置区域（内置：{known}）。",
            fix="give a folder with a zone.toml, or make one with `qingshan init DIR --id ID`"
            " / 给出含 zone.toml 的目录，或用 `qingshan init DIR --id ID` 新建",
        )
    return folder


def open_zone(name_or_path: str | Path | None = None) -> Zone:
    """Open a zone by name or folder (None: environment `QINGSHAN_ZONE`, else guizhou).

    Faulty rows are not used and stand in `findings`. Raises `ZoneError` only where the zone cannot be opened at all: no
    folder (`UnknownZone`), no readable zone.toml or places.csv, no root place.
    """
    return _Opening(zone_path(name_or_path)).zone()


# --- opening --------------------------------------------------------------------------------------------------------


class _Opening:
    """One pass over a zone folder; each step reads one part and reports what it could not use."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.report = Report()
        self.files: dict[str, str] = {}

    def zone(self) -> Zone:
        config, self.files[settings.ZONE_FILE] = settings.read_config(self.path, self.report)
        for more in sorted(self.path.glob("*.toml")):  # declarations of the layers above, such as target links
            self.files.setdefault(more.name, file_digest(more))
        head, levels = config["zone"], settings.levels(config, self.report)
        places = self._places(levels, head["root"])
        comparison = settings.comparison_places(config, self.report)
        quantities = settings.quantities(config, self.report)
        settings.check_extent(config, quantities, self.report)
        reading = Reading(places, comparison, quantities, settings.merges(config, self.report), self.report)
        rows = self._facts(reading)
        boundaries = read_boundaries(config.get("boundaries", {}), self.path, places, self.report)
        if "file" in boundaries.source:
            self.files |= boundaries.source["sha256"]
        observed = [fact for fact in rows if fact.kind in ("", "done")]
        return Zone(
            id=head["id"],
            path=self.path,
            name_zh=head["name_zh"],
            name_en=head["name_en"],
            root=head["root"],
            config=config,
            levels=levels,
            places=places,
            comparison=comparison,
            periods=settings.periods(config, self.report),
            facts=FactBook([*observed, *coordinate_facts(places, boundaries)]),
            missing=self._missing(reading, levels),
            targets=[fact for fact in rows if fact.kind],
            parameters=self._parameters(),
            quantities=quantities,
            boundaries=boundaries,
            findings=self.report.findings(),
            files=dict(sorted(self.files.items())),
            synthetic=bool(head.get("synthetic", False)),
            _below=_below(places.values()),
        )

    def _places(self, levels: tuple[Level, ...], root: str) -> dict[str, Place]:
        path = self.path / "places.csv"
        table = read_table(path, path.name, self.report, required=PLACE_COLUMNS, known=("lon", "lat"))
        if table is None:
            why = self.report.last()
            raise ZoneError(why.en, why.zh, where=str(path), fix=why.fix)
        self.files[table.name] = table.sha256
        places = read_places(table, levels, root, self.report)
        if root not in places:
            fix = "add its row with an empty parent, or mend `root` in zone.toml / 补上该行（parent 留空），或改正 zone.toml 的 root"
            raise ZoneError(
                f"the root place {root!r} is not there.", f"没有根地点 {root!r}。", where=str(path), fix=fix
            )
        return places

    def _tables(self, folder: str, required: tuple[str, ...], known: tuple[str, ...]) -> Iterator[Table]:
        for path in sorted((self.path / folder).glob("*.csv")):
            if table := read_table(path, f"{folder}/{path.name}", self.report, required=required, known=known):
                self.files[table.name] = table.sha256
                yield table

    def _facts(self, reading: Reading) -> list[InputFact]:
        if not any((self.path / "facts").glob("*.csv")):
            self.report.add("no_facts", file="facts/")
        tables = self._tables("facts", FACT_COLUMNS, MORE_FACT_COLUMNS)
        return [fact for table in tables for fact in read_facts(table, reading)]

    def _missing(self, reading: Reading, levels: tuple[Level, ...]) -> list[Missing]:
        path = self.path / "missing.csv"
        if not path.exists():
            self.report.add("no_missing", file=path.name)
            return []
        table = read_table(path, path.name, self.report, required=MISSING_COLUMNS, known=MORE_MISSING_COLUMNS)
        if table is None:
            return []
        self.files[table.name] = table.sha256
        return read_missing(table, reading, {level.id for level in levels})

    def _parameters(self) -> list[ParameterRow]:
        rows: list[ParameterRow] = []
        needed = ("parameter", "value", "unit", "status")
        for table in self._tables("parameters", needed, (*PARAMETER_COLUMNS, "filled_by")):
            for line, raw in table.rows:
                try:
                    rows.append(parse_row(raw, table.name, line, raw.get("filled_by", "")))
                except QingshanError as error:
                    self.report.add("bad_parameter", file=table.name, row=line, en=error.en, zh=error.zh)
        return rows


def _below(places: Iterable[Place]) -> dict[str, list[str]]:
    below: dict[str, list[str]] = {}
    for place in places:
        if place.parent:
            below.setdefault(place.parent, []).append(place.code)
    return below
