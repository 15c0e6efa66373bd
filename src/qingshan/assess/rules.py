"""Deterministic rules with unknowns: a case fails if any rule fails it, and is undetermined only where the unknown matters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .judge import Interval, Number, holds_within
from .ruleset import Rule, RuleSet


@dataclass(frozen=True)
class Check:
    """One rule against one case: `failed` is None where the case leaves it open."""

    rule: Rule
    failed: bool | None
    given: Interval | None


@dataclass(frozen=True)
class CaseVerdict:
    """pass, fail or undetermined, with every reason: order of evaluation does not matter."""

    rules: RuleSet
    verdict: str
    checks: tuple[Check, ...]

    @property
    def reasons(self) -> tuple[Rule, ...]:
        return tuple(c.rule for c in self.checks if c.failed)

    @property
    def open(self) -> tuple[Rule, ...]:
        return tuple(c.rule for c in self.checks if c.failed is None)


def missed_between(met: Iterable[bool | None]) -> Interval:
    """How many indicators are missed, from the state of each (None: unknown): at least, at most."""
    states = list(met)
    known = sum(state is False for state in states)
    return known, known + sum(state is None for state in states)


def judge_case(rules: RuleSet, case: Mapping[str, Number | Interval | None], *, effect: str = "") -> CaseVerdict:
    """Apply the rules (of one `effect`, or all) to a case: input -> number, interval, or None where unknown.

    An input that is not given is unknown.
    """
    chosen = [rule for rule in rules.rules if not effect or rule.effect == effect]
    checks = tuple(
        Check(rule, _fails(rule, given), given) for rule in chosen for given in [_interval(case.get(rule.input))]
    )
    states = {c.failed for c in checks}
    verdict = "fail" if True in states else "undetermined" if None in states or not checks else "pass"
    return CaseVerdict(rules, verdict, checks)


def _interval(given: Number | Interval | None) -> Interval | None:
    """Both ends of what is known; a number that is not one is unknown."""
    ends = given if given is None or isinstance(given, tuple) else (given, given)
    return None if ends is None or any(end != end for end in ends) else ends  # noqa: PLR0124 - only NaN differs from itself


def _fails(rule: Rule, given: Interval | None) -> bool | None:
    held = holds_within(given, rule.op, rule.value)
    if held is None:
        return None
    return held if rule.effect == "fail" else not held
