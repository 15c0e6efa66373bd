"""Raster runs without a peer, each in a process of its own; the result is JSON.

python -m benchmarks.raster_more CASE INPUTS FOLDER RESULT.json      CASE: flatness, dask-two-workers, full-gep-196mpx
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from qingshan.accounts.raster.run import run_raster
from qingshan.zone.synthetic.made import make_zone
from qingshan.zone.zone import open_zone

from .raster_cases import Data, carbon_yield, measured

TIMES = 3
MEMORY = "3.7GB"
"""In units of 2^30: 4 GB of 10^9 bytes and no more."""
LARGE = 50e6
OFTEN, TURNS = 10, 5
"""Most runs of a small grid on the way up, and again on the way down; turns."""


def flatness(folders: Sequence[Path], folder: Path) -> dict[str, Any]:
    """Nanoseconds per cell at several sizes, one number per turn. Sizes go up and down within a turn, so that what slows the
    machine for some seconds slows all; small grids are run oftener, and a turn counts the median of a size."""
    lands = [Data.of(f) for f in folders]
    for data in lands:
        carbon_yield(data.part(0, 0, 400, 400), folder)
    turns: list[list[float]] = []
    for _ in range(TURNS):
        costs: list[list[float]] = [[] for _ in lands]
        for n in (*range(len(lands)), *range(len(lands) - 2, -1, -1)):
            data = lands[n]
            for _ in range(max(1, min(OFTEN, round(LARGE / data.grid.size)))):
                wall = measured(lambda d=data: carbon_yield(d, folder))["wall"]
                costs[n].append(wall / data.grid.size * 1e9)
        turns.append([median(c) for c in costs])
    return {str(f): [turn[n] for turn in turns] for n, f in enumerate(folders)}


def dask_two_workers(inputs: Path, folder: Path) -> dict[str, Any]:
    """Two worker processes of one thread beside two local threads, in turn; the cluster is up before."""
    from distributed import LocalCluster  # noqa: PLC0415 - the extra cluster

    data = Data.of(inputs)
    seconds: dict[str, list[float]] = {"dask": [], "threads": []}
    with LocalCluster(2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        where = {"dask": cluster.scheduler_address, "threads": "threads"}
        for scheduler in where.values():
            carbon_yield(data.part(0, 0, 1500, 1500), folder, scheduler=scheduler)
        for _ in range(TIMES):
            for name, scheduler in where.items():
                seconds[name].append(measured(lambda s=scheduler: carbon_yield(data, folder, scheduler=s))["wall"])
    return {name: median(each) for name, each in seconds.items()}


def full_gep(zone: Path, folder: Path) -> dict[str, Any]:
    """The account "ecosystem" of a synthetic zone: every stage and sum, nothing taken from a run before but compiled code.

    A small zone is run first, so that all code is compiled; what that takes is told apart.
    """
    small = folder / "small"
    if not small.exists():
        folder.mkdir(parents=True, exist_ok=True)
        make_zone(small, 1e5, 7)
    first = run_once(small)
    return run_once(zone) | {"first": first["wall"]}


def run_once(zone: Path) -> dict[str, Any]:
    shutil.rmtree(Path(os.environ["QINGSHAN_HOME"]) / "rasters", ignore_errors=True)
    opened = open_zone(zone)
    period = opened.periods[-1].id
    began: dict[str, float] = {}

    def told(what: str, done: int, whole: int, left: float) -> None:
        began.setdefault(what.split(maxsplit=1)[0], time.perf_counter())

    start = time.perf_counter()
    measure = measured(lambda: run_raster(opened, "ecosystem", period, memory=MEMORY, resume=False, progress=told))
    found = measure.pop("found")
    ends = [*list(began.values())[1:], start + measure["wall"]]
    steps = {name: end - at for (name, at), end in zip(began.items(), ends, strict=True)}
    return measure | {"cells": found.binding.grid.size, "figures": len(found.binding.sums), "steps": steps}


if __name__ == "__main__":
    which, source, work, result = sys.argv[1], *map(Path, sys.argv[2:5])
    if which == "flatness":
        result.write_text(
            json.dumps(flatness([Path(p) for p in sys.argv[2].split(os.pathsep)], work)), encoding="utf-8"
        )
        sys.exit()
    case = {"dask-two-workers": dask_two_workers, "full-gep-196mpx": full_gep}[which]
    result.write_text(json.dumps(case(source, work)), encoding="utf-8")
