"""Trees, plots, conditions, strata and estimation units of one inventory, checked and joined.

Tables (columns in brackets may be missing; others are labels, by which estimates can be split):

    plots       plot, stratum, [unit], [slope_deg], [area_m2], [grid_row], [grid_column]
    trees       plot, tree, taxon, d_cm, [h_m], [status], [condition], [nest], [expansion]
    strata      stratum, [unit], weight | area_hm2 | points, [adjust_NEST], [census]
    units       unit, area_hm2
    nests       nest, radius_m | area_m2, [along_slope]
    conditions  plot, condition, status, proportion, [sampled_NEST]
    first_phase plot, stratum, [unit], auxiliaries: see `phase`

`expansion` is trees per hm2. Without conditions every plot is one condition, wholly sampled; without nests the plot's own
area serves all its trees. `census` true: the stratum is one plot of its whole area, and every tree on it is measured. A row
that fails a check is an error finding, and an inventory with errors gives no estimate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError, QingshanError, UnknownName
from qingshan.core.finding import Finding
from qingshan.core.method import Array

from .checks import check_conditions, check_plots, check_trees, said
from .estimate import Design
from .joining import coded, floats, positions, words
from .phase import FirstPhase, first_phase

__all__ = ["Conditions", "FaultyInventory", "Inventory", "Plots", "Trees", "read_inventory"]

TABLES = ("plots", "trees", "strata", "units", "nests", "conditions", "first_phase")
REQUIRED = {
    "plots": ("plot", "stratum"),
    "trees": ("plot", "tree", "taxon", "d_cm"),
    "strata": ("stratum",),
    "units": ("unit", "area_hm2"),
    "nests": ("nest",),
    "conditions": ("plot", "condition", "status", "proportion"),
    "first_phase": ("plot", "stratum"),
}
Index = NDArray[np.int64]
ROUNDING = 1e-6
"""Proportions of a plot that sum to 1 less this are a whole plot."""


class FaultyInventory(QingshanError):
    """An inventory with error findings: nothing is estimated from it."""

    code = "faulty_inventory"


@dataclass(frozen=True)
class Plots:
    """Sampled plots (p): `stratum` indexes the design, `row` the table as read; `table` has the other columns too."""

    id: pl.Series
    stratum: Index
    table: pl.DataFrame
    row: Index


@dataclass(frozen=True)
class Conditions:
    """Parts of plots (c): `plot` indexes `Plots`; `proportion` of the plot, adjusted for what was not sampled."""

    plot: Index
    forest: NDArray[np.bool_]
    proportion: Array
    table: pl.DataFrame


@dataclass(frozen=True)
class Trees:
    """Trees (n) on sampled plots: `expansion` per hm2, adjusted; `condition` indexes `Conditions`."""

    plot: Index
    condition: Index
    expansion: Array
    live: NDArray[np.bool_]
    d_cm: Array
    h_m: Array
    table: pl.DataFrame

    @property
    def taxon(self) -> pl.Series:
        return self.table["taxon"]


@dataclass(frozen=True)
class Inventory:
    """Everything an estimate needs. `findings` of all checks; `used` refuses where one of them is an error."""

    design: Design
    plots: Plots
    conditions: Conditions
    trees: Trees
    findings: tuple[Finding, ...]
    adjusted: NDArray[np.bool_]
    """Plots (p) in a stratum where something was not measured, so that others of it stand for what is missing."""
    unmeasured: pl.DataFrame
    """Rows of plots of which no part was measured."""
    first_phase: FirstPhase | None = None

    @property
    def incomplete(self) -> bool:
        """Whether any plot, or part of one, was not measured."""
        return len(self.unmeasured) > 0 or bool(self.adjusted.any())

    def used(self) -> Inventory:
        """Itself, or `FaultyInventory` with the first error and how many there are."""
        wrong = [f for f in self.findings if f.level == "error"]
        if wrong:
            raise FaultyInventory(
                f"{len(wrong)} errors, first: {wrong[0].en}", f"有 {len(wrong)} 处错误，首条：{wrong[0].zh}",
                where=wrong[0].where(), fix=wrong[0].fix or "correct the tables / 更正数据表",
            )  # fmt: skip
        return self

    def per_plot(self, value: Array | None = None, trees: NDArray[np.bool_] | None = None) -> Array:
        """Sum over the trees of each plot, per hm2. `value` (n) per tree, None counts trees; `trees` (n) picks."""
        amount = self.trees.expansion if value is None else self.trees.expansion * value
        if trees is not None:
            amount = np.where(trees, amount, 0.0)
        return np.bincount(self.trees.plot, weights=amount, minlength=len(self.plots.stratum)).astype(
            np.float64, copy=False
        )

    def area_share(self, conditions: NDArray[np.bool_] | None = None) -> Array:
        """Share of each plot that lies in the chosen conditions (default: forest), adjusted."""
        chosen = self.conditions.forest if conditions is None else conditions
        part = np.where(chosen, self.conditions.proportion, 0.0)
        return np.bincount(self.conditions.plot, weights=part, minlength=len(self.plots.stratum)).astype(
            np.float64, copy=False
        )

    @property
    def on_forest(self) -> NDArray[np.bool_]:
        """Trees (n) that stand in a forest condition."""
        return self.conditions.forest[self.trees.condition]

    def labels(self, column: str) -> tuple[list[str], Index, str]:
        """Values of a label, the index of each row's value, and the table that has it: trees, conditions or plots.

        Raises `UnknownName`.
        """
        for name, table in (
            ("trees", self.trees.table),
            ("conditions", self.conditions.table),
            ("plots", self.plots.table),
        ):
            if column in table.columns:
                values, index = coded(table[column])
                return values, index, name
        known = sorted({*self.trees.table.columns, *self.conditions.table.columns, *self.plots.table.columns})
        raise UnknownName(
            f"no column {column!r} to split by.", f"没有可供分组的列 {column!r}。", fix=f"known: {', '.join(known)}"
        )

    @classmethod
    def of(cls, tables: Mapping[str, pl.DataFrame]) -> Inventory:
        """Check and join. Raises `DeclarationError` where a table or column that is needed is missing."""
        for name in ("plots", "trees", "strata"):
            if name not in tables:
                raise DeclarationError(
                    f"the table {name} is missing.", f"缺少数据表 {name}。", fix=f"write {name}.csv / 补上 {name}.csv"
                )
        for name, table in tables.items():
            missing = set(REQUIRED.get(name, ())) - set(table.columns)
            if missing:
                raise DeclarationError(
                    f"the table {name} lacks {', '.join(sorted(missing))}.", f"数据表 {name} 缺少列 {'、'.join(sorted(missing))}。",
                    where=f"{name}.csv", fix="see the columns in the documentation / 按文档补齐列",
                )  # fmt: skip
        return _Joining(dict(tables)).inventory()


def read_inventory(folder: Path, text: Sequence[str] = ()) -> Inventory:
    """Read the tables of a folder (CSV, or Parquet of the same names). Identifiers and the columns `text` are read as text."""
    tables: dict[str, pl.DataFrame] = {}
    ids = {"plot": pl.String, "tree": pl.String, "stratum": pl.String, "unit": pl.String, "nest": pl.String,
           "condition": pl.String, "taxon": pl.String, "status": pl.String, **dict.fromkeys(text, pl.String)}  # fmt: skip
    for name in TABLES:
        parquet, plain = folder / f"{name}.parquet", folder / f"{name}.csv"
        if parquet.is_file():
            tables[name] = pl.read_parquet(parquet)
        elif plain.is_file():
            try:
                tables[name] = pl.read_csv(plain, schema_overrides=ids, infer_schema_length=None)
            except pl.exceptions.PolarsError as error:
                raise DeclarationError(
                    f"cannot be read as CSV: {str(error).splitlines()[0]}", f"不是可读的 CSV：{str(error).splitlines()[0]}",
                    where=plain.name, fix="UTF-8, comma-separated, one header line / 用 UTF-8、逗号分隔、一行表头",
                ) from None  # fmt: skip
    if not tables:
        raise DeclarationError(
            f"{folder} holds no inventory tables.",
            f"{folder} 里没有调查数据表。",
            fix=f"write {', '.join(f'{t}.csv' for t in TABLES[:3])}",
        )
    return Inventory.of(tables)


@lru_cache(maxsize=1)
def declaration() -> dict[str, Any]:
    """`inventory.toml` of the domain that declares it."""
    found = load_domains().declared("inventory")
    if len(found) != 1:
        raise DeclarationError(f"{len(found)} domains declare inventory; one is needed.")
    return found[0][1]


class _Joining:
    """The steps from tables to an inventory; each adds its findings."""

    def __init__(self, tables: dict[str, pl.DataFrame]) -> None:
        self.tables = tables
        self.rule = declaration()
        self.findings: list[Finding] = []

    def inventory(self) -> Inventory:
        plots, strata = self.tables["plots"], self._with_unit(self.tables["strata"])
        design = self._design(strata)
        stratum = self._stratum_of(self._with_unit(plots), strata)
        if design.census:
            self._whole(plots, stratum, strata)
        self.findings += check_plots(plots, stratum, self.rule)
        kept_plots, conditions = self._conditions(plots, stratum)
        plot_table = plots[kept_plots]
        whole, stratum = stratum, stratum[kept_plots]
        conditions, adjust = self._adjusted(conditions, stratum, strata)
        missing = np.setdiff1d(np.flatnonzero(whole >= 0), kept_plots)
        adjusted = np.any([factor > 1 + ROUNDING for factor in adjust.values()], axis=0)
        adjusted[whole[missing]] = True
        trees = self._trees(plots, kept_plots, plot_table, conditions, adjust, stratum)
        phase = None
        if "first_phase" in self.tables:
            table = self.tables["first_phase"]
            phase, wrong = first_phase(
                table, self._stratum_of(self._with_unit(table), strata), plots, whole, kept_plots
            )
            self.findings += wrong
        return Inventory(
            design,
            Plots(plot_table["plot"], stratum, plot_table, kept_plots),
            conditions,
            trees,
            tuple(self.findings),
            adjusted[stratum],
            plots[missing],
            phase,
        )

    def _with_unit(self, table: pl.DataFrame) -> pl.DataFrame:
        return table if "unit" in table.columns else table.with_columns(pl.lit("").alias("unit"))

    def _design(self, strata: pl.DataFrame) -> Design:
        names = strata["unit"].cast(pl.String).unique(maintain_order=True)
        unit = positions(strata["unit"].cast(pl.String), names)
        column = next((c for c in ("weight", "area_hm2", "points") if c in strata.columns), "")
        if not column:
            raise DeclarationError(
                "strata have neither weight, area_hm2 nor points.",
                "strata 表没有 weight、area_hm2 或 points。",
                where="strata.csv",
            )
        size = floats(strata, column)
        self.findings += said("strata", "negative_area", ~(size > 0), column, "> 0", "a stratum without area", "层没有面积",
                              fix="give a size above 0 / 填大于 0 的数")  # fmt: skip
        size = np.where(size > 0, size, 0.0)
        if column != "weight":
            sums = np.bincount(unit, weights=size)
            size = size / np.where(sums > 0, sums, 1.0)[unit]
        area = self._areas(names, strata, unit, column)
        labels = [
            f"{u}/{s}" if u else str(s)
            for u, s in zip(strata["unit"].cast(pl.String), strata["stratum"].cast(pl.String), strict=True)
        ]
        counted = (
            strata["census"].cast(pl.Boolean).fill_null(False) if "census" in strata.columns else pl.Series([False])
        )
        if counted.any() and not counted.all():
            raise DeclarationError(
                "some strata are a census, others a sample.", "有的层全查，有的层抽样。", where="strata.csv: census",
                fix="estimate them apart / 分开估计",
            )  # fmt: skip
        return Design(size, unit, area, tuple(labels), bool(counted.all()))

    def _whole(self, plots: pl.DataFrame, stratum: Index, strata: pl.DataFrame) -> None:
        """In a census each stratum is one plot, of its own area."""
        if (
            not {"area_hm2"} <= set(strata.columns)
            or "area_m2" not in plots.columns
            or {"nests", "conditions"} & set(self.tables)
        ):
            raise DeclarationError(
                "a census needs area_hm2 of strata and area_m2 of plots, and has no nests and conditions.",
                "全查须给出层的 area_hm2 与样地的 area_m2，不分样圆和地类。", where="strata.csv: census",
            )  # fmt: skip
        many = np.bincount(stratum[stratum >= 0], minlength=len(strata))
        self.findings += said("strata", "census_plots", many != 1, "census", "1", "a census is one plot of the whole stratum",
                              "全查的层应为一个样地", fix="one row of plots.csv per stratum / 每层在 plots.csv 一行")  # fmt: skip
        whole = floats(strata, "area_hm2")[np.maximum(stratum, 0)] * 1e4
        other = (stratum >= 0) & ~(np.abs(floats(plots, "area_m2") - whole) <= 1e-6 * whole)
        self.findings += said("plots", "census_area", other, "area_m2", "= area_hm2", "the plot of a census is not its whole stratum",
                              "全查样地的面积与层不符", fix="make both agree / 使二者一致")  # fmt: skip

    def _areas(self, names: pl.Series, strata: pl.DataFrame, unit: Index, column: str) -> Array:
        if "units" in self.tables:
            units = self.tables["units"]
            at = positions(names, units["unit"].cast(pl.String))
            lost = np.flatnonzero(at < 0)
            if lost.size:
                raise UnknownName(
                    f"units.csv has no unit {names[int(lost[0])]!r}.",
                    f"units.csv 没有估计单元 {names[int(lost[0])]!r}。",
                    where="units.csv",
                )
            return floats(units, "area_hm2")[at]
        if column == "area_hm2":
            return np.bincount(unit, weights=floats(strata, "area_hm2")).astype(np.float64)
        raise DeclarationError(
            "units.csv is missing, and strata give no area_hm2.",
            "缺少 units.csv，strata 表也没有 area_hm2。",
            where="units.csv",
        )

    def _stratum_of(self, plots: pl.DataFrame, strata: pl.DataFrame) -> Index:
        key = pl.concat_str([pl.col("unit").cast(pl.String), pl.col("stratum").cast(pl.String)], separator="\x1f")
        return positions(plots.select(key.alias("k"))["k"], strata.select(key.alias("k"))["k"])

    def _conditions(self, plots: pl.DataFrame, stratum: Index) -> tuple[Index, Conditions]:
        """Plots with any sampled part (and a stratum), and the conditions on them; `plot` indexes the kept plots."""
        known = stratum >= 0
        if "conditions" not in self.tables:
            kept = np.flatnonzero(known)
            table = plots[kept].select("plot").with_columns(pl.lit("1").alias("condition"))
            return kept, Conditions(np.arange(len(kept)), np.ones(len(kept), dtype=bool), np.ones(len(kept)), table)
        table = self.tables["conditions"]
        status = words(table["status"], self.rule["words"], ("forest", "other", "not_sampled"))
        plot = positions(table["plot"], plots["plot"])
        self.findings += check_conditions(table, plot, status)
        sampled = (status >= 0) & (status < 2) & (plot >= 0)
        usable = sampled & known[np.maximum(plot, 0)]
        kept = np.unique(plot[usable])
        place = np.full(len(plots), -1, dtype=np.int64)
        place[kept] = np.arange(len(kept))
        proportion = floats(table, "proportion")[usable]
        return kept, Conditions(place[plot[usable]], status[usable] == 0, proportion, table.filter(pl.Series(usable)))

    def _adjusted(
        self, conditions: Conditions, stratum: Index, strata: pl.DataFrame
    ) -> tuple[Conditions, dict[str, Array]]:
        """Adjustment for non-response by stratum, one per plot size; '' is that of the area."""
        many = np.bincount(stratum, minlength=len(strata)).astype(np.float64)
        adjust: dict[str, Array] = {}
        sizes = {"": "proportion"} | {
            c.removeprefix("sampled_"): c for c in conditions.table.columns if c.startswith("sampled_")
        }
        method = load_domains().registry["forest.nonresponse_adjustment@gtr80"]
        for nest, column in sizes.items():
            stored = f"adjust_{nest}" if nest else "adjust"
            if stored in strata.columns:
                adjust[nest] = floats(strata, stored)
                continue
            part = conditions.proportion if not nest else np.nan_to_num(floats(conditions.table, column))
            sums = np.bincount(stratum[conditions.plot], weights=part, minlength=len(strata))
            adjust[nest] = np.asarray(method(many, sums))
        for column in strata.columns:
            if column.startswith("adjust_"):
                adjust.setdefault(column.removeprefix("adjust_"), floats(strata, column))
        area = adjust[""][stratum[conditions.plot]]
        made = Conditions(conditions.plot, conditions.forest, conditions.proportion * area, conditions.table)
        return made, adjust

    def _trees(
        self, plots: pl.DataFrame, kept: Index, plot_table: pl.DataFrame, conditions: Conditions,
        adjust: dict[str, Array], stratum: Index,
    ) -> Trees:  # fmt: skip
        table = self.tables["trees"]
        anywhere = positions(table["plot"], plots["plot"])
        self.findings += check_trees(table, anywhere, self.rule)
        place = np.full(len(plots) + 1, -1, dtype=np.int64)
        place[kept] = np.arange(len(kept))
        plot = place[anywhere]
        condition = self._condition_of(table, plot, conditions)
        on = (plot >= 0) & (condition >= 0)
        if not on.all():
            table, plot, condition = table.filter(pl.Series(on)), plot[on], condition[on]
        expansion = self._expansion(table, plot, plot_table)
        expansion = expansion * self._tree_adjust(table, plot, adjust, stratum)
        live = np.ones(len(table), dtype=bool)
        if "status" in table.columns:
            status = words(table["status"], self.rule["words"], ("live", "dead", "gone"))
            self.findings += said("trees", "unknown_status", status < 0, "status", "", "a status nobody declares", "status 不在规定的词里",
                                  fix="live, dead or removed / 填 活、死 或 伐")  # fmt: skip
            live = status == 0
        d = floats(table, "d_cm")
        h = floats(table, "h_m") if "h_m" in table.columns else np.full(len(d), np.nan)
        return Trees(plot, condition, expansion, live, d, h, table)

    def _condition_of(self, table: pl.DataFrame, plot: Index, conditions: Conditions) -> Index:
        if "conditions" not in self.tables:
            return plot
        if "condition" not in table.columns:
            raise DeclarationError(
                "trees have no column condition although conditions are given.",
                "有 conditions 表，而 trees 没有 condition 列。",
                where="trees.csv",
            )
        of = (
            conditions.table["condition"]
            .cast(pl.String)
            .to_frame("c")
            .with_columns(pl.Series("p", conditions.plot))
            .with_row_index("i")
            .unique(["p", "c"], keep="first")
        )
        asked = table["condition"].cast(pl.String).to_frame("c").with_columns(pl.Series("p", plot))
        found = asked.join(of, on=["p", "c"], how="left", maintain_order="left")["i"]
        return found.cast(pl.Int64).fill_null(-1).to_numpy()

    def _expansion(self, table: pl.DataFrame, plot: Index, plot_table: pl.DataFrame) -> Array:
        """Trees per hm2 that each tree stands for: as given, or from the area of its nest or plot on its slope."""
        if "expansion" in table.columns:
            return floats(table, "expansion")
        registry = load_domains().registry
        if "nests" not in self.tables:
            if "area_m2" not in plot_table.columns:
                raise DeclarationError(
                    "no expansion, no nests and no area_m2 of plots.",
                    "没有 expansion 列，没有 nests 表，样地也没有 area_m2。",
                    where="plots.csv",
                )
            return np.asarray(registry["forest.expansion@area"](floats(plot_table, "area_m2")))[plot]
        nests = self.tables["nests"]
        at = positions(table["nest"].cast(pl.String), nests["nest"].cast(pl.String))
        self.findings += said("trees", "unknown_nest", at < 0, "nest", "", "a nest that nests.csv does not have", "nests.csv 里没有这个样圆",
                              fix="add the nest / 补上样圆")  # fmt: skip
        at = np.maximum(at, 0)
        if "area_m2" in nests.columns:
            area = floats(nests, "area_m2")[at]
        else:
            slope = np.zeros(len(plot_table))
            if "slope_deg" in plot_table.columns:
                slope = np.nan_to_num(floats(plot_table, "slope_deg"))
            along = (
                nests["along_slope"].cast(pl.Boolean).to_numpy()[at]
                if "along_slope" in nests.columns
                else np.ones(len(at), dtype=bool)
            )
            radius = floats(nests, "radius_m")[at]
            area = np.asarray(registry["forest.plot_area@ellipse"](radius, np.where(along, slope[plot], 0.0)))
        return np.asarray(registry["forest.expansion@area"](area))

    def _tree_adjust(self, table: pl.DataFrame, plot: Index, adjust: dict[str, Array], stratum: Index) -> Array:
        of_plot = stratum[plot]
        if "nest" not in table.columns or len(adjust) == 1:
            return adjust[""][of_plot]
        names = list(adjust)
        nest = positions(table["nest"].cast(pl.String), pl.Series(names))
        return np.stack([adjust[n] for n in names])[np.maximum(nest, 0), of_plot]
