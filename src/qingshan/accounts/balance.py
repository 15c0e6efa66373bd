"""A table of exact numbers: rows by columns of fractions, so that what must balance balances exactly.

A figure of an account is a binary fraction; sums, differences and declared shares of fractions lose nothing. Floats are made
at the very end, for people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from qingshan.core.errors import DeclarationError
from qingshan.core.finding import Finding

__all__ = ["Head", "Table", "fraction", "shares_of"]


@dataclass(frozen=True)
class Head:
    """A row or column: id and both names."""

    id: str
    zh: str
    en: str


@dataclass(frozen=True)
class Table:
    """`cells` lacks what is not known; `notes` say why, `labels` what stands beside the table (partial, synthetic ...)."""

    id: str
    zh: str
    en: str
    unit: str
    rows: tuple[Head, ...]
    columns: tuple[Head, ...]
    cells: Mapping[tuple[str, str], Fraction]
    labels: tuple[str, ...] = ()
    notes: tuple[Finding, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    """Unit of a row where it is not the table's."""

    def get(self, row: str, column: str) -> Fraction | None:
        return self.cells.get((row, column))

    def row(self, id: str) -> Fraction:
        """Sum of a row's known cells."""
        return sum((v for (r, _), v in self.cells.items() if r == id), Fraction())

    def column(self, id: str) -> Fraction:
        return sum((v for (_, c), v in self.cells.items() if c == id), Fraction())

    @property
    def total(self) -> Fraction:
        return sum(self.cells.values(), Fraction())

    def record(self) -> dict[str, Any]:
        """Plain data with floats, each the nearest to its fraction."""
        return {
            "id": self.id, "zh": self.zh, "en": self.en, "unit": self.unit, "rows": [h.__dict__ for h in self.rows],
            "columns": [h.__dict__ for h in self.columns], "units": dict(self.units), "labels": list(self.labels),
            "cells": [{"row": r, "column": c, "value": float(v)} for (r, c), v in sorted(self.cells.items())],
            "notes": [n.record() for n in self.notes],
        }  # fmt: skip

    @property
    def table(self) -> Any:
        """A polars frame, one line per row."""
        import polars as pl  # noqa: PLC0415 - only when asked

        def line(head: Head) -> dict[str, Any]:
            values = {c.id: self.get(head.id, c.id) for c in self.columns}
            shown = {c: None if v is None else float(v) for c, v in values.items()}
            return {"row": head.id, "zh": head.zh, "en": head.en, "unit": self.units.get(head.id, self.unit)} | shown

        return pl.DataFrame([line(h) for h in self.rows], infer_schema_length=None)


def fraction(value: float | str | int) -> Fraction:
    """A number as it is written: a share "0.35" or "1/3", a figure as its binary fraction."""
    return Fraction(value)


def shares_of(rows: Iterable[Mapping[str, Any]], what: str, where: str) -> dict[str, Fraction]:
    """Shares by the key `to` of declared rows. Raises `DeclarationError` unless they are 0 to 1 and add up to 1 exactly."""
    found: dict[str, Fraction] = {}
    for row in rows:
        try:
            share = fraction(str(row["share"]))
        except (KeyError, ValueError, ZeroDivisionError):
            share = Fraction(-1)
        if share < 0 or not row.get("source"):
            raise DeclarationError(
                f"{what}: a share is a number like 0.35 or 1/3, and names its source.", f"{what}：份额写成 0.35 或 1/3，并注明来源。",
                where=where, fix="share = \"0.35\", source = \"...\" / 补上 share 和 source",
            )  # fmt: skip
        found[str(row["to"])] = found.get(str(row["to"]), Fraction()) + share
    if found and sum(found.values()) != 1:
        raise DeclarationError(
            f"{what}: the shares add up to {float(sum(found.values())):g}, not 1.", f"{what}：份额合计 {float(sum(found.values())):g}，应为 1。",
            where=where, fix="name where the rest goes, e.g. to = \"outside\" / 写明其余去向，如 to = \"outside\"",
        )  # fmt: skip
    return found
