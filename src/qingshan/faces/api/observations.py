"""Readings sent over HTTP: `POST /api/networks/NETWORK/observations`, a file as the body, one load.

    curl -H "Authorization: Bearer $TOKEN" --data-binary @rows.csv http://127.0.0.1:8765/api/networks/water/observations

CSV, JSON, xlsx, Parquet and SensorThings batches are told apart by their content. The answer is the report of the load.
"""

from __future__ import annotations

import json
import tempfile
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request, Response
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from qingshan.core.errors import QingshanError, UnknownName
from qingshan.observe.series.load import LoadReport
from qingshan.observe.series.store import NetworkBusy, Observations

from .writers import NotAllowed, writer

LARGEST = 64 << 20
FINDINGS = 200
LONGEST = 200


def add_observations(app: FastAPI, store: Observations) -> None:
    """The route that takes readings in. Whoever writes needs a token of the role `load`."""

    @app.post("/api/networks/{network}/observations")
    async def take(request: Request, network: str) -> Response:
        try:
            author = writer(request, "load")
            store.network(network)
            with tempfile.TemporaryDirectory(prefix="qingshan-") as folder:
                body = Path(folder) / "body"
                await _receive(request, body)
                report = await run_in_threadpool(_load, store, network, body, request, author)
        except NotAllowed as error:
            answer = problem(error.status, error)
            if error.status == HTTPStatus.UNAUTHORIZED:
                answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        except _TooLarge as error:
            return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, error)
        except UnknownName as error:
            return problem(HTTPStatus.NOT_FOUND, error)
        except NetworkBusy as error:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, error)
        except QingshanError as error:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, error)
        taken = report.n_new + report.n_versions
        record = report.record() | {"labels": store.network(network).labels}
        record["findings"] = record["findings"][:FINDINGS]
        answer = _json(record, HTTPStatus.CREATED if taken else HTTPStatus.OK)
        if taken:
            answer.background = BackgroundTask(
                request.app.state.alerts.look, network
            )  # recipients are told without a reader
        return answer


class _TooLarge(QingshanError):
    code = "too_large"


async def _receive(request: Request, body: Path) -> None:
    """The body into a file, no more than `LARGEST` bytes of it."""
    size = 0
    with body.open("wb") as out:
        async for piece in request.stream():
            size += len(piece)
            if size > LARGEST:
                raise _TooLarge(
                    f"the body has more than {LARGEST >> 20} MiB.", f"请求体超过 {LARGEST >> 20} MiB。",
                    fix="send it in parts, or load the file with qingshan observe load / 分批发送，或用 qingshan observe load 载入",
                )  # fmt: skip
            out.write(piece)


def _load(store: Observations, network: str, body: Path, request: Request, author: str) -> LoadReport:
    asked = {k: v[:LONGEST] for k, v in request.query_params.items()}
    return store.load(
        network, body, reader=asked.get("reader", ""), author=author, reason=asked.get("reason", ""),
        strict=asked.get("strict", "") in ("1", "true"), name=asked.get("name", "POST"), wait=10.0,
    )  # fmt: skip


def _json(content: object, status: int) -> Response:
    text = json.dumps(content, ensure_ascii=False)
    return Response(text, status, media_type="application/json", headers={"Cache-Control": "no-store"})


def problem(status: HTTPStatus, error: QingshanError) -> Response:
    content = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": error.en, "detail_zh": error.zh,
               "fix": error.fix}  # fmt: skip
    answer = _json(content, status)
    answer.headers["Content-Type"] = "application/problem+json"
    return answer
