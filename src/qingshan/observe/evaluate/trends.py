"""Trend of an item at a site over years, by the seasonal Kendall test on monthly means (`observe.statistics.trend`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np

from ...core.rounding import Exact
from ..statistics.trend import seasonal_kendall
from .verdict import INSUFFICIENT, Note, Result, inputs_of

SOURCE = "Hirsch, Slack & Smith 1982, Water Resour. Res. 18:107; Hirsch & Slack 1984, ibid. 20:727"


def trend(
    site: str, item: str, monthly: Mapping[tuple[int, int], Exact], unit: str, *, least_years: int, alpha: float = 0.05
) -> Result:
    """Rising, falling or no trend of monthly values, with the median slope per year.

    Months that are missing stay missing. Fewer than `least_years` years with a value: insufficient; the number is the
    caller's, as the trend rules of 环办〔2011〕22号 were not read.
    """
    years = sorted({y for y, _ in monthly})
    base = Result(
        "water.trend", site, item, unit=f"{unit}/a", n_valid=len(years), n_required=least_years, status="secondary", clause=SOURCE,
        inputs=inputs_of((k, v) for k, v in monthly.items()),
    )  # fmt: skip
    if years:
        base = replace(base, start=date(years[0], 1, 1), end=date(years[-1], 12, 31))
    if len(years) < least_years or len(years) < 2:
        return replace(base, verdict=INSUFFICIENT)
    table = np.full((years[-1] - years[0] + 1, 12), np.nan)
    for (year, month), value in monthly.items():
        table[year - years[0], month - 1] = float(value)
    if not ((~np.isnan(table)).sum(axis=0) >= 2).any():
        return replace(base, verdict=INSUFFICIENT)
    found = seasonal_kendall(table, alpha=alpha)
    told = Note(
        "seasonal_kendall", f"S {found.s}, z {found.z:.3f}, p {found.p:.4g}, with covariance of months {found.p_dependent:.4g}, alpha {alpha:g}.",
        f"S {found.s}，z {found.z:.3f}，p {found.p:.4g}，计月间协方差 {found.p_dependent:.4g}，α {alpha:g}。",
    )  # fmt: skip
    return replace(
        base, value=Decimal(repr(found.slope)), value_text=f"{found.slope:.4g}", grades=(found.word,), notes=(told,)
    )
