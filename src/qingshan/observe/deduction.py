"""Deductions for uncertainty: rules as rows of `standards/deductions.csv`; a rule that is open deducts nothing and refuses."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, replace
from functools import lru_cache

from qingshan.core.domain import load_domains
from qingshan.core.errors import MissingParameter, OutOfBounds, UnknownName

from .estimate import Estimate

__all__ = ["Deduction", "deduct", "deduct_estimate", "deduction_rules"]


@dataclass(frozen=True, slots=True)
class Step:
    """From above `lower` up to and including `upper`: `discount` of the half-width, or of the excess over `lower`.

    `confidence` is that of the half-width the rule speaks of."""

    rule: str
    lower: float
    upper: float
    discount: float
    of: str
    status: str
    source_title: str
    document: str
    confidence: float = math.nan


@dataclass(frozen=True, slots=True)
class Deduction:
    """What a rule made of an estimate: `value` after it, the `share` of the estimate taken away, the step used."""

    value: float
    share: float
    step: Step


@lru_cache(maxsize=1)
def deduction_rules() -> dict[str, tuple[Step, ...]]:
    """All rules by id."""
    rules: dict[str, list[Step]] = {}
    for domain in load_domains().by_name.values():
        for path in sorted(domain.folder.glob("standards/deductions.csv")):
            with path.open(encoding="utf-8-sig", newline="") as stream:
                for row in csv.DictReader(stream):
                    rules.setdefault(row["rule"], []).append(
                        Step(row["rule"], float(row["lower_excl"] or "nan"), float(row["upper_incl"] or "inf"),
                             float(row["discount"] or "nan"), row["of"], row["status"], row["source_title"], row["document"],
                             float(row["confidence"] or "nan"))
                    )  # fmt: skip
    return {name: tuple(steps) for name, steps in rules.items()}


def deduct_estimate(estimate: Estimate, rule: str) -> Deduction:
    """Apply a rule to an estimate, by its half-width at the rule's own confidence. Raises as `deduct` does."""
    steps = deduction_rules().get(rule)
    own = steps[0].confidence if steps else math.nan
    asked = replace(estimate, confidence=own) if math.isfinite(own) else estimate
    return deduct(estimate.value, asked.error, rule)


def deduct(value: float, error: float, rule: str, *, baseline: bool = False) -> Deduction:
    """Apply a rule to an estimate with a relative half-width `error` (fraction, at the confidence the rule names).

    The project's estimate goes down, a baseline goes up. Raises `UnknownName`, `MissingParameter` for an open rule,
    `OutOfBounds` where the error is undefined, or the rule has no word for a baseline.
    """
    rules = deduction_rules()
    if rule not in rules:
        raise UnknownName(f"no deduction rule {rule!r}.", f"没有扣减规则 {rule!r}。", fix=f"one of {', '.join(rules)}")
    if not error >= 0:
        raise OutOfBounds(
            f"the error of the estimate is {error}, so no deduction can be said.", f"估计的相对误差为 {error}，不能确定扣减。",
            fix="an estimate of 0 has no relative error / 估计值为 0 时没有相对误差",
        )  # fmt: skip
    steps = rules[rule]
    if steps[0].status == "open":
        raise MissingParameter(
            f"forest.deduction.{rule}",
            f"the deduction rule {rule} is open.",
            f"扣减规则 {rule} 待补。",
            document=steps[0].document,
        )
    registry = load_domains().registry
    if steps[0].of == "excess":
        if baseline:
            raise OutOfBounds(f"{rule} says nothing of a baseline.", f"{rule} 没有规定基线的扣减。")
        step = steps[0]
        after = float(registry["forest.conservative@excess"](value, error, step.lower))
    else:
        step = next((s for s in steps if s.lower < error <= s.upper), steps[0])
        after = float(
            registry["forest.conservative@half_width"](value, error, step.discount, -1.0 if baseline else 1.0)
        )
    return Deduction(after, (value - after) / value if value else math.nan, step)
