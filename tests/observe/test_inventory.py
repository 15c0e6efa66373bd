"""Inventories: published rows of the USDA Forest Service, joining and adjustment by hand, and what is refused."""

import numpy as np
import polars as pl
import pytest
from benchmarks import forest_published as published

from qingshan.core.errors import DeclarationError, UnknownName
from qingshan.observe.allometry import Rule
from qingshan.observe.carbon import Uncertain, forest_estimate
from qingshan.observe.estimate import TooFewPlots, post_stratified
from qingshan.observe.inventory import FaultyInventory, Inventory, read_inventory


@pytest.fixture(scope="module")
def wyoming(outside) -> Inventory:
    return published.wyoming(outside("data/forest/fia_wyoming"))


def test_for_16_wyoming(wyoming):
    """Totals to 1e-6 relative, SE to the printed digits."""
    assert [f for f in wyoming.findings if f.level == "error"] == []
    area, area_se, trees, trees_se = published.wyoming_rows(wyoming)
    assert area.ours == pytest.approx(10_455_771.5, rel=1e-6)
    assert area_se.ours == pytest.approx(2.37, abs=0.005)
    assert trees.ours == pytest.approx(4_319_194_632.3, rel=1e-6)
    assert trees_se.ours == pytest.approx(4.83, abs=0.005)


def test_for_17_rhode_island(outside):
    """The row is printed to four decimals: all of them, which is within 1e-6 relative of the totals."""
    folder = outside("data/forest/fia_rhode_island")
    found = {r.name: r.ours for r in published.rhode_island_rows(published.rhode_island(folder), folder)}
    for name, value, error in (("TPA", 426.7119, 6.6315), ("BAA", 122.1178, 3.0571)):
        assert found[f"Rhode Island, {name}"] == pytest.approx(value, rel=0, abs=0.5e-4)
        assert found[f"Rhode Island, {name}"] == pytest.approx(value, rel=1e-6)
        assert found[f"Rhode Island, {name}, SE"] == pytest.approx(error, rel=0, abs=0.5e-4)
    assert found["Rhode Island, plots with forest"] == 127 and found["Rhode Island, plots with live trees"] == 126


def test_the_recipe_prints_ours_beside_the_published(outside, capsys):
    folder = outside("data/forest/fia_rhode_island").parent
    assert published.main([str(folder)]) == 0
    said = capsys.readouterr().out
    assert "426.711934 |       426.7119" in said and "DIFFERS" not in said and len(said.splitlines()) == 15
    assert published.main([str(folder / "nothing")]) == 2
    near, far = (
        published.Compared("x", "%", 2.374, "2.37", error=True),
        published.Compared("x", "%", 2.376, "2.37", error=True),
    )
    assert near.holds and not far.holds and not published.Compared("x", "t", 4_319_198_952.0, "4319194632.3").holds


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


@pytest.mark.parametrize(("scale", "refused"), [(10, True), (1, False)])
def test_small_trees_in_millimetres_are_told_by_their_heights(scale, refused):
    """5 to 12 cm and 5 to 9 m: as 50 to 120 every diameter could be centimetres, but 0.08 m of height a cm could not be a tree's."""
    made = tables()
    made["trees"] = made["trees"].with_columns(
        d_cm=pl.Series([5.0 * scale, 8.0 * scale, 12.0 * scale]), h_m=pl.Series([5.0, 6.5, 9.0])
    )
    found = [f for f in Inventory.of(made).findings if f.level == "error"]
    assert [f.code for f in found] == (["diameter_unit"] if refused else [])


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
