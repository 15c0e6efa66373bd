"""The page of alerts on worked example E21: 100, 160, 155, 120, 110, 160 from 01:00; pending at 2, active at 3, cleared at 5, pending at 6."""

from __future__ import annotations

import re
import shutil
import warnings
from collections.abc import Iterator
from html import unescape

import pytest

from qingshan.faces.api.app import create_app
from qingshan.faces.web.views.alerts import beside
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import builtin_zones, open_zone

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

HEAD = '[network]\nid = "{id}"\ndomain = "air"\nzh = "空气"\nen = "air"\nstep = "1h"\naveraging = "1h"\nkind = "air_station"\ngas_state = "reference"\n'
RULES = (
    "id,expression,unit,averaging,averaging_min,operator,raise,m,n,clear,level,recipients,valid_from,valid_to,clause,owner,zh,en\n"
    "pm25_high,air.pm25,ug/m3,1h,1,>,150,2,3,115,warning,duty,2019-01-01,,E21,,偏高,PM2.5 is high\n"
)
EPISODES = "site,begin,end\nA1,2020-03-01T05:00,2020-03-01T06:00\nA1,2020-06-01T00:00,2020-06-01T06:00\n"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    root = tmp_path_factory.mktemp("alerts")
    folder = root / "zone"
    shutil.copytree(builtin_zones()["guizhou"], folder, ignore=shutil.ignore_patterns("networks"))
    for id in ("air", "bare"):
        (folder / "networks" / id).mkdir(parents=True)
        (folder / "networks" / f"{id}.toml").write_text(HEAD.format(id=id), encoding="utf-8")
        (folder / "networks" / id / "sites.csv").write_text(
            "id,name_zh,kind\nA1,一号站,air_station\n", encoding="utf-8"
        )
    (folder / "networks" / "air" / "alerts.csv").write_text(RULES, encoding="utf-8")
    (folder / "networks" / "air" / "episodes.csv").write_text(EPISODES, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QINGSHAN_HOME", str(root / "home"))
        zone = open_zone(folder)
        rows = root / "rows.csv"
        rows.write_text(
            "site,property,unit,start,value\n"
            + "".join(f"A1,air.pm25,ug/m3,2020-03-01T{h:02d}:00,{v}\n" for h, v in enumerate((100, 160, 155, 120, 110, 160), 1)),
            encoding="utf-8",
        )  # fmt: skip
        assert Observations(zone).load("air", rows).n_errors == 0
        yield TestClient(create_app(zone, {}), follow_redirects=False)


def text(html: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)))


def test_each_alert_shows_rule_clause_and_the_readings_that_raised_it(client: TestClient) -> None:
    html = client.get("/en/network/air/alerts").text
    said = text(html)
    assert "No site is under an alert; alerts in 2020: 1" in said
    assert "PM2.5 is high" in said and "1 h mean > 150 μg/m³, 2 of 3; clears at 115" in said and "E21" in said
    past = html[html.index('id="live-past"') :]
    assert "2020-03-01 03:00" in past and "2020-03-01 05:00" in past
    links = re.findall(r'href="(/en/reading/air\?[^"]*)"', past)
    assert len(links) == 3  # 100, 160, 155: the three evaluations m of n looks at
    for link in links:
        assert client.get(link.replace("&amp;", "&")).status_code == 200


def test_the_replay_is_scored_by_the_registered_episodes(client: TestClient) -> None:
    """The alert from 03:00 to 05:00 meets the episode that begins at 05:00: a hit, 2 h before it; June had no alert: a miss."""
    (rules,) = [t for t in client.get("/en/network/air/alerts.json").json()["tables"] if t["name"] == "rules"]
    (row,) = rules["rows"]
    assert (row["hits"], row["misses"], row["false_alarms"], row["lead"]) == (1, 1, 0, 2.0)


def test_the_export_has_every_alert_with_its_inputs(client: TestClient) -> None:
    (table,) = [t for t in client.get("/zh/network/air/alerts.json").json()["tables"] if t["name"] == "alerts"]
    assert [(r["state"], r["begin"], r["end"]) for r in table["rows"]] == [
        ("pending", "2020-03-01 06:00", ""), ("cleared", "2020-03-01 03:00", "2020-03-01 05:00"),
    ]  # fmt: skip
    assert all(len(r["inputs"]) == 64 for r in table["rows"])


def test_a_network_without_rules_says_how_to_write_them(client: TestClient) -> None:
    html = text(client.get("/zh/network/bare/alerts").text)
    assert "没有可回放的预警规则" in html and "networks/bare/alerts.csv" in html
    assert "/network/bare/alerts" not in client.get("/zh/network/bare").text  # and has no badge


def test_a_year_without_readings_is_named(client: TestClient) -> None:
    answer = client.get("/en/network/air/alerts?period=2015")
    assert answer.status_code == 404 and "there are: 2020" in text(answer.text)


def test_the_badge_leads_to_the_alerts_and_follows_them(client: TestClient) -> None:
    html = client.get("/zh/network/air").text
    assert 'id="live-alerts"' in html and 'data-live="/network/air/alerts/stream"' in html


def test_the_page_says_who_is_told_and_how_often(client: TestClient) -> None:
    """Nothing was sent: the readings were there before anybody followed the network."""
    said = text(client.get("/en/network/air/alerts").text)
    assert "Who is told" in said and "duty" in said and "10 messages in 24 h (none declared: default)" in said
    assert "24 小时内 10 条" in text(client.get("/zh/network/air/alerts").text)


@pytest.mark.parametrize(
    ("value", "limit", "text"),
    [(160.125, 160, "160.1"), (160.004, 160, "160.004"), (81.7543, 75, "81.8"), (160, 160, "160"), (0.20004, 0.2, "0.20004"), (1234.4, 1234, "1,234.4")],
)  # fmt: skip
def test_a_value_is_told_apart_from_the_limit_it_crossed(value: float, limit: float, text: str) -> None:
    assert beside(value, limit) == text
