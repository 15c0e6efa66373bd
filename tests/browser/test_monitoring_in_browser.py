"""Monitoring pages in a real browser on a small zone of worked examples: E7 (water classes), E21 (alerts). An observation that is posted appears
on the open page; a reviewer's word is taken; both languages, wide and phone."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from reader import AXE, Reader

from qingshan.faces.api import alert_stream
from qingshan.faces.api.app import STATIC, create_app
from qingshan.observe.quality.network import check_network
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import builtin_zones, open_zone

pytestmark = pytest.mark.browser
TOKEN = "a-secret-of-the-laboratory"
HEAD = '[network]\nid = "{id}"\ndomain = "{domain}"\nzh = "{zh}"\nen = "{en}"\nstep = "{step}"\naveraging = "{averaging}"\nkind = "{kind}"\n'
RULES = (
    "id,expression,unit,averaging,averaging_min,operator,raise,m,n,clear,level,recipients,valid_from,valid_to,clause,owner,zh,en\n"
    "pm25_high,air.pm25,ug/m3,1h,1,>,150,2,3,115,warning,duty,2019-01-01,,,E21,细颗粒物偏高,PM2.5 is high\n"
)
PLAN = "scope,test,parameter,value,unit,valid_from,valid_to,source,status\n" + "".join(
    f"air.pm25,gross_range,{k},{v},{u},2019-01-01,,test,project\n"
    for k, v, u in (("fail_min", 0, "ug/m3"), ("fail_max", 1000, "ug/m3"), ("suspect_min", "none", "ug/m3"), ("suspect_max", 158, "ug/m3"),
                    ("required", "yes", ""))
)  # fmt: skip
WATER = (
    "water.ph,1,8.12",
    "water.do,mg/L,7.9",
    "water.codmn,mg/L,0.96",
    "water.nh3n,mg/L,0.108",
    "water.tp,mg/L,0.039",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not (STATIC / "dist" / "manifest.json").exists():
        pytest.skip("the browser files are not built: npm ci && npm run build in web/")
    root = tmp_path_factory.mktemp("monitoring")
    folder = root / "zone"
    shutil.copytree(builtin_zones()["guizhou"], folder, ignore=shutil.ignore_patterns("networks"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QINGSHAN_HOME", str(root / "home"))
        patch.setenv("QINGSHAN_TOKEN_LOAD", f"lims:{TOKEN}")
        patch.setenv("QINGSHAN_TOKEN_REVIEW", f"王工:{TOKEN}")
        patch.setattr(alert_stream, "LOOK_S", 0.1)
        app = create_app(_filled(root, folder), {})
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
            thread.start()
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
            server.should_exit = True
            thread.join(timeout=10)


def _filled(root: Path, folder: Path):
    nets = {
        "air": ({"domain": "air", "zh": "空气网", "en": "Air", "step": "1h", "averaging": "1h", "kind": "air_station"},
        'gas_state = "reference"\nrules = "ambient_air"\n'),
        "water": ({"domain": "water", "zh": "水质网", "en": "Water", "step": "4h", "averaging": "instant", "kind": "section"}, 'rules = "surface_water"\n'),
    }  # fmt: skip
    for id, (words, more) in nets.items():
        (folder / "networks" / id).mkdir(parents=True)
        (folder / "networks" / f"{id}.toml").write_text(HEAD.format(id=id, **words) + more, encoding="utf-8")
    sites = "id,name_zh,name_en,kind,lon,lat,air_zone\n" + "".join(
        f"A{n},{n}号站,Station {n},air_station,{lon},26.6,2\n"
        for n, lon in ((1, 106.70), (2, 106.71), (3, 106.72), (4, 104.8))
    )
    (folder / "networks" / "air" / "sites.csv").write_text(sites, encoding="utf-8")
    (folder / "networks" / "air" / "alerts.csv").write_text(RULES, encoding="utf-8")
    (folder / "networks" / "air" / "quality.csv").write_text(PLAN, encoding="utf-8")
    (folder / "networks" / "water" / "sites.csv").write_text(
        "id,name_zh,name_en,kind,lon,lat,water_body_type,river\nS1,甲断面,First,section,106.7,26.6,river,清水河\n",
        encoding="utf-8",
    )
    zone = open_zone(folder)
    store = Observations(zone)
    air = [
        f"A{n},air.pm25,ug/m3,2020-03-01T{h:02d}:00,{v}"
        for n in (1, 2, 3, 4)
        for h, v in ((1, 100), (2, 160 if n == 1 else 90))
    ]
    water = [f"S1,{p.rsplit(',', 1)[0]},2021-04-01T0{h}:00,{p.rsplit(',', 1)[1]}" for h in (0, 4, 8) for p in WATER]
    for id, lines in (("air", air), ("water", water)):
        path = root / f"{id}.csv"
        path.write_text("\n".join(["site,property,unit,start,value", *lines]) + "\n", encoding="utf-8")
        assert store.load(id, path).n_errors == 0
    check_network(store, "air")
    return zone


def test_an_observation_that_crosses_a_rule_appears_without_reload(reader: Reader, address: str) -> None:
    """155 at 3 is no exceedance the rule is sure of twice; 157 at 4 makes 2 of 3."""
    page = reader.go("/en/network/air/alerts")
    page.wait_for_selector(".livemark:has-text('updating live')")
    assert "No site is under an alert" in page.inner_text("h1")
    page.evaluate("window.mine = true")
    body = "site,property,unit,start,value\nA1,air.pm25,ug/m3,2020-03-01T03:00,155\nA1,air.pm25,ug/m3,2020-03-01T04:00,157\n"
    sent = httpx.post(
        f"{address}/api/networks/air/observations", content=body, headers={"Authorization": f"Bearer {TOKEN}"}
    )
    assert sent.status_code == 201
    page.wait_for_selector("h1:has-text('Sites under an alert: 1')")
    assert "Station 1" in page.inner_text("#live-now")
    assert page.evaluate("window.mine")  # the page is the same one
    page.locator("#live-now a.mark").first.click()
    page.wait_for_url("**/en/reading/air?**")
    reader.content()
    page.goto(f"{address}/zh/network/air")
    assert "预警 1" in page.inner_text("#live-alerts")


def test_the_map_joins_sites_that_would_cover_each_other(reader: Reader) -> None:
    page = reader.go("/zh/network/air")
    circles = page.locator(".sitemap a")
    assert circles.count() == 2 and "3" in (page.locator(".sitemap text.many").text_content() or "")
    boxes = [circles.nth(i).bounding_box() for i in range(2)]
    assert all(b and b["width"] >= 8 for b in boxes)
    reader.content()


def test_a_section_shows_chart_limits_verdict_table_and_download(reader: Reader) -> None:
    page = reader.go("/zh/network/water/S1?period=2021-04")
    assert "Ⅱ 类" in page.inner_text("h1")
    assert "≤ 0.1" in (page.locator(".timeline text.limit").first.text_content() or "")
    assert "GB 3838-2002 表1" in page.inner_text(".verdict")
    assert "0.039" in page.inner_text(".itemtable")
    assert page.locator(".foot a", has_text="csv").count() == 1
    page.locator(".itemtable a.mark").first.click()
    page.wait_for_url("**/zh/reading/water?**")
    reader.content()


def test_a_reading_is_judged_by_a_reviewer(reader: Reader) -> None:
    page = reader.go("/zh/network/air/review")
    page.locator("input[name=reading]").first.check()
    page.locator("input[name=decision][value=invalid]").check()
    page.get_by_label("理由").fill("仪器校准")
    page.get_by_label("复核令牌").fill("wrong")
    with page.expect_response("**/decisions") as refused:
        page.locator("form.review button").click()
    assert refused.value.status == 401
    page = reader.go("/zh/network/air/review")
    page.locator("input[name=reading]").first.check()
    page.locator("input[name=decision][value=invalid]").check()
    page.get_by_label("理由").fill("仪器校准")
    page.get_by_label("复核令牌").fill(TOKEN)
    page.locator("form.review button").click()
    page.wait_for_url("**/review?of=decided**")
    assert "仪器校准" in page.inner_text("table") and "王工" in page.inner_text("table")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_report_leads_from_share_to_reading(reader: Reader, lang: str) -> None:
    page = reader.go(f"/{lang}/network/water/report?period=2021-04")
    assert "100.0 %" in page.inner_text("h1")
    with page.expect_download() as got:
        page.locator("ul.filelist a", has_text="xlsx").first.click()
    assert got.value.suggested_filename.endswith(".xlsx")
    page.goto(page.url)
    link = page.locator("table.sites a.mark").first.get_attribute("href") or ""
    page.goto(reader.address + link)
    assert page.locator("#readings").count() == 1
    assert "/reading/water" in (page.locator("a.mark").first.get_attribute("href") or "")


def test_two_editions_stand_side_by_side(reader: Reader) -> None:
    page = reader.go("/zh/standards/compare/air_limits")
    text = page.inner_text("main")
    assert "GB 3095-2012" in text and "GB 3095-2026" in text
    reader.content()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_reader_goes_from_the_library_to_a_limit_and_to_who_uses_it(reader: Reader, lang: str) -> None:
    """The list of tables, an edition's document with clause and rows, the network that is judged by it; then the changes of 2026."""
    page = reader.go(f"/{lang}/standards")
    page.locator(".jump a[href='#limit-tables']").click()
    row = page.locator(".limittables tr", has_text="air_limits")
    assert "qingshan observe evaluate" in row.inner_text() and "GB 3095-2012" in row.inner_text()
    row.get_by_role("link", name="GB 3095-2026", exact=True).click()
    page.wait_for_url("**/standards/gb3095-2026**")
    assert "表1, 4.4" in page.inner_text("section[aria-labelledby=clauses]")
    used = page.locator("#air_limits + .usedby")
    assert "PM2.5" in used.inner_text()
    used.get_by_role("link", name="空气网" if lang == "zh" else "Air", exact=True).first.click()
    page.wait_for_url("**/network/air**")
    page = reader.go(f"/{lang}/standards/compare/air_limits")
    moved = page.locator("tbody tr", has_text="PM2.5").filter(has_text="35").filter(has_text="25").first.inner_text()
    assert all(limit in moved for limit in ("≤ 35", "≤ 30", "≤ 25"))
    shown = page.locator("tbody tr").count()
    page.locator(".tabs a").nth(1).click()
    page.wait_for_url("**/standards/compare/air_limits?all=1")
    assert page.locator("tbody tr").count() > shown


PAGES = ("", "/air", "/air/alerts", "/air/review", "/water", "/water/S1", "/water/report", "/water/evaluation?site=S1",
         "/standards/gb3838-2002", "/standards/compare/air_limits")  # fmt: skip


@pytest.mark.parametrize(
    "reader",
    [{}, {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}],
    ids=["wide", "phone-dark"],
    indirect=True,
)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_pages_fit_and_axe_finds_nothing(reader: Reader, lang: str) -> None:
    for path in PAGES:
        page = reader.go(f"/{lang}{path}" if path.startswith("/standards") else f"/{lang}/network{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"], path  # type: ignore[index]
        if AXE.exists():
            page.evaluate(AXE.read_text(encoding="utf-8"))
            found = page.evaluate(
                """axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}).then(r =>
                r.violations.map(v => v.id + ': ' + v.nodes.slice(0, 2).map(n => n.html.slice(0, 140) + n.failureSummary.slice(0, 160)).join(' || ')))"""
            )
            assert found == [], path
    reader.content()
