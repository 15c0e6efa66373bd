"""Forest inventories of Wyoming and Rhode Island beside their published rows: ours, published, relative difference.

    python -m benchmarks.forest_published [FOLDER]      # FOLDER: shared/data/forest; exit 1 where a row does not hold

Data: USDA Forest Service FIA (Wyoming: published totals of `fia_wyoming`; Rhode Island, evaluation 441801: `fia_rhode_island/published_2018.csv`,
whose figures are printed to four decimals). A total holds within 1e-6 relative or half a unit of its last printed digit, whichever is more;
a standard error within half a unit of its last printed digit.
"""

from __future__ import annotations

import csv
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from qingshan.observe.estimate import Estimate, post_stratified, ratio
from qingshan.observe.inventory import Inventory

__all__ = ["ACRE", "FOOT2", "Compared", "fia", "rhode_island", "rhode_island_rows", "wyoming", "wyoming_rows"]

ACRE = 0.40468564224  # hm2 in an international acre
FOOT2 = 0.005454154  # ft2 of basal area per square inch of diameter
EVALUATION = "441801"
RELATIVE = 1e-6


@dataclass(frozen=True)
class Compared:
    """One published figure, as text so that its digits count, and ours; `error` where it is a standard error in per cent."""

    name: str
    unit: str
    ours: float
    published: str
    error: bool = False

    @property
    def relative(self) -> float:
        return self.ours / float(self.published) - 1

    @property
    def limit(self) -> float:
        """The largest absolute difference that holds."""
        half = 0.5 * 10.0 ** -len(self.published.partition(".")[2])
        return half if self.error else max(half, RELATIVE * abs(float(self.published)))

    @property
    def holds(self) -> bool:
        return abs(self.ours - float(self.published)) <= self.limit


def fia(folder: Path, name: str) -> pl.DataFrame:
    """Every column as text. FIA codes come as 1 or 1.0."""
    return pl.read_csv(folder / f"{name}.csv", infer_schema_length=0)


def number(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Float64, strict=False)


def code(column: str) -> pl.Expr:
    return number(column).cast(pl.Int64).cast(pl.String)


def trees_of(table: pl.DataFrame) -> pl.DataFrame:
    measured = table.filter(number("TPA_UNADJ").is_not_null() & number("DIA").is_not_null())
    return measured.select(
        plot=pl.col("PLT_CN"), tree=pl.concat_str([code("SUBP"), code("TREE")], separator="-"), condition=code("CONDID"),
        taxon=code("SPCD"), d_cm=number("DIA") * 2.54, status=code("STATUSCD"), expansion=number("TPA_UNADJ") / ACRE,
        nest=pl.when(number("DIA") < 5).then(pl.lit("micro")).otherwise(pl.lit("sub")), dia=number("DIA"),
    )  # fmt: skip


def conditions_of(table: pl.DataFrame, *labels: str) -> pl.DataFrame:
    return table.select(
        *labels, plot=pl.col("PLT_CN"), condition=code("CONDID"), status=code("COND_STATUS_CD"), proportion=number("CONDPROP_UNADJ"),
        sampled_micro=number("MICRPROP_UNADJ"), sampled_sub=number("SUBPPROP_UNADJ"),
    )  # fmt: skip


def wyoming(folder: Path) -> Inventory:
    """The inventory of `fia_wyoming`; what was not sampled is made up for from the sampled proportions."""
    strata = fia(folder, "WYstratalut").select(
        unit=code("ESTN_UNIT"), stratum=code("STRATUMCD"), points=number("P1POINTCNT")
    )
    units = fia(folder, "WYunitarea").select(unit=code("ESTN_UNIT"), area_hm2=number("ACRES") * ACRE)
    plots = fia(folder, "WYpltassgn").select(plot="CN", unit=code("ESTN_UNIT"), stratum=code("STRATUMCD"))
    return Inventory.of({
        "plots": plots, "trees": trees_of(fia(folder, "WYtree")), "strata": strata, "units": units,
        "conditions": conditions_of(fia(folder, "WYcond"), "FORTYPGRPCD"),
    })  # fmt: skip


def rhode_island(folder: Path) -> Inventory:
    """The inventory of `fia_rhode_island`, evaluation 441801, with the adjustment factors that its strata store."""
    chosen = pl.col("EVALID") == EVALUATION
    strata = fia(folder, "POP_STRATUM").filter(chosen).select(
        unit=code("ESTN_UNIT"), stratum=code("STRATUMCD"), points=number("P1POINTCNT"), adjust=number("ADJ_FACTOR_SUBP"),
        adjust_micro=number("ADJ_FACTOR_MICR"), adjust_sub=number("ADJ_FACTOR_SUBP"),
    )  # fmt: skip
    units = fia(folder, "POP_ESTN_UNIT").filter(chosen).select(
        unit=code("ESTN_UNIT"), area_hm2=number("AREA_USED") * ACRE
    )  # fmt: skip
    plots = fia(folder, "POP_PLOT_STRATUM_ASSGN").filter(chosen).select(
        plot="PLT_CN", unit=code("ESTN_UNIT"), stratum=code("STRATUMCD")
    )  # fmt: skip
    trees = trees_of(fia(folder, "TREE")).join(plots.select("plot"), on="plot", how="semi")
    conditions = conditions_of(fia(folder, "COND")).join(plots.select("plot"), on="plot", how="semi")
    return Inventory.of({"plots": plots, "trees": trees, "strata": strata, "units": units, "conditions": conditions})


def wyoming_rows(inventory: Inventory) -> list[Compared]:
    """Area of forest and live trees on it."""
    live = inventory.per_plot(trees=inventory.trees.live & inventory.on_forest)
    area, trees = post_stratified(np.stack([inventory.area_share(), live]), inventory.plots.stratum, inventory.design)
    return [
        Compared("Wyoming, forest area", "acre", area.value / ACRE, "10455771.5"),
        Compared("Wyoming, forest area, SE", "%", area.relative_se * 100, "2.37", error=True),
        Compared("Wyoming, live trees", "trees", trees.value, "4319194632.3"),
        Compared("Wyoming, live trees, SE", "%", trees.relative_se * 100, "4.83", error=True),
    ]


def rhode_island_rows(inventory: Inventory, folder: Path) -> list[Compared]:
    """Live trees and basal area per acre of forest, and the plots that carry them."""
    with (folder / "published_2018.csv").open(encoding="utf-8", newline="") as stream:
        row = next(csv.DictReader(stream))
    forest, live = inventory.area_share(), inventory.trees.live & inventory.on_forest
    basal = FOOT2 * inventory.trees.table["dia"].to_numpy() ** 2
    made = []
    for name, value, unit in (("TPA", None, "trees/acre"), ("BAA", basal, "ft2/acre")):
        got: Estimate = ratio(inventory.per_plot(value, live), forest, inventory.plots.stratum, inventory.design)
        made += [
            Compared(f"Rhode Island, {name}", unit, got.value * ACRE, row[f"recomputed_{name}"]),
            Compared(f"Rhode Island, {name}, SE", "%", got.relative_se * 100, row[f"recomputed_{name}_SE"], error=True),
            Compared(f"Rhode Island, {name}, printed", unit, got.value * ACRE, row[name]),
            Compared(f"Rhode Island, {name}, SE, printed", "%", got.relative_se * 100, row[f"{name}_SE"], error=True),
        ]
    made.append(
        Compared("Rhode Island, plots with forest", "plots", float((forest > 0).sum()), row["nPlots_AREA"], error=True)
    )
    with_trees = float((inventory.per_plot(trees=live) > 0).sum())
    made.append(Compared("Rhode Island, plots with live trees", "plots", with_trees, row["nPlots_TREE"], error=True))
    return made


def main(arguments: list[str]) -> int:
    shared = Path(os.environ.get("QINGSHAN_SHARED", Path(__file__).resolve().parents[1] / ".." / "shared"))
    folder = Path(arguments[0]) if arguments else shared / "data/forest"
    west, east = folder / "fia_wyoming", folder / "fia_rhode_island"
    if not (west.is_dir() and east.is_dir()):
        print(f"{folder} has no fia_wyoming and fia_rhode_island / 没有这两个目录", file=sys.stderr)
        return 2
    rows = [*wyoming_rows(wyoming(west)), *rhode_island_rows(rhode_island(east), east)]
    print(f"{'':38} {'ours':>18} | {'published':>14} | {'relative difference':>19}")
    for r in rows:
        print(
            f"{r.name:38} {r.ours:>18.6f} | {r.published:>14} | {r.relative:>19.2e}  {r.unit}{'' if r.holds else '  DIFFERS'}"
        )
    return 0 if all(r.holds for r in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
