"""The zone's targets as pages say them: verdicts of `assess.targets` in words, with the figures that stand behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from qingshan.assess.targets import TargetVerdict, evaluate_targets
from qingshan.publish import numbers
from qingshan.zone.fact import InputFact

from .figures import Figure, ordered
from .site import Ask, Site, first_year, last_year

SIGNS = {">=": "≥", "<=": "≤", ">": ">", "<": "<", "=": "="}
_HUES = {"water": "water", "land": "nature", "money": "money", "grey": "ink"}


@dataclass(frozen=True, slots=True)
class Promise:
    """One target as a page prints it. `reading` is None where it cannot be judged; `share` is the bar's length as a share of
    the target line, bounded for drawing only; `href` leads to the page that says why it was judged so.
    """

    id: str
    verdict: TargetVerdict
    name: str
    aim: str
    reading: Figure | None
    share: float
    hue: str
    said: str
    remark: str
    labels: tuple[str, ...]
    href: str

    @property
    def target(self) -> InputFact:
        return self.verdict.target


def window(target: InputFact) -> tuple[int, int]:
    """The years a target speaks of; a single year is its deadline."""
    last = last_year(target.period) or 0
    return first_year(target.period) or last, last


def windows(verdicts: Sequence[TargetVerdict]) -> list[tuple[int, int]]:
    """Spans between deadlines, earliest first: targets for 2021-2025 and for 2025 share one."""
    deadlines = sorted({window(v.target)[1] for v in verdicts if window(v.target)[1]})
    spans = []
    for i, last in enumerate(deadlines):
        starts = [window(v.target)[0] for v in verdicts if window(v.target)[1] == last and window(v.target)[0] < last]
        first = min(starts) if starts else (deadlines[i - 1] + 1 if i else last)
        spans.append((first, last))
    return spans


def spelt(span: tuple[int, int] | None) -> str:
    """A span as addresses write it: 2021-2025, or 2025 alone."""
    return "-".join(dict.fromkeys(str(year) for year in span)) if span else ""


def verdicts_of(site: Site) -> list[TargetVerdict]:
    """Verdicts of all targets of the zone, however late their deadline, worked out once."""
    if "verdicts" not in site.kept:
        deadlines = [year for t in site.zone.targets if (year := last_year(t.period))]
        site.kept["verdicts"] = evaluate_targets(site.zone, horizon=str(max(deadlines))) if deadlines else []
    return site.kept["verdicts"]


def verdicts_by_id(site: Site) -> dict[str, TargetVerdict]:
    """Verdicts by the id in their address: `krd.treated_area@2021-2025`, with the place where it is not the whole zone."""
    if "targets" not in site.kept:
        named: dict[str, TargetVerdict] = {}
        for verdict in verdicts_of(site):
            target = verdict.target
            place = "" if target.place == site.zone.root else f"@{target.place}"
            plain = f"{target.quantity}@{target.period}{place}".replace("/", "_").replace(";", "_")
            same = sum(known == plain or known.startswith(f"{plain}~") for known in named)
            named[f"{plain}~{same + 1}" if same else plain] = verdict
        site.kept["targets"] = named
    return site.kept["targets"]


def promises(ask: Ask, span: tuple[int, int]) -> list[Promise]:
    """The targets whose deadline lies in a span, those with a reading first."""
    chosen = {id: v for id, v in verdicts_by_id(ask.site).items() if span[0] <= window(v.target)[1] <= span[1]}
    said = [promise(ask, id, v) for id, v in chosen.items()]
    return [p for p in said if p.reading] + [p for p in said if not p.reading]


def default_span(verdicts: Sequence[TargetVerdict]) -> tuple[int, int] | None:
    """The span that most targets fall in."""
    spans = windows(verdicts)
    counts = Counter(s for v in verdicts for s in spans if s[0] <= window(v.target)[1] <= s[1])
    return max(spans, key=lambda s: (counts[s], -s[1])) if spans else None


def span_asked(ask: Ask) -> tuple[int, int] | None:
    """The span of targets that holds the asked time, else the next one due, else the last; unasked, the one with most targets."""
    spans = windows(verdicts_of(ask.site))
    if ask.span is None or not spans:
        return default_span(verdicts_of(ask.site))
    year = ask.span[1]
    return next((s for s in spans if year <= s[1]), spans[-1])


def aim(fact: InputFact, lang: str) -> str:
    """The target in one expression: ≥ 3,550 km²."""
    return f"{SIGNS.get(fact.op, fact.op)} {numbers.write(fact.value, fact.unit, lang, 'exact').text}"


def promise(ask: Ask, id: str, verdict: TargetVerdict) -> Promise:
    """One verdict with its words in the reader's language."""
    target, t = verdict.target, ask.t
    return Promise(
        id, verdict, t.pick(verdict.name_zh, verdict.name_en), aim(target, ask.lang), _reading(ask, verdict),
        max(0.0, min(verdict.completion or 0.0, 1.3)), _HUES.get(ask.site.hue(target.quantity, target.unit), "ink"),
        t.pick(verdict.reason_zh, verdict.reason_en), t.pick(verdict.remark_zh, verdict.remark_en), ordered(verdict.labels),
        ask.address(f"/target/{id}", period="") if ask.has("target") else "",
    )  # fmt: skip


def _reading(ask: Ask, verdict: TargetVerdict) -> Figure | None:
    """The figure behind a verdict; None where nothing could be judged. Several facts together carry all their sources, and
    their pedigree is the page of the target.
    """
    if not verdict.decided or verdict.value is None:
        return None
    parts = [ask.site.figure(f) for f in verdict.facts]
    return Figure(
        verdict.target.quantity, verdict.name_zh, verdict.name_en, verdict.target.place, verdict.period, verdict.unit, verdict.value,
        labels=ordered(verdict.labels), status=parts[0].status if parts else "", key=parts[0].key if len(parts) == 1 else "",
        source="; ".join(dict.fromkeys(p.source for p in parts)), exact=True,
    )  # fmt: skip
