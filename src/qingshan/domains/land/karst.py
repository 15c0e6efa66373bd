"""Rocky desertification (石漠化): grades of HJ 1174-2021 A.3 and of 熊康宁 2002, and the rules of the survey rounds.

Code order of every grade is mild to severe from 0. A single-factor grade keeps NaN as unknown; a combined grade has
codes of its own for conflict, not karst and unknown, so that their areas are reported. The two systems share no factor
set: their areas are never compared or converted, and neither is the LY/T 1840 of the national survey rounds.
"""

from __future__ import annotations

import numpy as np

from qingshan.core.errors import OutOfBounds, QingshanError
from qingshan.core.method import A, Array, Choice, Clause, Q, method

HJ1174 = "HJ 1174-2021 全国生态状况调查评估技术规范——生态问题评估"
XIONG = "熊康宁 2002, 见王霖娇等, 生态学报 2017,37(5):1367-1378 Table 2"
ROUNDS = "《中国·岩溶地区石漠化状况公报》(2018)"

GRADES_HJ1174 = ("无石漠化", "轻度", "中度", "重度", "极重度")
GRADES_XIONG = ("无", "潜在", "轻度", "中度", "强度")
BEYOND_GRADES = ("因子不一致", "非岩溶", "未知")  # codes 5, 6, 7 of a combined grade
GRADES_HJ1174_EN = ("none", "light", "moderate", "severe", "very severe")
GRADES_XIONG_EN = ("none", "potential", "light", "moderate", "strong")
BEYOND_GRADES_EN = ("factors disagree", "not karst", "unknown")
LITHOLOGY = ("埋藏性碳酸岩", "次不纯碳酸岩", "不纯碳酸岩", "白云岩", "灰岩与白云岩")
CONFLICT, NOT_KARST, UNKNOWN = 5.0, 6.0, 7.0

Slope = A[Array, Q("degree", "坡度", "slope", low=0, high=90)]
Cover = A[Array, Q("%", "植被覆盖度", "vegetation cover", low=0, high=100)]
Exposure = A[Array, Q("%", "基岩裸露率", "bedrock exposure", low=0, high=100)]
SoilCover = A[Array, Q("%", "植被+土被覆盖率", "vegetation and soil cover", low=0, high=100)]
SlopeCuts = A[Array, Q("degree", "坡度界值（由缓到陡）", "slope cuts, rising", low=0, high=90, axis="class")]
PercentCuts = A[Array, Q("%", "界值（由低到高）", "cuts, rising", low=0, high=100, axis="class")]
GradeHJ = A[
    Array,
    Q("class", "单因子等级", "grade by one factor", low=0, high=4, labels=GRADES_HJ1174, labels_en=GRADES_HJ1174_EN),
]
GradeXiong = A[
    Array,
    Q("class", "单因子等级", "grade by one factor", low=0, high=4, labels=GRADES_XIONG, labels_en=GRADES_XIONG_EN),
]
Karst = A[Array, Q("class", "是否岩溶区", "karst area", low=0, high=1, labels=("否", "是"))]
Area = A[Array, Q("hm2", "面积", "area", low=0, axis="cell")]
Basis = A[str, Choice("口径", "basis", ("reported", "comparable"))]
HjRule = A[
    str, Choice("因子不一致时的规则", "rule when factors disagree", ("worst", "median", "cover_first", "flag_only"))
]
XiongRule = A[str, Choice("因子不一致时的规则", "rule when factors disagree", ("worse", "exposure_first", "flag_only"))]


class MixedBasisError(QingshanError):
    """Two survey rounds of different bases (口径) meet in one change."""

    code = "mixed_basis"


def _rising(cuts: Array) -> list[Array]:
    """The four cuts of a five-grade table. Raises `OutOfBounds` unless there are four and they rise."""
    cuts = np.asarray(cuts, dtype=np.float64)
    if cuts.shape[-1:] != (4,) or np.any(np.diff(cuts, axis=-1) <= 0):
        raise OutOfBounds(
            f"the cuts {cuts.tolist()} are not four rising numbers.", f"界值 {cuts.tolist()} 应为四个且依次增大。",
            fix="use the rows of one parameter and one set / 用同一参数、同一参数组的各行",
        )  # fmt: skip
    return list(np.moveaxis(cuts, -1, 0))


@method(
    "land.krd_slope_grade", edition="hj1174_2021", clause=Clause(HJ1174, "附录A.3 表A.3"),
    zh="石漠化等级（坡度）", en="rocky desertification by slope",
    formula="无石漠化 < 5; 轻度 [5,15]; 中度 (15,25]; 重度 (25,35]; 极重度 > 35 degrees",
)  # fmt: skip
def krd_slope_grade(slope: Slope, cuts: SlopeCuts) -> GradeHJ:
    """Grade by slope, 0 无石漠化 to 4 极重度.

    5 and 35 degrees are on their printed side, 15 and 25 take the milder grade (project rule).
    Shapes: `slope` any, `cuts` (..., 4). NaN stays NaN.
    """
    slope = np.asarray(slope, dtype=np.float64)
    light, moderate, heavy, extreme = _rising(cuts)
    grade = (slope >= light).astype(float) + (slope > moderate) + (slope > heavy) + (slope > extreme)
    return np.where(np.isnan(slope), np.nan, grade)


@method(
    "land.krd_cover_grade", edition="hj1174_2021", clause=Clause(HJ1174, "附录A.3 表A.3"),
    zh="石漠化等级（植被覆盖度）", en="rocky desertification by vegetation cover",
    formula="无石漠化 > 80; 轻度 [60,80]; 中度 [40,60); 重度 [20,40); 极重度 < 20 %",
)  # fmt: skip
def krd_cover_grade(cover: Cover, cuts: PercentCuts) -> GradeHJ:
    """Grade by cover, 0 无石漠化 to 4 极重度.

    80 and 20 % are on their printed side, 60 and 40 take the milder grade (project rule).
    Shapes: `cover` any, `cuts` (..., 4) rising. NaN stays NaN.
    """
    cover = np.asarray(cover, dtype=np.float64)
    extreme, heavy, moderate, light = _rising(cuts)
    grade = (cover <= light).astype(float) + (cover < moderate) + (cover < heavy) + (cover < extreme)
    return np.where(np.isnan(cover), np.nan, grade)


@method(
    "land.krd_lithology_grade", edition="hj1174_2021", clause=Clause(HJ1174, "附录A.3 表A.3"),
    zh="石漠化等级（岩性）", en="rocky desertification by lithology",
    formula="埋藏性碳酸岩 无石漠化; 次不纯 轻度; 不纯 中度; 白云岩 重度; 灰岩与白云岩 极重度",
)  # fmt: skip
def krd_lithology_grade(
    lithology: A[Array, Q("class", "岩性", "lithology", low=0, high=4, labels=LITHOLOGY)],
) -> GradeHJ:
    """Grade by lithology. The table lists one class per grade, so the code of the class is the grade.

    Pure limestone has no row: a geological map needs a declared mapping to the five classes; a rock without one is NaN.
    """
    return np.asarray(lithology, dtype=np.float64)


def _combined(factors: Array, chosen: Array, karst: Array) -> Array:
    """The chosen grade with codes 6 outside karst and 7 where a factor or the mask is unknown."""
    known = ~np.isnan(factors.sum(axis=0))
    return np.select([karst == 0, (karst == 1) & known], [NOT_KARST, chosen], default=UNKNOWN)


def _stack(*grades: Array) -> Array:
    return np.stack(np.broadcast_arrays(*(np.asarray(g, dtype=np.float64) for g in grades)))


@method(
    "land.krd_grade", edition="hj1174_2021", clause=Clause(HJ1174, "附录A.3 表A.3"),
    zh="石漠化程度", en="grade of rocky desertification",
    formula="combined character of slope, cover and lithology; the rule for disagreeing factors is declared",
)  # fmt: skip
def krd_grade_hj1174(
    slope_grade: GradeHJ, cover_grade: GradeHJ, lithology_grade: GradeHJ, karst: Karst, conflict_rule: HjRule
) -> A[
    Array,
    Q(
        "class",
        "石漠化程度",
        "grade of rocky desertification",
        labels=GRADES_HJ1174 + BEYOND_GRADES,
        labels_en=GRADES_HJ1174_EN + BEYOND_GRADES_EN,
    ),
]:
    """Combined grade: 0 无石漠化 to 4 极重度, 5 conflict (`flag_only`), 6 not karst, 7 unknown.

    The text has no rule where the three factors disagree, so `conflict_rule` must be declared: `worst` (which makes
    every steep, fully wooded limestone hill 极重度), `median`, `cover_first` (the grade of cover) or `flag_only`.
    Publish the three single-factor maps and `land.krd_conflict_share` with it. Shapes: any mutually broadcastable
    arrays.
    """
    factors = _stack(slope_grade, cover_grade, lithology_grade)
    agree = np.all(factors == factors[0], axis=0)
    chosen = {
        "worst": factors.max(axis=0),
        "median": np.median(factors, axis=0),
        "cover_first": factors[1],
        "flag_only": np.where(agree, factors[0], CONFLICT),
    }[conflict_rule]
    return _combined(factors, chosen, np.asarray(karst, dtype=np.float64))


@method(
    "land.krd_conflict", edition="hj1174_2021", clause=Clause(HJ1174, "附录A.3"), status="project",
    zh="石漠化因子不一致", en="disagreeing factors", formula="1 where slope, cover and lithology give different grades",
)  # fmt: skip
def krd_conflict_hj1174(
    slope_grade: GradeHJ, cover_grade: GradeHJ, lithology_grade: GradeHJ, karst: Karst
) -> A[Array, Q("class", "石漠化因子不一致", "disagreeing factors", labels=("一致", "不一致"))]:
    """1 where the factors disagree, 0 where they agree, NaN outside karst and where one is unknown."""
    factors = _stack(slope_grade, cover_grade, lithology_grade)
    judged = (np.asarray(karst) == 1) & ~np.isnan(factors.sum(axis=0))
    return np.where(judged, np.any(factors != factors[0], axis=0), np.nan)


DECIDING_HJ1174 = ("三因子一致", "坡度", "植被覆盖度", "岩性", "多个因子", "未定")


@method(
    "land.krd_deciding_factor", edition="hj1174_2021", clause=Clause(HJ1174, "附录A.3"), status="project",
    zh="石漠化定级因子", en="deciding factor", formula="the factor whose grade equals the combined grade",
)  # fmt: skip
def krd_deciding_factor_hj1174(
    slope_grade: GradeHJ,
    cover_grade: GradeHJ,
    lithology_grade: GradeHJ,
    grade: A[Array, Q("class", "石漠化程度", "combined grade", low=0, high=7, labels=GRADES_HJ1174 + BEYOND_GRADES)],
) -> A[Array, Q("class", "石漠化定级因子", "deciding factor", labels=DECIDING_HJ1174)]:
    """Which factor the grade follows: 0 all agree, 1 slope, 2 cover, 3 lithology, 4 two of them, 5 undecided."""
    same = _stack(slope_grade, cover_grade, lithology_grade) == np.asarray(grade)
    count = same.sum(axis=0)
    return np.select([count == 3, count == 2, count == 1], [0.0, 4.0, np.argmax(same, axis=0) + 1.0], default=5.0)


@method(
    "land.krd_conflict_share", edition="project", clause=Clause(HJ1174, "附录A.3"), status="project",
    zh="石漠化因子不一致面积占比", en="share of area in conflict", formula="area in conflict/area judged * 100",
)  # fmt: skip
def krd_conflict_share(
    conflict: A[Array, Q("class", "因子不一致", "conflict", low=0, high=1, axis="cell", labels=("一致", "不一致"))],
    area: Area,
) -> A[Array, Q("%", "因子不一致面积占比", "share of area in conflict")]:
    """Area-weighted share on the last axis; cells that were not judged (NaN) are left out. Nothing judged: NaN."""
    conflict, area = np.broadcast_arrays(np.asarray(conflict, dtype=np.float64), np.asarray(area, dtype=np.float64))
    judged = np.where(np.isnan(conflict), 0.0, area).sum(axis=-1)
    return np.nansum(conflict * area, axis=-1) / np.where(judged == 0, np.nan, judged) * 100


@method(
    "land.krd_exposure_grade", edition="xiong2002", clause=Clause(XIONG, "基岩裸露率"), status="secondary",
    zh="石漠化等级（基岩裸露率）", en="rocky desertification by bedrock exposure",
    formula="无 [0,20); 潜在 [20,30]; 轻度 (30,50]; 中度 (50,70]; 强度 (70,100] %",
)  # fmt: skip
def krd_exposure_grade(exposure: Exposure, cuts: PercentCuts) -> GradeXiong:
    """Grade by exposed bedrock, 0 无 to 4 强度. The printed integer gaps are closed by a project rule.

    Shapes: `exposure` any, `cuts` (..., 4). NaN stays NaN.
    """
    x = np.asarray(exposure, dtype=np.float64)
    potential, light, moderate, strong = _rising(cuts)
    grade = (x >= potential).astype(float) + (x > light) + (x > moderate) + (x > strong)
    return np.where(np.isnan(x), np.nan, grade)


@method(
    "land.krd_cover_grade", edition="xiong2002", clause=Clause(XIONG, "植被+土被覆盖率"), status="secondary",
    zh="石漠化等级（植被+土被覆盖率）", en="rocky desertification by vegetation and soil cover",
    formula="无 (80,100]; 潜在 [70,80]; 轻度 [50,70); 中度 [30,50); 强度 [0,30) %",
)  # fmt: skip
def krd_soil_cover_grade(cover: SoilCover, cuts: PercentCuts) -> GradeXiong:
    """Grade by vegetation and soil cover, 0 无 to 4 强度. The last class is read from a doubtful print (<30).

    Shapes: `cover` any, `cuts` (..., 4) rising. NaN stays NaN.
    """
    c = np.asarray(cover, dtype=np.float64)
    strong, moderate, light, potential = _rising(cuts)
    grade = (c <= potential).astype(float) + (c < light) + (c < moderate) + (c < strong)
    return np.where(np.isnan(c), np.nan, grade)


@method(
    "land.krd_grade", edition="xiong2002", clause=Clause(XIONG), status="secondary",
    zh="石漠化等级", en="grade of rocky desertification",
    formula="exposure and cover; the rule for disagreeing factors is declared",
)  # fmt: skip
def krd_grade_xiong(
    exposure_grade: GradeXiong, cover_grade: GradeXiong, karst: Karst, conflict: XiongRule
) -> A[
    Array,
    Q(
        "class",
        "石漠化等级",
        "grade of rocky desertification",
        labels=GRADES_XIONG + BEYOND_GRADES,
        labels_en=GRADES_XIONG_EN + BEYOND_GRADES_EN,
    ),
]:
    """Combined grade: 0 无 to 4 强度, 5 conflict (`flag_only`), 6 not karst, 7 unknown.

    The source does not say which factor wins: `conflict` must be declared (`worse`, `exposure_first` or `flag_only`).
    Shapes: any mutually broadcastable arrays.
    """
    factors = _stack(exposure_grade, cover_grade)
    chosen = {
        "worse": factors.max(axis=0),
        "exposure_first": factors[0],
        "flag_only": np.where(factors[0] == factors[1], factors[0], CONFLICT),
    }[conflict]
    return _combined(factors, chosen, np.asarray(karst, dtype=np.float64))


@method(
    "land.krd_conflict", edition="xiong2002", clause=Clause(XIONG), status="project",
    zh="石漠化因子不一致", en="disagreeing factors", formula="1 where exposure and cover give different grades",
)  # fmt: skip
def krd_conflict_xiong(
    exposure_grade: GradeXiong, cover_grade: GradeXiong, karst: Karst
) -> A[Array, Q("class", "石漠化因子不一致", "disagreeing factors", labels=("一致", "不一致"))]:
    """1 where the factors disagree, 0 where they agree, NaN outside karst and where one is unknown."""
    factors = _stack(exposure_grade, cover_grade)
    judged = (np.asarray(karst) == 1) & ~np.isnan(factors.sum(axis=0))
    return np.where(judged, factors[0] != factors[1], np.nan)


DECIDING_XIONG = ("两因子一致", "基岩裸露率", "植被+土被覆盖率", "未定")


@method(
    "land.krd_deciding_factor", edition="xiong2002", clause=Clause(XIONG), status="project",
    zh="石漠化定级因子", en="deciding factor", formula="the factor whose grade equals the combined grade",
)  # fmt: skip
def krd_deciding_factor_xiong(
    exposure_grade: GradeXiong,
    cover_grade: GradeXiong,
    grade: A[Array, Q("class", "石漠化等级", "combined grade", low=0, high=7, labels=GRADES_XIONG + BEYOND_GRADES)],
) -> A[Array, Q("class", "石漠化定级因子", "deciding factor", labels=DECIDING_XIONG)]:
    """Which factor the combined grade follows: 0 both agree, 1 exposure, 2 cover, 3 undecided."""
    by_exposure, by_cover = _stack(exposure_grade, cover_grade) == np.asarray(grade)
    return np.select([by_exposure & by_cover, by_exposure, by_cover], [0.0, 1.0, 2.0], default=3.0)


Combined = A[Array, Q("class", "石漠化等级", "grade", low=0, high=7)]


@method(
    "land.krd_judged_both", edition="project", clause=Clause(ROUNDS, "可比口径"), status="project",
    zh="两期均判定", en="judged in both rounds", formula="1 where both rounds give a grade 0-4 or a conflict 5",
)  # fmt: skip
def krd_judged_both(
    grade_start: Combined, grade_end: Combined
) -> A[Array, Q("class", "两期均判定", "judged in both rounds", labels=("否", "是"))]:
    """1 where both rounds judged the cell, else NaN: the area on which two rounds are comparable (可比口径).

    Codes are those of a combined grade: 6 (not karst) and 7 (unknown) are not judged. The bulletin names the basis and does
    not print its rule: that it is what both rounds judged is a project rule. Shapes: any two broadcastable arrays.
    """
    both = (np.asarray(grade_start) < NOT_KARST) & (np.asarray(grade_end) < NOT_KARST)
    return np.where(both, 1.0, np.nan)


RoundArea = A[Array, Q("万hm2", "石漠化面积", "rocky-desertified area", low=0)]
RoundStart = A[Array, Q("万hm2", "期初石漠化面积", "rocky-desertified area at the start", low=0, symbol="A_0")]
RoundEnd = A[Array, Q("万hm2", "期末石漠化面积", "rocky-desertified area at the end", low=0, symbol="A_t")]
NetDecrease = A[Array, Q("万hm2", "公布的净减", "printed decrease", symbol="D")]


def _one_basis(basis_start: str, basis_end: str) -> None:
    if basis_start != basis_end:
        raise MixedBasisError(
            f"a change from a {basis_start} to a {basis_end} area mixes two bases.",
            "期初与期末口径不同，不能相减。",
            fix="take both areas on the reported or both on the comparable basis / 两期都用公布口径，或都用可比口径",
        )


@method(
    "land.krd_change", edition="krd_rounds", clause=Clause(ROUNDS, "净减"), status="secondary",
    zh="石漠化面积变化", en="change of rocky-desertified area", formula="A_t - A_0, both on one basis",
)  # fmt: skip
def krd_change(
    area_start: RoundStart, area_end: RoundEnd, basis_start: Basis, basis_end: Basis
) -> A[Array, Q("万hm2", "石漠化面积变化", "change of rocky-desertified area")]:
    """Change between two survey rounds. Round 4 changed scope: raises `MixedBasisError` where the bases differ."""
    _one_basis(basis_start, basis_end)
    return area_end - area_start


@method(
    "land.krd_area_before", edition="krd_rounds", clause=Clause(ROUNDS, "净减"), status="project",
    zh="上一轮石漠化面积（由净减推得）", en="rocky-desertified area of the round before, from the printed decrease", formula="A_0 = A_t + D",
)  # fmt: skip
def krd_area_before(
    area_end: RoundEnd, decrease: NetDecrease
) -> A[Array, Q("万hm2", "期初石漠化面积", "area at the start")]:
    """Area at the start of a printed decrease, where only the end was printed. Shapes: broadcastable."""
    return np.add(area_end, decrease)


@method(
    "land.krd_area_after", edition="krd_rounds", clause=Clause(ROUNDS, "净减"), status="project",
    zh="本轮石漠化面积（由净减推得）", en="rocky-desertified area of the round after, from the printed decrease", formula="A_t = A_0 - D",
)  # fmt: skip
def krd_area_after(
    area_start: RoundStart, decrease: NetDecrease
) -> A[Array, Q("万hm2", "期末石漠化面积", "area at the end")]:
    """Area at the end of a printed decrease on the basis of the start (可比口径). Shapes: broadcastable."""
    return np.subtract(area_start, decrease)


@method(
    "land.krd_mean_annual_decrease", edition="krd_rounds", clause=Clause(ROUNDS, "年均缩减率"), status="project",
    zh="石漠化面积年均缩减率（推得）", en="mean annual decrease (inferred)", formula="1 - (A_t/A_0)^(1/n)",
)  # fmt: skip
def krd_mean_annual_decrease(
    area_start: RoundStart,
    area_end: RoundEnd,
    years: A[Array, Q("count", "相隔年数", "years between", low=1, symbol="n")],
    basis_start: Basis,
    basis_end: Basis,
) -> A[Array, Q("%", "年均缩减率", "mean annual decrease")]:
    """Yearly rate of shrinking. The formula was found by fitting the three printed rates: inferred, not printed.

    Start area 0: NaN. Raises `MixedBasisError` where the bases differ.
    """
    _one_basis(basis_start, basis_end)
    start = np.where(np.asarray(area_start) > 0, area_start, np.nan)
    return (1 - (area_end / start) ** (1 / np.asarray(years))) * 100


@method(
    "land.krd_share", edition="krd_rounds", clause=Clause("贵州“十四五”目标", "石漠化面积占比"), status="project",
    zh="石漠化面积占比", en="share of rocky-desertified area", formula="A/denominator * 100",
)  # fmt: skip
def krd_share(
    area: RoundArea,
    denominator_area: A[Array, Q("万hm2", "分母面积", "area of the denominator", low=0)],
    denominator: A[str, Choice("分母", "denominator", ("province", "karst"))],
) -> A[Array, Q("%", "石漠化面积占比", "share of rocky-desertified area")]:
    """Share of the desertified area in the province or in its karst area.

    The target below 10 % does not state its denominator: compute each, label it by `denominator`, and leave the
    completion undetermined. Denominator 0: NaN.
    """
    del denominator  # a label of the result, kept in its pedigree
    return area / np.where(np.asarray(denominator_area) > 0, denominator_area, np.nan) * 100
