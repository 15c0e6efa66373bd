"""Running a sheet over a grid: blocks, threads or Dask, exact totals, resuming, rasters on request.

`run_sheet` cuts the grid into bands of whole file tiles, small enough that all bands in flight fit `memory`; each band is
one call of `block_totals`, the same pure function on every engine. Finished bands are kept in `resume`, so a killed run
goes on where it stopped.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from qingshan.core.canonical import digest
from qingshan.core.errors import DeclarationError, QingshanError
from qingshan.core.finding import Finding
from qingshan.zone.raster.grid import Grid, Window
from qingshan.zone.raster.source import Field, Source

from .cog import write_cog
from .journal import Journal
from .kernel import Kernel, compiled, kernel_of
from .sheet import Sheet
from .total import BLOCK_CELLS, PARTS, carried, to_float

__all__ = ["Plan", "Progress", "SheetResult", "block_totals", "bytes_of", "plan_sheet", "run_sheet"]

TILE = 256
GDAL_CACHE = 64 * 2**20
FIXED = 300 * 2**20
"""Interpreter, compiled code and file handles: what a run needs besides its blocks."""


class Progress(Protocol):
    def __call__(self, done: int, whole: int, seconds_left: float) -> None:
        """Cells done and in all, and the estimated time left."""


@dataclass(frozen=True)
class Plan:
    """Everything a block needs, picklable: the same on a thread and on a cluster."""

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
    fields: Mapping[str, Field]
    windows: tuple[Window, ...]

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
        index = np.full(max(self.codes, default=0) + 1, -1, np.int32)
        index[list(self.codes)] = np.arange(len(self.codes))
        return index

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("key", "class_index")}


@dataclass
class Totals:
    """Exact partial sums: `acc` (place, class, sum, part), tallies and areas (see `kernel.py`)."""

    acc: NDArray[np.int64]
    tally: NDArray[np.int64]
    areas: NDArray[np.int64]

    @classmethod
    def zero(cls, plan: Plan) -> Totals:
        layers, sums = len(plan.kernel.layers), len(plan.kernel.sums)
        return cls(
            np.zeros((plan.n_places, max(len(plan.codes), 1), plan.kernel.width, PARTS), np.int64),
            np.zeros((2, 3, max(layers, sums, 1)), np.int64), np.zeros((1 + 2 * layers + 2 * sums, PARTS), np.int64),
        )  # fmt: skip

    def add(self, other: Totals) -> None:
        self.acc += other.acc
        self.tally += other.tally
        self.areas += other.areas
        carried(self.acc)
        carried(self.areas)


@dataclass(frozen=True)
class SheetResult:
    """What a sheet gave. `values[sum]` has the shape (place, class), or (place, class, code) where the sum is split."""

    key: str
    places: int
    codes: tuple[int, ...]
    values: Mapping[str, NDArray[np.float64]]
    cells: Mapping[str, int]
    nodata_area: Mapping[str, float]
    outside_area: Mapping[str, float]
    outside_cells: Mapping[str, int]
    excluded_area: Mapping[str, float]
    undefined_area: Mapping[str, float]
    unclassified_area: float
    seconds: float = 0.0
    blocks: int = 0
    reused_blocks: int = 0
    written: Mapping[str, Path] = field(default_factory=dict)

    def findings(self, sheet: Sheet) -> list[Finding]:
        """What the reader must know: cells outside the limits, cells where a step has no value, cells of no class."""
        found = []
        for name, cells in self.outside_cells.items():
            if cells:
                low, high = sheet.limits(next(x for x in sheet.layers if x.id == name))
                km2 = self.outside_area[name] / 1e6
                found.append(Finding(
                    "warning", "cells_outside_limits", f"{name}: {cells:,} cells ({km2:,.3f} km2) are outside the limits of the methods and were not used.",
                    f"{name}：{cells:,} 个像元（{km2:,.3f} km2）超出方法的取值范围，未采用。", file=name, limit=f"{low} .. {high}",
                    fix="check the unit, scale and NoData of the layer / 核对图层的单位、换算系数和无数据值",
                ))  # fmt: skip
        for name, area in self.undefined_area.items():
            if area:
                found.append(Finding(
                    "warning", "cells_undefined", f"{name}: no value by the rule of its method on {area / 1e6:,.3f} km2; not counted.",
                    f"{name}：按方法的规定，{area / 1e6:,.3f} km2 没有取值，未计入。", file=name,
                ))  # fmt: skip
        if self.unclassified_area:
            found.append(Finding(
                "warning", "cells_without_class", f"{self.unclassified_area / 1e6:,.3f} km2 inside the places have no ecosystem class.",
                f"地点范围内有 {self.unclassified_area / 1e6:,.3f} km2 没有生态系统类型。",
            ))  # fmt: skip
        return found


def run_sheet(
    sheet: Sheet,
    grid: Grid,
    sources: Mapping[str, Source],
    tables: Mapping[str, NDArray[np.float64]],
    constants: Mapping[str, float],
    places: Source,
    classes: Source,
    *,
    n_places: int,
    codes: Sequence[int],
    scheduler: str = "threads",
    workers: int | None = None,
    memory: int | str = "1GB",
    writes: Mapping[str, Path] | None = None,
    resume: Path | None = None,
    progress: Progress | None = None,
    block_rows: int | None = None,
) -> SheetResult:
    """Run a raster account.

    `places` holds 0..n_places-1 (NoData = outside); `codes` are the class codes that count; `tables` vectors by class
    code. `scheduler` is "threads", "sync" or the address of a Dask scheduler. `writes` maps steps or layers to COG files.
    `resume` is a folder where finished blocks are kept; it may be deleted after the run.

    Raises `DeclarationError` where something is not bound, `QingshanError` where `memory` is too small, and what the
    sources raise. Nothing is half-written: rasters appear under their names when they are whole.
    """
    started = time.perf_counter()
    plan = plan_sheet(sheet, grid, sources, tables, constants, places, classes, n_places=n_places, codes=codes, workers=workers,
                      memory=memory, writes=writes or {}, scratch=resume, block_rows=block_rows)  # fmt: skip
    totals, reused = Totals.zero(plan), 0
    journal = Journal(resume / "blocks.journal", plan.key, plan.windows) if resume else None
    try:
        done: dict[Window, Totals] = journal.read(Totals) if journal else {}
        for window in plan.windows:
            if window in done:
                totals.add(done[window])
                reused += 1
        left = [w for w in plan.windows if w not in done]
        cells, whole = sum(w.size for w in done), grid.size
        began = time.perf_counter()
        for window, part in _mapped(plan, left, scheduler, workers):
            totals.add(part)
            if journal:
                journal.append(window, part)
            cells += window.size
            if progress:
                rate = (cells - sum(w.size for w in done)) / max(time.perf_counter() - began, 1e-9)
                progress(cells, whole, (whole - cells) / rate)
        written = {name: _publish(plan, name, path, sheet, workers) for name, path in (writes or {}).items()}
    finally:
        if journal:
            journal.close()
        if resume is None:
            for f in plan.fields.values():
                f.path.unlink(missing_ok=True)
    return _result(plan, totals, time.perf_counter() - started, reused, written)


def plan_sheet(sheet: Sheet, grid: Grid, sources: Mapping[str, Source], tables: Mapping[str, NDArray[np.float64]], constants: Mapping[str, float],
               places: Source, classes: Source, *, n_places: int, codes: Sequence[int], workers: int | None = None, memory: int | str = "1GB",
               writes: Mapping[str, Path] | None = None, scratch: Path | None = None, block_rows: int | None = None) -> Plan:  # fmt: skip
    """Check that everything is bound and cut the grid into blocks."""
    asked = dict(writes or {})
    sheet = sheet.with_writes(asked) if asked or sheet.writes else sheet
    kernel = kernel_of(sheet)
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
    rows = block_rows or _rows(
        grid, [sources[x] for x in kernel.layers] + [places, classes], len(asked), memory, _workers(workers)
    )
    if rows * grid.width > BLOCK_CELLS and block_rows:
        raise DeclarationError(f"a block of {rows} rows has more than {BLOCK_CELLS} cells.", where=f"sheet {sheet.id}")
    windows = tuple(grid.blocks(rows)) if grid.width <= BLOCK_CELLS else ()
    folder = scratch or (next(iter(asked.values())).parent if asked else Path())
    fields = {
        name: Field(
            folder / f".{name}.{os.getpid()}.cells" if scratch is None else folder / f"{name}.cells", grid, "float32"
        )
        for name in asked
    }
    for f in fields.values():
        if not f.path.exists():
            f.create()
    return Plan(sheet, kernel, grid, {x: sources[x] for x in kernel.layers}, {t: np.asarray(tables[t], np.float64) for t in kernel.tables},
                {c: float(constants[c]) for c in kernel.constants}, places, classes, n_places, tuple(codes), fields, windows)  # fmt: skip


def block_totals(plan: Plan, window: Window) -> Totals:
    """Read all layers of a block once, run the kernel, keep the rasters asked for. Pure but for those."""
    run = compiled(plan.kernel.source)
    totals = Totals.zero(plan)
    given: list[Any] = []
    for name in plan.kernel.layers:
        source = plan.sources[name]
        block = source.read(window)
        given += [block, _sentinel(source, block.dtype)]
    given += [plan.tables[t] for t in plan.kernel.tables] + [plan.constants[c] for c in plan.kernel.constants]
    out = [np.empty((window.height, window.width), np.float32) for _ in plan.kernel.writes]
    places, classes = plan.places.read(window), plan.classes.read(window)
    none = plan.places.nodata
    class_index = plan.class_index
    if plan.classes.nodata is not None and 0 <= plan.classes.nodata < len(class_index):
        class_index = class_index.copy()
        class_index[int(plan.classes.nodata)] = -1
    area = plan.grid.row_area[window.row : window.row + window.height]
    run(
        totals.acc,
        totals.tally,
        totals.areas,
        area,
        places,
        int(none) if none is not None else -1,
        classes,
        class_index,
        *given,
        *out,
    )
    for name, block in zip(plan.kernel.writes, out, strict=True):
        plan.fields[name].write(window, block)
    carried(totals.acc)
    carried(totals.areas)
    return totals


def bytes_of(text: int | str) -> int:
    """`"1.5GB"` -> bytes. Raises `DeclarationError`."""
    if isinstance(text, int):
        return text
    units = {"kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40, "b": 1}
    word = text.strip().lower().replace("ib", "b")
    for suffix, size in units.items():
        if word.endswith(suffix):
            try:
                value = float(word[: -len(suffix)]) * size
            except ValueError:
                break
            if 0 < value < 2**60:
                return int(value)
    raise DeclarationError(
        f"{text!r} is no amount of memory.", f"{text!r} 不是内存大小。", fix="for example 1GB or 800MB / 如 1GB、800MB"
    )


# ---- engines --------------------------------------------------------------------------------------------------------


def _mapped(
    plan: Plan, windows: Sequence[Window], scheduler: str, workers: int | None
) -> Iterator[tuple[Window, Totals]]:
    if scheduler == "sync":
        for window in windows:
            yield window, block_totals(plan, window)
    elif scheduler == "threads":
        yield from _on_threads(plan, windows, _workers(workers))
    else:
        yield from _on_dask(plan, windows, scheduler)


def _on_threads(plan: Plan, windows: Sequence[Window], workers: int) -> Iterator[tuple[Window, Totals]]:
    """At most `workers` blocks in flight, so that memory stays bounded while the reader of the results is slow."""
    compiled(plan.kernel.source)
    queue = iter(windows)
    flying: dict[Future[Totals], Window] = {}
    with ThreadPoolExecutor(workers, thread_name_prefix="block") as pool:
        try:
            while True:
                while len(flying) < workers and (window := next(queue, None)) is not None:
                    flying[pool.submit(block_totals, plan, window)] = window
                if not flying:
                    return
                ended, _ = wait(flying, return_when=FIRST_COMPLETED)
                for future in ended:
                    yield flying.pop(future), future.result()
        finally:
            for future in flying:
                future.cancel()


def _on_dask(plan: Plan, windows: Sequence[Window], address: str) -> Iterator[tuple[Window, Totals]]:
    from distributed import Client, as_completed  # noqa: PLC0415 - the extra cluster

    with Client(address, set_as_default=False) as client:
        shared = client.scatter(plan, broadcast=True, hash=False)
        flying = {client.submit(block_totals, shared, w, pure=False): w for w in windows}
        try:
            for future in as_completed(list(flying)):
                yield flying.pop(future), future.result()
        finally:
            client.cancel(list(flying))


def _workers(workers: int | None) -> int:
    return (
        workers or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else workers or os.cpu_count() or 1
    )


def _rows(grid: Grid, sources: Sequence[Source], writes: int, memory: int | str, workers: int) -> int:
    """Rows of a block: whole tiles of 256 where they fit, never more cells than a kernel call may add."""
    per_cell = sum(s.dtype.itemsize for s in sources) + 4 * writes
    room = bytes_of(memory) - FIXED - GDAL_CACHE
    rows = min(BLOCK_CELLS, int(room / (2 * workers * per_cell))) // max(grid.width, 1)
    if rows < 1:
        need = FIXED + GDAL_CACHE + 2 * workers * per_cell * grid.width
        raise QingshanError(
            f"{memory} of memory is too little for one row of {grid.width:,} cells.", f"内存 {memory} 不够一行 {grid.width:,} 个像元。",
            where="--memory", fix=f"give at least {need / 2**20:,.0f}MB / 至少给 {need / 2**20:,.0f}MB",
        )  # fmt: skip
    whole = rows // TILE * TILE
    return min(whole or rows, grid.height)


# ---- results --------------------------------------------------------------------------------------------------------


def _sentinel(source: Source, dtype: np.dtype[Any]) -> Any:
    """NoData in the block's own type; a value the type cannot hold never occurs, so any such value may stand for none."""
    if source.nodata is None:
        return np.float64("nan")
    if dtype.kind == "f":
        return dtype.type(source.nodata)
    info = np.iinfo(dtype)
    return (
        int(source.nodata)
        if float(source.nodata).is_integer() and info.min <= source.nodata <= info.max
        else np.float64("nan")
    )


def _publish(plan: Plan, name: str, path: Path, sheet: Sheet, workers: int | None) -> Path:
    layer = next((x for x in sheet.layers if x.id == name), None)
    nearest = bool(layer and layer.classes)
    return write_cog(
        plan.fields[name],
        plan.grid,
        path,
        nodata=float("nan"),
        unit=sheet.units[name],
        title=name,
        nearest=nearest,
        threads=_workers(workers),
    )


def _result(plan: Plan, totals: Totals, seconds: float, reused: int, written: Mapping[str, Path]) -> SheetResult:
    layers, sums = plan.kernel.layers, plan.kernel.sums
    values = to_float(totals.acc)
    areas = to_float(totals.areas)
    split: dict[str, NDArray[np.float64]] = {}
    for s, offset in zip(plan.sheet.sums, plan.kernel.offsets, strict=True):
        split[s.id] = values[:, :, offset] if s.codes == 1 else values[:, :, offset : offset + s.codes]
    n = len(layers)
    return SheetResult(
        plan.key, plan.n_places, plan.codes, split,
        {s: int(totals.tally[1, 0, i]) for i, s in enumerate(sums)},
        {x: float(areas[1 + i]) for i, x in enumerate(layers)}, {x: float(areas[1 + n + i]) for i, x in enumerate(layers)},
        {x: int(totals.tally[0, 1, i]) for i, x in enumerate(layers)},
        {s: float(areas[1 + 2 * n + i]) for i, s in enumerate(sums)}, {s: float(areas[1 + 2 * n + len(sums) + i]) for i, s in enumerate(sums)},
        float(areas[0]), seconds, len(plan.windows), reused, dict(written),
    )  # fmt: skip


def _plain(value: Any) -> Any:
    """JSON without NaN."""
    if isinstance(value, np.ndarray):
        return [_plain(v) for v in value.tolist()]
    return "nan" if isinstance(value, float) and math.isnan(value) else value
