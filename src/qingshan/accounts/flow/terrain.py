"""The stage "terrain": slope and aspect by Horn's differences (1981, Proceedings of the IEEE 69(1):14-47).

Where a neighbour is missing the difference is taken on the other side alone; a pair of rows without any is left out.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qingshan.zone.raster.grid import Grid, Window
from qingshan.zone.raster.source import Field, Source

from ..block.engine import Progress
from ..declared.terrain import CONSTANTS, INPUTS, LIMITS, OPTIONS, OUTPUTS, TABLES
from ..focal.stage import floats_of
from .lattice import BAND, each, square_cell
from .stage import WIDE, job

__all__ = ["CONSTANTS", "INPUTS", "LIMITS", "OPTIONS", "OUTPUTS", "TABLES", "run"]


def run(
    grid: Grid, inputs: Mapping[str, Source], tables: Mapping[str, NDArray[np.float64]], constants: Mapping[str, float],
    options: Mapping[str, str], outputs: Sequence[str], folder: Path, *, classes: Source | None = None,
    workers: int | None = None, memory: int | str = "1GB", progress: Progress | None = None,
) -> dict[str, Field]:  # fmt: skip
    """Slope (%), slope angle (rad) and aspect (rad, from north clockwise to where the slope faces; 0 on level ground).

    float32, NaN where there is no elevation. Blocks of a few megabytes: `memory` is not a limit here.
    """
    work = job(
        "terrain", sys.modules[__name__], grid, inputs, tables, constants, options, outputs, folder, classes, workers,
        progress, 1,
    )  # fmt: skip
    side = square_cell(grid, "terrain")
    try:
        fields = {name: work.field(name) for name in work.asked}

        def block(window: Window) -> None:
            wide = window.padded(1, grid)
            z = np.full((window.height + 2, window.width + 2), np.nan, np.float32)
            top, left = wide.row - window.row + 1, wide.col - window.col + 1
            z[top : top + wide.height, left : left + wide.width] = floats_of(work.inputs["elevation"], wide)
            x, y = np.empty((2, window.height, window.width))
            _gradient(z, x, y)
            rise = np.hypot(x, y) / side
            for name, made in fields.items():
                made.write(
                    window, rise * 100 if name == "slope" else np.arctan(rise) if name == "angle" else _aspect(x, y)
                )

        each(grid.blocks(BAND, WIDE), block, workers)
        work.tick()
        return work.finish()
    finally:
        work.discard()


def _aspect(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Clockwise from north to the way down; x falls to the east, y to the south."""
    return np.where((x == 0) & (y == 0), 0.0, np.mod(np.arctan2(x, -y), 2 * np.pi))


@njit(nogil=True, cache=True)
def _difference(before: float, here: float, after: float) -> Any:
    """Fall from `before` to `after` and over how many cells it was taken."""
    if not np.isnan(before) and not np.isnan(after):
        return before - after, 2.0
    if not np.isnan(before) and not np.isnan(here):
        return before - here, 1.0
    if not np.isnan(here) and not np.isnan(after):
        return here - after, 1.0
    return 0.0, 0.0


@njit(nogil=True, cache=True)
def _gradient(z: Any, x: Any, y: Any) -> None:
    """Fall per cell to the east and to the south, rows weighted 1, 2, 1."""
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            if np.isnan(z[i + 1, j + 1]):
                x[i, j], y[i, j] = np.nan, np.nan
                continue
            east, over_east, south, over_south = 0.0, 0.0, 0.0, 0.0
            for r in range(3):
                weight = 2.0 if r == 1 else 1.0
                fall, over = _difference(z[i + r, j], z[i + r, j + 1], z[i + r, j + 2])
                east += weight * fall
                over_east += weight * over
                fall, over = _difference(z[i, j + r], z[i + 1, j + r], z[i + 2, j + r])
                south += weight * fall
                over_south += weight * over
            x[i, j] = east / over_east if over_east > 0.0 else 0.0
            y[i, j] = south / over_south if over_south > 0.0 else 0.0
