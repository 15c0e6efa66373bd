"""A seeded network of air stations in Parquet, its plan, and the same quality control and daily means in polars: the oracle.

Hours of a year for six items: a daily and a yearly wave with noise, 3 % missing, flat runs of a day, spikes. The limits are round numbers
for the benchmark, not a network's.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl

from qingshan.core.limit import limit_table
from qingshan.observe.quality.plan import Plan, PlanRow
from qingshan.observe.statistics.air import Item, index_of
from qingshan.observe.statistics.kernels import BEYOND
from qingshan.observe.statistics.rules import Rule, Rules, validity_of

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
SITES_A_FILE = 10


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


def make(folder: Path, stations: int) -> None:
    """One file per ten stations in the shape of the store, sorted by series and start."""
    folder.mkdir(parents=True, exist_ok=True)
    start = pl.datetime_range(datetime(YEAR, 1, 1), datetime(YEAR, 12, 31, 23), HOUR, eager=True, time_unit="ms")
    for first in range(0, stations, SITES_A_FILE):
        some = min(SITES_A_FILE, stations - first)
        values = values_of(first, some)
        names = pl.Series("series", [f"S{first + i:05d}|{item}|1h" for i in range(some) for item in ITEMS])
        n = values.size
        value = pl.Series("value", values.reshape(-1)).fill_nan(None)
        pl.DataFrame({
            "series": names.gather(np.repeat(np.arange(len(names), dtype=np.uint32), STEPS)), "start": pl.concat([start] * len(names)),
        }).with_columns(
            end=pl.col("start") + pl.duration(hours=1, time_unit="ms"), value_text=value.cast(pl.String), value=value.cast(pl.Decimal(28, 9)),
            detection_limit=pl.lit(None, dtype=pl.Decimal(28, 9)), censored=pl.lit(value=False), published=pl.lit(None, dtype=pl.String),
            status=pl.lit(None, dtype=pl.String), version=pl.lit(1, dtype=pl.Int32), reason=pl.lit(None, dtype=pl.String),
            author=pl.lit(None, dtype=pl.String), load=pl.lit("0" * 64), row=pl.int_range(n, dtype=pl.Int64),
        ).write_parquet(folder / f"part-{first:05d}.parquet", compression="zstd", row_group_size=n)  # fmt: skip


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


# --- the same in polars


def flags_in_polars(frame: pl.DataFrame) -> pl.DataFrame:
    """series, start, flag of complete hourly rows sorted by series and start, by shifts within a series; values as exact decimals."""
    v = pl.col("value").cast(pl.Decimal(28, 9))
    same = pl.col("series") == pl.col("series").shift()
    first, last = same.fill_null(value=False), (pl.col("series") == pl.col("series").shift(-1)).fill_null(value=False)
    before, after = pl.when(first).then(v.shift()), pl.when(last).then(v.shift(-1))
    number = {k: pl.lit(Decimal(x)).cast(pl.Decimal(28, 9)) for k, x in LIMITS.items()}
    spike = (v * 2 - before - after).abs()
    rate = (v - before).abs()
    change = ~(first & (v == before)).fill_null(value=False)
    run = pl.int_range(1, pl.len() + 1).over(pl.col("change").cum_sum())
    found = frame.with_columns(change=change).with_columns(run=run)
    fails = (
        (v < number["fail_min"]) | (v > number["fail_max"]) | (spike > 2 * number["spike_fail"]).fill_null(value=False)
    )
    suspect = (
        (v < number["suspect_min"]) | (v > number["suspect_max"]) | (spike > 2 * number["spike_suspect"]).fill_null(value=False)
        | (rate > number["rate"]).fill_null(value=False)
    )  # fmt: skip
    flag = (
        pl.when(v.is_null()).then(9)
        .when(fails | (pl.col("run") >= LIMITS["n_fail"])).then(4)
        .when(suspect | (pl.col("run") >= LIMITS["n_suspect"])).then(3)
        .otherwise(1)
    )  # fmt: skip
    return found.select("series", "start", flag=flag.cast(pl.UInt8))


def days_in_polars(frame: pl.DataFrame) -> pl.DataFrame:
    """series, day, sum (1e-9), count of usable hours; `frame` has series, start, value, flag."""
    usable = pl.when(pl.col("flag") <= 2).then((pl.col("value") * 10**9).cast(pl.Int64))
    return (
        frame.with_columns(day=pl.col("start").dt.date(), v=usable).group_by("series", "day")
        .agg(sum=pl.col("v").sum(), count=pl.col("v").count().cast(pl.UInt8)).sort("series", "day")
    )  # fmt: skip
