"""What the stages of the flow share: result fields, blocks of cell forms, graphs read from a layer, class codes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.canonical import digest, file_digest
from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError
from qingshan.zone.raster.grid import Grid, Window
from qingshan.zone.raster.source import Field, Source

from ..block.engine import Progress, bytes_of
from ..focal.cellwise import Step, cellwise
from ..focal.stage import codes_of, floats_of, limited, require
from . import directions, passes
from .lattice import BAND, Lattice, each, refuse_small
from .scratch import Scratch
from .weave import At, formula, woven

__all__ = ["Graph", "Job", "choice", "job"]

WIDE = 2048


@dataclass
class Job:
    """One run of a stage: where it works, what it was given, what it writes. Files are hidden until `finish`."""

    name: str
    grid: Grid
    inputs: Mapping[str, Source]
    tables: Mapping[str, NDArray[np.float64]]
    constants: Mapping[str, float]
    options: Mapping[str, str]
    asked: tuple[str, ...]
    folder: Path
    classes: Source | None
    workers: int | None
    progress: Progress | None
    steps: int = 1
    done: int = 0
    scratch: Scratch | None = None
    cells: set[str] = field(default_factory=set)
    fields: dict[str, Field] = field(default_factory=dict)

    @cached_property
    def lattice(self) -> Lattice:
        return Lattice(self.grid, self.scratch)

    def fit(self, memory: int | str) -> None:
        """Keep within `memory` from here on: whole-grid arrays that it does not hold go to scratch files.

        Raises `QingshanError` where the grid is too large for that too, or the memory too small.
        """
        refuse_small(self.grid, memory, self.name)
        self.scratch = Scratch(self.folder, bytes_of(memory))

    def holds(self, per_cell: int) -> bool:
        """Whether whole-grid arrays of so many bytes a cell fit in memory."""
        return self.scratch is None or self.scratch.holds(per_cell * self.lattice.size)

    def field(self, name: str, dtype: str = "float32") -> Field:
        """A new layer under a hidden name."""
        none = float("nan") if np.dtype(dtype).kind == "f" else float(np.iinfo(dtype).max)
        made = Field(self.folder / f".{name}.{os.getpid()}.part", self.grid, dtype, none).create()
        self.fields[name] = made
        return made

    def write(self, name: str, flat: NDArray[Any], dtype: str = "float32", graph: Graph | None = None) -> Field:
        """A whole-grid array as a layer; NoData where a given graph has no flow."""
        made = self.field(name, dtype)

        def tile(window: Window) -> None:
            values = self.lattice.inside(flat, window)
            if graph is not None:
                values = values.astype(dtype)
                values[graph.none(window)] = made.nodata
            made.write(window, values)

        each(made.windows(), tile, self.workers)
        return made

    def map(
        self, steps: tuple[Step, ...], layers: Mapping[str, Any], outputs: Mapping[str, Any], *, tables: Sequence[str] = (),
        numbers: Mapping[str, float] | None = None,
    ) -> None:  # fmt: skip
        """Cell forms over all blocks. `layers` are Sources or whole-grid arrays; so are `outputs` (Fields or arrays)."""
        numbers = numbers or {}
        self.cells |= {form for _, form, _ in steps if form != "+"}
        kernel = cellwise(steps, tuple(layers), tuple(tables), tuple(numbers), tuple(outputs))
        vectors = [np.asarray(self.tables[t], np.float64) for t in tables]

        def block(window: Window) -> None:
            given = [
                self.lattice.inside(x, window) if isinstance(x, np.ndarray) else floats_of(x, window)
                for x in layers.values()
            ]
            codes = codes_of(self.classes, window) if tables and self.classes is not None else given[0]
            made = [
                self.lattice.inside(x, window)
                if isinstance(x, np.ndarray)
                else np.empty((window.height, window.width), x.dtype)
                for x in outputs.values()
            ]
            kernel(codes, *given, *vectors, *numbers.values(), *made)
            for x, values in zip(outputs.values(), made, strict=True):
                if not isinstance(x, np.ndarray):
                    x.write(window, values)

        each(self.grid.blocks(BAND, WIDE), block, self.workers)

    def tick(self) -> None:
        """One more step of the stage is done."""
        self.done += 1
        if self.progress:
            self.progress(min(self.done, self.steps) * self.grid.size // self.steps, self.grid.size, float("nan"))

    def finish(self, report: Mapping[str, float] | None = None) -> dict[str, Field]:
        """The asked layers under their own names."""
        made = {
            "stage": self.name, "code": digest([_code(), {c: formula(c).code for c in sorted(self.cells)}]),
            "inputs": {k: dict(v.identity()) for k, v in sorted(self.inputs.items())},
            "classes": dict(self.classes.identity()) if self.classes is not None else None,
            "tables": {k: [repr(float(x)) for x in v] for k, v in sorted(self.tables.items())},
            "constants": {k: repr(float(v)) for k, v in sorted(self.constants.items())},
            "options": dict(sorted(self.options.items())), **({"report": {k: repr(float(v)) for k, v in report.items()}} if report else {}),
        }  # fmt: skip
        found = {}
        for name in self.asked:
            draft = self.fields[name]
            found[name] = replace(draft, path=self.folder / f"{name}.cells", made_from={**made, "output": name})
            draft.path.replace(found[name].path)
        return found

    def discard(self) -> None:
        """Remove what is still hidden: scratch layers, or everything after an error."""
        if self.scratch is not None:
            self.scratch.close()
        for made in self.fields.values():
            made.path.unlink(missing_ok=True)

    def drop(self, *names: str) -> None:
        """Remove scratch layers that nothing reads any more."""
        for name in names:
            if name not in self.asked and name in self.fields:
                self.fields.pop(name).path.unlink(missing_ok=True)


@lru_cache(maxsize=1)
def _code() -> str:
    here = Path(__file__).parent
    return digest(
        [file_digest(p) for folder in (here, here.with_name("declared")) for p in sorted(folder.glob("*.py"))]
    )


def job(
    name: str, module: Any, grid: Grid, inputs: Mapping[str, Source], tables: Mapping[str, NDArray[np.float64]],
    constants: Mapping[str, float], options: Mapping[str, str], outputs: Sequence[str], folder: Path, classes: Source | None,
    workers: int | None, progress: Progress | None, steps: int, optional: Iterable[str] = (),
) -> Job:  # fmt: skip
    """Check what a stage is given against its declaration (`INPUTS`, `TABLES`, `CONSTANTS`, `OPTIONS`, `OUTPUTS` of its module).

    Values of an input outside the module's `LIMITS` are NoData.

    Raises `DeclarationError` naming what is missing or unknown.
    """
    load_domains()
    spare = set(optional)
    require(name, "input", set(module.INPUTS) - spare, inputs)
    require(name, "table", set(module.TABLES) - spare, tables)
    require(name, "constant", set(module.CONSTANTS) - spare, constants)
    if set(module.TABLES) & set(tables):
        require(name, "class layer", {"classes"}, {"classes": classes} if classes is not None else {})
    for kind, given, known in (
        ("output", outputs, module.OUTPUTS), ("option", options, module.OPTIONS), ("input", inputs, module.INPUTS),
        ("constant", constants, module.CONSTANTS), ("table", tables, module.TABLES),
    ):  # fmt: skip
        if odd := sorted(set(given) - set(known)):
            raise DeclarationError(
                f"stage {name} has no {kind} {', '.join(odd)}; known: {', '.join(known)}.",
                f"步骤 {name} 没有 {'、'.join(odd)}（{kind}）；现有：{'、'.join(known)}。", where=f"stage {name}",
            )  # fmt: skip
    chosen = {k: choice(name, module, options, k) for k in module.OPTIONS}
    folder.mkdir(parents=True, exist_ok=True)
    return Job(
        name, grid, limited(inputs, getattr(module, "LIMITS", {})), dict(tables), dict(constants), chosen, tuple(dict.fromkeys(outputs)), folder,
        classes if set(module.TABLES) & set(tables) else None, workers, progress, steps,
    )  # fmt: skip


def choice(stage: str, module: Any, options: Mapping[str, str], key: str) -> str:
    """The chosen word of an option, its first by default. Raises `DeclarationError`."""
    words: tuple[str, ...] = module.OPTIONS[key]
    word = options.get(key, words[0])
    if word not in words:
        raise DeclarationError(
            f"stage {stage}: {key} = {word!r} is not one of {', '.join(repr(w) for w in words)}.",
            f"步骤 {stage}：{key} 只能取 {'、'.join(repr(w) for w in words)}，给的是 {word!r}。", where=f"stage {stage}",
        )  # fmt: skip
    return word


@dataclass
class Graph:
    """Where every cell drains to: D8 directions (uint8) or MFD shares (uint32) over a lattice."""

    lattice: Lattice
    to: NDArray[Any]

    @classmethod
    def read(cls, work: Job, source: Source) -> Graph:
        """The graph of a layer that stage "flow" wrote (or pygeoprocessing). Raises `DeclarationError` for another type."""
        kind = source.dtype
        if kind not in (np.dtype(np.uint8), np.dtype(np.uint32)):
            raise DeclarationError(
                f"stage {work.name}: directions are {kind}, must be uint8 (D8) or uint32 (MFD).",
                f"步骤 {work.name}：流向图层类型为 {kind}，应为 uint8（D8）或 uint32（MFD）。", where=f"stage {work.name}",
                fix="bind the output `direction` of stage flow / 绑定 flow 步骤的 direction 输出",
            )  # fmt: skip
        missing = directions.NO_FLOW if kind == np.uint8 else directions.NO_SHARES
        to = work.lattice.read(source, kind, missing, work.workers)
        return cls(work.lattice, to)

    @property
    def d8(self) -> bool:
        return bool(self.to.dtype == np.uint8)

    @property
    def missing(self) -> int:
        """What stands for no flow: NoData and the rim."""
        return directions.NO_FLOW if self.d8 else directions.NO_SHARES

    def none(self, window: Window) -> NDArray[np.bool_]:
        """Cells of a window without flow."""
        return np.asarray(self.lattice.inside(self.to, window) == self.missing)

    def blank(self, x: NDArray[Any], value: float) -> None:
        """Put `value` where there is no flow."""
        passes.blank(self.to, self.to.dtype.type(self.missing), x, x.dtype.type(value))

    @cached_property
    def order(self) -> NDArray[np.uint32]:
        """Shared flow: the cells, each after all cells above it."""
        order = self.lattice.full(0, np.uint32)
        return order[: passes.order_mfd(self.to, self.lattice.offsets, self.lattice.full(0, np.uint8), order)]

    @property
    def _waiting(self) -> NDArray[np.uint8]:
        waiting = self.lattice.full(0, np.uint8)
        passes.inflows_d8(self.to, self.lattice.offsets, waiting)
        return waiting

    def accumulate(self, x: NDArray[Any]) -> None:
        """x_i + the sum of x over all cells above, in place."""
        if self.d8:
            passes.accumulate_d8(self.to, self.lattice.offsets, self._waiting, x)
        else:
            passes.accumulate_mfd(self.to, self.lattice.offsets, self.order, x)

    def below(self, value: NDArray[Any], missing: float, workers: int | None) -> NDArray[np.float32]:
        """Mean of a value over the cells below, by shares."""
        out = self.lattice.full(np.nan, np.float32)
        run = passes.below_d8 if self.d8 else passes.below_mfd
        self.lattice.rows(lambda a, b: run(self.to, self.lattice.offsets, value, missing, out, a, b), workers)
        return out

    def climb(
        self, cell: str, at: At, classes: Any, values: Mapping[str, Any], value: NDArray[Any], *, lengths: NDArray[np.float64],
        outlet: float = float("nan"),
    ) -> None:  # fmt: skip
        """Carry a value up by the cell form `cell(*at, length, below)`, in place (`passes.climb_d8`)."""
        kernel = woven(passes.climb_d8 if self.d8 else passes.climb_mfd, {"step": cell}, {"at": at})
        order = () if self.d8 else (self.order,)
        kernel(self.to, self.lattice.offsets, lengths, *order, value, outlet, *at.given(classes, values))

    def descend(self, keep: tuple[str, At], send: tuple[str, At], classes: Any, values: Mapping[str, Any], x: NDArray[Any]) -> None:  # fmt: skip
        """Carry a quantity down by two cell forms (`passes.descend_d8`), in place."""
        template = passes.descend_d8 if self.d8 else passes.descend_mfd
        kernel = woven(template, {"keep": keep[0], "send": send[0]}, {"at_keep": keep[1], "at_send": send[1]})
        names = dict.fromkeys(keep[1].arguments() + send[1].arguments())
        given = [classes if n == "classes" else values[n[2:]] for n in names]
        kernel(self.to, self.lattice.offsets, self._waiting if self.d8 else self.order, x, *given)
