"""Hours of travel between sections, from their places on the river and the declared speed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from qingshan.core.errors import QingshanError
from qingshan.observe.alert.network import upstream_of
from qingshan.observe.series.network import read_network
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import builtin_zones, open_zone

NETWORK = '[network]\nid = "water"\ndomain = "water"\nzh = "水"\nen = "water"\nkind = "section"\n'
SITES = "id,name_zh,kind,river_km,downstream\nA,甲,section,50,B\nB,乙,section,30,C\nC,丙,section,6,\nD,丁,section,,C\n"


def store_of(folder: Path, speed: str) -> Observations:
    shutil.copytree(builtin_zones()["guizhou"], folder, ignore=shutil.ignore_patterns("networks"))
    (folder / "networks" / "water").mkdir(parents=True)
    (folder / "networks" / "water.toml").write_text(NETWORK + speed, encoding="utf-8")
    (folder / "networks" / "water" / "sites.csv").write_text(SITES, encoding="utf-8")
    return Observations(open_zone(folder), folder / "store")


def test_travel_is_distance_over_the_declared_speed(tmp_path: Path) -> None:
    """20 km and 24 km at 4 km/h: 5 h and 6 h; a section without a place, or a network without a speed: 0."""
    found = upstream_of(store_of(tmp_path / "a", "flow_speed_km_h = 4\n"), "water")
    assert found == {"B": [("A", 5.0)], "C": [("B", 6.0), ("D", 0.0)]}
    none = upstream_of(store_of(tmp_path / "b", ""), "water")
    assert none == {"B": [("A", 0.0)], "C": [("B", 0.0), ("D", 0.0)]}


@pytest.mark.parametrize("speed", ['"fast"', "-1", "true"])
def test_a_speed_that_is_none_is_refused(tmp_path: Path, speed: str) -> None:
    path = tmp_path / "water.toml"
    path.write_text(NETWORK + f"flow_speed_km_h = {speed}\n", encoding="utf-8")
    with pytest.raises(QingshanError, match="flow_speed_km_h"):
        read_network(path)
