"""Monte Carlo of a forest estimate: allometry, measurement, wood density, carbon fraction, roots, plots and areas together.

Each draw takes equation parameters once per species (set and taxon), then an error for every tree's diameter and height,
then the factors, then the sampling error of the plots, then the areas. Shares of variance are those of each source alone; what is left is
their interplay. The seed fixes every draw.

An equation that is a power law, W = a D^b H^c, whatever its printed form, runs in a compiled loop; the others run on arrays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qingshan.core.errors import OutOfBounds
from qingshan.core.method import Array

from .allometry import Amounts
from .equation import Equation
from .estimate import CONFIDENCE
from .estimator import Estimator, estimator_of
from .inventory import Inventory

__all__ = ["EquationError", "Factor", "Simulation", "Sources", "simulate"]

LEVELS = 4096
"""Equally likely normal values an error of measurement is drawn from."""


@dataclass(frozen=True)
class EquationError:
    """How well an equation is known: a covariance (p, p) of its coefficients, a posterior (k, p) of them, or the relative
    standard error of what it gives. `relative` is shared by the components of one species."""

    covariance: Array | None = None
    posterior: Array | None = None
    relative: float = 0.0


@dataclass(frozen=True, slots=True)
class Factor:
    """A factor of the whole, with its standard error."""

    value: float
    se: float = 0.0


@dataclass(frozen=True)
class Sources:
    """What is uncertain. `equations` by equation id; `d` and `h` are standard errors of ln D and ln H of one tree
    (0.01: one per cent); `factors` multiply the total; `area` is the relative standard error of each unit's area."""

    equations: Mapping[str, EquationError] = field(default_factory=dict)
    d: float = 0.0
    h: float = 0.0
    factors: Mapping[str, Factor] = field(default_factory=dict)
    sampling: bool = True
    area: float = 0.0


@dataclass(frozen=True)
class Simulation:
    """Totals of all draws, and the variance of each source alone."""

    totals: Array
    central: float
    parts: dict[str, float]
    seed: int

    @property
    def mean(self) -> float:
        return float(self.totals.mean())

    @property
    def se(self) -> float:
        return float(self.totals.std(ddof=1))

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        low, high = np.quantile(self.totals, [0.5 - confidence / 2, 0.5 + confidence / 2])
        return float(low), float(high)

    @property
    def shares(self) -> dict[str, float]:
        """Variance of each source alone over that of all together; `interplay` is what they do not explain."""
        whole = self.se**2
        if whole == 0:
            return dict.fromkeys(self.parts, 0.0)
        shares = {name: variance / whole for name, variance in self.parts.items()}
        return shares | {"interplay": 1 - sum(shares.values())}


@njit(nogil=True, cache=True)
def _mixed(seed, i):
    """The i-th 64-bit word of a seed (splitmix64)."""
    z = np.uint64(seed) + np.uint64(i + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(nogil=True, cache=True)
def _power_sum(plot, group, tree, log_d, log_h, expansion, theta, sd_d, sd_h, normal, seed, sums):
    """Add exp(t0 + t1 ln D + t2 ln H) of every entry, with errors on both logarithms, to the sum of its plot."""
    mask = np.uint64(normal.size - 1)
    for i in range(plot.size):
        g = group[i]
        x = theta[g, 0] + theta[g, 1] * log_d[i] + theta[g, 2] * log_h[i]
        if sd_d > 0 or sd_h > 0:
            word = _mixed(seed, tree[i])
            x += theta[g, 1] * sd_d * normal[word & mask] + theta[g, 2] * sd_h * normal[(word >> np.uint64(32)) & mask]
        sums[plot[i]] += expansion[i] * math.exp(x)


@njit(nogil=True, cache=True)
def _errors(tree, normal, seed, of_d, of_h):
    """The same errors as arrays, for equations that are no power law."""
    mask = np.uint64(normal.size - 1)
    for i in range(tree.size):
        word = _mixed(seed, tree[i])
        of_d[i] = normal[word & mask]
        of_h[i] = normal[(word >> np.uint64(32)) & mask]


def normal_levels() -> Array:
    """`LEVELS` equally likely values of mean 0 and variance 1."""
    values = np.array([NormalDist().inv_cdf((i + 0.5) / LEVELS) for i in range(LEVELS)])
    return values / values.std()


@dataclass(frozen=True)
class _Entries:
    """One entry per tree and equation: position of tree and plot, index of the equation."""

    equations: tuple[Equation, ...]
    tree: NDArray[np.int64]
    plot: NDArray[np.int32]
    group: NDArray[np.int32]
    expansion: Array


def _entries(inventory: Inventory, amounts: Amounts, picked: NDArray[np.bool_]) -> _Entries:
    used = np.flatnonzero(picked & (amounts.choice >= 0))
    equations: list[Equation] = []
    place: dict[str, int] = {}
    for chosen in amounts.choices:
        for e in chosen:
            if e.id not in place:
                place[e.id] = len(equations)
                equations.append(e)
    longest = max((len(c) for c in amounts.choices), default=0)
    table = np.full((len(amounts.choices), longest), -1, dtype=np.int64)
    for i, chosen in enumerate(amounts.choices):
        table[i, : len(chosen)] = [place[e.id] for e in chosen]
    groups = table[amounts.choice[used]]
    at, part = np.nonzero(groups >= 0)
    tree = used[at]
    expansion = inventory.trees.expansion[tree]
    return _Entries(
        tuple(equations),
        tree,
        inventory.trees.plot[tree].astype(np.int32),
        groups[at, part].astype(np.int32),
        expansion,
    )


def _power_law(equation: Equation, unit: str, wood_density: float, coefficients: tuple[Array, ...]) -> Array | None:
    """(k, 3) of ln a, b, c for k draws of coefficients where the equation is a power law, else None."""
    e = math.e
    corners = [(1.0, 1.0), (e, 1.0), (1.0, e), (e * e, 1.0), (1.0, e * e), (e, e)]
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = [np.log(equation.amount(np.array(d), np.array(h), unit, wood_density, coefficients)) for d, h in corners]
    origin, along_d, along_h = logs[0], logs[1] - logs[0], logs[2] - logs[0]
    straight = (
        np.allclose(logs[3], origin + 2 * along_d, rtol=0, atol=1e-9)
        and np.allclose(logs[4], origin + 2 * along_h, rtol=0, atol=1e-9)
        and np.allclose(logs[5], origin + along_d + along_h, rtol=0, atol=1e-9)
    )
    return np.stack(np.broadcast_arrays(origin, along_d, along_h), axis=-1) if straight else None


def _drawn(equation: Equation, error: EquationError | None, draws: int, rng: np.random.Generator) -> tuple[Array, ...]:
    """Coefficients of all draws, one array (draws) each; those of the row where the equation is taken as known."""
    centre = np.asarray(equation.coefficients)
    given = None if error is None else error.covariance if error.posterior is None else error.posterior
    if given is not None and np.shape(given)[-1] != len(centre):
        raise OutOfBounds(
            f"{equation.id} has {len(centre)} coefficients, its error {np.shape(given)[-1]}.",
            f"{equation.id} 有 {len(centre)} 个系数，误差给了 {np.shape(given)[-1]} 个。",
        )
    if error is not None and error.posterior is not None:
        return tuple(np.asarray(error.posterior)[rng.integers(0, len(error.posterior), draws)].T)
    if error is not None and error.covariance is not None:
        return tuple(rng.multivariate_normal(centre, error.covariance, size=draws, method="eigh").T)
    return tuple(np.tile(centre, (draws, 1)).T)


def simulate(
    inventory: Inventory,
    amounts: Amounts,
    sources: Sources,
    *,
    draws: int = 1000,
    seed: int = 0,
    picked: NDArray[np.bool_] | None = None,
    wood_density: Mapping[str, float] | None = None,
    estimator: Estimator | None = None,
) -> Simulation:
    """Draws of the total over all units, in the unit of `amounts` times the factors, by `estimator` (default: post-stratified).

    `picked` (n) are the trees that count. Trees that `amounts` refuses do not. Memory does not grow with `draws` but for
    one number each. Raises `OutOfBounds` where drawn coefficients give no positive biomass.
    """
    if draws < 2:
        raise OutOfBounds(
            f"{draws} draws give no spread.", f"抽样 {draws} 次得不到离散程度。", fix="at least 2 / 至少 2 次"
        )
    rng = np.random.default_rng(seed)
    live = inventory.trees.live if picked is None else picked
    work = _Work(
        inventory,
        amounts,
        sources,
        _entries(inventory, amounts, live & ~amounts.refused),
        draws,
        rng,
        wood_density or {},
    )
    of = estimator or estimator_of(inventory)
    base = work.sums(None, 0)
    point = of.totals(base)[0]
    factor = math.prod(f.value for f in sources.factors.values())
    trees, joint = np.empty(draws), np.empty(draws)
    factors = np.ones(draws)
    for f in sources.factors.values():
        factors *= rng.normal(f.value, f.se, draws)
    areas = rng.normal(1.0, sources.area, (draws, len(of.design.area))) if sources.area else None
    shake = rng.standard_normal(draws)
    quiet = not (sources.equations or sources.d or sources.h)
    for k in range(draws):
        sums = base if quiet else work.sums(k, int(rng.integers(0, 2**63)))
        drawn = point if quiet else of.totals(sums)[0]
        trees[k] = drawn.value
        if areas is not None:
            drawn = of.with_areas(areas[k]).totals(sums)[0]
        joint[k] = (drawn.value + (shake[k] * drawn.se if sources.sampling else 0.0)) * factors[k]
    measured = work.measurement_variance(of.shares) if sources.d or sources.h else 0.0
    parts = {"allometry": max(float(trees.var(ddof=1)) - measured, 0.0) * factor**2 if not quiet else 0.0}
    parts["measurement"] = measured * factor**2
    for name, f in sources.factors.items():
        parts[name] = (point.value * factor / f.value * f.se) ** 2
    parts["area"] = _area_variance(base, of, point.value) * (sources.area * factor) ** 2 if sources.area else 0.0
    parts["sampling"] = point.variance * factor**2 if sources.sampling else 0.0
    return Simulation(joint, point.value * factor, parts, seed)


def _area_variance(sums: Array, of: Estimator, total: float) -> float:
    """Sum of the squared totals of the units: the variance a relative error of 1 in each area would bring."""
    units = len(of.design.area)
    return sum((of.with_areas(1 + np.eye(units)[u]).totals(sums)[0].value - total) ** 2 for u in range(units))


class _Work:
    """Sums per plot of one draw after another."""

    def __init__(
        self, inventory: Inventory, amounts: Amounts, sources: Sources, entries: _Entries, draws: int,
        rng: np.random.Generator, wood_density: Mapping[str, float],
    ) -> None:  # fmt: skip
        self.plots = len(inventory.plots.stratum)
        self.sources, self.entries, self.unit = sources, entries, amounts.unit
        self.density = wood_density
        self.normal = normal_levels()
        d, h = inventory.trees.d_cm[entries.tree], inventory.trees.h_m[entries.tree]
        self.coefficients = [_drawn(e, sources.equations.get(e.id), draws, rng) for e in entries.equations]
        self.relative = self._relative(draws, rng)
        laws = [self._law(i) for i in range(len(entries.equations))]
        power = np.array([law is not None for law in laws], dtype=bool)
        in_power = power[entries.group] if len(entries.group) else np.zeros(0, dtype=bool)
        self.theta = np.zeros((draws + 1, len(laws), 3))
        for i, law in enumerate(laws):
            if law is not None:
                self.theta[:, i] = law
                self.theta[1:, i, 0] += np.log(self.relative[i])
        at = np.flatnonzero(in_power)
        self.power = (
            entries.plot[at], entries.group[at], entries.tree[at], np.log(d[at]), np.log(np.where(np.isfinite(h[at]), h[at], 1.0)),
            entries.expansion[at],
        )  # fmt: skip
        self.other = [(i, np.flatnonzero(entries.group == i)) for i in np.flatnonzero(~power)]
        self.d, self.h = d, h

    def _relative(self, draws: int, rng: np.random.Generator) -> Array:
        """(equations, draws): the factor of a relative error, one draw for all equations of a set and taxon."""
        made = np.ones((len(self.entries.equations), draws))
        shared: dict[tuple[str, str], Array] = {}
        for i, e in enumerate(self.entries.equations):
            error = self.sources.equations.get(e.id)
            if error is not None and error.relative:
                z = shared.setdefault((e.set, e.taxon), rng.standard_normal(draws))
                spread = math.sqrt(math.log1p(error.relative**2))
                made[i] = np.exp(spread * z - spread**2 / 2)
        return made

    def _law(self, i: int) -> Array | None:
        """(draws + 1, 3), the row's own coefficients first, where equation i is a power law."""
        e = self.entries.equations[i]
        density = self.density.get(e.taxon, math.nan)
        whole = tuple(
            np.concatenate([[c], drawn]) for c, drawn in zip(e.coefficients, self.coefficients[i], strict=True)
        )
        law = _power_law(e, self.unit, density, whole)
        own = _power_law(e, self.unit, density, tuple(np.array([c]) for c in e.coefficients))
        if law is None and own is not None:
            raise OutOfBounds(
                f"draws of {e.id} give no positive amount: its covariance is too wide for a normal draw.",
                f"{e.id} 的抽样系数给出非正值：协方差过大，不宜按正态抽样。",
                fix="give the covariance of the log form, or a posterior / 改给对数式的协方差或后验样本",
            )
        return law

    def sums(self, draw: int | None, seed: int) -> Array:
        """Amount per hm2 of each plot; None is the central one, without errors."""
        out = np.zeros(self.plots)
        errors = draw is not None
        sd_d, sd_h = (self.sources.d, self.sources.h) if errors else (0.0, 0.0)
        theta = self.theta[0 if draw is None else draw + 1]
        _power_sum(*self.power, theta, sd_d, sd_h, self.normal, seed, out)
        for i, at in self.other:
            e = self.entries.equations[i]
            d, h = self.d[at], self.h[at]
            if sd_d or sd_h:
                of_d, of_h = np.empty(len(at)), np.empty(len(at))
                _errors(self.entries.tree[at], self.normal, seed, of_d, of_h)
                d, h = d * np.exp(sd_d * of_d), h * np.exp(sd_h * of_h)
            chosen = None if draw is None else tuple(c[draw] for c in self.coefficients[i])
            amount = e.amount(d, h, self.unit, self.density.get(e.taxon, math.nan), chosen)
            scale = 1.0 if draw is None else self.relative[i][draw]
            out += np.bincount(
                self.entries.plot[at], weights=amount * scale * self.entries.expansion[at], minlength=self.plots
            )
        return out

    def measurement_variance(self, weight: Array) -> float:
        """Variance of the total from errors on D and H alone: trees are independent, equations central; `weight` (p) of plots.

        By the delta method on the tree: slope of ln W in ln D and ln H times the errors, components of a tree together.
        """
        slopes = np.zeros((2, int(self.entries.tree.max(initial=-1)) + 1))
        for i, e in enumerate(self.entries.equations):
            at = np.flatnonzero(self.entries.group == i)
            d, h = self.d[at], self.h[at]
            density, step = self.density.get(e.taxon, math.nan), 1e-4
            per_plot = weight[self.entries.plot[at]] * self.entries.expansion[at]
            up_d = e.amount(d * math.exp(step), h, self.unit, density) - e.amount(
                d * math.exp(-step), h, self.unit, density
            )
            up_h = e.amount(d, h * math.exp(step), self.unit, density) - e.amount(
                d, h * math.exp(-step), self.unit, density
            )
            np.add.at(slopes[0], self.entries.tree[at], per_plot * up_d / (2 * step))
            np.add.at(slopes[1], self.entries.tree[at], per_plot * np.nan_to_num(up_h) / (2 * step))
        return float((slopes[0] ** 2).sum() * self.sources.d**2 + (slopes[1] ** 2).sum() * self.sources.h**2)
