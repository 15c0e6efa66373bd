"""Noise that depends on where a cell lies and on nothing else.

A number is drawn by counter: the key of the layer and the row and column of a lattice point go through the 64-bit mixing
function of SplitMix (Steele, Lea & Flood 2014, OOPSLA, section 3). So any window can be made alone, and windows cut in
another way hold the same cells. Only +, -, *, / and comparisons are used: no result depends on a mathematics library.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["add_noise", "key_of", "uniform"]

MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)
ROW = np.uint64(0x9E3779B97F4A7C15)
COL = np.uint64(0xC2B2AE3D27D4EB4F)
S27, S30, S31, S40 = (np.uint64(n) for n in (27, 30, 31, 40))
UNIT = 1.0 / (1 << 24)


def key_of(seed: int, name: str) -> np.uint64:
    """The key of one layer under one seed."""
    return np.uint64(int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "little"))


@njit(nogil=True, cache=True, inline="always")
def uniform(key: np.uint64, row: int, col: int) -> float:
    """A number in [0, 1) for the lattice point (row, col)."""
    z = key + np.uint64(row) * ROW + np.uint64(col) * COL
    z = (z ^ (z >> S30)) * MIX_1
    z = (z ^ (z >> S27)) * MIX_2
    z = (z ^ (z >> S31)) * MIX_1
    z = z ^ (z >> S30)
    return np.float64(z >> S40) * UNIT


@njit(nogil=True, cache=True, error_model="numpy")
def add_noise(
    out: NDArray[np.float64], top: int, left: int, factor: int, spacing: int, key: np.uint64, amplitude: float
) -> None:
    """Add smooth noise within ±`amplitude` to a window whose first cell is (`top`, `left`).

    `factor` is the side of one cell of the window in cells of the zone grid, `spacing` the lattice distance in those
    cells. Between lattice points the values are blended by 3t² - 2t³.
    """
    rows, cols = out.shape
    step = 2 * spacing  # half cells, so that centres of any factor are whole numbers
    shift_row = int(uniform(key, -1, spacing) * step)
    shift_col = int(uniform(key, -2, spacing) * step)
    for i in range(rows):
        y = 2 * (top + i) * factor + factor - 1 + shift_row
        lattice_row = y // step
        t = (y - lattice_row * step) / step
        t = t * t * (3.0 - 2.0 * t)
        known = -(1 << 62)
        west, east = 0.0, 0.0
        for j in range(cols):
            x = 2 * (left + j) * factor + factor - 1 + shift_col
            lattice_col = x // step
            if lattice_col != known:
                if lattice_col == known + 1:
                    west = east
                else:
                    a, b = uniform(key, lattice_row, lattice_col), uniform(key, lattice_row + 1, lattice_col)
                    west = a + (b - a) * t
                a, b = uniform(key, lattice_row, lattice_col + 1), uniform(key, lattice_row + 1, lattice_col + 1)
                east = a + (b - a) * t
                known = lattice_col
            s = (x - lattice_col * step) / step
            s = s * s * (3.0 - 2.0 * s)
            out[i, j] += amplitude * (2.0 * (west + (east - west) * s) - 1.0)
