"""The skeleton of a synthetic country: a coarse surface with its drainage, its towns and its roads.

It is made once for a stack, at the zone grid itself up to 12.5 million cells and at every second, fourth ... cell above,
so its memory is bounded. Everything finer is a function of it and of where a cell lies (`tile.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .drainage import above_river, accumulate, carve, drain, smooth
from .noise import add_noise, key_of, uniform

__all__ = ["CELL", "MOST_SKELETON_CELLS", "Relief", "make_relief"]

CELL = 30.0  # m
MOST_SKELETON_CELLS = 12_500_000
RIVER = 0.5e6  # m2 of catchment from which a channel is a river
UPLAND = 60.0  # m above no river: what a rim cell without one counts as
TOWN_LATTICE = 224  # cells between towns
SEAT_LATTICE = 1600  # cells between the seats of counties
COARSEST = 96**2  # cells of the level on which the large rivers find their way


@dataclass(frozen=True)
class Relief:
    """`factor`: side of a skeleton cell in zone cells. Heights in m, areas in m2. `towns` rows: row, col, radius (cells).

    `above` is the height over the river a cell drains to, `river_area` the catchment of that river, `receiver` the flat
    index of the cell it drains to, `road` the skeleton cells from which a road leads to their receiver.
    """

    seed: int
    rows: int
    cols: int
    factor: int
    height: NDArray[np.float32]
    above: NDArray[np.float32]
    river_area: NDArray[np.float32]
    area: NDArray[np.float32]
    receiver: NDArray[np.int32]
    road: NDArray[np.uint8]
    towns: NDArray[np.float64]


def make_relief(seed: int, rows: int, cols: int, told: Callable[[str], None] | None = None) -> Relief:
    """The skeleton of a grid of `rows` by `cols` cells of 30 m: the same for the same seed and size.

    From the coarsest level to the finest: add noise, route, carve towards the steady state, route again.
    """
    factor = 1
    while -(-rows // factor) * -(-cols // factor) > MOST_SKELETON_CELLS:
        factor *= 2
    factors = [factor]
    while -(-rows // factors[-1]) * -(-cols // factors[-1]) > COARSEST and factors[-1] < 256:
        factors.append(factors[-1] * 2)
    height: NDArray[np.float32] | None = None
    for side in reversed(factors):
        if told:
            told(f"{-(-rows // side)} x {-(-cols // side)}")
        height, order, receiver, area = _carved(seed, rows, cols, side, height)
    assert height is not None
    for _ in range(3):
        height = smooth(height, area, 0.04e6, 0.5)
    above, river_area = above_river(height, order, receiver, area, RIVER, UPLAND)
    height, above = _valley_floors(height, above, river_area)
    towns = _towns(seed, rows, cols, factor, above, river_area)
    return Relief(
        seed, rows, cols, factor, height, above, river_area, area.astype(np.float32).reshape(height.shape), receiver,
        _roads(towns, receiver, height.shape, factor), towns,
    )  # fmt: skip


def _carved(
    seed: int, rows: int, cols: int, side: int, coarser: NDArray[np.float32] | None
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    shape = -(-rows // side), -(-cols // side)
    regional, steepness = _regional(seed, rows, cols, side, shape)
    height = regional.astype(np.float32) if coarser is None else _finer(coarser, shape)
    rough = np.zeros(shape)
    for spacing in (4 * side, 2 * side, side):
        add_noise(rough, 0, 0, side, spacing, key_of(seed, f"rough/{side}"), 0.03 * CELL * spacing)
    height += rough.astype(np.float32)
    for edge in (np.s_[0, :], np.s_[-1, :], np.s_[:, 0], np.s_[:, -1]):
        height[edge] = regional[edge]
    order, receiver = np.empty(height.size, np.int32), np.empty(height.size, np.int32)
    metres = CELL * side
    for _ in range(_rounds(height.size)):
        drain(height, order, receiver)
        area = accumulate(order, receiver, metres * metres)
        carve(height, order, receiver, area, steepness, metres, 0.3)
        height = smooth(height, area, max(0.02e6, 4 * metres * metres), 0.5)
    drain(height, order, receiver)
    area = accumulate(order, receiver, metres * metres)
    carve(height, order, receiver, area, steepness, metres, 1.0)
    drain(height, order, receiver)
    return height, order, receiver, accumulate(order, receiver, metres * metres)


def _rounds(cells: int) -> int:
    """Rounds of routing, carving and creep: many where a level is small, so that divides settle; few where it is large."""
    return 60 if cells <= COARSEST else int(min(18, 2 + 8_000_000 // cells))


def _regional(
    seed: int, rows: int, cols: int, side: int, shape: tuple[int, int]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """The plateau that rivers cut into, falling to the south-east, and how steep rivers must run in each rock."""
    down = (np.arange(shape[0])[:, None] + 0.5) * side / rows
    along = (np.arange(shape[1])[None, :] + 0.5) * side / cols
    reach = min(1.0, max(rows, cols) / 4000)  # a county spans less height than a province
    regional = 620.0 + 900.0 * reach * (1.0 - 0.5 * (down + along))
    for spacing in (2048, 1024, 512, 256):
        add_noise(regional, 0, 0, side, spacing, key_of(seed, "regional"), 0.17 * spacing * (0.4 + 0.6 * reach))
    rock = np.zeros(shape)
    for spacing, amplitude in ((1024, 0.30), (256, 0.30), (64, 0.22), (24, 0.18)):
        add_noise(rock, 0, 0, side, spacing, key_of(seed, "rock"), amplitude)
    steepness = np.clip(58.0 + 135.0 * rock, 5.0, 170.0)
    return regional, steepness.astype(np.float32)


def _finer(coarse: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """The coarse heights at twice the resolution, bilinear between cell centres."""

    def weights(fine: int, held: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        at = np.clip((np.arange(fine) + 0.5) / 2 - 0.5, 0, held - 1)
        low = np.minimum(at.astype(np.int64), max(held - 2, 0))
        return low, np.minimum(low + 1, held - 1), (at - low).astype(np.float32)

    low, high, t = weights(shape[0], coarse.shape[0])
    tall = coarse[low] + (coarse[high] - coarse[low]) * t[:, None]
    low, high, t = weights(shape[1], coarse.shape[1])
    made: NDArray[np.float32] = tall[:, low] + (tall[:, high] - tall[:, low]) * t
    return made


def _valley_floors(
    height: NDArray[np.float32], above: NDArray[np.float32], river_area: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fill valleys with sediment: above the river a² / (a + depth), so that floors are flat and flow keeps its order."""
    depth = np.minimum(np.sqrt(river_area / np.float32(1e6)) * np.float32(1.6) + 4, 26).astype(np.float32)
    depth[river_area == 0] = 0
    filled = above * above / (above + depth + np.float32(1e-6))
    return height - above + filled, filled


def _towns(
    seed: int, rows: int, cols: int, factor: int, above: NDArray[np.float32], river_area: NDArray[np.float32]
) -> NDArray[np.float64]:
    """One town in each lattice square, at the lowest of forty places drawn in it; rows: row, col, radius in cells."""
    key, found, rim = key_of(seed, "town"), [], min(50, min(rows, cols) // 8)
    for i in range(-(-rows // TOWN_LATTICE)):
        for j in range(-(-cols // TOWN_LATTICE)):
            best: tuple[float, int, int] | None = None
            for trial in range(40):
                row = int((i + uniform(key, i * 64 + trial, 2 * j)) * TOWN_LATTICE)
                col = int((j + uniform(key, i * 64 + trial, 2 * j + 1)) * TOWN_LATTICE)
                if not (rim <= row < rows - rim and rim <= col < cols - rim):
                    continue
                at = row // factor, col // factor
                cost = float(above[at]) - 3.0 * min(float(river_area[at]) / 1e6, 400.0) ** 0.5
                if best is None or cost < best[0]:
                    best = cost, row, col
            if best:
                size = uniform(key, -1 - i, j)
                found.append((best[1], best[2], 7.0 + 26.0 * size * size * size * size))
    towns = np.array(found, np.float64).reshape(-1, 3)
    if found:  # the county town lies on the largest river
        sizes = river_area[towns[:, 0].astype(int) // factor, towns[:, 1].astype(int) // factor]
        towns[np.argmax(sizes), 2] = max(24.0, towns[:, 2].max())
    return towns


def _roads(
    towns: NDArray[np.float64], receiver: NDArray[np.int32], shape: tuple[int, int], factor: int
) -> NDArray[np.uint8]:
    """Roads follow the valleys: from each town down the river until another road or the rim is met."""
    road = np.zeros(receiver.size, np.uint8)
    for row, col, _ in towns:
        cell = int(row) // factor * shape[1] + int(col) // factor
        while cell >= 0 and not road[cell]:
            road[cell] = 1
            cell = int(receiver[cell])
    return road
