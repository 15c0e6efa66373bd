"""The figures of one raster run for any place: its leaves and classes added up, areas by code with their names, and measures.

The rule is the account's: a class without a row or a value is left out and named; a class that waits for an open row
refuses the figure of the place, and what the other classes give stands beside the refusal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from qingshan.core.method import REGISTRY
from qingshan.core.units import factor
from qingshan.zone.zone import Zone

from ..block.sheet import Sum
from ..figure import Refusal
from ..graded import read_measure, round_years
from ..sources import OUTSIDE, dependency
from .declaration import Measure, code_words
from .facts import why_not
from .run import RasterRun

__all__ = ["PlaceFigure", "placed"]


@dataclass(frozen=True)
class PlaceFigure:
    """One figure of one place: a whole amount (one value, no label), or one value per code with the method's label of each.

    `values` is what the classes with a figure give, also beside a `refusal`; None where there is none. `area_m2`: of the
    classes that are in it; `covered_m2`: of the cells it was made from. `left_out`: classes without a row or value.
    """

    id: str
    zh: str
    en: str
    unit: str
    values: tuple[float, ...] | None = None
    labels: tuple[str, ...] = ()
    labels_en: tuple[str, ...] = ()
    method: str = ""
    area_m2: float = 0.0
    covered_m2: float = 0.0
    left_out: tuple[str, ...] = ()
    refusal: Refusal | None = None

    def record(self) -> dict[str, Any]:
        given = list(self.values or ())
        coded = [
            {"code": i, "label": word, "label_en": en, "value": v}
            for i, (word, en, v) in enumerate(zip(self.labels, self.labels_en, given, strict=False))
        ]
        return {
            "quantity": self.id, "zh": self.zh, "en": self.en, "unit": self.unit, "method": self.method,
            "value": given[0] if given and not self.labels and not self.refusal else None,
            "codes": [] if self.refusal else coded,
            "given": (coded or given[0]) if given and self.refusal else None,
            "area_m2": self.area_m2, "covered_m2": self.covered_m2, "left_out": list(self.left_out),
            "refusal": self.refusal.record() if self.refusal else None,
        }  # fmt: skip


def placed(run: RasterRun, zone: Zone, place: str) -> list[PlaceFigure]:
    """Every sum of the account for the place, in the order declared, then its measures. Raises `UnknownName`."""
    leaves = zone.leaves(place)
    figures = {s.id: _figure(run, s, leaves) for s in run.account.sums}
    years = round_years({p.id: p.year for p in zone.periods}, run.period)
    return [
        *figures.values(),
        *(_measured(m, figures[m.of], figures.get(m.before), years) for m in run.account.measures),
    ]


def _figure(run: RasterRun, s: Sum, leaves: list[str]) -> PlaceFigure:
    head: dict[str, Any] = {
        "id": s.quantity or s.id,
        "zh": s.zh,
        "en": s.en,
        "unit": s.unit,
        "labels": code_words(run.account, s),
        "labels_en": code_words(run.account, s, "en"),
    }
    if refusal := run.binding.refusals.get(s.id):
        return PlaceFigure(**head, refusal=refusal)
    known = list(run.binding.places.codes)
    if absent := [leaf for leaf in leaves if leaf not in known]:
        names = ", ".join(absent)
        return PlaceFigure(**head, refusal=Refusal(
            "missing_fact", f"{names} 没有像元。", f"no cell lies in {names}.", needs="place.index"))  # fmt: skip
    assert run.class_area is not None
    at = [known.index(leaf) for leaf in leaves]
    good, outside, failed = _classes(run, s, at)
    left_out = tuple(run.binding.classes.names[run.binding.classes.codes[k]] for k in dict(outside))
    refusal = None
    if failed or not good:
        refusal = dependency([r for _, r in failed or outside]) if failed or outside else _empty(s)
    cells = np.array([np.atleast_1d(run.values[s.id][i, k]) for i, k in good])
    values = tuple(math.fsum(column) for column in cells.T) if good else None
    area = math.fsum(float(run.class_area[i, k]) for i, k in good)
    covered = math.fsum(float(run.covered[s.id][i, k]) for i, k in good)
    if s.by and s.of == "1" and values:
        covered = math.fsum(values) * factor(s.unit, "m2")
    return PlaceFigure(**head, values=values, area_m2=area, covered_m2=covered, left_out=left_out, refusal=refusal)


def _classes(run: RasterRun, s: Sum, at: list[int]) -> tuple[list[tuple[int, int]], list[tuple[int, Refusal]], list[tuple[int, Refusal]]]:  # fmt: skip
    """(place, class) with a figure; classes outside of it, and classes whose want refuses it, each with the reason."""
    assert run.class_area is not None
    good: list[tuple[int, int]] = []
    outside: list[tuple[int, Refusal]] = []
    failed: list[tuple[int, Refusal]] = []
    for i in at:
        for k in range(len(run.binding.classes.codes)):
            area = float(run.class_area[i, k])
            why = why_not(run, s, k, area, float(run.covered[s.id][i, k]))
            if why:
                (outside if all(r.code in OUTSIDE for r in why.leaves()) else failed).append((k, why))
            elif area > 0:
                good.append((i, k))
    return good, outside, failed


def _empty(s: Sum) -> Refusal:
    return Refusal("undefined", "这里没有任何地类的像元。", "no cell here has a class.", needs=s.quantity)


def _measured(m: Measure, areas: PlaceFigure, before: PlaceFigure | None, years: tuple[int, int]) -> PlaceFigure:
    """A figure read from areas by code; it refuses with them, and where nothing was judged. Area without a code is not in it."""
    method = REGISTRY[m.method]
    head: dict[str, Any] = {"id": m.id, "zh": m.zh, "en": m.en, "unit": method.result.unit, "method": m.method}
    read = [f for f in (areas, before) if f is not None]
    if refused := [f.refusal for f in read if f.refusal or f.values is None]:
        return PlaceFigure(**head, refusal=dependency([r for r in refused if r]))
    now, *earlier = ([v * factor(f.unit, "km2") for v in f.values or ()] for f in read)
    value = read_measure(m, now, earlier[0] if earlier else (), years)
    if not math.isfinite(value):
        return PlaceFigure(
            **head, refusal=Refusal("undefined", "没有判定过的面积。", "no area was judged.", needs=m.of)
        )
    of: dict[str, Any] = {"area_m2": areas.area_m2, "covered_m2": areas.covered_m2, "left_out": areas.left_out}
    return PlaceFigure(**head, **of, values=(value,))
