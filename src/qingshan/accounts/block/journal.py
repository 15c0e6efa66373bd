"""Finished blocks on disk, so that a killed run goes on: one checked record per block, a torn last one is passed over."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qingshan.zone.raster.grid import Window

if TYPE_CHECKING:
    from .engine import Totals

__all__ = ["Journal"]

_HEAD = struct.Struct("<II")


class Journal:
    """Partial totals of one plan. A journal of another plan, or of other blocks, is started anew."""

    def __init__(self, path: Path, key: str, windows: Sequence[Window]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.windows = {(w.row, w.col, w.height, w.width): w for w in windows}
        head = f"{key}\n".encode()
        raw = path.read_bytes() if path.exists() else b""
        if not raw.startswith(head):
            raw = head
            path.write_bytes(raw)
        self._records, whole = _records(raw, len(head))
        self._stream = path.open("r+b")
        self._stream.truncate(whole)
        self._stream.seek(whole)

    def read(self, make: Callable[..., Totals]) -> dict[Window, Totals]:
        """Blocks that are done."""
        found = {}
        for record in self._records:
            with np.load(io.BytesIO(record), allow_pickle=False) as arrays:
                at = tuple(int(v) for v in arrays["window"])
                if at in self.windows:
                    acc = np.zeros(tuple(arrays["shape"]), np.int64)
                    acc.reshape(-1)[arrays["where"]] = arrays["acc"]
                    found[self.windows[at]] = make(acc, arrays["tally"], arrays["areas"])
        return found

    def append(self, window: Window, totals: Totals) -> None:
        """Keep a block; on disk when this returns."""
        flat = totals.acc.reshape(-1)
        where = np.flatnonzero(flat)
        body = io.BytesIO()
        arrays: dict[str, Any] = {
            "window": np.array([window.row, window.col, window.height, window.width]), "shape": np.array(totals.acc.shape),
            "where": where, "acc": flat[where], "tally": totals.tally, "areas": totals.areas,
        }  # fmt: skip
        np.savez(body, **arrays)
        raw = body.getvalue()
        self._stream.write(_HEAD.pack(len(raw), zlib.crc32(raw)) + raw)
        self._stream.flush()
        os.fdatasync(self._stream.fileno())

    def close(self) -> None:
        self._stream.close()


def _records(raw: bytes, at: int) -> tuple[list[bytes], int]:
    """Whole records and the length they take; what follows the last whole one was torn by a kill."""
    found = []
    while at + _HEAD.size <= len(raw):
        length, check = _HEAD.unpack_from(raw, at)
        body = raw[at + _HEAD.size : at + _HEAD.size + length]
        if len(body) < length or zlib.crc32(body) != check:
            break
        found.append(body)
        at += _HEAD.size + length
    return found, at
