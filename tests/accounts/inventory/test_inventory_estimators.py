"""Each declared estimator sealed, explained and replayed; double sampling by FOR-7, its change between two inventories."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from qingshan.accounts.inventory import ForestRun, InventorySettings, figures, load_inventory, seal_inventories
from qingshan.accounts.verify import verify
from qingshan.core.errors import DeclarationError, UnknownName
from qingshan.faces.cli import main
from qingshan.observe.estimator import ESTIMATORS, Estimator
from qingshan.zone.zone import Zone, open_zone

from ..conftest import ROOT

HALF = math.sqrt(0.75)
FIRST = [28 + 8 * HALF * u for u in (1, 1, -1, -1)]
STOCKED = [100 + 20 * HALF * (0.8 * u + 0.6 * v) for u, v in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
REST = (16 * 30 - 4 * 28) / 12


def tables(folder: Path, more: float = 0.0) -> Path:
    """FOR-7 as trees per hm2 on 1 hm2: 4 of 16 plots were measured; `more` trees stand on every plot."""
    folder.mkdir()
    rows = {
        "strata": ["stratum,area_hm2", "s,1"],
        "plots": ["plot,stratum,grid_row,grid_column", *(f"{i},s,{i // 2},{i % 2}" for i in range(4))],
        "trees": ["plot,tree,taxon,d_cm,h_m,expansion", *(f"{i},1,Pinus massoniana,20,15,{y + more!r}" for i, y in enumerate(STOCKED))],
        "first_phase": ["plot,stratum,cover", *(f"{i},s,{x!r}" for i, x in enumerate([*FIRST, *[REST] * 12]))],
    }  # fmt: skip
    for name, lines in rows.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return folder


def settings(period: str, **more: Any) -> InventorySettings:
    return InventorySettings(**{
        "id": f"plots{period}", "period": period, "source": "an invented survey", "sets": ("anhui2016",), "allow_unit_assumed": True,
        "estimator": "double_sampling", "auxiliary": "cover",
    } | more)  # fmt: skip


@pytest.fixture
def zone(tiny: Path) -> Zone:
    return open_zone(tiny)


@pytest.fixture
def run(zone: Zone, tmp_path: Path) -> ForestRun:
    load_inventory(zone, tables(tmp_path / "plots"), settings("2020"))
    return seal_inventories(zone)


def test_a_sealed_double_sample_is_for_7(run: ForestRun) -> None:
    fact = run.fact("inventory.trees", ROOT, "2020")
    note = run.nodes[fact.key].notes
    assert fact.value == pytest.approx(104, rel=1e-12) and note["variance"] == pytest.approx(52, rel=1e-12)
    assert (note["df"], note["plots"], note["estimator"]) == (2, 4, "double_sampling")
    assert verify(run.path).equal


def test_its_pedigree_goes_down_to_the_regression_and_the_first_phase(run: ForestRun) -> None:
    tree = run.explain(run.fact("inventory.trees", ROOT, "2020").key)
    (stratum,) = [c["tree"] for c in tree["children"]]
    assert stratum["method"]["ref"] == "forest.regression_mean@ar_tool14" and stratum["value"] == pytest.approx(104)
    said = {"slope": 2, "correlation": 0.8, "auxiliary_sub": 28, "plain_mean": 100, "variance": 208}
    assert {k: stratum["notes"][k] for k in said} == pytest.approx(said)
    first = next(c["tree"] for c in stratum["children"] if c["role"] == "auxiliary_all")
    assert (
        first["value"] == pytest.approx(30) and first["notes"]["plots"] == 16 and first["notes"]["auxiliary"] == "cover"
    )
    assert first["row"]["file_sha256"] == run.manifest["files"]["inputs/inventory/plots2020/first_phase.csv"]


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_is_sealed_explained_and_replayed(name: str, zone: Zone, tmp_path: Path) -> None:
    asked = settings("2020", estimator=name, auxiliary="cover" if name == "double_sampling" else "")
    load_inventory(zone, tables(tmp_path / "plots"), asked)
    run = seal_inventories(zone)
    fact = run.fact("inventory.co2", ROOT, "2020")
    assert fact.value is not None and fact.range is not None and verify(run.path).equal
    total = run.nodes[run.fact("inventory.biomass", ROOT, "2020").key]
    assert total.method == ESTIMATORS[name] and total.notes["estimator"] == name
    files = {str(n.row.get("file")) for n in run.nodes.values() if n.row}
    assert "inputs/inventory/plots2020/plots.csv" in files


def test_change_is_that_of_pairs_also_in_double_sampling(zone: Zone, tmp_path: Path) -> None:
    """10 more trees on each plot: pairs are sure of it; two double samples of other first phases add 52 and 52."""
    for period, more in (("2015", 0.0), ("2020", 10.0)):
        load_inventory(zone, tables(tmp_path / period, more), settings(period, estimator="systematic", auxiliary=""))
    grid = seal_inventories(zone)
    kg = grid.fact("inventory.biomass", ROOT, "2015").value / 100  # type: ignore[operator]
    note = grid.nodes[grid.fact("inventory.biomass", ROOT, "2015-2020").key].notes
    assert note["estimator"] == "paired" and note["se"] == pytest.approx(0, abs=1e-9)
    for period, more in (("2015", 0.0), ("2020", 10.0)):
        load_inventory(zone, tables(tmp_path / f"d{period}", more), settings(period))
    double = seal_inventories(zone)
    fact = double.fact("inventory.biomass", ROOT, "2015-2020")
    node = double.nodes[fact.key]
    assert node.notes["estimator"] == "paired_regression" and fact.value == pytest.approx(10 * kg)
    assert node.notes["variance"] == pytest.approx(0, abs=1e-9) and node.method == "forest.change_variance@two_phase"
    assert verify(double.path).equal
    phase = tmp_path / "d2020" / "first_phase.csv"
    phase.write_text(phase.read_text().replace("\n15,s,", "\n16,s,"))
    load_inventory(zone, tmp_path / "d2020", settings("2020"))
    apart = seal_inventories(zone)
    note = apart.nodes[apart.fact("inventory.biomass", ROOT, "2015-2020").key].notes
    assert note["estimator"] == "independent" and note["variance"] == pytest.approx(104 * kg**2)


def test_a_change_takes_the_totals_of_its_run_and_is_the_same_to_the_byte(
    zone: Zone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Area and biomass have two totals each for the whole; with none taken over, the run has the same id and bytes."""
    for period, more in (("2015", 0.0), ("2020", 10.0)):
        load_inventory(zone, tables(tmp_path / f"d{period}", more), settings(period))
    calls: list[int] = []
    totals = Estimator.totals
    monkeypatch.setattr(Estimator, "totals", lambda *a, **k: (calls.append(1), totals(*a, **k))[1])
    once = seal_inventories(zone)
    reused, facts = len(calls), (once.path / "facts.jsonl").read_bytes()
    shutil.rmtree(once.path)
    calls.clear()
    monkeypatch.setattr(figures, "ESTIMATED", ())
    anew = seal_inventories(zone)
    assert (anew.id, (anew.path / "facts.jsonl").read_bytes()) == (once.id, facts) and len(calls) == reused + 4


def test_what_the_tables_do_not_carry_is_refused_and_nothing_is_kept(zone: Zone, tmp_path: Path, home: Path) -> None:
    folder = tables(tmp_path / "plots")
    for more, error in (({"auxiliary": "height"}, UnknownName), ({"estimator": "best"}, DeclarationError)):
        with pytest.raises(error):
            load_inventory(zone, folder, settings("2020", **more))
    (folder / "first_phase.csv").unlink()
    with pytest.raises(DeclarationError, match="first_phase"):
        load_inventory(zone, folder, settings("2020"))
    assert not [p for p in (home / "inventories").rglob("*") if p.is_file()]


def test_a_zone_declares_it(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables(tiny / "woods")
    with (tiny / "zone.toml").open("a", encoding="utf-8") as stream:
        stream.write(
            '\n[[inventory]]\nid = "woods"\nperiod = "2020"\nfolder = "woods"\nsets = ["anhui2016"]\nallow_unit_assumed = true\n'
            'source = "a survey"\nestimator = "double_sampling"\nauxiliary = "cover"\n'
        )
    assert main(["forest", "run", "--zone", str(tiny), "--json"]) == 0
    capsys.readouterr()
    assert main(["explain", "inventory.trees", "--zone", str(tiny), "--profile", "forest_inventory", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["value"] == pytest.approx(104)


@pytest.mark.parametrize(("lang", "how"), [("zh", "变化（同一批样地）"), ("en", "change, same plots:")])
def test_the_verb_prints_figures_and_their_change(
    lang: str, how: str, zone: Zone, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for period, more in (("2015", 0.0), ("2020", 10.0)):
        load_inventory(zone, tables(tmp_path / period, more), settings(period, estimator="systematic", auxiliary=""))
    assert main(["forest", "run", "--zone", str(tiny), "--lang", lang]) == 0
    said = capsys.readouterr().out
    assert "plots2015 2015" in said and "plots2020 2020" in said
    assert any("2015-2020" in line and how in line and "t CO2" in line for line in said.splitlines())
