"""What arrives is not what was agreed: each fault is told by row, nothing is guessed, nothing takes the service down."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from qingshan.core.observed import observed_properties
from qingshan.observe.series import rows as rows_module
from qingshan.observe.series import store as store_module
from qingshan.observe.series.export import chosen, write_export
from qingshan.observe.series.load import LoadReport
from qingshan.observe.series.readers.csv_blocks import csv_table
from qingshan.observe.series.readers.table import UnreadableSource
from qingshan.observe.series.report import LoadReporter
from qingshan.observe.series.store import Observations, UnitMoved, _one_unit
from qingshan.observe.series.text import exact, offset, plain, read_time, read_value

from .conftest import NOW

HEAD = "site,property,unit,start,value\n"


def put(
    store: Observations, text: str | bytes, network: str = "water", name: str = "rows.csv", **how: Any
) -> LoadReport:
    path = store.root.parent / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return store.load(network, path, now=NOW, **how)


# --- units


@pytest.mark.parametrize(
    ("item", "unit", "code"),
    [("TP", "mg/kg", "unit_differs"), ("TP", "milligrams", "unit_unknown"), ("TP", "", "no_unit"), ("water temp", "mg/L", "unknown_property"),
     ("water.temperature", "K", "unit_differs"), ("TP", "kg", "unit_differs"), ("plutonium", "Bq/L", "unknown_property")],
)  # fmt: skip
def test_a_wrong_unit_or_item_is_told_and_the_row_left_out(
    store: Observations, item: str, unit: str, code: str
) -> None:
    report = put(store, f"{HEAD}S1,{item},{unit},2021-04-01T04:00,0.05\n")
    assert report.counts == {code: 1} and (report.n_new, report.n_errors) == (0, 1)
    assert report.findings[0].row == 2


def test_co_in_ug_and_in_mg_are_the_same_series_and_the_change_is_told(store: Observations) -> None:
    """300 ug/m3 is 0.3 mg/m3, the unit of the property."""
    put(store, HEAD + "A1,air.co,ug/m3,2021-04-01T04:00,300\n", "air")
    report = put(store, HEAD + "A1,air.co,mg/m3,2021-04-01T05:00,0.4\n", "air")
    assert report.counts == {"unit_changed": 1}
    rows = store.scan("air").sort("start").select("value", "value_text", "unit").collect().rows()
    assert rows == [(Decimal("0.3"), "300", "ug/m3"), (Decimal("0.4"), "0.4", None)]


def test_a_property_keeps_the_unit_of_its_series(store: Observations, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept in mg/L, declared in ug/L: 0.05 would be read as a thousandth of what it is. Refused with both units, nothing taken, nothing
    read; g/m3 is mg/L by another name."""
    row = "S1,water.tp,mg/L,2021-04-01T0{}:00,0.05\n"
    assert put(store, HEAD + row.format(4)).n_new == 1
    plain_ones = observed_properties()

    def declare(unit: str) -> None:
        changed = {**plain_ones, "water.tp": replace(plain_ones["water.tp"], unit=unit)}
        for module in (store_module, rows_module):
            monkeypatch.setattr(module, "observed_properties", lambda: changed)

    declare("ug/L")
    for ask in (lambda: put(store, HEAD + row.format(8), name="later.csv"), lambda: store.series("water")):
        with pytest.raises(UnitMoved) as told:
            ask()
        for said in (told.value.en, told.value.zh):
            assert all(word in said for word in ("'mg/L'", "'ug/L'", "water.tp", "S1|water.tp"))
        assert "water.tp" in told.value.fix and "observe export" in told.value.fix
    taken = chosen(store, "water").collect()  # what is kept can be taken out, each value with the unit it was kept in
    assert taken.select("value_text", "value", "stored_unit").rows() == [("0.05", Decimal("0.05"), "mg/L")]
    declare("g/m3")
    assert store.series("water")["rows"].to_list() == [1]  # the refused load left nothing


@pytest.mark.parametrize(("kept", "now"), [("class", "1"), ("class", "index"), ("index", "rank"), ("1", "index")])
def test_a_class_an_index_and_a_number_are_not_one_unit(kept: str, now: str) -> None:
    assert not _one_unit(kept, now) and _one_unit(kept, kept)


def test_states_are_not_mixed(store: Observations) -> None:
    head = "site,property,unit,state,start,value\n"
    put(store, head + "A1,SO2,ug/m3,reference,2021-04-01T04:00,10\nA1,PM2.5,ug/m3,,2021-04-01T04:00,30\n", "air")
    report = put(store, head + "A1,SO2,ug/m3,standard_273,2021-04-01T05:00,11\n", "air")
    assert report.counts == {"state_differs": 1} and report.n_new == 0
    states = dict(store.series("air").select("property", "state").rows())
    assert states == {"air.so2": "reference", "air.pm25": "ambient"}


# --- times


@pytest.mark.parametrize(
    ("text", "code"),
    [("2021-02-29T04:00", "bad_time"), ("2021-04-31", "bad_time"), ("2021-04-01T25:00", "bad_time"), ("yesterday", "bad_time"),
     ("", "no_time"), ("2031-01-01", "in_future"), ("1021-04-01", "before_records"), ("2021-04-01T24:30", "bad_time")],
)  # fmt: skip
def test_times_that_do_not_exist(store: Observations, text: str, code: str) -> None:
    report = put(store, f"{HEAD}S1,TP,mg/L,{text},0.05\n")
    assert report.counts == {code: 1} and report.n_new == 0


@pytest.mark.parametrize(
    ("text", "moment", "elsewhere"),
    [("2021-04-01T04:00", datetime(2021, 4, 1, 4), False), ("2021/4/1 4:05:06", datetime(2021, 4, 1, 4, 5, 6), False),
     ("2021年4月1日4时", datetime(2021, 4, 1, 4), False), ("2021-04-01 24:00", datetime(2021, 4, 2), False),
     ("2021-03-31T20:00Z", datetime(2021, 4, 1, 4), True), ("2021-04-01T04:00+08:00", datetime(2021, 4, 1, 4), False),
     ("2021-04-01T05:00+09:00", datetime(2021, 4, 1, 4), True), ("２０２１-04-01", datetime(2021, 4, 1), False)],
)  # fmt: skip
def test_times_as_they_are_written(text: str, moment: datetime, elsewhere: bool) -> None:
    assert read_time(text, offset("+08:00")) == (moment, elsewhere)


def test_a_clock_put_forward_and_back_is_not_smoothed_over(store: Observations) -> None:
    """In 1991 China's clocks went forward on 14 April and back on 15 September: a local feed lacks an hour and repeats one. No
    hour is made up, the repeated one keeps both values."""
    hours = [
        "1991-04-14T01:00",
        "1991-04-14T03:00",
        "1991-09-15T00:00",
        "1991-09-15T01:00",
        "1991-09-15T01:00",
        "1991-09-15T02:00",
    ]
    rows = "".join(f"A1,SO2,ug/m3,{hour},{i}\n" for i, hour in enumerate(hours))
    report = put(store, HEAD + rows, "air")
    assert report.counts == {"duplicate_key": 1} and (report.n_new, report.n_versions) == (5, 1)
    assert datetime(1991, 4, 14, 2) not in store.scan("air").collect()["start"].to_list()


def test_times_of_another_offset_are_converted_and_told(store: Observations) -> None:
    rows = "A1,SO2,ug/m3,2021-04-01T04:00+08:00,1\nA1,SO2,ug/m3,2021-04-01T06:00+09:00,2\n"
    report = put(store, HEAD + rows, "air")
    assert report.counts == {"offset_converted": 1}
    assert store.scan("air").collect()["start"].sort().to_list() == [datetime(2021, 4, 1, 4), datetime(2021, 4, 1, 5)]


def test_a_time_off_the_step_and_one_before_the_site_are_kept_and_told(store: Observations) -> None:
    assert put(store, HEAD + "A1,SO2,ug/m3,2021-04-01T04:30,1\n", "air").counts == {"off_step": 1}
    assert put(store, HEAD + "S1,TP,mg/L,2019-12-31,0.05\n").counts == {"outside_validity": 1}
    assert store.scan("air").collect().height == store.scan("water").collect().height == 1


# --- values


@pytest.mark.parametrize(
    ("text", "value", "limit", "censored"),
    [("0.05L", None, "0.05", True), ("<0.05", None, "0.05", True), ("＜0.05", None, "0.05", True), ("ND(0.05)", None, "0.05", True),
     ("未检出(0.05)", None, "0.05", True), ("ND", None, None, True), ("ND<0.05", None, "0.05", True), ("0.05 L", None, "0.05", True),
     ("*", None, None, False), ("--", None, None, False), ("NA", None, None, False), ("—", None, None, False),
     ("1.5e-3", "0.0015", None, False), ("０.０５", "0.05", None, False), ("-0.5", "-0.5", None, False), ("+3.", "3", None, False)],
)  # fmt: skip
def test_forms_of_a_value(text: str, value: str | None, limit: str | None, censored: bool) -> None:
    reading = read_value(plain(text))
    assert reading.value == (None if value is None else Decimal(value))
    assert reading.detection_limit == (None if limit is None else Decimal(limit))
    assert reading.censored is censored and reading.fault in ("", "no_detection_limit")


def test_a_censored_row_has_its_limit_in_the_unit_of_the_series_and_no_value(store: Observations) -> None:
    put(
        store,
        HEAD
        + "S1,Hg,ug/L,2021-04-01,0.04L\nS1,NH3-N,mg/L,2021-04-01,未检出\nS1,TP,mg/L,2021-04-01,*\nS1,TN,mg/L,2021-04-01,\n",
    )
    rows = (
        store.scan("water")
        .sort("series")
        .select("series", "value", "detection_limit", "censored", "value_text")
        .collect()
        .rows()
    )
    assert rows == [
        ("S1|water.hg|instant", None, Decimal("0.00004"), True, "0.04L"),
        ("S1|water.nh3n|instant", None, Decimal("0.025"), True, "未检出"),  # the procedure declares 0.025 mg/L
        ("S1|water.tp|instant", None, None, False, "*"),
    ]


@pytest.mark.parametrize(
    ("text", "code"),
    [("1,5", "row_length"), ("'1.5'", "not_a_number"), ("1.5mg", "not_a_number"), (">2400", "not_a_number"), ("∞", "not_a_number"),
     ("1e30", "too_large"), ("12345678901234567890123", "too_large"), ("=1+1", "not_a_number"), ("٣", "not_a_number")],
)  # fmt: skip
def test_texts_that_are_no_value(store: Observations, text: str, code: str) -> None:
    report = put(store, f"{HEAD}S1,TP,mg/L,2021-04-01T04:00,{text}\nS1,TP,mg/L,2021-04-01T08:00,0.06\n")
    assert report.counts == {code: 1} and report.n_new == 1


@given(st.decimals(min_value=-(10**15), max_value=10**15, places=9), st.integers(-6, 6))
def test_units_of_ten_are_exact(number: Decimal, power: int) -> None:
    """Against plain fractions: the value times the factor, unless it needs more than nine places."""
    value, fault = exact(format(number, "f"), Fraction(10) ** power)
    wanted = Fraction(number) * Fraction(10) ** power
    assert (fault == "" and value is not None and Fraction(value) == wanted) or (
        fault == "rounded" and (wanted * 10**9).denominator != 1) or (fault == "too_large" and abs(wanted) >= 10**19)  # fmt: skip


def test_a_value_finer_than_the_store_keeps_its_text(store: Observations) -> None:
    report = put(store, HEAD + "S1,TP,mg/L,2021-04-01,0.00000000125\nS2,TP,mg/L,2021-04-01,0.00000000100\n")
    assert report.counts == {"rounded": 1}
    rows = store.scan("water").sort("series").select("value_text", "value").collect().rows()
    assert rows == [("0.00000000125", Decimal("0.000000001")), ("0.00000000100", Decimal("0.000000001"))]


# --- files


def test_ragged_empty_and_quoted_rows(store: Observations) -> None:
    text = (
        HEAD
        + '"S1","TP","mg/L","2021-04-01","0.05"\n\n,,,,\nS1,TP\nS1,TP,mg/L,2021-04-02,0.06,extra\nS2,TP,mg/L,2021-04-02,0.07'
    )
    report = put(store, text)
    told = [(f.code, f.row) for f in report.findings]
    assert told == [("row_length", 5), ("row_length", 6)] and report.n_new == 2


def test_gb18030_and_a_byte_order_mark_are_read(store: Observations) -> None:
    header = "站点,监测项目,单位,时间,监测值\n"
    assert put(store, (header + "S1,总磷,mg/L,2021-04-01,0.05\n").encode("gb18030")).n_new == 1
    assert put(store, b"\xef\xbb\xbf" + (header + "S1,总氮,mg/L,2021-04-01,1.5\n").encode()).n_new == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"\x00\x01\x02",
        b"\xff\xfea\x00,\x00",
        b"a,a\n1,2\n",
        b"x,y\n1,2\n",
        b"PAR1rubbish",
        b"{",
        b'{"a": }',
    ],
)
def test_files_that_cannot_be_read_at_all(store: Observations, content: bytes) -> None:
    with pytest.raises(UnreadableSource):
        put(store, content)
    assert store.version("water") == 0


def test_a_record_without_an_end_is_refused_in_bounded_memory() -> None:
    endless = io.BytesIO(b'a,b\n1,"' + b"x" * (3 << 20))
    report = LoadReporter("endless.csv")
    with pytest.raises(UnreadableSource):
        list(csv_table(endless, report, block=1 << 16).frames)


def workbook(path: Path, rows: list[list[Any]]) -> Path:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def test_a_workbook_is_read_by_its_cells(store: Observations, tmp_path: Path) -> None:
    rows = [
        ["site", "property", "unit", "start", "value"],
        ["S1", "TP", "mg/L", datetime(2021, 4, 1, 4), 0.1 + 0.2],
        ["S2", "TP", "mg/L", "2021-02-30", 1],
    ]
    report = store.load("water", workbook(tmp_path / "a.xlsx", rows), now=NOW)
    assert report.counts == {"bad_time": 1}
    assert store.scan("water").collect()["value_text"].to_list() == [
        "0.3"
    ]  # what the sheet shows, not 0.30000000000000004


def test_bombs_in_a_workbook_are_refused_before_they_go_off(store: Observations, tmp_path: Path) -> None:
    path = workbook(tmp_path / "bomb.xlsx", [["site"]])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet2.xml", b"\0" * (64 << 20))
    with pytest.raises(UnreadableSource, match="unpack"):
        store.load("water", path, now=NOW)
    many = tmp_path / "many.xlsx"
    with zipfile.ZipFile(many, "w") as packed:
        for i in range(2_100):
            packed.writestr(f"{i}", b"")
    with pytest.raises(UnreadableSource):
        store.load("water", many, now=NOW)
    laughs = tmp_path / "laughs.xlsx"
    entities = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaaaaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 20}">' for i in range(8)) + "]>"  # fmt: skip
    with zipfile.ZipFile(workbook(tmp_path / "good.xlsx", [["site"]])) as good, zipfile.ZipFile(laughs, "w") as packed:
        for name in good.namelist():
            body = good.read(name)
            if name == "xl/workbook.xml":
                body = f"<?xml version='1.0'?>{entities}<workbook>&i;</workbook>".encode()
            packed.writestr(name, body)
    with pytest.raises(UnreadableSource):
        store.load("water", laughs, now=NOW)


def test_parquet_comes_back_as_it_went_out(store: Observations, tmp_path: Path) -> None:
    put(store, HEAD + "S1,TP,mg/L,2021-04-01,0.0645\nS1,Hg,ug/L,2021-04-01,0.04L\nS1,TN,mg/L,2021-04-01,*\n")
    for ending in ("parquet", "csv"):
        out = tmp_path / f"out.{ending}"
        assert write_export(chosen(store, "water"), out) == 3
        other = Observations(store.zone, tmp_path / ending)
        assert other.load("water", out, now=NOW).n_errors == 0
        columns = ("series", "start", "value_text", "value", "detection_limit", "censored", "unit")
        assert (
            other.scan("water")
            .sort("series")
            .select(columns)
            .collect()
            .equals(store.scan("water").sort("series").select(columns).collect())
        )


def test_samples_come_with_their_depth_and_ph(store: Observations) -> None:
    text = ("site,site_land_use,property,unit,start,value,sample,depth_top_cm,depth_bottom_cm,sample_ph,mass_g,feature\n"
            "P1,paddy,Cd,mg/kg,2021-04-01,0.45,b1,0,20,6.0,500,0-20cm\nP1,paddy,Cd,mg/kg,2021-04-01,0.30,b2,20,40,6.2,500,20-40cm\n"
            "P1,paddy,Cd,mg/kg,2021-04-01,0.30,b3,deep,,,,x\n")  # fmt: skip
    report = put(store, text, "soil")
    assert report.counts == {"bad_sample": 1} and report.n_new == 3
    samples = store.samples("soil").select("id", "site", "depth_top_cm", "depth_bottom_cm", "ph").rows()
    assert samples == [("b1", "P1", 0.0, 20.0, "6.0"), ("b2", "P1", 20.0, 40.0, "6.2")]
    assert store.sites("soil").select("id", "kind", "land_use").rows() == [("P1", "soil_plot", "paddy")]
    assert set(store.series("soil")["id"]) == {
        "P1|soil.cd|sample@0-20cm",
        "P1|soil.cd|sample@20-40cm",
        "P1|soil.cd|sample@x",
    }


# --- large


def large(path: Path, megabytes: float) -> int:
    """A CSV of so many MB, a year of hours for plot after plot, with one bad row at the end of the first; returns the number
    of good rows."""
    hours = pl.datetime_range(datetime(2023, 1, 1), datetime(2023, 12, 31, 23), "1h", eager=True).dt.strftime(
        "%Y-%m-%dT%H:%M"
    )
    body = "".join(f"P#,Cd,mg/kg,{t},{i % 500}\n" for i, t in enumerate(hours.to_list()))
    plots = max(2, int(megabytes * 1_000_000 / len(body)))
    with path.open("w", encoding="utf-8") as out:
        out.write(HEAD)
        for i in range(plots):
            out.write(body.replace("#", f"{i:06d}"))
            out.write("P000000,Cd,mg/kg,2023-04-01T04:00,bad\n" if i == 0 else "")
    return plots * len(hours)


def peak(command: str) -> float:
    """Peak memory in MB of a Python process of its own."""
    tail = "\nprint([int(l.split()[1]) for l in open('/proc/self/status') if l.startswith('VmHWM')][0] / 1024)"
    done = subprocess.run(
        [sys.executable, "-c", command + tail], check=True, capture_output=True, text=True, timeout=1_500
    )
    return float(done.stdout.split()[-1])


def test_one_bad_row_of_a_long_file_is_found_by_its_number(store: Observations, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    good = large(path, 0.5)
    report = store.load("soil", path, now=NOW)
    assert (report.n_new, report.n_errors, report.findings[0].row) == (good, 1, 8760 + 2)


def test_a_row_repeated_without_end_is_one_reading(store: Observations, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qingshan.observe.series.merge.PART_ROWS", 1_000)
    report = put(store, HEAD + "S1,TP,mg/L,2021-04-01,0.05\n" * 5_000 + "S1,TP,mg/L,2021-04-01,0.06\n")
    assert (report.n_new, report.n_versions) == (1, 1)
    assert store.scan("water").collect()["value_text"].to_list() == ["0.06"]


@pytest.mark.skipif(
    "not __import__('os').environ.get('QINGSHAN_LARGE')", reason="writes 1 GB; set QINGSHAN_LARGE=1000 (MB)"
)
def test_a_gigabyte_is_read_in_bounded_memory(zone_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "gigabyte.csv"
    good = large(path, float(os.environ["QINGSHAN_LARGE"]))
    command = f"""
from pathlib import Path
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import open_zone
report = Observations(open_zone({str(zone_folder)!r}), Path({str(tmp_path / "store")!r})).load("soil", {str(path)!r})
assert (report.n_new, report.n_errors) == ({good}, 1), report
"""
    used = peak(command)
    print(f"{path.stat().st_size / 1e6:,.0f} MB read with a peak of {used:,.0f} MB")
    assert used < 700
