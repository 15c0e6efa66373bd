"""Cell forms of soil: RUSLE of both editions, grades of loss, sand fixation. Each says its method for one cell."""

from __future__ import annotations

import math

from qingshan.core.cell import cell

US_TO_SI = 0.1317
REFERENCE_LENGTH = 22.13


# ---- R ---------------------------------------------------------------------------------------------------------------


@cell("soil.r@hj1173_2021")
def r_hj1173(
    half_months_1: float, half_months_2: float, half_months_3: float, half_months_4: float, half_months_5: float,
    half_months_6: float, half_months_7: float, half_months_8: float, half_months_9: float, half_months_10: float,
    half_months_11: float, half_months_12: float, half_months_13: float, half_months_14: float, half_months_15: float,
    half_months_16: float, half_months_17: float, half_months_18: float, half_months_19: float, half_months_20: float,
    half_months_21: float, half_months_22: float, half_months_23: float, half_months_24: float,
) -> float:  # fmt: skip
    first = half_months_1 + half_months_2 + half_months_3 + half_months_4 + half_months_5 + half_months_6
    second = half_months_7 + half_months_8 + half_months_9 + half_months_10 + half_months_11 + half_months_12
    third = half_months_13 + half_months_14 + half_months_15 + half_months_16 + half_months_17 + half_months_18
    fourth = half_months_19 + half_months_20 + half_months_21 + half_months_22 + half_months_23 + half_months_24
    return first + second + third + fourth


@cell("soil.fournier@weibei2019")
def fournier(
    rain_1: float, rain_2: float, rain_3: float, rain_4: float, rain_5: float, rain_6: float,
    rain_7: float, rain_8: float, rain_9: float, rain_10: float, rain_11: float, rain_12: float,
) -> float:  # fmt: skip
    """One year, or the twelve months of a mean year."""
    total = rain_1 + rain_2 + rain_3 + rain_4 + rain_5 + rain_6 + rain_7 + rain_8 + rain_9 + rain_10 + rain_11 + rain_12
    first = rain_1**2 + rain_2**2 + rain_3**2 + rain_4**2 + rain_5**2 + rain_6**2
    second = rain_7**2 + rain_8**2 + rain_9**2 + rain_10**2 + rain_11**2 + rain_12**2
    return (first + second) / (1.0 if total == 0 else total)


@cell("soil.r_monthly@weibei2019")
def r_monthly(fournier: float, alpha: float, beta: float) -> float:
    return alpha * fournier**beta


@cell("soil.r_in_unit@declared")
def r_in_unit(number: float, unit: float) -> float:
    return number * unit


# ---- K ---------------------------------------------------------------------------------------------------------------


@cell("soil.k_epic@hj1173_2021")
def k_epic_hj1173(sand: float, silt: float, clay: float, organic_carbon: float) -> float:
    if not (clay + silt > 0 and abs(sand + silt + clay - 100) <= 1):
        return math.nan
    sn = 1 - sand / 100
    return (
        (0.2 + 0.3 * math.exp(-0.0256 * sand * (1 - silt / 100)))
        * (silt / (clay + silt)) ** 0.3
        * (1 - 0.25 * organic_carbon / (organic_carbon + math.exp(3.72 - 2.95 * organic_carbon)))
        * (1 - 0.7 * sn / (sn + math.exp(-5.51 + 22.9 * sn)))
    )


@cell("soil.k@hj1173_2021")
def k_hj1173(epic: float) -> float:
    corrected = (-0.01383 + 0.51575 * epic) * US_TO_SI
    return corrected if corrected > 0 else math.nan


@cell("soil.k@weibei2019", variant="us_customary", choices={"k_unit_system": "us_customary"})
def k_weibei_us(sand: float, silt: float, clay: float, organic_carbon: float) -> float:
    if not (clay + silt > 0 and abs(sand + silt + clay - 100) <= 1):
        return math.nan
    sn = 1 - sand / 100
    epic = (
        (0.2 + 0.3 * math.exp(-0.0256 * sand * (1 - silt / 100)))
        * (silt / (clay + silt)) ** 0.3
        * (1 - 0.25 * organic_carbon / (organic_carbon + math.exp(3.72 - 2.95 * organic_carbon)))
        * (1 - 0.7 * sn / (sn + math.exp(-5.51 + 22.9 * sn)))
    )
    return epic * US_TO_SI


@cell("soil.k@weibei2019", variant="si", choices={"k_unit_system": "si"})
def k_weibei_si(sand: float, silt: float, clay: float, organic_carbon: float) -> float:
    if not (clay + silt > 0 and abs(sand + silt + clay - 100) <= 1):
        return math.nan
    sn = 1 - sand / 100
    return (
        (0.2 + 0.3 * math.exp(-0.0256 * sand * (1 - silt / 100)))
        * (silt / (clay + silt)) ** 0.3
        * (1 - 0.25 * organic_carbon / (organic_carbon + math.exp(3.72 - 2.95 * organic_carbon)))
        * (1 - 0.7 * sn / (sn + math.exp(-5.51 + 22.9 * sn)))
    )


# ---- L and S ---------------------------------------------------------------------------------------------------------


@cell("soil.l@hj1173_2021")
def l_hj1173(slope_length: float, slope: float, slope_length_max: float, beta_constant: float) -> float:
    sine = math.sin(math.radians(slope))
    beta = (sine / beta_constant) / (3 * sine**0.8 + 0.56)
    length = slope_length if slope_length <= slope_length_max else slope_length_max
    known = slope_length > 0 and slope_length_max > 0
    return (length / REFERENCE_LENGTH) ** (beta / (1 + beta)) if known else math.nan


@cell("soil.l@weibei2019")
def l_weibei(slope_length: float, slope: float, slope_length_max: float, beta_constant: float) -> float:
    sine = math.sin(math.radians(slope))
    b = (sine / beta_constant) / (3 * sine**0.8 + 0.56)
    length = slope_length if slope_length <= slope_length_max else slope_length_max
    known = slope_length > 0 and slope_length_max > 0
    return (length / REFERENCE_LENGTH) ** (b / (1 + b)) if known else math.nan


@cell("soil.l@huanghua2011")
def l_huanghua(
    slope_length: float, slope: float, slope_length_max: float, m_1: float, m_2: float, m_3: float, m_4: float
) -> float:
    percent = 100 * math.tan(math.radians(slope))
    length = slope_length if slope_length <= slope_length_max else slope_length_max
    if not (slope_length > 0 and slope_length_max > 0) or math.isnan(percent):
        return math.nan
    m = m_4 if percent >= 9 else m_3 if percent >= 3 else m_2 if percent >= 1 else m_1
    return (length / REFERENCE_LENGTH) ** m


@cell("soil.s@hj1173_2021")
def s_hj1173(slope: float) -> float:
    sine = math.sin(math.radians(slope))
    if slope < 5.14:
        return 10.8 * sine + 0.03
    if slope < 10.20:
        return 16.8 * sine - 0.5
    if slope < 28.81:
        return 21.9 * sine - 0.96
    return 9.5988 if slope >= 28.81 else math.nan


@cell("soil.s@weibei2019")
def s_weibei(slope: float) -> float:
    sine = math.sin(math.radians(slope))
    if slope < 5.1428:
        return 10.8 * sine + 0.03
    return 16.8 * sine - 0.5 if slope < 14.0362 else 21.91 * sine - 0.96


# ---- C ---------------------------------------------------------------------------------------------------------------


@cell("soil.c_cover@hj1173_2021")
def c_cover(
    cover: float, table_1: float, table_2: float, table_3: float, table_4: float, table_5: float, table_6: float
) -> float:
    if cover > 90:
        return table_6
    if cover >= 70:
        return table_5
    if cover >= 50:
        return table_4
    if cover >= 30:
        return table_3
    if cover >= 10:
        return table_2
    return table_1 if cover < 10 else math.nan


@cell("soil.c_dry@hj1173_2021")
def c_dry(cover: float) -> float:
    if cover <= 0:
        return 1.0
    c = 0.221 - 0.595 * math.log10(cover)
    return 1.0 if c > 1 else c


@cell("soil.c@hj1173_2021")
def c_hj1173(
    cover: float, dry_share: float,
    table_1: float, table_2: float, table_3: float, table_4: float, table_5: float, table_6: float,
) -> float:  # fmt: skip
    if cover > 90:
        c = table_6
    elif cover >= 70:
        c = table_5
    elif cover >= 50:
        c = table_4
    elif cover >= 30:
        c = table_3
    else:
        c = table_2 if cover >= 10 else table_1
    dry = 1.0
    if cover > 0:
        dry = 0.221 - 0.595 * math.log10(cover / 100)
        dry = 1.0 if dry > 1 else dry
    return dry_share * dry + (1 - dry_share) * c if not math.isnan(cover) else math.nan


@cell("soil.c@weibei2019")
def c_weibei(cover: float) -> float:
    if cover <= 0.1:
        return 1.0
    if cover > 78.3:
        return 0.0
    return 0.6508 - 0.3436 * math.log10(cover)


# ---- loss ------------------------------------------------------------------------------------------------------------


@cell("soil.potential_loss@hj1173_2021")
def potential_loss_hj1173(r: float, k: float, l: float, s: float) -> float:  # noqa: E741
    return r * k * l * s


@cell("soil.actual_loss@hj1173_2021")
def actual_loss_hj1173(r: float, k: float, l: float, s: float, c: float) -> float:  # noqa: E741
    return r * k * l * s * c


@cell("soil.retention@hj1173_2021")
def retention_hj1173(potential: float, actual: float) -> float:
    return potential - actual


@cell("soil.potential_loss@weibei2019")
def potential_loss_weibei(r: float, k: float, l: float, s: float) -> float:  # noqa: E741
    return r * k * l * s


@cell("soil.actual_loss@weibei2019")
def actual_loss_weibei(r: float, k: float, l: float, s: float, c: float, p: float) -> float:  # noqa: E741
    return r * k * l * s * c * p


@cell("soil.retention@weibei2019")
def retention_weibei(potential: float, actual: float) -> float:
    return potential - actual


@cell("soil.modulus@hj1174_2021")
def modulus(r: float, k: float, l: float, s: float, c: float) -> float:  # noqa: E741
    return 100 * r * k * l * s * c


# ---- grades ----------------------------------------------------------------------------------------------------------


@cell("soil.loss_grade@hj1174_2021")
def loss_grade_hj1174(
    modulus: float, tolerance: float, cuts_1: float, cuts_2: float, cuts_3: float, cuts_4: float
) -> float:
    if math.isnan(modulus):
        return math.nan
    if modulus > cuts_4:
        return 5.0
    if modulus > cuts_3:
        return 4.0
    if modulus > cuts_2:
        return 3.0
    if modulus > cuts_1:
        return 2.0
    return 1.0 if modulus >= tolerance else 0.0


@cell("soil.loss_grade@sl190_2007")
def loss_grade_sl190(
    modulus: float, tolerance: float, cuts_1: float, cuts_2: float, cuts_3: float, cuts_4: float
) -> float:
    if math.isnan(modulus):
        return math.nan
    if modulus > cuts_4:
        return 5.0
    if modulus > cuts_3:
        return 4.0
    if modulus > cuts_2:
        return 3.0
    if modulus > cuts_1:
        return 2.0
    return 1.0 if modulus > tolerance else 0.0


@cell("soil.loss_grade_five@hj1174_2021")
def loss_grade_five(grade: float) -> float:
    return grade if math.isnan(grade) or grade <= 3 else grade - 1


@cell("soil.eroded@grade")
def eroded(grade: float) -> float:
    if math.isnan(grade):
        return math.nan
    return 1.0 if grade >= 1 else 0.0


# ---- sand fixation ---------------------------------------------------------------------------------------------------


@cell("soil.wind_erodible_fraction@hj1173_2021")
def wind_erodible_fraction(coarse_sand: float, silt: float, clay: float, organic_matter: float, caco3: float) -> float:
    if not clay > 0:
        return math.nan
    fraction = (
        29.09 + 0.31 * coarse_sand + 0.17 * silt + 0.33 * coarse_sand / clay - 2.59 * organic_matter - 0.95 * caco3
    ) / 100
    return fraction if fraction > 0 else math.nan


@cell("soil.wind_crust@hj1173_2021")
def wind_crust(clay: float, organic_matter: float) -> float:
    return 1 / (1 + 0.0066 * clay**2 + 0.021 * organic_matter**2)


@cell("soil.wind_cover@hj1173_2021")
def wind_cover(cover: float, a: float) -> float:
    return math.exp(-a * cover)


@cell("soil.wind_roughness@hj1173_2021")
def wind_roughness(kr: float, crr: float) -> float:
    exponent = 1.86 * kr - 2.41 * kr**0.934 - 0.127 * crr
    return math.exp(exponent) if exponent <= 0 else math.nan


@cell("soil.wind_load@hj1173_2021")
def wind_load(weather: float, erodible: float, crust: float, roughness: float, cover: float) -> float:
    return weather * erodible * crust * roughness * cover


@cell("soil.wind_loss@hj1173_2021")
def wind_loss(load: float, distance: float) -> float:
    if load == 0:
        return 0.0 if not math.isnan(distance) else math.nan
    s = 150.71 * load**-0.3711
    return 2 * distance / s**2 * (109.8 * load) * math.exp(-((distance / s) ** 2)) * 1000


@cell("soil.sand_retention@hj1173_2021")
def sand_retention(potential_load: float, actual_load: float, distance: float) -> float:
    if math.isnan(potential_load) or math.isnan(actual_load) or math.isnan(distance):
        return math.nan
    potential, actual = 0.0, 0.0
    if potential_load > 0:
        s = 150.71 * potential_load**-0.3711
        potential = 2 * distance / s**2 * (109.8 * potential_load) * math.exp(-((distance / s) ** 2)) * 1000
    if actual_load > 0:
        s = 150.71 * actual_load**-0.3711
        actual = 2 * distance / s**2 * (109.8 * actual_load) * math.exp(-((distance / s) ** 2)) * 1000
    return potential - actual


@cell("soil.beyond_critical_length@hj1173_2021")
def beyond_critical_length(potential_load: float, distance: float) -> float:
    if math.isnan(potential_load) or math.isnan(distance):
        return math.nan
    if potential_load == 0:
        return 0.0
    return 1.0 if distance > 150.71 * potential_load**-0.3711 / math.sqrt(2) else 0.0
