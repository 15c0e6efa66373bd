"""Carbon of karst water and of grassland: separate accounts, which never become a tradable unit (`claims.toml`).

Hydrochemical runoff: bicarbonate that a catchment exports was dissolved by carbonic acid (one of its two carbons came from
air and soil) or by strong acids (none did). Calcium and magnesium tell the two apart.
"""

from __future__ import annotations

import numpy as np

from ...core.method import A, Array, Clause, Q, method

STOICHIOMETRY = "CaCO3 + CO2 + H2O = Ca2+ + 2 HCO3-"
ACIDS = "环境科学 2015, 20150512"

Flow = A[Array, Q("m3", "径流量", "runoff", low=0, symbol="Q")]
Bicarbonate = A[Array, Q("g/m3", "重碳酸根浓度", "bicarbonate", low=0, symbol="[HCO3]")]
Sink = A[Array, Q("t CO2", "岩溶碳汇", "karst carbon sink")]


@method(
    "forest.karst_sink", edition="hydrochemical", clause=Clause(STOICHIOMETRY, "half of the bicarbonate"),
    formula="CO2 = 0.5 Q [HCO3] 1e-6 44.01/61.02",
)  # fmt: skip
def karst_sink(runoff: Flow, bicarbonate: Bicarbonate) -> Sink:
    """Gross carbon dioxide taken up by carbonate that dissolves in carbonic acid. Shapes: mutually broadcastable.

    Too high where sulphuric or nitric acid dissolves rock: see the edition `acids`.
    """
    return 0.5 * np.asarray(runoff, dtype=np.float64) * bicarbonate * 1e-6 * 44.01 / 61.02


@method(
    "forest.karst_sink", edition="acids", clause=Clause(ACIDS, "(Ca + Mg)/HCO3"), status="secondary",
    formula="CO2 = Q ([HCO3]/61.02 - [Ca]/40.08 - [Mg]/24.305) 44.01 1e-6",
)  # fmt: skip
def karst_sink_acids(
    runoff: Flow,
    bicarbonate: Bicarbonate,
    calcium: A[Array, Q("g/m3", "钙离子浓度", "calcium", low=0, symbol="[Ca]")],
    magnesium: A[Array, Q("g/m3", "镁离子浓度", "magnesium", low=0, symbol="[Mg]")],
) -> Sink:
    """Gross uptake without what strong acids dissolved: bicarbonate beyond the carbonate carbon that calcium and magnesium
    brought. Shapes: mutually broadcastable.

    At (Ca + Mg)/HCO3 = 0.5 (mol) this is the edition `hydrochemical`, at 1 it is 0, above 1 negative: gypsum, or a wrong sample.
    """
    taken = np.asarray(bicarbonate) / 61.02 - np.asarray(calcium) / 40.08 - np.asarray(magnesium) / 24.305
    return np.asarray(runoff, dtype=np.float64) * taken * 44.01 * 1e-6


@method(
    "forest.karst_net", edition="degassing", clause=Clause("DOI 尾号 td.202107310088", "degassing"), status="secondary",
    zh="岩溶碳汇（扣除脱气）", en="karst carbon sink, net of degassing", formula="net = gross (1 - share)",
)  # fmt: skip
def karst_net(
    gross: Sink, degassing: A[Array, Q("fraction", "脱气比例", "share that returns to the air", low=0, high=1)]
) -> Sink:
    """What stays dissolved after degassing on the way. Shapes: mutually broadcastable."""
    return np.asarray(gross) * (1 - np.asarray(degassing))


@method(
    "forest.implied_area", edition="flux", clause=Clause("环境科学 2018, 20181118", "陈旗泉"), status="secondary",
    formula="A = share F / i",
)  # fmt: skip
def implied_area(
    flux: A[Array, Q("kg/a", "溶解无机碳通量", "flux of dissolved inorganic carbon", low=0, symbol="F")],
    share: A[Array, Q("fraction", "计为碳汇的比例", "share that counts as a sink", low=0, high=1)],
    intensity: A[Array, Q("g/m2/a", "碳汇强度", "sink per area", low=0.001, symbol="i")],
) -> A[Array, Q("km2", "反推集水面积", "catchment area implied")]:
    """Catchment area at which a printed flux gives a printed sink per area: a check of both. Shapes: broadcastable."""
    return np.asarray(share) * flux * 1e3 / intensity / 1e6


@method(
    "forest.grass_change", edition="stock_difference", clause=Clause("2006 IPCC Guidelines vol. 4", "eq. 2.5"),
    status="secondary", formula="dC = (C2 - C1)/T",
)  # fmt: skip
def grass_change(
    opening: A[Array, Q("t C", "期初碳储量", "opening stock", low=0, symbol="C1")],
    closing: A[Array, Q("t C", "期末碳储量", "closing stock", low=0, symbol="C2")],
    years: A[Array, Q("a", "间隔年数", "years between", low=0.01, symbol="T")],
) -> A[Array, Q("t C/a", "草地碳储量年变化", "annual change of grassland carbon")]:
    """Annual change of grassland carbon by stock difference; a loss is negative. Shapes: mutually broadcastable."""
    return (np.asarray(closing, dtype=np.float64) - opening) / years
