"""How figures become positions and shades: class limits, legend dots, ticks. Drawing only, no account arithmetic."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

SHADES = 6
_TINY = 1e-300  # below this a logarithm has nothing to say
_LOPSIDED = 0.15  # how far, as a share of the inner range, the median may lie off its middle


def nice_step(span: float, parts: int) -> float:
    """A step of 1, 2, 2.5 or 5 times a power of ten that divides `span` into about `parts`."""
    raw = span / max(parts, 1)
    if not _TINY < raw < math.inf:
        return 1.0
    power = 10.0 ** math.floor(math.log10(raw))
    return next(m * power for m in (1, 2, 2.5, 5, 10) if raw <= m * power * 1.0001)


def ticks(low: float, high: float, parts: int = 4) -> list[float]:
    """Round values from at or below `low` to at or above `high`; zero is among them where it lies between."""
    if low == high:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        high = 1.0
    step = nice_step(high - low, parts)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * i, 12) for i in range(first, last + 1)]


def limits(values: Sequence[float], shades: int = SHADES) -> list[float]:
    """Class limits between shades, rounded to what people say: equal steps where values spread evenly, about as many places
    in each where they crowd on one side."""
    ordered = sorted(values)
    if len(ordered) < 2 or ordered[0] == ordered[-1]:
        return []
    shades = min(shades, len(set(ordered)))
    low, high = ordered[0], ordered[-1]
    inner = (ordered[int(len(ordered) * 0.05)], ordered[int(len(ordered) * 0.95)])
    reach = inner[1] - inner[0] or high - low
    even = abs(ordered[len(ordered) // 2] - sum(inner) / 2) < reach * _LOPSIDED
    step = nice_step(reach, 24)
    found: list[float] = []
    for i in range(1, shades):
        at = inner[0] + reach * i / shades if even else ordered[min(len(ordered) - 1, round(len(ordered) * i / shades))]
        limit = round(round(at / step) * step, 12)
        if low < limit <= high and limit not in found:
            found.append(limit)
    return sorted(found)


def shade(value: float | None, between: Sequence[float]) -> int:
    """1 to 6 from light to dark; 0 for no value. Fewer classes spread over the same six shades."""
    if value is None:
        return 0
    if not between:
        return 4
    index = bisect_right(between, value)
    return 1 + round(index * (SHADES - 1) / len(between))


@dataclass(frozen=True, slots=True)
class Dot:
    code: str
    x: float
    y: float
    shade: int
    chosen: bool


def dots(values: Sequence[tuple[str, float]], low: float, high: float, width: float, between: Sequence[float],
         chosen: str = "", pitch: float = 6.4, rows: int = 9) -> list[Dot]:  # fmt: skip
    """One dot per place above the legend strip, stacked where they meet; stacks grow tighter when they would be too high."""
    reach = high - low or 1.0
    columns: dict[int, list[tuple[str, float]]] = {}
    for code, value in sorted(values, key=lambda v: v[1]):
        columns.setdefault(int((value - low) / reach * (width - 2 * pitch) / pitch), []).append((code, value))
    tallest = max((len(c) for c in columns.values()), default=1)
    lift = pitch if tallest <= rows else pitch * rows / tallest
    return [
        Dot(code, round((column + 1.5) * pitch, 1), round(-4 - i * lift, 1), shade(value, between), code == chosen)
        for column, stack in columns.items()
        for i, (code, value) in enumerate(stack)
    ]


def ranks(values: Sequence[tuple[str, float]]) -> dict[str, int]:
    """Rank from the largest; equal values share the better rank."""
    ordered = sorted((v for _, v in values), reverse=True)
    return {code: ordered.index(value) + 1 for code, value in values}
