"""One inventory evaluated under its settings: trees turned into amounts, and the parts (domains) its figures are split by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qingshan.core.domain import load_domains
from qingshan.core.errors import OutOfBounds
from qingshan.core.parameter import ParameterRow
from qingshan.observe.allometry import Amounts, evaluate
from qingshan.observe.equation import Equation, own_equations
from qingshan.observe.estimator import Estimator, estimator_of
from qingshan.observe.inventory import Inventory, read_inventory
from qingshan.zone.zone import Zone

from .declared import CROSS, EQUATIONS, InventorySettings

__all__ = ["Evaluated", "Part", "evaluated"]

MOST_PARTS = 200
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Part:
    """A domain: place code, class ('', `column:value` or `a*b:x*y`), which trees (n) and conditions (c) are its own."""

    place: str
    cls: str
    trees: Mask
    conditions: Mask
    has_area: bool
    """False: its trees stand on all the forest of the place, so it has no area of its own."""
    plots: int
    partial: bool = False
    """Plots of the place, or of strata that its plots lie in, were not all measured (non-response); any plot where strata are left aside."""


@dataclass(frozen=True)
class Evaluated:
    """`biomass` and `volume` are None where the settings name no sets for them."""

    settings: InventorySettings
    folder: Path
    inventory: Inventory
    biomass: Amounts | None
    volume: Amounts | None
    fraction: ParameterRow | None
    own: tuple[Equation, ...] | None = None
    """Equations of the user's own table before those of the package; None without such a table."""

    @cached_property
    def estimator(self) -> Estimator:
        return estimator_of(self.inventory, self.settings.estimator, self.settings.auxiliary)

    @cached_property
    def picked(self) -> Mask:
        """Trees that count: alive, on forest."""
        return self.inventory.trees.live & self.inventory.on_forest

    def file(self, table: str) -> str:
        """Address of a table inside the run."""
        ending = "parquet" if (self.folder / f"{table}.parquet").is_file() else "csv"
        return f"inputs/inventory/{self.settings.id}/{table}.{ending}"

    def amounts(self, kind: str) -> Amounts | None:
        return self.biomass if kind == "biomass" else self.volume

    def lost(self, kind: str) -> int:
        """Trees that count but have no amount: with one of them a total would be too low."""
        found = self.amounts(kind)
        return int((found.refused & self.picked).sum()) if found else 0

    def per_tree(self, kind: str) -> NDArray[np.float64]:
        """t of dry matter, or m3; 0 where refused."""
        found = self.amounts(kind)
        assert found is not None
        return np.nan_to_num(found.value) * (1e-3 if found.unit == "kg" else 1.0)

    def parts(self, zone: Zone) -> Iterator[Part]:
        """The whole, its splits by each column, and the same for each place that plots name."""
        conditions, trees = self.inventory.conditions, self.inventory.trees
        root = self.settings.place or zone.root
        for place, on in self._places(zone, root):
            here_trees, here = on[trees.plot], on[conditions.plot]
            plots, partial = int(on.sum()), self._partial(zone, root, place, on)
            yield Part(place, "", here_trees, here, True, plots, partial)
            for column in self.settings.by:
                for value, of_trees, of_conditions, has_area in self._classes[column]:
                    mine = here_trees & of_trees, here & of_conditions
                    if CROSS in column and not (mine[0].any() or (has_area and mine[1].any())):
                        continue  # a cell that no plot of the place has
                    yield Part(place, f"{column}:{value}", *mine, has_area, plots, partial)

    def _partial(self, zone: Zone, root: str, place: str, on: Mask) -> bool:
        """Whether something of the place was not measured: a plot of its own, or part of a stratum its plots stand for; any plot at all where
        the estimator leaves strata aside, since each then stands for the whole."""
        if place == root or not self.estimator.by_stratum:
            return self.inventory.incomplete
        if bool(self.inventory.adjusted[on].any()):
            return True
        column = self.settings.place_column
        return bool(column) and not {place, *zone.leaves(place)}.isdisjoint(self.inventory.unmeasured[column].to_list())

    @cached_property
    def _classes(self) -> dict[str, list[tuple[str, Mask, Mask, bool]]]:
        """Of each column, or crossing of columns, its values, each with its trees, its conditions and whether it has area."""
        made: dict[str, list[tuple[str, Mask, Mask, bool]]] = {}
        for column in self.settings.by:
            found: list[tuple[str, Mask, Mask, bool]] = []
            for name in column.split(CROSS):
                one = self._column(name)
                found = (
                    one
                    if not found
                    else [
                        (f"{a}{CROSS}{b}", ta & tb, ca & cb, ha and hb)
                        for a, ta, ca, ha in found
                        for b, tb, cb, hb in one
                    ]
                )
                found = [x for x in found if x[1].any() or (x[3] and x[2].any())] if CROSS in column else found
            _few_enough(column, len(found))
            made[column] = found
        return made

    def _column(self, column: str) -> list[tuple[str, Mask, Mask, bool]]:
        conditions, trees = self.inventory.conditions, self.inventory.trees
        names, index, table = self.inventory.labels(column)
        _few_enough(column, len(names))
        made = []
        for i, name in enumerate(names):
            if not name:
                continue  # rows without the label: plots off the forest
            mine = index == i
            if table == "trees":
                of_trees, of_conditions = mine, np.ones(len(conditions.plot), dtype=bool)
            elif table == "conditions":
                of_trees, of_conditions = mine[trees.condition], mine
            else:
                of_trees, of_conditions = mine[trees.plot], mine[conditions.plot]
            made.append((name, of_trees, of_conditions, table != "trees"))
        return made

    def _places(self, zone: Zone, root: str) -> Iterator[tuple[str, Mask]]:
        """The place of the inventory, and each place below it that plots lie in."""
        everywhere = np.ones(len(self.inventory.plots.stratum), dtype=bool)
        yield root, everywhere
        if not self.settings.place_column:
            return
        names, index, _ = self.inventory.labels(self.settings.place_column)
        leaf = {name: i for i, name in enumerate(names)}
        for code in zone.places:
            if code == root or root not in zone.ancestors(code):
                continue
            mine = [leaf[c] for c in {code, *zone.leaves(code)} if c in leaf]
            if mine:
                yield code, np.isin(index, mine)


def _few_enough(column: str, n: int) -> None:
    if n > MOST_PARTS:
        raise OutOfBounds(
            f"{column} has {n} values, at most {MOST_PARTS} can be told apart.", f"{column} 有 {n} 个取值，最多分 {MOST_PARTS} 组。",
            fix="group them in a column of their own / 先归并到另一列",
        )  # fmt: skip


def texts_of(settings: InventorySettings) -> tuple[str, ...]:
    """Columns whose values are codes: a leading zero must not be lost."""
    return (settings.place_column,) if settings.place_column else ()


def evaluated(settings: InventorySettings, folder: Path) -> Evaluated:
    """Read the tables of a folder and evaluate every tree. Raises `FaultyInventory`, `UnknownName`, `DeclarationError`."""
    inventory = read_inventory(folder, text=texts_of(settings)).used()
    trees = inventory.trees
    biomass = volume = None
    fraction = None
    own = own_equations(folder / EQUATIONS)
    if settings.sets:
        biomass = evaluate(trees.taxon, trees.d_cm, trees.h_m, settings.rule, settings.quantity, own)
        fraction = load_domains().parameters().find("forest.carbon_fraction", set=settings.carbon_set)
    if settings.volume_sets:
        volume = evaluate(trees.taxon, trees.d_cm, trees.h_m, settings.volume_rule, "volume", own)
    return Evaluated(settings, folder, inventory, biomass, volume, fraction, own)
