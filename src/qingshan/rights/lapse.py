"""What ends by itself on the day that was declared for it, by the time of the journal: `rights.lapse {}`.

    freeze            lifts itself after the day `until` of its order (that day still counts)
    proposal          `proposal_days` after the day it was made it can no longer be confirmed
    block offer       at the end of its trading day: price and band are those of the day
    water-deal offer  `deal_days` after it was made
    auction           applied for and not announced before its opening: the offerer's units or cash are free again

Nothing else lapses: a pledge ends by release or enforcement only, an expired instrument by `rights.expire`. The venue itself gives the command
(`CLOCK`) when something is due, so that a replay ends the same things at the same record; staff may give it too.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta, timezone

from qingshan.ledger.book import Book, Refused
from qingshan.ledger.entry import Entry, RegisterEntry, Release
from qingshan.ledger.venue import Command, Decision, Handler
from qingshan.registers.calendar import CHINA, day_of

from .commands import Guarded, guarded, setting
from .eyes import PROPOSALS, last_day

__all__ = ["CLOCK", "freeze_end", "lapse_handlers", "lapses"]

CLOCK = "venue/clock"
"""Who gives what is due; no actor's id has a slash."""


def lapse_handlers(zone: timezone = CHINA) -> dict[str, Handler]:
    """The handler of `rights.lapse`."""

    def lapse(book: Book, command: Command) -> Decision:
        entries = lapses(book, command.at, zone)
        if not entries:
            raise Refused("nothing_due", "nothing has reached its end.", "没有到期的事项。")
        ended = [e.id for e in entries if isinstance(e, Release | RegisterEntry)]
        return Decision(entries, {"ended": list(dict.fromkeys(ended))})

    kept = guarded({"rights.lapse": lapse})["rights.lapse"]
    assert isinstance(kept, Guarded)

    def by_clock_or_staff(book: Book, command: Command) -> Decision:
        return kept.handler(book, command) if command.by == CLOCK else kept(book, command)

    return {"rights.lapse": by_clock_or_staff}


def lapses(book: Book, at: int, zone: timezone = CHINA) -> list[Entry]:
    """What is due at an instant, in a fixed order; posts nothing."""
    today = day_of(at, zone)
    return [*_freezes(book, today), *_proposals(book, today), *_offers(book, today), *_auctions(book, at)]


def freeze_end(ref: str) -> date | None:
    """The last day of a freeze, as its hold keeps it: `ORDER until DAY`."""
    try:
        return date.fromisoformat(ref.rpartition(" until ")[2])
    except ValueError:
        return None


def _freezes(book: Book, today: date) -> Iterator[Entry]:
    for id, hold in sorted(book.holds.items()):
        if hold.reason == "freeze" and (end := freeze_end(hold.ref)) and today > end:
            ranges = tuple((r.lot, r.start, r.end) for r in hold.shelf)
            yield Release(id, hold.account, hold.asset, hold.quantity, ranges)


def _proposals(book: Book, today: date) -> Iterator[Entry]:
    for record in sorted(book.standing(PROPOSALS, "waiting"), key=lambda r: r.id):
        if today > last_day(record.content["since"]):
            yield _ended(record, "expired")


def _offers(book: Book, today: date) -> Iterator[Entry]:
    for register, days in (("block", 0), ("water_deal", setting("deal_days"))):
        for record in sorted(book.standing(register, "proposed"), key=lambda r: r.id):
            made = record.content.get("day")
            if made and today > date.fromisoformat(made) + timedelta(days=days):
                yield _ended(record, "expired")


def _auctions(book: Book, at: int) -> Iterator[Entry]:
    for record in sorted(book.standing("auction", "applied"), key=lambda r: r.id):
        if at >= record.content["opens"]:
            hold = book.holds[f"auction:{record.id}"]
            ranges = tuple((r.lot, r.start, r.end) for r in hold.shelf)
            yield Release(f"auction:{record.id}", hold.account, hold.asset, hold.quantity, ranges)
            yield _ended(record, "failed")


def _ended(record: RegisterEntry, state: str) -> RegisterEntry:
    return RegisterEntry(record.register, record.id, record.version + 1, state, {**record.content, "by": CLOCK})
