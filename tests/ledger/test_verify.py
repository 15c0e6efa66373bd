"""The independent verifier: agrees with the engine on sound journals, names every planted fault. M8, M18; it imports no engine."""

from __future__ import annotations

import ast
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from qingshan.ledger import verify
from qingshan.ledger.book import Refused
from qingshan.ledger.entry import Entry, Hold, Leg, Lot, Release, Trade
from qingshan.ledger.journal import Journal
from qingshan.ledger.venue import Venue
from qingshan.ledger.verify import verify_journal

from .disks import SimulatedDisk
from .office import CASH, HANDLERS, UNITS, T, command, opening

Lines = list[dict[str, Any]]


def story() -> Lines:
    """A sound history of six records as journal lines."""
    disk = SimulatedDisk()
    v = Venue(Path("unused"), "test", HANDLERS, disk=disk)
    quantity, money = 300 * T, 150_000_000 // 10
    for n, entries in enumerate([
        opening(),
        [Hold("h1", "A", UNITS, quantity, "order", (("L1", 0, quantity),))],
        [Trade("t1", UNITS, quantity, "A", "B", CASH, 50_000, money),
         Leg("A", "B", UNITS, quantity, "settlement", (("L1", 0, quantity),), hold="h1", trade="t1"),
         Leg("B", "A", CASH, money, "settlement", trade="t1")],
        [Leg("B", "retired", UNITS, 100 * T, "retire", (("L1", 0, 100 * T),))],
        [Leg("B", "duty", UNITS, 50 * T, "surrender", (("L1", 100 * T, 150 * T),), obligation="o1")],
        [Hold("p1", "B", UNITS, 50 * T, "pledge", (("L1", 150 * T, 200 * T),), "loan")],
    ]):  # fmt: skip
        v.submit(command(*entries, key=f"k{n}", at=n))
    return [json.loads(r.payload) for r in v.journal.read()]


def written(lines: Lines) -> bytes:
    """The lines as a journal whose chain is whole: only the content can be wrong."""
    disk = SimulatedDisk()
    journal = Journal(disk, "test")
    for line in lines:
        journal.append([json.dumps(line).encode()])
    return disk.durable


def faults(lines: Lines) -> set[tuple[int, int]]:
    return {(f["rule"], f["record"]) for f in verify_journal(written(lines)).faults}


def test_a_sound_journal_has_no_fault() -> None:
    verdict = verify_journal(written(story()))
    assert verdict.sound
    assert verdict.balances["B", UNITS] == 150 * T
    assert verdict.balances["issue", UNITS] == -1000 * T


def test_m8_an_overlapping_range_is_reported() -> None:
    """[2e8, 4e8) planted for C: the first half is B's (150-200 t pledged), the second A's."""
    lines = story()
    plant = Leg("A", "C", UNITS, 2 * 10**8, "planted", (("L1", 2 * 10**8, 4 * 10**8),)).line()
    lines.append(copy_with(lines[-1], [plant], key="planted"))
    verdict = verify_journal(written(lines))
    words = [f["what"] for f in verdict.faults if f["rule"] == 3]
    assert any("overlap" in w and "B" in w for w in words)


def copy_with(line: dict[str, Any], entries: list[dict[str, Any]], key: str) -> dict[str, Any]:
    return json.loads(json.dumps(line | {"entries": entries, "command": line["command"] | {"key": key}}))


def entry(lines: Lines, record: int, do: str) -> dict[str, Any]:
    return next(e for e in lines[record]["entries"] if e["do"] == do)


def lost_posting(lines: Lines) -> None:
    lines[2]["entries"] = [e for e in lines[2]["entries"] if e.get("asset") != CASH or e["do"] == "trade"]


def edited_amount(lines: Lines) -> None:
    entry(lines, 2, "trade")["money"] += 1


def settled_twice(lines: Lines) -> None:
    lines.append(copy_with(lines[2], lines[2]["entries"], key="again"))


def moved_after_retirement(lines: Lines) -> None:
    lines.append(copy_with(lines[3], [Leg("retired", "B", UNITS, T, "back", (("L1", 0, T),)).line()], key="back"))


def over_issued(lines: Lines) -> None:
    lines.append(copy_with(lines[3], [Lot("L2", UNITS, 1001 * T, "A", "issue", "ef").line()], key="more"))


def unheld_sale(lines: Lines) -> None:
    del lines[1]


def overdrawn(lines: Lines) -> None:
    lines.append(copy_with(lines[3], [Leg("C", "A", CASH, 1, "gift").line()], key="gift"))


def released_twice(lines: Lines) -> None:
    free = Release("p1", "B", UNITS, 50 * T, (("L1", 150 * T, 200 * T),)).line()
    lines.append(copy_with(lines[3], [free], key="r1"))
    lines.append(copy_with(lines[3], [free], key="r2"))


def surrendered_for_nothing(lines: Lines) -> None:
    del entry(lines, 4, "leg")["obligation"]


def key_used_twice(lines: Lines) -> None:
    lines[5]["command"]["key"] = "k3"


def time_back(lines: Lines) -> None:
    lines[4]["at"] = 1


def minted_by_a_leg(lines: Lines) -> None:
    lines.append(
        copy_with(lines[3], [Leg("issue", "C", UNITS, T, "x", (("L1", 900 * T, 901 * T),)).line()], key="mint")
    )


def paid_to_nobody(lines: Lines) -> None:
    lines.append(copy_with(lines[3], [Leg("A", "nobody", CASH, 1, "gift").line()], key="gift"))


def paid_a_negative_sum(lines: Lines) -> None:
    lines.append(copy_with(lines[3], [Leg("A", "B", CASH, -1, "gift").line()], key="gift"))


@pytest.mark.parametrize(
    ("plant", "rule_number", "record"),
    [
        (paid_to_nobody, 1, 6), (paid_a_negative_sum, 1, 6),
        (lost_posting, 6, 2), (edited_amount, 6, 2), (settled_twice, 6, 6), (moved_after_retirement, 4, 6), (over_issued, 5, 6),
        (unheld_sale, 6, 1), (overdrawn, 2, 6), (released_twice, 6, 7), (surrendered_for_nothing, 7, 4), (key_used_twice, 8, 5),
        (time_back, 8, 4), (minted_by_a_leg, 3, 6),
    ],
)  # fmt: skip
def test_every_planted_fault_is_named(plant: Callable[[Lines], None], rule_number: int, record: int) -> None:
    lines = story()
    plant(lines)
    assert (rule_number, record) in faults(lines)


def test_each_of_the_eight_rules_has_a_planted_fault() -> None:
    found = set()
    for plant in (
        paid_to_nobody,
        overdrawn,
        minted_by_a_leg,
        moved_after_retirement,
        over_issued,
        lost_posting,
        surrendered_for_nothing,
        time_back,
    ):
        lines = story()
        plant(lines)
        found |= {rule for rule, _ in faults(lines)}
    assert found == set(range(1, 9))


def test_an_edited_byte_breaks_the_chain_and_names_the_record() -> None:
    raw = bytearray(written(story()))
    at = bytes(raw).index(b'"retire"')
    raw[at + 1] ^= 1
    verdict = verify_journal(bytes(raw))
    assert [(f["rule"], f["record"]) for f in verdict.faults if "chain" in f["what"]] == [(8, 3)]


def test_the_command_line_names_the_fault(tmp_path: Path) -> None:
    lines = story()
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(written(lines))
    settled_twice(lines)
    bad.write_bytes(written(lines))
    run = [sys.executable, "-m", "qingshan.ledger.verify"]
    assert subprocess.run([*run, str(good)], capture_output=True, check=False).returncode == 0
    told = subprocess.run([*run, str(bad)], capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "t1 is settled twice" in told.stdout
    assert subprocess.run([*run, str(tmp_path / "none")], capture_output=True, check=False).returncode == 2


def test_the_verifier_imports_only_the_standard_library() -> None:
    tree = ast.parse(Path(verify.__file__).read_text(encoding="utf-8"))
    names = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    names |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert {n.partition(".")[0] for n in names} <= set(sys.stdlib_module_names)


HOLDERS = ("A", "B", "C")


class Office(RuleBasedStateMachine):
    """Random business against a naive model: one set of owned micro-units per place; crash and restart at any time."""

    @initialize()
    def start(self) -> None:
        self.disk = SimulatedDisk()
        self.venue = Venue(Path("unused"), "test", HANDLERS, disk=self.disk)
        small = [e if not isinstance(e, Lot) else Lot("L1", UNITS, 60, "A", "issue", "ab") for e in opening()]
        self.venue.submit(command(*small, key="open"))
        self.place = dict.fromkeys((("L1", n) for n in range(60)), "A")
        self.cash = dict.fromkeys(HOLDERS, 0) | {"A": 100_000_000, "B": 100_000_000}
        self.holds: dict[str, tuple[str, list[tuple[str, int]]]] = {}
        self.keys, self.lots = 0, 1

    def send(self, *entries: Entry) -> bool:
        self.keys += 1
        try:
            self.venue.submit(command(*entries, key=f"k{self.keys}", at=self.keys))
        except Refused:
            return False
        return True

    def units(self, where: str) -> list[tuple[str, int]]:
        held = {u for _, us in self.holds.values() for u in us}
        return sorted(
            (u for u, p in self.place.items() if p == where and u not in held), key=lambda u: (int(u[0][1:]), u[1])
        )

    @rule(
        source=st.sampled_from(HOLDERS), to=st.sampled_from([*HOLDERS, "retired", "void"]), quantity=st.integers(1, 30)
    )
    def transfer(self, source: str, to: str, quantity: int) -> None:
        free = self.units(source)
        try:
            ranges = self.venue.book.pick(source, UNITS, quantity)
        except Refused:
            assert len(free) < quantity
            return
        done = self.send(Leg(source, to, UNITS, quantity, "transfer", ranges))
        assert done == (source != to)
        if done:
            for unit in free[:quantity]:
                self.place[unit] = to

    @rule(
        seller=st.sampled_from(HOLDERS),
        buyer=st.sampled_from(HOLDERS),
        quantity=st.integers(1, 20),
        price=st.integers(1, 10**13),
    )
    def trade(self, seller: str, buyer: str, quantity: int, price: int) -> None:
        free = self.units(seller)[:quantity]
        if len(free) < quantity:
            return
        money = (price * quantity + 500_000) // 10**6  # rounding at the exact half is tested elsewhere
        ranges = self.venue.book.pick(seller, UNITS, quantity)
        legs: list[Entry] = [Trade(f"t{self.keys}", UNITS, quantity, seller, buyer, CASH, price, money),
                             Leg(seller, buyer, UNITS, quantity, "settlement", ranges, trade=f"t{self.keys}")]  # fmt: skip
        if money:
            legs.append(Leg(buyer, seller, CASH, money, "settlement", trade=f"t{self.keys}"))
        half = (2 * price * quantity) % 10**6 == 0 and (price * quantity) % 10**6 != 0
        done = self.send(*legs)
        assert done == (seller != buyer and self.cash[buyer] >= money) or half
        if done:
            self.cash[buyer] -= money
            self.cash[seller] += money
            for unit in free:
                self.place[unit] = buyer

    @rule(account=st.sampled_from(HOLDERS), quantity=st.integers(1, 20))
    def pledge(self, account: str, quantity: int) -> None:
        free = self.units(account)[:quantity]
        if len(free) == quantity:
            id = f"h{self.keys}"
            assert self.send(
                Hold(id, account, UNITS, quantity, "pledge", self.venue.book.pick(account, UNITS, quantity))
            )
            self.holds[id] = (account, free)

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        if self.holds:
            id = data.draw(st.sampled_from(sorted(self.holds)))
            account, units = self.holds.pop(id)
            assert self.send(
                Release(id, account, UNITS, len(units), self.venue.book.pick("", UNITS, len(units), hold=id))
            )

    @rule(quantity=st.integers(1, 40), to=st.sampled_from(HOLDERS))
    def issue(self, quantity: int, to: str) -> None:
        self.lots += 1
        if self.send(Lot(f"L{self.lots}", UNITS, quantity, to, "issue", "cd")):
            self.place |= dict.fromkeys(((f"L{self.lots}", n) for n in range(quantity)), to)
        else:
            self.lots -= 1

    @rule(seed=st.integers(0, 99))
    def crash(self, seed: int) -> None:
        self.disk = self.disk.crash(random.Random(seed))
        self.venue = Venue(Path("unused"), "test", HANDLERS, disk=self.disk, check=True)

    @invariant()
    def book_is_the_model(self) -> None:
        book = self.venue.book
        for holder in HOLDERS:
            assert book.balance(holder, UNITS).value == sum(p == holder for p in self.place.values())
            assert book.balance(holder, UNITS).available == len(self.units(holder))
            assert book.balance(holder, CASH).value == self.cash[holder]
            shelf = [(r.lot, n) for r in book.shelves[holder, UNITS] for n in range(r.start, r.end)]
            assert shelf == self.units(holder)

    def teardown(self) -> None:
        verdict = verify_journal(self.disk.durable)
        assert verdict.sound, verdict.faults
        assert verdict.root == self.venue.root().hex()
        assert verdict.balances == {k: b.value for k, b in self.venue.book.balances.items() if b.value}


TestOffice = Office.TestCase
TestOffice.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
