"""Climate methods against published day lengths and evapotranspiration, and gep.md examples GEP-14 and GEP-15."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qingshan.core.domain import load_domains
from qingshan.core.errors import OutOfBounds, UnitError
from qingshan.core.method import REGISTRY

load_domains()

# PyETo documentation, "Thornthwaite equation": Aberdeen, 57.1526 degrees N, 2014
ABERDEEN_T = [3.1, 3.5, 5.0, 6.7, 9.3, 12.1, 14.3, 14.1, 11.8, 8.9, 5.5, 3.8]
ABERDEEN_PET = [
    11.04590543317501, 14.225860424373405, 27.802870598091953, 43.178869424774305, 70.47694909766452, 93.99420906995957,
    109.69881616481408, 95.24491684988213, 64.9945211942068, 41.06371810827504, 19.562094545836995, 12.090183352107148,
]  # fmt: skip
ABERDEEN_HOURS = [
    7.182842574993897, 9.13512841264262, 11.523002734356053, 14.035348256722466, 16.277003584884323, 17.505213218539176,
    16.891449464611544, 14.861767363416547, 12.394150156712453, 9.88498386070613, 7.658250142104072, 6.489516585536734,
]  # fmt: skip
# Bautista et al. 2009, Atmosfera 22(4):331-348: 20 degrees N; printed to 0.1 h
BAUTISTA_20N = [10.9, 11.3, 11.9, 12.5, 12.9, 13.2, 13.1, 12.7, 12.1, 11.5, 11.0, 10.8]
# Mimikou and Baltas 2002: 46 degrees N; printed to 0.1 h
MIMIKOU_46N = [8.9, 10.1, 11.6, 13.3, 14.7, 15.5, 15.2, 13.9, 12.3, 10.7, 9.2, 8.5]
# Watson, Hydrology: An Environmental Approach, pp. 435-436: rounded coefficients, no correction for the days of a month
WATSON_T = [2.1, 2.5, 4.8, 7.1, 8.3, 10.7, 13.4, 14.5, 11.1, 8.2, 5.4, 3.7]
WATSON_HOURS = np.array([9.4, 10.6, 11.9, 13.4, 14.6, 15.2, 14.9, 13.9, 12.6, 11.1, 9.8, 9.1])
WATSON_PET = [10.67, 14.08, 28.49, 45.85, 57.47, 75.20, 89.91, 90.29, 64.26, 43.34, 26.24, 17.31]
DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def pet_month(temperature, latitude):
    return REGISTRY["climate.pet_thornthwaite_month@1948"].apply(
        {"temperature": (temperature, "degC"), "latitude": (latitude, "degree")}
    )


def pet(temperature, latitude):
    return REGISTRY["climate.pet_thornthwaite@1948"].apply(
        {"temperature": (temperature, "degC"), "latitude": (latitude, "degree")}
    )


def hours(latitude):
    return REGISTRY["climate.day_length@fao56"].apply({"latitude": (latitude, "degree")})


def test_day_length_as_documented_for_aberdeen():
    np.testing.assert_allclose(hours(57.1526), ABERDEEN_HOURS, rtol=1e-9)


@pytest.mark.parametrize(("latitude", "printed"), [(20, BAUTISTA_20N), (46, MIMIKOU_46N)])
def test_day_length_as_printed(latitude, printed):
    np.testing.assert_allclose(hours(latitude), printed, atol=0.12)


def test_day_length_at_the_equator_and_the_poles():
    np.testing.assert_allclose(hours(0), 12, atol=1e-12)
    north = hours(90)
    assert north[5] == 24 and north[11] == 0
    np.testing.assert_allclose(hours(35) + hours(-35), 24, atol=1e-12)  # what the north gains the south lacks


def test_thornthwaite_as_documented_for_aberdeen():
    np.testing.assert_allclose(pet_month(ABERDEEN_T, 57.1526), ABERDEEN_PET, rtol=1e-9)
    assert pet(ABERDEEN_T, 57.1526) == pytest.approx(sum(ABERDEEN_PET), rel=1e-9)


def test_thornthwaite_near_the_text_book_example():
    """Watson's day lengths replace ours; his rounding and 30-day months leave up to 4 mm, as PyETo notes too."""
    ours = pet_month(WATSON_T, 51.0) * WATSON_HOURS / hours(51.0)
    np.testing.assert_allclose(ours, WATSON_PET, atol=4)


def test_thornthwaite_by_hand_at_the_equator():
    """T = 20 degC all year, 12 h days: I = 12 * 4^1.514 = 97.8814;
    a = 0.633001 - 0.738677 + 1.754035 + 0.49239 = 2.140749;
    16 * (200/97.8814)^2.140749 = 73.868 mm in 30 days; times 365/30 = 898.73 mm.
    """
    assert pet([20.0] * 12, 0.0) == pytest.approx(898.73, abs=0.01)
    assert pet_month([20.0] * 12, 0.0)[3] == pytest.approx(73.868, abs=0.001)


def test_hot_months_follow_the_parabola():
    """30 degC, 12 h, 31 days: (-415.85 + 32.24*30 - 0.43*900) * 31/30 = 164.35 * 31/30 = 169.8283 mm."""
    temperature = [30.0] + [20.0] * 11
    assert pet_month(temperature, 0.0)[0] == pytest.approx(164.35 * 31 / 30, rel=1e-12)


def test_frost_months_give_nothing_and_do_not_enter_the_heat_index():
    frost, zero = [-12.0, -3.0, 0.0], [0.0, 0.0, 0.0]
    warm = [8.0, 12, 15, 18, 17, 14, 9, 4, 1]
    np.testing.assert_array_equal(pet_month(frost + warm, 40.0), pet_month(zero + warm, 40.0))
    assert np.all(pet_month([-5.0] * 12, 70.0) == 0)


def test_shapes_of_grids():
    temperature = np.tile(np.array(ABERDEEN_T), (2, 3, 1))
    latitude = np.full((2, 3), 57.1526)
    assert pet_month(temperature, latitude).shape == (2, 3, 12)
    np.testing.assert_allclose(pet(temperature, latitude), sum(ABERDEEN_PET), rtol=1e-9)


def test_a_missing_month_makes_the_year_missing():
    assert np.isnan(pet([np.nan] + [10.0] * 11, 30.0))
    assert np.isnan(REGISTRY["climate.annual_sum@1"].apply({"monthly_precipitation": ([np.nan] + [10.0] * 11, "mm")}))


@pytest.mark.parametrize("count", [1, 11, 13])
def test_other_than_twelve_months_is_refused(count):
    with pytest.raises(OutOfBounds, match="12 months"):
        pet([10.0] * count, 30.0)


@pytest.mark.parametrize(("temperature", "latitude"), [(38.5, 30), (-95, 30), (10, 91)])
def test_limits(temperature, latitude):
    with pytest.raises(OutOfBounds):
        pet([temperature] * 12, latitude)


def test_kelvin_converts_and_millimetres_do_not_pass_as_temperature():
    kelvin = np.array(ABERDEEN_T) + 273.15
    converted = REGISTRY["climate.pet_thornthwaite@1948"].apply(
        {"temperature": (kelvin, "K"), "latitude": (57.1526, "degree")}
    )
    assert converted == pytest.approx(sum(ABERDEEN_PET), rel=1e-9)
    with pytest.raises(UnitError, match="length"):
        REGISTRY["climate.pet_thornthwaite@1948"].apply(
            {"temperature": (ABERDEEN_T, "mm"), "latitude": (57.1526, "degree")}
        )


@given(st.lists(st.floats(-30, 38), min_size=12, max_size=12), st.floats(-66, 66))
def test_evapotranspiration_is_never_negative(temperature, latitude):
    assert np.all(pet_month(temperature, latitude) >= 0)


def test_annual_sum():
    rain = [[10.0] * 12, [0.0] * 12]
    np.testing.assert_array_equal(
        REGISTRY["climate.annual_sum@1"].apply({"monthly_precipitation": (rain, "mm")}), [120, 0]
    )


def cooling(**changed):
    given = {
        "transpiration_heat": (1000, "kJ/m2/d"), "area": (1, "km2"), "days": (90, "d"), "cop": (3, "-"),
    } | changed  # fmt: skip
    return REGISTRY["climate.transpiration_cooling@bo2017"].apply(given)


def test_gep_14_transpiration():
    assert cooling() == pytest.approx(8_333_333.33, abs=0.01)
    assert cooling(area=(100, "hm2")) == pytest.approx(8_333_333.33, abs=0.01)


@pytest.mark.parametrize("cop", [0, -3])
def test_a_cop_that_is_not_positive_is_refused(cop):
    with pytest.raises(OutOfBounds, match="coefficient of performance"):
        cooling(cop=(cop, "-"))


def test_gross_primary_production_is_not_transpiration_heat():
    with pytest.raises(UnitError):
        cooling(transpiration_heat=(1000, "gC/m2"))


def surface(**changed):
    given = {
        "evaporation": (100_000, "m3"), "density": (1, "t/m3"), "latent_heat": (2450, "J/g"),
        "humidifier_energy": (120, "kWh/m3"), "cop": (3, "-"), "water_cop": "as_printed",
    } | changed  # fmt: skip
    return REGISTRY["climate.water_surface_cooling@youyang_frontend"].apply(given)


def test_gep_15_water_surface_without_cop():
    assert surface() == pytest.approx(80_055_555.56, abs=0.01)


def test_water_surface_with_cop_divides_only_the_heat():
    """100,000 * (2,450,000/(3600*3) + 120) = 100,000 * (226.851852 + 120) = 34,685,185.19 kWh."""
    assert surface(water_cop="divide_heat") == pytest.approx(34_685_185.19, abs=0.01)


def test_the_open_choice_must_be_made():
    with pytest.raises(OutOfBounds, match="as_printed"):
        surface(water_cop="")
