"""Urban cooling: cooling capacity of a land cover, the reach of large green spaces, air temperature after mixing.

The index of shade, albedo and evapotranspiration follows Zardo et al. 2017 as the InVEST user guide extends it. Weights,
park size and distances are parameters; nothing here depends on what else is on the map.
"""

from __future__ import annotations

import numpy as np

from ...core.method import A, Array, Clause, Q, method

GUIDE = "InVEST User Guide, Urban Cooling"
EDITION = "invest_guide"

Capacity = A[Array, Q("1", "降温能力指数", "cooling capacity", low=0, high=2, symbol="CC")]
Mitigation = A[Array, Q("1", "热缓解指数", "heat mitigation index", low=0, high=2, symbol="HM")]
Share = Q("1", "权重", "weight", low=0, high=1)
Distance = A[Array, Q("m", "距离", "distance", low=0, symbol="d")]
Reference = A[Array, Q("degC", "乡村参照气温", "rural reference air temperature", low=-90, high=60, symbol="T_ref")]
Island = A[Array, Q("K", "热岛强度", "magnitude of the urban heat island", low=0, high=30, symbol="UHI")]


@method(
    "climate.evapotranspiration_index", edition=EDITION, clause=Clause(GUIDE, "ETI"), status="secondary",
    formula="ETI = Kc ET0/ET0_max",
)  # fmt: skip
def evapotranspiration_index(
    crop_coefficient: A[Array, Q("1", "作物系数", "crop coefficient", low=0, high=3, symbol="Kc")],
    reference_et: A[Array, Q("mm", "参考蒸散量", "reference evapotranspiration", low=0, symbol="ET0")],
    largest_et: A[
        Array,
        Q("mm", "参考蒸散量的归一化上限", "reference evapotranspiration that counts as 1", low=0, symbol="ET0_max"),
    ],
) -> A[Array, Q("1", "蒸散指数", "evapotranspiration index", low=0, symbol="ETI")]:
    """Potential evapotranspiration of a cover over a declared maximum.

    Shapes: mutually broadcastable. The maximum is declared once for a zone: taken from the map at hand it would make a
    county's index depend on its neighbours. A maximum of 0: NaN.
    """
    return (
        crop_coefficient
        * np.asarray(reference_et, dtype=np.float64)
        / np.where(np.asarray(largest_et) > 0, largest_et, np.nan)
    )


@method(
    "climate.cooling_capacity", edition=EDITION, clause=Clause(GUIDE, "CC, factors"), status="secondary",
    formula="CC = w_s shade + w_a albedo + w_e ETI",
)  # fmt: skip
def cooling_capacity(
    shade: A[Array, Q("1", "遮荫（2 米以上树冠覆盖比例）", "shade: cover of crowns of 2 m or more", low=0, high=1)],
    albedo: A[Array, Q("1", "反照率", "albedo", low=0, high=1)],
    evapotranspiration_index: A[Array, Q("1", "蒸散指数", "evapotranspiration index", low=0, symbol="ETI")],
    shade_weight: A[Array, Share],
    albedo_weight: A[Array, Share],
    et_weight: A[Array, Share],
) -> Capacity:
    """Cooling capacity by day. Shapes: mutually broadcastable; the guide's weights are 0.6, 0.2 and 0.2."""
    return (
        shade_weight * np.asarray(shade, dtype=np.float64) + albedo_weight * np.asarray(albedo)
        + et_weight * np.asarray(evapotranspiration_index)
    )  # fmt: skip


@method(
    "climate.cooling_capacity", edition="invest_guide_night", clause=Clause(GUIDE, "CC, intensity"), status="secondary",
    zh="降温能力指数（夜间）", en="cooling capacity by night", formula="CC = 1 - building intensity",
)  # fmt: skip
def cooling_capacity_night(
    building_intensity: A[Array, Q("1", "建筑强度", "building intensity", low=0, high=1)],
) -> Capacity:
    """Cooling capacity by night, from floor area over footprint scaled to 0-1. Any shape."""
    return 1 - np.asarray(building_intensity, dtype=np.float64)


@method(
    "climate.park_decay", edition=EDITION, clause=Clause(GUIDE, "CC_park"), status="secondary",
    formula="w = exp(-d/d_cool)",
)  # fmt: skip
def park_decay(
    distance: Distance,
    cooling_distance: A[Array, Q("m", "绿地降温距离", "distance over which green space cools", low=0, symbol="d_cool")],
) -> A[Array, Q("1", "距离权重", "weight by distance", low=0, high=1, symbol="w")]:
    """Weight of a cell at a distance. Shapes: mutually broadcastable. A cooling distance of 0 leaves the cell itself."""
    d, reach = np.asarray(distance, dtype=np.float64), np.asarray(cooling_distance, dtype=np.float64)
    return np.where(reach > 0, np.exp(-d / np.where(reach > 0, reach, 1)), (d == 0).astype(np.float64))


@method(
    "climate.heat_mitigation", edition=EDITION, clause=Clause(GUIDE, "HM"), status="secondary",
    formula="HM = CC where CC >= CC_park or GA < GA_min, else CC_park",
)  # fmt: skip
def heat_mitigation(
    capacity: Capacity,
    park_capacity: A[
        Array, Q("1", "周边绿地降温能力", "distance-weighted capacity of green space", low=0, high=2, symbol="CC_park")
    ],
    green_area: A[Array, Q("hm2", "周边绿地面积", "green area within the cooling distance", low=0, symbol="GA")],
    smallest_park: A[
        Array, Q("hm2", "起作用的最小绿地面积", "smallest green area that counts", low=0, symbol="GA_min")
    ],
) -> Mitigation:
    """Heat mitigation of a cell. Shapes: mutually broadcastable. Green cells need not touch: the guide adds them up."""
    cc, park = np.asarray(capacity, dtype=np.float64), np.asarray(park_capacity, dtype=np.float64)
    chosen = np.where((cc >= park) | (np.asarray(green_area) < smallest_park), cc, park)
    return np.where(np.isnan(cc + park + green_area), np.nan, chosen)


@method(
    "climate.air_temperature", edition=EDITION, clause=Clause(GUIDE, "T_air"), status="secondary",
    formula="T = T_ref + (1 - HM) UHI",
)  # fmt: skip
def air_temperature(
    mitigation: Mitigation, reference_temperature: Reference, heat_island: Island
) -> A[Array, Q("degC", "气温", "air temperature", symbol="T")]:
    """Air temperature from the index of a cell, or from its mean over the mixing distance. Shapes: broadcastable.

    Mixing is a weighted mean, and the equation is linear: temperature of the mean index is the mean of temperatures.
    """
    return reference_temperature + (1 - np.asarray(mitigation, dtype=np.float64)) * heat_island


@method(
    "climate.temperature_reduction", edition=EDITION, clause=Clause(GUIDE, "T_air,MAX - T_air"), status="secondary",
    formula="dT = T_ref + UHI - T",
)  # fmt: skip
def temperature_reduction(
    temperature: A[Array, Q("degC", "气温", "air temperature", symbol="T")],
    reference_temperature: Reference,
    heat_island: Island,
) -> A[Array, Q("K", "降温幅度", "temperature reduction")]:
    """Kelvins below the hottest air of the city, T_ref + UHI. Shapes: broadcastable. Above it the result is negative."""
    return reference_temperature + heat_island - np.asarray(temperature, dtype=np.float64)
