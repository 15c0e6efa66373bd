"""A window put together from the fixed tiles of a layer, so that no cell depends on the window it is read in."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .grid import Grid, Window

__all__ = ["Tiled", "from_tiles"]

KEPT_BYTES = 48 << 20


class _Tiles:
    """The last tiles made, for windows that overlap; shared by the threads of the process."""

    def __init__(self) -> None:
        self.lock, self.size = threading.Lock(), 0
        self.known: OrderedDict[tuple[str, int, int], NDArray[Any]] = OrderedDict()

    def get(self, key: tuple[str, int, int]) -> NDArray[Any] | None:
        with self.lock:
            found = self.known.get(key)
            if found is not None:
                self.known.move_to_end(key)
            return found

    def put(self, key: tuple[str, int, int], tile: NDArray[Any]) -> None:
        with self.lock:
            if key not in self.known:
                self.known[key] = tile
                self.size += tile.nbytes
            while self.size > KEPT_BYTES and len(self.known) > 1:
                self.size -= self.known.popitem(last=False)[1].nbytes


_KEPT = _Tiles()


class Tiled(Protocol):
    """A layer made of fixed tiles; `token` names its cells."""

    @property
    def grid(self) -> Grid: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    @property
    def tile(self) -> tuple[int, int]: ...

    @property
    def token(self) -> str: ...

    def make(self, window: Window) -> NDArray[Any]: ...


def from_tiles(layer: Tiled, window: Window) -> NDArray[Any]:
    """A window put together from the fixed tiles of the layer."""
    rows, cols = layer.tile
    grid, out = layer.grid, np.empty((window.height, window.width), layer.dtype)
    for i in range(window.row // rows, (window.row + window.height - 1) // rows + 1):
        top, bottom = max(window.row, i * rows), min(window.row + window.height, (i + 1) * rows)
        for j in range(window.col // cols, (window.col + window.width - 1) // cols + 1):
            left, right = max(window.col, j * cols), min(window.col + window.width, (j + 1) * cols)
            tile = _KEPT.get((layer.token, i, j))
            if tile is None:
                place = Window(i * rows, j * cols, min(rows, grid.height - i * rows), min(cols, grid.width - j * cols))
                tile = layer.make(place)
                _KEPT.put((layer.token, i, j), tile)
            out[top - window.row : bottom - window.row, left - window.col : right - window.col] = tile[
                top - i * rows : bottom - i * rows, left - j * cols : right - j * cols
            ]
    return out
