"""Fail rules with unknowns: assessment.md section 4, worked examples AS-6 and AS-7."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.assess.rules import judge_case, missed_between
from qingshan.assess.ruleset import rule_set

CLEAN, FALSIFIED = 0, 1


@pytest.mark.parametrize(
    ("score", "missed", "falsified", "expected", "reasons"),
    [
        (72, 2, CLEAN, "pass", []),
        (59.9, 0, CLEAN, "fail", ["G2"]),
        (85, 3, CLEAN, "fail", ["G3"]),
        (95, 0, FALSIFIED, "fail", ["G4"]),
        (60, 2, CLEAN, "pass", []),
        (10, 9, FALSIFIED, "fail", ["G2", "G3", "G4"]),
    ],
)
def test_as_6_fail_rules(score: float, missed: int, falsified: int, expected: str, reasons: list[str]) -> None:
    case = {"score": score, "binding_missed": missed, "falsified": falsified}
    verdict = judge_case(rule_set("guizhou_2017"), case)
    assert (verdict.verdict, [r.id for r in verdict.reasons]) == (expected, reasons)


def test_as_7_an_unknown_that_could_change_the_result() -> None:
    missed = missed_between([True] * 9 + [False, False, None])
    assert missed == (2, 3)
    verdict = judge_case(rule_set("guizhou_2017"), {"score": 72, "binding_missed": missed, "falsified": CLEAN})
    assert verdict.verdict == "undetermined" and [r.id for r in verdict.open] == ["G3"]


@pytest.mark.parametrize(
    ("missed", "score", "expected"),
    [((1, 2), 72.0, "pass"), ((3, 8), 72.0, "fail"), ((2, 3), 59.0, "fail"), ((0, 0), None, "undetermined"),
     ((0, 0), math.nan, "undetermined")],
)  # fmt: skip
def test_an_unknown_that_cannot_change_the_result(missed: tuple[int, int], score: float | None, expected: str) -> None:
    case = {"score": score, "binding_missed": missed, "falsified": CLEAN}
    assert judge_case(rule_set("guizhou_2017"), case).verdict == expected


def test_an_input_that_is_not_given_is_unknown() -> None:
    assert judge_case(rule_set("guizhou_2017"), {}).verdict == "undetermined"


@given(st.floats(0, 100), st.lists(st.sampled_from([True, False, None]), max_size=6), st.booleans())
def test_filling_an_unknown_never_reverses_a_verdict(score: float, states: list[bool | None], falsified: bool) -> None:
    rules = rule_set("guizhou_2017")

    def judged(known: list[bool | None]) -> str:
        case = {"score": score, "binding_missed": missed_between(known), "falsified": int(falsified)}
        return judge_case(rules, case).verdict

    before = judged(states)
    ends = {judged([fill if s is None else s for s in states]) for fill in (True, False)}
    assert ends == {before} if before != "undetermined" else ends == {"pass", "fail"}
