"""Cataloguing a raster: what is written, what is refused, what the verb says."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from qingshan.core.canonical import file_digest
from qingshan.core.errors import ZoneError
from qingshan.faces.cli import main
from qingshan.zone.raster.add import CannotAdd, add_raster

from .conftest import Ground, ramp
from .test_cubes import cube

W, N = 500000.0, 3300000.0
ENTRY = {"id": "dem", "quantity": "terrain.elevation", "unit": "m", "period": "static"}


def config(ground: Ground) -> dict[str, Any]:
    return tomllib.loads(ground.text)


def test_entry_at_the_end_and_comments_kept(standard):
    path = standard.write("dem", ramp(40, 50), W, N)
    before = standard.text
    added = add_raster(standard.folder, str(path), ENTRY | {"title": '"高程" \\ 1', "licence": "CC0"})
    assert added.written
    assert standard.text.startswith(before)
    (entry,) = config(standard)["raster"]
    assert entry == {**ENTRY, "title": '"高程" \\ 1', "licence": "CC0", "path": "dem.tif", "sha256": file_digest(path)}
    assert np.array_equal(
        standard.book.layer("terrain.elevation", "2020").source.read(standard.book.grid.whole), ramp(40, 50)
    )


def test_a_file_outside_is_named_by_its_path_unless_copied(standard, tmp_path):
    path = standard.write("dem", ramp(40, 50), W, N)
    outside = tmp_path / "elsewhere.tif"
    path.rename(outside)
    add_raster(standard.folder, str(outside), ENTRY)
    add_raster(standard.folder, str(outside), ENTRY | {"id": "dem2", "period": "2020"}, copy=True)
    first, second = config(standard)["raster"]
    assert first["path"] == str(outside)
    assert second["path"] == "rasters/dem2.tif"
    assert file_digest(standard.folder / second["path"]) == first["sha256"] == second["sha256"]


def test_an_error_keeps_it_out(standard):
    path = standard.write("dem", np.full((40, 50), np.nan, "float32"), W, N)
    before = standard.text
    added = add_raster(standard.folder, str(path), ENTRY, copy=True)
    assert not added.written
    assert "raster_all_nodata" in {f.code for f in added.findings}
    assert standard.text == before
    assert not (standard.folder / "rasters").exists()


@pytest.mark.parametrize(
    ("change", "why"),
    [({"id": "rain"}, "is taken"), ({"quantity": "q.a", "period": "2020"}, "catalogued as 'rain'"), ({"id": "My DEM"}, "plain word")],
)  # fmt: skip
def test_taken_ids_and_figures(standard, change, why):
    standard.write("rain", ramp(40, 50), W, N)
    path = standard.write("dem", ramp(40, 50), W, N)
    standard.raster("rain", "q.a", "mm")
    before = standard.text
    with pytest.raises(CannotAdd, match=why):
        add_raster(standard.folder, str(path), ENTRY | change)
    assert standard.text == before


def test_built_in_zones_are_not_written_to(standard):
    path = standard.write("dem", ramp(40, 50), W, N)
    with pytest.raises(CannotAdd, match="built-in"):
        add_raster("guizhou", str(path), ENTRY)


def test_a_zone_without_grid(ground):
    with pytest.raises(ZoneError, match=r"no \[grid\]"):
        add_raster(ground.folder, "dem.tif", ENTRY)


def test_rasters_written_in_line_are_left_alone(standard):
    path = standard.write("dem", ramp(40, 50), W, N)
    standard.text = "raster = []\n" + standard.text
    before = standard.text
    with pytest.raises(CannotAdd, match="cannot be added to"):
        add_raster(standard.folder, str(path), ENTRY)
    assert standard.text == before


def test_line_ends_and_byte_order_mark_are_kept(standard):
    path = standard.write("dem", ramp(40, 50), W, N)
    file = standard.folder / "zone.toml"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n").rstrip())
    assert add_raster(standard.folder, str(path), ENTRY).written
    raw = file.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.count(b"\n") == raw.count(b"\r\n")


def test_land_cover_is_told_its_strange_codes(standard):
    """77 is no code of WorldCover; one cell is 0.0009 km2."""
    values = np.full((40, 50), 10, "uint8")
    values[0, 0] = 77
    path = standard.write("cover", values, W, N, nodata=0)
    standard.add('[landcover]\nquantity = "land.cover"\nmapping = "esa_worldcover"')
    added = add_raster(
        standard.folder, str(path), {"id": "c", "quantity": "land.cover", "unit": "class", "period": "2020"}
    )
    assert added.written
    assert [f.level for f in added.findings if f.code == "class_without_row"] == ["warning"]


# --- the verb


def call(ground: Ground, file: Path | str, *more: str) -> int:
    return main(["zone", "add-raster", str(file), "--zone", str(ground.folder), "--id", "dem", "--quantity", "terrain.elevation",
                 "--unit", "m", "--period", "static", *more])  # fmt: skip


def test_verb_as_json(standard, capsys):
    path = standard.write("dem", ramp(120, 150), W, N, 10.0)
    assert call(standard, path, "--resampling", "average", "--scale", "0.1", "--nodata", "-9999", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["written"]
    assert (said["entry"]["scale"], said["entry"]["nodata"]) == (0.1, -9999.0)
    assert "raster_resampled" in {f["code"] for f in said["findings"]}
    assert config(standard)["raster"][0]["resampling"] == "average"


def test_verb_in_both_languages(standard, capsys):
    path = standard.write("dem", ramp(120, 150), W, N, 10.0)
    assert call(standard, path) == 1
    assert "not catalogued: 1 error" in capsys.readouterr().out
    assert call(standard, path, "--lang", "zh") == 1
    assert "未登记：1 个错误" in capsys.readouterr().out
    assert call(standard, path, "--lang", "zh", "--resampling", "bilinear") == 0
    assert "已登记 dem" in capsys.readouterr().out


@pytest.mark.parametrize(("file", "exit"), [("absent.tif", 1), ("zone.toml", 1)])
def test_verb_with_a_file_that_is_none(standard, capsys, file, exit):
    before = standard.text
    assert call(standard, standard.folder / file) == exit
    assert "raster" in capsys.readouterr().out
    assert standard.text == before


def test_verb_with_a_number_that_is_none(standard, capsys):
    assert call(standard, "dem.tif", "--scale", "ten") == 2
    assert "not a number" in capsys.readouterr().err


def test_check_after_adding(standard, capsys):
    with rasterio.Env():
        path = standard.write("dem", ramp(40, 50), W, N, nodata=-9999)
    assert call(standard, path, "--licence", "CC0", "--title", "DEM") == 0
    capsys.readouterr()
    main(["check", str(standard.folder), "--json"])
    found = [f["code"] for f in json.loads(capsys.readouterr().out) if "dem" in f["en"]]
    assert found == []


def test_check_after_adding_a_zarr_folder(standard, capsys):
    """A folder is there, has the hash it was catalogued with, and is seen to change."""
    store = standard.folder / "dem.zarr"
    cube(ramp(40, 50)).to_zarr(store, zarr_format=2, consolidated=False)
    assert call(standard, store, "--variable", "rain", "--licence", "CC0", "--title", "DEM") == 0
    capsys.readouterr()

    def told():
        main(["check", str(standard.folder), "--json"])
        return [f["code"] for f in json.loads(capsys.readouterr().out) if "dem.zarr" in f["en"] + f.get("file", "")]

    assert told() == []
    (store / "more").write_text("changed")
    assert "changed_file" in told()
