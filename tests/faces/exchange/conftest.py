from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .counter import Counter


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    made = Counter(tmp_path / "venue")
    yield made
    made.desk.close()
