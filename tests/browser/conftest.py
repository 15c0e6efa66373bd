"""A served Guizhou and a Chromium, both of this machine; skipped with a reason where there is none."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from reader import Reader

from qingshan.accounts.run import run_account
from qingshan.faces.api.app import STATIC, create_app
from qingshan.zone.zone import open_zone

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


def _chromium() -> str:
    named = os.environ.get("QINGSHAN_CHROMIUM", "")
    return named or next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), "")


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The pages on a free port of the loopback."""
    if not (STATIC / "dist" / "manifest.json").exists():
        pytest.skip("the browser files are not built: npm ci && npm run build in web/")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QINGSHAN_HOME", str(tmp_path_factory.mktemp("home")))
        zone = open_zone("guizhou")
        run = run_account(zone)
        server = uvicorn.Server(
            uvicorn.Config(create_app(zone, {run.profile.id: run}), host="127.0.0.1", port=0, log_level="warning")
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture(scope="session")
def browser() -> Iterator[sync_api.Browser]:
    path = _chromium()
    if not path:
        pytest.skip("no Chromium on this machine")
    with sync_api.sync_playwright() as play:
        chromium = play.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def reader(browser: sync_api.Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Reader]:
    """`@pytest.mark.parametrize("reader", [{...}], indirect=True)` passes options of the browser's context."""
    options = {"viewport": {"width": 1440, "height": 900}} | getattr(request, "param", {})
    context = browser.new_context(**options)
    context.set_default_timeout(15_000)
    yield Reader(context.new_page(), address)
    context.close()
