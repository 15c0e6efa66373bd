"""What a reviewer decides, over HTTP: `POST /api/networks/NETWORK/decisions` by the form of the review page.

The form carries the token itself, so that nothing is decided by a cookie another site could use. The name that goes with
the token is kept with each decision. All chosen readings are decided on, or none.
"""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from urllib.parse import parse_qs, urlencode, urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from qingshan.core.errors import OutOfBounds, QingshanError, UnknownName
from qingshan.observe.quality.network import decide
from qingshan.observe.series.store import Observations

from .observations import problem
from .writers import NotAllowed, actor

LARGEST = 64 << 10
MOST = 50
LONGEST = 300


def add_decisions(app: FastAPI, store: Observations) -> None:
    """The route that takes decisions in. Whoever decides needs a token of the role `review`."""

    @app.post("/api/networks/{network}/decisions")
    async def take(request: Request, network: str) -> Response:
        try:
            form = await _form(request)
            author = actor("review", form.get("token", [""])[0])
            count = await run_in_threadpool(_decide, store, network, form, author)
        except NotAllowed as error:
            return problem(error.status, error)
        except UnknownName as error:
            return problem(HTTPStatus.NOT_FOUND, error)
        except QingshanError as error:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, error)
        return RedirectResponse(_back(form, network, count), HTTPStatus.SEE_OTHER)


async def _form(request: Request) -> dict[str, list[str]]:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST:
            raise OutOfBounds(f"the form has more than {LARGEST >> 10} KiB.", f"表单超过 {LARGEST >> 10} KiB。")
    try:
        return parse_qs(body.decode(), max_num_fields=MOST + 10)
    except ValueError:
        raise OutOfBounds(
            "the body is no form.", "请求体不是表单。", fix="send application/x-www-form-urlencoded"
        ) from None


def _decide(store: Observations, network: str, form: dict[str, list[str]], author: str) -> int:
    """Decide on every chosen reading; all are looked up before the first is written."""
    readings = [_reading(text) for text in form.get("reading", [])]
    decision, reason = (form.get(name, [""])[0] for name in ("decision", "reason"))
    if not 0 < len(readings) <= MOST:
        raise OutOfBounds(
            f"choose 1 to {MOST} readings, not {len(readings)}.",
            f"请选择 1 至 {MOST} 个读数，现为 {len(readings)} 个。",
        )
    if decision not in ("valid", "invalid") or not reason.strip() or len(reason) > LONGEST:
        raise OutOfBounds(
            f"a decision is valid or invalid, with a reason of up to {LONGEST} characters.",
            f"结论应为有效或无效，并写明不超过 {LONGEST} 字的理由。",
        )
    frame = store.scan(network, sorted({at.year for _, at in readings}), sorted({s for s, _ in readings}))
    known = set(frame.select("series", "start").collect().iter_rows())
    if unknown := [r for r in readings if r not in known]:
        raise UnknownName(
            f"{network} has no value of {unknown[0][0]} at {unknown[0][1]}.",
            f"{network} 没有 {unknown[0][0]} 在 {unknown[0][1]} 的值。",
        )
    for series, at in readings:
        decide(store, network, series, at, decision, reason=reason, author=author)
    return len(readings)


def _reading(text: str) -> tuple[str, datetime]:
    series, _, at = text.rpartition("~")
    try:
        return series, datetime.fromisoformat(at).replace(tzinfo=None)
    except ValueError:
        raise OutOfBounds(f"{text[:80]!r} names no reading.", f"{text[:80]!r} 不是读数。") from None


def _back(form: dict[str, list[str]], network: str, count: int) -> str:
    """The page the form came from, on this site alone, with how many were decided on."""
    asked = urlsplit(form.get("back", [""])[0])
    own = not asked.scheme and not asked.netloc and asked.path.endswith(f"/network/{network}/review")
    return (
        f"{asked.path if own else f'/zh/network/{network}/review'}?{urlencode({'of': 'decided', 'said': str(count)})}"
    )
