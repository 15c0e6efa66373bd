"""Carbon stock by pools, its change and present value; the temperature scalars of CASA.

Stocks per area are t C/hm2. The value of a change is not the value of a stock: it is the change, spread evenly over the
years between the two maps, each year's part priced and discounted.
"""

from __future__ import annotations

import numpy as np

from ...core.method import A, Array, Clause, Q, method

INVEST = "InVEST 3.20.2 User's Guide, Carbon Storage and Sequestration"
ZHU = "朱文泉等 2007, 植物生态学报 31(3):413-424"
POTTER = "Potter et al. 1993, Global Biogeochemical Cycles 7:811-841"

Stock = A[Array, Q("t C/hm2", "碳储量", "carbon stock", low=0)]
Optimum = A[Array, Q("degC", "最适温度", "optimum temperature", low=-50, high=60, symbol="T_opt")]


@method(
    "forest.carbon_stock", edition="pools", clause=Clause(INVEST, "carbon pools"), status="secondary",
    zh="碳储量", en="carbon stock", formula="C = C_above + C_below + C_soil + C_dead",
)  # fmt: skip
def carbon_stock(
    above_ground: A[Array, Q("t C/hm2", "地上生物量碳", "above-ground carbon", low=0)],
    below_ground: A[Array, Q("t C/hm2", "地下生物量碳", "below-ground carbon", low=0)],
    soil: A[Array, Q("t C/hm2", "土壤有机碳", "soil organic carbon", low=0)],
    dead: A[Array, Q("t C/hm2", "死有机物碳", "carbon of dead matter", low=0)],
) -> Stock:
    """Carbon per area, the sum of the four pools. Shapes: mutually broadcastable. A missing pool is NaN, never 0."""
    return above_ground + below_ground + soil + dead


@method(
    "forest.carbon_change", edition="pools", clause=Clause(INVEST, "sequestration"), status="secondary",
    zh="碳储量变化", en="change of carbon stock", formula="dC = C_closing - C_opening",
)  # fmt: skip
def carbon_change(
    opening: A[Array, Q("t C/hm2", "期初碳储量", "opening stock", low=0)],
    closing: A[Array, Q("t C/hm2", "期末碳储量", "closing stock", low=0)],
) -> A[Array, Q("t C/hm2", "碳储量变化", "change of carbon stock")]:
    """Carbon gained (positive) or lost between two maps. Shapes: mutually broadcastable."""
    return closing - opening


@method(
    "forest.sequestration_value", edition="invest3", clause=Clause(INVEST, "net present value"), status="secondary",
    zh="固碳现值", en="present value of sequestration",
    formula="V = dC P/n (1 - q^n)/(1 - q), q = 1/((1 + d)(1 + r))",
)  # fmt: skip
def sequestration_value(
    change: A[Array, Q("t C", "碳储量变化", "change of carbon stock")],
    price: A[Array, Q("元/t C", "碳价", "price of carbon", low=0, symbol="P")],
    years: A[Array, Q("a", "两期相隔年数", "years between the maps", low=1, symbol="n")],
    discount_rate: A[Array, Q("%", "折现率", "market discount rate", low=0, symbol="d")],
    price_change: A[Array, Q("%", "碳价年变化率", "annual change of the price of carbon", low=-99, symbol="r")],
) -> A[Array, Q("元", "固碳现值", "present value of sequestration")]:
    """Present value of a change of stock that comes in equal parts, the first of them undiscounted.

    Shapes: mutually broadcastable. As in InVEST a positive `price_change` makes the later parts worth less: it is a rate
    at which damage avoided loses value, not a rising price. A price per t CO2 is refused (the unit is t C).
    """
    q = np.asarray(1 / ((1 + np.asarray(discount_rate) / 100) * (1 + np.asarray(price_change) / 100)))
    level = q == 1
    factor = np.where(level, years, (1 - q**years) / np.where(level, 1, 1 - q))
    return change * price / years * factor


@method(
    "forest.fpar", edition="ndvi", clause=Clause(ZHU, "FPAR, NDVI part"), status="ocr_doubt",
    zh="光合有效辐射吸收比例", en="share of PAR absorbed",
    formula="FPAR = FPAR_min + (NDVI - NDVI_min)/(NDVI_max - NDVI_min) (FPAR_max - FPAR_min), kept in FPAR_min .. FPAR_max",
)  # fmt: skip
def fpar(
    ndvi: A[Array, Q("1", "植被指数", "NDVI", low=-1, high=1, symbol="NDVI")],
    ndvi_min: A[Array, Q("1", "该类 NDVI 下限", "least NDVI of the class", low=-1, high=1)],
    ndvi_max: A[Array, Q("1", "该类 NDVI 上限", "largest NDVI of the class", low=-1, high=1)],
    fpar_min: A[Array, Q("fraction", "FPAR 下限", "least FPAR", low=0, high=1)],
    fpar_max: A[Array, Q("fraction", "FPAR 上限", "largest FPAR", low=0, high=1)],
) -> A[Array, Q("fraction", "光合有效辐射吸收比例", "share of PAR absorbed", low=0, high=1, symbol="FPAR")]:
    """Share of photosynthetically active radiation that the cover absorbs, linear in NDVI between the limits of its class.

    Shapes: mutually broadcastable. Equal limits of NDVI: NaN.
    """
    span = np.asarray(ndvi_max, dtype=np.float64) - ndvi_min
    share = (np.asarray(ndvi) - ndvi_min) / np.where(span == 0, np.nan, span)
    return np.clip(fpar_min + share * (np.asarray(fpar_max) - fpar_min), fpar_min, fpar_max)


@method(
    "forest.temperature_stress_1", edition="potter1993", clause=Clause(POTTER, "T_epsilon1"), status="ocr_doubt",
    zh="温度胁迫系数 T1", en="temperature scalar T1", formula="T1 = 0.8 + 0.02 T_opt - 0.0005 T_opt^2",
)  # fmt: skip
def temperature_stress_1(optimum: Optimum) -> A[Array, Q("-", "温度胁迫系数 T1", "temperature scalar T1", symbol="T1")]:
    """How far the optimum of a site lies from 20 degC, where T1 is 1. Shape: any.

    `optimum` is the mean temperature of the month in which leaf area peaks. At -10 degC and below CASA sets T1 to 0 by
    another rule on the month's mean; outside 0 to 1 `forest.light_use_efficiency` refuses it.
    """
    optimum = np.asarray(optimum, dtype=np.float64)
    return 0.8 + 0.02 * optimum - 0.0005 * optimum**2


@method(
    "forest.temperature_stress_2", edition="potter1993", clause=Clause(POTTER, "T_epsilon2"), status="ocr_doubt",
    zh="温度胁迫系数 T2", en="temperature scalar T2",
    formula="T2 = 1.1814/{(1 + exp[0.2 (T_opt - 10 - T)]) (1 + exp[0.3 (-T_opt - 10 + T)])}",
)  # fmt: skip
def temperature_stress_2(
    optimum: Optimum,
    temperature: A[Array, Q("degC", "平均气温", "mean air temperature", low=-90, high=60, symbol="T")],
) -> A[Array, Q("-", "温度胁迫系数 T2", "temperature scalar T2", low=0, symbol="T2")]:
    """How far a month's temperature lies from the optimum; nearly 1 at it. Shapes: mutually broadcastable."""
    cold = 1 + np.exp(0.2 * (np.asarray(optimum) - 10 - temperature))
    hot = 1 + np.exp(0.3 * (-np.asarray(optimum) - 10 + temperature))
    return 1.1814 / (cold * hot)


@method(
    "forest.decay_rate", edition="q10", clause=Clause("Kurz et al. 2009, Ecological Modelling 220:480-504", "decay"),
    status="secondary", formula="k' = k exp((T - T_ref) ln(q10) 0.1)",
)  # fmt: skip
def decay_rate(
    base: A[Array, Q("1/a", "基础分解率", "decay rate at the reference temperature", low=0, symbol="k")],
    q10: A[Array, Q("-", "升温 10 度的倍数", "factor per 10 degrees", low=0.01)],
    temperature: A[Array, Q("degC", "年平均气温", "mean annual temperature", low=-50, high=60, symbol="T")],
    reference: A[Array, Q("degC", "参考温度", "reference temperature", low=-50, high=60, symbol="T_ref")],
) -> A[Array, Q("1/a", "分解率", "decay rate", symbol="k'")]:
    """Share of a pool that decays in a year. Shapes: mutually broadcastable."""
    return base * np.exp((np.asarray(temperature, dtype=np.float64) - reference) * np.log(q10) * 0.1)
