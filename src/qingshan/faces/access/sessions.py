"""Server sessions: a random token in a cookie, its hash in a small SQLite file, an end that comes whatever the browser does."""

from __future__ import annotations

import hmac
import secrets
import sqlite3
import threading
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

__all__ = ["ABSOLUTE_S", "IDLE_S", "SIGN_IN_S", "Session", "Sessions", "StartedSignIn"]

IDLE_S = 30 * 60
ABSOLUTE_S = 8 * 3600
SIGN_IN_S = 10 * 60
_TABLES = """
CREATE TABLE IF NOT EXISTS session(hash TEXT PRIMARY KEY, actor TEXT NOT NULL, how TEXT NOT NULL, csrf TEXT NOT NULL,
  made REAL NOT NULL, seen REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS sign_in(state TEXT PRIMARY KEY, nonce TEXT NOT NULL, verifier TEXT NOT NULL, browser TEXT NOT NULL,
  next TEXT NOT NULL, made REAL NOT NULL) STRICT;
"""


@dataclass(frozen=True)
class Session:
    """Who is signed in, how (`oidc`, `local`, `demo`), and the token that forms carry."""

    actor: str
    how: str
    csrf: str

    def holds(self, csrf: str) -> bool:
        """Whether a form's token is this session's."""
        return hmac.compare_digest(self.csrf, csrf)


@dataclass(frozen=True)
class StartedSignIn:
    """What is kept while the browser is at the identity provider. `browser` ties it to the browser that began."""

    nonce: str
    verifier: str
    browser: str
    next: str


class Sessions:
    """All methods take `now`, seconds since 1970."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        path.chmod(0o600)
        self._db.executescript(_TABLES)

    def begin(self, actor: str, how: str, now: float) -> str:
        """A new session; returns the cookie's token, which is kept nowhere."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._db.execute("DELETE FROM session WHERE seen < ? OR made < ?", (now - IDLE_S, now - ABSOLUTE_S))
            self._db.execute(
                "INSERT INTO session VALUES(?,?,?,?,?,?)",
                (_hash(token), actor, how, secrets.token_urlsafe(32), now, now),
            )
        return token

    def find(self, token: str, now: float) -> Session | None:
        """The session of a token, if it has not ended; it is then seen now."""
        with self._lock:
            row = self._db.execute(
                "SELECT actor, how, csrf, made, seen FROM session WHERE hash = ?", (_hash(token),)
            ).fetchone()
            if row is None:
                return None
            actor, how, csrf, made, seen = row
            if not (seen <= now + 60 and now - seen < IDLE_S and now - made < ABSOLUTE_S):
                self._db.execute("DELETE FROM session WHERE hash = ?", (_hash(token),))
                return None
            if now - seen > 30:  # not one write for each read
                self._db.execute("UPDATE session SET seen = ? WHERE hash = ?", (now, _hash(token)))
        return Session(actor, how, csrf)

    def end(self, token: str) -> None:
        with self._lock:
            self._db.execute("DELETE FROM session WHERE hash = ?", (_hash(token),))

    def end_all(self, actor: str) -> None:
        """Every session of an actor."""
        with self._lock:
            self._db.execute("DELETE FROM session WHERE actor = ?", (actor,))

    def start_sign_in(self, state: str, started: StartedSignIn, now: float) -> None:
        with self._lock:
            self._db.execute("DELETE FROM sign_in WHERE made < ?", (now - SIGN_IN_S,))
            row = (_hash(state), started.nonce, started.verifier, _hash(started.browser), started.next, now)
            self._db.execute("INSERT INTO sign_in VALUES(?,?,?,?,?,?)", row)

    def finish_sign_in(self, state: str, browser: str, now: float) -> StartedSignIn | None:
        """What was begun with this state by this browser; it can be finished once."""
        with self._lock, closing(self._db.cursor()) as at:
            row = at.execute(
                "DELETE FROM sign_in WHERE state = ? RETURNING nonce, verifier, browser, next, made", (_hash(state),)
            ).fetchone()
        if row is None or now - row[4] > SIGN_IN_S or not hmac.compare_digest(row[2], _hash(browser)):
            return None
        return StartedSignIn(row[0], row[1], browser, row[3])

    def close(self) -> None:
        self._db.close()


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
