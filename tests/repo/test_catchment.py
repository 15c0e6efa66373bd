"""The tutorial on the real catchment runs as written, and what it computes keeps what the data can show.

Needs the data of `../shared/data/youwuzhen30m` (QINGSHAN_SHARED). Nothing of them stands here: every expectation is a
law (water that leaves has fallen before, a map and a terrain agree on a catchment), not a figure.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_tutorial import blocks, missing

DATA = (
    Path(os.environ.get("QINGSHAN_SHARED") or Path(__file__).parents[2] / "../shared").resolve() / "data/youwuzhen30m"
)
PAGES = ("tutorial-catchment.md", "tutorial-catchment.zh.md")
SECONDS = 600


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the page was run from its first line to its last; the Chinese page has the same code (see below)."""
    if not (DATA / "spatial").is_dir():
        pytest.skip(f"the catchment's data are not here: {DATA} (set QINGSHAN_SHARED)")
    root = Path(__file__).resolve().parents[2]
    folder = tmp_path_factory.mktemp("catchment")
    env = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "120",
        "QINGSHAN_HOME": str(folder / "home"), "YOUWUZHEN": str(DATA),
    }  # fmt: skip
    env.pop("QINGSHAN_ZONE", None)
    for step in blocks((root / "docs" / PAGES[0]).read_text(encoding="utf-8")):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", step.code], cwd=folder, env=env, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", timeout=SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{step.code}\nended with {done.returncode}:\n{done.stdout}"
        absent = missing(step.shown, done.stdout)
        assert absent == [], f"{step.code}\ndid not print {absent} but:\n{done.stdout}"
    return folder


@pytest.mark.long
def test_the_balance_of_each_year_lies_between_nothing_and_the_rain(work: Path) -> None:
    years = table(work / "balance.csv")
    assert [row["year"] for row in years] == [str(y) for y in range(2012, 2018)]
    for row in years:
        rain, potential = float(row["P"]), float(row["ET0"])
        assert 800 < potential < 1500  # mm: what a humid subtropical year can evaporate
        for name in ("P-AET", "P-AET Fu"):
            assert 0 < float(row[name]) < rain
            assert rain - float(row[name]) <= potential
        assert abs(float(row["P-AET"]) + float(row["AET"]) - rain) < 1e-9
        assert abs(float(row["P-AET"]) - float(row["P-AET Fu"])) < 0.25 * rain  # two Budyko curves
    wettest, driest = (pick(years, key=lambda row: float(row["P"])) for pick in (max, min))
    assert float(wettest["P-AET"]) > float(driest["P-AET"])


@pytest.mark.long
def test_the_map_and_the_terrain_agree_on_the_catchment(work: Path) -> None:
    seen = json.loads((work / "observed.json").read_text())
    assert seen["outlet_inside"] and seen["metres_inside"] and not seen["degrees_inside"]
    assert abs(seen["terrain_km2"] / seen["map_km2"] - 1) < 0.05
    covered = {float(row["km2"]) for row in table(work / "balance.csv")}
    assert all(abs(km2 - seen["map_km2"]) < 1e-9 for km2 in covered)


@pytest.mark.long
def test_no_measured_spell_gives_more_water_than_fell(work: Path) -> None:
    seen = json.loads((work / "observed.json").read_text())
    assert len(seen["spells"]) > 30
    assert all(0 < spell["ratio"] <= 1 for spell in seen["spells"])


@pytest.mark.long
def test_sampled_days_stay_below_the_rain_and_their_mean_is_no_annual_mean(work: Path) -> None:
    seen = json.loads((work / "observed.json").read_text())
    rain = {row["year"]: float(row["P"]) for row in table(work / "balance.csv")}
    for year, (days, depth) in seen["sampled"].items():
        assert days < 120 and 0 < depth < rain[year]
    assert seen["mean_as_year"] > max(rain.values())  # why the mean of the samples is refused as a year


@pytest.mark.long
def test_soil_and_sediment_keep_their_order(work: Path) -> None:
    figures = {row["quantity"]: float(row["value"]) for row in table(work / "sediment.csv")}
    potential, actual, export = (figures[f"soil.{n}"] for n in ("potential_loss", "actual_loss", "sediment_export"))
    assert 0 < export < actual < potential
    assert figures["soil.retention"] == pytest.approx(potential - actual, rel=1e-9)
    year = next(row for row in table(work / "balance.csv") if row["year"] == "2012")
    water = figures["water.yield"] + figures["water.aet"]
    assert water == pytest.approx(float(year["P"]) / 1000 * float(year["km2"]) * 1e6, rel=1e-6)  # closes on the rain


def test_both_pages_run_the_same_code() -> None:
    root = Path(__file__).resolve().parents[2]
    english, chinese = (blocks((root / "docs" / page).read_text(encoding="utf-8")) for page in PAGES)
    assert [b.code for b in english] == [b.code for b in chinese]
    assert [b.shown for b in english] == [b.shown for b in chinese]
    assert len(english) >= 10
