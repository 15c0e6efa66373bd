"""Parcels as SVG in the metres of a projection: those of a project shaded by tonnes per hectare, or an overlap in red."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape

import shapely

from qingshan.accounts.claim.dossier import Dossier
from qingshan.accounts.claim.index import Overlap

from . import tokens
from .map import class_breaks, class_of
from .numbers import digits
from .svg import svg_words

__all__ = ["overlap_svg", "parcel_svg"]

WIDTH, TALLEST, PAD, BELOW = 1000.0, 700.0, 26.0, 84.0
NAMED = 60


def parcel_svg(dossier: Dossier, lang: str) -> str:
    """The project's parcels, darker where more is credited per hectare, with their numbers where there are not too many."""
    parcels = dossier.project.parcels
    rates = [dossier.of_parcel(p.id) / 1000 / p.hm2 for p in parcels]
    breaks = class_breaks(rates) if any(rates) else []
    if not breaks and max(rates) > min(rates):
        breaks = [(max(rates) + min(rates)) / 2]
    at, height = _frame([p.geometry for p in parcels])
    drawn = [
        _shape(
            p.geometry, at, tokens.RAMP_LAND[class_of(r, breaks)] if r > 0 else tokens.PAPER, tokens.RULE_STRONG, 1.2
        )
        for p, r in zip(parcels, rates, strict=True)
    ]
    if len(parcels) <= NAMED:
        drawn += [_name(p.geometry, p.id, at) for p in parcels]
    drawn += _key(rates, breaks, height, lang)
    return _svg(drawn, height + BELOW)


def overlap_svg(overlaps: Sequence[Overlap], lang: str) -> str:
    """Both claims of each overlap in outline, the shared ground in red with its area."""
    shapes = {c.id: c.geometry for o in overlaps for c in (o.first, o.second) if c.geometry is not None}
    if not shapes:
        return _svg([], BELOW)
    at, height = _frame(list(shapes.values()))
    drawn = [_shape(g, at, tokens.NONE, tokens.INK_2, 1.4) for g in shapes.values()]
    for o in overlaps:
        if o.geometry is not None and o.area > 0:
            drawn.append(f'<g fill-opacity="0.6">{_shape(o.geometry, at, tokens.ALARM, tokens.ALARM, 1.0)}</g>')
    drawn += [_shape(g, at, "none", tokens.INK, 1.2) for g in shapes.values()]
    if len(shapes) <= NAMED:
        drawn += [_name(g, id, at) for id, g in shapes.items()]
    whole = sum(o.area for o in overlaps)
    words = (
        f"重叠 {len(overlaps)} 处，共 {whole:,.0f} m²"
        if lang == "zh"
        else f"{len(overlaps)} overlaps, {whole:,.0f} m² in all"
    )
    drawn.append(f'<rect x="{PAD}" y="{height + 20:.1f}" width="26" height="16" fill="{tokens.ALARM}"/>')
    drawn.append(f'<text x="{PAD + 36}" y="{height + 34:.1f}">{svg_words(words)}</text>')
    return _svg(drawn, height + BELOW)


Place = Callable[[float, float], tuple[float, float]]


def _frame(shapes: Sequence[shapely.Geometry]) -> tuple[Place, float]:
    """Where a point lies on the drawing, and the height of the drawing."""
    west, south, east, north = shapely.total_bounds(shapes)
    wide, high = max(east - west, 1.0), max(north - south, 1.0)
    size = min((WIDTH - 2 * PAD) / wide, (TALLEST - 2 * PAD) / high)
    left = (WIDTH - wide * size) / 2

    def at(x: float, y: float) -> tuple[float, float]:
        return left + (x - west) * size, PAD + (north - y) * size

    return at, high * size + 2 * PAD


def _shape(shape: shapely.Geometry, at: Place, fill: str, line: str, thick: float) -> str:
    parts = shapely.get_parts(shape)
    rings = [r for p in parts if p.geom_type == "Polygon" for r in (p.exterior, *p.interiors)]
    path = "".join("M" + "L".join("{:.1f} {:.1f}".format(*at(x, y)) for x, y in r.coords[:-1]) + "Z" for r in rings)
    return f'<path d="{path}" fill="{fill}" fill-rule="evenodd" stroke="{line}" stroke-width="{thick:g}" stroke-linejoin="round"/>'


def _name(shape: shapely.Geometry, text: str, at: Place) -> str:
    point = shape.representative_point()
    x, y = at(point.x, point.y)
    short = escape(text.rpartition("/")[2].rpartition("-")[2] or text)
    halo = f'stroke="{tokens.PAPER}" stroke-width="4" stroke-linejoin="round" paint-order="stroke"'
    return f'<text x="{x:.1f}" y="{y + 6:.1f}" text-anchor="middle" {halo}>{short}</text>'


def _key(rates: Sequence[float], breaks: Sequence[float], top: float, lang: str) -> list[str]:
    """The class strip in t CO2/hm2 of the whole period."""
    standing = [r for r in rates if r > 0]
    if not standing:
        return []
    edges, step = [min(standing), *breaks, max(standing)], 96.0
    made = [
        f'<rect x="{PAD + i * step:.1f}" y="{top + 10:.1f}" width="{step:.1f}" height="12" fill="{tokens.RAMP_LAND[i]}"/>'
        for i in range(len(edges) - 1)
    ]
    made += [
        f'<text x="{PAD + i * step:.1f}" y="{top + 46:.1f}" text-anchor="{"start" if i == 0 else "middle"}">{escape(digits(e))}</text>'
        for i, e in enumerate(edges)
    ]
    unit = "吨 CO₂/公顷（监测期）" if lang == "zh" else "t CO₂/ha in the period"
    made.append(f'<text x="{PAD + (len(edges) - 0.5) * step:.1f}" y="{top + 46:.1f}">{svg_words(unit)}</text>')
    return made


def _svg(drawn: Sequence[str], height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {height:.1f}" font-family="{tokens.SVG_FONT}" font-size="19" '
        f'fill="{tokens.INK_2}">\n' + "\n".join(drawn) + "\n</svg>"
    )
