"""The catalogue of a network: which Parquet parts hold what, which sources came in. One SQLite file, one transaction per
load: what is in it is committed, a part that is not in it does not exist."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qingshan.core.errors import QingshanError

SCHEMA = """
CREATE TABLE IF NOT EXISTS head (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL);
INSERT OR IGNORE INTO head VALUES (1, 0);
CREATE TABLE IF NOT EXISTS site (no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS series (
  no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, site TEXT NOT NULL, property TEXT NOT NULL, averaging TEXT NOT NULL,
  procedure TEXT NOT NULL, feature TEXT NOT NULL, unit TEXT NOT NULL, received_unit TEXT NOT NULL, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS sample (no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS load (
  number INTEGER PRIMARY KEY, source TEXT NOT NULL, name TEXT NOT NULL, reader TEXT NOT NULL, at TEXT NOT NULL,
  author TEXT NOT NULL, reason TEXT NOT NULL, counts TEXT NOT NULL, errors INTEGER NOT NULL, findings TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS load_source ON load (source);
CREATE TABLE IF NOT EXISTS part (
  id INTEGER PRIMARY KEY, year INTEGER NOT NULL, path TEXT NOT NULL UNIQUE, run INTEGER NOT NULL, rows INTEGER NOT NULL,
  revisions INTEGER NOT NULL, low TEXT NOT NULL, high TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS part_series (
  series INTEGER NOT NULL, part INTEGER NOT NULL REFERENCES part (id) ON DELETE CASCADE, rows INTEGER NOT NULL,
  keys INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (series, part)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS part_series_part ON part_series (part);
CREATE TABLE IF NOT EXISTS retired (path TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet file, sorted by (series, start, version), its series from `low` to `high`. Parts of one `run` do not
    overlap. `revisions` counts rows whose version is above 1; times in milliseconds since 1970."""

    year: int
    path: str
    run: int
    rows: int
    revisions: int
    low: str
    high: str
    series: tuple[tuple[int, int, int, int, int], ...] = ()  # series number, rows, keys, first, last


@dataclass(frozen=True, slots=True)
class Commit:
    """What one load adds, all or nothing."""

    source: str
    name: str
    reader: str
    at: str
    author: str
    reason: str
    counts: dict[str, int]
    errors: int
    findings: list[dict[str, Any]]
    sites: Sequence[tuple[str, dict[str, Any]]] = ()
    series: Sequence[tuple[Any, ...]] = ()
    samples: Sequence[tuple[str, dict[str, Any]]] = ()
    parts: Sequence[Part] = ()


class Catalogue:
    """Reading and committing. A connection is opened for each use, so that any thread may ask."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        return self.path.is_file()

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction that is committed where the block ends well. Raises `QingshanError` where the
        file is none that SQLite can read."""
        new = not self.exists
        if new:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        try:
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA synchronous = FULL")
            if new or not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'retired'").fetchone():
                db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
            db.execute("BEGIN")
            yield db
            db.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            raise QingshanError(
                f"the catalogue of observations cannot be used ({error}).", f"监测数据目录无法使用（{error}）。",
                where=str(self.path), fix="restore the file from a backup / 用备份恢复该文件",
            ) from None  # fmt: skip
        finally:
            db.close()

    def ask(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of one question; none where nothing was loaded yet."""
        if not self.exists:
            return []
        with self.open() as db:
            return db.execute(statement, values).fetchall()

    def head(self) -> int:
        """A number that grows with every change."""
        rows = self.ask("SELECT number FROM head")
        return rows[0][0] if rows else 0

    def commit(self, change: Commit) -> None:
        """Take a load in: its parts must lie in their places already."""
        with self.open() as db:
            db.execute("UPDATE head SET number = number + 1")
            db.executemany(
                "INSERT INTO site (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                [(id, _json(body)) for id, body in change.sites],
            )
            db.executemany(
                "INSERT INTO series (no, id, site, property, averaging, procedure, feature, unit, received_unit, state)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", change.series,
            )  # fmt: skip
            db.executemany(
                "INSERT INTO sample (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                [(id, _json(body)) for id, body in change.samples],
            )
            _add_parts(db, change.parts)
            db.execute(
                "INSERT INTO load (source, name, reader, at, author, reason, counts, errors, findings)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (change.source, change.name, change.reader, change.at, change.author, change.reason,
                 _json(change.counts), change.errors, _json(change.findings)),
            )  # fmt: skip

    def replace(self, old: Iterable[str], new: Sequence[Part], at: float) -> None:
        """Put merged parts in the place of others; the old files are retired, readers may still hold them open."""
        with self.open() as db:
            db.execute("UPDATE head SET number = number + 1")
            for path in old:
                db.execute("DELETE FROM part WHERE path = ?", (path,))
                db.execute("INSERT OR REPLACE INTO retired VALUES (?, ?)", (path, at))
            _add_parts(db, new)

    def next_number(self, table: str) -> int:
        column = {"series": "no", "part": "run"}[table]
        rows = self.ask(f"SELECT COALESCE(MAX({column}), 0) + 1 FROM {table}")  # noqa: S608 - names from the line above
        return rows[0][0] if rows else 1


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _add_parts(db: sqlite3.Connection, parts: Sequence[Part]) -> None:
    for part in parts:
        number = db.execute(
            "INSERT INTO part (year, path, run, rows, revisions, low, high) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (part.year, part.path, part.run, part.rows, part.revisions, part.low, part.high),
        ).lastrowid
        db.executemany(
            "INSERT INTO part_series (series, part, rows, keys, first, last) VALUES (?, ?, ?, ?, ?, ?)",
            [(no, number, rows, keys, first, last) for no, rows, keys, first, last in part.series],
        )
