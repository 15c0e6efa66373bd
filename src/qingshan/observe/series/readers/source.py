"""Opening a source: by the reader asked for, else by what its first bytes say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ..model import Network
from ..report import LoadReporter
from .csv_blocks import csv_table
from .excel import excel_table
from .sensorthings import is_batch, read_batch
from .shapes import shaped
from .table import ROW, Chunk, Opened, Table, UnreadableSource

if TYPE_CHECKING:
    from ..store import Observations

LARGEST_JSON = 256 << 20
FRAME = 100_000
_LISTS = ("observations", "data", "value", "records", "rows")

__all__ = ["Chunk", "Opened", "open_source"]


def open_source(
    source: Path | str | pl.DataFrame, network: Network, reader: str, report: LoadReporter, store: Observations
) -> Opened:
    """Open a file or frame. Raises `UnreadableSource` where it cannot be read at all, `UnknownName` for the reader."""
    if isinstance(source, pl.DataFrame):
        return shaped(_of_frame(source), network, reader, report)
    path = Path(source)
    with path.open("rb") as stream:
        start = stream.read(4096)
    if start.startswith(b"PAR1"):
        return shaped(_of_parquet(path), network, reader, report)
    if start.startswith(b"PK\x03\x04"):
        return shaped(excel_table(path, report), network, reader, report)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise UnreadableSource(
            "an old Excel workbook (xls).",
            "这是旧版 Excel 工作簿（xls）。",
            where=path.name,
            fix="save it as xlsx / 另存为 xlsx",
        )
    if start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        return _of_json(path, network, reader, report, store)
    return shaped(csv_table(path.open("rb"), report), network, reader, report)


def _of_frame(frame: pl.DataFrame) -> Table:
    """Any frame as text, the exact decimals and times kept."""
    return Table(tuple(frame.columns), iter([_texts(frame).with_columns(pl.int_range(1, pl.len() + 1).alias(ROW))]))


def _texts(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(
        pl.col(c).dt.to_string("iso:strict") if t == pl.Datetime else pl.col(c).cast(pl.String)
        for c, t in frame.schema.items()
    )


def _of_parquet(path: Path) -> Table:
    try:
        lazy = pl.scan_parquet(path, glob=False)
        names = tuple(lazy.collect_schema().names())
        count = int(lazy.select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableSource(
            f"no Parquet file that can be read ({error}).", f"不是可读的 Parquet 文件（{error}）。", where=path.name
        ) from None

    def frames() -> Iterator[pl.DataFrame]:
        for at in range(0, count, FRAME):
            frame = _texts(lazy.slice(at, FRAME).collect())
            yield frame.with_columns(pl.int_range(at + 1, at + frame.height + 1).alias(ROW))

    return Table(names, frames())


def _of_json(path: Path, network: Network, reader: str, report: LoadReporter, store: Observations) -> Opened:
    if path.stat().st_size > LARGEST_JSON:
        raise UnreadableSource(
            f"a JSON file of more than {LARGEST_JSON >> 20} MiB.", f"JSON 文件超过 {LARGEST_JSON >> 20} MiB。", where=path.name,
            fix="split it, or send CSV / 拆成几个文件，或改用 CSV",
        )  # fmt: skip
    try:  # numbers stay as they are written
        content = json.loads(path.read_bytes().decode("utf-8-sig"), parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise UnreadableSource(
            f"no JSON that can be read ({error}).",
            f"JSON 读不出来（{error}）。",
            where=path.name,
            fix="check the file / 检查文件",
        ) from None
    if reader == "sensorthings" or (not reader and is_batch(content)):
        return Opened("sensorthings", read_batch(content, report, store, network))
    records = content
    if isinstance(content, Mapping):
        records = next((content[k] for k in _LISTS if isinstance(content.get(k), list)), [content])
    return shaped(_of_records(records, report), network, reader, report)


def _of_records(records: list[Any], report: LoadReporter) -> Table:
    """Flat records as a table; the header is every key that occurs."""
    header: dict[str, None] = {}
    rows: list[dict[str, str | None]] = []
    for number, record in enumerate(records, 1):
        if not isinstance(record, Mapping):
            report.add("bad_record", row=number, why="no object")
            continue
        flat = {str(k): _cell(v) for k, v in record.items()}
        header |= dict.fromkeys(flat)
        rows.append(flat | {ROW: str(number)})
    schema = dict.fromkeys((*header, ROW), pl.String)
    frame = pl.DataFrame(rows, schema=schema).with_columns(pl.col(ROW).cast(pl.Int64))
    return Table(tuple(header), iter([frame]))


def _cell(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
