"""Legends of raster layers in real units: a box per class with its limits and share of the area, or a row per land class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qingshan.publish import numbers

from .ramps import LOOKS, Palette, Scale
from .rasters import ShownLayer, class_counts, spread
from .tiles import Survey

__all__ = ["legend_of", "paired", "share_word", "span_of"]

LOW, HIGH = 0.0, 1.0
WIDTHS = (400,)
_BAR = 40
MOST_ROWS = 10
"""Land classes printed at once; the smaller ones are folded away."""


def legend_of(layer: ShownLayer, period: str, lang: str) -> dict[str, Any]:
    """What the legend prints. `boxes` or `rows`, each with a colour in either look and its share of the area with data."""
    survey, painter = layer.survey(period), layer.painter
    if isinstance(painter, Palette):
        rows = _rows(layer, survey, painter, lang)
        return {
            "rows": rows,
            "boxes": None,
            "every": survey.every,
            "first": len(rows) if len(rows) <= MOST_ROWS + 2 else MOST_ROWS,
        }
    return {"rows": None, "boxes": [_boxes(layer, survey, painter, lang, w) for w in WIDTHS], "every": survey.every}


def _rows(layer: ShownLayer, survey: Survey, painter: Palette, lang: str) -> list[dict[str, Any]]:
    whole = sum(survey.area.values()) or 1.0
    known = sorted((c for c in layer.names if survey.area.get(c)), key=lambda c: -survey.area[c])
    top = max((survey.area[c] for c in known), default=0.0) / whole or 1.0
    unclassed = sum(a for c, a in survey.area.items() if c not in layer.names)
    rows = [
        {"code": c, "zh": layer.names[c][0], "en": layer.names[c][1], "share": survey.area[c] / whole, "area": survey.area[c],
         "bar": round(100 * survey.area[c] / whole / top, 2), "said": share_word(survey.area[c] / whole),
         "written": numbers.write(survey.area[c] / 1e6, "km2", lang).text,
         **{look: painter.colours[look].get(c, "#000000") for look in LOOKS}}
        for c in known
    ]  # fmt: skip
    if unclassed:
        share = unclassed / whole
        rows.append({"code": None, "zh": "", "en": "", "share": share, "area": unclassed, "bar": round(100 * share / top, 2),
                     "said": share_word(share), "written": numbers.write(unclassed / 1e6, "km2", lang).text, "light": "none", "dark": "none"})  # fmt: skip
    return rows


def paired(first: Sequence[dict[str, Any]], second: Sequence[dict[str, Any]], lang: str) -> list[dict[str, Any]]:
    """Two class legends as one table: both shares of each class, and what it gained or lost in percentage points."""
    left, right = ({r["code"]: r for r in rows} for rows in (first, second))
    order = sorted(
        {*left, *right}, key=lambda c: -max(left.get(c, {}).get("share", 0.0), right.get(c, {}).get("share", 0.0))
    )
    found = []
    for code in order:
        a, b = left.get(code, {}).get("share", 0.0), right.get(code, {}).get("share", 0.0)
        points = round(100 * (b - a), 1)
        sign = "+" if points > 0 else ""
        found.append(
            {
                **(left.get(code) or right[code]),
                "left": share_word(a),
                "right": share_word(b),
                "moved": f"{sign}{numbers.digits(points)}" if points else "0",
            }
        )
    return found


def _boxes(layer: ShownLayer, survey: Survey, scale: Scale, lang: str, width: int) -> dict[str, Any]:
    """Boxes of one width with a bar above for the share of each class; limits between them, both ends of the values outside."""
    if not len(survey.sample):
        return {"width": width, "boxes": [], "marks": [], "unit": numbers.unit_word(layer.unit, lang)}
    counts = class_counts(survey.sample, scale.breaks)
    whole = sum(counts) or 1
    most = max(counts) or 1
    wide = width / len(counts)
    low, high = span_of(survey)
    turn, unit = numbers.axis_scale([low, high, *scale.breaks], layer.unit, lang)
    boxes = [
        {"x": round(i * wide, 1), "w": round(wide - 1, 1), "h": round(_BAR * n / most, 1), "said": share_word(n / whole),
         **{look: scale.colours[look][i] for look in LOOKS}}
        for i, n in enumerate(counts)
    ]  # fmt: skip
    marks = [
        {"x": round((i + 1) * wide, 1), "word": numbers.digits(turn(b)), "anchor": "middle"}
        for i, b in enumerate(scale.breaks)
    ]
    ends = [
        {"x": 0, "word": numbers.digits(turn(low)), "anchor": "start"},
        {"x": width, "word": numbers.digits(turn(high)), "anchor": "end"},
    ]
    return {"width": width, "boxes": boxes, "marks": _apart(marks, ends, width), "unit": unit}


def _apart(marks: Sequence[dict[str, Any]], ends: Sequence[dict[str, Any]], width: int) -> list[dict[str, Any]]:
    """Limits always, ends only where they do not run into a limit's word."""

    def half(mark: dict[str, Any]) -> float:
        return 4.0 * len(mark["word"]) + 3

    kept = list(marks)
    for end in ends:
        inner = 2 * half(end) if end["anchor"] == "start" else width - 2 * half(end)
        clear = all(m["x"] - half(m) > inner if end["anchor"] == "start" else m["x"] + half(m) < inner for m in marks)
        if clear:
            kept.append(end)
    return kept


def share_word(share: float) -> str:
    """34 %, 0.4 %, < 0.1 %."""
    if share == 0:
        return "0"
    if 0 < share < 0.001:
        return "< 0.1\u00a0%"
    return f"{numbers.digits(round(100 * share, 1 if share < 0.095 else 0), 2)}\u00a0%"


def span_of(survey: Survey) -> tuple[float, float]:
    """The least and the largest value seen."""
    return spread(survey.sample, LOW), spread(survey.sample, HIGH)
