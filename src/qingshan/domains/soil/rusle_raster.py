"""RUSLE on rasters: what the pieces of `rusle` and `rusle_papers` need to meet there.

A class of the land-cover map may hold both paddy and dry land; a bare number of a paper gets its unit; a grade says whether
the cell is eroded. A NaN in any input stays NaN.
"""

from __future__ import annotations

import numpy as np

from qingshan.core.method import A, Array, Clause, Q, method

from .rusle import R_UNIT, c_cover, c_dry

HJ1173 = "HJ 1173-2021 全国生态状况调查评估技术规范——生态系统服务功能评估"
OWN = "青山核算规则"

R = A[Array, Q(R_UNIT, "降雨侵蚀力因子", "rainfall erosivity factor", low=0, symbol="R")]


@method(
    "soil.r_in_unit", edition="declared", clause=Clause(OWN, "原文未标单位的降雨侵蚀力"), status="project",
    zh="降雨侵蚀力因子（声明单位）", en="rainfall erosivity, unit declared", formula="R = number * unit",
)  # fmt: skip
def r_in_unit(
    number: A[Array, Q("1", "降雨侵蚀力（原文未标单位）", "erosivity, unit as source", low=0)],
    unit: A[Array, Q(R_UNIT, "原文数值 1 所代表的侵蚀力", "what 1 of the source stands for", low=0)],
) -> R:
    """Erosivity of a paper that prints no unit, once somebody has declared it (`soil.r_source_unit`).

    Shapes: mutually broadcastable.
    """
    return number * unit


@method(
    "soil.c", edition="hj1173_2021", clause=Clause(HJ1173, "附录A.2 表A.1, (A.13)"), status="project",
    zh="植被覆盖与管理因子（按类别）", en="cover factor of a class",
    formula="C = w C_dry(c) + (1 - w) C_table(c), w the share of dry cropland in the class",
)  # fmt: skip
def c(
    cover: A[Array, Q("%", "植被覆盖度", "vegetation cover", low=0, high=100)],
    dry_share: A[Array, Q("fraction", "旱地占该类面积比例", "share of dry cropland in the class", low=0, high=1)],
    table: A[Array, Q("1", "该类六级盖度的 C 值", "six C values of the class by cover", low=0, high=1, axis="class")],
) -> A[Array, Q("1", "植被覆盖与管理因子", "cover factor", low=0, high=1, symbol="C")]:
    """C of a land-cover class: the table of A.2, equation A.13 for its dry cropland, weighted by area.

    The standard gives paddy, wetland, urban land and desert one value each: their six are the same. Class 51 of
    HJ 1166 holds paddy and dry land; `dry_share` (0 for every other class) keeps both rules without a finer map: the
    weighting is ours. Shapes: `cover` and `dry_share` any, `table` (..., 6).
    """
    share = np.asarray(dry_share)
    return share * c_dry(np.asarray(cover) / 100) + (1 - share) * c_cover(cover, table)


@method(
    "soil.eroded", edition="grade", clause=Clause(OWN, "轻度及以上为水土流失"), status="project",
    zh="水土流失", en="eroded", formula="1 where the grade is 轻度 or worse",
)  # fmt: skip
def eroded(
    grade: A[Array, Q("class", "水土流失程度", "grade of soil loss", low=0, high=5)],
) -> A[Array, Q("class", "水土流失", "eroded", low=0, high=1, labels=("否", "是"))]:
    """1 where the soil loss is above 微度, else 0; NaN stays NaN. Its area over the land area gives the conservation rate."""
    return np.where(np.isnan(grade), np.nan, np.asarray(grade) >= 1)
