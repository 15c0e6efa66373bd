"""Change between two class rasters: one pass, exact areas of opening class x closing class x place (SEEA-EA table 4.2).

A matrix has one class more than asked for, `no class`: a cell without a listed class in one of the periods. So the matrix of
a place always adds up to its area, row sums are the opening and column sums the closing extent, to the last bit. Additions
and reductions are split into managed and unmanaged only where a conversion is declared one or the other.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError, UnknownName
from qingshan.core.finding import Finding
from qingshan.core.method import REGISTRY
from qingshan.zone.raster.grid import Grid, Window
from qingshan.zone.raster.source import Source

from .block.engine import Progress
from .block.kernel import compiled
from .block.total import ADD, BLOCK_CELLS, PARTS, carried, exact
from .focal.stage import on_tiles

__all__ = ["CONVERSIONS", "Change", "change_matrix"]

CONVERSIONS = ("managed", "unmanaged")
KERNEL = f'''"""Area of opening class x closing class x place, made by qingshan."""

import math

import numpy as np
from numba import njit

@njit(nogil=True, cache=True, error_model='numpy')
{ADD.strip()}


@njit(nogil=True, cache=True, error_model='numpy')
def kernel(acc, row_area, places, place_index, opening, opening_index, closing, closing_index):
    height, width = places.shape
    none = acc.shape[1] - 1
    for i in range(height):
        for j in range(width):
            p = int(places[i, j])
            place = place_index[p] if 0 <= p < place_index.shape[0] else -1
            if place < 0:
                continue
            o, c = int(opening[i, j]), int(closing[i, j])
            a = opening_index[o] if 0 <= o < opening_index.shape[0] else none
            b = closing_index[c] if 0 <= c < closing_index.shape[0] else none
            add(acc[place, a], b, row_area[i])
'''


@dataclass(frozen=True, eq=False)
class Change:
    """Areas of opening class x closing class of each place, the last class being `no class`.

    `units` holds whole numbers of 2^-60 m2, shape (place, class + 1, class + 1): sums of them are exact.
    """

    codes: tuple[int, ...]
    units: NDArray[Any]

    def of(self, places: Sequence[int] | None = None) -> Change:
        """The same for several places taken together as one; None: all of them."""
        chosen = self.units if places is None else self.units[list(places)]
        return Change(self.codes, chosen.sum(axis=0, keepdims=True))

    @property
    def matrix(self) -> NDArray[np.float64]:
        """Areas between the listed classes, hm2, shape (place, class, class)."""
        return _hectares(self.units[:, :-1, :-1])

    @property
    def whole(self) -> NDArray[np.float64]:
        """Areas with `no class` as the last row and column, hm2, shape (place, class + 1, class + 1)."""
        return _hectares(self.units)

    def extents(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Opening and closing area of each class and of `no class`, hm2, shape (place, class + 1): row and column sums."""
        return _hectares(self.units.sum(axis=2)), _hectares(self.units.sum(axis=1))

    def area(self) -> NDArray[np.float64]:
        """Area of each place, hm2."""
        return _hectares(self.units.sum(axis=(1, 2)))

    def figures(self, years: float) -> dict[str, NDArray[np.float64]]:
        """Gain, loss, net change, swap (hm2), persistence (%), change over the period (%) and per year (%/a) of each class; shape (place, class).

        Cells that have a class in both periods. `years` is the time between the maps.
        """
        load_domains()
        matrix = self.matrix
        opening, closing = matrix.sum(axis=2), matrix.sum(axis=1)
        kinds = ("gain", "loss", "net_change", "swap", "persistence")
        found = {k: np.asarray(REGISTRY[f"land.class_{k}@pontius2004"](matrix)) for k in kinds}
        found["change"] = np.asarray(REGISTRY["nature.area_change@hj1171_2021"](opening, closing))
        found["yearly_change"] = np.asarray(REGISTRY["nature.k_t@hj1175_2021"](opening, closing, years))
        return found

    def group(self, classes: Sequence[int]) -> Change:
        """Two classes: the listed ones together (all wetland, say), coded 1, and all others, coded 2; changes inside either are persistence.

        Raises `UnknownName` for a code that is not in the matrix.
        """
        if stray := sorted(set(classes) - set(self.codes)):
            raise UnknownName(f"the classes {stray} are not in the matrix.", f"转移矩阵里没有类型 {stray}。")
        member = np.array([0 if c in set(classes) else 1 for c in self.codes] + [2])
        units = np.zeros((len(self.units), 3, 3), object)
        for i in range(3):
            for j in range(3):
                units[:, i, j] = self.units[:, member == i][:, :, member == j].sum(axis=(1, 2))
        return Change((1, 2), units)

    def extent_account(self, declared: Mapping[tuple[int, int], str] | None = None) -> dict[str, NDArray[np.float64]]:
        """SEEA-EA table 4.1 from the matrix, hm2, shape (place, class + 1).

        Rows: opening; additions and reductions, each `managed`, `unmanaged` and, where a conversion is not `declared` as (opening
        code, closing code) -> managed or unmanaged, `undeclared`; net; closing. Every row is rounded from an exact number, and
        the exact ones close: opening + additions - reductions = closing. Raises `DeclarationError` for another word.
        """
        declared = dict(declared or {})
        if wrong := sorted(set(declared.values()) - set(CONVERSIONS)):
            raise DeclarationError(
                f"conversions are managed or unmanaged, not {', '.join(wrong)}.",
                f"转换只有 managed、unmanaged 两种，没有 {'、'.join(wrong)}。",
            )
        at = {c: i for i, c in enumerate(self.codes)}
        if stray := sorted({c for pair in declared for c in pair} - set(at)):
            raise UnknownName(f"the classes {stray} are not in the matrix.", f"转移矩阵里没有类型 {stray}。")
        kind = np.full(self.units.shape[1:], "undeclared", object)
        for (start, end), word in declared.items():
            kind[at[start], at[end]] = word
        np.fill_diagonal(kind, "same")
        rows: dict[str, NDArray[Any]] = {"opening": self.units.sum(axis=2)}
        for flow, axis in (("addition", 1), ("reduction", 2)):
            for word in (*CONVERSIONS, "undeclared"):
                rows[f"{flow}_{word}"] = np.where(kind == word, self.units, 0).sum(axis=axis)
        rows["closing"] = self.units.sum(axis=1)
        rows["net"] = rows["closing"] - rows["opening"]
        gains, losses = (
            sum(rows[f"{flow}_{w}"] for w in (*CONVERSIONS, "undeclared")) for flow in ("addition", "reduction")
        )
        assert bool(np.all(rows["opening"] + gains - losses == rows["closing"]))
        return {name: _hectares(values) for name, values in rows.items()}

    def findings(self) -> list[Finding]:
        """Area without a class in one of the periods, which is in no figure of the listed classes."""
        unknown = self.units.sum() - self.units[:, :-1, :-1].sum()
        if not unknown:
            return []
        hectares = float(_hectares(np.array([unknown], object))[0])
        return [Finding(
            "warning", "change_without_class", f"{hectares:,.2f} hm2 have no listed class in one or both periods.",
            f"有 {hectares:,.2f} hm2 在一期或两期没有所列类型。",
            fix="map the missing codes or list them as classes / 补上类型对照，或把缺的代码列为类型",
        )]  # fmt: skip


def change_matrix(
    grid: Grid, opening: Source, closing: Source, places: Source, *, n_places: int, codes: Sequence[int], workers: int | None = None,
    memory: int | str = "1GB", progress: Progress | None = None,
) -> Change:  # fmt: skip
    """Read both class rasters once and add up the area of every pair of classes in every place.

    `places` holds 0 .. n_places - 1 (NoData: outside); `codes` are the classes in the order of the result. Byte-identical for
    any workers and memory. Raises `DeclarationError` where codes are repeated or not 0 to 65535.
    """
    if not codes or len(set(codes)) != len(codes) or not all(0 <= c <= 65535 for c in codes):
        raise DeclarationError(
            "class codes must be 0 to 65535, each once.",
            "类型代码应为 0 至 65535 且不重复。",
            fix="list the classes of both maps",
        )
    if n_places < 1:
        raise DeclarationError("there must be at least one place.", "至少要有一个地点。")
    index = {name: _index(codes, source.nodata) for name, source in (("opening", opening), ("closing", closing))}
    size = len(codes) + 1
    acc, lock, run = np.zeros((n_places, size, size, PARTS), np.int64), threading.Lock(), compiled(KERNEL)
    cols = min(grid.width, 4096)
    rows = max(1, min(grid.height, 1024, BLOCK_CELLS // cols))

    def work(window: Window) -> None:
        where = places.read(window)
        inside = np.bincount(np.clip(where.ravel().astype(np.int64), -1, n_places - 1) + 1, minlength=n_places + 1)[1:]
        present = np.flatnonzero(inside)
        here = np.full(n_places, -1, np.int32)
        here[present] = np.arange(len(present))
        if places.nodata is not None and 0 <= places.nodata < n_places:
            here[int(places.nodata)] = -1
        part = np.zeros((len(present), size, size, PARTS), np.int64)
        area = grid.row_area[window.row : window.row + window.height]
        run(part, area, where, here, opening.read(window), index["opening"], closing.read(window), index["closing"])
        with lock:
            acc[present] += carried(part)
            carried(acc)

    per_cell = sum(s.dtype.itemsize for s in (opening, closing, places)) + 16
    on_tiles(
        list(grid.blocks(rows, cols)), work, bytes_each=rows * cols * per_cell + acc.nbytes, held=acc.nbytes, workers=workers,
        memory=memory, progress=progress,
    )  # fmt: skip
    units = np.zeros(acc.shape[:-1], object)
    for at in zip(*np.nonzero(acc.any(axis=-1)), strict=True):
        units[at] = exact(acc[at])[0]
    return Change(tuple(int(c) for c in codes), units)


def _index(codes: Sequence[int], nodata: float | None) -> NDArray[np.int32]:
    """Place of each code in the matrix; what is not listed, and NoData, goes to `no class`."""
    index = np.full(max(codes) + 1, len(codes), np.int32)
    index[list(codes)] = np.arange(len(codes))
    if nodata is not None and 0 <= nodata < len(index):
        index[int(nodata)] = len(codes)
    return index


def _hectares(units: NDArray[Any]) -> NDArray[np.float64]:
    flat = [float(Fraction(int(v), (1 << 60) * 10_000)) for v in units.ravel()]
    return np.array(flat, np.float64).reshape(units.shape)
