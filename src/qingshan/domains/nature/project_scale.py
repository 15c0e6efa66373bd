"""Project scale after HJ 1175-2021: change per year, relative change, water and the loss a project causes.

Its water quantity is another than that of HJ 1173-2021 and is never added to it.
"""

from __future__ import annotations

import numpy as np

from qingshan.core.method import A, Array, Clause, Q, method

HJ1175 = "HJ 1175-2021 全国生态状况调查评估技术规范——项目尺度生态影响评估"
EDITION = "hj1175_2021"


def _ratio(part: Array, whole: Array) -> Array:
    whole = np.asarray(whole, dtype=np.float64)
    return np.asarray(part, dtype=np.float64) / np.where(whole == 0, np.nan, whole)


@method(
    "nature.k_t", edition=EDITION, clause=Clause(HJ1175, "附录A (A.1)"), status="ocr_doubt",
    zh="单一生态系统类型动态度", en="yearly change of a class", formula="K_T = (U_b - U_a)/U_a * (1/T) * 100",
)  # fmt: skip
def k_t(
    area_start: A[Array, Q("hm2", "期初面积", "area at the start", low=0, symbol="U_a")],
    area_end: A[Array, Q("hm2", "期末面积", "area at the end", low=0, symbol="U_b")],
    years: A[Array, Q("a", "时段", "period", low=0, symbol="T")],
) -> A[Array, Q("%/a", "单一生态系统类型动态度", "yearly change of a class", symbol="K_T")]:
    """Change per year (E_V of HJ 1171 is not per year). A new class or an empty period: NaN."""
    return _ratio(_ratio(np.asarray(area_end) - area_start, area_start), years) * 100


@method(
    "nature.r_t", edition=EDITION, clause=Clause(HJ1175, "附录A (A.2)"), status="ocr_doubt",
    zh="相对变化率", en="relative change", formula="R_T = (dLU_i/LU_i)/(dLU_0/LU_0)",
)  # fmt: skip
def r_t(
    area_turned: A[Array, Q("hm2", "评价范围转出面积", "area turned out of the class", low=0, symbol="dLU_i")],
    area: A[Array, Q("hm2", "评价范围期初面积", "area of the class", low=0, symbol="LU_i")],
    zone_turned: A[Array, Q("hm2", "整个区域转出面积", "area turned out in the whole zone", low=0, symbol="dLU_0")],
    zone_area: A[Array, Q("hm2", "整个区域面积", "area of the whole zone", low=0, symbol="LU_0")],
) -> A[Array, Q("1", "相对变化率", "relative change", symbol="R_T")]:
    """Change of a class against that of the whole zone, 1 = as the zone; d is the gross area turned out of the class.

    A zone in which nothing turned, or an empty class or zone: NaN (undefined).
    """
    return _ratio(_ratio(area_turned, area), _ratio(zone_turned, zone_area))


@method(
    "water.project_rain", edition=EDITION, clause=Clause(HJ1175, "附录B (B.2)"),
    zh="产流降雨量", en="runoff-producing rain", formula="J = J0 K",
)  # fmt: skip
def project_rain(
    rain: A[Array, Q("mm", "年降水量", "annual rain", low=0, high=15_000, symbol="J0")],
    runoff_share: A[
        Array, Q("fraction", "产流降雨占比", "share of rain that produces runoff", low=0, high=1, symbol="K")
    ],
) -> A[Array, Q("mm", "产流降雨量", "runoff-producing rain", symbol="J")]:
    """Rain that produces runoff. No value of K is printed: it is an open slot."""
    return np.asarray(rain) * runoff_share


@method(
    "water.project_runoff_reduction", edition=EDITION, clause=Clause(HJ1175, "附录B (B.3)"), status="ocr_doubt",
    zh="减少径流系数", en="runoff reduction", formula="R = R0 - Rg",
)  # fmt: skip
def project_runoff_reduction(
    bare: A[Array, Q("fraction", "裸地降雨径流率", "runoff ratio of bare ground", low=0, high=1, symbol="R0")],
    ecosystem: A[
        Array, Q("fraction", "生态系统降雨径流率", "runoff ratio of the ecosystem", low=0, high=1, symbol="Rg")
    ],
) -> A[Array, Q("fraction", "减少径流系数", "runoff reduction", symbol="R")]:
    """Runoff ratio of bare ground less that of the ecosystem. No values are printed; a negative one is kept."""
    return np.asarray(bare) - ecosystem


@method(
    "water.project_retention", edition=EDITION, clause=Clause(HJ1175, "附录B (B.1)"), status="ocr_doubt",
    zh="项目尺度水源涵养量", en="water retained, project scale", formula="Q = A J R * 1e-3",
)  # fmt: skip
def project_retention(
    area: A[Array, Q("m2", "面积", "area", low=0, symbol="A")],
    rain: A[Array, Q("mm", "产流降雨量", "runoff-producing rain", low=0, symbol="J")],
    reduction: A[Array, Q("fraction", "减少径流系数", "runoff reduction", high=1, symbol="R")],
) -> A[Array, Q("m3", "项目尺度水源涵养量", "water retained, project scale", symbol="Q")]:
    """Water retained against bare ground. The 1e-3 is missing in print; the printed units need it."""
    return np.asarray(area) * rain * reduction * 1e-3


@method(
    "nature.project_loss", edition=EDITION, clause=Clause(HJ1175, "9"), zh="功能损失量", en="loss of a function",
    formula="loss = before - after",
)  # fmt: skip
def project_loss(
    before: A[Array, Q("1", "项目前的量", "quantity before")],
    after: A[Array, Q("1", "项目后的量", "quantity after")],
) -> A[Array, Q("1", "功能损失量", "loss of a function")]:
    """Loss that a project causes, in the unit of the quantity (give both in one unit). A gain stays negative."""
    return np.asarray(before) - after
