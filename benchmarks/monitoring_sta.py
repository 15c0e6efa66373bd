"""A page of 1,000 observations of the SensorThings service out of 50 million, as a client waits for it.

1,000 stations x 6 items x 8,760 hours, written into a store as a load would leave it; then a server process is asked for pages of
1,000 observations of random Datastreams: the first page, the page after a random key, a span of time, the newest first.

    python -m benchmarks.monitoring_sta      BENCH_SIZE=small: 50 stations; BENCH_KEEP=FOLDER: keep the store there
"""

from __future__ import annotations

import base64
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from qingshan.observe.series.catalogue import Commit
from qingshan.observe.series.merge import PART_ROWS, write_part
from qingshan.observe.series.model import OBSERVATION
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import builtin_zones, open_zone

from .harness import Row, report
from .monitoring_network import NETWORK

ITEMS = ("air.pm25", "air.pm10", "air.so2", "air.no2", "air.o3", "air.co")
HOURS = 8_760
PAGES = 400
FIRST = datetime(2023, 1, 1)


def main() -> None:
    stations = 50 if os.environ.get("BENCH_SIZE") == "small" else 1_000
    kept = os.environ.get("BENCH_KEEP")
    home = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="bench-sta-"))
    os.environ["QINGSHAN_HOME"] = str(home)
    try:
        folder = _zone(home)
        store = Observations(open_zone(folder))
        begun, there = time.perf_counter(), store.version("bench")
        if not there:
            _fill(store, stations)
        made = time.perf_counter() - begun
        rows = stations * len(ITEMS) * HOURS
        times = _asked(home, folder, stations * len(ITEMS))
        case = f"STA pages of 1,000 of {rows / 1e6:,.1f} M rows"
        measured = [
            Row(case, f"{kind}, {name}", value, "ms")
            for kind, found in times.items()
            for name, value in _summary(found)
        ]
        if not there:
            measured.append(Row(case, "store written", made, "s"))
        report("monitoring_sta", measured)
    finally:
        if not kept:
            shutil.rmtree(home, ignore_errors=True)


def _summary(found: list[float]) -> list[tuple[str, float]]:
    cuts = statistics.quantiles(found, n=100)
    return [("median", cuts[49]), ("p95", cuts[94]), ("p99", cuts[98])]


def _zone(home: Path) -> Path:
    folder = home / "zone"
    if not folder.is_dir():
        shutil.copytree(builtin_zones()["guizhou"], folder)
        (folder / "networks" / "bench.toml").write_text(NETWORK, encoding="utf-8")
    return folder


def _fill(store: Observations, stations: int) -> None:
    """Parts and their commit, as the merge of a load writes them."""
    rng = np.random.default_rng(20261)
    ids = [f"B{n:05d}" for n in range(stations)]
    names = [f"{id}|{item}|1h" for id in ids for item in sorted(ITEMS)]
    numbers = {name: i for i, name in enumerate(names, 1)}
    starts = pl.datetime_range(FIRST, FIRST + timedelta(hours=HOURS - 1), "1h", time_unit="ms", eager=True)
    per = PART_ROWS // HOURS
    parts = []
    with store.writing("bench") as folder:
        for at in range(0, len(names), per):
            chosen = names[at : at + per]
            values = pl.Series(rng.integers(1, 300, len(chosen) * HOURS))
            frame = pl.DataFrame({
                "series": pl.Series(chosen).repeat_by(HOURS).explode(),
                "start": pl.concat([starts] * len(chosen)), "value_text": values.cast(pl.String), "value": values,
                "censored": pl.repeat(False, len(values), eager=True), "version": pl.repeat(1, len(values), eager=True),
                "status": pl.repeat("正常", len(values), eager=True), "load": pl.repeat("0" * 64, len(values), eager=True),
                "row": pl.int_range(len(values), eager=True),
            }).with_columns(end=pl.col("start") + timedelta(hours=1))  # fmt: skip
            frame = frame.select(
                (pl.col(c) if c in frame.columns else pl.lit(None)).cast(t).alias(c) for c, t in OBSERVATION.items()
            )
            parts.append(write_part(folder, FIRST.year, 1, len(parts), frame, numbers))
        sites = [
            (id, {"id": id, "name_zh": id, "kind": "air_station", "lon": 106.0, "lat": 26.0, "air_zone": "2"})
            for id in ids
        ]
        series = [(no, name, *name.split("|"), "", "", "ug/m3", "ug/m3", "ambient") for name, no in numbers.items()]
        counts = {"new": len(names) * HOURS}
        store.catalogue("bench").commit(
            Commit("0" * 64, "seed", "benchmark", FIRST.isoformat(), "", "", counts, 0, [], sites, series, (), parts)
        )


def _asked(home: Path, folder: Path, series: int) -> dict[str, list[float]]:
    """Milliseconds of each page, by kind, over one connection after the other."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = (
        "import uvicorn; from qingshan.faces.api.app import create_app; from qingshan.zone.zone import open_zone;"
        f"uvicorn.run(create_app(open_zone({str(folder)!r}), {{}}), port={port}, log_level='warning')"
    )
    process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "QINGSHAN_HOME": str(home)})
    base = f"http://127.0.0.1:{port}/sta/bench/v1.1"
    try:
        _wait(base)
        draw = random.Random(20261)
        times: dict[str, list[float]] = {}
        for n in range(-20, PAGES):
            no, hour = draw.randint(1, series), draw.randint(0, HOURS - 1_000)
            since = (FIRST + timedelta(hours=hour)).isoformat()
            kinds = {
                "first page": "$top=1000&$orderby=phenomenonTime asc",
                "page after a key": f"$top=1000&$skiptoken={_key(no, hour)}",
                "span of time": f"$top=1000&$filter=phenomenonTime ge {since}+08:00",
                "newest first": "$top=1000&$orderby=phenomenonTime desc",
            }
            for kind, query in kinds.items():
                address = f"{base}/Datastreams({no})/Observations?{urllib.parse.quote(query, safe='$&=')}"
                begun = time.perf_counter()
                with urllib.request.urlopen(address) as answer:
                    body = answer.read()
                if n >= 0:
                    times.setdefault(kind, []).append((time.perf_counter() - begun) * 1000)
                assert body.count(b'"phenomenonTime"') == 1_000, body[:300]
        return times
    finally:
        process.terminate()
        process.wait(10)


def _key(no: int, hour: int) -> str:
    seconds = int((FIRST - datetime(1970, 1, 1)).total_seconds()) + (hour - 1) * 3600
    return "k" + base64.urlsafe_b64encode(f"{no}.{seconds}".encode()).decode().rstrip("=")


def _wait(base: str) -> None:
    for _ in range(1_200):
        try:
            urllib.request.urlopen(base).read()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server did not start")


if __name__ == "__main__":
    main()
