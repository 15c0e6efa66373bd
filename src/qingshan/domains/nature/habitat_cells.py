"""Cell forms of the habitat methods. Degradation is added up threat by threat."""

from __future__ import annotations

import math

from qingshan.core.cell import cell


@cell("nature.habitat_degradation@invest_guide", variant="one_threat")
def one_threat(effect: float, weight: float, sensitivity: float, access: float) -> float:
    """The part of one threat; `weight` is its share of all weights."""
    return access * weight * effect * sensitivity


@cell("nature.habitat_quality@invest_guide")
def habitat_quality(suitability: float, degradation: float, half_saturation: float, scaling: float) -> float:
    """1 - D^z/(D^z + k^z) = 1/(1 + (D/k)^z): one power instead of two, and no difference of near numbers."""
    if half_saturation > 0.0:
        return suitability / (1.0 + (degradation / half_saturation) ** scaling)
    return 0.0 if degradation > 0.0 else math.nan
