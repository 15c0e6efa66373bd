"""The few words of a verdict, in both languages: ('差 0.8 个百分点', '0.8 points short')."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from qingshan.zone.fact import InputFact

from .judge import DOWNWARD, UPWARD
from .links import Link
from .span import period_words, years_words

Pair = tuple[str, str]
OPEN_DEFINITION: Pair = ("口径未明", "definition open")


@dataclass(frozen=True, slots=True)
class Said:
    """What a decided verdict is put into words from. `span` is the time the target speaks of, `period` the reading's."""

    reading: str
    verdict: str
    op: str
    total: Fraction
    limit: Fraction
    unit: str
    completion: float | None
    lower_bound: bool
    period: str
    span: str
    missing: tuple[int, ...]


def plain(number: Fraction | float) -> str:
    """Up to four decimals, no trailing zeros, thousands separated."""
    return f"{float(number):,.4f}".rstrip("0").rstrip(".")


def percent(share: float, *, down: bool) -> str:
    """Whole per cent; rounded down where it is a lower bound, and never to 100 while something is left to do."""
    whole = math.floor(share * 100) if down else round(share * 100)
    return f"{whole} %" if whole < 100 or share >= 1 else f"{math.floor(share * 1000) / 10} %"


def reason(said: Said) -> Pair:
    """The verdict itself."""
    if said.verdict == "disputed":
        return "读数不一，判定不同", "readings differ and so do their verdicts"
    if said.verdict == "met":
        return (
            ("最近读数达到", "latest reading at target") if said.reading == "level" else ("累计达到", "total at target")
        )
    if said.verdict == "not_met":
        return _gap(said)
    if said.completion is None:
        return "年份不全", "years missing"
    share = percent(said.completion, down=said.lower_bound)
    if said.lower_bound:
        return f"至少 {share}", f"at least {share}"
    zh, en = period_words(said.period)
    return f"{zh} {share}", f"{share} by {en}"


def _gap(said: Said) -> Pair:
    gap = abs(said.limit - said.total)
    zh_unit, en_unit = ("个百分点", "points") if said.unit == "%" else (said.unit, said.unit)
    size_zh, size_en = f"{plain(gap)} {zh_unit}", f"{plain(gap)} {en_unit}"
    if gap == 0:
        return "恰在限上，未达到", "at the limit, which does not count"
    if said.op in UPWARD:
        return f"差 {size_zh}", f"{size_en} short"
    if said.op in DOWNWARD:
        return f"超出 {size_zh}", f"{size_en} over"
    return f"相差 {size_zh}", f"{size_en} off"


def remark(said: Said) -> Pair:
    """The period of the reading, or the years without one."""
    if not said.missing:
        return period_words(said.span if said.reading == "sum" else said.period)
    if said.reading == "stock":
        return f"缺 {said.missing[0]} 年以后", f"nothing after {period_words(said.period)[1]}"
    zh, en = years_words(said.missing)
    return f"缺 {zh} 年", f"{en} missing"


def no_reading(link: Link) -> Pair:
    if link.reading == "stock":
        return "缺累计数", "no cumulative figure on file"
    if link.reading == "sum":
        zh, en = period_words(link.span or link.period)
        return f"缺 {zh}完成量", f"nothing for {en}"
    return "缺读数", "no reading on file"


def no_operator(op: str) -> Pair:
    return f"比较符 {op!r} 无从判定", f"the sign {op!r} cannot be judged"


def other_unit(unit: str, wanted: str) -> Pair:
    return f"读数单位 {unit} 与目标单位 {wanted} 不符", f"the reading is in {unit}, the target in {wanted}"


def why_not(link: Link, related: Sequence[InputFact], otherwise: Pair) -> Pair:
    """The declared reason, with the latest related reading in it; without one, the general reason."""
    if not (link.why_zh and link.why_en) or ("{" in link.why_zh + link.why_en and not related):
        return otherwise
    value, (zh, en) = "", ("", "")
    if related:
        value, (zh, en) = (
            f"{related[0].printed or plain(related[0].value)} {related[0].unit}",
            period_words(related[0].period),
        )
    return link.why_zh.format(value=value, period=zh), link.why_en.format(value=value, period=en)
