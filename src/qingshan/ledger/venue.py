"""The single writer: command → decide → append → group fdatasync → acknowledge. Deterministic, restartable, idempotent.

A handler is a pure function of the book and the command; it returns the entries to post and the answer to give. The
journal keeps the command with its decision, so that a replay can decide again and compare, and a verifier need not know
what commands mean. Time comes with the command. A command is applied in memory when it is decided and acknowledged when its
group is durable; where the disk fails the venue stops, and what memory was ahead of it is lost together, unacknowledged.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from queue import Full, Queue
from typing import Any

from qingshan.core.canonical import canonical, write_atomic
from qingshan.core.errors import MissingParameter, QingshanError

from .amounts import AmountError
from .book import Book, Refused
from .bulk import collector_paused
from .entry import Entry, read_entry
from .journal import BrokenJournal, Disk, FileDisk, Journal, JournalStopped, Record
from .merkle import Tree, leaf_hash
from .settlement import spelled
from .snapshot import Snapshot, newest_snapshot

__all__ = ["Command", "Decision", "Handler", "Receipt", "Venue", "Writer", "open_venue", "told", "upcast"]

NAME = "name"
"""File in a venue's folder that holds its name."""
FORMAT = 2
"""2: a record may hold settlements in columns (`Settlement`)."""
LONGEST_KEY = 200
LONGEST_BODY = 4 << 20
_FLOAT = re.compile(rb"[0-9][.eE]")
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"')
UPCASTERS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: lambda line: line}
"""Format version -> function that gives the record of the next version. Applied in turn up to `FORMAT`. What 1 may hold, 2 may."""


@dataclass(frozen=True, slots=True)
class Command:
    """What someone asks for. `key` is the client's idempotency key, `at` microseconds since 1970 (UTC), `by` the actor."""

    kind: str
    body: Mapping[str, Any]
    key: str
    by: str
    at: int

    @property
    def hash(self) -> str:
        """sha-256 of what must be the same when the key is sent again: kind, body and actor, not the time."""
        return self.hashed(canonical(self.body))

    def hashed(self, body: bytes) -> str:
        """`hash`, where the canonical bytes of the body are at hand."""
        return sha256(b"[%b,%b,%b]" % (canonical(self.kind), body, canonical(self.by))).hexdigest()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a handler made of a command: entries to post, the answer, and the rule set it applied (`id`, `hash`)."""

    entries: Sequence[Entry]
    answer: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The durable answer to a command: its number in the journal; `repeated` where the key had been used before."""

    seq: int
    answer: Mapping[str, Any]
    repeated: bool = False


Handler = Callable[[Book, Command], Decision]


class KeyReused(Refused):
    """The key belongs to another command (HTTP 409)."""


class Venue:
    """A ledger that is open for writing. One thread at a time may call it (`Writer` serialises many)."""

    def __init__(
        self, folder: Path, name: str, handlers: Mapping[str, Handler], *, disk: Disk | None = None, check: bool = False
    ) -> None:
        """Open or start. Recovery loads the newest good snapshot and replays what follows; `check` replays all of it and
        decides every command again. Raises `LockedJournal`, `BrokenJournal`."""
        self.folder, self.name, self.handlers = folder, name, dict(handlers)
        self.journal = Journal(disk or FileDisk(folder / "journal"), name)
        if disk is None and not (folder / NAME).exists():
            write_atomic(folder / NAME, name.encode())
        self.book, self.tree = Book(), Tree()
        self.keys: dict[str, tuple[str, int]] = {}
        self.answers: dict[int, Mapping[str, Any]] = {}
        self.at = 0
        self.followers: list[Callable[[Sequence[Record]], None]] = []
        """Called with the records of each group once it is durable, in order."""
        try:
            self._recover(check)
        except BaseException:
            self.journal.close()
            raise

    @property
    def next(self) -> int:
        """The number that the next record will have."""
        return self.journal.next

    def submit(self, command: Command) -> Receipt:
        """One command, durable when this returns. Raises `Refused`, `JournalStopped`."""
        result = self.submit_group([command])[0]
        if isinstance(result, QingshanError):
            raise result
        return result

    def submit_group(self, commands: Sequence[Command]) -> list[Receipt | QingshanError]:
        """Decide the commands in order and make them durable together. A refused one leaves no trace.

        Raises `JournalStopped`: then none of them is acknowledged.
        """
        if self.journal.stopped:
            raise JournalStopped(
                "the venue was stopped by a fault of its disk.", "账本因磁盘故障已停用。", fix="restart it / 重新启动"
            )
        payloads: list[bytes] = []
        with collector_paused():
            results = [self._decided(command, payloads) for command in commands]
        if payloads:
            first = self.journal.append(payloads, FORMAT)
            for payload in payloads:
                self.tree.add(leaf_hash(payload))
            if self.followers:
                records = [Record(first + n, FORMAT, payload) for n, payload in enumerate(payloads)]
                for follow in self.followers:
                    follow(records)
        return results

    def root(self) -> bytes:
        """Merkle root (RFC 6962) of all records."""
        return self.tree.root()

    def snapshot(self) -> Path:
        """Write a snapshot of the present state beside the journal. Returns its path."""
        keys = [[k, h, s] for k, (h, s) in sorted(self.keys.items())]
        answers = [[s, a] for s, a in sorted(self.answers.items())]
        state = {"book": self.book.state(), "keys": keys, "answers": answers, "at": self.at}
        return Snapshot(self.next, self.journal.chain.hex(), state).write(self.folder)

    def close(self) -> None:
        self.journal.close()

    # ---- deciding --------------------------------------------------------------------------------------------------

    def _decided(self, command: Command, payloads: list[bytes]) -> Receipt | QingshanError:
        try:
            return self._decide(command, payloads)
        except Refused as refusal:
            return refusal
        except MissingParameter as error:  # a rule of the rule set that nobody has filled
            return Refused("open_rule", error.en, error.zh, fix=error.fix)
        except AmountError as error:  # price x quantity that int64 does not hold
            return Refused("overflow", error.en, error.zh, fix=error.fix)
        except Exception as error:  # a handler's fault: nothing was posted, the others of the group must not suffer
            return Refused("handler_failed", f"the command failed: {error!r}.", f"指令执行出错：{error!r}。")

    def _decide(self, command: Command, payloads: list[bytes]) -> Receipt:
        body = _check_form(command)
        hash = command.hashed(body)
        if command.key in self.keys:
            known, seq = self.keys[command.key]
            if known != hash:
                raise KeyReused("key_reused", f"the key {command.key!r} was used for another command (record {seq}).",
                                f"幂等键 {command.key!r} 已用于另一条指令（第 {seq} 条）。", fix="send a new key / 换一个新的键")  # fmt: skip
            return Receipt(seq, self.answers[seq], repeated=True)
        command = Command(command.kind, command.body, command.key, command.by, max(self.at, command.at))
        decision = self._handler(command.kind)(self.book, command)
        payload = _payload(command, body, decision)
        self.book.post(decision.entries)
        seq = self.next + len(payloads)
        payloads.append(payload)
        self._remember(command, hash, seq, decision.answer)
        return Receipt(seq, decision.answer)

    def _handler(self, kind: str) -> Handler:
        if kind not in self.handlers:
            raise Refused("unknown_command", f"there is no command {kind!r}.", f"没有指令 {kind!r}。")
        return self.handlers[kind]

    def _remember(self, command: Command, hash: str, seq: int, answer: Mapping[str, Any]) -> None:
        self.at = command.at
        self.keys[command.key] = (hash, seq)
        self.answers[seq] = answer

    # ---- recovering ------------------------------------------------------------------------------------------------

    def _recover(self, check: bool) -> None:
        start = 0
        chains = self._chains()
        if not check and (kept := newest_snapshot(self.folder, chains)):
            start, state = kept.next, kept.state
            self.book, self.at = Book.of(state["book"]), state["at"]
            self.keys = {k: (h, s) for k, h, s in state["keys"]}
            self.answers = dict(state["answers"])
        for record in self.journal.read():
            self.tree.add(leaf_hash(record.payload))
            if record.seq >= start:
                self._replay(record, check)

    def _chains(self) -> dict[int, str]:
        """Next record number after each group -> chain hash, to know whether a snapshot belongs to this journal."""
        return {seq: chain.hex() for seq, chain in self.journal.chains()}

    def _replay(self, record: Record, check: bool) -> None:
        line = upcast(record)
        given = line["command"]
        command = Command(given["kind"], given["body"], given["key"], given["by"], line["at"])
        try:
            if check:
                decision = self._handler(command.kind)(self.book, command)
                again = _payload(command, canonical(command.body), decision)
                if again != canonical(line):
                    raise Refused(
                        "decides_otherwise",
                        "the command is decided otherwise than it was.",
                        "指令的复算结果与原来不同。",
                    )
            self.book.post([read_entry(e) for e in line["entries"]])
        except QingshanError as error:
            raise BrokenJournal(
                f"record {record.seq} cannot be replayed: {error.en}", f"第 {record.seq} 条记录无法复算：{error.zh}"
            ) from error
        self._remember(command, command.hash, record.seq, line["answer"])


def open_venue(folder: Path) -> Venue:
    """An existing venue by its folder, for reading and proofs: it has no handlers. Raises as `Venue` does."""
    return Venue(folder, (folder / NAME).read_text(encoding="utf-8"), {})


def upcast(record: Record) -> dict[str, Any]:
    """The record in the present format. Raises `BrokenJournal` for a version without a way up."""
    line: dict[str, Any] = json.loads(record.payload)
    for version in range(record.version, FORMAT):
        if version not in UPCASTERS:
            raise BrokenJournal(
                f"record {record.seq} has format {version}, which is not known.",
                f"第 {record.seq} 条记录的格式 {version} 不认识。",
            )
        line = UPCASTERS[version](line)
    if record.version > FORMAT:
        raise BrokenJournal(
            f"record {record.seq} was written by a newer version (format {record.version}).",
            f"第 {record.seq} 条记录由更新的版本写入。",
        )
    return line


def told(record: Record) -> dict[str, Any]:
    """`upcast` for readers who look at single trades: settlements are written out as trades and legs."""
    line = upcast(record)
    return {**line, "entries": list(spelled(line["entries"]))}


def _payload(command: Command, body: bytes, decision: Decision) -> bytes:
    """The canonical bytes of the record; `body` are those of the command's body, which is long and not written twice."""
    parts = {
        b"answer": canonical(decision.answer),
        b"at": canonical(command.at),
        b"command": b'{"body":%b,"by":%b,"key":%b,"kind":%b}'
        % (body, canonical(command.by), canonical(command.key), canonical(command.kind)),
        b"entries": canonical([e.line() for e in decision.entries]),
        b"rules": canonical(decision.rules),
    }
    return b"{" + b",".join(b'"%b":%b' % part for part in parts.items()) + b"}"


def _check_form(command: Command) -> bytes:
    """The canonical bytes of a command's body. Raises `Refused`."""
    if not 0 < len(command.key) <= LONGEST_KEY:
        raise Refused(
            "key",
            f"the idempotency key must have 1 to {LONGEST_KEY} characters.",
            f"幂等键须为 1–{LONGEST_KEY} 个字符。",
        )
    if not command.by:
        raise Refused("actor", "a command names who gives it.", "指令须写明发出者。")
    if isinstance(command.at, bool) or not isinstance(command.at, int) or not 0 <= command.at < 2**62:
        raise Refused(
            "time", "the time of a command is in microseconds since 1970.", "指令时间须为 1970 年以来的微秒数。"
        )
    try:
        body = canonical(command.body)
    except (TypeError, ValueError) as error:
        raise Refused(
            "body", f"the body cannot be written as JSON: {error}.", f"内容无法写成 JSON：{error}。"
        ) from None
    if len(body) > LONGEST_BODY or _FLOAT.search(_TEXT.sub(b"", body)):
        raise Refused("body", f"a body has at most {LONGEST_BODY} bytes and no floating numbers.", f"内容至多 {LONGEST_BODY} 字节，且不得含浮点数。",
                      fix="write decimals as text / 小数写成文本")  # fmt: skip
    return body


def _busy() -> Refused:
    return Refused("busy", "too many commands are waiting.", "排队的指令过多。", fix="try again shortly / 稍后再试")


def _outcome(done: Future[Receipt], timeout: float) -> Receipt | QingshanError:
    try:
        return done.result(timeout)
    except Refused as refusal:
        return refusal


class Writer:
    """A thread that owns a venue and groups what many callers submit: one fdatasync for all that waited.

    Who reads the book from another thread holds `reading` meanwhile: then it stands still and is durable.
    """

    def __init__(self, venue: Venue, *, largest_group: int = 1000, waiting: int = 20_000) -> None:
        self.venue, self.largest = venue, largest_group
        self.reading = threading.RLock()
        self._queue: Queue[tuple[Command, Future[Receipt]] | None] = Queue(waiting)
        self._thread = threading.Thread(target=self._run, name=f"ledger {venue.name}", daemon=True)
        self._thread.start()

    def submit(self, command: Command, timeout: float = 30.0) -> Receipt:
        """Wait until the command is durable. Raises `Refused`, `JournalStopped`, and `busy` where too many wait."""
        done: Future[Receipt] = Future()
        try:
            self._queue.put_nowait((command, done))
        except Full:
            raise _busy() from None
        return done.result(timeout)

    def submit_many(self, commands: Sequence[Command], timeout: float = 30.0) -> list[Receipt | QingshanError]:
        """Commands of one caller, decided in their order and grouped; each has its own receipt or refusal. Raises `JournalStopped`."""
        waiting: list[Future[Receipt] | QingshanError] = []
        for command in commands:
            done: Future[Receipt] = Future()
            try:
                self._queue.put_nowait((command, done))
                waiting.append(done)
            except Full:
                waiting.append(_busy())
        return [_outcome(w, timeout) if isinstance(w, Future) else w for w in waiting]

    def close(self) -> None:
        """Finish what waits, then stop."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        for group in self._groups():
            try:
                with self.reading:
                    results: Sequence[Receipt | QingshanError] = self.venue.submit_group([c for c, _ in group])
            except Exception as error:  # the callers must learn of it, whatever it is
                for _, done in group:
                    done.set_exception(error)
                continue
            for (_, done), result in zip(group, results, strict=True):
                if isinstance(result, Receipt):
                    done.set_result(result)
                else:
                    done.set_exception(result)

    def _groups(self) -> Iterator[list[tuple[Command, Future[Receipt]]]]:
        while (first := self._queue.get()) is not None:
            group = [first]
            while len(group) < self.largest and not self._queue.empty():
                more = self._queue.get()
                if more is None:
                    yield group
                    return
                group.append(more)
            yield group
