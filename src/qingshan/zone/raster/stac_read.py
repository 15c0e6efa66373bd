"""odc-stac held to rasters that hold their own cells.

A file that refers to others (a VRT, a tile index, an HDF5 file with links) may refer to files of this machine: a catalogue far
away would have them read. GDAL takes a file for what its first bytes say, whatever its name, and odc-loader has no setting for
the drivers it opens with, so the `rasterio` that it knows is replaced by one that opens with these alone.
"""

from __future__ import annotations

from typing import Any

from .foreign import open_with

__all__ = ["DRIVERS", "held_to_plain_rasters"]

DRIVERS = ("GTiff", "JP2OpenJPEG", "GRIB")


class _Plain:
    """The module rasterio, but for `open`."""

    def __init__(self, rasterio: Any) -> None:
        self._rasterio = rasterio

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rasterio, name)

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """As the first of `DRIVERS` that can."""
        return open_with(DRIVERS, self._rasterio.open, *args, **kwargs)


def held_to_plain_rasters() -> None:
    """What odc-loader opens from now on in this process is opened with `DRIVERS` alone."""
    import odc.loader._rio as reader  # noqa: PLC0415 - the extra cube

    if not isinstance(reader.rasterio, _Plain):
        reader.rasterio = _Plain(reader.rasterio)
