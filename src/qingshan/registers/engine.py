"""The commands of every register, as handlers of a ledger venue.

    register.found    {person, name}                              the first actor of an empty ledger becomes administrator
    register.create   {register, id, fields}
    register.change   {register, id, version, fields}             in an editable state, by who may create
    register.act      {register, id, version, step, fields?, evidence?, note?}
    register.confirm  {register, id, version}                     the other person, where the step needs one
    register.withdraw {register, id, version, note}               drops what waits for confirmation
    register.import   {register, file, rows: [{id, fields}]}      all rows of a file in one transaction, or none

A record on the journal: state, version, and content {fields, since (day), evidence?, waiting?, note?}. Every version stays on
the journal; `history` reads them.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta, timezone
from typing import Any

from qingshan.core.errors import QingshanError
from qingshan.core.finding import Finding
from qingshan.ledger.book import Book, Refused
from qingshan.ledger.entry import RegisterEntry
from qingshan.ledger.venue import Command, Decision, Handler, Venue, upcast

from .actors import ACTORS, require_role, roles, roles_of
from .calendar import CHINA, Calendar, day_of
from .declaration import Deadline, Register, Transition
from .rules import check_rules
from .values import Fault, read_fields

__all__ = ["Due", "FaultyFields", "Version", "due", "handlers", "history", "in_register", "trusted", "visible"]

ID = re.compile(r"[\w.:-]{1,80}")
STAFF_READERS = frozenset({"admin", "auditor", "regulator", "registry"})
STAFF = frozenset(r.id for r in roles() if r.staff) | {"clerk"}
LONGEST_NOTE = 2000
LOTS = "lot"
"""Where the venue keeps what each issue stands on (`rights.review`)."""
MOST_FAULTS = 200


class FaultyFields(Refused):
    """Fields that cannot be taken; `faults` lists them all: (field, English, Chinese)."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__(
            "fields", " ".join(f"{name}: {en}" for name, en, _ in faults), " ".join(zh for _, _, zh in faults)
        )


def handlers(registers: Mapping[str, Register], zone: timezone = CHINA) -> dict[str, Handler]:
    """The handlers of these registers; days are those of the time zone."""
    office = _Office({**registers, ACTORS.id: ACTORS}, zone)
    return {
        f"register.{word}": getattr(office, word)
        for word in ("found", "create", "change", "act", "confirm", "withdraw")
    } | {"register.import": office.import_}


@dataclass(frozen=True)
class _Office:
    registers: Mapping[str, Register]
    zone: timezone

    def found(self, book: Book, command: Command) -> Decision:
        if any(name == ACTORS.id for name, _ in book.records):
            raise Refused("founded", "the ledger has its first administrator.", "账本已有首位管理员。")
        fields = self._fields(
            ACTORS, {"person": command.body.get("person"), "name": command.body.get("name"), "roles": ["admin"]}
        )
        return self._write(
            ACTORS, command, command.by, 1, ACTORS.states[0].id, {"fields": fields, "since": self._today(command)}
        )

    def create(self, book: Book, command: Command) -> Decision:
        register = self._register(command)
        require_role(book, command.by, register.create_by)
        entry = self._first(register, book, book, command, command.body)
        return Decision([entry], _answer(entry))

    def import_(self, book: Book, command: Command) -> Decision:
        """Each row is held to the rules with the rows before it; the faults of all rows are told at once."""
        register = self._register(command)
        require_role(book, command.by, register.create_by)
        rows = command.body.get("rows")
        if not isinstance(rows, list) or not rows or not all(isinstance(r, Mapping) for r in rows):
            raise Refused("rows", "rows are a list of {id, fields}.", "rows 须为 {id, fields} 的列表。")
        seen, entries, faults = _Seen(book), list[RegisterEntry](), list[Fault]()
        for n, row in enumerate(rows):
            try:
                entry = self._first(register, book, seen, command, row)
            except FaultyFields as wrong:
                faults += [(f"{n}.{name}", en, zh) for name, en, zh in wrong.faults]
            except Refused as wrong:
                faults.append((f"{n}.id", wrong.en, wrong.zh))
            else:
                seen.add(entry)
                entries.append(entry)
        if faults:
            raise FaultyFields(faults[:MOST_FAULTS])
        return Decision(entries, {"register": register.id, "entered": len(entries)})

    def _first(
        self, register: Register, book: Book, seen: Any, command: Command, given: Mapping[str, Any]
    ) -> RegisterEntry:
        """The first version of a record; `seen` is the book with what the same command entered before. Raises `Refused`."""
        id = given.get("id")
        if not isinstance(id, str) or not ID.fullmatch(id):
            raise Refused(
                "id", "an id has 1 to 80 letters, digits or . : - _", "编号须为 1–80 个字母、数字或 . : - _。"
            )
        if (register.id, id) in seen.records:
            raise Refused("duplicate", f"{register.en} {id} exists.", f"{register.zh} {id} 已存在。")
        fields = self._fields(register, given.get("fields", {}))
        self._references(register, seen, fields)
        state = register.states[0].id
        check_rules(register, seen, id, state, fields)
        return _entry(register, command, id, 1, state, {"fields": fields, "since": self._today(command)})

    def change(self, book: Book, command: Command) -> Decision:
        register = self._register(command)
        require_role(book, command.by, register.create_by)
        record = self._record(register, book, command)
        state = register.state_by_id[record.state]
        if not state.editable:
            raise Refused(
                "not_editable",
                f"{record.id} cannot be changed while it is {state.en}.",
                f"{record.id} 处于“{state.zh}”状态，不能修改。",
            )
        self._nothing_waits(record)
        fields = self._fields(register, record.content["fields"] | self._given(command))
        self._references(register, book, fields)
        check_rules(register, book, record.id, record.state, fields)
        return self._write(
            register, command, record.id, record.version + 1, record.state, {**record.content, "fields": fields}
        )

    def act(self, book: Book, command: Command) -> Decision:
        register = self._register(command)
        record = self._record(register, book, command)
        step = register.transition(str(command.body.get("step")))
        require_role(book, command.by, step.by)
        if step.command:
            raise Refused("by_command", f"{step.en} is done by {step.command}.", f"“{step.zh}”由 {step.command} 办理。",
                          fix=f"use {step.command} / 请用 {step.command}")  # fmt: skip
        if record.state not in step.source:
            state = register.state_by_id[record.state]
            raise Refused(
                "wrong_state",
                f"{step.en}: {record.id} is {state.en}.",
                f"{record.id} 处于“{state.zh}”状态，不能{step.zh}。",
            )
        self._nothing_waits(record)
        self._backed(step, book, record)
        fields, evidence = self._ready(register, step, record, command)
        self._references(register, book, fields)
        content = {
            "fields": fields,
            "since": record.content["since"],
            "note": str(command.body.get("note", ""))[:2000],
            "evidence": evidence,
        }
        if step.second:
            waiting = {"step": step.id, "by": command.by}
            return self._write(
                register, command, record.id, record.version + 1, record.state, {**content, "waiting": waiting}
            )
        check_rules(register, book, record.id, step.target, fields)
        return self._write(
            register, command, record.id, record.version + 1, step.target, {**content, "since": self._today(command)}
        )

    def confirm(self, book: Book, command: Command) -> Decision:
        register = self._register(command)
        record = self._record(register, book, command)
        waiting = self._waiting(record)
        step = register.transition(waiting["step"])
        require_role(book, command.by, step.second)
        if _person(book, command.by) == _person(book, waiting["by"]):
            raise Refused("same_person", "another person must confirm.", "须由另一人复核。")
        self._backed(step, book, record)
        content = {k: v for k, v in record.content.items() if k != "waiting"} | {"since": self._today(command)}
        check_rules(register, book, record.id, step.target, content["fields"])
        return self._write(register, command, record.id, record.version + 1, step.target, content)

    def withdraw(self, book: Book, command: Command) -> Decision:
        register = self._register(command)
        record = self._record(register, book, command)
        waiting = self._waiting(record)
        step = register.transition(waiting["step"])
        if command.by != waiting["by"]:
            require_role(book, command.by, step.second)
        note = str(command.body.get("note", "")).strip()[:LONGEST_NOTE]
        if not note:
            raise Refused("note", "say why.", "须说明原因。")
        content = {k: v for k, v in record.content.items() if k != "waiting"} | {"note": note}
        return self._write(register, command, record.id, record.version + 1, record.state, content)

    # ---- parts -----------------------------------------------------------------------------------------------------

    def _register(self, command: Command) -> Register:
        name = str(command.body.get("register"))
        if name not in self.registers:
            raise Refused("unknown_register", f"there is no register {name!r}.", f"没有登记簿 {name!r}。")
        return self.registers[name]

    def _record(self, register: Register, book: Book, command: Command) -> RegisterEntry:
        record = book.records.get((register.id, str(command.body.get("id"))))
        if record is None:
            raise Refused(
                "unknown_record",
                f"{register.en}: there is no {command.body.get('id')!r}.",
                f"{register.zh}没有 {command.body.get('id')!r}。",
            )
        if command.body.get("version") != record.version:
            seen = command.body.get("version")
            raise Refused("stale", f"{record.id} is at version {record.version}, you saw {seen!r}.",
                          f"{record.id} 的当前版本是 {record.version}，您看到的是 {seen!r}。", fix="read it again / 请重新读取")  # fmt: skip
        return record

    def _given(self, command: Command) -> dict[str, Any]:
        given = command.body.get("fields", {})
        if not isinstance(given, Mapping):
            raise Refused("fields", "fields is an object.", "fields 须为对象。")
        return dict(given)

    def _fields(self, register: Register, given: Any, *, partial: bool = False) -> dict[str, Any]:
        if not isinstance(given, Mapping):
            raise Refused("fields", "fields is an object.", "fields 须为对象。")
        fields, faults = read_fields(register, given, partial=partial)
        if faults:
            raise FaultyFields(faults)
        return fields

    def _references(self, register: Register, book: Book, fields: Mapping[str, Any]) -> None:
        for f in register.fields:
            if f.kind == "reference" and f.id in fields:
                for id in fields[f.id] if f.many else [fields[f.id]]:
                    if (f.register, id) not in book.records:
                        raise FaultyFields([(f.id, f"{f.en}: there is no {id!r}.", f"{f.zh}：没有 {id!r}。")])

    def _ready(
        self, register: Register, step: Transition, record: RegisterEntry, command: Command
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Fields and evidence of a step; it may bring the fields it needs, no others. Raises `Refused`."""
        given = self._given(command)
        if strange := sorted(set(given) - set(step.needs)):
            raise FaultyFields([(s, "this step does not take it.", "此步骤不接受该字段。") for s in strange])
        fields = self._fields(register, record.content["fields"] | given)
        if absent := [f for f in step.needs if f not in fields]:
            raise FaultyFields(
                [(f, f"{register.field_by_id[f].en} is needed.", f"{register.field_by_id[f].zh}必填。") for f in absent]
            )
        brought = command.body.get("evidence", {})
        if not isinstance(brought, Mapping) or not all(
            isinstance(v, str) and re.fullmatch(r"[0-9a-f]{64}", v) for v in brought.values()
        ):
            raise Refused(
                "evidence", "evidence maps names to the sha-256 of files.", "证据须为名称到文件 sha-256 的对应。"
            )
        if lacking := sorted(set(step.evidence) - set(brought)):
            raise Refused(
                "evidence",
                f"{step.en} needs the evidence {', '.join(lacking)}.",
                f"{step.zh}须附证据：{'、'.join(lacking)}。",
            )
        return fields, {**record.content.get("evidence", {}), **dict(brought)}

    def _backed(self, step: Transition, book: Book, record: RegisterEntry) -> None:
        """Raises `Refused` where the step is for a record on which a lot was issued and none was, or the other way round."""
        if step.lot is None:
            return
        mine = (record.register, record.id)
        lot = next((r.id for r in book.standing(LOTS, "issued") if _behind(r) == mine), "")
        if step.lot and not lot:
            raise Refused("no_lot", f"{step.en}: no lot was issued on {record.id}.", f"{record.id} 未签发过批次，不能{step.zh}。",
                          fix="take the step for a record without a lot / 请用适用于未签发记录的步骤")  # fmt: skip
        if lot and not step.lot:
            raise Refused("issued_before", f"{step.en}: the lot {lot} was issued on {record.id}.", f"{record.id} 已签发批次 {lot}，不能{step.zh}。",
                          fix="take the step for an issued record / 请用适用于已签发记录的步骤")  # fmt: skip

    def _nothing_waits(self, record: RegisterEntry) -> None:
        if waiting := record.content.get("waiting"):
            raise Refused(
                "waiting",
                f"{record.id}: {waiting['step']} waits for a second person.",
                f"{record.id} 的“{waiting['step']}”正待复核。",
            )

    def _waiting(self, record: RegisterEntry) -> Mapping[str, str]:
        waiting = record.content.get("waiting")
        if not waiting:
            raise Refused(
                "nothing_waits", f"{record.id}: nothing waits for confirmation.", f"{record.id} 没有待复核的事项。"
            )
        return waiting

    def _today(self, command: Command) -> str:
        return day_of(command.at, self.zone).isoformat()

    def _write(
        self, register: Register, command: Command, id: str, version: int, state: str, content: Mapping[str, Any]
    ) -> Decision:
        entry = _entry(register, command, id, version, state, content)
        return Decision([entry], _answer(entry))


def _entry(
    register: Register, command: Command, id: str, version: int, state: str, content: Mapping[str, Any]
) -> RegisterEntry:
    kept = {k: v for k, v in content.items() if v not in ("", {}, None)} | {"by": command.by}
    return RegisterEntry(register.id, id, version, state, kept)


def _answer(entry: RegisterEntry) -> dict[str, Any]:
    return {"register": entry.register, "id": entry.id, "version": entry.version, "state": entry.state}


class _Seen:
    """A book with records that the command at hand is about to enter; only what rules read."""

    def __init__(self, book: Book) -> None:
        self._new: dict[tuple[str, str], RegisterEntry] = {}
        self.records = ChainMap(self._new, book.records)
        self._book = book

    def add(self, entry: RegisterEntry) -> None:
        self._new[entry.register, entry.id] = entry

    def standing(self, register: str, state: str) -> Iterator[RegisterEntry]:
        yield from self._book.standing(register, state)
        yield from (r for r in self._new.values() if (r.register, r.state) == (register, state))


def _behind(lot: RegisterEntry) -> tuple[str, str]:
    """Register and record that a lot was issued on."""
    return lot.content.get("register", ""), lot.content.get("record", "")


def _person(book: Book, actor: str) -> str:
    return str(book.records[ACTORS.id, actor].content["fields"]["person"])


# ---- reading ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Version:
    """One version of a record: who wrote it when (microseconds), with which command and record number of the journal."""

    seq: int
    at: int
    by: str
    command: str
    entry: RegisterEntry


def history(venue: Venue, register: str, id: str) -> list[Version]:
    """Every version of a record, the first first."""
    found = []
    for record in venue.journal.read():
        line = upcast(record)
        for e in line["entries"]:
            if e["do"] == "record" and (e["register"], e["id"]) == (register, id):
                entry = RegisterEntry(e["register"], e["id"], e["version"], e["state"], e.get("content", {}))
                found.append(Version(record.seq, line["at"], line["command"]["by"], line["command"]["kind"], entry))
    return found


@dataclass(frozen=True)
class Due:
    """A record under a deadline. `on` is None where the calendar cannot say; `why` then tells, in English and Chinese."""

    register: str
    id: str
    deadline: Deadline
    on: date | None
    overdue: bool
    why: str = ""
    why_zh: str = ""

    @property
    def finding(self) -> Finding:
        """The alert."""
        d = self.deadline
        cited = f" ({d.clause})" if d.clause else ""
        en, zh = ("was due on", "已于") if self.overdue else ("is due on", "将于")
        return Finding("error" if self.overdue else "note", "overdue" if self.overdue else "due", f"{self.id}: {d.en} {en} {self.on}{cited}.",
                       f"{self.id}：{d.zh}{zh} {self.on} 到期{cited}。", self.register, field=self.id)  # fmt: skip


def in_register(register: Register, book: Book, states: Iterable[str] = ()) -> list[RegisterEntry]:
    """The records of a register by id, or those in some of its states."""
    wanted = [s for s in (states or register.state_by_id) if s in register.state_by_id]
    return sorted((r for s in wanted for r in book.standing(register.id, s)), key=lambda r: r.id)


def due(registers: Mapping[str, Register], book: Book, today: date, calendar: Calendar) -> list[Due]:
    """Every record that is under a deadline today, the most urgent first."""
    found = []
    for register in registers.values():
        for deadline in register.deadlines:
            for record in book.standing(register.id, deadline.state):
                fields = record.content["fields"]
                start = fields.get(deadline.date) if deadline.date else record.content["since"]
                if start is None or (deadline.field and fields.get(deadline.field) != deadline.value):
                    continue
                try:
                    on = calendar.add(date.fromisoformat(start), deadline.days, deadline.counting)
                    found.append(Due(register.id, record.id, deadline, on, today > on))
                except QingshanError as error:
                    found.append(Due(register.id, record.id, deadline, None, False, error.en, error.zh))
    return sorted(found, key=lambda d: (d.on or today + timedelta(days=36500), d.register, d.id))


def visible(register: Register, book: Book, actor: str, record: RegisterEntry) -> dict[str, Any] | None:
    """The fields that an actor may read; None where the record is not his to read.

    Private fields are for staff who read the register and for whoever the record is about or wrote it last.
    """
    if not trusted(register, book, actor, record):
        if register.read_by and not roles_of(book, actor) & {*STAFF_READERS, *register.read_by}:
            return None
        return {k: v for k, v in record.content["fields"].items() if not register.field_by_id[k].private}
    return dict(record.content["fields"])


def trusted(register: Register, book: Book, actor: str, record: RegisterEntry) -> bool:
    """Whether an actor may read private fields and evidence of a record: staff who read the register, and whoever it is about or
    who wrote it last."""
    held = roles_of(book, actor)
    own = bool(held) and (record.content.get("by") == actor or _names_person(register, book, actor, record))
    reads = not register.read_by or bool(held & set(register.read_by))
    return own or bool(held & STAFF_READERS) or (reads and bool(held & set(register.create_by) & STAFF))


def _names_person(register: Register, book: Book, actor: str, record: RegisterEntry) -> bool:
    """Whether the actor's person stands in a person field of the record."""
    person, fields = _person(book, actor), record.content["fields"]
    named = (fields.get(f.id, []) for f in register.fields if f.kind == "person")
    return any(person in (given if isinstance(given, list) else [given]) for given in named)
