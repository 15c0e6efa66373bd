"""One raster case of ours in a process of its own: seconds, CPU, peak memory and the files it wrote, as JSON.

    python -m benchmarks.raster_cases CASE INPUTS FOLDER RESULT.json

Reading the inputs, computing, totals by watershed and class, and writing the rasters are counted; imports and loading the
compiled kernels are not, as the peer's import is not. The cases of the peer's models run in `compat = "invest"`.
"""

from __future__ import annotations

import csv
import json
import resource
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.accounts.block.engine import run_sheet
from qingshan.accounts.block.sheet import Sheet
from qingshan.accounts.stages import find_stage
from qingshan.core.domain import load_domains
from qingshan.zone.raster.align import Aligned
from qingshan.zone.raster.grid import Grid, Window
from qingshan.zone.raster.places import PlaceCells, draw_places
from qingshan.zone.raster.source import Source
from qingshan.zone.raster.stored import look

CODES = tuple(range(1, 11))
MEMORY = "1GB"
STAGE_MEMORY = "6GB"
STREAM_CELLS = 1000
STREAM_AREA = STREAM_CELLS * 30.0**2 / 1e6
"""Where a stream begins: cells, and the same as km2."""
LOSS, LOAD = "t/(hm2 a)", "kg/(hm2 a)"


@dataclass(frozen=True)
class Data:
    """A folder of inputs seen through a grid: the whole of it, the square of the watersheds, or a corner to warm up on."""

    folder: Path
    grid: Grid
    row: int = 0
    col: int = 0

    @classmethod
    def of(cls, folder: Path) -> Data:
        file = look(str(folder / "lulc.tif"))
        return cls(folder, Grid("EPSG:32648", file.transform, file.width, file.height))

    def part(self, row: int, col: int, height: int, width: int) -> Data:
        a, _, c, _, e, f = self.grid.transform
        grid = Grid(self.grid.crs, (a, 0.0, c + a * col, 0.0, e, f + e * row), width, height)
        return Data(self.folder, grid, self.row + row, self.col + col)

    def squares(self) -> Data:
        """The part the peer works on: the square of all watersheds."""
        margin = round(0.03 * self.grid.width)
        return self.part(margin, margin, self.grid.height - 2 * margin, self.grid.width - 2 * margin)

    def layer(self, name: str) -> Source:
        file = look(str(self.folder / f"{name}.tif"))
        return Aligned.of(
            file, self.grid, (self.row, self.col), file.nodata, {"file": name, "at": [self.row, self.col]}
        )

    def table(self, name: str, column: str) -> NDArray[np.float64]:
        return self.tables(name, {column: column})[column]

    def tables(self, name: str, columns: Mapping[str, str]) -> dict[str, NDArray[np.float64]]:
        """Columns of a table by class under names of their own, read in one go."""
        out = {k: np.full(256, np.nan) for k in columns}
        with (self.folder / f"{name}.csv").open(encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                for k, column in columns.items():
                    out[k][int(row["lucode"])] = float(row[column])
        return out

    def places(self) -> PlaceCells:
        shapes = json.loads((self.folder / "watersheds.geojson").read_text(encoding="utf-8"))["features"]
        return draw_places(
            self.grid, [[np.array(r) for r in f["geometry"]["coordinates"]] for f in shapes], {"watersheds": 9}
        )


# ---- cell by cell ---------------------------------------------------------------------------------------------------


def carbon_yield(data: Data, folder: Path, *, rasters: bool = False, scheduler: str = "threads") -> dict[str, Path]:
    """Carbon stock and annual water yield: one sheet, five layers. With rasters: the four that InVEST's two models give."""
    load_domains()
    sheet = Sheet.of({
        "id": "carbon_yield",
        "layers": [{"id": "rain", "unit": "mm"}, {"id": "et0", "unit": "mm"}, {"id": "depth", "unit": "mm"}, {"id": "pawc", "unit": "fraction"}],
        "tables": [
            *({"id": t, "unit": "t C/hm2"} for t in ("above", "below", "humus", "dead")),
            {"id": "kc", "unit": "-"}, {"id": "roots", "unit": "mm"}, {"id": "vegetated", "unit": "class"},
        ],
        "constants": [{"id": "z", "unit": "-"}],
        "steps": [
            {"id": "carbon", "cell": "forest.carbon_stock@pools",
             "bind": {"above_ground": "above", "below_ground": "below", "soil": "humus", "dead": "dead"}},
            {"id": "awc", "cell": "water.available_water@invest3", "bind": {"root_depth": "roots", "restricting_depth": "depth", "pawc": "pawc"}},
            {"id": "fractp", "cell": "water.evaporative_fraction@invest3", "bind": {
                "precipitation": "rain", "reference_evapotranspiration": "et0", "crop_coefficient": "kc", "available_water": "awc",
                "vegetated": "vegetated", "seasonality": "z"}},
            {"id": "wyield", "cell": "water.annual_yield@invest3", "bind": {"precipitation": "rain", "evaporative_fraction": "fractp"}},
            {"id": "aet", "cell": "water.actual_evapotranspiration@invest3", "bind": {"precipitation": "rain", "evaporative_fraction": "fractp"}},
        ],
        "sums": [
            {"id": "carbon", "of": "carbon", "per": "hm2", "unit": "t C"},
            *({"id": n, "of": n, "per": "m2", "unit": "m3"} for n in ("rain", "aet", "wyield")),
        ],
    })  # fmt: skip
    names = {"above": "c_above", "below": "c_below", "humus": "c_soil", "dead": "c_dead"}
    tables = data.tables("carbon_pools", names)
    tables |= data.tables("biophysical_sdr_awy", {"kc": "kc", "roots": "root_depth", "vegetated": "lulc_veg"})
    sources = {
        k: data.layer(f) for k, f in {"rain": "precip", "et0": "et0", "depth": "root_depth", "pawc": "pawc"}.items()
    }
    files = {n: folder / f"{n}.tif" for n in ("carbon", "fractp", "aet", "wyield")} if rasters else {}
    run_sheet(sheet, data.grid, sources, tables, {"z": 10.0}, data.places(), data.layer("lulc"), n_places=9, codes=CODES, memory=MEMORY,
              writes=files, scheduler=scheduler)  # fmt: skip
    return files


def decode(data: Data, folder: Path) -> dict[str, Path]:
    """Nothing but reading the five layers of `carbon_yield`, on as many threads as cores: the limit of such an account."""
    layers = [data.layer(n) for n in ("precip", "et0", "root_depth", "pawc", "lulc")]

    def one(window: Window) -> None:
        for layer in layers:
            layer.read(window)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, data.grid.blocks(512, 4096)))
    return {}


# ---- stages ---------------------------------------------------------------------------------------------------------


def stage(name: str, data: Data, inputs: Mapping[str, Source], tables: Mapping[str, Any], constants: Mapping[str, float],
          options: Mapping[str, str], outputs: list[str], folder: Path) -> dict[str, Source]:  # fmt: skip
    found: dict[str, Source] = find_stage(name).function()(
        data.grid,
        inputs,
        tables,
        constants,
        options,
        outputs,
        folder / name,
        classes=data.layer("lulc"),
        memory=STAGE_MEMORY,
    )
    return found


def routed(data: Data, folder: Path, routing: str) -> dict[str, Source]:
    """Filled terrain, directions, accumulation and slope."""
    names = ["filled", "direction", "accumulation"]
    flow = stage("flow", data, {"elevation": data.layer("dem")}, {}, {}, {"routing": routing}, names, folder)
    return flow | stage("terrain", data, {"elevation": flow["filled"]}, {}, {}, {}, ["slope"], folder)


def totalled(
    data: Data, fields: Mapping[str, Source], units: Mapping[str, str], folder: Path, unit: str = ""
) -> dict[str, Path]:
    """Totals (or, without a unit for them, sums) by watershed and class, and every field as a COG."""
    sheet = Sheet.of({
        "id": "fields", "layers": [{"id": n, "unit": units[n]} for n in fields],
        "sums": [{"id": n, "of": n, **({"per": "hm2", "unit": unit} if unit and units[n] != "1" else {"unit": units[n]})} for n in fields],
    })  # fmt: skip
    files = {n: folder / f"{n}.tif" for n in fields}
    run_sheet(
        sheet,
        data.grid,
        fields,
        {},
        {},
        data.places(),
        data.layer("lulc"),
        n_places=9,
        codes=CODES,
        memory=MEMORY,
        writes=files,
    )
    return files


def sdr(data: Data, folder: Path, *, routing: str = "mfd") -> dict[str, Path]:
    data = data.squares()
    flow = routed(data, folder, routing)
    invest = {"compat": "invest"}
    flow |= stage(
        "slope_length",
        data,
        {k: flow[k] for k in ("accumulation", "slope")},
        {},
        {"l_max": 122.0},
        invest,
        ["ls"],
        folder,
    )
    inputs = {k: flow[k] for k in ("direction", "accumulation", "slope", "ls")}
    inputs |= {k: data.layer(k) for k in ("erosivity", "erodibility")}
    tables = {"c": data.table("biophysical_sdr_awy", "usle_c"), "p": data.table("biophysical_sdr_awy", "usle_p")}
    names = ["potential", "loss", "export", "deposition", "avoided_erosion", "avoided_export", "stream"]
    numbers = {"stream_area": STREAM_AREA, "ic0": 0.5, "k": 2.0, "ratio_max": 0.8}
    fields = stage("sediment", data, inputs, tables, numbers, invest, names, folder)
    return totalled(data, fields, dict.fromkeys(names, LOSS) | {"stream": "1"}, folder, "t")


def ndr(data: Data, folder: Path, *, routing: str = "mfd") -> dict[str, Path]:
    data = data.squares()
    flow = routed(data, folder, routing)
    tables = {"subsurface_n": data.table("biophysical_ndr", "proportion_subsurface_n")}
    for n in "np":
        columns = {"load": "load", "efficiency": "eff", "length": "crit_len"}
        tables |= {f"{t}_{n}": data.table("biophysical_ndr", f"{c}_{n}") for t, c in columns.items()}
        tables[f"applied_{n}"] = np.ones(256)
    inputs = {k: flow[k] for k in ("direction", "accumulation", "slope")} | {"runoff": data.layer("precip")}
    numbers = {"stream_area": STREAM_AREA, "k": 2.0, "subsurface_efficiency": 0.8, "subsurface_length": 150.0}
    names = ["surface_n", "below_n", "export_n", "export_p", "stream"]
    fields = stage("nutrient", data, inputs, tables, numbers, {"compat": "invest"}, names, folder)
    return totalled(data, fields, dict.fromkeys(names, LOAD) | {"stream": "1"}, folder, "kg")


def cooling(data: Data, folder: Path) -> dict[str, Path]:
    data = data.squares()
    columns = {"crop_coefficient": "kc", "shade": "shade", "albedo": "albedo", "green": "green_area"}
    tables = {t: data.table("biophysical_ucm", c) for t, c in columns.items()}
    numbers = {
        "reference_temperature": 24.0, "heat_island": 4.0, "cooling_distance": 450.0, "mixing_distance": 2000.0, "smallest_park": 2.0,
        "shade_weight": 0.6, "albedo_weight": 0.2, "et_weight": 0.2,
    }  # fmt: skip
    names = ["capacity", "mitigation", "temperature"]
    options = {"compat": "invest", "largest_et": "map"}
    fields = stage("cooling", data, {"reference_et": data.layer("et0")}, tables, numbers, options, names, folder)
    return totalled(data, fields, {"capacity": "1", "mitigation": "1", "temperature": "degC"}, folder)


def habitat(data: Data, folder: Path) -> dict[str, Path]:
    rows = list(csv.DictReader((data.folder / "threats.csv").open(encoding="utf-8")))
    tables = {"suitability": data.table("sensitivity", "habitat")}
    inputs: dict[str, Source] = {}
    numbers, options = {"half_saturation": 0.05, "scaling": 2.5}, {"compat": "invest"}
    for row in rows:
        n = row["threat"]
        inputs[f"threat_{n}"], tables[f"sensitivity_{n}"] = data.layer(f"threat_{n}"), data.table("sensitivity", n)
        numbers |= {f"distance_{n}": float(row["max_dist"]), f"weight_{n}": float(row["weight"])}
        options[f"decay_{n}"] = row["decay"]
    names = ["degradation", "quality"]
    fields = stage("habitat", data, inputs, tables, numbers, options, names, folder)
    return totalled(data, fields, dict.fromkeys(names, "1"), folder)


CASES: dict[str, Callable[..., dict[str, Path]]] = {
    "carbon+water-yield": carbon_yield,
    "carbon+water-yield-rasters": lambda data, folder: carbon_yield(data, folder, rasters=True),
    "decode": decode,
    "sdr": sdr,
    "sdr-d8": lambda data, folder: sdr(data, folder, routing="d8"),
    "ndr": ndr,
    "urban-cooling": cooling,
    "habitat-quality": habitat,
}


def measured(call: Callable[[], Any]) -> dict[str, Any]:
    """Seconds, CPU seconds (of this process and its ended children) and the peak of memory up to now."""
    wall, cpu = time.perf_counter(), _cpu()
    found = call()
    wall, cpu = time.perf_counter() - wall, _cpu() - cpu
    return {
        "wall": wall,
        "cpu": cpu,
        "peak_gb": _peak() / 2**30,
        "found": found,
    }


def _peak() -> int:
    """Bytes this program held at most. (`ru_maxrss` keeps the size of the process that started it.)"""
    try:
        told = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 2**10
    return int(told.partition("VmHWM:")[2].split()[0]) * 2**10


def _cpu() -> float:
    return sum(
        u.ru_utime + u.ru_stime for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def run_case(name: str, inputs: Path, folder: Path) -> dict[str, Any]:
    """Warm up on a corner, then run."""
    data, case = Data.of(inputs), CASES[name]
    corner = replace(data.part(0, 0, 400, 400), row=200, col=200)
    for attempt, part in (("corner", corner), ("whole", data)):
        shutil.rmtree(folder / attempt, ignore_errors=True)
        (folder / attempt).mkdir(parents=True)
        done = measured(lambda part=part, attempt=attempt: case(part, folder / attempt))
    done["files"] = {n: str(p) for n, p in done.pop("found").items()}
    return done | {"cells": data.grid.size}


if __name__ == "__main__":
    which, source, work, result = sys.argv[1], *map(Path, sys.argv[2:5])
    result.write_text(json.dumps(run_case(which, source, work)), encoding="utf-8")
