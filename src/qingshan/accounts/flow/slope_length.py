"""The stage "slope_length": L, S and LS of every cell from the water that drains through it.

Default: Desmet & Govers with the aspect, A the area above in m2, L no more than that of a slope of `length_max` metres.
`compat = "invest"`: the slope angle for the aspect, the root of the area for the area, L no more than `l_max` (no unit).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.source import Field, Source

from ..block.engine import Progress
from ..declared.slope_length import CONSTANTS, INPUTS, OPTIONAL, OPTIONS, OUTPUTS, TABLES
from ..focal.cellwise import steps_of
from ..focal.stage import require
from .lattice import square_cell
from .stage import job

__all__ = ["CONSTANTS", "INPUTS", "OPTIONAL", "OPTIONS", "OUTPUTS", "TABLES", "run"]


def run(
    grid: Grid, inputs: Mapping[str, Source], tables: Mapping[str, NDArray[np.float64]], constants: Mapping[str, float],
    options: Mapping[str, str], outputs: Sequence[str], folder: Path, *, classes: Source | None = None,
    workers: int | None = None, memory: int | str = "1GB", progress: Progress | None = None,
) -> dict[str, Field]:  # fmt: skip
    """LS on the grid, float32. `steep` chooses S above 10 degrees. Blocks only: `memory` is not a limit here."""
    work = job(
        "slope_length", sys.modules[__name__], grid, inputs, tables, constants, options, outputs, folder, classes, workers,
        progress, 1, OPTIONAL,
    )  # fmt: skip
    invest = work.options["compat"] == "invest"
    require("slope_length", "input", () if invest else ("aspect",), inputs)
    require("slope_length", "constant", ("l_max",) if invest else ("length_max",), constants)
    cap = "l_max" if invest else "length_max"
    numbers = {"cell": square_cell(grid, "slope_length"), cap: constants[cap]}
    layers = {n: inputs[n] for n in (("accumulation", "slope") if invest else ("accumulation", "slope", "aspect"))}
    long = (
        [("l", "soil.l@invest3", {"cells": "accumulation", "cell": "cell", "slope": "slope", "l_max": cap})]
        if invest
        else [
            ("above", "soil.area_above@grid", {"cells": "accumulation", "cell": "cell"}),
            (
                "l",
                "soil.l@desmet_govers1996",
                {"area": "above", "cell": "cell", "slope": "slope", "aspect": "aspect", "length_max": cap},
            ),
        ]
    )
    steep = ("s", f"soil.s@{work.options['steep']}", {"slope": "slope"})
    try:
        steps = steps_of(*long, steep, ("ls", "soil.ls@product", {"l": "l", "s": "s"}))
        work.map(steps, layers, {n: work.field(n) for n in work.asked}, numbers=numbers)
        work.tick()
        return work.finish()
    finally:
        work.discard()
