"""Observations out again: rows with their site, item and unit, as CSV or Parquet. What is exported can be loaded again."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from qingshan.core.errors import UnknownName

if TYPE_CHECKING:
    from .store import Observations

NAMED = ("site", "property", "averaging", "procedure", "feature", "state")


def chosen(
    store: Observations, network: str, *, years: Collection[int] | None = None, sites: Collection[str] | None = None,
    properties: Collection[str] | None = None, versions: bool = False,
) -> pl.LazyFrame:  # fmt: skip
    """Rows of a network with the names of their series, sorted by (series, start); every version where `versions`.

    `labels` says `synthetic` of a network whose readings are invented.
    `value_text` and `detection_limit` are in `unit` as received, `value` and `stored_detection_limit` in `stored_unit`.

    Raises `UnknownName` for a site or property of which the network has no series.
    """
    series = store.series(network, as_kept=True)
    for column, wanted in (("site", sites), ("property", properties)):
        if wanted is not None:
            lacking = sorted(set(wanted) - set(series[column]))
            if lacking:
                raise UnknownName(
                    f"the network {network} has no series of the {column} {lacking[0]!r}.",
                    f"监测网 {network} 没有 {column} 为 {lacking[0]!r} 的序列。",
                )
            series = series.filter(pl.col(column).is_in(list(wanted)))
    read = store.versions if versions else store.scan
    narrowed = series["id"].to_list() if sites is not None or properties is not None else None
    rows = read(network, years, narrowed) if narrowed is None or narrowed else read(network, [], None)
    names = series.lazy().select(pl.col("id").alias("series"), *NAMED, pl.col("unit").alias("stored_unit"))
    rows = rows.join(names, on="series", how="inner").with_columns(
        unit=pl.coalesce("unit", "stored_unit"),
        labels=pl.lit("; ".join(store.network(network).labels)),
        stored_detection_limit="detection_limit",
        detection_limit=pl.when(pl.col("unit").is_null()).then("detection_limit"),
    )
    first = ("site", "property", "averaging", "start", "end", "value_text", "unit", "value", "stored_unit")
    rest = ("stored_detection_limit", "detection_limit", "censored", "published", "status", "version", "reason", "author", "procedure", "feature", "state",
            "sample", "series", "load", "row", "labels")  # fmt: skip
    return rows.sort("series", "start", "version").select(*first, *rest)


def _csv(rows: pl.LazyFrame, out: Path) -> None:
    rows.sink_csv(out, datetime_format="%Y-%m-%dT%H:%M:%S")


def _parquet(rows: pl.LazyFrame, out: Path) -> None:
    rows.sink_parquet(out)


WRITERS: dict[str, Callable[[pl.LazyFrame, Path], None]] = {"csv": _csv, "parquet": _parquet}


def write_export(rows: pl.LazyFrame, out: Path) -> int:
    """Write rows to a file by its ending, whole or not at all. Returns their number."""
    temporary = out.with_name(f".{out.name}.part")
    try:
        WRITERS[out.suffix.lower().lstrip(".")](rows, temporary)
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)
    return int(rows.select(pl.len()).collect().item())
