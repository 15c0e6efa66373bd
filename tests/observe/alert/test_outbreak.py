"""Reports of dead animals of a stored network: counts, CUSUM, cluster, by function and by verb."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from qingshan.core.errors import OutOfBounds
from qingshan.faces.cli import main
from qingshan.observe.alert.outbreak import counts_of
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import builtin_zones, open_zone

NETWORK = '[network]\nid = "wild"\ndomain = "nature"\nzh = "野生动物报告"\nen = "wildlife reports"\nkind = "wildlife_report"\naveraging = "instant"\n'
KIND = "wildlife_report"
PLACES = (("W1", "106.0,26.0"), ("W2", "106.5,26.0"), ("W3", "107.0,26.0"), ("W4", ","))
SITES = "id,name_zh,kind,lon,lat\n" + "".join(f"{id},{id},{KIND},{place}\n" for id, place in PLACES)
MONDAY = datetime(2026, 1, 5)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Observations:
    folder = tmp_path / "zone"
    shutil.copytree(builtin_zones()["guizhou"], folder, ignore=shutil.ignore_patterns("networks"))
    (folder / "networks" / "wild").mkdir(parents=True)
    (folder / "networks" / "wild.toml").write_text(NETWORK, encoding="utf-8")
    (folder / "networks" / "wild" / "sites.csv").write_text(SITES, encoding="utf-8")
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))
    made = Observations(open_zone(folder))
    weeks = {"W1": (2, 0, 0, 6), "W2": (2, 2, 2, 1), "W3": (2, 2, 2, 1), "W4": (0, 0, 0, 3)}
    rows = [
        f"{site},dead,count,{MONDAY + timedelta(weeks=i, days=i, hours=9):%Y-%m-%dT%H:%M},{n}"
        for site, ns in weeks.items()
        for i, n in enumerate(ns)
    ]
    path = tmp_path / "reports.csv"
    path.write_text("site,property,unit,start,value\n" + "\n".join(rows) + "\n", encoding="utf-8")
    report = made.load("wild", path)
    assert report.n_new == 16 and report.n_errors == 0
    return made


def test_counts_by_site_and_week(store: Observations) -> None:
    found = counts_of(store, "wild", "nature.animals_dead", MONDAY, MONDAY + timedelta(weeks=4), 7)
    assert found.sites == ("W1", "W2", "W3") and found.cases.tolist() == [[2, 0, 0, 6], [2, 2, 2, 1], [2, 2, 2, 1]]
    assert found.nowhere == 3 and found.begin(3) == MONDAY + timedelta(weeks=3)
    with pytest.raises(OutOfBounds, match="whole number of 7 days"):
        counts_of(store, "wild", "nature.animals_dead", MONDAY, MONDAY + timedelta(days=10), 7)


def test_the_verb_names_the_cluster(store: Observations, capsys: pytest.CaptureFixture[str]) -> None:
    """The network of the scan's hand arithmetic. Weekly sums 6 4 4 8 about 4 with k = 1: 1, 0, 0, 3; above h = 2 in the last week."""
    words = [
        "observe",
        "outbreak",
        "wild",
        "--zone",
        str(store.zone.path),
        "--first",
        "2026-01-05",
        "--last",
        "2026-02-01",
    ]
    words += [
        "--target",
        "4",
        "--k",
        "1",
        "--h",
        "2",
        "--radius",
        "60",
        "--periods",
        "2",
        "--draws",
        "99",
        "--seed",
        "1",
    ]
    assert main([*words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (
        said["cases"] == [6, 4, 4, 8]
        and said["cusum"] == [1, 0, 0, 3]
        and said["alarms"] == [3]
        and said["rising"] is True
    )
    assert (
        said["cluster"]["sites"] == ["W1"]
        and said["cluster"]["llr"] == pytest.approx(1.5175, abs=5e-5)
        and said["nowhere"] == 3
    )
    assert (
        main(words) == 0
        and "most likely cluster: W1, from 2026-01-26, 6 cases (2.91 expected)" in capsys.readouterr().out
    )
    assert main([*words, "--lang", "zh"]) == 0 and "最可能的聚集：W1" in capsys.readouterr().out
    assert main(["x" if w == "60" else w for w in words]) == 2
