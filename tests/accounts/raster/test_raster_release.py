"""What keeps an account made from cells out of an official release: its cells, constants, tables' maps and layers."""

from pathlib import Path

import pytest

from qingshan.accounts.fill import doubtful_methods, template
from qingshan.accounts.run import Run, run_account
from qingshan.core.domain import load_domains
from qingshan.publish.release import check_release
from qingshan.zone.zone import open_zone

from .conftest import make_cells

ACCOUNT, PROFILE = "rasters/tinyland", "profiles/tinycells"
DOUBTED = "water.retention@hj1173_2021"


@pytest.fixture
def declared(cells_home: Path, monkeypatch: pytest.MonkeyPatch):
    """The account with a cell of a formula read with doubt, and its cover factors through a map."""
    declarations = load_domains().by_name["tiny"].declarations
    account = dict(declarations[ACCOUNT])
    account["step"] = [dict(s) for s in account["step"]]
    account["step"][0] |= {
        "cell": DOUBTED,
        "bind": {"runoff_producing_rainfall": "rain", "runoff": "aet", "evapotranspiration": "aet"},
    }
    account["table"] = [dict(t) | ({"map": "covers"} if t["id"] == "c" else {}) for t in account["table"]]
    account["map"] = [{"id": "covers", "rows": {"forest": ["11"], "grass": ["21"], "arable": ["31"]}}]
    monkeypatch.setitem(declarations, ACCOUNT, account)
    monkeypatch.setitem(declarations, PROFILE, dict(declarations[PROFILE]) | {"official": True})
    return account


def reasons(run: Run) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for reason in check_release(run):
        found.setdefault(reason.code, set()).add(reason.subject)
    return found


def stated(folder: Path, status: str) -> Path:
    """Every layer of the zone with that status."""
    path = make_cells(folder) / "zone.toml"
    text = path.read_text(encoding="utf-8").replace('licence = "CC0"\n', f'licence = "CC0"\nstatus = "{status}"\n')
    path.write_text(text, encoding="utf-8")
    return path.parent


def test_what_stands_behind_cells_is_gated(declared, tmp_path):
    found = reasons(run_account(open_zone(make_cells(tmp_path / "zone"))))
    assert found["method_status"] == {DOUBTED}
    assert found["map_status"] == {"covers"}
    assert {
        "one[raster account tinyland]",
        "fraction[raster account tinyland]",
        "fixed[raster account tinyland]",
    } <= found["constant_status"]
    assert {"climate.rain_annual[static]", "land.cover[2020]", "places"} <= {
        s.removesuffix("[]") for s in found["layer_status"]
    }


@pytest.mark.parametrize(("status", "gated"), [("primary", False), ("project", True), ("open", True)])
def test_a_layer_is_gated_by_the_status_of_its_entry(declared, tmp_path, status, gated):
    found = reasons(run_account(open_zone(stated(tmp_path / "zone", status))))
    assert bool(found.get("layer_status")) is gated


def test_stated_constants_and_maps_and_a_page_check_release(declared, tmp_path):
    declared["constant"] = [c | ({"status": "primary"} if "value" in c else {}) for c in declared["constant"]]
    declared["map"] = [m | {"status": "primary"} for m in declared["map"]]
    run = run_account(open_zone(stated(tmp_path / "zone", "primary")))
    assert set(reasons(run)) - {"partial"} == {"method_status"}
    assert DOUBTED in doubtful_methods(run.profile) and DOUBTED in template(run.profile, run.parameters)


@pytest.mark.parametrize(("status", "gated"), [("primary", False), ("project", True)])
def test_rows_that_map_a_legend_are_gated(declared, tmp_path, status, gated):
    """Each class of the legend is mapped by a row of its own status; a choice of ours keeps the account a draft."""
    folder = stated(tmp_path / "zone", "primary")
    rows = "".join(f"own,{code},类,class,{code},invented,p. 1,{status},\n" for code in (11, 21, 31))
    (folder / "legend.csv").write_text(
        "scheme,code,name_zh,name_en,class_code,source_title,source_where,status,note\n" + rows, encoding="utf-8"
    )
    path = folder / "zone.toml"
    path.write_text(
        path.read_text(encoding="utf-8").replace('mapping = "identity"', 'mapping = "legend.csv"'), encoding="utf-8"
    )
    run = run_account(open_zone(folder))
    assert ("own" in reasons(run).get("map_status", set())) is gated
    fact = next(f for f in run.facts if f.quantity.startswith("extent.closing") and f.cls == "forest")
    assert ("project" in fact.labels) is gated


def test_formulas_inside_a_stage_are_gated(declared, tmp_path, monkeypatch):
    """A stage that names a formula read with doubt asks for its page check like a cell does."""
    from qingshan.accounts.stages import Stage  # noqa: PLC0415

    declared["stage"] = [{"id": "terrain", "run": "terrain", "inputs": {"elevation": "climate.rain_annual"}}]
    monkeypatch.setattr(Stage, "methods", lambda self, options: ("soil.l@hj1173_2021",))
    run = run_account(open_zone(stated(tmp_path / "zone", "primary")))
    assert "soil.l@hj1173_2021" in doubtful_methods(run.profile)
