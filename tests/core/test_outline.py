"""Reasons of GEOS in Chinese."""

import pytest
import shapely

from qingshan.core.outline import reason_zh


@pytest.mark.parametrize(
    ("ring", "says"),
    [
        ([(0, 0), (2, 2), (2, 0), (0, 2)], "自相交（1 1）"),
        ([(0, 0), (4, 0), (4, 4), (2, 0), (0, 4)], "环自相交（2 0）"),
    ],
)
def test_what_shapely_says_has_no_english_left(ring, says):
    reason = shapely.is_valid_reason(shapely.Polygon(ring))
    assert "intersection" in reason and reason_zh(reason) == says


def test_an_unknown_reason_stays():
    assert reason_zh("Something else[0 0]") == "Something else[0 0]" and reason_zh("no area") == "没有面积"
