"""The nodes behind the figures of one inventory.

estimate   a total or a ratio of two totals, with its error in `notes`
  stratum    what the plots of one stratum say of it: mean and variance per hm2, weight, number of plots; in a double sample
             the regression on the auxiliary. Estimators without strata have the sample below the estimate
    weight     the row of strata.csv
    auxiliary_all  the mean of the auxiliary in the first phase, with the table it was taken from
    sample     the plots of the stratum, shared by all its figures
      plot       the row of plots.csv, the plot's sums, where its trees stand in trees.csv
    amounts    the equations the trees took, with how many took each by which rank
method     carbon from biomass, CO2 from carbon
"""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qingshan.accounts.figure import Node
from qingshan.core.canonical import digest
from qingshan.core.domain import load_domains
from qingshan.core.method import Array
from qingshan.observe.allometry import FLAGS, Amounts
from qingshan.observe.equation import Equation, package_equations
from qingshan.observe.estimate import Estimate, Regressed, stratum_moments

from .declared import EQUATIONS as OWN
from .evaluated import Evaluated

__all__ = ["Graph", "note_of", "served"]

RATIO, REGRESSION = "forest.ratio_variance@gtr80", "forest.regression_mean@ar_tool14"
CARBON, CO2 = "forest.carbon@fraction", "forest.co2@molar"
EQUATIONS = "forest/standards/tree_equations.csv"
WHOLE = -1
"""In place of a stratum: all plots."""


def note_of(estimate: Estimate, inventory: str, estimator: str) -> dict[str, Any]:
    """What stands beside the value of an estimate."""
    record = estimate.record()
    kept = ("se", "relative_se", "df", "plots", "confidence", "low", "high")
    return {k: record[k] for k in kept if record[k] is not None} | {
        "variance": estimate.variance, "inventory": inventory, "estimator": estimator
    }  # fmt: skip


class Graph:
    """Nodes by key, each made once."""

    def __init__(self, evaluated: Evaluated, period: str, place: str, *, trees: bool = False) -> None:
        """`trees` adds a node for each tree below its plot: for inventories of thousands of trees, not of millions."""
        self.trees = trees
        self.of, self.period, self.place = evaluated, period, place
        self.nodes: dict[str, Node] = {}
        self._samples: dict[int, str] = {}
        self._first: dict[int, str] = {}
        self._amounts: dict[str, str] = {}
        self._weights: dict[int, str] = {}

    # ---- building

    def put(self, kind: str, quantity: str, **more: Any) -> str:
        """Add a node; its key is the hash of everything it says."""
        if self.of.settings.synthetic and kind in ("stratum", "sample", "plot", "tree", "amounts", "input"):
            more["labels"] = ("synthetic",)
        node = Node("", kind, quantity, **more)
        key = digest(node.record())
        self.nodes[key] = replace(node, key=key)
        return key

    def total(self, quantity: str, unit: str, cls: str, place: str, values: Array, estimate: Estimate, kind: str,
              labels: tuple[str, ...]) -> str:  # fmt: skip
        """A total of `values` (p) per hm2 by the inventory's estimator; `kind` says which amounts of trees it rests on ('': none)."""
        estimator = self.of.estimator
        amounts = [("amounts", self._amount(kind))] if kind else []
        below = (
            self._strata(quantity, unit, cls, place, values, amounts) if estimator.by_stratum else self._all(amounts)
        )
        return self._estimate(
            quantity, unit, cls, place, estimate, estimator.method, tuple(below), estimator.name, labels
        )

    def _all(self, amounts: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [("sample", self._sample(WHOLE)), *amounts]

    def _strata(self, quantity: str, unit: str, cls: str, place: str, values: Array, amounts: list[tuple[str, str]]) -> list[tuple[str, str]]:  # fmt: skip
        """What each stratum says of a total."""
        design, estimator = self.of.inventory.design, self.of.estimator
        found = stratum_moments(values[np.newaxis], self.of.inventory.plots.stratum, design)
        line = estimator.regression(values) if estimator.second is not None else None
        made: list[tuple[str, str]] = []
        for h in map(int, np.flatnonzero(design.weight > 0)):
            below = [("weight", self._weight(h)), ("sample", self._sample(h)), *amounts]
            notes = {"stratum": design.names[h], "plots": int(found.counts[h]), "variance": float(found.variances[0, h]),
                     "weight": float(design.weight[h]), "area_hm2": float(design.area[design.unit[h]])}  # fmt: skip
            more: dict[str, Any] = {"value": [float(found.means[0, h])]}
            if line is not None:
                below.insert(1, ("auxiliary_all", self._first_phase(h, line)))
                notes |= {"variance": float(line.variances[h]), "auxiliary": self.of.settings.auxiliary,
                    "plain_mean": float(line.plain[h]), "slope": float(line.slope[h]),
                          "correlation": float(line.correlation[h]), "auxiliary_sub": float(line.second_mean[h])}  # fmt: skip
                code = load_domains().registry[REGRESSION].code
                more = {"value": [float(line.means[h])], "method": REGRESSION, "code": code}
            key = self.put("stratum", quantity, place=place, cls=cls, period=self.period, unit=_per_area(unit), args=tuple(below), notes=notes,
                           **more)  # fmt: skip
            made.append((f"stratum:{design.names[h]}", key))
        return made

    def _first_phase(self, h: int, line: Regressed) -> str:
        """Mean of the auxiliary over the first phase of a stratum."""
        if h not in self._first:
            row = {
                "file": self.of.file("first_phase"),
                "status": self._status(),
                "source_title": self.of.settings.source,
            }
            notes = {
                "stratum": self.of.inventory.design.names[h],
                "plots": int(line.first_plots[h]),
                "auxiliary": self.of.settings.auxiliary,
            }
            self._first[h] = self.put("sample", "inventory.auxiliary", period=self.period, cls=f"stratum:{notes['stratum']}", unit="-",
                                      value=[float(line.first_mean[h])], row=row, notes=notes)  # fmt: skip
        return self._first[h]

    def ratio(self, quantity: str, unit: str, cls: str, place: str, estimate: Estimate, numerator: str, denominator: str,
              labels: tuple[str, ...]) -> str:  # fmt: skip
        args = (("numerator", numerator), ("denominator", denominator))
        return self._estimate(quantity, unit, cls, place, estimate, RATIO, args, "ratio", labels)

    def scaled(self, quantity: str, unit: str, cls: str, place: str, estimate: Estimate, method: str, args: tuple[tuple[str, str], ...],
               labels: tuple[str, ...]) -> str:  # fmt: skip
        """Carbon from biomass, CO2 from carbon: the error goes along."""
        return self._estimate(quantity, unit, cls, place, estimate, method, args, "scaled", labels, "method")

    def _estimate(self, quantity: str, unit: str, cls: str, place: str, estimate: Estimate, method: str,
                  args: tuple[tuple[str, str], ...], estimator: str, labels: tuple[str, ...], kind: str = "estimate") -> str:  # fmt: skip
        code = load_domains().registry[method].code
        notes = note_of(estimate, self.of.settings.id, estimator)
        return self.put(kind, quantity, place=place, cls=cls, period=self.period, unit=unit, value=[estimate.value], method=method,
                        code=code, args=args, notes=notes, labels=labels)  # fmt: skip

    def parameter(self) -> str:
        """The carbon fraction."""
        row = self.of.fraction
        assert row is not None and row.value is not None
        return self.put("parameter", row.parameter, unit=row.unit, value=[row.value], row=row.record())

    # ---- what strata and plots rest on

    def _weight(self, h: int) -> str:
        if h not in self._weights:
            design = self.of.inventory.design
            row = {"file": self.of.file("strata"), "row": h + 2, "printed": f"{design.weight[h]:.6g}", "status": self._status(),
                   "source_title": self.of.settings.source}  # fmt: skip
            self._weights[h] = self.put("input", "inventory.weight", period=self.period, cls=f"stratum:{design.names[h]}",
                                        unit="fraction", value=[float(design.weight[h])], row=row)  # fmt: skip
        return self._weights[h]

    def _sample(self, h: int) -> str:
        if h not in self._samples:
            stratum = self.of.inventory.plots.stratum
            plots = np.arange(len(stratum)) if h == WHOLE else np.flatnonzero(stratum == h)
            args = tuple((f"plot:{self._ids[p]}", self._plot(int(p))) for p in plots)
            named = {} if h == WHOLE else {"stratum": self.of.inventory.design.names[h]}
            notes = {**named, "plots": len(args)}
            cls = f"stratum:{named['stratum']}" if named else ""
            self._samples[h] = self.put("sample", "inventory.plots", period=self.period, cls=cls, unit="count",
                                        value=[float(len(args))], args=args, notes=notes)  # fmt: skip
        return self._samples[h]

    @cached_property
    def _ids(self) -> list[str]:
        return [str(p) for p in self.of.inventory.plots.id]

    @cached_property
    def _rows(self) -> list[dict[str, Any]]:
        return self.of.inventory.plots.table.to_dicts()

    @cached_property
    def _counts(self) -> NDArray[np.int64]:
        return np.bincount(self.of.inventory.trees.plot, minlength=len(self._rows))

    @cached_property
    def _sums(self) -> dict[str, NDArray[np.float64]]:
        """Per plot and hm2: forest share, trees, and the amounts that have no lost tree."""
        inventory = self.of.inventory
        made = {"area": inventory.area_share(), "trees": inventory.per_plot(None, self.of.picked)}
        for kind in ("biomass", "volume"):
            if self.of.amounts(kind) and not self.of.lost(kind):
                made[kind] = inventory.per_plot(self.of.per_tree(kind), self.of.picked)
        return made

    def _plot(self, p: int) -> str:
        """A plot with its sums per hm2 and the number of its trees; its trees are the rows of trees.csv that name it."""
        inventory = self.of.inventory
        row = {
            "file": self.of.file("plots"),
            "row": int(inventory.plots.row[p]) + 2,
            "status": self._status(),
            "source_title": self.of.settings.source,
        }
        sums = {name: float(values[p]) for name, values in self._sums.items()}
        notes = {"inventory": self.of.settings.id, "plot": str(self._rows[p]["plot"]), "trees": int(self._counts[p]), "trees_file": self.of.file("trees"),
                 "per_hm2": sums, "columns": {k: v for k, v in self._rows[p].items() if v is not None}}  # fmt: skip
        head = next((k for k in ("biomass", "volume") if k in sums), "trees")
        unit = {"biomass": "t dm/hm2", "volume": "m3/hm2", "trees": "株/hm2"}[head]
        below = self._trees(p) if self.trees and head in ("biomass", "volume") else ()
        return self.put("plot", f"inventory.{head}", period=self.period, cls=f"plot:{notes['plot']}", unit=unit, value=[sums[head]],
                        row=row, notes=notes, args=below)  # fmt: skip

    def _trees(self, p: int) -> tuple[tuple[str, str], ...]:
        """The trees of a plot that count: amount, row of trees.csv, and the equations each took."""
        inventory, kind = self.of.inventory, "biomass" if self.of.biomass else "volume"
        found = self.of.amounts(kind)
        assert found is not None
        whole = (
            len(self._rows) == int(inventory.plots.row.max()) + 1
        )  # no plot left out: rows of the table are lines of the file
        made = []
        for i in map(int, np.flatnonzero((inventory.trees.plot == p) & self.of.picked)):
            raw = inventory.trees.table[i].to_dicts()[0]
            line = {"row": i + 2} if whole else {}
            row = {
                "file": self.of.file("trees"),
                **line,
                "status": self._status(),
                "source_title": self.of.settings.source,
            }
            notes = {"columns": {k: v for k, v in raw.items() if v is not None}, "expansion": float(inventory.trees.expansion[i]),
                     "equations": list(found.equation_ids(i))}  # fmt: skip
            cls = f"tree:{raw['plot']}/{raw['tree']}"
            key = self.put(
                "tree",
                "inventory.tree",
                period=self.period,
                cls=cls,
                unit=found.unit,
                value=[float(found.value[i])],
                row=row,
                notes=notes,
            )
            made.append((cls, key))
        return tuple(made)

    def _amount(self, kind: str) -> str:
        if kind not in self._amounts:
            found = self.of.amounts(kind)
            assert found is not None
            args = tuple((e.id, self._equation(e, n)) for e, n in served(found, self.of.picked))
            counts = {
                word: n for word, bit in FLAGS.items() if (n := int(((found.flags & bit) != 0)[self.of.picked].sum()))
            }
            trees = int(self.of.picked.sum())
            notes = {"flags": counts, "trees": trees, "inventory": self.of.settings.id, "gives": kind}
            self._amounts[kind] = self.put("amounts", "inventory.sampled_trees", period=self.period, unit="株", value=[float(trees)], args=args,
                                           notes=notes)  # fmt: skip
        return self._amounts[kind]

    def _equation(self, equation: Equation, trees: int) -> str:
        """A row of the equations; its value is the number of trees it served."""
        row = {
            "parameter": "forest.tree_equation", "cls": equation.id, "set": equation.set, "year": equation.year, "place": equation.place,
            "source_title": equation.source_title, "source_where": equation.source_where, "status": equation.status,
            "origin": self._origin(equation), "unit_basis": equation.unit_basis, "note": equation.note, "unit": equation.unit,
            "printed": f"{equation.form}: {', '.join(f'{c:.8g}' for c in equation.coefficients)}",
            "key": digest({k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(equation).items()}),
        }  # fmt: skip
        return self.put("parameter", "forest.tree_equation", cls=equation.id, unit="株", value=[float(trees)], method=f"forest.tree@{equation.form}",
                        code=load_domains().registry[f"forest.tree@{equation.form}"].code, row=row,
                        notes={"trees": trees, "rank": equation.rank})  # fmt: skip

    def _origin(self, equation: Equation) -> str:
        """The table of a row: the user's own where it stands there."""
        own = self.of.own is not None and equation not in package_equations()[0]
        return f"inputs/inventory/{self.of.settings.id}/{OWN}" if own else EQUATIONS

    def _status(self) -> str:
        return "project" if self.of.settings.synthetic else "primary"


def served(amounts: Amounts, picked: NDArray[np.bool_]) -> list[tuple[Equation, int]]:
    """The equations in use, each with the number of trees."""
    counts = np.bincount(amounts.choice[picked & (amounts.choice >= 0)], minlength=len(amounts.choices))
    made: dict[str, tuple[Equation, int]] = {}
    for chosen, n in zip(amounts.choices, counts, strict=True):
        for e in chosen:
            made[e.id] = (e, made.get(e.id, (e, 0))[1] + int(n))
    return [v for _, v in sorted(made.items()) if v[1]]


def _per_area(unit: str) -> str:
    return "fraction" if unit == "hm2" else f"{unit}/hm2"
