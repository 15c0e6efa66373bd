"""Factors by class: FOR-28 of forest.md; a class that is not there refuses."""

import pytest

from qingshan.core.errors import MissingParameter, OutOfBounds
from qingshan.observe.factors import bcef, root_shoot


def test_for_28_subtropical_humid():
    assert root_shoot("subtropical_humid", "broad", 126).value == 0.24
    with pytest.raises(MissingParameter, match="125 t/hm2") as refused:
        root_shoot("subtropical_humid", "broad", 125)
    assert "table 4.4" in refused.value.document
    with pytest.raises(OutOfBounds):
        root_shoot("subtropical_humid", "broad", 0)


def test_a_bound_belongs_to_the_lower_class():
    assert [root_shoot("subtropical_dry", "con", b).value for b in (20, 20.1)] == [0.56, 0.28]


def test_bcef_by_growing_stock():
    # 2006 IPCC table 4.5, temperate hardwoods, BCEF of stock: 3.0, 1.7, 1.4, 1.05, 0.8
    assert [bcef("temperate", "hardwoods", v).value for v in (20, 21, 40.5, 100, 101, 500)] == [
        3.0,
        1.7,
        1.4,
        1.4,
        1.05,
        0.8,
    ]
    with pytest.raises(MissingParameter, match="subtropical_humid"):
        bcef("subtropical_humid", "hardwoods", 80)
    with pytest.raises(OutOfBounds):
        bcef("temperate", "hardwoods", -1)
