"""A Zarr store at an address: the same layer as from the folder itself, pinned, kept, and nothing that runs code."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import xarray as xr

from qingshan.faces.cli import main
from qingshan.zone.raster.cache import Cache, ChecksumMismatch, FetchFailed, NotCached
from qingshan.zone.raster.stored import CannotRead, look
from qingshan.zone.raster.zarr_fetch import fetch_store, is_store

from .conftest import UTM, Ground, ramp
from .test_cubes import N, W, cube

STORES = [(2, True), (2, False), (3, True), (3, False)]


def put(server, version: int = 2, consolidated: bool = True, data: xr.Dataset | None = None) -> str:
    """A store of 40 x 50 cells in chunks of 16 x 20, served; its address."""
    data = cube(ramp(40, 50)) if data is None else data
    data.chunk({"y": 16, "x": 20}).to_zarr(server.folder / "rain.zarr", zarr_format=version, consolidated=consolidated)
    return f"{server.url}/files/rain.zarr"


def cells(path) -> np.ndarray:
    stored = look(str(path), variable="rain")
    assert stored.driver == "Zarr"
    return stored.read(stored.whole)


@pytest.mark.parametrize(("version", "consolidated"), STORES)
def test_a_served_store_is_the_same_as_its_folder(server, cache, version, consolidated):
    url = put(server, version, consolidated)
    kept = fetch_store(url, "rain", cache=cache)
    near, far = look(str(server.folder / "rain.zarr"), variable="rain"), look(str(kept.path), variable="rain")
    assert (far.transform, far.crs, far.dtype, str(far.nodata)) == (
        near.transform,
        near.crs,
        near.dtype,
        str(near.nodata),
    )
    assert np.array_equal(cells(kept.path), ramp(40, 50))
    again = Cache(cache.folder.with_name("other"), offline=False, retries=0, timeout=5)
    assert fetch_store(url, "rain", cache=again).sha256 == kept.sha256  # no clock and no order in it
    assert fetch_store(url, "rain", kept.sha256, Cache(cache.folder, offline=True)).path == kept.path
    with pytest.raises(NotCached):
        fetch_store(url, "snow", cache=Cache(cache.folder, offline=True))


def test_a_store_is_catalogued_and_read_by_the_grid(server, home, capsys):
    url = put(server)
    land = Ground(home / "ground").grid(UTM, W, N, 30.0, 40, 50)
    call = [
        "zone",
        "add-raster",
        url,
        "--zone",
        str(land.folder),
        "--id",
        "rain",
        "--quantity",
        "q.a",
        "--unit",
        "mm",
        "--period",
        "2020",
    ]
    assert main([*call, "--variable", "rain"]) == 0, capsys.readouterr()
    shutil.rmtree(server.folder / "rain.zarr")  # what is catalogued is here
    assert np.array_equal(land.book.layer("q.a", "2020").source.read(land.book.grid.whole), ramp(40, 50))


def test_a_chunk_that_is_not_there_is_the_fill_value_and_a_fault_is_none(server, cache):
    url = put(server, data=cube(ramp(40, 50).astype("f4")))
    (server.folder / "rain.zarr/rain/1.2").unlink()  # rows 16-31, columns 40-49
    server.failing["/files/rain.zarr/rain/0.0"] = 2
    wanted = ramp(40, 50).astype("f4")
    wanted[16:32, 40:] = np.nan
    assert np.array_equal(cells(fetch_store(url, "rain", cache=cache).path), wanted, equal_nan=True)
    server.failing["/files/rain.zarr/rain/0.0"] = 99
    with pytest.raises(FetchFailed, match="HTTP 503"):
        fetch_store(
            url, "rain", cache=Cache(cache.folder.with_name("other"), offline=False, retries=1, wait=0.01, timeout=5)
        )
    assert not list(cache.folder.with_name("other").rglob("*.zip"))


def test_another_store_than_declared_is_not_kept(server, cache):
    url = put(server)
    with pytest.raises(ChecksumMismatch):
        fetch_store(url, "rain", "0" * 64, cache)
    assert not list(cache.folder.rglob("*.zip"))


@pytest.mark.parametrize(("version", "consolidated"), STORES)
def test_the_field_may_be_left_out_where_the_store_tells_its_only_one(server, cache, version, consolidated):
    url = put(server, version, consolidated)
    if consolidated:
        assert np.array_equal(cells(fetch_store(url, cache=cache).path), ramp(40, 50))
    else:
        with pytest.raises(CannotRead, match="the field must be named"):
            fetch_store(url, cache=cache)


@pytest.mark.parametrize("name", ["snow", "../other", ".zgroup", "rain/x"])
def test_a_field_that_is_not_there_is_named(server, cache, name):
    with pytest.raises(CannotRead, match="no field"):
        fetch_store(put(server), name, cache=cache)


def test_no_store_is_named(server, cache):
    with pytest.raises(CannotRead, match="there is no Zarr store") as told:
        fetch_store(f"{server.url}/files/none.zarr", "rain", cache=cache)
    assert "没有 Zarr 数据" in told.value.zh and told.value.fix


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("filters", [{"id": "pickle"}]),
        ("compressor", {"id": "pickle"}),
        ("dtype", "|O"),
        ("chunks", [0, 0]),
        ("chunks", None),
        ("shape", [10**9, 10**9]),
        ("chunks", [-1, -1]),
        ("shape", [-1, 50]),
        ("shape", 5),
        ("filters", 3),
    ],
)
def test_what_may_run_code_or_cannot_be_is_refused(server, cache, key, value):
    """A chunk of the codec `pickle` runs what is in it when it is read."""
    url = put(server, consolidated=False)
    path = server.folder / "rain.zarr/rain/.zarray"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(CannotRead, match=r"not read of an address|cannot be read|more than"):
        fetch_store(url, "rain", cache=cache)
    assert not list(cache.folder.rglob("*.zip"))


@pytest.mark.parametrize(
    ("version", "key", "value"),
    [(2, ".zmetadata", {"metadata": [1]}), (2, ".zmetadata", 5), (2, ".zmetadata", {"metadata": {"rain/.zarray": 5}}),
     (3, "zarr.json", {"consolidated_metadata": "x"}), (3, "zarr.json", {"consolidated_metadata": {"metadata": [1]}}),
     (3, "rain/zarr.json", 5), (3, "rain/zarr.json", {"data_type": ["x"]}), (3, "rain/zarr.json", {"data_type": "float32", "dimension_names": 5})],
)  # fmt: skip
def test_metadata_of_another_shape_are_one_clear_error(server, cache, version, key, value):
    url = put(server, version, consolidated=key == ".zmetadata")
    (server.folder / "rain.zarr" / key).write_text(json.dumps(value))
    with pytest.raises(CannotRead) as told:
        fetch_store(url, "rain", cache=cache)
    assert told.value.fix and told.value.zh != told.value.en
    assert not list(cache.folder.rglob("*.zip"))


def test_an_address_is_a_store_by_its_ending():
    assert is_store("https://a.org/x/rain.zarr") and is_store("https://a.org/rain.zarr/?t=1")
    assert not is_store("https://a.org/rain.zarr/a.tif") and not is_store("https://a.org/zarr")
