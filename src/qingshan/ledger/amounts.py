"""Whole numbers for everything that is owned: micro-units, 1e-4 yuan, and how they are multiplied, split and read."""

from __future__ import annotations

import re
from collections.abc import Sequence

from qingshan.core.errors import QingshanError

__all__ = [
    "LARGEST",
    "MICRO",
    "YUAN",
    "AmountError",
    "amount",
    "checked",
    "decimal_text",
    "pro_rata",
    "read_decimal",
    "units",
    "yuan",
]

MICRO = 10**6
"""Micro-units in one base unit (t, m3, tce, kg)."""
YUAN = 10**4
"""Money units in one yuan."""
LARGEST = 2**63 - 1
_TEXT = re.compile(r"(-?)(\d{1,19})(?:\.(\d{1,9}))?", re.ASCII)


class AmountError(QingshanError):
    """A number that is no whole number of the smallest unit, or leaves the range of int64."""

    code = "amount"


def checked(value: int, what: str = "amount") -> int:
    """`value` where int64 holds it. Raises `AmountError`."""
    if isinstance(value, bool) or not isinstance(value, int) or not -LARGEST <= value <= LARGEST:
        raise AmountError(
            f"{what} {value!r} is no whole number within +/-{LARGEST}.",
            f"{what} {value!r} 不是 ±{LARGEST} 以内的整数。",
        )
    return value


def amount(price: int, quantity: int) -> int:
    """Money of a trade: price (1e-4 yuan per base unit) times quantity (micro-units), rounded half to even, 1e-4 yuan.

    Raises `AmountError` where int64 does not hold it.
    """
    whole, rest = divmod(price * quantity, MICRO)
    up = 2 * rest > MICRO or (2 * rest == MICRO and whole % 2 == 1)
    return checked(whole + up, "money")


def pro_rata(total: int, weights: Sequence[int]) -> tuple[list[int], int]:
    """Floor share of each weight and the remainder, which goes to the account `rounding`. Raises `AmountError`."""
    whole = sum(weights)
    if whole <= 0 or any(w < 0 for w in weights):
        raise AmountError(
            "shares need weights of at least 0 with a positive sum.", "分摊权重不得为负，且合计须大于 0。"
        )
    shares = [total * w // whole for w in weights]
    return shares, total - sum(shares)


def read_decimal(text: str, scale: int, what: str = "amount") -> int:
    """`"12.5"` in units of 1/scale. Raises `AmountError` for other forms and for digits finer than the unit."""
    found = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise AmountError(f"{what} {text!r} is no decimal number.", f"{what} {text!r} 不是十进制数。",
                          fix="write it like 12.5, digits only / 写成 12.5 的形式")  # fmt: skip
    sign, whole, part = found[1], found[2], found[3] or ""
    digits = len(str(scale)) - 1
    if part[digits:].strip("0"):
        raise AmountError(f"{what} {text} is finer than 1/{scale}.", f"{what} {text} 的小数位超过 {digits} 位。")
    value = int(whole) * scale + int((part[:digits] or "0").ljust(digits, "0"))
    return checked(-value if sign else value, what)


def decimal_text(value: int, scale: int) -> str:
    """The shortest decimal text of a whole number of 1/scale."""
    whole, part = divmod(abs(value), scale)
    digits = str(part).rjust(len(str(scale)) - 1, "0").rstrip("0")
    return ("-" if value < 0 else "") + str(whole) + (f".{digits}" if digits else "")


def yuan(value: int) -> str:
    """Money or a price as people write it: yuan, from 1e-4 yuan."""
    return decimal_text(value, YUAN)


def units(value: int) -> str:
    """A quantity as people write it: units, from micro-units."""
    return decimal_text(value, MICRO)
