"""The pages of an exchange: what each shows to whom, what it does not, forms made from commands, and the synthetic exchange."""

from __future__ import annotations

import re
import time
from datetime import date
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from qingshan.faces.access.desk import Desk, Visitor
from qingshan.faces.api.app import create_app
from qingshan.faces.api.exchange.visiting import COOKIE
from qingshan.ledger.venue import Venue
from qingshan.ledger.verify import verify_journal
from qingshan.rights.demo import demo_rules, keep_open, make_demo
from qingshan.rights.exchange import exchange_handlers
from qingshan.rights.surveillance import anomalies
from qingshan.zone.zone import Zone, open_zone

from .counter import DAY, YUAN, Counter, T


@pytest.fixture(scope="module")
def zone() -> Zone:
    return open_zone("guizhou")


class Reader(TestClient):
    def __init__(self, counter: Counter, zone: Zone, actor: str = "") -> None:
        super().__init__(
            create_app(zone, {}, desk=counter.desk),
            base_url="http://localhost",
            client=("127.0.0.1", 5000),
            follow_redirects=False,
        )
        if actor:
            self.cookies.set(COOKIE, counter.desk.sessions.begin(actor, "test", time.time()))

    def form(self, page: str, command: str) -> dict[str, str]:
        """The hidden fields of the form of a command."""
        text = self.get(page).text
        inner = re.search(rf'action="/zh/exchange/act/{re.escape(command)}"(.*?)</form>', text, re.S)
        assert inner, text[:500]
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', inner[1]))


PAGES = ("/exchange", "/exchange/public", "/exchange/operator", "/exchange/regulator")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_public_sees_no_one(counter: Counter, zone: Zone, lang: str) -> None:
    counter.give(
        "market.order",
        "traderX",
        id="s1",
        asset=counter.asset,
        account="X",
        side="sell",
        price=50 * YUAN,
        quantity=5 * T,
    )
    before, public = counter.desk.reads_log.next, Reader(counter, zone)
    for page in PAGES:
        for ending in ("", ".json", ".csv"):
            answer = public.get(f"/{lang}{page}{ending}", headers={"accept": "text/html"})
            assert answer.status_code in (200, 404), (page, ending, answer.text[:300])
            for word in ("traderX", "X 公司", "NX", "s1<", "P-traderX"):
                assert word not in answer.text, (page, ending, word)
    for path in ("statement?account=X", "statement", "lineage?lot=L1&unit=0&account=X"):
        told = public.get(f"/{lang}/exchange/{path}", headers={"accept": "text/html"})
        assert told.status_code == 401 and f'<a class="button" href="/{lang}/exchange">' in told.text, path
    assert counter.desk.reads_log.next == before


def test_a_participant_sees_his_own_and_it_is_noted(counter: Counter, zone: Zone) -> None:
    x = Reader(counter, zone, "traderX")
    page = x.get("/zh/exchange")
    assert "我的持仓：500" in page.text and page.headers["cache-control"] == "no-store"
    other = (
        Reader(counter, zone, "traderY").get("/zh/exchange?account=X").text
    )  # an account that is not his is passed over
    assert "我的持仓：0" in other and "L1" not in other
    assert {(r.by, r.what) for r in counter.desk.reads_log.read()} >= {("traderX", "account"), ("traderX", "orders")}
    assert "L1" in x.get("/zh/exchange/lineage?lot=L1&unit=0").text
    assert "500" in x.get("/en/exchange/statement?day=2024-10-04").text
    barred = Reader(counter, zone, "traderY").get("/zh/exchange/statement?account=X", headers={"accept": "text/html"})
    assert barred.status_code == 403 and '<a href="/zh/exchange">回到交易</a>' in barred.text  # and it leads back


def test_staff_pages_are_for_those_declared(counter: Counter, zone: Zone) -> None:
    counter.owe()
    counter.both(
        "rights.surrender",
        "traderX",
        "approverX",
        account="X",
        asset=counter.asset,
        quantity=3 * T,
        obligation="X:2024",
    )
    seen = Reader(counter, zone, "regulator0").get("/zh/exchange/regulator").text
    assert "X:2024" in seen and "查阅记录" in seen
    record = "/zh/registers/obligation/record/X%3A2024"
    for figure in ("100", "3", "0", "97"):  # owed, surrendered, offsets, missing: each led to the obligation's record
        assert re.search(rf'<td class="n"[^>]*><a href="{record}[^"]*">{figure}</a>', seen)
    for who in ("traderX", "exchange0", "bank0"):
        assert "X:2024" not in Reader(counter, zone, who).get("/zh/exchange/regulator").text
    assert "收市" in Reader(counter, zone, "exchange0").get("/zh/exchange/operator").text


def test_a_form_is_sent_once_and_keeps_what_was_typed(counter: Counter, zone: Zone) -> None:
    x = Reader(counter, zone, "traderX")
    hidden = x.form("/zh/exchange", "market.order")
    order = hidden | {"side": "sell", "price": "50", "quantity": "5", "kind": "limit"}
    url = "/zh/exchange/act/market.order"
    first, again = x.post(url, data=order), x.post(url, data=order)
    assert first.status_code == again.status_code == 303 and first.headers["location"] == again.headers["location"]
    assert len([k for k in counter.desk.venue.book.records if k[0] == "order"]) == 1
    wrong = x.post(
        url, data=x.form("/zh/exchange", "market.order") | {"side": "sell", "price": "50.001", "quantity": "7"}
    )
    assert wrong.status_code == 422 and 'value="50.001"' in wrong.text and 'value="7"' in wrong.text
    assert x.post(url, data=order | {"csrf": "x", "key": "other"}).status_code == 403
    assert x.post(url, data=order | {"key": "other"}, headers={"Origin": "https://evil.example"}).status_code == 403
    assert x.post("/zh/exchange/act/rights.gift", data=hidden).status_code == 404
    assert x.post("/zh/place/520000", data={}).status_code == 405
    away = x.form("/zh/exchange", "market.order") | {
        "back": "//evil.example",
        "side": "sell",
        "price": "50",
        "quantity": "1",
    }
    assert x.post(url, data=away).headers["location"].startswith("/zh/exchange?")


def test_m15_what_a_new_project_has_to_buy(counter: Counter, zone: Zone) -> None:
    """M15: 10,000 tce x 0.3 x 0.9 / 0.6 = 4,500 tce, labelled by its source; a factor of 0.2 is refused, nothing typed is lost."""
    public, ask = Reader(counter, zone), "/zh/exchange/obligations?new_energy=10000&intensity=0.9&mean=0.6&factor="
    told = public.get(ask + "0.3").text
    assert "须购用能权 4,500 吨标准煤" in told and "河南" in told and "转引" in told and "待补" in told
    refused = public.get(ask + "0.2").text
    assert "0.3 至 1" in refused and 'value="0.2"' in refused and "4,500" not in refused
    assert "须为" in public.get(ask + "x").text or "不是" in public.get(ask + "x").text


def test_what_a_shortfall_costs_in_every_window(counter: Counter, zone: Zone) -> None:
    """100 t at 50 yuan in the deadline's month and in the 30 days before: 10 t short cost 5 x 10 x 50 = 2,500 to 5,000 yuan. No single figure."""
    counter.give(
        "market.order",
        "traderX",
        id="s1",
        asset=counter.asset,
        account="X",
        side="sell",
        price=50 * YUAN,
        quantity=100 * T,
    )
    counter.give(
        "market.order",
        "traderY",
        id="b1",
        asset=counter.asset,
        account="Y",
        side="buy",
        price=50 * YUAN,
        quantity=100 * T,
        picks=["s1"],
    )
    said = (
        Reader(counter, zone)
        .get("/en/exchange/regulator", params={"asset": counter.asset, "missing": "10", "deadline": "2024-10-31"})
        .text
    )
    assert said.count("2,500.00") == said.count("5,000.00") == 4  # two spans, all trades and listed
    assert (
        "no trades"
        in Reader(counter, zone)
        .get("/en/exchange/regulator", params={"asset": counter.asset, "missing": "1", "deadline": "2023-01-31"})
        .text
    )


def test_anomalies_are_facts_of_the_journal(counter: Counter) -> None:
    order = {"asset": counter.asset, "quantity": 10 * T}
    counter.give("market.order", "traderX", id="s1", account="X", side="sell", price=55 * YUAN, **order)
    counter.give("market.order", "traderY", id="b1", account="Y", side="buy", price=55 * YUAN, picks=["s1"], **order)
    found = anomalies(counter.desk.venue.journal.read(), counter.desk.rules, date(2024, 10, 1), date(2024, 10, 31))
    assert [(a.kind, a.price, a.trades) for a in found] == [("band_edge", 55 * YUAN, ("b1/0",))]  # 50 and 10 %


@pytest.mark.long
def test_the_synthetic_exchange(tmp_path: Path, zone: Zone) -> None:
    make_demo(tmp_path / "demo", "demo", date(2026, 11, 28), "520100")
    verdict = verify_journal((tmp_path / "demo" / "journal").read_bytes())
    assert verdict.sound and verdict.records > 500
    now = 1_795_833_000_000_000  # 2026-11-28 in China
    desk = Desk(tmp_path / "demo", rules=demo_rules(), synthetic=True, clock=lambda: now)
    for command in keep_open(desk.venue, now):
        desk.writer.submit(command)
    assert keep_open(desk.venue, now) == []
    for strip in desk.tape.strips.values():
        assert strip.state == "open"
        assert [sum(orders for _, orders in strip.levels[side].values()) for side in ("sell", "buy")] == [5, 5]
    public = TestClient(create_app(zone, {}, desk=desk))
    page = public.get("/zh/exchange").text
    assert "示意" in page and "编造" in page and "禁发" in page
    proofs = re.findall(
        r'href="(/api/exchange/proofs/inclusion\?record=\d+&amp;day=[\d-]+)" title',
        public.get("/zh/exchange/public").text,
    )
    assert proofs and public.get(proofs[0].replace("&amp;", "&")).status_code == 200
    public.cookies.set(COOKIE, desk.sessions.begin("trader-0419", "test", time.time()))
    where = "exchange/lineage?lot=BG-001&unit=8000"
    tree, english = (public.get(f"/{lang}/{where}").text for lang in ("zh", "en"))
    named = re.findall(r'<span class="kind">([^<]+)</span>', tree)
    assert named[:7] == ["序号", "批次", "项目登记", "地块", "核查报告", "监测报告", "案卷"]
    assert {"样地数据", "原始读数", "校准记录"} <= set(named[7:])
    assert (
        "追到 12 块样地、6 个文件" in tree
        and "8,000，在 [0, 8,200) 吨 CO₂ 之内" in tree
        and "样地 12 块，实测 24 次" in tree
    )
    assert tree.index('<th scope="row">P02</th>') < tree.index('<th scope="row">P10</th>') and "8000000000" not in tree
    assert "/zh/registers/ticket_project/record/baiguo" in tree and "proofs/inclusion?record=" in tree
    assert "down to 12 plots and 6 files" in english and "opening" in english and "8,200 t CO₂" in english
    assert public.get(f"/zh/{where.replace('lineage?', 'lineage.csv?')}").text.count("样地实测") == 24
    _carry_over_by_day(desk, public)
    desk.close()


def _carry_over_by_day(desk: Desk, public: TestClient) -> None:
    """The first edition has no multiple: the page names what is absent and from when it is there. The second has made-up figures."""
    public.cookies.set(COOKIE, desk.sessions.begin("regulator", "test", time.time()))
    row = re.compile(r"<dt>(?:可结转|Carry-over)</dt><dd>(.*?)</dd>")

    def told(lang: str) -> list[str]:
        return [
            re.sub(r"<[^>]+>", "", r).strip() for r in row.findall(public.get(f"/{lang}/exchange/obligations").text)
        ]

    assert told("zh") and all("没有“结转倍数”一条，自 2026-11-29 起施行的版本有" in r for r in told("zh"))
    assert all("has no rule “carry-over multiple”; the edition in force from 2026-11-29 has" in r for r in told("en"))
    desk.clock = lambda: 1_796_005_800_000_000  # 2026-11-30
    assert told("zh") and all(re.fullmatch(r"[\d,.]+ 吨", r) for r in told("zh"))


def test_the_cash_flows_of_a_pool(counter: Counter, zone: Zone) -> None:
    """100 t pledged, sold in 2 equal parts at 50 yuan: 2,500 a period. A is owed 3,000 at 1 %, B the rest at 0: period 1 pays A 30 + 2,470;
    period 2 pays A 5.30 + 530 and B 1,000 with 964.70 left over. At half the price A gets 1,250 twice and is short."""
    counter.both(
        "rights.pledge",
        "traderX",
        "approverX",
        id="p1",
        account="X",
        asset=counter.asset,
        quantity=100 * T,
        creditor="Y",
    )
    parts = (("A", 3_000, 100, "X"), ("B", 1_000, 0, "Y"))
    tranches = [
        {"id": id, "principal": yuan * YUAN, "rate": rate, "holders": [[holder, 1]]} for id, yuan, rate, holder in parts
    ]
    counter.give("pool.found", "registry0", id="pool1", trustee="Y", pledges=["p1"], tranches=tranches)
    counter.give(
        "market.order", "traderX", id="s1", asset=counter.asset, account="X", side="sell", price=50 * YUAN, quantity=T
    )
    counter.give(
        "market.order",
        "traderY",
        id="b1",
        asset=counter.asset,
        account="Y",
        side="buy",
        price=50 * YUAN,
        quantity=T,
        picks=["s1"],
    )
    bank = Reader(counter, zone, "bank0")
    query = "id=pool1&periods=2&price=50&yield=100&default=0"
    rows = bank.get(f"/en/exchange/pool.csv?{query}").text.splitlines()
    paid = [row.split(",") for row in rows if ",A," in row or ",B," in row]
    told = [(r[0], r[1], r[3], r[4], r[5], r[6], r[7]) for r in paid]
    assert told[:4] == [("base", "01", "A", "30", "2470", "0", "530"), ("base", "01", "B", "0", "0", "0", "1000"),
                        ("base", "02", "A", "5.3", "530", "0", "0"), ("base", "02", "B", "0", "1000", "964.7", "0")]  # fmt: skip
    assert told[4][3:] == ("30", "1220", "0", "1780")
    page = bank.get(f"/en/exchange/pool?{query}").text
    assert "everything is repaid" in page and "still outstanding" in page and page.count('class="flows few"') == 2
    for who, status in (("traderX", 403), ("exchange0", 403), ("", 401)):
        assert Reader(counter, zone, who).get(f"/en/exchange/pool?{query}").status_code == status
    assert bank.get("/en/exchange/pool?id=none").status_code == 404
    assert "1 to 20" in bank.get("/en/exchange/pool?id=pool1&periods=99").text


def test_a_finding_leads_to_its_events(counter: Counter, zone: Zone) -> None:
    order = {"asset": counter.asset, "quantity": 10 * T}
    counter.give("market.order", "traderX", id="s1", account="X", side="sell", price=55 * YUAN, **order)
    counter.give("market.order", "traderY", id="b1", account="Y", side="buy", price=55 * YUAN, picks=["s1"], **order)
    record = counter.desk.venue.next - 1
    regulator = Reader(counter, zone, "regulator0")
    page = regulator.get("/en/exchange/regulator").text
    assert (
        "traded at the edge of the price band" in page
        and "11 surveillance rules, 2 not run" in page
        and "not run" in page
    )
    (href,) = set(re.findall(r'href="(/en/exchange/regulator/finding/[0-9a-f]+)"', page))
    told = regulator.get(href).text
    assert "b1/0" in told and f">{record}<" in told and "X → Y" in told
    assert regulator.get("/en/exchange/regulator/finding/0").status_code == 404
    assert Reader(counter, zone, "traderX").get(href).status_code == 403


def test_a_freeze_is_lifted_before_the_next_day_s_first_command(counter: Counter, zone: Zone) -> None:
    """Frozen until the 4th; on the 5th the holder's whole 500 t can be given away, and every record replays the same."""
    counter.both(
        "rights.freeze",
        "regulator0",
        "registry0",
        id="f1",
        account="X",
        asset=counter.asset,
        quantity=80 * T,
        order="〔1〕",
        until="2024-10-04",
    )
    desk = counter.desk
    assert desk.lapse() is None
    counter.now += DAY
    body = {"account": "X", "asset": counter.asset, "quantity": "500", "reason": "公益"}
    desk.submit(Visitor("traderX"), "rights.retire", body, "k1")
    assert desk.venue.book.balance("X", counter.asset).held == 0
    desk.close()
    again = Venue(counter.folder, "counter", exchange_handlers(desk.rules), check=True)
    assert "f1" not in again.book.holds
    again.close()
    counter.desk = Desk(counter.folder)


def test_the_operator_sees_sessions_auctions_freezes_and_dated_rules(counter: Counter, zone: Zone) -> None:
    common = {"account": "X", "asset": counter.asset, "quantity": 80 * T}
    counter.both("rights.freeze", "regulator0", "registry0", id="f1", order="〔1〕", until="2024-10-09", **common)
    times = {"opens": counter.now + DAY, "closes": counter.now + DAY + 3_600_000_000}
    terms = {"selling": True, "reserve": 50 * YUAN, "pricing": "uniform", "minimum": T, "cap": 80 * T}
    counter.give("auction.apply", "approverX", id="J1", **common, **times, **terms)
    counter.both(
        "rights.pledge", "traderX", "approverX", id="p77", account="X", asset=counter.asset, quantity=T, creditor="Y"
    )
    page = Reader(counter, zone, "exchange0").get("/zh/exchange/operator").text
    assert "p77" not in page  # a pledge is between its holder, its creditor and the registry
    assert "09:30–11:30" in page and "2021-06-22 起" in page  # sessions, and since when the rules are in force
    assert "J1" in page and "统一价 10-05 10:00 – 10-05 11:00" in page
    assert "f1" in page and "〔1〕" in page and "2024-10-09" in page
    assert "您的角色不能查阅" not in page and "fine_multiples" not in page and "listed_pick<" not in page


class Counted(dict[object, object]):
    """A dictionary that counts what is gone through in it."""

    gone = 0

    def __iter__(self):  # type: ignore[no-untyped-def]
        for key in super().__iter__():
            Counted.gone += 1
            yield key

    def items(self):  # type: ignore[no-untyped-def, override]
        for item in super().items():
            Counted.gone += 1
            yield item


def test_no_page_goes_through_the_journal(counter: Counter, zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page, for each who may see most of it: no record of the journal is read, and no more records of the book are gone through after
    two hundred more events."""
    asset, read = counter.asset, []
    monkeypatch.setattr(counter.desk.venue.journal, "read", lambda start=0: read.append(start) or iter(()))
    people = {who: Reader(counter, zone, who) for who in ("", "traderX", "exchange0", "regulator0", "registry0")}
    pages = ("/exchange", "/exchange/public", "/exchange/operator", "/exchange/regulator", "/exchange/statement?account=X&day=2024-10-04",
             "/exchange/lineage?lot=L1&unit=0&account=X", "/exchange/pool", "/exchange/obligations",
             "/exchange/regulator?missing=1&deadline=2024-10-31&asset=" + asset)  # fmt: skip

    def cost() -> int:
        counter.desk.venue.book.records = Counted(counter.desk.venue.book.records)  # type: ignore[assignment]
        Counted.gone = 0
        for reader in people.values():
            for page in pages:
                assert reader.get("/zh" + page, headers={"accept": "text/html"}).status_code in (200, 401, 403), page
        return Counted.gone

    before = cost()
    for n in range(100):
        body = {"asset": asset, "account": "X", "side": "sell", "price": 50 * YUAN, "quantity": T}
        counter.give("market.order", "traderX", id=f"n{n}", **body)
        counter.give("market.cancel", "traderX", asset=asset, id=f"n{n}")
    assert cost() == before
    assert read == []


def test_blocks_are_agreed_on_their_tab(counter: Counter, zone: Zone) -> None:
    """Two people of each side: the offer waits, is proposed, the other side accepts on its own tab, and the public sees price and quantity."""
    counter.both(
        "rights.issue",
        "registry0",
        "registry1",
        lot="L2",
        asset=counter.asset,
        quantity=200_000 * T,
        account="X",
        evidence="ab" * 32,
    )
    counter.give("rights.cash_in", "bank0", account="Y", money=20_000_000 * YUAN, statement="s2")
    x, y = Reader(counter, zone, "traderX"), Reader(counter, zone, "traderY")
    form = x.form("/zh/exchange?way=block", "market.block") | {
        "seller": "X",
        "buyer": "Y",
        "price": "50",
        "quantity": "100000",
    }
    sent = x.post("/zh/exchange/act/market.block", data=form)
    assert sent.status_code == 303 and "way=block" in sent.headers["location"] and "waits=" in sent.headers["location"]
    (proposal,) = counter.desk.venue.book.standing("proposal", "waiting")
    counter.give("eyes.confirm", "approverX", id=proposal.id)
    assert "待我方答复 0 笔" in x.get("/zh/exchange?way=block").text
    shown = y.get("/zh/exchange?way=block").text
    assert "待我方答复 1 笔" in shown and "X → Y" in shown
    inner = re.findall(r'action="/zh/exchange/act/market.block"(.*?)</form>', shown, re.S)[0]
    terms = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', inner))
    assert y.post("/zh/exchange/act/market.block", data=terms).status_code == 303
    (proposal,) = counter.desk.venue.book.standing("proposal", "waiting")
    counter.give("eyes.confirm", "approverY", id=proposal.id)
    public = Reader(counter, zone).get("/zh/exchange?way=block").text
    assert "100,000" in public and "X → Y" not in public and "50.00" in public


def test_an_auction_shows_its_terms_its_own_bids_and_in_the_end_its_price(counter: Counter, zone: Zone) -> None:
    """X offers 100 t from 50 yuan; Y bids 60 t at 55: sold 60 at 55. The public never sees who, nor a bid before the end."""
    hour, asset = DAY // 24, counter.asset
    body = {
        "id": "a1",
        "asset": asset,
        "account": "X",
        "selling": True,
        "quantity": 100 * T,
        "reserve": 50 * YUAN,
        "pricing": "uniform",
    }
    counter.give("auction.apply", "approverX", **body, opens=counter.now + hour, closes=counter.now + 2 * hour)
    public, y = Reader(counter, zone), Reader(counter, zone, "traderY")
    assert (
        "a1" not in public.get("/zh/exchange?way=auction").text
        and "待公告" in Reader(counter, zone, "traderX").get("/zh/exchange?way=auction").text
    )
    counter.give("auction.admit", "exchange0", id="a1")
    seen = public.get("/zh/exchange?way=auction").text
    assert "即将开始" in seen and "01:00:00" in seen and 'data-until="2024-10-04T11:00:00+08:00"' in seen
    counter.now += hour
    form = y.form("/zh/exchange?way=auction", "auction.bid") | {
        "auction": "a1",
        "account": "Y",
        "price": "55",
        "quantity": "60",
    }
    assert y.post("/zh/exchange/act/auction.bid", data=form).status_code == 303
    assert "我的应价 1 笔" in y.get("/zh/exchange?way=auction").text
    seen = public.get("/zh/exchange?way=auction").text
    assert "进行中" in seen and "55.00" not in seen and ">X<" not in seen
    counter.now += hour
    counter.give("auction.close", "exchange0", id="a1")
    seen = public.get("/en/exchange?way=auction").text
    assert "60 @ 55.00" in seen and "settled" in seen
    assert "中标" in y.get("/zh/exchange?way=auction").text


def test_names_of_areas_and_registry_units(counter: Counter, zone: Zone) -> None:
    body = {
        "scheme": "pollution",
        "subtype": "COD",
        "area": "wujiang",
        "source": "permit",
        "from": "2024-01-01",
        "to": "2027-01-01",
    }
    public = Reader(counter, zone)
    assert "排污权 COD wujiang" in public.get("/zh/exchange").text
    counter.give(
        "rights.instrument", "registry0", **body, rules="national_like", area_zh="乌江", area_en="Wujiang river"
    )
    assert (
        "排污权 COD 乌江 2024–2026" in public.get("/zh/exchange").text
        and "COD Wujiang river 2024–2026" in public.get("/en/exchange").text
    )
    counter.both(
        "rights.retire", "traderX", "approverX", account="X", asset=counter.asset, quantity=20 * T, reason="会议碳中和"
    )
    counter.owe()
    counter.both(
        "rights.surrender",
        "traderX",
        "approverX",
        account="X",
        asset=counter.asset,
        quantity=30 * T,
        obligation="X:2024",
    )
    page = public.get("/zh/exchange/public").text
    assert "会议碳中和" in page and "[0, 20)" in page and "X:2024" not in page
    rows = counter.client().get("/units").json()["items"]
    told = [
        (r["unitBlockStart"], r["unitBlockEnd"], r["unitCount"], r["unitStatus"], r["unitStatusReason"]) for r in rows
    ]
    assert told == [
        ("", "", "450", "Held", ""),
        ("0", "20", "20", "Retired", "会议碳中和"),
        ("20", "50", "30", "Retired", "compliance"),
    ]
    assert "unitBlockStart" in public.get("/zh/exchange/public.csv?table=units").text


def test_a_record_past_its_working_days_is_on_the_regulator_page(counter: Counter, zone: Zone) -> None:
    """Accepted on Monday 2026-09-28: 20 working days after it are 29, 30 September, 8, 9, 10 (worked Saturday), 12–16, 19–23 and 26–30 October."""
    counter.now = day_at(date(2026, 9, 28))
    record = {"register": "discharge_permit", "id": "f1"}
    fields = {"name": "某厂", "credit_code": "C1", "management": "简化管理", "place": "520123"}
    counter.give("register.create", "clerk0", fields=fields, **record)
    evidence = {"application": "ab" * 32}
    counter.give("register.act", "registry0", version=1, step="accept", evidence=evidence, **record)
    regulator = Reader(counter, zone, "regulator0")
    counter.now = day_at(date(2026, 10, 30))
    assert "decision under simplified management" not in regulator.get("/en/exchange/regulator").text
    counter.now = day_at(date(2026, 10, 31))
    page = regulator.get("/en/exchange/regulator").text
    assert "decision under simplified management" in page and "2026-10-30" in page and "no day" not in page


def day_at(day: date) -> int:
    """Ten in the morning there, in microseconds."""
    return (day - date(1970, 1, 1)).days * DAY + 2 * 3_600_000_000
