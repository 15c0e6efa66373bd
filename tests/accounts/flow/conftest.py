"""Small grids and stages run on them."""

from pathlib import Path

import numpy as np
import pytest

from qingshan.accounts.flow import routing, terrain
from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.source import ArraySource


def grid_of(values, cell=30.0):
    rows, cols = np.shape(values)
    return Grid("EPSG:32648", (cell, 0.0, 500000.0, 0.0, -cell, 3000000.0), cols, rows)


def layer(values, name="layer"):
    values = np.asarray(values)
    if values.dtype.kind == "f":
        values = values.astype(np.float64 if values.dtype == np.float64 else np.float32)
        return ArraySource(values, float("nan"), name)
    return ArraySource(values, {"uint8": 255, "uint32": 2**32 - 1}.get(values.dtype.name), name)


def routed(
    z, folder, *, sinks=None, options=None, cell=30.0, outputs=("filled", "direction", "accumulation"), **constants
):
    """Arrays of stage "flow"."""
    inputs = {"elevation": layer(np.asarray(z, np.float32))}
    if sinks is not None:
        inputs["sinks"] = layer(np.asarray(sinks, np.uint8))
    grid = grid_of(z, cell)
    made = routing.run(grid, inputs, {}, constants, options or {}, outputs, Path(folder))
    return {k: f.read(grid.whole) for k, f in made.items()}


def slope_of(z, folder, cell=30.0):
    grid = grid_of(z, cell)
    made = terrain.run(
        grid, {"elevation": layer(np.asarray(z, np.float32))}, {}, {}, {}, ("slope", "angle", "aspect"), Path(folder)
    )
    return {k: f.read(grid.whole) for k, f in made.items()}


@pytest.fixture(scope="session")
def invest():
    """InVEST 3.20.2 on a small grid (`make_invest_small.py`)."""
    with np.load(Path(__file__).with_name("invest_small.npz")) as stored:
        return {k: stored[k] for k in stored}
