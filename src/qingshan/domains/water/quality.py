"""Water quality: standard index (HJ 2.3), exceedance multiple, trophic level index, section load."""

from __future__ import annotations

import numpy as np

from ...core.method import A, Array, Clause, Q, method

HJ23 = "HJ 2.3-2018 环境影响评价技术导则 地表水环境"
RIVERS = "环办〔2011〕22号 地表水环境质量评价办法(试行)"
LAKES = "湖泊(水库)富营养化评价方法及分级技术规定 总站生字[2001]090号"
OWN = "青山核算规则"

_Limit = A[Array, Q("mg/L", "水质标准限值", "limit", low=0, symbol="Cs")]
_Index = A[Array, Q("index", "水质指数", "standard index", symbol="S")]


@method("water.standard_index", edition="hj2.3-2018", clause=Clause(HJ23), status="secondary", formula="S = C / Cs")
def standard_index(
    concentration: A[Array, Q("mg/L", "浓度", "concentration", low=0, symbol="C")], limit: _Limit
) -> _Index:
    """Concentration over limit; above 1 exceeds. Shapes: mutually broadcastable (or exact fractions)."""
    return concentration / limit


@method(
    "water.standard_index_ph", edition="hj2.3-2018", clause=Clause(HJ23), status="secondary",
    formula="S = (7 - pH) / (7 - pHlo), pH <= 7\nS = (pH - 7) / (pHhi - 7), pH > 7",
)  # fmt: skip
def standard_index_ph(
    ph: A[Array, Q("1", "pH 值", "pH", low=0, high=14, symbol="pH")],
    ph_low: A[Array, Q("1", "pH 下限", "lower limit of pH", symbol="pHlo")],
    ph_high: A[Array, Q("1", "pH 上限", "upper limit of pH", symbol="pHhi")],
) -> _Index:
    """Distance from neutral over the distance the limits allow. Shapes: mutually broadcastable."""
    return np.where(np.asarray(ph) <= 7, (7 - ph) / (7 - ph_low), (ph - 7) / (ph_high - 7))


@method(
    "water.saturated_oxygen",
    edition="hj2.3-2018",
    clause=Clause(HJ23),
    status="secondary",
    formula="DOf = 468 / (31.6 + T)",
)
def saturated_oxygen(
    temperature: A[Array, Q("degC", "水温", "water temperature", low=0, high=45, symbol="T")],
) -> A[Array, Q("mg/L", "饱和溶解氧", "oxygen at saturation", symbol="DOf")]:
    """Oxygen that fresh water holds at a temperature. Shapes: any."""
    return 468 / (31.6 + temperature)


@method(
    "water.standard_index_do", edition="hj2.3-2018", clause=Clause(HJ23), status="secondary",
    formula="S = abs(DOf - DO) / (DOf - DOs), DO >= DOs\nS = 10 - 9 DO / DOs, DO < DOs",
)  # fmt: skip
def standard_index_do(
    oxygen: A[Array, Q("mg/L", "溶解氧", "dissolved oxygen", low=0, symbol="DO")],
    saturated: A[Array, Q("mg/L", "饱和溶解氧", "oxygen at saturation", low=0, symbol="DOf")],
    limit: A[Array, Q("mg/L", "溶解氧限值", "limit of dissolved oxygen", low=0, symbol="DOs")],
) -> _Index:
    """Oxygen against its limit. Shapes: mutually broadcastable. NaN where DOf <= DOs (warm water under a high limit):
    the standard has no value there."""
    room = np.asarray(saturated) - limit
    above = np.abs(saturated - oxygen) / np.where(room > 0, room, np.nan)
    return np.where(room > 0, np.where(np.asarray(oxygen) >= limit, above, 10 - 9 * oxygen / limit), np.nan)


@method(
    "water.exceedance_multiple", edition="2011", clause=Clause(RIVERS), status="secondary", formula="B = (C - Cs) / Cs"
)
def exceedance_multiple(
    concentration: A[Array, Q("mg/L", "浓度", "concentration", low=0, symbol="C")], limit: _Limit
) -> A[Array, Q("x", "超标倍数", "exceedance multiple", symbol="B")]:
    """How far above the limit, in multiples of it; not for water temperature, pH and DO. Shapes: mutually broadcastable."""
    return (concentration - limit) / limit


@method("water.tli_item", edition="2001", clause=Clause(LAKES), status="secondary", formula="TLI = 10 (a + b ln x)")
def tli_item(
    value: A[
        Array, Q("-", "指标浓度", "value in the unit of its row: chla mg/m3, TP TN CODMn mg/L, SD m", low=0, symbol="x")
    ],
    a: A[Array, Q("-", "系数 a", "coefficient a", symbol="a")],
    b: A[Array, Q("-", "系数 b", "coefficient b", symbol="b")],
) -> A[Array, Q("index", "单项营养状态指数", "trophic level index of one item")]:
    """Trophic level of one item. Shapes: mutually broadcastable. A value of 0 gives minus infinity."""
    return 10 * (a + b * np.log(value))


@method(
    "water.tli", edition="2001", clause=Clause(LAKES), status="secondary",
    formula="w_j = r_j^2 / sum(r_j^2)\nTLI = sum(w_j TLI_j)",
)  # fmt: skip
def tli(
    items: A[Array, Q("index", "单项指数", "index of each item", axis="item", symbol="TLIj")],
    correlation: A[Array, Q("-", "与叶绿素 a 的相关系数", "correlation with chlorophyll a", axis="item", symbol="r")],
) -> A[Array, Q("index", "综合营养状态指数", "trophic level index")]:
    """Mean of the items weighted by squared correlation. Shapes: items on the last axis of both.

    The weights come from r, not from the printed four digits.
    """
    weight = np.square(correlation)
    return np.sum(items * weight, axis=-1) / np.sum(weight, axis=-1)


@method(
    "water.load",
    edition="1",
    clause=Clause(OWN, "concentration times discharge over time"),
    status="project",
    formula="L = C Q t",
)
def load(
    concentration: A[Array, Q("g/m3", "浓度", "concentration", low=0, symbol="C")],
    discharge: A[Array, Q("m3/s", "流量", "discharge", low=0, symbol="Q")],
    duration: A[Array, Q("s", "历时", "duration", low=0, symbol="t")],
) -> A[Array, Q("g", "通过断面的污染物量", "mass passing the section", symbol="L")]:
    """Mass that passes a section. Shapes: mutually broadcastable."""
    return concentration * discharge * duration
