"""Habitat quality in double precision by another way, to say which of two programs a small difference is due to.

Distances are those of SciPy's transform, everything else is the model's formula in numpy; nothing of ours takes part but reading.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from .compare import FLOOR
from .raster_cases import Data

__all__ = ["apart", "habitat_exact"]

HALF_SATURATION, SCALING, AT_REACH = 0.05, 2.5, 2.99
"""The case's constants; `exp(-2.99)` is what an exponential threat keeps at its reach."""


def habitat_exact(data: Data) -> Mapping[str, NDArray[np.float64]]:
    """Degradation and quality of every cell, float64, NaN where the class has no row."""
    codes = data.layer("lulc").read(data.grid.whole)
    cell = data.grid.cell_length[0]
    rows = list(csv.DictReader((data.folder / "threats.csv").open(encoding="utf-8")))
    whole = sum(float(r["weight"]) for r in rows)
    degradation = np.zeros(codes.shape)
    for row in rows:
        layer = data.layer(f"threat_{row['threat']}")
        threat = layer.read(data.grid.whole)
        there = (threat > 0) & (threat != layer.nodata)
        distance = distance_transform_edt(~there) * (cell / float(row["max_dist"]))
        effect = 1 - distance if row["decay"] == "linear" else np.exp(-AT_REACH * distance)
        effect[distance > 1] = 0
        degradation += effect * data.table("sensitivity", row["threat"])[codes] * (float(row["weight"]) / whole)
    power = degradation**SCALING
    suitability = data.table("sensitivity", "habitat")[codes]
    return {"degradation": degradation, "quality": suitability * (1 - power / (power + HALF_SATURATION**SCALING))}


def apart(path: Path, exact: NDArray[np.float64]) -> float:
    """The largest difference of a raster's cells from the exact ones, relative as in `compare`."""
    with rasterio.open(path) as f:
        known = f.read(1, masked=True).astype(np.float64)
    values = np.where(np.ma.getmaskarray(known), np.nan, known.data)
    least = FLOOR * float(np.nanmean(np.abs(exact)))
    return float(np.nanmax(np.abs(values - exact) / np.maximum(np.abs(exact), least)))
