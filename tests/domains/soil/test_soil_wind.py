"""Sand fixation of HJ 1173-2021 A.3: NS-10 to NS-12 of national-survey.md and the printed traps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.core.domain import load_domains
from qingshan.core.errors import MissingParameter, OutOfBounds, UnknownName
from qingshan.core.method import REGISTRY

PARAMETERS = load_domains().parameters()
SET = "hj1173_2021"


def run(name, **arguments):
    return REGISTRY[f"soil.{name}@{SET}"].apply(arguments)


def erodible(clay=10.0, sand=40.0, organic=1.0):
    soil = {"coarse_sand": (sand, "%"), "silt": (30, "%"), "clay": (clay, "%"), "organic_matter": (organic, "%")}
    return run("wind_erodible_fraction", **soil, caco3=(0, "%"))


def factors():
    a = PARAMETERS.find("soil.wind_cover_a", cls="草地", set=SET).value
    return {
        "erodible": erodible(),
        "crust": run("wind_crust", clay=(10, "%"), organic_matter=(1, "%")),
        "roughness": run("wind_roughness", kr=(2, "cm"), crr=(0, "cm")),
        "cover": run("wind_cover", cover=(20, "%"), a=(a, "1/%")),
    }


def loads():
    terms = {name: (number, "1") for name, number in factors().items()}
    potential = run("wind_load", weather=(20, "kg/m"), **{**terms, "cover": (1, "1")})
    return potential, run("wind_load", weather=(20, "kg/m"), **terms)


def test_ns_10_factors():
    found = factors()
    assert found["erodible"] == pytest.approx(0.4532, abs=1e-8)
    assert found["crust"] == pytest.approx(0.594883998, abs=1e-8)
    assert found["roughness"] == pytest.approx(0.412935549, abs=1e-8)
    assert found["cover"] == pytest.approx(0.100058526, abs=1e-8)


def test_ns_11_sand_fixed():
    potential, actual = loads()
    for load, qmax, length, loss in (
        (potential, 244.476318, 111.978572, 1597.274633),
        (actual, 24.461940, 263.111982, 34.082084),
    ):
        assert run("wind_capacity", load=(load, "kg/m")) == pytest.approx(qmax, rel=1e-6)
        assert run("wind_critical_length", load=(load, "kg/m")) == pytest.approx(length, rel=1e-6)
        assert run("wind_loss", load=(load, "kg/m"), distance=(50, "m")) == pytest.approx(loss, rel=1e-6)
    kept = run("sand_retention", potential_load=(potential, "kg/m"), actual_load=(actual, "kg/m"), distance=(50, "m"))
    assert kept == pytest.approx(1563.192549, rel=1e-6)
    assert run("beyond_critical_length", potential_load=(potential, "kg/m"), distance=(50, "m")) == 0


def test_ns_12_beyond_the_critical_length_is_negative_and_flagged():
    potential, actual = loads()
    given_loads = {"potential_load": (potential, "kg/m"), "distance": (500, "m")}
    assert run("wind_loss", load=(potential, "kg/m"), distance=(500, "m")) == pytest.approx(0.00004277908, rel=1e-6)
    assert run("wind_loss", load=(actual, "kg/m"), distance=(500, "m")) == pytest.approx(9.546834, rel=1e-6)
    assert run("sand_retention", **given_loads, actual_load=(actual, "kg/m")) == pytest.approx(-9.546791, rel=1e-6)
    assert run("beyond_critical_length", **given_loads) == 1


def test_the_circulating_coefficient_is_not_used():
    assert run("wind_critical_length", load=(1, "kg/m")) == pytest.approx(150.71, rel=1e-12)  # not 105.71


def test_nothing_moves_where_the_term_is_zero():
    assert run("wind_loss", load=(0, "kg/m"), distance=(50, "m")) == 0
    assert np.isposinf(run("wind_critical_length", load=(0, "kg/m")))


def test_roughness_beyond_its_domain_is_refused():
    inside, outside, far = run("wind_roughness", kr=([50.65, 50.66, 1e4], "cm"), crr=(0, "cm"))
    assert 0.9 < inside <= 1
    assert np.isnan(outside) and np.isnan(far)


def test_invalid_soil_is_nan_with_its_reason():
    assert np.isnan(erodible(clay=0.0))
    assert np.isnan(erodible(sand=0.0, organic=20.0))  # 29.09 + 5.1 - 51.8 < 0
    state = run(
        "rweq_cell_state",
        coarse_sand=([40, 40, 0, 40, np.nan], "%"),
        silt=(30, "%"),
        clay=([10, 0, 10, 10, 10], "%"),
        organic_matter=([1, 1, 20, 1, 1], "%"),
        caco3=(0, "%"),
        kr=([2, 2, 2, 60, 2], "cm"),
        crr=(0, "cm"),
    )
    labels = REGISTRY[f"soil.rweq_cell_state@{SET}"].result.labels
    assert [labels[int(s)] for s in state] == ["有效", "无黏粒", "可蚀成分不为正", "起伏超出适用范围", "未知"]


def test_relief_needs_a_declared_unit():
    relief = {"height_difference": (10, "m"), "length": (1000, "m")}
    with pytest.raises(UnknownName, match="length_unit"):
        run("ridge_roughness", **relief)
    assert run("ridge_roughness", **relief, length_unit="m") == pytest.approx(0.02, rel=1e-12)  # 0.2 * 100/1000
    assert run("ridge_roughness", **relief, length_unit="cm") == pytest.approx(2.0, rel=1e-12)  # 0.2 * 1e6/1e5


def test_open_slots_and_limits():
    for parameter, cls in (("soil.wind_distance", ""), ("soil.weather_factor", ""), ("soil.wind_cover_a", "园地")):
        with pytest.raises(MissingParameter, match="HJ 1173-2021"):
            PARAMETERS.find(parameter, cls=cls, set=SET)
    with pytest.raises(OutOfBounds, match="vegetation cover"):
        run("wind_cover", cover=(101, "%"), a=(0.1, "1/%"))


@given(st.floats(1e-3, 100), st.floats(1e-3, 1), st.floats(0, 1000))
def test_retention_is_nonnegative_up_to_the_critical_length(potential, share, distance):
    arguments = {"potential_load": (potential, "kg/m"), "distance": (distance, "m")}
    kept = run("sand_retention", **arguments, actual_load=(potential * share, "kg/m"))
    if run("beyond_critical_length", **arguments) == 0:
        assert kept >= -1e-9 * max(1.0, abs(kept))
