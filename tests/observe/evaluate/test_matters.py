"""Each matter from rows of text: worked examples E11, E12, E14-E17, E19, E23 of the specification, and hand arithmetic where it says so."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import pytest

from qingshan.core.errors import MissingParameter, OutOfBounds, UnitError, UnknownName
from qingshan.observe.evaluate.editions import RuleSet, named_rule_set
from qingshan.observe.evaluate.matters import MATTERS, Row, evaluate_rows
from qingshan.observe.evaluate.verdict import Result

LEAVE = RuleSet(allow_secondary=True)
RESTATED = named_rule_set("water.restated_rules")
"""Names the editions of tables whose start was not read."""


def table(text: str) -> list[Row]:
    head, *lines = [line.strip().split(",") for line in text.strip().splitlines()]
    return [Row(dict(zip(head, line, strict=True)), f"t.csv:{n}") for n, line in enumerate(lines, 2)]


def judged(matter: str, text: str, options: Mapping[str, str] | None = None, rules: RuleSet = LEAVE) -> list[Result]:
    return evaluate_rows(matter, table(text), rules, options or {})


def test_soil_e15() -> None:
    found = judged("soil", """site,date,land,ph,item,value,unit
        a,2024-06-01,paddy,6.0,Cd,0.45,mg/kg
        b,2024-06-01,paddy,5.5,Cd,0.3,mg/kg
        c,2024-06-01,paddy,8,As,101,mg/kg
        d,2024-06-01,paddy,,Cd,0.3,mg/kg""")  # fmt: skip
    assert [r.grade for r in found[:3]] == ["安全利用类", "优先保护类", "严格管控类"]
    assert found[3].verdict == "cannot_be_judged"
    assert (
        judged("construction-land", "site,date,land_class,item,value,unit\na,2024-06-01,class1,As,21,mg/kg")[0].grade
        == "超筛选值"
    )


def test_film_e17_its_recovery_and_its_sampling_design() -> None:
    rows = "site,date,mass_g\n" + "\n".join(f"a,2024-06-01,{m}" for m in (12.5, 8.0, 10.0, 9.5, 15.0))
    (found,) = judged("film", rows)
    assert (found.value, found.verdict) == (110, "exceeds")
    assert judged("film", rows, rules=RuleSet())[0].verdict == "cannot_be_judged"
    # 86/100, 40/50, in all 126/150 = 84 %
    rates = judged("film-recovery", "place,used_t,recovered_t\n甲,100,86\n乙,50,40", {"target": "80"})
    assert [r.value for r in rates] == [80, 86, 84] and rates[-1].verdict == "meets"
    fields = "".join(f"\n坝区,300,0.4,f{i:03d},,,," for i in range(60))
    text = f"stratum,area,variation,field,west,south,east,north{fields}\n山地,100,0.8,,0,0,1000,500"
    points = judged("film-design", text, {"total": "20", "seed": "7"})
    # weights 120 and 80 of 16 free sites: 9.6 and 6.4 -> 10 and 6, each plus 2
    assert [sum(p.item == s for p in points) for s in ("坝区", "山地")] == [12, 8]
    assert (
        points
        == judged("film-design", text, {"total": "20", "seed": "7"})
        != judged("film-design", text, {"total": "20", "seed": "8"})
    )


def test_sewage_e16() -> None:
    found = judged("sewage", """site,date,item,value,unit,grade,temperature,built
        a,2024-01-05,NH3-N,6,mg/L,1A,13,
        a,2024-01-05,NH3-N,6,mg/L,1A,12,
        a,2024-01-05,TP,0.8,mg/L,1A,,2004-05-01
        a,2024-01-05,TP,0.8,mg/L,1A,,2007-05-01""", rules=RuleSet())  # fmt: skip
    assert [r.verdict for r in found] == ["exceeds", "meets", "meets", "exceeds"]


def test_lake_e12_and_index_e11_and_wells_e23() -> None:
    items = (
        ("chla", "10", "mg/m3"),
        ("TP", "0.05", "mg/L"),
        ("TN", "1.2", "mg/L"),
        ("CODMn", "4", "mg/L"),
        ("SD", "1.5", "m"),
    )
    (lake,) = judged(
        "lake", "site,date,item,value,unit\n" + "\n".join(f"l,2021-07-01,{i},{v},{u}" for i, v, u in items)
    )
    assert lake.grade == "中营养" and abs(float(lake.value or 0) - 47.128) <= 0.001
    found = judged("standard-index", """site,date,item,value,unit,body,target,temperature
        s,2021-04-01,DO,7,mg/L,river,III,20
        s,2021-04-01,pH,8.2,1,river,III,""", rules=RESTATED)  # fmt: skip
    assert [round(float(r.value or 0), 4) for r in found] == [0.5086, 0.6]
    named = RuleSet(allow_secondary=True, editions={"groundwater_classes": "GB/T 14848-2017"})
    wells = judged(
        "groundwater", "site,date,item,value,unit\nw,2021-04-01,pH,7.2,1\nw,2021-04-01,总硬度,310,mg/L", rules=named
    )
    assert wells[0].grade == "Ⅲ"


def test_black_odorous_e14() -> None:
    """Ten rounds, oxygen below 0.2 mg/L in six: heavy; three such points of four: body heavy."""
    lines = [f"河,{p},2021-{m:02d}-01,DO,{0.1 if p != 'd' and m <= 6 else 1.0}," for p in "abcd" for m in range(1, 11)]
    found = judged("black-odorous", "body,point,date,item,value,depth_cm\n" + "\n".join(lines), rules=RESTATED)
    assert [r.grade for r in found] == ["重度黑臭"] * 3 + ["轻度黑臭", "重度黑臭"]


def test_rivers_e13_and_the_mean_of_few_sections() -> None:
    """15 of 20 sections I-III: 75 % is good. 14 of 20 and 4 inferior to V (20 %): moderately polluted. Three sections with TP 0.1, 0.1 and
    0.4 mg/L: the mean 0.2 is class III."""
    text = "river,site,date,class\n" + "\n".join(
        f"{river},s{n},2021-04-01,{word}"
        for river, words in (("甲", ["Ⅲ"] * 15 + ["劣Ⅴ"] * 2 + ["Ⅳ"] * 3), ("乙", ["Ⅱ"] * 14 + ["劣Ⅴ"] * 4 + ["Ⅴ"] * 2))
        for n, word in enumerate(words)
    )
    found = judged("river", text, rules=RESTATED)
    assert [(r.value, r.grade) for r in found] == [(75, "良好"), (70, "中度污染")]
    assert judged("river", text, rules=RuleSet())[0].verdict == "cannot_be_judged"  # the rules are restated
    few = "river,site,date,item,value,unit\n" + "\n".join(
        f"丙,s{n},2021-04-01,TP,{v},mg/L" for n, v in enumerate(("0.1", "0.1", "0.4"))
    )
    assert judged("river", few, rules=RESTATED)[0].grade == "Ⅲ"
    # five sections, one without oxygen: it has no single class, and the river no state
    lines = [
        f"丁,s{n},2021-04-01,{i},{v},mg/L"
        for n in range(6)
        for i, v in (("TP", "0.1"), ("DO", "8"))
        if (n, i) != (5, "DO")
    ]
    (state,) = judged("river", "river,site,date,item,value,unit\n" + "\n".join(lines), rules=RESTATED)
    assert (state.verdict, state.n_valid, state.n_required) == ("insufficient_data", 5, 6)


def test_the_mean_of_few_sections_is_in_one_unit() -> None:
    """COD 10 mg/L and 10,000 ug/L are the same: mean 10 mg/L, class I (at most 15 mg/L)."""
    head = "river,site,date,item,value,unit\n丙,a,2021-04-01,COD,10,mg/L\n"
    (mixed,) = judged("river", f"{head}丙,b,2021-04-01,COD,10000,ug/L", rules=RESTATED)
    assert mixed.grade == "Ⅰ" and [(p.value, p.unit) for p in mixed.parts] == [(10, "mg/L")]
    (none,) = judged("river", f"{head}丙,b,2021-04-01,COD,10,K", rules=RESTATED)
    assert none.verdict == "cannot_be_judged" and not none.grades and "b COD: 'K' cannot become" in none.notes[0].en


def test_ecological_index_e22() -> None:
    text = """place,year,bio,veg,water,stress,pollution
        南通,2017,30.59,76.93,93.94,6.08,1.48
        甲,2017,30.59,76.93,93.94,6.08,
        乙,2017,,,,,"""
    made, partial, raw = judged("ei", text)
    assert abs(float(made.value or 0) - 67.97) <= 0.005 and made.grade == "良" and made.n_valid == 5
    assert (partial.verdict, partial.n_valid, partial.n_required) == ("insufficient_data", 4, 5)
    assert raw.verdict == "cannot_be_judged" and raw.notes  # the way from raw inputs is open
    assert judged("ei", text, rules=RuleSet())[0].verdict == "cannot_be_judged"
    for bad in ("101,76,93,6,1", "30,76,93,-0.5,1"):
        with pytest.raises(OutOfBounds, match=r"南通 2017: .* from 0 to 100"):
            judged("ei", f"place,year,bio,veg,water,stress,pollution\n南通,2017,{bad}")
    judged("ei", "place,year,bio,veg,water,stress,pollution\n南通,2017,0,100,0,100,0")


def test_one_substance_in_two_media_and_too_few_analyses() -> None:
    """Each medium keeps its own frequency: 2 of 2 in soil ranks before 1 of 2 in water where the quotients are equal."""
    found = judged("pollutants", """substance,medium,date,value,unit,pnec
        PFOA,water,2024-06-01,0.4,ug/L,0.2
        PFOA,water,2024-07-01,<0.01,ug/L,
        PFOA,soil,2024-06-01,4,ug/kg,2
        PFOA,soil,2024-07-01,3,ug/kg,""", rules=RuleSet())  # fmt: skip
    assert [(r.site, r.value) for r in found] == [("soil", 2), ("water", 2)]
    few = judged(
        "pollutants", "substance,medium,date,value,unit,pnec\nPFOA,water,2024-06-01,0.4,ug/L,0.2", {"least": "4"}
    )
    assert (few[0].verdict, few[0].n_valid, few[0].n_required) == ("insufficient_data", 1, 4)


def test_every_verdict_carries_its_counts() -> None:
    found = judged("sewage", """site,date,item,value,unit,grade,temperature,built
        a,2024-01-05,COD,40,mg/L,1A,,
        a,2024-01-05,BOD5,,mg/L,1A,,""", rules=RuleSet())  # fmt: skip
    assert [(r.verdict, r.n_valid, r.n_required) for r in found] == [("meets", 1, 1), ("insufficient_data", 0, 1)]
    # no verdict, yet the readings are there: soil without pH, two items of which one has a value; lake and pH without a load
    (soil,) = judged(
        "soil", "site,date,land,ph,item,value,unit\nd,2024-06-01,paddy,,Cd,0.3,mg/kg\nd,2024-06-01,paddy,,As,,mg/kg"
    )
    assert (soil.verdict, soil.n_valid, soil.n_required) == ("cannot_be_judged", 1, 2)
    (lake,) = judged(
        "lake", "site,date,item,value,unit\na,2021-07-01,TP,0.05,mg/L\na,2021-07-02,TP,,mg/L", rules=RuleSet()
    )[:1]
    assert (lake.verdict, lake.n_valid, lake.n_required) == ("cannot_be_judged", 1, 1)
    (load,) = judged("load", "site,date,item,value,unit\ns,2021-01-05,pH,7,1")
    assert (load.verdict, load.n_valid, load.n_required) == ("not_applicable", 1, 1)


def test_drinking_sources() -> None:
    """300 of 400 t of intake comply: 50 % of sources, 75 % of water."""
    text = "site,date,item,value,unit,body,intake\n" + "\n".join(
        f"{s},2021-04-01,{i},{v},{u},lake_reservoir,{q}"
        for s, q, mn in (("一", 300, "0.05"), ("二", 100, "0.12"))
        for i, v, u in (("pH", "7.5", "1"), ("TP", "0.03", "mg/L"), ("Mn", mn, "mg/L"))
    )
    found = judged("drinking-source", text, {"items": "pH;TP;Mn"})
    assert [r.verdict for r in found[:2]] == ["meets", "exceeds"]
    assert [r.value for r in found[2:]] == [50, 75]


def test_pests_pollutants_and_trend() -> None:
    """a 100 hm2 infected, b 50 hm2 defoliated by 25 %: 150 of 200,000 hm2 = 0.75 permille."""
    text = """plot,object,group,criterion,value,area_hm2
        a,松材线虫病,,infected trees,1,100
        b,美国白蛾,,defoliation,25,50
        b,美国白蛾,,affected stems,0,50"""
    (rate,) = judged("pests", text, {"year": "2025", "forest": "190000", "young": "10000"})
    assert rate.value == Fraction("0.75") and rate.verdict == "meets"
    found = judged("pollutants", """substance,medium,date,value,unit,pnec,pnec_source
        PFOA,water,2024-06-01,0.5,ug/L,0.2,file
        PFOA,water,2024-07-01,<0.01,ug/L,,
        BPA,water,2024-07-01,0.3,ug/L,,""", rules=RuleSet())  # fmt: skip
    assert found[0].item == "PFOA" and found[0].value == Fraction("2.5") and found[0].verdict == "exceeds"
    assert "found in 1 of 2 (50.0 %)" in found[0].notes[0].en
    assert found[1].verdict == "cannot_be_judged"  # nobody gave a PNEC of BPA
    months = "\n".join(
        f"s,{y}-{m:02d}-15,TP,{0.05 + 0.01 * (y - 2010)},mg/L" for y in range(2010, 2020) for m in range(1, 13)
    )
    (risen,) = judged("trend", f"site,date,item,value,unit\n{months}", {"years": "10"})
    assert risen.grade and abs(float(risen.value or 0) - 0.01) < 1e-9
    # below the detection limit in the first year: half of 0.04, below all that follows, so the ranks and the verdict stay
    below = months.replace("s,2010-01-15,TP,0.05,", "s,2010-01-15,TP,<0.04,")
    (censored,) = judged("trend", f"site,date,item,value,unit\n{below}", {"years": "10"})
    assert censored.grade == risen.grade and "1 of 120" in censored.notes[-1].en


def eight_years(early: Mapping[int, str], late: Mapping[int, str]) -> str:
    """Monthly TP of 2014 to 2021: value and unit by the month's remainder by 2, other ones from 2018 on."""
    return "site,date,item,value,unit\n" + "\n".join(
        f"s,{y}-{m:02d}-15,TP,{(early if y < 2018 else late)[m % 2]}" for y in range(2014, 2022) for m in range(1, 13)
    )


def test_a_better_detection_limit_or_another_unit_is_no_trend() -> None:
    """Never found, below 0.05 and from 2018 below 0.002: nothing can be told. Found at 0.06 in odd months, else below 0.05 and later 0.01: all
    48 of the even months lie below 0.05, so nothing changed. 50 ug/L is 0.05 mg/L."""
    never = eight_years(dict.fromkeys((0, 1), "0.05L,mg/L"), dict.fromkeys((0, 1), "0.002L,mg/L"))
    (never_found,) = judged("trend", never, {"years": "5"})
    assert (never_found.verdict, never_found.grades, never_found.value) == ("cannot_be_judged", (), None)
    assert [n.code for n in never_found.notes] == ["all_censored", "not_detected"]
    assert "96 of 96" in never_found.notes[1].en and never_found.n_valid == 8
    (half,) = judged(
        "trend", eight_years({0: "0.05L,mg/L", 1: "0.06,mg/L"}, {0: "0.01,mg/L", 1: "60,ug/L"}), {"years": "5"}
    )
    assert (half.grade, half.value) == ("none", 0) and "24 of 96" in half.notes[-1].en
    assert "0.05 mg/L, and tied at half of it: 48." in half.notes[-1].en
    (unknown,) = judged("trend", eight_years(*[dict.fromkeys((0, 1), "ND,mg/L")] * 2), {"years": "5"})
    assert unknown.verdict == "cannot_be_judged" and "left out: 96" in unknown.notes[1].en
    (same,) = judged(
        "trend", eight_years(dict.fromkeys((0, 1), "50,ug/L"), dict.fromkeys((0, 1), "0.05,mg/L")), {"years": "5"}
    )
    assert (same.grade, same.unit, same.value) == ("none", "ug/L/a", 0)
    with pytest.raises(UnitError, match=r"t.csv:50 \[unit\]: 'K' cannot become 'mg/L'"):
        judged("trend", eight_years(dict.fromkeys((0, 1), "5,mg/L"), dict.fromkeys((0, 1), "5,K")), {"years": "5"})


def test_wastes_e19_rounds_and_stack() -> None:
    head = "facility,material,period,kind,tonnes,method,uncertainty,document,manifest\n"
    text = head + "\n".join(
        f"厂,磷石膏,2024,{k},{t},{m},{u},d,{x}"
        for k, t, m, u, x in (
            ("opening", 120000, "survey", 0, ""), ("produced", 50000, "weighbridge", 0, ""), ("used", 30000, "weighbridge", 0, ""),
            ("shipped", 5000, "weighbridge", 0, "M1"), ("closing", 134200, "survey", 2013, ""),
        )
    )  # fmt: skip
    account, orphan = judged("waste-account", text, {"k": "2"})
    assert account.verdict == "meets" and {p.item: p.value_text for p in account.parts}["z"] == "0.397"
    assert orphan.site == "M1" and orphan.verdict == "insufficient_data"
    rounds = "site,rule,date\n" + "\n".join(f"场,leachate_freq,2024-{m:02d}-10" for m in range(1, 12))
    (covered,) = judged("waste-rounds", rounds, {"first": "2024-01-01", "last": "2024-12-31"})
    assert (covered.n_valid, covered.n_required) == (11, 12) and covered.verdict != "meets"
    with pytest.raises(UnknownName, match="no rule of rounds 'weekly'; there are: leachate_freq"):
        judged("waste-rounds", "site,rule,date\n场,weekly,2024-01-10", {"first": "2024-01-01", "last": "2024-12-31"})
    stacks = judged("incinerator", """site,date,item,value,unit,averaging,at_reference_oxygen
        炉,2024-01-05,SO2,50,mg/m3,1h,yes
        炉,2024-01-05,SO2,50,mg/m3,1h,no""")  # fmt: skip
    assert [r.verdict for r in stacks] == ["meets", "cannot_be_judged"]


def test_loads_and_co_control() -> None:
    """0.1 mg/L at 10 m3/s over the 31 days of January: 0.1 x 10 x 86400 x 31 / 10^6 = 2.6784 t."""
    found = judged("load", "site,date,item,value,unit,flow,flow_method\ns,2021-01-05,TP,0.1,mg/L,10,measured", {})
    month, year = found
    assert month.value == Fraction("2.6784") and year.verdict == "insufficient_data"
    days = "\n".join(f"s,2021-07-{d:02d},{d},{2 * d}" for d in range(1, 32))
    told = {(r.quantity, r.item): r for r in judged("co-control", f"site,date,pm25,o3_mda8\n{days}")}
    assert told["air.pm25_o3_correlation", "summer"].value_text == "r 1.000, rho 1.000"
    assert told["air.pm25_o3_regime", "both_below"].value_text == "31"


@pytest.mark.parametrize(
    ("matter", "text", "options", "error", "says"),
    [
        ("none", "a\n1", {}, UnknownName, "there are: soil"),
        ("soil", "site,date\na,2024-01-01", {}, OutOfBounds, "land, item, value, unit"),
        ("soil", "site,date,land,ph,item,value,unit\na,yesterday,paddy,6,Cd,1,mg/kg", {}, OutOfBounds, "t.csv:2|date is"),
        ("soil", "site,date,land,ph,item,value,unit\na,2024-01-01,paddy,acid,Cd,1,mg/kg", {}, OutOfBounds, "ph is 'acid'"),
        ("soil", "site,date,land,ph,item,value,unit\na,2024-01-01,paddy,6,Cd,1,mg/kg\na,2024-01-01,paddy,6,Cd,2,mg/kg", {}, OutOfBounds, "twice"),
        ("soil", "site,date,land,ph,item,value,unit\na,2024-01-01,paddy,6,Cd,1,mg/kg\na,2024-01-01,paddy,7,As,2,mg/kg", {}, OutOfBounds, "more than one pH"),
        ("film", "site,date,mass_g\na,2024-01-01,heavy", {}, OutOfBounds, "mass_g is 'heavy'"),
        ("pests", "plot,object,group,criterion,value,area_hm2\na,x,,y,1,1", {}, MissingParameter, "year"),
        ("trend", "site,date,item,value,unit\na,2024-01-01,TP,1,mg/L", {"years": "ten"}, OutOfBounds, "years"),
        ("soil", "site,date,land,ph,item,value,unit\na,2024-01-01,paddy,6,Cd,1,mg/kg", {"k": "2"}, UnknownName, "no option 'k'"),
        ("waste-account", "facility,material,period,kind,tonnes,method\na,b,2024,gift,1,survey", {"k": "2"}, OutOfBounds, "gift|kind"),
    ],
)  # fmt: skip
def test_bad_rows_name_themselves(
    matter: str, text: str, options: Mapping[str, str], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        judged(matter, text, options)


def test_no_rows_are_an_error() -> None:
    for matter in MATTERS.values():
        options = {o.rstrip("!"): "1" for o in matter.options if o.endswith("!")}
        with pytest.raises(OutOfBounds, match="no rows"):
            evaluate_rows(matter.id, [], LEAVE, options)
