"""Ledgers to be killed. Reads lines `FOLDER SEED SECONDS TABLES` and answers each with one line of JSON: the acknowledged keys.

Each line gets a process of its own, forked from this one so that a round costs no start of Python: it opens the ledger, submits groups for
ever and tells each acknowledged key; SECONDS after it began to write it is killed with SIGKILL, wherever it is. A negative SECONDS counts
from the fork, so that some die while they open and recover.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from tests.ledger.office import CASH, HANDLERS, command, opening

from qingshan.ledger.entry import Leg
from qingshan.ledger.projection import Projection, open_engine
from qingshan.ledger.venue import Command, Receipt, Venue


def work(folder: Path, seed: int, told: int, tables: bool) -> None:
    rng = random.Random(seed)
    venue = Venue(folder, "killed", HANDLERS)
    rows = Projection(open_engine(f"sqlite:///{folder / 'tables.sqlite'}"), "killed") if tables else None
    os.write(told, b"ready\n")
    venue.submit(command(*opening(), key="open"))
    n = venue.next
    while True:
        group: list[Command] = []
        for _ in range(rng.randint(1, 20)):
            debit, credit = rng.choice([("A", "B"), ("B", "A")])
            group.append(command(Leg(debit, credit, CASH, rng.randint(1, 5), "gift"), key=f"n{n}", at=n))
            n += 1
        results = venue.submit_group(group)
        lines = (f"{c.key} {r.seq}\n" for c, r in zip(group, results, strict=True) if isinstance(r, Receipt))
        os.write(told, "".join(lines).encode())
        if rows:
            rows.follow(venue)
        if rng.random() < 0.05:
            venue.snapshot()


def killed(folder: Path, seed: int, seconds: float, tables: bool) -> dict[str, int]:
    """Acknowledged keys and their record numbers of one ledger that was killed."""
    ear, mouth = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ear)
        try:
            work(folder, seed, mouth, tables)
        finally:
            os._exit(1)
    os.close(mouth)
    with os.fdopen(ear, encoding="utf-8") as stream:
        if seconds >= 0 and stream.readline() != "ready\n":
            raise RuntimeError("the ledger did not open")
        time.sleep(abs(seconds))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            raise RuntimeError("the ledger ended by itself")
        lines = [x for x in stream.read().splitlines(keepends=True) if x.endswith("\n") and x != "ready\n"]
    return {key: int(seq) for key, seq in map(str.split, lines)}


def main() -> None:
    print("ready", flush=True)
    for line in sys.stdin:
        folder, seed, seconds, tables = line.rstrip("\n").split("\t")
        print(json.dumps(killed(Path(folder), int(seed), float(seconds), tables == "1")), flush=True)


if __name__ == "__main__":
    main()
