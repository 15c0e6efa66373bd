"""Every command of the exchange as POST /<command>, e.g. /rights/surrender. Made from `rights/commands.toml`."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from qingshan.core.errors import QingshanError
from qingshan.faces.access.desk import Desk
from qingshan.ledger.book import Refused
from qingshan.ledger.venue import Receipt
from qingshan.rights.commands import CommandRow, commands

from .problems import PROBLEM, problem_of
from .schemas import RECEIPT, answers, body_of, receipt
from .visiting import Writing, desk_of, limited

__all__ = ["Body", "Key", "add_writes", "json_body"]

LARGEST_BODY = 1 << 20
MOST_ORDERS = 100
ANSWERED = {
    "type": "object",
    "required": ["items"],
    "properties": {"items": {"type": "array", "items": {"anyOf": [RECEIPT, PROBLEM]}}},
}


async def json_body(request: Request) -> dict[str, Any]:
    """The body as an object of bounded size. Raises `Refused`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused("content_type", "the body is application/json.", "内容须为 application/json。")
    raw = b""
    async for part in request.stream():
        raw += part
        if len(raw) > LARGEST_BODY:
            raise Refused(
                "too_large_body", f"a body has at most {LARGEST_BODY} bytes.", f"内容至多 {LARGEST_BODY} 字节。"
            )
    try:
        given = json.loads(raw)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise Refused("body", "the body is one JSON object.", "内容须为一个 JSON 对象。")
    return given


Body = Annotated[dict[str, Any], Depends(json_body)]
Key = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=100, pattern=r"^[\x21-\x7e]+$",
                            description="the same command sent again has the same key and gets the same answer")]  # fmt: skip


def add_writes(router: APIRouter) -> None:
    """A route for each command that people give."""
    for row in commands().values():
        if row.face:
            _add(router, row)

    _add_orders(router)


def _add_orders(router: APIRouter) -> None:
    """Many orders in one request: one session check and one fdatasync for all."""

    async def send_orders(request: Request, visitor: Writing, key: Key, body: Body) -> Response:
        desk: Desk = desk_of(request)
        orders = body.get("orders")
        if (
            set(body) != {"orders"}
            or not isinstance(orders, list)
            or not 0 < len(orders) <= MOST_ORDERS
            or not all(isinstance(o, dict) for o in orders)
        ):
            raise Refused(
                "orders", f"send 1 to {MOST_ORDERS} orders as `orders`.", f"在 orders 中给出 1–{MOST_ORDERS} 笔委托。"
            )
        limited(desk, request, "write", visitor, len(orders) - 1)
        done = await run_in_threadpool(desk.submit_many, visitor, "market.order", orders, key)
        items = [problem_of(d) if isinstance(d, QingshanError) else _told(d) for d in done]
        return JSONResponse({"items": items}, headers={"Cache-Control": "no-store"})

    orders = {"type": "array", "minItems": 1, "maxItems": MOST_ORDERS, "items": body_of(commands()["market.order"])}
    schema = {"type": "object", "additionalProperties": False, "properties": {"orders": orders}, "required": ["orders"]}
    router.add_api_route(
        "/market/orders", send_orders, methods=["POST"], operation_id="market_orders", tags=["market"], summary="several orders 批量委托",
        description="Decided in order, each done or refused by itself: `items` has a receipt or a problem for each. Order n has the idempotency key"
        " `KEY.n`, counted from 0, so that the same request sent again gives the same answers.",
        responses={200: {"description": "one item for each order", "content": {"application/json": {"schema": ANSWERED}}},
                   **answers(401, 403, 413, 422, 429, 503)},
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}},
    )  # fmt: skip


def _told(done: Receipt) -> dict[str, Any]:
    return {"record": done.seq, "answer": dict(done.answer), "repeated": done.repeated}


def _add(router: APIRouter, row: CommandRow) -> None:
    async def send(request: Request, visitor: Writing, key: Key, body: Body) -> Response:
        desk: Desk = desk_of(request)
        done = await run_in_threadpool(desk.submit, visitor, row.id, body, key)
        return JSONResponse(_told(done), 200 if done.repeated else 201, headers={"Cache-Control": "no-store"})

    second = f" Waits for a second person ({', '.join(row.second)})." if row.second else ""
    router.add_api_route(
        f"/{row.id.replace('.', '/')}", send, methods=["POST"], operation_id=row.id.replace(".", "_"), tags=[row.id.partition(".")[0]],
        summary=f"{row.en} {row.zh}", description=f"Given by: {', '.join(row.by)}.{second}", status_code=201,
        responses={**receipt(201, "done, durable"), **receipt(200, "done before with this key"), **answers(401, 403, 404, 409, 413, 422, 429, 503)},
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"schema": body_of(row)}}}},
    )  # fmt: skip
