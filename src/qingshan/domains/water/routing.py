"""Where water goes on terrain: the filled level of a cell, its steepest way down, its shares to all lower neighbours.

These are the rules of one cell and its eight neighbours; the stage "flow" applies them to a whole grid. NaN in, NaN out.
"""

from __future__ import annotations

import numpy as np

from ...core.method import A, Array, Clause, Q, method

BARNES = (
    "Barnes, Lehman & Mulla 2014, Priority-flood: an optimal depression-filling and watershed-labeling algorithm for digital "
    "elevation models, Computers & Geosciences 62:117-127"
)
CALLAGHAN = (
    "O'Callaghan & Mark 1984, The extraction of drainage networks from digital elevation data, "
    "Computer Vision, Graphics, and Image Processing 28(3):323-344"
)
HOLMGREN = (
    "Holmgren 1994, Multiple flow direction algorithms for runoff modelling in grid based elevation models: an empirical "
    "evaluation, Hydrological Processes 8(4):327-334"
)
TOWARDS = ("东", "东北", "北", "西北", "西", "西南", "南", "东南", "无更低邻格")
TOWARDS_EN = ("east", "north-east", "north", "north-west", "west", "south-west", "south", "south-east", "none is lower")

Level = A[Array, Q("m", "像元高程（已填洼）", "level of the cell, filled", symbol="z")]
Around = A[
    Array, Q("m", "八邻格高程（已填洼）", "levels of the eight neighbours, filled", axis="neighbour", symbol="z_k")
]
Steps = A[Array, Q("m", "到邻格中心的距离", "way to the neighbour", low=0, axis="neighbour", symbol="d_k")]


@method("water.filled_level", edition="barnes2014", clause=Clause(BARNES, "priority flood"), status="secondary",
        formula="F = max(z, min_k F_k)")  # fmt: skip
def filled_level(
    elevation: A[Array, Q("m", "像元高程", "elevation of the cell", symbol="z")],
    around: A[
        Array, Q("m", "八邻格的填洼高程", "filled levels of the eight neighbours", axis="neighbour", symbol="F_k")
    ],
) -> A[Array, Q("m", "填洼高程", "filled level", symbol="F")]:
    """Least height to climb on any way from the cell to an outlet; outlets (rim, NoData, sink mask) keep their own.

    Shapes: (...) and (..., neighbour) to (...). A neighbour outside the data is NaN and left out.
    """
    lowest = np.where(np.isnan(around), np.inf, around).min(axis=-1)
    return np.maximum(elevation, lowest)


@method("water.flow_direction", edition="ocallaghan1984", clause=Clause(CALLAGHAN, "steepest of eight (D8)"), status="secondary",
        formula="k: max (z - z_k)/d_k")  # fmt: skip
def flow_direction(
    level: Level, around: Around, distance: Steps
) -> A[Array, Q("class", "流向（D8）", "flow direction, D8", low=0, high=8, labels=TOWARDS, labels_en=TOWARDS_EN)]:
    """The neighbour down the steepest way, counter-clockwise from east (0); 8 where none is lower. The first of equal ones.

    Shapes: (...) and (..., neighbour) to (...). A level cell drains along its flat by the nearest way out: see the stage "flow".
    """
    fall = _falls(level, around, distance)
    return np.where(fall.max(axis=-1) > 0, fall.argmax(axis=-1), 8).astype(np.float64)


@method("water.flow_share", edition="holmgren1994", clause=Clause(HOLMGREN, "multiple flow directions (MFD), exponent x"), status="secondary",
        formula="f_k = s_k^p / sum_j s_j^p, s_k = max(0, (z - z_k)/d_k)")  # fmt: skip
def flow_share(
    level: Level, around: Around, distance: Steps,
    exponent: A[Array, Q("1", "坡度指数", "exponent of the slope", low=0, symbol="p")],
) -> A[Array, Q("fraction", "流向份额（MFD）", "share of the flow to a neighbour, MFD", low=0, high=1, axis="neighbour", symbol="f_k")]:  # fmt: skip
    """Shares to all lower neighbours; all 0 where none is lower. The stage "flow" takes p = 1 and keeps shares in fifteenths.

    Shapes: (...), (..., neighbour) and exponent (...) to (..., neighbour).
    """
    fall = _falls(level, around, distance)
    weight = np.where(fall > 0, fall, 0.0) ** np.asarray(exponent, dtype=np.float64)[..., None] * (fall > 0)
    total = weight.sum(axis=-1, keepdims=True)
    return weight / np.where(total > 0, total, 1.0)


def _falls(level: Array, around: Array, distance: Array) -> Array:
    """Gradient down to each neighbour; one outside the data gives none."""
    fall = (np.asarray(level, dtype=np.float64)[..., None] - np.asarray(around, dtype=np.float64)) / distance
    return np.where(np.isnan(fall), 0.0, fall)
