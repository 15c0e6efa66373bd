"""A raster account as a domain declares it: stages, layers, tables, constants, steps and sums. Data only.

The file is `domains/<subject>/rasters/NAME.toml`. Its shape:

    id, zh, en, note_zh, note_en
    [[stage]]    id, run, inputs = {elevation = "terrain.elevation" | "<stage id>.<output>"},
                 tables = {c = {parameter, set, unit, map}}, constants = {k = {parameter, set, class} | {value, unit, source, status}},
                 options = {}
    [[layer]]    id, quantity = "climate.rain_annual" | stage = "<stage id>.<output>", unit, classes, low, high
    [[table]]    id, parameter, set, unit, by, map
    [[constant]] id, parameter, set, class, unit
    [[step]]     id, cell, bind
    [[sum]]      id, of, per, unit, quantity, zh, en, by, codes
    [[measure]]  id, reading = "conservation_rate" | "conflict_share", method, of = "<sum id>", zh, en
    [[measure]]  id, reading = "round_change" | "round_mean_annual_decrease", method, of, before = "<sum id>", first, basis, zh, en
    [[patch]]    id, of = "<step id>", codes, parameter, set, neighbours = "4" | "8", zh, en

A table has a row per class of the account (`by` names another class layer, then the classes are its codes). A row belongs
to a class that it names by the zone's class id, by its code or by its Chinese name, or through a `[[map]]` of the zone or
of the account. A sum gives the figure `quantity` of every leaf place, class and period, with `by` one per code as
`quantity.<code>`. A measure is read from the areas by code of one sum, by a declared method (`accounts/graded.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from qingshan.core.canonical import digest
from qingshan.core.cell import find_cell
from qingshan.core.domain import Domains
from qingshan.core.errors import DeclarationError, UnknownName
from qingshan.core.method import REGISTRY

from ..block.sheet import Layer, Sheet, Step, Sum
from ..stages import STAGES, find_stage

__all__ = [
    "Measure",
    "Patch",
    "RasterAccount",
    "Row",
    "StageUse",
    "TableUse",
    "code_words",
    "find_raster_account",
    "parse_raster_account",
    "raster_accounts",
]

CLASS_AREA = "class_area"
COVERED = "covered_"
ROUNDS = ("round_change", "round_mean_annual_decrease")
READINGS = ("conservation_rate", "conflict_share", *ROUNDS)
"""What `accounts.graded` reads from areas by grade; the last two compare a period with the one before."""
BASES = ("reported", "comparable")


@dataclass(frozen=True)
class Row:
    """One number for all cells: a parameter row by name, or a value declared with its unit, source and status."""

    parameter: str = ""
    set: str = ""
    cls: str = ""
    unit: str = ""
    value: float | None = None
    source: str = ""
    status: str = "project"


@dataclass(frozen=True)
class TableUse:
    """A number per class: rows of a parameter. `by` names a class layer, '' the account's own classes."""

    parameter: str
    set: str = ""
    unit: str = ""
    by: str = ""
    map: str = ""


@dataclass(frozen=True)
class StageUse:
    """One call of a stage of `accounts/stages.py`."""

    id: str
    run: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, TableUse] = field(default_factory=dict)
    constants: Mapping[str, Row] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LayerUse:
    """A layer of the sheet: a quantity of the zone, or `stage` = an output of a stage."""

    layer: Layer
    stage: str = ""


@dataclass(frozen=True)
class Measure:
    """A figure read from the areas by code of the sum `of`: which reading, by which method (`id@edition`).

    A comparison of rounds also names the sum of the round `before`, the `first` code that counts, and its `basis`.
    """

    id: str
    reading: str
    method: str
    of: str
    zh: str
    en: str
    before: str = ""
    first: int = 1
    basis: str = ""


@dataclass(frozen=True)
class Patch:
    """Patches of the grade `of` for some of its codes; `parameter` is the row of the smallest area that keeps its grade."""

    id: str
    of: str
    codes: tuple[int, ...]
    parameter: str
    set: str
    neighbours: str
    zh: str
    en: str


@dataclass(frozen=True)
class RasterAccount:
    """A whole declaration. Make it with `parse_raster_account`, which checks it."""

    id: str
    zh: str
    en: str
    stages: Mapping[str, StageUse]
    layers: Mapping[str, LayerUse]
    tables: Mapping[str, TableUse]
    constants: Mapping[str, Row]
    steps: Mapping[str, Step]
    sums: tuple[Sum, ...]
    maps: Mapping[str, Mapping[str, tuple[str, ...]]]
    note_zh: str = ""
    note_en: str = ""
    measures: tuple[Measure, ...] = ()
    patches: tuple[Patch, ...] = ()
    content: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def key(self) -> str:
        return digest(dict(self.content))

    def needs(self, name: str) -> Iterator[str]:
        """Every layer, table, constant and step that a name stands on, itself included; a name may come twice."""
        if name in ("", "1"):
            return
        yield name
        if name in self.steps:
            for source in self.steps[name].bind.values():
                yield from self.needs(source)
        elif name in self.tables and self.tables[name].by:
            yield from self.needs(self.tables[name].by)

    def needed(self, sum: Sum) -> list[str]:
        return list(dict.fromkeys(n for part in (sum.of, sum.by, sum.on) for n in self.needs(part)))

    def stage_output(self, text: str, reader: str = "") -> tuple[str, str] | None:
        """`routing.ls` -> ("routing", "ls") where the stage `routing` gives `ls`, else None: a quantity of the zone.

        A stage `reader` sees the outputs of the stages above it only.
        """
        stage, _, output = text.partition(".")
        order = list(self.stages)
        if stage not in self.stages or (reader and order.index(stage) >= order.index(reader)):
            return None
        known = self.stages[stage].run in STAGES
        return (stage, output) if not known or find_stage(self.stages[stage].run).gives(output) else None

    @cached_property
    def methods(self) -> frozenset[str]:
        """The methods of every step, stage and measure, as `id@edition`."""
        cells = {find_cell(step.cell).method for step in self.steps.values()}
        stages = {ref for s in self.stages.values() if s.run in STAGES for ref in find_stage(s.run).methods(s.options)}
        return frozenset(cells | stages | {m.method for m in self.measures})

    @cached_property
    def quantities(self) -> dict[str, Sum]:
        """Sum by the quantity it gives."""
        return {s.quantity: s for s in self.sums if s.quantity}


def code_words(account: RasterAccount, sum: Sum, lang: str = "zh") -> tuple[str, ...]:
    """The words of a split sum's codes, from the method that gives them; '' for a code without a word.

    English words where the method declares them, else those of the standard as they are.
    """
    step = account.steps.get(sum.by)
    if step is None:
        return ("",) * sum.codes if sum.by else ()
    declared = REGISTRY[find_cell(step.cell).method].result
    words = declared.labels_en if lang == "en" and declared.labels_en else declared.labels
    return tuple(words[i] if i < len(words) else "" for i in range(sum.codes))


def raster_accounts(domains: Domains) -> dict[str, RasterAccount]:
    """Every raster account that an installed domain declares."""
    found: dict[str, RasterAccount] = {}
    for name in domains.by_name:
        for stem, content in domains.folder(name, "rasters"):
            account = parse_raster_account(content, f"{name}/rasters/{stem}.toml")
            if account.id in found:
                raise DeclarationError(
                    f"raster account {account.id!r} is declared twice.", where=f"{name}/rasters/{stem}.toml"
                )
            found[account.id] = account
    return found


def find_raster_account(domains: Domains, id: str) -> RasterAccount:
    known = {
        str(content.get("id")): (content, f"{name}/rasters/{stem}.toml")
        for name in domains.by_name
        for stem, content in domains.folder(name, "rasters")
    }
    if id not in known:
        names = ", ".join(known) or "none"
        raise UnknownName(f"no raster account {id!r}; known: {names}.", f"没有栅格账户 {id!r}；现有：{names}。")
    return parse_raster_account(*known[id])


def parse_raster_account(content: Mapping[str, Any], where: str) -> RasterAccount:
    """Read and check a declaration. Raises `DeclarationError` naming the file and the entry."""
    try:
        account = RasterAccount(
            content["id"], content["zh"], content["en"],
            stages={s["id"]: _stage(s) for s in content.get("stage", ())},
            layers={x["id"]: _layer(x) for x in content.get("layer", ())},
            tables={t["id"]: _table(t) for t in content.get("table", ())},
            constants={c["id"]: _row(c) for c in content.get("constant", ())},
            steps={s["id"]: Step(s["id"], s["cell"], s["bind"]) for s in content.get("step", ())},
            sums=tuple(Sum(**s) for s in content.get("sum", ())),
            maps={m["id"]: {k: tuple(v) for k, v in m["rows"].items()} for m in content.get("map", ())},
            note_zh=content.get("note_zh", ""), note_en=content.get("note_en", ""),
            measures=tuple(Measure(**m) for m in content.get("measure", ())),
            patches=tuple(Patch(**p | {"codes": tuple(p["codes"])}) for p in content.get("patch", ())), content=content,
        )  # fmt: skip
    except (KeyError, TypeError, AttributeError) as error:
        raise DeclarationError(f"the raster account cannot be read: {error!r}.", where=where) from None
    _check(account, where)
    return account


def sheet_of(
    account: RasterAccount, sums: tuple[Sum, ...], units: Mapping[str, str], writes: tuple[str, ...] = ()
) -> Sheet:
    """The sheet of the sums that can be made. `units` are those of the layers as the zone has them.

    Beside each sum stands the area on which it was made, and the area of every class. Raises what `Sheet.of` raises.
    """
    needed = {n for s in sums for n in account.needed(s)} | {n for w in writes for n in account.needs(w)}
    covers = {COVERED + s.of: s.of for s in sums if s.of != "1"}
    areas = [Sum(CLASS_AREA, "1", "m2", "m2"), *(Sum(c, "1", "m2", "m2", on=of) for c, of in covers.items())]
    layers = [x.layer for x in account.layers.values() if x.layer.id in needed]
    return Sheet.of({
        "id": account.id,
        "layers": [x.__dict__ | {"unit": units.get(x.id, x.unit)} for x in layers],
        "tables": [{"id": i, "unit": t.unit, "by": t.by} for i, t in account.tables.items() if i in needed],
        "constants": [{"id": i, "unit": c.unit} for i, c in account.constants.items() if i in needed],
        "steps": [{"id": s.id, "cell": s.cell, "bind": dict(s.bind)} for s in account.steps.values() if s.id in needed],
        "sums": [s.__dict__ for s in (*sums, *areas)],
        "writes": list(writes),
    })  # fmt: skip


# ---- reading --------------------------------------------------------------------------------------------------------


def _layer(raw: Mapping[str, Any]) -> LayerUse:
    known = {k: v for k, v in raw.items() if k != "stage"}
    return LayerUse(Layer(**known), raw.get("stage", ""))


def _table(raw: Mapping[str, Any]) -> TableUse:
    return TableUse(**{k: v for k, v in raw.items() if k != "id"})


def _row(raw: Mapping[str, Any]) -> Row:
    return Row(**{("cls" if k == "class" else k): v for k, v in raw.items() if k != "id"})


def _stage(raw: Mapping[str, Any]) -> StageUse:
    return StageUse(
        raw["id"], raw["run"], dict(raw.get("inputs", {})), {k: _table(t) for k, t in raw.get("tables", {}).items()},
        {k: _row(c) for k, c in raw.get("constants", {}).items()}, dict(raw.get("options", {})),
    )  # fmt: skip


def _check(account: RasterAccount, where: str) -> None:
    for layer in account.layers.values():
        if bool(layer.stage) == bool(layer.layer.quantity):
            _refuse(where, layer.layer.id, "a layer has either a quantity or a stage.")
        if layer.stage and account.stage_output(layer.stage) is None:
            _refuse(where, layer.layer.id, f"{layer.stage!r} is no output of a stage.")
    for row in (*account.constants.values(), *(c for s in account.stages.values() for c in s.constants.values())):
        if bool(row.parameter) == (row.value is not None):
            _refuse(where, row.parameter, "a constant is either a parameter or a value with its unit and source.")
        if row.value is not None and not row.source:
            _refuse(where, str(row.value), "a value without a source.")
    known = {*account.layers, *account.tables, *account.constants, *account.steps}
    for s in account.sums:
        absent = [n for n in (s.of, s.by) if n not in ("1", "") and n not in known]
        if absent:
            _refuse(where, s.id, f"{', '.join(absent)} is no layer, table or step.")
        for name in account.needed(s):
            if name not in known:
                _refuse(where, s.id, f"it stands on {name!r}, which is not declared.")
    _check_measures(account, where)


def _check_measures(account: RasterAccount, where: str) -> None:
    split = {s.id for s in account.sums if s.by}
    for m in account.measures:
        if m.reading not in READINGS:
            _refuse(where, m.id, f"{m.reading!r} is no reading; known: {', '.join(READINGS)}.")
        for name in (m.of, *([m.before] if m.reading in ROUNDS else [])):
            if name not in split:
                _refuse(where, m.id, f"{name!r} is no sum by code.")
        if m.reading in ROUNDS and m.basis not in BASES:
            _refuse(where, m.id, f"basis = {m.basis!r}; one of {', '.join(BASES)}.")
    for p in account.patches:
        if p.of not in account.steps:
            _refuse(where, p.id, f"{p.of!r} is no step.")


def _refuse(where: str, entry: str, text: str) -> None:
    raise DeclarationError(text, where=f"{where}, {entry}" if entry else where)
