"""Formulas of forest inventory: plots, strata, post-strata, ratios, regression, change, and what precision costs.

Lower-case means are per hm2, totals over an area. A stratum axis is the last axis; weights of a unit sum to 1. Student's t
is an argument: its degrees of freedom are the estimator's affair.
"""

from __future__ import annotations

import numpy as np

from ...core.method import A, Array, Clause, Q, method

TOOL14 = "CDM AR-TOOL14 v04.2"
BECHTOLD = "Bechtold & Patterson 2005, USDA Forest Service GTR SRS-80"
SARNDAL = "Särndal, Swensson & Wretman 1992, Model Assisted Survey Sampling"
WOLTER = "Wolter 2007, Introduction to Variance Estimation, 2nd ed."
SOURCEBOOK = "Pearson, Walker & Brown, Sourcebook for LULUCF Projects"
GS403 = "Gold Standard GS403 A/R v2.1"

Means = A[Array, Q("-", "各层平均", "mean of each stratum", axis="stratum")]
Weights = A[Array, Q("fraction", "各层权重", "weight of each stratum", low=0, high=1, axis="stratum", symbol="W_h")]
Counts = A[Array, Q("count", "各层样地数", "plots of each stratum", low=1, axis="stratum", symbol="n_h")]
Variances = A[Array, Q("-", "各层样本方差", "sample variance of each stratum", low=0, axis="stratum", symbol="s_h^2")]
Share = A[Array, Q("fraction", "相对误差限", "half-width as a share of the estimate", low=0, symbol="u")]
Stock = A[Array, Q("t CO2e", "碳储量", "carbon stock", symbol="C")]
Area = A[Array, Q("hm2", "面积", "area", low=0, symbol="A")]
Number = A[Array, Q("-", "估计量", "estimate")]
Variance = A[Array, Q("-", "方差", "variance", low=0, symbol="V")]
Cover = A[Array, Q("fraction", "盖度", "crown cover", low=0, high=1, symbol="CC")]
Dry = A[Array, Q("t dm/hm2", "单位面积生物量", "biomass per area", low=0, symbol="b")]
Fraction = A[Array, Q("t C/t dm", "含碳率", "carbon fraction", low=0.01, high=1, symbol="CF")]
Ratio = A[Array, Q("-", "根茎比", "root to shoot ratio", low=0, symbol="R")]


@method(
    "forest.horizontal_length", edition="cosine", clause=Clause(SOURCEBOOK, "slope correction"), status="secondary",
    formula="L = L_s cos S",
)  # fmt: skip
def horizontal_length(
    length: A[Array, Q("m", "斜距", "length along the slope", low=0, symbol="L_s")],
    slope: A[Array, Q("degree", "坡度", "slope", low=0, high=89, symbol="S")],
) -> A[Array, Q("m", "水平距", "horizontal length")]:
    """Horizontal length of a line laid out along the slope. Shapes: mutually broadcastable."""
    return length * np.cos(np.radians(slope))


@method(
    "forest.plot_area", edition="ellipse", clause=Clause(SOURCEBOOK, "slope correction"), status="secondary",
    formula="a = pi L_s (L_s cos S)",
)  # fmt: skip
def plot_area(
    radius: A[Array, Q("m", "沿坡半径", "radius laid out along the slope", low=0, symbol="L_s")],
    slope: A[Array, Q("degree", "坡度", "slope", low=0, high=89, symbol="S")],
) -> A[Array, Q("m2", "水平面积", "horizontal area")]:
    """Horizontal area of a circle laid out on a slope: an ellipse. Shapes: mutually broadcastable."""
    return np.pi * np.asarray(radius) * (radius * np.cos(np.radians(slope)))


@method(
    "forest.expansion", edition="area", clause=Clause(SOURCEBOOK, "expansion factor"), status="secondary",
    formula="EF = 10 000 / a",
)  # fmt: skip
def expansion(
    area: A[Array, Q("m2", "水平面积", "horizontal area of plot or nest", low=0.01, symbol="a")],
) -> A[Array, Q("1/hm2", "扩展系数", "expansion factor", symbol="EF")]:
    """How many trees per hm2 one measured tree stands for; one factor per nest. Shape: any."""
    return 10_000 / np.asarray(area, dtype=np.float64)


@method(
    "forest.stratified_mean", edition="ar_tool14", clause=Clause(TOOL14, "eq. 14"), status="secondary",
    formula="b = sum_h W_h b_h",
)  # fmt: skip
def stratified_mean(mean: Means, weight: Weights) -> Number:
    """Mean over strata. Shapes: (..., h) both."""
    return np.sum(np.asarray(mean) * weight, axis=-1)


@method(
    "forest.stratified_variance", edition="ar_tool14", clause=Clause(TOOL14, "eq. 15"), status="secondary",
    formula="V = sum_h W_h^2 s_h^2/n_h",
)  # fmt: skip
def stratified_variance(variance: Variances, weight: Weights, plots: Counts) -> Variance:
    """Variance of the stratified mean. Shapes: (..., h). A stratum with one plot has no variance: NaN."""
    return np.sum(np.asarray(weight, dtype=np.float64) ** 2 * variance / plots, axis=-1)


@method(
    "forest.relative_half_width", edition="ar_tool14", clause=Clause(TOOL14, "eq. 15"), status="secondary",
    formula="u = t sqrt(V)/|b|",
)  # fmt: skip
def relative_half_width(
    estimate: Number, variance: Variance, t: A[Array, Q("-", "t 值", "two-sided Student t", low=0, symbol="t")]
) -> Share:
    """Half of the confidence interval as a share of the estimate. Shapes: broadcastable. An estimate of 0: NaN."""
    size = np.abs(np.asarray(estimate, dtype=np.float64))
    return t * np.sqrt(variance) / np.where(size > 0, size, np.nan)


@method(
    "forest.stock", edition="ar_tool14", clause=Clause(TOOL14, "eq. 12-13"), status="secondary", zh="林木碳储量（二氧化碳当量）",
    en="carbon stock of trees as CO2e", formula="C = 44/12 CF A b",
)  # fmt: skip
def stock(biomass: Dry, area: Area, carbon_fraction: Fraction) -> Stock:
    """Carbon of a biomass per area, as carbon dioxide. Shapes: mutually broadcastable."""
    return 44 / 12 * carbon_fraction * np.asarray(area) * biomass


@method(
    "forest.regression_mean", edition="ar_tool14", clause=Clause(TOOL14, "eq. 18"), status="secondary",
    formula="b = b_s + beta (X' - X_s)",
)  # fmt: skip
def regression_mean(
    mean: Number,
    slope: A[Array, Q("-", "回归系数", "regression coefficient", symbol="beta")],
    auxiliary_all: A[Array, Q("-", "第一重样本辅助变量平均", "mean of the auxiliary in the first phase", symbol="X'")],
    auxiliary_sub: A[Array, Q("-", "第二重样本辅助变量平均", "mean of the auxiliary in the subsample", symbol="X_s")],
) -> Number:
    """Mean by double sampling. Shapes: mutually broadcastable."""
    return mean + slope * (np.asarray(auxiliary_all) - auxiliary_sub)


@method(
    "forest.regression_variance", edition="ar_tool14", clause=Clause(TOOL14, "eq. 19"), status="secondary",
    formula="s^2 (1 - (1 - alpha) rho^2)",
)  # fmt: skip
def regression_variance(
    variance: Variance,
    alpha: A[Array, Q("fraction", "子样本比例", "subsample over sample", low=0, high=1)],
    correlation: A[Array, Q("-", "相关系数", "correlation", low=-1, high=1, symbol="rho")],
) -> Variance:
    """Variance that double sampling leaves. Shapes: mutually broadcastable."""
    return variance * (1 - (1 - np.asarray(alpha)) * np.asarray(correlation) ** 2)


@method(
    "forest.change_variance", edition="two_phase", clause=Clause(SARNDAL, "chapter 9, regression estimators for two-phase sampling"),
    status="secondary", formula="alpha s_d^2 + (1 - alpha) s_e^2",
)  # fmt: skip
def change_variance(
    difference: A[
        Array, Q("-", "复测样地差值方差", "variance of the differences of plots measured twice", low=0, symbol="s_d^2")
    ],
    residual: A[
        Array,
        Q(
            "-",
            "差值的回归残差方差",
            "variance of what both regressions leave of the differences",
            low=0,
            symbol="s_e^2",
        ),
    ],
    alpha: A[Array, Q("fraction", "子样本比例", "subsample over sample", low=0, high=1)],
) -> Variance:
    """Variance that double sampling leaves of the difference of a plot. Shapes: mutually broadcastable.

    With one auxiliary for both times s_e^2 = (1 - rho^2) s_d^2, and this is AR-TOOL14 eq. 19 of the differences of eq. 3-8.
    """
    alpha = np.asarray(alpha, dtype=np.float64)
    return alpha * difference + (1 - alpha) * residual


@method(
    "forest.change_error", edition="independent", clause=Clause(TOOL14, "eq. 1-2"), status="secondary",
    formula="u = sqrt((u1 C1)^2 + (u2 C2)^2)/|C2 - C1|",
)  # fmt: skip
def change_error(opening: Stock, closing: Stock, opening_error: Share, closing_error: Share) -> Share:
    """Relative half-width of the change between two independent estimates. Shapes: broadcastable. No change: NaN."""
    change = np.abs(np.asarray(closing, dtype=np.float64) - opening)
    joint = np.hypot(opening_error * np.asarray(opening), closing_error * np.asarray(closing))
    return joint / np.where(change > 0, change, np.nan)


@method(
    "forest.update_error", edition="ar_tool14", clause=Clause(TOOL14, "eq. 22-23"), status="secondary",
    formula="u2 = sqrt((u1 C1)^2 + (u_d dC)^2)/(C1 + dC)",
)  # fmt: skip
def update_error(opening: Stock, change: Stock, opening_error: Share, change_error: Share) -> Share:
    """Relative half-width of a stock updated by a change. Shapes: mutually broadcastable."""
    joint = np.hypot(opening_error * np.asarray(opening), change_error * np.asarray(change))
    return joint / (np.asarray(opening, dtype=np.float64) + change)


@method(
    "forest.annual_change", edition="ar_tool14", clause=Clause(TOOL14, "eq. 11"), status="secondary",
    formula="dC/T",
)  # fmt: skip
def annual_change(
    change: Stock, years: A[Array, Q("a", "间隔年数", "years between", low=0.01, symbol="T")]
) -> A[Array, Q("t CO2e/a", "年变化", "annual change")]:
    """Change per year; part of a year is allowed. Shapes: mutually broadcastable."""
    return change / np.asarray(years, dtype=np.float64)


@method(
    "forest.crown_cover_stock", edition="ar_tool14", clause=Clause(TOOL14, "eq. 20-21"), status="secondary",
    formula="C = 44/12 CF b_FOREST (1 + R) CC A",
)  # fmt: skip
def crown_cover_stock(
    forest_biomass: Dry, root_shoot: Ratio, cover: Cover, area: Area, carbon_fraction: Fraction
) -> Stock:
    """Stock of scattered trees by their crown cover. Shapes: mutually broadcastable."""
    return 44 / 12 * carbon_fraction * forest_biomass * (1 + np.asarray(root_shoot)) * cover * area


@method(
    "forest.shrub_stock", edition="ar_tool14", clause=Clause(TOOL14, "eq. 24-27"), status="secondary",
    formula="C = 44/12 CF_S (1 + R_S) A BDR b_FOREST CC; 0 where CC < limit",
)  # fmt: skip
def shrub_stock(
    forest_biomass: Dry,
    share: A[
        Array, Q("-", "灌木与森林生物量之比", "shrub biomass at full cover over forest biomass", low=0, symbol="BDR")
    ],
    cover: Cover,
    limit: A[Array, Q("fraction", "计入的最小盖度", "least cover that counts", low=0, high=1)],
    root_shoot: Ratio,
    area: Area,
    carbon_fraction: Fraction,
) -> Stock:
    """Stock of shrubs by their cover. Shapes: mutually broadcastable."""
    counted = np.where(np.asarray(cover) < limit, 0.0, cover)
    return (
        44 / 12 * carbon_fraction * (1 + np.asarray(root_shoot)) * area * (share * np.asarray(forest_biomass) * counted)
    )


@method(
    "forest.number_of_plots", edition="sourcebook", clause=Clause(SOURCEBOOK, "sample size"), status="secondary",
    formula="n = (sum N_h s_h)^2/(N^2 E^2/t^2 + sum N_h s_h^2)",
)  # fmt: skip
def number_of_plots(
    size: A[Array, Q("count", "各层可布样地数", "possible plots of each stratum", low=0, axis="stratum", symbol="N_h")],
    deviation: A[
        Array, Q("-", "各层标准差", "standard deviation of each stratum", low=0, axis="stratum", symbol="s_h")
    ],
    error: A[Array, Q("-", "允许误差", "allowed error", low=0, symbol="E")],
    t: A[Array, Q("-", "t 值", "Student t", low=0, symbol="t")],
) -> A[Array, Q("count", "样地数（未取整）", "plots needed, before rounding up", symbol="n")]:
    """Plots that reach an allowed error of the mean. Shapes: (h), (h), scalars. Round up."""
    size, deviation = np.asarray(size, dtype=np.float64), np.asarray(deviation, dtype=np.float64)
    total = size.sum(-1)
    return (size * deviation).sum(-1) ** 2 / ((total * error / t) ** 2 + (size * deviation**2).sum(-1))


@method(
    "forest.post_stratified_total", edition="gtr80", clause=Clause(BECHTOLD, "chapter 4, post-stratified total"), status="secondary",
    formula="T = A sum_h W_h y_h",
)  # fmt: skip
def post_stratified_total(area: Area, mean: Means, weight: Weights) -> Number:
    """Total of one estimation unit. Shapes: (u), (u, h), (u, h); a stratum that a unit lacks has weight 0."""
    return np.asarray(area) * np.sum(np.asarray(mean) * weight, axis=-1)


@method(
    "forest.post_stratified_variance", edition="gtr80", clause=Clause(BECHTOLD, "chapter 4, variance of the total"), status="secondary",
    formula="V = A^2/n [sum_h W_h n_h v_h + sum_h (1 - W_h) (n_h/n) v_h], v_h = s_h^2/n_h",
)  # fmt: skip
def post_stratified_variance(area: Area, variance: Variances, weight: Weights, plots: Counts) -> Variance:
    """Variance of the total of one unit; a covariance in place of the variance gives the covariance of two totals.

    Shapes: (u), (u, h), (u, h), (u, h).
    """
    plots = np.asarray(plots, dtype=np.float64)
    n = plots.sum(-1, keepdims=True)
    of_mean = np.asarray(variance) / plots
    inside = np.asarray(weight) * plots * of_mean
    between = (1 - np.asarray(weight)) * (plots / n) * of_mean
    return np.asarray(area) ** 2 / n[..., 0] * (inside + between).sum(-1)


@method(
    "forest.ratio_variance", edition="gtr80", clause=Clause(BECHTOLD, "chapter 4, ratio of totals"), status="secondary",
    formula="V(R) = [V_y + R^2 V_x - 2 R Cov]/X^2",
)  # fmt: skip
def ratio_variance(
    numerator: Number,
    denominator: Number,
    numerator_variance: Variance,
    denominator_variance: Variance,
    covariance: A[Array, Q("-", "协方差", "covariance of the two totals")],
) -> Variance:
    """Variance of the ratio of two totals. Shapes: mutually broadcastable. A denominator of 0: NaN."""
    x = np.where(np.asarray(denominator) == 0, np.nan, denominator)
    ratio = numerator / x
    return (numerator_variance + ratio**2 * denominator_variance - 2 * ratio * covariance) / x**2


@method(
    "forest.nonresponse_adjustment", edition="gtr80", clause=Clause(BECHTOLD, "chapter 4, plots partly not sampled"), status="secondary",
    formula="f = n_h / sum of sampled proportions",
)  # fmt: skip
def nonresponse_adjustment(
    plots: Counts,
    sampled: A[
        Array, Q("-", "各层已调查比例之和", "sum of the sampled proportions of each stratum", low=0, axis="stratum")
    ],
) -> A[Array, Q("-", "未响应校正系数", "adjustment for what was not sampled", low=1)]:
    """Factor that spreads the sampled part over the stratum; one per plot size. Shapes: (h). Nothing sampled: NaN."""
    sampled = np.asarray(sampled, dtype=np.float64)
    return plots / np.where(sampled > 0, sampled, np.nan)


@method(
    "forest.assisted_mean", edition="greg", clause=Clause(SARNDAL, "chapter 6, regression estimator"), status="secondary",
    formula="Y = sum_j X_j beta_j + e",
)  # fmt: skip
def assisted_mean(
    population: A[
        Array, Q("-", "总体辅助变量平均", "population means of the auxiliaries", axis="auxiliary", symbol="X_j")
    ],
    coefficients: A[Array, Q("-", "回归系数", "regression coefficients", axis="auxiliary", symbol="beta_j")],
    residual: A[Array, Q("-", "样本残差平均", "mean residual of the sample", symbol="e")],
) -> Number:
    """Model-assisted (generalised regression) mean: prediction over the whole area plus what the sample corrects.

    Shapes: (..., j), (..., j), (...).
    """
    return np.sum(np.asarray(population) * coefficients, axis=-1) + residual


@method(
    "forest.assisted_variance", edition="greg", clause=Clause(SARNDAL, "chapter 6, variance"), status="secondary",
    formula="V = sum e_i^2/(n (n - p))",
)  # fmt: skip
def assisted_variance(
    residuals: A[Array, Q("-", "样本残差", "residuals of the sample", axis="plot", symbol="e_i")],
    parameters: A[Array, Q("count", "回归系数个数", "regression coefficients", low=1, symbol="p")],
) -> Variance:
    """Variance of the model-assisted mean of a simple random sample. Shapes: (..., n), scalar."""
    residuals = np.asarray(residuals, dtype=np.float64)
    n = residuals.shape[-1]
    return np.sum(residuals**2, axis=-1) / (n * (n - np.asarray(parameters, dtype=np.float64)))


@method(
    "forest.successive_variance", edition="wolter", clause=Clause(WOLTER, "chapter 8, estimator v2"), status="secondary",
    formula="V = sum (y_i - y_(i-1))^2/(2 n (n - 1))",
)  # fmt: skip
def successive_variance(
    values: A[Array, Q("-", "沿网格次序的样地值", "plots in the order of the grid", axis="plot", symbol="y_i")],
) -> Variance:
    """Variance of the mean of a systematic sample by successive differences, without finite-population correction.

    Shape: (..., n), n at least 2.
    """
    values = np.asarray(values, dtype=np.float64)
    n = values.shape[-1]
    return np.sum(np.diff(values, axis=-1) ** 2, axis=-1) / (2 * n * (n - 1))


@method(
    "forest.conservative", edition="half_width", clause=Clause(TOOL14, "App. 2"), status="secondary",
    formula="b (1 - sign discount u), u the half-width",
)  # fmt: skip
def conservative(
    estimate: Number,
    error: Share,
    discount: A[Array, Q("fraction", "扣减系数", "share of the half-width", low=0, high=1)],
    sign: A[Array, Q("-", "方向：项目 1，基线 -1", "1 for the project, -1 for the baseline", low=-1, high=1)],
) -> Number:
    """Estimate moved to the safe side by part of its half-width. Shapes: mutually broadcastable."""
    return np.asarray(estimate) * (1 - np.asarray(sign) * discount * error)


@method(
    "forest.conservative", edition="excess", clause=Clause(GS403, "3.11.5"), status="secondary",
    formula="b (1 - (E - limit)) where E > limit",
)  # fmt: skip
def conservative_excess(
    estimate: Number, error: Share, limit: A[Array, Q("fraction", "允许误差", "allowed error", low=0, high=1)]
) -> Number:
    """Estimate less the error beyond the limit. Shapes: mutually broadcastable."""
    return np.asarray(estimate) * (1 - np.maximum(np.asarray(error) - limit, 0.0))
