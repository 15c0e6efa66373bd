"""The map in a real browser, on a zone of 4 × 5 cells: tiles, the divider, the pixel, both languages, without a script."""

from __future__ import annotations

import json
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from reader import AXE, Reader

from qingshan.accounts.run import run_account
from qingshan.faces.api.app import STATIC, create_app
from qingshan.zone.zone import open_zone

sys.path.append(str(Path(__file__).parents[1] / "faces" / "web"))
from tinyraster import middle, write_raster_zone

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.browser

WIDE = {"viewport": {"width": 1440, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
COMPARED = "/zone/raster?with=land.cover@2015"


@pytest.fixture(scope="session")
def raster_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The zone of cells on a free port of the loopback."""
    if not (STATIC / "dist" / "manifest.json").exists():
        pytest.skip("the browser files are not built: npm ci && npm run build in web/")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QINGSHAN_HOME", str(tmp_path_factory.mktemp("maps-home")))
        zone = open_zone(write_raster_zone(tmp_path_factory.mktemp("maps") / "zone"))
        run = run_account(zone, "spatial")
        server = uvicorn.Server(
            uvicorn.Config(create_app(zone, {run.profile.id: run}), host="127.0.0.1", port=0, log_level="warning")
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.05)
        address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        urllib.request.urlopen(f"{address}/en/zone/raster", timeout=120).close()  # the first page loads the libraries
        yield address
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture
def maps(browser: sync_api.Browser, raster_address: str, request: pytest.FixtureRequest) -> Iterator[Reader]:
    context = browser.new_context(**(WIDE | getattr(request, "param", {})))
    context.set_default_timeout(30_000)
    yield Reader(context.new_page(), raster_address)
    context.close()


def alive(maps: Reader, path: str) -> sync_api.Page:
    page = maps.go(path)
    page.wait_for_selector("[data-raster-map][data-live=ready]")
    return page


@pytest.mark.parametrize(
    "maps", [WIDE, PHONE, WIDE | {"color_scheme": "dark"}], ids=["wide", "phone", "dark"], indirect=True
)
@pytest.mark.parametrize("path", ["/zh/zone/raster", f"/en{COMPARED}"])
def test_the_map_comes_alive_and_asks_nobody_else(maps: Reader, path: str) -> None:
    asked: list[str] = []
    maps.page.on("response", lambda r: asked.append(f"{r.status} {r.url}") if "/tiles/" in r.url else None)
    page = alive(maps, path)
    tiles = [a for a in asked if ".png" in a and "still" not in a]
    assert tiles and all(a.startswith("200") for a in tiles)
    assert all(
        ("look=dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "look=light") in a
        for a in tiles
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]
    maps.content()


@pytest.mark.parametrize("maps", [WIDE, PHONE | {"color_scheme": "dark"}], ids=["wide", "phone-dark"], indirect=True)
@pytest.mark.parametrize(
    "path",
    [
        "/zh/zone/raster",
        f"/en{COMPARED}",
        "/zh/zone/raster?layer=terrain.elevation&lon=105.0002&lat=27.1184",
        "/en/account/change",
        "/zh/account/seea?of=7.1a",
        "/zh/account",
    ],
)
def test_axe_finds_nothing_on_the_map(maps: Reader, path: str) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in web/")
    page = alive(maps, path) if "raster" in path else maps.go(path)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        """axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}).then(r =>
        r.violations.map(v => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + ' | ' + n.failureSummary.slice(0, 200)).join(' || ')))"""
    )
    assert found == []


def test_the_divider_moves_by_keyboard(maps: Reader) -> None:
    page = alive(maps, f"/en{COMPARED}")
    slider = page.get_by_role("slider")
    assert "2015" in (slider.get_attribute("aria-label") or "") and "2020" in (slider.get_attribute("aria-label") or "")
    before = page.evaluate("document.querySelector('.pane.over').style.clipPath")
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert slider.input_value() == "60"
    assert "60" in (slider.get_attribute("aria-valuetext") or "")
    after = page.evaluate("document.querySelector('.pane.over').style.clipPath")
    assert before != after and "60%" in after
    page.keyboard.press("End")
    assert slider.input_value() == "100"
    maps.content()


def test_the_divider_is_dragged_between_the_years(maps: Reader) -> None:
    page = alive(maps, f"/en{COMPARED}")
    stage = page.locator("[data-raster-map] .live").bounding_box()
    assert stage
    share = "parseFloat(document.querySelector('.pane.over').style.clipPath.split(' ').pop())"
    assert page.evaluate(share) == 50
    y = stage["y"] + stage["height"] * 0.25  # on the line, above the handle
    page.mouse.move(stage["x"] + stage["width"] * 0.5, y)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] * 0.3, y, steps=6)
    page.mouse.up()
    assert abs(page.evaluate(share) - 30) <= 2
    assert abs(float(page.get_by_role("slider").input_value()) - 30) <= 2
    page.mouse.move(stage["x"] + stage["width"] * 0.8, y)  # let go: it stays
    assert abs(page.evaluate(share) - 30) <= 2
    maps.content()


def test_a_click_on_the_map_works_the_pixel_through(maps: Reader) -> None:
    page = alive(maps, "/en/zone/raster")
    box = page.locator(".rastermap .live").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5)
    page.wait_for_selector("[data-pixel] .readings")
    assert "lon=105." in page.url and "lat=27." in page.url
    inputs, steps = page.inner_text("[data-pixel] .readings"), page.inner_text("[data-pixel] .worked")
    assert "Elevation" in inputs and "Step" not in inputs
    assert "storm_rain" in steps
    assert page.locator(".cross").count() == 1
    # the same address without a script says the same
    address = page.url.replace(maps.address, "")
    page.goto(maps.address + address)
    assert page.inner_text("[data-pixel] .readings") == inputs
    maps.content()


def test_the_keyboard_reads_the_middle_and_the_form_a_point(maps: Reader) -> None:
    page = alive(maps, "/zh/zone/raster")
    page.locator(".pane canvas").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-pixel] .readings")
    assert page.evaluate("document.activeElement.matches('[data-pixel]')")
    lon, lat = middle(0, 4)
    page.get_by_label("经度").fill(str(lon))
    page.get_by_label("纬度").fill(str(lat))
    page.get_by_role("button", name="查看像元").click()
    page.locator("[data-pixel-card]", has_text="东乡").wait_for()
    assert f"lon={lon}" in page.url
    page.get_by_label("经度").fill("elsewhere")
    page.get_by_role("button", name="查看像元").click()
    page.wait_for_selector("[aria-invalid=true]")
    assert page.get_by_label("经度").input_value() == "elsewhere"
    maps.content()


def test_moving_the_map_is_kept_in_the_address_and_the_language(maps: Reader) -> None:
    page = alive(maps, "/en/zone/raster")
    page.locator(".pane canvas").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**at=105.*")
    page.get_by_role("link", name="中文", exact=True).first.click()
    page.wait_for_url("**/zh/zone/raster*at=105.*")
    page.wait_for_selector("[data-raster-map][data-live=ready]")
    maps.content()


def test_dark_and_light_are_drawn_anew(maps: Reader) -> None:
    page = alive(maps, "/en/zone/raster")
    with page.expect_response(lambda r: "/tiles/" in r.url and "look=dark" in r.url and "still" not in r.url) as answer:
        page.get_by_role("button", name="Dark").first.click()
    assert answer.value.status == 200
    maps.content()


@pytest.mark.parametrize("maps", [{"java_script_enabled": False}], indirect=True)
def test_without_a_script_the_picture_is_clicked(maps: Reader) -> None:
    page = maps.go("/en/zone/raster")
    picture = page.locator("input[type=image]:visible")
    assert picture.count() == 1
    box = picture.bounding_box()
    assert box
    picture.click(position={"x": box["width"] / 2, "y": box["height"] * 0.45})
    page.wait_for_url("**hit.x=*")
    assert "Elevation" in page.inner_text("#pixel")


def test_the_map_on_paper_is_the_picture(maps: Reader) -> None:
    page = alive(maps, f"/en{COMPARED}")
    page.emulate_media(media="print")
    assert page.locator(".rastermap .live").is_hidden()
    assert page.locator(".stillmap:visible").count() == 2


def test_the_flows_come_alive_and_tell_what_went_where(maps: Reader) -> None:
    page = maps.go("/en/account/change")
    still = page.locator(".sankey svg.still:visible")
    assert still.count() == 1 and "cultivated land" in (still.text_content() or "")
    page.locator("[data-chart]").focus()
    page.wait_for_selector(".sankey .live canvas")
    assert still.count() == 0  # the live chart stands in its place
    page.locator(".matrix a.value").first.click()
    page.wait_for_url("**/en/pedigree/*")
    assert "woods" in page.locator("dialog.drawer").inner_text()
    maps.content()


def live_flows(
    maps: Reader, path: str = "/en/account/change"
) -> tuple[sync_api.Page, dict[str, Any], dict[str, float]]:
    """The page with its live flows, their description, and the box of the canvas."""
    page = maps.go(path)
    described = json.loads(page.locator(".sankey script[type='application/json']").text_content() or "")
    page.locator("[data-chart]").focus()
    page.wait_for_selector(".sankey .live canvas")
    page.locator(".sankey .live").scroll_into_view_if_needed()
    box = page.locator(".sankey .live").bounding_box()
    assert box
    return page, described, box


def area_of(item: dict[str, Any]) -> str:
    return str(item["written"]).replace("\u00a0", " ")


TOP, BOTTOM, GAP, SIDE = 20, 8, 10, 0.17
"""Where the live flows are drawn in their canvas: margins and the gap between two boxes in pixels, the margin of both sides as a share."""


@pytest.mark.parametrize(
    ("share", "gaps", "target", "name"),
    [(0.25, 0, "woods", "broadleaf forest"), (0.75, 1, "town", "residential land")],
)
def test_a_click_on_a_flow_opens_the_pedigree_of_its_area(
    maps: Reader, share: float, gaps: int, target: str, name: str
) -> None:
    """Crops, one box of two cells on the left, go to woods (the upper half) and to town (the lower half, one gap lower on the right)."""
    page, described, box = live_flows(maps)
    scale = box["height"] - TOP - BOTTOM - GAP
    link = next(x for x in described["links"] if x["target"] == f"r:{target}")
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + TOP + scale * share + GAP * gaps / 2)
    page.wait_for_url(lambda url: link["href"] in url)
    drawer = page.locator("dialog.drawer[open]")
    drawer.wait_for()
    said = drawer.inner_text().replace("\u00a0", " ")
    assert area_of(link) in said and f"cultivated land → {name}" in said
    # down to the ground: the cells of the two class rasters
    assert "cover2015" in said and "cover2020" in said
    maps.content()


def test_a_click_on_a_box_of_the_flows_opens_what_was_added_up(maps: Reader) -> None:
    """The upper box on the right: what became woods, one entry, which leads on to its pedigree."""
    page, described, box = live_flows(maps)
    node = next(n for n in described["nodes"] if n["id"] == "r:woods")
    page.mouse.click(
        box["x"] + box["width"] * (1 - SIDE) - 6, box["y"] + TOP + (box["height"] - TOP - BOTTOM - GAP) * 0.25
    )
    page.wait_for_url(lambda url: node["href"] in url)
    drawer = page.locator("dialog.drawer[open]")
    drawer.wait_for()
    assert area_of(node) in drawer.inner_text().replace("\u00a0", " ")
    drawer.locator("a[href*='/pedigree/']").first.click()
    page.wait_for_url("**/en/pedigree/*")
    maps.content()


@pytest.mark.parametrize("maps", [PHONE], indirect=True)
def test_a_tap_on_a_flow_opens_the_pedigree_of_its_area(maps: Reader) -> None:
    page, described, box = live_flows(maps, "/zh/account/change")
    link = next(x for x in described["links"] if x["target"] == "r:woods")
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + TOP + (box["height"] - TOP - BOTTOM - GAP) * 0.25)
    page.wait_for_url(lambda url: link["href"] in url)
    said = page.locator("dialog.drawer[open]").inner_text().replace("\u00a0", " ")
    assert area_of(link) in said and "耕地 → 阔叶林" in said
    maps.content()


def test_the_account_leads_down_by_a_click_on_the_map(maps: Reader) -> None:
    page = maps.go("/en/account")
    if page.locator("#drill").count() == 0:
        pytest.skip("this account has no figure to compare places by")
    page.locator("svg.map a[data-code='R1']").first.click()
    page.wait_for_url("**/en/account?*place=R1*")
    page.locator("nav.crumbs a").first.click()
    page.wait_for_url(lambda url: "place=" not in url)
    maps.content()
