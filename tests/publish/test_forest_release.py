"""Forest-carbon releases: signed folders that hold their inputs, revisions that keep the old one, replay to the byte."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pypdf import PdfReader

from qingshan.accounts.inventory import InventorySettings, forest_run, load_inventory, seal_inventories
from qingshan.core.canonical import file_digest
from qingshan.core.errors import OutOfBounds, RefusedRelease, UnknownName
from qingshan.faces.cli import main
from qingshan.ledger.signing import KeyMissing
from qingshan.publish.forest import changes, gather_forest
from qingshan.publish.forest_release import forest_releases, open_forest_release, publish_forest, verify_forest_release
from qingshan.publish.forest_report import _document, _formula
from qingshan.publish.signed import ENVIRONMENT
from qingshan.publish.words import Words
from qingshan.zone.zone import open_zone

SEED = "11" * 32
PLOTS = "plot,stratum,area_m2,x,y,place,dominant\n" + "".join(
    f"{p},{s},600,{x},{y},{place},{d}\n"
    for p, s, x, y, place, d in (
        ("a", "1", 0, 0, "520102", "杉木"), ("b", "1", 900, 0, "520103", "杉木"), ("c", "1", 0, 900, "520102", "马尾松"),
        ("d", "2", 900, 900, "520103", "马尾松"), ("e", "2", 400, 500, "520102", "马尾松"), ("f", "2", 700, 300, "520103", ""),
    )
)  # fmt: skip

EQUATIONS = (
    "id,set,taxon,taxon_zh,rank,quantity,form,a,b,d_unit,h_unit,unit,unit_basis,source_title,status\n"
    "own.cf,own,Cunninghamia lanceolata,杉木,species,total,power_d2h,0.05,0.93,cm,m,kg,printed,a survey of the bureau,secondary\n"
    "own.pm,own,Pinus massoniana,马尾松,species,total,power_d2h,0.06,0.92,cm,m,kg,printed,a survey of the bureau,secondary\n"
)


def tables(folder: Path, grown: float) -> Path:
    """Six plots in two strata, the last without trees."""
    folder.mkdir()
    (folder / "plots.csv").write_text(PLOTS, encoding="utf-8")
    trees = [
        f"{p},{i},{'杉木' if p in 'ab' else '马尾松'},{10 + 1.5 * i + grown + k},{8 + i}"
        for k, p in enumerate("abcde")
        for i in range(1, 5)
    ]
    (folder / "trees.csv").write_text("plot,tree,taxon,d_cm,h_m\n" + "\n".join(trees) + "\n", encoding="utf-8")
    (folder / "strata.csv").write_text("stratum,area_hm2\n1,600\n2,400\n", encoding="utf-8")
    (folder / "equations.csv").write_text(EQUATIONS, encoding="utf-8")
    return folder


def settings(year: str, **more) -> InventorySettings:
    return InventorySettings(id=f"plots{year}", period=year, zh="样地", en="plots", source="hand", sets=("own",), by=("dominant",),
                             place_column="place", confidence=0.9, **more)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A zone with two inventories, released for 2020, mended, released again."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QINGSHAN_HOME", str(home))
        patch.setenv(ENVIRONMENT, SEED)
        zone = open_zone("guizhou")
        load_inventory(zone, tables(home / "t15", 0), settings("2015"))
        load_inventory(
            zone, tables(home / "t20", 3), settings("2020", draws=60, seed=1, uncertain={"equations": 0.1, "d": 0.01})
        )
        seal_inventories(zone)
        first = publish_forest(zone, 2020)
        before = {p.relative_to(first.folder): p.read_bytes() for p in first.folder.rglob("*") if p.is_file()}
        with pytest.raises(RefusedRelease, match="same run"):
            publish_forest(zone, 2020, why="again")
        text = (home / "t20/trees.csv").read_text(encoding="utf-8")
        (home / "t20/trees.csv").write_text(text.replace("a,1,杉木,14.5", "a,1,杉木,15.5"), encoding="utf-8")
        load_inventory(zone, home / "t20", settings("2020", draws=60, seed=1, uncertain={"equations": 0.1, "d": 0.01}))
        seal_inventories(zone)
        with pytest.raises(RefusedRelease, match="needs its reason"):
            publish_forest(zone, 2020)
        second = publish_forest(zone, 2020, why="树 a/1 的胸径抄错")
        yield zone, first, second, before


def test_a_release_holds_all_it_says_and_its_signature_is_plain_ed25519(made):
    _, first, _, _ = made
    files = set(first.manifest["files"])
    assert {
        "estimates.csv",
        "estimates.json",
        "uncertainty.json",
        "methods.json",
        "report.zh.pdf",
        "report.en.pdf",
        "data/datapackage.json",
    } <= files
    assert {"map-places.zh.svg", "map-places.en.svg", "map-plots.zh.svg", "map-plots.en.svg"} <= files
    assert any(f.endswith("inputs/inventory/plots2020/trees.csv") for f in files)
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(first.signature["public_key"]))
    key.verify(bytes.fromhex(first.signature["signature"]), (first.folder / "manifest.json").read_bytes())
    assert (first.folder / "report.zh.pdf").read_bytes().startswith(b"%PDF")


def test_a_release_says_screening_where_its_equations_are_quoted(made):
    """The equations of the inventory are `secondary`; all its plots were measured, so it is not partial."""
    _, first, _, _ = made
    assert {"screening", "secondary"} <= set(first.labels) and "partial" not in first.labels
    said = {r["quantity"]: r["labels"] for r in first.estimates if not r["cls"] and r["role"] == "estimate"}
    assert "screening" in said["inventory.carbon"] and "screening" not in said["inventory.area"]
    document = _document(gather_forest(forest_run(made[0]), "2020"), Words("zh"), {}, 1, "", None)
    assert "方程或参数系转引或自定" in str(document["labels"])


def test_an_equation_is_printed_as_its_formula_with_its_coefficients():
    """The letters of `W = a (D^2 H)^b` and of `W = a D^(b1 + b2 (D + H)) H^(c1 + c2 (D + H))` in their order; an unknown form as it is."""
    words = Words("en")
    cell = _formula("power_d2h: 0.05, 0.93", "a note", words)
    assert (cell.text, cell.sub) == ("W = a (D^2 H)^b", "a = 0.05, b = 0.93; a note")
    assert (
        _formula("variable: 8e-05, 1.9, -0.005, 0.7, 0.007", "", words).sub
        == "a = 8e-05, b1 = 1.9, b2 = -0.005, c1 = 0.7, c2 = 0.007"
    )
    for odd in ("spline: 1, 2", "power_d2h: 0.05"):
        assert _formula(odd, "", words).text == odd


def test_the_figures_are_those_of_the_run(made):
    zone, _, second, _ = made
    account = gather_forest(forest_run(zone), "2020")
    whole = next(
        r
        for r in second.estimates
        if (r["quantity"], r["place"], r["cls"], r["role"]) == ("inventory.carbon", zone.root, "", "estimate")
    )
    assert (
        whole["value"] == account.cell("estimate", "carbon", zone.root).value
        and whole["low"] < whole["value"] < whole["high"]
    )
    assert whole["df"] == 4 and whole["plots"] == 6 and whole["confidence"] == 0.9
    routes = [r["route"] for r in json.loads((second.folder / "uncertainty.json").read_bytes())]
    assert routes.count("monte_carlo") == 1 and "design" in routes
    shares = next(
        r for r in json.loads((second.folder / "uncertainty.json").read_bytes()) if r["route"] == "monte_carlo"
    )["shares"]
    assert sum(shares.values()) == pytest.approx(1, abs=1e-9)


def test_counties_add_up_to_prefecture_and_province(made):
    zone, _, second, _ = made
    account = gather_forest(forest_run(zone), "2020")
    assert account.adds_up
    total = {
        r["place"]: r["value"]
        for r in second.estimates
        if (r["quantity"], r["cls"], r["role"]) == ("inventory.carbon", "", "estimate")
    }
    assert total["520102"] + total["520103"] == pytest.approx(total["520100"], rel=1e-12)
    assert total["520100"] == pytest.approx(total[zone.root], rel=1e-12)


def test_a_revision_keeps_the_old_one_and_says_what_changed_and_why(made):
    zone, first, second, before = made
    assert {p.relative_to(first.folder): p.read_bytes() for p in first.folder.rglob("*") if p.is_file()} == before
    assert (second.revision, second.why) == (2, "树 a/1 的胸径抄错")
    assert second.manifest["previous"] == file_digest(first.folder / "manifest.json")
    inputs = [c for c in second.changes["causes"] if c["kind"] == "input"]
    assert [(c["what"], c["how"]) for c in inputs] == [("inputs/inventory/plots2020/trees.csv", "changed")]
    carbon = next(
        f
        for f in second.changes["figures"]
        if (f["quantity"], f["place"], f["cls"]) == ("inventory.carbon", zone.root, "")
    )
    assert carbon["after"] > carbon["before"] and carbon["difference"] == carbon["after"] - carbon["before"]
    assert not [f for f in second.changes["figures"] if f["period"] == "2015"]
    assert [r.revision for r in forest_releases(zone)] == [2, 1]


@pytest.mark.long
def test_a_revision_replays_to_the_byte(made, capsys):
    """From plots and trees in another process, and every file of the release made again; the first revision is beside it."""
    assert main(["verify", str(made[2].folder), "--json"]) == 0
    verdict = json.loads(capsys.readouterr().out)
    assert verdict["equal"] and verdict["files"] == len(made[2].manifest["files"]) and verdict["facts"] > 100


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("estimates.csv", b"inventory.carbon", b"inventory.carbom", "estimates.csv"),
        ("manifest.json", b'"revision":1', b'"revision":3', "signature"),
        ("signature.json", b'"signature":"', b'"signature":"00', "signature"),
    ],
)
def test_a_touched_release_is_named(made, tmp_path, name, old, new, says):
    copy = tmp_path / "r1"
    shutil.copytree(made[1].folder, copy)
    raw = (copy / name).read_bytes()
    assert old in raw
    (copy / name).write_bytes(raw.replace(old, new, 1))
    verdict = verify_forest_release(copy)
    assert not verdict.ok and any(says in d["what"] or says in d["en"] for d in verdict.differences)


def test_a_lost_signature_and_a_strange_file_are_named(made, tmp_path):
    copy = tmp_path / "r1"
    shutil.copytree(made[1].folder, copy)
    (copy / "signature.json").unlink()
    (copy / "note.txt").write_text("x")
    said = " ".join(d["en"] for d in verify_forest_release(copy).differences)
    assert "missing" in said and "note.txt" in said
    with pytest.raises(UnknownName):
        open_forest_release(tmp_path)


def test_without_a_key_only_a_draft_is_written(made, monkeypatch, tmp_path):
    zone, *_ = made
    monkeypatch.delenv(ENVIRONMENT)
    with pytest.raises(KeyMissing, match=ENVIRONMENT):
        publish_forest(zone, 2020, out=tmp_path)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]
    draft = publish_forest(zone, 2020, draft=True, out=tmp_path)
    assert draft.revision == 0 and not draft.signed and draft.folder.name == "draft"
    with pytest.raises(UnknownName, match="2015, 2020"):
        publish_forest(zone, 1999, draft=True, out=tmp_path)


def test_the_command_prints_what_changed(made, capsys, tmp_path):
    _, first, _, _ = made
    series = tmp_path / "forest-carbon-2020"
    shutil.copytree(first.folder, series / "r1")
    assert (
        main(
            [
                "publish",
                "forest-carbon",
                "--zone",
                "guizhou",
                "--year",
                "2020",
                "--why",
                "胸径更正",
                "--out",
                str(tmp_path),
            ]
        )
        == 0
    )
    out = capsys.readouterr().out
    assert (
        "胸径更正" in out
        and "inputs/inventory/plots2020/trees.csv" in out
        and re.search(r"Tree carbon stock  .*: [\d,.]+ -> [\d,.]+ t C  \+", out)
    )
    assert (
        main(
            ["publish", "forest-carbon", "--zone", "guizhou", "--year", "2020", "--out", str(tmp_path), "--lang", "en"]
        )
        == 1
    )


def test_a_draft_that_changes_nothing_says_so_without_an_empty_table(made, tmp_path):
    shutil.copytree(made[2].folder, tmp_path / "forest-carbon-2020" / made[2].folder.name)
    draft = publish_forest(made[0], 2020, draft=True, out=tmp_path)
    assert draft.changes["figures"] == [] and verify_forest_release(draft.folder).equal
    text = "".join(page.extract_text() for page in PdfReader(draft.folder / "report.en.pdf").pages)
    assert "No figure differs from the revision before." in " ".join(text.split()) and "Causes" not in text


def test_changes_name_what_came_and_went():
    row = {"role": "estimate", "quantity": "q", "place": "p", "period": "2020", "cls": "", "unit": "t"}
    side = {"files": {"inputs/a": "1"}, "methods": {"m": "1"}, "domains": {}, "software": {"numpy": "1"}}
    got = changes([{**row, "value": 2.0}, {**row, "cls": "x", "value": 1.0}], [{**row, "value": 3.0}, {**row, "cls": "y", "value": 1.0}], side,
                  side | {"files": {"inputs/b": "1"}, "software": {"numpy": "2"}})  # fmt: skip
    assert [(f["cls"], f["before"], f["after"], f["relative"]) for f in got["figures"]] == [
        ("", 2.0, 3.0, 0.5),
        ("x", 1.0, None, None),
        ("y", None, 1.0, None),
    ]
    assert [(c["kind"], c["what"], c["how"]) for c in got["causes"]] == [
        ("input", "inputs/a", "removed"), ("input", "inputs/b", "added"), ("software", "numpy", "changed")]  # fmt: skip


def test_an_open_or_doubtful_row_stands_against_a_signed_release(made, monkeypatch):
    zone, *_ = made
    account = gather_forest(forest_run(zone), "2020")
    assert account.reasons == ()
    import qingshan.publish.forest as module  # noqa: PLC0415

    monkeypatch.setattr(module, "RELEASE_STATUSES", ("primary",))
    doubted = gather_forest(forest_run(zone), "2020")
    assert doubted.reasons and all(r.code == "parameter_status" for r in doubted.reasons)


def test_assumed_units_and_synthetic_data_stand_against_a_signature(tmp_path, monkeypatch, capsys):
    """A draft may rest on both and says so; a signed release on synthetic data as a marked demonstration, on assumed units never."""
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(ENVIRONMENT, SEED)
    zone, folder = open_zone("guizhou"), tables(tmp_path / "t", 0)
    assumed = settings("2020", synthetic=True, allow_unit_assumed=True)
    load_inventory(zone, folder, replace(assumed, sets=("anhui2016",)))
    seal_inventories(zone)
    with pytest.raises(RefusedRelease) as refused:
        publish_forest(zone, 2020)
    said = " ".join(refused.value.reasons)
    assert "synthetic" in said and "units of the equation anhui2016.pinus_massoniana.stem are assumed" in said
    with pytest.raises(RefusedRelease, match="assumed"):
        publish_forest(zone, 2020, demonstration=True)
    draft = publish_forest(zone, 2020, draft=True)
    assert draft.labels[:2] == ("synthetic", "unit_assumed") and not draft.signed
    load_inventory(zone, folder, settings("2020", synthetic=True))
    seal_inventories(zone)
    with pytest.raises(RefusedRelease, match="synthetic"):
        publish_forest(zone, 2020)
    shown = publish_forest(zone, 2020, demonstration=True)
    assert shown.signed and shown.demonstration and shown.labels[:2] == ("synthetic", "demonstration")
    load_inventory(zone, folder, settings("2020"))
    seal_inventories(zone)
    with pytest.raises(OutOfBounds, match="measured"):
        publish_forest(zone, 2020, why="x", demonstration=True)


def test_without_leave_an_assumed_unit_refuses_the_figures(tmp_path, monkeypatch):
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))
    zone = open_zone("guizhou")
    load_inventory(zone, tables(tmp_path / "t", 0), replace(settings("2020"), sets=("anhui2016",)))
    refused = seal_inventories(zone).fact("inventory.carbon", zone.root, "2020").refusal
    assert refused and "anhui2016" in refused.en and "allow_unit_assumed" in refused.document


def test_whose_signature_it_is_the_reader_says(made, tmp_path, monkeypatch, capsys):
    """Integrity is not authorship: another key passes unless the reader names the one expected, or keeps a table of trusted keys."""
    import qingshan.publish.forest_release as module  # noqa: PLC0415

    monkeypatch.setattr(module, "_replayed", lambda *_: None)  # the replay has a test of its own
    folder, key = str(made[1].folder), made[1].signature["public_key"]
    assert main(["verify", folder]) == 0 and "was not checked" in capsys.readouterr().out
    assert main(["verify", folder, "--public-key", key.upper()]) == 0
    assert f"signed by {key}, the key expected" in capsys.readouterr().out
    (tmp_path / "key").write_text(key + "\n")
    assert main(["verify", folder, "--public-key", str(tmp_path / "key"), "--lang", "zh"]) == 0
    assert "与所给公钥一致" in capsys.readouterr().out
    assert main(["verify", folder, "--public-key", "ab" * 32]) == 1
    assert f"signed by {key}, expected {'ab' * 32}" in capsys.readouterr().out
    assert main(["verify", folder, "--public-key", "abc"]) == 1 and "no Ed25519 public key" in capsys.readouterr().err
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path))
    (tmp_path / "trusted_keys.csv").write_text(f"public_key,name\n{key},省林业局\n", encoding="utf-8")
    assert "省林业局" in verify_forest_release(made[1].folder).notes[0]
    (tmp_path / "trusted_keys.csv").write_text("public_key,name\n", encoding="utf-8")
    assert [d["kind"] for d in verify_forest_release(made[1].folder).differences] == ["signer"]
