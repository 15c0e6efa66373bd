"""A small account for the tests of the block engine: rain, evapotranspiration and their balance on grids made here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qingshan.accounts.block.engine import SheetResult, run_sheet
from qingshan.accounts.block.sheet import Sheet
from qingshan.core.domain import load_domains
from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.source import ArraySource, Source

load_domains()

BALANCE: dict[str, Any] = {
    "id": "balance",
    "layers": [{"id": "rain", "unit": "mm"}, {"id": "et", "unit": "mm"}],
    "tables": [{"id": "stock", "unit": "t/hm2"}],
    "steps": [{"id": "left", "cell": "water.yield_depth@balance", "bind": {"precipitation": "rain", "evapotranspiration": "et"}}],
    "sums": [
        {"id": "area", "of": "1", "per": "m2", "unit": "m2"},
        {"id": "left", "of": "left", "per": "m2", "unit": "m3"},
        {"id": "stock", "of": "stock", "per": "hm2", "unit": "t"},
    ],
}  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Kernels of these tests are compiled once, into a home of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QINGSHAN_HOME", str(tmp_path_factory.mktemp("kernels")))
        yield


def square(height: int, width: int, cell: float = 10.0) -> Grid:
    return Grid("EPSG:32648", (cell, 0.0, 500000.0, 0.0, -cell, 3000000.0), width, height)


@dataclass(frozen=True)
class Case:
    """A sheet with all that it is run on."""

    sheet: Sheet
    grid: Grid
    sources: Mapping[str, Source]
    tables: Mapping[str, NDArray[np.float64]]
    places: Source
    classes: Source
    n_places: int
    codes: tuple[int, ...]

    def run(self, **options: Any) -> SheetResult:
        return run_sheet(
            self.sheet, self.grid, self.sources, self.tables, {}, self.places, self.classes, n_places=self.n_places, codes=self.codes,
            **{"scheduler": "sync"} | options,
        )  # fmt: skip


def case(rain: Any, et: Any, places: Any, classes: Any, *, content: Mapping[str, Any] = BALANCE, nodata: Mapping[str, float | None] | None = None,
         stock: Any = (np.nan, 10.0, 20.0), codes: tuple[int, ...] = (1, 2), **more: Source) -> Case:  # fmt: skip
    """The balance account on the given cells; `nodata` by layer, places outside are -1, class 0 is NoData."""
    none = {"rain": None, "et": None} | dict(nodata or {})
    cells = {"rain": np.asarray(rain), "et": np.asarray(et)}
    sources: dict[str, Source] = {k: ArraySource(v, none[k], k) for k, v in cells.items()}
    height, width = cells["rain"].shape
    return Case(
        Sheet.of(content), square(height, width), sources | more, {"stock": np.asarray(stock, float)},
        ArraySource(np.asarray(places, np.int32), -1, "places"), ArraySource(np.asarray(classes, np.uint8), 0, "classes"),
        int(np.max(places)) + 1, codes,
    )  # fmt: skip


def seeded(height: int, width: int, seed: int = 7, n_places: int = 5) -> Case:
    """Random cells with NoData in every layer, places outside and cells of no class. Rain reaches 5000 mm, the sums need all digits."""
    draw = np.random.default_rng(seed)
    rain = draw.gamma(2.0, 500.0, (height, width)).astype(np.float32).clip(0, 5000)
    et = (rain * draw.random((height, width))).astype(np.float32)
    rain[draw.random(rain.shape) < 0.02] = -9999
    et[draw.random(rain.shape) < 0.02] = np.nan
    places = draw.integers(-1, n_places, (height, width))
    classes = draw.integers(0, 4, (height, width))
    return case(rain, et, places, classes, nodata={"rain": -9999.0})


def same(left: SheetResult, right: SheetResult) -> bool:
    """Whether two results are the same to the byte."""
    return all(
        np.asarray(getattr(left, part)[k]).tobytes() == np.asarray(getattr(right, part)[k]).tobytes()
        for part in (
            "values",
            "cells",
            "nodata_area",
            "outside_area",
            "outside_cells",
            "excluded_area",
            "undefined_area",
        )
        for k in getattr(left, part)
    ) and (left.key, left.unclassified_area) == (right.key, right.unclassified_area)


def folder_of(path: Path) -> list[str]:
    """Names of all that lies in a folder, hidden files too."""
    return sorted(str(p.relative_to(path)) for p in path.rglob("*"))
