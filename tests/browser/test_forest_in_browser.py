"""Forest pages in a real browser, on the synthetic county: fit, axe, keyboard, the drawer, and nothing from another host."""

from __future__ import annotations

import threading
import time
import urllib.request
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import Browser
from reader import AXE, Reader

from qingshan.accounts.claim.synthetic import write_demo_project
from qingshan.accounts.inventory import seal_inventories
from qingshan.faces.api.app import STATIC, create_app
from qingshan.publish.dossier import publish_dossier
from qingshan.publish.forest_release import publish_forest
from qingshan.zone.zone import open_zone

pytestmark = pytest.mark.browser

WIDE = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
PAGES = [
    "/forest", "/forest?place=990101003&of=volume", "/forest/plots", "/forest/plots/plots2020/0006", "/forest/projects", "/forest/projects/demo-ticket",
    "/forest/releases", "/forest/releases/2020/draft",
]  # fmt: skip
AXE_RUN = """axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}).then(r =>
    r.violations.map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + ' | ' + n.failureSummary.slice(0, 200)).join(' || ')))"""


@pytest.fixture(scope="module")
def woods(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The synthetic county with its inventories, a project and a draft release, on a free port of the loopback."""
    if not (STATIC / "dist" / "manifest.json").exists():
        pytest.skip("the browser files are not built: npm ci && npm run build in web/")
    folder = tmp_path_factory.mktemp("woods")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QINGSHAN_HOME", str(folder / "home"))
        zone = open_zone("demo30m")
        seal_inventories(zone)
        publish_forest(zone, 2020, draft=True)
        write_demo_project(folder / "project")
        publish_dossier(zone, folder / "project", crs="EPSG:32648", tolerance_m2=1.0, enter=True, by="tester")
        server = uvicorn.Server(uvicorn.Config(create_app(zone, {}), host="127.0.0.1", port=0, log_level="warning"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.05)
        address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        with urllib.request.urlopen(f"{address}/zh/forest", timeout=120) as first:  # the layers are read once
            assert first.status == 200
        yield address
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture
def forest(browser: Browser, woods: str, request: pytest.FixtureRequest) -> Iterator[Reader]:
    context = browser.new_context(**(WIDE | getattr(request, "param", {})))
    context.set_default_timeout(15_000)
    yield Reader(context.new_page(), woods)
    context.close()


LOOKS = {
    "zh-wide": WIDE,
    "en-wide-dark": WIDE | {"color_scheme": "dark"},
    "en-phone": PHONE,
    "zh-phone-dark": PHONE | {"color_scheme": "dark"},
}


@pytest.mark.parametrize(
    ("forest", "lang"), [(o, n[:2]) for n, o in LOOKS.items()], ids=list(LOOKS), indirect=["forest"]
)
@pytest.mark.parametrize("path", PAGES)
def test_pages_fit_and_axe_finds_nothing(forest: Reader, lang: str, path: str) -> None:
    page = forest.go(f"/{lang}{path}")
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]
    if AXE.exists():
        page.evaluate(AXE.read_text(encoding="utf-8"))
        assert page.evaluate(AXE_RUN) == []
    forest.content()


def test_a_figure_opens_its_pedigree_in_the_drawer_by_keyboard(forest: Reader) -> None:
    page = forest.go("/zh/forest")
    home = page.url
    page.locator(".key a.mark").nth(2).focus()
    page.keyboard.press("Enter")
    drawer = page.locator("dialog.drawer")
    drawer.wait_for(state="visible")
    page.wait_for_url("**/pedigree/*")
    assert "含碳率" in drawer.inner_text() and "自由度" in drawer.inner_text()
    page.keyboard.press("Escape")
    page.wait_for_url(home)
    forest.content()


def test_plots_on_the_map_are_one_stop_of_the_tab_key(forest: Reader) -> None:
    page = forest.go("/en/forest/plots")
    dots = page.locator(".ground svg.wide [data-walk] a")
    assert dots.evaluate_all("all => all.filter(a => a.tabIndex === 0).length") == 1
    dots.last.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    told = page.evaluate("document.activeElement.getAttribute('aria-label')")
    page.keyboard.press("Enter")
    page.wait_for_url("**/forest/plots/plots2020/*")
    assert str(told).split(":")[0].removeprefix("Plot ") in page.inner_text("h1")
    forest.content()


def test_filters_and_places_travel_in_the_address(forest: Reader) -> None:
    page = forest.go("/zh/forest/plots")
    page.select_option("#pick-dominant", "Pinus massoniana")
    page.wait_for_url("**dominant=Pinus*")
    first = page.locator("tbody tr").first.inner_text()
    assert "马尾松" in first
    page.get_by_role("link", name="English", exact=True).first.click()
    page.wait_for_url("**/en/forest/plots?dominant=Pinus*")
    assert "Pinus massoniana" in page.locator("tbody tr").first.inner_text()


@pytest.mark.parametrize("forest", [WIDE | {"java_script_enabled": False}], indirect=True)
def test_without_a_script_the_way_down_to_a_tree_is_links(forest: Reader) -> None:
    page = forest.go("/zh/forest")
    page.locator(".tabs a", has_text="样地").first.click()
    page.locator("tbody th a").first.click()
    page.locator("table.trees a.mark").first.click()
    page.wait_for_url("**/pedigree/*")
    assert "equations.csv" in page.inner_text("body")
