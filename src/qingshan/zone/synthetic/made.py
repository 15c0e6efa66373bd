"""A synthetic zone in a folder of its own: rasters, tables and parameters, as `qingshan synth` makes it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from qingshan.core.canonical import file_digest

from ..zone import zone_path
from .builtin import areas_of
from .folder import naming_of, zone_texts
from .stack import YEARS, Stack, Told, fresh_folder, grid_of, sides_of, write_stack
from .woods import woods

__all__ = ["make_zone"]

PARAMETERS_OF = "demo30m"


def make_zone(
    folder: Path,
    pixels: float,
    seed: int,
    *,
    years: Sequence[int] = YEARS,
    workers: int | None = None,
    told: Told | None = None,
) -> Stack:
    """Make a zone of about `pixels` cells in `folder` (absent or empty); all of it, or nothing.

    The same seed and size give the same cells on any number of `workers`. Parameter rows are those of the built-in zone
    demo30m. Raises `OutOfBounds` for a size beyond the limits, `ZoneError` for a folder or disk that cannot take it.
    """
    rows, cols = sides_of(pixels)
    grid = grid_of(rows, cols)
    with fresh_folder(folder) as draft:
        rasters = draft / "rasters"
        rasters.mkdir()
        made = write_stack(rasters, seed, rows, cols, years=years, workers=workers, told=told)
        keys = [(w, {"path": f"rasters/{w.path.name}", "sha256": file_digest(w.path)}) for w in made.written]
        naming = naming_of(f"synthetic-{seed}", made.seats)
        for name, text in zone_texts(naming, grid, keys, areas_of(made, grid), seed).items():
            (draft / name).parent.mkdir(exist_ok=True)
            (draft / name).write_text(text, encoding="utf-8", newline="\n")
        codes = {number: code for number, code, _, _ in naming.leaves}
        for year, tables in woods(rasters, seed, years, codes).items():
            (draft / "inventory" / str(year)).mkdir(parents=True)
            for name, text in tables.items():
                (draft / "inventory" / str(year) / name).write_text(text, encoding="utf-8", newline="\n")
        shutil.copytree(zone_path(PARAMETERS_OF) / "parameters", draft / "parameters")
    return made
