"""A stack of synthetic rasters on disk: made window by window, written as tiled GeoTIFF, whole or not at all.

The memory that is used does not grow with the grid beyond the skeleton (`relief.py`, at most 12.5 million cells). A window
is made by one thread while others write; the cells are the same for any window size and number of threads.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.errors import OutOfBounds, ZoneError

from ..raster.grid import Grid, Window
from .layers import SyntheticLayer, declared_layers, window_layers
from .places import Seats, make_seats
from .relief import CELL, Relief, make_relief

__all__ = [
    "LABEL",
    "LARGEST",
    "SMALLEST",
    "YEARS",
    "Need",
    "Stack",
    "Written",
    "fresh_folder",
    "grid_of",
    "needed",
    "sides_of",
    "write_stack",
]

YEARS = (2015, 2020)
SMALLEST, LARGEST = 64 * 64, 2_000_000_000
"""Limits of a stack in cells: below, no river fits; above, the drainage is coarser than the valleys."""
BLOCK = 512
NODATA = {"float32": -9999.0, "uint8": 255, "uint16": 0}
CRS, ORIGIN = "EPSG:32648", (500_000.0, 3_000_000.0)
LABEL = "synthetic: invented by qingshan from a seed, no real place 合成数据：由种子虚构，不是任何真实地点"
BYTES_PER_CELL = 30
"""Of a written stack with its two years: 21 to 24 measured (16 million and 1 million cells), rounded up."""
BYTES_OF_ROWS = 2_000_000
"""Tables, parameters and file headers, whatever the size."""

Told = Callable[[str, int, int], None]
"""Progress: what is being made, how many cells are done, of how many."""


@dataclass(frozen=True)
class Written:
    """One raster of a stack: `year` 0 where it does not change."""

    layer: SyntheticLayer
    year: int
    path: Path

    @property
    def id(self) -> str:
        return f"{self.layer.id}_{self.year}" if self.year else self.layer.id


@dataclass(frozen=True)
class Need:
    """What a stack takes: cells, files, and at most about how many bytes on a disk with `free` of them."""

    rows: int
    cols: int
    files: int
    bytes: int
    free: int


@dataclass(frozen=True)
class Stack:
    """What was written, who governs what, and the cells of each place by number (0: nobody)."""

    written: tuple[Written, ...]
    seats: Seats
    cells: NDArray[np.int64]


def sides_of(pixels: float) -> tuple[int, int]:
    """Rows and columns of the square of about `pixels` cells. Raises `OutOfBounds` outside the limits."""
    if not SMALLEST <= pixels <= LARGEST:
        raise OutOfBounds(
            f"{pixels:g} cells cannot be made: the limits are {SMALLEST} and {LARGEST:g}.",
            f"无法生成 {pixels:g} 个像元：范围为 {SMALLEST} 至 {LARGEST:g}。",
            where="--pixels", fix="196e6 is a province at 30 m / 一个省按 30 m 约为 196e6",
        )  # fmt: skip
    side = round(pixels**0.5)
    return side, side


def grid_of(rows: int, cols: int) -> Grid:
    """The grid of a stack: 30 m cells in UTM zone 48 north, which stands for no place."""
    return Grid(CRS, (CELL, 0.0, ORIGIN[0], 0.0, -CELL, ORIGIN[1]), cols, rows)


def write_stack(
    folder: Path,
    seed: int,
    rows: int,
    cols: int,
    *,
    years: Sequence[int] = YEARS,
    workers: int | None = None,
    window: int = 2 * BLOCK,
    told: Told | None = None,
) -> Stack:
    """Write every declared layer into `folder` (it exists) and say what was written.

    Raises `ZoneError` where the disk is too small. What an interrupted call leaves in `folder` is for the caller to remove.
    """
    _room(folder, rows, cols, years)
    tell = told or (lambda _what, _done, _all: None)
    relief = make_relief(seed, rows, cols, lambda level: tell(f"terrain {level}", 0, rows * cols))
    seats = make_seats(seed, rows, cols)
    grid, governed = grid_of(rows, cols), np.zeros(seats.count + 1, np.int64)
    plan = _plan(folder, years)
    files = {(w.layer.id, w.year): _create(w, grid, seed) for w in plan}
    threads = max(1, workers or os.cpu_count() or 1)
    pool = ThreadPoolExecutor(threads)
    try:
        done = 0
        for place, cells in _made(pool, threads, relief, seats, list(grid.blocks(BLOCK, window)), years):
            writes = [pool.submit(_write, file, place, cells[key]) for key, file in files.items()]
            for write in writes:
                write.result()
            governed += np.bincount(cells["places", 0].ravel(), minlength=len(governed))
            done += place.size
            tell("layers", done, grid.size)
    finally:
        pool.shutdown(cancel_futures=True)
        for file in files.values():
            file.close()
    return Stack(tuple(plan), seats, governed)


def _plan(folder: Path, years: Sequence[int]) -> list[Written]:
    layers = declared_layers().values()
    plan = [Written(layer, year, Path()) for layer in layers for year in (years if layer.years else (0,))]
    return [Written(w.layer, w.year, folder / f"{w.id}.tif") for w in plan]


def _made(
    pool: ThreadPoolExecutor, ahead: int, relief: Relief, seats: Seats, windows: list[Window], years: Sequence[int]
) -> Iterator[tuple[Window, dict[tuple[str, int], NDArray[Any]]]]:
    """The windows in reading order, `ahead` of them under way."""
    waiting: list[tuple[Window, Future[dict[tuple[str, int], NDArray[Any]]]]] = []
    for place in [*windows, *[None] * ahead]:
        if place is not None:
            made = pool.submit(window_layers, relief, seats, place.row, place.col, place.height, place.width, years)
            waiting.append((place, made))
        if waiting and (place is None or len(waiting) > ahead):
            first, future = waiting.pop(0)
            yield first, future.result()


def _create(written: Written, grid: Grid, seed: int) -> Any:
    import rasterio  # noqa: PLC0415 - the extra geo

    floating = written.layer.type == "float32"
    file = rasterio.open(
        written.path, "w", driver="GTiff", crs=grid.crs, transform=rasterio.Affine(*grid.transform), width=grid.width,
        height=grid.height, count=1, dtype=written.layer.type, nodata=NODATA[written.layer.type],
        tiled=True, blockxsize=BLOCK, blockysize=BLOCK, compress="ZSTD",
        zstd_level=1, predictor=3 if floating else 1, bigtiff="IF_SAFER",
    )  # fmt: skip
    file.update_tags(synthetic="true", label=LABEL, seed=str(seed), layer=written.id)
    file.set_band_description(1, f"{written.layer.en} 合成 synthetic")
    file.set_band_unit(1, written.layer.unit)
    return file


def _write(file: Any, place: Window, cells: NDArray[Any]) -> None:
    from rasterio.windows import Window as Part  # noqa: PLC0415

    file.write(np.ascontiguousarray(cells), 1, window=Part(place.col, place.row, place.width, place.height))


def needed(folder: Path, rows: int, cols: int, years: Sequence[int] = YEARS) -> Need:
    """What a stack of that size in `folder`, or in the nearest folder above that exists, takes and finds."""
    at = next(p for p in (folder, *folder.parents) if p.is_dir())
    size = BYTES_OF_ROWS + rows * cols * BYTES_PER_CELL
    return Need(rows, cols, len(_plan(folder, years)), size, shutil.disk_usage(at).free)


def _room(folder: Path, rows: int, cols: int, years: Sequence[int]) -> None:
    need = needed(folder, rows, cols, years)
    if need.free < need.bytes:
        raise ZoneError(
            f"the disk has {need.free / 1e9:.1f} GB free, {need.bytes / 1e9:.1f} GB are needed.",
            f"磁盘剩余 {need.free / 1e9:.1f} GB，需要约 {need.bytes / 1e9:.1f} GB。", where=str(folder),
            fix="make room, or fewer pixels / 腾出空间，或减少像元数",
        )  # fmt: skip


@contextmanager
def fresh_folder(target: Path) -> Iterator[Path]:
    """A folder beside `target` that takes its name when all went well, and is removed when not.

    Raises `ZoneError` where `target` exists and is not empty, or its parent does not exist.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ZoneError(
            "the folder is not empty; nothing was written.", "目录不是空的，没有写入任何文件。", where=str(target),
            fix="name a new or empty folder / 换一个新目录或空目录",
        )  # fmt: skip
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        draft.mkdir()
        yield draft
        if target.exists():
            target.rmdir()
        draft.rename(target)
    except FileNotFoundError as error:
        if draft.parent.is_dir():
            raise
        raise ZoneError(
            f"the folder cannot be made: {error.strerror}.", f"目录无法建立：{error.strerror}。", where=str(target),
            fix="make the folder above it first / 先建好上级目录",
        ) from None  # fmt: skip
    finally:
        shutil.rmtree(draft, ignore_errors=True)
