"""Pages of observations by key: the next rows after a key, out of any number, without counting from the start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from .model import OBSERVATION
from .store import latest

if TYPE_CHECKING:
    from .store import Observations

FIRST_WINDOW = 4


@dataclass(frozen=True, slots=True)
class Window:
    """What a page is asked for: rows that fit `where`, whose start lies in [since, until], after the key `after` (series
    id, start), at most `limit`, in ascending or descending order."""

    limit: int
    where: pl.Expr | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: tuple[str, datetime] | None = None
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of `OBSERVATION` in order, and whether there are more."""

    rows: pl.DataFrame
    more: bool


def of_series(store: Observations, network: str, series: str, window: Window) -> Page:
    """A page of one series in the order of time. Parts are opened one after the other until the page is full."""
    known = store.catalogue(network).ask(
        "SELECT p.path, p.revisions, ps.first, ps.last FROM series s JOIN part_series ps ON ps.series = s.no"
        " JOIN part p ON p.id = ps.part WHERE s.id = ? ORDER BY ps.first",
        (series,),
    )
    low, high = _bounds(window)
    parts = [(path, revisions, a, b) for path, revisions, a, b in known if b >= low and a <= high]
    if window.descending:
        parts.sort(key=lambda p: -p[3])
    folder, sign = store.folder(network), -1 if window.descending else 1
    within = _within(window, series)
    found = pl.DataFrame(schema=OBSERVATION)
    held: list[pl.DataFrame] = []
    for i, (path, _, _, _) in enumerate(parts):
        # versions of one key may lie in several parts, so the newest is chosen among all that overlap
        frame = pl.scan_parquet(folder / path, glob=False).filter((pl.col("series") == series) & within)
        whole = any(revisions for _, revisions, _, _ in parts)
        if window.where is not None and not whole:
            frame = frame.filter(window.where)
        held.append(
            frame.collect() if whole else frame.head(window.limit + 1).collect() if sign > 0 else frame.collect()
        )
        found = _newest(held, window, whole)
        edge = parts[i + 1][2 if sign > 0 else 3] if i + 1 < len(parts) else None
        if edge is None or _complete(found, edge, window, sign):
            break
    return _cut(found, window)


def _bounds(window: Window) -> tuple[int, int]:
    low = _ms(window.since) if window.since else -(2**62)
    high = _ms(window.until) if window.until else 2**62
    if window.after:
        edge = _ms(window.after[1])
        low, high = (low, min(high, edge)) if window.descending else (max(low, edge), high)
    return low, high


def _ms(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp() * 1000)


def _within(window: Window, series: str | None) -> pl.Expr:
    """The times asked for; of one series also those after the key."""
    fits = pl.lit(True)
    if window.since is not None:
        fits = fits & (pl.col("start") >= window.since)
    if window.until is not None:
        fits = fits & (pl.col("start") <= window.until)
    if window.after is not None and series is not None:
        edge = window.after[1]
        fits = fits & ((pl.col("start") < edge) if window.descending else (pl.col("start") > edge))
    return fits


def _newest(held: list[pl.DataFrame], window: Window, whole: bool) -> pl.DataFrame:
    rows = pl.concat(held)
    if whole:
        rows = rows.sort("start", "version").unique("start", keep="last", maintain_order=True)
        if window.where is not None:
            rows = rows.filter(window.where)
    return rows.sort("start", descending=window.descending)


def _complete(found: pl.DataFrame, edge: int, window: Window, sign: int) -> bool:
    """Whether the page is full of rows that no later part can come before."""
    if found.height <= window.limit:
        return False
    last = _ms(found["start"][window.limit])
    return (edge - last) * sign > 0


def _cut(found: pl.DataFrame, window: Window) -> Page:
    return Page(found.head(window.limit), found.height > window.limit)


def of_network(store: Observations, network: str, window: Window) -> Page:
    """A page of all series in the order (series, start): ever larger groups of neighbouring series are read until it is
    full."""
    names = [i for (i,) in store.catalogue(network).ask("SELECT id FROM series ORDER BY id")]
    names.sort(reverse=window.descending)
    if window.after is not None:
        edge = window.after[0]
        names = [n for n in names if (n <= edge if window.descending else n >= edge)]
    found: list[pl.DataFrame] = []
    size, at = FIRST_WINDOW, 0
    while at < len(names) and sum(f.height for f in found) <= window.limit:
        group = names[at : at + size]
        found.append(_group(store, network, group, window, window.limit + 1))
        at, size = at + size, size * 4
    rows = pl.concat(found) if found else pl.DataFrame(schema=OBSERVATION)
    return _cut(rows, window)


def _group(store: Observations, network: str, names: Sequence[str], window: Window, limit: int) -> pl.DataFrame:
    low, high = min(names), max(names)
    parts = store.catalogue(network).ask(
        "SELECT path, revisions FROM part WHERE high >= ? AND low <= ? ORDER BY low", (low, high)
    )
    if not parts:
        return pl.DataFrame(schema=OBSERVATION)
    folder = store.folder(network)

    def read(paths: list[Path]) -> pl.LazyFrame:
        frame = pl.scan_parquet(paths, glob=False)
        return frame.filter((pl.col("series") >= low) & (pl.col("series") <= high) & _within(window, None))

    rows = read([folder / p for p, _ in parts])
    revised = [folder / p for p, revisions in parts if revisions]
    if revised:
        rows = latest(rows, read(revised))
    if window.after is not None:
        series, start = window.after
        beyond = pl.col("series") < series if window.descending else pl.col("series") > series
        later = pl.col("start") < start if window.descending else pl.col("start") > start
        rows = rows.filter(beyond | ((pl.col("series") == series) & later))
    if window.where is not None:
        rows = rows.filter(window.where)
    return rows.sort("series", "start", descending=window.descending).head(limit).collect(engine="streaming")


def by_time(store: Observations, network: str, window: Window, skip: int = 0) -> Page:
    """A page of all series in the order of time, the newest or oldest first: one pass over the years it may lie in.

    Keys of one time go by series; the page after is asked for by `skip`.
    """
    years = [y for y in store.years(network) if (window.since is None or y >= window.since.year)]
    years = [y for y in years if window.until is None or y <= window.until.year]
    wanted = skip + window.limit + 1
    found: list[pl.DataFrame] = []
    for year in sorted(years, reverse=window.descending):
        rows = store.scan(network, [year]).filter(_within(window, None))
        if window.where is not None:
            rows = rows.filter(window.where)
        found.append(
            rows.sort("start", "series", descending=[window.descending, False]).head(wanted).collect(engine="streaming")
        )
        if sum(f.height for f in found) >= wanted:
            break
    rows_ = pl.concat(found) if found else pl.DataFrame(schema=OBSERVATION)
    return _cut(rows_.slice(skip), window)
