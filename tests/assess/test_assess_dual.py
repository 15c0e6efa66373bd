"""Dual assessment of GDP and GEP: assessment.md section 5, worked examples AS-8 to AS-13 and AS-15."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.accounts.figure import Refusal
from qingshan.assess.dual import (
    CURRENT,
    QUADRANTS,
    Basis,
    Case,
    Figure,
    Quadrant,
    WeightedScore,
    assess,
    green_gold_index,
    growth,
    odds,
    quadrant,
)
from qingshan.assess.ruleset import rule_set
from qingshan.assess.sensitivity import rank_ranges, weight_grid
from qingshan.core.domain import load_domains
from qingshan.core.errors import OutOfBounds
from qingshan.core.parameter import Parameters
from qingshan.zone.zone import open_zone

WeightRows = Callable[[Parameters, str, dict[str, float]], Parameters]
CONSTANT = Basis("2020", "screening", "p1", "GEP")
NOW = replace(CONSTANT, price=CURRENT)
SLOT = "assessment.dual_weight_table"


def pair(earlier: float, later: float, basis: Basis = CONSTANT) -> tuple[Figure, Figure]:
    return Figure(earlier, basis, "1", "2023"), Figure(later, basis, "1", "2024")


@pytest.mark.parametrize(
    ("gdp", "gep", "expected"),
    [
        (5, 1, Quadrant("I")),
        (-1, 2, Quadrant("II")),
        (-1, -2, Quadrant("III")),
        (5, -1, Quadrant("IV")),
        (5, 0, Quadrant("flat", ("gep",))),
    ],
)
def test_as_8_quadrants(gdp: float, gep: float, expected: Quadrant) -> None:
    assert quadrant(gdp, gep, eps=0) == expected


def test_within_eps_is_flat() -> None:
    assert quadrant(0.5, -0.5, eps=0.5) == Quadrant("flat", ("gdp", "gep"))
    assert quadrant(0.6, -0.5, eps=0.5) == Quadrant("flat", ("gep",))
    with pytest.raises(OutOfBounds, match="eps"):
        quadrant(1, 1, eps=-1)


def test_as_9_a_failed_floor_overrides_the_weighted_score(parameters: Parameters, weight_rows: WeightRows) -> None:
    filled = weight_rows(parameters, SLOT, {"GDP": 50, "GEP": 50})
    case = Case(gdp=pair(1000, 1050), gep=pair(500, 499.9), scores={"GDP": 100, "GEP": 90})
    result = assess(case, filled, eps=0)
    assert isinstance(result.score, WeightedScore) and result.score.value == 95
    assert [rule.id for rule in result.floors.reasons] == ["D1"] and result.overall == "fail"


def test_as_10_constant_prices_decide(parameters: Parameters) -> None:
    case = Case(gdp=pair(1000, 1050), gep=pair(500, 495), now_gep=Figure(520, NOW, "1", "2024"))
    result = assess(case, parameters, eps=0)
    assert result.quadrant == Quadrant("IV") and result.floors.verdict == "fail"
    refused = assess(replace(case, gep=pair(500, 520, NOW)), parameters, eps=0)
    assert isinstance(refused.quadrant, Refusal) and isinstance(refused.gep_growth, Refusal)
    assert refused.overall == "undetermined" and refused.quadrant.leaves()[0].code == "policy"


@pytest.mark.parametrize("field", ["profile", "parameters", "scope", "price"])
def test_two_bases_are_refused(field: str) -> None:
    earlier, later = pair(500, 510)
    refused = growth((earlier, replace(later, basis=replace(CONSTANT, **{field: "another"}))))
    assert isinstance(refused, Refusal) and field in refused.en


def test_growth_needs_one_place_and_a_positive_base() -> None:
    assert growth(pair(500, 510)) == pytest.approx(2)
    earlier, later = pair(500, 510)
    assert isinstance(growth((earlier, replace(later, place="2"))), Refusal)
    assert isinstance(growth(pair(0, 510)), Refusal)


def test_as_11_lishui_green_gold_index() -> None:
    ratio = green_gold_index(Figure(5024.5, NOW, "331100", "2018"), Figure(1394.67, NOW, "331100", "2018"))
    assert ratio == pytest.approx(3.6026, abs=0.0001)


def test_as_12_china_implied_gdp() -> None:
    formula = load_domains().registry["assessment.implied_gdp@ma2017"]
    gdp = float(formula.apply({"gep": (72.81, "万亿元"), "ratio": (1.01, "1")}))
    assert gdp == pytest.approx(72.09 * 10_000, abs=0.4 * 10_000)


def test_as_13_guizhou_implied_gdp() -> None:
    formula = load_domains().registry["assessment.implied_gdp@ma2017"]
    gdp = float(formula.apply({"gep": (20013.46, "亿元"), "ratio": (4.3, "1")}))
    assert gdp == pytest.approx(4654, abs=60)
    printed = open_zone("guizhou").facts.best("economy.gdp", "520000", "2010")
    assert printed and 20013.46 / printed.value == pytest.approx(4.3, abs=0.15)  # the later revised series


@pytest.mark.parametrize("gdp", [None, Figure(0, NOW, "1", "2024"), Figure(-5, NOW, "1", "2024"),
                                 Figure(9, CONSTANT, "1", "2024"), Figure(9, NOW, "2", "2024"),
                                 Figure(9, NOW, "1", "2023")])  # fmt: skip
def test_the_green_gold_index_is_undefined_or_refused(gdp: Figure | None) -> None:
    assert isinstance(green_gold_index(Figure(500, NOW, "1", "2024"), gdp), Refusal)


def test_as_15_without_a_weight_table_only_the_score_is_refused(parameters: Parameters) -> None:
    case = Case(
        gdp=pair(1000, 1050), gep=pair(500, 505),
        now_gdp=Figure(1100, NOW, "1", "2024"), now_gep=Figure(550, NOW, "1", "2024"),
        scores={"GDP": 100, "GEP": 90},
    )  # fmt: skip
    result = assess(case, parameters, eps=0)
    assert (result.quadrant, result.overall, result.ggi) == (Quadrant("I"), "pass", pytest.approx(0.5))
    assert isinstance(result.score, Refusal) and result.score.needs == SLOT and result.score.document
    assert result.refusals == (result.score,)


def test_an_imported_table_is_printed_with_the_score(parameters: Parameters, weight_rows: WeightRows) -> None:
    filled = weight_rows(parameters, SLOT, {"GDP": 40, "GEP": 60})
    result = assess(Case(pair(1, 2), pair(1, 2), scores={"GDP": 80, "GEP": 90}), filled, eps=0)
    assert isinstance(result.score, WeightedScore) and result.score.value == pytest.approx(86)  # 32 + 54
    assert (result.score.title, result.score.edition, result.score.filled_by) == (
        "某县双考核办法",
        "2024",
        "accountant",
    )
    with pytest.raises(OutOfBounds, match="GEP"):
        assess(Case(pair(1, 2), pair(1, 2), scores={"GDP": 80}), filled, eps=0)


@pytest.mark.parametrize(("falling", "robust"), [(1, True), (2, False)])
def test_a_quadrant_below_ninety_per_cent_is_not_robust(parameters: Parameters, falling: int, robust: bool) -> None:
    gep = [-1.0] * falling + [1.0] * (10 - falling)  # 1 of 10 falls: exactly 90 % in quadrant I
    case = Case(pair(1000, 1050), pair(500, 505), draws=([5.0] * 10, gep))
    result = assess(case, parameters, eps=0)
    assert result.odds and result.robust is robust
    assert result.odds.quadrants["I"] == pytest.approx(1 - falling / 10)
    assert result.odds.quadrants["IV"] == pytest.approx(falling / 10)
    assert result.odds.floors == {"D1": pytest.approx(1 - falling / 10)}


def test_draws_must_be_paired_and_finite() -> None:
    for gdp, gep in (([1.0], [1.0, 2.0]), ([], []), ([1.0], [np.nan])):
        with pytest.raises(OutOfBounds, match="paired"):
            odds(rule_set("dual_assessment"), Quadrant("I"), gdp, gep, eps=0, robust_share=0.9)


# --- weights -------------------------------------------------------------------------------------------------------


def test_the_grid_of_two_components() -> None:
    grid = weight_grid(2, 25)
    assert grid.tolist() == [[0, 1], [0.25, 0.75], [0.5, 0.5], [0.75, 0.25], [1, 0]]
    assert len(weight_grid(3, 5)) == 231  # C(22, 2)


@pytest.mark.parametrize(("components", "step"), [(2, 7), (2, 0), (2, -5), (0, 5), (9, 5)])
def test_a_grid_that_cannot_be_made(components: int, step: float) -> None:
    with pytest.raises(OutOfBounds):
        weight_grid(components, step)


def test_rank_ranges_over_the_grid(parameters: Parameters) -> None:
    # a leads on the first component, b on the second, c is behind both on either, d ties with c
    scores = {"a": (90, 60), "b": (60, 90), "c": (50, 50), "d": (50, 50)}
    assert rank_ranges(scores, parameters) == {"a": (1, 2), "b": (1, 2), "c": (3, 3), "d": (3, 3)}
    assert rank_ranges({}, parameters) == {}
    for bad in ({"a": (1, 2), "b": (1,)}, {"a": (1, np.nan)}):
        with pytest.raises(OutOfBounds, match="component"):
            rank_ranges(bad, parameters)


@given(st.integers(1, 4), st.sampled_from([10, 20, 25, 50, 100]))
def test_every_vector_of_the_grid_sums_to_one(components: int, step: int) -> None:
    grid = weight_grid(components, step)
    assert np.allclose(grid.sum(axis=1), 1, rtol=0, atol=1e-12) and grid.min() >= 0
    assert len({tuple(row) for row in grid.tolist()}) == len(grid)


rates = st.floats(-50, 50)
SWAPPED = {"I": "I", "II": "IV", "III": "III", "IV": "II", "flat": "flat"}
MIRRORED = {"I": "III", "II": "IV", "III": "I", "IV": "II", "flat": "flat"}


@given(rates, rates, st.floats(0, 5))
def test_quadrants_are_symmetric(gdp: float, gep: float, eps: float) -> None:
    here = quadrant(gdp, gep, eps=eps)
    assert quadrant(gep, gdp, eps=eps).id == SWAPPED[here.id]
    assert quadrant(-gdp, -gep, eps=eps) == Quadrant(MIRRORED[here.id], here.axes)


@given(st.lists(st.tuples(rates, rates), min_size=1, max_size=30), st.floats(0, 5))
def test_the_odds_are_the_quadrants_of_the_draws(draws: list[tuple[float, float]], eps: float) -> None:
    gdp, gep = zip(*draws, strict=True)
    found = odds(rule_set("dual_assessment"), Quadrant("I"), gdp, gep, eps=eps, robust_share=0.9).quadrants
    one_by_one = [quadrant(a, b, eps=eps).id for a, b in draws]
    assert found == {name: pytest.approx(one_by_one.count(name) / len(draws)) for name in QUADRANTS}
