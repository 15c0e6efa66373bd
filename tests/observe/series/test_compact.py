"""Many small runs of a year become one: every version stays, no reader sees half of it, and a kill at any step loses nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from qingshan.observe.series.merge import RUNS, compact, crowded
from qingshan.observe.series.store import GRACE, Observations
from qingshan.zone.zone import open_zone

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HEAD = "site,property,unit,start,value\n"


def hour(store: Observations, folder: Path, n: int, value: object = None) -> None:
    """One small load: an hour of two sections."""
    file = folder / f"{n}-{value}.csv"
    rows = "".join(
        f"{s},TP,mg/L,2021-04-{1 + n // 24:02d} {n % 24:02d}:00,{value or f'0.0{n % 9 + 1}'}\n" for s in ("S1", "S2")
    )
    file.write_text(HEAD + rows, encoding="utf-8")
    store.load("water", file, now=NOW)


def everything(store: Observations) -> pl.DataFrame:
    return store.versions("water").drop("load").collect().sort("series", "start", "version")


def runs(store: Observations) -> list[int]:
    return [run for (run,) in store.catalogue("water").ask("SELECT DISTINCT run FROM part ORDER BY run")]


def test_runs_of_like_size_are_merged_once_there_are_twelve(store: Observations, tmp_path: Path) -> None:
    assert crowded([(n, 2) for n in range(RUNS - 1)]) == [] and crowded([(n, 2) for n in range(RUNS)]) == list(
        range(RUNS)
    )
    assert crowded([(n, 2) for n in range(RUNS - 1)] + [(99, 10**6)]) == []
    for n in range(RUNS - 1):
        hour(store, tmp_path, n)
    assert len(runs(store)) == RUNS - 1
    hour(store, tmp_path, 3, "0.5")  # another value of a known key: a version more, and the twelfth run
    assert len(runs(store)) == 1
    whole = everything(store)
    assert whole.height == 2 * RUNS and whole["version"].to_list().count(2) == 2
    assert store.scan("water").collect().height == 2 * (RUNS - 1)
    part = pl.read_parquet(next(iter((store.folder("water") / "2021").glob(f"{runs(store)[0]:07d}-*.parquet"))))
    assert part.select("series", "start", "version").equals(
        part.select("series", "start", "version").sort("series", "start", "version")
    )
    assert store.series("water")["rows"].to_list() == [RUNS - 1, RUNS - 1]


def test_merged_parts_stay_for_readers_and_go_after_their_grace(
    store: Observations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(4):
        hour(store, tmp_path, n)
    held = store.versions("water")  # a reader that opened its files before the merge
    before = everything(store)
    with store.writing("water"):
        compact(store, "water", 2021, runs(store), datetime.now().timestamp())
    assert held.drop("load").collect().sort("series", "start", "version").equals(before) and everything(store).equals(
        before
    )
    files = store.folder("water") / "2021"
    assert len(list(files.glob("*.parquet"))) == 5
    monkeypatch.setattr("qingshan.observe.series.store.time.time", lambda: datetime.now().timestamp() + GRACE + 60)
    with store.writing("water"):
        pass
    assert len(list(files.glob("*.parquet"))) == 1 and everything(store).equals(before)


@pytest.mark.parametrize(
    "step",
    [
        "merge.write_part",
        "merge._fsync_folder",
        "catalogue._add_parts",
        "catalogue.Catalogue.replace",
        "merge.pl.scan_parquet",
    ],
)
def test_a_kill_in_the_merge_loses_nothing(store: Observations, zone_folder: Path, tmp_path: Path, step: str) -> None:
    """SIGKILL before the step, then after it: the same rows, and the next load sweeps what is left."""
    for n in range(4):
        hour(store, tmp_path, n)
    before = everything(store)
    for when in ("before", "after"):
        code = f"""
import os, signal
from pathlib import Path
from qingshan.observe.series import catalogue, merge
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import open_zone
store = Observations(open_zone(Path({str(zone_folder)!r})), Path({str(store.root)!r}))
runs = [r for (r,) in store.catalogue("water").ask("SELECT DISTINCT run FROM part")]
owner = {step.rpartition(".")[0]}
real = owner.{step.rpartition(".")[2]}
def step(*a, **k):
    if {when!r} == "after":
        real(*a, **k)
    os.kill(os.getpid(), signal.SIGKILL)
owner.{step.rpartition(".")[2]} = step
with store.writing("water"):
    merge.compact(store, "water", 2021, runs, 0.0)
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == -signal.SIGKILL, done.stderr
        again = Observations(open_zone(zone_folder), store.root)
        assert everything(again).equals(before)
    hour(again, tmp_path, 20)
    kept = {p for (p,) in again.catalogue("water").ask("SELECT path FROM part")}
    retired = {p for (p,) in again.catalogue("water").ask("SELECT path FROM retired")}
    files = {p.relative_to(again.folder("water")).as_posix() for p in again.folder("water").glob("*/*.parquet")}
    assert files == kept | retired
    assert everything(again).height == before.height + 2
