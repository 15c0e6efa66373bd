"""Merkle tree of a log after RFC 6962, section 2.1: root, inclusion proof, consistency proof, and their checks."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

__all__ = ["Tree", "consistency_holds", "inclusion_holds", "leaf_hash"]

EMPTY = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """Hash of a log entry: SHA-256(0x00 || entry)."""
    return sha256(b"\x00" + entry).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A growing tree. Whole subtrees are kept by level, so that an entry costs O(1) and a proof O(log n) hashes."""

    def __init__(self, leaves: Sequence[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        for leaf in leaves:
            self.add(leaf)

    def __len__(self) -> int:
        return len(self._levels[0])

    def add(self, leaf: bytes) -> None:
        """Append a leaf hash."""
        level, node = 0, leaf
        self._levels[0].append(node)
        while len(self._levels[level]) % 2 == 0:
            node = _node(self._levels[level][-2], node)
            level += 1
            if level == len(self._levels):
                self._levels.append([])
            self._levels[level].append(node)

    def root(self, size: int | None = None) -> bytes:
        """Root of the first `size` entries."""
        size = self._size(size)
        return self._hash(0, size) if size else EMPTY

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Audit path of entry `index` in the tree of `size` entries (RFC 6962, 2.1.1). Raises `IndexError`."""
        size = self._size(size)
        if not 0 <= index < size:
            raise IndexError(f"entry {index} is not among the first {size}")
        return self._path(index, 0, size)

    def consistency(self, old: int, size: int | None = None) -> list[bytes]:
        """Proof that the first `old` entries are unchanged in the tree of `size` entries (RFC 6962, 2.1.2)."""
        size = self._size(size)
        if not 0 < old <= size:
            raise IndexError(f"{old} entries are not a part of {size}")
        return self._sub(old, 0, size, True)

    def _size(self, size: int | None) -> int:
        if size is None:
            return len(self)
        if not 0 <= size <= len(self):
            raise IndexError(f"the log has {len(self)} entries, not {size}")
        return size

    def _hash(self, start: int, end: int) -> bytes:
        """Hash of entries [start, end); a whole aligned subtree is looked up."""
        n = end - start
        level = n.bit_length() - 1
        if n == 1 << level and start % n == 0:
            return self._levels[level][start >> level]
        k = _split(n)
        return _node(self._hash(start, start + k), self._hash(start + k, end))

    def _path(self, index: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        k = start + _split(end - start)
        if index < k:
            return [*self._path(index, start, k), self._hash(k, end)]
        return [*self._path(index, k, end), self._hash(start, k)]

    def _sub(self, old: int, start: int, end: int, whole: bool) -> list[bytes]:
        if old == end - start:
            return [] if whole else [self._hash(start, end)]
        k = _split(end - start)
        if old <= k:
            return [*self._sub(old, start, start + k, whole), self._hash(start + k, end)]
        return [*self._sub(old - k, start + k, end, False), self._hash(start, start + k)]


def _split(n: int) -> int:
    """The largest power of two below n."""
    return 1 << ((n - 1).bit_length() - 1)


def inclusion_holds(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether an audit path proves that `leaf` is entry `index` of the tree with that root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    f, s, node = index, size - 1, leaf
    for part in path:
        if s == 0:
            return False
        if f & 1 or f == s:
            node = _node(part, node)
            while not f & 1 and f:
                f, s = f >> 1, s >> 1
        else:
            node = _node(node, part)
        f, s = f >> 1, s >> 1
    return s == 0 and node == root


def consistency_holds(old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that the tree of `old` entries is the beginning of the larger one (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= size:
        return False
    if old == size:
        return not proof and old_root == root
    parts = list(proof)
    if old & (old - 1) == 0:
        parts.insert(0, old_root)
    if not parts:
        return False
    f, s = old - 1, size - 1
    while f & 1:
        f, s = f >> 1, s >> 1
    first = second = parts[0]
    for part in parts[1:]:
        if s == 0:
            return False
        if f & 1 or f == s:
            first, second = _node(part, first), _node(part, second)
            while not f & 1 and f:
                f, s = f >> 1, s >> 1
        else:
            second = _node(second, part)
        f, s = f >> 1, s >> 1
    return s == 0 and first == old_root and second == root
