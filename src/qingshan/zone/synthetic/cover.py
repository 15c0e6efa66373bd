"""Land cover of a window: level II classes of HJ 1166-2021 by where people and plants would put them.

Rivers and roads first, then towns, fields on gentle ground near the valleys, and vegetation by how wet, high and rocky a
cell is. The year moves the limits a little (towns grow, steep fields go out of use, shrub grows to forest) and leaves the
noise alone, so what changes lies where change is likely and the rest keeps its class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .ground import Ground

__all__ = ["FIELD", "HOMES", "WORKS", "Rock", "cover_of"]

BROADLEAF, NEEDLELEAF, MIXED, SPARSE_FOREST = 11, 12, 13, 14
SHRUB, SPARSE_SHRUB, MEADOW, TUSSOCK, SPARSE_GRASS = 21, 23, 31, 33, 34
MARSH, LAKE, RIVER = 41, 42, 43
FIELD, ORCHARD, HOMES, PARK, WORKS, BARE = 51, 52, 61, 62, 63, 82


@dataclass(frozen=True)
class Rock:
    """`karst` 1 on limestone; `bare` the share of bedrock at the surface, %, before land cover hides any of it."""

    karst: NDArray[np.uint8]
    bare: NDArray[np.float64]


def cover_of(seed: int, ground: Ground, rock: Rock, years: float) -> NDArray[np.uint8]:
    """Classes `years` after 2015, uint8."""
    field = ground.noise(seed, "field", (48, 0.6), (12, 0.3), (4, 0.2))
    plant = ground.noise(seed, "plant", (128, 0.5), (32, 0.4), (6, 0.25))
    wet = ground.noise(seed, "wet", (96, 0.7), (16, 0.4))
    kind = ground.noise(seed, "kind", (200, 0.6), (24, 0.35), (3, 0.12))
    home = ground.noise(seed, "home", (10, 0.6), (3, 0.4))
    out = np.empty(ground.height.shape, np.uint8)
    _classes(
        ground.height, ground.above, ground.slope, ground.south, ground.river, ground.road, ground.town, rock.karst,
        rock.bare, field, plant, wet, kind, home, years, out,
    )  # fmt: skip
    return out


@njit(nogil=True, cache=True, error_model="numpy")
def _classes(
    height: NDArray[np.float64], above: NDArray[np.float64], slope: NDArray[np.float64], south: NDArray[np.float64],
    river: NDArray[np.uint8], road: NDArray[np.uint8], town: NDArray[np.float64], karst: NDArray[np.uint8],
    bare: NDArray[np.float64], field: NDArray[np.float64], plant: NDArray[np.float64], wet: NDArray[np.float64],
    kind: NDArray[np.float64], home: NDArray[np.float64], years: float, out: NDArray[np.uint8],
) -> None:  # fmt: skip
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = _class(
                height[i, j], above[i, j], slope[i, j], south[i, j], river[i, j] != 0, road[i, j] != 0, town[i, j],
                karst[i, j] != 0, bare[i, j], field[i, j], plant[i, j], wet[i, j], kind[i, j], home[i, j], years,
            )  # fmt: skip


@njit(nogil=True, cache=True, error_model="numpy")
def _class(  # noqa: PLR0911 - one way out per class
    height: float, above: float, slope: float, south: float, river: bool, road: bool, town: float, karst: bool,
    bare: float, field: float, plant: float, wet: float, kind: float, home: float, years: float,
) -> int:  # fmt: skip
    if river:
        return RIVER
    if above < 4.0 and slope < 0.10 and wet > 0.62:
        return LAKE
    if above < 9.0 and slope < 0.16 and wet > 0.48:
        return MARSH
    if road:
        return WORKS
    built = town + 0.22 * home - 0.9 * max(slope - 0.12, 0.0)
    if built > 0.70 - 0.010 * years:
        if home > 0.42:
            return PARK
        return WORKS if kind > 0.34 else HOMES
    if slope < 0.16 and above < 70.0 and home > 0.66 - 0.002 * years:
        return HOMES
    used = 0.62 - 1.15 * slope - above / 520.0 + 0.30 * field + 0.25 * town - max(height - 1500.0, 0.0) / 900.0
    given_up = 0.012 * years if slope > 0.268 else 0.0  # slopes above 15 degrees go out of use
    if used > 0.33 + given_up:
        return FIELD
    if used > 0.26 and kind > 0.18 - 0.006 * years and slope < 0.45:
        return ORCHARD
    return _vegetation(height, slope, south, karst, bare, plant, wet, kind, years)


@njit(nogil=True, cache=True, error_model="numpy")
def _vegetation(  # noqa: PLR0911
    height: float, slope: float, south: float, karst: bool, bare: float, plant: float, wet: float, kind: float,
    years: float,
) -> int:  # fmt: skip
    grown = 0.46 + 0.42 * plant - 0.05 * south - 0.0030 * bare + 0.003 * years
    if grown > 0.42:
        needle = kind + (height - 1250.0) / 1600.0 - (0.25 if karst else 0.0)
        if needle > 0.22:
            return NEEDLELEAF
        return MIXED if needle > 0.06 else BROADLEAF
    if grown > 0.37:
        return SPARSE_FOREST
    if bare > 66.0 and grown < 0.10:
        return BARE
    if grown > 0.17:
        return SPARSE_SHRUB if bare > 45.0 and kind > 0.05 else SHRUB
    if bare > 50.0:
        return SPARSE_GRASS
    return MEADOW if wet > 0.30 and height > 1100.0 else TUSSOCK
