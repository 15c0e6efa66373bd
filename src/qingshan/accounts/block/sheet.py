"""The declaration of a raster account: which layers, which steps, which sums. Data; `kernel.py` makes it run.

    sheet = Sheet.of({
        "id": "water",
        "layers": [{"id": "rain", "unit": "mm"}, {"id": "pet", "unit": "mm"}],
        "tables": [{"id": "omega", "unit": "-"}],
        "steps": [{"id": "aet", "cell": "water.actual_evapotranspiration@fu1981",
                   "bind": {"precipitation": "rain", "potential": "pet", "omega": "omega"}}],
        "sums": [{"id": "aet", "of": "aet", "per": "m2", "unit": "m3"}],
    })
    result = run_sheet(sheet, grid, {"rain": ..., "pet": ...}, {"omega": by_class}, {}, places, classes)

A layer has the unit its source is in; a step gets it in the unit its method declares. A table is a vector indexed by the
code of a class layer (the account's own classes unless `by` names another layer). NaN in a table means: no row for the
class. A sum is taken per place and ecosystem class, with `by` also per code of a second class layer or step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from qingshan.core.canonical import digest
from qingshan.core.cell import Cell, find_cell
from qingshan.core.errors import DeclarationError, UnitError
from qingshan.core.method import REGISTRY, Method
from qingshan.core.units import factor, same_zero
from qingshan.core.units import unit as parse_unit

__all__ = ["Bound", "Layer", "Sheet", "Step", "Sum", "Table"]

PER = {"cell": "", "m2": "m2", "hm2": "hm2", "km2": "km2"}
CLASSES = "classes"


@dataclass(frozen=True)
class Layer:
    """A raster that steps read. `classes` marks a layer of codes; `low` and `high` are limits in `unit` besides those of the methods."""

    id: str
    unit: str = "1"
    quantity: str = ""
    classes: bool = False
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Table:
    """A number per class code. `by` names the class layer; '' is the account's own."""

    id: str
    unit: str
    by: str = ""
    parameter: str = ""
    set: str = ""


@dataclass(frozen=True)
class Constant:
    """A number for all cells."""

    id: str
    unit: str
    parameter: str = ""
    set: str = ""
    cls: str = ""


@dataclass(frozen=True)
class Step:
    """One cell form with its arguments bound to layers, tables, constants or earlier steps."""

    id: str
    cell: str
    bind: Mapping[str, str]


@dataclass(frozen=True)
class Sum:
    """`of` times the cell's area (`per` m2, hm2, km2; `cell`: as it is), added up in `unit`.

    `of` = "1" adds the area itself. `by` names a layer or step of small whole codes (0 to `codes` - 1) that splits the sum
    further. `on` names a layer or step that must have a value too: with `of` = "1" the sum is the area where it has one.
    `zh`, `en` and `quantity` say what it is.
    """

    id: str
    of: str
    unit: str
    per: str = "cell"
    by: str = ""
    codes: int = 1
    quantity: str = ""
    zh: str = ""
    en: str = ""
    on: str = ""


@dataclass(frozen=True)
class Bound:
    """One argument of a step: where it comes from and the factor to the method's unit."""

    argument: str
    source: str
    factor: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Sheet:
    """A whole raster account. Make it with `Sheet.of`, which checks it."""

    id: str
    layers: tuple[Layer, ...]
    tables: tuple[Table, ...] = ()
    constants: tuple[Constant, ...] = ()
    steps: tuple[Step, ...] = ()
    sums: tuple[Sum, ...] = ()
    writes: tuple[str, ...] = ()
    content: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Sheet:
        """Read and check a declaration. Raises `DeclarationError`, `UnitError` or `UnknownName` naming the entry."""
        where = f"sheet {raw.get('id', '?')}"
        try:
            sheet = cls(
                raw["id"],
                tuple(Layer(**r) for r in raw.get("layers", ())),
                tuple(Table(**r) for r in raw.get("tables", ())),
                tuple(Constant(**r) for r in raw.get("constants", ())),
                tuple(Step(**r) for r in raw.get("steps", ())),
                tuple(Sum(**r) for r in raw.get("sums", ())),
                tuple(raw.get("writes", ())),
                dict(raw),
            )
        except (KeyError, TypeError) as error:
            raise DeclarationError(f"the sheet cannot be read: {error}.", where=where) from None
        sheet.check()
        return sheet

    def with_writes(self, names: Iterable[str]) -> Sheet:
        """The same account that also writes the named steps or layers as rasters."""
        return Sheet.of({**self.content, "writes": list(names)})

    # ---- what is known of each name --------------------------------------------------------------------------------

    @cached_property
    def units(self) -> dict[str, str]:
        """Unit of every layer, table, constant and step."""
        given: tuple[Layer | Table | Constant, ...] = (*self.layers, *self.tables, *self.constants)
        return {x.id: x.unit for x in given} | {s.id: self.cell(s).result_unit(self.method(s)) for s in self.steps}

    def cell(self, step: Step) -> Cell:
        return find_cell(step.cell)

    def method(self, step: Step) -> Method:
        return REGISTRY[self.cell(step).method]

    @cached_property
    def by_id(self) -> dict[str, Layer | Table | Constant | Step]:
        named: tuple[Layer | Table | Constant | Step, ...] = (*self.layers, *self.tables, *self.constants, *self.steps)
        return {x.id: x for x in named}

    def bound(self, step: Step) -> list[Bound]:
        """The arguments of a step in the order of its cell. Raises `UnitError` where a unit cannot become the method's."""
        if step.id not in self._bounds:
            self._bounds[step.id] = self._bind(step)
        return self._bounds[step.id]

    @cached_property
    def _bounds(self) -> dict[str, list[Bound]]:
        return {}

    def _bind(self, step: Step) -> list[Bound]:
        found = []
        for argument, wanted in self.cell(step).declared(self.method(step)).items():
            source = step.bind[argument]
            given = self.units[source]
            try:
                ratio = 1.0 if given == wanted.unit else factor(given, wanted.unit)
                if not same_zero(given, wanted.unit):
                    raise UnitError(
                        f"no factor turns {given} into {wanted.unit}.", f"{given} 不能按比例换算成 {wanted.unit}。",
                        fix="declare the layer in the method's unit / 图层按方法的单位声明",
                    )  # fmt: skip
            except UnitError as error:
                raise UnitError(
                    f"{source} is in {given}, {wanted.en} ({argument}) must be in {wanted.unit}: {error.en}",
                    f"{source} 的单位是 {given}，{wanted.zh}应为 {wanted.unit}：{error.zh}",
                    where=f"sheet {self.id}, step {step.id}", fix=error.fix,
                ) from None  # fmt: skip
            found.append(Bound(argument, source, ratio, wanted.low, wanted.high))
        return found

    def limits(self, layer: Layer) -> tuple[float | None, float | None]:
        """The tightest limits of a layer in its own unit: its own and those of every method that reads it."""
        lows, highs = [layer.low], [layer.high]
        for step in self.steps:
            for b in self.bound(step):
                if b.source == layer.id:
                    lows.append(None if b.low is None else b.low / b.factor)
                    highs.append(None if b.high is None else b.high / b.factor)
        low = [v for v in lows if v is not None]
        high = [v for v in highs if v is not None]
        return max(low) if low else None, min(high) if high else None

    def needs(self, name: str) -> set[str]:
        """Every layer and step that a name stands on, itself included."""
        if name in ("1", ""):
            return set()
        entry = self.by_id[name]
        if isinstance(entry, Step):
            return {name}.union(*(self.needs(s) for s in entry.bind.values()))
        if isinstance(entry, Table):
            return {name} | ({entry.by} if entry.by else set())
        return {name}

    @cached_property
    def used(self) -> set[str]:
        """What the sums and written rasters need; the rest is not computed."""
        return set().union(
            *(self.needs(s.of) | self.needs(s.by) | self.needs(s.on) for s in self.sums), *map(self.needs, self.writes)
        )

    def used_layers(self) -> list[Layer]:
        return [layer for layer in self.layers if layer.id in self.used]

    def layers_of(self, sum: Sum) -> list[str]:
        """Layers without which a cell does not count in the sum."""
        asked = self.needs(sum.of) | self.needs(sum.by) | self.needs(sum.on)
        return [layer.id for layer in self.layers if layer.id in asked]

    def scale(self, sum: Sum) -> float:
        """Factor from `of` times area to the sum's unit. A rate per year is counted for one year."""
        area, of = PER[sum.per], "1" if sum.of == "1" else self.units[sum.of]
        whole = "*".join(p for p in (f"({of})" if "/" in of else of, area) if p and p != "1") or "1"
        if parse_unit(whole).dimensions == parse_unit(sum.unit).dimensions:
            return factor(whole, sum.unit)
        try:
            return factor(f"{whole}*a", sum.unit)
        except UnitError as error:
            raise UnitError(
                f"{sum.of} per {sum.per} gives {whole}, not {sum.unit}.", f"{sum.of} 乘 {sum.per} 得 {whole}，不是 {sum.unit}。",
                where=f"sheet {self.id}, sum {sum.id}", fix=error.fix,
            ) from None  # fmt: skip

    @cached_property
    def key(self) -> str:
        """Hash of the declaration and of the code of every cell and method it uses."""
        code = {s.cell: [self.cell(s).code, self.method(s).code] for s in self.steps}
        entries = {
            kind: [vars(x) for x in getattr(self, kind)] for kind in ("layers", "tables", "constants", "steps", "sums")
        }
        return digest([{"id": self.id, **entries, "writes": self.writes, "content": None}, code])

    # ---- checks ----------------------------------------------------------------------------------------------------

    def check(self) -> None:
        given: tuple[Layer | Table | Constant, ...] = (*self.layers, *self.tables, *self.constants)
        names = [*(x.id for x in given), *(s.id for s in self.steps)]
        twice = sorted({n for n in names if names.count(n) > 1})
        bad = sorted(n for n in names if not n.isidentifier())
        if twice or bad:
            self._refuse(f"the ids {twice or bad} are {'given twice' if twice else 'no plain words'}.", "")
        known = {x.id for x in given}
        codes = {x.id for x in self.layers if x.classes}
        for table in self.tables:
            if table.by and table.by not in codes:
                self._refuse(f"table {table.id}: {table.by!r} is no class layer.", table.id)
        for step in self.steps:
            self._check_step(step, known)
            known.add(step.id)
        for sum in self.sums:
            self._check_sum(sum, known)
        if len({s.id for s in self.sums}) != len(self.sums):
            self._refuse("two sums share an id.", "")
        for name in self.writes:
            if name not in known:
                self._refuse(f"{name!r} to write is no layer or step.", name)

    def _check_step(self, step: Step, known: set[str]) -> None:
        cell = self.cell(step)
        wanted = set(cell.arguments)
        if wanted != set(step.bind):
            self._refuse(f"{step.cell} takes {sorted(wanted)}, bound are {sorted(step.bind)}.", step.id)
        unsaid = cell.left_out(self.method(step))
        if unsaid:
            self._refuse(f"the cell {step.cell} leaves out {unsaid} of its method.", step.id)
        unknown = sorted(s for s in step.bind.values() if s not in known)
        if unknown:
            self._refuse(f"{unknown} is no layer, table, constant or earlier step.", step.id)
        self.bound(step)

    def _check_sum(self, sum: Sum, known: set[str]) -> None:
        if sum.per not in PER or (sum.of != "1" and sum.of not in known) or (sum.by and sum.by not in known):
            self._refuse(f"sum {sum.id} of {sum.of!r} per {sum.per!r} by {sum.by!r} cannot be made.", sum.id)
        if sum.on and sum.on not in known:
            self._refuse(f"sum {sum.id}: `on` = {sum.on!r} is no layer or step.", sum.id)
        if not 1 <= sum.codes <= 65536 or (sum.codes > 1) != bool(sum.by):
            self._refuse(f"sum {sum.id}: `by` and `codes` go together, codes is 2 to 65536.", sum.id)
        self.scale(sum)

    def _refuse(self, text: str, entry: str) -> None:
        raise DeclarationError(text, where=f"sheet {self.id}" + (f", {entry}" if entry else ""))
