"""Comparisons: exact, strict where the sign is strict, three-valued where the number is an interval or unknown."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction

from qingshan.core.errors import UnknownName

Number = Fraction | float | int
Interval = tuple[Number, Number]
"""Lowest and highest value an unknown number can have."""

OPERATORS: dict[str, Callable[[Number, Number], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}
UPWARD, DOWNWARD = (">=", ">"), ("<=", "<")


def holds(value: Number, op: str, limit: Number) -> bool:
    """`value op limit`. 10.0 does not hold `< 10`. Raises `UnknownName` for another sign."""
    if op not in OPERATORS:
        known = ", ".join(OPERATORS)
        raise UnknownName(f"no comparison {op!r} (known: {known}).", f"没有比较符 {op!r}（现有：{known}）。")
    return OPERATORS[op](value, limit)


def holds_within(interval: Interval | None, op: str, limit: Number) -> bool | None:
    """Whether `value op limit` for every value of the interval; None where it depends or nothing is known."""
    if interval is None:
        return None
    low, high = interval
    if op == "=":
        return holds(low, "=", limit) if low == high else None if low <= limit <= high else False
    at_ends = {holds(low, op, limit), holds(high, op, limit)}
    return at_ends.pop() if len(at_ends) == 1 else None
