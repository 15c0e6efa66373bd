"""Soil loss graded: NS-17, LAND-7 to LAND-9; rates and refusals; labels against the grade table."""

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.core.domain import load_domains
from qingshan.core.errors import MissingParameter, OutOfBounds, UnitError
from qingshan.core.method import REGISTRY

DOMAINS = load_domains()
PARAMETERS = DOMAINS.parameters()
MODULUS = "t/(km2 a)"


def grade(modulus, set_, region="西南土石山区"):
    tolerance = PARAMETERS.find("soil.tolerance", cls=region, set=set_).value
    cuts = [row.value for row in PARAMETERS.rows("soil.loss_cut", set=set_)]
    return REGISTRY[f"soil.loss_grade@{set_}"].apply(
        {"modulus": (modulus, MODULUS), "tolerance": (tolerance, MODULUS), "cuts": (cuts, MODULUS)}
    )


def words(codes, ref):
    return [REGISTRY[ref].result.labels[int(c)] for c in codes]


def test_ns_17_grades_of_hj_1174():
    codes = grade([499.9, 500, 2500, 2500.1, 8000, 15000, 15000.1], "hj1174_2021")
    expected = ["微度", "轻度", "轻度", "中度", "强度", "极强度", "剧烈"]
    assert words(codes, "soil.loss_grade@hj1174_2021") == expected
    five = REGISTRY["soil.loss_grade_five@hj1174_2021"].apply({"grade": (codes, "class")})
    expected = ["无侵蚀", "轻度", "轻度", "中度", "强度", "强度", "剧烈"]
    assert words(five, "soil.loss_grade_five@hj1174_2021") == expected


def test_land_9_grades_of_sl_190():
    codes = grade([400, 500, 501, 2500, 2501, 15000, 15001], "sl190_2007")
    expected = ["微度", "微度", "轻度", "轻度", "中度", "极强烈", "剧烈"]
    assert words(codes, "soil.loss_grade@sl190_2007") == expected


def test_regions_and_unknown_cells():
    assert grade([999, 1000], "hj1174_2021", "西北黄土高原区").tolist() == [0, 1]
    assert grade([200, 201], "sl190_2007", "东北黑土区").tolist() == [0, 1]
    assert np.isnan(grade(np.nan, "hj1174_2021")) and np.isnan(grade(np.nan, "sl190_2007"))
    five = REGISTRY["soil.loss_grade_five@hj1174_2021"].apply({"grade": ([np.nan, 4], "class")})
    assert np.isnan(five[0]) and five[1] == 3


def test_t_per_hm2_is_converted():
    assert grade(5.0, "hj1174_2021") == 0
    hectares = REGISTRY["soil.loss_grade@hj1174_2021"].apply(
        {"modulus": (5.0, "t/(hm2 a)"), "tolerance": (500, MODULUS), "cuts": ([2500, 5000, 8000, 15000], MODULUS)}
    )
    assert hectares == 1  # 5 t/hm2 = 500 t/km2
    with pytest.raises(UnitError, match="modulus"):
        REGISTRY["soil.loss_grade@hj1174_2021"].apply(
            {"modulus": (5.0, "t"), "tolerance": (500, MODULUS), "cuts": ([2500, 5000, 8000, 15000], MODULUS)}
        )


@pytest.mark.parametrize("cuts", [[2500, 5000, 8000], [2500, 2500, 8000, 15000], [400, 5000, 8000, 15000]])
def test_cuts_that_are_not_a_ladder_are_refused(cuts):
    for ref in ("soil.loss_grade@hj1174_2021", "soil.loss_grade@sl190_2007"):
        with pytest.raises(OutOfBounds, match="rising"):
            REGISTRY[ref].apply({"modulus": (600, MODULUS), "tolerance": (500, MODULUS), "cuts": (cuts, MODULUS)})


def test_karst_thresholds_are_open():
    with pytest.raises(MissingParameter, match="SL 461"):
        PARAMETERS.find("soil.tolerance", set="sl461")


def test_land_7_guizhou_totals():
    gap = REGISTRY["land.sum_gap@project"]
    y2000 = [41415.30, 22424.44, 8016.86, 1322.41]
    y2010 = [27700.40, 16356.32, 6011.53, 2960.00, 2241.15]
    assert gap.apply({"parts": (y2000, "km2"), "total": (73179.01, "km2")}) == pytest.approx(0, abs=0.005)
    assert gap.apply({"parts": (y2010, "km2"), "total": (55269.40, "km2")}) == pytest.approx(0, abs=0.005)


def test_land_8_implied_province_area():
    found = REGISTRY["soil.implied_area@guizhou_series"].apply(
        {"area": ([73179.01, 55269.40], "km2"), "share": ([41.54, 31.37], "%")}
    )
    assert found == pytest.approx([176_165, 176_186], abs=1)
    assert abs(found[1] / found[0] - 1) < 0.0002


def test_conservation_rate():
    rate = REGISTRY["soil.conservation_rate@guizhou_series"]
    found = rate.apply({"eroded_area": ([25, 0], "km2"), "land_area": ([100, 0], "km2")})
    assert found[0] == pytest.approx(75, rel=1e-12) and np.isnan(found[1])
    with pytest.raises(OutOfBounds, match="exceeds"):
        rate.apply({"eroded_area": (101, "km2"), "land_area": (100, "km2")})


def test_labels_are_those_of_the_grade_table():
    with Path(DOMAINS.by_name["soil"].folder, "standards/grades.csv").open(encoding="utf-8") as stream:
        table = list(csv.DictReader(stream))
    for ref, standard in (
        ("soil.loss_grade@hj1174_2021", "HJ 1174-2021"),
        ("soil.loss_grade@sl190_2007", "SL 190-2007"),
    ):
        rows = {int(r["code"]): r["zh"] for r in table if r["standard"] == standard and r["system"] == "soil_loss"}
        assert tuple(rows[i] for i in sorted(rows)) == REGISTRY[ref].result.labels


@given(st.lists(st.floats(0, 50_000), min_size=2, max_size=30), st.sampled_from(["hj1174_2021", "sl190_2007"]))
def test_grades_rise_with_the_modulus(modulus, set_):
    assert np.all(np.diff(grade(sorted(modulus), set_)) >= 0)


@given(st.floats(0, 50_000))
def test_the_two_standards_differ_only_at_the_tolerance(modulus):
    assert (grade(modulus, "hj1174_2021") == grade(modulus, "sl190_2007")) or modulus == 500
