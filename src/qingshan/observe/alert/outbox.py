"""What each recipient is told as alerts come, no more often than agreed.

    networks/ID/recipients.csv       id,zh,en,most,hours: no more than `most` messages within `hours`; may be absent
    alerts/ZONE/ID/messages.jsonl    one line a message, append-only; its number is its place among the lines, from 1

The begin and the end of an active alert, also its withdrawal, are due to the recipients of its rule. Within the limit each is a
message; beyond it the event waits, and the next message of that recipient carries all that waited. What lies more than `LIVE` before the
newest reading when it is found (a year loaded at once) is history: it stands in the event log and is told to nobody, unless it takes back
what somebody was told.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from qingshan.core.errors import DeclarationError

from ..quality.flags import append_lines, read_lines
from ..series.model import Network
from .replay import Limit

__all__ = ["DEFAULT", "Outbox", "Recipient", "limits_of", "read_recipients", "recipients_of"]

DEFAULT = Limit(10, timedelta(hours=24))
"""The limit of a recipient for whom the zone declares none."""
LIVE = timedelta(hours=24)
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
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        absent = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
        if absent:
            raise DeclarationError(
                f"columns are missing: {', '.join(absent)}.", f"缺少列：{'、'.join(absent)}。", where=path.name,
                fix=f"{','.join(COLUMNS)} / 表头为 {','.join(COLUMNS)}",
            )  # fmt: skip
        for row in reader:
            cells = {k: (row[k] or "").strip() for k in COLUMNS}
            where = f"{path.name}:{reader.line_num}"
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
    return "active" in (record["after"], record["before"])


class Outbox:
    """Messages of one network. Writers hold the lock of its watch."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows: list[dict[str, Any]] = []
        self._size = -1

    def rows(self) -> list[dict[str, Any]]:
        """Every line; read again only where the file grew."""
        size = self.path.stat().st_size if self.path.is_file() else 0
        if size != self._size:
            self._rows, self._size = read_lines(self.path), size
        return self._rows

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
        due: dict[str, list[int]] = {who: [] for who in self.waiting()}
        said = {n for _, row in self.messages() for n in row["events"]}
        for number, record in enumerate(events[seen:], seen + 1):
            recent = newest is None or datetime.fromisoformat(str(record["time"])) > newest - LIVE
            if is_told(record) and (recent or record.get("of") in said):
                for who in record["recipients"]:
                    due.setdefault(who, []).append(number)
        lines = [line for who, numbers in sorted(due.items()) for line in self._for(who, numbers, limit(who), moment)]
        if lines or len(events) > seen:
            append_lines(self.path, [*lines, {"upto": len(events)}])
        return sum("events" in line for line in lines)

    def _for(self, who: str, numbers: Sequence[int], limit: Limit, now: datetime) -> list[dict[str, Any]]:
        """Lines for one recipient: messages as far as the limit goes, then what is held back."""
        free = limit.count - self.sent_since(who, now - limit.span)
        held = self.waiting().get(who, [])
        at = now.isoformat(timespec="seconds")
        if free <= 0:
            return [{"recipient": who, "at": at, "held": list(numbers)}] if numbers else []
        first = [*held, *numbers[:1]]
        bundles = [first, *([n] for n in numbers[1:])] if first else []
        lines = [{"recipient": who, "at": at, "events": bundle} for bundle in bundles[:free]]
        rest = [n for bundle in bundles[free:] for n in bundle]
        return [*lines, {"recipient": who, "at": at, "held": rest}] if rest else lines
