"""Targets: assessment.md section 2, land.md section 6, and the ten promises of the built-in zone."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.assess.judge import OPERATORS, holds, holds_within
from qingshan.assess.links import unmatched_links
from qingshan.assess.targets import TargetVerdict, completion_of, evaluate_targets
from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError, UnknownName
from qingshan.zone.zone import Zone, open_zone

ZoneMaker = Callable[..., Zone]
SHARE = '[[target]]\nquantity = "tiny.share"\nperiod = "2025"\n'
PLANTED = '[[target]]\nquantity = "tiny.planted"\nperiod = "2025"\n'


@pytest.fixture(scope="module")
def ten() -> list[TargetVerdict]:
    return evaluate_targets(open_zone("guizhou"))


def one(zone: Zone) -> TargetVerdict:
    verdicts = evaluate_targets(zone)
    assert len(verdicts) == 1
    return verdicts[0]


def by_quantity(verdicts: list[TargetVerdict], quantity: str) -> TargetVerdict:
    return next(v for v in verdicts if v.target.quantity == quantity)


# --- the built-in zone ---------------------------------------------------------------------------------------------


def test_ten_promises_four_with_readings_in_the_order_of_the_overview(ten: list[TargetVerdict]) -> None:
    assert [(v.name_zh, v.verdict) for v in ten] == [
        ("集中式饮用水水源达标率", "met"),
        ("国控断面水质优良比例", "not_met"),
        ("石漠化治理面积", "incomplete"),
        ("国家储备林", "incomplete"),
        ("省控断面水质优良比例", "undetermined"),
        ("石漠化面积占比", "undetermined"),
        ("湿地保护率", "undetermined"),
        ("低产低效林改造", "undetermined"),
        ("森林经营", "undetermined"),
        ("林业有害生物成灾率", "undetermined"),
    ]


def test_ten_promises_in_words(ten: list[TargetVerdict]) -> None:
    assert [(v.reason_zh, v.remark_zh) for v in ten] == [
        ("最近读数达到", "2021 上半年"),
        ("差 0.8 个百分点", "2021 上半年"),
        ("至少 43 %", "缺 2022、2023、2025 年"),
        ("2021 年 20 %", "缺 2022 年以后"),
        ("只见主要河流 97.7 %，分母不同", ""),
        ("分母未说明；2011 年 17.14 %", ""),
        ("缺基数", ""),
        ("缺 2021–2025 年完成量", ""),
        ("缺完成量", ""),
        ("缺历年成灾率", ""),
    ]
    assert [v.reason_en for v in ten[:4]] == [
        "latest reading at target", "0.8 points short", "at least 43 %", "20 % by 2021",
    ]  # fmt: skip
    assert [v.labels for v in ten[:4]] == [("news",), ("news", "draft"), ("news", "partial"), ("news",)]


def test_every_unjudged_promise_names_what_is_missing_and_its_document(ten: list[TargetVerdict]) -> None:
    unjudged = [v for v in ten if not v.decided]
    assert all(v.needs and v.document and v.value is None and v.completion is None for v in unjudged)


def test_land_17_gz_6_treated_area_is_a_lower_bound(ten: list[TargetVerdict]) -> None:
    treated = by_quantity(ten, "krd.treated_area")
    assert treated.value == pytest.approx(1527.83, abs=0.005)
    assert treated.completion == pytest.approx(0.4304, abs=0.00005)
    assert treated.lower_bound and treated.verdict == "incomplete"
    assert treated.missing_periods == ("2022", "2023", "2025")
    assert [f.period for f in treated.facts] == ["2021", "2024"]


def test_gz_7_wetland_completion_is_refused(ten: list[TargetVerdict]) -> None:
    wetland = by_quantity(ten, "wetland.protection_rate")
    assert (wetland.verdict, wetland.needs, wetland.completion) == ("undetermined", "wetland.protection_rate", None)
    assert "湿地" in wetland.document


def test_open_denominator_leaves_the_related_reading_unscored(ten: list[TargetVerdict]) -> None:
    share = by_quantity(ten, "krd.share")
    assert share.needs == "krd.share_denominator" and share.facts == ()
    assert [(f.quantity, f.period, f.value) for f in share.related] == [("krd.share_of_province", "2011", 17.14)]


def test_figures_of_the_earlier_plan_are_not_joined(ten: list[TargetVerdict]) -> None:
    facts = open_zone("guizhou").facts.series("forest.low_yield_renewal", "520000")
    assert [(f.period, f.value) for f in facts] == [("2016-2020", 530)]
    assert by_quantity(ten, "forest.low_yield_renewal").facts == ()


def test_a_later_horizon_adds_the_later_targets(ten: list[TargetVerdict]) -> None:
    later = evaluate_targets(open_zone("guizhou"), horizon="2035")
    assert {(v.target.quantity, v.target.period) for v in later} - {(v.target.quantity, v.target.period) for v in ten} == {
        ("krd.treated_area", "2026-2035"), ("soil_loss.conservation_rate", "2035"),
    }  # fmt: skip


def test_every_link_of_the_zone_answers_a_target() -> None:
    assert unmatched_links(open_zone("guizhou")) == []


# --- the rules on small zones --------------------------------------------------------------------------------------


def test_as_14_ten_per_cent_is_not_below_ten(make_zone: ZoneMaker) -> None:
    rows = [("2025", "tiny.share", "target", "<", "10", "%"), ("2025", "tiny.share", "", "", "10.0", "%")]
    verdict = one(make_zone(rows))
    assert (verdict.verdict, verdict.reason_en) == ("not_met", "at the limit, which does not count")


def test_as_14_with_the_denominator_open_it_is_undetermined(make_zone: ZoneMaker) -> None:
    rows = [("2025", "tiny.share", "target", "<", "10", "%"), ("2025", "tiny.share", "", "", "10.0", "%")]
    gap = "tiny.denominator,分母,1,2025,规划的指标解释"
    verdict = one(make_zone(rows, SHARE + 'open_definition = "tiny.denominator"', [gap]))
    assert (verdict.verdict, verdict.completion) == ("undetermined", None)
    assert (verdict.needs, verdict.document) == ("tiny.denominator", "规划的指标解释")
    assert verdict.each == ((10.0, "not_met"),)


def test_a_fact_of_the_open_definition_settles_it(make_zone: ZoneMaker) -> None:
    rows = [
        ("2025", "tiny.share", "target", "<", "10", "%"),
        ("2025", "tiny.share", "", "", "9.9", "%"),
        ("2025", "tiny.denominator", "", "", "100", "km2"),
    ]
    assert one(make_zone(rows, SHARE + 'open_definition = "tiny.denominator"')).verdict == "met"


def test_land_18_pest_rate_meets_its_target(make_zone: ZoneMaker) -> None:
    formula = load_domains().registry["land.pest_disaster_rate@forest_pest_2012"]
    rate = float(
        formula.apply({"disaster_area": (1.5, "万亩"), "forest_area": (1000, "万亩"), "young_area": (0, "万亩")})
    )
    assert rate == pytest.approx(1.5, rel=1e-12)  # 1.5/1000 in per mille
    rows = [("2025", "tiny.share", "target", "<=", "2", "‰"), ("2024", "tiny.share", "", "", f"{rate:g}", "per mille")]
    assert one(make_zone(rows)).verdict == "met"


def test_conflicting_readings_are_judged_one_by_one(make_zone: ZoneMaker) -> None:
    rows = [
        ("2025", "tiny.share", "target", ">=", "60", "%"),
        ("2024", "tiny.share", "", "", "61.51", "%", "secondary", "年鉴"),
        ("2024", "tiny.share", "", "", "59", "%", "news", "报纸"),
    ]
    verdict = one(make_zone(rows))
    assert verdict.verdict == "disputed" and verdict.value == 61.51
    assert verdict.each == ((61.51, "met"), (59.0, "not_met")) and len(verdict.facts) == 2


def test_conflicting_readings_with_one_verdict_are_not_disputed(make_zone: ZoneMaker) -> None:
    rows = [
        ("2025", "tiny.share", "target", ">=", "60", "%"),
        ("2024", "tiny.share", "", "", "61", "%", "primary", "公报"),
        ("2024", "tiny.share", "", "", "62", "%", "primary", "年鉴"),
    ]
    verdict = one(make_zone(rows))
    assert verdict.verdict == "met" and [v for v, _ in verdict.each] == [61.0, 62.0]


def test_a_doubtful_print_is_never_used(make_zone: ZoneMaker) -> None:
    rows = [("2025", "tiny.share", "target", ">=", "60", "%"), ("2024", "tiny.share", "", "", "99", "%", "ocr_doubt")]
    verdict = one(make_zone(rows))
    assert (verdict.verdict, verdict.value, verdict.reason_zh) == ("undetermined", None, "缺读数")


def test_a_complete_sum_is_judged(make_zone: ZoneMaker) -> None:
    rows = [
        ("2023-2025", "tiny.planted", "target", ">=", "1", "km2"),
        ("2023-2024", "tiny.planted", "", "", "60", "hm2"),
        ("2023", "tiny.planted", "", "", "20", "hm2"),  # part of the longer figure: not added again
        ("2025", "tiny.planted", "", "", "600", "亩"),
    ]
    verdict = one(make_zone(rows))
    assert verdict.value == 1.0  # 60 hm2 + 600/15 hm2 = 1 km2, exactly at the limit
    assert (verdict.verdict, verdict.missing_periods, verdict.lower_bound) == ("met", (), False)


def test_half_a_year_leaves_the_year_missing(make_zone: ZoneMaker) -> None:
    rows = [("2024-2025", "tiny.planted", "target", ">=", "9", "hm2"), ("2024H1", "tiny.planted", "", "", "3", "hm2")]
    verdict = one(make_zone(rows))
    assert verdict.missing_periods == ("2024", "2025") and verdict.lower_bound and verdict.value == 3


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [(">=", "10", "met"), (">=", "9", "incomplete"), ("<=", "11", "not_met"), ("<=", "9", "incomplete"),
     ("=", "11", "not_met"), ("=", "10", "incomplete")],
)  # fmt: skip
def test_a_lower_bound_decides_only_what_more_cannot_change(
    make_zone: ZoneMaker, op: str, value: str, expected: str
) -> None:
    rows = [("2024-2025", "tiny.planted", "target", op, "10", "hm2"), ("2024", "tiny.planted", "", "", value, "hm2")]
    assert one(make_zone(rows)).verdict == expected


def test_a_stock_reading_counts_what_comes_after_it(make_zone: ZoneMaker) -> None:
    rows = [
        ("2025", "tiny.planted", "target", ">=", "10", "hm2"),
        ("2022", "tiny.planted", "", "", "4", "hm2"),
        ("2023", "tiny.planted", "", "", "6", "hm2"),
    ]
    verdict = one(make_zone(rows, PLANTED + 'reading = "stock"'))
    assert (verdict.value, verdict.verdict, verdict.missing_periods) == (6.0, "incomplete", ("2024", "2025"))


def test_a_reading_in_another_dimension_is_refused(make_zone: ZoneMaker) -> None:
    rows = [("2025", "tiny.odd", "target", ">=", "10", "hm2"), ("2024", "tiny.odd", "", "", "4", "万t")]
    assert one(make_zone(rows)).verdict == "refused"


@pytest.mark.parametrize(
    "links",
    ['[[target]]\nquantity = "tiny.share"', SHARE + 'reading = "guess"', SHARE + 'span = "soon"', SHARE + "related = 3",
     SHARE + 'why_zh = "{who}"', SHARE + 'why_en = "{"', SHARE + "colour = 1", "target = 3", "not toml"],
)  # fmt: skip
def test_a_wrong_link_is_named(make_zone: ZoneMaker, links: str) -> None:
    with pytest.raises(DeclarationError, match=r"targets\.toml"):
        evaluate_targets(make_zone([("2025", "tiny.share", "target", ">=", "60", "%")], links))


def test_a_link_that_answers_nothing_is_found(make_zone: ZoneMaker) -> None:
    zone = make_zone([("2024", "tiny.share", "", "", "60", "%")], SHARE)
    assert [f.code for f in unmatched_links(zone)] == ["unmatched_link"]


def test_a_horizon_that_is_no_period(make_zone: ZoneMaker) -> None:
    with pytest.raises(UnknownName, match="soon"):
        evaluate_targets(make_zone([("2024", "tiny.share", "", "", "60", "%")]), horizon="soon")


# --- comparisons ---------------------------------------------------------------------------------------------------


def test_completion_by_direction() -> None:
    assert completion_of(97.5, ">=", 98.3) == pytest.approx(0.991862, abs=1e-6)  # 97.5/98.3
    assert completion_of(4, "<=", 2) == 0.5  # 2/4
    assert completion_of(0, "<=", 2) == 1.0
    assert completion_of(5, "=", 5) is None and completion_of(5, ">=", 0) is None


def test_an_unknown_sign_is_named() -> None:
    with pytest.raises(UnknownName, match="about"):
        holds(1, "about", 2)


numbers = st.integers(-20, 20)


@given(numbers, numbers, numbers, st.sampled_from(list(OPERATORS)))
def test_an_interval_agrees_with_every_value_in_it(a: int, b: int, limit: int, op: str) -> None:
    low, high = sorted((a, b))
    inside = {holds(Fraction(x, 2), op, limit) for x in range(2 * low, 2 * high + 1)}
    assert holds_within((low, high), op, limit) == (inside.pop() if len(inside) == 1 else None)
