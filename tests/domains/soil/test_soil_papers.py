"""RUSLE of the two papers: LAND-10 to LAND-15 of land.md, refusals."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.core.domain import load_domains
from qingshan.core.errors import MissingParameter, OutOfBounds, UnitError, UnknownName
from qingshan.core.method import REGISTRY

PARAMETERS = load_domains().parameters()
R, K = "MJ mm/(hm2 h a)", "t hm2 h/(hm2 MJ mm)"


def run(ref, **arguments):
    return REGISTRY[f"soil.{ref}"].apply(arguments)


def value(parameter, set_, cls=""):
    return PARAMETERS.find(parameter, cls=cls, set=set_).value


TEXTURE = {"sand": (40, "%"), "silt": (40, "%"), "clay": (20, "%"), "organic_carbon": (1.5, "%")}


def test_land_10_monthly_erosivity():
    rain = [[20, 20, 40, 100, 180, 220, 200, 160, 100, 80, 40, 20]]
    f = run("fournier@weibei2019", rain=(rain, "mm"))
    assert f == pytest.approx(150.169492, rel=1e-6)
    alpha, beta = (value(f"soil.fournier_{n}", "weibei2019") for n in ("alpha", "beta"))
    found = run("r_monthly@weibei2019", fournier=(f, "mm"), alpha=(alpha, "1"), beta=(beta, "1"))
    assert found == pytest.approx(4045.4476, rel=1e-6)


def test_fournier_is_the_mean_over_years():
    months = np.full((2, 12), 10.0)
    months[1] = 0  # a dry year counts with 0
    assert run("fournier@weibei2019", rain=(months, "mm")) == pytest.approx((12 * 100 / 120 + 0) / 2, rel=1e-12)


def test_land_11_daily_erosivity():
    beta = run("r_daily_beta@huanghua2011", mean_erosive_day=(25, "mm"), mean_erosive_year=(1100, "mm"))
    assert beta == pytest.approx(1.58429182, rel=1e-6)
    coefficient = run("r_daily_lambda@huanghua2011", beta=(beta, "1"))
    assert coefficient == pytest.approx(0.78983629, rel=1e-6)
    found = run(
        "r_daily@huanghua2011",
        rain=([12, 30, 50, 8], "mm"),
        erosive_rain=(value("soil.erosive_rain", "huanghua2011"), "mm"),
        beta=(beta, "1"),
        coefficient=(coefficient, "1"),
    )
    assert found == pytest.approx(601.687012, rel=1e-6)


def test_daily_erosivity_of_places_with_thresholds_of_their_own():
    """beta 1, lambda 2: 2*(12 + 30) and 2*30; an unknown day is unknown for its place only."""
    found = run(
        "r_daily@huanghua2011",
        rain=([[12, 30], [12, 30], [np.nan, 30]], "mm"),
        erosive_rain=([12, 20, 12], "mm"),
        beta=([1, 1, 1], "1"),
        coefficient=([2, 2, 2], "1"),
    )
    assert found[:2] == pytest.approx([84, 60]) and np.isnan(found[2])


def test_the_source_number_of_r_is_no_erosivity_in_si():
    with pytest.raises(UnitError, match="weibei2019, r: "):
        run("potential_loss@weibei2019", r=(4045, "1"), k=(0.03, K), l=(1, "1"), s=(1, "1"))


def test_land_12_erodibility():
    assert run("k_epic@weibei2019", **TEXTURE) == pytest.approx(0.26043963, abs=1e-6)
    assert run("k@weibei2019", **TEXTURE, k_unit_system="si") == pytest.approx(0.26043963, abs=1e-6)
    assert run("k@weibei2019", **TEXTURE, k_unit_system="us_customary") == pytest.approx(0.26043963 * 0.1317, abs=1e-6)


def test_the_unit_system_of_k_has_no_default():
    with pytest.raises(UnknownName, match="k_unit_system"):
        run("k@weibei2019", **TEXTURE)
    with pytest.raises(OutOfBounds, match="k_unit_system"):
        run("k@weibei2019", **TEXTURE, k_unit_system="metric")


def slope_length(slope, length=30, cap=300):
    return run(
        "l@weibei2019",
        slope_length=(length, "m"),
        slope=(slope, "degree"),
        slope_length_max=(cap, "m"),
        beta_constant=(value("soil.beta_constant", "weibei2019"), "1"),
    )


def test_land_13_slope_factors():
    found = slope_length(10)
    assert found == pytest.approx(1.19978716, abs=1e-7)
    assert np.log(found) / np.log(30 / 22.13) == pytest.approx(0.59864013, abs=1e-7)  # m
    assert run("s@weibei2019", slope=(10, "degree")) == pytest.approx(2.41728938, abs=1e-7)


def test_land_14_slope_steepness():
    found = run("s@weibei2019", slope=([0, 3, 20], "degree"))
    assert found == pytest.approx([0.03, 0.59522833, 6.53366134], abs=1e-7)


def test_length_exponent_by_slope_class():
    exponents = [row.value for row in PARAMETERS.rows("soil.l_exponent", set="huanghua2011")]
    assert exponents == [0.2, 0.3, 0.4, 0.5]
    slope = np.degrees(np.arctan(np.array([0, 0.009, 0.011, 0.029, 0.031, 0.089, 0.091])))
    found = run(
        "l@huanghua2011",
        slope_length=(22.13 * np.e, "m"),
        slope=(slope, "degree"),
        slope_length_max=(300, "m"),
        m=(exponents, "1"),
    )
    assert np.log(found) == pytest.approx([0.2, 0.2, 0.3, 0.3, 0.4, 0.4, 0.5], abs=1e-12)


def test_the_length_cap_is_open_and_mandatory():
    with pytest.raises(MissingParameter, match="坡长上限"):
        value("soil.slope_length_max", "weibei2019")
    assert slope_length(10, length=1000, cap=30) == slope_length(10, length=30)


def test_land_15_cover_factor():
    found = run("c@weibei2019", cover=([0.1, 50, 78.3, 80], "%"))
    assert found == pytest.approx([1, 0.06703391, 0.00010346, 0], abs=1e-7)
    assert np.isnan(run("c@weibei2019", cover=(np.nan, "%")))


def test_cover_by_pixel_dichotomy():
    ndvi = np.linspace(0, 1, 101)  # percentiles 5 and 95 are 0.05 and 0.95
    found = run("cover_dichotomy@lhasa_platform", ndvi=(ndvi, "1"), low_percentile=(5, "%"), high_percentile=(95, "%"))
    assert found[[0, 5, 50, 95, 100]] == pytest.approx([0, 0, 50, 100, 100], abs=1e-9)


def test_dichotomy_keeps_nodata_and_a_flat_area_undefined():
    percentiles = {"low_percentile": (5, "%"), "high_percentile": (95, "%")}
    found = run("cover_dichotomy@lhasa_platform", ndvi=([np.nan, 0.1, 0.9], "1"), **percentiles)
    assert np.isnan(found[0]) and not np.isnan(found[1:]).any()
    assert np.isnan(run("cover_dichotomy@lhasa_platform", ndvi=([0.4, 0.4], "1"), **percentiles)).all()


def test_practice_rows():
    assert value("soil.p", "huanghua2011", "耕地") == 0.47
    assert PARAMETERS.find("soil.p", cls="裸地", set="weibei2019").status == "ocr_doubt"
    for set_, cls in (("weibei2019", "耕地"), ("guizhou_karst", "")):
        with pytest.raises(MissingParameter, match="P 值表"):
            value("soil.p", set_, cls)


@given(st.floats(0, 1e4), st.floats(0, 1), st.floats(0, 1))
def test_loss_with_practice_is_never_more_than_potential(r, c, p):
    factors = {"r": (r, R), "k": (0.03, K), "l": (1.2, "1"), "s": (2.4, "1")}
    potential = run("potential_loss@weibei2019", **factors)
    actual = run("actual_loss@weibei2019", **factors, c=(c, "1"), p=(p, "1"))
    kept = run("retention@weibei2019", potential=(potential, "t/(hm2 a)"), actual=(actual, "t/(hm2 a)"))
    assert kept == pytest.approx(potential * (1 - c * p), rel=1e-9, abs=1e-12)
