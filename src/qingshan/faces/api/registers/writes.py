"""Writing registers: enter, change, step, confirm, withdraw, files of evidence, import. The desk decides; this only carries.

Addresses that take fields are made for each register from its declaration, so that the description says which there are.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path as File
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from qingshan.core.finding import Finding
from qingshan.faces.access.desk import Desk, Visitor
from qingshan.faces.access.evidence import LARGEST
from qingshan.faces.access.registers import may_enter, register_of
from qingshan.faces.api.exchange.schemas import answers, receipt
from qingshan.faces.api.exchange.visiting import Writing, desk_of
from qingshan.faces.api.exchange.writes import Body, Key
from qingshan.ledger.book import Refused
from qingshan.registers.actors import require_role
from qingshan.registers.declaration import Register
from qingshan.registers.engine import FaultyFields
from qingshan.registers.importing import read_import, row_findings
from qingshan.registers.values import as_texts

from .reads import Id
from .schemas import VERSION, _object, change_body, create_body, step_body

__all__ = ["add_writes", "import_file", "raw_body"]

Step = Annotated[str, Path(max_length=80)]
ENDINGS = {
    "text/csv": ".csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}


async def raw_body(request: Request, largest: int = LARGEST) -> bytes:
    """The body of a request, bounded. Raises `Refused`."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > largest:
            raise Refused(
                "too_large_body", f"a file has at most {largest >> 20} MiB.", f"文件至多 {largest >> 20} MiB。"
            )
        parts.append(part)
    return b"".join(parts)


def add_writes(router: APIRouter, desk: Desk) -> None:
    _add_files(router)
    for register in desk.registers.values():
        _add_entering(router, register)
        _add_steps(router, register)
        _add_import(router, register)


def _asked(body: Mapping[str, Any]) -> dict[str, Any]:
    """Floating numbers of coordinates as decimal texts: the journal has none."""
    return dict(as_texts(body))


async def _done(request: Request, visitor: Visitor, kind: str, body: Mapping[str, Any], key: str) -> Response:
    done = await run_in_threadpool(desk_of(request).submit, visitor, kind, _asked(body), key)
    content = {"record": done.seq, "answer": dict(done.answer), "repeated": done.repeated}
    return JSONResponse(content, 200 if done.repeated else 201, headers={"Cache-Control": "no-store"})


def _route(
    router: APIRouter,
    register: Register,
    method: str,
    path: str,
    send: Any,
    body: Mapping[str, Any],
    summary: str,
    about: str,
) -> None:
    router.add_api_route(
        f"/{register.id}/{path}", send, methods=[method], operation_id=f"{register.id}_{send.__name__}", tags=[register.id], summary=summary,
        description=about, status_code=201,
        responses={**receipt(201, "done, durable"), **receipt(200, "done before with this key"), **answers(401, 403, 404, 409, 413, 422, 429, 503)},
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": dict(body)}}}},
    )  # fmt: skip


def _only(body: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Raises `Refused` for other names."""
    if strange := sorted(set(body) - set(names)):
        raise FaultyFields([(n, f"{n}: there is no such field.", f"没有字段 {n}。") for n in strange])
    return dict(body)


def _add_entering(router: APIRouter, register: Register) -> None:
    async def create(request: Request, visitor: Writing, key: Key, body: Body) -> Response:
        return await _done(
            request, visitor, "register.create", {**_only(body, "id", "fields"), "register": register.id}, key
        )

    async def change(request: Request, visitor: Writing, key: Key, body: Body, id: Id) -> Response:
        return await _done(
            request,
            visitor,
            "register.change",
            {**_only(body, "version", "fields"), "register": register.id, "id": id},
            key,
        )

    by = ", ".join(register.create_by)
    _route(
        router,
        register,
        "POST",
        "records",
        create,
        create_body(register),
        f"enter into {register.en} 新增{register.zh}",
        f"Given by: {by}.",
    )
    editable = ", ".join(s.en for s in register.states if s.editable)
    _route(router, register, "PATCH", "records/{id}", change, change_body(register), f"change in {register.en} 修改{register.zh}",
           f"Given by: {by}. Only while a record is {editable or 'nothing'}.")  # fmt: skip


def _add_steps(router: APIRouter, register: Register) -> None:
    async def step(request: Request, visitor: Writing, key: Key, body: Body, id: Id, step: Step) -> Response:
        given = {
            **_only(body, "version", "fields", "evidence", "note"),
            "register": register.id,
            "id": id,
            "step": step,
        }
        return await _done(request, visitor, "register.act", given, key)

    async def confirm(request: Request, visitor: Writing, key: Key, body: Body, id: Id) -> Response:
        return await _done(
            request, visitor, "register.confirm", {**_only(body, "version"), "register": register.id, "id": id}, key
        )

    async def withdraw(request: Request, visitor: Writing, key: Key, body: Body, id: Id) -> Response:
        return await _done(
            request,
            visitor,
            "register.withdraw",
            {**_only(body, "version", "note"), "register": register.id, "id": id},
            key,
        )

    lines = [f"* `{t.id}` {t.en} {t.zh}: {', '.join(t.source)} → {t.target}; by {', '.join(t.by)}"
             + (f", confirmed by {', '.join(t.second)}" if t.second else "")
             + (f"; needs {', '.join((*t.needs, *t.evidence))}" if t.needs or t.evidence else "") + (f"; taken by `{t.command}` alone" if t.command else "")
             for t in register.transitions]  # fmt: skip
    note = {"type": "string", "minLength": 1, "maxLength": 2000}
    _route(router, register, "POST", "records/{id}/steps/{step}", step, step_body(register), f"take a step in {register.en} 办理{register.zh}事项",
           "\n".join(lines))  # fmt: skip
    _route(router, register, "POST", "records/{id}/confirm", confirm, _object({"version": VERSION}, ["version"]),
           f"confirm a step in {register.en} 复核", "By another person with the role that the step names.")  # fmt: skip
    _route(router, register, "POST", "records/{id}/withdraw", withdraw, _object({"version": VERSION, "note": note}, ["version", "note"]),
           f"withdraw a step in {register.en} 撤回", "By who proposed it or could confirm it.")  # fmt: skip


def _add_files(router: APIRouter) -> None:
    @router.post("/files", tags=["files"], status_code=201,
                 responses={201: {"description": "kept", "content": {"application/json": {"schema": {"type": "object"}}}}, **answers(401, 403, 413, 422, 429)},
                 openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string",
                     "format": "binary"}}}}})  # fmt: skip
    async def keep(request: Request, visitor: Writing) -> Response:
        """Keep a file of evidence; the answer is its sha-256, which steps and fields name."""
        content = await raw_body(request)
        sha = await run_in_threadpool(desk_of(request).evidence.keep, content)
        return JSONResponse({"sha256": sha, "bytes": len(content)}, 201, headers={"Cache-Control": "no-store"})


def _add_import(router: APIRouter, register: Register) -> None:
    async def import_rows(
        request: Request, visitor: Writing, check: Annotated[bool, Query(description="only look")] = False
    ) -> Response:
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media not in ENDINGS:
            raise Refused(
                "content_type", f"the body is one of {', '.join(ENDINGS)}.", f"内容须为 {'、'.join(ENDINGS)} 之一。"
            )
        content = await raw_body(request)
        told = await run_in_threadpool(
            import_file, desk_of(request), visitor, register.id, f"rows{ENDINGS[media]}", content, check=check
        )
        return JSONResponse(
            told, 201 if told["entered"] and not told["repeated"] else 200, headers={"Cache-Control": "no-store"}
        )

    router.add_api_route(
        f"/{register.id}/import", import_rows, methods=["POST"], operation_id=f"{register.id}_import", tags=[register.id], status_code=201,
        summary=f"import into {register.en} 导入{register.zh}",
        description="A CSV (UTF-8) or workbook whose header names `id` and fields by id, Chinese or English name. All rows are entered or none; "
        "`findings` says why. The same file twice enters nothing new.",
        responses={201: {"description": "entered", "content": {"application/json": {"schema": {"type": "object"}}}},
                   200: {"description": "findings, or entered before", "content": {"application/json": {"schema": {"type": "object"}}}},
                   **answers(401, 403, 413, 422, 429, 503)},
        openapi_extra={"requestBody": {"required": True, "content": {m: {"schema": {"type": "string", "format": "binary"}} for m in ENDINGS}}},
    )  # fmt: skip


def import_file(
    desk: Desk, visitor: Visitor, register_id: str, name: str, content: bytes, *, check: bool
) -> dict[str, Any]:
    """Read a file and enter its rows (with `check`: only look). Returns rows, findings, how many were entered. Raises `Refused`
    where the visitor may not enter records, `QingshanError` where the file as a whole cannot be read."""
    register = register_of(desk, register_id)
    if not may_enter(desk, visitor, register):
        with desk.reading() as book:
            require_role(book, visitor.actor, register.create_by)
    with tempfile.TemporaryDirectory(prefix="qingshan-import-") as folder:
        path = File(folder) / File(name).name
        path.write_bytes(content)
        read = read_import(register, path, visitor.actor, desk.clock())
    findings: list[Finding] = list(read.findings)
    told: dict[str, Any] = {"rows": read.rows, "entered": 0, "record": None, "repeated": False}
    if read.command is not None:
        try:
            if check:
                with desk.reading() as book:
                    desk.venue.handlers[read.command.kind](book, read.command)
            else:
                done = desk.submit(visitor, read.command.kind, read.command.body, read.command.key)
                told |= {"entered": int(done.answer["entered"]), "record": done.seq, "repeated": done.repeated}
        except FaultyFields as error:
            findings = row_findings(read, error.faults, path.name)
    return told | {"findings": [f.record() for f in findings]}
