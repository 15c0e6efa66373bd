"""Materials and wastes: the mass balance of a facility, manifests with one side, hazardous-waste stacks, survey rounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from itertools import pairwise

import numpy as np

from ...core.domain import load_domains
from ...core.errors import OutOfBounds, UnknownName
from ...core.reading import Reading
from ...core.rounding import Exact
from .editions import RuleSet, on_day
from .verdict import (
    EXCEEDS,
    INSUFFICIENT,
    MEETS,
    NOT_APPLICABLE,
    REFUSALS,
    UNJUDGED,
    Note,
    Result,
    against,
    citation,
    estimate_note,
    inputs_of,
    note_of,
    shown,
)

FLOWS = ("produced", "received", "used", "shipped", "treated", "landfilled")
STOCKS = ("opening", "closing")
KIND_ZH = {
    "opening": "期初库存", "closing": "期末库存", "produced": "产生", "received": "接收", "used": "利用", "shipped": "转出", "treated": "处理",
    "landfilled": "填埋",
}  # fmt: skip
METHODS = ("weighbridge", "survey", "estimate")


@dataclass(frozen=True, slots=True)
class Mass:
    """One line of an account: a stock or flow in tonnes, how it was had, its standard uncertainty, its document.

    A transfer names its manifest.
    """

    facility: str
    material: str
    period: str
    kind: str
    tonnes: Exact
    method: str
    uncertainty: Exact = 0
    document: str = ""
    manifest: str = ""


def material_account(lines: Sequence[Mass], k: Exact) -> Result:
    """Account of one facility, material and period: book closing, residual against the survey, z = residual/u.

    `k` is the rule's alert threshold: |z| above it exceeds. Without an opening or a surveyed closing: insufficient.
    Uncertainties are taken as independent. u = 0 with a residual cannot be judged. Raises `OutOfBounds` for a line of
    another account, an unknown kind or method, a negative mass, or a stock told twice.
    """
    _check(lines)
    facility, material, period = lines[0].facility, lines[0].material, lines[0].period
    stock = {m.kind: m for m in lines if m.kind in STOCKS}
    base = Result(
        "materials.account", facility, material, value_text="", unit="t", limit=f"|z| <= {shown(k)}", n_valid=len(stock), n_required=2,
        notes=(Note("period", period, period),), inputs=inputs_of((m.kind, m.tonnes, m.uncertainty, m.document, m.manifest) for m in lines),
    )  # fmt: skip
    if guessed := tuple(dict.fromkeys(m.kind for m in lines if m.method == "estimate")):
        why = estimate_note(", ".join(guessed), "、".join(KIND_ZH[kind] for kind in guessed))
        base = replace(base, notes=(*base.notes, why))
    if set(stock) != set(STOCKS):
        return replace(base, verdict=INSUFFICIENT)
    registry = load_domains().registry
    total = {f: sum((Fraction(m.tonnes) for m in lines if m.kind == f), Fraction()) for f in FLOWS}
    book = registry["materials.book_closing@1"](Fraction(stock["opening"].tonnes), *(total[f] for f in FLOWS))
    residual = book - Fraction(stock["closing"].tonnes)
    u = float(registry["materials.combined_uncertainty@gum"](np.array([float(m.uncertainty) for m in lines])))
    parts: tuple[Result, ...] = (
        Result("materials.account.book", facility, "book", value=book, value_text=shown(book), unit="t"),
        Result("materials.account.uncertainty", facility, "u", value_text=f"{u:.6g}", unit="t"),
    )
    base = replace(base, value=residual, value_text=shown(residual), parts=parts)
    if book < 0:
        why = Note("negative_stock", f"the book leaves {shown(book)} t.", f"账面余 {shown(book)} t。")
        base = replace(base, notes=(*base.notes, why))
    if u == 0:
        return replace(base, verdict=MEETS if residual == 0 else UNJUDGED)
    z = float(registry["materials.residual_z@1"](float(book), float(stock["closing"].tonnes), u))
    parts += (Result("materials.account.z", facility, "z", value_text=f"{z:.3f}", unit="1"),)
    return replace(base, parts=parts, verdict=EXCEEDS if abs(z) > k else MEETS)


def _check(lines: Sequence[Mass]) -> None:
    if not lines:
        raise OutOfBounds("an account has lines.", "台账没有内容。")
    first = (lines[0].facility, lines[0].material, lines[0].period)
    for m in lines:
        if (
            (m.facility, m.material, m.period) != first
            or m.kind not in (*FLOWS, *STOCKS)
            or m.method not in METHODS
            or m.tonnes < 0
            or m.uncertainty < 0
        ):
            raise OutOfBounds(
                f"{m.facility} {m.material} {m.period} {m.kind}: a line of another account, or a kind, method or mass that is none.",
                f"{m.facility} {m.material} {m.period} {m.kind}：不属同一台账，或类别、方法、质量有误。",
                fix=f"kinds {', '.join((*STOCKS, *FLOWS))}; methods {', '.join(METHODS)}; masses of 0 and more"
                f" / 类别取 {'、'.join((*STOCKS, *FLOWS))}；方法取 {'、'.join(METHODS)}；质量不小于 0",
            )
    for kind in STOCKS:
        if sum(m.kind == kind for m in lines) > 1:
            raise OutOfBounds(f"{kind} stands twice.", f"{kind} 出现两次。")


@dataclass(frozen=True, slots=True)
class Orphan:
    """A manifest that stands on one side only, or whose two sides differ."""

    manifest: str
    shipped: Exact | None
    received: Exact | None


def orphans(lines: Iterable[Mass]) -> list[Orphan]:
    """Manifests whose shipped and received sides do not match; a transfer without a manifest is one of its own."""
    sides: dict[tuple[str, str], dict[str, Fraction]] = {}
    for n, m in enumerate(lines):
        if m.kind in ("shipped", "received"):
            key = (m.manifest or f"(no manifest: {m.facility} {m.period} {n})", m.material)
            held = sides.setdefault(key, {})
            held[m.kind] = held.get(m.kind, Fraction()) + Fraction(m.tonnes)
    return [
        Orphan(manifest, s.get("shipped"), s.get("received"))
        for (manifest, _), s in sorted(sides.items())
        if s.get("shipped") != s.get("received")
    ]


# ---- hazardous-waste incineration ------------------------------------------------------------------------------------


def stack(
    rules: RuleSet,
    site: str,
    day: date,
    item: str,
    averaging: str,
    reading: Reading,
    unit: str,
    *,
    at_reference_oxygen: bool,
    existing: bool = False,
) -> Result:
    """One reading of a hazardous-waste incinerator's stack (GB 18484-2020), at reference oxygen content.

    Readings not brought to reference oxygen cannot be judged; an existing plant is held to the limits from 2022-01-01.
    """
    base = Result(
        "materials.incineration", site, item, day, day, reading.value, reading.text, unit, rule_set=rules.digest
    )
    if existing and day < date(2022, 1, 1):
        why = Note(
            "existing_plant", "existing plants are held to it from 2022-01-01.", "现有设施自 2022-01-01 起执行。"
        )
        return replace(base, verdict=NOT_APPLICABLE, notes=(why,))
    if not at_reference_oxygen:
        why = Note("reference_oxygen", "the limits hold at reference oxygen content.", "限值对应基准氧含量。")
        return replace(base, verdict=UNJUDGED, notes=(why,))
    if not rules.table("hazardous_waste_incineration").find(item, where="stack", averaging=averaging):
        return replace(
            base,
            verdict=NOT_APPLICABLE,
            notes=(Note("no_limit", f"{item} has no {averaging} limit.", f"{item} 没有 {averaging} 限值。"),),
        )
    return against(rules, "hazardous_waste_incineration", base, reading, item, where="stack", averaging=averaging)


# ---- rounds of monitoring (GB 18599-2020) ----------------------------------------------------------------------------

ROUNDS: Mapping[str, tuple[int, int]] = {
    "leachate_freq": (1, 0), "gw_freq_operation": (3, 1), "gw_freq_closed": (6, 0), "air_freq": (3, 0), "soil_freq": (36, 0), "backfill_class_II": (12, 0),
}  # fmt: skip
"""Rule -> months of its window, least months between rounds (GB 18599-2020 10.2-10.6, 8.2)."""


def rounds_covered(rules: RuleSet, site: str, rule: str, start: date, end: date, sampled: Iterable[date]) -> Result:
    """Whether every window of a frequency rule from `start` to `end` has a round, far enough from the last.

    Windows are calendar months, quarters and half-years; longer ones count from the year of `start`. n_valid and
    n_required are windows. A window that the period cuts is not asked for. Raises `UnknownName` for a rule that is none.
    """
    if rule not in ROUNDS:
        raise UnknownName(
            f"{site}: no rule of rounds {rule!r}; there are: {', '.join(ROUNDS)}.",
            f"{site}：没有监测频次规则 {rule!r}；有：{'、'.join(ROUNDS)}。",
        )
    window, apart = ROUNDS[rule]
    base = Result("materials.monitoring_rounds", site, rule, start, end, rule_set=rules.digest)
    try:
        rows = on_day(rules, "industrial_waste_rules", end, rule)
    except REFUSALS as error:
        return replace(base, verdict=UNJUDGED, notes=(note_of(error),))
    days = sorted({d for d in sampled if start <= d <= end})
    whole = _windows(start, end, window)
    empty = [f"{a.isoformat()}..{b.isoformat()}" for a, b in whole if not any(a <= d <= b for d in days)]
    close = [f"{a.isoformat()}, {b.isoformat()}" for a, b in pairwise(days) if apart and b < _months_later(a, apart)]
    notes = []
    if empty:
        notes.append(Note("uncovered", f"no round in {'; '.join(empty)}.", f"{'；'.join(empty)} 没有监测。"))
    if close:
        notes.append(
            Note(
                "too_close",
                f"less than {apart} month apart: {'; '.join(close)}.",
                f"间隔不足 {apart} 个月：{'；'.join(close)}。",
            )
        )
    cited = citation(rows)
    return replace(
        base, verdict=(EXCEEDS if notes else MEETS) if whole else NOT_APPLICABLE, n_valid=len(whole) - len(empty), n_required=len(whole),
        notes=tuple(notes), inputs=inputs_of(days), **{**cited, "limit": rows[0].scope["rule"]},
    )  # fmt: skip


def _windows(start: date, end: date, months: int) -> list[tuple[date, date]]:
    first = date(start.year, 1, 1)
    made = []
    while first <= end:
        following = _months_later(first, months)
        last = date.fromordinal(following.toordinal() - 1)
        if start <= first and last <= end:
            made.append((first, last))
        first = following
    return made


def _months_later(day: date, months: int) -> date:
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    last = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]
    return date(year, month, min(day.day, last))
