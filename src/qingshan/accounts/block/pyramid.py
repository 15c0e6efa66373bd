"""The tiles of a raster and of its overviews, encoded block by block, so that a cloud-optimised file is made in one pass.

A block of cells gives a piece: its tiles of 512, the tiles of the first overview, and what the next overviews are made
from. Pieces lie in a folder until `cog.py` joins them; a kept piece is checked before it is used again.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.zone.raster.grid import Grid, Window

from .kernel import compiled
from .tiff import BYTE_COUNTS, OFFSETS, directories

__all__ = ["SIDE", "TILE", "Piece", "Pieces", "halved", "profile"]

TILE = 512
SIDE = 2 * TILE
"""Blocks begin at whole multiples of this: a tile of the first overview belongs to one block."""

HALVED = '''"""Overviews: the mean of the valid cells of each 2 x 2, or its first cell."""

from numba import njit


@njit(nogil=True, cache=True, error_model='numpy')
def kernel(cells, out, nodata, has_nodata, nearest, whole):
    height, width = cells.shape
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            first = cells[2 * i, 2 * j]
            if nearest:
                out[i, j] = first
                continue
            total, n = 0.0, 0
            for r in range(2 * i, min(2 * i + 2, height)):
                for c in range(2 * j, min(2 * j + 2, width)):
                    value = cells[r, c]
                    if value == value and not (has_nodata and value == nodata):
                        total += value
                        n += 1
            if n == 0:
                out[i, j] = first
            elif whole:
                out[i, j] = round(total / n)
            else:
                out[i, j] = total / n
'''


def halved(cells: NDArray[Any], nodata: float | None, nearest: bool) -> NDArray[Any]:
    """Every 2 x 2 cells as one, shape (ceil(h/2), ceil(w/2)): the mean of those that are data, or the first cell."""
    out = np.empty((-(-cells.shape[0] // 2), -(-cells.shape[1] // 2)), cells.dtype)
    none = np.asarray(0 if nodata is None else nodata).astype(cells.dtype)[()]
    compiled(HALVED)(cells, out, none, nodata is not None, nearest, cells.dtype.kind != "f")
    return out


def profile(dtype: np.dtype[Any]) -> dict[str, Any]:
    """How cells are encoded: ZSTD level 1 with the predictor of the type, tiles of 512."""
    return {
        "driver": "GTiff", "count": 1, "dtype": dtype.name, "tiled": True, "blockxsize": TILE, "blockysize": TILE,
        "compress": "ZSTD", "zstd_level": 1, "predictor": 3 if dtype.kind == "f" else 2,
    }  # fmt: skip


@dataclass(frozen=True)
class Piece:
    """A kept block: tiles of the raster and of its first overview in reading order, and the second overview's cells."""

    tiles: tuple[bytes, ...]
    coarse: tuple[bytes, ...]
    rest: NDArray[Any]


@dataclass(frozen=True)
class Pieces:
    """The kept blocks of one raster. Different blocks may be written at once, by threads or by processes."""

    folder: Path
    grid: Grid
    type: str = "float32"
    nodata: float | None = None
    nearest: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.type)

    def path(self, window: Window) -> Path:
        return self.folder / f"{window.row}_{window.col}_{window.height}_{window.width}.tiles"

    def write(self, window: Window, cells: NDArray[Any]) -> None:
        """Encode and keep a block; it must begin at multiples of `SIDE` and end there or at the rim."""
        cells = np.ascontiguousarray(cells, self.dtype)
        first = halved(cells, self.nodata, self.nearest)
        rest = halved(first, self.nodata, self.nearest)
        fine, coarse = _tiled(cells, self.nodata), _tiled(first, self.nodata)
        encoded = _encoded(np.concatenate([fine, coarse]))
        body = [
            struct.pack("<4I", len(fine) // TILE, len(coarse) // TILE, *rest.shape),
            _lengths(encoded),
            *encoded,
            rest.tobytes(),
        ]
        check = 0
        for part in body:
            check = zlib.crc32(part, check)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.path(window)
        fresh = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
        with fresh.open("wb") as stream:
            stream.writelines([struct.pack("<I", check), *body])
        fresh.replace(path)

    def whole(self, window: Window) -> bool:
        """Whether the block is kept and undamaged."""
        try:
            raw = self.path(window).read_bytes()
        except OSError:
            return False
        return len(raw) > 20 and zlib.crc32(memoryview(raw)[4:]) == struct.unpack_from("<I", raw)[0]

    def read(self, window: Window) -> Piece:
        """A kept block. Raises `OSError` where it is not there."""
        raw = memoryview(self.path(window).read_bytes())
        fine, coarse, height, width = struct.unpack_from("<4I", raw, 4)
        lengths = struct.unpack_from(f"<{fine + coarse}I", raw, 20)
        at, tiles = 20 + 4 * len(lengths), []
        for length in lengths:
            tiles.append(bytes(raw[at : at + length]))
            at += length
        rest = np.frombuffer(raw, self.dtype, height * width, at).reshape(height, width)
        return Piece(tuple(tiles[:fine]), tuple(tiles[fine:]), rest)

    def remove(self, windows: Sequence[Window]) -> None:
        """Delete the kept blocks, and the folder where nothing else is in it."""
        for window in windows:
            self.path(window).unlink(missing_ok=True)
        for torn in self.folder.glob(".*.tmp") if self.folder.exists() else ():
            torn.unlink(missing_ok=True)
        if self.folder.exists() and not any(self.folder.iterdir()):
            self.folder.rmdir()


def _lengths(encoded: Sequence[bytes]) -> bytes:
    return struct.pack(f"<{len(encoded)}I", *map(len, encoded))


def _tiled(cells: NDArray[Any], nodata: float | None) -> NDArray[Any]:
    """The tiles of a block below each other, shape (n * TILE, TILE); what lies beyond the rim is NoData, 0 without one."""
    rows, cols = (-(-n // TILE) for n in cells.shape)
    if cells.shape != (rows * TILE, cols * TILE):
        full = np.full((rows * TILE, cols * TILE), 0 if nodata is None else nodata).astype(cells.dtype)
        full[: cells.shape[0], : cells.shape[1]] = cells
        cells = full
    return cells.reshape(rows, TILE, cols, TILE).swapaxes(1, 2).reshape(rows * cols * TILE, TILE)


def _encoded(tiles: NDArray[Any]) -> list[bytes]:
    """The bytes of each tile as GDAL encodes it."""
    from rasterio.io import MemoryFile  # noqa: PLC0415 - the extra geo
    from rasterio.transform import Affine  # noqa: PLC0415

    place = Affine(2, 0, 0, 0, -2, 0)  # none is kept; a file without one draws a warning
    with MemoryFile() as memory:
        with memory.open(**profile(tiles.dtype), height=tiles.shape[0], width=TILE, transform=place) as out:
            out.write(tiles, 1)
        memory.seek(0)
        _, order, tags = directories(memory)[0]
        at, lengths = tags[OFFSETS].numbers(order), tags[BYTE_COUNTS].numbers(order)
        view = memory.getbuffer()
        return [bytes(view[a : a + n]) for a, n in zip(at, lengths, strict=True)]
