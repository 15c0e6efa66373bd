from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("QINGSHAN_SHARED", Path(__file__).parents[4] / "shared")) / "data" / "monitoring"


def _rows_of(name: str) -> list[dict[str, str]]:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"the development data {name} are not here (QINGSHAN_SHARED)")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="session")
def rows_of():
    """Rows of a development data file; skips where it is absent."""
    return _rows_of


@pytest.fixture(scope="session")
def shared_monitoring():
    """The path of a development data file; skips where it is absent."""

    def path(name: str) -> Path:
        if not (SHARED / name).exists():
            pytest.skip(f"the development data {name} are not here (QINGSHAN_SHARED)")
        return SHARED / name

    return path
