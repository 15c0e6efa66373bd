"""What a catalogue answers: static catalogues, link by link, and answers that no catalogue may give."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from qingshan.zone.raster.cache import FetchFailed
from qingshan.zone.raster.grid import Window
from qingshan.zone.raster.stac import NothingFound, fetch_layer
from qingshan.zone.raster.stac_shape import is_web, sound_item

from .conftest import UTM, ramp
from .stac_ground import GRID, N, W, halves, kept, offline, preset, tile

# --- static catalogues


def test_a_static_catalogue_is_read(server, cache):
    """Links are followed to the collection and to its items; those elsewhere are left out; busy once; the answer is kept."""
    values = halves(server)
    server.item("far", [10.0, 10.0, 11.0, 11.0])
    server.failing["/static/cover/collection.json"] = 2
    known = preset(server, catalogue=f"{server.url}/static/catalog.json")
    layer = fetch_layer(known, GRID, "2020", cache)
    assert np.array_equal(layer.source.read(Window(0, 0, 40, 50)), values)
    assert sorted(layer.entry["items"]) == ["east", "west"] and layer.findings == []
    assert server.asked["/static/other/collection.json"] == 0  # the address that names the collection comes first
    assert fetch_layer(known, GRID, "2020", offline(cache)).source.sha256 == layer.source.sha256


def test_a_static_catalogue_without_the_collection(server, cache):
    halves(server)
    known = preset(server, catalogue=f"{server.url}/static/catalog.json", collection="rain")
    with pytest.raises(FetchFailed, match="links to no collection 'rain'"):
        fetch_layer(known, GRID, "2020", cache)
    assert server.asked["/static/other/collection.json"] == 1


def test_a_static_catalogue_of_too_many_items(server, cache, monkeypatch):
    """Nothing is left out silently: every item would have to be read to know where it lies."""
    halves(server)
    monkeypatch.setattr("qingshan.zone.raster.stac.MOST_ITEMS", 1)
    with pytest.raises(FetchFailed, match="2 links 'item', more than 1"):
        fetch_layer(preset(server, catalogue=f"{server.url}/static/cover/collection.json"), GRID, "2020", cache)
    assert server.asked["/static/cover/east.json"] == 0


def test_a_static_catalogue_of_too_many_collections(server, cache, monkeypatch):
    """`catalog.json` links to two collections, `other` and `cover`: none is opened."""
    halves(server)
    monkeypatch.setattr("qingshan.zone.raster.stac.MOST_ITEMS", 1)
    with pytest.raises(FetchFailed, match="2 links 'child', more than 1"):
        fetch_layer(preset(server, catalogue=f"{server.url}/static/catalog.json"), GRID, "2020", cache)
    assert set(server.asked) == {"/static/catalog.json"}


def test_catalogues_deeper_than_one_level_are_not_opened(server, cache):
    """top -> catalog -> collection: two levels; nothing of the second is asked for, and the error says what address to give."""
    halves(server)
    server.pages["/top.json"] = {"type": "Catalog", "links": [{"rel": "child", "href": "static/catalog.json"}]}
    with pytest.raises(FetchFailed, match="links to no collection 'cover'") as told:
        fetch_layer(preset(server, catalogue=f"{server.url}/top.json"), GRID, "2020", cache)
    assert "the collection's own file" in told.value.fix
    assert set(server.asked) == {"/top.json", "/static/catalog.json"}


def test_clouds_are_left_out_of_a_static_catalogue(server, cache):
    """As the query `lt` of an API does. Limit 20 %: 19 is below; 20 is not, nor is an item that does not tell, or tells it as text."""
    for name, cloud in (("clear", 19), ("edge", 20), ("cloudy", 99), ("text", "5"), ("silent", None)):
        tile(server, name, ramp(40, 50), W, **({} if cloud is None else {"eo:cloud_cover": cloud}))
    for limit, left in ((20, ["clear"]), (None, ["clear", "cloudy", "edge", "silent", "text"])):
        known = preset(server, catalogue=f"{server.url}/static/catalog.json", **({"max_cloud": limit} if limit else {}))
        assert sorted(fetch_layer(known, GRID, "2020", cache).entry["items"]) == left


# --- what may not be answered


AWAY = [
    *((href, static) for href in ("file://{}", "s3://bucket/a.tif", "https://{}", "zip+https://h/a.zip") for static in (False, True)),
    *((href, False) for href in ("{}", "/vsizip/{}", "a.tif")),  # relative: beside a static item these are addresses of its server
]  # fmt: skip


@pytest.mark.parametrize(("href", "static"), AWAY)
def test_a_catalogue_cannot_name_files_of_this_machine(server, cache, tmp_path, href, static):
    """An item that names a raster of ours, or anything that is not http(s): refused with its name, and no layer is made."""
    tile(server, "own", ramp(40, 50), W)
    ours = tmp_path / "secret.tif"
    (server.folder / "own.tif").replace(ours)
    server.items[0]["assets"]["map"]["href"] = href.format(ours)
    known = preset(server, catalogue=f"{server.url}/static/catalog.json") if static else preset(server)
    with pytest.raises(FetchFailed, match=r"asset 'map' of the item own is at .* not an http\(s\) address") as told:
        fetch_layer(known, GRID, "2020", cache)
    assert "own" in told.value.zh and "rewrite" in told.value.fix
    assert not [p for p in kept(cache) if p.suffix == ".tif"]


def test_a_path_of_a_static_item_is_one_of_its_server(server, cache, tmp_path):
    tile(server, "own", ramp(40, 50), W)
    ours = tmp_path / "secret.tif"
    (server.folder / "own.tif").replace(ours)
    server.items[0]["assets"]["map"]["href"] = str(ours)
    with pytest.raises(FetchFailed, match="HTTP response code: 404"):
        fetch_layer(preset(server, catalogue=f"{server.url}/static/catalog.json"), GRID, "2020", cache)
    assert server.asked[str(ours)]


@pytest.mark.parametrize("whole", [False, True])
def test_a_file_that_refers_to_another_is_not_read(server, cache, tmp_path, whole):
    """A VRT under the name of a TIFF, whose cells are those of a file of this machine: GDAL would read them."""
    tile(server, "own", ramp(40, 50), W)
    served, ours = server.folder / "own.tif", tmp_path / "secret.tif"
    served.replace(ours)
    served.write_text(
        f'<VRTDataset rasterXSize="50" rasterYSize="40"><SRS>{UTM}</SRS><GeoTransform>{W},30,0,{N},0,-30</GeoTransform>'
        f'<VRTRasterBand dataType="Float32" band="1"><SimpleSource><SourceFilename>{ours}</SourceFilename>'
        "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with rasterio.open(served) as told:
        assert np.array_equal(told.read(1), ramp(40, 50))  # what is kept from happening
    with pytest.raises(FetchFailed, match="cannot be read"):
        fetch_layer(preset(server), GRID, "2020", cache, whole=whole)


def test_an_asset_elsewhere_is_read_where_the_preset_says(server, cache):
    """`rewrite` comes before the address is looked at, as for the buckets of the presets that come with the package."""
    values = halves(server)
    for item in server.items:
        item["assets"]["map"]["href"] = item["assets"]["map"]["href"].replace(f"{server.url}/files/", "s3://bucket/")
    layer = fetch_layer(preset(server, rewrite=["s3://bucket/", f"{server.url}/files/"]), GRID, "2020", cache)
    assert np.array_equal(layer.source.read(GRID.whole), values)


ITEM = {"type": "Feature", "stac_version": "1.0.0", "id": "i", "bbox": None,
        "geometry": {"type": "Point", "coordinates": [111.0, 29.8]},
        "properties": {"datetime": "2020-01-01T00:00:00Z"}, "assets": {"map": {"href": "a.tif"}}}  # fmt: skip
BAD_ITEMS = {
    "list": [1],
    "no properties": {k: v for k, v in ITEM.items() if k != "properties"},
    "no id": ITEM | {"id": None},
    "bbox of text": ITEM | {"bbox": ["a", "b", "c", "d"]},
    "bbox of three": ITEM | {"bbox": [1, 2, 3]},
    "bbox without end": ITEM | {"bbox": [1, 2, 3, float("inf")]},
    "assets a list": ITEM | {"assets": []},
    "asset without href": ITEM | {"assets": {"map": {}}},
    "no type": {k: v for k, v in ITEM.items() if k != "type"},
    "no geometry": ITEM | {"geometry": None},
    "geometry of text": ITEM | {"geometry": {"type": "Polygon", "coordinates": "x"}},
    "geometry of nothing": ITEM | {"geometry": {"type": "Polygon", "coordinates": []}},
    "no time": ITEM | {"properties": {"datetime": "soon"}},
}


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("item", BAD_ITEMS.values(), ids=list(BAD_ITEMS))
def test_an_item_that_is_none_is_one_clear_error(server, cache, item, static):
    """What is sound but for one thing. Nothing is kept: the next question asks again."""
    assert sound_item(ITEM, server.url) == ITEM
    if static:
        server.pages["/c.json"] = {"type": "Collection", "id": "cover", "links": [{"rel": "item", "href": "i.json"}]}
        server.pages["/i.json"] = item
    else:
        server.pages["/search"] = {"type": "FeatureCollection", "features": [item], "links": []}
    known = preset(server, catalogue=f"{server.url}/c.json") if static else preset(server)
    with pytest.raises(FetchFailed, match="does not answer as STAC"):
        fetch_layer(known, GRID, "2020", cache)
    assert kept(cache) == []


BAD_PAGES = {
    "list": [1],
    "text": "a",
    "links of text": {"type": "Collection", "id": "cover", "links": ["a"]},
    "links no list": {"type": "Collection", "id": "cover", "links": {"rel": "item"}},
    "link without href": {"type": "Collection", "id": "cover", "links": [{"rel": "item"}]},
    "link of a number": {"type": "Catalog", "links": [{"rel": "child", "href": 1}]},
}


@pytest.mark.parametrize("page", BAD_PAGES.values(), ids=list(BAD_PAGES))
def test_a_page_that_is_none_is_one_clear_error(server, cache, page):
    server.pages |= {"/c.json": page, "/": page, "/search": page}
    for catalogue in (f"{server.url}/c.json", server.url):
        with pytest.raises(FetchFailed, match="does not answer as STAC"):
            fetch_layer(preset(server, catalogue=catalogue), GRID, "2020", cache)
    assert kept(cache) == []


def test_a_catalogue_that_is_no_address(server, cache, tmp_path):
    """A file of this machine is not even opened: that it is absent is not what is told."""
    with pytest.raises(FetchFailed, match="not an http"):
        fetch_layer(preset(server, catalogue=str(tmp_path / "catalog.json")), GRID, "2020", cache)


def test_an_address_that_is_no_catalogue(server, cache):
    """A page that is not JSON is one clear error."""
    (server.folder / "page.json").write_text("<!doctype html>", encoding="utf-8")
    with pytest.raises(FetchFailed, match="does not answer as STAC"):
        fetch_layer(preset(server, catalogue=f"{server.url}/files/page.json"), GRID, "2020", cache)


@pytest.mark.parametrize(
    ("address", "web"),
    [
        ("https://host/a.tif", True),
        ("http://127.0.0.1:80/a b.tif?c", True),
        (" https://host/a", False),
        ("http:/host", False),
        ("https:///etc/a.tif", False),
        ("http://[::1", False),
        ("file://host/a.tif", False),
        ("", False),
    ],
)
def test_addresses_of_the_web(address, web):
    assert is_web(address) == web


@pytest.mark.parametrize("static", [False, True])
@pytest.mark.parametrize("item", BAD_ITEMS.values(), ids=list(BAD_ITEMS))
def test_an_item_that_is_none_is_left_out_and_told(server, cache, item, static):
    """The well-formed items are used; what was left out is named with its reason, in both languages, offline too."""
    values = halves(server)
    if static:
        links = [{"rel": "item", "href": f"{i}.json"} for i in range(3)]
        server.pages |= {"/c.json": {"type": "Collection", "id": "cover", "links": links}, "/2.json": item}
        server.pages |= {f"/{i}.json": known for i, known in enumerate(server.items)}
        known = preset(server, catalogue=f"{server.url}/c.json")
    else:
        server.items.append(item)
        server.pages["/search"] = {"type": "FeatureCollection", "features": server.items, "links": []}
        known = preset(server)
    layer = fetch_layer(known, GRID, "2020", cache)
    assert np.array_equal(layer.source.read(GRID.whole), values)
    assert layer.entry["items"] == ["east", "west"]
    (found,) = (f for f in layer.findings if f.code == "stac_item_left_out")
    assert found.level == "warning"
    assert found.en.endswith("it is left out.") and found.zh.endswith("未使用。")
    if isinstance(item, dict) and item["id"]:
        assert found.field == "i" and "'i'" in found.en and "'i'" in found.zh
    assert [f.record() for f in fetch_layer(known, GRID, "2020", offline(cache)).findings] == [
        f.record() for f in layer.findings
    ]


def test_many_items_that_are_none_are_counted(server, cache):
    halves(server)
    server.pages["/search"] = {"type": "FeatureCollection", "features": [*server.items, *[[1]] * 25], "links": []}
    told = [f for f in fetch_layer(preset(server), GRID, "2020", cache).findings if f.code == "stac_item_left_out"]
    assert len(told) == 21 and told[-1].en.startswith("5 more items")


def test_only_items_of_another_year_and_one_that_is_none(server, cache):
    halves(server, when="2019-06-01T00:00:00Z")
    server.pages["/search"] = {"type": "FeatureCollection", "features": [*server.items, [1]], "links": []}
    with pytest.raises(NothingFound, match="1 more are no items of STAC"):
        fetch_layer(preset(server), GRID, "2020", cache)
