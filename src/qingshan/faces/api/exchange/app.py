"""The API as an application of its own: mounted under /api/exchange of the site, or run alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, FastAPI, Request, Response

import qingshan
from qingshan.faces.access.desk import Desk

from .private import add_private
from .problems import answer_problems, problem
from .public import add_public
from .signin import add_sign_in
from .stream import Hub, add_stream
from .writes import add_writes

__all__ = ["create_exchange_api", "guarded_api"]

LONGEST_ADDRESS = 4000
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
ABOUT = """Commands are POST with an `Idempotency-Key`; the same key and body give the same answer, the same key with another body is refused (409).
Quantities, prices and money are decimal texts. Errors are problem+json with a stable `code`. Lists give `next` to pass as `after`.
Sign in with the identity provider: browsers by /sign-in (cookie, and the header `X-CSRF-Token` from /me on every write), programs by a bearer token.
The market feed is a WebSocket at /stream."""


def create_exchange_api(desk: Desk) -> FastAPI:
    """The API of a desk."""
    router = APIRouter()
    for add in (add_public, add_private, add_sign_in, add_writes, add_stream):
        add(router)
    app = guarded_api(desk, "qingshan exchange", ABOUT, router)
    app.state.hub = Hub(desk)
    return app


def guarded_api(desk: Desk, title: str, about: str, router: APIRouter) -> FastAPI:
    """An application on a desk with its description at /openapi.json, problem+json and the same headers on every answer."""
    app = FastAPI(
        title=title,
        version=qingshan.__version__,
        description=about,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.state.desk = desk
    app.middleware("http")(guard)
    answer_problems(app)
    app.include_router(router)
    return app


async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Bounded addresses, the same headers on every answer."""
    if len(str(request.url)) > LONGEST_ADDRESS:
        response: Response = problem(414, "address", "the address is too long.", "网址过长。")
    else:
        response = await call_next(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
