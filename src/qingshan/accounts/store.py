"""Results by content hash: what is there is not computed again. One SQLite file, one transaction per run.

A row is a checksum over key and payload, then the payload: a row that was damaged or belongs to another key counts as
absent and is computed again.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Any

from qingshan.core.canonical import canonical
from qingshan.core.errors import QingshanError

_SEAL = 16  # bytes of checksum before each payload


class Store:
    """`key -> payload`. `path=None` keeps nothing (a replay must compute everything).

    Raises `QingshanError` where the file is not a store that SQLite can read.
    """

    def __init__(self, path: Path | None) -> None:
        self._pending: dict[str, bytes] = {}
        self._db: sqlite3.Connection | None = None
        self._path = path
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=30)
            self._ask("CREATE TABLE IF NOT EXISTS node (key TEXT PRIMARY KEY, payload BLOB NOT NULL) WITHOUT ROWID")

    def _ask(self, statement: str, values: tuple[str, ...] = ()) -> tuple[Any, ...] | None:
        if self._db is None:
            return None
        try:
            return self._db.execute(statement, values).fetchone()
        except sqlite3.DatabaseError as error:
            self.close()
            raise self._unreadable(error) from None

    def _unreadable(self, error: sqlite3.DatabaseError) -> QingshanError:
        return QingshanError(
            f"the result store cannot be used ({error}).", f"结果库无法使用（{error}）。", where=str(self._path),
            fix="move the file away; results are computed again",
        )  # fmt: skip

    def get(self, key: str) -> dict[str, Any] | None:
        if key in self._pending:
            return json.loads(self._pending[key])
        found = self._ask("SELECT payload FROM node WHERE key = ?", (key,))
        if found is None or not isinstance(found[0], bytes):
            return None
        payload = found[0][_SEAL:]
        return json.loads(payload) if found[0] == _sealed(key, payload) else None

    def put(self, key: str, payload: dict[str, Any]) -> None:
        self._pending[key] = canonical(payload)

    def commit(self) -> None:
        if self._db is not None:
            rows = [(key, _sealed(key, payload)) for key, payload in self._pending.items()]
            try:
                with self._db:
                    self._db.executemany("INSERT OR REPLACE INTO node VALUES (?, ?)", rows)
            except sqlite3.DatabaseError as error:
                raise self._unreadable(error) from None
        self._pending.clear()

    def close(self) -> None:
        if self._db is not None:
            self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.close()


def _sealed(key: str, payload: bytes) -> bytes:
    return hashlib.sha256(key.encode() + payload).digest()[:_SEAL] + payload
