"""The forms of a register, made from its declaration: enter, change, take a step with its evidence, import a file."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from qingshan.core.finding import Finding
from qingshan.faces.access.evidence import LARGEST
from qingshan.faces.access.registers import may_enter, open_steps, record_told
from qingshan.faces.web.filed import frame, held_by, name_of, record_href, role_words, unit_of
from qingshan.faces.web.page import Page, View
from qingshan.faces.web.site import Ask
from qingshan.faces.web.trading import desk_of, visitor_of
from qingshan.registers.declaration import Field, Register
from qingshan.registers.importing import ROWS, columns_of
from qingshan.registers.values import numbers

from . import registers

__all__ = ["FORMS", "VIEWS"]

MOST_OPTIONS = 300


def _new(ask: Ask) -> Page:
    register = held_by(ask)
    may = may_enter(desk_of(ask), visitor_of(ask), register)
    fields = [_field(ask, register, f, {}) for f in register.fields]
    first = name_of(ask, register.states[0])
    return _page(ask, register, fields, may=may, title=ask.t("registers.new", name=name_of(ask, register)), by=register.create_by, id=None, version="",
                 lead=ask.t("registers.new_lead", state=first), leave=f"/{ask.lang}/registers/{register.id}", button=ask.t("registers.enter"))  # fmt: skip


def _change(ask: Ask) -> Page:
    register = held_by(ask)
    told = record_told(desk_of(ask), visitor_of(ask), register, ask.params["id"])
    may = open_steps(desk_of(ask), visitor_of(ask), register, told)["change"]
    fields = [_field(ask, register, f, told["fields"]) for f in register.fields]
    return _page(ask, register, fields, may=may, title=ask.t("registers.change", id=told["id"]), by=register.create_by, id=told["id"],
        version=str(told["version"]), closed=_closed(ask, register, told, register.create_by) if not may else "",
                 lead="", leave=record_href(ask, register.id, told["id"]), button=ask.t("registers.save"))  # fmt: skip


def _step(ask: Ask) -> Page:
    register = held_by(ask)
    step = register.transition(ask.params["step"])
    told = record_told(desk_of(ask), visitor_of(ask), register, ask.params["id"])
    may = step in open_steps(desk_of(ask), visitor_of(ask), register, told)["steps"] and not step.command
    fields = [_field(ask, register, register.field_by_id[n], told["fields"], needed=True) for n in step.needs]
    given, faults = ask.told.get("given", {}), ask.told.get("faults", {})
    evidence = [
        {
            "id": name,
            "name": registers.evidence_name(ask, name),
            "value": given.get(f"e.{name}", ""),
            "fault": faults.get("evidence", ""),
        }
        for name in step.evidence
    ]
    change = ask.t(
        "registers.step_lead",
        source=name_of(ask, register.state_by_id[told["state"]]),
        target=name_of(ask, register.state_by_id[step.target]),
    )
    second = ask.t("registers.step_second", roles=role_words(ask, step.second)) if step.second else ""
    page = _page(ask, register, fields, may=may, title=ask.t("registers.step_title", step=name_of(ask, step), id=told["id"]), by=step.by, id=told["id"],
                 version=str(told["version"]), closed=_closed(ask, register, told, step.by) if not may else "",
                 lead=change + second, leave=record_href(ask, register.id, told["id"]), button=name_of(ask, step))  # fmt: skip
    return Page(
        page.template, page.title, {**page.context, "evidence": evidence, "noted": True, "note": given.get("note", "")}
    )


def _closed(ask: Ask, register: Register, told: Mapping[str, Any], by: tuple[str, ...]) -> str:
    """The state that bars one who has the role; empty where it is the role that is missing."""
    has_role = bool(desk_of(ask).roles(visitor_of(ask)) & set(by))
    return name_of(ask, register.state_by_id[told["state"]]) if has_role else ""


def _page(ask: Ask, register: Register, fields: list[dict[str, Any]], *, may: bool, title: str, by: tuple[str, ...], id: str | None, version: str, lead: str,
          leave: str, button: str, closed: str = "") -> Page:  # fmt: skip
    given = ask.told.get("given", {})
    context = frame(ask, register) | {
        "register": register, "name": name_of(ask, register), "headline": title, "lead": lead, "fields": fields, "may": may, "closed": closed,
        "by": role_words(ask, by), "id": id,
        "typed_id": given.get("id", ""), "version": version, "leave": leave, "button": button, "key": secrets.token_hex(12), "evidence": [], "noted": False,
        "note": "", "largest": LARGEST >> 20, "id_fault": ask.told.get("error", "") if ask.told.get("code") in ("id", "duplicate") else "",
        "faults": [(f["id"], f["name"], f["fault"]) for f in fields if f["fault"]],
    }  # fmt: skip
    return Page("register_form.html", title, context)


def _field(
    ask: Ask, register: Register, f: Field, current: Mapping[str, Any], *, needed: bool = False
) -> dict[str, Any]:
    given = ask.told.get("given", {})
    typed = given.get(f"f.{f.id}")
    value = typed if typed is not None else _typed(f, current.get(f.id))
    limits = ask.t("comma").join(f"{sign} {limit}" for sign, limit in (("≥", f.low), ("≤", f.high)) if limit)
    return {"id": f.id, "kind": f.kind, "name": name_of(ask, f), "required": f.required or needed, "many": f.many, "private": f.private,
        "unit": unit_of(ask, f, current),
            "limits": limits, "value": value, "options": _options(ask, f), "fault": ask.told.get("faults", {}).get(f.id, ""),
            "type": "date" if f.kind == "date" else "text", "mode": {"decimal": "decimal", "whole": "numeric"}.get(f.kind, "text")}  # fmt: skip


def _typed(f: Field, value: Any) -> str:
    """A value as it would be typed."""
    if value is None:
        return ""
    if f.many:
        return "\n".join(map(str, value))
    if f.kind == "geometry":
        return json.dumps({"type": value["type"], "coordinates": numbers(value["coordinates"])})
    if f.kind == "yes_no":
        return "true" if value else "false"
    return str(value)


def _options(ask: Ask, f: Field) -> list[tuple[str, str]]:
    if f.kind == "choice" and not f.many:
        return [(c, f.word(c, ask.lang)) for c in f.choices]
    if f.kind == "yes_no":
        return [(v, ask.t(f"choice.{v}")) for v in ("true", "false")]
    if f.kind == "place":
        level = ask.site.leaf_level
        return [(p.code, f"{ask.short(p.code)} {p.code}") for p in ask.zone.at_level(level)][:MOST_OPTIONS]
    return []


def _import(ask: Ask) -> Page:
    """A file of rows: what its header must name, what was found in it."""
    desk, register = desk_of(ask), held_by(ask)
    told = ask.told.get("import", {})
    findings = [Finding(**f) for f in told.get("findings", [])]
    shown = [
        {"row": f.row or "", "field": _column(ask, register, f.field), "said": ask.t.pick(f.zh, f.en), "fix": f.fix}
        for f in findings
    ]
    context = frame(ask, register) | {
        "register": register, "name": name_of(ask, register), "headline": ask.t("registers.import_title", name=name_of(ask, register)),
        "may": may_enter(desk, visitor_of(ask), register), "by": role_words(ask, register.create_by), "result": told, "findings": shown,
        "largest": LARGEST >> 20,
        "most": ROWS, "leave": f"/{ask.lang}/registers/{register.id}", "template": ",".join(columns_of(register)),
        "columns": [("id", ask.t("registers.id"), "", True), *((f.id, name_of(ask, f), unit_of(ask, f), f.required) for f in register.fields)],
    }  # fmt: skip
    return Page("register_import.html", context["headline"], context)


def _column(ask: Ask, register: Register, name: str) -> str:
    f = register.field_by_id.get(name)
    return name_of(ask, f) if f else name


VIEWS = (
    View("register_new", "/registers/{register}/new", _new, under="exchange"),
    View("register_import", "/registers/{register}/import", _import, under="exchange"),
    View("register_change", "/registers/{register}/record/{id}/change", _change, under="exchange"),
    View("register_step", "/registers/{register}/record/{id}/step/{step}", _step, under="exchange"),
)
FORMS = {"new": VIEWS[0], "import": VIEWS[1], "change": VIEWS[2], "step": VIEWS[3], "record": registers.VIEWS[2]}
