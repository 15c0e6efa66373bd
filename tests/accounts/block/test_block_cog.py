"""Rasters that a run writes: valid cloud-optimised GeoTIFFs, the cells and overviews that they must hold, nothing else."""

import dataclasses
import struct
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from qingshan.accounts.block.cog import cog_faults, write_cog
from qingshan.accounts.block.pyramid import Pieces, halved
from qingshan.accounts.block.tiff import OFFSETS, Tag, directories, file_head
from qingshan.core.errors import DeclarationError
from qingshan.zone.raster.grid import Grid, Window
from qingshan.zone.raster.source import ArraySource

from .conftest import case, folder_of, seeded, square


def cells(path: Path, level: int | None = None) -> Any:
    with rasterio.open(path, **({} if level is None else {"overview_level": level})) as f:
        return f.read(1)


def written(values: np.ndarray, path: Path, **more: Any) -> Path:
    grid = square(*values.shape)
    return write_cog(ArraySource(values, more.get("nodata")), grid, path, **{"nodata": None} | more)


def gdal_says(path: Path) -> Mapping[str, str]:
    with rasterio.open(path) as f:
        return f.tags(ns="IMAGE_STRUCTURE")


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (511, 513), (512, 512), (1025, 2049), (2300, 1100)])
def test_every_size_is_a_valid_cog_with_its_cells(shape: tuple[int, int], tmp_path: Path) -> None:
    values = np.random.default_rng(1).random(shape).astype(np.float32)
    path = written(values, tmp_path / "a.tif", unit="mm", title="rain", tags={"SOURCE": "drawn"})
    assert cog_faults(path) == [] and faults_by_the_layout(path) == []
    assert gdal_says(path)["LAYOUT"] == "COG"  # GDAL's own reader recognises the layout and its leaders
    assert np.array_equal(cells(path), values)
    with rasterio.open(path) as f:
        assert (f.crs.to_epsg(), f.transform.a, f.transform.c, f.transform.f) == (32648, 10.0, 500000.0, 3000000.0)
        assert (f.units, f.descriptions, f.tags()["SOURCE"], f.nodata) == (("mm",), ("rain",), "drawn", None)
        wanted, size = [], 1
        while max(-(-n // size) for n in shape) > 512:
            size *= 2
            wanted.append(size)
        assert f.overviews(1) == wanted
    assert folder_of(tmp_path) == ["a.tif"]


def test_overviews_are_means_of_the_cells_that_are_data(tmp_path: Path) -> None:
    values = np.full((1200, 1200), 4.0, np.float32)
    values[0, :2], values[1, :2] = (1.0, -9999.0), (3.0, -9999.0)
    values[2:4, :2] = -9999.0
    path = written(values, tmp_path / "a.tif", nodata=-9999.0)
    first, second = cells(path, 0), cells(path, 1)
    assert first[0, 0] == 2.0  # (1 + 3) / 2
    assert first[1, 0] == -9999.0  # no data below it
    assert second[0, 0] == pytest.approx((2 + 4 + 4) / 3)  # of 2, NoData, 4, 4
    assert second.shape == (300, 300)


def test_classes_are_thinned_not_mixed(tmp_path: Path) -> None:
    values = np.random.default_rng(2).integers(0, 9, (1400, 900)).astype(np.uint8)
    path = written(values, tmp_path / "a.tif", nodata=255, nearest=True)
    assert np.array_equal(cells(path), values)
    assert np.array_equal(cells(path, 0), values[::2, ::2]) and np.array_equal(cells(path, 1), values[::4, ::4])


@pytest.mark.parametrize("kind", ["uint8", "int16", "int32", "float64"])
def test_types(kind: str, tmp_path: Path) -> None:
    values = (np.arange(600 * 600) % 251).reshape(600, 600).astype(kind)
    path = written(values, tmp_path / "a.tif", nodata=250)
    assert np.array_equal(cells(path), values) and cells(path).dtype == kind
    assert cog_faults(path) == []


def test_whole_numbers_are_rounded_half_to_even() -> None:
    assert halved(np.array([[1, 2], [1, 2]], np.int16), None, False).tolist() == [[2]]  # 1.5
    assert halved(np.array([[2, 3], [2, 3]], np.int16), None, False).tolist() == [[2]]  # 2.5


def test_threads_and_blocks_change_no_byte(tmp_path: Path) -> None:
    values = np.random.default_rng(5).random((2100, 1900)).astype(np.float32)
    one, two = (written(values, tmp_path / f"{n}.tif", threads=n) for n in (1, 3))
    assert one.read_bytes() == two.read_bytes()
    done = seeded(2100, 1900)
    for name, block in (("a", (1024, 1024)), ("b", (1024, 1900)), ("c", (2100, 1900))):
        done.run(writes={"left": tmp_path / f"{name}.tif"}, block=block, scheduler="threads", workers=2)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes() == (tmp_path / "c.tif").read_bytes()


def test_a_step_and_a_layer_as_rasters(tmp_path: Path) -> None:
    """Values stand where the step has one, also outside the places; elsewhere NaN, which is the file's NoData."""
    rain = np.array([[100.0, np.nan], [300.0, 20000.0]])
    given = case(rain, [[40.0, 50.0], [60.0, 70.0]], [[0, 0], [-1, -1]], [[1, 1], [1, 0]])
    done = given.run(writes={"left": tmp_path / "left.tif", "rain": tmp_path / "rain.tif"})
    assert np.array_equal(
        cells(tmp_path / "left.tif"), np.array([[60.0, np.nan], [240.0, np.nan]], np.float32), equal_nan=True
    )
    assert np.array_equal(
        cells(tmp_path / "rain.tif"), np.array([[100.0, np.nan], [300.0, np.nan]], np.float32), equal_nan=True
    )
    assert done.written == {"left": tmp_path / "left.tif", "rain": tmp_path / "rain.tif"}
    with rasterio.open(tmp_path / "left.tif") as f:
        assert np.isnan(f.nodata) and f.units == ("mm",)
    assert done.values["left"].tolist() == [[pytest.approx(6.0), 0.0]]
    assert folder_of(tmp_path) == ["left.tif", "rain.tif"]


def test_a_disk_that_gives_out_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(np.ones((600, 600), np.float32), tmp_path / "a.tif")
    before = path.read_bytes()

    def full(self: Pieces, window: Window, values: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Pieces, "write", full)
    with pytest.raises(OSError, match="No space left"):
        written(np.zeros((600, 600), np.float32), path)
    assert path.read_bytes() == before and folder_of(tmp_path) == ["a.tif"]


def test_blocks_of_a_raster_are_whole_tiles(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="multiple of 1024"):
        seeded(1500, 1500).run(writes={"left": tmp_path / "a.tif"}, block=(512, 1500))


def test_a_damaged_piece_is_noticed(tmp_path: Path) -> None:
    pieces, window = Pieces(tmp_path, square(700, 700), nodata=float("nan")), Window(0, 0, 700, 700)
    assert not pieces.whole(window)
    pieces.write(window, np.random.default_rng(1).random((700, 700)))
    assert pieces.whole(window)
    raw = bytearray(pieces.path(window).read_bytes())
    raw[len(raw) // 2] ^= 1
    pieces.path(window).write_bytes(raw)
    assert not pieces.whole(window)
    pieces.path(window).write_bytes(raw[:100])
    assert not pieces.whole(window)


def test_a_file_of_more_than_four_gigabytes_becomes_a_big_tiff() -> None:
    size = 2**20
    tags = {256: Tag(4, 1, struct.pack("<I", 512)), 257: Tag(4, 1, struct.pack("<I", 512))}
    small, big = (file_head([tags], b"", [[size] * n], 4) for n in (8, 5000))
    assert struct.unpack("<H", small[2:4])[0] == 42 and struct.unpack("<H", big[2:4])[0] == 43


def test_the_layout_check_finds_a_plain_tiff(tmp_path: Path) -> None:
    path = tmp_path / "plain.tif"
    with rasterio.open(path, "w", driver="GTiff", width=1500, height=1500, count=1, dtype="float32", crs="EPSG:32648",
                       transform=rasterio.Affine(30, 0, 0, 0, -30, 0)) as f:  # fmt: skip
        f.write(np.ones((1500, 1500), np.float32), 1)
    assert "not tiled" in cog_faults(path) and "no overviews" in cog_faults(path)


def test_a_geographic_grid_keeps_its_crs(tmp_path: Path) -> None:
    grid = Grid("EPSG:4490", (0.01, 0.0, 104.0, 0.0, -0.01, 29.0), 30, 20)
    path = write_cog(ArraySource(np.ones((20, 30), np.float32)), grid, tmp_path / "a.tif", nodata=float("nan"))
    with rasterio.open(path) as f:
        assert f.crs.to_epsg() == 4490 and f.bounds.top == 29.0


def faults_by_the_layout(path: Path) -> list[str]:
    """The layout read from the bytes: the ghost area, every tile between its size and its last four bytes, in reading
    order, the full raster behind its overviews (GDAL documentation, COG driver, "Low-level format")."""
    raw, found = path.read_bytes(), []
    if b"GDAL_STRUCTURAL_METADATA_SIZE=" not in raw[:64] or b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED" not in raw[:300]:
        found.append("no structural metadata")
    with path.open("rb") as stream:
        levels = [
            list(zip(tags[OFFSETS].numbers(o), tags[325].numbers(o), strict=True)) for _, o, tags in directories(stream)
        ]
    for level in levels:
        for at, length in level:
            if (
                struct.unpack("<I", raw[at - 4 : at])[0] != length
                or raw[at + length : at + length + 4] != raw[at + length - 4 : at + length]
            ):
                found.append(f"tile at {at}")
        if level != sorted(level):
            found.append("tiles are not in reading order")
    if any(min(a) < max(b) for a, b in pairwise(levels)):
        found.append("a larger level comes first")
    return found


def test_dataclass_of_pieces_can_be_sent(tmp_path: Path) -> None:
    assert dataclasses.replace(Pieces(tmp_path, square(3, 3)), nearest=True).nearest
