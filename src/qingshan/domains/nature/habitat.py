"""Habitat quality under threats that fade with distance, and habitat rarity against a base land cover.

After the InVEST user guide, chapter Habitat Quality (Sharp et al.; Terrado et al. 2016). Weights, distances, sensitivities and
the half-saturation constant belong to the species or landscape asked about: they are tables of the zone, none is built in.
"""

from __future__ import annotations

import numpy as np

from qingshan.core.errors import OutOfBounds
from qingshan.core.method import A, Array, Choice, Clause, Q, method

GUIDE = "InVEST User Guide, Habitat Quality"
EDITION = "invest_guide"
FIVE_PERCENT = 2.99
"""The printed exponent: exp(-2.99) leaves 5 % of a threat at its largest distance."""

Decay = A[str, Choice("衰减形式", "form of the decay", ("linear", "exponential"))]
Degradation = A[Array, Q("1", "生境退化度", "habitat degradation", low=0, symbol="D")]
Area = A[Array, Q("hm2", "类型面积", "area of a class", low=0)]


@method(
    "nature.threat_decay", edition=EDITION, clause=Clause(GUIDE, "hq. 1, hq. 2"), status="secondary",
    formula="i = 1 - d/d_max (linear) or exp(-2.99 d/d_max); 0 beyond d_max",
)  # fmt: skip
def threat_decay(
    distance: A[Array, Q("m", "距离", "distance", low=0, symbol="d")],
    largest_distance: A[Array, Q("m", "威胁最大影响距离", "largest distance of a threat", low=0, symbol="d_max")],
    decay: Decay,
) -> A[Array, Q("1", "威胁影响", "effect of a threat at a distance", low=0, high=1, symbol="i")]:
    """Effect of a threat at a distance. Shapes: mutually broadcastable.

    Raises `OutOfBounds` where the largest distance is not positive.
    """
    d, reach = np.asarray(distance, dtype=np.float64), np.asarray(largest_distance, dtype=np.float64)
    if np.any(reach <= 0):
        raise OutOfBounds("the largest distance of a threat must be positive.", "威胁最大影响距离应大于 0。")
    inside = 1 - d / reach if decay == "linear" else np.exp(-FIVE_PERCENT * d / reach)
    return np.where(d > reach, 0.0, inside)


@method(
    "nature.habitat_degradation", edition=EDITION, clause=Clause(GUIDE, "hq. 3"), status="secondary",
    formula="D = beta sum_r (w_r/sum w) e_r S_jr, e_r = sum_y r_y i_rxy",
)  # fmt: skip
def habitat_degradation(
    effect: A[Array, Q("1", "到达像元的威胁", "threat that reaches the cell", low=0, axis="threat", symbol="e_r")],
    weight: A[Array, Q("1", "威胁权重", "weight of a threat", low=0, axis="threat", symbol="w_r")],
    sensitivity: A[Array, Q("1", "敏感性", "sensitivity of the cover", low=0, high=1, axis="threat", symbol="S_jr")],
    access: A[Array, Q("1", "可达性", "access, 0 protected to 1 open", low=0, high=1, symbol="beta")],
) -> Degradation:
    """Degradation of a cell. Shapes: (..., threat) three times, access (...), result (...).

    `e_r` is the sum over all cells of the threat's map, as printed, so that D grows as cells get smaller; or the effect of
    the nearest threatened cell alone, which InVEST takes since 3.13. A result names which. Weights that sum to 0: NaN.
    """
    weight = np.asarray(weight, dtype=np.float64)
    total = weight.sum(axis=-1, keepdims=True)
    share = weight / np.where(total > 0, total, np.nan)
    return np.asarray(access) * np.sum(share * np.asarray(effect) * np.asarray(sensitivity), axis=-1)


@method(
    "nature.habitat_quality", edition=EDITION, clause=Clause(GUIDE, "hq. 4"), status="secondary",
    formula="Q = H (1 - D^z/(D^z + k^z))",
)  # fmt: skip
def habitat_quality(
    suitability: A[Array, Q("1", "生境适宜度", "habitat suitability of the cover", low=0, high=1, symbol="H")],
    degradation: Degradation,
    half_saturation: A[Array, Q("1", "半饱和常数", "degradation that halves quality", low=0, symbol="k")],
    scaling: A[Array, Q("1", "尺度参数", "scaling exponent", low=0, symbol="z")],
) -> A[Array, Q("1", "生境质量", "habitat quality", low=0, high=1, symbol="Q")]:
    """Quality of a cell. Shapes: mutually broadcastable. k is one number for all maps that are compared; the printed z is
    2.5. k = 0 with D = 0: NaN."""
    d_z = np.asarray(degradation, dtype=np.float64) ** scaling
    k_z = np.asarray(half_saturation, dtype=np.float64) ** scaling
    whole = d_z + k_z
    return suitability * (1 - d_z / np.where(whole > 0, whole, np.nan))


@method(
    "nature.habitat_rarity", edition=EDITION, clause=Clause(GUIDE, "hq. 5"), status="secondary",
    formula="R = 1 - N/(N_base + N); 0 where N_base = 0",
)  # fmt: skip
def habitat_rarity(
    area: Area, base_area: A[Array, Q("hm2", "基期类型面积", "area of the class at the base", low=0)]
) -> A[Array, Q("1", "生境稀有度", "habitat rarity", low=0, high=1, symbol="R")]:
    """Rarity of a cover against a base: above 0.5 it has become rarer. Shapes: mutually broadcastable, one entry per class.

    A cover that the base did not have is 0, as printed. A cover that is on neither map: NaN.
    """
    now, base = np.asarray(area, dtype=np.float64), np.asarray(base_area, dtype=np.float64)
    whole = now + base
    rarity = 1 - now / np.where(whole > 0, whole, np.nan)
    return np.where((base == 0) & (now > 0), 0.0, rarity)
