"""The stage "sediment": index of connectivity, delivery ratio, export, deposition, avoided erosion and export.

Default: Borselli's index with lengths in metres; the delivery ratio is 1 on streams; what never reaches a stream is deposited
where it stops. So loss = export + deposition over all cells. `compat = "invest"` counts the way down in pixels (with shares:
by the weight of the cell entered) and leaves cells without index NoData, as InVEST 3.20.2 does.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.method import REGISTRY
from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.source import Field, Source

from ..block.engine import Progress
from ..declared.sediment import CONSTANTS, INPUTS, LIMITS, OPTIONAL, OPTIONS, OUTPUTS, TABLES
from ..focal.cellwise import steps_of
from .above import OffStream, class_codes, fixed, mean_above, streams, way_down, with_unknown
from .lattice import square_cell
from .stage import Graph, Job, job
from .weave import At

__all__ = ["CONSTANTS", "INPUTS", "LIMITS", "OPTIONAL", "OPTIONS", "OUTPUTS", "TABLES", "run"]

GAP = 0.7
"""Share of the threshold that joins two parts of a stream in the peer's sediment model; its nutrient model joins none."""

BESIDE, SHARED = 28, 37
"""Bytes a cell that the way down takes beside the means above; with shared flow."""


def run(
    grid: Grid, inputs: Mapping[str, Source], tables: Mapping[str, NDArray[np.float64]], constants: Mapping[str, float],
    options: Mapping[str, str], outputs: Sequence[str], folder: Path, *, classes: Source | None = None,
    workers: int | None = None, memory: int | str = "1GB", progress: Progress | None = None,
) -> dict[str, Field]:  # fmt: skip
    """Sediment from every cell to the streams, per hectare and year; float32, NaN for NoData.

    Streams are cells through which `stream_area` drains, or those of the layer `streams`; soil loss has no value on them.
    `sinks = "stream"` counts swallow holes (outlets away from the rim and NoData) as streams. Raises `QingshanError` where `memory` is too small.
    """
    work = job(
        "sediment", sys.modules[__name__], grid, inputs, tables, constants, options, outputs, folder, classes, workers,
        progress, 5, OPTIONAL,
    )  # fmt: skip
    trap = bool({"deposition", "avoided_export"} & set(work.asked))
    try:
        work.fit(memory)
        beside = work.holds(BESIDE if inputs["direction"].dtype.itemsize == 1 else SHARED)
        graph = Graph.read(work, inputs["direction"])
        stream = streams(work, graph, GAP)
        if "stream" in work.asked:
            work.write("stream", stream, "uint8", graph)
        sdr = _ratio(work, graph, stream, beside)
        work.tick()
        _losses(work, graph, stream, sdr)
        work.tick()
        if trap:
            share, ratio = _shares(work, graph, stream, sdr)
            del sdr, stream
            _trapping(work, graph, share, ratio)
        work.tick()
        return work.finish()
    finally:
        work.discard()


def _ratio(work: Job, graph: Graph, stream: NDArray[np.bool_], beside: bool) -> NDArray[np.float32]:
    """The delivery ratio; NaN on streams and where no way leads to one. `beside`: the two ways of the index at once."""
    with ThreadPoolExecutor(1, thread_name_prefix="down") as pool:
        if not graph.d8:
            _ = graph.order
        coming = pool.submit(_downslope, work, graph, stream) if beside else None
        _upslope(work, graph)
        work.tick()
        down = coming.result() if coming else _downslope(work, graph, stream)
    if "downslope" in work.asked:
        work.write("downslope", down)
    sdr = work.lattice.full(np.nan, np.float32)
    index = ("ic", "soil.connectivity_index@borselli2008", {"up": "up", "down": "down"})
    ratio = ("sdr", "soil.delivery_ratio@vigiak2012", {"index": "ic", "ic0": "ic0", "k": "k", "ratio_max": "ratio_max"})
    targets: dict[str, Any] = {"sdr": sdr, **({"ic": work.field("ic")} if "ic" in work.asked else {})}
    numbers = {k: work.constants[k] for k in ("ic0", "k", "ratio_max")}
    work.map(steps_of(index, ratio), {"up": work.fields["upslope"], "down": down}, targets, numbers=numbers)
    del down
    if "sdr" in work.asked:
        np.putmask(sdr, stream, 1.0)
        work.write("sdr", sdr)
        np.putmask(sdr, stream, np.nan)
    work.drop("upslope")
    work.tick()
    return sdr


def _gradient(work: Job, dtype: Any) -> NDArray[Any]:
    """The gradient of every cell, within its limits."""
    x = work.lattice.full(np.nan, dtype)
    work.map(
        steps_of(("s", "soil.connectivity_slope@cavalli2013", {"slope": "slope"})),
        {"slope": work.inputs["slope"]},
        {"s": x},
    )
    return x


def _downslope(work: Job, graph: Graph, stream: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The downslope component of every cell."""
    weight = REGISTRY["soil.connectivity_weight@borselli2008"](with_unknown(work, work.tables["c"]))
    at = At(("weight", "gradient"), frozenset({"gradient"}), frozenset({"weight"}))
    values = {"weight": weight, "gradient": _gradient(work, np.float32)}
    invest = work.options["compat"] == "invest"
    return way_down(
        work, graph, stream, "soil.downslope_component@borselli2008", at, class_codes(work), values, pixels=invest
    )


def _upslope(work: Job, graph: Graph) -> None:
    """Write the upslope component."""
    x = work.lattice.full(np.nan, np.float64)
    work.map(
        steps_of(("w", "soil.connectivity_weight@borselli2008", {"c": "c"})),
        {"slope": work.inputs["slope"]},
        {"w": x},
        tables=("c",),
    )
    mean_above(work, graph, x)
    weights = work.write("mean_weight", x)
    del x
    x = _gradient(work, np.float64)
    mean_above(work, graph, x)
    to_area = ("a", "soil.area_through@grid", {"cells": "accumulation", "cell": "cell"})
    climb = ("up", "soil.upslope_component@borselli2008", {"weight": "w", "slope": "s", "area": "a"})
    layers: dict[str, Any] = {"w": weights, "s": x, "accumulation": work.inputs["accumulation"]}
    numbers = {"cell": square_cell(work.grid, "sediment")}
    work.map(steps_of(to_area, climb), layers, {"up": work.field("upslope")}, numbers=numbers)
    work.drop("mean_weight")


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


def _shares(work: Job, graph: Graph, stream: NDArray[np.bool_], sdr: NDArray[np.float32]) -> tuple[NDArray[np.float32], Field]:  # fmt: skip
    """The share of incoming sediment that each cell traps; the ratio, put on disk. Changes `sdr`."""
    np.putmask(sdr, stream, 1.0)
    share = graph.below(sdr, 0.0, work.workers)
    work.map(
        steps_of(("t", "soil.trap_share@invest3", {"ratio": "sdr", "below": "b"})),
        {"sdr": sdr, "b": share},
        {"t": share},
    )
    np.putmask(sdr, stream, np.nan)
    return share, work.write("ratio", sdr)


def _trapping(work: Job, graph: Graph, share: NDArray[np.float32], ratio: Field) -> None:
    """Route what is not delivered: each cell traps a share of what comes from above."""
    flux = work.lattice.full(0, np.float64)  # first, so that not this but what is only read goes to a scratch file
    graph.blank(flux, np.nan)
    own = work.lattice.read(work.fields["undelivered"], np.float32, np.nan, work.workers)
    work.drop("undelivered")
    fixed(own, 0.0)
    if work.options["compat"] != "invest":
        fixed(share, 1.0)
    keep = ("soil.trapped@invest3", At(("share",), frozenset({"share"})))
    send = ("soil.sediment_passed@invest3", At(("share", "own"), frozenset({"share", "own"})))
    work.cells |= {keep[0], send[0]}
    graph.descend(keep, send, None, {"share": share, "own": own}, flux)
    del share, own
    if "deposition" in work.asked:
        work.write("deposition", flux)
    if "avoided_export" in work.asked:
        bind = {"avoided": "avoided", "ratio": "ratio", "trapped": "trapped"}
        steps = steps_of(("avoided_export", "soil.avoided_export@invest3", bind))
        layers = {"avoided": work.fields["avoided_erosion"], "ratio": ratio, "trapped": flux}
        work.map(steps, layers, {"avoided_export": work.field("avoided_export")})
