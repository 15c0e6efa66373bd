"""The specification's example tables, read where the shared folder is present."""

import csv
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def spec_table():
    """Reads `spec/tables/gep/NAME.csv` of the shared folder (QINGSHAN_SHARED) as a list of rows."""
    folder = Path(os.environ.get("QINGSHAN_SHARED", ROOT / "../shared")) / "spec/tables/gep"

    def read(name: str) -> list[dict[str, str]]:
        path = folder / f"{name}.csv"
        if not path.exists():
            pytest.skip(f"the example table {name}.csv is not here (set QINGSHAN_SHARED)")
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return list(csv.DictReader(stream))

    return read
