"""Monitoring pages on readings typed from the worked examples: E7 (water class), E2 and E10 (AQI), E9 (not detected)."""

from __future__ import annotations

import itertools
import math
import random
import re
import warnings
from dataclasses import replace
from datetime import datetime, timedelta
from html import unescape

import polars as pl
import pytest

from qingshan.core.observed import observed_properties
from qingshan.faces.api.app import create_app
from qingshan.faces.cli import parser
from qingshan.faces.web.geometry import Drawing
from qingshan.faces.web.stations import RULES, State, _held
from qingshan.faces.web.timeline import Line, Timeline
from qingshan.faces.web.views.network import _clusters, _radius
from qingshan.observe.evaluate.standing import standing
from qingshan.observe.quality.network import decide, flagged_rows
from qingshan.observe.series.model import RECEIVED
from qingshan.observe.series.store import Observations
from qingshan.publish.words import class_said
from qingshan.zone.zone import open_zone

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

ITEMS = ("water.ph", "water.do", "water.codmn", "water.nh3n", "water.tp")
E7 = {
    "2021-04-01 04:00": ("7.97", "10.8", "1.01", "0.025", "0.005"),  # class I
    "2021-04-01 08:00": ("8.12", "7.9", "0.96", "0.108", "0.039"),  # class II for TP
    "2021-04-01 16:00": ("9.34", "18.34", "2.71", "0.074", "0.072"),  # worse than V for pH
}
AIR = {"air.pm25": "87", "air.pm10": "50", "air.so2": "10", "air.no2": "14", "air.o3": "68", "air.co": "0.9"}
UNITS = dict.fromkeys(ITEMS, "mg/L") | {"water.ph": "1"} | dict.fromkeys(AIR, "ug/m3") | {"air.co": "mg/m3"}


def received(rows: list[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame([{c: r.get(c) for c in RECEIVED} for r in rows], schema=RECEIVED)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QINGSHAN_HOME", str(tmp_path_factory.mktemp("home")))
        zone = open_zone("guizhou")
        store = Observations(zone)
        water = [
            {"site": "鲢鱼溪", "property": p, "averaging": "instant", "unit": UNITS[p], "start": at, "value_text": v, "row": i}
            for i, (at, values) in enumerate(E7.items(), 1)
            for p, v in zip(ITEMS, values, strict=True)
        ]  # fmt: skip
        water[4]["value_text"] = "0.005L"  # still class I: the detection limit lies within
        assert store.load("water_auto", received(water)).n_errors == 0
        air = [
            {"site": "2576A", "property": p, "averaging": "1h", "unit": UNITS[p], "start": "2018-02-20 07:00", "value_text": v, "row": 1}
            for p, v in AIR.items()
        ]  # fmt: skip
        assert store.load("air_national", received(air)).n_errors == 0
        yield TestClient(create_app(zone, {}), follow_redirects=False)


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", re.sub(r"<(script|style)\b.*?</\1>", " ", html, flags=re.S)))


def rows(client: TestClient, path: str, table: str) -> list[dict[str, object]]:
    return next(t["rows"] for t in client.get(path).json()["tables"] if t["name"] == table)


STATION = "/en/network/water_auto/鲢鱼溪"


def test_the_class_of_each_moment_is_that_of_the_worked_example(client: TestClient) -> None:
    found = rows(client, f"{STATION}.json", "moments")
    assert [(r["state"], r["deciding"]) for r in found] == [
        ("class Ⅰ", "pH,DO,CODMn,NH3-N,TP"), ("class Ⅱ", "TP"), ("class worse than Ⅴ", "pH"),
    ]  # fmt: skip
    assert all(r["n_valid"] == r["n_required"] == 5 for r in found)


def test_the_headline_counts_the_worst_class(client: TestClient) -> None:
    text = words(client.get(STATION).text)
    assert "1 of 3 readings are of class worse than Ⅴ" in text and "class Ⅰ at best" in text


def test_the_aqi_of_pm25_of_87_is_115(client: TestClient) -> None:
    """(87 - 75) / (115 - 75) * (150 - 100) + 100 = 115."""
    text = words(client.get("/en/network/air_national/2576A").text)
    assert "AQI 115 lightly polluted" in text and "Decided by: PM2.5" in text
    assert "without O3 8h" in text  # what is missing is said


def test_a_reading_leads_to_its_text_its_file_and_its_versions(client: TestClient) -> None:
    page = client.get(STATION).text
    href = re.search(r'href="(/en/reading/water_auto[^"]*water\.tp[^"]*)"', page)
    assert href
    text = words(client.get(href[1].replace("&amp;", "&")).text)
    assert "0.072" in text and "Version 1" in text
    censored = rows(
        client, "/en/reading/water_auto.json?series=鲢鱼溪|water.tp|instant&at=2021-04-01T04:00", "versions"
    )
    assert censored[0]["text"] == "0.005L" and censored[0]["value"] == "" and len(str(censored[0]["sha256"])) == 64


def test_the_network_page_lists_every_site_and_the_state_of_those_with_readings(client: TestClient) -> None:
    found = {r["id"]: r for r in rows(client, "/zh/network/water_auto.json", "sites")}
    assert found["鲢鱼溪"]["state"] == "劣Ⅴ 类" and found["三江口"]["state"] == ""
    networks = {r["id"]: r for r in rows(client, "/zh/network.json", "networks")}
    assert networks["water_auto"]["readings"] == 15 and networks["air_national"]["read"] == 1


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/zh/network/none", 404, "water_auto"), ("/zh/network/water_auto/鲢鱼", 404, "鲢鱼溪"),
        ("/zh/network/water_auto/鲢鱼溪?period=2021-13", 404, "2021-04"),
        ("/zh/reading/water_auto?series=鲢鱼溪|water.tp|instant&at=never", 404, "2021-04-01T04:00"),
        ("/zh/reading/water_auto?series=x|y&at=2021-04-01T04:00", 404, "x|y"),
        ("/zh/network/water_auto/三江口", 200, "observe load"), ("/zh/network/water_auto/鲢鱼溪?period=2021-05", 200, "没有读数"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said(client: TestClient, path: str, status: int, said: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status and said in answer.text


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(
    "path",
    [
        "/network",
        "/network/water_auto",
        "/network/air_national",
        "/network/water_auto/鲢鱼溪",
        "/network/air_national/2576A",
    ],
)
def test_every_page_has_its_data(client: TestClient, lang: str, path: str) -> None:
    assert client.get(f"/{lang}{path}").status_code == 200
    for ending in ("csv", "xlsx", "json"):
        assert client.get(f"/{lang}{path}.{ending}").status_code == 200


def test_a_zone_without_networks_says_how_to_declare_one(tiny_client: TestClient) -> None:
    assert "networks/" in words(tiny_client.get("/en/network").text)


# ---- drawing ---------------------------------------------------------------------------------------------------------


def hours(n: int) -> tuple[datetime, ...]:
    return tuple(datetime(2021, 4, 1) + timedelta(hours=4 * i) for i in range(n))


def test_a_line_is_solid_over_neighbours_and_dashed_over_what_is_missing() -> None:
    """Values at 0, 4 and 12 h: one solid piece, one gap."""
    drawn = Timeline(hours(4), (1.0, 2.0, None, 1.0), "en", step=timedelta(hours=4)).drawing(404, 150)
    assert drawn["solid"].count("M") == 1 and drawn["gaps"].count("M") == 1


def test_limits_and_readings_share_one_scale() -> None:
    """0 to 2 over 100 units below the top margin of 26: the limit of 1 lies in the middle."""
    drawn = Timeline(hours(2), (0.5, 2.0), "en", lines=(Line(1.0, "limit"),)).drawing(404, 150)
    assert drawn["lines"][0]["y"] == pytest.approx((26 + drawn["base"]) / 2)


def test_many_readings_keep_the_least_and_the_greatest() -> None:
    values = [1.0] * 5000
    values[2500] = 9.0
    drawn = Timeline(hours(5000), tuple(values), "en", step=timedelta(hours=4)).drawing(300, 150)
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", drawn["solid"])]
    assert min(heights) < 45 and len(heights) < 2000  # 9 of a scale to 10 or more stands near the top


def test_a_point_lies_where_its_degrees_say() -> None:
    assert Drawing({}, 0, {}, 1.0, (106.0, 29.0, 0.9, 100.0)).at(107.0, 28.0) == (90.0, 100.0)


def test_a_reading_that_was_put_aside_makes_no_state(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """E7: pH 9.34 alone makes the third moment worse than V; called invalid, no moment is, and the page says that one reading is left out."""
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path))
    zone = open_zone("guizhou")
    store = Observations(zone)
    given = [
        {"site": "鲢鱼溪", "property": p, "averaging": "instant", "unit": UNITS[p], "start": at, "value_text": v, "row": i}
        for i, (at, values) in enumerate(E7.items(), 1)
        for p, v in zip(ITEMS, values, strict=True)
    ]  # fmt: skip
    assert store.load("water_auto", received(given)).n_errors == 0
    page = TestClient(create_app(zone, {}), follow_redirects=False)
    before = words(page.get(STATION).text)
    assert "worse than Ⅴ" in before and "review" in before
    series = next(s for s in store.series("water_auto")["id"] if "water.ph" in s)
    decide(store, "water_auto", series, datetime(2021, 4, 1, 16), "invalid", reason="electrode", author="r")
    found = rows(page, f"{STATION}.json", "moments")
    assert [r["state"] for r in found] == [
        "class Ⅰ",
        "class Ⅱ",
        "between classes Ⅱ–worse than Ⅴ, data insufficient",
    ]  # without pH: an interval
    assert (found[2]["n_valid"], found[2]["n_required"]) == (4, 5)
    text = words(page.get(STATION).text)
    assert "1 readings that quality control or a reviewer put in doubt" in text
    items = {r["item"]: r for r in rows(page, f"{STATION}.json", "items")}
    ph = next(r for name, r in items.items() if "pH" in str(name))
    assert (ph["high"], ph["verdict"]) == ("8.12", "class Ⅰ")
    assert {r["verdict"] for r in items.values()} <= {"class Ⅰ", "class Ⅱ"}
    readings = [r for r in rows(page, f"{STATION}.json", "readings") if r["text"] == "9.34"]
    assert len(readings) == 1  # put aside, not hidden


def test_a_class_worse_than_five_is_said_in_words() -> None:
    assert [class_said(g, "en") for g in ("Ⅳ", "劣Ⅴ", "Ⅱ–劣Ⅴ")] == ["Ⅳ", "worse than Ⅴ", "Ⅱ–worse than Ⅴ"]
    assert class_said("Ⅱ–劣Ⅴ", "zh") == "Ⅱ–劣Ⅴ"


def test_the_command_of_a_reading_is_one_that_runs(client: TestClient) -> None:
    """The command printed under a reading, typed as it stands, is known to the command line."""
    link = re.search(r'href="(/en/reading/[^"]+)"', client.get(STATION).text)
    assert link
    command = re.search(r"qingshan (observe export [^<\"]+)", client.get(unescape(link[1])).text)
    assert command
    asked = parser().parse_args(unescape(command[1]).split())
    assert asked.out == "OUT.csv" and asked.versions


def _plain_groups(points: list[tuple[float, float]]) -> list[list[int]]:
    """The rule of the drawn map in the plainest words: of all pairs that touch join the nearest, look again."""
    groups = [{"at": p, "rows": [i]} for i, p in enumerate(points)]
    while True:
        near = [
            (math.dist(a["at"], b["at"]), i, j)
            for (i, a), (j, b) in itertools.combinations(enumerate(groups), 2)
            if math.dist(a["at"], b["at"]) < _radius(a) + _radius(b)
        ]
        if not near:
            return sorted(sorted(g["rows"]) for g in groups)
        _, i, j = min(near)
        held = groups[i]["rows"] + groups.pop(j)["rows"]
        groups[i] = {"at": tuple(sum(points[k][n] for k in held) / len(held) for n in (0, 1)), "rows": held}


@pytest.mark.parametrize(("seed", "n", "wide"), [(1, 60, 900), (2, 60, 250), (3, 40, 60), (4, 1, 10), (5, 0, 10)])
def test_circles_are_joined_as_the_plain_rule_says(seed: int, n: int, wide: float) -> None:
    lot = random.Random(seed)
    points = [(lot.uniform(0, wide), lot.uniform(0, wide)) for _ in range(n)]
    found = _clusters([{"point": p, "state": State("", "", 0), "name": i} for i, p in enumerate(points)])
    assert sorted(sorted(r["name"] for r in g["rows"]) for g in found) == _plain_groups(points)
    assert [tuple(sum(points[r["name"]][k] for r in g["rows"]) / len(g["rows"]) for k in (0, 1)) for g in found] == [
        pytest.approx(g["at"]) for g in found
    ]


def test_a_network_whose_property_has_another_unit_now_does_not_take_the_others_along(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path))
    zone = open_zone("guizhou")
    store = Observations(zone)
    for network, site, item, value in (
        ("water_auto", "鲢鱼溪", "water.tp", "0.05"),
        ("air_national", "2576A", "air.pm25", "30"),
    ):
        row = {
            "site": site,
            "property": item,
            "averaging": "1h",
            "unit": UNITS[item],
            "start": "2018-02-20 08:00",
            "value_text": value,
            "row": 1,
        }
        assert store.load(network, received([row])).n_new == 1
    known = observed_properties()
    changed = {**known, "water.tp": replace(known["water.tp"], unit="ug/L")}
    monkeypatch.setattr("qingshan.observe.series.store.observed_properties", lambda: changed)
    client = TestClient(create_app(zone, {}))
    for lang, said in (("zh", "监测项目现在声明的单位是 'ug/L'"), ("en", "the property is declared in 'ug/L' now")):
        page = client.get(f"/{lang}/network")
        text = page.text.replace("&#39;", "'")
        assert page.status_code == 200 and said in text and "observe export" in text
        assert f'href="/{lang}/network/air_national"' in text and f'href="/{lang}/network/water_auto"' not in text
    assert client.get("/en/network/water_auto", headers={"accept": "text/html"}).status_code == 422
    assert client.get("/en/network/air_national").status_code == 200


def test_the_state_of_now_is_that_of_the_whole_last_day(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page reads the newest moment alone: its result is the one `standing` gives from a day of readings. The newest moment is that of
    measured readings which count, not that of a published index or of a reading put aside."""
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path))
    zone = open_zone("guizhou")
    store = Observations(zone)

    def row(site: str, item: str, at: str, value: str, procedure: str = "") -> dict[str, object]:
        unit = {"air.aqi": "index"}.get(item) or UNITS[item]
        return ({"procedure": procedure} if procedure else {}) | {
            "site": site,
            "property": item,
            "averaging": "1h",
            "unit": unit,
            "start": at,
            "value_text": value,
            "row": 1,
        }

    made = [
        row("2576A", p, f"2018-02-20 {h:02d}:00", str(int(float(v)) + h)) for p, v in AIR.items() for h in range(5, 9)
    ]
    made += [row("2576A", "air.aqi", "2018-02-20 09:00", "60"), row("1439A", "air.pm25", "2018-02-20 03:00", "20")]
    made += [row("1439A", "air.pm25", "2018-02-20 04:00", "900"), row("1440A", "air.aqi", "2018-02-20 04:00", "77")]
    made += [
        row("1441A", "air.pm25", "2018-02-20 05:00", "87", "zz"),
        row("1441A", "air.pm25", "2018-02-20 05:00", "20", "aa"),
    ]
    assert store.load("air_national", received(made)).n_errors == 0
    decide(
        store, "air_national", series="1439A|air.pm25|1h", start=datetime(2018, 2, 20, 4), decision="invalid", reason="spike", author="A"
    )  # fmt: skip
    held = _held(store, store.network("air_national"))
    moments = {}
    for s in (s for s in held.stations if s.read):
        day = flagged_rows(store, "air_national", years=[2018], series=s.series["id"].to_list()).collect()
        whole = standing(s.network, s.body, day, RULES, newest=True)
        assert (s.result, s.at) == ((whole.newest.result, whole.newest.at) if whole.newest else (None, None))
        moments[s.id] = s.at
    assert moments == {"2576A": datetime(2018, 2, 20, 8), "1439A": datetime(2018, 2, 20, 3), "1440A": None,
                       "1441A": datetime(2018, 2, 20, 5)}  # fmt: skip
