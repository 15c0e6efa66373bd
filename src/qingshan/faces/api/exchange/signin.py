"""Signing in and out: with the identity provider, as the offline administrator at the machine itself, and, in a synthetic venue, as a demo person."""

from __future__ import annotations

import ipaddress
import secrets
import time
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from qingshan.faces.access.desk import Desk
from qingshan.faces.access.oidc import SignInFailed
from qingshan.faces.access.sessions import ABSOLUTE_S, SIGN_IN_S, StartedSignIn
from qingshan.ledger.book import Refused
from qingshan.registers.actors import roles_of

from .schemas import answers
from .visiting import COOKIE, check_csrf, desk_of, limited, visitor_of

__all__ = ["add_sign_in", "at_the_machine", "form_of"]

BROWSER = "qingshan_sign_in"
LARGEST_FORM = 100_000
Next = Annotated[str, Query(max_length=500)]
MOVED: dict[int | str, dict[str, Any]] = {303: {"description": "goes on to `next`"}}


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, each once. Raises `Refused`."""
    raw = b""
    async for part in request.stream():
        raw += part
        if len(raw) > LARGEST_FORM:
            raise Refused("too_large_body", "the form is too large.", "表单过大。")
    try:
        return dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=200))
    except ValueError:
        raise Refused("body", "the form cannot be read.", "表单无法读取。") from None


def at_the_machine(request: Request) -> bool:
    """Whether the request comes from this machine."""
    try:
        return request.client is None or ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _local_path(next: str) -> str:
    """An address on this site, else its front page."""
    plain = next.startswith("/") and not next.startswith(("//", "/\\")) and next.isprintable() and "\\" not in next
    return next if plain and len(next) <= 500 else "/"


def _signed_in(desk: Desk, request: Request, actor: str, how: str, next: str) -> Response:
    """A new session in place of the old one, if any."""
    if old := request.cookies.get(COOKIE):
        desk.sessions.end(old)
    token = desk.sessions.begin(actor, how, time.time())
    answer = RedirectResponse(_local_path(next), 303, headers={"Cache-Control": "no-store"})
    answer.set_cookie(
        COOKIE, token, max_age=ABSOLUTE_S, httponly=True, samesite="lax", secure=request.url.scheme == "https", path="/"
    )
    answer.delete_cookie(BROWSER, path="/")
    return answer


def add_sign_in(router: APIRouter) -> None:
    """The addresses under /sign-in, and /sign-out."""
    _add_provider(router)
    _add_here(router)

    @router.post("/sign-out", tags=["sign-in"], status_code=303, responses={**MOVED, **answers(401, 403, 413, 422)})
    async def sign_out(request: Request) -> Response:
        """Ends the session. Form fields: csrf, next."""
        desk = desk_of(request)
        form = await form_of(request)
        check_csrf(request, visitor_of(request), form.get("csrf", ""))
        desk.sessions.end(request.cookies.get(COOKIE, ""))
        answer = RedirectResponse(
            _local_path(form.get("next", "/")), 303, headers={"Cache-Control": "no-store", "Clear-Site-Data": '"cache"'}
        )
        answer.delete_cookie(COOKIE, path="/")
        return answer


def _add_provider(router: APIRouter) -> None:
    """Through the identity provider: there and back."""

    @router.get("/sign-in", tags=["sign-in"], status_code=303, responses={**MOVED, **answers(401, 404, 422, 429)})
    def start(request: Request, next: Next = "/") -> Response:
        """To the identity provider."""
        desk = desk_of(request)
        limited(desk, request, "sign_in")
        if desk.provider is None:
            fix = "see docs/exchange.md / 见 docs/exchange.md"
            raise Refused("unknown_provider", "no identity provider is set up here.", "尚未配置统一身份认证。", fix=fix)
        url, state, nonce, verifier = desk.provider.start(_redirect(request))
        browser = secrets.token_urlsafe(32)
        desk.sessions.start_sign_in(state, StartedSignIn(nonce, verifier, browser, _local_path(next)), time.time())
        answer = RedirectResponse(url, 303, headers={"Cache-Control": "no-store"})
        answer.set_cookie(
            BROWSER,
            browser,
            max_age=SIGN_IN_S,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
            path="/",
        )
        return answer

    @router.get("/sign-in/back", tags=["sign-in"], status_code=303, responses={**MOVED, **answers(401, 422, 429)})
    def back(
        request: Request,
        state: Annotated[str, Query(max_length=200)] = "",
        code: Annotated[str, Query(max_length=4000)] = "",
    ) -> Response:
        """From the identity provider."""
        desk = desk_of(request)
        limited(desk, request, "sign_in")
        started = desk.sessions.finish_sign_in(state, request.cookies.get(BROWSER, ""), time.time())
        if started is None or not code or desk.provider is None:
            raise SignInFailed(
                "the sign-in was not begun here, or too long ago.",
                "登录不是从这里开始的，或已超时。",
                fix="sign in again / 重新登录",
            )
        login = desk.provider.finish(_redirect(request), code, started.verifier, started.nonce)
        actor = desk.actor_of(login)
        if not actor:
            raise SignInFailed(f"nobody here has the identity {login!r}.", f"没有与身份 {login!r} 对应的用户。",
                               fix="the administrator enters it in the field `login` / 由管理员在用户的“统一登录标识”中登记")  # fmt: skip
        return _signed_in(desk, request, actor, "oidc", started.next)


def _add_here(router: APIRouter) -> None:
    """Without a provider, at the machine itself: the administrator, and the made-up persons of a synthetic venue."""

    @router.post(
        "/sign-in/local", tags=["sign-in"], status_code=303, responses={**MOVED, **answers(401, 403, 413, 422, 429)}
    )
    async def local(request: Request) -> Response:
        """The offline administrator, at the machine itself. Form fields: actor, password, next."""
        desk = desk_of(request)
        limited(desk, request, "sign_in")
        check_csrf(request, desk.visitor(""), "")
        form = await form_of(request)
        right = at_the_machine(request) and await run_in_threadpool(
            desk.administrators.check, desk.venue.book, form.get("actor", ""), form.get("password", "")
        )
        if not right:
            raise SignInFailed(
                "the name or the password is wrong, or this is not the machine itself.",
                "名称或口令不对，或不是在本机登录。",
            )
        return _signed_in(desk, request, form["actor"], "local", form.get("next", "/"))

    @router.post(
        "/sign-in/demo", tags=["sign-in"], status_code=303, responses={**MOVED, **answers(401, 403, 413, 422, 429)}
    )
    async def demo(request: Request) -> Response:
        """In a synthetic venue on this machine: take the part of one of its made-up persons. Form fields: actor, next."""
        desk = desk_of(request)
        check_csrf(request, desk.visitor(""), "")
        form = await form_of(request)
        actor = form.get("actor", "")
        if not (desk.synthetic and at_the_machine(request) and roles_of(desk.venue.book, actor)):
            raise SignInFailed(
                "only a synthetic venue on this machine lets one choose.", "只有本机上的示意交易所可以自选身份。"
            )
        return _signed_in(desk, request, actor, "demo", form.get("next", "/"))


def _redirect(request: Request) -> str:
    return str(request.url_for("back"))
