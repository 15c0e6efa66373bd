"""Ecosystem classes of HJ 1166-2021 table A.1 that height, cover and leaf decide.

The growth form is known before (trees, shrubs and grasses have a method each): 3-5 m fits trees and shrubs alike. The
result is the printed two-digit code, not an index; what fits no row (trees over 30 m, cover below 0.04) is NaN and
needs a declared mapping. The 24 classes are `standards/ecosystem_classes.csv`.
"""

from __future__ import annotations

import numpy as np

from qingshan.core.method import A, Array, Clause, Q, method

HJ1166 = "HJ 1166-2021 全国生态状况调查评估技术规范——生态系统遥感解译与野外核查"
TABLE = Clause(HJ1166, "附录A 表A.1")

DENSE, SPARSE = 0.2, 0.04  # least cover of a dense class and of a sparse class

Cover = A[Array, Q("fraction", "植被覆盖度", "vegetation cover", low=0, high=1, symbol="C")]
Height = A[Array, Q("m", "植被高度", "height", low=0, symbol="H")]


def _by_cover(height: Array, cover: Array, dense: Array, sparse: int, *, low: float, high: float) -> Array:
    """Dense class from 0.2, sparse class from 0.04, NaN below or outside the heights."""
    fits = (height >= low) & (height <= high)
    return np.select([fits & (cover >= DENSE), fits & (cover >= SPARSE)], [dense, np.full_like(cover, sparse)], np.nan)


def _numbers(*values: Array) -> list[Array]:
    return [np.asarray(v, dtype=np.float64) for v in np.broadcast_arrays(*values)]


@method(
    "nature.forest_class", edition="hj1166_2021", clause=TABLE, zh="森林二级类", en="forest class",
    formula="H 3-30 m; C >= 0.2: 11 F <= 25, 13 25 < F < 75, 12 F >= 75 %; 0.04 <= C < 0.2: 14",
)  # fmt: skip
def forest_class(
    height: Height,
    cover: Cover,
    needleleaf: A[Array, Q("%", "针叶树占比", "share of needleleaf trees", low=0, high=100, symbol="F")],
) -> A[Array, Q("class", "森林二级类代码", "forest class code", low=11, high=14)]:
    """Code of a stand of trees: 11 阔叶林, 12 针叶林, 13 针阔混交林, 14 稀疏林.

    Shapes: any mutually broadcastable arrays. The side of 25 and 75 % follows from the strict limits printed for 13.
    Trees over 30 m or under 3 m and cover below 0.04 fit no row: NaN.
    """
    height, cover, needleleaf = _numbers(height, cover, needleleaf)
    leaf = np.select([needleleaf <= 25, needleleaf < 75, needleleaf >= 75], [11.0, 13.0, 12.0], default=np.nan)
    return _by_cover(height, cover, leaf, 14, low=3, high=30)


@method(
    "nature.shrub_class", edition="hj1166_2021", clause=TABLE, zh="灌丛二级类", en="shrub class",
    formula="H 0.3-5 m; C >= 0.2: 21 broadleaf, 22 needleleaf; 0.04 <= C < 0.2: 23",
)  # fmt: skip
def shrub_class(
    height: Height,
    cover: Cover,
    leaf: A[Array, Q("class", "叶型", "leaf", low=0, high=1, labels=("阔叶", "针叶"))],
) -> A[Array, Q("class", "灌丛二级类代码", "shrub class code", low=21, high=23)]:
    """Code of a stand of shrubs: 21 阔叶灌丛, 22 针叶灌丛, 23 稀疏灌丛. What fits no row is NaN."""
    height, cover, leaf = _numbers(height, cover, leaf)
    return _by_cover(height, cover, 21 + leaf, 23, low=0.3, high=5)


@method(
    "nature.grass_class", edition="hj1166_2021", clause=TABLE, zh="草地二级类", en="grassland class",
    formula="H 0.03-3 m; C >= 0.2: 31 K >= 1 on moist soil, 33 K >= 1, 32 K < 1; 0.04 <= C < 0.2: 34",
)  # fmt: skip
def grass_class(
    height: Height,
    cover: Cover,
    humidity: A[Array, Q("1", "湿润度", "humidity index", low=0, symbol="K")],
    moist_soil: A[Array, Q("class", "土壤湿润", "moist soil", low=0, high=1, labels=("否", "是"))],
) -> A[Array, Q("class", "草地二级类代码", "grassland class code", low=31, high=34)]:
    """Code of a stand of grasses: 31 草甸, 32 草原, 33 草丛, 34 稀疏草地. What fits no row is NaN.

    The formula of the humidity index K is not printed: it is an input. Shapes: any mutually broadcastable arrays.
    """
    height, cover, humidity, moist_soil = _numbers(height, cover, humidity, moist_soil)
    humid = np.where(moist_soil == 1, 31.0, np.where(moist_soil == 0, 33.0, np.nan))
    kind = np.select([humidity >= 1, humidity < 1], [humid, np.full_like(humid, 32)], default=np.nan)
    return _by_cover(height, cover, kind, 34, low=0.03, high=3)
