"""Waters: E11-E14 and E16 of the monitoring specification; drinking sources."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import exp

import pytest

from qingshan.core.errors import OutOfBounds
from qingshan.core.reading import reading
from qingshan.observe.evaluate.classes import Grader
from qingshan.observe.evaluate.editions import RuleSet, named_rule_set
from qingshan.observe.evaluate.lakes import Round, odorous_body, odorous_point, trophic_level
from qingshan.observe.evaluate.water import (
    SectionClass,
    drinking_source,
    river_of_few,
    river_state,
    sewage_plant,
    source_rates,
    standard_index,
)

PLAIN = RuleSet()
RULES = named_rule_set("water.restated_rules")
DAY = date(2021, 4, 1)
GRADER = Grader(RULES, "surface_water", DAY)


def index_of(item: str, text: str, target: str, temperature: str = "20"):
    unit = "1" if item == "pH" else "mg/L"
    return standard_index(
        RULES, GRADER, "s", item, reading(text), unit, target, body="river", temperature=Decimal(temperature)
    )


def test_standard_index() -> None:
    """E11: T 20 degC, DOs = 5 (class III): S(7) 0.5086, S(4) 2.8; S_pH(6.5) 0.5, S_pH(8.2) 0.6."""
    cases = [
        ("DO", "7", "0.5086", "meets"),
        ("DO", "4", "2.8", "exceeds"),
        ("pH", "6.5", "0.5", "meets"),
        ("pH", "8.2", "0.6", "meets"),
    ]
    for item, text, expected, verdict in cases:
        found = index_of(item, text, "III")
        assert float(found.value) == pytest.approx(float(expected), abs=1e-4) and found.verdict == verdict
        assert found.status == "secondary" and "HJ 2.3-2018" in found.edition
    assert float(index_of("TP", "0.3", "III").value) == pytest.approx(1.5)


def test_standard_index_refuses_rather_than_divides() -> None:
    """Warm water under class I: DOf(31.6 degC) = 468/63.2 = 7.405 < 7.5."""
    warm = index_of("DO", "7", "I", "31.6")
    assert warm.verdict == "cannot_be_judged" and warm.notes[0].code == "saturation_below_limit" and warm.value is None
    cold = standard_index(RULES, GRADER, "s", "DO", reading("7"), "mg/L", "III", body="river")
    assert cold.notes[0].code == "missing_temperature"
    assert index_of("Hg", "<0.0002", "III").verdict == "cannot_be_judged"
    assert (
        standard_index(PLAIN, GRADER, "s", "TP", reading("1"), "mg/L", "III", body="river").verdict
        == "cannot_be_judged"
    )


def lake(**texts: str):
    units = {"chla": "mg/m3", "SD": "m"}
    return {i: (reading(t), units.get(i, "mg/L")) for i, t in texts.items()}


def test_trophic_level() -> None:
    """E12."""
    given = lake(chla="10", TP="0.05", TN="1.2", CODMn="4", SD="1.5")
    found = trophic_level(RULES, DAY, "湖", given)
    assert float(found.value) == pytest.approx(47.128, abs=1e-3) and found.grades == ("中营养",)
    parts = {p.item: float(p.value) for p in found.parts}
    expected = {"chla": 50.006, "TP": 45.709, "TN": 57.619, "CODMn": 37.979, "SD": 43.314}
    assert parts == pytest.approx(expected, abs=1e-3)
    in_mg = trophic_level(RULES, DAY, "湖", given | {"chla": (reading("0.010"), "mg/L")})
    assert float(in_mg.value) == pytest.approx(47.128, abs=1e-3)


def test_trophic_level_needs_all_five_and_reports_both_grades_at_an_end() -> None:
    given = lake(chla="10", TP="0.05", TN="1.2", CODMn="4")
    assert trophic_level(RULES, DAY, "湖", given).verdict == "insufficient_data"
    assert trophic_level(PLAIN, DAY, "湖", given).verdict == "cannot_be_judged"
    with pytest.raises(OutOfBounds):
        trophic_level(RULES, DAY, "湖", lake(chla="0", TP="0.05", TN="1.2", CODMn="4", SD="1.5"))
    # chla, TP, TN, CODMn at TLI 50 each by hand of their own formula, SD too: exp(50/10 - a)/b
    at = {
        "chla": (2.5, 1.086),
        "TP": (9.436, 1.624),
        "TN": (5.453, 1.694),
        "SD": (5.118, -1.94),
        "CODMn": (0.109, 2.661),
    }
    end = trophic_level(RULES, DAY, "湖", lake(**{i: f"{exp((5 - a) / b):.6f}" for i, (a, b) in at.items()}))
    assert end.grades == ("中营养", "轻度富营养") and end.notes[0].code == "grade_end"


def sections(good: int, middle: int, worst: int) -> list[SectionClass]:
    grades = [1] * good + [3] * middle + [5] * worst
    return [SectionClass(f"s{i}", g) for i, g in enumerate(grades)]


def test_river_state() -> None:
    """E13."""
    for counts, share, state in (
        ((15, 3, 2), 75, "良好"),
        ((14, 2, 4), 70, "中度污染"),
        ((14, 3, 3), 70, "轻度污染"),
        ((12, 0, 8), 60, "重度污染"),
        ((18, 2, 0), 90, "优"),
    ):
        found = river_state(RULES, DAY, "乌江", sections(*counts))
        assert (found.value, found.grade) == (share, state), counts
    assert river_state(PLAIN, DAY, "乌江", sections(15, 3, 2)).verdict == "cannot_be_judged"
    five = sections(5, 0, 0)
    assert river_state(RULES, DAY, "乌江", five).verdict == "cannot_be_judged"
    chosen = RuleSet("x", allow_secondary=True, editions=RULES.editions, choices={"water.five_sections": "ge5"})
    assert river_state(chosen, DAY, "乌江", five).grade == "优"
    lacking = [*sections(15, 3, 2), SectionClass("x", None)]
    assert river_state(RULES, DAY, "乌江", lacking).verdict == "insufficient_data"


def test_a_river_of_few_sections_is_judged_on_means() -> None:
    """TP 0.05 and 0.25 mg/L: mean 0.15, class III, though one section alone is class IV."""
    a = {"TP": (reading("0.05"), "mg/L"), "DO": (reading("8"), "mg/L")}
    b = {"TP": (reading("0.25"), "mg/L"), "DO": (reading("8"), "mg/L")}
    found = river_of_few(GRADER, "河", {"a": a, "b": b})
    assert (
        found.grade == "Ⅲ"
        and found.status == "secondary"
        and "环办〔2011〕22号" in found.clause
        and "GB 3838-2002" in found.clause
    )
    plain = river_of_few(Grader(RuleSet(), "surface_water", DAY), "河", {"a": a, "b": b})
    assert plain.verdict == "cannot_be_judged" and not plain.grades  # the rule of the mean is restated
    gap = river_of_few(GRADER, "河", {"a": a, "b": {"DO": b["DO"]}}, required=("TP", "DO"))
    assert gap.verdict == "insufficient_data"


def rounds(**heavy: int) -> list[Round]:
    """Ten rounds; each item named is past its heavy threshold in that many of them, the rest clean."""
    past = {"DO": "0.1", "ORP": "-250", "NH3-N": "16", "transparency": "5"}
    clean = {"DO": "5", "ORP": "100", "NH3-N": "1", "transparency": "60"}
    return [
        Round({i: Decimal(past[i] if k < heavy.get(i.replace("-", "_"), 0) else clean[i]) for i in past})
        for k in range(10)
    ]


def test_black_odorous_point() -> None:
    """E14."""
    assert odorous_point(RULES, DAY, "p", rounds(DO=6)).grade == "重度黑臭"
    assert odorous_point(RULES, DAY, "p", rounds(ORP=3, NH3_N=3)).grade == "重度黑臭"
    assert odorous_point(RULES, DAY, "p", rounds(DO=5)).grade == "轻度黑臭"
    assert odorous_point(RULES, DAY, "p", rounds()).grade == "非黑臭"
    assert odorous_point(RULES, DAY, "p", rounds(DO=6)[:2]).verdict == "insufficient_data"
    assert odorous_point(PLAIN, DAY, "p", rounds(DO=6)).verdict == "cannot_be_judged"


def test_black_odorous_body() -> None:
    """E14: H H H L -> the reach of the first three is heavy, the body 75 %; H L H L L -> 40 %."""
    heavy, light = "heavy", "light"
    found = odorous_body(RULES, DAY, "沟", [heavy, heavy, heavy, light])
    assert (found.value, found.grade, [p.item for p in found.parts]) == (75, "重度黑臭", ["1-3"])
    other = odorous_body(RULES, DAY, "沟", [heavy, light, heavy, light, light])
    assert (other.value, other.grade, other.parts) == (40, "轻度黑臭", ())
    assert odorous_body(RULES, DAY, "沟", [heavy, heavy]).verdict == "insufficient_data"


def test_transparency_of_shallow_water() -> None:
    """20 cm deep: the threshold is 8 cm, so 9 cm is clear and 7 cm is heavy (also below 10 cm)."""
    shallow = [Round({"transparency": Decimal(9)}, Decimal(20))] * 3
    assert odorous_point(RULES, DAY, "p", shallow).grade == "非黑臭"
    assert odorous_point(RULES, DAY, "p", [Round({"transparency": Decimal(7)}, Decimal(20))] * 3).grade == "重度黑臭"
    assert odorous_point(RULES, DAY, "p", [Round({"transparency": Decimal(20)}, Decimal(60))] * 3).grade == "轻度黑臭"


@pytest.mark.parametrize(
    ("item", "text", "grade", "options", "limit", "verdict"),
    [  # E16
        ("NH3-N", "6", "1A", {"temperature": Decimal(13)}, "<= 5 mg/L", "exceeds"),
        ("NH3-N", "6", "1A", {"temperature": Decimal(12)}, "<= 8 mg/L", "meets"),
        ("TP", "0.8", "1A", {"built": date(2004, 1, 1)}, "<= 1 mg/L", "meets"),
        ("TP", "0.8", "1A", {"built": date(2007, 1, 1)}, "<= 0.5 mg/L", "exceeds"),
        ("COD", "60", "1B", {}, "<= 60 mg/L", "meets"),
        # 1 - 150/400 = 62.5 % removed, above 60 %: the limit 120 mg/L does not bind (influent above 350)
        ("COD", "150", "3", {"influent": Decimal(400)}, "> 60 %", "meets"),
        ("COD", "150", "3", {"influent": Decimal(300)}, "<= 120 mg/L", "exceeds"),
        ("pH", "9.1", "1A", {}, ">= 6 , <= 9", "exceeds"),
        ("总汞", "<0.0005", "1A", {}, "<= 0.001 mg/L", "meets"),
        ("烷基汞", "<0.00001", "1A", {}, "not_detected mg/L", "meets"),
        ("烷基汞", "0.00002", "1A", {}, "not_detected mg/L", "exceeds"),
    ],
)
def test_sewage_plant(item: str, text: str, grade: str, options: dict, limit: str, verdict: str) -> None:
    unit = "1" if item == "pH" else "mg/L"
    found = sewage_plant(PLAIN, "厂", date(2024, 1, 5), item, reading(text), unit, grade, **options)
    assert (found.limit, found.verdict) == (limit, verdict)


def test_a_sewage_limit_that_lacks_its_switch_cannot_be_judged() -> None:
    for item in ("NH3-N", "TP"):
        assert sewage_plant(PLAIN, "厂", DAY, item, reading("1"), "mg/L", "1A").verdict == "cannot_be_judged"
    assert sewage_plant(PLAIN, "厂", DAY, "TN", reading("1"), "mg/L", "3").verdict == "not_applicable"


def test_drinking_sources() -> None:
    given = {"pH": (reading("7.5"), "1"), "TP": (reading("0.03"), "mg/L"), "Mn": (reading("0.05"), "mg/L")}
    items = tuple(given)
    good = drinking_source(PLAIN, GRADER, "水源一", given, body="lake_reservoir", required=items)
    assert (good.verdict, good.n_valid, good.n_required) == ("meets", 3, 3)
    bad = drinking_source(
        PLAIN, GRADER, "水源二", given | {"Mn": (reading("0.12"), "mg/L")}, body="lake_reservoir", required=items
    )
    assert bad.verdict == "exceeds" and bad.item == "Mn"  # limit 0.1 mg/L
    gap = drinking_source(PLAIN, GRADER, "水源三", {"pH": given["pH"]}, body="lake_reservoir", required=items)
    assert gap.verdict == "insufficient_data"
    chosen = RuleSet(choices={"water.source_items": "湖南 2022，61 项"})
    number, volume = source_rates(chosen, [good, bad], {"水源一": Decimal(300), "水源二": Decimal(100)})
    assert (number.value, volume.value) == (50, 75)
    assert {r.verdict for r in source_rates(PLAIN, [good, bad], {})} == {"cannot_be_judged"}
    assert source_rates(chosen, [good, gap], {})[0].verdict == "insufficient_data"
    assert Fraction(number.value) == 50
