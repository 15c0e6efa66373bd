"""From trees to their biomass or volume: which equation, at which rank, and what was wrong with it, on every tree.

The choice is declared by a `Rule`: the first rank (species, genus, group, default) that has an equation, and within it
the first of the rule's sets. A tree without an equation, or with a negative result, is refused: NaN, flag, report.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from qingshan.core.errors import UnknownName
from qingshan.core.finding import Finding
from qingshan.core.method import Array

from .equation import Equation, declared, package_equations
from .joining import coded

__all__ = ["FLAGS", "Amounts", "Rule", "evaluate", "flag_words"]

FLAGS = {
    "out_of_range": 1,
    "fallback_genus": 2,
    "fallback_group": 4,
    "fallback_default": 8,
    "negative": 16,
    "unit_assumed": 32,
    "no_equation": 64,
    "no_height": 128,
    "no_unit": 256,
}
REFUSED = FLAGS["negative"] | FLAGS["no_equation"] | FLAGS["no_height"] | FLAGS["no_unit"]


@dataclass(frozen=True)
class Rule:
    """What the user declares. `sets` in order of preference (required); `groups` gives a taxon its group; `genera` a
    taxon its genus where the first word of its name is not it; `default` allows the rows of rank default."""

    sets: tuple[str, ...]
    groups: Mapping[str, str] = field(default_factory=dict)
    genera: Mapping[str, str] = field(default_factory=dict)
    default: bool = False
    wood_density: Mapping[str, float] = field(default_factory=dict)
    """t dm/m3 (= g/cm3) by taxon, for forms that need it."""
    unit_assumed: bool = False
    """Let equations whose source prints no units stand, for drafts; otherwise their trees are refused."""


@dataclass(frozen=True)
class Amounts:
    """Per tree (n): `value` in `unit` (NaN where refused), `flags` (bits of `FLAGS`), `choice` (index into `choices`,
    -1 without an equation). `choices` are the equations of each distinct choice: one, or one per component."""

    value: Array
    unit: str
    flags: NDArray[np.int64]
    choice: NDArray[np.int64]
    choices: tuple[tuple[Equation, ...], ...]
    findings: tuple[Finding, ...]

    @property
    def unit_assumed(self) -> bool:
        """Whether any equation in use has units that its source does not print."""
        return any(not e.unit_printed for chosen in self.choices for e in chosen)

    @property
    def refused(self) -> NDArray[np.bool_]:
        return (self.flags & REFUSED) != 0

    def equation_ids(self, tree: int) -> tuple[str, ...]:
        """Ids of the equations behind one tree."""
        return tuple(e.id for e in self.choices[self.choice[tree]]) if self.choice[tree] >= 0 else ()


def flag_words(flags: int) -> list[str]:
    return [word for word, bit in FLAGS.items() if flags & bit]


def evaluate(
    taxa: Sequence[str] | pl.Series,
    d_cm: Array,
    h_m: Array | None,
    rule: Rule,
    quantity: str = "agb",
    equations: Iterable[Equation] | None = None,
) -> Amounts:
    """Biomass (kg of dry matter) or volume (m3) of trees.

    Shapes: (n); `h_m` NaN or None where not measured: a form that needs it refuses the tree. `taxa` are scientific or
    Chinese names. Raises `UnknownName` for a quantity or set nobody has.
    """
    unit = declared()["result"].get(quantity)
    if unit is None:
        raise UnknownName(
            f"no tree quantity {quantity!r}.",
            f"没有单木量 {quantity!r}。",
            fix=f"one of {', '.join(declared()['made_of'])}",
        )
    table = _Table(package_equations()[0] if equations is None else tuple(equations), rule, quantity)
    names, code = coded(taxa if isinstance(taxa, pl.Series) else pl.Series(taxa, dtype=pl.String))
    d = np.asarray(d_cm, dtype=np.float64)
    h = np.full(d.shape, np.nan) if h_m is None else np.asarray(h_m, dtype=np.float64)
    value, flags = np.full(d.shape, np.nan), np.zeros(d.shape, dtype=np.int64)
    choice = np.full(d.shape, -1, dtype=np.int64)
    choices: list[tuple[Equation, ...]] = []
    order = np.argsort(code, kind="stable")
    ends = np.searchsorted(code[order], np.arange(len(names) + 1))
    for i, name in enumerate(names):
        mine = order[ends[i] : ends[i + 1]]
        rank, parts = table.of(name)
        if not parts:
            flags[mine] |= FLAGS["no_equation"]
            continue
        total, flag, chosen = _sum_parts(parts, d[mine], h[mine], unit, rule.wood_density.get(name, math.nan))
        if not rule.unit_assumed:
            flag = np.where(flag & FLAGS["unit_assumed"], flag ^ (FLAGS["unit_assumed"] | FLAGS["no_unit"]), flag)
        for j, equation_set in enumerate(chosen[1]):
            choice[mine[chosen[0] == j]] = len(choices)
            choices.append(equation_set)
        value[mine] = total
        flags[mine] |= flag | (FLAGS[f"fallback_{rank}"] if rank != "species" else 0)
    value[(flags & REFUSED) != 0] = np.nan
    findings = [*_without_units(names, code, flags, choice, choices), *_findings(names, code, flags)]
    return Amounts(value, unit, flags, choice, tuple(choices), tuple(findings))


Parts = list[list[Equation]]
"""One entry per component: the rows of it, which differ by their range of diameters."""


class _Table:
    """Equations of the rule's sets by (rank, name), for one quantity."""

    def __init__(self, equations: tuple[Equation, ...], rule: Rule, quantity: str) -> None:
        self.rule, self.quantity = rule, quantity
        known = {e.set for e in equations}
        lost = [s for s in rule.sets if s not in known]
        if lost or not rule.sets:
            raise UnknownName(
                f"no equations of the set {lost or '(none named)'}.", f"没有方程组 {lost or '（未指定）'}。",
                fix=f"known: {', '.join(sorted(known))}",
            )  # fmt: skip
        self.rows: dict[tuple[str, str, str], list[Equation]] = {}
        for e in equations:
            for name in {e.taxon, e.taxon_zh} - {""}:
                self.rows.setdefault((e.set, e.rank, name), []).append(e)
            if e.rank == "default":
                self.rows.setdefault((e.set, "default", ""), []).append(e)

    def of(self, taxon: str) -> tuple[str, Parts]:
        """Rank and equations for a taxon; no parts where the rule finds none."""
        names = {
            "species": taxon,
            "genus": self.rule.genera.get(taxon, taxon.split(" ", 1)[0]),
            "group": self.rule.groups.get(taxon, ""),
            "default": "",
        }
        for rank in declared()["ranks"]:
            if (rank == "default" and not self.rule.default) or (rank == "group" and not names["group"]):
                continue
            for chosen in self.rule.sets:
                parts = self._parts(self.rows.get((chosen, rank, names[rank]), []))
                if parts:
                    return rank, parts
        return "", []

    def _parts(self, rows: list[Equation]) -> Parts:
        by = {quantity: [e for e in rows if e.quantity == quantity] for quantity in {e.quantity for e in rows}}
        for composition in declared()["made_of"][self.quantity]:
            if all(by.get(part) for part in composition):
                return [sorted(by[part], key=lambda e: _at_least(e.d_min)) for part in composition]
        return []


def _at_least(limit: float) -> float:
    return limit if math.isfinite(limit) else -math.inf


def _sum_parts(
    parts: Parts, d: Array, h: Array, unit: str, wood_density: float
) -> tuple[Array, NDArray[np.int64], tuple[NDArray[np.int64], list[tuple[Equation, ...]]]]:
    """Sum over the components; where a component has rows by diameter, each tree takes the row of its range."""
    total, flags = np.zeros(d.shape), np.zeros(d.shape, dtype=np.int64)
    keys = np.zeros(d.shape, dtype=np.int64)
    for rows in parts:
        starts = np.array([_at_least(e.d_min) for e in rows])
        row = np.clip(np.searchsorted(starts, d, side="left") - 1, 0, len(rows) - 1)
        keys = keys * len(rows) + row
        for j, equation in enumerate(rows):
            mine = row == j
            if mine.any():
                part, flag = _one(equation, d[mine], h[mine], unit, wood_density)
                total[mine] += part
                flags[mine] |= flag
    used, index = np.unique(keys, return_inverse=True)
    return total, flags, (index, [_unpacked(parts, int(key)) for key in used])


def _unpacked(parts: Parts, key: int) -> tuple[Equation, ...]:
    chosen: list[Equation] = []
    for rows in reversed(parts):
        key, j = divmod(key, len(rows))
        chosen.append(rows[j])
    return tuple(reversed(chosen))


def _one(equation: Equation, d: Array, h: Array, unit: str, wood_density: float) -> tuple[Array, NDArray[np.int64]]:
    flags = np.zeros(d.shape, dtype=np.int64)
    if not equation.unit_printed:
        flags |= FLAGS["unit_assumed"]
    outside = (d < equation.d_min) | (d > equation.d_max)  # NaN limits compare false: no printed range, no flag
    if "h" in equation.takes:
        outside |= (h < equation.h_min) | (h > equation.h_max)
        flags[~np.isfinite(h)] |= FLAGS["no_height"]
    if "wood_density" in equation.takes and not math.isfinite(wood_density):
        flags |= FLAGS["no_equation"]
    flags[outside] |= FLAGS["out_of_range"]
    amount = equation.amount(d, h, unit, wood_density)
    flags[amount < 0] |= FLAGS["negative"]
    return amount, flags


def _without_units(names: Sequence[str], code: NDArray[np.int64], flags: NDArray[np.int64], choice: NDArray[np.int64],
                   choices: Sequence[tuple[Equation, ...]]) -> Iterable[Finding]:  # fmt: skip
    """One error per taxon whose equations have no printed units: which rows, how many trees, and how to mend it."""
    lost = (flags & FLAGS["no_unit"]) != 0
    for i in map(int, np.unique(code[lost])):
        mine = lost & (code == i)
        rows = sorted({e.id for c in np.unique(choice[mine]) for e in choices[c] if not e.unit_printed})
        n, name, which = int(mine.sum()), names[i] or "?", ", ".join(rows)
        yield Finding(
            "error", "no_unit",
            f"{name}: the units of the equation are assumed, its source prints none ({which}): {n} trees refused.",
            f"{name}：方程单位系推断，原文未印（{which}）：{n} 株拒算。",
            fix="copy the rows into a table of your own with the units, unit_basis = printed and the source that prints them"
            " (equations.csv, --equations); for a draft, allow it: --allow-unit-assumed, or allow_unit_assumed = true in a declaration"
            " / 把这些行抄入自己的方程表，写明单位、unit_basis = printed 和印有单位的出处（equations.csv、--equations）；"
            "只作草案可用 --allow-unit-assumed，或在声明里写 allow_unit_assumed = true",
        )  # fmt: skip


def _findings(names: Sequence[str], code: NDArray[np.int64], flags: NDArray[np.int64]) -> Iterable[Finding]:
    """One finding per taxon and flag, with the number of trees."""
    said = {
        "no_equation": (
            "error",
            "no equation and no mapped fallback: {n} trees refused",
            "没有方程，也没有声明的替代：{n} 株拒算",
        ),
        "no_height": (
            "error",
            "the equation needs heights that are missing: {n} trees refused",
            "方程需要树高而未测：{n} 株拒算",
        ),
        "negative": ("error", "the equation gives a negative amount: {n} trees refused", "方程算出负值：{n} 株拒算"),
        "out_of_range": ("warning", "{n} trees lie outside the range of the equation", "{n} 株超出方程的适用范围"),
        "fallback_genus": ("warning", "{n} trees take the equation of the genus", "{n} 株用属的方程"),
        "fallback_group": ("warning", "{n} trees take the equation of the group", "{n} 株用树种组的方程"),
        "fallback_default": ("warning", "{n} trees take the default equation", "{n} 株用缺省方程"),
        "unit_assumed": (
            "warning",
            "{n} trees take an equation whose units are assumed, not printed: a draft only",
            "{n} 株所用方程的单位系推断、原文未印：只作草案",
        ),
    }
    for word, (level, en, zh) in said.items():
        counts = np.bincount(code[(flags & FLAGS[word]) != 0], minlength=len(names))
        for i in map(int, np.flatnonzero(counts)):
            n, name = int(counts[i]), names[i] or "?"
            yield Finding(level, word, f"{name}: {en.format(n=n)}.", f"{name}：{zh.format(n=n)}。")
