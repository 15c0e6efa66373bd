"""A seeded network of air stations in a store, its quality-control plan, items and conventions.

Hours of a year for six items: a daily and a yearly wave with noise, 3 % missing, flat runs of a day, spikes. The limits are round numbers
for the benchmark, not a network's.
"""

from __future__ import annotations

import os
import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from qingshan.core.limit import limit_table
from qingshan.observe.quality.plan import Plan, PlanRow
from qingshan.observe.series.catalogue import Commit
from qingshan.observe.series.merge import PART_ROWS, write_part
from qingshan.observe.series.model import OBSERVATION
from qingshan.observe.series.store import Observations
from qingshan.observe.statistics.air import Item, index_of
from qingshan.observe.statistics.kernels import BEYOND
from qingshan.observe.statistics.rules import Rule, Rules, validity_of
from qingshan.zone.zone import builtin_zones, open_zone

YEAR = 2027
HOUR = timedelta(hours=1)
STEPS = 8760
ITEMS = {
    "air.co": (1.0, 1),
    "air.no2": (40, 0),
    "air.o3": (90, 0),
    "air.pm10": (80, 0),
    "air.pm25": (45, 0),
    "air.so2": (12, 0),
}
"""Mean and decimals of each item."""
LIMITS = {
    "fail_min": 0, "fail_max": 500, "suspect_min": 0, "suspect_max": 350, "spike_suspect": 60, "spike_fail": 120, "rate": 90, "n_suspect": 5, "n_fail": 12,
}  # fmt: skip
POOL = 24
"""Stations that are drawn; the others have their series in another order of days, so that ten years of a province take minutes to make."""
SITES_A_PART = PART_ROWS // (STEPS * len(ITEMS))
NETWORK = """[network]
id = "bench"
domain = "air"
zh = "基准"
en = "benchmark"
step = "1h"
averaging = "1h"
kind = "air_station"
gas_state = "reference"
open_sites = true
synthetic = true
"""


def series_of(stations: int) -> list[str]:
    return [f"S{i:05d}|{item}|1h" for i in range(stations) for item in ITEMS]


def values_of(first: int, stations: int) -> np.ndarray:
    """(series, hours) of some stations from the first, NaN where missing; each station has its own seed."""
    out = np.empty((stations * len(ITEMS), STEPS))
    t = np.arange(STEPS)
    wave = 1 + 0.3 * np.sin(2 * np.pi * t / 24) + 0.3 * np.cos(2 * np.pi * t / STEPS)
    for i in range(stations):
        lot = np.random.default_rng(first + i)
        for k, (mean, decimals) in enumerate(ITEMS.values()):
            x = mean * wave * lot.gamma(6, 1 / 6, STEPS)
            x[lot.integers(0, STEPS, 40)] *= 8
            for a in lot.integers(0, STEPS - 24, 5):
                x[a : a + 24] = x[a]
            x = np.round(x, decimals)
            x[lot.random(STEPS) < 0.03] = np.nan
            out[i * len(ITEMS) + k] = x
    return out


def store_in(home: Path) -> Observations:
    """The store of the network `bench` in a folder of its own; `home` becomes the home folder of this process."""
    os.environ["QINGSHAN_HOME"] = str(home)
    zone = home / "zone"
    if not zone.is_dir():
        shutil.copytree(builtin_zones()["guizhou"], zone)
        (zone / "networks" / "bench.toml").write_text(NETWORK, encoding="utf-8")
        (zone / "networks" / "bench").mkdir()
        rows = [
            f"{r.scope},{r.test},{r.parameter},{r.value},{r.unit},{r.valid_from},,{r.source},{r.status}"
            for r in plan().rows
        ]
        text = "\n".join(["scope,test,parameter,value,unit,valid_from,valid_to,source,status", *rows, ""])
        (zone / "networks" / "bench" / "quality.csv").write_text(text, encoding="utf-8")
    return Observations(open_zone(zone))


def make(home: Path, stations: int, years: int = 1, *, pool: int = 0) -> Observations:
    """Years of a network as loads would leave them: sorted parts of whole stations, then their commit. `pool`: so many stations are drawn
    (0: all), the others are theirs with the year begun on another day."""
    store = store_in(home)
    names = series_of(stations)
    numbers = {name: i for i, name in enumerate(names, 1)}
    drawn = _texts(values_of(0, pool)) if pool else None
    for n in range(years):
        year = YEAR + n
        starts = pl.datetime_range(
            datetime(year, 1, 1), datetime(year, 1, 1) + (STEPS - 1) * HOUR, HOUR, eager=True, time_unit="ms"
        )
        parts = []
        with store.writing("bench") as folder:
            for first in range(0, stations, SITES_A_PART):
                some = range(first, min(first + SITES_A_PART, stations))
                text = (
                    _texts(values_of(first, len(some)))
                    if drawn is None
                    else pl.concat([_turned(drawn, i, year, pool) for i in some])
                )
                chosen = names[first * len(ITEMS) : (some[-1] + 1) * len(ITEMS)]
                parts.append(write_part(folder, year, n + 1, len(parts), _rows(chosen, starts, text), numbers))
            sites = [
                (f"S{i:05d}", {"id": f"S{i:05d}", "name_zh": f"S{i:05d}", "kind": "air_station", "air_zone": "2"})
                for i in range(stations)
            ]
            series = [
                (no, name, *name.split("|"), "", "", _unit(name), _unit(name), "reference")
                for name, no in numbers.items()
            ]
            counts = {"new": len(names) * STEPS}
            store.catalogue("bench").commit(Commit(
                f"{year:064d}", "seed", "benchmark", f"{year}-01-01", "", "", counts, 0, [], *((sites, series) if n == 0 else ((), ())), (), parts
            ))  # fmt: skip
    return store


def _unit(name: str) -> str:
    return "mg/m3" if "|air.co|" in name else "ug/m3"


def _texts(values: np.ndarray) -> pl.Series:
    """Values as they would come in; null where missing."""
    return pl.Series("value_text", values.reshape(-1)).fill_nan(None).cast(pl.String).str.strip_suffix(".0")


def _turned(drawn: pl.Series, station: int, year: int, pool: int) -> pl.Series:
    """One station-year out of the pool, its days begun elsewhere."""
    size = STEPS * len(ITEMS)
    at = (station * 7 + year * 5) % pool * size
    days = (station * 31 + year * 113) % 365 * 24
    items = [drawn.slice(at + k * STEPS, STEPS) for k in range(len(ITEMS))]
    return pl.concat([piece for x in items for piece in (x.slice(days), x.slice(0, days))])


def _rows(names: list[str], starts: pl.Series, text: pl.Series) -> pl.DataFrame:
    n = len(names) * STEPS
    series = pl.Series("series", names).gather(np.repeat(np.arange(len(names), dtype=np.uint32), STEPS))
    start = pl.Series("start", np.tile(starts.to_physical().to_numpy(), len(names))).cast(pl.Datetime("ms"))
    made = pl.DataFrame({"series": series, "start": start, "value_text": text}).with_columns(
        end=pl.col("start") + pl.duration(hours=1), value=pl.col("value_text"), censored=pl.lit(value=False), version=pl.lit(1), load=pl.lit("0" * 64),
        row=pl.int_range(n),
    )  # fmt: skip
    return made.select(
        (pl.col(c) if c in made.columns else pl.lit(None)).cast(t).alias(c) for c, t in OBSERVATION.items()
    )


def plan() -> Plan:
    limits = {
        "gross_range": {k: LIMITS[k] for k in ("fail_min", "fail_max", "suspect_min", "suspect_max")},
        "spike": {"suspect": LIMITS["spike_suspect"], "fail": LIMITS["spike_fail"]},
        "rate_of_change": {"limit": LIMITS["rate"]},
        "flat_line": {"n_suspect": LIMITS["n_suspect"], "n_fail": LIMITS["n_fail"], "eps": 0},
    }  # fmt: skip
    return Plan(
        [PlanRow(item, test, name, str(value), "", date(2000, 1, 1), None, "benchmark", "project")
         for item in ITEMS for test, given in limits.items() for name, value in given.items()]
    )  # fmt: skip


def rules() -> Rules:
    named = {
        "mda8.windows": "ends_in_day",
        "mda8.windows_min": "14",
        "percentile.interpolation": "linear",
        "percentile.values_min": "1",
    }
    return Rules([Rule(k, v, "2000-01-01", "", "", "benchmark", "project") for k, v in named.items()])


def items() -> list[Item]:
    """The six items of GB 3095-2026 and HJ 633-2026 by their rows."""
    symbols = {
        "air.co": "CO",
        "air.no2": "NO2",
        "air.o3": "O3",
        "air.pm10": "PM10",
        "air.pm25": "PM2.5",
        "air.so2": "SO2",
    }
    shares = {"air.so2": 980, "air.no2": 980, "air.o3": 900}
    counts, points = limit_table("air_data_validity").rows, limit_table("aqi_breakpoints").rows
    made = []
    for item, symbol in symbols.items():
        ozone = item == "air.o3"
        index = index_of(
            points, symbol, "8h" if ozone else "24h", "HJ 633-2026", ITEMS[item][1], 300 if ozone else BEYOND
        )
        made.append(
            Item(
                item,
                validity_of(counts, symbol, "GB 3095-2026"),
                "mda8" if ozone else "day",
                index,
                shares.get(item, 950),
            )
        )
    return made
