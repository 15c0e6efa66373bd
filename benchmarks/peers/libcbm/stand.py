"""Runs libcbm on one stand and prints its parameters and its pools of every year as JSON, for a cross-check of our model.

.venv/bin/python stand.py AGE YEARS
"""

import csv
import json
import sqlite3
import sys
import tempfile
from pathlib import Path

from libcbm import resources
from libcbm.input.sit import sit_cbm_factory
from libcbm.model.cbm import cbm_simulator
from run import inputs

DECAYS = {
    "AboveGroundVeryFastSoil": "above_very_fast", "BelowGroundVeryFastSoil": "below_very_fast", "AboveGroundFastSoil": "above_fast",
    "BelowGroundFastSoil": "below_fast", "MediumSoil": "medium", "AboveGroundSlowSoil": "above_slow", "BelowGroundSlowSoil": "below_slow",
    "StemSnag": "stem_snag", "BranchSnag": "branch_snag",
}  # fmt: skip


def table(name):
    with (Path(resources.__file__).parent / "cbm_exn" / f"{name}.csv").open() as stream:
        return list(csv.DictReader(stream))


def parameters(unit):
    """libcbm's defaults of a spatial unit under our names."""
    made = {"reference_temperature": 10.0, "slow_mixing": float(table("slow_mixing_rate")[0]["rate"])}
    for row in table("decay_parameters"):
        name = DECAYS[row["pool"]]
        assert float(row["reference_temp"]) == made["reference_temperature"]
        made |= {
            f"{name}_decay": float(row["base_decay_rate"]),
            f"{name}_q10": float(row["q10"]),
            f"{name}_to_air": float(row["prop_to_atmosphere"]),
        }
    for row in table("turnover_parameters"):
        if row["spatial_unit_id"] == str(unit):
            wood = {"sw": "softwood", "hw": "hardwood"}[row["sw_hw"]]
            made |= {
                f"{wood}_foliage_fall": float(row["FoliageFallRate"]), f"{wood}_stem_turnover": float(row["StemAnnualTurnoverRate"]),
                f"{wood}_branch_turnover": float(row["BranchTurnoverRate"]), "coarse_root_turnover": float(row["CoarseRootTurnProp"]),
                "fine_root_turnover": float(row["FineRootTurnProp"]), "branch_snag_split": float(row["OtherToBranchSnagSplit"]),
                "coarse_above_split": float(row["CoarseRootAGSplit"]), "fine_above_split": float(row["FineRootAGSplit"]),
                "stem_snag_fall": float(row["StemSnag"]), "branch_snag_fall": float(row["BranchSnag"]),
            }  # fmt: skip
    return made


def main(age, years):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        inputs(folder, 1)
        head = (folder / "inventory.csv").read_text().splitlines()[0]
        (folder / "inventory.csv").write_text(f"{head}\nBF,GOOD,D1,W,FALSE,{age},1,0,0,DISTID1,DISTID1\n")
        sit = sit_cbm_factory.load_sit(str(folder / "sit_config.json"))
        classifiers, inventory = sit_cbm_factory.initialize_inventory(sit)
        unit = int(inventory.to_pandas()["spatial_unit"].iloc[0])
        with sqlite3.connect(resources.get_cbm_defaults_path()) as defaults:
            (warm,) = defaults.execute(
                "select mean_annual_temperature from spatial_unit where id = ?", (unit,)
            ).fetchone()
        pools = []

        def keep(_, state):
            pools.append(state.pools.to_pandas().iloc[0].to_dict())

        with sit_cbm_factory.initialize_cbm(sit) as cbm:
            cbm_simulator.simulate(cbm, years, classifiers, inventory, keep)
    print(json.dumps({"parameters": parameters(unit), "temperature": warm, "pools": pools}))


main(int(sys.argv[1]), int(sys.argv[2]))
