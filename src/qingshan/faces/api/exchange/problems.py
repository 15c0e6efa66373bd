"""What is told when something cannot be done: problem+json (RFC 9457) with the ledger's stable codes."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from qingshan.core.errors import QingshanError, UnknownName
from qingshan.faces.access.oidc import SignInFailed
from qingshan.ledger.journal import JournalStopped
from qingshan.registers.engine import FaultyFields

__all__ = ["BY_CODE", "PROBLEM", "answer_problems", "problem", "problem_of", "status_of"]

MEDIA = "application/problem+json"
BY_CODE = {
    "not_signed_in": 401, "forbidden": 403, "not_operator": 403, "same_person": 403, "csrf": 403, "cross_site": 403, "key_reused": 409, "stale": 409,
    "duplicate": 409, "duplicate_order": 409, "settled_twice": 409, "wrong_state": 409, "market_state": 409, "same_day": 409, "waiting": 409,
    "nothing_waits": 409, "auction_state": 409, "cooling_off": 409, "too_few_units": 409, "not_available": 409, "gone": 410, "too_large_body": 413,
    "not_unique": 409, "not_editable": 409, "by_command": 409, "store_full": 507,
    "too_many": 429, "busy": 503, "handler_failed": 500,
}  # fmt: skip
PROBLEM: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "detail_zh"],
    "properties": {
        "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"}, "detail": {"type": "string"},
        "code": {"type": "string", "description": "stable; see docs/exchange.md"}, "detail_zh": {"type": "string"},
        "instance": {"type": "string"}, "fix": {"type": "string"},
        "faults": {"type": "array", "items": {"type": "object", "properties": {
            "field": {"type": "string"}, "detail": {"type": "string"}, "detail_zh": {"type": "string"}}}},
    },
}  # fmt: skip


def status_of(error: QingshanError) -> int:
    """The HTTP status of an error by its kind and code."""
    if isinstance(error, JournalStopped):
        return 503
    if isinstance(error, SignInFailed):
        return 401
    if isinstance(error, UnknownName) or (error.code.startswith("unknown_") and error.code != "unknown_command"):
        return 404
    return BY_CODE.get(error.code, 422)


def problem(
    status: int,
    code: str,
    en: str,
    zh: str,
    *,
    instance: str = "",
    fix: str = "",
    faults: list[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """An answer that says what is wrong in both languages."""
    content = _content(status, code, en, zh, instance, fix, faults)
    return JSONResponse(content, status, headers={"Cache-Control": "no-store"} | (headers or {}), media_type=MEDIA)


def _content(
    status: int, code: str, en: str, zh: str, instance: str, fix: str, faults: list[dict[str, str]] | None
) -> dict[str, Any]:
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": en,
        "detail_zh": zh,
    }
    content |= {k: v for k, v in (("instance", instance), ("fix", fix), ("faults", faults)) if v}
    return content


def problem_of(error: QingshanError) -> dict[str, Any]:
    """The problem of one item among several."""
    return _content(status_of(error), error.code, error.en, error.zh, "", error.fix, _faults(error))


def _faults(error: QingshanError) -> list[dict[str, str]] | None:
    if not isinstance(error, FaultyFields):
        return None
    return [{"field": n, "detail": en, "detail_zh": zh} for n, en, zh in error.faults]


def told(error: QingshanError, instance: str = "") -> JSONResponse:
    """The answer to an error of the ledger."""
    headers = {"WWW-Authenticate": "Bearer"} if status_of(error) == 401 else {}
    if wait := getattr(error, "wait", 0):
        headers["Retry-After"] = str(wait)
    return problem(
        status_of(error),
        error.code,
        error.en,
        error.zh,
        instance=instance,
        fix=error.fix,
        faults=_faults(error),
        headers=headers,
    )


def answer_problems(app: FastAPI) -> None:
    """Every error of an app as a problem."""

    @app.exception_handler(QingshanError)
    async def refused(request: Request, error: QingshanError) -> Response:
        return told(error, request.url.path)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        faults = [
            {
                "field": ".".join(str(p) for p in e["loc"][1:]) or str(e["loc"][0]),
                "detail": str(e["msg"]),
                "detail_zh": f"取值有误：{e['msg']}",
            }
            for e in error.errors()[:50]
        ]
        return problem(
            422,
            "parameters",
            "some parameters cannot be taken.",
            "部分参数不符合要求。",
            instance=request.url.path,
            faults=faults,
        )

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        words = {
            404: ("not_found", "there is no such address.", "没有这个地址。"),
            405: ("method", "this method is not offered here.", "此处不支持该方法。"),
        }
        code, en, zh = words.get(error.status_code, ("http", "the request cannot be answered.", "不能回答这个请求。"))
        return problem(error.status_code, code, en, zh, instance=request.url.path, headers=dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        return problem(
            500,
            "bug",
            "a fault of the program; the service's log says why.",
            "程序出错，服务日志中有记录。",
            instance=request.url.path,
        )
