"""The first phase of a double sample: plots where only an auxiliary was measured, such as crown cover on an image.

    first_phase  plot, stratum, [unit], and one or more columns of auxiliaries

It holds every plot of plots.csv, in the same stratum, and as a rule many more. A row that fails a check is an error finding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from qingshan.core.errors import OutOfBounds, UnknownName
from qingshan.core.finding import Finding
from qingshan.core.method import Array

from .checks import said
from .joining import floats, positions

__all__ = ["FirstPhase", "first_phase"]

Index = NDArray[np.int64]


@dataclass(frozen=True)
class FirstPhase:
    """Plots of the first phase (m): `stratum` indexes the design; `second` (p) is the row of each sampled plot of `Plots`."""

    stratum: Index
    second: Index
    table: pl.DataFrame

    def auxiliary(self, column: str) -> Array:
        """Values (m) of an auxiliary. Raises `UnknownName` without the column, `OutOfBounds` naming a row without a number."""
        known = [c for c in self.table.columns if c not in ("plot", "stratum", "unit")]
        if column not in known:
            listed = ", ".join(known) or "-"
            en, zh = (
                (f"first_phase.csv has no auxiliary {column!r}.", f"first_phase.csv 没有辅助变量列 {column!r}。")
                if column
                else ("double sampling needs an auxiliary.", "双重抽样没有指定辅助变量。")
            )
            raise UnknownName(
                en, zh, where="first_phase.csv", fix=f"--auxiliary, one of: {listed} / 用 --auxiliary 指定：{listed}"
            )
        values = floats(self.table, column)
        bare = np.flatnonzero(~np.isfinite(values))
        if bare.size:
            raise OutOfBounds(
                f"{bare.size} plots of the first phase have no number in {column}.", f"第一重样本有 {bare.size} 个样地的 {column} 不是数。",
                where=f"first_phase.csv:{int(bare[0]) + 2}:{column}", fix="measure it on every plot, or leave the plot out / 每个样地都要有值，或删去该样地",
            )  # fmt: skip
        return values


def first_phase(
    table: pl.DataFrame, stratum: Index, plots: pl.DataFrame, plot_stratum: Index, kept: Index
) -> tuple[FirstPhase, list[Finding]]:
    """The first phase with what is wrong of it.

    `stratum` (m) and `plot_stratum` (all rows of plots.csv) index the design, -1 where strata.csv lacks the stratum; `kept`
    are the rows of plots.csv that were sampled.
    """
    found = said("first_phase", "plot_outside_strata", stratum < 0, "stratum", "", "a plot whose stratum strata.csv does not have",
                 "样地所属的层不在 strata.csv 里", fix="correct the stratum, or add it / 更正层号，或在 strata.csv 补上")  # fmt: skip
    twice = (~table["plot"].cast(pl.String).is_first_distinct()).to_numpy()
    found += said("first_phase", "duplicate_plot", twice, "plot", "", "a plot that stands twice", "样地重复",
                  fix="keep one row per plot / 每个样地只留一行")  # fmt: skip
    at = positions(plots["plot"].cast(pl.String), table["plot"].cast(pl.String))
    found += said("plots", "not_in_first_phase", at < 0, "plot", "", "a plot that first_phase.csv does not have",
                  "样地不在 first_phase.csv 里", fix="the second phase is part of the first: add it there / 第二重样地须是第一重的一部分，请补上")  # fmt: skip
    other = at >= 0
    other[other] = stratum[at[other]] != plot_stratum[other]
    found += said("plots", "other_stratum", other, "stratum", "", "a plot that first_phase.csv puts in another stratum",
                  "样地在 first_phase.csv 里属于另一层", fix="make both agree / 使二者一致")  # fmt: skip
    return FirstPhase(stratum, at[kept], table), found
