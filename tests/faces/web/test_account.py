"""The account page: its sentence, its refusals and its title, on Guizhou and on an invented zone that is complete."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from qingshan.accounts.fill import fill
from qingshan.accounts.run import Run, run_account
from qingshan.faces.api.app import create_app
from qingshan.zone.zone import Zone, open_zone

INVENTED = Path(__file__).parents[2] / "accounts"
OFFICIAL = "gbt46869_2025"


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", re.sub(r"<script.*?</script>", " ", html, flags=re.S)))


def heading(html: str) -> str:
    found = re.search(r"<h1.*?</h1>", html, re.S)
    assert found
    return text_of(found[0]).strip()


@pytest.fixture(scope="module")
def invented(home: Path) -> Iterator[tuple[Zone, dict[str, Run]]]:
    """Tinyland with the official profile's slots filled, three years; the figures are made up."""
    zone = open_zone(INVENTED / "tinyzone")
    _, findings = fill(zone, OFFICIAL, INVENTED / f"filled_{OFFICIAL}.csv", by="Tester", document="made up for tests")
    assert not [f for f in findings if f.level == "error"]
    yield zone, {OFFICIAL: run_account(zone, OFFICIAL), "garze2017": run_account(zone, "garze2017")}


@pytest.fixture(scope="module")
def invented_client(invented: tuple[Zone, dict[str, Run]]) -> TestClient:
    return TestClient(create_app(*invented), follow_redirects=False)


def test_the_sentence_says_what_came_out_and_what_refuses(client: TestClient, guizhou: tuple[Zone, Run]) -> None:
    """919.8 亿 m3 over 88 counties; the counts come from the run, not from the page."""
    lines = [x for x in guizhou[1].services("520000") if x.included == "yes"]
    refused = [x for x in lines if x.physical is None or x.physical.refused]
    zh = client.get("/zh/account").text
    assert "920 亿 m³" in heading(zh)
    assert "拒算" in heading(zh)
    assert zh.count('class="hatched"') == len(refused)
    en = heading(client.get("/en/account").text)
    assert f"{len(refused)} refused" in en


def test_a_partial_set_is_never_called_gep(client: TestClient) -> None:
    text = text_of(client.get("/zh/account").text)
    assert "部分" in text
    assert "已核算服务价值合计" in text
    assert "生态产品总值（GEP）" not in text
    assert "GEP" not in heading(client.get("/en/account").text)


def test_refusals_name_the_document(client: TestClient) -> None:
    text = text_of(client.get("/zh/account").text)
    assert "云贵高原湖区湖泊调蓄水量方程" in text  # spec gep.md, open slot of G06
    assert "没有期初年份的地类面积" in text or "都没有这项数字" in text  # the opening refuses in place


def test_a_complete_official_account_bears_the_title(
    invented_client: TestClient, invented: tuple[Zone, dict[str, Run]]
) -> None:
    """Sum of all services under the official profile: the page prints the run's own figure under its proper name."""
    run = invented[1][OFFICIAL]
    total = run.accounted("990000", "2022", "current")
    assert total is not None and total.value is not None
    zh = invented_client.get(f"/zh/account?profile={OFFICIAL}&period=2022&basis=current").text
    assert "生态产品总值" in heading(zh)
    assert "现价" in heading(zh)
    assert f"{total.value / 1e8:.2f}" in heading(zh)
    assert "示意" in text_of(zh)  # made up, and said so
    other = heading(invented_client.get("/zh/account?profile=garze2017").text)
    assert "生态产品总值" not in other  # a paper's profile never bears it


def test_the_quantity_index_is_the_ratio_at_base_prices(
    invented_client: TestClient, invented: tuple[Zone, dict[str, Run]]
) -> None:
    run = invented[1][OFFICIAL]
    totals = [run.accounted("990000", p, "constant-2020").value for p in ("2020", "2021", "2022")]  # type: ignore[union-attr]
    answer = invented_client.get(f"/zh/account.json?profile={OFFICIAL}&table=years").json()
    rows = [r for r in answer["tables"][0]["rows"] if r["basis"] == "constant-2020"]
    assert [r["index"] for r in rows] == pytest.approx([v / totals[0] for v in totals])  # type: ignore[operator]
    assert [r["value"] for r in rows] == totals


def test_a_county_without_classes_still_gets_its_answer(client: TestClient) -> None:
    """赤水: water yield 8.43 亿 m3 (shared picture 4) and its rank among the counties of 遵义."""
    html = client.get("/zh/account?place=520381").text
    assert "8.43 亿 m³" in heading(html)
    assert re.search(r"赤水.{0,40}排第 \d+", text_of(html))


def test_the_address_keeps_every_choice(invented_client: TestClient) -> None:
    html = invented_client.get(f"/zh/account?profile={OFFICIAL}&period=2021&basis=constant-2020&place=990100").text
    for name, value in (("period", "2021"), ("profile", OFFICIAL), ("place", "990100")):
        assert re.search(rf'name="{name}" value="{value}"', html)
    assert re.search(r'<option value="2021" selected', html)
    assert re.search(r'<option value="constant-2020" selected', html)


@pytest.mark.parametrize("query", ["profile=nope", "basis=nope", "of=nope", "place=nope"])
def test_an_unknown_choice_is_answered_with_those_that_are(client: TestClient, query: str) -> None:
    assert client.get(f"/zh/account?{query}", headers={"accept": "text/html"}).status_code == 404
    assert client.get(f"/zh/account.json?{query}").json()["detail_zh"]


def test_exports_carry_labels_refusals_and_documents(client: TestClient) -> None:
    rows = list(csv.DictReader(io.StringIO(client.get("/zh/account.csv").content.decode("utf-8-sig"))))
    refused = [r for r in rows if r["拒算原因"]]
    known = [r for r in rows if r["数值"] or r["区间下限"]]
    assert refused and known
    assert all(not r["数值"] for r in refused)
    assert all(r["标注"] for r in known)
    assert any("云贵高原" in r["补它的文件"] for r in refused)
    shapes = json.loads(client.get("/zh/account.geojson?table=places").content)
    assert len(shapes["features"]) == 9


def test_without_a_run_the_page_says_how_to_make_one(tiny_client: TestClient) -> None:
    assert "qingshan run" in tiny_client.get("/zh/account").text
