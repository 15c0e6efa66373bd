"""What is opened of an address: GeoTIFF and NetCDF, and nothing that refers to something else."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil

from qingshan.faces.cli import main
from qingshan.zone.raster.cache import FetchFailed
from qingshan.zone.raster.foreign import NotPlain, format_of, refuse_references
from qingshan.zone.raster.remote import open_remote
from qingshan.zone.raster.stored import CannotRead, look

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
        ("en", "the file is VRT; of an address only GeoTIFF (COG), NetCDF and Zarr"),
        ("zh", "文件格式为 VRT；来自网址的只打开"),
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


def heights(path: Path) -> None:
    """A NetCDF-4 file of 40 x 50 cells of 30 m."""
    place = {"crs": UTM, "transform": rasterio.Affine(30, 0, W, 0, -30, N)}
    with rasterio.MemoryFile() as memory:
        with memory.open(driver="GTiff", width=50, height=40, count=1, dtype="float64", **place) as out:
            out.write(ramp(40, 50), 1)
        rasterio.shutil.copy(memory.name, path, driver="netCDF", FORMAT="NC4")


def test_a_netcdf_4_at_an_address_is_catalogued_and_not_read_by_ranges(server, land):
    heights(server.folder / "height.nc")
    assert (server.folder / "height.nc").read_bytes().startswith(b"\x89HDF")
    url = f"{server.url}/files/height.nc"
    assert add(land, url) == 0
    assert np.array_equal(land.book.layer("q.a", "2020").source.read(land.book.grid.whole), ramp(40, 50))
    with pytest.raises(FetchFailed, match="cannot be opened"), open_remote(url):
        pass


DATA = Path(__file__).parent / "data"
"""HDF5 files of 2 x 2 cells (h5py 3.16): `height` in the file; `more` in elsewhere.bin, behind a link to elsewhere.h5, behind one in a
group in itself, and of a virtual dataset; `plain` has groups in themselves, a soft link and a packed dataset, and nothing elsewhere."""


@pytest.mark.parametrize(("how", "said"), [("storage", "'/more' lies in another file"), ("virtual", "'/more' lies in another file"),
                                           ("link", "cannot be looked through"), ("deep", "cannot be looked through")])  # fmt: skip
def test_an_hdf5_at_an_address_that_keeps_cells_elsewhere_is_refused(server, land, capsys, how, said):
    shutil.copy(DATA / f"{how}.h5", server.folder / "height.nc")
    assert add(land, f"{server.url}/files/height.nc", "--variable", "height", "--crs", UTM, "--lang", "en") == 1
    assert said in "".join(capsys.readouterr())
    with pytest.raises(NotPlain):
        look(str(server.folder / "height.nc"), variable="height", foreign=True)


def test_an_hdf5_with_all_its_cells_is_looked_through():
    refuse_references(DATA / "plain.h5")


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
