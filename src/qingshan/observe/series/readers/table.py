"""What every tabular reader gives: a header, and frames of text with the row number in the source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from qingshan.core.errors import QingshanError

ROW = "__row"
"""The column of row numbers, counted from 1 with the header."""


class UnreadableSource(QingshanError):
    """A source that cannot be read at all."""

    code = "unreadable_source"


@dataclass(frozen=True)
class Table:
    """`frames`: the columns of `header` as text, and `ROW`; a bounded number of rows each."""

    header: tuple[str, ...]
    frames: Iterator[pl.DataFrame]


@dataclass
class Chunk:
    """Long rows (columns of `model.RECEIVED`, or some of them), and the sites and samples that came with them, each with
    its row."""

    rows: pl.DataFrame
    sites: list[tuple[int | None, dict[str, Any]]] = field(default_factory=list)
    samples: list[tuple[int | None, dict[str, Any]]] = field(default_factory=list)


@dataclass(frozen=True)
class Opened:
    """A source opened by the reader of that name."""

    reader: str
    chunks: Iterator[Chunk]
