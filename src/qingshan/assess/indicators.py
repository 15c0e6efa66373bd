"""Indicators of a zone worked out from its figures by a declared method; a figure that is missing is named, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from qingshan.accounts.figure import Refusal
from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError, UnknownName
from qingshan.zone.fact import InputFact
from qingshan.zone.zone import Zone

from .ruleset import DECLARATION

_DOUBTFUL = "ocr_doubt"


@dataclass(frozen=True, slots=True)
class Indicator:
    """One `[[indicator]]`: the method, and the quantity that answers each of its arguments."""

    id: str
    zh: str
    en: str
    method: str
    arguments: Mapping[str, str]
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class IndicatorValue:
    """An indicator at one place and period. `facts` are those used, argument -> fact; `others` the prints beside them."""

    indicator: Indicator
    place: str
    period: str
    value: float | None
    unit: str
    labels: tuple[str, ...]
    facts: Mapping[str, InputFact]
    others: tuple[InputFact, ...]
    refusal: Refusal | None


@lru_cache(maxsize=1)
def indicators() -> dict[str, Indicator]:
    """All declared indicators. Raises `DeclarationError` where one names an unknown method or argument."""
    found: dict[str, Indicator] = {}
    for domain, content in load_domains().declared(DECLARATION):
        for raw in content.get("indicator", []):
            made = Indicator(**{**raw, "labels": tuple(raw.get("labels", ()))})
            if set(made.arguments) != set(load_domains().registry[made.method].arguments):
                raise DeclarationError(
                    f"the arguments differ from those of {made.method}.", where=f"{domain}: {made.id}"
                )
            found[made.id] = made
    return found


def evaluate_indicator(zone: Zone, id: str, place: str, period: str) -> IndicatorValue:
    """One indicator, or the refusal that names the missing quantities. Raises `UnknownName` for the indicator or place."""
    if id not in indicators():
        raise UnknownName(
            f"no indicator {id!r} (known: {', '.join(indicators())}).",
            f"没有指标 {id!r}（现有：{'、'.join(indicators())}）。",
        )
    indicator, code = indicators()[id], zone.place(place).code
    prints = {
        argument: [f for f in zone.facts.find(quantity, code, period) if f.status != _DOUBTFUL]
        for argument, quantity in indicator.arguments.items()
    }
    method = load_domains().registry[indicator.method]
    facts = {argument: found[0] for argument, found in prints.items() if found}
    others = tuple(fact for found in prints.values() for fact in found[1:])
    absent = [indicator.arguments[argument] for argument, found in prints.items() if not found]
    value, refusal = None, _missing(zone, indicator, absent, code, period) if absent else None
    if refusal is None:
        value = float(method.apply({argument: (fact.value, fact.unit) for argument, fact in facts.items()}))
        if not np.isfinite(value):
            value, refusal = None, Refusal("not_applicable", f"{indicator.zh}无定义。", f"{indicator.en} is undefined.")
    labels = tuple(dict.fromkeys([*indicator.labels, *(f.status for f in facts.values() if f.status != "primary")]))
    return IndicatorValue(indicator, code, period, value, method.result.unit, labels, facts, others, refusal)


def _missing(zone: Zone, indicator: Indicator, absent: list[str], place: str, period: str) -> Refusal:
    causes = []
    for quantity in absent:
        gap, declared = zone.gap(quantity, place, period), zone.quantities.get(quantity)
        zh, en = (declared.zh, declared.en) if declared else (quantity, quantity)
        causes.append(
            Refusal(
                "missing_fact",
                f"缺{zh}（{period}）。",
                f"{en} of {period} is missing.",
                quantity,
                gap.document if gap else "",
            )
        )
    return Refusal(
        "missing_fact", f"拒算{indicator.zh}：{''.join(c.zh for c in causes)}", f"{indicator.en} refused: {' '.join(c.en for c in causes)}",
        absent[0], causes[0].document, tuple(causes) if len(causes) > 1 else (),
    )  # fmt: skip
