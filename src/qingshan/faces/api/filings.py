"""The forms of the registers' pages: the same desk, keys and checks as the API, answered with pages. Nothing typed is lost: a form
that was refused comes back with what it held, its files kept and named by their hash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from qingshan.core.errors import QingshanError
from qingshan.faces.access.desk import Visitor
from qingshan.faces.access.registers import record_told, register_of
from qingshan.faces.web.render import Printer
from qingshan.faces.web.site import Ask, Site
from qingshan.faces.web.views.register_forms import FORMS
from qingshan.ledger.book import Refused
from qingshan.registers.declaration import Field, Register
from qingshan.registers.engine import FaultyFields
from qingshan.registers.values import shape_typed

from .exchange.problems import status_of
from .exchange.visiting import COOKIE, check_csrf, limited, visitor_of
from .multipart import Form, form_with_files
from .registers.writes import import_file

__all__ = ["add_filings"]

PATHS = {
    "new": "/registers/{register}/new",
    "change": "/registers/{register}/record/{id}/change",
    "step": "/registers/{register}/record/{id}/step/{step}",
    "confirm": "/registers/{register}/record/{id}/confirm",
    "withdraw": "/registers/{register}/record/{id}/withdraw",
}
COMMANDS = {"new": "create", "change": "change", "step": "act", "confirm": "confirm", "withdraw": "withdraw"}


def add_filings(app: FastAPI, site: Site, printer: Printer) -> None:
    """POST to the addresses of the forms."""
    for what, path in PATHS.items():
        _add(app, site, printer, what, path)
    _add_import(app, site, printer)


def _add(app: FastAPI, site: Site, printer: Printer, what: str, path: str) -> None:
    desk = site.desk
    assert desk is not None

    async def send(request: Request, lang: str) -> Response:
        params = {k: str(v) for k, v in request.path_params.items() if k != "lang"}
        form = Form()
        try:
            visitor = _writer(site, request)
            form = await form_with_files(request)
            check_csrf(request, visitor, form.fields.get("csrf", ""))
            register = register_of(desk, params["register"])
            await run_in_threadpool(_keep_files, site, visitor, form)
            body = _body(what, register, params, form.fields)
            done = await run_in_threadpool(
                desk.submit, visitor, f"register.{COMMANDS[what]}", body, form.fields.get("key", "")
            )
        except QingshanError as error:
            return await _again(site, printer, request, lang, what, params, _told(error, form.fields, lang))
        to = f"/{lang}/registers/{register.id}/record/{quote(str(body['id']), safe='')}"
        return RedirectResponse(f"{to}?{urlencode({'done': done.seq})}", 303, headers={"Cache-Control": "no-store"})

    app.add_api_route(f"/{{lang:language}}{path}", send, methods=["POST"], include_in_schema=False)


def _add_import(app: FastAPI, site: Site, printer: Printer) -> None:
    @app.post("/{lang:language}/registers/{register}/import", include_in_schema=False)
    async def rows(request: Request, lang: str, register: str) -> Response:
        form, told = Form(), dict[str, Any]()
        status = 200
        try:
            visitor = _writer(site, request)
            form = await form_with_files(request)
            check_csrf(request, visitor, form.fields.get("csrf", ""))
            if "rows" not in form.files:
                raise Refused("no_file", "choose a file.", "请选择文件。")
            name, content = form.files["rows"]
            assert site.desk is not None
            told = {
                "import": await run_in_threadpool(
                    import_file, site.desk, visitor, register, name, content, check="check" in form.fields
                )
                | {"name": name}
            }
        except QingshanError as error:
            told, status = _told(error, {}, lang), status_of(error)
        return await _again(site, printer, request, lang, "import", {"register": register}, told, status)


def _writer(site: Site, request: Request) -> Visitor:
    """Who writes. Raises `Refused`: nobody reads a large body of someone who is not signed in."""
    assert site.desk is not None
    visitor = visitor_of(request)
    limited(site.desk, request, "write", visitor)
    if not visitor:
        raise Refused("not_signed_in", "sign in first.", "请先登录。")
    return visitor


def _keep_files(site: Site, visitor: Visitor, form: Form) -> None:
    """Files of evidence become their hash, in the field beside."""
    assert site.desk is not None
    if not site.desk.roles(visitor):
        raise Refused("forbidden", "your role may not do this.", "您的角色无权进行此操作。")
    for name, (_, content) in form.files.items():
        if name[:2] in ("u.", "w."):
            form.fields[("f." if name[0] == "u" else "e.") + name[2:]] = site.desk.evidence.keep(content)


def _body(what: str, register: Register, params: Mapping[str, str], form: Mapping[str, str]) -> dict[str, Any]:
    body: dict[str, Any] = {"register": register.id, "id": params.get("id") or form.get("id", "").strip()}
    if what != "new":
        body["version"] = form.get("version", "")
    if what in ("new", "change"):
        body["fields"] = {f.id: _given(f, form[f"f.{f.id}"]) for f in register.fields if f"f.{f.id}" in form}
    if what == "step":
        body["step"] = params["step"]
        body["fields"] = {f.id: _given(f, form[f"f.{f.id}"]) for f in register.fields if form.get(f"f.{f.id}")}
        body["evidence"] = {k[2:]: v.strip() for k, v in form.items() if k.startswith("e.") and v.strip()}
    if what in ("step", "withdraw") and form.get("note"):
        body["note"] = form["note"]
    return {k: v for k, v in body.items() if v != {} or k == "fields"}


def _given(f: Field, text: str) -> Any:
    """What was typed; several values stand on lines of their own."""
    if f.many:
        return [line.strip() for line in text.split("\n") if line.strip()]
    if f.kind == "geometry" and text.strip():
        return shape_typed(text)
    return text.strip()


def _told(error: QingshanError, form: Mapping[str, str], lang: str) -> dict[str, Any]:
    zh = lang == "zh"
    faults = {n: (z if zh else en) for n, en, z in error.faults} if isinstance(error, FaultyFields) else {}
    return {"error": error.zh if zh else error.en, "code": error.code, "fix": error.fix.partition(" / ")[2 if zh else 0] if error.fix else "", "faults": faults,
            "status": status_of(error), "given": {k: v for k, v in form.items() if k not in ("csrf", "key")}}  # fmt: skip


async def _again(site: Site, printer: Printer, request: Request, lang: str, what: str, params: Mapping[str, str], told: Mapping[str, Any],
                 status: int = 0) -> Response:  # fmt: skip
    """The page of the form once more, with what was said."""
    desk = site.desk
    assert desk is not None
    theme = request.cookies.get("theme", "")
    visitor = desk.visitor(request.cookies.get(COOKIE, ""))
    if what in ("confirm", "withdraw"):
        register_of(desk, params["register"])
        record_told(desk, visitor, desk.registers[params["register"]], params["id"])
    view = FORMS["record" if what in ("confirm", "withdraw") else what]
    ask = Ask(site, view, lang, dict(params), {}, theme if theme in ("light", "dark") else "", visitor, told)
    page = await run_in_threadpool(lambda: printer.page(ask, view.build(ask)))
    return HTMLResponse(page, status or int(told["status"]), headers={"Cache-Control": "no-store"})
