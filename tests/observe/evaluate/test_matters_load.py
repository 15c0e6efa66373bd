"""Loads, source shares, ozone formation and unknown items from rows of text."""

from __future__ import annotations

import csv
import json
from fractions import Fraction
from pathlib import Path

import pytest
from test_matters import judged

from qingshan.core.errors import MissingParameter, OutOfBounds, UnitError
from qingshan.faces.cli import main
from qingshan.observe.evaluate.editions import RuleSet
from qingshan.observe.evaluate.verdict import marks

SHARES = """section,downstream,source,kind,tonnes,method,status
    上,下,,measured,40,C x Q,
    下,,,measured,100,C x Q,
    下,,污水厂,facility,25,discharge record,
    下,,农田,non_point,15,export coefficient,secondary"""


def test_source_shares_of_a_section_with_their_residual() -> None:
    """100 t measured: 40 from upstream, 25 and 15 of its own; 20 t, 20 %, are explained by nothing."""
    found = judged("source-share", SHARES)
    assert [(r.quantity, r.site, r.item, r.value, r.status) for r in found] == [
        ("water.source_share", "下", "上", 40, "project"), ("water.source_share", "下", "污水厂", 25, "project"),
        ("water.source_share", "下", "农田", 15, "secondary"), ("water.source_residual", "下", "residual", 20, "secondary"),
    ]  # fmt: skip
    assert "20 t of 100 t measured (C x Q)" in found[-1].notes[0].en


def test_a_non_point_source_by_an_export_coefficient() -> None:
    """18.33 kg/(hm2 a) x 1,000 hm2 x 0.447 = 8.19351 t, of 10 t."""
    rows = """section,source,kind,tonnes,method,item,area_hm2,source_type,delivery
        s,,measured,10,C x Q,TN,,,
        s,农田,non_point,,export coefficient,TN,1000,cropland export,delivery ratio"""
    share, residual = judged("source-share", rows)
    assert (share.value, share.status) == (Fraction("81.9351"), "secondary")
    assert residual.value == 100 - Fraction("81.9351")
    with pytest.raises(Exception, match="secondary"):  # restated: only with leave
        judged("source-share", rows, rules=RuleSet())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("section,source,kind,tonnes,method\ns,a,facility,1,x", "no load of s"),
        ("section,source,kind,tonnes,method\ns,,measured,1,x\ns,,measured,2,x", "two measured"),
        ("section,source,kind,tonnes,method\ns,,measured,5,x\ns,a,rumour,1,x", "kind or mass"),
        ("section,downstream,source,kind,tonnes,method\ns,t,,measured,5,x\ns,,a,facility,1,x", "no section"),
        ("section,source,kind,tonnes,method,item,area_hm2,source_type\ns,,measured,5,x,TN,,\ns,a,non_point,,x,TN,10,moor", "no single export coefficient"),
        ("section,source,kind,tonnes,method,item\ns,,measured,10,x,TN\ns,厂,facility,5,x,COD", r"t.csv:3: no load of s COD.*measured there: TN"),
        ("section,source,kind,tonnes,method,item\ns,,measured,10,x,TN\ns,厂,facility,5,x,", "t.csv:3: no load of s: .*measured there: TN"),
        ("section,downstream,source,kind,tonnes,method,item\na,b,,measured,1,x,COD\nb,,,measured,10,x,COD\nb,,,measured,10,x,TN", "no load of .'a'. upstream"),
        ("section,source,kind,tonnes,method,status\ns,,measured,5,x,\ns,a,facility,1,x,rumour", "status is 'rumour'"),
    ],
)  # fmt: skip
def test_shares_that_cannot_be(text: str, says: str) -> None:
    with pytest.raises(OutOfBounds, match=says):
        judged("source-share", text)


def test_each_item_has_its_own_sources_and_shares() -> None:
    """TN 10 t with 5 t of a plant, COD 40 t with 10 t: 50 % and 25 %, never 5 t of 40 t."""
    found = judged("source-share", """section,source,kind,tonnes,method,item
        s,,measured,10,C x Q,TN
        s,厂,facility,5,discharge record,TN
        s,,measured,40,C x Q,COD
        s,厂,facility,10,discharge record,COD""")  # fmt: skip
    assert [(r.item, r.value) for r in found] == [
        ("TN: 厂", 50),
        ("TN: residual", 50),
        ("COD: 厂", 25),
        ("COD: residual", 75),
    ]


def test_a_source_keeps_the_worst_status_it_stands_on() -> None:
    rows = """section,source,kind,tonnes,method,item,area_hm2,source_type,delivery,status
        s,,measured,10,C x Q,TN,,,,
        s,农田,non_point,,export coefficient,TN,1000,cropland export,delivery ratio,news"""
    assert [r.status for r in judged("source-share", rows)] == ["news", "news"]  # the coefficients are secondary


def test_the_status_of_a_measured_load_is_carried_into_all_that_is_a_share_of_it() -> None:
    """The load of 上 is restated, that of 下 the project's: only what stands on 上 is restated. Then 下 is reported by the press: all of it is."""
    text = """section,downstream,source,kind,tonnes,method,status
        上,下,,measured,40,annual report,secondary
        上,,厂甲,facility,10,discharge record,primary
        下,,,measured,100,C x Q,{}
        下,,厂乙,facility,25,discharge record,primary"""
    said = {(r.site, r.item): (r.status, r.notes[0].en) for r in judged("source-share", text.format(""))}
    assert {k: s for k, (s, _) in said.items()} == {
        ("上", "厂甲"): "secondary", ("上", "residual"): "secondary", ("下", "上"): "secondary", ("下", "厂乙"): "project", ("下", "residual"): "secondary",
    }  # fmt: skip
    assert (
        said["下", "上"][1] == "upstream: 40 t, annual report."
        and "100 t measured (C x Q)" in said["下", "residual"][1]
    )
    assert [r.status for r in judged("source-share", text.format("news")) if r.site == "下"] == ["news"] * 3
    with pytest.raises(OutOfBounds, match=r"t.csv:4 \[status\]: status is 'rumour'"):
        judged("source-share", text.format("rumour"))


@pytest.mark.parametrize("method", ["rating_curve", "area_ratio", "model", "water_balance", "measured; model"])
def test_a_load_by_flows_that_were_not_measured_makes_estimates_of_all_that_stand_on_it(method: str) -> None:
    """上 is by that method, 下 measured: the plant of 上 and its residual are estimates, of 下 what comes from 上 and the residual, not the plant.
    Then 下 is by it: all of 下 is. 10 of 40 t are 25 %, 40 of 100 t 40 %, 25 of 100 t 25 %: 75 % and 35 % are left."""
    text = """section,downstream,source,kind,tonnes,method
        上,下,,measured,40,{}
        上,,厂甲,facility,10,discharge record
        下,,,measured,100,{}
        下,,厂乙,facility,25,discharge record"""
    found = {(r.site, r.item): r for r in judged("source-share", text.format(method, "measured"))}
    assert {k: (r.value, marks(r)) for k, r in found.items()} == {
        ("上", "厂甲"): (25, ["estimated"]), ("上", "residual"): (75, ["estimated"]),
        ("下", "上"): (40, ["estimated"]), ("下", "厂乙"): (25, []), ("下", "residual"): (35, ["estimated"]),
    }  # fmt: skip
    assert found["下", "residual"].notes[-1].en == "an estimate: 上."
    assert found["下", "上"].notes[-1].en == f"an estimate: load of 上 by {method}."
    lower = [r for r in judged("source-share", text.format("measured", method)) if r.site == "下"]
    assert [marks(r) for r in lower] == [["estimated"]] * 3
    assert all(f"load of 下 by {method}." in r.notes[-1].en for r in lower)
    assert [marks(r) for r in judged("source-share", text.format("measured", ""))] == [[]] * 5
    assert marks(judged("source-share", text.format("", "").replace("discharge record", method))[0]) == ["estimated"]


def test_sentences_of_shares_have_no_holes_and_no_codes_in_chinese() -> None:
    """40 t, of which 10 by the plant; 30 t are left. Neither method nor a measured load is said twice."""
    text = """section,source,kind,tonnes,method
        s,,measured,40,{}
        s,厂,facility,10,{}
        s,村,non_point,10,{}"""

    def said(load: str, source: str) -> list[list[tuple[str, str]]]:
        return [[(n.en, n.zh) for n in r.notes] for r in judged("source-share", text.format(load, source, source))]

    plant, village, rest = said("", "")
    assert plant == [("facility: 10 t.", "点源：10 t。")]
    assert village == [("non_point: 10 t.", "面源：10 t。"), ("an estimate: non_point.", "为估算：面源。")]
    assert rest[0] == ("20 t of 40 t measured are explained by no account.", "实测 40 t 中有 20 t 无来源账户解释。")
    plant, village, rest = said("rating_curve", "measured")
    assert plant == [
        ("facility: 10 t, measured.", "点源：10 t，实测。"),
        ("an estimate: load of s by rating_curve.", "为估算：s 通量的流量方法为水位流量关系。"),
    ]
    assert village[1][1] == "为估算：面源、s 通量的流量方法为水位流量关系。"
    assert rest[0][1] == "40 t（水位流量关系）中有 20 t 无来源账户解释。"
    assert rest[0][0] == "20 t of 40 t (rating_curve) are explained by no account."
    upstream = """section,downstream,source,kind,tonnes,method
        上,下,,measured,40,
        下,,,measured,100,"""
    assert judged("source-share", upstream)[0].notes[0].zh == "上游来量：40 t，实测。"


def test_a_load_says_in_chinese_how_its_flow_was_had_and_what_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "load.csv"
    path.write_text(
        "site,date,item,value,unit,flow,flow_method\na,2021-01-05,TP,0.1,mg/L,10,rating_curve\na,2021-02-05,TP,0.1,mg/L,,\na,2021-03-05,TP,,mg/L,9,model\n",
        encoding="utf-8",
    )
    assert main(["observe", "judge", "load", str(path), "--lang", "zh"]) == 0
    told = capsys.readouterr().out
    assert "水位流量关系" in told and "没有流量。" in told and "只有 0 个浓度读数，至少须 1 个。" in told
    assert not any(code in told for code in ("rating_curve", "model", "no discharge", "needed"))


def test_a_load_without_a_flow_method_says_how_to_name_one() -> None:
    rows = "site,date,item,value,unit,flow\ns,2021-01-05,TP,0.1,mg/L,10"
    with pytest.raises(MissingParameter, match=r"--set flow_method=, one of measured, rating_curve"):
        judged("load", rows)
    with pytest.raises(MissingParameter, match="is 'guess'"):
        judged("load", rows, {"flow_method": "guess"})
    month, year = judged("load", rows, {"flow_method": "measured"})
    assert month.value == Fraction("2.6784") and (str(year.start), str(year.end)) == ("2021-01-01", "2021-12-31")


def test_flow_as_rows_of_its_own_as_a_network_gives_it() -> None:
    """Flows 8 m3/s and 1,036,800 m3/d = 12 m3/s: mean 10 m3/s, so 2.6784 t as above. Another item has the same flow; a site without one has no load."""
    found = judged("load", """site,date,item,value,unit
        s,2021-01-05,TP,0.1,mg/L
        s,2021-01-05,Q,8,m3/s
        s,2021-01-20,Q,1036800,m3/d
        s,2021-01-05,TN,1,mg/L
        s,2021-01-05,pH,7.2,1
        t,2021-01-05,TP,0.1,mg/L""", {"flow_method": "measured"})  # fmt: skip
    months = {(r.site, r.item): r for r in found if r.quantity == "water.load_month"}
    assert months["s", "TP"].value == Fraction("2.6784") and months["s", "TP"].limit == "measured"
    assert months["s", "TN"].value == Fraction("26.784")
    assert [r.verdict for r in found if r.item == "pH"] == ["not_applicable"]
    assert months["t", "TP"].verdict == "insufficient_data" and "no discharge" in months["t", "TP"].notes[0].en


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("site,date,item,value,unit,flow\ns,2021-01-05,TP,0.1,mg/L,10\ns,2021-01-05,Q,20,m3/s,", r"t.csv:3: the flow of 2021-01 .*column flow.*rows of Q"),
        ("site,date,item,value,unit,flow,flow_method\ns,2021-01-05,TP,0.1,mg/L,10,measured\ns,2021-01-20,TP,0.1,mg/L,20,model", r"t.csv:3: .*measured.*model"),
    ],
)  # fmt: skip
def test_a_month_has_its_flow_one_way(text: str, says: str) -> None:
    with pytest.raises(OutOfBounds, match=says):
        judged("load", text, {} if "flow_method" in text else {"flow_method": "measured"})


def test_one_wrong_unit_is_an_error_and_flows_alone_are_told() -> None:
    rows = "site,date,item,value,unit,flow\ns,2021-01-05,TP,0.1,mg/L,10\ns,2021-02-05,TP,0.1,mg,10"
    with pytest.raises(UnitError, match=r"t.csv:3 \[unit\]"):
        judged("load", rows, {"flow_method": "measured"})
    (told,) = judged("load", "site,date,item,value,unit\ns,2021-01-05,Q,8,m3/s", {"flow_method": "measured"})
    assert (told.site, told.verdict) == ("s", "insufficient_data") and "no concentration" in told.notes[0].en


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("A,2027-07-01,甲苯,10,ug/m3,4,u\nA,2027-07-01,甲苯,20,ug/m3,,", "t.csv:3: 甲苯 stands twice"),
        ("A,2027-07-01,甲苯,10,ug/m3,4,u\nB,2027-07-01,甲苯,20,ug/m3,3,u", "t.csv:3: two MIR of 甲苯: 4 .u. and 3 .u."),
        ("A,2027-07-01,甲苯,10,ug/m3,4,u\nB,2027-07-01,甲苯,20,ug/m3,4,v", "two MIR"),
    ],
)
def test_a_species_stands_once_with_one_reactivity(rows: str, says: str) -> None:
    with pytest.raises(OutOfBounds, match=says):
        judged("ofp", f"site,date,species,value,unit,mir,mir_source\n{rows}")


def test_ozone_formation_potential_by_species() -> None:
    """10 ug/m3 x 4 = 40 and 20 x 0.5 = 10 (MIR made up for the arithmetic): 80 % and 20 %; one species has no MIR."""
    found = judged("ofp", """site,date,species,value,unit,mir,mir_source
        A,2027-07-01,甲苯,0.01,mg/m3,4,user
        A,2027-07-01,乙烷,20,ug/m3,0.5,user
        A,2027-07-01,某烃,1,ug/m3,,""")  # fmt: skip
    assert [(r.item, r.value) for r in found] == [("甲苯", 40), ("乙烷", 10), ("sum", 50)]
    assert "80 % of the sum" in found[0].notes[0].en
    assert [n.en for n in found[-1].notes] == ["80 % of it: 甲苯.", "without MIR, left out: 某烃."]
    assert (found[-1].n_valid, found[-1].n_required) == (2, 3)
    (none,) = judged("ofp", "site,date,species,value,unit\nA,2027-07-01,甲苯,0.01,mg/m3")
    assert none.verdict == "cannot_be_judged" and "no MIR" in none.notes[0].en


def test_an_unknown_item_of_a_well_is_told() -> None:
    rules = RuleSet(allow_secondary=True, editions={"groundwater_classes": "GB/T 14848-2017"})
    (well,) = judged(
        "groundwater", "site,date,item,value,unit\nw,2024-05-01,pH,7.2,1\nw,2024-05-01,月光,3,mg/L", rules=rules
    )
    assert well.grade == "Ⅰ" and well.notes[0].code == "unknown_item" and "月光" in well.notes[0].zh


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "shares.csv"
    path.write_text("\n".join(line.strip() for line in SHARES.splitlines()) + "\n", encoding="utf-8")
    assert main(["observe", "judge", "source-share", str(path), "--lang", "zh"]) == 0
    told = capsys.readouterr().out
    assert "污水厂  25 %" in told and "无来源账户解释" in told
    assert main(["observe", "judge", "source-share", str(path), "--json", "--out", str(tmp_path / "out.csv")]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [r["item"] for r in content["results"]] == ["上", "污水厂", "农田", "residual"]
    assert len(list(csv.DictReader((tmp_path / "out.csv").open(encoding="utf-8")))) == 4
