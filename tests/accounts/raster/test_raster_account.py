"""The invented zone of 5 x 6 cells of 1 hm2, every figure by hand.

Cells by place and class (2020): west forest 8, grass 6, one without a class; east grass 4, arable 9, forest 2. Rain 1000 mm in
the west, 1200 mm in the east, missing in one arable cell; NPP missing in another. In 2021 one hectare of grass has become
forest in the west, two of arable land grass in the east.
"""

import json
from pathlib import Path

import pytest
import rasterio

from qingshan.accounts.explain import as_text
from qingshan.accounts.raster.run import run_raster
from qingshan.accounts.run import Run, run_account
from qingshan.core.canonical import file_digest
from qingshan.core.errors import UnknownName
from qingshan.faces.cli import main
from qingshan.zone.zone import open_zone

from .conftest import make_cells


@pytest.fixture(scope="module")
def done(cells):
    return run_raster(cells, "tinyland", "2020")


@pytest.fixture(scope="module")
def account(cells) -> Run:
    return run_account(cells)


def figures(run, quantity: str) -> dict[tuple[str, str], float | None]:
    return {(f.place, f.cls): f.value for f in run.facts if f.quantity == quantity}


def value(run: Run, quantity: str, place: str = "1", cls: str = "", basis: str = "") -> float | None:
    return run.fact(quantity, place, "2020", cls, basis).value


# ---- cells ----------------------------------------------------------------------------------------------------------


def test_water_balance(done):
    """(P - P alpha/100 - ET) mm on 1 hm2 is ten times as many m3: forest 1000 - 40 - 600 = 360 mm, eight cells."""
    found = figures(done, "tiny.retention")
    assert found["11", "forest"] == pytest.approx(8 * 3600, rel=1e-12)
    assert found["11", "grass"] == pytest.approx(6 * 10 * (1000 - 80 - 500), rel=1e-12)
    assert found["12", "forest"] == pytest.approx(2 * 10 * (1200 - 48 - 600), rel=1e-12)
    assert found["12", "grass"] == pytest.approx(4 * 10 * (1200 - 96 - 500), rel=1e-12)


def test_soil_retention(done):
    """R K = 5000 x 0.03 = 150 t/(hm2 a); kept 1 - C of it: 148.5, 142.5 and 120 t/hm2."""
    found = figures(done, "soil.retention")
    assert found["11", "forest"] == pytest.approx(8 * 148.5, rel=1e-12)
    assert found["12", "arable"] == pytest.approx(9 * 120, rel=1e-12)


def test_carbon(done):
    """NPP/0.5 x 1.63: 26.08, 13.04 and 6.52 t CO2/hm2; one of the nine arable cells has no NPP."""
    found = figures(done, "tiny.co2")
    assert found["11", "forest"] == pytest.approx(8 * 26.08, rel=1e-6)  # NPP is stored in float32, 8 exactly
    assert found["12", "arable"] == pytest.approx(8 * 6.52, rel=1e-12)


def test_a_class_without_a_row_refuses_and_names_the_table(done):
    """Arable land has no runoff coefficient; a class that does not occur in the west has no line there."""
    found = figures(done, "tiny.retention")
    assert found["12", "arable"] is None and ("11", "arable") not in found
    (why,) = [f.refusal for f in done.facts if (f.quantity, f.cls, f.place) == ("tiny.retention", "arable", "12")]
    assert "water.runoff_coefficient" in why


def test_missing_cells_are_reported(done, account):
    """The area covered stands beside the figure, and the layer's NoData among the findings."""
    (carbon,) = [f for f in done.facts if (f.quantity, f.cls, f.place) == ("tiny.co2", "arable", "12")]
    assert carbon.covered_m2 == 80_000
    notes = {f.field: f.en for f in done.findings if f.code == "layer_nodata"}
    assert "0.010 km2" in notes["npp"] and "0.010 km2" in notes["rain"]
    (unclassified,) = [f for f in done.findings if f.code == "cells_without_class"]
    assert "0.010 km2" in unclassified.en
    assert "nodata" in account.fact("tiny.co2", "12", "2020").flags


def test_the_table_and_the_text_of_a_raster_run(done):
    assert set(done.table["quantity"]) == {"tiny.retention", "soil.retention", "tiny.co2"}
    text = done.explain("soil.retention", "11", "forest")
    assert "soil.retention.forest = 1188 t" in text and "soil.retention@hj1173_2021" in text
    assert (
        f"r.tif {file_digest(done.binding.sources['r'].file.path and Path(done.binding.sources['r'].file.path))[:16]}"
        in text
    )


# ---- the account ----------------------------------------------------------------------------------------------------


def test_an_account_from_cells(account):
    """Whole zone: forest 28,800 + 11,040, grass 25,200 + 24,160 m3, at 6 元/m3; arable land is excluded and named."""
    assert value(account, "gep.water_retention", cls="forest") == pytest.approx(39_840, rel=1e-12)
    whole = account.fact("gep.water_retention", "1", "2020")
    assert whole.value == pytest.approx(89_200, rel=1e-12) and "classes_excluded" in whole.flags

    assert value(account, "gep.water_retention_value", basis="constant-2020") == pytest.approx(535_200, rel=1e-12)


def test_a_sum_that_lacks_the_row_of_a_class_is_partial(cells):
    """Run by its own name: 89,200 m3 without arable land, which has no row; soil is retained on every class."""
    run = run_account(cells, "tinyland", period="2020")
    whole = run.fact("tiny.retention", "1", "2020")
    assert whole.value == pytest.approx(89_200, rel=1e-12)
    assert {"partial", "synthetic"} <= set(whole.labels) and "classes_excluded" in whole.flags
    assert "partial" not in run.fact("soil.retention", "1", "2020").labels
    assert {f.role for f in run.facts} == {"figure"} and run.fact("tiny.retention", "1", "2020", "arable").refused


def test_silt_and_its_price(account):
    """West 8 x 148.5 + 6 x 142.5 = 2043 t, east 297 + 570 + 1080 = 1947 t; 0.24/1.2 m3/t; 15 元/m3."""
    assert value(account, "gep.silt_reduction", "11") == pytest.approx(408.6, rel=1e-12)
    assert value(account, "gep.silt_reduction") == pytest.approx(798, rel=1e-12)
    assert value(account, "gep.silt_reduction_value", basis="constant-2020") == pytest.approx(11_970, rel=1e-12)


def test_a_service_straight_from_cells(account):
    """10 forest, 10 grass and 8 of 9 arable hectares."""
    line = next(x for x in account.services("1", "2020") if x.service.id == "G10")
    assert line.physical.value == pytest.approx(10 * 26.08 + 10 * 13.04 + 8 * 6.52, rel=1e-12)
    assert "synthetic" in line.physical.labels


def test_extent_and_change_from_class_rasters(account):
    """Closing 2021: forest 11, grass 11, arable 7 hm2; of 30 hm2 one has no class."""
    extent = {(f.quantity, f.cls): f.value for f in account.extent("1", "2021")}
    assert [extent["extent.closing", c] for c in ("forest", "grass", "arable", "unallocated")] == [11, 11, 7, 1]
    assert [extent["extent.opening", c] for c in ("forest", "grass", "arable", "unallocated")] == [10, 10, 9, 1]
    changed = {
        f.cls: f.value for f in account.select("extent.change", "1", period="2021") if len(set(f.cls.split(">"))) == 2
    }
    assert changed == {"grass>forest": 1, "arable>grass": 2}
    assert not account.select("extent.change", "11", cls="arable>grass")


def test_the_tree_reaches_cells_layers_and_rows(account, cells_folder):
    tree = account.explain(account.fact("gep.water_retention", "11", "2020").key)
    text = as_text(tree, "en", full=True)
    for part in ("water.retention@garze2017  Q = 1000 A (P - P alpha/100 - ET)", "rain.tif  sha256", "cover2020.tif  sha256",
                 "places.tif  sha256", "parameters/tiny.csv:2", "annual precipitation: annual rainfall"):  # fmt: skip
        assert part in text
    assert f"sha256 {file_digest(cells_folder / 'rain.tif')[:16]}" in text
    assert "水源涵养水量（林地）" in as_text(tree, "zh", full=True)


def test_a_missing_layer_refuses_by_name_and_leaves_the_rest(cells_home, tmp_path):
    zone = make_cells(tmp_path / "less", leave_out=("rain.tif",))
    run = run_account(open_zone(zone))
    refused = run.fact("gep.water_retention", "1", "2020")
    assert refused.refusal is not None and {r.needs for r in refused.refusal.leaves()} == {"climate.rain_annual"}
    assert "年降水量" in refused.refusal.leaves()[0].zh
    assert run.fact("gep.silt_reduction", "1", "2020").value == pytest.approx(798, rel=1e-12)


def test_a_layer_of_another_dimension_is_a_finding_and_a_refusal(cells_home, tmp_path):
    zone = make_cells(tmp_path / "wrong")
    text = (zone / "zone.toml").read_text(encoding="utf-8")
    (zone / "zone.toml").write_text(text.replace('unit = "t C/hm2"', 'unit = "mm"'), encoding="utf-8")
    run = run_raster(zone, "tinyland", "2020")
    assert [f.code for f in run.findings if f.level == "error"] == ["raster_unit"]
    assert run.binding.refusals["carbon"].code == "raster_unit" and set(run.values) == {"retention", "soil"}


def test_an_open_row_refuses_by_its_document(cells_home, tmp_path):
    zone = make_cells(tmp_path / "open")
    rows = (zone / "parameters/tiny.csv").read_text(encoding="utf-8").splitlines()
    rows = [f"{rows[0]},document", *(f"{row}," for row in rows[1:] if not row.startswith("tiny.erodibility"))]
    rows.append("tiny.erodibility,,,t*hm2*h/(hm2*MJ*mm),,,,open,土壤普查报告")
    (zone / "parameters/tiny.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    refusal = run_account(open_zone(zone)).fact("gep.silt_reduction", "1", "2020").refusal
    assert refusal is not None and {r.document for r in refusal.leaves()} == {"土壤普查报告"}


def test_a_year_and_a_place(cells, account):
    run = run_account(cells, period="2021", place="11")
    assert run.manifest["periods"] == ["2021"] and {f.place for f in run.facts} == {"11"}
    assert run.fact("gep.silt_reduction", "11").value == pytest.approx(0.2 * (9 * 148.5 + 5 * 142.5), rel=1e-12)
    assert len(run.extent("11")) > 0 and account.id != run.id
    with pytest.raises(UnknownName):
        run_account(cells, period="1999")


# ---- the verb -------------------------------------------------------------------------------------------------------


def test_the_verb(cells_folder, capsys):
    assert main(["run", "gep", "--zone", str(cells_folder), "--year", "2020", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)["runs"][0]
    assert first["profile"] == "tinycells" and {"G02", "G03", "G10"} <= set(first["given"])
    assert main(["run", "--profile", "tinycells", "--zone", str(cells_folder), "--year", "2020", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)["runs"][0]
    assert (again["run"], again["computed"]) == (first["run"], 0)
    assert main(["run", "gep", "--profile", "tinycells", "--zone", str(cells_folder)]) == 2
    assert "--profile" in capsys.readouterr().err
    assert main(["run", "gep", "--zone", str(cells_folder), "--year", "1066"]) == 2
    assert "1066" in capsys.readouterr().err


def test_rasters_are_written_on_request(cells_folder, tmp_path):
    assert main(["run", "gep", "--zone", str(cells_folder), "--year", "2020", "--rasters", str(tmp_path / "maps")]) == 0
    names = sorted(p.name for p in (tmp_path / "maps").iterdir())
    assert names == [f"tinyland-2020-{step}.tif" for step in ("balance", "co2", "kept")]
    with rasterio.open(tmp_path / "maps" / "tinyland-2020-kept.tif") as kept:
        assert kept.read(1)[0, 0] == pytest.approx(148.5) and kept.crs.to_epsg() == 32648
