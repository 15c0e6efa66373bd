"""kill -9 at any moment of a load: what was there stays, what came is there whole or not at all, and loading again mends it.

`make kill-test` kills more often (ROUNDS=).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from qingshan.observe.series.store import Observations
from qingshan.zone.zone import Zone

from .conftest import NOW

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("QINGSHAN_KILL_ROUNDS", "20"))


@pytest.fixture(scope="module")
def forks(zone_folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.observe.series.killed", str(zone_folder)]
    environment = {**os.environ, "POLARS_MAX_THREADS": "2"}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.wait(10)


def ask(forks: subprocess.Popen[str], root: Path, file: Path, at: int) -> str:
    assert forks.stdin is not None and forks.stdout is not None
    forks.stdin.write(f"{root}\t{file}\t{at}\n")
    forks.stdin.flush()
    return forks.stdout.readline().strip()


def table(first: datetime, count: int, add: int) -> str:
    rows = "".join(
        f"S{1 + i % 2},water.tp,mg/L,{(first + timedelta(hours=i // 2)).isoformat(timespec='minutes')},{(i + add) / 1000}\n"
        for i in range(count)
    )
    return "site,property,unit,start,value\n" + rows


def content(store: Observations) -> list[tuple[object, ...]]:
    frame = store.versions("water").sort("series", "start", "version").collect()
    return frame.select("series", "start", "value_text", "version", "load", "row").rows()


@pytest.mark.long
def test_a_killed_load_leaves_all_or_nothing(zone: Zone, tmp_path: Path, forks: subprocess.Popen[str]) -> None:
    base, file, before = tmp_path / "base", tmp_path / "more.csv", tmp_path / "before.csv"
    before.write_text(table(datetime(2020, 12, 31), 40, 0), encoding="utf-8")
    file.write_text(table(datetime(2020, 12, 31, 10), 60, 5), encoding="utf-8")  # revisions, new rows, two years
    Observations(zone, base).load("water", before, now=NOW)
    old = content(Observations(zone, base))
    whole = tmp_path / "whole"
    shutil.copytree(base, whole)
    events = int(ask(forks, whole, file, 0).split()[1])
    new = content(Observations(zone, whole))
    assert len(new) > len(old) and events > 30
    outcomes = {"old": 0, "new": 0}
    for n in range(KILLS):
        at = 1 + n * events // KILLS if events > KILLS else 1 + n % events
        root = tmp_path / "killed"
        shutil.copytree(base, root)
        assert ask(forks, root, file, at) == "killed", at
        survivor = Observations(zone, root)
        found = content(survivor)
        assert found in (old, new), f"half a load after event {at}"
        outcomes["old" if found == old else "new"] += 1
        if n % 5 == 0:  # the next load sweeps and mends
            again = survivor.load("water", file, now=NOW)
            assert again.again == (found == new)
            assert content(survivor) == new
            committed = {p for (p,) in survivor.catalogue("water").ask("SELECT path FROM part")}
            lying = {p.relative_to(root / "water").as_posix() for p in (root / "water").rglob("*.parquet")}
            assert lying == committed
        shutil.rmtree(root)
    assert outcomes["old"] and outcomes["new"], outcomes  # kills fell on both sides of the commit


def test_a_reader_sees_nothing_of_a_load_that_is_under_way(zone: Zone, tmp_path: Path) -> None:
    store = Observations(zone, tmp_path / "store")
    folder = store.folder("water") / "2020"
    folder.mkdir(parents=True)
    pl.DataFrame({"series": ["S1|water.tp|instant"]}).write_parquet(folder / "0000001-00000.parquet")
    assert store.scan("water").collect().height == 0 and store.years("water") == []
