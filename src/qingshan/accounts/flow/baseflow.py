"""The stage "baseflow": quick flow by curve number, local recharge with the subsidy from above, baseflow reaching streams.

Recharge goes down the flow, each cell using what cells above leave; the share that reaches the stream comes up again. On
streams all rain runs off.
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
from ..declared.baseflow import CONSTANTS, GROUPS, INPUTS, LIMITS, MONTHS, OPTIONAL, OPTIONS, OUTPUTS, TABLES
from ..focal.cellwise import steps_of
from .above import blank_unknown, fixed, streams
from .stage import Graph, Job, job
from .weave import At

__all__ = ["CONSTANTS", "INPUTS", "LIMITS", "OPTIONAL", "OPTIONS", "OUTPUTS", "TABLES", "run"]


def run(
    grid: Grid, inputs: Mapping[str, Source], tables: Mapping[str, NDArray[np.float64]], constants: Mapping[str, float],
    options: Mapping[str, str], outputs: Sequence[str], folder: Path, *, classes: Source | None = None,
    workers: int | None = None, memory: int | str = "1GB", progress: Progress | None = None,
) -> dict[str, Field]:  # fmt: skip
    """Water of a year, mm; float32, NaN for NoData. `recharge` may be negative, `recharge_sum` is summed over all cells above.

    Raises `QingshanError` where `memory` is too small.
    """
    work = job(
        "baseflow", sys.modules[__name__], grid, inputs, tables, constants, options, outputs, folder, classes, workers,
        progress, 4, OPTIONAL,
    )  # fmt: skip
    try:
        work.fit(memory)
        graph = Graph.read(work, inputs["direction"])
        stream = streams(work, graph)
        if "stream" in work.asked:
            work.write("stream", stream, "uint8", graph)
        shortfalls = _months(work, graph, stream)
        work.tick()
        recharge = _recharge(work, graph, shortfalls)
        del shortfalls
        work.tick()
        if {"recharge_sum", "baseflow"} & set(work.asked):
            _baseflow(work, graph, stream, recharge)
        work.tick()
        return work.finish()
    finally:
        work.discard()


def _months(work: Job, graph: Graph, stream: NDArray[np.bool_]) -> dict[str, NDArray[np.float32]]:
    """Demand less infiltration of each month; writes quick flow."""
    number = work.lattice.full(np.nan, np.float32)
    bind = {"soil_group": "soil_group", **{f"curve_numbers_{g}": f"curve_number_{g}" for g in GROUPS}}
    tables = tuple(f"curve_number_{g}" for g in GROUPS)
    work.map(
        steps_of(("cn", "water.curve_number@neh630", bind)),
        {"soil_group": work.inputs["soil_group"]},
        {"cn": number},
        tables=tables,
    )
    np.putmask(number, stream, 100.0)
    steps: list[tuple[str, str, Mapping[str, str]]] = []
    for m in MONTHS:
        steps.append(
            (
                f"q_{m}",
                "water.quick_flow@guswa2018",
                {"rain": f"rain_{m}", "events": f"events_{m}", "curve_number": "cn"},
            )
        )
        short = {"rain": f"rain_{m}", "quick": f"q_{m}", "crop_coefficient": f"kc_{m}", "reference": f"et0_{m}"}
        steps.append((f"shortfalls_{m}", "water.month_shortfall@invest3", short))
    steps.append(("quickflow", "+", {f"q_{m}": f"q_{m}" for m in MONTHS}))
    layers: dict[str, Any] = {"cn": number}
    layers |= {f"{k}_{m}": work.inputs[f"{k}_{m}"] for m in MONTHS for k in ("rain", "et0")}
    numbers = {f"events_{m}": work.constants[f"events_{m}"] for m in MONTHS}
    out = {f"shortfalls_{m}": work.lattice.full(np.nan, np.float32) for m in MONTHS}
    targets: dict[str, Any] = {**out, **({"quickflow": work.field("quickflow")} if "quickflow" in work.asked else {})}
    work.map(steps_of(*steps), layers, targets, tables=tuple(f"kc_{m}" for m in MONTHS), numbers=numbers)
    return out


def _recharge(work: Job, graph: Graph, shortfalls: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
    """Local recharge of every cell, the cells above first."""
    layers = frozenset(shortfalls)
    keep = ("water.local_recharge@invest3", At((*shortfalls, "alpha", "beta"), layers))
    send = ("water.recharge_passed@invest3", At((*shortfalls, "alpha", "beta", "gamma"), layers))
    values = {**shortfalls, **{k: work.constants[k] for k in ("alpha", "beta", "gamma")}}
    recharge = work.lattice.full(0, np.float64)
    graph.blank(recharge, np.nan)
    graph.descend(keep, send, None, values, recharge)
    work.cells |= {keep[0], send[0]}
    if "recharge" in work.asked:
        work.write("recharge", recharge)
    return recharge


def _baseflow(work: Job, graph: Graph, stream: NDArray[np.bool_], recharge: NDArray[np.float64]) -> None:
    """Recharge summed from above, and the part of each cell's recharge that reaches the stream."""
    total = work.lattice.full(0, np.float64)
    total[:] = recharge
    fixed(total, 0.0)
    graph.accumulate(total)
    blank_unknown(recharge, total)
    if "recharge_sum" in work.asked:
        work.write("recharge_sum", total)
    factor = work.lattice.full(np.nan, np.float64)
    np.putmask(factor, stream, 1.0)
    cell = "water.baseflow_passed@invest3"
    at = At(("total", "recharge", "gamma"), frozenset({"total", "recharge"}))
    values = {"total": total, "recharge": recharge, "gamma": work.constants["gamma"]}
    graph.climb(cell, at, None, values, factor, lengths=graph.lattice.lengths(), outlet=1.0)
    work.cells.add(cell)
    del total, values
    below = graph.below(factor, 1.0, work.workers)
    if "baseflow" in work.asked:
        steps = steps_of(("baseflow", "water.baseflow@invest3", {"recharge": "recharge", "below": "below"}))
        work.map(steps, {"recharge": recharge, "below": below}, {"baseflow": work.field("baseflow")})
