"""Every kind of site from an example file of the documentation, and every format from the command line and over HTTP."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from openpyxl import Workbook
from said import Call

from qingshan.faces.api.app import create_app
from qingshan.observe.series.model import site_kinds
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import open_zone

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

MINIZONE = Path(__file__).parents[2] / "zone" / "data" / "minizone"
PAGE = Path(__file__).parents[3] / "docs" / "monitoring-files.md"
EXAMPLE = re.compile(r"<!-- kind=(\w+) domain=(\w+) averaging=(\w+) -->\n.*?```csv\n(.*?)```", re.S)
EXAMPLES = {
    kind: (domain, averaging, text) for kind, domain, averaging, text in EXAMPLE.findall(PAGE.read_text("utf-8"))
}
CARRIED = Path(os.environ.get("QINGSHAN_SHARED", PAGE.parents[2] / "shared")) / "data" / "monitoring"
TOKEN = "a-secret-of-the-laboratory"
NETWORK = (
    '[network]\nid = "{id}"\ndomain = "{domain}"\nzh = "网"\nen = "network"\nkind = "{kind}"\naveraging = "{averaging}"\n'
    'open_sites = true\ngas_state = "reference"\n'
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small zone with a network of every kind of site, `net_KIND`, and two for the formats."""
    made = tmp_path_factory.mktemp("readers") / "zone"
    shutil.copytree(MINIZONE, made)
    (made / "networks").mkdir(exist_ok=True)
    networks = {f"net_{kind}": (domain, kind, averaging) for kind, (domain, averaging, _) in EXAMPLES.items()}
    networks |= {"soil": ("soil", "soil_plot", "sample"), "water": ("water", "section", "instant")}
    for id, (domain, kind, averaging) in networks.items():
        text = NETWORK.format(id=id, domain=domain, kind=kind, averaging=averaging)
        (made / "networks" / f"{id}.toml").write_text(text, encoding="utf-8")
    return made


def test_every_kind_of_site_has_an_example() -> None:
    assert sorted(EXAMPLES) == sorted(site_kinds())


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_every_kind_of_site_has_an_example_that_loads(call: Call, folder: Path, tmp_path: Path, kind: str) -> None:
    text, net = EXAMPLES[kind][2], f"net_{kind}"
    (tmp_path / "rows.csv").write_text(text, encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    loaded = call("observe", "load", net, tmp_path / "rows.csv", "--zone", folder, "--strict")
    assert loaded.code == 0 and f"{len(rows)} new" in loaded.out, loaded.out + loaded.err
    store = Observations(open_zone(folder))
    kept = store.scan(net).collect()
    assert kept.height == len(rows)
    assert {(r["id"], r["kind"]) for r in store.sites(net).to_dicts()} == {(r["site"], kind) for r in rows}
    again = call("observe", "load", net, tmp_path / "rows.csv", "--zone", folder)
    assert again.code == 0 and "nothing new" in again.out and store.scan(net).collect().height == len(rows)
    # a row that is wrong is told by its number, the others stay
    (tmp_path / "more.csv").write_text(text + ",".join(["?"] * len(rows[0])) + "\n", encoding="utf-8")
    told = call("observe", "load", net, tmp_path / "more.csv", "--zone", folder)
    assert told.code == 1 and f"more.csv:{len(rows) + 2}" in told.out and store.scan(net).collect().height == len(rows)


# --- formats

HEAD = ["site", "site_name_zh", "property", "unit", "start", "value", "sample", "depth_top_cm", "depth_bottom_cm"]
ROWS = [
    ["T1", "一号", "Cd", "mg/kg", "2025-04-01", "0.45", "a", "0", "20"],
    ["T1", "一号", "As", "mg/kg", "2025-04-01", "<0.50", "a", "0", "20"],
    ["T2", "二号", "Cd", "ug/kg", "2025-04-02", "310", "b", "0", "20"],
    ["T2", "二号", "Cd", "mg/kg", "2025-02-30", "0.3", "c", "0", "20"],
]  # the last: a day that does not exist


def as_csv(encoding: str) -> Callable[[Path, list[str], list[list[str]]], Path]:
    def write(path: Path, head: list[str], rows: list[list[str]]) -> Path:
        out = io.StringIO()
        csv.writer(out).writerows([head, *rows])
        path.with_suffix(".csv").write_bytes(out.getvalue().encode(encoding))
        return path.with_suffix(".csv")

    return write


def as_xlsx(path: Path, head: list[str], rows: list[list[str]]) -> Path:
    book = Workbook()
    for row in (head, *rows):
        book.active.append(row)
    book.save(path.with_suffix(".xlsx"))
    return path.with_suffix(".xlsx")


def as_parquet(path: Path, head: list[str], rows: list[list[str]]) -> Path:
    pl.DataFrame([dict(zip(head, row, strict=True)) for row in rows]).write_parquet(path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


def as_json(path: Path, head: list[str], rows: list[list[str]]) -> Path:
    content = {"data": [dict(zip(head, row, strict=True)) for row in rows]}
    path.with_suffix(".json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path.with_suffix(".json")


FORMATS = {
    # the row in which the bad day stands: a table counts its header, Parquet and JSON have none
    "csv": (as_csv("utf-8"), 5), "csv gb18030": (as_csv("gb18030"), 5), "xlsx": (as_xlsx, 5), "parquet": (as_parquet, 4), "json": (as_json, 4),
}  # fmt: skip
KEPT = [
    ("T1|soil.as|sample", "<0.50", None, "0.500000000", True),
    ("T1|soil.cd|sample", "0.45", "0.450000000", None, False),
    ("T2|soil.cd|sample", "310", "0.310000000", None, False),
]


def kept(folder: Path, network: str = "soil") -> list[tuple[Any, ...]]:
    columns = ("series", "value_text", "value", "detection_limit", "censored")
    rows = Observations(open_zone(folder)).scan(network).sort("series").select(columns).collect()
    return [
        (s, t, str(v) if v is not None else None, str(d) if d is not None else None, c) for s, t, v, d, c in rows.rows()
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_readings(call: Call, folder: Path, tmp_path: Path, name: str) -> None:
    write, bad = FORMATS[name]
    path = write(tmp_path / "rows", HEAD, ROWS)
    loaded = call("observe", "load", "soil", path, "--zone", folder)
    assert loaded.code == 1 and f"{path.name}:{bad}" in loaded.out and "3 new" in loaded.out, loaded.out
    assert kept(folder) == KEPT
    samples = Observations(open_zone(folder)).samples("soil").select("id", "site", "depth_bottom_cm").sort("id").rows()
    assert samples == [("a", "T1", 20.0), ("b", "T2", 20.0)]
    assert "0 new, 3 known" in call("observe", "load", "soil", path, "--zone", folder).out
    whole = write(tmp_path / "whole", HEAD, ROWS[:3])
    assert "0 new, 3 known" in call("observe", "load", "soil", whole, "--zone", folder).out
    assert "nothing new" in call("observe", "load", "soil", whole, "--zone", folder).out
    assert kept(folder) == KEPT


def test_a_strict_load_is_whole_or_nothing(call: Call, folder: Path, tmp_path: Path) -> None:
    for name, (write, bad) in FORMATS.items():
        path = write(tmp_path / "rows", HEAD, ROWS)
        refused = call("observe", "load", "soil", path, "--zone", folder, "--strict")
        assert refused.code != 0 and f"{path.name}:{bad}" in refused.err and kept(folder) == [], name


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_comes_in_over_http(
    folder: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QINGSHAN_TOKEN_LOAD", f"lims:{TOKEN}")
    client = TestClient(create_app(open_zone(folder), {}))
    write, bad = FORMATS[name]
    body = write(tmp_path / "rows", HEAD, ROWS).read_bytes()
    post = lambda: client.post(  # noqa: E731
        "/api/networks/soil/observations", content=body, headers={"Authorization": f"Bearer {TOKEN}"}
    )
    report = post().json()
    assert (report["n_read"], report["n_new"], report["n_errors"]) == (4, 3, 1)
    assert [(f["code"], f["row"]) for f in report["findings"] if f["level"] == "error"] == [("bad_time", bad)]
    assert kept(folder) == KEPT and post().json()["n_new"] == 0


def test_a_sensorthings_batch(call: Call, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "first.csv").write_text(
        "site,site_water_body_type,property,unit,start,value\nS1,river,TP,mg/L,2025-03-01T04:00,0.045\n",
        encoding="utf-8",
    )
    assert call("observe", "load", "water", tmp_path / "first.csv", "--zone", folder).code == 0
    batch = {"requests": [
        {"id": "1", "method": "post", "url": "Datastreams(1)/Observations", "body": {"phenomenonTime": "2025-03-01T08:00:00+08:00", "result": 0.050}},
        {"id": "2", "method": "post", "url": "Datastreams(7)/Observations", "body": {"phenomenonTime": "2025-03-01T08:00:00+08:00", "result": 1}},
    ]}  # fmt: skip
    arrays = [{
        "Datastream": {"@iot.id": 1}, "components": ["phenomenonTime", "result"], "dataArray@iot.count": 1,
        "dataArray": [["2025-03-01T12:00:00+08:00", 0.060]],
    }]  # fmt: skip
    (tmp_path / "batch.json").write_text(json.dumps(batch), encoding="utf-8")
    (tmp_path / "arrays.json").write_text(json.dumps(arrays), encoding="utf-8")
    loaded = call("observe", "load", "water", tmp_path / "batch.json", "--zone", folder)
    assert loaded.code == 1 and "batch.json:2" in loaded.out and "1 new" in loaded.out
    assert "1 new" in call("observe", "load", "water", tmp_path / "arrays.json", "--zone", folder).out
    assert [row[1] for row in kept(folder, "water")] == ["0.045", "0.05", "0.06"]
    assert "nothing new" in call("observe", "load", "water", tmp_path / "arrays.json", "--zone", folder).out


@pytest.mark.parametrize(
    ("network", "name", "reader"),
    [
        ("water_auto", "guizhou_water_sections_2021-04-01_05.csv", "cnemc_sections"),
        ("air_national", "guizhou_air_stations_20180220T07.csv", "cnemc_stations"),
    ],
)
def test_cnemc_shapes_as_csv_and_as_json(
    call: Call, tmp_path: Path, network: str, name: str, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first 30 rows of the carried file, as they stand and as the JSON list that carriers publish; the stations also over HTTP."""
    if not (CARRIED / name).is_file():
        pytest.skip("the shared monitoring data is not on this machine")
    head, *rows = list(csv.reader((CARRIED / name).open(encoding="utf-8-sig", newline="")))[:31]
    found = []
    for kind, write in (("csv", as_csv("utf-8")), ("json", as_json)):
        monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / kind))
        path = write(tmp_path / "release", head, rows)
        loaded = call("observe", "load", network, path, "--zone", "guizhou")
        assert loaded.code == 0 and f"({reader})" in loaded.out, loaded.out + loaded.err
        store = Observations(open_zone("guizhou"))
        found.append((store.scan(network).sort("series", "start").drop("load", "row").collect(), store.sites(network)))
        assert "nothing new" in call("observe", "load", network, path, "--zone", "guizhou").out
    assert found[0][0].height > 100 and found[0][0].equals(found[1][0]) and found[0][1].equals(found[1][1])
    if network == "air_national":
        monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "http"))
        monkeypatch.setenv("QINGSHAN_TOKEN_LOAD", f"lims:{TOKEN}")
        client = TestClient(create_app(open_zone("guizhou"), {}))
        answer = client.post(
            f"/api/networks/{network}/observations",
            content=path.read_bytes(),
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        assert answer.json()["reader"] == reader and answer.json()["n_new"] == found[0][0].height
