"""Four eyes: a command that needs a second person waits as a record of the register `proposal` until another one confirms it.

    eyes.confirm   {id}         by another person with one of the declared roles; for a participant, an operator of the same account
    eyes.withdraw  {id, note}   by who proposed it, or by who could confirm it

A proposal is decided once to see that it would be taken, and posts nothing; it is decided again, as the law and the book then are, when it is
confirmed. Nothing is set aside while it waits, and it waits so many days as `commands.toml` declares.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta, timezone

from qingshan.ledger.book import Book, Refused
from qingshan.ledger.entry import RegisterEntry
from qingshan.ledger.venue import Command, Decision, Handler
from qingshan.registers.actors import ACTORS, require_role
from qingshan.registers.calendar import CHINA, day_of

from .commands import CommandRow, Guarded, commands, setting
from .market import operates
from .registry import word

__all__ = ["PROPOSALS", "four_eyes", "last_day"]

PROPOSALS = "proposal"


def four_eyes(handlers: Mapping[str, Handler], zone: timezone = CHINA) -> dict[str, Handler]:
    """The handlers, those with a second person made to wait, and the two commands that end the waiting."""
    made = dict(handlers)
    behind = {}
    for kind, handler in handlers.items():
        if isinstance(handler, Guarded) and handler.row.second:
            behind[kind] = handler
            made[kind] = _proposing(handler, zone)
    return made | {"eyes.confirm": _confirming(behind, zone), "eyes.withdraw": _withdraw}


def last_day(since: str) -> date:
    """The last day on which a proposal of this day can be confirmed."""
    return date.fromisoformat(since) + timedelta(days=setting("proposal_days"))


def _proposing(behind: Guarded, zone: timezone) -> Handler:
    def propose(book: Book, command: Command) -> Decision:
        require_role(book, command.by, behind.row.by)
        decided = behind.handler(book, command)
        id = f"P{book.arrivals}"
        content = {
            "kind": command.kind,
            "body": dict(command.body),
            "since": day_of(command.at, zone).isoformat(),
            "by": command.by,
        }
        answer = {"proposal": id, "state": "waiting"}
        return Decision([RegisterEntry(PROPOSALS, id, 1, "waiting", content)], answer, decided.rules)

    return propose


def _confirming(behind: Mapping[str, Guarded], zone: timezone) -> Handler:
    def confirm(book: Book, command: Command) -> Decision:
        record = _waiting(book, command)
        _may_confirm(book, command.by, record)
        c = record.content
        if day_of(command.at, zone) > (last := last_day(c["since"])):
            raise Refused("proposal_expired", f"the proposal {record.id} could be confirmed until {last}.", f"{record.id} 的复核期限为 {last}，已过。",
                          fix="propose it again / 重新提出")  # fmt: skip
        asked = Command(c["kind"], c["body"], command.key, command.by, command.at)
        decided = behind[c["kind"]].handler(book, asked)
        after = RegisterEntry(PROPOSALS, record.id, record.version + 1, "done", {**c, "confirmed_by": command.by})
        answer = {**decided.answer, "proposal": record.id}
        return Decision([*decided.entries, after], answer, decided.rules)

    return confirm


def _withdraw(book: Book, command: Command) -> Decision:
    record = _waiting(book, command)
    if command.by != record.content["by"]:
        _may_confirm(book, command.by, record)
    content = {**record.content, "note": word(command.body, "note"), "withdrawn_by": command.by}
    return Decision(
        [RegisterEntry(PROPOSALS, record.id, record.version + 1, "withdrawn", content)], {"proposal": record.id}
    )


def _waiting(book: Book, command: Command) -> RegisterEntry:
    record = book.records.get((PROPOSALS, word(command.body, "id")))
    if record is None or record.state != "waiting":
        raise Refused("nothing_waits", f"there is no waiting proposal {command.body['id']!r}.", f"没有待复核的 {command.body['id']!r}。")  # fmt: skip
    return record


def _may_confirm(book: Book, actor: str, record: RegisterEntry) -> None:
    """Raises `Refused` for the same person, the wrong role, and another account's operator."""
    row, first = commands()[record.content["kind"]], record.content["by"]
    require_role(book, actor, row.second)
    if _person(book, actor) == _person(book, first):
        raise Refused("same_person", "another person must confirm.", "须由另一人复核。")
    if row.accounts and not acted_for(book, row, record.content["body"], actor) & acted_for(book, row, record.content["body"], first):  # fmt: skip
        raise Refused("not_operator", f"{actor} is no operator of the account that proposed it.", f"{actor} 不是提出方账户的操作人。")  # fmt: skip


def acted_for(book: Book, row: CommandRow, body: Mapping[str, object], actor: str) -> set[str]:
    """The accounts named in a command of which an actor is an operator."""
    named = {str(body[name]) for name in row.accounts if name in body}
    return {account for account in named if operates(book, actor, account)}


def _person(book: Book, actor: str) -> str:
    record = book.records.get((ACTORS.id, actor))
    return str(record.content["fields"]["person"]) if record else actor
