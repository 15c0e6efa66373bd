"""A compiled day on the ledger: same trades as order by order, taken up after a kill at any point, posted once."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from ledger.disks import SimulatedDisk
from qingshan.ledger.book import Refused
from qingshan.ledger.journal import BrokenJournal, Journal, JournalStopped
from qingshan.ledger.verify import verify_journal
from qingshan.rights import core
from qingshan.rights.feed import trades
from qingshan.rights.market import open_orders
from qingshan.rights.registry import CASH
from qingshan.rights.session import Session, session_handlers, session_settings
from qingshan.rights.statements import statements

from .hall import HOLDERS, YUAN, Hall, T, rules_of

TEN_O_CLOCK = 10 * 3_600_000_000


class Day(Hall):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder, rules_of("price_time"))
        self.venue.handlers |= session_handlers()
        for n, holder in enumerate(HOLDERS):
            self.issue(f"D{n}", holder, 300 * T)
            self.money(holder, 20_000)

    def session(self, disk: SimulatedDisk, begin: bool = True) -> Session:
        if begin:
            self.send("market.session_open", "exchange2", asset=self.asset, accounts=list(HOLDERS))
        settings = session_settings(self.rule_set(), 50 * YUAN)
        return Session.open(self.venue, self.asset, HOLDERS, settings, Path("unused"), disk=disk, orders=4096)


def stream(seed: int, count: int) -> np.ndarray:
    rng = random.Random(seed)
    messages = np.zeros(count, core.MESSAGE)
    for n, m in enumerate(messages):
        m["id"], m["account"], m["kind"], m["side"], m["at"] = n, rng.randrange(4), 1, rng.choice([1, -1]), TEN_O_CLOCK
        m["price"], m["quantity"], m["type"] = (
            500_000 + 100 * rng.randint(-15, 15),
            T * rng.randint(1, 30),
            rng.choice([0, 0, 0, 1, 2]),
        )
        if rng.random() < 0.2 and n:
            m["id"], m["kind"] = rng.randrange(n), 2
            m["account"] = messages[m["id"]]["account"]
    return messages


def test_the_ledger_ends_as_order_by_order(tmp_path: Path) -> None:
    """The same messages through `market.order` and through the compiled session leave the same holdings, cash and serials."""
    messages = stream(5, 120)
    slow = Day(tmp_path / "slow")
    kinds = ("limit", "ioc", "fok")
    for m in messages:
        holder = HOLDERS[m["account"]]
        try:
            if m["kind"] == 1:
                slow.send("market.order", f"trader{holder}", id=f"o{m['id']}", asset=slow.asset, account=holder, side="buy" if m["side"] == 1 else "sell",
                          price=int(m["price"]), quantity=int(m["quantity"]), kind=kinds[m["type"]])  # fmt: skip
            else:
                slow.send("market.cancel", f"trader{holder}", id=f"o{m['id']}", asset=slow.asset)
        except Refused:
            pass
    for quote in open_orders(slow.venue.book, slow.asset):
        slow.send("market.cancel", "exchange2", id=quote.id, asset=slow.asset)
    fast = Day(tmp_path / "fast")
    session = fast.session(SimulatedDisk())
    for at in range(0, 120, 17):
        session.submit(messages[at : at + 17])
    with pytest.raises(Refused):
        session.close()
    traded = session.post("exchange2", fast.at)
    session.close()
    fast.send("market.session_close", "exchange2", asset=fast.asset)
    one, two = slow.venue.book, fast.venue.book
    assert traded == len(two.trades) == len(one.trades) > 10
    for holder in HOLDERS:
        assert one.balance(holder, CASH).value == two.balance(holder, CASH).value
        assert two.balance(holder, CASH).held == two.balance(holder, fast.asset).held == 0
        assert list(one.shelves[holder, slow.asset]) == list(two.shelves[holder, fast.asset])
    records = [b.records["market", fast.asset].content for b in (one, two)]
    assert {k: records[0][k] for k in ("volume", "value", "last")} == {
        k: records[1][k] for k in ("volume", "value", "last")
    }
    verdict = verify_journal((fast.venue.folder / "journal").read_bytes())
    assert verdict.sound, verdict.faults
    seen = [[(t.price, t.quantity, t.money, t.way) for t in trades(hall.venue)] for hall in (slow, fast)]
    assert seen[0] == seen[1] and len(seen[0]) == traded  # readers see each trade of a settlement in columns
    days = [statements(hall.venue, date(2024, 10, 4)) for hall in (slow, fast)]
    for holder in HOLDERS:
        told = [
            (d[holder].closing, d[holder].held, sorted((m.asset, m.quantity) for m in d[holder].movements if m.trade))
            for d in days
        ]
        assert told[0] == told[1]


@pytest.mark.parametrize("seed", range(8))
def test_killed_at_any_point_it_goes_on(tmp_path: Path, seed: int) -> None:
    """Crashes of the session's disk between batches and postings; what was acknowledged stays, trades are posted once."""
    rng = random.Random(seed)
    messages = stream(seed, 90)
    whole = Day(tmp_path / "whole")
    plain = whole.session(SimulatedDisk())
    plain.submit(messages)
    whole.venue.handlers |= session_handlers()
    plain.post("exchange2", whole.at)
    day = Day(tmp_path / "day")
    disk, done, begin = SimulatedDisk(), 0, True
    while done < len(messages):
        disk.fail_sync_at = disk.syncs + rng.randint(3, 6)
        try:
            session = day.session(disk, begin)
            begin = False
            done = int(session.state.registers[core.R_ORDERS]) and done
            while done < len(messages):
                session.submit(messages[done : done + 10])
                done += 10
                if rng.random() < 0.3:
                    session.post("exchange2", day.at)
        except JournalStopped:
            begin = False
            disk = disk.crash(rng)
            kept = sum(len(r.payload) // core.MESSAGE.itemsize for r in list(_records(disk, day))[1:])
            done = kept
    session.post("exchange2", day.at)
    assert set(day.venue.book.trades) == set(whole.venue.book.trades)
    for holder in HOLDERS:
        assert day.venue.book.balance(holder, CASH).value == whole.venue.book.balance(holder, CASH).value
        assert list(day.venue.book.shelves[holder, day.asset]) == list(whole.venue.book.shelves[holder, whole.asset])
    assert verify_journal((day.venue.folder / "journal").read_bytes()).sound


def _records(disk: SimulatedDisk, day: Day):  # type: ignore[no-untyped-def]
    return Journal(disk, f"{day.venue.name}/session").read()


def test_a_session_keeps_others_out(tmp_path: Path) -> None:
    day = Day(tmp_path)
    day.order("o", "X", "sell", 50, 1)
    with pytest.raises(Refused):
        day.session(SimulatedDisk())
    day.send("market.cancel", "traderX", id="o", asset=day.asset)
    disk = SimulatedDisk()
    session = day.session(disk)
    with pytest.raises(Refused):
        day.order("p", "X", "sell", 50, 1)
    with pytest.raises(Refused):
        day.send("rights.retire", "approverX", account="X", asset=day.asset, quantity=T, reason="x")
    with pytest.raises(BrokenJournal):
        Session.open(
            day.venue, day.asset, HOLDERS[:2], session_settings(day.rule_set(), 50 * YUAN), Path("unused"), disk=disk
        )
    session.close()
    day.send("market.session_close", "exchange2", asset=day.asset)
    day.order("p", "X", "sell", 50, 1)


def test_rules_that_cannot_run_compiled(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        session_settings(rules_of("listed_pick").on("national_like", date(2024, 10, 4)), 50 * YUAN)
