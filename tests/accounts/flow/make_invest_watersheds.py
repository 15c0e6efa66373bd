"""Makes invest_watersheds.csv: what InVEST 3.20.2 exports from each of nine watersheds of a generated landscape.

    python -m benchmarks.inputs INPUTS 400
    python -m tests.accounts.flow.make_invest_watersheds move INPUTS INPUTS-MOVED
    cd benchmarks/peers/invest; for m in sdr ndr sdr_d8 ndr_d8; do .venv/bin/python run.py $m INPUTS WORK/$m WORK/$m.json; done
    .venv/bin/python run.py ndr_d8 INPUTS-MOVED WORK/ndr_d8_moved WORK/ndr_d8_moved.json
    python -m tests.accounts.flow.make_invest_watersheds INPUTS WORK invest_watersheds.csv

The totals are of its rasters, in t/hm2 or kg/hm2 added up over the cells of a watershed that have a value. `sdr` and `ndr` share the flow
(MFD). `ndr_d8_moved` is the same land after 100 rows and 100 columns without data, so that other cells share a block of InVEST's.
"""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import rasterio
from benchmarks.accounts import NUTRIENT, SEDIMENT
from benchmarks.raster_cases import Data

MODELS = {"sdr": SEDIMENT, "ndr": NUTRIENT, "sdr_d8": SEDIMENT, "ndr_d8": NUTRIENT, "ndr_d8_moved": NUTRIENT}
MARGIN = 100
"""Rows and columns without data before the moved land."""


def move(source: Path, target: Path) -> None:
    """The inputs with a margin of NoData above and to the left, and a small watershed in its corner that keeps InVEST from cutting it off."""
    target.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        if file.suffix != ".tif" and file.is_file():
            shutil.copy(file, target / file.name)
        elif file.suffix == ".tif":
            with rasterio.open(file) as f:
                cells, about = f.read(1), f.profile
            none = about["nodata"] if about["nodata"] is not None else 255 if cells.dtype == np.uint8 else -9999.0
            wider = np.full([n + MARGIN for n in cells.shape], none, cells.dtype)
            wider[MARGIN:, MARGIN:] = cells
            corner = about["transform"] * rasterio.Affine.translation(-MARGIN, -MARGIN)
            about |= {"nodata": none, "height": wider.shape[0], "width": wider.shape[1], "transform": corner}
            with rasterio.open(target / file.name, "w", **about) as f:
                f.write(wider, 1)
    land = json.loads((source / "watersheds.geojson").read_text(encoding="utf-8"))
    points = np.array([p for f in land["features"] for p in f["geometry"]["coordinates"][0]])
    x, y, side = points[:, 0].min() - MARGIN * 30, points[:, 1].max() + MARGIN * 30, 300.0
    ring = [[x, y], [x + side, y], [x + side, y - side], [x, y - side], [x, y]]
    land["features"].append(
        {"type": "Feature", "properties": {"ws_id": 10}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    )
    (target / "watersheds.geojson").write_text(json.dumps(land), encoding="utf-8")


def main(inputs: Path, work: Path, target: Path) -> None:
    data = Data.of(inputs).squares()
    places = data.places().read(data.grid.whole)
    with target.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["model", "ours", "invest", *(f"ws{n}" for n in range(1, 10))])
        for model, names in MODELS.items():
            files = json.loads((work / f"{model}.json").read_text(encoding="utf-8"))["files"]
            for ours, theirs in names.items():
                with rasterio.open(files[f"{theirs}.tif"]) as f:
                    values = f.read(1)[-places.shape[0] :, -places.shape[1] :].astype(np.float64)
                    known = ~np.isclose(values, f.nodata) & (places >= 0)
                totals = np.bincount(places[known], values[known], 9)
                rows.writerow([model, ours, theirs, *(f"{t:.9g}" for t in totals)])


if __name__ == "__main__":
    if sys.argv[1] == "move":
        move(*map(Path, sys.argv[2:4]))
    else:
        main(*map(Path, sys.argv[1:4]))
