"""Account, pedigree, methods, standards and data in a real browser: fit, axe, the drawer with its history, copying."""

from __future__ import annotations

import re

import pytest
from reader import AXE, Reader

pytestmark = pytest.mark.browser

WIDE = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
PAGES = [
    "/account",
    "/account?place=520381",
    "/method",
    "/method/climate.pet_thornthwaite_month@1948",
    "/standards",
    "/standards/garze2017",
    "/data",
    "/data?quantity=economy.gdp",
]
LOOKS = [WIDE, WIDE | {"color_scheme": "dark"}, PHONE, PHONE | {"color_scheme": "dark"}]
AXE_RUN = """axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}).then(r =>
    r.violations.map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + ' | ' + n.failureSummary.slice(0, 200)).join(' || ')))"""


def figure_address(reader: Reader, nth: int = 0) -> str:
    """Address of the pedigree of the n-th marked figure of the account page."""
    page = reader.go("/zh/account")
    return str(page.locator("a.mark").nth(nth).get_attribute("href"))


@pytest.mark.parametrize("reader", [WIDE, PHONE], ids=["wide", "phone"], indirect=True)
@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_pages_fit_and_complain_of_nothing(reader: Reader, lang: str, path: str) -> None:
    page = reader.go(f"/{lang}{path}")
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]
    reader.content()


@pytest.mark.parametrize("reader", LOOKS, ids=["wide", "wide-dark", "phone", "phone-dark"], indirect=True)
@pytest.mark.parametrize(
    "path",
    [
        "/zh/account",
        "/en/method/water.retention@garze2017",
        "/zh/standards",
        "/en/standards/garze2017",
        "/zh/data",
        "pedigree",
        "refusal",
    ],
)
def test_axe_finds_nothing(reader: Reader, path: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in web/")
    if path == "pedigree":
        path = figure_address(reader, 2)
    elif path == "refusal":
        reader.go("/zh/account")
        path = str(reader.page.locator(".refused + a.mark").first.get_attribute("href"))
    page = reader.go(path)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.evaluate(AXE_RUN) == []


def test_the_drawer_opens_beside_the_page_and_goes_back(reader: Reader) -> None:
    """Click, address, one level down, back, back; then Esc straight home; focus stays inside and returns to the mark."""
    page = reader.go("/zh/account")
    home = page.url
    mark = page.locator("table.ledger a.mark").nth(2)
    mark.focus()
    page.keyboard.press("Enter")
    drawer = page.locator("dialog.drawer")
    drawer.wait_for(state="visible")
    page.wait_for_url("**/pedigree/*")
    first = page.url
    for _ in range(40):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('dialog.drawer')"
        )
    drawer.locator("a.mark").first.click()
    page.wait_for_function("u => location.href !== u", arg=first)
    page.go_back()
    page.wait_for_url(first)
    assert drawer.is_visible()
    page.go_back()
    page.wait_for_url(home)
    drawer.wait_for(state="hidden")
    mark.click()
    page.wait_for_url("**/pedigree/*")
    drawer.locator("a.mark").first.click()
    page.wait_for_function("u => location.href !== u", arg=first)
    page.keyboard.press("Escape")
    page.wait_for_url(home)
    drawer.wait_for(state="hidden")
    assert page.locator("h1").first.is_visible()
    reader.content()


def test_a_reload_in_the_drawer_shows_the_page_whole(reader: Reader) -> None:
    page = reader.go("/zh/account")
    home = page.url
    page.locator("table.ledger a.mark").nth(2).click()
    page.wait_for_url("**/pedigree/*")
    page.reload()
    assert page.locator("dialog.drawer").count() == 0
    assert page.locator(".chain > li").count() >= 3
    page.go_back()
    page.wait_for_url(home)
    page.locator("table.ledger").wait_for(state="visible")


@pytest.mark.parametrize("reader", [WIDE | {"java_script_enabled": False}], indirect=True)
def test_without_a_script_every_step_is_a_page(reader: Reader) -> None:
    page = reader.go("/zh/account")
    page.locator("table.ledger a.mark").nth(2).click()
    page.wait_for_url("**/pedigree/*")
    page.locator("details.sha summary").first.click()
    assert re.fullmatch(r"[0-9a-f]{64}", page.locator("details.sha .full").first.inner_text().strip())
    page.locator('form[role="search"] input[name="q"]').first.wait_for(state="attached")
    reader.content()


def test_choices_travel_in_the_address(reader: Reader) -> None:
    page = reader.go("/en/account?place=520100")
    page.get_by_role("link", name="中文", exact=True).first.click()
    page.wait_for_url("**/zh/account?place=520100")
    assert "贵阳" in page.inner_text("h1")
    page.locator(".pages a", has_text="标准").click()
    page.wait_for_url("**/zh/standards")
    page.locator(".tabs a", has_text="方法").click()
    page.wait_for_url("**/zh/method")
    page.fill("#narrow-q", "thornthwaite")
    page.keyboard.press("Enter")
    page.wait_for_url("**/zh/method?q=thornthwaite*")
    assert "thornthwaite" in page.inner_text(".catalogue")
    reader.content()


@pytest.mark.parametrize("reader", [WIDE], indirect=True)
def test_paper_shows_everything(reader: Reader) -> None:
    page = reader.go("/zh/account")
    page.emulate_media(media="print")
    assert not page.locator(".rail").is_visible()
    assert page.locator("table.ledger").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
