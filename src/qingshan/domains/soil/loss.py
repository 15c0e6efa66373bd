"""Soil loss graded: HJ 1174-2021 A.1 and SL 190-2007, and the rates built on the grade areas.

Code order of a grade is mild to severe, starting at 0; NaN in is unknown and stays NaN. The two standards differ in
names and in the side of the tolerance: a result names its edition. The cut points are parameter rows (`soil.tolerance`,
`soil.loss_cut`).
"""

from __future__ import annotations

import numpy as np

from qingshan.core.errors import OutOfBounds
from qingshan.core.method import A, Array, Clause, Q, method

HJ1174 = "HJ 1174-2021 全国生态状况调查评估技术规范——生态问题评估"
SL190 = "SL 190-2007 土壤侵蚀分类分级标准"
YANG = "杨光檄, 中国水土保持 2014(4)"
LAND = "《关于加强新时代水土保持工作的实施意见》(贵州)"

GRADES_HJ1174 = ("微度", "轻度", "中度", "强度", "极强度", "剧烈")
GRADES_EN = ("slight", "light", "moderate", "strong", "very strong", "severe")
GRADES_FIVE = ("无侵蚀", "轻度", "中度", "强度", "剧烈")
GRADES_FIVE_EN = ("no erosion", "light", "moderate", "strong", "severe")
GRADES_SL190 = ("微度", "轻度", "中度", "强烈", "极强烈", "剧烈")

Modulus = A[Array, Q("t/(km2 a)", "土壤侵蚀模数", "soil erosion modulus", low=0, symbol="A")]
Cuts = A[Array, Q("t/(km2 a)", "轻度以上四个界值", "four cuts above 轻度", low=0, axis="class")]
Area = A[Array, Q("km2", "面积", "area", low=0)]

_FIVE_OF_SIX = np.array([0.0, 1.0, 2.0, 3.0, 3.0, 4.0])  # 强度 and 极强度 are reported as 强度


@method(
    "soil.modulus", edition="hj1174_2021", clause=Clause(HJ1174, "附录A.1 (A.1)"),
    zh="土壤侵蚀模数", en="soil erosion modulus", formula="A = 100 R K LS C, t/(km2 a)",
)  # fmt: skip
def modulus(
    r: A[Array, Q("MJ mm/(hm2 h a)", "降雨侵蚀力因子", "rainfall erosivity", low=0, symbol="R")],
    k: A[Array, Q("t hm2 h/(hm2 MJ mm)", "土壤可蚀性因子", "soil erodibility", low=0, symbol="K")],
    l: A[Array, Q("1", "坡长因子", "slope length factor", low=0, symbol="L")],  # noqa: E741
    s: A[Array, Q("1", "坡度因子", "slope steepness factor", low=0, symbol="S")],
    c: A[Array, Q("1", "植被覆盖与管理因子", "cover factor", low=0, high=1, symbol="C")],
) -> Modulus:
    """Loss with the factors of HJ 1173-2021, in the unit of the grade table (1 t/hm2 = 100 t/km2)."""
    return 100 * r * k * l * s * c


def _cuts(tolerance: Array, cuts: Array) -> tuple[Array, Array, Array, Array]:
    """The four upper cut points. Raises `OutOfBounds` unless there are four and they rise from the tolerance."""
    cuts = np.asarray(cuts, dtype=np.float64)
    if cuts.shape[-1:] != (4,) or np.any(np.diff(cuts, axis=-1) <= 0) or np.any(cuts[..., 0] <= tolerance):
        raise OutOfBounds(
            f"the cut points {cuts.tolist()} are not four numbers rising from the tolerance.",
            "侵蚀强度界值应为四个，且自容许流失量起依次增大。",
            fix="use the rows of soil.tolerance and soil.loss_cut of one set"
            " / 用同一参数组的 soil.tolerance 和 soil.loss_cut",
        )
    return cuts[..., 0], cuts[..., 1], cuts[..., 2], cuts[..., 3]


@method(
    "soil.loss_grade", edition="hj1174_2021", clause=Clause(HJ1174, "附录A.1 表A.1"),
    zh="水土流失程度", en="grade of soil loss",
    formula="微度 < T; 轻度 [T,2500]; 中度 (2500,5000]; 强度 (5000,8000]; 极强度 (8000,15000]; 剧烈 > 15000",
)  # fmt: skip
def loss_grade_hj1174(
    modulus: Modulus,
    tolerance: A[Array, Q("t/(km2 a)", "微度与轻度界值（分区）", "upper cut of 微度, by region", low=0, symbol="T")],
    cuts: Cuts,
) -> A[Array, Q("class", "水土流失程度", "grade of soil loss", labels=GRADES_HJ1174, labels_en=GRADES_EN)]:
    """Six grades, 0 微度 to 5 剧烈. The tolerance itself is 轻度 (< is printed); the other cuts take the milder grade.

    Shapes: `modulus` any, `tolerance` broadcastable (by region), `cuts` (..., 4).
    """
    modulus = np.asarray(modulus, dtype=np.float64)
    moderate, intense, very_intense, severe = _cuts(tolerance, cuts)
    grade = (
        (modulus >= tolerance).astype(float)
        + (modulus > moderate)
        + (modulus > intense)
        + (modulus > very_intense)
        + (modulus > severe)
    )
    return np.where(np.isnan(modulus), np.nan, grade)


@method(
    "soil.loss_grade_five", edition="hj1174_2021", clause=Clause(HJ1174, "表1; 附录A.1"),
    zh="水土流失程度（五级）", en="grade of soil loss, five-grade report",
    formula="微度 -> 无侵蚀; 强度 + 极强度 -> 强度",
)  # fmt: skip
def loss_grade_five(
    grade: A[
        Array,
        Q("class", "水土流失程度（六级）", "six-grade code", low=0, high=5, labels=GRADES_HJ1174, labels_en=GRADES_EN),
    ],
) -> A[Array, Q("class", "水土流失程度（五级）", "five-grade code", labels=GRADES_FIVE, labels_en=GRADES_FIVE_EN)]:
    """The five grades that the report prints, from the six-grade code. NaN stays NaN."""
    grade = np.asarray(grade, dtype=np.float64)
    return np.where(np.isnan(grade), np.nan, _FIVE_OF_SIX[np.nan_to_num(grade).astype(int)])


@method(
    "soil.loss_grade", edition="sl190_2007", clause=Clause(SL190, "水力侵蚀强度分级"), status="secondary",
    zh="水力侵蚀强度", en="intensity of water erosion",
    formula="微度 <= T; 轻度 (T,2500]; 中度 (2500,5000]; 强烈 (5000,8000]; 极强烈 (8000,15000]; 剧烈 > 15000",
)  # fmt: skip
def loss_grade_sl190(
    modulus: Modulus,
    tolerance: A[Array, Q("t/(km2 a)", "容许土壤流失量（分区）", "tolerable soil loss, by region", low=0, symbol="T")],
    cuts: Cuts,
) -> A[Array, Q("class", "水力侵蚀强度", "intensity of water erosion", labels=GRADES_SL190, labels_en=GRADES_EN)]:
    """Six grades, 0 微度 to 5 剧烈. A value on a cut belongs to the lower grade (project rule).

    SL 190 under-detects on karst, where surface sediment is mostly below 50 t/(km2 a): show another set beside it when
    one is filled. Shapes: `modulus` any, `tolerance` broadcastable (by region), `cuts` (..., 4).
    """
    modulus = np.asarray(modulus, dtype=np.float64)
    limits = (tolerance, *_cuts(tolerance, cuts))
    grade = sum(((modulus > limit).astype(float) for limit in limits), np.zeros_like(modulus))
    return np.where(np.isnan(modulus), np.nan, grade)


@method(
    "soil.conservation_rate", edition="guizhou_series", clause=Clause(LAND, "水土保持率"), status="secondary",
    zh="水土保持率", en="soil and water conservation rate", formula="(land area - eroded area)/land area * 100",
)  # fmt: skip
def conservation_rate(
    eroded_area: A[Array, Q("km2", "水土流失面积", "eroded area", low=0)],
    land_area: A[Array, Q("km2", "国土面积", "land area", low=0)],
) -> A[Array, Q("%", "水土保持率", "soil and water conservation rate")]:
    """Share of land that is not eroded; the text of the formula itself was not read. Land area 0: NaN.

    Raises `OutOfBounds` where the eroded area exceeds the land area.
    """
    eroded_area, land_area = np.asarray(eroded_area, dtype=np.float64), np.asarray(land_area, dtype=np.float64)
    if np.any(eroded_area > land_area):
        raise OutOfBounds(
            "the eroded area exceeds the land area.",
            "水土流失面积大于国土面积。",
            fix="check both areas / 核对两个面积",
        )
    return (land_area - eroded_area) / np.where(land_area == 0, np.nan, land_area) * 100


@method(
    "soil.implied_area", edition="guizhou_series", clause=Clause(YANG, "占全省面积"), status="secondary",
    zh="占比反推总面积", en="total implied by a share", formula="total = area/(share/100)",
)  # fmt: skip
def implied_area(
    area: Area,
    share: A[Array, Q("%", "占比", "share", low=0, high=100)],
) -> A[Array, Q("km2", "反推总面积", "implied total")]:
    """Cross-check of a published area against its published share. Share 0: NaN."""
    share = np.asarray(share, dtype=np.float64)
    return area / np.where(share == 0, np.nan, share / 100)
