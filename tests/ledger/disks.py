"""A disk in memory that fails as disks do: torn, dropped and reordered unsynced writes, a failing sync, no space."""

from __future__ import annotations

import errno
import random


class SimulatedDisk:
    """`durable` survives a crash. An append waits in `pending` until `sync`; `crash` decides what of it reached the disk."""

    def __init__(self, durable: bytes = b"", *, fail_sync_at: int = -1, room: int | None = None) -> None:
        self.durable, self.pending = durable, bytearray()
        self.fail_sync_at, self.room, self.syncs = fail_sync_at, room, 0
        self.how = ""
        """What `crash` did to the unsynced bytes."""

    def size(self) -> int:
        return len(self.durable) + len(self.pending)

    def read(self, offset: int, length: int) -> bytes:
        return (self.durable + bytes(self.pending))[offset : offset + length]

    def append(self, raw: bytes) -> None:
        if self.room is not None and self.size() + len(raw) > self.room:
            self.pending += raw[: self.room - self.size()]
            raise OSError(errno.ENOSPC, "no space left")
        self.pending += raw

    def sync(self) -> None:
        self.syncs += 1
        if self.syncs == self.fail_sync_at:
            raise OSError(errno.EIO, "input/output error")
        self.durable += bytes(self.pending)
        self.pending.clear()

    def truncate(self, size: int) -> None:
        self.durable, self.pending = (self.durable + bytes(self.pending))[:size], bytearray()

    def close(self) -> None:
        pass

    def crash(self, rng: random.Random) -> SimulatedDisk:
        """The disk as the next start finds it: the unsynced bytes lost, cut short, or with sectors missing."""
        tail = bytes(self.pending)
        how = self.how = rng.choice(("lost", "torn", "sectors", "whole"))
        if how == "lost":
            tail = b""
        elif how == "torn" and tail:
            tail = tail[: rng.randrange(len(tail))]
        elif how == "sectors":
            sector = 16
            parts = [tail[i : i + sector] for i in range(0, len(tail), sector)]
            tail = b"".join(p if rng.random() < 0.6 else bytes(len(p)) for p in parts)
        return SimulatedDisk(self.durable + tail)
