"""Noise by counter: the same cells from any window, within its amplitude, like noise."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from qingshan.zone.synthetic.noise import add_noise, key_of, uniform

MASK = (1 << 64) - 1


def by_hand(key: int, row: int, col: int) -> float:
    """The mixing function as printed (Steele, Lea & Flood 2014: 30, 0xBF58476D1CE4E5B9, 27, 0x94D049BB133111EB, 31), with one
    more round, in Python's whole numbers."""
    z = (key + row * 0x9E3779B97F4A7C15 + col * 0xC2B2AE3D27D4EB4F) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    z = ((z ^ (z >> 31)) * 0xBF58476D1CE4E5B9) & MASK
    z ^= z >> 30
    return (z >> 40) / 2**24


@given(st.integers(-(2**40), 2**40), st.integers(-(2**40), 2**40))
def test_a_draw_is_the_mixing_function(row: int, col: int) -> None:
    key = key_of(7, "test")
    assert uniform(key, row, col) == by_hand(int(key), row, col)


def test_draws_are_spread_evenly_and_unrelated() -> None:
    key = key_of(1, "test")
    draws = np.array([[uniform(key, r, c) for c in range(200)] for r in range(200)])
    counts = np.histogram(draws, bins=20, range=(0, 1))[0]
    # chi-square with 19 degrees of freedom: 99.99 % lie below 50.8 (printed tables)
    assert ((counts - 2000) ** 2 / 2000).sum() < 50.8
    for a, b in ((draws[1:], draws[:-1]), (draws[:, 1:], draws[:, :-1]), (draws[1:, 1:], draws[:-1, :-1])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 4 / 200  # four standard errors of 40,000 pairs


def test_a_lattice_point_has_its_draw_and_the_middle_the_mean() -> None:
    """Spacing 2 and cells of 1: centres lie a quarter and three quarters between lattice points, where 3t² - 2t³ is 0.15625."""
    key = key_of(3, "test")
    out = np.zeros((1, 8))
    add_noise(out, 0, 0, 1, 2, key, 1.0)
    shift = int(uniform(key, -2, 2) * 4)
    row_shift = int(uniform(key, -1, 2) * 4)

    def corner(row: int, col: int) -> float:
        return 2 * by_hand(int(key), row, col) - 1

    for j in range(8):
        y, x = row_shift, 2 * j + shift
        t, s = (y % 4) / 4, (x % 4) / 4
        t, s = t * t * (3 - 2 * t), s * s * (3 - 2 * s)
        west = corner(y // 4, x // 4) * (1 - t) + corner(y // 4 + 1, x // 4) * t
        east = corner(y // 4, x // 4 + 1) * (1 - t) + corner(y // 4 + 1, x // 4 + 1) * t
        assert abs(out[0, j] - (west * (1 - s) + east * s)) < 1e-12


@settings(max_examples=30)
@given(
    st.integers(0, 500), st.integers(0, 500), st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 2, 7, 32]),
    st.sampled_from([1, 2, 4]),
)  # fmt: skip
def test_any_window_shows_the_same_cells(top: int, left: int, rows: int, cols: int, spacing: int, factor: int) -> None:
    key = key_of(11, "test")
    whole, part = np.zeros((top + rows, left + cols)), np.zeros((rows, cols))
    add_noise(whole, 0, 0, factor, spacing, key, 2.0)
    add_noise(part, top, left, factor, spacing, key, 2.0)
    assert np.array_equal(part, whole[top:, left:])
    assert np.abs(whole).max() <= 2.0
