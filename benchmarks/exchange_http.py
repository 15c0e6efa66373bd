"""Orders over HTTP with a reader on the market feed: the highest rate whose p99 is at most 200 ms, on the synthetic exchange.

A server of its own process (fdatasync, every pre-trade check, sessions, form tokens); clients on kept-alive connections that each wait for the
answer before the next order. The feed's reader must see every number. Client and server share this machine's cores.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from datetime import date
from itertools import pairwise
from pathlib import Path
from statistics import quantiles

from websockets.sync.client import connect

from qingshan.faces.access.sessions import Sessions
from qingshan.rights.demo import make_demo

from .harness import ROOT, Row, report

SECONDS = float(os.environ.get("BENCH_SECONDS", "4"))
CLIENTS = (2, 4, 16, 32)
BATCHED, BATCH = (2, 4), 20
"""Clients that send many orders in one request, and how many. Half of the clients sell and half buy, so that the book stays shallow."""
P99_MS = 200.0
PORT = 8793
SELLER, BUYER = ("HD-0420", "trader-0420"), ("HD-0418", "trader-0418")


def serve(folder: Path) -> None:
    """The server's process."""
    import uvicorn  # noqa: PLC0415

    from qingshan.faces.access.desk import Desk  # noqa: PLC0415
    from qingshan.faces.access.limits import Limit  # noqa: PLC0415
    from qingshan.faces.api.exchange import create_exchange_api  # noqa: PLC0415
    from qingshan.rights.demo import demo_rules, keep_open  # noqa: PLC0415

    wide = {kind: Limit(1e6, 1e6) for kind in ("read", "write", "sign_in", "stream")}
    desk = Desk(folder, rules=demo_rules(), limits=wide, synthetic=True)
    for command in keep_open(desk.venue, desk.clock()):
        desk.writer.submit(command)
    uvicorn.run(create_exchange_api(desk), port=PORT, log_level="error", ws="websockets-sansio")


class Client(threading.Thread):
    """Sells or buys one unit at the last price, again and again, until `until`; `waits` are the seconds of each answer."""

    def __init__(
        self, n: int, token: str, account: str, side: str, asset: str, price: str, until: float, many: int
    ) -> None:
        super().__init__()
        self.n, self.account, self.side, self.asset, self.price, self.until = n, account, side, asset, price, until
        self.many = many
        self.connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=30)
        self.headers = {"Cookie": f"qingshan_session={token}", "Content-Type": "application/json"}
        self.headers["X-CSRF-Token"] = str(self.ask("GET", "/me")["csrf"])
        self.waits: list[float] = []

    def ask(self, method: str, path: str, body: str | None = None, key: str = "") -> dict[str, object]:
        self.connection.request(method, path, body, self.headers | ({"Idempotency-Key": key} if key else {}))
        answer = self.connection.getresponse()
        read = json.loads(answer.read())
        if answer.status >= 300:
            raise RuntimeError(f"{answer.status}: {read}")
        return dict(read)

    def run(self) -> None:
        sent = 0
        while time.perf_counter() < self.until:
            key = f"b{self.n}-{sent}-{time.time_ns()}"
            orders = [
                {"id": f"{key}-{k}", "asset": self.asset, "account": self.account, "side": self.side, "price": self.price, "quantity": "1"}
                for k in range(self.many)
            ]  # fmt: skip
            begun = time.perf_counter()
            if self.many == 1:
                self.ask("POST", "/market/order", json.dumps(orders[0]), key)
            else:
                items = self.ask("POST", "/market/orders", json.dumps({"orders": orders}), key)["items"]
                if any("code" in i for i in items):  # type: ignore[attr-defined]
                    raise RuntimeError(f"refused: {items}")
            self.waits.append(time.perf_counter() - begun)
            sent += 1


def follow(asset: str, ended: threading.Event, seen: list[int | None]) -> None:
    """Read the feed; the numbers it told, None where it told of a gap: a picture with its own number follows."""
    with connect(f"ws://127.0.0.1:{PORT}/stream?asset={asset}") as socket:
        while not ended.is_set():
            try:
                said = json.loads(socket.recv(timeout=0.2))
            except TimeoutError:
                continue
            if said.get("type") == "gap":
                seen.append(None)
            elif "number" in said:
                seen.append(said["number"])


def measured(count: int, tokens: dict[str, str], asset: str, price: str, many: int = 1) -> tuple[float, float]:
    """Orders a second and the p99 of a request in milliseconds with so many clients, `many` orders in a request."""
    until = time.perf_counter() + SECONDS
    sides = (("sell", *SELLER), ("buy", *BUYER))
    clients = [
        Client(n, tokens[actor], account, side, asset, price, until, many)
        for n in range(count)
        for side, account, actor in (sides[n % 2],)
    ]
    for c in clients:
        c.start()
    for c in clients:
        c.join()
    waits = [w for c in clients for w in c.waits]
    return many * len(waits) / SECONDS, quantiles(waits, n=100)[98] * 1000


def main() -> None:
    if len(sys.argv) > 1:
        serve(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "venue"
        make_demo(folder, "bench", date.today(), "990101")
        sessions = Sessions(folder / "sessions.sqlite")
        tokens = {actor: sessions.begin(actor, "bench", time.time()) for _, actor in (SELLER, BUYER)}
        sessions.close()
        server = subprocess.Popen([sys.executable, "-m", "benchmarks.exchange_http", str(folder)], cwd=ROOT)
        try:
            rows = against(tokens)
        finally:
            server.terminate()
            server.wait()
    report("exchange_http", rows)


def against(tokens: dict[str, str]) -> list[Row]:
    """Rows for each number of clients, and the highest rate within the limit."""
    asset, price = _market()
    ended, seen = threading.Event(), list[int | None]()
    reader = threading.Thread(target=follow, args=(asset, ended, seen))
    reader.start()
    rows, best = [], {1: 0.0, BATCH: 0.0}
    for count, many in [*((c, 1) for c in CLIENTS), *((c, BATCH) for c in BATCHED)]:
        rate, p99 = measured(count, tokens, asset, price, many)
        what = f"orders over HTTP, {count} clients" + (f", {many} in a request" if many > 1 else "")
        rows += [Row(what, "rate", rate, "1/s"), Row(what, "p99", p99, "ms")]
        best[many] = max(best[many], rate) if p99 <= P99_MS else best[many]
    time.sleep(1)
    ended.set()
    reader.join()
    if any(b != a + 1 for a, b in pairwise(seen) if a is not None and b is not None):
        raise RuntimeError("the feed skipped a number in silence")
    rows.append(Row("sustained orders over HTTP with p99 of at most 200 ms", "rate", best[1], "1/s"))
    rows.append(Row(f"the same, {BATCH} orders in a request", "rate", best[BATCH], "1/s"))
    gaps = seen.count(None)
    rows.append(Row("feed messages to one reader, none missing in silence", "count", float(len(seen) - gaps), "1"))
    rows.append(Row("gaps told to the reader, each with a new picture", "count", float(gaps), "1"))
    return rows


def _market() -> tuple[str, str]:
    """The water market and the price at which to trade, once the server answers."""
    for _ in range(300):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
            connection.request("GET", "/markets")
            found = json.loads(connection.getresponse().read())["items"]
            if water := next((m for m in found if m["scheme"] == "water_abstraction" and m["state"] == "open"), None):
                return water["asset"], water["price"]
        except (OSError, ValueError):
            pass
        time.sleep(0.1)
    raise RuntimeError("the server does not answer")


if __name__ == "__main__":
    main()
