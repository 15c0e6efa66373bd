"""Assessment: completion of a target, the green index, growth, GEP against GDP, intensities of GDP."""

from __future__ import annotations

import numpy as np

from ...core.errors import OutOfBounds
from ...core.method import A, Array, Clause, Q, method

OWN = "青山评价规则"
NDRC = "《绿色发展指标体系》（发改环资〔2016〕2635号）"
BULLETIN = "2016年生态文明建设年度评价结果公报"
MA = "马国霞等 2017, 中国环境科学 37(4):1474"

Reading = A[Array, Q("1", "实绩", "reading", symbol="x")]
Promise = A[Array, Q("1", "目标值", "target", symbol="T")]
Completion = A[Array, Q("1", "完成比例", "completion")]
Weight = A[Array, Q("1", "权重", "weight", low=0, high=1, axis="item", symbol="w_k")]
Gdp = A[Array, Q("亿元", "地区生产总值", "gross domestic product")]
GdpWan = A[Array, Q("万元", "地区生产总值（现价）", "gross domestic product, current prices")]


@method(
    "assessment.completion",
    edition="up",
    clause=Clause(OWN, "目标完成比例，正向指标"),
    status="project",
    formula="completion = x/T",
)
def completion_up(value: Reading, target: Promise) -> Completion:
    """Completion of a target that asks for more. Both numbers in one unit; target 0 gives NaN. Shapes: broadcastable."""
    return np.divide(value, np.where(np.equal(target, 0), np.nan, target))


@method(
    "assessment.completion",
    edition="down",
    clause=Clause(OWN, "目标完成比例，逆向指标"),
    status="project",
    formula="completion = T/x if x > 0, else 1",
)
def completion_down(value: Reading, target: Promise) -> Completion:
    """Completion of a target that asks for less. Both numbers in one unit. Shapes: broadcastable."""
    above = np.greater(value, 0)
    return np.where(above, np.divide(target, np.where(above, value, 1)), 1.0)


@method(
    "assessment.redistributed_weight",
    edition="proportional",
    clause=Clause(BULLETIN, "附注：不适用指标的权数分摊"),
    status="secondary",
    formula="w'_k = w_k * sum_j w_j / sum_{j applicable} w_j, 0 where not applicable",
)
def redistributed_weight(
    weight: Weight,
    applicable: A[Array, Q("class", "是否适用", "applicable", axis="item", labels=("不适用", "适用"))],
) -> A[Array, Q("1", "分摊后权重", "redistributed weight", axis="item")]:
    """Weights of one group of items after the inapplicable ones are dropped; the group's total stays.

    Shapes: (..., item) each. Raises `OutOfBounds` where nothing is left to carry a weight.
    """
    kept = np.where(np.equal(applicable, 1), weight, 0.0)
    left = np.sum(kept, axis=-1, keepdims=True)
    whole = np.sum(weight, axis=-1, keepdims=True)
    if np.any((left == 0) & (whole > 0)):
        raise OutOfBounds(
            "no applicable item is left to take the weight.",
            "没有可承接权数的适用指标。",
            fix="redistribute over all items, or give an applicable item of the area"
            " / 改为在全部指标间分摊，或给出该领域的适用指标",
        )
    return kept * (whole / np.where(left == 0, 1, left))


@method(
    "assessment.green_index",
    edition="ndrc2016",
    clause=Clause(NDRC, "附件1 注：绿色发展指数"),
    status="secondary",
    formula="Z = sum_k w_k * Y_k",
)
def green_index(
    score: A[Array, Q("index", "个体指数", "score of an item", low=0, high=100, axis="item", symbol="Y_k")],
    weight: Weight,
) -> A[Array, Q("index", "绿色发展指数", "green development index", symbol="Z")]:
    """Weighted sum of item scores. Shapes: (..., item) each, result (...).

    Raises `OutOfBounds` where the weights do not sum to 1; they are not rescaled.
    """
    total = np.sum(weight, axis=-1)
    if not np.allclose(total, 1, rtol=0, atol=1e-9):
        worst = float(np.ravel(total)[0])
        raise OutOfBounds(f"the weights sum to {worst:g}, must be 1.", f"权数之和为 {worst:g}，应为 1。")
    return np.sum(np.multiply(score, weight), axis=-1)


@method(
    "assessment.growth",
    edition="relative",
    clause=Clause(OWN, "增速"),
    status="project",
    formula="g = (x_t - x_{t-1})/x_{t-1} * 100",
)
def growth_rate(
    earlier: A[Array, Q("亿元", "上期值（不变价）", "earlier value, constant prices", symbol="x_{t-1}")],
    later: A[Array, Q("亿元", "本期值（不变价）", "later value, constant prices", symbol="x_t")],
) -> A[Array, Q("%", "增速", "growth", symbol="g")]:
    """Growth between two values of one basis. An earlier value of 0 or less gives NaN. Shapes: broadcastable."""
    base = np.where(np.greater(earlier, 0), earlier, np.nan)
    return np.subtract(later, earlier) / base * 100


@method(
    "assessment.ggi",
    edition="ma2017",
    clause=Clause(MA, "绿金指数"),
    status="secondary",
    formula="GGI = GEP/GDP",
)
def ggi(
    gep: A[Array, Q("亿元", "生态产品总值（现价）", "gross ecosystem product, current prices", low=0)],
    gdp: Gdp,
) -> A[Array, Q("1", "绿金指数", "green-gold index")]:
    """GEP against GDP of one place and year, both at current prices. GDP of 0 or less: NaN, the index is undefined."""
    return np.divide(gep, np.where(np.greater(gdp, 0), gdp, np.nan))


@method(
    "assessment.implied_gdp",
    edition="ma2017",
    clause=Clause(MA, "绿金指数"),
    status="secondary",
    formula="GDP = GEP/GGI",
)
def implied_gdp(
    gep: A[Array, Q("亿元", "生态产品总值（现价）", "gross ecosystem product, current prices", low=0)],
    ratio: A[Array, Q("1", "绿金指数", "green-gold index", low=0)],
) -> Gdp:
    """The GDP that a published pair of GEP and index stands on: a check of the pair. An index of 0 gives NaN."""
    return np.divide(gep, np.where(np.greater(ratio, 0), ratio, np.nan))


@method(
    "economy.energy_intensity",
    edition="current_price",
    clause=Clause(OWN, "单位地区生产总值能耗（现价）"),
    status="project",
    formula="e = E/GDP",
)
def energy_intensity(
    energy: A[Array, Q("tce", "能源消费总量", "total energy consumption", low=0, symbol="E")],
    gdp: GdpWan,
) -> A[Array, Q("tce/万元", "单位地区生产总值能耗（现价）", "energy per unit of GDP, current prices")]:
    """Energy used for a unit of GDP at current prices: no measure of change over years. GDP of 0 or less: NaN."""
    return np.divide(energy, np.where(np.greater(gdp, 0), gdp, np.nan))


@method(
    "economy.co2_intensity",
    edition="current_price",
    clause=Clause(OWN, "单位地区生产总值二氧化碳排放（现价）"),
    status="project",
    formula="c = CO2/GDP",
)
def co2_intensity(
    co2: A[Array, Q("t CO2", "二氧化碳排放量", "CO2 emissions", low=0, symbol="CO2")],
    gdp: GdpWan,
) -> A[Array, Q("t CO2/万元", "单位地区生产总值二氧化碳排放（现价）", "CO2 per unit of GDP, current prices")]:
    """CO2 emitted for a unit of GDP at current prices: no measure of change over years. GDP of 0 or less: NaN."""
    return np.divide(co2, np.where(np.greater(gdp, 0), gdp, np.nan))
