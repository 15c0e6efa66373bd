"""Patches of equal code in a raster of grades, and the rule of a smallest patch.

Bands of rows are labelled one after the other with union-find; a band knows only the last row before it, so memory is one
band and one entry per provisional patch. A second pass writes the grades of the patches that are large enough. What lies in
smaller patches is not given to a neighbour (no source says how): it becomes `SMALL` and its area is reported.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from qingshan.core.errors import DeclarationError
from qingshan.core.finding import Finding
from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.source import Field, Source

from .block.total import BLOCK_CELLS

__all__ = ["NONE", "SMALL", "Patches", "patches_of"]

SMALL, NONE = 254, 255
"""Codes of the written grades: in a patch below the smallest area; no data."""
FINE = 2**20
"""Areas are added up as whole numbers of 2^-20 m2, so that no order of adding changes them."""


@dataclass(frozen=True, eq=False)
class Patches:
    """Patches by code. Each vector has one entry per asked code; areas in hm2. `grades` is the map after the rule, uint8."""

    codes: tuple[int, ...]
    smallest: float
    count: NDArray[np.int64]
    area: NDArray[np.float64]
    kept_count: NDArray[np.int64]
    kept_area: NDArray[np.float64]
    none_area: float
    grades: Field | None

    @property
    def small_area(self) -> NDArray[np.float64]:
        """Area in patches below the smallest, by code."""
        return self.area - self.kept_area

    def findings(self) -> list[Finding]:
        """How much the smallest patch leaves out."""
        small = float(self.small_area.sum())
        if not small:
            return []
        share = small / float(self.area.sum()) * 100
        return [Finding(
            "note", "patches_below_smallest", f"{small:,.2f} hm2 ({share:.1f} %) lie in patches below {self.smallest:g} hm2 and keep no grade.",
            f"有 {small:,.2f} hm2（{share:.1f} %）在小于 {self.smallest:g} hm2 的图斑里，不定级。",
            limit=f"{self.smallest:g} hm2",
        )]  # fmt: skip


def patches_of(
    grid: Grid,
    grades: Source,
    *,
    codes: Sequence[int],
    smallest: float,
    neighbours: str,
    folder: Path,
    write: bool = True,
) -> Patches:
    """Patches of the codes: cells of equal code that touch, by sides (`neighbours` = "4") or by sides and corners ("8").

    `smallest` in hm2 (20 for the 0.2 km2 of 熊康宁 2002); a patch of exactly that area is kept. Cells of other codes and NoData
    belong to no patch. The map after the rule is `folder/grades.cells` where `write`. The result depends neither on bands
    nor on memory. Raises `DeclarationError` for a bad code, rule or area.
    """
    if neighbours not in ("4", "8") or not 0 <= smallest < np.inf:
        raise DeclarationError(
            f"neighbours {neighbours!r} must be 4 or 8, smallest {smallest!r} an area.",
            f"邻域 {neighbours!r} 只能是 4 或 8，最小图斑 {smallest!r} 应为面积。",
        )
    if not codes or len(set(codes)) != len(codes) or not all(0 <= c < SMALL for c in codes):
        raise DeclarationError(
            f"patch codes must be 0 to {SMALL - 1}, each once.", f"图斑代码应为 0 至 {SMALL - 1} 且不重复。"
        )
    folder.mkdir(parents=True, exist_ok=True)
    labels = Field(folder / f".labels.{os.getpid()}.part", grid, "int32", -1).create()
    try:
        parent, area, code, none = _labelled(grid, grades, np.asarray(codes), neighbours == "8", labels)
        root = _roots(parent)
        whole = np.zeros(len(root), np.int64)
        np.add.at(whole, root, area)
        top = root == np.arange(len(root))
        large = whole >= smallest * 1e4 * FINE
        kept = top & large
        written = _written(grid, labels, root, large, code, folder, grades) if write else None
    finally:
        labels.path.unlink(missing_ok=True)

    def by_code(weights: NDArray[np.int64], chosen: NDArray[np.bool_]) -> list[int]:
        return [sum(int(w) for w in weights[chosen & (code == c)]) for c in codes]

    one = np.ones(len(root), np.int64)
    hectare = 1e4 * FINE
    return Patches(
        tuple(int(c) for c in codes), smallest, np.array(by_code(one, top), np.int64), np.array(by_code(whole, top)) / hectare,
        np.array(by_code(one, kept), np.int64), np.array(by_code(whole, kept)) / hectare, none / hectare, written,
    )  # fmt: skip


def _labelled(
    grid: Grid, grades: Source, codes: NDArray[Any], corners: bool, labels: Field
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.uint8], int]:
    """Provisional labels of all cells; parent, area and code of each; area of cells in no patch."""
    listed = np.zeros(SMALL, np.bool_)
    listed[codes] = True
    fine = np.rint(grid.row_area * FINE).astype(np.int64)
    parent, area, code = np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.uint8)
    above_label, above_code = np.full(grid.width, -1, np.int32), np.full(grid.width, NONE, np.uint8)
    used, none = 0, 0
    for window in grid.blocks(max(1, min(grid.height, BLOCK_CELLS // grid.width))):
        block = _bytes(grades, grades.read(window), listed)
        if used + block.size > len(parent):
            more = max(len(parent), block.size)
            parent = np.concatenate([parent, np.empty(more, np.int32)])
            area, code = (
                np.concatenate([area, np.empty(more, np.int64)]),
                np.concatenate([code, np.empty(more, np.uint8)]),
            )
        out = np.empty(block.shape, np.int32)
        row_fine = fine[window.row : window.row + window.height]
        used, outside = _band(block, row_fine, above_label, above_code, parent, area, code, used, corners, out)
        none += int(outside)
        labels.write(window, out)
        above_label, above_code = out[-1].copy(), block[-1].copy()
    return parent[:used], area[:used], code[:used], none


def _bytes(source: Source, block: NDArray[Any], listed: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Codes as bytes, `NONE` for NoData and codes that are not asked."""
    with np.errstate(invalid="ignore"):
        fits = (block >= 0) & (block < SMALL)
        whole = np.where(fits, block, 0).astype(np.int64)
    good = fits & listed[whole] & (whole == block)
    if source.nodata is not None:
        good &= block != source.nodata
    return np.where(good, whole, NONE).astype(np.uint8)


@njit(nogil=True, cache=True)
def _find(parent, i):  # pragma: no cover - compiled
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(nogil=True, cache=True)
def _band(
    block, row_area, above_label, above_code, parent, area, code, used, corners, out
):  # pragma: no cover - compiled
    height, width = block.shape
    outside = 0
    for i in range(height):
        for j in range(width):
            c = block[i, j]
            if c == NONE:
                out[i, j] = -1
                outside += row_area[i]
                continue
            mine = -1
            if j > 0 and block[i, j - 1] == c:
                mine = _find(parent, out[i, j - 1])
            for step in range(-1, 2):
                x = j + step
                if (step != 0 and not corners) or x < 0 or x >= width:
                    continue
                same = above_code[x] == c if i == 0 else block[i - 1, x] == c
                if same:
                    other = _find(parent, above_label[x] if i == 0 else out[i - 1, x])
                    if mine < 0:
                        mine = other
                    elif other < mine:
                        parent[mine] = other
                        mine = other
                    elif mine < other:
                        parent[other] = mine
            if mine < 0:
                mine = used
                parent[used], area[used], code[used] = used, 0, c
                used += 1
            area[mine] += row_area[i]
            out[i, j] = mine
    return used, outside


@njit(nogil=True, cache=True)
def _roots(parent):  # pragma: no cover - compiled
    out = np.empty(parent.shape[0], np.int32)
    for i in range(parent.shape[0]):
        out[i] = _find(parent, i)
    return out


def _written(
    grid: Grid, labels: Field, root: NDArray[np.int32], large: NDArray[np.bool_], code: NDArray[np.uint8], folder: Path, grades: Source
) -> Field:  # fmt: skip
    """The grades after the rule, under their own name when whole."""
    value = np.append(np.where(large[root], code, SMALL).astype(np.uint8), np.uint8(NONE))
    made = {"rule": "smallest patch", "grades": dict(grades.identity())}
    part = Field(folder / f".grades.{os.getpid()}.part", grid, "uint8", NONE, made_from=made).create()
    try:
        for window in labels.windows():
            part.write(window, value[labels.read(window)])
        whole = replace(part, path=folder / "grades.cells")
        part.path.replace(whole.path)
    finally:
        part.path.unlink(missing_ok=True)
    return whole
