"""Effect of the nearest source: by hand, against all distances, and however the grid is cut."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from qingshan.accounts.focal.nearest import effect_of_nearest, effect_table


def linear(reach):
    return lambda d: np.where(d > reach, 0.0, 1 - d / reach)


def whole(source, reach, cell=(30.0, 30.0), rows=None, cols=None):
    effect = linear(reach)
    rows, cols = rows or slice(0, source.shape[0]), cols or slice(0, source.shape[1])
    return effect_of_nearest(source, effect, effect_table(effect, reach, cell), reach, cell, rows, cols)


def directly(source, reach, cell):
    ys, xs = np.nonzero(source)
    out = np.zeros(source.shape)
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            if len(ys):
                d = np.hypot((ys - i) * cell[1], (xs - j) * cell[0]).min()
                out[i, j] = 0 if d > reach else 1 - d / reach
    return out


def test_one_source_by_hand():
    """Reach 90 m at 30 m: 1 at the source, 2/3 beside it, 1 - sqrt 2/3 = 0.528595 on the diagonal, 0 at 90 m."""
    source = np.zeros((1, 5), bool)
    source[0, 1] = True
    np.testing.assert_allclose(whole(source, 90.0), [[2 / 3, 1, 2 / 3, 1 / 3, 0]], rtol=1e-6, atol=1e-7)
    source = np.zeros((2, 2), bool)
    source[0, 0] = True
    np.testing.assert_allclose(whole(source, 90.0), [[1, 2 / 3], [2 / 3, 0.5285955]], rtol=1e-6)


@settings(max_examples=80, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 18), st.integers(1, 18)), reach=st.floats(1, 400), seed=st.integers(0, 2**32 - 1),
    share=st.sampled_from([0.0, 0.01, 0.05, 0.3, 1.0]), cell=st.sampled_from([(30.0, 30.0), (20.0, 45.0)]),
)  # fmt: skip
def test_any_small_grid_against_all_distances(shape, reach, seed, share, cell):
    source = np.random.default_rng(seed).random(shape) < share
    np.testing.assert_allclose(whole(source, reach, cell), directly(source, reach, cell), atol=2e-6)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), row=st.integers(0, 30), col=st.integers(0, 30), reach=st.floats(30, 240))
def test_a_window_with_its_halo_is_the_same_to_the_byte(seed, row, col, reach):
    source = np.random.default_rng(seed).random((40, 40)) < 0.03
    halo, full = int(reach / 30), whole(source, reach)
    top, left = max(0, row - halo), max(0, col - halo)
    part = source[top : row + 10 + halo, left : col + 10 + halo]
    window = whole(part, reach, rows=slice(row - top, row - top + 10), cols=slice(col - left, col - left + 10))
    assert window.tobytes() == np.ascontiguousarray(full[row : row + 10, col : col + 10]).tobytes()
