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

from ..focal.stage import codes_of, floats_of
from . import passes
from .directions import OUTLET
from .lattice import BAND, each, square_cell
from .stage import WIDE, Graph, Job
from .traced import traced_streams
from .weave import At, woven

__all__ = ["OffStream", "blank_unknown", "class_codes", "fixed", "mean_above", "streams", "way_down", "with_unknown"]

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


def streams(work: Job, graph: Graph, gap: float = 1.0) -> NDArray[np.bool_]:
    """Stream cells: where at least `stream_area` (km2) drains through, and the cells of the input `streams` (1).

    With `compat = "invest"` and shared flow they are traced as the peer does, over gaps of at least `gap` of the threshold.
    Raises `DeclarationError` where neither is given.
    """
    if "stream_area" not in work.constants and "streams" not in work.inputs:
        raise DeclarationError(
            f"stage {work.name} does not know where the streams are.", f"步骤 {work.name} 不知道河道在哪里。",
            where=f"stage {work.name}", fix="give the constant stream_area or the input streams / 给出常数 stream_area 或图层 streams",
        )  # fmt: skip
    if "stream_area" in work.constants:
        cells, invest = (
            work.constants["stream_area"] * 1e6 / square_cell(work.grid, work.name) ** 2,
            work.options.get("compat") == "invest",
        )
        least = cells * (
            1 + 1e-12 if invest and graph.d8 else 1 - 1e-12
        )  # the peer's D8 streams have more than the threshold
        if invest and not graph.d8:
            count = graph.lattice.read(work.inputs["accumulation"], np.float64, 0.0, work.workers)
            out = traced_streams(graph.to, count, graph.lattice, least, gap)
        else:
            out = work.lattice.full(False, np.bool_)
            _marked(work, out, "accumulation", least, np.inf)
    else:
        out = work.lattice.full(False, np.bool_)
    if "streams" in work.inputs:
        _marked(work, out, "streams", 1, 1)
    graph.blank(out, False)
    if work.options.get("sinks") == "stream":
        to = graph.to.dtype.type
        _swallow_holes(graph.to, to(OUTLET if graph.d8 else 0), to(graph.missing), graph.lattice.offsets, out)
    return out


def _marked(work: Job, out: NDArray[np.bool_], layer: str, low: float, high: float) -> None:
    """Mark the cells where an input lies between two values."""

    def band(window: Window) -> None:
        values = floats_of(work.inputs[layer], window)
        work.lattice.inside(out, window)[...] |= (values >= low) & (values <= high)

    each(work.grid.blocks(BAND, WIDE), band, work.workers)


@njit(nogil=True, cache=True)
def _swallow_holes(to: Any, ends: Any, none: Any, offsets: Any, stream: Any) -> None:
    """Outlets that do not lie beside the rim or NoData become streams."""
    for i in range(to.size):
        if to[i] != ends:
            continue
        beside = False
        for k in range(8):
            beside |= to[i + offsets[k]] == none
        if not beside:
            stream[i] = True


def class_codes(work: Job) -> NDArray[Any]:
    """Class codes over the lattice, of one byte where the tables are that short; a code beyond them is their last one.

    That last row of a table made by `with_unknown` has no value.
    """
    assert work.classes is not None
    unknown = _table_size(work) - 1
    codes = work.lattice.full(unknown, np.uint8 if unknown < 256 else np.uint16)

    def band(window: Window) -> None:
        given = codes_of(work.classes, window)  # type: ignore[arg-type]
        known = (given >= 0) & (given < unknown)
        work.lattice.inside(codes, window)[...] = np.where(known, given, unknown)

    each(work.grid.blocks(BAND, WIDE), band, work.workers)
    return codes


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
def blank_unknown(x: Any, out: Any) -> None:
    """Put NaN where x has no value."""
    for i in range(x.size):
        if np.isnan(x[i]):
            out[i] = np.nan


@njit(nogil=True, cache=True)
def _unknown(x: Any, to: Any, none: Any) -> bool:
    """Whether a cell where water flows has no value."""
    for i in range(x.size):  # noqa: SIM110 - compiled
        if np.isnan(x[i]) and to[i] != none:
            return True
    return False


@njit(nogil=True, cache=True)
def _known(x: Any, count: Any) -> None:
    for i in range(x.size):
        count[i] = 0 if np.isnan(x[i]) else 1


@njit(nogil=True, cache=True)
def _ratio(total: Any, count: Any) -> None:
    for i in range(total.shape[0]):
        for j in range(total.shape[1]):
            total[i, j] = total[i, j] / count[i, j] if count[i, j] > 0 else np.nan


def mean_above(work: Job, graph: Graph, x: NDArray[np.float64]) -> None:
    """Put in place of x its mean over all cells that drain through a cell, itself included; unknown (NaN) cells are left out."""
    count = work.inputs["accumulation"]
    if _unknown(x, graph.to, graph.to.dtype.type(graph.missing)):
        known = work.lattice.full(0, np.uint32 if graph.d8 else np.float64)
        _known(x, known)
        graph.accumulate(known)
        count = work.write("known", known, known.dtype.name)
        del known
    fixed(x, 0.0)
    graph.accumulate(x)

    def block(window: Window) -> None:
        _ratio(graph.lattice.inside(x, window), floats_of(count, window))

    each(work.grid.blocks(BAND, WIDE), block, work.workers)
    graph.blank(x, np.nan)
    work.drop("known")


def way_down(
    work: Job, graph: Graph, stream: NDArray[np.bool_], cell: str, at: At, classes: Any, values: Mapping[str, Any], *, pixels: bool
) -> NDArray[np.float64]:  # fmt: skip
    """The sum of `cell` over the way down to the stream, 0 on it; NaN where no way ends in a stream.

    `pixels` counts steps instead of metres as InVEST does; with shares it also takes the weight of the cell that is
    entered instead of the one that is left (pygeoprocessing 2.4.11, distance_to_channel_mfd).
    """
    value = work.lattice.full(np.nan, np.float64)
    np.putmask(value, stream, 0.0)
    entered = pixels and not graph.d8
    given = at.given(classes, values)
    if entered:
        woven(passes.enter, {"step": cell}, {"at": at})(value, *given)
    graph.climb(cell, at, classes, values, value, lengths=work.lattice.lengths(pixels))
    if entered:
        woven(passes.leave, {"step": cell}, {"at": at})(stream, value, *given)
    work.cells.add(cell)
    return value
