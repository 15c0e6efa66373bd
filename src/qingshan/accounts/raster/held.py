"""A bound raster account kept open for looking at: its stage outputs stay under home, so that any cell can be read and
worked through, and its results are drawn as COGs.

    held = open_held(binding)
    trace = held.at(row, col)
    path = held.raster("soil_loss")

Everything lies under `maps/<key of the binding>` and is made once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from qingshan.core.errors import QingshanError
from qingshan.zone.raster.source import Source

from ..block.engine import run_sheet
from ..block.trace import Trace, cell_value, trace
from ..home import home
from .binding import Binding
from .run import How, _settled, _stages

__all__ = ["MOST_CELLS", "HeldAccount", "open_held"]

MOST_CELLS = 6_000_000
"""Cells of the largest grid whose stages are run for looking at alone: some seconds of work, once."""
_ONE_AT_A_TIME = Lock()


@dataclass(frozen=True)
class HeldAccount:
    """`sources` give every layer of the sheet, stage outputs included."""

    binding: Binding
    sources: Mapping[str, Source]
    folder: Path

    @property
    def results(self) -> list[str]:
        """The steps that sums add: what there is to draw."""
        return list(dict.fromkeys(s.of for s in self.binding.sums if s.of in self.binding.account.steps))

    def at(self, row: int, col: int) -> Trace:
        """One cell worked through."""
        sheet, grid = self.binding.sheet, self.binding.grid
        assert sheet is not None and grid is not None
        code = cell_value(self.binding.classes.source, row, col)
        known = int(code) if code is not None and int(code) in self.binding.classes.codes else None
        layers = {x.id: cell_value(self.sources[x.id], row, col) for x in sheet.layers if x.id in self.sources}
        return trace(sheet, layers, known, self.binding.tables, self.binding.constants, float(grid.row_area[row]))

    def raster(self, name: str, *, workers: int | None = None) -> Path:
        """The COG of a result. Raises `QingshanError` where the account has no such result."""
        if name not in self.results:
            known = ", ".join(self.results) or "-"
            raise QingshanError(
                f"{self.binding.account.id} draws no {name!r}; it has: {known}.",
                f"{self.binding.account.zh}没有结果 {name!r}；有：{known}。",
            )
        path = self.folder / f"{name}.tif"
        with _ONE_AT_A_TIME:
            if not path.is_file():
                self._write(workers)
        return path

    def _write(self, workers: int | None) -> None:
        made = self.binding
        assert made.sheet is not None and made.grid is not None
        run_sheet(
            made.sheet, made.grid, self.sources, made.tables, made.constants, made.places.source, made.classes.source,
            n_places=len(made.places.codes), codes=list(made.classes.codes), workers=workers,
            writes={name: self.folder / f"{name}.tif" for name in self.results},
        )  # fmt: skip


def open_held(binding: Binding, how: How | None = None) -> HeldAccount | None:
    """Keep a binding open; None where no sum of it can be made.

    Raises `QingshanError` where its stages have not been run and the grid has more than `MOST_CELLS` cells.
    """
    if binding.sheet is None or binding.grid is None or not binding.sums:
        return None
    folder = home() / "maps" / binding.key[:32]
    if binding.stages and binding.grid.size > MOST_CELLS and not (folder / "stages").is_dir():
        raise QingshanError(
            f"the grid has {binding.grid.size:,} cells; more than {MOST_CELLS:,} are not worked through for a page.",
            f"格网有 {binding.grid.size:,} 个像元，超过 {MOST_CELLS:,} 个时不为一个页面计算。",
        )
    folder.mkdir(parents=True, exist_ok=True)
    with _ONE_AT_A_TIME:
        fields, _ = _stages(binding, how or How(), folder / "stages")
    return HeldAccount(binding, {name: _settled(source, fields) for name, source in binding.sources.items()}, folder)
