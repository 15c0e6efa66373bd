"""The estimators an inventory may be declared with: how totals over its area, and ratios of them, are made of its plots.

post_stratified  strata are known after sampling, units are estimated apart (the default)
stratified       the number of plots of each stratum was fixed beforehand
simple           one random sample of the whole area: strata are left aside
systematic       one grid of plots, variance by successive differences (`grid_row`, `grid_column` of plots)
double_sampling  regression on an auxiliary of a first phase (`first_phase.csv`)

Each is linear in the plots, so that the totals of domains add up to the whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qingshan.core.errors import DeclarationError, OutOfBounds, UnknownName
from qingshan.core.method import Array

from . import estimate as e
from .estimate import Design, Estimate
from .inventory import Inventory
from .joining import floats

__all__ = ["DEFAULT", "ESTIMATORS", "Estimator", "estimator_of"]

DEFAULT = "post_stratified"
ESTIMATORS = {
    DEFAULT: "forest.post_stratified_total@gtr80",
    "stratified": "forest.stratified_mean@ar_tool14",
    "simple": "forest.stratified_mean@ar_tool14",
    "systematic": "forest.successive_variance@wolter",
    "double_sampling": "forest.stratified_mean@ar_tool14",
}
"""Each with the method that says what it is."""
WHOLE = ("simple", "systematic")


@dataclass(frozen=True)
class Estimator:
    """An estimator at work on the plots (p) of one inventory."""

    name: str
    design: Design
    stratum: NDArray[np.int64]
    grid: tuple[Array, Array] | None = None
    """Rows and columns (p) of a systematic grid."""
    second: Array | None = None
    """The auxiliary of the plots (p) in a double sample."""
    first: Array | None = None
    """The auxiliary of all plots (m) of the first phase."""
    first_stratum: NDArray[np.int64] | None = None

    @property
    def method(self) -> str:
        return ESTIMATORS[self.name]

    @property
    def by_stratum(self) -> bool:
        """Whether the figures rest on strata at all."""
        return self.name not in WHOLE

    @cached_property
    def flat(self) -> Design:
        """The strata of all units by their areas, as one unit."""
        d = self.design
        areas = d.area[d.unit] * d.weight
        return replace(
            d, weight=areas / areas.sum(), unit=np.zeros(len(areas), dtype=np.int64), area=np.array([areas.sum()])
        )

    @property
    def shares(self) -> Array:
        """The hm2 (p) that each plot stands for: totals are their sum with the values per hm2."""
        if not self.by_stratum:
            return np.full(len(self.stratum), float(self.flat.area[0]) / len(self.stratum))
        area = self.flat.weight * self.flat.area[0]
        counts = np.maximum(np.bincount(self.stratum, minlength=len(area)), 1)
        share = (area / counts)[self.stratum]
        if self.second is None:
            return share
        x = self.regression(np.zeros(len(self.stratum)))
        off = self.second - x.second_mean[self.stratum]
        squares = np.bincount(self.stratum, weights=off**2, minlength=len(area))
        pull = area * (x.first_mean - x.second_mean) / np.where(squares > 0, squares, np.inf)
        return np.asarray(share + pull[self.stratum] * off)

    def regression(self, values: Array) -> e.Regressed:
        """The double sample of values (p) per hm2 by stratum. Raises `TooFewPlots`."""
        assert self.second is not None and self.first is not None and self.first_stratum is not None
        return e.regression_by_stratum(values, self.second, self.first, self.stratum, self.first_stratum, self.flat)

    def totals(self, values: Array, confidence: float = e.CONFIDENCE, unit: str = "") -> list[Estimate]:
        """Totals of values per hm2 over the area of all units. Shapes: (k, p) or (p). Raises `TooFewPlots`."""
        if self.name == DEFAULT:
            return e.post_stratified(values, self.stratum, self.design, confidence, unit)
        return [self._total(row, confidence, unit) for row in np.atleast_2d(values)]

    def _total(self, values: Array, confidence: float, unit: str) -> Estimate:
        area = float(self.flat.area[0])
        if self.name == "stratified":
            return e.stratified(values, self.stratum, self.flat, area, confidence, unit)
        if self.name == "simple":
            return e.simple(values, area, confidence, unit)
        if self.grid is not None:
            return e.systematic(values, *self.grid, area, confidence, unit)
        assert self.second is not None and self.first is not None and self.first_stratum is not None
        return e.double_sampling(
            values, self.second, self.first, self.stratum, self.first_stratum, self.flat, area, confidence, unit
        )

    def ratio(self, numerator: Array, denominator: Array, confidence: float = e.CONFIDENCE, unit: str = "") -> Estimate:
        """Ratio of two totals; its variance is that of the total of what each plot is off the ratio. Shapes: (p) each."""
        if self.name == DEFAULT:
            return e.ratio(numerator, denominator, self.stratum, self.design, confidence, unit)
        y, x = (self._total(v, confidence, unit) for v in (numerator, denominator))
        if not x.value:
            return replace(y, value=math.nan, variance=math.nan)
        r = y.value / x.value
        off = self._total(np.asarray(numerator) - r * np.asarray(denominator), confidence, unit)
        return replace(y, value=r, variance=off.variance / x.value**2)

    def with_areas(self, factor: Array) -> Estimator:
        """The same plots where each unit (u) has `factor` times its area."""
        return replace(self, design=replace(self.design, area=self.design.area * factor))


def estimator_of(inventory: Inventory, name: str = DEFAULT, auxiliary: str = "") -> Estimator:
    """The estimator that is declared, checked against what the tables hold.

    Raises `UnknownName` for an estimator or column that is not there, `DeclarationError` without a first phase,
    `OutOfBounds` for a census that is no sample or an auxiliary with gaps.
    """
    if name not in ESTIMATORS:
        raise UnknownName(
            f"there is no estimator {name!r}.", f"没有估计量 {name!r}。", fix=f"one of {', '.join(ESTIMATORS)}"
        )
    made = Estimator(name, inventory.design, inventory.plots.stratum)
    if auxiliary and name != "double_sampling":
        raise DeclarationError(
            f"{name} takes no auxiliary.", f"估计量 {name} 不用辅助变量。",
            fix="declare double_sampling, or leave the auxiliary out / 改用 double_sampling，或去掉辅助变量",
        )  # fmt: skip
    if inventory.design.census and name not in (DEFAULT, "stratified"):
        raise OutOfBounds(
            f"a census is no sample for {name}.", f"全查没有抽样，不能用 {name}。", where="strata.csv: census",
            fix=f"leave the estimator at {DEFAULT} / 用缺省的 {DEFAULT}",
        )  # fmt: skip
    if name == "systematic":
        return replace(made, grid=_grid(inventory))
    if name == "double_sampling":
        phase = inventory.first_phase
        if phase is None:
            raise DeclarationError(
                "double sampling needs the table first_phase.", "双重抽样缺少数据表 first_phase。", where="first_phase.csv",
                fix="plot, stratum and the auxiliary of every plot of the first phase / 写出第一重全部样地的样地号、层与辅助变量",
            )  # fmt: skip
        all_of_it = phase.auxiliary(auxiliary)
        return replace(made, second=all_of_it[phase.second], first=all_of_it, first_stratum=phase.stratum)
    return made


def _grid(inventory: Inventory) -> tuple[Array, Array]:
    table = inventory.plots.table
    lost = [c for c in ("grid_row", "grid_column") if c not in table.columns]
    if lost:
        raise UnknownName(f"plots have no {lost[0]}.", f"样地表没有 {lost[0]} 列。", where="plots.csv",
                          fix="number the rows and columns of the grid / 给格网行列号")  # fmt: skip
    row, column = floats(table, "grid_row"), floats(table, "grid_column")
    bare = np.flatnonzero(~np.isfinite(row) | ~np.isfinite(column))
    if bare.size:
        raise OutOfBounds(
            f"{bare.size} plots have no number in the grid.", f"{bare.size} 个样地没有格网行列号。",
            where=f"plots.csv:{int(inventory.plots.row[bare[0]]) + 2}:grid_row", fix="number the rows and columns of the grid / 给格网行列号",
        )  # fmt: skip
    return row, column
