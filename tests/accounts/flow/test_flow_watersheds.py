"""Our own directions against InVEST's, by watershed: on flats the two take different ways, and so a little other water."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import rasterio
from benchmarks import inputs as generated
from benchmarks import raster_cases

SIDE = 400
BOUND = 0.01


@pytest.fixture(scope="module")
def landscape(tmp_path_factory):
    """The landscape of the benchmark (seeded), 400 x 400 cells with nine watersheds."""
    return raster_cases.Data.of(generated.make(tmp_path_factory.mktemp("landscape"), SIDE))


@pytest.mark.long
@pytest.mark.parametrize("model", ["sdr", "ndr"])
def test_watersheds_within_one_percent_of_invest(landscape, model, tmp_path):
    """Totals of InVEST 3.20.2 (`make_invest_watersheds.py`), which finds its own directions too (MFD)."""
    with Path(__file__).with_name("invest_watersheds.csv").open(encoding="utf-8") as stream:
        rows = {r["ours"]: r for r in csv.DictReader(stream) if r["model"] == model}
    made = raster_cases.CASES[model](landscape, tmp_path)
    data = landscape.squares()
    places = data.places().read(data.grid.whole)
    for name, row in rows.items():
        with rasterio.open(made[name]) as f:
            values = f.read(1).astype(np.float64)
        known = np.isfinite(values) & (places >= 0)
        totals = np.bincount(places[known], values[known], 9)
        np.testing.assert_allclose(totals, [float(row[f"ws{n}"]) for n in range(1, 10)], rtol=BOUND, err_msg=name)
    assert len(rows) == {"sdr": 6, "ndr": 4}[model]
