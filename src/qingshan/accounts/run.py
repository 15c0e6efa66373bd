"""A run: one zone under one profile, resolved, sealed in a folder, readable by every face.

The folder `runs/<id>/` holds `manifest.json` (hash of every other file), `facts.jsonl` (the published cells),
`nodes.jsonl` (every step), `refusals.jsonl` (each reason once), `findings.jsonl`, and `inputs/` (the zone's files as read,
the filled rows). The id is the hash of the manifest: the same inputs give the same folder, and a changed byte anywhere shows.
"""

from __future__ import annotations

import json
import platform
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import qingshan
from qingshan.core.baseline import enabled_kernels
from qingshan.core.canonical import canonical, digest, file_digest, write_atomic
from qingshan.core.domain import Domains, load_domains
from qingshan.core.errors import QingshanError, UnknownName
from qingshan.core.finding import Finding
from qingshan.core.parameter import ParameterRow, Parameters, read_rows
from qingshan.zone.zone import Zone, open_zone

from .asked import Asked
from .cells import ACCOUNTED, STOCK, Fact, Progress, Service, ServiceLine, compute, figure_of, services_catalogue
from .extent import unbalanced
from .figure import Node, Refusal, read_refusals, refusal_lines
from .fill import filled_rows
from .home import FOLDER, asked_path, pointers, runs_folder, store_path
from .montecarlo import uncertainty
from .profile import Profile, find_profile, settled
from .raster.plan import RasterPlan, plan_rasters
from .raster.run import How
from .resolver import Resolver, Stats
from .rounds import round_findings
from .seal import changed_files, seal_inputs, seen, software
from .sources import Scenarios
from .store import Store

RESULTS = ("facts.jsonl", "nodes.jsonl", "refusals.jsonl", "findings.jsonl")
UNCERTAINTY = "uncertainty.jsonl"
_OPENED: dict[str, Zone] = {}


# ---- running and sealing --------------------------------------------------------------------------------------------


def run_account(
    zone: Zone | str | Path | None = None, profile: str | None = None, *, progress: Progress | None = None,
    period: str = "", place: str = "", how: How | None = None, draws: int = 0, seed: int = 0,
) -> Run:  # fmt: skip
    """Compute one account and seal it. Idempotent: unchanged inputs give the same run and compute nothing.

    `period` and `place` (with all below it) limit the account; `how` says how rasters are computed and where they are
    written; `draws` of the declared distributions from `seed` give its uncertainty.

    Raises `ZoneError`, `UnknownName`, `DeclarationError`. Refusals are cells of the result, not errors.
    """
    live = zone if isinstance(zone, Zone) else open_zone(zone)
    domains = load_domains()
    chosen = find_profile(domains, profile or live.config["zone"]["default_profile"])
    filled = filled_rows(live, chosen.id)
    wanted = Asked.of(live, period, place, draws, seed)
    runs_folder().mkdir(parents=True, exist_ok=True)
    plan = plan_rasters(
        live, chosen, domains, _all_rows(domains, live, filled), wanted.periods or tuple(p.id for p in live.periods)
    )
    identity: dict[str, Any] = {
        "zone": seen(live), "filled": [r.key for r in filled], "profile": chosen.key, "software": software(domains),
    }  # fmt: skip
    if plan or wanted != Asked():
        identity |= {"rasters": plan.key if plan else "", "asked": [wanted.periods, wanted.places, draws, seed]}
    asked = asked_path(digest(identity))
    how = how or How()
    run = _known(asked)
    if run is None:
        run = _computed(live, chosen, domains, filled, asked, progress, plan, wanted, how)
    elif plan and how.writes:
        plan.figures(how)
    write_atomic(pointers(live) / FOLDER, str(live.path.resolve()).encode())
    if not wanted.places or not (pointers(live) / chosen.id).is_file():
        write_atomic(pointers(live) / chosen.id, run.id.encode())
    return run


def _all_rows(domains: Domains, zone: Zone, filled: list[ParameterRow]) -> Parameters:
    """The parameter rows of a run, in their layers."""
    parameters = domains.parameters()
    parameters.add(zone.parameters)
    parameters.add(filled)
    return parameters


def _known(asked: Path) -> Run | None:
    """The run that the same zone, filled rows, profile and software gave before, if it still is as sealed."""
    if not asked.is_file():
        return None
    known = json.loads(asked.read_bytes())
    folder = runs_folder() / known["run"]
    if not (folder / "manifest.json").is_file():
        return None
    run = Run(folder)
    require_whole(folder, run.manifest["files"])
    run.stats = Stats(reused=known["steps"])
    return run


def _computed(live: Zone, profile: Profile, domains: Domains, filled: list[ParameterRow], asked: Path, progress: Progress | None,
              plan: RasterPlan | None, wanted: Asked, how: How) -> Run:  # fmt: skip
    part = Path(tempfile.mkdtemp(prefix=".sealing-", dir=runs_folder()))
    try:
        seal_inputs(live, filled, part / "inputs")
        sealed = sealed_zone(part)  # compute from the sealed copy: a replay reads the same bytes
        parameters = _all_rows(domains, sealed, sealed_fills(part))
        figures = plan.figures(how) if plan else None
        with Store(store_path()) as store:
            resolver, cells = compute(sealed, profile, domains, parameters, store, progress, rasters=figures,
                                      periods=wanted.periods, places=wanted.places)  # fmt: skip
            resolver.stats.computed += plan.computed if plan else 0
            if wanted.draws:
                write_lines(
                    part / UNCERTAINTY,
                    uncertainty(resolver, cells, plan, wanted.draws, wanted.seed, replace(how, writes=None)),
                )
            folder = _seal(part, sealed, profile, domains, resolver, cells, plan, wanted)
    finally:
        shutil.rmtree(part, ignore_errors=True)  # after sealing it bears its final name
    run = Run(folder)
    run.stats = resolver.stats
    write_atomic(asked, canonical({"run": run.id, "steps": run.stats.computed + run.stats.reused}))
    return run


def sealed_zone(folder: Path) -> Zone:
    """The zone of a sealed run. Runs made from the same bytes share what was read; each has its own folder as `path`, as
    the one read first may have been renamed or cleared since."""
    inputs = folder / "inputs" / "zone"
    key = digest({p.relative_to(inputs).as_posix(): file_digest(p) for p in sorted(inputs.rglob("*")) if p.is_file()})
    found = _OPENED.get(key)
    if found is None:
        found = open_zone(inputs)
        _OPENED.clear()  # one zone at a time: the profiles of a zone follow each other
        _OPENED[key] = found
    return replace(found, path=inputs)


def sealed_fills(folder: Path) -> list[ParameterRow]:
    """The filled rows a run was made with."""
    path = folder / "inputs" / "filled.csv"
    return read_rows(path, "inputs/filled.csv") if path.exists() else []


def _seal(part: Path, zone: Zone, profile: Profile, domains: Domains, resolver: Resolver, cells: list[Fact],
          plan: RasterPlan | None, wanted: Asked) -> Path:  # fmt: skip
    """Write the results beside the sealed inputs, then rename: a reader sees a whole run or none.

    Raises `QingshanError` where the same run is on file and was changed since.
    """
    write_results(part, resolver, cells, plan)
    files = {p.relative_to(part).as_posix(): file_digest(p) for p in sorted(part.rglob("*")) if p.is_file()}
    manifest = {
        "format": 2, "zone": zone.id, "profile": profile.id, "profile_key": profile.key, "synthetic": zone.synthetic,
        "periods": [p.id for p in zone.periods if not wanted.periods or p.id in wanted.periods],
        "scenarios": list(resolver.scenarios.rows), "central": list(resolver.scenarios.central),
        "files": files, "domains": domains.hashes, "methods": {n.method: n.code for n in resolver.nodes.values() if n.method},
        "software": {"qingshan": qingshan.__version__, "python": platform.python_version(), "numpy": np.__version__,
                     "machine": platform.machine(), "kernels": enabled_kernels()},
        **wanted.record(), **({"rasters": plan.keys} if plan else {}),
    }  # fmt: skip
    (part / "manifest.json").write_bytes(canonical(manifest))
    final = runs_folder() / f"{zone.id}-{profile.id}-{digest(manifest)[:12]}"
    try:
        part.rename(final)
    except OSError:
        if not final.exists():
            raise
        require_whole(final, files)
    return final


def require_whole(folder: Path, files: Mapping[str, str]) -> None:
    """Raise `QingshanError` where a sealed run is no longer the bytes that were sealed."""
    if changed := changed_files(folder, files):
        raise QingshanError(
            f"the run on file was changed after sealing: {', '.join(changed[:5])}.", f"已封存的核算被改动过：{'、'.join(changed[:5])}。",
            where=folder.name, fix="move that folder away and run again",
        )  # fmt: skip


def write_results(folder: Path, resolver: Resolver, cells: list[Fact], plan: RasterPlan | None = None) -> None:
    """Everything a replay must reproduce to the byte."""
    nodes = [resolver.nodes[k] for k in sorted(resolver.nodes)]
    findings = [
        *resolver.zone.findings,
        *(plan.findings() if plan else ()),
        *unbalanced(resolver, [resolver.nodes[c.key] for c in cells if c.role == "extent"]),
        *round_findings(resolver, [resolver.nodes[c.key] for c in cells]),
    ]
    write_lines(folder / "facts.jsonl", (c.line() for c in cells))
    write_lines(folder / "nodes.jsonl", (n.record() for n in nodes))
    write_lines(folder / "refusals.jsonl", refusal_lines([*(n.refusal for n in nodes), *(c.refusal for c in cells)]))
    write_lines(folder / "findings.jsonl", (f.record() for f in findings))


def write_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    path.write_bytes(b"".join(canonical(r) + b"\n" for r in records))


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


# ---- reading --------------------------------------------------------------------------------------------------------


def find_run(name: str | Path) -> Path:
    """Folder of a run: a path, a run id, its hash, or `zone/profile` for the newest."""
    path = Path(name)
    if (path / "manifest.json").exists():
        return path
    text = str(name)
    if "/" in text:
        zone, _, profile = text.partition("/")
        mark = pointers(zone) / profile
        text = mark.read_text() if zone and profile and mark.is_file() else text
    whole = [p for p in sorted(runs_folder().glob("[!.]*")) if (p / "manifest.json").exists()]
    fits = [p for p in whole if p.name == text or p.name.endswith(f"-{text}")]
    if len(fits) != 1:
        known = ", ".join(p.name for p in whole[:8]) or "none yet"
        raise UnknownName(
            f"no run {text!r}; on file: {known}.",
            f"没有核算 {text!r}；现有：{known}。",
            fix="name a run of `qingshan run`, or the folder of a run, a release or a dossier"
            " / 写出 `qingshan run` 的核算编号，或核算、发布件、案卷的文件夹",
        )
    return fits[0]


def open_run(name: str | Path) -> Run:
    """A sealed run, of an account or of forest inventories."""
    run = Run(find_run(name))
    if run.manifest.get("kind") == "inventory":
        from .inventory.sealed import ForestRun  # noqa: PLC0415 - needs the extra geo

        return ForestRun(run.path)
    return run


def latest_runs(zone: Zone | str) -> dict[str, Run]:
    """The newest run of each account profile of a zone, in the order of the zone's own list.

    A zone given by its id is found as long as only one folder bears it; else `UnknownName` names them.
    """
    found: dict[str, Run] = {}
    for mark in sorted(pointers(zone).glob("[!.]*")):
        folder = runs_folder() / mark.read_text()
        if (folder / "manifest.json").exists() and "kind" not in (run := Run(folder)).manifest:
            found[mark.name] = run
    listed = next(iter(found.values())).zone.config["zone"].get("profiles", []) if found else []
    return {
        name: found[name] for name in sorted(found, key=lambda n: (listed.index(n) if n in listed else len(listed), n))
    }


class Run:
    """A sealed run. Reading only."""

    def __init__(self, folder: Path) -> None:
        self.path, self.id = folder, folder.name
        self.manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())
        self.stats: Stats | None = None

    @cached_property
    def zone(self) -> Zone:
        """The zone as sealed, so that an old run keeps its own inputs."""
        return sealed_zone(self.path)

    @cached_property
    def domains(self) -> Domains:
        return load_domains()

    @cached_property
    def profile(self) -> Profile:
        """The profile as it holds in the zone."""
        return settled(find_profile(self.domains, self.manifest["profile"]), self.zone, self.parameters)

    @cached_property
    def parameters(self) -> Parameters:
        parameters = self.domains.parameters()
        parameters.add(self.zone.parameters)
        parameters.add(sealed_fills(self.path))
        return parameters

    @cached_property
    def scenarios(self) -> Scenarios:
        return Scenarios(tuple(self.manifest["scenarios"]), tuple(self.manifest["central"]))

    @cached_property
    def facts(self) -> list[Fact]:
        return [Fact.of(r, self.refusals) for r in read_lines(self.path / "facts.jsonl")]

    @cached_property
    def nodes(self) -> dict[str, Node]:
        return {r["key"]: Node.of(r, self.refusals) for r in read_lines(self.path / "nodes.jsonl")}

    @cached_property
    def refusals(self) -> dict[str, Refusal]:
        return read_refusals(read_lines(self.path / "refusals.jsonl"))

    @cached_property
    def findings(self) -> list[Finding]:
        return [Finding(**r) for r in read_lines(self.path / "findings.jsonl")]

    @cached_property
    def uncertainty(self) -> list[dict[str, Any]]:
        """A head (draws, seed, distributions, status) and a record per figure with its interval; the head alone: not assessed."""
        path = self.path / UNCERTAINTY
        return read_lines(path) if path.is_file() else [{"draws": 0, "distributions": [], "status": "not assessed"}]

    @cached_property
    def _index(self) -> dict[tuple[str, str], list[Fact]]:
        index: dict[tuple[str, str], list[Fact]] = {}
        for fact in self.facts:
            index.setdefault((fact.quantity, fact.place), []).append(fact)
        return index

    def select(self, quantity: str | None = None, place: str | None = None, cls: str | None = None, period: str | None = None,
               basis: str | None = None) -> list[Fact]:  # fmt: skip
        """Facts that fit; `None` does not filter."""
        pool = self._index.get((quantity, place), []) if quantity and place else self.facts
        wanted = {"quantity": quantity, "place": place, "cls": cls, "period": period, "basis": basis}
        return [f for f in pool if all(v is None or getattr(f, k) == v for k, v in wanted.items())]

    def fact(self, quantity: str, place: str, period: str | None = None, cls: str = "", basis: str = "") -> Fact:
        """One cell. Raises `UnknownName` naming the quantities of the place."""
        found = self.select(quantity, self.zone.place(place).code, cls, period or self.default_period, basis)
        if not found:
            known = ", ".join(sorted({f.quantity for f in self.facts if f.place == place and not f.cls}))
            raise UnknownName(
                f"{self.id} has no {quantity!r} for {place}; it has: {known}.", f"核算里没有 {place} 的 {quantity!r}。"
            )
        return found[0]

    @property
    def default_period(self) -> str:
        return str(self.manifest["periods"][-1])

    @property
    def label(self) -> str:
        return self.profile.labels[0] if self.profile.labels else ""

    def services(self, place: str, period: str | None = None) -> list[ServiceLine]:
        """Every service of the catalogue with what this run has for it."""
        period = period or self.default_period
        uses = {u.id: u for u in self.profile.services}
        cells = [f for f in self.facts if f.place == place and f.period == period and f.service and not f.cls]
        lines = []
        for id, service in services_catalogue(self.domains).items():
            use = uses.get(id)
            if use is None or use.included != "yes":
                zh = use.reason_zh if use and use.reason_zh else "本口径不含此项。"
                en = use.reason_en if use and use.reason_en else "not in this profile."
                lines.append(
                    ServiceLine(
                        service, use.included if use else "no", None, {}, Refusal("not_applicable", zh, en, needs=id)
                    )
                )
                continue
            physical = next((f for f in cells if f.service == id and f.role == "physical"), None)
            value = {f.basis: f for f in cells if f.service == id and f.role == "value"}
            heads = [physical] if physical else list(value.values())
            refusal = heads[0].refusal if heads and all(f.refused for f in heads) else None
            lines.append(ServiceLine(service, "yes", physical, value, refusal))
        return lines

    def accounted(self, place: str, period: str | None = None, basis: str | None = None) -> Fact | None:
        """Sum of the services that could be valued: "accounted services", never GEP while any is missing."""
        bases = self.profile.bases()
        if not bases:
            return None
        return self.fact(ACCOUNTED, place, period, basis=basis or bases[0])

    def extent(self, place: str, period: str | None = None) -> list[Fact]:
        return [
            f
            for f in self.facts
            if f.role == "extent" and f.place == place and f.period == (period or self.default_period)
        ]

    @cached_property
    def _resolver(self) -> Resolver:
        return Resolver(self.zone, self.profile, self.domains, self.parameters, Store(None))

    @property
    def classes(self) -> dict[str, dict[str, Any]]:
        """The zone's ecosystem classes by id: zh, en and the fact that gives the area."""
        return self._resolver.extent_classes

    @property
    def groups(self) -> dict[str, dict[str, Any]]:
        """The classes that the zone takes together, by id: zh, en, classes."""
        return self._resolver.groups

    def names(self, quantity: str) -> tuple[str, str]:
        """Chinese and English name of any quantity."""
        service = services_catalogue(self.domains).get(quantity.removeprefix("gep.service."))
        return (service.zh, service.en) if service else self._resolver.names(quantity)

    def quantity(self, id: str) -> dict[str, str]:
        """Names and units of any quantity."""
        zh, en = self.names(id)
        recipe = self.profile.recipes.get(id)
        unit = self.domains.registry[recipe.method].result.unit if recipe else ""
        return {"zh": zh, "en": en, "unit": unit, "display_unit": (recipe.display if recipe else "") or unit}

    @cached_property
    def _users(self) -> dict[str, list[str]]:
        users: dict[str, list[str]] = {}
        for node in self.nodes.values():
            for _, key in node.args:
                users.setdefault(key, []).append(node.key)
        return users

    def above(self, key: str) -> set[str]:
        """Keys of every node that stands on this one, directly or through others."""
        above, queue = set(), [key]
        while queue:
            for user in self._users.get(queue.pop(), ()):
                if user not in above:
                    above.add(user)
                    queue.append(user)
        return above

    def users(self, key: str) -> list[Fact]:
        """Published cells that stand on this node."""
        above = self.above(key)
        return [f for f in self.facts if f.key in above]

    def explain(self, key: str, depth: int | None = None) -> dict[str, Any]:
        """The pedigree tree of a node, `depth` levels deep (all of them by default)."""
        from .explain import MAX_DEPTH, explain  # noqa: PLC0415 - explain reads runs

        return explain(self, key, MAX_DEPTH if depth is None else depth)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{f.place}</td><td>{f.quantity}</td><td>{f.value}</td><td>{f.unit}</td></tr>"
            for f in self.facts[:20]
        )
        return f"<h4>{self.id}</h4><table>{rows}</table>"

    @property
    def table(self) -> Any:
        """All cells as a polars frame."""
        import polars as pl  # noqa: PLC0415 - only when asked

        rows = [f.record() | {"low": f.low, "high": f.high, "labels": "; ".join(f.labels), "refusal": f.refusal.zh if f.refusal else None}
                for f in self.facts]  # fmt: skip
        keep = (
            "role",
            "service",
            "quantity",
            "place",
            "cls",
            "period",
            "basis",
            "value",
            "low",
            "high",
            "unit",
            "labels",
            "refusal",
            "key",
        )
        return pl.DataFrame([{k: r.get(k) for k in keep} for r in rows], infer_schema_length=None)


__all__ = [
    "ACCOUNTED",
    "RESULTS",
    "STOCK",
    "Fact",
    "Progress",
    "Refusal",
    "Run",
    "Service",
    "ServiceLine",
    "compute",
    "figure_of",
    "find_run",
    "latest_runs",
    "open_run",
    "run_account",
    "services_catalogue",
]
