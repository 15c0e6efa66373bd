"""Commands: idempotency (M17), recovery, snapshots, replay, groups, the writer thread."""

from __future__ import annotations

import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from qingshan.ledger import venue as venue_module
from qingshan.ledger.book import Book, Refused
from qingshan.ledger.entry import Leg
from qingshan.ledger.journal import BrokenJournal, JournalStopped
from qingshan.ledger.venue import Command, Decision, Receipt, Venue, Writer
from qingshan.ledger.verify import verify_journal

from .disks import SimulatedDisk
from .office import CASH, HANDLERS, command, opening


def pay(n: int, key: str, at: int = 0) -> Command:
    return command(Leg("A", "B", CASH, n, "gift"), key=key, at=at)


def start(tmp_path: Path, **more: object) -> Venue:
    return Venue(tmp_path, "test", HANDLERS, **more)  # type: ignore[arg-type]


def test_m17_the_same_key_is_the_same_command(tmp_path: Path) -> None:
    v = start(tmp_path)
    v.submit(command(*opening(), key="open"))
    first = v.submit(pay(10, "k", at=5))
    again = v.submit(pay(10, "k", at=99))
    assert (again.seq, again.answer, again.repeated) == (first.seq, first.answer, True)
    assert v.book.balance("B", CASH).value == 100_000_010
    with pytest.raises(Refused) as told:
        v.submit(pay(11, "k"))
    assert told.value.code == "key_reused"
    v.close()
    later = start(tmp_path)  # the client retries after a crash: the original result
    assert later.submit(pay(10, "k")).seq == first.seq
    assert later.book.balance("B", CASH).value == 100_000_010
    later.close()


def test_a_refused_command_leaves_no_trace(tmp_path: Path) -> None:
    v = start(tmp_path)
    v.submit(command(*opening(), key="open"))
    size, before = (tmp_path / "journal").stat().st_size, v.book.hash()
    for bad, code in [
        (pay(10**12, "x"), "too_little"),
        (Command("nothing", {}, "x", "clerk", 0), "unknown_command"),
        (Command("post", {"entries": []}, "", "clerk", 0), "key"),
        (Command("post", {"entries": []}, "x", "", 0), "actor"),
        (Command("post", {"entries": []}, "x", "clerk", -1), "time"),
        (Command("post", {"share": 0.5}, "x", "clerk", 0), "body"),
        (Command("post", {}, "x", "clerk", 0), "handler_failed"),
    ]:
        with pytest.raises(Refused) as told:
            v.submit(bad)
        assert told.value.code == code
    assert ((tmp_path / "journal").stat().st_size, v.book.hash()) == (size, before)
    v.submit(pay(1, "x"))  # its key is still free
    v.close()


def test_a_group_is_acknowledged_together_and_refusals_stay_apart(tmp_path: Path) -> None:
    v = start(tmp_path)
    results = v.submit_group([command(*opening(), key="open"), pay(5, "a"), pay(10**12, "b"), pay(7, "c"), pay(5, "a")])
    assert [type(r).__name__ for r in results] == ["Receipt", "Receipt", "Refused", "Receipt", "Receipt"]
    assert isinstance(results[4], Receipt) and results[4].repeated
    assert v.book.balance("B", CASH).value == 100_000_012
    v.close()


def test_a_group_costs_one_sync(tmp_path: Path) -> None:
    """Group commit: however many commands are acknowledged together, the disk is waited for once; a lone command waits for itself."""
    disk = SimulatedDisk()
    v = Venue(tmp_path, "test", HANDLERS, disk=disk)
    v.submit(command(*opening(), key="open"))
    before = disk.syncs
    v.submit_group([pay(1, f"k{n}") for n in range(50)])
    assert disk.syncs == before + 1
    v.submit(pay(1, "alone"))
    assert disk.syncs == before + 2


def test_time_never_runs_backwards(tmp_path: Path) -> None:
    v = start(tmp_path)
    v.submit(command(*opening(), key="open", at=1000))
    v.submit(pay(1, "a", at=10))
    assert [json.loads(r.payload)["at"] for r in v.journal.read()] == [1000, 1000]
    v.close()


@pytest.mark.parametrize("check", [False, True])
def test_a_restart_gives_the_same_state(tmp_path: Path, check: bool) -> None:
    v = start(tmp_path)
    v.submit(command(*opening(), key="open"))
    for n in range(1, 30):
        v.submit(pay(n, f"k{n}"))
        if n in (10, 20):
            v.snapshot()
    state, root = v.book.hash(), v.root()
    v.close()
    again = start(tmp_path, check=check)
    assert (again.book.hash(), again.root(), again.next) == (state, root, 30)
    again.close()
    for path in (tmp_path / "snapshots").iterdir():  # damaged snapshots are passed over
        path.write_bytes(path.read_bytes()[:-3])
    once_more = start(tmp_path)
    assert once_more.book.hash() == state
    once_more.close()


def test_a_snapshot_of_another_history_is_not_used(tmp_path: Path) -> None:
    v = start(tmp_path / "a")
    v.submit(command(*opening(), key="open"))
    v.submit(pay(1, "x"))
    kept = v.snapshot()
    v.close()
    w = start(tmp_path / "b")
    w.submit(command(*opening(), key="open"))
    w.submit(pay(2, "x"))
    w.close()
    (tmp_path / "b" / "snapshots").mkdir()
    (tmp_path / "b" / "snapshots" / kept.name).write_bytes(kept.read_bytes())
    again = start(tmp_path / "b")
    assert again.book.balance("B", CASH).value == 100_000_002
    again.close()


def test_a_changed_handler_is_found_by_a_checked_replay(tmp_path: Path) -> None:
    v = start(tmp_path)
    v.submit(command(*opening(), key="open"))
    v.close()

    def other(book: Book, given: Command) -> Decision:
        return Decision([], {"posted": 0})

    with pytest.raises(BrokenJournal, match="record 0"):
        Venue(tmp_path, "test", {"post": other}, check=True)


def test_old_formats_are_brought_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    v = start(tmp_path)
    v.submit(command(*opening(), key="open"))
    v.submit(pay(3, "x"))
    state = v.book.hash()
    v.close()
    monkeypatch.setattr(venue_module, "FORMAT", 3)
    with pytest.raises(BrokenJournal, match="format 2"):
        start(tmp_path)
    seen = []
    monkeypatch.setitem(venue_module.UPCASTERS, 2, lambda line: seen.append(line) or line)
    again = start(tmp_path)
    assert (again.book.hash(), len(seen)) == (state, 2)
    again.close()


def test_newer_records_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venue_module, "FORMAT", 2)
    v = start(tmp_path)
    v.submit(command(*opening(), key="open"))
    v.close()
    monkeypatch.setattr(venue_module, "FORMAT", 1)
    with pytest.raises(BrokenJournal, match="newer"):
        start(tmp_path)


def test_a_failing_disk_stops_the_venue_and_acknowledges_nothing(tmp_path: Path) -> None:
    disk = SimulatedDisk(fail_sync_at=3)
    v = Venue(tmp_path, "test", HANDLERS, disk=disk)
    v.submit(command(*opening(), key="open"))
    with pytest.raises(JournalStopped):
        v.submit(pay(1, "x"))
    with pytest.raises(JournalStopped):
        v.submit(pay(1, "y"))


@pytest.mark.parametrize("seed", range(60))
def test_simulated_crashes_lose_nothing_acknowledged(tmp_path: Path, seed: int) -> None:
    """Groups of random size, a crash at a random sync, restart, clients retry all they had no answer for."""
    rng = random.Random(seed)
    disk, acknowledged = SimulatedDisk(), 0
    commands = [
        command(*opening(), key="open"),
        *(pay(rng.randint(1, 9), f"k{n}", at=rng.randint(0, 100)) for n in range(40)),
    ]
    while True:
        disk.fail_sync_at = disk.syncs + rng.randint(2, 12)
        v = Venue(tmp_path, "test", HANDLERS, disk=disk)
        assert v.next >= acknowledged
        waiting = commands[acknowledged:]
        try:
            while waiting:
                group = waiting[: rng.randint(1, 5)]
                v.submit_group(group)
                waiting, acknowledged = waiting[len(group) :], acknowledged + len(group)
            break
        except JournalStopped:
            disk = disk.crash(rng)
    paid = sum(c.body["entries"][0]["quantity"] for c in commands[1:])
    assert v.book.balance("B", CASH).value == 100_000_000 + paid
    assert v.next == 41
    verdict = verify_journal(disk.durable)
    assert verdict.sound and verdict.root == v.root().hex()


def test_the_simulator_of_every_fault(tmp_path: Path) -> None:
    """80 seeded lives of a ledger whose disk fails in every way and whose clock jumps: what was acknowledged stays, is decided again to the
    same state, and the independent verifier finds nothing. Every fault must have struck."""
    struck: Counter[str] = Counter()
    for seed in range(80):
        rng = random.Random(1000 + seed)
        clock = lambda rng=rng: rng.choice((0, 1, 10**15, 10**15 + rng.randint(-(10**12), 10**12), 2**62 - 1))  # noqa: E731
        commands = [
            command(*opening(), key="open", at=clock()),
            *(pay(rng.randint(1, 9), f"k{n}", at=clock()) for n in range(20)),
        ]
        disk, acknowledged = SimulatedDisk(), 0
        while True:
            v = Venue(tmp_path, "test", HANDLERS, disk=disk, check=True)
            assert v.next >= acknowledged
            fault = rng.choice(("sync error", "no space", "none"))
            disk.fail_sync_at = disk.syncs + rng.randint(1, 6) if fault == "sync error" else -1
            disk.room = disk.size() + rng.randint(1, 3000) if fault == "no space" else None
            try:
                for n in range(acknowledged, len(commands)):
                    v.submit(commands[n])
                    acknowledged = n + 1
                break
            except JournalStopped:
                struck[fault] += 1
                kept = disk.crash(rng)
                struck[disk.how] += 1
                disk = kept
        times = [json.loads(r.payload)["at"] for r in v.journal.read()]
        assert times == sorted(times) and v.next == len(
            commands
        )  # a clock that goes back does not take the ledger with it
        assert v.book.balance("B", CASH).value == 100_000_000 + sum(
            c.body["entries"][0]["quantity"] for c in commands[1:]
        )
        struck["clock back"] += any(b.at < a.at for a, b in pairwise(commands))
        verdict = verify_journal(disk.durable)
        assert verdict.sound and verdict.root == v.root().hex()
    assert set(struck) >= {"sync error", "no space", "lost", "torn", "sectors", "whole", "clock back"}, struck


@pytest.mark.parametrize("at", [-1, 2**62, 1.5, True, "now"])
def test_a_time_that_is_none(tmp_path: Path, at: object) -> None:
    v = start(tmp_path)
    v.submit(command(*opening(), key="open"))
    before = v.book.hash()
    with pytest.raises(Refused) as told:
        v.submit(pay(1, "x", at=at))  # type: ignore[arg-type]
    assert (told.value.code, v.next, v.book.hash()) == ("time", 1, before)
    v.close()


def refusal(writer: Writer, key: str) -> str:
    with pytest.raises(Refused) as told:
        writer.submit(pay(10**12, key))
    return told.value.code


def test_many_callers_share_one_writer(tmp_path: Path) -> None:
    v = start(tmp_path)
    v.submit(command(*opening(), key="open"))
    writer = Writer(v)
    with ThreadPoolExecutor(16) as pool:
        receipts = list(pool.map(lambda n: writer.submit(pay(1, f"k{n}")), range(300)))
        refusals = list(pool.map(lambda n: refusal(writer, f"r{n}"), range(20)))
    writer.close()
    assert sorted(r.seq for r in receipts) == list(range(1, 301))
    assert refusals == ["too_little"] * 20
    assert v.book.balance("B", CASH).value == 100_000_300
    groups = sum(1 for _ in v.journal.chains()) - 1
    assert groups < 301
    v.close()
