"""Cell forms of climate: annual rain, heat and electricity of evapotranspiration (G14, G15)."""

from __future__ import annotations

from qingshan.core.cell import cell


@cell("climate.annual_sum@1")
def annual_sum(
    monthly_precipitation_1: float, monthly_precipitation_2: float, monthly_precipitation_3: float,
    monthly_precipitation_4: float, monthly_precipitation_5: float, monthly_precipitation_6: float,
    monthly_precipitation_7: float, monthly_precipitation_8: float, monthly_precipitation_9: float,
    monthly_precipitation_10: float, monthly_precipitation_11: float, monthly_precipitation_12: float,
) -> float:  # fmt: skip
    first = monthly_precipitation_1 + monthly_precipitation_2 + monthly_precipitation_3 + monthly_precipitation_4
    second = monthly_precipitation_5 + monthly_precipitation_6 + monthly_precipitation_7 + monthly_precipitation_8
    third = monthly_precipitation_9 + monthly_precipitation_10 + monthly_precipitation_11 + monthly_precipitation_12
    return first + second + third


@cell("climate.transpiration_heat@fao56")
def transpiration_heat(evapotranspiration: float, days: float, latent_heat: float) -> float:
    return latent_heat * evapotranspiration / days


@cell("climate.transpiration_cooling@bo2017", per="km2")
def transpiration_cooling(transpiration_heat: float, days: float, cop: float) -> float:
    return transpiration_heat * days * 1e6 / (3600 * cop)


@cell(
    "climate.water_surface_cooling@youyang_frontend", variant="as_printed", choices={"water_cop": "as_printed"},
    per="m2", amounts=("evaporation",),
)  # fmt: skip
def water_surface_cooling_as_printed(
    evaporation: float, density: float, latent_heat: float, humidifier_energy: float, cop: float
) -> float:
    return evaporation * (density * latent_heat * 1000 / 3600 + humidifier_energy)


@cell(
    "climate.water_surface_cooling@youyang_frontend", variant="divide_heat", choices={"water_cop": "divide_heat"},
    per="m2", amounts=("evaporation",),
)  # fmt: skip
def water_surface_cooling_divide_heat(
    evaporation: float, density: float, latent_heat: float, humidifier_energy: float, cop: float
) -> float:
    return evaporation * (density * latent_heat * 1000 / 3600 / cop + humidifier_energy)
