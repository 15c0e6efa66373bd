"""Soil retention after HJ 1173-2021 annex A.2: R, K, L, S, C, potential and actual loss, retention. No P factor.

Factors of this profile are never mixed with those of `rusle_papers`. A NaN in any input is unknown and stays NaN;
a cell that the standard cannot judge (no fines, texture not closing, K <= 0, no slope length) is NaN too, and
`soil.rusle_cell_state` says why.
"""

from __future__ import annotations

import numpy as np

from qingshan.core.method import A, Array, Clause, Q, method

HJ1173 = "HJ 1173-2021 全国生态状况调查评估技术规范——生态系统服务功能评估"
EDITION = "hj1173_2021"

REFERENCE_LENGTH = 22.13  # m, standard plot
US_TO_SI = 0.1317  # K: US customary -> t hm2 h/(hm2 MJ mm); unit factor of A.8

R_UNIT = "MJ mm/(hm2 h a)"
K_UNIT = "t hm2 h/(hm2 MJ mm)"
HALF_MONTHS = 24
RUSLE_STATES = ("有效", "缺少细粒", "质地合计不闭合", "可蚀性不为正", "坡长为零", "未知")

R = A[Array, Q(R_UNIT, "降雨侵蚀力因子", "rainfall erosivity factor", low=0, symbol="R")]
K = A[Array, Q(K_UNIT, "土壤可蚀性因子", "soil erodibility factor", low=0, symbol="K")]
L = A[Array, Q("1", "坡长因子", "slope length factor", low=0, symbol="L")]
S = A[Array, Q("1", "坡度因子", "slope steepness factor", low=0, symbol="S")]
C = A[Array, Q("1", "植被覆盖与管理因子", "cover factor", low=0, high=1, symbol="C")]
Slope = A[Array, Q("degree", "坡度", "slope", low=0, high=90, symbol="t")]
SlopeLength = A[Array, Q("m", "坡长", "slope length", low=0, symbol="lambda")]
LengthCap = A[Array, Q("m", "坡长上限", "upper limit of slope length", low=0)]
RillConstant = A[Array, Q("1", "细沟侵蚀比常数", "constant of the rill ratio", low=0.01, high=1)]
Sand = A[Array, Q("%", "砂粒含量（0.05-2 mm）", "sand, 0.05-2 mm", low=0, high=100, symbol="ms")]
Silt = A[Array, Q("%", "粉粒含量（0.002-0.05 mm）", "silt, 0.002-0.05 mm", low=0, high=100, symbol="msilt")]
Clay = A[Array, Q("%", "黏粒含量（<0.002 mm）", "clay, below 0.002 mm", low=0, high=100, symbol="mc")]
Carbon = A[Array, Q("%", "有机碳含量", "organic carbon", low=0, high=100, symbol="orgC")]
Epic = A[Array, Q("1", "EPIC 可蚀性（美制数值）", "EPIC erodibility, US number", low=0, high=1, symbol="K_EPIC")]
Cover = A[Array, Q("fraction", "植被覆盖度（小数）", "vegetation cover, fraction", low=0, high=1, symbol="c")]
HalfMonthR = A[Array, Q(R_UNIT, "半月降雨侵蚀力", "half-month erosivity", low=0, axis="half-month", symbol="R_k")]
Potential = A[Array, Q("t/(hm2 a)", "潜在土壤侵蚀量", "potential soil loss", low=0, symbol="Q_se_p")]
Actual = A[Array, Q("t/(hm2 a)", "实际土壤侵蚀量", "actual soil loss", low=0, symbol="Q_se_a")]


def _last(value: Array) -> Array:
    """The value with one more axis at the end, to meet days or half-months."""
    return np.asarray(value, dtype=np.float64)[..., np.newaxis]


@method(
    "soil.r_half_month", edition=EDITION, clause=Clause(HJ1173, "附录A.2 (A.6)"),
    zh="半月降雨侵蚀力", en="half-month rainfall erosivity",
    formula="R_k = (1/n) * sum_years sum_days alpha * P^1.7265, days with erosive rain of half-month k",
)  # fmt: skip
def r_half_month(
    *,
    rain: A[Array, Q("mm", "日降水量", "daily rain", low=0, high=2000, axis="day", symbol="P")],
    half_month: A[Array, Q("1", "所属半月（1-24）", "half-month of the day", low=1, high=24, axis="day", symbol="k")],
    warm_first_month: A[Array, Q("1", "暖季首月", "first month of the warm season", low=1, high=12)],
    warm_last_month: A[Array, Q("1", "暖季末月", "last month of the warm season", low=1, high=12)],
    erosive_rain: A[Array, Q("mm", "侵蚀性降水日雨量标准", "daily rain of an erosive day", low=0)],
    alpha_warm: A[Array, Q("1", "暖季系数", "coefficient of the warm season", low=0, symbol="alpha")],
    alpha_cool: A[Array, Q("1", "凉季系数", "coefficient of the cool season", low=0, symbol="alpha")],
    exponent: A[Array, Q("1", "日雨量指数", "exponent of daily rain", low=0)],
    years: A[Array, Q("count", "年数", "number of years", low=1, symbol="n")],
) -> HalfMonthR:
    """Mean erosivity of each of the 24 half-months over `years` years of daily rain.

    Shapes: `rain` (..., day) holds the days of all years one after the other, `half_month` (day,), the rest (...) or
    scalars; the result is (..., 24). Half-months 1 and 2 are January. A day counts from `erosive_rain` on. A year without
    erosive days counts in `years`. The months of the warm season and the erosive-day threshold are not printed in A.2:
    they are inputs. A NaN day makes its half-month NaN.
    """
    rain, half_month = np.asarray(rain, dtype=np.float64), np.asarray(half_month)
    daily = np.where(rain < _last(erosive_rain), 0.0, rain ** _last(exponent))
    sums = [np.sum(np.where(half_month == k + 1, daily, 0.0), axis=-1) for k in range(HALF_MONTHS)]
    month = np.arange(HALF_MONTHS) // 2 + 1
    warm = (month >= _last(warm_first_month)) & (month <= _last(warm_last_month))
    return np.where(warm, _last(alpha_warm), _last(alpha_cool)) * np.stack(sums, axis=-1) / _last(years)


@method(
    "soil.r", edition=EDITION, clause=Clause(HJ1173, "附录A.2 (A.5)"),
    zh="降雨侵蚀力因子", en="rainfall erosivity factor", formula="R = sum_{k=1..24} R_k",
)  # fmt: skip
def r(
    half_months: HalfMonthR,
) -> R:
    """Annual erosivity, the sum of the 24 half-months on the last axis."""
    return np.sum(half_months, axis=-1)


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


@method(
    "soil.k_epic", edition=EDITION, clause=Clause(HJ1173, "附录A.2 (A.7)"), status="ocr_doubt",
    zh="EPIC 模型可蚀性（未修正）", en="EPIC erodibility before correction",
    formula=(
        "K_EPIC = {0.2 + 0.3 exp[-0.0256 ms (1 - msilt/100)]} * [msilt/(mc + msilt)]^0.3"
        " * {1 - 0.25 orgC/[orgC + exp(3.72 - 2.95 orgC)]} * {1 - 0.7 Sn/[Sn + exp(-5.51 + 22.9 Sn)]}, Sn = 1 - ms/100"
    ),
)  # fmt: skip
def k_epic(
    sand: Sand,
    silt: Silt,
    clay: Clay,
    organic_carbon: Carbon,
) -> Epic:
    """Erodibility of the EPIC expression, before the correction of A.8.

    Shapes: any mutually broadcastable arrays. Organic carbon, not organic matter. The sand class is not the coarse
    sand of the wind part (0.2-2 mm). The text prints an SI unit, but A.8 multiplies by the US-to-SI factor: the number
    is in US customary units. Signs restored from the literature. No fines, or a texture sum outside 99-101 %: NaN.
    """
    return _epic(sand, silt, clay, organic_carbon)


@method(
    "soil.k", edition=EDITION, clause=Clause(HJ1173, "附录A.2 (A.8)"), status="ocr_doubt",
    zh="土壤可蚀性因子", en="soil erodibility factor", formula="K = (-0.01383 + 0.51575 K_EPIC) * 0.1317",
)  # fmt: skip
def k(
    epic: Epic,
) -> K:
    """Corrected erodibility in SI. The unit factor 0.1317 is applied here and nowhere else.

    K <= 0 (K_EPIC up to 0.0268153, which also catches a K already in SI) is not an erodibility: the cell is NaN.
    """
    corrected = (-0.01383 + 0.51575 * np.asarray(epic)) * US_TO_SI
    return np.where(corrected > 0, corrected, np.nan)


@method(
    "soil.l", edition=EDITION, clause=Clause(HJ1173, "附录A.2 (A.9)-(A.11)"), status="ocr_doubt",
    zh="坡长因子", en="slope length factor",
    formula="L = (lambda/22.13)^m, m = beta/(1 + beta), beta = (sin t/0.089)/(3 sin^0.8 t + 0.56)",
)  # fmt: skip
def l(  # noqa: E743 - the symbol of the standard
    slope_length: SlopeLength,
    slope: Slope,
    slope_length_max: LengthCap,
    beta_constant: RillConstant,
) -> L:
    """Slope length factor.

    Shapes: any mutually broadcastable arrays. `slope_length_max` caps the length (open in the text, mandatory).
    `beta_constant` is 0.089 as extracted from A.11, 0.0896 in the literature: a parameter. A length of 0 is NaN.
    """
    sine = np.sin(np.radians(slope))
    beta = (sine / beta_constant) / (3 * sine**0.8 + 0.56)
    length = np.minimum(slope_length, slope_length_max)
    return np.where(length > 0, (length / REFERENCE_LENGTH) ** (beta / (1 + beta)), np.nan)


@method(
    "soil.s", edition=EDITION, clause=Clause(HJ1173, "附录A.2 (A.12)"), status="ocr_doubt",
    zh="坡度因子", en="slope steepness factor",
    formula="S = 10.8 sin t + 0.03 (t < 5.14); 16.8 sin t - 0.5 (< 10.20); 21.9 sin t - 0.96 (< 28.81); 9.5988 (above)",
)  # fmt: skip
def s(
    slope: Slope,
) -> S:
    """Slope steepness factor. The jump from 2.475 to 2.918 at 10.20 degrees is printed and kept.

    28.81 degrees is in no printed branch: it takes the constant (project rule).
    """
    slope = np.asarray(slope, dtype=np.float64)
    sine = np.sin(np.radians(slope))
    steep = np.select(
        [slope < 5.14, slope < 10.20, slope < 28.81, slope >= 28.81],
        [10.8 * sine + 0.03, 16.8 * sine - 0.5, 21.9 * sine - 0.96, 9.5988],
        default=np.nan,
    )
    return np.asarray(steep, dtype=np.float64)


@method(
    "soil.c_cover", edition=EDITION, clause=Clause(HJ1173, "附录A.2 表A.1"),
    zh="植被覆盖与管理因子（查表）", en="cover factor from the table",
    formula="C by cover class: [0,10) [10,30) [30,50) [50,70) [70,90] (90,100] %",
)  # fmt: skip
def c_cover(
    cover: A[Array, Q("%", "植被覆盖度", "vegetation cover", low=0, high=100)],
    table: A[Array, Q("1", "表A.1 中该类型的六个 C 值", "the six C values of the type", low=0, high=1, axis="class")],
) -> C:
    """C of forest, shrub, grass, tree or shrub orchard by vegetation cover.

    Shapes: `cover` any; `table` (6,) for one type, or (..., 6) with leading axes broadcast against `cover`. 10 and 90 %
    are printed on their side; 30, 50 and 70 take the lower C, the milder loss (project rule).
    """
    cover, table = np.asarray(cover, dtype=np.float64), np.asarray(table, dtype=np.float64)
    low_to_high = (cover >= 10).astype(int) + (cover >= 30) + (cover >= 50) + (cover >= 70) + (cover > 90)
    table = np.broadcast_to(table, (*np.broadcast_shapes(cover.shape, table.shape[:-1]), 6))
    index = np.broadcast_to(low_to_high, table.shape[:-1])[..., np.newaxis]
    return np.where(np.isnan(cover), np.nan, np.take_along_axis(table, index, axis=-1)[..., 0])


def _c_dry(cover: Array) -> Array:
    """A.13 before the cap; infinite at no cover."""
    with np.errstate(divide="ignore"):
        return 0.221 - 0.595 * np.log10(cover)


@method(
    "soil.c_dry", edition=EDITION, clause=Clause(HJ1173, "附录A.2 (A.13)"), status="ocr_doubt",
    zh="旱地植被覆盖与管理因子", en="cover factor of dry cropland", formula="C = 0.221 - 0.595 log10 c, at most 1",
)  # fmt: skip
def c_dry(
    cover: Cover,
) -> C:
    """C of dry cropland. Cover is a fraction here, percent in the table.

    Below c = 0.0490632 the equation passes 1 (infinite at 0): C = 1 and `soil.c_capped` flags the cell (project rule).
    The minus sign is restored, base 10 is inferred (base e would pass 1 at c = 0.27).
    """
    return np.minimum(_c_dry(np.asarray(cover)), 1.0)


@method(
    "soil.c_capped", edition=EDITION, clause=Clause(HJ1173, "附录A.2 (A.13)"), status="project",
    zh="旱地 C 值封顶标记", en="dry-land C capped", formula="1 where 0.221 - 0.595 log10 c > 1",
)  # fmt: skip
def c_capped(
    cover: Cover,
) -> A[Array, Q("class", "旱地 C 值封顶标记", "dry-land C capped", labels=("未封顶", "封顶"))]:
    """Companion of `soil.c_dry`: 1 where C was set to 1 because the equation passes it. NaN stays NaN."""
    return np.where(np.isnan(cover), np.nan, _c_dry(np.asarray(cover)) > 1)


@method(
    "soil.potential_loss", edition=EDITION, clause=Clause(HJ1173, "附录A.2 (A.3)"),
    zh="潜在土壤侵蚀量", en="potential soil loss", formula="Q_se_p = R K L S",
)  # fmt: skip
def potential_loss(
    r: R,
    k: K,
    l: L,  # noqa: E741
    s: S,
) -> Potential:
    """Loss with no vegetation at all. Shapes: any mutually broadcastable arrays."""
    return r * k * l * s


@method(
    "soil.actual_loss", edition=EDITION, clause=Clause(HJ1173, "附录A.2 (A.4)"),
    zh="实际土壤侵蚀量", en="actual soil loss", formula="Q_se_a = R K L S C",
)  # fmt: skip
def actual_loss(
    r: R,
    k: K,
    l: L,  # noqa: E741
    s: S,
    c: C,
) -> Actual:
    """Loss under the present cover. There is no P factor: adding one leaves this profile."""
    return r * k * l * s * c


@method(
    "soil.retention", edition=EDITION, clause=Clause(HJ1173, "附录A.2 (A.2)"),
    zh="土壤保持量", en="soil retained", formula="Q_sr = Q_se_p - Q_se_a",
)  # fmt: skip
def retention(
    potential: Potential,
    actual: Actual,
) -> A[Array, Q("t/(hm2 a)", "土壤保持量", "soil retained", symbol="Q_sr")]:
    """Soil that the ecosystem holds: potential less actual loss. A negative value is kept: the account flags it."""
    return potential - actual


@method(
    "soil.rusle_cell_state", edition=EDITION, clause=Clause(HJ1173, "附录A.2"), status="project",
    zh="土壤侵蚀像元有效性", en="state of a soil-loss cell",
    formula="first that holds: unknown; mc + msilt = 0; texture sum outside 99-101 %; K <= 0; lambda = 0",
)  # fmt: skip
def rusle_cell_state(
    sand: Sand,
    silt: Silt,
    clay: Clay,
    organic_carbon: Carbon,
    slope_length: SlopeLength,
) -> A[Array, Q("class", "像元有效性", "cell state", labels=RUSLE_STATES)]:
    """Why a cell is NaN in `soil.k` or `soil.l`.

    0 valid, 1 no fines, 2 texture does not close, 3 K <= 0, 4 no slope length, 5 an input is unknown.
    """
    given = np.broadcast_arrays(sand, silt, clay, organic_carbon, slope_length)
    sand, silt, clay, organic_carbon, slope_length = (np.asarray(v, dtype=np.float64) for v in given)
    unknown = np.isnan(sand + silt + clay + organic_carbon + slope_length)
    epic = _epic(sand, silt, clay, organic_carbon)
    return np.select(
        [unknown, clay + silt == 0, np.isnan(epic), -0.01383 + 0.51575 * epic <= 0, slope_length == 0],
        [5.0, 1.0, 2.0, 3.0, 4.0],
        default=0.0,
    )
