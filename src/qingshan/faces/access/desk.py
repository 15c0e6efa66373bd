"""The desk of a served venue: the one writer, the tape, sessions, limits, the log of reads. API and pages work through it alone.

Whoever holds a `Desk` holds the venue's lock: a second server, or a command line that writes, is refused.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from qingshan.core.canonical import canonical, write_atomic
from qingshan.core.errors import QingshanError
from qingshan.core.finding import Finding
from qingshan.ledger.book import Book, Refused
from qingshan.ledger.journal import Record
from qingshan.ledger.signing import ENVIRONMENT, publish_root
from qingshan.ledger.venue import Command, Receipt, Writer, told
from qingshan.registers.actors import ACTORS, roles_of
from qingshan.registers.calendar import day_of, read_calendar
from qingshan.registers.declaration import Register, registers
from qingshan.registers.engine import Version, due
from qingshan.rights.commands import commands, read_body, reads
from qingshan.rights.conflicts import conflicts
from qingshan.rights.exchange import open_exchange
from qingshan.rights.lapse import CLOCK, lapses
from qingshan.rights.registry import HOLDERS, records_of
from qingshan.rights.rulesets import RuleSets, venue_rule_sets
from qingshan.rights.running import Running
from qingshan.rights.surveillance import Watch, surveillance_rules
from qingshan.rights.tape import Message, Tape

from .evidence import Evidence
from .limits import Limit, Limits
from .local import Administrators
from .oidc import Provider, read_settings
from .reads import Reads
from .sessions import Session, Sessions

__all__ = ["Desk", "Visitor"]

LONGEST_KEY = 100
MICROSECONDS = 1_000_000


class Visitor:
    """Who asks: an actor (empty for the public) and how he signed in."""

    def __init__(self, actor: str = "", session: Session | None = None) -> None:
        self.actor, self.session = actor, session

    def __bool__(self) -> bool:
        return bool(self.actor)


class Desk:
    """Make it once for a venue's folder; `close` ends it. `clock` gives microseconds since 1970."""

    def __init__(
        self, folder: Path, *, rules: RuleSets | None = None, limits: dict[str, Limit] | None = None, clock: Callable[[], int] | None = None,
        synthetic: bool = False,
    ) -> None:  # fmt: skip
        self.folder, self.synthetic = folder, synthetic
        self._lapsed: date | None = None
        self.rules = rules or venue_rule_sets(folder)
        self.clock = clock or (lambda: time.time_ns() // 1000)
        provider = read_settings(folder)
        self.venue = open_exchange(folder, self.rules)
        self.tape, self.running = Tape(), Running()
        self.watch = Watch(self.rules, surveillance_rules(folder))
        for record in self.venue.journal.read():
            self._take(record)
        self.venue.followers.append(self._follow)
        self.listeners: list[Callable[[list[Message]], None]] = []
        self.writer = Writer(self.venue)
        self.reads_log = Reads(folder, self.venue.name)
        self.sessions = Sessions(folder / "sessions.sqlite")
        self.administrators = Administrators(folder)
        self.provider = Provider(provider) if provider else None
        self.limits = Limits(limits)
        self.registers: Mapping[str, Register] = registers()
        self.calendar = read_calendar(folder / "calendar.csv")
        self.evidence = Evidence(folder)

    def close(self) -> None:
        self.writer.close()
        self.reads_log.close()
        self.sessions.close()
        self.venue.close()

    @contextmanager
    def reading(self) -> Iterator[Book]:
        """The book, standing still and durable."""
        with self.writer.reading:
            yield self.venue.book

    def _follow(self, records: Sequence[Record]) -> None:
        messages = [m for record in records for m in self._take(record)]
        if messages:
            for listen in self.listeners:
                listen(messages)

    def _take(self, record: Record) -> list[Message]:
        """What pages and feed read of a record, so that none of them goes through the journal."""
        line = told(record)
        self.running.take(record.seq, line)
        self.watch.take(record.seq, line)
        return self.tape.take(record.seq, line)

    def history(self, register: str, id: str) -> list[Version]:
        """Every version of a record of a declared register, the first first."""
        return self.running.history(register, id)

    def lapse(self) -> Receipt | None:
        """End what has reached its declared end by now (`rights/lapse.py`); None where nothing has."""
        at = self.clock()
        with self.reading() as book:
            if not lapses(book, max(at, self.venue.at)):
                return None
            key = f"{CLOCK}/{self.venue.next}"
        try:
            return self.writer.submit(Command("rights.lapse", {}, key, CLOCK, at))
        except Refused:  # another thread was first
            return None

    def nightly(self) -> list[Finding] | None:
        """Once a day: the check for staff who hold or benefit and what is overdue in the registers, kept as `nightly/DAY.json`, and the
        signed root of the day before where this server has the signing key. Returns what was found; None where it was done today."""
        today = day_of(self.clock())
        path = self.folder / "nightly" / f"{today}.json"
        if path.exists():
            return None
        with self.reading() as book:
            found = conflicts(book)
            late = [d for d in due(self.registers, book, today, self.calendar) if d.overdue]
            before = (today - timedelta(days=1)).isoformat()
            if os.environ.get(ENVIRONMENT) and not (self.folder / "roots" / f"{before}.json").exists():
                publish_root(self.venue, before)
        write_atomic(
            path,
            canonical(
                {
                    "day": today.isoformat(),
                    "conflicts": [f.record() for f in found],
                    "overdue": [d.finding.record() for d in late],
                }
            ),
        )
        return found + [d.finding for d in late]

    # ---- who -------------------------------------------------------------------------------------------------------

    def actor_of(self, login: str) -> str:
        """The active actor whose record bears a sign-in identity; '' where there is none."""
        with self.reading() as book:
            return next(
                (r.id for r in book.standing(ACTORS.id, "active") if r.content["fields"].get("login") == login), ""
            )

    def roles(self, visitor: Visitor) -> frozenset[str]:
        return roles_of(self.venue.book, visitor.actor) if visitor else frozenset()

    def visitor(self, token: str) -> Visitor:
        """Who a cookie's token stands for: the public where it has ended or the actor is no longer active."""
        session = self.sessions.find(token, time.time()) if token else None
        if session is None or not roles_of(self.venue.book, session.actor):
            return Visitor()
        return Visitor(session.actor, session)

    # ---- writing ---------------------------------------------------------------------------------------------------

    def submit(self, visitor: Visitor, kind: str, given: Mapping[str, Any], key: str) -> Receipt:
        """One command by a visitor, durable when this returns. Raises `Refused`, `FaultyFields`, `JournalStopped`."""
        return self.writer.submit(self._command(visitor, kind, given, key))

    def submit_many(
        self, visitor: Visitor, kind: str, given: Sequence[Mapping[str, Any]], key: str
    ) -> list[Receipt | QingshanError]:
        """Commands of a kind in order, the n-th with the key `KEY.n`; each is done or refused by itself. Raises `JournalStopped`."""
        results: list[Receipt | QingshanError] = []
        sent: list[Command] = []
        places: list[int] = []
        for n, one in enumerate(given):
            try:
                sent.append(self._command(visitor, kind, one, f"{key}.{n}"))
                places.append(n)
                results.append(Refused("waiting", "", ""))
            except QingshanError as refusal:
                results.append(refusal)
        for n, result in zip(places, self.writer.submit_many(sent), strict=True):
            results[n] = result
        return results

    def _command(self, visitor: Visitor, kind: str, given: Mapping[str, Any], key: str) -> Command:
        row = commands()[kind]
        if not visitor:
            raise Refused("not_signed_in", "sign in first.", "请先登录。")
        if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
            raise Refused("idempotency_key", f"the Idempotency-Key has 1 to {LONGEST_KEY} printable ASCII characters.",
                          f"Idempotency-Key 须为 1–{LONGEST_KEY} 个可见 ASCII 字符。", fix="send a fresh one, e.g. a UUID / 使用新的键，例如 UUID")  # fmt: skip
        body = read_body(row, given)
        if (
            today := day_of(self.clock())
        ) != self._lapsed:  # an end is the end of a day: before the first command of the next one
            self._lapsed = today
            self.lapse()
        return Command(kind, body, f"{visitor.actor}/{key}", visitor.actor, self.clock())

    # ---- reading what is not public --------------------------------------------------------------------------------

    def may_read(self, visitor: Visitor, what: str, account: str = "") -> bool:
        row = reads()[what]
        if not visitor:
            return False
        return bool(self.roles(visitor) & set(row.by)) or (row.own and account in self.own_accounts(visitor))

    def own_accounts(self, visitor: Visitor) -> list[str]:
        """Accounts of which the visitor is an operator, frozen and closed ones too."""
        with self.reading() as book:
            record = book.records.get((ACTORS.id, visitor.actor))
            if record is None or record.state != "active":
                return []
            person = record.content["fields"]["person"]
            return [
                r.id
                for r in records_of(book, HOLDERS)
                if r.id in book.accounts and person in r.content["fields"].get("operators", ())
            ]

    def read(self, visitor: Visitor, what: str, subject: str, account: str = "") -> None:
        """Note a read before it is answered. Raises `Refused` where it is not the visitor's to read."""
        if not visitor:
            raise Refused("not_signed_in", "sign in first.", "请先登录。")
        if not self.may_read(visitor, what, account):
            row = reads()[what]
            raise Refused("forbidden", f"{visitor.actor} may not read {row.en}.", f"{visitor.actor} 无权查阅{row.zh}。")
        self.note(visitor, what, subject)

    def note(self, visitor: Visitor, what: str, subject: str) -> None:
        self.reads_log.note(self.clock(), visitor.actor, what, subject[:200])
