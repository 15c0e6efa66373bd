"""Filling, karst and directions: grids by hand, a plain priority flood as oracle, turned grids."""

import heapq

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingshan.accounts.flow import routing
from qingshan.accounts.flow.fill import NEW, SEED, fill
from qingshan.accounts.flow.lattice import COL, ROW, Lattice
from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError, QingshanError
from qingshan.zone.raster.grid import Grid

from .conftest import grid_of, layer, routed

NAN = np.nan


def filled(z, sinks=None, **limits):
    lattice = Lattice(grid_of(z))
    flat = lattice.read(layer(np.asarray(z, np.float32)), np.float32, np.nan, 1)
    state = np.full(lattice.size, NEW, np.uint8)
    if sinks is not None:
        lattice.inside(state, lattice.grid.whole)[np.asarray(sinks, bool)] = SEED
    fill(flat, state, lattice, **limits)
    return lattice.inside(flat, lattice.grid.whole)


def flooded(z):
    """The oracle: Barnes's plain priority flood from the rim and NoData."""
    z = np.asarray(z, np.float32)
    out, seen = z.copy(), np.isnan(z)
    heap = []
    around = list(zip(ROW, COL, strict=True))
    rows, cols = z.shape
    for i in range(rows):
        for j in range(cols):
            near = [(i + r, j + c) for r, c in around]
            if not seen[i, j] and any(not (0 <= a < rows and 0 <= b < cols) or np.isnan(z[a, b]) for a, b in near):
                heapq.heappush(heap, (z[i, j], i, j))
    for _, i, j in heap:
        seen[i, j] = True
    while heap:
        level, i, j = heapq.heappop(heap)
        for r, c in around:
            a, b = i + r, j + c
            if 0 <= a < rows and 0 <= b < cols and not seen[a, b]:
                seen[a, b] = True
                out[a, b] = max(z[a, b], level)
                heapq.heappush(heap, (out[a, b], a, b))
    return out


def test_a_pit_is_filled_to_its_lowest_way_out():
    z = [[9, 9, 9, 9], [9, 2, 3, 9], [9, 4, 5, 7], [9, 9, 9, 9]]
    np.testing.assert_array_equal(filled(z), [[9, 9, 9, 9], [9, 7, 7, 9], [9, 7, 7, 7], [9, 9, 9, 9]])


def test_nodata_inside_is_a_way_out():
    z = [[9, 9, 9, 9, 9], [9, 3, 9, 9, 9], [9, 9, 5, NAN, 9], [9, 9, 9, 9, 9], [9, 9, 9, 9, 9]]
    np.testing.assert_array_equal(filled(z)[1, 1], 5)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 14), st.integers(1, 14), st.integers(1, 40))
def test_it_is_the_plain_priority_flood(seed, rows, cols, steps):
    rng = np.random.default_rng(seed)
    z = rng.integers(0, steps, (rows, cols)).astype(np.float32) - 5
    z[rng.random(z.shape) < 0.08] = np.nan
    np.testing.assert_array_equal(filled(z), flooded(z))


DOLINES = np.array(
    [
        [20, 20, 20, 20, 20, 20, 20],
        [20, 10, 10, 20, 18, 18, 20],
        [20, 10, 1, 20, 18, 17, 20],
        [20, 10, 10, 20, 18, 18, 19],
        [20, 20, 20, 20, 20, 20, 20],
    ],
    float,
)


def test_a_deep_doline_may_stay_while_a_shallow_one_is_filled():
    """Left: 19 m deep; right: 2 m below its way out at 19."""
    found = filled(DOLINES, deepest=5.0)
    np.testing.assert_array_equal(found[1:4, 1:3], DOLINES[1:4, 1:3])
    assert (found[1:4, 4:6] == 19).all()
    assert (filled(DOLINES)[1:4, 1:3] == 20).all()


def test_a_large_doline_may_stay():
    """Both have six cells: kept by a limit of five, filled by a limit of six."""
    np.testing.assert_array_equal(filled(DOLINES, largest=5), DOLINES)
    assert (filled(DOLINES, largest=6)[1:4, 1:3] == 20).all()


def test_a_masked_sink_is_a_legal_outlet(tmp_path):
    sinks = np.zeros(DOLINES.shape, np.uint8)
    sinks[2, 2] = 1
    out = routed(DOLINES, tmp_path, sinks=sinks, outputs=("filled", "direction", "accumulation", "sink"))
    assert out["filled"][2, 2] == 1
    assert out["filled"][2, 5] == 19
    assert out["direction"][2, 2] == 8
    assert out["sink"].sum() == 1
    assert out["accumulation"][2, 2] >= 6


def test_kept_dolines_by_stage(tmp_path):
    out = routed(DOLINES, tmp_path, keep_deeper=5.0, outputs=("direction", "sink"))
    assert out["sink"][2, 2] == 1 and out["sink"].sum() == 1


def test_directions_by_hand(tmp_path):
    """The steepest way by slope: from the centre 100, east falls 10 in 30 m, south-east 12 in 42.4 m."""
    z = [[130, 130, 130], [130, 100, 90], [130, 120, 88]]
    out = routed(z, tmp_path)
    assert out["direction"][1, 1] == 0  # 10/30 = 0.333 against 12/42.43 = 0.283
    assert out["direction"][1, 2] == 6  # 90 to 88
    assert out["direction"][2, 2] == 8
    assert out["accumulation"][2, 2] == 9


def test_a_flat_drains_by_the_nearest_way(tmp_path):
    """A level street of five cells open at its east end: everything goes east."""
    z = np.full((3, 6), 50.0)
    z[1] = [10, 10, 10, 10, 10, 9]
    z[1, 0] = 50
    out = routed(z, tmp_path)
    np.testing.assert_array_equal(out["direction"][1, 1:5], [0, 0, 0, 0])
    assert out["accumulation"][1, 5] >= 5


@pytest.mark.parametrize("z", [[[5.0]], [[3.0, 2.0, 1.0, 4.0]], [[NAN, NAN], [NAN, NAN]], [[7.0, 7.0], [7.0, 7.0]]])
@pytest.mark.parametrize("kind", ["d8", "mfd"])
def test_small_and_empty_grids(tmp_path, z, kind):
    out = routed(z, tmp_path, options={"routing": kind})
    none = np.isnan(np.asarray(z))
    np.testing.assert_array_equal(np.isnan(out["filled"]), none)
    count = out["accumulation"]
    ends = (out["direction"] == 8) if kind == "d8" else (out["direction"] == 0)
    assert count[ends & ~none].sum() == (~none).sum()


def test_water_that_falls_leaves_at_the_outlets(tmp_path):
    rng = np.random.default_rng(5)
    z = rng.normal(0, 1, (60, 70)).cumsum(0).cumsum(1).astype(np.float32)
    z[20:24, 30:33] = np.nan
    out = routed(z, tmp_path)
    assert out["accumulation"][out["direction"] == 8].sum() == np.isfinite(z).sum()
    mfd = routed(z, tmp_path, options={"routing": "mfd"})
    assert mfd["accumulation"][mfd["direction"] == 0].sum() == pytest.approx(np.isfinite(z).sum(), rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 3), st.booleans(), st.sampled_from(["d8", "mfd"]))
def test_turning_the_land_turns_the_water(tmp_path_factory, seed, quarter, flip, kind):
    """A slope with noise smaller than its fall has no pit and no tie."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:12, 0:15]
    z = (7.0 * x + 3.0 * y + rng.uniform(0, 2, (12, 15))).astype(np.float32)

    def turned(a):
        return np.rot90(a[:, ::-1] if flip else a, quarter)

    folder = tmp_path_factory.mktemp("turn")
    plain = routed(z, folder / "a", options={"routing": kind})["accumulation"]
    other = routed(turned(z).copy(), folder / "b", options={"routing": kind})["accumulation"]
    np.testing.assert_allclose(other, turned(plain), rtol=1e-12)


@pytest.mark.parametrize(("side", "memory", "said"), [
    (14_000, "200MB", r"needs 378 MB whatever the grid; 200MB was given"), (70_000, "64GB", r"4,900,280,004 cells are more than"),
])  # fmt: skip
def test_what_cannot_be_routed_is_refused_before_anything_is_made(tmp_path, side, memory, said):
    big = Grid("EPSG:32648", (30.0, 0.0, 5e5, 0.0, -30.0, 3e6), side, side)
    z = {"elevation": layer(np.zeros((1, 1), np.float32))}
    with pytest.raises(QingshanError, match=said):
        routing.run(big, z, {}, {}, {}, ("direction",), tmp_path, memory=memory)
    assert list(tmp_path.iterdir()) == []


def test_degrees_and_unknown_names_are_refused(tmp_path):
    degrees = Grid("EPSG:4326", (0.1, 0.0, 105.0, 0.0, -0.1, 27.0), 2, 2)
    z = layer(np.zeros((2, 2), np.float32))
    with pytest.raises(DeclarationError, match="square cells in metres"):
        routing.run(degrees, {"elevation": z}, {}, {}, {}, ("direction",), tmp_path)
    with pytest.raises(DeclarationError, match="routing = 'dinf'"):
        routing.run(grid_of(np.zeros((2, 2))), {"elevation": z}, {}, {}, {"routing": "dinf"}, ("direction",), tmp_path)
    with pytest.raises(DeclarationError, match="no output streams"):
        routing.run(grid_of(np.zeros((2, 2))), {"elevation": z}, {}, {}, {}, ("streams",), tmp_path)


def neighbours(z):
    """Values of the eight neighbours, counter-clockwise from east, NaN outside."""
    rows, cols = z.shape
    wide = np.full((rows + 2, cols + 2), NAN)
    wide[1:-1, 1:-1] = z
    return np.stack([wide[1 + r : 1 + r + rows, 1 + c : 1 + c + cols] for r, c in zip(ROW, COL, strict=True)], axis=-1)


@pytest.mark.parametrize("seed", range(4))
def test_the_grid_follows_the_declared_rules_of_a_cell(tmp_path, seed):
    """Filled level, D8 and MFD of the stage are those of the methods, wherever a cell is no outlet and not level."""
    method = load_domains().registry
    z = np.random.default_rng(seed).normal(100, 20, (12, 15)).astype(np.float32)
    steps = np.array([30.0, 30 * 2**0.5] * 4)
    one = routed(z, tmp_path / "d8", outputs=("filled", "direction"))
    shared = routed(z, tmp_path / "mfd", options={"routing": "mfd"}, outputs=("direction",))["direction"]
    filled_, around = one["filled"].astype(float), neighbours(one["filled"].astype(float))
    inner = np.s_[1:-1, 1:-1]  # the rim is the outlet
    np.testing.assert_array_equal(
        method["water.filled_level@barnes2014"](z.astype(float), around)[inner], filled_[inner]
    )
    code = method["water.flow_direction@ocallaghan1984"](filled_, around, steps)
    falls = code < 8
    assert falls[inner].sum() > 80
    np.testing.assert_array_equal(one["direction"][falls], code[falls])
    shares = method["water.flow_share@holmgren1994"](filled_, around, steps, 1.0)
    fifteenths = np.floor(shares * 15 + 0.5)
    packed = np.stack([shared >> np.uint32(4 * k) & np.uint32(15) for k in range(8)], axis=-1)
    np.testing.assert_array_equal(packed[falls], fifteenths[falls])


def test_shares_by_hand():
    """Falls of 3 m over 30 m east and 6 m over 30 m south: a third and two thirds; squared slopes: a fifth and four fifths."""
    share = load_domains().registry["water.flow_share@holmgren1994"]
    around = np.array([97.0, 110, 110, 110, 110, 110, 94, 110])
    steps = np.array([30.0, 30 * 2**0.5] * 4)
    np.testing.assert_allclose(share(100.0, around, steps, 1.0)[[0, 6]], [1 / 3, 2 / 3])
    np.testing.assert_allclose(share(100.0, around, steps, 2.0)[[0, 6]], [1 / 5, 4 / 5])
    assert not share(90.0, around, steps, 1.0).any()
