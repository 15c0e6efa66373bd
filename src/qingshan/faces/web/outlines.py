"""Place outlines over raster maps: from the boundaries of the zone, else drawn around the cells of its raster of places."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qingshan.core.errors import QingshanError
from qingshan.zone.raster.catalogue import RasterBook
from qingshan.zone.raster.grid import Window

from .site import Site
from .tiles import degrees, mercator

__all__ = ["Frame", "outlines"]

Box = tuple[float, float, float, float]
TRACED_SIDE = 600
SIMPLER = 400
"""An outline bends at most this many times across the zone: its tolerance is the zone's width divided by it."""


@dataclass(frozen=True)
class Frame:
    """What a still map shows: a box in Web Mercator metres, drawn `width` × `height`."""

    west: float
    south: float
    east: float
    north: float
    width: int
    height: int

    @classmethod
    def around(cls, box: Box, width: int, height: int, margin: float = 0.04) -> Frame:
        """The frame that holds a box in degrees, with a margin, in the proportions asked for."""
        (west, south), (east, north) = mercator(box[0], box[1]), mercator(box[2], box[3])
        x, y = (west + east) / 2, (south + north) / 2
        wide, high = max(east - west, 1.0) * (1 + 2 * margin), max(north - south, 1.0) * (1 + 2 * margin)
        scale = max(wide / width, high / height)
        return cls(
            x - scale * width / 2, y - scale * height / 2, x + scale * width / 2, y + scale * height / 2, width, height
        )

    @property
    def box(self) -> Box:
        return self.west, self.south, self.east, self.north

    @property
    def metres(self) -> float:
        """Metres on the ground per unit of the drawing, at the middle of the frame."""
        _, lat = degrees((self.west + self.east) / 2, (self.south + self.north) / 2)
        return (self.east - self.west) / self.width * math.cos(math.radians(lat))

    def at(self, lon: float, lat: float) -> tuple[float, float]:
        """Where a point in degrees lies on the drawing."""
        x, y = mercator(lon, lat)
        scale = self.width / (self.east - self.west)
        return round((x - self.west) * scale, 1), round((self.north - y) * scale, 1)

    def under(self, x: float, y: float) -> tuple[float, float]:
        """The point in degrees under a point of the drawing."""
        scale = (self.east - self.west) / self.width
        return degrees(self.west + x * scale, self.north - y * scale)

    def path(self, rings: Iterable[Sequence[Sequence[float]]]) -> str:
        """SVG path of rings in degrees; points that fall on one spot are drawn once."""
        text = []
        for ring in rings:
            points = [self.at(float(p[0]), float(p[1])) for p in ring]
            kept = [p for i, p in enumerate(points) if i == 0 or p != points[i - 1]]
            if len(kept) > 2:
                text.append("M" + "L".join(f"{x:g} {y:g}" for x, y in kept) + "z")
        return "".join(text)


def outlines(site: Site, book: RasterBook | None) -> dict[str, Any]:
    """A FeatureCollection in degrees of the leaf places: code, both names; empty where the zone tells no lines apart."""
    if "outlines" not in site.kept:
        site.kept["outlines"] = _outlines(site, book)
    found: dict[str, Any] = site.kept["outlines"]
    return found


def _outlines(site: Site, book: RasterBook | None) -> dict[str, Any]:
    shapes = site.zone.boundaries.shapes
    leaves = site.zone.leaves(site.zone.root)
    if any(code in shapes for code in leaves):
        rings = np.concatenate([part[0] for code in leaves for part in shapes.get(code, ())])
        return dict(site.zone.geojson(site.leaf_level, float(np.ptp(rings[:, 0])) / SIMPLER))
    try:
        traced = _traced(site, book) if book is not None and "places" in site.zone.config else {}
    except QingshanError:
        traced = {}
    features = [
        {"type": "Feature", "geometry": shape, "properties": {"code": code, "name_zh": site.zone.place(code).name_zh,
                                                              "name_en": site.zone.place(code).name_en}}
        for code, shape in traced.items()
    ]  # fmt: skip
    return {"type": "FeatureCollection", "features": features}


def _traced(site: Site, book: RasterBook) -> dict[str, Mapping[str, Any]]:
    """Outlines around the cells of each place, coarse where the grid is large, without gaps between neighbours."""
    import shapely  # noqa: PLC0415 - the extra geo
    from pyproj import Transformer  # noqa: PLC0415
    from rasterio.features import shapes  # noqa: PLC0415
    from rasterio.transform import Affine  # noqa: PLC0415

    grid, places = book.grid, book.places()
    every = max(1, math.ceil(max(grid.shape) / TRACED_SIDE))
    rows = [places.source.read(Window(r, 0, 1, grid.width))[0, ::every] for r in range(0, grid.height, every)]
    cells = np.stack(rows).astype(np.int32)
    a, _, west, _, e, north = grid.transform
    transform = Affine(a * every, 0.0, west, 0.0, e * every, north)
    parts: dict[int, list[Any]] = {}
    for geometry, value in shapes(cells, mask=cells >= 0, transform=transform):
        parts.setdefault(int(value), []).append(shapely.geometry.shape(geometry))
    keys = sorted(parts)
    whole = [shapely.union_all(parts[k]) for k in keys]
    if not whole:
        return {}
    tolerance = (grid.bounds[2] - grid.bounds[0]) / SIMPLER
    turn = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    simpler = shapely.coverage_simplify(np.array(whole, object), tolerance)
    turned = shapely.transform(simpler, lambda p: np.round(np.column_stack(turn.transform(p[:, 0], p[:, 1])), 6))
    return {places.codes[k]: shapely.geometry.mapping(s) for k, s in zip(keys, turned, strict=True)}


def rings_of(geometry: Mapping[str, Any]) -> list[Sequence[Sequence[float]]]:
    """All rings of a GeoJSON polygon or multipolygon."""
    parts = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    return [ring for part in parts for ring in part]


def box_of(features: Iterable[Mapping[str, Any]]) -> Box | None:
    """West, south, east, north of some features in degrees."""
    points = [p for f in features for ring in rings_of(f["geometry"]) for p in ring]
    if not points:
        return None
    lon, lat = [p[0] for p in points], [p[1] for p in points]
    return min(lon), min(lat), max(lon), max(lat)
