"""The built-in synthetic county itself: killed in the middle, gone on with, and the same on a local Dask cluster, byte for byte."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from qingshan.accounts.home import home
from qingshan.accounts.raster.run import RasterRun, run_raster
from qingshan.zone.synthetic.made import make_zone
from qingshan.zone.zone import open_zone

MEMORY = "390MB"
"""Small enough that 480 x 480 cells are several blocks: the fixed part of a run is most of it."""
KILLED = """
import os, signal, sys
from qingshan.accounts.raster.run import run_raster
def told(title, done, whole, left):
    if title.startswith("storm") and 0 < done < whole:
        os.kill(os.getpid(), signal.SIGKILL)
run_raster("demo30m", "storm", "2020", memory=sys.argv[1], workers=2, progress=told)
"""

PATCHES_KILLED = """
import os, signal, sys
from qingshan.accounts import patch
from qingshan.accounts.raster import run
def told(title, done, whole, left):
    if sys.argv[2] == "sheet" and title.startswith("karst") and 0 < done < whole:
        os.kill(os.getpid(), signal.SIGKILL)
found = patch.patches_of
def patches_of(grid, grades, **how):
    read = grades.read
    class Half:
        nodata, identity = grades.nodata, grades.identity
        def read(self, window):
            if sys.argv[2] == "patches":
                os.kill(os.getpid(), signal.SIGKILL)
            return read(window)
    return found(grid, Half(), **how)
patch.patches_of = patches_of
run.run_raster(sys.argv[1], "karst", "2020", workers=1, progress=told)
"""


def record(run: RasterRun) -> bytes:
    return (home() / "rasters" / f"{run.key}.json").read_bytes()


@pytest.mark.long
def test_a_killed_run_of_demo30m_goes_on_and_a_cluster_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))
    environment = {**os.environ, "QINGSHAN_HOME": str(tmp_path / "home")}
    done = subprocess.run([sys.executable, "-c", KILLED, MEMORY], check=False, capture_output=True, env=environment)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert list((home() / "work").glob("*/sheet/blocks.journal")) and not list((home() / "rasters").glob("*.json"))
    left: list[int] = []
    went_on = run_raster(
        open_zone("demo30m"), "storm", "2020", memory=MEMORY, workers=2, progress=lambda title, n, *_: left.append(n)
    )
    assert went_on.computed and left and left[0] > 0  # not from the first block on
    kept = record(went_on)
    (home() / "rasters" / f"{went_on.key}.json").unlink()
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        spread = run_raster(
            open_zone("demo30m"), "storm", "2020", memory=MEMORY, workers=2, scheduler=cluster.scheduler_address
        )
    assert spread.computed and record(spread) == kept


@pytest.mark.long
def test_an_account_with_patches_killed_in_its_sheet_and_in_its_patches_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Killed once while the grades are written, once while patches are joined; then the same record as never killed."""
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "whole"))
    make_zone(tmp_path / "zone", 1.1e6, 3)  # more than one block of a written raster
    zone = open_zone(tmp_path / "zone")
    whole = record(run_raster(zone, "karst", "2020", workers=2))
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "killed"))
    environment = {**os.environ, "QINGSHAN_HOME": str(tmp_path / "killed")}
    for where in ("sheet", "patches"):
        command = [sys.executable, "-c", PATCHES_KILLED, str(tmp_path / "zone"), where]
        done = subprocess.run(command, check=False, capture_output=True, env=environment)
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
        assert not list((home() / "rasters").glob("*.json"))
    assert list((home() / "work").glob("*/patches/.labels.*.part"))  # the second kill left half of the labels
    left: list[int] = []
    went_on = run_raster(
        zone, "karst", "2020", workers=2,
        progress=lambda title, n, *_: left.append(n) if title.startswith("karst") else None,
    )  # fmt: skip
    assert went_on.computed and (not left or left[0] > 0)  # the cells are not computed again
    assert went_on.patches["krd_patches"].kept_count.sum() > 0
    assert record(went_on) == whole
    assert not list((home() / "work").glob("*"))
