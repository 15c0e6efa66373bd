"""Accuracy of maps and inversions after HJ 1166-2021 and HJ 1176-2021.

The two standards print different sides at the limits (reach, above): each has its own verdict and both are shown. A
class without check points is not verified, never 100 %.
"""

from __future__ import annotations

import numpy as np

from qingshan.core.errors import OutOfBounds
from qingshan.core.method import A, Array, Clause, Q, method

HJ1166 = "HJ 1166-2021 全国生态状况调查评估技术规范——生态系统遥感解译与野外核查"
HJ1176 = "HJ 1176-2021 全国生态状况调查评估技术规范——数据质量控制与集成"

VERDICTS = ("不合格", "合格", "未核查")
NOT_VERIFIED = 2.0
KAPPA_GRADES = ("很差", "差", "一般", "好", "很好", "极好")

Accuracy = A[Array, Q("%", "分类精度", "accuracy", low=0, high=100)]
Limit = A[Array, Q("%", "精度要求", "required accuracy", low=0, high=100)]
Verdict = A[Array, Q("class", "精度结论", "verdict", labels=VERDICTS)]
Confusion = A[Array, Q("count", "混淆矩阵（解译×实测）", "confusion matrix, map by truth", low=0, axis="map truth")]
Measured = A[Array, Q("1", "实测值", "measured value", axis="sample")]
Inverted = A[Array, Q("1", "反演值", "inverted value", axis="sample")]


@method(
    "nature.class_accuracy", edition="hj1166_2021", clause=Clause(HJ1166, "7.4"),
    zh="分类精度", en="accuracy of a class",
    formula="right points/all points * 100",
)  # fmt: skip
def class_accuracy(
    right: A[Array, Q("count", "正确点数", "points that are right", low=0)],
    points: A[Array, Q("count", "核查点数", "check points", low=0)],
) -> A[Array, Q("%", "分类精度", "accuracy of a class", low=0, high=100)]:
    """Accuracy of each class. No point: NaN, which the verdicts read as not verified.

    Raises `OutOfBounds` where more points are right than were checked.
    """
    points = np.asarray(points, dtype=np.float64)
    if np.any(right > points):
        raise OutOfBounds(
            "more points are right than were checked.", "正确点数多于核查点数。", fix="check both counts / 核对两个点数"
        )
    return right / np.where(points == 0, np.nan, points) * 100


@method(
    "nature.accuracy_verdict", edition="hj1166_2021", clause=Clause(HJ1166, "7.4"),
    zh="精度结论（达到）", en="verdict, reach",
    formula="accuracy >= limit; below: interpret again",
)  # fmt: skip
def accuracy_verdict_reach(accuracy: Accuracy, limit: Limit) -> Verdict:
    """0 fail (interpret again), 1 pass, 2 not verified. HJ 1166 says that the accuracy reaches the limit."""
    accuracy = np.asarray(accuracy, dtype=np.float64)
    return np.where(np.isnan(accuracy), NOT_VERIFIED, accuracy >= limit)


@method(
    "nature.accuracy_verdict", edition="hj1176_2021", clause=Clause(HJ1176, "表1"),
    zh="精度结论（大于）", en="verdict, above",
    formula="accuracy > limit",
)  # fmt: skip
def accuracy_verdict_above(accuracy: Accuracy, limit: Limit) -> Verdict:
    """0 fail, 1 pass, 2 not verified. HJ 1176 prints >: at exactly the limit the two standards differ, show both."""
    accuracy = np.asarray(accuracy, dtype=np.float64)
    return np.where(np.isnan(accuracy), NOT_VERIFIED, accuracy > limit)


@method(
    "nature.points_required", edition="hj1176_2021", clause=Clause(HJ1176, "表1"), zh="应设点数", en="points required",
    formula="at least one per started unit of area",
)  # fmt: skip
def points_required(
    area: A[Array, Q("km2", "区域面积", "area of the zone", low=0)],
    area_per_point: A[Array, Q("km2", "每点面积", "area per point", low=1e-6)],
) -> A[Array, Q("count", "应设点数", "points required")]:
    """Least number of check points (100 km2 each) or observation plots (10 000 km2 each)."""
    return np.ceil(np.round(np.asarray(area) / area_per_point, 9))


@method(
    "nature.overall_accuracy", edition="hj1176_2021", clause=Clause(HJ1176, "8.2"),
    zh="总体精度", en="overall accuracy",
    formula="po = sum_i n_ii/n",
)  # fmt: skip
def overall_accuracy(confusion: Confusion) -> A[Array, Q("fraction", "总体精度", "overall accuracy", symbol="po")]:
    """Share of check points on the diagonal. Shapes: (..., map, truth) to (...). No point: NaN."""
    n = np.asarray(confusion, dtype=np.float64)
    total = n.sum(axis=(-2, -1))
    return np.trace(n, axis1=-2, axis2=-1) / np.where(total == 0, np.nan, total)


@method(
    "nature.kappa", edition="hj1176_2021", clause=Clause(HJ1176, "8.2"), zh="Kappa 系数", en="Kappa",
    formula="Kappa = (po - pe)/(1 - pe), pe = sum_i n_i. n_.i/n^2",
)  # fmt: skip
def kappa(confusion: Confusion) -> A[Array, Q("1", "Kappa 系数", "Kappa", high=1, symbol="Kappa")]:
    """Kappa of a confusion matrix (the formula itself is not printed). Shapes: (..., map, truth) to (...).

    No point, or all points in one class of both map and truth (pe = 1): NaN.
    """
    n = np.asarray(confusion, dtype=np.float64)
    total = n.sum(axis=(-2, -1))
    total = np.where(total == 0, np.nan, total)
    po = np.trace(n, axis1=-2, axis2=-1) / total
    pe = np.sum(n.sum(axis=-1) * n.sum(axis=-2), axis=-1) / total**2
    return (po - pe) / np.where(pe == 1, np.nan, 1 - pe)


@method(
    "nature.kappa_grade", edition="hj1176_2021", clause=Clause(HJ1176, "8.2"), zh="Kappa 等级", en="grade of Kappa",
    formula="很差 < 0; 差 [0,.20]; 一般 (.20,.40]; 好 (.40,.60]; 很好 (.60,.80]; 极好 (.80,1]",
)  # fmt: skip
def kappa_grade(
    kappa: A[Array, Q("1", "Kappa 系数", "Kappa", high=1)],
    cuts: A[Array, Q("1", "四个界值（由低到高）", "four cuts, rising", low=0, high=1, axis="class")],
) -> A[Array, Q("class", "Kappa 等级", "grade of Kappa", labels=KAPPA_GRADES)]:
    """Grade, 0 很差 to 5 极好. An inner end belongs to the lower class (project rule). Shapes: `cuts` (..., 4)."""
    value = np.asarray(np.round(kappa, 12), dtype=np.float64)  # 0.6 computed as 0.6000000000000001 is 0.6
    fair, good, very_good, excellent = np.moveaxis(np.asarray(cuts, dtype=np.float64), -1, 0)
    grade = (value >= 0).astype(float) + (value > fair) + (value > good) + (value > very_good) + (value > excellent)
    return np.where(np.isnan(value), np.nan, grade)


def _squares(measured: Array, inverted: Array) -> tuple[Array, Array]:
    """Squared relative errors with unusable samples as 0, and the number of usable ones."""
    measured, inverted = np.broadcast_arrays(np.asarray(measured, np.float64), np.asarray(inverted, np.float64))
    usable = (inverted != 0) & ~np.isnan(measured + inverted)
    error = (measured - inverted) / np.where(usable, inverted, 1.0)
    return np.where(usable, error**2, 0.0), usable.sum(axis=-1)


@method(
    "nature.ree", edition="hj1176_2021", clause=Clause(HJ1176, "8.3 (1)"), status="ocr_doubt",
    zh="相对误差", en="relative error of an inversion", formula="REE = sqrt(sum(((measured - inverted)/inverted)^2)/n)",
)  # fmt: skip
def ree(measured: Measured, inverted: Inverted) -> A[Array, Q("1", "相对误差", "relative error", low=0, symbol="REE")]:
    """Relative error over the samples on the last axis; divides by the inverted value as extracted.

    Samples with an inverted value of 0 or an unknown value are left out and counted by `nature.ree_excluded`.
    """
    squares, n = _squares(measured, inverted)
    return np.sqrt(squares.sum(axis=-1) / np.where(n == 0, np.nan, n))


@method(
    "nature.ree_excluded", edition="hj1176_2021", clause=Clause(HJ1176, "8.3 (1)"), status="project",
    zh="未参与计算的样本数", en="samples left out", formula="samples with inverted = 0 or unknown",
)  # fmt: skip
def ree_excluded(
    measured: Measured, inverted: Inverted
) -> A[Array, Q("count", "未参与计算的样本数", "samples left out")]:
    """Companion of `nature.ree`: how many samples it could not use."""
    squares, n = _squares(measured, inverted)
    return np.asarray(squares.shape[-1] - n, dtype=np.float64)


@method(
    "nature.inversion_precision", edition="hj1176_2021", clause=Clause(HJ1176, "8.3 (2)"), status="ocr_doubt",
    zh="反演精度", en="precision of an inversion", formula="P = 1 - REE",
)  # fmt: skip
def inversion_precision(
    ree: A[Array, Q("1", "相对误差", "relative error", low=0, symbol="REE")],
) -> A[Array, Q("fraction", "反演精度", "precision of an inversion", high=1, symbol="P")]:
    """Precision of FVC, GPP or LAI; 80 % must be reached (`nature.accuracy_verdict@hj1166_2021` has that side)."""
    return 1 - np.asarray(ree)


@method(
    "nature.inversion_verdict", edition="hj1176_2021", clause=Clause(HJ1176, "表1; 8.3"),
    zh="反演精度结论", en="verdict on an inversion", formula="P >= limit",
)  # fmt: skip
def inversion_verdict(
    precision: A[Array, Q("%", "反演精度", "precision of an inversion", high=100)], limit: Limit
) -> Verdict:
    """0 fail, 1 pass, 2 not verified; the limit itself passes, as printed."""
    precision = np.asarray(precision, dtype=np.float64)
    return np.where(np.isnan(precision), NOT_VERIFIED, precision >= limit)
