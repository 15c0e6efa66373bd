"""The rows of the air, AQI, water and soil tables beside those of the specification, cell by cell: no row was lost or changed on
the way into the package. The second, independent reading of the same standards is `test_transcriptions.py`."""

from __future__ import annotations

import csv
import os
from importlib.resources import files
from pathlib import Path

import pytest

SPEC = Path(os.environ.get("QINGSHAN_SHARED", "../shared")) / "spec" / "tables" / "monitoring"
TABLES = (
    ("air", "air_limits"),
    ("air", "aqi_breakpoints"),
    ("air", "air_data_validity"),
    ("water", "surface_water_classes"),
    ("soil", "soil_agri_limits"),
    ("soil", "soil_construction_limits"),
)


@pytest.mark.parametrize(("domain", "name"), TABLES)
def test_every_cell_is_that_of_the_specification(domain: str, name: str) -> None:
    specified = SPEC / f"{name}.csv"
    if not specified.is_file():
        pytest.skip(f"{specified.name} is not there: QINGSHAN_SHARED names no specification")
    ours = files(f"qingshan.domains.{domain}") / "standards" / f"{name}.csv"
    with specified.open(encoding="utf-8-sig", newline="") as stream:
        expected = list(csv.DictReader(stream))
    assert list(csv.DictReader(ours.read_text(encoding="utf-8-sig").splitlines())) == expected
