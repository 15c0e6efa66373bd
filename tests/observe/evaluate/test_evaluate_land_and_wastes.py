"""Soil, film, pests, new pollutants, EI, accounts: E15, E17-E19 and E22 of the monitoring specification."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingshan.core.domain import load_domains
from qingshan.core.errors import MissingParameter, OutOfBounds, UnknownName
from qingshan.core.limit import LimitRow
from qingshan.core.reading import reading
from qingshan.observe.evaluate.ecology import SUB_INDICES, ecological_index, from_raw, habitat
from qingshan.observe.evaluate.editions import RuleSet
from qingshan.observe.evaluate.film import Stratum, allocate, draw, recovery_rate, residue, sites_needed, survey_rules
from qingshan.observe.evaluate.pests import Plot, disaster_rate, published_rate
from qingshan.observe.evaluate.pollutants import occurrence, ranking, risk
from qingshan.observe.evaluate.soil import agricultural_soil, construction_land
from qingshan.observe.evaluate.wastes import Mass, material_account, orphans, rounds_covered, stack

PLAIN, LEAVE = RuleSet(), RuleSet(allow_secondary=True)
DAY = date(2024, 6, 1)


def soil(land: str, ph: str, item: str, text: str):
    return agricultural_soil(LEAVE, "plot", DAY, land, Decimal(ph), {item: (reading(text), "mg/kg")})


@pytest.mark.parametrize(
    ("land", "ph", "item", "text", "grade"),
    [  # E15
        ("paddy", "6.0", "Cd", "0.45", "安全利用类"),
        ("paddy", "5.5", "Cd", "0.3", "优先保护类"),
        ("paddy", "8", "As", "101", "严格管控类"),
        ("orchard", "7", "Cu", "150", "优先保护类"),
        ("paddy", "7", "Cu", "150", "安全利用类"),
    ],
)
def test_agricultural_soil(land: str, ph: str, item: str, text: str, grade: str) -> None:
    found = soil(land, ph, item, text)
    assert found.grade == grade and found.status == "secondary" and found.edition == "GB 15618-2018"


def test_agricultural_soil_that_cannot_be_judged() -> None:
    without = agricultural_soil(LEAVE, "plot", DAY, "paddy", None, {"Cd": (reading("0.1"), "mg/kg")})
    assert without.verdict == "cannot_be_judged" and without.notes[0].code == "missing_ph"
    assert soil("paddy", "6", "六六六总量", "0.1").verdict == "cannot_be_judged"
    restated = agricultural_soil(PLAIN, "plot", DAY, "paddy", Decimal(6), {"Cd": (reading("0.1"), "mg/kg")})
    assert restated.verdict == "cannot_be_judged"
    censored = soil("paddy", "6", "Cd", "<0.5")  # screening 0.4, intervention 2
    assert censored.verdict == "cannot_be_judged" and censored.grades == ("优先保护类", "安全利用类")
    assert soil("paddy", "6", "Cd", "<0.4").verdict == "meets"
    with pytest.raises(UnknownName):
        soil("garden", "6", "Cd", "0.1")


def test_the_worst_item_decides_and_the_unit_is_converted() -> None:
    given = {"Cd": (reading("0.1"), "mg/kg"), "As": (reading("0.101"), "g/kg")}
    found = agricultural_soil(LEAVE, "plot", DAY, "paddy", Decimal(8), given)
    assert found.grade == "严格管控类" and found.item == "As" and (found.n_valid, found.n_required) == (2, 2)


@settings(max_examples=50)
@given(
    st.sampled_from(["Cd", "Hg", "As", "Pb", "Cr", "Cu", "Ni", "Zn"]),
    st.decimals(0, 1500, places=2),
    st.decimals(0, 1500, places=2),
    st.decimals(4, 9, places=1),
)
def test_soil_class_is_monotone_in_the_content(item: str, a: Decimal, b: Decimal, ph: Decimal) -> None:
    order = ["优先保护类", "安全利用类", "严格管控类"]
    low, high = (soil("paddy", str(ph), item, f"{v:f}").grade for v in sorted((a, b)))
    assert order.index(low) <= order.index(high)


def test_construction_land() -> None:
    for text, grade in (("20", "未超筛选值"), ("21", "超筛选值"), ("121", "超管制值")):  # As, class 1: 20 and 120 mg/kg
        found = construction_land(LEAVE, "地块", DAY, "class1", {"As": (reading(text), "mg/kg")})
        assert found.grade == grade
    assert construction_land(LEAVE, "地块", DAY, "class1", {"苯": (reading("1"), "mg/kg")}).verdict == "not_applicable"


MASSES = [reading(t) for t in ("12.5", "8.0", "10.0", "9.5", "15.0")]


def test_film_residue() -> None:
    """E17: 55 g over five 1 m2 plots = 110 kg/hm2."""
    found = residue(LEAVE, "田", DAY, MASSES)
    assert (found.value, found.verdict, found.limit) == (110, "exceeds", "<= 75.0 kg/hm2")
    assert residue(PLAIN, "田", DAY, MASSES).verdict == "cannot_be_judged"
    for total, verdict in (("37.5", "meets"), ("37.55", "exceeds")):  # 75.0 and 75.1 kg/hm2
        plots = [reading(total), *[reading("0")] * 4]
        assert residue(LEAVE, "田", DAY, plots).verdict == verdict
    assert residue(LEAVE, "田", DAY, MASSES[:4]).verdict == "insufficient_data"
    unsure = residue(LEAVE, "田", DAY, [*[reading("9.3")] * 4, reading("<0.5")])  # 74.4 to 75.4
    assert unsure.verdict == "cannot_be_judged"


def test_film_recovery_rate() -> None:
    rates = recovery_rate({"甲": Decimal(100), "乙": Decimal(50)}, {"甲": Decimal(86), "乙": Decimal(40)}, Decimal(80))
    assert [r.value for r in rates] == [80, 86, 84] and rates[-1].verdict == "meets"
    gap = recovery_rate({"甲": Decimal(100)}, {"甲": Decimal(86), "乙": Decimal(40)})
    assert {r.site: r.verdict for r in gap}["乙"] == gap[-1].verdict == "insufficient_data"
    assert recovery_rate({"甲": Decimal(1)}, {"甲": Decimal(2)})[0].notes[0].code == "above_whole"


def test_survey_design() -> None:
    """n0 = (1.95996 x 0.5 / 0.1)^2 = 96.04; of 500 fields n = 96.04 / (1 + 96.04/500) = 80.57 -> 81."""
    assert sites_needed(0.5, 0.1, 0.95, 500) == 81
    assert sites_needed(0.5, 0.1, 0.95, 10) == 10
    with pytest.raises(OutOfBounds):
        sites_needed(0.5, 1.5, 0.95, 10)
    fields = tuple((f"f{i:03d}", 1.0) for i in range(60))
    strata = [Stratum("坝区", 300, 0.4, fields), Stratum("山地", 100, 0.8, box=(0, 0, 1000, 500))]
    # weights 120 and 80: of 16 free sites 9.6 and 6.4, largest remainder first -> 10 and 6, each plus 2
    assert allocate(strata, 20) == {"坝区": 12, "山地": 8}
    points = draw(strata, allocate(strata, 20), seed=7)
    assert points == draw(strata[::-1], allocate(strata, 20), seed=7) != draw(strata, allocate(strata, 20), seed=8)
    assert len({p.field for p in points if p.stratum == "坝区"}) == 12
    assert all(0 <= p.x <= 1000 and 0 <= p.y <= 500 for p in points if p.stratum == "山地")
    with pytest.raises(OutOfBounds):
        draw([Stratum("小", 1, 1, fields[:3])], {"小": 4}, seed=1)
    assert {n.code for n in survey_rules(PLAIN, DAY)} <= {
        "no_row_in_force",
        "refused_row",
        "plots",
        "pickup",
        "site_criterion",
    }


def test_pest_disaster_rate() -> None:
    """E18: 1.8 kha of 900 + 100 kha -> 1.8 permille."""
    found = published_rate(PLAIN, "贵州", 2025, Decimal("1.8"), Decimal(900), Decimal(100))
    assert found.value == Fraction("1.8") and found.verdict == "meets" and found.limit == "<= 2 ‰"
    assert published_rate(PLAIN, "贵州", 2025, Decimal("2.1"), Decimal(900), Decimal(100)).verdict == "exceeds"


def plot(id: str, object: str, group: str, area: str, **measured: str) -> Plot:
    words = {
        "affected": "affected stems",
        "shoots": "affected stems/shoots",
        "defoliation": "defoliation",
        "death": "death",
        "trees": "infected trees",
    }
    return Plot(id, object, group, {words[k]: Decimal(v) for k, v in measured.items()}, Decimal(area))


def test_pest_plots_with_an_open_connective_give_an_interval() -> None:
    day = RuleSet(allow_secondary=True)
    plots = [
        plot("a", "松材线虫病", "", "100", trees="1"),
        plot("b", "美国白蛾", "", "50", defoliation="25", affected="0"),  # OR is printed
        plot("c", "叶部害虫", "non_quarantine", "300", defoliation="65", death="2"),  # and/or open
        plot("d", "叶部害虫", "non_quarantine", "500", defoliation="10", death="1"),
    ]
    found = disaster_rate(day, "县", 2025, plots, Decimal(190_000), Decimal(10_000))
    # 150 hm2 for certain, 450 under "or": 0.75 to 2.25 permille, the target 2 lies between
    assert found.value_text == "0.75–2.25" and found.verdict == "cannot_be_judged" and found.value is None
    certain = disaster_rate(day, "县", 2025, plots[:2], Decimal(190_000), Decimal(10_000))
    assert certain.value == Fraction("0.75") and certain.verdict == "meets"
    lacking = disaster_rate(
        day, "县", 2025, [plot("e", "叶部害虫", "quarantine", "1", defoliation="50")], Decimal(1), Decimal(1)
    )
    assert lacking.verdict == "insufficient_data"
    assert disaster_rate(PLAIN, "县", 2025, plots, Decimal(1), Decimal(1)).verdict == "cannot_be_judged"


def pnec(substance: str, value: str, unit: str = "ug/L") -> LimitRow:
    return LimitRow(
        "new_pollutant_pnec",
        substance,
        {"medium": "water"},
        "<=",
        Decimal(value),
        value,
        unit,
        "用户 2026",
        "2020-01-01",
        "",
        "",
        "user's document",
        "project",
        "",
        "user.csv",
        2,
    )


def test_new_pollutants() -> None:
    """MEC 0.5 ug/L over PNEC 0.2 = 2.5; 2 of 4 analyses found it: 50 %."""
    rules = RuleSet(rows={"new_pollutant_pnec": (pnec("PFOA", "0.2"), pnec("BPA", "1.5"))})
    given = [
        (reading("0.5"), "ug/L"),
        (reading("<0.01"), "ug/L"),
        (reading("100"), "ng/L"),
        (reading("ND(0.01)"), "ug/L"),
        (reading(""), "ug/L"),
    ]
    seen = occurrence("PFOA", "water", "ug/L", given)
    assert (seen.analyses, seen.detects, seen.frequency, seen.highest, seen.lowest) == (
        4,
        2,
        50,
        Decimal("0.5"),
        Fraction("0.1"),
    )
    assert seen.median is None  # falls between a non-detect and 0.1
    found = risk(rules, DAY, seen)
    assert found.value == Fraction("2.5") and found.verdict == "exceeds" and found.status == "project"
    none = risk(PLAIN, DAY, seen)
    assert none.verdict == "cannot_be_judged" and none.notes[0].code == "missing_parameter"
    absent = occurrence("BPA", "water", "ug/L", [(reading("<0.3"), "ug/L")] * 3)
    bounded = risk(rules, DAY, absent)
    assert bounded.value_text == "<0.2" and bounded.verdict == "meets"
    assert risk(rules, DAY, absent, required=5).verdict == "insufficient_data"
    table = {"PFOA": seen, "BPA": absent}
    assert [r.item for r in ranking([bounded, found], table)] == ["PFOA", "BPA"]


def subs(*texts: str) -> dict[str, Decimal]:
    return {i: Decimal(t) for i, t in zip(SUB_INDICES, texts, strict=True)}


NANTONG = subs("30.59", "76.93", "93.94", "6.08", "1.48")


def test_ecological_index() -> None:
    """E22: 南通 2017."""
    found = ecological_index(LEAVE, "南通", 2017, NANTONG)
    assert abs(Decimal(found.value) - Decimal("67.97")) <= Decimal("0.005") and found.grade == "良"
    rounded = ecological_index(LEAVE, "南通", 2017, NANTONG, ei_round="0.1")
    assert rounded.value == Decimal("67.955") and rounded.notes[0].en == "sub-indices rounded to 0.1."
    assert ecological_index(PLAIN, "南通", 2017, NANTONG).verdict == "cannot_be_judged"


@pytest.mark.parametrize(
    ("index", "code", "capped"), [("76.0", 2, "74.9"), ("60.0", 3, "54.9"), ("60.0", 2, "54.9"), ("15", 3, "15")]
)
def test_ecological_index_is_capped(index: str, code: int, capped: str) -> None:
    """E22; all five parts equal x give EI = 0.75 x + 0.25 (100 - y)."""
    y = 100 - Decimal(index)
    given = subs(index, index, index, str(y), str(y))
    found = ecological_index(LEAVE, "县", 2017, given, code=code, evidence="通报")
    assert found.value == Decimal(capped)
    with pytest.raises(OutOfBounds):
        ecological_index(LEAVE, "县", 2017, given, code=code)


def test_ecological_index_from_raw_inputs_refuses_and_its_parts_are_as_printed() -> None:
    """E22."""
    with pytest.raises(MissingParameter, match="A_veg"):
        from_raw(LEAVE, "县", 2017)
    areas = {
        ("林地", "有林地"): Decimal(60),
        ("林地", "灌木林地"): Decimal(10),
        ("耕地", "旱地"): Decimal(20),
        ("建设用地", "农村居民点"): Decimal(10),
    }
    assert habitat(LEAVE, areas, Decimal(100)) == pytest.approx(74.2100, abs=1e-4)
    amount = load_domains().registry["nature.ei_water_amount@hj192-2015"]
    assert [float(amount(v, 100)) for v in (130.0, 180.0, 250.0)] == pytest.approx([130, 60, 0])


def lines(survey: str = "134200", u: str = "2013") -> list[Mass]:
    def line(kind: str, tonnes: str, uncertainty: str = "0", manifest: str = "") -> Mass:
        return Mass(
            "渣场", "磷石膏", "2024", kind, Decimal(tonnes), "weighbridge", Decimal(uncertainty), "doc", manifest
        )

    return [
        line("opening", "120000"),
        line("produced", "50000"),
        line("used", "30000"),
        line("shipped", "5000", "0", "m1"),
        line("closing", survey, u),
    ]


def test_material_account() -> None:
    """E19."""
    found = material_account(lines(), Decimal(2))
    parts = {p.item: p.value_text for p in found.parts}
    assert parts["book"] == "135000" and found.value == 800 and parts["z"] == "0.397" and found.verdict == "meets"
    assert material_account(lines("130000"), Decimal(2)).verdict == "exceeds"  # 5000/2013 = 2.48
    assert material_account(lines()[:-1], Decimal(2)).verdict == "insufficient_data"
    assert material_account(lines(u="0"), Decimal(2)).verdict == "cannot_be_judged"
    with pytest.raises(OutOfBounds):
        material_account([*lines(), lines()[0]], Decimal(2))


def test_masses_that_were_estimated_are_named_in_both_languages() -> None:
    """E19 with every mass estimated: 135,000 t in the book against 134,200 t all the same."""
    found = material_account([replace(m, method="estimate") for m in lines()], Decimal(2))
    (why,) = [n for n in found.notes if n.code == "estimated"]
    assert why.zh == "为估算：期初库存、产生、利用、转出、期末库存。"
    assert why.en == "an estimate: opening, produced, used, shipped, closing." and found.value == 800


def test_a_manifest_with_one_side_is_listed() -> None:
    received = Mass("砖厂", "磷石膏", "2024", "received", Decimal(5000), "weighbridge", manifest="m1")
    assert orphans([*lines(), received]) == []
    (alone,) = orphans(lines())
    assert (alone.manifest, alone.shipped, alone.received) == ("m1", 5000, None)


def test_hazardous_waste_stack() -> None:
    day = date(2023, 3, 1)
    given = (PLAIN, "炉", day, "颗粒物")
    assert stack(*given, "24h", reading("20"), "mg/m3", at_reference_oxygen=True).verdict == "meets"
    assert stack(*given, "1h", reading("30.1"), "mg/m3", at_reference_oxygen=True).verdict == "exceeds"
    assert stack(*given, "1h", reading("1"), "mg/m3", at_reference_oxygen=False).verdict == "cannot_be_judged"
    assert (
        stack(
            PLAIN,
            "炉",
            date(2021, 8, 1),
            "颗粒物",
            "1h",
            reading("1"),
            "mg/m3",
            at_reference_oxygen=True,
            existing=True,
        ).verdict
        == "not_applicable"
    )


def test_rounds_of_a_waste_site() -> None:
    """GB 18599-2020 10.3.3 a: every quarter, at least one month apart."""
    year = (date(2024, 1, 1), date(2024, 12, 31))
    good = [date(2024, 2, 1), date(2024, 5, 1), date(2024, 8, 1), date(2024, 11, 1)]
    assert rounds_covered(PLAIN, "场", "gw_freq_operation", *year, good).verdict == "meets"
    gap = rounds_covered(PLAIN, "场", "gw_freq_operation", *year, good[:3])
    assert (
        gap.verdict == "exceeds"
        and (gap.n_valid, gap.n_required) == (3, 4)
        and "2024-10-01..2024-12-31" in gap.notes[0].en
    )
    close = rounds_covered(PLAIN, "场", "gw_freq_operation", *year, [date(2024, 3, 20), date(2024, 4, 10), *good[2:]])
    assert [n.code for n in close.notes] == ["too_close"]
    assert rounds_covered(PLAIN, "场", "leachate_freq", *year, good).n_required == 12
