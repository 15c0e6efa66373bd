"""Opening class × closing class of every place, kept by the identity of both class rasters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from qingshan.core.canonical import canonical, digest, write_atomic

from ..change import Change, change_matrix
from ..extent import CHANGE, UNALLOCATED
from ..home import home
from .layers import Rasters, folder_of
from .pedigree import Pedigree
from .run import How

__all__ = ["CHANGE", "Changes", "changes_between"]


@dataclass(frozen=True)
class Changes:
    """The matrix of one period and its predecessor; `of(place, from, to)` in m2. `ground` are both class layers and the places."""

    period: str
    opening: str
    places: tuple[str, ...]
    classes: tuple[str, ...]
    matrix: Change
    pedigree: Pedigree
    ground: tuple[tuple[str, str], ...]

    def pairs(self) -> list[str]:
        """Every pair of classes that occurs, `forest>grass`, in the order of the classes; cells without a class in both are none."""
        found = self.matrix.units.sum(axis=0) != 0
        last = len(self.classes) - 1
        return [
            f"{self.classes[i]}>{self.classes[j]}"
            for i, j in zip(*np.nonzero(found), strict=True)
            if not i == j == last
        ]

    def of(self, place: str, pair: str) -> float | None:
        """Area, m2, the nearest float; None where the place or a class is not known."""
        start, _, end = pair.partition(">")
        if place not in self.places or start not in self.classes or end not in self.classes:
            return None
        units = self.matrix.units[self.places.index(place), self.classes.index(start), self.classes.index(end)]
        return float(Fraction(int(units), 1 << 60))


def changes_between(rasters: Rasters, opening: str, closing: str, entries: tuple[Any, Any, Any], how: How) -> Changes:
    """Read both class rasters, or the kept matrix. `entries` are the catalogue's of both, and of the places."""
    before, after, places = rasters.classes(opening), rasters.classes(closing), rasters.places()
    pedigree = Pedigree(root=folder_of(rasters))
    ground = (
        ("opening", pedigree.cover(before, entries[0], "land.cover", opening)),
        ("closing", pedigree.cover(after, entries[1], "land.cover", closing)),
        ("places", pedigree.places(places, entries[2])),
    )  # fmt: skip
    grid, codes = rasters.grid, [int(c) for c in after.codes]
    about = [dict(s.identity()) for s in (before.source, after.source, places.source)]
    key = digest(["change", about, codes, [grid.crs, grid.transform, grid.shape], len(places.codes)])
    kept = home() / "rasters" / f"{key}.json"
    units = _kept(kept, (len(places.codes), len(codes) + 1, len(codes) + 1))
    if units is None:
        made = change_matrix(grid, before.source, after.source, places.source, n_places=len(places.codes), codes=codes,
                             workers=how.workers, memory=how.memory, progress=how.step(f"{opening} > {closing}"))  # fmt: skip
        units = made.units
        write_atomic(kept, canonical([str(int(v)) for v in units.ravel()]))
    names = (*(after.names[c] for c in codes), UNALLOCATED)
    return Changes(closing, opening, tuple(places.codes), names, Change(tuple(codes), units), pedigree, ground)


def _kept(path: Any, shape: tuple[int, ...]) -> Any:
    """Exact areas, whole numbers of 2^-60 m2; None where there is no such file or it is not one of ours."""
    try:
        flat = [int(v) for v in json.loads(path.read_bytes())]
    except (OSError, ValueError, TypeError):
        return None
    if len(flat) != shape[0] * shape[1] * shape[2]:
        return None
    units = np.zeros(len(flat), object)
    units[:] = flat
    return units.reshape(shape)
