"""Printed periods as spans of months, so that years can be covered, missed and compared."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_FORMS = re.compile(
    r"(?P<year>\d{4})(?:H(?P<half>[12])|Q(?P<quarter>[1-4])|-(?P<last>\d{4})|-(?P<month>\d{2})(?:/(?P<to>\d{2})|-\d{2})?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Half-open: months since year 0, `start` included, `end` not."""

    start: int
    end: int

    @property
    def months(self) -> int:
        return self.end - self.start

    @property
    def years(self) -> range:
        """The calendar years the span touches."""
        return range(self.start // 12, (self.end - 1) // 12 + 1)

    def holds(self, other: Span) -> bool:
        return self.start <= other.start and other.end <= self.end

    def overlaps(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end


def span_of(period: str) -> Span | None:
    """The months of `2019`, `2016-2020`, `2021H1`, `2021Q3`, `2023-10`, `2024-01/09`; None for `static` and the like.

    A day belongs to its month.
    """
    match = _FORMS.fullmatch(period)
    if not match:
        return None
    first = int(match["year"]) * 12
    if match["last"]:
        end = (int(match["last"]) + 1) * 12
        return Span(first, end) if end > first else None
    if match["half"]:
        return Span(first + 6 * int(match["half"]) - 6, first + 6 * int(match["half"]))
    if match["quarter"]:
        return Span(first + 3 * int(match["quarter"]) - 3, first + 3 * int(match["quarter"]))
    if match["month"]:
        month, to = int(match["month"]), int(match["to"] or match["month"])
        return Span(first + month - 1, first + to) if 1 <= month <= to <= 12 else None
    return Span(first, first + 12)


def period_words(period: str) -> tuple[str, str]:
    """A period as readers say it: ('2021 上半年', 'H1 2021')."""
    match = _FORMS.fullmatch(period)
    if not match:
        return period, period
    year, half, quarter, last, month, to = (match[k] for k in ("year", "half", "quarter", "last", "month", "to"))
    said = f"{year} 年", year
    if half:
        said = f"{year} {'上' if half == '1' else '下'}半年", f"H{half} {year}"
    elif quarter:
        said = f"{year} 年{'一二三四'[int(quarter) - 1]}季度", f"Q{quarter} {year}"
    elif last:
        said = f"{year}–{last} 年", f"{year}–{last}"
    elif to:
        said = f"{year} 年 {int(month)}–{int(to)} 月", f"{year}-{month} to {year}-{to}"
    elif month:
        said = f"{year} 年 {int(month)} 月", f"{year}-{month}"
    return said


def years_words(years: Iterable[int]) -> tuple[str, str]:
    """Years in a row as words: ('2022、2023、2025', '2022, 2023, 2025')."""
    years = list(years)
    return "、".join(map(str, years)), ", ".join(map(str, years))
