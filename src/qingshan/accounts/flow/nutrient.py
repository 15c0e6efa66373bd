"""The stage "nutrient": load, delivery ratio and export of nitrogen and phosphorus, over land and below ground.

IC0 and the mean of the runoff proxy are extent-dependent in the guide. Give them as constants (`ic0`, `runoff_mean`) and a
county's figures do not depend on the run; left out, they are taken over the whole grid in a first pass and written into what
the layers are made from (`report`). `compat = "invest"` counts the way to the stream in pixels, also below ground.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.errors import DeclarationError
from qingshan.zone.raster.grid import Grid, Window
from qingshan.zone.raster.source import Field, Source

from ..block.engine import Progress
from ..declared.nutrient import CONSTANTS, EACH, INPUTS, LIMITS, NUTRIENTS, OPTIONAL, OPTIONS, OUTPUTS, TABLES
from ..focal.cellwise import steps_of
from ..focal.stage import floats_of, require
from .above import class_codes, mean_above, streams, way_down, with_unknown
from .lattice import BAND, each, square_cell
from .stage import WIDE, Graph, Job, job
from .weave import At

__all__ = ["CONSTANTS", "INPUTS", "LIMITS", "OPTIONAL", "OPTIONS", "OUTPUTS", "TABLES", "run"]


def run(
    grid: Grid, inputs: Mapping[str, Source], tables: Mapping[str, NDArray[np.float64]], constants: Mapping[str, float],
    options: Mapping[str, str], outputs: Sequence[str], folder: Path, *, classes: Source | None = None,
    workers: int | None = None, memory: int | str = "1GB", progress: Progress | None = None,
) -> dict[str, Field]:  # fmt: skip
    """Nutrients from every cell to the streams, per hectare and year; float32, NaN for NoData.

    On streams no output over land has a value; `below_*` has: its way to the stream is 0. As in InVEST.
    Tables of a nutrient whose outputs are not asked may be left out; `applied_*` (1: the load is an application rate) and
    `subsurface_*` (share of the load that goes below ground) are 0 where left out. Raises `QingshanError` where `memory`
    is too small.
    """
    work = job(
        "nutrient", sys.modules[__name__], grid, inputs, tables, constants, options, outputs, folder, classes, workers,
        progress, 5, OPTIONAL,
    )  # fmt: skip
    asked = [n for n in NUTRIENTS if {name + n for name in EACH} & set(work.asked)]
    require("nutrient", "table", [t + n for n in asked for t in ("load_", "efficiency_", "length_")], tables)
    try:
        work.fit(memory)
        graph = Graph.read(work, inputs["direction"])
        stream = streams(work, graph)
        if "stream" in work.asked:
            work.write("stream", stream, "uint8", graph)
        return _Routed(work, graph, stream).run(asked)
    finally:
        work.discard()


@dataclass
class _Routed:
    work: Job
    graph: Graph
    stream: NDArray[np.bool_]

    @property
    def pixels(self) -> bool:
        return self.work.options["compat"] == "invest"

    def run(self, asked: Sequence[str]) -> dict[str, Field]:
        work = self.work
        ic = self._index()
        work.tick()
        ic0 = work.constants.get("ic0", float("nan"))
        if np.isnan(ic0):
            ic0 = self._mid_range(ic)
        below = self._below(asked)
        work.tick()
        mean = self._runoff_mean()
        for n in asked:
            self._nutrient(n, ic, ic0, mean, below)
            work.tick()
        return work.finish({"ic0": ic0, "runoff_mean": mean})

    def _index(self) -> Field:
        """Write the index of connectivity; topography only."""
        work, graph = self.work, self.graph
        x = work.lattice.full(np.nan, np.float64)
        steepen = steps_of(("s", "water.connectivity_slope@cavalli2013", {"slope": "slope"}))
        work.map(steepen, {"slope": work.inputs["slope"]}, {"s": x})
        mean_above(work, graph, x)
        steps = steps_of(
            ("a", "water.area_through@grid", {"cells": "accumulation", "cell": "cell"}),
            ("up", "water.upslope_component@invest3", {"slope": "s", "area": "a"}),
        )
        layers: dict[str, Any] = {"s": x, "accumulation": work.inputs["accumulation"]}
        up = work.field("upslope")
        work.map(steps, layers, {"up": up}, numbers={"cell": square_cell(work.grid, "nutrient")})
        del x, layers
        gradient = work.lattice.full(np.nan, np.float32)
        work.map(steepen, {"slope": work.inputs["slope"]}, {"s": gradient})
        at, values = At(("gradient",), frozenset({"gradient"})), {"gradient": gradient}
        cell = "water.downslope_component@invest3"
        down = way_down(work, graph, self.stream, cell, at, None, values, pixels=self.pixels)
        if "downslope" in work.asked:
            work.write("downslope", down)
        index = steps_of(("ic", "water.connectivity_index@borselli2008", {"up": "up", "down": "down"}))
        ic = work.field("ic")
        work.map(index, {"up": up, "down": down}, {"ic": ic})
        work.drop("upslope")
        return ic

    def _mid_range(self, ic: Field) -> float:
        """Half-way between the least and the largest index of the grid; NaN where there is none."""

        def band(window: Window) -> tuple[float, float]:
            values = ic.read(window)
            values = values[np.isfinite(values)]
            return (float(values.min()), float(values.max())) if values.size else (np.inf, -np.inf)

        ends = each(self.work.grid.blocks(BAND, WIDE), band, self.work.workers)
        low, high = min(a for a, _ in ends), max(b for _, b in ends)
        return (low + high) / 2 if low <= high else float("nan")

    def _below(self, asked: Sequence[str]) -> Field | None:
        """The delivery ratio below ground, where it is asked or a share of the load goes there."""
        work = self.work
        parts = any(np.nanmax(work.tables.get(f"subsurface_{n}", np.zeros(1)), initial=0) > 0 for n in asked)
        if not (parts or {"way", "ndr_below"} & set(work.asked)):
            return None
        lengths = self.graph.lattice.lengths() / (square_cell(work.grid, "nutrient") if self.pixels else 1.0)
        value = work.lattice.full(np.nan, np.float64)
        np.putmask(value, self.stream, 0.0)
        cell = "water.way_to_stream@invest3"
        self.graph.climb(cell, At(()), None, {}, value, lengths=lengths)
        work.cells.add(cell)
        if "way" in work.asked:
            work.write("way", value)
        if not (parts or "ndr_below" in work.asked):
            return None
        require("nutrient", "constant", ("subsurface_efficiency", "subsurface_length"), work.constants)
        out = work.field("ndr_below")
        bind = {"way": "way", "efficiency": "efficiency", "critical": "critical"}
        numbers = {
            "efficiency": work.constants["subsurface_efficiency"],
            "critical": work.constants["subsurface_length"],
        }
        work.map(
            steps_of(("ndr", "water.subsurface_delivery@invest3", bind)), {"way": value}, {"ndr": out}, numbers=numbers
        )
        return out

    def _runoff_mean(self) -> float:
        """The declared mean of the proxy, else the mean over the cells where water flows: exact sums of whole bands."""
        work = self.work
        if "runoff_mean" in work.constants:
            return work.constants["runoff_mean"]

        def band(window: Window) -> tuple[float, int]:
            values = floats_of(work.inputs["runoff"], window)
            known = np.isfinite(values) & ~self.graph.none(window)
            return float(np.sum(values[known], dtype=np.float64)), int(known.sum())

        sums = each(work.grid.blocks(BAND, WIDE), band, work.workers)
        count = sum(n for _, n in sums)
        if not count:
            raise DeclarationError(
                "stage nutrient: the runoff proxy has no value where water flows.", "步骤 nutrient：产流代用图层在汇流范围内没有数值。",
                where="stage nutrient", fix="check the layer's extent and NoData / 核对图层范围和无数据值",
            )  # fmt: skip
        return sum(s for s, _ in sums) / count

    def _nutrient(self, n: str, ic: Field, ic0: float, mean: float, below: Field | None) -> None:
        work, graph = self.work, self.graph
        none = np.zeros_like(work.tables[f"load_{n}"])
        work.tables = {f"applied_{n}": none, f"subsurface_{n}": none, **work.tables}
        retained = work.lattice.full(np.nan, np.float64)
        np.putmask(retained, self.stream, 0.0)
        codes = class_codes(work)
        values = {k: with_unknown(work, work.tables[f"{k}_{n}"]) for k in ("efficiency", "length")}
        cell = "water.retention_on_way@invest3"
        at = At(("efficiency", "length"), tables=frozenset(values))
        graph.climb(cell, at, codes, values, retained, lengths=graph.lattice.lengths(), outlet=0.0)
        work.cells.add(cell)
        del codes
        t = {k: f"{k}_{n}" for k in ("load", "efficiency", "applied", "subsurface")}
        load = {"load": t["load"], "efficiency": t["efficiency"], "applied": t["applied"], "index": "rpi"}
        ratio = {"retained": "retained", "index": "ic", "ic0": "ic0", "k": "k"}
        steps = [
            ("rpi", "water.runoff_index@invest3", {"runoff": "runoff", "mean": "mean"}),
            ("load_", "water.nutrient_load@invest3", load),
            ("ndr_", "water.nutrient_delivery@invest3", ratio),
            ("surface_", "water.surface_export@invest3", {"load": "load_", "share": t["subsurface"], "ratio": "ndr_"}),
        ]
        layers: dict[str, Any] = {"runoff": work.inputs["runoff"], "retained": retained, "ic": ic}
        if below is not None:
            layers["ndr_below"] = below
        under = (
            "ndr_" if below is None else "ndr_below"
        )  # without a part below ground its share is 0 and any ratio will do
        steps += [
            ("below_", "water.subsurface_export@invest3", {"load": "load_", "share": t["subsurface"], "ratio": under}),
            ("export_", "water.nutrient_export@invest3", {"surface": "surface_", "subsurface": "below_"}),
        ]
        if "retained_" + n in work.asked:
            work.write("retained_" + n, retained)
        names = [x for x in EACH if x + n in work.asked and x != "retained_"]
        if names:
            numbers = {"mean": mean, "ic0": ic0, "k": work.constants["k"]}
            targets = {x: work.field(x + n) for x in names}
            work.map(steps_of(*steps), layers, targets, tables=tuple(t.values()), numbers=numbers)
