"""Reference evapotranspiration by the FAO Penman-Monteith equation, from a weather station's daily record.

The steps are methods of their own, so that a tree shows each: radiation at the top of the air, at the ground, net; vapour
pressure from mean humidity; wind at 2 m; the equation. The printed numbers are those of FAO-56, which holds units fixed.
"""

from __future__ import annotations

import numpy as np

from ...core.method import A, Array, Clause, Q, method

FAO56 = "FAO Irrigation and Drainage Paper 56 (Allen et al. 1998)"

Latitude = A[Array, Q("degree", "纬度", "latitude", low=-66, high=66, symbol="phi")]
Day = A[Array, Q("1", "年内日序", "day of the year", low=1, high=366, symbol="J")]
Warmest = A[Array, Q("degC", "日最高气温", "highest air temperature of the day", low=-60, high=60, symbol="T_max")]
Coldest = A[Array, Q("degC", "日最低气温", "lowest air temperature of the day", low=-80, high=50, symbol="T_min")]
Vapour = A[Array, Q("kPa", "实际水汽压", "actual vapour pressure", low=0, high=8, symbol="e_a")]
Extraterrestrial = A[Array, Q("MJ/m2/d", "天文辐射", "extraterrestrial radiation", low=0, high=50, symbol="R_a")]
Solar = A[Array, Q("MJ/m2/d", "太阳总辐射", "solar radiation", low=0, high=50, symbol="R_s")]
Elevation = A[Array, Q("m", "海拔", "elevation above sea level", low=-430, high=6000, symbol="z")]


@method(
    "climate.extraterrestrial_radiation", edition="fao56", clause=Clause(FAO56, "equations 21-25"),
    status="secondary", zh="天文辐射", en="extraterrestrial radiation",
    formula="R_a = (24*60/pi) 0.0820 d_r [w_s sin(phi) sin(delta) + cos(phi) cos(delta) sin(w_s)]",
)  # fmt: skip
def extraterrestrial_radiation(latitude: Latitude, day: Day) -> Extraterrestrial:
    """Radiation on a horizontal surface above the air, per day. Shapes: mutually broadcastable."""
    phi, angle = np.radians(np.asarray(latitude, dtype=np.float64)), 2 * np.pi * np.asarray(day) / 365
    distance = 1 + 0.033 * np.cos(angle)
    declination = 0.409 * np.sin(angle - 1.39)
    sunset = np.arccos(-np.tan(phi) * np.tan(declination))
    height = sunset * np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.sin(sunset)
    return 24 * 60 / np.pi * 0.0820 * distance * height


@method(
    "climate.day_length_day", edition="fao56", clause=Clause(FAO56, "equations 24, 25, 34"), status="secondary",
    zh="可照时数", en="day length", formula="N = 24/pi w_s",
)  # fmt: skip
def day_length_day(
    latitude: Latitude, day: Day
) -> A[Array, Q("h/d", "可照时数", "hours of daylight", low=0, high=24, symbol="N")]:
    """Hours of daylight of one day. Shapes: mutually broadcastable."""
    phi, angle = np.radians(np.asarray(latitude, dtype=np.float64)), 2 * np.pi * np.asarray(day) / 365
    declination = 0.409 * np.sin(angle - 1.39)
    return 24 / np.pi * np.arccos(-np.tan(phi) * np.tan(declination))


@method(
    "climate.solar_radiation", edition="fao56_sunshine", clause=Clause(FAO56, "equation 35"), status="secondary",
    zh="太阳总辐射（由日照时数）", en="solar radiation from sunshine",
    formula="R_s = (a_s + b_s n/N) R_a",
)  # fmt: skip
def solar_radiation_sunshine(
    sunshine: A[Array, Q("h/d", "日照时数", "hours of sunshine", low=0, high=24, symbol="n")],
    day_length: A[Array, Q("h/d", "可照时数", "hours of daylight", low=0, high=24, symbol="N")],
    extraterrestrial: Extraterrestrial,
    overcast: A[Array, Q("1", "阴天系数", "share on an overcast day", low=0, high=1, symbol="a_s")],
    clear: A[Array, Q("1", "日照系数", "further share on a clear day", low=0, high=1, symbol="b_s")],
) -> Solar:
    """Radiation at the ground from the sunshine record. Shapes: mutually broadcastable.

    Where nothing is calibrated FAO-56 recommends the rows `climate.angstrom_overcast` and `climate.angstrom_clear`.
    A record cannot show more sunshine than daylight: such a day is NaN.
    """
    relative = np.asarray(sunshine, dtype=np.float64) / day_length
    return np.where(relative <= 1.02, (overcast + clear * np.minimum(relative, 1)) * extraterrestrial, np.nan)


@method(
    "climate.vapour_pressure", edition="fao56_mean_humidity", clause=Clause(FAO56, "equations 11, 19"),
    status="secondary", zh="实际水汽压（由平均相对湿度）", en="vapour pressure from mean humidity",
    formula="e_a = RH_mean/100 (e0(T_max) + e0(T_min))/2, e0(T) = 0.6108 exp(17.27 T/(T + 237.3))",
)  # fmt: skip
def vapour_pressure_mean_humidity(
    humidity: A[Array, Q("%", "平均相对湿度", "mean relative humidity", low=0, high=100, symbol="RH_mean")],
    warmest: Warmest,
    coldest: Coldest,
) -> Vapour:
    """Actual vapour pressure of a day. Shapes: mutually broadcastable."""
    return np.asarray(humidity) / 100 * (_saturated(warmest) + _saturated(coldest)) / 2


@method(
    "climate.wind_2m", edition="fao56", clause=Clause(FAO56, "equation 47"), status="secondary",
    zh="2 m 高风速", en="wind at 2 m", formula="u_2 = u_z 4.87/ln(67.8 z - 5.42)",
)  # fmt: skip
def wind_2m(
    wind: A[Array, Q("m/s", "风速", "wind speed", low=0, high=120, symbol="u_z")],
    height: A[Array, Q("m", "测风高度", "height of the instrument", low=0.5, high=100, symbol="z")],
) -> A[Array, Q("m/s", "2 m 高风速", "wind at 2 m", low=0, high=120, symbol="u_2")]:
    """Wind over short grass brought to 2 m. Shapes: mutually broadcastable."""
    return np.asarray(wind) * 4.87 / np.log(67.8 * np.asarray(height) - 5.42)


@method(
    "climate.net_radiation", edition="fao56", clause=Clause(FAO56, "equations 37-40"), status="secondary",
    zh="净辐射", en="net radiation",
    formula="R_n = 0.77 R_s - sigma (T_max,K^4 + T_min,K^4)/2 (0.34 - 0.14 sqrt(e_a)) (1.35 R_s/R_so - 0.35)",
)  # fmt: skip
def net_radiation(
    solar: Solar,
    extraterrestrial: Extraterrestrial,
    warmest: Warmest,
    coldest: Coldest,
    vapour_pressure: Vapour,
    elevation: Elevation,
) -> A[Array, Q("MJ/m2/d", "净辐射", "net radiation", low=-15, high=40, symbol="R_n")]:
    """What grass of albedo 0.23 keeps. R_so = (0.75 + 2e-5 z) R_a; R_s/R_so is taken as 1 at most, as printed.

    Shapes: mutually broadcastable.
    """
    clear_sky = (0.75 + 2e-5 * np.asarray(elevation)) * extraterrestrial
    relative = np.minimum(np.asarray(solar) / clear_sky, 1)
    kelvin_4 = ((np.asarray(warmest) + 273.16) ** 4 + (np.asarray(coldest) + 273.16) ** 4) / 2
    long_wave = 4.903e-9 * kelvin_4 * (0.34 - 0.14 * np.sqrt(vapour_pressure)) * (1.35 * relative - 0.35)
    return (1 - 0.23) * np.asarray(solar) - long_wave


@method(
    "climate.reference_et", edition="fao56", clause=Clause(FAO56, "equations 6-8, 11-13"), status="secondary",
    zh="参考蒸散量（FAO 彭曼—蒙特斯）", en="reference evapotranspiration, FAO Penman-Monteith",
    formula=(
        "ET0 = [0.408 D (R_n - G) + g 900/(T + 273) u_2 (e_s - e_a)]/[D + g (1 + 0.34 u_2)],"
        " D = 4098 e0(T)/(T + 237.3)^2, g = 0.000665 P, P = 101.3 ((293 - 0.0065 z)/293)^5.26"
    ),
)  # fmt: skip
def reference_et(
    net_radiation: A[Array, Q("MJ/m2/d", "净辐射", "net radiation", low=-15, high=40, symbol="R_n")],
    warmest: Warmest,
    coldest: Coldest,
    vapour_pressure: Vapour,
    wind: A[Array, Q("m/s", "2 m 高风速", "wind at 2 m", low=0, high=60, symbol="u_2")],
    elevation: Elevation,
    soil_heat: A[Array, Q("MJ/m2/d", "土壤热通量", "soil heat flux", low=-10, high=10, symbol="G")],
) -> A[Array, Q("mm/d", "参考蒸散量", "reference evapotranspiration", low=-2, high=25, symbol="ET0")]:
    """Water that a well-watered short grass gives to the air in a day; T is the mean of T_max and T_min.

    Shapes: mutually broadcastable. `soil_heat` is 0 for a single day (equation 42). Dew makes it negative.
    """
    mean = (np.asarray(warmest) + np.asarray(coldest)) / 2
    slope = 4098 * _saturated(mean) / (mean + 237.3) ** 2
    gamma = 0.000665 * 101.3 * ((293 - 0.0065 * np.asarray(elevation)) / 293) ** 5.26
    deficit = (_saturated(warmest) + _saturated(coldest)) / 2 - vapour_pressure
    radiative = 0.408 * slope * (np.asarray(net_radiation) - soil_heat)
    aerodynamic = gamma * 900 / (mean + 273) * np.asarray(wind) * deficit
    return (radiative + aerodynamic) / (slope + gamma * (1 + 0.34 * np.asarray(wind)))


def _saturated(temperature: Array) -> Array:
    """Saturation vapour pressure over water, kPa (equation 11)."""
    celsius = np.asarray(temperature, dtype=np.float64)
    return 0.6108 * np.exp(17.27 * celsius / (celsius + 237.3))
