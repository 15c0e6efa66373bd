"""Serial ranges: half-open spans [start, end) of a lot's micro-units, kept sorted, split without copying."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

__all__ = ["Range", "Shelf"]


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """Micro-units `start` to `end` (half-open) of a lot. `order` is the lot's issue number: first in, first out.

    `free_on`: the first day (days since 1970-01-01) on which they may be ordered again.
    """

    order: int
    start: int
    end: int
    lot: str
    free_on: int = 0

    @property
    def quantity(self) -> int:
        return self.end - self.start

    def line(self) -> list[str | int]:
        """As the journal writes it."""
        return [self.lot, self.start, self.end]


class Shelf:
    """The ranges of one account and asset, sorted by lot and start."""

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self._ranges: list[Range] = sorted(ranges)

    def __iter__(self) -> Iterator[Range]:
        return iter(self._ranges)

    def __bool__(self) -> bool:
        return bool(self._ranges)

    @property
    def quantity(self) -> int:
        return sum(r.quantity for r in self._ranges)

    def pick(self, quantity: int, day: int | None = None) -> list[Range] | None:
        """The oldest ranges that make up `quantity`, only those free on `day` where given; None where too few are."""
        found, left = [], quantity
        for r in self._ranges:
            if left == 0:
                break
            if day is None or r.free_on <= day:
                part = replace(r, end=min(r.end, r.start + left))
                found.append(part)
                left -= part.quantity
        return found if left == 0 else None

    def holder(self, order: int, start: int, end: int) -> Range | None:
        """The range here that covers [start, end) of a lot."""
        at = bisect_left(self._ranges, (order, start + 1), key=lambda r: (r.order, r.start)) - 1
        if at < 0:
            return None
        r = self._ranges[at]
        return r if r.order == order and r.start <= start and end <= r.end else None

    def take(self, part: Range) -> Range | None:
        """Cut `part` out. Returns it with the `free_on` it had here, None where it is not here as a whole."""
        whole = self.holder(part.order, part.start, part.end)
        if whole is None or part.quantity <= 0:
            return None
        at = self._ranges.index(whole, bisect_left(self._ranges, whole))
        rest = [replace(whole, end=part.start), replace(whole, start=part.end)]
        self._ranges[at : at + 1] = [r for r in rest if r.quantity]
        return replace(part, free_on=whole.free_on)

    def put(self, part: Range) -> None:
        """Add a range, joined with its neighbours where they continue it."""
        at = bisect_left(self._ranges, part)
        after = self._ranges[at] if at < len(self._ranges) else None
        before = self._ranges[at - 1] if at else None
        if before and _joins(before, part):
            part, at = replace(part, start=before.start), at - 1
            del self._ranges[at]
        if after and _joins(part, after):
            part = replace(part, end=after.end)
            del self._ranges[at]
        self._ranges.insert(at, part)


def _joins(left: Range, right: Range) -> bool:
    return left.order == right.order and left.end == right.start and left.free_on == right.free_on
