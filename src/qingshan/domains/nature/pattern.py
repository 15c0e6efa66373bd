"""Ecosystem pattern after HJ 1171-2021 section 6, on a class raster or on a transition matrix.

A raster has the axes (row, column); NaN is nodata and takes part in nothing. `classes` lists the class codes and
orders every result; a code on the raster that is not listed raises `UnknownName`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qingshan.core.errors import OutOfBounds, UnknownName
from qingshan.core.method import A, Array, Choice, Clause, Q, method

HJ1171 = "HJ 1171-2021 全国生态状况调查评估技术规范——生态系统格局评估"
EDITION = "hj1171_2021"

Landscape = A[Array, Q("class", "生态系统类型图", "ecosystem map", axis="row column")]
Classes = A[Array, Q("class", "类型代码", "class codes", axis="class")]
CellWidth = A[Array, Q("m", "像元宽", "cell width", low=0)]
CellHeight = A[Array, Q("m", "像元高", "cell height", low=0)]
ClassArea = A[Array, Q("hm2", "类型面积", "area of a class", low=0, axis="class")]
Transition = A[Array, Q("hm2", "转移矩阵（期初×期末）", "transition areas, start by end", low=0, axis="start end")]
Neighbours = A[str, Choice("斑块邻域", "neighbours of a patch", ("4", "8"))]
CmaxRule = A[str, Choice("C_max 的取法", "definition of C_max", ("two_ln_m", "max_p_ij"))]

Index = NDArray[np.intp]
Window = tuple[slice, slice]


def _codes(landscape: Array, classes: Array) -> Index:
    """Index into `classes` of each cell, -1 for nodata. Raises `UnknownName` naming classes that are not listed."""
    landscape, classes = np.asarray(landscape, dtype=np.float64), np.asarray(classes, dtype=np.float64)
    if landscape.ndim != 2:
        raise OutOfBounds("the ecosystem map needs the axes row and column.", "生态系统类型图应为行、列两维。")
    stray = sorted(set(np.unique(landscape[~np.isnan(landscape)])) - set(classes.tolist()))
    if stray:
        raise UnknownName(
            f"classes {[f'{c:g}' for c in stray]} are not in the class list.",
            f"类型 {[f'{c:g}' for c in stray]} 不在类型表中。",
            fix="add them to the class list or declare a mapping row / 列入类型表，或声明对照行",
        )
    index = np.full(landscape.shape, -1, dtype=np.intp)
    for place, code in enumerate(classes):
        index[landscape == code] = place
    return index


@method(
    "nature.class_area", edition=EDITION, clause=Clause(HJ1171, "6.1"), zh="类型面积", en="area of each class",
    formula="S_i = cells of class i * cell area",
)  # fmt: skip
def class_area(
    landscape: Landscape, classes: Classes, cell_width: CellWidth, cell_height: CellHeight
) -> A[Array, Q("hm2", "类型面积", "area of a class", axis="class")]:
    """Area of each class. Shapes: (row, column) and (class,) to (class,); cell sizes are scalars in metres."""
    index = _codes(landscape, classes)
    cells = np.bincount(index[index >= 0], minlength=len(np.asarray(classes)))
    return cells * cell_width * cell_height / 10_000


@method(
    "nature.share", edition=EDITION, clause=Clause(HJ1171, "6.1 (1)"), zh="类型构成比例", en="share of a class",
    formula="P_ij = S_ij/TS * 100",
)  # fmt: skip
def share(
    class_area: ClassArea,
) -> A[Array, Q("%", "类型构成比例", "share of a class", low=0, high=100, axis="class", symbol="P_ij")]:
    """Share of each class in the zone, classes on the last axis. A zone without area is NaN."""
    class_area = np.asarray(class_area, dtype=np.float64)
    total = class_area.sum(axis=-1, keepdims=True)
    return class_area / np.where(total == 0, np.nan, total) * 100


@method(
    "nature.area_change", edition=EDITION, clause=Clause(HJ1171, "6.2 (2)"), status="ocr_doubt",
    zh="类型面积变化率", en="change of class area", formula="E_V = (EU_b - EU_a)/EU_a * 100",
)  # fmt: skip
def area_change(
    area_start: A[Array, Q("hm2", "期初面积", "area at the start", low=0, symbol="EU_a")],
    area_end: A[Array, Q("hm2", "期末面积", "area at the end", low=0, symbol="EU_b")],
) -> A[Array, Q("%", "类型面积变化率", "change of class area", symbol="E_V")]:
    """Change over the whole period, not per year (K_T of HJ 1175 is per year). A new class is undefined: NaN."""
    start = np.asarray(area_start, dtype=np.float64)
    return (area_end - start) / np.where(start == 0, np.nan, start) * 100


def _like_pairs(index: Index, diagonal: bool) -> tuple[Index, Index]:
    """Flat positions of neighbouring cells of one class; nodata has no neighbour."""
    flat = np.arange(index.size).reshape(index.shape)
    shifts: list[tuple[Window, Window]] = [(np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1, :], np.s_[1:, :])]
    if diagonal:
        shifts += [(np.s_[:-1, :-1], np.s_[1:, 1:]), (np.s_[:-1, 1:], np.s_[1:, :-1])]
    same = [(flat[a], flat[b], (index[a] == index[b]) & (index[a] >= 0)) for a, b in shifts]
    return np.concatenate([a[m] for a, _, m in same]), np.concatenate([b[m] for _, b, m in same])


def _patch_roots(size: int, left: Index, right: Index) -> Index:
    """Smallest cell of each cell's patch: hook roots along the pairs, then shorten, until nothing moves."""
    parent = np.arange(size)
    while True:
        hooked = parent.copy()
        low = np.minimum(parent[left], parent[right])
        np.minimum.at(hooked, parent[left], low)
        np.minimum.at(hooked, parent[right], low)
        while not np.array_equal(hooked, shorter := hooked[hooked]):
            hooked = shorter
        if np.array_equal(hooked, parent):
            return parent
        parent = hooked


@method(
    "nature.patch_count", edition=EDITION, clause=Clause(HJ1171, "6.3 (3)"), zh="斑块数", en="number of patches",
    formula="NP = n_i",
)  # fmt: skip
def patch_count(
    landscape: Landscape, classes: Classes, neighbours: Neighbours
) -> A[Array, Q("count", "斑块数", "number of patches", axis="class", symbol="NP")]:
    """Patches of each class. The neighbour rule is not printed: `neighbours` must be declared (4, or 8 with corners).

    Shapes: (row, column) and (class,) to (class,).
    """
    index = _codes(landscape, classes)
    roots = _patch_roots(index.size, *_like_pairs(index, diagonal=neighbours == "8"))
    first = (roots == np.arange(index.size)) & (index.ravel() >= 0)
    return np.bincount(index.ravel()[first], minlength=len(np.asarray(classes))).astype(np.float64)


@method(
    "nature.mean_patch", edition=EDITION, clause=Clause(HJ1171, "6.4 (4)"), zh="平均斑块面积", en="mean patch area",
    formula="A_i = (1/N_i) sum_j A_ij",
)  # fmt: skip
def mean_patch(
    class_area: ClassArea,
    patches: A[Array, Q("count", "斑块数", "number of patches", low=0, axis="class", symbol="N_i")],
) -> A[Array, Q("hm2", "平均斑块面积", "mean patch area", axis="class", symbol="A_i")]:
    """Area of a class over its patches. A class without a patch is NaN."""
    patches = np.asarray(patches, dtype=np.float64)
    return class_area / np.where(patches == 0, np.nan, patches)


def _sides(index: Index) -> list[tuple[Index, Index]]:
    """Classes on both sides of every inner cell side: left and right, then upper and lower. Nodata is left out."""
    pairs = [(index[:, :-1], index[:, 1:]), (index[:-1, :], index[1:, :])]
    return [(a[(a >= 0) & (b >= 0)], b[(a >= 0) & (b >= 0)]) for a, b in pairs]


@method(
    "nature.edge_length", edition=EDITION, clause=Clause(HJ1171, "6.5"), zh="边界长度", en="edge length",
    formula="sum_j L_ij, the border of the zone left out",
)  # fmt: skip
def edge_length(
    landscape: Landscape, classes: Classes, cell_width: CellWidth, cell_height: CellHeight
) -> A[Array, Q("m", "边界长度", "edge length", axis="class")]:
    """Length of each class's edges with other classes. Neither the zone border nor a border with nodata is an edge."""
    index = _codes(landscape, classes)
    length = np.zeros(len(np.asarray(classes)))
    for (a, b), side in zip(_sides(index), (cell_height, cell_width), strict=True):
        for end in (a, b):
            length += np.bincount(end[a != b], minlength=length.size) * side
    return length


@method(
    "nature.edge_density", edition=EDITION, clause=Clause(HJ1171, "6.5 (5)"), zh="边界密度", en="edge density",
    formula="ED_i = (1/A_i) sum_j L_ij",
)  # fmt: skip
def edge_density(
    edge: A[Array, Q("m", "边界长度", "edge length", low=0, axis="class")], class_area: ClassArea
) -> A[Array, Q("m/hm2", "边界密度", "edge density", axis="class", symbol="ED_i")]:
    """Edge of a class over its area. A class without area is NaN."""
    area = np.asarray(class_area, dtype=np.float64)
    return edge / np.where(area == 0, np.nan, area)


@method(
    "nature.adjacency", edition=EDITION, clause=Clause(HJ1171, "6.6"), zh="类型相邻概率", en="adjacency probability",
    formula="P_ij = sides with i on one side and j on the other/all sides, each side counted both ways",
)  # fmt: skip
def adjacency(
    landscape: Landscape, classes: Classes
) -> A[Array, Q("1", "类型相邻概率", "adjacency probability", axis="class class", symbol="P_ij")]:
    """Probability that class i adjoins class j over the cell sides of the zone; the matrix sums to 1.

    A side counts once from each of its two cells; sides with nodata and the zone border are left out. No side: NaN.
    """
    index = _codes(landscape, classes)
    size = len(np.asarray(classes))
    counts = np.zeros((size, size))
    for a, b in _sides(index):
        np.add.at(counts, (a, b), 1)
        np.add.at(counts, (b, a), 1)
    return counts / (counts.sum() or np.nan)


def _plogp(p: Array) -> Array:
    """Sum of P ln P over both class axes, with 0 ln 0 = 0."""
    return np.sum(p * np.log(np.where(p == 0, 1.0, p)), axis=(-2, -1))


@method(
    "nature.contagion", edition=EDITION, clause=Clause(HJ1171, "6.6 (6)"), status="ocr_doubt",
    zh="聚集度指数", en="contagion", formula="C = C_max + sum_i sum_j P_ij ln P_ij",
)  # fmt: skip
def contagion(
    adjacency: A[
        Array, Q("1", "类型相邻概率", "adjacency probability", low=0, high=1, axis="class class", symbol="P_ij")
    ],
    cmax_definition: CmaxRule,
) -> A[Array, Q("1", "聚集度指数", "contagion", symbol="C")]:
    """How clumped the classes are. `cmax_definition` must be declared.

    The legend calls C_max the maximum of P_ij (`max_p_ij`), the literature uses 2 ln m for m classes (`two_ln_m`).
    Shapes: (..., class, class) to (...).
    """
    p = np.asarray(adjacency, dtype=np.float64)
    cmax = 2 * np.log(p.shape[-1]) if cmax_definition == "two_ln_m" else p.max(axis=(-2, -1))
    return cmax + _plogp(p)


@method(
    "nature.transition_area", edition=EDITION, clause=Clause(HJ1171, "6.7"), zh="转移矩阵", en="transition areas",
    formula="a_ij = cells of class i at the start and class j at the end * cell area",
)  # fmt: skip
def transition_area(
    landscape_start: A[Array, Q("class", "期初类型图", "map at the start", axis="row column")],
    landscape_end: A[Array, Q("class", "期末类型图", "map at the end", axis="row column")],
    classes: Classes,
    cell_width: CellWidth,
    cell_height: CellHeight,
) -> A[Array, Q("hm2", "转移矩阵（期初×期末）", "transition areas, start by end", axis="start end", symbol="a_ij")]:
    """Area that went from class i to class j. A cell with nodata in either period is left out.

    Raises `OutOfBounds` where the two maps are not on one grid, `UnknownName` where a class is not listed.
    """
    if np.shape(landscape_start) != np.shape(landscape_end):
        raise OutOfBounds(
            f"the maps have {np.shape(landscape_start)} and {np.shape(landscape_end)} cells.",
            "两期类型图不在同一格网上。", fix="bring both periods onto one grid / 两期重采样到同一格网",
        )  # fmt: skip
    start, end = _codes(landscape_start, classes), _codes(landscape_end, classes)
    both = (start >= 0) & (end >= 0)
    counts = np.zeros((len(np.asarray(classes)),) * 2)
    np.add.at(counts, (start[both], end[both]), 1)
    return counts * cell_width * cell_height / 10_000


@method(
    "nature.direction_from", edition=EDITION, clause=Clause(HJ1171, "6.7 (7)"), status="ocr_doubt",
    zh="类型转出方向", en="where a class went", formula="A_ij = a_ij/sum_j a_ij * 100",
)  # fmt: skip
def direction_from(
    transition: Transition,
) -> A[Array, Q("%", "类型转出方向", "where a class went", axis="start end", symbol="A_ij")]:
    """Share of a start class that ended in each class: rows sum to 100 %. A class absent at the start is NaN."""
    a = np.asarray(transition, dtype=np.float64)
    total = a.sum(axis=-1, keepdims=True)
    return a / np.where(total == 0, np.nan, total) * 100


@method(
    "nature.direction_to", edition=EDITION, clause=Clause(HJ1171, "6.7 (7)"), status="ocr_doubt",
    zh="类型转入来源", en="where a class came from", formula="B_ij = a_ij/sum_i a_ij * 100",
)  # fmt: skip
def direction_to(
    transition: Transition,
) -> A[Array, Q("%", "类型转入来源", "where a class came from", axis="start end", symbol="B_ij")]:
    """Share of an end class that came from each class: columns sum to 100 %. A class absent at the end is NaN."""
    a = np.asarray(transition, dtype=np.float64)
    total = a.sum(axis=-2, keepdims=True)
    return a / np.where(total == 0, np.nan, total) * 100


@method(
    "nature.dynamic_degree", edition=EDITION, clause=Clause(HJ1171, "6.8 (8)"),
    zh="综合生态系统动态度", en="dynamic degree", formula="EC = sum_i dECO_i/sum_i ECO_i * 100",
)  # fmt: skip
def dynamic_degree(transition: Transition) -> A[Array, Q("%", "综合生态系统动态度", "dynamic degree", symbol="EC")]:
    """Area that left its class over all area. No factor 2, not per year. No area: NaN."""
    a = np.asarray(transition, dtype=np.float64)
    total = a.sum(axis=(-2, -1))
    return (total - np.trace(a, axis1=-2, axis2=-1)) / np.where(total == 0, np.nan, total) * 100
