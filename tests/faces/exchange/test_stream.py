"""The feed: a reader's book is the ledger's whatever it missed. A loaded server in test_stream_under_load."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.websockets import WebSocketDisconnect
from websockets.sync.client import connect

from qingshan.faces.api.exchange import create_exchange_api, stream
from qingshan.faces.api.exchange.stream import Hub
from qingshan.rights.feed import depth

from .counter import YUAN, Counter, T


class Book:
    """A reader as it should be: takes the picture, then each number once; a number that is not the next is a gap."""

    def __init__(self) -> None:
        self.number, self.levels, self.gaps, self.pictures, self.trades = -1, dict[tuple[str, str], str](), 0, 0, 0

    def take(self, said: dict[str, Any]) -> bool:
        """False where something was missed: then ask again."""
        if said["type"] == "picture":
            self.number, self.levels = said["number"], {(s, p): q for s, p, q, _ in said["levels"]}
            self.pictures += 1
        elif said["type"] == "gap":
            self.gaps += 1
        elif said["type"] == "delta":
            if said["number"] != self.number + 1:
                return False
            self.number += 1
            self.trades += len(said["trades"])
            for side, price, quantity, _ in said["levels"]:
                if quantity == "0":
                    self.levels.pop((side, price), None)
                else:
                    self.levels[side, price] = quantity
        return True


def as_book(counter: Counter) -> dict[tuple[str, str], str]:
    with counter.desk.reading() as book:
        sides = depth(book, counter.asset, levels=1000)
    return {
        (s, str(p // YUAN) if p % YUAN == 0 else f"{p / YUAN:.2f}".rstrip("0")): str(q // T)
        for s, rows in sides.items()
        for p, q, _ in rows
    }


def test_a_picture_then_numbered_messages(counter: Counter) -> None:
    x, y = counter.client("traderX"), counter.client("traderY")
    x.order("s1", "sell", "50", "30")
    mine = Book()
    with counter.client().websocket_connect(f"/stream?asset={counter.asset}") as socket:
        assert mine.take(socket.receive_json()) and mine.levels == {("sell", "50"): "30"}
        x.order("s2", "sell", "51", "5")
        y.order("b1", "buy", "50", "12", picks=["s1"], kind="ioc")
        assert mine.take(socket.receive_json()) and mine.take(socket.receive_json())
    assert mine.levels == as_book(counter) == {("sell", "50"): "18", ("sell", "51"): "5"}
    assert (mine.trades, mine.gaps) == (1, 0)


def test_what_was_missed_is_sent_again(counter: Counter) -> None:
    x, url = counter.client("traderX"), f"/stream?asset={counter.asset}"
    with counter.client().websocket_connect(url) as socket:
        picture = socket.receive_json()
    for n in range(5):
        x.order(f"s{n}", "sell", "50", "1")
    with counter.client().websocket_connect(f"{url}&after={picture['number']}") as socket:
        numbers = [socket.receive_json()["number"] for _ in range(5)]
        assert numbers == [picture["number"] + n for n in range(1, 6)]
        socket.send_json({"type": "resync", "after": picture["number"] + 3})
        assert socket.receive_json() == {"type": "gap"}
        assert [socket.receive_json()["number"] for _ in range(2)] == numbers[3:]
        socket.send_json({"type": "resync"})
        assert [socket.receive_json()["type"] for _ in range(2)] == ["gap", "picture"]
        socket.send_text("no json {")  # what is not understood is passed over
        x.order("s9", "sell", "50", "1")
        assert socket.receive_json()["number"] == numbers[-1] + 1
    over_http = counter.client().get("/messages", params={"asset": counter.asset, "after": picture["number"]}).json()
    assert [m["number"] for m in over_http["items"]] == [*numbers, numbers[-1] + 1]
    gone = counter.client().get("/messages", params={"asset": counter.asset, "after": 10**6})
    assert (gone.status_code, gone.json()["code"]) == (410, "gone")


def test_bad_addresses_of_the_feed(counter: Counter) -> None:
    for query in (
        "",
        "?asset=none",
        f"?asset={counter.asset}&after=-1",
        f"?asset={counter.asset}&after=x",
        f"?asset={counter.asset}&after={'9' * 40}",
    ):
        with pytest.raises(WebSocketDisconnect), counter.client().websocket_connect(f"/stream{query}"):
            pass


def test_a_reader_who_is_too_slow_is_told(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue of a reader holds 3: the fourth message turns what waits into one word, gap, and a picture."""
    monkeypatch.setattr(stream, "WAITING", 3)
    hub = Hub(counter.desk)

    async def scene() -> tuple[list[Any], bool]:
        reader, _ = await asyncio.to_thread(hub.join, counter.asset, None, asyncio.get_running_loop())
        x = counter.client("traderX")
        for n in range(6):
            await asyncio.to_thread(x.order, f"s{n}", "sell", "50", "1")
        await asyncio.sleep(0.1)
        waits = [reader.queue.get_nowait() for _ in range(reader.queue.qsize())]
        again = await asyncio.to_thread(hub.start, reader, None)
        return [*waits, json.loads(again[0])["levels"]], reader.lost

    said, lost = asyncio.run(scene())
    assert said == [None, [["sell", "50", "6", 6]]] and not lost


@pytest.mark.long
def test_stream_under_load(tmp_path: Path) -> None:
    """A real server; two traders write as fast as they can, readers come, go, forget messages and stop reading; all end with the ledger's book."""
    counter = Counter(tmp_path / "venue")
    server = uvicorn.Server(
        uvicorn.Config(create_exchange_api(counter.desk), port=0, log_level="error", ws="websockets-sansio")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    url = f"ws://127.0.0.1:{port}/stream?asset={counter.asset}"
    ended = threading.Event()
    books = [Book() for _ in range(3)]

    ready = threading.Barrier(len(books) + 1)  # nobody writes before each reader has its picture

    def reads(mine: Book, forgets: int) -> None:
        lost, asked = set[int](), False  # a message is lost once; one question is open at a time
        with connect(url) as socket:
            mine.take(json.loads(socket.recv(timeout=20)))
            ready.wait(20)
            while not (ended.is_set() and mine.number == counter.desk.tape.strips[counter.asset].number):
                try:
                    said = json.loads(socket.recv(timeout=0.2))
                except TimeoutError:
                    missed = bool(lost) and ended.is_set()  # the very last may be lost: no later one tells of it
                else:
                    number = said.get("number", -1)
                    if forgets and said["type"] == "delta" and number % forgets == 0 and number not in lost:
                        lost.add(number)
                        continue
                    missed = not mine.take(said)
                    asked = asked and said["type"] != "gap"
                if missed and not asked:
                    socket.send(json.dumps({"type": "resync", "after": mine.number}))
                    asked = True

    readers = [threading.Thread(target=reads, args=(b, f), daemon=True) for b, f in zip(books, (0, 7, 50), strict=True)]
    for r in readers:
        r.start()
    ready.wait(20)
    writers = [
        threading.Thread(target=_writes, args=(counter, "X", "sell", 60)),
        threading.Thread(target=_writes, args=(counter, "Y", "buy", 60)),
    ]
    for w in writers:
        w.start()
    for w in writers:
        w.join()
    ended.set()
    for r in readers:
        r.join(20)
        assert not r.is_alive()
    truth = as_book(counter)
    assert truth and all(b.levels == truth for b in books)
    assert books[0].gaps == 0 and books[0].pictures == 1 and books[1].gaps > 0
    server.should_exit = True
    thread.join(5)
    counter.desk.close()


def _writes(counter: Counter, account: str, side: str, n: int) -> None:
    for i in range(n):
        price = (49 if side == "buy" else 51) + i % 2 if i % 3 else 50
        body = {
            "id": f"{side}{i}",
            "asset": counter.asset,
            "account": account,
            "side": side,
            "price": price * YUAN,
            "quantity": (1 + i % 3) * T,
        }
        counter.give("market.order", f"trader{account}", **body)
        if i % 4 == 3:
            counter.give("market.cancel", f"trader{account}", asset=counter.asset, id=f"{side}{i}")
