"""The pages in a real browser: both languages, wide and phone, light and dark, keyboard, without a script, on paper."""

from __future__ import annotations

import pytest
from reader import AXE, Reader

pytestmark = pytest.mark.browser

WIDE = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
PAGES = [
    "/",
    "/?place=520381",
    "/place/520000",
    "/place/520300",
    "/place/520381",
    "/target/krd.treated_area@2021-2025",
    "/target/krd.share@2025",
    "/place/nowhere",
]


@pytest.mark.parametrize("reader", [WIDE, PHONE], ids=["wide", "phone"], indirect=True)
@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_pages_fit_and_complain_of_nothing(reader: Reader, lang: str, path: str) -> None:
    page = reader.go(f"/{lang}{path}")
    if path.endswith("nowhere"):
        reader.complaints = [c for c in reader.complaints if "404" not in c]
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]
    small = page.evaluate(
        """[...document.querySelectorAll('body *')].filter(e => e.childNodes.length && [...e.childNodes].some(n => n.nodeType === 3
        && n.textContent.trim()) && !e.closest('svg, .away') && e.getClientRects().length
        && parseFloat(getComputedStyle(e).fontSize) < 11.5).map(e => e.className)"""
    )
    assert small == []
    reader.content()


@pytest.mark.parametrize(
    "reader",
    [WIDE, WIDE | {"color_scheme": "dark"}, PHONE, PHONE | {"color_scheme": "dark"}],
    ids=["wide", "wide-dark", "phone", "phone-dark"],
    indirect=True,
)
@pytest.mark.parametrize(
    "path",
    [
        "/zh/?place=520381",
        "/en/",
        "/zh/place/520381",
        "/en/place/520000",
        "/zh/target/krd.treated_area@2021-2025",
        "/en/target/krd.share@2025",
        "/zh/place/nowhere",
    ],
)
def test_axe_finds_nothing(reader: Reader, path: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in web/")
    page = reader.go(path)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        """axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}).then(r =>
        r.violations.map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + ' | ' + n.failureSummary.slice(0, 200)).join(' || ')))"""
    )
    assert found == []


@pytest.mark.parametrize("reader", [{"locale": "en-GB"}], indirect=True)
def test_click_through_both_languages(reader: Reader) -> None:
    page = reader.go("/")
    page.wait_for_url("**/en/")  # the browser's own language
    page.get_by_role("link", name="中文", exact=True).first.click()
    page.wait_for_url("**/zh/")
    page.locator(".rank a", has_text="普安").click()
    page.wait_for_url("**/zh/place/522323")
    assert "普安县" in page.inner_text("h1")
    page.get_by_role("link", name="English", exact=True).first.click()
    page.wait_for_url("**/en/place/522323")
    assert "Pu'an" in page.inner_text("h1")
    page.locator(".tree a", has_text="Zunyi").click()
    page.wait_for_url("**/en/place/520300")
    page.go_back()
    page.wait_for_url("**/en/place/522323")
    page.locator(".pages a").first.click()
    page.wait_for_url("**/en/?place=522323")  # the chosen place goes along
    assert "Pu'an" in page.inner_text(".rank .me")
    reader.content()


def test_choices_are_sent_at_once_and_kept_in_the_address(reader: Reader) -> None:
    page = reader.go("/zh/?place=520381")
    page.get_by_label("地图上色的指标").select_option("climate.rain_annual")
    page.wait_for_url("**of=climate.rain_annual**")
    assert "place=520381" in page.url
    assert "年降水量" in page.inner_text("#figure-map")
    page.get_by_role("link", name="English", exact=True).first.click()
    page.wait_for_url("**/en/**of=climate.rain_annual**")
    reader.content()


def test_the_search_leads_to_a_place(reader: Reader) -> None:
    page = reader.go("/zh/")
    page.keyboard.press("/")
    page.keyboard.type("赤水")
    page.keyboard.press("Enter")
    page.wait_for_url("**/zh/place/520381")
    assert "赤水市" in page.inner_text("h1")
    reader.content()


def test_pointing_at_the_map_shows_a_card(reader: Reader) -> None:
    page = reader.go("/zh/")
    page.locator("a[data-code='520381'] path").hover()
    card = page.locator(".card.moving")
    assert "赤水市" in card.inner_text()
    assert "第 75 位" in card.inner_text()
    page.locator("h1").hover()
    card.wait_for(state="hidden")  # it lingers a moment, so that the pointer can reach its link


def test_the_cards_mark_is_reached_by_mouse_and_by_tab(reader: Reader) -> None:
    page = reader.go("/zh/?place=520381")
    page.locator("a[data-code='522625'] path").hover()
    mark = page.locator(".card.moving a.mark")
    mark.hover()
    page.wait_for_timeout(400)
    assert mark.is_visible()
    mark.click()
    page.wait_for_url("**/zh/pedigree/*")
    assert "镇远" in page.locator("dialog.drawer").inner_text()
    page.keyboard.press("Escape")
    page.wait_for_url("**/zh/?place=520381")
    page.locator("a[data-code='520381']").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('.card.moving a.mark')")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.matches('svg.map a')")
    reader.content()


def test_a_target_opens_beside_the_page(reader: Reader) -> None:
    page = reader.go("/zh/")
    page.locator(".target.bare a", has_text="湿地保护率").click()
    page.wait_for_url("**/zh/target/wetland.protection_rate@2025")
    assert "贵州省湿地保护规划" in page.locator("dialog.drawer").inner_text()
    page.go_back()
    page.wait_for_url("**/zh/")
    reader.content()


def test_the_period_changes_the_map_and_stays_in_the_address(reader: Reader) -> None:
    page = reader.go("/zh/?of=population.census_total&place=520381")
    assert "24.7" in page.inner_text(".card")
    page.locator("#period").select_option("2010")
    page.wait_for_url("**period=2010**")
    assert "of=population.census_total" in page.url
    assert "place=520381" in page.url
    assert "237,052" in page.inner_text(".card") or "23.7" in page.inner_text(".card")


def test_the_small_bars_are_one_stop_and_walked_by_arrow_keys(reader: Reader) -> None:
    page = reader.go("/zh/place/520381")
    bars = page.locator("svg.years a")
    assert bars.count() == 2
    assert page.locator("svg.years a[tabindex='0']").count() == 1
    page.locator("svg.years a[tabindex='0']").focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("2010 年")
    page.keyboard.press("Enter")
    page.wait_for_url("**/zh/place/520381?period=2010")
    assert page.locator("#period").input_value() == "2010"
    reader.content()


def test_the_map_is_walked_by_arrow_keys(reader: Reader) -> None:
    page = reader.go("/zh/?place=520381")
    assert page.locator("svg.map a[tabindex='0']").get_attribute("data-code") == "520381"
    page.locator("a[data-code='520381']").focus()
    page.keyboard.press("ArrowRight")
    code = page.evaluate("document.activeElement.dataset.code")
    assert code not in ("520381", None)
    assert page.locator(".card.moving").is_visible()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/zh/place/{code}")
    reader.content()


def test_everything_is_reached_by_tab_and_focus_is_seen(reader: Reader) -> None:
    page = reader.go("/en/place/520381")
    page.keyboard.press("Tab")
    assert "Skip" in page.evaluate("document.activeElement.textContent")
    seen = set()
    for _ in range(120):
        page.keyboard.press("Tab")
        here, shown = page.evaluate(
            """(() => { const e = document.activeElement, s = getComputedStyle(e);
            const drawn = e.closest('svg.map') && document.querySelector('.pointed').getAttribute('d');
            return [e.outerHTML.slice(0, 120), s.outlineStyle !== 'none' || Boolean(drawn) || e === document.body]; })()"""
        )
        if here in seen and "<body" in here:
            break
        seen.add(here)
        assert shown, here
    wanted = ('id="find"', 'id="period"', "data-theme-switch", "data-chart", ".xlsx", "data-print")
    assert [w for w in wanted if not any(w in h for h in seen)] == []


def test_a_chart_comes_alive_when_pointed_at(reader: Reader) -> None:
    page = reader.go("/zh/place/520381")
    assert page.locator(".chart canvas").count() == 0
    chart = page.locator("[data-chart]").first
    chart.scroll_into_view_if_needed()
    chart.hover()
    page.wait_for_selector(".chart canvas")
    assert page.locator(".chart canvas").first.bounding_box()["height"] > 80  # type: ignore[index]
    reader.content()


def test_the_map_that_moves_is_loaded_on_demand(reader: Reader) -> None:
    page = reader.go("/zh/")
    loaded: list[str] = []
    page.on("request", lambda r: loaded.append(r.url))
    page.get_by_role("button", name="放大看").click()
    page.wait_for_selector(".mapbox[data-live='ready']", timeout=30_000)
    assert any("map-worker" in url for url in loaded)
    colours = page.evaluate(
        """(() => { const c = document.querySelector('.maplibregl-canvas'); const x = document.createElement('canvas');
        x.width = c.width; x.height = c.height; const p = x.getContext('2d'); p.drawImage(c, 0, 0); return [c.width, c.height]; })()"""
    )
    assert min(colours) > 200
    box = page.locator(".maplibregl-canvas").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector(".card.moving:not([hidden])")
    reader.complaints = [
        c for c in reader.complaints if "GPU stall" not in c and "WebGL" not in c
    ]  # software drawing says so
    reader.content()


def test_first_page_is_light_without_the_map(reader: Reader) -> None:
    page = reader.page
    sizes: list[int] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.loadingFinished", lambda e: sizes.append(int(e["encodedDataLength"])))
    reader.go("/zh/")
    page.wait_for_timeout(300)
    assert 0 < sum(sizes) < 200_000


@pytest.mark.parametrize("reader", [{"java_script_enabled": False}], indirect=True)
def test_without_a_script_nothing_is_lost(reader: Reader) -> None:
    page = reader.go("/zh/?place=520381")
    assert page.locator("svg.map path.area").count() == 88
    assert page.locator(".card").first.inner_text().startswith("赤水市")
    page.get_by_label("地图上色的指标").select_option("climate.rain_annual")
    page.locator("form.picks button").click()
    page.wait_for_url("**of=climate.rain_annual**")
    page.locator(".tree a", has_text="毕节").click()
    page.wait_for_url("**place=520500**")
    page = reader.go("/zh/place/520381")
    assert page.locator(".chart svg.wide rect").count() >= 12
    page.locator("details.data summary").first.click()
    assert page.locator("details.data table").first.is_visible()
    reader.content()


def test_dark_is_remembered(reader: Reader) -> None:
    page = reader.go("/zh/")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("[data-theme-switch]:visible").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != ground
    page = reader.go("/zh/place/520381")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    reader.content()


@pytest.mark.parametrize("reader", [PHONE], indirect=True)
def test_phone_place_time_and_menu_open_over_the_page(reader: Reader) -> None:
    page = reader.go("/zh/")
    assert page.locator(".tree").is_hidden()
    page.locator("button[popovertarget='places']").tap()
    page.locator(".tree a", has_text="遵义").tap()
    page.wait_for_url("**place=520300**")
    page.locator("button[popovertarget='menu']").tap()
    page.locator("#menu a", has_text="地点").tap()
    page.wait_for_url("**/zh/place/520300**")
    reader.content()


def test_a_page_prints_on_paper_whatever_the_theme(reader: Reader) -> None:
    page = reader.go("/zh/place/520381")
    page.locator("[data-theme-switch]:visible").click()
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).getPropertyValue('--paper').trim()") == "#fbfaf7"
    assert page.locator(".rail").is_hidden()
    assert page.locator("svg.map").is_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_a_picture_is_saved(reader: Reader) -> None:
    page = reader.go("/zh/?place=520381")
    with page.expect_download() as waiting:
        page.locator("[data-png]").first.click()
    assert waiting.value.suggested_filename.endswith(".png")
    assert waiting.value.path().read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    reader.content()
