"""What sediment and nutrients share: streams, means over the land above, the way down to the stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qingshan.core.errors import DeclarationError
from qingshan.zone.raster.grid import Window
from qingshan.zone.raster.source import Source

from ..focal.stage import floats_of
from .lattice import BAND, each, square_cell
from .stage import WIDE, Graph, Job
from .weave import At

__all__ = ["OffStream", "class_codes", "fixed", "mean_above", "streams", "way_down", "with_unknown"]

LARGEST_CODE = 65535


@dataclass(frozen=True)
class OffStream:
    """A layer without its values on streams."""

    source: Source
    graph: Graph
    stream: NDArray[np.bool_]
    nodata: float | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32 if self.source.dtype.itemsize <= 4 else np.float64)

    def read(self, window: Window) -> NDArray[Any]:
        values = floats_of(self.source, window).astype(self.dtype)
        values[self.graph.lattice.inside(self.stream, window)] = np.nan
        return values

    def identity(self) -> Mapping[str, Any]:
        return self.source.identity()


def streams(work: Job, graph: Graph) -> NDArray[np.bool_]:
    """Stream cells: where at least `stream_area` (km2) drains through, and the cells of the input `streams` (1).

    Raises `DeclarationError` where neither is given.
    """
    out = np.zeros(graph.to.size, np.bool_)
    if "stream_area" not in work.constants and "streams" not in work.inputs:
        raise DeclarationError(
            f"stage {work.name} does not know where the streams are.", f"步骤 {work.name} 不知道河道在哪里。",
            where=f"stage {work.name}", fix="give the constant stream_area or the input streams / 给出常数 stream_area 或图层 streams",
        )  # fmt: skip
    if "stream_area" in work.constants:
        least = work.constants["stream_area"] * 1e6 / square_cell(work.grid, work.name) ** 2

        def band(window: Window) -> None:
            count = floats_of(work.inputs["accumulation"], window)
            graph.lattice.inside(out, window)[...] = count >= least * (1 - 1e-12)

        each(work.grid.blocks(BAND, WIDE), band, work.workers)
    if "streams" in work.inputs:
        out |= work.lattice.read(work.inputs["streams"], np.uint8, 0, work.workers) == 1
    out[graph.none] = False
    if work.options.get("sinks") == "stream" and graph.d8:
        out |= _inner_outlets(graph)
    return out


def _inner_outlets(graph: Graph) -> NDArray[np.bool_]:
    """Outlets that do not lie beside the rim or NoData: swallow holes."""
    beside = graph.none
    spread = beside.copy()
    for offset in graph.lattice.offsets:
        spread |= np.roll(beside, -int(offset))
    return np.asarray((graph.to == 8) & ~spread)


def class_codes(work: Job) -> NDArray[np.uint16]:
    """Class codes over the lattice; NoData is the last code of a table made by `with_unknown`."""
    assert work.classes is not None
    unknown = _table_size(work) - 1
    codes = work.lattice.read(work.classes, np.uint16, unknown, work.workers)
    return np.minimum(codes, unknown, out=codes)


def with_unknown(work: Job, table: NDArray[np.float64]) -> NDArray[np.float64]:
    """A class table with NaN for every code beyond it."""
    out = np.full(_table_size(work), np.nan)
    out[: len(table)] = table
    return out


def _table_size(work: Job) -> int:
    return min(max(len(t) for t in work.tables.values()) + 1, LARGEST_CODE + 1)


@njit(nogil=True, cache=True)
def fixed(x: Any, value: Any) -> int:
    """Put `value` in place of NaN; the number of cells that had it."""
    count = 0
    for i in range(x.size):
        if np.isnan(x[i]):
            x[i] = value
            count += 1
    return count


@njit(nogil=True, cache=True)
def _blank(x: Any, to_none: Any) -> Any:
    """Zero for unknown cells; how many of them lie where water flows."""
    count = 0
    for i in range(x.size):
        if np.isnan(x[i]):
            x[i] = 0.0
            if not to_none[i]:
                count += 1
    return count


@njit(nogil=True, cache=True)
def _ratio(total: Any, count: Any, out: Any) -> None:
    for i in range(total.shape[0]):
        for j in range(total.shape[1]):
            out[i, j] = total[i, j] / count[i, j] if count[i, j] > 0 else np.nan


def mean_above(work: Job, graph: Graph, x: NDArray[np.float64]) -> NDArray[np.float32]:
    """Mean of a value over all cells that drain through a cell, itself included; unknown (NaN) cells are left out. Uses up x."""
    out = np.full(x.size, np.nan, np.float32)
    none = graph.none
    known = np.isfinite(x) if np.isnan(x[~none]).any() else None
    _blank(x, none)
    del none
    graph.accumulate(x)
    count: Any = None
    if known is not None:
        count = known.astype(np.float64)
        del known
        graph.accumulate(count)

    def block(window: Window) -> None:
        n = graph.lattice.inside(count, window) if count is not None else floats_of(work.inputs["accumulation"], window)
        _ratio(graph.lattice.inside(x, window), n, graph.lattice.inside(out, window))

    each(work.grid.blocks(BAND, WIDE), block, work.workers)
    return out


def way_down(
    work: Job, graph: Graph, stream: NDArray[np.bool_], cell: str, at: At, classes: Any, values: Mapping[str, Any], *, pixels: bool
) -> NDArray[np.float64]:  # fmt: skip
    """The sum of `cell` over the way down to the stream, 0 on it; NaN where no way ends in a stream.

    `pixels` counts steps instead of metres as InVEST does; with shares it also takes the weight of the cell that is
    entered instead of the one that is left (pygeoprocessing 2.4.11, distance_to_channel_mfd).
    """
    lengths = work.lattice.lengths(pixels)
    value = np.full(graph.to.size, np.nan)
    entered = pixels and not graph.d8
    value[stream] = 0.0
    if entered:
        own = _own_step(work, graph, cell, at, classes, values)
        value[stream] = np.nan_to_num(own[stream], nan=0.0)
    graph.climb(cell, at, classes, values, value, lengths=lengths)
    work.cells.add(cell)
    if entered:
        value -= own
        value[stream] = 0.0
    return value


def _own_step(
    work: Job, graph: Graph, cell: str, at: At, classes: Any, values: Mapping[str, Any]
) -> NDArray[np.float64]:
    """The step of every cell by itself: a graph without flow, one pixel below a value of 0."""
    alone = Graph(graph.lattice, np.where(graph.none, np.uint8(255), np.uint8(8)))
    value = np.full(graph.to.size, np.nan)
    alone.climb(cell, at, classes, values, value, lengths=np.ones(8), outlet=0.0)
    return value
