"""Areas by grade of a raster and what is reported from them: soil-conservation rate, rocky desertification, survey rounds.

Areas come from `change_matrix` of the raster with itself: exact, per place, with what has no grade beside them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError, QingshanError
from qingshan.core.finding import Finding
from qingshan.core.method import REGISTRY
from qingshan.core.units import factor
from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.source import Source

from .block.engine import Progress
from .change import change_matrix

if TYPE_CHECKING:
    from .raster.declaration import Measure

__all__ = ["GradeAreas", "Round", "compare_rounds", "grade_areas", "read_measure", "round_years"]

GRADED = 5
"""A combined grade of rocky desertification has the grades 0-4, then conflict 5, not karst 6, unknown 7."""


@dataclass(frozen=True, eq=False)
class GradeAreas:
    """Area of each code in each place, km2, shape (place, code); `none` is the area without any of them, shape (place,)."""

    codes: tuple[int, ...]
    area: NDArray[np.float64]
    none: NDArray[np.float64]

    def from_grade(self, first: int) -> NDArray[np.float64]:
        """Area from that grade on, km2, shape (place,). Only for codes that are grades in rising order."""
        load_domains()
        at = self.codes.index(first)
        return np.asarray(REGISTRY["land.area_from_grade@project"](self.area, at))

    def conservation_rate(self, method: str) -> tuple[NDArray[np.float64], list[Finding]]:
        """Soil and water conservation rate, %, shape (place,), from the six grades 0 (微度) to 5 (剧烈), by a declared method of eroded and
        land area (`id@edition`).

        Eroded is 轻度 and worse; the land area is that of all grades. Ungraded area is in neither and is a finding.
        """
        if self.codes != tuple(range(6)):
            raise DeclarationError(
                f"the rate needs the six grades 0 to 5, not {self.codes}.",
                f"水土保持率须用 0 至 5 六级，现为 {self.codes}。",
            )
        load_domains()
        rate = REGISTRY[method](self.from_grade(1), self.area.sum(axis=-1))
        return np.asarray(rate), self._ungraded()

    def conflict_share(self, method: str) -> NDArray[np.float64]:
        """Share of the judged karst area whose factors disagree, %, shape (place,), from a grade made with `flag_only` (codes 0-7), by a
        declared method of flags and areas."""
        if self.codes != tuple(range(8)):
            raise DeclarationError(
                f"the share needs the codes 0 to 7, not {self.codes}.",
                f"因子不一致占比须用 0 至 7 的代码，现为 {self.codes}。",
            )
        load_domains()
        judged, disagrees = self.area[:, : GRADED + 1], np.array([0.0] * GRADED + [1.0])
        return np.asarray(REGISTRY[method](disagrees, judged * 100))

    def _ungraded(self) -> list[Finding]:
        if not self.none.any():
            return []
        km2 = float(self.none.sum())
        return [
            Finding(
                "warning",
                "ungraded_area",
                f"{km2:,.3f} km2 have no grade and are in no rate.",
                f"有 {km2:,.3f} km2 未分级，未计入。",
            )
        ]


def grade_areas(
    grid: Grid, grades: Source, places: Source, *, n_places: int, codes: Sequence[int], workers: int | None = None, memory: int | str = "1GB",
    progress: Progress | None = None,
) -> GradeAreas:  # fmt: skip
    """Area of each code in each place: one pass, exact. Raises as `change_matrix`."""
    same = change_matrix(
        grid, grades, grades, places, n_places=n_places, codes=codes, workers=workers, memory=memory, progress=progress
    )
    area = _km2(np.diagonal(same.units, axis1=1, axis2=2))
    return GradeAreas(same.codes, area[:, :-1], area[:, -1])


def _km2(units: NDArray[Any]) -> NDArray[np.float64]:
    flat = [float(Fraction(int(v), (1 << 60) * 1_000_000)) for v in units.ravel()]
    return np.array(flat, np.float64).reshape(units.shape)


@dataclass(frozen=True)
class Round:
    """Rocky-desertified area of one survey round, 万hm2, on each basis; None where that basis was not published."""

    year: int
    reported: float | None
    comparable: float | None = None


def compare_rounds(start: Round, end: Round) -> dict[str, dict[str, float]]:
    """Change (万hm2) and mean yearly decrease (%) between two rounds on each basis that both have.

    A basis is never filled from the other. Raises `QingshanError` where no basis is common, `DeclarationError` where the years do not rise.
    """
    if end.year <= start.year:
        raise DeclarationError(f"{end.year} does not follow {start.year}.", f"{end.year} 年不在 {start.year} 年之后。")
    load_domains()
    found: dict[str, dict[str, float]] = {}
    for basis in ("reported", "comparable"):
        a, b = getattr(start, basis), getattr(end, basis)
        if a is None or b is None:
            continue
        change = REGISTRY["land.krd_change@krd_rounds"](a, b, basis, basis)
        decrease = REGISTRY["land.krd_mean_annual_decrease@krd_rounds"](a, b, end.year - start.year, basis, basis)
        found[basis] = {"change": float(change), "mean_annual_decrease": float(decrease)}
    if not found:
        raise QingshanError(
            f"the rounds {start.year} and {end.year} have no basis in common.", f"{start.year} 年与 {end.year} 年没有共同的口径。",
            fix="give both areas as reported or both as comparable / 两期都给公布口径，或都给可比口径",
        )  # fmt: skip
    return found


def read_measure(
    m: Measure, areas: Sequence[float], before: Sequence[float] = (), years: tuple[int, int] = (0, 0)
) -> float:
    """A declared measure from areas by code, km2, in the unit of its method; NaN where nothing was judged.

    A change of rounds reads the areas of two rounds (`before` the earlier) and their `years`.
    """
    graded = GradeAreas(tuple(range(len(areas))), np.array([areas]), np.zeros(1))
    if m.reading == "conservation_rate":
        return float(graded.conservation_rate(m.method)[0][0])
    if m.reading == "conflict_share":
        return float(graded.conflict_share(m.method)[0])
    found = []
    for year, each in zip(years, (before, areas), strict=True):
        area = math.fsum(each[m.first : GRADED]) * factor("km2", "万hm2")
        found.append(Round(year, area, None) if m.basis == "reported" else Round(year, None, area))
    start, end = found
    return compare_rounds(start, end)[m.basis][m.reading.removeprefix("round_")]


def round_years(years: Mapping[str, int], period: str) -> tuple[int, int]:
    """Year of the period before and of the period; `years` in the order of the zone."""
    order = list(years)
    at = order.index(period)
    return (years[order[at - 1]] if at else years[period], years[period])
