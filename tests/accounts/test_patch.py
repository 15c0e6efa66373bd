"""Patches of equal grade: by hand, against scipy's labelling, independent of bands, the smallest patch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from qingshan.accounts import patch
from qingshan.accounts.patch import NONE, SMALL, patches_of
from qingshan.core.errors import DeclarationError
from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.source import ArraySource


def grid_of(shape, cell=100.0):
    return Grid("EPSG:32648", (cell, 0.0, 5e5, 0.0, -cell, 3e6), shape[1], shape[0])


def run(grades, folder, codes=(1, 2), smallest=0.0, neighbours="4", **extra):
    grades = np.asarray(grades, np.uint8)
    return patches_of(
        grid_of(grades.shape),
        ArraySource(grades, 0),
        codes=codes,
        smallest=smallest,
        neighbours=neighbours,
        folder=folder,
        **extra,
    )


BY_HAND = [
    [1, 1, 0, 2],
    [0, 2, 2, 1],
    [1, 2, 1, 1],
]


def test_patches_by_hand(tmp_path):
    """By sides: grade 1 has 1 1 above, 1 below left, and the three right below (areas 2, 1, 3 hm2); grade 2 has 2 alone and three in the middle.

    With corners the 2 above right joins the three in the middle: 4 hm2 in one patch.
    """
    sides, corners = run(BY_HAND, tmp_path), run(BY_HAND, tmp_path, neighbours="8")
    assert sides.count.tolist() == [3, 2] and sides.area.tolist() == [6, 4] and sides.none_area == 2
    assert corners.count.tolist() == [3, 1] and corners.area.tolist() == [6, 4]


def test_a_patch_of_exactly_the_smallest_area_stays_and_smaller_ones_lose_their_grade(tmp_path):
    found = run(BY_HAND, tmp_path, smallest=2.0)
    assert (
        found.kept_count.tolist() == [2, 1]
        and found.kept_area.tolist() == [5, 3]
        and found.small_area.tolist() == [1, 1]
    )
    s, n = SMALL, NONE
    assert found.grades.read(found.grades.grid.whole).tolist() == [[1, 1, n, s], [n, 2, 2, 1], [s, 2, 1, 1]]
    assert "2.00 hm2 (20.0 %)" in found.findings()[0].en
    assert [p.name for p in tmp_path.iterdir()] == ["grades.cells"]


def test_a_patch_that_closes_only_at_the_bottom_is_one(tmp_path, monkeypatch):
    """A U: both arms join in the last row, in another band than where they began."""
    grades = np.zeros((50, 5), int)
    grades[:, 0], grades[:, 4], grades[-1] = 1, 1, 1
    monkeypatch.setattr(patch, "BLOCK_CELLS", 15)
    found = run(grades, tmp_path, codes=(1,), smallest=103.0)
    assert found.count.tolist() == [1] and found.area.tolist() == [103] and found.kept_count.tolist() == [1]


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 20), st.integers(1, 20)), seed=st.integers(0, 2**32 - 1), share=st.floats(0.2, 0.9),
    neighbours=st.sampled_from(["4", "8"]), band=st.sampled_from([1, 30, 2**22]),
)  # fmt: skip
def test_any_grid_against_scipy(shape, seed, share, neighbours, band, tmp_path_factory):
    rng = np.random.default_rng(seed)
    grades = np.where(rng.random(shape) < share, rng.integers(1, 3, shape), 0)
    with pytest.MonkeyPatch.context() as context:
        context.setattr(patch, "BLOCK_CELLS", band)
        found = run(grades, tmp_path_factory.mktemp("p"), smallest=3.0, neighbours=neighbours)
    written = found.grades.read(found.grades.grid.whole)
    for n, code in enumerate((1, 2)):
        labels, count = ndimage.label(grades == code, np.ones((3, 3)) if neighbours == "8" else None)
        sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        assert (
            found.count[n] == count and found.area[n] == sizes.sum() and found.kept_area[n] == sizes[sizes >= 3].sum()
        )
        assert ((written == code) == np.isin(labels, np.flatnonzero(sizes >= 3) + 1)).all()


def test_areas_of_a_geographic_grid_add_up(tmp_path):
    grid = Grid("EPSG:4326", (0.01, 0.0, 106.0, 0.0, -0.01, 27.0), 3, 40)
    found = patches_of(
        grid,
        ArraySource(np.ones((40, 3), np.uint8)),
        codes=(1,),
        smallest=0,
        neighbours="8",
        folder=tmp_path,
        write=False,
    )
    assert found.area[0] == pytest.approx(3 * grid.row_area.sum() / 1e4, rel=1e-9) and found.grades is None


def test_floats_with_nan_and_codes_not_asked_for_belong_to_no_patch(tmp_path):
    grades = ArraySource(np.array([[1.0, np.nan, 7.0, -3.0]], np.float32))
    found = patches_of(grid_of((1, 4)), grades, codes=(1,), smallest=0, neighbours="4", folder=tmp_path)
    assert found.area.tolist() == [1] and found.none_area == 3


def test_bad_rules_refuse(tmp_path):
    for bad in ({"neighbours": "6"}, {"smallest": -1.0}, {"codes": (1, 255)}, {"codes": ()}):
        with pytest.raises(DeclarationError):
            run(BY_HAND, tmp_path, **bad)
