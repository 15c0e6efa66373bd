"""Two people trade with each other in two browsers: the book of each moves by the feed, holdings and orders follow, a second person confirms."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn

from qingshan.faces.api.app import STATIC, create_app
from qingshan.zone.zone import open_zone

sys.path.insert(0, str(Path(__file__).parents[1] / "faces"))
from exchange.counter import Counter, T

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Counter, str]]:
    """A synthetic venue beside the pages of Guizhou."""
    if not (STATIC / "dist" / "manifest.json").exists():
        pytest.skip("the browser files are not built: npm ci && npm run build in web/")
    counter = Counter(tmp_path_factory.mktemp("venue") / "v", synthetic=True)
    app = create_app(open_zone("guizhou"), {}, desk=counter.desk)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="websockets-sansio"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.05)
    yield counter, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)
    counter.desk.close()


@pytest.fixture
def person(browser: sync_api.Browser, hall: tuple[Counter, str]) -> Iterator[Callable[..., sync_api.Page]]:
    """Opens the exchange in a browser of someone's own; a fault of a script or a refused policy fails the test."""
    contexts, faults = [], list[str]()

    def open_(actor: str, lang: str = "zh") -> sync_api.Page:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda e: faults.append(str(e)))
        page.on("console", lambda m: faults.append(m.text) if "Content Security Policy" in m.text else None)
        answer = context.request.post(
            f"{hall[1]}/api/exchange/sign-in/demo", form={"actor": actor, "next": f"/{lang}/exchange"}, max_redirects=0
        )
        assert answer.status == 303
        page.goto(f"{hall[1]}/{lang}/exchange")
        page.wait_for_selector("[data-feed]:not(:empty)")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert faults == []


def order(page: sync_api.Page, side: str, price: str, quantity: str, picks: str = "") -> None:
    page.locator(f"label[for=side-{side}]").click()
    page.fill("#price", price)
    page.fill("#quantity", quantity)
    page.fill("#picks", picks)
    page.locator("[data-submit]").click()
    page.wait_for_load_state()


def test_two_browsers_trade_with_each_other(hall: tuple[Counter, str], person: Callable[..., sync_api.Page]) -> None:
    counter, _ = hall
    x, y = person("traderX"), person("traderY", "en")
    order(x, "sell", "50.5", "30")
    assert "已办成" in x.locator("[role=status]").first.inner_text()
    y.wait_for_selector("tbody[data-side=sell] b:text('50.50')")  # without loading the page again
    assert y.locator("tbody[data-side=sell] .q span").inner_text() == "30"
    quote = next(
        id
        for (register, id), r in counter.desk.venue.book.records.items()
        if register == "order" and r.state.startswith("open")
    )
    y.fill("#price", "50.5")
    y.fill("#quantity", "12")
    assert y.locator("[data-submit]").inner_text() == "Buy 12 for at most 606.00 yuan"  # the button says the act
    order(y, "buy", "50.5", "12", quote)
    assert y.locator("#holdings").inner_text().startswith("My holdings: 12 t")
    assert "[0, 12)" in y.locator("section[aria-labelledby=holdings]").inner_text()
    x.wait_for_selector("tbody[data-side=sell] .q span:text-is('18')")
    x.wait_for_selector("[data-last]:text-is('50.50')")
    x.wait_for_selector("#holdings:has-text('488')")  # his own part of the page is fetched again after the trade
    x.wait_for_selector("table.prints :text-is('50.50')")
    assert counter.desk.venue.book.balance("Y", counter.asset).value == 12 * T
    x.locator("section[aria-labelledby=orders] button").first.click()
    x.wait_for_load_state()
    sync_api.expect(y.locator("tbody[data-side=sell] tr")).to_have_count(0)


def test_a_refused_order_keeps_what_was_typed(person: Callable[..., sync_api.Page]) -> None:
    x = person("traderX")
    order(x, "sell", "60", "7")
    x.wait_for_selector("[role=alert]:has-text('价格 60 元超出 45–55 元')")  # the band of 10 % around 50 yuan, in yuan
    assert (x.input_value("#price"), x.input_value("#quantity"), x.locator("#side-sell").is_checked()) == (
        "60",
        "7",
        True,
    )
    order(x, "sell", "50", "7")
    assert "已办成" in x.locator("[role=status]").first.inner_text()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_on_a_phone_rows_are_cards(hall: tuple[Counter, str], person: Callable[..., sync_api.Page], lang: str) -> None:
    """No table is pushed sideways, and each value still says which column it is of."""
    x = person("traderX", lang)
    x.set_viewport_size({"width": 390, "height": 844})
    for path in ("exchange", "exchange/statement?account=X", "exchange/public", "exchange/operator"):
        x.goto(f"{hall[1]}/{lang}/{path}")
        pushed = "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.ariaLabel)"
        assert x.evaluate(pushed) == [], path
        assert x.evaluate("document.documentElement.scrollWidth") == 390, path
    x.goto(f"{hall[1]}/{lang}/exchange")
    cell = x.locator("section[aria-labelledby=holdings] td.n").first
    assert (
        cell.evaluate("e => getComputedStyle(e, '::before').content")
        .strip('"')
        .startswith({"zh": "数量", "en": "Quantity"}[lang])
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_cell_is_hidden_on_a_wide_screen(
    hall: tuple[Counter, str], person: Callable[..., sync_api.Page], scheme: str
) -> None:
    """Each row has as many cells as its table has columns, on a dark ground too."""
    x = person("regulator0")
    x.emulate_media(color_scheme=scheme)
    for path in (
        "exchange/regulator",
        "exchange/operator",
        "exchange/public",
        "registers",
        "registers/rights_holder/record/X",
    ):
        x.goto(f"{hall[1]}/zh/{path}")
        x.wait_for_selector("h1")
        hidden = "[...document.querySelectorAll('td, th')].filter(e => getComputedStyle(e).display === 'none').map(e => e.innerText)"
        assert x.locator("td").count() > 0 and x.evaluate(hidden) == [], path


def test_a_second_person_confirms_in_another_browser(
    hall: tuple[Counter, str], person: Callable[..., sync_api.Page]
) -> None:
    counter, address = hall
    trader, approver = person("traderX"), person("approverX")
    trader.goto(f"{address}/zh/exchange/act/rights.retire?asset={counter.asset}")
    trader.select_option("#f-asset", counter.asset)
    trader.fill("#f-quantity", "5")
    trader.fill("#f-reason", "会议碳中和")
    trader.locator(".declared button").click()
    trader.wait_for_selector("text=待另一人复核")
    assert trader.locator("section[aria-labelledby=waiting] .button.sure").count() == 0  # not his own
    approver.reload()
    approver.locator("section[aria-labelledby=waiting] .button.sure").click()
    approver.wait_for_selector(".what:has-text('会议碳中和')")  # what is confirmed is told where it is confirmed
    approver.locator(".declared button").click()
    approver.wait_for_selector("text=已办成")
    assert counter.desk.venue.book.balance("retirement", counter.asset).value == 5 * T


def test_the_book_comes_back_after_the_feed_was_cut(person: Callable[..., sync_api.Page]) -> None:
    y, x = person("traderY"), person("traderX")
    before = y.locator(".market").get_attribute("data-number") or ""
    y.context.set_offline(True)
    order(x, "sell", "51", "3")
    y.context.set_offline(False)
    sync_api.expect(y.locator(".market")).not_to_have_attribute("data-number", before, timeout=30_000)
    y.wait_for_selector("tbody[data-side=sell] b:text('51.00')")
