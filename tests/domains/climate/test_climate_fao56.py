"""FAO Penman-Monteith at the worked examples that FAO-56 prints (numbers of the examples beside the values)."""

from __future__ import annotations

import numpy as np
import pytest

from qingshan.core.domain import load_domains
from qingshan.core.errors import QingshanError
from qingshan.domains.climate.fao56 import (
    day_length_day,
    extraterrestrial_radiation,
    net_radiation,
    reference_et,
    solar_radiation_sunshine,
    vapour_pressure_mean_humidity,
    wind_2m,
)


def test_example_8_extraterrestrial_radiation() -> None:
    """3 September (J = 246), 20°S: 32.2 MJ/m2/d."""
    assert extraterrestrial_radiation(-20.0, 246) == pytest.approx(32.2, abs=0.05)


def test_example_9_day_length() -> None:
    """The same day and place: 11.7 hours."""
    assert day_length_day(-20.0, 246) == pytest.approx(11.7, abs=0.05)


def test_example_10_solar_radiation() -> None:
    """Rio de Janeiro, 15 May (J = 135), 22.90°S, 7.1 hours of sunshine: R_a 25.1, N 10.9, R_s 14.5."""
    above, hours = extraterrestrial_radiation(-22.90, 135), day_length_day(-22.90, 135)
    assert above == pytest.approx(25.1, abs=0.05) and hours == pytest.approx(10.9, abs=0.05)
    assert solar_radiation_sunshine(7.1, hours, above, 0.25, 0.50) == pytest.approx(14.5, abs=0.05)


def test_example_12_net_radiation() -> None:
    """Rio in May: R_s 14.5, T_max 25.1, T_min 19.1, e_a 2.1 (example 11: R_nl 3.5): R_n = 11.1 - 3.5 = 7.6."""
    assert net_radiation(14.5, 25.1, 25.1, 19.1, 2.1, 0.0) == pytest.approx(7.6, abs=0.1)


def test_example_14_wind() -> None:
    """3.2 m/s at 10 m are 2.4 m/s at 2 m."""
    assert wind_2m(3.2, 10.0) == pytest.approx(2.4, abs=0.02)


def test_example_17_bangkok_in_april() -> None:
    """T_max 34.8, T_min 25.6, e_a 2.85, u_2 2, n 8.5, J 105, 13.73°N, 2 m, G 0.14: R_n 14.33, ET0 5.72."""
    above, hours = extraterrestrial_radiation(13.73, 105), day_length_day(13.73, 105)
    ground = solar_radiation_sunshine(8.5, hours, above, 0.25, 0.50)
    assert ground == pytest.approx(22.65, abs=0.05)
    net = net_radiation(ground, above, 34.8, 25.6, 2.85, 2.0)
    assert net == pytest.approx(14.33, abs=0.05)
    assert reference_et(net, 34.8, 25.6, 2.85, 2.0, 2.0, 0.14) == pytest.approx(5.72, abs=0.02)


def test_example_18_uccle_on_6_july() -> None:
    """T_max 21.5, T_min 12.3, e_a 1.409, 2.78 m/s at 10 m, n 9.25, J 187, 50.80°N, 100 m: u_2 2.078, R_n 13.28, ET0 3.88."""
    above, hours = extraterrestrial_radiation(50.80, 187), day_length_day(50.80, 187)
    assert above == pytest.approx(41.09, abs=0.02) and hours == pytest.approx(16.1, abs=0.05)
    ground, wind = solar_radiation_sunshine(9.25, hours, above, 0.25, 0.50), wind_2m(2.78, 10.0)
    assert ground == pytest.approx(22.07, abs=0.03) and wind == pytest.approx(2.078, abs=0.003)
    net = net_radiation(ground, above, 21.5, 12.3, 1.409, 100.0)
    assert net == pytest.approx(13.28, abs=0.03)
    assert reference_et(net, 21.5, 12.3, 1.409, wind, 100.0, 0.0) == pytest.approx(3.88, abs=0.02)


def test_vapour_pressure_of_mean_humidity() -> None:
    """Table 2.3 of FAO-56: e0(25) = 3.168, e0(18) = 2.064 kPa; at 68 % their mean gives 0.68 * 2.616 = 1.779."""
    assert vapour_pressure_mean_humidity(68.0, 25.0, 18.0) == pytest.approx(1.779, abs=0.001)


def test_more_sunshine_than_daylight_gives_no_number() -> None:
    assert np.isnan(solar_radiation_sunshine(13.0, 10.0, 25.0, 0.25, 0.50))
    assert (
        solar_radiation_sunshine(10.1, 10.0, 25.0, 0.25, 0.50) == 18.75
    )  # within a reading's error: full sunshine, 0.75 R_a


def test_units_are_kept_at_the_door() -> None:
    method = load_domains().registry["climate.wind_2m@fao56"]
    assert method.apply({"wind": (11.52, "km/h"), "height": (1000, "cm")}) == pytest.approx(2.394, abs=0.002)
    with pytest.raises(QingshanError):
        method.apply({"wind": (3.2, "mm"), "height": (10, "m")})
