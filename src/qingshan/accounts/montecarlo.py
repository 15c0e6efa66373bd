"""Monte Carlo over the declared distributions of parameters: intervals of the published figures, and what drives their variance.

    [[distribution]] in zone.toml
    parameter = "soil.usle_c", class = "11", set = "", year = "", kind = "triangular", values = [0.002, 0.004, 0.009], unit = "1",
    source = "...", status = "primary"

kinds: normal [mean, sd], lognormal [median, geometric sd], triangular [low, mode, high], uniform [low, high], discrete [values] with
`weights`, equal where left out. None is shipped. A parameter has one draw per iteration, shared by all cells, places and
services. Figures follow from the account's own steps, so what does not stand on a drawn parameter is not computed again; where a
parameter enters inside cells the sheet and its stages are run for each draw, within `MOST_CELLS`. Spatial inputs are fixed.

The same seed and inputs give the same bytes: each parameter has its own PCG64 stream of uniform numbers, turned by the inverse
of its distribution. Shares: `oat` is the variance with only that parameter drawn, over the sum of these; `first` is the
first-order index Var(E[Y|X])/Var(Y) estimated from the draws themselves by classes of equal count (Plischke et al. 2013,
European Journal of Operational Research 226(3):536-550), less what chance alone would give.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.errors import DeclarationError, QingshanError
from qingshan.core.parameter import ParameterRow, Parameters
from qingshan.core.units import convert, factor
from qingshan.zone.zone import Zone

from .cells import Fact
from .figure import Node
from .raster.binding import bind
from .raster.facts import RasterFigures
from .raster.plan import RasterPlan
from .raster.run import How, compute
from .resolver import Resolver

__all__ = ["KINDS", "MOST_CELLS", "Distribution", "distributions_of", "draw", "uncertainty"]

KINDS = {"normal": 2, "lognormal": 2, "triangular": 3, "uniform": 2, "discrete": 0}
MOST_CELLS = 4e9
"""Cells that all draws together may compute: the cost that an uncertainty run may have."""
FEWEST = 20
PERCENT = (5, 50, 95)
Draws = NDArray[np.float64]


@dataclass(frozen=True)
class Distribution:
    """One parameter row and how it may vary, in the row's unit."""

    row: ParameterRow
    kind: str
    values: tuple[float, ...]
    weights: tuple[float, ...]
    source: str
    status: str

    @property
    def name(self) -> str:
        return self.row.name()

    def record(self) -> dict[str, Any]:
        return {"parameter": self.name, "row": self.row.key, "kind": self.kind, "values": list(self.values), "weights": list(self.weights),
                "unit": self.row.unit, "source": self.source, "status": self.status}  # fmt: skip


def distributions_of(zone: Zone, parameters: Parameters) -> list[Distribution]:
    """The zone's declared distributions. Raises `DeclarationError` naming the entry that does not fit its parameter row."""
    found = [_read(raw, parameters) for raw in zone.config.get("distribution", ())]
    keys = [d.row.key for d in found]
    if twice := {k for k in keys if keys.count(k) > 1}:
        name = next(d.name for d in found if d.row.key in twice)
        raise DeclarationError(
            f"{name} has two distributions.", f"{name} 声明了两个分布。", where="zone.toml [[distribution]]"
        )
    return found


def _read(raw: Mapping[str, Any], parameters: Parameters) -> Distribution:
    where = f"zone.toml [[distribution]] {raw.get('parameter')}"
    kind, values = str(raw.get("kind", "")), tuple(float(v) for v in raw.get("values", ()))
    weights = tuple(float(w) for w in raw.get("weights", ())) or (1.0,) * len(values)
    low_to_high = list(values) == sorted(values) and len(set(values)) > 1
    wrong = (
        kind not in KINDS or not raw.get("source") or (KINDS[kind] and len(values) != KINDS[kind]) or not all(map(math.isfinite, values))
        or (kind in ("triangular", "uniform") and not low_to_high) or (kind == "normal" and values[1] <= 0)
        or (kind == "lognormal" and (values[0] <= 0 or values[1] <= 1))
        or (kind == "discrete" and (len(values) < 2 or len(weights) != len(values) or min(weights) <= 0))
    )  # fmt: skip
    if wrong:
        raise DeclarationError(
            f"{kind!r} {list(values)} is no distribution.", f"{kind!r} {list(values)} 不是可用的分布。", where=where,
            fix="normal [mean, sd], lognormal [median, geometric sd > 1], triangular [low, mode, high], uniform [low, high], discrete [...];"
            " with source / 按此填写，并注明来源",
        )  # fmt: skip
    rows = [
        r
        for r in parameters.rows(str(raw["parameter"]), cls=raw.get("class"), set=raw.get("set"), year=raw.get("year"))
        if r.value is not None
    ]
    if len(rows) != 1:
        raise DeclarationError(f"{len(rows)} parameter rows fit.", f"有 {len(rows)} 行参数与之相符。", where=where,
                               fix="name class, set and year of the one row / 写明唯一一行的 class、set、year")  # fmt: skip
    unit = str(raw.get("unit", rows[0].unit))
    scaled = tuple(
        float(convert(v, unit, rows[0].unit)) if not (kind == "lognormal" and i) else v for i, v in enumerate(values)
    )
    return Distribution(rows[0], kind, scaled, weights, str(raw["source"]), str(raw.get("status", "")))


def draw(distribution: Distribution, draws: int, seed: int) -> Draws:
    """Values of the parameter, shape (draws,). The stream depends on the seed and the row alone."""
    stream = np.random.SeedSequence(seed, spawn_key=(int(distribution.row.key[:15], 16),))
    u = np.clip(np.random.Generator(np.random.PCG64(stream)).random(draws), 2.0**-53, 1 - 2.0**-53)
    v = distribution.values
    if distribution.kind in ("normal", "lognormal"):
        z = np.array([NormalDist().inv_cdf(float(x)) for x in u])
        return v[0] + v[1] * z if distribution.kind == "normal" else v[0] * v[1] ** z
    if distribution.kind == "uniform":
        return v[0] + (v[1] - v[0]) * u
    if distribution.kind == "triangular":
        low, mode, high = v
        share = (mode - low) / (high - low)
        left = low + np.sqrt(u * (high - low) * (mode - low))
        return np.where(u < share, left, high - np.sqrt((1 - u) * (high - low) * (high - mode)))
    steps = np.cumsum(distribution.weights) / np.sum(distribution.weights)
    return np.asarray(v)[np.minimum(np.searchsorted(steps, u, side="right"), len(v) - 1)]


def uncertainty(
    resolver: Resolver, cells: Sequence[Fact], plan: RasterPlan | None, draws: int, seed: int, how: How
) -> list[dict[str, Any]]:
    """First a head (draws, seed, distributions, status), then one record per published figure that stands on a drawn parameter.

    Raises `DeclarationError` for a bad distribution or a profile with scenarios, `QingshanError` where cells would cost too much or
    a draw leaves the limits of a method.
    """
    found = distributions_of(resolver.zone, resolver.parameters)
    used = {n.row["key"] for n in resolver.nodes.values() if n.kind == "parameter" and n.row}
    known = [d for d in found if d.row.key in used]
    head = {
        "draws": draws,
        "seed": seed,
        "distributions": [d.record() for d in known],
        "status": "assessed" if known else "not assessed",
    }
    if not known:
        return [head]
    if len(resolver.scenarios.rows) > 1:
        raise DeclarationError(f"the profile {resolver.profile.id} carries ranges and spans of its own.", f"口径 {resolver.profile.id} 已带区间。",
                               fix="draw under a profile without [scenarios] / 换用没有 [scenarios] 的口径")  # fmt: skip
    if draws < FEWEST:
        raise DeclarationError(
            f"{draws} draws are too few.",
            f"抽样 {draws} 次太少。",
            where="--draws",
            fix=f"at least {FEWEST} / 至少 {FEWEST} 次",
        )
    sampled = {d.row.key: draw(d, draws, seed) for d in known}
    work = _Propagation(resolver, plan, how, draws)
    work.check_cost(known)
    whole = work.figures(sampled, cells)
    alone = {d.name: work.figures({d.row.key: sampled[d.row.key]}, cells) for d in known}
    return [head, *(_record(fact, whole[fact.key], {d.name: (sampled[d.row.key], alone[d.name].get(fact.key)) for d in known})
                    for fact in cells if fact.key in whole)]  # fmt: skip


def _record(fact: Fact, values: Draws, parts: Mapping[str, tuple[Draws, Draws | None]]) -> dict[str, Any]:
    one = {name: float(np.var(alone, ddof=1)) for name, (_, alone) in parts.items() if alone is not None}
    apart, total = math.fsum(one.values()), float(np.var(values, ddof=1))
    low, middle, high = (float(v) for v in np.quantile(values, [p / 100 for p in PERCENT]))
    shares = {
        name: {
            "oat": one[name] / apart if apart else 0.0,
            "first": first_order(parts[name][0], values) if total else 0.0,
        }
        for name in sorted(one)
    }
    about = {
        k: getattr(fact, k)
        for k in ("key", "role", "service", "quantity", "place", "cls", "period", "basis", "unit")
        if getattr(fact, k)
    }
    return {
        **about,
        "mean": float(np.mean(values)),
        "sd": math.sqrt(total),
        "p5": low,
        "p50": middle,
        "p95": high,
        "shares": shares,
    }


def first_order(drawn: Draws, values: Draws) -> float:
    """Var(E[Y|X])/Var(Y) from the draws: the correlation ratio over classes of X, adjusted for their number, 0 to 1."""
    n = len(drawn)
    distinct = np.unique(drawn)
    if len(distinct) <= n // 10:
        label = np.searchsorted(distinct, drawn)
    else:
        rank = np.argsort(np.argsort(drawn, kind="stable"), kind="stable")
        label = rank * max(2, min(40, n // 10)) // n
    count = np.bincount(label)
    mean = np.bincount(label, weights=values) / np.maximum(count, 1)
    spread, total = float(np.sum(count * (mean - values.mean()) ** 2)), float(np.sum((values - values.mean()) ** 2))
    classes = int(np.count_nonzero(count))
    if not total or n <= classes:
        return 0.0
    return min(1.0, max(0.0, 1 - (1 - spread / total) * (n - 1) / (n - classes)))


# ---- from parameters to figures -------------------------------------------------------------------------------------


@dataclass
class _Propagation:
    """Follows draws up the nodes of an account."""

    resolver: Resolver
    plan: RasterPlan | None
    how: How
    draws: int
    _users: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for node in self.resolver.nodes.values():
            for _, key in node.args:
                self._users.setdefault(key, []).append(node.key)

    def above(self, rows: set[str]) -> set[str]:
        """Keys of the parameter nodes of these rows and of every node that stands on them."""
        found = {
            n.key for n in self.resolver.nodes.values() if n.kind == "parameter" and n.row and n.row["key"] in rows
        }
        queue = list(found)
        while queue:
            for user in self._users.get(queue.pop(), ()):
                if user not in found:
                    found.add(user)
                    queue.append(user)
        return found

    def in_cells(self, row: str) -> bool:
        return any(self.resolver.nodes[k].kind == "raster" for k in self.above({row}))

    def check_cost(self, known: Sequence[Distribution]) -> None:
        inside = [d for d in known if self.in_cells(d.row.key)]
        if not inside or self.plan is None:
            return
        runs = self.draws * (1 + len(inside)) * len(self.plan.bindings)
        cost = runs * float(self.plan.rasters.grid.size)
        if cost > MOST_CELLS:
            names = ", ".join(d.name for d in inside)
            most = int(self.draws * MOST_CELLS / cost)
            raise QingshanError(
                f"{names} enter inside cells: {self.draws} draws would compute {cost:.2g} cells, the limit is {MOST_CELLS:.2g}.",
                f"{names} 进入像元计算：抽样 {self.draws} 次要算 {cost:.2g} 个像元，上限 {MOST_CELLS:.2g}。", where="--draws",
                fix=f"at most {most} draws, or a coarser grid / 至多 {most} 次，或用较粗的格网",
            )  # fmt: skip

    def figures(self, sampled: Mapping[str, Draws], cells: Sequence[Fact]) -> dict[str, Draws]:
        """Draws of every published figure that stands on one of the sampled rows, by the key of its node."""
        above = self.above(set(sampled))
        values: dict[str, Draws] = {}
        for node in self.resolver.nodes.values():
            if node.key in above and node.kind == "parameter" and node.row:
                values[node.key] = sampled[node.row["key"]]
        raster = [self.resolver.nodes[k] for k in sorted(above) if self.resolver.nodes[k].kind == "raster"]
        if raster:
            values |= self._cells({k: v for k, v in sampled.items() if self.in_cells(k)}, raster)
        reader = _Reader(self.resolver, above, values, self.draws)
        return {f.key: reader.of(f.key) for f in cells if f.key in above and f.value is not None}

    def _cells(self, sampled: Mapping[str, Draws], raster: Sequence[Node]) -> dict[str, Draws]:
        """Figures of cells for each draw: the bindings with the drawn rows, run again."""
        assert self.plan is not None
        found = {n.key: np.empty(self.draws) for n in raster}
        periods = {n.period for n in raster}
        again = [b for b in self.plan.bindings if b.period in periods and b.sheet is not None]
        for i in range(self.draws):
            override = {row: float(values[i]) for row, values in sampled.items()}
            bound = [
                bind(self.plan.zone, b.account, b.period, self.resolver.parameters, self.plan.rasters, override)
                for b in again
            ]
            figures = RasterFigures([compute(b, self.how, keep=False) for b in bound])
            for node in raster:
                figure = figures.figure(node.quantity, node.place, node.period)
                found[node.key][i] = figure.value[0] if isinstance(figure, Node) else math.nan
        if any(np.isnan(v).any() for v in found.values()):
            raise QingshanError("a draw leaves cells without a value: the distribution goes beyond the limits of a method.",
                                "有的抽样使像元没有取值：分布超出了方法的取值范围。", where="zone.toml [[distribution]]")  # fmt: skip
        return found


class _Reader:
    """Values of nodes under the draws, each computed once; a node below no draw has its own value."""

    def __init__(self, resolver: Resolver, above: set[str], values: dict[str, Draws], draws: int) -> None:
        self.resolver, self.above, self.values, self.draws = resolver, above, values, draws
        self.rules: dict[str, Callable[[Node], Draws]] = {
            "method": self._method,
            "sum": self._joined,
            "rollup": self._joined,
        }

    def of(self, key: str) -> Draws:
        """Shape (draws,). Deep pedigrees are walked with a stack, not by recursion."""
        stack = [key]
        while stack:
            at = stack[-1]
            node = self.resolver.nodes[at]
            if at in self.values:
                stack.pop()
                continue
            if at not in self.above:
                self.values[at] = np.full(self.draws, float(node.value[0]))
                continue
            waiting = [k for _, k in node.args if k not in self.values]
            if waiting:
                stack += waiting
            else:
                self.values[at] = self.rules[node.kind](node)
        return self.values[key]

    def _method(self, node: Node) -> Draws:
        method = self.resolver.domains.registry[node.method]
        recipe = self.resolver.profile.recipes[node.quantity]
        given: dict[str, Any] = dict(node.choices)
        for name in dict.fromkeys(n for n, _ in node.args):
            keys = [k for n, k in node.args if n == name]
            unit = self.resolver.nodes[keys[0]].unit
            columns = [np.asarray(convert(self.values[k], self.resolver.nodes[k].unit, unit)) for k in keys]
            given[name] = (np.stack(columns, axis=-1) if recipe.bind[name].get("axis") else columns[0], unit)
        return np.broadcast_to(np.asarray(method.apply(given), np.float64), (self.draws,)).copy()

    def _joined(self, node: Node) -> Draws:
        """Sums, differences, restatements and area means, as `sources.py` and `extent.py` make them."""
        rule = node.notes.get("rule")
        parts = [
            (role, self.values[k] * factor(self.resolver.nodes[k].unit, node.unit))
            for role, k in node.args
            if not role.startswith("area:")
        ]
        if rule == "area_mean":
            weights = [
                float(self.values[k][0]) * factor(self.resolver.nodes[k].unit, "km2")
                for role, k in node.args
                if role.startswith("area:")
            ]
            return np.asarray(sum(w * v for w, (_, v) in zip(weights, parts, strict=True)) / math.fsum(weights))
        return np.asarray(sum(-v if rule == "difference" and role.startswith("less:") else v for role, v in parts))
