"""A home of the test's own, a copy of the small test zone, and a caller that keeps what the program said."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from said import Call, Said

from qingshan.faces.cli import main

MINIZONE = Path(__file__).parents[2] / "zone" / "data" / "minizone"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("QINGSHAN_ZONE", raising=False)
    return tmp_path / "home"


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    return Path(shutil.copytree(MINIZONE, tmp_path / "minizone"))


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    def calling(*arguments: object) -> Said:
        code = main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return calling
