"""Air quality index (HJ 633), exceedance and the reactivity of VOC species. Exact numbers go in as `Fraction`, blocks as arrays."""

from __future__ import annotations

import numpy as np

from ...core.method import A, Array, Clause, Q, method

HJ633 = "HJ 633-2026 环境空气质量指数(AQI)技术规定"
HJ633_2012 = "HJ 633-2012 环境空气质量指数(AQI)技术规定(试行)"
CARTER = "Carter W.P.L. (1994) J. Air Waste Manage. Assoc. 44:881-899"

_Concentration = A[Array, Q("ug/m3", "污染物浓度", "concentration", low=0, symbol="C")]
_Iaqi = A[Array, Q("index", "空气质量分指数", "individual air quality index")]


def _iaqi(
    concentration: _Concentration,
    bp_low: A[Array, Q("ug/m3", "低位浓度限值", "breakpoint below", low=0, symbol="BPlo")],
    bp_high: A[Array, Q("ug/m3", "高位浓度限值", "breakpoint above", low=0, symbol="BPhi")],
    iaqi_low: A[Array, Q("index", "低位分指数", "IAQI of the breakpoint below", low=0, symbol="Ilo")],
    iaqi_high: A[Array, Q("index", "高位分指数", "IAQI of the breakpoint above", low=0, symbol="Ihi")],
) -> _Iaqi:
    """Linear between two breakpoints, before it is rounded up. Shapes: any mutually broadcastable arrays (or exact
    fractions). CO enters in the unit of its breakpoints; only ratios of concentrations stand in the formula."""
    return (iaqi_high - iaqi_low) / (bp_high - bp_low) * (concentration - bp_low) + iaqi_low


_FORMULA = "IAQI = (Ihi - Ilo) / (BPhi - BPlo) (C - BPlo) + Ilo"
iaqi = method("air.iaqi", edition="hj633-2026", clause=Clause(HJ633, "4.2.4"), formula=_FORMULA)(_iaqi)
iaqi_2012 = method("air.iaqi", edition="hj633-2012", clause=Clause(HJ633_2012), formula=_FORMULA)(_iaqi)


@method("air.aqi", edition="hj633-2026", clause=Clause(HJ633, "4.2.4"), formula="AQI = max(IAQI)")
def aqi(
    iaqi: A[Array, Q("index", "各项目分指数", "IAQI of each item", axis="item", symbol="IAQI")],
) -> A[Array, Q("index", "空气质量指数", "air quality index")]:
    """The largest IAQI. Shapes: items on the last axis; a missing item is left out before, never passed as 0."""
    return np.max(iaqi, axis=-1)


@method(
    "air.ozone_formation_potential",
    edition="carter1994",
    clause=Clause(CARTER, "maximum incremental reactivity"),
    status="secondary",
    formula="OFP = C MIR",
)
def ozone_formation_potential(
    concentration: A[Array, Q("ug/m3", "组分浓度", "concentration of the species", low=0, symbol="C")],
    reactivity: A[Array, Q("1", "最大增量反应活性", "maximum incremental reactivity, g O3 per g VOC", symbol="MIR")],
) -> A[Array, Q("ug/m3", "臭氧生成潜势", "ozone formation potential", symbol="OFP")]:
    """Ozone a species can form at its largest incremental reactivity. Shapes: mutually broadcastable, one species each.

    The MIR are rows of the user with their source; none is shipped. A negative MIR gives a negative potential.
    """
    return concentration * reactivity
