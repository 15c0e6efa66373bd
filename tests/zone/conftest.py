"""The built-in zone, opened once, and a copy of the tiny invented zone that a test may spoil."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from qingshan.zone import Zone, open_zone

MINIZONE = Path(__file__).parent / "data/minizone"


@pytest.fixture(scope="session")
def guizhou() -> Zone:
    return open_zone("guizhou")


@pytest.fixture(scope="session")
def minizone() -> Zone:
    return open_zone(MINIZONE)


@pytest.fixture
def spoilt(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MINIZONE, tmp_path / "minizone"))
