"""Change matrix of two class rasters: by hand, conserved area, order-free sums, SEEA 4.1 and 4.2."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qingshan.accounts.change import change_matrix
from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError, UnknownName
from qingshan.core.method import REGISTRY
from qingshan.domains.economy.methods import check_extent
from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.source import ArraySource

load_domains()
OPENING = [[1, 1, 2, 2], [1, 3, 3, 0]]
CLOSING = [[1, 2, 2, 1], [1, 3, 0, 2]]
PLACES = [[0, 0, 0, 0], [1, 1, 1, 1]]


def grid_of(shape, cell=100.0):
    return Grid("EPSG:32648", (cell, 0.0, 5e5, 0.0, -cell, 3e6), shape[1], shape[0])


def matrix(opening=OPENING, closing=CLOSING, places=PLACES, codes=(1, 2, 3), n_places=2, grid=None, **extra):
    opening, closing, places = (
        np.asarray(opening, np.uint8),
        np.asarray(closing, np.uint8),
        np.asarray(places, np.int32),
    )
    return change_matrix(
        grid or grid_of(opening.shape), ArraySource(opening, 0), ArraySource(closing, 0), ArraySource(places, -1), n_places=n_places,
        codes=codes, **extra,
    )  # fmt: skip


def test_two_places_by_hand():
    """Cells of 1 hm2. Place 0: 1-1, 1-2, 2-2, 2-1. Place 1: 1-1, 3-3, 3 to no class, no class to 2."""
    found = matrix()
    assert found.whole.tolist() == [
        [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
        [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 0, 0]],
    ]
    opening, closing = found.extents()
    assert opening.tolist() == [[2, 2, 0, 0], [1, 0, 2, 1]]
    assert closing.tolist() == [[2, 2, 0, 0], [1, 1, 1, 1]]
    assert found.area().tolist() == [4, 4]
    assert [f.code for f in found.findings()] == ["change_without_class"]
    assert "2.00 hm2" in found.findings()[0].en


def test_cells_are_those_of_the_declared_method():
    """`nature.transition_area@hj1171_2021` on the same maps, cells of 30 m: 0.09 hm2 each; NoData in either map is in no pair."""
    rng = np.random.default_rng(11)
    opening, closing = rng.integers(0, 4, (23, 31)), rng.integers(0, 4, (23, 31))
    found = matrix(opening, closing, np.zeros((23, 31)), n_places=1, grid=grid_of((23, 31), 30.0))
    start, end = (np.where(m == 0, np.nan, m).astype(float) for m in (opening, closing))
    wanted = REGISTRY["nature.transition_area@hj1171_2021"](start, end, np.array([1.0, 2.0, 3.0]), 30.0, 30.0)
    np.testing.assert_allclose(found.matrix[0], wanted, rtol=1e-12)


def test_figures_of_one_place_by_hand():
    """Place 0: both classes gain 1 and lose 1: net 0, swap 2, half of each persists; no change of area over two years."""
    found = matrix().of([0]).figures(2.0)
    assert found["gain"].tolist() == [[1, 1, 0]] == found["loss"].tolist()
    assert found["net_change"].tolist() == [[0, 0, 0]]
    assert found["swap"].tolist() == [[2, 2, 0]]
    np.testing.assert_array_equal(found["persistence"], [[50, 50, np.nan]])
    np.testing.assert_array_equal(found["yearly_change"], [[0, 0, np.nan]])


def test_wetland_taken_together_changes_at_its_own_rate():
    """Wetland 1 and 2 of 4 hm2: one cell 1-2 is no change, one 2-3 is a loss: 3 of 4 hm2 left after 5 years, -5 %/a; 75 % persists."""
    found = matrix([[1, 1, 2, 2, 3]], [[1, 2, 2, 3, 3]], [[0] * 5], n_places=1).group([1, 2])
    assert found.codes == (1, 2)
    assert found.matrix.tolist() == [[[3, 1], [0, 1]]]
    figures = found.figures(5.0)
    assert figures["yearly_change"][0, 0] == pytest.approx(-5.0)
    assert figures["persistence"][0, 0] == 75


def test_extent_account_splits_only_what_is_declared():
    """Place 0: 1-2 (1 hm2) declared managed, 2-1 not declared. Opening 2, 2; closing 2, 2."""
    account = matrix().of([0]).extent_account({(1, 2): "managed"})
    assert account["opening"].tolist() == [[2, 2, 0, 0]] == account["closing"].tolist()
    assert account["addition_managed"].tolist() == [[0, 1, 0, 0]]
    assert account["addition_undeclared"].tolist() == [[1, 0, 0, 0]]
    assert account["reduction_managed"].tolist() == [[1, 0, 0, 0]]
    assert account["reduction_undeclared"].tolist() == [[0, 1, 0, 0]]
    assert not account["addition_unmanaged"].any() and not account["net"].any()
    with pytest.raises(DeclarationError, match="natural"):
        matrix().extent_account({(1, 2): "natural"})
    with pytest.raises(UnknownName, match="9"):
        matrix().extent_account({(1, 9): "managed"})


def test_the_account_passes_the_seea_checks():
    found = matrix().of()
    opening, closing = found.extents()
    names = ["1", "2", "3", "no class"]
    assert check_extent(names, opening[0], closing[0], found.whole[0]) == []


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 12), st.integers(1, 12)), seed=st.integers(0, 2**32 - 1), geographic=st.booleans(),
)  # fmt: skip
def test_total_area_is_conserved_to_the_last_bit(shape, seed, geographic):
    """On a geographic grid the rows differ in area: the sum over classes and places is the sum of the cells inside, exactly."""
    rng = np.random.default_rng(seed)
    grid = (
        Grid("EPSG:4326", (0.01, 0.0, 106.0, 0.0, -0.01, 27.0), shape[1], shape[0])
        if geographic
        else grid_of(shape, 30.0)
    )
    places = rng.integers(-1, 3, shape)
    found = matrix(rng.integers(0, 5, shape), rng.integers(0, 5, shape), places, codes=(1, 2, 3), n_places=3, grid=grid)
    for place in range(3):
        wanted = sum(
            (int((places[i] == place).sum()) * Fraction(grid.row_area[i]) for i in range(shape[0])), Fraction(0)
        )
        got = Fraction(int(found.units[place].sum()), 1 << 60)
        assert abs(got - wanted) <= Fraction(places.size, 1 << 60)
    opening, closing = found.extents()
    np.testing.assert_allclose(opening.sum(axis=1), closing.sum(axis=1), rtol=1e-15)


def test_blocks_and_workers_do_not_change_a_byte(monkeypatch):
    rng = np.random.default_rng(7)
    shape = (300, 90)
    grid = Grid("EPSG:4326", (0.01, 0.0, 106.0, 0.0, -0.01, 27.0), shape[1], shape[0])
    given = rng.integers(0, 4, shape), rng.integers(0, 4, shape), rng.integers(-1, 4, shape)
    first = matrix(*given, n_places=4, grid=grid, workers=1).whole.tobytes()
    monkeypatch.setattr("qingshan.accounts.change.BLOCK_CELLS", 900)
    assert matrix(*given, n_places=4, grid=grid, workers=3).whole.tobytes() == first


def test_time_runs_backward_as_the_transposed_matrix():
    there, back = matrix(), matrix(CLOSING, OPENING)
    assert np.swapaxes(back.whole, 1, 2).tolist() == there.whole.tolist()


def test_places_of_unsigned_codes_with_their_own_nodata():
    places = ArraySource(np.array([[0, 65535]], np.uint16), 65535)
    layer = ArraySource(np.array([[1, 1]], np.uint8), 0)
    assert change_matrix(grid_of((1, 2)), layer, layer, places, n_places=1, codes=(1,)).area().tolist() == [1]


def test_bad_codes_and_no_place_refuse():
    with pytest.raises(DeclarationError, match="codes"):
        matrix(codes=(1, 1))
    with pytest.raises(DeclarationError, match="place"):
        matrix(n_places=0)
    with pytest.raises(UnknownName):
        matrix().group([8])
