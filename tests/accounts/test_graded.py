"""Areas by grade: conservation rate, share in conflict, survey rounds on both bases."""

import numpy as np
import pytest

from qingshan.accounts.graded import Round, compare_rounds, grade_areas
from qingshan.core.errors import DeclarationError, QingshanError
from qingshan.zone.raster.grid import Grid
from qingshan.zone.raster.source import ArraySource


def areas(grades, places, codes, n_places=1):
    grades, places = np.asarray(grades, np.uint8), np.asarray(places, np.int32)
    grid = Grid("EPSG:32648", (1000.0, 0.0, 5e5, 0.0, -1000.0, 3e6), grades.shape[1], grades.shape[0])
    return grade_areas(grid, ArraySource(grades, 255), ArraySource(places, -1), n_places=n_places, codes=codes)


def test_conservation_rate_by_hand():
    """Cells of 1 km2. Place 0: 微度 3, 轻度 1: 3/4. Place 1: 微度 1, 剧烈 1 and one cell without grade: 1/2, and 1 km2 is told."""
    found = areas([[0, 0, 0, 1], [0, 5, 255, 0]], [[0, 0, 0, 0], [1, 1, 1, -1]], range(6), 2)
    assert found.area.tolist() == [[3, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 1]] and found.none.tolist() == [0, 1]
    rate, findings = found.conservation_rate("soil.conservation_rate@guizhou_series")
    assert rate.tolist() == [75, 50]
    assert [f.code for f in findings] == ["ungraded_area"]
    with pytest.raises(DeclarationError, match="six grades"):
        areas([[0]], [[0]], range(5)).conservation_rate("soil.conservation_rate@guizhou_series")


def test_rocky_desertified_area_leaves_potential_out():
    """熊康宁 2002: 无 1, 潜在 2, 轻度 1, 强度 1 km2: desertified are 2 km2, with the potential 4."""
    found = areas([[0, 1, 1, 2, 4]], [[0] * 5], range(8))
    assert found.from_grade(2).tolist() == [2] and found.from_grade(1).tolist() == [4]


def test_conflict_share_counts_judged_cells_only():
    """Judged 4 km2 of which 1 in conflict (code 5); not karst (6) and unknown (7) are left out: 25 %."""
    found = areas([[0, 1, 4, 5, 6, 7, 7]], [[0] * 7], range(8))
    assert found.conflict_share("land.krd_conflict_share@project").tolist() == [25]


def test_rounds_of_the_national_bulletin():
    """land.md 2 and LAND-5: 1200.2 (2011) to 1007 (2016): -193.2 万hm2, 3.45 % a year; to 2021 -333.08 comparable, 7.72 %."""
    second, third = Round(2011, 1200.2, 1200.2), Round(2016, 1007.0, 1007.0)
    found = compare_rounds(second, third)
    assert found["reported"]["change"] == pytest.approx(-193.2)
    assert found["comparable"]["mean_annual_decrease"] == pytest.approx(3.45, abs=0.005)
    fourth = compare_rounds(third, Round(2021, None, 673.92))
    assert fourth == {"comparable": pytest.approx({"change": -333.08, "mean_annual_decrease": 7.72}, abs=0.005)}


def test_rounds_without_a_common_basis_refuse():
    with pytest.raises(QingshanError, match="no basis"):
        compare_rounds(Round(2016, 1007.0), Round(2021, None, 673.92))
    with pytest.raises(DeclarationError, match="follow"):
        compare_rounds(Round(2021, 1.0), Round(2016, 1.0))
