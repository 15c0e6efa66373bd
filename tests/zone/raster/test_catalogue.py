"""RasterBook: which entry answers, aligned reading, units, classes, places."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from qingshan.core.errors import ZoneError
from qingshan.zone import open_zone
from qingshan.zone.raster.catalogue import MissingRaster, RasterBook
from qingshan.zone.raster.grid import Window
from qingshan.zone.raster.source import Source

from .conftest import UTM, Ground, ramp

W, N = 500000.0, 3300000.0


def whole(source: Source, ground: Ground) -> np.ndarray:
    return source.read(ground.book.grid.whole)


def test_a_zone_without_grid_says_so(minizone):
    with pytest.raises(ZoneError, match=r"no \[grid\]"):
        RasterBook.of(minizone)


def test_grid_of_the_zone(standard):
    grid = standard.book.grid
    assert (grid.shape, grid.transform, grid.crs) == ((40, 50), (30.0, 0.0, W, 0.0, -30.0, N), UTM)


@pytest.mark.parametrize(
    "line", ["cell = 0.0", "cell = -30.0", "shape = [0, 5]", "shape = [40.5, 50]", 'crs = "EPSG:0"']
)
def test_a_wrong_grid_is_refused(standard, line):
    key = line.split(" =", maxsplit=1)[0]
    standard.text = "\n".join(line if row.startswith(f"{key} =") else row for row in standard.text.splitlines())
    with pytest.raises(ZoneError):
        standard.book.grid  # noqa: B018


def test_period_then_static_then_missing(standard):
    for name, value in (("old", 1), ("always", 2)):
        standard.write(name, np.full((40, 50), value, "float32"), W, N)
    standard.raster("old", "q.a", "m", "2020").raster("always", "q.a", "m", "static").raster("b", "q.b", "m", "2021")
    book = standard.book
    assert book.layer("q.a", "2020").source.read(book.grid.whole)[0, 0] == 1
    assert book.layer("q.a", "2021").source.read(book.grid.whole)[0, 0] == 2
    assert book.has("q.a", "1999")
    assert not book.has("q.b", "2020")
    assert book.periods() == ["2020", "2021"]
    with pytest.raises(MissingRaster, match=r"q\.b for 2020 \(there is 2021\)"):
        book.layer("q.b", "2020")


def test_two_entries_that_claim_one_figure(standard):
    standard.write("a", ramp(40, 50), W, N)
    standard.raster("a", "q.a", "m").raster("b", "q.a", "m", path="a.tif")
    with pytest.raises(ZoneError, match="a, b all claim"):
        standard.book.layer("q.a", "2020")


def test_aligned_file_is_read_as_it_lies(standard):
    values = ramp(40, 50, "int16")
    standard.write("a", values, W, N, nodata=7)
    layer = standard.raster("a", "q.a", "m").book.layer("q.a", "2020")
    assert (layer.source.dtype, layer.source.nodata, layer.unit) == (np.int16, 7, "m")
    assert np.array_equal(layer.source.read(Window(3, 4, 5, 6)), values[3:8, 4:10])


def test_larger_file_on_the_lattice_is_cut_not_resampled(standard):
    values = ramp(60, 80, "int32")
    standard.write("a", values, W - 5 * 30, N + 7 * 30)
    source = standard.raster("a", "q.a", "m").book.layer("q.a", "2020").source
    assert (source.dtype, source.nodata) == (np.int32, None)
    assert np.array_equal(whole(source, standard), values[7:47, 5:55])


def test_smaller_file_leaves_nodata_outside(standard):
    standard.write("a", np.full((10, 10), 255, "uint8"), W + 30, N - 60)
    source = standard.raster("a", "q.a", "1").book.layer("q.a", "2020").source
    read = whole(source, standard)
    assert (source.dtype, source.nodata) == (np.int16, -32768)  # 255 is a value: the type is widened for NoData
    assert (read == 255).sum() == 100
    assert (read[2:12, 1:11] == 255).all()
    assert (read == -32768).sum() == 40 * 50 - 100


def test_identity_follows_the_bytes_and_survives_pickling(standard):
    standard.write("a", ramp(40, 50), W, N)
    standard.raster("a", "q.a", "m")
    source = standard.book.layer("q.a", "2020").source
    copy = pickle.loads(pickle.dumps(source))
    assert copy.identity() == source.identity()
    assert np.array_equal(whole(copy, standard), ramp(40, 50))
    standard.write("a", ramp(40, 50) + 1, W, N)
    assert standard.book.layer("q.a", "2020").source.identity() != source.identity()


def test_changed_file_is_refused(standard):
    standard.write("a", ramp(40, 50), W, N)
    standard.raster("a", "q.a", "m", more=f'sha256 = "{"0" * 64}"')
    with pytest.raises(ZoneError, match="no longer the one catalogued"):
        standard.book.layer("q.a", "2020")


def test_threads_read_the_same(standard):
    values = ramp(40, 50)
    standard.write("a", values, W, N, tiled=True, blockxsize=16, blockysize=16, compress="deflate")
    source = standard.raster("a", "q.a", "m").book.layer("q.a", "2020").source
    windows = list(standard.book.grid.blocks(7, 11)) * 5
    with ThreadPoolExecutor(8) as pool:
        for window, read in zip(windows, pool.map(source.read, windows), strict=True):
            assert np.array_equal(read, values[window.slices])


# --- units


def test_unit_of_the_quantity(standard):
    """The zone declares q.rain in mm: a file in m is read as mm."""
    standard.add('[[quantity]]\nid = "q.rain"\nzh = "雨"\nen = "rain"\nunit = "mm"\nrollup = "area_mean"')
    standard.write("rain", np.full((40, 50), 1.25, "float32"), W, N)
    layer = standard.raster("rain", "q.rain", "m").book.layer("q.rain", "2020")
    assert layer.unit == "mm"
    assert (whole(layer.source, standard) == 1250).all()


def test_unit_asked_for_and_absolute_temperature(standard):
    """0 degC is 273.15 K; stored tenths of a degree, scale 0.1."""
    values = np.array([[0, 250], [-100, -9999]], "int16").repeat(20, 0).repeat(25, 1)
    standard.write("t", values, W, N, nodata=-9999)
    layer = standard.raster("t", "q.t", "degC", more="scale = 0.1").book.layer("q.t", "2020", "K")
    read = whole(layer.source, standard)
    assert read.dtype == np.float32
    assert [read[0, 0], read[0, 40], read[30, 0]] == pytest.approx([273.15, 298.15, 263.15], abs=1e-4)
    assert np.isnan(read[30, 40])


def test_scale_does_not_overflow_the_stored_type(standard):
    standard.write("a", np.full((40, 50), 30000, "int16"), W, N)
    source = standard.raster("a", "q.a", "m", more="scale = 10.0\noffset = 5.0").book.layer("q.a", "2020").source
    assert (whole(source, standard) == 300005).all()


def test_wide_integers_keep_their_digits(standard):
    """2**24 + 1 = 16777217 has no float32."""
    standard.write("a", np.full((40, 50), 16777217, "int32"), W, N)
    source = standard.raster("a", "q.a", "km", more="scale = 1").book.layer("q.a", "2020", "m").source
    assert source.dtype == np.float64
    assert (whole(source, standard) == 16777217000.0).all()


# --- classes


def classes(ground: Ground, values: np.ndarray, mapping: str = "identity", more: str = "", nodata: float | None = 0):
    ground.write("cover", values, W, N, nodata=nodata)
    ground.raster("cover", "land.cover", "class", more=more)
    return ground.add(f'[landcover]\nquantity = "land.cover"\nmapping = "{mapping}"').book.classes("2020")


def test_identity_keeps_the_codes_of_the_account(standard):
    values = np.zeros((40, 50), "uint8")
    values[0, :4] = [11, 21, 99, 0]
    found = classes(standard, values)
    assert found.codes == (11, 21, 33, 41, 51)
    assert found.names[41] == "reed"
    assert found.source.dtype == np.uint8
    assert whole(found.source, standard)[0, :4].tolist() == [11, 21, 0, 0]  # 99 is no class of the account


def test_mapping_of_the_zone(standard):
    rows = [
        "my,10,树,trees,11,own,p. 1,project,",
        "my,20,灌,shrub,21,own,p. 1,project,",
        "my,30,冰,ice,,own,p. 1,project,none",
    ]
    header = "scheme,code,name_zh,name_en,class_code,source_title,source_where,status,note"
    (standard.folder / "my.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    values = np.full((40, 50), 20, "uint8")
    values[0, :3] = [10, 30, 255]
    found = classes(standard, values, "my.csv", nodata=255)
    assert whole(found.source, standard)[0, :4].tolist() == [11, 0, 0, 21]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32"])
def test_classes_of_any_type(standard, dtype):
    values = np.zeros((40, 50), dtype)
    values[0, :3] = [11, 51, 120]
    assert whole(classes(standard, values).source, standard)[0, :3].tolist() == [11, 51, 0]


# --- places


def test_places_from_a_raster(standard):
    values = np.full((40, 50), 9, "uint8")
    values[:, 25:] = 4
    values[0, 0] = 77
    standard.write("places", values, W, N)
    standard.raster("places", "place.index", "class", "static")
    standard.add('[places]\nraster = "places"\ncodes = {9 = "T2", 4 = "T1"}')
    places = standard.book.places()
    read = whole(places.source, standard)
    assert places.codes == ("T1", "T2")
    assert (read.dtype, places.source.nodata) == (np.int32, -1)
    assert (read[0, 0], read[1, 0], read[1, 30]) == (-1, 1, 0)


def test_a_place_that_is_not_there(standard):
    standard.write("places", np.ones((40, 50), "uint8"), W, N)
    standard.raster("places", "place.index", "class", "static").add('[places]\nraster = "places"\ncodes = {1 = "T9"}')
    with pytest.raises(ZoneError, match="T9"):
        standard.book.places()


def test_zone_of_one_place_without_boundary_is_the_whole_grid(standard):
    (standard.folder / "places.csv").write_text("code,name_zh,name_en,level,parent\nT0,试验区,Testland,land,\n")
    standard.text = standard.text.replace('file = "boundaries.geojson"', 'file = "none.geojson"')
    places = RasterBook.of(open_zone(standard.folder)).places()
    assert places.codes == ("T0",)
    assert (whole(places.source, standard) == 0).all()
