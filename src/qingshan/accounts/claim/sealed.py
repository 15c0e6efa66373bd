"""A dossier as a sealed run: its evidence, and every figure down to plots and trees, laid out as any run is.

    dossier folder/data/PROJECT-HASH   inputs/project, inputs/inventory/{closing,opening}: the evidence, byte for byte
                                       nodes.jsonl, facts.jsonl, manifest.json: what `explain` and the pedigree pages read

reduction of parcel and vintage <- reduction (whole kg) <- creditable <- net <- deducted, baseline, leakage
deducted <- change <- stocks <- strata <- plots (rows of the tables) and the equations that their trees took
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import qingshan
from qingshan.accounts.cells import Fact
from qingshan.accounts.figure import Node
from qingshan.accounts.inventory.declared import EQUATIONS, SETTINGS, InventorySettings
from qingshan.accounts.inventory.evaluated import Evaluated, evaluated
from qingshan.accounts.inventory.figures import Results, labels_of
from qingshan.accounts.inventory.graph import CARBON, CO2, Graph, note_of
from qingshan.accounts.inventory.sealed import ForestRun, write_figures
from qingshan.accounts.seal import seal_inputs
from qingshan.core.baseline import enabled_kernels
from qingshan.core.canonical import canonical, digest, file_digest
from qingshan.core.domain import load_domains
from qingshan.core.errors import QingshanError
from qingshan.observe.remeasured import REGRESSED
from qingshan.zone.zone import Zone

from .dossier import Dossier

__all__ = ["KIND", "DossierRun", "evidence_folder", "seal_dossier"]

KIND = "dossier"
INSIDE = Path("inputs")
TIMES = ("opening", "closing")


class DossierRun(ForestRun):
    """The sealed run of a dossier."""

    @cached_property
    def inventories(self) -> list[InventorySettings]:
        return []  # its plots have no pages of their own


def seal_dossier(dossier: Dossier, zone: Zone, into: Path) -> Path:
    """Write the run of a dossier into `into` and return its folder. The same dossier and zone give the same bytes."""
    part = into / ".sealing"
    seal_inputs(zone, [], part / INSIDE)
    project = dossier.project
    for name in dossier.evidence:
        target = part / _place_of(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project.folder / name, target)
    known = [t for t in TIMES if (part / INSIDE / "inventory" / t).is_dir()]
    for time in known:
        _settings(dossier, time, part / INSIDE / "inventory" / time)
    found = _Figures(dossier, {t: _evaluated(dossier, t, part) for t in known}, zone.synthetic).all()
    write_figures(part, found)
    manifest = _manifest(part, zone, found)
    (part / "manifest.json").write_bytes(canonical(manifest))
    final = into / f"{project.id}-{digest(manifest)[:12]}"
    part.rename(final)
    return final


def evidence_folder(run: Path, names: Mapping[str, str], to: Path) -> Path:
    """The project folder as it was, from the evidence that a run holds. Raises `QingshanError` for a name that leads out of it."""
    for name in names:
        target = to / name
        if not target.resolve().is_relative_to(to.resolve()) or ".." in Path(name).parts:
            raise QingshanError(
                f"the evidence {name!r} lies outside the project.", f"证据 {name!r} 不在项目文件夹内。", where=run.name
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(run / _place_of(name), target)
    return to


def _place_of(name: str) -> Path:
    """Where a file of the project lies in the run: tables of an inventory where inventories lie."""
    head = name.split("/", 1)[0]
    return INSIDE / ("inventory" if head in TIMES and "/" in name else "project") / name


def _settings_of(dossier: Dossier, time: str) -> InventorySettings:
    project, given = dossier.project, dossier.project.settings.get("inventory", {})
    return InventorySettings(
        id=time, period=(project.start if time == "opening" else project.end)[:4], place=project.place, zh=project.zh, en=project.en,
        source=project.holder, quantity=given.get("quantity", "total"), sets=tuple(given.get("sets", ())), groups=given.get("groups", {}),
        allow_default=bool(given.get("allow_default", False)), allow_unit_assumed=bool(given.get("allow_unit_assumed", False)),
        estimator=project.estimator[0], auxiliary=project.estimator[1],
        carbon_set=given.get("carbon_set", "ar_tool14"), confidence=dossier.change.estimate.confidence, synthetic=project.synthetic,
    )  # fmt: skip


def _settings(dossier: Dossier, time: str, folder: Path) -> None:
    """Beside the tables of one time: the project's own equations and how trees become biomass."""
    own = dossier.project.folder / EQUATIONS
    if own.is_file() and not (folder / EQUATIONS).is_file():
        shutil.copyfile(own, folder / EQUATIONS)
    (folder / SETTINGS).write_bytes(canonical(_settings_of(dossier, time).record()))


def _evaluated(dossier: Dossier, time: str, part: Path) -> Evaluated:
    return evaluated(_settings_of(dossier, time), part / INSIDE / "inventory" / time)


def _manifest(part: Path, zone: Zone, found: Results) -> dict[str, Any]:
    periods = sorted({f.period for f in found.facts}, key=lambda p: ("-" in p, p))  # the whole time last
    return {
        "format": 2, "kind": KIND, "zone": zone.id, "profile": KIND, "profile_key": "", "periods": periods,
        "synthetic": any("synthetic" in f.labels for f in found.facts), "scenarios": [{}], "central": [0],
        "files": {p.relative_to(part).as_posix(): file_digest(p) for p in sorted(part.rglob("*")) if p.is_file()},
        "domains": load_domains().hashes, "methods": {n.method: n.code for n in found.nodes.values() if n.method},
        "software": {"qingshan": qingshan.__version__, "python": platform.python_version(), "numpy": np.__version__,
                     "machine": platform.machine(), "kernels": enabled_kernels()},
    }  # fmt: skip


class _Figures:
    """Nodes and facts of one dossier, from the tables up."""

    def __init__(self, dossier: Dossier, of: Mapping[str, Evaluated], synthetic: bool) -> None:
        self.dossier, self.project, self.of = dossier, dossier.project, of
        self.made = Results()
        self.period = f"{self.project.start[:4]}-{self.project.end[:4]}"
        self.synthetic = synthetic or self.project.synthetic
        first = tuple(x for x, on in (
            ("synthetic", self.synthetic), ("draft", dossier.label == "draft"),
            ("unit_assumed", any(f.code == "unit_assumed" for f in dossier.change.findings)), ("estimated", True)) if on)  # fmt: skip
        own = {t: labels_of(one, "carbon", one.inventory.incomplete) for t, one in of.items()}
        self.stock_labels = {t: tuple(dict.fromkeys((*first, *more))) for t, more in own.items()}
        """Of the stock of each time; a figure that rests on both times has the labels of both."""
        self.labels = tuple(dict.fromkeys((*first, *(label for more in own.values() for label in more))))

    def all(self) -> Results:
        change = self._change()
        deducted = self._deducted(change)
        net = self._net(deducted)
        self._reductions(self._creditable(net))
        return self.made

    def _put(self, kind: str, quantity: str, value: float, unit: str, args: tuple[tuple[str, str], ...] = (), *, cls: str = "",
             period: str = "", row: dict[str, Any] | None = None, notes: Mapping[str, Any] | None = None,
             reach: tuple[float, float] | None = None, told: bool = True, method: str = "") -> str:  # fmt: skip
        """A node, and where `told` the published cell of it."""
        when = period or self.period
        labels = self.labels if told else ("synthetic",) if self.synthetic else ()
        node = Node("", kind, quantity, self.project.place, cls, when, unit=unit, value=[value], args=args, row=row, notes=dict(notes or {}),
                    labels=labels, method=method, code=load_domains().registry[method].code if method else "")  # fmt: skip
        key = digest(node.record())
        self.made.nodes[key] = replace(node, key=key)
        if told:
            self.made.facts.append(
                Fact(
                    key,
                    "estimate",
                    quantity,
                    self.project.place,
                    when,
                    cls,
                    unit=unit,
                    value=value,
                    range=reach,
                    labels=labels,
                )
            )
        return key

    def _stock(self, time: str) -> str:
        """t CO2 at one time, down to strata, plots and equations."""
        of, labels = self.of[time], self.stock_labels[time]
        graph = Graph(of, of.settings.period, self.project.place, trees=True)
        values = of.inventory.per_plot(of.per_tree("biomass"), of.picked)
        biomass = of.estimator.totals(values, of.settings.confidence, "t dm")[0]
        assert of.fraction is not None and of.fraction.value is not None
        carbon = biomass.scaled(of.fraction.value, "t C")
        co2 = carbon.scaled(float(load_domains().registry[CO2](np.float64(1.0))), "t CO2")
        key = graph.total(
            "inventory.biomass",
            "t dm",
            "",
            self.project.place,
            values,
            biomass,
            "biomass",
            labels,
        )
        key = graph.scaled("inventory.carbon", "t C", "", self.project.place, carbon, CARBON,
                           (("biomass", key), ("carbon_fraction", graph.parameter())), labels)  # fmt: skip
        key = graph.scaled("inventory.co2", "t CO2", "", self.project.place, co2, CO2, (("carbon", key),), labels)
        self.made.nodes |= graph.nodes
        self.made.facts.append(Fact(key, "estimate", "inventory.co2", self.project.place, of.settings.period, unit="t CO2", value=co2.value,
                                    range=co2.interval, labels=labels))  # fmt: skip
        return key

    def _change(self) -> str:
        e = self.dossier.change
        args = tuple((t, self._stock(t)) for t in ("closing", "opening") if t in self.of)
        return self._put("change", "project.change", e.estimate.value, "t CO2", args, notes=note_of(e.estimate, "closing", e.kind),
                         reach=e.estimate.interval, method=REGRESSED if e.kind == "paired_regression" else "")  # fmt: skip

    def _deducted(self, change: str) -> str:
        made = self.dossier.reduction
        taken = made.estimate.value - made.deducted
        notes = {"rule": made.methodology.deduction or "-", "share": taken / made.estimate.value if made.estimate.value else 0.0,
                 "status": made.methodology.aspects["deduction"].status}  # fmt: skip
        return self._put("deduction", "project.deducted", made.deducted, "t CO2", (("estimate", change),), notes=notes)

    def _net(self, deducted: str) -> str:
        args = [("deducted", deducted)]
        for key in ("baseline", "leakage"):
            value, source = self.project.stated(key)
            row = {
                "file": "inputs/project/project.toml",
                "printed": f"[{key}] t_co2 = {value:g}",
                "source_title": source,
                "status": "project",
            }
            args.append((key, self._put("input", f"project.{key}", value, "t CO2", row=row, told=False)))
        return self._put(
            "balance", "project.net", self.dossier.reduction.net, "t CO2", tuple(args), notes={"rule": "less_both"}
        )

    def _creditable(self, net: str) -> str:
        made, args = self.dossier.reduction, [("net", net)]
        if made.methodology.buffer:
            row = (
                load_domains()
                .parameters()
                .find(made.methodology.buffer["parameter"], set=made.methodology.buffer["set"])
            )
            node = Node("", "parameter", row.parameter, unit=row.unit, value=[row.value], row=row.record())
            key = digest(node.record())
            self.made.nodes[key] = replace(node, key=key)
            args.append(("buffer", key))
        return self._put(
            "balance", "project.creditable", made.creditable, "t CO2", tuple(args), notes={"rule": "less_buffer"}
        )

    def _reductions(self, creditable: str) -> None:
        """The whole in kg, its shares by parcel and vintage, and their sums by parcel and by vintage."""
        dossier = self.dossier
        whole = self._put(
            "balance",
            "project.reduction",
            dossier.kg / 1000,
            "t CO2",
            (("creditable", creditable),),
            notes={"rule": "whole_kg"},
        )
        mean = dict(zip(dossier.change.strata, dossier.change.mean, strict=True))
        shares: dict[str, list[tuple[str, str]]] = {}
        parcels: dict[str, str] = {}
        for n, p in enumerate(self.project.parcels, 1):
            row = {
                "file": "inputs/project/parcels.geojson",
                "row": n,
                "printed": p.title,
                "source_title": self.project.holder,
                "status": "project",
            }
            parcels[p.id] = self._put("input", "project.parcel_area", p.hm2, "hm2", cls=f"parcel:{p.id}", row=row, told=False,
                                      notes={"stratum": p.stratum, "change_per_hm2": float(mean[p.stratum])})  # fmt: skip
        for line in dossier.lines:
            key = self._put("share", "project.reduction", line.kg / 1000, "t CO2", (("whole", whole), ("parcel", parcels[line.parcel])),
                            cls=f"parcel:{line.parcel}", period=str(line.vintage), notes={"rule": "by_area_and_days"})  # fmt: skip
            shares.setdefault(f"parcel:{line.parcel}", []).append((str(line.vintage), key))
            shares.setdefault(str(line.vintage), []).append((f"parcel:{line.parcel}", key))
        kg = dict.fromkeys(shares, 0)
        for line in dossier.lines:
            kg[f"parcel:{line.parcel}"] += line.kg
            kg[str(line.vintage)] += line.kg
        for name, args in shares.items():
            of_parcel = name.startswith("parcel:")
            self._put("sum", "project.reduction", kg[name] / 1000, "t CO2", tuple(args), cls=name if of_parcel else "",
                      period="" if of_parcel else name, notes={"rule": "sum"})  # fmt: skip
