"""Water: the balance of a place, water retention (G02), flood regulation (G06-G08) and water purification (G13)."""

from __future__ import annotations

import numpy as np

from ...core.method import A, Array, Choice, Clause, Q, method
from . import baseflow, delivery_cells, evaporation, nutrient, quality, routing, storms  # noqa: F401 - registers what raster accounts and evaluations need

GARZE = "生态学报 2017,37(19):6302-6312"
HJ1173 = "HJ 1173-2021"
OWN = "青山核算规则"
INVEST = "InVEST 3.20.2 User's Guide, Annual Water Yield"

Precipitation = A[Array, Q("mm", "年降水量", "annual precipitation", low=0, high=15_000, symbol="P")]
Potential = A[Array, Q("mm", "潜在蒸散发量", "potential evapotranspiration", low=0, symbol="PET")]
Actual = A[Array, Q("mm", "实际蒸散发量", "actual evapotranspiration", low=0, symbol="ET")]
Area = A[Array, Q("km2", "面积", "area", low=0, symbol="A")]
Volume = A[Array, Q("m3", "水量", "volume of water")]


@method(
    "water.actual_evapotranspiration",
    edition="fu1981",
    clause=Clause("傅抱璞 1981, 大气科学 5(1):23-31", "Budyko framework, one parameter"),
    status="secondary",
    formula="ET = P (1 + phi - (1 + phi^omega)^(1/omega)), phi = PET/P",
)
def actual_evapotranspiration(
    precipitation: Precipitation,
    potential: Potential,
    omega: A[Array, Q("-", "傅抱璞参数 ω", "Fu parameter omega", low=1, symbol="omega")],
) -> Actual:
    """Actual evapotranspiration of a year from rain and potential evapotranspiration.

    Shapes: any mutually broadcastable arrays, mm. Never above the smaller of P and PET; no rain gives 0.
    """
    # P(1 + phi - (1 + phi^w)^(1/w)) is symmetric in P and PET: taken from the larger side nothing overflows or cancels
    less, more = np.minimum(precipitation, potential), np.maximum(precipitation, potential)
    ratio = less / np.where(more == 0, 1, more)
    return less - more * np.expm1(np.log1p(ratio**omega) / omega)


@method("water.yield_depth", edition="balance", clause=Clause(OWN, "screening: P - ET"), formula="Y = P - ET")
def yield_depth(
    precipitation: Precipitation, evapotranspiration: Actual
) -> A[Array, Q("mm", "产水深", "water yield depth")]:
    """Water yield of a year as depth: rain less actual evapotranspiration, snow and storage left out.

    Shapes: any mutually broadcastable arrays, mm. A negative balance is returned as it is.
    """
    return precipitation - evapotranspiration


@method("water.yield_volume", edition="balance", clause=Clause(OWN, "screening: P - ET"), formula="V = 1000 A Y")
def yield_volume(
    depth: A[Array, Q("mm", "产水深", "water yield depth")], area: Area
) -> A[Array, Q("m3", "产水量", "water yield")]:
    """Volume of a depth of water over an area: 1 mm on 1 km2 is 1000 m3.

    Shapes: any mutually broadcastable arrays.
    """
    return 1000 * area * depth


@method(
    "water.retention",
    edition="garze2017",
    clause=Clause(GARZE, "G02; runoff coefficients of 生态学报 2017,37(7):2455-2462, Table 2"),
    formula="Q = 1000 A (P - P alpha/100 - ET)",
)
def retention(
    precipitation: Precipitation,
    runoff_coefficient: A[Array, Q("%", "地表径流系数", "storm runoff coefficient", low=0, high=100, symbol="alpha")],
    evapotranspiration: Actual,
    area: Area,
) -> A[Array, Q("m3", "水源涵养量", "water retained")]:
    """Water held back in a year: rain less storm runoff less evapotranspiration (G02).

    Shapes: any mutually broadcastable arrays. A negative balance is returned as it is; the account applies the
    profile's declared policy (`water.counted_volume`), since no source says what to do with it.
    """
    return 1000 * area * (precipitation - precipitation * runoff_coefficient / 100 - evapotranspiration)


@method(
    "water.retention",
    edition="hj1173_2021",
    clause=Clause(HJ1173, "A.1"),
    status="ocr_doubt",
    formula="Q = 1000 A (P - R - ET), P runoff-producing rain",
)
def retention_hj1173(
    runoff_producing_rainfall: A[Array, Q("mm", "产流降雨量", "runoff-producing rainfall", low=0, symbol="P")],
    runoff: A[Array, Q("mm", "地表径流量", "surface runoff", low=0, symbol="R")],
    evapotranspiration: Actual,
    area: Area,
    p_kind: A[str, Choice("降雨口径", "kind of rain", ("runoff_producing",))],
) -> A[Array, Q("m3", "水源涵养量", "water retained")]:
    """Water held back in a year by HJ 1173-2021: runoff and rain are inputs, runoff coefficients are not used.

    Shapes: any mutually broadcastable arrays. P is rain that produces runoff; `p_kind` says so, and total rain is
    refused. A negative balance is returned as it is: the standard is silent on it.
    """
    del p_kind  # its only admissible value carries the meaning; nothing is computed from it
    return 1000 * area * (runoff_producing_rainfall - runoff - evapotranspiration)


@method(
    "water.counted_volume",
    edition="1",
    clause=Clause(OWN, "negative balance: P - R - ET < 0"),
    status="project",
    formula="keep: Q; floor_zero: max(Q, 0); report_only: Q where Q >= 0, else not counted",
)
def counted_volume(
    volume: Volume,
    negative_policy: A[str, Choice("负值处理", "treatment of negative cells", ("keep", "floor_zero", "report_only"))],
) -> A[Array, Q("m3", "计入水量", "volume counted")]:
    """What of a balance enters the sum.

    Shape: any. `keep` adds signed values, `floor_zero` counts a negative cell as 0, `report_only` leaves it out as
    missing (NaN). The absolute value is not among the options. Negative area and volume are reported beside it in all
    three cases (`water.negative_area`, `water.negative_volume`).
    """
    if negative_policy == "keep":
        return np.asarray(volume, dtype=np.float64)
    if negative_policy == "floor_zero":
        return np.maximum(volume, 0)
    return np.where(np.less(volume, 0), np.nan, volume)


@method("water.negative_area", edition="1", clause=Clause(OWN, "negative balance"), formula="A where Q < 0, else 0")
def negative_area(volume: Volume, area: Area) -> A[Array, Q("km2", "负值面积", "area with a negative balance")]:
    """Area of the cells whose balance is negative, 0 elsewhere. Shapes: mutually broadcastable."""
    return np.where(np.less(volume, 0), area, 0.0)


@method("water.negative_volume", edition="1", clause=Clause(OWN, "negative balance"), formula="min(Q, 0)")
def negative_volume(volume: Volume) -> A[Array, Q("m3", "负值水量", "volume of the negative balance")]:
    """The negative part of a balance, 0 elsewhere. Shape: any."""
    return np.minimum(volume, 0)


@method(
    "water.available_water",
    edition="invest3",
    clause=Clause(INVEST, "plant available water"),
    formula="AWC = min(root depth, restricting layer depth) PAWC",
)
def available_water(
    root_depth: A[Array, Q("mm", "根系深度", "root depth", low=0)],
    restricting_depth: A[Array, Q("mm", "根系限制层深度", "depth of the root-restricting layer", low=0)],
    pawc: A[Array, Q("fraction", "植被可利用含水率", "plant available water content", low=0, high=1, symbol="PAWC")],
) -> A[Array, Q("mm", "土壤有效含水量", "plant available water")]:
    """Water the soil can hold for plants, as depth. Shapes: any mutually broadcastable arrays, mm."""
    return np.minimum(root_depth, restricting_depth) * pawc


@method(
    "water.evaporative_fraction",
    edition="invest3",
    clause=Clause(INVEST, "AET/P; Zhang 2004, Donohue 2012"),
    formula="phi = Kc ET0/P; vegetated: omega = min(5, Z AWC/P + 1.25),"
    " AET/P = min(phi, 1 + phi - (1 + phi^omega)^(1/omega)); else min(phi, 1)",
)
def evaporative_fraction(
    precipitation: Precipitation,
    reference_evapotranspiration: A[
        Array, Q("mm", "参考蒸散发量", "reference evapotranspiration", low=0, symbol="ET0")
    ],
    crop_coefficient: A[Array, Q("-", "蒸散系数", "crop coefficient", low=0, symbol="Kc")],
    available_water: A[Array, Q("mm", "土壤有效含水量", "plant available water", low=0, symbol="AWC")],
    vegetated: A[Array, Q("class", "是否植被", "vegetated", low=0, high=1, labels=("not vegetated", "vegetated"))],
    seasonality: A[Array, Q("-", "降水季节性常数 Z", "seasonality constant Z", low=0, symbol="Z")],
) -> A[Array, Q("fraction", "蒸散发占降水比例", "share of rain that evaporates")]:
    """Share of a year's rain that goes back to the air, as InVEST computes it (the model has no range check on Z).

    Shapes: any mutually broadcastable arrays. Where there is no rain the share is undefined and NaN.
    """
    rain = np.where(np.equal(precipitation, 0), np.nan, precipitation)
    phi = crop_coefficient * reference_evapotranspiration / rain
    omega = np.minimum(5, seasonality * available_water / rain + 1.25)
    # Fu's curve 1 + phi - (1 + phi^omega)^(1/omega), written so that a dry place (phi far above 1) keeps its digits
    low, high = np.minimum(phi, 1), np.maximum(phi, 1)
    fu = low - high * np.expm1(np.log1p((low / high) ** omega) / omega)
    return np.where(np.equal(vegetated, 1), fu, low)


@method("water.annual_yield", edition="invest3", clause=Clause(INVEST, "annual yield"), formula="Y = (1 - AET/P) P")
def annual_yield(
    precipitation: Precipitation,
    evaporative_fraction: A[Array, Q("fraction", "蒸散发占降水比例", "share of rain that evaporates", low=0, high=1)],
) -> A[Array, Q("mm", "年产水深", "annual water yield depth")]:
    """Water yield of a year as depth. Shapes: any mutually broadcastable arrays, mm."""
    return (1 - evaporative_fraction) * precipitation


@method(
    "water.lake_flood_storage",
    edition="garze2017",
    clause=Clause(GARZE, "G06, lakes of the Tibetan Plateau"),
    formula="C = e^a A^b T (A in km2, C in 万m3)",
)
def lake_flood_storage(
    area: Area,
    a: A[Array, Q("-", "湖泊库容方程系数 a", "coefficient a of the lake equation")],
    b: A[Array, Q("-", "湖泊库容方程系数 b", "coefficient b of the lake equation", low=0)],
    exchanges: A[Array, Q("1/a", "年换水次数", "exchanges of water a year", low=0, symbol="T")],
    lake_region: A[str, Choice("湖区", "lake region", ("tibetan_plateau",))],
) -> A[Array, Q("万m3", "湖泊洪水调蓄量", "flood storage of lakes")]:
    """Flood water a lake can hold, from its area (G06).

    Shapes: any mutually broadcastable arrays. The equation was fitted to lakes of the Tibetan Plateau. Give one
    area per lake: storages add, areas do not. Other lake regions are refused until their equation is filled in.
    """
    del lake_region  # its only admissible value carries the meaning; nothing is computed from it
    return np.exp(a) * area**b * exchanges


@method(
    "water.reservoir_flood_storage",
    edition="garze2017",
    clause=Clause(GARZE, "G07"),
    formula="C = share C_total",
)
def reservoir_flood_storage(
    capacity: A[Array, Q("m3", "水库总库容", "total capacity of the reservoir", low=0, symbol="C_total")],
    flood_share: A[Array, Q("fraction", "防洪库容比例", "share of the capacity for floods", low=0, high=1)],
) -> A[Array, Q("m3", "水库洪水调蓄量", "flood storage of reservoirs")]:
    """Flood water a reservoir can hold: a fixed share of its capacity (G07). Shapes: mutually broadcastable."""
    return flood_share * capacity


@method("water.marsh_flood_storage", edition="garze2017", clause=Clause(GARZE, "G08"), formula="C = h S")
def marsh_flood_storage(
    area: A[Array, Q("m2", "沼泽面积", "area of marsh", low=0, symbol="S")],
    depth: A[Array, Q("m", "沼泽蓄水深度", "depth of water a marsh takes up", low=0, symbol="h")],
) -> A[Array, Q("m3", "沼泽洪水调蓄量", "flood storage of marshes")]:
    """Flood water a marsh can hold (G08). Shapes: mutually broadcastable.

    The source prints the product in 万m3; a depth in m times an area in m2 is m3.
    """
    return depth * area


@method(
    "water.purified",
    edition="treated",
    clause=Clause(GARZE, "G13, quantity treated"),
    formula="Q = min(treated, emission)",
)
def purified(
    treated: A[Array, Q("t", "水污染物净化量", "pollutant the ecosystem treats", low=0)],
    emission: A[Array, Q("t", "水污染物排放量", "pollutant emitted", low=0)],
) -> A[Array, Q("t", "计入的水污染物净化量", "pollutant treated, counted")]:
    """Water pollutant treated in a year, never more than was emitted (G13); `water.purification_capped` flags it.

    Shapes: any mutually broadcastable arrays, one pollutant each.
    """
    return np.minimum(treated, emission)


@method(
    "water.purification_capped", edition="1", clause=Clause(OWN, "treated above emitted"), formula="treated > emission"
)
def purification_capped(
    treated: A[Array, Q("t", "水污染物净化量", "pollutant the ecosystem treats", low=0)],
    emission: A[Array, Q("t", "水污染物排放量", "pollutant emitted", low=0)],
) -> A[Array, Q("class", "是否以排放量封顶", "capped at the emission", labels=("not capped", "capped"))]:
    """1 where the treated quantity was cut to the emission, else 0. Shapes: mutually broadcastable."""
    return np.greater(treated, emission).astype(np.float64)


@method(
    "water.purified",
    edition="capacity",
    clause=Clause(GARZE, "G13, capacity of wetlands"),
    formula="Q = q A",
)
def purified_by_area(
    capacity: A[Array, Q("t/km2/a", "单位面积净化能力", "capacity per area and year", low=0, symbol="q")], area: Area
) -> A[Array, Q("t", "水污染物净化量", "pollutant the ecosystem treats")]:
    """Water pollutant a wetland can treat in a year (G13). Shapes: mutually broadcastable.

    The capacities by wetland type are open; the result still has to be capped by the emission.
    """
    return capacity * area
