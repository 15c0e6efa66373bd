"""The parts of a printed page as plain data: tables, notes and headings that the template lays out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .gather import Account
from .words import Words, gravest_first
from .written import Cell, badge

Block = dict[str, Any]
AREA, MONEY = "hm2", "元"
CATEGORIES = ("provisioning", "regulating", "cultural", "asset")
FLOWS = ("addition_managed", "addition_unmanaged", "reduction_managed", "reduction_unmanaged")
ENTRIES = ("opening", *FLOWS, "net", "closing")


def note(words: str) -> Block:
    return {"type": "note", "text": words}


def text(words: str) -> Block:
    return {"type": "text", "text": words}


def heading(words: str) -> Block:
    return {"type": "heading", "text": words}


def command(words: str) -> Block:
    return {"type": "command", "text": words}


def image(path: str, alt: str) -> Block:
    return {"type": "image", "path": path, "alt": alt}


def column(name: str, width: str, align: str = "left", unit: str = "") -> Block:
    """`width`: millimetres (`30mm`) or a share of what is left (`1fr`)."""
    return {"name": name, "width": width, "align": align, "unit": unit}


def columns(words: Words, *declared: tuple[str, ...]) -> list[Block]:
    """Columns by their word in the catalogue: (word, width[, align])."""
    return [column(words(f"column.{name}"), *rest) for name, *rest in declared]


def row(cells: Sequence[Cell], kind: str = "row") -> Block:
    """`kind`: row | total | group (one cell across the table)."""
    return {"kind": kind, "cells": [c.record() for c in cells]}


def table(columns: list[Block], rows: Iterable[Block]) -> Block:
    return {"type": "table", "columns": columns, "rows": list(rows)}


def listed(words: Words, *parts: str) -> str:
    return words.pick("，", ", ").join(part for part in parts if part)


def marks(words: Words, labels: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Label badges, gravest first."""
    return tuple(badge(words, label) for label in gravest_first(labels))


def boundaries(account: Account, words: Words) -> tuple[str, str, str]:
    """Title, note and terms of the boundary source, as far as the zone states them."""
    about = {key: str(value) for key, value in account.run.zone.boundary_source.items()}

    def named(key: str) -> str:
        return words.pick(about.get(f"{key}_zh") or about.get(key, ""), about.get(key, ""))

    return named("title") or about.get("file", ""), named("note"), about.get("licence", "")
