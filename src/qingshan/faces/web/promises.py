"""The zone's targets as the overview says them: verdicts of `assess.targets` in words, with the figures that stand behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qingshan.assess.targets import evaluate_targets
from qingshan.zone.fact import InputFact

from . import numbers
from .figures import Figure, ordered
from .periods import period_word
from .site import Ask, Site, first_year, last_year

UNJUDGED = ("undetermined", "refused")
SIGNS = {">=": "≥", "<=": "≤", ">": ">", "<": "<", "=": "="}


@dataclass(frozen=True, slots=True)
class Promise:
    """One target with its reading (None: it cannot be judged), ready to print.

    `share` is the bar's length as a share of the target line, bounded for drawing only.
    """

    name: str
    aim: str
    period: str
    reading: Figure | None
    lower_bound: bool
    share: float
    hue: str
    said: str
    when: str
    lack: str
    verdict: str
    reason: str
    document: str
    labels: tuple[str, ...]
    target: InputFact
    completion: float | None

    @property
    def sentence(self) -> str:
        return self.said


def window(target: InputFact) -> tuple[int, int]:
    """The years a target speaks of; a single year is its deadline."""
    last = last_year(target.period) or 0
    return first_year(target.period) or last, last


def windows(verdicts: Sequence[Any]) -> list[tuple[int, int]]:
    """Spans between deadlines, earliest first: targets for 2021-2025 and for 2025 share one."""
    deadlines = sorted({window(v.target)[1] for v in verdicts if window(v.target)[1]})
    spans = []
    for i, last in enumerate(deadlines):
        starts = [window(v.target)[0] for v in verdicts if window(v.target)[1] == last and window(v.target)[0] < last]
        first = min(starts) if starts else (deadlines[i - 1] + 1 if i else last)
        spans.append((first, last))
    return spans


def verdicts_of(site: Site) -> list[Any]:
    """Verdicts of all targets of the zone, worked out once."""
    kept = site.kept
    if "verdicts" not in kept:
        kept["verdicts"] = evaluate_targets(site.zone)
    return kept["verdicts"]


def promises(ask: Ask, span: tuple[int, int]) -> list[Promise]:
    """The targets whose deadline lies in a span, those with a reading first."""
    chosen = [v for v in verdicts_of(ask.site) if span[0] <= window(v.target)[1] <= span[1]]
    said = [_promise(ask, v) for v in chosen]
    return [p for p in said if p.reading] + [p for p in said if not p.reading]


def default_span(verdicts: Sequence[Any]) -> tuple[int, int] | None:
    """The span that most targets fall in."""
    spans = windows(verdicts)
    counts = Counter(s for v in verdicts for s in spans if s[0] <= window(v.target)[1] <= s[1])
    return max(spans, key=lambda s: (counts[s], -s[1])) if spans else None


def _promise(ask: Ask, verdict: Any) -> Promise:
    target: InputFact = verdict.target
    names = ask.site.names(target.quantity, target.name_zh)
    judged = verdict.verdict not in UNJUDGED and verdict.value is not None
    reading = _reading(ask, verdict, names) if judged else None
    labels = ordered([*(reading.labels if reading else ()), *_target_labels(target), *(["partial"] if verdict.lower_bound else [])])
    completion = verdict.completion if verdict.completion is not None else (verdict.value / target.value if judged and target.value else None)
    written = numbers.write(target.value, target.unit, ask.lang, "exact")
    return Promise(
        name=_name(ask, target, names), aim=f"{SIGNS.get(target.op, target.op)} {written.text}", period=target.period,
        reading=reading, lower_bound=verdict.lower_bound, share=max(0.0, min(completion or 0.0, 1.3)),
        hue=ask.site.hue(target.quantity, target.unit), said=_said(ask, verdict, completion) if judged else "",
        when=_when(ask, verdict) if judged else "", lack=_lack(ask, verdict), verdict=verdict.verdict,
        reason=ask.t.pick(verdict.reason_zh, verdict.reason_en), document=verdict.document or "",
        labels=labels if judged else (), target=target, completion=completion,
    )  # fmt: skip


def _name(ask: Ask, target: InputFact, names: tuple[str, str]) -> str:
    return names[0] or target.name_zh if ask.lang == "zh" else names[1] or target.name_zh


def _reading(ask: Ask, verdict: Any, names: tuple[str, str]) -> Figure:
    """The figure behind the verdict; several facts together carry all their labels."""
    facts: list[InputFact] = list(verdict.facts)
    parts = [ask.site.figure(f) for f in facts]
    first = parts[0] if parts else None
    period = "; ".join(dict.fromkeys(f.period for f in facts))
    return Figure(
        verdict.target.quantity, names[0], names[1], verdict.target.place, period, verdict.target.unit, verdict.value,
        labels=ordered(x for p in parts for x in p.labels), status=first.status if first else "",
        source="; ".join(dict.fromkeys(p.source for p in parts)), key=first.key if first else "", exact=True,
    )  # fmt: skip


def _target_labels(target: InputFact) -> list[str]:
    draft = "征求意见稿" in target.source_title or "draft" in target.note
    return ["draft"] if draft else []


def _said(ask: Ask, verdict: Any, completion: float | None) -> str:
    t = ask.t
    if verdict.verdict == "met":
        return t("overview.said.met")
    if verdict.verdict == "disputed":
        return t("overview.said.disputed")
    target = verdict.target
    if target.unit in ("%", "‰", "per mille") and verdict.value is not None:
        unit = "pp" if target.unit == "%" else "‰"
        gap = numbers.write(abs(target.value - verdict.value), unit, ask.lang)
        return t("overview.said.short", gap=gap.text)
    if completion is None:
        return ""
    share = f"{numbers.digits(completion * 100, 2)}\u00a0%"
    return t("overview.said.at_least" if verdict.lower_bound else "overview.said.done", share=share)


def _when(ask: Ask, verdict: Any) -> str:
    periods = sorted({f.period for f in verdict.facts})
    return numbers.joined([period_word(p, ask.t, ask.zone) for p in periods], ask.lang)


def _lack(ask: Ask, verdict: Any) -> str:
    missing = [str(p) for p in verdict.missing_periods]
    if not missing:
        return ""
    return ask.t("overview.lack", periods=numbers.joined(missing, ask.lang))
