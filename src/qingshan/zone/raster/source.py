"""What an engine reads: a layer already on the zone grid, window by window; and `Field`, a layer we keep ourselves."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .grid import Grid, Window

__all__ = ["ArraySource", "Field", "Source"]


class Source(Protocol):
    """A layer on the zone grid. It can be pickled; `read` may be called from several threads at once."""

    @property
    def dtype(self) -> np.dtype[Any]: ...

    @property
    def nodata(self) -> float | None:
        """The value that stands for NoData, None where there is none. NaN is NoData in any floating layer."""

    def read(self, window: Window) -> NDArray[Any]:
        """Cells of the window in the layer's own type, shape (height, width)."""

    def identity(self) -> Mapping[str, Any]:
        """What a pedigree keeps of it: JSON values, the same for the same cells."""


@dataclass(frozen=True)
class ArraySource:
    """A layer in memory, for small grids and tests."""

    values: NDArray[Any]
    nodata: float | None = None
    name: str = "array"

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.values.dtype

    def read(self, window: Window) -> NDArray[Any]:
        return self.values[window.slices]

    def identity(self) -> Mapping[str, Any]:
        raw = hashlib.sha256(np.ascontiguousarray(self.values).tobytes()).hexdigest()
        nodata = self.nodata if self.nodata is None or math.isfinite(self.nodata) else str(self.nodata)
        return {"array": self.name, "shape": list(self.values.shape), "sha256": raw, "nodata": nodata}


@dataclass(frozen=True)
class Field:
    """A scratch layer on disk in square tiles, written and read by position, so that no page of it stays mapped.

    `made_from` is the identity of what it was computed from. Threads may write different tiles at once.
    """

    path: Path
    grid: Grid
    type: str = "float32"
    nodata: float | None = None
    tile: int = 1024
    made_from: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.type)

    @property
    def across(self) -> int:
        return -(-self.grid.width // self.tile)

    @property
    def down(self) -> int:
        return -(-self.grid.height // self.tile)

    def create(self) -> Field:
        """Make the file at its full size; unwritten cells read as 0."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("wb") as stream:
            stream.truncate(self.across * self.down * self.tile * self.tile * self.dtype.itemsize)
        return self

    def windows(self) -> list[Window]:
        """The tiles, in reading order."""
        return list(self.grid.blocks(self.tile, self.tile))

    def read(self, window: Window) -> NDArray[Any]:
        out = np.empty((window.height, window.width), self.dtype)
        self._each(window, out, write=False)
        return out

    def write(self, window: Window, values: NDArray[Any]) -> None:
        """Write the cells of the window."""
        self._each(window, np.ascontiguousarray(values, self.dtype), write=True)

    def identity(self) -> Mapping[str, Any]:
        return dict(self.made_from)

    def _each(self, window: Window, block: NDArray[Any], *, write: bool) -> None:
        size, item = self.tile, self.dtype.itemsize
        descriptor = os.open(self.path, os.O_RDWR if write else os.O_RDONLY)
        try:
            for i in range(window.row // size, (window.row + window.height - 1) // size + 1):
                top, bottom = max(window.row, i * size), min(window.row + window.height, (i + 1) * size)
                for j in range(window.col // size, (window.col + window.width - 1) // size + 1):
                    left, right = max(window.col, j * size), min(window.col + window.width, (j + 1) * size)
                    part = block[top - window.row : bottom - window.row, left - window.col : right - window.col]
                    self._rows(
                        descriptor,
                        (i * self.across + j) * size * size * item,
                        top - i * size,
                        left - j * size,
                        part,
                        write,
                    )
        finally:
            os.close(descriptor)

    def _rows(self, descriptor: int, start: int, top: int, left: int, part: NDArray[Any], write: bool) -> None:
        size, item = self.tile, self.dtype.itemsize
        rows, cols = part.shape
        first = start + (top * size) * item
        if write and left == 0 and cols == size:
            _write_all(descriptor, np.ascontiguousarray(part).tobytes(), first)
            return
        band = np.empty((rows, size), self.dtype)
        if write:
            for r in range(rows):
                _write_all(descriptor, part[r].tobytes(), first + (r * size + left) * item)
            return
        got = os.preadv(descriptor, [band.data.cast("B")], first)
        if got != band.nbytes:
            raise OSError(f"{self.path.name}: short read")
        part[...] = band[:, left : left + cols]


def _write_all(descriptor: int, raw: bytes, at: int) -> None:
    done = 0
    while done < len(raw):
        done += os.pwrite(descriptor, raw[done:], at + done)
