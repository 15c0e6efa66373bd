"""The declared link between a target and the readings that answer it: `targets.toml` of a zone, or `[[target]]` of zone.toml."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from qingshan.core.errors import DeclarationError
from qingshan.zone.fact import InputFact
from qingshan.zone.zone import Zone

from .span import span_of

FILE = "targets.toml"
READINGS = ("level", "stock", "sum")


@dataclass(frozen=True, slots=True)
class Link:
    """One `[[target]]` entry. `reading` is level (latest reading), stock (latest cumulative figure) or sum (years added).

    `open_definition` names the quantity without which the target cannot be judged; `related` quantities are shown beside
    and never scored; `why_*` may hold `{value}` and `{period}` of the latest related reading.
    """

    quantity: str
    period: str
    reading: str = ""
    span: str = ""
    open_definition: str = ""
    related: tuple[str, ...] = ()
    why_zh: str = ""
    why_en: str = ""
    document: str = ""
    draft: bool = False
    name_zh: str = ""
    name_en: str = ""


_PLACEHOLDERS = {"value", "period"}
_KNOWN = {f.name for f in fields(Link)}


def read_links(zone: Zone) -> dict[tuple[str, str], Link]:
    """All links of a zone by (quantity, period). Raises `DeclarationError` naming the entry that is wrong."""
    raw = [*_entries(zone.config, "zone.toml")]
    path = zone.path / FILE
    if path.is_file():
        try:
            raw += _entries(tomllib.loads(path.read_text(encoding="utf-8-sig")), FILE)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise DeclarationError(
                f"not readable: {error}.", f"读不懂：{error}。", where=FILE, fix="write it as TOML in UTF-8"
            ) from None
    links = [_link(entry, where) for entry, where in raw]
    return {(link.quantity, link.period): link for link in links}


def _entries(content: Mapping[str, Any], file: str) -> list[tuple[dict[str, Any], str]]:
    return [(entry, f"{file} [[target]] {number}") for number, entry in enumerate(content.get("target", []), 1)]


def _link(entry: dict[str, Any], where: str) -> Link:
    absent, extra = {"quantity", "period"} - set(entry), set(entry) - _KNOWN
    if absent or extra:
        raise DeclarationError(
            f"wrong keys {sorted(absent | extra)}.", where=where, fix=f"keys: {', '.join(sorted(_KNOWN))}"
        )
    if entry.get("reading", READINGS[0]) not in READINGS:
        raise DeclarationError(f"reading {entry['reading']!r}.", where=where, fix=f"one of {', '.join(READINGS)}")
    for why in ("why_zh", "why_en"):
        strange = {
            name for _, name, _, _ in string.Formatter().parse(entry.get(why, "")) if name is not None
        } - _PLACEHOLDERS
        if strange:
            raise DeclarationError(
                f"{why} has the placeholder {sorted(strange)}.", where=where, fix="{value} or {period}"
            )
    return Link(**{**entry, "related": tuple(entry.get("related", ()))})


def link_for(target: InputFact, links: Mapping[tuple[str, str], Link], zone: Zone) -> Link:
    """The declared link, or the general rule: a target over several years of a quantity that adds up is a sum."""
    link = links.get((target.quantity, target.period), Link(target.quantity, target.period))
    if link.reading:
        return link
    declared, span = zone.quantities.get(target.quantity), span_of(target.period)
    adds = declared is not None and declared.rollup == "sum" and span is not None and len(span.years) > 1
    return replace(link, reading="sum" if adds else "level")
