"""Cell form of air purification by capacity; the cap by emissions is a rule of places."""

from __future__ import annotations

from qingshan.core.cell import cell


@cell("air.purified@capacity", per="hm2")
def purified_by_area(capacity: float) -> float:
    return capacity / 1000
