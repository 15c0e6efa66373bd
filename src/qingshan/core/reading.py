"""One reading as received: its text, its exact value, or the detection limit it lies below.

`0.05L`, `<0.05` and `ND(0.05)` are censored at 0.05 (HJ/T 91: the detection limit followed by L). A bare `ND` is
censored at an unknown limit. A number is taken digit for digit; nothing passes through a binary float.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from .errors import OutOfBounds
from .rounding import Exact, exact

MISSING = ("", "*", "-", "--", "—", "——", "/", "na", "n/a", "nan", "null", "none", "缺测", "无")
"""What carriers write where there is no value (case does not matter)."""

_NUMBER = r"(?P<{}>(\d+\.?\d*|\.\d+)([eE][+-]?\d{{1,3}})?)"
_CENSORED = tuple(
    re.compile(pattern.format(_NUMBER.format("limit")), re.IGNORECASE)
    for pattern in (r"{}\s*L", r"[<＜]\s*{}", r"(?:ND|未检出)\s*[(（]\s*[<＜]?\s*{}\s*[)）]")
)
_BARE = {"nd", "未检出", "<dl"}


@dataclass(frozen=True, slots=True)
class Reading:
    """`value` (an exact `Fraction` for a mean) is None where there is none: a missing reading, or a censored one. `published` marks a value that was
    rounded before it came here, where the unrounded one was not to be had."""

    text: str
    value: Exact | None = None
    censored: bool = False
    detection_limit: Decimal | None = None
    published: bool = False

    @property
    def missing(self) -> bool:
        return self.value is None and not self.censored


def reading(text: str, *, published: bool = False) -> Reading:
    """Parse one cell. Raises `OutOfBounds` for a text that is neither a number, nor censored, nor a sign of absence."""
    cell = text.strip()
    if cell.casefold() in MISSING:
        return Reading(cell)
    if cell.casefold() in _BARE:
        return Reading(cell, censored=True)
    for pattern in _CENSORED:
        if found := pattern.fullmatch(cell):
            return Reading(cell, censored=True, detection_limit=exact(found["limit"]), published=published)
    try:
        return Reading(cell, exact(cell), published=published)
    except OutOfBounds:
        raise OutOfBounds(
            f"{text!r} is no number and no censored form.", f"{text!r} 既不是数值，也不是未检出的写法。",
            fix="write a number, 0.05L, <0.05 or ND(0.05); leave the cell empty where there is none"
            " / 写数字、0.05L、<0.05 或 ND(0.05)；没有值就留空",
        ) from None  # fmt: skip
