"""The exchange: durable orders a second with every check, replay, settlements into SQLite; matching alone beside other engines.

The stream is that of market.md section 12: one instrument, 2,000 accounts, 70 % passive, 10 % marketable, 20 % cancels, prices within
10 % of the reference. What is batched: one journal record with one fdatasync holds a batch of orders, and a batch is acknowledged when it has
been journalled, decided order by order and settled in memory (cash, units, serial ranges). `durable-orders` takes full batches one after the other;
`paced-orders` lets single orders arrive evenly at a rate, takes whatever has arrived as the next batch, and tells the time from each order's
arrival to its acknowledgement, waiting included. Checks that are on for every order: session, account open, kind, quantity, tick, lot, size, band,
overflow, id used before, own order on the other side, units or cash, for a cancel that the order is open and one's own. Who may act for an
account is checked by the face that puts the batch together, not here.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from qingshan.ledger.entry import Account, Asset, Entry, Leg, Lot, RegisterEntry
from qingshan.ledger.projection import Projection, open_engine
from qingshan.ledger.venue import Command, Decision, Venue
from qingshan.rights import core
from qingshan.rights.registry import CASH
from qingshan.rights.session import Session, session_handlers

from .harness import ROOT, Peer, Row, peer_python, report

ACCOUNTS, BATCH, LARGE, PACE = 2_000, 1_000, 5_000, 120_000
MESSAGES = int(os.environ.get("BENCH_MESSAGES", "200000"))
ASSET = "pollution:COD:bench:permit:2024-01-01/2034-01-01"
DAY = "2024-10-04"
clock = time.process_time if os.environ.get("BENCH_CPU") else time.perf_counter
"""BENCH_CPU=1 counts this process's own CPU seconds: for a machine that others load; waiting for the disk is then not counted."""
AT = 1_728_007_200_000_000  # 10:00 on that day in China
T = 10**6
SETTINGS = {
    "tick": 100,
    "lot": T,
    "below": 100_000 * T,
    "low": 450_000,
    "high": 550_000,
    "open1": 0,
    "shut1": 86_400_000_000,
    "open2": 0,
    "shut2": 0,
}
PEERS = {"litebook": "0.0.1", "lightmatchingengine": "2019.1.4", "order-matching": "0.12.0"}


def stream(count: int, seed: int = 20221) -> np.ndarray:
    """The message stream; a cancel names an order of the same account."""
    rng = np.random.default_rng(seed)
    m = np.zeros(count, core.MESSAGE)
    m["id"], m["kind"], m["at"] = np.arange(count), core.NEW, 36_000_000_000
    m["account"] = rng.integers(0, ACCOUNTS, count)
    m["side"] = rng.choice([1, -1], count)
    m["quantity"] = T * rng.integers(1, 100, count)
    away = (
        100 * rng.integers(1, 400, count) * np.where(rng.random(count) < 0.125, -1, 1)
    )  # an eighth of the new orders cross
    m["price"] = np.clip(500_000 - m["side"] * away, SETTINGS["low"], SETTINGS["high"])
    gone = np.flatnonzero((rng.random(count) < 0.2) & (m["id"] > 10))
    target = (rng.random(len(gone)) * gone).astype(np.int64)
    m["kind"][gone], m["id"][gone], m["account"][gone] = core.CANCEL, target, m["account"][target]
    return m


def venue(folder: Path) -> Venue:
    """A ledger with the accounts, their cash and tonnes, and an open market."""

    def found(book: object, command: Command) -> Decision:
        entries: list[Entry] = [
            Asset(ASSET, "t"),
            Asset(CASH, "1e-4 元"),
            Account("issuance", "v", "issuance"),
            Account("bank", "v", "outside"),
        ]
        entries.append(
            RegisterEntry("actor", "exchange", 1, "active", {"fields": {"roles": ["exchange"], "person": "p"}})
        )
        entries.append(
            RegisterEntry(
                "market",
                ASSET,
                1,
                "open",
                {"day": DAY, "volume": 0, "value": 0, "reference": 500_000, "rules": "national_like"},
            )
        )
        for n in range(ACCOUNTS):
            entries += [Account(f"a{n}", f"a{n}", "holding"), Lot(f"L{n}", ASSET, 10_000_000 * T, f"a{n}", "issuance", "ab" * 32),
                        Leg("bank", f"a{n}", CASH, 10**14, "paid_in")]  # fmt: skip
        return Decision(entries)

    made = Venue(folder, "bench", {"found": found, **session_handlers()})
    made.submit(Command("found", {}, "found", "root", AT))
    made.submit(
        Command(
            "market.session_open",
            {"asset": ASSET, "accounts": [f"a{n}" for n in range(ACCOUNTS)]},
            "open",
            "exchange",
            AT,
        )
    )
    return made


def durable(folder: Path, messages: np.ndarray, batch: int = BATCH) -> tuple[float, float, float, Session]:
    """Orders a second and the 50th and 99th percentile of a batch's time in ms."""
    at = venue(folder)
    session = Session.open(
        at, ASSET, [f"a{n}" for n in range(ACCOUNTS)], SETTINGS, folder / "session", orders=len(messages) + 1
    )
    gc.collect()
    times = []
    begun = clock()
    for start in range(0, len(messages), batch):
        one = clock()
        session.submit(messages[start : start + batch])
        times.append(clock() - one)
    whole = clock() - begun
    return len(messages) / whole, 1e3 * median(times), 1e3 * float(np.percentile(times, 99)), session


def paced(folder: Path, messages: np.ndarray, rate: int = PACE) -> tuple[float, float, float]:
    """Orders arrive evenly at `rate` a second: orders a second acknowledged, 50th and 99th percentile from arrival to acknowledgement in ms."""
    session = Session.open(
        venue(folder),
        ASSET,
        [f"a{n}" for n in range(ACCOUNTS)],
        SETTINGS,
        folder / "session",
        orders=len(messages) + 1,
    )
    gc.collect()
    arrival = np.arange(len(messages)) / rate
    told = np.empty(len(messages))
    at, begun = 0, time.perf_counter()
    while at < len(messages):
        here = min(len(messages), int((time.perf_counter() - begun) * rate))
        if here == at:
            time.sleep(1 / rate)
            continue
        session.submit(messages[at:here])
        told[at:here] = time.perf_counter() - begun
        at = here
    session.journal.close()
    waited = 1e3 * (told - arrival)
    return len(messages) / float(told[-1]), float(np.percentile(waited, 50)), float(np.percentile(waited, 99))


def settled(session: Session, folder: Path) -> tuple[float, float, float, int]:
    """Trades a second posted to the ledger, written from there to SQLite with synchronous FULL, and both one after the other."""
    tables = Projection(open_engine(f"sqlite:///{folder / 'ledger.sqlite'}"), "bench")
    tables.follow(session.venue)
    gc.collect()
    begun = clock()
    count = session.post("exchange", AT)
    posted = clock()
    tables.follow(session.venue)
    ended = clock()
    return count / (posted - begun), count / (ended - posted), count / (ended - begun), count


def replayed(session: Session, folder: Path, messages: np.ndarray) -> float:
    """Messages a second read from the journal, checked and decided again; the middle of three."""
    session.journal.close()
    rates = []
    for _ in range(3):
        gc.collect()
        begun = clock()
        again = Session.open(
            session.venue, ASSET, session.accounts, SETTINGS, folder / "session", orders=len(messages) + 1
        )
        rates.append(len(messages) / (clock() - begun))
        assert again.state.cash.tobytes() == session.state.cash.tobytes()
        again.journal.close()
    return median(rates)


def matching(messages: np.ndarray) -> float:
    """Messages a second of the compiled core alone, in one batch, checks on."""
    state = core.new_state(SETTINGS, ACCOUNTS, orders=len(messages) + 1)
    state.cash[:], state.open[:] = 10**14, True
    for n in range(ACCOUNTS):
        core.add_range(state.ranges, state.registers, state.heads, n, 0, n + 1, 0, 10_000_000 * T)
    begun = clock()
    core.run(state, messages)
    return len(messages) / (clock() - begun)


def peer(name: str, folder: Path, count: int) -> Peer:
    """Messages a second of another engine on the beginning of the same stream."""
    python = peer_python(name)
    if isinstance(python, str):
        return Peer(name, PEERS[name], missing=python)
    script = ROOT / "benchmarks" / "peers" / name / "run.py"
    done = subprocess.run(
        [python, script, folder / "stream.npy", str(count)], capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        return Peer(name, PEERS[name], missing=(done.stderr.strip().splitlines() or ["it failed"])[-1][:160])
    return Peer(name, PEERS[name], json.loads(done.stdout)["per_s"])


def main() -> None:
    messages = stream(MESSAGES)
    matching(messages[:1000])  # compile
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        np.save(folder / "stream.npy", messages)
        core_rate = median(matching(messages) for _ in range(3))
        peers = [peer(name, folder, {"order-matching": 3_000}.get(name, 50_000)) for name in PEERS]
        rate, p50, p99, session = durable(folder / "venue", messages)
        large, large50, large99, _ = durable(folder / "large", messages, LARGE)
        pace, pace50, pace99 = paced(folder / "paced", messages)
        replay = replayed(session, folder / "venue", messages)
        posted, sqlite, both, trades = settled(session, folder / "venue")
    what = f"{len(messages):,} messages, batches of {BATCH:,}, fdatasync before acknowledgement"
    report(
        "exchange",
        [
            Row("durable-orders", "orders_per_s", rate, f"1/s ({what})"),
            Row("durable-orders", "p50_ms", p50, "ms"),
            Row("durable-orders", "p99_ms", p99, "ms"),
            Row("durable-orders-large", "orders_per_s", large, f"1/s (batches of {LARGE:,})"),
            Row("durable-orders-large", "p50_ms", large50, "ms"),
            Row("durable-orders-large", "p99_ms", large99, "ms"),
            Row("paced-orders", "orders_per_s", pace, f"1/s (arriving one by one at {PACE:,}/s)"),
            Row("paced-orders", "p50_ms", pace50, "ms from arrival to acknowledgement"),
            Row("paced-orders", "p99_ms", pace99, "ms from arrival to acknowledgement"),
            Row("settlements-sqlite", "per_s", sqlite, f"1/s ({trades:,} trades, WAL, synchronous FULL)"),
            Row("settlements-ledger", "per_s", posted, "1/s (posted with serial ranges, journalled)"),
            Row(
                "settlements-posted-and-sqlite",
                "per_s",
                both,
                "1/s (from the session's trades to committed SQLite rows)",
            ),
            Row("replay", "events_per_s", replay, "1/s (hash chain checked, decided again)"),
            *(Row("matching-only", "messages_per_s", core_rate, "1/s", p) for p in peers),
        ],
    )


if __name__ == "__main__":
    main()
