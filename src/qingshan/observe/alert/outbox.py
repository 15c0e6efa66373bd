"""What each recipient is told as alerts come, no more often than agreed.

    networks/ID/recipients.csv       id,zh,en,most,hours: no more than `most` messages within `hours`; may be absent
    alerts/ZONE/ID/messages.jsonl    one line a message, append-only; its number is its place among the lines, from 1

The begin and the end of an active alert are due to the recipients of its rule. Within the limit each is a message; beyond it the event
waits, and the next message of that recipient carries all that waited. What lies more than `LIVE` before the newest reading when it is
found (a year loaded at once) is history: it stands in the event log and is told to nobody, unless it corrects what somebody was told.

A withdrawal is due to whom the event it names was told, begin or end, in one message with what the corrected readings give in its place.
An event withdrawn before it went out is never told, nor is its withdrawal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from qingshan.core.errors import DeclarationError

from ..declared import declared_rows
from ..quality.flags import append_lines, read_lines
from ..series.model import Network
from .replay import Limit

__all__ = ["DEFAULT", "Outbox", "Recipient", "limits_of", "read_recipients", "recipients_of"]

DEFAULT = Limit(10, timedelta(hours=24))
"""The limit of a recipient for whom the zone declares none."""
LIVE = timedelta(hours=24)
WITHDRAWN = "withdrawn"
COLUMNS = ("id", "zh", "en", "most", "hours")


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who is told: an id that rules name, and how much they take."""

    id: str
    zh: str
    en: str
    limit: Limit


def read_recipients(path: Path) -> dict[str, Recipient]:
    """The recipients of a CSV file by id. Raises `DeclarationError` naming file, row and column."""
    found: dict[str, Recipient] = {}
    for line, cells in declared_rows(path, COLUMNS):
        where = f"{path.name}:{line}"
        for column in ("most", "hours"):
            if not (cells[column].isascii() and cells[column].isdigit() and 0 < int(cells[column]) < 100_000):
                raise DeclarationError(
                    f"{column} is {cells[column]!r}: a whole number above 0 is needed.", f"{column} 为 {cells[column]!r}：应为大于 0 的整数。",
                    where=f"{where} [{column}]",
                )  # fmt: skip
        if not cells["id"] or cells["id"] in found:
            raise DeclarationError(
                f"{cells['id']!r} is empty or stands there twice.", f"{cells['id']!r} 为空或重复。", where=f"{where} [id]"
            )  # fmt: skip
        limit = Limit(int(cells["most"]), timedelta(hours=int(cells["hours"])))
        found[cells["id"]] = Recipient(cells["id"], cells["zh"], cells["en"], limit)
    return found


def recipients_of(network: Network) -> dict[str, Recipient]:
    """Who the zone declares for a network; nobody where it has no file."""
    file = network.folder / "recipients.csv" if network.folder else None
    return read_recipients(file) if file is not None and file.is_file() else {}


def limits_of(network: Network) -> Callable[[str], Limit]:
    """The limit of each recipient of a network."""
    declared = recipients_of(network)
    return lambda who: declared[who].limit if who in declared else DEFAULT


def is_told(record: Mapping[str, Any]) -> bool:
    """Whether an event is one that recipients are told of: the begin and the end of an active alert."""
    return record["after"] != WITHDRAWN and "active" in (record["after"], record["before"])


class Outbox:
    """Messages of one network. Writers hold the lock of its watch."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept: tuple[int, list[dict[str, Any]]] = (-1, [])

    def rows(self) -> list[dict[str, Any]]:
        """Every line; read again only where the file grew. Several threads may ask: what is kept is exchanged as one."""
        kept, size = self._kept, self.path.stat().st_size if self.path.is_file() else 0
        if size != kept[0]:
            kept = self._kept = size, read_lines(self.path)
        return kept[1]

    def messages(self, recipient: str = "", after: int = 0) -> list[tuple[int, dict[str, Any]]]:
        """What was sent, oldest first, with its number: to one recipient, or to all."""
        return [
            (n, row) for n, row in enumerate(self.rows(), 1)
            if n > after and row.get("events") and recipient in ("", row["recipient"])
        ]  # fmt: skip

    def waiting(self) -> dict[str, list[int]]:
        """Recipient -> numbers of the events held back for them."""
        held: dict[str, list[int]] = {}
        for row in self.rows():
            if row.get("held"):
                held.setdefault(row["recipient"], []).extend(row["held"])
            elif row.get("events"):
                told = set(row["events"])
                held[row["recipient"]] = [n for n in held.get(row["recipient"], ()) if n not in told]
            elif row.get("dropped"):
                gone = set(row["dropped"])
                held[row["recipient"]] = [n for n in held.get(row["recipient"], ()) if n not in gone]
        return {who: numbers for who, numbers in held.items() if numbers}

    def sent_since(self, recipient: str, moment: datetime) -> int:
        """Messages to a recipient later than a moment."""
        return sum(datetime.fromisoformat(row["at"]) > moment for _, row in self.messages(recipient))

    def tell(
        self, events: Sequence[Mapping[str, Any]], newest: datetime | None, limit: Callable[[str], Limit],
        now: datetime | None = None,
    ) -> int:  # fmt: skip
        """Send what is due of an event log whose line `i` is event `i + 1`, and what waited and fits now; returns how many messages.

        How far the log was gone through is kept in the lines, so that a look that was cut short is made up for by the next."""
        moment = now or datetime.now(UTC)
        rows = self.rows()
        seen = max((int(row["upto"]) for row in rows if "upto" in row), default=0)
        news: dict[str, list[int]] = {who: [] for who in self.waiting()}
        for number, record in enumerate(events[seen:], seen + 1):
            if is_told(record) or record["after"] == WITHDRAWN:
                for who in record["recipients"]:
                    news.setdefault(who, []).append(number)
        story = _Story(events, newest) if news else None
        lines = []
        for who, numbers in sorted(news.items()):
            assert story is not None
            held = self.waiting().get(who, [])
            lines += self._for(who, held, story.due(numbers, *self._known(who)), story.gone, limit(who), moment)
        if lines or len(events) > seen:
            append_lines(self.path, [*lines, {"upto": len(events)}])
        return sum("events" in line for line in lines)

    def _known(self, who: str) -> tuple[set[int], set[int]]:
        """Numbers of what a recipient was told, and of what was ever due to them."""
        mine = [row for row in self.rows() if row.get("recipient") == who]
        said = {n for row in mine for n in row.get("events", ())}
        return said, said | {n for row in mine for n in row.get("held", ())}

    def _for(
        self, who: str, waited: Sequence[int], due: Sequence[list[int]], gone: Mapping[int, int], limit: Limit, now: datetime
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Lines for one recipient: what is dropped of what waited, messages as far as the limit goes, then what is held back."""
        free = limit.count - self.sent_since(who, now - limit.span)
        about: dict[str, Any] = {"recipient": who, "at": now.isoformat(timespec="seconds")}
        held, dropped = [n for n in waited if n not in gone], [n for n in waited if n in gone]
        lines = [about | {"dropped": dropped}] if dropped else []
        if free <= 0:
            rest = [n for bundle in due for n in bundle]
        else:
            bundles = [[*held, *due[0]], *due[1:]] if due else [held] if held else []
            lines += [about | {"events": bundle} for bundle in bundles[:free]]
            rest = [n for bundle in bundles[free:] for n in bundle]
        return [*lines, about | {"held": rest}] if rest else lines


class _Story:
    """What the numbered events of a log make of each other."""

    def __init__(self, events: Sequence[Mapping[str, Any]], newest: datetime | None) -> None:
        self.events, self.newest = events, newest
        self.gone = {int(r["of"]): n for n, r in enumerate(events, 1) if r["after"] == WITHDRAWN}
        """Withdrawn event -> its withdrawal."""
        self._of: dict[tuple[str, str], list[int]] = {}
        for n, r in enumerate(events, 1):
            if is_told(r):
                self._of.setdefault((r["rule"], r["site"]), []).append(n)

    def due(self, numbers: Sequence[int], said: set[int], known: set[int]) -> list[list[int]]:
        """What of new events is due to one who was told `said`, to whom `known` was due so far: each a message, a withdrawal with what
        stands in its place."""
        ours, stands = set(known), list[int]()
        for n in numbers:
            if (
                is_told(self[n])
                and n not in self.gone
                and (self._recent(n) or self._corrects(n, known) or self._ends(n, ours))
            ):
                stands.append(n)
                ours.add(n)
        bundles = []
        for n in numbers:
            if self[n]["after"] == WITHDRAWN and (old := int(self[n]["of"])) in said:
                instead = sorted(
                    (m for m in stands if self._same(m, old)), key=lambda m: abs(self._at(m) - self._at(old))
                )
                bundles.append([n, *instead[:1]])
                stands = [m for m in stands if m not in instead[:1]]
        return sorted([*bundles, *([n] for n in stands)], key=lambda bundle: bundle[-1])

    def __getitem__(self, number: int) -> Mapping[str, Any]:
        return self.events[number - 1]

    def _at(self, number: int) -> datetime:
        return datetime.fromisoformat(str(self[number]["time"]))

    def _recent(self, number: int) -> bool:
        return self.newest is None or self._at(number) > self.newest - LIVE

    def _same(self, a: int, b: int) -> bool:
        """Whether two events say the same of one alert, at times no further apart than `LIVE`."""
        return (
            all(self[a][k] == self[b][k] for k in ("rule", "site", "after")) and abs(self._at(a) - self._at(b)) <= LIVE
        )

    def _near(self, number: int) -> list[int]:
        return self._of[self[number]["rule"], self[number]["site"]]

    def _corrects(self, number: int, known: set[int]) -> bool:
        """Whether an event stands in the place of a withdrawn one that was due."""
        return any(m in known and m in self.gone and self._same(m, number) for m in self._near(number) if m != number)

    def _ends(self, number: int, ours: set[int]) -> bool:
        """Whether an event ends an alert whose begin was due."""
        if self[number]["after"] == "active":
            return False
        begun = [
            m
            for m in self._near(number)
            if m not in self.gone and self[m]["after"] == "active" and self._at(m) <= self._at(number)
        ]
        return bool(begun) and max(begun, key=self._at) in ours
