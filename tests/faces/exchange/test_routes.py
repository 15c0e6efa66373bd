"""Who may act, and for which account, is asked on every way in: form, one order or many over HTTP, command line, files of rows."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from qingshan.faces.api.app import create_app
from qingshan.faces.api.exchange.visiting import COOKIE
from qingshan.faces.cli import main
from qingshan.ledger.book import Refused
from qingshan.registers.engine import FaultyFields
from qingshan.rights.commands import commands, read_body
from qingshan.zone.zone import Zone, open_zone

from .counter import YUAN, Counter, T
from .test_exchange_api import filled

AT = "2024-10-04T10:00:00+08:00"
N = itertools.count()
Sends = Callable[["Ways", str, str, dict[str, str]], str]
CSV = "编号,单位名称,credit_code,management class,所在地,许可量：化学需氧量\nf1,甲厂,C1,重点管理,520123,12.5\n"


class Ways:
    """A counter with the ways in; each answers with the code of the refusal, or `done`."""

    def __init__(self, counter: Counter, zone: Zone, capsys: pytest.CaptureFixture[str]) -> None:
        self.counter, self.zone, self.capsys = counter, zone, capsys
        self._app: tuple[Any, Any] = (None, None)

    def journal(self) -> bytes:
        return (self.counter.folder / "journal").read_bytes()

    def reader(self, by: str) -> tuple[TestClient, dict[str, str]]:
        desk = self.counter.desk
        if self._app[0] is not desk:
            self._app = desk, create_app(self.zone, {}, desk=desk)
        reader = TestClient(
            self._app[1], base_url="http://localhost", client=("127.0.0.1", 5000), follow_redirects=False
        )
        if by:
            reader.cookies.set(COOKIE, desk.sessions.begin(by, "test", time.time()))
        csrf = reader.get("/api/exchange/me").json()["csrf"] if by else ""
        return reader, {"X-CSRF-Token": csrf, "Idempotency-Key": f"w{next(N)}"}

    def shell(self, *words: str) -> str:
        """The command line opens the venue itself: it is closed meanwhile."""
        self.counter.desk.close()
        try:
            exit = main([*words, "--json"])
        finally:
            self.counter.reopen()
        told = json.loads(self.capsys.readouterr().out)
        return "done" if exit == 0 else str(told["error"]["code"])


SAID = {
    "不是账户 X 的操作人": "not_operator",
    "无权进行此操作": "forbidden",
    "请先登录": "not_signed_in",
    "没有这个操作": "unknown_command",
}
STATUS = {"not_operator": 403, "forbidden": 403, "not_signed_in": 401, "unknown_command": 404}


def of_page(answer: Any) -> str:
    """A page tells a refusal by its sentence, with the status that the API gives it."""
    if answer.status_code == 303:
        return "done"
    found = {code for sentence, code in SAID.items() if sentence in answer.text}
    return (
        found.pop()
        if len(found) == 1 and {answer.status_code} == {STATUS[c] for c in found}
        else f"{answer.status_code} {found}"
    )


def by_form(ways: Ways, command: str, by: str, body: dict[str, str]) -> str:
    reader, headers = ways.reader(by)
    form = body | {"csrf": headers["X-CSRF-Token"], "key": headers["Idempotency-Key"], "back": "/zh/exchange"}
    return of_page(reader.post(f"/zh/exchange/act/{command}", data=form))


def by_http(ways: Ways, command: str, by: str, body: dict[str, str]) -> str:
    reader, headers = ways.reader(by)
    answer = reader.post(f"/api/exchange/{command.replace('.', '/')}", json=body, headers=headers)
    return "done" if answer.status_code == 201 else str(answer.json()["code"])


def by_http_in_a_batch(ways: Ways, command: str, by: str, body: dict[str, str]) -> str:
    reader, headers = ways.reader(by)
    answer = reader.post("/api/exchange/market/orders", json={"orders": [body]}, headers=headers)
    told = answer.json()["items"][0] if answer.status_code == 200 else answer.json()
    return str(told.get("code", "done"))


def by_verb(ways: Ways, command: str, by: str, body: dict[str, str]) -> str:
    given = [w for k, v in body.items() if k not in ("id",) for w in (f"--{k}", v)]
    return ways.shell(
        "exchange", "order", str(ways.counter.folder), body["id"], *given, "--by", by or "nobody", "--at", AT
    )


def by_verb_for_any_command(ways: Ways, command: str, by: str, body: dict[str, str]) -> str:
    path = ways.counter.folder / "body.json"
    path.write_text(json.dumps(read_body(commands()[command], body)), encoding="utf-8")
    words = ("exchange", "post", str(ways.counter.folder), command, "--body", str(path))
    return ways.shell(*words, "--by", by or "nobody", "--at", AT)


@pytest.fixture(scope="module")
def zone() -> Zone:
    return open_zone("guizhou")


@pytest.fixture
def ways(counter: Counter, zone: Zone, capsys: pytest.CaptureFixture[str]) -> Ways:
    return Ways(counter, zone, capsys)


ROUTES = (by_form, by_http, by_http_in_a_batch, by_verb, by_verb_for_any_command)


@pytest.mark.parametrize("route", ROUTES, ids=lambda r: r.__name__)
def test_an_order_is_its_own_operators_on_every_way_in(ways: Ways, route: Sends) -> None:
    """The trader of X for X, and nobody else: not the public, not a stranger, another role of X, the trader of Y, staff, one who is suspended."""
    order = {"id": "o1", "asset": ways.counter.asset, "account": "X", "side": "sell", "price": "50", "quantity": "1"}
    before = ways.journal()
    refusals = {by: route(ways, "market.order", by, order) for by in ("approverX", "traderY", "exchange0", "root")}
    assert refusals == {
        "approverX": "forbidden",
        "traderY": "not_operator",
        "exchange0": "forbidden",
        "root": "forbidden",
    }
    in_the_shell = route in (by_verb, by_verb_for_any_command)  # there one is who one says, and has to be entered
    assert route(ways, "market.order", "", order) == ("forbidden" if in_the_shell else "not_signed_in")
    assert ways.journal() == before
    assert route(ways, "market.order", "traderX", order) == "done" and ways.journal() != before
    ways.counter.give("register.act", "root", register="actor", id="traderX", version=1, step="suspend")
    before = ways.journal()
    refused = route(ways, "market.order", "traderX", order | {"id": "o2"})
    assert refused == ("forbidden" if in_the_shell else "not_signed_in") and ways.journal() == before


def test_each_order_of_a_batch_is_asked_by_itself(ways: Ways) -> None:
    reader, headers = ways.reader("traderX")
    one = {"asset": ways.counter.asset, "side": "sell", "price": "50", "quantity": "1"}
    orders = [one | {"id": f"b{n}", "account": account} for n, account in enumerate("XYX")]
    items = reader.post("/api/exchange/market/orders", json={"orders": orders}, headers=headers).json()["items"]
    assert [i.get("code", "done") for i in items] == ["done", "not_operator", "done"]


def test_a_compiled_session_is_opened_by_no_face(ways: Ways) -> None:
    """Its batches are gathered by the operator on the machine: no form and no address takes one, from nobody."""
    before, named = ways.journal(), ("market.session_open", "market.session_post", "market.session_close")
    for command, by in itertools.product(named, ("traderX", "exchange0")):
        for route, told in ((by_form, "unknown_command"), (by_http, "not_found")):
            assert route(ways, command, by, {"asset": ways.counter.asset}) == told
    shell = ("exchange", "post", str(ways.counter.folder), named[0], "--body", body_of(ways), "--at", AT)
    assert [ways.shell(*shell, "--by", by) for by in ("traderX", "root")] == ["forbidden", "forbidden"]
    assert ways.journal() == before


def body_of(ways: Ways) -> str:
    path = ways.counter.folder / "body.json"
    path.write_text(json.dumps({"asset": ways.counter.asset, "accounts": ["X"]}), encoding="utf-8")
    return str(path)


def import_by_form(ways: Ways, by: str, path: Path) -> str:
    reader, headers = ways.reader(by)
    form = {"csrf": (None, headers["X-CSRF-Token"]), "rows": (path.name, path.read_bytes())}
    answer = reader.post("/zh/registers/discharge_permit/import", files=form)
    return "done" if answer.status_code == 200 else of_page(answer)


def import_by_http(ways: Ways, by: str, path: Path) -> str:
    reader, headers = ways.reader(by)
    answer = reader.post(
        "/api/registers/discharge_permit/import",
        content=path.read_bytes(),
        headers=headers | {"content-type": "text/csv"},
    )
    return "done" if answer.status_code == 201 else str(answer.json()["code"])


def import_by_verb(ways: Ways, by: str, path: Path) -> str:
    return ways.shell(
        "exchange",
        "import",
        str(ways.counter.folder),
        "discharge_permit",
        str(path),
        "--by",
        by or "nobody",
        "--at",
        AT,
    )


@pytest.mark.parametrize("route", [import_by_form, import_by_http, import_by_verb], ids=lambda r: r.__name__)
def test_rows_are_imported_by_those_who_enter_records(
    ways: Ways, route: Callable[[Ways, str, Path], str], tmp_path: Path
) -> None:
    path, before = tmp_path / "rows.csv", ways.journal()
    path.write_text(CSV, encoding="utf-8")
    assert route(ways, "", path) == ("forbidden" if route is import_by_verb else "not_signed_in")
    assert {route(ways, by, path) for by in ("traderX", "regulator0", "exchange0")} == {"forbidden"}
    assert ways.journal() == before
    assert route(ways, "clerk0", path) == "done" and ways.journal() != before


def test_every_command_for_an_account_is_its_operators(counter: Counter) -> None:
    """Whatever a trader or an approver may give in the name of X is refused to those of Z; what is reached by its number is that of its owner."""
    counter.holder("Z")
    counter.give(
        "market.order", "traderX", id="s1", asset=counter.asset, account="X", side="sell", price=50 * YUAN, quantity=T
    )
    pledge = {"id": "p1", "account": "X", "asset": counter.asset, "quantity": 100 * T, "creditor": "Y"}
    counter.both("rights.pledge", "traderX", "approverX", **pledge)
    by_number = {"market.cancel": {"id": "s1"}, "market.replace": {"id": "s1", "quantity": "1"}, "rights.release": {"id": "p1"},
                 "market.block": {"quantity": "100000", "price": "50"}}  # fmt: skip
    whole_market = {"auction.bid", "auction.retract"}  # asked for beside their auction: tests/rights/test_auction.py
    open_to_all = {
        "rights.file",
        "water.deal",
    }  # a file is nobody's account; a deal of water: tests/rights/test_auction.py
    told, before = {}, counter.desk.venue.next
    for kind, row in commands().items():
        for role in {"trader", "approver"} & set(row.by) if kind not in whole_market | open_to_all else ():
            named = {f.name: "X" if f.name in row.accounts else "Y" for f in row.fields if f.kind == "account"}
            named |= {f.name: counter.asset for f in row.fields if f.kind == "asset"}
            if kind == "market.block":
                named |= {"seller": "X", "buyer": "Y"}
            body = filled(row) | named | by_number.get(kind, {})
            try:
                counter.give(kind, f"{role}Z", **read_body(row, body))
                told[kind, role] = "taken"
            except (Refused, FaultyFields) as error:
                told[kind, role] = error.code
    assert len({kind for kind, _ in told}) >= 12 and set(told.values()) == {"not_operator"}, told
    assert counter.desk.venue.next == before
