"""What is opened of an address: GeoTIFF and NetCDF, and nothing that refers to something else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from qingshan.faces.cli import main
from qingshan.zone.raster.foreign import NotPlain, format_of
from qingshan.zone.raster.remote import open_remote
from qingshan.zone.raster.stored import CannotRead

from .conftest import UTM, Ground, ramp
from .stac_ground import N, W, halves, tile

ENTRY = {"id": "west", "quantity": "q.a", "unit": "m", "period": "2020"}


def vrt(secret: Path) -> str:
    return (
        f'<VRTDataset rasterXSize="50" rasterYSize="40"><SRS>{UTM}</SRS><GeoTransform>{W},30,0,{N},0,-30</GeoTransform>'
        f'<VRTRasterBand dataType="Float32" band="1"><SimpleSource><SourceFilename>{secret}</SourceFilename>'
        "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    )


@pytest.fixture
def served_vrt(server, tmp_path):
    """A VRT under the name of a TIFF, whose cells are those of a file of this machine."""
    tile(server, "west", ramp(40, 50), W)
    served, secret = server.folder / "west.tif", tmp_path / "secret.tif"
    served.replace(secret)
    served.write_text(vrt(secret))
    with rasterio.open(served) as told:
        assert np.array_equal(told.read(1), ramp(40, 50))  # what is kept from happening
    return f"{server.url}/files/west.tif"


@pytest.fixture
def land(home):
    return Ground(home / "ground").grid(UTM, W, N, 30.0, 40, 50)


def add(land: Ground, url: str, *more: str) -> int:
    return main(["zone", "add-raster", url, "--zone", str(land.folder), "--id", "west", "--quantity", "q.a", "--unit", "m",
                 "--period", "2020", *more])  # fmt: skip


def test_a_vrt_at_an_address_is_refused_by_name(served_vrt, land, capsys):
    before = land.text
    for lang, said in (
        ("en", "the file is VRT; of an address only GeoTIFF (COG) and NetCDF"),
        ("zh", "文件格式为 VRT；来自网址的文件只打开"),
    ):
        assert add(land, served_vrt, "--lang", lang) == 1
        told = "".join(capsys.readouterr())
        assert said in told and "secret" not in told
    assert land.text == before


@pytest.mark.parametrize("keep", ["", "keep = false"])
def test_a_vrt_in_the_catalogue_is_refused_when_it_is_read(served_vrt, land, keep):
    land.raster("west", "q.a", "m", path=served_vrt, more=keep)
    with pytest.raises(NotPlain, match="is VRT"):
        land.book.layer("q.a", "2020")
    with pytest.raises(Exception, match="cannot be opened"), open_remote(served_vrt):
        pass


def test_a_cog_at_an_address_is_catalogued(server, land):
    values = halves(server)
    assert add(land, f"{server.url}/files/west.tif") == 0
    layer = land.book.layer("q.a", "2020")
    assert np.array_equal(layer.source.read(land.book.grid.whole)[:, :25], values[:, :25])


def test_a_netcdf_at_an_address_is_catalogued(server, land):
    xarray = pytest.importorskip("xarray")
    axes = {"x": W + 15 + 30 * np.arange(50), "y": N - 15 - 30 * np.arange(40)}
    coords = {a: (a, v, {"standard_name": f"projection_{a}_coordinate", "units": "m"}) for a, v in axes.items()}
    field = xarray.DataArray(ramp(40, 50), coords=coords, dims=("y", "x"), attrs={"units": "m"})
    field.to_dataset(name="height").to_netcdf(server.folder / "height.nc", engine="scipy")
    assert add(land, f"{server.url}/files/height.nc", "--variable", "height", "--crs", UTM) == 0
    assert np.array_equal(land.book.layer("q.a", "2020").source.read(land.book.grid.whole), ramp(40, 50))


def test_a_damaged_tiff_is_told_as_before(server, land):
    (server.folder / "west.tif").write_bytes(b"II*\0" + b"x" * 100)
    land.raster("west", "q.a", "m", path=f"{server.url}/files/west.tif")
    with pytest.raises(CannotRead, match="cannot be opened as a raster"):
        land.book.layer("q.a", "2020")


def test_a_file_of_this_machine_may_be_a_vrt(standard, tmp_path):
    standard.write("dem", ramp(40, 50), W, N)
    (standard.folder / "dem.vrt").write_text(vrt(standard.folder / "dem.tif"))
    standard.raster("dem", "q.a", "m", path="dem.vrt")
    assert np.array_equal(standard.book.layer("q.a", "2020").source.read(standard.book.grid.whole), ramp(40, 50))


@pytest.mark.parametrize(
    ("head", "name"),
    [(b"II*\0abc", ""), (b"MM\0+", ""), (b"CDF\x02", ""), (b"\x89HDF\r\n\x1a\n", ""), (b"\xef\xbb\xbf  <vrtdataset>", "VRT"),
     (b"<GDAL_WMS>", "WMS"), (b'{"refs": {}}', "JSON"), (b"<!DOCTYPE html>", "HTML"), (b"GRIB\0", "GRIB"), (b"\x89PNG\r", "PNG"),
     (b"", "?"), (b"once", "?")],
)  # fmt: skip
def test_formats_by_their_first_bytes(head, name):
    assert format_of(head) == name
