"""Pictures for the map page: tiles and still maps of raster layers, and the outlines of places.

    /tiles/{layer}/{period}/{z}/{x}/{y}.png?look=dark&v=…     /tiles/{layer}/{period}/still.png?box=…&size=…
    /tiles/places.geojson

`v` is the mark of what is drawn (file, scale, colours): an address that carries the right one may be kept for ever.
"""

from __future__ import annotations

import json
import re

from fastapi import FastAPI, Request, Response

from qingshan.core.errors import UnknownName
from qingshan.faces.web.outlines import outlines
from qingshan.faces.web.ramps import LOOKS
from qingshan.faces.web.rasters import ShownLayer, shelf
from qingshan.faces.web.site import Site
from qingshan.faces.web.tiles import MERCATOR_EDGE, Tile, still, tile

__all__ = ["add_maps"]

_SIZE = re.compile(r"(\d{1,4})x(\d{1,4})")
_READ = ["GET", "HEAD"]


def add_maps(app: FastAPI, site: Site) -> None:
    """Routes of the pictures."""

    @app.api_route("/tiles/{layer}/{period}/{z}/{x}/{y}.png", methods=_READ)
    def one_tile(request: Request, layer: str, period: str, z: str, x: str, y: str) -> Response:
        shown = shelf(site).layer(layer)
        drawn = shown.at(period).drawing()
        at, look = Tile.of(drawn, z, x, y), _look(request)
        kept = _kept(request, shown, period)
        return kept or _png(request, shown, period, tile(drawn, shown.painter, at, look))

    @app.api_route("/tiles/{layer}/{period}/still.png", methods=_READ)
    def one_still(request: Request, layer: str, period: str) -> Response:
        shown = shelf(site).layer(layer)
        drawn = shown.at(period).drawing()
        box, (width, height), look = _box(request), _size(request), _look(request)
        kept = _kept(request, shown, period)
        return kept or _png(request, shown, period, still(drawn, shown.painter, box, width, height, look))

    @app.api_route("/tiles/places.geojson", methods=_READ)
    def places() -> Response:
        found = outlines(site, shelf(site).book)
        return Response(
            json.dumps(found, ensure_ascii=False),
            media_type="application/geo+json",
            headers={"Cache-Control": "no-cache"},
        )


def _kept(request: Request, shown: ShownLayer, period: str) -> Response | None:
    """The answer to a reader who holds the picture already."""
    mark = shown.mark(period)
    if f'"{mark}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=_cached(request, mark))
    return None


def _png(request: Request, shown: ShownLayer, period: str, picture: bytes) -> Response:
    return Response(picture, media_type="image/png", headers=_cached(request, shown.mark(period)))


def _cached(request: Request, mark: str) -> dict[str, str]:
    same = request.query_params.get("v") == mark
    return {"ETag": f'"{mark}"', "Cache-Control": "public, max-age=31536000, immutable" if same else "no-cache"}


def _look(request: Request) -> str:
    look = request.query_params.get("look", LOOKS[0])
    if look not in LOOKS:
        raise UnknownName(
            f"no look {look!r}; there are: {', '.join(LOOKS)}.", f"没有 {look!r} 这种配色；有：{'、'.join(LOOKS)}。"
        )
    return look


def _box(request: Request) -> tuple[float, float, float, float]:
    """`?box=west,south,east,north` in Web Mercator metres."""
    text = request.query_params.get("box", "")
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        west = east = south = north = float("nan")
    inside = all(abs(v) <= 2 * MERCATOR_EDGE for v in (west, south, east, north))
    if not (inside and west < east and south < north):
        raise UnknownName(
            "box = west,south,east,north in Web Mercator metres.", "box 应为 Web 墨卡托坐标的 西,南,东,北，单位米。"
        )
    return west, south, east, north


def _size(request: Request) -> tuple[int, int]:
    found = _SIZE.fullmatch(request.query_params.get("size", "900x650"))
    if found is None:
        raise UnknownName("size = WIDTHxHEIGHT in pixels.", "size 应为 宽x高，单位像素。")
    return int(found[1]), int(found[2])
