"""Ecological index EI (HJ 192-2015): habitat, water network, land stress, pollution load and their sum.

Every weight and coefficient is an argument: they are rows of `ei_hj192_2015`, read from one program and not from the
standard. EI is neither the EQI of 2021 nor the quality index of HJ 1172.
"""

from __future__ import annotations

import numpy as np

from ...core.method import A, Array, Clause, Q, method

HJ192 = "HJ 192-2015 生态环境状况评价技术规范"

_Index = Q("index", "分指数", "sub-index")
_Weight = Q("-", "权重", "weight", axis="item", low=0)


@method(
    "nature.ei", edition="hj192-2015", clause=Clause(HJ192), status="secondary",
    formula="EI = w1 bio + w2 veg + w3 water + w4 (100 - stress) + w5 (100 - pollution)",
)  # fmt: skip
def ei(
    biology: A[Array, Q("index", "生物丰度指数", "biological richness index", symbol="bio")],
    vegetation: A[Array, Q("index", "植被覆盖指数", "vegetation index", symbol="veg")],
    water: A[Array, Q("index", "水网密度指数", "water network index", symbol="water")],
    stress: A[Array, Q("index", "土地胁迫指数", "land stress index", symbol="stress")],
    pollution: A[Array, Q("index", "污染负荷指数", "pollution load index", symbol="pollution")],
    weights: A[Array, Q("-", "五项权重", "five weights in this order", axis="item", low=0, high=1, symbol="w")],
) -> A[Array, Q("index", "生态环境状况指数", "ecological index EI", symbol="EI")]:
    """EI before the cap of 环境限制. Shapes: scalars or arrays of one shape; five weights on the last axis."""
    w = weights
    return w[0] * biology + w[1] * vegetation + w[2] * water + w[3] * (100 - stress) + w[4] * (100 - pollution)


@method(
    "nature.ei_habitat", edition="hj192-2015", clause=Clause(HJ192), status="secondary",
    formula="H = A sum(w v area) / sum(area)",
)  # fmt: skip
def ei_habitat(
    areas: A[Array, Q("km2", "各二级地类面积", "area of each sub-class", axis="class", low=0)],
    class_weight: A[Array, Q("-", "一级地类权重", "weight of its class", axis="class", low=0, symbol="w")],
    subclass_weight: A[Array, Q("-", "二级地类权重", "weight of the sub-class", axis="class", low=0, symbol="v")],
    coefficient: A[Array, Q("-", "归一化系数", "normalising coefficient", low=0, symbol="A")],
    total: A[Array, Q("km2", "区域面积", "area of the region", low=0)],
) -> A[Array, _Index]:
    """Habitat quality index. Shapes: classes on the last axis."""
    return coefficient * np.sum(areas * class_weight * subclass_weight, axis=-1) / total


@method(
    "nature.ei_water_amount", edition="hj192-2015", clause=Clause(HJ192), status="secondary",
    formula="a = year / mean\nR = year, a <= 1.4\nR = mean (2.4 - a), 1.4 < a <= 2.4\nR = 0, a > 2.4",
)  # fmt: skip
def ei_water_amount(
    year: A[Array, Q("百万m3", "当年水资源量", "water resources of the year", low=0)],
    mean: A[Array, Q("百万m3", "多年平均水资源量", "their long-term mean", low=0)],
) -> A[Array, Q("百万m3", "计入的水资源量", "water resources counted", symbol="R")]:
    """Water resources that count for the water network; floods do not. Shapes: mutually broadcastable. The unit is as
    the read program suggests; the standard's was not read."""
    a = np.asarray(year) / mean
    return np.where(a <= 1.4, year, np.where(a <= 2.4, mean * (2.4 - a), 0.0))


@method(
    "nature.ei_water_network", edition="hj192-2015", clause=Clause(HJ192), status="secondary",
    formula="W = (A1 L / S + A2 Aw / S + A3 R / S) / 3",
)  # fmt: skip
def ei_water_network(
    river_length: A[Array, Q("km", "河流长度", "length of rivers", low=0, symbol="L")],
    water_area: A[Array, Q("km2", "水域面积", "area of waters", low=0, symbol="Aw")],
    water_amount: A[Array, Q("百万m3", "计入的水资源量", "water resources counted", low=0, symbol="R")],
    area: A[Array, Q("km2", "区域面积", "area of the region", low=0, symbol="S")],
    coefficients: A[
        Array, Q("-", "三项归一化系数", "coefficients of length, area and amount", axis="item", low=0, symbol="A")
    ],
) -> A[Array, _Index]:
    """Water network index. Shapes: scalars; three coefficients on the last axis."""
    c = coefficients
    return (c[0] * river_length + c[1] * water_area + c[2] * water_amount) / area / 3


@method(
    "nature.ei_land_stress",
    edition="hj192-2015",
    clause=Clause(HJ192),
    status="secondary",
    formula="T = A sum(w area) / S",
)
def ei_land_stress(
    areas: A[Array, Q("km2", "各类胁迫土地面积", "area under each stress", axis="item", low=0)],
    weights: A[Array, _Weight],
    coefficient: A[Array, Q("-", "归一化系数", "normalising coefficient", low=0, symbol="A")],
    total: A[Array, Q("km2", "区域面积", "area of the region", low=0, symbol="S")],
) -> A[Array, _Index]:
    """Land stress index. Shapes: stresses on the last axis."""
    return coefficient * np.sum(areas * weights, axis=-1) / total


@method(
    "nature.ei_pollution", edition="hj192-2015", clause=Clause(HJ192), status="secondary",
    formula="P = sum(w A density)",
)  # fmt: skip
def ei_pollution(
    densities: A[
        Array,
        Q(
            "-",
            "排放强度：水污染物除以年降水总量，其余除以面积",
            "emission densities: over rain for water pollutants, over area for the rest",
            axis="item",
            low=0,
        ),
    ],
    coefficients: A[Array, Q("-", "归一化系数", "normalising coefficients", axis="item", low=0, symbol="A")],
    weights: A[Array, _Weight],
) -> A[Array, _Index]:
    """Pollution load index. Shapes: pollutants on the last axis. Densities in the units of the coefficient rows."""
    return np.sum(np.asarray(densities) * coefficients * weights, axis=-1)
