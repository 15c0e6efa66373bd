"""A zone with a small air network, loaded, and a server on it."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from qingshan.observe.series.store import Observations
from qingshan.zone.zone import builtin_zones, open_zone

ROOT = Path(__file__).parents[3]
HOURS = 30
TOKEN = "a-secret-of-the-laboratory"
NETWORK = """[network]
id = "air"
domain = "air"
zh = "空气"
en = "air"
step = "1h"
averaging = "1h"
kind = "air_station"
gas_state = "reference"

[[procedure]]
id = "beta"
property = "air.pm25"
zh = "β 射线法"
standard = "HJ 653"
detection_limit = "2"
unit = "ug/m3"
"""
SITES = """id,name_zh,name_en,kind,lon,lat,air_zone,valid_from
A1,马鞍山,Ma'anshan,air_station,106.70,26.60,2,2019-05-01
A2,市站,City,air_station,106.90,26.50,2,
A3,无坐标,Nowhere,air_station,,,2,
"""


def rows() -> str:
    """PM2.5 of A1: hour n has the value n, hour 7 is below the limit, hour 9 missing; SO2 of A2: half of n."""
    lines = ["site,property,unit,start,value,status"]
    for n in range(HOURS):
        at = (datetime(2020, 3, 1) + timedelta(hours=n)).isoformat(timespec="minutes")
        word = "2L" if n == 7 else "*" if n == 9 else str(n)
        lines += [
            f"A1,air.pm25,ug/m3,{at},{word},正常",
            f"A2,air.so2,ug/m3,{at},{n / 2},",
            f"A3,air.co,ug/m3,{at},800,",
        ]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def watched(home: Path) -> Path:
    """The zone's folder; its store is under `home`."""
    folder = home / "zone"
    shutil.copytree(builtin_zones()["guizhou"], folder)
    shutil.rmtree(folder / "networks")
    (folder / "networks" / "air").mkdir(parents=True)
    (folder / "networks" / "air.toml").write_text(NETWORK, encoding="utf-8")
    (folder / "networks" / "air" / "sites.csv").write_text(SITES, encoding="utf-8")
    (home / "rows.csv").write_text(rows(), encoding="utf-8")
    before = os.environ.get("QINGSHAN_HOME")
    os.environ["QINGSHAN_HOME"] = str(home)
    try:
        report = Observations(open_zone(folder)).load("air", home / "rows.csv")
    finally:
        os.environ.pop("QINGSHAN_HOME") if before is None else os.environ.update(QINGSHAN_HOME=before)
    assert (report.n_new, report.n_errors) == (3 * HOURS, 0)
    return folder


@pytest.fixture(scope="session")
def server(home: Path, watched: Path) -> Iterator[str]:
    """The address of the server."""
    environment = {**os.environ, "QINGSHAN_HOME": str(home), "QINGSHAN_TOKEN_LOAD": f"lims:{TOKEN}"}
    command = [sys.executable, "-m", "tests.faces.api.serving", str(watched)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert select.select([process.stdout], [], [], 60)[0], "the server did not start"
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.terminate()
        process.wait(10)
