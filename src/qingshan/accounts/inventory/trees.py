"""The trees of one plot of a sealed inventory, each with the equation it took and how, evaluated again from the sealed rows."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from qingshan.core.errors import UnknownName
from qingshan.observe.allometry import flag_words

from .evaluated import Evaluated, evaluated
from .sealed import ForestRun

__all__ = ["PlotTrees", "evaluated_inventory", "plot_trees"]

_KEPT: dict[tuple[object, ...], Evaluated] = {}
_LOCK = Lock()


@dataclass(frozen=True)
class PlotTrees:
    """`rows` are the trees as plain records: line in trees.csv, columns, live, expansion, per amount the value (kg or m3),
    the ids of its equations and flags; `sums` are those of the plot per hm2."""

    plot: str
    line: int
    columns: dict[str, Any]
    rows: tuple[dict[str, Any], ...]
    sums: dict[str, float]


def evaluated_inventory(run: ForestRun, id: str) -> Evaluated:
    """An inventory of a run, evaluated; the newest ones are kept while their tables are as they were. Raises `UnknownName`."""
    settings = next((s for s in run.inventories if s.id == id), None)
    if settings is None:
        known = ", ".join(s.id for s in run.inventories)
        raise UnknownName(f"{run.id} has no inventory {id!r}; it has: {known}.", f"没有调查 {id!r}；现有：{known}。")
    folder = run.tables(id)
    about = ((p.name, p.stat()) for p in sorted(folder.iterdir()))
    key = (str(folder), *((name, s.st_size, s.st_mtime_ns, s.st_ino) for name, s in about))
    with _LOCK:
        found = _KEPT.get(key)
    if found is None:
        found = evaluated(settings, folder)
        with _LOCK:
            while len(_KEPT) > 3:
                _KEPT.pop(next(iter(_KEPT)))
            _KEPT[key] = found
    return found


def plot_trees(run: ForestRun, id: str, plot: str) -> PlotTrees:
    """Every tree of a plot. Raises `UnknownName`."""
    of = evaluated_inventory(run, id)
    inventory = of.inventory
    names = [str(p) for p in inventory.plots.id]
    if plot not in names:
        raise UnknownName(
            f"inventory {id} has no plot {plot!r}.",
            f"调查 {id} 没有样地 {plot!r}。",
            fix="see the list of plots / 见样地列表",
        )
    p = names.index(plot)
    trees = inventory.trees
    mine = np.flatnonzero(trees.plot == p)
    table = trees.table[mine].to_dicts()
    rows = []
    for i, raw in zip(map(int, mine), table, strict=True):
        row: dict[str, Any] = {"columns": raw, "live": bool(trees.live[i]), "counts": bool(of.picked[i]), "d_cm": float(trees.d_cm[i]),
                               "h_m": None if np.isnan(trees.h_m[i]) else float(trees.h_m[i]), "taxon": str(raw["taxon"]),
                               "expansion": float(trees.expansion[i])}  # fmt: skip
        for kind in ("biomass", "volume"):
            found = of.amounts(kind)
            if found is None:
                continue
            value = float(found.value[i])
            row[kind] = None if np.isnan(value) else value
            row[f"{kind}_equations"] = found.equation_ids(i)
            row[f"{kind}_flags"] = flag_words(int(found.flags[i]))
        rows.append(row)
    sums = {"area": float(inventory.area_share()[p]), "trees": float(inventory.per_plot(None, of.picked)[p])}
    for kind in ("biomass", "volume"):
        if of.amounts(kind) and not of.lost(kind):
            sums[kind] = float(inventory.per_plot(of.per_tree(kind), of.picked)[p])
    return PlotTrees(plot, int(inventory.plots.row[p]) + 2, inventory.plots.table[p].to_dicts()[0], tuple(rows), sums)
