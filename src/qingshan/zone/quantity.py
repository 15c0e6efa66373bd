"""The catalogue of quantities: what the installed domains (and the zone) declare of each input figure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from qingshan.core.domain import load_domains
from qingshan.core.errors import DeclarationError
from qingshan.core.units import unit as parse_unit

ROLLUPS = ("sum", "area_mean", "none")


@dataclass(frozen=True, slots=True)
class Quantity:
    """One declared quantity. `rollup` says how parts make the whole; `low` and `high` are limits in `unit`.

    `id` may be a prefix (`co2.*`). `signed` quantities may be negative whatever their unit.
    """

    id: str
    zh: str
    en: str
    unit: str
    rollup: str
    domain: str = ""
    signed: bool = False
    low: float = -math.inf
    high: float = math.inf


class Catalogue:
    """Quantities by id; a prefix declaration answers for every id below it, the longest prefix first."""

    def __init__(self, quantities: Iterable[Quantity] = ()) -> None:
        self._exact = {q.id: q for q in quantities}
        self._prefixes = sorted((i for i in self._exact if i.endswith(".*")), key=len, reverse=True)

    def get(self, quantity: str) -> Quantity | None:
        if found := self._exact.get(quantity):
            return found
        return next((self._exact[p] for p in self._prefixes if quantity.startswith(p[:-1])), None)

    def __iter__(self) -> Iterator[Quantity]:
        return iter(self._exact.values())

    def with_more(self, quantities: Iterable[Quantity]) -> Catalogue:
        """A copy that also holds `quantities`; they replace declarations of the same id."""
        return Catalogue([*self._exact.values(), *quantities])


def parse_quantity(raw: Mapping[str, Any], domain: str) -> Quantity:
    """One `[[quantity]]` entry. Raises `DeclarationError` or `UnitError` naming it."""
    if not isinstance(raw, Mapping):
        raise DeclarationError(f"{raw!r} is not a table.", where=f"{domain}/quantities")
    where = f"{domain}/quantities: {raw.get('id', '?')}"
    absent = {"id", "zh", "en", "unit", "rollup"} - set(raw)
    extra = set(raw) - {"id", "zh", "en", "unit", "rollup", "signed", "low", "high"}
    if absent or extra:
        raise DeclarationError(
            f"wrong keys {sorted(absent | extra)}.", where=where, fix="id, zh, en, unit, rollup [, signed, low, high]"
        )
    if raw["rollup"] not in ROLLUPS:
        raise DeclarationError(f"rollup {raw['rollup']!r}.", where=where, fix=f"one of {', '.join(ROLLUPS)}")
    parse_unit(raw["unit"])
    return Quantity(**raw, domain=domain)


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """What the installed domains declare in their `quantities.toml`."""
    return Catalogue(
        parse_quantity(raw, domain)
        for domain, content in load_domains().declared("quantities")
        for raw in content.get("quantity", [])
    )
