"""Inventories: published rows of the USDA Forest Service, joining and adjustment by hand, and what is refused."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from qingshan.core.errors import DeclarationError, UnknownName
from qingshan.observe.allometry import Rule
from qingshan.observe.carbon import Uncertain, forest_estimate
from qingshan.observe.estimate import TooFewPlots, post_stratified, ratio
from qingshan.observe.inventory import FaultyInventory, Inventory, read_inventory

ACRE = 0.40468564224  # hm2 in an international acre
FOOT2 = 0.005454154  # ft2 of basal area per square inch of diameter


def fia(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_csv(folder / f"{name}.csv", infer_schema_length=0)


def number(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Float64, strict=False)


def code(column: str) -> pl.Expr:
    """FIA codes come as 1 or 1.0."""
    return number(column).cast(pl.Int64).cast(pl.String)


def trees_of(table: pl.DataFrame) -> pl.DataFrame:
    return table.select(
        plot=pl.col("PLT_CN"), tree=pl.concat_str([code("SUBP"), code("TREE")], separator="-"), condition=code("CONDID"),
        taxon=code("SPCD"), d_cm=number("DIA") * 2.54, status=code("STATUSCD"), expansion=number("TPA_UNADJ") / ACRE,
        nest=pl.when(number("DIA") < 5).then(pl.lit("micro")).otherwise(pl.lit("sub")), dia=number("DIA"),
    )  # fmt: skip


def conditions_of(table: pl.DataFrame, *labels: str) -> pl.DataFrame:
    return table.select(
        *labels, plot=pl.col("PLT_CN"), condition=code("CONDID"), status=code("COND_STATUS_CD"), proportion=number("CONDPROP_UNADJ"),
        sampled_micro=number("MICRPROP_UNADJ"), sampled_sub=number("SUBPPROP_UNADJ"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def wyoming(outside) -> Inventory:
    folder = outside("data/forest/fia_wyoming")
    trees = trees_of(fia(folder, "WYtree").filter(number("TPA_UNADJ").is_not_null() & number("DIA").is_not_null()))
    strata = fia(folder, "WYstratalut").select(
        unit=code("ESTN_UNIT"), stratum=code("STRATUMCD"), points=number("P1POINTCNT")
    )
    units = fia(folder, "WYunitarea").select(unit=code("ESTN_UNIT"), area_hm2=number("ACRES") * ACRE)
    plots = fia(folder, "WYpltassgn").select(plot="CN", unit=code("ESTN_UNIT"), stratum=code("STRATUMCD"))
    conditions = conditions_of(fia(folder, "WYcond"), "FORTYPGRPCD")
    return Inventory.of({"plots": plots, "trees": trees, "strata": strata, "units": units, "conditions": conditions})


@pytest.fixture(scope="module")
def rhode_island(outside) -> Inventory:
    folder = outside("data/forest/fia_rhode_island")
    strata = fia(folder, "POP_STRATUM").filter(pl.col("EVALID") == "441801").select(
        unit=code("ESTN_UNIT"), stratum=code("STRATUMCD"), points=number("P1POINTCNT"), adjust=number("ADJ_FACTOR_SUBP"),
        adjust_micro=number("ADJ_FACTOR_MICR"), adjust_sub=number("ADJ_FACTOR_SUBP"),
    )  # fmt: skip
    units = fia(folder, "POP_ESTN_UNIT").filter(pl.col("EVALID") == "441801").select(
        unit=code("ESTN_UNIT"), area_hm2=number("AREA_USED") * ACRE
    )  # fmt: skip
    plots = fia(folder, "POP_PLOT_STRATUM_ASSGN").filter(pl.col("EVALID") == "441801").select(
        plot="PLT_CN", unit=code("ESTN_UNIT"), stratum=code("STRATUMCD")
    )  # fmt: skip
    trees = trees_of(fia(folder, "TREE").filter(number("TPA_UNADJ").is_not_null() & number("DIA").is_not_null()))
    trees = trees.join(plots.select("plot"), on="plot", how="semi")
    conditions = conditions_of(fia(folder, "COND")).join(plots.select("plot"), on="plot", how="semi")
    return Inventory.of({"plots": plots, "trees": trees, "strata": strata, "units": units, "conditions": conditions})


def test_for_16_wyoming(wyoming):
    assert [f for f in wyoming.findings if f.level == "error"] == []
    forest = wyoming.area_share()
    live = wyoming.per_plot(trees=wyoming.trees.live & wyoming.on_forest)
    area, trees = post_stratified(np.stack([forest, live]), wyoming.plots.stratum, wyoming.design)
    assert area.value / ACRE == pytest.approx(10_455_771.5, rel=1e-6)
    assert area.relative_se * 100 == pytest.approx(2.37, abs=0.005)
    assert trees.value == pytest.approx(4_319_194_632.3, rel=1e-6)
    assert trees.relative_se * 100 == pytest.approx(4.83, abs=0.005)


def test_for_17_rhode_island(rhode_island):
    forest = rhode_island.area_share()
    picked = rhode_island.trees.live & rhode_island.on_forest
    basal = FOOT2 * rhode_island.trees.table["dia"].to_numpy() ** 2
    found = {}
    for name, value in (("TPA", None), ("BAA", basal)):
        found[name] = ratio(
            rhode_island.per_plot(value, picked), forest, rhode_island.plots.stratum, rhode_island.design
        )
    assert found["TPA"].value * ACRE == pytest.approx(426.7119, rel=1e-4) == pytest.approx(427, abs=0.5)
    assert found["BAA"].value * ACRE == pytest.approx(122.1178, rel=1e-4) == pytest.approx(122, abs=0.5)
    assert found["TPA"].relative_se * 100 == pytest.approx(6.6315, abs=1e-4)
    assert found["BAA"].relative_se * 100 == pytest.approx(3.0571, abs=1e-4)
    assert int((forest > 0).sum()) == 127 and int((rhode_island.per_plot(trees=picked) > 0).sum()) == 126


def test_domains_of_a_published_total_add_up_to_it(wyoming):
    kinds, index, table = wyoming.labels("FORTYPGRPCD")
    assert table == "conditions" and len(kinds) > 5
    parts = [wyoming.area_share(wyoming.conditions.forest & (index == i)) for i in range(len(kinds))]
    whole = post_stratified(wyoming.area_share(), wyoming.plots.stratum, wyoming.design)[0]
    split = post_stratified(np.stack(parts), wyoming.plots.stratum, wyoming.design)
    assert sum(s.value for s in split) == pytest.approx(whole.value, rel=1e-12)
    assert all(s.se <= whole.se * 1.5 for s in split)
    with pytest.raises(UnknownName, match="no column"):
        wyoming.labels("colour")


def tables(**changed):
    """Two strata of two plots of 500 m2, one tree each but the last plot, which has none."""
    made = {
        "plots": pl.DataFrame({"plot": ["a", "b", "c", "d"], "stratum": ["1", "1", "2", "2"], "area_m2": [500.0] * 4}),
        "trees": pl.DataFrame({"plot": ["a", "b", "c"], "tree": ["1", "1", "1"], "taxon": ["马尾松"] * 3, "d_cm": [20.0, 30, 10], "h_m": [15.0, 20, 8]}),
        "strata": pl.DataFrame({"stratum": ["1", "2"], "area_hm2": [60.0, 40.0]}),
    }  # fmt: skip
    return made | changed


def with_column(name, column, values):
    return tables(**{name: tables()[name].with_columns(pl.Series(column, values))})


def test_plots_without_trees_are_zeros():
    inventory = Inventory.of(tables()).used()
    assert inventory.per_plot().tolist() == [20, 20, 20, 0]  # 10 000/500 trees per hm2
    (got,) = post_stratified(inventory.per_plot(), inventory.plots.stratum, inventory.design)
    assert got.value == pytest.approx(60 * 20 + 40 * 10) and got.plots == 4


def test_nests_on_a_slope():
    nests = pl.DataFrame({"nest": ["big", "small"], "radius_m": [20.0, 4.0], "along_slope": [True, False]})
    made = with_column("trees", "nest", ["big", "small", "big"])
    made["plots"] = made["plots"].with_columns(slope_deg=pl.Series([25.0, 25, 0, 0]))
    inventory = Inventory.of(made | {"nests": nests})
    # pi 400 cos 25 = 1138.9 m2 on the slope, pi 16 where laid out flat, pi 400 on the level
    assert inventory.trees.expansion == pytest.approx([1e4 / 1138.9, 198.94, 7.9577], rel=1e-4)


def test_what_was_not_sampled_is_made_up_for_within_the_stratum():
    conditions = pl.DataFrame({
        "plot": ["a", "a", "b", "c", "d"], "condition": ["1", "2", "1", "1", "1"],
        "status": ["林地", "未调查", "林地", "林地", "非林地"], "proportion": [0.5, 0.5, 1.0, 1.0, 1.0],
    })  # fmt: skip
    made = with_column("trees", "condition", ["1", "1", "1"]) | {"conditions": conditions}
    inventory = Inventory.of(made).used()
    # stratum 1: two plots, 1.5 of them sampled: 4/3
    assert inventory.per_plot().tolist() == pytest.approx([20 * 4 / 3, 20 * 4 / 3, 20, 0])
    assert inventory.area_share().tolist() == pytest.approx([2 / 3, 4 / 3, 1, 0])


def test_a_condition_twice_is_an_error_and_no_tree_is_doubled():
    conditions = pl.DataFrame(
        {"plot": ["a", "a", "b", "c", "d"], "condition": ["1"] * 5, "status": ["1"] * 5, "proportion": [0.5] * 5}
    )
    inventory = Inventory.of(with_column("trees", "condition", ["1", "1", "1"]) | {"conditions": conditions})
    assert {f.code for f in inventory.findings} == {"duplicate_condition"} and len(inventory.trees.plot) == 3


def test_an_inventory_without_trees_is_zero():
    inventory = Inventory.of(tables(trees=tables()["trees"].clear())).used()
    got = forest_estimate(inventory, Rule(("anhui2016",), unit_assumed=True), draws=5, uncertain=Uncertain(0.1, 0.01))
    assert got.figure("trees").value == 0 and got.figure("area").value == 100 and got.simulation.se == 0


def test_a_plot_not_sampled_at_all_leaves_the_sample():
    conditions = pl.DataFrame({
        "plot": ["a", "b", "c", "d"], "condition": ["1"] * 4, "status": ["1", "5", "1", "2"], "proportion": [1.0] * 4
    })  # fmt: skip
    inventory = Inventory.of(with_column("trees", "condition", ["1", "1", "1"]) | {"conditions": conditions})
    assert inventory.plots.id.to_list() == ["a", "c", "d"] and len(inventory.trees.plot) == 2
    with pytest.raises(TooFewPlots, match=r"1 \(1\)"):
        post_stratified(inventory.per_plot(), inventory.plots.stratum, inventory.design)


@pytest.mark.parametrize(
    ("table", "column", "values", "code"),
    [
        ("trees", "d_cm", [200.0, 300, 100], "diameter_unit"),  # millimetres
        ("trees", "d_cm", [20.0, -3, 10], "diameter"),
        ("trees", "d_cm", [20.0, None, 10], "diameter"),
        ("trees", "d_cm", ["20", "thirty", "10"], "diameter"),
        ("trees", "status", ["live", "sleeping", "2"], "unknown_status"),
        ("trees", "h_m", [15.0, 2000, 8], "height"),
        ("trees", "plot", ["a", "a", "c"], "duplicate_tree"),
        ("trees", "plot", ["a", "b", "x"], "unknown_plot"),
        ("trees", "taxon", ["马尾松", "", "马尾松"], "no_taxon"),
        ("plots", "stratum", ["1", "1", "2", "9"], "plot_outside_strata"),
        ("plots", "plot", ["a", "b", "c", "c"], "duplicate_plot"),
        ("plots", "area_m2", [500.0, 500, -500, 500], "negative_area"),
        ("strata", "area_hm2", [60.0, 0.0], "negative_area"),
    ],
)
def test_bad_rows_are_named_and_nothing_is_estimated(table, column, values, code):
    inventory = Inventory.of(with_column(table, column, values))
    found = [f for f in inventory.findings if f.level == "error"]
    assert code in {f.code for f in found} and all(f.file.startswith(table) or f.code == "unknown_plot" for f in found)
    assert all(f.zh != f.en and f.fix for f in found)
    with pytest.raises(FaultyInventory):
        inventory.used()


def test_the_row_number_is_that_of_the_file():
    (found,) = Inventory.of(with_column("trees", "d_cm", [20.0, 30, 1000])).findings[:1]
    assert (found.file, found.row, found.field, found.limit) == ("trees.csv", 4, "d_cm", "0-300 cm")


def test_many_wrong_rows_are_counted_not_listed():
    made = tables()
    made["trees"] = pl.concat([made["trees"].with_columns(plot=pl.lit(f"x{i}")) for i in range(40)])
    found = [f for f in Inventory.of(made).findings if f.code == "unknown_plot"]
    assert len(found) == 6 and "115 more" in found[-1].en


def test_missing_tables_and_columns_are_errors():
    with pytest.raises(DeclarationError, match="plots is missing"):
        Inventory.of({"trees": tables()["trees"]})
    with pytest.raises(DeclarationError, match="lacks taxon"):
        Inventory.of(tables(trees=tables()["trees"].drop("taxon")))
    with pytest.raises(DeclarationError, match="area_m2"):
        Inventory.of(tables(plots=tables()["plots"].drop("area_m2")))


def test_whole_number_identifiers_do_as_well_and_order_does_not_matter():
    made = tables()
    plain = Inventory.of(made).per_plot()
    names = {"a": 11, "b": 12, "c": 13, "d": 14}
    numbered = {
        k: t.with_columns(plot=t["plot"].replace_strict(names)) if "plot" in t.columns else t for k, t in made.items()
    }
    numbered["trees"] = numbered["trees"].reverse()
    assert Inventory.of(numbered).per_plot().tolist() == plain.tolist()


def test_a_folder_is_read(tmp_path):
    for name, table in tables().items():
        table.write_csv(tmp_path / f"{name}.csv")
    assert read_inventory(tmp_path).per_plot().tolist() == [20, 20, 20, 0]
    with pytest.raises(DeclarationError, match="no inventory"):
        read_inventory(tmp_path / "nowhere")


def test_a_systematic_grid_by_hand():
    """Plots in one row of a grid: trees per hm2 20, 20, 20, 0; V = sum d^2 / (2 n (n - 1)) = 400/24; 100 hm2."""
    made = tables()
    made["plots"] = made["plots"].with_columns(grid_row=pl.Series([1, 1, 1, 1]), grid_column=pl.Series([1, 2, 3, 4]))
    got = forest_estimate(Inventory.of(made), Rule(("anhui2016",), unit_assumed=True), grid=True)
    trees = next(f.estimate for f in got.grid if f.variable == "trees")
    assert trees.value == 100 * 15 and trees.variance == pytest.approx(100**2 * 400 / 24) and trees.df == 3
    assert [f.variable for f in got.grid] == ["area", "trees", "biomass", "carbon", "co2"]
    assert got.record()["systematic"][1]["value"] == 1500
    with pytest.raises(UnknownName, match="grid_row"):
        forest_estimate(Inventory.of(tables()), Rule(("anhui2016",), unit_assumed=True), grid=True)
