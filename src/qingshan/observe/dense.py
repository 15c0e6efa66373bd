"""Dense blocks of a long table of observations: a matrix of series x time for kernels, and the way back to long rows.

A value is a whole number of 1e-9 (`SCALE`), the store's own decimal: comparisons and sums in a block are exact. A cell without a
value is `MISSING`. A block holds whole sites, about 60 series, so that a network of any size is worked in the memory of one block.

On a regular lattice every cell of the period is a column. Without one (samples, or rows that lie off the lattice) the columns are
the times that occur, and nothing that needs a step can be computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numba import njit
from numpy.typing import NDArray

from qingshan.core.errors import OutOfBounds

from .series.model import UNSTATED

__all__ = [
    "MISSING",
    "SCALE",
    "Block",
    "Lattice",
    "Rows",
    "block_between",
    "blocks",
    "cells",
    "grouped",
    "rows_between",
    "site_of",
]

DIGITS = 9
SCALE = 10**DIGITS
MISSING = -(2**63)
LARGEST = 4 * 10**9  # a value above it times SCALE, doubled in the spike test, would not fit 64 bits
SIZE = 60
EPOCH = datetime(1970, 1, 1)

Values = NDArray[np.int64]
Rows = pl.LazyFrame | Callable[[str, str], pl.LazyFrame]
"""Long rows, or what gives those of the series from one to another: a store opens only the files that hold them."""


@dataclass(frozen=True, slots=True)
class Lattice:
    """Times `start`, `start + step`, ... below `end`; wall time without zone."""

    start: datetime
    end: datetime
    step: timedelta

    @property
    def step_ms(self) -> int:
        return round(self.step.total_seconds() * 1000)

    @property
    def origin_ms(self) -> int:
        return round((self.start - EPOCH).total_seconds() * 1000)

    @property
    def count(self) -> int:
        span = round((self.end - self.start).total_seconds() * 1000)
        if self.step_ms <= 0 or span <= 0 or span % self.step_ms:
            raise OutOfBounds(
                f"{self.start} to {self.end} is no whole number of steps of {self.step}.",
                f"{self.start} 至 {self.end} 不是步长 {self.step} 的整数倍。",
            )
        return span // self.step_ms

    def widened(self, before: int, after: int) -> Lattice:
        """The same lattice with so many steps more at its ends."""
        return Lattice(self.start - before * self.step, self.end + after * self.step, self.step)

    def slot(self, when: datetime) -> int:
        """Column of the first time at or after `when`, 0 to `count`."""
        late = round((when - self.start).total_seconds() * 1000)
        return min(max(-(-late // self.step_ms), 0), self.count)


@dataclass
class Block:
    """`values` (series, times) in 1e-9 of the unit; `present` where a row was received, `censored` where it says below a detection
    limit, `repeated` where rows of one key disagree without a stated correction, `status` codes into `words` (0: none).

    `times` are milliseconds of wall time since 1970; `loose` are the rows off the lattice, for a block of their own."""

    series: tuple[str, ...]
    times: Values
    step_ms: int
    values: Values
    present: NDArray[np.bool_]
    censored: NDArray[np.bool_]
    repeated: NDArray[np.bool_]
    status: NDArray[np.uint8]
    words: tuple[str, ...] = ("",)
    loose: pl.DataFrame | None = field(default=None, repr=False)

    @property
    def regular(self) -> bool:
        return self.step_ms > 0

    @property
    def shape(self) -> tuple[int, int]:
        return self.values.shape

    def floats(self) -> NDArray[np.float64]:
        """(series, times) in the unit, NaN where there is no value."""
        return np.where(self.values == MISSING, np.nan, self.values / SCALE)

    def long(self, columns: dict[str, NDArray[Any]], picked: NDArray[np.bool_] | None = None) -> pl.DataFrame:
        """Rows (series, start, ...columns), sorted by both; only cells `picked` where given."""
        n_series, n_times = self.shape
        names = pl.Series("series", list(self.series), dtype=pl.String)
        frame = {
            "series": names.gather(np.repeat(np.arange(n_series, dtype=np.uint32), n_times)),
            "start": pl.Series(np.tile(self.times, n_series)).cast(pl.Datetime("ms")),
            **{name: pl.Series(array.reshape(-1)) for name, array in columns.items()},
        }
        rows = pl.DataFrame(frame)
        return rows if picked is None or picked.all() else rows.filter(pl.Series(picked.reshape(-1)))


def site_of(series: str) -> str:
    """The site in `site|property|averaging`."""
    return series.partition("|")[0]


def grouped(series: Sequence[str], size: int = SIZE) -> Iterator[tuple[str, ...]]:
    """Series in sorted order, cut into groups of at least `size` that hold whole sites."""
    group: list[str] = []
    for name in sorted(set(series)):
        if len(group) >= size and site_of(name) != site_of(group[-1]):
            yield tuple(group)
            group = []
        group.append(name)
    if group:
        yield tuple(group)


def rows_between(source: Rows, low: str, high: str) -> pl.LazyFrame:
    """Rows of the series from `low` to `high`, both included."""
    rows = source if isinstance(source, pl.LazyFrame) else source(low, high)
    return rows.filter(pl.col("series").is_between(pl.lit(low), pl.lit(high)))


def blocks(source: Rows, series: Sequence[str], lattice: Lattice | None, size: int = SIZE) -> Iterator[Block]:
    """One block after another. `source` has at least series, start, value; censored, status, version and reason are used where they
    are. The highest version of a key is its value, or the last row without versions.

    Raises `OutOfBounds` where a value does not fit a block.
    """
    for group in grouped(series, size):
        yield block_between(source, group, lattice)


def block_between(source: Rows, group: tuple[str, ...], lattice: Lattice | None) -> Block:
    """The block of one group of sorted series; see `blocks`."""
    rows = rows_between(source, group[0], group[-1])
    if lattice is not None:
        rows = rows.filter(pl.col("start").is_between(lattice.start, lattice.end, closed="left"))
    return block_of(_read(rows), group, lattice)


def cells(
    frame: pl.DataFrame, series: tuple[str, ...], lattice: Lattice, column: str, into: NDArray[Any]
) -> NDArray[Any]:
    """`into` (series, times) with the values of a column of rows (series, start in ms) put in their cells."""
    row, slot = (
        _rows_of(frame, series),
        _slots(frame["start"].to_numpy(), lattice.origin_ms, lattice.step_ms, lattice.count),
    )
    inside = (row >= 0) & (slot >= 0)
    values = frame[column].to_numpy()
    if inside.all():
        into[row, slot] = values
    else:
        into[row[inside], slot[inside]] = values[inside]
    return into


def _rows_of(frame: pl.DataFrame, series: tuple[str, ...]) -> NDArray[np.int32]:
    """Row in a block of each row of a frame, -1 where its series is none of the block's."""
    place = {name: i for i, name in enumerate(series)}
    runs = frame["series"].rle().struct.unnest()
    of_run = np.array([place.get(name, -1) for name in runs["value"]], dtype=np.int32)
    return np.repeat(of_run, runs["len"].to_numpy())


def _read(source: pl.LazyFrame) -> pl.DataFrame:
    value, known = pl.col("value"), source.collect_schema().names()
    wanted = [
        pl.col("series").cast(pl.String),
        pl.col("start").cast(pl.Datetime("ms")).to_physical(),
        value.cast(pl.Decimal(28, DIGITS)).to_physical().cast(pl.Int64, strict=False),
        *((value.is_null().alias("empty"),)),
        *(pl.col(c) for c in ("censored", "status", "version", "reason") if c in known),
    ]
    frame = source.select(wanted).collect()
    if "version" in known and len(frame) and (frame["version"].max() or 1) > 1:  # type: ignore[operator]
        frame = frame.sort("series", "start", "version", maintain_order=True)
    too_large = frame.filter(~pl.col("empty") & (pl.col("value").is_null() | (pl.col("value").abs() > LARGEST * SCALE)))
    if len(too_large):
        where = str(too_large["series"][0])
        raise OutOfBounds(
            f"{len(too_large)} values are larger than {LARGEST:.0e}, the first in {where}.",
            f"{len(too_large)} 个值大于 {LARGEST:.0e}，首个在 {where}。",
            where=where, fix="check the unit of the series / 核对该序列的单位",
        )  # fmt: skip
    return frame


def block_of(frame: pl.DataFrame, series: tuple[str, ...], lattice: Lattice | None) -> Block:
    """The block of rows read by `blocks` (start in ms, value in 1e-9). Rows of other series are left out."""
    row = _rows_of(frame, series)
    start = frame["start"].to_numpy()
    if lattice is None:
        times = np.unique(start[row >= 0])
        slot, step = np.searchsorted(times, start).astype(np.int64), 0
    else:
        step = lattice.step_ms
        times = lattice.origin_ms + step * np.arange(lattice.count, dtype=np.int64)
        slot = _slots(start, lattice.origin_ms, step, lattice.count)
    words, codes = _words(frame)
    shape = (len(series), len(times))
    made = Block(
        series, times, step, np.full(shape, MISSING, dtype=np.int64), np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool),
        np.zeros(shape, dtype=bool), np.zeros(shape, dtype=np.uint8), words,
    )  # fmt: skip
    _fill(
        row, slot, frame["value"].fill_null(MISSING).to_numpy(), _flags(frame, "censored"), codes, _stated(frame),
        made.values, made.present, made.censored, made.status, made.repeated,
    )  # fmt: skip
    off = (row >= 0) & (slot < 0)
    if off.any():
        made.loose = frame.filter(pl.Series(off))
    return made


def _flags(frame: pl.DataFrame, column: str) -> NDArray[np.bool_]:
    if column not in frame.columns:
        return np.zeros(0, dtype=bool)
    return frame[column].fill_null(value=False).to_numpy()


def _stated(frame: pl.DataFrame) -> NDArray[np.bool_]:
    """Rows that are a stated correction of an earlier version."""
    if "reason" not in frame.columns or frame["reason"].null_count() == len(frame):
        return np.zeros(0, dtype=bool)
    return (~frame["reason"].fill_null("").is_in(["", *UNSTATED])).to_numpy()


def _words(frame: pl.DataFrame) -> tuple[tuple[str, ...], NDArray[np.uint8]]:
    none = np.zeros(0, dtype=np.uint8)
    if "status" not in frame.columns or frame["status"].null_count() == len(frame):
        return ("",), none
    texts = frame["status"].fill_null("").str.strip_chars()
    found = sorted(set(texts.unique()) - {""})
    if len(found) > 255:
        raise OutOfBounds(
            f"{len(found)} different status words in one block; the limit is 255.",
            f"一个数据块里有 {len(found)} 种状态词，上限为 255。", fix="is another column read as the status? / 是否把别的列当作状态列？",
        )  # fmt: skip
    words = ("", *found)
    codes = texts.replace_strict(list(words), list(range(len(words))), return_dtype=pl.UInt8)
    return words, codes.to_numpy()


@njit(nogil=True, cache=True)
def _slots(start, origin, step, count):
    """Column of each time on a lattice, -1 where it has none. The time after the last one is met most often: it needs no division."""
    out = np.empty(start.size, dtype=np.int64)
    at, slot = origin - step, -1
    for i in range(start.size):
        if start[i] == at + step:
            slot += 1
        else:
            slot = (start[i] - origin) // step
        at = origin + slot * step
        out[i] = slot if start[i] == at and 0 <= slot < count else -1
    return out


@njit(nogil=True, cache=True)
def _fill(row, slot, value, censored, status, stated, values, present, of_censored, of_status, repeated):
    """Put rows into the matrices. A later row of a key replaces the earlier; unless it is a stated correction, a different value marks it."""
    for i in range(row.size):
        s, t = row[i], slot[i]
        if s < 0 or t < 0:
            continue
        corrected = stated.size > 0 and stated[i]
        if present[s, t] and values[s, t] != value[i] and not corrected:
            repeated[s, t] = True
        if corrected:
            repeated[s, t] = False
        present[s, t] = True
        values[s, t] = value[i]
        of_censored[s, t] = censored.size > 0 and censored[i]
        of_status[s, t] = status[i] if status.size > 0 else 0
