"""Rows of a CSV file or workbook into a register: every row checked first, findings by row, all entered in one transaction or none."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qingshan.core.canonical import file_digest
from qingshan.core.errors import QingshanError
from qingshan.core.finding import Finding
from qingshan.ledger.venue import Command

from .declaration import Register
from .values import Fault, read_fields, shape_typed

__all__ = ["ROWS", "Import", "columns_of", "read_import", "row_findings"]

LARGEST = 64 << 20
UNPACKED = 512 << 20
ROWS = 5_000
FINDINGS = 200


@dataclass(frozen=True)
class Import:
    """What a file holds: the command that enters its rows, and findings. With an error finding there is no command."""

    command: Command | None
    findings: tuple[Finding, ...]
    rows: int
    lines: tuple[int, ...] = ()
    """The line of the file on which each row stands."""


def read_import(register: Register, path: Path, by: str, at: int) -> Import:
    """Read a CSV (UTF-8) or xlsx file whose header names `id` and fields (by id, Chinese or English name).

    The idempotency key is made of the file's hash: the same file twice enters nothing new. Raises
    `QingshanError` where the file as a whole cannot be read.
    """
    if path.stat().st_size > LARGEST:
        raise QingshanError(
            f"the file has more than {LARGEST >> 20} MiB.",
            f"文件超过 {LARGEST >> 20} MiB。",
            where=path.name,
            fix="split it / 分成几个文件",
        )
    rows = _workbook(path) if path.suffix.lower() == ".xlsx" else _csv(path)
    header = next(rows, None)
    columns = _columns(register, header or [], path)
    sha, findings, entries, lines, seen = (
        file_digest(path),
        list[Finding](),
        list[dict[str, Any]](),
        list[int](),
        set[str](),
    )
    count = 0
    for line, row in enumerate(rows, 2):
        if not any(c.strip() for c in row):
            continue
        count += 1
        if count > ROWS:
            raise QingshanError(
                f"the file has more than {ROWS} rows.",
                f"文件超过 {ROWS} 行。",
                where=path.name,
                fix="split it / 分成几个文件",
            )
        id, given = _given(register, columns, row)
        _, faults = read_fields(register, given)
        if not id or id in seen:
            faults.append(("id", "the id is absent or was given in an earlier row.", "编号缺失或与前面的行重复。"))
        seen.add(id)
        findings += [Finding("error", "row", en, zh, file=path.name, row=line, field=name) for name, en, zh in faults]
        entries.append({"id": id, "fields": given})
        lines.append(line)
    if not count:
        findings.append(Finding("error", "row", "the file has no rows.", "文件没有数据行。", file=path.name))
    body = {"register": register.id, "file": sha, "rows": entries}
    command = None if findings else Command("register.import", body, f"import:{register.id}:{sha}", by, at)
    return Import(command, tuple(findings[:FINDINGS]), count, tuple(lines))


def row_findings(read: Import, faults: Iterable[Fault], file: str) -> list[Finding]:
    """What the ledger's rules said of the rows, by their lines in the file."""
    found = []
    for name, en, zh in faults:
        n, _, field = name.removeprefix("rows.").partition(".")
        line = read.lines[int(n)] if n.isdigit() and int(n) < len(read.lines) else None
        found.append(Finding("error", "row", en, zh, file=file, row=line, field=field))
    return found


def _columns(register: Register, header: Iterable[str], path: Path) -> list[str]:
    names = {n: f.id for f in register.fields for n in (*f.formerly, f.id, f.zh, f.en)} | {"id": "id", "编号": "id"}
    found = [names.get(str(h or "").strip(), "") for h in header]
    unknown = [str(h) for h, f in zip(header, found, strict=True) if not f]
    twice = sorted({f for f in found if f and found.count(f) > 1})
    if unknown or twice or "id" not in found:
        what = (
            f"unknown: {', '.join(unknown)}" if unknown else f"twice: {', '.join(twice)}" if twice else "no column id"
        )
        zh = (
            f"不认识的列：{'、'.join(unknown)}"
            if unknown
            else f"重复的列：{'、'.join(twice)}"
            if twice
            else "缺少“编号”列"
        )
        raise QingshanError(f"the header does not fit {register.en} ({what}).", f"表头与{register.zh}不符（{zh}）。", where=path.name,
                            fix=f"use id, {', '.join(f.id for f in register.fields)} / 使用声明的字段名")  # fmt: skip
    return found


def _given(register: Register, columns: list[str], row: list[str]) -> tuple[str, dict[str, Any]]:
    cells = dict(zip(columns, (c.strip() for c in row), strict=False))
    given: dict[str, Any] = {}
    for name, text in cells.items():
        if name == "id" or text == "":
            continue
        field = register.field_by_id[name]
        if field.kind == "geometry":
            given[name] = shape_typed(text)
        else:
            given[name] = [t.strip() for t in text.replace("；", ";").split(";") if t.strip()] if field.many else text
    return cells.get("id", ""), given


def _csv(path: Path) -> Iterator[list[str]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise QingshanError(
            f"byte {error.start} is not UTF-8.",
            f"第 {error.start} 字节不是 UTF-8。",
            where=path.name,
            fix="save it as UTF-8 / 另存为 UTF-8",
        ) from None
    try:
        yield from csv.reader(io.StringIO(text), strict=True)
    except csv.Error as error:
        raise QingshanError(f"the file is no CSV: {error}.", f"文件不是 CSV：{error}。", where=path.name) from None


def _workbook(path: Path) -> Iterator[list[str]]:
    """Rows of the first sheet. A workbook that unpacks to too much is not opened."""
    from openpyxl import load_workbook  # noqa: PLC0415 - the extra report
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415

    try:
        with zipfile.ZipFile(path) as z:
            size = sum(i.file_size for i in z.infolist())
        if size > UNPACKED:
            raise QingshanError(
                f"the workbook unpacks to {size >> 20} MiB.",
                f"工作簿解压后有 {size >> 20} MiB。",
                where=path.name,
                fix="split it / 分成几个文件",
            )
        book = load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError) as error:
        raise QingshanError(
            f"the file is no workbook: {error}.", f"文件不是工作簿：{error}。", where=path.name
        ) from None
    try:
        for row in book.worksheets[0].iter_rows(values_only=True):
            yield [_cell(v) for v in row]
    finally:
        book.close()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return format(value, ".12g")
    return value.date().isoformat() if hasattr(value, "date") else str(value)


def columns_of(register: Register) -> Mapping[str, str]:
    """Header of an import template: column -> what goes there, in Chinese."""
    return {"id": "编号"} | {f.id: f.zh + (f"（{f.unit}）" if f.unit else "") for f in register.fields}
