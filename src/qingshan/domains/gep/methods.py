"""Values of services, and the conversions of soil and sand kept in place (G03-G05) and of visits (G19).

A price meets only the quantity it is printed for: one pricing method per dimension, so that a price per tonne of CO2
cannot value a tonne of carbon. A negative quantity keeps its sign; a negative price is refused.
"""

from __future__ import annotations

import numpy as np

from ...core.method import A, Array, Clause, Q, method

GARZE = "生态学报 2017,37(19):6302-6312"
CURRENT_PRICES = Clause(
    "青山核算规则", "V = sum Q P; current prices with P of the year, constant prices with P of the base"
)

Value = A[Array, Q("元", "价值", "value")]
SoilRetained = A[Array, Q("t", "土壤保持量", "soil retained", symbol="S")]


@method("gep.value_of_volume", edition="1", clause=CURRENT_PRICES, formula="V = Q P")
def value_of_volume(
    quantity: A[Array, Q("m3", "水量", "volume", symbol="Q")],
    price: A[Array, Q("元/m3", "单位体积价格", "price per volume", low=0, symbol="P")],
) -> Value:
    """Value of a volume of water or silt. Shapes: mutually broadcastable."""
    return quantity * price


@method("gep.value_of_mass", edition="1", clause=CURRENT_PRICES, formula="V = Q P")
def value_of_mass(
    quantity: A[Array, Q("t", "质量", "mass", symbol="Q")],
    price: A[Array, Q("元/t", "单位质量价格", "price per mass", low=0, symbol="P")],
) -> Value:
    """Value of a mass of products, nutrients or pollutants. Shapes: mutually broadcastable.

    Carbon, carbon dioxide and oxygen are not plain mass: they have pricing methods of their own.
    """
    return quantity * price


@method("gep.value_of_energy", edition="1", clause=CURRENT_PRICES, formula="V = Q P")
def value_of_energy(
    quantity: A[Array, Q("kWh", "电量", "electricity", symbol="Q")],
    price: A[Array, Q("元/kWh", "电价", "price of electricity", low=0, symbol="P")],
) -> Value:
    """Value of electricity made or saved. Shapes: mutually broadcastable."""
    return quantity * price


@method("gep.value_of_area", edition="1", clause=CURRENT_PRICES, formula="V = Q P")
def value_of_area(
    quantity: A[Array, Q("m2", "面积", "area", symbol="Q")],
    price: A[Array, Q("元/m2", "单位面积价格", "price per area", low=0, symbol="P")],
) -> Value:
    """Value of an area kept or protected; prices per hm2 convert. Shapes: mutually broadcastable."""
    return quantity * price


@method("gep.value_of_co2", edition="1", clause=CURRENT_PRICES, formula="V = Q P")
def value_of_co2(
    quantity: A[Array, Q("t CO2", "二氧化碳量", "carbon dioxide", symbol="Q")],
    price: A[Array, Q("元/t CO2", "二氧化碳价格", "price of carbon dioxide", low=0, symbol="P")],
) -> Value:
    """Value of carbon dioxide fixed; a price per tonne of carbon is refused. Shapes: mutually broadcastable."""
    return quantity * price


@method("gep.value_of_oxygen", edition="1", clause=CURRENT_PRICES, formula="V = Q P")
def value_of_oxygen(
    quantity: A[Array, Q("t O2", "氧气量", "oxygen", symbol="Q")],
    price: A[Array, Q("元/t O2", "氧气价格", "price of oxygen", low=0, symbol="P")],
) -> Value:
    """Value of oxygen released. Shapes: mutually broadcastable."""
    return quantity * price


@method(
    "gep.value_less_outside",
    edition="gbt46869_2025",
    clause=Clause("GB/T 46869-2025", "products brought in from outside the region"),
    status="secondary",
    formula="V = V_products - V_outside",
)
def value_less_outside(
    value: A[Array, Q("元", "物质产品价值", "value of products", low=0)],
    outside: A[Array, Q("元", "区域外调入产品价值", "value of products brought in", low=0)],
) -> Value:
    """Value of products less what came in from outside the region. Shapes: mutually broadcastable."""
    return value - outside


@method("gep.silt_avoided", edition="garze2017", clause=Clause(GARZE, "G03"), formula="Q = lambda S / rho")
def silt_avoided(
    soil_retained: SoilRetained,
    silt_fraction: A[
        Array, Q("-", "泥沙淤积系数", "share of eroded soil that silts up", low=0, high=1, symbol="lambda")
    ],
    bulk_density: A[Array, Q("t/m3", "土壤容重", "bulk density of soil", low=0.01, symbol="rho")],
) -> A[Array, Q("m3", "减少泥沙淤积量", "silting avoided")]:
    """Volume of silt that retained soil would have laid down (G03). Shapes: mutually broadcastable.

    The division by the bulk density is part of it: a price per m3 cannot meet tonnes. Negative retention (more loss
    than the potential) is passed on with its sign, not clipped: it marks an error in the inputs.
    """
    return silt_fraction * soil_retained / bulk_density


@method("gep.nutrient_avoided", edition="garze2017", clause=Clause(GARZE, "G04"), formula="Q_i = S C_i / 100")
def nutrient_avoided(
    soil_retained: SoilRetained,
    content: A[Array, Q("%", "土壤养分含量", "nutrient content of soil", low=0, high=100, symbol="C_i")],
) -> A[Array, Q("t", "减少面源污染量", "non-point pollution avoided")]:
    """Mass of one nutrient (N, P or K) kept in the retained soil (G04). Shapes: mutually broadcastable."""
    return soil_retained * content / 100


@method("gep.sand_cover_avoided", edition="garze2017", clause=Clause(GARZE, "G05"), formula="A = m / (rho h)")
def sand_cover_avoided(
    sand_fixed: A[Array, Q("t", "固沙量", "sand fixed", symbol="m")],
    bulk_density: A[Array, Q("t/m3", "沙的容重", "bulk density of sand", low=0.01, symbol="rho")],
    thickness: A[Array, Q("m", "沙化覆沙厚度", "thickness of a sand cover", low=0.0001, symbol="h")],
) -> A[Array, Q("m2", "减少沙化面积", "sand cover avoided")]:
    """Area that the fixed sand would have covered (G05). Shapes: mutually broadcastable."""
    return sand_fixed / (bulk_density * thickness)


@method(
    "gep.recreation_value",
    edition="travel_cost",
    clause=Clause(GARZE, "G19, zonal travel cost; the consumer surplus comes from the user's demand model"),
    formula="V = sum_j N_j (TC_j + CS_j)",
)
def recreation_value(
    visits: A[Array, Q("人次", "各客源地游客量", "visits by zone of origin", low=0, axis="zone", symbol="N_j")],
    travel_cost: A[Array, Q("元/人次", "人均旅行费用", "travel cost per visit", low=0, axis="zone", symbol="TC_j")],
    consumer_surplus: A[
        Array, Q("元/人次", "人均消费者剩余", "consumer surplus per visit", low=0, axis="zone", symbol="CS_j")
    ],
) -> A[Array, Q("元", "景观游憩价值", "value of recreation")]:
    """Value of visits: what visitors paid for the trip and what they would have paid more (G19).

    Shapes: (..., zone) each, result (...). The surplus per visit is supplied, with 0 where only expenditure is counted.
    """
    return np.sum(visits * (travel_cost + consumer_surplus), axis=-1)


@method(
    "gep.area_counted",
    edition="1",
    clause=Clause(GARZE, "G16, unit value by ecosystem"),
    formula="A where a unit value exists",
)
def area_counted(
    area: A[Array, Q("hm2", "面积", "area", low=0, symbol="A")],
    unit_value: A[Array, Q("元/hm2", "单位面积价值", "value per unit area", low=0)],
) -> A[Array, Q("hm2", "计入面积", "area counted")]:
    """Area of the ecosystems that the table prices (G16): a class without a unit value has none, so it is not counted.

    Shapes: mutually broadcastable.
    """
    return area + 0 * unit_value


@method("gep.sum_of_values", edition="1", clause=CURRENT_PRICES, formula="V = sum V_i")
def sum_of_values(
    values: A[Array, Q("元", "各部分价值", "values of the parts", axis="part", symbol="V_i")],
) -> Value:
    """Value of a service made of parts that are priced apart, such as products, water and hydropower (G01).

    Shapes: (..., part), result (...). A part that is missing is missing in the sum (NaN).
    """
    return np.sum(values, axis=-1)


@method(
    "gep.mass_of_year",
    edition="1",
    clause=Clause("青山核算规则", "G03, G05: mass = modulus x area"),
    status="project",
    formula="m = M A, M per year",
)
def mass_of_year(
    modulus: A[Array, Q("t/(hm2 a)", "单位面积年量", "mass per area and year", symbol="M")],
    area: A[Array, Q("hm2", "面积", "area", low=0, symbol="A")],
) -> A[Array, Q("t", "年总量", "mass of the year", symbol="m")]:
    """Mass that a yearly modulus (soil or sand kept in place) makes on an area. The sign is kept.

    Shapes: mutually broadcastable.
    """
    return modulus * area
