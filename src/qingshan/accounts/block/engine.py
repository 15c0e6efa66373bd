"""Running a sheet over a grid: blocks, threads or Dask, exact totals, resuming, rasters on request.

`run_sheet` cuts the grid into blocks of whole file tiles, small enough that all in flight fit `memory`; each block is one
call of `block_totals`, the same pure function on every engine. Finished blocks are kept in `resume`, so a killed run goes
on where it stopped.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qingshan.core.finding import Finding
from qingshan.zone.raster.grid import Grid, Window
from qingshan.zone.raster.source import Source

from .cog import join
from .cut import bytes_of
from .engines import Engine, engine, threads_of
from .journal import Journal, kept_block
from .plan import Plan, Totals, block_totals, plan_sheet
from .sheet import Sheet
from .total import to_float

__all__ = ["Progress", "SheetResult", "block_totals", "bytes_of", "plan_sheet", "run_sheet"]


class Progress(Protocol):
    def __call__(self, done: int, whole: int, seconds_left: float) -> None:
        """Cells done and in all, and the estimated time left."""


@dataclass(frozen=True)
class SheetResult:
    """What a sheet gave. `values[sum]` has the shape (place, class), or (place, class, code) where the sum is split."""

    plan: Plan = field(repr=False)
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

    @property
    def key(self) -> str:
        """Hash of everything that the totals depend on."""
        return self.plan.key

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
    block: tuple[int, int] | None = None,
) -> SheetResult:
    """Run a raster account.

    `places` holds 0..n_places-1 (NoData = outside); `codes` are the class codes that count; `tables` vectors by class
    code. `scheduler` is "threads", "sync", "dask" (worker processes here) or the address of a Dask scheduler, whose workers
    must see the files of the sources and, with `writes`, the folder of the rasters. `memory` bounds each process. `writes`
    maps steps or layers to COG files. `resume` is a folder where finished blocks are kept; it may be deleted after the run.
    `block` sets the rows and columns of a block, which changes no result.

    Raises `DeclarationError` where something is not bound, `QingshanError` where `memory` is too small or the cluster is
    not there, and what the sources raise. Nothing is half-written: rasters appear under their names when they are whole.
    """
    started = time.perf_counter()
    asked = dict(writes or {})
    scratch = resume or next((p.parent / f".{sheet.id}.{os.getpid()}.pieces" for p in asked.values()), Path())
    with engine(scheduler, workers) as by:
        plan = plan_sheet(
            sheet, grid, sources, tables, constants, places, classes, n_places=n_places, codes=codes, workers=by.at_once, memory=memory,
            writes=tuple(asked), scratch=scratch, block=block, kept=kept_block(_journal(resume)) if resume else None,
        )  # fmt: skip
        try:
            totals, reused = _summed(plan, by, resume, progress)
            written = _published(plan, asked, threads_of(workers))
        finally:
            if resume is None and asked:
                shutil.rmtree(scratch, ignore_errors=True)
    return _result(plan, totals, time.perf_counter() - started, reused, written)


def _journal(resume: Path) -> Path:
    return resume / "blocks.journal"


def _summed(plan: Plan, by: Engine, resume: Path | None, progress: Progress | None) -> tuple[Totals, int]:
    """The totals of all blocks, and how many were done before."""
    totals, done = Totals.zero(plan), set[Window]()
    journal = Journal(_journal(resume), plan) if resume else None
    try:
        for window, part in journal.records() if journal else ():
            if all(p.whole(window) for p in plan.pieces.values()):
                totals.add(part)
                done.add(window)
        left = [w for w in plan.windows if w not in done]
        told = _told(progress, plan.grid.size, sum(w.size for w in done))
        for window, part in by.totals(plan, left):
            totals.add(part)
            if journal:
                journal.append(window, part)
            told(window.size)
    finally:
        if journal:
            journal.close()
    return totals, len(done)


def _told(progress: Progress | None, whole: int, before: int) -> Callable[[int], None]:
    """Count cells and say how long the rest takes at the rate of this run."""
    began, cells = time.perf_counter(), before

    def told(size: int) -> None:
        nonlocal cells
        cells += size
        if progress:
            rate = (cells - before) / max(time.perf_counter() - began, 1e-9)
            progress(cells, whole, (whole - cells) / rate)

    return told


def _published(plan: Plan, asked: Mapping[str, Path], threads: int) -> dict[str, Path]:
    """Join the kept tiles of each raster into its file."""

    def one(name: str) -> Path:
        return join(plan.pieces[name], plan.windows, asked[name], unit=plan.sheet.units[name], title=name)

    with ThreadPoolExecutor(threads, thread_name_prefix="join") as pool:
        return dict(zip(asked, pool.map(one, asked), strict=True))


def _result(plan: Plan, totals: Totals, seconds: float, reused: int, written: Mapping[str, Path]) -> SheetResult:
    layers, sums = plan.kernel.layers, plan.kernel.sums
    n = len(layers)
    values = to_float(totals.acc)
    areas = to_float(totals.areas)
    split: dict[str, NDArray[np.float64]] = {}
    for s, offset in zip(plan.sheet.sums, plan.kernel.offsets, strict=True):
        split[s.id] = values[:, :, offset] if s.codes == 1 else values[:, :, offset : offset + s.codes]
    return SheetResult(
        plan, plan.n_places, plan.codes, split,
        {s: int(totals.tally[-1] - sum(totals.tally[1 + 2 * n + i :: len(sums)][:2])) for i, s in enumerate(sums)},
        {x: float(areas[1 + i]) for i, x in enumerate(layers)}, {x: float(areas[1 + n + i]) for i, x in enumerate(layers)},
        {x: int(totals.tally[1 + n + i]) for i, x in enumerate(layers)},
        {s: float(areas[1 + 2 * n + i]) for i, s in enumerate(sums)}, {s: float(areas[1 + 2 * n + len(sums) + i]) for i, s in enumerate(sums)},
        float(areas[0]), seconds, len(plan.windows), reused, dict(written),
    )  # fmt: skip
