"""The weighted index: assessment.md section 3, worked examples AS-1 to AS-5 and AS-16 to AS-18."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.assess.green import development_index, ranks, redistributed, residual
from qingshan.assess.ruleset import rule_set, rule_sets
from qingshan.core.domain import load_domains
from qingshan.core.errors import MissingParameter, OutOfBounds, UnknownName
from qingshan.core.parameter import Parameters

SharedTable = Callable[[str], list[dict[str, str]]]
WeightRows = Callable[[Parameters, str, dict[str, float]], Parameters]
AREAS = ("资源利用", "环境治理", "环境质量", "生态保护", "增长质量", "绿色生活")
AS_2 = dict(zip(AREAS, (90, 80, 70, 60, 85, 75), strict=True))
INLAND = ("近岸海域水质优良（一、二类）比例", "自然岸线保有率", "海洋保护区面积")  # items 29, 36, 39


def without(name: str) -> dict[str, float | None]:
    return {area: None if area == name else score for area, score in AS_2.items()}


def test_as_1_area_weights_sum_to_100(parameters: Parameters) -> None:
    weights = rule_set("green_areas_2016").weights(parameters)
    assert {k: float(w * 100) for k, w in weights.items()} == pytest.approx(
        dict(zip(AREAS, (29.3, 16.5, 19.3, 16.5, 9.2, 9.2), strict=True))
    )
    assert sum(weights.values()) == 1


def test_as_2_index_from_area_indices(parameters: Parameters) -> None:
    result = development_index(rule_set("green_areas_2016"), AS_2, parameters)
    assert result.value == pytest.approx(77.70, abs=1e-9)
    assert {"area-level", "not official"} <= set(result.labels) and result.apart == ("公众满意程度",)


def test_as_3_an_area_that_does_not_apply_hands_its_weight_to_all(parameters: Parameters) -> None:
    rules = rule_set("green_areas_2016")
    result = development_index(rules, AS_2, parameters, not_applicable=["绿色生活"], redistribute="all")
    assert result.value == pytest.approx(77.973568, abs=1e-6)  # (77.70 - 9.2 % of 75)/90.8 %


def test_as_3_within_its_area_nothing_is_left_to_take_the_weight(parameters: Parameters) -> None:
    with pytest.raises(OutOfBounds, match="no applicable item"):
        development_index(
            rule_set("green_areas_2016"), AS_2, parameters, not_applicable=["绿色生活"], redistribute="within_area"
        )


@pytest.mark.parametrize("redistribute", ["", "somehow"])
def test_the_redistribution_is_mandatory(parameters: Parameters, redistribute: str) -> None:
    with pytest.raises(MissingParameter, match="redistribute"):
        development_index(
            rule_set("green_areas_2016"), AS_2, parameters, not_applicable=["绿色生活"], redistribute=redistribute
        )


def test_as_4_a_listed_item_without_data_keeps_its_weight_at_60(parameters: Parameters) -> None:
    rules = replace(rule_set("green_areas_2016"), minimum_items=("绿色生活",))
    result = development_index(rules, without("绿色生活"), parameters)
    assert result.value == pytest.approx(76.32, abs=1e-9)
    assert result.at_minimum == ("绿色生活",) and result.missing == ()


@pytest.mark.parametrize("nothing", [None, math.nan])
def test_as_5_an_unlisted_item_without_data_stops_the_index(parameters: Parameters, nothing: float | None) -> None:
    result = development_index(rule_set("green_areas_2016"), AS_2 | {"绿色生活": nothing}, parameters)
    assert result.value is None and result.missing == ("绿色生活",)
    assert result.refusal and [leaf.needs for leaf in result.refusal.leaves()] == ["绿色生活"]


def test_as_16_item_weights_are_parts_of_109(parameters: Parameters) -> None:
    rules = rule_set("green_development_2016")
    weights = rules.weights(parameters)
    assert len(rules.items) == 56 and len(weights) == 55 and sum(weights.values()) == 1
    assert sorted(w * 109 for w in weights.values()) == [1] * 17 + [2] * 22 + [3] * 16
    areas = dict.fromkeys(AREAS, Fraction(0))
    for name, weight in weights.items():
        areas[rules.item(name).area] += weight
    assert [float(w * 100) for w in areas.values()] == pytest.approx(
        [29.357798, 16.513761, 19.266055, 16.513761, 9.174312, 9.174312], abs=1e-6
    )
    assert "inferred" in rules.labels


def test_as_16_the_table_is_the_printed_one(shared_table: SharedTable) -> None:
    printed = shared_table("assessment/green_development_56.csv")
    items = rule_set("green_development_2016").items
    assert [(i.name, i.area, i.unit, i.status) for i in items] == [
        (r["item"], r["area"], r["unit"], r["status"]) for r in printed
    ]
    weighted = [(i, r) for i, r in zip(items, printed, strict=True) if i.weight is not None]
    assert all(f"{float(i.weight or 0) * 100:.2f}" == r["weight_printed_pct"] for i, r in weighted)


@pytest.mark.parametrize("redistribute", ["within_area", "all"])
def test_inland_items_hand_on_their_weight(parameters: Parameters, redistribute: str) -> None:
    rules = rule_set("green_development_2016")
    printed = {name: float(w) for name, w in rules.weights(parameters).items()}
    weights = redistributed(rules, printed, INLAND, redistribute)
    assert sum(weights.values()) == pytest.approx(1, abs=1e-12) and all(weights[name] == 0 for name in INLAND)
    quality = sum(w for name, w in weights.items() if rules.item(name).area == "环境质量")
    # item 29 has 2 of the 21 parts of its area; all three have 5 of 109: over all items the area keeps 19/104
    assert quality == pytest.approx(21 / 109 if redistribute == "within_area" else 19 / 104, abs=1e-12)


def test_as_17_hangzhou_leaves_a_residual(parameters: Parameters) -> None:
    scores = dict(zip(AREAS, (82.89, 74.90, 87.68, 77.05, 77.77, 78.72), strict=True))
    compared = residual(development_index(rule_set("green_areas_2016"), scores, parameters), 80.57)
    assert compared.computed == pytest.approx(80.678, abs=0.001)
    assert compared.residual == pytest.approx(0.108, abs=0.001)
    assert "not official" in compared.labels


def test_zhejiang_residuals_and_ranks(parameters: Parameters, shared_table: SharedTable) -> None:
    printed: dict[str, dict[str, float]] = {}
    for row in shared_table("assessment/zhejiang_green_index_2016.csv"):
        printed.setdefault(row["place"], {})[row["item"].removesuffix("指数")] = float(row["value"])
    rules = rule_set("green_areas_2016")
    residuals = [
        residual(development_index(rules, {a: p[a] for a in AREAS}, parameters), p["绿色发展"]).residual
        for p in printed.values()
    ]
    assert len(residuals) == 11
    assert (min(residuals), max(residuals)) == (pytest.approx(-0.50, abs=0.005), pytest.approx(0.40, abs=0.005))
    assert ranks({place: p["绿色发展"] for place, p in printed.items()}) == {k: p["排名"] for k, p in printed.items()}


def test_as_18_no_total_without_weights_but_every_item(parameters: Parameters) -> None:
    rules = rule_set("beautiful_china_2020")
    result = development_index(rules, {"森林覆盖率": 62.12}, parameters)
    assert result.value is None and result.refusal and result.refusal.code == "open_parameter"
    assert result.refusal.needs == "assessment.beautiful_china_weights" and "美丽中国" in result.refusal.document
    assert len(rules.items) == 22 and len(result.missing) == 21 and result.scores == {"森林覆盖率": 62.12}
    assert {i.direction for i in rules.items} == {"up", "down"}


def test_guizhou_parts_have_no_weights_until_filled(parameters: Parameters, weight_rows: WeightRows) -> None:
    rules = rule_set("guizhou_2017")
    scores = {item.name: 80.0 for item in rules.items}
    refused = development_index(rules, scores, parameters)
    assert refused.refusal and refused.refusal.needs == "assessment.guizhou_weights"
    weights = dict(zip(scores, (70, 20, 10, 0), strict=True))  # a made-up table
    filled = weight_rows(load_domains().parameters(), "assessment.guizhou_weights", weights)
    assert development_index(rules, scores | {"公众满意程度": 90}, filled).value == pytest.approx(81)  # 90 % of 80 + 9


@pytest.mark.parametrize("weights", [{"绿色发展指数": 60}, dict.fromkeys(("甲", "乙"), 50)])
def test_a_filled_table_must_sum_to_one_over_the_items(
    parameters: Parameters, weights: dict[str, float], weight_rows: WeightRows
) -> None:
    filled = weight_rows(parameters, "assessment.guizhou_weights", weights)
    with pytest.raises(OutOfBounds):
        development_index(rule_set("guizhou_2017"), {}, filled)


def test_scores_outside_the_scale_and_strange_items(parameters: Parameters) -> None:
    rules = rule_set("green_areas_2016")
    with pytest.raises(OutOfBounds, match="100"):
        development_index(rules, AS_2 | {"绿色生活": 101}, parameters)
    with pytest.raises(UnknownName, match="海洋"):
        development_index(rules, {"海洋": 1}, parameters)
    with pytest.raises(UnknownName, match="known"):
        rule_set("none")


def test_every_rule_set_is_versioned_and_none_is_official() -> None:
    assert len({r.hash for r in rule_sets().values()}) == len(rule_sets()) == 5
    assert not any(r.official for r in rule_sets().values())


def test_equal_scores_share_the_better_rank() -> None:
    assert ranks({"a": 80, "b": 90, "c": 80, "d": 70}) == {"a": 2, "b": 1, "c": 2, "d": 4}


scores = st.lists(st.floats(0, 100), min_size=6, max_size=6)


@given(scores, st.sets(st.sampled_from(AREAS), max_size=5))
def test_the_index_lies_between_its_scores(given_scores: list[float], dropped: set[str]) -> None:
    by_area = dict(zip(AREAS, given_scores, strict=True))
    result = development_index(
        rule_set("green_areas_2016"), by_area, load_domains().parameters(), not_applicable=dropped, redistribute="all"
    )
    kept = [score for area, score in by_area.items() if area not in dropped]
    assert result.value is not None and min(kept) - 1e-9 <= result.value <= max(kept) + 1e-9
    assert sum(result.weights.values()) == pytest.approx(1, abs=1e-12)


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.integers(0, 5), min_size=1, max_size=8))
def test_a_rank_counts_the_better_ones(values: dict[str, int]) -> None:
    expected = {name: 1 + sum(other > value for other in values.values()) for name, value in values.items()}
    assert ranks(values) == expected
