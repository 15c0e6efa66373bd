"""Patches of a raster account's grades, from the rasters that a run wrote: how many, how large, what the smallest patch leaves out."""

from __future__ import annotations

import tempfile
from pathlib import Path

from qingshan.core.parameter import Parameters
from qingshan.core.units import factor

from ..patch import Patches, patches_of
from .declaration import Patch
from .layers import Named
from .run import RasterRun

__all__ = ["patched"]


def patched(run: RasterRun, parameters: Parameters) -> list[tuple[Patch, Patches]]:
    """The declared patches whose grade was written (`How.writes`), over the whole grid.

    Raises `MissingParameter` where the smallest area is open, and what reading the raster raises.
    """
    from qingshan.zone.raster.stored import look  # noqa: PLC0415 - the extra geo

    found = []
    for p in run.account.patches:
        if p.of not in run.written or run.binding.grid is None:
            continue
        row = parameters.find(p.parameter, set=p.set or None)
        assert row.value is not None
        with tempfile.TemporaryDirectory(dir=run.written[p.of].parent) as scratch:
            grades = Named(look(str(run.written[p.of])), {"step": p.of, "key": run.key})  # type: ignore[arg-type]
            found.append((p, patches_of(
                run.binding.grid, grades, codes=p.codes, smallest=row.value * factor(row.unit, "hm2"),
                neighbours=p.neighbours, folder=Path(scratch), write=False,
            )))  # fmt: skip
    return found
