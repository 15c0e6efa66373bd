"""Whole-grid arrays within a given memory: what it does not hold lies in scratch files.

Passes over the flow go where the water goes, so they need every cell within reach. An array that memory does not hold is a
mapped file: what a pass touches comes into memory, and when the process holds more than it was given all of it is let go at
once and comes back as it is touched. Nothing is lost by that and no result depends on it; it takes time, above all where the
system has no spare memory to keep the files in.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import WeakSet, WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from qingshan.core.errors import QingshanError

__all__ = ["FIXED", "SPARE", "Scratch", "held", "resident", "trimmed"]

FIXED = 250 * 2**20
"""Interpreter, compiled code and the bands in flight, where the system does not tell what a process holds."""
SPARE = 224 * 2**20
"""Libraries, the bands in flight, code that is compiled on the way: what must stay free beside the arrays."""
MARGIN = 48 * 2**20
"""What a pass may touch between two looks."""
EVERY = 0.005
"""Seconds between two looks at the memory of the process."""


def resident() -> int:
    """Bytes of memory this process holds; 0 where the system does not tell."""
    return _pages()[0]


def held() -> int:
    """The same without files and libraries."""
    whole, files = _pages()
    return whole - files


def _pages() -> tuple[int, int]:
    try:
        with open("/proc/self/statm", "rb") as stream:  # noqa: PTH123 - every few milliseconds
            told = stream.read().split()
    except OSError:
        return 0, 0
    return int(told[1]) * mmap.PAGESIZE, int(told[2]) * mmap.PAGESIZE


def trimmed() -> None:
    """Give back to the system what the allocator keeps for later."""
    with suppress(AttributeError, OSError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)


class Scratch:
    """Whole-grid arrays of a process that is to keep within `most` bytes; their files lie in a folder and vanish with them."""

    def __init__(self, folder: Path, most: int) -> None:
        self.folder, self.most = folder, most
        self._maps: WeakSet[mmap.mmap] = WeakSet()
        self._kept: WeakValueDictionary[int, NDArray[Any]] = WeakValueDictionary()
        self._lock, self._making, self._ended = threading.Lock(), threading.Lock(), threading.Event()
        self._watch: threading.Thread | None = None
        trimmed()

    def array(self, size: int, dtype: Any, value: float) -> NDArray[Any]:
        """A flat array of one value. Raises `QingshanError` where neither memory nor the disk has room."""
        with self._making:
            if self.holds(size * np.dtype(dtype).itemsize):
                made = np.full(size, value, dtype)
                self._kept[id(made)] = made
                return made
        made = self._mapped(size, dtype)
        if value != 0:
            made.fill(value)
        return made

    def holds(self, more: int) -> bool:
        """Whether so many bytes more fit in memory."""
        alive = sum(a.nbytes for a in self._kept.values())
        return max(held() + SPARE, FIXED + alive) + more <= self.most

    def _mapped(self, size: int, dtype: Any) -> NDArray[Any]:
        kind = np.dtype(dtype)
        whole = max(size * kind.itemsize, 1)
        try:
            with tempfile.TemporaryFile(dir=self.folder, prefix=".scratch-") as stream:
                if sys.platform == "linux":
                    os.posix_fallocate(stream.fileno(), 0, whole)
                else:
                    stream.truncate(whole)
                made = mmap.mmap(stream.fileno(), whole)
        except OSError as error:
            raise QingshanError(
                f"no room for a scratch file of {whole / 2**20:,.0f} MB: {error.strerror}.", f"暂存文件 {whole / 2**20:,.0f} MB 放不下：{error.strerror}。",
                where=str(self.folder), fix="free disk space, or give more --memory / 腾出磁盘空间，或加大 --memory",
            ) from None  # fmt: skip
        with self._lock:
            self._maps.add(made)
            if self._watch is None:
                self._watch = threading.Thread(target=self._look, name="scratch", daemon=True)
                self._watch.start()
        return np.frombuffer(made, kind, size)

    def release(self) -> None:
        """Let go of what is in memory; the files keep it."""
        with self._lock:
            for made in self._maps:
                made.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        self._ended.set()
        if self._watch is not None:
            self._watch.join()

    def _look(self) -> None:
        high = self.most - MARGIN
        while not self._ended.wait(EVERY):
            if resident() > high:
                self.release()
                high = max(self.most - MARGIN, resident() + MARGIN // 2)
