"""Sand fixation after HJ 1173-2021 annex A.3 (RWEQ): transport, critical length, loss, retention.

WF and the distance z are inputs (their equations and values are open). K' is the surface roughness, not the K
of the water part; and coarse sand (0.2-2 mm) is not the sand of `rusle`. A cell the standard cannot judge is NaN;
`soil.rweq_cell_state` says why.
"""

from __future__ import annotations

import numpy as np

from qingshan.core.method import A, Array, Choice, Clause, Q, method

HJ1173 = "HJ 1173-2021 全国生态状况调查评估技术规范——生态系统服务功能评估"
EDITION = "hj1173_2021"

KG_M2_TO_T_KM2 = 1000.0  # S_L is kg/m2 by dimension although t/(km2 a) is printed
RWEQ_STATES = ("有效", "无黏粒", "可蚀成分不为正", "起伏超出适用范围", "未知")

Silt = A[Array, Q("%", "粉粒含量", "silt", low=0, high=100, symbol="si")]
Clay = A[Array, Q("%", "黏粒含量", "clay", low=0, high=100, symbol="cl")]
CoarseSand = A[Array, Q("%", "粗砂含量（0.2-2 mm）", "coarse sand, 0.2-2 mm", low=0, high=100, symbol="sa")]
OrganicMatter = A[Array, Q("%", "有机质含量", "organic matter", low=0, high=100, symbol="OM")]
CalciumCarbonate = A[
    Array, Q("%", "碳酸钙含量（可取 0）", "calcium carbonate (may be 0)", low=0, high=100, symbol="CaCO3")
]
Ridge = A[Array, Q("cm", "土垄糙度", "ridge roughness", low=0, symbol="Kr")]
RandomRoughness = A[Array, Q("cm", "随机糙度（取 0）", "random roughness, taken as 0", low=0, symbol="Crr")]
Load = A[Array, Q("kg/m", "风蚀驱动量", "wind transport term", low=0, symbol="X")]
PotentialLoad = A[Array, Q("kg/m", "潜在风蚀驱动量", "potential transport term", low=0, symbol="X_p")]
Distance = A[Array, Q("m", "计算下风向距离", "downwind distance", low=0, symbol="z")]


def _erodible(coarse_sand: Array, silt: Array, clay: Array, organic_matter: Array, caco3: Array) -> Array:
    """A.18 as printed; NaN where there is no clay to divide by."""
    sa, si, cl, om = coarse_sand, silt, np.where(np.asarray(clay) > 0, clay, np.nan), organic_matter
    return (29.09 + 0.31 * sa + 0.17 * si + 0.33 * sa / cl - 2.59 * om - 0.95 * caco3) / 100


@method(
    "soil.wind_erodible_fraction", edition=EDITION, clause=Clause(HJ1173, "附录A.3 (A.18)"), status="ocr_doubt",
    zh="土壤可蚀成分", en="wind-erodible fraction",
    formula="EF = (29.09 + 0.31 sa + 0.17 si + 0.33 sa/cl - 2.59 OM - 0.95 CaCO3)/100",
)  # fmt: skip
def wind_erodible_fraction(
    coarse_sand: CoarseSand,
    silt: Silt,
    clay: Clay,
    organic_matter: OrganicMatter,
    caco3: CalciumCarbonate,
) -> A[Array, Q("1", "土壤可蚀成分", "wind-erodible fraction", symbol="EF")]:
    """Share of the soil that wind can carry. No clay, or EF <= 0: NaN. Organic matter, not carbon."""
    fraction = _erodible(coarse_sand, silt, clay, organic_matter, caco3)
    return np.where(fraction > 0, fraction, np.nan)


@method(
    "soil.wind_crust", edition=EDITION, clause=Clause(HJ1173, "附录A.3 (A.19)"), status="ocr_doubt",
    zh="土壤结皮因子", en="soil crust factor", formula="SCF = 1/(1 + 0.0066 cl^2 + 0.021 OM^2)",
)  # fmt: skip
def wind_crust(
    clay: Clay,
    organic_matter: OrganicMatter,
) -> A[Array, Q("1", "土壤结皮因子", "soil crust factor", symbol="SCF")]:
    """Reduction by the soil crust, 0-1."""
    return 1 / (1 + 0.0066 * np.asarray(clay) ** 2 + 0.021 * np.asarray(organic_matter) ** 2)


@method(
    "soil.wind_cover", edition=EDITION, clause=Clause(HJ1173, "附录A.3 (A.20)"), status="ocr_doubt",
    zh="植被覆盖因子（风蚀）", en="cover factor, wind", formula="C = exp(-a_i SC)",
)  # fmt: skip
def wind_cover(
    cover: A[Array, Q("%", "植被覆盖度", "vegetation cover", low=0, high=100, symbol="SC")],
    a: A[Array, Q("1/%", "植被类型系数", "coefficient of the vegetation type", low=0, symbol="a_i")],
) -> A[Array, Q("1", "植被覆盖因子", "cover factor", symbol="C")]:
    """Reduction by vegetation; cover in percent is inferred from the size of a_i."""
    return np.exp(-np.asarray(a) * cover)


def _roughness(kr: Array, crr: Array) -> Array:
    """A.21 as printed; may overflow to infinity, which is above 1 like every value out of its domain."""
    with np.errstate(over="ignore"):
        return np.exp(1.86 * kr - 2.41 * kr**0.934 - 0.127 * crr)


@method(
    "soil.wind_roughness", edition=EDITION, clause=Clause(HJ1173, "附录A.3 (A.21)"), status="ocr_doubt",
    zh="地表糙度因子", en="surface roughness factor", formula="K' = exp(1.86 Kr - 2.41 Kr^0.934 - 0.127 Crr)",
)  # fmt: skip
def wind_roughness(
    kr: Ridge,
    crr: RandomRoughness,
) -> A[Array, Q("1", "地表糙度因子", "surface roughness factor", symbol="K'")]:
    """Reduction by surface roughness.

    K' passes 1 from Kr = 50.6533 cm on and then explodes: such relief is outside the equation and the cell is NaN.
    """
    factor = _roughness(np.asarray(kr, dtype=np.float64), np.asarray(crr, dtype=np.float64))
    return np.where(factor > 1, np.nan, factor)


@method(
    "soil.ridge_roughness", edition=EDITION, clause=Clause(HJ1173, "附录A.3 (A.22)"),
    zh="土垄糙度", en="ridge roughness", formula="Kr = 0.2 dH^2/L (cm)",
)  # fmt: skip
def ridge_roughness(
    height_difference: A[Array, Q("m", "高差", "height difference", low=0, symbol="dH")],
    length: A[Array, Q("m", "地势起伏距离", "distance of the relief", low=0, symbol="L")],
    length_unit: A[str, Choice("式 (A.22) 中 dH、L 的单位", "unit of dH and L in A.22", ("cm", "m"))],
) -> Ridge:
    """Roughness in cm from relief. The units of dH and L are not printed: `length_unit` must be declared.

    `cm` puts dH and L into the equation in cm, `m` in m; the number that comes out is read as cm. L = 0: NaN.
    """
    dh, distance = np.asarray(height_difference), np.where(np.asarray(length) > 0, length, np.nan)
    per_metre = 100.0 if length_unit == "cm" else 1.0
    return 0.2 * (dh * per_metre) ** 2 / (distance * per_metre)


@method(
    "soil.wind_load", edition=EDITION, clause=Clause(HJ1173, "附录A.3 (A.15)(A.16)"),
    zh="风蚀驱动量", en="wind transport term", formula="X = WF EF SCF K' C (C = 1: potential)",
)  # fmt: skip
def wind_load(
    weather: A[Array, Q("kg/m", "气候因子", "weather factor", low=0, symbol="WF")],
    erodible: A[Array, Q("1", "土壤可蚀成分", "wind-erodible fraction", low=0, high=1, symbol="EF")],
    crust: A[Array, Q("1", "土壤结皮因子", "soil crust factor", low=0, high=1, symbol="SCF")],
    roughness: A[Array, Q("1", "地表糙度因子", "surface roughness factor", low=0, high=1, symbol="K'")],
    cover: A[Array, Q("1", "植被覆盖因子（潜在取 1）", "cover factor, 1 for the potential", low=0, high=1, symbol="C")],
) -> Load:
    """The product that both equations of the loss use. A.15 prints K: it is the roughness K', not the erodibility."""
    return weather * erodible * crust * roughness * cover


@method(
    "soil.wind_capacity", edition=EDITION, clause=Clause(HJ1173, "附录A.3 (A.15)(A.16)"),
    zh="最大风蚀输沙量", en="maximum transport", formula="Qmax = 109.8 X",
)  # fmt: skip
def wind_capacity(
    load: Load,
) -> A[Array, Q("kg/m", "最大风蚀输沙量", "maximum transport", symbol="Qmax")]:
    """Transport capacity of the wind."""
    return 109.8 * np.asarray(load)


def _critical_length(load: Array) -> Array:
    """S of A.15 (150.71; the 105.71 in circulation is a misprint). Infinite where nothing moves."""
    with np.errstate(divide="ignore"):
        return 150.71 * np.asarray(load, dtype=np.float64) ** -0.3711


@method(
    "soil.wind_critical_length", edition=EDITION, clause=Clause(HJ1173, "附录A.3 (A.15)(A.16)"), status="ocr_doubt",
    zh="关键地块长度", en="critical field length", formula="S = 150.71 X^-0.3711",
)  # fmt: skip
def wind_critical_length(
    load: Load,
) -> A[Array, Q("m", "关键地块长度", "critical field length", symbol="S")]:
    """Length at which 63 % of the capacity is reached; infinite where X = 0."""
    return _critical_length(load)


def _loss(load: Array, distance: Array) -> Array:
    """S_L in t/(km2 a)."""
    load, distance = np.asarray(load, dtype=np.float64), np.asarray(distance, dtype=np.float64)
    s = _critical_length(load)
    return 2 * distance / s**2 * (109.8 * load) * np.exp(-((distance / s) ** 2)) * KG_M2_TO_T_KM2


@method(
    "soil.wind_loss", edition=EDITION, clause=Clause(HJ1173, "附录A.3 (A.15)(A.16)"), status="ocr_doubt",
    zh="风力侵蚀量", en="wind erosion", formula="S_L = (2z/S^2) Qmax exp(-(z/S)^2)",
)  # fmt: skip
def wind_loss(
    load: Load,
    distance: Distance,
) -> A[Array, Q("t/(km2 a)", "风力侵蚀量", "wind erosion", symbol="S_L")]:
    """Loss at distance z. The equation gives kg/m2, the printed unit is t/(km2 a): multiplied by 1000. X = 0: 0."""
    return _loss(load, distance)


@method(
    "soil.sand_retention", edition=EDITION, clause=Clause(HJ1173, "附录A.3 (A.14)"), status="ocr_doubt",
    zh="防风固沙量", en="sand fixed", formula="SR = S_L(potential) - S_L(actual)",
)  # fmt: skip
def sand_retention(
    potential_load: PotentialLoad,
    actual_load: Load,
    distance: Distance,
) -> A[Array, Q("t/(km2 a)", "防风固沙量", "sand fixed", symbol="SR")]:
    """Sand that vegetation keeps in place. It can be negative beyond the critical length: never clipped.

    Read it with `soil.beyond_critical_length`.
    """
    return _loss(potential_load, distance) - _loss(actual_load, distance)


@method(
    "soil.beyond_critical_length", edition=EDITION, clause=Clause(HJ1173, "附录A.3 (A.15)"), status="project",
    zh="超过关键长度标记", en="beyond the critical length", formula="1 where z > S_p/sqrt 2",
)  # fmt: skip
def beyond_critical_length(
    potential_load: PotentialLoad,
    distance: Distance,
) -> A[Array, Q("class", "超过关键长度标记", "beyond the critical length", labels=("否", "是"))]:
    """Companion of `soil.sand_retention`: S_L(z) falls again from S/sqrt 2 on; the potential's S is the shorter."""
    limit = _critical_length(potential_load) / np.sqrt(2)
    return np.where(np.isnan(limit + distance), np.nan, distance > limit)


@method(
    "soil.rweq_cell_state", edition=EDITION, clause=Clause(HJ1173, "附录A.3"), status="project",
    zh="风蚀像元有效性", en="state of a wind-erosion cell",
    formula="first that holds: unknown; cl = 0; EF <= 0; K' > 1",
)  # fmt: skip
def rweq_cell_state(
    *,
    coarse_sand: CoarseSand,
    silt: Silt,
    clay: Clay,
    organic_matter: OrganicMatter,
    caco3: CalciumCarbonate,
    kr: Ridge,
    crr: RandomRoughness,
) -> A[Array, Q("class", "像元有效性", "cell state", labels=RWEQ_STATES)]:
    """Why a cell is NaN in A.18 or A.21: 0 valid, 1 no clay, 2 EF <= 0, 3 relief out of domain, 4 unknown."""
    given = np.broadcast_arrays(coarse_sand, silt, clay, organic_matter, caco3, kr, crr)
    coarse_sand, silt, clay, organic_matter, caco3, kr, crr = (np.asarray(v, dtype=np.float64) for v in given)
    unknown = np.isnan(coarse_sand + silt + clay + organic_matter + caco3 + kr + crr)
    fraction = _erodible(coarse_sand, silt, clay, organic_matter, caco3)
    return np.select([unknown, clay == 0, fraction <= 0, _roughness(kr, crr) > 1], [4.0, 1.0, 2.0, 3.0], default=0.0)
