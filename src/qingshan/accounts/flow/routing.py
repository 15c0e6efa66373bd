"""The stage "flow": depressions filled, flow directions, cells and area that drain through each cell.

One graph serves every model that follows (slope length, sediment, nutrients, baseflow): they take the output `direction`.
Karst: cells of the input `sinks` (1) are legal outlets, and depressions deeper than `keep_deeper` or larger than `keep_larger`
stay, their lowest cell an outlet; without them every depression is filled.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.source import Field, Source

from ..block.engine import Progress
from ..declared.routing import CONSTANTS, INPUTS, LIMITS, METHODS, OPTIONAL, OPTIONS, OUTPUTS, TABLES
from . import directions
from .fill import NEW, SEED, fill, inner_ends, seeds
from .lattice import square_cell
from .passes import blank
from .stage import Graph, Job, job

__all__ = ["CONSTANTS", "INPUTS", "LIMITS", "METHODS", "OPTIONAL", "OPTIONS", "OUTPUTS", "TABLES", "run"]


def run(
    grid: Grid, inputs: Mapping[str, Source], tables: Mapping[str, NDArray[np.float64]], constants: Mapping[str, float],
    options: Mapping[str, str], outputs: Sequence[str], folder: Path, *, classes: Source | None = None,
    workers: int | None = None, memory: int | str = "1GB", progress: Progress | None = None,
) -> dict[str, Field]:  # fmt: skip
    """Route water over the elevation.

    `filled` float32; `direction` uint8 (D8) or uint32 (MFD), see `directions.py`; `accumulation` the number of cells that
    drain through a cell, itself included (uint32; float64 for MFD), and `area` as m2 (float64); `sink` 1 where flow ends
    inside the grid: masked sinks and kept depressions. Raises `QingshanError` where `memory` is too small.
    """
    work = job(
        "flow", sys.modules[__name__], grid, inputs, tables, constants, options, outputs, folder, classes, workers, progress,
        3, OPTIONAL,
    )  # fmt: skip
    side = square_cell(grid, "flow")
    try:
        work.fit(memory)
        graph = _graph(work, side)
        if {"accumulation", "area"} & set(work.asked):
            count = work.lattice.full(1, np.uint32 if graph.d8 else np.float64)
            graph.blank(count, 0)
            graph.accumulate(count)
            if "accumulation" in work.asked:
                work.write("accumulation", count, count.dtype.name, graph)
            if "area" in work.asked:
                area = work.lattice.full(0, np.float64)
                np.multiply(count, side**2, out=area)
                work.write("area", area, "float64", graph)
        work.tick()
        return work.finish()
    finally:
        work.discard()


def _graph(work: Job, side: float) -> Graph:
    """Fill and direct; writes what is asked of it."""
    lattice = work.lattice
    z = lattice.read(work.inputs["elevation"], np.float32, np.nan, work.workers)
    state, sinks = lattice.full(NEW, np.uint8), np.zeros(0, np.uint8)
    if "sinks" in work.inputs:
        sinks = lattice.read(work.inputs["sinks"], np.uint8, 0, work.workers)
        blank(sinks, np.uint8(1), state, np.uint8(SEED))
    cells = work.constants.get("keep_larger", np.inf) * 1e6 / side**2
    fill(z, state, lattice, deepest=work.constants.get("keep_deeper", np.inf), largest=cells)
    work.tick()
    if "filled" in work.asked:
        work.write("filled", z)
    to: NDArray[Any]
    to, way = directions.d8(z, state, sinks, lattice, work.workers)
    if "sink" in work.asked:
        _write_sinks(work, to, z)
    if work.options["routing"] != "d8":
        to = directions.mfd(z, to, way, lattice, work.workers)
    del z, state, way
    if "direction" in work.asked:
        work.write("direction", to, to.dtype.name)
    work.tick()
    return Graph(lattice, to)


def _write_sinks(work: Job, to: NDArray[np.uint8], z: NDArray[np.float32]) -> None:
    """1 where flow ends although the cell is not beside the rim or NoData."""
    ends = work.lattice.full(NEW, np.uint8)
    seeds(z, ends, work.lattice.offsets)
    inner_ends(to, ends)
    work.write("sink", ends, "uint8")
