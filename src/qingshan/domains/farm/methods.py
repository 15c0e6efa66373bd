"""Farmland: mulch film residue, recovery and the size of its survey."""

from __future__ import annotations

from ...core.method import A, Array, Clause, Q, method

FILM = "GB/T 25413-2010 农田地膜残留量限值及测定"
COCHRAN = "Cochran W.G. (1977) Sampling Techniques, 3rd ed."
OWN = "青山核算规则"


@method("farm.film_residue", edition="plots", clause=Clause(OWN, "1 g/m2 = 10 kg/hm2"), formula="R = 10 m / (n a)")
def film_residue(
    mass: A[Array, Q("g", "样方残膜总质量", "mass of residue in all plots", low=0, symbol="m")],
    plots: A[Array, Q("count", "样方数", "plots", low=1, symbol="n")],
    plot_area: A[Array, Q("m2", "样方面积", "area of a plot", low=0, symbol="a")],
) -> A[Array, Q("kg/hm2", "地膜残留量", "film residue", symbol="R")]:
    """Film residue per area of one site, from plots of one size. Shapes: mutually broadcastable (or exact fractions)."""
    return mass / (plots * plot_area) * 10


@method(
    "farm.film_recovery_rate",
    edition="1",
    clause=Clause(OWN, "recovered over used"),
    status="project",
    formula="r = 100 recovered / used",
)
def film_recovery_rate(
    recovered: A[Array, Q("t", "地膜回收量", "film recovered", low=0)],
    used: A[Array, Q("t", "地膜使用量", "film used", low=0)],
) -> A[Array, Q("%", "农膜回收率", "film recovery rate")]:
    """Share of the film used that is recovered. Shapes: mutually broadcastable.

    Both by one mass: recovered film carries soil and water, so the two must be said to be clean mass. A rate above 100 %
    is given as it is.
    """
    return recovered / used * 100


@method(
    "farm.sample_size", edition="cochran1977", clause=Clause(COCHRAN, "sample size with continuous data"), status="secondary",
    formula="n0 = (t CV / r)^2\nn = n0 / (1 + n0 / N)",
)  # fmt: skip
def sample_size(
    quantile: A[Array, Q("-", "置信系数", "normal deviate of the confidence", low=0, symbol="t")],
    variation: A[Array, Q("fraction", "变异系数", "coefficient of variation", low=0, symbol="CV")],
    error: A[Array, Q("fraction", "允许相对误差", "relative error allowed", low=0, symbol="r")],
    population: A[Array, Q("count", "总体单元数", "units in the population", low=1, symbol="N")],
) -> A[Array, Q("count", "样本量", "sample size", symbol="n")]:
    """Sites a simple random sample needs for the mean, before it is rounded up. Shapes: mutually broadcastable."""
    first = (quantile * variation / error) ** 2
    return first / (1 + first / population)
