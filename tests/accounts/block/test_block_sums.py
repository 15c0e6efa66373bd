"""Sums of a sheet on grids small enough to add up by hand; cells are 10 m x 10 m = 100 m2."""

import copy
import math

import numpy as np
import pytest

from qingshan.accounts.block.sheet import Sheet
from qingshan.core.errors import DeclarationError, UnitError
from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.source import ArraySource

from .conftest import BALANCE, Case, case

PLACES = [[0, 0, 1], [0, 1, -1]]
CLASSES = [[1, 2, 1], [1, 0, 2]]
RAIN = [[100.0, 200.0, 300.0], [400.0, 500.0, 600.0]]
ET = [[40.0, 50.0, 60.0], [70.0, 80.0, 90.0]]


def with_sums(*sums: dict, **more: object) -> dict:
    content = copy.deepcopy(BALANCE)
    content["sums"] = list(sums)
    return content | more


def test_area_depth_and_table_by_place_and_class() -> None:
    done = case(RAIN, ET, PLACES, CLASSES).run()
    # place 0: class 1 has cells (0,0) and (1,0), class 2 has (0,1); place 1: class 1 has (0,2), and (1,1) is of no class
    assert done.values["area"].tolist() == [[200.0, 100.0], [100.0, 0.0]]
    # (100-40) + (400-70) = 390 mm on 100 m2 = 39 m3; 200-50 = 150 mm: 15 m3; 300-60 = 240 mm: 24 m3
    assert done.values["left"] == pytest.approx(np.array([[39.0, 15.0], [24.0, 0.0]]), rel=1e-15)
    # 10 t/hm2 on 0.02 hm2, 20 on 0.01, 10 on 0.01
    assert done.values["stock"] == pytest.approx(np.array([[0.2, 0.2], [0.1, 0.0]]), rel=1e-15)
    assert done.unclassified_area == 100.0
    assert done.cells == {"area": 4, "left": 4, "stock": 4}
    assert [f.code for f in done.findings(case(RAIN, ET, PLACES, CLASSES).sheet)] == ["cells_without_class"]


@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize(
    ("nodata", "cell"), [(None, math.nan), (-9999.0, -9999.0), (-9999.0, math.nan), (math.nan, math.nan), (-3.4028234663852886e38, -3.4028234663852886e38)]
)  # fmt: skip
def test_nodata_of_a_layer_is_left_out_and_its_area_told(kind: str, nodata: float | None, cell: float) -> None:
    rain = np.array(RAIN, kind)
    rain[0, 0] = cell
    done = case(rain, np.array(ET, kind), PLACES, CLASSES, nodata={"rain": nodata}).run()
    assert done.values["area"].tolist() == [[200.0, 100.0], [100.0, 0.0]]  # the area needs no layer
    assert done.values["left"] == pytest.approx(np.array([[33.0, 15.0], [24.0, 0.0]]), rel=1e-15)  # without 60 mm
    assert done.nodata_area == {"rain": 100.0, "et": 0.0}
    assert done.excluded_area["left"] == 100.0
    assert done.cells["left"] == 3


def test_nodata_that_is_a_code_of_an_integer_layer() -> None:
    rain = np.array(RAIN, np.int16)
    done = case(rain, np.array(ET, np.int16), PLACES, CLASSES, nodata={"rain": 100, "et": -9999}).run()
    assert done.nodata_area == {"rain": 100.0, "et": 0.0}
    assert done.values["left"][0].tolist() == pytest.approx([33.0, 15.0], rel=1e-15)


def test_nodata_that_the_type_cannot_hold_never_occurs() -> None:
    done = case(
        np.array(RAIN, np.int16), np.array(ET, np.int16), PLACES, CLASSES, nodata={"rain": 1e9, "et": 0.5}
    ).run()
    assert done.nodata_area == {"rain": 0.0, "et": 0.0}


def test_a_layer_that_is_all_nodata_gives_zero_and_says_so() -> None:
    done = case(np.full((2, 3), np.nan), ET, PLACES, CLASSES).run()
    assert not done.values["left"].any() and done.cells["left"] == 0
    assert done.nodata_area["rain"] == 400.0  # the four classified cells inside


def test_nodata_of_places_and_classes() -> None:
    """Place -1 is outside and counts nowhere; class 0 is NoData and its area is told; code 3 does not count either."""
    done = case(RAIN, ET, PLACES, [[1, 3, 1], [1, 0, 2]]).run()
    assert done.values["area"].tolist() == [[200.0, 0.0], [100.0, 0.0]]
    assert done.unclassified_area == 200.0


def test_a_valid_code_that_is_declared_nodata_does_not_count() -> None:
    given = case(RAIN, ET, PLACES, CLASSES)
    classes = ArraySource(np.array(CLASSES, np.uint8), 2, "classes")
    done = Case(given.sheet, given.grid, given.sources, given.tables, given.places, classes, 2, (1, 2)).run()
    assert done.values["area"].tolist() == [[200.0, 0.0], [100.0, 0.0]]


def test_a_class_without_a_row_is_left_out_where_the_table_is_used() -> None:
    done = case(RAIN, ET, PLACES, CLASSES, stock=(np.nan, np.nan, 20.0)).run()
    assert done.values["stock"] == pytest.approx(np.array([[0.0, 0.2], [0.0, 0.0]]), rel=1e-15)
    assert done.values["left"][0, 0] == pytest.approx(39.0, rel=1e-15)
    assert done.undefined_area["stock"] == 300.0


def test_cells_outside_the_limits_are_not_used_but_told() -> None:
    """The method allows 0 to 15000 mm of rain (water.yield_depth); -1 and 15001 are outside."""
    rain = np.array(RAIN)
    rain[0, 0], rain[0, 1] = -1.0, 15001.0
    given = case(rain, ET, PLACES, CLASSES)
    done = given.run()
    assert done.outside_cells == {"rain": 2, "et": 0} and done.outside_area["rain"] == 200.0
    assert done.values["left"][0].tolist() == pytest.approx([33.0, 0.0], rel=1e-15)
    assert done.nodata_area["rain"] == 0.0
    assert "cells_outside_limits" in [f.code for f in done.findings(given.sheet)]


def test_units_are_converted_between_layer_and_method() -> None:
    content = copy.deepcopy(BALANCE)
    content["layers"][0]["unit"] = "m"
    done = case(np.array(RAIN) / 1000, ET, PLACES, CLASSES, content=content).run()
    assert done.values["left"] == pytest.approx(np.array([[39.0, 15.0], [24.0, 0.0]]), rel=1e-12)


def test_a_sum_in_another_unit_of_its_dimension() -> None:
    content = with_sums(
        {"id": "left", "of": "left", "per": "m2", "unit": "万m3"},
        {"id": "area", "of": "1", "per": "km2", "unit": "hm2"},
    )
    done = case(RAIN, ET, PLACES, CLASSES, content=content).run()
    assert done.values["left"][0, 0] == pytest.approx(39e-4, rel=1e-15)
    assert done.values["area"][0, 0] == pytest.approx(0.02, rel=1e-15)


def test_a_sum_split_by_a_second_layer_of_codes() -> None:
    """Codes 0 and 1 have a sum each; code 7 lies beyond `codes` and belongs to neither."""
    content = with_sums({"id": "area", "of": "1", "per": "m2", "unit": "m2", "by": "grade", "codes": 2})
    content["layers"] = [*content["layers"], {"id": "grade", "classes": True}]
    grade = ArraySource(np.array([[0, 1, 1], [1, 0, 1]], np.uint8), 255, "grade")
    done = case(RAIN, ET, PLACES, CLASSES, content=content, grade=grade).run()
    assert done.values["area"].tolist() == [[[100.0, 100.0], [0.0, 100.0]], [[0.0, 100.0], [0.0, 0.0]]]
    beyond = ArraySource(np.array([[7, 1, 255], [1, 0, 1]], np.uint8), 255, "grade")
    done = case(RAIN, ET, PLACES, CLASSES, content=content, grade=beyond).run()
    assert done.values["area"].tolist() == [[[0.0, 100.0], [0.0, 100.0]], [[0.0, 0.0], [0.0, 0.0]]]
    assert done.undefined_area["area"] == 100.0 and done.excluded_area["area"] == 100.0


def test_a_table_by_another_class_layer() -> None:
    content = with_sums({"id": "stock", "of": "stock", "per": "hm2", "unit": "t"})
    content["layers"] = [*content["layers"], {"id": "soil", "classes": True}]
    content["tables"] = [{"id": "stock", "unit": "t/hm2", "by": "soil"}]
    soil = ArraySource(np.array([[1, 1, 2], [0, 1, 1]], np.uint8), None, "soil")
    done = case(RAIN, ET, PLACES, CLASSES, content=content, soil=soil, stock=(np.nan, 10.0, 20.0)).run()
    # (0,0) and (0,1) have 10 t/hm2 on 0.01 hm2, (0,2) has 20; soil 0 has no row
    assert done.values["stock"] == pytest.approx(np.array([[0.1, 0.1], [0.2, 0.0]]), rel=1e-15)


def test_one_cell() -> None:
    done = case([[3.0]], [[1.0]], [[0]], [[1]]).run()
    assert done.values["left"].tolist() == [[pytest.approx(0.2, rel=1e-15), 0.0]]


def test_a_geographic_grid_has_the_area_of_each_row() -> None:
    given = case(RAIN, ET, [[0] * 3] * 2, [[1] * 3] * 2)
    grid = Grid("EPSG:4326", (0.5, 0.0, 100.0, 0.0, -0.5, 30.0), 3, 2)
    done = Case(given.sheet, grid, given.sources, given.tables, given.places, given.classes, 1, (1, 2)).run()
    # test_grid.py holds row_area against geodesic areas
    assert done.values["area"][0, 0] == pytest.approx(3 * grid.row_area.sum(), rel=1e-14)
    assert grid.row_area[0] < grid.row_area[1]


def test_the_same_for_a_turned_and_a_mirrored_grid() -> None:
    draw = np.random.default_rng(3)
    rain, et = draw.random((40, 30)) * 2000, draw.random((40, 30)) * 900
    places, classes = draw.integers(-1, 3, (40, 30)), draw.integers(0, 4, (40, 30))
    plain = case(rain, et, places, classes).run()
    for turn in (np.rot90, np.flipud, np.fliplr, np.transpose):
        turned = case(*(np.ascontiguousarray(turn(a)) for a in (rain, et, places, classes))).run()
        for name, values in plain.values.items():
            assert turned.values[name].tobytes() == values.tobytes()


def test_what_is_not_given_is_named() -> None:
    given = case(RAIN, ET, PLACES, CLASSES)
    lacking = Case(
        given.sheet, given.grid, {"rain": given.sources["rain"]}, given.tables, given.places, given.classes, 2, (1, 2)
    )
    with pytest.raises(DeclarationError, match="no layer is given for et"):
        lacking.run()
    with pytest.raises(DeclarationError, match="1 to 65535"):
        Case(given.sheet, given.grid, given.sources, given.tables, given.places, given.classes, 2, (0, 1)).run()


def test_a_sum_that_cannot_be_in_its_unit_is_refused() -> None:
    with pytest.raises(UnitError, match="not kg"):
        Sheet.of(with_sums({"id": "left", "of": "left", "per": "m2", "unit": "kg"}))
