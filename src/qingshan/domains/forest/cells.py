"""Cell forms of vegetation carbon: CASA production, what is kept of it, stocks and their change."""

from __future__ import annotations

import math

from qingshan.core.cell import cell


@cell("forest.apar@casa")
def apar(solar_radiation: float, fpar: float, par_share: float) -> float:
    return solar_radiation * fpar * par_share


@cell("forest.fpar@ndvi")
def fpar(ndvi: float, ndvi_min: float, ndvi_max: float, fpar_min: float, fpar_max: float) -> float:
    if ndvi_max == ndvi_min:
        return math.nan
    share = fpar_min + (ndvi - ndvi_min) / (ndvi_max - ndvi_min) * (fpar_max - fpar_min)
    share = max(share, fpar_min)
    return fpar_max if share > fpar_max else share


@cell("forest.temperature_stress_1@potter1993")
def temperature_stress_1(optimum: float) -> float:
    return 0.8 + 0.02 * optimum - 0.0005 * optimum**2


@cell("forest.temperature_stress_2@potter1993")
def temperature_stress_2(optimum: float, temperature: float) -> float:
    cold = 1 + math.exp(0.2 * (optimum - 10 - temperature))
    hot = 1 + math.exp(0.3 * (-optimum - 10 + temperature))
    return 1.1814 / (cold * hot)


@cell("forest.water_stress@casa")
def water_stress(evapotranspiration: float, potential: float) -> float:
    return 0.5 + 0.5 * evapotranspiration / potential


@cell("forest.water_stress@crop")
def water_stress_crop(evapotranspiration: float, potential: float) -> float:
    return 0.5 + 0.5 * evapotranspiration / potential


@cell("forest.light_use_efficiency@casa")
def light_use_efficiency(
    temperature_stress_1: float, temperature_stress_2: float, water_stress: float, eps_max: float
) -> float:
    return temperature_stress_1 * temperature_stress_2 * water_stress * eps_max


@cell("forest.npp@casa")
def npp(apar: float, light_use_efficiency: float) -> float:
    return apar * light_use_efficiency


@cell("forest.dry_matter@1", per="m2", amounts=("carbon",))
def dry_matter(carbon: float, carbon_fraction: float) -> float:
    return carbon / carbon_fraction


@cell("forest.nep@balance", per="m2", amounts=("npp", "soil_respiration"))
def nep_balance(npp: float, soil_respiration: float) -> float:
    return npp - soil_respiration


@cell("forest.nep@ratio", per="m2", amounts=("npp",))
def nep_ratio(npp: float, nep_npp_ratio: float) -> float:
    return nep_npp_ratio * npp


@cell("forest.co2_fixed@npp", per="m2", amounts=("npp",))
def co2_fixed_npp(npp: float, co2_per_dry_matter: float) -> float:
    return co2_per_dry_matter * npp


@cell("forest.co2_fixed@nep", per="m2", amounts=("nep",))
def co2_fixed_nep(nep: float) -> float:
    return nep * 44 / 12


@cell("forest.oxygen_released@npp", per="m2", amounts=("npp",))
def oxygen_released(npp: float, o2_per_dry_matter: float) -> float:
    return o2_per_dry_matter * npp


@cell("forest.carbon_stock@pools")
def carbon_stock(above_ground: float, below_ground: float, soil: float, dead: float) -> float:
    return above_ground + below_ground + soil + dead


@cell("forest.carbon_change@pools")
def carbon_change(opening: float, closing: float) -> float:
    return closing - opening


@cell("forest.sequestration_value@invest3", per="m2", amounts=("change",))
def sequestration_value(change: float, price: float, years: float, discount_rate: float, price_change: float) -> float:
    q = 1 / ((1 + discount_rate / 100) * (1 + price_change / 100))
    factor = years if q == 1 else (1 - q**years) / (1 - q)
    return change * price / years * factor


@cell("forest.carbon@fraction", per="hm2", amounts=("biomass",))
def carbon_of_biomass(biomass: float, carbon_fraction: float) -> float:
    return biomass * carbon_fraction


@cell("forest.co2@molar", per="hm2", amounts=("carbon",))
def co2_of_carbon(carbon: float) -> float:
    return carbon * 44 / 12
