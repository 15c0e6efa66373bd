"""The exchange over HTTP: commands, keys, problems, paging, bounds, what is private and what was noted. market.md section 10."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qingshan.faces.access.desk import Desk
from qingshan.ledger.journal import LockedJournal
from qingshan.ledger.signing import ENVIRONMENT, new_key, proof_holds, publish_root
from qingshan.ledger.verify import verify_journal
from qingshan.registers.actors import roles
from qingshan.rights.commands import commands

from .counter import Counter


def told(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert (said["code"], said["status"]) == (code, status)
    assert said["detail"] and said["detail_zh"]
    return dict(said)


def test_two_people_trade(counter: Counter) -> None:
    x, y = counter.client("traderX"), counter.client("traderY")
    assert x.order("s1", "sell", "50.00", "30").status_code == 201
    book = counter.client().get("/market", params={"asset": counter.asset}).json()
    assert book["levels"] == [["sell", "50", "30", 1]]
    bought = y.order("b1", "buy", "50.00", "12.0", picks=["s1"], kind="ioc")
    assert bought.json()["answer"]["filled"] == "12000000"
    mine = y.get("/account", params={"account": "Y"}).json()
    assert mine["ranges"][0] | {"free_on": "2024-10-05"} == {
        "asset": counter.asset, "lot": "L1", "start": "0", "end": "12", "quantity": "12", "free_on": "2024-10-05", "held": ""}  # fmt: skip
    assert {b["asset"]: b["available"] for b in mine["balances"]}["cash:CNY"] == "99400"
    statement = x.get("/statement", params={"account": "X", "day": "2024-10-04"}).json()
    assert statement["closing"] == {"cash:CNY": "600", counter.asset: "488"}
    assert all(
        not m["other"] for m in statement["movements"] if m["trade"]
    )  # a statement does not name the other side of a trade
    assert verify_journal((counter.folder / "journal").read_bytes()).sound


def test_the_same_key_gets_the_same_answer(counter: Counter) -> None:
    """market.md M17."""
    x = counter.client("traderX")
    body = {"id": "s1", "asset": counter.asset, "account": "X", "side": "sell", "price": "50", "quantity": "5"}
    first, again = x.give("market.order", "k1", **body), x.give("market.order", "k1", **body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json() | {"repeated": True}
    told(x.give("market.order", "k1", **body | {"quantity": "6"}), 409, "key_reused")
    y = counter.client("traderY")  # another actor's keys are his own
    assert y.give("market.order", "k1", **body | {"id": "b1", "account": "Y", "side": "buy"}).status_code == 201
    url, ok = "/market/cancel", {"X-CSRF-Token": x.csrf}
    told(x.post(url, json={"asset": counter.asset, "id": "s1"}, headers=ok), 422, "parameters")
    told(
        x.post(url, json={"asset": counter.asset, "id": "s1"}, headers=ok | {"Idempotency-Key": "k" * 101}),
        422,
        "parameters",
    )


def test_many_orders_in_one_request(counter: Counter) -> None:
    """Decided in order, each by itself; the same request again gets the same answers."""
    x, before = counter.client("traderX"), counter.desk.venue.next
    order = {"asset": counter.asset, "account": "X", "side": "sell", "price": "50", "quantity": "5"}
    orders = [
        order | {"id": "s1"},
        order | {"id": "s2", "price": "70"},
        order | {"id": "s3", "quantity": "-1"},
        order | {"id": "s1"},
        order | {"id": "s4"},
    ]
    head = {"X-CSRF-Token": x.csrf, "Idempotency-Key": "batch"}
    answered = x.post("/market/orders", json={"orders": orders}, headers=head)
    items = answered.json()["items"]
    assert answered.status_code == 200 and counter.desk.venue.next == before + 2
    assert [i.get("code", "") for i in items] == ["", "band", "fields", "duplicate_order", ""]
    assert [i.get("status") for i in items] == [None, 422, 422, 409, None] and items[2]["faults"][0][
        "field"
    ] == "quantity"
    again = x.post("/market/orders", json={"orders": orders}, headers=head).json()["items"]
    assert [i.get("repeated") for i in again] == [True, None, None, None, True] and again[4]["record"] == items[4][
        "record"
    ]
    told(x.post("/market/orders", json={"orders": []}, headers=head), 422, "orders")
    told(x.post("/market/orders", json={"orders": [order] * 101}, headers=head), 422, "orders")
    told(x.post("/market/orders", json={"orders": [order], "more": 1}, headers=head), 422, "orders")
    told(
        counter.client().post("/market/orders", json={"orders": orders}, headers={"Idempotency-Key": "k"}),
        401,
        "not_signed_in",
    )
    y = counter.client("traderY")  # with the form token of another session
    told(y.post("/market/orders", json={"orders": [order | {"id": "t"}]}, headers=head), 403, "csrf")
    assert counter.desk.venue.next == before + 2


def test_bad_input_is_one_clear_problem_and_changes_nothing(counter: Counter) -> None:
    x, before = counter.client("traderX"), counter.desk.venue.next
    order = {"id": "s", "asset": counter.asset, "account": "X", "side": "sell", "price": "50", "quantity": "5"}
    for changed, status, code in (
        ({"price": 50}, 422, "fields"), ({"price": 50.0}, 422, "fields"), ({"quantity": "-5"}, 422, "fields"), ({"quantity": "0"}, 422, "fields"),
        ({"quantity": "9" * 30}, 422, "fields"), ({"price": "50.001"}, 422, "tick"), ({"price": "60"}, 422, "band"), ({"quantity": "0.5"}, 422, "lot"),
        ({"account": "Y"}, 403, "not_operator"), ({"account": "nobody"}, 404, "unknown_account"), ({"asset": "x"}, 404, "unknown_market"),
        ({"quantity": "501"}, 409, "too_few_units"), ({"id": "a:b"}, 422, "id"), ({"id": ""}, 422, "fields"), ({"extra": "1"}, 422, "fields"),
    ):  # fmt: skip
        told(x.give("market.order", **order | changed), status, code)
    headers = {"Idempotency-Key": "k", "X-CSRF-Token": x.csrf, "Content-Type": "application/json"}
    for raw in (b"", b"[]", b"{", b"[" * 50_000, b'{"a":NaN}'):
        assert x.post("/market/order", content=raw, headers=headers).status_code == 422
    told(
        x.post("/market/order", content=b'{"note":"' + b"x" * (1 << 20) + b'"}', headers=headers), 413, "too_large_body"
    )
    told(
        x.post(
            "/market/order", content=b"id=1", headers=headers | {"Content-Type": "application/x-www-form-urlencoded"}
        ),
        422,
        "content_type",
    )
    told(x.get("/nowhere"), 404, "not_found")
    told(x.get("/market/order"), 405, "method")
    assert counter.desk.venue.next == before
    faults = told(x.give("market.order", **order | {"price": "x", "side": "y"}), 422, "fields")["faults"]
    assert {f["field"] for f in faults} == {"price", "side"}


def test_every_role_times_every_write_over_http(counter: Counter) -> None:
    """As declared; tests/rights/test_commands.py holds the declaration to its own transcription."""
    people = {r.id: counter.client(f"only-{r.id}") for r in roles() if counter.actor(f"only-{r.id}", r.id) is None}
    wrong = []
    for kind, row in commands().items():
        if not row.face or {"register", "second"} & set(row.by):
            continue
        body = filled(row)
        told(counter.client().give(kind, **body), 401, "not_signed_in")
        for role, person in people.items():
            code = person.give(kind, **body).json().get("code", "taken")
            if (code == "forbidden") == (role in row.by):
                wrong.append((kind, role, code))
    assert not wrong


def filled(row: Any) -> dict[str, Any]:
    """A body that can be read and names nothing there is: it comes to the check of roles, and no further than the state."""
    samples = {"quantity": "1", "price": "1", "money": "1", "share": "0.1", "whole": 1, "yes_no": True, "day": "2025-01-01", "hash": "cd" * 32,
               "time": "2025-01-01T10:00:00+08:00", "texts": ["none"], "ranges": [["none", "0", "1"]], "weights": [["none", 1]], "object": {}}  # fmt: skip

    def of(f: Any) -> Any:
        if f.kind == "rows":
            return [{g.name: of(g) for g in f.row}]
        return f.choices[0] if f.choices else samples.get(f.kind, "none")

    return {f.name: of(f) for f in row.fields if f.required}


def test_four_eyes_over_http(counter: Counter) -> None:
    counter.owe()
    trader, approver = counter.client("traderX"), counter.client("approverX")
    body = {"account": "X", "asset": counter.asset, "quantity": "10", "obligation": "X:2024"}
    waiting = trader.give("rights.surrender", **body).json()["answer"]
    assert waiting["state"] == "waiting"
    assert [p["id"] for p in approver.get("/proposals").json()["items"]] == [waiting["proposal"]]
    assert counter.client("traderY").get("/proposals").json()["items"] == []
    told(trader.give("eyes.confirm", id=waiting["proposal"]), 403, "forbidden")
    assert approver.give("eyes.confirm", id=waiting["proposal"]).status_code == 201
    assert counter.client("regulator0").get("/compliance").json()["items"] == [
        {"obligation": "X:2024", "surrendered": "10"}
    ]


def test_what_is_private_is_read_by_those_declared_and_noted(counter: Counter) -> None:
    account = {"account": "X"}
    may = {"registry0", "regulator0", "auditor0", "traderX", "approverX"}
    people = {*may, "traderY", "bank0", "exchange0", "clerk0", "root"}
    for who in sorted(people):
        before = counter.desk.reads_log.next
        answer = counter.client(who).get("/account", params=account)
        assert (answer.status_code == 200) == (who in may), who
        assert counter.desk.reads_log.next - before == (who in may)
    told(counter.client().get("/account", params=account), 401, "not_signed_in")
    log = counter.client("auditor0").get("/reads").json()["items"]
    assert {(r["by"], r["what"], r["subject"]) for r in log if r["what"] == "account"} == {
        (who, "account", "X") for who in may
    }
    assert log[-1]["what"] == "reads"  # reading the log is itself in it
    told(counter.client("traderX").get("/reads"), 403, "forbidden")
    for what in ("holds", "conflicts", "compliance"):
        told(counter.client("traderX").get(f"/{what}"), 403, "forbidden")
        told(counter.client("exchange0").get(f"/{what}"), 403, "forbidden")
        assert counter.client("regulator0").get(f"/{what}").status_code == 200


def test_private_fields_of_records(counter: Counter) -> None:
    where = {"register": "rights_holder", "id": "X"}
    assert "identity" in counter.client("registry0").get("/record", params=where).json()["fields"]
    assert counter.client("traderX").get("/record", params=where).json()["fields"]["identity"] == "NX"
    told(
        counter.client("traderY").get("/record", params=where), 404, "unknown_name"
    )  # another participant's identity is not his to read
    told(counter.client().get("/record", params=where), 404, "unknown_name")
    shown = counter.client("exchange0").get("/record", params=where)
    assert shown.json()["fields"] == {"kind": "单位"} and shown.headers["etag"] == '"3"'
    assert [h["version"] for h in shown.json()["history"]] == [1, 2, 3]


def test_the_journal_goes_to_the_auditor_alone(counter: Counter) -> None:
    raw = counter.client("auditor0").get("/journal").content
    assert verify_journal(raw).sound
    for who in ("traderX", "regulator0", "root", "exchange0"):
        told(counter.client(who).get("/journal"), 403, "forbidden")


def test_nobody_is_named_in_public(counter: Counter) -> None:
    x = counter.client("traderX")
    x.order("s1", "sell", "50", "30")
    public = counter.client()
    query = {"asset": counter.asset}
    said = "".join(
        public.get(url, params=query).text
        for url in ("/markets", "/market", "/messages?after=0", "/trades", "/candles", "/rules")
    )
    said += (
        public.get("/lots").text + public.get("/statistics", params={"first": "2024-10-01", "last": "2024-10-31"}).text
    )
    assert "traderX" not in said and "X 公司" not in said and "s1" not in said and "NX" not in said


def test_pages_of_a_list(counter: Counter) -> None:
    for n in range(7):
        counter.both(
            "rights.issue",
            "registry0",
            "registry1",
            lot=f"M{n}",
            asset=counter.asset,
            quantity=10**6,
            account="X",
            evidence="ab" * 32,
        )
    public, seen, after = counter.client(), [], ""
    while True:
        page = public.get("/lots", params={"limit": 3, "after": after}).json()
        assert len(page["items"]) <= 3
        seen += [x["lot"] for x in page["items"]]
        if "next" not in page:
            break
        after = page["next"]
    assert seen == ["L1", *(f"M{n}" for n in range(7))]
    told(public.get("/lots", params={"limit": 51}), 422, "parameters")
    told(public.get("/markets", params={"limit": 0}), 422, "parameters")


def test_proofs_to_download(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, new_key())
    publish_root(counter.desk.venue, "2024-10-04")
    counter.client("traderX").order("s1", "sell", "50", "30")
    publish_root(counter.desk.venue, "2024-10-05")
    public = counter.client()
    assert [r["day"] for r in public.get("/roots").json()["items"]] == ["2024-10-04", "2024-10-05"]
    proof = public.get("/proofs/inclusion", params={"record": 3, "day": "2024-10-05"})
    assert set(proof.json()) == {"kind", "seq", "leaf", "path", "root"}  # nothing of the record itself is told
    assert not proof_holds(proof.json() | {"leaf": "00" * 32})
    assert proof_holds(proof.json()) and "attachment" in proof.headers["content-disposition"]
    assert proof_holds(public.get("/proofs/consistency", params={"since": "2024-10-04", "day": "2024-10-05"}).json())
    told(public.get("/proofs/inclusion", params={"record": 3, "day": "2020-01-01"}), 404, "unknown_name")
    assert public.get("/proofs/inclusion", params={"record": 10**6, "day": "2024-10-05"}).status_code in (404, 422)


def test_a_second_writer_is_refused(counter: Counter) -> None:
    with pytest.raises(LockedJournal):
        Desk(counter.folder)


def test_a_restart_goes_on(counter: Counter, tmp_path: Path) -> None:
    x = counter.client("traderX")
    first = x.order("s1", "sell", "50", "30")
    picture = x.get("/market", params={"asset": counter.asset}).json()
    counter.desk.close()
    counter.desk = Desk(counter.folder, clock=lambda: counter.now)
    del counter.api  # type: ignore[attr-defined]
    again = counter.client("traderX")
    assert again.get("/market", params={"asset": counter.asset}).json() == picture
    assert first.status_code == 201 and again.order("s1", "sell", "50", "30").status_code == 409


def test_the_nightly_check_finds_staff_who_hold_and_signs_the_day_before(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENVIRONMENT, new_key())
    assert counter.desk.nightly() == []
    assert counter.desk.nightly() is None  # once a day
    assert [p.name for p in (counter.folder / "roots").iterdir()] == ["2024-10-03.json"]
    fields = {"person": "P-traderX", "name": "又任监管", "roles": ["regulator"]}
    counter.give("register.create", "root", register="actor", id="both", fields=fields)
    counter.now += 86_400_000_000
    found = counter.desk.nightly()
    assert found is not None and [(f.code, f.file) for f in found] == [("conflict_of_interest", "X")]
    assert "conflict_of_interest" in (counter.folder / "nightly" / "2024-10-05.json").read_text()
