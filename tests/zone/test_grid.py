"""Climate grids carried by packages: interpolation by hand, and the county normals against the grid they came from."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
from shapely.geometry import box

from qingshan.core.errors import UnknownName, ZoneError
from qingshan.zone.grid import Grid, catalogue_state, read_grid
from qingshan.zone.zone import open_zone


def plane() -> Grid:
    """Month m holds m + 10 x + y: bilinear interpolation of a plane is exact."""
    y, x = np.arange(20.0, 31.0), np.arange(100.0, 111.0)
    values = np.stack([m + 10 * x[None, :] + y[:, None] for m in range(1, 13)])
    return Grid("plane", "climate.rain_month", "mm", y, x, values, "")


def test_bilinear_is_exact_on_a_plane() -> None:
    at = plane().at(np.array([104.25, 110.0]), np.array([26.5, 30.0]))
    assert at[0] == pytest.approx([1 + 1042.5 + 26.5, 1 + 1100 + 30])
    assert at[11, 0] == pytest.approx(12 + 1042.5 + 26.5)


def test_area_mean_of_a_box_on_a_plane_is_its_weighted_centre() -> None:
    # along x the mean is the middle, 105; along y weights cos(lat) are symmetric to 1e-3 over half a degree
    assert plane().area_mean(box(104.5, 25.5, 105.5, 26.5))[0] == pytest.approx(1 + 1050 + 26, abs=2e-2)


def test_outside_the_lattice_is_refused() -> None:
    with pytest.raises(ZoneError, match="outside"):
        plane().at(np.array([99.0]), np.array([25.0]))


def test_an_unknown_grid_names_those_on_file() -> None:
    with pytest.raises(UnknownName, match="rain_month"):
        read_grid(open_zone("guizhou"), "snow")


def test_an_absent_package_says_what_to_install() -> None:
    entry = {"package": "no_such_package_qs", "version": "1"}
    assert catalogue_state(entry) == "not installed"


@pytest.mark.long
@pytest.mark.skipif(find_spec("itur") is None, reason="the package itur (163 MB) is not installed")
def test_county_normals_come_from_the_catalogued_grid() -> None:
    zone = open_zone("guizhou")
    grid = read_grid(zone, "rain_month")
    for place in zone.leaves(zone.root)[::8]:
        mean = grid.area_mean(zone.geometry(place))
        typed = [zone.facts.find("climate.rain_month", place, f"normal-{m:02d}")[0].value for m in range(1, 13)]
        assert mean == pytest.approx(typed, abs=0.5), place
