"""Four eyes: what waits, who may confirm it, and that it is decided again when it is confirmed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qingshan.ledger.book import Refused
from qingshan.ledger.verify import verify_journal
from qingshan.rights.exchange import exchange_handlers
from qingshan.rights.eyes import PROPOSALS

from .hall import SHA, YUAN, Hall, T
from .test_market import refused


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    """X holds 500 t; from here on commands go through the whole exchange."""
    made = Hall(tmp_path)
    made.venue.handlers = exchange_handlers(made.rules)
    return made


def proposed(hall: Hall, kind: str, by: str, **body: Any) -> str:
    answer = hall.send(kind, by, **body).answer
    assert answer["state"] == "waiting"
    return str(answer["proposal"])


def test_a_surrender_waits_for_another_person(hall: Hall) -> None:
    hall.owe()
    book, body = hall.venue.book, {"account": "X", "asset": hall.asset, "quantity": 100 * T, "obligation": "X:2024"}
    id = proposed(hall, "rights.surrender", "traderX", **body)
    assert book.balance("compliance", hall.asset).value == 0
    refused("forbidden", hall.send, "eyes.confirm", "traderX", id=id)
    refused("not_operator", hall.send, "eyes.confirm", "approverY", id=id)
    refused("forbidden", hall.send, "eyes.confirm", "registry0", id=id)
    assert hall.send("eyes.confirm", "approverX", id=id).answer["own"] == str(100 * T)
    assert book.balance("compliance", hall.asset).value == 100 * T
    refused("nothing_waits", hall.send, "eyes.confirm", "approverX", id=id)
    assert book.records[PROPOSALS, id].content["confirmed_by"] == "approverX"
    assert verify_journal((hall.venue.folder / "journal").read_bytes()).sound


def test_an_approver_does_not_confirm_his_own(hall: Hall) -> None:
    id = proposed(hall, "rights.retire", "approverX", account="X", asset=hall.asset, quantity=T, reason="公益")
    refused("same_person", hall.send, "eyes.confirm", "approverX", id=id)
    hall.actor("approver2", "approver")
    refused("not_operator", hall.send, "eyes.confirm", "approver2", id=id)


def test_one_person_with_two_ids_is_one_person(hall: Hall) -> None:
    fields = {"person": "P-registry0", "name": "又名", "roles": ["registry"]}
    hall.send("register.create", "root", register="actor", id="again", fields=fields)
    id = proposed(hall, "rights.issue", "registry0", lot="L9", asset=hall.asset, quantity=T, account="X", evidence=SHA)
    refused("same_person", hall.send, "eyes.confirm", "again", id=id)
    hall.send("eyes.confirm", "regulator4", id=id)
    assert hall.venue.book.lots["L9"].quantity == T


def test_what_would_be_refused_does_not_wait(hall: Hall) -> None:
    before = hall.venue.next
    refused(
        "too_few_units",
        hall.send,
        "rights.retire",
        "traderX",
        account="X",
        asset=hall.asset,
        quantity=501 * T,
        reason="x",
    )
    refused(
        "not_operator", hall.send, "rights.retire", "traderY", account="X", asset=hall.asset, quantity=T, reason="x"
    )
    assert hall.venue.next == before


def test_it_is_decided_again_when_confirmed(hall: Hall) -> None:
    id = proposed(hall, "rights.retire", "traderX", account="X", asset=hall.asset, quantity=500 * T, reason="x")
    hall.order("s", "X", "sell", 50, 1)
    state = hall.venue.book.hash()
    refused("too_few_units", hall.send, "eyes.confirm", "approverX", id=id)
    assert hall.venue.book.hash() == state
    refused("forbidden", hall.send, "eyes.withdraw", "registry0", id=id, note="x")
    refused("note", hall.send, "eyes.withdraw", "traderX", id=id)
    hall.send("eyes.withdraw", "traderX", id=id, note="数量变了")
    refused("nothing_waits", hall.send, "eyes.confirm", "approverX", id=id)


def test_a_block_needs_two_of_each_side(hall: Hall) -> None:
    hall.send("eyes.confirm", "registry1", id=proposed(hall, "rights.issue", "registry0", lot="L2", asset=hall.asset, quantity=200_000 * T,
              account="X", evidence=SHA))  # fmt: skip
    hall.money("Y", 10_000_000)
    block = {"id": "b", "asset": hall.asset, "seller": "X", "buyer": "Y", "price": 50 * YUAN, "quantity": 100_000 * T}
    mine = proposed(hall, "market.block", "traderX", **block)
    refused("not_operator", hall.send, "eyes.confirm", "approverY", id=mine)  # the other side cannot speak for this one
    assert hall.send("eyes.confirm", "approverX", id=mine).answer["state"] == "proposed"
    theirs = proposed(hall, "market.block", "traderY", **block)
    assert hall.send("eyes.confirm", "approverY", id=theirs).answer["state"] == "settled"
    assert hall.venue.book.balance("Y", hall.asset).value == 100_000 * T


def test_replay_decides_the_same(hall: Hall) -> None:
    id = proposed(hall, "rights.pledge", "traderX", id="p", account="X", asset=hall.asset, quantity=T, creditor="Y")
    hall.send("eyes.confirm", "approverX", id=id)
    state, folder = hall.venue.book.hash(), hall.venue.folder
    handlers = hall.venue.handlers
    hall.venue.close()
    again = type(hall.venue)(folder, "hall", handlers)
    assert again.book.hash() == state
    with pytest.raises(Refused):
        again.submit(again_command(again.at))
    again.close()


def again_command(at: int) -> Any:
    from qingshan.ledger.venue import Command  # noqa: PLC0415

    return Command("eyes.confirm", {"id": "P0"}, "last", "approverX", at)
