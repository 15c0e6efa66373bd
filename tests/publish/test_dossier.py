"""Dossiers as they are kept: versions, the PDF, the map of a refusal, and the verbs that make them."""

import json
import shutil
from xml.etree import ElementTree

import numpy as np
import pytest
from pypdf import PdfReader
from starlette.testclient import TestClient

from qingshan.accounts.claim.dossier import dossier_of, dossiers, open_dossier
from qingshan.accounts.claim.index import DoubleCounted
from qingshan.accounts.claim.sealed import DossierRun, evidence_folder, seal_dossier
from qingshan.accounts.claim.synthetic import write_demo_project
from qingshan.accounts.claim.table import open_table
from qingshan.core.build import build
from qingshan.core.canonical import canonical, digest, file_digest
from qingshan.core.domain import load_domains
from qingshan.core.errors import OutOfBounds, QingshanError
from qingshan.faces.api.app import create_app
from qingshan.faces.cli import main
from qingshan.observe.remeasured import REGRESSED
from qingshan.publish.dossier import claims_table, publish_dossier, verify_dossier
from qingshan.publish.words import LANGUAGES, Words, gravest_first
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
    assert main([*turned, "--lang", "zh"]) == 1
    assert "为 rejected，不能变为 rejected；其后可为 declared" in capsys.readouterr().err
    assert main(["forest", "claims", "demo-ticket/demo-ticket-01", "--zone", "demo30m", "--lang", "zh"]) == 0
    said = capsys.readouterr().out
    assert (
        "林业碳票  林木  清除  2015-01-01 至 2020-01-01" in said
        and "已驳回（rejected）" in said
        and "权利主张 1 条" in said
    )


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


def test_a_dossier_is_verified_from_its_own_evidence(home, tmp_path, capsys):
    """Hashes of the evidence are checked and everything is computed again from it; a changed byte is named."""
    write_demo_project(tmp_path / "p")
    kept = publish_dossier(home, tmp_path / "p", crs=CRS, tolerance_m2=1.0)
    verdict = verify_dossier(kept.folder)
    assert verdict.equal and verdict.facts == len(DossierRun(kept.run).facts) > 80 and verdict.nodes > 1000
    assert main(["verify", "demo30m/demo-ticket"]) == 0 and "equal to the byte" in capsys.readouterr().out
    path = kept.run / "inputs/inventory/closing/trees.csv"
    path.write_bytes(path.read_bytes().replace(b"1,", b"2,", 1))
    assert main(["verify", str(kept.folder)]) == 1
    assert "inputs/inventory/closing/trees.csv is not what the manifest says" in capsys.readouterr().out
    manifest = kept.folder / "manifest.json"
    told = json.loads(manifest.read_bytes())
    told["files"][path.relative_to(kept.folder).as_posix()] = file_digest(path)  # who changes it names the new hash too
    manifest.write_bytes(canonical(told))
    said = " ".join(d["en"] for d in verify_dossier(kept.folder).differences)
    assert "the evidence closing/trees.csv is not what the dossier names" in said


def rewritten(folder, name, data, **more):
    """The file of a kept dossier as `data` has it, named so in the manifest, which `more` goes into."""
    (folder / name).write_bytes(data)
    told = json.loads((folder / "manifest.json").read_bytes()) | more
    told["files"][name] = file_digest(folder / name)
    (folder / "manifest.json").write_bytes(canonical({k: v for k, v in told.items() if v is not None}))


def hashed(folder):
    """The hashes in a folder's manifest are those of the files that now lie there, as who changes them would write them."""
    told = json.loads((folder / "manifest.json").read_bytes())
    present = sorted(p for p in folder.rglob("*") if p.is_file() and p != folder / "manifest.json")
    told["files"] = {p.relative_to(folder).as_posix(): file_digest(p) for p in present}
    (folder / "manifest.json").write_bytes(canonical(told))
    return told


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    write_demo_project(folder / "p")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QINGSHAN_HOME", str(folder / "home"))
        return publish_dossier(open_zone("demo30m"), folder / "p", crs=CRS, tolerance_m2=1.0).folder


@pytest.fixture
def kept(published, tmp_path, monkeypatch):
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))
    return open_dossier(shutil.copytree(published, tmp_path / "v1"))


def test_a_dossier_without_its_run_is_never_equal(kept, capsys):
    """Without data/ nothing can be computed: changed figures with rewritten hashes would pass."""
    shutil.rmtree(kept.folder / "data")
    lines = (kept.folder / "reductions.csv").read_bytes()
    (kept.folder / "reductions.csv").write_bytes(lines.replace(b",1", b",2", 1))
    hashed(kept.folder)
    verdict = verify_dossier(kept.folder)
    assert not verdict.ok and [d["kind"] for d in verdict.differences] == ["run"]
    assert main(["verify", str(kept.folder)]) == 1
    said = capsys.readouterr().out
    assert "it holds no run; nothing was computed again" in said and "not equal" in said
    assert main(["verify", str(kept.folder), "--lang", "zh"]) == 1
    assert "其中没有核算，什么都没有重算" in capsys.readouterr().out


FINDING = canonical({"level": "error", "code": "x", "zh": "", "en": ""}) + b"\n"


def _reworded(data):
    return canonical(json.loads(data) | {"periods": ["1999"]})


RUN_FILES = [
    ("manifest.json", _reworded, "manifest"),
    ("findings.jsonl", lambda data: FINDING, "result"),
    ("refusals.jsonl", lambda data: FINDING, "result"),
    ("facts.jsonl", lambda data: data[data.index(b"\n") + 1 :], "result"),
    ("nodes.jsonl", lambda data: data[data.index(b"\n") + 1 :], "result"),
    ("inputs/inventory/closing/settings.json", lambda data: data.replace(b'"total"', b'"above"'), "input"),
    ("inputs/inventory/opening/plots.csv", lambda data: data + b"\n", "input"),
    ("inputs/project/project.toml", lambda data: data + b"\n", "input"),
    ("inputs/zone/missing.csv", lambda data: data + b"\n", "input"),
    ("inputs/zone/zone.toml", lambda data: None, "missing"),
    ("inputs/inventory/closing/trees.csv", lambda data: None, "missing"),
    ("refusals.jsonl", lambda data: None, "missing"),
    ("inputs/zone/more.csv", lambda data: b"a\n", "extra"),
    ("inputs/inventory/closing/more.csv", lambda data: b"a\n", "extra"),
    ("uncertainty.jsonl", lambda data: b"{}\n", "extra"),
]


@pytest.mark.parametrize(("name", "change", "kind"), RUN_FILES)
def test_any_file_of_the_run_that_is_changed_missing_or_extra_is_told(kept, name, change, kind):
    path = kept.run / name
    before = path.read_bytes() if path.is_file() else b""
    after = change(before)
    assert after != before
    if after is None:
        path.unlink()
    else:
        path.write_bytes(after)
    hashed(kept.folder)
    verdict = verify_dossier(kept.folder)
    assert not verdict.ok and (kind, f"data/{kept.run.name}/{name}") in {
        (d["kind"], d["what"]) for d in verdict.differences
    }


# a file that the zone or project does read and that the dossier does not name is one of a consistent other run
REPLAYED = [
    x for x in RUN_FILES if x[0] not in ("inputs/zone/zone.toml", "inputs/zone/missing.csv") and "trees" not in x[0]
]


@pytest.mark.parametrize(("name", "change", "kind"), REPLAYED)
def test_a_run_resealed_over_a_changed_file_differs_from_its_replay(kept, name, change, kind):
    """Hashes of the run's manifest, its name and the dossier's manifest are all rewritten: only the replay can tell."""
    path = kept.run / name
    after = change(path.read_bytes() if path.is_file() else b"")
    if after is None:
        path.unlink()
    else:
        path.write_bytes(after)
    told = hashed(kept.run)
    resealed = kept.run.rename(kept.run.with_name(f"demo-ticket-{digest(told)[:12]}"))
    hashed(kept.folder)
    found = {(d["kind"], d["what"]) for d in verify_dossier(kept.folder).differences}
    evidence = name.removeprefix("inputs/project/").removeprefix("inputs/inventory/")
    assert {(kind, f"data/{resealed.name}/{name}"), ("evidence", evidence)} & found


@pytest.mark.parametrize("name", ["../out.csv", "opening/../../out.csv", "/out.csv"])
def test_evidence_that_would_lie_outside_the_project_is_refused(tmp_path, name):
    """Who verifies a dossier of others has nothing written elsewhere."""
    with pytest.raises(QingshanError, match="lies outside the project"):
        evidence_folder(tmp_path / "run", {name: "0"}, tmp_path / "project")
    assert not list(tmp_path.iterdir())


def test_missing_evidence_of_a_resealed_run_is_told(kept):
    (kept.run / "inputs/inventory/closing/trees.csv").unlink()
    told = hashed(kept.run)
    kept.run.rename(kept.run.with_name(f"demo-ticket-{digest(told)[:12]}"))
    hashed(kept.folder)
    (found,) = verify_dossier(kept.folder).differences
    assert found["kind"] == "evidence" and "inputs/inventory/closing/trees.csv is missing" in found["en"]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("facts.jsonl", b"{no json\n"),
        ("nodes.jsonl", b"{no json\n"),
        ("refusals.jsonl", b"{no json\n"),
        ("facts.jsonl", b"\xff\n"),
        ("facts.jsonl", b"[]\n"),
    ],
)
def test_a_line_that_is_no_record_is_a_difference(kept, name, line, capsys):
    path = kept.run / name
    path.write_bytes(path.read_bytes() + line)
    hashed(kept.folder)
    (found,) = verify_dossier(kept.folder).differences
    at = len(path.read_bytes().splitlines())
    assert found["kind"] == "result" and found["en"].endswith(f"{name} cannot be read: line {at} is no JSON record.")
    assert f"第 {at} 行不是 JSON 记录" in found["zh"]
    assert main(["verify", str(kept.folder)]) == 1 and "not equal" in capsys.readouterr().out


def test_the_manifest_of_a_run_that_is_no_json_is_a_difference(kept):
    (kept.run / "manifest.json").write_bytes(b"{")
    hashed(kept.folder)
    (found,) = verify_dossier(kept.folder).differences
    assert found["kind"] == "manifest" and found["zh"].endswith("读不出来。")


def test_another_build_excuses_no_missing_and_no_further_drawing(kept):
    (kept.folder / "dossier.en.pdf").unlink()
    (kept.folder / "approval.pdf").write_bytes(b"%PDF")
    told = hashed(kept.folder)
    (kept.folder / "manifest.json").write_bytes(canonical(told | {"software": {"build": "0123456789ab"}}))
    found = [(d["kind"], d["what"]) for d in verify_dossier(kept.folder).differences]
    assert found == [("extra", "approval.pdf"), ("missing", "dossier.en.pdf")]


def test_a_run_of_other_software_replays_equal(kept):
    """What names the maker in the run's manifest is no figure."""
    path = kept.run / "manifest.json"
    told = json.loads(path.read_bytes())
    told["software"] |= {"machine": "other"}
    told["domains"] = {}
    path.write_bytes(canonical(told))
    kept.run.rename(kept.run.with_name(f"demo-ticket-{digest(told)[:12]}"))
    hashed(kept.folder)
    assert verify_dossier(kept.folder).equal


def test_a_dossier_of_another_build_is_told_from_one_that_was_tampered_with(home, tmp_path, capsys):
    write_demo_project(tmp_path / "p")
    kept = publish_dossier(home, tmp_path / "p", crs=CRS, tolerance_m2=1.0)
    own = json.loads((kept.folder / "manifest.json").read_bytes())["software"]
    assert own["build"] == build() and len(build()) == 12 and own["numpy"] == np.__version__
    pdf = (kept.folder / "dossier.en.pdf").read_bytes()
    rewritten(kept.folder, "dossier.en.pdf", pdf + b"%")  # by this build: somebody changed it
    (found,) = verify_dossier(kept.folder).differences
    assert found["kind"] == "result" and "dossier.en.pdf comes out differently" in found["en"]
    rewritten(kept.folder, "dossier.en.pdf", pdf + b"%", software=own | {"build": "0123456789ab"})
    assert main(["verify", str(kept.folder)]) == 1
    said = capsys.readouterr().out
    assert (
        "another build: this build sets or draws dossier.en.pdf otherwise" in said
        and "differs:" not in said
        and "not equal" not in said
    )
    assert "figures in these files were not compared; those of dossier.json and reductions.csv were." in said
    assert "build 0123456789ab" in said and f"this is build {build()}" in said and "qingshan forest dossier" in said
    rewritten(kept.folder, "dossier.en.pdf", pdf + b"%", software=None)  # from before manifests named a build
    (found,) = verify_dossier(kept.folder).differences
    assert found["kind"] == "build" and "earlier build that did not name itself (python 3." in found["en"]
    assert main(["verify", str(kept.folder), "--lang", "zh"]) == 1
    assert "未记构建号的早期构建" in (said := capsys.readouterr().out) and "由另一构建生成，本构建不能核验" in said
    assert "这些文件中的数字未作比对；dossier.json 与 reductions.csv 的数字已比对。" in said
    lines = kept.folder / "reductions.csv"
    lines.write_bytes(lines.read_bytes().replace(b",1", b",2", 1))
    (found,) = verify_dossier(kept.folder).differences  # a changed file is one whoever made the dossier
    assert found["kind"] == "result" and found["en"] == "reductions.csv is not what the manifest says."


@pytest.mark.parametrize("software", [{"build": "0123456789ab"}, None])
def test_the_word_of_a_dossier_that_another_build_made_it_excuses_no_figure_and_no_evidence(home, tmp_path, software):
    """The manifest is not signed: whoever changes a figure or the evidence can name another build there too."""
    write_demo_project(tmp_path / "p")
    kept = publish_dossier(home, tmp_path / "p", crs=CRS, tolerance_m2=1.0)
    lines = (kept.folder / "reductions.csv").read_bytes()
    rewritten(kept.folder, "reductions.csv", lines.replace(b",1", b",2", 1), software=software)
    verdict = verify_dossier(kept.folder)
    assert [(d["kind"], d["what"]) for d in verdict.differences] == [("result", "reductions.csv")]
    assert "By its own word the dossier was made by" in verdict.notes[0]
    rewritten(kept.folder, "reductions.csv", lines)
    trees = kept.run / "inputs/inventory/closing/trees.csv"
    name = trees.relative_to(kept.folder).as_posix()
    rewritten(kept.folder, name, trees.read_bytes().replace(b"1,", b"2,", 1), software=software)
    kinds = {(d["kind"], d["what"]) for d in verify_dossier(kept.folder).differences}
    assert ("evidence", "closing/trees.csv") in kinds


@pytest.mark.parametrize("software", ["x", ["a"], {"build": 7}])
def test_a_maker_that_is_no_table_of_words_is_a_changed_manifest(home, tmp_path, software):
    write_demo_project(tmp_path / "p")
    kept = publish_dossier(home, tmp_path / "p", crs=CRS, tolerance_m2=1.0)
    rewritten(kept.folder, "dossier.json", (kept.folder / "dossier.json").read_bytes(), software=software)
    (found,) = verify_dossier(kept.folder).differences
    assert found["kind"] == "manifest" and "`software`" in found["en"]
    assert publish_dossier(home, tmp_path / "p").version == 1  # the same bytes


def test_another_build_makes_a_new_version_where_its_bytes_differ_and_none_where_they_do_not(home, tmp_path):
    write_demo_project(tmp_path / "p")
    kept = publish_dossier(home, tmp_path / "p", crs=CRS, tolerance_m2=1.0)
    data = (kept.folder / "dossier.en.pdf").read_bytes()
    rewritten(kept.folder, "dossier.en.pdf", data, software=None)
    assert publish_dossier(home, tmp_path / "p").version == 1 and verify_dossier(kept.folder).equal
    rewritten(kept.folder, "dossier.en.pdf", data + b"%", software=None)
    anew = publish_dossier(home, tmp_path / "p")
    assert anew.version == 2 and verify_dossier(anew.folder).equal
    assert publish_dossier(home, tmp_path / "p").version == 2


def test_a_sealed_dossier_has_the_labels_of_both_inventories(home, tmp_path):
    """anhui2016 is quoted (`secondary`), so everything is a screening; of the opening 2 % of the first stratum was not measured, of the closing
    nothing: its stock alone is whole, and what rests on both is partial."""
    write_demo_project(tmp_path / "p")
    strata = tmp_path / "p/opening/strata.csv"
    head, first, *rest = strata.read_text().splitlines()
    strata.write_text("\n".join([f"{head},adjust", f"{first},1.02", *(f"{line},1" for line in rest)]) + "\n")
    dossier = dossier_of(tmp_path / "p", open_table(tmp_path / "table", CRS, 1.0))
    run = DossierRun(seal_dossier(dossier, home, tmp_path))
    common = {"synthetic", "draft", "unit_assumed", "estimated", "screening", "secondary"}
    stocks = {f.period: set(f.labels) for f in run.facts if f.quantity == "inventory.co2"}
    assert stocks == {"2015": common | {"partial"}, "2020": common}
    others = {f.labels for f in run.facts if f.quantity != "inventory.co2"}
    assert len(others) == 1 and set(*others) == common | {"partial"}


def test_the_pdf_prints_every_label_of_the_figures_gravest_first(home, tmp_path):
    """As the sealed figures above, of an opening inventory with a plot not measured; in both languages, on the page and in the verb too."""
    write_demo_project(tmp_path / "p")
    strata = tmp_path / "p/opening/strata.csv"
    head, first, *rest = strata.read_text().splitlines()
    strata.write_text("\n".join([f"{head},adjust", f"{first},1.02", *(f"{line},1" for line in rest)]) + "\n")
    kept = publish_dossier(home, tmp_path / "p", crs=CRS, tolerance_m2=1.0)
    assert gravest_first(kept.labels) == [
        "synthetic", "draft", "unit_assumed", "partial", "screening", "estimated", "secondary",
    ]  # fmt: skip
    for lang in LANGUAGES:
        words = Words(lang)
        text = "".join(PdfReader(kept.folder / f"dossier.{lang}.pdf").pages[0].extract_text().split())
        at = [text.find("".join(words(f"label.{x}").split())) for x in (*gravest_first(kept.labels), "news")]
        assert min(at) >= 0, at
    assert verify_dossier(kept.folder).equal


def test_a_dossier_by_double_sampling_is_sealed_and_verified(home, tmp_path):
    """The project declares its estimator as an inventory does: first_phase.csv beside both inventories, twice as many plots."""
    folder = tmp_path / "p"
    write_demo_project(folder)
    path = folder / "project.toml"
    path.write_text(
        path.read_text(encoding="utf-8").replace(
            "[inventory]\n", '[inventory]\nestimator = "double_sampling"\nauxiliary = "cover"\n'
        )
    )
    for when in ("opening", "closing"):
        plots = [line.split(",")[:2] for line in (folder / when / "plots.csv").read_text().splitlines()[1:]]
        rows = [
            f"{p},{s},{0.3 + 0.04 * i % 0.5:.2f}"
            for i, (p, s) in enumerate([*plots, *([f"x{p}", s] for p, s in plots)])
        ]
        (folder / when / "first_phase.csv").write_text("\n".join(["plot,stratum,cover", *rows]) + "\n")
    kept = publish_dossier(home, folder, crs=CRS, tolerance_m2=1.0)
    change = kept.record["change"]
    assert (change["estimator"], change["auxiliary"], change["kind"]) == (
        "double_sampling",
        "cover",
        "paired_regression",
    )
    assert change["value"] == pytest.approx(change["closing"]["value"] - change["opening"]["value"])
    run = DossierRun(kept.run)
    stocks = {f.period: f.value for f in run.facts if f.quantity == "inventory.co2"}
    assert stocks == {
        "2015": pytest.approx(change["opening"]["value"]),
        "2020": pytest.approx(change["closing"]["value"]),
    }
    assert {n.notes["auxiliary"] for n in run.nodes.values() if n.kind == "stratum"} == {"cover"}
    node = next(n for n in run.nodes.values() if n.quantity == "project.change")
    assert node.method == "forest.change_variance@two_phase" == REGRESSED
    assert node.code == load_domains().registry[REGRESSED].code == run.manifest["methods"][REGRESSED]
    assert run.explain(node.key)["method"]["ref"] == REGRESSED
    client = TestClient(create_app(home, {}))
    for lang in ("zh", "en"):
        assert f"/method/{REGRESSED}" in client.get(f"/{lang}/pedigree/{node.key}").text
    assert verify_dossier(kept.folder).equal
    assert "regressionontheauxiliary" in "".join(
        PdfReader(kept.folder / "dossier.en.pdf").pages[0].extract_text().split()
    )


def test_a_figure_of_a_project_is_explained_down_to_its_trees(home, tmp_path, capsys):
    write_demo_project(tmp_path / "p")
    kept = publish_dossier(home, tmp_path / "p", crs=CRS, tolerance_m2=1.0)
    call = [
        "explain",
        "project.reduction",
        "--zone",
        "demo30m",
        "--dossier",
        "demo-ticket",
        "--cls",
        "parcel:demo-ticket-01",
        "--period",
        "2016",
    ]
    assert main([*call, "--json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    line = next(x for x in kept.record["lines"] if (x["parcel"], x["vintage"]) == ("demo-ticket-01", 2016))
    assert tree["value"] == line["kg"] / 1000
    chain = []
    while tree:
        chain.append(tree["quantity"] if tree["kind"] not in ("stratum", "sample", "plot", "tree") else tree["kind"])
        kids = [c["tree"] for c in tree.get("children", ()) if c["role"] not in ("parcel", "weight")]
        leaf, tree = tree, kids[0] if kids else None
    assert chain == [
        "project.reduction", "project.reduction", "project.creditable", "project.net", "project.deducted", "project.change", "inventory.co2",
        "inventory.carbon", "inventory.biomass", "stratum", "sample", "plot", "tree",
    ]  # fmt: skip
    assert leaf["row"]["file"] == "inputs/inventory/closing/trees.csv" and leaf["row"]["row"] == 2
    assert leaf["row"]["file_sha256"] == kept.record["evidence"]["closing/trees.csv"] and leaf["notes"]["equations"]
    run = DossierRun(kept.run)
    parcels = [f.value for f in run.facts if f.quantity == "project.reduction" and f.cls and f.period == "2015-2020"]
    vintages = [f.value for f in run.facts if f.quantity == "project.reduction" and not f.cls and "-" not in f.period]
    assert (
        sum(parcels) == pytest.approx(kept.record["kg_co2e"] / 1000, abs=1e-9) == pytest.approx(sum(vintages), abs=1e-9)
    )
    assert (
        main(["explain", "project.net", "--zone", "demo30m", "--dossier", "nobody"]) == 2
        and "demo-ticket" in capsys.readouterr().err
    )
