"""Wetland, forest and water-source indicators of land.md section 5, and the arithmetic of published series.

A denominator of 0 is undefined (NaN). Areas come dissolved and in an equal-area projection; nothing here measures them.
"""

from __future__ import annotations

import numpy as np

from qingshan.core.errors import OutOfBounds
from qingshan.core.method import A, Array, Choice, Clause, Q, method

SEED = "贵州 着力打造生态文明建设先行区 (data: 中共贵州省委宣传部, 2022)"
PEST = "《林业有害生物防治目标管理指标内涵解释》"

Km2 = A[Array, Q("km2", "面积", "area", low=0)]


def _share(part: Array, whole: Array) -> Array:
    whole = np.asarray(whole, dtype=np.float64)
    return np.asarray(part, dtype=np.float64) / np.where(whole == 0, np.nan, whole)


def _within(part: Array, whole: Array, en: str, zh: str) -> None:
    """Raises `OutOfBounds` where a part exceeds its whole."""
    if np.any(np.asarray(part) > np.asarray(whole)):
        raise OutOfBounds(
            en, zh, fix="dissolve overlaps and check both areas and their units / 先消除重叠，再核对两个面积和单位"
        )


@method(
    "land.wetland_protection_rate", edition="guizhou_series", clause=Clause(SEED, "湿地保护率"), status="project",
    zh="湿地保护率", en="wetland protection rate", formula="protected wetland area/total wetland area * 100",
)  # fmt: skip
def wetland_protection_rate(
    protected_area: A[Array, Q("hm2", "受保护湿地面积", "protected wetland area", low=0)],
    wetland_area: A[Array, Q("hm2", "湿地总面积", "total wetland area", low=0)],
) -> A[Array, Q("%", "湿地保护率", "wetland protection rate")]:
    """Protected share of wetland; the text of the formula itself was not read.

    Total 0: NaN. Raises `OutOfBounds` where the protected area exceeds the total.
    """
    _within(protected_area, wetland_area, "the protected wetland exceeds the total.", "受保护湿地面积大于湿地总面积。")
    return _share(protected_area, wetland_area) * 100


@method(
    "land.forest_cover", edition="guizhou_series", clause=Clause(SEED, "森林覆盖率"), status="news",
    zh="森林覆盖率", en="forest cover", formula="forest area/land area * 100",
)  # fmt: skip
def forest_cover(
    forest_area: A[Array, Q("km2", "森林面积", "forest area", low=0)],
    land_area: A[Array, Q("km2", "国土面积", "land area", low=0)],
    canopy_threshold: A[str, Choice("郁闭度下限", "least canopy cover of a forest", ("0.2", "0.3"))],
) -> A[Array, Q("%", "森林覆盖率", "forest cover")]:
    """Share of forest in the land area.

    `canopy_threshold` is the definition the forest area follows (older series 0.3). It changes no number and is stored
    with it: two thresholds do not make one series. Land area 0: NaN.
    Raises `OutOfBounds` where the forest exceeds the land.
    """
    del canopy_threshold  # a label of the result, kept in its pedigree
    _within(forest_area, land_area, "the forest area exceeds the land area.", "森林面积大于国土面积。")
    return _share(forest_area, land_area) * 100


@method(
    "land.pest_disaster_rate", edition="forest_pest_2012", clause=Clause(PEST, "成灾率"), status="secondary",
    zh="林业有害生物成灾率", en="forest pest disaster rate",
    formula="disaster area/(existing forest + young forest area) * 1000",
)  # fmt: skip
def pest_disaster_rate(
    disaster_area: A[Array, Q("hm2", "全年实际成灾面积", "actual disaster area of the year", low=0)],
    forest_area: A[Array, Q("hm2", "现有林面积", "existing forest area", low=0)],
    young_area: A[Array, Q("hm2", "未成林面积", "young not-yet-forest area", low=0)],
) -> A[Array, Q("‰", "林业有害生物成灾率", "forest pest disaster rate")]:
    """Disaster area by the thresholds of 林造发〔2012〕26号 per thousand of forest. No forest: NaN."""
    return _share(disaster_area, np.asarray(forest_area) + young_area) * 1000


@method(
    "land.source_compliance_rate", edition="guizhou_series", clause=Clause(SEED, "水源地水质达标率"), status="project",
    zh="集中式饮用水水源地水质达标率", en="drinking-water source compliance",
    formula="sources meeting the standard/all sources * 100",
)  # fmt: skip
def source_compliance_rate(
    meeting: A[Array, Q("count", "达标水源地个数", "sources meeting the standard", low=0)],
    sources: A[Array, Q("count", "水源地个数", "sources", low=0)],
) -> A[Array, Q("%", "集中式饮用水水源地水质达标率", "drinking-water source compliance")]:
    """Share of sources that meet the standard. No source: NaN. Raises `OutOfBounds` where more meet it than exist."""
    _within(meeting, sources, "more sources meet the standard than exist.", "达标水源地多于水源地总数。")
    return _share(meeting, sources) * 100


@method(
    "land.treated_lower_bound", edition="guizhou_series", clause=Clause(SEED, "石漠化治理面积"), status="project",
    zh="累计治理面积下限", en="treated area, lower bound", formula="sum of the years reported",
)  # fmt: skip
def treated_lower_bound(
    treated: A[Array, Q("km2", "各年治理面积（未报为缺）", "treated area by year, gaps NaN", low=0, axis="year")],
) -> A[Array, Q("km2", "累计治理面积下限", "treated area, lower bound")]:
    """Sum over the years on the last axis. A missing year is never interpolated: the sum is a lower bound.

    Read it with `land.treated_missing_years`. No year reported: NaN.
    """
    treated = np.asarray(treated, dtype=np.float64)
    return np.where(np.all(np.isnan(treated), axis=-1), np.nan, np.nansum(treated, axis=-1))


@method(
    "land.treated_missing_years", edition="guizhou_series", clause=Clause(SEED, "石漠化治理面积"), status="project",
    zh="未报年份标记", en="missing years", formula="1 for a year without a figure",
)  # fmt: skip
def treated_missing_years(
    treated: A[Array, Q("km2", "各年治理面积（未报为缺）", "treated area by year, gaps NaN", low=0, axis="year")],
) -> A[Array, Q("class", "未报年份标记", "missing years", axis="year", labels=("已报", "未报"))]:
    """Which years of the lower bound have no figure."""
    return np.isnan(np.asarray(treated, dtype=np.float64)).astype(np.float64)


@method(
    "land.target_progress", edition="guizhou_series", clause=Clause(SEED, "石漠化治理面积"), status="project",
    zh="目标完成比例", en="progress to the target", formula="done/target * 100",
)  # fmt: skip
def target_progress(
    done: A[Array, Q("km2", "已完成面积", "area done", low=0)],
    target: A[Array, Q("km2", "目标面积", "target area", low=0)],
) -> A[Array, Q("%", "目标完成比例", "progress to the target")]:
    """Done against target; a lower bound stays a lower bound. Target 0: NaN."""
    return _share(done, target) * 100


@method(
    "land.sum_gap", edition="project", clause=Clause("青山核算规则", "公布数据的合计检查"), status="project",
    zh="分项合计与总数之差", en="gap between parts and total", formula="sum of parts - printed total",
)  # fmt: skip
def sum_gap(
    parts: A[Array, Q("km2", "分项面积", "areas of the parts", low=0, axis="part")],
    total: Km2,
) -> A[Array, Q("km2", "分项合计与总数之差", "gap between parts and total")]:
    """Closure check of a published breakdown, parts on the last axis. A missing part makes it NaN."""
    return np.sum(parts, axis=-1) - total
