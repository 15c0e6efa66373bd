"""The ground of a window: height, slope, rivers, roads, towns and places, each a function of the skeleton and of where a
cell lies. Rows and columns are those of the whole grid, so that a window shows what any other window shows there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .noise import add_noise, key_of, uniform
from .relief import CELL, RIVER, Relief

__all__ = ["WIDE_RIVER", "Ground", "ground_of", "karst_noise"]

WIDE_RIVER = 22.0e6  # m2 of catchment from which a river fills a cell
REACH = 24  # cells around a window whose skeleton may touch it


@dataclass(frozen=True)
class Ground:
    """Arrays of one window. `height` and `above` (height over the river) in m, `slope` in m/m, `south` from -1 (slope
    faces north) to 1; `river`, `road` and `sink` (swallow hole) are 1 where there is one, `town` falls from 1 at a town's heart to 0."""

    top: int
    left: int
    height: NDArray[np.float64]
    above: NDArray[np.float64]
    slope: NDArray[np.float64]
    south: NDArray[np.float64]
    river: NDArray[np.uint8]
    road: NDArray[np.uint8]
    sink: NDArray[np.uint8]
    town: NDArray[np.float64]

    def noise(self, seed: int, name: str, *octaves: tuple[int, float]) -> NDArray[np.float64]:
        """Smooth noise of the window: (lattice distance in cells, amplitude) of each octave."""
        out = np.zeros(self.height.shape)
        for spacing, amplitude in octaves:
            add_noise(out, self.top, self.left, 1, spacing, key_of(seed, name), amplitude)
        return out


def ground_of(relief: Relief, top: int, left: int, rows: int, cols: int) -> Ground:
    """The ground of the window of `rows` by `cols` cells whose first cell is (`top`, `left`)."""
    shape = rows + 2, cols + 2  # one cell more on each side, for slopes
    height, above = np.empty(shape), np.empty(shape)
    _between(relief.height, relief.above, relief.factor, top - 1, left - 1, height, above)
    sink = _roughen(relief, top - 1, left - 1, height, above)
    bed, river, road = np.full(shape, np.inf), np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    _channels(
        relief.height, relief.area, relief.receiver, relief.road, relief.factor, top - 1, left - 1, bed, river, road
    )
    height = np.minimum(height, bed)
    slope, south = _slopes(height, top, left, relief.rows, relief.cols)
    inner = np.s_[1:-1, 1:-1]
    return Ground(
        top, left, height[inner].copy(), above[inner].copy(), slope, south, river[inner].copy(), road[inner].copy(), sink[inner].copy(),
        _towns(relief.towns, top, left, rows, cols),
    )  # fmt: skip


def _roughen(
    relief: Relief, top: int, left: int, height: NDArray[np.float64], above: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Relief too fine for the skeleton, growing with the height over the river; and dolines where the rock is karst."""
    rough = np.zeros(height.shape)
    spacing = 2
    while spacing <= 4 * relief.factor:
        add_noise(rough, top, left, 1, spacing, key_of(relief.seed, "fine"), 0.22 * CELL * spacing / 4)
        spacing *= 2
    height += rough * np.minimum(above, 40.0) / 40.0 * (0.35 if relief.factor == 1 else 0.6)
    karst, sink = karst_noise(relief.seed, top, left, height.shape), np.zeros(height.shape, np.uint8)
    _dolines(height, above, karst, top, left, key_of(relief.seed, "doline"), sink)
    return sink


def karst_noise(seed: int, top: int, left: int, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Above 0: limestone."""
    out = np.full(shape, 0.03)
    for spacing, amplitude in ((512, 0.5), (128, 0.35), (32, 0.15)):
        add_noise(out, top, left, 1, spacing, key_of(seed, "karst"), amplitude)
    return out


@njit(nogil=True, cache=True, error_model="numpy")
def _between(
    coarse: NDArray[np.float32], coarse_above: NDArray[np.float32], factor: int, top: int, left: int,
    height: NDArray[np.float64], above: NDArray[np.float64],
) -> None:  # fmt: skip
    """Bilinear between skeleton cells; beyond the rim the nearest."""
    held_rows, held_cols = coarse.shape
    for i in range(height.shape[0]):
        y = min(max((2 * (top + i) + 1 - factor) / (2 * factor), 0.0), held_rows - 1.0)
        r = min(int(y), max(held_rows - 2, 0))
        s = min(r + 1, held_rows - 1)
        t = y - r
        for j in range(height.shape[1]):
            x = min(max((2 * (left + j) + 1 - factor) / (2 * factor), 0.0), held_cols - 1.0)
            c = min(int(x), max(held_cols - 2, 0))
            d = min(c + 1, held_cols - 1)
            u = x - c
            a, b = coarse[r, c] + (coarse[r, d] - coarse[r, c]) * u, coarse[s, c] + (coarse[s, d] - coarse[s, c]) * u
            height[i, j] = a + (b - a) * t
            a = coarse_above[r, c] + (coarse_above[r, d] - coarse_above[r, c]) * u
            b = coarse_above[s, c] + (coarse_above[s, d] - coarse_above[s, c]) * u
            above[i, j] = a + (b - a) * t


@njit(nogil=True, cache=True, error_model="numpy")
def _channels(
    height: NDArray[np.float32], area: NDArray[np.float32], receiver: NDArray[np.int32], road: NDArray[np.uint8],
    factor: int, top: int, left: int,
    bed: NDArray[np.float64], river: NDArray[np.uint8], way: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Draw each channel as a line from a skeleton cell to the one it drains to: bed height, water, and the road beside it.

    Every cell takes the least bed and the union of the lines, so their order does not matter.
    """
    rows, cols = bed.shape
    held_rows, held_cols = height.shape
    flat, catchment = height.ravel(), area.ravel()
    for r in range(max((top - REACH) // factor, 0), min((top + rows + REACH) // factor + 1, held_rows)):
        for c in range(max((left - REACH) // factor, 0), min((left + cols + REACH) // factor + 1, held_cols)):
            cell = r * held_cols + c
            to = receiver[cell]
            size = catchment[cell]
            if to < 0 or (size < RIVER and not road[cell]):
                continue
            y0, x0 = r * factor + (factor - 1) / 2 - top, c * factor + (factor - 1) / 2 - left
            y1 = to // held_cols * factor + (factor - 1) / 2 - top
            x1 = to % held_cols * factor + (factor - 1) / 2 - left
            dy, dx = y1 - y0, x1 - x0
            run = dy * dy + dx * dx
            half = 0.55 + 0.012 * np.sqrt(size / 1e6) if size >= RIVER else 0.0
            reach = half + 2.0 if road[cell] else half
            for i in range(max(int(min(y0, y1) - reach), 0), min(int(max(y0, y1) + reach) + 2, rows)):
                for j in range(max(int(min(x0, x1) - reach), 0), min(int(max(x0, x1) + reach) + 2, cols)):
                    t = min(max(((i - y0) * dy + (j - x0) * dx) / run, 0.0), 1.0)
                    py, px = i - y0 - t * dy, j - x0 - t * dx
                    away = np.sqrt(py * py + px * px)
                    if away <= half:
                        bed[i, j] = min(bed[i, j], flat[cell] + (flat[to] - flat[cell]) * t - 0.5)
                        if size >= WIDE_RIVER:
                            river[i, j] = 1
                    elif road[cell] and away <= half + 1.3 and dy * px - dx * py > 0:
                        way[i, j] = 1


@njit(nogil=True, cache=True, error_model="numpy")
def _dolines(
    height: NDArray[np.float64], above: NDArray[np.float64], karst: NDArray[np.float64], top: int, left: int,
    key: np.uint64, sink: NDArray[np.uint8],
) -> None:  # fmt: skip
    """Closed hollows in limestone, at most one per square of 40 cells, 2 to 5 cells in radius and 3 to 15 m deep, each with
    a swallow hole."""
    rows, cols = height.shape
    for a in range((top - 8) // 40, (top + rows + 8) // 40 + 1):
        for b in range((left - 8) // 40, (left + cols + 8) // 40 + 1):
            if uniform(key, a, 4 * b) > 0.35:
                continue
            y, x = (a + uniform(key, a, 4 * b + 1)) * 40 - top, (b + uniform(key, a, 4 * b + 2)) * 40 - left
            radius = 2.0 + 3.0 * uniform(key, a, 4 * b + 3)
            for i in range(max(int(y - radius), 0), min(int(y + radius) + 2, rows)):
                for j in range(max(int(x - radius), 0), min(int(x + radius) + 2, cols)):
                    q = 1.0 - ((i - y) * (i - y) + (j - x) * (j - x)) / (radius * radius)
                    if q > 0 and karst[i, j] > 0 and above[i, j] > 20.0:
                        sink[i, j] |= i == int(y + 100.5) - 100 and j == int(x + 100.5) - 100
                        height[i, j] -= 3.0 * radius * q * min(max(above[i, j] - 20.0, 0.0) / 40.0, 1.0)


@njit(nogil=True, cache=True, error_model="numpy")
def _slopes(
    height: NDArray[np.float64], top: int, left: int, rows: int, cols: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Slope and southward lean by central differences, one-sided on the rim of the grid."""
    n, m = height.shape[0] - 2, height.shape[1] - 2
    slope, south = np.empty((n, m)), np.empty((n, m))
    for i in range(n):
        up, down = (i if top + i > 0 else i + 1), (i + 2 if top + i < rows - 1 else i + 1)
        for j in range(m):
            west, east = (j if left + j > 0 else j + 1), (j + 2 if left + j < cols - 1 else j + 1)
            north = (height[up, j + 1] - height[down, j + 1]) / (CELL * max(down - up, 1))
            across = (height[i + 1, east] - height[i + 1, west]) / (CELL * max(east - west, 1))
            slope[i, j] = np.sqrt(north * north + across * across)
            south[i, j] = north / (slope[i, j] + 1e-9)
    return slope, south


@njit(nogil=True, cache=True, error_model="numpy")
def _towns(towns: NDArray[np.float64], top: int, left: int, rows: int, cols: int) -> NDArray[np.float64]:
    """1 at the heart of a town, 0 at three radii and beyond; the nearest town counts."""
    out = np.zeros((rows, cols))
    for k in range(towns.shape[0]):
        y, x, reach = towns[k, 0] - top, towns[k, 1] - left, 3.0 * towns[k, 2]
        for i in range(max(int(y - reach), 0), min(int(y + reach) + 2, rows)):
            for j in range(max(int(x - reach), 0), min(int(x + reach) + 2, cols)):
                away = np.sqrt((i - y) * (i - y) + (j - x) * (j - x)) / reach
                out[i, j] = max(out[i, j], 1.0 - away)
    return out
