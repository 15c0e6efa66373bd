"""Rocky desertification: NS-14 to NS-16, NS-30, LAND-1 to LAND-6 and LAND-16; flags, refusals, invariants."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.core.domain import load_domains
from qingshan.core.errors import MissingParameter, OutOfBounds, UnknownName
from qingshan.core.method import REGISTRY
from qingshan.core.units import factor
from qingshan.domains.land.karst import LITHOLOGY, MixedBasisError

DOMAINS = load_domains()
PARAMETERS = DOMAINS.parameters()
HJ, XIONG = "hj1174_2021", "xiong2002"


def run(ref, **arguments):
    return REGISTRY[f"land.{ref}"].apply(arguments)


def cuts(parameter, set_, unit="%"):
    return [row.value for row in PARAMETERS.rows(parameter, set=set_)], unit


def words(ref, codes):
    return [REGISTRY[f"land.{ref}"].result.labels[int(c)] for c in np.atleast_1d(codes)]


def hj_factors(slope, cover, lithology):
    rock = np.nan if lithology is None else LITHOLOGY.index(lithology)
    return {
        "slope_grade": (
            run(f"krd_slope_grade@{HJ}", slope=(slope, "degree"), cuts=cuts("land.krd_slope_cut", HJ, "degree")),
            "class",
        ),
        "cover_grade": (
            run(f"krd_cover_grade@{HJ}", cover=(cover, "%"), cuts=cuts("land.krd_cover_cut", HJ)),
            "class",
        ),
        "lithology_grade": (run(f"krd_lithology_grade@{HJ}", lithology=(rock, "class")), "class"),
    }


def hj_grade(slope, cover, lithology, rule, karst=1):
    factors = hj_factors(slope, cover, lithology)
    return words(f"krd_grade@{HJ}", run(f"krd_grade@{HJ}", **factors, karst=(karst, "class"), conflict_rule=rule))[0]


def test_ns_14_single_factor_grades():
    expected = ["轻度", "轻度", "中度", "重度", "极重度"]
    factors = hj_factors([5, 15, 25, 35, 35.1], [80, 60, 40, 20, 19.9], "白云岩")
    assert words(f"krd_slope_grade@{HJ}", factors["slope_grade"][0]) == expected
    assert words(f"krd_cover_grade@{HJ}", factors["cover_grade"][0]) == expected


def test_flat_or_densely_covered_is_no_desertification():
    factors = hj_factors(4.9, 80.1, "埋藏性碳酸岩")
    assert [float(grade) for grade, _ in factors.values()] == [0, 0, 0]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("worst", "极重度"), ("median", "极重度"), ("cover_first", "无石漠化"), ("flag_only", "因子不一致")],
)
def test_ns_15_steep_wooded_limestone(rule, expected):
    assert hj_grade(40, 95, "灰岩与白云岩", rule) == expected


@pytest.mark.parametrize(("rule", "expected"), [("worst", "极重度"), ("median", "重度"), ("cover_first", "极重度")])
def test_ns_16_flat_bare_dolomite(rule, expected):
    assert hj_grade(3, 15, "白云岩", rule) == expected


def test_ns_30_no_default_for_the_conflict_rule():
    with pytest.raises(UnknownName, match="conflict_rule"):
        run(f"krd_grade@{HJ}", **hj_factors(40, 95, "白云岩"), karst=(1, "class"))
    with pytest.raises(OutOfBounds, match="conflict_rule"):
        hj_grade(40, 95, "白云岩", "mean")
    with pytest.raises(MissingParameter, match="定级规则"):
        PARAMETERS.find("land.krd_conflict_rule", set=HJ)


@pytest.mark.parametrize("rule", ["worst", "median", "cover_first", "flag_only"])
def test_unknown_and_not_karst_have_codes_of_their_own(rule):
    assert hj_grade(40, 95, None, rule) == "未知"
    assert hj_grade(40, np.nan, "白云岩", rule) == "未知"
    assert hj_grade(40, 95, "白云岩", rule, karst=np.nan) == "未知"
    assert hj_grade(40, np.nan, None, rule, karst=0) == "非岩溶"
    assert hj_grade(30, 30, "白云岩", rule) == "重度"  # all agree


def test_conflict_share_is_weighted_by_area_and_leaves_unjudged_cells_out():
    factors = hj_factors([40, 30, 40, 40], [95, 30, 95, np.nan], "白云岩")
    conflict = run(f"krd_conflict@{HJ}", **factors, karst=([1, 1, 0, 1], "class"))
    np.testing.assert_array_equal(conflict, [1, 0, np.nan, np.nan])
    share = run("krd_conflict_share@project", conflict=(conflict, "class"), area=([30, 10, 500, 500], "hm2"))
    assert share == pytest.approx(75, rel=1e-12)
    assert np.isnan(run("krd_conflict_share@project", conflict=([np.nan], "class"), area=([1], "hm2")))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("worst", "多个因子"), ("median", "多个因子"), ("cover_first", "植被覆盖度"), ("flag_only", "未定")],
)
def test_deciding_factor_of_hj_1174(rule, expected):
    factors = hj_factors(40, 95, "灰岩与白云岩")
    grade = run(f"krd_grade@{HJ}", **factors, karst=(1, "class"), conflict_rule=rule)
    found = run(f"krd_deciding_factor@{HJ}", **factors, grade=(grade, "class"))
    assert words(f"krd_deciding_factor@{HJ}", found) == [expected]


def exposure_grade(x):
    return run(f"krd_exposure_grade@{XIONG}", exposure=(x, "%"), cuts=cuts("land.krd_exposure_cut", XIONG))


def cover_grade(c):
    return run(f"krd_cover_grade@{XIONG}", cover=(c, "%"), cuts=cuts("land.krd_soil_cover_cut", XIONG))


def test_land_1_exposure():
    found = words(f"krd_exposure_grade@{XIONG}", exposure_grade([20, 30, 30.5, 50, 50.5, 70, 70.1]))
    assert found == ["潜在", "潜在", "轻度", "轻度", "中度", "中度", "强度"]
    assert words(f"krd_exposure_grade@{XIONG}", exposure_grade([0, 19.9, 100])) == ["无", "无", "强度"]


def test_land_2_cover():
    found = words(f"krd_cover_grade@{XIONG}", cover_grade([80.5, 80, 70, 69.5, 50, 49.9, 30, 29.9]))
    assert found == ["无", "潜在", "潜在", "轻度", "轻度", "中度", "中度", "强度"]


@pytest.mark.parametrize(
    ("rule", "expected", "decided"),
    [
        ("worse", "强度", "植被+土被覆盖率"),
        ("exposure_first", "轻度", "基岩裸露率"),
        ("flag_only", "因子不一致", "未定"),
    ],
)
def test_land_3_conflict(rule, expected, decided):
    factors = {"exposure_grade": (exposure_grade(40), "class"), "cover_grade": (cover_grade(20), "class")}
    grade = run(f"krd_grade@{XIONG}", **factors, karst=(1, "class"), conflict=rule)
    assert words(f"krd_grade@{XIONG}", grade) == [expected]
    assert run(f"krd_conflict@{XIONG}", **factors, karst=(1, "class")) == 1
    found = run(f"krd_deciding_factor@{XIONG}", **factors, grade=(grade, "class"))
    assert words(f"krd_deciding_factor@{XIONG}", found) == [decided]


def test_xiong_masks_and_limits():
    grades = {"exposure_grade": ([2, np.nan, 2], "class"), "cover_grade": (2, "class")}
    found = run(f"krd_grade@{XIONG}", **grades, karst=([1, 1, 0], "class"), conflict="worse")
    assert words(f"krd_grade@{XIONG}", found) == ["轻度", "未知", "非岩溶"]
    np.testing.assert_array_equal(
        run(f"krd_conflict@{XIONG}", **grades, karst=([1, 1, 0], "class")), [0, np.nan, np.nan]
    )
    for x in (-1, 101):
        with pytest.raises(OutOfBounds, match="bedrock exposure"):
            exposure_grade(x)
    with pytest.raises(UnknownName, match="conflict"):
        run(f"krd_grade@{XIONG}", **grades, karst=(1, "class"))


def test_cuts_that_are_not_a_ladder_are_refused():
    with pytest.raises(OutOfBounds, match="rising"):
        run(f"krd_exposure_grade@{XIONG}", exposure=(10, "%"), cuts=([70, 50, 30, 20], "%"))


def test_lyt_1840_is_open():
    with pytest.raises(MissingParameter, match="评分表"):
        PARAMETERS.find("land.krd_score", set="lyt1840")


@pytest.mark.parametrize(
    ("parts", "total"),
    [
        ([247, 235.2, 153.3, 125.1, 96.2, 77.3, 67, 5.9], 1007.0),  # provinces
        ([599.3, 343.8, 45.9, 12.3, 5.7], 1007.0),  # basins
        ([391.3, 432.6, 166.2, 16.9], 1007.0),  # grades
        ([363.8, 267.0, 249.2, 204.2, 163.4, 94.9, 82.1, 42.3], 1466.9),  # potential
    ],
)
def test_land_4_parts_of_2016_close(parts, total):
    gap = run("sum_gap@project", parts=(parts, "万hm2"), total=(total, "万hm2"))
    assert gap * factor("km2", "万hm2") == pytest.approx(0, abs=0.05)


def decrease(start, end, years, basis="comparable"):
    areas = {"area_start": (start, "万hm2"), "area_end": (end, "万hm2"), "years": (years, "count")}
    return run("krd_mean_annual_decrease@krd_rounds", **areas, basis_start=basis, basis_end=basis)


def test_land_5_mean_annual_decrease():
    assert decrease(1296.2, 1200.2, 6) == pytest.approx(1.27, abs=0.005)
    assert decrease(1200.2, 1007, 5) == pytest.approx(3.45, abs=0.005)
    assert decrease(1007, 673.92, 5) == pytest.approx(7.72, abs=0.005)


def test_land_6_mixed_bases_are_refused():
    areas = {"area_start": (1007, "万hm2"), "area_end": (722.32, "万hm2")}
    bases = {"basis_start": "comparable", "basis_end": "reported"}
    with pytest.raises(MixedBasisError, match="mixes two bases") as caught:
        run("krd_change@krd_rounds", **areas, **bases)
    assert caught.value.code == "mixed_basis"
    with pytest.raises(MixedBasisError):
        run("krd_mean_annual_decrease@krd_rounds", **areas, years=(5, "count"), **bases)


def test_land_16_guizhou_change():
    assert factor("万km2", "万hm2") * 3.02 == pytest.approx(302, rel=1e-9)
    areas = {"area_start": (3.02, "万km2"), "area_end": (247, "万hm2")}
    change = run("krd_change@krd_rounds", **areas, basis_start="reported", basis_end="reported")
    assert change == pytest.approx(-55, rel=1e-9)
    assert change * factor("万hm2", "万亩") == pytest.approx(-825, rel=1e-9)


def test_share_needs_a_named_denominator():
    areas = {"area": (302, "万hm2"), "denominator_area": (1762, "万hm2")}
    with pytest.raises(UnknownName, match="denominator"):
        run("krd_share@krd_rounds", **areas)
    assert run("krd_share@krd_rounds", **areas, denominator="province") == pytest.approx(302 / 17.62, rel=1e-12)
    with pytest.raises(MissingParameter, match="分母"):
        PARAMETERS.find("land.krd_share_denominator", set="guizhou_series")


def test_labels_are_those_of_the_grade_table():
    with Path(DOMAINS.by_name["land"].folder, "standards/grades.csv").open(encoding="utf-8") as stream:
        table = list(csv.DictReader(stream))
    for ref, standard, name in (
        (f"krd_slope_grade@{HJ}", "HJ 1174-2021", "坡度"),
        (f"krd_cover_grade@{HJ}", "HJ 1174-2021", "植被覆盖度"),
        (f"krd_exposure_grade@{XIONG}", XIONG, "基岩裸露率"),
        (f"krd_cover_grade@{XIONG}", XIONG, "植被+土被覆盖率"),
    ):
        rows = {int(r["code"]): r["zh"] for r in table if (r["standard"], r["factor"]) == (standard, name)}
        assert tuple(rows[i] for i in range(5)) == REGISTRY[f"land.{ref}"].result.labels
    rows = {int(r["code"]): r["interval"] for r in table if r["factor"] == "岩性"}
    assert tuple(rows[i] for i in range(5)) == LITHOLOGY


percent, codes = st.floats(0, 100), st.integers(0, 4)


@given(st.lists(percent, min_size=2, max_size=20))
def test_single_factor_grades_are_monotone(values):
    rising = sorted(values)
    assert np.all(np.diff(exposure_grade(rising)) >= 0)
    assert np.all(np.diff(cover_grade(rising)) <= 0)
    factors = hj_factors([v * 0.9 for v in rising], rising, "白云岩")
    assert np.all(np.diff(factors["slope_grade"][0]) >= 0)
    assert np.all(np.diff(factors["cover_grade"][0]) <= 0)


@given(codes, codes, codes)
def test_rules_agree_where_factors_agree_and_worst_is_never_milder(slope, cover, lithology):
    grades = {"slope_grade": slope, "cover_grade": cover, "lithology_grade": lithology}
    given_grades = {k: (v, "class") for k, v in grades.items()}
    found = {
        rule: float(run(f"krd_grade@{HJ}", **given_grades, karst=(1, "class"), conflict_rule=rule))
        for rule in ("worst", "median", "cover_first", "flag_only")
    }
    assert found["worst"] >= max(found["median"], found["cover_first"])
    assert found["median"] in grades.values()
    assert (found["flag_only"] == 5) == (len(set(grades.values())) > 1)


@given(st.floats(1, 5000), st.floats(1, 5000), st.integers(1, 30))
def test_mean_annual_decrease_reproduces_the_end_area(start, end, years):
    rate = decrease(start, end, years) / 100
    assert start * (1 - rate) ** years == pytest.approx(end, rel=1e-9)
