"""The stage "sediment": index of connectivity, delivery ratio, export, deposition, avoided erosion and export.

Default: Borselli's index with lengths in metres; the delivery ratio is 1 on streams; what never reaches a stream is deposited
where it stops. So loss = export + deposition over all cells. `compat = "invest"` counts the way down in pixels (with shares:
by the weight of the cell entered) and leaves cells without index NoData, as InVEST 3.20.2 does.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.method import REGISTRY
from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.source import Field, Source

from ..block.engine import Progress
from ..focal.cellwise import steps_of
from .above import OffStream, class_codes, fixed, mean_above, streams, way_down, with_unknown
from .lattice import refuse_small, square_cell
from .stage import Graph, Job, job
from .weave import At

__all__ = ["CONSTANTS", "INPUTS", "OPTIONAL", "OPTIONS", "OUTPUTS", "TABLES", "run"]

LOSS = "t/(hm2 a)"
INPUTS = {
    "direction": "", "accumulation": "count", "slope": "%", "ls": "1", "erosivity": "MJ mm/(hm2 h a)",
    "erodibility": "t hm2 h/(hm2 MJ mm)", "streams": "",
}  # fmt: skip
TABLES = {"c": "1", "p": "1"}
CONSTANTS = {"stream_area": "km2", "ic0": "1", "k": "1", "ratio_max": "fraction"}
OUTPUTS = {
    "potential": LOSS, "loss": LOSS, "upslope": "m", "downslope": "m", "ic": "1", "sdr": "fraction", "export": LOSS,
    "deposition": LOSS, "avoided_erosion": LOSS, "avoided_export": LOSS, "stream": "",
}  # fmt: skip
OPTIONS = {"compat": ("", "invest"), "sinks": ("end", "stream")}
OPTIONAL = ("streams", "stream_area")

CELL, TRAP = 14, 18
"""Bytes a cell besides the graph: index and ratio; then the trapping."""


def run(
    grid: Grid, inputs: Mapping[str, Source], tables: Mapping[str, NDArray[np.float64]], constants: Mapping[str, float],
    options: Mapping[str, str], outputs: Sequence[str], folder: Path, *, classes: Source | None = None,
    workers: int | None = None, memory: int | str = "1GB", progress: Progress | None = None,
) -> dict[str, Field]:  # fmt: skip
    """Sediment from every cell to the streams, per hectare and year; float32, NaN for NoData.

    Streams are cells through which `stream_area` drains, or those of the layer `streams`; soil loss has no value on them.
    `sinks = "stream"` counts swallow holes as streams (D8). Raises `QingshanError` where `memory` is too small.
    """
    work = job(
        "sediment", sys.modules[__name__], grid, inputs, tables, constants, options, outputs, folder, classes, workers,
        progress, 5, OPTIONAL,
    )  # fmt: skip
    trap = bool({"deposition", "avoided_export"} & set(work.asked))
    share = 2 if inputs["direction"].dtype == np.uint8 else 5
    refuse_small(grid, share + 1 + (TRAP if trap else CELL), memory, "sediment")
    try:
        graph = Graph.read(work, inputs["direction"])
        stream = streams(work, graph)
        if "stream" in work.asked:
            work.write("stream", np.where(graph.none, np.uint8(255), stream.astype(np.uint8)), "uint8")
        sdr = _ratio(work, graph, stream)
        work.tick()
        _losses(work, graph, stream, sdr)
        work.tick()
        if trap:
            _trapping(work, graph, stream, sdr)
        work.tick()
        return work.finish()
    finally:
        work.discard()


def _ratio(work: Job, graph: Graph, stream: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The delivery ratio; NaN on streams and where no way leads to one."""
    side, invest = square_cell(work.grid, "sediment"), work.options["compat"] == "invest"
    x = np.full(graph.to.size, np.nan)
    weigh = ("w", "soil.connectivity_weight@borselli2008", {"c": "c"})
    steepen = ("s", "soil.connectivity_slope@cavalli2013", {"slope": "slope"})
    work.map(steps_of(weigh), {"slope": work.inputs["slope"]}, {"w": x}, tables=("c",))
    weights = mean_above(work, graph, x)
    x.fill(np.nan)
    gradient = np.full(graph.to.size, np.nan, np.float32)
    work.map(steps_of(steepen), {"slope": work.inputs["slope"]}, {"s": gradient})
    x[:] = gradient
    slopes = mean_above(work, graph, x)
    del x
    up = weights
    to_area = ("a", "soil.area_through@grid", {"cells": "accumulation", "cell": "cell"})
    climb = ("up", "soil.upslope_component@borselli2008", {"weight": "w", "slope": "s", "area": "a"})
    layers: dict[str, Any] = {"w": weights, "s": slopes, "accumulation": work.inputs["accumulation"]}
    work.map(steps_of(to_area, climb), layers, {"up": up}, numbers={"cell": side})
    del slopes
    work.tick()
    codes = class_codes(work)
    weight = REGISTRY["soil.connectivity_weight@borselli2008"](with_unknown(work, work.tables["c"]))
    at = At(("weight", "gradient"), frozenset({"gradient"}), frozenset({"weight"}))
    values = {"weight": weight, "gradient": gradient}
    down = way_down(work, graph, stream, "soil.downslope_component@borselli2008", at, codes, values, pixels=invest)
    del codes, gradient
    if "upslope" in work.asked:
        work.write("upslope", up)
    if "downslope" in work.asked:
        work.write("downslope", down)
    sdr = np.full(graph.to.size, np.nan, np.float32)
    index = ("ic", "soil.connectivity_index@borselli2008", {"up": "up", "down": "down"})
    ratio = ("sdr", "soil.delivery_ratio@vigiak2012", {"index": "ic", "ic0": "ic0", "k": "k", "ratio_max": "ratio_max"})
    targets: dict[str, Any] = {"sdr": sdr, **({"ic": work.field("ic")} if "ic" in work.asked else {})}
    numbers = {k: work.constants[k] for k in ("ic0", "k", "ratio_max")}
    work.map(steps_of(index, ratio), {"up": up, "down": down}, targets, numbers=numbers)
    if "sdr" in work.asked:
        shown = sdr.copy()
        shown[stream] = 1.0
        work.write("sdr", shown)
    work.tick()
    return sdr


def _losses(work: Job, graph: Graph, stream: NDArray[np.bool_], sdr: NDArray[np.float32]) -> None:
    """Potential and actual loss, what is avoided, what is delivered and what stays on land."""
    steps = steps_of(
        ("potential", "soil.potential_loss@renard1997", {"r": "r", "k": "k", "ls": "ls"}),
        ("loss", "soil.actual_loss@renard1997", {"potential": "potential", "c": "c", "p": "p"}),
        ("avoided_erosion", "soil.avoided_erosion@invest3", {"potential": "potential", "loss": "loss"}),
        ("export", "soil.sediment_export@invest3", {"loss": "loss", "ratio": "sdr"}),
        ("undelivered", "soil.undelivered@invest3", {"loss": "loss", "ratio": "sdr"}),
    )
    trap = {"deposition", "avoided_export"} & set(work.asked)
    names = {"potential", "loss", "avoided_erosion", "export"} & set(work.asked)
    names |= {"undelivered"} if trap else set()
    names |= {"avoided_erosion"} if "avoided_export" in work.asked else set()
    layers = {
        "ls": OffStream(work.inputs["ls"], graph, stream), "r": work.inputs["erosivity"], "k": work.inputs["erodibility"], "sdr": sdr,
    }  # fmt: skip
    if names:
        work.map(steps, layers, {n: work.field(n) for n in sorted(names)}, tables=("c", "p"))


def _trapping(work: Job, graph: Graph, stream: NDArray[np.bool_], sdr: NDArray[np.float32]) -> None:
    """Route what is not delivered: each cell traps a share of what comes from above."""
    invest = work.options["compat"] == "invest"
    sdr[stream] = 1.0
    share = graph.below(sdr, 0.0, work.workers)
    work.map(
        steps_of(("t", "soil.trap_share@invest3", {"ratio": "sdr", "below": "b"})),
        {"sdr": sdr, "b": share},
        {"t": share},
    )
    own = work.lattice.read(work.fields["undelivered"], np.float32, np.nan, work.workers)
    fixed(own, 0.0)
    if not invest:
        fixed(share, 1.0)
    flux = np.zeros(graph.to.size)
    flux[graph.none] = np.nan
    keep = ("soil.trapped@invest3", At(("share",), frozenset({"share"})))
    send = ("soil.sediment_passed@invest3", At(("share", "own"), frozenset({"share", "own"})))
    work.cells |= {keep[0], send[0]}
    graph.descend(keep, send, None, {"share": share, "own": own}, flux)
    del share, own
    if "deposition" in work.asked:
        work.write("deposition", flux)
    if "avoided_export" in work.asked:
        sdr[stream] = np.nan
        bind = {"avoided": "avoided", "ratio": "sdr", "trapped": "trapped"}
        steps = steps_of(("avoided_export", "soil.avoided_export@invest3", bind))
        layers = {"avoided": work.fields["avoided_erosion"], "sdr": sdr, "trapped": flux}
        work.map(steps, layers, {"avoided_export": work.field("avoided_export")})
