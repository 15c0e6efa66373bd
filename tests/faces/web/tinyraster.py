"""An invented zone of 4 × 5 cells of 30 m with GeoTIFFs of its own: small enough to work every number out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import Affine

WOODS, CROPS, TOWN, NOTHING = 11, 51, 61, -9999.0
WEST, NORTH, CELL = 500_000.0, 3_000_000.0, 30.0

COVER = {
    "2015": np.array([[11, 11, 51, 51, 61], [11, 11, 51, 51, 61], [11, 51, 51, 61, 61], [11, 51, 51, 61, 0]], np.uint8),
    "2020": np.array([[11, 11, 51, 61, 61], [11, 11, 51, 51, 61], [11, 11, 51, 61, 61], [11, 51, 51, 61, 0]], np.uint8),
}
PLACES = np.array([[1, 1, 1, 2, 2]] * 4, np.uint8)
STORM = np.array([[100, 100, 100, 60, 60]] * 4, np.float32)
STORM[0, 4] = NOTHING
GROUP = np.array([[2, 2, 2, 2, 2], [2, 2, 2, 2, 2], [3, 3, 3, 3, 3], [3, 3, 3, 3, 3]], np.uint8)
HEIGHT = np.arange(20, dtype=np.float32).reshape(4, 5) * 10 + 400
CHANGE = np.array([[-3, -2, -1, 1, 2]] * 4, np.float32)

ZONE = """
[zone]
id = "tinyraster"
name_zh = "小栅格"
name_en = "Tiny Rasters"
root = "R"
default_profile = "spatial"
profiles = ["spatial"]
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
id = "2015"
year = 2015
zh = "2015 年"
en = "2015"
also = ["static"]
[[period]]
id = "2020"
year = 2020
zh = "2020 年"
en = "2020"
also = ["static"]
[grid]
crs = "EPSG:32648"
origin = [500000.0, 3000000.0]
cell = 30.0
shape = [4, 5]
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
closing = "period"
opening = "previous_period"
[[extent.class]]
id = "woods"
code = 11
fact = "land.ecosystem.woods"
zh = "阔叶林"
en = "broadleaf forest"
[[extent.class]]
id = "crops"
code = 51
fact = "land.ecosystem.crops"
zh = "耕地"
en = "cultivated land"
[[extent.class]]
id = "town"
code = 61
fact = "land.ecosystem.town"
zh = "居住地"
en = "residential land"
[[extent.group]]
id = "green"
zh = "绿地"
en = "green land"
classes = ["woods", "crops"]
[[extent.group]]
id = "wetland"
zh = "湿地"
en = "wetland"
classes = ["crops"]
[[quantity]]
id = "land.ecosystem.*"
zh = "地类面积"
en = "class area"
unit = "m2"
rollup = "sum"
"""
PLACE_ROWS = """code,name_zh,name_en,level,parent
R,小栅格县,Tiny County,county,
R1,西乡,West Township,township,R
R2,东乡,East Township,township,R
"""
LAYERS: tuple[tuple[str, str, str, str, NDArray[np.generic], float], ...] = (
    ("cover2015", "land.cover", "2015", "class", COVER["2015"], 0),
    ("cover2020", "land.cover", "2020", "class", COVER["2020"], 0),
    ("height", "terrain.elevation", "static", "m", HEIGHT, NOTHING),
    ("storm", "climate.storm_rain", "static", "mm", STORM, NOTHING),
    ("group", "soil.hydrologic_group", "static", "class", GROUP, 0),
    ("warming", "climate.warming", "2020", "degC", CHANGE, NOTHING),
    ("places", "place.index", "static", "class", PLACES, 0),
)


def write_raster(path: Path, values: NDArray[np.generic], nodata: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": values.dtype.name,
               "crs": "EPSG:32648", "transform": Affine(CELL, 0, WEST, 0, -CELL, NORTH), "nodata": nodata}  # fmt: skip
    with rasterio.open(path, "w", **profile) as out:
        out.write(values, 1)


def write_raster_zone(folder: Path, missing: str = "") -> Path:
    """The folder of the zone, ready to open; the file of the layer `missing` is not written."""
    (folder / "facts").mkdir(parents=True)
    entries = []
    for id, quantity, period, unit, values, nodata in LAYERS:
        if id != missing:
            write_raster(folder / "rasters" / f"{id}.tif", values, nodata)
        entries.append(
            f'[[raster]]\nid = "{id}"\ntitle = "{id} 图 {id}"\nquantity = "{quantity}"\nperiod = "{period}"\npath = "rasters/{id}.tif"\n'
            f'unit = "{unit}"\nlicence = "CC0-1.0"\nsource = "invented 虚构"\nresampling = "nearest"\nsynthetic = true\n'
        )
    (folder / "zone.toml").write_text(ZONE + "".join(entries), encoding="utf-8")
    (folder / "places.csv").write_text(PLACE_ROWS, encoding="utf-8")
    head = "place_code,period,quantity,name_zh,value,unit,source_title,issuer,status,note\n"
    (folder / "facts" / "people.csv").write_text(
        head + "R1,2020,population.census_total,常住人口,10,人,invented,nobody,secondary,\n", encoding="utf-8"
    )
    (folder / "missing.csv").write_text(
        "quantity,name_zh,name_en,place_code,place,period,needed_by,document,rule,note\n", encoding="utf-8"
    )
    return folder


def middle(row: int, col: int) -> tuple[float, float]:
    """Longitude and latitude of a cell's centre."""
    from pyproj import Transformer  # noqa: PLC0415 - as the zone does

    x, y = WEST + (col + 0.5) * CELL, NORTH - (row + 0.5) * CELL
    lon, lat = Transformer.from_crs("EPSG:32648", "EPSG:4326", always_xy=True).transform(x, y)
    return round(lon, 7), round(lat, 7)
