"""Quality control, review and alerts of a stored network, from its files to its flags, by functions and by verbs."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from qingshan.core.errors import DeclarationError, MissingParameter, OutOfBounds, UnknownName
from qingshan.faces.cli import main
from qingshan.observe.quality.flags import append_line, read_lines
from qingshan.observe.quality.network import (
    check_network,
    decide,
    effective_flags,
    flagged_rows,
    layer,
    plan_of,
    review,
)
from qingshan.observe.quality.plan import read_plan
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import builtin_zones, open_zone

NETWORK = '[network]\nid = "air"\ndomain = "air"\nzh = "空气"\nen = "air"\nstep = "1h"\naveraging = "1h"\nkind = "air_station"\ngas_state = "reference"\n'
SITES = "id,name_zh,kind,lon,lat,air_zone,downstream\nA1,一号,air_station,106.7,26.6,2,A2\nA2,二号,air_station,106.8,26.5,2,\n"
PLAN = """scope,test,parameter,value,unit,valid_from,valid_to,source,status
air.pm25,gross_range,fail_min,0,ug/m3,2020-01-01,,test,project
air.pm25,gross_range,fail_max,1,mg/m3,2020-01-01,,test,project
air.pm25,gross_range,suspect_min,none,ug/m3,2020-01-01,,test,project
air.pm25,gross_range,suspect_max,300,ug/m3,2020-01-01,,test,project
air.pm25,status_word,维护,9,,2020-01-01,,test,project
"""
RULES = """id,expression,unit,averaging,averaging_min,operator,raise,m,n,clear,level,recipients,valid_from,valid_to,clause,owner,zh,en
high,air.pm25,ug/m3,1h,1,>,150,2,3,115,warning,duty,2020-01-01,,,centre,偏高,high
"""
HEAD = "site,property,unit,start,value,status\n"
A1 = "A1|air.pm25|1h"
BEGIN = datetime(2021, 3, 1)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Observations:
    folder = tmp_path / "zone"
    shutil.copytree(builtin_zones()["guizhou"], folder, ignore=shutil.ignore_patterns("networks"))
    (folder / "networks" / "air").mkdir(parents=True)
    (folder / "networks" / "air.toml").write_text(NETWORK, encoding="utf-8")
    for name, text in (("sites", SITES), ("quality", PLAN), ("alerts", RULES)):
        (folder / "networks" / "air" / f"{name}.csv").write_text(text, encoding="utf-8")
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))
    return Observations(open_zone(folder))


def load(
    store: Observations,
    values: list[object],
    site: str = "A1",
    name: str = "a.csv",
    first: int = 0,
    status: str = "",
    **how: str,
) -> None:
    path = store.root.parent.parent / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f"{site},PM2.5,ug/m3,{BEGIN + timedelta(hours=first + i):%Y-%m-%dT%H:%M},{v},{status}"
        for i, v in enumerate(values)
    ]
    path.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    store.load("air", path, **how)


def flags(store: Observations) -> list[tuple[object, ...]]:
    rows = flagged_rows(store, "air").sort("series", "start").collect()
    return (
        rows.select("value", "flag", "decision", "use", "unresolved")
        .with_columns(pl.col("value").cast(pl.Float64))
        .rows()
    )


def test_from_readings_to_flags_to_a_decision(store: Observations) -> None:
    load(store, [100, 350, 1200, 80])
    assert effective_flags(store, "air") is None
    assert flags(store)[0] == (100.0, 2, None, True, False)  # not checked yet
    run = check_network(store, "air")[0]
    assert run.cells == 24 and run.flags["air.pm25"] == {1: 2, 2: 0, 3: 1, 4: 1, 9: 20}  # the one day with readings
    assert [r[1:] for r in flags(store)] == [
        (1, None, True, False),
        (3, None, False, True),
        (4, None, False, False),
        (1, None, True, False),
    ]
    decide(store, "air", A1, BEGIN + timedelta(hours=1), "valid", reason="dust storm seen", author="wang")
    decide(store, "air", A1, BEGIN, "invalid", reason="visitors at the inlet", author="wang")
    assert [r[2:] for r in flags(store)] == [
        ("invalid", False, False),
        ("valid", True, False),
        (None, False, False),
        (None, True, False),
    ]
    load(
        store, [351], name="b.csv", first=1, reason="recalculated", author="li"
    )  # another version: the decision no longer counts
    assert flags(store)[1] == (351.0, 3, None, False, True)
    kept = review(store, "air").all()
    assert [(d.decision, d.reason, d.author, d.version) for d in kept] == [
        ("valid", "dust storm seen", "wang", 1), ("invalid", "visitors at the inlet", "wang", 1),
    ]  # fmt: skip


def test_decisions_are_refused_without_a_reason_and_for_values_that_are_not_there(store: Observations) -> None:
    load(store, [100])
    with pytest.raises(OutOfBounds, match="reason"):
        decide(store, "air", A1, BEGIN, "valid", reason=" ", author="wang")
    with pytest.raises(OutOfBounds, match="valid or invalid"):
        decide(store, "air", A1, BEGIN, "good", reason="x", author="wang")
    with pytest.raises(UnknownName, match="no value"):
        decide(store, "air", A1, datetime(2021, 4, 1), "valid", reason="x", author="wang")
    assert review(store, "air").all() == []


def test_the_same_run_again_is_the_same_and_another_plan_is_another(store: Observations, tmp_path: Path) -> None:
    load(store, [100, 350])
    first, again = (check_network(store, "air")[0].run for _ in range(2))
    assert first == again and len({r["run"] for r in layer(store, "air").runs()}) == 1
    other = tmp_path / "other.csv"
    other.write_text(PLAN.replace("suspect_max,300", "suspect_max,400"), encoding="utf-8")
    assert check_network(store, "air", plan=other)[0].run != first
    assert [r[1] for r in flags(store)] == [1, 1]  # the newest run holds
    assert layer(store, "air").scan(first).filter(pl.col("flag") == 3).collect().height == 1  # the older is still there
    with pytest.raises(UnknownName):
        layer(store, "air").scan("qc-none")


def test_a_value_supplied_again_without_a_reason_is_a_duplicate_key(store: Observations) -> None:
    load(store, [100, 101])
    load(store, [100, 105], name="again.csv")
    check_network(store, "air")
    assert [(r[0], r[1]) for r in flags(store)] == [(100.0, 1), (105.0, 3)]
    load(store, [106], name="third.csv", first=1, reason="drift corrected", author="li")
    check_network(store, "air")
    assert [(r[0], r[1]) for r in flags(store)] == [(100.0, 1), (106.0, 1)]


def test_status_words_come_with_the_readings(store: Observations) -> None:
    load(store, [100], status="维护")
    load(store, [90], name="b.csv", first=1, status="停运")
    run = check_network(store, "air")[0]
    assert [r[1] for r in flags(store)] == [9, 1]
    assert any(f.code == "status_word" and "停运" in f.en for f in run.findings)


def test_nothing_is_left_of_a_run_that_fails(store: Observations) -> None:
    load(store, [100])
    load(store, ["9000000000000"], name="b.csv", first=1)
    with pytest.raises(OutOfBounds):
        check_network(store, "air")
    folder = layer(store, "air").folder
    assert layer(store, "air").runs() == [] and not [p for p in folder.glob("*") if p.is_dir()]


def test_without_a_plan_or_data_it_refuses(store: Observations) -> None:
    with pytest.raises(UnknownName, match="no data"):
        check_network(store, "air")
    (store.zone.path / "networks" / "air" / "quality.csv").unlink()
    with pytest.raises(UnknownName, match="no quality-control plan"):
        check_network(store, "air")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [("gross_range,fail_min", "gross_rang,fail_min", "no test"), ("fail_min,0,ug/m3", "fail_min,x,ug/m3", "no number"),
     ("fail_min,0,ug/m3", "fail_min,0,m", "cannot become"), ("2020-01-01,,test,project\nair.pm25,status", "2020,,test,project\nair.pm25,status", "no day"),
     ("维护,9", "维护,4", "3, 9 or none"), ("suspect_max,300,ug/m3,2020-01-01,,test", "suspect_max,300,ug/m3,2020-01-01,,", "source"),
     ("fail_max,1,mg/m3", "fail_min,1,mg/m3", "twice"),
     ("scope,test", "scope,tests", "columns"), ("project\nair.pm25,status", "open\nair.pm25,status", "open")],
)  # fmt: skip
def test_a_plan_that_cannot_be_used_says_where(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "quality.csv"
    assert old in PLAN
    path.write_text(PLAN.replace(old, new), encoding="utf-8")
    with pytest.raises((DeclarationError, MissingParameter), match=f"quality.csv.*({words})"):
        read_plan(path, {"air.pm25": "ug/m3"})


def test_limits_are_converted_to_the_unit_of_the_series(store: Observations) -> None:
    row = next(r for r in plan_of(store.network("air")).rows if r.parameter == "fail_max")
    assert plan_of(store.network("air")).number(row) == 1000 * 10**9  # 1 mg/m3


def test_lines_survive_a_torn_end(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    append_line(path, {"a": 1})
    path.write_bytes(path.read_bytes() + b'{"a": 2, "b"')
    append_line(path, {"a": 3})
    assert read_lines(path) == [{"a": 1}, {"a": 3}]


def test_the_verbs(store: Observations, capsys: pytest.CaptureFixture[str]) -> None:
    zone = str(store.zone.path)
    load(store, [100, 160, 155, 120, 110, 350])
    load(store, [160, 170, 100], site="A2", name="b.csv", first=3)
    assert main(["observe", "qc", "air", "--zone", zone]) == 0
    assert "2021: 48 values" in capsys.readouterr().out
    assert main(["observe", "alerts", "air", "--zone", zone, "--json", "--record"]) == 0
    said = json.loads(capsys.readouterr().out)
    active = [(e["site"], e["time"], e["linked"]) for e in said["events"] if e["after"] == "active"]
    assert active == [("A1", "2021-03-01T02:00:00", []), ("A2", "2021-03-01T04:00:00", ["A1"])]
    assert said["recorded"] == len(said["events"]) and said["messages"] == {"sent": 4, "held": 0}
    # the 350 is suspect: pending at most
    assert [e["after"] for e in said["events"] if e["site"] == "A1"] == ["pending", "active", "cleared", "pending"]
    episodes = store.root.parent.parent / "episodes.csv"
    rows = "A1,2021-03-01T04:00,2021-03-01T09:00\nA2,2021-05-01T00:00,2021-05-02T00:00\n"
    episodes.write_text(f"site,begin,end\n{rows}", encoding="utf-8")
    assert main(["observe", "alerts", "air", "--zone", zone, "--json", "--record", "--episodes", str(episodes)]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["recorded"] == 0 and again["events"] == said["events"]
    scored = again["scores"]["high"]
    assert (scored["hits"], scored["misses"], scored["false_alarms"], scored["median_lead_h"]) == (1, 1, 1, 2.0)
    words = [
        "observe",
        "decide",
        "air",
        A1,
        "2021-03-01T05:00",
        "valid",
        "--reason",
        "seen",
        "--by",
        "wang",
        "--zone",
        zone,
    ]
    assert main(words) == 0 and "valid (version 1)" in capsys.readouterr().out
    assert main(["observe", "alerts", "air", "--zone", zone, "--lang", "zh"]) == 0
    assert "预警中 2" in capsys.readouterr().out
    assert main([*words[:4], "yesterday", *words[5:]]) == 2
