"""Roots: the test vectors of the certificate-transparency reference (RFC 6962); proofs: every index of every small tree."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.ledger.merkle import Tree, consistency_holds, inclusion_holds, leaf_hash

ENTRIES = [
    bytes.fromhex(x)
    for x in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]  # fmt: skip


@pytest.mark.parametrize("size", range(9))
def test_roots_of_the_reference(size: int) -> None:
    tree = Tree([leaf_hash(e) for e in ENTRIES])
    assert tree.root(size).hex() == ROOTS[size]
    assert Tree([leaf_hash(e) for e in ENTRIES[:size]]).root().hex() == ROOTS[size]


def plain_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word for word."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + plain_root(leaves[:k]) + plain_root(leaves[k:])).digest()


@given(st.integers(1, 70))
def test_every_entry_and_every_beginning_is_proved(size: int) -> None:
    leaves = [leaf_hash(bytes([i])) for i in range(size)]
    tree = Tree(leaves)
    root = tree.root()
    assert root == plain_root(leaves)
    for i in range(size):
        path = tree.inclusion(i)
        assert inclusion_holds(leaves[i], i, size, path, root)
        assert not inclusion_holds(leaf_hash(b"other"), i, size, path, root)
        assert not inclusion_holds(leaves[i], (i + 1) % size, size, path, root) or size == 1
    for old in range(1, size + 1):
        proof = tree.consistency(old)
        assert consistency_holds(old, tree.root(old), size, root, proof)
        assert not consistency_holds(old, leaf_hash(b"other"), size, root, proof)


def test_a_proof_outside_the_log_is_refused() -> None:
    tree = Tree([leaf_hash(b"a")])
    with pytest.raises(IndexError):
        tree.inclusion(1)
    with pytest.raises(IndexError):
        tree.consistency(2)
    assert not inclusion_holds(leaf_hash(b"a"), 0, 0, [], tree.root())
