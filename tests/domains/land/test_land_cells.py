"""Rocky desertification cells at the worked examples of national-survey.md (NS) and land.md (LAND)."""

import math

import numpy as np

from qingshan.accounts.block.engine import run_sheet
from qingshan.accounts.block.sheet import Sheet
from qingshan.accounts.block.trace import trace
from qingshan.core.cell import find_cell
from qingshan.core.domain import load_domains
from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.source import ArraySource

load_domains()
SLOPES, COVERS = (5.0, 15.0, 25.0, 35.0), (20.0, 40.0, 60.0, 80.0)
EXPOSED, GROWN = (20.0, 30.0, 50.0, 70.0), (30.0, 50.0, 70.0, 80.0)


def f(name):
    return find_cell(name).function


def grades(slope, cover, rock):
    return (
        f("land.krd_slope_grade@hj1174_2021")(slope, *SLOPES), f("land.krd_cover_grade@hj1174_2021")(cover, *COVERS),
        f("land.krd_lithology_grade@hj1174_2021")(rock),
    )  # fmt: skip


def test_single_factors_at_the_cuts():
    """NS-14."""
    assert [grades(s, 50.0, 0.0)[0] for s in (4.9, 5.0, 15.0, 25.0, 35.0, 35.1)] == [0, 1, 1, 2, 3, 4]
    assert [grades(0.0, c, 0.0)[1] for c in (80.1, 80.0, 60.0, 40.0, 20.0, 19.9)] == [0, 1, 1, 2, 3, 4]


def test_every_rule_for_disagreeing_factors():
    """NS-15 (steep, wooded limestone) and NS-16 (level, bare dolomite)."""
    for case, wanted in (((40.0, 95.0, 4.0), (4, 4, 0, 5)), ((3.0, 15.0, 3.0), (4, 3, 4, 5))):
        given = grades(*case)
        rules = ("worst", "median", "cover_first", "flag_only")
        assert tuple(f(f"land.krd_grade@hj1174_2021:{rule}")(*given, 1.0) for rule in rules) == wanted
        assert f("land.krd_conflict@hj1174_2021")(*given, 1.0) == 1
    agreed = (2.0, 2.0, 2.0)
    assert (
        f("land.krd_grade@hj1174_2021:flag_only")(*agreed, 1.0) == 2
        and f("land.krd_conflict@hj1174_2021")(*agreed, 1.0) == 0
    )


def test_outside_karst_is_never_a_grade():
    for rule in ("worst", "median", "cover_first", "flag_only"):
        assert f(f"land.krd_grade@hj1174_2021:{rule}")(0.0, 0.0, 0.0, 0.0) == 6
        assert f(f"land.krd_grade@hj1174_2021:{rule}")(0.0, math.nan, 0.0, 1.0) == 7
    assert math.isnan(f("land.krd_conflict@hj1174_2021")(0.0, 1.0, 2.0, 0.0))


def test_xiong():
    """LAND-1 to LAND-3."""
    exposure = [f("land.krd_exposure_grade@xiong2002")(x, *EXPOSED) for x in (20.0, 30, 30.5, 50, 50.5, 70, 70.1)]
    assert exposure == [1, 1, 2, 2, 3, 3, 4]
    cover = [f("land.krd_cover_grade@xiong2002")(c, *GROWN) for c in (80.5, 80.0, 70, 69.5, 50, 49.9, 30, 29.9)]
    assert cover == [0, 1, 1, 2, 2, 3, 3, 4]
    given = f("land.krd_exposure_grade@xiong2002")(40.0, *EXPOSED), f("land.krd_cover_grade@xiong2002")(20.0, *GROWN)
    rules = {"worse": 4, "exposure_first": 2, "flag_only": 5}
    assert {r: f(f"land.krd_grade@xiong2002:{r}")(*given, 1.0) for r in rules} == rules


def test_unknown_and_not_karst_are_counted():
    """Three hectares: on karst without lithology (7 unknown), off karst without lithology (6), mask and all known (1)."""
    cells = "land.krd_grade@hj1174_2021:cover_first"
    bind = {"slope_grade": "slope", "cover_grade": "cover", "lithology_grade": "rock", "karst": "karst"}
    sheet = Sheet.of({
        "id": "karst", "layers": [{"id": i, "unit": "class"} for i in bind.values()],
        "steps": [{"id": "grade", "cell": cells, "bind": bind}],
        "sums": [{"id": "area", "of": "1", "by": "grade", "codes": 8, "per": "hm2", "unit": "hm2"}],
    })  # fmt: skip
    layers = {"slope": [[1.0, 1, 1]], "cover": [[1.0, 1, 1]], "rock": [[-9999.0, -9999, 1]], "karst": [[1.0, 0, 1]]}
    sources = {k: ArraySource(np.array(v), -9999.0, k) for k, v in layers.items()}
    grid = Grid("EPSG:32648", (100.0, 0.0, 0.0, 0.0, -100.0, 0.0), 3, 1)
    whole = ArraySource(np.zeros((1, 3), np.int32), -1), ArraySource(np.ones((1, 3), np.uint8), 0)
    result = run_sheet(sheet, grid, sources, {}, {}, *whole, n_places=1, codes=(1,), scheduler="sync")
    assert result.values["area"][0, 0].tolist() == [0, 1, 0, 0, 0, 0, 1, 1]
    traced = trace(sheet, {"slope": 1.0, "cover": 1.0, "rock": None, "karst": 0.0}, 1, {}, {}, 1e4)
    assert traced.values["grade"].value == 6
