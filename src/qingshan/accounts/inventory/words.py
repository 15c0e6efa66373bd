"""Names of what inventories give: quantities and classes, in both languages, from the domain that declares inventories."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from qingshan.core.domain import load_domains

from .declared import CROSS

__all__ = ["class_words", "quantity_words"]


@lru_cache(maxsize=1)
def _declared() -> dict[str, Any]:
    return load_domains().declared("inventory")[0][1]


def quantity_words(quantity: str) -> tuple[str, str]:
    """Chinese and English name of a quantity of inventories; its id where nobody named it."""
    found = _declared()["quantity"].get(quantity.removeprefix("inventory."))
    if found is None:
        found = _declared()["parameter"].get(quantity)
    return (str(found[0]), str(found[1])) if found else (quantity, quantity)


def class_words(cls: str) -> tuple[str, str]:
    """`age_class:2` -> 中龄林, middle-aged; a species by the names of its equations; else the value as written."""
    column, _, value = cls.partition(":")
    if not value:
        return cls, cls
    columns, values = column.split(CROSS), value.split(CROSS)
    if len(columns) == len(values) > 1:
        both = [class_words(f"{c}:{v}") for c, v in zip(columns, values, strict=True)]
        return "、".join(zh for zh, _ in both), ", ".join(en for _, en in both)
    named = _declared()["values"].get(column, {}).get(value)
    if named:
        return str(named[0]), str(named[1])
    taxon = _taxa().get(value)
    if taxon:
        return taxon
    head = _declared()["columns"].get(column)
    return (f"{head[0]} {value}", f"{head[1]} {value}") if head else (value, value)


@lru_cache(maxsize=1)
def _taxa() -> dict[str, tuple[str, str]]:
    from qingshan.observe.equation import package_equations  # noqa: PLC0415 - needs no table until a name is asked

    made = {taxon: (str(zh), taxon) for taxon, zh in _declared()["taxa"].items()}
    for e in package_equations()[0]:
        if e.rank in ("species", "genus") and e.taxon_zh:
            made.setdefault(e.taxon, (e.taxon_zh, e.taxon))
            made.setdefault(e.taxon_zh, (e.taxon_zh, e.taxon))
    return made
