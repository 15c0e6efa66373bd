"""A zone folder with a small grid, and writers of the rasters that the tests put on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from qingshan.zone import Zone, open_zone
from qingshan.zone.raster.cache import Cache
from qingshan.zone.raster.catalogue import RasterBook

from .catalogue_server import Server, serving

MINIZONE = Path(__file__).parents[1] / "data/minizone"
CODES = {"arbor": 11, "shrub": 21, "grass": 33, "dry": 51, "reed": 41}
UTM = "EPSG:32647"  # the two boxes of the zone lie at 100 E, 30 N


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for each test: cache and remembered hashes."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("QINGSHAN_HOME", str(folder))
    monkeypatch.delenv("QINGSHAN_OFFLINE", raising=False)
    return folder


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "served"
    folder.mkdir()
    with serving(folder) as started:
        yield started


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", offline=False, retries=3, wait=0.01, timeout=5)


class Ground:
    """A zone folder under construction: `grid` and `raster` add to its zone.toml, `write` makes a GeoTIFF in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(MINIZONE, folder)
        text = self.text
        for name, code in CODES.items():
            text = text.replace(f'id = "{name}"\nfact', f'id = "{name}"\ncode = {code}\nfact')
        self.text = text

    @property
    def text(self) -> str:
        return (self.folder / "zone.toml").read_text(encoding="utf-8")

    @text.setter
    def text(self, value: str) -> None:
        (self.folder / "zone.toml").write_text(value, encoding="utf-8")

    def add(self, toml: str) -> Ground:
        self.text = f"{self.text}\n{toml}\n"
        return self

    def grid(self, crs: str, west: float, north: float, cell: Any, rows: int, cols: int) -> Ground:
        return self.add(f'[grid]\ncrs = "{crs}"\norigin = [{west}, {north}]\ncell = {cell}\nshape = [{rows}, {cols}]')

    def raster(self, id: str, quantity: str, unit: str, period: str = "2020", more: str = "", path: str = "") -> Ground:
        return self.add(
            f'[[raster]]\nid = "{id}"\ntitle = "{id}"\nquantity = "{quantity}"\nperiod = "{period}"\nunit = "{unit}"\n'
            f'path = "{path or id + ".tif"}"\nlicence = "CC0"\n{more}'
        )

    def write(
        self, name: str, values: NDArray[Any], west: float, north: float, cell: float | tuple[float, float] = 30.0,
        crs: str | None = UTM, nodata: float | None = None, **profile: Any,
    ) -> Path:  # fmt: skip
        dx, dy = (cell, cell) if isinstance(cell, int | float) else cell
        path = self.folder / f"{name}.tif"
        made = {
            "driver": "GTiff", "crs": crs, "transform": rasterio.Affine(dx, 0, west, 0, -dy, north), "count": 1,
            "height": values.shape[-2], "width": values.shape[-1], "dtype": values.dtype, "nodata": nodata,
        } | profile  # fmt: skip
        with rasterio.open(path, "w", **made) as out:
            out.write(values, 1)
        return path

    @property
    def zone(self) -> Zone:
        return open_zone(self.folder)

    @property
    def book(self) -> RasterBook:
        return RasterBook.of(self.zone)


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path / "ground")


@pytest.fixture
def standard(ground: Ground) -> Ground:
    """A grid of 40 x 50 cells of 30 m, north-west corner (500000, 3300000)."""
    return ground.grid(UTM, 500000.0, 3300000.0, 30.0, 40, 50)


Ramp = Callable[..., NDArray[Any]]


def ramp(rows: int, cols: int, dtype: str = "float32") -> NDArray[Any]:
    """Cell (r, c) holds r * cols + c."""
    return np.arange(rows * cols, dtype=dtype).reshape(rows, cols)
