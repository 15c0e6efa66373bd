"""Biodiversity after HJ 1173-2021: irreplaceability from Marxan runs, richness, threatened species."""

from __future__ import annotations

import numpy as np

from qingshan.core.method import A, Array, Clause, Q, method

HJ1173 = "HJ 1173-2021 全国生态状况调查评估技术规范——生态系统服务功能评估"
EDITION = "hj1173_2021"

IUCN = ("DD", "LC", "NT", "VU", "EN", "CR", "EW", "EX")
ENDANGERED = (4.0, 5.0)  # EN and CR

Selected = A[Array, Q("class", "是否入选", "selected", low=0, high=1, axis="run", labels=("否", "是"))]


@method(
    "nature.irreplaceability_count", edition=EDITION, clause=Clause(HJ1173, "附录A.4"),
    zh="不可替代性（入选次数）", en="irreplaceability, runs that select",
    formula="number of the 100 runs that select the unit",
)  # fmt: skip
def irreplaceability_count(
    selected: Selected,
) -> A[Array, Q("count", "不可替代性（入选次数）", "irreplaceability, count")]:
    """Runs that select a planning unit. Shapes: (..., run) to (...). A.4 prints this scale, 0-100 for 100 runs."""
    return np.sum(selected, axis=-1, dtype=np.float64)


@method(
    "nature.irreplaceability_share", edition=EDITION, clause=Clause(HJ1173, "表1; 附录A.4"),
    zh="不可替代性（入选比例）", en="irreplaceability, share of runs", formula="count/number of runs",
)  # fmt: skip
def irreplaceability_share(
    selected: Selected,
) -> A[Array, Q("fraction", "不可替代性（入选比例）", "irreplaceability, share", low=0, high=1)]:
    """Share of runs that select a planning unit, the scale of table 1. Shapes: (..., run) to (...)."""
    return np.mean(selected, axis=-1, dtype=np.float64)


@method(
    "nature.marxan_objective", edition=EDITION, clause=Clause(HJ1173, "附录A.4 (A.23)"), status="ocr_doubt",
    zh="系统保护规划目标函数", en="objective of the conservation plan",
    formula="sum_PU cost + BLM sum_PU boundary + sum_ConValue SPF penalty + cost threshold penalty",
)  # fmt: skip
def marxan_objective(
    *,
    selected: A[Array, Q("class", "是否入选", "selected", low=0, high=1, axis="unit", labels=("否", "是"))],
    cost: A[Array, Q("1", "单元成本", "cost of a unit", low=0, axis="unit")],
    boundary: A[Array, Q("1", "入选单元的外边界", "outer boundary of the selection", low=0)],
    boundary_modifier: A[Array, Q("1", "边界长度调节系数", "boundary length modifier", low=0, symbol="BLM")],
    penalty: A[Array, Q("1", "未达目标的惩罚", "penalty for an unmet target", low=0, axis="species")],
    penalty_factor: A[Array, Q("1", "物种惩罚系数", "species penalty factor", low=0, axis="species", symbol="SPF")],
    cost_threshold_penalty: A[Array, Q("1", "超过成本上限的惩罚", "penalty over the cost threshold", low=0)],
) -> A[Array, Q("1", "目标函数值", "objective")]:
    """What a run minimises; a run of another solver is valid when it reaches the same value.

    Shapes: `selected` and `cost` (..., unit), `penalty` and `penalty_factor` (..., species). Targets, BLM, SPF, ranges
    and the cost threshold are inputs (open in the text).
    """
    return (
        np.sum(np.asarray(cost) * selected, axis=-1)
        + boundary_modifier * np.asarray(boundary)
        + np.sum(np.asarray(penalty_factor) * penalty, axis=-1)
        + cost_threshold_penalty
    )


@method(
    "nature.species_richness", edition=EDITION, clause=Clause(HJ1173, "7.5"),
    zh="物种丰富度", en="species richness", formula="species found in at least one plot",
)  # fmt: skip
def species_richness(
    present: A[
        Array,
        Q("class", "样方中是否出现", "present in the plot", low=0, high=1, axis="plot species", labels=("否", "是")),
    ],
) -> A[Array, Q("count", "物种丰富度", "species richness")]:
    """Species counted over the sample plots of a place. Shapes: (..., plot, species) to (...). An unknown plot: NaN."""
    return np.max(present, axis=-2).sum(axis=-1)


@method(
    "nature.threatened_species", edition=EDITION, clause=Clause(HJ1173, "7.6"),
    zh="受威胁物种数", en="threatened species", formula="species of the national list or IUCN CR, EN; each once",
)  # fmt: skip
def threatened_species(
    present: A[Array, Q("class", "是否出现", "present", low=0, high=1, axis="species", labels=("否", "是"))],
    protected: A[
        Array, Q("class", "国家重点保护", "nationally protected", low=0, high=1, axis="species", labels=("否", "是"))
    ],
    iucn: A[Array, Q("class", "IUCN 等级", "IUCN category", low=0, high=7, axis="species", labels=IUCN)],
) -> A[Array, Q("count", "受威胁物种数", "threatened species")]:
    """Present species that are nationally protected or IUCN critically endangered or endangered.

    A species on both lists counts once (project rule). Shapes: (..., species) to (...). An unknown presence: NaN.
    """
    threatened = (np.asarray(protected) == 1) | np.isin(iucn, ENDANGERED)
    return np.sum(np.where(threatened, present, 0.0), axis=-1)
