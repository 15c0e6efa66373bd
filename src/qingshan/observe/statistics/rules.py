"""What a statistic needs to be valid, as rows: counts of GB 3095, and conventions that a rule set must name.

    rule,value,valid_from,valid_to,clause,source,status
    mda8.windows,ends_in_day,2026-03-01,,,notice of the centre 3/2026,project

Nothing is assumed: which 8 h windows belong to a day, how many a day needs and how a percentile lies between two values are open in
the standards read (HJ 663), so a rule set names them or the statistic refuses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from qingshan.core.errors import DeclarationError, MissingParameter
from qingshan.core.limit import LimitRow

from ..declared import declared_rows

__all__ = ["INTERPOLATIONS", "WINDOWS", "Rule", "Rules", "Validity", "read_rules", "validity_of"]

WINDOWS = {"ends_in_day": (-7, 16), "within_day": (0, 16), "starts_in_day": (0, 23), "starts_07_to_23": (7, 23)}
"""First and last hour at which an 8 h window of the day begins, from the day's own midnight."""

INTERPOLATIONS = ("linear", "weibull", "hazen", "median_unbiased", "inverted_cdf")
"""How a percentile lies between two ordered values: types 7, 6, 5, 8 and 1 of Hyndman & Fan (1996)."""

KNOWN = {
    "mda8.windows": tuple(WINDOWS), "mda8.windows_min": (), "percentile.interpolation": INTERPOLATIONS, "percentile.values_min": (),
}  # fmt: skip
DOCUMENT = "HJ 663 环境空气质量评价技术规范"


@dataclass(frozen=True, slots=True)
class Rule:
    """One convention, with its dates and source."""

    rule: str
    value: str
    valid_from: str
    valid_to: str
    clause: str
    source: str
    status: str


class Rules:
    """The conventions of a rule set. Raises `DeclarationError` for a row that means nothing here."""

    def __init__(self, rows: Iterable[Rule] = (), name: str = "rules.csv") -> None:
        self.rows = tuple(rows)
        for i, row in enumerate(self.rows, 2):
            choices = KNOWN.get(row.rule)
            if choices is None:
                continue  # a rule of another engine
            fits = row.value in choices if choices else row.value.isdigit() and int(row.value) > 0
            if row.status != "open" and not fits:
                wanted = ", ".join(choices) if choices else "a whole number above 0"
                raise DeclarationError(
                    f"{row.rule} is {row.value!r}, must be {wanted}.",
                    f"{row.rule} 为 {row.value!r}，应为 {wanted}。",
                    where=f"{name}:{i}",
                )
            if not row.source:
                raise DeclarationError(f"{row.rule} needs its source.", f"{row.rule} 须注明出处。", where=f"{name}:{i}")

    def row(self, rule: str, day: date) -> Rule:
        """The row in force on a day. Raises `MissingParameter` where there is none or it is open."""
        text = day.isoformat()
        for row in self.rows:
            if (
                row.rule == rule
                and row.valid_from <= text
                and (not row.valid_to or text <= row.valid_to)
                and row.status != "open"
            ):
                return row
        choices = KNOWN.get(rule) or ()
        listed = f": {', '.join(choices)}" if choices else ""
        raise MissingParameter(
            rule,
            f"no rule set names {rule} for {text}{listed}.",
            f"没有规则集给出 {text} 的 {rule}{listed}。",
            document=DOCUMENT,
        )

    def word(self, rule: str, day: date) -> str:
        return self.row(rule, day).value

    def number(self, rule: str, day: date) -> int:
        return int(self.row(rule, day).value)

    def names(self, rule: str, day: date) -> bool:
        """Whether the rule set names it, without refusing."""
        try:
            self.row(rule, day)
        except MissingParameter:
            return False
        return True


def read_rules(path: Path) -> Rules:
    """The conventions of a CSV file with the columns above. Raises `DeclarationError`."""
    columns = ("rule", "value", "valid_from", "valid_to", "clause", "source", "status")
    return Rules([Rule(*(cells[c] for c in columns)) for _, cells in declared_rows(path, columns)], path.name)


@dataclass(frozen=True, slots=True)
class Validity:
    """Least counts: hours of a day, hours of an 8 h window, days of a month, of February, of a year. None: no row gives it."""

    hours: int | None = None
    window: int | None = None
    month: int | None = None
    february: int | None = None
    year: int | None = None
    edition: str = ""

    def need(self, name: str) -> int:
        value = getattr(self, name)
        if value is None:
            raise MissingParameter(
                f"validity.{name}", f"no row gives the least count {name!r} in {self.edition or 'the edition'}.",
                f"{self.edition or '该版本'} 没有给出最少数据量 {name!r}。", document=f"{self.edition or 'GB 3095'} 数据统计的有效性规定",
            )  # fmt: skip
        return int(value)


def validity_of(rows: Iterable[LimitRow], item: str, edition: str) -> Validity:
    """The counts of one item in one edition of the table `air_data_validity`. Open rows give nothing."""
    counts: dict[str, int] = {}
    for row in rows:
        if row.edition != edition or row.item != item or row.value is None or row.status == "open":
            continue
        averaging, period, condition = (row.scope[c] for c in ("averaging", "period", "condition"))
        name = {
            ("24h", "day", ""): "hours", ("8h", "8 h window", ""): "window", ("annual", "year", ""): "year",
            ("annual", "month", "other months"): "month", ("annual", "month", "February"): "february",
        }.get((averaging, period, condition))  # fmt: skip
        if name:
            counts[name] = int(row.value)
    return Validity(**counts, edition=edition)
