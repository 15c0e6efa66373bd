"""Merging: staged rows become sorted parts of bounded size; many small runs of a year become one.

Work goes by ranges of series, so that memory is bounded by `PART_ROWS` and not by a load or a year.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from .catalogue import Part
from .model import KEY, MOMENT, OBSERVATION, UNSTATED

if TYPE_CHECKING:
    from .report import LoadReporter
    from .store import Observations

PART_ROWS = 262_144
"""Rows that are held at once, and of a part."""
GROUP_ROWS = 32_768
"""Rows of a row group: about a page of reading for one series, and small enough to skip by its statistics."""
CONTENT = ("value_text", "unit", "detection_limit", "published", "status")
"""What makes two rows of one key the same observation."""
RUNS = 12
"""Runs of like size that a year may hold before they are merged into one."""


@dataclass(frozen=True, slots=True)
class Revision:
    """Why rows of a load replace others: the reason and author given, '' where none was."""

    reason: str
    author: str
    load: str


def ranges(counts: Mapping[str, int], limit: int = PART_ROWS) -> Iterator[tuple[str, str]]:
    """Neighbouring series in spans of at most `limit` rows (one series may be longer), as (first, last)."""
    first, held, last = "", 0, ""
    for series in sorted(counts):
        if held and held + counts[series] > limit:
            yield first, last
            held = 0
        first, last, held = (series if not held else first), series, held + counts[series]
    if held:
        yield first, last


def between(low: str, high: str) -> pl.Expr:
    return (pl.col("series") >= low) & (pl.col("series") <= high)


# --- a load


def new_rows(
    rows: pl.DataFrame, existing: pl.DataFrame, revision: Revision, report: LoadReporter
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Of staged rows those that bring something, with their versions, and how many were new, same or further versions.

    A row equal to a kept version of its key brings nothing. With a reason it is compared with the latest version alone, so
    that a correction may return to an earlier value.
    """
    total = rows.height
    rows = rows.sort(*KEY, "row", maintain_order=True).unique([*KEY, *CONTENT], keep="first", maintain_order=True)
    newest = existing.group_by(KEY).agg(pl.col("version").max().alias("base"))
    known = existing.join(newest, on=KEY).filter(pl.col("version") == pl.col("base")) if revision.reason else existing
    same = known.select(*KEY, *CONTENT, "version").unique([*KEY, *CONTENT], keep="last")
    rows = rows.join(same, on=[*KEY, *CONTENT], how="left", nulls_equal=True, maintain_order="left")
    rows = rows.join(newest, on=KEY, how="left", maintain_order="left")
    older = rows.filter(pl.col("version").is_not_null() & (pl.col("version") < pl.col("base")))
    for row, series, start in older.select("row", *KEY).iter_rows():
        report.add("earlier_version", row=row, field="value", series=series, start=start)
    rows = rows.filter(pl.col("version").is_null())
    nth = pl.int_range(pl.len()).over(KEY)
    rows = rows.with_columns(version=pl.col("base").fill_null(0) + nth + 1, nth=nth)
    for row, series, start, base, nth_ in (
        rows.filter(pl.col("version") > 1).select("row", *KEY, "base", "nth").iter_rows()
    ):
        if nth_:
            report.add("duplicate_key", row=row, field="value", series=series, start=start)
        elif base is not None and not revision.reason:
            report.add("resupplied", row=row, field="value", series=series, start=start)
    given = revision.reason or None
    reason = (
        pl.when(pl.col("version") == 1).then(pl.lit(given))
        .when(pl.col("nth") > 0).then(pl.lit(given or UNSTATED[0]))
        .otherwise(pl.lit(given or UNSTATED[1]))
    )  # fmt: skip
    rows = rows.with_columns(reason=reason, author=pl.lit(revision.author or None), load=pl.lit(revision.load))
    frame = rows.select(pl.col(c).cast(t) for c, t in OBSERVATION.items())
    further = int((frame["version"] > 1).sum())
    return frame, {"new": frame.height - further, "versions": further, "same": total - frame.height}


def merge_staged(
    store: Observations, network: str, staging: Path, counts: Mapping[int, Mapping[str, int]], numbers: Mapping[str, int],
    revision: Revision, report: LoadReporter,
) -> tuple[list[Part], dict[str, int]]:  # fmt: skip
    """Turn what is staged into parts that lie in their places, not yet committed."""
    folder = store.folder(network)
    run = store.catalogue(network).next_number("part")
    parts: list[Part] = []
    tally = {"new": 0, "versions": 0, "same": 0}
    for year in sorted(counts):
        files = sorted((staging / str(year)).glob("*.parquet"))
        for low, high in ranges(counts[year]):
            rows = _staged(files, low, high, sum(n for s, n in counts[year].items() if low <= s <= high))
            existing = _existing(store, network, year, rows)
            kept, told = new_rows(rows, existing, revision, report)
            tally = {k: tally[k] + told[k] for k in tally}
            if kept.height:
                parts.append(write_part(folder, year, run, len(parts), kept, numbers))
    return parts, tally


def _staged(files: list[Path], low: str, high: str, count: int) -> pl.DataFrame:
    """Staged rows of a range. A series that alone is over the limit may be one row many times over, so that it is made
    unique while it is read."""
    frame = pl.scan_parquet(files, glob=False).filter(between(low, high))
    if count > PART_ROWS:
        key = [*KEY, *CONTENT]
        order = frame.collect_schema().names()
        rest = [pl.col(c).first() for c in order if c not in key and c != "row"]
        frame = frame.group_by(key).agg(*rest, pl.col("row").min()).select(order)
    return frame.collect(engine="streaming")


def _existing(store: Observations, network: str, year: int, rows: pl.DataFrame) -> pl.DataFrame:
    """Versions that the store already has of the keys of `rows`: only parts that reach into their times are opened."""
    columns = (*KEY, *CONTENT, "version")
    spans = rows.group_by("series").agg(pl.col("start").min().alias("from"), pl.col("start").max().alias("to"))
    known = store.catalogue(network).ask(
        "SELECT s.id, p.path, ps.first, ps.last FROM part_series ps JOIN part p ON p.id = ps.part"
        " JOIN series s ON s.no = ps.series WHERE p.year = ? AND p.high >= ? AND p.low <= ?",
        (year, rows["series"].min(), rows["series"].max()),
    )
    held = pl.DataFrame(
        known, schema={"series": pl.String, "path": pl.String, "first": pl.Int64, "last": pl.Int64}, orient="row"
    ).with_columns(pl.col("first", "last").cast(MOMENT))
    near = held.join(spans, on="series").filter((pl.col("first") <= pl.col("to")) & (pl.col("last") >= pl.col("from")))
    paths = near["path"].unique().sort().to_list()
    schema = {c: OBSERVATION[c] for c in columns}
    if not paths:
        return pl.DataFrame(schema=schema)
    folder = store.folder(network)
    low, high = str(rows["series"].min()), str(rows["series"].max())
    frame = pl.scan_parquet([folder / p for p in paths], glob=False).select(columns).filter(
        between(low, high) & pl.col("start").is_between(rows["start"].min(), rows["start"].max())
    )  # fmt: skip
    return frame.join(rows.lazy().select(KEY).unique(), on=KEY, how="semi").collect(engine="streaming")


# --- parts


def write_part(folder: Path, year: int, run: int, number: int, rows: pl.DataFrame, numbers: Mapping[str, int]) -> Part:
    """Write a part under a temporary name, flush it to the disk and move it to its place."""
    place = f"{year}/{run:07d}-{number:05d}.parquet"
    rows = rows.sort(*KEY, "version")
    temporary = folder / ".staging" / f"{run}-{number}.parquet"
    temporary.parent.mkdir(parents=True, exist_ok=True)
    rows.write_parquet(temporary, compression="zstd", row_group_size=GROUP_ROWS, statistics=True)
    with temporary.open("rb") as written:
        os.fsync(written.fileno())
    (folder / str(year)).mkdir(exist_ok=True)
    temporary.replace(folder / place)
    _fsync_folder(folder / str(year))
    _fsync_folder(folder)
    by_series = rows.group_by("series").agg(
        pl.len().alias("rows"), (pl.col("version") == 1).sum().alias("keys"),
        pl.col("start").min().cast(pl.Int64).alias("first"), pl.col("start").max().cast(pl.Int64).alias("last"),
    )  # fmt: skip
    index = tuple((numbers[name], *rest) for name, *rest in by_series.iter_rows())
    revisions = int((rows["version"] > 1).sum())
    return Part(year, place, run, rows.height, revisions, str(rows["series"].min()), str(rows["series"].max()), index)


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# --- merging runs


def crowded(runs: Sequence[tuple[int, int]]) -> list[int]:
    """Of (run, rows) those to merge: runs of like size (a factor of four), once there are `RUNS` of them."""
    tiers: dict[int, list[int]] = {}
    for run, rows in runs:
        tiers.setdefault(max(rows, 1).bit_length() // 2, []).append(run)
    return next((sorted(runs) for _, runs in sorted(tiers.items()) if len(runs) >= RUNS), [])


def compact(store: Observations, network: str, year: int, runs: Iterable[int], now: float) -> int:
    """Merge runs of a year into one sorted run; every version stays. Returns the number of parts written."""
    catalogue, folder = store.catalogue(network), store.folder(network)
    chosen = sorted(runs)
    of = f"p.year = ? AND p.run IN ({','.join('?' * len(chosen))})"
    old = catalogue.ask(f"SELECT p.path FROM part p WHERE {of} ORDER BY p.low", (year, *chosen))  # noqa: S608 - question marks
    joined = "part_series ps JOIN part p ON p.id = ps.part JOIN series s ON s.no = ps.series"
    sizes = catalogue.ask(
        f"SELECT s.id, s.no, SUM(ps.rows) FROM {joined} WHERE {of} GROUP BY s.no",  # noqa: S608 - question marks
        (year, *chosen),
    )
    numbers = {name: no for name, no, _ in sizes}
    run = catalogue.next_number("part")
    paths = [folder / path for (path,) in old]
    parts: list[Part] = []
    for low, high in ranges({name: rows for name, _, rows in sizes}):
        rows = pl.scan_parquet(paths, glob=False).filter(between(low, high)).collect()
        parts.append(write_part(folder, year, run, len(parts), rows, numbers))
    catalogue.replace([path for (path,) in old], parts, now)
    return len(parts)


__all__ = ["Revision", "compact", "crowded", "merge_staged", "ranges", "write_part"]
