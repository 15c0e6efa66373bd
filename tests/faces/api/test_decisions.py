"""Decisions of a reviewer from the form of the review page: only with a token, all or none, and the page says what was kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi.testclient import TestClient

from qingshan.faces.api.app import create_app
from qingshan.observe.quality.network import review
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import open_zone

from .conftest import TOKEN

ADDRESS = "/api/networks/air/decisions"
ROWS = "site,property,unit,start,value\nA1,air.no2,ug/m3,2020-03-01T00:00,41\nA1,air.no2,ug/m3,2020-03-01T01:00,900\n"
SERIES = "A1|air.no2|1h"
GOOD = {
    "reading": f"{SERIES}~2020-03-01T01:00:00",
    "decision": "invalid",
    "reason": "calibration",
    "token": TOKEN,
    "back": "/en/network/air/review",
}


@pytest.fixture
def given(watched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Observations]:
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path))
    monkeypatch.setenv("QINGSHAN_TOKEN_REVIEW", f"wang:{TOKEN}")
    store = Observations(open_zone(watched))
    file = tmp_path / "rows.csv"
    file.write_text(ROWS, encoding="utf-8")
    store.load("air", file)
    assert SERIES in store.series("air")["id"].to_list()
    return TestClient(create_app(open_zone(watched), {}), follow_redirects=False), store


def post(client: Any, form: dict[str, Any]) -> Any:
    return client.post(
        ADDRESS, content=urlencode(form, doseq=True), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )


def test_a_decision_is_kept_with_its_reason_and_the_name_of_the_token(given: tuple[Any, Observations]) -> None:
    client, store = given
    answer = post(client, GOOD)
    assert answer.status_code == 303 and answer.headers["location"] == "/en/network/air/review?of=decided&said=1"
    (kept,) = review(store, "air").all()
    assert (kept.series, kept.decision, kept.reason, kept.author, kept.version) == (
        SERIES,
        "invalid",
        "calibration",
        "wang",
        1,
    )
    page = client.get(answer.headers["location"]).text
    assert "calibration" in page and "wang" in page


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"token": ""}, 401), ({"token": TOKEN[:-1] + "x"}, 401), ({"decision": "maybe"}, 422), ({"reason": " "}, 422), ({"reason": "x" * 301}, 422),
        ({"reading": []}, 422), ({"reading": "nothing"}, 422), ({"reading": [GOOD["reading"], f"{SERIES}~2020-03-09T00:00:00"]}, 404),
        ({"reading": [f"{SERIES}~2020-03-01T{h:02d}:{m:02d}:00" for h in range(3) for m in range(20)]}, 422), ({"reason": "x" * 70_000}, 422),
    ],
)  # fmt: skip
def test_what_is_refused_keeps_nothing(given: tuple[Any, Observations], change: dict[str, Any], status: int) -> None:
    client, store = given
    assert post(client, GOOD | change).status_code == status
    assert review(store, "air").all() == []


def test_without_a_token_in_the_environment_nobody_decides(
    given: tuple[Any, Observations], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("QINGSHAN_TOKEN_REVIEW")
    assert post(given[0], GOOD).status_code == 403


@pytest.mark.parametrize(
    "back", ["https://elsewhere.example/network/air/review", "//elsewhere.example/network/air/review", "/en/other"]
)
def test_the_way_back_stays_on_this_site(given: tuple[Any, Observations], back: str) -> None:
    assert post(given[0], GOOD | {"back": back}).headers["location"].startswith("/zh/network/air/review?")


def test_the_token_of_a_loader_decides_nothing(
    given: tuple[Any, Observations], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QINGSHAN_TOKEN_LOAD", f"lims:{TOKEN[::-1]}")
    assert post(given[0], GOOD | {"token": TOKEN[::-1]}).status_code == 401
