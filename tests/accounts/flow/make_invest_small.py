"""Makes invest_small.npz: inputs of our own (48 x 48 cells of 30 m, seeded) and what InVEST 3.20.2 makes of them, D8 and MFD.

Run with the interpreter of benchmarks/peers/invest/.venv, which has InVEST; the tests only read the file.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from natcap.invest.ndr import ndr
from natcap.invest.sdr import sdr
from osgeo import gdal, osr

SIZE, CELL, NODATA = 48, 30.0, -9999.0
CLASSES = {1: (0.003, 1.0, 2.0, 0.8, 150, 0.1), 2: (0.04, 1.0, 4.0, 0.5, 60, 0.3), 3: (0.31, 0.35, 45.0, 0.2, 30, 0.2)}
"""Invented: C, P, nitrogen load (kg/hm2), retention, retention length (m), share below ground."""
STREAM_CELLS = 40

gdal.UseExceptions()


def inputs() -> dict[str, np.ndarray]:
    """A valley with noise (so with pits), three covers in patches, smooth rain, erosivity and erodibility."""
    rng = np.random.default_rng(20221)
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    height = 900 + 160 * np.abs(x - 0.5 - 0.1 * np.sin(6 * y)) + 90 * (1 - y) + 6 * np.sin(17 * x) * np.cos(13 * y)
    dem = height + rng.normal(0, 0.6, (SIZE, SIZE))
    patches = np.kron(rng.integers(1, 4, (12, 12)), np.ones((4, 4), int))
    return {
        "dem": dem.astype(np.float32), "lulc": patches.astype(np.uint8), "runoff": (1100 + 200 * y).astype(np.float32),
        "erosivity": (4000 + 900 * x).astype(np.float32), "erodibility": (0.03 + 0.01 * np.sin(9 * x * y)).astype(np.float32),
    }  # fmt: skip


def write(path: Path, values: np.ndarray) -> str:
    kind = gdal.GDT_Byte if values.dtype == np.uint8 else gdal.GDT_Float32
    out = gdal.GetDriverByName("GTiff").Create(str(path), SIZE, SIZE, 1, kind)
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(32648)
    out.SetProjection(crs.ExportToWkt())
    out.SetGeoTransform((500000, CELL, 0, 3000000, 0, -CELL))
    out.GetRasterBand(1).SetNoDataValue(255 if values.dtype == np.uint8 else NODATA)
    out.GetRasterBand(1).WriteArray(values)
    return str(path)


def read(path: Path) -> np.ndarray:
    """Values with NaN for NoData; whole-number rasters as they are."""
    opened = gdal.Open(str(path))
    band = opened.GetRasterBand(1)
    values, none = band.ReadAsArray(), band.GetNoDataValue()
    return np.where(np.isclose(values, none), np.float32(np.nan), values) if values.dtype.kind == "f" else values


def main(target: Path) -> None:
    made = inputs()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = {k: write(folder / f"{k}.tif", v) for k, v in made.items()}
        with (folder / "table.csv").open("w", newline="") as stream:
            rows = csv.writer(stream)
            rows.writerow(
                [
                    "lucode",
                    "usle_c",
                    "usle_p",
                    "load_type_n",
                    "load_n",
                    "eff_n",
                    "crit_len_n",
                    "proportion_subsurface_n",
                ]
            )
            for code, (c, p, load, eff, length, below) in CLASSES.items():
                rows.writerow([code, c, p, "measured-runoff", load, eff, length, below])
        side = SIZE * CELL
        ring = [[5e5, 3e6], [5e5 + side, 3e6], [5e5 + side, 3e6 - side], [5e5, 3e6 - side], [5e5, 3e6]]
        feature = {
            "type": "Feature",
            "properties": {"ws_id": 1},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32648"}}
        (folder / "area.geojson").write_text(
            json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]})
        )
        for kind in ("D8", "MFD"):
            common = {
                "dem_path": paths["dem"], "lulc_path": paths["lulc"], "watersheds_path": str(folder / "area.geojson"), "results_suffix": "",
                "biophysical_table_path": str(folder / "table.csv"), "threshold_flow_accumulation": STREAM_CELLS, "k_param": 2.0,
                "flow_dir_algorithm": kind, "n_workers": -1,
            }  # fmt: skip
            soil = {
                "workspace_dir": str(folder / f"sdr{kind}"), "erosivity_path": paths["erosivity"], "erodibility_path": paths["erodibility"],
                "sdr_max": 0.8, "ic_0_param": 0.5, "l_max": 122.0,
            }  # fmt: skip
            sdr.MODEL_SPEC.execute(common | soil, generate_report=False, save_file_registry=False)
            water = {
                "workspace_dir": str(folder / f"ndr{kind}"), "runoff_proxy_path": paths["runoff"], "calc_n": True, "calc_p": False,
                "subsurface_critical_length_n": 150.0, "subsurface_eff_n": 0.8,
            }  # fmt: skip
            ndr.MODEL_SPEC.execute(common | water, generate_report=False, save_file_registry=False)
            for model, files in (
                ("sdr", "flow_direction flow_accumulation slope ls ic sdr_factor rkls usle sed_export sed_deposition avoided_export stream"),
                ("ndr", "ic_factor effective_retention_n ndr_n sub_ndr_n n_total_export"),
            ):  # fmt: skip
                for file in files.split():
                    place = folder / f"{model}{kind}"
                    path = place / f"{file}.tif"
                    path = path if path.exists() else place / "intermediate_outputs" / f"{file}.tif"
                    values = read(path)
                    made[f"{kind}_{file}"] = (
                        values.astype(np.float32) if file in ("ls", "sub_ndr_n", "n_total_export") else values
                    )
    np.savez_compressed(target, **made)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("invest_small.npz"))
