"""A weighted index over the items of a rule set: what does not apply, what is missing, and what may then be said.

Missing is never 0. An inapplicable item hands its weight on, a missing one stops the index unless the rule set lists it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from qingshan.accounts.figure import Refusal
from qingshan.core.domain import load_domains
from qingshan.core.errors import MissingParameter, OutOfBounds
from qingshan.core.parameter import Parameters

from .ruleset import RuleSet

REDISTRIBUTE = ("within_area", "all")
_SAME = 1e-9


@dataclass(frozen=True)
class IndexResult:
    """An index of one place, or why there is none. Item lists are names of the rule set, `apart` carry no weight.

    `weights` are those used (after redistribution) and sum to 1; `scores` are those given, item by item.
    """

    rules: RuleSet
    value: float | None
    refusal: Refusal | None
    scores: Mapping[str, float]
    weights: Mapping[str, float]
    missing: tuple[str, ...] = ()
    at_minimum: tuple[str, ...] = ()
    not_applicable: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    redistribute: str = ""
    data_cut: str = ""
    disputed: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        return self.rules.labels

    @property
    def hash(self) -> str:
        return self.rules.hash


def development_index(
    rules: RuleSet,
    scores: Mapping[str, float | None],
    parameters: Parameters,
    *,
    not_applicable: Collection[str] = (),
    redistribute: str = "",
    data_cut: str = "",
    disputed: Collection[str] = (),
) -> IndexResult:
    """Z of one place from the scores (0-100) of its items; an absent, None or NaN score is missing.

    `redistribute` (within_area or all) is mandatory where a weighted item does not apply: the bulletin does not say which.
    Raises `UnknownName` for a strange item, `OutOfBounds` for a score outside 0-100, `MissingParameter` without the choice.
    """
    for name in (*scores, *not_applicable):
        rules.item(name)
    given = {name: float(s) for name, s in scores.items() if s is not None and not math.isnan(s)}
    apart = tuple(item.name for item in rules.items if item.weight is None and not rules.weights_slot)
    result = IndexResult(
        rules,
        None,
        None,
        given,
        {},
        apart=apart,
        not_applicable=tuple(not_applicable),
        redistribute=redistribute,
        data_cut=data_cut,
        disputed=tuple(disputed),
    )
    try:
        printed = {name: float(weight) for name, weight in rules.weights(parameters).items()}
    except MissingParameter as open_slot:
        absent = tuple(item.name for item in rules.items if item.name not in given)
        return replace(result, refusal=_open_weights(rules, open_slot), missing=absent)
    weights = redistributed(rules, printed, not_applicable, redistribute)
    lacking = [name for name, weight in weights.items() if weight > 0 and name not in given]
    at_minimum = tuple(name for name in lacking if name in rules.minimum_items)
    missing = tuple(name for name in lacking if name not in rules.minimum_items)
    result = replace(result, weights=weights, at_minimum=at_minimum, missing=missing)
    if missing:
        return replace(result, refusal=_no_data(missing))
    minimum = parameters.find(rules.minimum_score).value if at_minimum else None
    full = given | {name: float(minimum) for name in at_minimum if minimum is not None}
    return replace(result, value=_weighted_sum(full, weights))


def redistributed(
    rules: RuleSet, weights: Mapping[str, float], not_applicable: Collection[str], redistribute: str
) -> dict[str, float]:
    """Weights after the inapplicable items are dropped, in proportion within their area or over all items; sum 1."""
    if not set(not_applicable) & set(weights):
        return dict(weights)
    if redistribute not in REDISTRIBUTE:
        raise MissingParameter(
            "redistribute", f"items do not apply and redistribute is {redistribute!r}, not one of {', '.join(REDISTRIBUTE)}.",
            f"有不适用指标，须写明权数分摊方式（{'、'.join(REDISTRIBUTE)}），给的是 {redistribute!r}。",
            document="the rule of the evaluating office on inapplicable indicators",
        )  # fmt: skip
    groups: dict[str, list[str]] = {}
    for name in weights:
        groups.setdefault(rules.item(name).area if redistribute == "within_area" else "", []).append(name)
    formula = load_domains().registry["assessment.redistributed_weight@proportional"]
    shared: dict[str, float] = {}
    for group in groups.values():
        applies = [float(name not in not_applicable) for name in group]
        given = {"weight": ([weights[name] for name in group], "1"), "applicable": (applies, "class")}
        shared |= dict(zip(group, map(float, formula.apply(given)), strict=True))
    return {name: shared[name] for name in weights}


def _weighted_sum(scores: Mapping[str, float], weights: Mapping[str, float]) -> float:
    used = [name for name, weight in weights.items() if weight > 0]
    formula = load_domains().registry["assessment.green_index@ndrc2016"]
    given = {"score": ([scores[name] for name in used], "index"), "weight": ([weights[name] for name in used], "1")}
    return float(formula.apply(given))


def _open_weights(rules: RuleSet, error: MissingParameter) -> Refusal:
    return Refusal(
        "open_parameter", f"{rules.zh}没有权重，只能逐项列出，不给总分。", f"{rules.en}: no weights, so item by item and no total.",
        needs=error.parameter, document=error.document,
    )  # fmt: skip


def _no_data(missing: tuple[str, ...]) -> Refusal:
    names = "、".join(missing)
    return Refusal(
        "missing_fact", f"缺 {names} 的数据，不计算指数。", f"no index: {names} missing.", needs=missing[0],
        causes=tuple(Refusal("missing_fact", f"缺{name}。", f"{name} is missing.", needs=name) for name in missing),
    )  # fmt: skip


# --- reading published indices --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Residual:
    """A recomputed index beside the published one. What remains is reported, never fitted away."""

    computed: float
    published: float
    labels: tuple[str, ...]

    @property
    def residual(self) -> float:
        return self.computed - self.published


def residual(result: IndexResult, published: float) -> Residual:
    """Raises `OutOfBounds` where the place has no index."""
    if result.value is None:
        raise OutOfBounds("there is no index to compare.", "没有可比的指数。")
    return Residual(result.value, published, result.labels)


def ranks(values: Mapping[str, float]) -> dict[str, int]:
    """Rank of each place, the highest first; equal scores share the better rank (project rule)."""
    ordered = np.sort(np.asarray(list(values.values()), dtype=np.float64))
    above = len(ordered) - np.searchsorted(ordered, np.asarray(list(values.values())) + _SAME, side="left")
    return {name: int(n) + 1 for name, n in zip(values, above, strict=True)}
