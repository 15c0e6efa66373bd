"""Cloud-optimised GeoTIFFs: tiles, overviews, NoData, unit; under their name only when whole.

Cells are encoded block by block (`pyramid.py`), on as many threads as asked, and joined here: directories first, then the
smallest overview, the full raster last. No uncompressed copy is made.
"""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from qingshan.zone.raster.grid import Grid, Window
from qingshan.zone.raster.source import Field, Source

from .pyramid import SIDE, TILE, Pieces, profile
from .tiff import BYTE_COUNTS, OFFSETS, Tag, directories, file_head

__all__ = ["cog_faults", "join", "same_cells", "write_cog"]

AROUND = 4
_TEXT = "LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\nBLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
GHOST = f"GDAL_STRUCTURAL_METADATA_SIZE={len(_TEXT):06d} bytes\n{_TEXT}".encode()
"""What the COG layout of GDAL says of itself, ahead of the first directory: each tile stands between its size and its last four bytes."""
_SUBFILE, _WIDTH, _HEIGHT, _METADATA = 254, 256, 257, 42112
_PLACED = (33550, 33922, 34264, 34735, 34736, 34737)


def write_cog(
    source: Source, grid: Grid, path: Path, *, nodata: float | None, unit: str = "", title: str = "", nearest: bool = False,
    threads: int = 2, tags: Mapping[str, str] | None = None,
) -> Path:  # fmt: skip
    """Write a layer as a COG (512 px tiles, ZSTD with predictor, overviews by average or nearest). Memory: `threads` blocks.

    Raises `OSError` or `rasterio.errors.RasterioError` where the disk gives out; the target is untouched then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    pieces = Pieces(path.with_name(f".{path.name}.{os.getpid()}.pieces"), grid, source.dtype.name, nodata, nearest)
    try:
        windows = _encode(source, pieces, threads)
        return join(pieces, windows, path, unit=unit, title=title, tags=tags)
    finally:
        shutil.rmtree(pieces.folder, ignore_errors=True)


def join(
    pieces: Pieces, windows: Sequence[Window], path: Path, *, unit: str = "", title: str = "", tags: Mapping[str, str] | None = None
) -> Path:  # fmt: skip
    """Make one COG of kept blocks that cover the grid."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.levels")
    fresh = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        levels = _levels(pieces, windows, scratch)
        first = _template(pieces, unit, title, dict(tags or {}))
        heads = [first, *(_overview(first, level) for level in levels[1:])]
        with fresh.open("wb") as out:
            out.write(file_head(heads, GHOST, [level.lengths for level in levels], AROUND))
            for level in reversed(levels):
                _copy(level, out)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
        shutil.rmtree(scratch, ignore_errors=True)
    return path


def _encode(source: Source, pieces: Pieces, threads: int) -> list[Window]:
    windows = list(pieces.grid.blocks(SIDE, SIDE))

    def one(window: Window) -> None:
        pieces.write(window, source.read(window))

    with ThreadPoolExecutor(max(1, threads), thread_name_prefix="cog") as pool:
        futures = [pool.submit(one, w) for w in windows]
        try:
            for future in futures:
                future.result()
        finally:
            for future in futures:
                future.cancel()
    return windows


# ---- levels ---------------------------------------------------------------------------------------------------------


@dataclass
class _Level:
    """One directory of the file: its size, and where each of its tiles lies in the pieces, in reading order."""

    height: int
    width: int
    pieces: Pieces
    coarse: bool
    places: dict[tuple[int, int], tuple[Window, int]] = field(default_factory=dict)
    sizes: dict[tuple[int, int], int] = field(default_factory=dict)

    @property
    def lengths(self) -> list[int]:
        return [self.sizes[at] for at in sorted(self.sizes)]

    def add(self, window: Window, tiles: Sequence[bytes]) -> None:
        """Take up the tiles of a block."""
        step = SIDE if self.coarse else TILE
        across = -(-window.width // step)
        for n, tile in enumerate(tiles):
            at = (window.row // step + n // across, window.col // step + n % across)
            self.places[at], self.sizes[at] = (window, n), len(tile)


def _levels(pieces: Pieces, windows: Sequence[Window], scratch: Path) -> list[_Level]:
    """The full raster and its overviews, each half of the one before, down to one tile."""
    grid = pieces.grid
    fine = _Level(grid.height, grid.width, pieces, False)
    half = _Level(-(-grid.height // 2), -(-grid.width // 2), pieces, True)
    smaller = Grid(grid.crs, (1, 0, 0, 0, -1, 0), -(-half.width // 2), -(-half.height // 2))
    rest = Field(scratch / "rest.cells", smaller, pieces.type, tile=TILE // 2)
    last = max(half.height, half.width) <= TILE
    if not last:
        rest.create()
    for window in windows:
        piece = pieces.read(window)
        fine.add(window, piece.tiles)
        half.add(window, piece.coarse)
        if not last:
            rest.write(Window(window.row // 4, window.col // 4, *piece.rest.shape), piece.rest)
    if max(fine.height, fine.width) <= TILE:
        return [fine]
    if last:
        return [fine, half]
    below = Pieces(scratch / "below", smaller, pieces.type, pieces.nodata, pieces.nearest)
    return [fine, half, *_levels(below, _encode(rest, below, 1), scratch / "below")]


def _copy(level: _Level, out: BinaryIO) -> None:
    """The tiles of a level in reading order, each between its size and its last four bytes; a band of blocks is held."""
    held: dict[Window, tuple[bytes, ...]] = {}
    row = -1
    for at in sorted(level.places):
        window, n = level.places[at]
        if at[0] != row:
            row = at[0]
            step = SIDE if level.coarse else TILE
            held = {w: tiles for w, tiles in held.items() if w.row + w.height > row * step}
        if window not in held:
            piece = level.pieces.read(window)
            held[window] = piece.coarse if level.coarse else piece.tiles
        tile = held[window][n]
        out.writelines([struct.pack("<I", len(tile)), tile, tile[-AROUND:]])


# ---- directories ----------------------------------------------------------------------------------------------------


def _template(pieces: Pieces, unit: str, title: str, tags: Mapping[str, str]) -> dict[int, Tag]:
    """The tags that GDAL gives a raster of this size, place, type, NoData and unit: those of a file without cells."""
    from rasterio.io import MemoryFile  # noqa: PLC0415 - the extra geo
    from rasterio.transform import Affine  # noqa: PLC0415

    grid = pieces.grid
    about: dict[str, Any] = {
        **profile(pieces.dtype), "width": grid.width, "height": grid.height, "crs": grid.crs, "transform": Affine(*grid.transform),
        "nodata": pieces.nodata, "sparse_ok": True, "bigtiff": "YES",
    }  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**about) as out:
            if unit:
                out.units = (unit,)
            if title:
                out.set_band_description(1, title)
            if tags:
                out.update_tags(**tags)
        memory.seek(0)
        found = directories(memory)[0][2]
    return {tag: value for tag, value in found.items() if tag not in (OFFSETS, BYTE_COUNTS)}


def _overview(first: Mapping[int, Tag], level: _Level) -> dict[int, Tag]:
    kept = {tag: value for tag, value in first.items() if tag not in (*_PLACED, _METADATA)}
    size = {_WIDTH: level.width, _HEIGHT: level.height, _SUBFILE: 1}
    return kept | {tag: Tag(4, 1, struct.pack("<I", n)) for tag, n in size.items()}


# ---- checks ---------------------------------------------------------------------------------------------------------


def cog_faults(path: Path) -> list[str]:
    """What keeps a file from being a cloud-optimised GeoTIFF: order of directories and data, tiles, overviews."""
    faults = []
    with path.open("rb") as stream:
        found = directories(stream)
    if not all(OFFSETS in tags for _, _, tags in found):
        faults.append("not tiled")
    sizes = [max(tags[n].numbers(order)[0] for n in (_WIDTH, _HEIGHT)) for _, order, tags in found]
    if sizes[0] > TILE and len(found) == 1:
        faults.append("no overviews")
    offsets = [at for at, _, _ in found]
    data = [[n for n in tags[OFFSETS].numbers(order) if n] for _, order, tags in found if OFFSETS in tags]
    if offsets != sorted(offsets):
        faults.append("directories are not in file order")
    if any(each and min(each) < max(offsets) for each in data):
        faults.append("cell data come before the last directory")
    if any(before and after and min(before) < max(after) for before, after in pairwise(data)):
        faults.append("cells come before those of a smaller overview")
    return faults


def same_cells(left: Path, right: Path) -> bool:
    """Whether two rasters hold the same cells."""
    import rasterio  # noqa: PLC0415 - the extra geo

    with rasterio.open(left) as a, rasterio.open(right) as b:
        return a.shape == b.shape and all(
            np.array_equal(a.read(1, window=w), b.read(1, window=w), equal_nan=True) for _, w in a.block_windows(1)
        )
