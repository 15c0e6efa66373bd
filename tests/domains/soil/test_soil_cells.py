"""Soil cells at the worked examples of national-survey.md (NS) and land.md (LAND), one cell at a time."""

import math

import pytest

from qingshan.core.cell import find_cell
from qingshan.core.domain import load_domains
from qingshan.core.method import REGISTRY

load_domains()


def f(name):
    return find_cell(name).function


def test_k_of_both_editions():
    """NS-3 and LAND-12: 40 / 40 / 20 %, organic carbon 1.5 %."""
    texture = (40.0, 40.0, 20.0, 1.5)
    assert f("soil.k_epic@hj1173_2021")(*texture) == pytest.approx(0.26043963, abs=1e-7)
    assert f("soil.k@hj1173_2021")(f("soil.k_epic@hj1173_2021")(*texture)) == pytest.approx(0.015868762, abs=1e-8)
    assert f("soil.k@weibei2019:si")(*texture) == pytest.approx(0.26043963, abs=1e-7)
    assert f("soil.k@weibei2019:us_customary")(*texture) == pytest.approx(0.26043963 * 0.1317, abs=1e-8)
    assert math.isnan(f("soil.k_epic@hj1173_2021")(50.0, 40.0, 20.0, 1.5)) and math.isnan(
        f("soil.k_epic@hj1173_2021")(100.0, 0.0, 0.0, 1.5)
    )


def test_l_and_s():
    """NS-4, NS-5, LAND-13, LAND-14."""
    for slope, wanted in ((3, 1.13315573), (10, 1.20037624), (15, 1.21806170), (20, 1.22881841)):
        assert f("soil.l@hj1173_2021")(30.0, float(slope), 1000.0, 0.089) == pytest.approx(wanted, abs=1e-7)
    steep = {
        0: 0.03,
        3: 0.59522833,
        8: 1.83810810,
        10.19: 2.47213778,
        10.20: 2.91815581,
        15: 4.70813709,
        28.81: 9.5988,
        35: 9.5988,
    }
    for slope, wanted in steep.items():
        assert f("soil.s@hj1173_2021")(float(slope)) == pytest.approx(wanted, abs=1e-7)
    assert f("soil.l@weibei2019")(30.0, 10.0, 1000.0, 0.0896) == pytest.approx(1.19978716, abs=1e-7)
    for slope, wanted in ((3, 0.59522833), (10, 2.41728938), (20, 6.53366134)):
        assert f("soil.s@weibei2019")(float(slope)) == pytest.approx(wanted, abs=1e-7)
    assert math.isnan(f("soil.l@hj1173_2021")(0.0, 0.0, 100.0, 0.089))


@pytest.mark.parametrize("ref", ["soil.l@hj1173_2021", "soil.l@weibei2019"])
def test_a_missing_length_stays_missing_on_level_ground(ref):
    """NaN ** 0 is 1: the factor must not come from the exponent."""
    given = {
        "slope_length": ([0.0, math.nan], "m"),
        "slope": (0.0, "degree"),
        "slope_length_max": (100.0, "m"),
        "beta_constant": (0.089, "1"),
    }
    assert all(math.isnan(v) for v in REGISTRY[ref].apply(given))


def test_c_of_tables_and_equations():
    """NS-6 for dry land, table A.1 for forest, LAND-15 for the paper; half dry land is half of each rule."""
    for cover, wanted in (
        (1, 0.221),
        (0.6, 0.35300001),
        (0.3, 0.53211285),
        (0.05, 0.99511285),
        (0.0, 1.0),
        (0.04, 1.0),
    ):
        assert f("soil.c_dry@hj1173_2021")(cover) == pytest.approx(wanted, abs=1e-7)
    forest = (0.10, 0.08, 0.06, 0.02, 0.004, 0.001)
    for cover, wanted in (
        (0, 0.10),
        (9.9, 0.10),
        (10, 0.08),
        (30, 0.06),
        (50, 0.02),
        (70, 0.004),
        (90, 0.004),
        (90.1, 0.001),
    ):
        assert f("soil.c@hj1173_2021")(float(cover), 0.0, *forest) == wanted
    assert f("soil.c@hj1173_2021")(60.0, 1.0, *forest) == pytest.approx(0.35300001, abs=1e-7)
    assert f("soil.c@hj1173_2021")(60.0, 0.5, *(0.0,) * 6) == pytest.approx(0.176500005, abs=1e-7)
    for cover, wanted in ((0.1, 1), (50, 0.06703391), (78.3, 0.00010346), (80, 0)):
        assert f("soil.c@weibei2019")(float(cover)) == pytest.approx(wanted, abs=1e-7)


def test_loss_retention_and_grade():
    """NS-7: R 4000, K of NS-3, 30 m at 15 degrees, forest of 60 % cover; modulus 728.03 t/(km2 a) is 轻度 (1)."""
    k = f("soil.k@hj1173_2021")(f("soil.k_epic@hj1173_2021")(40.0, 40.0, 20.0, 1.5))
    l, s = f("soil.l@hj1173_2021")(30.0, 15.0, 1000.0, 0.089), f("soil.s@hj1173_2021")(15.0)  # noqa: E741
    potential, actual = (
        f("soil.potential_loss@hj1173_2021")(4000.0, k, l, s),
        f("soil.actual_loss@hj1173_2021")(4000.0, k, l, s, 0.02),
    )
    assert potential == pytest.approx(364.016794, rel=1e-6) and actual == pytest.approx(7.280336, rel=1e-6)
    assert f("soil.retention@hj1173_2021")(potential, actual) == pytest.approx(356.736458, rel=1e-6)
    modulus = f("soil.modulus@hj1174_2021")(4000.0, k, l, s, 0.02)
    assert modulus == pytest.approx(728.033587, rel=1e-6)
    assert f("soil.loss_grade@hj1174_2021")(modulus, 500.0, 2500.0, 5000.0, 8000.0, 15000.0) == 1


def test_grades_at_the_cuts():
    """NS-17 and LAND-9: the boundary of 微度 is on another side in each standard."""
    cuts = (500.0, 2500.0, 5000.0, 8000.0, 15000.0)
    for modulus, grade in ((499.9, 0), (500, 1), (2500, 1), (2500.1, 2), (8000, 3), (15000, 4), (15000.1, 5)):
        assert f("soil.loss_grade@hj1174_2021")(float(modulus), *cuts) == grade
    for modulus, grade in ((400, 0), (500, 0), (501, 1), (2500, 1), (2501, 2), (15000, 4), (15001, 5)):
        assert f("soil.loss_grade@sl190_2007")(float(modulus), *cuts) == grade
    assert [f("soil.eroded@grade")(float(g)) for g in (0, 1, 5)] == [0, 1, 1]
    assert [f("soil.loss_grade_five@hj1174_2021")(float(g)) for g in range(6)] == [0, 1, 2, 3, 3, 4]


def test_erosivity_from_months_and_half_months():
    """LAND-10: F 150.169492, R 4045.4476 as the source has it; the declared unit turns the number into an erosivity."""
    months = (20.0, 20, 40, 100, 180, 220, 200, 160, 100, 80, 40, 20)
    index = f("soil.fournier@weibei2019")(*months)
    assert index == pytest.approx(150.169492, rel=1e-6)
    number = f("soil.r_monthly@weibei2019")(index, 0.1833, 1.9957)
    assert number == pytest.approx(4045.4476, rel=1e-6)
    assert f("soil.r_in_unit@declared")(number, 1.0) == number
    assert f("soil.r@hj1173_2021")(*(float(i) for i in range(1, 25))) == 300


def test_sand_fixation():
    """NS-10 to NS-12: the potential may lie below the actual far down the wind; never clipped."""
    erodible = f("soil.wind_erodible_fraction@hj1173_2021")(40.0, 30.0, 10.0, 1.0, 0.0)
    crust = f("soil.wind_crust@hj1173_2021")(10.0, 1.0)
    rough, cover = f("soil.wind_roughness@hj1173_2021")(2.0, 0.0), f("soil.wind_cover@hj1173_2021")(20.0, 0.1151)
    assert (erodible, crust, rough, cover) == pytest.approx((0.4532, 0.594883998, 0.412935549, 0.100058526), abs=1e-8)
    bare, grown = (f("soil.wind_load@hj1173_2021")(20.0, erodible, crust, rough, c) for c in (1.0, cover))
    assert f("soil.wind_loss@hj1173_2021")(bare, 50.0) == pytest.approx(1597.274633, rel=1e-6)
    assert f("soil.sand_retention@hj1173_2021")(bare, grown, 50.0) == pytest.approx(1563.192549, rel=1e-6)
    assert f("soil.sand_retention@hj1173_2021")(bare, grown, 500.0) == pytest.approx(-9.546791, rel=1e-6)
    assert f("soil.beyond_critical_length@hj1173_2021")(bare, 500.0) == 1
    assert f("soil.sand_retention@hj1173_2021")(0.0, 0.0, 50.0) == 0
    assert math.isnan(f("soil.wind_roughness@hj1173_2021")(60.0, 0.0))
