"""NetCDF and Zarr: the same layer as from a GeoTIFF."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from pyproj import CRS

from qingshan.zone.raster.stored import CannotRead, look

from .conftest import UTM, Ground, ramp

W, N = 500000.0, 3300000.0


def cube(values: np.ndarray, dims: tuple[str, ...] = ("y", "x"), **attrs: object) -> xr.Dataset:
    """A field of 30 m cells whose first centre is (W + 15, N - 15)."""
    data = xr.Dataset({"rain": (dims, values, {"grid_mapping": "spatial_ref", **attrs})})
    size = dict(zip(dims, values.shape, strict=True))
    for axis, first, step in (("x", W + 15, 30), ("y", N - 15, -30)):
        about = {"standard_name": f"projection_{axis}_coordinate", "units": "m"}
        data[axis] = (axis, first + step * np.arange(size[axis]), about)
    data["spatial_ref"] = ((), 0, CRS(UTM).to_cf())
    return data.set_coords(["spatial_ref"])


def read(ground: Ground, path: str, more: str = "") -> np.ndarray:
    ground.raster("rain", "q.a", "mm", more=more, path=path)
    book = ground.book
    return book.layer("q.a", "2020").source.read(book.grid.whole)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_zarr_on_the_lattice(standard, zarr_format):
    values = ramp(40, 50)
    cube(values).to_zarr(standard.folder / "rain.zarr", zarr_format=zarr_format, consolidated=False)
    assert np.array_equal(read(standard, "rain.zarr"), values)


def test_zarr_stored_x_first(standard):
    values = ramp(40, 50)
    cube(values.T.copy(), ("x", "y")).to_zarr(standard.folder / "rain.zarr", zarr_format=3, consolidated=False)
    assert np.array_equal(read(standard, "rain.zarr"), values)


def test_zarr_with_time_scale_and_fill(standard):
    """Stored tenths; -1 is the fill value; the second time is asked for."""
    values = np.stack([ramp(40, 50, "int16"), ramp(40, 50, "int16") + 1])
    values[1, 0, 0] = -1
    data = cube(values, ("time", "y", "x"), scale_factor=0.1, _FillValue=np.int16(-1))
    data.to_zarr(standard.folder / "rain.zarr", zarr_format=2, consolidated=False)
    found = read(standard, "rain.zarr", "band = 2")
    assert np.isnan(found[0, 0])
    assert found[0, 1] == pytest.approx(0.2)


def test_zarr_warped_like_a_file(standard):
    values = ramp(120, 150)
    standard.write("tif", values, W, N, 10.0)
    data = cube(values)
    data["x"], data["y"] = ("x", W + 5 + 10 * np.arange(150)), ("y", N - 5 - 10 * np.arange(120))
    data.to_zarr(standard.folder / "rain.zarr", zarr_format=3, consolidated=False)
    other = Ground(standard.folder.parent / "other").grid(UTM, W, N, 30.0, 40, 50)
    other.write("rain", values, W, N, 10.0)
    how = 'resampling = "average"'
    assert np.array_equal(read(standard, "rain.zarr", how), read(other, "rain.tif", how))


@pytest.mark.parametrize(("spoil", "why"), [("uneven", "not evenly"), ("fields", "no field"), ("band", "no layer 7")])
def test_bad_stores(standard, spoil, why):
    data = cube(ramp(40, 50))
    if spoil == "uneven":
        data["x"] = ("x", np.r_[0.0, np.arange(1, 50) ** 1.5])
    if spoil == "fields":
        data["snow"] = data["rain"] + 1
    data.to_zarr(standard.folder / "rain.zarr", zarr_format=3, consolidated=False)
    with pytest.raises(CannotRead, match=why):
        look(str(standard.folder / "rain.zarr"), 7 if spoil == "band" else 1)


def test_not_a_store(standard):
    (standard.folder / "rain.zarr").mkdir()
    with pytest.raises(CannotRead):
        look(str(standard.folder / "rain.zarr"))


def test_netcdf(standard):
    values = ramp(40, 50)
    cube(values).to_netcdf(standard.folder / "rain.nc", engine="scipy")
    assert np.array_equal(read(standard, "rain.nc", 'variable = "rain"'), values)


def test_netcdf_of_several_fields_must_be_named(standard):
    data = cube(ramp(40, 50))
    data["snow"] = data["rain"] + 1
    data.to_netcdf(standard.folder / "rain.nc", engine="scipy")
    with pytest.raises(CannotRead, match=r"rain, snow|snow, rain"):
        look(str(standard.folder / "rain.nc"))
