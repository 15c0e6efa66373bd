"""Who may do what. The table below was typed from market.md section 9 and the issue apart from `commands.toml`: two transcriptions that must agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from qingshan.core.errors import DeclarationError
from qingshan.ledger.venue import Command
from qingshan.registers.actors import roles
from qingshan.registers.engine import FaultyFields
from qingshan.rights.commands import commands, guarded, read_body, reads
from qingshan.rights.exchange import exchange_handlers

from .hall import T

MAY = """
rights.found admin
rights.instrument registry
rights.account registry
rights.issue registry + registry regulator
rights.allow trader approver + approver
rights.disallow trader approver
rights.transfer trader approver + approver
rights.pledge trader approver + approver
rights.release trader approver registry
rights.enforce registry + registry regulator
rights.freeze regulator registry + regulator registry
rights.unfreeze regulator + regulator registry
rights.surrender trader approver + approver
rights.settle registry + registry regulator
rights.penalty regulator + regulator auditor
rights.fine bank
rights.retire trader approver + approver
rights.cancel registry + registry regulator
rights.convert registry + registry regulator
rights.expire registry
rights.lapse registry exchange regulator
rights.review regulator registry
rights.cash_in bank
rights.cash_out bank
rights.file clerk trader verifier registry
rights.correct verifier regulator registry
market.open_day exchange
market.close_day exchange
market.suspend exchange regulator
market.resume exchange regulator
market.order trader
market.cancel trader exchange
market.replace trader
market.call exchange
market.block trader approver + approver
market.session_open exchange
market.session_post exchange
market.session_close exchange
auction.apply approver
auction.admit exchange
auction.bid trader
auction.retract trader
auction.close exchange
water.deal trader approver + approver
pool.found registry
pool.distribute bank
pool.close registry
"""


def matrix() -> dict[str, tuple[set[str], set[str]]]:
    rows = {}
    for line in MAY.strip().splitlines():
        kind, _, rest = line.partition(" ")
        first, _, second = rest.partition(" + ")
        rows[kind] = set(first.split()), set(second.split())
    return rows


def test_the_declared_matrix_is_the_specified_one() -> None:
    declared = {k: (set(c.by), set(c.second)) for k, c in commands().items() if not {"register", "second"} & set(c.by)}
    assert declared == matrix()
    assert set(commands()) == set(exchange_handlers())


def test_every_role_times_every_command(tmp_path: Path) -> None:
    """Nothing is taken from a role that is not declared for it, and no other role is told `forbidden`."""
    from qingshan.rights.exchange import found_exchange  # noqa: PLC0415

    venue = found_exchange(tmp_path, "matrix")
    sent = iter(range(10**6))

    def code(kind: str, by: str, body: dict[str, object]) -> str:
        result = venue.submit_group([Command(kind, body, f"k{next(sent)}", by, 10**15)])[0]
        return getattr(result, "code", "taken")

    assert code("register.found", "root", {"person": "P0", "name": "n"}) == "taken"
    people = [r.id for r in roles()]
    for role in people:
        fields = {"person": f"P-{role}", "name": role, "roles": [role]}
        assert code("register.create", "root", {"register": "actor", "id": role, "fields": fields}) == "taken"
    before = venue.next
    told = {(kind, role): code(kind, role, {}) for kind in matrix() for role in [*people, "nobody"]}
    assert venue.next == before + 1  # rights.found by admin is the only command that needs no body
    wrong = {
        (kind, role): said
        for (kind, role), said in told.items()
        if (said == "forbidden") == (role in matrix()[kind][0]) and said != "handler_failed"
    }
    assert not wrong
    assert "handler_failed" not in set(told.values()), [k for k, v in told.items() if v == "handler_failed"]
    venue.close()


def test_an_undeclared_command_is_refused_at_start() -> None:
    with pytest.raises(DeclarationError):
        guarded({"rights.gift": lambda book, command: None})  # type: ignore[dict-item, return-value]


def test_bodies_are_read_from_decimal_texts() -> None:
    given = {"id": "o1", "asset": "a", "account": "X", "side": "buy", "price": "93.80", "quantity": "200"}
    body = read_body(commands()["market.order"], given)
    assert (body["price"], body["quantity"]) == (938_000, 200 * T)
    with pytest.raises(FaultyFields) as told:
        read_body(
            commands()["market.order"], given | {"price": "93.80001", "quantity": "-1", "side": "hold", "colour": "red"}
        )
    assert {name for name, _, _ in told.value.faults} == {"price", "quantity", "side", "colour"}
    assert all(en and zh for _, en, zh in told.value.faults)
    legs = [{"asset": "w", "quantity": "1", "price": None}, {"asset": "w", "quantity": "0"}]
    with pytest.raises(FaultyFields) as told:
        read_body(commands()["water.deal"], {"id": "d", "seller": "X", "buyer": "Y", "legs": legs})
    assert [name for name, _, _ in told.value.faults] == ["legs.1.quantity"]
    for wrong in (
        {"price": 93.8},
        {"price": 93},
        {"quantity": "1e3"},
        {"quantity": "99999999999999999999"},
        {"side": ["buy"]},
    ):
        with pytest.raises(FaultyFields):
            read_body(commands()["market.order"], given | wrong)


MAY_READ = """
account registry regulator auditor + own
orders exchange regulator auditor + own
statement bank regulator auditor + own
lineage registry regulator auditor verifier + own
record register
proposals regulator auditor registry + own
holds registry regulator auditor
freezes registry exchange regulator auditor
conflicts regulator auditor admin
compliance regulator auditor registry
reads auditor regulator
journal auditor
pool registry bank regulator auditor
fees exchange regulator auditor
"""


def test_the_declared_reads_are_the_specified_ones() -> None:
    """market.md section 9: the regulator reads all but the raw journal, the auditor log and proofs; an exchange operator what the page asked for by
    the issue shows (freezes, not pledges; decision 0044); the public none of it."""
    wanted = {}
    for line in MAY_READ.strip().splitlines():
        what, *who = line.replace("+ ", "").split()
        wanted[what] = set(who)
    assert {k: {*r.by, *(["own"] if r.own else [])} for k, r in reads().items()} == wanted


def test_what_is_private_is_declared() -> None:
    known = {r.id for r in roles()} | {"register"}
    assert all(set(r.by) <= known and r.by and r.zh and r.en for r in reads().values())
    assert "public" not in {role for r in reads().values() for role in r.by}
