"""GDAL's OAPIF driver, by pyogrio, opens the service unmodified; the rest of the core is asked for plainly."""

from __future__ import annotations

from typing import Any

import httpx
import pyogrio
import pytest
from pyogrio import raw


def get(server: str, path: str, status: int = 200) -> Any:
    answer = httpx.get(f"{server}/ogc{path}", timeout=20)
    assert answer.status_code == status, answer.text
    return answer.json()


def read(server: str, layer: str, **how: Any) -> tuple[list[str], list[Any]]:
    """Column names, and columns of a layer as GDAL reads it."""
    meta, _, geometry, fields = raw.read(f"OAPIF:{server}/ogc", layer=layer, **how)
    return list(meta["fields"]), [geometry, *fields]


def test_gdal_lists_the_layers(server: str) -> None:
    if "OAPIF" not in pyogrio.list_drivers():
        pytest.skip("this GDAL has no OAPIF driver")
    assert {row[0] for row in pyogrio.list_layers(f"OAPIF:{server}/ogc")} == {"air", "air-latest"}


def test_gdal_reads_sites_with_their_places(server: str) -> None:
    names, columns = read(server, "air")
    assert columns[1 + names.index("id")].tolist() == ["A1", "A2", "A3"]
    assert columns[0][0] is not None and columns[0][2] is None  # A3 has no coordinates


def test_gdal_reads_pages_to_the_end_and_a_box(server: str) -> None:
    assert pyogrio.read_info(f"OAPIF:{server}/ogc", layer="air")["geometry_type"] == "Point"
    assert len(read(server, "air", PAGE_SIZE="1")[1][0]) == 3
    names, columns = read(server, "air", bbox=(106.85, 26.4, 107.0, 26.6))
    assert columns[1 + names.index("id")].tolist() == ["A2"]


def test_gdal_reads_the_latest_readings(server: str) -> None:
    names, columns = read(server, "air-latest")
    table = {n: columns[1 + i].tolist() for i, n in enumerate(names)}
    assert dict(zip(table["series"], table["value"], strict=True)) == {
        "A1|air.pm25|1h": 29, "A2|air.so2|1h": 14.5, "A3|air.co|1h": 0.8,
    }  # fmt: skip


def test_the_latest_within_a_time(server: str) -> None:
    """Hour 9 of A1 is missing and hour 8 the last reading before it."""
    answer = get(server, "/collections/air-latest/items?datetime=../2020-03-01T09:30:00%2B08:00&site=A1")
    assert [f["properties"]["value"] for f in answer["features"]] == [8]


def test_the_landing_page_links_what_the_core_asks_for(server: str) -> None:
    links = {link["rel"]: link["href"] for link in get(server, "")["links"]}
    assert {"self", "service-desc", "conformance", "data"} <= set(links)
    assert all(httpx.get(href).status_code == 200 for href in links.values())
    assert "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core" in get(server, "/conformance")["conformsTo"]


def test_pages_follow_their_next_link(server: str) -> None:
    address, seen = f"{server}/ogc/collections/air/items?limit=2", []
    while address:
        answer = httpx.get(address).json()
        assert answer["numberMatched"] == 3 and answer["numberReturned"] == len(answer["features"]) <= 2
        seen += [f["properties"]["id"] for f in answer["features"]]
        address = next((link["href"] for link in answer["links"] if link["rel"] == "next"), "")
    assert seen == ["A1", "A2", "A3"]


def test_one_feature(server: str) -> None:
    assert get(server, "/collections/air/items/2")["geometry"]["coordinates"] == [106.9, 26.5]


@pytest.mark.parametrize(
    ("path", "status"),
    [("/collections/sea", 404), ("/collections/air/items/99", 404), ("/collections/air/items?bbox=1,2,3", 400),
     ("/collections/air/items?limit=0", 400), ("/collections/air/items?limit=-1", 400), ("/collections/air/items?colour=red", 400),
     ("/collections/air/items?datetime=yesterday", 400), ("/collections/air/items?bbox=nan,0,1,1", 400)],
)  # fmt: skip
def test_what_cannot_be_answered_says_so(server: str, path: str, status: int) -> None:
    assert get(server, path, status)["detail_zh"]
