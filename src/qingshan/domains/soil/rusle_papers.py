"""RUSLE as two open papers print it: `weibei2019` (渭北, monthly R, EPIC K, continuous C) and `huanghua2011` (黄骅,
daily R, L exponent by slope class). Drafts and comparison only; never mixed with `rusle` (HJ 1173-2021).

The papers do not state the unit of R: it is returned as the bare number of the source, and an account using it
must declare its unit first. NaN in, NaN out.
"""

from __future__ import annotations

import numpy as np

from qingshan.core.method import A, Array, Choice, Clause, Q, method

WEIBEI = "《渭北矿区土壤侵蚀评估及驱动因素分析》 ChinaXiv-201911.00021V1"
HUANGHUA = "陈召亚等《黄骅市土壤保持价值年内动态特征》 ChinaXiv-201711.00309V1"
LHASA = "Lhasa ecological platform design document (cites GB/T 38582-2020 and HJ 1173)"

REFERENCE_LENGTH = 22.13  # m, standard plot
US_TO_SI = 0.1317  # K: US customary -> t hm2 h/(hm2 MJ mm)

R_UNIT = "MJ mm/(hm2 h a)"
K_UNIT = "t hm2 h/(hm2 MJ mm)"

R = A[Array, Q(R_UNIT, "降雨侵蚀力因子", "rainfall erosivity factor", low=0, symbol="R")]
K = A[Array, Q(K_UNIT, "土壤可蚀性因子", "soil erodibility factor", low=0, symbol="K")]
L = A[Array, Q("1", "坡长因子", "slope length factor", low=0, symbol="L")]
S = A[Array, Q("1", "坡度因子", "slope steepness factor", low=0, symbol="S")]
C = A[Array, Q("1", "植被覆盖与管理因子", "cover factor", low=0, high=1, symbol="C")]
Slope = A[Array, Q("degree", "坡度", "slope", low=0, high=90, symbol="t")]
SlopeLength = A[Array, Q("m", "坡长", "slope length", low=0, symbol="len")]
LengthCap = A[Array, Q("m", "坡长上限", "upper limit of slope length", low=0)]
RillConstant = A[Array, Q("1", "细沟侵蚀比常数", "constant of the rill ratio", low=0.01, high=1)]
Sand = A[Array, Q("%", "砂粒含量", "sand", low=0, high=100, symbol="Sa")]
Silt = A[Array, Q("%", "粉粒含量", "silt", low=0, high=100, symbol="Si")]
Clay = A[Array, Q("%", "黏粒含量", "clay", low=0, high=100, symbol="Cl")]
Carbon = A[Array, Q("%", "有机碳含量", "organic carbon", low=0, high=100, symbol="C")]
Epic = A[Array, Q("1", "EPIC 模型可蚀性（原文未标单位）", "EPIC erodibility, unit as source", symbol="K")]
SourceR = A[Array, Q("1", "降雨侵蚀力（原文未标单位）", "rainfall erosivity, unit as source", symbol="R")]
DailyBeta = A[Array, Q("1", "日雨量模型指数", "exponent of the daily model", low=0.8363, symbol="beta")]


@method(
    "soil.fournier", edition="weibei2019", clause=Clause(WEIBEI, "R 因子, F"),
    zh="修正 Fournier 指数", en="modified Fournier index", formula="F = (1/N) sum_years [sum_m P_m^2 / sum_m P_m]",
)  # fmt: skip
def fournier(
    rain: A[Array, Q("mm", "月降水量", "monthly rain", low=0, high=5000, axis="year month", symbol="P_m")],
) -> A[Array, Q("mm", "修正 Fournier 指数", "modified Fournier index", symbol="F")]:
    """Mean over years of the yearly index. Shapes: `rain` (..., year, 12), result (...). A year with no rain adds 0."""
    rain = np.asarray(rain, dtype=np.float64)
    total = rain.sum(axis=-1)
    yearly = (rain**2).sum(axis=-1) / np.where(total == 0, 1.0, total)
    return yearly.mean(axis=-1)


@method(
    "soil.r_monthly", edition="weibei2019", clause=Clause(WEIBEI, "R 因子"),
    zh="降雨侵蚀力（月雨量模型）", en="rainfall erosivity, monthly model", formula="R = 0.1833 F^1.9957",
)  # fmt: skip
def r_monthly(
    fournier: A[Array, Q("mm", "修正 Fournier 指数", "modified Fournier index", low=0, symbol="F")],
    alpha: A[Array, Q("1", "系数", "coefficient", low=0)],
    beta: A[Array, Q("1", "指数", "exponent", low=0)],
) -> SourceR:
    """Erosivity from monthly rain. The paper states no unit: the bare number is returned."""
    return alpha * fournier**beta


@method(
    "soil.r_daily_beta", edition="huanghua2011", clause=Clause(HUANGHUA, "R 因子, beta"),
    zh="日雨量模型指数", en="exponent of the daily model", formula="beta = 0.8363 + 18.144/Pd12 + 24.455/Py12",
)  # fmt: skip
def r_daily_beta(
    mean_erosive_day: A[Array, Q("mm", "侵蚀性降水日均雨量", "mean rain of erosive days", low=12, symbol="Pd12")],
    mean_erosive_year: A[Array, Q("mm", "侵蚀性降水年均雨量", "yearly rain of erosive days", low=12, symbol="Py12")],
) -> DailyBeta:
    """Exponent fitted to the local rain. Shapes: any mutually broadcastable arrays."""
    return 0.8363 + 18.144 / mean_erosive_day + 24.455 / mean_erosive_year


@method(
    "soil.r_daily_lambda", edition="huanghua2011", clause=Clause(HUANGHUA, "R 因子, lambda"),
    zh="日雨量模型系数", en="coefficient of the daily model", formula="lambda = 21.586 beta^-7.1891",
)  # fmt: skip
def r_daily_lambda(
    beta: DailyBeta,
) -> A[Array, Q("1", "日雨量模型系数", "coefficient of the daily model", symbol="lambda")]:
    """Coefficient that belongs to the exponent."""
    return 21.586 * np.asarray(beta) ** -7.1891


@method(
    "soil.r_daily", edition="huanghua2011", clause=Clause(HUANGHUA, "R 因子"),
    zh="降雨侵蚀力（日雨量模型）", en="rainfall erosivity, daily model",
    formula="R = lambda sum(D^beta), days D >= 12 mm",
)  # fmt: skip
def r_daily(
    rain: A[Array, Q("mm", "日降水量", "daily rain", low=0, high=2000, axis="day", symbol="D")],
    erosive_rain: A[Array, Q("mm", "侵蚀性降水日雨量标准", "daily rain of an erosive day", low=0)],
    beta: DailyBeta,
    coefficient: A[Array, Q("1", "日雨量模型系数", "coefficient of the daily model", low=0, symbol="lambda")],
) -> SourceR:
    """Erosivity of the days on the last axis of `rain` (..., day); `beta` and `coefficient` are (...) or scalars.

    Days below `erosive_rain` add nothing; a NaN day makes the sum NaN.
    """
    rain = np.asarray(rain, dtype=np.float64)
    power = rain ** np.asarray(beta)[..., np.newaxis]
    erosive = rain >= np.asarray(erosive_rain)[..., np.newaxis]
    return coefficient * np.where(erosive | np.isnan(rain), power, 0.0).sum(axis=-1)


def _epic(sand: Array, silt: Array, clay: Array, carbon: Array) -> Array:
    """The EPIC expression on percentages; NaN where there are no fines or the texture does not close to 99-101 %."""
    sn = 1 - sand / 100
    fines = np.where(clay + silt > 0, clay + silt, np.nan)
    k = (
        (0.2 + 0.3 * np.exp(-0.0256 * sand * (1 - silt / 100)))
        * (silt / fines) ** 0.3
        * (1 - 0.25 * carbon / (carbon + np.exp(3.72 - 2.95 * carbon)))
        * (1 - 0.7 * sn / (sn + np.exp(-5.51 + 22.9 * sn)))
    )
    return np.where(np.abs(sand + silt + clay - 100) <= 1, k, np.nan)


_EPIC_FORMULA = (
    "K = {0.2 + 0.3 exp[-0.0256 Sa (1 - Si/100)]} (Si/(Cl + Si))^0.3 (1 - 0.25 C/(C + exp(3.72 - 2.95 C)))"
    " (1 - 0.7 Sn/(Sn + exp(-5.51 + 22.9 Sn))), Sn = 1 - Sa/100"
)


@method(
    "soil.k_epic", edition="weibei2019", clause=Clause(WEIBEI, "K 因子"),
    zh="EPIC 模型可蚀性（原文单位制）", en="EPIC erodibility, unit system of the source", formula=_EPIC_FORMULA,
)  # fmt: skip
def k_epic(
    sand: Sand,
    silt: Silt,
    clay: Clay,
    organic_carbon: Carbon,
) -> Epic:
    """The bare number of the expression. No fines, or a texture sum outside 99-101 %: NaN."""
    return _epic(sand, silt, clay, organic_carbon)


@method(
    "soil.k", edition="weibei2019", clause=Clause(WEIBEI, "K 因子"),
    zh="土壤可蚀性因子", en="soil erodibility factor", formula=_EPIC_FORMULA + "; * 0.1317 where read as US customary",
)  # fmt: skip
def k(
    sand: Sand,
    silt: Silt,
    clay: Clay,
    organic_carbon: Carbon,
    k_unit_system: A[str, Choice("K 值单位制", "unit system of the K expression", ("us_customary", "si"))],
) -> K:
    """K in SI. The paper does not say which unit system the expression gives: `k_unit_system` must be declared.

    `us_customary` multiplies by 0.1317 (the factor of HJ 1173-2021 A.8, hence inferred here), `si` takes the number as
    it is.
    """
    epic = _epic(sand, silt, clay, organic_carbon)
    return epic * US_TO_SI if k_unit_system == "us_customary" else epic


@method(
    "soil.l", edition="weibei2019", clause=Clause(WEIBEI, "L 因子"),
    zh="坡长因子", en="slope length factor",
    formula="L = (len/22.13)^m, m = b/(1 + b), b = (sin t/0.0896)/(3 sin^0.8 t + 0.56)",
)  # fmt: skip
def l_rill_ratio(
    slope_length: SlopeLength,
    slope: Slope,
    slope_length_max: LengthCap,
    beta_constant: RillConstant,
) -> L:
    """Slope length factor with m from the rill ratio. `slope_length_max` caps the length; a length of 0 is NaN."""
    sine = np.sin(np.radians(slope))
    b = (sine / beta_constant) / (3 * sine**0.8 + 0.56)
    length = np.minimum(slope_length, slope_length_max)
    return np.where(length > 0, (length / REFERENCE_LENGTH) ** (b / (1 + b)), np.nan)


@method(
    "soil.l", edition="huanghua2011", clause=Clause(HUANGHUA, "L 因子"),
    zh="坡长因子（坡度分级）", en="slope length factor by slope class",
    formula="L = (len/22.13)^m, m = 0.5 (slope >= 9 %), 0.4 (3-9 %), 0.3 (1-3 %), 0.2 (< 1 %)",
)  # fmt: skip
def l_slope_class(
    slope_length: SlopeLength,
    slope: Slope,
    slope_length_max: LengthCap,
    m: A[Array, Q("1", "四级坡度的坡长指数（由缓到陡）", "exponent of the four slope classes, gentle to steep",
                  low=0, high=1, axis="class", symbol="m")],
) -> L:  # fmt: skip
    """Slope length factor with m by slope class; slope is an angle, the classes are percent (tangent).

    Shapes: `m` (..., 4), the rest broadcastable. The length is capped by `slope_length_max`; a length of 0 is NaN.
    """
    percent = 100 * np.tan(np.radians(np.asarray(slope, dtype=np.float64)))
    gentlest, gentle, medium, steep = np.moveaxis(np.asarray(m), -1, 0)
    chosen = np.select(
        [percent >= 9, percent >= 3, percent >= 1, percent < 1], [steep, medium, gentle, gentlest], np.nan
    )
    length = np.minimum(slope_length, slope_length_max)
    return np.where(length > 0, (length / REFERENCE_LENGTH) ** chosen, np.nan)


@method(
    "soil.s", edition="weibei2019", clause=Clause(WEIBEI, "S 因子"),
    zh="坡度因子", en="slope steepness factor",
    formula="S = 10.8 sin t + 0.03 (t < 5.1428); 16.8 sin t - 0.5 (< 14.0362); 21.91 sin t - 0.96 (above)",
)  # fmt: skip
def s(
    slope: Slope,
) -> S:
    """Slope steepness factor with the paper's breaks; no upper limit."""
    slope = np.asarray(slope, dtype=np.float64)
    sine = np.sin(np.radians(slope))
    return np.select(
        [slope < 5.1428, slope < 14.0362, slope >= 14.0362],
        [10.8 * sine + 0.03, 16.8 * sine - 0.5, 21.91 * sine - 0.96],
        default=np.nan,
    )


@method(
    "soil.c", edition="weibei2019", clause=Clause(WEIBEI, "C 因子"),
    zh="植被覆盖与管理因子", en="cover factor",
    formula="C = 1 (f <= 0.1 %); 0.6508 - 0.3436 log10 f (f <= 78.3 %); 0 (above)",
)  # fmt: skip
def c(
    cover: A[Array, Q("%", "植被覆盖度", "vegetation cover", low=0, high=100, symbol="f")],
) -> C:
    """C by cover in percent. The steps at 0.1 % and 78.3 % are printed and kept."""
    cover = np.asarray(cover, dtype=np.float64)
    middle = 0.6508 - 0.3436 * np.log10(np.maximum(cover, 0.1))
    return np.where(cover <= 0.1, 1.0, np.where(cover > 78.3, 0.0, middle))


@method(
    "soil.cover_dichotomy", edition="lhasa_platform", clause=Clause(LHASA, "植被覆盖度"), status="secondary",
    zh="植被覆盖度（像元二分）", en="vegetation cover, pixel dichotomy",
    formula="f = (NDVI - NDVI_5)/(NDVI_95 - NDVI_5) * 100, clipped to 0-100 %",
)  # fmt: skip
def cover_dichotomy(
    ndvi: A[Array, Q("1", "植被指数", "NDVI", low=-1, high=1, axis="cell")],
    low_percentile: A[Array, Q("%", "裸土累积频率", "percentile of bare soil", low=0, high=100)],
    high_percentile: A[Array, Q("%", "纯植被累积频率", "percentile of full cover", low=0, high=100)],
) -> A[Array, Q("%", "植被覆盖度", "vegetation cover", low=0, high=100, symbol="f")]:
    """Cover between two percentiles of the NDVI of one area, clipped as the source says.

    Shapes: `ndvi` (..., cell), percentiles scalar; percentiles leave NaN cells out, and those stay NaN. An area whose
    two percentiles are equal is NaN.
    """
    ndvi = np.asarray(ndvi, dtype=np.float64)
    bare, full = np.nanpercentile(ndvi, [float(low_percentile), float(high_percentile)], axis=-1, keepdims=True)
    span = np.where(full > bare, full - bare, np.nan)
    return np.clip((ndvi - bare) / span * 100, 0, 100)


@method(
    "soil.actual_loss", edition="weibei2019", clause=Clause(WEIBEI, "RUSLE"),
    zh="实际土壤侵蚀量", en="actual soil loss", formula="A = R K L S C P",
)  # fmt: skip
def actual_loss(
    *,
    r: R,
    k: K,
    l: L,  # noqa: E741
    s: S,
    c: C,
    p: A[Array, Q("1", "水土保持措施因子", "support practice factor", low=0, high=1, symbol="P")],
) -> A[Array, Q("t/(hm2 a)", "实际土壤侵蚀量", "actual soil loss", symbol="A")]:
    """Loss under cover and practice. Water and built cells lose nothing only where the P or C table says so."""
    return r * k * l * s * c * p


@method(
    "soil.potential_loss", edition="weibei2019", clause=Clause(WEIBEI, "RUSLE"),
    zh="潜在土壤侵蚀量", en="potential soil loss", formula="A_p = R K L S",
)  # fmt: skip
def potential_loss(
    r: R,
    k: K,
    l: L,  # noqa: E741
    s: S,
) -> A[Array, Q("t/(hm2 a)", "潜在土壤侵蚀量", "potential soil loss", symbol="A_p")]:
    """Loss with neither cover nor practice. Shapes: any mutually broadcastable arrays."""
    return r * k * l * s


@method(
    "soil.retention", edition="weibei2019", clause=Clause(WEIBEI, "RUSLE"),
    zh="土壤保持量", en="soil retained", formula="retention = A_p - A",
)  # fmt: skip
def retention(
    potential: A[Array, Q("t/(hm2 a)", "潜在土壤侵蚀量", "potential soil loss", low=0, symbol="A_p")],
    actual: A[Array, Q("t/(hm2 a)", "实际土壤侵蚀量", "actual soil loss", low=0, symbol="A")],
) -> A[Array, Q("t/(hm2 a)", "土壤保持量", "soil retained")]:
    """Potential less actual loss. A negative value is kept: the account flags it."""
    return potential - actual
