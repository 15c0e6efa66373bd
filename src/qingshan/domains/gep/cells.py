"""Cell forms of what kept soil and sand are counted as: silt, nutrients, covered ground (G03-G05)."""

from __future__ import annotations

from qingshan.core.cell import cell


@cell("gep.silt_avoided@garze2017", per="hm2", amounts=("soil_retained",))
def silt_avoided(soil_retained: float, silt_fraction: float, bulk_density: float) -> float:
    return silt_fraction * soil_retained / bulk_density


@cell("gep.nutrient_avoided@garze2017", per="hm2", amounts=("soil_retained",))
def nutrient_avoided(soil_retained: float, content: float) -> float:
    return soil_retained * content / 100


@cell("gep.sand_cover_avoided@garze2017", per="hm2", amounts=("sand_fixed",))
def sand_cover_avoided(sand_fixed: float, bulk_density: float, thickness: float) -> float:
    return sand_fixed / (bulk_density * thickness)
