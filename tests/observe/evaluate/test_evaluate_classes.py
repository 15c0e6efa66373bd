"""Classes by the worst item: E7-E9 and E23 of the monitoring specification, and invariants."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingshan.core.reading import reading
from qingshan.observe.evaluate.classes import Grader, against_class, classify, exceedance, scheme
from qingshan.observe.evaluate.editions import NoRowInForce, RefusedRow, RuleSet, named_rule_set

PLAIN = RuleSet()
DAY = date(2021, 4, 1)
SURFACE = Grader(PLAIN, "surface_water", DAY)
GROUND = Grader(named_rule_set("water.restated_rules"), "groundwater", DAY)
FIVE = ("pH", "DO", "CODMn", "NH3-N", "TP")


def five(*texts: str):
    return {i: (reading(t), "1" if i == "pH" else "mg/L") for i, t in zip(FIVE, texts, strict=True)}


@pytest.mark.parametrize(
    ("texts", "body", "grade", "item"),
    [  # E7
        (("7.97", "10.8", "1.01", "0.025", "0.005"), "river", "Ⅰ", "pH,DO,CODMn,NH3-N,TP"),
        (("8.12", "7.9", "0.96", "0.108", "0.039"), "river", "Ⅱ", "TP"),
        (("8.92", "7.55", "0.93", "0.09", "0.037"), "lake_reservoir", "Ⅲ", "TP"),
        (("8.92", "7.55", "0.93", "0.09", "0.037"), "river", "Ⅱ", "TP"),
        (("8.92", "6.98", "0.93", "0.09", "0.052"), "lake_reservoir", "Ⅳ", "TP"),
        (("9.34", "18.34", "2.71", "0.074", "0.072"), "river", "劣Ⅴ", "pH"),
    ],
)
def test_class_of_a_section(texts: tuple[str, ...], body: str, grade: str, item: str) -> None:
    found = classify(SURFACE, "water.class", "s", five(*texts), body=body)
    assert (found.grade, found.item, found.n_valid, found.n_required) == (grade, item, 5, 5)
    assert found.clause and found.edition == "GB 3838-2002" and found.status == "primary" and found.verdict == ""


def test_without_a_water_body_the_phosphorus_cases_cannot_be_judged() -> None:
    """E7: the kind of water is never guessed."""
    found = classify(SURFACE, "water.class", "s", five("8.92", "7.55", "0.93", "0.09", "0.037"))
    assert found.verdict == "cannot_be_judged" and found.grades == ("Ⅱ", "Ⅲ")
    same = classify(SURFACE, "water.class", "s", five("9.34", "18.34", "2.71", "0.074", "0.072"))
    assert same.grade == "劣Ⅴ" and same.verdict == ""


def test_a_target_class_gives_a_verdict() -> None:
    good = classify(
        SURFACE, "water.class", "s", five("8.12", "7.9", "0.96", "0.108", "0.039"), body="river", target="III"
    )
    bad = classify(
        SURFACE, "water.class", "s", five("8.12", "7.9", "0.96", "0.108", "0.039"), body="river", target="Ⅰ类"
    )
    assert (good.verdict, bad.verdict) == ("meets", "exceeds")


def test_a_missing_required_item_is_insufficient() -> None:
    texts = five("8.12", "7.9", "0.96", "0.108", "*")
    found = classify(SURFACE, "water.class", "s", texts, body="river", required=FIVE, target="III")
    assert (found.verdict, found.n_valid, found.n_required) == ("insufficient_data", 4, 5)
    assert found.grades[-1] == "劣Ⅴ"  # the missing item may be anything
    assert classify(SURFACE, "water.class", "s", {}, body="river", required=FIVE).verdict == "insufficient_data"


def test_oxygen_of_class_one_by_either_limit() -> None:
    """GB 3838 table 1: saturation >= 90 % or >= 7.5 mg/L."""
    low = five("7", "7.0", "1", "0.1", "0.01")
    assert classify(SURFACE, "water.class", "s", low, body="river").grade == "Ⅱ"
    with_saturation = low | {"DO_saturation": (reading("91"), "%")}
    assert classify(SURFACE, "water.class", "s", with_saturation, body="river").grade == "Ⅰ"
    assert (
        classify(SURFACE, "water.class", "s", low | {"DO_saturation": (reading("89"), "%")}, body="river").grade == "Ⅱ"
    )


def test_a_censored_reading_against_target_classes() -> None:
    """E9."""
    low, high = reading("0.00004L"), reading("<0.0001")
    assert against_class(SURFACE, "Hg", low, "mg/L", "II", "river").verdict == "meets"
    unsure = against_class(SURFACE, "Hg", high, "mg/L", "II", "river")
    assert unsure.verdict == "cannot_be_judged" and unsure.grades == ("Ⅰ", "Ⅱ", "Ⅲ")
    assert against_class(SURFACE, "Hg", high, "mg/L", "III", "river").verdict == "meets"
    assert against_class(SURFACE, "Hg", reading("ND"), "mg/L", "III", "river").verdict == "cannot_be_judged"
    assert against_class(SURFACE, "TN", reading("3.0"), "mg/L", "III", "river").verdict == "not_applicable"
    assert against_class(SURFACE, "Hg", reading("0.1"), "ug/L", "III", "river").verdict == "meets"
    assert against_class(SURFACE, "Hg", reading("0.1"), "NTU", "III", "river").verdict == "cannot_be_judged"


def test_a_class_is_read_in_either_alphabet() -> None:
    s = scheme("surface_water")
    assert [s.grade(t) for t in ("Ⅰ", "I", "III类", "Ⅴ", "劣Ⅴ", "劣V")] == [0, 0, 2, 4, 5, 5]


def test_exceedance_multiple() -> None:
    """(0.35 - 0.2) / 0.2 = 0.75; none for pH and DO."""
    assert exceedance(SURFACE, "TP", reading("0.35"), "mg/L", "III", "river") == Decimal("0.75")
    assert exceedance(SURFACE, "TP", reading("0.15"), "mg/L", "III", "river") is None
    assert exceedance(SURFACE, "DO", reading("2"), "mg/L", "III", "river") is None


@pytest.mark.parametrize(
    ("item", "unit", "text", "grade"),
    [  # E23
        ("pH", "-", "8.5", "Ⅰ"),
        ("pH", "-", "8.7", "Ⅳ"),
        ("pH", "-", "9.0", "Ⅳ"),
        ("pH", "-", "5.5", "Ⅳ"),
        ("pH", "-", "5.4", "Ⅴ"),
        ("pH", "-", "9.1", "Ⅴ"),
        ("总硬度", "mg/L", "150", "Ⅰ"),
        ("总硬度", "mg/L", "151", "Ⅱ"),
        ("总硬度", "mg/L", "450", "Ⅲ"),
        ("总硬度", "mg/L", "650", "Ⅳ"),
        ("总硬度", "mg/L", "651", "Ⅴ"),
        ("总α放射性", "Bq/L", "0.6", "Ⅳ"),
        ("总α放射性", "Bq/L", "50", "Ⅳ"),
    ],
)
def test_groundwater_item(item: str, unit: str, text: str, grade: str) -> None:
    assert classify(GROUND, "water.groundwater", "w", {item: (reading(text), unit)}).grade == grade


def test_groundwater_point_and_its_traps() -> None:
    """E23: pH 7.2 and hardness 310 give III. Words are not numbers; a LAS below its limit of detection is not class I by
    default: it may be I or II."""
    point = classify(
        GROUND, "water.groundwater", "w", {"pH": (reading("7.2"), "-"), "总硬度": (reading("310"), "mg/L")}
    )
    assert point.grade == "Ⅲ" and point.item == "总硬度" and point.status == "secondary"
    words = classify(GROUND, "water.groundwater", "w", {"肉眼可见物": (reading("1"), "-")})
    assert words.parts[0].verdict == "cannot_be_judged"
    surfactant = classify(GROUND, "water.groundwater", "w", {"阴离子表面活性剂": (reading("<0.05"), "mg/L")})
    assert surfactant.grades == ("Ⅰ", "Ⅱ")


def test_groundwater_needs_its_edition_named_and_leave() -> None:
    with pytest.raises(NoRowInForce, match="start date"):
        Grader(RuleSet(allow_secondary=True), "groundwater", DAY)
    with pytest.raises(RefusedRow):
        Grader(RuleSet(editions={"groundwater_classes": "GB/T 14848-2017"}), "groundwater", DAY)


ITEMS = [i for i in SURFACE.items if SURFACE.rows(i, "river") and i not in ("water_temp", "pH", "DO")]


@settings(max_examples=60)
@given(st.sampled_from(ITEMS), st.decimals(0, 60, places=5), st.decimals(0, 60, places=5))
def test_class_is_monotone_in_each_item(item: str, a: Decimal, b: Decimal) -> None:
    rows = SURFACE.rows(item, "river")
    assert rows
    low, high = sorted((a, b))
    assert SURFACE.grade_of(rows, low) <= SURFACE.grade_of(rows, high)


@settings(max_examples=60)
@given(st.decimals(0, 20, places=3), st.decimals(0, 20, places=3))
def test_more_oxygen_is_never_worse(a: Decimal, b: Decimal) -> None:
    rows = SURFACE.rows("DO", "river")
    assert rows
    low, high = sorted((a, b))
    assert SURFACE.grade_of(rows, high) <= SURFACE.grade_of(rows, low)


@given(st.permutations(FIVE))
def test_the_order_of_the_items_does_not_matter(order: list[str]) -> None:
    texts = five("8.12", "7.9", "0.96", "0.108", "0.039")
    found = classify(SURFACE, "water.class", "s", {i: texts[i] for i in order}, body="river", required=FIVE)
    again = classify(SURFACE, "water.class", "s", texts, body="river", required=FIVE)
    assert found == again
