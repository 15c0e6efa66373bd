"""The oracle: the quality control and the air statistics of `monitoring_network` once more, in polars over long rows.

Nothing of it is shared with the kernels: shifts and group-bys on exact decimals and whole numbers of 1e-9.
"""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from qingshan.observe.statistics.air import Item

from .monitoring_network import LIMITS

HOURS_OF_DAY, HOURS_OF_WINDOW, WINDOWS_OF_DAY = 20, 6, 14


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


def ozone_in_polars(frame: pl.DataFrame) -> pl.DataFrame:
    """series, day, sum, count, windows: the largest 8 h mean of the windows that end at 1 to 24 h of a day; `frame` as in `days_in_polars`,
    every hour of every series a row."""
    usable = pl.when(pl.col("flag") <= 2).then((pl.col("value") * 10**9).cast(pl.Int64))
    there = frame.select("series", "start", v=usable)
    shifted = [pl.col("v").shift(i).over("series") for i in range(8)]
    windows = there.with_columns(
        total=pl.sum_horizontal(*(s.fill_null(0) for s in shifted)), n=pl.sum_horizontal(*(s.is_not_null().cast(pl.Int64) for s in shifted))
    ).filter(pl.col("n") >= HOURS_OF_WINDOW)  # fmt: skip
    largest = windows.with_columns(ratio=pl.col("total") / pl.col("n")).group_by("series", day=pl.col("start").dt.date()).agg(
        sum=pl.col("total").get(pl.col("ratio").arg_max()), count=pl.col("n").get(pl.col("ratio").arg_max()), windows=pl.len().cast(pl.UInt8)
    )  # fmt: skip
    return largest.sort("series", "day")


def index_in_polars(days: pl.DataFrame, item: Item) -> pl.DataFrame:
    """series, day, iaqi of rows (series, day, sum, count): the mean half to even, the index up; both in whole numbers."""
    assert item.index is not None
    of = pl.col("count").cast(pl.Int64) * 10 ** (9 - item.index.places)
    whole, rest = pl.col("sum") // of, pl.col("sum") % of
    up = (2 * rest > of) | ((2 * rest == of) & (whole % 2 == 1))
    index = pl.lit(item.index.over)
    points, steps = item.index.points.tolist(), item.index.index.tolist()
    for low, high, a, b in reversed(list(zip(points[:-1], points[1:], steps[:-1], steps[1:], strict=True))):
        share = -((-(b - a) * (pl.col("c") - low)) // (high - low))
        index = pl.when(pl.col("c") <= high).then(a + share).otherwise(index)
    return days.with_columns(c=whole + up).select("series", "day", iaqi=index.cast(pl.Int16))


def years_in_polars(days: pl.DataFrame, share: float) -> pl.DataFrame:
    """series, mean, percentile (linear), n of the valid days (series, day, mean)."""
    return (
        days.group_by("series")
        .agg(mean=pl.col("mean").mean(), percentile=pl.col("mean").quantile(share, "linear"), n=pl.len())
        .sort("series")
    )
