"""Runs libcbm on stands of its own tutorial (one species, two yield tables, wildfire spin-up), prints CPU seconds as JSON.

.venv/bin/python run.py STANDS YEARS
"""

import json
import random
import shutil
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from libcbm import resources
from libcbm.input.sit import sit_cbm_factory
from libcbm.model.cbm import cbm_simulator


def inputs(folder, stands):
    """The tutorial's tables with an inventory and yields of our own; no events."""
    shutil.copytree(Path(resources.get_test_resources_dir()) / "cbm3_tutorial2", folder, dirs_exist_ok=True)
    config = json.loads((folder / "sit_config.json").read_text())
    for name in ("events", "transitions"):
        del config["import_config"][name]
    (folder / "sit_config.json").write_text(json.dumps(config))
    table = folder / "growth_and_yield.csv"
    head, first = table.read_text().splitlines()[:2]
    cells = first.split(",")
    second = [*cells[:4], "BS", *(str(round(float(v) * 0.8)) for v in cells[5:])]
    classes = (folder / "classifiers.csv").read_text()
    assert "1,BS," in classes
    table.write_text("\n".join([head, first, ",".join(["BS", *second[1:]])]) + "\n")
    lot = random.Random(1)
    rows = ["c1,c2,c3,c4,using_age_class,age,area,delay,landclass,historic_disturbance,last_pass_disturbance"]
    rows += [
        f"{lot.choice(['BF', 'BS'])},GOOD,D1,W,FALSE,{lot.randrange(150)},1,0,0,DISTID1,DISTID1" for _ in range(stands)
    ]
    (folder / "inventory.csv").write_text("\n".join(rows) + "\n")


def main(stands, years):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        inputs(folder, stands)
        sit = sit_cbm_factory.load_sit(str(folder / "sit_config.json"))
        classifiers, inventory = sit_cbm_factory.initialize_inventory(sit)
        marks = {}

        def mark(at, _):
            marks.setdefault(at, time.process_time())

        with sit_cbm_factory.initialize_cbm(sit) as cbm:
            begun = time.process_time()
            cbm_simulator.simulate(cbm, years, classifiers, inventory, mark)
    print(json.dumps({"version": version("libcbm"), "spin_up": marks[0] - begun, "steps": marks[years] - marks[0]}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
