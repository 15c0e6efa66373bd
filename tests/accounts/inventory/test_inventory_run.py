"""Estimates of inventories as sealed runs, on a tiny inventory whose figures are worked out here by hand."""

import json
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from qingshan.accounts.inventory import (
    ForestRun,
    InventorySettings,
    forest_run,
    load_inventory,
    plot_trees,
    seal_inventories,
)
from qingshan.accounts.inventory import trees as plot_pages
from qingshan.accounts.run import latest_runs, open_run
from qingshan.accounts.verify import verify
from qingshan.core.errors import DeclarationError, UnknownName
from qingshan.faces.cli import main
from qingshan.observe.allometry import Rule
from qingshan.observe.carbon import forest_estimate
from qingshan.observe.inventory import FaultyInventory, read_inventory
from qingshan.zone.zone import Zone, open_zone

from ..conftest import EAST, ROOT, WEST

AREA = {"a": 100.0, "b": 300.0}  # hm2
DIAMETERS = {"1": [20.0], "2": [24.0], "3": [], "4": [10.0, 12.0], "5": [14.0]}  # cm, height 10 m
STRATUM = {"1": "a", "2": "a", "3": "b", "4": "b", "5": "b"}
PLACE = {"1": EAST, "2": EAST, "3": EAST, "4": WEST, "5": WEST}
PLOT_M2 = 500.0
T95_3 = 3.182446305284263  # two-sided 95 %, 3 degrees of freedom (any table of Student's t)


def tree_kg(d: float) -> float:
    """Whole-tree biomass of Pinus massoniana, Ji et al. 2016 table 1: stem, branch, leaf and root, H = 10 m."""
    rows = ((0.0337, 0.9551), (0.036, 0.7948), (0.0016, 1.1007), (0.015, 0.8322))
    return sum(a * (d * d * 10.0) ** b for a, b in rows)


def tables(
    folder: Path, grown: float = 0.0, plots: tuple[str, ...] = tuple(DIAMETERS), taxon: str = "Pinus massoniana"
) -> Path:
    folder.mkdir()
    (folder / "strata.csv").write_text("stratum,area_hm2\n" + "".join(f"{s},{a}\n" for s, a in AREA.items()))
    (folder / "plots.csv").write_text(
        "plot,stratum,area_m2,place,age_class\n"
        + "".join(f"{p},{STRATUM[p]},{PLOT_M2},{PLACE[p]},{1 if p < '3' else 2}\n" for p in plots)
    )
    trees = [(p, n, d + grown) for p in plots for n, d in enumerate(DIAMETERS[p], 1)]
    (folder / "trees.csv").write_text(
        "plot,tree,taxon,d_cm,h_m\n" + "".join(f"{p},{n},{taxon},{d},10\n" for p, n, d in trees)
    )
    return folder


def settings(period: str, **more: object) -> InventorySettings:
    kept: dict[str, object] = {
        "id": f"plots{period}", "period": period, "source": "an invented survey", "sets": ("anhui2016",), "allow_unit_assumed": True, "confidence": 0.95,
        "by": ("age_class",),
        "place_column": "place", "synthetic": True,
    }  # fmt: skip
    return InventorySettings(**kept | more)  # type: ignore[arg-type]


def by_hand(value: dict[str, float]) -> tuple[float, float]:
    """Post-stratified total and its variance (Bechtold & Patterson 2005, chapter 4) of values per hm2 by plot."""
    total, whole, n = 0.0, sum(AREA.values()), len(value)
    first = second = 0.0
    for s, area in AREA.items():
        mine = [v for p, v in value.items() if STRATUM[p] == s]
        mean, w = sum(mine) / len(mine), area / whole
        v = sum((x - mean) ** 2 for x in mine) / (len(mine) - 1) / len(mine)
        total += area * mean
        first += w * len(mine) * v
        second += (1 - w) * len(mine) / n * v
    return total, whole**2 / n * (first + second)


def per_hm2(grown: float = 0.0) -> dict[str, float]:
    return {p: sum(tree_kg(d + grown) for d in ds) / 1000 * 10_000 / PLOT_M2 for p, ds in DIAMETERS.items()}


@pytest.fixture
def zone(tiny: Path) -> Zone:
    return open_zone(tiny)


@pytest.fixture
def two(zone: Zone, tmp_path: Path) -> ForestRun:
    for period, grown in (("2015", 0.0), ("2020", 2.0)):
        load_inventory(zone, tables(tmp_path / period, grown), settings(period))
    return seal_inventories(zone)


def test_totals_errors_and_carbon_are_those_worked_out_by_hand(two: ForestRun) -> None:
    total, variance = by_hand(per_hm2())
    for word, factor in (("biomass", 1.0), ("carbon", 0.47), ("co2", 0.47 * 44 / 12)):
        fact = two.fact(f"inventory.{word}", ROOT, "2015")
        note = two.nodes[fact.key].notes
        assert fact.value == pytest.approx(total * factor, rel=1e-12)
        assert note["se"] == pytest.approx(math.sqrt(variance) * factor, rel=1e-12)
        assert note["df"] == 3 and note["plots"] == 5
        assert fact.range is not None and fact.range[1] - total * factor == pytest.approx(
            T95_3 * math.sqrt(variance) * factor, rel=1e-9
        )
        assert fact.labels == ("synthetic", "estimated", "unit_assumed", "screening", "secondary")
    assert two.fact("inventory.area", ROOT, "2015").value == pytest.approx(400.0)
    assert two.fact("inventory.area", ROOT, "2015").labels == ("synthetic", "estimated")


def test_places_and_classes_add_up_to_the_whole(two: ForestRun) -> None:
    whole = two.fact("inventory.carbon", ROOT, "2020").value
    assert whole is not None
    for parts in (
        [two.fact("inventory.carbon", place, "2020") for place in (EAST, WEST)],
        [two.fact("inventory.carbon", ROOT, "2020", f"age_class:{n}") for n in (1, 2)],
    ):
        assert sum(p.value or 0 for p in parts) == pytest.approx(whole, rel=1e-12)
    assert two.classes["age_class:2"] == {"zh": "中龄林", "en": "middle-aged"}


def test_cells_of_species_by_age_are_those_worked_out_by_hand(zone: Zone, tmp_path: Path) -> None:
    """Plots 1, 2 (age 1), 4, 5 (age 2) hold pines, 3 (age 2) nothing: pines of age 2 stand on 4 and 5 alone."""
    folder = tables(tmp_path / "plots")
    plots = (folder / "plots.csv").read_text().splitlines()
    dominant = {"1": "Pinus massoniana", "2": "Pinus massoniana", "3": "", "4": "Pinus massoniana", "5": "杉木"}
    lines = [plots[0] + ",dominant", *(f"{x},{dominant[x[0]]}" for x in plots[1:])]
    (folder / "plots.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    by = ("dominant", "age_class", "dominant*age_class")
    load_inventory(zone, folder, settings("2015", by=by))
    run = seal_inventories(zone)
    values = per_hm2()
    for cls, mine in (("Pinus massoniana*1", "12"), ("Pinus massoniana*2", "4"), ("杉木*2", "5")):
        total, variance = by_hand({p: v if p in mine else 0.0 for p, v in values.items()})
        fact = run.fact("inventory.carbon", ROOT, "2015", f"dominant*age_class:{cls}")
        assert fact.value == pytest.approx(total * 0.47, rel=1e-12)
        assert run.nodes[fact.key].notes["se"] == pytest.approx(math.sqrt(variance) * 0.47, rel=1e-12)
    cells = {f.cls for f in run.facts if f.cls.startswith("dominant*age_class:") and f.place == EAST}
    assert cells == {"dominant*age_class:Pinus massoniana*1"}  # the others have no plot there
    assert run.classes["dominant*age_class:杉木*2"]["zh"] == "杉木、中龄林"
    assert verify(run.path).equal


@pytest.mark.parametrize(
    ("estimator", "east"), [("post_stratified", False), ("stratified", False), ("simple", True), ("systematic", True)]
)
def test_partial_is_said_of_places_whose_plots_or_strata_were_not_all_measured(
    zone: Zone, tmp_path: Path, estimator: str, east: bool
) -> None:
    """Plot 6 (stratum b, west) was not measured, all others were; a = {1, 2, 3} is the east, b = {4, 5, 6} the west. Without strata the plots of
    the east stand for it too."""
    folder = tables(tmp_path / "plots")
    with (folder / "plots.csv").open("a") as file:
        file.write(f"6,b,{PLOT_M2},{WEST},2\n")
    rows = [f"{p},1,forest,1" for p in "12345"]
    (folder / "conditions.csv").write_text(
        "\n".join(["plot,condition,status,proportion", *rows, "6,1,nonsampled,1"]) + "\n"
    )
    (folder / "plots.csv").write_text(
        (folder / "plots.csv").read_text().replace(f"3,b,{PLOT_M2},{EAST}", f"3,a,{PLOT_M2},{EAST}")
    )
    (folder / "trees.csv").write_text(
        "plot,tree,taxon,d_cm,h_m,condition\n"
        + "".join(f"{line},1\n" for line in (folder / "trees.csv").read_text().splitlines()[1:])
    )
    head, *lines = (folder / "plots.csv").read_text().splitlines()  # a row of plots, for the systematic grid
    on_grid = [f"{head},grid_row,grid_column", *(f"{line},1,{n}" for n, line in enumerate(lines, 1))]
    (folder / "plots.csv").write_text("\n".join(on_grid) + "\n")
    load_inventory(zone, folder, settings("2015", estimator=estimator))
    run = seal_inventories(zone)
    said = {place: "partial" in run.fact("inventory.area", place, "2015").labels for place in (ROOT, EAST, WEST)}
    assert said == {ROOT: True, EAST: east, WEST: True}
    assert "partial" in run.fact("inventory.carbon", WEST, "2015", "age_class:2").labels


def test_screening_is_said_where_an_equation_is_not_of_its_own_document(two: ForestRun) -> None:
    """The rows of anhui2016 are quoted (`secondary`); area and the number of trees rest on no equation."""
    said = {
        w: "screening" in two.fact(f"inventory.{w}", ROOT, "2020").labels
        for w in ("area", "trees", "biomass", "carbon", "co2")
    }
    assert said == {"area": False, "trees": False, "biomass": True, "carbon": True, "co2": True}


def test_the_figures_are_those_of_the_estimator(two: ForestRun) -> None:
    """The estimator itself is compared with published rows of Wyoming and Rhode Island in tests/observe."""
    made = forest_estimate(
        read_inventory(two.tables("plots2020")),
        Rule(("anhui2016",), unit_assumed=True),
        quantity="total",
        confidence=0.95,
        by="age_class",
    )
    for word in ("area", "trees", "biomass", "biomass_per_area", "carbon", "co2"):
        for domain, cls in (("", ""), ("1", "age_class:1")):
            fact = two.fact(f"inventory.{word}", ROOT, "2020", cls)
            expected = made.figure(word, domain)
            assert (fact.value, two.nodes[fact.key].notes["se"]) == pytest.approx(
                (expected.value, expected.se), rel=1e-12
            )


def test_change_on_the_same_plots_is_that_of_their_differences(two: ForestRun) -> None:
    fact = two.fact("inventory.biomass", ROOT, "2015-2020")
    before, after = per_hm2(), per_hm2(2.0)
    total, variance = by_hand({p: after[p] - before[p] for p in before})
    assert fact.value == pytest.approx(total, rel=1e-12)
    note = two.nodes[fact.key].notes
    assert note["estimator"] == "paired" and note["se"] == pytest.approx(math.sqrt(variance), rel=1e-12)


def test_change_on_other_plots_adds_the_variances(zone: Zone, tmp_path: Path) -> None:
    load_inventory(zone, tables(tmp_path / "one"), settings("2015"))
    load_inventory(zone, tables(tmp_path / "other", 2.0, ("1", "2", "4", "5")), settings("2020"))
    run = seal_inventories(zone)
    note = run.nodes[run.fact("inventory.biomass", ROOT, "2015-2020").key].notes
    ends = [run.nodes[run.fact("inventory.biomass", ROOT, y).key].notes for y in ("2015", "2020")]
    assert note["estimator"] == "independent" and note["variance"] == pytest.approx(sum(e["variance"] for e in ends))
    assert note["df"] == min(e["df"] for e in ends)


def test_a_figure_is_explained_down_to_the_rows_of_its_plots(two: ForestRun) -> None:
    tree = two.explain(two.fact("inventory.co2", ROOT, "2020").key)
    rows: list[dict[str, object]] = []
    methods: list[str] = []

    def walk(part: dict[str, object]) -> None:
        rows.extend([part["row"]] if "row" in part else [])  # type: ignore[list-item]
        methods.extend([part["method"]["ref"]] if "method" in part else [])  # type: ignore[index]
        for child in part.get("children", ()):  # type: ignore[attr-defined]
            walk(child["tree"])

    walk(tree)
    assert methods[:3] == ["forest.co2@molar", "forest.carbon@fraction", "forest.post_stratified_total@gtr80"]
    files = {str(r.get("file") or r.get("origin")): r["file_sha256"] for r in rows}
    for name in ("plots", "strata"):
        assert (
            files[f"inputs/inventory/plots2020/{name}.csv"]
            == two.manifest["files"][f"inputs/inventory/plots2020/{name}.csv"]
        )
    assert files["forest/standards/tree_equations.csv"] and files["forest/standards/biomass.csv"]
    assert sorted(r["row"] for r in rows if str(r.get("file")).endswith("plots.csv")) == [2, 3, 4, 5, 6]  # type: ignore[type-var]


def test_a_run_replays_to_the_byte_and_names_a_changed_tree(two: ForestRun) -> None:
    verdict = verify(two.id)
    assert verdict.equal and verdict.facts == len(two.facts), verdict.differences
    path = two.tables("plots2020") / "trees.csv"
    path.write_text(path.read_text().replace("22.0,10", "23.0,10"))
    verdict = verify(two.id)
    named = {d["kind"] for d in verdict.differences}
    assert not verdict.ok and "input" in named and "value" in named


def test_the_same_inventories_give_the_same_run(two: ForestRun, zone: Zone, tmp_path: Path) -> None:
    again = seal_inventories(zone)
    assert again.id == two.id
    load_inventory(zone, tables(tmp_path / "more", 4.0), settings("2025"))
    assert seal_inventories(zone).id != two.id
    found = forest_run(zone)
    assert found is not None and [s.period for s in found.inventories] == ["2015", "2020", "2025"]
    assert isinstance(open_run(two.id), ForestRun)
    assert latest_runs(zone) == {}  # a run of inventories is no account


def test_a_tree_without_equation_refuses_what_stands_on_it(zone: Zone, tmp_path: Path) -> None:
    load_inventory(zone, tables(tmp_path / "odd", taxon="Ginkgo biloba"), settings("2020"))
    run = seal_inventories(zone)
    fact = run.fact("inventory.carbon", ROOT, "2020")
    assert fact.refused and "5 live trees" in fact.refusal.en and "Ginkgo biloba" in fact.refusal.en  # type: ignore[union-attr]
    assert run.fact("inventory.area", ROOT, "2020").value == pytest.approx(400.0)
    assert verify(run.id).equal


def test_trees_of_a_plot_sum_to_it(two: ForestRun) -> None:
    plot = plot_trees(two, "plots2015", "4")
    assert plot.line == 5 and [r["d_cm"] for r in plot.rows] == [10.0, 12.0]
    assert [r["biomass"] for r in plot.rows] == pytest.approx([tree_kg(10.0), tree_kg(12.0)])
    assert plot.sums["biomass"] == pytest.approx(per_hm2()["4"])
    assert plot.rows[0]["biomass_equations"][0] == "anhui2016.pinus_massoniana.stem"
    with pytest.raises(UnknownName, match="no plot '9'"):
        plot_trees(two, "plots2015", "9")


def test_trees_are_those_of_the_table_as_it_is_now(two: ForestRun) -> None:
    """What was evaluated is kept by the table, not by the name of the run: one written anew is read anew."""
    path = two.tables("plots2015") / "trees.csv"
    assert [r["d_cm"] for r in plot_trees(two, "plots2015", "4").rows] == [10.0, 12.0]
    path.write_text(path.read_text().replace("12.0,10", "13.0,10"))
    assert [r["d_cm"] for r in plot_trees(two, "plots2015", "4").rows] == [10.0, 13.0]


def _broken(folder: Path) -> None:
    (folder / "trees.csv").write_text("plot,tree,taxon,d_cm,h_m\n1,1,Pinus massoniana,-3,10\n")


BAD = {
    "diameter": SimpleNamespace(spoil=_broken, error=FaultyInventory, more={}),
    "column": SimpleNamespace(spoil=None, error=UnknownName, more={"by": ("moon",)}),
    "place": SimpleNamespace(spoil=None, error=UnknownName, more={"place": "999999"}),
    "sets": SimpleNamespace(spoil=None, error=DeclarationError, more={"sets": ()}),
    "period": SimpleNamespace(spoil=None, error=DeclarationError, more={"period": "last year"}),
    "id": SimpleNamespace(spoil=None, error=DeclarationError, more={"id": "../up"}),
}


@pytest.mark.parametrize("case", BAD.values(), ids=list(BAD))
def test_a_faulty_inventory_is_refused_and_nothing_is_kept(
    case: SimpleNamespace, zone: Zone, tmp_path: Path, home: Path
) -> None:
    folder = tables(tmp_path / "bad")
    if case.spoil:
        case.spoil(folder)
    with pytest.raises(case.error):
        load_inventory(zone, folder, settings(**{"period": "2020"} | case.more))
    assert not [p for p in (home / "inventories").rglob("*") if p.is_file()]
    with pytest.raises(UnknownName, match="has no forest inventory"):
        seal_inventories(zone)


def test_places_of_plots_must_be_places_of_the_zone(zone: Zone, tmp_path: Path) -> None:
    folder = tables(tmp_path / "bad")
    (folder / "plots.csv").write_text((folder / "plots.csv").read_text().replace(WEST, "123456"))
    with pytest.raises(UnknownName, match="123456"):
        load_inventory(zone, folder, settings("2020"))


def test_cli_loads_runs_explains_and_verifies(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call: Callable[..., int] = lambda *words: main([*words, "--json"])  # noqa: E731
    folder = tables(tmp_path / "plots")
    asked = (
        "--zone",
        str(tiny),
        "--period",
        "2020",
        "--source",
        "a survey",
        "--sets",
        "anhui2016",
        "--allow-unit-assumed",
        "--by",
        "age_class",
    )
    assert call("forest", "load", str(folder), *asked) == 0
    assert json.loads(capsys.readouterr().out)["trees"] == 5
    assert call("forest", "run", "--zone", str(tiny)) == 0
    run = json.loads(capsys.readouterr().out)["run"]
    assert (
        call("explain", "inventory.carbon", "--zone", str(tiny), "--profile", "forest_inventory", "--period", "2020")
        == 0
    )
    assert json.loads(capsys.readouterr().out)["method"]["ref"] == "forest.carbon@fraction"
    assert call("verify", run) == 0
    assert json.loads(capsys.readouterr().out)["equal"] is True


def test_a_declared_inventory_is_sealed_by_a_run_of_the_zone(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables(tiny / "woods")
    with (tiny / "zone.toml").open("a", encoding="utf-8") as stream:
        stream.write(
            '\n[[inventory]]\nid = "woods"\nperiod = "2020"\nfolder = "woods"\nsets = ["anhui2016"]\n'
            'allow_unit_assumed = true\nsource = "a survey"\nsynthetic = true\n'
        )
    assert main(["run", "--zone", str(tiny), "--json"]) in (0, 1)
    sealed = json.loads(capsys.readouterr().out)["inventories"]
    found = forest_run(open_zone(tiny))
    assert found is not None and found.id == sealed and [s.id for s in found.inventories] == ["woods"]
    assert found.fact("inventory.area", ROOT, "2020").value == pytest.approx(400.0)


def test_inventories_kept_by_several_threads_do_not_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest goes while others come: pages of plots are asked for at the same time."""

    class Slow(dict):
        def pop(self, *args: object) -> object:
            time.sleep(0.002)  # long enough for another thread to choose the same one
            return super().pop(*args)

    kept = Slow()
    monkeypatch.setattr(plot_pages, "_KEPT", kept)
    monkeypatch.setattr(plot_pages, "evaluated", lambda _, folder: folder.name)
    names = [f"i{n}" for n in range(32)]
    for name in names:
        (tmp_path / name).mkdir()
    run = SimpleNamespace(id="r", inventories=[SimpleNamespace(id=n) for n in names], tables=lambda id: tmp_path / id)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda n: plot_pages.evaluated_inventory(run, n), names)) == names  # type: ignore[arg-type]
    assert len(kept) == 4
