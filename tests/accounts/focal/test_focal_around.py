"""Weighted sums around a cell against direct summation; tiles, workers, flips, thin masks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingshan.accounts.focal import around
from qingshan.accounts.focal.around import Around, Weights, radial
from qingshan.zone.raster.grid import Grid

CELL = (30.0, 30.0)


def grid_of(shape):
    return Grid("EPSG:32648", (30.0, 0.0, 5e5, 0.0, -30.0, 3e6), shape[1], shape[0])


def directly(values, known, weights):
    """The definition: sums over all cells of the window, in float64."""
    rows, cols = weights.reach
    height, width = values.shape
    total, seen = np.zeros(values.shape), np.zeros(values.shape)
    for i in range(height):
        for j in range(width):
            for y in range(max(0, i - rows), min(height, i + rows + 1)):
                for x in range(max(0, j - cols), min(width, j + cols + 1)):
                    if known[y, x]:
                        w = weights.values[y - i + rows, x - j + cols]
                        total[i, j] += w * values[y, x]
                        seen[i, j] += w
    return total / weights.total, seen / weights.total


def on_grid(values, known, kernels):
    """All tiles of a grid put together."""
    grid = grid_of(values.shape)
    sums = Around(grid, kernels)
    out = [(np.empty(values.shape), np.empty(values.shape)) for _ in kernels]
    for window in grid.blocks(sums.side, sums.side):
        for whole, part in zip(out, sums.tile(window, lambda w: (values[w.slices], known[w.slices])), strict=True):
            for target, block in zip(whole, part, strict=True):
                target[window.slices] = block
    return out


def test_radial_weights_by_hand():
    """Reach 60 m at 30 m: the cross of two cells and the diagonal at 42.4 m; the corner (84.9 m) and (67.1 m) lie beyond."""
    disc = radial(np.ones_like, 60.0, CELL)
    assert disc.values.astype(int).tolist() == [
        [0, 0, 1, 0, 0], [0, 1, 1, 1, 0], [1, 1, 1, 1, 1], [0, 1, 1, 1, 0], [0, 0, 1, 0, 0],
    ]  # fmt: skip
    assert disc.total == 13


def test_rectangular_cells_reach_farther_along_the_short_side():
    weights = radial(np.ones_like, 60.0, (20.0, 60.0))
    assert weights.reach == (1, 3)
    assert weights.values.astype(int).tolist() == [[0, 0, 0, 1, 0, 0, 0], [1] * 7, [0, 0, 0, 1, 0, 0, 0]]


def test_mean_of_three_cells_by_hand():
    """One row 1, NoData, 4 under weights 1, 2, 1 over 4: the first cell sees 2 x 1 only (2/4), the middle 1 + 4 with 2/4."""
    values, known = np.array([[1, 9, 4]], np.float32), np.array([[True, False, True]])
    ((total, seen),) = on_grid(values, known, [Weights(np.array([[1.0, 2.0, 1.0]]))])
    np.testing.assert_allclose(total, [[2 / 4, 5 / 4, 8 / 4]], atol=1e-6)
    np.testing.assert_allclose(seen, [[2 / 4, 2 / 4, 2 / 4]], atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 14), st.integers(1, 14)), reach=st.floats(0, 160), seed=st.integers(0, 2**32 - 1),
    share=st.floats(0, 1), tile=st.sampled_from([3, 5, 8, 1024]),
)  # fmt: skip
def test_any_small_grid_against_direct_summation(shape, reach, seed, share, tile):
    rng = np.random.default_rng(seed)
    values, known = rng.random(shape).astype(np.float32), rng.random(shape) < share
    kernels = [radial(lambda d: np.exp(-d / 40), reach, CELL), radial(np.ones_like, reach / 2, CELL)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(around, "TILE", tile)
        found = on_grid(values, known, kernels)
    for kernel, (total, seen) in zip(kernels, found, strict=True):
        wanted_total, wanted_seen = directly(values, known, kernel)
        np.testing.assert_allclose(total, wanted_total, atol=1e-6)
        np.testing.assert_allclose(seen, wanted_seen, atol=1e-6)


def test_turning_and_mirroring_the_map_turns_and_mirrors_the_result():
    rng = np.random.default_rng(5)
    values, known = rng.random((31, 31)).astype(np.float32), rng.random((31, 31)) < 0.8
    kernel = radial(lambda d: np.exp(-d / 60), 150.0, CELL)
    ((straight, _),) = on_grid(values, known, [kernel])
    for turn in (np.rot90, np.fliplr, np.flipud, np.transpose):
        ((turned, _),) = on_grid(np.ascontiguousarray(turn(values)), np.ascontiguousarray(turn(known)), [kernel])
        np.testing.assert_allclose(turned, turn(straight), atol=1e-6)


def test_a_lonely_cell_far_from_all_others_keeps_its_own_value():
    """One cell with data under a kernel of 60,000 cells, its own weight 1/2500 of the whole: single precision would not do."""
    values, known = np.full((400, 400), 7.0, np.float32), np.zeros((400, 400), bool)
    known[200, 200], values[200, 200] = True, 0.25
    known[:20], values[:20] = True, 1.0
    ((total, seen),) = on_grid(values, known, [radial(lambda d: np.exp(-d / 600), 4200.0, CELL)])
    assert seen[200, 200] < 1e-3
    assert total[200, 200] / seen[200, 200] == pytest.approx(0.25, rel=1e-6)
    assert (total[:20] / seen[:20]) == pytest.approx(1.0, abs=1e-6)


def test_a_county_alone_gives_the_same_as_within_its_province():
    """The inner cells, whose whole kernel lies in the county, agree to the rounding of the transform."""
    rng = np.random.default_rng(9)
    values, known = rng.random((120, 130)).astype(np.float32), np.ones((120, 130), bool)
    kernel = radial(lambda d: np.exp(-d / 60), 240.0, CELL)
    ((province, _),) = on_grid(values, known, [kernel])
    ((county, _),) = on_grid(values[30:80, 20:90], known[30:80, 20:90], [kernel])
    np.testing.assert_allclose(county[8:-8, 8:-8], province[38:72, 28:82], atol=1e-6)


def test_no_data_at_all_is_no_weight_at_all():
    ((total, seen),) = on_grid(np.ones((4, 5), np.float32), np.zeros((4, 5), bool), [radial(np.ones_like, 60.0, CELL)])
    assert not total.any() and not seen.any()
