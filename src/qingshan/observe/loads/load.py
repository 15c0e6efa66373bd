"""Load of a section by month: concentration times discharge, the flow method named, months without either left open."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from ...core.domain import load_domains
from ...core.errors import OutOfBounds
from ...core.reading import Reading
from ...core.rounding import Exact
from ..evaluate.verdict import Note, Result, converted, estimate_note, inputs_of, shown

FLOW_ZH = {
    "measured": "实测",
    "rating_curve": "水位流量关系",
    "area_ratio": "面积比",
    "model": "模型",
    "water_balance": "水量平衡",
}
FLOW_METHODS = tuple(FLOW_ZH)
"""How the discharge was had: measured, by a rating curve, scaled by catchment area from another section, modelled, or by
a water balance. Never guessed."""
METHODS_APART = "; "
"""Between the methods of a year that has several."""

_TONNE = 1_000_000


@dataclass(frozen=True, slots=True)
class Flow:
    """Discharge of one month (m3/s) and how it was had; `mean_of` is the number of values behind a mean."""

    year: int
    month: int
    discharge: Exact
    method: str
    mean_of: int = 1


@dataclass(frozen=True, slots=True)
class MonthLoad:
    """One month: mean concentration (mg/L), discharge, load in tonnes. `low` counts non-detects as 0, `high` at their
    limit; both equal `tonnes` where there are none."""

    year: int
    month: int
    concentration: Fraction | None
    discharge: Exact | None
    method: str
    tonnes: Fraction | None
    low: Fraction | None
    high: Fraction | None
    readings: int
    reason: str = ""
    reason_zh: str = ""


def monthly_loads(
    readings: Iterable[tuple[datetime, Reading, str]], flows: Sequence[Flow], *, least: int = 1
) -> list[MonthLoad]:
    """Loads of the months of either side: mean concentration x discharge x days.

    `least` readings are needed in a month. A month without discharge or readings has no load and says why: nothing is
    carried over from another month. Raises `OutOfBounds` for an unknown flow method, a negative discharge or two flows
    of one month, and `UnitError` for a concentration that is none.
    """
    by_month: dict[tuple[int, int], list[tuple[Fraction, Fraction]]] = {}
    for at, reading, unit in readings:
        held = by_month.setdefault((at.year, at.month), [])
        if reading.value is not None:
            value = Fraction(converted(reading.value, unit, "mg/L"))
            held.append((value, value))
        elif reading.detection_limit is not None:
            held.append((Fraction(), Fraction(converted(reading.detection_limit, unit, "mg/L"))))
    flow: dict[tuple[int, int], Flow] = {}
    for f in flows:
        if f.method not in FLOW_METHODS or f.discharge < 0 or (f.year, f.month) in flow:
            raise OutOfBounds(
                f"discharge of {f.year}-{f.month:02d}: method {f.method!r}, {f.discharge} m3/s.",
                f"{f.year}-{f.month:02d} 流量：方法 {f.method!r}，{f.discharge} m3/s。",
                fix=f"one value of 0 and more a month; method {', '.join(FLOW_METHODS)} / 每月一个不小于 0 的值；方法取 {'、'.join(FLOW_METHODS)}",
            )
        flow[(f.year, f.month)] = f
    formula = load_domains().registry["water.load@1"]
    made = []
    for year, month in sorted({*by_month, *flow}):
        held, q = by_month.get((year, month), []), flow.get((year, month))
        if q is None or len(held) < least:
            reason = "no discharge" if q is None else f"{len(held)} readings, {least} needed"
            reason_zh = "没有流量" if q is None else f"只有 {len(held)} 个浓度读数，至少须 {least} 个"
            made.append(
                MonthLoad(
                    year,
                    month,
                    None,
                    q.discharge if q else None,
                    q.method if q else "",
                    None,
                    None,
                    None,
                    len(held),
                    reason,
                    reason_zh,
                )
            )
            continue
        seconds = Fraction(monthrange(year, month)[1] * 86_400)
        low, high = (
            formula(sum((c[k] for c in held), Fraction()) / len(held), Fraction(q.discharge), seconds) / _TONNE
            for k in (0, 1)
        )
        middle = (low + high) / 2
        concentration = sum((a + b for a, b in held), Fraction()) / (2 * len(held))
        made.append(MonthLoad(year, month, concentration, q.discharge, q.method, middle, low, high, len(held)))
    return made


def method_zh(method: str) -> str:
    """How a flow or load was had, in Chinese where it is by the methods of flows; what a user wrote stays as it is."""
    return "、".join(FLOW_ZH.get(m, m) for m in method.split(METHODS_APART))


def unmeasured(method: str) -> bool:
    """Whether a load is by flows that were not all measured, so far as the method says."""
    return any(m in FLOW_METHODS and m != "measured" for m in method.split(METHODS_APART))


def flow_estimated(methods: Iterable[str]) -> list[Note]:
    """That a load is an estimate, where its flows were not measured."""
    other = sorted({m for m in methods if m} - {"measured"})
    return (
        [estimate_note(f"discharge by {', '.join(other)}", f"流量方法为{'、'.join(FLOW_ZH[m] for m in other)}")]
        if other
        else []
    )


def annual_load(section: str, item: str, months: Sequence[MonthLoad], year: int) -> Result:
    """Load of a year in tonnes: only where all twelve months have one, with the flow methods named.

    A year that lacks a month is insufficient; the sum of the months there are is not the year's.
    """
    here = [m for m in months if m.year == year]
    known = [m for m in here if m.tonnes is not None]
    lacking = [m for m in range(1, 13) if m not in {k.month for k in known}]
    methods = METHODS_APART.join(dict.fromkeys(m.method for m in known))
    notes = [
        Note(
            "flow_method",
            f"discharge: {methods or 'none'}.",
            f"流量方法：{'、'.join(dict.fromkeys(FLOW_ZH[m.method] for m in known)) or '无'}。",
        )
    ]
    notes += flow_estimated(m.method for m in known)
    base = Result(
        "water.load", section, item, date(year, 1, 1), date(year, 12, 31), unit="t", n_valid=len(known), n_required=12, status="project",
        inputs=inputs_of((m.year, m.month, m.tonnes, m.method) for m in here),
    )  # fmt: skip
    if lacking:
        notes.append(
            Note(
                "missing_month",
                f"without months {', '.join(map(str, lacking))}.",
                f"缺 {'、'.join(map(str, lacking))} 月。",
            )
        )
        return _with(base, notes, verdict="insufficient_data")
    total = sum((m.tonnes for m in known if m.tonnes is not None), Fraction())
    low = sum((m.low for m in known if m.low is not None), Fraction())
    high = sum((m.high for m in known if m.high is not None), Fraction())
    if low != high:
        notes.append(
            Note(
                "censored",
                f"between {shown(low, 6)} and {shown(high, 6)} t: non-detects at 0 and at their limit.",
                f"在 {shown(low, 6)} 与 {shown(high, 6)} t 之间：未检出按 0 和检出限。",
            )
        )
    return _with(base, notes, value=total, value_text=shown(total, 6))


def _with(result: Result, notes: Sequence[Note], **changes: Any) -> Result:
    return replace(result, notes=tuple(notes), **changes)
