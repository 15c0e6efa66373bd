"""The map block: areas coloured by a figure, the legend with one dot per place, and the ranking that keeps the chosen place."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from qingshan.publish import numbers

from .figures import label_word
from .geometry import Drawing
from .scale import Dot, dots, limits, ranks, shade
from .site import Ask, Field

LEGENDS = (688, 358)
_EDGE_ROWS = 6


@dataclass(frozen=True, slots=True)
class Shape:
    """One area as the template draws it, with what its card says."""

    code: str
    path: str
    shade: int
    name: str
    value: str
    unit: str
    rank: str
    labels: str
    key: str
    middle: tuple[float, float]
    href: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Rung:
    """One line of the ranking; `gap` stands for the lines left out."""

    rank: int = 0
    code: str = ""
    name: str = ""
    value: str = ""
    share: float = 0.0
    shade: int = 0
    href: str = ""
    key: str = ""
    chosen: bool = False
    gap: bool = False


def atlas(
    ask: Ask, field: Field, *, frame: Sequence[str] = (), chosen: str = "", legends: Sequence[int] = LEGENDS,
    lead: Callable[[str], str] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Everything the map block prints for one figure.

    `frame` are the leaves to show (all by default), `chosen` a place to outline: a leaf, or a branch whose outer line is drawn.
    `lead` gives the address that an area leads to; by default its place page.
    """
    site, t, lang = ask.site, ask.t, ask.lang
    known = [(code, f.middle) for code, f in field.figures.items() if f.middle is not None]
    pairs = [(code, float(v)) for code, v in known if v is not None]
    between = limits([v for _, v in pairs])
    order = ranks(pairs)
    level = ask.level(site.leaf_level, len(field.figures))
    texts, unit = _columns(field, lang)
    drawing = site.drawing
    to = lead or (lambda code: ask.place_address(code) or ask.address("/", place=code))
    shapes: list[Shape] = []
    for place in ask.zone.at_level(site.leaf_level) if drawing else ():
        area = drawing.areas.get(place.code) if drawing else None
        if area is None or (frame and place.code not in frame):
            continue
        figure = field.figures.get(place.code)
        rank = t("map.rank", rank=order[place.code], n=len(pairs), level=level) if place.code in order else ""
        labels = numbers.joined([label_word(x, t) for x in figure.labels], lang) if figure else ""
        shapes.append(
            Shape(place.code, area.path, shade(figure.middle if figure else None, between), place.name(lang), texts.get(place.code, ""),
                  unit, rank, labels, figure.key if figure else "", area.middle, to(place.code), place.code == chosen)
        )  # fmt: skip
    return {
        "field": field, "hue": site.hue(field.quantity, field.sample.unit), "shapes": shapes, "unit": unit, "count": len(pairs),
        "level": level, "view_box": _view_box(drawing, frame), "height": drawing.height if drawing else 0,
        "meshes": site.mesh(ask.zone.root) if drawing and not frame else ("", ""),
        "names": _leaf_names(ask, drawing, frame, chosen) if drawing and frame else _group_names(ask, drawing) if drawing else [],
        "type_size": 24.0 * (drawing.view_box(frame, 10.0)[2] / 1016 if drawing and frame else 1.0),
        "outline": site.outline(chosen) if chosen else "", "credit": _credit(ask),
        "legends": [_legend(ask, field, pairs, between, width, chosen, unit) for width in legends] if len(pairs) > 1 else [],
        "lacking": len(field.figures) - len(pairs) + len([p for p in ask.zone.at_level(site.leaf_level) if p.code not in field.figures]),
        "ranking": _ranking(ask, pairs, order, between, texts, {code: f.key for code, f in field.figures.items()}, chosen),
        "card": _card(ask, field, order, chosen, len(pairs), level),
        "callout": _callout(drawing, chosen) if drawing and not frame else None,
    }  # fmt: skip


def _columns(field: Field, lang: str) -> tuple[dict[str, str], str]:
    """All values of a figure in one scale, and its unit word."""
    values = {code: f.middle for code, f in field.figures.items() if f.middle is not None}
    turn, word = numbers.axis_scale(values.values(), field.sample.unit, lang)
    return {code: numbers.digits(turn(v)) for code, v in values.items() if v is not None}, word


def _view_box(drawing: Drawing | None, frame: Sequence[str]) -> str:
    if drawing is None:
        return ""
    return " ".join(f"{v:.0f}" for v in (drawing.view_box(frame, 10.0) if frame else drawing.view_box()))


def _credit(ask: Ask) -> str:
    source = ask.zone.boundary_source
    return ask.t.pick(str(source.get("title_zh", "")), str(source.get("title", ""))) or str(source.get("file", ""))


def _group_names(ask: Ask, drawing: Drawing) -> list[dict[str, Any]]:
    """Names of the branches below the root, each in the middle of its areas; names that would meet are moved apart."""
    placed: list[dict[str, Any]] = []
    children = ask.zone.children(ask.zone.root)
    if all(child in drawing.areas for child in children) and len(children) > 12:
        return []
    for child in children:
        areas = [drawing.areas[leaf] for leaf in ask.zone.leaves(child) if leaf in drawing.areas]
        total = sum(a.size for a in areas)
        if not total:
            continue
        x = sum(a.middle[0] * a.size for a in areas) / total
        y = sum(a.middle[1] * a.size for a in areas) / total
        name = ask.short(child)
        while any(
            abs(x - p["x"]) < 13 * (len(name) + len(p["name"])) * (1.0 if ask.lang == "zh" else 0.55)
            and abs(y - p["y"]) < 28
            for p in placed
        ):
            y += 8
        placed.append({"x": round(x), "y": round(y), "name": name, "me": False})
    return placed


def _leaf_names(ask: Ask, drawing: Drawing, frame: Sequence[str], chosen: str) -> list[dict[str, Any]]:
    """Names of the leaves in a frame, the chosen first; a name that would meet another is left out."""
    size = 24.0 * drawing.view_box(frame, 10.0)[2] / 1016
    placed: list[dict[str, Any]] = []
    codes = sorted((c for c in frame if c in drawing.areas), key=lambda c: (c != chosen, -drawing.areas[c].size))
    for code in codes:
        name = ask.short(code)
        x, y = drawing.areas[code].middle
        wide = len(name) * size * (1.0 if ask.lang == "zh" else 0.56)
        if all(abs(x - p["x"]) > (wide + p["wide"]) / 2 or abs(y - p["y"]) > size * 1.2 for p in placed):
            placed.append({"x": x, "y": y, "name": name, "wide": wide, "me": code == chosen})
    return placed


def _legend(
    ask: Ask, field: Field, pairs: list[tuple[str, float]], between: list[float], width: int, chosen: str, unit: str
) -> dict[str, Any]:
    """The class strip in real units with a dot per place; limits that would print over each other are left out."""
    values = [v for _, v in pairs]
    low, high = min(values), max(values)
    turn, _ = numbers.axis_scale(values, field.sample.unit, ask.lang)
    reach = high - low or 1.0
    points = dots(pairs, low, high, width, between, chosen)

    def x(value: float) -> float:
        return round((value - low) / reach * width, 1)

    edges = [0.0, *(x(b) for b in between), float(width)]
    strip = [{"x": a, "w": round(b - a, 1), "shade": shade(_inside(low, high, between, i), between)}
             for i, (a, b) in enumerate(itertools.pairwise(edges))]  # fmt: skip
    marks: list[dict[str, Any]] = []
    used = 9.0 * len(unit) if ask.lang == "zh" else 6.5 * len(unit)
    for limit in between:
        word = numbers.digits(turn(limit), 4)
        if x(limit) - 4 * len(word) > used and x(limit) + 4 * len(word) < width:
            marks.append({"x": x(limit), "word": word})
            used = x(limit) + 4 * len(word) + 6
    top = min((d.y for d in points), default=-4.0)
    return {
        "width": width, "strip": strip, "marks": marks, "dots": points, "top": round(top - 30), "unit": unit,
        "ends": _ends(ask, points, pairs, turn, chosen, width),
    }  # fmt: skip


def _inside(low: float, high: float, between: list[float], i: int) -> float:
    edges = [low, *between, high]
    return edges[i] if i else low - 1


def _ends(
    ask: Ask, points: list[Dot], pairs: list[tuple[str, float]], turn: Any, chosen: str, width: int
) -> list[dict[str, Any]]:
    """The extremes and the chosen place, named above their dots; a name that would run into another is dropped."""
    values = dict(pairs)
    by_code = {d.code: d for d in points}
    least, most = min(pairs, key=lambda p: p[1])[0], max(pairs, key=lambda p: p[1])[0]
    top = min((d.y for d in points), default=-4.0)
    named: list[dict[str, Any]] = []
    for code in dict.fromkeys(c for c in (chosen, least, most) if c in by_code):
        dot = by_code[code]
        word = f"{ask.short(code)}\u00a0{numbers.digits(turn(values[code]))}"
        wide = sum(12.5 if ord(ch) > 255 else 7.2 for ch in word)
        middle = min(max(dot.x, wide / 2), width - wide / 2)
        if all(abs(middle - n["x"]) > (wide + n["wide"]) / 2 + 6 for n in named):
            named.append(
                {
                    "x": round(middle, 1),
                    "at": dot.x,
                    "from": round(top - 18),
                    "to": dot.y - 4,
                    "word": word,
                    "wide": wide,
                    "me": code == chosen,
                }
            )
    return named


def _ranking(
    ask: Ask,
    pairs: list[tuple[str, float]],
    order: dict[str, int],
    between: list[float],
    texts: dict[str, str],
    keys: dict[str, str],
    chosen: str,
) -> list[Rung]:
    """The first and last places and the chosen one; all leaves of a chosen branch; everything where there are few."""
    values = dict(pairs)
    ordered = sorted(values, key=lambda c: (order[c], c))
    top = max((abs(v) for v in values.values()), default=0.0) or 1.0
    branch = (
        [c for c in ask.zone.leaves(chosen) if c in values]
        if chosen and chosen not in values and chosen != ask.zone.root
        else []
    )
    if branch:
        kept = [c for c in ordered if c in set(branch)]
    elif len(ordered) <= 2 * _EDGE_ROWS + 3:
        kept = ordered
    else:
        kept = [c for i, c in enumerate(ordered) if i < _EDGE_ROWS or i >= len(ordered) - _EDGE_ROWS or c == chosen]
    rungs: list[Rung] = []
    last = -1
    for code in kept[:24]:
        at = ordered.index(code)
        if not branch and last >= 0 and at != last + 1:
            rungs.append(Rung(gap=True))
        last = at
        rungs.append(Rung(order[code], code, ask.short(code), texts[code], round(abs(values[code]) / top * 100, 1), shade(values[code], between),
                          ask.place_address(code) or ask.address("/", place=code), keys.get(code, ""), code == chosen))  # fmt: skip
    return rungs


def _card(ask: Ask, field: Field, order: dict[str, int], chosen: str, count: int, level: str) -> dict[str, Any] | None:
    figure = field.figures.get(chosen)
    if figure is None:
        return None
    rank = ask.t("map.rank", rank=order[chosen], n=count, level=level) if chosen in order else ""
    return {"name": ask.name(chosen), "figure": figure, "rank": rank, "href": ask.place_address(chosen)}


def _callout(drawing: Drawing | None, chosen: str) -> tuple[float, float] | None:
    """Where the line from the card ends, when the chosen place lies to the right of the card."""
    area = drawing.areas.get(chosen) if drawing else None
    return area.middle if area and area.middle[0] > 260 else None


def finding(ask: Ask, field: Field) -> str:
    """What the map shows in one sentence: the branch with the least and the one with the most, by the median of its leaves."""
    t = ask.t
    name = field.sample.name(ask.lang)
    medians: list[tuple[float, str]] = []
    for child in ask.zone.children(ask.zone.root):
        values = [
            f.middle for leaf in ask.zone.leaves(child) if (f := field.figures.get(leaf)) and f.middle is not None
        ]
        if values:
            medians.append((median(values), child))
    medians.sort()
    if len(medians) < 2 or medians[0][0] == medians[-1][0]:
        return name
    return t("map.finding", name=name, low=ask.short(medians[0][1]), high=ask.short(medians[-1][1]))
