"""What a block of a raster account needs, and what it gives: the same on a thread, in a process, on a cluster."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.canonical import digest
from qingshan.core.errors import DeclarationError
from qingshan.zone.raster.grid import Grid, Window
from qingshan.zone.raster.source import Source

from .cut import cut, most_cells
from .kernel import Kernel, compiled, kernel_of
from .pyramid import SIDE, Pieces
from .sheet import Sheet
from .total import BLOCK_CELLS, PARTS, carried

__all__ = ["Plan", "Totals", "block_totals", "plan_sheet"]

DENSE = 2**20
"""Up to so many partial sums a block keeps one for every place; above, only for the places in it."""


@dataclass(frozen=True)
class Plan:
    """Everything a block needs, picklable."""

    sheet: Sheet
    kernel: Kernel
    grid: Grid
    sources: Mapping[str, Source]
    tables: Mapping[str, NDArray[np.float64]]
    constants: Mapping[str, float]
    places: Source
    classes: Source
    n_places: int
    codes: tuple[int, ...]
    pieces: Mapping[str, Pieces]
    block: tuple[int, int] = (0, 0)

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        return tuple(self.grid.blocks(*self.block))

    @cached_property
    def key(self) -> str:
        """Hash of everything that the totals depend on. Block size is not among it."""
        return digest({
            "sheet": self.sheet.key, "kernel": self.kernel.key, "grid": [self.grid.crs, self.grid.transform, self.grid.shape],
            "sources": {k: dict(s.identity()) for k, s in sorted(self.sources.items())},
            "tables": {k: _plain(v) for k, v in sorted(self.tables.items())},
            "constants": {k: _plain(v) for k, v in sorted(self.constants.items())},
            "places": dict(self.places.identity()), "classes": dict(self.classes.identity()), "codes": self.codes, "n_places": self.n_places,
        })  # fmt: skip

    @cached_property
    def class_index(self) -> NDArray[np.int32]:
        """Place of a class in the totals by its code, -1 for a code that does not count."""
        index = np.full(max(self.codes, default=0) + 1, -1, np.int32)
        index[list(self.codes)] = np.arange(len(self.codes))
        none = self.classes.nodata
        if none is not None and 0 <= none < len(index):
            index[int(none)] = -1
        return index

    @property
    def sums_per_place(self) -> int:
        return max(len(self.codes), 1) * self.kernel.width * PARTS

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("key", "class_index", "windows")}


@dataclass
class Totals:
    """Exact partial sums of the places `rows`: `acc` (place, class, sum, part), counts and areas (see `kernel.COUNT`)."""

    rows: NDArray[np.int64]
    acc: NDArray[np.int64]
    tally: NDArray[np.int64]
    areas: NDArray[np.int64]

    @classmethod
    def zero(cls, plan: Plan, rows: NDArray[np.int64] | None = None) -> Totals:
        rows = np.arange(plan.n_places) if rows is None else rows
        layers, sums = len(plan.kernel.layers), len(plan.kernel.sums)
        return cls(
            rows, np.zeros((len(rows), max(len(plan.codes), 1), plan.kernel.width, PARTS), np.int64),
            np.zeros(2 + 2 * layers + 2 * sums, np.int64), np.zeros((1 + 2 * layers + 2 * sums, PARTS), np.int64),
        )  # fmt: skip

    def add(self, other: Totals) -> None:
        """Add the totals of a block to those of all places."""
        if len(other.rows) == len(self.rows):
            self.acc += other.acc
            carried(self.acc)
        else:
            self.acc[other.rows] = carried(self.acc[other.rows] + other.acc)
        self.tally += other.tally
        self.areas += other.areas
        carried(self.areas)


def plan_sheet(
    sheet: Sheet, grid: Grid, sources: Mapping[str, Source], tables: Mapping[str, NDArray[np.float64]], constants: Mapping[str, float],
    places: Source, classes: Source, *, n_places: int, codes: Sequence[int], workers: int = 1, memory: int | str = "1GB",
    writes: Sequence[str] = (), scratch: Path = Path(), block: tuple[int, int] | None = None, kept: tuple[int, int] | None = None,
) -> Plan:  # fmt: skip
    """Check that everything is bound and cut the grid into blocks.

    `scratch` takes the encoded tiles of the rasters in `writes`. `block` sets rows and columns; `kept` is taken where it
    fits `memory`, so that a resumed run meets its own blocks again.
    """
    sheet = sheet.with_writes(writes) if writes or sheet.writes else sheet
    kernel = kernel_of(sheet)
    _bound(sheet, kernel, sources, tables, constants, codes)
    pieces = {}
    for name in kernel.writes:
        layer = next((x for x in sheet.layers if x.id == name), None)
        pieces[name] = Pieces(scratch / name, grid, "float32", math.nan, bool(layer and layer.classes))
    plan = Plan(sheet, kernel, grid, {x: sources[x] for x in kernel.layers}, {t: np.asarray(tables[t], np.float64) for t in kernel.tables},
                {c: float(constants[c]) for c in kernel.constants}, places, classes, n_places, tuple(codes), pieces)  # fmt: skip
    if block is None:
        read = [*plan.sources.values(), places, classes]
        held = 8 * plan.sums_per_place * n_places * 2
        block = cut(grid, read, len(pieces), memory, workers, held)
        if kept and kept[0] * kept[1] <= most_cells(read, len(pieces), memory, workers, held):
            block = kept
    rows, cols = min(block[0], grid.height), min(block[1], grid.width)
    if rows * cols > BLOCK_CELLS or min(rows, cols) < 1:
        raise DeclarationError(
            f"a block of {rows} x {cols} cells: 1 to {BLOCK_CELLS} are possible.", where=f"sheet {sheet.id}"
        )
    if pieces and any(n % SIDE and n < size for n, size in ((rows, grid.height), (cols, grid.width))):
        raise DeclarationError(
            f"blocks that are written have a multiple of {SIDE} rows and columns.", where=f"sheet {sheet.id}"
        )
    return replace(plan, block=(rows, cols))


def block_totals(plan: Plan, window: Window) -> Totals:
    """Read all layers of a block once, run the kernel, keep the rasters asked for. Pure but for those."""
    run = compiled(plan.kernel.source)
    given: list[Any] = []
    for name in plan.kernel.layers:
        source = plan.sources[name]
        cells = np.ascontiguousarray(source.read(window))
        given += [cells, _sentinel(source, cells.dtype)]
    given += [plan.tables[t] for t in plan.kernel.tables] + [plan.constants[c] for c in plan.kernel.constants]
    out = [np.empty((window.height, window.width), np.float32) for _ in plan.kernel.writes]
    places, classes = (np.ascontiguousarray(s.read(window)) for s in (plan.places, plan.classes))
    none = -1 if plan.places.nodata is None else int(plan.places.nodata)
    index, rows = _present(plan, places, none)
    totals = Totals.zero(plan, rows)
    area = plan.grid.row_area[window.row : window.row + window.height]
    run(totals.acc, totals.tally, totals.areas, area, places, none, index, classes, plan.class_index, *given, *out)
    del given, places, classes
    for name in reversed(plan.kernel.writes):
        plan.pieces[name].write(window, out.pop())
    carried(totals.acc)
    carried(totals.areas)
    return totals


def _present(plan: Plan, places: NDArray[Any], none: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the sums of each place lie, and the places that have some."""
    if plan.n_places * plan.sums_per_place <= DENSE:
        rows = np.arange(plan.n_places)
        return rows, rows
    found = np.zeros(plan.n_places + 1, bool)
    outside = (places < 0) | (places >= plan.n_places) | (places == none)
    found[np.where(outside, plan.n_places, places)] = True
    rows = np.flatnonzero(found[: plan.n_places])
    index = np.full(plan.n_places, -1)
    index[rows] = np.arange(len(rows))
    return index, rows


def _sentinel(source: Source, dtype: np.dtype[Any]) -> Any:
    """NoData in a type fixed by that of the cells. A value the cells cannot have stands for none: NaN, or the least int64."""
    if dtype.kind == "f":
        return dtype.type("nan" if source.nodata is None else source.nodata)
    info, least = np.iinfo(dtype), np.int64(-(2**63))
    if source.nodata is None or not float(source.nodata).is_integer() or not info.min <= source.nodata <= info.max:
        return least
    return np.int64(source.nodata) if source.nodata < 2**63 else least


def _bound(sheet: Sheet, kernel: Kernel, sources: Mapping[str, Any], tables: Mapping[str, Any], constants: Mapping[str, Any],
           codes: Sequence[int]) -> None:  # fmt: skip
    for kind, needed, given in (
        ("layer", kernel.layers, sources),
        ("table", kernel.tables, tables),
        ("constant", kernel.constants, constants),
    ):
        if absent := sorted(set(needed) - set(given)):
            raise DeclarationError(
                f"no {kind} is given for {', '.join(absent)}.",
                where=f"sheet {sheet.id}",
                fix=f"give every {kind} the sheet uses",
            )
    if any(not 0 < c <= 65535 for c in codes) or len(set(codes)) != len(codes):
        raise DeclarationError("class codes must be 1 to 65535, each once.", where=f"sheet {sheet.id}")


def _plain(value: Any) -> Any:
    """JSON without NaN."""
    if isinstance(value, np.ndarray):
        if value.ndim > 1:
            return [_plain(v) for v in value]
        return ["nan" if n else v for v, n in zip(value.tolist(), np.isnan(value).tolist(), strict=True)]
    return "nan" if isinstance(value, float) and math.isnan(value) else value
