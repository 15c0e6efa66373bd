"""Input facts: printed figures with place, period, unit, source and status, and the book that holds them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from functools import cached_property

from qingshan.core.canonical import digest
from qingshan.core.units import factor, same_dimension
from qingshan.core.units import unit as parse_unit

FACT_STATUSES = ("primary", "secondary", "project", "news", "ocr_doubt")
"""Best first. `ocr_doubt` is shown with a mark and never used in a verdict."""
_RANK = {status: i for i, status in enumerate(FACT_STATUSES)}
_SLACK = 1e-9


@dataclass(frozen=True)
class InputFact:
    """One printed figure.

    `value` is `printed` as a number, in `unit`. `place` is a code of the tree, a comparison code, or several codes
    joined by ';'; `place_zh` is the name beside it in the source. `kind` is '' for an observed figure, else target, plan
    or done, with the operator `op`. `parts` are the source rows of a figure merged by a rule of the zone. `file` is
    relative to the zone, `row` the 1-based line.
    """

    place: str
    period: str
    quantity: str
    value: float
    unit: str
    name_zh: str
    source_title: str
    issuer: str
    status: str
    note: str = ""
    preferred: bool = False
    kind: str = ""
    op: str = ""
    file: str = ""
    row: int = 0
    place_zh: str = ""
    printed: str = ""
    parts: tuple[InputFact, ...] = ()

    @cached_property
    def key(self) -> str:
        """Identity of the content, whichever file or line holds it."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("file", "row", "parts")}
        return digest(own | {"parts": [part.key for part in self.parts]})

    def record(self) -> dict[str, object]:
        """All fields and the key, as plain data."""
        return asdict(self) | {"parts": [part.record() for part in self.parts], "key": self.key}

    @property
    def rounding(self) -> float:
        """Half a unit of the last printed digit, in `unit`: 347.26 is known to 0.005. A plain count is exact."""
        parsed = parse_unit(self.unit)
        if parsed.scale == 1 and {name for name, _ in parsed.dimensions} <= {"count", "person"} and parsed.dimensions:
            return 0.0
        digits, _, power = (self.printed or repr(self.value)).lower().partition("e")
        decimals = len(digits.partition(".")[2])
        return 0.5 * 10.0 ** (int(power or 0) - decimals)


@dataclass(frozen=True)
class Missing:
    """A figure the zone is known to lack. `document` names what would fill it, `needed_by` (in Chinese `needed_by_zh`) who
    waits for it; `place` may be `level:county`.
    """

    quantity: str
    name_zh: str
    name_en: str
    place: str
    place_zh: str
    period: str
    needed_by: str
    document: str
    rule: str = ""
    note: str = ""
    file: str = ""
    row: int = 0
    needed_by_zh: str = ""

    def record(self) -> dict[str, object]:
        return asdict(self)

    def covers(self, period: str) -> bool:
        """Whether the gap includes `period`: '', `all` and `yearly` include every one, `2011-` all from 2011.

        An empty `period` asks for any gap.
        """
        gaps = [gap.strip() for gap in self.period.split(";")]
        return not period or any(
            gap in ("", "all", "yearly", period)
            or (gap.endswith("-") and period[:4].isdigit() and period[:4] >= gap[:4])
            for gap in gaps
        )


def agree(a: InputFact, b: InputFact) -> bool:
    """Whether two prints can be the same figure.

    In one unit the finer print must round to the coarser: 20913.25 and 20913.3 亿元 agree, 20164.58 and 20010.4 do not.
    In two units each print may be a whole last digit off, because bulletins adjust last digits so that parts add up:
    0.45 万hm2 and 6.85 万亩 (= 0.457 万hm2) agree.
    """
    if not same_dimension(a.unit, b.unit):
        return False
    ratio = factor(b.unit, a.unit)
    slack = max(a.rounding, b.rounding) if a.unit == b.unit else 2 * (a.rounding + b.rounding * ratio)
    return abs(a.value - b.value * ratio) <= slack + _SLACK * max(abs(a.value), 1.0)


class FactBook:
    """All observed figures of a zone, in file order. Targets and plans are not observations and are kept apart."""

    def __init__(self, facts: Iterable[InputFact] = ()) -> None:
        self._all: list[InputFact] = list(facts)
        self._by_series: dict[tuple[str, str], list[InputFact]] = {}
        self._by_place: dict[str, list[InputFact]] = {}
        for fact in self._all:
            self._by_series.setdefault((fact.quantity, fact.place), []).append(fact)
            self._by_place.setdefault(fact.place, []).append(fact)

    def __len__(self) -> int:
        return len(self._all)

    def all(self) -> list[InputFact]:
        return list(self._all)

    def find(self, quantity: str, place: str, period: str) -> list[InputFact]:
        """Every print of one figure, best first: preferred rows, then by status, then file order. Empty if none."""
        prints = [f for f in self._by_series.get((quantity, place), []) if f.period == period]
        return sorted(prints, key=lambda f: (not f.preferred, _RANK[f.status]))

    def best(self, quantity: str, place: str, period: str) -> InputFact | None:
        """The first of `find`, or None."""
        return next(iter(self.find(quantity, place, period)), None)

    def series(self, quantity: str, place: str) -> list[InputFact]:
        """All periods of one quantity at one place, sorted by period; prints of one period best first."""
        prints = self._by_series.get((quantity, place), [])
        return sorted(prints, key=lambda f: (f.period, not f.preferred, _RANK[f.status]))

    def for_place(self, place: str) -> list[InputFact]:
        return list(self._by_place.get(place, []))

    def quantities(self) -> list[str]:
        return sorted({f.quantity for f in self._all})

    def conflicts(self) -> list[list[InputFact]]:
        """Groups of prints of one quantity, place and period that cannot be the same figure, each best first."""
        groups: dict[tuple[str, str, str], None] = {}
        for (quantity, place), prints in self._by_series.items():
            if len(prints) > 1:
                groups |= dict.fromkeys((quantity, place, f.period) for f in prints)
        found = (self.find(*group) for group in groups)
        return [g for g in found if any(not agree(a, b) for i, a in enumerate(g) for b in g[i + 1 :])]
