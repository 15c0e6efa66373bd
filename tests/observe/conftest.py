"""Where the outside data lie that published figures are compared with."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def outside() -> Callable[[str], Path]:
    """Path of a file or folder of the shared folder (QINGSHAN_SHARED), or skip."""
    folder = Path(os.environ.get("QINGSHAN_SHARED", ROOT / "../shared"))

    def path(name: str) -> Path:
        if not (folder / name).exists():
            pytest.skip(f"{name} is not here (set QINGSHAN_SHARED)")
        return folder / name

    return path
