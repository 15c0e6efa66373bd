"""Change of tree carbon between two inventories, in t CO2: on the same plots by their differences, else from two samples.

Strata have known areas (stratified sampling, AR-TOOL14). Without an opening inventory the land had no trees: the change is
the closing stock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from qingshan.core.domain import load_domains
from qingshan.core.errors import OutOfBounds
from qingshan.core.finding import Finding
from qingshan.core.method import Array

from .allometry import Rule, evaluate
from .equation import Equation
from .estimate import CONFIDENCE, Design, Estimate, stratified
from .inventory import FaultyInventory, Inventory
from .joining import positions

__all__ = ["StockChange", "biomass_per_plot", "carbon_per_plot", "carbon_per_tree", "stock_change"]


@dataclass(frozen=True)
class StockChange:
    """`estimate` t CO2 over the whole area, `kind` paired, independent or from_bare; `strata` names, `area` hm2 and `mean`
    t CO2/hm2 of each stratum; stocks where there are two."""

    estimate: Estimate
    kind: str
    strata: tuple[str, ...]
    area: Array
    mean: Array
    opening: Estimate | None
    closing: Estimate
    findings: tuple[Finding, ...]


def biomass_per_plot(
    inventory: Inventory, rule: Rule, quantity: str, equations: Iterable[Equation] | None = None
) -> tuple[Array, list[Finding]]:
    """t dm/hm2 of live trees on forest, one per plot. Raises `FaultyInventory` where a tree that counts has no amount."""
    value, picked, findings = _per_tree(inventory, rule, quantity, equations)
    return inventory.per_plot(value, picked), findings


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
) -> tuple[Array, np.ndarray, list[Finding]]:
    """t dm of each tree, which of them count, and what was found of their equations."""
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
    return np.nan_to_num(amounts.value) * 1e-3, picked, list(amounts.findings)


def carbon_per_plot(
    inventory: Inventory, rule: Rule, quantity: str, carbon_set: str, equations: Iterable[Equation] | None = None
) -> tuple[Array, list[Finding]]:
    """t CO2/hm2 of live trees on forest, one per plot. Raises as `biomass_per_plot` does, and `MissingParameter`."""
    tonnes, findings = biomass_per_plot(inventory, rule, quantity, equations)
    return _co2(tonnes, carbon_set), findings


def stock_change(
    closing: Inventory, opening: Inventory | None, rule: Rule, *, quantity: str = "total", carbon_set: str = "ar_tool14",
    confidence: float = CONFIDENCE, equations: Sequence[Equation] | None = None,
) -> StockChange:  # fmt: skip
    """Change from `opening` to `closing`. Both have one estimation unit and the same strata with the same areas.

    Paired where every plot of one is a plot of the other, in the same stratum. Raises `OutOfBounds` where strata differ,
    `FaultyInventory`, `TooFewPlots`.
    """
    design = _one_unit(closing)
    last, findings = carbon_per_plot(closing, rule, quantity, carbon_set, equations)
    area = float(design.area[0])
    of_strata = design.weight * area
    end = stratified(last, closing.plots.stratum, design, area, confidence, "t CO2")
    mean_end = _means(last, closing.plots.stratum, design)
    if opening is None:
        return StockChange(end, "from_bare", design.names, of_strata, mean_end, None, end, tuple(findings))
    before = _one_unit(opening)
    if before.names != design.names or not np.allclose(before.weight * before.area[0], of_strata, rtol=1e-6):
        raise OutOfBounds(
            "the strata of the two inventories differ.", "两期的层或其面积不同。", where="strata.csv",
            fix="use the strata of the closing inventory for both / 两期用同一套层",
        )  # fmt: skip
    first, more = carbon_per_plot(opening, rule, quantity, carbon_set, equations)
    begin = stratified(first, opening.plots.stratum, design, area, confidence, "t CO2")
    mean = mean_end - _means(first, opening.plots.stratum, design)
    at = positions(closing.plots.id.cast(pl.String), opening.plots.id.cast(pl.String))
    paired = len(first) == len(last) and (at >= 0).all() and (opening.plots.stratum[at] == closing.plots.stratum).all()
    if paired:
        change = stratified(last - first[at], closing.plots.stratum, design, area, confidence, "t CO2")
        kind = "paired"
    else:
        df = min(begin.df, end.df)
        plots = begin.plots + end.plots
        change = Estimate(
            end.value - begin.value, end.variance + begin.variance, df, plots, confidence, "t CO2", design.census
        )
        kind = "independent"
    return StockChange(change, kind, design.names, of_strata, mean, begin, end, (*findings, *more))


def _one_unit(inventory: Inventory) -> Design:
    if len(inventory.design.area) != 1:
        raise OutOfBounds(
            "a project is one estimation unit.",
            "项目应为一个估计单元。",
            where="strata.csv",
            fix="leave out unit / 去掉 unit 列",
        )
    return inventory.design


def _means(values: Array, stratum: np.ndarray, design: Design) -> Array:
    counts = np.bincount(stratum, minlength=len(design.weight))
    return np.bincount(stratum, weights=values, minlength=len(design.weight)) / np.maximum(counts, 1)
