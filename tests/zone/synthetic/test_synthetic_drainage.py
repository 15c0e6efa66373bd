"""Routing and carving on small surfaces worked by hand, and what must hold on any."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qingshan.zone.synthetic.drainage import LIFT, TALUS, above_river, accumulate, carve, drain


def routed(height: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    order, receiver = np.empty(height.size, np.int32), np.empty(height.size, np.int32)
    drain(height, order, receiver)
    return order, receiver


def test_a_pit_is_filled_to_its_rim_and_drains_over_it() -> None:
    height = np.array([[9, 9, 9, 9], [9, 2, 3, 5], [9, 9, 9, 9]], np.float32)
    _, receiver = routed(height)
    # the lowest rim cell is (1, 3) at 5: the pit cells rise above it one lift at a time
    assert np.allclose(height[1], [9, 5 + 2 * LIFT, 5 + LIFT, 5], atol=1e-6)
    assert receiver.reshape(3, 4)[1].tolist() == [-1, 6, 7, -1]


def test_catchments_of_a_plane_that_falls_east() -> None:
    """Rows drain along themselves; each cell of the inner rows adds its area to the next."""
    height = np.tile(np.arange(6, 0, -1, dtype=np.float32), (4, 1))
    height[0], height[-1] = 100, 100  # walls
    height[:, 0] = 100
    order, receiver = routed(height)
    area = accumulate(order, receiver, 900.0).reshape(4, 6)
    assert area[1].tolist() == [900, 900, 1800, 2700, 3600, 4500]


def test_carving_reaches_the_declared_slope_and_no_more_than_the_talus() -> None:
    height = np.tile(np.arange(6, 0, -1, dtype=np.float32), (3, 1))
    height[0], height[-1], height[:, 0] = 100, 100, 100
    order, receiver = routed(height)
    area = accumulate(order, receiver, 900.0)
    carve(height, order, receiver, area, np.full((3, 6), 20, np.float32), 30.0, 1.0)
    # cell (1, 4): catchment 4 cells = 3600 m2: slope 20/sqrt(3600 + 50000) = 0.0863868, over 30 m: 2.591605 above the rim's 1
    assert abs(height[1, 4] - 3.591605) < 1e-5
    carve(height, order, receiver, area, np.full((3, 6), 1e9, np.float32), 30.0, 1.0)
    assert abs(height[1, 4] - (1 + TALUS * 30)) < 1e-5


def test_height_above_the_river() -> None:
    height = np.array([[50, 50, 50, 50], [50, 9, 7, 4], [50, 50, 50, 50]], np.float32)
    order, receiver = routed(height)
    area = accumulate(order, receiver, 1.0)
    above, size = above_river(height, order, receiver, area, 2.0, 60.0)
    # (1, 2) carries two cells and is a river; (1, 1) stands 2 m above it; the outlet (1, 3) carries three
    assert above[1].tolist() == [60, 2, 0, 0]
    assert size[1].tolist() == [0, 2, 2, 3]


@settings(max_examples=25)
@given(st.integers(3, 25), st.integers(3, 25), st.integers(0, 2**31))
def test_every_cell_reaches_the_rim_downhill_and_no_area_is_lost(rows: int, cols: int, seed: int) -> None:
    height = np.random.default_rng(seed).integers(0, 9, (rows, cols)).astype(np.float32)  # many flats and pits
    before = height.copy()
    order, receiver = routed(height)
    assert sorted(order.tolist()) == list(range(rows * cols))
    assert (height >= before).all()
    flat, place = height.ravel(), np.empty(rows * cols, int)
    place[order] = np.arange(rows * cols)
    inner = receiver >= 0
    assert (flat[inner] > flat[receiver[inner]]).all()
    assert (place[inner] > place[receiver[inner]]).all()
    rim = np.ones((rows, cols), bool)
    rim[1:-1, 1:-1] = False
    assert np.array_equal(~inner, rim.ravel())
    assert accumulate(order, receiver, 1.0)[rim.ravel()].sum() == rows * cols
