"""Double issue is refused by the issue itself: market.md section 6 and M10 (plot P 2020-2022, then a CCER claim on P for 2022-2023)."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError
from qingshan.ledger.entry import RegisterEntry
from qingshan.ledger.venue import Command, Decision
from qingshan.registers.declaration import registers
from qingshan.registers.values import as_texts

from .hall import SHA, T
from .test_lineage import FILES, LAND, Office
from .test_market import refused

CLAIM = {
    "scheme": "ccer",
    "number": "CCER-1",
    "name": "某造林项目",
    "land": LAND,
    "from": "2022-01-01",
    "to": "2023-12-31",
    "source": "示意",
}


class Both(Office):
    """The office, with a way to write a record that no rule was asked about: a journal older than the rule."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.venue.handlers["plant"] = self._plant

    def _plant(self, book: Any, command: Command) -> Decision:
        b = command.body
        known = book.records.get((b["register"], b["id"]))
        content = {
            **(known.content if known else {}),
            **({"fields": b["fields"]} if "fields" in b else {}),
            "since": "2024-10-04",
            "by": "x",
        }
        return Decision([RegisterEntry(b["register"], b["id"], known.version + 1 if known else 1, b["state"], content)])

    def plant(self, register: str, id: str, state: str, **more: Any) -> None:
        self.send("plant", "root", register=register, id=id, state=state, **as_texts(more))

    def claim(self, id: str = "c1", **fields: Any) -> Any:
        return self.send("register.create", "registry0", register="outside_claim", id=id, fields=CLAIM | fields)


@pytest.fixture
def office(tmp_path: Path) -> Both:
    return Both(tmp_path)


def test_m10_a_claim_of_another_scheme_after_the_ticket(office: Both) -> None:
    """Refused for 2022 alone, with these days; for 2023 it is entered."""
    office.project()
    told = refused("overlap", office.claim)
    assert "also in ticket_project p1 from 2022-01-01 to 2022-12-31" in told.en
    assert "2022-01-01 至 2022-12-31 也属于登记簿 ticket_project 的 p1" in told.zh
    office.claim(**{"from": "2023-01-01"})
    assert office.venue.book.records["outside_claim", "c1"].state == "claimed"


def test_a_ticket_after_the_claim_of_another_scheme(office: Both) -> None:
    """Already the project is refused; once the other claim is withdrawn as never counted, by two people on a decision, it is entered and issued."""
    office.claim()
    refused("overlap", office.project)
    step = {"register": "outside_claim", "id": "c1"}
    office.send("register.act", "registry0", **step, version=1, step="withdraw", evidence={"decision": SHA})
    office.send("register.confirm", "regulator4", **step, version=2)
    office.project()
    assert office.venue.book.lots["T1"].quantity == 1000 * T


@pytest.mark.parametrize("state", ["claimed", "withdrawn"])
def test_the_issue_asks_again(office: Both, state: str) -> None:
    """A claim that stands in the journal without having been asked about bars the issue while it holds land."""
    office.project(until="verified")
    office.plant("outside_claim", "c1", state, fields=CLAIM)
    if state == "claimed":
        told = refused("overlap", office.issued)
        assert "c1" in told.en and "T1" not in office.venue.book.lots
    else:
        office.issued()


def test_a_lot_holds_its_land_whatever_became_of_its_record(office: Both) -> None:
    office.project()
    office.plant("ticket_project", "p1", "withdrawn")
    office.project("p2", until="verified")
    told = refused("overlap", office.issued, "p2", "T2")
    assert "p1 from 2020-01-01 to 2022-12-31" in told.en
    office.plant("ticket_project", "p1", "verified")
    refused("issued_before", office.issued, "p1", "T2")


def test_any_register_that_counts_land(office: Both) -> None:
    """A right of another kind that names a project as what it stands on: the same refusal. A permit counts no land and backs many lots."""
    office.project()
    body = {"register": "ticket_project", "record": "p1"}
    refused("issued_before", office.issue, "W1", "X", T, **body)
    fields = {"name": "某厂", "credit_code": "9152", "management": "重点管理", "place": "520123", "cod": "12.5"}
    office.send("register.create", "clerk7", register="discharge_permit", id="f1", fields=fields)
    for lot in ("P1", "P2"):
        office.issue(lot, "X", T, register="discharge_permit", record="f1")
        assert office.venue.book.lots[lot].quantity == T


def test_no_way_round_by_conversion(office: Both) -> None:
    """COD cannot become a forest ticket: that would be a ticket without land."""
    ticket = office.instrument("ticket", "forest", "p9", "2020-01-01", "2032-01-01")
    body = {
        "account": "X",
        "burn": office.asset,
        "mint": ticket,
        "lot": "C1",
        "rules": "r1",
        "evidence": FILES["corrected"],
    }
    refused("scheme", office.send, "rights.convert", "registry0", **body, burn_quantity=T, ratio=1)


def test_a_claim_whose_period_is_over_still_counts(office: Both) -> None:
    """Its years are those of the project: refused today, after them; there is no step to close it. Years after it are free."""
    office.claim(**{"from": "2018-01-01", "to": "2020-12-31"})
    assert "c1 from 2020-01-01 to 2020-12-31" in refused("overlap", office.project).en
    assert [(t.id, t.target) for t in registers()["outside_claim"].transitions] == [("withdraw", "withdrawn")]


def _clear(office: Both, step: str, id: str = "p1") -> str:
    """The step by two people; the state then."""
    at = {"register": "ticket_project", "id": id}
    version = office.venue.book.records["ticket_project", id].version
    office.send(
        "register.act", "verifier5", **at, version=version, step=step, evidence={"verification_report": FILES["report"]}
    )
    office.send("register.confirm", "verifier6", **at, version=version + 1)
    return str(office.venue.book.records["ticket_project", id].state)


def test_a_project_under_review_that_was_never_issued_is_not_cleared_to_issued(office: Both) -> None:
    """As a journal older than the rule has it: back to verified, from where it is issued once; then the other way is closed."""
    office.project(until="verified")
    office.plant("ticket_project", "p1", "under_review")
    told = refused("no_lot", _clear, office, "clear")
    assert "no lot was issued on p1" in told.en and "p1 未签发过批次" in told.zh
    assert _clear(office, "clear_unissued") == "verified"
    office.issued()
    office.plant("ticket_project", "p1", "under_review")
    assert "T1 was issued on p1" in refused("issued_before", _clear, office, "clear_unissued").en
    assert _clear(office, "clear") == "issued"


def test_what_was_issued_stays_issued_or_under_review(office: Both) -> None:
    """No step of the register leads from an issued project to a state that frees its land or lets it be issued again."""
    project = registers()["ticket_project"]
    reached, before = {"issued"}, set()
    while reached != before:
        before = set(reached)
        reached |= {t.target for t in project.transitions if set(t.source) & reached and t.lot is not False}
    assert reached == {"issued", "under_review"}


def test_the_schemes_are_those_of_the_claims() -> None:
    """The choices of the register are the schemes of the index of claims, but for the one that is issued here."""
    claims = load_domains().declared("claims")[0][1]
    scheme = registers()["outside_claim"].field_by_id["scheme"]
    assert set(scheme.choices) == set(claims["schemes"]) - {"carbon_ticket"}
    assert len(scheme.choices) == len(scheme.choices_zh) == len(scheme.choices_en)


def test_a_register_that_counts_no_land_cannot_be_named(tmp_path: Path) -> None:
    from qingshan.registers.declaration import Register, _beside  # noqa: PLC0415

    every = registers()
    raw = dict(every["ticket_project"].content)
    text = 'kind = "no_overlap"\nfields = ["land", "from", "to"]\nalso = ["discharge_permit"]\nzh = "一"\nen = "o"\n'
    made = Register.of(raw | {"rule": [tomllib.loads(text)]})
    with pytest.raises(DeclarationError, match="counts no land"):
        _beside(made, every)
