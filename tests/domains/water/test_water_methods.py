"""Water methods: Fu's limits, SP-2 of InVEST, and gep.md examples GEP-10 and GEP-12 with their refusals."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qingshan.core.domain import load_domains
from qingshan.core.errors import AmbiguousParameter, MissingParameter, OutOfBounds, UnitError
from qingshan.core.method import REGISTRY

load_domains()
depth = st.floats(0, 10_000, allow_subnormal=False)


def fu(precipitation, potential, omega):
    return REGISTRY["water.actual_evapotranspiration@fu1981"].apply(
        {"precipitation": (precipitation, "mm"), "potential": (potential, "mm"), "omega": (omega, "-")}
    )


@given(depth, depth, st.floats(1, 30))
def test_fu_never_exceeds_rain_or_potential(precipitation, potential, omega):
    et = fu(precipitation, potential, omega)
    assert et <= min(precipitation, potential)
    assert et >= -1e-9 * max(precipitation, potential)


@given(st.floats(1, 5000), st.floats(1, 5000), st.floats(1.05, 12))
def test_fu_is_the_printed_formula(precipitation, potential, omega):
    phi = potential / precipitation
    printed = precipitation * (1 + phi - (1 + phi**omega) ** (1 / omega))
    assert fu(precipitation, potential, omega) == pytest.approx(printed, rel=1e-7, abs=1e-7)


@given(st.floats(1, 5000), st.floats(1, 5000))
def test_fu_with_a_large_omega_is_the_budyko_corner(precipitation, potential):
    assume(abs(precipitation - potential) > 0.05 * max(precipitation, potential))
    assert fu(precipitation, potential, 2000) == pytest.approx(min(precipitation, potential), rel=1e-9)


@given(st.floats(1, 5000), st.floats(1, 5000), st.floats(1.1, 10))
def test_fu_grows_with_omega(precipitation, potential, omega):
    assert fu(precipitation, potential, omega + 0.5) >= fu(precipitation, potential, omega)


def test_fu_by_hand():
    """P = PET = 1000, omega 2: 1000 * (2 - sqrt 2) = 585.786438; omega 1 gives nothing; no rain gives nothing."""
    assert fu(1000, 1000, 2) == pytest.approx(585.786438, abs=1e-6)
    assert fu(1000, 700, 1) == pytest.approx(0, abs=1e-9)
    assert fu(0, 800, 2.6) == 0 and fu(0, 0, 2.6) == 0


def test_fu_at_the_screening_trial():
    """gep.md section 3: P 1176.5, PET about 810 mm gives ET about 654, yield about 523 mm."""
    et = fu(1176.5, 810, 2.6)
    assert et == pytest.approx(654, abs=2)
    left = REGISTRY["water.yield_depth@balance"].apply(
        {"precipitation": (1176.5, "mm"), "evapotranspiration": (et, "mm")}
    )
    assert left == pytest.approx(523, abs=2)


def test_yield_volume_of_a_millimetre_on_a_square_kilometre():
    volume = REGISTRY["water.yield_volume@balance"]
    assert volume.apply({"depth": (1, "mm"), "area": (1, "km2")}) == 1000
    assert volume.apply({"depth": (1, "mm"), "area": (1500, "亩")}) == pytest.approx(1000, rel=1e-12)


def retention(precipitation, coefficient, evapotranspiration, area, unit="mm"):
    return REGISTRY["water.retention@garze2017"].apply({
        "precipitation": (precipitation, unit), "runoff_coefficient": (coefficient, "%"),
        "evapotranspiration": (evapotranspiration, "mm"), "area": (area, "km2"),
    })  # fmt: skip


def test_gep_10_retention_and_the_three_policies():
    rows = load_domains().parameters()
    alpha = [
        rows.find("water.runoff_coefficient", cls=c, set="gong2017_A").value for c in ("常绿阔叶林", "热带亚热带草丛")
    ]
    kept = retention([1200, 800], alpha, [700, 850], [10, 5])
    np.testing.assert_allclose(kept, [4_442_000, -404_800], rtol=1e-9)

    def counted(policy):
        return REGISTRY["water.counted_volume@1"].apply({"volume": (kept, "m3"), "negative_policy": policy})

    assert counted("keep").sum() == pytest.approx(4_037_200, rel=1e-9)
    assert counted("floor_zero").sum() == pytest.approx(4_442_000, rel=1e-9)
    assert np.isnan(counted("report_only")[1]) and np.nansum(counted("report_only")) == pytest.approx(
        4_442_000, rel=1e-9
    )
    area = REGISTRY["water.negative_area@1"].apply({"volume": (kept, "m3"), "area": ([10, 5], "km2")})
    assert list(area) == [0, 5]
    below = REGISTRY["water.negative_volume@1"].apply({"volume": (kept, "m3")})
    np.testing.assert_allclose(below, [0, -404_800], rtol=1e-9)


@pytest.mark.parametrize("policy", ["", "absolute"])
def test_edge_1_no_policy_and_the_absolute_value_are_refused(policy):
    with pytest.raises(OutOfBounds, match="keep, floor_zero, report_only"):
        REGISTRY["water.counted_volume@1"].apply({"volume": (-5, "m3"), "negative_policy": policy})


def test_edge_2_a_class_without_coefficient_raises():
    with pytest.raises(MissingParameter, match="竹林"):
        load_domains().parameters().find("water.runoff_coefficient", cls="竹林", set="gong2017_A")


def test_edge_3_two_sets_live_side_by_side():
    rows = load_domains().parameters()
    found = {
        s: rows.find("water.runoff_coefficient", cls="常绿阔叶林", set=s).value for s in ("gong2017_A", "zhao2019_B")
    }
    assert found == {"gong2017_A": 4.65, "zhao2019_B": 2.67}
    with pytest.raises(AmbiguousParameter, match="2 rows"):
        rows.find("water.runoff_coefficient", cls="常绿阔叶林")


def test_retention_names_the_wrong_unit():
    with pytest.raises(UnitError, match="time"):
        retention(1200, 4.65, 700, 10, unit="h")


def test_ns_9_retention_of_the_official_standard():
    """national-survey.md NS-9: 10 km2 900-150-600 and 5 km2 500-60-520 mm."""
    got = REGISTRY["water.retention@hj1173_2021"].apply({
        "runoff_producing_rainfall": ([900, 500], "mm"), "runoff": ([150, 60], "mm"),
        "evapotranspiration": ([600, 520], "mm"), "area": ([10, 5], "km2"), "p_kind": "runoff_producing",
    })  # fmt: skip
    np.testing.assert_allclose(got, [1_500_000, -400_000], rtol=1e-9)


def test_ns_29_total_rain_is_refused_and_the_argument_named():
    with pytest.raises(OutOfBounds, match=r"p_kind.*runoff_producing"):
        REGISTRY["water.retention@hj1173_2021"].apply({
            "runoff_producing_rainfall": (900, "mm"), "runoff": (150, "mm"), "evapotranspiration": (600, "mm"),
            "area": (10, "km2"), "p_kind": "total",
        })  # fmt: skip


def test_sp_2_evaporative_fraction_as_invest():
    """spatial.md SP-2: the 2 x 3 case of InVEST's own unit test, Z = 6."""
    held = REGISTRY["water.available_water@invest3"].apply({
        "root_depth": ([[99, 300, 400], [5, 500, 800]], "mm"),
        "restricting_depth": ([[600, 700, 700], [800, 900, 600]], "mm"),
        "pawc": ([[0.11, 0.11, 0.12], [0.55, 0.55, 0.19]], "fraction"),
    })  # fmt: skip
    rain = ([[100, 1000, 10], [500, 800, 1100]], "mm")
    fraction = REGISTRY["water.evaporative_fraction@invest3"].apply({
        "precipitation": rain, "reference_evapotranspiration": ([[1000, 900, 900], [1100, 1005, 1000]], "mm"),
        "crop_coefficient": ([[1, 0.1, 0.1], [0.6, 0.6, 0.1]], "-"), "available_water": (held, "mm"),
        "vegetated": ([[1, 1, 0], [0, 1, 0]], "class"), "seasonality": (6, "-"),
    })  # fmt: skip
    np.testing.assert_allclose(fraction, [[0.9345682, 0.06896508, 1], [1, 0.6487423, 0.09090909]], atol=1e-6)
    left = REGISTRY["water.annual_yield@invest3"].apply(
        {"precipitation": rain, "evaporative_fraction": (fraction, "fraction")}
    )
    np.testing.assert_allclose(
        left, [[6.543177, 931.03492, 0], [0, 281.0062, 1000]], atol=1e-3
    )  # (1 - fraction) * rain


def test_evaporative_fraction_keeps_its_digits_in_a_dry_place():
    """phi = 1e5, omega = 2 (Z AWC/P = 0.75): 1 + phi - sqrt(1 + phi^2) = 1 - 1/(2 phi) + 1/(8 phi^3) = 1 - 5e-6 + 1.25e-16."""
    fraction = REGISTRY["water.evaporative_fraction@invest3"].apply({
        "precipitation": (1, "mm"), "reference_evapotranspiration": (1e5, "mm"), "crop_coefficient": (1, "-"),
        "available_water": (0.75, "mm"), "vegetated": (1, "class"), "seasonality": (1, "-"),
    })  # fmt: skip
    assert 1 - float(fraction) == pytest.approx(5e-6, rel=1e-10)


def test_evaporative_fraction_without_rain_is_missing():
    fraction = REGISTRY["water.evaporative_fraction@invest3"].apply({
        "precipitation": (0, "mm"), "reference_evapotranspiration": (900, "mm"), "crop_coefficient": (1, "-"),
        "available_water": (50, "mm"), "vegetated": (1, "class"), "seasonality": (6, "-"),
    })  # fmt: skip
    assert np.isnan(fraction)


def lake(area, region="tibetan_plateau"):
    rows = load_domains().parameters()
    given = {"area": (area, "km2"), "lake_region": region}
    for argument, parameter in (("a", "water.lake_storage_a"), ("b", "water.lake_storage_b")):
        row = rows.find(parameter, cls="青藏高原", set="garze2017")
        given[argument] = (row.value, row.unit)
    exchanges = rows.find("water.lake_exchanges", set="garze2017")
    given["exchanges"] = (exchanges.value, exchanges.unit)
    return REGISTRY["water.lake_flood_storage@garze2017"].apply(given)


def test_gep_12_flood_storage():
    rows = load_domains().parameters()
    assert lake(10) == pytest.approx(3630.598, rel=1e-6)  # 万m3
    share = rows.find("water.reservoir_flood_share", set="garze2017")
    reservoir = REGISTRY["water.reservoir_flood_storage@garze2017"].apply(
        {"capacity": (1000, "万m3"), "flood_share": (share.value, share.unit)}
    )
    assert reservoir == pytest.approx(3_500_000, rel=1e-6)  # 350 万m3
    depth_row = rows.find("water.marsh_storage_depth", set="garze2017")
    marsh = REGISTRY["water.marsh_flood_storage@garze2017"].apply(
        {"area": (2, "km2"), "depth": (depth_row.value, depth_row.unit)}
    )
    assert marsh == pytest.approx(600_000, rel=1e-6)


def test_lakes_outside_the_tibetan_plateau_are_refused():
    with pytest.raises(OutOfBounds, match="tibetan_plateau"):
        lake(10, region="yunnan_guizhou")
    with pytest.raises(MissingParameter) as refusal:
        load_domains().parameters().find("gep.lake_equation_guizhou_region")
    assert "云贵高原" in refusal.value.document


def test_edge_5_purification_is_capped_at_the_emission_and_flagged():
    given = {"treated": ([80, 120], "t"), "emission": (100, "t")}
    assert list(REGISTRY["water.purified@treated"].apply(given)) == [80, 100]
    assert list(REGISTRY["water.purification_capped@1"].apply(given)) == [0, 1]


def test_purification_by_area():
    """2 t/km2/a on 300 hm2 (3 km2) is 6 t."""
    by_area = REGISTRY["water.purified@capacity"]
    assert by_area.apply({"capacity": (2, "t/km2/a"), "area": (300, "hm2")}) == pytest.approx(6, rel=1e-12)
