"""`qingshan observe evaluate`: sections written here by hand, loaded, evaluated, compared with the published class."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from qingshan.faces.cli import main

HEADER = (
    "province,basin,section,datetime,wq_class,water_temp_c,ph,do_mg_l,ec_us_cm,turbidity_ntu,codmn_mg_l,nh3n_mg_l,"
    "tp_mg_l,tn_mg_l,chla_mg_l,algae_cells_l,site_status"
)
ROWS = (
    "贵州省,珠江流域,三江口,2021-04-01T04:00,Ⅱ,15,8.12,7.9,300,9,0.96,0.108,0.039,2,,,正常",  # TP: class II of a river
    "贵州省,珠江流域,三江口,2021-04-01T08:00,Ⅲ,15,8.12,7.9,300,9,0.96,0.108,0.100,2,,,正常",  # TP on the limit of II
    "贵州省,珠江流域,三江口,2021-04-01T12:00,*,15,8.12,*,300,9,0.96,0.108,0.039,2,,,维护",
)


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))
    file = tmp_path / "sections.csv"
    file.write_text("\n".join([HEADER, *ROWS]) + "\n", encoding="utf-8")
    assert main(["observe", "load", "water_auto", str(file), "--zone", "guizhou"]) == 0
    capsys.readouterr()
    return tmp_path


def test_classes_and_their_agreement(loaded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = loaded / "results.csv"
    assert main(["observe", "evaluate", "water_auto", "--zone", "guizhou", "--json", "--out", str(out)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [r["grade"] for r in told["results"]] == ["Ⅱ", "Ⅱ", "Ⅱ–劣Ⅴ"]
    assert [r["verdict"] for r in told["results"]] == ["", "", "insufficient_data"]
    assert told["results"][0]["clause"] == "GB 3838-2002 表1" and told["results"][0]["status"] == "primary"
    assert told["rule_set"]["id"] == "surface_water" and told["provisional"] is False
    assert told["official"] is False and "quality control" in told["standing"]
    (left,) = told["published"]["disagreements"]
    assert (told["published"]["compared"], told["published"]["agree"]) == (2, 1)
    assert left["why"] == "value_on_limit" and "0.1" in left["reason"]
    assert pl.read_csv(out)["grade"].to_list() == ["Ⅱ", "Ⅱ", "Ⅱ–劣Ⅴ"]


@pytest.mark.parametrize(
    ("lang", "words"), [("zh", "与公布类别一致 1 / 2"), ("en", "1 of 2 equal the published class")]
)
def test_it_prints_in_both_languages(loaded: Path, capsys: pytest.CaptureFixture[str], lang: str, words: str) -> None:
    assert main(["observe", "evaluate", "water_auto", "--zone", "guizhou", "--lang", lang]) == 0
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong",
    [
        ("--rules", "no_such_rules"),
        ("--sites", "no_such_site"),
        ("--by", "hour"),
        ("--out", "results.docx"),
    ],
)
def test_a_wrong_call_is_told(loaded: Path, capsys: pytest.CaptureFixture[str], wrong: tuple[str, str]) -> None:
    assert main(["observe", "evaluate", "water_auto", "--zone", "guizhou", *wrong]) != 0
    assert wrong[1].removesuffix(".docx") in capsys.readouterr().err


def test_a_rule_set_from_a_file(loaded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = loaded / "rules.toml"
    file.write_text('[ruleset]\nid = "mine"\nchoices = { "water.items" = "pH,TP" }\n', encoding="utf-8")
    assert main(["observe", "evaluate", "water_auto", "--zone", "guizhou", "--rules", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [r["n_required"] for r in told["results"]] == [2, 2, 2] and told["rule_set"]["id"] == "mine"
    file.write_text('[ruleset]\nid = "mine"\nchoice = 1\n', encoding="utf-8")
    assert main(["observe", "evaluate", "water_auto", "--zone", "guizhou", "--rules", str(file)]) != 0
