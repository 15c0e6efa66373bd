"""Who sends a request: cookie session or bearer token; limits on rates; the form token that every write by cookie needs."""

from __future__ import annotations

import time
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from qingshan.faces.access.desk import Desk, Visitor
from qingshan.faces.access.oidc import SignInFailed
from qingshan.ledger.book import Refused

__all__ = ["COOKIE", "Reader", "TooMany", "Writing", "caller", "check_csrf", "desk_of", "limited", "visitor_of"]

COOKIE = "qingshan_session"
CSRF_HEADER = "x-csrf-token"


class TooMany(Refused):
    """`wait` seconds until the next request is taken."""

    def __init__(self, wait: float) -> None:
        self.wait = max(1, int(wait + 0.999))
        super().__init__(
            "too_many", f"too many requests; wait {self.wait} s.", f"请求过于频繁，请等待 {self.wait} 秒。"
        )


def desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


def caller(request: Request) -> str:
    """Whose bucket a request empties: the address it came from. A signed-in actor has one of his own besides."""
    return request.client.host if request.client else "local"


def limited(desk: Desk, request: Request, kind: str, visitor: Visitor | None = None, many: int = 1) -> None:
    """Raises `TooMany`."""
    who = visitor.actor if visitor else caller(request)
    if wait := desk.limits.wait(kind, who, time.monotonic(), many):
        raise TooMany(wait)


def visitor_of(request: Request) -> Visitor:
    """The visitor by bearer token or cookie; the public where there is neither. Raises `SignInFailed` for a token that does not hold."""
    desk = desk_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme:
        limited(desk, request, "read")
        if scheme.lower() != "bearer" or desk.provider is None or len(token) > 8000:
            raise SignInFailed("this kind of authorization is not taken.", "不支持这种授权方式。")
        actor = desk.actor_of(desk.provider.bearer(token.strip()))
        if not actor:
            raise SignInFailed("nobody here has this identity.", "没有与此身份对应的用户。")
        return Visitor(actor)
    return desk.visitor(request.cookies.get(COOKIE, ""))


def check_csrf(request: Request, visitor: Visitor, given: str) -> None:
    """A write by cookie bears the session's form token and comes from this site. Raises `Refused`."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Refused("cross_site", "writes come from this site only.", "只接受本站发出的写入。")
    origin = request.headers.get("origin")
    if origin and urlsplit(origin).netloc != request.headers.get("host", ""):
        raise Refused("cross_site", "writes come from this site only.", "只接受本站发出的写入。")
    if visitor.session is not None and not visitor.session.holds(given):
        raise Refused(
            "csrf",
            "the form's token is not this session's.",
            "表单令牌与会话不符。",
            fix="load the page again / 重新载入页面",
        )


def _reader(request: Request) -> Visitor:
    visitor = visitor_of(request)
    limited(desk_of(request), request, "read", visitor)
    return visitor


def _writer(request: Request) -> Visitor:
    visitor = visitor_of(request)
    if not visitor:
        raise Refused("not_signed_in", "sign in first.", "请先登录。")
    limited(desk_of(request), request, "write", visitor)
    check_csrf(request, visitor, request.headers.get(CSRF_HEADER, ""))
    return visitor


Reader = Annotated[Visitor, Depends(_reader)]
Writing = Annotated[Visitor, Depends(_writer)]
