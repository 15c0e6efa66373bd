"""How a period is said: 2021H1 -> 2021 上半年, H1 2021; 2024-01/09 -> 2024 年 1–9 月, Jan–Sep 2024."""

from __future__ import annotations

import re

from qingshan.zone.zone import Zone

from .figures import Figure
from .words import Words

_PATTERNS = (
    (re.compile(r"(\d{4})"), "year"),
    (re.compile(r"(\d{4})-(\d{4})"), "years"),
    (re.compile(r"(\d{4})H([12])"), "half"),
    (re.compile(r"(\d{4})-(\d\d)"), "month"),
    (re.compile(r"(\d{4})-(\d\d)/(\d\d)"), "months"),
    (re.compile(r"normal-(\d\d)"), "normal_month"),
)


def period_word(period: str, t: Words, zone: Zone | None = None) -> str:
    """Words for the period of a printed figure; with a zone, its own label for an accounting period."""
    if zone is not None:
        for declared in zone.periods:
            if declared.id == period:
                return declared.label(t.lang)
    if period in ("static", "normal"):
        return t(f"period.{period}")
    for pattern, kind in _PATTERNS:
        if match := pattern.fullmatch(period):
            return _said(kind, match.groups(), t)
    return period


def _said(kind: str, parts: tuple[str, ...], t: Words) -> str:
    if kind == "year":
        return parts[0]
    if kind == "half":
        return t(f"period.half{parts[1]}", year=parts[0])
    names = {
        f"m{i}": t(f"months.m{int(p)}")
        for i, p in enumerate(parts)
        if kind.endswith(("month", "months")) and len(p) == 2
    }
    return t(f"period.{kind}", a=parts[0], b=parts[-1], **names)


def figure_period(figure: Figure, t: Words, zone: Zone) -> str:
    """A worked-out figure carries the label of its accounting period, a printed one the period it was printed for."""
    return period_word(figure.period, t, zone if figure.worked else None)
