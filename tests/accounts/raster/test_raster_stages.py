"""Stages of a raster account: in the stage's units, once per identity, kept over a stop; the invented zone of 5 x 6 cells."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qingshan.accounts.raster.declaration import parse_raster_account
from qingshan.accounts.raster.run import run_raster
from qingshan.accounts.stages import STAGES, _code, find_stage
from qingshan.core.cell import CELLS
from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError
from qingshan.zone.zone import open_zone

from .conftest import entry, make_cells, write_tif

ACCOUNT = {
    "id": "staged", "zh": "两倍", "en": "doubled",
    "stage": [{
        "id": "double", "run": "doubled", "inputs": {"elevation": "tiny.height"},
        "tables": {"share": {"parameter": "tiny.share"}}, "constants": {"factor": {"value": 200, "unit": "%", "source": "two"}},
    }],
    "layer": [{"id": "rain", "stage": "double.twice", "unit": "mm"}, {"id": "et", "quantity": "tiny.evapotranspiration", "unit": "mm"}],
    "step": [{"id": "left", "cell": "water.yield_depth@balance", "bind": {"precipitation": "rain", "evapotranspiration": "et"}}],
    "sum": [
        {"id": "left", "of": "left", "per": "m2", "unit": "m3", "quantity": "tiny.left", "zh": "余水", "en": "left"},
        {"id": "et", "of": "et", "per": "m2", "unit": "m3", "quantity": "tiny.et", "zh": "蒸散", "en": "evaporated"},
    ],
}  # fmt: skip


@pytest.fixture
def zone(tmp_path: Path, invented: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Heights of 50 cm to 79 cm; shares of forest and grass, none of arable land."""
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))
    monkeypatch.setitem(STAGES, "doubled", ("tinydomain.doubled", "两倍", "doubled"))
    folder = make_cells(tmp_path / "zone", more="")
    write_tif(folder / "height.tif", 50.0 + np.arange(30).reshape(5, 6))
    text = (folder / "zone.toml").read_text(encoding="utf-8") + entry("height.tif", "tiny.height", "cm")
    (folder / "zone.toml").write_text(text, encoding="utf-8")
    rows = (folder / "parameters/tiny.csv").read_text(encoding="utf-8")
    rows += "tiny.share,forest,1,1,,,invented,primary\ntiny.share,grass,0.5,1,,,invented,primary\n"
    (folder / "parameters/tiny.csv").write_text(rows, encoding="utf-8")
    return folder


def calls() -> list[str]:
    from tinydomain.doubled import CALLS  # noqa: PLC0415 - installed by the fixture

    return CALLS


def account(**changed: object):
    return parse_raster_account({**ACCOUNT, **changed}, "test")


def test_units_tables_and_gaps_of_a_stage(zone):
    """First cell: 50 cm is 0.5 m, 200 % of it 1 m = 1000 mm of a forest cell, less 600 mm: 4000 m3 on 1 hm2."""
    run = run_raster(zone, account(), "2020")
    forest = next(f for f in run.facts if (f.quantity, f.place, f.cls) == ("tiny.left", "11", "forest"))
    heights = [50, 51, 56, 57, 62, 68, 74, 75]  # cells of the west's forest, row by row
    assert forest.value == pytest.approx(sum((2 * h * 10 - 600) * 10 for h in heights), rel=1e-6)
    why = next(f for f in run.facts if (f.quantity, f.cls) == ("tiny.left", "arable")).refusal
    assert "tiny.share" in why
    text = run.explain("tiny.left", "11", "forest")
    assert "stage.doubled.twice" in text and "height.tif" in text and "tiny.share" in text


def test_a_stage_that_is_whole_is_not_run_again_after_a_stop(zone):
    def stop(title: str, done: int, whole: int, left: float) -> None:
        raise KeyboardInterrupt

    calls().clear()
    with pytest.raises(KeyboardInterrupt):
        run_raster(zone, account(), "2020", progress=stop)
    assert len(calls()) == 1
    run = run_raster(zone, account(), "2020")
    assert run.computed and len(calls()) == 1
    fresh = run_raster(zone, account(id="again"), "2020", resume=False)
    assert fresh.computed and len(calls()) == 2


def test_a_stage_without_its_layer_refuses_what_stands_on_it(zone):
    text = (zone / "zone.toml").read_text(encoding="utf-8").replace("tiny.height", "tiny.depth")
    (zone / "zone.toml").write_text(text, encoding="utf-8")
    calls().clear()
    run = run_raster(open_zone(zone), account(), "2020")
    assert run.binding.refusals["left"].needs == "tiny.height" and set(run.values) == {"et"} and not calls()


def test_a_name_the_stage_does_not_have(zone):
    stage = ACCOUNT["stage"][0] | {"inputs": {"height": "tiny.height"}}
    with pytest.raises(DeclarationError, match="takes no height"):
        run_raster(zone, account(stage=[stage]), "2020")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"layer": [{"id": "rain", "stage": "nowhere.twice", "unit": "mm"}]}, "no output"),
        ({"layer": [{"id": "rain", "unit": "mm"}]}, "quantity or a stage"),
        ({"constant": [{"id": "k", "value": 1, "unit": "1"}]}, "without a source"),
        ({"sum": [{"id": "x", "of": "nothing", "per": "m2", "unit": "m3"}]}, "no layer"),
    ],
)
def test_a_declaration_that_does_not_hold_together(changed, said):
    with pytest.raises(DeclarationError, match=said):
        account(**changed)


def test_what_a_stage_reports_is_a_finding_of_the_run(zone, monkeypatch):
    """Said again when the run is read from home; a declared constant is not."""
    from tinydomain import doubled  # noqa: PLC0415 - installed by the fixture

    plain = doubled.run

    def reporting(*given, **how):
        report = {"classed_without_value_m2": 2_500_000.0, "ic0": "0.25", "factor": 2.0}
        return {
            name: replace(made, made_from={**made.made_from, "report": report})
            for name, made in plain(*given, **how).items()
        }

    monkeypatch.setattr(doubled, "run", reporting)
    for computed in (True, False):
        run = run_raster(zone, account(), "2020")
        told = {f.field: f.en for f in run.findings if f.code.startswith("stage_")}
        assert run.computed is computed and set(told) == {"double.classed_without_value_m2", "double.ic0"}
        assert "2.500 km2" in told["double.classed_without_value_m2"] and "ic0 = 0.25" in told["double.ic0"]


@pytest.mark.parametrize(
    ("stage", "cell", "counts"),
    [
        ("habitat", "nature.habitat_quality@invest_guide", True),
        ("sediment", "soil.delivery_ratio@vigiak2012", True),
        ("slope_length", "soil.s@hj1173_2021", True),  # an edition put behind the id at run time
        ("slope_length", "water.baseflow@invest3", False),
        ("terrain", "forest.fpar@ndvi", False),
    ],
)
def test_a_stage_is_hashed_with_its_own_cells_alone(monkeypatch, stage, cell, counts):
    """A cell form of another subject leaves what a stage computed standing."""
    load_domains()
    before = find_stage(stage).code
    monkeypatch.setitem(CELLS, cell, replace(CELLS[cell], per="hm2" if CELLS[cell].per != "hm2" else "km2"))
    _code.cache_clear()
    changed = find_stage(stage).code
    _code.cache_clear()
    assert (changed != before) is counts
