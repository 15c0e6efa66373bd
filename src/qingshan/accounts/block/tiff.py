"""Directories of a TIFF file, read and written as they lie: what a cloud-optimised file needs set in its own order.

Cells are encoded by GDAL (`pyramid.py`); here only tags are read, changed and laid down. TIFF 6.0 and BigTIFF.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["BYTE_COUNTS", "OFFSETS", "Tag", "directories", "file_head"]

OFFSETS, BYTE_COUNTS = 324, 325
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
WHOLE = {3: "H", 4: "I", 13: "I", 16: "Q"}


@dataclass(frozen=True)
class Tag:
    """One entry of a directory: TIFF type, number of values, their bytes."""

    kind: int
    count: int
    raw: bytes

    def numbers(self, order: str = "<") -> list[int]:
        """Its values, where they are whole numbers."""
        return list(struct.unpack(f"{order}{self.count}{WHOLE[self.kind]}", self.raw))


@dataclass(frozen=True)
class _Form:
    """Classic or big: the sizes of its fields."""

    big: bool
    order: str = "<"

    @property
    def pointer(self) -> str:
        return "Q" if self.big else "I"

    @property
    def width(self) -> int:
        return 8 if self.big else 4

    @property
    def counter(self) -> str:
        return "Q" if self.big else "H"

    @property
    def entry(self) -> int:
        return 20 if self.big else 12


def directories(stream: BinaryIO) -> list[tuple[int, str, dict[int, Tag]]]:
    """Offset, byte order and tags of every directory, in the order of the chain. Raises `ValueError`: not a TIFF."""
    stream.seek(0)
    head = stream.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        raise ValueError("not a TIFF")
    big = struct.unpack_from(order + "H", head, 2)[0] == 43
    form = _Form(big, order)
    at = struct.unpack_from(order + form.pointer, head, 8 if big else 4)[0]
    found = []
    while at:
        tags, after = _directory(stream, at, form)
        found.append((at, order, tags))
        at = after
    return found


def _directory(stream: BinaryIO, at: int, form: _Form) -> tuple[dict[int, Tag], int]:
    stream.seek(at)
    (n,) = struct.unpack(form.order + form.counter, stream.read(struct.calcsize(form.order + form.counter)))
    raw = stream.read(n * form.entry)
    (after,) = struct.unpack(form.order + form.pointer, stream.read(form.width))
    tags = {}
    for i in range(n):
        tag, kind, count = struct.unpack_from(form.order + "HH" + form.pointer, raw, i * form.entry)
        length, place = count * SIZES.get(kind, 1), i * form.entry + 4 + form.width
        if length <= form.width:
            value = raw[place : place + length]
        else:
            stream.seek(struct.unpack_from(form.order + form.pointer, raw, place)[0])
            value = stream.read(length)
        tags[tag] = Tag(kind, count, value)
    return tags, int(after)


def file_head(
    levels: Sequence[Mapping[int, Tag]], ghost: bytes, lengths: Sequence[Sequence[int]], around: int
) -> bytes:
    """Everything of a file that comes before its cells: signature, `ghost`, all directories with their values.

    `levels` are the tags of the full raster and its overviews; `lengths` the tile sizes of each. The cells follow level by
    level from the last to the first, each tile between a leader and a trailer of `around` bytes. Classic TIFF up to 4 GB.
    """
    whole = sum(sum(n) + 2 * around * len(n) for n in lengths)
    form = _Form(whole + 64 * sum(map(len, lengths)) + 2**20 > 2**32 - 1)
    start = (16 if form.big else 8) + len(ghost)
    at, size = [], start + start % 2
    for tags, each in zip(levels, lengths, strict=True):
        at.append(size)
        size += len(_laid(tags, [0] * len(each), list(each), form, 0, 0))
    offsets: list[list[int]] = [[] for _ in levels]
    place = size
    for i in range(len(levels) - 1, -1, -1):
        for length in lengths[i]:
            offsets[i].append(place + around)
            place += length + 2 * around
    signature = struct.pack("<2sHHHQ", b"II", 43, 8, 0, at[0]) if form.big else struct.pack("<2sHI", b"II", 42, at[0])
    parts = [(signature + ghost).ljust(at[0], b"\0")]
    for i, tags in enumerate(levels):
        after = at[i + 1] if i + 1 < len(levels) else 0
        parts.append(_laid(tags, offsets[i], list(lengths[i]), form, at[i], after))
    return b"".join(parts)


def _laid(tags: Mapping[int, Tag], offsets: list[int], counts: list[int], form: _Form, at: int, after: int) -> bytes:
    """One directory at `at` and, behind it, the values that do not fit into it; an even number of bytes."""
    kind, letter = (16, "Q") if form.big else (4, "I")
    own = {
        OFFSETS: Tag(kind, len(offsets), struct.pack(f"<{len(offsets)}{letter}", *offsets)),
        BYTE_COUNTS: Tag(4, len(counts), struct.pack(f"<{len(counts)}I", *counts)),
    }
    every = sorted({**tags, **own}.items())
    far = at + struct.calcsize("<" + form.counter) + len(every) * form.entry + form.width
    entries, values = [struct.pack("<" + form.counter, len(every))], []
    for tag, value in every:
        entries.append(struct.pack("<HH" + form.pointer, tag, value.kind, value.count))
        if len(value.raw) <= form.width:
            entries.append(value.raw.ljust(form.width, b"\0"))
        else:
            entries.append(struct.pack("<" + form.pointer, far))
            padded = value.raw + b"\0" * (len(value.raw) % 2)
            values.append(padded)
            far += len(padded)
    laid = b"".join([*entries, struct.pack("<" + form.pointer, after), *values])
    return laid + b"\0" * (len(laid) % 2)
