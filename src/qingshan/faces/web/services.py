"""The services of an account as the page prints them: each with its figures, method, refusal and place in the bar chart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from qingshan.accounts.run import Refusal, Run, ServiceLine
from qingshan.publish import numbers

from .documents import clause_said
from .figures import Figure, of_run, ordered
from .scale import ticks
from .site import Ask

HUES = {"water": "water", "land": "nature", "money": "money", "grey": "ink"}


BOUGHT = ("provisioning", "cultural")


MAX_LACKS = 8


@dataclass(frozen=True, slots=True)
class Line:
    """One service as the page prints it. Both figures are None where the profile leaves it out, `physical` where it has none."""

    id: str
    name: str
    category: str
    formula: str
    hue: str
    included: str
    physical: Figure | None
    value: Figure | None
    method: str
    clause: str
    reason: str
    documents: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def known(self) -> bool:
        """Worked out: its physical figure, or its value where the service has no single physical figure."""
        return self.physical.known if self.physical else self.priced

    @property
    def priced(self) -> bool:
        return bool(self.value and self.value.known)


@dataclass(frozen=True, slots=True)
class Bar:
    """A service in the second chart: a bar from zero, an interval drawn from its low to its high end, or a reason."""

    line: Line
    start: float
    length: float
    sure: float
    written: str


def basis_word(ask: Ask, basis: str) -> str:
    """现价, or 2010 年价."""
    return (
        ask.t("account.current")
        if basis == "current"
        else ask.t("account.constant", year=basis.removeprefix("constant-"))
    )


def line_of(ask: Ask, run: Run, line: ServiceLine, basis: str) -> Line:
    service, t = line.service, ask.t
    use = next((u for u in run.profile.services if u.id == service.id), None)
    recipe = run.profile.recipes.get(use.physical or use.value) if use else None
    method = run.profile.formula(recipe.id, run.domains.registry) if recipe else None
    physical = of_run(run, line.physical) if line.physical else None
    value = of_run(run, line.value[basis]) if basis in line.value else None
    refusal = line.refusal or (value.refusal if value else None)
    if (
        physical and physical.quantity == f"gep.service.{service.id}"
    ):  # refused without a route: called by the service's own name
        physical = replace(physical, zh=service.zh, en=service.en)
        value = replace(value, zh=service.zh, en=service.en) if value else None
    hue = (
        "money"
        if service.category in BOUGHT
        else HUES[ask.site.hue(recipe.method if recipe else service.code.replace("_", "."), "")]
    )
    labels = ordered([*(physical.labels if physical else ()), *(value.labels if value else ())])
    return Line(
        service.id,
        t.pick(service.zh, service.en),
        service.category,
        service.formula,
        hue,
        line.included,
        physical,
        value,
        method.ref if method else "",
        clause_said(ask, method) if method else service.clause,
        t.pick(refusal.zh, refusal.en) if refusal else "",
        documents(refusal),
        labels,
    )


def documents(refusal: Refusal | None) -> tuple[str, ...]:
    """The documents that would fill a refusal, each once."""
    return tuple(dict.fromkeys(x.document for x in refusal.leaves() if x.document)) if refusal else ()


def groups(asked: Sequence[Line]) -> list[tuple[str, list[Line]]]:
    """Services by category, in the order of the catalogue."""
    return [
        (category, [x for x in asked if x.category == category])
        for category in dict.fromkeys(x.category for x in asked)
    ]


def is_gep(run: Run, asked: Sequence[Line], total: Figure | None) -> bool:
    """Whether the sum may be called gross ecosystem product: official, so titled, and nothing missing."""
    complete = all(x.known and x.priced for x in asked) and bool(asked)
    return (
        complete
        and run.profile.official
        and run.profile.gep_title
        and bool(total and total.known)
        and "partial" not in (total.labels if total else ())
    )


def lacks(asked: Sequence[Line]) -> list[tuple[str, list[str]]]:
    """Documents and the services that wait for each, the one that most wait for first."""
    waiting: dict[str, list[str]] = {}
    for line in asked:
        for document in line.documents:
            waiting.setdefault(document, []).append(line.name)
    return sorted(waiting.items(), key=lambda d: -len(d[1]))[:MAX_LACKS]


def counts(ask: Ask, asked: Sequence[Line]) -> dict[str, str]:
    """Counts as words: services asked for, worked out, refused, priced and without a value."""
    known, priced = sum(x.known for x in asked), sum(x.priced for x in asked)
    found = {
        "n": len(asked),
        "known": known,
        "refused": len(asked) - known,
        "priced": priced,
        "unpriced": len(asked) - priced,
    }
    return {name: numbers.counted(count, ask.lang) for name, count in found.items()}


def bars(asked: Sequence[Line], lang: str, basis: str) -> list[Bar]:
    """The second chart: money where there is a basis, largest first, then the refused with their reason."""
    priced = sorted(
        (x for x in asked if basis and x.priced and x.value), key=lambda x: -(x.value.middle or 0.0) if x.value else 0.0
    )
    top = _top(asked)
    made = []
    for x in priced:
        figure = x.value
        if figure is None:
            continue
        low, high = figure.span or (figure.value or 0.0, figure.value or 0.0)
        made.append(
            Bar(
                x,
                0.0,
                round(100 * max(high, 0.0) / top, 2),
                round(100 * max(low, 0.0) / top, 2),
                figure.written(lang).text,
            )
        )
    return made + [Bar(x, 0.0, 12.0, 0.0, "") for x in asked if x not in priced]


def _top(asked: Sequence[Line]) -> float:
    highest = [max(x.value.span or (x.value.value or 0.0,)) for x in asked if x.value and x.value.known]
    return ticks(0.0, max(highest, default=1.0) or 1.0, 4)[-1]


def axis(asked: Sequence[Line], lang: str) -> dict[str, Any]:
    top = _top(asked)
    scale, unit = numbers.axis_scale([top], "元", lang)
    marks = ticks(0.0, top, 2)
    return {"unit": unit, "marks": [(round(100 * m / top, 2), numbers.digits(scale(m))) for m in marks]}
