"""Finished blocks on disk, so that a killed run goes on: one checked record per block, a torn last one is passed over."""

from __future__ import annotations

import fcntl
import io
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from qingshan.core.errors import QingshanError
from qingshan.zone.raster.grid import Window

from .plan import Plan, Totals

__all__ = ["Journal", "kept_block"]

_HEAD = struct.Struct("<II")


def kept_block(path: Path) -> tuple[int, int] | None:
    """Rows and columns of the blocks of a journal, None where there is none."""
    try:
        with path.open("rb") as stream:
            words = stream.readline(200).split()
        return (int(words[1]), int(words[2])) if len(words) == 3 else None
    except (OSError, ValueError):
        return None


class Journal:
    """Partial totals of one plan in a file that one run writes at a time.

    A journal of another plan, or of other blocks, is started anew. Raises `QingshanError` where another run has it.
    """

    def __init__(self, path: Path, plan: Plan) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.plan = plan
        self._stream = path.open("r+b") if path.exists() else path.open("w+b")
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._stream.close()
            raise QingshanError(
                "another run is writing there.", "另一次运行正在写入该文件夹。", where=path.parent.name,
                fix="wait for it, or resume in another folder / 等它结束，或换一个续算文件夹",
            ) from None  # fmt: skip
        head = f"{plan.key} {plan.block[0]} {plan.block[1]}\n".encode()
        if self._stream.read(len(head)) != head:
            self._stream.seek(0)
            self._stream.truncate()
            self._stream.write(head)
        self._stream.seek(len(head))

    def records(self) -> Iterator[tuple[Window, Totals]]:
        """Blocks that are done, each once. Read them all before the first `append`: that goes behind the last whole one."""
        seen, windows = set(), set(self.plan.windows)
        end = self._stream.tell()
        for body in _whole(self._stream):
            end += _HEAD.size + len(body)
            window, totals = _record(body)
            if window in windows and window not in seen:
                seen.add(window)
                yield window, totals
        self._stream.seek(end)
        self._stream.truncate()

    def append(self, window: Window, totals: Totals) -> None:
        """Keep a block; on disk when this returns."""
        flat = totals.acc.reshape(-1)
        where = np.flatnonzero(flat)
        body = io.BytesIO()
        arrays: dict[str, Any] = {
            "window": np.array([window.row, window.col, window.height, window.width]), "rows": totals.rows,
            "shape": np.array(totals.acc.shape), "where": where, "acc": flat[where], "tally": totals.tally, "areas": totals.areas,
        }  # fmt: skip
        np.savez(body, **arrays)
        raw = body.getvalue()
        self._stream.write(_HEAD.pack(len(raw), zlib.crc32(raw)) + raw)
        self._stream.flush()
        os.fdatasync(self._stream.fileno())

    def close(self) -> None:
        self._stream.close()


def _record(body: bytes) -> tuple[Window, Totals]:
    with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
        acc = np.zeros(tuple(arrays["shape"]), np.int64)
        acc.reshape(-1)[arrays["where"]] = arrays["acc"]
        window = Window(*(int(v) for v in arrays["window"]))
        return window, Totals(arrays["rows"], acc, arrays["tally"], arrays["areas"])


def _whole(stream: BinaryIO) -> Iterator[bytes]:
    """Records from here on, up to the first that was torn by a kill."""
    while len(head := stream.read(_HEAD.size)) == _HEAD.size:
        length, check = _HEAD.unpack(head)
        body = stream.read(length)
        if len(body) < length or zlib.crc32(body) != check:
            return
        yield body
