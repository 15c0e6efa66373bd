"""kill -9 at any moment: nothing acknowledged is lost, the rest is whole or gone. `make kill-test` does 1,000 rounds.

A killed process proves nothing about a power cut; `test_journal.py` and `test_venue.py` simulate that one.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from qingshan.ledger.projection import BALANCE, Projection, open_engine
from qingshan.ledger.venue import Venue
from qingshan.ledger.verify import verify_journal

from .office import HANDLERS

ROOT = Path(__file__).parents[2]
ROUNDS = int(os.environ.get("QINGSHAN_KILL_ROUNDS", "12"))
A_JOURNAL = 10
"""Rounds on one journal, then a fresh one, so that a round stays short."""


@pytest.fixture(scope="module")
def ledgers() -> Iterator[subprocess.Popen[str]]:
    """The process from which the ledgers that die are forked."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    process = subprocess.Popen([sys.executable, "-m", "tests.ledger.killed"], cwd=ROOT, env=environment, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    yield process
    process.kill()
    process.wait(10)


def kill(ledgers: subprocess.Popen[str], folder: Path, seed: int, seconds: float, tables: bool) -> dict[str, int]:
    assert ledgers.stdin is not None and ledgers.stdout is not None
    ledgers.stdin.write(f"{folder}\t{seed}\t{seconds}\t{int(tables)}\n")
    ledgers.stdin.flush()
    return dict(json.loads(ledgers.stdout.readline()))


@pytest.mark.long
def test_nothing_acknowledged_is_lost(tmp_path: Path, ledgers: subprocess.Popen[str]) -> None:
    rng = random.Random(7)
    acknowledged: dict[str, int] = {}
    told = lost = torn = beyond = 0
    for round in range(ROUNDS):
        journal = round // A_JOURNAL
        folder, tables = tmp_path / str(journal), journal % 5 == 1
        if round % A_JOURNAL == 0:
            acknowledged.clear()
        seconds = rng.uniform(-0.03, 0.12)
        new = kill(ledgers, folder, round, seconds, tables)
        acknowledged |= new
        told += len(new)
        path = folder / "journal"
        verdict = verify_journal(path.read_bytes() if path.exists() else b"")
        if path.exists() and path.stat().st_size >= 40:  # killed before the head was whole: nothing was acknowledged
            assert verdict.sound, verdict.faults
        torn += verdict.torn_bytes > 0
        venue = Venue(folder, "killed", HANDLERS)
        found = {json.loads(r.payload)["command"]["key"]: r.seq for r in venue.journal.read()}
        lost += len(acknowledged.items() - found.items())
        beyond += len(found) > len(acknowledged) + 1  # the first command, which opens accounts, is not told
        assert acknowledged.items() <= found.items(), f"round {round}"
        if tables:
            same_balances(folder, venue)
        venue.close()
    assert told and lost == 0
    print(
        f"\n{ROUNDS} kills, {told} commands acknowledged, {lost} lost; {torn} torn ends cut, {beyond} with durable but untold commands"
    )


def same_balances(folder: Path, venue: Venue) -> None:
    """The tables of a killed ledger stand at a whole record and go on from there."""
    rows = Projection(open_engine(f"sqlite:///{folder / 'tables.sqlite'}"), "killed")
    assert rows.next <= venue.next
    rows.follow(venue)
    with rows.engine.connect() as c:
        found = {(r.account, r.asset): (r.cr, r.dr) for r in c.execute(sa.select(BALANCE))}
    rows.engine.dispose()
    assert found == {k: (b.cr, b.dr) for k, b in venue.book.balances.items() if k in found or b.cr or b.dr}
