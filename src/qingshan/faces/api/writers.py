"""Who may write over HTTP: a bearer token for a role, named in the environment. There is no default; unset means nobody.

    QINGSHAN_TOKEN_LOAD="lims:<secret of 24 characters or more>"

Several actors are separated by commas. The actor's name goes into what he writes.
"""

from __future__ import annotations

import hmac
import os
from http import HTTPStatus

from fastapi import Request

from qingshan.core.errors import QingshanError

ROLES = ("load", "review")
SHORTEST = 24


class NotAllowed(QingshanError):
    """The request may not write. `status` is what it is answered with."""

    code = "not_allowed"

    def __init__(self, status: HTTPStatus, en: str, zh: str, *, fix: str = "") -> None:
        self.status = status
        super().__init__(en, zh, fix=fix)


def variable(role: str) -> str:
    return f"QINGSHAN_TOKEN_{role.upper()}"


def writer(request: Request, role: str) -> str:
    """The actor whose token the request carries. Raises `NotAllowed`: 403 where the server names no token for the role,
    401 where the request carries none of them."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    return actor(role, given.strip() if scheme.lower() == "bearer" else "")


def actor(role: str, given: str) -> str:
    """The actor of a token that came another way, such as in a form. Raises as `writer`."""
    found = ""
    for name, secret in _actors(role):  # all are compared, whichever fits
        if hmac.compare_digest(secret.encode(), given.encode()):
            found = name
    if not found:
        raise NotAllowed(
            HTTPStatus.UNAUTHORIZED, "the request carries no token that may write.", "请求没有可写入的令牌。",
            fix="send Authorization: Bearer TOKEN / 请发送 Authorization: Bearer 令牌",
        )  # fmt: skip
    return found


def _actors(role: str) -> list[tuple[str, str]]:
    name = variable(role)
    pairs = [p.strip().partition(":") for p in os.environ.get(name, "").split(",") if p.strip()]
    if not pairs:
        raise NotAllowed(
            HTTPStatus.FORBIDDEN, "this server takes nothing in: no token is set.", "本服务没有设置令牌，不接受写入。",
            fix=f"set {name}=ACTOR:SECRET / 设置环境变量 {name}=操作者:密钥",
        )  # fmt: skip
    if any(not actor or len(secret) < SHORTEST for actor, _, secret in pairs):
        raise NotAllowed(
            HTTPStatus.FORBIDDEN, f"{name} is not ACTOR:SECRET with a secret of {SHORTEST} characters or more.",
            f"{name} 应为 操作者:密钥，密钥至少 {SHORTEST} 个字符。", fix="set it again / 请重新设置",
        )  # fmt: skip
    return [(actor, secret) for actor, _, secret in pairs]
