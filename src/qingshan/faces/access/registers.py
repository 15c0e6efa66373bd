"""What a reader is shown of the registers: lists, records with their history, steps that are open to him, what is due, shapes for maps.

Whoever is signed in may see private fields of some records, so each of these reads is noted before it is answered; the public sees
only what the declaration leaves public.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qingshan.core.errors import UnknownName
from qingshan.ledger.book import Book
from qingshan.ledger.entry import RegisterEntry
from qingshan.registers.actors import ACTORS, roles_of
from qingshan.registers.calendar import day_of
from qingshan.registers.declaration import Register, Transition
from qingshan.registers.engine import Due, due, in_register, trusted, visible
from qingshan.registers.values import numbers

from .desk import Desk, Visitor

__all__ = [
    "due_row",
    "due_told",
    "entries_told",
    "features_of",
    "file_of",
    "may_enter",
    "note_read",
    "open_steps",
    "record_told",
    "register_of",
]


def register_of(desk: Desk, id: str) -> Register:
    """Raises `UnknownName`."""
    if id not in desk.registers:
        raise UnknownName(f"there is no register {id[:80]!r}.", f"没有登记簿 {id[:80]!r}。")
    return desk.registers[id]


def note_read(desk: Desk, visitor: Visitor, register: Register, id: str) -> None:
    """A read by someone signed in stands on the log of reads."""
    if visitor:
        desk.note(visitor, "record", f"{register.id}/{id}")


def _told(desk: Desk, book: Book, visitor: Visitor, register: Register, record: RegisterEntry) -> dict[str, Any] | None:
    fields = visible(register, book, visitor.actor, record)
    if fields is None:
        return None
    c = record.content
    told = {
        "register": register.id,
        "id": record.id,
        "version": record.version,
        "state": record.state,
        "since": c.get("since", ""),
        "fields": fields,
    }
    if visitor and c.get("waiting"):
        told["waiting"] = dict(c["waiting"])
    return told


def entries_told(
    desk: Desk, visitor: Visitor, register: Register, *, state: str = "", word: str = "", after: str = "", overdue: bool = False,
    limit: int = 1 << 30,
) -> list[dict[str, Any]]:  # fmt: skip
    """Records by id that the visitor may read, from the one after `after`; `word` is looked for in the fields he sees. Noted once."""
    note_read(desk, visitor, register, "*")
    found: list[dict[str, Any]] = []
    with desk.reading() as book:
        late = {d.id for d in due({register.id: register}, book, day_of(desk.clock()), desk.calendar) if d.overdue}
        wanted = word.strip().casefold()
        for record in in_register(register, book, [state] if state else ()):
            if record.id <= after or (overdue and record.id not in late):
                continue
            told = _told(desk, book, visitor, register, record)
            if told is not None and (not wanted or wanted in _words(register, told)):
                found.append(told | {"overdue": record.id in late})
            if len(found) == limit:
                break
    return found


def _words(register: Register, told: Mapping[str, Any]) -> str:
    drawn = {f.id for f in register.fields if f.kind == "geometry"}
    return f"{told['id']} {' '.join(str(v) for k, v in told['fields'].items() if k not in drawn)}".casefold()


def record_told(desk: Desk, visitor: Visitor, register: Register, id: str) -> dict[str, Any]:
    """A record with its history, evidence (for those who may read private fields, with the file where it is kept) and deadlines.
    Noted. Raises `UnknownName` also for one that is not the visitor's to read."""
    note_read(desk, visitor, register, id)
    with desk.reading() as book:
        record = book.records.get((register.id, id))
        told = _told(desk, book, visitor, register, record) if record else None
        if record is None or told is None:
            raise UnknownName(f"there is no {id[:80]!r} in {register.en} for you.", f"{register.zh}中没有可供您查阅的 {id[:80]!r}。")  # fmt: skip
        trusts = trusted(register, book, visitor.actor, record)
        told["trusted"] = trusts
        if trusts:
            told["note"] = record.content.get("note", "")
            told["evidence"] = [{"name": name, "sha256": sha, "kept": desk.evidence.path(sha) is not None}
                                for name, sha in sorted(record.content.get("evidence", {}).items())]  # fmt: skip
        told["content"] = {
            k: v for k, v in record.content.items() if k not in ("fields", "evidence", "waiting", "note", "by", "since")
        }
        told["due"] = [
            due_row(d) for d in due({register.id: register}, book, day_of(desk.clock()), desk.calendar) if d.id == id
        ]
        told["history"] = []
        for v in desk.history(register.id, id):
            row: dict[str, Any] = {
                "version": v.entry.version,
                "state": v.entry.state,
                "at": v.at,
                "record": v.seq,
                "command": v.command,
            }
            if visitor:
                row |= {"by": v.by, "fields": visible(register, book, visitor.actor, v.entry)}
            if trusts:
                c = v.entry.content
                row |= {
                    "note": c.get("note", ""),
                    "evidence": dict(c.get("evidence", {})),
                    "waiting": dict(c.get("waiting", {})),
                }
            told["history"].append(row)
    return told


def file_of(desk: Desk, visitor: Visitor, register: Register, id: str, sha: str) -> tuple[str, Any]:
    """Name and path of a file that a record names. Noted. Raises `UnknownName`: not kept here, not named, not the visitor's to read."""
    with desk.reading() as book:
        record = book.records.get((register.id, id))
        named: dict[str, str] = {}
        if record is not None and trusted(register, book, visitor.actor, record):
            for v in desk.history(register.id, id):
                named |= {s: n for n, s in v.entry.content.get("evidence", {}).items()}
                named |= {
                    v.entry.content["fields"][f.id]: f.id
                    for f in register.fields
                    if f.kind == "file" and v.entry.content["fields"].get(f.id)
                }
    path = desk.evidence.path(sha) if sha in named else None
    if path is None:
        raise UnknownName("there is no such file for you.", "没有可供您查阅的这个文件。")
    note_read(desk, visitor, register, f"{id}/{sha}")
    return named[sha], path


def due_row(d: Due) -> dict[str, Any]:
    """A deadline as plain data."""
    return {"register": d.register, "id": d.id, "deadline": d.deadline.id, "zh": d.deadline.zh, "en": d.deadline.en, "clause": d.deadline.clause,
            "on": d.on.isoformat() if d.on else "", "overdue": d.overdue, "why": d.why, "why_zh": d.why_zh}  # fmt: skip


def due_told(desk: Desk, visitor: Visitor, registers: Mapping[str, Register]) -> list[dict[str, Any]]:
    """Everything under a deadline in records that the visitor may read, the most urgent first."""
    with desk.reading() as book:
        found = due(registers, book, day_of(desk.clock()), desk.calendar)
        return [
            due_row(d)
            for d in found
            if visible(registers[d.register], book, visitor.actor, book.records[d.register, d.id]) is not None
        ]


def may_enter(desk: Desk, visitor: Visitor, register: Register) -> bool:
    """Whether the visitor may enter and change records."""
    return bool(desk.roles(visitor) & set(register.create_by))


def open_steps(desk: Desk, visitor: Visitor, register: Register, told: Mapping[str, Any]) -> dict[str, Any]:
    """What the visitor may do with a record as it stands: `steps`, `change`, and `confirm`, `withdraw` where a step waits."""
    held = desk.roles(visitor)
    steps: list[Transition] = []
    made: dict[str, Any] = {"steps": steps, "change": False, "confirm": False, "withdraw": False}
    if not visitor:
        return made
    waiting = told.get("waiting")
    if waiting:
        second = bool(held & set(register.transition(waiting["step"]).second))
        with desk.reading() as book:
            same = _person(book, visitor.actor) == _person(book, waiting["by"])
        return made | {"confirm": second and not same, "withdraw": second or waiting["by"] == visitor.actor}
    steps += [t for t in register.steps_from(told["state"]) if held & set(t.by)]
    return made | {"change": register.state_by_id[told["state"]].editable and may_enter(desk, visitor, register)}


def _person(book: Book, actor: str) -> str:
    record = book.records.get((ACTORS.id, actor))
    return str(record.content["fields"]["person"]) if record and roles_of(book, actor) else actor


def features_of(register: Register, told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of told records those that have a shape, as GeoJSON in degrees with the state as property."""
    fields = [f.id for f in register.fields if f.kind == "geometry"]
    name = next((f.id for f in register.fields if f.kind == "text" and not f.private), "")
    features = [
        {"type": "Feature", "geometry": {"type": drawn["type"], "coordinates": numbers(drawn["coordinates"])},
         "properties": {"code": e["id"], "name": e["fields"].get(name, e["id"]), "state": e["state"], "overdue": e["overdue"]}}
        for e in told for f in fields if (drawn := e["fields"].get(f))
    ]  # fmt: skip
    return {"type": "FeatureCollection", "features": features}
