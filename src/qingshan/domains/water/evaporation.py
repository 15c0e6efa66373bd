"""Evapotranspiration of a land cover: what could evaporate with water at hand, and what does by the share of rain."""

from __future__ import annotations

import numpy as np

from ...core.method import A, Array, Clause, Q, method

FAO56 = "FAO Irrigation and Drainage Paper 56 (Allen et al. 1998)"
INVEST = "InVEST 3.20.2 User's Guide, Annual Water Yield"


@method(
    "water.crop_evapotranspiration", edition="fao56", clause=Clause(FAO56, "Chapter 5, single crop coefficient"),
    status="secondary", zh="植被蒸散需水量", en="crop evapotranspiration", formula="ETc = Kc ET0",
)  # fmt: skip
def crop_evapotranspiration(
    reference_evapotranspiration: A[Array, Q("mm", "参考蒸散量", "reference evapotranspiration", low=0, symbol="ET0")],
    crop_coefficient: A[Array, Q("-", "蒸散系数", "crop coefficient", low=0, symbol="Kc")],
) -> A[Array, Q("mm", "植被蒸散需水量", "crop evapotranspiration", low=0, symbol="ETc")]:
    """Evapotranspiration of a cover that lacks no water. Shapes: mutually broadcastable, mm."""
    return np.asarray(crop_coefficient) * reference_evapotranspiration


@method(
    "water.actual_evapotranspiration", edition="invest3", clause=Clause(INVEST, "AET"), status="secondary",
    zh="实际蒸散发量", en="actual evapotranspiration", formula="AET = (AET/P) P",
)  # fmt: skip
def actual_evapotranspiration(
    precipitation: A[Array, Q("mm", "年降水量", "annual precipitation", low=0, high=15_000, symbol="P")],
    evaporative_fraction: A[Array, Q("fraction", "蒸散发占降水比例", "share of rain that evaporates", low=0, high=1)],
) -> A[Array, Q("mm", "实际蒸散发量", "actual evapotranspiration", low=0, symbol="ET")]:
    """The rain that `water.annual_yield@invest3` does not count: yield and evapotranspiration add up to rain.

    Shapes: mutually broadcastable, mm.
    """
    return np.asarray(evaporative_fraction) * precipitation
