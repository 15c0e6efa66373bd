"""Invented readings say so wherever they come out: every page and its exports, the report, SensorThings, Features, the streams, the command line.

A zone that is real with one network that is not: the label must come from the network, not from the zone. Without the label nothing of it is
left out of the checks: `LABEL_WORDS` are the words a reader sees.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import openpyxl
import polars as pl
import pypdf
import pytest
from starlette.testclient import TestClient

from qingshan.faces.api.app import create_app
from qingshan.faces.cli import main
from qingshan.observe.quality.network import check_network
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import builtin_zones, open_zone

LABEL_WORDS = {"zh": "示意", "en": "synthetic"}
HEAD = """[network]
id = "air"
domain = "air"
zh = "空气网"
en = "Air"
step = "1h"
averaging = "1h"
kind = "air_station"
gas_state = "reference"
rules = "ambient_air"
synthetic = true
"""
SITES = "id,name_zh,name_en,kind,lon,lat,air_zone\nA1,一号站,First,air_station,106.70,26.6,2\n"
RULES = (
    "id,expression,unit,averaging,averaging_min,operator,raise,m,n,clear,level,recipients,valid_from,valid_to,clause,owner,zh,en\n"
    "pm25_high,air.pm25,ug/m3,1h,1,>,150,1,1,115,warning,duty,2019-01-01,,,E21,细颗粒物偏高,PM2.5 is high\n"
)
PLAN = "scope,test,parameter,value,unit,valid_from,valid_to,source,status\n" + "".join(
    f"air.pm25,gross_range,{k},{v},{u},2019-01-01,,test,project\n"
    for k, v, u in (("fail_min", 0, "ug/m3"), ("fail_max", 1000, "ug/m3"), ("suspect_min", "none", "ug/m3"), ("suspect_max", 190, "ug/m3"),
                    ("required", "yes", ""))
)  # fmt: skip
PAGES = (
    "/network", "/network/air", "/network/air/A1?period=2020-03", "/network/air/report?period=2020-03",
    "/network/air/evaluation?site=A1&period=2020-03", "/network/air/evaluation?site=A1&period=2020-03&day=2020-03-01", "/network/air/review",
    "/network/air/alerts?period=2020", "/reading/air?series=A1%7Cair.pm25%7C1h&at=2020-03-01T05:00",
)  # fmt: skip
TOKEN = "a-secret-of-the-laboratory"


@contextmanager
def zone_with(root: Path, head: str) -> Iterator[Path]:
    """A zone with one network: 200 at hour 5 of each day, 180 at hour 6, else 40: suspect readings, alerts, days with an AQI."""
    made = root / "zone"
    shutil.copytree(builtin_zones()["guizhou"], made, ignore=shutil.ignore_patterns("networks"))
    (made / "networks" / "air").mkdir(parents=True)
    (made / "networks" / "air.toml").write_text(head, encoding="utf-8")
    for name, text in (("sites", SITES), ("alerts", RULES), ("quality", PLAN)):
        (made / "networks" / "air" / f"{name}.csv").write_text(text, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QINGSHAN_HOME", str(root / "home"))
        patch.setenv("QINGSHAN_TOKEN_LOAD", f"lims:{TOKEN}")
        store = Observations(open_zone(made))
        lines = [
            f"A1,air.pm25,ug/m3,2020-03-{d:02d}T{h:02d}:00,{200 if h == 5 else 180 if h == 6 else 40}"
            for d in (1, 2)
            for h in range(24)
        ]
        path = root / "rows.csv"
        path.write_text("\n".join(["site,property,unit,start,value", *lines]) + "\n", encoding="utf-8")
        assert store.load("air", path).n_errors == 0
        check_network(store, "air")
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with zone_with(tmp_path_factory.mktemp("labels"), HEAD) as made:
        yield made


@pytest.fixture(scope="module")
def client(folder: Path) -> TestClient:
    return TestClient(create_app(open_zone(folder), {}))


def ending(path: str, extension: str) -> str:
    stem, _, query = path.partition("?")
    return f"{stem}.{extension}" + (f"?{query}" if query else "")


def exports_say(client: TestClient, path: str, tables: list[str], labels: list[str]) -> None:
    """Every row of the CSV of each table of a page, and of each sheet of its workbook, has the labels in its column `labels`."""
    for table in tables:
        query = f"{'&' if '?' in path else '?'}table={table}"
        text = client.get(ending(path, "csv") + query).content.decode("utf-8-sig")
        head, *rows = list(csv.reader(io.StringIO(text)))
        assert all(label in row[head.index("labels")] for row in rows for label in labels)
    book = openpyxl.load_workbook(io.BytesIO(client.get(ending(path, "xlsx")).content), read_only=True)
    for sheet in book.worksheets[1:]:
        first, *cells = list(sheet.iter_rows(values_only=True))
        assert all(label in str(row[first.index("labels")]) for row in cells for label in labels)


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_and_its_exports(client: TestClient, lang: str, path: str) -> None:
    page = client.get(f"/{lang}{path}", headers={"accept": "text/html"})
    assert page.status_code == 200
    main_part = page.text[page.text.index("<main") :]
    assert re.search(rf'class="badge[^"]*dashed"[^>]*>{LABEL_WORDS[lang]}<', main_part), "no label on the page"
    told = client.get(ending(f"/{lang}{path}", "json")).json()
    assert told["tables"], "a page with a network has a table"
    assert "synthetic" in told["labels"] or all(
        "synthetic" in str(r["labels"]) for t in told["tables"] for r in t["rows"]
    )
    if lang == "zh":  # the exports are made the same way in both languages
        return
    exports_say(client, f"/{lang}{path}", [t["name"] for t in told["tables"]], ["synthetic"])


def test_the_map_of_sites(client: TestClient) -> None:
    content = client.get("/en/network/air.geojson").json()
    assert "synthetic" in content["labels"] and all(
        "synthetic" in f["properties"]["labels"] for f in content["features"]
    )


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_report_as_pdf_and_workbook(client: TestClient, lang: str) -> None:
    page = client.get(f"/{lang}/network/air/report?period=2020-03").text
    files = {ext: re.search(rf'href="(/files/[^"]+/{lang}\.{ext}[^"]*)"', page) for ext in ("pdf", "xlsx")}
    content = {ext: client.get(found[1].replace("&amp;", "&")).content for ext, found in files.items() if found}
    assert set(content) == {"pdf", "xlsx"}
    pages = pypdf.PdfReader(io.BytesIO(content["pdf"])).pages
    text = re.sub(r"\s+", "", pages[0].extract_text())
    assert LABEL_WORDS[lang] in text
    book = openpyxl.load_workbook(io.BytesIO(content["xlsx"]), read_only=True)
    first = " ".join(
        str(c) for sheet in book.worksheets for row in sheet.iter_rows(max_row=8, values_only=True) for c in row if c
    )
    assert LABEL_WORDS[lang] in first


@pytest.mark.parametrize("entity", ["Things(1)", "Datastreams(1)"])
def test_sensorthings(client: TestClient, entity: str) -> None:
    base = "/sta/air/v1.1"
    assert client.get(f"{base}/{entity}").json()["properties"]["synthetic"] is True
    rows = client.get(f"{base}/Observations?$top=3").json()["value"]
    assert len(rows) == 3 and all(r["parameters"]["synthetic"] is True for r in rows)


def test_features(client: TestClient) -> None:
    listed = client.get("/ogc/collections").json()["collections"]
    assert {c["id"]: c["synthetic"] for c in listed} == {"air": True, "air-latest": True}
    for collection in ("air", "air-latest"):
        found = client.get(f"/ogc/collections/{collection}/items").json()["features"]
        assert found and all(f["properties"]["synthetic"] is True for f in found)


def test_what_is_posted_is_labelled_in_the_answer(client: TestClient) -> None:
    body = "site,property,unit,start,value\nA1,air.pm25,ug/m3,2020-03-03T00:00,41\n"
    sent = client.post("/api/networks/air/observations", content=body, headers={"Authorization": f"Bearer {TOKEN}"})
    assert sent.status_code == 201 and sent.json()["labels"] == ["synthetic"]


def test_events_of_the_stream(folder: Path) -> None:
    from qingshan.faces.api.alert_stream import Hub  # noqa: PLC0415 - the stream itself never ends

    hub = Hub(Observations(open_zone(folder)))
    hub.watch("air")
    events = hub.after("air", 0)
    assert events and all(record["labels"] == ["synthetic"] for _, record in events)


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([str(a) for a in arguments]) == 0
    return capsys.readouterr().out


def test_the_command_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """export, evaluate, judge, alerts and qc: on screen in both languages, in JSON, in CSV and Parquet."""
    calls: dict[str, tuple[object, ...]] = {
        "export": ("observe", "export", "air", "--out", tmp_path / "rows.parquet"),
        "evaluate": ("observe", "evaluate", "air", "--out", tmp_path / "days.csv"),
        "judge": ("observe", "judge", "trend", "air", "--set", "years=5", "--out", tmp_path / "trend.csv"),
        "alerts": ("observe", "alerts", "air"),
    }

    def told(*more: object) -> str:
        return said(capsys, *more, "--zone", folder)

    for name, call in calls.items():
        assert "[synthetic]" in told(*call, "--lang", "en"), name
        assert "[示意]" in told(*call, "--lang", "zh"), name
        assert json.loads(told(*call, "--json"))["labels"] == ["synthetic"], name
    assert json.loads(told("observe", "qc", "air", "--json"))[0]["labels"] == ["synthetic"]
    assert set(pl.read_parquet(tmp_path / "rows.parquet")["labels"]) == {"synthetic"}
    assert set(pl.read_csv(tmp_path / "days.csv")["labels"]) == {"synthetic"}
    assert set(pl.read_csv(tmp_path / "trend.csv")["labels"]) == {"synthetic; secondary"}  # its test was restated


def test_a_provisional_result_says_so(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "days.csv"
    text = said(capsys, "observe", "evaluate", "air", "--zone", folder, "--provisional", "--lang", "en", "--out", out)
    assert "provisional" in text and set(pl.read_csv(out)["labels"]) == {"synthetic; provisional"}


def test_what_is_exported_can_be_loaded_again(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "rows.csv"
    said(capsys, "observe", "export", "air", "--zone", folder, "--out", out)
    again = json.loads(said(capsys, "observe", "load", "air", out, "--zone", folder, "--json"))
    assert again[0]["n_new"] == 0 and again[0]["n_errors"] == 0 and again[0]["n_same"] > 0
