"""Air: purification by ecosystems (G12); the air quality index is in `index`."""

from __future__ import annotations

import numpy as np

from ...core.method import A, Array, Clause, Q, method
from . import index  # noqa: F401 - register the air quality index

GARZE = "生态学报 2017,37(19):6302-6312"
BO = "生态学报 2017,37(12):4182-4190"
OWN = "青山核算规则"

Treated = A[Array, Q("t", "大气污染物净化量", "pollutant the ecosystem takes up", low=0)]
Emission = A[Array, Q("t", "大气污染物排放量", "pollutant emitted", low=0)]


@method(
    "air.purified",
    edition="treated",
    clause=Clause(GARZE, "G12 (a), quantity treated"),
    formula="Q = min(treated, emission)",
)
def purified(
    treated: Treated, emission: Emission
) -> A[Array, Q("t", "计入的大气污染物净化量", "pollutant taken up, counted")]:
    """Air pollutant taken up in a year, never more than was emitted (G12); `air.purification_capped` flags it.

    Shapes: any mutually broadcastable arrays, one pollutant each.
    """
    return np.minimum(treated, emission)


@method(
    "air.purification_capped", edition="1", clause=Clause(OWN, "treated above emitted"), formula="treated > emission"
)
def purification_capped(
    treated: Treated, emission: Emission
) -> A[Array, Q("class", "是否以排放量封顶", "capped at the emission", labels=("not capped", "capped"))]:
    """1 where the treated quantity was cut to the emission, else 0. Shapes: mutually broadcastable."""
    return np.greater(treated, emission).astype(np.float64)


@method("air.purified", edition="capacity", clause=Clause(BO, "G12 (b)"), formula="Q = sum q_i A_i / 1000")
def purified_by_area(
    capacity: A[Array, Q("kg/hm2/a", "单位面积净化能力", "capacity per area and year", low=0, symbol="q")],
    area: A[Array, Q("hm2", "面积", "area", low=0, symbol="A")],
) -> A[Array, Q("t", "大气污染物净化量", "pollutant the ecosystem takes up")]:
    """Air pollutant an ecosystem can take up in a year, from its area (G12). Shapes: mutually broadcastable.

    The capacities by ecosystem type are open; where emissions are known the result still has to be capped by them.
    """
    return capacity * area / 1000
