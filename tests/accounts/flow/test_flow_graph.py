"""Passes over a flow graph: by hand, against the templates run as plain Python, slope and aspect."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingshan.accounts.flow import passes
from qingshan.accounts.flow.lattice import Lattice
from qingshan.accounts.flow.stage import Graph
from qingshan.accounts.flow.weave import At
from qingshan.core.cell import CELLS
from qingshan.core.domain import load_domains

from .conftest import grid_of, layer, routed, slope_of

load_domains()


def graph_of(to):
    lattice = Lattice(grid_of(to))
    missing = 255 if to.dtype == np.uint8 else 2**32 - 1
    return Graph(lattice, lattice.read(layer(to), to.dtype, missing, 1))


def over(graph, values, dtype=np.float64):
    return graph.lattice.read(layer(np.asarray(values, dtype)), dtype, np.nan, 1)


def shown(graph, flat):
    return graph.lattice.inside(flat, graph.lattice.grid.whole)


def test_accumulation_by_hand():
    """A row that runs east; a second row that joins it from below at column 1."""
    graph = graph_of(np.array([[0, 0, 8], [1, 2, 255]], np.uint8))
    x = over(graph, [[1, 10, 100], [1000, 10000, np.nan]])
    graph.accumulate(x)
    np.testing.assert_array_equal(shown(graph, x)[0], [1, 11011, 11111])


def test_shares_by_hand():
    """Cell 0 gives 3/4 east and 1/4 south; the rest are outlets."""
    graph = graph_of(np.array([[3 | 1 << 24, 0], [0, 2**32 - 1]], np.uint32))
    x = over(graph, [[8, 1], [1, np.nan]])
    graph.accumulate(x)
    np.testing.assert_array_equal(shown(graph, x), [[8, 7], [3, np.nan]])


def test_the_way_down_by_hand():
    """Weight 0.1, slope 0.05, 30 m: 6000 a side step, 8485.28 a diagonal one (SP-6), summed to the stream at the end."""
    graph = graph_of(np.array([[0, 7, 255], [255, 255, 8]], np.uint8))
    value = over(graph, np.full((2, 3), np.nan))
    shown(graph, value)[1, 2] = 0
    names = At(("weight", "slope"))
    cell = "soil.downslope_component@borselli2008"
    graph.climb(cell, names, None, {"weight": 0.1, "slope": 0.05}, value, lengths=graph.lattice.lengths())
    np.testing.assert_allclose(shown(graph, value)[0, :2], [14485.281374, 8485.281374], rtol=1e-9)


def test_no_way_to_a_stream_is_no_value():
    graph = graph_of(np.array([[0, 8], [0, 8]], np.uint8))
    value = over(graph, np.full((2, 2), np.nan))
    shown(graph, value)[0, 1] = 0
    graph.climb("water.way_to_stream@invest3", At(()), None, {}, value, lengths=graph.lattice.lengths())
    np.testing.assert_array_equal(shown(graph, value), [[30, 0], [np.nan, np.nan]])


def test_trapping_by_hand():
    """Three cells in a row: dT 0, 0.5, 1; own 10, 4, 0. In 0, 10, 9; trapped 0, 5, 9: all 14 stay."""
    graph = graph_of(np.array([[0, 0, 8]], np.uint8))
    x = over(graph, [[0, 0, 0]])
    values = {"share": over(graph, [[0, 0.5, 1]], np.float32), "own": over(graph, [[10, 4, 0]], np.float32)}
    one = At(("share",), frozenset({"share"}))
    two = At(("share", "own"), frozenset({"share", "own"}))
    graph.descend(("soil.trapped@invest3", one), ("soil.sediment_passed@invest3", two), None, values, x)
    np.testing.assert_allclose(shown(graph, x), [[0, 5, 9]])


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(["d8", "mfd"]))
def test_the_compiled_passes_are_the_templates(tmp_path_factory, seed, kind):
    """The same templates in plain Python, with the cell forms as plain functions."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 1, (9, 8)).cumsum(0).astype(np.float32)
    z[rng.random(z.shape) < 0.05] = np.nan
    to = routed(z, tmp_path_factory.mktemp("p"), options={"routing": kind}, outputs=("direction",))["direction"]
    graph = graph_of(to)
    share, own = over(graph, rng.random(z.shape)), over(graph, rng.random(z.shape))
    lengths = graph.lattice.lengths()

    down, plain = over(graph, np.zeros(z.shape)), over(graph, np.zeros(z.shape))
    one, two = At(("share",), frozenset({"share"})), At(("share", "own"), frozenset({"share", "own"}))
    keep, send = "soil.trapped@invest3", "soil.sediment_passed@invest3"
    graph.descend((keep, one), (send, two), None, {"share": share, "own": own}, down)
    template = passes.descend_d8 if graph.d8 else passes.descend_mfd
    before = graph._waiting if graph.d8 else graph.order
    template(
        CELLS[keep].function, CELLS[send].function, lambda i: (share[i],), lambda i: (share[i], own[i]), graph.to, graph.lattice.offsets,
        before, plain,
    )  # fmt: skip
    np.testing.assert_array_equal(down, plain)

    up = np.where(rng.random(graph.to.size) < 0.1, 0.0, np.nan)
    plain = up.copy()
    cell = "soil.downslope_component@borselli2008"
    layers = frozenset({"weight", "slope"})
    graph.climb(cell, At(("weight", "slope"), layers), None, {"weight": share, "slope": own}, up, lengths=lengths)
    template = passes.climb_d8 if graph.d8 else passes.climb_mfd
    order = () if graph.d8 else (graph.order,)
    template(
        CELLS[cell].function,
        lambda i: (share[i], own[i]),
        graph.to,
        graph.lattice.offsets,
        lengths,
        *order,
        plain,
        np.nan,
    )
    np.testing.assert_allclose(up, plain, rtol=1e-14)


def test_counts_beyond_float32_are_exact():
    """2^24 + 1 is no float32: sums are in uint32 and float64."""
    graph = graph_of(np.array([[0, 8]], np.uint8))
    for dtype in (np.uint32, np.float64):
        x = np.zeros(graph.lattice.size, dtype)
        shown(graph, x)[...] = [[2**24, 1]]
        graph.accumulate(x)
        assert shown(graph, x)[0, 1] == 2**24 + 1


@pytest.mark.parametrize(
    ("east", "south", "aspect"), [(3.0, 0.0, 90), (0.0, 3.0, 180), (-3.0, 0.0, 270), (0.0, -3.0, 0), (3.0, 3.0, 135)]
)
def test_slope_and_aspect_of_a_plane(tmp_path, east, south, aspect):
    """A plane that falls `east` m a cell eastwards and `south` m southwards, 30 m cells; also on its rim."""
    y, x = np.mgrid[0:5, 0:6]
    out = slope_of(100 - east * x - south * y, tmp_path)
    rise = math.hypot(east, south) / 30
    np.testing.assert_allclose(out["slope"], 100 * rise, rtol=1e-6)
    np.testing.assert_allclose(out["angle"], math.atan(rise), rtol=1e-6)
    np.testing.assert_allclose(np.degrees(out["aspect"]), aspect, atol=1e-4)


def test_level_ground_has_aspect_zero_and_nodata_stays(tmp_path):
    z = np.full((3, 4), 5.0)
    z[1, 2] = np.nan
    out = slope_of(z, tmp_path)
    assert np.isnan(out["slope"][1, 2])
    known = np.isfinite(z)
    assert (out["slope"][known] == 0).all() and (out["aspect"][known] == 0).all()
