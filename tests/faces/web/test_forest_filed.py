"""Releases and projects: what a page says of them is what their folders hold, and only named files can be taken."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from pypdf import PdfReader

from qingshan.accounts.claim.dossier import dossiers
from qingshan.accounts.claim.sealed import DossierRun
from qingshan.accounts.claim.synthetic import write_demo_project
from qingshan.accounts.inventory import InventorySettings, load_inventory, seal_inventories
from qingshan.core.canonical import file_digest
from qingshan.faces.api.app import create_app
from qingshan.faces.web.released import released_runs
from qingshan.publish.dossier import publish_dossier
from qingshan.publish.forest_release import ForestRelease, publish_forest
from qingshan.publish.signed import ENVIRONMENT
from qingshan.zone.zone import open_zone

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the client's own notice about its transport
    from starlette.testclient import TestClient

    from qingshan.accounts.claim.index import DoubleCounted

PLACES = ("520102", "520103")
EQUATIONS = (
    "id,set,taxon,taxon_zh,rank,quantity,form,a,b,d_unit,h_unit,unit,unit_basis,source_title,status\n"
    "own.cf,own,Cunninghamia lanceolata,杉木,species,total,power_d2h,0.05,0.93,cm,m,kg,printed,a survey of the bureau,secondary\n"
    "own.pm,own,Pinus massoniana,马尾松,species,total,power_d2h,0.06,0.92,cm,m,kg,printed,a survey of the bureau,secondary\n"
)


@dataclass
class Filed:
    """A client over guizhou with two revisions of a release, a project, and one that was refused."""

    client: TestClient
    first: ForestRelease
    second: ForestRelease
    kg: int


def tables(folder: Path, grown: float) -> Path:
    folder.mkdir(exist_ok=True)
    plots = [(p, s, PLACES[i % 2]) for i, (p, s) in enumerate((("a", 1), ("b", 1), ("c", 2), ("d", 2)))]
    (folder / "strata.csv").write_text("stratum,area_hm2\n1,600\n2,400\n")
    (folder / "equations.csv").write_text(EQUATIONS, encoding="utf-8")
    (folder / "plots.csv").write_text(
        "plot,stratum,area_m2,place\n" + "".join(f"{p},{s},600,{at}\n" for p, s, at in plots)
    )
    trees = [f"{p},{n},杉木,{10 + n + k + grown},9" for k, (p, _, _) in enumerate(plots) for n in range(1, 4)]
    (folder / "trees.csv").write_text("plot,tree,taxon,d_cm,h_m\n" + "\n".join(trees) + "\n")
    return folder


@pytest.fixture(scope="module")
def filed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filed]:
    home = tmp_path_factory.mktemp("filed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QINGSHAN_HOME", str(home / "home"))
        patch.setenv(ENVIRONMENT, "22" * 32)
        zone = open_zone("guizhou")
        settings = InventorySettings("plots2020", "2020", source="a survey", sets=("own",), place_column="place")
        load_inventory(zone, tables(home / "t", 0.0), settings)
        seal_inventories(zone)
        first = publish_forest(zone, 2020)
        load_inventory(zone, tables(home / "t", 1.0), settings)
        seal_inventories(zone)
        second = publish_forest(zone, 2020, why="胸径普遍少记 1 cm")
        for id, shift in (("one", 0.0), ("two", 400.0)):
            write_demo_project(home / id, id=id, shift=shift)
            for name in ("project.toml",):
                path = home / id / name
                path.write_text(path.read_text(encoding="utf-8").replace("990101001", "520102"), encoding="utf-8")
        kept = publish_dossier(zone, home / "one", crs="EPSG:32648", tolerance_m2=1.0, enter=True, by="tester")
        with pytest.raises(DoubleCounted):
            publish_dossier(zone, home / "two")
        client = TestClient(create_app(zone, {}), follow_redirects=False)
        yield Filed(client, first, second, int(kept.record["kg_co2e"]))


def told(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)).replace("\xa0", " ")


def test_releases_are_listed_with_their_state(filed: Filed) -> None:
    page = told(filed.client.get("/en/forest/releases").text)
    assert "2 signed releases, the newest of 2020, revision 2" in page and page.count("signed") >= 3
    rows = list(csv.DictReader(io.StringIO(filed.client.get("/en/forest/releases.csv").text.lstrip("\ufeff"))))
    assert [(r["year"], r["revision"], r["signed"]) for r in rows] == [("2020", "r2", "True"), ("2020", "r1", "True")]


def test_a_revision_says_why_what_changed_and_who_signed(filed: Filed) -> None:
    answer = filed.client.get("/zh/forest/releases/2020/r2").text
    page, signature = told(answer), filed.second.signature
    assert signature is not None and signature["public_key"] in page
    assert "胸径普遍少记 1 cm" in page and "已签名" in page and "改了" in page
    assert "inputs/inventory/plots2020/trees.csv" in page  # the cause
    head = next(
        f for f in filed.second.changes["figures"] if f["quantity"] == "inventory.carbon" and f["place"] == "520000"
    )  # type: ignore[index]
    tables = filed.client.get("/zh/forest/releases/2020/r2.json").json()["tables"]
    changed = next(t for t in tables if t["name"] == "changes")["rows"]
    assert head["after"] in [r["after"] for r in changed]
    assert "改了" not in told(filed.client.get("/zh/forest/releases/2020/r1").text)
    assert "map-places.zh.svg" in answer and "没有各地的地图" not in page


@pytest.mark.parametrize(
    ("place", "en", "zh"),
    [
        ("", "No map by place: the inventory gives no carbon by place", "没有各地的地图：本次调查没有各地的碳储量"),
        (
            "place",
            "No map by place: the zone has no boundaries of these places.",
            "没有各地的地图：区域没有这些地点的边界。",
        ),
    ],
)
def test_a_release_without_a_map_by_place_says_why_in_its_place(
    place: str, en: str, zh: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its report and its page, of a zone without boundaries; one that has a map says nothing of the kind."""
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))
    zone = open_zone("guizhou")
    load_inventory(zone, tables(tmp_path / "t", 0.0), InventorySettings("plots2020", "2020", source="a survey", sets=("own",), place_column=place))  # fmt: skip
    monkeypatch.setattr("qingshan.publish.map._shapes", lambda *_: [])
    seal_inventories(zone)
    release = publish_forest(zone, 2020, draft=True)
    assert not any(name.startswith("map-places") for name in release.manifest["files"])
    client = TestClient(create_app(zone, {}), follow_redirects=False)
    for lang, said in (("en", en), ("zh", zh)):
        assert said in told(client.get(f"/{lang}/forest/releases/2020/draft").text)
        text = "".join(page.extract_text() for page in PdfReader(release.folder / f"report.{lang}.pdf").pages)
        assert "".join(said.split()) in "".join(text.split())


def test_a_draft_stands_against_the_newest_revision(filed: Filed) -> None:
    draft = publish_forest(open_zone("guizhou"), 2020, draft=True)
    try:
        page = told(filed.client.get("/en/forest/releases/2020/draft").text)
        assert (
            "No figure differs from the revision before" in page
            and "figures changed" not in page
            and "revision -1" not in page
        )
        path = draft.folder / "changes.json"
        told_of = json.loads(path.read_bytes())
        path.write_text(json.dumps(told_of | {"figures": filed.second.changes["figures"]}))  # type: ignore[index]
        assert "Against revision 2;" in told(filed.client.get("/en/forest/releases/2020/draft").text)
    finally:
        shutil.rmtree(draft.folder)


def test_a_figure_of_an_old_revision_keeps_its_pedigree(filed: Filed) -> None:
    old = next(
        e
        for e in filed.first.estimates
        if e["quantity"] == "inventory.carbon" and e["place"] == "520000" and not e["cls"]
    )
    answer = filed.client.get(f"/zh/pedigree/{old['key']}")
    assert answer.status_code == 200 and filed.first.run in answer.text and filed.second.run != filed.first.run


def test_a_changed_manifest_is_not_called_signed(filed: Filed) -> None:
    path = filed.first.folder / "manifest.json"
    right = path.read_bytes()
    try:
        path.write_bytes(right.replace(b'"why":""', b'"why":"x"'))
        page = told(filed.client.get("/zh/forest/releases/2020/r1").text)
        assert "签名与清单不符" in page and "不可采信" in page
    finally:
        path.write_bytes(right)


@pytest.mark.parametrize(
    "name", ["report.zh.pdf", "estimates.csv", "manifest.json", "signature.json", "data/datapackage.json"]
)
def test_files_of_a_release_come_as_they_lie(filed: Filed, name: str) -> None:
    answer = filed.client.get(f"/files/releases/2020/r2/{name}")
    assert answer.status_code == 200 and answer.content == (filed.second.folder / name).read_bytes()


@pytest.mark.parametrize(
    "path",
    ["/files/releases/2020/r2/%2e%2e/r1/manifest.json", "/files/releases/2020/r2/%2e%2e/%2e%2e/%2e%2e/runs", "/files/releases/2020/r9/manifest.json",
     "/files/releases/2020/r2/nothing.txt", "/files/projects/one/v1/%2e%2e/v1/dossier.json", "/files/projects/../x/dossier.json",
     "/files/projects/one/v7/dossier.json"],
)  # fmt: skip
def test_nothing_else_can_be_taken(filed: Filed, path: str) -> None:
    assert filed.client.get(path).status_code in (400, 404)


def test_projects_are_listed_and_the_refused_too(filed: Filed) -> None:
    page = told(filed.client.get("/zh/forest/projects").text)
    assert f"{filed.kg / 1000:,.0f}" in page and "two" in page and "因重复计算而拒绝" in page


def test_a_project_shows_parcels_reductions_and_evidence(filed: Filed) -> None:
    answer = filed.client.get("/zh/forest/projects/one").text
    page = told(answer)
    assert answer.count('class="parcel"') == 24  # 12 parcels, wide and narrow
    assert answer.count('class="overlap"') > 0 and "别的项目因本项目的土地被拒" in page
    assert "还不能签发" in page and "示意" in page and "草案" in page
    lines = next(
        t for t in filed.client.get("/zh/forest/projects/one.json").json()["tables"] if t["name"] == "reductions"
    )["rows"]
    assert sum(r["kg"] for r in lines) == filed.kg
    shapes = filed.client.get("/zh/forest/projects/one.geojson").json()["features"]
    assert len(shapes) == 12 and sum(f["properties"]["kg_co2e"] for f in shapes) == filed.kg
    answer = filed.client.get("/files/projects/one/v1/dossier.json")
    assert sum(x["kg"] for x in json.loads(answer.content)["lines"]) == filed.kg


def test_facts_of_a_dossier_are_read_once_for_their_labels(filed: Filed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also over requests; a file that is not the same one is read anew."""
    (kept,) = dossiers(open_zone("guizhou"))
    assert kept.run is not None
    path, read, seen = kept.run / "facts.jsonl", Path.read_bytes, []
    monkeypatch.setattr(Path, "read_bytes", lambda self: seen.append(self) or read(self))  # type: ignore[func-returns-value]
    os.utime(path, ns=(1, 1))
    for _ in range(2):
        assert "screening" in told(filed.client.get("/en/forest/projects").text)
        assert filed.client.get("/zh/forest/projects/one").status_code == 200
    assert seen.count(path) == 1
    os.utime(path, ns=(2, 2))
    assert "screening" in kept.labels and seen.count(path) == 2


def test_a_dossier_kept_by_an_earlier_build_has_its_page_too(filed: Filed, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says no estimator (then always that of a stratified sample) and no list of labels; its figures say them."""
    (kept,) = dossiers(open_zone("guizhou"))
    before = {k: v for k, v in kept.record["change"].items() if k not in ("estimator", "auxiliary")}
    old = replace(kept, record={**kept.record, "change": before})
    monkeypatch.setattr("qingshan.accounts.claim.dossier.dossiers", lambda _: [old])
    page = told(filed.client.get("/en/forest/projects/one").text)
    assert "stratified sample" in page and all(word in page for word in ("unit assumed", "screening", "secondary"))


def test_search_finds_a_project_by_its_name(filed: Filed) -> None:
    assert filed.client.get("/zh/find?q=青岭碳票项目（合成）").headers["location"] == "/zh/forest/projects/one"
    assert filed.client.get("/en/find?q=two").headers["location"] == "/en/forest/projects/two"


def test_a_refused_project_shows_the_land_it_shares(filed: Filed) -> None:
    answer = filed.client.get("/en/forest/projects/two").text
    found = filed.client.get("/en/forest/projects/two.geojson").json()["features"]
    assert answer.count('class="overlap"') == 2 * len(found) and answer.count('class="other"') == 24
    shared = sum(f["properties"]["area_m2"] for f in found) / 1e4
    assert f"{shared:.3g} ha" in told(answer)


def test_what_is_not_there_is_told(filed: Filed) -> None:
    for path in ("/zh/forest/projects/moon", "/zh/forest/releases/2020/r9", "/zh/forest/releases/1999/r1"):
        assert filed.client.get(path).status_code == 404


def test_a_zone_without_any_says_how_to_make_them(tiny_client: TestClient) -> None:
    assert "qingshan forest dossier" in tiny_client.get("/zh/forest/projects").text
    assert "qingshan publish forest-carbon" in tiny_client.get("/en/forest/releases").text


def test_file_hashes_on_the_page_are_those_of_the_files(filed: Filed) -> None:
    page = filed.client.get("/zh/forest/projects/one").text
    folder = Path(filed.second.folder).parents[3] / "projects" / "guizhou" / "one" / "v1"
    assert file_digest(folder / "dossier.json") in page


def test_figures_of_a_project_lead_to_their_pedigree(filed: Filed) -> None:
    page = filed.client.get("/en/forest/projects/one").text
    keys = re.findall(r'href="[^"]*/pedigree/([0-9a-f]{64})', page)
    assert len(keys) > 60  # three head figures, twelve parcels in five vintages and their sums
    tree = filed.client.get(f"/en/pedigree/{keys[0]}").text
    assert "change of the carbon stock in the period" in told(tree).lower() and "qingshan verify guizhou/one" in tree
    assert "qingshan explain project.change --zone guizhou --dossier one" in tree
    share = filed.client.get(f"/zh/pedigree/{keys[-1]}")
    assert share.status_code == 200 and "减排量" in share.text
    assert filed.client.get(f"/zh/pedigree/{keys[5]}.json").status_code == 200


def test_the_pedigree_of_a_project_says_that_nothing_is_deducted_and_when_its_users_are(filed: Filed) -> None:
    run = DossierRun(dossiers(open_zone("guizhou"))[0].run)  # type: ignore[arg-type]
    node = next(n for n in run.nodes.values() if n.quantity == "project.deducted")
    page = told(filed.client.get(f"/en/pedigree/{node.key}").text)
    assert "no rule of deduction: nothing is taken" in page
    assert "reduction in whole kg 2016" in page and "reduction in whole kg 2017" in page  # the same name, told apart
    assert "没有扣减规则，未作扣减" in told(filed.client.get(f"/zh/pedigree/{node.key}").text)


def test_runs_of_releases_are_read_where_they_lie_now(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A draft and a release may hold the same run; when the draft goes, its figures are those of the release."""
    draft, signed = (SimpleNamespace(folder=tmp_path / name, run="run-1") for name in ("draft", "r1"))
    site = SimpleNamespace(kept={}, zone=None)
    for known in ([draft], [signed]):
        folder = known[0].folder / "data/run-1"
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")
        monkeypatch.setattr("qingshan.faces.web.released.releases_of", lambda _, known=known: known)
        (run,) = released_runs(site)  # type: ignore[arg-type]
        assert run.path == folder
        assert list(released_runs(site)) == [run]  # type: ignore[arg-type]


def test_the_change_of_a_project_on_bare_land_has_its_pedigree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))
    zone = open_zone("demo30m")
    write_demo_project(tmp_path / "p")
    shutil.rmtree(tmp_path / "p" / "opening")
    kept = publish_dossier(zone, tmp_path / "p", crs="EPSG:32648", tolerance_m2=1.0)
    assert kept.run is not None
    key = next(f.key for f in DossierRun(kept.run).facts if f.quantity == "project.change")
    client = TestClient(create_app(zone, {}))
    for lang, said in (("en", "closing stock of land that was bare"), ("zh", "原为无林地，即期末储量")):
        answer = client.get(f"/{lang}/pedigree/{key}")
        assert answer.status_code == 200 and said in told(answer.text)
        assert client.get(f"/{lang}/pedigree/{key}.json").status_code == 200
