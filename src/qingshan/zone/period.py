"""Accounting periods of a zone and the fact periods they may read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Period:
    """One accounting period.

    `also` are fact periods read where the period itself has no print (a boundary area is `static`);
    `month_pattern` are patterns of monthly facts, first choice first (`2019-{:02d}`, then `normal-{:02d}`).
    """

    id: str
    year: int
    label_zh: str
    label_en: str
    also: tuple[str, ...] = ()
    month_pattern: tuple[str, ...] = ()

    def label(self, lang: str = "zh") -> str:
        return self.label_zh if lang == "zh" else self.label_en

    def fact_periods(self) -> tuple[str, ...]:
        """Periods of annual facts, first choice first."""
        return (self.id, *self.also)

    def months(self, month: int) -> tuple[str, ...]:
        """Periods of monthly facts for `month` (1-12), first choice first."""
        return tuple(pattern.format(month) for pattern in self.month_pattern)
