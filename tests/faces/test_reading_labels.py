"""Readings that no method standard measured say so wherever they come out, and so does a result that stands on an estimate or on a restated row.

`estimated` and `screening` are declared with the network (`labelled`), on readings that are not invented: no face may take them for one label,
or show them only beside `synthetic`. `secondary` comes with the rows a result stands on, `estimated` of a load with the way its flow was had.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import openpyxl
import polars as pl
import pypdf
import pytest
from starlette.testclient import TestClient
from test_synthetic_labels import HEAD, PAGES, TOKEN, ending, exports_say, said, zone_with

from qingshan.core.errors import DeclarationError
from qingshan.faces.api.alert_stream import Hub
from qingshan.faces.api.app import create_app
from qingshan.observe.evaluate.air_frame import DayTable
from qingshan.observe.series.network import read_network
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import open_zone

LABELS = ["estimated", "screening"]
WORDS = {"zh": ["估算", "粗算"], "en": ["estimated", "screening"]}
SECONDARY = {"zh": "转引", "en": "secondary"}
RIVER = """[network]
id = "river"
domain = "water"
zh = "河"
en = "River"
step = "4h"
kind = "section"
rules = "surface_water"
report_rules = "water.restated_rules"
"""
SECTIONS = "id,name_zh,name_en,kind,river,water_body_type\nS1,上,Upper,section,清水河,river\nS2,下,Lower,section,清水河,river\n"
WATER = {
    "water.ph": ("1", 7.5),
    "water.do": ("mg/L", 8),
    "water.codmn": ("mg/L", 1.5),
    "water.nh3n": ("mg/L", 0.1),
    "water.tp": ("mg/L", 0.03),
}
AIR = HEAD.replace("synthetic = true\n", "")
DECLARED = HEAD.replace("synthetic = true", 'labelled = ["estimated", "screening"]')
REPORT = next(p for p in PAGES if "/report" in p)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with zone_with(tmp_path_factory.mktemp("labels"), DECLARED) as made:
        yield made


@pytest.fixture(scope="module")
def client(folder: Path) -> TestClient:
    return TestClient(create_app(open_zone(folder), {}))


def badges(client: TestClient, address: str) -> set[str]:
    page = client.get(address, headers={"accept": "text/html"})
    assert page.status_code == 200
    return set(re.findall(r'class="badge[^"]*"[^>]*>([^<]+)<', page.text[page.text.index("<main") :]))


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_and_its_exports(client: TestClient, lang: str, path: str) -> None:
    shown = badges(client, f"/{lang}{path}")
    assert set(WORDS[lang]) <= shown and not shown & {"示意", "synthetic"}
    if lang == "zh":  # the exports are made the same way in both languages
        return
    told = client.get(ending(f"/{lang}{path}", "json")).json()
    listed = [*told["labels"], *(str(r["labels"]) for t in told["tables"] for r in t["rows"] if r.get("labels"))]
    assert told["tables"] and all(label in " ".join(listed) for label in LABELS)
    exports_say(client, f"/{lang}{path}", [t["name"] for t in told["tables"]], LABELS)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_report_as_pdf_and_workbook(client: TestClient, lang: str) -> None:
    page = client.get(f"/{lang}{REPORT}").text
    files = {ext: re.search(rf'href="(/files/[^"]+/{lang}\.{ext}[^"]*)"', page) for ext in ("pdf", "xlsx")}
    content = {ext: client.get(found[1].replace("&amp;", "&")).content for ext, found in files.items() if found}
    text = re.sub(r"\s+", "", pypdf.PdfReader(io.BytesIO(content["pdf"])).pages[0].extract_text())
    book = openpyxl.load_workbook(io.BytesIO(content["xlsx"]), read_only=True)
    first = " ".join(
        str(c) for s in book.worksheets for row in s.iter_rows(max_row=8, values_only=True) for c in row if c
    )
    assert all(word in text and word in first for word in WORDS[lang])


def test_the_map_the_services_and_the_streams(client: TestClient, folder: Path) -> None:
    content = client.get("/en/network/air.geojson").json()
    assert set(LABELS) <= set(content["labels"])
    assert all(x in f["properties"]["labels"] for f in content["features"] for x in LABELS)
    (service,) = client.get("/sta").json()["value"]
    collections = client.get("/ogc/collections").json()["collections"]
    held = [service, *collections]
    assert [x["synthetic"] for x in held] == [False, False, False]
    held += [client.get(f"/sta/air/v1.1/{e}").json()["properties"] for e in ("Things(1)", "Datastreams(1)")]
    held += [o["parameters"] for o in client.get("/sta/air/v1.1/Observations?$top=3").json()["value"]]
    for c in collections:
        held += [f["properties"] for f in client.get(f"/ogc/collections/{c['id']}/items").json()["features"]]
    assert len(held) == 3 + 2 + 3 + 2 and all(x[label] is True for x in held for label in LABELS)
    body = "site,property,unit,start,value\nA1,air.pm25,ug/m3,2020-03-03T00:00,41\n"
    sent = client.post("/api/networks/air/observations", content=body, headers={"Authorization": f"Bearer {TOKEN}"})
    assert sent.status_code == 201 and sent.json()["labels"] == LABELS
    hub = Hub(Observations(open_zone(folder)))
    hub.watch("air")
    events = hub.after("air", 0)
    assert events and all(record["labels"] == LABELS for _, record in events)
    assert all(e["labels"] == LABELS for m in hub.messages("air", "", 0)["messages"] for e in m["told"])  # type: ignore[attr-defined]


def test_the_command_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls: dict[str, tuple[object, ...]] = {
        "export": ("observe", "export", "air", "--out", tmp_path / "rows.parquet"),
        "evaluate": ("observe", "evaluate", "air", "--out", tmp_path / "days.csv"),
        "judge": ("observe", "judge", "trend", "air", "--set", "years=5", "--out", tmp_path / "trend.csv"),
        "alerts": ("observe", "alerts", "air"),
    }
    for name, call in calls.items():
        for lang, words in WORDS.items():
            text = said(capsys, *call, "--zone", folder, "--lang", lang)
            assert all(f"[{w}]" in text for w in words), (name, text)
        assert json.loads(said(capsys, *call, "--zone", folder, "--json"))["labels"] == LABELS, name
    assert json.loads(said(capsys, "observe", "qc", "air", "--zone", folder, "--json"))[0]["labels"] == LABELS
    assert set(pl.read_parquet(tmp_path / "rows.parquet")["labels"]) == {"estimated; screening"}
    assert set(pl.read_csv(tmp_path / "trend.csv")["labels"]) == {
        "estimated; screening; secondary"
    }  # its test was restated
    assert set(pl.read_csv(tmp_path / "days.csv")["labels"]) == {"estimated; screening"}


def test_labels_of_an_exported_evaluation_work_no_day_out(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten years of a hundred stations are 365,000 days: their labels come from the columns of the frame."""
    monkeypatch.delattr(DayTable, "at")
    out = tmp_path / "days.parquet"
    said(capsys, "observe", "evaluate", "air", "--zone", folder, "--out", out)
    assert set(pl.read_parquet(out)["labels"]) == {"estimated; screening"}


# ---- what stands on restated rows ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def restated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A river of two sections, whose state goes by rules of few sections that were restated, and SO2 of 2020, whose hourly limit was."""
    with zone_with(tmp_path_factory.mktemp("restated"), AIR) as made:
        (made / "networks" / "river").mkdir()
        (made / "networks" / "river.toml").write_text(RIVER, encoding="utf-8")
        (made / "networks" / "river" / "sites.csv").write_text(SECTIONS, encoding="utf-8")
        store = Observations(open_zone(made))
        water = [f"{s},{p},{u},2020-03-01T00:00,{v}" for s in ("S1", "S2") for p, (u, v) in WATER.items()]
        hours = [datetime(2020, 1, 1) + timedelta(hours=h) for h in range(366 * 24)]
        air = [f"A1,air.so2,ug/m3,{at.isoformat()},20" for at in hours]
        for network, rows in (("river", water), ("air", air)):
            path = made.parent / "more.csv"
            path.write_text("\n".join(["site,property,unit,start,value", *rows]) + "\n", encoding="utf-8")
            assert store.load(network, path).n_errors == 0
        yield made


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_stands_on_restated_rows(
    restated: Path, lang: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = TestClient(create_app(open_zone(restated), {}))
    report = "/network/river/report?period=2020-03"
    for path in (report, "/network/river/evaluation?site=S1&period=2020-03", "/network/air/A1?period=2020-03"):
        assert SECONDARY[lang] in badges(client, f"/{lang}{path}"), path
        assert "secondary" in client.get(ending(f"/{lang}{path}", "json")).json()["labels"]
    assert SECONDARY[lang] not in badges(client, f"/{lang}/network/river/S1?period=2020-03")  # GB 3838 was read itself
    text = client.get(ending(f"/{lang}/network/air/A1?period=2020-03", "csv") + "&table=items").content.decode(
        "utf-8-sig"
    )
    ((*_, status, labels),) = [row for row in csv.reader(io.StringIO(text)) if "GB 3095-2012 表1/表2" in row]
    assert (status, labels) == ("secondary", "secondary")
    for ext in ("pdf", "xlsx"):
        content = client.get(f"/files/monitoring/river/2020-03/{lang}.{ext}").content
        if ext == "pdf":
            told = re.sub(r"\s+", "", "".join(p.extract_text() for p in pypdf.PdfReader(io.BytesIO(content)).pages[:2]))
        else:
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
            told = " ".join(str(c) for s in book.worksheets for row in s.iter_rows(values_only=True) for c in row if c)
        assert SECONDARY[lang] in told, ext
    out = tmp_path / "years.csv"
    call = ("observe", "evaluate", "air", "--by", "year", "--rules", "air.demonstration_percentiles", "--lang", lang)
    told = said(capsys, *call, "--zone", restated, "--out", out)
    assert f"[{SECONDARY[lang]}]" in told and "secondary" in str(pl.read_csv(out)["labels"].to_list())


SHARES = """section,source,kind,tonnes,method,item,area_hm2,source_type,delivery,status
s,,measured,10,C x Q,TN,,,,
s,厂,facility,2,discharge record,TN,,,,primary
s,农田,non_point,,export coefficient,TN,100,cropland export,delivery ratio,
s,村,non_point,1,census,TN,,,,news
"""
LOADS = "site,date,item,value,unit,flow,flow_method\na,2021-01-05,TP,0.1,mg/L,10,measured\nb,2021-01-05,TP,0.1,mg/L,10,rating_curve\n"
ACCOUNT = """facility,material,period,kind,tonnes,method,uncertainty
F,磷石膏,2027,opening,120000,weighbridge,0
F,磷石膏,2027,closing,120000,{},10
"""


def judged(
    folder: Path, capsys: pytest.CaptureFixture[str], matter: str, text: str, *more: object
) -> dict[tuple[str, str, str], str]:
    """(site, item, quantity) -> labels of a result, the same in JSON and CSV; those labelled are so on screen in both languages."""
    path, out = folder.parent / f"{matter}.csv", folder.parent / "out.csv"
    path.write_text(text, encoding="utf-8")
    call = ("observe", "judge", matter, path, *more)
    made = json.loads(said(capsys, *call, "--json", "--out", out))["results"]
    labels = {(r["site"], r["item"], r["quantity"]): "; ".join(r["labels"]) for r in made}
    assert [r["labels"] or "" for r in csv.DictReader(out.open(encoding="utf-8"))] == list(labels.values())
    screens = {lang: said(capsys, *call, "--lang", lang) for lang in WORDS}
    for zh, en in (("估算", "estimated"), ("转引", "secondary"), ("报载", "press")):
        n = sum(("news" if en == "press" else en) in x.split("; ") for x in labels.values())
        found = [len(re.findall(rf"\[[^\]\n]*{w}\]", screens[lang])) for lang, w in (("zh", zh), ("en", en))]
        assert en != "estimated" or found == [n, n], screens
        assert sum(zh in line for line in screens["zh"].splitlines()) >= n
    return labels


def test_results_that_stand_on_estimates_or_restated_rows(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A load by a rating curve; a source by coefficient, one that is no point; masses that were estimated; restated limits of soil."""
    found = judged(folder, capsys, "source-share", SHARES, "--allow-secondary")
    assert {k[1]: v for k, v in found.items()} == {
        "TN: 厂": "", "TN: 农田": "estimated; secondary", "TN: 村": "estimated; news", "TN: residual": "estimated; news",
    }  # fmt: skip
    found = judged(folder, capsys, "load", LOADS)
    assert {(k[0], k[2]): v for k, v in found.items()} == {
        ("a", "water.load_month"): "", ("a", "water.load"): "", ("b", "water.load_month"): "estimated", ("b", "water.load"): "estimated",
    }  # fmt: skip
    for method, label in (("survey", ""), ("estimate", "estimated")):
        assert set(judged(folder, capsys, "waste-account", ACCOUNT.format(method), "--set", "k=2").values()) == {label}
    soil = "site,date,land,item,value,unit,ph\np,2024-05-01,paddy,Cd,0.45,mg/kg,6.0\n"
    assert set(judged(folder, capsys, "soil", soil, "--allow-secondary").values()) == {"secondary"}


@pytest.mark.parametrize("given", ['["guess"]', '"estimated"', '["estimated", "estimated"]', "[1]"])
def test_a_label_that_is_none_is_refused(tmp_path: Path, given: str) -> None:
    path = tmp_path / "air.toml"
    path.write_text(HEAD.replace("synthetic = true", f"labelled = {given}"), encoding="utf-8")
    with pytest.raises(DeclarationError, match=r"network.labelled must be a list of estimated, screening"):
        read_network(path)
