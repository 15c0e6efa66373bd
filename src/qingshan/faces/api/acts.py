"""Commands given by the forms of the exchange's pages: the same desk, keys and checks as the API, answered with pages."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from qingshan.core.errors import QingshanError
from qingshan.faces.web.render import Printer
from qingshan.faces.web.site import Ask, Site
from qingshan.faces.web.views import EXCHANGE_VIEWS
from qingshan.ledger.book import Refused
from qingshan.registers.engine import FaultyFields
from qingshan.rights.commands import commands

from .exchange.problems import status_of
from .exchange.signin import form_of
from .exchange.visiting import check_csrf, limited, visitor_of

__all__ = ["add_acts"]


def add_acts(app: FastAPI, site: Site, printer: Printer) -> None:
    """POST /<language>/exchange/act/<command>."""
    desk = site.desk
    assert desk is not None
    by_name = {v.name: v for v in EXCHANGE_VIEWS}

    @app.post("/{lang:language}/exchange/act/{command}")
    async def act(request: Request, lang: str, command: str) -> Response:
        form = await form_of(request)
        row = commands().get(command)
        back = _back(form.get("back", ""), lang)
        try:
            visitor = visitor_of(request)
            limited(desk, request, "write", visitor)
            check_csrf(request, visitor, form.get("csrf", ""))
            if row is None or not row.face:
                raise Refused("unknown_command", "there is no such command.", "没有这个操作。")
            given = {f.name: form[f.name] for f in row.fields if form.get(f.name)}
            done = await run_in_threadpool(desk.submit, visitor, command, given, form.get("key", ""))
        except QingshanError as error:
            view = by_name[
                "exchange"
                if command == "market.order" and urlsplit(back).path == f"/{lang}/exchange"
                else "exchange_act"
            ]
            theme = request.cookies.get("theme", "")
            asked = dict(parse_qsl(urlsplit(back).query))
            query = asked if view.name == "exchange" else {"back": back}
            params = {"command": command} if view.name == "exchange_act" else {}
            ask = Ask(site, view, lang, params, query, theme if theme in ("light", "dark") else "", desk.visitor(request.cookies.get("qingshan_session", "")),
                      _told(error, form, lang))  # fmt: skip
            page = await run_in_threadpool(lambda: printer.page(ask, view.build(ask)))
            return HTMLResponse(page, status_of(error), headers={"Cache-Control": "no-store"})
        told = {"done": str(done.seq)} | (
            {"waits": str(done.answer["proposal"])} if done.answer.get("state") == "waiting" else {}
        )
        parts = urlsplit(back)
        query = {k: v for k, v in parse_qsl(parts.query) if k not in ("done", "waits")} | told
        return RedirectResponse(f"{parts.path}?{urlencode(query)}", 303, headers={"Cache-Control": "no-store"})


def _back(asked: str, lang: str) -> str:
    """A page of this exchange."""
    return (
        asked
        if asked.startswith(f"/{lang}/exchange") and len(asked) < 500 and "\\" not in asked
        else f"/{lang}/exchange"
    )


def _told(error: QingshanError, form: Mapping[str, str], lang: str) -> dict[str, object]:
    zh = lang == "zh"
    faults = {n: (z if zh else en) for n, en, z in error.faults} if isinstance(error, FaultyFields) else {}
    return {"error": error.zh if zh else error.en, "code": error.code, "fix": error.fix.partition(" / ")[2 if zh else 0] if error.fix else "",
            "faults": faults, "given": {k: v for k, v in form.items() if k not in ("csrf", "key", "back")}}  # fmt: skip
