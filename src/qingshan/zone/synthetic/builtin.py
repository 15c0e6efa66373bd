"""The built-in synthetic zone: its rasters are not in the package but made from their seed when first asked for.

    [[raster]]  generator = "demo30m", layer = "rain_2020", cells_sha256 = "…"

They lie in the cache under `QINGSHAN_HOME`. What is made must have the cells that the catalogue of the package declares;
a file that was changed afterwards is noticed and made again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from qingshan.core.canonical import digest, file_digest
from qingshan.core.errors import ZoneError

from ..raster.cache import cache_folder
from ..raster.grid import Grid
from .folder import naming_of, zone_texts
from .stack import Stack, fresh_folder, grid_of, write_stack

__all__ = ["GENERATORS", "Generated", "areas_of", "builtin_texts", "cells_digest", "folder_of", "generate", "generated"]

NOTE = "made.json"
PROGRAM = ("noise.py", "drainage.py", "relief.py", "ground.py", "cover.py", "places.py", "layers.py", "layers.toml")
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Generated:
    """A stack that the package can make: seed and sides in cells."""

    name: str
    seed: int
    rows: int
    cols: int


GENERATORS = {"demo30m": Generated("demo30m", 20261, 480, 480)}


def generated(entry: Mapping[str, Any]) -> Path:
    """The file of a `[[raster]]` entry with a `generator`, made if need be.

    Raises `ZoneError` where the generator or layer is not known, or the cells made are not those of the catalogue.
    """
    stack = GENERATORS.get(str(entry["generator"]))
    if stack is None:
        raise ZoneError(
            f"no generator {entry['generator']!r} (known: {', '.join(GENERATORS)}).",
            f"没有生成器 {entry['generator']!r}（现有：{'、'.join(GENERATORS)}）。", where="zone.toml [[raster]]",
            fix='generator = "demo30m" / 写 generator = "demo30m"',
        )  # fmt: skip
    with _ONE_AT_A_TIME:
        made = _made(stack)
    layer, declared = str(entry.get("layer", entry["id"])), str(entry.get("cells_sha256", ""))
    if layer not in made:
        raise ZoneError(
            f"{stack.name} has no layer {layer!r}.", f"{stack.name} 没有图层 {layer!r}。",
            where="zone.toml [[raster]]", fix=f"one of {', '.join(made)} / 取其中之一",
        )  # fmt: skip
    if declared and made[layer]["cells_sha256"] != declared:
        raise ZoneError(
            f"the cells of {layer} made here have the sha-256 {made[layer]['cells_sha256']}, catalogued {declared}.",
            f"本机生成的 {layer} 像元 sha-256 为 {made[layer]['cells_sha256']}，登记为 {declared}。",
            where=f"generator {stack.name}",
            fix="report it with the versions of numpy and numba: no figure may stand on them / 请连同 numpy、numba 版本报告，勿用于核算",
        )
    return folder_of(stack) / f"{layer}.tif"


def folder_of(stack: Generated) -> Path:
    """Where the rasters of a generator lie; another seed, size or program is another folder."""
    return cache_folder() / "synthetic" / f"{stack.name}-{stack.seed}-{stack.rows}x{stack.cols}-{_program()}"


@lru_cache(maxsize=1)
def _program() -> str:
    """Eight digits of the hash of what makes the cells."""
    here = Path(__file__).parent
    return digest([file_digest(here / name) for name in PROGRAM])[:8]


def generate(stack: Generated, folder: Path) -> Stack:
    """Make the rasters in `folder` (absent or empty), with a note of what they hold."""
    with fresh_folder(folder) as draft:
        made = write_stack(draft, stack.seed, stack.rows, stack.cols)
        note = {w.id: {"cells_sha256": cells_digest(w.path), "sha256": file_digest(w.path)} for w in made.written}
        (draft / NOTE).write_text(json.dumps(note, indent=1), encoding="utf-8")
    return made


def builtin_texts(stack: Generated) -> dict[str, str]:
    """The text files of the built-in zone of a generator, with the hashes of the cells it makes."""
    with tempfile.TemporaryDirectory() as folder:
        made = generate(stack, Path(folder))
        keys = [
            (w, {"generator": stack.name, "layer": w.id, "cells_sha256": cells_digest(Path(folder) / w.path.name)})
            for w in made.written
        ]
    grid = grid_of(stack.rows, stack.cols)
    return zone_texts(naming_of(stack.name, made.seats), grid, keys, areas_of(made, grid), stack.seed, stack.name)


def areas_of(made: Stack, grid: Grid) -> list[float]:
    """km2 of each place by number."""
    return [float(n) * grid.transform[0] ** 2 / 1e6 for n in made.cells]


def cells_digest(path: Path) -> str:
    """sha-256 of the cells of a raster: row by row from the north-west, little-endian, as the file's type."""
    import rasterio  # noqa: PLC0415 - the extra geo

    with rasterio.open(path) as file:
        cells = file.read(1)
    return hashlib.sha256(np.ascontiguousarray(cells, cells.dtype.newbyteorder("<")).tobytes()).hexdigest()


def _made(stack: Generated) -> dict[str, dict[str, str]]:
    folder = folder_of(stack)
    for _ in range(2):
        note = _note(folder)
        if note is not None:
            return note
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            generate(stack, folder)
        except (ZoneError, OSError):
            if _note(folder) is None:  # else another process was faster
                raise
    raise ZoneError(
        f"the rasters of {stack.name} cannot be kept.", f"{stack.name} 的栅格无法保存。", where=str(folder),
        fix="set QINGSHAN_HOME to a folder that can be written / 把 QINGSHAN_HOME 设为可写目录",
    )  # fmt: skip


def _note(folder: Path) -> dict[str, dict[str, str]] | None:
    """What the folder holds, None where it is absent, incomplete or changed."""
    from ..raster.content import content_digest  # noqa: PLC0415

    try:
        note: dict[str, dict[str, str]] = json.loads((folder / NOTE).read_text(encoding="utf-8"))
        whole = all(content_digest(folder / f"{id}.tif") == kept["sha256"] for id, kept in note.items())
    except (OSError, ValueError, KeyError):
        return None
    return note if whole else None
