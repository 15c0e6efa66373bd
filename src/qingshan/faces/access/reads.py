"""The log of reads: who read what that is not public, when. A chained journal of its own; a read is answered once it stands there."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qingshan.core.canonical import canonical
from qingshan.ledger.journal import FileDisk, Journal

__all__ = ["Read", "Reads"]

FILE = "reads"


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

    def note(self, at: int, by: str, what: str, subject: str) -> int:
        """Write down a read; durable when this returns its number. Raises `JournalStopped`."""
        with self._lock:
            return self._journal.append([canonical({"at": at, "by": by, "what": what, "subject": subject})])

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
