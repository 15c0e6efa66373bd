"""What a change matrix says of each class: gain, loss, net change, swap, persistence; area from a grade on.

Areas of a matrix are opening class x closing class. The words are those of Pontius, Shusas & McEachern 2004: a class that gains
in one place what it loses in another has swapped, although its total stands still.
"""

from __future__ import annotations

import numpy as np

from qingshan.core.method import A, Array, Clause, Q, method

PONTIUS = "Pontius, Shusas & McEachern 2004, Agriculture, Ecosystems & Environment 101:251-268"
EDITION = "pontius2004"
SL190 = "SL 190-2007 土壤侵蚀分类分级标准"

Matrix = A[
    Array,
    Q("hm2", "转移矩阵（期初×期末）", "transition areas, opening by closing", low=0, axis="start end", symbol="P_ij"),
]
PerClass = Q("hm2", "面积", "area", axis="class")


def _diagonal(matrix: Array) -> Array:
    return np.diagonal(np.asarray(matrix, dtype=np.float64), axis1=-2, axis2=-1)


@method(
    "land.class_gain", edition=EDITION, clause=Clause(PONTIUS, "gain"), status="secondary", zh="类型增加面积", en="gain of a class",
    formula="G_j = P_+j - P_jj",
)  # fmt: skip
def class_gain(transition: Matrix) -> A[Array, PerClass]:
    """Area that became the class. Shapes: (..., class, class) to (..., class)."""
    return np.asarray(transition, dtype=np.float64).sum(axis=-2) - _diagonal(transition)


@method(
    "land.class_loss", edition=EDITION, clause=Clause(PONTIUS, "loss"), status="secondary", zh="类型减少面积", en="loss of a class",
    formula="L_j = P_j+ - P_jj",
)  # fmt: skip
def class_loss(transition: Matrix) -> A[Array, PerClass]:
    """Area that ceased to be the class. Shapes: (..., class, class) to (..., class)."""
    return np.asarray(transition, dtype=np.float64).sum(axis=-1) - _diagonal(transition)


@method(
    "land.class_net_change", edition=EDITION, clause=Clause(PONTIUS, "net change"), status="secondary",
    zh="类型净变化面积", en="net change of a class", formula="D_j = G_j - L_j",
)  # fmt: skip
def class_net_change(transition: Matrix) -> A[Array, PerClass]:
    """Closing less opening area, with its sign (the paper takes its absolute value). Shapes as of the gain."""
    a = np.asarray(transition, dtype=np.float64)
    return a.sum(axis=-2) - a.sum(axis=-1)


@method(
    "land.class_swap", edition=EDITION, clause=Clause(PONTIUS, "swap"), status="secondary", zh="类型置换面积", en="swap of a class",
    formula="S_j = 2 min(G_j, L_j)",
)  # fmt: skip
def class_swap(transition: Matrix) -> A[Array, PerClass]:
    """Area lost here and gained there. Gain + loss = |net change| + swap. Shapes as of the gain."""
    return 2 * np.minimum(class_gain(transition), class_loss(transition))


@method(
    "land.class_persistence", edition=EDITION, clause=Clause(PONTIUS, "persistence"), status="secondary",
    zh="类型保持率", en="persistence of a class", formula="P_jj/P_j+ * 100",
)  # fmt: skip
def class_persistence(transition: Matrix) -> A[Array, Q("%", "类型保持率", "persistence of a class", axis="class")]:
    """Share of the opening area that is the same class at the closing. A class absent at the opening: NaN."""
    opening = np.asarray(transition, dtype=np.float64).sum(axis=-1)
    return _diagonal(transition) / np.where(opening == 0, np.nan, opening) * 100


@method(
    "land.area_from_grade", edition="project", clause=Clause(SL190, "轻度及以上"), status="project",
    zh="某级及以上面积", en="area from a grade on", formula="A = sum_{g >= first} A_g",
)  # fmt: skip
def area_from_grade(
    area: A[Array, Q("km2", "各级面积（由轻到重）", "area of each grade, mild to severe", low=0, axis="grade")],
    first: A[Array, Q("class", "起始级", "first grade that counts", low=0)],
) -> A[Array, Q("km2", "该级及以上面积", "area from the grade on", low=0)]:
    """Eroded area is that from 轻度 (1) on; 潜在石漠化 (1 of 熊康宁 2002) is not rocky-desertified, so there the first is 2.

    Shapes: (..., grade) to (...); `first` is one number.
    """
    area = np.asarray(area, dtype=np.float64)
    return np.where(np.arange(area.shape[-1]) >= first, area, 0.0).sum(axis=-1)
