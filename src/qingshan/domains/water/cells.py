"""Cell forms of water: evapotranspiration, yield, retention, storm runoff, capacities of wetlands."""

from __future__ import annotations

import math

from qingshan.core.cell import cell


@cell("water.actual_evapotranspiration@fu1981")
def actual_evapotranspiration(precipitation: float, potential: float, omega: float) -> float:
    less = potential if potential < precipitation else precipitation
    more = precipitation if potential < precipitation else potential
    ratio = less / (1.0 if more == 0 else more)
    return less - more * math.expm1(math.log1p(ratio**omega) / omega)


@cell("water.yield_depth@balance")
def yield_depth(precipitation: float, evapotranspiration: float) -> float:
    return precipitation - evapotranspiration


@cell("water.retention@garze2017", per="km2")
def retention_garze(precipitation: float, runoff_coefficient: float, evapotranspiration: float) -> float:
    return 1000 * (precipitation - precipitation * runoff_coefficient / 100 - evapotranspiration)


@cell("water.retention@hj1173_2021", per="km2", choices={"p_kind": "runoff_producing"})
def retention_hj1173(runoff_producing_rainfall: float, runoff: float, evapotranspiration: float) -> float:
    return 1000 * (runoff_producing_rainfall - runoff - evapotranspiration)


@cell(
    "water.counted_volume@1",
    variant="floor_zero",
    choices={"negative_policy": "floor_zero"},
    per="km2",
    amounts=("volume",),
)
def counted_floor_zero(volume: float) -> float:
    return 0.0 if volume < 0 else volume


@cell(
    "water.counted_volume@1",
    variant="report_only",
    choices={"negative_policy": "report_only"},
    per="km2",
    amounts=("volume",),
)
def counted_report_only(volume: float) -> float:
    return math.nan if volume < 0 else volume


@cell("water.negative_area@1", per="km2", amounts=("volume",))
def negative_area(volume: float) -> float:
    return 1.0 if volume < 0 else 0.0


@cell("water.negative_volume@1", per="km2", amounts=("volume",))
def negative_volume(volume: float) -> float:
    return 0.0 if volume > 0 else volume


@cell("water.available_water@invest3")
def available_water(root_depth: float, restricting_depth: float, pawc: float) -> float:
    if math.isnan(root_depth):
        return math.nan
    return (restricting_depth if not restricting_depth >= root_depth else root_depth) * pawc


@cell("water.evaporative_fraction@invest3")
def evaporative_fraction(
    precipitation: float, reference_evapotranspiration: float, crop_coefficient: float, available_water: float,
    vegetated: float, seasonality: float,
) -> float:  # fmt: skip
    if precipitation == 0:
        return math.nan
    phi = crop_coefficient * reference_evapotranspiration / precipitation
    low, high = (1.0, phi) if phi > 1 else (phi, 1.0)
    if vegetated != 1:
        return low
    omega = seasonality * available_water / precipitation + 1.25
    omega = 5.0 if omega > 5 else omega
    return low - high * math.expm1(math.log1p((low / high) ** omega) / omega)


@cell("water.annual_yield@invest3")
def annual_yield(precipitation: float, evaporative_fraction: float) -> float:
    return (1 - evaporative_fraction) * precipitation


@cell("water.actual_evapotranspiration@invest3")
def actual_evapotranspiration_invest(precipitation: float, evaporative_fraction: float) -> float:
    return evaporative_fraction * precipitation


@cell("water.crop_evapotranspiration@fao56")
def crop_evapotranspiration(reference_evapotranspiration: float, crop_coefficient: float) -> float:
    return crop_coefficient * reference_evapotranspiration


@cell("water.curve_number@neh630")
def curve_number(
    soil_group: float, curve_numbers_1: float, curve_numbers_2: float, curve_numbers_3: float, curve_numbers_4: float
) -> float:
    if soil_group == 1:
        return curve_numbers_1
    if soil_group == 2:
        return curve_numbers_2
    if soil_group == 3:
        return curve_numbers_3
    return curve_numbers_4 if soil_group == 4 else math.nan


@cell("water.potential_maximum_retention@neh630")
def potential_maximum_retention(curve_number: float) -> float:
    return 25400 / curve_number - 254


@cell("water.storm_runoff@neh630")
def storm_runoff(rain: float, retention: float, abstraction_ratio: float) -> float:
    excess = rain - abstraction_ratio * retention
    return 0.0 if excess <= 0 else excess**2 / (excess + retention)


@cell("water.flood_retention@curve_number")
def flood_retention(bare_runoff: float, runoff: float) -> float:
    return bare_runoff - runoff


@cell("water.marsh_flood_storage@garze2017", per="m2")
def marsh_flood_storage(depth: float) -> float:
    return depth


@cell("water.purified@capacity", per="km2")
def purified_by_area(capacity: float) -> float:
    return capacity
