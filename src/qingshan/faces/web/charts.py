"""Charts as data: one description, drawn here as SVG for paper, phones and readers without a script, and handed to
ECharts in the page for those who point at it. Drawing only; the values come from figures.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qingshan.publish import numbers

from .page import Table
from .scale import ticks

Value = float | None
BESIDE = 0.16
"""Share of its place that a standing bar leaves free on each side."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of a standard, drawn as a red line with its clause."""

    value: float
    word: str


@dataclass(frozen=True, slots=True)
class Series:
    """One row of values over the categories. `kind` bar or line; `hue` a subject's colour; `spans` are whiskers."""

    name: str
    values: tuple[Value, ...]
    kind: str = "bar"
    hue: str = "water"
    spans: tuple[tuple[float, float] | None, ...] = ()
    limits: tuple[Limit, ...] = ()
    absent: str = ""  # what stands where a bar is refused


@dataclass(frozen=True)
class Chart:
    """A chart over categories. `kind`: `columns` (standing, with lines) or `bars` (lying, with whiskers).

    `table` is the data behind it, printed below and exported. `scale` is shared by all series, zero is on it.
    """

    id: str
    kind: str
    categories: tuple[str, ...]
    series: tuple[Series, ...]
    unit: str
    lang: str
    table: Table
    names: tuple[str, ...] = ()  # categories in full, where the axis shortens them

    def _numbers(self) -> list[float]:
        found = [v for s in self.series for v in s.values if v is not None]
        found += [edge for s in self.series for span in s.spans if span for edge in span]
        return found + [limit.value for s in self.series for limit in s.limits]

    @property
    def ticks(self) -> list[float]:
        present = self._numbers()
        return ticks(min(0.0, *present), max(0.0, *present), 4) if present else [0.0, 1.0]

    @property
    def unit_word(self) -> str:
        return numbers.axis_scale(self._numbers(), self.unit, self.lang)[1]

    def written(self, value: Value, *, unit: bool = False) -> str:
        if value is None:
            return numbers.NOTHING
        turned, word = numbers.axis_scale(self._numbers(), self.unit, self.lang)
        number = numbers.digits(turned(value))
        return f"{number} {word}" if unit and word else number

    def description(self) -> dict[str, Any]:
        """What the browser's chart needs: stored values, printed words."""
        marks = self.ticks
        return {
            "kind": self.kind, "categories": list(self.categories), "names": list(self.names or self.categories), "low": marks[0], "high": marks[-1],
            "step": marks[1] - marks[0], "ticks": {_script_number(v): self.written(v, unit=v == marks[-1] and self.kind == "columns") for v in marks},
            "series": [
                {"name": s.name, "kind": s.kind, "hue": s.hue, "values": list(s.values),
                 "written": [self.written(v, unit=True) for v in s.values],
                 "spans": [list(x) if x else None for x in s.spans] or None,
                 "limits": [{"value": x.value, "word": x.word} for x in s.limits]}
                for s in self.series
            ],
        }  # fmt: skip

    def drawing(self, width: int, height: int = 0) -> dict[str, Any]:
        """Rectangles, lines and words of the still drawing, `width` units wide."""
        return _lying(self, width) if self.kind == "bars" else _standing(self, width, height or round(90 + width * 0.2))


def _script_number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _standing(chart: Chart, width: int, height: int) -> dict[str, Any]:
    marks = chart.ticks
    top, foot, left = 22, 22, 0
    tall = height - top - foot
    low, high = marks[0], marks[-1]

    def y(value: float) -> float:
        return round(top + tall * (high - value) / (high - low), 1)

    count = len(chart.categories)
    has_bars = any(s.kind == "bar" for s in chart.series)
    if has_bars and count:  # the first bar stands clear of the numbers of the scale
        said = max((_wide(chart.written(m)) for m in marks[:-1]), default=0.0) + 6
        left = max(0, math.ceil((said - BESIDE * width / count) / (1 - BESIDE / count)))
    pitch = (width - left) / max(count, 1) if has_bars else (width - left - 44) / max(count - 1, 1)

    def x(i: int) -> float:
        return round(left + pitch * (i + 0.5), 1) if has_bars else round(left + 2 + pitch * i, 1)

    lines_only = not has_bars and len(chart.series) == 1
    grid = [
        {"y": y(m), "word": chart.written(m) + (f" {chart.unit_word}" if m == marks[-1] else ""), "base": m == 0}
        for m in marks
        if m == 0 or not lines_only
    ]  # fmt: skip
    every = 1 if pitch > 16 else max(1, round(36 / pitch))
    stamps = [
        {"x": x(i), "word": c, "anchor": "middle"}
        for i, c in enumerate(chart.categories)
        if has_bars and i % every == 0
    ]
    if not has_bars and count:
        stamps = [
            {"x": x(0), "word": chart.categories[0], "anchor": "start"},
            {"x": x(count - 1), "word": chart.categories[-1], "anchor": "end"},
        ]
    return {
        "width": width, "height": height, "grid": grid, "stamps": stamps,
        "bars": [b for s in chart.series if s.kind == "bar" for b in _columns(s, x, y, pitch)],
        "lines": [_line(s, x, y) for s in chart.series if s.kind == "line"],
        "words": _direct_words(chart, x, y, width, has_bars=has_bars),
        "limits": [{"y": y(limit.value), "word": limit.word} for s in chart.series for limit in s.limits],
        "whiskers": [], "left": left, "hatched": [],
    }  # fmt: skip


def _columns(series: Series, x: Any, y: Any, pitch: float) -> list[dict[str, Any]]:
    wide = round(pitch * (1 - 2 * BESIDE), 1)
    zero = y(0)
    return [
        {
            "x": round(x(i) - wide / 2, 1),
            "y": min(y(v), zero),
            "w": wide,
            "h": round(abs(zero - y(v)), 1),
            "hue": series.hue,
        }
        for i, v in enumerate(series.values)
        if v is not None
    ]


def _line(series: Series, x: Any, y: Any) -> dict[str, Any]:
    """Solid over neighbouring values, dashed over gaps, never filled in."""
    known = [(i, v) for i, v in enumerate(series.values) if v is not None]
    solid, gaps = "", ""
    for (i, a), (k, b) in itertools.pairwise(known):
        piece = f"M{x(i)} {y(a)}L{x(k)} {y(b)}"
        if k == i + 1:
            solid += piece if not solid.endswith(f"{x(i)} {y(a)}") else f"L{x(k)} {y(b)}"
        else:
            gaps += piece
    dots = [{"x": x(i), "y": y(v)} for i, v in known] if len(known) < 40 else []
    return {"solid": solid, "gaps": gaps, "hue": series.hue, "dots": dots[-1:] if len(dots) > 13 else []}


def _direct_words(chart: Chart, x: Any, y: Any, width: int, *, has_bars: bool) -> list[dict[str, Any]]:
    """Names beside their series and the values worth printing, instead of a legend."""
    words: list[dict[str, Any]] = []
    for s in chart.series:
        known = [(i, v) for i, v in enumerate(s.values) if v is not None]
        if not known:
            continue
        high = max(known, key=lambda p: p[1])
        if s.kind == "bar":
            words += _words_of_bars(chart, s, known, high, x, y)
        elif has_bars:
            words.append(_name_over_bars(chart, s, known, high, x, y, width))
        else:
            words += _words_of_line(chart, s, known, x, y, width)
    return words


def _word(s: Series, x: float, y: float, word: str, anchor: str, *, peak: bool) -> dict[str, Any]:
    return {"x": x, "y": y, "word": word, "hue": s.hue, "peak": peak, "anchor": anchor}


def _words_of_bars(
    chart: Chart, s: Series, known: Sequence[tuple[int, float]], high: tuple[int, float], x: Any, y: Any
) -> list[dict[str, Any]]:
    """The highest and the lowest value; the name where there are several series."""
    low = min(known, key=lambda p: p[1])
    words = [_word(s, x(high[0]), y(high[1]) - 6, chart.written(high[1]), "middle", peak=True)]
    if low[0] != high[0] and len(known) > 3:
        words.append(_word(s, x(low[0]), y(low[1]) - 6, chart.written(low[1]), "middle", peak=True))
    if len(chart.series) > 1:
        at = _first_rise(known, high)
        words.append(_word(s, x(at[0]) - 8, y(at[1]) - 14, s.name, "end", peak=False))
    return words


def _name_over_bars(
    chart: Chart, s: Series, known: Sequence[tuple[int, float]], high: tuple[int, float], x: Any, y: Any, width: int
) -> dict[str, Any]:
    """The name of a line that runs over bars, above both."""
    at = known[min(len(known) - 1, known.index(high) + 2)]
    rival = max((b.values[at[0]] or 0 for b in chart.series if b.kind == "bar"), default=0)
    room = width - x(at[0]) > _wide(s.name)
    return _word(
        s, x(at[0]) if room else width, y(max(at[1], rival)) - 8, s.name, "start" if room else "end", peak=False
    )


def _words_of_line(
    chart: Chart, s: Series, known: Sequence[tuple[int, float]], x: Any, y: Any, width: int
) -> list[dict[str, Any]]:
    """The first and the last value; the name where there are several series."""
    first, last = known[0], known[-1]
    words = [
        _word(s, x(first[0]), y(first[1]) - 10, chart.written(first[1]), "start", peak=False),
        _word(s, min(x(last[0]) + 7, width), y(last[1]) + 4, chart.written(last[1]), "start", peak=True),
    ]
    if len(chart.series) > 1:
        words.append(_word(s, x(last[0]), y(last[1]) - 10, s.name, "end", peak=False))
    return words


def _wide(text: str) -> float:
    """About how wide a word is at the size of axis words."""
    return sum(12.0 if ord(ch) > 255 else 6.8 for ch in text)


def _broken(name: str, room: float) -> list[str]:
    """A name in one line, or where that is too long in two, broken at the blank that leaves both shortest."""
    blanks = [i for i, ch in enumerate(name) if ch == " "]
    if _wide(name) <= room or not blanks:
        return [name]
    at = min(blanks, key=lambda i: max(_wide(name[:i]), _wide(name[i + 1 :])))
    return [name[:at], name[at + 1 :]]


def _first_rise(known: Sequence[tuple[int, float]], high: tuple[int, float]) -> tuple[int, float]:
    return next((p for p in known if p[1] >= high[1] * 0.72), high)


def _lying(chart: Chart, width: int) -> dict[str, Any]:
    """Lying bars with whiskers: names left, values right."""
    longest = max((_wide(name) for name in chart.categories), default=48.0)
    row, label, right = 30, min(round(longest + 16), round(width * 0.4)), 64
    marks = chart.ticks
    low, high = marks[0], marks[-1]
    wide = width - label - right

    def x(value: float) -> float:
        return round(label + wide * (value - low) / (high - low), 1)

    series = chart.series[0]
    height = row * len(chart.categories) + 22
    bars, whiskers, words, hatched = [], [], [], []
    for i, (name, value) in enumerate(zip(chart.categories, series.values, strict=True)):
        middle = row * i + row / 2
        lines = _broken(name, label - 8)
        for k, line in enumerate(lines):
            at = middle + 4 + (13 * k - 6.5 if len(lines) > 1 else 0)
            words.append({"x": 0, "y": at, "word": line, "hue": "ink", "peak": False, "anchor": "start"})
        said = chart.written(value) if value is not None else series.absent or numbers.NOTHING
        words.append(
            {
                "x": width,
                "y": middle + 4,
                "word": said,
                "hue": "ink" if value is not None else "alarm",
                "peak": True,
                "anchor": "end",
            }
        )
        if value is None and series.absent:
            hatched.append({"x": x(0), "y": middle - 8, "w": 44, "h": 16})
        if value is not None:
            bars.append(
                {
                    "x": min(x(0), x(value)),
                    "y": middle - 8,
                    "w": round(abs(x(value) - x(0)), 1),
                    "h": 16,
                    "hue": series.hue,
                }
            )
        span = series.spans[i] if i < len(series.spans) else None
        if span:
            whiskers.append({"x1": x(span[0]), "x2": x(span[1]), "y": middle})
    return {
        "width": width, "height": height, "bars": bars, "whiskers": whiskers, "words": words, "lines": [], "limits": [],
        "grid": [{"x": x(m), "word": chart.written(m), "base": m == 0} for m in marks], "stamps": [], "left": label, "hatched": hatched,
        "unit": chart.unit_word,
    }  # fmt: skip
