"""The market feed over WebSocket: a picture, then numbered messages; what a reader missed is sent again, or a new picture.

/stream?asset=…[&after=n]   server: picture or the messages after n, then deltas; {"type": "resync", "after": n} from the client asks again
                            a reader too slow for the feed gets {"type": "gap"} and a new picture: no number is ever skipped in silence
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import defaultdict
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from qingshan.faces.access.desk import Desk
from qingshan.rights.tape import Message

__all__ = ["Hub", "add_stream"]

WAITING = 2000
"""Messages that wait for one reader before it is told of a gap."""
MOST_READERS = 2000
PING_S = 20.0
LONGEST_WORD = 500


class _Reader:
    """`last` is the number it was sent last; `wanted` the number it asked to go on from."""

    def __init__(self, asset: str, loop: asyncio.AbstractEventLoop) -> None:
        self.asset, self.loop = asset, loop
        self.queue: asyncio.Queue[tuple[int, str] | None] = asyncio.Queue()
        self.lost, self.last = False, 0
        self.wanted: int | None = None

    def give(self, texts: list[tuple[int, str]]) -> None:
        """In the loop's thread. A reader who is behind loses what waited and is told so."""
        if self.lost:
            return
        if self.queue.qsize() + len(texts) > WAITING:
            self.lose(None)
            return
        for text in texts:
            self.queue.put_nowait(text)

    def lose(self, wanted: int | None) -> None:
        """Start again: from `wanted`, or from a new picture."""
        self.lost, self.wanted = True, wanted
        while not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait(None)


class Hub:
    """Readers by market. `publish` is called by the ledger's writer, each text made once for all."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._readers: dict[str, set[_Reader]] = defaultdict(set)
        self._lock = threading.Lock()
        desk.listeners.append(self.publish)

    @property
    def count(self) -> int:
        return sum(len(r) for r in self._readers.values())

    def publish(self, messages: list[Message]) -> None:
        by_asset: dict[str, list[Message]] = defaultdict(list)
        for m in messages:
            by_asset[m.asset].append(m)
        for asset, own in by_asset.items():
            with self._lock:
                readers = list(self._readers.get(asset, ()))
            if readers:
                texts = [(m.number, json.dumps(m.written(), separators=(",", ":"))) for m in own]
                for reader in readers:
                    with suppress(RuntimeError):  # its loop is closing
                        reader.loop.call_soon_threadsafe(reader.give, texts)

    def join(self, asset: str, after: int | None, loop: asyncio.AbstractEventLoop) -> tuple[_Reader, list[str]]:
        """A new reader and what it gets first; nothing is lost between the two."""
        reader = _Reader(asset, loop)
        with self.desk.reading():
            first = self.start(reader, after)
            with self._lock:
                self._readers[asset].add(reader)
        return reader, first

    def start(self, reader: _Reader, after: int | None) -> list[str]:
        """The messages after a number, or a picture; what is in there and still on its way is not sent twice."""
        with self.desk.reading():
            strip = self.desk.tape.strips[reader.asset]
            missed = None if after is None else strip.after(after)
            kept = missed is not None and len(missed) <= WAITING
            told: list[dict[str, Any]] = [m.written() for m in missed or ()] if kept else [strip.picture()]
            reader.last, reader.lost = strip.number, False
        return [json.dumps(x, separators=(",", ":")) for x in told]

    def leave(self, reader: _Reader) -> None:
        with self._lock:
            self._readers[reader.asset].discard(reader)


def add_stream(router: APIRouter) -> None:
    """The feed; anyone may read it."""

    @router.websocket("/stream")
    async def stream(socket: WebSocket, asset: str = "", after: str = "") -> None:
        hub: Hub = socket.app.state.hub
        who = socket.client.host if socket.client else "local"
        if asset not in hub.desk.tape.strips or (
            after and not (after.isascii() and after.isdigit() and len(after) < 16)
        ):
            await socket.close(4404, "no such market")
            return
        if hub.count >= MOST_READERS or hub.desk.limits.wait("stream", who, time.monotonic()):
            await socket.close(4429, "too many readers")
            return
        await socket.accept()
        loop = asyncio.get_running_loop()
        reader, first = await asyncio.to_thread(hub.join, asset, int(after) if after else None, loop)
        try:
            for text in first:
                await socket.send_text(text)
            await _talk(socket, hub, reader)
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            hub.leave(reader)


async def _talk(socket: WebSocket, hub: Hub, reader: _Reader) -> None:
    """Send what comes, listen for `resync`, until one of both ends."""
    sender = asyncio.create_task(_send(socket, hub, reader))
    try:
        while not sender.done():
            word = await socket.receive_text()
            if len(word) > LONGEST_WORD:
                await socket.close(1009)
                return
            with suppress(ValueError, AttributeError, TypeError):
                asked = json.loads(word)
                number = asked.get("after")
                if asked.get("type") == "resync" and (number is None or (isinstance(number, int) and number >= 0)):
                    reader.lose(number)
    finally:
        sender.cancel()
        with suppress(asyncio.CancelledError, RuntimeError, WebSocketDisconnect):
            await sender


async def _send(socket: WebSocket, hub: Hub, reader: _Reader) -> None:
    while True:
        try:
            item = await asyncio.wait_for(reader.queue.get(), PING_S)
        except TimeoutError:
            await socket.send_text('{"type":"alive"}')
            continue
        if item is None:
            await socket.send_text('{"type":"gap"}')
            for text in await asyncio.to_thread(hub.start, reader, reader.wanted):
                await socket.send_text(text)
        elif item[0] > reader.last:
            reader.last = item[0]
            await socket.send_text(item[1])
