"""Climate: day length, potential evapotranspiration, and the cooling by plants and open water (G14, G15)."""

from __future__ import annotations

import numpy as np

from ...core.errors import OutOfBounds
from ...core.method import A, Array, Choice, Clause, Q, method
from . import cooling, cooling_cells, fao56, vapour  # noqa: F401 - registers urban cooling and evapotranspiration

THORNTHWAITE = Clause("Thornthwaite 1948, Geographical Review 38(1):55-94", "heat index, exponent and equation 10")
DAYS_IN_MONTH = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_FIRST_DAY = np.concatenate(([0], np.cumsum(DAYS_IN_MONTH)[:-1]))

MonthlyTemperature = A[Array, Q("degC", "月平均气温", "monthly mean air temperature", low=-90, high=38, axis="month")]
Latitude = A[Array, Q("degree", "纬度", "latitude", low=-90, high=90)]


@method(
    "climate.annual_sum", edition="1", clause=Clause("definition", "sum of the twelve months"), formula="P = sum P_m"
)
def annual_sum(
    monthly_precipitation: A[Array, Q("mm", "月降水量", "monthly precipitation", low=0, axis="month")],
) -> A[Array, Q("mm", "年降水量", "annual precipitation")]:
    """Rain of a year from its twelve months.

    Shape: (..., 12) mm in, (...) mm out. A missing month (NaN) makes the year missing.
    """
    return _twelve(monthly_precipitation).sum(axis=-1)


@method(
    "climate.day_length",
    edition="fao56",
    clause=Clause("FAO Irrigation and Drainage Paper 56 (1998)", "equations 24, 25, 34"),
    formula="N = 24/pi * arccos(-tan(phi) tan(delta)), delta = 0.409 sin(2 pi J/365 - 1.39), mean over the month",
)
def day_length(latitude: Latitude) -> A[Array, Q("h", "月平均昼长", "mean day length of the month", axis="month")]:
    """Mean day length of each month: the mean over all its days in a year of 365 days (no leap day).

    Shape: latitude (...) degrees in, (..., 12) hours out. Polar day is 24 h, polar night 0 h.
    """
    phi = np.radians(np.asarray(latitude, dtype=np.float64))[..., None]
    months = [
        _hours(phi, first + np.arange(1, days + 1)) for first, days in zip(_FIRST_DAY, DAYS_IN_MONTH, strict=True)
    ]
    return np.stack([hours.mean(axis=-1) for hours in months], axis=-1)


def _hours(phi: Array, day_of_year: Array) -> Array:
    declination = 0.409 * np.sin(2 * np.pi * day_of_year / 365 - 1.39)
    sunset = np.arccos(np.clip(-np.tan(phi) * np.tan(declination), -1, 1))
    return 24 / np.pi * sunset


def _twelve(values: Array) -> Array:
    """The values as an array whose last axis is the twelve months. Raises `OutOfBounds` for any other length."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] != 12:
        raise OutOfBounds(
            f"the last axis must hold 12 months, the shape is {array.shape}.",
            f"最后一维应为 12 个月，现为 {array.shape}。",
        )
    return array


@method(
    "climate.pet_thornthwaite_month",
    edition="1948",
    clause=THORNTHWAITE,
    formula="PET_m = 16 (L/12)(N/30)(10 T/I)^a; I = sum (T/5)^1.514; "
    "a = 6.75e-7 I^3 - 7.71e-5 I^2 + 1.792e-2 I + 0.49239; "
    "T > 26.5: (-415.85 + 32.24 T - 0.43 T^2)(L/12)(N/30)",
)
def pet_thornthwaite_month(
    temperature: MonthlyTemperature, latitude: Latitude
) -> A[Array, Q("mm", "月潜在蒸散发量", "monthly potential evapotranspiration", axis="month")]:
    """Potential evapotranspiration of each month from its mean temperature and the latitude.

    Shapes: temperature (..., 12) degC, latitude (...) degrees, result (..., 12) mm. Months at or below 0 degC give 0
    and do not enter the heat index; a place with no warmer month gives 0 throughout. Day length is the mean over the
    month's days, the year has 365 days. Above 26.5 degC the table of the 1948 paper is replaced by the parabola of
    Willmott, Rowe and Mintz 1985 (Journal of Climatology 5:589-606); the table ends at 38 degC, and so does the input.
    The two branches do not meet exactly at 26.5 degC: that step belongs to the source.
    """
    warm = np.maximum(_twelve(temperature), 0)
    heat_index = ((warm / 5) ** 1.514).sum(axis=-1, keepdims=True)
    a = 6.75e-7 * heat_index**3 - 7.71e-5 * heat_index**2 + 1.792e-2 * heat_index + 0.49239
    unadjusted = 16 * (10 * warm / np.where(heat_index == 0, 1, heat_index)) ** a
    hot = -415.85 + 32.24 * warm - 0.43 * warm**2
    return np.where(warm > 26.5, hot, unadjusted) * day_length(latitude) / 12 * DAYS_IN_MONTH / 30


@method(
    "climate.pet_thornthwaite",
    edition="1948",
    clause=THORNTHWAITE,
    formula="PET = sum of the twelve months of climate.pet_thornthwaite_month@1948",
)
def pet_thornthwaite(
    temperature: MonthlyTemperature, latitude: Latitude
) -> A[Array, Q("mm", "年潜在蒸散发量", "annual potential evapotranspiration")]:
    """Potential evapotranspiration of a year: the sum of the twelve months, rules as in the monthly method.

    Shapes: temperature (..., 12) degC, latitude (...) degrees, result (...) mm.
    """
    return pet_thornthwaite_month(temperature, latitude).sum(axis=-1)


@method(
    "climate.transpiration_cooling",
    edition="bo2017",
    clause=Clause("生态学报 2017,37(12):4182-4190", "G14"),
    formula="E = H A d 1e6 / (3600 COP)",
)
def transpiration_cooling(
    transpiration_heat: A[
        Array, Q("kJ/m2/d", "单位面积蒸腾吸热量", "heat taken up by transpiration", low=0, symbol="H")
    ],
    area: A[Array, Q("km2", "面积", "area", low=0)],
    days: A[Array, Q("d", "降温天数", "days with cooling demand", low=0, high=366)],
    cop: A[Array, Q("-", "空调能效比", "coefficient of performance of an air conditioner", low=0.01, symbol="COP")],
) -> A[Array, Q("kWh", "植被蒸腾降温节电量", "electricity saved by transpiration")]:
    """Electricity that air conditioners would need for the same cooling (G14).

    Shapes: any mutually broadcastable arrays. H is heat of transpiration: the source prints it as GPP, and it is not
    gross primary production. A coefficient of performance of 0 or less is refused.
    """
    return transpiration_heat * area * days * 1e6 / (3600 * cop)


@method(
    "climate.water_surface_cooling",
    edition="youyang_frontend",
    clause=Clause("重庆酉阳 GEP 平台公开前端", "G15"),
    status="open",
    formula="E = Ev (rho_w q / 3600 + gamma); with water_cop = divide_heat: E = Ev (rho_w q / (3600 COP) + gamma)",
)
def water_surface_cooling(
    evaporation: A[Array, Q("m3", "水面蒸发量", "water evaporated from the surface", low=0, symbol="Ev")],
    density: A[Array, Q("t/m3", "水的密度", "density of water", low=0.9, high=1.1, symbol="rho_w")],
    latent_heat: A[Array, Q("J/g", "汽化潜热", "latent heat of evaporation", low=0, symbol="q")],
    humidifier_energy: A[
        Array, Q("kWh/m3", "加湿器单位耗电量", "electricity a humidifier uses", low=0, symbol="gamma")
    ],
    cop: A[Array, Q("-", "空调能效比", "coefficient of performance of an air conditioner", low=0.01, symbol="COP")],
    water_cop: A[
        str, Choice("水面蒸发是否除以能效比", "does a COP divide the heat term", ("as_printed", "divide_heat"))
    ],
) -> A[Array, Q("kWh", "水面蒸发降温增湿节电量", "electricity saved by evaporation from water")]:
    """Electricity for the cooling and moistening that evaporating water gives (G15).

    Shapes: any mutually broadcastable arrays. rho_w q is in kJ/m3 (1 t/m3 times 1 J/g is 1000 kJ/m3). The printed
    formula has no COP in the heat term, unlike the one for plants. Which is right is open: `water_cop` must be named.
    """
    heat = density * latent_heat * 1000 / 3600
    divided = heat / cop if water_cop == "divide_heat" else heat
    return evaporation * (divided + humidifier_energy)
