"""Registers on the ledger: the three declared ones lived through, every refusal, the matrix of roles and writes."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from qingshan.core.errors import DeclarationError, MissingParameter, UnknownName
from qingshan.ledger.book import Refused
from qingshan.ledger.verify import verify_journal
from qingshan.registers.actors import roles
from qingshan.registers.calendar import Calendar, day_of, read_calendar
from qingshan.registers.declaration import Register, find_register, registers
from qingshan.registers.engine import FaultyFields, due, history, visible

from .desk import CLAIM, DAY, FACILITY, HOLDER, OBLIGATION, PROJECT, ROLES, SHA, SQUARE, Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def refused(code: str, send: Any, *arguments: Any, **more: Any) -> Refused:
    with pytest.raises(Refused) as told:
        send(*arguments, **more)
    assert told.value.code == code, told.value
    return told.value


def shifted(east: float) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[[x + east, y] for x, y in SQUARE["coordinates"][0]]]}


# ---- lives of records -------------------------------------------------------------------------------------------------


def test_a_permit_from_draft_to_closed(desk: Desk) -> None:
    desk.create("discharge_permit", "f1", "clerk1", **FACILITY)
    desk.send("register.change", "clerk1", register="discharge_permit", id="f1", version=1, fields={"cod": "13"})
    desk.act("discharge_permit", "f1", "accept", "registry1", evidence={"application": SHA})
    dates = {"permit": "N-1", "valid_from": "2024-10-04", "valid_to": "2029-10-03"}
    desk.at += 3 * DAY
    answer = desk.act("discharge_permit", "f1", "permit", "registry1", fields=dates, evidence={"decision": SHA})
    assert answer.answer["state"] == "accepted"  # waits for the regulator
    desk.confirm("discharge_permit", "f1", "regulator1")
    record = desk.record("discharge_permit", "f1")
    assert (record.state, record.version, record.content["since"]) == ("permitted", 5, "2024-10-07")
    assert record.content["fields"]["cod"] == "13"
    assert set(record.content["evidence"]) == {"application", "decision"}
    desk.act("discharge_permit", "f1", "close", "registry2", evidence={"request": SHA})
    versions = history(desk.venue, "discharge_permit", "f1")
    assert [v.entry.state for v in versions] == ["draft", "draft", "accepted", "accepted", "permitted", "closed"]
    assert [v.by for v in versions] == ["clerk1", "clerk1", "registry1", "registry1", "regulator1", "registry2"]


def test_a_holder_is_opened_by_two_and_staff_may_not_hold(desk: Desk) -> None:
    desk.create("rights_holder", "h1", "clerk1", **HOLDER)
    desk.act(
        "rights_holder",
        "h1",
        "open",
        "registry1",
        fields={"bank_account": "6222"},
        evidence={"identity": SHA, "agreement": SHA},
    )
    refused("same_person", desk.confirm, "rights_holder", "h1", "registry1")
    desk.confirm("rights_holder", "h1", "registry2")
    assert desk.record("rights_holder", "h1").state == "open"
    told = refused(
        "conflict_of_interest",
        desk.create,
        "rights_holder",
        "h2",
        "clerk1",
        **HOLDER | {"identity": "2", "beneficiaries": ["P-registry1"]},
    )
    assert "775" in told.zh and "第七条、第二十条" in told.zh  # M16
    refused("not_unique", desk.create, "rights_holder", "h3", "clerk1", **HOLDER)


def test_land_and_time_are_counted_once(desk: Desk) -> None:
    """M10: tickets for 2020-2022 on plot P, then a claim on P for 2022-2023 is refused; for 2023 it is not, nor beside P."""
    desk.create("ticket_project", "t1", "clerk1", **PROJECT)
    refused(
        "overlap",
        desk.create,
        "ticket_project",
        "t2",
        "clerk1",
        **PROJECT | {"from": "2022-01-01", "to": "2023-12-31", "land": shifted(0.005)},
    )
    desk.create("ticket_project", "t3", "clerk1", **PROJECT | {"from": "2023-01-01", "to": "2023-12-31"})
    desk.create("ticket_project", "t4", "clerk1", **PROJECT | {"land": shifted(0.01)})  # only the boundary is shared
    desk.act("ticket_project", "t1", "withdraw", "clerk1")
    desk.create("ticket_project", "t5", "clerk1", **PROJECT)


def test_the_shared_area_is_told(desk: Desk) -> None:
    """Half the square is shared: at 26 degrees a cell of 0.01 degrees is about 1,001 m x 1,108 m (WGS 84), half is 0.554 km2."""
    desk.create("ticket_project", "t1", "clerk1", **PROJECT)
    told = refused("overlap", desk.create, "ticket_project", "t2", "clerk1", **PROJECT | {"land": shifted(0.005)})
    shared = float(told.en.split(":")[1].split(" m2")[0].replace(",", ""))
    assert shared == pytest.approx(554_400, rel=2e-3)


def test_a_step_that_waits_can_be_taken_back(desk: Desk) -> None:
    desk.create("rights_holder", "h1", "clerk1", **HOLDER)
    ready = {"fields": {"bank_account": "6222"}, "evidence": {"identity": SHA, "agreement": SHA}}
    desk.act("rights_holder", "h1", "open", "registry1", **ready)
    refused("waiting", desk.act, "rights_holder", "h1", "close", "registry1", evidence={"request": SHA})
    refused("note", desk.send, "register.withdraw", "registry1", register="rights_holder", id="h1", version=2)
    desk.send("register.withdraw", "registry1", register="rights_holder", id="h1", version=2, note="材料有误")
    refused("nothing_waits", desk.confirm, "rights_holder", "h1", "registry2")
    desk.act("rights_holder", "h1", "open", "registry2", **ready)
    desk.confirm("rights_holder", "h1", "registry1")
    assert desk.record("rights_holder", "h1").state == "open"


def test_the_journal_of_registers_is_sound(desk: Desk) -> None:
    desk.create("ticket_project", "t1", "clerk1", **PROJECT)
    state = desk.venue.book.hash()
    raw = (desk.venue.folder / "journal").read_bytes()
    assert verify_journal(raw).sound
    again = type(desk.venue)
    desk.venue.close()
    replayed = again(desk.venue.folder, "registers", desk.venue.handlers, check=True)
    assert replayed.book.hash() == state
    replayed.close()


# ---- refusals ---------------------------------------------------------------------------------------------------------


def test_every_fault_of_a_form_is_told_at_once(desk: Desk) -> None:
    bad = {"name": "", "credit_code": "x" * 301, "management": "宽松", "place": "520123", "cod": "-1", "valid_from": "31.1.2026", "nonsense": 1,
           "site": {"type": "Point", "coordinates": [26.0, 106.0]}, "nox": "1e3"}  # fmt: skip
    with pytest.raises(FaultyFields) as told:
        desk.create("discharge_permit", "f1", "clerk1", **bad)
    assert {f[0] for f in told.value.faults} == {
        "name",
        "credit_code",
        "management",
        "cod",
        "valid_from",
        "nonsense",
        "site",
        "nox",
    }


@pytest.mark.parametrize(
    "land",
    [
        {
            "type": "Polygon",
            "coordinates": [[[106, 26], [106.1, 26.1], [106.1, 26], [106, 26.1], [106, 26]]],
        },  # crosses itself
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon"},
        "no geometry",
        {"type": "GeometryCollection", "geometries": []},
    ],
)
def test_land_that_is_no_land(desk: Desk, land: Any) -> None:
    refused("fields", desk.create, "ticket_project", "t", "clerk1", **PROJECT | {"land": land})


def test_wrong_turns(desk: Desk) -> None:
    refused("unknown_register", desk.create, "nothing", "x", "clerk1")
    refused("id", desk.create, "discharge_permit", "a b", "clerk1", **FACILITY)
    desk.create("discharge_permit", "f1", "clerk1", **FACILITY)
    refused("duplicate", desk.create, "discharge_permit", "f1", "clerk1", **FACILITY)
    refused("wrong_state", desk.act, "discharge_permit", "f1", "close", "registry1", evidence={"request": SHA})
    refused("evidence", desk.act, "discharge_permit", "f1", "accept", "registry1")
    refused("evidence", desk.act, "discharge_permit", "f1", "accept", "registry1", evidence={"application": "no hash"})
    refused(
        "fields",
        desk.act,
        "discharge_permit",
        "f1",
        "accept",
        "registry1",
        evidence={"application": SHA},
        fields={"cod": "99"},
    )
    refused("stale", desk.send, "register.change", "clerk1", register="discharge_permit", id="f1", version=7, fields={})
    refused(
        "unknown_record",
        desk.send,
        "register.change",
        "clerk1",
        register="discharge_permit",
        id="f9",
        version=1,
        fields={},
    )
    desk.act("discharge_permit", "f1", "accept", "registry1", evidence={"application": SHA})
    refused(
        "not_editable",
        desk.send,
        "register.change",
        "clerk1",
        register="discharge_permit",
        id="f1",
        version=2,
        fields={"cod": "1"},
    )
    refused("fields", desk.act, "discharge_permit", "f1", "permit", "registry1", evidence={"decision": SHA})
    refused("fields", desk.create, "ticket_project", "t1", "clerk1", **PROJECT | {"holder": "nobody"})
    refused("founded", desk.send, "register.found", "clerk1", person="x", name="x")


def test_a_suspended_actor_may_do_nothing(desk: Desk) -> None:
    desk.act("actor", "clerk1", "suspend", "root")
    refused("forbidden", desk.create, "discharge_permit", "f1", "clerk1", **FACILITY)
    refused("forbidden", desk.create, "discharge_permit", "f1", "stranger", **FACILITY)


# ---- the matrix -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("register", sorted(registers()))
def test_every_role_and_every_write_is_as_declared(desk: Desk, register: str) -> None:
    """A role that is not named is refused as forbidden; one that is named is never refused so."""
    declared = desk.registers[register]
    book = desk.venue.book
    wanted: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
        ("register.create", declared.create_by, {"id": "x", "fields": {}})
    ]
    if register == "actor":
        target, version = "public1", 1
    else:
        made = {
            "discharge_permit": FACILITY,
            "rights_holder": HOLDER,
            "ticket_project": PROJECT,
            "obligation": OBLIGATION,
            "outside_claim": CLAIM,
        }[register]
        if register == "obligation":
            desk.create("rights_holder", "h", "clerk1", **HOLDER)
        desk.create(register, "m", f"{declared.create_by[0]}1", **made)
        target, version = "m", 1
    wanted.append(
        ("register.change", declared.create_by, {"id": target, "version": version, "fields": {"unknown": "x"}})
    )
    wanted += [
        ("register.act", t.by, {"id": target, "version": version, "step": t.id, "evidence": {"x": "bad"}})
        for t in declared.transitions
    ]
    before = book.hash()
    for kind, allowed, body in wanted:
        for role in (*ROLES, "admin"):
            actor = "root" if role == "admin" else f"{role}2"
            with pytest.raises(
                (Refused, UnknownName)
            ) as told:  # the bodies are wrong on purpose: nothing is ever written
                desk.send(kind, actor, register=register, **body)
            assert (told.value.code == "forbidden") == (role not in allowed), (kind, body, role)
    assert book.hash() == before


def test_every_declared_role_exists() -> None:
    known = {r.id for r in roles()}
    for r in registers().values():
        assert {*r.create_by, *r.read_by} <= known
        assert all(t.by for t in r.transitions)
        assert all(s.zh and s.en for s in r.states)


def test_private_fields_are_for_staff(desk: Desk) -> None:
    desk.create("rights_holder", "h1", "clerk1", **HOLDER)
    record = desk.record("rights_holder", "h1")
    holder = find_register("rights_holder")
    book = desk.venue.book
    assert visible(holder, book, "public1", record) is None
    assert visible(holder, book, "exchange1", record) == {"kind": "单位"}
    assert visible(holder, book, "regulator1", record) == record.content["fields"]


# ---- days -------------------------------------------------------------------------------------------------------------

# Invented calendar: 1 to 7 October 2024 off (7 is a Monday), Saturday the 12th worked. One row for 2025 puts that year on file.
CALENDAR = Calendar.of(
    [(f"2024-10-0{d}", "holiday") for d in range(1, 8)] + [("2024-10-12", "workday"), ("2025-01-01", "holiday")]
)


def test_working_days_by_hand() -> None:
    """From Friday 4 October: 8, 9, 10, 11 (Tue to Fri), Saturday 12 worked, 14 Monday."""
    assert [CALENDAR.add(date(2024, 10, 4), n, "working").day for n in range(1, 7)] == [8, 9, 10, 11, 12, 14]
    assert CALENDAR.add(date(2024, 10, 4), 3, "calendar") == date(2024, 10, 7)


def test_the_notice_of_2024() -> None:
    """国办发明电〔2023〕7号: days off in all are 1 + 8 + 3 + 5 + 1 + 3 + 7 = 28, and eight days of weekends are worked. 2024 has 366 days, 104 on
    weekends; of the days off 1+5+2+3+1+2+5 = 19 are weekdays: 366 - 104 - 19 + 8 = 251 working days."""
    calendar = read_calendar()
    every = [date(2024, 1, 1) + timedelta(days=n) for n in range(366)]
    assert sum(d in calendar.holidays for d in every) == 28 and sum(d in calendar.workdays for d in every) == 8
    assert sum(calendar.works(d) for d in every) == 251
    assert (
        calendar.works(date(2024, 2, 9))
        and not calendar.works(date(2024, 10, 7))
        and calendar.works(date(2024, 10, 12))
    )


@pytest.mark.parametrize(("accepted", "year"), [("2026-12-20", 2027)])
def test_a_deadline_in_a_year_whose_notice_is_not_on_file(desk: Desk, accepted: str, year: int) -> None:
    """Shipped are the notices of 2024 to 2026. Days that count into another year are refused naming that year's notice; the deadline has no date
    and is not called missed. Calendar days need no notice."""
    calendar = read_calendar()
    assert calendar.years == {2024, 2025, 2026}
    with pytest.raises(MissingParameter) as told:
        calendar.works(date(year, 10, 8))
    assert told.value.document == f"国务院办公厅关于{year}年部分节假日安排的通知"
    start = date.fromisoformat(accepted)
    desk.at = ((start - date(1970, 1, 1)).days) * DAY
    desk.create("discharge_permit", "f1", "clerk1", **FACILITY)
    desk.act("discharge_permit", "f1", "accept", "registry1", evidence={"application": SHA})
    (found,) = due(desk.registers, desk.venue.book, date(2028, 1, 1), calendar)
    assert found.on is None and not found.overdue and str(year) in found.why
    assert calendar.add(start, 30, "calendar") == start + timedelta(days=30)


def test_a_day_is_that_of_the_place() -> None:
    assert day_of(20_000 * DAY + 17 * 3_600_000_000) == date(2024, 10, 5)  # 17:00 UTC is 01:00 in China


def test_deadlines_run_and_are_missed(desk: Desk) -> None:
    desk.create("discharge_permit", "f1", "clerk1", **FACILITY)
    desk.create("discharge_permit", "f2", "clerk1", **FACILITY | {"management": "简化管理", "credit_code": "2"})
    for id in ("f1", "f2"):
        desk.act("discharge_permit", id, "accept", "registry1", evidence={"application": SHA})
    found = due(desk.registers, desk.venue.book, date(2024, 11, 5), CALENDAR)
    # 20 working days after Friday 4 October 2024: 8-12 (5), 14-18 (10), 21-25 (15), 28 October - 1 November (20)
    assert [(d.id, d.on, d.overdue) for d in found] == [
        ("f2", date(2024, 11, 1), True),
        ("f1", date(2024, 11, 15), False),
    ]
    blind = due(desk.registers, desk.venue.book, date(2024, 11, 5), Calendar.of([]))
    assert all(d.on is None and "2024" in d.why for d in blind)


# ---- declarations -----------------------------------------------------------------------------------------------------

PLAIN: dict[str, Any] = {
    "id": "r", "zh": "簿", "en": "book", "create_by": ["clerk"],
    "field": [{"id": "a", "kind": "text", "zh": "甲", "en": "a"}],
    "state": [{"id": "s", "zh": "始", "en": "start"}, {"id": "e", "zh": "终", "en": "end"}],
    "transition": [{"id": "go", "zh": "走", "en": "go", "from": ["s"], "to": "e", "by": ["clerk"]}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value", "word"),
    [
        ("field", [{"id": "a", "kind": "colour", "zh": "", "en": ""}], "no kind"),
        ("field", [{"id": "a", "kind": "decimal", "unit": "furlong", "zh": "", "en": ""}], "furlong"),
        ("field", [{"id": "a", "kind": "choice", "zh": "", "en": ""}], "choices"),
        ("field", [{"id": "a", "kind": "reference", "zh": "", "en": ""}], "register"),
        ("field", [{"id": "a", "kind": "text", "zh": "", "en": ""}] * 2, "twice"),
        ("field", [{"id": "a"}], "cannot be read"),
        ("transition", [{"id": "go", "zh": "", "en": "", "from": ["x"], "to": "e", "by": ["clerk"]}], "not declared"),
        ("transition", [{"id": "go", "zh": "", "en": "", "from": ["s"], "to": "e", "by": []}], "nobody"),
        ("transition", [{"id": "go", "zh": "", "en": "", "from": ["s"], "to": "e", "by": ["king"]}], "king"),
        ("deadline", [{"id": "d", "zh": "", "en": "", "state": "x", "days": 1}], "deadline"),
        ("rule", [{"kind": "luck", "fields": ["a"], "zh": "", "en": ""}], "rule"),
    ],
)
def test_a_wrong_declaration_is_named(key: str, value: Any, word: str) -> None:
    assert Register.of(PLAIN, ["clerk"]).steps_from("s")
    with pytest.raises(DeclarationError, match=word):
        Register.of(PLAIN | {key: value}, ["clerk"])


def test_an_unknown_register_lists_those_there_are() -> None:
    with pytest.raises(UnknownName, match="discharge_permit"):
        find_register("nothing")
