"""Methods, standards and data: every declaration has its page, open slots name their document, conflicts stand side by side."""

from __future__ import annotations

import csv
import io
import re
from html import unescape

import pytest
from starlette.testclient import TestClient

from qingshan.accounts.run import Run
from qingshan.core.domain import load_domains
from qingshan.core.limit import limit_tables
from qingshan.faces.web.documents import library, slug
from qingshan.faces.web.site import Ask
from qingshan.observe.evaluate.matters import MATTERS
from qingshan.observe.series.model import site_kinds
from qingshan.publish.numbers import declared_word
from qingshan.zone.zone import Zone

PAGES = [
    "/account",
    "/method",
    "/method/water.retention@garze2017",
    "/standards",
    "/standards/garze2017",
    "/standards/gb3095-2026",
    "/standards/compare/air_limits",
    "/standards/compare/aqi_breakpoints?all=1",
    "/data",
    "/data?quantity=economy.gdp",
    "/standards?status=open",
    "/method?subject=water",
    "/method?q=水源",
]


def text_of(html: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", re.sub(r"<script.*?</script>", " ", html, flags=re.S))))


@pytest.fixture
def ask(client: TestClient) -> Ask:
    site = client.app.state.site  # type: ignore[attr-defined]
    return Ask(site, site.views[0], "zh")


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_pages_hold_to_the_policy(client: TestClient, lang: str, path: str) -> None:
    answer = client.get(f"/{lang}{path}")
    assert answer.status_code == 200
    assert len(re.findall(r"<h1\b", answer.text)) == 1
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', answer.text)
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?![^>]*(?:src=|application/json))", answer.text)
    ids = re.findall(r'\sid="([^"]+)"', answer.text)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("path", PAGES)
def test_pages_stand_without_a_run(tiny_client: TestClient, path: str) -> None:
    """A zone of three places, no run, no boundaries: no page knows another zone."""
    answer = tiny_client.get(f"/zh{path}")
    if "economy.gdp" in path:
        assert answer.status_code == 404  # not on file there
    else:
        assert answer.status_code == 200
        assert "贵州" not in re.sub(r"《[^》]*》|<(?:td|th|b|a|span)[^>]*>[^<]*", "", answer.text)


def test_every_method_has_a_page(client: TestClient) -> None:
    methods = load_domains().registry.all()
    listed = client.get("/zh/method").text
    assert all(f"/zh/method/{m.ref}" in listed for m in methods)
    for method in methods[::12]:
        text = text_of(client.get(f"/zh/method/{method.ref}").text)
        assert method.ref in text
        assert method.clause.document in text


def test_a_method_shows_its_formula_arguments_editions_and_use(client: TestClient) -> None:
    html = client.get("/zh/method/water.retention@garze2017").text
    text = text_of(html)
    assert "1000 <i>A</i> (<i>P</i> − <i>P</i> <i>α</i>/100 − ET)" in html
    assert "0–15,000" in text  # the limits of rain
    assert "hj1173_2021" in text  # the other edition, side by side
    assert "常绿阔叶林 4.65 %" in text  # gong2017 Table 2, the row the profile binds
    assert "粗算口径" in text
    assert client.get("/zh/method/water.retention@nope", headers={"accept": "text/html"}).status_code == 404


def test_methods_can_be_searched(client: TestClient) -> None:
    html = client.get("/zh/method?q=thornthwaite").text
    assert "climate.pet_thornthwaite@1948" in html
    assert "water.retention@garze2017" not in html


def test_every_row_is_in_the_library(client: TestClient, ask: Ask) -> None:
    """No parameter row is lost between the tables and the pages: each has a document or is an open slot of one."""
    shelf = library(ask)
    rows = list(ask.run.parameters)  # type: ignore[union-attr]
    shown = [r for d in shelf.documents.values() for r in d.rows] + [r for w in shelf.wanted.values() for r in w.rows]
    assert sorted(r.key for r in shown) == sorted(r.key for r in rows)
    assert {r.status for w in shelf.wanted.values() for r in w.rows} == {"open"}
    assert {m.ref for d in shelf.documents.values() for m in d.methods} == {
        m.ref for m in load_domains().registry.all()
    }


def test_open_slots_come_first_and_say_how_to_fill_them(client: TestClient, ask: Ask) -> None:
    text = text_of(client.get("/zh/standards").text)
    assert "qingshan fill screening --template" in text
    title = "云贵高原湖区湖泊调蓄水量方程"
    assert title in text and text.index(title) < text.rindex("已有的文件")
    page = text_of(client.get(f"/zh/standards/{slug(title)}").text)
    assert "湖泊洪水调蓄" in page  # the service that waits
    assert "gep.lake_equation_guizhou_region" in page


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_search_that_leaves_one_missing_document_shows_it(client: TestClient, ask: Ask, lang: str) -> None:
    titles = sorted(w.title for w in library(ask).wanted.values())
    assert titles
    for title in titles:
        answer = client.get(f"/{lang}/standards", params={"q": title})
        assert answer.status_code == 200 and title in text_of(answer.text)


def test_documents_are_recognised_by_number_title_or_place(ask: Ask) -> None:
    documents = library(ask).documents
    assert {"water.retention@garze2017", "gep.silt_avoided@garze2017"} <= {
        m.ref for m in documents["garze2017"].methods
    }
    assert any(r.parameter == "water.runoff_coefficient" for r in documents["gong2017"].rows)
    assert slug("HJ 1174-2021 全国生态状况调查评估技术规范") == "hj1174-2021"


def test_data_shows_both_prints_of_a_conflict(client: TestClient, guizhou: tuple[Zone, Run]) -> None:
    text = text_of(client.get("/zh/data").text)
    assert "20,164.58" in text and "20,010.4" in text
    assert "取用" in text
    assert guizhou[0].boundary_source["licence"] in text
    for gap in guizhou[0].missing[:5]:
        assert gap.document in text


def test_data_counts_what_is_on_file(client: TestClient, guizhou: tuple[Zone, Run]) -> None:
    zone = guizhou[0]
    rows = list(csv.reader(io.StringIO(client.get("/zh/data.csv?table=facts").content.decode("utf-8-sig"))))
    assert len(rows) - 1 == len(zone.facts)
    answer = client.get("/zh/data.json?table=coverage").json()["tables"][0]["rows"]
    assert sum(r["figures"] for r in answer) == len(zone.facts)
    rain = next(r for r in answer if r["quantity"] == "climate.rain_month")
    assert "88/88" in rain["places"]


def test_the_grid_of_a_quantity_says_its_unit(client: TestClient) -> None:
    """20,164.58 亿元 is printed as such: the unit over the grid is the unit of its numbers (2,016.458 bn yuan in English)."""
    zh = client.get("/zh/data?quantity=economy.gdp").text
    grid = re.search(r'aria-labelledby="matrix">.*?</section>', zh, re.S)
    assert grid
    assert "亿元" in text_of(grid[0])
    assert "20,164.58" in text_of(grid[0])
    en = re.search(r'aria-labelledby="matrix">.*?</section>', client.get("/en/data?quantity=economy.gdp").text, re.S)
    assert en
    assert "2,016.458" in text_of(en[0])
    assert "bn yuan" in text_of(en[0])


@pytest.mark.parametrize(
    ("unit", "zh", "en"), [("万m3", "万m³", "10⁴ m³"), ("m3", "m³", "m³"), ("亿元", "亿元", "10⁸ yuan"), ("", "", "")]
)
def test_a_declared_unit_is_not_turned(unit: str, zh: str, en: str) -> None:
    assert (declared_word(unit, "zh"), declared_word(unit, "en")) == (zh, en)


def test_limit_rows_stand_under_their_document(client: TestClient, ask: Ask) -> None:
    documents = library(ask).documents
    assert {r.edition for r in documents["gb3095-2026"].limits} == {"GB 3095-2026"}
    assert len(documents["gb3838-2002"].limits) == 213 and len(documents["gbt14848-2017"].limits) == 373
    assert {r.table for r in documents["heichou2015"].limits} == {"black_odorous_thresholds", "black_odorous_rules"}
    every = [r for d in documents.values() for r in d.limits]
    assert len(every) == len({r.where for r in every}) == sum(len(t.rows) for t in limit_tables())
    page = text_of(client.get("/en/standards/gb3095-2026").text)
    assert "attainment of the ambient air standard" in page and "2026-03-01 – 2030-12-31" in page
    assert re.search(r"表4, 6\.4 +rows: 38", page)  # the clause and its rows


def test_every_table_of_limits_is_listed_with_its_editions_rows_and_users(client: TestClient) -> None:
    """Each table of the installed domains with every edition as a link to its document, and whoever uses it."""
    html = client.get("/en/standards").text
    part = html[html.index('id="limit-tables"') : html.index('id="held"')]
    lines = [text_of(row) for row in part.split("<tr>")[1:]]
    for table in limit_tables():
        (line,) = [x for x in lines if re.search(rf"\s{table.id}\s", x)]
        assert all(f"{e} {sum(r.edition == e for r in table.rows)}" in line for e in table.editions if e), line
        assert f" {len(table.rows)} " in line
    water = next(x for x in lines if " surface_water_classes " in x)
    assert (
        "surface water class qingshan observe evaluate" in water
        and "standard index qingshan observe judge standard-index" in water
    )
    assert "exceedance multiple" in water.casefold() and "National automatic water stations" in water
    rows = client.get("/en/standards.json?table=limit_tables").json()["tables"][0]["rows"]
    assert {r["table"] for r in rows} == {t.id for t in limit_tables()}
    assert any(r["table"] == "air_limits" and r["networks"] == "air_national" for r in rows)


def test_every_evaluation_names_its_command_its_kinds_of_site_and_its_formulas() -> None:
    """A command of the list runs: `observe judge` knows the matter, the methods are registered, the kinds of site declared."""
    registry = load_domains().registry
    for _, content in load_domains().declared("evaluate"):
        for matter in content.get("matter", ()):
            verb, judge, *rest = f"{matter['command']} ".split(" ")[:3]
            assert verb == "observe" and judge in ("evaluate", "judge") and set(matter["kinds"]) <= set(site_kinds())
            assert judge == "evaluate" or rest[0] in MATTERS, matter["command"]
            assert all(registry[m] for m in matter["methods"])


def test_editions_stand_side_by_side(client: TestClient) -> None:
    """GB 3095-2012 against 2026: PM2.5 annual of grade 2 is 35, then 30, then 25."""
    text = text_of(client.get("/en/standards/compare/air_limits").text)
    assert re.search(r"PM2\.5 annual · grade 2 ≤ 35 .*? ≤ 30 ≤ 25 μg/m³", text)
    assert not re.search(r"CO 24 h · grade 2 ≤ 4", text)
    assert re.search(r"CO 24 h · grade 2 ≤ 4", text_of(client.get("/en/standards/compare/air_limits?all=1").text))
    rows = list(
        csv.DictReader(io.StringIO(client.get("/en/standards/compare/aqi_breakpoints.csv").text.lstrip("\ufeff")))
    )
    moved = {(r["item"], r["scope"]) for r in rows if r["changed"] in ("True", "true", "1", "yes")}
    assert moved == {("PM2.5", "24 h · IAQI 100"), ("PM10", "24 h · IAQI 100")}
    assert client.get("/en/standards/compare/groundwater_classes").status_code == 404
