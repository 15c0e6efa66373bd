"""A flow picture between two columns of classes: drawn here as SVG, and described for the live chart from the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qingshan.publish import numbers

from .page import Table

__all__ = ["Flow", "Sankey"]

GAP = 10
LEAST = 1.0
NARROW = 500


@dataclass(frozen=True, slots=True)
class Flow:
    """An area that went from one class to another; `href` leads to its pedigree."""

    start: str
    end: str
    value: float
    href: str = ""


@dataclass(frozen=True)
class Sankey:
    """Flows between classes. `names` and `colours` (look -> colour) by class id; `unit` is that of the values.

    `leads` gives where the sum of a class leads, by side (`from`, `to`) and class.
    """

    id: str
    flows: Sequence[Flow]
    names: Mapping[str, str]
    colours: Mapping[str, Mapping[str, str]]
    unit: str
    lang: str
    table: Table
    columns: tuple[str, str]
    leads: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def _sides(self) -> tuple[dict[str, float], dict[str, float]]:
        left: dict[str, float] = {}
        right: dict[str, float] = {}
        for f in self.flows:
            left[f.start] = left.get(f.start, 0.0) + f.value
            right[f.end] = right.get(f.end, 0.0) + f.value
        return left, right

    def written(self, value: float) -> str:
        return numbers.write(value, self.unit, self.lang).text

    def drawing(self, width: int, height: int = 0) -> dict[str, Any]:
        """Boxes, ribbons and words of the still drawing; a box is as high as its area, ribbons keep the order of the classes."""
        left, right = self._sides()
        order = {c: i for i, c in enumerate(self.names)}
        tall = height or max(300, 34 * max(len(left), len(right)))
        whole = sum(left.values()) or 1.0
        room = tall - GAP * (max(len(left), len(right)) - 1) - 24
        scale = room / whole
        narrow = width < NARROW  # a phone has room for the names alone; the values stand in the table
        words = {
            c: self.names[c] if narrow else f"{self.names[c]} {self.written(v)}"
            for found in (left, right)
            for c, v in found.items()
        }
        label = min(round(max((_wide(w) for w in words.values()), default=60.0)) + 14, round(width * 0.36))
        x1, x2, thick = label, width - label, 12
        boxes: list[dict[str, Any]] = []
        tops: dict[tuple[str, str], float] = {}
        for side, found, x in (("l", left, x1), ("r", right, x2 - thick)):
            y = 20.0
            for code in sorted(found, key=lambda c: order.get(c, 99)):
                high = max(found[code] * scale, LEAST)
                tops[side, code] = y
                boxes.append({
                    "x": x, "y": round(y, 1), "w": thick, "h": round(high, 1), "name": self.names[code], "value": "" if narrow else self.written(found[code]),
                    "anchor": "end" if side == "l" else "start", "tx": x - 8 if side == "l" else x + thick + 8, "ty": round(y + high / 2, 1),
                    **self.colours[code],
                })  # fmt: skip
                y += high + GAP
        ribbons = []
        ordered = sorted(self.flows, key=lambda f: (order.get(f.start, 99), order.get(f.end, 99)))
        spent = dict(tops)
        for f in ordered:
            high = f.value * scale
            a, b = spent["l", f.start], spent["r", f.end]
            spent["l", f.start], spent["r", f.end] = a + high, b + high
            ribbons.append({
                "d": _ribbon(x1 + thick, a, x2 - thick, b, max(high, LEAST)), "same": f.start == f.end,
                "said": f"{self.names[f.start]} → {self.names[f.end]} {self.written(f.value)}", **self.colours[f.start],
            })  # fmt: skip
        _spread_labels([b for b in boxes if b["anchor"] == "end"])
        _spread_labels([b for b in boxes if b["anchor"] == "start"])
        lowest = max((b["ty"] for b in boxes), default=0.0)
        heads = [
            {"x": x1 + thick, "word": self.columns[0], "anchor": "end"},
            {"x": x2 - thick, "word": self.columns[1], "anchor": "start"},
        ]
        return {
            "width": width,
            "height": round(max(tall, lowest + 10)),
            "boxes": boxes,
            "ribbons": ribbons,
            "heads": heads,
        }

    def description(self) -> dict[str, Any]:
        """What the live chart needs."""
        left, right = self._sides()
        order = {c: i for i, c in enumerate(self.names)}

        def node(side: str, code: str, value: float) -> dict[str, Any]:
            return {
                "id": f"{side}:{code}",
                "name": self.names[code],
                "depth": 0 if side == "l" else 1,
                "written": self.written(value),
                "href": self.leads.get(("from" if side == "l" else "to", code), ""),
                **self.colours[code],
            }

        nodes = [node("l", c, left[c]) for c in sorted(left, key=lambda c: order.get(c, 99))]
        nodes += [node("r", c, right[c]) for c in sorted(right, key=lambda c: order.get(c, 99))]
        links = [
            {
                "source": f"l:{f.start}",
                "target": f"r:{f.end}",
                "value": f.value,
                "written": self.written(f.value),
                "href": f.href,
            }
            for f in self.flows
        ]
        return {"kind": "sankey", "nodes": nodes, "links": links, "columns": list(self.columns)}


def _wide(text: str) -> float:
    """About how wide a word is at the size of a chart's words."""
    return sum(12.0 if ord(ch) > 255 else 7.0 for ch in text)


def _ribbon(x1: float, y1: float, x2: float, y2: float, high: float) -> str:
    middle = (x1 + x2) / 2
    return (
        f"M{x1:g} {y1:.1f}C{middle:g} {y1:.1f} {middle:g} {y2:.1f} {x2:g} {y2:.1f}v{high:.1f}"
        f"C{middle:g} {y2 + high:.1f} {middle:g} {y1 + high:.1f} {x1:g} {y1 + high:.1f}z"
    )


def _spread_labels(boxes: list[dict[str, Any]]) -> None:
    """Words that would stand on each other are pushed down."""
    last = 0.0
    for box in boxes:
        box["ty"] = round(max(box["ty"], last + 15), 1)
        last = box["ty"]
