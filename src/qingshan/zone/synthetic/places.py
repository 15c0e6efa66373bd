"""Who governs which cell of a synthetic zone: the nearest seat, over ground that makes borders wind.

A county zone has townships, a province counties. The zone does not fill its grid: cells outside belong to nobody (0), as
in a real extract.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .noise import add_noise, key_of, uniform
from .relief import SEAT_LATTICE

__all__ = ["Seats", "make_seats", "places_of"]

TOWNSHIP_SIDE = 1024  # cells: a smaller grid is one county of townships
WIND = 0.16  # how far borders wind, in lattice squares


@dataclass(frozen=True)
class Seats:
    """Seats on a lattice of `spacing` cells: `row`, `col` of the seat and its `number` from 1 (0: none), per square."""

    rows: int
    cols: int
    spacing: int
    row: NDArray[np.float64]
    col: NDArray[np.float64]
    number: NDArray[np.int64]

    @property
    def count(self) -> int:
        return int(self.number.max())

    @property
    def county(self) -> bool:
        """One county of townships, not a province of counties."""
        return max(self.rows, self.cols) <= TOWNSHIP_SIDE


def make_seats(seed: int, rows: int, cols: int) -> Seats:
    """A seat per lattice square whose seat lies inside the zone, numbered in reading order; at least one."""
    spacing = max(max(rows, cols) * 5 // 12, 8) if max(rows, cols) <= TOWNSHIP_SIDE else SEAT_LATTICE
    down, along = -(-rows // spacing), -(-cols // spacing)
    key = key_of(seed, "seat")
    row, col = np.zeros((down, along)), np.zeros((down, along))
    number, count = np.zeros((down, along), np.int64), 0
    for i in range(down):
        for j in range(along):
            row[i, j] = (i + 0.2 + 0.6 * uniform(key, i, 2 * j)) * spacing
            col[i, j] = (j + 0.2 + 0.6 * uniform(key, i, 2 * j + 1)) * spacing
            if _inside(row[i, j], col[i, j], rows, cols) < 0.72:
                count += 1
                number[i, j] = count
    if not count:
        number[down // 2, along // 2] = 1
    return Seats(rows, cols, spacing, row, col, number)


def places_of(seats: Seats, seed: int, top: int, left: int, rows: int, cols: int) -> NDArray[np.uint16]:
    """The number of the place each cell of the window belongs to, 0 outside the zone."""
    bend = np.zeros((2, rows, cols))
    for axis, name in enumerate(("border/row", "border/col")):
        for part in (4, 12):
            spacing = max(seats.spacing // part, 2)
            add_noise(bend[axis], top, left, 1, spacing, key_of(seed, name), WIND * seats.spacing * 2 / part)
    out = np.zeros((rows, cols), np.uint16)
    _nearest(
        seats.row, seats.col, seats.number, seats.spacing, seats.rows, seats.cols, top, left, bend[0], bend[1], out
    )
    return out


@njit(nogil=True, cache=True, error_model="numpy")
def _inside(row: float, col: float, rows: int, cols: int) -> float:
    """Below 1 inside a rounded square that touches no rim."""
    y, x = (2.0 * row / rows - 1.0) / 0.97, (2.0 * col / cols - 1.0) / 0.97
    return y * y * y * y + x * x * x * x


@njit(nogil=True, cache=True, error_model="numpy")
def _nearest(
    seat_row: NDArray[np.float64], seat_col: NDArray[np.float64], number: NDArray[np.int64], spacing: int,
    all_rows: int, all_cols: int, top: int, left: int,
    bend_row: NDArray[np.float64], bend_col: NDArray[np.float64], out: NDArray[np.uint16],
) -> None:  # fmt: skip
    down, along = number.shape
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            y, x = top + i + bend_row[i, j], left + j + bend_col[i, j]
            if max(_inside(y, x, all_rows, all_cols), _inside(top + i, left + j, all_rows, all_cols)) >= 1.0:
                continue
            a, b = int(y) // spacing, int(x) // spacing
            nearest = 1e30
            for r in range(max(a - 2, 0), min(a + 3, down)):
                for c in range(max(b - 2, 0), min(b + 3, along)):
                    if number[r, c] == 0:
                        continue
                    dy, dx = y - seat_row[r, c], x - seat_col[r, c]
                    if dy * dy + dx * dx < nearest:
                        nearest = dy * dy + dx * dx
                        out[i, j] = number[r, c]
