"""Whole-grid arrays with a rim of one cell, so that every cell has eight neighbours; read and written in bands.

Neighbours are numbered 0 east, 1 north-east, 2 north ... 7 south-east (counter-clockwise), as flow directions are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qingshan.core.errors import DeclarationError, QingshanError
from qingshan.zone.raster.grid import Grid, Window
from qingshan.zone.raster.source import Field, Source

from ..block.engine import bytes_of
from .scratch import FIXED, Scratch

__all__ = [
    "BAND",
    "MORE_CELLS",
    "Lattice",
    "each",
    "nodata_of",
    "refuse_small",
    "square_cell",
    "threads",
    "worked",
]

BAND = 256
LEAST = 128 * 2**20
"""What must be left for whole-grid arrays that lie in scratch files."""
MORE_CELLS = 2**32 - 1
"""Cell numbers are 32-bit."""

ROW = (0, -1, -1, -1, 0, 1, 1, 1)
COL = (1, 1, 0, -1, -1, -1, 0, 1)


@dataclass(frozen=True)
class Lattice:
    """A grid with its rim. A whole-grid array is flat, of `size` cells; `offsets[k]` leads to the neighbour k."""

    grid: Grid
    scratch: Scratch | None = None

    @property
    def stride(self) -> int:
        return self.grid.width + 2

    @property
    def size(self) -> int:
        return (self.grid.height + 2) * self.stride

    @property
    def offsets(self) -> NDArray[np.int64]:
        return np.array([r * self.stride + c for r, c in zip(ROW, COL, strict=True)], np.int64)

    def lengths(self, pixels: bool = False) -> NDArray[np.float64]:
        """Way from a cell to its neighbours, m; `pixels`: 1 in every direction."""
        if pixels:
            return np.ones(8)
        dx, dy = self.grid.cell_length
        return np.array([dx, np.hypot(dx, dy), dy, np.hypot(dx, dy)] * 2)

    def full(self, value: float, dtype: Any) -> NDArray[Any]:
        """A whole-grid array of one value, in a scratch file where memory does not hold it."""
        if self.scratch is None:
            return np.full(self.size, value, dtype)
        return self.scratch.array(self.size, dtype, value)

    def inside(self, flat: NDArray[Any], window: Window) -> NDArray[Any]:
        """The cells of a window as a two-dimensional view."""
        table = flat.reshape(self.grid.height + 2, self.stride)
        return table[1 + window.row : 1 + window.row + window.height, 1 + window.col : 1 + window.col + window.width]

    def read(self, source: Source, dtype: Any, missing: float, workers: int | None = None) -> NDArray[Any]:
        """A source as a whole-grid array; NoData and the rim are `missing`."""
        out = self.full(missing, dtype)
        none, whole = nodata_of(source), np.dtype(dtype).type(missing)

        def band(window: Window) -> None:
            _take(source.read(window), none, whole, self.inside(out, window))

        each(self.grid.blocks(BAND), band, workers)
        return out

    def rows(self, run: Callable[[int, int], Any], workers: int | None = None) -> None:
        """Do `run(first, last)` for the cells of every band of rows, on threads; without the rim above and below."""
        last = self.grid.height + 1
        bands = [(row * self.stride, min(row + BAND, last) * self.stride) for row in range(1, last, BAND)]
        worked([partial(run, a, b) for a, b in bands], workers)

    def write(self, flat: NDArray[Any], field: Field, workers: int | None = None) -> Field:
        """A whole-grid array as a field."""
        field.create()
        each(field.windows(), lambda w: field.write(w, self.inside(flat, w)), workers)
        return field

    def field(self, folder: Path, name: str, made_from: Mapping[str, Any], dtype: str = "float32") -> Field:
        """An empty scratch layer: NaN is its NoData, the largest value of an unsigned type."""
        none = float("nan") if np.dtype(dtype).kind == "f" else float(np.iinfo(dtype).max)
        return Field(folder / f"{name}.cells", self.grid, dtype, none, made_from={**made_from, "output": name})


@njit(nogil=True, cache=True)
def _take(block: Any, none: float, missing: Any, out: Any) -> None:
    for i in range(block.shape[0]):
        for j in range(block.shape[1]):
            v = block[i, j]
            out[i, j] = missing if (v == none or np.isnan(v)) else v


def nodata_of(source: Source) -> float:
    """NoData as the layer's own type prints it; NaN where there is none."""
    if source.nodata is None:
        return float("nan")
    return float(source.dtype.type(source.nodata)) if source.dtype.kind == "f" else float(source.nodata)


def each(windows: Iterable[Window], work: Callable[[Window], Any], workers: int | None = None) -> list[Any]:
    """Do the work of every window on threads; results in the order of the windows."""
    listed = list(windows)
    count = min(threads(workers), len(listed))
    if count <= 1:
        return [work(w) for w in listed]
    with ThreadPoolExecutor(count, thread_name_prefix="flow") as pool:
        return list(pool.map(work, listed))


def worked(works: Iterable[Callable[[], Any]], workers: int | None = None) -> list[Any]:
    """Do several works at once."""
    listed = list(works)
    if threads(workers) <= 1:
        return [work() for work in listed]
    with ThreadPoolExecutor(min(threads(workers), len(listed)), thread_name_prefix="flow") as pool:
        return [f.result() for f in [pool.submit(work) for work in listed]]


def threads(workers: int | None) -> int:
    return workers or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def square_cell(grid: Grid, stage: str) -> float:
    """The side of a cell, m. Raises `DeclarationError` where cells are not squares of metres."""
    dx, dy = grid.cell_length if not grid.geographic else (0.0, 1.0)
    if abs(dx - dy) > 1e-6 * max(dx, dy):
        raise DeclarationError(
            f"stage {stage}: flow lengths need square cells in metres; this grid has {grid.crs}, cell {grid.transform[0]:g} x {-grid.transform[4]:g}.",
            f"步骤 {stage}：流路长度要求以米为单位的正方形像元；本格网为 {grid.crs}，像元 {grid.transform[0]:g} x {-grid.transform[4]:g}。",
            where="[grid]", fix="give the zone a projected grid with square cells / 为本区设置像元为正方形的投影格网",
        )  # fmt: skip
    return dx


def refuse_small(grid: Grid, memory: int | str, stage: str) -> None:
    """Raise `QingshanError` where a stage cannot route a grid, or not within so little memory."""
    cells = (grid.height + 2) * (grid.width + 2)
    if cells > MORE_CELLS:
        raise QingshanError(
            f"stage {stage}: {cells:,} cells are more than the {MORE_CELLS:,} that flow is routed over at once.",
            f"步骤 {stage}：像元 {cells:,} 个，超过一次汇流可处理的 {MORE_CELLS:,} 个。",
            where="[grid]", fix="split the zone along a divide, or use larger cells / 沿分水岭拆分本区，或加大像元",
        )  # fmt: skip
    least = FIXED + LEAST
    if least > bytes_of(memory):
        raise QingshanError(
            f"stage {stage} needs {least / 2**20:,.0f} MB whatever the grid; {memory} was given.",
            f"步骤 {stage} 无论格网大小至少需 {least / 2**20:,.0f} MB；给定的是 {memory}。",
            where="--memory", fix=f"give at least {least / 2**20:,.0f}MB / 至少给 {least / 2**20:,.0f}MB",
        )  # fmt: skip
