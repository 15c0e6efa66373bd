"""A choropleth as SVG: one shape per place, six classes of one hue, and a legend that is the distribution itself."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from qingshan.core.units import same_dimension
from qingshan.zone.names import short_names
from qingshan.zone.zone import Zone

from . import tokens
from .gather import ByPlace
from .numbers import axis_scale, digits
from .svg import svg_words

WIDTH = 1000.0
_LEGEND, _DOT, _PAD, _LINE, _EM = 122.0, 5.0, 24.0, 24.0, 21.0
_TOLERANCE = 0.004  # degrees: about 400 m, a tenth of a millimetre on the page
_NAMES = 30  # above so many shapes, the names of the places one level up are printed


@dataclass(frozen=True, slots=True)
class Picture:
    """The drawing and the words it prints."""

    svg: str
    unit: str
    words: tuple[str, ...]


def choropleth(zone: Zone, table: ByPlace, lang: str) -> Picture | None:
    """Draw `table` over the zone's boundaries; None where none of its places has one.

    Plate carrée, east-west shortened by the cosine of the middle latitude. A place without a figure is hatched.
    """
    shapes = _shapes(zone, table)
    if not shapes:
        return None
    project, height = _projection([ring for _, rings in shapes for ring in rings])
    values = {code: _middle(table, code) for code, _ in shapes}
    given = [v for v in values.values() if v is not None]
    scale, unit = axis_scale(given, table.unit, lang)
    breaks = class_breaks([scale(v) for v in given])
    ramp = (
        tokens.RAMP_WATER
        if table.unit and any(same_dimension(table.unit, u) for u in ("mm", "m3"))
        else tokens.RAMP_LAND
    )
    colours = {code: None if v is None else ramp[class_of(scale(v), breaks)] for code, v in values.items()}
    names = _names(zone, [code for code, _ in shapes], lang)
    drawn = [
        *(_shape(rings, colours[code], project) for code, rings in shapes),
        *_labels([(text, project(*point)) for text, point in names]),
        *_legend([scale(v) for v in given], breaks, ramp, unit, height + _PAD),
    ]
    body = "\n".join(drawn)
    size = f"{WIDTH:g} {height + _PAD + _LEGEND:.1f}"
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" font-family="{tokens.SVG_FONT}" font-size="{_EM:g}" fill="{tokens.INK}">'
        f'<defs><pattern id="none" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<rect width="8" height="8" fill="{tokens.PAPER}"/><rect width="3" height="8" fill="{tokens.NONE}"/></pattern></defs>\n{body}\n</svg>'
    )
    return Picture(svg, unit, tuple(text for text, _ in names))


def class_breaks(values: Sequence[float], classes: int = 6) -> list[float]:
    """Inner class limits near the quantiles, rounded to a step a reader can say: a tenth of the spread's power of ten."""
    ordered = sorted(values)
    spread = ordered[-1] - ordered[0]
    if spread <= 0:
        return []
    step = 10.0 ** math.floor(math.log10(spread / classes))
    quantiles = [ordered[round(i * (len(ordered) - 1) / classes)] for i in range(1, classes)]
    rounded = sorted({round(q / step) * step for q in quantiles})
    return [b for b in rounded if ordered[0] < b <= ordered[-1]]


def class_of(value: float, breaks: Sequence[float]) -> int:
    """Index of the class: a limit belongs to the class above it."""
    return sum(1 for b in breaks if value >= b)


def _middle(table: ByPlace, code: str) -> float | None:
    fact = table.cells.get(code)
    if fact is None or fact.refused or fact.low is None or fact.high is None:
        return None
    return (fact.low + fact.high) / 2


def _shapes(zone: Zone, table: ByPlace) -> list[tuple[str, list[list[list[float]]]]]:
    """(code, outer and inner rings) of every place of the table, in table order."""
    levels = dict.fromkeys(zone.places[code].level for code in table.cells)
    found: dict[str, list[list[list[float]]]] = {}
    for level in levels:
        for feature in zone.geojson(level, _TOLERANCE)["features"]:
            found[feature["properties"]["code"]] = list(_rings(feature["geometry"]))
    return [(code, found[code]) for code in table.cells if code in found]


def _rings(geometry: dict[str, Any]) -> Iterator[list[list[float]]]:
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    for polygon in polygons:
        yield from polygon


def _projection(rings: list[list[list[float]]]) -> tuple[Any, float]:
    points = [point for ring in rings for point in ring]
    west, east = min(p[0] for p in points), max(p[0] for p in points)
    south, north = min(p[1] for p in points), max(p[1] for p in points)
    narrow = math.cos(math.radians((south + north) / 2))
    size = (WIDTH - 2 * _PAD) / max(
        (east - west) * narrow, (north - south) * 1.25
    )  # no taller than four fifths of the width
    left = (WIDTH - (east - west) * narrow * size) / 2

    def project(lon: float, lat: float) -> tuple[float, float]:
        return left + (lon - west) * narrow * size, (north - lat) * size + 2

    return project, (north - south) * size + 4


def _shape(rings: list[list[list[float]]], colour: str | None, project: Any) -> str:
    path = "".join(
        "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in (project(*point) for point in ring[:-1])) + "Z" for ring in rings
    )
    fill = colour or "url(#none)"
    return f'<path d="{path}" fill="{fill}" fill-rule="evenodd" stroke="{tokens.PAPER}" stroke-width="1.2" stroke-linejoin="round"/>'


def _names(zone: Zone, codes: list[str], lang: str) -> list[tuple[str, tuple[float, float]]]:
    """Place names with the point they stand on."""
    named = codes if len(codes) <= _NAMES else list(dict.fromkeys(zone.places[c].parent for c in codes))
    found = []
    short = short_names(zone.places, lang)
    for code in named:
        shape = zone.geometry(code)
        if shape is not None:
            point = shape.representative_point()
            found.append((short[code], (point.x, point.y)))
    return found


def _labels(names: list[tuple[str, tuple[float, float]]]) -> Iterator[str]:
    """Names on their places; one that would cover another moves up or down a line or two, or is left out."""
    taken: list[tuple[float, float, float, float]] = []
    for text, (x, y) in names:
        lines = _lines(text)
        half = max(sum(_EM if ord(m) > 0x2E7F else 0.55 * _EM for m in line) for line in lines) / 2
        for shift in (0, 1, -1, 2, -2):
            top = y + shift * _LINE - len(lines) * _LINE / 2
            box = (x - half, top, x + half, top + len(lines) * _LINE)
            if not any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
                taken.append(box)
                yield _label(lines, x, top)
                break


def _label(lines: list[str], x: float, top: float) -> str:
    """A name in one line or two, with a paper halo."""
    ats = [f'x="{x:.1f}" y="{top + (i + 0.8) * _LINE:.1f}" text-anchor="middle"' for i in range(len(lines))]
    halo = f'stroke="{tokens.PAPER}" stroke-width="5" stroke-linejoin="round" fill="none"'
    pairs = list(zip(ats, map(svg_words, lines), strict=True))
    below = "".join(f"<text {at} {halo}>{words}</text>" for at, words in pairs)
    return below + "".join(f"<text {at}>{words}</text>" for at, words in pairs)


def _lines(text: str) -> list[str]:
    """One line, or two of like length: English breaks at the space nearest the middle, Chinese in the middle."""
    spaces = [i for i, mark in enumerate(text) if mark == " "]
    if text.isascii():
        if len(text) <= 18 or not spaces:
            return [text]
        at = min(spaces, key=lambda i: abs(i - len(text) / 2))
        return [text[:at], text[at + 1 :]]
    return [text] if len(text) <= 6 else [text[: (len(text) + 1) // 2], text[(len(text) + 1) // 2 :]]


def _legend(values: list[float], breaks: list[float], ramp: Sequence[str], unit: str, top: float) -> Iterator[str]:
    """The class strip in real units with one dot per place above it, and the two extremes named."""
    low, high = min(values), max(values)
    left, right = 40.0, WIDTH - 40.0
    across = right - left

    def at(value: float) -> float:
        return left + across * ((value - low) / (high - low) if high > low else 0.5)

    strip = top + 62
    heights: dict[int, int] = {}
    for value in sorted(values):
        column = round(at(value) / (2.2 * _DOT))
        rank = heights[column] = heights.get(column, -1) + 1
        if rank < 5:  # the strip shows where places lie; a taller pile adds nothing
            x, y = column * 2.2 * _DOT, strip - 9 - rank * 2.2 * _DOT
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_DOT:g}" fill="{ramp[class_of(value, breaks)]}" stroke="{tokens.RULE_STRONG}" stroke-width="0.8"/>'
    edges = [low, *breaks, high]
    for i, (a, b) in enumerate(pairwise(edges)):
        yield f'<rect x="{at(a):.1f}" y="{strip:.1f}" width="{max(at(b) - at(a), 1):.1f}" height="12" fill="{ramp[i]}"/>'
    marks = [(low, "start"), *((b, "middle") for b in breaks), (high, "end")]
    taken = -math.inf
    last = at(high) - 70
    for value, anchor in marks:
        x = at(value)
        inner = anchor == "middle"
        if inner and (x - taken < 70 or x > last):
            continue
        taken = x
        words = digits(value) if not inner else digits(value, 4)
        if value == low:
            words = f"{words} {unit}".strip()
            taken = x + 80
        yield f'<text x="{x:.1f}" y="{strip + 36:.1f}" text-anchor="{anchor}" fill="{tokens.INK_2}" font-size="20">{svg_words(words)}</text>'
