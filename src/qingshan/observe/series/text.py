"""What a received text says: a number, a censored value, a mark of a missing one, a moment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

MISSING = frozenset(
    {"*", "**", "-", "--", "---", "—", "——", "/", "na", "n/a", "nan", "null", "none", "缺测", "缺", "无数据", "未监测"}
)
"""Marks of a missing value, in small letters. The empty text is no mark: it is no reading at all."""

_PLAIN = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_NUMBER = re.compile(rf"{_PLAIN}(?:[eE][+-]?[0-9]{{1,3}})?")
_CENSORED = (
    re.compile(rf"(?P<limit>{_PLAIN})\s*[lL]"),
    re.compile(rf"<\s*(?P<limit>{_PLAIN})"),
    re.compile(rf"(?:ND|nd|Nd|未检出)\s*(?:[(<]\s*(?P<limit>{_PLAIN})\s*\)?)?"),
)
_WIDE = str.maketrans("０１２３４５６７８９．＋－＜（）Ｌ＊／：　", "0123456789.+-<()L*/: ")
_FINEST = Decimal(1).scaleb(-9)
_LARGEST = Decimal(10) ** 19
_CONTEXT = Context(prec=60, rounding=ROUND_HALF_EVEN)

PLAIN_NUMBER = rf"^{_PLAIN}$"
"""Numbers that need no second look: digits and a point."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a value text says. `fault` is a code of `messages.toml`, '' where nothing is wrong."""

    value: Decimal | None = None
    detection_limit: Decimal | None = None
    censored: bool = False
    fault: str = ""


def plain(text: str) -> str:
    """The text without blanks around it, full-width digits and signs made plain."""
    return text.translate(_WIDE).strip()


def read_value(text: str, factor: Fraction = Fraction(1)) -> Reading:
    """Read a value text (already `plain`), times `factor` to the unit of the series. Never through a binary float."""
    if text.casefold() in MISSING:
        return Reading()
    if _NUMBER.fullmatch(text):
        value, fault = exact(text, factor)
        return Reading(value, fault=fault)
    for form in _CENSORED:
        if match := form.fullmatch(text):
            if match["limit"] is None:
                return Reading(censored=True, fault="no_detection_limit")
            limit, fault = exact(match["limit"], factor)
            return Reading(detection_limit=limit, censored=limit is not None, fault=fault)
    return Reading(fault="not_a_number")


def exact(text: str, factor: Fraction = Fraction(1)) -> tuple[Decimal | None, str]:
    """A number as a decimal of nine places, times `factor`, and the code of what happened on the way."""
    number = Fraction(Decimal(text)) * factor if factor != 1 else Decimal(text)
    value = (
        number
        if isinstance(number, Decimal)
        else _CONTEXT.divide(Decimal(number.numerator), Decimal(number.denominator))
    )
    if abs(value) >= _LARGEST:
        return None, "too_large"
    kept = value.quantize(_FINEST, context=_CONTEXT)
    same = kept == value and (isinstance(number, Decimal) or Fraction(kept) == number)
    return kept + Decimal(0), "" if same else "rounded"


# --- times

_CHINESE = re.compile(
    r"(?P<y>[0-9]{4})[-/.年](?P<m>[0-9]{1,2})[-/.月](?P<d>[0-9]{1,2})日?"
    r"(?:[ T]*(?P<H>[0-9]{1,2})(?:[:时点](?:(?P<M>[0-9]{1,2})(?:[:分](?:(?P<S>[0-9]{1,2})(?:\.[0-9]+)?秒?)?)?)?)?)?"
    r"\s*(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})?"
)


def offset(text: str) -> timezone:
    """`+08:00` as a zone. Raises `ValueError` for anything else."""
    match = re.fullmatch(r"([+-])([0-9]{2}):?([0-9]{2})", text)
    if not match:
        raise ValueError(text)
    span = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-span if match[1] == "-" else span)


def read_time(text: str, zone: timezone) -> tuple[datetime | None, bool]:
    """Wall time at `zone`, None where there is no such moment; whether the text named another offset.

    `24:00` is the midnight that ends the day, as reports write it.
    """
    match = _CHINESE.fullmatch(plain(text))
    if not match:
        return None, False
    hour = int(match["H"] or 0)
    ends_day = hour == 24 and not int(match["M"] or 0) and not int(match["S"] or 0)
    try:
        day = datetime(int(match["y"]), int(match["m"]), int(match["d"]))
        moment = day.replace(hour=0 if ends_day else hour, minute=int(match["M"] or 0), second=int(match["S"] or 0))
        moment += timedelta(days=1 if ends_day else 0)
        if match["zone"] is None:
            return moment, False
        given = UTC if match["zone"] == "Z" else offset(match["zone"])
        return moment.replace(tzinfo=given).astimezone(zone).replace(tzinfo=None), given != zone
    except (ValueError, OverflowError):
        return None, False
