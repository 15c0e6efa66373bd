"""Raster accounts are computed once, whatever engine computes them, and replayed from their sealed inputs."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio

from qingshan.accounts.home import home
from qingshan.accounts.raster.pedigree import file_named, layer_row
from qingshan.accounts.raster.run import run_raster
from qingshan.accounts.run import run_account
from qingshan.accounts.verify import verify
from qingshan.core.canonical import canonical
from qingshan.zone.raster.source import ArraySource
from qingshan.zone.zone import open_zone

from .conftest import make_cells


@pytest.fixture
def own_home(tmp_path: Path, invented: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("QINGSHAN_ZONE", raising=False)
    return tmp_path / "home"


def record_of(run) -> bytes:
    return canonical(
        {s: v.tolist() for s, v in run.values.items()} | {"covered": {s: v.tolist() for s, v in run.covered.items()}}
    )


def test_unchanged_inputs_are_not_computed_again(own_home, tmp_path):
    zone = make_cells(tmp_path / "zone")
    first = run_raster(zone, "tinyland", "2020")
    again = run_raster(zone, "tinyland", "2020")
    assert (first.computed, again.computed) == (True, False) and record_of(first) == record_of(again)
    rows = zone / "parameters/tiny.csv"
    rows.write_text(
        rows.read_text(encoding="utf-8").replace("tiny.reservoir_cost,,6", "tiny.reservoir_cost,,7"), encoding="utf-8"
    )
    assert not run_raster(zone, "tinyland", "2020").computed  # the price is no matter of cells
    rows.write_text(
        rows.read_text(encoding="utf-8").replace("tiny.cover_factor,31,0.2", "tiny.cover_factor,31,0.3"),
        encoding="utf-8",
    )
    changed = run_raster(zone, "tinyland", "2020")
    assert changed.computed and changed.key != first.key
    assert changed.values["retention"].tolist() == first.values["retention"].tolist()


def test_a_kept_record_that_was_damaged_is_computed_again(own_home, tmp_path):
    zone = make_cells(tmp_path / "zone")
    first = run_raster(zone, "tinyland", "2020")
    kept = home() / "rasters" / f"{first.key}.json"
    kept.write_bytes(kept.read_bytes()[:-20])
    again = run_raster(zone, "tinyland", "2020")
    assert again.computed and record_of(again) == record_of(first)


def test_engine_and_memory_change_no_byte(own_home, tmp_path, monkeypatch):
    zone = make_cells(tmp_path / "zone")
    records = set()
    for n, how in enumerate(({}, {"scheduler": "sync"}, {"workers": 3, "memory": "3GB"})):
        monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / f"home{n}"))
        run = run_raster(zone, "tinyland", "2020", **how)
        assert run.computed
        records.add(record_of(run) + run.key.encode())
    assert len(records) == 1


@pytest.mark.long
def test_a_dask_cluster_changes_no_byte(own_home, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    zone = make_cells(tmp_path / "zone")
    here = run_raster(zone, "tinyland", "2020")
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "other"))
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        there = run_raster(zone, "tinyland", "2020", scheduler=cluster.scheduler_address)
    assert there.computed and record_of(there) == record_of(here)


def test_a_stopped_run_leaves_nothing_and_goes_on(own_home, tmp_path):
    zone = make_cells(tmp_path / "zone")

    def stop(title: str, done: int, whole: int, left: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_raster(zone, "tinyland", "2020", progress=stop)
    assert not list((own_home / "rasters").glob("*")) and len(list((own_home / "work").iterdir())) == 1
    run = run_raster(zone, "tinyland", "2020")
    assert run.computed and not list((own_home / "work").iterdir())


PRICE = """
[[distribution]]
parameter = "tiny.reservoir_cost"
kind = "uniform"
values = [5, 7]
source = "synthetic"
status = "project"
"""
KILLED = """
import os, signal, sys
from qingshan.accounts.raster.pedigree import file_named, layer_row
from qingshan.accounts.raster.run import run_raster
run_raster(sys.argv[1], "tinyland", "2020", progress=lambda *told: os.kill(os.getpid(), signal.SIGKILL))
"""


def test_a_killed_run_goes_on_from_its_blocks(own_home, tmp_path, monkeypatch):
    """kill -9 after the first block: nothing half-written, the block is kept, the result is that of a run left alone."""
    zone = make_cells(tmp_path / "zone")
    done = subprocess.run([sys.executable, "-c", KILLED, str(zone)], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not list((own_home / "rasters").glob("*"))
    (journal,) = (own_home / "work").glob("*/sheet/blocks.journal")
    assert journal.stat().st_size > 200
    told: list[str] = []
    run = run_raster(zone, "tinyland", "2020", progress=lambda title, *_: told.append(title))
    assert run.computed and not told  # the only block was done
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "clean"))
    assert record_of(run_raster(zone, "tinyland", "2020")) == record_of(run)


@pytest.mark.long
def test_verify_replays_cells_and_names_a_changed_or_missing_raster(own_home, tmp_path):
    zone = make_cells(tmp_path / "zone", more=PRICE)
    run = run_account(open_zone(zone), period="2021", draws=40, seed=1)
    verdict = verify(run.id)
    assert verdict.equal, verdict.differences
    assert run.uncertainty[0]["status"] == "assessed" and len(run.uncertainty) > 1
    with rasterio.open(zone / "rain.tif", "r+") as rain:
        rain.write(np.full((1, 1), 900, np.float32), 1, window=((0, 1), (0, 1)))
    kept = (zone / "aet.tif").rename(tmp_path / "aet.tif")
    verdict = verify(run.id)
    assert not verdict.ok
    assert [(d["kind"], d["what"]) for d in verdict.differences] == [("layer", "aet.tif"), ("layer", "rain.tif")]
    assert "已不在" in verdict.differences[0]["zh"] and "改动" in verdict.differences[1]["zh"]
    shutil.move(kept, zone / "aet.tif")
    again = run_account(open_zone(zone), period="2021")  # the zone as it is now is another run
    assert again.id != run.id


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"path": "rasters/rain.tif"}, "rasters/rain.tif"),
        ({"path": "/data/zone/rasters/rain.tif"}, "rasters/rain.tif"),
        ({"path": "/elsewhere/someone/rain.tif"}, "rain.tif"),
        ({"path": "../../someone/rain.tif"}, "rain.tif"),
        ({"path": "/vsizip//elsewhere/someone/all.zip/rain.tif"}, "rain.tif"),
        ({"path": "/vsicurl/https://me:pass@example.org/rain.tif?token=1"}, "https://example.org/rain.tif"),
        ({"path": "https://example.org/rain.tif?token=1"}, "https://example.org/rain.tif"),
        ({"url": "https://me@example.org:81/rain.tif?token=1"}, "https://example.org:81/rain.tif"),
        ({"url": "file:///home/someone/rain.tif"}, "rain.tif"),
        ({"id": "rain"}, "rain"),
    ],
)
def test_a_pedigree_names_a_file_without_its_machine_and_secrets(entry, named):
    assert file_named(entry, Path("/data/zone")) == named


def test_a_layer_without_a_hash_does_not_keep_where_it_lies():
    class Packed(ArraySource):
        def identity(self):
            return {"raster": "rain", "sha256": "/vsizip//elsewhere/someone/all.zip/rain.tif", "band": 1}

    row = layer_row({"id": "rain", "path": "/vsizip//elsewhere/someone/all.zip/rain.tif"}, Packed(np.zeros((1, 1))))
    assert "someone" not in canonical(row).decode() and row["file"] == "rain.tif"


def test_a_raster_outside_the_zone_is_named_by_its_file_and_verified(own_home, tmp_path):
    """An absolute path stays in the sealed catalogue alone; a change of the file is still found."""
    zone, apart = make_cells(tmp_path / "zone"), tmp_path / "someone"
    apart.mkdir()
    (zone / "rain.tif").rename(apart / "rain.tif")
    text = (zone / "zone.toml").read_text(encoding="utf-8")
    (zone / "zone.toml").write_text(
        text.replace('path = "rain.tif"', f'path = "{apart / "rain.tif"}"'), encoding="utf-8"
    )
    run = run_account(open_zone(zone))
    nodes = (run.path / "nodes.jsonl").read_text(encoding="utf-8")
    assert str(tmp_path) not in nodes and '"file":"rain.tif"' in nodes
    assert verify(run.id).equal
    with rasterio.open(apart / "rain.tif", "r+") as file:
        file.write(np.full((5, 6), 7.0, np.float32), 1)
    assert [d["kind"] for d in verify(run.id).differences] == ["layer"]
