"""A zone with small networks of every domain, its store in a folder of the test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from qingshan.observe.series.store import Observations
from qingshan.zone.zone import Zone, builtin_zones, open_zone

NOW = datetime(2026, 1, 1, tzinfo=UTC)

AIR = """[network]
id = "air"
domain = "air"
zh = "空气"
en = "air"
step = "1h"
averaging = "1h"
kind = "air_station"
gas_state = "reference"
"""
WATER = """[network]
id = "water"
domain = "water"
zh = "地表水"
en = "surface water"
kind = "section"

[[procedure]]
id = "colorimetric"
property = "water.nh3n"
standard = "HJ 535-2009"
detection_limit = "0.025"
unit = "mg/L"
"""
SOIL = """[network]
id = "soil"
domain = "soil"
zh = "土壤"
en = "soil"
averaging = "sample"
kind = "soil_plot"
open_sites = true
"""
SITES = {
    "air": "id,name_zh,kind,lon,lat,air_zone\nA1,一号站,air_station,106.7,26.6,2\nA2,二号站,air_station,106.8,26.5,2\n",
    "water": "id,name_zh,kind,water_body_type,valid_from,river_km\nS1,上游,section,river,2020-01-01,20\nS2,下游,section,river,,5\n",
}


@pytest.fixture(scope="session")
def zone_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("watched")
    shutil.copytree(builtin_zones()["guizhou"], folder, dirs_exist_ok=True)
    shutil.rmtree(folder / "networks")
    (folder / "networks").mkdir()
    for name, text in (("air", AIR), ("water", WATER), ("soil", SOIL)):
        (folder / "networks" / f"{name}.toml").write_text(text, encoding="utf-8")
    for name, text in SITES.items():
        (folder / "networks" / name).mkdir()
        (folder / "networks" / name / "sites.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def zone(zone_folder: Path) -> Zone:
    return open_zone(zone_folder)


@pytest.fixture
def store(zone: Zone, tmp_path: Path) -> Observations:
    return Observations(zone, tmp_path / "observations")


@pytest.fixture(scope="session")
def carried() -> Iterator[Path]:
    """The folder of the carried monitoring data."""
    folder = Path(os.environ.get("QINGSHAN_SHARED", Path(__file__).parents[4] / "shared")) / "data" / "monitoring"
    if not folder.is_dir():
        pytest.skip("the shared monitoring data is not on this machine")
    yield folder
