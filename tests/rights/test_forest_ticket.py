"""FOR-24 of forest.md: what a forest ticket may be used for while it is pledged, released and retired."""

from pathlib import Path

import pytest

from qingshan.ledger.verify import verify_journal

from .hall import YUAN, T
from .test_lineage import FILES, Office
from .test_market import refused


@pytest.fixture
def ticket(tmp_path: Path) -> tuple[Office, str]:
    """X holds 10 t of a ticket."""
    office = Office(tmp_path)
    asset = office.project(until="verified")
    office.issue("T1", "X", 10 * T, asset, project="p1", evidence=FILES["report"])
    office.open_market(20 * YUAN, asset)
    return office, asset


def test_for_24_pledged_released_retired(ticket: tuple[Office, str]) -> None:
    """holding 10; pledge 10: ok; trade 1, retire 1: refused; release: ok; retire 1: ok; trade the retired: refused."""
    office, asset = ticket

    def sell(id: str, tonnes: int) -> None:
        body = {"id": id, "asset": asset, "account": "X", "side": "sell", "price": 20 * YUAN, "quantity": tonnes * T}
        office.send("market.order", "traderX", **body)

    def retire(**more: object) -> None:
        office.send("rights.retire", "approverX", account="X", asset=asset, quantity=T, reason="公益", **more)

    office.send("rights.pledge", "approverX", id="p", account="X", asset=asset, quantity=10 * T, creditor="Y")
    refused("too_few_units", sell, "s1", 1)
    refused("too_few_units", retire)
    office.send("rights.release", "traderY", id="p")
    retire(ranges=[["T1", 0, T]])
    balances = {a: office.venue.book.balance(a, asset).value // T for a in ("X", "retirement")}
    assert balances == {"X": 9, "retirement": 1}
    refused("too_few_units", sell, "s2", 10)  # nine are left to sell
    office.send("rights.allow", "approverX", account="X", target="Y")
    again = {"from": "X", "to": "Y", "asset": asset, "quantity": T, "ranges": [["T1", 0, T]]}
    office.at += 10 * 86_400_000_000
    refused("not_held", office.send, "rights.transfer", "approverX", **again)
    office.send("rights.transfer", "approverX", **again | {"ranges": [["T1", T, 2 * T]]})
    assert verify_journal((office.venue.folder / "journal").read_bytes()).sound
