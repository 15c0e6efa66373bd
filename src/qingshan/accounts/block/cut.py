"""Cutting a grid into blocks: small enough for the memory, whole file tiles, enough of them to keep every thread busy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qingshan.core.errors import DeclarationError, QingshanError
from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.source import Source

from .pyramid import SIDE, TILE
from .total import BLOCK_CELLS

__all__ = ["FIXED", "bytes_of", "cut", "most_cells"]

FIXED = 384 * 2**20
"""Interpreter, libraries, compiled code, GDAL's cache of 64 MB: what a run needs besides its blocks and totals."""
WANTED = 2**21
"""Cells of a block where memory allows more: it decodes whole tiles, and a thread does not wait long for the last one."""
SMALLEST = 64


def bytes_of(text: int | str) -> int:
    """`"1.5GB"` -> bytes. Raises `DeclarationError`."""
    if isinstance(text, int):
        return text
    units = {"kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40, "b": 1}
    word = text.strip().lower().replace("ib", "b")
    for suffix, size in units.items():
        if word.endswith(suffix):
            try:
                value = float(word[: -len(suffix)]) * size
            except ValueError:
                break
            if 0 < value < 2**60:
                return int(value)
    raise DeclarationError(
        f"{text!r} is no amount of memory.", f"{text!r} 不是内存大小。", fix="for example 1GB or 800MB / 如 1GB、800MB"
    )


def most_cells(sources: Sequence[Source], writes: int, memory: int | str, workers: int, held: int) -> int:
    """Cells that a block may have when `workers` of them are in memory at once. `held` bytes are taken by the totals."""
    return max(0, bytes_of(memory) - FIXED - held) // (workers * _per_cell(sources, writes))


def cut(
    grid: Grid, sources: Sequence[Source], writes: int, memory: int | str, workers: int, held: int = 0
) -> tuple[int, int]:
    """Rows and columns of a block. With `writes` rasters it is made of whole tiles of the first overview.

    Raises `QingshanError` where `memory` does not hold the smallest block; it names what would.
    """
    most = most_cells(sources, writes, memory, workers, held)
    side = SIDE if writes else TILE
    while not writes and side > SMALLEST and _cells(grid, side, side) > most:
        side //= 2
    if _cells(grid, side, side) > most:
        need = FIXED + held + workers * _per_cell(sources, writes) * _cells(grid, side, side)
        raise QingshanError(
            f"{memory} of memory is too little for {workers} blocks of this account at once.",
            f"内存 {memory} 不够同时处理本账户的 {workers} 个分块。",
            where="--memory", fix=f"give at least {need / 2**20 + 1:,.0f}MB, or fewer workers / 至少给 {need / 2**20 + 1:,.0f}MB，或减少线程数",
        )  # fmt: skip
    cells = min(most, WANTED, max(_cells(grid, side, side), grid.size // (4 * workers)))
    if not writes and any(_in_strips(s, grid) for s in sources) and grid.width <= min(most, BLOCK_CELLS):
        return max(1, min(cells // grid.width, grid.height)), grid.width
    cols = min(side * max(1, cells // (side * side)), -(-grid.width // side) * side)
    rows = side * max(1, cells // (side * cols))
    return rows, cols


def _cells(grid: Grid, rows: int, cols: int) -> int:
    return min(rows, grid.height) * min(cols, grid.width)


def _per_cell(sources: Sequence[Source], writes: int) -> int:
    """Bytes: each layer twice (a source may convert it), the rasters asked for, and one of them being encoded."""
    return 2 * sum(s.dtype.itemsize for s in sources) + 4 * writes + (20 if writes else 0)


def _in_strips(source: Any, grid: Grid) -> bool:
    """Whether the file behind a layer keeps whole rows together, so that a narrow block would decode rows many times."""
    while hasattr(source, "source"):
        source = source.source
    rows, cols = getattr(getattr(source, "file", None), "block", (0, 0))
    return 0 < rows < TILE and cols >= grid.width > TILE
