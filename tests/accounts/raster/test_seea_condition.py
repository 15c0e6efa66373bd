"""The condition account reads a sealed run of the account `condition`: cover by class in two years, reference levels 0.2 and 1, weight 1."""

from pathlib import Path

import pytest

from qingshan.accounts.run import run_account
from qingshan.accounts.seea import condition, condition_tables
from qingshan.core.errors import DeclarationError, UnknownName
from qingshan.zone.zone import open_zone

from .conftest import A, F, G, entry, make_cells, of_class, write_tif

COVER = {"2020": {F: 0.8, G: 0.6, A: 0.1}, "2021": {F: 0.9, G: 0.4, A: 0.1}}
ROWS = (
    "economy.condition_low,vegetation.cover,0.2,fraction,tiny,,invented,primary\n"
    "economy.condition_high,vegetation.cover,1,fraction,tiny,,invented,primary\n"
    "economy.condition_weight,vegetation.cover,1,1,tiny,,invented,primary\n"
)


def zone_with_cover(folder: Path) -> Path:
    more = "".join(entry(f"cover_{y}.tif", "vegetation.cover", "fraction", y) for y in COVER)
    made = make_cells(folder, more=more)
    for year, values in COVER.items():
        write_tif(made / f"cover_{year}.tif", of_class(values, year))
    rows = made / "parameters" / "tiny.csv"
    rows.write_text(rows.read_text(encoding="utf-8") + ROWS, encoding="utf-8")
    return made


def test_condition_of_a_run_by_hand(invented: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Indicator (x - 0.2)/0.8: forest 0.75 -> 0.875, grass 0.5 -> 0.25; arable 0.1 lies below the low level and is clipped to 0."""
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))
    zone = open_zone(zone_with_cover(tmp_path / "zone"))
    run = run_account(zone, "condition")
    (zone.path / "cover_2021.tif").unlink()  # the sealed run is read, not the zone as it is now
    account = condition(run, "2021", "tiny")
    found = {(i.place, i.cls): (i.opening, i.closing) for i in account.indices}
    forest, grass = pytest.approx((0.75, 0.875), rel=1e-6), pytest.approx((0.5, 0.25), rel=1e-6)
    assert found == {
        ("11", "forest"): forest,
        ("11", "grass"): grass,
        ("12", "forest"): forest,
        ("12", "grass"): grass,
        ("12", "arable"): (0, 0),
    }
    assert any(f.code == "condition_clipped" and "arable" in f.en for f in account.findings())
    with pytest.raises(UnknownName):
        condition(run, "2020", "tiny")
    tables = condition_tables(run, "11", "2021")
    assert float(tables["5.2"].get("vegetation.cover.change", "forest")) == pytest.approx(0.1, rel=1e-6)
    assert float(tables["5.3"].get("vegetation.cover.closing", "grass")) == pytest.approx(0.25, rel=1e-6)
    assert float(tables["5.4"].get("index.change", "forest")) == pytest.approx(0.125, rel=1e-6)
    with pytest.raises(DeclarationError, match="no run of the account"):
        condition(run_account(zone, "tinyland", period="2020"), "2020")
