"""Estimators over plots: mean or total with standard error, degrees of freedom and interval.

Values are per hm2, one row per variable and one column per plot. The formulas are methods of the domain; here they are put
together: which plots make a stratum, which strata a unit, how many degrees of freedom are left. A stratum with fewer than
two plots has no variance: the estimate is refused and the strata are listed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qingshan.core.domain import load_domains
from qingshan.core.errors import OutOfBounds, QingshanError
from qingshan.core.method import Array, Method

__all__ = [
    "CONFIDENCE", "Design", "Estimate", "Moments", "Regressed", "TooFewPlots", "assisted", "double_sampling", "paired_change", "post_stratified", "ratio",
    "regression_by_stratum", "simple", "stratified", "stratum_moments", "student", "systematic",
]  # fmt: skip

Index = NDArray[np.int64]
CONFIDENCE = 0.90
"""Of every interval unless another is asked for: two-sided, as AR-TOOL14 v04.2 states its uncertainties."""


class TooFewPlots(QingshanError):
    """A variance that the sample does not carry: a stratum with one plot, or no degree of freedom."""

    code = "too_few_plots"


@dataclass(frozen=True)
class Design:
    """How the plots were drawn. `weight` (h) sums to 1 in each unit, `unit` (h) is the unit of a stratum, `area` (u) its
    hm2, `names` (h) what strata are called. In a `census` each stratum is one plot of all its trees: nothing is sampled."""

    weight: Array
    unit: Index
    area: Array
    names: tuple[str, ...]
    census: bool = False

    def __post_init__(self) -> None:
        sums = np.bincount(self.unit, weights=self.weight, minlength=len(self.area))
        wrong = np.flatnonzero(np.abs(sums - 1) > 1e-9)
        if wrong.size:
            raise OutOfBounds(
                f"weights of unit {int(wrong[0])} sum to {sums[wrong[0]]:.12g}, must be 1.",
                f"第 {int(wrong[0])} 个估计单元的权重之和为 {sums[wrong[0]]:.12g}，应为 1。",
                fix="give areas or points of all strata of the unit / 给出该单元全部层的面积或点数",
            )
        if (self.area <= 0).any():
            raise OutOfBounds(
                f"a unit has the area {self.area.min():g} hm2.", f"有估计单元的面积为 {self.area.min():g} 公顷。",
                fix="areas must be above 0 / 面积应大于 0",
            )  # fmt: skip

    @classmethod
    def of_areas(cls, areas: Sequence[float], names: Sequence[str] = ()) -> Design:
        """Strata of known areas (hm2) in one unit."""
        sizes = np.asarray(areas, dtype=np.float64)
        named = tuple(names) or tuple(str(i + 1) for i in range(len(sizes)))
        return cls(sizes / sizes.sum(), np.zeros(len(sizes), dtype=np.int64), np.array([sizes.sum()]), named)

    def merged(self, into: Mapping[str, str]) -> tuple[Design, Index]:
        """Strata joined by an explicit map, and the new index of each old stratum."""
        place = {name: i for i, name in enumerate(self.names)}
        target = np.array([place[into.get(n, n)] for n in self.names], dtype=np.int64)
        if (self.unit[target] != self.unit).any():
            raise OutOfBounds("strata of different units cannot be merged.", "不同估计单元的层不能合并。")
        kept, new = np.unique(target, return_inverse=True)
        weight = np.bincount(new, weights=self.weight).astype(np.float64)
        return Design(weight, self.unit[kept], self.area, tuple(self.names[i] for i in kept), self.census), new


@dataclass(frozen=True)
class Estimate:
    """`value` and `variance` of a mean or total; `df` degrees of freedom, `plots` used, `confidence` of the interval. A `census`
    has no sampling error: its interval is the value."""

    value: float
    variance: float
    df: int
    plots: int
    confidence: float = CONFIDENCE
    unit: str = ""
    census: bool = False

    @property
    def se(self) -> float:
        return math.sqrt(max(self.variance, 0.0))

    @property
    def relative_se(self) -> float:
        """Standard error as a share of the value; NaN where the value is 0."""
        return self.se / abs(self.value) if self.value else math.nan

    @property
    def half_width(self) -> float:
        return 0.0 if self.census else student(self.df, self.confidence) * self.se

    @property
    def error(self) -> float:
        """Half-width as a share of the value."""
        t = 0.0 if self.census else student(self.df, self.confidence)
        return float(_method("relative_half_width@ar_tool14")(self.value, self.variance, t))

    @property
    def interval(self) -> tuple[float, float]:
        return self.value - self.half_width, self.value + self.half_width

    def scaled(self, factor: float, unit: str) -> Estimate:
        return replace(self, value=self.value * factor, variance=self.variance * factor**2, unit=unit)

    def record(self) -> dict[str, object]:
        low, high = self.interval
        relative = self.relative_se
        return {
            "value": self.value, "unit": self.unit, "se": self.se, "relative_se": None if math.isnan(relative) else relative,
            "df": self.df, "plots": self.plots, "confidence": self.confidence, "low": low, "high": high,
        }  # fmt: skip


def student(df: int, confidence: float) -> float:
    """Two-sided Student t. Raises `TooFewPlots` without a degree of freedom."""
    if df < 1:
        raise TooFewPlots(
            f"{df} degrees of freedom: no interval.", f"自由度为 {df}，不能给出区间。",
            fix="more plots than strata are needed / 样地数须多于层数",
        )  # fmt: skip
    from scipy.special import stdtrit  # noqa: PLC0415 - the extra geo

    return float(stdtrit(df, 0.5 + confidence / 2))


def _method(name: str) -> Method:
    return load_domains().registry[f"forest.{name}"]


@dataclass(frozen=True)
class Moments:
    """Sample moments by stratum: counts (h), means (k, h), variances (k, h), and covariances where asked."""

    counts: Array
    means: Array
    variances: Array
    covariances: Array | None


def stratum_moments(values: Array, stratum: Index, design: Design, pair: bool = False, least: int = 2) -> Moments:
    """Moments of the values of each stratum. Raises `TooFewPlots` where one has fewer than `least` plots and is not all measured."""
    h = len(design.weight)
    counts = np.bincount(stratum, minlength=h).astype(np.float64)
    few = np.flatnonzero((counts < (1 if design.census else least)) & (design.weight > 0))
    if few.size:
        listed = ", ".join(f"{design.names[i]} ({int(counts[i])})" for i in few[:10])
        words = {2: ("two", "两"), 3: ("three", "三")}[least]
        raise TooFewPlots(
            f"{few.size} strata have fewer than {words[0]} plots: {listed}.", f"{few.size} 个层的样地少于{words[1]}个：{listed}。",
            fix="merge strata by an explicit map, or measure more plots / 用明确的对照合并层，或补测样地",
        )  # fmt: skip
    safe = np.maximum(counts, 1)
    means = np.stack([np.bincount(stratum, weights=row, minlength=h) for row in values]) / safe
    off = values - means[:, stratum]
    free = np.maximum(counts - 1, 1)
    variances = np.stack([np.bincount(stratum, weights=row * row, minlength=h) for row in off]) / free
    covariances = np.bincount(stratum, weights=off[0] * off[1], minlength=h) / free if pair else None
    return Moments(safe, means, variances, covariances)


def simple(values: Array, area: float = 1.0, confidence: float = CONFIDENCE, unit: str = "") -> Estimate:
    """Simple random sample of plots: total over `area` hm2 (1: the mean). Shape: (n)."""
    design = Design.of_areas([area])
    return stratified(values, np.zeros(len(values), dtype=np.int64), design, area, confidence, unit)


def stratified(
    values: Array, stratum: Index, design: Design, area: float = 1.0, confidence: float = CONFIDENCE, unit: str = ""
) -> Estimate:
    """Stratified random sample of one unit, plots per stratum fixed beforehand: total over `area` hm2.

    Shapes: (n), (n). Raises `TooFewPlots`.
    """
    s = stratum_moments(values[np.newaxis], stratum, design)
    mean = float(_method("stratified_mean@ar_tool14")(s.means[0], design.weight))
    variance = float(_method("stratified_variance@ar_tool14")(s.variances[0], design.weight, s.counts))
    n = len(values)
    return Estimate(mean * area, variance * area**2, n - len(design.weight), n, confidence, unit, design.census)


def post_stratified(
    values: Array, stratum: Index, design: Design, confidence: float = CONFIDENCE, unit: str = ""
) -> list[Estimate]:
    """Totals over all units, strata known after sampling. Shapes: (k, n) or (n), (n). One estimate per variable."""
    table = np.atleast_2d(values)
    s = stratum_moments(table, stratum, design)
    totals, variances = _units(design, s.means, s.variances, s.counts)
    n = table.shape[1]
    df = n - int((design.weight > 0).sum())
    return [
        Estimate(float(t), float(v), df, n, confidence, unit, design.census)
        for t, v in zip(totals, variances, strict=True)
    ]


def _units(design: Design, means: Array, variances: Array, counts: Array) -> tuple[Array, Array]:
    """Totals and their variances, summed over units; units with equally many strata go together. Shapes: (k, h)."""
    strata_of = np.bincount(design.unit, minlength=len(design.area))
    order = np.argsort(design.unit, kind="stable")
    first = np.concatenate([[0], np.cumsum(strata_of)[:-1]])
    total, variance = np.zeros(len(means)), np.zeros(len(means))
    for many in np.unique(strata_of[strata_of > 0]):
        units = np.flatnonzero(strata_of == many)
        at = order[first[units][:, np.newaxis] + np.arange(many)]
        area, weight, plots = design.area[units], design.weight[at], counts[at]
        total += _method("post_stratified_total@gtr80")(area, means[:, at], weight).sum(-1)
        variance += _method("post_stratified_variance@gtr80")(area, variances[:, at], weight, plots).sum(-1)
    return total, variance


def ratio(
    numerator: Array, denominator: Array, stratum: Index, design: Design, confidence: float = CONFIDENCE, unit: str = ""
) -> Estimate:
    """Ratio of two post-stratified totals, with their covariance. Shapes: (n) each."""
    pair = np.stack([numerator, denominator])
    s = stratum_moments(pair, stratum, design, pair=True)
    assert s.covariances is not None
    moments = np.stack([*s.variances, s.covariances])
    means = np.stack([*s.means, s.means[0]])
    (y, x, _), (vy, vx, cov) = _units(design, means, moments, s.counts)
    variance = float(_method("ratio_variance@gtr80")(y, x, vy, vx, cov))
    n = pair.shape[1]
    df = n - int((design.weight > 0).sum())
    return Estimate(float(y / x) if x else math.nan, variance, df, n, confidence, unit, design.census)


def double_sampling(
    values: Array, auxiliary: Array, auxiliary_all: Array, stratum: Index, stratum_all: Index, design: Design,
    area: float = 1.0, confidence: float = CONFIDENCE, unit: str = "",
) -> Estimate:  # fmt: skip
    """Regression on an auxiliary measured on all plots of a first phase. Shapes: (n), (n), (m), (n), (m), n of m.

    Within each stratum the slope is rho s_y/s_x. A stratum whose auxiliary does not vary keeps its mean. Raises
    `TooFewPlots` for a stratum with fewer than three plots: two always lie on a line.
    """
    s = regression_by_stratum(values, auxiliary, auxiliary_all, stratum, stratum_all, design)
    mean = float(_method("stratified_mean@ar_tool14")(s.means, design.weight))
    variance = float(_method("stratified_variance@ar_tool14")(s.variances, design.weight, s.plots))
    n = len(values)
    return Estimate(mean * area, variance * area**2, n - 2 * len(design.weight), n, confidence, unit)


@dataclass(frozen=True)
class Regressed:
    """A double sample by stratum (h): numbers of `plots` of both phases, the plain mean, slope, correlation, means of the
    auxiliary in both phases, and the regression `means` with the `variances` it leaves."""

    plots: Array
    first_plots: Array
    plain: Array
    slope: Array
    correlation: Array
    second_mean: Array
    first_mean: Array
    means: Array
    variances: Array


def regression_by_stratum(
    values: Array, auxiliary: Array, auxiliary_all: Array, stratum: Index, stratum_all: Index, design: Design
) -> Regressed:
    """What `double_sampling` adds up. Shapes: (n), (n), (m), (n), (m). Raises `TooFewPlots`."""
    s = stratum_moments(np.stack([values, auxiliary]), stratum, design, pair=True, least=3)
    assert s.covariances is not None
    many = np.bincount(stratum_all, minlength=len(design.weight)).astype(np.float64)
    mean_all = np.bincount(stratum_all, weights=auxiliary_all, minlength=len(design.weight)) / np.maximum(many, 1)
    varies = s.variances[1] > 0
    slope = np.where(varies, s.covariances / np.where(varies, s.variances[1], 1), 0.0)
    spread = np.sqrt(s.variances[0] * s.variances[1])
    rho = np.clip(np.where(spread > 0, s.covariances / np.where(spread > 0, spread, 1), 0.0), -1.0, 1.0)
    means = _method("regression_mean@ar_tool14")(s.means[0], slope, mean_all, s.means[1])
    variances = _method("regression_variance@ar_tool14")(s.variances[0], s.counts / np.maximum(many, 1), rho)
    return Regressed(
        s.counts, many, s.means[0], slope, rho, s.means[1], mean_all, np.asarray(means), np.asarray(variances)
    )


def assisted(
    values: Array,
    auxiliaries: Array,
    population: Array,
    area: float = 1.0,
    confidence: float = CONFIDENCE,
    unit: str = "",
) -> Estimate:
    """Model-assisted (GREG) estimate: a linear model on auxiliaries known everywhere, such as the cells of a raster.

    Shapes: (n), (n, j), (j). `population` holds the means of the auxiliaries over the whole area. Raises `TooFewPlots`
    without a degree of freedom, `OutOfBounds` where the auxiliaries depend on each other.
    """
    x = np.column_stack([np.ones(len(values)), auxiliaries])
    p = x.shape[1]
    if len(values) <= p:
        raise TooFewPlots(f"{len(values)} plots for {p} coefficients.", f"{len(values)} 个样地估计 {p} 个系数。",
                          fix="fewer auxiliaries or more plots / 减少辅助变量或增加样地")  # fmt: skip
    beta, _, rank, _ = np.linalg.lstsq(x, values, rcond=None)
    if rank < p:
        raise OutOfBounds(
            "the auxiliaries depend on each other.", "辅助变量线性相关。", fix="leave one out / 去掉其中一个"
        )
    residuals = values - x @ beta
    everywhere = np.concatenate([[1.0], np.atleast_1d(population)])
    mean = float(_method("assisted_mean@greg")(everywhere, beta, residuals.mean()))
    variance = float(_method("assisted_variance@greg")(residuals, p))
    return Estimate(mean * area, variance * area**2, len(values) - p, len(values), confidence, unit)


def systematic(
    values: Array, row: Array, column: Array, area: float = 1.0, confidence: float = CONFIDENCE, unit: str = ""
) -> Estimate:
    """Systematic grid: variance by successive differences along the rows, every second row backwards.

    Shapes: (n) each; `row` and `column` are grid numbers or coordinates.
    """
    if len(values) < 2:
        raise TooFewPlots("one plot has no variance.", "只有一个样地，没有方差。", fix="measure more plots / 增加样地")
    _, number = np.unique(row, return_inverse=True)
    along = np.where(number % 2 == 0, column, -np.asarray(column, dtype=np.float64))
    ordered = np.asarray(values, dtype=np.float64)[np.lexsort((along, number))]
    variance = float(_method("successive_variance@wolter")(ordered))
    n = len(values)
    return Estimate(float(ordered.mean()) * area, variance * area**2, n - 1, n, confidence, unit)


def paired_change(
    opening: Array, closing: Array, stratum: Index, design: Design, area: float = 1.0, confidence: float = CONFIDENCE,
    unit: str = "",
) -> Estimate:  # fmt: skip
    """Change on plots measured twice: the differences are a sample of their own. Shapes: (n) each."""
    return stratified(np.asarray(closing) - opening, stratum, design, area, confidence, unit)
