"""Drawn areas: polygons in degrees become SVG paths in whole units, with the lines between groups as one mesh.

An equirectangular drawing about the middle latitude: right for a province, and the same on paper, phone and screen.
Nothing here knows a place; a zone without boundaries gives None.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qingshan.zone.zone import Zone

Point = tuple[int, int]
Ring = list[Point]

WIDTH = 1000
_SUBPIXEL = 2  # drawing units per printed unit of the path: half units keep small areas in shape
_DETAIL = 550  # an extent divided by this is the tolerance of simplification


@dataclass(frozen=True, slots=True)
class Area:
    """One place's drawing: path, its box (x, y, width, height) and the middle of its largest part."""

    code: str
    path: str
    box: tuple[float, float, float, float]
    middle: tuple[float, float]
    size: float


@dataclass(frozen=True)
class Drawing:
    """All areas of one set of places on one canvas of `WIDTH` × `height`."""

    areas: Mapping[str, Area]
    height: int
    rings: Mapping[str, list[Ring]]
    kilometre: float
    frame: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    """West and north edge in degrees, squeeze of longitudes, units per degree of latitude."""

    def at(self, lon: float, lat: float) -> tuple[float, float]:
        """Where a point in degrees lies on the canvas."""
        west, north, squeeze, scale = self.frame
        return round((lon - west) * squeeze * scale, 1), round((north - lat) * scale, 1)

    def view_box(self, codes: Iterable[str] | None = None, margin: float = 8.0) -> tuple[float, float, float, float]:
        """Box around some areas, or the whole canvas."""
        if codes is None:
            return -margin, -margin, WIDTH + 2 * margin, self.height + 2 * margin
        boxes = [self.areas[c].box for c in codes if c in self.areas]
        if not boxes:
            return self.view_box()
        left, top = min(b[0] for b in boxes), min(b[1] for b in boxes)
        right, low = max(b[0] + b[2] for b in boxes), max(b[1] + b[3] for b in boxes)
        pad = margin / 100 * max(right - left, low - top)
        return left - pad, top - pad, right - left + 2 * pad, low - top + 2 * pad


def draw(zone: Zone, level: str) -> Drawing | None:
    """The drawing of one level of the zone; None where no boundary is known."""
    if not any(place.code in zone.boundaries.shapes for place in zone.at_level(level)):
        return None
    raw = [
        ring
        for place in zone.at_level(level)
        for part in zone.boundaries.shapes.get(place.code, [])
        for ring in part[:1]
    ]
    west, east = min(float(r[:, 0].min()) for r in raw), max(float(r[:, 0].max()) for r in raw)
    tolerance = max(east - west, 1e-6) / _DETAIL
    return drawing_of(zone.geojson(level, tolerance)["features"])


def drawing_of(features: Sequence[Mapping[str, Any]]) -> Drawing | None:
    """Project GeoJSON features (degrees, property `code`) onto one canvas."""
    polygons = {f["properties"]["code"]: _polygons(f["geometry"]) for f in features}
    points = [point for parts in polygons.values() for part in parts for ring in part for point in ring]
    if not points:
        return None
    west, east = min(p[0] for p in points), max(p[0] for p in points)
    south, north = min(p[1] for p in points), max(p[1] for p in points)
    squeeze = math.cos(math.radians((south + north) / 2))
    scale = WIDTH / max((east - west) * squeeze, 1e-9)

    def at(point: Sequence[float]) -> Point:
        return (
            round((point[0] - west) * squeeze * scale * _SUBPIXEL),
            round((north - point[1]) * scale * _SUBPIXEL),
        )

    rings = {
        code: [_clean([at(p) for p in ring]) for part in parts for ring in part] for code, parts in polygons.items()
    }
    areas = {code: _area(code, [r for r in drawn if len(r) > 3]) for code, drawn in rings.items()}
    kilometre = scale / 111.195
    return Drawing(
        {c: a for c, a in areas.items() if a}, math.ceil((north - south) * scale), rings, kilometre, (west, north, squeeze, scale)
    )  # fmt: skip


def _polygons(geometry: Mapping[str, Any]) -> list[list[list[Sequence[float]]]]:
    return [geometry["coordinates"]] if geometry["type"] == "Polygon" else list(geometry["coordinates"])


def _clean(ring: Ring) -> Ring:
    return [point for i, point in enumerate(ring) if i == 0 or point != ring[i - 1]]


def _area(code: str, rings: list[Ring]) -> Area | None:
    if not rings:
        return None
    xs, ys = [p[0] / _SUBPIXEL for r in rings for p in r], [p[1] / _SUBPIXEL for r in rings for p in r]
    largest = max(rings, key=lambda r: abs(_twice_area(r)))
    box = (min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
    return Area(code, path_of(rings), box, _middle(largest), abs(_twice_area(largest)) / 2 / _SUBPIXEL**2)


def _twice_area(ring: Ring) -> float:
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise(ring))


def _middle(ring: Ring) -> tuple[float, float]:
    area = _twice_area(ring)
    if area == 0:
        return ring[0][0] / _SUBPIXEL, ring[0][1] / _SUBPIXEL
    pairs = list(itertools.pairwise(ring))
    x = sum((a[0] + b[0]) * (a[0] * b[1] - b[0] * a[1]) for a, b in pairs) / (3 * area)
    y = sum((a[1] + b[1]) * (a[0] * b[1] - b[0] * a[1]) for a, b in pairs) / (3 * area)
    return round(x / _SUBPIXEL, 1), round(y / _SUBPIXEL, 1)


def _half(value: int) -> str:
    if value % _SUBPIXEL == 0:
        return str(value // _SUBPIXEL)
    return re.sub(r"^(-?)0\.", r"\1.", f"{value / _SUBPIXEL:.1f}")


def _move(step: Point) -> str:
    x, y = _half(step[0]), _half(step[1])
    return f"{x}{y}" if y.startswith("-") else f"{x} {y}"


def _line(points: Sequence[Point], close: bool) -> str:
    """A relative path: far shorter than absolute coordinates."""
    text = [f"M{_move(points[0])}l"]
    last = points[0]
    for point in points[1:-1] if close else points[1:]:
        step = (point[0] - last[0], point[1] - last[1])
        joint = "" if text[-1].endswith("l") or step[0] < 0 else " "
        text.append(joint + _move(step))
        last = point
    return "".join(text) + ("z" if close else "")


def path_of(rings: Iterable[Ring]) -> str:
    """SVG path of closed rings."""
    return "".join(_line(ring, close=True) for ring in rings)


def mesh(drawing: Drawing, group: Callable[[str], str]) -> tuple[str, str]:
    """Two paths: the lines between areas of different groups, and the outline that only one area has.

    Works on shared vertices, so the lines lie exactly on the areas' own edges.
    """
    owners: dict[tuple[Point, Point], set[str]] = {}
    for code, rings in drawing.rings.items():
        for ring in rings:
            for a, b in itertools.pairwise(ring):
                owners.setdefault((a, b) if a <= b else (b, a), set()).add(code)
    between = [edge for edge, codes in owners.items() if len(codes) > 1 and len({group(c) for c in codes}) > 1]
    outside = [edge for edge, codes in owners.items() if len(codes) == 1]
    return _joined(between), _joined(outside)


def _joined(edges: Iterable[tuple[Point, Point]]) -> str:
    """Loose edges strung into as few lines as possible."""
    ends: dict[Point, list[Point]] = {}
    for a, b in edges:
        ends.setdefault(a, []).append(b)
        ends.setdefault(b, []).append(a)
    lines: list[str] = []
    # lines start where they end or fork; what is left afterwards are loops
    starts = [p for p, nexts in ends.items() if len(nexts) != 2] + list(ends)
    for start in starts:
        while ends[start]:
            line = [start]
            while ends[line[-1]]:
                following = ends[line[-1]].pop()
                ends[following].remove(line[-1])
                line.append(following)
                if len(ends[following]) != 1:
                    break
            lines.append(_line(line, close=False))
    return "".join(lines)


def neighbours(drawing: Drawing) -> dict[str, set[str]]:
    """Areas that share a vertex."""
    at: dict[Point, set[str]] = {}
    for code, rings in drawing.rings.items():
        for ring in rings:
            for point in ring:
                at.setdefault(point, set()).add(code)
    beside: dict[str, set[str]] = {code: set() for code in drawing.areas}
    for codes in at.values():
        if len(codes) > 1:
            for code in codes & beside.keys():
                beside[code] |= codes - {code}
    return beside
