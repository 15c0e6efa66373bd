"""The journal: length-framed, hash-chained groups of records, appended and made durable together.

    file   = head, group, group, …
    head   = b"QSJRNL" version:u16 venue:32 bytes                            40 bytes
    group  = b"QSGR" first:u64 count:u32 length:u32 crc:u32, records, chain:32 bytes
    record = length:u32 version:u16, payload

`crc` is CRC-32 of the 20 bytes before it; `chain` = SHA-256(previous chain || records), the first previous chain being
SHA-256 of the head. One group is one append and one fdatasync; the next is written only after it returned. So at most the
last group can be torn, and it was never acknowledged: recovery cuts it. Anything wrong before that is a break, and the
journal refuses to open, naming the record.
"""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from qingshan.core.errors import QingshanError

__all__ = ["BrokenJournal", "Disk", "FileDisk", "Journal", "JournalStopped", "LockedJournal", "Record"]

HEAD = struct.Struct("<6sH32s")
GROUP = struct.Struct("<4sQIII")
RECORD = struct.Struct("<IH")
MAGIC, MARK, VERSION = b"QSJRNL", b"QSGR", 1
LONGEST = 64 << 20
"""Bytes that one group may have."""
WINDOW = 4 << 20
"""Bytes of one read."""


class BrokenJournal(QingshanError):
    """The journal is damaged before its end: it must not be used until someone has looked."""

    code = "broken_journal"


class LockedJournal(QingshanError):
    """Another process writes this journal."""

    code = "locked_journal"


class JournalStopped(QingshanError):
    """A write or fdatasync failed; what is in memory may be ahead of the disk, so nothing more is accepted."""

    code = "journal_stopped"


class Disk(Protocol):
    """What a journal needs of a file. `sync` returns only when everything appended is durable."""

    def size(self) -> int: ...
    def read(self, offset: int, length: int) -> bytes: ...
    def append(self, raw: bytes) -> None: ...
    def sync(self) -> None: ...
    def truncate(self, size: int) -> None: ...
    def close(self) -> None: ...


class FileDisk:
    """A file held by one writer. Raises `LockedJournal` where another process has it."""

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        self.path = path
        if not readonly:
            path.parent.mkdir(parents=True, exist_ok=True)
        fresh = not path.exists()
        self._file = os.open(path, os.O_RDONLY if readonly else os.O_RDWR | os.O_CREAT, 0o600)
        if readonly:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise LockedJournal(
                "another process writes this journal.", "另一个进程正在写这份日志。", where=str(path),
                fix="stop it first; one journal has one writer / 先停掉它；一份日志只能有一个写入者",
            ) from None  # fmt: skip
        if fresh:
            _sync_folder(path.parent)

    def size(self) -> int:
        return os.fstat(self._file).st_size

    def read(self, offset: int, length: int) -> bytes:
        parts, at = [], offset
        while length > 0 and (raw := os.pread(self._file, min(length, 1 << 24), at)):
            parts.append(raw)
            at, length = at + len(raw), length - len(raw)
        return b"".join(parts)

    def append(self, raw: bytes) -> None:
        at, view = self.size(), memoryview(raw)
        while view:
            done = os.pwrite(self._file, view, at)
            at, view = at + done, view[done:]

    def sync(self) -> None:
        os.fdatasync(self._file)

    def truncate(self, size: int) -> None:
        os.ftruncate(self._file, size)
        os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Record:
    """One journalled command: its number from 0, format version and bytes."""

    seq: int
    version: int
    payload: bytes


class Journal:
    """An open journal. Use `read` to replay it, `append` to add a group."""

    def __init__(self, disk: Disk, venue: str, seen: Callable[[memoryview], None] | None = None) -> None:
        """Open or start; `seen` gets each record's payload on the way, checked. Raises `BrokenJournal` for a break before the end and
        for a journal of another venue."""
        self.disk, self.venue = disk, venue
        self.stopped = False
        self.cut = 0
        """Bytes of an unacknowledged torn group that recovery cut off."""
        head = HEAD.pack(MAGIC, VERSION, sha256(venue.encode()).digest())
        if disk.size() < HEAD.size and head.startswith(disk.read(0, HEAD.size)):  # new, or torn while it was made
            disk.truncate(0)
            disk.append(head)
            disk.sync()
        found = disk.read(0, HEAD.size)
        if found != head:
            raise BrokenJournal(f"the file is no journal of the venue {venue!r}.", f"文件不是 {venue!r} 的日志。")
        self.chain, self.next = sha256(head).digest(), 0
        end = HEAD.size
        for group in _groups(disk, self.chain):
            self.chain, self.next, end = group.chain, group.first + group.count, group.end
            if seen:
                for _, start, stop in group.spans:
                    seen(group.records[start:stop])
        if (size := disk.size()) > end:
            self.cut = size - end
            disk.truncate(end)

    def read(self, start: int = 0) -> Iterator[Record]:
        """Records from number `start` on."""
        for group in _groups(self.disk, sha256(self.disk.read(0, HEAD.size)).digest()):
            if group.first + group.count > start:
                yield from group.from_number(start)

    def chains(self) -> Iterator[tuple[int, bytes]]:
        """After each group: the number of the next record and the chain hash."""
        start = sha256(self.disk.read(0, HEAD.size)).digest()
        yield 0, start
        for group in _groups(self.disk, start):
            yield group.first + group.count, group.chain

    def append(self, payloads: Sequence[bytes], version: int = 1) -> int:
        """Write the payloads as one group; durable when this returns the number of the first.

        Raises `JournalStopped` where the disk fails, from then on for every call.
        """
        if self.stopped:
            raise _stopped("the journal was stopped by an earlier fault.", "日志已因先前的故障停用。")
        records = b"".join(RECORD.pack(len(p), version) + p for p in payloads)
        if not payloads or len(records) > LONGEST:
            raise ValueError(f"a group has 1 record to {LONGEST} bytes")
        chain = sha256(self.chain + records).digest()
        start = GROUP.pack(MARK, self.next, len(payloads), len(records), 0)[:-4]
        raw = start + struct.pack("<I", zlib.crc32(start)) + records + chain
        try:
            self.disk.append(raw)
            self.disk.sync()
        except OSError as error:
            self.stopped = True
            raise _stopped(f"the disk did not take the record: {error}.", f"磁盘写入失败：{error}。") from error
        first, self.chain, self.next = self.next, chain, self.next + len(payloads)
        return first

    def close(self) -> None:
        self.disk.close()


def _stopped(en: str, zh: str) -> JournalStopped:
    return JournalStopped(en, zh, fix="mend the disk and start again; recovery keeps all acknowledged records"
                          " / 修复磁盘后重启，已确认的记录不会丢失")  # fmt: skip


Span = tuple[int, int, int]
"""Format version, start and end of a payload among a group's records."""


@dataclass(frozen=True, slots=True)
class _Group:
    first: int
    records: memoryview
    spans: list[Span]
    chain: bytes
    end: int

    @property
    def count(self) -> int:
        return len(self.spans)

    def from_number(self, start: int) -> Iterator[Record]:
        """Its records from number `start` on."""
        for seq, (version, at, stop) in enumerate(self.spans, self.first):
            if seq >= start:
                yield Record(seq, version, bytes(self.records[at:stop]))


class _Window:
    """Reads of a disk, in large pieces kept until the next. A map of the file would be as quick, but answers a bad sector by a signal."""

    def __init__(self, disk: Disk) -> None:
        self.disk, self.start = disk, 0
        self.view = memoryview(bytearray())

    def read(self, offset: int, length: int) -> memoryview:
        if not self.start <= offset <= offset + length <= self.start + len(self.view):
            self.start, self.view = offset, memoryview(bytearray(self.disk.read(offset, max(length, WINDOW))))
        at = offset - self.start
        return self.view[at : at + length]


def _groups(disk: Disk, chain: bytes) -> Iterator[_Group]:
    """Whole groups in order; ends before a torn last one. Raises `BrokenJournal`."""
    at, seq, size, window = HEAD.size, 0, disk.size(), _Window(disk)
    while at < size:
        group = _group(window, at, seq, chain)
        if group is None:
            _refuse_break(disk, at, seq, size)
            return
        yield group
        at, seq, chain = group.end, group.first + group.count, group.chain


def _group(window: _Window, at: int, seq: int, chain: bytes) -> _Group | None:
    """The group at an offset, or None where it is not whole."""
    parsed = _parsed(window.read(at, GROUP.size))
    if parsed is None or parsed[0] != seq:
        return None
    first, count, length = parsed
    body = window.read(at + GROUP.size, length + 32)
    if len(body) < length + 32:
        return None
    records, own = body[:length], bytes(body[length:])
    link = sha256(chain)
    link.update(records)
    spans = _spans(records)
    if link.digest() != own or len(spans) != count:
        return None
    return _Group(first, records, spans, own, at + GROUP.size + length + 32)


def _parsed(head: bytes | memoryview) -> tuple[int, int, int] | None:
    if len(head) < GROUP.size:
        return None
    mark, first, count, length, crc = GROUP.unpack(head)
    good = mark == MARK and crc == zlib.crc32(head[:-4]) and 0 < length <= LONGEST
    return (first, count, length) if good else None


def _refuse_break(disk: Disk, at: int, seq: int, size: int) -> None:
    """Raises `BrokenJournal` where a later group follows: then the damage is not the unacknowledged end."""
    parsed = _parsed(disk.read(at, GROUP.size))
    if parsed and parsed[0] == seq and at + GROUP.size + parsed[2] + 32 >= size:
        return
    offset, window = at + 1, 1 << 20
    while offset < size:
        raw = disk.read(offset, window + GROUP.size)
        found = raw.find(MARK)
        while 0 <= found < window:
            later = _parsed(raw[found : found + GROUP.size])
            if later and later[0] > seq:
                raise BrokenJournal(
                    f"record {seq} is damaged, and the later record {later[0]} is there.",
                    f"第 {seq} 条记录已损坏，而其后的第 {later[0]} 条仍在。",
                    where=f"byte {at}",
                    fix="restore the journal from a copy; nothing was changed / 用副本恢复日志；未作任何改动",
                )
            found = raw.find(MARK, found + 1)
        offset += window


def _spans(raw: memoryview) -> list[Span]:
    at, spans = 0, []
    while at + RECORD.size <= len(raw):
        length, version = RECORD.unpack_from(raw, at)
        at += RECORD.size
        if at + length > len(raw):
            break
        spans.append((version, at, at + length))
        at += length
    return spans
