"""Whole-grid arrays in scratch files, for a grid that memory does not hold.

Passes over the flow go where the water goes, so they need every cell within reach. An array of a `Scratch` is a mapped file:
what a pass touches comes into memory, and when the process holds more than it was given all of it is let go at once and
comes back as it is touched. Nothing is lost by that and no result depends on it; it takes time, above all where the system
has no spare memory to keep the files in.
"""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from qingshan.core.errors import QingshanError

__all__ = ["Scratch", "resident"]

MARGIN = 48 * 2**20
"""What a pass may touch between two looks."""
EVERY = 0.005
"""Seconds between two looks at the memory of the process."""


def resident() -> int:
    """Bytes of memory this process holds; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as stream:  # noqa: PTH123 - every few milliseconds
            return int(stream.read().split()[1]) * mmap.PAGESIZE
    except OSError:
        return 0


class Scratch:
    """Arrays in files of a folder, which vanish with them. While it is open the process keeps within `most` bytes."""

    def __init__(self, folder: Path, most: int) -> None:
        self.folder, self.most = folder, most
        self._maps: WeakSet[mmap.mmap] = WeakSet()
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._watch = threading.Thread(target=self._look, name="scratch", daemon=True)
        self._watch.start()

    def array(self, size: int, dtype: Any) -> NDArray[Any]:
        """A flat array of zeros. Raises `QingshanError` where the disk has no room."""
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
        return np.frombuffer(made, kind, size)

    def release(self) -> None:
        """Let go of what is in memory; the files keep it."""
        with self._lock:
            for made in self._maps:
                made.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        self._ended.set()
        self._watch.join()

    def _look(self) -> None:
        high = self.most - MARGIN
        while not self._ended.wait(EVERY):
            if resident() > high:
                self.release()
                high = max(self.most - MARGIN, resident() + MARGIN // 2)
