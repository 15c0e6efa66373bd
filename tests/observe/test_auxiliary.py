"""Rasters behind a model-assisted estimate: values, means, and an estimate that the map makes exact."""

import numpy as np
import pytest

from qingshan.core.errors import OutOfBounds
from qingshan.observe.auxiliary import auxiliaries
from qingshan.observe.estimate import assisted, simple
from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.source import ArraySource

GRID = Grid("EPSG:32648", (30.0, 0.0, 500_000.0, 0.0, -30.0, 2_900_000.0), 40, 30)
HEIGHTS = ArraySource(np.random.default_rng(3).uniform(2, 25, (30, 40)), None, "canopy height")


def points(rows, cols):
    return 500_000 + (np.asarray(cols) + 0.5) * 30, 2_900_000 - (np.asarray(rows) + 0.5) * 30


def test_values_means_and_area():
    values = HEIGHTS.values.copy()
    values[:10] = -1
    at, mean, area = auxiliaries([ArraySource(values, -1.0)], GRID, *points([10, 29], [0, 39]))
    assert at[:, 0].tolist() == [values[10, 0], values[29, 39]]
    assert mean[0] == pytest.approx(values[10:].mean()) and area == pytest.approx(20 * 40 * 0.09)


def test_a_map_that_explains_everything_leaves_no_error():
    rows, cols = np.random.default_rng(4).integers(0, 30, 25), np.random.default_rng(5).integers(0, 40, 25)
    at, mean, area = auxiliaries([HEIGHTS], GRID, *points(rows, cols))
    carbon = 3 + 7 * at[:, 0]
    got = assisted(carbon, at, mean, area)
    assert got.value == pytest.approx((3 + 7 * HEIGHTS.values.mean()) * 108) and got.se == pytest.approx(0, abs=1e-8)
    assert simple(carbon, area).se > 0


def test_plots_off_the_map_or_on_no_data_are_refused():
    with pytest.raises(OutOfBounds, match="off the grid"):
        auxiliaries([HEIGHTS], GRID, np.array([0.0]), np.array([0.0]))
    holes = HEIGHTS.values.copy()
    holes[3, 3] = np.nan
    with pytest.raises(OutOfBounds, match="no data"):
        auxiliaries([HEIGHTS, ArraySource(holes)], GRID, *points([3], [3]))
    with pytest.raises(OutOfBounds, match="share no cell"):
        auxiliaries([ArraySource(np.full((30, 40), np.nan))], GRID, np.array([]), np.array([]))
