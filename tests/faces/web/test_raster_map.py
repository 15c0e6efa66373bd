"""The map page and its pictures: tiles, legends in real units, one pixel worked through, on a zone of 4 × 5 cells."""

from __future__ import annotations

import json
import math
import re
import tomllib
import warnings
from html import unescape
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.io import MemoryFile
from rasterio.transform import Affine
from tinyraster import COVER, GROUP, HEIGHT, STORM, WOODS, middle, write_raster, write_raster_zone

from qingshan.core.errors import UnknownName
from qingshan.faces.api.app import create_app
from qingshan.faces.web import ramps, tiles
from qingshan.faces.web.rasters import shelf
from qingshan.zone.zone import open_zone

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def maps(home: Path, tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    zone = open_zone(write_raster_zone(tmp_path_factory.mktemp("tinyraster") / "zone"))
    return TestClient(create_app(zone, {}), follow_redirects=False)


def picture(data: bytes) -> NDArray[np.uint8]:
    """RGBA cells (height, width, 4) of a PNG."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a picture has no place on the earth
        with MemoryFile(data) as file, file.open() as source:
            return np.moveaxis(source.read(), 0, -1)


def text_of(html: str) -> str:
    bare = re.sub(r"<(script|style)\b.*?</\1>", " ", html, flags=re.S)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", bare)))


def tile_over(lon: float, lat: float, z: int) -> tuple[int, int]:
    """Column and row of the tile that holds a point (the published Web Mercator arithmetic)."""
    n = 2**z
    return int((lon + 180) / 360 * n), int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n)


def colour(hex: str) -> list[int]:
    return [*bytes.fromhex(hex[1:]), 255]


# ---- tiles -------------------------------------------------------------------------------------------------------------


def test_a_tile_shows_each_class_in_the_colour_of_the_legend(maps: TestClient) -> None:
    """Pixel under the middle of a cell: the colour of that cell's class; outside the file and in NoData: transparent."""
    palette = ramps.palette_of([11, 51, 61]).colours["light"]
    z = 15
    for row, col in ((0, 0), (0, 3), (1, 3), (2, 2), (3, 4)):
        lon, lat = middle(row, col)
        x, y = tile_over(lon, lat, z)
        answer = maps.get(f"/tiles/land.cover/2020/{z}/{x}/{y}.png")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        cells = picture(answer.content)
        assert cells.shape == (256, 256, 4)
        mx, my = tiles.mercator(lon, lat)
        span = 2 * tiles.MERCATOR_EDGE / 2**z
        at = cells[
            int((tiles.MERCATOR_EDGE - my - y * span) / span * 256),
            int((mx + tiles.MERCATOR_EDGE - x * span) / span * 256),
        ]
        code = int(COVER["2020"][row, col])
        assert at.tolist() == ([0, 0, 0, 0] if code == 0 else colour(palette[code])), (row, col)


def test_tiles_differ_by_period_and_look(maps: TestClient) -> None:
    x, y = tile_over(*middle(0, 3), 15)
    kinds = {
        maps.get(f"/tiles/land.cover/{p}/15/{x}/{y}.png?look={look}").content
        for p in ("2015", "2020")
        for look in ("light", "dark")
    }
    assert len(kinds) == 4


def test_a_picture_with_the_right_mark_is_kept_for_ever(maps: TestClient) -> None:
    html = maps.get("/en/zone/raster").text
    address = unescape(re.search(r'src="(/tiles/[^"]+look=light)"', html)[1])  # type: ignore[index]
    answer = maps.get(address)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    other = maps.get(re.sub(r"v=\w+", "v=0123", address))
    assert other.headers["cache-control"] == "no-cache"
    again = maps.get(address, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("/tiles/land.nothing/2020/16/1/1.png", "no map layer"),
        ("/tiles/land.cover/1999/16/1/1.png", "2015"),
        ("/tiles/land.cover/2020/99/1/1.png", "zoom levels"),
        ("/tiles/land.cover/2020/16/x/1.png", "zoom levels"),
        ("/tiles/land.cover/2020/16/1/-1.png", "zoom levels"),
        ("/tiles/land.cover/2020/15/1/1.png", "outside"),
        ("/tiles/land.cover/2020/15/99999999/1.png", "outside"),
        ("/tiles/land.cover/2020/still.png?box=1,2,3", "box"),
        ("/tiles/land.cover/2020/still.png?box=nan,2,3,4", "box"),
        ("/tiles/land.cover/2020/still.png?box=1,2,3,4&size=9999x9999", "pixels"),
        ("/tiles/land.cover/2020/still.png?box=1,2,3,4&size=big", "size"),
        ("/tiles/land.cover/2020/still.png?box=1,2,3,4&look=pink", "look"),
    ],
)
def test_a_bad_address_says_what_is_wrong(maps: TestClient, address: str, says: str) -> None:
    answer = maps.get(address)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"] and answer.json()["detail_zh"]


def test_tiles_of_any_crs(tmp_path: Path) -> None:
    """The same cells in degrees: the colour under a point is that of its cell."""
    path = tmp_path / "degrees.tif"
    transform = Affine(0.01, 0, 106.0, 0, -0.01, 27.0)
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    with rasterio.open(
        path, "w", driver="GTiff", height=3, width=4, count=1, dtype="float32", crs="EPSG:4326", transform=transform
    ) as out:
        out.write(values, 1)
    layer = tiles.Drawn("x", "static", str(path))
    scale = ramps.scale_of([float(v) for v in values.ravel()], "land")
    z = tiles.zooms(layer)[1]
    x, y = tile_over(106.015, 26.985, z)  # row 1, column 1: 5
    cells = picture(tiles.tile(layer, scale, tiles.Tile.of(layer, str(z), str(x), str(y)), "light"))
    mx, my = tiles.mercator(106.015, 26.985)
    span = 2 * tiles.MERCATOR_EDGE / 2**z
    at = cells[
        int((tiles.MERCATOR_EDGE - my - y * span) / span * 256), int((mx + tiles.MERCATOR_EDGE - x * span) / span * 256)
    ]
    assert at.tolist() == colour(scale.colours["light"][scale.index(5.0)])


def test_scale_offset_and_recoding_reach_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "stored.tif"
    write_raster(path, np.array([[1, 2], [3, 255]], np.uint8), 255)
    numbers = tiles.survey(tiles.Drawn("x", "static", str(path), scale=0.5, offset=10.0))
    assert numbers.sample.tolist() == [10.5, 11.0, 11.5]
    codes = tiles.survey(tiles.Drawn("x", "static", str(path), recode=((1, 11), (3, 51)), classes=True))
    assert codes.counts == {0: 1, 11: 1, 51: 1}  # 2 has no counterpart
    assert (codes.nodata_area, codes.whole_area) == (900.0, 3600.0)


# ---- colours and legends -----------------------------------------------------------------------------------------------


def test_the_ramps_are_the_tokens_of_the_screens() -> None:
    css = (ROOT / "web/src/style/tokens.css").read_text(encoding="utf-8")
    light, dark = css.split('[data-theme="dark"]')
    table = tomllib.loads((ROOT / "src/qingshan/faces/web/ramps.toml").read_text(encoding="utf-8"))["ramp"]
    for hue in ("water", "land"):
        assert table[hue]["light"] == re.findall(rf"--ramp-{hue}-\d: (#\w+)", light)
        assert table[hue]["dark"] == re.findall(rf"--ramp-{hue}-\d: (#\w+)", dark)


def test_two_hues_only_around_a_real_zero() -> None:
    assert not ramps.scale_of([1.0, 2, 3, 4, 50], "water").diverging
    assert not ramps.scale_of([-9.0, -5, -4, -1], "water").diverging
    scale = ramps.scale_of([-3.0, -2, -1, 1, 2], "grey")
    assert scale.diverging and 0.0 in scale.breaks
    assert len(scale.colours["light"]) == len(scale.breaks) + 1
    assert scale.breaks == tuple(-b for b in reversed(scale.breaks))


def test_the_legend_counts_cells_in_real_units(maps: TestClient) -> None:
    """Heights 400, 410 ... 590: shares of the classes follow from their limits; 20 cells of 900 m2 are 0.018 km2."""
    page = maps.get("/en/zone/raster.json?layer=terrain.elevation").json()
    legend = next(t for t in page["tables"] if t["name"] == "legend")["rows"]
    assert (legend[0]["low"], legend[-1]["high"]) == (400.0, 590.0)
    for row in legend:
        last = row is legend[-1]
        inside = (row["low"] <= HEIGHT) & ((row["high"] >= HEIGHT) if last else (row["high"] > HEIGHT))
        assert row["share"] == pytest.approx(inside.sum() / 20)
        assert row["unit"] == "m"
    layers = {(r["layer"], r["period"]): r for r in next(t for t in page["tables"] if t["name"] == "layers")["rows"]}
    assert layers["terrain.elevation", "static"]["area_km2"] == pytest.approx(0.018)
    assert layers["terrain.elevation", "static"]["nodata_km2"] == 0
    assert layers["climate.storm_rain", "static"]["nodata_km2"] == pytest.approx(0.0009)
    assert len(layers["land.cover", "2020"]["sha256"]) == 64


def test_the_legend_of_classes_gives_areas(maps: TestClient) -> None:
    """2020: 7 of 19 cells are woods, 6 crops, 6 town; one cell has no data."""
    rows = next(t for t in maps.get("/zh/zone/raster.json").json()["tables"] if t["name"] == "legend")["rows"]
    assert {r["code"]: round(r["area_km2"] * 1e6) for r in rows} == {
        c: int((COVER["2020"] == c).sum()) * 900 for c in (11, 51, 61)
    }
    assert [r["class"] for r in rows] == ["阔叶林", "耕地", "居住地"]


# ---- the page ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("query", ["", "?layer=terrain.elevation", "?with=land.cover@2015", "?layer=climate.warming&with=terrain.elevation@static",
                                   "?place=R1", "?period=2015"])  # fmt: skip
def test_the_page_answers_in_both_languages(maps: TestClient, lang: str, query: str) -> None:
    answer = maps.get(f"/{lang}/zone/raster{query}", headers={"accept-encoding": "gzip"})
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) < 60_000
    assert answer.text.count("<h1>") == 1
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', answer.text)
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?![^>]*(?:src=|application/json))", answer.text)


def test_the_headline_is_the_finding(maps: TestClient) -> None:
    """7/19 = 37 %, 6/19 = 32 %; 2015 to 2020: crops 8 to 6 of 19 cells (-10.5 points), town 5 to 6 (+5.3)."""
    assert "阔叶林占 37 %，耕地次之，占 32 %" in text_of(maps.get("/zh/zone/raster").text)
    moved = text_of(maps.get("/en/zone/raster?with=land.cover@2015").text)
    assert "residential land gained 5.3 points and cultivated land lost 10.5" in moved
    assert "Elevation: 400 to 590 m" in text_of(maps.get("/en/zone/raster?layer=terrain.elevation").text)


def test_the_earlier_period_lies_left(maps: TestClient) -> None:
    html = maps.get("/en/zone/raster?with=land.cover@2015").text
    sides = json.loads(re.search(r'application/json">(.*?)</script>', html, re.S)[1])["sides"]  # type: ignore[index]
    assert [s["name"].rsplit(" ", 1)[1] for s in sides] == ["2015", "2020"]
    assert all(s["zooms"][0] < s["zooms"][1] and "/tiles/land.cover/" in s["tiles"] for s in sides)


def test_the_page_stands_without_a_script(maps: TestClient) -> None:
    """A picture, a form for a click on it, a form for coordinates, and the table of layers."""
    html = maps.get("/zh/zone/raster").text
    assert re.search(r'<input type="image"[^>]*name="hit"[^>]*alt="[^"]+"', html)
    assert 'name="lon"' in html and 'name="lat"' in html
    still = unescape(re.search(r'src="(/tiles/[^"]+look=dark)"', html)[1])  # type: ignore[index]
    assert picture(maps.get(still).content).shape == (640, 900, 4)
    outlines = maps.get("/tiles/places.geojson").json()["features"]
    assert {f["properties"]["code"] for f in outlines} == {"R1", "R2"}


def test_a_click_on_the_picture_is_the_pixel_under_it(maps: TestClient) -> None:
    """The frame's middle is the middle of the file: between rows 1 and 2, in column 2."""
    record = maps.get("/en/zone/raster.json?hit.x=450&hit.y=318").json()["record"]
    assert (record["row"], record["col"]) == (1, 2)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("lon=0&lat=0", "outside the zone"),
        ("lon=105&lat=90", "outside the zone"),
        ("lon=&lat=27", "in degrees, are needed"),
        ("lon=abc&lat=27", "in degrees, are needed"),
        ("lon=105&lat=91", "in degrees, are needed"),
    ],
)
def test_a_point_that_cannot_be_is_told_beside_the_field(maps: TestClient, query: str, says: str) -> None:
    html = maps.get(f"/en/zone/raster?{query}").text
    assert says in text_of(html)
    assert 'aria-invalid="true"' in html
    asked = dict(part.split("=") for part in query.split("&"))
    assert f'value="{asked["lat"]}' in html  # nothing typed is lost


@pytest.mark.parametrize(
    "query", ["layer=nothing", "with=nothing@2020", "with=land.cover@1999", "lon=105.0&lat=27.1&account=nothing"]
)
def test_unknown_words_are_refused_by_name(maps: TestClient, query: str) -> None:
    lon, lat = middle(0, 0)
    answer = maps.get("/en/zone/raster.json?" + query.replace("lon=105.0&lat=27.1", f"lon={lon}&lat={lat}"))
    assert answer.status_code == 404
    assert "there" in answer.json()["detail"] or "has no map" in answer.json()["detail"]


def test_a_zone_without_rasters_says_what_would_fill_the_page(tiny_client: TestClient) -> None:
    assert "zone add-raster" in text_of(tiny_client.get("/en/zone/raster").text)
    assert tiny_client.get("/tiles/land.cover/2020/1/0/0.png").status_code == 404
    assert tiny_client.get("/tiles/places.geojson").json()["features"] == []


def test_a_layer_that_cannot_be_read_leaves_the_rest(home: Path, tmp_path: Path) -> None:
    zone = open_zone(write_raster_zone(tmp_path / "zone", missing="height"))
    client = TestClient(create_app(zone, {}))
    text = text_of(client.get("/en/zone/raster").text)
    assert "Catalogued, but cannot be drawn" in text and "not there" in text
    assert (
        client.get("/en/zone/raster?layer=terrain.elevation", headers={"accept": "application/json"}).status_code == 404
    )
    with pytest.raises(UnknownName, match="cannot be drawn"):
        shelf(client.app.state.site).layer("terrain.elevation").at("static")  # type: ignore[attr-defined]


# ---- one pixel -----------------------------------------------------------------------------------------------------------


def storm_by_hand(curve_number: float, bare: float, rain: float) -> tuple[float, float]:
    """TR-55: S = 25400/CN - 254 mm, Q = (P - 0.2 S)² / (P + 0.8 S); runoff, and what is kept back against bare ground."""

    def runoff(cn: float) -> float:
        s = 25400 / cn - 254
        return (rain - 0.2 * s) ** 2 / (rain + 0.8 * s) if rain > 0.2 * s else 0.0

    return runoff(curve_number), runoff(bare) - runoff(curve_number)


@pytest.mark.parametrize(("row", "col", "cn", "bare"), [(0, 0, 55, 86), (2, 0, 70, 91)])
def test_the_pixel_is_hand_arithmetic(maps: TestClient, row: int, col: int, cn: float, bare: float) -> None:
    """Woods in good condition on soil B (CN 55) and C (CN 70); bare soil 86 and 91 (TR-55, table 2-2). One cell is 900 m2."""
    assert COVER["2020"][row, col] == WOODS and GROUP[row, col] == {0: 2, 2: 3}[row]
    lon, lat = middle(row, col)
    record = maps.get(f"/en/zone/raster.json?lon={lon}&lat={lat}&account=storm").json()["record"]
    assert (record["row"], record["col"], record["place"], record["class"], record["cell_area_m2"]) == (
        row,
        col,
        "R1",
        WOODS,
        900.0,
    )
    read = {x["layer"]: x["value"] for x in record["layers"]}
    assert (read["climate.storm_rain"], read["terrain.elevation"], read["land.cover"]) == (
        100.0,
        float(HEIGHT[row, col]),
        WOODS,
    )
    account = next(a for a in record["accounts"] if a["account"] == "storm")
    steps = {s["step"]: s for s in account["steps"]}
    runoff, kept = storm_by_hand(cn, bare, float(STORM[row, col]))
    assert steps["cn"]["result"]["value"] == cn
    assert steps["s"]["result"]["value"] == pytest.approx(25400 / cn - 254)
    assert steps["runoff"]["result"]["value"] == pytest.approx(runoff)
    assert steps["kept"]["result"]["value"] == pytest.approx(kept)
    given = {g["argument"]: (g["used"], g["unit"]) for g in steps["runoff"]["given"]}
    assert given["rain"] == (100.0, "mm")
    adds = {s["sum"]: s["value"] for s in account["adds"]}
    assert adds["kept"] == pytest.approx(kept / 1000 * 900)  # m3


def test_the_pixel_is_the_written_raster(maps: TestClient) -> None:
    """The result layer's COG holds at every cell what the pixel works out there, to the last bit of float32."""
    assert maps.get("/en/zone/raster?layer=result.storm.runoff").status_code == 200
    drawn = shelf(maps.app.state.site).layer("result.storm.runoff").at("2020").drawing()  # type: ignore[attr-defined]
    with rasterio.open(drawn.path) as file:
        written = file.read(1)
    for row, col in ((0, 0), (0, 2), (1, 3), (2, 4), (3, 0), (0, 4), (3, 4)):
        lon, lat = middle(row, col)
        record = maps.get(f"/en/zone/raster.json?lon={lon}&lat={lat}&account=storm").json()["record"]
        steps = {
            s["step"]: s for s in record["accounts"][[a["account"] for a in record["accounts"]].index("storm")]["steps"]
        }
        value = steps["runoff"]["result"]["value"]
        if value is None:
            assert math.isnan(written[row, col])
        else:
            assert np.float32(value) == written[row, col]


def test_nodata_and_what_refuses_are_said(maps: TestClient) -> None:
    """Cell (0, 4) has no storm rain; cell (3, 4) no land class, so the class tables have no row for it."""
    lon, lat = middle(0, 4)
    record = maps.get(f"/en/zone/raster.json?lon={lon}&lat={lat}&account=storm").json()["record"]
    steps = {s["step"]: s for s in next(a for a in record["accounts"] if a["account"] == "storm")["steps"]}
    assert steps["runoff"]["result"] == {
        "id": "runoff",
        "kind": "step",
        "value": None,
        "unit": "mm",
        "why": "undefined",
    }
    assert next(g for g in steps["runoff"]["given"] if g["argument"] == "rain")["source"]["why"] == "nodata"
    lon, lat = middle(3, 4)
    record = maps.get(f"/en/zone/raster.json?lon={lon}&lat={lat}&account=storm").json()["record"]
    steps = {s["step"]: s for s in next(a for a in record["accounts"] if a["account"] == "storm")["steps"]}
    assert record["class"] is None
    assert {g["source"]["why"] for g in steps["cn"]["given"] if g["source"]["kind"] == "table"} == {"no_row"}
    text = text_of(maps.get(f"/zh/zone/raster?lon={lon}&lat={lat}&account=storm").text)
    assert "该地类没有取值" in text and "无数据" in text


def test_the_working_names_formula_method_and_source(maps: TestClient) -> None:
    lon, lat = middle(0, 0)
    html = maps.get(f"/zh/zone/raster?lon={lon}&lat={lat}&account=storm").text
    assert 'href="/zh/method/water.storm_runoff@neh630"' in html
    text = text_of(html)
    assert "西乡" in text and "逐步计算" in text and "storm_rain" in text and "abstraction" in text
    tables = {
        t["name"]: t["rows"]
        for t in maps.get(f"/zh/zone/raster.json?lon={lon}&lat={lat}&account=storm").json()["tables"]
    }
    assert {"pixel", "steps", "layers", "legend"} <= set(tables)
    assert any(r["step"] == "kept" and r["argument"] == "=" for r in tables["steps"])
    csv = maps.get(f"/zh/zone/raster.csv?lon={lon}&lat={lat}&account=storm&table=steps").content.decode("utf-8-sig")
    assert csv.splitlines()[0].startswith("账户,步骤,方法")
