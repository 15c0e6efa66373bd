"""The store of observations of a zone: `observations/ZONE/NETWORK/YEAR/*.parquet` under the home folder.

    store = Observations(zone)
    store.load("water_auto", "sections.csv")
    store.scan("water_auto", years=[2021]).filter(pl.col("value") > 1).collect()

Files are written once and never changed. A load puts its parts in place, then commits them in the network's catalogue in
one transaction; until then nobody sees them, and what a killed load left behind is swept by the next.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import time
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from qingshan.core.errors import QingshanError, UnitError, UnknownName
from qingshan.core.observed import observed_properties
from qingshan.core.units import unit as parse_unit
from qingshan.zone.home import home, zone_key
from qingshan.zone.zone import Zone

from .catalogue import Catalogue
from .model import KEY, MOMENT, OBSERVATION, SAMPLE, SERIES, SITE, Network
from .network import declared_sites, read_networks

if TYPE_CHECKING:
    from .load import LoadReport

STAGING = ".staging"
GRACE = 3600.0
"""Seconds that a merged-away part stays on disk for readers that hold it open."""


WORDS = frozenset({"class", "index", "rank"})
"""Units without scale or dimension, which are not one another for that."""


class NetworkBusy(QingshanError):
    """Another process is loading into the network."""

    code = "network_busy"


class UnitMoved(QingshanError):
    """A property is declared in another unit than its series are kept in."""

    code = "unit_moved"


class Observations:
    """The networks of one zone and what was observed. `root` is the folder that holds one folder per network."""

    def __init__(self, zone: Zone, root: Path | None = None) -> None:
        self.zone = zone
        self.root = root or home() / "observations" / zone_key(zone)

    # --- networks

    @cached_property
    def networks(self) -> Mapping[str, Network]:
        """The declared networks by id, in file order."""
        return read_networks(self.zone.path)[0]

    def network(self, id: str) -> Network:
        """A network. Raises `UnknownName` listing those declared."""
        if id not in self.networks:
            known = ", ".join(self.networks) or "-"
            raise UnknownName(
                f"the zone {self.zone.id} has no network {id!r} (declared: {known}).",
                f"{self.zone.name_zh}没有监测网 {id!r}（已声明：{known}）。",
                fix="declare it in networks/ID.toml of the zone / 在区域的 networks/ID.toml 中声明",
            )
        return self.networks[id]

    def folder(self, network: str) -> Path:
        return self.root / self.network(network).id

    def catalogue(self, network: str) -> Catalogue:
        return Catalogue(self.folder(network) / "catalogue.sqlite")

    def version(self, network: str) -> int:
        """A number that grows with every change of the network's data."""
        return self.catalogue(network).head()

    # --- reading

    def scan(
        self, network: str, years: Collection[int] | None = None, series: Collection[str] | None = None
    ) -> pl.LazyFrame:
        """The latest version of each key, columns `OBSERVATION`. Rows of one part are sorted by (series, start); several
        loads may overlap, so sort before you rely on order."""
        parts = self._parts(network, years, series)
        frame = _read([path for path, _ in parts], series)
        revised = [path for path, revisions in parts if revisions]
        return latest(frame, _read(revised, series)) if revised else frame

    def versions(
        self, network: str, years: Collection[int] | None = None, series: Collection[str] | None = None
    ) -> pl.LazyFrame:
        """Every version of each key, as they came in."""
        return _read([path for path, _ in self._parts(network, years, series)], series)

    def spans(self, network: str, years: Collection[int] | None = None) -> Callable[[str, str], pl.LazyFrame]:
        """What gives every version of the keys of the series from one to another: only the parts that reach into them are opened."""
        folder = self.folder(network)
        asked = self.catalogue(network).ask("SELECT path, year, low, high FROM part ORDER BY year, low, run")
        parts = [(folder / path, low, high) for path, year, low, high in asked if years is None or year in years]
        return lambda low, high: _read([p for p, first, last in parts if first <= high and last >= low], None)

    def _parts(
        self, network: str, years: Collection[int] | None, series: Collection[str] | None
    ) -> list[tuple[Path, int]]:
        folder = self.folder(network)
        rows = self.catalogue(network).ask("SELECT path, year, revisions, low, high FROM part ORDER BY year, low, run")
        if years is not None:
            rows = [r for r in rows if r[1] in years]
        if series is not None:
            wanted = sorted(series)
            rows = [r for r in rows if (i := bisect_left(wanted, r[3])) < len(wanted) and wanted[i] <= r[4]]
        return [(folder / r[0], r[2]) for r in rows]

    def years(self, network: str) -> list[int]:
        """Years of which there is something, ascending."""
        return [r[0] for r in self.catalogue(network).ask("SELECT DISTINCT year FROM part ORDER BY year")]

    def series(self, network: str, *, as_kept: bool = False) -> pl.DataFrame:
        """Series of a network with their number of keys, first and last start; columns `model.SERIES`. Raises `UnitMoved` where the
        readings were kept in another unit than their property has today, but for `as_kept`, which is for taking them out: nothing is
        judged, shown or loaded across units."""
        rows = self.catalogue(network).ask(
            "SELECT s.id, s.no, s.site, s.property, s.averaging, s.procedure, s.feature, s.unit, s.received_unit, s.state,"
            " COALESCE(SUM(p.keys), 0), MIN(p.first), MAX(p.last)"
            " FROM series s LEFT JOIN part_series p ON p.series = s.no GROUP BY s.no ORDER BY s.no"
        )
        plain = SERIES | {"first": pl.Int64, "last": pl.Int64}
        frame = pl.DataFrame(rows, schema=plain, orient="row")
        if not as_kept:
            _same_units(frame, network)
        return frame.with_columns(pl.col("first", "last").cast(MOMENT))

    def sites(self, network: str) -> pl.DataFrame:
        """Sites: those declared in `sites.csv` first, then those that came with loads; columns `model.SITE` and `no`."""
        found = self.site_records(network)
        rows = [{"no": no, **{c: body.get(c) for c in SITE}} for no, body in found]
        return pl.DataFrame(rows, schema={**SITE, "no": pl.Int64})

    def site_records(self, network: str) -> list[tuple[int, dict[str, Any]]]:
        """Sites as (number, fields). Numbers are stable: that of the catalogue, else by order of declaration after it."""
        declared = declared_sites(self.network(network))[0]
        loaded = [
            (no, json.loads(body)) for no, body in self.catalogue(network).ask("SELECT no, body FROM site ORDER BY no")
        ]
        known = {body["id"] for _, body in loaded}
        last = max((no for no, _ in loaded), default=0)
        fresh = [body for id, body in declared.items() if id not in known]
        rows = [(no, body | declared.get(body["id"], {})) for no, body in loaded]
        return [*rows, *((last + i, body) for i, body in enumerate(fresh, 1))]

    def samples(self, network: str) -> pl.DataFrame:
        """Samples taken at sites; columns `model.SAMPLE`."""
        rows = [json.loads(body) for (body,) in self.catalogue(network).ask("SELECT body FROM sample ORDER BY no")]
        plain = {**SAMPLE, "taken": pl.String}
        frame = pl.DataFrame([{c: r.get(c) for c in SAMPLE} for r in rows], schema=plain)
        return frame.with_columns(pl.col("taken").str.to_datetime(time_unit="ms", strict=False))

    def loads(self, network: str) -> list[dict[str, Any]]:
        """What came in, oldest first: number, source (sha-256), name, reader, at, author, reason, counts, errors, findings."""
        names = ("number", "source", "name", "reader", "at", "author", "reason", "counts", "errors", "findings")
        rows = self.catalogue(network).ask(f"SELECT {', '.join(names)} FROM load ORDER BY number")  # noqa: S608 - names above
        return [
            dict(zip(names, row, strict=True)) | {"counts": json.loads(row[7]), "findings": json.loads(row[9])}
            for row in rows
        ]

    # --- writing

    def load(self, network: str, source: Path | str | pl.DataFrame, **how: Any) -> LoadReport:
        """Take in a file or a frame; see `load.load`."""
        from .load import load  # noqa: PLC0415 - reading needs no readers

        return load(self, network, source, **how)

    @contextmanager
    def writing(self, network: str, wait: float = 60.0) -> Iterator[Path]:
        """The network's folder for one writer at a time, swept of what a killed one left. Raises `NetworkBusy`."""
        folder = self.folder(network)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("a") as lock:
            _take(lock, network, wait)
            self._sweep(network, folder)
            yield folder

    def _sweep(self, network: str, folder: Path) -> None:
        """Remove staged rows and parts that no commit names, and retired parts whose grace is over."""
        shutil.rmtree(folder / STAGING, ignore_errors=True)
        catalogue = self.catalogue(network)
        retired = dict(catalogue.ask("SELECT path, at FROM retired"))
        gone = [path for path, at in retired.items() if time.time() - at > GRACE]
        kept = {path for (path,) in catalogue.ask("SELECT path FROM part")} | (set(retired) - set(gone))
        for part in folder.glob("[0-9][0-9][0-9][0-9]/*.parquet"):
            if part.relative_to(folder).as_posix() not in kept:
                part.unlink(missing_ok=True)
        if gone:
            with catalogue.open() as db:
                db.executemany("DELETE FROM retired WHERE path = ?", [(path,) for path in gone])


def _take(lock: Any, network: str, wait: float) -> None:
    until = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= until:
                raise NetworkBusy(
                    f"another process is loading into {network}.", f"另一个进程正在向 {network} 载入。",
                    fix="wait until it is done and load again / 等它完成后再载入",
                ) from None  # fmt: skip
            time.sleep(0.05)


def _read(paths: Sequence[Path], series: Collection[str] | None) -> pl.LazyFrame:
    if not paths:
        return pl.LazyFrame(schema=OBSERVATION)
    frame = pl.scan_parquet(list(paths), glob=False, hive_partitioning=False, low_memory=True)
    if series is None:
        return frame
    wanted = sorted(series)
    return frame.filter(pl.col("series") == wanted[0] if len(wanted) == 1 else pl.col("series").is_in(wanted))


def _same_units(series: pl.DataFrame, network: str) -> None:
    """That every property is still declared in the unit its series are kept in; another spelling of the same unit is the same."""
    known = observed_properties()
    for name, kept in series.select("property", "unit").unique(maintain_order=True).iter_rows():
        now = known[name].unit if name in known else kept
        if now == kept or _one_unit(now, kept):
            continue
        first = series.filter((pl.col("property") == name) & (pl.col("unit") == kept))["id"]
        raise UnitMoved(
            f"{name} of {network} is kept in {kept!r} ({first.len():,} series, the first {first[0]}); the property is declared in {now!r} now."
            " Readings of two units are not put into one series.",
            f"{network} 的 {name} 以 {kept!r} 保存（{first.len():,} 条序列，第一条为 {first[0]}），监测项目现在声明的单位是 {now!r}；"
            "两种单位的读数不放进同一序列。",
            where=f"{name}: {kept} / {now}",
            fix=f"declare {name} in {kept} again, and the new unit as a property of its own; or take the readings out with `qingshan observe export`,"
            f" move the network's folder out of `observations` of QINGSHAN_HOME, and load them anew"
            f" / 恢复 {name} 的单位 {kept}，新单位另立监测项目；或用 `qingshan observe export` 导出，"
            "把该网的文件夹移出 QINGSHAN_HOME 的 `observations`，再重新载入",
        )  # fmt: skip


def _one_unit(a: str, b: str) -> bool:
    if {a, b} & WORDS:
        return a == b
    try:
        one, other = parse_unit(a), parse_unit(b)
    except UnitError:
        return False
    return (one.scale, one.dimensions, one.offset) == (other.scale, other.dimensions, other.offset)


def latest(frame: pl.LazyFrame, revised: pl.LazyFrame) -> pl.LazyFrame:
    """Of the rows of `frame` those of the latest version; `revised` holds every row whose version is above 1."""
    newest = revised.filter(pl.col("version") > 1).group_by(KEY).agg(pl.col("version").max().alias("newest"))
    joined = frame.join(newest, on=KEY, how="left")
    return joined.filter(pl.col("version") == pl.col("newest").fill_null(1)).drop("newest")
