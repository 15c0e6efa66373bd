"""The dossier of a project: computed reductions by parcel and vintage, with everything a verifier asks for.

The creditable total is rounded down to whole kg and shared out exactly: among the parcels by area times the mean change of
their stratum, among the years by days. Parcels of a stratum that lost carbon get none; its loss is in the total.
Where every tree of every parcel is measured (a census, as of single trees), a parcel is a stratum, and its kg are shared out
exactly among its trees by what each gained.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from qingshan.accounts.home import home, zone_key
from qingshan.core.canonical import digest
from qingshan.core.errors import OutOfBounds, RefusedRelease
from qingshan.core.finding import Finding
from qingshan.observe.change import StockChange, carbon_per_tree, stock_change
from qingshan.observe.inventory import Inventory, read_inventory
from qingshan.zone.zone import Zone

from .index import Overlap
from .methodology import Methodology, Reduction, issue, methodology, reduction
from .plausible import UNIT, check_plausible, read_bands
from .project import Project, claims_of, evidence_of, read_project, stratum_areas
from .table import ClaimTable
from .words import declaration

__all__ = [
    "Dossier",
    "KeptDossier",
    "Line",
    "TreeLine",
    "dossier_of",
    "dossiers",
    "labels_said",
    "open_dossier",
    "projects_folder",
    "vintages",
]


@dataclass(frozen=True, slots=True)
class Line:
    """Whole kg CO2 of one parcel in one vintage (calendar year)."""

    parcel: str
    vintage: int
    kg: int


@dataclass(frozen=True, slots=True)
class TreeLine:
    """Whole kg CO2 of one tree of a parcel in one vintage."""

    parcel: str
    tree: str
    vintage: int
    kg: int


@dataclass(frozen=True)
class Dossier:
    """What a project comes to. `refusals` are the reasons why no unit may be issued from it (`English / 中文`)."""

    project: Project
    change: StockChange
    reduction: Reduction
    lines: tuple[Line, ...]
    evidence: Mapping[str, str]
    findings: tuple[Finding, ...]
    refusals: tuple[str, ...]
    trees: tuple[TreeLine, ...] = ()

    @property
    def label(self) -> str:
        return "draft" if self.refusals or self.reduction.label != "final" else "final"

    @property
    def kg(self) -> int:
        return sum(line.kg for line in self.lines)

    def of_parcel(self, parcel: str) -> int:
        return sum(line.kg for line in self.lines if line.parcel == parcel)

    def record(self) -> dict[str, Any]:
        """Everything as plain data, in a fixed order."""
        made, chosen = self.reduction, self.reduction.methodology
        baseline, leakage = self.project.stated("baseline"), self.project.stated("leakage")
        return {
            "project": self.project.record(),
            "parcels": [
                {"parcel": p.id, "title": p.title, "species": p.species, "planted": p.planted, "stratum": p.stratum, "hm2": p.hm2,
                 "kg_co2e": self.of_parcel(p.id)} for p in self.project.parcels
            ],
            "methodology": {"id": chosen.id, "zh": chosen.zh, "en": chosen.en, "aspects": [a.record() for a in chosen.aspects.values()],
                            "open": [dict(o) for o in chosen.open]},
            "change": {"kind": self.change.kind, "estimator": self.change.estimator, "auxiliary": self.change.auxiliary,
                       **self.change.estimate.record(),
                       "opening": None if self.change.opening is None else self.change.opening.record(), "closing": self.change.closing.record(),
                       "strata": [{"stratum": n, "hm2": float(a), "mean": float(m)} for n, a, m in
                                  zip(self.change.strata, self.change.area, self.change.mean, strict=True)]},
            "deducted": made.deducted, "baseline": {"t_co2": baseline[0], "source": baseline[1]},
            "leakage": {"t_co2": leakage[0], "source": leakage[1]}, "net": made.net, "creditable": made.creditable, "kg_co2e": self.kg,
            "label": self.label, "lines": [{"parcel": x.parcel, "vintage": x.vintage, "kg": x.kg} for x in self.lines],
            "evidence": dict(self.evidence), "evidence_digest": digest(dict(self.evidence)),
            "findings": [f.record() for f in self.findings], "refusals": list(self.refusals),
            **({"trees": [{"parcel": x.parcel, "tree": x.tree, "vintage": x.vintage, "kg": x.kg} for x in self.trees]} if self.trees else {}),
        }  # fmt: skip

    def monitoring_report(self) -> dict[str, Any]:
        """What was measured and what it comes to."""
        record = self.record()
        return {
            k: record[k]
            for k in (
                "project",
                "parcels",
                "change",
                "deducted",
                "baseline",
                "leakage",
                "net",
                "creditable",
                "label",
                "findings",
            )
        }

    def verification_request(self) -> dict[str, Any]:
        """What a verifier is asked to confirm, by hashes of the evidence; `may_issue` only where nothing stands against it."""
        record = self.record()
        asked = {
            k: record[k]
            for k in ("project", "methodology", "kg_co2e", "lines", "label", "evidence", "evidence_digest", "refusals")
        }
        return {**asked, "monitoring_report": digest(self.monitoring_report()), "may_issue": not self.refusals}


def dossier_of(folder: Path, table: ClaimTable | None) -> Dossier:
    """Compute the dossier of a project folder, checked against a table of claims (None: not checked); nothing is entered there.

    Raises `DoubleCounted` with the map of the overlap, `DeclarationError`, `OutOfBounds`, `FaultyInventory`, `TooFewPlots`.
    """
    project = read_project(folder)
    chosen = methodology(project.methodology)
    _suited(project, chosen)
    if table is not None:
        table.refuse(table.in_crs(claims_of(project), project.crs))
    measured = declaration()["measured"]
    if project.pool != measured:
        raise OutOfBounds(
            f"the reductions of {project.id} are computed from trees, its pool is {project.pool!r}.",
            f"{project.id} 的减排量由林木算出，碳库却写作 {project.pool!r}。", where="project.toml: pool",
            fix=f'write pool = "{measured}": a pool that was not measured backs nothing / 写 pool = "{measured}"：没有测的碳库不能作依据',
        )  # fmt: skip
    given, (estimator, auxiliary) = project.settings.get("inventory", {}), project.estimator
    opening = read_inventory(folder / "opening") if (folder / "opening").is_dir() else None
    closing = read_inventory(folder / "closing")
    if closing.design.census:
        project = _counted(project, closing)
    change = stock_change(
        closing, opening, project.rule, quantity=given.get("quantity", "total"),
        carbon_set=given.get("carbon_set", "ar_tool14"), equations=project.equations, estimator=estimator, auxiliary=auxiliary,
    )  # fmt: skip
    findings = stratum_areas(project, change.strata, change.area)
    if findings:
        raise OutOfBounds(findings[0].en, findings[0].zh, where=findings[0].where(), fix=findings[0].fix)
    checked = _eligible(project)
    made = reduction(
        project.methodology, change.estimate, project.facts(project.parcels[0]), baseline=project.stated("baseline")[0],
        leakage=project.stated("leakage")[0],
    )  # fmt: skip
    kg = max(0, math.floor(made.creditable * 1000 + 1e-6))
    findings = [*checked, *(f for f in made.findings if f.code == "deduction_open"), *change.findings]
    lines = _shared(project, change, kg)
    counted = closing.design.census
    both = opening is None or opening.design.census
    trees = _by_tree(project, closing, opening, lines) if counted and both else []
    if counted and not both:
        findings.append(Finding(
            "warning", "trees_not_shared", "every tree is measured now, only a sample was before: what each gained is not known, so trees get no share.",
            "现已逐株测量，但此前只测了样木：各株增量不明，故不按株分配。",
        ))  # fmt: skip
    findings += _plausible(project, change)
    if kg == 0:
        findings.append(Finding("warning", "nothing_creditable", f"the creditable reduction is {made.creditable:.4g} t CO2: no unit.",
                                f"可计入减排量为 {made.creditable:.4g} t CO2，不产生单位。"))  # fmt: skip
    return Dossier(
        project,
        change,
        made,
        tuple(lines),
        evidence_of(folder),
        tuple(dict.fromkeys(findings)),
        tuple(_refusals(project, [*checked, *change.findings])),
        tuple(trees),
    )


def _suited(project: Project, chosen: Methodology) -> None:
    """Whether scheme and estimator are those of the methodology. Raises `OutOfBounds`."""
    if chosen.scheme and chosen.scheme != project.scheme:
        raise OutOfBounds(
            f"{chosen.id} belongs to the scheme {chosen.scheme}, not {project.scheme}.",
            f"{chosen.id} 属于 {chosen.scheme}，不是 {project.scheme}。",
            where="project.toml",
            fix="correct scheme or methodology / 更正机制或方法学",
        )
    estimator, known = project.estimator[0], chosen.estimators
    if known and estimator not in known:
        raise OutOfBounds(
            f"{chosen.en} does not estimate by {estimator}.", f"{chosen.zh} 不用估计量 {estimator}。",
            where="project.toml: [inventory] estimator", fix=f"one of {', '.join(known)} / 取 {'、'.join(known)} 之一",
        )  # fmt: skip


def _counted(project: Project, closing: Inventory) -> Project:
    """The project with the live trees of each parcel counted. Raises `OutOfBounds` where a parcel is no stratum, or states another number."""
    closing.used()
    many = np.bincount(
        closing.plots.stratum[closing.trees.plot[closing.trees.live]], minlength=len(closing.design.names)
    )
    found = {n: int(c) for n, c in zip(closing.design.names, many, strict=True)}
    for p in project.parcels:
        stated = project.facts(p).get("trees", found.get(p.stratum))
        if p.stratum != p.id or stated != found.get(p.id):
            raise OutOfBounds(
                f"the parcel {p.id} states {stated} trees, {found.get(p.id, 'none')} live ones are listed in a stratum of its name.",
                f"地块 {p.id} 写明 {stated} 株，同名的层中列有活立木 {found.get(p.id, 0)} 株。", where="closing/trees.csv",
                fix="in a census a parcel is its own stratum and lists all its trees / 全查时每个地块自成一层，列全其树",
            )  # fmt: skip
    return replace(project, parcels=tuple(replace(p, facts={**p.facts, "trees": found[p.id]}) for p in project.parcels))


def _by_tree(project: Project, closing: Inventory, opening: Inventory | None, lines: Sequence[Line]) -> list[TreeLine]:
    """The kg of each parcel and vintage among its trees, by what each gained; one that lost gets none."""
    given = project.settings.get("inventory", {})
    gained: dict[str, dict[str, float]] = {}
    for when, sign in ((closing, 1.0), (opening, -1.0)):
        if when is None:
            continue
        tonnes = carbon_per_tree(
            when, project.rule, given.get("quantity", "total"), given.get("carbon_set", "ar_tool14"), project.equations
        )
        for h, tree, t in zip(when.plots.stratum[when.trees.plot], when.trees.table["tree"], tonnes, strict=True):
            of = gained.setdefault(when.design.names[h], {})
            of[str(tree)] = of.get(str(tree), 0.0) + sign * float(t)
    made = []
    for line in lines:
        of = {tree: max(0.0, t) for tree, t in gained[line.parcel].items()}
        parts = _whole_parts(line.kg, list(of.values()), list(of))
        made += [TreeLine(line.parcel, tree, line.vintage, kg) for tree, kg in zip(of, parts, strict=True)]
    return made


def _eligible(project: Project) -> list[Finding]:
    """Eligibility and obligations of every parcel, one finding for each rule, with the parcels it concerns."""
    chosen = methodology(project.methodology)
    seen: dict[tuple[str, str], tuple[Finding, list[str]]] = {}
    for parcel in project.parcels:
        facts = project.facts(parcel)
        for f in (*chosen.check(facts), *chosen.monitored(facts)):
            seen.setdefault((f.code, f.field), (f, []))[1].append(parcel.id)
    made = []
    for f, of in seen.values():
        some = ", ".join(of[:5]) + (f" … ({len(of)})" if len(of) > 5 else "")
        made.append(
            Finding(
                f.level,
                f.code,
                f"{f.en} Parcels: {some}.",
                f"{f.zh}地块：{some}。",
                f.file,
                f.row,
                f.field,
                f.limit,
                f.fix,
            )
        )
    return made


def _refusals(project: Project, checked: Sequence[Finding]) -> list[str]:
    """Every reason against issue; empty where units may be issued."""
    reasons: list[str] = []
    try:
        issue(project.methodology, project.facts(project.parcels[0]), project.benefit)
    except RefusedRelease as refused:
        reasons = list(refused.reasons)
    said = set(reasons)
    reasons += [r for f in checked if (r := f"{f.en} / {f.zh}") not in said and f.level == "error"]
    if any(f.code == "unit_assumed" for f in checked):
        reasons.append(
            "the units of an equation are assumed, not printed by its source / 所用方程的单位系推断，原文未印"
        )
    if project.synthetic:
        reasons.append("the project is synthetic / 项目为合成数据")
    return reasons


def _plausible(project: Project, change: StockChange) -> list[Finding]:
    path = project.folder / "bands.csv"
    if not path.is_file():
        return []
    bands = read_bands(path)
    mean = dict(zip(change.strata, change.mean, strict=True))
    found: list[Finding] = []
    for p in project.parcels:
        age = int(project.end[:4]) - p.planted
        rate = float(mean[p.stratum]) / project.years
        found += check_plausible(p.id, rate, UNIT, p.species, age, str(p.facts.get("site_class", "")), bands)
    return found


def vintages(start: str, end: str) -> dict[int, int]:
    """Days of each calendar year in [start, end)."""
    a, b = date.fromisoformat(start), date.fromisoformat(end)
    return {
        y: (min(b, date(y + 1, 1, 1)) - max(a, date(y, 1, 1))).days
        for y in range(a.year, b.year + 1)
        if max(a, date(y, 1, 1)) < b
    }


def _shared(project: Project, change: StockChange, kg: int) -> list[Line]:
    """Whole kg by parcel and vintage that sum to `kg`: the largest remainders get what is left over."""
    mean = {n: max(0.0, float(m)) for n, m in zip(change.strata, change.mean, strict=True)}
    weights = [
        (p.id, y, p.hm2 * mean[p.stratum] * days)
        for p in project.parcels
        for y, days in vintages(project.start, project.end).items()
    ]
    if not kg or not math.fsum(w for *_, w in weights):
        return []
    parts = _whole_parts(kg, [w for *_, w in weights], [(p, y) for p, y, _ in weights])
    return [Line(p, y, n) for (p, y, _), n in zip(weights, parts, strict=True)]


def _whole_parts(kg: int, weights: Sequence[float], names: Sequence[Any]) -> list[int]:
    """Whole parts of `kg` by weight: the largest remainders get what is left over, equal ones in order of their names."""
    whole = math.fsum(weights)
    if not whole:
        return [0] * len(weights)
    exact = [kg * w / whole for w in weights]
    parts = [math.floor(x) for x in exact]
    order = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], names[i]))
    for i in order[: kg - sum(parts)]:
        parts[i] += 1
    return parts


# --- what was kept


@dataclass(frozen=True)
class KeptDossier:
    """A dossier in a folder: version `version` of the project `id`; `record` is `Dossier.record()`."""

    folder: Path
    id: str
    version: int
    record: Mapping[str, Any]

    @property
    def run(self) -> Path | None:
        """Folder of the sealed run behind its figures; None in a dossier kept before there was one."""
        found = sorted(p for p in (self.folder / "data").glob("[!.]*") if (p / "manifest.json").is_file())
        return found[0] if found else None

    @property
    def labels(self) -> frozenset[str]:
        """What qualifies any of its figures, down to the stocks they rest on."""
        run, record = self.run, self.record
        if run is None:
            words = (
                ("estimated", True),
                ("draft", record["label"] == "draft"),
                ("synthetic", record["project"]["synthetic"]),
            )
            return frozenset(word for word, on in words if on)
        return labels_said(run)

    @property
    def parcels(self) -> dict[str, Any]:
        """GeoJSON of the parcels in longitude and latitude."""
        made: dict[str, Any] = json.loads((self.folder / "parcels.geojson").read_bytes())
        return made


def labels_said(run: Path) -> frozenset[str]:
    """Labels of all figures of a sealed run; its facts are read once as long as the file is the same."""
    path = run / "facts.jsonl"
    about = path.stat()
    return _labels_in(path, (about.st_size, about.st_mtime_ns, about.st_ino))


@lru_cache(maxsize=1024)
def _labels_in(path: Path, _stamp: tuple[int, int, int]) -> frozenset[str]:
    lines = path.read_bytes().splitlines()
    return frozenset(label for line in lines for label in json.loads(line).get("labels", ()))


def projects_folder(zone: Zone) -> Path:
    return home() / "projects" / zone_key(zone)


def open_dossier(folder: Path) -> KeptDossier:
    record = json.loads((folder / "dossier.json").read_bytes())
    return KeptDossier(folder, record["project"]["id"], int(folder.name.removeprefix("v")), record)


def dossiers(zone: Zone) -> list[KeptDossier]:
    """The newest dossier of each project of a zone, by id."""
    found = []
    for project in sorted(p for p in projects_folder(zone).glob("[!.]*") if p.is_dir()):
        kept = [p for p in project.glob("v[0-9]*") if (p / "dossier.json").is_file()]
        if kept:
            found.append(open_dossier(max(kept, key=lambda p: int(p.name[1:]))))
    return found


def overlap_record(found: Sequence[Overlap]) -> list[dict[str, Any]]:
    """Overlaps as plain data, for a refusal that is kept."""
    return [
        {
            "first": o.first.id,
            "second": o.second.id,
            "m2": o.area,
            "identity": o.identity,
            "en": o.sentence("en"),
            "zh": o.sentence("zh"),
        }
        for o in found
    ]
