"""Materials and wastes: the mass balance of a facility, and what a substance in the environment risks."""

from __future__ import annotations

import numpy as np

from ...core.method import A, Array, Clause, Q, method

OWN = "青山核算规则"
RISK = "生态环境风险表征：风险商值法"

_Mass = Q("t", "质量", "mass", low=0)


@method(
    "materials.book_closing", edition="1", clause=Clause(OWN, "opening plus in less out"), status="project",
    formula="book = opening + produced + received - used - shipped - treated - landfilled",
)  # fmt: skip
def book_closing(
    opening: A[Array, _Mass], produced: A[Array, _Mass], received: A[Array, _Mass], used: A[Array, _Mass],
    shipped: A[Array, _Mass], treated: A[Array, _Mass], landfilled: A[Array, _Mass],
) -> A[Array, Q("t", "账面期末量", "closing stock by the book")]:  # fmt: skip
    """What the flows say is left of a material at a facility. Shapes: mutually broadcastable. A negative stock is given
    as it is: more went out than there was."""
    return opening + produced + received - used - shipped - treated - landfilled


@method(
    "materials.residual_z",
    edition="1",
    clause=Clause(OWN, "residual over its uncertainty"),
    status="project",
    formula="z = (book - survey) / u",
)
def residual_z(
    book: A[Array, Q("t", "账面期末量", "closing stock by the book")],
    survey: A[Array, Q("t", "盘点期末量", "closing stock by survey")],
    uncertainty: A[Array, Q("t", "合成标准不确定度", "combined standard uncertainty", low=0, symbol="u")],
) -> A[Array, Q("-", "标准化残差", "standardised residual", symbol="z")]:
    """Residual of the account in standard uncertainties. Shapes: mutually broadcastable; infinite where u is 0."""
    return (book - survey) / uncertainty


@method(
    "materials.combined_uncertainty",
    edition="gum",
    clause=Clause("JCGM 100:2008 (GUM)", "5.1.2, unit sensitivities"),
    formula="u = sqrt(sum(u_i^2))",
)
def combined_uncertainty(
    parts: A[Array, Q("t", "各项标准不确定度", "standard uncertainties", low=0, axis="item", symbol="ui")],
) -> A[Array, Q("t", "合成标准不确定度", "combined standard uncertainty")]:
    """Standard uncertainty of a sum of independent masses. Shapes: items on the last axis."""
    return np.sqrt(np.sum(np.square(parts), axis=-1))


@method(
    "materials.risk_quotient",
    edition="1",
    clause=Clause(RISK, "MEC over PNEC"),
    status="project",
    formula="RQ = MEC / PNEC",
)
def risk_quotient(
    measured: A[Array, Q("ug/L", "实测环境浓度", "measured environmental concentration", low=0, symbol="MEC")],
    no_effect: A[Array, Q("ug/L", "预测无效应浓度", "predicted no-effect concentration", low=0, symbol="PNEC")],
) -> A[Array, Q("-", "风险商", "risk quotient", symbol="RQ")]:
    """Measured concentration over the one without effect. Shapes: mutually broadcastable (or exact fractions); both in
    one unit and one medium. The PNEC are rows of the user with their source; none is shipped."""
    return measured / no_effect


@method(
    "materials.detection_frequency",
    edition="1",
    clause=Clause(OWN, "detects over analyses"),
    status="project",
    formula="f = 100 detects / analyses",
)
def detection_frequency(
    detects: A[Array, Q("count", "检出次数", "analyses that found it", low=0)],
    analyses: A[Array, Q("count", "分析次数", "analyses", low=1)],
) -> A[Array, Q("%", "检出率", "detection frequency")]:
    """Share of the analyses that found the substance. Shapes: mutually broadcastable."""
    return detects / analyses * 100
