"""kill -9 at any moment: nothing acknowledged is lost, the rest is whole or gone. `make kill-test` does 1,000 rounds.

A killed process proves nothing about a power cut; `test_journal.py` and `test_venue.py` simulate that one.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qingshan.ledger.venue import Venue
from qingshan.ledger.verify import verify_journal

from .office import HANDLERS

ROOT = Path(__file__).parents[2]
ROUNDS = int(os.environ.get("QINGSHAN_KILL_ROUNDS", "12"))


@pytest.mark.long
def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    rng = random.Random(7)
    acknowledged: dict[str, int] = {}
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    for round in range(ROUNDS):
        folder = tmp_path / str(round // 50)  # a fresh journal now and then, so that a round stays short
        if round % 50 == 0:
            acknowledged.clear()
        run = subprocess.Popen([sys.executable, str(ROOT / "tests/ledger/killed.py"), str(folder), str(round)], stdout=subprocess.PIPE, text=True,
                               env=environment)  # fmt: skip
        assert run.stdout is not None
        assert run.stdout.readline().startswith("ready")
        time.sleep(rng.uniform(0, 0.15))
        run.send_signal(signal.SIGKILL)
        told = [line.split() for line in run.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        run.wait()
        acknowledged |= {key: int(seq) for _, key, seq in told}
        raw = (folder / "journal").read_bytes()
        verdict = verify_journal(raw)
        assert verdict.sound, verdict.faults
        venue = Venue(folder, "killed", HANDLERS)
        found = {json.loads(r.payload)["command"]["key"]: r.seq for r in venue.journal.read()}
        venue.close()
        assert acknowledged.items() <= found.items()
    assert acknowledged
