"""Checks of inventory tables. Each returns findings: the first few rows of a fault by name, then how many more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from qingshan.core.finding import Finding

from .joining import floats

__all__ = ["check_conditions", "check_plots", "check_trees", "said"]

LISTED = 5
Mask = NDArray[np.bool_]
UNITS = "the column is d_cm: give centimetres / 该列单位为厘米，请换算"


def said(
    table: str,
    code: str,
    wrong: Mask,
    column: str,
    limit: str,
    en: str,
    zh: str,
    *,
    fix: str = "",
    level: str = "error",
) -> list[Finding]:
    """Findings for the rows where `wrong`; row numbers count the header line, as an editor shows them."""
    if not wrong.any():
        return []
    rows = np.flatnonzero(wrong)
    file = f"{table}.csv"
    made = [Finding(level, code, f"{en}.", f"{zh}。", file, int(r) + 2, column, limit, fix) for r in rows[:LISTED]]
    more = len(rows) - LISTED
    if more > 0:
        made.append(
            Finding(level, code, f"{en}: {more} more rows.", f"{zh}：另有 {more} 行。", file, None, column, limit, fix)
        )
    return made


def check_plots(table: pl.DataFrame, stratum: NDArray[np.int64], rule: Mapping[str, Any]) -> list[Finding]:
    """Plots outside every stratum, plots twice, slopes and areas that cannot be."""
    found = said("plots", "plot_outside_strata", stratum < 0, "stratum", "", "a plot whose stratum strata.csv does not have",
                 "样地所属的层不在 strata.csv 里", fix="correct the stratum, or add it / 更正层号，或在 strata.csv 补上")  # fmt: skip
    found += said("plots", "duplicate_plot", (~table["plot"].is_first_distinct()).to_numpy(), "plot", "", "a plot that stands twice",
                  "样地重复", fix="keep one row per plot / 每个样地只留一行")  # fmt: skip
    if "area_m2" in table.columns:
        area = floats(table, "area_m2")
        found += said("plots", "negative_area", ~(area > 0), "area_m2", "> 0", "a plot without area", "样地面积不大于 0",
                      fix="give the horizontal area / 填水平面积")  # fmt: skip
    if "slope_deg" in table.columns:
        slope, top = floats(table, "slope_deg"), rule["limits"]["slope_max"]
        found += said("plots", "slope", (slope < 0) | (slope > top), "slope_deg", f"0-{top} degree", "a slope that cannot be",
                      "坡度不合理", fix="give degrees, not per cent / 填度，不是百分数")  # fmt: skip
    return found


def check_conditions(table: pl.DataFrame, plot: NDArray[np.int64], status: NDArray[np.int64]) -> list[Finding]:
    """Conditions of unknown plots, unknown words, proportions that are none or do not fit into a plot."""
    share = floats(table, "proportion")
    found = said("conditions", "unknown_plot", plot < 0, "plot", "", "a condition of a plot that plots.csv does not have",
                 "条件所属的样地不在 plots.csv 里", fix="add the plot / 补上样地")  # fmt: skip
    found += said("conditions", "unknown_status", status < 0, "status", "", "a status nobody declares", "status 不在规定的词里",
                  fix="forest, nonforest or nonsampled / 填 林地、非林地 或 未调查")  # fmt: skip
    found += said("conditions", "proportion", ~((share >= 0) & (share <= 1 + 1e-6)), "proportion", "0-1", "a proportion out of range",
                  "面积比例超出范围", fix="give the share of the plot / 填占样地的比例")  # fmt: skip
    twice = (~table.select(pl.struct("plot", "condition").is_first_distinct()).to_series()).to_numpy()
    found += said("conditions", "duplicate_condition", twice, "condition", "", "a condition that stands twice on its plot", "同一样地的条件号重复",
                  fix="keep one row per condition / 每个条件只留一行")  # fmt: skip
    known = plot >= 0
    sums = np.bincount(plot[known], weights=np.nan_to_num(share[known]))
    over = known & (sums[np.maximum(plot, 0)] > 1 + 1e-3)
    found += said("conditions", "proportion_sum", over, "proportion", "<= 1 per plot", "conditions of a plot sum to more than 1",
                  "同一样地的面积比例之和大于 1", fix="correct the proportions / 更正比例")  # fmt: skip
    return found


def check_trees(table: pl.DataFrame, plot: NDArray[np.int64], rule: Mapping[str, Any]) -> list[Finding]:
    """Trees of unknown plots, trees twice, diameters in millimetres, sizes that cannot be, taxa left out."""
    limits = rule["limits"]
    d = floats(table, "d_cm")
    found = said("trees", "unknown_plot", plot < 0, "plot", "", "a tree of a plot that plots.csv does not have",
                 "树木所属的样地不在 plots.csv 里", fix="add the plot / 补上样地")  # fmt: skip
    found += said("trees", "duplicate_tree", _twice(table, plot), "tree", "", "a tree that stands twice on its plot", "同一样地的树号重复",
                  fix="keep one row per tree / 每株只留一行")  # fmt: skip
    if len(d) and np.nanmax(d, initial=0.0) > limits["d_median_max"]:
        middle = float(np.nanmedian(d))
        if middle > limits["d_median_max"]:
            found.append(
                Finding("error", "diameter_unit", f"the median diameter is {middle:.0f} cm: these look like millimetres.",
                        f"胸径中位数为 {middle:.0f} cm，像是以毫米填写。", "trees.csv", None, "d_cm",
                        f"<= {limits['d_median_max']} cm", UNITS)
            )  # fmt: skip
    found += said("trees", "diameter", ~((d > 0) & (d <= limits["d_max"])), "d_cm", f"0-{limits['d_max']} cm", "a diameter that cannot be",
                  "胸径不合理", fix=UNITS)  # fmt: skip
    if "h_m" in table.columns:
        h = floats(table, "h_m")
        found += said("trees", "height", (h <= 0) | (h > limits["h_max"]), "h_m", f"0-{limits['h_max']} m", "a height that cannot be",
                      "树高不合理", fix="the column is h_m: give metres / 该列单位为米，请换算")  # fmt: skip
        found += _slender(d, h, limits["slender_median_min"])
        odd = (h < limits["thick_min"] * d) | (h > limits["thin_max"] * d)
        found += said("trees", "slenderness", odd, "h_m", f"{limits['thick_min']}-{limits['thin_max']} m/cm",
                      "height and diameter do not fit each other", "树高与胸径不相称", level="warning",
                      fix="check both and their units / 核对两者及其单位")  # fmt: skip
    if "expansion" in table.columns:
        found += said("trees", "negative_area", ~(floats(table, "expansion") >= 0), "expansion", ">= 0", "an expansion that cannot be",
                      "扩展系数不合理", fix="trees per hm2 / 填每公顷株数")  # fmt: skip
    taxon = table["taxon"]
    left_out = taxon.is_null() if taxon.dtype != pl.String else taxon.is_null() | (taxon.str.len_bytes() == 0)
    return found + said("trees", "no_taxon", left_out.to_numpy(), "taxon", "", "a tree without a taxon", "没有填树种",
                        fix="give the species or its group / 填树种或树种组")  # fmt: skip


def _slender(d: NDArray[np.float64], h: NDArray[np.float64], least: float) -> list[Finding]:
    """Small trees in millimetres have diameters that could be centimetres; only their heights tell."""
    both = (d > 0) & (h > 0)
    if not both.any():
        return []
    middle = float(np.median(h[both] / d[both]))
    if middle >= least:
        return []
    return [
        Finding("error", "diameter_unit", f"the median tree has {middle:.2g} m of height per cm of diameter: diameters look like millimetres.",
                f"每厘米胸径的树高中位数仅 {middle:.2g} m，胸径像是以毫米填写。", "trees.csv", None, "d_cm", f">= {least} m/cm", UNITS)
    ]  # fmt: skip


def _twice(table: pl.DataFrame, plot: NDArray[np.int64]) -> Mask:
    """Rows whose (plot, nest, tree) stood before. Whole numbers go through one sort; text through a hash table."""
    keys = [c for c in ("plot", "nest", "tree") if c in table.columns]
    if keys == ["plot", "tree"] and table["tree"].dtype.is_integer() and not table["tree"].null_count() and len(table):
        tree = table["tree"].to_numpy().astype(np.int64)
        span = int(tree.max()) - int(tree.min()) + 1
        if span < 2**40:
            key = plot * span + (tree - tree.min())
            if (np.diff(key) > 0).all() or not (np.diff(np.sort(key)) == 0).any():
                return np.zeros(len(table), dtype=bool)
    return (~table.select(pl.struct(keys).is_first_distinct()).to_series()).to_numpy()
