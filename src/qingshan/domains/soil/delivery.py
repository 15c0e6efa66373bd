"""From soil loss to sediment in streams: LS on a grid, index of connectivity, delivery ratio, trapping on the way.

The formulas are those of the papers, in metres. Edition `invest3` marks what InVEST 3.20.2 computes instead, so that the
two can be compared: the slope angle in place of the aspect, the root of the area above in place of the area, an L cap
without unit. NaN in, NaN out; a cell without a way to a stream has no index.
"""

from __future__ import annotations

import numpy as np

from qingshan.core.method import A, Array, Clause, Q, method

RENARD = "Renard et al. 1997, USDA Agriculture Handbook 703"
LIU = "Liu, Nearing & Risse 1994, Transactions of the ASAE 37(6):1835-1840"
DESMET = "Desmet & Govers 1996, Journal of Soil and Water Conservation 51(5):427-433"
BORSELLI = "Borselli, Cassi & Torri 2008, Catena 75(3):268-277"
CAVALLI = "Cavalli et al. 2013, Geomorphology 188:31-41"
VIGIAK = "Vigiak et al. 2012, Geomorphology 138(1):74-88"
INVEST = "InVEST 3.20.2 User's Guide, Sediment Delivery Ratio"

REFERENCE_LENGTH = 22.13  # m, standard plot
RILL = 0.0896  # constant of the rill ratio, Renard et al. 1997

LOSS = "t/(hm2 a)"
R_UNIT = "MJ mm/(hm2 h a)"
K_UNIT = "t hm2 h/(hm2 MJ mm)"

Slope = A[Array, Q("%", "坡度（百分比）", "slope", low=0, symbol="s")]
Aspect = A[Array, Q("rad", "坡向", "aspect", symbol="alpha")]
Cell = A[Array, Q("m", "像元边长", "cell side", low=0, symbol="D")]
AreaAbove = A[Array, Q("m2", "上坡汇水面积", "area draining into the cell", low=0, symbol="A")]
L = A[Array, Q("1", "坡长因子", "slope length factor", low=0, symbol="L")]
S = A[Array, Q("1", "坡度因子", "slope steepness factor", low=0, symbol="S")]
LS = A[Array, Q("1", "坡长坡度因子", "slope length and steepness factor", low=0, symbol="LS")]
C = A[Array, Q("1", "植被覆盖与管理因子", "cover factor", low=0, high=1, symbol="C")]
Potential = A[Array, Q(LOSS, "潜在土壤侵蚀量", "potential soil loss", low=0, symbol="RKLS")]
Loss = A[Array, Q(LOSS, "土壤侵蚀量", "soil loss", low=0, symbol="USLE")]
Weight = A[Array, Q("1", "连通性权重", "weight of connectivity", low=0, symbol="W")]
Gradient = A[Array, Q("fraction", "坡降", "slope gradient", low=0, symbol="S")]
Index = A[Array, Q("1", "连通性指数", "index of connectivity", symbol="IC")]
Up = A[Array, Q("m", "上坡分量", "upslope component", low=0, symbol="D_up")]
Down = A[Array, Q("m", "下坡分量", "downslope component", low=0, symbol="D_dn")]
Ratio = A[Array, Q("fraction", "泥沙输移比", "sediment delivery ratio", low=0, high=1, symbol="SDR")]
Share = A[
    Array, Q("fraction", "来沙截留比例", "share of incoming sediment that is trapped", low=0, high=1, symbol="dT")
]
Inflow = A[Array, Q(LOSS, "上坡来沙量", "sediment coming from above", low=0)]
Trapped = A[Array, Q(LOSS, "截留泥沙量", "sediment trapped", low=0, symbol="T")]
Avoided = A[Array, Q(LOSS, "减少的侵蚀量", "avoided erosion", symbol="AER")]


@method(
    "soil.area_above", edition="grid", clause=Clause(DESMET, "A, contributing area at the inlet of a cell"), status="secondary", formula="A = (n - 1) D^2",
)  # fmt: skip
def area_above(
    cells: A[Array, Q("count", "汇流像元数（含本像元）", "cells draining through, with the cell", low=1, symbol="n")],
    cell: Cell,
) -> AreaAbove:
    """Area that drains into a cell, without the cell. Shapes: mutually broadcastable."""
    return (np.asarray(cells) - 1) * np.asarray(cell) ** 2


@method(
    "soil.area_through", edition="grid", clause=Clause(BORSELLI, "A, contributing area with the cell"), status="secondary", formula="A = n D^2",
)  # fmt: skip
def area_through(
    cells: A[Array, Q("count", "汇流像元数（含本像元）", "cells draining through, with the cell", low=1, symbol="n")],
    cell: Cell,
) -> AreaAbove:
    """Area that drains through a cell, with the cell. Shapes: mutually broadcastable."""
    return np.asarray(cells) * np.asarray(cell) ** 2


def _exponent(slope: Array) -> Array:
    """Length exponent m: by slope class up to 9 %, above it from the rill ratio."""
    sine = np.sin(np.arctan(slope / 100))
    beta = (sine / RILL) / (3 * sine**0.8 + 0.56)
    return np.select(
        [slope <= 1, slope <= 3.5, slope <= 5, slope <= 9], [0.2, 0.3, 0.4, 0.5], default=beta / (1 + beta)
    )


def _length(area: Array, cell: Array, x: Array, m: Array) -> Array:
    return ((area + cell**2) ** (m + 1) - area ** (m + 1)) / (cell ** (m + 2) * x**m * REFERENCE_LENGTH**m)


@method(
    "soil.l", edition="desmet_govers1996", clause=Clause(DESMET, "L of a grid cell; exponent: " + RENARD), status="secondary",
    zh="坡长因子（栅格，二维）", en="slope length factor on a grid",
    formula=(
        "L = [(A + D^2)^(m+1) - A^(m+1)] / (D^(m+2) x^m 22.13^m), x = |sin alpha| + |cos alpha|, at most (lambda_max/22.13)^m;"
        " m = 0.2, 0.3, 0.4, 0.5 up to 1, 3.5, 5, 9 %, above beta/(1 + beta)"
    ),
)  # fmt: skip
def l_grid(
    area: AreaAbove,
    cell: Cell,
    slope: Slope,
    aspect: Aspect,
    length_max: A[Array, Q("m", "坡长上限", "upper limit of slope length", low=0, symbol="lambda_max")],
) -> L:
    """Slope length factor where flow converges. Shapes: any mutually broadcastable arrays.

    `area` drains into the cell, without the cell. The cap is a length: L is never more than that of a straight slope of
    `length_max`. On level ground the aspect is 0 by convention.
    """
    slope = np.asarray(slope, dtype=np.float64)
    m = _exponent(slope)
    x = np.abs(np.sin(aspect)) + np.abs(np.cos(aspect))
    return np.minimum(_length(np.asarray(area), np.asarray(cell), x, m), (length_max / REFERENCE_LENGTH) ** m)


@method(
    "soil.l", edition="invest3", clause=Clause(INVEST, "LS factor, measured behaviour"), status="secondary",
    zh="坡长因子（InVEST 算法）", en="slope length factor as InVEST computes it",
    formula="as Desmet & Govers with A = sqrt((n - 1) D^2) and alpha the slope angle, L at most L_max",
)  # fmt: skip
def l_invest(
    cells: A[Array, Q("count", "汇流像元数（含本像元）", "cells draining through, with the cell", low=1, symbol="n")],
    cell: Cell,
    slope: Slope,
    l_max: A[Array, Q("1", "坡长因子上限（无量纲）", "upper limit of L", low=0)],
) -> L:
    """For comparison only: the area is a root of m2, the aspect a slope angle, the cap has no unit."""
    slope = np.asarray(slope, dtype=np.float64)
    angle = np.arctan(slope / 100)
    area = np.sqrt((np.asarray(cells) - 1) * np.asarray(cell) ** 2)
    return np.minimum(
        _length(area, np.asarray(cell), np.abs(np.sin(angle)) + np.abs(np.cos(angle)), _exponent(slope)), l_max
    )


@method(
    "soil.s", edition="renard1997", clause=Clause(RENARD, "slope steepness"), status="secondary",
    zh="坡度因子", en="slope steepness factor", formula="S = 10.8 sin t + 0.03 (s < 9 %), else 16.8 sin t - 0.5",
)  # fmt: skip
def s_renard(slope: Slope) -> S:
    """Slope steepness factor. The jump at 9 % is printed and kept. Shape: any."""
    sine = np.sin(np.arctan(np.asarray(slope, dtype=np.float64) / 100))
    return np.where(np.less(slope, 9), 10.8 * sine + 0.03, 16.8 * sine - 0.5) + 0 * sine


@method(
    "soil.s", edition="liu1994", clause=Clause(LIU, "steep slopes; below 10 degrees: " + RENARD), status="secondary",
    zh="坡度因子（含陡坡）", en="slope steepness factor with steep slopes",
    formula="S = 10.8 sin t + 0.03 (s < 9 %); 16.8 sin t - 0.5 (t < 10 degrees); 21.91 sin t - 0.96 above",
)  # fmt: skip
def s_liu(slope: Slope) -> S:
    """Slope steepness factor for steep cropland, from 10 degrees on by Liu et al. Shape: any."""
    slope = np.asarray(slope, dtype=np.float64)
    sine = np.sin(np.arctan(slope / 100))
    steep = np.where(np.degrees(np.arctan(slope / 100)) < 10, 16.8 * sine - 0.5, 21.91 * sine - 0.96)
    return np.where(slope < 9, 10.8 * sine + 0.03, steep)


@method("soil.ls", edition="product", clause=Clause(DESMET, "LS"), status="secondary", formula="LS = L S")
def ls(
    l: L,  # noqa: E741 - the symbol of the paper
    s: S,
) -> LS:
    """Both topographic factors together. Shapes: mutually broadcastable."""
    return np.multiply(l, s)


@method(
    "soil.potential_loss",
    edition="renard1997",
    clause=Clause(RENARD, "RUSLE"),
    status="secondary",
    formula="RKLS = R K LS",
)
def potential_loss(
    r: A[Array, Q(R_UNIT, "降雨侵蚀力因子", "rainfall erosivity factor", low=0, symbol="R")],
    k: A[Array, Q(K_UNIT, "土壤可蚀性因子", "soil erodibility factor", low=0, symbol="K")],
    ls: LS,
) -> Potential:
    """Loss of bare fallow ground, LS from one layer. Shapes: mutually broadcastable."""
    return r * k * ls


@method(
    "soil.actual_loss",
    edition="renard1997",
    clause=Clause(RENARD, "RUSLE"),
    status="secondary",
    formula="USLE = RKLS C P",
)
def actual_loss(
    potential: Potential,
    c: C,
    p: A[Array, Q("1", "水土保持措施因子", "support practice factor", low=0, high=1, symbol="P")],
) -> Loss:
    """Loss under present cover and practice. Shapes: mutually broadcastable."""
    return potential * c * p


@method(
    "soil.connectivity_weight", edition="borselli2008", clause=Clause(BORSELLI, "W; C as weight: " + INVEST), status="secondary",
    formula="W = max(C, 0.001)",
)  # fmt: skip
def connectivity_weight(c: C) -> Weight:
    """Impedance of the cover to sediment: its C factor, never 0. Shape: any."""
    return np.maximum(c, 0.001)


@method(
    "soil.connectivity_slope", edition="cavalli2013", clause=Clause(CAVALLI, "limits of the slope factor"), status="secondary",
    formula="S = min(max(s, 0.005), 1)",
)  # fmt: skip
def connectivity_slope(slope: Slope) -> Gradient:
    """Slope gradient between 0.005 and 1. Shape: any."""
    return np.clip(np.asarray(slope, dtype=np.float64) / 100, 0.005, 1)


@method(
    "soil.upslope_component", edition="borselli2008", clause=Clause(BORSELLI, "D_up"), status="secondary",
    formula="D_up = W S sqrt(A), W and S means above the cell",
)  # fmt: skip
def upslope_component(weight: Weight, slope: Gradient, area: AreaAbove) -> Up:
    """Potential for sediment from above. `area` includes the cell. Shapes: mutually broadcastable."""
    return weight * slope * np.sqrt(area)


@method(
    "soil.downslope_component", edition="borselli2008", clause=Clause(BORSELLI, "D_dn"), status="secondary", formula="D_dn = d/(W S) + D_dn of the cell below",
)  # fmt: skip
def downslope_component(
    weight: Weight,
    slope: Gradient,
    length: A[Array, Q("m", "到下一像元的距离", "way to the next cell", low=0, symbol="d")],
    below: Down,
) -> Down:
    """Weighted way to the stream, one step: the sum over the way starts at 0 on the stream. Shapes: broadcastable."""
    return length / (np.asarray(weight) * np.asarray(slope)) + below


@method(
    "soil.connectivity_index",
    edition="borselli2008",
    clause=Clause(BORSELLI, "IC"),
    status="secondary",
    formula="IC = log10(D_up/D_dn)",
)
def connectivity_index(up: Up, down: Down) -> Index:
    """Index of connectivity; NaN on the stream itself, where the way down is 0. Shapes: mutually broadcastable."""
    up, down = np.asarray(up, dtype=np.float64), np.asarray(down, dtype=np.float64)
    known = (up > 0) & (down > 0)
    return np.where(known, np.log10(np.where(known, up, 1) / np.where(known, down, 1)), np.nan)


@method(
    "soil.delivery_ratio", edition="vigiak2012", clause=Clause(VIGIAK, "SDR"), status="secondary", formula="SDR = SDR_max/(1 + exp((IC0 - IC)/k))",
)  # fmt: skip
def delivery_ratio(
    index: Index,
    ic0: A[Array, Q("1", "连通性指数中值参数 IC0", "calibration parameter IC0", symbol="IC0")],
    k: A[Array, Q("1", "斜率参数 k", "calibration parameter k", low=1e-6, symbol="k")],
    ratio_max: A[Array, Q("fraction", "最大输移比", "largest delivery ratio", low=0, high=1, symbol="SDR_max")],
) -> Ratio:
    """Share of the loss of a cell that reaches the stream. Shapes: mutually broadcastable. On streams it is 1."""
    return ratio_max / (1 + np.exp((ic0 - index) / k))


@method(
    "soil.sediment_export",
    edition="invest3",
    clause=Clause(INVEST, "sediment export"),
    status="secondary",
    formula="E = USLE SDR",
)
def sediment_export(loss: Loss, ratio: Ratio) -> A[Array, Q(LOSS, "入河泥沙量", "sediment export", low=0, symbol="E")]:
    """Loss of a cell that reaches the stream. Shapes: mutually broadcastable."""
    return np.multiply(loss, ratio)


@method(
    "soil.undelivered",
    edition="invest3",
    clause=Clause(INVEST, "downslope trapping"),
    status="secondary",
    formula="E' = USLE (1 - SDR)",
)
def undelivered(
    loss: Loss, ratio: Ratio
) -> A[Array, Q(LOSS, "未入河泥沙量", "loss that stays on land", low=0, symbol="E'")]:
    """Loss of a cell that is trapped on its way. Shapes: mutually broadcastable."""
    return loss * (1 - np.asarray(ratio))


@method(
    "soil.trap_share", edition="invest3", clause=Clause(INVEST, "downslope trapping"), status="secondary",
    formula="dT = max(0, (sum SDR_k p_k - SDR)/(1 - SDR)); 1 where SDR = 1",
)  # fmt: skip
def trap_share(ratio: Ratio, below: Ratio) -> Share:
    """Share of incoming sediment that a cell traps; `below` is the mean ratio of the cells it drains into."""
    ratio = np.asarray(ratio, dtype=np.float64)
    rest = np.where(ratio < 1, 1 - ratio, 1)
    return np.where(ratio < 1, np.maximum(0, (below - ratio) / rest), np.where(np.isnan(ratio), np.nan, 1.0))


@method(
    "soil.trapped",
    edition="invest3",
    clause=Clause(INVEST, "downslope trapping"),
    status="secondary",
    formula="T = dT sum_j F_j p_j",
)
def trapped(share: Share, inflow: Inflow) -> Trapped:
    """Sediment from above that stays on the cell. Shapes: mutually broadcastable."""
    return np.multiply(share, inflow)


@method(
    "soil.sediment_passed", edition="invest3", clause=Clause(INVEST, "downslope trapping"), status="secondary", formula="F = (1 - dT) sum_j F_j p_j + E'",
)  # fmt: skip
def sediment_passed(
    share: Share,
    own: A[Array, Q(LOSS, "本像元未入河泥沙量", "own loss that stays on land", low=0, symbol="E'")],
    inflow: Inflow,
) -> A[Array, Q(LOSS, "下泄泥沙量", "sediment passed on", low=0, symbol="F")]:
    """Sediment that goes on to the cells below, never to reach the stream. Shapes: mutually broadcastable."""
    return (1 - np.asarray(share)) * inflow + own


@method(
    "soil.avoided_erosion",
    edition="invest3",
    clause=Clause(INVEST, "service indicators"),
    status="secondary",
    formula="AER = RKLS - USLE",
)
def avoided_erosion(potential: Potential, loss: Loss) -> Avoided:
    """Loss that cover and practice prevent on the cell. Shapes: mutually broadcastable."""
    return np.subtract(potential, loss)


@method(
    "soil.avoided_export", edition="invest3", clause=Clause(INVEST, "service indicators"), status="secondary", formula="AEX = (RKLS - USLE) SDR + T",
)  # fmt: skip
def avoided_export(
    avoided: Avoided, ratio: Ratio, trapped: Trapped
) -> A[Array, Q(LOSS, "减少的入河泥沙量", "avoided export", symbol="AEX")]:
    """Sediment kept out of the stream by the cell: its own and what it traps. Shapes: mutually broadcastable."""
    return np.asarray(avoided) * ratio + trapped
