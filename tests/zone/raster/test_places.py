"""Places drawn from boundaries, and the point reader."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from qingshan.core.errors import OutOfBounds
from qingshan.zone.raster.grid import Grid, Window
from qingshan.zone.raster.places import NOWHERE, PlaceCells, draw_places

from .conftest import UTM, Ground, ramp

GRID = Grid(UTM, (10.0, 0.0, 0.0, 0.0, -10.0, 100.0), 12, 10)


def rings(*shapes: shapely.Geometry) -> list[list[np.ndarray]]:
    found = []
    for shape in shapes:
        parts = shapely.get_parts(shape)
        found.append([np.asarray(r.coords) for p in parts for r in (p.exterior, *p.interiors)])
    return found


def drawn(grid: Grid, *shapes: shapely.Geometry) -> PlaceCells:
    return draw_places(grid, rings(*shapes), {})


def centres(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    a, _, c, _, e, f = grid.transform
    return np.meshgrid(c + a * (np.arange(grid.width) + 0.5), f + e * (np.arange(grid.height) + 0.5))


def test_two_boxes_by_cell_centre():
    """The line x = 44 lies left of the centre of column 4 (45): that column belongs to the right box."""
    left, right = shapely.box(0, 0, 44, 100), shapely.box(44, 20, 100, 100)
    cells = drawn(GRID, left, right).read(GRID.whole)
    assert (cells[:, :4] == 0).all()
    assert (cells[:8, 4:10] == 1).all()
    assert (cells[8:, 4:] == NOWHERE).all()
    assert (cells[:, 10:] == NOWHERE).all()


def test_a_common_line_through_centres_leaves_no_gap_and_no_double():
    left, right = shapely.box(0, 0, 45, 100), shapely.box(45, 0, 120, 100)
    cells = drawn(GRID, left, right).read(GRID.whole)
    assert (cells >= 0).all()
    assert cells[0].tolist() == [0] * 4 + [1] * 8


def test_holes_and_parts():
    ring = shapely.box(0, 0, 100, 100).difference(shapely.box(30, 30, 60, 60))
    two = shapely.MultiPolygon([shapely.box(36, 36, 54, 54), shapely.box(100, 0, 120, 20)])
    cells = drawn(GRID, ring, two).read(GRID.whole)
    assert (cells[5, 4], cells[4, 3], cells[9, 11], cells[0, 11]) == (1, NOWHERE, 1, NOWHERE)


def test_of_overlapping_places_the_first_has_the_cell():
    cells = drawn(GRID, shapely.box(0, 0, 60, 100), shapely.box(40, 0, 120, 100)).read(GRID.whole)
    assert cells[0].tolist() == [0] * 6 + [1] * 6


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 9), st.integers(1, 8), st.integers(1, 6)), max_size=6))
def test_boxes_that_overlap_touch_or_leave_gaps(boxes):
    """Whole cells: the first box that holds a cell has it. Rows with and without overlap are found in different ways."""
    wanted = np.full(GRID.shape, NOWHERE)
    for place, (col, row, width, height) in reversed(list(enumerate(boxes))):
        wanted[row : row + height, col : col + width] = place
    shapes = [shapely.box(10 * c, 100 - 10 * (r + h), 10 * (c + w), 100 - 10 * r) for c, r, w, h in boxes]
    cells = drawn(GRID, *shapes)
    np.testing.assert_array_equal(cells.read(GRID.whole), wanted)
    heads = np.diff(cells.pointer)
    assert heads.tolist() == [1 + int((np.diff(line) != 0).sum()) for line in wanted]


def random_cover(seed: int) -> list[shapely.Geometry]:
    points = np.random.default_rng(seed).uniform([-10, -10], [130, 110], (14, 2))
    return list(shapely.voronoi_polygons(shapely.MultiPoint(points)).geoms)


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_agrees_with_shapely(seed):
    """Every cell belongs to the polygon that contains its centre (shapely.contains_xy)."""
    shapes = random_cover(seed)
    cells = drawn(GRID, *shapes).read(GRID.whole)
    x, y = centres(GRID)
    for index, shape in enumerate(shapes):
        assert np.array_equal(cells == index, shapely.contains_xy(shape, x, y))


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(0, 9), st.integers(0, 11), st.integers(1, 10), st.integers(1, 12))
def test_any_window_is_a_part_of_the_whole(seed, row, col, height, width):
    source = drawn(GRID, *random_cover(seed))
    window = Window(row, col, min(height, 10 - row), min(width, 12 - col))
    assert np.array_equal(source.read(window), source.read(GRID.whole)[window.slices])


def boxed(ground: Ground) -> Ground:
    """Boundaries that fit the grid: T1 its east part, T2 its west part, in degrees."""
    turn = Transformer.from_crs(UTM, 4326, always_xy=True)
    features = []
    for code, (left, right) in {"T0": (0, 1500), "T1": (750, 1500), "T2": (0, 750)}.items():
        x = 500000.0 + np.array([left, right, right, left, left])
        y = 3300000.0 - np.array([0, 0, 1200, 1200, 0])
        ring = [list(p) for p in zip(*turn.transform(x, y), strict=True)]
        features.append(
            {"type": "Feature", "properties": {"code": code}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        )
    (ground.folder / "boundaries.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return ground


def test_places_of_a_zone(standard):
    places = boxed(standard).book.places()
    cells = places.source.read(standard.book.grid.whole)
    assert places.codes == ("T1", "T2")
    assert (cells[:, :25] == 1).all()
    assert (cells[:, 25:] == 0).all()
    assert (cells.dtype, places.source.nodata) == (np.int32, -1)


# --- a point


def test_point_by_degrees_and_by_metres(standard):
    values = ramp(40, 50)
    values[7, 30] = np.nan
    standard.write("a", values, 500000.0, 3300000.0)
    standard.write("b", np.full((40, 50), 3, "uint8"), 500000.0, 3300000.0)
    boxed(standard).raster("a", "q.a", "m").raster("b", "q.b", "class", "static")
    lon, lat = Transformer.from_crs(UTM, 4326, always_xy=True).transform(500000 + 30 * 10.2, 3300000 - 30 * 5.9)
    found = standard.book.point(lon, lat)
    assert (found.row, found.col, found.place, found.area) == (5, 10, "T2", 900.0)
    assert [(v.id, v.value, v.unit) for v in found.values] == [("a", 260.0, "m"), ("b", 3.0, "class")]
    other = standard.book.point(x=500000 + 30 * 30.5, y=3300000 - 30 * 7.5, period="2021")
    assert (other.place, [v.id for v in other.values]) == ("T1", ["b"])
    assert standard.book.point(x=500915.0, y=3299775.0, quantity="q.a").values[0].value is None


def test_point_outside(standard):
    with pytest.raises(OutOfBounds, match="outside the grid"):
        boxed(standard).book.point(x=0.0, y=0.0)
