"""What the window stages share: checked inputs, result fields, tiles on threads, blocks with NaN for NoData."""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.canonical import digest
from qingshan.core.errors import DeclarationError, OutOfBounds, QingshanError
from qingshan.zone.raster.grid import Grid, Window
from qingshan.zone.raster.source import Field, Source

from ..block.engine import Progress, bytes_of

__all__ = ["Limited", "Results", "codes_of", "floats_of", "limited", "metres", "on_tiles", "require"]

BASE = 200 * 2**20
"""Interpreter and compiled code."""


def require(stage: str, kind: str, needed: Iterable[str], given: Mapping[str, Any]) -> None:
    """Raises `DeclarationError` naming what the stage is not given."""
    if absent := sorted(set(needed) - set(given)):
        raise DeclarationError(
            f"no {kind} is given for {', '.join(absent)}.", f"缺少 {'、'.join(absent)}（{kind}）。", where=f"stage {stage}",
            fix=f"bind every {kind} that the stage reads / 在栅格核算声明里补上",
        )  # fmt: skip


def metres(grid: Grid, stage: str) -> tuple[float, float]:
    """Cell width and height in metres. Raises `OutOfBounds` on a geographic grid, where a radius is no circle of cells."""
    if grid.geographic:
        raise OutOfBounds(
            f"distances need a projected grid, {grid.crs} is in degrees.", f"按距离计算须用投影坐标格网，{grid.crs} 的单位是度。",
            where=f"stage {stage}", fix="give the zone a projected [grid], for example its UTM zone / 核算区 [grid] 改用投影坐标系，如所在 UTM 带",
        )  # fmt: skip
    return grid.cell_length


def floats_of(source: Source, window: Window) -> NDArray[Any]:
    """The window as floats with NaN for NoData."""
    block = source.read(window)
    if block.dtype.kind != "f":
        wide = block.astype(np.float32 if block.dtype.itemsize <= 2 else np.float64)
        return wide if source.nodata is None else np.where(block == source.nodata, wide.dtype.type(np.nan), wide)
    if source.nodata is None or np.isnan(source.nodata):
        return block
    return np.where(block == block.dtype.type(source.nodata), block.dtype.type(np.nan), block)


@dataclass(frozen=True)
class Limited:
    """A layer as floats with NaN for NoData and for what lies outside the limits, most often a NoData value that nobody declared."""

    source: Source
    low: float
    high: float

    @property
    def dtype(self) -> np.dtype[Any]:
        given = self.source.dtype
        return given if given.kind == "f" else np.dtype(np.float32 if given.itemsize <= 2 else np.float64)

    @property
    def nodata(self) -> float | None:
        return float("nan")

    def read(self, window: Window) -> NDArray[Any]:
        block = floats_of(self.source, window)
        outside = (block < self.low) | (block > self.high)
        return np.where(outside, block.dtype.type(np.nan), block) if outside.any() else block

    def identity(self) -> Mapping[str, Any]:
        return self.source.identity()


def limited(inputs: Mapping[str, Source], limits: Mapping[str, tuple[float, float]]) -> dict[str, Source]:
    """The inputs, those with limits held to them."""
    return {k: Limited(v, *limits[k]) if k in limits else v for k, v in inputs.items()}


def codes_of(source: Source, window: Window) -> NDArray[Any]:
    """The window as class codes with -1 for NoData."""
    block = source.read(window)
    none = source.nodata
    if none is None or (
        block.dtype.kind in "iu" and not np.iinfo(block.dtype).min <= none <= np.iinfo(block.dtype).max
    ):
        return block
    return np.where(block == none, np.int32(-1), block.astype(np.int32))


class Results:
    """The fields a stage writes: under hidden names until `finish`, so that a stopped run leaves none that looks whole."""

    def __init__(
        self,
        stage: str,
        grid: Grid,
        folder: Path,
        names: Sequence[str],
        modules: Sequence[Any],
        made_from: Mapping[str, Any],
    ) -> None:
        self.made = {"stage": stage, "code": digest([inspect.getsource(m) for m in modules]), **made_from}
        self.folder = folder
        self.fields = {
            n: Field(
                folder / f".{n}.{os.getpid()}.part", grid, "float32", float("nan"), made_from={**self.made, "output": n}
            ).create()
            for n in names
        }

    def write(self, name: str, window: Window, values: NDArray[Any]) -> None:
        if name in self.fields:
            self.fields[name].write(window, values.astype(np.float32, copy=False))

    def finish(self, asked: Sequence[str], report: Mapping[str, Any]) -> dict[str, Field]:
        """The asked fields under their own names; `report` (areas without data) goes into what they are made from."""
        done = {}
        for name in asked:
            made = {**self.fields[name].made_from, "report": dict(report)}
            whole = replace(self.fields[name], path=self.folder / f"{name}.cells", made_from=made)
            self.fields[name].path.replace(whole.path)
            done[name] = whole
        self.discard()
        return done

    def discard(self) -> None:
        for f in self.fields.values():
            f.path.unlink(missing_ok=True)


def on_tiles(
    windows: Sequence[Window], work: Callable[[Window], Any], *, bytes_each: int, held: int, workers: int | None, memory: int | str,
    progress: Progress | None = None, before: int = 0, whole: int = 0,
) -> list[Any]:  # fmt: skip
    """`work` on every window, on as many threads as fit `memory`; the results in the order of the windows.

    Raises `QingshanError` where not even one tile fits.
    """
    room = (bytes_of(memory) - BASE - held) // max(bytes_each, 1)
    if room < 1:
        need = (BASE + held + bytes_each) / 2**20
        raise QingshanError(
            f"{memory} of memory is too little for one tile.", f"内存 {memory} 不够算一个分块。", where="--memory",
            fix=f"give at least {need:,.0f}MB / 至少给 {need:,.0f}MB",
        )  # fmt: skip
    at_once = min(workers or len(os.sched_getaffinity(0)), int(room), len(windows)) if windows else 1
    results: list[Any] = [None] * len(windows)
    started, done, total = time.perf_counter(), before, whole or sum(w.size for w in windows)
    queue = iter(enumerate(windows))
    flying: dict[Future[Any], int] = {}
    with ThreadPoolExecutor(max(at_once, 1), thread_name_prefix="focal") as pool:
        try:
            while True:
                while len(flying) < at_once and (item := next(queue, None)) is not None:
                    flying[pool.submit(work, item[1])] = item[0]
                if not flying:
                    return results
                ended, _ = wait(flying, return_when=FIRST_COMPLETED)
                for future in ended:
                    n = flying.pop(future)
                    results[n] = future.result()
                    done += windows[n].size
                    if progress:
                        rate = (done - before) / max(time.perf_counter() - started, 1e-9)
                        progress(done, total, (total - done) / rate)
        finally:
            for future in flying:
                future.cancel()
