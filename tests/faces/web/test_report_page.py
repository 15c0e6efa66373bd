"""The report of a period and the page of one evaluation, on two sections whose classes are worked example E7, and on April a year before."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from collections.abc import Iterator
from fractions import Fraction
from html import unescape
from typing import Any

import pytest

from qingshan.faces.api.app import create_app
from qingshan.faces.web.views.evaluation import _brief
from qingshan.observe.evaluate.verdict import Result
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import builtin_zones, open_zone

testclient = pytest.importorskip("starlette.testclient")

HEAD = (
    '[network]\nid = "rivers"\ndomain = "water"\nzh = "地表水"\nen = "Surface water"\nstep = "4h"\naveraging = "instant"\n'
    'kind = "section"\nrules = "surface_water"\n'
)
SITES = "id,name_zh,name_en,kind,water_body_type\nS1,甲断面,First,section,river\nS2,乙断面,Second,section,river\n"
ITEMS = ("water.ph", "water.do", "water.codmn", "water.nh3n", "water.tp")
ONE = ("7.97", "10.8", "1.01", "0.025", "0.005")  # E7: class I
TWO = ("8.12", "7.9", "0.96", "0.108", "0.039")  # E7: class II by TP
WORSE = ("9.34", "18.34", "2.71", "0.074", "0.072")  # E7: worse than V by pH
READ = (("S1", "2021-04-01", ONE), ("S2", "2021-04-01", TWO), ("S1", "2020-04-01", WORSE), ("S2", "2020-04-01", TWO))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    root = tmp_path_factory.mktemp("report")
    folder = root / "zone"
    shutil.copytree(builtin_zones()["guizhou"], folder, ignore=shutil.ignore_patterns("networks"))
    (folder / "networks" / "rivers").mkdir(parents=True)
    (folder / "networks" / "rivers.toml").write_text(HEAD, encoding="utf-8")
    (folder / "networks" / "rivers" / "sites.csv").write_text(SITES, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QINGSHAN_HOME", str(root / "home"))
        zone = open_zone(folder)
        lines = [
            f"{s},{p},{'1' if p == 'water.ph' else 'mg/L'},{day}T08:00,{v}"
            for s, day, values in READ
            for p, v in zip(ITEMS, values, strict=True)
        ]
        rows = root / "rows.csv"
        rows.write_text("\n".join(["site,property,unit,start,value", *lines]) + "\n", encoding="utf-8")
        assert Observations(zone).load("rivers", rows).n_errors == 0
        yield testclient.TestClient(create_app(zone, {}), follow_redirects=False)


def text(html: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)))


def table(client: Any, path: str, name: str) -> list[dict[str, Any]]:
    return next(t["rows"] for t in client.get(path).json()["tables"] if t["name"] == name)


@pytest.mark.parametrize("period", ["2021-04", "2021Q2", "2021"])
def test_shares_ranking_and_change_of_a_month_quarter_and_year(client: Any, period: str) -> None:
    """I and II: 2 of 2 good; a year before one of two was worse than V: 50 %, so +50 points."""
    path = f"/en/network/rivers/report.json?period={period}"
    rows = table(client, path, "states")
    assert [(r["state"], r["n"], r["share"]) for r in rows if r["n"]] == [
        ("class Ⅰ", 1, "50.0 %"), ("class Ⅱ", 1, "50.0 %"), ("Classes Ⅰ–Ⅲ", 2, "100.0 %"),
    ]  # fmt: skip
    assert rows[-1]["before"] == "50.0 %" and rows[-1]["change"] == "+50.0"
    assert [(r["order"], r["id"], r["before"]) for r in table(client, path, "sites")] == [
        (1, "S1", "class worse than Ⅴ"), (2, "S2", "class Ⅱ"),
    ]  # fmt: skip
    said = text(client.get(f"/zh/network/rivers/report?period={period}").text)
    assert "2 个有类别的断面中，2 个为Ⅰ—Ⅲ类，占 100.0 %" in said and "同比 +50.0 个百分点" in said


def test_every_state_leads_to_its_evaluation_and_that_to_its_readings(client: Any) -> None:
    html = client.get("/en/network/rivers/report?period=2021-04").text
    links = [unescape(a) for a in re.findall(r'class="mark" href="([^"]*)"', html)]
    assert len(links) == 2 and all("/evaluation?" in a for a in links)
    page = client.get(links[1]).text
    said = text(page)
    assert "Second, 2021-04: class Ⅱ" in said and "GB 3838-2002 表1" in said and "0.039" in said
    readings = [unescape(a) for a in re.findall(r'href="(/en/reading/[^"]*)"', page)]
    assert len(readings) == 5
    assert "0.039" in client.get(readings[-1]).text or "0.039" in client.get(readings[0]).text


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("kind", ["pdf", "xlsx"])
def test_the_files_are_those_of_the_verb(client: Any, lang: str, kind: str) -> None:
    page = client.get(f"/{lang}/network/rivers/report?period=2021-04").text
    href = unescape(next(a for a in re.findall(r'href="([^"]*)" download', page) if f"/{lang}.{kind}" in a))
    answer = client.get(href)
    assert answer.status_code == 200 and "attachment" in answer.headers["content-disposition"]
    if kind == "pdf":
        assert answer.content.startswith(b"%PDF-")
    else:
        assert "xl/workbook.xml" in zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert client.get(href).content == answer.content


def test_what_there_is_no_report_of(client: Any) -> None:
    for path, status in (
        ("/en/network/rivers/report?period=2019-01", 404),
        ("/en/network/rivers/report?period=yesterday", 422),
        ("/en/network/rivers/report?rules=none", 404),
        ("/en/network/rivers/evaluation?site=S9", 404),
        ("/en/network/rivers/evaluation?site=S1&day=2021-04-09", 404),
        ("/files/monitoring/rivers/2021-04/fr.pdf", 404),
        ("/files/monitoring/rivers/2021-04/zh.exe", 404),
        ("/files/monitoring/none/2021-04/zh.pdf", 404),
    ):
        assert client.get(path).status_code == status, path


@pytest.mark.parametrize(
    ("value", "limit", "text"),
    [
        (Fraction(73000, 3), "I ≤10000", "24333"),  # 24333.33…: no power of ten, no digit lost before the point
        (Fraction(1, 70000), "", "0.00001429"),
        (Fraction(1, 7), "III ≤0.2", "0.1429"),
        (Fraction(200041, 10**6), "II ≤0.1, III ≤0.2", "0.200041"),  # class IV: not the limit of III
        (Fraction(200041, 10**6), "II ≤0.1, III ≤0.3", "0.2"),
        (Fraction(6, 30), "III ≤0.2", "0.2"),
    ],
)
def test_a_mean_is_written_in_fixed_notation_and_never_as_a_limit_it_is_not(
    value: Fraction, limit: str, text: str
) -> None:
    assert _brief(Result("mean", value=value, limit=limit)) == text
