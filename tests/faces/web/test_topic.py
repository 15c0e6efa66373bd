"""The page of thematic accounts: a raster account run by name, its figures by period, each with its pedigree."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from qingshan.accounts.run import latest_runs, run_account
from qingshan.faces.api.app import create_app
from qingshan.zone.zone import open_zone


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    patch = pytest.MonkeyPatch()
    patch.setenv("QINGSHAN_HOME", str(tmp_path_factory.mktemp("topic")))
    zone = open_zone("demo30m")
    run_account(zone, "erosivity", period="2020")
    made = TestClient(create_app(zone, latest_runs(zone)))
    yield made
    patch.undo()


@pytest.mark.parametrize(("lang", "words"), [("zh", ("专题账户", "合成")), ("en", ("Thematic accounts", "synthetic"))])
def test_figures_stand_with_pedigree_labels_and_verify(client: TestClient, lang: str, words: tuple[str, ...]):
    page = client.get(f"/{lang}/account/topic?of=erosivity").text
    assert all(w in page for w in words) and "qingshan verify demo30m-erosivity-" in page
    assert f"/{lang}/pedigree/" in page
    key = page.partition(f"/{lang}/pedigree/")[2][:64]
    assert client.get(f"/{lang}/pedigree/{key}").status_code == 200


def test_a_topic_is_no_account_of_services(client: TestClient):
    assert client.get("/en/account?profile=erosivity").status_code == 404
    assert client.get("/en/account/topic?of=nope").status_code == 404
