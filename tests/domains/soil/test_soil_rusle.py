"""Soil retention of HJ 1173-2021 A.2: NS-1 to NS-8 of national-survey.md, refusals, invariants."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.core.domain import load_domains
from qingshan.core.errors import MissingParameter, OutOfBounds, UnitError, UnknownName
from qingshan.core.method import REGISTRY
from qingshan.core.parameter import RELEASE_STATUSES

PARAMETERS = load_domains().parameters()
SET = "hj1173_2021"
R, K = "MJ mm/(hm2 h a)", "t hm2 h/(hm2 MJ mm)"


def run(name, **arguments):
    return REGISTRY[f"soil.{name}@{SET}"].apply(arguments)


def value(parameter, cls=""):
    return PARAMETERS.find(parameter, cls=cls, set=SET).value


def erosivity(rain, half_month, years, erosive_rain=0.0):
    return run(
        "r_half_month",
        rain=(rain, "mm"),
        half_month=(half_month, "1"),
        warm_first_month=(5, "1"),
        warm_last_month=(9, "1"),
        erosive_rain=(erosive_rain, "mm"),
        alpha_warm=(value("soil.erosivity_alpha", "暖季"), "1"),
        alpha_cool=(value("soil.erosivity_alpha", "凉季"), "1"),
        exponent=(value("soil.erosivity_exponent"), "1"),
        years=(years, "count"),
    )


def slope_length(length, slope, constant, cap=300.0):
    return run(
        "l",
        slope_length=(length, "m"),
        slope=(slope, "degree"),
        slope_length_max=(cap, "m"),
        beta_constant=(constant, "1"),
    )


def texture(sand=40.0, silt=40.0, clay=20.0, carbon=1.5):
    return {"sand": (sand, "%"), "silt": (silt, "%"), "clay": (clay, "%"), "organic_carbon": (carbon, "%")}


def c_table(kind):
    return [row.value for row in PARAMETERS.rows("soil.c_cover", set=SET) if row.cls.startswith(f"{kind}:")]


def test_ns_1_half_month_erosivity():
    found = erosivity([12, 30, 50, 15], [13, 13, 13, 1], years=1)  # first half of July, first half of January
    assert found[12] == pytest.approx(506.129779, rel=1e-6)
    assert found[0] == pytest.approx(33.267742, rel=1e-6)
    assert run("r", half_months=(found, R)) == pytest.approx(539.397522, rel=1e-6)


def test_ns_2_mean_over_years():
    assert erosivity([20, 40, 30], [13, 13, 13], years=2)[12] == pytest.approx(219.427629, rel=1e-6)


def test_a_year_without_erosive_days_counts():
    one, two = (erosivity([20, 40], [13, 13], years=n)[12] for n in (1, 2))
    assert two == pytest.approx(one / 2, rel=1e-12)


def test_the_erosive_day_starts_at_its_threshold():
    assert erosivity([11.9], [13], years=1, erosive_rain=12)[12] == 0
    assert erosivity([12.0], [13], years=1, erosive_rain=12)[12] > 0


def test_an_unknown_day_spoils_only_its_half_month():
    found = erosivity([np.nan, 30], [1, 13], years=1)
    assert np.isnan(found[0]) and found[12] > 0


def test_season_and_erosive_day_are_open_slots():
    for parameter, cls in (("soil.warm_season", "首月"), ("soil.erosive_rain", ""), ("soil.slope_length_max", "")):
        with pytest.raises(MissingParameter, match="原文未印"):
            PARAMETERS.find(parameter, cls=cls, set=SET)


def test_ns_3_erodibility():
    epic = run("k_epic", **texture())
    assert epic == pytest.approx(0.26043963, abs=1e-7)
    assert run("k", epic=(epic, "1")) == pytest.approx(0.015868762, abs=1e-7)


def test_no_fines_open_texture_and_small_k_are_invalid():
    sand, silt, clay = [100, 40, 40], [0, 40, 40], [0, 22, 18.9]
    assert np.isnan(run("k_epic", **texture(sand, silt, clay))).all()
    low, high = run("k", epic=([0.0268153, 0.0268154], "1"))  # K = 0 at K_EPIC 0.02681532
    assert np.isnan(low) and high > 0


def test_cell_state_says_why():
    sand, silt = [40, 100, 40, 40, np.nan], [40, 0, 40, 40, 40]
    clay, length = [20, 0, 25, 20, 20], [30, 30, 30, 0, 30]
    state = run("rusle_cell_state", **texture(sand, silt, clay), slope_length=(length, "m"))
    labels = REGISTRY[f"soil.rusle_cell_state@{SET}"].result.labels
    assert [labels[int(s)] for s in state] == ["有效", "缺少细粒", "质地合计不闭合", "坡长为零", "未知"]


def test_ns_4_slope_length():
    found = slope_length(30.0, [3, 10, 15, 20], value("soil.beta_constant"))
    assert found == pytest.approx([1.13315573, 1.20037624, 1.21806170, 1.22881841], abs=1e-7)


def test_slope_length_is_capped_and_zero_is_invalid():
    assert slope_length(1000.0, 15, 0.089, cap=30.0) == slope_length(30.0, 15, 0.089)
    assert np.isnan(slope_length(0.0, 15, 0.089))


def test_ns_5_slope_steepness():
    found = run("s", slope=([0, 3, 8, 10.19, 10.20, 15, 28.81, 35], "degree"))
    expected = [0.03, 0.59522833, 1.83810810, 2.47213778, 2.91815581, 4.70813709, 9.5988, 9.5988]
    assert found == pytest.approx(expected, abs=1e-7)


def test_ns_6_dry_land():
    found = run("c_dry", cover=([1, 0.6, 0.3, 0.05], "fraction"))
    assert found == pytest.approx([0.221, 0.35300001, 0.53211285, 0.99511285], abs=1e-7)


def test_dry_land_is_capped_and_flagged():
    cover = ([0, 0.049, 0.0491, np.nan], "fraction")  # the equation passes 1 at 0.0490632
    assert run("c_dry", cover=cover)[:2] == pytest.approx([1, 1], abs=0)
    assert run("c_dry", cover=cover)[2] < 1
    np.testing.assert_array_equal(run("c_capped", cover=cover), [1, 1, 0, np.nan])


def test_dry_land_takes_percent_as_percent():
    assert run("c_dry", cover=(60, "%")) == pytest.approx(0.35300001, abs=1e-7)


def test_table_c_sides():
    found = run("c_cover", cover=([9.9, 10, 30, 50, 70, 90, 90.1, np.nan], "%"), table=(c_table("森林"), "1"))
    np.testing.assert_array_equal(found, [0.10, 0.08, 0.06, 0.02, 0.004, 0.004, 0.001, np.nan])


def test_table_c_by_type_on_a_leading_axis():
    tables = [c_table(kind) for kind in ("灌丛", "草地", "乔木园地", "灌木园地")]
    assert run("c_cover", cover=(60, "%"), table=(tables, "1")).tolist() == [0.085, 0.09, 0.089, 0.087]


def test_fixed_c_and_its_open_classes():
    assert [value("soil.c_fixed", c) for c in ("水田", "湿地", "城镇", "荒漠")] == [0, 0, 0.01, 0.7]
    with pytest.raises(MissingParameter, match="裸地"):
        value("soil.c_fixed", "裸地")


def retained(constant):
    k = run("k", epic=(run("k_epic", **texture()), "1"))
    factors = {"r": (4000, R), "k": (k, K), "l": (slope_length(30, 15, constant), "1")}
    factors["s"] = (run("s", slope=(15, "degree")), "1")
    c = run("c_cover", cover=(60, "%"), table=(c_table("森林"), "1"))
    return factors, c


def test_ns_7_soil_retention():
    factors, c = retained(0.089)
    assert c == 0.02
    potential = run("potential_loss", **factors)
    actual = run("actual_loss", **factors, c=(c, "1"))
    assert potential == pytest.approx(364.016794, rel=1e-6)
    assert actual == pytest.approx(7.280336, rel=1e-6)
    kept = run("retention", potential=(potential, "t/(hm2 a)"), actual=(actual, "t/(hm2 a)"))
    assert kept == pytest.approx(356.736458, rel=1e-6)
    modulus = REGISTRY["soil.modulus@hj1174_2021"].apply({**factors, "c": (c, "1")})
    assert modulus == pytest.approx(728.033587, rel=1e-6)
    cuts = [row.value for row in PARAMETERS.rows("soil.loss_cut", set="hj1174_2021")]
    tolerance = PARAMETERS.find("soil.tolerance", cls="西南土石山区", set="hj1174_2021").value
    grading = REGISTRY["soil.loss_grade@hj1174_2021"]
    grade = grading.apply(
        {"modulus": (modulus, "t/(km2 a)"), "tolerance": (tolerance, "t/(km2 a)"), "cuts": (cuts, "t/(km2 a)")}
    )
    assert grading.result.labels[int(grade)] == "轻度"


def test_ns_8_constant_of_the_literature():
    factors, _ = retained(0.0896)
    assert factors["l"][0] == pytest.approx(1.21749352, abs=1e-7)
    assert run("potential_loss", **factors) == pytest.approx(363.846994, rel=1e-6)


def test_ns_28_doubtful_rows_are_not_release_rows():
    row = PARAMETERS.find("soil.beta_constant", set=SET)
    assert row.status == "ocr_doubt" and row.status not in RELEASE_STATUSES
    assert REGISTRY[f"soil.k@{SET}"].status == "ocr_doubt"


def test_there_is_no_p_factor():
    factors, c = retained(0.089)
    with pytest.raises(UnknownName, match="'p'"):
        run("actual_loss", **factors, c=(c, "1"), p=(0.5, "1"))


def test_units_and_limits():
    factors, _ = retained(0.089)
    with pytest.raises(UnitError, match="potential_loss"):
        run("potential_loss", **{**factors, "k": (0.26, "1")})
    with pytest.raises(OutOfBounds, match="slope"):
        run("s", slope=(91, "degree"))
    with pytest.raises(OutOfBounds, match="cover"):
        run("c_dry", cover=(60, "fraction"))


percent = st.floats(0, 100)


@given(st.lists(percent, min_size=2, max_size=20), st.sampled_from(["森林", "灌丛", "草地", "乔木园地", "灌木园地"]))
def test_more_cover_never_means_a_larger_c(cover, kind):
    c = run("c_cover", cover=(sorted(cover), "%"), table=(c_table(kind), "1"))
    assert np.all(np.diff(c) <= 0)


@given(st.floats(0, 1e5), st.floats(0, 1), st.floats(0, 10), st.floats(0, 10), st.floats(0, 1))
def test_retention_is_potential_less_actual_and_never_negative(r, k, length, s, c):
    factors = {"r": (r, R), "k": (k, K), "l": (length, "1"), "s": (s, "1")}
    potential, actual = run("potential_loss", **factors), run("actual_loss", **factors, c=(c, "1"))
    kept = run("retention", potential=(potential, "t/(hm2 a)"), actual=(actual, "t/(hm2 a)"))
    assert kept + actual == pytest.approx(potential, rel=1e-12)
    assert kept >= 0
