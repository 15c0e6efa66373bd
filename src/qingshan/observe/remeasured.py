"""Change of a total between two inventories: from the differences of plots measured twice, else of two samples.

paired             the plots, strata and estimator are the same: the differences are a sample of their own (AR-TOOL14 eq. 3-8)
paired_regression  the same of double sampling, where the plots of the first phase are the same too
independent        anything else: both variances add up (eq. 1-2)
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from qingshan.core.domain import load_domains
from qingshan.core.method import Array

from .estimate import Estimate, stratum_moments
from .estimator import Estimator
from .inventory import Inventory
from .joining import positions

__all__ = ["KINDS", "REGRESSED", "change_of", "same_plots"]

Index = NDArray[np.int64]
KINDS = ("paired", "paired_regression", "independent")
REGRESSED = "forest.change_variance@two_phase"


def same_plots(opening: Inventory, closing: Inventory, before: Estimator, after: Estimator) -> Index | None:
    """Row in the opening inventory of each closing plot (p); None where plots, strata, their areas or the estimator differ.

    In a double sample the first phase must hold the same plots in the same strata; its auxiliary may have been read again.
    """
    a, b = opening.design, closing.design
    if before.name != after.name or a.names != b.names or len(a.area) != len(b.area):
        return None
    if (
        not (a.unit == b.unit).all()
        or not np.allclose(a.weight, b.weight)
        or not np.allclose(a.area, b.area, rtol=1e-6)
    ):
        return None
    at = _rows(opening.plots.id, opening.plots.stratum, closing.plots.id, closing.plots.stratum)
    one, two = opening.first_phase, closing.first_phase
    if after.second is not None and at is not None:
        assert one is not None and two is not None
        if _rows(one.table["plot"], one.stratum, two.table["plot"], two.stratum) is None:
            return None
    return at


def _rows(before: pl.Series, of_before: Index, after: pl.Series, of_after: Index) -> Index | None:
    """Row among `before` of each of `after`, where both are the same plots in the same strata."""
    if len(before) != len(after):
        return None
    at = positions(after.cast(pl.String), before.cast(pl.String))
    return None if (at < 0).any() or (of_before[at] != of_after).any() else at


def change_of(
    before: Estimator, after: Estimator, opening: Array, closing: Array, at: Index | None, confidence: float, unit: str,
    totals: tuple[Estimate, Estimate] | None = None,
) -> tuple[Estimate, str]:  # fmt: skip
    """Closing less opening total of values per hm2 (q), (p), and how it was made; `at` as `same_plots` gives it.

    `totals`: opening and closing total of these very values, where they were estimated already. Raises `TooFewPlots` where one of the totals does.
    """
    if at is not None and after.second is None:
        return after.totals(closing - opening[at], confidence, unit)[0], "paired"
    first, last = totals or (before.totals(opening, confidence, unit)[0], after.totals(closing, confidence, unit)[0])
    if at is not None:
        found = _regressed(before, after, opening, closing, at, first, last)
        if found is not None:
            return found, "paired_regression"
    return independent(first, last), "independent"


def independent(first: Estimate, last: Estimate) -> Estimate:
    """The change between two samples. A census has no error and takes no degree of freedom; the change is one where both are."""
    df = min((e.df for e in (first, last) if not e.census), default=min(first.df, last.df))
    return Estimate(
        last.value - first.value, last.variance + first.variance, df, first.plots + last.plots, last.confidence, last.unit,
        first.census and last.census,
    )  # fmt: skip


def _regressed(
    before: Estimator, after: Estimator, opening: Array, closing: Array, at: Index, first: Estimate, last: Estimate
) -> Estimate | None:
    """The difference of two regression totals on the same plots of both phases. None without a degree of freedom: where the
    auxiliary was read again, a stratum gives away one for each of the two slopes and one for the mean."""
    assert after.second is not None and before.second is not None
    lost = 2 if np.array_equal(before.second[at], after.second) else 3
    n, h = len(closing), len(after.flat.weight)
    if n - lost * h < 1:
        return None
    left = _residuals(after, closing) - _residuals(before, opening)[at]
    s = stratum_moments(np.stack([closing - opening[at], left]), after.stratum, after.flat, least=3)
    alpha = s.counts / np.maximum(after.regression(closing).first_plots, 1)
    registry = load_domains().registry
    variances = registry[REGRESSED](*s.variances, alpha)
    area = float(after.flat.area[0])
    variance = float(
        registry["forest.stratified_variance@ar_tool14"](np.asarray(variances), after.flat.weight, s.counts)
    )
    return Estimate(last.value - first.value, variance * area**2, n - lost * h, n, last.confidence, last.unit)


def _residuals(of: Estimator, values: Array) -> Array:
    """What the regression on the auxiliary leaves of each plot (p)."""
    assert of.second is not None
    line = of.regression(values)
    return np.asarray(
        values - line.plain[of.stratum] - line.slope[of.stratum] * (of.second - line.second_mean[of.stratum])
    )
