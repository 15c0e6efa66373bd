"""A load: a file or a frame into a network. Atomic, idempotent, in bounded memory, with a finding for each faulty row.

The source is hashed, read in chunks, and staged by year; then each range of series is compared with what is kept, written
as sorted parts, and all parts are committed at once. The same source twice brings nothing new.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from qingshan.core.canonical import file_digest
from qingshan.core.errors import QingshanError
from qingshan.core.finding import Finding

from .catalogue import Commit
from .merge import Revision, compact, crowded, merge_staged
from .model import KEY, RECEIVED, SAMPLE, Network
from .network import declared_sites, site_body
from .readers.source import Chunk, open_source
from .report import LoadReporter
from .rows import Context, staged
from .text import offset, read_time

if TYPE_CHECKING:
    from .store import Observations

STAGED_ROWS = 16_384
"""Rows of a row group of what is staged: a range of series reads little else."""
FINDINGS_KEPT = 10_000
"""Findings written into the catalogue with a load; the counts are of all."""


class RefusedLoad(QingshanError):
    """A strict load with a faulty row: nothing was taken."""

    code = "refused_load"


@dataclass(frozen=True)
class LoadReport:
    """What a load did. `n_empty` of the values read are empty cells, no readings;
    `n_same` rows were there already; `n_versions` are further values of keys already known;
    `n_errors` rows were not used. `again`: the very source had been taken before without a fault."""

    network: str
    name: str
    source: str
    reader: str
    n_read: int
    n_new: int
    n_same: int
    n_versions: int
    n_errors: int
    again: bool = False
    n_empty: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def record(self) -> dict[str, Any]:
        """The report as plain data."""
        fields = (
            "network",
            "name",
            "source",
            "reader",
            "n_read",
            "n_new",
            "n_same",
            "n_versions",
            "n_errors",
            "n_empty",
            "again",
            "counts",
        )
        return {name: getattr(self, name) for name in fields} | {"findings": [f.record() for f in self.findings]}


def load(
    store: Observations, network: str, source: Path | str | pl.DataFrame, *, reader: str = "", author: str = "",
    reason: str = "", strict: bool = False, name: str = "", now: datetime | None = None, wait: float = 60.0,
) -> LoadReport:  # fmt: skip
    """Take a source into a network.

    `source`: a path, or a frame with the columns of `model.RECEIVED` (those that say something). `reader`: a feed, `long`,
    `sensorthings` ... or '' to choose by what the file is. `author`, `reason`: who corrects, and why. `strict`: one faulty
    row refuses the whole. Raises `UnknownName` for the network or reader, `RefusedLoad`, `NetworkBusy`, and `QingshanError`
    for a file that cannot be read at all.
    """
    declared = store.network(network)
    moment = now or datetime.now(UTC)
    wall = moment.astimezone(offset(declared.utc_offset)).replace(tzinfo=None)
    digest, label = _identity(source, name)
    with store.writing(network, wait) as folder:
        before = _loaded(store, network, digest) if not reason else None
        if before:
            return LoadReport(network, label, digest, before["reader"], 0, 0, 0, 0, 0, again=True)
        report = LoadReporter(label)
        opened = open_source(source, declared, reader, report, store)
        job = _Job(store, declared, report, wall, folder / ".staging")
        try:
            job.stage(opened.chunks)
            if strict and report.errors:
                raise _refused(report)
            parts, tally = merge_staged(
                store, network, job.staging, job.counts, job.numbers, Revision(reason, author, digest), report
            )
            if strict and report.errors:
                raise _refused(report)
            if job.context.converted:
                report.add("offset_converted", n=job.context.converted, offset=declared.utc_offset)
            findings = report.findings()
            store.catalogue(network).commit(Commit(
                digest, label, opened.reader, moment.isoformat(timespec="seconds"), author, reason,
                tally | {"read": job.read}, report.errors, [f.record() for f in findings[:FINDINGS_KEPT]],
                job.site_rows(), job.series_rows(), job.sample_rows(), parts,
            ))  # fmt: skip
        finally:
            shutil.rmtree(job.staging, ignore_errors=True)
        _tidy(store, network, {p.year for p in parts})
    return LoadReport(
        network, label, digest, opened.reader, job.read, tally["new"], tally["same"], tally["versions"], report.errors,
        n_empty=job.empty, counts=dict(report.counts), findings=tuple(findings),
    )  # fmt: skip


def _identity(source: Path | str | pl.DataFrame, name: str) -> tuple[str, str]:
    """The sha-256 of a source and what it is called."""
    if isinstance(source, pl.DataFrame):
        held = io.BytesIO()
        source.write_ipc(held)
        return hashlib.sha256(held.getvalue()).hexdigest(), name or "frame"
    return file_digest(Path(source)), name or Path(source).name


def _loaded(store: Observations, network: str, digest: str) -> dict[str, str] | None:
    rows = store.catalogue(network).ask("SELECT reader FROM load WHERE source = ? AND errors = 0 LIMIT 1", (digest,))
    return {"reader": rows[0][0]} if rows else None


def _refused(report: LoadReporter) -> RefusedLoad:
    first = next(f for f in report.findings() if f.level == "error")
    return RefusedLoad(
        f"{report.errors:,} rows cannot be used, the first: {first.where()}: {first.en} Nothing was taken.",
        f"有 {report.errors:,} 行不能用，第一处：{first.where()}：{first.zh}没有载入任何数据。", fix=first.fix,
    )  # fmt: skip


def _tidy(store: Observations, network: str, years: Iterable[int]) -> None:
    """Merge runs of a year where there are too many of one size."""
    for year in sorted(years):
        while True:
            sizes = store.catalogue(network).ask("SELECT run, SUM(rows) FROM part WHERE year = ? GROUP BY run", (year,))
            runs = crowded(sizes)
            if not runs:
                break
            compact(store, network, year, runs, time.time())


class _Job:
    """The staging of one load."""

    def __init__(
        self, store: Observations, network: Network, report: LoadReporter, now: datetime, staging: Path
    ) -> None:
        self.store, self.network, self.report, self.staging = store, network, report, staging
        self.declared = declared_sites(network)[0]
        self.sites: dict[str, dict[str, Any]] = {body["id"]: body for _, body in store.site_records(network.id)}
        self.came: dict[str, dict[str, Any]] = {}
        self.samples: dict[str, dict[str, Any]] = {}
        known = store.series(network.id)
        self.numbers: dict[str, int] = dict(known.select("id", "no").iter_rows())
        series = {row["id"]: row for row in known.iter_rows(named=True)}
        self.context = Context(network, report, self.sites, series, now)
        self.next = store.catalogue(network.id).next_number("series")
        self.counts: dict[int, dict[str, int]] = {}
        self.read = self.empty = 0
        self._written = 0

    def stage(self, chunks: Iterator[Chunk]) -> None:
        for chunk in chunks:
            self._meet_sites(chunk.sites)
            self._keep_samples(chunk.samples)
            if chunk.rows.height:
                self.read += chunk.rows.height
                self.empty += chunk.rows.filter(pl.col("value_text").fill_null("").str.strip_chars() == "").height
                rows = staged(_whole(chunk.rows), self.context)
                self._number_series()
                self._told_validity(rows)
                self._write(rows)

    def _meet_sites(self, sites: Iterable[tuple[int | None, dict[str, Any]]]) -> None:
        """Sites that come with the data: new ones are kept, declared ones hold against the file."""
        for row, raw in sites:
            id = str(raw.get("id", ""))
            if id in self.came:
                continue
            declared = self.declared.get(id)
            body = {k: v for k, v in raw.items() if v not in (None, "")}
            if declared is not None:
                for column in ("water_body_type", "air_zone", "lon", "lat"):  # what an evaluation hangs on
                    if column in body and column in declared and str(body[column]) != str(declared[column]):
                        self.report.add("site_differs", row=row, field=column, column=column, site=id, text=body[column],
                                        declared=declared[column])  # fmt: skip
                body |= declared
            read = site_body({**self.sites.get(id, {}), **body}, row, self.report)
            if read is not None:
                self.came[id] = self.sites[id] = read

    def _keep_samples(self, samples: Iterable[tuple[int | None, dict[str, Any]]]) -> None:
        zone = offset(self.network.utc_offset)
        for row, raw in samples:
            body = {k: v for k, v in raw.items() if k in SAMPLE and v not in (None, "")}
            id = str(body.get("id", ""))
            taken, _ = read_time(str(body.get("taken", "")), zone)
            if taken is None and id:
                continue  # told once, as the time of its row
            wrong: tuple[str, str] | None = None
            for column in ("depth_top_cm", "depth_bottom_cm"):
                try:
                    body[column] = float(body[column]) if column in body else None
                except ValueError:
                    wrong = (f"{column} {body[column]!r} is no number", f"{column} {body[column]!r} 不是数")
            if str(body.get("site", "")) not in self.sites:
                wrong = (f"no site {body.get('site')!r}", f"没有站点 {body.get('site')!r}")
            if not id or wrong:
                why, why_zh = wrong or ("has no id", "没有编号")
                self.report.add("bad_sample", row=row, field="sample", sample=id, why=why, why_zh=why_zh)
            elif taken is not None:  # an id without a time was left out above
                self.samples.setdefault(id, body | {"taken": taken.isoformat()})

    def _number_series(self) -> None:
        for id in self.context.fresh:
            if id not in self.numbers:
                self.numbers[id] = self.next
                self.next += 1

    def _told_validity(self, rows: pl.DataFrame) -> None:
        """Readings outside the time for which their site is declared."""
        for id, body in self.declared.items():
            since, until = body.get("valid_from", ""), body.get("valid_to", "")
            if not since and not until:
                continue
            low, high = _day(since, datetime(1900, 1, 1)), _day(until, datetime(2200, 1, 1)) + timedelta(days=1)
            own = rows.filter(
                pl.col("series").str.starts_with(f"{id}|") & ((pl.col("start") < low) | (pl.col("start") >= high))
            )
            for (row,) in own.select("row").iter_rows():
                self.report.add("outside_validity", row=row, field="start", site=id, limits=f"{since}/{until}")

    def _write(self, rows: pl.DataFrame) -> None:
        """Stage rows by year, sorted, and count them by series."""
        self._written += 1
        for (year,), group in rows.group_by(pl.col("start").dt.year().alias("year")):
            place = self.staging / str(year) / f"{self._written:06d}.parquet"
            place.parent.mkdir(parents=True, exist_ok=True)
            group.select(rows.columns).sort(*KEY, "row").write_parquet(
                place, compression="lz4", row_group_size=STAGED_ROWS
            )
            counted = self.counts.setdefault(int(str(year)), {})
            for series, n in group.group_by("series").len().iter_rows():
                counted[series] = counted.get(series, 0) + n

    # --- what the commit adds

    def site_rows(self) -> list[tuple[str, dict[str, Any]]]:
        """Every site known so far: a declared one gets its number with the first load."""
        kept = {id: body for id, body in self.sites.items() if id in self.declared or id in self.came}
        return list(kept.items())

    def series_rows(self) -> list[tuple[Any, ...]]:
        columns = ("id", "site", "property", "averaging", "procedure", "feature", "unit", "received_unit", "state")
        return [(self.numbers[id], *(row[c] for c in columns)) for id, row in self.context.fresh.items()]

    def sample_rows(self) -> list[tuple[str, dict[str, Any]]]:
        return list(self.samples.items())


def _day(text: str, otherwise: datetime) -> datetime:
    parts = [int(p) for p in text.split("-") if p.isdecimal()]
    year, month, day = (*parts, 1, 1)[:3] if parts else (otherwise.year, otherwise.month, otherwise.day)
    return datetime(year, month, day)


def _whole(rows: pl.DataFrame) -> pl.DataFrame:
    """The frame with every column of `RECEIVED`, absent ones null."""
    return rows.select(
        (pl.col(c).cast(t) if c in rows.columns else pl.lit(None, t).alias(c)) for c, t in RECEIVED.items()
    )
