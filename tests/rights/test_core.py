"""The compiled session against the slow oracle: one tape over 100 seeds, byte by byte; conservation; limits."""

from __future__ import annotations

import random

import numpy as np
import pytest

from ledger.disks import SimulatedDisk
from qingshan.core.canonical import canonical
from qingshan.ledger.journal import Journal
from qingshan.rights.core import CODES, MESSAGE, State, add_range, new_state, run

from .oracle import Oracle

SETTINGS = {
    "tick": 100,
    "lot": 3,
    "below": 60,
    "low": 480_000,
    "high": 520_000,
    "open1": 100,
    "shut1": 900,
    "open2": 950,
    "shut2": 2000,
}
ACCOUNTS = 6


def start(seed: int) -> tuple[State, Oracle]:
    """Each account has cash of 1e-4 yuan and a few scattered ranges of lots 1 to 3."""
    rng = random.Random(seed)
    state = new_state(SETTINGS, ACCOUNTS, orders=4096, ranges=32)
    free: list[list[tuple[int, int]]] = [[] for _ in range(ACCOUNTS)]
    for lot in (1, 2, 3):
        at = 0
        for _ in range(8):
            account, size = rng.randrange(ACCOUNTS), rng.randint(1, 60)
            add_range(state.ranges, state.registers, state.heads, account, 0, lot, at, at + size)
            state.units[account] += size
            free[account] += [(lot, n) for n in range(at, at + size)]
            at += size
    cash = [rng.choice([0, 40, 400, 4000]) for _ in range(ACCOUNTS)]
    state.cash[:] = cash
    state.open[:] = True
    return state, Oracle(SETTINGS, cash, [sorted(f) for f in free], [[] for _ in range(ACCOUNTS)])


def stream(seed: int, count: int) -> np.ndarray:
    rng = random.Random(seed + 1)
    messages = np.zeros(count, MESSAGE)
    for n, m in enumerate(messages):
        m["id"], m["account"], m["kind"] = n, rng.randrange(ACCOUNTS), 1
        m["side"], m["type"] = rng.choice([1, -1]), rng.choice([0, 0, 0, 1, 2])
        m["price"], m["quantity"] = 500_000 + 100 * rng.randint(-12, 12), 3 * rng.randint(1, 12)
        m["at"] = rng.choice([150, 500, 960, 1999])
        if rng.random() < 0.25 and n:
            m["id"], m["kind"] = rng.randrange(n), rng.choice([2, 2, 3])
            if rng.random() < 0.7:
                m["account"] = messages[m["id"]]["account"]
        if rng.random() < 0.08:  # something wrong
            name, value = rng.choice([("price", 500_050), ("price", 470_000), ("quantity", 4), ("quantity", 0), ("quantity", 60), ("at", 920), ("account", 9),
                                      ("side", 0), ("type", 5), ("id", max(0, n - 1)), ("price", -100)])  # fmt: skip
            m[name] = value
    return messages


def spelled(trades: np.ndarray, tape: np.ndarray) -> list[tuple]:
    out = []
    for t in trades:
        parts = tape[t["first_range"] : t["first_range"] + t["ranges"]]
        units = [(int(r["lot"]), n) for r in parts for n in range(r["start"], r["end"])]
        out.append((*(int(t[k]) for k in ("taker", "maker", "seller", "buyer", "price", "quantity", "money")), units))
    return out


def listed(state: State, account: int, which: int) -> list[tuple[int, int]]:
    found, r = [], state.heads[account, which]
    while r >= 0:
        order, begin, end, after = state.ranges[r]
        found += [(int(order), n) for n in range(begin, end)]
        r = after
    return found


@pytest.mark.parametrize("seed", range(100))
def test_one_tape(seed: int) -> None:
    """The tapes of the oracle, of the compiled core as the messages come, and of the core from what a journal kept: the same bytes."""
    state, oracle = start(seed)
    messages = stream(seed, 250)
    disk = SimulatedDisk()
    journal = Journal(disk, "tape")
    told_by: dict[str, list[tuple]] = {"oracle": [], "core": [], "replay": []}
    total = int(state.cash.sum()), int(state.units.sum())
    told: set[str] = set()
    at = 0
    rng = random.Random(seed)
    while at < len(messages):
        batch = messages[at : at + rng.randint(1, 40)]
        journal.append([batch.tobytes()])
        acks, trades, tape = run(state, batch)
        lines = spelled(trades, tape)
        told_by["core"] += lines
        for m, ack in zip(batch, acks, strict=True):
            code, wanted, left = oracle.message({k: int(m[k]) for k in MESSAGE.names or ()})
            told_by["oracle"] += wanted
            assert (CODES[ack["code"]], int(ack["left"])) == (code, left), m
            assert lines[: len(wanted)] == wanted
            assert ack["trades"] == len(wanted)
            lines = lines[len(wanted) :]
            told.add(code)
        assert not lines
        at += len(batch)
    assert state.cash.tolist() == oracle.cash
    assert state.held.tolist() == [oracle.held(a) for a in range(ACCOUNTS)]
    assert [listed(state, a, 0) for a in range(ACCOUNTS)] == oracle.free
    assert [sorted(listed(state, a, 1)) for a in range(ACCOUNTS)] == oracle.bought
    assert (int(state.cash.sum()), int(state.units.sum())) == total
    assert {"ok"} < told
    again, _ = start(seed)
    for record in Journal(SimulatedDisk(disk.durable), "tape").read():
        told_by["replay"] += spelled(*run(again, np.frombuffer(record.payload, MESSAGE))[1:])
    tapes = {canonical(lines) for lines in told_by.values()}
    assert len(tapes) == 1 and told_by["oracle"]
    assert again.cash.tobytes() == state.cash.tobytes() and again.orders.tobytes() == state.orders.tobytes()


def test_batches_do_not_matter() -> None:
    tapes = []
    for size in (1, 7, 250):
        state, _ = start(3)
        messages, got = stream(3, 250), []
        for at in range(0, 250, size):
            _, trades, tape = run(state, messages[at : at + size])
            got += spelled(trades, tape)
        tapes.append((got, state.cash.tobytes(), state.orders[:, :6].tobytes()))
    assert tapes[0] == tapes[1] == tapes[2]


def test_a_full_pool_refuses_and_changes_nothing() -> None:
    state = new_state(SETTINGS, 1, orders=2, ranges=64)
    state.cash[:], state.open[:] = 10**9, True
    messages = stream(0, 4)
    messages["kind"], messages["side"], messages["type"], messages["account"] = 1, 1, 0, 0
    messages["price"], messages["quantity"], messages["at"], messages["id"] = 500_000, 3, 500, range(4)
    acks, _, _ = run(state, messages)
    assert [CODES[c] for c in acks["code"]] == ["ok", "ok", "full", "full"]


def test_a_product_beyond_int64_is_refused() -> None:
    state = new_state(SETTINGS | {"below": 2**62, "lot": 1}, 1, orders=4, ranges=64)
    state.cash[:], state.open[:] = 2**62, True
    messages = stream(0, 1)
    messages["kind"], messages["side"], messages["type"], messages["account"], messages["at"] = 1, 1, 0, 0, 500
    messages["price"], messages["quantity"] = 500_000, 2**61
    assert CODES[run(state, messages)[0]["code"][0]] == "overflow"


@pytest.mark.parametrize("change", [{"low": 480_001}, {"low": 530_000}, {"high": 10**12}])
def test_a_band_that_does_not_fit(change: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="band"):
        new_state(SETTINGS | change, 1)
