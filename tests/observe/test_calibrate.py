"""Plots calibrate a map: coefficients and total by hand, a useless map that does no harm, and the map as a raster account."""

import json

import numpy as np
import pytest
import rasterio

from qingshan.accounts.block.cog import write_cog
from qingshan.accounts.raster.run import run_raster
from qingshan.core.errors import OutOfBounds
from qingshan.faces.cli import main
from qingshan.observe import change
from qingshan.observe.allometry import evaluate
from qingshan.observe.calibrate import calibrate
from qingshan.observe.estimate import TooFewPlots
from qingshan.zone.raster.grid import Grid, Window
from qingshan.zone.raster.source import ArraySource

GRID = Grid("EPSG:32648", (100.0, 0.0, 500_000.0, 0.0, -100.0, 3_000_000.0), 6, 5)
HEIGHTS = np.arange(30, dtype=np.float64).reshape(5, 6)


def points(rows, cols):
    return 500_000 + (np.asarray(cols) + 0.5) * 100, 3_000_000 - (np.asarray(rows) + 0.5) * 100


def test_a_line_through_the_plots_is_the_map():
    layer = ArraySource(HEIGHTS, None, "canopy")
    got = calibrate(np.array([10.0, 12, 14, 30]), [layer], GRID, *points([0, 0, 0, 1], [0, 1, 2, 4]), unit="t dm")
    # y = 10 + 2 x at x = 0, 1, 2, 10; 30 cells of 1 hm2, mean x 14.5
    assert got.map.coefficients == pytest.approx((10, 2)) and got.r2 == pytest.approx(1)
    assert got.estimate.value == pytest.approx(30 * (10 + 2 * 14.5)) == pytest.approx(got.map_total)
    assert got.estimate.se == pytest.approx(0, abs=1e-6) and got.plain.se > 0 and got.negative == 0
    assert got.map.read(Window(0, 0, 1, 3)).tolist() == [[10.0, 12.0, 14.0]]


def test_a_useless_map_costs_a_degree_of_freedom_and_no_bias():
    lot = np.random.default_rng(8)
    noise, truth = lot.uniform(0, 1, (60, 60)), lot.uniform(50, 150, (60, 60))
    wide = Grid("EPSG:32648", GRID.transform, 60, 60)
    totals, inside = [], 0
    for _ in range(100):
        at = lot.choice(3600, 40, replace=False)
        rows, cols = np.divmod(at, 60)
        got = calibrate(truth[rows, cols], [ArraySource(noise)], wide, *points(rows, cols))
        low, high = got.estimate.interval
        totals.append(got.estimate.value)
        inside += low <= truth.sum() <= high
    assert np.mean(totals) == pytest.approx(truth.sum(), rel=0.01)
    assert 81 <= inside <= 99  # 90 % of 100 intervals; binomial sd 3
    assert got.estimate.df == 38 and 0.5 < got.efficiency < 1.5


def test_what_has_no_data_stays_so_and_what_falls_below_zero_is_counted():
    values = HEIGHTS.copy()
    values[0, 0] = np.nan
    got = calibrate(np.array([-9.0, -4, 1, 11]), [ArraySource(values)], GRID, *points([0, 0, 0, 0], [1, 2, 3, 5]))
    # y = -14 + 5 x: below 0 for x = 1, 2
    assert got.map.read(Window(0, 0, 1, 3)).tolist() == [[-9999.0, -9.0, -4.0]]
    assert got.area == 29 and got.negative == pytest.approx(2 / 29)
    with pytest.raises(OutOfBounds, match="depend"):
        calibrate(np.arange(5.0), [ArraySource(HEIGHTS), ArraySource(HEIGHTS * 2)], GRID, *points([0] * 5, range(5)))
    with pytest.raises(TooFewPlots):
        calibrate(np.arange(2.0), [ArraySource(HEIGHTS)], GRID, *points([0, 0], [0, 1]))


ZONE = """
[zone]
id = "woodcells"
name_zh = "小林"
name_en = "Wood cells"
root = "1"
default_profile = "screening"
synthetic = true
currency_year = 2020
[[level]]
id = "whole"
zh = "全区"
en = "whole"
[[level]]
id = "part"
zh = "分区"
en = "part"
[[period]]
id = "2020"
year = 2020
zh = "2020年"
en = "2020"
also = ["static"]
month_pattern = ["2020-{:02d}"]
[grid]
crs = "EPSG:32648"
origin = [500000.0, 3000000.0]
cell = 100.0
shape = [5, 6]
[landcover]
quantity = "land.cover"
mapping = "identity"
[places]
raster = "places"
codes = { 1 = "11", 2 = "12" }
[extent]
scheme = "tiny"
zh = "地类"
en = "classes"
total = "place.area"
[[extent.class]]
id = "forest"
code = 11
fact = "land.forest.arbor"
zh = "林地"
en = "forest"
"""


def entry(id, quantity, unit, path):
    return (
        f'[[raster]]\nid = "{id}"\ntitle = "{id}"\nquantity = "{quantity}"\nperiod = "static"\npath = "{path}"\nunit = "{unit}"\n'
        f'source = "invented"\nlicence = "CC0"\nresampling = "nearest"\nsynthetic = true\n'
    )


def tif(path, values, kind="float32"):
    with rasterio.open(path, "w", driver="GTiff", height=5, width=6, count=1, dtype=kind, crs="EPSG:32648",
                       transform=rasterio.transform.from_origin(500000.0, 3000000.0, 100.0, 100.0)) as out:  # fmt: skip
        out.write(values.astype(kind), 1)


@pytest.fixture
def zone(tmp_path, monkeypatch):
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))
    folder = tmp_path / "zone"
    (folder / "facts").mkdir(parents=True)
    (folder / "parameters").mkdir()
    (folder / "facts/all.csv").write_text(
        "place_code,period,quantity,value,unit,source_title,status\n", encoding="utf-8"
    )
    (folder / "missing.csv").write_text("quantity,name_zh,place_code,period,document\n", encoding="utf-8")
    (folder / "places.csv").write_text(
        "code,name_zh,name_en,level,parent\n1,全区,Whole,whole,\n11,西区,West,part,1\n12,东区,East,part,1\n",
        encoding="utf-8",
    )
    tif(folder / "cover.tif", np.full((5, 6), 11), "uint8")
    tif(folder / "places.tif", np.repeat([[1, 1, 1, 2, 2, 2]], 5, axis=0), "uint8")
    tif(folder / "canopy.tif", HEIGHTS)
    (folder / "zone.toml").write_text(ZONE + entry("cover", "land.cover", "class", "cover.tif") + entry("places", "place.index", "class", "places.tif")
                                      + entry("canopy", "climate.temperature_annual", "degC", "canopy.tif"), encoding="utf-8")  # fmt: skip
    return folder


@pytest.mark.long
def test_the_map_becomes_an_account_by_place(zone):
    got = calibrate(np.array([10.0, 12, 14, 30]), [ArraySource(HEIGHTS)], GRID, *points([0, 0, 0, 1], [0, 1, 2, 4]))
    write_cog(got.map, GRID, zone / "biomass.tif", nodata=got.map.nodata, unit="t dm/hm2")
    with (zone / "zone.toml").open("a", encoding="utf-8") as stream:
        stream.write(entry("biomass", "forest.biomass_density", "t dm/hm2", "biomass.tif"))
    run = run_raster(zone, "tree_carbon", "2020")
    carbon = {f.place: f.value for f in run.facts if f.quantity == "forest.tree_carbon_map" and f.cls == "forest"}
    # west: columns 0 to 2 of rows x = 6 r + c; sum of 10 + 2 x over 15 cells of 1 hm2, half of it (CF 0.47) carbon
    west = sum(10 + 2 * (6 * r + c) for r in range(5) for c in range(3))
    east = sum(10 + 2 * (6 * r + c) for r in range(5) for c in range(3, 6))
    assert carbon["11"] == pytest.approx(west * 0.47, rel=1e-6) and carbon["12"] == pytest.approx(east * 0.47, rel=1e-6)
    assert carbon["11"] + carbon["12"] == pytest.approx(got.map_total * 0.47, rel=1e-6)
    co2 = next(f.value for f in run.facts if f.quantity == "forest.tree_co2_map" and f.place == "11")
    assert co2 == pytest.approx(carbon["11"] * 44 / 12)


def test_the_verb(zone, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "plots"
    folder.mkdir()
    xs, ys = points([0, 1, 2, 3, 4, 4], [0, 2, 5, 1, 4, 0])
    (folder / "plots.csv").write_text(
        "plot,stratum,area_m2,x,y\n"
        + "".join(f"p{i},1,600,{x},{y}\n" for i, (x, y) in enumerate(zip(xs, ys, strict=True)))
    )
    (folder / "trees.csv").write_text(
        "plot,tree,taxon,d_cm,h_m\n" + "".join(f"p{i},1,马尾松,{10 + 3 * i},{8 + i}\n" for i in range(6)),
        encoding="utf-8",
    )
    (folder / "strata.csv").write_text("stratum,area_hm2\n1,30\n")
    call = [
        "forest",
        "calibrate",
        str(folder),
        "--zone",
        str(zone),
        "--layers",
        "canopy",
        "--sets",
        "anhui2016",
        "--allow-unit-assumed",
        "--out",
        str(tmp_path / "map.tif"),
    ]
    counted = []
    monkeypatch.setattr(change, "evaluate", lambda *a: (counted.append(len(a[0])), evaluate(*a))[1])
    assert main([*call, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert counted == [6]  # its six trees, once
    assert told["area_hm2"] == 30 and told["estimate"]["df"] == 4 and told["estimate"]["unit"] == "t dm"
    assert told["labels"] == ["synthetic", "unit_assumed", "screening", "estimated", "secondary"]
    with rasterio.open(tmp_path / "map.tif") as out:
        assert out.read(1).sum() == pytest.approx(told["map_total"], rel=1e-5)
        assert "[synthetic, unit assumed, screening, estimated, secondary]" in str(out.descriptions)
    assert main([*call, "--lang", "zh"]) == 0 and "[示意、单位推断、粗算、估算、转引]" in capsys.readouterr().out
    assert (
        main(["forest", "calibrate", str(folder), "--zone", str(zone), "--layers", "none", "--sets", "anhui2016"]) == 2
    )


def test_the_verb_takes_equations_of_the_folder_and_groups(zone, tmp_path, capsys):
    """Six trees of W = d kg, one a plot of 600 m2: the plain total is the mean of d times 1e4/600/1000 over the mapped area."""
    folder = tmp_path / "own"
    folder.mkdir()
    xs, ys = points([0, 1, 2, 3, 4, 4], [0, 2, 5, 1, 4, 0])
    rows = {
        "plots": [
            "plot,stratum,area_m2,x,y",
            *(f"p{i},1,600,{x},{y}" for i, (x, y) in enumerate(zip(xs, ys, strict=True))),
        ],
        "trees": ["plot,tree,taxon,d_cm,h_m", *(f"p{i},1,刺槐,{10 + 3 * i},{8 + i}" for i in range(6))],
        "strata": ["stratum,area_hm2", "1,30"],
        "equations": [
            "id,set,taxon,taxon_zh,rank,quantity,form,a,b,d_unit,h_unit,unit,unit_basis,source_title,status",
            "own.hard,own,hard,硬阔,group,total,power_d,1,1,cm,m,kg,printed,a survey,secondary",
        ],
    }
    for name, lines in rows.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "groups.csv").write_text("taxon,group\n刺槐,hard\n", encoding="utf-8")
    call = ["forest", "calibrate", str(folder), "--zone", str(zone), "--layers", "canopy", "--sets", "own"]
    assert main(call) == 1
    capsys.readouterr()
    assert main([*call, "--groups", str(tmp_path / "groups.csv"), "--confidence", "0.95", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["plain"]["value"] == pytest.approx(17.5 * 1e4 / 600 / 1000 * told["area_hm2"], rel=1e-9)
    assert told["estimate"]["confidence"] == 0.95
