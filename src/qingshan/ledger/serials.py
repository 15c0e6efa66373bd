"""Serial ranges: half-open spans [start, end) of a lot's micro-units, kept sorted, split without copying."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import NamedTuple

__all__ = ["Range", "Shelf"]


class Range(NamedTuple):
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
                part = r if r.end <= r.start + left else r._replace(end=r.start + left)
                found.append(part)
                left -= part.quantity
        return found if left == 0 else None

    def holder(self, order: int, start: int, end: int) -> Range | None:
        """The range here that covers [start, end) of a lot."""
        at = self._place(order, start, end)
        return None if at < 0 else self._ranges[at]

    def _place(self, order: int, start: int, end: int) -> int:
        """Where the range lies that covers [start, end) of a lot; -1 where none does."""
        at = bisect_left(self._ranges, (order, start + 1)) - 1
        if at < 0:
            return -1
        r = self._ranges[at]
        return at if r.order == order and r.start <= start and end <= r.end else -1

    def take(self, part: Range) -> Range | None:
        """Cut `part` out. Returns it with the `free_on` it had here, None where it is not here as a whole."""
        order, start, end, lot, _ = part
        at = self._place(order, start, end)
        if at < 0 or start >= end:
            return None
        whole = self._ranges[at]
        free_on = whole.free_on
        rest = [Range(order, whole.start, start, lot, free_on)] if whole.start < start else []
        if end < whole.end:
            rest.append(Range(order, end, whole.end, lot, free_on))
        self._ranges[at : at + 1] = rest
        return part if part.free_on == free_on else Range(order, start, end, lot, free_on)

    def put(self, part: Range) -> None:
        """Add a range, joined with its neighbours where they continue it."""
        at = bisect_left(self._ranges, part)
        after = self._ranges[at] if at < len(self._ranges) else None
        before = self._ranges[at - 1] if at else None
        if before and _joins(before, part):
            part, at = part._replace(start=before.start), at - 1
            del self._ranges[at]
        if after and _joins(part, after):
            part = part._replace(end=after.end)
            del self._ranges[at]
        self._ranges.insert(at, part)

    def without(self, parts: Iterable[Range]) -> list[Range] | None:
        """What is left when all `parts` are cut out, which may span neighbours here; None where some of it is not here."""
        kept: list[Range] = []
        rest = iter(self._ranges)
        here = next(rest, None)
        for order, first, end, _, _ in sorted(parts):
            start = first
            while here is not None and (here[0], here[2]) <= (order, start):
                kept.append(here)
                here = next(rest, None)
            while start < end:
                if here is None or here[0] != order or here[1] > start:
                    return None
                if here[1] < start:
                    kept.append(here._replace(end=start))
                if here[2] > end:
                    here, start = here._replace(start=end), end
                else:
                    start, here = here[2], next(rest, None)
        if here is not None:
            kept.append(here)
        kept += rest
        return kept

    def with_all(self, parts: Iterable[Range]) -> list[Range]:
        """The ranges here and the `parts` together, joined where they continue each other."""
        made: list[Range] = []
        for part in sorted([*self._ranges, *parts]):
            if made and _joins(made[-1], part):
                made[-1] = made[-1]._replace(end=part.end)
            else:
                made.append(part)
        return made

    def become(self, ranges: list[Range]) -> list[Range]:
        """Take other ranges, sorted and joined, in place of those here; gives back the old ones."""
        old, self._ranges = self._ranges, ranges
        return old


def _joins(left: Range, right: Range) -> bool:
    return left.order == right.order and left.end == right.start and left.free_on == right.free_on
