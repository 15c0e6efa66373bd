"""Change of tree carbon between two inventories, in t CO2: on the same plots by their differences, else from two samples.

Strata have known areas and fixed numbers of plots (stratified sampling, AR-TOOL14) unless another estimator is declared. Without
an opening inventory the land had no trees: the change is the closing stock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from qingshan.core.domain import load_domains
from qingshan.core.errors import OutOfBounds
from qingshan.core.finding import Finding
from qingshan.core.method import Array

from .allometry import Amounts, Rule, evaluate
from .carbon import qualified, served
from .equation import Equation
from .estimate import CONFIDENCE, Design, Estimate
from .estimator import Estimator, estimator_of
from .inventory import FaultyInventory, Inventory
from .remeasured import change_of, same_plots

__all__ = [
    "PLAIN",
    "Biomass",
    "StockChange",
    "biomass_of",
    "biomass_per_plot",
    "carbon_per_plot",
    "carbon_per_tree",
    "stock_change",
]

PLAIN = "stratified"
"""The estimator of a project that declares none."""


@dataclass(frozen=True)
class StockChange:
    """`estimate` t CO2 over the whole area; `kind` as `remeasured` has it, or from_bare; `strata` names, `area` hm2 and `mean`
    t CO2/hm2 of each stratum (of the whole, where the estimator leaves strata aside); stocks where there are two."""

    estimate: Estimate
    kind: str
    strata: tuple[str, ...]
    area: Array
    mean: Array
    opening: Estimate | None
    closing: Estimate
    findings: tuple[Finding, ...]
    estimator: str = PLAIN
    auxiliary: str = ""


@dataclass(frozen=True)
class Biomass:
    """`per_plot` t dm/hm2 (p) of live trees on forest; `labels` of what rests on it: the doubt of the equations in use goes along."""

    per_plot: Array
    findings: tuple[Finding, ...]
    labels: tuple[str, ...]


def biomass_of(inventory: Inventory, rule: Rule, quantity: str, equations: Iterable[Equation] | None = None) -> Biomass:
    """The biomass of an inventory; each tree is evaluated once. Raises as `biomass_per_plot` does."""
    value, picked, amounts = _per_tree(inventory, rule, quantity, equations)
    statuses = {e.status for e, _ in served(amounts, picked)}
    labels = qualified(statuses, partial=inventory.incomplete, unit_assumed=amounts.unit_assumed)
    return Biomass(inventory.per_plot(value, picked), tuple(amounts.findings), ("estimated", *labels))


def biomass_per_plot(
    inventory: Inventory, rule: Rule, quantity: str, equations: Iterable[Equation] | None = None
) -> tuple[Array, list[Finding]]:
    """t dm/hm2 of live trees on forest, one per plot. Raises `FaultyInventory` where a tree that counts has no amount."""
    value, picked, amounts = _per_tree(inventory, rule, quantity, equations)
    return inventory.per_plot(value, picked), list(amounts.findings)


def carbon_per_tree(
    inventory: Inventory, rule: Rule, quantity: str, carbon_set: str, equations: Iterable[Equation] | None = None
) -> Array:
    """t CO2 of each tree (n) itself, 0 where it is dead or not on forest. Raises as `carbon_per_plot` does."""
    value, picked, _ = _per_tree(inventory, rule, quantity, equations)
    return _co2(np.where(picked, value, 0.0), carbon_set)


def _co2(tonnes: Array, carbon_set: str) -> Array:
    fraction = load_domains().parameters().find("forest.carbon_fraction", set=carbon_set)
    assert fraction.value is not None
    return tonnes * fraction.value * float(load_domains().registry["forest.co2@molar"](np.float64(1.0)))


def _per_tree(
    inventory: Inventory, rule: Rule, quantity: str, equations: Iterable[Equation] | None
) -> tuple[Array, np.ndarray, Amounts]:
    """t dm of each tree, which of them count, and the amounts as evaluated."""
    inventory.used()
    trees = inventory.trees
    amounts = evaluate(trees.taxon, trees.d_cm, trees.h_m, rule, quantity, equations)
    if amounts.unit != "kg":
        raise OutOfBounds(
            f"{quantity} is no biomass.", f"{quantity} 不是生物量。", fix="agb, bgb or total / 取 agb、bgb 或 total"
        )
    picked = trees.live & inventory.on_forest
    if int((amounts.refused & picked).sum()):
        why = next(f for f in amounts.findings if f.level == "error")
        raise FaultyInventory(
            f"live trees have no amount: {why.en}",
            f"有活立木算不出：{why.zh}",
            fix=why.fix or "map the taxa to a group, or add equations / 对应到组或补充方程",
        )
    return np.nan_to_num(amounts.value) * 1e-3, picked, amounts


def carbon_per_plot(
    inventory: Inventory, rule: Rule, quantity: str, carbon_set: str, equations: Iterable[Equation] | None = None
) -> tuple[Array, list[Finding]]:
    """t CO2/hm2 of live trees on forest, one per plot. Raises as `biomass_per_plot` does, and `MissingParameter`."""
    tonnes, findings = biomass_per_plot(inventory, rule, quantity, equations)
    return _co2(tonnes, carbon_set), findings


def stock_change(
    closing: Inventory, opening: Inventory | None, rule: Rule, *, quantity: str = "total", carbon_set: str = "ar_tool14",
    confidence: float = CONFIDENCE, equations: Sequence[Equation] | None = None, estimator: str = PLAIN, auxiliary: str = "",
) -> StockChange:  # fmt: skip
    """Change from `opening` to `closing`. Both have one estimation unit and the same strata with the same areas.

    `estimator` and `auxiliary` as an inventory declares them. Raises `OutOfBounds` where strata differ, `FaultyInventory`,
    `TooFewPlots`, and what `estimator_of` raises.
    """
    design = _one_unit(closing)
    after = estimator_of(closing, estimator, auxiliary)
    last, findings = carbon_per_plot(closing, rule, quantity, carbon_set, equations)
    of_strata = design.weight * float(design.area[0])
    end = after.totals(last, confidence, "t CO2")[0]
    mean = _means(after, last)
    if opening is None:
        return StockChange(
            end, "from_bare", design.names, of_strata, mean, None, end, tuple(findings), estimator, auxiliary
        )
    first_design = _one_unit(opening)
    if first_design.names != design.names or not np.allclose(
        first_design.weight * first_design.area[0], of_strata, rtol=1e-6
    ):
        raise OutOfBounds(
            "the strata of the two inventories differ.", "两期的层或其面积不同。", where="strata.csv",
            fix="use the strata of the closing inventory for both / 两期用同一套层",
        )  # fmt: skip
    before = estimator_of(opening, estimator, auxiliary)
    first, more = carbon_per_plot(opening, rule, quantity, carbon_set, equations)
    begin = before.totals(first, confidence, "t CO2")[0]
    at = same_plots(opening, closing, before, after)
    change, kind = change_of(before, after, first, last, at, confidence, "t CO2", (begin, end))
    return StockChange(
        change, kind, design.names, of_strata, mean - _means(before, first), begin, end, (*findings, *more), estimator, auxiliary
    )  # fmt: skip


def _one_unit(inventory: Inventory) -> Design:
    if len(inventory.design.area) != 1:
        raise OutOfBounds(
            "a project is one estimation unit.",
            "项目应为一个估计单元。",
            where="strata.csv",
            fix="leave out unit / 去掉 unit 列",
        )
    return inventory.design


def _means(of: Estimator, values: Array) -> Array:
    """What the estimator says of a hm2 of each stratum (h): their areas times these sum to its total."""
    h = len(of.design.weight)
    if not of.by_stratum:
        return np.full(h, values.mean())
    if of.second is not None:
        return of.regression(values).means
    counts = np.bincount(of.stratum, minlength=h)
    return np.bincount(of.stratum, weights=values, minlength=h) / np.maximum(counts, 1)
