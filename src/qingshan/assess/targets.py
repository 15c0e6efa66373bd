"""Is the zone keeping its promises? Every target with its reading, its verdict, or why it cannot be judged.

Rules: a cumulative target is the sum of its years, missing years make it a lower bound; signs are strict; an open definition
or a missing reading is `undetermined`, never a score; readings that conflict are judged one by one and, where the verdicts
differ, `disputed`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from qingshan.core.domain import load_domains
from qingshan.core.errors import UnknownName
from qingshan.core.units import same_dimension, unit
from qingshan.zone.fact import InputFact
from qingshan.zone.zone import Zone

from . import words
from .judge import DOWNWARD, OPERATORS, UPWARD, holds
from .links import Link, link_for, read_links
from .span import Span, span_of

DECIDED = ("met", "not_met", "incomplete", "disputed")
_DOUBTFUL = "ocr_doubt"
_WEAK = ("secondary", "news", "project", _DOUBTFUL)


@dataclass(frozen=True)
class TargetVerdict:
    """One target and what can be said of it.

    `verdict` is met, not_met, incomplete, undetermined, disputed or refused. `value` is the latest reading, or the sum of
    the years on file (`lower_bound` where years are missing), in `unit`. `completion` is a share of the target, None where
    it is not defined. `reason_*` says the verdict in a few words, `remark_*` of which period or what is missing, `needs` the
    quantity that is missing and `document` what would fill it. `facts` were judged, `related` are shown and never scored;
    `each` holds every (value, verdict) where prints conflict or a definition is open.
    """

    target: InputFact
    name_zh: str
    name_en: str
    unit: str
    verdict: str
    reason_zh: str
    reason_en: str
    remark_zh: str = ""
    remark_en: str = ""
    value: float | None = None
    lower_bound: bool = False
    completion: float | None = None
    period: str = ""
    missing_periods: tuple[str, ...] = ()
    needs: str = ""
    document: str = ""
    facts: tuple[InputFact, ...] = ()
    related: tuple[InputFact, ...] = ()
    each: tuple[tuple[float, str], ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def decided(self) -> bool:
        return self.verdict in DECIDED


@dataclass(frozen=True)
class _Readings:
    """What answers a target: prints by period (best first), the years without a figure, whether the total only grows."""

    groups: tuple[tuple[InputFact, ...], ...] = ()
    missing: tuple[int, ...] = ()
    grows: bool = False

    @property
    def facts(self) -> tuple[InputFact, ...]:
        return tuple(fact for group in self.groups for fact in group)


def evaluate_targets(zone: Zone, *, horizon: str = "2025") -> list[TargetVerdict]:
    """Every target of the zone that ends by `horizon`: those with a verdict first, the most complete on top, then those
    that cannot be judged, the ones with a related reading first.

    Raises `UnknownName` where the horizon is no period, `DeclarationError` where the links of the zone are wrong.
    """
    limit = span_of(horizon)
    if limit is None:
        raise UnknownName(
            f"the horizon {horizon!r} is no period.",
            f"截止时期 {horizon!r} 不合规范。",
            fix="write a year: 2025 / 写年份，如 2025",
        )
    links = read_links(zone)
    due = [t for t in zone.targets if t.kind == "target" and (span := span_of(t.period)) and span.end <= limit.end]
    return sorted((evaluate_target(zone, t, link_for(t, links, zone)) for t in due), key=_order)


def _order(verdict: TargetVerdict) -> tuple[int, float]:
    if verdict.decided:
        return 0, -verdict.completion if verdict.completion is not None else math.inf
    latest = max((span.end for fact in (*verdict.facts, *verdict.related) if (span := span_of(fact.period))), default=0)
    return 1, -latest


def evaluate_target(zone: Zone, target: InputFact, link: Link) -> TargetVerdict:
    """One target against the readings its link names."""
    if target.op not in OPERATORS:
        return _unjudged(zone, target, link, "refused", words.no_operator(target.op))
    readings = _readings(zone, target, link)
    odd = next((f for f in readings.facts if not same_dimension(f.unit, target.unit)), None)
    if odd:
        return _unjudged(zone, target, link, "refused", words.other_unit(odd.unit, target.unit), readings)
    if link.open_definition and not zone.facts.series(link.open_definition, target.place):
        return _unjudged(zone, target, link, "undetermined", words.OPEN_DEFINITION, readings)
    if not readings.groups:
        return _unjudged(zone, target, link, "undetermined", words.no_reading(link))
    return _judged(zone, target, link, readings)


# --- readings -------------------------------------------------------------------------------------------------------


def _readings(zone: Zone, target: InputFact, link: Link) -> _Readings:
    within = span_of(link.span) if link.span else None
    whole = within or span_of(target.period)
    if whole is None:
        return _Readings()
    spans = _spans(zone, target)
    if link.reading == "sum":
        return _summed(zone, target, spans, whole)
    limit = whole.end
    fits = [
        (span, period) for period, span in spans.items()
        if len(span.years) == 1 and span.end <= limit and (within is None or within.holds(span))
    ]  # fmt: skip
    if not fits:
        return _Readings()
    latest, period = max(fits, key=lambda fit: (fit[0].end, fit[0].months))
    groups = (_prints(zone, target, period),)
    if link.reading == "level":
        return _Readings(groups)
    after = tuple(y for y in range(latest.start // 12, whole.years.stop) if (y + 1) * 12 > latest.end)
    return _Readings(groups, after, grows=True)


def _spans(zone: Zone, target: InputFact) -> dict[str, Span]:
    """Usable periods of the target's quantity. A doubtful print is never used in a verdict."""
    usable = [f.period for f in zone.facts.series(target.quantity, target.place) if f.status != _DOUBTFUL]
    return {period: span for period in usable if (span := span_of(period))}


def _prints(zone: Zone, target: InputFact, period: str) -> tuple[InputFact, ...]:
    found = zone.facts.find(target.quantity, target.place, period)
    return tuple(f for f in found if f.status != _DOUBTFUL)


def _summed(zone: Zone, target: InputFact, spans: dict[str, Span], whole: Span) -> _Readings:
    """Figures that cover the years once each: a longer period is taken before the parts it contains."""
    taken: dict[str, Span] = {}
    for period, span in sorted(spans.items(), key=lambda item: (-item[1].months, item[1].start)):
        if whole.holds(span) and not any(span.overlaps(other) for other in taken.values()):
            taken[period] = span
    covered = {month for span in taken.values() for month in range(span.start, span.end)}
    missing = tuple(y for y in whole.years if not covered.issuperset(range(y * 12, y * 12 + 12)))
    groups = tuple(_prints(zone, target, period) for period in sorted(taken, key=lambda p: taken[p]))
    grows = all(fact.value >= 0 for group in groups for fact in group)
    return _Readings(groups, missing, grows)


# --- verdicts -------------------------------------------------------------------------------------------------------


def _judged(zone: Zone, target: InputFact, link: Link, readings: _Readings) -> TargetVerdict:
    total = sum((_exact(group[0], target.unit) for group in readings.groups), Fraction(0))
    each = _each(target, readings)
    different = {verdict for _, verdict in each}
    verdict = "disputed" if len(different) > 1 else _verdict(total, target, readings)
    lower_bound = link.reading == "sum" and bool(readings.missing) and readings.grows
    completion = completion_of(float(total), target.op, target.value)
    said = words.Said(
        link.reading, verdict, target.op, total, _exact(target, target.unit), target.unit, completion, lower_bound,
        readings.groups[-1][0].period, link.span or target.period, readings.missing,
    )  # fmt: skip
    (reason_zh, reason_en), (remark_zh, remark_en) = words.reason(said), words.remark(said)
    name_zh, name_en = _names(zone, target, link)
    return TargetVerdict(
        target=target, name_zh=name_zh, name_en=name_en, unit=target.unit, verdict=verdict,
        reason_zh=reason_zh, reason_en=reason_en, remark_zh=remark_zh, remark_en=remark_en,
        value=float(total), lower_bound=lower_bound, completion=completion, period=readings.groups[-1][0].period,
        missing_periods=tuple(map(str, readings.missing)), needs=target.quantity if readings.missing else "",
        document=_document(zone, target, link, readings.missing) if readings.missing else "",
        facts=readings.facts, related=_related(zone, target, link), each=each if len(each) > 1 else (),
        labels=_labels(zone, readings.facts, link, lower_bound),
    )  # fmt: skip


def _unjudged(
    zone: Zone, target: InputFact, link: Link, verdict: str, why: tuple[str, str], readings: _Readings | None = None
) -> TargetVerdict:
    """A target without a verdict; a reading whose definition is open is shown with what it would say."""
    readings = readings or _Readings()
    shown = readings.groups if verdict == "undetermined" else ()
    total = sum((_exact(group[0], target.unit) for group in shown), Fraction(0))
    related = _related(zone, target, link)
    reason_zh, reason_en = words.why_not(link, related, why) if verdict == "undetermined" else why
    name_zh, name_en = _names(zone, target, link)
    return TargetVerdict(
        target=target, name_zh=name_zh, name_en=name_en, unit=target.unit, verdict=verdict,
        reason_zh=reason_zh, reason_en=reason_en, value=float(total) if shown else None,
        period=shown[-1][0].period if shown else "", needs=link.open_definition or target.quantity,
        document=_document(zone, target, link, readings.missing), facts=readings.facts, related=related,
        each=_each(target, readings) if shown else (), labels=_labels(zone, readings.facts, link, False),
    )  # fmt: skip


def _each(target: InputFact, readings: _Readings) -> tuple[tuple[float, str], ...]:
    """Totals that the prints allow (all of one period; lowest and highest of several), each with its verdict."""
    values = [[_exact(fact, target.unit) for fact in group] for group in readings.groups]
    totals = values[0] if len(values) == 1 else [sum(map(min, values), Fraction(0)), sum(map(max, values), Fraction(0))]
    return tuple((float(total), _verdict(total, target, readings)) for total in dict.fromkeys(totals))


def _verdict(total: Fraction, target: InputFact, readings: _Readings) -> str:
    limit = _exact(target, target.unit)
    now = holds(total, target.op, limit)
    if not readings.missing:
        return "met" if now else "not_met"
    if readings.grows and target.op in UPWARD and now:
        return "met"
    overshot = total > limit if target.op == "=" else target.op in DOWNWARD and not now
    return "not_met" if readings.grows and overshot else "incomplete"


def completion_of(value: float, op: str, target: float) -> float | None:
    """Share of the target reached, by the direction of its sign; None for `=` and where the formula is undefined."""
    if op not in (*UPWARD, *DOWNWARD):
        return None
    formula = load_domains().registry[f"assessment.completion@{'up' if op in UPWARD else 'down'}"]
    share = float(formula.apply({"value": (value, "1"), "target": (target, "1")}))
    return share if math.isfinite(share) else None


def _exact(fact: InputFact, to: str) -> Fraction:
    """The printed figure in another unit, without rounding: a limit that is met exactly stays met."""
    return Fraction(fact.printed or repr(fact.value)) * Fraction(unit(fact.unit).scale) / Fraction(unit(to).scale)


# --- beside the verdict ---------------------------------------------------------------------------------------------


def _names(zone: Zone, target: InputFact, link: Link) -> tuple[str, str]:
    declared = zone.quantities.get(target.quantity)
    zh = link.name_zh or target.name_zh or (declared.zh if declared else target.quantity)
    return zh, link.name_en or (declared.en if declared else target.quantity)


def _related(zone: Zone, target: InputFact, link: Link) -> tuple[InputFact, ...]:
    """Figures under a similar name, latest first."""
    found = [
        f
        for q in link.related
        for f in zone.facts.series(q, target.place)
        if f.status != _DOUBTFUL and span_of(f.period)
    ]
    return tuple(sorted(found, key=lambda f: span_of(f.period) or Span(0, 0), reverse=True))


def _document(zone: Zone, target: InputFact, link: Link, missing: Iterable[int]) -> str:
    """What would fill the gap: the zone's own row of the missing periods, else of the quantity, else the link's word."""
    quantity = link.open_definition or target.quantity
    known = [gap for gap in zone.missing if gap.quantity == quantity and target.place in gap.place.split(";")]
    periods = [str(year) for year in missing] or [target.period]
    exact = [gap.document for gap in known if any(gap.covers(period) for period in periods)]
    documents = [document for document in (exact or [gap.document for gap in known]) if document]
    return "；".join(dict.fromkeys(documents)) or link.document


def _labels(zone: Zone, facts: Iterable[InputFact], link: Link, lower_bound: bool) -> tuple[str, ...]:
    statuses = [fact.status for fact in facts if fact.status in _WEAK]
    more = {"draft": link.draft, "partial": lower_bound, "synthetic": zone.synthetic}
    return tuple(dict.fromkeys([*statuses, *(label for label, on in more.items() if on)]))
