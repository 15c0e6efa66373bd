"""The log of reads: who read what that is not public, when. A chained journal of its own; a read is answered once it stands there."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qingshan.core.canonical import canonical
from qingshan.ledger.journal import FileDisk, Journal

__all__ = ["Read", "Reads"]

FILE = "reads"
KEPT = 200


@dataclass(frozen=True, slots=True)
class Read:
    """`what` is a row of the declared reads, `subject` the account, lot or record; `at` microseconds since 1970."""

    seq: int
    at: int
    by: str
    what: str
    subject: str


class Reads:
    """The open log of a venue. Raises `LockedJournal`, `BrokenJournal` like any journal."""

    def __init__(self, folder: Path, name: str) -> None:
        self._journal = Journal(FileDisk(folder / FILE), f"{name}/reads")
        self._lock = threading.Lock()
        self._newest: deque[Read] = deque(self.read(max(0, self._journal.next - KEPT)), maxlen=KEPT)

    def note(self, at: int, by: str, what: str, subject: str) -> int:
        """Write down a read; durable when this returns its number. Raises `JournalStopped`."""
        with self._lock:
            number = self._journal.append([canonical({"at": at, "by": by, "what": what, "subject": subject})])
            self._newest.append(Read(number, at, by, what, subject))
            return number

    def newest(self, count: int) -> list[Read]:
        """The last reads, the newest first, without going through the log; at most `KEPT`."""
        with self._lock:
            return list(reversed(self._newest))[:count]

    def read(self, start: int = 0) -> Iterator[Read]:
        """What was read, from a number on."""
        with self._lock:
            records = list(self._journal.read(start))
        for record in records:
            yield Read(record.seq, **json.loads(record.payload))

    @property
    def next(self) -> int:
        return self._journal.next

    def close(self) -> None:
        self._journal.close()
