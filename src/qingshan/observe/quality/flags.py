"""The layer of flags: Parquet parts of one QC run, beside the observations and never inside them.

    flags/NETWORK/RUN/part-0000.parquet    series, start, flag, tests, not_run, run
    flags/NETWORK/RUN/run.json             period, plan, hashes, counts
    flags/NETWORK/runs.jsonl               one line per finished run, append-only; the newest that covers a day holds

A run is written beside its place and renamed when it is whole. Doing the same again gives the same run id and writes nothing.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl

from qingshan.core.canonical import canonical
from qingshan.core.errors import UnknownName

__all__ = ["SCHEMA", "FlagLayer", "Part", "append_line", "append_lines", "read_lines"]

SCHEMA: dict[str, Any] = {
    "series": pl.String, "start": pl.Datetime("ms"), "flag": pl.UInt8, "tests": pl.UInt32, "not_run": pl.UInt32, "run": pl.String,
}  # fmt: skip


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """One line at the end of an append-only file, on the disk before this returns. A torn last line of an earlier crash is ended first."""
    append_lines(path, [record])


def append_lines(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Lines at the end of an append-only file, all on the disk before this returns."""
    if not records:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as stream:
        size = stream.seek(0, os.SEEK_END)
        torn = False
        if size:
            stream.seek(size - 1)
            torn = stream.read(1) != b"\n"
        stream.write((b"\n" if torn else b"") + b"".join(canonical(dict(r)) + b"\n" for r in records))
        stream.flush()
        os.fsync(stream.fileno())


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The whole lines of an append-only file. A torn line was never acknowledged and is left out."""
    if not path.is_file():
        return []
    found = []
    for line in path.read_bytes().split(b"\n"):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            found.append(record)
    return found


class Part:
    """A run being written."""

    def __init__(self, layer: FlagLayer) -> None:
        self.layer = layer
        self.folder = layer.folder / f".{uuid4().hex}.tmp"
        self.folder.mkdir(parents=True)
        self.count = 0

    def write(self, rows: pl.DataFrame) -> None:
        """One part, sorted by (series, start). The column `run` is added when it is read."""
        rows.write_parquet(self.folder / f"part-{self.count:05d}.parquet", compression="zstd", compression_level=1)
        self.count += 1

    def finish(self, run: str, record: Mapping[str, Any]) -> None:
        """Rename the whole run into its place and note it. A run of that id that is there already stays."""
        (self.folder / "run.json").write_bytes(canonical(dict(record)))
        place = self.layer.folder / run
        if place.is_dir():
            shutil.rmtree(self.folder)
        else:
            self.folder.rename(place)
        append_line(
            self.layer.folder / "runs.jsonl", {**record, "run": run, "time": datetime.now().astimezone().isoformat()}
        )

    def discard(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


class FlagLayer:
    """The flags of one network in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self) -> Part:
        return Part(self)

    def runs(self) -> list[dict[str, Any]]:
        """Finished runs, oldest first, each with run, first, last, plan, counts."""
        return [r for r in read_lines(self.folder / "runs.jsonl") if (self.folder / str(r.get("run"))).is_dir()]

    def scan(self, run: str = "") -> pl.LazyFrame:
        """Rows of one run, or of all cells the newest flags that cover them. No flags at all: no rows."""
        runs = self.runs()
        if run:
            if run not in {r["run"] for r in runs}:
                raise UnknownName(f"there is no QC run {run!r}.", f"没有质控运行 {run!r}。")
            return self._rows(run, self._parts(run))
        frames = [
            _without(self._rows(record["run"], self._parts(record["run"])), later) for record, later in _holding(runs)
        ]
        return pl.concat(frames) if frames else pl.LazyFrame(schema=SCHEMA)

    def spans(self, first_year: int, last_year: int) -> Callable[[str, str], pl.LazyFrame]:
        """What gives the newest flags of the cells of the series from one to another, of runs that reach into these years: only the
        parts that hold them are opened."""
        used = [
            (record, later, [(p, *_ends(p)) for p in self._parts(record["run"])]) for record, later in _holding(self.runs())
            if record["first"][:4] <= f"{last_year:04d}" and f"{first_year:04d}" <= record["last"][:4]
        ]  # fmt: skip

        def between(low: str, high: str) -> pl.LazyFrame:
            frames = []
            for record, later, parts in used:
                near = [p for p, first, last in parts if first <= high and last >= low]
                if near:
                    frames.append(_without(self._rows(record["run"], near), later))
            inside = pl.col("series").is_between(pl.lit(low), pl.lit(high))
            return pl.concat(frames).filter(inside) if frames else pl.LazyFrame(schema=SCHEMA)

        return between

    def _parts(self, run: str) -> list[Path]:
        return sorted((self.folder / run).glob("part-*.parquet"))

    def _rows(self, run: str, parts: list[Path]) -> pl.LazyFrame:
        if not parts:
            return pl.LazyFrame(schema=SCHEMA)
        return pl.scan_parquet(parts).with_columns(run=pl.lit(run))


Spans = list[tuple[datetime, datetime]]


def _holding(runs: list[dict[str, Any]]) -> list[tuple[dict[str, Any], Spans]]:
    """The runs that hold anywhere, newest first, each with the spans in which later ones hold instead."""
    found: list[tuple[dict[str, Any], Spans]] = []
    later: Spans = []
    done: set[str] = set()
    for record in reversed(runs):
        if record["run"] in done:
            continue
        done.add(record["run"])
        first, last = datetime.fromisoformat(record["first"]), datetime.fromisoformat(record["last"])
        if not any(a <= first and last <= b for a, b in later):
            found.append((record, list(later)))
        later.append((first, last))
    return found


def _without(frame: pl.LazyFrame, spans: Spans) -> pl.LazyFrame:
    for a, b in spans:
        frame = frame.filter(~pl.col("start").is_between(a, b, closed="left"))
    return frame


def _ends(part: Path) -> tuple[str, str]:
    """First and last series of a part, which is sorted."""
    rows = pl.scan_parquet(part).select("series")
    ends = [*rows.head(1).collect()["series"], *rows.tail(1).collect()["series"]]
    return (ends[0], ends[-1]) if ends else ("", "")
