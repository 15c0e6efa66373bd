"""Seeded inputs of the raster benchmarks: terrain, land cover, climate, soil, tables and watersheds, the same on every machine.

    python -m benchmarks.inputs FOLDER SIDE          SIDE x SIDE cells of 30 m, EPSG:32648
    python -m benchmarks.inputs FOLDER SIDE FROM     the same, tiled from the smaller set in FROM (models without routing)

Invented throughout; the numbers of the tables have the size of real ones and no source.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin
from rasterio.windows import Window
from scipy import ndimage

WEST, NORTH, CELL, EPSG = 500000.0, 3000000.0, 30.0, 32648
NODATA, NO_CLASS = -9999.0, 255
SEED = 20221
TILED = ("lulc", "precip", "et0", "root_depth", "pawc", "erosivity", "erodibility")
MARGIN = 0.03

COLUMNS = (
    "lucode", "desc", "usle_c", "usle_p", "kc", "root_depth", "lulc_veg", "c_above", "c_below", "c_soil", "c_dead", "shade", "albedo",
    "green_area", "building_intensity", "load_n", "eff_n", "crit_len_n", "load_p", "eff_p", "crit_len_p", "habitat",
)  # fmt: skip
CLASSES = (
    (1, "evergreen_forest", 0.003, 1.0, 1.00, 3000, 1, 90, 22, 110, 8, 0.9, 0.14, 1, 0.0, 2.0, 0.80, 150, 0.10, 0.80, 150, 1.0),
    (2, "mixed_forest", 0.006, 1.0, 1.00, 2500, 1, 70, 18, 100, 6, 0.8, 0.15, 1, 0.0, 2.2, 0.78, 150, 0.12, 0.78, 150, 0.9),
    (3, "shrub", 0.030, 1.0, 0.85, 1500, 1, 20, 10, 80, 2, 0.3, 0.18, 1, 0.0, 3.0, 0.60, 100, 0.20, 0.60, 100, 0.7),
    (4, "grass", 0.040, 1.0, 0.75, 1000, 1, 4, 8, 75, 1, 0.05, 0.20, 1, 0.0, 4.0, 0.50, 60, 0.30, 0.50, 60, 0.6),
    (5, "paddy", 0.120, 0.15, 1.05, 600, 1, 5, 2, 70, 0, 0.05, 0.18, 0, 0.0, 40.0, 0.25, 30, 3.0, 0.25, 30, 0.3),
    (6, "dryland", 0.310, 0.35, 0.80, 700, 1, 5, 2, 60, 0, 0.02, 0.20, 0, 0.0, 45.0, 0.20, 30, 4.0, 0.20, 30, 0.3),
    (7, "water", 0.000, 0.0, 1.00, 1, 0, 0, 0, 0, 0, 0.0, 0.06, 1, 0.0, 0.1, 0.05, 30, 0.01, 0.05, 30, 0.8),
    (8, "urban", 0.010, 1.0, 0.30, 1, 0, 1, 0, 20, 0, 0.1, 0.22, 0, 0.7, 8.0, 0.05, 30, 1.5, 0.05, 30, 0.0),
    (9, "bare_karst", 0.500, 1.0, 0.20, 1, 0, 0, 0, 10, 0, 0.0, 0.28, 0, 0.0, 1.0, 0.05, 30, 0.05, 0.05, 30, 0.1),
    (10, "road", 0.010, 1.0, 0.20, 1, 0, 0, 0, 10, 0, 0.0, 0.15, 0, 0.1, 6.0, 0.05, 30, 1.0, 0.05, 30, 0.0),
)  # fmt: skip
THREATS = (("crop", 1000, 0.6, "linear"), ("urban", 5000, 1.0, "exponential"), ("road", 2000, 0.7, "linear"))
"""Name, distance in metres, weight, decay."""
BELOW = {True: 0.2, False: 0.05}
"""Share of the nitrogen that goes below ground, by whether plants grow there."""


def make(folder: Path, side: int) -> Path:
    """The inputs of a square of `side` cells; kept where they are whole."""
    if (folder / "whole").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    rasters(folder, side)
    tables(folder)
    vectors(folder, side)
    (folder / "whole").touch()
    return folder


def tile(folder: Path, side: int, small: Path) -> Path:
    """A province from a smaller set, repeated in both directions. Such terrain does not drain: it has no elevation."""
    if (folder / "whole").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in TILED:
        with rasterio.open(small / f"{name}.tif") as f:
            cells, profile = f.read(1), f.profile
        profile.update(width=side, height=side, compress="ZSTD", zstd_level=1, blockxsize=512, blockysize=512, BIGTIFF="YES",
                       predictor=3 if cells.dtype.kind == "f" else 1, num_threads=2)  # fmt: skip
        profile.pop("zlevel", None)
        across = -(-side // cells.shape[1])
        with rasterio.open(folder / f"{name}.tif", "w", **profile) as out:
            for row in range(0, side, 512):
                height = min(512, side - row)
                band = np.tile(cells[np.arange(row, row + height) % cells.shape[0]], (1, across))[:, :side]
                out.write(band, 1, window=Window(0, row, side, height))
    for table in small.glob("*.csv"):
        shutil.copy(table, folder)
    vectors(folder, side)
    (folder / "whole").touch()
    return folder


def rasters(folder: Path, n: int) -> None:
    rng = np.random.default_rng(SEED)
    yy, xx = np.meshgrid(np.linspace(0, 1, n, dtype=np.float32), np.linspace(0, 1, n, dtype=np.float32), indexing="ij")
    relief = fractal(rng, n, 2.4)
    dem = 1400 + 260 * relief + 700 * (1 - (xx + yy) / 2) - 350
    dem += rng.normal(0, 0.3, (n, n)).astype(np.float32)  # noise of the sensor makes real pits
    dem = dem.astype(np.float32)
    cover, towns = fractal(rng, n, 1.6), fractal(rng, n, 1.6)
    lulc = land_cover(cover, towns, n)
    edge = np.minimum(np.minimum(xx, 1 - xx), np.minimum(yy, 1 - yy))
    outside = (edge + 0.004 * relief) < 0.01
    write(folder / "dem.tif", np.where(outside, np.float32(NODATA), dem), NODATA)
    write(folder / "lulc.tif", np.where(outside, np.uint8(NO_CLASS), lulc), NO_CLASS)
    rain = (1230 + 110 * fractal(rng, n, 3.0)).astype(np.float32)
    et0 = (850 - 0.08 * (dem - 1400) + 15 * fractal(rng, n, 3.0)).astype(np.float32)
    soil = fractal(rng, n, 2.0)
    for name, values in {
        "precip": rain, "et0": et0, "root_depth": np.clip(900 + 350 * soil, 50, 3000), "pawc": np.clip(0.14 + 0.03 * soil, 0.03, 0.3),
        "erosivity": (4.2 * rain - 900).clip(500), "erodibility": np.clip(0.032 + 0.006 * soil, 0.005, 0.06),
        "threat_crop": np.isin(lulc, (5, 6)), "threat_urban": lulc == 8, "threat_road": lulc == 10,
    }.items():  # fmt: skip
        write(folder / f"{name}.tif", values.astype(np.float32), NODATA)


def land_cover(cover: NDArray[Any], towns: NDArray[Any], n: int) -> NDArray[np.uint8]:
    cuts = np.quantile(cover[::7, ::7], [0.30, 0.45, 0.58, 0.66, 0.74, 0.90])
    lulc = np.digitize(cover, cuts).astype(np.uint8) + 1
    lulc[lulc == 7] = 6
    lulc[towns > np.quantile(towns[::7, ::7], 0.97)] = 8
    lulc[towns < np.quantile(towns[::7, ::7], 0.02)] = 7
    lulc[(np.abs(cover) < 0.01) & (towns > 0)] = 9
    step = max(n // 9, 40)
    lulc[step // 2 :: step, :] = 10
    lulc[:, step // 2 :: step] = 10
    return lulc


def fractal(rng: np.random.Generator, n: int, roughness: float) -> NDArray[np.float32]:
    """Octaves of white noise, each twice as fine and smaller by half the roughness; mean 0, deviation 1."""
    out = np.zeros((n, n), np.float32)
    scale, amplitude = 4, 1.0
    while scale < n // 2:
        coarse = rng.standard_normal((scale + 3, scale + 3)).astype(np.float32)
        out += amplitude * ndimage.zoom(coarse, n / scale, order=1)[:n, :n]
        amplitude *= 0.5 ** (roughness / 2)
        scale *= 2
    out -= out.mean()
    return out / out.std()


def write(path: Path, values: NDArray[Any], nodata: float) -> None:
    height, width = values.shape
    with rasterio.open(
        path, "w", driver="GTiff", height=height, width=width, count=1, dtype=values.dtype.name, crs=f"EPSG:{EPSG}",
        transform=from_origin(WEST, NORTH, CELL, CELL), nodata=nodata, tiled=True, blockxsize=256, blockysize=256, BIGTIFF="IF_SAFER",
        compress="DEFLATE", predictor=3 if values.dtype.kind == "f" else 1, zlevel=6,
    ) as out:  # fmt: skip
        out.write(values, 1)


def tables(folder: Path) -> None:
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in CLASSES]
    plain = {
        "biophysical_sdr_awy": ["lucode", "desc", "usle_c", "usle_p", "kc", "root_depth", "lulc_veg"],
        "carbon_pools": ["lucode", "c_above", "c_below", "c_soil", "c_dead"],
        "biophysical_ucm": ["lucode", "shade", "kc", "albedo", "green_area", "building_intensity"],
    }
    for name, columns in plain.items():
        table(folder / f"{name}.csv", [{c: row[c] for c in columns} for row in rows])
    loads = ["load_n", "eff_n", "crit_len_n", "load_p", "eff_p", "crit_len_p"]
    rate = {"load_type_n": "application-rate", "load_type_p": "application-rate"}
    table(folder / "biophysical_ndr.csv", [
        {"lucode": r["lucode"], **rate, "proportion_subsurface_n": BELOW[bool(r["lulc_veg"])], **{c: r[c] for c in loads}} for r in rows
    ])  # fmt: skip
    shares = {"crop": 0.5, "urban": 0.8, "road": 0.6}
    table(folder / "sensitivity.csv", [
        {"lucode": r["lucode"], "name": r["desc"], "habitat": r["habitat"], **{t: f"{s * r['habitat']:.3f}" for t, s in shares.items()}}
        for r in rows
    ])  # fmt: skip
    table(folder / "threats.csv", [
        {"threat": name, "max_dist": far, "weight": weight, "decay": decay, "cur_path": f"threat_{name}.tif"}
        for name, far, weight, decay in THREATS
    ])  # fmt: skip


def table(path: Path, rows: list[dict[str, Any]]) -> None:
    lines = [",".join(rows[0]), *(",".join(str(v) for v in row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def vectors(folder: Path, side: int) -> None:
    """Nine watersheds, 3 x 3 within a margin, and the square they fill."""
    length = side * CELL
    margin = MARGIN * length
    step = (length - 2 * margin) / 3
    west, north = WEST + margin, NORTH - margin
    squares = [
        feature({"ws_id": 3 * i + j + 1}, west + j * step, north - (i + 1) * step, west + (j + 1) * step, north - i * step)
        for i in range(3) for j in range(3)
    ]  # fmt: skip
    whole = [feature({"id": 1}, west, north - 3 * step, west + 3 * step, north)]
    for name, features in (("watersheds", squares), ("aoi", whole)):
        crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{EPSG}"}}
        text = json.dumps({"type": "FeatureCollection", "crs": crs, "features": features})
        (folder / f"{name}.geojson").write_text(text, encoding="utf-8")


def feature(properties: dict[str, int], left: float, bottom: float, right: float, top: float) -> dict[str, Any]:
    ring = [[left, bottom], [right, bottom], [right, top], [left, top], [left, bottom]]
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}}


if __name__ == "__main__":
    place, cells = Path(sys.argv[1]), int(sys.argv[2])
    print(tile(place, cells, Path(sys.argv[3])) if len(sys.argv) > 3 else make(place, cells))
