"""Economy: present values, prices and indices, and the arithmetic of the SEEA ecosystem accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from ...core.errors import OutOfBounds, QingshanError
from ...core.finding import Finding
from ...core.method import A, Array, Clause, Q, method
from . import assessment  # noqa: F401 - declares the methods of assessment

BO = "生态学报 2017,37(12):4182-4190"
SEEA = "SEEA EA (White Cover)"
OWN = "青山核算规则"

Flow = A[Array, Q("元", "一年的服务价值", "value of one year's services", symbol="F")]
Rate = A[Array, Q("%", "折现率", "discount rate", low=0, symbol="r")]
Years = A[Array, Q("a", "年限", "number of years", low=0, symbol="n")]
PresentValue = A[Array, Q("元", "现值", "present value")]
Extent = A[Array, Q("hm2", "面积", "extent", low=0)]
Money = A[Array, Q("元", "资产价值", "value of the asset")]


def _ordinary_factor(rate: Array, years: Array) -> Array:
    """(1 - (1 + r)^-n)/r, n where r is 0."""
    r = np.asarray(rate, dtype=np.float64) / 100
    return np.where(r == 0, years, -np.expm1(-years * np.log1p(r)) / np.where(r == 0, 1, r))


@method(
    "economy.present_value",
    edition="annuity_due",
    clause=Clause(BO, "A01"),
    formula="V = sum_{i=1..n} F/(1 + r)^(i-1)",
)
def present_value_due(flow: Flow, discount_rate: Rate, years: Years) -> PresentValue:
    """Present value of equal yearly flows, the first one now. Flows of several services are added before.

    Shapes: mutually broadcastable.
    """
    return flow * _ordinary_factor(discount_rate, years) * (1 + discount_rate / 100)


@method(
    "economy.present_value",
    edition="annuity_ordinary",
    clause=Clause(SEEA, "example SEEALand, net present value"),
    status="secondary",
    formula="V = sum_{i=1..n} F/(1 + r)^i",
)
def present_value_ordinary(flow: Flow, discount_rate: Rate, years: Years) -> PresentValue:
    """Present value of equal yearly flows, the first one a year from now. Shapes: mutually broadcastable."""
    return flow * _ordinary_factor(discount_rate, years)


@method(
    "economy.present_value",
    edition="flows",
    clause=Clause(SEEA, "net present value"),
    status="secondary",
    formula="V = sum_{i=1..n} F_i/(1 + r)^i",
)
def present_value_flows(
    flows: A[Array, Q("元", "逐年服务价值", "value of services year by year", axis="year", symbol="F_i")],
    discount_rate: Rate,
) -> PresentValue:
    """Present value of unequal yearly flows, the first one a year from now.

    Shapes: flows (..., year), rate (...), result (...).
    """
    year = np.arange(1, np.shape(flows)[-1] + 1)
    return np.sum(flows / (1 + np.asarray(discount_rate)[..., None] / 100) ** year, axis=-1)


@method(
    "economy.quantity_index",
    edition="laspeyres",
    clause=Clause(OWN, "prices: quantity index"),
    formula="I = V_t^b / V_b",
)
def quantity_index(
    constant_value: A[Array, Q("元", "可比价价值", "value at base prices", low=0, symbol="V_t^b")],
    base_value: A[Array, Q("元", "基期价值", "value of the base year", low=0, symbol="V_b")],
) -> A[Array, Q("index", "实物量指数", "quantity index")]:
    """Change of quantities at base prices (Laspeyres). Shapes: mutually broadcastable. A base of 0 gives NaN."""
    return constant_value / np.where(np.equal(base_value, 0), np.nan, base_value)


@method(
    "economy.price_index", edition="implicit", clause=Clause(OWN, "prices: implicit index"), formula="I = V_t / V_t^b"
)
def price_index(
    current_value: A[Array, Q("元", "现价价值", "value at current prices", low=0, symbol="V_t")],
    constant_value: A[Array, Q("元", "可比价价值", "value at base prices", low=0, symbol="V_t^b")],
) -> A[Array, Q("index", "隐含价格指数", "implicit price index")]:
    """Change of prices implied by the two series. Shapes: mutually broadcastable. A value of 0 gives NaN."""
    return current_value / np.where(np.equal(constant_value, 0), np.nan, constant_value)


class DifferentBasis(QingshanError):
    """Two values that stand on different profiles, parameter sets or price bases cannot be compared over time."""

    code = "different_basis"


@dataclass(frozen=True, slots=True)
class Basis:
    """What a value stands on. A change over time is defined only where all three agree."""

    profile: str
    parameter_set: str
    price_base: str


_BASIS_ZH = {"profile": "核算口径", "parameter_set": "参数组", "price_base": "价格基期"}


def growth(earlier: float, earlier_basis: Basis, later: float, later_basis: Basis) -> float:
    """Relative change from `earlier` to `later` (0.1 is 10 %).

    Raises `DifferentBasis` naming what differs, and `OutOfBounds` where the earlier value is not above 0.
    """
    pairs = [(f.name, getattr(earlier_basis, f.name), getattr(later_basis, f.name)) for f in fields(Basis)]
    differing = [(name, before, after) for name, before, after in pairs if before != after]
    if differing:
        raise DifferentBasis(
            "no change can be given: "
            + "; ".join(f"{name} {before!r} against {after!r}" for name, before, after in differing)
            + ".",
            "不能计算增速："
            + "；".join(f"{_BASIS_ZH[name]} {before} 与 {after} 不同" for name, before, after in differing)
            + "。",
            fix="recompute both years with one profile, one parameter set and one price base"
            " / 两年按同一核算口径、参数组和价格基期重算",
        )
    if not earlier > 0:
        raise OutOfBounds(f"growth from {earlier:g} is not defined.", f"以 {earlier:g} 为基数不能计算增速。")
    return later / earlier - 1


@method(
    "economy.extent_closing",
    edition="seea_ea",
    clause=Clause(SEEA, "table 4.1"),
    status="secondary",
    formula="closing = opening + additions - reductions",
)
def extent_closing(
    opening: Extent,
    managed_additions: Extent,
    unmanaged_additions: Extent,
    managed_reductions: Extent,
    unmanaged_reductions: Extent,
) -> A[Array, Q("hm2", "期末面积", "closing extent")]:
    """Closing extent of each ecosystem type. Shapes: any mutually broadcastable arrays, one entry per type."""
    return opening + managed_additions + unmanaged_additions - managed_reductions - unmanaged_reductions


@method(
    "economy.condition_variable",
    edition="seea_ea",
    clause=Clause(SEEA, "table 5.2"),
    status="secondary",
    formula="x = S/A",
)
def condition_variable(
    total: A[Array, Q("m2", "变量乘面积之和", "sum of variable times area", symbol="S")],
    area: A[Array, Q("m2", "有值面积", "area with a value", low=0, symbol="A")],
) -> A[Array, Q("index", "状况变量", "condition variable")]:
    """Mean of a condition variable over the area of an ecosystem type that has a value; NaN without area. Shapes: broadcastable."""
    return np.divide(total, np.where(np.equal(area, 0), np.nan, area))


@method(
    "economy.condition_indicator",
    edition="seea_ea",
    clause=Clause(SEEA, "table 5.3"),
    status="secondary",
    formula="I = clip((x - low)/(high - low), 0, 1)",
)
def condition_indicator(
    variable: A[Array, Q("index", "状况变量", "condition variable", symbol="x")],
    low_reference: A[Array, Q("index", "低参照水平", "lower reference level", symbol="low")],
    high_reference: A[Array, Q("index", "高参照水平", "upper reference level", symbol="high")],
) -> A[Array, Q("index", "状况指标", "condition indicator")]:
    """A condition variable rescaled to 0-1 between its reference levels; `economy.condition_clipped` flags the clipped.

    Shapes: mutually broadcastable. The upper level may be the smaller number (pollution); equal levels give NaN.
    """
    return np.clip(_rescaled(variable, low_reference, high_reference), 0, 1)


@method(
    "economy.condition_clipped",
    edition="seea_ea",
    clause=Clause(SEEA, "table 5.3"),
    status="secondary",
    formula="(x - low)/(high - low) outside 0-1",
)
def condition_clipped(
    variable: A[Array, Q("index", "状况变量", "condition variable", symbol="x")],
    low_reference: A[Array, Q("index", "低参照水平", "lower reference level", symbol="low")],
    high_reference: A[Array, Q("index", "高参照水平", "upper reference level", symbol="high")],
) -> A[Array, Q("class", "是否截断", "clipped", labels=("inside", "clipped"))]:
    """1 where a condition variable lies outside its reference levels, else 0. Shapes: mutually broadcastable."""
    share = _rescaled(variable, low_reference, high_reference)
    return ((share < 0) | (share > 1)).astype(np.float64)


def _rescaled(x: Array, low: Array, high: Array) -> Array:
    span = np.subtract(high, low, dtype=np.float64)
    return np.subtract(x, low) / np.where(span == 0, np.nan, span)


@method(
    "economy.condition_index",
    edition="seea_ea",
    clause=Clause(SEEA, "tables 5.4-5.6"),
    status="secondary",
    formula="index = sum w_i I_i, sum w_i = 1",
)
def condition_index(
    indicator: A[Array, Q("index", "状况指标", "condition indicator", low=0, high=1, axis="variable", symbol="I_i")],
    weight: A[Array, Q("-", "权重", "weight", low=0, high=1, axis="variable", symbol="w_i")],
) -> A[Array, Q("index", "状况指数", "condition index")]:
    """Condition index of one ecosystem type from its indicators.

    Shapes: (..., variable) each, result (...). Weights must sum to 1; they are not rescaled.
    """
    total = np.sum(weight, axis=-1)
    if not np.allclose(total, 1, rtol=0, atol=1e-9):
        raise OutOfBounds(
            f"the weights sum to {np.ravel(total)[0]:g}, must be 1.", f"权重之和为 {np.ravel(total)[0]:g}，应为 1。"
        )
    return np.sum(np.multiply(indicator, weight), axis=-1)


class DifferentReference(QingshanError):
    """Condition indices with different reference levels cannot be averaged."""

    code = "different_reference"


def mean_condition(index: Sequence[float], extent: Sequence[float], reference: Sequence[str]) -> float:
    """Extent-weighted mean of condition indices that share one reference; `reference` names each one's reference set.

    Raises `DifferentReference` where the names differ.
    """
    names = sorted(set(reference))
    if len(names) > 1:
        raise DifferentReference(
            f"condition indices with different references cannot be averaged: {', '.join(names)}.",
            f"参照水平不同的状况指数不能平均：{'、'.join(names)}。",
            fix="report the types side by side / 各类型分别列出",
        )
    return float(np.average(index, weights=extent))


@method(
    "economy.condition_closing",
    edition="seea_ea",
    clause=Clause(SEEA, "table 5.2, example SEEALand"),
    status="secondary",
    formula="closing = opening + sum of changes",
)
def condition_closing(
    opening: A[Array, Q("index", "期初状况", "opening condition", low=0, high=1)],
    changes: A[Array, Q("index", "状况变化", "changes of condition", axis="ect")],
) -> A[Array, Q("index", "期末状况", "closing condition")]:
    """Closing condition from the changes by typology class. Shapes: opening (...), changes (..., ect), result (...)."""
    return opening + np.sum(changes, axis=-1)


@method(
    "economy.asset_closing",
    edition="seea_ea",
    clause=Clause(SEEA, "table 10.1"),
    status="secondary",
    formula="closing = opening + enhancement - degradation + conversions in - conversions out"
    " + other volume + revaluation",
)
def asset_closing(
    opening: Money,
    enhancement: A[Array, Q("元", "生态改善", "enhancement", low=0)],
    degradation: A[Array, Q("元", "生态退化", "degradation", low=0)],
    conversion_additions: A[Array, Q("元", "转入", "additions by conversion", low=0)],
    conversion_reductions: A[Array, Q("元", "转出", "reductions by conversion", low=0)],
    other_volume_changes: A[Array, Q("元", "其他物量变化", "other changes in volume")],
    revaluations: A[Array, Q("元", "重估价", "revaluations")],
) -> Money:
    """Closing value of ecosystem assets. Shapes: mutually broadcastable, one entry per type.

    Every entry is computed on its own, degradation too: none is the residual.
    """
    return (
        opening
        + enhancement
        - degradation
        + conversion_additions
        - conversion_reductions
        + other_volume_changes
        + revaluations
    )


def check_extent(types: Sequence[str], opening: Array, closing: Array, matrix: Array | None = None) -> list[Finding]:
    """What is wrong with an extent account: the total area must stay, and the change matrix must close.

    `matrix` is opening type x closing type, in the unit of the vectors; its row sums are the opening extent, its column
    sums the closing extent.
    """
    found = []
    if not _same(np.sum(opening), np.sum(closing)):
        found.append(
            _unequal("extent_total", ("total extent", "总面积"), "", float(np.sum(opening)), float(np.sum(closing)))
        )
    if matrix is None:
        return found
    sides = (
        (("row sum of the change matrix", "变化矩阵行和"), 1, opening),
        (("column sum of the change matrix", "变化矩阵列和"), 0, closing),
    )
    for words, axis, extents in sides:
        found += [
            _unequal("extent_matrix", words, name, float(total), float(whole))
            for name, total, whole in zip(types, np.sum(matrix, axis=axis), extents, strict=True)
            if not _same(total, whole)
        ]
    return found


def check_supply_use(services: Sequence[str], supply: Array, use: Array) -> list[Finding]:
    """Services whose supply is not their use. Shapes: (service, unit) each, quantities or values."""
    totals = zip(services, np.sum(supply, axis=-1), np.sum(use, axis=-1), strict=True)
    return [
        _unequal("supply_use", ("supply against use", "供给与使用"), name, float(supplied), float(used))
        for name, supplied, used in totals
        if not _same(supplied, used)
    ]


def _same(left: float, right: float) -> bool:
    return bool(np.isclose(left, right, rtol=1e-9, atol=1e-9))


def _unequal(code: str, words: tuple[str, str], name: str, left: float, right: float) -> Finding:
    en, zh = words
    of, mark = (f" of {name}", f"（{name}）") if name else ("", "")
    return Finding(
        "error",
        code,
        f"{en}{of}: {left:g} is not {right:g}.",
        f"{zh}{mark}不平：{left:g} 与 {right:g}。",
        field=name,
        limit="1e-9 relative",
    )
