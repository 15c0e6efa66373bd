"""The pages of registers in a browser: axe finds nothing, a record is entered by its form, the map comes alive, phones show every table."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from qingshan.faces.api.app import STATIC, create_app
from qingshan.zone.zone import open_zone

sys.path.insert(0, str(Path(__file__).parents[1] / "faces"))
from exchange.counter import Counter

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.browser
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']})
  .then(r => r.violations.map(v => v.id + ' ' + v.nodes[0].html))"""
FIELDS = {"name": "某厂", "credit_code": "C1", "management": "重点管理", "place": "520123", "cod": "12.5",
          "site": {"type": "Point", "coordinates": ["106.65", "26.64"]}}  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not (STATIC / "dist" / "manifest.json").exists():
        pytest.skip("the browser files are not built: npm ci && npm run build in web/")
    counter = Counter(tmp_path_factory.mktemp("venue") / "v", synthetic=True)
    counter.give("register.create", "clerk0", register="discharge_permit", id="f1", fields=FIELDS)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(open_zone("guizhou"), {}, desk=counter.desk), port=0, log_level="warning", ws="websockets-sansio"
        )
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)
    counter.desk.close()


@pytest.fixture
def clerk(browser: sync_api.Browser, served: str) -> Iterator[sync_api.Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(15_000)
    context.request.post(f"{served}/api/exchange/sign-in/demo", form={"actor": "clerk0", "next": "/"}, max_redirects=0)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda e: faults.append(str(e)))
    yield page
    context.close()
    assert faults == []


@pytest.mark.parametrize("path", ["/zh/registers", "/en/registers/discharge_permit", "/zh/registers/discharge_permit/record/f1",
                                  "/en/registers/discharge_permit/new", "/zh/registers/discharge_permit/import", "/zh/exchange/obligations"])  # fmt: skip
def test_axe_finds_nothing(clerk: sync_api.Page, served: str, path: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: npm ci in web/")
    for width in (1440, 390):
        clerk.set_viewport_size({"width": width, "height": 900})
        clerk.goto(served + path)
        clerk.evaluate(AXE.read_text(encoding="utf-8"))
        found = clerk.evaluate(
            "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']}).then(r => r.violations.map(v => v.id + ' ' + v.nodes[0].html))"
        )
        assert found == [], (width, found)
        assert clerk.evaluate("document.documentElement.scrollWidth") <= width


def test_a_record_by_its_form_and_on_the_map(clerk: sync_api.Page, served: str) -> None:
    clerk.goto(f"{served}/zh/registers/discharge_permit/new")
    clerk.fill("#f-id", "f2")
    for name, value in (("name", "乙厂"), ("credit_code", "C2"), ("cod", "-1")):
        clerk.fill(f"#f-{name}", value)
    clerk.select_option("#f-management", "简化管理")
    clerk.select_option("#f-place", "520123")
    clerk.click(".filing button.sure")
    clerk.wait_for_selector("#w-cod")
    assert clerk.input_value("#f-name") == "乙厂"
    clerk.fill("#f-cod", "3")
    clerk.click(".filing button.sure")
    clerk.wait_for_url("**/record/f2?done=*")
    clerk.goto(f"{served}/zh/registers/discharge_permit")
    clerk.click("[data-map-open]")
    clerk.wait_for_selector("[data-live=ready]")
    clerk.set_viewport_size({"width": 390, "height": 844})
    clerk.goto(f"{served}/zh/registers/discharge_permit/record/f2")
    assert clerk.locator("section[aria-labelledby=history] table").is_visible()
