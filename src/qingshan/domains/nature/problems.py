"""Ecological problems of HJ 1174-2021: degraded forest, grass and wetland, lake trophic state, sandified land.

Rocky desertification is in the land domain, soil loss in the soil domain. Code order of every grade is mild to severe
from 0; NaN in is unknown and stays NaN. The cut points are parameter rows, four rising numbers on the last axis.
"""

from __future__ import annotations

import numpy as np

from qingshan.core.errors import OutOfBounds
from qingshan.core.method import A, Array, Choice, Clause, Q, method

HJ1174 = "HJ 1174-2021 全国生态状况调查评估技术规范——生态问题评估"
EDITION = "hj1174_2021"

DEGRADATION = ("未退化", "轻度", "中度", "重度", "极重度")
DEGRADATION_EN = ("not degraded", "light", "moderate", "heavy", "extreme")
TROPHIC = ("贫营养", "中营养", "轻度富营养", "中度富营养", "重度富营养")
SANDIFIED = ("轻度", "中度", "重度", "极重度")
COMBINED = (*DEGRADATION, "指标不一致")
CONFLICT = 5.0

# item -> intercept, slope, factor from mg/L to the unit of the item (Chla is in mg/m3)
TLI_ITEMS = {
    "chla": (2.5, 1.086, 1000.0),
    "tp": (9.436, 1.624, 1.0),
    "tn": (5.453, 1.694, 1.0),
    "codmn": (0.109, 2.661, 1.0),
}

Percent = A[Array, Q("%", "指数", "index", low=0)]
PercentCuts = A[Array, Q("%", "四个界值（由低到高）", "four cuts, rising", low=0, axis="class")]
TliCuts = A[Array, Q("1", "四个界值（由低到高）", "four cuts, rising", axis="class")]
Grade = A[
    Array, Q("class", "退化程度", "degree of degradation", low=0, high=4, labels=DEGRADATION, labels_en=DEGRADATION_EN)
]
Flag = A[Array, Q("class", "标记", "flag", labels=("否", "是"))]
WetlandRule = A[
    str,
    Choice(
        "面积与营养状态不一致时的规则",
        "rule when area and TLI disagree",
        ("worse", "area_first", "tli_first", "flag_only"),
    ),
]


def _ladder(cuts: Array, count: int) -> list[Array]:
    """The cut points. Raises `OutOfBounds` unless there are `count` and they rise."""
    cuts = np.asarray(cuts, dtype=np.float64)
    if cuts.shape[-1:] != (count,) or np.any(np.diff(cuts, axis=-1) <= 0):
        raise OutOfBounds(
            f"the cuts {cuts.tolist()} are not {count} rising numbers.",
            f"界值 {cuts.tolist()} 应为 {count} 个且依次增大。",
            fix="use the rows of one parameter and one set / 用同一参数、同一参数组的各行",
        )
    return list(np.moveaxis(cuts, -1, 0))


def _ratio(part: Array, whole: Array) -> Array:
    whole = np.asarray(whole, dtype=np.float64)
    return np.asarray(part, dtype=np.float64) / np.where(whole == 0, np.nan, whole) * 100


def _known(value: Array, grade: Array) -> Array:
    return np.where(np.isnan(value), np.nan, grade)


def _falling_grade(index: Array, cuts: Array) -> Array:
    """Grade of an index that falls with degradation; each grade keeps its lower bound."""
    index = np.asarray(index, dtype=np.float64)
    extreme, heavy, moderate, light = _ladder(cuts, 4)
    return _known(index, (index < light).astype(float) + (index < moderate) + (index < heavy) + (index < extreme))


@method(
    "nature.fdi", edition=EDITION, clause=Clause(HJ1174, "附录A.4 (A.3)"),
    zh="森林退化指数", en="forest degradation index",
    formula="FDI = BD_real/BD_max * 100",
)  # fmt: skip
def fdi(
    biomass: A[Array, Q("t/hm2", "现实生物量", "biomass", low=0, symbol="BD_real")],
    climax_biomass: A[Array, Q("t/hm2", "顶极群落生物量", "climax biomass", low=0, symbol="BD_max")],
) -> A[Array, Q("%", "森林退化指数", "forest degradation index", symbol="FDI")]:
    """Biomass against the climax community of the same type and zone. Above 100 it is kept; reference 0: NaN."""
    return _ratio(biomass, climax_biomass)


@method(
    "nature.gdi", edition=EDITION, clause=Clause(HJ1174, "附录A.5 (A.4)"),
    zh="草地退化指数", en="grass degradation index",
    formula="GDI = GCR_real/GCR_max * 100",
)  # fmt: skip
def gdi(
    cover: A[Array, Q("%", "现实草地覆盖度", "grass cover", low=0, high=100, symbol="GCR_real")],
    undegraded_cover: A[Array, Q("%", "未退化草地覆盖度", "undegraded grass cover", low=0, high=100, symbol="GCR_max")],
) -> A[Array, Q("%", "草地退化指数", "grass degradation index", symbol="GDI")]:
    """Cover against the undegraded grass of the zone. Above 100 it is kept; reference 0: NaN."""
    return _ratio(cover, undegraded_cover)


@method(
    "nature.above_reference", edition=EDITION, clause=Clause(HJ1174, "附录A.4; A.5"), status="project",
    zh="高于参照标记", en="above the reference", formula="1 where FDI or GDI > 100",
)  # fmt: skip
def above_reference(index: Percent) -> Flag:
    """Companion of `nature.fdi` and `nature.gdi`: the stand exceeds its reference, so the reference needs a look."""
    index = np.asarray(index, dtype=np.float64)
    return _known(index, (index > 100).astype(float))


@method(
    "nature.forest_degradation_grade", edition=EDITION, clause=Clause(HJ1174, "附录A.4 表A.4"),
    zh="森林退化程度", en="degree of forest degradation",
    formula="未退化 >= 90; 轻度 [75,90); 中度 [60,75); 重度 [30,60); 极重度 < 30",
)  # fmt: skip
def forest_degradation_grade(index: Percent, cuts: PercentCuts) -> Grade:
    """Grade by FDI, 0 未退化 to 4 极重度; lower bounds included as printed."""
    return _falling_grade(index, cuts)


@method(
    "nature.grass_degradation_grade", edition=EDITION, clause=Clause(HJ1174, "附录A.5 表A.5"),
    zh="草地退化程度", en="degree of grass degradation",
    formula="未退化 >= 90; 轻度 [80,90); 中度 [70,80); 重度 [50,70); 极重度 < 50",
)  # fmt: skip
def grass_degradation_grade(index: Percent, cuts: PercentCuts) -> Grade:
    """Grade by GDI, 0 未退化 to 4 极重度; lower bounds included as printed."""
    return _falling_grade(index, cuts)


@method(
    "nature.sandification_grade", edition=EDITION, clause=Clause(HJ1174, "附录A.2 表A.2"),
    zh="土地沙化程度", en="degree of sandification", formula="轻度 > 50; 中度 [30,50]; 重度 [10,30); 极重度 < 10 %",
)  # fmt: skip
def sandification_grade(
    cover: A[Array, Q("%", "植被覆盖度", "vegetation cover", low=0, high=100)],
    bare_landform: A[
        Array, Q("class", "风蚀劣地、雅丹或戈壁", "badland, yardang or gobi", low=0, high=1, labels=("否", "是"))
    ],
    cuts: A[Array, Q("%", "三个界值（由低到高）", "three cuts, rising", low=0, high=100, axis="class")],
) -> A[Array, Q("class", "土地沙化程度", "degree of sandification", labels=SANDIFIED)]:
    """Grade of sandified land by cover, 0 轻度 to 3 极重度.

    50 and 10 are on their printed side, 30 takes the milder grade (project rule). Badland, yardang and gobi with cover
    of 10 % or more are 重度. Shapes: `cover` and `bare_landform` broadcastable, `cuts` (..., 3).
    """
    cover = np.asarray(cover, dtype=np.float64)
    extreme, heavy, moderate = _ladder(cuts, 3)
    by_cover = (cover <= moderate).astype(float) + (cover < heavy) + (cover < extreme)
    grade = np.where((np.asarray(bare_landform) == 1) & (cover >= extreme), 2.0, by_cover)
    return np.where(np.isnan(cover) | np.isnan(bare_landform), np.nan, grade)


@method(
    "wetland.area_loss", edition=EDITION, clause=Clause(HJ1174, "附录A.6 表A.6"),
    zh="湿地面积减少率", en="wetland area lost",
    formula="(area of the base year - area)/area of the base year * 100",
)  # fmt: skip
def wetland_area_loss(
    base_area: A[Array, Q("hm2", "基准年湿地面积", "wetland area of the base year", low=0)],
    area: A[Array, Q("hm2", "湿地面积", "wetland area", low=0)],
) -> A[Array, Q("%", "湿地面积减少率", "wetland area lost", high=100)]:
    """Area lost against the base year; growth is negative. Base area 0: NaN."""
    return _ratio(np.asarray(base_area) - area, base_area)


@method(
    "wetland.expanded", edition=EDITION, clause=Clause(HJ1174, "附录A.6"), status="project",
    zh="湿地扩大标记", en="wetland expanded", formula="1 where the area loss is negative",
)  # fmt: skip
def wetland_expanded(loss: A[Array, Q("%", "湿地面积减少率", "wetland area lost", high=100)]) -> Flag:
    """Companion of the grade: a wetland that grew counts as 未退化 and carries this flag."""
    loss = np.asarray(loss, dtype=np.float64)
    return _known(loss, (loss < 0).astype(float))


@method(
    "wetland.area_loss_grade", edition=EDITION, clause=Clause(HJ1174, "附录A.6 表A.6"),
    zh="湿地退化程度（面积）", en="wetland degradation by area",
    formula="未退化 < 5; 轻度 [5,15]; 中度 (15,30]; 重度 (30,50]; 极重度 > 50 %",
)  # fmt: skip
def wetland_area_loss_grade(
    loss: A[Array, Q("%", "湿地面积减少率", "wetland area lost", high=100)], cuts: PercentCuts
) -> Grade:
    """Grade by area lost, 0 未退化 to 4 极重度. 5 and 50 are on their printed side, 15 and 30 take the milder grade."""
    loss = np.asarray(loss, dtype=np.float64)
    light, moderate, heavy, extreme = _ladder(cuts, 4)
    return _known(loss, (loss >= light).astype(float) + (loss > moderate) + (loss > heavy) + (loss > extreme))


@method(
    "water.tli_item", edition=EDITION, clause=Clause(HJ1174, "附录A.6 (A.6)-(A.9)"), status="ocr_doubt",
    zh="单项营养状态指数", en="trophic index of one item",
    formula=(
        "Chla 10(2.5 + 1.086 ln), mg/m3; TP 10(9.436 + 1.624 ln); TN 10(5.453 + 1.694 ln);"
        " CODMn 10(0.109 + 2.661 ln), mg/L"
    ),
)  # fmt: skip
def tli_item(
    concentration: A[Array, Q("mg/L", "浓度", "concentration")],
    item: A[str, Choice("项目", "item", ("chla", "tp", "tn", "codmn"))],
) -> A[Array, Q("1", "单项营养状态指数", "trophic index of one item", symbol="TLI(j)")]:
    """Trophic index of one item. Units are checked on the way in: give chlorophyll in mg/m3, the others in mg/L.

    There is no transparency term here. Raises `OutOfBounds` for a concentration of 0 or less.
    """
    if np.any(np.asarray(concentration) <= 0):
        raise OutOfBounds(
            f"a concentration of {item} is 0 or less: the logarithm is not defined.",
            f"{item} 浓度不大于零，不能取对数。",
            fix="treat values below the detection limit before the index / 低于检出限的值先按规定处理",
        )
    intercept, slope, per_mg_l = TLI_ITEMS[item]
    return 10 * (intercept + slope * np.log(np.asarray(concentration) * per_mg_l))


@method(
    "water.tli", edition=EDITION, clause=Clause(HJ1174, "附录A.6 (A.5)"),
    zh="综合营养状态指数", en="trophic level index",
    formula="TLI = sum_j W_j TLI(j)",
)  # fmt: skip
def tli(
    items: A[Array, Q("1", "单项营养状态指数", "trophic indices", axis="item", symbol="TLI(j)")],
    weights: A[Array, Q("1", "权重", "weights", low=0, high=1, axis="item", symbol="W_j")],
) -> A[Array, Q("1", "综合营养状态指数", "trophic level index", symbol="TLI")]:
    """Weighted index of a lake. The weights of the four items are not printed: they are an input and must sum to 1.

    Shapes: (..., item) to (...). Raises `OutOfBounds` where the weights do not sum to 1.
    """
    weights = np.asarray(weights, dtype=np.float64)
    if not np.allclose(weights.sum(axis=-1), 1, rtol=0, atol=1e-9):
        raise OutOfBounds(
            "the weights do not sum to 1.",
            "各项权重之和不为 1。",
            fix="declare one weight per item, sum 1 / 每项给一个权重，合计为 1",
        )
    return np.sum(np.asarray(items) * weights, axis=-1)


def _rising_tli(tli: Array, cuts: Array) -> Array:
    """30 opens the second class, the upper cuts close theirs."""
    tli = np.asarray(tli, dtype=np.float64)
    first, second, third, fourth = _ladder(cuts, 4)
    return _known(tli, (tli >= first).astype(float) + (tli > second) + (tli > third) + (tli > fourth))


@method(
    "water.trophic_class", edition=EDITION, clause=Clause(HJ1174, "附录A.6"), zh="营养状态分级", en="trophic class",
    formula="贫营养 < 30 <= 中营养 <= 50 < 轻度富营养 <= 60 < 中度富营养 <= 70 < 重度富营养",
)  # fmt: skip
def trophic_class(
    tli: A[Array, Q("1", "综合营养状态指数", "trophic level index", symbol="TLI")], cuts: TliCuts
) -> A[Array, Q("class", "营养状态分级", "trophic class", labels=TROPHIC)]:
    """Trophic class, 0 贫营养 to 4 重度富营养; sides as printed."""
    return _rising_tli(tli, cuts)


@method(
    "wetland.tli_grade", edition=EDITION, clause=Clause(HJ1174, "附录A.6 表A.6"),
    zh="湿地退化程度（营养状态）", en="wetland degradation by TLI",
    formula="未退化 < 30; 轻度 [30,50]; 中度 (50,60]; 重度 (60,70]; 极重度 > 70",
)  # fmt: skip
def wetland_tli_grade(
    tli: A[Array, Q("1", "综合营养状态指数", "trophic level index", symbol="TLI")], cuts: TliCuts
) -> Grade:
    """Grade by TLI, 0 未退化 to 4 极重度. By this table every mesotrophic lake is 轻度 degraded: a report says so."""
    return _rising_tli(tli, cuts)


@method(
    "wetland.degradation_grade", edition=EDITION, clause=Clause(HJ1174, "附录A.6"),
    zh="湿地退化程度", en="wetland degradation",
    formula="area loss and TLI; the rule for disagreement is declared",
)  # fmt: skip
def wetland_degradation_grade(
    area_grade: Grade, tli_grade: Grade, conflict_rule: WetlandRule
) -> A[Array, Q("class", "湿地退化程度", "wetland degradation", labels=COMBINED)]:
    """Combined grade: 0 未退化 to 4 极重度, 5 conflict (`flag_only`). A NaN in either grade is unknown: NaN.

    The text has no rule where area loss and TLI disagree: `conflict_rule` must be declared.
    """
    area, trophic = (np.asarray(g, dtype=np.float64) for g in (area_grade, tli_grade))
    chosen = {
        "worse": np.maximum(area, trophic),
        "area_first": area,
        "tli_first": trophic,
        "flag_only": np.where(area == trophic, area, CONFLICT),
    }[conflict_rule]
    return _known(area + trophic, chosen)
