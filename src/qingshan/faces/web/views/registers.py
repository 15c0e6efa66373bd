"""Registers: what is entered here, in which state, what is overdue, and who did what with it? Made from the declarations alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from qingshan.faces.access.registers import due_told, entries_told, features_of, may_enter, open_steps, record_told
from qingshan.faces.web.filed import (
    clock,
    deadline_shown,
    frame,
    held_by,
    mapped,
    name_of,
    query,
    record_href,
    role_words,
    unit_of,
    value_shown,
)
from qingshan.faces.web.machine import machine_drawn
from qingshan.faces.web.page import Column, Page, Table, View
from qingshan.faces.web.proofs import prover
from qingshan.faces.web.site import Ask
from qingshan.faces.web.trading import amount_text, desk_of, visitor_of
from qingshan.ledger.amounts import MICRO, YUAN, decimal_text
from qingshan.publish import numbers
from qingshan.registers.declaration import Field, Register
from qingshan.registers.engine import in_register, visible
from qingshan.rights.obligations import MULTIPLE

SHOWN = 50
COLUMNS = 4
PLAIN = ("text", "choice", "whole", "decimal", "date", "yes_no", "place", "reference", "person")
ALERTS = 30
BESIDE = {"lot": "text", "own": "units", "offsets": "units", "borrowed": "units", "missing": "units", "settled_on": "text", "fine": "money",
          "paid": "money", "multiple": "multiple", "window": "window", "turnover": "money", "volume": "units", "order": "text",
          "cut_on_refusal": "units"}  # fmt: skip
"""What the ledger keeps beside the fields and a reader is told, with its kind."""


def index(ask: Ask) -> Page:
    """All registers with their states, and every deadline that runs."""
    desk, visitor = desk_of(ask), visitor_of(ask)
    every = due_told(desk, visitor, desk.registers)
    late = [d for d in every if d["overdue"]]
    rows = []
    with desk.reading() as book:
        for r in desk.registers.values():
            counts = dict.fromkeys(r.state_by_id, 0)
            for record in in_register(r, book):
                counts[record.state] += visible(r, book, visitor.actor, record) is not None
            rows.append({
                "id": r.id, "name": name_of(ask, r), "href": f"/{ask.lang}/registers/{r.id}", "total": sum(counts.values()),
                "shut": bool(r.read_by) and not sum(counts.values()),
                "states": [(name_of(ask, s), counts[s.id], f"/{ask.lang}/registers/{r.id}{query(state=s.id)}") for s in r.states if counts[s.id]],
                "overdue": sum(d["register"] == r.id for d in late), "readers": role_words(ask, r.read_by),
            })  # fmt: skip
    total = sum(r["total"] for r in rows)
    context = frame(ask) | {
        "headline": ask.t("registers.headline_late", n=total, late=len(late)) if late else ask.t("registers.headline", n=total),
        "rows": rows, "due": [deadline_shown(ask, d) for d in every[:ALERTS]], "due_count": len(every), "late": len(late),
    }  # fmt: skip
    columns = (Column("register", "登记簿", "register"), Column("id", "编号", "id"), Column("deadline", "期限", "deadline"), Column("on", "到期日", "due on"),
               Column("overdue", "逾期", "overdue"), Column("clause", "条款", "clause"))  # fmt: skip
    table = Table("due", "期限", "deadlines", columns, [{c.key: d[c.key] for c in columns} for d in every])
    return Page("registers.html", ask.t("registers.title"), context, [table], labels=_labels(ask))


def _labels(ask: Ask) -> tuple[str, ...]:
    return ("synthetic",) if desk_of(ask).synthetic else ()


def listing(ask: Ask) -> Page:
    """`?state=&q=&overdue=1&after=`: the records of a register, as list and on the map."""
    desk, visitor, register = desk_of(ask), visitor_of(ask), held_by(ask)
    state = ask.query.get("state", "") if ask.query.get("state") in register.state_by_id else ""
    word, overdue = ask.query.get("q", ""), bool(ask.query.get("overdue"))
    found = entries_told(desk, visitor, register, state=state, word=word, overdue=overdue)
    start = _start(ask, len(found))
    fitting = [
        f
        for f in register.fields
        if f.kind in PLAIN
        and (not f.many or f.kind == "choice")
        and (any(e["fields"].get(f.id) for e in found) or not (found or f.private))
    ]
    first = sorted(fitting, key=lambda f: not f.required)[:COLUMNS]
    columns = [f for f in fitting if f in first]
    kept = {"state": state, "q": word, "overdue": "1" if overdue else ""}
    names = {s.id: name_of(ask, s) for s in register.states}
    shapes = features_of(register, found)
    for f in shapes["features"]:
        f["properties"]["href"] = record_href(ask, register.id, f["properties"]["code"])
    late = sum(e["overdue"] for e in found)
    here = f"/{ask.lang}/registers/{register.id}"
    context = frame(ask, register) | {
        "register": register, "name": name_of(ask, register), "columns": [(name_of(ask, f), unit_of(ask, f), f.kind in ("decimal", "whole")) for f in columns],
        "rows": [_row(ask, register, columns, e, names) for e in found[start : start + SHOWN]], "total": len(found), "start": start, "shown": SHOWN,
        "states": [("", ask.t("registers.every_state")), *names.items()], "kept": kept, "here_path": here,
        "before": here + query(**kept, after=str(max(start - SHOWN, 0))), "next": here + query(**kept, after=str(start + SHOWN)),
        "headline": ask.t("registers.list_headline", name=name_of(ask, register), n=len(found)), "late": late,
        "may_enter": may_enter(desk, visitor, register), "shut": bool(register.read_by) and not found and not visitor,
        "readers": role_words(ask, register.read_by), "map": mapped(ask, shapes, names, f"/api/registers/{register.id}/records.geojson{query(**kept)}"),
        "machine": machine_drawn(register, "", ask.t.pick),
    }  # fmt: skip
    return Page("register.html", name_of(ask, register), context, [_table(register, found)], labels=_labels(ask))


def _start(ask: Ask, count: int) -> int:
    after = ask.query.get("after", "")
    start = int(after) if after.isdecimal() and len(after) < 9 else 0
    return start if start < count else 0


def _row(
    ask: Ask, register: Register, columns: list[Field], e: Mapping[str, Any], names: Mapping[str, str]
) -> dict[str, Any]:
    cells = [{"values": value_shown(ask, f, e["fields"].get(f.id)), "n": f.kind in ("decimal", "whole"), "unit": unit_of(ask, f,
        e["fields"]) if f.unit_field else ""}
             for f in columns]  # fmt: skip
    return {"id": e["id"], "href": record_href(ask, register.id, e["id"]), "state": names[e["state"]], "since": e["since"], "overdue": e["overdue"],
            "waiting": bool(e.get("waiting")), "cells": cells}  # fmt: skip


def _table(register: Register, found: list[dict[str, Any]]) -> Table:
    shown = [f for f in register.fields if any(f.id in e["fields"] for e in found)]
    flat = [f for f in shown if f.kind != "geometry"]
    columns = (Column("id", "编号", "id"), Column("state", "状态", "state"), Column("since", "自", "since"), Column("overdue", "逾期", "overdue"),
               *(Column(f.id, f.zh, f.en, f.unit) for f in flat))  # fmt: skip
    rows = [
        {"id": e["id"], "state": e["state"], "since": e["since"], "overdue": e["overdue"]}
        | {f.id: _flat(e["fields"].get(f.id)) for f in flat}
        for e in found
    ]
    drawn = next((f.id for f in shown if f.kind == "geometry"), "")
    shapes = [_plain(e["fields"].get(drawn)) for e in found] if drawn else ()
    return Table("records", register.zh, register.en, columns, rows, shapes=shapes)


def _plain(drawn: Mapping[str, Any] | None) -> dict[str, Any] | None:
    from qingshan.registers.values import numbers  # noqa: PLC0415 - beside its only use

    return {"type": drawn["type"], "coordinates": numbers(drawn["coordinates"])} if drawn else None


def _flat(value: Any) -> Any:
    return "; ".join(map(str, value)) if isinstance(value, list) else value


def entry(ask: Ask) -> Page:
    """A record: fields with units, evidence, the states drawn, deadlines, history, what the reader may do."""
    desk, visitor, register = desk_of(ask), visitor_of(ask), held_by(ask)
    told = record_told(desk, visitor, register, ask.params["id"])
    may = open_steps(desk, visitor, register, told)
    here = record_href(ask, register.id, told["id"])
    state = register.state_by_id[told["state"]]
    names = {s.id: name_of(ask, s) for s in register.states}
    shapes = features_of(register, [told | {"overdue": any(d["overdue"] for d in told["due"])}])
    for f in shapes["features"]:
        f["properties"]["href"] = here
    fields = [{"name": name_of(ask, f), "values": value_shown(ask, f, told["fields"][f.id]), "unit": unit_of(ask, f, told["fields"]), "private": f.private,
               "n": f.kind in ("decimal", "whole"), "file": f"/api/registers/{register.id}/records/{quote(told['id'], safe='')}/files/{told['fields'][f.id]}"
               if f.kind == "file" and told.get("trusted") and desk.evidence.path(told["fields"][f.id]) else ""}
              for f in register.fields if f.id in told["fields"]]  # fmt: skip
    waiting = told.get("waiting")
    context = frame(ask, register) | {
        "register": register, "name": name_of(ask, register), "id": told["id"], "version": told["version"], "state": name_of(ask, state),
        "since": told["since"],
        "headline": ask.t("registers.record_headline", id=_title(register, told), state=name_of(ask, state)), "fields": fields, "here_path": here,
        "machine": machine_drawn(register, told["state"], ask.t.pick, {t.id for t in may["steps"]}), "trusted": told["trusted"],
        "evidence": [e | {"href": f"/api/registers/{register.id}/records/{quote(told['id'], safe='')}/files/{e['sha256']}" if e["kept"] else "",
                          "name": evidence_name(ask, e["name"])} for e in told.get("evidence", [])],
        "due": [deadline_shown(ask, d) for d in told["due"]],
        "steps": [_step(ask, t, here) for t in may["steps"]], "change": f"{here}/change" if may["change"] else "", "confirm": may["confirm"],
        "withdraw": may["withdraw"], "waiting": _waiting(ask, register, waiting) if waiting else None, "history": _history(ask, register, told),
        "map": mapped(ask, shapes, names, "", close=any(f["geometry"]["type"] != "Point" for f in shapes["features"])),
        "list": f"/{ask.lang}/registers/{register.id}",
        "other": [_beside(ask, k, told["content"][k], told["fields"]) for k in BESIDE if k in told["content"] and told["trusted"]],
    }  # fmt: skip
    columns = (Column("version", "版本", "version"), Column("state", "状态", "state"), Column("at", "时间（微秒）", "time (microseconds)"),
               Column("record", "记录号", "record"), Column("command", "操作", "command"), Column("by", "经办", "by"))  # fmt: skip
    rows = [{c.key: h.get(c.key, "") for c in columns} for h in told["history"]]
    return Page(
        "register_record.html",
        f"{told['id']} · {name_of(ask, register)}",
        context,
        [Table("history", "经过", "history", columns, rows)],
        labels=_labels(ask),
    )


def _beside(ask: Ask, k: str, v: Any, fields: Mapping[str, Any]) -> dict[str, str]:
    """What the ledger wrote beside the fields, in words and with its unit: the lot that was issued, what was surrendered, a fine."""
    unit = numbers.unit_word(str(fields.get("unit", "")), ask.lang) if fields.get("unit") else ""
    said: dict[str, tuple[Callable[[], str], str]] = {
        "units": (lambda: amount_text(decimal_text(v, MICRO)), unit),
        "money": (lambda: amount_text(decimal_text(v, YUAN), 2), ask.t("exchange.yuan")),
        "multiple": (lambda: decimal_text(v, MULTIPLE), ""),
        "window": (lambda: ask.t(f"exchange.window.{v}") if ask.t.has(f"exchange.window.{v}") else str(v), ""),
        "text": (lambda: str(v), ""),
    }
    text, word = said[BESIDE[k]]
    href = f"/{ask.lang}/exchange/public" if k == "lot" else ""
    return {"name": ask.t(f"registers.beside.{k}"), "text": " ".join(w for w in (text(), word) if w), "href": href}


def _title(register: Register, told: Mapping[str, Any]) -> str:
    """The record by its name where it has one that may be read, else by its id."""
    named = next(
        (
            f.id
            for f in register.fields
            if f.kind == "text" and f.required and (f.id == "name" or f is register.fields[0])
        ),
        "",
    )
    return str(told["fields"].get(named) or told["id"])


def evidence_name(ask: Ask, name: str) -> str:
    return ask.t(f"evidence.{name}") if ask.t.has(f"evidence.{name}") else name


def _step(ask: Ask, t: Any, here: str) -> dict[str, str]:
    href = f"/{ask.lang}/exchange/act/{t.command}" if t.command else f"{here}/step/{t.id}"
    return {"name": name_of(ask, t), "href": href, "second": role_words(ask, t.second)}


def _waiting(ask: Ask, register: Register, waiting: Mapping[str, str]) -> dict[str, str]:
    step = register.transition(waiting["step"])
    return {"step": name_of(ask, step), "by": waiting["by"], "roles": role_words(ask, step.second)}


def _history(ask: Ask, register: Register, told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Versions, the newest first, with what changed since the one before."""
    proof = prover(ask)
    rows, before = list[dict[str, Any]](), dict[str, Any]()
    state = ""
    for h in told["history"]:
        fields = h.get("fields") or {}
        changed = [{"name": name_of(ask, f), "from": _joined(ask, f, before.get(f.id)), "to": _joined(ask, f, fields.get(f.id))}
                   for f in register.fields if h["version"] > 1 and fields.get(f.id) != before.get(f.id)]  # fmt: skip
        what = ask.t("registers.did.change")
        if h["version"] == 1:
            what = ask.t("registers.did.create")
        elif h.get("waiting"):
            what = ask.t("registers.did.proposed", step=name_of(ask, register.transition(h["waiting"]["step"])))
        elif h["state"] != state:
            step = next((t for t in register.transitions if state in t.source and t.target == h["state"]), None)
            what = name_of(ask, step) if step else h["command"]
        elif h["command"] == "register.withdraw":
            what = ask.t("registers.did.withdrawn")
        elif not h["command"].startswith("register."):
            what = _command(ask, h["command"])
        rows.append({"version": h["version"], "at": clock(h["at"]), "by": h.get("by", ""), "what": what, "state": name_of(ask,
            register.state_by_id[h["state"]]),
                     "note": h.get("note", "") if h.get("note") != (rows[-1]["raw_note"] if rows else "") else "", "raw_note": h.get("note", ""),
                     "changed": changed, "record": h["record"], "proof": proof(h["record"])})  # fmt: skip
        before, state = fields, h["state"]
    return rows[::-1]


def _command(ask: Ask, id: str) -> str:
    from qingshan.rights.commands import commands  # noqa: PLC0415 - beside its only use

    row = commands().get(id)
    return name_of(ask, row) if row else id


def _joined(ask: Ask, f: Field, value: Any) -> str:
    return ask.t("comma").join(v["text"] for v in value_shown(ask, f, value)) if value is not None else "—"


VIEWS = (
    View("registers", "/registers", index, under="exchange"),
    View("register", "/registers/{register}", listing, under="exchange"),
    View("register_record", "/registers/{register}/record/{id}", entry, under="exchange"),
)
