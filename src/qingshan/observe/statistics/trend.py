"""Trends of series with seasons: the seasonal Kendall test and the seasonal Sen slope."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from qingshan.core.errors import OutOfBounds

__all__ = ["Trend", "seasonal_kendall"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Trend:
    """`s` over all seasons, its variance with and without covariance between seasons, `z`, two-sided p values, `tau`, and the median
    `slope` per year. `word` is rising, falling or none at `alpha`, by `p_dependent` where there are enough years for it."""

    s: int
    variance: float
    variance_dependent: float
    z: float
    p: float
    p_dependent: float
    tau: float
    slope: float
    n: int
    word: str
    alpha: float


def seasonal_kendall(values: Floats, *, alpha: float = 0.05, years_min: int = 10) -> Trend:
    """Seasonal Kendall test of `values` (years, seasons), NaN where missing (Hirsch, Slack & Smith 1982, Water Resour. Res. 18:107; covariance of
    seasons by Hirsch & Slack 1984, ibid. 20:727; ties by Kendall).

    The dependent form is used from `years_min` years on, as its authors advise for long records. A year is the step of the first axis.
    Raises `OutOfBounds` with fewer than 2 values in every season.
    """
    x = np.asarray(values, dtype=float)
    if x.ndim != 2 or not ((~np.isnan(x)).sum(axis=0) >= 2).any():
        raise OutOfBounds(
            "a trend needs (years, seasons) with at least 2 values in some season.",
            "趋势检验需要（年，季）的数据，且至少一季有 2 个值。",
        )
    signs = [_signs(column) for column in x.T]
    s = int(sum(m.sum() for m in signs))
    variances = [_variance(column) for column in x.T]
    variance = float(sum(variances))
    dependent = variance
    ranks = [_ranks(column) for column in x.T]
    for i in range(len(signs)):
        for j in range(len(signs)):
            if i != j:
                dependent += _covariance(signs[i], signs[j], ranks[i], ranks[j])
    pairs = sum(_pairs(column) for column in x.T)
    slopes = np.concatenate([_slopes(column) for column in x.T])
    z, p = _normal(s, variance)
    _, p_dependent = _normal(s, dependent)
    used = p_dependent if len(x) >= years_min else p
    word = "none" if used > alpha or s == 0 else "rising" if s > 0 else "falling"
    return Trend(
        s,
        variance,
        dependent,
        z,
        p,
        p_dependent,
        s / pairs if pairs else math.nan,
        float(np.median(slopes)),
        int((~np.isnan(x)).sum()),
        word,
        alpha,
    )


def _signs(column: Floats) -> NDArray[np.int64]:
    """sign(x_j - x_i) for j > i, 0 where one is missing."""
    d = np.nan_to_num(np.sign(column[None, :] - column[:, None]))
    return np.triu(d, 1).astype(np.int64)


def _variance(column: Floats) -> float:
    there = column[~np.isnan(column)]
    n = len(there)
    ties = np.unique(there, return_counts=True)[1]
    return float((n * (n - 1) * (2 * n + 5) - (ties * (ties - 1) * (2 * ties + 5)).sum()) / 18)


def _ranks(column: Floats) -> Floats:
    """Midranks; a missing value has the middle rank (n + 1)/2, as Hirsch & Slack give it."""
    there = ~np.isnan(column)
    n = int(there.sum())
    out = np.full(len(column), (n + 1) / 2)
    d = np.sign(column[there][:, None] - column[there][None, :])
    out[there] = (n + 1 + d.sum(axis=1)) / 2
    return out


def _covariance(a: NDArray[np.int64], b: NDArray[np.int64], rank_a: Floats, rank_b: Floats) -> float:
    """Covariance of S of two seasons: (K + 4 sum R_a R_b - n (n_a + 1)(n_b + 1)) / 3 (Hirsch & Slack 1984, eq. 10 to 14)."""
    n = len(rank_a)
    n_a, n_b = (round(2 * r.mean() - 1) for r in (rank_a, rank_b))
    k = float((a * b).sum())
    return (k + 4 * float((rank_a * rank_b).sum()) - n * (n_a + 1) * (n_b + 1)) / 3


def _pairs(column: Floats) -> int:
    n = int((~np.isnan(column)).sum())
    return n * (n - 1) // 2


def _slopes(column: Floats) -> Floats:
    i = np.flatnonzero(~np.isnan(column))
    a, b = np.triu_indices(len(i), 1)
    return (column[i[b]] - column[i[a]]) / (i[b] - i[a])


def _normal(s: int, variance: float) -> tuple[float, float]:
    """(z with continuity correction, two-sided p)."""
    if variance <= 0:
        return 0.0, 1.0
    z = (s - np.sign(s)) / math.sqrt(variance)
    return float(z), 2 * (1 - NormalDist().cdf(abs(z)))
