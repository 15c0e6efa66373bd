"""Makes `invest_carbon_yield.npz`: inputs and what InVEST 3.20.2 gives for them, carbon and annual water yield.

    python shared/bench/gen_inputs.py DATA 72
    python shared/bench/run_invest.py carbon DATA CARBON carbon.json      # in the environment of benchmarks/peers/invest
    python shared/bench/run_invest.py awy DATA YIELD yield.json
    python tests/domains/water/data/make_invest_carbon_yield.py DATA CARBON YIELD

The water yield model clips to its watersheds: its rasters are padded back to the full grid with NaN.
"""

import csv
import sys
from pathlib import Path

import numpy as np
import rasterio


def read(path):
    with rasterio.open(path) as source:
        values, none = source.read(1), source.nodata
        return values, none, source.transform


def padded(path, shape, transform):
    values, none, own = read(path)
    row, col = round((own.f - transform.f) / transform.e), round((own.c - transform.c) / transform.a)
    out = np.full(shape, np.nan, np.float32)
    out[row : row + values.shape[0], col : col + values.shape[1]] = np.where(values == none, np.nan, values)
    return out


def columns(path):
    with path.open() as stream:
        rows = list(csv.DictReader(stream))
    names = [n for n in rows[0] if n not in ("lucode", "desc")]
    table = np.full((len(names), max(int(r["lucode"]) for r in rows) + 1), np.nan)
    for r in rows:
        table[:, int(r["lucode"])] = [float(r[n]) for n in names]
    return dict(zip(names, table, strict=True))


def main(data, carbon, yielded):
    classes, none, transform = read(data / "lulc.tif")
    made = {"classes": classes, "classes_nodata": np.uint8(none)}
    made |= {n: read(data / f"{n}.tif")[0] for n in ("precip", "et0", "root_depth", "pawc")}
    made |= {
        f"table_{n}": v
        for n, v in (columns(data / "biophysical_sdr_awy.csv") | columns(data / "carbon_pools.csv")).items()
    }
    made["invest_carbon"] = padded(carbon / "c_storage_bas.tif", classes.shape, transform)
    for name in ("fractp", "wyield"):
        made[f"invest_{name}"] = padded(yielded / "output" / "per_pixel" / f"{name}.tif", classes.shape, transform)
    np.savez_compressed(Path(__file__).with_name("invest_carbon_yield.npz"), **made)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
