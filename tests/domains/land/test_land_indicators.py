"""Wetland, forest and water-source indicators: LAND-17, LAND-18, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.core.domain import load_domains
from qingshan.core.errors import OutOfBounds, UnitError, UnknownName
from qingshan.core.method import REGISTRY

load_domains()


def run(ref, **arguments):
    return REGISTRY[f"land.{ref}"].apply(arguments)


def test_land_17_treated_area_is_a_lower_bound():
    years = np.arange(2021, 2026)
    treated = ([640, np.nan, np.nan, 887.83, np.nan], "km2")
    bound = run("treated_lower_bound@guizhou_series", treated=treated)
    assert bound == pytest.approx(1527.83, abs=0.005)
    progress = run("target_progress@guizhou_series", done=(bound, "km2"), target=(3550, "km2"))
    assert progress == pytest.approx(43.04, abs=0.005)
    missing = run("treated_missing_years@guizhou_series", treated=treated)
    assert years[missing == 1].tolist() == [2022, 2023, 2025]


def test_no_year_reported_is_unknown_not_zero():
    assert np.isnan(run("treated_lower_bound@guizhou_series", treated=([np.nan, np.nan], "km2")))


def test_land_18_pest_disaster_rate():
    areas = {"disaster_area": (1.5, "万亩"), "forest_area": (900, "万亩"), "young_area": (100, "万亩")}
    rate = run("pest_disaster_rate@forest_pest_2012", **areas)
    assert rate == pytest.approx(1.5, rel=1e-12)
    assert rate <= 2


def test_zero_denominators_are_undefined():
    zero = {"disaster_area": (0, "hm2"), "forest_area": (0, "hm2"), "young_area": (0, "hm2")}
    assert np.isnan(run("pest_disaster_rate@forest_pest_2012", **zero))
    nothing = (0, "count")
    assert np.isnan(run("source_compliance_rate@guizhou_series", meeting=nothing, sources=nothing))


def test_a_part_larger_than_its_whole_is_refused():
    with pytest.raises(OutOfBounds, match="protected wetland"):
        run("wetland_protection_rate@guizhou_series", protected_area=(11, "hm2"), wetland_area=(10, "hm2"))
    with pytest.raises(OutOfBounds, match="forest area exceeds"):
        run("forest_cover@guizhou_series", forest_area=(2, "km2"), land_area=(1, "km2"), canopy_threshold="0.2")
    with pytest.raises(OutOfBounds, match="more sources"):
        run("source_compliance_rate@guizhou_series", meeting=(3, "count"), sources=(2, "count"))


def test_forest_cover_keeps_its_canopy_threshold():
    areas = {"forest_area": (6212, "km2"), "land_area": (10_000, "km2")}
    assert run("forest_cover@guizhou_series", **areas, canopy_threshold="0.3") == pytest.approx(62.12, rel=1e-12)
    with pytest.raises(UnknownName, match="canopy_threshold"):
        run("forest_cover@guizhou_series", **areas)


def test_areas_are_areas():
    with pytest.raises(UnitError, match="wetland_area"):
        run("wetland_protection_rate@guizhou_series", protected_area=(1, "hm2"), wetland_area=(1, "km"))


@given(st.floats(1e-3, 1e6), st.floats(0, 1))
def test_protection_rate_is_a_share(total, share):
    areas = {"protected_area": (total * share, "hm2"), "wetland_area": (total, "hm2")}
    assert run("wetland_protection_rate@guizhou_series", **areas) == pytest.approx(share * 100, abs=1e-9)
