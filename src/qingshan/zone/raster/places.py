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
    runs = np.stack([row[0::2], col[0::2], col[1::2], owner[0::2]])  # row, first column, column after, place
    runs = runs[:, runs[1] < runs[2]]
    runs = runs[:, np.lexsort((runs[1], runs[0]))]
    meets = (runs[0, 1:] == runs[0, :-1]) & (runs[1, 1:] < runs[2, :-1])
    shared = _rows(grid, runs[0, 1:][meets])[runs[0]]  # runs of rows where places overlap
    heads = np.concatenate([_heads(grid, runs[:, ~shared], runs[0, shared]), _painted(grid, runs[:, shared])], axis=1)
    heads = heads[:, np.lexsort((heads[1], heads[0]))]
    new = np.ones(heads.shape[1], bool)
    new[1:] = (heads[0, 1:] != heads[0, :-1]) | (heads[2, 1:] != heads[2, :-1])
    heads = heads[:, new]
    pointer = np.searchsorted(heads[0], np.arange(grid.height + 1))
    return PlaceCells(grid.width, pointer, heads[1].astype(np.int32), heads[2].astype(np.int32), about)


def _heads(grid: Grid, runs: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """Row, column and place from there on, of runs in reading order that do not overlap; nothing for the rows `others`."""
    row, opens, closes, place = runs
    after = np.ones(len(row), bool)
    after[:-1] = (row[1:] != row[:-1]) | (opens[1:] != closes[:-1])
    after &= closes < grid.width
    rims = np.flatnonzero(~_rows(grid, others, row[opens == 0]))
    nowhere = np.full(int(after.sum()) + len(rims), NOWHERE)
    return np.stack([
        np.concatenate([row, row[after], rims]), np.concatenate([opens, closes[after], np.zeros(len(rims), np.int64)]),
        np.concatenate([place, nowhere]),
    ])  # fmt: skip


def _rows(grid: Grid, *given: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which rows of the grid are among those given."""
    among = np.zeros(grid.height, bool)
    for rows in given:
        among[rows] = True
    return among


def _painted(grid: Grid, runs: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same for rows where places overlap: the place earlier in the table has the cell."""
    found = [np.zeros((3, 0), np.int64)]
    line = np.empty(grid.width, np.int64)
    rows, first = np.unique(runs[0], return_index=True)
    for r, a, b in zip(rows, first, np.append(first, runs.shape[1])[1:], strict=True):
        line.fill(NOWHERE)
        here = runs[:, a:b]
        for k in np.argsort(here[3])[::-1]:  # the last place first, so that the first one stays
            line[here[1, k] : here[2, k]] = here[3, k]
        heads = np.concatenate(([0], np.flatnonzero(line[1:] != line[:-1]) + 1))
        found.append(np.stack([np.full(len(heads), r), heads, line[heads]]))
    return np.concatenate(found, axis=1)


def _crossings(grid: Grid, shapes: Sequence[Rings]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Row, first column at or right of the crossing (0..width), and place of every crossing of an edge with a row centre."""
    a, _, c, _, e, f = grid.transform
    owned = [(index, ring) for index, rings in enumerate(shapes) for ring in rings if len(ring)]
    if not owned:
        nothing = np.zeros(0, np.int64)
        return nothing, nothing, nothing
    points, lengths = np.concatenate([ring for _, ring in owned]), np.array([len(ring) for _, ring in owned])
    x = (points[:, 0] - c) / a - 0.5  # in columns; a centre is a whole number
    y = (points[:, 1] - f) / e - 0.5
    low, high = np.minimum(y[:-1], y[1:]), np.maximum(y[:-1], y[1:])
    first = np.clip(np.ceil(low), 0, grid.height).astype(np.int64)
    count = np.clip(np.ceil(high), 0, grid.height).astype(np.int64) - first
    count[np.cumsum(lengths)[:-1] - 1] = 0  # from the last point of a ring to the next ring leads no edge
    edge = np.repeat(np.arange(len(count)), count)
    row = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    at = x[edge] + (row - y[edge]) * ((x[edge + 1] - x[edge]) / (y[edge + 1] - y[edge]))
    col = np.clip(np.ceil(at), 0, grid.width).astype(np.int64)
    return row, col, np.repeat(np.array([index for index, _ in owned]), lengths)[edge]
