"""Warping to the zone grid: hand-computed cells, agreement with GDAL, the same bytes from any window."""

from __future__ import annotations

import math
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio.warp import Resampling, reproject

from qingshan.core.errors import ZoneError
from qingshan.zone.raster.grid import Grid, Window
from qingshan.zone.raster.lattice import coordinate_step, coordinates
from qingshan.zone.raster.stored import look

from .conftest import UTM, Ground, ramp

W, N = 500000.0, 3300000.0


def read(ground: Ground, quantity: str = "q.a", period: str = "2020"):
    book = ground.book
    source = book.layer(quantity, period).source
    return source.read(book.grid.whole)


def small(ground: Ground, rows: int = 2, cols: int = 2, cell: float = 30.0) -> Ground:
    return ground.grid(UTM, W, N, cell, rows, cols)


def entry(ground: Ground, how: str, unit: str = "m", more: str = "") -> Ground:
    return ground.raster("a", "q.a", unit, more=f'resampling = "{how}"\n{more}')


# --- by hand


def test_average_of_whole_cells(ground):
    """10 m cells 0..35 in 6 columns; the first 30 m cell holds 0 1 2 6 7 8 12 13 14, mean 7."""
    ground.write("a", ramp(6, 6), W, N, 10.0)
    assert read(entry(small(ground), "average")).tolist() == [[7, 10], [25, 28]]


def test_average_weights_by_overlap(ground):
    """20 m cells 1, 2, 3 under 30 m cells: (20*1 + 10*2)/30 = 4/3 and (10*2 + 20*3)/30 = 8/3."""
    ground.write("a", np.array([[1, 2, 3]] * 3, "float32"), W, N, 20.0)
    assert read(entry(small(ground), "average")) == pytest.approx(np.array([[4 / 3, 8 / 3]] * 2), rel=1e-6)


def test_average_leaves_nodata_out_and_wants_half(ground):
    """Of nine cells the first box keeps five (1..5, mean 3), the second four: less than half, NoData."""
    values = np.full((3, 6), -1.0, "float32")
    values[:, :3] = [[1, 2, 3], [4, 5, -1], [-1, -1, -1]]
    values[:, 3:] = [[1, 2, 3], [4, -1, -1], [-1, -1, -1]]
    ground.write("a", values, W, N, 10.0, nodata=-1)
    found = read(entry(small(ground, 1, 2), "average"))
    assert found[0, 0] == 3
    assert np.isnan(found[0, 1])


def test_bilinear_half_a_cell_off(ground):
    """The file lies half a cell west and north: each centre is the corner of four cells, their mean."""
    ground.write("a", np.array([[1, 2, 4], [3, 6, 8], [5, 7, 9]], "float32"), W - 15, N + 15)
    assert read(entry(small(ground), "bilinear")).tolist() == [[3.0, 5.0], [5.25, 7.5]]


def test_bilinear_drops_neighbours_without_data(ground):
    """Centre a quarter cell right of the cell with 1: weights 3/4 and 1/4; with the right one NoData it stays 1."""
    ground.write("a", np.array([[1, 5]], "float32"), W - 7.5, N, nodata=-1)
    assert read(entry(small(ground, 1, 1), "bilinear")).tolist() == [[2.0]]


@pytest.mark.parametrize(("nodata", "expected"), [(5.0, 1.0), (1.0, math.nan)])
def test_bilinear_nodata_follows_the_centre(ground, nodata, expected):
    ground.write("a", np.array([[1, 5]], "float32"), W - 7.5, N, nodata=nodata)
    assert read(entry(small(ground, 1, 1), "bilinear"))[0, 0] == pytest.approx(expected, nan_ok=True)


def test_mode_takes_the_largest_overlap_and_of_equals_the_smaller(ground):
    """10 m cells: left box has five 7s and four 2s; the right box has 3, 3, 3, 3, 9, 9, 9, 9 and NoData: 3."""
    values = np.array([[7, 2, 7, 9, 3, 9], [2, 7, 2, 3, 0, 3], [7, 2, 7, 9, 3, 9]], "uint8")
    ground.write("a", values, W, N, 10.0, nodata=0)
    found = read(entry(small(ground, 1, 2), "mode", "class"))
    assert (found.tolist(), found.dtype) == ([[7, 3]], np.uint8)


def test_nearest_keeps_the_type(ground):
    ground.write("a", np.array([[10, 20], [30, 40]], "uint16"), W - 10, N + 10)
    found = read(entry(small(ground), "nearest", "class"))
    assert (found.tolist(), found.dtype) == ([[10, 20], [30, 40]], np.int32)  # widened: the file has no NoData value


def test_integers_become_real_where_values_mix(ground):
    ground.write("a", np.array([[1, 2], [2, 2]], "uint8"), W, N, 15.0)
    found = read(entry(small(ground, 1, 1), "average"))
    assert (found.tolist(), found.dtype) == ([[1.75]], np.float32)


# --- NoData of every kind


@pytest.mark.parametrize(
    ("dtype", "file_nodata", "declared", "missing"),
    [
        ("float32", None, "", math.nan),
        ("float32", float(np.finfo("float32").min), "", float(np.finfo("float32").min)),
        ("float32", 3.4028234663852886e38, "", 3.4028234663852886e38),
        ("float32", None, "nodata = -9999.0", -9999),
        ("float32", None, "", float(np.finfo("float32").min)),
        ("float32", -3.4028230607370965e38, "", float(np.finfo("float32").min)),  # printed one digit short
        ("float32", math.nan, "", math.nan),
        ("int16", -32768, "", -32768),
        ("uint8", 255, "", 255),
        ("float64", -1.7976931348623157e308, "", -1.7976931348623157e308),
    ],
)
@pytest.mark.parametrize("how", ["nearest", "bilinear", "average", "mode", "sum"])
def test_nodata_takes_no_part(ground, dtype, file_nodata, declared, missing, how):
    values = np.full((6, 6), 8, dtype)
    values[:3, :3] = missing
    ground.write("a", values, W, N, 10.0, nodata=file_nodata)
    book = entry(small(ground), how, more=declared).book
    source = book.layer("q.a", "2020").source
    found = source.read(book.grid.whole).astype(float)
    empty = np.isnan(found) | (found == source.nodata)
    assert empty.tolist() == [[True, False], [False, False]]
    assert found[1, 1] == (72 if how == "sum" else 8)


def test_a_valid_code_declared_as_nodata(ground):
    """The file calls 0 NoData, the entry says that every code counts."""
    ground.write("a", np.zeros((6, 6), "uint8"), W, N, 10.0, nodata=0)
    assert (read(entry(small(ground), "mode", "class", 'nodata = "none"')) == 0).all()


def test_nodata_that_the_type_cannot_hold(ground):
    ground.write("a", np.full((6, 6), 255, "uint8"), W, N, 10.0)
    assert (read(entry(small(ground), "average", more="nodata = -9999.0")) == 255).all()


def test_outside_the_file_is_nodata(ground):
    ground.write("a", np.full((3, 3), 5, "float32"), W + 30, N - 30, 10.0)
    found = read(entry(small(ground, 3, 3), "average"))
    assert np.isnan(found).sum() == 8
    assert found[1, 1] == 5


# --- counts


def people(rows: int, cols: int) -> np.ndarray:
    return np.random.default_rng(20221).integers(0, 900, (rows, cols)).astype("float32")


@pytest.mark.parametrize("cell", [7.0, 10.0, 45.0, 100.0, 333.0])
def test_counts_are_kept_in_one_crs(ground, cell):
    values = people(int(3000 / cell) - 2, int(3000 / cell) - 2)
    ground.write("a", values, W + 12.5, N - 12.5, cell)
    found = read(entry(ground.grid(UTM, W, N, 30.0, 100, 100), "sum"))
    assert np.nansum(found) == pytest.approx(values.sum(dtype=float), rel=1e-9)


@pytest.mark.parametrize("degrees", [0.0002, 0.001, 0.01])
def test_counts_are_kept_across_crs(ground, degrees):
    """A file in degrees that lies wholly in the grid: its total is kept to 1e-9."""
    west, south, east, north = Transformer.from_crs(UTM, 4326, always_xy=True).transform_bounds(
        W, N - 12000, W + 12000, N
    )
    rows, cols = int((north - south) / degrees) - 4, int((east - west) / degrees) - 4
    values = people(rows, cols)
    values[0, 0] = -1
    ground.write("a", values, west + 2 * degrees, north - 2 * degrees, degrees, crs="EPSG:4326", nodata=-1)
    found = read(entry(ground.grid(UTM, W, N, 30.0, 400, 400), "sum"))
    assert np.nansum(found) == pytest.approx(values.sum(dtype=float) + 1, rel=1e-9)


def test_counts_of_a_cut_cell(ground):
    """A cell of 60 m with 8 people on a grid of one 30 m cell at its corner: a quarter."""
    ground.write("a", np.array([[8]], "float32"), W, N, 60.0)
    assert read(entry(small(ground, 1, 1), "sum")).tolist() == [[2.0]]


# --- against GDAL


@pytest.mark.parametrize(("how", "cell"), [("nearest", 43.0), ("bilinear", 43.0), ("average", 11.0), ("average", 43.0)])
def test_agrees_with_gdal_in_one_crs(ground, how, cell):
    """GDAL's own warp of the same cells (rasterio.warp.reproject), away from the rim."""
    values = np.random.default_rng(1).normal(size=(120, 120)).astype("float32")
    path = ground.write("a", values, W - 91, N + 77, cell)
    grid = entry(ground.grid(UTM, W, N, 30.0, 30, 30), how).book.grid
    with rasterio.open(path) as file:
        expected = np.empty((30, 30), "float32")
        reproject(values, expected, src_transform=file.transform, src_crs=UTM, dst_crs=UTM, resampling=Resampling[how],
                  dst_transform=rasterio.Affine(*grid.transform))  # fmt: skip
    assert read(ground) == pytest.approx(expected, abs=2e-6)


def test_agrees_with_exact_coordinates_across_crs(ground):
    """A file whose cells hold their own column: bilinear gives the column of each centre, as pyproj computes it."""
    columns = np.broadcast_to(np.arange(400.0), (400, 400))
    lon, lat = Transformer.from_crs(UTM, 4326, always_xy=True).transform(W, N)
    ground.write("a", columns, lon - 0.02, lat + 0.02, 0.0003, crs="EPSG:4326")
    found = read(entry(ground.grid(UTM, W, N, 30.0, 200, 300), "bilinear"))
    x, y = np.meshgrid(W + 30 * (np.arange(300) + 0.5), N - 30 * (np.arange(200) + 0.5))
    exact, _ = Transformer.from_crs(UTM, 4326, always_xy=True).transform(x, y)
    assert np.abs(found - ((exact - (lon - 0.02)) / 0.0003 - 0.5)).max() < 1e-3


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:32648", "EPSG:4490", "ESRI:54009"])
def test_interpolated_coordinates_are_near_the_exact_ones(ground, crs):
    grid = Grid(UTM, (30.0, 0.0, W, 0.0, -30.0, N), 3000, 2000)
    step = 0.0003 if crs in ("EPSG:4326", "EPSG:4490") else 30.0
    x, y = Transformer.from_crs(UTM, crs, always_xy=True).transform(W, N)
    file = look(str(ground.write("a", ramp(4, 4), x, y, step, crs=crs)))
    chosen = coordinate_step(file, grid)
    assert chosen >= 8
    for window in (Window(700, 1100, 60, 70), Window(1900, 2900, 100, 100)):
        for near, exact in zip(
            coordinates(file, grid, window, chosen), coordinates(file, grid, window, 1), strict=True
        ):
            assert np.abs(near - exact).max() < 2e-3


# --- the same bytes from any window


@pytest.mark.parametrize("how", ["nearest", "bilinear", "average", "mode", "sum"])
def test_any_window_gives_the_same_bytes(ground, how):
    values = np.random.default_rng(3).integers(0, 50, (260, 380)).astype("float32")
    values[values == 7] = -1
    lon, lat = Transformer.from_crs(UTM, 4326, always_xy=True).transform(W, N)
    ground.write("a", values, lon - 0.01, lat + 0.01, 0.0009, crs="EPSG:4326", nodata=-1)
    book = entry(ground.grid(UTM, W, N, 30.0, 600, 1100), how).book
    source = book.layer("q.a", "2020").source
    whole = source.read(book.grid.whole)
    assert np.isfinite(whole).mean() > 0.5
    for rows, cols in ((1, 0), (256, 0), (97, 131)):
        other = pickle.loads(pickle.dumps(source))
        again = np.full_like(whole, -5)
        for window in list(book.grid.blocks(rows, cols))[:: 7 if rows == 1 else 1]:
            again[window.slices] = other.read(window)
            assert again[window.slices].tobytes() == whole[window.slices].tobytes()


@pytest.mark.parametrize("how", ["bilinear", "mode", "sum"])
def test_threads_make_the_same_tiles(ground, how):
    values = people(300, 300)
    lon, lat = Transformer.from_crs(UTM, 4326, always_xy=True).transform(W, N)
    ground.write("a", values, lon - 0.01, lat + 0.01, 0.0009, crs="EPSG:4326", tiled=True, blockxsize=64, blockysize=64)
    book = entry(ground.grid(UTM, W, N, 30.0, 500, 900), how).book
    source = book.layer("q.a", "2020").source
    windows = list(book.grid.blocks(100, 300)) * 2
    with ThreadPoolExecutor(6) as pool:
        got = list(pool.map(source.read, windows))
    for window, read_at_once in zip(windows, got, strict=True):
        assert read_at_once.tobytes() == source.read(window).tobytes()


@settings(max_examples=25)
@given(cell=st.floats(8, 200), east=st.floats(-100, 100), south=st.floats(-100, 100))
def test_a_mean_stays_within_the_values(tmp_path_factory, cell, east, south):
    ground = Ground(tmp_path_factory.mktemp("mean") / "ground")
    ground.write("a", ramp(20, 20), W + east, N - south, cell)
    found = read(entry(small(ground, 5, 5), "average"))
    known = found[np.isfinite(found)]
    assert ((known >= 0) & (known <= 399)).all()


@pytest.mark.parametrize("how", ["nearest", "bilinear", "average", "mode", "sum"])
def test_south_up_files(ground, how):
    """The same cells with the first row in the south give the same layer."""
    values = people(9, 9)
    ground.write("a", values, W - 3, N + 4, 10.0)
    entry(small(ground), how)
    up = read(ground)
    ground.write("a", values[::-1], W - 5, N + 5, 10.0, transform=rasterio.Affine(10, 0, W - 3, 0, 10, N + 4 - 90))
    assert read(ground) == pytest.approx(up, rel=1e-6, nan_ok=True)


def test_one_cell_each(ground):
    ground.write("a", np.array([[4]], "float32"), W - 1, N + 1, 32.0)
    for how in ("nearest", "bilinear", "average", "mode"):
        other = Ground(ground.folder.parent / how)
        other.write("a", np.array([[4]], "float32"), W - 1, N + 1, 32.0)
        assert read(entry(small(other, 1, 1), how)).tolist() == [[4]]


# --- refused


def test_no_resampling_declared(ground):
    ground.write("a", ramp(6, 6), W, N, 10.0)
    with pytest.raises(ZoneError, match="declares no resampling"):
        read(small(ground).raster("a", "q.a", "m"))


@pytest.mark.parametrize("how", ["bilinear", "average", "sum"])
def test_classes_are_not_averaged(ground, how):
    ground.write("a", ramp(6, 6, "uint8"), W, N, 10.0)
    with pytest.raises(ZoneError, match="cannot be resampled"):
        read(entry(small(ground), how, "class"))


def test_rotated_files_are_refused(ground):
    ground.write("a", ramp(6, 6), W, N, transform=rasterio.Affine(10, 1, W, 1, -10, N))
    with pytest.raises(ZoneError, match="rotated"):
        read(entry(small(ground), "nearest"))


def test_a_file_without_crs(ground):
    ground.write("a", ramp(6, 6), W, N, 10.0, crs=None)
    with pytest.raises(ZoneError, match="no CRS"):
        read(entry(small(ground), "average"))
    other = entry(ground, "average")  # the entry of the same file with a CRS
    other.text = other.text.replace('quantity = "q.a"', 'crs = "EPSG:32647"\nquantity = "q.a"', 1)
    other.text = other.text[: other.text.rindex("[[raster]]")]
    assert read(other).tolist() == [[7, 10], [25, 28]]
