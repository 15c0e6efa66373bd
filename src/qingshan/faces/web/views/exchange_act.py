"""A form of one command, made from its declaration: what it takes, who may give it, who must confirm it."""

from __future__ import annotations

from typing import Any

from qingshan.core.errors import UnknownName
from qingshan.faces.web.page import Page, View
from qingshan.faces.web.site import Ask
from qingshan.faces.web.trading import desk_of, form_for, markets_of, signed, visitor_of, waiting_of
from qingshan.rights.commands import commands


def build(ask: Ask) -> Page:
    """Fields may be given in the address. Raises `UnknownName` for a command that people do not give."""
    row = commands().get(ask.params["command"])
    if row is None or not row.face:
        raise UnknownName("there is no such command.", "没有这个操作。")
    back = ask.query.get("back") or f"/{ask.lang}/exchange"
    here = f"/{ask.lang}/exchange/act/{row.id}"
    given = ask.told.get("given") or {f.name: ask.query[f.name] for f in row.fields if f.name in ask.query}
    may = bool(set(row.by) & desk_of(ask).roles(visitor_of(ask))) or bool(
        {"register", "second"} & set(row.by) and ask.visitor
    )
    form = form_for(ask, row, given, back)
    form["title"] = form["name"][:1].upper() + form["name"][1:]
    context: dict[str, Any] = {"form": form, "who": signed(ask, here), "rail": markets_of(ask, given.get("asset", ""), "/exchange"),
                               "synthetic": desk_of(ask).synthetic, "here": ask.zone.root, "told": ask.told, "may": may,
                               "waits": _waits(ask, row.id, given.get("id", ""))}  # fmt: skip
    return Page("exchange_act.html", ask.t.pick(row.zh, row.en), context)


def _waits(ask: Ask, command: str, id: str) -> dict[str, Any] | None:
    """What waits under an id, for the page on which it is confirmed or withdrawn; None for one that is not the visitor's to see."""
    return (
        next((w for w in waiting_of(ask) if w["id"] == id), None)
        if command.startswith("eyes.") and ask.visitor
        else None
    )


VIEW = View("exchange_act", "/exchange/act/{command}", build, under="exchange")
