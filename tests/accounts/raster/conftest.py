"""An invented zone of 5 x 6 cells with GeoTIFFs, and an invented domain that declares its account and profile.

The domain is found by its entry point, as any installed one is, here and in the process that `verify` starts.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from qingshan.core.domain import load_domains
from qingshan.zone.quantity import catalogue
from qingshan.zone.zone import Zone, open_zone

HERE = Path(__file__).parent
NOTHING = -9999.0
F, G, A = 11, 21, 31  # forest, grass, arable

COVER = {
    "2020": np.array([[F, F, G, G, A, A], [F, F, G, G, A, A], [F, G, G, A, A, A], [F, G, 0, A, F, F], [F, F, G, G, G, A]]),
    "2021": np.array([[F, F, G, G, A, A], [F, F, G, G, A, A], [F, G, G, G, A, A], [F, F, 0, A, F, F], [F, F, G, G, G, G]]),
}  # fmt: skip
PLACES = np.repeat([[1, 1, 1, 2, 2, 2]], 5, axis=0)
RAIN = np.where(PLACES == 1, 1000.0, 1200.0)
RAIN[0, 5] = NOTHING  # an arable cell of the east


def of_class(values: dict[int, float], year: str = "2020") -> np.ndarray:
    return np.vectorize(lambda code: values.get(int(code), NOTHING))(COVER[year]).astype(float)


NPP = of_class({F: 8, G: 4, A: 2, 0: 0})
NPP[4, 5] = NOTHING  # another

LAYERS: dict[str, tuple[str, str, np.ndarray]] = {
    "rain.tif": ("climate.rain_annual", "mm", RAIN),
    "aet.tif": ("tiny.evapotranspiration", "mm", of_class({F: 600, G: 500, A: 400, 0: 300})),
    "r.tif": ("tiny.erosivity", "MJ*mm/(hm2*h*a)", np.full((5, 6), 5000.0)),
    "npp.tif": ("tiny.npp", "t C/hm2", NPP),
}

ZONE = """
[zone]
id = "tinycells"
name_zh = "小格"
name_en = "Tiny cells"
root = "1"
default_profile = "tinycells"
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
[[period]]
id = "2021"
year = 2021
zh = "2021年"
en = "2021"
also = ["static"]
month_pattern = ["2021-{:02d}"]
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
[[extent.class]]
id = "grass"
code = 21
fact = "land.grass"
zh = "草地"
en = "grass"
[[extent.class]]
id = "arable"
code = 31
fact = "land.cultivated"
zh = "耕地"
en = "arable land"
"""

PARAMETERS = """parameter,class,value,unit,set,year,source_title,status
water.runoff_coefficient,forest,4,%,tiny,,invented,primary
water.runoff_coefficient,草地,8,%,tiny,,invented,primary
tiny.cover_factor,11,0.01,1,,,invented,primary
tiny.cover_factor,21,0.05,1,,,invented,primary
tiny.cover_factor,31,0.2,1,,,invented,primary
tiny.erodibility,,0.03,t*hm2*h/(hm2*MJ*mm),,,invented,primary
tiny.reservoir_cost,,6,元/m3,,2020,invented,primary
tiny.silt_fraction,,0.24,-,,,invented,primary
tiny.bulk_density,,1.2,t/m3,,,invented,primary
tiny.dredging_cost,,15,元/m3,,2020,invented,primary
"""


def write_tif(path: Path, values: np.ndarray, kind: str = "float32", nodata: float | None = NOTHING) -> None:
    where = rasterio.transform.from_origin(500000.0, 3000000.0, 100.0, 100.0)
    profile: dict[str, Any] = {
        "driver": "GTiff", "height": values.shape[0], "width": values.shape[1], "count": 1, "dtype": kind,
        "crs": "EPSG:32648", "transform": where, "nodata": nodata,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as out:
        out.write(values.astype(kind), 1)


def entry(name: str, quantity: str, unit: str, period: str = "static") -> str:
    return (
        f'[[raster]]\nid = "{name.removesuffix(".tif")}"\ntitle = "{name}"\nquantity = "{quantity}"\nperiod = "{period}"\n'
        f'path = "{name}"\nunit = "{unit}"\nsource = "invented"\nlicence = "CC0"\nresampling = "nearest"\nsynthetic = true\n'
    )


def make_cells(folder: Path, leave_out: tuple[str, ...] = (), more: str = "") -> Path:
    """The zone with its rasters; `leave_out` names files that are neither written nor catalogued."""
    (folder / "facts").mkdir(parents=True)
    (folder / "parameters").mkdir()
    (folder / "parameters" / "tiny.csv").write_text(PARAMETERS, encoding="utf-8")
    (folder / "facts" / "all.csv").write_text(
        "place_code,period,quantity,value,unit,source_title,status\n", encoding="utf-8"
    )
    (folder / "missing.csv").write_text("quantity,name_zh,place_code,period,document\n", encoding="utf-8")
    (folder / "places.csv").write_text(
        "code,name_zh,name_en,level,parent\n1,全区,Whole,whole,\n11,西区,West,part,1\n12,东区,East,part,1\n",
        encoding="utf-8",
    )
    text = ZONE + more
    for name, (quantity, unit, values) in LAYERS.items():
        if name not in leave_out:
            write_tif(folder / name, values)
            text += entry(name, quantity, unit)
    for year, cover in COVER.items():
        write_tif(folder / f"cover{year}.tif", cover, "uint8", None)
        text += entry(f"cover{year}.tif", "land.cover", "class", year)
    write_tif(folder / "places.tif", PLACES, "uint8", None)
    text += entry("places.tif", "place.index", "class")
    (folder / "zone.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="package")
def invented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The invented domain, installed for this process and those it starts."""
    site = tmp_path_factory.mktemp("site")
    shutil.copytree(HERE / "tinydomain", site / "tinydomain", ignore=shutil.ignore_patterns("__pycache__"))
    about = site / "tinydomain-0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tinydomain\nVersion: 0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text("[qingshan.domains]\ntiny = tinydomain\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH", "")))))
        load_domains.cache_clear()
        catalogue.cache_clear()
        yield site
    load_domains.cache_clear()
    catalogue.cache_clear()


@pytest.fixture(scope="module")
def cells_home(tmp_path_factory: pytest.TempPathFactory, invented: Path) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("QINGSHAN_HOME", str(folder))
        patch.delenv("QINGSHAN_ZONE", raising=False)
        yield folder


@pytest.fixture(scope="module")
def cells_folder(tmp_path_factory: pytest.TempPathFactory, cells_home: Path) -> Path:
    return make_cells(tmp_path_factory.mktemp("zone") / "tinycells")


@pytest.fixture(scope="module")
def cells(cells_folder: Path) -> Zone:
    return open_zone(cells_folder)
