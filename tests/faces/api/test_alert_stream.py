"""Server-sent events of alerts on worked example E21: what comes is numbered, what was missed is sent, streams are bounded."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from qingshan.faces.api import alert_stream
from qingshan.faces.api.app import create_app
from qingshan.observe.alert import watch
from qingshan.observe.alert.outbox import Outbox
from qingshan.observe.alert.watch import Watch
from qingshan.observe.series.store import Observations
from qingshan.zone.zone import builtin_zones, open_zone

from .conftest import NETWORK, SITES, TOKEN

RULES = (
    "id,expression,unit,averaging,averaging_min,operator,raise,m,n,clear,level,recipients,valid_from,valid_to,clause,owner,zh,en\n"
    "pm25_high,air.pm25,ug/m3,1h,1,>,150,2,3,115,warning,duty,2019-01-01,,,E21,偏高,high\n"
)
STREAM = "/network/air/alerts/stream"
HANGS_S = 60
"""How long a test waits for what never comes before it fails; what does come is never timed."""


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server of its own, quick to look and quick to beat."""
    folder = tmp_path / "zone"
    shutil.copytree(builtin_zones()["guizhou"], folder, ignore=shutil.ignore_patterns("networks"))
    (folder / "networks" / "air").mkdir(parents=True)
    (folder / "networks" / "air.toml").write_text(NETWORK, encoding="utf-8")
    (folder / "networks" / "air" / "sites.csv").write_text(SITES, encoding="utf-8")
    (folder / "networks" / "air" / "alerts.csv").write_text(RULES, encoding="utf-8")
    monkeypatch.setenv("QINGSHAN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("QINGSHAN_TOKEN_LOAD", f"lims:{TOKEN}")
    monkeypatch.setattr(alert_stream, "LOOK_S", 0.05)
    monkeypatch.setattr(alert_stream, "HEARTBEAT_S", 0.2)
    monkeypatch.setattr(alert_stream, "PATIENCE_S", 10.0)
    app = create_app(open_zone(folder), {})
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


def send(address: str, *readings: tuple[int, float]) -> None:
    """(hour, value) of the day of E21."""
    body = "site,property,unit,start,value\n" + "".join(
        f"A1,air.pm25,ug/m3,2020-03-01T{h:02d}:00,{v}\n" for h, v in readings
    )
    answer = httpx.post(
        f"{address}/api/networks/air/observations",
        content=body,
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=HANGS_S,
    )
    assert answer.status_code == 201, answer.text


class Listener:
    """A reader of the stream who stops after so many events, or so many heartbeats."""

    def __init__(self, address: str, last: str = "") -> None:
        self.events: list[tuple[str, str]] = []
        self.beats = 0
        self.opened = threading.Event()
        self.headers: httpx.Headers | None = None
        self._thread = threading.Thread(target=self._read, args=(address, last), daemon=True)
        self.wanted, self.wanted_beats = 10**9, 10**9
        self._thread.start()
        assert self.opened.wait(HANGS_S)

    def _read(self, address: str, last: str) -> None:
        headers = {"Last-Event-ID": last} if last else {}
        with httpx.stream("GET", address + STREAM, headers=headers, timeout=HANGS_S) as answer:
            self.headers = answer.headers
            number = ""
            for line in answer.iter_lines():
                self.opened.set()
                if line.startswith("id: "):
                    number = line[4:]
                elif line.startswith("event: "):
                    self.events.append((number, line[7:]))
                elif line == ": alive":
                    self.beats += 1
                if len(self.events) >= self.wanted or self.beats >= self.wanted_beats:
                    return

    def until(self, events: int = 10**9, beats: int = 10**9) -> list[tuple[str, str]]:
        self.wanted, self.wanted_beats = events, beats
        self._thread.join(HANGS_S)
        assert not self._thread.is_alive(), (self.events, self.beats)
        return self.events


def test_a_posted_reading_comes_out_as_an_event(address: str) -> None:
    listener = Listener(address)
    send(address, (1, 100), (2, 160))
    send(address, (3, 155))
    assert listener.until(events=2) == [("1", "pending"), ("2", "active")]
    assert listener.headers is not None
    assert listener.headers["content-type"].startswith("text/event-stream")
    assert listener.headers["cache-control"] == "no-store" and "content-encoding" not in listener.headers
    assert "default-src 'none'" in listener.headers["content-security-policy"]


def test_what_was_missed_is_sent_on_coming_back(address: str) -> None:
    send(address, (1, 100), (2, 160), (3, 155), (4, 120), (5, 110), (6, 160))
    assert Listener(address, "1").until(events=3) == [("2", "active"), ("3", "cleared"), ("4", "pending")]
    late = Listener(address)  # names no number: only what comes from now on
    assert late.until(beats=2) == []


def test_the_line_is_kept_up_while_nothing_happens(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three signs of life and no event; what came in before is replayed once, and never again while nothing new comes."""
    send(address, (1, 100), (2, 160))
    replayed, plain = [], watch._replayed
    monkeypatch.setattr(watch, "_replayed", lambda *given: replayed.append(given[-1]) or plain(*given))
    listener = Listener(address)
    assert listener.until(beats=3) == [] and listener.beats >= 3
    assert [sorted(years) for years in replayed] in (
        [],
        [[2020]],
    )  # the look after the load, or the first of the reader


def test_streams_are_bounded_and_given_back(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_stream, "MOST_OF_ONE", 2)
    held = [Listener(address) for _ in range(2)]
    full = httpx.get(address + STREAM)
    assert full.status_code == 429 and full.headers["retry-after"] == "30" and "detail_zh" in full.json()
    for listener in held:
        listener.until(beats=1)
    until = time.monotonic() + HANGS_S
    while time.monotonic() < until:
        with httpx.stream("GET", address + STREAM) as answer:
            if answer.status_code == 200:
                return
        time.sleep(0.1)
    pytest.fail("the places of those who left were not given back")


@pytest.mark.parametrize("last", ["x", "-1", "9" * 20, "1.5"])
def test_a_number_that_is_none_is_refused(address: str, last: str) -> None:
    answer = httpx.get(address + STREAM, headers={"Last-Event-ID": last})
    assert answer.status_code == 422 and "number" in answer.json()["detail"]


def test_an_unknown_network_has_no_stream(address: str) -> None:
    assert httpx.get(f"{address}/network/none/alerts/stream").status_code == 404


def test_a_number_from_before_the_log_was_lost_starts_at_its_end(address: str) -> None:
    """A reader that has seen more than there is: nothing is sent twice, nothing hangs."""
    send(address, (1, 100), (2, 160))
    assert Listener(address, "77").until(beats=1) == []


def test_the_text_of_an_event_has_one_line_of_data() -> None:
    text = alert_stream.event_text(7, {"after": "active", "owner": "a\nb\r\nevent: forged"})
    assert text.count("\n") == 4 and text.startswith("id: 7\nevent: active\ndata: {")


def test_a_posted_reading_tells_the_recipients_though_nobody_reads(address: str, tmp_path: Path) -> None:
    """E21 up to its third reading: pending at 2, active at 3. Only the begin of the active alert is a message."""
    send(address, (1, 100), (2, 160), (3, 155))
    until = time.monotonic() + HANGS_S
    while not (sent := list((tmp_path / "home" / "alerts").rglob("messages.jsonl"))) and time.monotonic() < until:
        time.sleep(0.02)
    assert sent
    found = httpx.get(f"{address}/api/networks/air/messages", params={"to": "duty"}).json()
    (message,) = found["messages"]
    assert (message["number"], message["recipient"], message["events"]) == (1, "duty", [2]) and found["held"] == {}
    (told,) = message["told"]
    assert (told["site"], told["rule"], told["after"], told["time"]) == (
        "A1",
        "pm25_high",
        "active",
        "2020-03-01T03:00:00",
    )
    assert (
        httpx.get(f"{address}/api/networks/air/messages", params={"to": "duty", "after": "1"}).json()["messages"] == []
    )
    assert httpx.get(f"{address}/api/networks/air/messages", params={"to": "nobody"}).json()["messages"] == []
    assert httpx.get(f"{address}/api/networks/none/messages").status_code == 404
    assert httpx.get(f"{address}/api/networks/air/messages", params={"after": "x"}).status_code == 422


def test_a_slow_replay_keeps_nobody_waiting(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay stands still after a reading came in: a second reader, the messages and a further reading are answered, and what is on file is
    sent, all before it ends. When it goes on, every reader has its event."""
    send(address, (1, 100), (2, 160))
    first = Listener(address, "0")
    begun, go_on, ended, replayed = threading.Event(), threading.Event(), threading.Event(), watch._replayed

    def slowly(*of: Any) -> Any:
        begun.set()
        go_on.wait(20 * HANGS_S)  # longer than all that is asked below may hang
        ended.set()
        return replayed(*of)

    monkeypatch.setattr(watch, "_replayed", slowly)
    monkeypatch.setattr(alert_stream, "PATIENCE_S", 0.05)
    try:
        send(address, (3, 155))
        assert begun.wait(HANGS_S)
        second = Listener(address, "0")
        assert second.until(events=1) == [("1", "pending")]
        third = Listener(address)
        assert httpx.get(f"{address}/api/networks/air/messages", timeout=HANGS_S).json() == {"messages": [], "held": {}}
        send(address, (4, 156))
        assert first.until(beats=first.beats + 1) == [("1", "pending")]
        assert not ended.is_set()
    finally:
        go_on.set()
    assert third.until(events=1) == [("2", "active")]


def test_a_reader_is_rung_for_what_the_look_of_a_post_found(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream looks before the reading came, and again only after the look of the post has found its event: without a bell for what stands
    in the log already, it would wait for the next heartbeat."""
    monkeypatch.setattr(alert_stream, "HEARTBEAT_S", 20 * HANGS_S)
    looked, posted, follow, look = threading.Event(), threading.Event(), alert_stream.Hub._follow, alert_stream.Hub.look
    found: list[int] = []

    def of_stream(hub: alert_stream.Hub, network: str) -> int:
        if looked.is_set():
            posted.wait(HANGS_S)
        found.append(follow(hub, network))
        looked.set()
        return found[-1]

    def of_post(hub: alert_stream.Hub, network: str) -> None:
        look(hub, network)
        posted.set()

    monkeypatch.setattr(alert_stream.Hub, "_follow", of_stream)
    monkeypatch.setattr(alert_stream.Hub, "look", of_post)
    listener = Listener(address)
    assert looked.wait(HANGS_S)
    send(address, (1, 100), (2, 160))
    assert listener.until(events=1) == [("1", "pending")] and found[0] == 0


def test_messages_are_read_while_another_process_tells(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look of another process between what this one reads: the event it told is there, whichever came first."""
    store = Observations(open_zone(tmp_path / "zone"))
    hub = alert_stream.Hub(store)
    assert hub.messages("air", "", 0)["messages"] == []
    rows = tmp_path / "rows.csv"
    lines = [f"A1,air.pm25,ug/m3,2020-03-01T0{h}:00,{v}" for h, v in ((1, 100), (2, 160), (3, 155))]
    rows.write_text("\n".join(["site,property,unit,start,value", *lines]) + "\n", encoding="utf-8")
    read = Outbox.messages

    def after_a_look(box: Outbox, *of: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(Outbox, "messages", read)
            store.load("air", rows, author="A", reason="r")
            Watch(store, "air").follow()
        return read(box, *of)

    monkeypatch.setattr(Outbox, "messages", after_a_look)
    found: Any = hub.messages("air", "", 0)
    assert [[e["after"] for e in message["told"]] for message in found["messages"]] == [["active"]]
