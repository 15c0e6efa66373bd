"""Pages and their data: what a reader and a program get, in both languages, on the real zone and on a tiny one."""

from __future__ import annotations

import csv
import io
import json
import re
import sys

import openpyxl
import pytest
from starlette.testclient import TestClient

from qingshan.accounts.run import Run
from qingshan.faces.api.app import POLICY, create_app
from qingshan.faces.api.exports import _safe
from qingshan.faces.web.page import View
from qingshan.zone.zone import Zone

HTML = {"accept": "text/html"}


def text_of(html: str) -> str:
    """What is read: no tags, scripts or doubled spaces."""
    bare = re.sub(r"<(script|style)\b.*?</\1>", " ", html, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", bare))


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("path", ["/", "/?place=520381", "/?of=population.census_total@2020", "/?period=2025", "/place/520000", "/place/520300",
                                  "/place/520381", "/place/520381?period=2020"])  # fmt: skip
def test_pages_answer_in_both_languages(client: TestClient, lang: str, path: str) -> None:
    answer = client.get(f"/{lang}{path}")
    assert answer.status_code == 200
    assert f'<html lang="{"zh-Hans" if lang == "zh" else "en"}"' in answer.text
    assert answer.text.count("<h1>") == 1
    assert answer.headers["content-security-policy"] == POLICY
    assert not re.search(r'(?:src|href|action)="(?:https?:)?//', answer.text)  # no other host
    assert not re.search(
        r"\sstyle=|\son[a-z]+=|<style|<script(?![^>]*(?:src=|application/json))", answer.text
    )  # the policy would stop it


def test_the_overview_answers_from_the_verdicts(client: TestClient) -> None:
    """Guizhou, targets.csv: of ten targets for 2025 four have a figure on file (shared picture 1)."""
    text = text_of(client.get("/zh/").text)
    assert "2025 年的十项承诺，四项有读数，六项还不能判定" in text
    assert "至少 43 %" in text
    assert "缺 2022、2023、2025 年" in text
    assert "Ten promises for 2025: four have readings, six cannot be judged yet" in text_of(client.get("/en/").text)


def test_the_ranking_keeps_the_chosen_county(client: TestClient) -> None:
    """赤水: 458 mm, 75th of 88 (shared picture 1)."""
    html = client.get("/zh/?place=520381").text
    ranking = re.search(r'class="rank.*?</ol>', html, re.S)
    assert ranking
    assert re.search(r'class="me".*?75.*?赤水.*?458', ranking[0], re.S)
    assert "第 75 位，共 88 县" in text_of(html)
    assert "赤水" not in text_of(re.search(r'class="rank.*?</ol>', client.get("/zh/").text, re.S)[0])  # type: ignore[index]


def test_every_county_is_drawn_and_named(client: TestClient, guizhou: tuple[Zone, Run]) -> None:
    html = client.get("/zh/").text
    drawn = set(re.findall(r'data-code="(\d{6})"', html))
    assert drawn == set(guizhou[0].leaves("520000"))
    assert len(drawn) == 88


def test_the_place_page_shows_figures_range_and_gaps(client: TestClient) -> None:
    text = text_of(client.get("/zh/place/520381").text)
    assert "247,287 人" in text  # census 2020
    assert "1,125 毫米" in text  # twelve months of county_screening.csv
    assert "8.43 亿 m³" in text
    assert "县级森林资源管理“一张图”年度更新成果" in text  # the document that fills the gap
    assert "拒算" in text
    assert "粗算" in text


def test_charts_stand_without_a_script_and_with_their_table(client: TestClient) -> None:
    html = client.get("/zh/place/520381").text
    figure = re.search(r"<figure.*?月月.*?</figure>", html, re.S)
    assert figure
    assert figure[0].count("<rect") >= 24  # twelve bars, wide and narrow
    assert "<table" in figure[0]
    described = json.loads(re.search(r'application/json">(.*?)</script>', figure[0], re.S)[1])  # type: ignore[index]
    assert len(described["series"][0]["values"]) == 12


@pytest.mark.parametrize("path", ["/", "/place/520381", "/place/520000"])
def test_a_page_is_small(client: TestClient, path: str) -> None:
    answer = client.get(f"/zh{path}", headers={"accept-encoding": "gzip"})
    assert int(answer.headers["content-length"]) < 150_000


# ---- figures lead to their pedigree ------------------------------------------------------------------------------------


def test_every_rank_and_area_leads_to_its_pedigree(client: TestClient, guizhou: tuple[Zone, Run]) -> None:
    """Name to the place, value to its pedigree; the hover card takes its key from the area."""
    keys = {f.place: f.key for f in guizhou[1].select("water.yield_depth", cls="", basis="")}
    html = client.get("/zh/?place=520381").text
    ranking = re.search(r'class="rank.*?</ol>', html, re.S)[0]  # type: ignore[index]
    mine = re.search(r'<li class="me">(.*?)</li>', ranking, re.S)[1]  # type: ignore[index]
    assert 'href="/zh/place/520381"' in mine
    assert f'href="/zh/pedigree/{keys["520381"]}"' in mine
    assert ranking.count("/zh/pedigree/") == ranking.count('class="who"') == 13
    assert dict(re.findall(r'data-code="(\d{6})".*?data-key="([0-9a-f]{64})"', html)) == {
        code: keys[code] for code in guizhou[0].leaves("520000")
    }


def test_tables_behind_charts_carry_marks(client: TestClient, guizhou: tuple[Zone, Run]) -> None:
    """Twelve months of rain lead to twelve rows; the months of the worked-out line to the year they make up."""
    html = client.get("/zh/place/520381").text
    figure = re.search(r"<figure.*?月月.*?</figure>", html, re.S)[0]  # type: ignore[index]
    keys = re.findall(r"/zh/pedigree/([0-9a-f]{64})", figure)
    rain = {guizhou[0].facts.best("climate.rain_month", "520381", f"normal-{m:02d}").key for m in range(1, 13)}  # type: ignore[union-attr]
    year = guizhou[1].fact("climate.pet", "520381").key
    assert set(keys) == rain | {year}
    assert keys.count(year) == 12
    for key in (*rain, year):
        assert client.get(f"/zh/pedigree/{key}").status_code == 200


def test_earlier_periods_of_a_key_figure_have_marks(client: TestClient, guizhou: tuple[Zone, Run]) -> None:
    earlier = guizhou[0].facts.best("population.census_total", "520381", "2010")
    assert earlier
    assert client.get("/zh/place/520381").text.count(earlier.key) >= 2  # the key figure's note and the table


# ---- targets -----------------------------------------------------------------------------------------------------------


def test_every_target_leads_to_why(client: TestClient) -> None:
    """Ten targets of 2025 on the overview, each with its own page; those of 2035 under their own time."""
    links = set(re.findall(r'href="(/zh/target/[^"]+)"', client.get("/zh/").text))
    assert len(links) == 10
    late = set(re.findall(r'href="(/zh/target/[^"]+)"', client.get("/zh/?period=2026-2035").text))
    assert len(late) == 2
    for link in links | late:
        text = text_of(client.get(link).text)
        assert "这条承诺为什么这样判" in text
        assert "怎么判" in text


def test_a_sum_of_years_is_explained(client: TestClient) -> None:
    """石漠化治理: 640 (2021) + 887.83 (2024) = 1,527.83 km2 of 3,550: 43.0 %; 2022, 2023 and 2025 are missing."""
    html = client.get("/zh/target/krd.treated_area@2021-2025").text
    text = text_of(html)
    assert "640 + 887.83 = 1,527.83 km²" in text.replace("\u00a0", " ")
    assert "至少完成 43 %" in text.replace("\u00a0", " ")
    assert text.count("缺") >= 3
    assert "贵州省石漠化综合治理年度任务完成情况通报" in text
    assert html.count("/zh/pedigree/") >= 3  # the target row and both readings
    data = client.get("/zh/target/krd.treated_area@2021-2025.json").json()
    readings = next(t for t in data["tables"] if t["name"] == "readings")["rows"]
    assert [(r["period"], r["value"]) for r in readings if r["value"]] == [("2021", 640.0), ("2024", 887.83)]
    assert data["record"]["verdict"]["verdict"] == "incomplete"


def test_an_open_definition_shows_related_figures_and_no_score(client: TestClient) -> None:
    """石漠化占比: 17.14 % of 2011 over another denominator is listed and not judged."""
    html = client.get("/en/target/krd.share@2025").text
    text = text_of(html)
    assert "17.14" in text
    assert "not scored" in text
    assert 'class="track"' not in html
    rows = list(csv.DictReader(io.StringIO(client.get("/en/target/krd.share@2025.csv").content.decode("utf-8-sig"))))
    assert [(r["verdict"], r["value"], r["completion"]) for r in rows] == [("cannot be judged", "", "")]
    book = openpyxl.load_workbook(io.BytesIO(client.get("/en/target/krd.share@2025.xlsx").content))
    assert book.sheetnames[1:] == ["Target", "Readings"]


def test_an_unknown_target_names_those_that_are(client: TestClient) -> None:
    answer = client.get("/zh/target/krd.share@1999.json")
    assert answer.status_code == 404
    assert "krd.share@2025" in answer.json()["detail_zh"]


# ---- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "chishui"),
    [
        ("of=population.census_total", 247287.0),
        ("of=population.census_total&period=2010", 237052.0),
        ("of=population.census_total&period=2020", 247287.0),
        ("of=population.census_total&period=2015", 237052.0),
        ("of=population.census_total@2020&period=2010", 237052.0),
        ("of=population.census_total@2010", 237052.0),
    ],
)
def test_the_period_picks_the_figure_of_the_map(client: TestClient, query: str, chishui: float) -> None:
    """Census of 2010 and 2020 (shared picture 2): the one asked for, else the newest before the asked time."""
    rows = client.get(f"/zh.json?table=areas&{query}").json()["tables"][0]["rows"]
    assert {r["place_code"]: r["value"] for r in rows}["520381"] == chishui


def test_the_time_control_offers_what_is_there_and_keeps_what_was_asked(client: TestClient) -> None:
    html = client.get("/zh/?of=population.census_total&period=2010").text
    control = re.search(r'<select id="period".*?</select>', html, re.S)[0]  # type: ignore[index]
    assert re.findall(r'value="([^"]*)"', control) == ["2021-2025", "2026-2035", "2020", "2010"]
    assert 'value="2010" selected' in control
    assert '<input type="hidden" name="of" value="population.census_total">' in html
    assert 'href="/en/?of=population.census_total&amp;period=2010"' in html
    assert "2025 年的十项承诺" in text_of(html)  # the targets due next
    place = client.get("/zh/place/520381?period=2010").text
    assert "237,052 人" in text_of(place).replace("\u00a0", " ")
    assert re.findall(r'value="(\d*)"', re.search(r'<select id="period".*?</select>', place, re.S)[0]) == [
        "",
        "2020",
        "2010",
    ]  # type: ignore[index]


def test_the_bars_say_year_and_count_and_lead_to_their_year(client: TestClient, guizhou: tuple[Zone, Run]) -> None:
    html = client.get("/zh/place/520381").text
    count = sum(f.period == "2020" for f in guizhou[0].facts.for_place("520381"))
    bar = re.search(r'<a[^>]*href="/zh/place/520381\?period=2020"[^>]*aria-label="([^"]*)"', html)
    assert bar
    assert bar[1] == f"2020 年：{count} 个数字"


# ---- who waits ---------------------------------------------------------------------------------------------------------


def test_gaps_say_who_waits_in_the_readers_language(client: TestClient, guizhou: tuple[Zone, Run]) -> None:
    zh, en = text_of(client.get("/zh/place/520381").text), text_of(client.get("/en/place/520381").text)
    assert "县级森林账户" in zh
    assert "forest accounts by county" in en
    assert "forest accounts by county" not in zh
    assert [g.quantity for g in guizhou[0].missing if bool(g.needed_by) != bool(g.needed_by_zh)] == []


# ---- exports ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stem", ["/zh", "/zh/", "/en/place/520381"])
def test_json_holds_every_table_with_units_labels_and_source(client: TestClient, stem: str) -> None:
    data = client.get(f"{stem}.json").json()
    assert data["zone"] == "guizhou"
    for table in data["tables"]:
        keys = {c["key"] for c in table["columns"]}
        if "value" in keys:
            assert {"unit", "labels", "status", "source", "reason", "document", "key"} <= keys
        assert all(set(row) == keys for row in table["rows"])


def test_csv_is_one_table_in_the_language_of_the_page(client: TestClient) -> None:
    answer = client.get("/zh.csv?table=areas")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == 88
    chishui = next(r for r in rows if r["地点代码"] == "520381")
    assert float(chishui["数值"]) == pytest.approx(458, abs=0.5)
    assert "粗算" in chishui["标注"]
    english = client.get("/en.csv?table=areas").content.decode("utf-8-sig").splitlines()[0]
    assert english.startswith("place code,place,quantity id,quantity,period,value")


def test_xlsx_has_a_sheet_for_each_table_and_the_run(client: TestClient, guizhou: tuple[Zone, Run]) -> None:
    book = openpyxl.load_workbook(io.BytesIO(client.get("/zh/place/520381.xlsx").content))
    assert len(book.sheetnames) == 1 + len(client.get("/zh/place/520381.json").json()["tables"])
    about = {row[0].value: row[1].value for row in book[book.sheetnames[0]].iter_rows() if row[0].value}
    assert about["核算"] == guizhou[1].id


def test_geojson_joins_areas_and_figures(client: TestClient) -> None:
    data = client.get("/en.geojson").json()
    assert len(data["features"]) == 88
    chishui = next(f for f in data["features"] if f["properties"]["code"] == "520381")
    assert chishui["properties"]["value"] == pytest.approx(458, abs=0.5)
    assert chishui["properties"]["unit"] == "mm"
    assert chishui["geometry"]["type"] in ("Polygon", "MultiPolygon")


def test_long_lists_come_in_parts(client: TestClient) -> None:
    first = client.get("/zh.json?table=areas&limit=50").json()["tables"][0]
    assert (len(first["rows"]), first["total"], first["next_after"]) == (50, 88, "50")
    rest = client.get(f"/zh.json?table=areas&limit=50&after={first['next_after']}").json()["tables"][0]
    assert len(rest["rows"]) == 38
    assert rest["next_after"] is None


def test_a_text_that_looks_like_a_formula_stays_text() -> None:
    assert _safe("=1+1") == "'=1+1"
    assert _safe(-1.5) == -1.5


# ---- bad input --------------------------------------------------------------------------------------------------------


def test_an_unknown_place_offers_those_nearby(client: TestClient) -> None:
    page = client.get("/zh/place/520382x", headers=HTML)
    assert page.status_code == 404
    assert text_of(page.text).count("仁怀市") == 1  # offered as a link, not repeated in the sentence
    problem = client.get("/zh/place/520382x.json")
    assert problem.status_code == 404
    assert problem.headers["content-type"] == "application/problem+json"
    assert "没有地点" in problem.json()["detail_zh"]
    assert "no place" in problem.json()["detail"]


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/zh/nothing", 404), ("/fr/", 404), ("/zh/?of=no.such.figure", 404), ("/zh/?place=" + "9" * 300, 400), ("/zh/?profile=none", 404),
        ("/zh.csv?table=none", 404), ("/zh/?x=" + "y" * 3000, 414), ("/zh/place/520381.exe", 404), ("/zh/?place=<script>alert(1)</script>", 404),
    ],
)  # fmt: skip
def test_wrong_addresses_are_one_clear_sentence(client: TestClient, address: str, status: int) -> None:
    answer = client.get(address, headers=HTML)
    assert answer.status_code == status
    assert answer.headers["content-security-policy"] == POLICY
    assert "<script>alert" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("period", ["", "abc", "2030", "1900-1901", "2025-2021", "9999"])
def test_any_period_gives_a_page(client: TestClient, period: str) -> None:
    for path in ("/zh/", "/en/place/520381"):
        assert client.get(path, params={"period": period}).status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_reading_only(client: TestClient, method: str) -> None:
    answer = getattr(client, method)("/zh/")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"


def test_a_missing_library_is_said_and_not_a_fault(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xlsxwriter", None)
    answer = client.get("/zh/place/520381.xlsx")
    assert answer.status_code == 501
    assert "xlsxwriter" in answer.json()["detail_zh"]
    assert "qingshan[report]" in answer.json()["fix"]


def test_an_unknown_figure_at_a_known_place_offers_no_places(client: TestClient) -> None:
    assert (
        "仁怀市" not in text_of(client.get("/zh/?place=520381&of=none", headers=HTML).text).split("没有可上图")[1][:40]
    )
    assert "是不是找" not in client.get("/zh/?place=520381&of=none", headers=HTML).text


def test_a_fault_of_the_program_is_a_page_too(guizhou: tuple[Zone, Run]) -> None:
    def broken(ask: object) -> None:
        raise ZeroDivisionError

    app = create_app(guizhou[0], {}, views=(View("overview", "", broken),))  # type: ignore[arg-type]
    answer = TestClient(app, raise_server_exceptions=False).get("/zh/", headers=HTML)
    assert answer.status_code == 500
    assert "这一页没有算出来" in answer.text
    assert "ZeroDivisionError" not in answer.text
    assert answer.headers["content-security-policy"] == POLICY


# ---- language and search ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wish", "lang"), [("", "zh"), ("en-GB,en;q=0.8", "en"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("fr,en;q=0.4,zh;q=0.5", "zh"),
                                            ("de", "zh"), ("en;q=1.2.3", "zh")])  # fmt: skip
def test_the_front_door_speaks_the_readers_language(client: TestClient, wish: str, lang: str) -> None:
    answer = client.get("/", headers={"accept-language": wish})
    assert answer.headers["location"] == f"/{lang}/"


def test_language_links_lead_to_the_same_page(client: TestClient) -> None:
    html = client.get("/zh/?place=520381&of=climate.rain_annual").text
    assert 'href="/en/?place=520381&amp;of=climate.rain_annual"' in html


@pytest.mark.parametrize("word", ["赤水", "赤水市", "520381", "Chishui", "chishui "])
def test_the_search_finds_a_place_by_any_of_its_names(client: TestClient, word: str) -> None:
    answer = client.get("/zh/find", params={"q": word})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/zh/place/520381")


def test_the_search_offers_names_that_look_alike(client: TestClient) -> None:
    answer = client.get("/en/find", params={"q": "Chishuy"}, headers=HTML)
    assert answer.status_code == 404
    assert "Chishui" in text_of(answer.text)


def test_healthz_names_zone_and_runs(client: TestClient, guizhou: tuple[Zone, Run]) -> None:
    body = client.get("/healthz").json()
    assert body["status"] == "ok"
    assert body["runs"] == {guizhou[1].profile.id: guizhou[1].id}


# ---- a zone that is nothing like Guizhou ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/?place=V1", "/place/V", "/place/V1"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_tiny_zone_without_boundaries_or_run(tiny_client: TestClient, lang: str, path: str) -> None:
    answer = tiny_client.get(f"/{lang}{path}")
    assert answer.status_code == 200
    text = text_of(answer.text)
    assert "Guizhou" not in text
    assert "贵州" not in text
    assert "88" not in text
    assert ("示意" if lang == "zh" else "synthetic") in text  # the zone says it is made up


def test_a_tiny_zone_ranks_what_it_has(tiny_client: TestClient) -> None:
    text = text_of(tiny_client.get("/zh/").text)
    assert "没有边界数据" in text
    assert re.search(r"1 上村 120 2 下村 80", text)
    assert tiny_client.get("/zh.geojson").json()["features"] == []
    assert len(tiny_client.get("/zh.csv?table=areas").text.splitlines()) == 3
