"""Signed Merkle roots and proofs to hand out: who holds an old root can prove that nothing before it was changed.

The key is an Ed25519 seed of 32 bytes, hex, in the environment variable `QINGSHAN_LEDGER_KEY`; there is no default. What is
signed is the canonical JSON of the root without its signature.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qingshan.core.canonical import canonical, write_atomic
from qingshan.core.errors import QingshanError

from .merkle import consistency_holds, inclusion_holds, leaf_hash
from .venue import Venue

__all__ = [
    "ENVIRONMENT",
    "KeyMissing",
    "SignedRoot",
    "consistency_proof",
    "inclusion_proof",
    "new_key",
    "proof_holds",
    "publish_root",
    "sign_root",
]

ENVIRONMENT = "QINGSHAN_LEDGER_KEY"


class KeyMissing(QingshanError):
    """No signing key, or one that is no Ed25519 seed."""

    code = "signing_key"


def new_key() -> str:
    """A fresh seed, hex."""
    return secrets.token_hex(32)


@dataclass(frozen=True)
class SignedRoot:
    """Root of the first `size` records of a venue on a day (ISO date), with the signer's public key and signature (hex)."""

    venue: str
    day: str
    size: int
    root: str
    public_key: str
    signature: str = ""

    def line(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def body(self) -> bytes:
        return canonical({k: v for k, v in self.__dict__.items() if k != "signature"})

    def holds(self) -> bool:
        """Whether the signature is that of the public key it names. Whose key that is, the reader must know."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - the extra ledger
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.public_key)).verify(
                bytes.fromhex(self.signature), self.body()
            )
        except (InvalidSignature, ValueError):
            return False
        return True


def sign_root(venue: str, day: str, size: int, root: bytes, key: str | None = None) -> SignedRoot:
    """Sign with `key`, else with the key of the environment. Raises `KeyMissing`."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - the extra ledger

    seed = key or os.environ.get(ENVIRONMENT, "")
    try:
        private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    except ValueError:
        raise KeyMissing(
            f"{ENVIRONMENT} holds no Ed25519 seed (32 bytes, hex).", f"{ENVIRONMENT} 中没有 Ed25519 种子（32 字节，十六进制）。",
            fix="make one with `qingshan ledger key` and keep it safe / 用 `qingshan ledger key` 生成并妥善保管",
        ) from None  # fmt: skip
    unsigned = SignedRoot(venue, day, size, root.hex(), private.public_key().public_bytes_raw().hex())
    return SignedRoot(**{**unsigned.__dict__, "signature": private.sign(unsigned.body()).hex()})


def publish_root(venue: Venue, day: str, key: str | None = None) -> Path:
    """Sign the present root and keep it under `roots/DAY.json`. A day's root is published once: the same again is the same
    file, another one is refused. Raises `KeyMissing`, `QingshanError`."""
    target = venue.folder / "roots" / f"{day}.json"
    signed = sign_root(venue.name, day, venue.next, venue.root(), key)
    body = canonical(signed.line())
    if target.exists() and target.read_bytes() != body:
        raise QingshanError(f"the root of {day} was published before.", f"{day} 的根已发布。", where=str(target),
                            fix="publish the next day's / 发布下一日的根")  # fmt: skip
    write_atomic(target, body)
    return target


def inclusion_proof(venue: Venue, seq: int, signed: SignedRoot, *, sealed: bool = False) -> dict[str, Any]:
    """Proof that record `seq` is under a published root. The record's bytes go along, or its leaf hash alone where it is `sealed`.

    Raises `QingshanError`.
    """
    if not 0 <= seq < signed.size:
        raise QingshanError(
            f"record {seq} is not among the {signed.size} of this root.",
            f"该根只含 {signed.size} 条记录，没有第 {seq} 条。",
        )
    record = next(r for r in venue.journal.read(seq))
    path = venue.tree.inclusion(seq, signed.size)
    return {
        "kind": "inclusion",
        "seq": seq,
        **({"leaf": leaf_hash(record.payload).hex()} if sealed else {"record": record.payload.decode()}),
        "path": [p.hex() for p in path],
        "root": signed.line(),
    }


def consistency_proof(venue: Venue, old: SignedRoot, new: SignedRoot) -> dict[str, Any]:
    """Proof that the records under an old root are the beginning of those under a newer one. Raises `QingshanError`."""
    if not 0 < old.size <= new.size:
        raise QingshanError(
            "the old root must cover records, and not more than the new one.", "旧根须含记录，且不多于新根。"
        )
    path = venue.tree.consistency(old.size, new.size)
    return {"kind": "consistency", "path": [p.hex() for p in path], "old": old.line(), "root": new.line()}


def proof_holds(proof: Mapping[str, Any]) -> bool:
    """Check a proof and the signatures in it, with nothing but the proof."""
    root = SignedRoot(**proof["root"])
    path = [bytes.fromhex(p) for p in proof["path"]]
    if not root.holds():
        return False
    if proof["kind"] == "inclusion":
        leaf = leaf_hash(proof["record"].encode()) if "record" in proof else bytes.fromhex(proof["leaf"])
        return inclusion_holds(leaf, proof["seq"], root.size, path, bytes.fromhex(root.root))
    old = SignedRoot(**proof["old"])
    same = (old.venue, old.public_key) == (root.venue, root.public_key)
    return (
        same
        and old.holds()
        and consistency_holds(old.size, bytes.fromhex(old.root), root.size, bytes.fromhex(root.root), path)
    )
