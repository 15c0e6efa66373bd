"""Registers over HTTP: each step allowed or refused as declared, what the public does not see, files of evidence, import, deadlines."""

from __future__ import annotations

import io
import itertools
import time
import zipfile
from hashlib import sha256
from typing import Any

import pytest
from fastapi.testclient import TestClient
from openpyxl import Workbook

from qingshan.faces.api.exchange.visiting import COOKIE
from qingshan.faces.api.registers import create_registers_api
from qingshan.registers import importing
from qingshan.registers.declaration import registers

from .counter import DAY, SHA, Counter

FACILITY = {"name": "某磷化工厂", "credit_code": "C1", "management": "重点管理", "place": "520123", "cod": "12.5", "contact": "李四",
            "site": {"type": "Point", "coordinates": [106.65, 26.64]}}  # fmt: skip
CSV = "编号,单位名称,credit_code,management class,所在地,许可量：化学需氧量\nf1,甲厂,C1,重点管理,520123,12.5\nf2,乙厂,C2,简化管理,520123,\n"
KEYS = itertools.count()


class Person(TestClient):
    """A browser of someone at /api/registers."""

    def __init__(self, counter: Counter, actor: str = "") -> None:
        app = counter.__dict__.setdefault("registers_api", create_registers_api(counter.desk))
        super().__init__(app, base_url="http://localhost", client=("127.0.0.1", 5000))
        self.csrf = ""
        if actor:
            token = counter.desk.sessions.begin(actor, "test", time.time())
            self.cookies.set(COOKIE, token)
            session = counter.desk.sessions.find(token, time.time())
            assert session is not None
            self.csrf = session.csrf

    def write(self, method: str, path: str, body: Any = None, *, key: str = "", **more: Any) -> Any:
        headers = {"X-CSRF-Token": self.csrf, "Idempotency-Key": key or f"r{next(KEYS)}"} | more.pop("headers", {})
        return self.request(method, path, headers=headers, **({} if body is None else {"json": body}), **more)

    def step(self, id: str, step: str, version: int, **more: Any) -> Any:
        return self.write("POST", f"/discharge_permit/records/{id}/steps/{step}", {"version": version, **more})


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def entered(counter: Counter, **changed: Any) -> Person:
    clerk = Person(counter, "clerk0")
    assert (
        clerk.write("POST", "/discharge_permit/records", {"id": "f1", "fields": FACILITY | changed}).status_code == 201
    )
    return clerk


def test_a_permit_over_http_from_draft_to_granted(counter: Counter) -> None:
    clerk, registry, regulator = entered(counter), Person(counter, "registry0"), Person(counter, "regulator0")
    changed = clerk.write("PATCH", "/discharge_permit/records/f1", {"version": 1, "fields": {"cod": "13"}})
    assert changed.json()["answer"] == {"register": "discharge_permit", "id": "f1", "version": 2, "state": "draft"}
    assert code(clerk.write("PATCH", "/discharge_permit/records/f1", {"version": 1, "fields": {"cod": "14"}})) == (
        409,
        "stale",
    )
    assert code(clerk.step("f1", "accept", 2, evidence={"application": SHA})) == (403, "forbidden")
    assert code(registry.step("f1", "permit", 2)) == (409, "wrong_state")
    assert code(registry.step("f1", "accept", 2)) == (422, "evidence")
    assert registry.step("f1", "accept", 2, evidence={"application": SHA}).status_code == 201
    assert code(clerk.write("PATCH", "/discharge_permit/records/f1", {"version": 3, "fields": {"cod": "1"}})) == (
        409,
        "not_editable",
    )
    lacking = registry.step("f1", "permit", 3, evidence={"decision": SHA})
    assert {f["field"] for f in lacking.json()["faults"]} == {"permit", "valid_from", "valid_to"}
    fields = {"permit": "N-1", "valid_from": "2024-10-04", "valid_to": "2029-10-03"}
    assert (
        registry.step("f1", "permit", 3, fields=fields, evidence={"decision": SHA}).json()["answer"]["state"]
        == "accepted"
    )
    confirm = "/discharge_permit/records/f1/confirm"
    assert code(registry.write("POST", confirm, {"version": 4})) == (403, "forbidden")
    assert regulator.write("POST", confirm, {"version": 4}).json()["answer"]["state"] == "permitted"
    told = registry.get("/discharge_permit/records/f1").json()
    assert [h["state"] for h in told["history"]] == ["draft", "draft", "accepted", "accepted", "permitted"]
    assert [h["by"] for h in told["history"]] == ["clerk0", "clerk0", "registry0", "registry0", "regulator0"]
    assert told["may"]["steps"] == ["close"] and told["fields"]["cod"] == "13"
    assert told["due"][0]["on"] == "2029-08-04"  # 60 days before 3 October 2029: 3 in October, 30, 27 of August's 31


def test_the_same_key_gets_the_same_answer(counter: Counter) -> None:
    clerk = Person(counter, "clerk0")
    body = {"id": "f1", "fields": FACILITY}
    first = clerk.write("POST", "/discharge_permit/records", body, key="k")
    again = clerk.write("POST", "/discharge_permit/records", body, key="k")
    assert (first.status_code, again.status_code, again.json()["repeated"]) == (201, 200, True)
    assert first.json()["record"] == again.json()["record"]
    assert code(clerk.write("POST", "/discharge_permit/records", body | {"id": "f2"}, key="k")) == (409, "key_reused")
    assert code(clerk.write("POST", "/discharge_permit/records", body)) == (409, "duplicate")
    assert code(clerk.write("POST", "/discharge_permit/records", {"id": "f2", "fields": FACILITY})) == (
        409,
        "not_unique",
    )


def test_the_public_sees_what_is_declared_public_and_reads_are_noted(counter: Counter) -> None:
    entered(counter)
    public, before = Person(counter), counter.desk.reads_log.next
    told = public.get("/discharge_permit/records/f1").json()
    assert told["fields"]["name"] == "某磷化工厂" and "contact" not in told["fields"]
    assert "evidence" not in told and not any("by" in h for h in told["history"])
    assert (
        public.get("/discharge_permit/records", params={"q": "李四"}).json()["items"] == []
    )  # nor is it found by a private field
    assert public.get("/rights_holder/records").json()["items"] == []
    assert public.get("/rights_holder/records/X").status_code == 404
    assert public.get("/actor/records/root").status_code == 404
    assert counter.desk.reads_log.next == before
    assert Person(counter, "clerk0").get("/discharge_permit/records/f1").json()["fields"]["contact"] == "李四"
    assert Person(counter, "traderX").get("/rights_holder/records/X").json()["fields"]["identity"] == "NX"  # his own
    assert Person(counter, "traderX").get("/rights_holder/records/Y").status_code == 404
    noted = {(r.by, r.subject) for r in counter.desk.reads_log.read() if r.what == "record"}
    assert {("clerk0", "discharge_permit/f1"), ("traderX", "rights_holder/X"), ("traderX", "rights_holder/Y")} <= noted


def test_writes_need_a_session_its_token_and_this_site(counter: Counter) -> None:
    body = {"id": "f1", "fields": FACILITY}
    assert code(Person(counter).write("POST", "/discharge_permit/records", body)) == (401, "not_signed_in")
    clerk = Person(counter, "clerk0")
    assert code(clerk.write("POST", "/discharge_permit/records", body, headers={"X-CSRF-Token": "x"})) == (403, "csrf")
    assert code(
        clerk.write("POST", "/discharge_permit/records", body, headers={"Origin": "https://elsewhere.example"})
    ) == (403, "cross_site")
    assert ("discharge_permit", "f1") not in counter.desk.venue.book.records


def test_staff_may_not_hold_through_the_api(counter: Counter) -> None:
    clerk = Person(counter, "clerk0")
    fields = {
        "kind": "单位",
        "name": "某公司",
        "identity": "N9",
        "operators": ["P-registry0"],
        "beneficiaries": ["P-x"],
    }
    told = clerk.write("POST", "/rights_holder/records", {"id": "Z", "fields": fields})
    assert code(told) == (422, "conflict_of_interest")
    assert "第七条、第二十条" in told.json()["detail_zh"] and "登记机构" in told.json()["detail_zh"]


def test_every_fault_is_told_beside_its_field(counter: Counter) -> None:
    clerk = Person(counter, "clerk0")
    wrong = {"name": "", "management": "宽松", "cod": "-1", "place": "520123", "credit_code": "C", "nonsense": "1",
             "site": {"type": "Point", "coordinates": [26.0, 106.0]}}  # fmt: skip
    told = clerk.write("POST", "/discharge_permit/records", {"id": "f1", "fields": wrong})
    assert {f["field"] for f in told.json()["faults"]} == {"name", "management", "cod", "nonsense", "site"}
    assert code(clerk.write("POST", "/discharge_permit/records", {"id": "a b", "fields": FACILITY})) == (422, "id")
    assert code(clerk.write("POST", "/nothing/records", {"id": "a", "fields": {}}))[0] in (404, 405)
    assert code(clerk.step("f9", "accept", 1)) == (404, "unknown_record")
    for path in ("/nothing", "/nothing/records", "/discharge_permit/records/f9"):
        assert clerk.get(path).status_code == 404


def test_a_step_of_a_command_is_not_taken_by_a_form(counter: Counter) -> None:
    land = {"type": "Polygon", "coordinates": [[[106, 26], [106.01, 26], [106.01, 26.01], [106, 26]]]}
    fields = {
        "name": "林",
        "place": "520521",
        "title": "T",
        "methodology": "m",
        "area": "1",
        "from": "2020-01-01",
        "to": "2020-12-31",
        "land": land,
    }
    counter.give("register.create", "clerk0", register="ticket_project", id="p1", fields=fields)
    told = Person(counter, "registry0").write("POST", "/ticket_project/records/p1/steps/issue", {"version": 1})
    assert code(told) == (409, "by_command") and "rights.issue" in told.json()["detail"]


# ---- evidence ---------------------------------------------------------------------------------------------------------


def test_a_file_is_kept_by_its_hash_and_given_to_the_entitled(counter: Counter) -> None:
    entered(counter)
    registry = Person(counter, "registry0")
    octet = {"Content-Type": "application/octet-stream"}
    sha = registry.write("POST", "/files", content=b"application form", headers=octet).json()["sha256"]
    assert sha == sha256(b"application form").hexdigest()
    assert registry.step("f1", "accept", 1, evidence={"application": sha}).status_code == 201
    path = f"/discharge_permit/records/f1/files/{sha}"
    assert registry.get(path).content == b"application form"
    assert registry.get("/discharge_permit/records/f1").json()["evidence"] == [
        {"name": "application", "sha256": sha, "kept": True}
    ]
    assert Person(counter).get(path).status_code == 404
    assert Person(counter, "traderX").get(path).status_code == 404
    other = registry.write("POST", "/files", content=b"of no record", headers=octet).json()["sha256"]
    assert registry.get(f"/discharge_permit/records/f1/files/{other}").status_code == 404
    assert code(registry.write("POST", "/files", content=b"", headers=octet)) == (422, "empty_file")
    assert code(Person(counter).write("POST", "/files", content=b"x", headers=octet)) == (401, "not_signed_in")
    assert code(registry.write("POST", "/files", content=bytes((16 << 20) + 1), headers=octet)) == (
        413,
        "too_large_body",
    )


# ---- import -----------------------------------------------------------------------------------------------------------


def test_a_file_of_rows_is_looked_at_then_entered_once(counter: Counter) -> None:
    clerk = Person(counter, "clerk0")
    media = {"Content-Type": "text/csv"}
    looked = clerk.write("POST", "/discharge_permit/import?check=true", content=CSV.encode(), headers=media)
    assert looked.json() == {"rows": 2, "entered": 0, "record": None, "repeated": False, "findings": []}
    assert ("discharge_permit", "f1") not in counter.desk.venue.book.records
    done = clerk.write("POST", "/discharge_permit/import", content=CSV.encode(), headers=media)
    assert (done.status_code, done.json()["entered"]) == (201, 2)
    again = clerk.write("POST", "/discharge_permit/import", content=CSV.encode(), headers=media)
    assert (again.status_code, again.json()["repeated"], again.json()["record"]) == (200, True, done.json()["record"])
    book, out = Workbook(), io.BytesIO()
    for line in CSV.replace("f1", "f3").replace("f2", "f4").replace("C1", "C3").splitlines():
        book.active.append(line.split(","))
    book.save(out)
    xlsx = {"Content-Type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
    told = clerk.write("POST", "/discharge_permit/import", content=out.getvalue(), headers=xlsx).json()
    assert told["entered"] == 0  # C2 is there: neither row is entered
    assert [(f["row"], f["field"]) for f in told["findings"]] == [(3, "id")] and "f2" in told["findings"][0]["en"]
    assert ("discharge_permit", "f3") not in counter.desk.venue.book.records


def test_a_file_that_cannot_be_taken(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    clerk, media = Person(counter, "clerk0"), {"Content-Type": "text/csv"}
    xlsx = {"Content-Type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}

    def refused(content: bytes, headers: dict[str, str], who: Person = clerk) -> tuple[int, str]:
        return code(who.write("POST", "/discharge_permit/import", content=content, headers=headers))

    bad = CSV + "f3,,C3,随意,520123,x\n"
    found = clerk.write("POST", "/discharge_permit/import", content=bad.encode(), headers=media).json()
    assert {(f["row"], f["field"]) for f in found["findings"]} == {(4, "name"), (4, "management"), (4, "cod")}
    assert refused("编号".encode("gbk"), media)[0] == 422
    assert refused("编号,颜色\nf1,红\n".encode(), media)[0] == 422
    assert refused(b"not a workbook", xlsx)[0] == 422
    assert refused(b"x", {"Content-Type": "image/png"}) == (422, "content_type")
    assert refused(CSV.encode(), media, Person(counter, "traderX")) == (403, "forbidden")
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("xl/workbook.xml", bytes(3_000_000))
    monkeypatch.setattr(importing, "UNPACKED", 1_000_000)
    assert refused(bomb.getvalue(), xlsx)[0] == 422
    assert not any(register == "discharge_permit" for register, _ in counter.desk.venue.book.records)


# ---- days -------------------------------------------------------------------------------------------------------------


def test_what_is_overdue_is_told_everywhere(counter: Counter) -> None:
    """Accepted on Friday 4 October 2024 under key management: 30 working days. By the notice of 2024 (7 October off, 12 October worked) 8 to 12 October
    are 5 days, 14-18 (10), 21-25 (15), 28 October - 1 November (20), 4-8 (25), 11-15 November (30). The venue's calendar has 8 October off as well:
    one working day later is Monday 18 November."""
    (counter.folder / "calendar.csv").write_text(
        "date,kind,source,status\n2024-10-07,holiday,made up,project\n2024-10-08,holiday,made up,project\n2024-10-12,workday,made up,project\n",
        encoding="utf-8",
    )
    entered(counter)
    Person(counter, "registry0").step("f1", "accept", 1, evidence={"application": SHA})
    public = Person(counter)
    assert public.get("/due").json()["items"][0]["on"] == "2024-11-15"
    from qingshan.registers.calendar import read_calendar  # noqa: PLC0415 - beside its only use

    counter.desk.calendar = read_calendar(counter.folder / "calendar.csv")
    (row,) = public.get("/due").json()["items"]
    assert (row["on"], row["overdue"], row["clause"]) == ("2024-11-18", False, "国务院令第736号 第十二条")
    counter.now += 46 * DAY  # 19 November
    assert public.get("/due", params={"late": True}).json()["items"][0]["id"] == "f1"
    assert [r["id"] for r in public.get("/discharge_permit/records", params={"overdue": True}).json()["items"]] == [
        "f1"
    ]
    found = [f for f in counter.desk.nightly() or [] if f.code == "overdue"]
    assert [(f.field, f.zh) for f in found] == [
        ("f1", "f1：重点管理审批期限已于 2024-11-18 到期 (国务院令第736号 第十二条)。")
    ]
    shapes = public.get("/discharge_permit/records.geojson").json()["features"]
    assert [(f["properties"]["code"], f["properties"]["overdue"], f["geometry"]["coordinates"]) for f in shapes] == [
        ("f1", True, [106.65, 26.64])
    ]


def test_the_description_follows_the_declarations(counter: Counter) -> None:
    told = Person(counter).get("/openapi.json").json()
    for register in registers().values():
        body = told["paths"][f"/{register.id}/records"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert set(body["properties"]["fields"]["properties"]) == set(register.field_by_id)
        steps = told["paths"][f"/{register.id}/records/{{id}}/steps/{{step}}"]["post"]["description"]
        assert all(f"`{t.id}`" in steps for t in register.transitions)
    assert "t/a" in str(told["paths"]["/discharge_permit/records"]["post"])
