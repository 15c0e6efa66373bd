"""A stand model as arrays: pools, flows by process, disturbance matrices, checked once before anything runs.

The structure is a declaration (`domains/*/stands/NAME.toml`); rates are parameters of a group (species, climate, regime).
Every row of a matrix sums to 1: what does not flow out of a pool stays in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError, MissingParameter, OutOfBounds, UnknownName
from qingshan.core.method import Array

__all__ = ["Disturbance", "Model", "Rates", "disturbance_matrices", "load_model", "rates_of"]

Index = NDArray[np.int64]
EXACT = 1e-9


@dataclass(frozen=True)
class Model:
    """Structure of one model. Flow f moves from pool `source[f]` to `sink[f]`; `bounds[k]` .. `bounds[k+1]` are the flows of
    the k-th process of `order`; growth has none, and brings an equal part of the year's growth each time it stands there.
    A `regrown` flow is made up for by uptake, so that live pools follow their yield curve."""

    id: str
    pools: tuple[str, ...]
    groups: Mapping[str, Index]
    order: tuple[str, ...]
    bounds: Index
    source: Index
    sink: Index
    flux: Index
    regrown: NDArray[np.bool_]
    fluxes: tuple[str, ...]
    factors: tuple[tuple[str, ...], ...]
    parameters: Mapping[str, Mapping[str, str]]
    growth: Index
    falls_to: Index
    slow: Index
    tolerance: float
    max_rotations: int
    stem: Index = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """Pools whose carbon is that of the growing stock."""

    @cached_property
    def at(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.pools)}

    @cached_property
    def growing(self) -> Array:
        """Part of the year's growth that each process brings."""
        mine = np.array([process == "growth" for process in self.order])
        return np.where(mine, 1.0 / mine.sum(), 0.0)

    def pool(self, name: str) -> int:
        """Position of a pool. Raises `UnknownName`."""
        if name not in self.at:
            raise UnknownName(
                f"the model {self.id} has no pool {name!r}.",
                f"模型 {self.id} 没有碳库 {name!r}。",
                fix=f"one of {', '.join(self.pools)}",
            )
        return self.at[name]

    @property
    def needs(self) -> list[str]:
        """Every parameter a group must give."""
        names = sorted({f.removeprefix("1-") for flow in self.factors for f in flow})
        warm = sorted({self.parameters[n]["q10"] for n in names if self.parameters.get(n, {}).get("q10")})
        return [*names, *warm, *(["reference_temperature"] if warm else [])]


@dataclass(frozen=True)
class Rates:
    """Proportions (groups, flows) of each flow in one year, in the order of the model's flows."""

    names: tuple[str, ...]
    values: Array


@dataclass(frozen=True)
class Disturbance:
    """One disturbance type: what share of each pool goes where. `resets` sets the age to 0."""

    id: str
    source: Index
    sink: Index
    share: Array
    resets: bool = True


def load_model(name: str) -> Model:
    """A declared model. Raises `UnknownName`."""
    for domain in load_domains().by_name:
        for stem, content in load_domains().folder(domain, "stands"):
            if stem == name:
                return model_of(content)
    raise UnknownName(f"no stand model {name!r}.", f"没有林分模型 {name!r}。")


def model_of(content: Mapping[str, Any]) -> Model:
    """Check a declaration and make it arrays. Raises `DeclarationError`."""
    pools = tuple(p["id"] for p in content["pool"])
    at = {name: i for i, name in enumerate(pools)}
    order = tuple(content["order"])
    if len(at) != len(pools) or "growth" not in order:
        raise DeclarationError(f"{content['id']}: pools must differ and growth must stand in the order.")
    for flow in content["flow"]:
        if (
            flow["from"] not in at
            or flow["to"] not in at
            or flow["process"] not in order
            or flow["process"] == "growth"
        ):
            raise DeclarationError(
                f"{content['id']}: the flow {flow['from']} -> {flow['to']} names what is not declared."
            )
    flows = [f for process in order for f in content["flow"] if f["process"] == process]
    counts = [sum(f["process"] == process for f in flows) for process in order]
    fluxes = tuple(content["flux"])
    groups = {
        g: np.array([at[p["id"]] for p in content["pool"] if p["group"] == g], dtype=np.int64)
        for g in content["groups"]
    }
    spinup = content.get("spinup", {})

    def places(names: Iterable[str]) -> Index:
        return np.array([at[n] for n in names], dtype=np.int64)

    return Model(
        content["id"], pools, groups, order, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        places(f["from"] for f in flows), places(f["to"] for f in flows),
        np.array([fluxes.index(f["flux"]) for f in flows], dtype=np.int64),
        np.array([f.get("regrown", False) for f in flows], dtype=bool), fluxes, tuple(tuple(f["rate"]) for f in flows),
        content.get("parameters", {}), places(g["pool"] for g in content["growth"]),
        places(g["falls_to"] for g in content["growth"]), places(spinup.get("slow", [])),
        float(spinup.get("tolerance", 0.001)), int(spinup.get("max_rotations", 100)),
        places(p["id"] for p in content["pool"] if p.get("stem")),
    )  # fmt: skip


def rates_of(model: Model, groups: Mapping[str, Mapping[str, float]], temperature: Mapping[str, float]) -> Rates:
    """Proportions of every flow for groups of parameters at their mean annual temperature (degC).

    Raises `MissingParameter` for one a group lacks, `OutOfBounds` where flows out of a pool sum to more than 1.
    """
    table = np.empty((len(groups), len(model.source)))
    for g, (name, given) in enumerate(groups.items()):
        lacking = [p for p in model.needs if p not in given]
        if lacking:
            raise MissingParameter(
                f"forest.stand.{lacking[0]}", f"{name} lacks {len(lacking)} parameters: {', '.join(lacking[:5])}.",
                f"{name} 缺 {len(lacking)} 个参数：{'、'.join(lacking[:5])}。", document="local rates of turnover and decay",
            )  # fmt: skip
        applied = _at_temperature(model, given, temperature.get(name, np.nan))
        for f, factors in enumerate(model.factors):
            value = 1.0
            for factor in factors:
                value *= 1 - applied[factor[2:]] if factor.startswith("1-") else applied[factor]
            table[g, f] = value
        _check_rows(model, table[g], name)
    return Rates(tuple(groups), table)


def _at_temperature(model: Model, given: Mapping[str, float], temperature: float) -> dict[str, float]:
    method = load_domains().registry["forest.decay_rate@q10"]
    applied = dict(given)
    for name, about in model.parameters.items():
        if "q10" in about:
            if not np.isfinite(temperature):
                raise OutOfBounds(
                    "a group has no mean annual temperature.",
                    "有参数组没有年平均气温。",
                    fix="give degC of every group / 每组给出年平均气温",
                )
            applied[name] = float(method(given[name], given[about["q10"]], temperature, given["reference_temperature"]))
    return applied


def _check_rows(model: Model, shares: Array, name: str) -> None:
    if (shares < 0).any() or not np.isfinite(shares).all():
        f = int(np.flatnonzero(~(shares >= 0))[0])
        raise OutOfBounds(
            f"{name}: the flow {model.pools[model.source[f]]} -> {model.pools[model.sink[f]]} is {shares[f]:g}.",
            f"{name}：流量比例 {shares[f]:g} 为负或不是数。",
        )
    for k in range(len(model.order)):
        part = slice(model.bounds[k], model.bounds[k + 1])
        out = np.bincount(model.source[part], weights=shares[part], minlength=len(model.pools))
        worst = int(out.argmax())
        if out[worst] > 1 + EXACT:
            raise OutOfBounds(
                f"{name}: {model.order[k]} takes {out[worst]:.6g} of {model.pools[worst]} in a year, at most 1 can go.",
                f"{name}：{model.order[k]} 一年从 {model.pools[worst]} 转出 {out[worst]:.6g}，不能超过 1。",
                fix="check the rates, and the temperature they are scaled to / 核对各比率及换算用的气温",
            )


def disturbance_matrices(
    model: Model, rows: Sequence[tuple[str, str, str, float]], keep_age: Iterable[str] = ()
) -> dict[str, Disturbance]:
    """Disturbance types from rows (type, source, sink, share); a pool without a row stays as it is.

    The shares of a pool must sum to 1 within 1e-9. Types in `keep_age` do not reset the age (thinning). Raises
    `OutOfBounds`, `UnknownName`.
    """
    made: dict[str, list[tuple[int, int, float]]] = {}
    for kind, source, sink, share in rows:
        made.setdefault(kind, []).append((model.pool(source), model.pool(sink), float(share)))
    kept = set(keep_age)
    result = {}
    for kind, cells in made.items():
        of = np.array([c[0] for c in cells], dtype=np.int64)
        part = np.array([c[2] for c in cells], dtype=np.float64)
        sums = np.bincount(of, weights=part, minlength=len(model.pools))
        wrong = [int(i) for i in np.unique(of) if abs(sums[i] - 1) > EXACT]
        if wrong or (part < 0).any():
            i = wrong[0] if wrong else int(of[np.argmin(part)])
            raise OutOfBounds(
                f"{kind}: the shares of {model.pools[i]} sum to {sums[i]:.12g}, must be 1 and none negative.",
                f"{kind}：{model.pools[i]} 各去向比例之和为 {sums[i]:.12g}，应为 1 且不得为负。",
                fix="write what stays as a row of the pool to itself / 留存部分写成该库到自身的一行",
            )
        moves = [c for c in cells if c[0] != c[1]]
        result[kind] = Disturbance(
            kind, np.array([c[0] for c in moves], dtype=np.int64), np.array([c[1] for c in moves], dtype=np.int64),
            np.array([c[2] for c in moves], dtype=np.float64), kind not in kept,
        )  # fmt: skip
    return result
