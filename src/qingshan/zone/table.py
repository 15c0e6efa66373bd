"""Reading one CSV file of a zone: limits first, then bytes, then UTF-8, then rows. Every fault becomes a finding."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .report import Report

ZONE_FILE = "zone.toml"
FILE_LIMIT = 64 * 1024 * 1024
CELL_LIMIT = 131_072
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Table:
    """One CSV file: `rows` are (1-based line where the row starts, column -> stripped cell)."""

    name: str
    header: tuple[str, ...]
    rows: list[tuple[int, dict[str, str]]]
    sha256: str


def read_bytes(path: Path, name: str, report: Report) -> bytes | None:
    """The file's bytes, or None with a finding: absent, unreadable, or over `FILE_LIMIT` (then it is not read at all)."""
    try:
        size = path.stat().st_size
        if size <= FILE_LIMIT:
            return path.read_bytes()
        report.add("file_too_large", file=name, limit=f"{FILE_LIMIT:,} bytes", size=size)
    except FileNotFoundError:
        report.add("missing_file", file=name)
    except OSError as error:
        report.add("unreadable_file", file=name, why=error.strerror or "")
    return None


def utf8_fault(raw: bytes) -> int | None:
    """Offset of the first byte that is not UTF-8, or None. Works in chunks: the decoded text is never held."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, max(len(raw), 1), _CHUNK):
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(raw[start : start + _CHUNK], final=start + _CHUNK >= len(raw))
        except UnicodeDecodeError as error:
            return start - pending + error.start
    return None


def read_table(
    path: Path, name: str, report: Report, *, required: tuple[str, ...], known: tuple[str, ...] = ()
) -> Table | None:
    """Read a CSV file with a header. None (with a finding) where the file as a whole cannot be used.

    A row with too many or too few cells is left out with a finding; the rest of the file is used.
    """
    raw = read_bytes(path, name, report)
    if raw is None:
        return None
    if (offset := utf8_fault(raw)) is not None:
        line = raw.count(b"\n", 0, offset) + 1
        report.add("not_utf8", file=name, row=line, limit="UTF-8", byte=raw[offset], offset=offset)
        return None
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8-sig", newline=""))
    try:
        header = tuple(cell.strip() for cell in next(reader, []))
        if not _header_fits(header, name, report, required=required, known=known):
            return None
        rows = list(_rows(reader, header, name, report))
    except _CellTooLongError as error:
        report.add("cell_too_large", file=name, row=error.line, limit=f"{CELL_LIMIT:,} characters")
        return None
    except csv.Error as error:
        if "field limit" in str(error):
            report.add("cell_too_large", file=name, row=reader.line_num, limit=f"{csv.field_size_limit():,} characters")
        else:
            report.add("not_csv", file=name, row=reader.line_num, why=error)
        return None
    return Table(name, header, rows, hashlib.sha256(raw).hexdigest())


class _CellTooLongError(Exception):
    def __init__(self, line: int) -> None:
        self.line = line


def _rows(
    reader: Iterator[list[str]], header: tuple[str, ...], name: str, report: Report
) -> Iterator[tuple[int, dict[str, str]]]:
    previous: int = reader.line_num  # type: ignore[attr-defined]
    for cells in reader:
        line, previous = previous + 1, reader.line_num  # type: ignore[attr-defined]
        if not any(cells):
            continue
        if max(map(len, cells)) > CELL_LIMIT:
            raise _CellTooLongError(line)
        if len(cells) == len(header):
            yield line, dict(zip(header, map(str.strip, cells), strict=True))
        else:
            report.add("row_length", file=name, row=line, cells=len(cells), columns=len(header))


def _header_fits(
    header: tuple[str, ...], name: str, report: Report, *, required: tuple[str, ...], known: tuple[str, ...]
) -> bool:
    absent = ", ".join(column for column in required if column not in header)
    twice = ", ".join(column for column, n in Counter(header).items() if n > 1)
    if absent:
        report.add("wrong_header", file=name, row=1, field=absent, limit=",".join(required), columns=absent)
    elif twice:
        report.add("repeated_column", file=name, row=1, field=twice, columns=twice)
    else:
        for column in header:
            if column not in required and column not in known:
                report.add("unknown_column", file=name, row=1, field=column, limit=",".join(known), column=column)
    return not absent and not twice
