"""Loading: what a row becomes, what is new, what is a version, what is told."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from qingshan.observe.series.load import LoadReport, RefusedLoad
from qingshan.observe.series.model import OBSERVATION
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import open_zone

from .conftest import NOW

HEAD = "site,property,unit,start,value\n"


def put(store: Observations, text: str, network: str = "water", *, name: str = "rows.csv", **how: Any) -> LoadReport:
    path = store.root.parent / name
    path.write_text(text, encoding="utf-8")
    return store.load(network, path, now=NOW, **how)


def values(store: Observations, network: str = "water") -> list[tuple[Any, ...]]:
    rows = store.scan(network).sort("series", "start").collect()
    return rows.select("series", "start", "value_text", "value", "version").rows()


def test_a_row_is_kept_as_text_and_as_exact_decimal(store: Observations) -> None:
    report = put(store, HEAD + "S1,TP,mg/L,2021-04-01T04:00,0.0645\n")
    assert (report.reader, report.n_read, report.n_new, report.n_errors) == ("long", 1, 1, 0)
    assert values(store) == [("S1|water.tp|instant", datetime(2021, 4, 1, 4), "0.0645", Decimal("0.064500000"), 1)]
    assert dict(store.scan("water").collect_schema()) == OBSERVATION
    series = store.series("water").row(0, named=True)
    assert (series["unit"], series["rows"], series["first"]) == ("mg/L", 1, datetime(2021, 4, 1, 4))


def test_the_same_file_twice_brings_nothing(store: Observations) -> None:
    text = HEAD + "S1,TP,mg/L,2021-04-01T04:00,0.05\nS1,TP,mg/L,2021-04-01T08:00,0.06\n"
    put(store, text)
    before = store.version("water")
    again = put(store, text, name="renamed.csv")
    assert again.again and (again.n_new, again.n_same, again.n_versions) == (0, 0, 0)
    assert store.version("water") == before


def test_other_bytes_of_the_same_rows_bring_nothing_either(store: Observations) -> None:
    put(store, HEAD + "S1,TP,mg/L,2021-04-01T04:00,0.05\n")
    report = put(store, HEAD + "S1,water.tp,mg/L,2021-04-01 04:00:00,0.05\nS2,TP,mg/L,2021-04-01T04:00,0.07\n")
    assert (report.n_new, report.n_same, report.n_versions) == (1, 1, 0)
    assert len(values(store)) == 2


def test_another_value_is_a_version_and_the_old_one_stays(store: Observations) -> None:
    put(store, HEAD + "S1,TP,mg/L,2021-04-01T04:00,0.05\n")
    report = put(store, HEAD + "S1,TP,mg/L,2021-04-01T04:00,0.5\n", reason="transcription", author="王芳")
    assert (report.n_new, report.n_versions, dict(report.counts)) == (0, 1, {})
    assert values(store)[0][2:] == ("0.5", Decimal("0.500000000"), 2)
    kept = store.versions("water").sort("version").select("value_text", "version", "reason", "author").collect().rows()
    assert kept == [("0.05", 1, None, None), ("0.5", 2, "transcription", "王芳")]


def test_without_a_reason_a_changed_value_is_told_and_an_earlier_one_is_not_taken_back(store: Observations) -> None:
    put(store, HEAD + "S1,TP,mg/L,2021-04-01T04:00,0.05\n")
    assert put(store, HEAD + "S1,TP,mg/L,2021-04-01T04:00,0.5\n").counts == {"resupplied": 1}
    old = HEAD + "S1,TP,mg/L,2021-04-01T04:00,0.05\n\n"
    assert put(store, old).counts == {"earlier_version": 1}
    assert values(store)[0][2] == "0.5"
    assert put(store, old, reason="the first one held").n_versions == 1
    assert values(store)[0][2:] == ("0.05", Decimal("0.050000000"), 3)


def test_a_key_twice_in_one_file_keeps_both(store: Observations) -> None:
    report = put(store, HEAD + "S1,TP,mg/L,2021-04-01T04:00,0.05\nS1,TP,mg/L,2021-04-01T04:00,0.06\n")
    assert (report.n_new, report.n_versions, report.counts) == (1, 1, {"duplicate_key": 1})
    finding = report.findings[0]
    assert (finding.level, finding.row, finding.field) == ("warning", 3, "value")
    assert store.versions("water").collect().height == 2 and values(store)[0][2] == "0.06"


def test_a_faulty_row_does_not_keep_the_others_out_unless_strict(store: Observations) -> None:
    text = HEAD + "S1,TP,mg/L,2021-04-01T04:00,0.05\nS1,TP,mg/L,2021-02-30T04:00,0.06\n"
    with pytest.raises(RefusedLoad, match=r"rows\.csv:3"):
        put(store, text, strict=True)
    assert values(store) == [] and store.series("water").height == 0
    report = put(store, text)
    assert (report.n_new, report.n_errors, report.findings[0].row) == (1, 1, 3)


def test_after_a_fault_was_mended_the_same_file_is_read_again(store: Observations) -> None:
    text = HEAD + "S1,TP,mg/L,2021-04-01T04:00,0.05\nnowhere,TP,mg/L,2021-04-01T04:00,0.06\n"
    assert put(store, text).counts == {"unknown_site": 1}
    again = put(store, text)
    assert not again.again and (again.n_new, again.n_same) == (0, 1)


def test_the_cnemc_sections_of_april_2021(carried: Path, tmp_path: Path) -> None:
    """1,086 rows of 45 sections with 10 repeated keys (README of the data). Their differing cells, counted by hand: 乌杨树 1,
    六广 3 x 2, 斯拉河大桥 3 x 2, 榕江 3, 花鱼洞 2, 高店 9 (its status differs, so each cell of the row does): 27."""
    guizhou = Observations(open_zone("guizhou"), tmp_path / "guizhou")
    report = guizhou.load("water_auto", carried / "guizhou_water_sections_2021-04-01_05.csv", now=NOW)
    assert (report.reader, report.n_errors) == ("cnemc_sections", 0)
    assert report.counts == {"duplicate_key": 27} and report.n_versions == 27
    rows = guizhou.scan("water_auto").collect()
    assert rows.select("series", "start").is_unique().all()
    series = guizhou.series("water_auto")
    assert series["site"].n_unique() == 45
    # the first line of the file: pH 8.92, TP 0.037, chl-a 0.028 mg/L which is 28 mg/m3
    first = rows.filter(pl.col("series").str.starts_with("万峰湖") & (pl.col("start") == datetime(2021, 4, 1, 4)))
    by_series = dict(first.select("series", "value").rows())
    assert by_series["万峰湖(万峰湖湖心)|water.ph|instant"] == Decimal("8.92")
    assert by_series["万峰湖(万峰湖湖心)|water.chla|instant"] == Decimal("28")
    types = dict(guizhou.sites("water_auto").select("id", "water_body_type").rows())
    assert types["花鱼洞"] == "lake_reservoir" and types["茅台"] == "river"


def test_co_of_the_beijing_site_is_turned_into_mg(carried: Path, tmp_path: Path) -> None:
    """The file has CO in ug/m3 (its README), 300 in the first row; the property is kept in mg/m3."""
    guizhou = Observations(open_zone("guizhou"), tmp_path / "guizhou")
    source = carried / "PRSA_Data_Aotizhongxin_20130301-20170228.csv"
    head = tmp_path / "head.csv"
    head.write_text("\n".join(source.read_text(encoding="utf-8").splitlines()[:200]) + "\n", encoding="utf-8")
    assert guizhou.load("air_national", head, now=NOW).reader == "uci_prsa"
    row = (
        guizhou.scan("air_national", series=["Aotizhongxin|air.co|1h"])
        .sort("start")
        .head(1)
        .collect()
        .row(0, named=True)
    )
    assert (row["value_text"], row["unit"], row["value"]) == ("300", "ug/m3", Decimal("0.300000000"))
    assert row["end"] == datetime(2013, 3, 1, 1)
