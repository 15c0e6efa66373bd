"""The Guizhou zone with one run, a tiny zone that shares nothing with it, and a client for each."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny import write_zone

from qingshan.accounts.run import Run, run_account
from qingshan.faces.api.app import create_app
from qingshan.zone.zone import Zone, open_zone

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the client's own notice about its transport
    from starlette.testclient import TestClient


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Runs of these tests go to a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("QINGSHAN_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def guizhou(home: Path) -> tuple[Zone, Run]:
    zone = open_zone("guizhou")
    return zone, run_account(zone)


@pytest.fixture(scope="session")
def client(guizhou: tuple[Zone, Run]) -> TestClient:
    zone, run = guizhou
    return TestClient(create_app(zone, {run.profile.id: run}), follow_redirects=False)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Zone:
    return open_zone(write_zone(tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="session")
def tiny_client(tiny: Zone) -> TestClient:
    """Three places, no boundaries, no run."""
    return TestClient(create_app(tiny, {}), follow_redirects=False)
