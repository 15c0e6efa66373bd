"""Readings of one water at one time, or in one period, to its class: what the page of a site and the evaluation of a network share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from fractions import Fraction

from ...core.errors import UnitError
from ...core.reading import Reading
from .classes import Grader, classify
from .editions import RuleSet
from .verdict import UNJUDGED, Result, converted, note_of, shown

__all__ = ["Waters", "mean_reading"]

Held = Mapping[str, Sequence[tuple[Reading, str]]]


def mean_reading(found: Sequence[tuple[Reading, str]], where: str = "") -> tuple[Reading, str]:
    """The reading itself, or the exact mean of several in the unit of the first; a censored one among them leaves no mean. Raises
    `UnitError`, naming `where`, for units that cannot meet."""
    if len(found) == 1:
        return found[0]
    given = [(r, u) for r, u in found if not r.missing]
    if not given or any(r.value is None for r, _ in given):
        return Reading(""), found[0][1]
    unit = given[0][1]
    try:
        values = [Fraction(converted(r.value, u, unit)) for r, u in given if r.value is not None]
    except UnitError as error:
        raise UnitError(
            f"readings in several units have no mean: {error.en}", f"{where} 单位不同的读数不能平均：{error.zh}".strip(), where=where,
            fix="give every reading of an item in units of one kind / 同一项目的读数须用可以相互换算的单位",
        ) from None  # fmt: skip
    mean = sum(values, Fraction()) / len(values)
    return Reading(shown(mean), mean), unit


class Waters:
    """Classes of a scheme under a rule set. A grader is made once a day, and shares its work with the days of the same rows."""

    def __init__(self, rules: RuleSet, scheme_id: str, quantity: str) -> None:
        self.rules, self.scheme_id, self.quantity = rules, scheme_id, quantity
        self._graders: dict[date, Grader] = {}

    def grader(self, day: date) -> Grader:
        """Raises what choosing a row raises."""
        if day not in self._graders:
            first = next(iter(self._graders.values()), None)
            self._graders[day] = first.on(day) if first else Grader(self.rules, self.scheme_id, day)
        return self._graders[day]

    def deciding(self, day: date) -> set[str]:
        """Items that the class of a day can hang on."""
        grader = self.grader(day)
        return {*grader.items, *grader.scheme.instead.values()} - set(grader.scheme.outside)

    def judged(
        self, site: str, day: date, held: Held, required: Callable[[Grader], Sequence[str]], *, body: str = "",
        target: str = "", published: bool = False, empty: bool = False,
    ) -> Result | None:  # fmt: skip
        """The class of what was read (item code -> readings with units); items the table does not know stay out. None where nothing
        has a value or a detection limit, unless the `empty` is asked for too. It cannot be judged where units of an item cannot meet."""
        grader = self.grader(day)
        known = {*grader.items, *grader.scheme.instead.values()}
        try:
            readings = {item: mean_reading(found, f"{site} {item}") for item, found in held.items() if item in known}
        except UnitError as error:
            return Result(
                self.quantity, site, "", day, day, verdict=UNJUDGED, n_valid=0, n_required=len(required(grader)) or len(known & {*held}),
                rule_set=self.rules.digest, notes=(note_of(error),),
            )  # fmt: skip
        if not empty and all(r.missing for r, _ in readings.values()):
            return None
        return classify(
            grader, self.quantity, site, readings, body=body, required=required(grader), target=target, published=published
        )  # fmt: skip
