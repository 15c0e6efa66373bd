"""The synthetic forest inventory: the same plots in every year, inside the zone, trees that only grow or die."""

import csv
import io

import pytest
import rasterio

from qingshan.zone.synthetic.builtin import generated
from qingshan.zone.synthetic.woods import builtin_woods
from qingshan.zone.zone import open_zone


def rows(tables: dict[str, str], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(tables[f"{name}.csv"])))


def test_plots_stay_and_trees_grow_or_die() -> None:
    first, second = (builtin_woods("demo30m", year) for year in ("2015", "2020"))
    assert builtin_woods("demo30m", "2015") == first
    fixed = ("plot", "stratum", "x", "y", "place", "dominant", "origin")
    assert [[r[k] for k in fixed] for r in rows(first, "plots")] == [
        [r[k] for k in fixed] for r in rows(second, "plots")
    ]
    assert 200 < len(rows(first, "plots")) < 600 and 2_000 < len(rows(first, "trees")) < 10_000
    before = {(r["plot"], r["tree"]): r for r in rows(first, "trees")}
    after = {(r["plot"], r["tree"]): r for r in rows(second, "trees")}
    assert before.keys() == after.keys()
    assert all(float(after[k]["d_cm"]) > float(r["d_cm"]) for k, r in before.items())
    assert all(after[k]["status"] == "dead" for k, r in before.items() if r["status"] == "dead")
    assert {r["age_class"] for r in rows(first, "plots")} == {"", "1", "2", "3", "4", "5"}


def test_plots_lie_in_places_of_the_zone_and_strata_fill_it() -> None:
    zone = open_zone("demo30m")
    made = builtin_woods("demo30m", "2020")
    assert {r["place"] for r in rows(made, "plots")} == set(zone.places) - {zone.root}
    area = sum(float(r["area_hm2"]) for r in rows(made, "strata"))
    with rasterio.open(generated({"id": "places", "generator": "demo30m"})) as places:
        inside = int((places.read(1) > 0).sum())
    assert area == pytest.approx(inside * 0.09, abs=0.05)  # cells of 30 m: 0.09 hm2 each
