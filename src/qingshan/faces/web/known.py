"""What is on file about one place, what is lacking, and which document fills it: rows for the place page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from qingshan.accounts.run import Refusal, Run, ServiceLine
from qingshan.publish import numbers
from qingshan.zone.fact import InputFact, agree

from .figures import Figure, of_run
from .names import capital
from .site import Ask, Field, last_year, newest_in

_NAMES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Known:
    """The latest figure of one quantity at one place, with earlier years and prints that disagree."""

    figure: Figure
    earlier: tuple[Figure, ...] = ()
    disputed: tuple[Figure, ...] = ()


@dataclass(slots=True)
class Lack:
    """One document and the figures it would bring, with those who wait for them."""

    document: str
    names: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    declared: bool = False

    def named(self, ask: Ask) -> str:
        if len(self.names) <= _NAMES_SHOWN + 1:
            return capital(numbers.joined(self.names, ask.lang))
        shown = ask.t("list").join(self.names[:_NAMES_SHOWN])
        return capital(ask.t("place.missing_and", names=shown, n=len(self.names)))


def facts_at(ask: Ask, code: str) -> list[InputFact]:
    """Printed figures of a place that say something about it, monthly ones included."""
    unsaid = set(ask.site.shown("unsaid"))
    return [f for f in ask.zone.facts.for_place(code) if f.quantity not in unsaid]


def known_at(ask: Ask, code: str) -> list[Known]:
    """One line per quantity, in the pages' order; in a chosen period only what was printed for it."""
    by_quantity: dict[str, list[InputFact]] = {}
    for fact in facts_at(ask, code):
        if ask.site.is_month(fact.period) or not _within(fact.period, ask.span):
            continue
        by_quantity.setdefault(fact.quantity, []).append(fact)
    order = {q: i for i, q in enumerate([*ask.site.shown("keys"), *ask.site.shown("map")])}
    lines = []
    for quantity in sorted(by_quantity, key=lambda q: (order.get(q, len(order)), q)):
        prints = ask.zone.facts.series(quantity, code)
        prints = [p for p in prints if p in by_quantity[quantity]]
        latest = prints[-1].period if last_year(prints[-1].period) else prints[0].period
        now = [p for p in prints if p.period == latest]
        others = {p.period: p for p in reversed([p for p in prints if p.period != latest])}
        lines.append(
            Known(
                ask.site.figure(now[0]), tuple(ask.site.figure(p) for p in others.values()),
                tuple(ask.site.figure(p) for p in now[1:] if not agree(now[0], p)),
            )
        )  # fmt: skip
    return lines


def _within(period: str, span: tuple[int, int] | None) -> bool:
    if span is None:
        return True
    year = last_year(period)
    return year is not None and span[0] <= year <= span[1]


def worked_at(run: Run | None, code: str, span: tuple[int, int] | None = None) -> list[Figure]:
    """Figures a run worked out for a place in its newest period; none where another period was asked for."""
    if run is None or not _within(run.default_period, span):
        return []
    cells = run.select(place=code, period=run.default_period, cls="", basis="")
    return [of_run(run, f) for f in cells if f.role == "figure"]


def latest(ask: Ask, code: str, quantity: str) -> tuple[Figure, Figure | None] | None:
    """The figure of a quantity at a place nearest to the asked time, worked out or read, and the one before it."""
    if run := ask.run:
        cells = run.select(quantity, code, cls="", period=run.default_period, basis="")
        if cells and cells[0].refusal is None:
            return of_run(run, cells[0]), None
    prints = {f.period: f for f in reversed(ask.zone.facts.series(quantity, code)) if not ask.site.is_month(f.period)}
    if not prints:
        return None
    periods = sorted(prints, key=lambda p: (last_year(p) or 0, p))
    at = periods.index(newest_in(periods, ask.span))
    return ask.site.figure(prints[periods[at]]), ask.site.figure(prints[periods[at - 1]]) if at else None


# ---- what is lacking --------------------------------------------------------------------------------------------------


def lacks(ask: Ask, code: str, lines: Iterable[ServiceLine]) -> list[Lack]:
    """Documents that would fill what the place lacks: gaps the zone declares, and facts its services ask for in vain."""
    found: dict[str, Lack] = {}
    level = ask.zone.level(code)
    for gap in ask.zone.missing:
        if {code, f"level:{level}"} & set(gap.place.split(";")):
            lack = found.setdefault(gap.document, Lack(gap.document, declared=True))
            _once(lack.names, ask.t.pick(gap.name_zh, gap.name_en))
            _once(lack.needs, gap.quantity)
            for word in _waiting(ask.t.pick(gap.needed_by_zh, gap.needed_by)):
                _once(lack.waiting, word)
    for line in lines:
        for leaf in _leaves(line):
            if leaf.code != "missing_fact":
                continue
            known = next((x for x in found.values() if leaf.needs in x.needs), None)
            lack = known or found.setdefault(leaf.document, Lack(leaf.document))
            names = ask.site.any_names(leaf.needs)
            if known is None:
                _once(lack.names, ask.t.pick(*names))
                _once(lack.needs, leaf.needs)
            _once(lack.waiting, ask.t.pick(line.service.zh, line.service.en))
    return sorted(found.values(), key=lambda x: (not x.declared, not x.document))


def _waiting(text: str) -> list[str]:
    """Those who wait for a figure, each by itself."""
    return [word.strip() for word in re.split("[；;]", text) if word.strip()]


def _once(words: list[str], word: str) -> None:
    if word not in words:
        words.append(word)


def _leaves(line: ServiceLine) -> list[Refusal]:
    if line.included != "yes":
        return []
    refusals = [line.refusal, *(f.refusal for f in line.value.values())]
    return [leaf for refusal in refusals if refusal for leaf in refusal.leaves()]


def documents(refusals: Iterable[Refusal | None]) -> list[str]:
    """Documents that would fill some refusals, each once."""
    return list(dict.fromkeys(leaf.document for r in refusals if r for leaf in r.leaves() if leaf.document))


# ---- a place among its equals -----------------------------------------------------------------------------------------

_BANDS = ((0.1, "top"), (1 / 3, "high"), (2 / 3, "middle"), (0.9, "low"), (1.01, "bottom"))


def band(rank: int, count: int) -> str:
    """Where a rank lies among `count`: the top tenth, above most, in the middle, below most, the last tenth."""
    at = (rank - 0.5) / count
    return next(name for edge, name in _BANDS if at <= edge)


def fields_now(ask: Ask, level: str) -> dict[str, Field]:
    """One field for each quantity that a level has, in the pages' order: of its periods the nearest to the asked time."""
    by_quantity: dict[str, dict[str, Field]] = {}
    for known_field in ask.site.fields(ask.profile, level).values():
        by_quantity.setdefault(known_field.quantity, {})[known_field.period] = known_field
    return {quantity: known[newest_in(known, ask.span)] for quantity, known in by_quantity.items()}


def strips_fields(ask: Ask, level: str, code: str) -> list[Field]:
    """The figures a place is ranked by among the places of its level: those it has itself, one period each."""
    fields = fields_now(ask, level)
    chosen: list[Field] = []
    for quantity in ask.site.shown("strips"):
        newest = fields.get(quantity)
        if newest and code in newest.figures and newest.figures[code].middle is not None:
            chosen.append(newest)
    if not chosen:
        chosen = [f for f in fields.values() if code in f.figures and f.figures[code].middle is not None][:6]
    return chosen
