"""Forms of single-tree equations, and the steps from a tree's mass or volume to carbon.

A form gives a plain number in the unit of its equation row, from diameter and height in the units of that row: the
coefficients of one form serve kg, g and m3. Rows are `standards/tree_equations.csv`.
"""

from __future__ import annotations

import numpy as np

from ...core.method import A, Array, Clause, Q, method

SPEC = "单木生物量和材积方程的通用形式"
NSVB = "USDA Forest Service GTR WO-104 (2023), National Scale Volume and Biomass estimators"
TOOL14 = "CDM AR-TOOL14 v04.2"
FANG = "李银等 2016, 植物生态学报 (ChinaXiv-201605.00429V1), 表 1"

D = A[Array, Q("-", "胸径（按方程行的单位）", "diameter, in the unit of the row", low=0, symbol="D")]
H = A[Array, Q("-", "树高（按方程行的单位）", "height, in the unit of the row", low=0, symbol="H")]
C = A[Array, Q("-", "方程系数", "coefficient of the row")]
W = A[Array, Q("-", "单木量（按方程行的单位）", "amount of the tree, in the unit of the row", symbol="W")]


@method("forest.tree", edition="power_d", clause=Clause(SPEC, "a D^b"), formula="W = a D^b")
def power_d(d: D, a: C, b: C) -> W:
    """Power of the diameter. Shapes: mutually broadcastable."""
    return a * np.asarray(d, dtype=np.float64) ** b


@method("forest.tree", edition="power_d2h", clause=Clause(SPEC, "a (D^2 H)^b"), formula="W = a (D^2 H)^b")
def power_d2h(d: D, h: H, a: C, b: C) -> W:
    """Power of D^2 H. Shapes: mutually broadcastable."""
    return a * (np.asarray(d, dtype=np.float64) ** 2 * h) ** b


@method(
    "forest.tree", edition="power_wd_d2h", clause=Clause(SPEC, "a (WD D^2 H)^b"), formula="W = a (WD D^2 H)^b"
)  # fmt: skip
def power_wd_d2h(d: D, h: H, wood_density: C, a: C, b: C) -> W:
    """Power of wood density times D^2 H. Shapes: mutually broadcastable."""
    return a * (wood_density * np.asarray(d, dtype=np.float64) ** 2 * h) ** b


@method("forest.tree", edition="power_d_h", clause=Clause(SPEC, "a D^b H^c"), formula="W = a D^b H^c")
def power_d_h(d: D, h: H, a: C, b: C, c: C) -> W:
    """Powers of diameter and height; NSVB model 1. Shapes: mutually broadcastable."""
    return a * np.asarray(d, dtype=np.float64) ** b * np.asarray(h, dtype=np.float64) ** c


@method(
    "forest.tree", edition="variable", clause=Clause("DB52/T 702-2011", "二元材积式，变指数"), status="secondary",
    formula="V = a D^(b1 + b2 (D + H)) H^(c1 + c2 (D + H))",
)  # fmt: skip
def variable(d: D, h: H, a: C, b1: C, b2: C, c1: C, c2: C) -> W:
    """Volume with exponents that vary with D + H. Shapes: mutually broadcastable."""
    d, h = np.asarray(d, dtype=np.float64), np.asarray(h, dtype=np.float64)
    return a * d ** (b1 + b2 * (d + h)) * h ** (c1 + c2 * (d + h))


@method("forest.tree", edition="linear_d2h", clause=Clause(SPEC, "a D^2 H + b"), formula="W = a D^2 H + b")
def linear_d2h(d: D, h: H, a: C, b: C) -> W:
    """Line in D^2 H; it may go below zero for small trees. Shapes: mutually broadcastable."""
    return a * (np.asarray(d, dtype=np.float64) ** 2 * h) + b


@method(
    "forest.tree", edition="quadratic_d2h", clause=Clause(SPEC, "a (D^2 H)^2 + b D^2 H + c"),
    formula="W = a (D^2 H)^2 + b D^2 H + c",
)  # fmt: skip
def quadratic_d2h(d: D, h: H, a: C, b: C, c: C) -> W:
    """Parabola in D^2 H. Shapes: mutually broadcastable."""
    x = np.asarray(d, dtype=np.float64) ** 2 * h
    return a * x**2 + b * x + c


@method("forest.tree", edition="polynomial_d", clause=Clause(SPEC, "a + b D + c D^2"), formula="W = a + b D + c D^2")
def polynomial_d(d: D, a: C, b: C, c: C) -> W:
    """Polynomial in the diameter. Shapes: mutually broadcastable."""
    d = np.asarray(d, dtype=np.float64)
    return a + b * d + c * d**2


@method(
    "forest.tree", edition="powers_d", clause=Clause(SPEC, "a D^b + c D^d + e D^f"), formula="W = a D^b + p D^q + r D^s"
)  # fmt: skip
def powers_d(d: D, a: C, b: C, p: C, q: C, r: C, s: C) -> W:
    """Sum of three powers of the diameter, one per component. Shapes: mutually broadcastable."""
    d = np.asarray(d, dtype=np.float64)
    return a * d**b + p * d**q + r * d**s


@method("forest.tree", edition="exp_ln_d", clause=Clause(SPEC, "ln W = a + b ln D"), formula="W = exp(a + b ln D)")
def exp_ln_d(d: D, a: C, b: C) -> W:
    """Line between logarithms, natural. Shapes: mutually broadcastable."""
    return np.exp(a + b * np.log(np.asarray(d, dtype=np.float64)))


@method("forest.tree", edition="ten_log_d", clause=Clause(SPEC, "lg W = a + b lg D"), formula="W = 10^(a + b lg D)")
def ten_log_d(d: D, a: C, b: C) -> W:
    """Line between logarithms to base 10. Shapes: mutually broadcastable."""
    return 10.0 ** (a + b * np.log10(np.asarray(d, dtype=np.float64)))


@method(
    "forest.tree", edition="segmented", clause=Clause(NSVB, "model 2"), status="secondary",
    formula="W = a k^(b - b1) D^b1 H^c",
)  # fmt: skip
def segmented(d: D, h: H, a: C, b: C, b1: C, c: C, k: C) -> W:
    """Above the diameter k the exponent is b1, continuous at k. Shapes: mutually broadcastable.

    For trees of at least k (9 inches softwood, 11 hardwood); below it NSVB takes model 1 with b.
    """
    return a * k ** (b - b1) * np.asarray(d, dtype=np.float64) ** b1 * np.asarray(h, dtype=np.float64) ** c


@method(
    "forest.tree", edition="damped", clause=Clause(NSVB, "model 4"), status="secondary",
    formula="W = a D^b H^c exp(-b1 D)",
)  # fmt: skip
def damped(d: D, h: H, a: C, b: C, c: C, b1: C) -> W:
    """Powers of D and H damped by an exponential of D. Shapes: mutually broadcastable."""
    d = np.asarray(d, dtype=np.float64)
    return a * d**b * np.asarray(h, dtype=np.float64) ** c * np.exp(-(b1 * d))


@method(
    "forest.log_correction", edition="baskerville", clause=Clause("Baskerville 1972, Can. J. For. Res. 2:49-53"),
    status="secondary", formula="f = exp(s^2/2)",
)  # fmt: skip
def log_correction(
    s: A[Array, Q("-", "对数残差标准差", "standard error of the residuals of logarithms", low=0, symbol="s")],
) -> A[Array, Q("-", "对数回归校正系数", "correction of a log regression")]:
    """Factor that undoes the bias of a regression fitted to logarithms. Shape: any. Only where `s` is given."""
    return np.exp(np.asarray(s, dtype=np.float64) ** 2 / 2)


Tree = A[Array, Q("t dm", "生物量", "biomass", low=0)]
Volume = A[Array, Q("m3", "材积", "stem volume", low=0, symbol="V")]


@method(
    "forest.biomass", edition="wd_bef", clause=Clause(TOOL14, "volume method"), status="secondary",
    formula="B = V WD BEF",
)  # fmt: skip
def biomass_by_density(
    volume: Volume,
    wood_density: A[Array, Q("t dm/m3", "木材基本密度", "basic wood density", low=0, high=2, symbol="WD")],
    bef: A[Array, Q("-", "生物量扩展系数", "biomass expansion factor", low=1, symbol="BEF")],
) -> Tree:
    """Above-ground biomass from stem volume, wood density and expansion. Shapes: mutually broadcastable."""
    return volume * wood_density * bef


@method(
    "forest.biomass", edition="bcef", clause=Clause("2006 IPCC Guidelines vol. 4", "eq. 2.8, BCEF"), status="secondary",
    formula="B = V BCEF",
)  # fmt: skip
def biomass_by_bcef(
    volume: Volume,
    bcef: A[Array, Q("t dm/m3", "生物量转换扩展系数", "biomass conversion and expansion factor", low=0, symbol="BCEF")],
) -> Tree:
    """Above-ground biomass from growing stock. Shapes: mutually broadcastable. BCEF depends on the stock of the stand."""
    return volume * bcef


@method(
    "forest.carbon", edition="fraction", clause=Clause("2006 IPCC Guidelines vol. 4", "eq. 2.8, CF"), status="secondary",
    formula="C = B CF",
)  # fmt: skip
def carbon_of_biomass(
    biomass: Tree,
    carbon_fraction: A[Array, Q("t C/t dm", "含碳率", "carbon fraction", low=0.01, high=1, symbol="CF")],
) -> A[Array, Q("t C", "碳", "carbon", symbol="C")]:
    """Carbon of dry matter. Shapes: mutually broadcastable."""
    return biomass * carbon_fraction


@method(
    "forest.stand_biomass", edition="fang", clause=Clause(FANG, "B = aV + b"), status="secondary",
    formula="B = a V + b",
)  # fmt: skip
def stand_biomass(
    volume: A[Array, Q("m3/hm2", "单位面积蓄积", "growing stock per area", low=0, symbol="V")],
    a: A[Array, Q("t dm/m3", "换算斜率", "slope", low=0)],
    b: A[Array, Q("t dm/hm2", "换算截距", "intercept")],
) -> A[Array, Q("t dm/hm2", "林分生物量", "stand biomass", symbol="B")]:
    """Biomass of all parts of the trees of a stand, roots included: no root share is added to it. Shapes: broadcastable."""
    return a * np.asarray(volume, dtype=np.float64) + b


@method(
    "forest.root_shoot", edition="ar_tool14", clause=Clause(TOOL14, "App. 1"), status="secondary",
    formula="R = exp(-1.085 + 0.9256 ln b)/b",
)  # fmt: skip
def root_shoot(
    above_ground: A[Array, Q("t dm/hm2", "地上生物量", "above-ground biomass", low=0, symbol="b")],
) -> A[Array, Q("-", "根茎比", "root to shoot ratio", symbol="R")]:
    """Root to shoot ratio of a stand. Shape: any. Without biomass it is undefined (NaN)."""
    b = np.asarray(above_ground, dtype=np.float64)
    grown = np.where(b > 0, b, np.nan)
    return np.exp(-1.085 + 0.9256 * np.log(grown)) / grown


@method(
    "forest.tree_carbon", edition="1", clause=Clause(TOOL14, "eq. 12"), status="secondary", zh="林木碳", en="carbon of trees",
    formula="C = B (1 + R) CF",
)  # fmt: skip
def tree_carbon(
    above_ground: A[Array, Q("t dm", "地上生物量", "above-ground biomass", low=0)],
    root_shoot: A[Array, Q("-", "根茎比", "root to shoot ratio", low=0, symbol="R")],
    carbon_fraction: A[Array, Q("t C/t dm", "含碳率", "carbon fraction", low=0.01, high=1, symbol="CF")],
) -> A[Array, Q("t C", "林木碳储量", "carbon of trees")]:
    """Carbon of trees above and below ground. Shapes: mutually broadcastable."""
    return above_ground * (1 + np.asarray(root_shoot)) * carbon_fraction


@method(
    "forest.co2", edition="molar", clause=Clause("分子量", "44/12"), formula="CO2 = 44/12 C", zh="折合二氧化碳", en="as carbon dioxide"
)  # fmt: skip
def co2(carbon: A[Array, Q("t C", "碳量", "carbon")]) -> A[Array, Q("t CO2", "二氧化碳量", "carbon dioxide")]:
    """Carbon dioxide that holds an amount of carbon. Shape: any."""
    return np.asarray(carbon, dtype=np.float64) * 44 / 12
