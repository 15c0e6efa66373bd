"""Alerts as they come, on worked example E21: PM2.5 1 h > 150, 2 of 3, clear < 115; series 100, 160, 155, 120, 110, 160."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from qingshan.core.errors import DeclarationError
from qingshan.observe.alert.network import EventLog, rules_of
from qingshan.observe.alert.replay import Episode, read_episodes
from qingshan.observe.alert.watch import Watch, alerts_of_year, raised_by
from qingshan.observe.quality.network import check_network, decide
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import builtin_zones, open_zone

NETWORK = '[network]\nid = "air"\ndomain = "air"\nzh = "空气"\nen = "air"\nstep = "1h"\naveraging = "1h"\nkind = "air_station"\ngas_state = "reference"\n'
RULES = (
    "id,expression,unit,averaging,averaging_min,operator,raise,m,n,clear,level,recipients,valid_from,valid_to,clause,owner,zh,en\n"
    "pm25_high,air.pm25,ug/m3,1h,1,>,150,2,3,115,warning,duty,2019-01-01,,,E21,偏高,high\n"
)
E21 = (100, 160, 155, 120, 110, 160)
Load = Callable[[datetime, Sequence[float]], None]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Observations:
    folder = tmp_path / "zone"
    shutil.copytree(builtin_zones()["guizhou"], folder, ignore=shutil.ignore_patterns("networks"))
    (folder / "networks" / "air").mkdir(parents=True)
    (folder / "networks" / "air.toml").write_text(NETWORK, encoding="utf-8")
    (folder / "networks" / "air" / "sites.csv").write_text("id,name_zh,kind\nA1,一号站,air_station\n", encoding="utf-8")
    (folder / "networks" / "air" / "alerts.csv").write_text(RULES, encoding="utf-8")
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))
    return Observations(open_zone(folder))


@pytest.fixture
def load(store: Observations, tmp_path: Path) -> Load:
    def take(first: datetime, values: Sequence[float]) -> None:
        lines = [
            f"A1,air.pm25,ug/m3,{first + timedelta(hours=i):%Y-%m-%dT%H:%M},{v}" for i, v in enumerate(values) if v
        ]
        path = tmp_path / "rows.csv"
        path.write_text("\n".join(["site,property,unit,start,value", *lines]) + "\n", encoding="utf-8")
        report = store.load("air", path, author="A", reason="corrected")
        assert report.n_errors == 0

    return take


def said(watch: Watch, after: int = 0) -> list[tuple[int, str, int]]:
    """(number, state after, hour) of the events."""
    return [(n, str(r["after"]), datetime.fromisoformat(str(r["time"])).hour) for n, r in watch.after(after)]


def test_events_are_numbered_once_and_for_good(store: Observations, load: Load) -> None:
    """Hours are the places of E21, from 1: pending at 2, active at 3, cleared at 5, pending at 6."""
    watch = Watch(store, "air")
    assert watch.follow() == 0 and watch.last == 0
    load(datetime(2020, 3, 1, 1), E21[:4])
    assert watch.follow() == 2
    assert said(watch) == [(1, "pending", 2), (2, "active", 3)]
    load(datetime(2020, 3, 1, 5), E21[4:])
    other = Watch(store, "air")  # another process
    assert other.follow() == 2 and watch.follow() == 0
    assert said(watch, 2) == said(other, 2) == [(3, "cleared", 5), (4, "pending", 6)]
    assert watch.after(4) == [] and watch.after(99) == []


def test_a_corrected_reading_withdraws_what_it_raised(store: Observations, load: Load) -> None:
    watch = Watch(store, "air")
    load(datetime(2020, 3, 1, 1), E21[:4])
    watch.follow()
    load(datetime(2020, 3, 1, 3), (100,))  # 155 was wrong: one exceedance in three is pending, no alert
    watch.follow()
    gone = [r for _, r in watch.after(2) if r["after"] == "withdrawn"]
    assert [(r["of"], r["before"]) for r in gone] == [(2, "active")]
    assert [number for number, _ in EventLog(store, "air").standing()] == [1]
    assert alerts_of_year(store, "air", rules_of(store.network("air")), 2020)[0].state == "pending"
    load(datetime(2020, 3, 1, 3), (155,))  # and back: it stands again, with a number of its own
    watch.follow()
    assert [str(r["after"]) for _, r in EventLog(store, "air").standing()] == ["pending", "active"]


def test_a_reviewers_word_is_followed(store: Observations, load: Load) -> None:
    watch = Watch(store, "air")
    load(datetime(2020, 3, 1, 1), E21[:4])
    watch.follow()
    decide(store, "air", "A1|air.pm25|1h", datetime(2020, 3, 1, 3), "invalid", reason="calibration", author="B")
    assert watch.follow() > 0
    assert "active" not in [str(r["after"]) for _, r in EventLog(store, "air").standing()]


def test_a_reading_that_came_after_quality_control_counts(store: Observations, load: Load, tmp_path: Path) -> None:
    """A run calls the empty hours of its day missing; what arrives for them later is not missing any more."""
    load(datetime(2020, 3, 1, 1), E21[:2])
    plan = tmp_path / "plan.csv"
    plan.write_text(
        "scope,test,parameter,value,unit,valid_from,valid_to,source,status\nair.pm25,gross_range,fail_max,1000,ug/m3,2019-01-01,,t,project\n"
        "air.pm25,gross_range,fail_min,0,ug/m3,2019-01-01,,t,project\nair.pm25,gross_range,suspect_max,none,ug/m3,2019-01-01,,t,project\n"
        "air.pm25,gross_range,suspect_min,none,ug/m3,2019-01-01,,t,project\n",
        encoding="utf-8",
    )
    check_network(store, "air", plan=plan)
    load(datetime(2020, 3, 1, 3), E21[2:3])
    watch = Watch(store, "air")
    watch.follow()
    assert said(watch) == [(1, "pending", 2), (2, "active", 3)]


def test_an_alert_goes_on_over_the_end_of_a_year(store: Observations, load: Load) -> None:
    """120 is above the clear value: an alert begun before midnight stands; without the year before there would be none."""
    watch = Watch(store, "air")
    load(datetime(2020, 12, 31, 22), (160, 155))
    watch.follow()
    load(datetime(2021, 1, 1), (120, 110))
    assert watch.follow() == 1
    assert said(watch, 2) == [(3, "cleared", 1)]
    rules = rules_of(store.network("air"))
    for year in (2020, 2021):  # in both years it is one alert
        (alert,) = alerts_of_year(store, "air", rules, year)
        assert (alert.begin, alert.end) == (datetime(2020, 12, 31, 23), datetime(2021, 1, 1, 1))


def test_the_readings_that_raised_an_alert(store: Observations, load: Load) -> None:
    """Active at 3 on the last three of n = 3, newest first."""
    load(datetime(2020, 3, 1, 1), E21)
    rules = rules_of(store.network("air"))
    found = alerts_of_year(store, "air", rules, 2020)
    assert [(a.state, a.begin.hour) for a in found] == [("pending", 6), ("cleared", 3)]
    raised = raised_by(store, store.network("air"), rules, found)
    assert [r.text for r in raised["pm25_high", "A1", datetime(2020, 3, 1, 3)]] == ["155", "160", "100"]
    assert raised_by(store, store.network("air"), rules, []) == {}


def test_episodes_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "episodes.csv"
    path.write_text("site,begin,end,rule\nA1,2020-03-01T00:00,2020-03-02T00:00,pm25_high\n", encoding="utf-8")
    assert read_episodes(path) == [Episode("A1", datetime(2020, 3, 1), datetime(2020, 3, 2), "pm25_high")]
    for body, what in (
        ("site,begin\nA1,2020-03-01\n", "end"),
        ("site,begin,end\nA1,yesterday,2020-03-01\n", "begin"),
        ("site,begin,end\nA1,2020-03-02,2020-03-01\n", "after it began"),
        ("site,begin,end\nA1,2020-03-01T00:00+08:00,2020-03-02\n", "begin"),
    ):
        path.write_text(body, encoding="utf-8")
        with pytest.raises(DeclarationError, match=what):
            read_episodes(path)
