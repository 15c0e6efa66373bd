"""Runs one InVEST model on the inputs of `benchmarks/inputs.py` and writes seconds, memory and outputs as JSON.

    .venv/bin/python run.py MODEL INPUTS WORKSPACE RESULT.json        MODEL: carbon awy sdr sdr_d8 ndr ndr_d8 ucm hq

One process per run, so that the peak of memory is that of the model. Importing InVEST is not counted.
"""

import json
import logging
import resource
import shutil
import sys
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

MODELS = {
    "carbon": "carbon.carbon",
    "awy": "annual_water_yield.annual_water_yield",
    "sdr": "sdr.sdr",
    "sdr_d8": "sdr.sdr",
    "ndr": "ndr.ndr",
    "ndr_d8": "ndr.ndr",
    "ucm": "urban_cooling_model.urban_cooling_model",
    "hq": "habitat_quality.habitat_quality",
}


def arguments(model, folder):
    """What the model is asked, in its own words."""

    def at(name):
        return str(folder / name)

    routing = {"flow_dir_algorithm": "D8" if model.endswith("_d8") else "MFD", "threshold_flow_accumulation": 1000}
    if model == "carbon":
        return {
            "lulc_bas_path": at("lulc.tif"),
            "carbon_pools_path": at("carbon_pools.csv"),
            "calc_sequestration": False,
            "do_valuation": False,
        }
    if model == "awy":
        return {
            "lulc_path": at("lulc.tif"), "depth_to_root_rest_layer_path": at("root_depth.tif"), "precipitation_path": at("precip.tif"),
            "pawc_path": at("pawc.tif"), "eto_path": at("et0.tif"), "watersheds_path": at("watersheds.geojson"),
            "biophysical_table_path": at("biophysical_sdr_awy.csv"), "seasonality_constant": 10,
        }  # fmt: skip
    if model.startswith("sdr"):
        return {
            "dem_path": at("dem.tif"), "erosivity_path": at("erosivity.tif"), "erodibility_path": at("erodibility.tif"),
            "lulc_path": at("lulc.tif"), "watersheds_path": at("watersheds.geojson"), "biophysical_table_path": at("biophysical_sdr_awy.csv"),
            "k_param": 2, "sdr_max": 0.8, "ic_0_param": 0.5, "l_max": 122, **routing,
        }  # fmt: skip
    if model.startswith("ndr"):
        return {
            "dem_path": at("dem.tif"), "lulc_path": at("lulc.tif"), "runoff_proxy_path": at("precip.tif"),
            "watersheds_path": at("watersheds.geojson"), "biophysical_table_path": at("biophysical_ndr.csv"), "calc_p": True, "calc_n": True,
            "k_param": 2.0, "subsurface_critical_length_n": 150, "subsurface_eff_n": 0.8, **routing,
        }  # fmt: skip
    if model == "ucm":
        return {
            "t_ref": 24.0, "uhi_max": 4.0, "lulc_raster_path": at("lulc.tif"), "ref_eto_raster_path": at("et0.tif"),
            "aoi_vector_path": at("aoi.geojson"), "biophysical_table_path": at("biophysical_ucm.csv"), "green_area_cooling_distance": 450.0,
            "t_air_average_radius": 2000.0, "cc_method": "factors", "do_energy_valuation": False, "do_productivity_valuation": False,
        }  # fmt: skip
    return {
        "lulc_cur_path": at("lulc.tif"), "threats_table_path": at("threats.csv"), "sensitivity_table_path": at("sensitivity.csv"),
        "half_saturation_constant": 0.05,
    }  # fmt: skip


def main():
    model, folder, workspace, result = sys.argv[1:5]
    logging.basicConfig(level=logging.ERROR)
    module = import_module(f"natcap.invest.{MODELS[model]}")
    asked = {
        **arguments(model, Path(folder).resolve()),
        "workspace_dir": workspace,
        "n_workers": -1,
        "results_suffix": "",
    }
    shutil.rmtree(workspace, ignore_errors=True)
    Path(workspace).mkdir(parents=True)
    wall, cpu = time.perf_counter(), time.process_time()
    module.MODEL_SPEC.execute(asked, generate_report=False, save_file_registry=False)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    found = {p.name: str(p) for p in Path(workspace).rglob("*.tif")}
    with Path(result).open("w") as out:
        json.dump({"version": version("natcap.invest"), "wall": wall, "cpu": cpu, "peak_gb": peak, "files": found}, out)


if __name__ == "__main__":
    main()
