"""The zone grid: where every cell lies and how large it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["Grid", "Window"]


@dataclass(frozen=True, order=True)
class Window:
    """A rectangle of cells: first row and column, number of rows and columns."""

    row: int
    col: int
    height: int
    width: int

    @property
    def size(self) -> int:
        return self.height * self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.row, self.row + self.height), slice(self.col, self.col + self.width)

    def padded(self, margin: int, grid: Grid) -> Window:
        """Grown by `margin` cells on each side, cut at the grid's rim."""
        top, left = max(0, self.row - margin), max(0, self.col - margin)
        bottom = min(grid.height, self.row + self.height + margin)
        right = min(grid.width, self.col + self.width + margin)
        return Window(top, left, bottom - top, right - left)


@dataclass(frozen=True)
class Grid:
    """A north-up lattice. `crs` is an authority code or WKT; `transform` is (a, b, c, d, e, f) with b = d = 0, e < 0:
    x = a*col + c, y = e*row + f."""

    crs: str
    transform: tuple[float, float, float, float, float, float]
    width: int
    height: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def size(self) -> int:
        return self.height * self.width

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in units of the CRS."""
        a, _, c, _, e, f = self.transform
        return c, f + e * self.height, c + a * self.width, f

    @cached_property
    def geographic(self) -> bool:
        from pyproj import CRS  # noqa: PLC0415 - pyproj belongs to the extra geo

        return bool(CRS.from_user_input(self.crs).is_geographic)

    @cached_property
    def row_area(self) -> NDArray[np.float64]:
        """Area of one cell of each row, m2, shape (height,): ellipsoidal on a geographic grid, a*|e| on a projected one."""
        a, _, _, _, e, f = self.transform
        if not self.geographic:
            from pyproj import CRS  # noqa: PLC0415

            metre = CRS.from_user_input(self.crs).axis_info[0].unit_conversion_factor or 1.0
            return np.full(self.height, abs(a * e) * metre**2)
        from pyproj import CRS  # noqa: PLC0415

        ellipsoid = CRS.from_user_input(self.crs).ellipsoid
        assert ellipsoid is not None
        edges = np.radians(f + e * np.arange(self.height + 1))
        strip = _zone_area(edges, ellipsoid.semi_major_metre, ellipsoid.semi_minor_metre)
        return np.abs(np.diff(strip)) * np.radians(abs(a))

    @property
    def cell_length(self) -> tuple[float, float]:
        """Cell width and height in metres on a projected grid."""
        from pyproj import CRS  # noqa: PLC0415

        metre = CRS.from_user_input(self.crs).axis_info[0].unit_conversion_factor or 1.0
        return abs(self.transform[0]) * metre, abs(self.transform[4]) * metre

    @property
    def whole(self) -> Window:
        return Window(0, 0, self.height, self.width)

    def blocks(self, rows: int, cols: int = 0) -> Iterator[Window]:
        """Windows that cover the grid in reading order; `cols` 0: whole rows."""
        cols = cols or self.width
        for row in range(0, self.height, rows):
            for col in range(0, self.width, cols):
                yield Window(row, col, min(rows, self.height - row), min(cols, self.width - col))


def _zone_area(latitude: NDArray[np.float64], a: float, b: float) -> NDArray[np.float64]:
    """Area between the equator and a parallel per radian of longitude, m2 (authalic; Snyder 1987, eq. 3-12)."""
    e2 = 1 - (b / a) ** 2
    if e2 == 0:
        return a * a * np.sin(latitude)
    e = np.sqrt(e2)
    s = np.sin(latitude)
    return a * a * (1 - e2) / 2 * (s / (1 - e2 * s * s) + np.arctanh(e * s) / e)
