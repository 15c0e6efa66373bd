"""Ecosystem quality after HJ 1172-2021: relative density, the survey EQI, its grade; vegetation cover.

`nature.survey_eqi` is not the regional index of the same letters (区域生态质量指数): the two are never one series.
Fmax carries the year, so yearly values measured against yearly maxima are a `moving_reference`.
"""

from __future__ import annotations

import numpy as np

from qingshan.core.errors import OutOfBounds
from qingshan.core.method import A, Array, Choice, Clause, Q, method

HJ1172 = "HJ 1172-2021 全国生态状况调查评估技术规范——生态系统质量评估"
EDITION = "hj1172_2021"

EQI_GRADES = ("差", "低", "中", "良", "优")

Lai = A[Array, Q("1", "叶面积指数", "leaf area index", low=0, axis="group cell", symbol="LAI")]
Fvc = A[Array, Q("%", "植被覆盖度", "vegetation cover", low=0, high=100, axis="group cell", symbol="FVC")]
Gpp = A[Array, Q("g C/m2", "总初级生产力", "gross primary production", low=0, axis="group cell", symbol="GPP")]
Scope = A[str, Choice("归一化的范围", "scope of min and max", ("group", "area", "none"))]


def _relative(value: Array) -> Array:
    """RVI: value over the maximum of its group; a group without a positive maximum is NaN."""
    value = np.asarray(value, dtype=np.float64)
    maximum = np.fmax.reduce(value, axis=-1, keepdims=True)
    return value / np.where(maximum > 0, maximum, np.nan)


def _normalised(rvi: Array, scope: str) -> Array:
    """Min-max over the group or the whole area, or the ratio as it is; max = min is undefined."""
    if scope == "none":
        return rvi
    axis = -1 if scope == "group" else None
    low = np.fmin.reduce(rvi, axis=axis, keepdims=True)
    high = np.fmax.reduce(rvi, axis=axis, keepdims=True)
    return (rvi - low) / np.where(high > low, high - low, np.nan)


@method(
    "nature.survey_eqi", edition=EDITION, clause=Clause(HJ1172, "6 (1)-(3)"), status="ocr_doubt",
    zh="生态系统质量指数", en="ecosystem quality index (survey)",
    formula="RVI = F/Fmax for LAI, FVC, GPP; x' = (x - min)/(max - min); EQI = (LAI + FVC + GPP)/3 * 100",
)  # fmt: skip
def survey_eqi(
    lai: Lai, fvc: Fvc, gpp: Gpp, normalise_scope: Scope
) -> A[Array, Q("1", "生态系统质量指数", "ecosystem quality index", low=0, high=100, axis="group cell", symbol="EQI")]:
    """Quality index 0-100 of one year.

    Shapes: (group, cell), a group being one ecological function zone and one of 森林, 灌丛, 草地, 农田; groups are
    padded with NaN, and a single group may be (cell,). Wetland, urban land and desert are not given: not applicable,
    not 0. The scope of min and max is not printed and must be declared: `group` (then dividing by Fmax cancels out),
    `area` (all groups together) or `none`. max = min, or no positive maximum: NaN.
    """
    parts = [_normalised(_relative(f), normalise_scope) for f in (lai, fvc, gpp)]
    return (parts[0] + parts[1] + parts[2]) / 3 * 100


@method(
    "nature.reference_cell", edition=EDITION, clause=Clause(HJ1172, "6 (1)"), status="project",
    zh="参照像元位置", en="location of the reference cell", formula="cell of the group where F = Fmax",
)  # fmt: skip
def reference_cell(
    value: A[Array, Q("1", "参数值", "value of LAI, FVC or GPP", axis="group cell", symbol="F")],
) -> A[Array, Q("rank", "参照像元序号（自 0 起）", "index of the reference cell", symbol="argmax")]:
    """Index on the last axis of the one pixel that sets Fmax, so that it can be reported. All nodata: NaN."""
    value = np.asarray(value, dtype=np.float64)
    known = ~np.isnan(value)
    return np.where(known.any(axis=-1), np.argmax(np.where(known, value, -np.inf), axis=-1), np.nan)


@method(
    "nature.eqi_grade", edition=EDITION, clause=Clause(HJ1172, "表1"), zh="生态系统质量等级", en="grade of quality",
    formula="优 >= 75; 良 [55,75); 中 [35,55); 低 [20,35); 差 < 20",
)  # fmt: skip
def eqi_grade(
    eqi: A[Array, Q("1", "生态系统质量指数", "ecosystem quality index", low=0, high=100, symbol="EQI")],
    cuts: A[Array, Q("1", "四个界值（由低到高）", "four cuts, rising", low=0, high=100, axis="class")],
) -> A[Array, Q("class", "生态系统质量等级", "grade of quality", labels=EQI_GRADES)]:
    """Grade, 0 差 to 4 优; the lower bound belongs to the grade as printed. Shapes: `cuts` (..., 4). NaN stays NaN."""
    cuts = np.asarray(cuts, dtype=np.float64)
    if cuts.shape[-1:] != (4,) or np.any(np.diff(cuts, axis=-1) <= 0):
        raise OutOfBounds(f"the cuts {cuts.tolist()} are not four rising numbers.", "等级界值应为四个且依次增大。")
    eqi = np.asarray(eqi, dtype=np.float64)
    low, middle, good, excellent = np.moveaxis(cuts, -1, 0)
    grade = (eqi >= low).astype(float) + (eqi >= middle) + (eqi >= good) + (eqi >= excellent)
    return np.where(np.isnan(eqi), np.nan, grade)


LaiResult = A[Array, Q("1", "叶面积指数", "leaf area index", symbol="L")]
Predictor = A[Array, Q("1", "植被指数或反射率", "vegetation index or reflectance", symbol="x")]
Coefficient = A[Array, Q("1", "经验系数", "empirical coefficient")]


@method(
    "nature.lai_cubic", edition=EDITION, clause=Clause(HJ1172, "附录B.1 (B.1)"), status="ocr_doubt",
    zh="叶面积指数（三次式）", en="leaf area index, cubic", formula="L = A x^3 + B x^2 + C x + D",
)  # fmt: skip
def lai_cubic(x: Predictor, a: Coefficient, b: Coefficient, c: Coefficient, d: Coefficient) -> LaiResult:
    """Leaf area index (m2 of leaf per m2 of ground) from a vegetation index or reflectance.

    The coefficients are empirical: fitted by the user on local measurements, none is printed. A negative result is kept.
    The third form of the annex (B.3, logarithm) is an open slot: its signs could not be read. Shapes: broadcastable.
    """
    return ((a * np.asarray(x, dtype=np.float64) + b) * x + c) * x + d


@method(
    "nature.lai_power", edition=EDITION, clause=Clause(HJ1172, "附录B.1 (B.2)"), status="ocr_doubt",
    zh="叶面积指数（幂式）", en="leaf area index, power", formula="L = A + B x^c",
)  # fmt: skip
def lai_power(
    x: A[Array, Q("1", "植被指数或反射率", "vegetation index or reflectance", low=0, symbol="x")],
    a: Coefficient,
    b: Coefficient,
    c: A[Array, Q("1", "指数", "exponent", symbol="c")],
) -> LaiResult:
    """Leaf area index (m2 of leaf per m2 of ground) from a vegetation index or reflectance, which may not be negative here.

    The coefficients are empirical, fitted by the user. A negative result is kept. Shapes: broadcastable.
    """
    return a + b * np.asarray(x, dtype=np.float64) ** c


@method(
    "nature.fvc", edition=EDITION, clause=Clause(HJ1172, "附录B.2 (B.4)"), status="ocr_doubt",
    zh="植被覆盖度", en="vegetation cover", formula="FVC = (NDVI - NDVI_soil)/(NDVI_veg - NDVI_soil)",
)  # fmt: skip
def fvc(
    ndvi: A[Array, Q("1", "植被指数", "NDVI", low=-1, high=1, symbol="NDVI")],
    ndvi_soil: A[Array, Q("1", "裸土植被指数", "NDVI of bare soil", low=-1, high=1, symbol="NDVI_soil")],
    ndvi_veg: A[Array, Q("1", "纯植被植被指数", "NDVI of full cover", low=-1, high=1, symbol="NDVI_veg")],
) -> A[Array, Q("fraction", "植被覆盖度", "vegetation cover", symbol="FVC")]:
    """Cover of a pixel (HJ 1174-2021 A.2 has the same form). The text prints no clipping: values outside 0-1 are kept.

    Shapes: any mutually broadcastable arrays. Equal NDVI of soil and vegetation: NaN.
    """
    span = np.asarray(ndvi_veg, dtype=np.float64) - ndvi_soil
    return (ndvi - np.asarray(ndvi_soil)) / np.where(span == 0, np.nan, span)
