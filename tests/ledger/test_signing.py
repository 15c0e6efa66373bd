"""Signed roots and the proofs that go with them, checked with nothing but the proof. RFC 8032 gives the signature."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qingshan.core.errors import QingshanError
from qingshan.ledger.entry import Leg
from qingshan.ledger.signing import (
    ENVIRONMENT,
    KeyMissing,
    SignedRoot,
    consistency_proof,
    inclusion_proof,
    new_key,
    proof_holds,
    publish_root,
    sign_root,
)
from qingshan.ledger.venue import Venue

from .office import CASH, HANDLERS, command, opening

SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"  # RFC 8032, 7.1, test 1
PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


@pytest.fixture
def venue(tmp_path: Path) -> Venue:
    v = Venue(tmp_path, "test", HANDLERS)
    v.submit(command(*opening(), key="open"))
    for n in range(12):
        v.submit(command(Leg("A", "B", CASH, 1, "gift"), key=f"k{n}"))
    return v


def test_the_public_key_is_that_of_the_seed() -> None:
    signed = sign_root("v", "2026-01-01", 0, b"\0" * 32, SEED)
    assert signed.public_key == PUBLIC
    assert signed.holds()
    assert not SignedRoot(**signed.line() | {"size": 1}).holds()
    assert not SignedRoot(**signed.line() | {"signature": "zz"}).holds()


@pytest.mark.parametrize("key", ["", "12", "x" * 64])
def test_without_a_key_nothing_is_signed(monkeypatch: pytest.MonkeyPatch, venue: Venue, key: str) -> None:
    monkeypatch.setenv(ENVIRONMENT, key)
    with pytest.raises(KeyMissing):
        publish_root(venue, "2026-01-01")
    assert not (venue.folder / "roots").exists()


def test_every_record_is_proved_and_a_changed_one_is_not(venue: Venue) -> None:
    key = new_key()
    signed = SignedRoot(**json.loads(publish_root(venue, "2026-01-01", key).read_bytes()))
    for seq in range(signed.size):
        proof = json.loads(json.dumps(inclusion_proof(venue, seq, signed)))
        assert proof_holds(proof)
        assert not proof_holds(proof | {"record": proof["record"].replace('"by":"clerk"', '"by":"thief"')})
        assert not proof_holds(proof | {"seq": (seq + 1) % signed.size})
    with pytest.raises(QingshanError):
        inclusion_proof(venue, signed.size, signed)


def test_history_is_proved_unchanged(venue: Venue) -> None:
    key = new_key()
    old = SignedRoot(**json.loads(publish_root(venue, "2026-01-01", key).read_bytes()))
    venue.submit(command(Leg("A", "B", CASH, 1, "gift"), key="later"))
    new = SignedRoot(**json.loads(publish_root(venue, "2026-01-02", key).read_bytes()))
    proof = consistency_proof(venue, old, new)
    assert proof_holds(proof)
    forged = sign_root("test", "2026-01-01", old.size, b"\1" * 32, key)
    assert not proof_holds(proof | {"old": forged.line()})
    stranger = sign_root("test", "2026-01-01", old.size, bytes.fromhex(old.root), new_key())
    assert not proof_holds(proof | {"old": stranger.line()})


def test_a_days_root_is_published_once(venue: Venue) -> None:
    key = new_key()
    first = publish_root(venue, "2026-01-01", key).read_bytes()
    assert publish_root(venue, "2026-01-01", key).read_bytes() == first
    venue.submit(command(Leg("A", "B", CASH, 1, "gift"), key="later"))
    with pytest.raises(QingshanError):
        publish_root(venue, "2026-01-01", key)
