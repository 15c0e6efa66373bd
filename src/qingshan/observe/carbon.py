"""From an inventory to the figures of its forest: area, trees, biomass, carbon, each with its error, whole and by domain.

Live trees on forest conditions count. A domain that is not of the trees but of plots or conditions splits them all the
same; plots without any of a domain are zeros of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qingshan.core.domain import load_domains
from qingshan.core.errors import OutOfBounds
from qingshan.core.finding import Finding
from qingshan.core.method import Array
from qingshan.core.parameter import ParameterRow

from .allometry import Amounts, Rule, evaluate
from .deduction import Deduction, deduct_estimate
from .equation import Equation
from .estimate import CONFIDENCE, Estimate
from .estimator import DEFAULT, Estimator, estimator_of
from .inventory import FaultyInventory, Inventory
from .montecarlo import EquationError, Factor, Simulation, Sources, simulate

__all__ = ["Figure", "ForestEstimate", "Uncertain", "forest_estimate", "qualified", "served"]

MOST_DOMAINS = 200
DOUBTED = frozenset(("secondary", "project", "ocr_doubt", "news"))


def qualified(statuses: Iterable[str], *, partial: bool, unit_assumed: bool) -> tuple[str, ...]:
    """Labels that what a figure rests on gives it. `partial`: others stand for plots that were not measured. `screening`: an
    equation or factor is not as its own document prints it (`DOUBTED`), so the figure tells an order, and no more."""
    doubt = sorted(DOUBTED.intersection(statuses))
    made = (
        ("partial", partial),
        ("unit_assumed", unit_assumed),
        ("screening", bool(doubt)),
    )
    return (*(word for word, on in made if on), *doubt)


@dataclass(frozen=True, slots=True)
class Figure:
    """One estimate: `variable` area, trees, biomass, volume, carbon, co2 or a mean per hm2; `domain` '' is the whole."""

    variable: str
    domain: str
    estimate: Estimate


@dataclass(frozen=True)
class Uncertain:
    """Standard errors for the Monte Carlo: relative ones of every equation, of diameter and height, of the carbon fraction."""

    equations: float = 0.0
    d: float = 0.0
    h: float = 0.0
    carbon_fraction: float = 0.0


@dataclass(frozen=True)
class ForestEstimate:
    """Figures with what they rest on. `equations` are the rows used with the number of trees each served."""

    figures: tuple[Figure, ...]
    equations: tuple[tuple[Equation, int], ...]
    carbon_fraction: ParameterRow | None
    deduction: Deduction | None
    simulation: Simulation | None
    findings: tuple[Finding, ...] = field(default=())
    grid: tuple[Figure, ...] = field(default=())
    """The whole again as a systematic grid, its variance by successive differences."""
    estimator: str = DEFAULT
    partial: bool = False
    """Whether plots, or parts of them, were not measured."""

    @property
    def labels(self) -> tuple[str, ...]:
        """What qualifies the figures: `estimated`, and what they rest on (area and trees rest on no equation)."""
        statuses = {e.status for e, _ in self.equations}
        if self.carbon_fraction is not None:
            statuses.add(self.carbon_fraction.status)
        assumed = any(not e.unit_printed for e, _ in self.equations)
        return ("estimated", *qualified(statuses, partial=self.partial, unit_assumed=assumed))

    def figure(self, variable: str, domain: str = "") -> Estimate:
        return next(f.estimate for f in self.figures if (f.variable, f.domain) == (variable, domain))

    def record(self, confidence: float = CONFIDENCE) -> dict[str, object]:
        """Everything as plain data."""
        fraction = self.carbon_fraction
        simulated = self.simulation
        made: dict[str, object] = {
            "estimator": self.estimator,
            "figures": [{"variable": f.variable, "domain": f.domain} | f.estimate.record() for f in self.figures],
            "equations": [
                {
                    "id": e.id,
                    "trees": n,
                    "status": e.status,
                    "unit_basis": e.unit_basis,
                    "source": f"{e.source_title} {e.source_where}".strip(),
                }
                for e, n in self.equations
            ],
            "carbon_fraction": None if fraction is None else fraction.record(),
            "labels": list(self.labels),
            "findings": [f.record() for f in self.findings],
        }
        if self.grid:
            made["systematic"] = [{"variable": f.variable} | f.estimate.record() for f in self.grid]
        if self.deduction is not None:
            step = self.deduction.step
            made["deduction"] = {
                "rule": step.rule,
                "value": self.deduction.value,
                "share": self.deduction.share,
                "status": step.status,
            }
        if simulated is not None:
            low, high = simulated.interval(confidence)
            made["simulation"] = {
                "draws": len(simulated.totals), "seed": simulated.seed, "mean": simulated.mean, "se": simulated.se, "low": low,
                "high": high, "shares": simulated.shares,
            }  # fmt: skip
        return made


def forest_estimate(
    inventory: Inventory,
    rule: Rule,
    *,
    quantity: str = "agb",
    carbon_set: str = "ar_tool14",
    by: str = "",
    confidence: float = CONFIDENCE,
    deduction: str = "",
    draws: int = 0,
    seed: int = 0,
    uncertain: Uncertain | None = None,
    equations: Iterable[Equation] | None = None,
    grid: bool = False,
    estimator: str = DEFAULT,
    auxiliary: str = "",
) -> ForestEstimate:
    """Totals over the area of all units by the estimator that is named, and means per hm2 of forest.

    `auxiliary` is the column of the first phase of double_sampling. `grid` adds the totals of the plots as one systematic
    grid (plots need grid_row and grid_column). Raises `FaultyInventory` where a table or a tree is refused, `TooFewPlots`,
    `MissingParameter`, `UnknownName`, `DeclarationError`, `OutOfBounds`.
    """
    inventory.used()
    of = estimator_of(inventory, estimator, auxiliary)
    trees = inventory.trees
    amounts = evaluate(trees.taxon, trees.d_cm, trees.h_m, rule, quantity, equations)
    picked = trees.live & inventory.on_forest
    _refuse(amounts, picked)
    fraction = None
    if quantity != "volume":
        fraction = load_domains().parameters().find("forest.carbon_fraction", set=carbon_set)
    work = _Figures(inventory, amounts, picked, fraction, of, confidence)
    figures = work.of("", np.ones(len(trees.plot), dtype=bool), np.ones(len(inventory.conditions.plot), dtype=bool))
    if by:
        figures += _split(work, inventory, by)
    head = next(f.estimate for f in figures if f.variable == ("volume" if quantity == "volume" else "co2"))
    taken = deduct_estimate(head, deduction) if deduction else None
    simulated = None
    if draws:
        simulated = _simulated(inventory, amounts, picked, fraction, draws, seed, uncertain or Uncertain(), rule, of)
    findings = (*inventory.findings, *amounts.findings)
    regular = tuple(work.on_grid()) if grid else ()
    return ForestEstimate(
        tuple(figures), served(amounts, picked), fraction, taken, simulated, findings, regular, estimator,
        inventory.incomplete,
    )  # fmt: skip


def _refuse(amounts: Amounts, picked: NDArray[np.bool_]) -> None:
    """Trees that count but have no amount would bias the total down."""
    lost = int((amounts.refused & picked).sum())
    if lost:
        why = [f for f in amounts.findings if f.level == "error"]
        raise FaultyInventory(
            f"{lost} live trees have no amount: {why[0].en}", f"{lost} 株活立木算不出：{why[0].zh}",
            fix=why[0].fix or "map the taxa to a group, allow the default, or add equations / 把树种对应到组、允许缺省方程，或补充方程",
        )  # fmt: skip


def served(amounts: Amounts, picked: NDArray[np.bool_]) -> tuple[tuple[Equation, int], ...]:
    """The equations in use, each with the number of picked trees it served."""
    counts = np.bincount(amounts.choice[picked & (amounts.choice >= 0)], minlength=len(amounts.choices))
    made: dict[str, tuple[Equation, int]] = {}
    for chosen, n in zip(amounts.choices, counts, strict=True):
        for e in chosen:
            made[e.id] = (e, made.get(e.id, (e, 0))[1] + int(n))
    return tuple(v for v in made.values() if v[1])


def _split(work: _Figures, inventory: Inventory, by: str) -> list[Figure]:
    names, index, table = inventory.labels(by)
    if len(names) > MOST_DOMAINS:
        raise OutOfBounds(
            f"{by} has {len(names)} values, at most {MOST_DOMAINS} can be told apart.", f"{by} 有 {len(names)} 个取值，最多分 {MOST_DOMAINS} 组。",
            fix="group them in a column of their own / 先归并到另一列",
        )  # fmt: skip
    made: list[Figure] = []
    conditions, trees = inventory.conditions, inventory.trees
    everything = np.ones(len(conditions.plot), dtype=bool)
    for i, name in enumerate(names):
        mine = index == i
        if table == "trees":
            made += work.of(name, mine, everything, area=False)
        elif table == "conditions":
            made += work.of(name, mine[trees.condition], mine)
        else:
            made += work.of(name, mine[trees.plot], mine[conditions.plot])
    return made


class _Figures:
    """Estimates of one inventory for any choice of trees and conditions."""

    def __init__(
        self, inventory: Inventory, amounts: Amounts, picked: NDArray[np.bool_], fraction: ParameterRow | None, estimator: Estimator,
        confidence: float,
    ) -> None:  # fmt: skip
        self.estimator = estimator
        self.inventory, self.picked, self.fraction, self.confidence = inventory, picked, fraction, confidence
        self.tonnes = amounts.unit == "kg"
        self.value = np.nan_to_num(amounts.value) * (1e-3 if self.tonnes else 1.0)

    def of(
        self, domain: str, trees: NDArray[np.bool_], conditions: NDArray[np.bool_], area: bool = True
    ) -> list[Figure]:
        """Figures of a domain. `area` False: its trees stand on all the forest, so that means are per hm2 of all."""
        inventory = self.inventory
        forest = inventory.area_share(inventory.conditions.forest & conditions)
        chosen = self.picked & trees
        sums = np.stack([forest, inventory.per_plot(None, chosen), inventory.per_plot(self.value, chosen)])
        land, count, amount = self.estimator.totals(sums, self.confidence)
        word, unit = ("biomass", "t dm") if self.tonnes else ("volume", "m3")
        made = [Figure("area", domain, land.scaled(1, "hm2"))] if area else []
        made += [Figure("trees", domain, count.scaled(1, "株")), Figure(word, domain, amount.scaled(1, unit))]
        if land.value > 0:
            mean = self.estimator.ratio(sums[2], sums[0], self.confidence, f"{unit}/hm2")
            made.append(Figure(f"{word}_per_area", domain, mean))
        return made + self._carbon(domain, amount)

    def on_grid(self) -> list[Figure]:
        """Totals of the whole as a systematic grid. Raises `UnknownName` without the columns of the grid."""
        inventory, grid = self.inventory, estimator_of(self.inventory, "systematic")
        word, unit = ("biomass", "t dm") if self.tonnes else ("volume", "m3")
        named = (("area", inventory.area_share(), "hm2"), ("trees", inventory.per_plot(None, self.picked), "株"),
                 (word, inventory.per_plot(self.value, self.picked), unit))  # fmt: skip
        made = [Figure(name, "", grid.totals(values, self.confidence, of)[0]) for name, values, of in named]
        return made + self._carbon("", made[-1].estimate)

    def _carbon(self, domain: str, biomass: Estimate) -> list[Figure]:
        if self.fraction is None or self.fraction.value is None:
            return []
        carbon = biomass.scaled(self.fraction.value, "t C")
        per_carbon = float(load_domains().registry["forest.co2@molar"](np.float64(1.0)))
        return [Figure("carbon", domain, carbon), Figure("co2", domain, carbon.scaled(per_carbon, "t CO2"))]


def _simulated(
    inventory: Inventory, amounts: Amounts, picked: NDArray[np.bool_], fraction: ParameterRow | None, draws: int, seed: int,
    uncertain: Uncertain, rule: Rule, estimator: Estimator,
) -> Simulation:  # fmt: skip
    """Draws of the CO2 of the whole (of the volume where there is no carbon)."""
    errors: dict[str, EquationError] = {}
    if uncertain.equations:
        errors = {e.id: EquationError(relative=uncertain.equations) for chosen in amounts.choices for e in chosen}
    factors: dict[str, Factor] = {}
    if fraction is not None and fraction.value is not None:
        per_carbon: Array = load_domains().registry["forest.co2@molar"](np.float64(1e-3))
        factors["carbon_fraction"] = Factor(fraction.value, uncertain.carbon_fraction)
        factors["unit"] = Factor(float(per_carbon))
    sources = Sources(errors, uncertain.d, uncertain.h, factors)
    made = simulate(
        inventory, amounts, sources, draws=draws, seed=seed, picked=picked, wood_density=rule.wood_density, estimator=estimator
    )  # fmt: skip
    made.parts.pop("unit", None)
    return made
