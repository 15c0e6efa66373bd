"""Dossiers as they are kept: versions, the PDF, the map of a refusal, and the verbs that make them."""

import json
from xml.etree import ElementTree

import pytest

from qingshan.accounts.claim.dossier import dossiers, open_dossier
from qingshan.accounts.claim.index import DoubleCounted
from qingshan.accounts.claim.synthetic import write_demo_project
from qingshan.core.errors import OutOfBounds
from qingshan.faces.cli import main
from qingshan.publish.dossier import claims_table, publish_dossier
from qingshan.zone.zone import open_zone

CRS = "EPSG:32648"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project") / "demo"
    write_demo_project(folder)
    return folder


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))
    return open_zone("demo30m")


def test_a_dossier_is_kept_by_version_and_the_same_is_not_kept_twice(home, demo):
    first = publish_dossier(home, demo, crs=CRS, tolerance_m2=1.0)
    assert first.version == 1 and (first.folder / "dossier.zh.pdf").read_bytes().startswith(b"%PDF")
    assert publish_dossier(home, demo).version == 1
    with (demo / "project.toml").open("a", encoding="utf-8") as stream:
        stream.write('\n[leakage]\nt_co2 = 1\nsource = "survey"\n')
    second = publish_dossier(home, demo)
    assert second.version == 2 and first.record["kg_co2e"] - second.record["kg_co2e"] == 1000
    assert open_dossier(first.folder).record == first.record
    (kept,) = dossiers(home)
    assert (
        kept.version == 2
        and sum(f["properties"]["kg_co2e"] for f in kept.parcels["features"]) == kept.record["kg_co2e"]
    )
    lines = (second.folder / "reductions.csv").read_text().splitlines()
    assert (
        lines[0] == "parcel,vintage,kg_co2e"
        and sum(int(x.rsplit(",", 1)[1]) for x in lines[1:]) == second.record["kg_co2e"]
    )
    asked = json.loads((second.folder / "verification_request.json").read_bytes())
    assert asked["may_issue"] is False and asked["evidence"]["closing/trees.csv"]
    ElementTree.parse(second.folder / "parcels.zh.svg")


def test_a_refused_overlap_leaves_a_map_and_no_version(home, demo, tmp_path):
    publish_dossier(home, demo, crs=CRS, tolerance_m2=1.0, enter=True, by="clerk")
    other = tmp_path / "other"
    write_demo_project(other, id="other", shift=90.0)
    with pytest.raises(DoubleCounted) as refused:
        publish_dossier(home, other)
    folder = tmp_path / "home/projects/demo30m/other/refused"
    assert refused.value.where == str(folder) and claims_table(home).version == 1
    drawn = json.loads((folder / "overlap.geojson").read_bytes())["features"]
    assert len(drawn) == len(refused.value.overlaps)
    lon, lat = drawn[0]["geometry"]["coordinates"][0][0]
    assert 105.0 < lon < 105.1 and 26.9 < lat < 27.1 and drawn[0]["properties"]["area_m2"] > 1
    ElementTree.parse(folder / "overlap.en.svg")
    assert [d.id for d in dossiers(home)] == ["demo-ticket"]


def test_a_first_table_needs_its_rules(home, demo):
    with pytest.raises(OutOfBounds, match="tolerance"):
        publish_dossier(home, demo)


def test_the_verbs(home, tmp_path, capsys):
    folder = str(tmp_path / "p")
    assert main(["forest", "demo-project", folder]) == 0
    assert main(["forest", "dossier", folder, "--zone", "demo30m", "--enter"]) == 2  # by whom?
    assert main(["forest", "dossier", folder, "--zone", "demo30m", "--crs", CRS, "--tolerance", "x"]) == 2
    assert (
        main(
            [
                "forest",
                "dossier",
                folder,
                "--zone",
                "demo30m",
                "--crs",
                CRS,
                "--tolerance",
                "1",
                "--enter",
                "--by",
                "clerk",
            ]
        )
        == 0
    )
    assert "bijie_ticket_method" in capsys.readouterr().out
    assert main(["forest", "claims", "--zone", "demo30m", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["claims"]) == 12
    assert main(["forest", "claims", "demo-ticket/demo-ticket-01", "--zone", "demo30m", "--turn", "rejected"]) == 2
    turned = [
        "forest",
        "claims",
        "demo-ticket/demo-ticket-01",
        "--zone",
        "demo30m",
        "--turn",
        "rejected",
        "--why",
        "title",
        "--by",
        "clerk",
    ]
    assert main(turned) == 0 and "rejected" in capsys.readouterr().out


def test_overlaps_of_a_file(tmp_path, capsys):
    def feature(id, x):
        ring = [[x, 0], [x + 100, 0], [x + 100, 100], [x, 100], [x, 0]]
        about = {
            "id": id,
            "scheme": "ccer",
            "parcel": id,
            "start": "2020-01-01",
            "end": "2021-01-01",
            "pool": "tree",
            "benefit": "removal",
        }
        return {
            "type": "Feature",
            "properties": about,
            "geometry": {"type": "Polygon", "coordinates": [[[500000 + a, 2990000 + b] for a, b in ring]]},
        }

    path = tmp_path / "claims.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature("a", 0), feature("b", 100)]}))
    call = ["forest", "overlaps", str(path), "--crs", CRS, "--tolerance", "1", "--out", str(tmp_path / "map")]
    assert main(call) == 0 and not (tmp_path / "map").exists()
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature("a", 0), feature("b", 90)]}))
    assert main(call) == 1 and (tmp_path / "map/overlap.geojson").is_file()
    capsys.readouterr()
    assert main([*call, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["features"][0]["properties"]["area_m2"] == 1000
    path.write_text("{}")
    assert main(call) == 1
