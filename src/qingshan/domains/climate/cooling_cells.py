"""Cell forms of the urban cooling methods."""

from __future__ import annotations

import math

from ...core.cell import cell


@cell("climate.evapotranspiration_index@invest_guide")
def evapotranspiration_index(crop_coefficient: float, reference_et: float, largest_et: float) -> float:
    return crop_coefficient * reference_et / largest_et if largest_et > 0.0 else math.nan


@cell("climate.cooling_capacity@invest_guide")
def cooling_capacity(
    shade: float, albedo: float, evapotranspiration_index: float, shade_weight: float, albedo_weight: float, et_weight: float
) -> float:  # fmt: skip
    return shade_weight * shade + albedo_weight * albedo + et_weight * evapotranspiration_index


@cell("climate.cooling_capacity@invest_guide_night")
def cooling_capacity_night(building_intensity: float) -> float:
    return 1.0 - building_intensity


@cell("climate.heat_mitigation@invest_guide")
def heat_mitigation(capacity: float, park_capacity: float, green_area: float, smallest_park: float) -> float:
    if capacity >= park_capacity or green_area < smallest_park:
        return capacity
    return park_capacity


@cell("climate.air_temperature@invest_guide")
def air_temperature(mitigation: float, reference_temperature: float, heat_island: float) -> float:
    return reference_temperature + (1.0 - mitigation) * heat_island


@cell("climate.temperature_reduction@invest_guide")
def temperature_reduction(temperature: float, reference_temperature: float, heat_island: float) -> float:
    return reference_temperature + heat_island - temperature
