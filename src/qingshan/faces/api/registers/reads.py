"""Reading registers: their declarations, records, shapes, deadlines, evidence."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse

from qingshan.faces.access.desk import Desk, Visitor
from qingshan.faces.access.registers import (
    due_told,
    entries_told,
    features_of,
    file_of,
    open_steps,
    record_told,
    register_of,
)
from qingshan.faces.api.exchange.public import After, Limit, page
from qingshan.faces.api.exchange.schemas import listed, reads_answers
from qingshan.faces.api.exchange.visiting import Reader, desk_of
from qingshan.registers.declaration import Register
from qingshan.registers.engine import in_register, visible

__all__ = ["Id", "add_reads"]

Name = Annotated[str, Path(min_length=1, max_length=80)]
Id = Annotated[str, Path(pattern=r"^[\w.:-]{1,80}$")]
State = Annotated[str, Query(max_length=80, description="records in this state")]
Word = Annotated[str, Query(alias="q", max_length=100, description="a word in a field")]
PRIVATE = {"Cache-Control": "no-store"}


def add_reads(router: APIRouter) -> None:
    _add_lists(router)
    _add_records(router)


def _counts(desk: Desk, visitor: Visitor, register: Register) -> dict[str, int]:
    """Records by state that the visitor may read."""
    counts = dict.fromkeys(register.state_by_id, 0)
    with desk.reading() as book:
        for r in in_register(register, book):
            counts[r.state] += visible(register, book, visitor.actor, r) is not None
    return counts


def _add_lists(router: APIRouter) -> None:
    get = router.get

    @get("/", tags=["registers"], responses=reads_answers(listed(), 401, 422, 429))
    def registers(request: Request, visitor: Reader) -> Response:
        """Registers as declared, with the number of records in each state."""
        desk = desk_of(request)
        items = [
            {"id": r.id, "zh": r.zh, "en": r.en, "counts": _counts(desk, visitor, r), "declaration": dict(r.content)}
            for r in desk.registers.values()
        ]
        return JSONResponse({"items": items}, headers=PRIVATE)

    @get("/due", tags=["registers"], responses=reads_answers(listed(), 401, 404, 422, 429))
    def every_due(
        request: Request, visitor: Reader, register: Annotated[str, Query(max_length=80)] = "", late: bool = False
    ) -> Response:
        """Deadlines that run, the most urgent first; `late`: only what is overdue. An empty `on` says why it is not known."""
        desk = desk_of(request)
        chosen = {register: register_of(desk, register)} if register else dict(desk.registers)
        return JSONResponse(
            {"items": [d for d in due_told(desk, visitor, chosen) if d["overdue"] or not late]}, headers=PRIVATE
        )

    @get("/{register}", tags=["registers"], responses=reads_answers({"type": "object"}, 401, 404, 422, 429))
    def declaration(request: Request, visitor: Reader, register: Name) -> Response:
        """The declaration of a register."""
        desk = desk_of(request)
        made = register_of(desk, register)
        return JSONResponse({"id": made.id, "zh": made.zh, "en": made.en, "counts": _counts(desk, visitor, made), "declaration": dict(made.content)},
                            headers=PRIVATE)  # fmt: skip

    @get("/{register}/records", tags=["records"], responses=reads_answers(listed(), 401, 404, 422, 429))
    def records(request: Request, visitor: Reader, register: Name, state: State = "", word: Word = "", overdue: bool = False, after: After = "",
                limit: Limit = 100) -> Response:  # fmt: skip
        """Records with the fields that the visitor may read."""
        desk = desk_of(request)
        found = entries_told(
            desk,
            visitor,
            register_of(desk, register),
            state=state,
            word=word,
            after=after,
            overdue=overdue,
            limit=limit + 1,
        )
        return page(found, limit, lambda r: r["id"])

    @get(
        "/{register}/records.geojson", tags=["records"], responses=reads_answers({"type": "object"}, 401, 404, 422, 429)
    )
    def shapes(
        request: Request, visitor: Reader, register: Name, state: State = "", word: Word = "", overdue: bool = False
    ) -> Response:
        """Shapes of the records, in degrees."""
        desk = desk_of(request)
        made = register_of(desk, register)
        found = entries_told(desk, visitor, made, state=state, word=word, overdue=overdue)
        return JSONResponse(features_of(made, found), media_type="application/geo+json", headers=PRIVATE)


def _add_records(router: APIRouter) -> None:
    get = router.get

    @get("/{register}/records/{id}", tags=["records"], responses=reads_answers({"type": "object"}, 401, 404, 422, 429))
    def record(request: Request, visitor: Reader, register: Name, id: Id) -> Response:
        """A record with history, evidence, deadlines and the steps open to the visitor; ETag is its version."""
        desk = desk_of(request)
        made = register_of(desk, register)
        shown = record_told(desk, visitor, made, id)
        may = open_steps(desk, visitor, made, shown)
        shown["may"] = may | {"steps": [t.id for t in may["steps"]]}
        etag = f'"{shown["version"]}"'
        if not visitor and request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        return JSONResponse(shown, headers=PRIVATE | {"ETag": etag})

    @get("/{register}/records/{id}/files/{sha}", tags=["records"],
         responses={200: {"description": "the file", "content": {"application/octet-stream": {}}},
                    **{k: v for k, v in reads_answers({}, 401, 404, 422, 429).items() if k != 200}})  # fmt: skip
    def evidence(
        request: Request, visitor: Reader, register: Name, id: Id, sha: Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
    ) -> Any:
        """A file that is evidence of a record, for those who may read its private fields."""
        desk = desk_of(request)
        name, path = file_of(desk, visitor, register_of(desk, register), id, sha)
        return FileResponse(path, media_type="application/octet-stream", filename=f"{id}-{name}", headers=PRIVATE)
