"""Bytes of the journal: golden form, torn ends, breaks, two writers, failing disks. market.md section 14: M18."""

from __future__ import annotations

import random
from hashlib import sha256
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingshan.ledger.journal import BrokenJournal, FileDisk, Journal, JournalStopped, LockedJournal

from .disks import SimulatedDisk


def payloads(journal: Journal) -> list[bytes]:
    return [r.payload for r in journal.read()]


def test_golden_bytes() -> None:
    """The form of the module's description, put together here by hand."""
    disk = SimulatedDisk()
    Journal(disk, "v").append([b"ab", b"c"], version=1)
    head = b"QSJRNL\x01\x00" + sha256(b"v").digest()
    records = b"\x02\x00\x00\x00\x01\x00ab" + b"\x01\x00\x00\x00\x01\x00c"
    start = b"QSGR" + bytes(8) + b"\x02\x00\x00\x00" + b"\x0f\x00\x00\x00"
    chain = sha256(sha256(head).digest() + records).digest()
    assert disk.durable == head + start + crc32(start).to_bytes(4, "little") + records + chain


def test_m18_a_torn_end_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(FileDisk(path), "v")
    for word in (b"one", b"two", b"three"):
        journal.append([word])
    journal.close()
    path.write_bytes(path.read_bytes()[:-1])
    again = Journal(FileDisk(path), "v")
    assert payloads(again) == [b"one", b"two"]
    assert again.cut > 0
    again.append([b"four"])
    again.close()
    assert payloads(Journal(FileDisk(path), "v")) == [b"one", b"two", b"four"]


def test_m18_a_break_in_the_middle_is_refused_by_number() -> None:
    disk = SimulatedDisk()
    journal = Journal(disk, "v")
    ends = []
    for word in (b"one", b"two", b"three"):
        journal.append([word])
        ends.append(disk.size())
    whole = disk.durable
    for at in range(ends[0], ends[1]):  # any byte of record 1
        damaged = bytearray(whole)
        damaged[at] ^= 0x40
        with pytest.raises(BrokenJournal, match="record 1 "):
            Journal(SimulatedDisk(bytes(damaged)), "v")


def test_another_venue_is_refused() -> None:
    disk = SimulatedDisk()
    Journal(disk, "v").append([b"x"])
    with pytest.raises(BrokenJournal):
        Journal(disk, "w")
    with pytest.raises(BrokenJournal):
        Journal(SimulatedDisk(b"something else entirely, longer than a head of a journal"), "v")


def test_two_writers_on_one_journal(tmp_path: Path) -> None:
    first = Journal(FileDisk(tmp_path / "journal"), "v")
    with pytest.raises(LockedJournal):
        FileDisk(tmp_path / "journal")
    first.append([b"x"])
    first.close()
    second = Journal(FileDisk(tmp_path / "journal"), "v")
    assert payloads(second) == [b"x"]
    second.close()


def test_a_failing_sync_stops_the_journal() -> None:
    disk = SimulatedDisk(fail_sync_at=3)  # 1: head, 2: first group
    journal = Journal(disk, "v")
    journal.append([b"kept"])
    with pytest.raises(JournalStopped):
        journal.append([b"lost"])
    with pytest.raises(JournalStopped):  # a second sync that "works" proves nothing: still stopped
        journal.append([b"never"])
    assert payloads(Journal(disk.crash(random.Random(1)), "v"))[:1] == [b"kept"]


def test_no_space_left_keeps_what_was_acknowledged() -> None:
    disk = SimulatedDisk(room=250)
    journal = Journal(disk, "v")
    kept = []
    with pytest.raises(JournalStopped):
        for n in range(10):
            journal.append([b"x" * 20 + bytes([n])])
            kept.append(b"x" * 20 + bytes([n]))
    assert kept
    assert payloads(Journal(SimulatedDisk(disk.durable + bytes(disk.pending)), "v")) == kept


@settings(max_examples=200)
@given(
    st.integers(0, 2**32),
    st.lists(st.lists(st.binary(min_size=0, max_size=40), min_size=1, max_size=4), min_size=1, max_size=6),
)
def test_acknowledged_records_survive_every_crash(seed: int, groups: list[list[bytes]]) -> None:
    """The last group is appended and the power fails before its sync: all earlier records are there, it is whole or gone."""
    rng = random.Random(seed)
    disk = SimulatedDisk()
    journal = Journal(disk, "v")
    for group in groups[:-1]:
        journal.append(group)
    disk.fail_sync_at = disk.syncs + 1
    with pytest.raises(JournalStopped):
        journal.append(groups[-1])
    acknowledged = [p for g in groups[:-1] for p in g]
    found = payloads(Journal(disk.crash(rng), "v"))
    assert found in (acknowledged, acknowledged + groups[-1])
