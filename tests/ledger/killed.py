"""A process to be killed: opens the ledger, submits groups for ever, prints each acknowledged key. `python killed.py FOLDER SEED`."""

from __future__ import annotations

import random
import sys
from pathlib import Path

from tests.ledger.office import CASH, HANDLERS, command, opening

from qingshan.ledger.entry import Leg
from qingshan.ledger.venue import Command, Receipt, Venue


def main(folder: Path, seed: int) -> None:
    rng = random.Random(seed)
    venue = Venue(folder, "killed", HANDLERS)
    print("ready", venue.next, flush=True)
    venue.submit(command(*opening(), key="open"))
    n = venue.next
    while True:
        group: list[Command] = []
        for _ in range(rng.randint(1, 20)):
            debit, credit = rng.choice([("A", "B"), ("B", "A")])
            group.append(command(Leg(debit, credit, CASH, rng.randint(1, 5), "gift"), key=f"n{n}", at=n))
            n += 1
        results = venue.submit_group(group)
        print(
            "\n".join(f"ack {c.key} {r.seq}" for c, r in zip(group, results, strict=True) if isinstance(r, Receipt)),
            flush=True,
        )
        if rng.random() < 0.02:
            venue.snapshot()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
