"""What an account report says, collected from a sealed run: facts and rows, no text, no layout, no new figures.

The PDF and the workbook print the same `Account`. The two indices of the price series are ratios of published cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from qingshan.accounts.figure import Node, Refusal
from qingshan.accounts.profile import ClassMap
from qingshan.accounts.run import ACCOUNTED, STOCK, Fact, Run, ServiceLine, figure_of
from qingshan.core.finding import Finding
from qingshan.core.method import Method
from qingshan.core.units import factor
from qingshan.zone.fact import InputFact
from qingshan.zone.period import Period
from qingshan.zone.place import Place

from .release import (
    Reason,
    against_gep_title,
    check_release,
    missing_services,
    pedigree,
    published_facts,
    used_maps,
    value_of,
)
from .words import gravest_first

UNALLOCATED = "unallocated"


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One ecosystem class of one service."""

    cls: str
    zh: str
    en: str
    physical: Fact | None
    values: Mapping[str, Fact]


@dataclass(frozen=True, slots=True)
class ByPlace:
    """One quantity over places: cells by place code, each in `unit`."""

    quantity: str
    zh: str
    en: str
    basis: str
    unit: str
    cells: Mapping[str, Fact]

    @property
    def given(self) -> int:
        return sum(1 for f in self.cells.values() if not f.refused)


@dataclass(frozen=True, slots=True)
class ExtentRow:
    """One class of the extent account, entry -> cell (opening, additions, reductions, net, closing), in hm2."""

    cls: str
    zh: str
    en: str
    cells: Mapping[str, Fact]


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A service (None: the accounted sum) on one price basis, period -> cell."""

    line: ServiceLine | None
    basis: str
    cells: Mapping[str, Fact]


@dataclass(frozen=True, slots=True)
class Index:
    """Quantity index V_t^b / V_b, or implicit price index V_t / V_t^b; None with the reason where it is not defined."""

    kind: str  # quantity | price
    basis: str
    values: Mapping[str, float | None]
    zh: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True)
class ParameterUse:
    """A parameter row that published figures stand on, with the hash of the file that holds it."""

    row: Mapping[str, Any]
    sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """One document behind input figures: how many rows of which file, with their statuses and the file's hash."""

    title: str
    issuer: str
    file: str
    sha256: str
    statuses: tuple[str, ...]
    rows: int
    terms: str


@dataclass(frozen=True)
class Account:
    """Everything a report of one place and period prints."""

    run: Run
    place: Place
    period: Period
    bases: tuple[str, ...]
    gep_title: bool
    labels: tuple[str, ...]
    lines: list[ServiceLine]
    missing: list[ServiceLine]
    accounted: Mapping[str, Fact]
    classes: list[tuple[ServiceLine, list[ClassRow]]]
    places: list[Place]
    by_place: list[ByPlace]
    mapped: ByPlace | None
    extent: list[ExtentRow]
    extent_total: Mapping[str, Fact | None]
    series: list[SeriesRow]
    indices: list[Index]
    methods: list[Method]
    parameters: list[ParameterUse]
    maps: list[ClassMap]
    sources: list[Source]
    findings: list[Finding]
    conflicts: list[list[InputFact]]
    reasons: list[Reason]

    @property
    def included(self) -> list[ServiceLine]:
        """Services of the profile, without its stocks."""
        return [line for line in self.lines if line.included == "yes" and line.service.category != STOCK]

    @property
    def valued(self) -> list[ServiceLine]:
        """Services that enter the accounted sum on the first price basis."""
        if not self.bases:
            return []
        return [line for line in self.included if (v := value_of(line, self.bases[0])) is not None and not v.refused]


def gather(run: Run, place: str, period: Period, *, official: bool = False) -> Account:
    """Collect the account of `place` (a code) in `period`."""
    where = run.zone.place(place)
    bases = run.profile.bases()
    lines = run.services(where.code, period.id)
    published = published_facts(run, where.code, period.id)
    nodes = pedigree(run, published)
    children = [run.zone.places[code] for code in run.zone.children(where.code)]
    accounted = {b: f for b in bases if (f := _cell(run, ACCOUNTED, where.code, period.id, b)) is not None}
    missing = missing_services(run, where.code, period.id)
    extent = _extent(run, where.code, period.id)
    series = _series(run, where.code, bases)
    return Account(
        run=run, place=where, period=period, bases=bases, gep_title=not against_gep_title(run, where.code, period.id),
        labels=_labels(run, [*accounted.values(), *(f for f in published if f.place == where.code)], bool(missing), official),
        lines=lines, missing=missing, accounted=accounted, classes=_classes(run, lines, where.code, period.id),
        places=children, by_place=_by_place(run, [where.code, *(p.code for p in children)], lines, period.id),
        mapped=_mapped(run, where.code, lines, period.id), extent=extent, extent_total=_extent_total(run, extent),
        series=series, indices=_indices(run, series), methods=_methods(run, nodes), parameters=_parameters(run, nodes),
        maps=used_maps(run, nodes), sources=_sources(run, nodes), findings=run.findings, conflicts=_conflicts(run, nodes),
        reasons=check_release(run, where.code, period.id),
    )  # fmt: skip


def _cell(run: Run, quantity: str, place: str, period: str, basis: str = "", cls: str = "") -> Fact | None:
    found = run.select(quantity, place, cls, period, basis)
    return found[0] if found else None


def _labels(run: Run, facts: Iterable[Fact], partial: bool, official: bool) -> tuple[str, ...]:
    """Labels of the whole report, gravest first: those of any figure in it, the profile's, and what the release is."""
    found = {label for fact in facts for label in fact.labels} | set(run.profile.labels)
    found |= {"partial"} if partial else set()
    found |= set() if official else {"draft"}
    found |= {"synthetic"} if run.zone.synthetic else set()
    return tuple(gravest_first(sorted(found)))


# ---- services, classes, places --------------------------------------------------------------------------------------


def class_names(run: Run) -> dict[str, tuple[str, str]]:
    """Ecosystem classes of the zone, in its order: id -> (Chinese, English)."""
    declared = run.zone.config.get("extent", {}).get("class", ())
    return {c["id"]: (c.get("zh", c["id"]), c.get("en", c["id"])) for c in declared}


def _classes(run: Run, lines: list[ServiceLine], place: str, period: str) -> list[tuple[ServiceLine, list[ClassRow]]]:
    """Services that are split by class, each with all its classes, refused ones too."""
    names = class_names(run)
    cells = [f for f in run.facts if f.place == place and f.period == period and f.service and f.cls]
    groups = []
    for line in lines:
        own = [f for f in cells if f.service == line.service.id]
        rows = []
        for cls, (zh, en) in names.items():
            physical = next((f for f in own if f.cls == cls and f.role == "physical"), None)
            values = {f.basis: f for f in own if f.cls == cls and f.role == "value"}
            if physical or values:
                rows.append(ClassRow(cls, zh, en, physical, values))
        if any(f is not None and not f.refused for row in rows for f in (row.physical, *row.values.values())):
            groups.append((line, rows))
    return groups


def _asked(run: Run, lines: list[ServiceLine]) -> list[tuple[str, str, str, str]]:
    """Quantities an account lists over places: figures, the accounted sum, then each service. (quantity, basis, zh, en)"""
    asked = [(q, "", *run.names(q)) for q in run.profile.figures]
    asked += [(ACCOUNTED, basis, "", "") for basis in run.profile.bases()]
    for line in lines:
        for fact in (line.physical, *line.value.values()):
            if fact is not None:
                asked.append((fact.quantity, fact.basis, *run.names(fact.quantity)))
    return list(dict.fromkeys(asked))


def _over(run: Run, codes: list[str], lines: list[ServiceLine], period: str) -> list[ByPlace]:
    tables = []
    for quantity, basis, zh, en in _asked(run, lines):
        cells = {code: f for code in codes if (f := _cell(run, quantity, code, period, basis)) is not None}
        unit = next((f.unit for f in cells.values() if f.unit), "")
        tables.append(ByPlace(quantity, zh, en, basis, unit, cells))
    return tables


def _by_place(run: Run, codes: list[str], lines: list[ServiceLine], period: str) -> list[ByPlace]:
    """Quantities that at least one of the places below has, with the place itself first."""
    if len(codes) == 1:
        return []
    return [
        t for t in _over(run, codes, lines, period) if any(not t.cells[c].refused for c in codes[1:] if c in t.cells)
    ]


def _mapped(run: Run, place: str, lines: list[ServiceLine], period: str) -> ByPlace | None:
    """The quantity of the map: the one that most of the smallest places have; of several, a mean before a sum."""
    leaves = [code for code in run.zone.leaves(place) if code in run.zone.boundaries.shapes]
    tables = [t for t in _over(run, leaves, lines, period) if t.given > 1] if len(leaves) > 1 else []
    if not tables:
        return None

    def rank(table: ByPlace) -> tuple[int, bool]:
        recipe = run.profile.recipes.get(table.quantity)
        return table.given, bool(recipe and recipe.rollup == "area_mean")

    return max(tables, key=rank)


# ---- extent ---------------------------------------------------------------------------------------------------------


def _extent(run: Run, place: str, period: str) -> list[ExtentRow]:
    names = class_names(run) | {UNALLOCATED: ("", "")}
    cells = run.extent(place, period)
    rows = []
    for cls, (zh, en) in names.items():
        own = {f.quantity.removeprefix("extent."): f for f in cells if f.cls == cls}
        if own:
            rows.append(ExtentRow(cls, zh, en, own))
    return rows


def _extent_total(run: Run, rows: list[ExtentRow]) -> dict[str, Fact | None]:
    """The area the account closes on: the `whole` that the unallocated remainder was taken from."""
    totals: dict[str, Fact | None] = {}
    for row in rows:
        if row.cls != UNALLOCATED:
            continue
        for entry in ("opening", "closing"):
            fact = row.cells[entry]
            node = run.nodes.get(fact.key)
            whole = next((run.nodes[k] for role, k in node.args if role == "whole"), None) if node else None
            totals[entry] = _fact_of(run, whole, fact) if whole else None
    return totals


def _fact_of(run: Run, node: Node, like: Fact) -> Fact:
    value, span, reach = figure_of(node, run.scenarios)
    return Fact(node.key, "figure", node.quantity, like.place, like.period, unit=node.unit, value=value, span=span, range=reach,
                labels=node.labels, refusal=node.refusal)  # fmt: skip


# ---- several years --------------------------------------------------------------------------------------------------


def _series(run: Run, place: str, bases: tuple[str, ...]) -> list[SeriesRow]:
    """Values of each service and their sum over the periods, on every price basis; empty with one period."""
    periods = [p.id for p in run.zone.periods]
    if len(periods) < 2:
        return []
    by_period = {p: {line.service.id: line for line in run.services(place, p)} for p in periods}
    rows = []
    for basis in bases:
        for id, line in by_period[periods[-1]].items():
            cells = {p: f for p in periods if (f := value_of(by_period[p][id], basis)) is not None}
            if any(not f.refused for f in cells.values()):
                rows.append(SeriesRow(line, basis, cells))
        sums = {p: f for p in periods if (f := _cell(run, ACCOUNTED, place, p, basis)) is not None}
        if any(not f.refused for f in sums.values()):
            rows.append(SeriesRow(None, basis, sums))
    return rows


def _indices(run: Run, series: list[SeriesRow]) -> list[Index]:
    """Laspeyres quantity index and implicit price index of the accounted sum (gep.md section 4)."""
    sums = {row.basis: row.cells for row in series if row.line is None}
    indices = []
    for basis, constant in sums.items():
        if not basis.startswith("constant-"):
            continue
        year = basis.removeprefix("constant-")
        base = next((p.id for p in run.zone.periods if str(p.year) == year and p.id in constant), None)
        if base is None:
            zh, en = (
                f"没有 {year} 年的核算，数量指数没有基期。",
                f"there is no account of {year}: the quantity index has no base.",
            )
            indices.append(Index("quantity", basis, {}, zh, en))
        else:
            indices.append(_ratio("quantity", basis, constant, dict.fromkeys(constant, constant[base])))
        if "current" in sums:
            indices.append(_ratio("price", basis, sums["current"], constant))
    return indices


def _ratio(kind: str, basis: str, over: Mapping[str, Fact], under: Mapping[str, Fact]) -> Index:
    """over/under per period; None where a figure is missing or the two sums count different services."""
    values = {p: _quotient(f, under[p]) for p, f in over.items() if p in under}
    if any(v is None for v in values.values()):
        zh, en = (
            "两期算出的服务不同，或数值不全，该期不给指数。",
            "no index where the sums count different services or a figure is missing.",
        )
        return Index(kind, basis, values, zh, en)
    return Index(kind, basis, values)


def _quotient(over: Fact, under: Fact) -> float | None:
    if over.value is None or not under.value or _missing(over) != _missing(under):
        return None
    return over.value * factor(over.unit, under.unit) / under.value


def _missing(fact: Fact) -> set[str]:
    return {flag for flag in fact.flags if flag.startswith("missing:")}


# ---- annexes --------------------------------------------------------------------------------------------------------


def _methods(run: Run, nodes: list[Node]) -> list[Method]:
    return [run.domains.registry[ref] for ref in sorted({n.method for n in nodes if n.method})]


def _parameters(run: Run, nodes: list[Node]) -> list[ParameterUse]:
    hashes = run.manifest["domains"] | {n.removeprefix("inputs/zone/"): h for n, h in run.manifest["files"].items()}
    rows = {n.row["key"]: n.row for n in nodes if n.kind == "parameter" and n.row}
    filled = run.manifest["files"].get("inputs/filled.csv", "")

    def sha(row: Mapping[str, Any]) -> str:
        return str(hashes.get(row["origin"], filled if row.get("filled_by") else ""))

    ordered = sorted(rows.values(), key=lambda r: (r["parameter"], r["set"], r["year"], r["cls"]))
    return [ParameterUse(row, sha(row)) for row in ordered]


def _sources(run: Run, nodes: list[Node]) -> list[Source]:
    hashes = {n.removeprefix("inputs/zone/"): h for n, h in run.manifest["files"].items()}
    groups: dict[tuple[str, str, str], list[str]] = {}
    for node in nodes:
        if node.kind == "input" and node.row:
            for row in node.row.get("parts") or [node.row]:
                groups.setdefault((row["source_title"], row["issuer"], row["file"]), []).append(row["status"])
    return [
        Source(
            title, issuer, file, hashes.get(file, ""), tuple(sorted(set(statuses))), len(statuses), _terms(run, title)
        )
        for (title, issuer, file), statuses in sorted(groups.items())
    ]


def _terms(run: Run, title: str) -> str:
    """Terms of use that the zone's catalogue (rasters, series, boundaries) states for a document; '' where it states none."""
    entries = [*run.zone.config.get("raster", ()), *run.zone.config.get("series", ()), run.zone.boundary_source]
    return next(
        (e["licence"] for e in entries if e.get("licence") and e.get("title") and title.startswith(e["title"])), ""
    )


def _conflicts(run: Run, nodes: list[Node]) -> list[list[InputFact]]:
    """Official figures that disagree, where the account uses one of them."""
    used = {n.key for n in nodes if n.kind == "input"}
    return [group for group in run.zone.facts.conflicts() if any(f.key in used for f in group)]


def documents(refusals: Iterable[Refusal | None]) -> list[str]:
    """Documents that would fill what is refused, each once."""
    leaves = (leaf for refusal in refusals if refusal for leaf in refusal.leaves())
    return list(dict.fromkeys(leaf.document for leaf in leaves if leaf.document))
