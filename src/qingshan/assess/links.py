"""The declared link between a target and the readings that answer it: `targets.toml` of a zone, or `[[target]]` of zone.toml."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from qingshan.core.errors import DeclarationError
from qingshan.core.finding import Finding
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


_KINDS = {str: "write a text", bool: "write true or false", list: "write a list of texts"}
_TYPES: dict[str, type] = {f.name: {"related": list, "draft": bool}.get(f.name, str) for f in fields(Link)}


def read_links(zone: Zone) -> dict[tuple[str, str], Link]:
    """All links of a zone by (quantity, period). Raises `DeclarationError` naming the entry that is wrong."""
    raw = [*_entries(zone.config, "zone.toml")]
    path = zone.path / FILE
    if path.is_file():
        try:
            raw += _entries(tomllib.loads(path.read_text(encoding="utf-8-sig")), FILE)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise DeclarationError(
                f"not readable: {error}.",
                f"读不懂：{error}。",
                where=FILE,
                fix="write it as TOML in UTF-8 / 按 TOML 语法书写，存为 UTF-8",
            ) from None
    links = [_link(entry, where) for entry, where in raw]
    return {(link.quantity, link.period): link for link in links}


def unmatched_links(zone: Zone) -> list[Finding]:
    """Links that answer no target of the zone: most often a misspelt quantity or period."""
    known = {(target.quantity, target.period) for target in zone.targets if target.kind == "target"}
    return [
        Finding(
            "warning",
            "unmatched_link",
            f"no target row {quantity} {period}.",
            f"没有 {quantity} {period} 这项承诺。",
            file=FILE,
            field=quantity,
            fix="write quantity and period as in the target row / 指标和时期照承诺行填写",
        )
        for quantity, period in read_links(zone)
        if (quantity, period) not in known
    ]


def _entries(content: Mapping[str, Any], file: str) -> list[tuple[dict[str, Any], str]]:
    entries = content.get("target", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DeclarationError(
            "target is no list of tables.",
            "target 不是表的列表。",
            where=file,
            fix="write [[target]] / 写成 [[target]]",
        )
    return [(entry, f"{file} [[target]] {number}") for number, entry in enumerate(entries, 1)]


def _link(entry: dict[str, Any], where: str) -> Link:
    absent, extra = {"quantity", "period"} - set(entry), set(entry) - set(_TYPES)
    if absent or extra:
        fix = f"keys: {', '.join(sorted(_TYPES))}"
        raise DeclarationError(
            f"wrong keys {sorted(absent | extra)}.", f"键不对：{sorted(absent | extra)}。", where=where, fix=fix
        )
    wrong = [key for key, value in entry.items() if not isinstance(value, _TYPES[key])]
    if wrong or not all(isinstance(quantity, str) for quantity in entry.get("related", ())):
        key = wrong[0] if wrong else "related"
        raise DeclarationError(
            f"{key} is {entry[key]!r}.", f"{key} 写成了 {entry[key]!r}。", where=where, fix=_KINDS[_TYPES[key]]
        )
    if entry.get("reading", READINGS[0]) not in READINGS:
        raise DeclarationError(
            f"reading {entry['reading']!r}.", f"reading 写成了 {entry['reading']!r}。", where=where,
            fix=f"one of {', '.join(READINGS)} / 取 {'、'.join(READINGS)} 之一",
        )  # fmt: skip
    if entry.get("span") and span_of(entry["span"]) is None:
        raise DeclarationError(
            f"span {entry['span']!r} is no period.", f"span {entry['span']!r} 不合规范。", where=where,
            fix="write 2021-2025 / 写成 2021-2025",
        )  # fmt: skip
    for why in ("why_zh", "why_en"):
        strange = _placeholders(entry.get(why, ""), where) - {"value", "period"}
        if strange:
            fix = "{value} or {period}"
            raise DeclarationError(
                f"{why} has the placeholder {sorted(strange)}.", f"{why} 里有不认识的占位符 {sorted(strange)}。",
                where=where, fix=fix,
            )  # fmt: skip
    return Link(**{**entry, "related": tuple(entry.get("related", ()))})


def _placeholders(text: str, where: str) -> set[str]:
    try:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError as error:
        raise DeclarationError(f"{text!r}: {error}.", where=where, fix="close every brace / 花括号要配对") from None


def link_for(target: InputFact, links: Mapping[tuple[str, str], Link], zone: Zone) -> Link:
    """The declared link, or the general rule: a target over several years of a quantity that adds up is a sum."""
    link = links.get((target.quantity, target.period), Link(target.quantity, target.period))
    if link.reading:
        return link
    declared, span = zone.quantities.get(target.quantity), span_of(target.period)
    adds = declared is not None and declared.rollup == "sum" and span is not None and len(span.years) > 1
    return replace(link, reading="sum" if adds else "level")
