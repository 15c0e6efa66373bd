"""Binding a raster account to a zone: which layers and rows are there, which sums refuse and for want of what.

Nothing is read but headers and parameter rows, so everything that can be wrong is known before a cell is computed. The key
of a binding is the hash of all that its figures depend on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.canonical import digest
from qingshan.core.errors import DeclarationError, QingshanError
from qingshan.core.finding import Finding
from qingshan.core.parameter import Parameters
from qingshan.core.units import factor, same_dimension, same_zero
from qingshan.zone.raster.grid import Grid
from qingshan.zone.zone import Zone

from ..block.sheet import Layer, Sheet, Sum
from ..figure import Refusal
from ..sources import dependency
from ..stages import Stage, find_stage
from .declaration import RasterAccount, Row, StageUse, TableUse, sheet_of
from .layers import InUnit, Planned, Rasters, folder_of
from .pedigree import Pedigree
from .rows import LANDCOVER, Found, Rows, plain

__all__ = ["Binding", "BoundStage", "bind"]

BEFORE = ".opening"
"""A quantity with this ending is read for the period before, unless the zone catalogues it under that very name."""
OPENING = f"{LANDCOVER}{BEFORE}"


@dataclass(frozen=True)
class BoundStage:
    """A stage with all it reads; `inputs` are sources, or `Planned` outputs of a stage above."""

    use: StageUse
    stage: Stage
    inputs: Mapping[str, Any]
    tables: Mapping[str, NDArray[np.float64]]
    constants: Mapping[str, float]
    outputs: tuple[str, ...]
    classes: Any = None
    """The class layer that its tables are indexed by."""

    @cached_property
    def about(self) -> dict[str, Any]:
        """What its outputs are made from."""
        return {
            "stage": self.stage.name, "code": self.stage.code, "options": dict(self.use.options),
            "inputs": {k: dict(s.identity()) for k, s in sorted(self.inputs.items())},
            "tables": {k: plain(v) for k, v in sorted(self.tables.items())}, "constants": dict(sorted(self.constants.items())),
            "classes": dict(self.classes.identity()) if self.classes else {},
        }  # fmt: skip

    @cached_property
    def key(self) -> str:
        return digest(self.about)


@dataclass(frozen=True)
class BoundPatch:
    """Smallest area of a patch that keeps its grade, hm2; the nodes of the grade and of that row."""

    smallest: float
    grade: str
    row: str


@dataclass
class Binding:
    """A raster account of one zone and period, ready to run.

    `refusals` says why a sum cannot be made at all, `gaps` for which classes (by code) it cannot. `blocked`: no sum can.
    """

    account: RasterAccount
    period: str
    grid: Grid | None = None
    sheet: Sheet | None = None
    sources: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    constants: dict[str, float] = field(default_factory=dict)
    stages: dict[str, BoundStage] = field(default_factory=dict)
    places: Any = None
    classes: Any = None
    refusals: dict[str, Refusal] = field(default_factory=dict)
    gaps: dict[str, dict[int, Refusal]] = field(default_factory=dict)
    blocked: Refusal | None = None
    findings: list[Finding] = field(default_factory=list)
    pedigree: Pedigree = field(default_factory=Pedigree)
    patches: dict[str, BoundPatch] = field(default_factory=dict)
    """The declared patches whose grade is made, by id."""

    @property
    def sums(self) -> tuple[Sum, ...]:
        """The sums that can be made."""
        return tuple(s for s in self.account.sums if s.id not in self.refusals)

    @cached_property
    def key(self) -> str:
        """Hash of everything the figures depend on: sheet, layers, rows, stages, grid, places, classes, what refuses."""
        if self.sheet is None or self.grid is None:
            return digest([self.account.key, self.period, self.blocked.record() if self.blocked else None])
        return digest({
            "sheet": self.sheet.key, "period": self.period, "grid": [self.grid.crs, self.grid.transform, self.grid.shape],
            "sources": {k: dict(s.identity()) for k, s in sorted(self.sources.items())},
            "tables": {k: plain(v) for k, v in sorted(self.tables.items())}, "constants": dict(sorted(self.constants.items())),
            "places": [dict(self.places.source.identity()), list(self.places.codes)],
            "classes": [dict(self.classes.source.identity()), sorted(self.classes.names.items())],
            "refusals": {k: r.key for k, r in sorted(self.refusals.items())},
            "gaps": {k: {str(c): r.key for c, r in g.items()} for k, g in sorted(self.gaps.items())},
            "pedigree": sorted(self.pedigree.nodes), "of": self.pedigree.of,
            "split": {k: list(v) for k, v in sorted(self.pedigree.split.items())},
        } | ({"patches": {k: b.__dict__ for k, b in self.patches.items()}} if self.patches else {}))  # fmt: skip


def bind(zone: Zone, account: RasterAccount, period: str, parameters: Parameters, rasters: Rasters,
         override: Mapping[str, float] | None = None) -> Binding:  # fmt: skip
    """Bind an account. `override` gives parameter rows (by key) another value: a draw of an uncertainty run.

    Raises `DeclarationError` or `UnitError` where the declaration itself is wrong; what the zone lacks refuses.
    """
    return _Binder(zone, account, period, parameters, rasters, override or {}).bound()


class _Binder(Rows):
    def __init__(self, zone: Zone, account: RasterAccount, period: str, parameters: Parameters, rasters: Rasters,
                 override: Mapping[str, float]) -> None:  # fmt: skip
        super().__init__(zone, account, period, parameters, override)
        self.made, self.rasters = Binding(account, period), rasters
        self.pedigree, self.findings = self.made.pedigree, self.made.findings
        self.pedigree.root = folder_of(rasters)
        self.units: dict[str, str] = {}

    def bound(self) -> Binding:
        made = self.made
        made.grid = self.rasters.grid
        try:
            made.classes = self.classes = self.rasters.classes(self.period)
            made.places = self.rasters.places()
        except QingshanError as error:
            made.blocked = Refusal(
                "missing_fact", error.zh, error.en, needs=LANDCOVER, document=self._document(LANDCOVER)
            )
            made.refusals = {s.id: made.blocked for s in self.account.sums}
            return made
        for s in self.account.sums:
            self._sum(s)
        made.sheet = sheet_of(self.account, made.sums, self.units)
        used = {n for s in made.sums for n in self.account.needed(s)}
        for name in used:
            if name in self.account.layers:
                made.sources[name] = self._layer(name).value
            elif name in self.account.tables:
                made.tables[name] = self._table(name, self.account.tables[name]).value
            elif name in self.account.constants:
                made.constants[name] = self._constant(name, self.account.constants[name], name).value
        self._stages_used()
        for p in self.account.patches:
            row = self._number(Row(parameter=p.parameter, set=p.set), "hm2", p.id)
            if p.of in {step.id for step in made.sheet.steps} and row.refusal is None:
                made.patches[p.id] = BoundPatch(float(row.value), self._step_node(p.of), row.node)
        self.pedigree.close(made, self._cover_entry(), places_entry(self.zone))
        return made

    def _cover_entry(self) -> Mapping[str, Any]:
        cover = self.zone.config.get("landcover", {}).get("quantity", LANDCOVER)
        entry: Mapping[str, Any] = (
            self.rasters.entry(cover, self.period) if self.rasters.has(cover, self.period) else {}
        )
        return entry

    def _sum(self, s: Sum) -> None:
        found = [self._entry(n) for n in self.account.needed(s)]
        if refused := [f.refusal for f in found if f.refusal]:
            self.made.refusals[s.id] = dependency(refused)
            return
        gaps: dict[int, list[Refusal]] = {}
        for f in found:
            for code, refusal in f.gaps.items():
                gaps.setdefault(code, []).append(refusal)
        self.made.gaps[s.id] = {code: dependency(each) for code, each in sorted(gaps.items())}
        self.pedigree.of[s.id] = self._step_node(s.of) if s.of != "1" else ""
        parts = ((role, name) for role, name in (("by", s.by), ("on", s.on)) if name)
        self.pedigree.split[s.id] = tuple((role, self._step_node(name)) for role, name in parts)

    def _entry(self, name: str) -> Found:
        if name in self.account.layers:
            return self._layer(name)
        if name in self.account.tables:
            return self._table(name, self.account.tables[name])
        if name in self.account.constants:
            return self._constant(name, self.account.constants[name], name)
        return Found()

    # ---- layers ------------------------------------------------------------------------------------------------------

    def _layer(self, name: str) -> Found:
        if ("layer", name) not in self._known:
            use = self.account.layers[name]
            found = (
                self._output(use.stage, name) if use.stage else self._quantity(use.layer.quantity, use.layer.unit, name)
            )
            if use.layer.low is not None or use.layer.high is not None:
                found = self._within(use.layer, found)
            self._known["layer", name] = found
        return self._known["layer", name]

    def _within(self, layer: Layer, found: Found) -> Found:
        """Limits are declared in the layer's declared unit: the cells are brought to it."""
        given = self.units.get(layer.id, layer.unit)
        if found.refusal is None and given != layer.unit and not layer.classes:
            found.value, self.units[layer.id] = InUnit(found.value, factor(given, layer.unit)), layer.unit
        return found

    def _quantity(self, quantity: str, unit: str, name: str) -> Found:
        """A layer of the zone. Its unit is that of the catalogue; another dimension than the declared refuses."""
        if quantity in (LANDCOVER, OPENING):
            return self._classes_of(quantity)
        quantity, period = self._when(quantity)
        if not period or not self.rasters.has(quantity, period):
            return Found(refusal=self._missing(quantity, period))
        try:
            layer = self.rasters.layer(quantity, period)
        except QingshanError as error:
            return Found(
                refusal=Refusal("missing_fact", error.zh, error.en, needs=quantity, document=self._document(quantity))
            )
        if unit and not (same_dimension(layer.unit or "1", unit) and same_zero(layer.unit or "1", unit)):
            self.made.findings.append(Finding(
                "error", "raster_unit", f"{quantity} is in {layer.unit}, the account {self.account.id} needs {unit}.",
                f"{quantity} 的单位是 {layer.unit}，账户 {self.account.id} 要 {unit}。", file="zone.toml", field=quantity, limit=unit,
                fix="mend `unit` of its [[raster]] / 改正 [[raster]] 的 unit",
            ))  # fmt: skip
            zh, en = (
                f"{quantity} 的单位是 {layer.unit}，不能按比例换算成 {unit}。",
                f"{quantity} is in {layer.unit}, which no factor turns into {unit}.",
            )
            return Found(refusal=Refusal("raster_unit", zh, en, needs=quantity))
        if name:
            self.units[name] = layer.unit or "1"
        return Found(layer.source, self.pedigree.layer(quantity, period, layer))

    def _when(self, quantity: str) -> tuple[str, str]:
        """The quantity and the period it is read for: the account's, or the one before ('' where there is none)."""
        if not quantity.endswith(BEFORE) or self.rasters.has(quantity, self.period):
            return quantity, self.period
        order = [p.id for p in self.zone.periods]
        at = order.index(self.period)
        return quantity.removesuffix(BEFORE), order[at - 1] if at else ""

    def _classes_of(self, quantity: str) -> Found:
        """Account classes as a layer: those of the period, or of the period before it."""
        order = [p.id for p in self.zone.periods]
        at = order.index(self.period) - (quantity == OPENING)
        cover = self.zone.config.get("landcover", {}).get("quantity", LANDCOVER)
        if at < 0 or not self.rasters.has(cover, order[at]):
            return Found(refusal=self._missing(quantity))
        found = self.rasters.classes(order[at])
        return Found(
            found.source, self.pedigree.cover(found, self.rasters.entry(cover, order[at]), quantity, order[at])
        )

    def _missing(self, quantity: str, period: str = "-") -> Refusal:
        """`period`: '' for the one before where this is the first."""
        declared = self.zone.quantities.get(quantity)
        zh, en = (declared.zh, declared.en) if declared else (quantity, quantity)
        when = self.period if period == "-" else period
        if not when:
            return Refusal(
                "missing_fact", f"{self.zone.name_zh}没有早于 {self.period} 的时期，“{zh}”（{quantity}）没有上一期。",
                f"{self.zone.name_en} has no period before {self.period}, so there is no earlier {en} ({quantity}).", needs=quantity,
            )  # fmt: skip
        return Refusal(
            "missing_fact", f"{self.zone.name_zh}没有{when}年“{zh}”（{quantity}）的栅格。",
            f"{self.zone.name_en} has no raster of {en} ({quantity}) for {when}.", needs=quantity, document=self._document(quantity),
        )  # fmt: skip

    def _document(self, quantity: str) -> str:
        gap = self.zone.gap(quantity, self.zone.root)
        return gap.document if gap else ""

    # ---- stages ------------------------------------------------------------------------------------------------------

    def _output(self, text: str, name: str) -> Found:
        """A layer that a stage gives, in the stage's unit."""
        parts = self.account.stage_output(text)
        assert parts is not None
        use = self.account.stages[parts[0]]
        refusal, bound, node = self._stage(use)
        if refusal or bound is None:
            return Found(refusal=refusal)
        gives = bound.stage.unit("OUTPUTS", parts[1]) or "1"
        if name:
            self.units[name] = gives
        made = self.pedigree.output(node, parts[1], gives, self.period)
        return Found(Planned(use.id, parts[1], bound.about), made, gaps=self._known["stage", use.id].gaps)

    def _stage(self, use: StageUse) -> tuple[Refusal | None, BoundStage | None, str]:
        if ("stage", use.id) not in self._known:
            self._known["stage", use.id] = self._bound_stage(use)
        found = self._known["stage", use.id]
        return found.refusal, found.value, found.node

    def _bound_stage(self, use: StageUse) -> Found:
        stage = find_stage(use.run)
        self._check_stage(use, stage)
        inputs: dict[str, Found] = {}
        for key, text in use.inputs.items():
            inputs[key] = self._stage_input(use.id, text, stage.unit("INPUTS", key) or "")
        tables = {
            k: self._table(f"{use.id}.{k}", _in_unit(t, stage.unit("TABLES", k) or "")) for k, t in use.tables.items()
        }
        numbers = {
            k: self._constant(f"{use.id}.{k}", c, k, stage.unit("CONSTANTS", k) or "") for k, c in use.constants.items()
        }
        found = [*inputs.values(), *tables.values(), *numbers.values()]
        if any(f.refusal for f in found):
            inputs = {k: f for k, f in inputs.items() if f.refusal is None or k not in stage.optional}
            refused = [f.refusal for f in (*inputs.values(), *tables.values(), *numbers.values()) if f.refusal]
            if refused:
                return Found(refusal=dependency(refused))
        bound = BoundStage(use, stage, {k: f.value for k, f in inputs.items()}, {k: f.value for k, f in tables.items()},
                           {k: f.value for k, f in numbers.items()}, (), self.made.classes.source if tables else None)  # fmt: skip
        args = [(k, f.node) for k, f in (*inputs.items(), *tables.items(), *numbers.items()) if f.node]
        return Found(
            bound,
            self.pedigree.stage(bound, args, self.period),
            gaps={c: r for t in tables.values() for c, r in t.gaps.items()},
        )

    def _stage_input(self, reader: str, text: str, unit: str) -> Found:
        if output := self.account.stage_output(text, reader):
            found = self._output(text, "")
            gives = "" if found.refusal else self._known["stage", output[0]].value.stage.unit("OUTPUTS", output[1])
            if not unit or not gives:
                return found
            ratio = 1.0 if gives == unit else factor(gives, unit)
            found.value = Planned(found.value.stage, found.value.output, found.value.about, ratio)
            return found
        found = self._quantity(text, unit, "")
        if found.refusal is None and unit:
            given = self.rasters.layer(*self._when(text)).unit or "1"
            if (ratio := factor(given, unit)) != 1.0:
                found.value = InUnit(found.value, ratio)
        return found

    def _check_stage(self, use: StageUse, stage: Stage) -> None:
        where = f"raster account {self.account.id}, stage {use.id}"
        for kind, given in (
            ("INPUTS", use.inputs),
            ("TABLES", use.tables),
            ("CONSTANTS", use.constants),
            ("OPTIONS", use.options),
        ):
            if extra := [k for k in given if not stage.takes(kind, k)]:
                known = ", ".join(stage.declared(kind)) or "none"
                raise DeclarationError(
                    f"the stage {stage.name} takes no {', '.join(extra)}; {kind.lower()}: {known}.", where=where
                )

    def _stages_used(self) -> None:
        """The stages that the sheet's layers and further stages stand on, in the order they run, with the outputs asked for."""
        wanted: dict[str, set[str]] = {}

        def want(source: Any) -> None:
            if isinstance(source, Planned) and source.output not in wanted.setdefault(source.stage, set()):
                wanted[source.stage].add(source.output)
                for below in self._known["stage", source.stage].value.inputs.values():
                    want(below)

        for source in self.made.sources.values():
            want(source)
        for id in self.account.stages:
            if id in wanted:
                bound = self._known["stage", id].value
                self.made.stages[id] = replace(bound, outputs=bound.stage.outputs(wanted[id]))

    # ---- pedigree of a step ------------------------------------------------------------------------------------------

    def _step_node(self, name: str) -> str:
        if name not in self.account.steps:
            return self._entry(name).node
        if ("step", name) not in self._known:
            step = self.account.steps[name]
            args = [(argument, self._step_node(source)) for argument, source in step.bind.items()]
            self._known["step", name] = Found(node=self.pedigree.step(step, args, self.period))
        return self._known["step", name].node


# ---- small parts ----------------------------------------------------------------------------------------------------


def places_entry(zone: Zone) -> Mapping[str, Any]:
    """The catalogue's entry of the raster of places; empty where places are drawn from boundaries."""
    id = (zone.config.get("places") or {}).get("raster")
    entry: Mapping[str, Any] = next((e for e in zone.config.get("raster", ()) if id and e.get("id") == id), {})
    return entry


def _in_unit(use: TableUse, unit: str) -> TableUse:
    """A table of a stage is in the stage's unit."""
    return replace(use, unit=unit)
