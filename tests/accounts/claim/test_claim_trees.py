"""A project of single trees (单株碳汇): every tree is measured, and each has its kg by year."""

import csv
import json
from pathlib import Path

import pytest
import shapely
from pyproj import Transformer

from qingshan.accounts.claim.dossier import dossier_of
from qingshan.accounts.claim.project import evidence_of
from qingshan.accounts.claim.table import open_table
from qingshan.core.errors import OutOfBounds, QingshanError
from qingshan.faces.cli import main
from qingshan.observe.inventory import FaultyInventory

HEAD = """id = "single-1"
zh = "单株碳汇试验"
en = "single trees, a trial"
scheme = "single_tree"
methodology = "single_tree"
holder = "two households"
place = "990101001"
start = "2022-01-01"
end = "2024-01-01"
pool = "tree"
benefit = "removal"
crs = "EPSG:32648"

[inventory]
sets = ["anhui2016"]
allow_unit_assumed = true

[facts]
trees_felled = 0
trees_lost_not_replanted = 0
"""
BEFORE = (("a", "1", 10, 8), ("a", "2", 12, 9), ("b", "1", 14, 10), ("b", "2", 8, 7))
AFTER = (("a", "1", 12, 9), ("a", "2", 12, 9), ("b", "1", 16, 11), ("b", "2", 10, 8))
SIDES = {"a": 25.0, "b": 30.0}


def co2(d: float, h: float) -> float:
    """kg by hand: Pinus massoniana of anhui2016 (stem, branch, leaf, root of D2H), times 0.47 and 44/12."""
    x = d * d * h
    return (0.0337 * x**0.9551 + 0.036 * x**0.7948 + 0.0016 * x**1.1007 + 0.015 * x**0.8322) * 0.47 * 44 / 12


GAIN = {(p, t): co2(d, h) - co2(*BEFORE[i][2:]) for i, (p, t, d, h) in enumerate(AFTER)}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "trees"
    back = Transformer.from_crs("EPSG:32648", "EPSG:4326", always_xy=True)
    features = []
    for n, (parcel, side) in enumerate(SIDES.items()):
        box = shapely.box(503_000 + 100 * n, 2_990_000, 503_000 + 100 * n + side, 2_990_000 + side)
        ring = [list(back.transform(x, y)) for x, y in box.exterior.coords]
        about = {"parcel": parcel, "title": f"林证{parcel}", "species": "马尾松", "planted": 2010, "stratum": parcel}
        features.append(
            {"type": "Feature", "properties": about, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        )
    files = {"project.toml": HEAD, "parcels.geojson": json.dumps({"type": "FeatureCollection", "features": features})}
    for when, trees in (("opening", BEFORE), ("closing", AFTER)):
        rows = "".join(f"{p},{t},马尾松,{d},{h}\n" for p, t, d, h in trees)
        files[f"{when}/trees.csv"] = "plot,tree,taxon,d_cm,h_m\n" + rows
        files[f"{when}/plots.csv"] = "plot,stratum,area_m2\n" + "".join(f"{p},{p},{s * s}\n" for p, s in SIDES.items())
        files[f"{when}/strata.csv"] = "stratum,area_hm2,census\n" + "".join(
            f"{p},{s * s / 1e4},true\n" for p, s in SIDES.items()
        )
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_every_tree_has_its_kg_by_year(project, tmp_path):
    got = dossier_of(project, open_table(tmp_path / "claims", "EPSG:32648", 1.0))
    whole = sum(GAIN.values())
    assert got.change.kind == "paired" and got.change.estimate.value * 1000 == pytest.approx(whole)
    assert got.change.estimate.se == 0 and got.change.estimate.interval == (pytest.approx(whole / 1000),) * 2
    assert got.kg == int(whole)  # nothing is deducted or kept back: both rules are open or none
    for parcel in SIDES:  # 365 days each year: half and half
        for year in (2022, 2023):
            (line,) = [x.kg for x in got.lines if (x.parcel, x.vintage) == (parcel, year)]
            assert line == pytest.approx(sum(g for (p, _), g in GAIN.items() if p == parcel) / 2, abs=1)
            assert line == sum(x.kg for x in got.trees if (x.parcel, x.vintage) == (parcel, year))
    for (parcel, tree), gain in GAIN.items():
        assert sum(x.kg for x in got.trees if (x.parcel, x.tree) == (parcel, tree)) == pytest.approx(gain, abs=2)
    assert all(x.kg == 0 for x in got.trees if (x.parcel, x.tree) == ("a", "2"))  # it did not grow
    record = got.record()
    assert record["evidence"] == evidence_of(project) and len(record["evidence"]) == 8 and len(record["trees"]) == 8
    assert record["label"] == "draft" and not got.verification_request()["may_issue"]
    assert any("forest.single_tree_formula" in r for r in got.refusals)
    assert not any("cannot be checked" in r for r in got.refusals)  # trees, area and density are counted, not asked for


def test_the_command_keeps_trees_and_reasons_and_verifies(project, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))
    asked = ["forest", "dossier", str(project), "--zone", "demo30m", "--crs", "EPSG:32648", "--tolerance", "1"]
    assert main([*asked, "--enter", "--by", "clerk", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    kept = Path(said["folder"])
    with (kept / "trees.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert sum(int(r["kg_co2e"]) for r in rows) == said["kg_co2e"] == int(sum(GAIN.values())) and len(rows) == 8
    assert any("单株碳汇计量公式" in r for r in said["refusals"])
    assert main(["verify", str(kept)]) == 0


def test_a_sample_before_a_census_shares_nothing_among_trees(project):
    """Trees of a sample are not those of the whole by number: parcels keep their kg, trees get none, and the dossier says so."""
    (project / "opening/strata.csv").write_text("stratum,area_hm2\na,0.0625\nb,0.09\n", encoding="utf-8")
    (project / "opening/plots.csv").write_text(
        "plot,stratum,area_m2\n" + "".join(f"{p}{n},{p},300\n" for p in SIDES for n in (1, 2)), encoding="utf-8"
    )
    (project / "opening/trees.csv").write_text(
        "plot,tree,taxon,d_cm,h_m\n" + "".join(f"{p}{t},{t},马尾松,{d - 4},{h - 2}\n" for p, t, d, h in BEFORE),
        encoding="utf-8",
    )
    got = dossier_of(project, None)
    assert got.change.kind == "independent" and got.change.estimate.se > 0
    assert got.trees == () and any(f.code == "trees_not_shared" for f in got.findings)
    assert sum(x.kg for x in got.lines) == got.kg > 0


@pytest.mark.parametrize(
    ("name", "old", "new", "error", "says"),
    [
        ("closing/strata.csv", "b,0.09,true", "b,0.09,false", QingshanError, "a census, others a sample"),
        ("closing/plots.csv", "b,b,900.0", "b,b,800.0", FaultyInventory, "not its whole stratum"),
        ("closing/plots.csv", "b,b,900.0\n", "b,b,900.0\nc,b,900.0\n", FaultyInventory, "one plot of the whole"),
        ("project.toml", "[facts]\n", "[facts]\ntrees = 5\n", OutOfBounds, "states 5 trees, 2 live"),
    ],
)
def test_a_census_that_is_none_is_refused(project, tmp_path, name, old, new, error, says):
    path = project / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(error, match=says):
        dossier_of(project, None)
