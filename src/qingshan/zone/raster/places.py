"""Places as a raster: every cell belongs to the place whose boundary holds its centre.

Kept as runs (row, first column, place), a few per row, so that a province of 200 million cells takes some megabytes and
any window is filled at the speed of memory. One rule for all windows: an edge is crossed by the rows whose centre lies in
[low, high), a cell is inside where the number of crossings at or left of its centre is odd. Where two boundaries overlap
the place earlier in the table has the cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .grid import Grid, Window

__all__ = ["NOWHERE", "PlaceCells", "draw_places"]

NOWHERE = -1

Rings = Iterable[NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class PlaceCells:
    """A Source of place indices, int32, `NOWHERE` outside. `start[pointer[r]:pointer[r + 1]]` are the run starts of row r."""

    width: int
    pointer: NDArray[np.int64]
    start: NDArray[np.int32]
    place: NDArray[np.int32]
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype("int32")

    @property
    def nodata(self) -> float | None:
        return float(NOWHERE)

    def read(self, window: Window) -> NDArray[np.int32]:
        first, last = self.pointer[window.row], self.pointer[window.row + window.height]
        start, place = self.start[first:last], self.place[first:last]
        end = np.append(start[1:], np.int32(self.width))
        heads = self.pointer[window.row + 1 : window.row + window.height] - first
        end[heads - 1] = self.width  # the last run of a row ends at its rim
        left, right = window.col, window.col + window.width
        lengths = np.clip(end, left, right) - np.clip(start, left, right)
        return np.repeat(place, lengths).reshape(window.height, window.width)

    def identity(self) -> Mapping[str, Any]:
        return dict(self.about)


def draw_places(grid: Grid, shapes: Sequence[Rings], about: Mapping[str, Any]) -> PlaceCells:
    """Runs of the places. `shapes[i]`: the rings of place i (outer and holes alike), (n, 2) x and y in the grid's CRS."""
    row, col, owner = _crossings(grid, shapes)
    order = np.lexsort((col, owner, row))
    row, col, owner = row[order], col[order], owner[order]
    opens, closes, runs_of, runs_row = col[0::2], col[1::2], owner[0::2], row[0::2]
    cut = np.searchsorted(runs_row, np.arange(grid.height + 1))
    pointer, starts, places = np.zeros(grid.height + 1, np.int64), [], []
    line = np.empty(grid.width, np.int32)
    for r in range(grid.height):
        line.fill(NOWHERE)
        for k in range(cut[r + 1] - 1, cut[r] - 1, -1):  # the last place first, so that the first one stays
            line[opens[k] : closes[k]] = runs_of[k]
        heads = np.concatenate(([0], np.flatnonzero(line[1:] != line[:-1]) + 1))
        pointer[r + 1] = pointer[r] + len(heads)
        starts.append(heads.astype(np.int32))
        places.append(line[heads])
    return PlaceCells(grid.width, pointer, np.concatenate(starts), np.concatenate(places), about)


def _crossings(grid: Grid, shapes: Sequence[Rings]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Row, first column at or right of the crossing (0..width), and place of every crossing of an edge with a row centre."""
    a, _, c, _, e, f = grid.transform
    rows, cols, owners = [], [], []
    for index, rings in enumerate(shapes):
        for ring in rings:
            x = (ring[:, 0] - c) / a - 0.5  # in columns; a centre is a whole number
            y = (ring[:, 1] - f) / e - 0.5
            x0, y0, x1, y1 = x[:-1], y[:-1], x[1:], y[1:]
            low, high = np.minimum(y0, y1), np.maximum(y0, y1)
            first = np.clip(np.ceil(low), 0, grid.height).astype(np.int64)
            count = np.clip(np.ceil(high), 0, grid.height).astype(np.int64) - first
            edge = np.repeat(np.arange(len(count)), count)
            row = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
            at = x0[edge] + (row - y0[edge]) * ((x1[edge] - x0[edge]) / (y1[edge] - y0[edge]))
            rows.append(row)
            cols.append(np.clip(np.ceil(at), 0, grid.width).astype(np.int64))
            owners.append(np.full(len(row), index, np.int64))
    if not rows:
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, nothing
    return np.concatenate(rows), np.concatenate(cols), np.concatenate(owners)
