"""Findings about bad rasters: each fault of a file or entry is one sentence before anything runs."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Geod, Transformer

import qingshan.zone.raster
from qingshan.core.errors import ZoneError
from qingshan.core.finding import Finding, worst
from qingshan.zone.check import check_zone
from qingshan.zone.raster.catalogue import RasterBook
from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.notes import messages
from qingshan.zone.raster.review_cells import areas_by_code
from qingshan.zone.raster.source import ArraySource
from qingshan.zone.raster.stored import LARGEST_SIDE

from .conftest import UTM, Ground, ramp

W, N = 500000.0, 3300000.0
MEAN = 'resampling = "average"'


def found(ground: Ground, cells: bool = False) -> list[Finding]:
    return [f for f in ground.book.findings(cells=cells) if not f.code.startswith("place_")]


def codes(ground: Ground, cells: bool = False) -> set[str]:
    return {f.code for f in found(ground, cells)}


def only(ground: Ground, code: str, cells: bool = False) -> Finding:
    (one,) = [f for f in found(ground, cells) if f.code == code]
    assert one.en
    assert one.zh
    assert one.zh != one.en
    return one


def entry(ground: Ground, unit: str = "m", more: str = "", **kwargs: str) -> Ground:
    return ground.raster("a", kwargs.pop("quantity", "q.a"), unit, more=more, **kwargs)


# --- the file


def test_a_sound_file_gives_no_error(standard):
    standard.write("a", ramp(40, 50), W, N)
    assert worst(found(entry(standard), cells=True)) == "note"
    assert codes(standard, cells=True) == {"raster_new_quantity"}


def test_truncated_file(standard):
    path = standard.write("a", ramp(40, 50), W, N, compress="deflate", tiled=True, blockxsize=16, blockysize=16)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    one = only(entry(standard), "raster_unreadable", cells=True)
    assert "cannot be" in one.en
    assert "a.tif" in one.en


def test_not_a_raster(standard):
    (standard.folder / "a.tif").write_text("hello")
    assert "cannot be opened as a raster" in only(entry(standard), "raster_unreadable").en


def test_missing_file(standard):
    assert "not there" in only(entry(standard), "raster_unreadable").en


def test_huge_declared_size_is_refused_before_anything_is_read(standard):
    path = standard.folder / "a.vrt"
    side = LARGEST_SIDE + 1
    path.write_text(
        f'<VRTDataset rasterXSize="{side}" rasterYSize="2"><SRS>{UTM}</SRS><GeoTransform>{W},30,0,{N},0,-30</GeoTransform>'
        '<VRTRasterBand dataType="Float32" band="1"/></VRTDataset>'
    )
    assert f"{side:,} cells" in only(entry(standard, path="a.vrt"), "raster_unreadable").en


def test_no_such_band_and_unnamed_band(standard):
    with rasterio.open(standard.folder / "a.tif", "w", driver="GTiff", width=50, height=40, count=2, dtype="uint8", crs=UTM,
                       transform=rasterio.Affine(30, 0, W, 0, -30, N), nodata=0) as out:  # fmt: skip
        out.write(np.ones((2, 40, 50), "uint8"))
    assert only(entry(standard), "raster_bands").level == "warning"
    standard.text = standard.text.replace('path = "a.tif"', 'path = "a.tif"\nband = 3')
    assert "no band 3" in only(standard, "raster_unreadable").en


def test_mask_band(standard):
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        path = standard.write("a", ramp(40, 50), W, N)
        with rasterio.open(path, "r+") as out:
            out.write_mask(np.zeros((40, 50), "uint8"))
    assert only(entry(standard), "raster_mask").level == "error"


def test_complex_cells(standard):
    standard.write("a", ramp(40, 50).astype("complex64"), W, N)
    assert only(entry(standard), "raster_type").level == "error"


# --- where it lies


def test_no_crs(standard):
    standard.write("a", ramp(40, 50), W, N, crs=None)
    assert only(entry(standard), "raster_no_crs").level == "error"


def test_entry_and_file_disagree_on_the_crs(standard):
    standard.write("a", ramp(40, 50), W, N)
    assert only(entry(standard, more='crs = "EPSG:32648"'), "raster_crs").level == "error"
    standard.text = standard.text.replace('crs = "EPSG:32648"', 'crs = "EPSG:32648"\ncrs_override = true')
    assert "raster_crs" not in codes(standard)


def test_wrong_crs_falls_outside(standard):
    standard.write("a", ramp(40, 50), W, N, crs="EPSG:32650")
    assert "does not touch the grid" in only(entry(standard, more=MEAN), "raster_no_overlap").en


def test_metres_called_degrees(standard):
    standard.write("a", ramp(40, 50), W, N, crs="EPSG:4326")
    assert only(entry(standard, more=MEAN), "raster_no_overlap").level == "error"


def test_swapped_axes(standard):
    """Latitude where longitude should be: the box 29.8 E, 99.0 N lies nowhere, swapped it holds the grid."""
    lon, lat = Transformer.from_crs(UTM, 4326, always_xy=True).transform(W, N)
    standard.write("a", ramp(60, 60), lat - 0.02, lon + 0.02, 0.001, crs="EPSG:4326")
    assert "change places" in only(entry(standard, more=MEAN), "raster_swapped_axes").en


def test_rotated(standard):
    standard.write("a", ramp(40, 50), W, N, transform=rasterio.Affine(30, 2, W, 2, -30, N))
    assert only(entry(standard, more=MEAN), "raster_rotated").level == "error"


def test_a_file_without_place(standard):
    standard.write("a", ramp(40, 50), 0, 0, transform=rasterio.Affine.identity())
    assert only(entry(standard, more=MEAN), "raster_no_place").level == "error"


def test_partial_overlap_names_the_area(standard):
    """30 of 40 rows are covered: 10 * 50 cells of 900 m2 are not, 0.45 km2."""
    standard.write("a", ramp(30, 50), W, N)
    assert "0.450 km2 of the grid (25.00%)" in only(entry(standard), "raster_partial").en


def test_partial_overlap_across_crs(standard):
    """A file in degrees that ends at the grid's middle row leaves about half of its 1.8 km2."""
    lon, lat = Transformer.from_crs(UTM, 4326, always_xy=True).transform(W + 750, N - 600)
    standard.write("a", ramp(500, 500), lon - 0.025, lat + 500 * 1e-4, 1e-4, crs="EPSG:4326")
    one = only(entry(standard, more=MEAN), "raster_partial")
    share = float(re.search(r"\(([\d.]+)%\)", one.en)[1])
    assert "about" in one.en
    assert share == pytest.approx(50, abs=1)


def test_half_a_cell_off_is_resampled_and_said(standard):
    standard.write("a", ramp(42, 52), W - 15, N + 15)
    assert only(entry(standard), "raster_no_resampling").level == "error"
    assert only(Ground.add(standard, ""), "raster_no_resampling").limit.startswith("nearest")
    standard.text = standard.text.replace('path = "a.tif"', f'path = "a.tif"\n{MEAN}')
    assert codes(standard) == {"raster_new_quantity", "raster_resampled"}


def test_a_finer_file_read_at_points(standard):
    standard.write("a", ramp(120, 150), W, N, 10.0)
    assert "3.0 times finer" in only(entry(standard, more='resampling = "bilinear"'), "raster_finer").en


@pytest.mark.parametrize(("unit", "how"), [("class", "average"), ("m", "cubic")])
def test_resampling_that_does_not_fit(standard, unit, how):
    standard.write("a", ramp(60, 60, "uint8"), W, N)
    assert only(entry(standard, unit, f'resampling = "{how}"'), "raster_resampling").level == "error"


# --- what it holds


def test_unit_of_another_dimension(standard):
    standard.write("a", ramp(40, 50), W, N)
    one = only(entry(standard, "mm", quantity="population.resident_year_end"), "raster_unit")
    assert (one.level, one.limit) == ("error", "万人")


def test_unknown_unit_and_no_unit(standard):
    standard.write("a", ramp(40, 50), W, N)
    assert only(entry(standard, "furlong"), "unit").level == "error"
    standard.text = standard.text.replace('unit = "furlong"', 'unit = ""')
    assert only(standard, "raster_no_unit").level == "error"


def test_all_nodata(standard):
    standard.write("a", np.full((40, 50), np.nan, "float32"), W, N)
    assert only(entry(standard), "raster_all_nodata", cells=True).level == "error"


def test_area_without_data(standard):
    """7 cells of 900 m2 are 0.0063 km2, 0.35 % of 2000 cells."""
    values = ramp(40, 50)
    values[3, :7] = -1
    standard.write("a", values, W, N, nodata=-1)
    assert "0.006 km2 of the grid (0.35%)" in only(entry(standard), "raster_nodata_area", cells=True).en


def test_values_outside_the_limits_of_the_quantity(standard):
    """NDVI stored as 0..10000 without its scale."""
    standard.write("a", np.full((40, 50), 7000, "int16"), W, N, nodata=-3000)
    one = only(entry(standard, "1", quantity="vegetation.ndvi"), "raster_out_of_range", cells=True)
    assert "1.800 km2" in one.en
    standard.text = standard.text.replace('path = "a.tif"', 'path = "a.tif"\nscale = 0.0001')
    assert "raster_out_of_range" not in codes(standard, cells=True)


@pytest.mark.parametrize(
    ("quantity", "unit", "told"),
    [
        ("climate.rain_annual", "mm", True),
        ("climate.temperature_annual", "degC", False),
        ("terrain.elevation", "m", False),
    ],
)
def test_what_cannot_be_negative_is_told(standard, quantity, unit, told):
    """Rain of -20 mm on 7 cells of 900 m2 (0.0063 km2) is no rain; a temperature and a depression of -20 may be."""
    values = np.full((40, 50), 12, np.float32)
    values[3, :7] = -20
    entry(standard, unit, quantity=quantity).write("a", values, W, N, nodata=-9999)
    assert ("raster_out_of_range" in codes(standard, cells=True)) is told
    if told:
        one = only(standard, "raster_out_of_range", cells=True)
        assert "0.006 km2" in one.en and one.limit == ">= 0 mm" and one.level == "warning"


def test_nodata_unset_and_impossible(standard):
    standard.write("a", ramp(40, 50, "uint8"), W, N)
    assert only(entry(standard), "raster_no_nodata").level == "note"
    standard.text = standard.text.replace('path = "a.tif"', 'path = "a.tif"\nnodata = -9999.0')
    assert only(standard, "raster_nodata").level == "warning"


def test_changed_file(standard):
    standard.write("a", ramp(40, 50), W, N)
    assert only(entry(standard, more=f'sha256 = "{"0" * 64}"'), "changed_file").level == "error"


def test_two_entries_for_one_figure(standard):
    standard.write("a", ramp(40, 50), W, N)
    assert only(entry(standard).raster("b", "q.a", "m", path="a.tif"), "raster_claimed").level == "error"


# --- classes and places


def cover(ground: Ground, mapping: str, values: np.ndarray) -> Ground:
    ground.write("cover", values, W, N, nodata=0)
    return ground.raster("cover", "land.cover", "class").add(
        f'[landcover]\nquantity = "land.cover"\nmapping = "{mapping}"'
    )


def test_codes_of_the_mapping_are_counted(standard):
    """WorldCover: 100 moss has no class, 80 water is lake 42 (no class of this account), 77 has no row; a cell is 900 m2."""
    values = np.full((40, 50), 10, "uint8")
    values[0, :10], values[1, :20], values[2, :30] = 100, 80, 77
    cover(standard, "esa_worldcover", values)
    assert "100 moss and lichen (0.009 km2)" in only(standard, "class_without_counterpart").en
    assert "80 permanent water bodies -> 42 (0.018 km2)" in only(standard, "class_not_in_account").en
    assert "77 (0.027 km2)" in only(standard, "class_without_row").en


def test_areas_of_codes_on_a_geographic_grid():
    """Two rows of three cells: code 7 has one cell of the first row and two of the second, NoData 0 is left out."""
    grid = Grid("EPSG:4326", (1.0, 0, 0, 0, -1.0, 60), 3, 2)
    for dtype in ("uint8", "int16"):
        areas = areas_by_code(ArraySource(np.array([[7, 0, 9], [7, 7, 0]], dtype), 0), grid)
        assert areas == pytest.approx({7: grid.row_area[0] + 2 * grid.row_area[1], 9: grid.row_area[0]})


def test_identity_with_a_stranger(standard):
    values = np.full((40, 50), 11, "uint8")
    values[0, 0] = 99
    assert "99 (0.001 km2)" in only(cover(standard, "identity", values), "class_not_in_account").en


def test_a_code_that_is_none(standard):
    standard.text = standard.text.replace("code = 21", 'code = "x"')
    cover(standard, "identity", np.full((40, 50), 11, "uint8"))
    assert "'x'" in only(standard, "bad_class_code").en


def test_undeclared_float_max(standard):
    values = ramp(40, 50)
    values[0, 0] = np.finfo("float32").min
    standard.write("a", values, W, N)
    assert only(entry(standard), "raster_huge", cells=True).level == "error"


def test_two_classes_with_one_code(standard):
    standard.text = standard.text.replace("code = 21", "code = 11")
    cover(standard, "identity", np.full((40, 50), 11, "uint8"))
    assert only(standard, "duplicate_class_code").level == "error"
    with pytest.raises(ZoneError, match="arbor, shrub"):
        standard.book.classes("2020")


def test_unknown_mapping_and_absent_landcover(standard):
    cover(standard, "nlcd", np.full((40, 50), 11, "uint8"))
    assert "esa_worldcover" in only(standard, "unknown_name").en
    standard.text = standard.text.replace('mapping = "nlcd"', 'mapping = "identity"').replace(
        'quantity = "land.cover"\nmapping', 'quantity = "q.none"\nmapping'
    )
    assert only(standard, "no_landcover").level == "error"


PLACED = '[places]\nraster = "places"\ncodes = {{{}}}'


def placed(ground: Ground, told: str) -> list[Finding]:
    """40 x 50 cells of 900 m2: 30 rows of value 1, 10 of value 2."""
    ground.write("places", np.repeat(np.uint8([1, 1, 1, 2]), 10)[:, None].repeat(50, 1), W, N)
    ground.raster("places", "place.index", "class", "static").add(PLACED.format(told))
    return [f for f in ground.book.findings() if f.code == "zone" or f.code.startswith("place_")]


def test_a_value_of_the_places_raster_without_place(standard):
    """10 x 50 cells of 900 m2 are 0.450 km2; T2 has no cell."""
    strange, empty = placed(standard, '1 = "T1"')
    assert (strange.code, empty.code) == ("place_code_unknown", "place_without_cells")
    assert "2 (0.450 km2)" in strange.en
    assert "0.450 km2" in strange.zh
    assert "T2" in empty.en


@pytest.mark.parametrize(("told", "named"), [('west = "T1"', "west"), ("", "codes"), ('1 = "T9"', "T9")])
def test_places_that_are_wrongly_declared(standard, told, named):
    (one,) = placed(standard, told)
    assert (one.level, one.code) == ("error", "zone")
    assert named in one.en
    with pytest.raises(ZoneError, match=named):
        standard.book.places()


@pytest.mark.parametrize(
    "line",
    ['scale = "ten"', 'offset = "x"', "band = 0", 'band = "one"', 'nodata = "abc"', "scale = nan", "nodata = true"],
)
def test_values_of_an_entry_that_are_no_numbers(standard, line):
    standard.write("a", ramp(40, 50), W, N)
    told = only(entry(standard, more=line), "zone")
    assert line.partition(" ")[0] in told.en
    with pytest.raises(ZoneError, match="must be"):
        standard.book.layer("q.a", "2020")


@pytest.mark.parametrize("line", ['nodata = "none"', 'nodata = "nan"', 'nodata = "-9999"', "scale = 2"])
def test_values_of_an_entry_that_will_do(standard, line):
    standard.write("a", ramp(40, 50), W, N)
    assert "zone" not in codes(entry(standard, more=line))
    assert standard.book.layer("q.a", "2020")


def test_web_mercator_is_no_grid_for_areas(ground):
    """At 30 N the scale of Web Mercator is 1/cos 30, areas 4/3 (a little less on the ellipsoid); UTM is not told."""
    ground.grid("EPSG:3857", 11_020_000.0, 3_503_600.0, 30.0, 40, 50)
    assert 0.31 < float(only(ground, "grid_distortion").en.partition("+")[2].partition("%")[0]) / 100 < 0.345
    assert "grid_distortion" not in {
        f.code for f in Ground(ground.folder.with_name("utm")).grid(UTM, W, N, 30.0, 40, 50).book.findings()
    }


def test_a_period_that_no_account_reads(standard):
    standard.write("a", ramp(40, 50), W, N)
    assert "2O20" in only(entry(standard, period="2O20"), "raster_period").en
    standard.text = standard.text.replace("2O20", "static")
    assert "raster_period" not in codes(standard)


def test_places_without_cells(standard):
    """The two boxes of the zone lie at 100 E, the grid at 99 E."""
    standard.write("a", ramp(40, 50), W, N)
    (one,) = [f for f in entry(standard).book.findings() if f.code == "place_without_cells"]
    assert "T1, T2" in one.en


# --- areas, the check verb, the words


@pytest.mark.parametrize("latitude", [0, 26, 60])
def test_cells_of_a_geographic_grid(latitude):
    """Against the geodesic area of the cell's outline (pyproj.Geod, an independent computation)."""
    grid = Grid("EPSG:4326", (0.001, 0, 106, 0, -0.001, latitude + 0.001), 3, 1)
    across = 106 + np.linspace(0, 0.001, 50)
    x = np.concatenate([across, across[::-1]])
    y = np.concatenate([np.full(50, latitude), np.full(50, latitude + 0.001)])
    area, _ = Geod(ellps="WGS84").polygon_area_perimeter(x, y)
    assert grid.row_area[0] == pytest.approx(area, rel=1e-7)


def test_check_reports_rasters(standard):
    standard.write("a", np.full((40, 50), np.nan, "float32"), W, N)
    all_codes = [f.code for f in check_zone(entry(standard).folder)]
    assert "raster_all_nodata" in all_codes
    assert "no_hash" in all_codes


def test_check_of_a_bad_grid(standard):
    standard.text = standard.text.replace("cell = 30.0", "cell = -1")
    assert "bad_grid" in [f.code for f in check_zone(standard.folder)]


def test_changed_file_is_told_once(standard):
    standard.write("a", ramp(40, 50), W, N)
    all_codes = [f.code for f in check_zone(entry(standard, more=f'sha256 = "{"0" * 64}"').folder)]
    assert all_codes.count("changed_file") == 1


def test_every_message_is_used():
    folder = Path(qingshan.zone.raster.__file__).parent
    source = "".join(p.read_text(encoding="utf-8") for p in folder.glob("*.py"))
    for code, text in messages().items():
        assert f'"{code}"' in source, code
        assert text["level"] in ("error", "warning", "note")
        assert len(text["fix"]) == 2
    assert RasterBook.__doc__


# --- the unit the file itself states


def tagged(ground: Ground, said: str, unit: str, more: str = "") -> Ground:
    path = ground.write("a", ramp(40, 50), W, N)
    with rasterio.open(path, "r+") as out:
        out.units = (said,)
    return entry(ground, unit, more=more)


@pytest.mark.parametrize(
    ("said", "unit", "code"),
    [("K", "degC", "raster_unit_tag"), ("m", "mm", "raster_unit_tag"), ("mm", "t", "raster_unit_tag"), ("kelvin", "degC", "raster_unit_tag"),
     ("furlongs", "m", "raster_unit_word"), ("mm", "mm", ""), ("metre", "m", "")],
)  # fmt: skip
def test_the_files_own_unit_is_compared(standard, said, unit, code):
    """1 K is not 1 degC although a degree is as long: the zero differs."""
    given = tagged(standard, said, unit)
    if code:
        one = only(given, code)
        assert said in one.en and one.level == ("error" if code == "raster_unit_tag" else "note")
    else:
        assert not {c for c in codes(given) if c.startswith("raster_unit")}


def test_a_declared_scale_explains_another_unit(standard):
    """Stored tenths of a kelvin become degC by the entry's own scale and offset."""
    given = tagged(standard, "K", "degC", "scale = 0.1\noffset = -273.15")
    assert not {c for c in codes(given) if c.startswith("raster_unit")}
