"""Raster accounts run by name are sealed: explained to their files, replayed, and shown; two rounds of rocky desertification."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from said import Call
from test_cli_rasters import CLASSES, COVER, write_zone

PERIOD = """
[[period]]
id = "2015"
year = 2015
zh = "2015 年"
en = "2015"
also = ["static"]
"""
BEFORE = np.array([[0.9, 0.9, 0.7, 0.7], [0.7] * 4, [-9999, 0.1, 0.1, 0.1], [0.9] * 4], np.float32)


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    return write_zone(tmp_path / "sixteen", CLASSES)


@pytest.fixture
def rounds(tmp_path: Path) -> Path:
    """Cover of 2015 beside that of 2020; one karst cell of 2015 has none."""
    zone = write_zone(tmp_path / "rounds", CLASSES, ("cover15", "vegetation.cover", "fraction", BEFORE))
    text = (zone / "zone.toml").read_text(encoding="utf-8")
    text = text.replace("\n[[period]]", PERIOD + "[[period]]", 1)
    for id, year in (("cover15", "2015"), ("cover", "2020")):
        head, tail = text.split(f'path = "{id}.tif"')
        text = head[: head.rindex('period = "static"')] + f'period = "{year}"\npath = "{id}.tif"' + tail
    (zone / "zone.toml").write_text(text, encoding="utf-8")
    return zone


def test_two_rounds_are_compared_on_both_bases(call: Call, rounds: Path):
    """Cover decides (HJ 1174-2021 A.3), cells of 1 km2 = 0.01 万hm2. 2020: rows 2 and 3 are 轻度 or worse, 8 km2. 2015: 2 + 4 + 3 = 9 km2
    judged as desertified, one cell unknown. Comparable leaves that cell out of both: 9 and 7 km2.
    Mean annual decrease over 5 years: 1 - (8/9)^(1/5) and 1 - (7/9)^(1/5)."""
    said = call("run", "karst_rounds", "--zone", rounds, "--year", "2020", "--place", "R", "--json")
    assert said.code == 0, said.err
    root = next(p for p in said.json["accounts"][0]["places"] if p["place"] == "R")
    found = {f["quantity"].removeprefix("krd.round_"): f["value"] for f in root["figures"]}
    assert found["change_cover_first_reported"] == pytest.approx(-0.01)
    assert found["change_cover_first_comparable"] == pytest.approx(-0.02)
    assert found["mean_annual_decrease_cover_first_reported"] == pytest.approx((1 - (8 / 9) ** 0.2) * 100)
    assert found["mean_annual_decrease_cover_first_comparable"] == pytest.approx((1 - (7 / 9) ** 0.2) * 100)
    assert found["change_xiong_reported"] is None  # no exposure in this zone
    told = call("explain", "krd.round_change_cover_first_comparable", "--zone", rounds, "--profile", "karst_rounds")
    assert (
        "-0.02 万hm2" in told.out
        and "basis_start = comparable" in told.out
        and "land.krd_judged_both@project" in told.out
    )
    assert "cover15.tif" in told.out


def test_the_first_period_has_no_round_before(call: Call, rounds: Path):
    said = call("run", "karst_rounds", "--zone", rounds, "--year", "2015", "--strict")
    assert said.code == 1 and "no period before 2015" in said.out


def test_a_raster_account_is_explained_and_verified(call: Call, cells: Path):
    """The share in conflict of test_cli_rasters: 9 of 12 km2. Its tree ends at rasters with their hash; one changed cell is named."""
    said = call("run", "karst", "--zone", cells, "--year", "2020", "--json").json["accounts"][0]
    told = call("explain", "land.krd_conflict_share", "--zone", cells, "--profile", "karst").out
    assert "75 %" in told and "land.krd_conflict_share@project" in told
    grades = call("explain", "krd.grade_area_flag_only.5", "--zone", cells, "--profile", "karst", "--full").out
    for part in ("9 km2", "land.krd_grade@hj1174_2021", "cover.tif", "rock.tif", "height.tif", "synthetic"):
        assert part in grades
    by_class = call("explain", "krd.judged_area", "--cls", "woods", "--zone", cells, "--profile", "karst")
    assert by_class.code == 0 and "12 km2" in by_class.out
    assert call("run", "karst", "--zone", cells, "--year", "2020", "--json").json["accounts"][0]["run"] == said["run"]
    assert call("verify", said["run"]).code == 0
    with rasterio.open(cells / "cover.tif", "r+") as cover:
        cover.write(1 - COVER, 1)
    changed = call("verify", said["run"])
    assert changed.code == 1 and "cover.tif" in changed.out


def test_a_stage_names_its_formulas(call: Call, cells: Path):
    """What a stage computes inside is named with its formula like any step."""
    from qingshan.accounts.stages import find_stage  # noqa: PLC0415

    assert "soil.delivery_ratio@vigiak2012" in find_stage("sediment").methods({})
    assert "soil.s@liu1994" in find_stage("slope_length").methods({"steep": "liu1994"})
    assert "soil.s@renard1997" not in find_stage("slope_length").methods({"steep": "liu1994"})
    assert "nature.habitat_quality@invest_guide" in find_stage("habitat").methods({})


def test_verbs_that_need_no_cells_load_no_compiler(tmp_path: Path) -> None:
    """`check`, `run` and `explain` of a zone without rasters answer at once: neither numba nor scipy is read, which takes seconds."""
    code = (
        "import sys; from qingshan.faces.cli import main;"
        "codes = [main(a.split()) for a in ('check guizhou', 'run --zone guizhou', 'explain G08 --zone guizhou')];"
        "heavy = sorted({'numba', 'scipy', 'rasterio'} & set(sys.modules)); print(codes, heavy, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"QINGSHAN_HOME": str(tmp_path)}, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert done.stderr.splitlines()[-1] == "[0, 0, 0] []"
