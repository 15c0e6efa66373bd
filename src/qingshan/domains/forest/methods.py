"""Forest and other vegetation: net primary production, carbon (G10), oxygen (G11) and the forest asset (A01).

Carbon, carbon dioxide, oxygen and dry matter are separate units: `t C` never meets a price per `t CO2`.
"""

from __future__ import annotations

from ...core.method import A, Array, Clause, Q, method
from . import allometry, inventory, separate, stocks  # noqa: F401 - register trees, estimators, karst and grass, stocks and the CASA temperature scalars

GAOTIANYAN = "生态学报 2017,37(19):6422-6430"
BO = "生态学报 2017,37(12):4182-4190"
LHASA = "拉萨生态平台设计文件（引 GB/T 38582-2020 与 HJ 1173）"


@method(
    "forest.apar", edition="casa", clause=Clause(LHASA, "CASA"), status="secondary", formula="APAR = SOL FPAR share"
)
def apar(
    solar_radiation: A[Array, Q("MJ/m2", "太阳总辐射", "solar radiation", low=0, symbol="SOL")],
    fpar: A[Array, Q("fraction", "光合有效辐射吸收比例", "share of PAR absorbed", low=0, high=1, symbol="FPAR")],
    par_share: A[Array, Q("-", "光合有效辐射占比", "share of radiation that is PAR", low=0, high=1)],
) -> A[Array, Q("MJ/m2", "吸收的光合有效辐射", "absorbed photosynthetically active radiation")]:
    """Light that plants absorb over the period of the radiation. Shapes: any mutually broadcastable arrays."""
    return solar_radiation * fpar * par_share


@method(
    "forest.water_stress",
    edition="casa",
    clause=Clause(LHASA, "CASA"),
    status="secondary",
    formula="W = 0.5 + 0.5 E/ET0",
)
def water_stress(
    evapotranspiration: A[Array, Q("mm", "实际蒸散发量", "actual evapotranspiration", low=0, symbol="E")],
    potential: A[Array, Q("mm", "潜在蒸散发量", "potential evapotranspiration", low=0, symbol="ET0")],
) -> A[Array, Q("-", "水分胁迫系数", "water stress scalar")]:
    """How far water lets plants use light: 0.5 without water, 1 where none is short. Shapes: mutually broadcastable.

    Undefined (NaN or infinite) where nothing can evaporate; actual above potential gives more than 1, which
    `forest.light_use_efficiency` then refuses.
    """
    return 0.5 + 0.5 * evapotranspiration / potential


@method(
    "forest.water_stress",
    edition="crop",
    clause=Clause(LHASA, "CASA"),
    status="project",
    formula="W = 0.5 + 0.5 E/ETc",
)
def water_stress_crop(
    evapotranspiration: A[Array, Q("mm", "实际蒸散发量", "actual evapotranspiration", low=0, symbol="E")],
    potential: A[
        Array,
        Q("mm", "植被潜在蒸散发量 Kc ET0", "potential evapotranspiration of the cover, Kc ET0", low=0, symbol="ETc"),
    ],
) -> A[Array, Q("-", "水分胁迫系数", "water stress scalar")]:
    """The printed form with the potential of the cover itself in the place of ET0, so that E never exceeds it.

    Our own choice where E comes from a water balance with crop coefficients above 1: against ET0 the scalar would pass 1, which
    `forest.light_use_efficiency` refuses. Shapes and edge cases as `forest.water_stress@casa`.
    """
    return 0.5 + 0.5 * evapotranspiration / potential


@method(
    "forest.light_use_efficiency",
    edition="casa",
    clause=Clause(LHASA, "CASA; T1 and T2 are inputs, their formulas are open"),
    status="secondary",
    formula="eps = T1 T2 W eps_max",
)
def light_use_efficiency(
    temperature_stress_1: A[Array, Q("-", "温度胁迫系数 T1", "temperature scalar T1", low=0, high=1, symbol="T1")],
    temperature_stress_2: A[Array, Q("-", "温度胁迫系数 T2", "temperature scalar T2", low=0, symbol="T2")],
    water_stress: A[Array, Q("-", "水分胁迫系数", "water stress scalar", low=0, high=1, symbol="W")],
    eps_max: A[Array, Q("gC/MJ", "最大光能利用率", "largest light-use efficiency", low=0)],
) -> A[Array, Q("gC/MJ", "实际光能利用率", "light-use efficiency")]:
    """Carbon fixed per unit of absorbed light. Shapes: any mutually broadcastable arrays."""
    return temperature_stress_1 * temperature_stress_2 * water_stress * eps_max


@method("forest.npp", edition="casa", clause=Clause(LHASA, "CASA"), status="secondary", formula="NPP = APAR eps")
def npp(
    apar: A[Array, Q("MJ/m2", "吸收的光合有效辐射", "absorbed photosynthetically active radiation", low=0)],
    light_use_efficiency: A[Array, Q("gC/MJ", "实际光能利用率", "light-use efficiency", low=0)],
) -> A[Array, Q("gC/m2", "净初级生产力", "net primary production", symbol="NPP")]:
    """Net primary production as carbon, over the period of the light. Shapes: mutually broadcastable."""
    return apar * light_use_efficiency


@method(
    "forest.dry_matter",
    edition="1",
    clause=Clause(LHASA, "carbon fraction of dry matter"),
    status="secondary",
    formula="dm = C / f",
)
def dry_matter(
    carbon: A[Array, Q("t C", "碳量", "carbon", low=0)],
    carbon_fraction: A[Array, Q("t C/t dm", "干物质含碳率", "carbon fraction of dry matter", low=0.01, high=1)],
) -> A[Array, Q("t dm", "干物质量", "dry matter")]:
    """Dry matter that holds an amount of carbon. Shapes: any mutually broadcastable arrays."""
    return carbon / carbon_fraction


@method("forest.nep", edition="balance", clause=Clause(BO, "G10, route 2"), formula="NEP = NPP - Rs")
def nep(
    npp: A[Array, Q("t C", "净初级生产量", "net primary production", low=0, symbol="NPP")],
    soil_respiration: A[Array, Q("t C", "土壤异养呼吸量", "heterotrophic soil respiration", low=0, symbol="Rs")],
) -> A[Array, Q("t C", "净生态系统生产量", "net ecosystem production")]:
    """Carbon an ecosystem keeps in a year; a source of carbon gives a negative number. Shapes: broadcastable."""
    return npp - soil_respiration


@method("forest.nep", edition="ratio", clause=Clause(BO, "G10, route 2"), status="open", formula="NEP = ratio NPP")
def nep_by_ratio(
    npp: A[Array, Q("t C", "净初级生产量", "net primary production", low=0, symbol="NPP")],
    nep_npp_ratio: A[Array, Q("-", "NEP/NPP 转换系数", "ratio of NEP to NPP", low=-1, high=1)],
) -> A[Array, Q("t C", "净生态系统生产量", "net ecosystem production")]:
    """Carbon an ecosystem keeps in a year, from a regional ratio; the ratios are open. Shapes: broadcastable."""
    return nep_npp_ratio * npp


@method(
    "forest.co2_fixed", edition="npp", clause=Clause(GAOTIANYAN, "G10, route 1"), formula="CO2 = 1.63 NPP (dry matter)"
)
def co2_fixed(
    npp: A[Array, Q("t dm", "净初级生产量（干物质）", "net primary production as dry matter", low=0, symbol="NPP")],
    co2_per_dry_matter: A[Array, Q("t CO2/t dm", "单位干物质固定二氧化碳量", "CO2 fixed per dry matter", low=0)],
) -> A[Array, Q("t CO2", "固碳量（二氧化碳）", "carbon dioxide fixed")]:
    """Carbon dioxide that growth takes up in a year (G10, route 1: gross of soil respiration).

    Shapes: mutually broadcastable.
    """
    return co2_per_dry_matter * npp


@method("forest.co2_fixed", edition="nep", clause=Clause(BO, "G10, route 2"), formula="CO2 = NEP 44/12")
def co2_fixed_net(
    nep: A[Array, Q("t C", "净生态系统生产量", "net ecosystem production", symbol="NEP")],
) -> A[Array, Q("t CO2", "固碳量（二氧化碳）", "carbon dioxide fixed")]:
    """Carbon dioxide an ecosystem keeps in a year (G10, route 2: net of soil respiration). Shape: any."""
    return nep * 44 / 12


@method("forest.oxygen_released", edition="npp", clause=Clause(GAOTIANYAN, "G11"), formula="O2 = 1.19 NPP (dry matter)")
def oxygen_released(
    npp: A[Array, Q("t dm", "净初级生产量（干物质）", "net primary production as dry matter", low=0, symbol="NPP")],
    o2_per_dry_matter: A[Array, Q("t O2/t dm", "单位干物质释放氧气量", "oxygen released per dry matter", low=0)],
) -> A[Array, Q("t O2", "释氧量", "oxygen released")]:
    """Oxygen released in a year (G11): from NPP, also where carbon uses NEP; never from the CO2 result.

    Shapes: mutually broadcastable.
    """
    return o2_per_dry_matter * npp


@method("forest.stumpage", edition="bo2017", clause=Clause(BO, "A01"), formula="V = A Q_T P_T / (1 + r)^(T - t)")
def stumpage(
    area: A[Array, Q("hm2", "林分面积", "area of the stands", low=0, symbol="A")],
    volume_at_rotation: A[Array, Q("m3/hm2", "主伐时单位蓄积", "growing stock at rotation", low=0, symbol="Q_T")],
    stumpage_price: A[Array, Q("元/m3", "主伐时立木价", "stumpage price at rotation", low=0, symbol="P_T")],
    discount_rate: A[Array, Q("%", "折现率", "discount rate", low=0, symbol="r")],
    years_to_rotation: A[Array, Q("a", "距主伐年数", "years to rotation", low=0, symbol="T - t")],
) -> A[Array, Q("元", "林木资源价值", "value of the standing timber")]:
    """Present value of the timber of stands cut at rotation age (A01). Shapes: any mutually broadcastable arrays.

    Stands at or past rotation age are given 0 years; a negative number of years is refused.
    """
    return area * volume_at_rotation * stumpage_price / (1 + discount_rate / 100) ** years_to_rotation
