"""Storm runoff by curve number (USDA NRCS, National Engineering Handbook, part 630) and the flood water it lets a cover keep."""

from __future__ import annotations

import numpy as np

from ...core.method import A, Array, Clause, Q, method

NEH630 = "USDA NRCS National Engineering Handbook, Part 630 Hydrology"
OWN = "青山核算规则"

SOIL_GROUPS = ("A", "B", "C", "D")

StormRain = A[Array, Q("mm", "场次降雨量", "rain of the storm", low=0, high=3000, symbol="P")]
CurveNumber = A[Array, Q("1", "径流曲线数", "curve number", low=1, high=100, symbol="CN")]
Ratio = A[Array, Q("1", "初损率", "ratio of initial abstraction to retention", low=0, high=1, symbol="lambda")]
Runoff = A[Array, Q("mm", "场次径流深", "direct runoff of the storm", low=0, symbol="Q")]


@method(
    "water.curve_number", edition="neh630", clause=Clause(NEH630, "Chapter 9, Table 9-1; Chapter 7"), status="secondary",
    zh="径流曲线数（按水文土壤组）", en="curve number by hydrologic soil group", formula="CN = CN_A, CN_B, CN_C or CN_D",
)  # fmt: skip
def curve_number(
    soil_group: A[Array, Q("class", "水文土壤组", "hydrologic soil group", low=1, high=4, labels=("", *SOIL_GROUPS))],
    curve_numbers: A[
        Array, Q("1", "四个土壤组的曲线数", "curve numbers of the four groups", low=1, high=100, axis="class")
    ],
) -> CurveNumber:
    """Curve number of a cover on a soil. Groups 1 to 4 stand for A to D; a cell without a group is NaN.

    Shapes: `soil_group` any, `curve_numbers` (..., 4).
    """
    group = np.asarray(soil_group, dtype=np.float64)
    a, b, c, d = np.moveaxis(np.asarray(curve_numbers, dtype=np.float64), -1, 0)
    return np.select([group == 1, group == 2, group == 3, group == 4], [a, b, c, d], default=np.nan)


@method(
    "water.potential_maximum_retention", edition="neh630", clause=Clause(NEH630, "Chapter 10, S and CN"),
    status="secondary", zh="最大可能滞留量", en="potential maximum retention", formula="S = 25400/CN - 254",
)  # fmt: skip
def potential_maximum_retention(
    curve_number: CurveNumber,
) -> A[Array, Q("mm", "最大可能滞留量", "potential maximum retention", low=0, symbol="S")]:
    """Water the soil and cover can still take up after runoff begins, mm (1000/CN - 10 inches). Shape: any."""
    return 25400 / np.asarray(curve_number) - 254


@method(
    "water.storm_runoff", edition="neh630", clause=Clause(NEH630, "Chapter 10, runoff equation"), status="secondary",
    zh="场次径流深（曲线数法）", en="storm runoff by curve number",
    formula="Q = (P - Ia)^2/(P - Ia + S) where P > Ia, else 0; Ia = lambda S",
)  # fmt: skip
def storm_runoff(
    rain: StormRain,
    retention: A[Array, Q("mm", "最大可能滞留量", "potential maximum retention", low=0, symbol="S")],
    abstraction_ratio: Ratio,
) -> Runoff:
    """Direct runoff of one storm. `abstraction_ratio` is 0.2 in the handbook's tables; another needs other curve numbers.

    Shapes: mutually broadcastable, mm. Made for single storms: rain of a month or year gives no meaningful runoff.
    """
    excess = np.maximum(rain - abstraction_ratio * np.asarray(retention), 0)
    return excess**2 / np.where(excess == 0, 1, excess + retention)


@method(
    "water.flood_retention", edition="curve_number", clause=Clause(OWN, "裸地对照"), status="project",
    zh="暴雨径流削减深", en="storm runoff avoided", formula="F = Q_bare - Q",
)  # fmt: skip
def flood_retention(
    bare_runoff: A[Array, Q("mm", "裸地径流深", "runoff of bare ground", low=0, symbol="Q_bare")], runoff: Runoff
) -> A[Array, Q("mm", "暴雨径流削减深", "storm runoff avoided", symbol="F")]:
    """Flood water that the cover keeps back against bare ground on the same soil in the same storm, as depth.

    The bare reference is ours; a cover that sheds more than bare ground (a sealed surface) is negative and kept so.
    Shapes: mutually broadcastable.
    """
    return bare_runoff - runoff
