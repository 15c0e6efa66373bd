"""Monitoring: quality control beside ioos_qc and SaQC on the same series, a whole year of air evaluated, the oracle, ten years of memory.

Seconds are CPU seconds of the process that did the work; peaks are of a process of its own. `make bench-monitoring`, or one case:
`python -m benchmarks.monitoring --only qc` (qc, evaluation, oracle, ten-years).
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl

from qingshan.observe.dense import Block, Lattice, Rows, blocks
from qingshan.observe.evaluate.air_network import evaluate_air
from qingshan.observe.evaluate.air_source import of_store
from qingshan.observe.evaluate.editions import named_rule_set
from qingshan.observe.quality.kernels import Flags, judge
from qingshan.observe.quality.review import usable
from qingshan.observe.quality.run import flag_blocks
from qingshan.observe.series.store import Observations
from qingshan.observe.statistics.air import AirYear, Item, air_year, days_of, widened_year

from . import monitoring_network as network
from . import monitoring_oracle as oracle
from .harness import OUT, Peer, Row, peer_python, report

SMALL = os.environ.get("BENCH_SIZE") == "small"
STATIONS = 60 if SMALL else 1000
MANY = 120 if SMALL else int(os.environ.get("BENCH_STATIONS", "3000"))
YEARS = 2 if SMALL else int(os.environ.get("BENCH_YEARS", "10"))
BYTES = 8
"""Bytes of a value in the store, generously."""
COMPARED = 10  # stations the peers and the oracle get
CASES = ("qc", "evaluation", "oracle", "ten-years")


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[:1] == ["--work"]:
        print(json.dumps(_work(arguments[1], Path(arguments[2]), int(arguments[3]), int(arguments[4]))))
        return
    only = arguments[1] if arguments[:1] == ["--only"] else ""
    if only and only not in CASES:
        sys.exit(f"--only takes one of {', '.join(CASES)}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="monitoring-") as scratch:
        folder = Path(scratch)
        if only in ("", "qc"):
            rows += qc_rows(folder)
        if only in ("", "evaluation", "oracle"):
            store = network.make(folder / "year", STATIONS)
            os.sync()
        if only in ("", "evaluation"):
            rows += evaluation_rows(folder / "year")
        if only in ("", "oracle"):
            rows += oracle_rows(store)
        if only in ("", "ten-years"):
            rows += ten_years(folder / "many")
    report("monitoring", rows if not only else [*_kept(rows), *rows])


def _kept(rows: list[Row]) -> list[Row]:
    """The rows of the last run that are of other cases."""
    path = OUT / "monitoring.json"
    if not path.is_file():
        return []
    new = {row.case for row in rows}
    old = [r for r in json.loads(path.read_text(encoding="utf-8")) if r["case"] not in new]
    return [
        Row(r["case"], r["metric"], r["value"], r["unit"], Peer(r["peer"], r["peer_version"], r["peer_value"]))
        for r in old
    ]


# --- quality control beside the peers


def qc_rows(folder: Path) -> list[Row]:
    """Ours, peer, ours, peer, ours; values per CPU second of one thread, on matrices that are in memory."""
    source, names = network.make(folder / "some", COMPARED).spans("bench"), network.series_of(COMPARED)
    plan = network.plan()
    lattice = Lattice(datetime(network.YEAR, 1, 1), datetime(network.YEAR + 1, 1, 1), network.HOUR)
    made = list(blocks(source, names, lattice))
    values = sum(b.values.size for b in made)
    np.save(folder / "values.npy", np.concatenate([b.floats() for b in made]))

    def ours() -> list[Flags]:
        return [judge(b, plan.segments(b.series, lattice, b.times, b.words)) for b in made]

    flags = ours()
    seconds: list[float] = []
    rows: list[Row] = []
    for name, wanted in (("ioos_qc", 50), ("saqc", 500)):
        seconds += _cpu(ours, 3)
        peer = _peer(name, folder)
        seconds += _cpu(ours, 3)
        if isinstance(peer, str):
            rows.append(
                Row(f"qc beside {name}", "values_per_cpu_s", values / median(seconds), "1/s", Peer(name, missing=peer))
            )
            continue
        rate, theirs = values / median(seconds), peer["values"] / peer["seconds"]
        rows.append(Row(f"qc beside {name}", "values_per_cpu_s", rate, "1/s", Peer(name, peer["version"], theirs)))
        rows.append(Row(f"qc beside {name}", f"ratio (at least {wanted})", rate / theirs, "x"))
        if name == "ioos_qc":
            rows.append(_agreement(np.concatenate([f.flag for f in flags]), np.load(folder / "ioos_qc.npy")))
    return rows


def _agreement(ours: np.ndarray, theirs: np.ndarray) -> Row:
    """Share of cells with the same flag, theirs 2 (an end or a gap) counted as 1. What is left: its flat line counts otherwise, and a rate across a gap."""
    return Row(
        "qc beside ioos_qc", "cells that agree", float((ours == np.where(theirs == 2, 1, theirs)).mean() * 100), "%"
    )


def _cpu(call: Any, runs: int) -> list[float]:
    seconds = []
    for _ in range(runs):
        begun = time.process_time()
        call()
        seconds.append(time.process_time() - begun)
    return seconds


def _peer(name: str, folder: Path) -> dict[str, Any] | str:
    """What the peer's run printed, or why there is nothing."""
    python = peer_python(name)
    if isinstance(python, str):
        return python
    script = Path(__file__).parent / "peers" / name / "run.py"
    command = [python, script, folder / "values.npy", folder / f"{name}.npy", json.dumps(network.LIMITS)]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


# --- a whole year


def _inputs(source: Rows, names: list[str], year: int, counted: Counter[int]) -> Iterator[tuple[Block, Any]]:
    plan = network.plan()
    for block, flags, _ in flag_blocks(source, names, plan, *widened_year(year), network.HOUR):
        for level, n in enumerate(np.bincount(flags.flag[:, 24:-24].reshape(-1), minlength=10)):
            counted[level] += int(n)
        yield block, usable(block, flags.flag)


def evaluate(store: Observations, names: list[str], year: int) -> tuple[AirYear, Counter[int]]:
    """Read, QC, daily and annual means, percentiles, MDA8, IAQI and AQI."""
    counted: Counter[int] = Counter()
    source = store.spans("bench", [year - 1, year, year + 1])
    return air_year(_inputs(source, names, year, counted), network.items(), network.rules(), year), counted


def verdicts(store: Observations, year: int, by: str) -> int:
    """What `qingshan observe evaluate` computes: the AQI of every day, or the annual verdicts; how many results, as columns."""
    rules, series, sites = named_rule_set("air.demonstration_percentiles"), store.series("bench"), store.sites("bench")
    return len(
        evaluate_air("bench", of_store(store, "bench", [year], provisional=True), series, sites, rules, by=by).frame()
    )


def _work(case: str, home: Path, stations: int, years: int) -> dict[str, float]:
    """In a process of its own, after one small block that loads the compiled code."""
    store, names = network.store_in(home), network.series_of(stations)
    evaluate(store, names[:6], network.YEAR)
    before = resource.getrusage(resource.RUSAGE_SELF)
    wall, cpu = time.perf_counter(), before.ru_utime + before.ru_stime
    cells = 0
    for i in range(years):
        year = network.YEAR + i
        if case.startswith("by "):
            cells += verdicts(store, year, case.removeprefix("by "))
            continue
        made, counted = evaluate(store, names, year)
        assert made.days.height == len(names) * days_of(year)
        cells += sum(counted.values())
        del made
    after = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "cpu_s": after.ru_utime + after.ru_stime - cpu, "wall_s": time.perf_counter() - wall, "peak_gb": _peak(), "cells": cells,
    }  # fmt: skip


def _peak() -> float:
    """The most memory this process has held (GB of 1e9 bytes)."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e9


def _apart(case: str, folder: Path, stations: int, years: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.monitoring", "--work", case, str(folder), str(stations), str(years)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def evaluation_rows(folder: Path) -> list[Row]:
    runs = [_apart("evaluation", folder, STATIONS, 1) for _ in range(1 if SMALL else 3)]
    case = f"evaluation of a year, {STATIONS} stations x 6"
    rows = [
        Row(case, "wall_s (at most 15)", median(r["wall_s"] for r in runs), "s"),
        Row(case, "cpu_s", median(r["cpu_s"] for r in runs), "s"),
        Row(case, "values_per_cpu_s", median(r["cells"] / r["cpu_s"] for r in runs), "1/s"),
        Row(case, "peak_gb (at most 1.5)", max(r["peak_gb"] for r in runs), "GB"),
    ]
    for by in ("day", "year"):
        found, case = (
            _apart(f"by {by}", folder, STATIONS, 1),
            f"verdicts by {by} from the store, {STATIONS} stations x 6",
        )
        rows += [
            Row(case, name, found[name], unit) for name, unit in (("wall_s", "s"), ("cpu_s", "s"), ("peak_gb", "GB"))
        ]
        rows.append(Row(case, "results", found["cells"], "1"))
    return rows


def ten_years(home: Path) -> list[Row]:
    """Years of a network written into the store and evaluated one after another; the peak must be that of one year."""
    case = f"{YEARS} years, {MANY} stations x 6"
    needed = YEARS * MANY * len(network.ITEMS) * network.STEPS * BYTES
    if shutil.disk_usage(home.parent).free < 1.5 * needed:
        return [
            Row(
                case, "values", float("nan"), "1", Peer("disk", missing=f"needs {1.5 * needed / 2**30:.0f} GiB of disk")
            )
        ]
    begun = time.perf_counter()
    network.make(home, MANY, YEARS, pool=network.POOL)
    written = time.perf_counter() - begun
    one, all_of = _apart("ten-years", home, MANY, 1), _apart("ten-years", home, MANY, YEARS)
    return [
        Row(case, "peak_gb", all_of["peak_gb"], "GB", Peer("one year", "", one["peak_gb"])),
        Row(case, "cpu_s", all_of["cpu_s"], "s"),
        Row(case, "wall_s", all_of["wall_s"], "s"),
        Row(case, "values", all_of["cells"], "1"),
        Row(case, "store written", written, "s"),
    ]


# --- the oracle


def oracle_rows(store: Observations) -> list[Row]:
    """Flags, daily sums, largest 8 h means, IAQI, annual means and percentiles of every station against polars. Stops where one differs."""
    names = network.series_of(STATIONS)
    made, counted = evaluate(store, names, network.YEAR)
    by_polars: Counter[int] = Counter()
    compared = 0
    for path in sorted((store.folder("bench") / str(network.YEAR)).glob("*.parquet")):
        frame = pl.read_parquet(path, columns=["series", "start", "value"])
        frame = frame.with_columns(oracle.flags_in_polars(frame)["flag"])
        for level, n in frame["flag"].value_counts().iter_rows():
            by_polars[level] += n
        for item in network.items():
            compared += _compared(frame.filter(pl.col("series").str.contains(f"|{item.id}|", literal=True)), item, made)
    ours = {k: n for k, n in counted.items() if n}
    if ours != dict(by_polars):
        raise AssertionError(f"flags differ: {ours} and {dict(by_polars)}")
    case = "oracle in polars"
    return [
        Row(case, "flag totals that differ", 0, "1"), Row(case, "cells compared", sum(ours.values()), "1"),
        Row(case, "daily statistics that differ", 0, "1"), Row(case, "daily statistics compared", compared, "1"),
    ]  # fmt: skip


def _compared(frame: pl.DataFrame, item: Item, made: AirYear) -> int:
    """Days and years of one item's series in polars against ours; how many days."""
    ours = made.days.filter(pl.col("series").is_in(frame["series"].unique().implode()))
    if item.statistic == "mda8":
        days = oracle.ozone_in_polars(frame).filter(pl.col("windows") >= oracle.WINDOWS_OF_DAY)
        valid = ours.filter("valid")
        both = valid.join(days, on=["series", "day", "windows"], suffix="_p").with_columns(
            pl.col("count", "count_p").cast(pl.Int64)
        )
        same = both.filter(
            pl.col("sum") * pl.col("count_p") == pl.col("sum_p") * pl.col("count")
        )  # one mean has many ratios
        if not len(same) == len(valid) == len(days):
            raise AssertionError("8 h means differ from polars")
    else:
        days = oracle.days_in_polars(frame)
        _equal("daily sums", days, ours.select("series", "day", "sum", "count"))
        valid = days.filter(pl.col("count") >= oracle.HOURS_OF_DAY).with_columns(
            mean=pl.col("sum") / pl.col("count") / 10**9
        )
    wanted = oracle.index_in_polars(valid.select("series", "day", "sum", "count"), item)
    _equal("IAQI", wanted, ours.filter("valid").select("series", "day", "iaqi"))
    years = oracle.years_in_polars(valid, (item.share or 0) / 1000)
    mine = made.years.filter(pl.col("series").is_in(years["series"].implode())).sort("series")
    for column in ("mean", "percentile"):
        apart = (years[column] - mine[column]).abs().max()
        if apart is None or apart > 1e-9 or years["n"].to_list() != mine["n_days"].to_list():  # type: ignore[operator]
            raise AssertionError(f"{item.id}: {column} of the year differs by {apart}")
    return len(ours)


def _equal(what: str, theirs: pl.DataFrame, ours: pl.DataFrame) -> None:
    ours = ours.sort("series", "day").select(theirs.columns).cast(dict(theirs.schema))  # type: ignore[arg-type]
    if not theirs.sort("series", "day").equals(ours):
        raise AssertionError(f"{what} differ from polars")


if __name__ == "__main__":
    main()
