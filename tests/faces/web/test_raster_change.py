"""What became of the land, on a zone of 4 × 5 cells of 900 m2: flows, matrix, gains and losses, SEEA tables, the way down.

Of the 19 cells with a class in both years two changed: crops at (2, 1) to woods and crops at (0, 3) to town. Woods keep 6 of 6
cells, crops 6 of 8, town 5 of 5.
"""

from __future__ import annotations

import io
import json
import re
import warnings
from pathlib import Path

import openpyxl
import pytest
from tinyraster import write_raster_zone

from qingshan.accounts.extent import CHANGE
from qingshan.accounts.run import Run, open_run, run_account
from qingshan.faces.api.app import create_app
from qingshan.faces.web.figures import of_run
from qingshan.faces.web.page import Column, Table
from qingshan.faces.web.sankey import Flow, Sankey
from qingshan.faces.web.views.seea import _written
from qingshan.zone.zone import open_zone

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

CELL = 0.09  # hm2
WOODS, CROPS, TOWN = "woods", "crops", "town"


@pytest.fixture(scope="module")
def changed(home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TestClient, Run]:
    zone = open_zone(write_raster_zone(tmp_path_factory.mktemp("tinychange") / "zone"))
    run = run_account(zone, "spatial")
    return TestClient(create_app(zone, {run.profile.id: run}), follow_redirects=False), run


@pytest.fixture(scope="module")
def client(changed: tuple[TestClient, Run]) -> TestClient:
    return changed[0]


def text_of(html: str) -> str:
    bare = re.sub(r"<(script|style)\b.*?</\1>", " ", html, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", bare))


def table(client: TestClient, name: str, path: str = "/en/account/change.json") -> list[dict[str, object]]:
    return next(t["rows"] for t in client.get(path).json()["tables"] if t["name"] == name)


def test_the_matrix_is_what_the_cells_say(client: TestClient) -> None:
    cells = {(r["opening_class"], r["closing_class"]): r["value"] for r in table(client, "matrix")}
    assert cells == {
        k: pytest.approx(n * CELL)
        for k, n in {(WOODS, WOODS): 6, (CROPS, WOODS): 1, (CROPS, CROPS): 6, (CROPS, TOWN): 1, (TOWN, TOWN): 5}.items()
    }
    assert all(r["unit"] == "hm2" and len(str(r["key"])) == 64 for r in table(client, "matrix"))


def test_gains_losses_and_persistence(client: TestClient) -> None:
    rows = {r["cls"]: r for r in table(client, "classes")}
    said = {k: v for k, v in rows[CROPS].items() if not k.endswith("_key")}
    assert said == {
        "cls": CROPS, "name": "cultivated land", "opening": pytest.approx(8 * CELL), "gain": pytest.approx(0), "loss": pytest.approx(2 * CELL),
        "net_change": pytest.approx(-2 * CELL), "swap": pytest.approx(0), "closing": pytest.approx(6 * CELL), "persistence": pytest.approx(75),
    }  # fmt: skip
    assert (rows[WOODS]["gain"], rows[TOWN]["gain"]) == (pytest.approx(CELL), pytest.approx(CELL))
    assert rows[WOODS]["persistence"] == pytest.approx(100)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_figure_of_a_class_opens_its_pedigree(client: TestClient, lang: str) -> None:
    html = client.get(f"/{lang}/account/change").text
    for row in table(client, "classes"):
        for entry in ("opening", "gain", "loss", "net_change", "swap", "closing", "persistence"):
            key = str(row[f"{entry}_key"])
            assert f"/pedigree/{key}" in html
            page = client.get(f"/{lang}/pedigree/{key}")
            assert page.status_code == 200
            if entry in ("gain", "loss", "net_change", "swap", "persistence"):
                assert f"land.class_{entry}@pontius2004" in page.text


def test_classes_taken_together_change_as_one(client: TestClient) -> None:
    """Woods and crops together: 14 cells, one to town, 13 kept: crops to woods is no change. Crops alone called wetland: 8 cells,
    2 lost: 25 % of the opening area (HJ 1174-2021 table A.6)."""
    rows = {r["cls"]: r for r in table(client, "groups")}
    green, wet = rows["green"], rows["wetland"]
    assert (green["opening"], green["closing"]) == (pytest.approx(14 * CELL), pytest.approx(13 * CELL))
    assert (green["gain"], green["loss"], green["swap"]) == (0, pytest.approx(CELL), 0)
    assert green["persistence"] == pytest.approx(13 / 14 * 100)
    assert (wet["opening"], wet["loss"], wet["net_change"]) == (
        *(pytest.approx(n * CELL) for n in (8, 2)),
        pytest.approx(-2 * CELL),
    )
    assert wet["wetland_area_lost"] == pytest.approx(25)
    assert "wetland_area_lost" not in green or not green["wetland_area_lost"]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_figure_of_a_group_opens_its_pedigree(client: TestClient, lang: str) -> None:
    html = client.get(f"/{lang}/account/change").text
    for row in table(client, "groups"):
        for entry in ("opening", "gain", "loss", "net_change", "swap", "closing", "persistence", "wetland_area_lost"):
            if key := row.get(f"{entry}_key"):
                assert f"/pedigree/{key}" in html
                assert client.get(f"/{lang}/pedigree/{key}").status_code == 200
    wet = next(r for r in table(client, "groups") if r["cls"] == "wetland")
    assert "wetland.area_loss@hj1174_2021" in client.get(f"/{lang}/pedigree/{wet['wetland_area_lost_key']}").text


@pytest.mark.parametrize(("lang", "grade"), [("zh", "中度"), ("en", "moderate")])
def test_the_grade_stands_beside_the_wetland_lost(client: TestClient, lang: str, grade: str) -> None:
    """2 of 8 cells lost are 25 %: HJ 1174-2021 table A.6, moderate in (15, 30]. Its pedigree names the four cuts."""
    wet = next(r for r in table(client, "groups") if r["cls"] == "wetland")
    assert wet["wetland_area_loss_grade"] == 2
    html = client.get(f"/{lang}/account/change?of=wetland").text
    assert f"<b>{grade}</b>" in html
    told = client.get(f"/{lang}/pedigree/{wet['wetland_area_loss_grade_key']}").text
    assert "wetland.area_loss_grade@hj1174_2021" in told and all(
        word in told for word in ("未退化|轻度", "重度|极重度")
    )


@pytest.mark.parametrize(
    ("lang", "word", "group"),
    [("zh", "耕地 → 阔叶林", "绿地"), ("en", "cultivated land → broadleaf forest", "green land")],
)
def test_pedigrees_name_changes_and_groups_in_words(client: TestClient, lang: str, word: str, group: str) -> None:
    """Not by their ids; below it, a user of the entry is the group that both classes are in."""
    key = next(r["key"] for r in table(client, "matrix") if (r["opening_class"], r["closing_class"]) == (CROPS, WOODS))
    said = text_of(client.get(f"/{lang}/pedigree/{key}").text)
    assert word in said and group in said
    assert "crops>woods" not in said.replace("&gt;", ">").partition("qingshan explain")[0]


def test_the_flows_of_a_group_are_those_of_its_classes(client: TestClient) -> None:
    """Both changes touch crops; their sum leads to the two entries."""
    html = client.get("/en/account/change?of=wetland").text
    chart = json.loads(re.search(r'application/json">(.*?)</script>', html, re.S)[1])  # type: ignore[index]
    assert {(link["source"], link["target"]) for link in chart["links"]} == {
        ("l:crops", "r:woods"),
        ("l:crops", "r:town"),
    }
    assert re.search(r'<a href="[^"]*of=wetland[^"]*" aria-current="true">wetland</a>', html)
    box = next(n for n in chart["nodes"] if n["id"] == "l:crops")
    assert "group=wetland" in box["href"] and client.get(box["href"]).status_code == 200
    page = client.get("/en/account/change/sum.json?of=moved&group=wetland&to=town").json()
    assert [r["value"] for r in page["tables"][0]["rows"]] == [pytest.approx(CELL)]
    assert client.get("/en/account/change/sum?of=moved&group=desert").status_code == 404
    assert client.get("/en/account/change/sum?of=share&group=wetland").status_code == 404


def links(html: str) -> set[tuple[str, str, float]]:
    chart = re.search(r'<script type="application/json">(\{"kind": ?"sankey".*?)</script>', html, re.S)
    drawn = json.loads(chart[1])["links"] if chart else []
    return {(link["source"], link["target"], round(link["value"], 6)) for link in drawn}


def test_a_change_inside_a_group_is_none(client: TestClient) -> None:
    """Green is woods and crops. West Township: one cell of crops became woods, which the table of groups calls no change (gain 0,
    loss 0, 100 % kept); the county lost one cell of crops to town, 0.09 ha. What is drawn and summed is the same."""
    (west,) = [r for r in table(client, "groups", "/en/account/change.json?place=R1") if r["cls"] == "green"]
    assert (west["gain"], west["loss"], west["persistence"]) == (0, 0, 100)
    html = client.get("/en/account/change?place=R1&of=green").text
    assert links(html) == set() and "No area moved into or out of green land." in html and "No area changed" not in html
    assert links(client.get("/en/account/change?place=R1").text) == {("l:crops", "r:woods", CELL)}
    assert links(client.get("/en/account/change?of=green").text) == {("l:crops", "r:town", CELL)}

    def summed(query: str) -> list[object]:
        page = client.get(f"/en/account/change/sum.json?{query}").json()
        return [r["value"] for r in page["tables"][0]["rows"]]

    assert summed("of=moved&group=green&place=R1") == []
    assert summed("of=moved&group=green") == [pytest.approx(CELL)]
    assert sum(float(str(v)) for v in summed("of=whole&group=green")) == pytest.approx(14 * CELL)  # 6 + 1 + 6 + 1 cells


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_page_says_how_much_changed(client: TestClient, lang: str) -> None:
    """2 of 19 cells: 10.5 %."""
    html = client.get(f"/{lang}/account/change").text
    assert "10.5 %" in re.search(r"<h1>.*?</h1>", html, re.S)[0]  # type: ignore[index]
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style", html)
    keys = re.findall(rf'href="/{lang}/pedigree/([0-9a-f]{{64}})', html)
    assert keys and all(client.get(f"/{lang}/pedigree/{key}").status_code == 200 for key in set(keys))


def test_the_flows_are_drawn_for_paper_and_described_for_the_chart(client: TestClient) -> None:
    html = client.get("/en/account/change?of=all").text
    chart = json.loads(re.search(r'application/json">(.*?)</script>', html, re.S)[1])  # type: ignore[index]
    assert chart["kind"] == "sankey"
    assert len(chart["links"]) == 5 and len(chart["nodes"]) == 6
    assert sum(link["value"] for link in chart["links"]) == pytest.approx(19 * CELL)
    moved = json.loads(re.search(r'application/json">(.*?)</script>', client.get("/en/account/change").text, re.S)[1])  # type: ignore[index]
    assert {(link["source"], link["target"]) for link in moved["links"]} == {
        ("l:crops", "r:woods"),
        ("l:crops", "r:town"),
    }
    assert html.count('class="ribbon') == 2 * 2 * 5  # wide and narrow, light and dark


def test_a_box_is_as_high_as_its_area() -> None:
    colours = {c: {"light": "#000000", "dark": "#ffffff"} for c in "abc"}
    empty = Table("t", "", "", (Column("x", "", ""),), [])
    flows = Sankey(
        "x",
        [Flow("a", "b", 30.0), Flow("a", "c", 10.0), Flow("b", "b", 60.0)],
        {c: c for c in "abc"},
        colours,
        "hm2",
        "en",
        empty,
        ("1", "2"),
    )
    boxes = flows.drawing(600, 324)["boxes"]
    heights = {(b["anchor"], b["name"]): b["h"] for b in boxes}
    assert heights["end", "a"] / heights["end", "b"] == pytest.approx(40 / 60, abs=0.01)
    assert heights["start", "b"] / heights["start", "c"] == pytest.approx(90 / 10, abs=0.2)
    assert {b["value"] for b in flows.drawing(358, 324)["boxes"]} == {""}


def test_places_below_add_up_and_lead_down(client: TestClient) -> None:
    rows = table(client, "places")
    whole = {(r["opening_class"], r["closing_class"]): r["value"] for r in table(client, "matrix")}
    for pair, value in whole.items():
        assert sum(
            float(str(r["value"])) for r in rows if (r["opening_class"], r["closing_class"]) == pair
        ) == pytest.approx(value)
    html = client.get("/en/account/change").text
    assert 'href="/en/account/change?place=R1"' in html
    west = client.get("/en/account/change?place=R1").text
    assert re.search(r'class="crumbs places".*?/en/account/change".*?aria-current="page"', west, re.S)
    assert "Tiny County" in text_of(west)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_sums_and_shares_of_the_page_lead_to_their_parts(client: TestClient, lang: str) -> None:
    """2 of 19 cells moved; every figure beside a place, in the headline and in the flows leads to what was added up."""
    html = client.get(f"/{lang}/account/change").text
    below = re.search(r'class="placerows".*?</table>', html, re.S)[0]  # type: ignore[index]
    cells = re.findall(r'<td class="n">(.*?)</td>', below, re.S)
    assert len(cells) >= 4 and all("/account/change/sum?" in c for c in cells)
    assert re.search(r'<h1><a href="[^"]*/account/change/sum', html)
    chart = json.loads(re.search(r'application/json">(.*?)</script>', html, re.S)[1])  # type: ignore[index]
    drawn = [item["href"] for item in (*chart["nodes"], *chart["links"])]
    led = [a.replace("&amp;", "&") for a in re.findall(r'href="([^"]*/account/change/sum[^"]*)"', html)]
    for address in {*drawn, *led}:
        page = client.get(address)
        assert page.status_code == 200, address
        parts = re.findall(r'<tr><th scope="row">.*?</tr>', page.text, re.S)
        assert "/change/sum" not in address or (parts and all('href="' in part for part in parts)), address

    def value(query: str) -> float:
        page = client.get(f"/{lang}/account/change/sum.json?{query}").json()
        return sum(r["value"] for r in page["tables"][0]["rows"])

    assert value("of=moved") == pytest.approx(2 * CELL)
    assert value("of=whole") == pytest.approx(19 * CELL)
    assert value(f"of=moved&from={CROPS}") == pytest.approx(2 * CELL)
    assert value(f"of=moved&to={WOODS}") == pytest.approx(CELL)
    assert value(f"of=moved&from={WOODS}") == 0
    assert "10.5" in text_of(client.get(f"/{lang}/account/change/sum?of=share").text)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "of=most",
        "of=moved&from=nowhere",
        "of=moved&place=nowhere",
        f"of=share&from={CROPS}",
        f"of=share&to={WOODS}",
    ],
)
def test_a_sum_that_is_not_there_is_not_found(client: TestClient, query: str) -> None:
    """Nor a share of one class: the matrix gives that of the whole place."""
    assert client.get(f"/en/account/change/sum?{query}").status_code == 404


def test_the_tables_leave_the_house(client: TestClient) -> None:
    csv = client.get("/zh/account/change.csv").content.decode("utf-8-sig").splitlines()
    assert "期初地类" in csv[0] and len(csv) == 6
    book = openpyxl.load_workbook(io.BytesIO(client.get("/zh/account/change.xlsx").content))
    assert {"转移矩阵", "按地类", "下级地点"} <= set(book.sheetnames)


@pytest.mark.parametrize("query", ["of=nothing", "place=nowhere"])
def test_unknown_wishes_are_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/en/account/change.json?{query}").status_code == 404


def test_without_a_run_the_page_says_what_is_needed(tiny_client: TestClient) -> None:
    assert "qingshan run" in text_of(tiny_client.get("/en/account/change").text)
    assert tiny_client.get("/en/account/seea").status_code == 200


def test_the_map_leads_to_the_change_matrix(client: TestClient) -> None:
    assert 'href="/en/account/change?period=2020"' in client.get("/en/zone/raster?with=land.cover@2015").text


# ---- account: the way down, SEEA tables --------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("number", ["4.1", "4.2", "4.4"])
def test_every_number_of_a_seea_table_leads_to_what_it_is_made_of(client: TestClient, lang: str, number: str) -> None:
    """A figure of the account leads to its pedigree, a sum or difference to its parts, each of which leads on."""
    html = client.get(f"/{lang}/account/seea?of={number}").text
    cells = re.findall(r'<td class="n">(.*?)</td>', html, re.S)
    shown = [c for c in cells if re.search(r"\d", re.sub(r"<[^>]*>", "", c))]
    assert len(shown) >= 3 and all('href="' in c for c in shown)
    leads = {re.search(r'href="([^"]+)"', c)[1].replace("&amp;", "&") for c in shown}  # type: ignore[index]
    for address in sorted(leads)[:6] + sorted(leads)[-6:]:
        page = client.get(address)
        assert page.status_code == 200
        if "/seea/cell" in address:
            parts = re.findall(r'<tr><th scope="row">.*?</tr>', page.text, re.S)
            none = "没有这样的变化" in page.text or "nothing of this kind" in page.text
            assert (parts or none) and all('href="' in p or "zone.toml" in p or "invented" in p for p in parts), address


def test_a_cell_that_is_not_there_is_not_found(client: TestClient) -> None:
    assert client.get("/en/account/seea/cell?of=4.1&row=opening&column=nowhere").status_code == 404
    assert client.get("/en/account/seea/cell").status_code == 404


def test_the_frame_around_a_seea_table_keeps_to_the_place(client: TestClient) -> None:
    """Not to the table: `/en/place/4.1` is no page."""
    nav = re.search(r'<nav class="pages".*?</nav>', client.get("/en/account/seea?of=4.1").text, re.S)
    assert nav
    assert all("4.1" not in a and client.get(a).status_code == 200 for a in re.findall(r'href="([^"]+)"', nav[0]))


def test_seea_tables_close(client: TestClient) -> None:
    """Opening + additions - reductions = closing for every class; 8 - 2 = 6 cells of crops."""
    page = client.get("/en/account/seea.json?of=4.1").json()
    assert page["tables"][0]["name"] == "4.1"
    cells = {(r["row"], r["column"]): r["value"] for r in page["tables"][0]["rows"]}
    assert cells["opening", CROPS] == pytest.approx(8 * CELL)
    for cls in (WOODS, CROPS, TOWN):
        added = sum(v for (row, c), v in cells.items() if c == cls and row.startswith("addition"))
        lost = sum(v for (row, c), v in cells.items() if c == cls and row.startswith("reduction"))
        assert cells["opening", cls] + added - lost == pytest.approx(cells["closing", cls])
    html = client.get("/zh/account/seea?of=4.1")
    assert html.status_code == 200 and "分毫不差" in text_of(html.text)
    assert client.get("/en/account/seea.json?of=99").status_code == 404


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_account_leads_to_places_change_and_tables(client: TestClient, lang: str) -> None:
    html = client.get(f"/{lang}/account").text
    assert f'href="/{lang}/account/change"' in html
    assert f'href="/{lang}/account/seea"' in html
    west = client.get(f"/{lang}/account?place=R1").text
    assert re.search(rf'class="crumbs places".*?href="/{lang}/account".*?aria-current="page"', west, re.S)


def test_drawn_intervals_become_whiskers(changed: tuple[TestClient, Run]) -> None:
    """A figure with draws carries its 5 and 95 % points as a range; a run without draws says that nobody assessed it."""
    client, run = changed
    fact = next(f for f in run.facts if f.quantity == CHANGE and f.value)
    assert of_run(run, fact).range is None
    assert "uncertainty: not assessed" in text_of(client.get("/en/account").text)
    drawn = open_run(run.path)
    drawn.__dict__["uncertainty"] = [
        {"draws": 200, "status": "assessed"},
        {"key": fact.key, "p5": 0.1, "p95": 0.9},
    ]  # as `run --draws` writes it
    assert of_run(drawn, fact).range == (0.1, 0.9)


def test_a_seea_table_of_one_unit_is_printed_in_one_scale(client: TestClient) -> None:
    """The unit stands in the line above; what is not declared as managed or unmanaged is said in words."""
    html = client.get("/zh/account/seea?of=4.1").text
    table = re.search(r'<table class="matrix seea">.*?</table>', html, re.S)
    assert table and 'class="u"' not in table[0] and "公顷" not in table[0]
    assert re.search(r'<p class="sub">SEEA EA 表 4\.1，.*?公顷</p>', html)
    assert "没有声明为人为或自然的增减单列一栏" in html
    assert "[[conversion]]" in client.get("/en/account/seea?of=4.1").text


@pytest.mark.parametrize(("lang", "heads"), [("zh", ["增加", "减少"]), ("en", ["Additions", "Reductions"])])
def test_undeclared_additions_are_said_in_words_and_not_refused(
    client: TestClient, lang: str, heads: list[str]
) -> None:
    """No column of managed and unmanaged additions that all refuse: those of the change matrix, 8 - 2 = 6 cells of crops, and a lead to 4.1."""
    html = client.get(f"/{lang}/account").text
    section = html[html.index('aria-labelledby="extent"') :]
    section = section[: section.index("</section>")]
    told = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', section)
    assert [h for h in told if h in heads] == heads and len(told) == 6
    assert 'class="refused"' not in section and "of=4.1" in section
    assert client.get(f"/{lang}/account.json").status_code == 200


@pytest.mark.parametrize(
    ("rows", "unit", "said"),
    [
        ([[4.24e10, 7.17e3], [1.36e8, None]], "元", ([["4,240,000", "0.717"], ["13,600", "—"]], "万元")),
        ([[4972.0, 0.27], [5416.0, 0.45]], "hm2", ([["4,972", "0.27"], ["5,416", "0.45"]], "公顷")),
        ([[0.659, 0.0], [None, None]], "1", ([["0.659", "0"], ["—", "—"]], "")),
    ],
)
def test_one_scale_in_which_the_smallest_can_be_read(rows: list[list[float | None]], unit: str, said: tuple) -> None:
    written = _written(rows, [unit] * len(rows), "zh", sums=False)
    assert ([texts[:-1] for texts, _ in written], written[0][1]) == said
    assert {word for _, word in written} == {said[1]}
