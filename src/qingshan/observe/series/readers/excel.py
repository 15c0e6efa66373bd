"""Workbooks (xlsx): the first sheet, row by row. What would unpack beyond bounds is refused before it is opened."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from ..report import LoadReporter
from .table import ROW, Table, UnreadableSource

UNPACKED = 512 << 20
RATIO = 200
"""Times that a member may grow when it is unpacked: sheets of real numbers grow some tenfold."""
MEMBERS = 2_000
COLUMNS = 2_000
FRAME = 20_000


def excel_table(path: Path, report: LoadReporter) -> Table:
    """The first sheet of a workbook as a table, its first filled row as the header. Raises `UnreadableSource`."""
    from openpyxl import load_workbook  # noqa: PLC0415 - the extra ledger

    _check(path)
    stream = path.open("rb")  # by its content: openpyxl refuses a path without the ending of a workbook, as a body has
    try:
        book = load_workbook(stream, read_only=True, data_only=True)
        rows = enumerate(book.worksheets[0].iter_rows(values_only=True), 1)
        at, head = next(((i, r) for i, r in rows if any(c is not None for c in r)), (0, ()))
    except Exception as error:  # openpyxl raises whatever its parts raise
        stream.close()
        raise _unreadable(
            path, f"it is no workbook that can be read ({error})", f"不是可读的工作簿（{error}）"
        ) from None
    names = tuple(str(c).strip() if c is not None else "" for c in head)
    while names and not names[-1]:
        names = names[:-1]
    if not names or len(names) > COLUMNS or len(set(names)) < len(names) or "" in names:
        stream.close()
        raise _unreadable(path, "its first row is no header of different names", "第一行不是表头（列名不能为空或重复）")
    return Table(names, _frames(rows, names, at, report, stream))


def _check(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as packed:
            members = packed.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise _unreadable(path, f"it is no workbook ({error})", f"不是工作簿（{error}）") from None
    total = sum(m.file_size for m in members)
    dense = [m.filename for m in members if m.file_size > (1 << 20) and m.file_size > RATIO * max(m.compress_size, 1)]
    if total > UNPACKED or len(members) > MEMBERS or dense:
        raise _unreadable(
            path, f"it would unpack to {total >> 20:,} MiB (limits: {UNPACKED >> 20} MiB, {RATIO} times its size)",
            f"解压后有 {total >> 20:,} MiB（上限 {UNPACKED >> 20} MiB，且不超过压缩大小的 {RATIO} 倍）",
        )  # fmt: skip


def _unreadable(path: Path, why: str, why_zh: str) -> UnreadableSource:
    return UnreadableSource(f"{why}.", f"{why_zh}。", where=path.name, fix="save it as CSV / 另存为 CSV")


def _frames(
    rows: Iterator[tuple[int, Any]], names: tuple[str, ...], at: int, report: LoadReporter, stream: BinaryIO
) -> Iterator[pl.DataFrame]:
    held: list[list[str | None]] = []
    numbers: list[int] = []
    schema = dict.fromkeys(names, pl.String)
    try:
        for number, row in rows:
            cells = [_text(c) for c in row]
            extra = [c for c in cells[len(names) :] if c]
            cells = (cells + [None] * len(names))[: len(names)]
            if not any(cells) and not extra:
                continue
            if extra:
                report.add("row_length", row=number, cells=len(row), columns=len(names))
                continue
            held.append(cells)
            numbers.append(number)
            if len(held) == FRAME:
                yield pl.DataFrame(held, schema=schema, orient="row").with_columns(
                    pl.Series(ROW, numbers, dtype=pl.Int64)
                )
                held, numbers = [], []
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, SyntaxError) as error:
        report.add("bad_record", row=(numbers[-1] if numbers else at) + 1, why=error)
    finally:
        stream.close()
    if held:
        yield pl.DataFrame(held, schema=schema, orient="row").with_columns(pl.Series(ROW, numbers, dtype=pl.Int64))


def _text(cell: Any) -> str | None:
    """A cell as a spreadsheet shows it: numbers to 15 digits, times in ISO."""
    if cell is None:
        return None
    if isinstance(cell, datetime):
        return cell.isoformat(timespec="seconds")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float):
        return format(cell, ".15g")
    return str(cell)
