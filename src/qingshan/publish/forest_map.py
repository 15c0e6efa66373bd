"""Maps of a forest release: places by class where the zone has boundaries, and the plots as dots where they have coordinates."""

from __future__ import annotations

import math
from xml.sax.saxutils import escape

import polars as pl

from qingshan.accounts.run import Fact

from . import tokens
from .forest import ForestAccount
from .gather import ByPlace
from .map import WIDTH, Picture, choropleth, class_breaks, class_of
from .numbers import axis_scale, digits
from .svg import svg_words

__all__ = ["place_map", "plot_map", "without_map"]

PAD, LEGEND = 30.0, 96.0
TALLEST = 760.0


def place_map(account: ForestAccount, lang: str) -> Picture | None:
    """Carbon per hectare by place; None without boundaries or without places."""
    run, cells = account.run, _of_places(account)
    if not cells:
        return None
    zh, en = run.names("inventory.carbon_per_area")
    return choropleth(run.zone, ByPlace("inventory.carbon_per_area", zh, en, "", "t C/hm2", cells), lang)


def without_map(account: ForestAccount) -> str:
    """Why `place_map` has none, as the key of a text: no figures by place, or no boundaries of the places that have them."""
    return "forest.no_boundaries" if _of_places(account) else "forest.no_places"


def _of_places(account: ForestAccount) -> dict[str, Fact]:
    """Carbon per hectare of the places that hold no others; a place is not drawn over its own parts."""
    above = {account.run.zone.places[c].parent for c in account.places}
    lowest = [c for c in account.places if c not in above]
    return {c: f for c in lowest if (f := account.cell("estimate", "carbon_per_area", c)) is not None}


def plot_map(account: ForestAccount, lang: str) -> Picture | None:
    """Carbon per hectare of each plot, as dots in the coordinates of the table of plots; None where it has no x and y."""
    values = _of_plots(account)
    if values.is_empty():
        return None
    xs, ys, amounts = values["x"].to_list(), values["y"].to_list(), values["carbon"].to_list()
    wide, high = max(max(xs) - min(xs), 1.0), max(max(ys) - min(ys), 1.0)
    size = min((WIDTH - 2 * PAD) / wide, (TALLEST - 2 * PAD) / high)
    left = (WIDTH - wide * size) / 2
    height = high * size + 2 * PAD
    scale, unit = axis_scale(amounts, "t C/hm2", lang)
    standing = [scale(v) for v in amounts if v > 0]
    breaks = class_breaks(standing) if standing else []
    radius = max(2.5, min(9.0, 0.32 * math.sqrt(wide * high / len(xs)) * size))
    drawn = []
    for x, y, v in sorted(zip(xs, ys, amounts, strict=True), key=lambda p: (p[1], p[0])):
        at = f'cx="{left + (x - min(xs)) * size:.1f}" cy="{height - PAD - (y - min(ys)) * size:.1f}" r="{radius:.1f}"'
        if v > 0:
            fill = tokens.RAMP_LAND[class_of(scale(v), breaks)]
            drawn.append(f'<circle {at} fill="{fill}" stroke="{tokens.RULE_STRONG}" stroke-width="0.6"/>')
        else:
            drawn.append(f'<circle {at} fill="none" stroke="{tokens.RULE_STRONG}" stroke-width="0.8"/>')
    drawn += _key(breaks, standing, unit, height, lang)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {height + LEGEND:.1f}" font-family="{tokens.SVG_FONT}" '
        f'font-size="20" fill="{tokens.INK_2}">\n' + "\n".join(drawn) + "\n</svg>"
    )
    return Picture(svg, unit, ())


def _of_plots(account: ForestAccount) -> pl.DataFrame:
    """x, y and t C/hm2 of each plot of the year that has coordinates."""
    fraction = next(
        (
            n.value[0]
            for n in account.nodes
            if n.kind == "parameter" and n.quantity == "forest.carbon_fraction" and n.value
        ),
        None,
    )
    rows = []
    for n in account.nodes:
        if n.kind != "plot" or n.period != account.year or fraction is None:
            continue
        x, y = (n.notes["columns"].get(c) for c in ("x", "y"))
        if "biomass" in n.notes["per_hm2"] and isinstance(x, int | float) and isinstance(y, int | float):
            rows.append((float(x), float(y), float(n.notes["per_hm2"]["biomass"]) * float(fraction)))
    return pl.DataFrame(rows, schema=["x", "y", "carbon"], orient="row") if rows else pl.DataFrame({"x": []})


def _key(breaks: list[float], standing: list[float], unit: str, top: float, lang: str) -> list[str]:
    """A strip of the classes, and the open dot of a plot without trees."""
    if not standing:
        return []
    edges = [min(standing), *breaks, max(standing)]
    made, step = [], 104.0
    for i in range(len(edges) - 1):
        x = PAD + i * step
        made.append(
            f'<rect x="{x:.1f}" y="{top + 16:.1f}" width="{step:.1f}" height="12" fill="{tokens.RAMP_LAND[i]}"/>'
        )
    for i, edge in enumerate(edges):
        anchor = "start" if i == 0 else "middle"
        made.append(
            f'<text x="{PAD + i * step:.1f}" y="{top + 54:.1f}" text-anchor="{anchor}">{escape(digits(edge))}</text>'
        )
    x = PAD + len(edges) * step
    made.append(f'<text x="{x - step / 2:.1f}" y="{top + 54:.1f}">{svg_words(unit)}</text>')
    x += 60
    made.append(f'<circle cx="{x:.1f}" cy="{top + 22:.1f}" r="6" fill="none" stroke="{tokens.RULE_STRONG}"/>')
    made.append(f'<text x="{x + 14:.1f}" y="{top + 29:.1f}">{escape("没有树" if lang == "zh" else "no trees")}</text>')
    return made
