"""Makes invest_watersheds.csv: what InVEST 3.20.2 exports from each of nine watersheds of a generated landscape, shared flow (MFD).

    python -m benchmarks.inputs INPUTS 400
    cd benchmarks/peers/invest; for m in sdr ndr; do .venv/bin/python run.py $m INPUTS WORK/$m WORK/$m.json; done
    python -m tests.accounts.flow.make_invest_watersheds INPUTS WORK invest_watersheds.csv

The totals are of its rasters, in t/hm2 or kg/hm2 added up over the cells of a watershed that have a value.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import rasterio
from benchmarks.accounts import NUTRIENT, SEDIMENT
from benchmarks.raster_cases import Data


def main(inputs: Path, work: Path, target: Path) -> None:
    data = Data.of(inputs).squares()
    places = data.places().read(data.grid.whole)
    with target.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["model", "ours", "invest", *(f"ws{n}" for n in range(1, 10))])
        for model, names in (("sdr", SEDIMENT), ("ndr", NUTRIENT)):
            files = json.loads((work / f"{model}.json").read_text(encoding="utf-8"))["files"]
            for ours, theirs in names.items():
                with rasterio.open(files[f"{theirs}.tif"]) as f:
                    values = f.read(1).astype(np.float64)
                    known = ~np.isclose(values, f.nodata) & (places >= 0)
                totals = np.bincount(places[known], values[known], 9)
                rows.writerow([model, ours, theirs, *(f"{t:.9g}" for t in totals)])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
