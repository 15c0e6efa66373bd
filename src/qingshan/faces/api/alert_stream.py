"""Alerts as server-sent events: `GET /network/NETWORK/alerts/stream`.

    id: 1034
    event: active
    data: {"rule": "nh3n_high", "site": "QX-5", "time": "2021-01-01T00:00:00", ...}

A reader who names the last number it has seen (`Last-Event-ID`, or `?after=`) gets what it missed; one who names none gets what comes from
now on. A comment is sent when nothing happens, so that both ends know the line is up. Readers hold no queue: each asks the log for what
is after its number, so that a slow one costs nothing.

`GET /api/networks/NETWORK/messages?to=RECIPIENT&after=N`: what a recipient was told, within the limit of `recipients.csv`.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from qingshan.core.errors import OutOfBounds, QingshanError, UnknownName
from qingshan.observe.alert.watch import Watch
from qingshan.observe.series.store import Observations

from .observations import problem

HEARTBEAT_S = 15.0
LOOK_S = 1.0
"""How often a network that has readers is looked at for changes."""
PATIENCE_S = 0.5
"""How long a reader who comes while a network is looked at waits for that."""
MOST, MOST_OF_ONE = 200, 8
"""Open streams of all readers, and of one address."""
AT_ONCE = 500
"""Events in one piece of the stream."""
AGAIN_MS = 3000


class TooManyReaders(QingshanError):
    """The server, or this reader, has as many streams open as it may."""

    code = "too_many_readers"


def labelled(store: Observations, network: str, record: dict[str, object]) -> dict[str, object]:
    """An event as it leaves the house: with the labels of the network its readings are of."""
    return record | {"labels": store.network(network).labels}


class Hub:
    """Watches of the networks that somebody reads, and one task for each of them while it has readers.

    A look replays a network over its history and may take long. One is made at a time for each network; what is read comes from the files
    of events and messages, which never wait for it, and a reader who comes while one is made takes what there is.
    """

    def __init__(self, store: Observations) -> None:
        self.store = store
        self._watches: dict[str, Watch] = {}
        self._woken: dict[str, set[asyncio.Event]] = {}
        self._from: Counter[str] = Counter()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._lock = threading.Lock()
        self._turn: dict[str, threading.Lock] = {}
        self._waiting: set[str] = set()

    @property
    def count(self) -> int:
        return self._from.total()

    def watch(self, network: str) -> Watch:
        """The watch of a network, which has looked just now, or is being made to by somebody else for longer than `PATIENCE_S`. Raises
        `UnknownName`; runs in a thread."""
        self.store.network(network)
        watch, turn = self._of(network)
        if turn.acquire(timeout=PATIENCE_S):
            try:
                watch.follow()
            finally:
                turn.release()
        return watch

    def look(self, network: str) -> None:
        """Look once after readings came in, reader or not: recipients are told as they agreed. One look waiting is enough; what is
        wrong with the rules is told where they are read. Runs in a thread."""
        watch, turn = self._of(network)
        with self._lock:
            if network in self._waiting:
                return
            self._waiting.add(network)
        with turn:
            with self._lock:
                self._waiting.discard(network)
            with suppress(QingshanError, OSError):
                watch.follow()

    def _of(self, network: str) -> tuple[Watch, threading.Lock]:
        """The watch of a network, and whose turn it is to look."""
        with self._lock:
            if network not in self._watches:
                self._watches[network] = Watch(self.store, network)
            return self._watches[network], self._turn.setdefault(network, threading.Lock())

    def messages(self, network: str, recipient: str, after: int) -> dict[str, object]:
        """What was sent to a recipient (all where ''), with the events told, and the numbers held back. Runs in a thread."""
        watch = self.watch(network)
        sent = watch.outbox.messages(recipient, after)[:AT_ONCE]
        waiting = watch.outbox.waiting()
        events = dict(watch.after(0))  # after the messages: another writes an event before it is told
        return {
            "messages": [
                {"number": n, **row, "told": [labelled(self.store, network, events[e]) for e in row["events"]]} for n, row in sent
            ],
            "held": {who: held for who, held in waiting.items() if recipient in ("", who)},
        }  # fmt: skip

    def after(self, network: str, number: int) -> list[tuple[int, dict[str, object]]]:
        watch, _ = self._of(network)
        return [(n, labelled(self.store, network, record)) for n, record in watch.after(number)]

    def join(self, network: str, who: str) -> asyncio.Event:
        """A new reader's bell. Raises `TooManyReaders`."""
        if self.count >= MOST or self._from[who] >= MOST_OF_ONE:
            raise TooManyReaders(
                f"no more than {MOST_OF_ONE} streams at once for one address, {MOST} in all.",
                f"一个地址同时最多 {MOST_OF_ONE} 条，总共最多 {MOST} 条。",
                fix="close another page of alerts / 请关闭其他预警页",
            )
        self._from[who] += 1
        bell = asyncio.Event()
        self._woken.setdefault(network, set()).add(bell)
        if network not in self._tasks or self._tasks[network].done():
            self._tasks[network] = asyncio.create_task(self._look(network))
        return bell

    def leave(self, network: str, who: str, bell: asyncio.Event) -> None:
        self._from[who] -= 1
        self._from += Counter()  # names at zero go
        self._woken.get(network, set()).discard(bell)

    async def _look(self, network: str) -> None:
        """While a network has readers: look, and ring where it has something they were not rung for, whoever wrote it."""
        told = 0
        while bells := self._woken.get(network):
            with suppress(
                QingshanError, OSError
            ):  # rules are being edited, or a load is moving files: the next look sees them whole
                newest = await run_in_threadpool(self._follow, network)
                for bell in list(bells) if newest > told else ():
                    bell.set()
                told = newest
            await asyncio.sleep(LOOK_S)

    def _follow(self, network: str) -> int:
        """Look unless somebody does; the number of the newest event."""
        watch, turn = self._of(network)
        if turn.acquire(blocking=False):
            try:
                watch.follow()
            finally:
                turn.release()
        return watch.last


def add_alert_stream(app: FastAPI, store: Observations) -> None:
    """The feed; anyone who may read the pages may follow it."""
    app.state.alerts = hub = Hub(store)

    @app.get("/network/{network}/alerts/stream")
    async def stream(request: Request, network: str) -> Response:
        who = request.client.host if request.client else "local"
        try:
            asked = _number(request)
            watch = await run_in_threadpool(hub.watch, network)
            bell = hub.join(network, who)
        except UnknownName as error:
            return problem(HTTPStatus.NOT_FOUND, error)
        except TooManyReaders as error:
            answer = problem(HTTPStatus.TOO_MANY_REQUESTS, error)
            answer.headers["Retry-After"] = "30"
            return answer
        except QingshanError as error:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, error)
        number = watch.last if asked is None else min(asked, watch.last)
        return StreamingResponse(
            _lines(request, hub, network, who, bell, number), media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )  # fmt: skip

    @app.get("/api/networks/{network}/messages")
    async def messages(request: Request, network: str) -> Response:
        try:
            after = _number(request) or 0
            found = await run_in_threadpool(hub.messages, network, request.query_params.get("to", "")[:200], after)
        except UnknownName as error:
            return problem(HTTPStatus.NOT_FOUND, error)
        except QingshanError as error:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, error)
        return Response(
            json.dumps(found, ensure_ascii=False), media_type="application/json", headers={"Cache-Control": "no-store"}
        )


def _number(request: Request) -> int | None:
    """The last number a reader has seen; None where it names none. Raises `OutOfBounds` for what is no number."""
    text = request.headers.get("last-event-id", "") or request.query_params.get("after", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise OutOfBounds(
            f"{text[:40]!r} is no number of an event.", f"{text[:40]!r} 不是事件编号。", fix="send the id of the last event / 请给出最后一个事件的编号"
        )  # fmt: skip
    return int(text)


async def _lines(
    request: Request, hub: Hub, network: str, who: str, bell: asyncio.Event, number: int
) -> AsyncIterator[str]:
    try:
        yield f"retry: {AGAIN_MS}\n: at {number}\n\n"
        while not await request.is_disconnected():
            bell.clear()
            while found := (await run_in_threadpool(hub.after, network, number))[:AT_ONCE]:
                yield "".join(event_text(n, record) for n, record in found)
                number = found[-1][0]
            try:
                await asyncio.wait_for(bell.wait(), HEARTBEAT_S)
            except TimeoutError:
                yield ": alive\n\n"
    finally:
        hub.leave(network, who, bell)


def event_text(number: int, record: dict[str, object]) -> str:
    """One event as the stream writes it; the text of an event holds no line break."""
    return f"id: {number}\nevent: {record['after']}\ndata: {json.dumps(record, ensure_ascii=False)}\n\n"
