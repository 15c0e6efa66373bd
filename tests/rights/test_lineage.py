"""From a unit to the readings, and back from a wrong reading to the lots. market.md section 14, M10."""

from __future__ import annotations

from pathlib import Path

import pytest

from qingshan.core.canonical import digest
from qingshan.ledger.verify import verify_journal
from qingshan.registers.declaration import registers
from qingshan.rights.auction import auction_handlers
from qingshan.rights.lineage import dependents, lineage, lineage_handlers, public_summary
from qingshan.rights.matching import close_price
from qingshan.rights.registry import CASH
from qingshan.rights.session import session_handlers

from .hall import SHA, YUAN, Hall, T, rules_of
from .test_market import refused

LAND = {
    "type": "Polygon",
    "coordinates": [[[106.0, 26.0], [106.01, 26.0], [106.01, 26.01], [106.0, 26.01], [106.0, 26.0]]],
}
FILES = {
    n: f"{k:064x}"
    for k, n in enumerate(("calibration", "readings", "plots", "monitoring", "report", "corrected"), start=1)
}


class Office(Hall):
    """A hall with a ticket project of X that stands on declared files."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, rules_of("price_time"))
        self.venue.handlers |= lineage_handlers()
        self.declare("calibration", "calibration")
        self.declare("readings", "readings", "calibration")
        self.declare("plots", "plots", "readings")
        self.declare("monitoring", "monitoring_report", "plots")
        self.declare("report", "verification_report", "monitoring")

    def declare(self, name: str, kind: str, *sources: str) -> None:
        self.send(
            "rights.file", "clerk7", sha256=FILES[name], kind=kind, name=name, sources=[FILES[s] for s in sources]
        )

    def project(self, id: str = "p1", verified: str = "1000", until: str = "issued") -> str:
        fields = {"name": "某村集体林", "holder": "X", "place": "520521", "title": "T-1", "methodology": "bijie", "land": LAND, "area": "110.5",
                  "from": "2020-01-01", "to": "2022-12-31", "plots": FILES["plots"], "claimed": "1000"}  # fmt: skip
        self.send("register.create", "clerk7", register="ticket_project", id=id, fields=fields)

        def act(step: str, by: str, **more: object) -> None:
            version = self.venue.book.records["ticket_project", id].version
            self.send("register.act", by, register="ticket_project", id=id, version=version, step=step, **more)

        act("publish", "registry0", evidence={"monitoring_report": FILES["monitoring"]})
        act("take_up", "verifier5")
        act("verify", "verifier5", fields={"verified": verified}, evidence={"verification_report": FILES["report"]})
        version = self.venue.book.records["ticket_project", id].version
        self.send("register.confirm", "verifier6", register="ticket_project", id=id, version=version)
        asset = self.instrument("ticket", "forest", id, "2020-01-01", "2032-01-01")
        if until == "issued":
            self.issued(id)
        return asset

    def issued(self, id: str = "p1", lot: str = "T1") -> None:
        """1,000 t for X on the project."""
        asset = f"ticket:forest:{id}:permit:2020-01-01/2032-01-01"
        self.issue(lot, "X", 1000 * T, asset, project=id, evidence=FILES["report"])


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_m10_from_a_unit_to_the_calibration(office: Office) -> None:
    office.project()
    graph = lineage(office.venue, "T1", 123_456_789)
    assert set(graph.files()) == {FILES[n] for n in ("calibration", "readings", "plots", "monitoring", "report")}
    assert graph.undeclared == []
    (record,) = graph.of("record")
    assert (record.content["register"], record.content["id"], record.content["state"]) == (
        "ticket_project",
        "p1",
        "issued",
    )
    (land,) = graph.of("land")
    assert (land.content["from"], land.content["to"]) == ("2020-01-01", "2022-12-31")
    kept = office.venue.book.records["ticket_project", "p1"].content["fields"]["land"]
    assert land.content["geometry"] == digest(kept)
    for node in graph.nodes.values():  # each is named by its content
        assert node.hash == digest([node.kind, node.content, node.sources])
        assert all(s in graph.nodes for s in node.sources)
    assert graph.nodes[graph.root].content == {"lot": "T1", "unit": "123456789"}
    assert verify_journal((office.venue.folder / "journal").read_bytes()).sound


def test_the_public_sees_hashes_not_holders(office: Office) -> None:
    office.project()
    told = public_summary(office.venue, registers(), "T1")
    assert told["source"]["fields"]["name"] == "某村集体林"
    assert told["issued"] == str(1000 * T)
    assert len(told["files"]) == 5
    assert "holder" not in told["source"]["fields"] and "land" not in told["source"]["fields"]


def test_a_file_stands_on_declared_files_once(office: Office) -> None:
    refused("duplicate", office.declare, "plots", "plots")
    body = {"sha256": FILES["corrected"], "kind": "plots", "name": "x"}
    refused("unknown_source", office.send, "rights.file", "clerk7", **body, sources=["ff" * 32])
    refused("sources", office.send, "rights.file", "clerk7", **body, sources=[FILES["plots"]] * 2)
    refused("kind", office.send, "rights.file", "clerk7", **body | {"kind": "picture"})
    refused("sha256", office.send, "rights.file", "clerk7", **body | {"sha256": "AB" * 32})
    refused("forbidden", office.send, "rights.file", "bank3", **body)
    refused("unknown_range", lineage, office.venue, "L1", 500 * T)
    assert lineage(office.venue, "L1", 0).undeclared == [SHA]


def test_a_corrected_reading_puts_the_lot_under_review(office: Office) -> None:
    """1,000 t: 100 sold, 200 in an open order, 50 pledged, 650 free. 850 are set aside, 50 were, 100 are claimed."""
    asset = office.project()
    office.open_market(20 * YUAN, asset)
    office.money("Y", 10_000)

    def order(id: str, account: str, side: str, tonnes: int) -> None:
        office.send(
            "market.order",
            f"trader{account}",
            id=id,
            asset=asset,
            account=account,
            side=side,
            price=20 * YUAN,
            quantity=tonnes * T,
        )

    order("s1", "X", "sell", 300)
    order("b1", "Y", "buy", 100)
    office.send("rights.pledge", "approverX", id="p", account="X", asset=asset, quantity=50 * T, creditor="Z")
    assert dependents(office.venue.book, FILES["readings"]) == ["T1"]
    body = {"sha256": FILES["readings"], "corrected": FILES["corrected"], "because": "更正读数"}
    refused("forbidden", office.send, "rights.correct", "traderX", **body)
    told = office.send("rights.correct", "regulator4", **body).answer["lots"]
    assert told == [{"lot": "T1", "held": str(850 * T), "held_before": str(50 * T), "claim": str(100 * T)}]
    book = office.venue.book
    assert book.lots["T1"].status == "under_review"
    assert book.balance("X", asset).available == 0
    assert book.records["order", "s1"].state == "cancelled"
    assert book.balance("Y", asset).available == 100 * T  # what was sold in good faith stays free
    assert lineage(office.venue, "T1", 0).nodes
    assert public_summary(office.venue, registers(), "T1")["corrected"] == [FILES["readings"]]
    refused("too_few_units", order, "s2", "X", "sell", 1)
    refused("unknown_file", office.send, "rights.correct", "regulator4", **body)
    assert verify_journal((office.venue.folder / "journal").read_bytes()).sound


def test_one_order_of_two_lots_and_an_auction(office: Office) -> None:
    """L1 and L2 stand on one report: the order of 600 t of both is given back once, the auction of 50 t ends, Y's bid is free again."""
    office.venue.handlers |= auction_handlers(office.rules)
    office.issue("L2", "X", 200 * T)
    office.money("Y", 10_000)
    office.send("auction.apply", "approverX", id="a", asset=office.asset, account="X", selling=True, quantity=50 * T, reserve=50 * YUAN,
                pricing="uniform", opens=office.at + 1, closes=office.at + 2)  # fmt: skip
    office.order("s", "X", "sell", 50, 600)
    office.send("auction.admit", "exchange2", id="a")
    office.at += 1
    office.send("auction.bid", "traderY", auction="a", id="b", account="Y", price=50 * YUAN, quantity=10 * T)
    office.send("rights.file", "clerk7", sha256=SHA, kind="verification_report", name="r")
    told = office.send("rights.correct", "verifier5", sha256=SHA, corrected="ef" * 32, because="更正").answer["lots"]
    assert [(x["lot"], x["held"], x["claim"]) for x in told] == [("L1", str(500 * T), "0"), ("L2", str(200 * T), "0")]
    book = office.venue.book
    assert book.balance("X", office.asset).available == 0
    assert book.balance("Y", CASH).held == 0
    assert (book.records["auction", "a"].state, book.records["auction_bid", "b"].state) == ("failed", "lost")
    assert verify_journal((office.venue.folder / "journal").read_bytes()).sound


def test_a_compiled_day_must_be_closed_first(office: Office) -> None:
    office.venue.handlers |= session_handlers()
    office.send("market.session_open", "exchange2", asset=office.asset, accounts=["X"])
    refused("session", office.send, "rights.review", "regulator4", lot="L1", because="复核")


def test_any_register_may_be_what_a_lot_stands_on(office: Office) -> None:
    fields = {"name": "某厂", "credit_code": "9152", "management": "重点管理", "place": "520123", "cod": "12.5"}
    office.send("register.create", "clerk7", register="discharge_permit", id="f1", fields=fields)
    refused("unknown_record", office.issue, "P1", "Y", 10 * T, register="discharge_permit", record="f2")
    office.issue("P1", "Y", 10 * T, register="discharge_permit", record="f1")
    assert [n.content["id"] for n in lineage(office.venue, "P1", 0).of("record")] == ["f1"]
    told = office.send("rights.review", "regulator4", lot="P1", because="复核").answer
    assert (told["held"], told["claim"]) == (str(10 * T), "0")
    refused("under_review", office.send, "rights.review", "regulator4", lot="P1", because="复核")


def test_converted_units_stand_on_what_was_burnt(office: Office) -> None:
    office.declare("corrected", "document")
    office.issue("P1", "Y", 10 * T)
    other = office.instrument("pollution", "COD", "qingshui")
    body = {
        "account": "X",
        "burn": office.asset,
        "mint": other,
        "lot": "C1",
        "rules": "r1",
        "evidence": FILES["corrected"],
    }
    office.send("rights.convert", "registry0", **body, burn_quantity=30 * T, ratio=2)
    assert {n.content["lot"] for n in lineage(office.venue, "C1", 0).of("lot")} == {"C1", "L1"}
    assert dependents(office.venue.book, SHA) == ["L1", "P1", "C1"]


def test_m10_printed_prices() -> None:
    """Sanming: 247,800 yuan for 16,500 t are 15.018 yuan/t."""
    mean = close_price(247_800 * YUAN, 16_500, 0, 1)
    assert mean / YUAN == pytest.approx(15.018, abs=0.001)
