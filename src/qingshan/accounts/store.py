"""Results by content hash: what is there is not computed again. One SQLite file, one transaction per run."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Any

from qingshan.core.canonical import canonical
from qingshan.core.errors import QingshanError


class Store:
    """`key -> payload`. `path=None` keeps nothing (a replay must compute everything)."""

    def __init__(self, path: Path | None) -> None:
        self._pending: dict[str, bytes] = {}
        self._db: sqlite3.Connection | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._db = sqlite3.connect(path, timeout=30)
                self._db.execute("CREATE TABLE IF NOT EXISTS node (key TEXT PRIMARY KEY, payload BLOB NOT NULL) WITHOUT ROWID")
            except sqlite3.DatabaseError as error:
                raise QingshanError(
                    f"the result store cannot be read ({error}).", "结果库读不出来。", where=str(path),
                    fix="move the file away; results are computed again",
                ) from None  # fmt: skip

    def get(self, key: str) -> dict[str, Any] | None:
        if key in self._pending:
            return json.loads(self._pending[key])  # type: ignore[no-any-return]
        if self._db is None:
            return None
        found = self._db.execute("SELECT payload FROM node WHERE key = ?", (key,)).fetchone()
        return json.loads(found[0]) if found else None

    def put(self, key: str, payload: dict[str, Any]) -> None:
        self._pending[key] = canonical(payload)

    def commit(self) -> None:
        if self._db is not None:
            with self._db:
                self._db.executemany("INSERT OR REPLACE INTO node VALUES (?, ?)", self._pending.items())
        self._pending.clear()

    def close(self) -> None:
        if self._db is not None:
            self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None:
            self.commit()
        self.close()
