"""A value that cannot be (most often a NoData value that nobody declared) counts as NoData in every stage, never as a number."""

import numpy as np
import pytest

from qingshan.accounts.flow import baseflow, nutrient, routing, sediment, slope_length, terrain
from qingshan.zone.raster.source import ArraySource

from .conftest import grid_of, layer

SIDE = 30
Y, X = np.mgrid[:SIDE, :SIDE].astype(np.float32)
SLOPE = (600 - 4 * X + 0.1 * (Y - 15) ** 2).astype(np.float32)
"""A valley that falls to the east, m."""
HOLE = (7, 11)
BAD = -9999.0
GRID = grid_of(SLOPE)
CLASSES = ArraySource(np.ones((SIDE, SIDE), np.uint8), 0, "classes")


def spoiled(values, kind):
    """The layer with one cell that is BAD without being declared (`bad`), or NaN (`nan`)."""
    out = np.array(values, np.float32)
    out[HOLE] = BAD if kind == "bad" else np.nan
    return ArraySource(out, None if kind == "bad" else float("nan"), "spoiled")


def read(fields):
    return {k: f.read(GRID.whole) for k, f in fields.items()}


@pytest.fixture(scope="module")
def flow(tmp_path_factory):
    """Routing and slope of the whole valley."""
    folder = tmp_path_factory.mktemp("flow")
    z = {"elevation": layer(SLOPE)}
    made = routing.run(GRID, z, {}, {}, {"routing": "d8"}, ("direction", "accumulation"), folder / "f")
    made |= terrain.run(GRID, z, {}, {}, {}, ("slope", "aspect"), folder / "t")
    steep = {k: made[k] for k in ("accumulation", "slope", "aspect")}
    return made | slope_length.run(GRID, steep, {}, {"length_max": 122.0}, {}, ("ls",), folder / "s")


def same_as_nodata(run, tmp_path):
    """Run with BAD and with NaN: alike, NaN in the hole of the first output, and nothing below its least value."""
    got, wanted = (read(run(kind, tmp_path / kind)) for kind in ("bad", "nan"))
    for name, values in got.items():
        np.testing.assert_array_equal(values, wanted[name])
    first = next(iter(got.values()))
    assert np.isnan(first[HOLE])
    assert np.isfinite(first).sum() > SIDE


def test_terrain(tmp_path):
    same_as_nodata(
        lambda kind, at: terrain.run(GRID, {"elevation": spoiled(SLOPE, kind)}, {}, {}, {}, ("slope",), at), tmp_path
    )


def test_routing(tmp_path):
    same_as_nodata(
        lambda kind, at: routing.run(GRID, {"elevation": spoiled(SLOPE, kind)}, {}, {}, {}, ("filled",), at), tmp_path
    )


@pytest.mark.parametrize("name", ["erosivity", "erodibility"])
def test_sediment(flow, tmp_path, name):
    """R 4000, K 0.03: a K of -9999 would export -3e5 t/(hm2 a) from one cell."""

    def run(kind, at):
        given = {k: flow[k] for k in ("direction", "accumulation", "slope", "ls")}
        given |= {"erosivity": layer(np.full_like(SLOPE, 4000.0)), "erodibility": layer(np.full_like(SLOPE, 0.03))}
        given[name] = spoiled(given[name].read(GRID.whole), kind)
        tables = {"c": np.array([np.nan, 0.1]), "p": np.array([np.nan, 1.0])}
        numbers = {"stream_area": 0.05, "ic0": 0.5, "k": 2.0, "ratio_max": 0.8}
        return sediment.run(GRID, given, tables, numbers, {}, ("export",), at, classes=CLASSES)

    same_as_nodata(run, tmp_path)


@pytest.mark.parametrize("declared", [True, False])
def test_nutrient(flow, tmp_path, declared):
    """The mean of the runoff proxy leaves the cell out as well."""

    def run(kind, at):
        given = {k: flow[k] for k in ("direction", "accumulation", "slope")} | {
            "runoff": spoiled(1000 + 0 * SLOPE, kind)
        }
        tables = {k: np.array([np.nan, v]) for k, v in (("load_n", 10.0), ("efficiency_n", 0.5), ("length_n", 150.0))}
        numbers = {"stream_area": 0.05, "k": 2.0, "ic0": 0.0} | ({"runoff_mean": 1000.0} if declared else {})
        return nutrient.run(GRID, given, tables, numbers, {}, ("export_n", "load_n"), at, classes=CLASSES)

    same_as_nodata(run, tmp_path)


def test_baseflow(flow, tmp_path):
    def run(kind, at):
        months = range(1, 13)
        given = {k: flow[k] for k in ("direction", "accumulation")}
        given |= {"soil_group": ArraySource(np.full(SLOPE.shape, 2, np.uint8), 0, "soil")}
        given |= {f"rain_{m}": layer(np.full_like(SLOPE, 90.0)) for m in months}
        given |= {f"et0_{m}": layer(np.full_like(SLOPE, 60.0)) for m in months} | {
            "rain_3": spoiled(90 + 0 * SLOPE, kind)
        }
        tables = {f"curve_number_{g}": np.array([np.nan, 60.0]) for g in range(1, 5)} | {
            f"kc_{m}": np.array([np.nan, 0.8]) for m in months
        }
        numbers = {"stream_area": 0.05, "alpha": 1 / 12, "beta": 1.0, "gamma": 1.0} | {
            f"events_{m}": 8.0 for m in months
        }
        return baseflow.run(GRID, given, tables, numbers, {}, ("quickflow", "recharge"), at, classes=CLASSES)

    same_as_nodata(run, tmp_path)
