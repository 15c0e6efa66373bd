"""Plots calibrate a map: a linear model from raster layers to what plots measured, its map, and the total it supports (GREG).

The total is that of the generalised regression estimator, so that a wrong map costs precision and never makes it biased.
The map is the prediction of every cell; where it goes below 0 it is left so and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.method import Array
from qingshan.zone.raster.grid import Grid, Window
from qingshan.zone.raster.source import Source

from .auxiliary import auxiliaries, cells_of
from .estimate import CONFIDENCE, Estimate, assisted, simple

__all__ = ["CalibratedMap", "MapCalibration", "calibrate"]

NOTHING = -9999.0


@dataclass(frozen=True)
class CalibratedMap:
    """The prediction as a layer on the zone grid (float32): constant and one coefficient a layer, NoData where one has none."""

    layers: tuple[Source, ...]
    coefficients: tuple[float, ...]
    nodata: float | None = NOTHING

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype("float32")

    def read(self, window: Window) -> NDArray[Any]:
        made = np.full((window.height, window.width), self.coefficients[0])
        for layer, slope in zip(self.layers, self.coefficients[1:], strict=True):
            made += slope * cells_of(layer, window)
        return np.where(np.isfinite(made), made, NOTHING).astype(np.float32)

    def identity(self) -> Mapping[str, Any]:
        return {
            "calibrated": [dict(layer.identity()) for layer in self.layers],
            "coefficients": list(self.coefficients),
        }


@dataclass(frozen=True)
class MapCalibration:
    """`estimate` the total over `area` hm2 with the map's help, `plain` the same plots without it, `map_total` the sum of the
    prediction, `r2` of the model, `negative` the share of the mapped area that is predicted below 0."""

    map: CalibratedMap
    estimate: Estimate
    plain: Estimate
    map_total: float
    area: float
    r2: float
    negative: float

    @property
    def efficiency(self) -> float:
        """How many times as many plots the same precision would need without the map."""
        return self.plain.variance / self.estimate.variance if self.estimate.variance else float("inf")


def calibrate(
    values: Array,
    layers: Sequence[Source],
    grid: Grid,
    x: Array,
    y: Array,
    *,
    confidence: float = CONFIDENCE,
    unit: str = "",
) -> MapCalibration:
    """Fit `values` (n, per hm2) of a simple random sample of plots at `x`, `y` (grid CRS) on the layers.

    `unit` is that of the total. Raises `OutOfBounds` for plots off the layers or layers that depend on each other,
    `TooFewPlots`.
    """
    at, mean, area = auxiliaries(layers, grid, x, y)
    estimate = assisted(values, at, mean, area, confidence, unit)
    design = np.column_stack([np.ones(len(values)), at])
    beta = np.linalg.lstsq(design, values, rcond=None)[0]
    off = values - design @ beta
    spread = float(((values - values.mean()) ** 2).sum())
    made = CalibratedMap(tuple(layers), tuple(float(b) for b in beta))
    total, below = _summed(made, grid)
    return MapCalibration(
        made, estimate, simple(values, area, confidence, unit), total, area, 1 - float((off**2).sum()) / spread if spread else 1.0, below / area
    )  # fmt: skip


def _summed(made: CalibratedMap, grid: Grid) -> tuple[float, float]:
    """Sum of the prediction over the mapped area, and the hm2 below 0."""
    total, below = 0.0, 0.0
    for window in grid.blocks(1024, 1024):
        cells = made.read(window).astype(np.float64)
        hm2 = np.broadcast_to(grid.row_area[window.row : window.row + window.height, np.newaxis], cells.shape) / 1e4
        valid = cells != NOTHING
        total += float((cells * hm2)[valid].sum())
        below += float(hm2[valid & (cells < 0)].sum())
    return total, below
