"""A series over time as a drawing: line, gaps, limits with their clause, and lanes of flags under the same axis.

Drawing only. Where there are more readings than units of width, each unit shows its least and its greatest.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from qingshan.publish import numbers

from .scale import ticks

FOOT, TOP, LANE, RIGHT = 24, 26, 32, 4
MANY = 90
"""Readings up to which each has its dot."""


@dataclass(frozen=True, slots=True)
class Line:
    """A limit: red where `hard`, else a dashed grey one."""

    value: float
    word: str
    hard: bool = True


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of marks under the time axis; `kinds` per reading: '' nothing, `good`, `suspect`, `fail`, `missing`, `unrun`."""

    word: str
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Timeline:
    """Readings in order of time, None where one is missing. `step` is the regular interval, None where there is none."""

    times: tuple[datetime, ...]
    values: tuple[float | None, ...]
    lang: str
    unit: str = ""
    step: timedelta | None = None
    lines: tuple[Line, ...] = ()
    lanes: tuple[Lane, ...] = ()
    peak: tuple[datetime, str] | None = None
    zero: bool = True
    plain: bool = False

    def drawing(self, width: int, height: int) -> dict[str, Any]:
        """Paths, words and marks, `width` units wide and `height` high without the lanes."""
        known = [(t, v) for t, v in zip(self.times, self.values, strict=True) if v is not None]
        if not known:
            return {"width": width, "height": height, "empty": True}
        marks = self._ticks([v for _, v in known])
        low, high = marks[0], marks[-1]
        first, last = self.times[0], self.times[-1]
        reach = max((last - first).total_seconds(), 1.0)
        tall = height - TOP - FOOT

        def x(t: datetime) -> float:
            return round(2 + (width - RIGHT - 4) * (t - first).total_seconds() / reach, 1)

        def y(v: float) -> float:
            return round(TOP + tall * (high - v) / (high - low), 1)

        drawn = [(x(t), y(v)) for t, v in known]

        def word_at(line: float, left: float, right: float) -> float:
            """Where a word beside a line covers least of the series: above it, or below."""
            near = [at - line for px, at in drawn if left <= px <= right]
            above, below = sum(-17 <= d <= 0 for d in near), sum(0 < d <= 17 for d in near)
            return line - 5 if above <= below or line > height - FOOT - 16 else line + 13

        solid, gaps = self._paths(known, x, y, width)
        lines: list[dict[str, Any]] = [
            {"y": y(li.value), "word": li.word, "hard": li.hard, "at": word_at(y(li.value), width * 0.5, width)}
            for li in self.lines
            if low <= li.value <= high
        ]
        for higher, lower in itertools.pairwise(sorted(lines, key=lambda li: li["y"])):
            if abs(lower["at"] - higher["at"]) < 14:  # two words of limits: one above its line, the other below
                higher["at"], lower["at"] = higher["y"] - 5, lower["y"] + 13
        clear = [m for m in marks[1:] if all(abs(y(m) - li["y"]) > 14 for li in lines)]
        peak = None
        if self.peak and (at := next((v for t, v in known if t == self.peak[0]), None)) is not None:
            px = x(self.peak[0])
            at_y = y(at) - 9
            if px < width * 0.45 or all(
                abs(li["at"] - at_y) >= 14 for li in lines
            ):  # the title tells it where a limit's word stands
                peak = {"x": min(max(px, 40), width - 60), "y": at_y, "word": self.peak[1]}
        return {
            "width": width, "height": height + LANE * len(self.lanes), "empty": False, "solid": solid, "gaps": gaps,
            "dots": [(x(t), y(v)) for t, v in known] if len(known) <= (14 if self.plain else MANY) else [], "lines": lines, "peak": peak,
            "grid": _apart([{"y": y(m), "word": numbers.digits(m), "at": word_at(y(m), 0, 30)} for m in clear]), "base": y(low), "low": numbers.digits(low),
            "stamps": self._stamps(x, width), "foot": height - 6,
            "lanes": [self._lane(lane, i, x, height, width) for i, lane in enumerate(self.lanes)],
        }  # fmt: skip

    def _ticks(self, values: Sequence[float]) -> list[float]:
        top = max(values)
        shown = [
            li.value
            for li in self.lines
            if li.value <= 2.2 * max(top, 1e-9) or (li.hard and li.value <= 4 * max(top, 1e-9))
        ]
        low = min([0.0, *values]) if self.zero else min([*values, *shown])
        return ticks(low, max([top, *shown]), 3)

    def _paths(self, known: Sequence[tuple[datetime, float]], x: Any, y: Any, width: int) -> tuple[str, str]:
        """Solid where readings follow each other, dashed across what is missing."""
        if len(known) > 2 * width:
            known = _thinned(known, x)
        reach = self.step * 1.5 if self.step else None
        if reach and len(self.times) > 2 * width:
            reach = max(reach, (self.times[-1] - self.times[0]) / width * 3)
        solid, gaps, end = "", "", ""
        for (a, v), (b, w) in itertools.pairwise(known):
            start, stop = f"{x(a)} {y(v)}", f"{x(b)} {y(w)}"
            if reach is None or b - a <= reach:
                solid += f"L{stop}" if end == start else f"M{start}L{stop}"
                end = stop
            else:
                gaps += f"M{start}L{stop}"
        return solid, gaps

    def _stamps(self, x: Any, width: int) -> list[dict[str, Any]]:
        """Days, months or years along the axis, as many as fit."""
        first, last = self.times[0], self.times[-1]
        days = (last - first).days
        room = max(width // 90, 2)
        moments: list[datetime] = []
        if days <= 62:
            every = max(1, -(-(days + 1) // room))
            day = datetime(first.year, first.month, first.day)
            moments = [day + timedelta(days=i) for i in range(0, days + 2, every)]
            words = [f"{d.month}-{d.day:02d}" for d in moments]
        elif days <= 800:
            every = max(1, -(-(days // 30 + 1) // room))
            start = first.year * 12 + first.month - 1
            moments = [datetime(m // 12, m % 12 + 1, 1) for m in range(start, start + days // 28 + 2, every)]
            words = [f"{d.year}-{d.month:02d}" for d in moments]
        else:
            every = max(1, -(-(last.year - first.year + 1) // room))
            moments = [datetime(year, 1, 1) for year in range(first.year, last.year + 1, every)]
            words = [str(d.year) for d in moments]
        inside = [(m, w) for m, w in zip(moments, words, strict=True) if first <= m <= last]
        if not inside or (len(inside) == 1 and days < 1):
            inside = [(first, f"{first:%m-%d %H:%M}".lstrip("0"))]
        return [
            {"x": x(m), "word": w, "anchor": "start" if x(m) < 20 else "end" if x(m) > width - 24 else "middle"}
            for m, w in inside
        ]

    def _lane(self, lane: Lane, index: int, x: Any, height: int, width: int) -> dict[str, Any]:
        """Marks of one lane; where they would touch, the gravest of each three units stands."""
        order = ("", "good", "unrun", "missing", "suspect", "fail")
        best: dict[int, tuple[float, str]] = {}
        wide = 3 if len(self.times) > MANY else 1
        for t, kind in zip(self.times, lane.kinds, strict=True):
            at = x(t)
            slot = int(at / wide)
            if kind and order.index(kind) >= order.index(best.get(slot, (0.0, ""))[1]):
                best[slot] = (at, kind)
        return {"y": height + LANE * index + 16, "word": lane.word, "marks": list(best.values())}


def _apart(grid: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines of a scale whose words do not touch: the word of one that would is left out, its line stays."""
    taken: list[float] = []
    for line in sorted(grid, key=lambda g: -g["y"]):
        if any(abs(line["at"] - at) < 14 for at in taken):
            line["word"] = ""
        else:
            taken.append(line["at"])
    return grid


def _thinned(known: Sequence[tuple[datetime, float]], x: Any) -> list[tuple[datetime, float]]:
    """Least and greatest of each unit of width, in order of time."""
    kept: list[tuple[datetime, float]] = []
    for _, group in itertools.groupby(known, key=lambda p: int(x(p[0]))):
        held = list(group)
        ends = {min(held, key=lambda p: p[1]), max(held, key=lambda p: p[1])}
        kept += sorted(ends)
    return kept
