"""Run InVEST 3.20.2 on a small generated landscape and keep inputs and outputs in `invest_focal.npz`.

    benchmarks/peers/invest/.venv/bin/python tests/accounts/focal/data/make_invest.py

Needs the environment of `benchmarks/peers/invest` (InVEST, GDAL); the tests need only the file.
"""

import csv
import json
import tempfile
from pathlib import Path

import numpy as np
from natcap.invest.habitat_quality import habitat_quality
from natcap.invest.urban_cooling_model import urban_cooling_model
from osgeo import gdal, osr

SIZE, CELL, WEST, NORTH = 96, 30.0, 500000.0, 3000000.0
COVERS = {  # code: shade, crop coefficient, albedo, green, suitability, sensitivity to crop, town, road
    1: (0.9, 1.0, 0.14, 1, 1.0, 0.5, 0.8, 0.6),
    2: (0.3, 0.85, 0.18, 1, 0.7, 0.4, 0.6, 0.5),
    3: (0.05, 0.8, 0.2, 0, 0.3, 0.1, 0.3, 0.2),
    4: (0.1, 0.3, 0.22, 0, 0.0, 0.0, 0.0, 0.0),
    5: (0.0, 1.0, 0.06, 1, 0.8, 0.6, 0.9, 0.3),
}
THREATS = {"crop": (450.0, 0.6, "linear"), "town": (1000.0, 1.0, "exponential"), "road": (300.0, 0.7, "linear")}


def smooth(rng, passes):
    field = rng.standard_normal((SIZE, SIZE))
    for _ in range(passes):
        field = sum(np.roll(field, s, a) for s in (-1, 0, 1) for a in (0, 1)) / 6
    return field / field.std()


def write(path, values, nodata):
    kind = gdal.GDT_Byte if values.dtype == np.uint8 else gdal.GDT_Float32
    raster = gdal.GetDriverByName("GTiff").Create(str(path), SIZE, SIZE, 1, kind)
    raster.SetGeoTransform((WEST, CELL, 0, NORTH, 0, -CELL))
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32648)
    raster.SetProjection(reference.ExportToWkt())
    raster.GetRasterBand(1).SetNoDataValue(nodata)
    raster.GetRasterBand(1).WriteArray(values)


def read(path):
    raster = gdal.Open(str(path))
    values, nodata = raster.ReadAsArray().astype(np.float32), raster.GetRasterBand(1).GetNoDataValue()
    values[values == np.float32(nodata)] = np.nan
    return values


def main():
    gdal.UseExceptions()
    rng = np.random.default_rng(20261127)
    relief, town = smooth(rng, 6), smooth(rng, 4)
    cover = np.digitize(relief, [-0.6, 0.1, 0.9]).astype(np.uint8)
    cover = np.array([5, 1, 2, 3], np.uint8)[cover]
    cover[town > 1.6] = 4
    cover[:, 40:42] = 4
    cover[:7, :11], cover[60:66, 70:] = 255, 255
    et0 = (850 + 40 * smooth(rng, 8)).astype(np.float32)
    threats = {
        "crop": (cover == 3).astype(np.float32),
        "town": ((cover == 4) & (town > 1.6)).astype(np.float32),
        "road": np.zeros((SIZE, SIZE), np.float32),
    }
    threats["road"][:, 40:42] = 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "cover.tif", cover, 255)
        write(folder / "et0.tif", et0, -9999.0)
        for threat, values in threats.items():
            write(folder / f"{threat}.tif", values, -9999.0)
        outputs = cooling(folder) | habitat(folder)
    target = Path(__file__).with_name("invest_focal.npz")
    inputs = {"cover": cover, "et0": et0} | {f"threat_{t}": v.astype(np.uint8) for t, v in threats.items()}
    np.savez_compressed(target, **inputs, **outputs)
    print(target, target.stat().st_size)


def cooling(folder):
    with (folder / "biophysical.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["lucode", "shade", "kc", "albedo", "green_area", "building_intensity"])
        table.writerows([code, *c[:4], 0] for code, c in COVERS.items())
    corners = [
        (WEST, NORTH),
        (WEST + SIZE * CELL, NORTH),
        (WEST + SIZE * CELL, NORTH - SIZE * CELL),
        (WEST, NORTH - SIZE * CELL),
    ]
    ring = [list(c) for c in [*corners, corners[0]]]
    area = {"type": "Feature", "properties": {"id": 1}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32648"}}
    (folder / "aoi.geojson").write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": [area]}))
    urban_cooling_model.execute({
        "workspace_dir": str(folder / "ucm"), "results_suffix": "", "n_workers": -1, "t_ref": 24.0, "uhi_max": 4.0,
        "lulc_raster_path": str(folder / "cover.tif"), "ref_eto_raster_path": str(folder / "et0.tif"),
        "aoi_vector_path": str(folder / "aoi.geojson"), "biophysical_table_path": str(folder / "biophysical.csv"),
        "green_area_cooling_distance": 150.0, "t_air_average_radius": 310.0, "cc_method": "factors",
        "do_energy_valuation": False, "do_productivity_valuation": False,
        "cc_weight_shade": 0.6, "cc_weight_albedo": 0.2, "cc_weight_eti": 0.2,
    })  # fmt: skip
    files = {p.name.lower(): p for p in (folder / "ucm").rglob("*.tif")}
    names = {
        "capacity": "cc.tif",
        "park_capacity": "cc_park.tif",
        "mitigation": "hm.tif",
        "temperature": "t_air.tif",
        "aligned_et0": "ref_eto.tif",
    }
    return {f"cooling_{k}": read(files[v]) for k, v in names.items()}


def habitat(folder):
    with (folder / "sensitivity.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["lucode", "name", "habitat", *THREATS])
        table.writerows([code, f"c{code}", *c[4:]] for code, c in COVERS.items())
    with (folder / "threats.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["threat", "max_dist", "weight", "decay", "cur_path"])
        table.writerows([t, *values, f"{t}.tif"] for t, values in THREATS.items())
    habitat_quality.execute({
        "workspace_dir": str(folder / "hq"), "results_suffix": "", "n_workers": -1, "lulc_cur_path": str(folder / "cover.tif"),
        "threats_table_path": str(folder / "threats.csv"), "sensitivity_table_path": str(folder / "sensitivity.csv"),
        "half_saturation_constant": 0.05,
    })  # fmt: skip
    files = {p.name: p for p in (folder / "hq").rglob("*.tif")}
    return {"habitat_degradation": read(files["deg_sum_c.tif"]), "habitat_quality": read(files["quality_c.tif"])}


if __name__ == "__main__":
    main()
