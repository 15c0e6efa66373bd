"""Readings over HTTP: only with a token that the environment names, no larger than the limit, idempotent."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fastapi.testclient import TestClient

from qingshan.faces.api import observations
from qingshan.faces.api.app import create_app
from qingshan.observe.quality.network import layer
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import open_zone

from .conftest import TOKEN

ADDRESS = "/api/networks/air/observations"
ROW = "site,property,unit,start,value\nA1,air.no2,ug/m3,2020-03-01T00:00,{}\n"


@pytest.fixture
def client(watched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path))
    monkeypatch.setenv("QINGSHAN_TOKEN_LOAD", f"lims:{TOKEN}, other:{TOKEN[::-1]}")
    return TestClient(create_app(open_zone(watched), {}))


def send(client: Any, body: str | bytes, token: str = TOKEN, query: str = "") -> Any:
    return client.post(ADDRESS + query, content=body, headers={"Authorization": f"Bearer {token}"} if token else {})


def test_rows_come_in_and_carry_who_sent_them(client: Any, watched: Path) -> None:
    answer = send(client, ROW.format("41"))
    assert answer.status_code == 201 and answer.json()["n_new"] == 1
    again = send(client, ROW.format("41"))
    assert again.status_code == 200 and again.json()["again"]
    row = Observations(open_zone(watched)).scan("air").collect().row(0, named=True)
    assert (row["author"], row["value_text"]) == ("lims", "41")


def test_json_and_a_sensorthings_batch_come_in(client: Any, watched: Path) -> None:
    body = '{"observations": [{"site": "A1", "property": "air.no2", "unit": "ug/m3", "start": "2020-03-01T00:00", "value": 0.30}]}'
    assert send(client, body).json()["n_new"] == 1
    batch = """{"requests": [
      {"id": "1", "method": "post", "url": "Datastreams(1)/Observations",
       "body": {"phenomenonTime": "2020-03-01T01:00:00+08:00/2020-03-01T02:00:00+08:00", "result": 0.7}},
      {"id": "2", "method": "post", "url": "Datastreams(9)/Observations", "body": {"phenomenonTime": "2020-03-01T01:00:00Z", "result": 1}}]}"""
    report = send(client, batch).json()
    assert (report["reader"], report["n_new"], report["n_errors"]) == ("sensorthings", 1, 1)
    texts = Observations(open_zone(watched)).scan("air").sort("start").collect()["value_text"].to_list()
    assert texts == ["0.30", "0.7"]  # numbers as they were written


def test_nobody_writes_where_no_token_is_set(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QINGSHAN_TOKEN_LOAD")
    answer = send(client, ROW.format("41"))
    assert answer.status_code == 403 and "QINGSHAN_TOKEN_LOAD" in answer.json()["fix"]
    monkeypatch.setenv("QINGSHAN_TOKEN_LOAD", "lims:short")
    assert send(client, ROW.format("41"), token="short").status_code == 403


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", f"lims:{TOKEN}"])
def test_a_wrong_token_is_refused(client: Any, token: str) -> None:
    answer = send(client, ROW.format("41"), token)
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_body_over_the_limit_is_refused_and_nothing_taken(
    client: Any, watched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observations, "LARGEST", 1_000)
    assert send(client, ROW.format("41") + "#" * 2_000).status_code == 413
    assert Observations(open_zone(watched)).scan("air").collect().height == 0


@pytest.mark.parametrize(("body", "status"), [("", 422), (b"\xff\xfe\x00", 422), ("{", 422), ("a,b\n1,2\n", 422)])
def test_a_body_that_is_no_table_is_refused(client: Any, body: str | bytes, status: int) -> None:
    assert send(client, body).status_code == status


def test_a_strict_body_with_one_bad_row_is_refused_whole(client: Any) -> None:
    body = ROW.format("41") + "A1,air.no2,ug/m3,2020-02-30T00:00,7\n"
    assert send(client, body, query="?strict=1").status_code == 422
    report = send(client, body).json()
    assert (report["n_new"], report["n_errors"]) == (1, 1) and report["findings"][0]["row"] == 3


def test_an_unknown_network_and_other_methods(client: Any) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert client.post("/api/networks/sea/observations", content="x", headers=headers).status_code == 404
    assert client.put(ADDRESS, content="x", headers=headers).status_code == 405
    assert client.post("/sta/air/v1.1/Observations", content="{}", headers=headers).status_code == 405


def test_flags_of_quality_control_are_the_result_quality(client: Any, watched: Path) -> None:
    """The outward flag with the mask of tests: bit 1 is the gross range (monitoring spec, 2)."""
    send(client, ROW.format("41") + "A1,air.no2,ug/m3,2020-03-01T01:00,42\n")
    part = layer(Observations(open_zone(watched)), "air").begin()
    first = datetime(2020, 3, 1)
    masks = {"tests": pl.Series([2], dtype=pl.UInt32), "not_run": pl.Series([64], dtype=pl.UInt32)}
    row = {
        "series": ["A1|air.no2|1h"],
        "start": pl.Series([first], dtype=pl.Datetime("ms")),
        "flag": pl.Series([4], dtype=pl.UInt8),
    }
    part.write(pl.DataFrame(row | masks))
    part.finish("q1", {"first": first.isoformat(), "last": datetime(2020, 3, 2).isoformat()})
    listed = client.get("/sta/air/v1.1/Observations").json()["value"]
    assert [o["resultQuality"] for o in listed] == [{"flag": 4, "tests": 2, "not_run": 64, "run": "q1"}, None]
