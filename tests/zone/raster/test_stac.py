"""Rasters from the network: STAC search, mosaics, retries, checksums, the offline cache, pinned addresses."""

from __future__ import annotations

import json
import socket
from dataclasses import replace

import numpy as np
import pytest
import rasterio

from qingshan.core.errors import DeclarationError, UnknownName
from qingshan.faces.cli import main
from qingshan.zone.raster.add import add_raster
from qingshan.zone.raster.cache import Cache, ChecksumMismatch, CorruptCache, FetchFailed, NotCached, plain_url
from qingshan.zone.raster.grid import Window
from qingshan.zone.raster.remote import open_remote, pin
from qingshan.zone.raster.stac import NothingFound, fetch_layer
from qingshan.zone.raster.stac_preset import find_preset, presets

from .conftest import UTM, Ground, ramp
from .stac_ground import GRID, N, W, halves, kept, offline, preset, tile

# --- a layer


def test_mosaic_of_two_items(server, cache):
    values = halves(server)
    layer = fetch_layer(preset(server), GRID, "2020", cache)
    assert np.array_equal(layer.source.read(GRID.whole), values)
    assert layer.entry["items"] == ["east", "west"]
    assert layer.entry["licence"] == "CC0"
    assert layer.findings == []


def test_the_soil_preset_reads_percent_and_leaves_nodata_out(server, cache):
    """OpenLandMap's own names on a catalogue of the same shape: uint8 percent, NoData of the file (255), a value over 100 is none."""
    known = find_preset("openlandmap-clay")
    values = np.full((40, 50), 31, np.uint8)
    values[0, 0], values[0, 1], values[0, 2] = 255, 120, 100
    tile(server, "soil", values, W, nodata=255, collection=known.collection, when="2020-01-01T00:00:00Z")
    server.items[-1]["assets"] = {known.assets[0]: server.items[-1]["assets"].pop("map")}
    layer = fetch_layer(replace(known, catalogue=f"{server.url}/static/catalog.json"), GRID, "", cache)
    read = layer.source.read(Window(0, 0, 40, 50))
    assert np.isnan(read[0, :2]).all() and read[0, 2] == 100 and (read[1:] == 31).all()
    assert (layer.entry["unit"], layer.entry["quantity"], layer.entry["licence"]) == ("%", "soil.clay", "CC-BY-4.0")


def test_pages_are_followed(server, cache):
    server.page = 1
    values = halves(server)
    assert np.array_equal(fetch_layer(preset(server), GRID, "2020", cache).source.read(GRID.whole), values)
    assert server.asked["/search"] == 2


def test_classes_keep_their_codes(server, cache):
    values = np.full((40, 25), 40, "uint8")
    values[0] = 0
    tile(server, "west", values, W, nodata=0)
    layer = fetch_layer(preset(server, unit="class", type="uint8", nodata=0, resampling="mode"), GRID, "2020", cache)
    cells = layer.source.read(GRID.whole)
    assert (cells.dtype, layer.source.nodata) == (np.uint8, 0)
    assert (cells[1:, :25] == 40).all()
    assert (cells[:, 25:] == 0).all()
    (gap,) = [f for f in layer.findings if f.code == "layer_gaps"]
    assert "1025 of 2000 cells" in gap.en  # 25 of the first row and 40 * 25 of the east


def test_largest_of_several_dates(server, cache):
    for day, values in (("01", [[1, 9]]), ("17", [[5, 2]])):
        tile(
            server,
            f"d{day}",
            np.array(values, "float32").repeat(40, 0).repeat(25, 1),
            W,
            when=f"2020-06-{day}T00:00:00Z",
        )
    cells = fetch_layer(preset(server, composite="max"), GRID, "2020-06", cache).source.read(GRID.whole)
    assert (cells[0, 0], cells[0, 49]) == (5, 9)


def test_scale_and_valid_range(server, cache):
    values = np.full((40, 50), 5000, "int16")
    values[0, 0], values[0, 1] = -3000, 20000
    tile(server, "d", values, W, nodata=-3000)
    made = preset(server, type="int16", nodata=-3000, valid=[-2000, 10000], scale=0.0001)
    cells = fetch_layer(made, GRID, "2020", cache).source.read(GRID.whole)
    assert np.isnan(cells[0, :2]).all()
    assert cells[5, 5] == pytest.approx(0.5)


def test_an_item_that_starts_in_another_year_does_not_count(server, cache):
    halves(server, when="2019-12-31T00:00:00Z")
    with pytest.raises(NothingFound, match="2 items touch"):
        fetch_layer(preset(server), GRID, "2020", cache)


# --- faults of the network


def test_busy_server_is_asked_again(server, cache):
    values = halves(server)
    server.failing |= {"/": 1, "/search": 2, "/files/west.tif": 2}
    layer = fetch_layer(preset(server), GRID, "2020", cache, whole=True)
    assert np.array_equal(layer.source.read(GRID.whole), values)
    assert server.asked["/search"] == 3


def test_ranges_are_asked_again(server, cache):
    values = halves(server)
    server.failing["/files/west.tif"] = 1
    assert np.array_equal(fetch_layer(preset(server), GRID, "2020", cache).source.read(GRID.whole), values)


def test_a_server_that_stays_busy(server, cache):
    halves(server)
    server.failing["/files/west.tif"] = 1000
    with pytest.raises(FetchFailed, match="HTTP 503"):
        fetch_layer(preset(server), GRID, "2020", cache, whole=True)
    server.failing["/search"] = 1000
    with pytest.raises(FetchFailed):
        fetch_layer(preset(server), GRID, "2021", cache)


def test_no_server(cache):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(FetchFailed):
        Cache(cache.folder, offline=False, retries=0, wait=0.01, timeout=2).fetch(f"http://127.0.0.1:{port}/a.tif")


def test_a_body_that_ends_early_is_not_kept(server, cache):
    halves(server)
    server.cut.add("/files/west.tif")
    with pytest.raises(FetchFailed, match="4 tries"):
        cache.fetch(f"{server.url}/files/west.tif")
    assert kept(cache) == []


def test_a_range_body_that_ends_early(server, cache):
    halves(server)
    server.cut |= {"/files/west.tif", "/files/east.tif"}
    with pytest.raises(FetchFailed):
        fetch_layer(preset(server), GRID, "2020", cache)


def test_absent_file_is_not_asked_twice(server, cache):
    with pytest.raises(FetchFailed, match="HTTP 404"):
        cache.fetch(f"{server.url}/files/none.tif")
    assert server.asked["/files/none.tif"] == 1


def test_large_files_come_in_pieces(server, cache):
    raw = np.random.default_rng(1).bytes(9 << 20)
    (server.folder / "big.tif").write_bytes(raw)
    assert cache.fetch(f"{server.url}/files/big.tif").path.read_bytes() == raw
    assert len(server.ranges["/files/big.tif"]) == 2


def test_a_file_over_the_limit(server, cache):
    (server.folder / "big.tif").write_bytes(bytes(10_000))
    with pytest.raises(FetchFailed, match="more than the limit"):
        Cache(cache.folder, offline=False, retries=0, largest=9_999).fetch(f"{server.url}/files/big.tif")


# --- checksums


def test_checksum_of_the_item_is_held(server, cache):
    halves(server, sum=True)
    layer = fetch_layer(preset(server), GRID, "2020", cache, whole=True)
    assert len(layer.entry["assets_sha256"]) == 2


def test_wrong_checksum_keeps_nothing(server, cache):
    halves(server)
    for item in server.items:
        item["assets"]["map"]["file:checksum"] = "1220" + "0" * 64
    with pytest.raises(ChecksumMismatch, match="declared is 0000"):
        fetch_layer(preset(server), GRID, "2020", cache, whole=True)
    assert not any(p.suffix == ".tif" for p in kept(cache))


def test_ranges_cannot_hold_a_checksum_and_say_so(server, cache):
    halves(server, sum=True)
    layer = fetch_layer(preset(server), GRID, "2020", cache)
    assert [f.code for f in layer.findings] == ["checksum_not_verified"]


def test_unknown_kind_of_checksum(server, cache):
    halves(server)
    with pytest.raises(ChecksumMismatch, match="not known here"):
        cache.fetch(f"{server.url}/files/west.tif", checksum="ff20" + "0" * 64)


# --- offline


@pytest.mark.parametrize("whole", [False, True])
def test_offline_replay_gives_the_same_bytes(server, cache, whole):
    halves(server)
    first = fetch_layer(preset(server), GRID, "2020", cache, whole=whole)
    asked = server.asked.total()
    again = fetch_layer(preset(server), GRID, "2020", offline(cache), whole=whole)
    assert again.entry == first.entry
    assert again.source.path.read_bytes() == first.source.path.read_bytes()
    assert server.asked.total() == asked


def test_the_same_cells_make_the_same_file(server, cache, tmp_path):
    halves(server)
    other = Cache(tmp_path / "other", offline=False)
    assert (
        fetch_layer(preset(server), GRID, "2020", cache).entry["sha256"]
        == fetch_layer(preset(server), GRID, "2020", other).entry["sha256"]
    )


def test_offline_without_the_answer(server, cache):
    with pytest.raises(NotCached, match="offline"):
        fetch_layer(preset(server), GRID, "2020", offline(cache))
    with pytest.raises(NotCached):
        offline(cache).fetch(f"{server.url}/files/west.tif")


def test_offline_by_environment(monkeypatch):
    monkeypatch.setenv("QINGSHAN_OFFLINE", "1")
    assert Cache().offline


def test_changed_cache_file(server, cache):
    halves(server)
    layer = fetch_layer(preset(server), GRID, "2020", cache)
    layer.source.path.write_bytes(b"spoilt")
    with pytest.raises(CorruptCache, match="was changed"):
        fetch_layer(preset(server), GRID, "2020", offline(cache))
    assert np.array_equal(fetch_layer(preset(server), GRID, "2020", cache).source.read(GRID.whole), ramp(40, 50))


def test_lost_cache_file(server, cache):
    halves(server)
    cache.fetch(f"{server.url}/files/west.tif").path.unlink()
    with pytest.raises(CorruptCache, match="is gone"):
        offline(cache).fetch(f"{server.url}/files/west.tif")
    assert cache.fetch(f"{server.url}/files/west.tif").path.is_file()


def test_refresh_sees_new_items(server, cache):
    values = ramp(40, 50)
    tile(server, "west", values[:, :25], W)
    assert len(fetch_layer(preset(server), GRID, "2020", cache).entry["items"]) == 1
    tile(server, "east", values[:, 25:], W + 750)
    assert len(fetch_layer(preset(server), GRID, "2020", cache).entry["items"]) == 1
    assert len(fetch_layer(preset(server), GRID, "2020", cache, refresh=True).entry["items"]) == 2


# --- addresses and tokens


def test_a_pinned_address(server, cache):
    halves(server)
    url = f"{server.url}/files/west.tif"
    sha = pin(url, cache=cache).sha256
    tile(server, "west", ramp(40, 25) + 1, W)
    assert pin(url, sha, cache).sha256 == sha  # still what was pinned, from the cache
    with pytest.raises(ChecksumMismatch):
        pin(url, sha, Cache(cache.folder / "other", offline=False))


def test_reading_by_ranges_takes_a_part(server, cache):
    values = np.random.default_rng(1).integers(0, 60000, (1500, 1500)).astype("uint16")
    tile(server, "large", values, W)
    with open_remote(f"{server.url}/files/large.tif", cache) as file:
        part = file.read(1, window=rasterio.windows.Window(600, 700, 20, 10))
    assert np.array_equal(part, values[700:710, 600:620])
    taken = 0
    for asked in server.ranges["/files/large.tif"]:
        first, last = asked.removeprefix("bytes=").split("-")
        taken += int(last) - int(first) + 1
    assert taken < (server.folder / "large.tif").stat().st_size / 2


def test_tokens_are_sent_and_not_kept(server, cache):
    halves(server)
    layer = fetch_layer(preset(server), GRID, "2020", cache, whole=True, sign=lambda url: f"{url}?sig=secret")
    assert "sig=secret" in server.queries
    text = " ".join(p.read_text(encoding="utf-8") for p in kept(cache) if p.suffix == ".json")
    assert "secret" not in text
    assert "secret" not in str(layer.entry)
    assert plain_url("https://user:pw@host:1/a.tif?sig=secret") == "https://host:1/a.tif"


def test_an_address_in_the_catalogue(server, home):
    halves(server)
    ground = Ground(home / "ground").grid(UTM, W, N, 30.0, 40, 25)
    added = add_raster(ground.folder, f"{server.url}/files/west.tif",
                       {"id": "west", "quantity": "q.a", "unit": "m", "period": "2020"})  # fmt: skip
    assert added.written
    assert added.entry["url"].endswith("west.tif")
    book = ground.book
    assert np.array_equal(book.layer("q.a", "2020").source.read(Window(0, 0, 40, 25)), ramp(40, 50)[:, :25])
    assert "unpinned_url" not in {f.code for f in book.findings()}
    ground.text = "\n".join(line for line in ground.text.splitlines() if not line.startswith("sha256"))
    assert "unpinned_url" in {f.code for f in ground.book.findings()}


def test_an_address_read_by_ranges(server, home, monkeypatch):
    """`keep = false`: nothing is fetched whole, a busy server is asked again, the hash is not held and the finding says so."""
    halves(server)
    ground = Ground(home / "ground").grid(UTM, W, N, 30.0, 40, 25)
    ground.raster("west", "q.a", "m", path=f"{server.url}/files/west.tif", more="keep = false\nsha256 = 'ab'")
    server.failing["/files/west.tif"] = 1
    book = ground.book
    assert np.array_equal(book.layer("q.a", "2020").source.read(book.grid.whole), ramp(40, 50)[:, :25])
    assert "hash_not_held" in {f.code for f in book.findings()}
    monkeypatch.setenv("QINGSHAN_OFFLINE", "1")
    with pytest.raises(NotCached):
        ground.book.layer("q.a", "2020")


@pytest.mark.parametrize("id", ["", "forest"])
def test_fetch_verb(server, home, monkeypatch, capsys, id):
    """`zone fetch-raster` copies the layer into the zone and catalogues it."""
    values = halves(server)
    ground = Ground(home / "ground").grid(UTM, W, N, 30.0, 40, 50)
    monkeypatch.setattr("qingshan.zone.raster.stac_preset.presets", lambda: {"cover": preset(server)})
    more = ["--id", id] if id else []
    assert (
        main(["zone", "fetch-raster", "cover", "--zone", str(ground.folder), "--period", "2020", "--json", *more]) == 0
    )
    entry = json.loads(capsys.readouterr().out)["entry"]
    assert entry["path"] == f"rasters/{id or 'cover-2020'}.tif"
    book = ground.book
    assert np.array_equal(book.layer("q.cover", "2020").source.read(book.grid.whole), values)
    assert main(["zone", "fetch-raster", "cover", "--zone", str(ground.folder), "--period", "2020"]) == 1


# --- presets


def test_presets_are_sound():
    assert {"cop-dem-glo-30", "esa-worldcover", "modis-13Q1-061", "openlandmap-clay"} <= set(presets())
    for known in presets().values():
        assert known.source
        assert known.licence
    with pytest.raises(UnknownName, match="esa-worldcover"):
        find_preset("none")


ENTRY = (
    '[[preset]]\nid = "{}"\ntitle = "t"\ncatalogue = "http://localhost"\ncollection = "c"\nassets = ["map"]\nquantity = "q"\n'
    'unit = "mm"\ntype = "float32"\nresampling = "bilinear"\nlicence = "CC0-1.0"\nsource = "s"\n'
)


def test_presets_of_a_file_of_ones_own(tmp_path):
    """`FILE.toml` where it has one, else `FILE.toml:ID`."""
    file = tmp_path / "own.toml"
    file.write_text(ENTRY.format("rain"), encoding="utf-8")
    assert find_preset(str(file)).id == "rain"
    file.write_text(ENTRY.format("rain") + ENTRY.format("clay"), encoding="utf-8")
    assert find_preset(f"{file}:clay").id == "clay"
    for wrong in (str(file), f"{file}:sand"):
        with pytest.raises(UnknownName, match="rain, clay"):
            find_preset(wrong)
    for text in ("[preset]\n", "[[preset]]\nid = 1\n", "]"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(DeclarationError):
            find_preset(str(file))
    with pytest.raises(DeclarationError, match="No such file"):
        find_preset(str(tmp_path / "none.toml"))


FAULTY = {
    "no table": ('preset = ["x"]', "no table"),
    "type": (ENTRY.format("a").replace('"float32"', '"foo"'), "type = 'foo'"),
    "type is a list": (ENTRY.format("a").replace('"float32"', '["float32"]'), "type = "),
    "resampling": (ENTRY.format("a").replace('"bilinear"', '"zzz"'), "resampling = 'zzz'"),
    "nodata": (ENTRY.format("a") + 'nodata = "x"\n', "nodata = 'x'"),
    "id": (ENTRY.format("a").replace('id = "a"', 'id = ["a"]'), "id = "),
    "valid": (ENTRY.format("a") + "valid = [1]\n", "valid = "),
    "assets": (ENTRY.format("a").replace('["map"]', '"map"'), "assets = 'map'"),
    "shift": (ENTRY.format("a") + 'shift = { from = "04.00" }\n', "shift = "),
    "unknown key": (ENTRY.format("a") + "colour = 1\n", "unknown key 'colour'"),
    "absent": (ENTRY.format("a").replace('licence = "CC0-1.0"\n', ""), "lacks licence"),
    "twice": (ENTRY.format("a") * 2, "two presets have the id 'a'"),
    "wrong together": (ENTRY.format("a") + 'measure = "slope"\n', "measure"),
}


@pytest.mark.parametrize(("text", "says"), FAULTY.values(), ids=list(FAULTY))
def test_a_faulty_preset_of_ones_own_is_refused_when_it_is_read(tmp_path, text, says):
    file = tmp_path / "own.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DeclarationError) as told:
        find_preset(f"{file}:a")
    assert says in told.value.en and told.value.zh != told.value.en
    assert str(file) in told.value.where and told.value.fix


def test_a_file_of_ones_own_sends_no_other_secret(server, cache, tmp_path, monkeypatch):
    """The same preset: a variable of tokens is sent, any other name is refused before anything is asked."""
    halves(server)
    monkeypatch.setenv("QINGSHAN_LEDGER_KEY", "sig=ledger")
    monkeypatch.setenv("QINGSHAN_STAC_MINE", "sig=mine")
    text = (
        ENTRY.format("cover").replace("http://localhost", server.url).replace('"c"', '"cover"').replace('"mm"', '"1"')
    )
    file = tmp_path / "own.toml"
    for name in ("QINGSHAN_LEDGER_KEY", "QINGSHAN_PLANETARY_COMPUTER_TOKEN", "HOME"):
        file.write_text(text + f'token_env = "{name}"\n', encoding="utf-8")
        with pytest.raises(DeclarationError, match="QINGSHAN_STAC_"):
            fetch_layer(str(file), GRID, "2020", cache, whole=True)
    assert not server.queries
    file.write_text(text + 'token_env = "QINGSHAN_STAC_MINE"\n', encoding="utf-8")
    fetch_layer(str(file), GRID, "2020", cache, whole=True)
    assert "sig=mine" in server.queries and "sig=ledger" not in server.queries


@pytest.mark.parametrize(
    "spoil", [{"measure": "slope"}, {"composite": "median"}, {"assets": ["a", "b"]}, {"colour": 1}]
)
def test_faulty_presets(server, spoil):
    with pytest.raises(DeclarationError):
        preset(server, **spoil)
