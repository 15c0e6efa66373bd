"""Binding a raster account to a zone: which layers and rows are there, which sums refuse and for want of what.

Nothing is read but headers and parameter rows, so everything that can be wrong is known before a cell is computed. The key
of a binding is the hash of all that its figures depend on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.canonical import digest
from qingshan.core.errors import AmbiguousParameter, DeclarationError, MissingParameter, QingshanError
from qingshan.core.finding import Finding
from qingshan.core.parameter import ParameterRow, Parameters
from qingshan.core.units import convert, factor, same_dimension
from qingshan.zone.raster.grid import Grid
from qingshan.zone.zone import Zone

from ..block.sheet import Layer, Sheet, Sum
from ..figure import Refusal
from ..sources import dependency, opened
from ..stages import Stage, find_stage
from .declaration import RasterAccount, Row, StageUse, TableUse, sheet_of
from .layers import InUnit, Planned, Rasters
from .pedigree import Pedigree

__all__ = ["Binding", "BoundStage", "bind"]

LANDCOVER = "land.cover"
OPENING = "land.cover.opening"
"""The classes of the period before."""


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
            "tables": {k: _plain(v) for k, v in sorted(self.tables.items())}, "constants": dict(sorted(self.constants.items())),
            "classes": dict(self.classes.identity()) if self.classes else {},
        }  # fmt: skip

    @cached_property
    def key(self) -> str:
        return digest(self.about)


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
            "tables": {k: _plain(v) for k, v in sorted(self.tables.items())}, "constants": dict(sorted(self.constants.items())),
            "places": [dict(self.places.source.identity()), list(self.places.codes)],
            "classes": [dict(self.classes.source.identity()), sorted(self.classes.names.items())],
            "refusals": {k: r.key for k, r in sorted(self.refusals.items())},
            "gaps": {k: {str(c): r.key for c, r in g.items()} for k, g in sorted(self.gaps.items())},
            "pedigree": sorted(self.pedigree.nodes), "of": self.pedigree.of,
        })  # fmt: skip


def bind(zone: Zone, account: RasterAccount, period: str, parameters: Parameters, rasters: Rasters,
         override: Mapping[str, float] | None = None) -> Binding:  # fmt: skip
    """Bind an account. `override` gives parameter rows (by key) another value: a draw of an uncertainty run.

    Raises `DeclarationError` or `UnitError` where the declaration itself is wrong; what the zone lacks refuses.
    """
    return _Binder(zone, account, period, parameters, rasters, override or {}).bound()


@dataclass
class _Found:
    """What stands behind a name: a value and its node, or why there is none; `gaps` are classes without one."""

    value: Any = None
    node: str = ""
    refusal: Refusal | None = None
    gaps: dict[int, Refusal] = field(default_factory=dict)


class _Binder:
    def __init__(self, zone: Zone, account: RasterAccount, period: str, parameters: Parameters, rasters: Rasters,
                 override: Mapping[str, float]) -> None:  # fmt: skip
        self.zone, self.account, self.period = zone, account, period
        self.parameters, self.rasters, self.override = parameters, rasters, override
        self.made = Binding(account, period)
        self.units: dict[str, str] = {}
        self._known: dict[tuple[str, str], _Found] = {}

    def bound(self) -> Binding:
        made = self.made
        made.grid = self.rasters.grid
        try:
            made.classes, made.places = self.rasters.classes(self.period), self.rasters.places()
        except QingshanError as error:
            made.blocked = Refusal("missing_fact", error.zh, error.en, needs=LANDCOVER, document=self._document(LANDCOVER))
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
        made.pedigree.close(made, self._cover_entry(), places_entry(self.zone))
        return made

    def _cover_entry(self) -> Mapping[str, Any]:
        cover = self.zone.config.get("landcover", {}).get("quantity", LANDCOVER)
        entry: Mapping[str, Any] = self.rasters.entry(cover, self.period) if self.rasters.has(cover, self.period) else {}
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
        self.made.pedigree.of[s.id] = self._step_node(s.of) if s.of != "1" else ""

    def _entry(self, name: str) -> _Found:
        if name in self.account.layers:
            return self._layer(name)
        if name in self.account.tables:
            return self._table(name, self.account.tables[name])
        if name in self.account.constants:
            return self._constant(name, self.account.constants[name], name)
        return _Found()

    # ---- layers ------------------------------------------------------------------------------------------------------

    def _layer(self, name: str) -> _Found:
        if ("layer", name) not in self._known:
            use = self.account.layers[name]
            found = self._output(use.stage, name) if use.stage else self._quantity(use.layer.quantity, use.layer.unit, name)
            if use.layer.low is not None or use.layer.high is not None:
                found = self._within(use.layer, found)
            self._known["layer", name] = found
        return self._known["layer", name]

    def _within(self, layer: Layer, found: _Found) -> _Found:
        """Limits are declared in the layer's declared unit: the cells are brought to it."""
        given = self.units.get(layer.id, layer.unit)
        if found.refusal is None and given != layer.unit and not layer.classes:
            found.value, self.units[layer.id] = InUnit(found.value, factor(given, layer.unit)), layer.unit
        return found

    def _quantity(self, quantity: str, unit: str, name: str) -> _Found:
        """A layer of the zone. Its unit is that of the catalogue; another dimension than the declared refuses."""
        if quantity in (LANDCOVER, OPENING):
            return self._classes_of(quantity)
        if not self.rasters.has(quantity, self.period):
            return _Found(refusal=self._missing(quantity))
        try:
            layer = self.rasters.layer(quantity, self.period)
        except QingshanError as error:
            return _Found(refusal=Refusal("missing_fact", error.zh, error.en, needs=quantity, document=self._document(quantity)))
        if unit and not same_dimension(layer.unit or "1", unit):
            self.made.findings.append(Finding(
                "error", "raster_unit", f"{quantity} is in {layer.unit}, the account {self.account.id} needs {unit}.",
                f"{quantity} 的单位是 {layer.unit}，账户 {self.account.id} 要 {unit}。", file="zone.toml", field=quantity, limit=unit,
                fix="mend `unit` of its [[raster]] / 改正 [[raster]] 的 unit",
            ))  # fmt: skip
            zh, en = f"{quantity} 的单位是 {layer.unit}，应与 {unit} 同量纲。", f"{quantity} is in {layer.unit}, not of the dimension of {unit}."
            return _Found(refusal=Refusal("raster_unit", zh, en, needs=quantity))
        if name:
            self.units[name] = layer.unit or "1"
        return _Found(layer.source, self.made.pedigree.layer(quantity, self.period, layer))

    def _classes_of(self, quantity: str) -> _Found:
        """Account classes as a layer: those of the period, or of the period before it."""
        order = [p.id for p in self.zone.periods]
        at = order.index(self.period) - (quantity == OPENING)
        cover = self.zone.config.get("landcover", {}).get("quantity", LANDCOVER)
        if at < 0 or not self.rasters.has(cover, order[at]):
            return _Found(refusal=self._missing(quantity))
        found = self.rasters.classes(order[at])
        return _Found(found.source, self.made.pedigree.cover(found, self.rasters.entry(cover, order[at]), quantity, order[at]))

    def _missing(self, quantity: str) -> Refusal:
        declared = self.zone.quantities.get(quantity)
        zh, en = (declared.zh, declared.en) if declared else (quantity, quantity)
        return Refusal(
            "missing_fact", f"{self.zone.name_zh}没有{self.period}年“{zh}”（{quantity}）的栅格。",
            f"{self.zone.name_en} has no raster of {en} ({quantity}) for {self.period}.", needs=quantity, document=self._document(quantity),
        )  # fmt: skip

    def _document(self, quantity: str) -> str:
        gap = self.zone.gap(quantity, self.zone.root)
        return gap.document if gap else ""

    # ---- stages ------------------------------------------------------------------------------------------------------

    def _output(self, text: str, name: str) -> _Found:
        """A layer that a stage gives, in the stage's unit."""
        parts = self.account.stage_output(text)
        assert parts is not None
        use = self.account.stages[parts[0]]
        refusal, bound, node = self._stage(use)
        if refusal or bound is None:
            return _Found(refusal=refusal)
        gives = bound.stage.unit("OUTPUTS", parts[1]) or "1"
        if name:
            self.units[name] = gives
        return _Found(Planned(use.id, parts[1], bound.about), self.made.pedigree.output(node, parts[1], gives, self.period))

    def _stage(self, use: StageUse) -> tuple[Refusal | None, BoundStage | None, str]:
        if ("stage", use.id) not in self._known:
            self._known["stage", use.id] = self._bound_stage(use)
        found = self._known["stage", use.id]
        return found.refusal, found.value, found.node

    def _bound_stage(self, use: StageUse) -> _Found:
        stage = find_stage(use.run)
        self._check_stage(use, stage)
        inputs: dict[str, _Found] = {}
        for key, text in use.inputs.items():
            inputs[key] = self._stage_input(use.id, text, stage.unit("INPUTS", key) or "")
        tables = {k: self._table(f"{use.id}.{k}", _in_unit(t, stage.unit("TABLES", k) or "")) for k, t in use.tables.items()}
        numbers = {k: self._constant(f"{use.id}.{k}", c, k, stage.unit("CONSTANTS", k) or "") for k, c in use.constants.items()}
        found = [*inputs.values(), *tables.values(), *numbers.values()]
        if any(f.refusal for f in found):
            inputs = {k: f for k, f in inputs.items() if f.refusal is None or k not in stage.optional}
            refused = [f.refusal for f in (*inputs.values(), *tables.values(), *numbers.values()) if f.refusal]
            if refused:
                return _Found(refusal=dependency(refused))
        bound = BoundStage(use, stage, {k: f.value for k, f in inputs.items()}, {k: f.value for k, f in tables.items()},
                           {k: f.value for k, f in numbers.items()}, (), self.made.classes.source if tables else None)  # fmt: skip
        args = [(k, f.node) for k, f in (*inputs.items(), *tables.items(), *numbers.items()) if f.node]
        return _Found(bound, self.made.pedigree.stage(bound, args, self.period), gaps={c: r for t in tables.values() for c, r in t.gaps.items()})

    def _stage_input(self, reader: str, text: str, unit: str) -> _Found:
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
            given = self.rasters.layer(text, self.period).unit or "1"
            if (ratio := factor(given, unit)) != 1.0:
                found.value = InUnit(found.value, ratio)
        return found

    def _check_stage(self, use: StageUse, stage: Stage) -> None:
        where = f"raster account {self.account.id}, stage {use.id}"
        for kind, given in (("INPUTS", use.inputs), ("TABLES", use.tables), ("CONSTANTS", use.constants), ("OPTIONS", use.options)):
            if extra := [k for k in given if not stage.takes(kind, k)]:
                known = ", ".join(stage.declared(kind)) or "none"
                raise DeclarationError(f"the stage {stage.name} takes no {', '.join(extra)}; {kind.lower()}: {known}.", where=where)

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

    # ---- rows --------------------------------------------------------------------------------------------------------

    def _constant(self, name: str, row: Row, role: str, unit: str = "") -> _Found:
        if ("constant", name) not in self._known:
            self._known["constant", name] = self._number(row, unit or row.unit, role)
        return self._known["constant", name]

    def _number(self, row: Row, unit: str, role: str) -> _Found:
        if row.value is not None:
            node = self.made.pedigree.declared(row, role, f"raster account {self.account.id}")
            return _Found(float(convert(row.value, row.unit or "1", unit or row.unit or "1")), node)
        try:
            known = self.parameters.find(row.parameter, cls=row.cls or None, set=row.set or None)
        except (MissingParameter, AmbiguousParameter) as error:
            return _Found(refusal=opened(error))
        return _Found(self._value(known, unit), self.made.pedigree.parameter(known))

    def _value(self, row: ParameterRow, unit: str) -> float:
        value = self.override.get(row.key, row.value)
        assert value is not None
        return float(convert(value, row.unit or "1", unit or row.unit or "1"))

    def _table(self, name: str, use: TableUse) -> _Found:
        if ("table", name) not in self._known:
            self._known["table", name] = self._by_code(use) if use.by else self._by_class(name, use)
        return self._known["table", name]

    def _by_class(self, name: str, use: TableUse) -> _Found:
        """A vector by class code; a class without a row has NaN and a reason."""
        codes = self.made.classes.codes
        vector = np.full(max(codes, default=0) + 1, math.nan)
        gaps: dict[int, Refusal] = {}
        nodes: list[tuple[str, str]] = []
        for code in codes:
            row = self._class_row(use, code)
            if isinstance(row, Refusal):
                gaps[code] = row
                continue
            vector[code] = self._value(row, use.unit)
            nodes.append((self.made.classes.names.get(code, str(code)), self.made.pedigree.parameter(row)))
        if not nodes:
            return _Found(refusal=dependency(list(gaps.values())) if gaps else Refusal("open_parameter", f"参数表 {use.parameter} 是空的。", f"the table {use.parameter} is empty.", needs=use.parameter))  # fmt: skip
        if gaps and name in self.account.tables:
            self._tell_gaps(use, gaps)
        return _Found(vector, self.made.pedigree.table(use, nodes, self.period), gaps=gaps)

    def _class_row(self, use: TableUse, code: int) -> ParameterRow | Refusal:
        names = self._row_names(use, code)
        for cls in names:
            if self.parameters.rows(use.parameter, cls=cls, set=use.set or None):
                try:
                    return self.parameters.find(use.parameter, cls=cls, set=use.set or None)
                except (MissingParameter, AmbiguousParameter) as error:
                    return opened(error)
        zh, en = self._class_names(code)
        opens = [r for r in self.parameters.rows(use.parameter) if r.status == "open" and r.document]
        if not self.parameters.rows(use.parameter, set=use.set or None) and opens:
            return Refusal("open_parameter", f"参数 {use.parameter} 待补。", f"{use.parameter} is open.", use.parameter, opens[0].document)
        return Refusal("unmapped_class", f"地类“{zh}”在参数表 {use.parameter} 中没有取值。", f"class {en} has no row in the table {use.parameter}.",
                       needs=f"{use.parameter}:{self.made.classes.names.get(code, code)}")  # fmt: skip

    def _row_names(self, use: TableUse, code: int) -> tuple[str, ...]:
        """Under which names a class may stand in a table: through the map, else by its id, code or Chinese name."""
        cls = self.made.classes.names.get(code, str(code))
        if use.map:
            own = {m["id"]: m["rows"] for m in self.zone.config.get("map", ())}
            rows = own.get(use.map) or self.account.maps.get(use.map, {})
            return tuple(rows.get(cls) or rows.get(str(code)) or ())
        return tuple(dict.fromkeys((cls, str(code), self._class_names(code)[0])))

    def _class_names(self, code: int) -> tuple[str, str]:
        cls = self.made.classes.names.get(code, str(code))
        known = next((c for c in self.zone.config.get("extent", {}).get("class", ()) if c["id"] == cls), {})
        return str(known.get("zh", cls)), str(known.get("en", cls))

    def _tell_gaps(self, use: TableUse, gaps: Mapping[int, Refusal]) -> None:
        names = [self._class_names(code) for code in gaps]
        zh, en = "、".join(n[0] for n in names), ", ".join(n[1] for n in names)
        self.made.findings.append(Finding(
            "note", "classes_without_rows", f"{use.parameter} has no row for {en}: what stands on it is not computed there.",
            f"参数 {use.parameter} 没有{zh}的取值：依赖它的量在这些地类上不计算。", file=self.account.id, field=use.parameter,
            fix="add the rows, or map the classes / 补上取值，或在对照表中给出对应类",
        ))  # fmt: skip

    def _by_code(self, use: TableUse) -> _Found:
        """A vector by the codes of another class layer: rows that name a code, and rows of the account's classes."""
        rows = [r for r in self.parameters.rows(use.parameter, set=use.set or None) if r.cls.isdigit()]
        closed = {int(r.cls): r for r in rows if r.value is not None}
        if self.account.layers[use.by].layer.quantity.startswith(LANDCOVER):
            known = {code: self._class_row(use, code) for code in self.made.classes.codes}
            closed = {code: row for code, row in known.items() if isinstance(row, ParameterRow)}
        if not closed:
            document = next((r.document for r in self.parameters.rows(use.parameter) if r.document), "")
            return _Found(refusal=Refusal("open_parameter", f"参数 {use.parameter} 没有按代码的取值。", f"{use.parameter} has no row by code.",
                                          needs=use.parameter, document=document))  # fmt: skip
        vector = np.full(max(closed) + 1, math.nan)
        for code, row in closed.items():
            vector[code] = self._value(row, use.unit)
        nodes = [(str(code), self.made.pedigree.parameter(row)) for code, row in sorted(closed.items())]
        return _Found(vector, self.made.pedigree.table(use, nodes, self.period))

    # ---- pedigree of a step ------------------------------------------------------------------------------------------

    def _step_node(self, name: str) -> str:
        if name not in self.account.steps:
            return self._entry(name).node
        if ("step", name) not in self._known:
            step = self.account.steps[name]
            args = [(argument, self._step_node(source)) for argument, source in step.bind.items()]
            self._known["step", name] = _Found(node=self.made.pedigree.step(step, args, self.period))
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


def _plain(vector: Iterable[float]) -> list[Any]:
    """JSON without NaN."""
    return [None if math.isnan(v) else float(v) for v in vector]

