"""`run` of raster accounts by name, on an invented zone of 16 cells of 1 km2 whose grades follow from the cut points by hand.

The ground is flat, so the slope grade is 0 everywhere. Cover 90 % is grade 0 (> 80 %), 70 % grade 1 (60-80 %), 10 % grade 4
(< 20 %); HJ 1174-2021 A.3. Rocks are of grade 0 but for one cell. The last row is not karst. Rain has power in two cells only.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine
from said import Call

WOODS, DESERT = 11, 81
FULL = np.ones((4, 4), np.float32)
COVER = np.array([[0.9] * 4, [0.7] * 4, [0.7, 0.7, 0.1, 0.1], [0.9] * 4], np.float32)
ROCK = np.array([[0, 0, 0, 4], [0] * 4, [0] * 4, [0] * 4], np.float32)
KARST = np.array([[1] * 4, [1] * 4, [1] * 4, [0] * 4], np.float32)
RAIN = np.array([[0] * 4, [0] * 4, [0, 0, 1e6, 1e6], [0] * 4], np.float32)
CLASSES = np.full((4, 4), WOODS, np.float32)
PLACES = np.array([[1, 1, 2, 2]] * 4, np.float32)

ZONE = """
[zone]
id = "sixteen"
name_zh = "十六格"
name_en = "Sixteen Cells"
root = "R"
default_profile = "spatial"
synthetic = true
currency_year = 2020
[[level]]
id = "county"
zh = "县"
en = "county"
[[level]]
id = "township"
zh = "乡"
en = "township"
[[period]]
id = "2020"
year = 2020
zh = "2020 年"
en = "2020"
also = ["static"]
[grid]
crs = "EPSG:32648"
origin = [500000.0, 3000000.0]
cell = 1000.0
shape = [4, 4]
[landcover]
quantity = "land.cover"
mapping = "identity"
[places]
raster = "places"
codes = { 1 = "R1", 2 = "R2" }
[extent]
scheme = "hj1166"
zh = "二级类"
en = "level II"
total = "place.area"
[[extent.class]]
id = "woods"
code = 11
fact = "land.ecosystem.woods"
zh = "阔叶林"
en = "broadleaf forest"
[[extent.class]]
id = "desert"
code = 81
fact = "land.ecosystem.desert"
zh = "沙漠"
en = "desert"
[[quantity]]
id = "land.ecosystem.*"
zh = "地类面积"
en = "class area"
unit = "m2"
rollup = "sum"
"""


def write_zone(folder: Path, classes: np.ndarray, *more: tuple[str, str, str, np.ndarray]) -> Path:
    (folder / "facts").mkdir(parents=True)
    (folder / "parameters").mkdir()
    text = ZONE
    for id, quantity, unit, values in (
        ("height", "terrain.elevation", "m", FULL * 500), ("cover", "vegetation.cover", "fraction", COVER),
        ("rock", "land.lithology", "class", ROCK), ("karst", "land.karst", "class", KARST),
        ("rain", "soil.erosivity", "MJ mm/(hm2 h a)", RAIN), ("sand", "soil.sand", "%", FULL * 40),
        ("silt", "soil.silt", "%", FULL * 40), ("clay", "soil.clay", "%", FULL * 20),
        ("carbon", "soil.organic_carbon", "%", FULL), ("length", "soil.slope_length", "m", FULL * 20),
        ("classes", "land.cover", "class", classes), ("places", "place.index", "class", PLACES), *more,
    ):  # fmt: skip
        kind, nodata = (np.uint8, 255) if unit == "class" else (np.float32, -9999)
        profile = {"driver": "GTiff", "height": 4, "width": 4, "count": 1, "dtype": np.dtype(kind).name, "nodata": nodata,
                   "crs": "EPSG:32648", "transform": Affine(1000, 0, 5e5, 0, -1000, 3e6)}  # fmt: skip
        with rasterio.open(folder / f"{id}.tif", "w", **profile) as out:
            out.write(values.astype(kind), 1)
        text += (
            f'[[raster]]\nid = "{id}"\ntitle = "{id}"\nquantity = "{quantity}"\nperiod = "static"\npath = "{id}.tif"\nunit = "{unit}"\n'
            'licence = "CC0-1.0"\nsource = "invented 虚构"\nresampling = "nearest"\nsynthetic = true\n'
        )
    (folder / "zone.toml").write_text(text, encoding="utf-8")
    (folder / "places.csv").write_text(
        "code,name_zh,name_en,level,parent\nR,十六格县,Sixteen County,county,\nR1,西乡,West,township,R\nR2,东乡,East,township,R\n",
        encoding="utf-8",
    )
    (folder / "parameters" / "own.csv").write_text(
        "parameter,class,value,unit,set,year,source_title,status\nsoil.region_tolerance,,500,t/(km2 a),,,invented,project\n"
        "soil.slope_length_max,,100,m,hj1173_2021,,invented,project\n",
        encoding="utf-8",
    )
    (folder / "facts" / "none.csv").write_text(
        "place_code,period,quantity,value,unit,source_title,status\n", encoding="utf-8"
    )
    (folder / "missing.csv").write_text("quantity,name_zh,place_code,period,document\n", encoding="utf-8")
    return folder


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    return write_zone(tmp_path / "sixteen", CLASSES)


def figures(said, account: str = "") -> dict[str, dict[str, dict]]:
    """By place, then quantity."""
    (one,) = [a for a in said.json["accounts"] if not account or a["account"] == account]
    return {p["place"]: {f["quantity"]: f for f in p["figures"]} for p in one["places"]}


def test_the_conservation_rate_follows_from_the_grades(call: Call, cells: Path):
    """Two cells of the east are eroded: 14 of 16 km2 are not, 6 of 8 in the east, all in the west."""
    said = call("run", "rusle", "--zone", cells, "--year", "2020", "--json")
    assert said.code == 0, said.err
    found = figures(said)
    assert list(found) == ["R", "R1", "R2"]
    rates = {place: f["soil.conservation_rate"]["value"] for place, f in found.items()}
    assert rates == {"R": pytest.approx(87.5), "R1": pytest.approx(100), "R2": pytest.approx(75)}
    grades = found["R"]["soil.loss_grade_area"]["codes"]
    assert [g["label"] for g in grades] == ["微度", "轻度", "中度", "强度", "极强度", "剧烈"]
    assert grades[0]["value"] == pytest.approx(14) and sum(g["value"] for g in grades) == pytest.approx(16)
    assert found["R"]["soil.eroded_area"]["value"] == pytest.approx(2)


def test_the_text_has_a_line_per_grade_and_the_reason_of_a_refusal(call: Call, cells: Path):
    """Of 12 km2 of karst the factors agree on the first row but one cell: 3 km2; 9 of 12 is 75 %, in the east 5 of 6."""
    said = call("run", "karst", "--zone", cells, "--year", "2020", "--lang", "zh")
    assert said.code == 0, said.err
    lines = [line.strip() for line in said.out.splitlines()]
    at = lines.index("石漠化分级面积（不一致另列）")
    assert lines[at + 1 : at + 9] == [
        "0 无石漠化：3 km2", "1 轻度：0 km2", "2 中度：0 km2", "3 重度：0 km2", "4 极重度：0 km2",
        "5 因子不一致：9 km2", "6 非岩溶：4 km2", "7 未知：0 km2",
    ]  # fmt: skip
    assert [x for x in lines if x.startswith("石漠化因子不一致面积占比")] == [
        f"石漠化因子不一致面积占比：{share} %" for share in ("75", "66.67", "83.33")
    ]
    (refused, *_) = [x for x in lines if x.startswith("石漠化单因子面积（基岩裸露率）")]
    assert "拒算" in refused and "基岩裸露率" in refused
    assert call("run", "karst", "--zone", cells, "--year", "2020", "--strict").code == 1


def test_patches_keep_those_large_enough_and_are_sealed(call: Call, tmp_path: Path):
    """Bare rock 40 % is grade 2 of Xiong (31-50 %), 60 % grade 3; full soil cover 0. By corners: two cells of 1 km2 of grade 2 are one patch
    of 200 hm2, the one of grade 3 is 100 hm2; both exceed 20 hm2."""
    rock = np.zeros((4, 4), np.float32)
    rock[0, 0] = rock[1, 1] = 40
    rock[2, 3] = 60
    zone = write_zone(
        tmp_path / "bare",
        CLASSES,
        ("bare", "land.bedrock_exposure", "%", rock),
        ("soil", "land.soil_cover", "%", FULL * 100),
    )
    said = call("run", "karst", "--zone", zone, "--year", "2020", "--rasters", tmp_path / "maps", "--json")
    assert said.code == 0, said.err
    (found,) = said.json["accounts"][0]["patches"]
    assert found["smallest_hm2"] == 20 and found["neighbours"] == "8"
    assert {c["code"]: (c["patches"], c["hm2"]) for c in found["codes"]} == {
        1: (0, 0),
        2: (1, 200),
        3: (1, 100),
        4: (0, 0),
    }
    text = call("run", "karst", "--zone", zone, "--year", "2020").out
    assert "2: 1 patch, 200 hm2; in smaller ones 0 hm2" in text
    asked = ("krd_patches.area.2", "--zone", zone, "--profile", "karst", "--place", "R", "--period", "2020")
    tree = call("explain", *asked, "--json").json
    roles = {c["role"] for c in tree["children"]}
    assert tree["value"] == 200 and {"of", "smallest", "classes", "places"} <= roles
    assert call("verify", said.json["accounts"][0]["run"]).code == 0


def test_one_place_alone(call: Call, cells: Path):
    found = figures(call("run", "karst", "--zone", cells, "--year", "2020", "--place", "East", "--json"))
    assert list(found) == ["R2"]
    share = found["R2"]["land.krd_conflict_share"]
    assert share["value"] == pytest.approx(500 / 6) and share["method"] == "land.krd_conflict_share@project"


def test_a_class_with_an_open_row_refuses_the_places_it_lies_in(call: Call, tmp_path: Path):
    """Desert has no cover factor in HJ 1173: the west and the whole refuse, the east does not; 15 km2 of woods stand beside."""
    classes = CLASSES.copy()
    classes[0, 0] = DESERT
    zone = write_zone(tmp_path / "desert", classes)
    found = figures(call("run", "rusle", "--zone", zone, "--year", "2020", "--json"))
    assert found["R2"]["soil.conservation_rate"]["value"] == pytest.approx(75)
    for place, woods in (("R", 15), ("R1", 7)):
        areas = found[place]["soil.loss_grade_area"]
        assert areas["refusal"] and not areas["codes"] and found[place]["soil.conservation_rate"]["value"] is None
        assert sum(g["value"] for g in areas["given"]) == pytest.approx(woods)
    text = call("run", "rusle", "--zone", zone, "--year", "2020").out
    assert "soil and water conservation rate: refused - " in text and "the other classes: 0 slight 13 km2" in text


def test_cells_without_a_value_are_told_beside_the_figure(call: Call, cells: Path):
    """Cover fails in one western cell: the areas by grade are made on 15 of 16 km2, and the rate is of those."""
    with rasterio.open(cells / "cover.tif", "r+") as cover:
        values = cover.read(1)
        values[0, 0] = -9999
        cover.write(values, 1)
    text = call("run", "rusle", "--zone", cells, "--year", "2020").out
    assert "soil and water conservation rate: 86.67 % (made on 93.8 % of the area)" in text  # 13 of 15


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nope"], "raster accounts: "),
        (["rusle", "screening"], "apart"),
        (["rusle", "gep"], "apart"),
        (["rusle", "--draws", "10"], "--draws"),
        (["rusle", "--year", "1999"], "1999"),
        (["rusle", "--place", "Nowhere"], "Nowhere"),
    ],
)
def test_a_call_that_cannot_be_meant_says_what_there_is(call: Call, cells: Path, words: list[str], said: str):
    answer = call("run", *words, "--zone", cells)
    assert answer.code == 2 and said in answer.err and "Traceback" not in answer.err


def test_a_zone_without_rasters_says_so(call: Call, zone: Path):
    answer = call("run", "rusle", "--zone", zone)
    assert answer.code == 1 and "[grid]" in answer.err
