"""Loads of a stream from few samples: a rating curve in flow, season and trend, as LOADEST fits it.

ln L = a0 + a1 ln Q' + a2 ln Q'^2 + a3 sin 2 pi t + a4 cos 2 pi t + a5 t, ln Q' and t centred (Runkel, Crawford & Cohn 2004, USGS
Techniques and Methods 4-A5). Loads are brought back from logarithms with Duan's smearing factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qingshan.core.errors import OutOfBounds
from qingshan.core.method import Array

from .estimate import TooFewPlots

__all__ = ["Rating", "fit_rating"]

TERMS = {"flow": 2, "flow2": 3, "season": 5, "trend": 6}
"""Models by what they add: ln Q; its square; the season; the trend in time. The number is that of the coefficients."""


@dataclass(frozen=True)
class Rating:
    """A fitted curve. `smearing` is the mean of exp(residual), `s` the standard error of the residuals of ln L."""

    model: str
    coefficients: Array
    centre: tuple[float, float]
    smearing: float
    s: float
    r2: float
    samples: int
    flow_range: tuple[float, float]

    def loads(self, flow: Array, year: Array) -> Array:
        """Loads (n) at a flow and a time in decimal years, in the unit of the samples' load."""
        return np.exp(_terms(flow, year, self.centre, self.model) @ self.coefficients) * self.smearing

    def outside(self, flow: Array) -> NDArray[np.bool_]:
        """Flows (n) beyond those that were sampled: the curve is drawn out there."""
        low, high = self.flow_range
        return (np.asarray(flow) < low) | (np.asarray(flow) > high)


def _terms(flow: Array, year: Array, centre: tuple[float, float], model: str) -> Array:
    q, t = np.log(np.asarray(flow, dtype=np.float64)) - centre[0], np.asarray(year, dtype=np.float64) - centre[1]
    turn = 2 * np.pi * np.asarray(year, dtype=np.float64)
    columns = np.column_stack([np.ones(len(q)), q, q**2, np.sin(turn), np.cos(turn), t])
    return columns[:, : TERMS[model]]


def fit_rating(flow: Array, load: Array, year: Array, model: str = "season") -> Rating:
    """Fit to samples: flow and load above 0, `year` decimal. Shapes: (n) each.

    Raises `OutOfBounds` for a flow or load that has no logarithm or an unknown model, `TooFewPlots` for fewer samples than
    coefficients and two more.
    """
    flow, load, year = (np.asarray(v, dtype=np.float64) for v in (flow, load, year))
    if model not in TERMS:
        raise OutOfBounds(f"no rating model {model!r}.", f"没有负荷模型 {model!r}。", fix=f"one of {', '.join(TERMS)}")
    if not ((flow > 0).all() and (load > 0).all()):
        raise OutOfBounds(
            "a sample has no flow or load above 0.",
            "有样品的流量或负荷不大于 0。",
            fix="leave it out and say so / 剔除并说明",
        )
    if len(flow) < TERMS[model] + 2:
        raise TooFewPlots(
            f"{len(flow)} samples for {TERMS[model]} coefficients.", f"{len(flow)} 个样品拟合 {TERMS[model]} 个系数。",
            fix="a simpler model or more samples / 用更简单的模型或增加采样",
        )  # fmt: skip
    centre = (float(np.log(flow).mean()), float(year.mean()))
    x, y = _terms(flow, year, centre, model), np.log(load)
    beta = np.asarray(np.linalg.lstsq(x, y, rcond=None)[0], dtype=np.float64)
    residuals = y - x @ beta
    spread = float(((y - y.mean()) ** 2).sum())
    return Rating(
        model, beta, centre, float(np.exp(residuals).mean()), float(np.sqrt((residuals**2).sum() / (len(y) - x.shape[1]))),
        1 - float((residuals**2).sum()) / spread if spread else 1.0, len(y), (float(flow.min()), float(flow.max())),
    )  # fmt: skip
