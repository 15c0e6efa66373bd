"""PM2.5 and ozone together: how they go with each other by season, in which regime days lie, what VOC species can form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

import numpy as np

from ...core.domain import load_domains
from ...core.errors import MissingParameter
from ...core.limit import LimitRow
from ...core.rounding import Exact
from .editions import RuleSet, on_day
from .verdict import converted

SEASONS = {
    m: name
    for name, months in (("winter", (12, 1, 2)), ("spring", (3, 4, 5)), ("summer", (6, 7, 8)), ("autumn", (9, 10, 11)))
    for m in months
}
REGIMES = ("both_below", "pm25_above", "o3_above", "both_above")
LEAST = 30
"""Days a correlation is given for; fewer give none."""


@dataclass(frozen=True, slots=True)
class Season:
    """Correlation of daily PM2.5 and MDA8 O3 (Pearson r, Spearman rho) over the days that have both; None below
    `LEAST` days or where one of them does not vary."""

    season: str
    days: int
    pearson: float | None
    spearman: float | None


def correlations(pm25: Mapping[date, Exact], o3: Mapping[date, Exact]) -> list[Season]:
    """By season and for all days. Values in ug/m3."""
    both = sorted(set(pm25) & set(o3))
    made = []
    for season in ("all", "spring", "summer", "autumn", "winter"):
        days = [d for d in both if season in ("all", SEASONS[d.month])]
        x, y = np.array([float(pm25[d]) for d in days]), np.array([float(o3[d]) for d in days])
        made.append(Season(season, len(days), _pearson(x, y), _pearson(_ranks(x), _ranks(y))))
    return made


def _pearson(x: np.ndarray, y: np.ndarray) -> float | None:
    if len(x) < LEAST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(np.corrcoef(x, y)[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, ties sharing their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[inverse]


@dataclass(frozen=True, slots=True)
class Regimes:
    """Days by regime against the 24 h PM2.5 and the MDA8 O3 limit of their own date, and the limits used."""

    days: Mapping[str, int]
    limits: tuple[LimitRow, ...]


def regimes(rules: RuleSet, pm25: Mapping[date, Exact], o3: Mapping[date, Exact], grade: str = "2") -> Regimes:
    """Days on which neither, one or both lie above their limit; each day by its own edition. Raises what choosing a row
    raises."""
    count = dict.fromkeys(REGIMES, 0)
    used: dict[LimitRow, None] = {}
    for day in sorted(set(pm25) & set(o3)):
        rows = [
            on_day(rules, "air_limits", day, p, averaging=a, grade=grade)[0]
            for p, a in (("PM2.5", "24h"), ("O3", "mda8"))
        ]
        used |= dict.fromkeys(rows)
        above = tuple(not row.holds(value) for row, value in zip(rows, (pm25[day], o3[day]), strict=True))
        count[REGIMES[above[0] + 2 * above[1]]] += 1
    return Regimes(count, tuple(used))


@dataclass(frozen=True, slots=True)
class Species:
    """Ozone formation potential of one VOC species (ug/m3 as O3) and its percent of the sum."""

    species: str
    concentration: Exact
    potential: Fraction
    percent: Fraction
    row: LimitRow


def formation_potential(
    rules: RuleSet, day: date, concentrations: Mapping[str, tuple[Exact, str]]
) -> tuple[list[Species], list[str]]:
    """OFP of each species that the user's MIR rows know, largest first, and the species they do not know.

    Raises `MissingParameter` where no species has a row: MIR values are not shipped.
    """
    table = rules.table("voc_reactivity")
    known = {s: on_day(rules, "voc_reactivity", day, s)[0] for s in concentrations if table.find(s)}
    if not known:
        document = table.rows[0].note if table.rows else ""
        raise MissingParameter(
            "voc_reactivity", "no MIR row for any species.", "没有任何组分的 MIR 行。", document=document
        )
    formula = load_domains().registry["air.ozone_formation_potential@carter1994"]
    made = {
        s: formula(Fraction(converted(*concentrations[s], "ug/m3")), Fraction(row.value or 0))
        for s, row in known.items()
    }
    total = sum(made.values(), Fraction())
    lines = [
        Species(s, concentrations[s][0], v, v / total * 100 if total else Fraction(), known[s]) for s, v in made.items()
    ]
    return sorted(lines, key=lambda s: (-s.potential, s.species)), sorted(set(concentrations) - set(known))


def ranked(lines: Sequence[Species], share: Exact = 80) -> list[str]:
    """The species that together make `share` percent of the potential."""
    made, held = [], Fraction()
    for line in lines:
        if held >= share:
            break
        made.append(line.species)
        held += line.percent
    return made
