"""CSV in bounded memory: blocks cut at the end of a record, each checked for its number of cells, then parsed at once."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..report import LoadReporter
from .table import ROW, Table, UnreadableSource

BLOCK = 4 << 20
LONGEST = 1 << 20
"""Bytes that one record may have."""
COLUMNS = 2_000


def csv_table(stream: BinaryIO, report: LoadReporter, block: int = BLOCK) -> Table:
    """A CSV or TSV stream as a table. UTF-8, else GB 18030 block by block. A record with another number of cells than the
    header is told and left out. Raises `UnreadableSource` where there is no header or a record has no end."""
    blocks = _records(stream, block)
    first = next(blocks, b"")
    first = first.removeprefix(b"\xef\xbb\xbf")
    if first.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in first[:4096]:
        raise UnreadableSource(
            "the file is no text in UTF-8 or GB 18030.", "文件不是 UTF-8 或 GB 18030 文本。", where=report.file,
            fix="save it as CSV UTF-8 / 另存为 CSV UTF-8",
        )  # fmt: skip
    head, rest = _first_line(first)
    text = _decoded(head)
    delimiter = max(",\t;", key=(text or "").count)
    header = next(csv.reader(io.StringIO(text or ""), delimiter=delimiter), [])
    names = tuple(h.strip() for h in header)
    if text is None or not any(names) or len(names) > COLUMNS or len(set(names)) < len(names):
        raise UnreadableSource(
            f"the first line is no header of up to {COLUMNS} different names.",
            f"第一行不是表头（至多 {COLUMNS} 个互不相同的列名）。", where=report.file, fix="begin with a header / 第一行写表头",
        )  # fmt: skip
    return Table(names, _frames(_chain(rest, blocks), names, delimiter, report))


def _chain(first: bytes, others: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from others


def _records(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """Blocks that end where a record ends: at a newline outside quotes."""
    held = b""
    while True:
        read = stream.read(size)
        if not read:
            if held:
                yield held if held.endswith(b"\n") else held + b"\n"
            return
        held += read
        cut = _last_end(held)
        if cut:
            yield held[:cut]
            held = held[cut:]
        elif len(held) > size + LONGEST:
            raise UnreadableSource(
                f"a record is longer than {LONGEST:,} bytes.", f"有一条记录超过 {LONGEST:,} 字节。",
                fix="check the quotes and line ends / 检查引号和换行",
            )  # fmt: skip


def _last_end(data: bytes) -> int:
    """One past the last newline that lies outside quotes, 0 where there is none."""
    at = data.rfind(b"\n")
    if b'"' not in data:
        return at + 1
    while at >= 0 and data.count(b'"', 0, at) % 2:
        at = data.rfind(b"\n", 0, at)
    return at + 1


def _first_line(data: bytes) -> tuple[bytes, bytes]:
    at = data.find(b"\n")
    while at >= 0 and data.count(b'"', 0, at) % 2:
        at = data.find(b"\n", at + 1)
    return (data, b"") if at < 0 else (data[: at + 1], data[at + 1 :])


def _decoded(data: bytes) -> str | None:
    for encoding in ("utf-8", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _frames(
    blocks: Iterator[bytes], names: tuple[str, ...], delimiter: str, report: LoadReporter
) -> Iterator[pl.DataFrame]:
    row, read = 2, 0
    for block in blocks:
        text = _decoded(block)
        if text is None:
            report.add("not_text", row=row, offset=read)
            return
        read += len(block)
        data = text.encode()
        starts, ends, cells = _lines(data, ord(delimiter))
        numbers = np.arange(row, row + len(starts), dtype=np.int64)
        row += len(starts)
        filled = _filled(data, starts, ends)
        fits = cells == len(names)
        for number, count in zip(numbers[filled & ~fits].tolist(), cells[filled & ~fits].tolist(), strict=True):
            report.add("row_length", row=number, cells=count, columns=len(names))
        keep = filled & fits
        if not keep.all():
            data = b"".join(data[a:b] for a, b in zip(starts[keep].tolist(), ends[keep].tolist(), strict=True))
        if keep.any():
            yield _parsed(data, numbers[keep], names, delimiter, report)


def _lines(data: bytes, delimiter: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Where each record starts, one past where it ends, and how many cells it has."""
    a = np.frombuffer(data, dtype=np.uint8)
    newline, separator = a == 10, a == delimiter
    if b'"' in data:
        inside = np.logical_xor.accumulate(a == 34)
        newline &= ~inside
        separator &= ~inside
    ends = np.flatnonzero(newline) + 1
    if not len(ends) or ends[-1] != len(a):
        ends = np.append(ends, len(a))
    starts = np.concatenate(([0], ends[:-1]))
    upto = np.searchsorted(np.flatnonzero(separator), ends)
    return starts, ends, np.diff(upto, prepend=0) + 1


def _filled(data: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which records hold anything but the line end."""
    filled = ends - starts > 2
    for i in np.flatnonzero(~filled).tolist():
        filled[i] = bool(data[starts[i] : ends[i]].strip())
    return filled


def _parsed(
    data: bytes, numbers: NDArray[np.int64], names: tuple[str, ...], delimiter: str, report: LoadReporter
) -> pl.DataFrame:
    """The records as a frame of text. Quotes that polars cannot read are read one by one."""
    frame: pl.DataFrame | None
    try:
        frame = pl.read_csv(
            data, has_header=False, new_columns=list(names), infer_schema=False, separator=delimiter, quote_char='"',
            truncate_ragged_lines=False,
        )  # fmt: skip
    except pl.exceptions.PolarsError:
        frame = None
    if frame is not None and frame.shape == (len(numbers), len(names)):
        return frame.with_columns(pl.Series(ROW, numbers))
    rows: list[list[str]] = []
    kept: list[int] = []
    for number, line in zip(numbers.tolist(), _split(data), strict=True):
        try:
            cells = next(csv.reader([line], delimiter=delimiter, strict=True))
        except (csv.Error, StopIteration) as error:
            report.add("bad_record", row=number, field="", why=error)
            continue
        if len(cells) == len(names):
            rows.append(cells)
            kept.append(number)
        else:
            report.add("row_length", row=number, cells=len(cells), columns=len(names))
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    return frame.with_columns(pl.Series(ROW, kept, dtype=pl.Int64))


def _split(data: bytes) -> Iterator[str]:
    starts, ends, _ = _lines(data, 0)
    for a, b in zip(starts.tolist(), ends.tolist(), strict=True):
        yield data[a:b].decode()
