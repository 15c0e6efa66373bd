"""The whole exchange against a naive model: sums in a dictionary and a list of orders. market.md section 11.1.

Issue, pay in and out, order, cancel, match, settle, pledge, release, surrender, the next day, crash and replay; the model counts whole tonnes and
yuan and matches tonne by tonne. Which serial goes where is held to `ledger/test_model.py`, the tape to `test_core.py`.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ledger.disks import SimulatedDisk
from qingshan.ledger.book import Refused
from qingshan.ledger.venue import Command, Venue
from qingshan.ledger.verify import verify_journal
from qingshan.rights.registry import CASH

from .hall import DAY, HOLDERS, SHA, YUAN, Hall, T, rules_of

WHO = st.sampled_from(HOLDERS)
TONNES = st.sampled_from([1, 5, 20, 30, 60, 70])


@lru_cache(maxsize=1)
def founded() -> tuple[bytes, dict[str, Any], str, int]:
    """The journal of a hall on its first day, its handlers, the instrument and the time: X has 500 t and 10,000 yuan and owes 100 t."""
    with tempfile.TemporaryDirectory() as folder:
        hall = Hall(Path(folder), rules_of("price_time"))
        hall.owe()
        raw = (hall.venue.folder / "journal").read_bytes()
        hall.venue.close()
        return raw, dict(hall.venue.handlers), hall.asset, hall.at


@dataclass
class Resting:
    id: str
    account: str
    side: str
    price: int
    left: int


class Exchange(RuleBasedStateMachine):
    """`units` and `cash` of each account, `today` bought on this day, `orders` by arrival, `pledges` by id; quantities in t, money in yuan."""

    @initialize()
    def begin(self) -> None:
        raw, self.handlers, self.asset, self.at = founded()
        self.folder = tempfile.TemporaryDirectory()
        self.disk = SimulatedDisk(raw)
        self.venue = Venue(Path(self.folder.name), "hall", self.handlers, disk=self.disk)
        self.units, self.cash = Counter({"X": 500}), Counter({"X": 10_000})
        self.today: Counter[str] = Counter()
        self.orders: list[Resting] = []
        self.pledges: dict[str, tuple[str, int]] = {}
        self.gone = self.sent = self.volume = self.value = 0
        self.reference = 50 * YUAN
        for account in HOLDERS:
            self.bank(account, 5_000, 1)
            self.issue(account, 60)

    # ---- the model --------------------------------------------------------------------------------------------------

    def asked(self, account: str) -> int:
        """Yuan set aside for an account's bids."""
        return sum(o.price * o.left for o in self.orders if (o.account, o.side) == (account, "buy"))

    def offered(self, account: str) -> int:
        return sum(o.left for o in self.orders if (o.account, o.side) == (account, "sell"))

    def pledged(self, account: str) -> int:
        return sum(q for a, q in self.pledges.values() if a == account)

    def free(self, account: str) -> int:
        return self.units[account] - self.offered(account) - self.pledged(account)

    def matched(self, account: str, side: str, price: int, quantity: int) -> list[Resting] | None:
        """The order that each tonne meets, the best price first, then the earliest; None where one of them is his own."""
        sign, met, left = (1 if side == "buy" else -1), [], Counter({o.id: o.left for o in self.orders})
        for _ in range(quantity):
            there = [o for o in self.orders if o.side != side and left[o.id] and sign * o.price <= sign * price]
            if not there:
                break
            best = min(there, key=lambda o: sign * o.price)  # the first of equals came first
            if best.account == account:
                return None
            left[best.id] -= 1
            met.append(best)
        return met

    def in_band(self, price: int) -> bool:
        return abs(Fraction(price * YUAN - self.reference, self.reference)) <= Fraction(1, 10)

    # ---- what happens -----------------------------------------------------------------------------------------------

    def send(self, command: str, by: str, /, **body: Any) -> Any:
        """The answer, or None where it was refused."""
        self.sent += 1
        try:
            return self.venue.submit(Command(command, body, f"m{self.sent}", by, self.at)).answer
        except Refused as refused:
            assert refused.code != "handler_failed", refused
            return None

    @rule(account=WHO, tonnes=TONNES)
    def issue(self, account: str, tonnes: int) -> None:
        body = {
            "lot": f"M{self.sent}",
            "asset": self.asset,
            "quantity": tonnes * T,
            "account": account,
            "evidence": SHA,
        }
        assert self.send("rights.issue", "registry0", **body)
        self.units[account] += tonnes

    @rule(account=WHO, yuan=st.integers(1, 5_000), sign=st.sampled_from([1, 1, -1]))
    def bank(self, account: str, yuan: int, sign: int) -> None:
        kind = "rights.cash_in" if sign > 0 else "rights.cash_out"
        taken = self.send(kind, "bank3", account=account, money=yuan * YUAN, statement="s") is not None
        assert taken == (sign > 0 or self.cash[account] - self.asked(account) >= yuan)
        self.cash[account] += sign * yuan * taken

    @rule(
        account=WHO,
        side=st.sampled_from(["buy", "sell"]),
        price=st.sampled_from([44, 48, 49, 50, 50, 51, 52, 56]),
        tonnes=TONNES,
        kind=st.sampled_from(["limit", "limit", "ioc", "fok"]),
    )
    def order(self, account: str, side: str, price: int, tonnes: int, kind: str) -> None:
        id = f"o{self.sent}"
        met = self.matched(account, side, price, tonnes)
        covered = (self.cash[account] - self.asked(account) >= price * tonnes if side == "buy"
                   else self.free(account) - self.today[account] >= tonnes)  # fmt: skip
        wanted = met is not None and covered and self.in_band(price) and (kind != "fok" or len(met) == tonnes)
        answer = self.send("market.order", f"trader{account}", id=id, asset=self.asset, account=account, side=side, price=price * YUAN,
                           quantity=tonnes * T, kind=kind)  # fmt: skip
        assert (answer is not None) == wanted
        if not wanted or met is None:
            return
        runs = [[i, str(q * T), str(p * YUAN)] for (i, p), q in Counter((o.id, o.price) for o in met).items()]
        assert answer["trades"] == runs
        for maker in met:
            seller, buyer = (account, maker.account) if side == "sell" else (maker.account, account)
            self.units[seller] -= 1
            self.units[buyer] += 1
            self.today[buyer] += 1
            self.cash[seller] += maker.price
            self.cash[buyer] -= maker.price
            self.volume, self.value = self.volume + 1, self.value + maker.price * YUAN
            maker.left -= 1
        self.orders = [o for o in self.orders if o.left]
        if kind == "limit" and tonnes > len(met):
            self.orders.append(Resting(id, account, side, price, tonnes - len(met)))

    @rule(pick=st.integers(0, 30), by=WHO)
    def cancel(self, pick: int, by: str) -> None:
        if self.orders:
            order = self.orders[pick % len(self.orders)]
            taken = self.send("market.cancel", f"trader{by}", asset=self.asset, id=order.id) is not None
            assert taken == (by == order.account)
            if taken:
                self.orders.remove(order)

    @rule(account=WHO, tonnes=TONNES)
    def pledge(self, account: str, tonnes: int) -> None:
        if not self.today[account]:  # else it depends on the serials which units are pledged
            id = f"p{self.sent}"
            taken = self.send(
                "rights.pledge",
                f"approver{account}",
                id=id,
                account=account,
                asset=self.asset,
                quantity=tonnes * T,
                creditor="Z",
            )
            assert (taken is not None) == (self.free(account) >= tonnes)
            if taken is not None:
                self.pledges[id] = (account, tonnes)

    @rule(pick=st.integers(0, 30), by=st.sampled_from(["Z", "Y"]))
    def release(self, pick: int, by: str) -> None:
        if self.pledges:
            id = sorted(self.pledges)[pick % len(self.pledges)]
            taken = self.send("rights.release", f"approver{by}", id=id) is not None
            assert taken == (by == "Z")
            if taken:
                del self.pledges[id]

    @rule(tonnes=TONNES)
    def surrender(self, tonnes: int) -> None:
        if not self.today["X"]:
            body = {"account": "X", "asset": self.asset, "quantity": tonnes * T, "obligation": "X:2024"}
            taken = self.send("rights.surrender", "approverX", **body) is not None
            assert taken == (self.free("X") >= tonnes)
            self.units["X"] -= tonnes * taken
            self.gone += tonnes * taken

    @rule()
    def next_day(self) -> None:
        close = self.send("market.close_day", "exchange2", asset=self.asset)["close"]
        if self.volume:
            self.reference = round(Fraction(self.value, self.volume * 100)) * 100
        assert close == str(self.reference)
        self.at += (3 if (self.at // DAY + 4) % 7 == 5 else 1) * DAY
        assert self.send("market.open_day", "exchange2", asset=self.asset)
        self.orders, self.today, self.volume, self.value = [], Counter(), 0, 0

    @rule(seed=st.integers(0, 1000))
    def crash(self, seed: int) -> None:
        state = self.venue.book.hash()
        self.disk = self.disk.crash(random.Random(seed))
        self.venue = Venue(Path(self.folder.name), "hall", self.handlers, disk=self.disk)
        assert self.venue.book.hash() == state

    # ---- what must hold ---------------------------------------------------------------------------------------------

    @invariant()
    def the_book_is_the_model(self) -> None:
        if not hasattr(self, "venue"):
            return
        book = self.venue.book
        for a in HOLDERS:
            units, cash = book.balance(a, self.asset), book.balance(a, CASH)
            assert (units.value, units.held) == (self.units[a] * T, (self.offered(a) + self.pledged(a)) * T)
            assert (cash.value, cash.held) == (self.cash[a] * YUAN, self.asked(a) * YUAN)
        assert book.balance("compliance", self.asset).value == book.surrendered.get("X:2024", 0) == self.gone * T

    def teardown(self) -> None:
        if hasattr(self, "venue"):
            verdict = verify_journal(self.disk.durable)
            assert verdict.sound, verdict.faults
            self.folder.cleanup()


Exchange.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestExchange = Exchange.TestCase
