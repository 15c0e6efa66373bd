"""Gain, loss, swap and persistence of a change matrix, by hand."""

import numpy as np

from qingshan.domains.land import change

MATRIX = np.array([[50.0, 10.0, 0.0], [4.0, 20.0, 1.0], [0.0, 0.0, 0.0]])


def test_classes_by_hand():
    """Class 0: opening 60, closing 54, gains 4, loses 10. Class 1: opening 25, closing 30, gains 10, loses 5. Class 2 is new: 1."""
    assert change.class_gain(MATRIX).tolist() == [4, 10, 1]
    assert change.class_loss(MATRIX).tolist() == [10, 5, 0]
    assert change.class_net_change(MATRIX).tolist() == [-6, 5, 1]
    assert change.class_swap(MATRIX).tolist() == [8, 10, 0]
    np.testing.assert_allclose(change.class_persistence(MATRIX), [50 / 60 * 100, 80, np.nan])


def test_gain_and_loss_are_net_change_and_swap():
    matrix = np.random.default_rng(1).integers(0, 50, (4, 6, 6)).astype(float)
    both = change.class_gain(matrix) + change.class_loss(matrix)
    np.testing.assert_allclose(both, abs(change.class_net_change(matrix)) + change.class_swap(matrix))
    np.testing.assert_allclose(change.class_net_change(matrix).sum(axis=-1), 0, atol=1e-9)


def test_area_from_a_grade_on():
    assert change.area_from_grade([[5.0, 3.0, 2.0, 1.0]], 1).tolist() == [6]
    assert change.area_from_grade([5.0, 3.0, 2.0, 1.0], 2) == 3
