"""Heat that evapotranspiration takes from the air, the input of the cooling by plants (G14) where only the water is known."""

from __future__ import annotations

from ...core.method import A, Array, Clause, Q, method

FAO56 = "FAO Irrigation and Drainage Paper 56 (Allen et al. 1998)"


@method(
    "climate.transpiration_heat", edition="fao56", clause=Clause(FAO56, "Chapter 1, energy equivalent of 1 mm"),
    status="secondary", zh="单位面积蒸腾吸热量", en="heat taken up by transpiration", formula="H = L ET/d",
)  # fmt: skip
def transpiration_heat(
    evapotranspiration: A[
        Array, Q("mm", "降温期蒸散发量", "evapotranspiration of the cooling season", low=0, symbol="ET")
    ],
    days: A[Array, Q("d", "降温天数", "days with cooling demand", low=1, high=366)],
    latent_heat: A[Array, Q("kJ/m2/mm", "1 毫米水汽化吸热量", "heat that evaporates 1 mm of water", low=0, symbol="L")],
) -> A[Array, Q("kJ/m2/d", "单位面积蒸腾吸热量", "heat taken up by transpiration", low=0, symbol="H")]:
    """Mean daily heat of the water that plants and soil evaporate over the cooling days: the H of
    `climate.transpiration_cooling@bo2017`.

    Shapes: mutually broadcastable. ET and `days` must be of the same season: the year's ET over its hot days would
    overstate H.
    """
    return latent_heat * evapotranspiration / days
