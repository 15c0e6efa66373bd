"""Rounding by GB/T 8170 (数值修约规则): half to even, on exact decimals, once.

A binary float has no half: 2.675 is below it. So nothing here takes a float; a reading enters as the text it was
received as, or as an exact number.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Context, Decimal, Inexact, InvalidOperation, localcontext
from fractions import Fraction

from .errors import OutOfBounds

Exact = Decimal | Fraction | int

_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?")
_DIGITS = 60


def exact(number: str | Exact) -> Decimal:
    """The decimal a text or number states, digit for digit. Raises `OutOfBounds` for a float, NaN or no number."""
    if isinstance(number, str) and not _PLAIN.fullmatch(number.strip()):
        raise OutOfBounds(
            f"{number!r} is not a plain decimal number.", f"{number!r} 不是十进制数值。",
            fix="write digits with one point / 只写数字和一个小数点",
        )  # fmt: skip
    if isinstance(number, bool | float) or not isinstance(number, str | Decimal | int | Fraction):
        raise OutOfBounds(
            f"{number!r} is a {type(number).__name__}, not an exact decimal.",
            f"{number!r} 是 {type(number).__name__}，不是精确的十进制数。",
            fix="give the text as received / 给出收到的原文",
        )
    if isinstance(number, Fraction):
        with localcontext(Context(prec=_DIGITS, traps=[Inexact])):
            try:
                return Decimal(number.numerator) / Decimal(number.denominator)
            except Inexact:
                raise OutOfBounds(
                    f"{number} has no finite decimal form.", f"{number} 写不成有限小数。",
                    fix="round it with `half_even` / 用 half_even 修约",
                ) from None  # fmt: skip
    value = Decimal(number.strip() if isinstance(number, str) else number)
    if not value.is_finite():
        raise OutOfBounds(f"{number} is not finite.", f"{number} 不是有限数。")
    return value


def half_even(number: str | Exact, place: str | Exact = 1) -> Decimal:
    """`number` rounded to a multiple of `place` (1, 0.1, 10 ...), half to the even multiple, negatives by magnitude.

    `number` may be a `Fraction` (an exact mean). The result has the digits of `place`. Round once, from the unrounded
    value: rounding a rounded number is another number (GB/T 8170, no successive rounding).
    """
    step = exact(place)
    if step <= 0:
        raise OutOfBounds(f"the place {place} is not above 0.", f"修约间隔 {place} 不大于 0。")
    value = number if isinstance(number, Fraction) else Fraction(exact(number))
    multiple = round(value / Fraction(step))  # Fraction.__round__ is exact and takes a half to the even integer
    try:
        with localcontext(Context(prec=_DIGITS, traps=[InvalidOperation, Inexact])):
            return multiple * step
    except (InvalidOperation, Inexact):
        raise OutOfBounds(f"{number} has too many digits.", f"{number} 位数过多。") from None


def upward(number: str | Exact) -> int:
    """The next whole number up (进位), as IAQI and AQI are rounded (HJ 633). An integer stays."""
    if isinstance(number, Fraction):
        return -((-number.numerator) // number.denominator)
    return int(exact(number).to_integral_value(rounding=ROUND_CEILING))
