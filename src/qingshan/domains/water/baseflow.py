"""Seasonal water yield: quick flow of a month by curve number, local recharge, baseflow reaching the stream.

Quick flow: rain on rainy days is exponentially distributed (Guswa, Hamel & Meyer 2018). NaN in, NaN out. The figures of
baseflow are an index: the guide advises against absolute use.
"""

from __future__ import annotations

import numpy as np

from ...core.method import A, Array, Clause, Q, method

INVEST = "InVEST 3.20.2 User's Guide, Seasonal Water Yield"
GUSWA = "Guswa, Hamel & Meyer 2018, Journal of Hydrologic Engineering 23(2)"

EULER = 0.57721566490153286
TERMS = 80
"""Of the series and of the continued fraction: both have converged to double precision on their side of 1."""

Rain = A[Array, Q("mm", "月降水量", "rain of the month", low=0, symbol="P")]
Quick = A[Array, Q("mm", "快速径流", "quick flow", low=0, symbol="QF")]
Recharge = A[Array, Q("mm", "局地补给", "local recharge", symbol="L")]
Subsidy = A[Array, Q("mm", "上坡可用补给", "recharge available from above", symbol="L_sum.avail")]
Shortfalls = A[Array, Q("mm", "各月缺水量", "demand less infiltration of each month", axis="month", symbol="d")]
Alpha = A[
    Array,
    Q("fraction", "当月可用上坡补给比例", "part of the yearly subsidy in the month", low=0, high=1, symbol="alpha"),
]
Beta = A[
    Array, Q("fraction", "上坡补给可蒸散比例", "part of the subsidy open to evaporation", low=0, high=1, symbol="beta")
]
Gamma = A[
    Array, Q("fraction", "补给可供下坡比例", "part of recharge open to cells below", low=0, high=1, symbol="gamma")
]


def _scaled_integral(x: Array) -> Array:
    """exp(x) E1(x), E1 the exponential integral, for x > 0 (Abramowitz & Stegun 5.1.11 and 5.1.22)."""
    small = np.clip(x, 1e-300, 1.0)
    term, total = np.ones_like(small), -EULER - np.log(small)
    for k in range(1, 30):
        term = term * -small / k
        total = total - term / k
    large = np.maximum(x, 1.0)
    tail = large
    for n in range(TERMS, 0, -1):
        tail = large + n / (1 + n / tail)
    return np.where(x <= 1, np.exp(small) * total, 1 / tail)


@method(
    "water.quick_flow", edition="guswa2018", clause=Clause(GUSWA, "monthly runoff; " + INVEST), status="secondary",
    formula="QF = n [(a - S) exp(-0.2 S/a) + S^2/a exp(0.8 S/a) E1(S/a)], a = P/n, S = 25400/CN - 254 (mm)",
)  # fmt: skip
def quick_flow(
    rain: Rain,
    events: A[Array, Q("count", "月降雨场次", "rain events of the month", low=0, symbol="n")],
    curve_number: A[Array, Q("1", "径流曲线数", "curve number", low=1, high=100, symbol="CN")],
) -> Quick:
    """Runoff of a month from its mean rain on rainy days. Shapes: mutually broadcastable.

    No rain or no event: 0. CN = 100 (S = 0): all rain runs off, the limit of the equation (InVEST prints 0 there).
    """
    given = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in (rain, events, curve_number)))
    rain, events, curve_number = given
    wet = (rain > 0) & (events > 0)
    depth = np.where(wet, rain, 1) / np.where(wet, events, 1)
    x = (25400 / curve_number - 254) / depth
    bracket = np.where(x > 0, 1 - x + x**2 * _scaled_integral(np.where(x > 0, x, 1)), 1.0)
    flow = np.maximum(0, rain * np.exp(-0.2 * x) * bracket)
    return np.where(np.isnan(rain + events + curve_number), np.nan, np.where(wet, flow, 0.0))


@method(
    "water.month_shortfall", edition="invest3", clause=Clause(INVEST, "PET and infiltration of a month"), status="secondary", formula="Kc ET0 - (P - QF)",
)  # fmt: skip
def month_shortfall(
    rain: Rain,
    quick: Quick,
    crop_coefficient: A[Array, Q("1", "作物系数", "crop coefficient", low=0, symbol="Kc")],
    reference: A[Array, Q("mm", "月参考蒸散发量", "reference evapotranspiration of the month", low=0, symbol="ET0")],
) -> A[Array, Q("mm", "当月缺水量", "demand less infiltration of the month")]:
    """Demand of vegetation less what rain leaves in the soil; negative where water is left over. Broadcastable."""
    return np.asarray(crop_coefficient) * reference - (np.asarray(rain) - quick)


def _recharge(shortfalls: Array, alpha: Array, beta: Array, subsidy: Array) -> Array:
    """L = P - QF - AET of the year, AET of a month = Kc ET0 - max(0, shortfall - alpha beta subsidy)."""
    shortfalls = np.asarray(shortfalls, dtype=np.float64)
    open_to_use = np.asarray(alpha) * beta * subsidy
    return np.sum(np.maximum(0, shortfalls - np.expand_dims(open_to_use, -1)) - shortfalls, axis=-1)


@method(
    "water.local_recharge", edition="invest3", clause=Clause(INVEST, "local recharge"), status="secondary",
    formula="L = sum_m (P - QF - AET), AET = min(Kc ET0, P - QF + alpha beta L_sum.avail)",
)  # fmt: skip
def local_recharge(
    shortfalls: Shortfalls,
    alpha: Alpha,
    beta: Beta,
    subsidy: Subsidy,
) -> Recharge:
    """Water of a year that goes to ground; negative where the cell lives on water from above.

    Shapes: `shortfalls` (..., 12), the rest (...). Written with the shortfall d = Kc ET0 - P + QF of each month, the
    guide's minimum is AET = Kc ET0 - max(0, d - alpha beta L_sum.avail).
    """
    return _recharge(shortfalls, alpha, beta, subsidy)


@method(
    "water.recharge_passed", edition="invest3", clause=Clause(INVEST, "L_sum.avail"), status="secondary", formula="min(gamma L, L) + L_sum.avail",
)  # fmt: skip
def recharge_passed(
    shortfalls: Shortfalls,
    alpha: Alpha,
    beta: Beta,
    gamma: Gamma,
    subsidy: Subsidy,
) -> Subsidy:
    """Recharge that a cell leaves to the cells below: its own part and what came from above. Shapes as `local_recharge`."""
    own = _recharge(shortfalls, alpha, beta, subsidy)
    return np.minimum(np.asarray(gamma) * own, own) + subsidy


@method(
    "water.available_recharge",
    edition="invest3",
    clause=Clause(INVEST, "L_avail"),
    status="secondary",
    formula="L_avail = min(gamma L, L)",
)
def available_recharge(recharge: Recharge, gamma: Gamma) -> Recharge:
    """Recharge that cells below may use. Shapes: mutually broadcastable."""
    return np.minimum(np.asarray(gamma) * recharge, recharge)


@method(
    "water.baseflow_passed", edition="invest3", clause=Clause(INVEST, "B_sum"), status="secondary",
    formula="(1 - L_avail/L_sum) B_sum/(L_sum - L), B_sum = L_sum m",
)  # fmt: skip
def baseflow_passed(
    total: A[Array, Q("mm", "累计补给", "recharge summed from above", symbol="L_sum")],
    recharge: Recharge,
    gamma: Gamma,
    below: A[Array, Q("1", "下坡输送系数", "factor of the cells below", symbol="m")],
) -> A[Array, Q("1", "基流输送系数", "factor that a cell gives to those above")]:
    """What a cell contributes to the sum of the cells that drain into it; 1 on streams, 0 where nothing comes from above.

    `below` is the mean factor of the cells it drains into. Shapes: mutually broadcastable.
    """
    total, recharge = np.asarray(total, dtype=np.float64), np.asarray(recharge, dtype=np.float64)
    from_above = total - recharge
    usable = (from_above != 0) & (total != 0)
    available = np.minimum(gamma * recharge, recharge)
    factor = (total - available) * below / np.where(usable, from_above, 1)
    return np.where(usable, factor, np.where(np.isnan(factor), np.nan, 0.0))


@method(
    "water.baseflow", edition="invest3", clause=Clause(INVEST, "B"), status="secondary", formula="B = max(B_sum L/L_sum, 0) = max(L m, 0)",
)  # fmt: skip
def baseflow(
    recharge: Recharge, below: A[Array, Q("1", "下坡输送系数", "factor of the cells below", symbol="m")]
) -> A[Array, Q("mm", "基流", "baseflow", low=0, symbol="B")]:
    """Recharge of a cell that reaches the stream. Shapes: mutually broadcastable."""
    return np.maximum(np.asarray(recharge) * below, 0)
