"""Cell form of vegetation cover from NDVI."""

from __future__ import annotations

import math

from qingshan.core.cell import cell


@cell("nature.fvc@hj1172_2021")
def fvc(ndvi: float, ndvi_soil: float, ndvi_veg: float) -> float:
    return (ndvi - ndvi_soil) / (ndvi_veg - ndvi_soil) if ndvi_veg != ndvi_soil else math.nan
