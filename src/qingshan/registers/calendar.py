"""Days: working days by a declared calendar, and when something is due.

A calendar is rows `date,kind,source,status` (kind `holiday` or `workday`), one official notice per year. Without a notice for a
year, weekends are known and holidays are not: counting working days into such a year is refused, never guessed.
`calendar.csv` here holds the years that were read; a venue's own `calendar.csv` adds or replaces whole years.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

from qingshan.core.errors import DeclarationError, MissingParameter

__all__ = ["CHINA", "Calendar", "day_of", "read_calendar"]

CHINA = timezone(timedelta(hours=8))


def day_of(at: int, zone: timezone = CHINA) -> date:
    """The day of an instant (microseconds since 1970, UTC) on the clocks of a time zone."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).astimezone(zone).date()


@dataclass(frozen=True)
class Calendar:
    """`holidays` fall on weekdays, `workdays` on weekends; `years` are those whose official notice is on file."""

    holidays: frozenset[date]
    workdays: frozenset[date]
    years: frozenset[int]

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str]]) -> Calendar:
        """From (ISO date, kind). A year counts as on file when it has a row. Raises `ValueError`."""
        days = [(date.fromisoformat(day), kind) for day, kind in rows]
        if strange := {k for _, k in days} - {"holiday", "workday"}:
            raise ValueError(f"a day is a holiday or a workday, not {sorted(strange)}")
        pick = {kind: frozenset(d for d, k in days if k == kind) for kind in ("holiday", "workday")}
        return cls(pick["holiday"], pick["workday"], frozenset(d.year for d, _ in days))

    def works(self, day: date) -> bool:
        """Whether a day is worked. Raises `MissingParameter` for a year without a notice."""
        if day.year not in self.years:
            document = f"国务院办公厅关于{day.year}年部分节假日安排的通知"
            raise MissingParameter(
                "calendar.holidays",
                f"the holidays of {day.year} are not on file.",
                f"没有 {day.year} 年的节假日安排。",
                document=document,
            )
        return day in self.workdays or (day.weekday() < 5 and day not in self.holidays)

    def add(self, start: date, days: int, counting: str) -> date:
        """The day `days` after `start` (which does not count), by working or calendar days."""
        if counting == "calendar":
            return start + timedelta(days=days)
        day = start
        while days > 0:
            day += timedelta(days=1)
            days -= self.works(day)
        return day


def read_calendar(own: Path | None = None) -> Calendar:
    """The years on file, and those of a venue's own `calendar.csv`, which come before them. Raises `DeclarationError`."""
    rows = _rows(Path(__file__).with_name("calendar.csv"))
    if own is not None and own.is_file():
        mine = _rows(own)
        years = {day[:4] for day, _ in mine}
        rows = [r for r in rows if r[0][:4] not in years] + mine
    return Calendar.of(rows)


def _rows(path: Path) -> list[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = [(r["date"], r["kind"]) for r in csv.DictReader(stream) if r["source"]]
        Calendar.of(rows)
    except (KeyError, ValueError, TypeError) as error:
        raise DeclarationError(f"the calendar cannot be read: {error}.", f"日历无法读取：{error}。", where=path.name,
                               fix="columns date,kind,source,status; kind holiday or workday / 列为 date,kind,source,status") from None  # fmt: skip
    return rows
