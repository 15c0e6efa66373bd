"""How much of the grid a file covers, and whether it would with its axes swapped."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .align import same_crs
from .grid import Grid
from .lattice import to_file
from .stored import Stored

__all__ = ["Coverage", "coverage", "swapped"]

SAMPLES = 400
"""Points a side at which coverage across CRS is looked at."""


@dataclass(frozen=True)
class Coverage:
    """Share of the grid's area inside the file, and the area outside it (m2); `exact` false where sampled."""

    share: float
    uncovered: float
    exact: bool


def coverage(file: Stored, grid: Grid) -> Coverage:
    """The area whose points lie inside the file's rectangle."""
    exact = same_crs(file.crs, grid.crs)
    a, _, west, _, e, north = grid.transform
    whole = float(grid.row_area.sum()) * grid.width
    if exact:
        left, bottom, right, top = file.bounds
        col = np.clip((np.array([left, right]) - west) / a, 0, grid.width)
        row = np.clip((np.array([top, bottom]) - north) / e, 0, grid.height)
        tall = np.clip(np.arange(1, grid.height + 1), row[0], row[1]) - np.clip(np.arange(grid.height), row[0], row[1])
        inside = float(grid.row_area @ tall) * float(col[1] - col[0])
        return Coverage(inside / whole, whole - inside, True)
    rows, cols = min(grid.height, SAMPLES), min(grid.width, SAMPLES)
    at = (np.arange(rows) + 0.5) * grid.height / rows
    x, y = np.meshgrid(west + a * (np.arange(cols) + 0.5) * grid.width / cols, north + e * at)
    col, row = to_file(file, grid, x, y)
    with np.errstate(invalid="ignore"):
        hit = (col >= 0) & (col < file.width) & (row >= 0) & (row < file.height)
    weight = grid.row_area[at.astype(np.int64)]
    share = float((hit.mean(axis=1) * weight).sum() / weight.sum())
    return Coverage(share, (1 - share) * whole, False)


def swapped(file: Stored, grid: Grid) -> bool:
    """Whether the file would touch the grid if its first axis were y."""
    a, _, c, _, e, f = file.transform
    turned = replace(file, transform=(e, 0.0, f, 0.0, a, c), width=file.height, height=file.width)
    return coverage(turned, grid).share > 0
