"""The ledger against the plainest model there is: a dictionary from every single unit to where it lies. market.md section 11.1."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from fractions import Fraction
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from qingshan.ledger.book import Refused
from qingshan.ledger.entry import Entry, Hold, Leg, Lot, Release, Trade
from qingshan.ledger.venue import Venue
from qingshan.ledger.verify import verify_journal

from .disks import SimulatedDisk
from .office import CASH, HANDLERS, UNITS, T, command, opening

HOLDERS = ("A", "B", "C")
FREE = ""
SMALL = st.integers(1, 12)
WHO = st.sampled_from(HOLDERS)


class Ledger(RuleBasedStateMachine):
    """Lots of a few micro-units; after each step every unit lies where the dictionary says, also after a crash."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.disk = SimulatedDisk()
        self.venue = Venue(Path(self.folder.name), "model", HANDLERS, disk=self.disk)
        self.units: dict[tuple[str, int], tuple[str, str]] = {}  # (lot, number) -> account, hold
        self.money = {"A": 100_000_000, "B": 100_000_000, "C": 0}
        self.sent = 0
        self.holds: dict[str, tuple[str, int]] = {}
        self.send(*(e for e in opening() if not isinstance(e, Lot)))

    def send(self, *entries: Entry) -> bool:
        """Whether the ledger took it."""
        self.sent += 1
        try:
            self.venue.submit(command(*entries, key=f"k{self.sent}", at=self.sent))
        except Refused:
            return False
        return True

    def lying(self, account: str, hold: str = FREE) -> list[tuple[str, int]]:
        order = {lot: state.order for lot, state in self.venue.book.lots.items()}
        return sorted((u for u, at in self.units.items() if at == (account, hold)), key=lambda u: (order[u[0]], u[1]))

    def ranges(self, units: list[tuple[str, int]]) -> tuple[tuple[str, int, int], ...]:
        return tuple((lot, n, n + 1) for lot, n in units)

    @rule(account=WHO, quantity=SMALL)
    def issue(self, account: str, quantity: int) -> None:
        lot = f"M{self.sent}"
        assert self.send(Lot(lot, UNITS, quantity, account, "issue", "ab" * 32))
        self.units |= {(lot, n): (account, FREE) for n in range(quantity)}

    @rule(source=WHO, goal=st.sampled_from((*HOLDERS, "retired", "duty", "void")), quantity=SMALL)
    def move(self, source: str, goal: str, quantity: int) -> None:
        units = self.lying(source)[:quantity]
        obligation = "A:2024" if goal == "duty" else ""
        taken = self.send(Leg(source, goal, UNITS, quantity, "gift", self.ranges(units), obligation=obligation))
        assert taken == (len(units) == quantity and source != goal)
        if taken:
            self.units |= dict.fromkeys(units, (goal, FREE))

    @rule(account=WHO, quantity=SMALL)
    def hold(self, account: str, quantity: int) -> None:
        units, id = self.lying(account)[:quantity], f"h{self.sent}"
        taken = self.send(Hold(id, account, UNITS, quantity, "pledge", self.ranges(units)))
        assert taken == (len(units) == quantity)
        if taken:
            self.holds[id] = (account, quantity)
            self.units |= dict.fromkeys(units, (account, id))

    @rule(pick=st.integers(0, 50), quantity=SMALL)
    def release(self, pick: int, quantity: int) -> None:
        if not self.holds:
            return
        id = sorted(self.holds)[pick % len(self.holds)]
        account, size = self.holds[id]
        units = self.lying(account, id)[:quantity]
        taken = self.send(Release(id, account, UNITS, quantity, self.ranges(units)))
        assert taken == (quantity <= size)
        if taken:
            self.units |= dict.fromkeys(units, (account, FREE))
            self.holds[id] = (account, size - quantity)
            if size == quantity:
                del self.holds[id]

    @rule(seller=WHO, buyer=WHO, quantity=SMALL, price=st.integers(1, 30_000_000))
    def trade(self, seller: str, buyer: str, quantity: int, price: int) -> None:
        money = round(Fraction(price * quantity, T))  # exact, halves to even
        units, id = self.lying(seller)[:quantity], f"t{self.sent}"
        legs: list[Entry] = [Leg(seller, buyer, UNITS, quantity, "settlement", self.ranges(units), trade=id)]
        if money:
            legs.append(Leg(buyer, seller, CASH, money, "settlement", trade=id))
        taken = self.send(Trade(id, UNITS, quantity, seller, buyer, CASH, price, money), *legs)
        assert taken == (len(units) == quantity and seller != buyer and self.money[buyer] >= money)
        if taken:
            self.units |= dict.fromkeys(units, (buyer, FREE))
            self.money[buyer] -= money
            self.money[seller] += money

    @rule(lot=st.integers(0, 50), by=WHO)
    def grasp(self, lot: int, by: str) -> None:
        """Somebody else's units, held units, retired units: always refused."""
        strange = sorted(u for u, at in self.units.items() if at != (by, FREE))
        if strange:
            unit = strange[lot % len(strange)]
            assert not self.send(Leg(by, "A" if by != "A" else "B", UNITS, 1, "theft", self.ranges([unit])))

    @rule(seed=st.integers(0, 1000))
    def crash(self, seed: int) -> None:
        state = self.venue.book.hash()
        self.disk = self.disk.crash(random.Random(seed))
        self.venue = Venue(Path(self.folder.name), "model", HANDLERS, disk=self.disk, check=True)
        assert self.venue.book.hash() == state

    @rule()
    def snapshot(self) -> None:
        self.venue.snapshot()

    @invariant()
    def every_unit_lies_where_it_should(self) -> None:
        if not hasattr(self, "venue"):
            return
        book = self.venue.book
        assert {a: book.balance(a, CASH).value for a in HOLDERS} == self.money
        there = {
            (r.lot, n): (a, FREE)
            for (a, asset), s in book.shelves.items()
            if asset == UNITS
            for r in s
            for n in range(r.start, r.end)
        }
        there |= {
            (r.lot, n): (h.account, i) for i, h in book.holds.items() for r in h.shelf for n in range(r.start, r.end)
        }
        assert there == self.units
        counts = Counter(a for a, _ in self.units.values())
        held = Counter(a for a, hold in self.units.values() if hold)
        for account in (*HOLDERS, "retired", "duty", "void"):
            balance = book.balance(account, UNITS)
            assert (balance.value, balance.held) == (counts[account], held[account])

    def teardown(self) -> None:
        if hasattr(self, "venue"):
            verdict = verify_journal(self.disk.durable)
            assert verdict.sound, verdict.faults
            self.folder.cleanup()


Ledger.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLedger = Ledger.TestCase
