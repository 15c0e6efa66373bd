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

from qingshan.core.finding import Finding

FILE_LIMIT = 64 * 1024 * 1024
CELL_LIMIT = 131_072
FINDINGS_PER_FILE = 200
_CHUNK = 1 << 20


class Report:
    """Findings gathered while a zone is read; a file that is wrong throughout gives `FINDINGS_PER_FILE`, not a million."""

    def __init__(self) -> None:
        self._findings: list[Finding] = []
        self._count: Counter[str] = Counter()

    def add(
        self,
        level: str,
        code: str,
        en: str,
        zh: str,
        *,
        file: str = "",
        row: int | None = None,
        field: str = "",
        limit: str = "",
        fix: tuple[str, str] = ("", ""),
    ) -> None:
        """Keep one finding. `fix` is (English, Chinese); both are shown."""
        self._count[file] += 1
        if self._count[file] <= FINDINGS_PER_FILE:
            both = " / ".join(text for text in fix if text)
            self._findings.append(Finding(level, code, en, zh, file, row, field, limit, both))

    def findings(self) -> list[Finding]:
        """All findings in the order seen, each overlong file closed by one that says how many more there are."""
        more = [
            Finding(
                "warning", "more_findings", f"{n - FINDINGS_PER_FILE} further findings are not listed.",
                f"另有 {n - FINDINGS_PER_FILE} 条问题未列出。", file, fix="mend the first ones and check again / 先改前面的，再查一遍",
            )
            for file, n in self._count.items()
            if n > FINDINGS_PER_FILE
        ]  # fmt: skip
        return [*self._findings, *more]


@dataclass(frozen=True)
class Table:
    """One CSV file: `rows` are (1-based line of the row's start, column -> stripped cell)."""

    name: str
    header: tuple[str, ...]
    rows: list[tuple[int, dict[str, str]]]
    sha256: str


def read_bytes(path: Path, name: str, report: Report) -> bytes | None:
    """The file's bytes, or None with a finding: absent, unreadable, or larger than `FILE_LIMIT` (then not read at all)."""
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise FileNotFoundError(path)
        if size > FILE_LIMIT:
            report.add(
                "error", "file_too_large", f"the file has {size:,} bytes and is not read.",
                f"文件有 {size:,} 字节，超限，未读取。", file=name, limit=f"{FILE_LIMIT:,} bytes",
                fix=("split the file; large grids belong in a raster entry", "拆成几个文件；格网数据请登记为栅格"),
            )  # fmt: skip
            return None
        return path.read_bytes()
    except FileNotFoundError:
        report.add(
            "error", "missing_file", "the file does not exist.", "文件不存在。", file=name,
            fix=("add the file, or take it out of zone.toml", "补上该文件，或从 zone.toml 里删去"),
        )  # fmt: skip
    except OSError as error:
        report.add(
            "error", "unreadable_file", f"the file cannot be read: {error.strerror}.", f"文件读不出来：{error.strerror}。",
            file=name, fix=("check the permissions", "检查文件权限"),
        )  # fmt: skip
    return None


def utf8_fault(raw: bytes) -> tuple[int, int] | None:
    """(offset, value) of the first byte that is not UTF-8, or None. Works in chunks: the decoded text is never held."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, max(len(raw), 1), _CHUNK):
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(raw[start : start + _CHUNK], final=start + _CHUNK >= len(raw))
        except UnicodeDecodeError as error:
            offset = start - pending + error.start
            return offset, raw[offset]
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
    if fault := utf8_fault(raw):
        line = raw.count(b"\n", 0, fault[0]) + 1
        report.add(
            "error", "not_utf8", f"byte 0x{fault[1]:02X} at offset {fault[0]} is not UTF-8; the file is not used.",
            f"偏移 {fault[0]} 处的字节 0x{fault[1]:02X} 不是 UTF-8 编码，整个文件未采用。", file=name, row=line, limit="UTF-8",
            fix=("save the file as UTF-8 (Excel: CSV UTF-8)", "另存为 UTF-8 编码（Excel 选“CSV UTF-8”）"),
        )  # fmt: skip
        return None
    stream = io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8-sig", newline="")
    reader = csv.reader(stream)
    try:
        header = tuple(cell.strip() for cell in next(reader, []))
        if not _header_fits(header, name, report, required, known):
            return None
        rows = list(_rows(reader, header, name, report))
    except csv.Error as error:
        _broken(str(error), reader.line_num, name, report)
        return None
    except _CellTooLong as long:
        _broken("field larger than field limit", long.line, name, report)
        return None
    return Table(name, header, rows, hashlib.sha256(raw).hexdigest())


class _CellTooLong(Exception):
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
            raise _CellTooLong(line)
        if len(cells) != len(header):
            report.add(
                "error", "row_length", f"the row has {len(cells)} cells, the header {len(header)}; the row is not used.",
                f"本行有 {len(cells)} 格，表头有 {len(header)} 列，本行未采用。", file=name, row=line,
                fix=("put text with commas in double quotes", "含逗号的文字要加双引号"),
            )  # fmt: skip
            continue
        yield line, dict(zip(header, map(str.strip, cells), strict=True))


def _broken(message: str, line: int, name: str, report: Report) -> None:
    if "field limit" in message:
        report.add(
            "error", "cell_too_large", "a cell is too long; the file is not used.", "有一格过长，整个文件未采用。", file=name,
            row=line, limit=f"{CELL_LIMIT:,} characters",
            fix=("shorten the cell; look for a quote that is not closed", "缩短该格；多半是引号没有配对"),
        )  # fmt: skip
        return
    report.add(
        "error", "not_csv", f"the file is not readable as CSV ({message}) and is not used.", f"不是合格的 CSV（{message}），文件未采用。",
        file=name, row=line, fix=("export it again as CSV", "重新导出为 CSV"),
    )  # fmt: skip


def _header_fits(
    header: tuple[str, ...], name: str, report: Report, required: tuple[str, ...], known: tuple[str, ...]
) -> bool:
    absent = [column for column in required if column not in header]
    twice = [column for column, n in Counter(header).items() if n > 1]
    if absent or twice:
        what_en = f"the header lacks {', '.join(absent)}" if absent else f"the header names {', '.join(twice)} twice"
        what_zh = f"表头缺少 {'、'.join(absent)} 列" if absent else f"表头里 {'、'.join(twice)} 重复"
        report.add(
            "error", "wrong_header", f"{what_en}; the file is not used.", f"{what_zh}，整个文件未采用。", file=name, row=1,
            field=", ".join(absent or twice), limit=",".join(required),
            fix=("write these columns in the first line", "第一行写明这些列"),
        )  # fmt: skip
        return False
    for column in header:
        if column not in required and column not in known:
            report.add(
                "warning", "unknown_column", f"the column {column!r} is not read.", f"{column!r} 列不认识，未读取。",
                file=name, row=1, field=column, limit=",".join((*required, *known)),
                fix=("rename or remove it", "改名或删去"),
            )  # fmt: skip
    return True
